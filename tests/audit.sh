#!/bin/sh
# audit.sh -- qkcheck audit from outside: bad files, little memory, many heads; and NumPy agrees.

set -u
: "${QKCHECK:=./qkcheck}" "${srcdir:=.}"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
recorded=$srcdir/contrib/tinystories
failed=0
wrong () { echo "audit: $*"; failed=1; }

# ---- One clear line and exit status 2 for every bad file, as Q and as K, in 1 GiB of address space
# ---- (where a sanitizer does not need more).

limited=
(ulimit -v 1048576 && "$QKCHECK" --version > /dev/null 2>&1) && limited=yes
audit ()
{
  if [ -n "$limited" ]; then (ulimit -v 1048576; exec "$QKCHECK" audit "$@"); else "$QKCHECK" audit "$@"; fi
}

refused () # ARGUMENT...
{
  audit "$@" > "$work/out" 2> "$work/err" < /dev/null
  status=$?
  [ $status = 2 ] || wrong "qkcheck audit $*: exit status $status, not 2"
  [ "$(wc -l < "$work/err")" = 1 ] && grep -q '^qkcheck audit: ' "$work/err" \
    || wrong "qkcheck audit $*: not one line: $(cat "$work/err")"
  [ ! -s "$work/out" ] || wrong "qkcheck audit $*: prints a result"
}

bad=0
for file in "$srcdir"/tests/tensors/*.npy; do
  case $file in */good-*) continue ;; esac
  bad=$((bad + 1))
  refused "$file" "$recorded/k.npy"
  refused "$recorded/q.npy" "$file"
done
[ $bad -gt 40 ] || wrong "only $bad bad files"
mkfifo "$work/pipe"
for file in "$work/pipe" "$work" /dev/null /dev/zero "$work/none" "$srcdir/README.md"; do
  refused "$file" "$recorded/k.npy"
done
refused "$recorded/q.npy"
refused
refused "$recorded/q.npy" "$recorded/k.npy" more
refused "$recorded/k.npy" "$recorded/q.npy"
refused "$recorded/q.npy" "$recorded/k.npy" --expect=2..1
refused "$recorded/q.npy" "$recorded/k.npy" --quantity=score_law
# A name with bytes of a terminal comes back escaped.
odd=$(printf '%s/\033[31m.npy' "$work")
refused "$odd" "$recorded/k.npy"
grep -q '\\x1b\[31m' "$work/err" || wrong "the name is not escaped: $(cat "$work/err")"

# ---- The small trained model: what its README says, and exit status 1 where it is expected otherwise

audit "$recorded/q.npy" "$recorded/k.npy" > "$work/out" || wrong "exit status $? of the sample"
grep -q '^24 of 24 heads are far from Var s = d_k' "$work/out" || wrong "no summary: $(tail -5 "$work/out")"
audit "$recorded/q.npy" "$recorded/k.npy" --expect=0.5..2 -q > "$work/out"
[ $? = 1 ] || wrong "--expect=0.5..2 holds for a trained model"
audit "$recorded/q.npy" "$recorded/k.npy" --format=csv --quantity=variance_ratio,entropy > "$work/out"
[ "$(wc -l < "$work/out")" = 49 ] || wrong "CSV of two quantities of 24 heads: $(wc -l < "$work/out") lines"
if [ -w /dev/full ]; then
  "$QKCHECK" audit "$recorded/q.npy" "$recorded/k.npy" --json > /dev/full 2> "$work/err"
  [ $? = 2 ] || wrong "a full device goes unnoticed"
fi

[ $failed = 0 ] && echo "audit: $bad bad files are refused"

# ---- NumPy

python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import numpy' 2> /dev/null && python=$candidate && break
done
if [ -z "$python" ]; then
  echo 'audit: skipped, python3 has no numpy (Debian: python3-numpy)'
  [ $failed = 0 ] && exit 77
else
  "$python" "$srcdir/tests/audit.py" "$QKCHECK" "$work" || wrong "NumPy computes otherwise"
fi
exit $failed
