#!/bin/sh
# check.sh -- compile one part of the proofs, and compare what Coq says of it with what is written down.
#
# usage: check.sh [--update] CLAIMS.v
#
# CLAIMS.v is Claims.v for the part base, Claims_fp.v for fp, Claims_prob.v for prob; it restates what
# the folder of that name proves.  This must hold:
#   - all files of the part compile;
#   - the statements and the definitions they use, as Coq prints them, are those in CLAIMS.txt;
#   - the theorems of CLAIMS.v are those of claims.tsv, and those of class none need no axiom;
#   - nothing in the part rests on an axiom that axioms.tsv does not allow to the folder.
# --update writes CLAIMS.txt anew: read the difference.
#
# COQC is the compiler; lacks_PART, where not empty, says why PART cannot be compiled (status 77).
# All work is done in $builddir/proofs/compiled, and only changed files are compiled again: after a run
# that was stopped meanwhile, all of them.

set -u
LC_ALL=C
export LC_ALL
unset CDPATH MAKEFLAGS MFLAGS MAKELEVEL
update=
[ "$1" != --update ] || { update=yes; shift; }
source=$(cd "$(dirname "$1")" && pwd) || exit 99
name=$(basename "$1" .v)
part=${name#Claims}
part=${part#_}
part=${part:-base}
: "${COQC:=coqc}" "${builddir:=.}"
failed=0
wrong () { echo "proofs: $*"; failed=1; }

eval "lacks=\${lacks_$part-}"
[ -z "$lacks" ] || { echo "proofs: skipped: $part: $lacks"; exit 77; }

# ---- A copy, so that nothing is written beside the sources

work=$builddir/proofs/compiled/$part
mkdir -p "$work/base" "$work/$part" && cd "$source" || exit 99
work=$(cd "$OLDPWD" && cd "$work" && pwd) || exit 99
files=$(echo "$name.v" Uses.v base/*.v; [ $part = base ] || echo $part/*.v)
for file in $files; do
  cmp -s "$file" "$work/$file" || cp -f "$file" "$work/$file" || exit 99
done
cd "$work" || exit 99
for file in *.v */*.v; do
  [ -e "$source/$file" ] || rm -f "${file%.v}".*
done

# ---- Everything compiles

coq () { "$COQC" -q -w none -Q . Qkcheck "$@"; }
objects=$(echo $name.vo Uses.vo $part/*.v | sed 's/[.]v\>/.vo/g')
"${COQC%c}dep" -Q . Qkcheck $files > depend || exit 99
cat > makefile << EOF
.DELETE_ON_ERROR:
all: $(echo $objects)
%.vo: %.v
	$COQC -q -w none -Q . Qkcheck \$<
include depend
EOF
# An object that was being written may have lost its end.
[ ! -e unfinished ] || rm -f ./*.vo ./*/*.vo
: > unfinished
make -s -f makefile -j"$(nproc)" all
status=$?
[ $status -gt 2 ] || rm unfinished # but for signals
[ $status = 0 ] || { echo "proofs: $part does not compile"; exit 1; }

# ---- The rows of the table, the names of the theorems and of all else that was defined

awk -F '\t' -v claims="$name." '!/^#/ && index ($2, claims) == 1 { print $1, $2, $3 }' \
  "$source/claims.tsv" > rows
[ -s rows ] || wrong "claims.tsv has no theorem of $name.v"

cut -d' ' -f2 rows | sort > in_table
awk -v claims="$name." '$1 == "prf" { print claims $4 }' $name.glob | sort > in_claims
diff in_table in_claims > difference \
  || wrong "claims.tsv (<) and $name.v (>) name other theorems: $(grep '^[<>]' difference)"
[ "$(grep -c '^Proof[.] exact' $name.v)" = "$(grep -c . in_claims)" ] \
  || wrong "not every theorem of $name.v is proved by exact"

# Constants by their full names.  Axioms are not for us, nor what may hide one or make text say another
# thing than it seems: modules, coercions, notations that outlive their section.
awk '
  FNR == 1 { sections = 0; folder = "Qkcheck." FILENAME; gsub ("/", ".", folder); sub (/glob$/, "", folder) }
  /^R.* sec$/ { sections-- } # the end of one refers to it
  $1 == "sec" { sections++ }
  /^(DIGEST|F|R)/ || $1 ~ /^(binder|var|sec|ind|constr|rec|proj)$/ { next }
  sections > 0 && $1 ~ /^(abbrev|not)$/ { next }
  $1 ~ /^(prf|def|inst|coe|canonstruc|scheme|ex|meth)$/ { print folder $4; next }
  { print "a declaration of kind " $1 ": " folder $4 > "/dev/stderr" }
' $name.glob $part/*.glob > constants 2> kinds
grep -nw Coercion $name.v $part/*.v >> kinds
[ ! -s kinds ] || wrong "$(cat kinds)"

# ---- Axioms and definitions: Coq walks through the terms

# One term made of constants $2... for Coq to say what it rests on, under the heading @axioms $1.
together ()
{
  group=$1
  shift
  echo "Definition together_$group : True :="
  for constant; do
    echo "  let _ := @$constant in"
  done
  echo '  I.'
  echo "Ltac2 Eval Message.print (Message.of_string \"@axioms$group\")."
  echo "Print Assumptions together_$group."
}

{
  echo 'From Ltac2 Require Import Ltac2.'
  echo "From Qkcheck Require Uses $name."
  for file in $part/*.v; do
    echo "Require Qkcheck.$part.$(basename $file .v)."
  done
  while read -r id theorem class; do
    echo "Ltac2 Eval Message.print (Message.of_string \"@uses $id $theorem\")."
    echo "Ltac2 Eval Uses.uses '@Qkcheck.$theorem."
  done < rows
  # What a term rests on costs a second to find, of one theorem or of all.
  together none $(sed -n 's/.* \(.*\) none$/Qkcheck.\1/p' rows)
  together all $(cat constants)
} > facts.v
coq facts.v > facts 2> errors || { wrong "$(cat errors)"; exit 1; }

awk -F '\t' -v part=$part '
  FILENAME ~ /axioms[.]tsv$/ { if ($1 == part) { known[$2] = 1; allowed["all", $3] = 1 }; next }
  FILENAME == "rows" {
    split ($0, word, " ")
    if (word[3] != "none" && !(word[3] in known)) print word[2] ": " part " has no class " word[3]
    next
  }
  /^@axioms/ { class = substr ($0, 8); next }
  /^@/ { class = "" }
  class == "" || /^Closed under the global context$/ || /^Axioms:$/ || /^ / || /^$/ || /^- :/ { next }
  {
    split ($0, word, " ")
    if (!((class, word[1]) in allowed))
      print (class == "none" ? "a theorem of class none" : part) " rests on: " $0
  }
' "$source/axioms.tsv" rows facts > judged
[ ! -s judged ] || wrong "$(cat judged)"
for file in $name.v */*.v; do
  own=$(basename $file .v)
  awk -F '\t' -v own="$own." 'index ($3, own) == 1 { print $3 }' "$source/axioms.tsv"
done > own
[ ! -s own ] || wrong "axioms.tsv allows an axiom of our own: $(cat own)"
[ "$(grep -c '^@axioms' facts)" = 2 ] || wrong "Coq says nothing about axioms"

# ---- The text: the theorems of a claim, then the definitions they use, printed where they are stated

{
  cat $name.v
  echo 'Set Printing Width 96.'
  awk '
    /^@uses/ {
      on = 1
      if (!($2 in theorems)) ids[++n] = $2
      id = $2; theorem = $3; sub (/^[^.]*[.]/, "", theorem)
      theorems[id] = theorems[id] "say \"@\". Check @" theorem ".\n"
      next
    }
    /^@/ { on = 0 }
    on && !/^- :/ && !((id, $1) in seen) {
      seen[id, $1] = 1; definitions[id] = definitions[id] "say \"@\". Print " $1 ".\n"
    }
    END {
      for (i = 1; i <= n; i++)
        printf "say \"@@ %s\".\n%s%s", ids[i], theorems[ids[i]], definitions[ids[i]]
    }
  ' facts | sed 's/^say \("[^"]*"\)[.]/Goal True. idtac \1. Abort./'
} > statements.v
coq statements.v > statements 2> errors || { wrong "$(cat errors)"; exit 1; }

{
  echo "# $name.txt -- what $name.v proves, as Coq prints it; below the theorems of a claim, the definitions."
  awk '
    /^@@/ { print ""; print "== " $2; next }
    /^@/ { print ""; on = 1; next }
    /^Arguments / { on = 0 }
    on && /./ { sub (/ +$/, ""); print }
  ' statements
} > $name.txt
if [ -n "$update" ]; then
  cp $name.txt "$source/$name.txt" || exit 99
elif ! diff "$source/$name.txt" $name.txt > difference; then
  wrong "$name.txt (<) is not what Coq prints now (>): read it, then $0 --update $name.v"
  cat difference
fi

[ $failed = 0 ] && echo "proofs: $part: $(grep -c . rows) theorems of $(cut -d' ' -f1 rows | sort -u | grep -c .) claims, $(grep -c . constants) constants in all"
exit $failed
