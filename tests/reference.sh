#!/bin/sh
# reference.sh -- qkcheck reference on files: bad ones, little memory, sets of NIST; fractions agree.

set -u
: "${QKCHECK:=./qkcheck}" "${srcdir:=.}"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0
wrong () { echo "reference: $*"; failed=1; }

limited=
(ulimit -v 1048576 && "$QKCHECK" --version > /dev/null 2>&1) && limited=yes
reference ()
{
  if [ -n "$limited" ]; then (ulimit -v 1048576; exec "$QKCHECK" reference "$@")
  else "$QKCHECK" reference "$@"; fi
}

# One clear line that has these words, and exit status 2.
refused () # WORDS ARGUMENT...
{
  words=$1
  shift
  reference "$@" > "$work/out" 2> "$work/err" < /dev/null
  status=$?
  [ $status = 2 ] || wrong "qkcheck reference $*: exit status $status, not 2"
  [ "$(wc -l < "$work/err")" = 1 ] && grep -q '^qkcheck reference: ' "$work/err" \
    || wrong "qkcheck reference $*: not one line: $(head -c 300 "$work/err")"
  grep -qF -- "$words" "$work/err" || wrong "qkcheck reference $*: not '$words': $(cat "$work/err")"
  [ ! -s "$work/out" ] || wrong "qkcheck reference $*: prints a result"
}

# The digits of a quantity: value ARGUMENT... QUANTITY.
value ()
{
  for quantity; do :; done
  reference --json "$@" 2> "$work/err" \
    | sed -n 's/.*"quantity":"'"$quantity"'".*"value":"\([^"]*\)".*/\1/p'
}

# ---- Values

values () # TEXT: its file
{
  printf '%b' "$1" > "$work/values.txt"
  echo "$work/values.txt"
}

sum_of () # TEXT SUM
{
  found=$(reference --json --values="$(values "$1")" --quantity=value_sum \
    | sed -n 's/.*"value":"\([^"]*\)".*/\1/p')
  [ "$found" = "$2" ] || wrong "the sum of '$1' is '$found', not $2"
}

sum_of '1.25\n2\n-0.5' 2.75
sum_of '  1.25\t\r\n\n \t \r\n+2e0 \n' 3.25
sum_of '.1\n.2\n-.3\n' 0
sum_of '1e-4999\n' 1e-4999
sum_of '1e30\n-1e30\n1e-30\n' 1e-30
refused "line 2: '1,5' is not a decimal number" --values="$(values '1\n1,5\n')"
refused "line 3: 'nan' is not" --values="$(values '1\n\nnan\n')"
refused "line 1: '# 1' is not" --values="$(values '# 1\n2\n')"
refused "line 1: 'inf' is not" --values="$(values 'inf')"
refused "line 1: '1 2' is not" --values="$(values '1 2\n')"
refused "line 1: '0x1p3' is not" --values="$(values '0x1p3\n')"
refused "line 1: '\\x00\\x01' is not" --values="$(values '\0000\0001\n')"
refused "line 2: '1e9999' is an exponent beyond 5000" --values="$(values '1\n1e9999\n')"
refused 'no values' --values="$(values ' \n\r\n\n')"
refused 'empty' --values="$(values '')"
refused 'a directory' --values="$work"
refused 'a character device' --values=/dev/zero
refused 'No such file' --values="$work/none"
mkfifo "$work/pipe"
refused 'a pipe' --values="$work/pipe"
for precision in 1 65537 -3 x; do
  refused '--precision' --values="$(values '1\n')" --precision="$precision"
done

# A gigabyte of nothing, in a gigabyte of address space; and lines of a million digits.
truncate -s 1G "$work/sparse.txt"
refused 'line 1 has more than 4194304 characters' --values="$work/sparse.txt"
{ echo 1; awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "7"; print "" }'; echo 1; } > "$work/long.txt"
reference --json --values="$work/long.txt" > "$work/out" || wrong "a line of a million digits: status $?"
grep -q '"value":"7.77777777777777[0-9]*e+999999"' "$work/out" || wrong "its sum: $(cat "$work/out")"

# What there is none of is left out, and said.
reference --values="$(values '2.385\n')" > "$work/out" || wrong "one value: status $?"
grep -q 'value_deviation is left out' "$work/out" || wrong "one value has a deviation: $(cat "$work/out")"

# Sets of NIST: every digit that is certified, and 40 more at 200 bits.
if [ -n "${QK_TEST_DATA:-}" ]; then
  sets=0
  while IFS="$(printf '\t')" read -r name n mean sd lag exact_mean exact_sd exact_lag; do
    [ "$name" != dataset ] || continue
    sets=$((sets + 1))
    for pair in "value_mean $mean $exact_mean" "value_deviation $sd $exact_sd" \
                "value_autocorrelation $lag $exact_lag"; do
      # shellcheck disable=SC2086 # three words
      set -- $pair
      for precision in 53 200; do
        found=$(reference --json --values="$QK_TEST_DATA/nist/$name.txt" --quantity="$1" \
          --precision=$precision | sed -n 's/.*"value":"\([^"]*\)".*/\1/p')
        want=$2
        [ $precision = 53 ] || want=$3
        # Equal to as many digits as are certified: half a unit of the last one.
        awk -v a="$found" -v b="$want" '
          function digits (x, n,  s, i, c, out, begun) {
            sub (/^-/, "", x)
            for (i = 1; i <= length (x) && length (out) < n + 2; i++) {
              c = substr (x, i, 1)
              if (c == ".") continue
              if (c != "0") begun = 1
              if (begun) out = out c
            }
            while (length (out) < n + 2) out = out "0"
            return out
          }
          BEGIN {
            n = b; gsub (/[^0-9]/, "", n); sub (/^0+/, "", n); n = length (n)
            x = digits (a, n); y = digits (b, n)
            # The first n digits rounded: compare from the front, allowing one unit of the last.
            carry = substr (x, n + 1, 1) >= 5
            for (i = n; i > 0; i--) {
              d = substr (x, i, 1) + carry
              carry = d > 9
              if (d % 10 != substr (y, i, 1)) exit 1
            }
          }' || wrong "$name: $1 is $found, not $want"
      done
    done
    [ "$(reference --json --values="$QK_TEST_DATA/nist/$name.txt" \
      | sed -n 's/.*"shape":\[\([0-9]*\)\].*/\1/p')" = "$n" ] || wrong "$name: not $n values"
  done < "$QK_TEST_DATA/nist/MANIFEST.tsv"
  [ $sets = 9 ] || wrong "$sets sets of NIST, not 9"
else
  echo 'reference: the sets of NIST are skipped, QK_TEST_DATA is unset'
fi

# ---- Vectors

bad=0
for file in "$srcdir"/tests/tensors/*.npy; do
  case $file in */good-* | */rank-1.npy) continue ;; esac
  bad=$((bad + 1))
  refused "'" --q="$file" --k="$srcdir/contrib/tinystories/k.npy"
done
[ $bad -gt 40 ] || wrong "only $bad bad files"
refused '--q without --k' --q="$srcdir/contrib/tinystories/q.npy"
refused '--k without --q' --k="$srcdir/contrib/tinystories/q.npy"
refused 'value_mean is of values from a file' --quantity=value_mean
refused 'dot is of vectors from files' --quantity=error_rms_u,dot
refused 'error_rms_u is not of values from a file' --values="$(values '1\n')" --quantity=error_rms_u
refused 'condition is not of values' --values="$(values '1\n')" --quantity=value_sum,condition
refused 'overflow_exp is not of vectors from files' --q="$srcdir/contrib/tinystories/q.npy" \
  --k="$srcdir/contrib/tinystories/k.npy" --quantity=dot,overflow_exp
refused '--dk is of vectors that are drawn' --values="$(values '1\n')" --dk=4
for option in --keys=4 --scale=sqrt; do
  refused "${option%=*} is of vectors that are drawn: it takes no --values" --values="$(values '1\n')" $option
  refused "${option%=*} is of vectors that are drawn; those of" --q=q.npy --k=k.npy $option
done
for option in --algorithm=dot2 --format-in=binary32 --format-acc=binary16 --rounding=zero; do
  refused "${option%=*} is of dot products" --values="$(values '1\n')" $option
done
refused '--condition is of vectors that are drawn' --values="$(values '1\n')" --condition=1e8
refused 'has 4 axes' --q="$srcdir/contrib/tinystories/q.npy" --k="$srcdir/contrib/tinystories/k.npy"

[ $failed = 0 ] && echo "reference: $bad bad files are refused"

# ---- Fractions

python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import numpy' 2> /dev/null && python=$candidate && break
done
if [ -z "$python" ]; then
  echo 'reference: skipped, python3 has no numpy (Debian: python3-numpy)'
  [ $failed = 0 ] && exit 77
else
  "$python" "$srcdir/tests/reference.py" "$QKCHECK" "$work" || wrong "fractions say otherwise"
fi
exit $failed
