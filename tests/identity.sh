#!/bin/sh
# identity.sh -- the same finding lines to the byte for any number of threads and every instruction
# set; and, given other builds of the program as arguments, for those.

set -u
LC_ALL=C
export LC_ALL
: "${QKCHECK:=./qkcheck}"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0
failed=0 compared=0
case ${QK_TEST_EFFORT-1} in
  0*) counts=7 builds= ;; # sanitizers: plain C is slow, and its bytes are those of other lanes
  *) counts='2 7' builds='avx512 avx2 plain' ;;
esac
recorded=${srcdir:-.}/contrib/tinystories

# findings OUT PROGRAM [ARGUMENT]...
findings() {
  out=$1
  shift
  "$@" --json 2>/dev/null | grep '"type":"finding"' >"$work/$out"
}

same() {
  compared=$((compared + 1))
  if ! [ -s "$work/$1" ] || ! cmp -s "$work/$1" "$work/$2"; then
    failed=$((failed + 1))
    echo "FAIL: $3"
  fi
}

cases() {
  cat <<END
variance --dk=1,3,64 --samples=524288
variance --dk=300 --samples=65536 --reference
variance --dk=2,16 --dist=student:nu=10 --samples=524288
variance --dk=5 --q-dist=laplace --k-dist=sparse:p=0.3 --samples=524288
variance --dk=7,64 --dist=rademacher --seed=0xfeed --samples=524288
variance --dk=9 --dist=uniform:mean=0.3,sd=2.385 --samples=524288
variance --dk=33 --dist=exponential --correlation=-0.4 --samples=65536 --reference
variance --dk=4 --rng=mt19937 --samples=524288
scale --dk=1,3,70 --samples=131072 --reference
scale --dk=5,33 --q-dist=laplace:mean=0.3 --correlation=-0.4 --alpha=0.3,0.5,1 --samples=65536
softmax --dk=1,300 --keys=5,24 --samples=512
softmax --dk=16 --keys=13 --causal --scale=none,sqrt,dk,0.3 --samples=2000
softmax --sigma=0.1,4 --keys=9,200 --samples=2000
softmax --dk=9 --q-dist=laplace --k-dist=uniform --rng=mt19937 --samples=2000 --reference
softmax --exact --dk=4,64 --keys=2,64
gradient --dk=3,300 --keys=9 --samples=1000 --reference
gradient --dk=5 --scale=none,dk --dist=student:nu=9 --samples=4000 --seed=0xfeed
gradient --dk=4,16 --keys=8 --scale=sqrt --alpha=0,0.4 --rng=mt19937 --samples=4000
gradient --sigma=0.3,4 --keys=5 --samples=20000
symmetry --keys=9 --model-dim=5 --dk=3 --samples=5000
symmetry --keys=12 --model-dim=300 --dk=5 --norm=layer --dist=laplace --samples=256
symmetry --keys=12 --model-dim=5 --dk=260 --norm=layer --dist=laplace --samples=256
symmetry --keys=5 --model-dim=7 --dk=9 --norm=qk --rng=mt19937 --samples=3000
heads --keys=9 --model-dim=6 --heads=1,3 --dk=4 --samples=3000
heads --keys=12 --model-dim=300 --heads=2 --dk=5 --dist=laplace --samples=256
heads --keys=12 --model-dim=6 --heads=2 --dk=270 --dist=laplace --samples=256
heads --keys=5,70 --model-dim=8 --heads=4 --sigma=0.7,3 --rng=mt19937 --samples=512
additive --keys=9 --dk=3 --hidden=5,260 --samples=256 --quantity=additive_variance,additive_row_variance,tanh_saturated,cosine_law,query_dependence,score_rank,dot_score_rank,parameters
additive --keys=24 --dk=300 --hidden=5 --samples=256 --quantity=additive_variance,additive_row_variance,tanh_saturated,cosine_law,query_dependence,score_rank,dot_score_rank,parameters
additive --keys=7 --dk=1,5 --q-dist=laplace:mean=0.2 --unscaled --rng=mt19937 --samples=3000 --quantity=additive_variance,additive_bound_violations,cosine_variance,tanh_query_dependence
train plateau lowdim --dk=1,5 --seeds=5 --steps=40
train relation --dk=3,64 --seeds=3 --steps=30 --rng=mt19937
train cycle heads removal --dk=4 --seeds=3 --steps=20 --arm=shared,several,separate,heads,dimensions
reference --dk=3,70 --algorithm=all --format-in=binary64,bfloat16 --samples=4000
reference --dk=16 --format-in=binary16 --format-acc=binary32 --rounding=zero --samples=2000 --rng=mt19937
reference --condition=1e12 --dk=33 --format-in=binary64,binary32
reference --whole scale --dk=3
verify score-mean shared-symmetric length-dilution --tolerance=0.1 --seed=0xfeed
verify term-variance jacobian-bound --max-samples=4096 --rng=mt19937 --reference
audit $recorded/q.npy $recorded/k.npy
audit $recorded/q.npy $recorded/k.npy --causal --expect=0..100
END
}

cases >"$work/cases"
while read -r arguments; do
  # shellcheck disable=SC2086
  findings one "$QKCHECK" $arguments --threads=1
  for threads in $counts; do
    # shellcheck disable=SC2086
    findings other "$QKCHECK" $arguments --threads=$threads
    same one other "'$arguments' with $threads threads"
  done
  for isa in $builds; do
    # shellcheck disable=SC2086
    if QKCHECK_ISA=$isa "$QKCHECK" variance --dk=1 --samples=256 --quiet >/dev/null 2>&1 \
      || [ $? -ne 2 ]; then
      QKCHECK_ISA=$isa findings other "$QKCHECK" $arguments
      same one other "'$arguments' with QKCHECK_ISA=$isa"
    else
      echo "identity.sh: $isa is not to be had on this processor"
    fi
  done
  for program in "$@"; do
    # shellcheck disable=SC2086
    findings other "$program" $arguments
    same one other "'$arguments' of $program"
  done
done <"$work/cases"
echo "identity.sh: $compared comparisons, $failed differ"
[ "$failed" -eq 0 ] && [ "$compared" -gt 0 ]
