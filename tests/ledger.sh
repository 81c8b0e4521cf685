#!/bin/sh
# ledger.sh -- the ledger of the program, the table of proofs and the derivations speak of the same claims.
#
# src/claims.c has the ledger, proofs/claims.tsv says what proves each row, proofs/[a-z]*.md derive it in
# words.  Nothing here needs Coq: what the table says of theorems is for proofs/check.sh.

# Claims with rows in the table of proofs and none in the ledger yet.  A name leaves when its row comes.
ahead='
'

set -u
LC_ALL=C
export LC_ALL
cd "${srcdir:-.}" || exit 99
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0
wrong () { echo "ledger: $*"; failed=1; }

# The ids of the ledger, and after each the commands of its checks.
awk '
  /[.]checks = NO_CHECKS/ { print id, "claims" }
  match ($0, /[.]id = "[a-z-]+"/) { id = substr ($0, RSTART + 7, RLENGTH - 8); print id, "-" }
  { while (match ($0, /[{] "[a-z]+",/)) {
      print id, substr ($0, RSTART + 3, RLENGTH - 5)
      $0 = substr ($0, RSTART + RLENGTH)
  } }' src/claims.c > "$work/commands"
sed -n 's/ -$//p' "$work/commands" | sort > "$work/ledger"
[ "$(grep -c . "$work/ledger")" -ge 20 ] || wrong "found almost no claims in src/claims.c"

# The ids of the derivations, and the names they give to lemmas: `Module.lemma`.
sed -n 's/^Claims: //p' proofs/[a-z]*.md | grep -o '[a-z][a-z-]*' | sort > "$work/derived"
grep -ohE '`[A-Z][A-Za-z_]*[.][a-zA-Z_0-9]+`' proofs/[a-z]*.md | tr -d '`' | sort -u > "$work/lemmas"
uniq -d "$work/derived" > "$work/twice"
[ ! -s "$work/twice" ] || wrong "derived in two places: $(cat "$work/twice")"

# ---- The table: every row is complete, and agrees with the ledger

tab=$(printf '\t')
grep -v '^#' proofs/claims.tsv > "$work/rows"
cut -f1 "$work/rows" | sort -u > "$work/proved"
while IFS=$tab read -r id theorem class command says more; do
  row="proofs/claims.tsv: $id, $theorem"
  [ -n "$says" ] && [ -z "$more" ] || wrong "$row: not five columns"
  case $class:$theorem in
    none:Claims*.* | reals:Claims*.* | mathcomp:Claims_prob.*)
      grep -qx "$theorem" "$work/lemmas" || wrong "$row: named in no derivation" ;;
    paper:*.md) grep -q "^Claims:.*\`$id\`" "proofs/$theorem" || wrong "$row: not derived there" ;;
    measured:- | cited:-) ;;
    *) wrong "$row: class $class" ;;
  esac
  case $class in
    measured | cited) ;;
    *) grep -qx "$id" "$work/derived" || wrong "$row: no derivation has it on its line of claims" ;;
  esac
  case " $(echo $ahead) " in
    *" $id "*) ;;
    *) grep -qx "$id $command" "$work/commands" \
      || wrong "$row: no check of $id in src/claims.c runs $command" ;;
  esac
done < "$work/rows"

# ---- The same ids everywhere

echo $ahead | tr ' ' '\n' | sed '/^$/d' | sort > "$work/ahead"
comm -23 "$work/ledger" "$work/proved" > "$work/missing"
[ ! -s "$work/missing" ] || wrong "no row of proofs/claims.tsv: $(echo $(cat "$work/missing"))"
comm -12 "$work/ledger" "$work/ahead" > "$work/arrived"
[ ! -s "$work/arrived" ] || wrong "in src/claims.c and still 'ahead' in $0: $(echo $(cat "$work/arrived"))"
sort "$work/ledger" "$work/ahead" | comm -13 - "$work/proved" > "$work/unknown"
[ ! -s "$work/unknown" ] || wrong "proved, but in no ledger: $(echo $(cat "$work/unknown"))"
comm -13 "$work/proved" "$work/derived" > "$work/unknown"
[ ! -s "$work/unknown" ] || wrong "derived, but not in proofs/claims.tsv: $(echo $(cat "$work/unknown"))"

# ---- Lemmas that derivations name exist

while IFS=. read -r module lemma; do
  set -- proofs/"$module.v" proofs/*/"$module.v"
  grep -qsE "(Theorem|Lemma|Corollary|Definition|Fixpoint|Record) +$lemma([^A-Za-z0-9_']|\$)" "$@" \
    || wrong "a derivation names $module.$lemma, which is not in the proofs"
done < "$work/lemmas"

[ $failed = 0 ] && echo "ledger: $(grep -c . "$work/ledger") claims, $(grep -c . "$work/rows") rows, $(grep -c . "$work/lemmas") lemmas"
exit $failed
