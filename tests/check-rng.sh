#!/bin/sh
# check-rng.sh -- the raw generator and the packed draws through dieharder.
#
# usage: check-rng.sh RNG-STREAM [SOURCE...]     sources: philox uniform normal
#
# About 60 p-values a source.  FAILED (p or 1 - p below 1e-6) is a failure.  WEAK (below 0.005) is
# asked again with four times the sample of fresh numbers, twice if need be; weak three times in a
# row is a failure.  With a good generator that is a false alarm in one of 2000 whole runs:
# 174 (2e-6 + 0.01^3) < 6e-4.  The seed is fixed, so a run that passes passes always;
# RNG_SEED=N asks of other numbers.

set -u
export LC_ALL=C
stream=$1
shift
[ $# -gt 0 ] || set -- philox uniform normal
: "${RNG_SEED:=20240607}"

if ! command -v dieharder > /dev/null; then
  echo "check-rng: skipped: dieharder is missing (Debian: apt-get install dieharder)"
  exit 0
fi

# Number and n-tuple; not those that dieharder itself calls suspect (5 6 7 14), nor the test of its own
# statistics (204), nor the longest (17).  The numbers of p-values to a result are dieharder's own: with
# fewer, its results near 1 are too many for every generator.
battery='
  0 0   1 0   2 0   3 0   4 0   8 0   9 0   10 0   11 0   12 0   13 0   15 0   16 0
  100 0   101 0   102 0   200 8   201 3   202 5   203 7   205 0   206 0   207 0   208 0   209 0'

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0

# results TEST NTUPLE TIMES: one line each, from the numbers on standard input; TIMES the usual sample.
results ()
{
  dieharder -g 200 -d "$1" -n "$2" -m "$3" 2> /dev/null | grep -E '\| *(PASSED|WEAK|FAILED) *$'
}

# The numbers of the lines with that verdict in a file.
having () { grep -n "$1" "$2" | cut -d: -f1; }

# A whole battery; its report on standard output, one line each that is not simply passed.
examine () # SOURCE
{
  # shellcheck disable=SC2086
  set -- "$1" $battery
  source=$1 p_values=0 failures=0
  shift
  while [ $# -gt 0 ]; do
    weak='' times=1
    for attempt in 0 1 2; do
      "$stream" "$source" $((RNG_SEED + attempt)) 2> /dev/null \
        | results "$1" "$2" "$times" > "$work/$source"
      if ! [ -s "$work/$source" ]; then
        echo "$source: test $1 gave no result"
        failures=$((failures + 1))
        break
      fi
      [ $attempt != 0 ] || p_values=$((p_values + $(wc -l < "$work/$source")))
      now=$(having FAILED "$work/$source")
      if [ -n "$now" ]; then
        sed "s/^/$source: /" "$work/$source" | grep FAILED
        failures=$((failures + 1))
        break
      fi
      # Weak now, and all times before.
      now=$(having WEAK "$work/$source")
      [ $attempt = 0 ] || now=$(for n in $now; do for w in $weak; do
        [ "$n" != "$w" ] || echo "$n"; done; done)
      weak=$now
      [ -n "$weak" ] || break
      for n in $weak; do
        echo "$source: $(sed -n "${n}p" "$work/$source") attempt $((attempt + 1))"
      done
      times=4
      [ $attempt != 2 ] || failures=$((failures + 1))
    done
    shift 2
  done
  echo "$source: $p_values p-values, $failures failures"
  [ $failures = 0 ] && [ $p_values -ge 50 ]
}

# A battery that finds nothing wrong with a constant finds nothing.
if ! yes | results 100 0 1 | grep -q FAILED; then
  echo "check-rng: dieharder does not work here: it passes a constant"
  exit 99
fi

status=0 jobs=
for source; do
  examine "$source" &
  jobs="$jobs $!"
done
for job in $jobs; do
  wait "$job" || status=1
done
exit $status
