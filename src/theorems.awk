# theorems.awk -- proofs/claims.tsv as the C table of theorems in claims.h.

BEGIN {
  FS = "\t"
  print "/* theorems.c -- what proves which claim; written by theorems.awk.  */\n\n#include \"claims.h\"\n"
  print "#include <stddef.h>\n\nconst struct qk_theorem qk_theorems[] = {"
}

# Quotes and backslashes end or change a literal, and two question marks begin a trigraph.
function literal (text)
{
  gsub (/["\\?]/, "\\\\&", text)
  return "\"" text "\""
}

/^#/ { next }

{
  name = file = "NULL"
  if ($3 == "paper")
    file = literal("proofs/" $2)
  else if ($2 != "-") {
    name = literal($2)
    file = $2
    sub (/[.].*/, "", file)
    file = literal("proofs/" file ".v")
  }
  print "  { " literal($1) ", " name ", " file ", " literal($3) ", " literal($5) " },"
}

END { print "  { NULL, NULL, NULL, NULL, NULL }\n};" }
