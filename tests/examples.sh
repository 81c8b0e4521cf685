#!/bin/sh
# examples.sh -- every check of the ledger and every example of the manual gives the verdict it names,
# and the exact value, where one is known, lies where the interval says.
#
# An interval of a run misses with a probability of 0.001 at most; 1.6 times its half-width, with less
# than 1e-7.
#
# examples.sh [WORD]...: only the lines "command quantity verdict arguments" that contain the words.
# Equal commands run once.  With QK_TEST_EFFORT below 1 and no words, that share of the lines.

set -u
words=$*
LC_ALL=C
export LC_ALL
: "${QKCHECK:=./qkcheck}" "${LIST_CHECKS:=tests/list-checks}"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0
"$LIST_CHECKS" | sort -u >"$work/known" || exit 99
if [ -n "$words" ]; then cat; else awk -f "${srcdir:=.}/tests/share.awk"; fi <"$work/known" >"$work/checks"
cp "${srcdir:=.}"/contrib/tinystories/[qk].npy "$work" || exit 99 # what examples of recorded files name
QKCHECK=$(realpath "$QKCHECK")
[ -s "$work/checks" ] || { echo "examples.sh: no checks"; exit 1; }

passed=0 failed=0
complain() {
  failed=$((failed + 1))
  echo "FAIL: qkcheck $command $arguments: $1"
}

while read -r command quantity verdict arguments; do
  case "$command $quantity $verdict $arguments" in *"$words"*) ;; *) continue ;; esac
  key=$(printf '%s' "$command $arguments" | cksum | tr ' ' -)
  if [ ! -f "$work/$key" ]; then
    # The arguments are words without quotes.
    # shellcheck disable=SC2086
    (cd "$work" && "$QKCHECK" "$command" $arguments --json) >"$work/$key" 2>"$work/$key.err"
    echo $? >"$work/$key.status"
  fi
  status=$(cat "$work/$key.status")
  grep -E '"type":"(finding|measured)"' "$work/$key" | grep "\"quantity\":\"$quantity\"" >"$work/found"
  findings=$(grep -c . "$work/found")
  case $verdict in described) word=null ;; *) word="\"$verdict\"" ;; esac
  agree=$(grep -c "\"verdict\":$word" "$work/found")
  case $verdict in holds) allowed='0 1' ;; fails) allowed=1 ;; described) allowed='0 1 3' ;; *) allowed='1 3' ;; esac
  if [ "$findings" -eq 0 ]; then
    complain "no finding of $quantity; $(head -1 "$work/$key.err")"
  elif ! far=$(sed 's/.*"estimate":\([^,]*\),.*"lo":\([^,]*\),"hi":\([^,]*\),.*"exact":\([^,]*\),.*/\1 \2 \3 \4/' \
      "$work/found" | awk '$2 != "null" && $4 != "null" {
        half = 0.8 * ($3 - $2); off = $4 - $1
        if (off > half || off < -half) { print $4 " is far from [" $2 ", " $3 "]"; exit 1 } }'); then
    complain "$quantity: exact value $far"
  elif [ "$agree" -ne "$findings" ]; then
    complain "$quantity: $agree of $findings say '$verdict'"
  else
    case " $allowed " in
      *" $status "*) passed=$((passed + 1)) ;;
      *) complain "exit status $status, expected one of: $allowed" ;;
    esac
  fi
done <"$work/checks"

echo "examples.sh: $passed of $((passed + failed)) checks as the ledger says, $(grep -c . "$work/known") in all"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
