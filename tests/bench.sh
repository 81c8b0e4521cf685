#!/bin/sh
# bench.sh -- `make bench` runs and prints its table; and, on made-up measurements, judges as it says.

set -u
LC_ALL=C
export LC_ALL
: "${srcdir:=.}" "${builddir:=.}" "${QKCHECK:=./qkcheck}"
unset QKCHECK_ISA MAKEFLAGS
if ! command -v python3 >/dev/null; then
  echo "bench.sh: skipped: there is no python3"
  exit 77
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0
failed=0
bad() {
  failed=1
  echo "FAIL: $*"
  sed 's/^/  /' "$work/out"
}

# bench STATUS ARGUMENT...
bench() {
  expected=$1
  shift
  python3 "$srcdir/bench/run.py" "$@" >"$work/out" 2>&1
  status=$?
  [ $status -eq "$expected" ] || bad "bench exits with $status, not $expected"
}

# says PATTERN [COUNT]: that many lines of the table match.
says() {
  count=$(grep -cE -e "$1" "$work/out")
  [ "$count" -eq "${2-1}" ] || bad "$count lines match '$1', not ${2-1}"
}

# ---- The real one, quickly
BENCH_QUICK=1 bench 0 "$builddir/bench/measure" "$QKCHECK"
says '^time to precision / ' 9
says '^score tile .*(reported|no multiply-add peak)' 2
says '^whole run / model limit ' 3
says '^standard normals .*(reported|absent)'
says '^softmax statistics .*(reported|absent)'
says '^additive scores .*(reported|absent)'
says '^exact dot products / mpfr_dot .*reported'
says '^qkcheck audit, .*(reported|absent)' 2
says '^two threads / one .*(reported|only one core)'
says '^memory, .*reported'
says '^0 of 24 rows judged .*quick'

# ---- Made up: a processor with AVX-512; $TILE is the seconds of a tile whose
# multiply-adds take 1, $RUN that of a run whose model takes 2
cat >"$work/measure" <<'END'
#!/bin/sh
[ "$1" != memory ] || { echo 4000; exit; }
while read -r request; do
  case $request in
    about) echo "avx512 1 0 cc -O2" ;;
    sample*) echo "64 1e9 1e9" ;;
    run*) echo "$RUN 1e9 1e9" ;;
    tile*) echo "$TILE 1e9 1e9" ;;
    wall*) echo 1e${turn:=9}; turn=$((17 - turn)) ;; # two at once do hardly more than one
    *) echo 1e9 ;;
  esac
done
END
chmod +x "$work/measure"
export TILE RUN

TILE=1.05 RUN=2.2
bench 0 "$work/measure" true no-python
says '^time to precision .*absent' 9
says ' met$' 7
says 'MISSED' 0
says '^7 of 24 rows judged, 0 missed'

TILE=1.2 RUN=2.2 # 83 %: enough at d = 64 only
bench 1 "$work/measure" true no-python
says '^score tile .* 64 .* met$'
says '^score tile .* 512 .* MISSED$'
says '^7 of 24 rows judged, 1 missed'

TILE=0.9 RUN=2.2
bench 1 "$work/measure" true no-python
says '^score tile .*MISSED: the peak is mismeasured' 2

TILE=1.05 RUN=2.7
bench 1 "$work/measure" true no-python
says '^whole run .*MISSED$' 3

QKCHECK_ISA=avx512 BENCH_QUICK=1 bench 0 "$work/measure" true no-python
says '^0 of 24 rows judged'

bench 2 "$work/nothing" true no-python
bench 2 false true no-python

[ $failed -eq 0 ] && echo "bench.sh: the table is printed and judged"
exit $failed
