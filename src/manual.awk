# manual.awk -- the manual pages named on the command line, as the C table of manual.h.

BEGIN { print "/* manual.c -- the manual pages; written by manual.awk.  */\n\n#include \"manual.h\"\n\n#include <stddef.h>" }

FNR == 1 {
  if (pages)
    print "  NULL };"
  name[++pages] = FILENAME
  sub (/.*\//, "", name[pages])
  print "\nstatic const char *const page_" pages "[] = {"
}

# Quotes and backslashes end or change a literal, and two question marks begin a trigraph.
{
  gsub (/["\\?]/, "\\\\&")
  print "  \"" $0 "\","
}

END {
  if (pages)
    print "  NULL };"
  print "\nconst struct qk_manual qk_manuals[] = {"
  for (i = 1; i <= pages; i++)
    print "  { \"" name[i] "\", page_" i " },"
  print "  { NULL, NULL }\n};"
}
