#!/bin/sh
# cli.sh -- the outside of the program: exit status, messages, streams, files, signals.

set -u
LC_ALL=C
export LC_ALL
: "${QKCHECK:=./qkcheck}"
case $QKCHECK in /*) ;; *) QKCHECK=$PWD/$QKCHECK ;; esac
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0
cd "$work" || exit 99
quick="variance --dk=64 --samples=524288 --tolerance=0.05"
passed=0 failed=0

ok() { passed=$((passed + 1)); }
bad() {
  failed=$((failed + 1))
  echo "FAIL: $*"
}

# check WHAT COMMAND...: it succeeds.
check() {
  what=$1
  shift
  if "$@"; then ok; else bad "$what"; fi
}

# usage PATTERN ARGUMENT...: status 2, nothing on standard output, one line of error that matches.
usage() {
  pattern=$1
  shift
  "$QKCHECK" "$@" >out 2>err
  status=$?
  if [ $status -ne 2 ]; then
    bad "'$*': exit status $status, expected 2"
  elif [ -s out ]; then
    bad "'$*': standard output is not empty"
  elif [ "$(wc -l <err)" -ne 1 ]; then
    bad "'$*': $(wc -l <err) lines of error"
  elif ! grep -q -e "^qkcheck.*$pattern" err; then
    bad "'$*': says: $(cat err)"
  else
    ok
  fi
}

# ends STATUS ARGUMENT...
ends() {
  expected=$1
  shift
  "$QKCHECK" "$@" >out 2>err
  status=$?
  if [ $status -eq "$expected" ]; then ok; else bad "'$*': exit status $status, expected $expected; $(cat err)"; fi
}

# ---- exit status ----
ends 0
ends 0 --help
ends 0 --version
ends 0 help
ends 0 help method
ends 0 variance --help
# shellcheck disable=SC2086
ends 0 $quick
ends 1 variance --dk=64 --dist=normal:mean=1 --samples=524288
ends 3 variance --dk=64 --samples=524288 --tolerance=0.0001 --quantity=score_variance
ends 3 variance --dk=64 --samples=256
ends 0 scale --dk=2,8 --tolerance=0.1
ends 1 scale --dk=8 --correlation=0.5 --tolerance=0.1
ends 3 scale --dk=2,8 --samples=256
ends 0 symmetry --keys=8 --dk=4 --tolerance=0.2
ends 0 symmetry --keys=8 --dk=4 --norm=qk --tolerance=0.2
ends 1 symmetry --weights=shared --expect=0.5..2 --quantity=asymmetry
ends 3 symmetry --keys=8 --dk=4 --samples=256
ends 0 heads --keys=8 --model-dim=16 --heads=1,4 --tolerance=0.2
ends 0 heads --model-dim=512 --heads=1,2,4,8,16,32 --quantity=parameters,flops,softmax_flops
check "heads: as many operations for every number of heads" \
  grep -q "Exact in every row: operations = 142606336" out
ends 0 heads --model-dim=512 --heads=8 --dk=16,32,64 --layers=18 --quantity=parameters,parameters_saved
check "heads: what narrower queries save, in a sentence" grep -q "d_k = 32: 4.72 M parameters fewer" out
ends 1 heads --keys=8 --heads=2 --model-dim=8 --dist=normal:sd=2 --init=unit --tolerance=0.2 --quantity=head_score_variance
ends 3 heads --keys=8 --model-dim=8 --heads=2 --samples=256
ends 0 additive --keys=8 --dk=4 --tolerance=0.2
ends 1 additive --dk=64 --expect=0.9..1 --tolerance=0.03 --quantity=additive_variance
ends 3 additive --keys=8 --dk=4 --samples=256
ends 0 train cycle --dk=4 --arm=shared,separate,chain
ends 0 train plateau --dk=64 --arm=scaled --optimizer=adam --dump=dump --curves=curves.npy
check "train: curves" sh -c 'head -c 300 curves.npy | grep -q "(.curve., .<f8., (301,))"'
ends 0 audit dump/plateau_scaled_d64_adam_initial_Q.npy dump/plateau_scaled_d64_adam_initial_K.npy --expect=0.7..1.4
ends 0 audit dump/plateau_scaled_d64_adam_final_Q.npy dump/plateau_scaled_d64_adam_final_K.npy --expect=2.5..10
check "train: what training aligns" sh -c '"$0" audit dump/*_final_Q.npy dump/*_final_K.npy | grep -q "depend on each other"' "$QKCHECK"
ends 2 train plateau --dk=4 --dump=curves.npy
ends 1 train cycle --dk=4 --arm=shared --expect=0..0.1
ends 3 train cycle --dk=4 --arm=separate --seeds=4
"$QKCHECK" train cycle --dk=4 --seeds=4 >out
check "what holds and what has too few samples" \
  grep -q '^Undecided: [0-9]* of [0-9]* findings have too few samples, the rest hold (' out
"$QKCHECK" train relation --dk=4 --optimizer=adam --seeds=4 >out
check "the answer comes last where it is not known" grep -q '^Undecided: nothing could be judged (' out
ends 1 reference --dk=4 --format-in=bfloat16 --rounding=zero
ends 0 reference --dk=4 --dist=rademacher --samples=4096 --quantity=error_bias,error_over_bound
ends 0 reference --condition=1e16,1e32 --algorithm=all --format-in=binary64,binary16

# ---- counterexamples: in words; as lines where asked for ----
"$QKCHECK" symmetry --weights=shared --dk=2,4 --keys=8 --tolerance=0.2 >out 2>err
check "symmetry: numbers to check by hand" grep -q "= 5, but" out
check "symmetry: no lines of them" sh -c '! grep -q "row = " out'
"$QKCHECK" symmetry --quantity=counterexample >out 2>err
check "symmetry: lines of them" test "$(grep -c "^  row = .*holds" out)" = 11

# ---- the ledger ----
ends 0 claims
ends 0 claims score-variance score-variance --question=Q4 --status=holds
check "claims: a row that is named twice is explained once" test "$(grep -c '^score-variance: holds$' out)" = 1
check "claims: theorem, file and class" \
  grep -q 'Claims_prob.score_variance: Var s = d' out
ends 0 claims head-quality -q --json
check "claims: published figures" grep -q '"what":"BLEU on newstest2013, 1 head","value":24.9,' out
check "claims: nothing ran" grep -q '"type":"end","verdict":null,"holds":0,' out
ends 0 claims --question=Q2..Q3 --status=false,cited -q
check "claims: names alone" test "$(grep -cx 'shared-identity\|dot-better\|shared-quality' out)" = 3
check "claims: no others" sh -c '! grep -q "score-mean\|head-quality\|shared-symmetric" out'
ends 0 claims --question=arithmetic --status=cited
check "claims: no rows" grep -q '^0 rows:' out
ends 0 claims --format=csv
check "claims: a line for each row" \
  test "$(sed 1d out | wc -l)" -eq "$("$QKCHECK" claims -q | wc -l)"
# shellcheck disable=SC2046
ends 0 claims $("$QKCHECK" claims -q) --format=markdown -o ledger.md
check "claims: all rows, into a file" \
  test "$(grep -c '^## ' ledger.md)" -eq "$("$QKCHECK" claims -q | wc -l)"

ends 0 help claims
check "help claims: the ledger" grep -q '^   score-variance: holds' out
ends 0 help claims.1
check "help claims.1: the command" grep -q 'qkcheck claims \[OPTION\]... \[ID\]...' out

# ---- the ledger in one run ----
ends 0 verify score-variance scaled-variance --tolerance=0.1
check "verify: those rows and no others" \
  test "$(grep -c '^  [a-z-]* *holds ' out)" = 2
ends 0 verify head-quality head-roles
check "verify: what is only printed does not count" grep -q '^Described: nothing was to be run' out
ends 0 verify score-mean score-mean --tolerance=0.1 --json
check "verify: a row named twice is one" test "$(grep -c '"type":"row"' out)" = 1
check "verify: it is confirmed" grep -q '"status":"holds","confirmed":true,"findings":\[0,' out
ends 0 verify --quantity=score_variance --dry-run --json
check "verify: rows by what settles them" \
  test "$(grep -c '"quantity":"score_variance"' out)" = "$(grep -c '"quantity"' out)"
ends 3 verify score-law length-dilution --max-samples=300
check "verify: the undecided are named" \
  grep -q '^Undecided: 2 of 2 rows undecided: score-law, length-dilution' out
ends 3 verify score-law --max-samples=300 --json
check "verify: undecided is null" grep -q '"confirmed":null,.*"outcome":"undecided"' out
ends 0 verify shared-identity --format=markdown -o verify.md
check "verify: a table of Markdown" grep -q '^| shared-identity | false | confirmed | the counter' verify.md
ends 0 verify --question=Q1..Q3 --dry-run --json
check "verify: all of Q2" grep -q '"type":"plan-end"' out

# ---- mistakes ----
usage "verify: 'scaled-varience' is no ID; did you mean 'scaled-variance'" verify scaled-varience
usage "verify: --question: leaves out 'score-mean', a row of Q4" verify score-mean --question=Q2
usage "verify: --tolerance: '0.2' is not above 0 and at most 0.1" verify --tolerance=0.2
usage "verify: --thorough has the tolerances of the commands" verify --thorough --tolerance=0.01
usage "verify: --quantity: 'score' is no quantity that settles a row" verify --quantity=score_law,score
usage "verify: --quantity: these alone settle none of the rows" verify score-mean --quantity=score_variance
usage "verify: unknown option '--dk'" verify --dk=4
usage "verify: unknown option '--samples'" verify --samples=300
usage "verify: --report: 'a.htm' ends in none of .html, .md" verify --report=a.htm
usage "claims: 'score-varience' is no ID; did you mean 'score-variance'" claims score-mean score-varience
usage "claims: 'nonsense' is no ID; --help says" claims nonsense
usage "claims: '' is no ID" claims ""
usage "claims: --question: leaves out 'score-mean', a row of Q4" claims score-mean --question=Q1
usage "claims: --status: leaves out 'score-mean'" claims score-mean --status=false,cited
usage "claims: --question: 'Q5' is none of Q1, Q2, Q3, Q4, arithmetic" claims --question=Q5
usage "claims: --question: 'Q3..Q1' is an empty range" claims --question=Q3..Q1
usage "claims: --status: 'true' is none of holds" claims --status=true
usage "claims: unknown option '--seed'" claims --seed=1
usage "claims: --output: .*No such file" claims -o nowhere/file
usage "no page 'claims.8'" help claims.8
usage "variance: --dk: '0' is not between 1 and 1048576" variance --dk=0
usage "'recusive' is none of recursive, .*tile; did you mean recursive?" reference --algorithm=recusive
usage "reference: --format-in: 'binary8' is none of .*; did you mean binary" reference --format-in=binary16,binary8
usage "reference: --format-acc: the list is empty" reference --format-acc=
usage "reference: --rounding: 'up' is none of nearest, zero" reference --rounding=up
usage "reference: --condition: '1e33' is not between 1 and 1e32" reference --condition=1e33
usage "--condition: needs --dk of at least 8" reference --condition=1e8 --dk=4,64
usage "--condition draws vectors of its own" reference --condition=1e8 --dist=laplace
usage "a sum of 64 products overflows binary16" reference --dk=64 --format-in=binary16 --dist=normal:sd=100
usage "variance: --dk: '1e9' is not between 1 and 1048576" variance --dk=1e9
usage "variance: --dk: " variance --dk=4..2
usage "variance: --dk: " variance --dk=
usage "variance: --dk: " variance --dk=1,,2
usage "variance: --dk: " variance --dk=64x
usage "variance: --dk: " variance "--dk=1..8*1"
usage "variance: --tolerance: '-1' is not " variance --tolerance=-1
usage "variance: --tolerance: 'nan' is not " variance --tolerance=nan
usage "variance: --confidence: '1' is not " variance --confidence=1
usage "variance: --seed: 'abc' is not " variance --seed=abc
usage "variance: --threads: '0' is not " variance --threads=0
usage "variance: --samples: '255' is not " variance --samples=255
usage "variance: --correlation: '2' is not " variance --correlation=2
usage "scale: --alpha: '-0.5' is not between 0 and 2" scale --alpha=-0.5
usage "scale: --alpha: '3' is not between 0 and 2" scale --alpha=0..3+0.5
usage "symmetry: --weights: 'both' is none of separate, shared, none" symmetry --weights=both
usage "symmetry: --norm: 'batch' is " symmetry --norm=batch
usage "symmetry: --norm=layer: tokens of 2 components" symmetry --norm=layer --model-dim=2
usage "symmetry: --keys: '1' is not between 2 and 4096" symmetry --keys=1
usage "symmetry: queries and keys come from the same tokens" symmetry --q-dist=uniform
usage "symmetry: an input of 64 tokens, --model-dim=100000 and --dk=4096 takes" symmetry --model-dim=100000 --dk=4096
usage "symmetry: --expect: '2..1' is an empty range" symmetry --expect=2..1
usage "heads: --heads=3 does not divide --model-dim=64: a head has d_k = D/h columns" heads --heads=3
usage "heads: --heads=3 does not divide --model-dim=64: whatever --dk, values keep D/h" heads --heads=3 --dk=8
usage "heads: --heads: '0' is not between 1 and 65536" heads --heads=0
usage "heads: --init: 'he' is none of unit, xavier, packed, linear" heads --init=he
usage "heads: --layers: '1.5' is " heads --layers=1.5
usage "heads: --keys=4096, --model-dim=1048576, --heads=1 and --layers=1: the number of operations is above 2^53" heads --keys=4096 --model-dim=1048576 --heads=1 --quantity=flops
usage "heads: an input of 64 tokens and --model-dim=1048576" heads --model-dim=1048576
usage "heads: queries and keys come from the same tokens" heads --k-dist=uniform
usage "additive: --hidden: '0' is not between 1 and 1048576" additive --hidden=0
usage "additive: --keys: '1' is not between 2 and 4096" additive --keys=1
usage "additive: 64 keys with --dk=65536 and 65536 hidden units take" additive --dk=65536
usage "additive: --expect: '2..1' is an empty range" additive --expect=2..1
usage "train: 'platea' is no TASK; did you mean 'plateau'?" train platea
usage "train: 'warmup' is no TASK" train warmup
usage "train: --seeds: '1' is not between 2 and 100000" train --seeds=1
usage "train: unknown option '--samples'" train --samples=300
usage "train: unknown option '--dist'" train --dist=normal
usage "train: --arm: 'share' is no name of the list; did you mean shared?" train --arm=share
usage "train: no arm of these tasks is left" train heads --arm=shared
usage "train: --fast trains no wider than d_k = 64, and --dk has 256" train --fast --dk=16,256
usage "train: --fast takes 12 seeds" train --fast --seeds=24
usage "train: --dk has no place here: h heads of" train heads removal --dk=4
usage "train: --alpha has no place here: it is about plateau and relation" train cycle --alpha=1
usage "train: --dump: '/dev/null' is not a folder" train cycle --dump=/dev/null
usage "train: --curves: 'x' is also the file of --output" train cycle --curves=x --output=x
usage "variance: unknown option '--alpha'" variance --alpha=0.5
usage "variance: .*mersenne.*" variance --rng=mersenne
usage "variance: .*surplus operand 'more'" variance more
usage "variance: .*--tolerance" variance --tolerence=1
usage "variance: .*score_variance" variance --quantity=score_varience
usage "variance: .*cauchy.*" variance --dist=cauchy
usage "variance: .*nu.*above 4" variance --dist=student:nu=4
usage "variance: .*sd" variance --dist=normal:sd=-1
usage "variance: .*p must be above" variance --dist=sparse:p=0
usage "did you mean 'variance'" varience
usage "'' is not a command" ""
usage "a command comes first" --dk=64
usage "no page 'nonsense'" help nonsense
usage "variance: --reference takes no value" variance --reference=yes
usage "reference: 'softmx' is none of variance, .*; did you mean 'softmax'" reference --whole softmx
usage "reference: 'audit' is none of variance, scale, " reference --whole audit
usage "reference: 'softmax': operands are commands whose blocks --whole" reference softmax
usage "variance: --output: .*No such file" variance --dk=64 -o nowhere/file
usage "variance: --blocks: .*No such file" variance --dk=64 --blocks=nowhere/file
usage "variance: --plot: 'a.jpeg' ends in none of .svg, .png, .pdf, .gp" variance --dk=64 --plot=a.jpeg
QKCHECK_ISA=z80 usage "QKCHECK_ISA: 'z80'" variance --dk=64

# ---- options as GNU users expect ----
# shellcheck disable=SC2086
{
  "$QKCHECK" $quick --json >a
  "$QKCHECK" variance --samples 524288 --dk 64 --tolerance=5e-2 --format=json >b
  grep finding a >a.f
  grep finding b >b.f
}
check "--dk 64 and --dk=64 are the same" cmp -s a.f b.f
check "findings are there" test -s a.f

# ---- streams ----
# shellcheck disable=SC2086
"$QKCHECK" $quick >/dev/full 2>err
check "/dev/full is trouble" test $? -eq 2
check "/dev/full is reported" grep -q "No space left" err
# shellcheck disable=SC2086
"$QKCHECK" $quick 2>err | head -1 >/dev/null
check "a closed pipe is silent" test ! -s err
# shellcheck disable=SC2086
"$QKCHECK" $quick >out 2>err
check "no progress without a terminal" test ! -s err
# shellcheck disable=SC2086
"$QKCHECK" $quick --progress=always >out 2>err
check "messages go to standard error" sh -c '! grep -q "left" out'
# shellcheck disable=SC2086
"$QKCHECK" $quick --color=always >out
check "colour when asked" grep -q "$(printf '\033')" out
# shellcheck disable=SC2086
NO_COLOR=1 "$QKCHECK" $quick >out
check "no colour in a file" sh -c '! grep -q "$(printf "\033")" out'

# ---- files ----
echo old >result
# shellcheck disable=SC2086
"$QKCHECK" $quick --json -o result --blocks=table.npy
check "--output replaces the file" grep -q '"type":"end"' result
check "nothing else is left" test "$(ls result* table* | wc -l)" -eq 2
check "--blocks writes .npy" sh -c 'head -c 6 table.npy | grep -q NUMPY'
# shellcheck disable=SC2086
"$QKCHECK" $quick -o /dev/full 2>err
check "--output to a full device is trouble" test $? -eq 2
# shellcheck disable=SC2086
said=$(ulimit -f 0; "$QKCHECK" $quick -o limited 2>&1)
check "a file that may not grow is trouble" test $? -eq 2
check "a file that may not grow is reported" test "${said#*limited: File too large}" != "$said"
check "a file that may not grow leaves none" test -z "$(ls | grep limited)"
# shellcheck disable=SC2086
"$QKCHECK" $quick --json -o /dev/stdout >out
check "--output=/dev/stdout writes there" grep -q '"type":"end"' out
mkdir closed && chmod 500 closed
if [ "$(id -u)" -ne 0 ]; then
  usage "closed" variance --dk=64 -o closed/result
fi

# ---- the raw table does not depend on the company ----
python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import numpy' 2>/dev/null && python=$candidate && break
done
if [ -n "$python" ]; then
  "$QKCHECK" variance --dk=64 --samples=524288 --blocks=alone.npy >/dev/null
  "$QKCHECK" variance --dk=16,64,128 --samples=524288 --blocks=sweep.npy >/dev/null
  check "d_k = 64 alone and in a sweep" "$python" -c '
import numpy as np
a, b = np.load("alone.npy"), np.load("sweep.npy")
b = b[np.isin(b["case"], np.unique(a["case"]))]
assert a.shape == b.shape and a.tobytes() == b.tobytes()
assert np.isnan(a["mean_2"][a["case"] == b"law d_k=64"]).all()
assert abs(np.nanmean(a["mean_2"]) / 64 - 1) < .05'
else
  echo "cli.sh: python3-numpy is missing: raw tables are not compared"
fi
"$QKCHECK" variance --dk=64 --samples=524288 --miss=0.01 --json | grep '"type":"finding"' >a
"$QKCHECK" variance --dk=16,64,128 --samples=524288 --miss=0.01 --json \
  | grep '"type":"finding"' | grep '"d_k":64[,}]' >b
check "finding lines at fixed --samples and --miss" cmp -s a b

# ---- replay ----
"$QKCHECK" variance --dk=2,64 --samples=524288 --json | grep '"type":"finding"' >a
"$QKCHECK" variance --dk=2,64 --samples=524288 --json --reference --blocks=replay.npy \
  | grep '"type":"finding"' >b
grep -v '"quantity":"sum_digits"' b >b.others
check "--reference changes no other finding" cmp -s a b.others
check "--reference adds a finding a case" \
  test "$(grep -c '"claim":"sum-reference","quantity":"sum_digits".*"verdict":"holds"' b)" -eq 2
check "--blocks has the replay" grep -q "'dot_digits', '<f8'" replay.npy
"$QKCHECK" scale --dk=4 --samples=256 --quantity=sum_digits >out
check "sum_digits alone holds" test $? -eq 0
"$QKCHECK" reference --whole variance variance --dk=4 --json | grep '"type":"finding"' >a
check "--whole: each command once" grep -q '"case":{"task":"variance","d_k":4}' a
check "--whole: one finding a case" test "$(wc -l <a)" -eq 1
"$QKCHECK" reference --whole scale --dk=4 --dist=laplace --dry-run >out
check "--whole: a plan" grep -q 'replay scale norms d_k=4' out

# ---- plan ----
"$QKCHECK" variance --dry-run >out
check "--dry-run prints a plan" grep -q 4096 out

# ---- interruption ----
"$QKCHECK" variance --dk=4096 --samples=1e10 --json >out 2>err &
pid=$!
sleep 1
kill -INT $pid 2>/dev/null
wait $pid
status=$?
# A shell without job control starts background commands with SIGINT ignored: use SIGTERM there.
if ! grep -q '"complete":false' out; then
  "$QKCHECK" variance --dk=4096 --samples=1e10 --json >out 2>err &
  pid=$!
  sleep 1
  kill -TERM $pid
  wait $pid
  status=$?
fi
check "interrupted: ends by the signal" test $status -gt 128
check "interrupted: the partial result is marked" grep -q '"complete":false' out

"$QKCHECK" verify --json --progress=always >out 2>err &
pid=$!
turns=0
while [ ! -s err ] && [ $turns -lt 600 ]; do sleep 0.1; turns=$((turns + 1)); done
kill -TERM $pid
wait $pid
check "interrupted while it plans: ends by the signal" test $? -gt 128
check "interrupted while it plans: it says at once what it does" grep -q 'verify: planning' err
check "interrupted while it plans: a result of nothing" \
  test "$(grep -c '"complete":false' out)-$(wc -l <out)" = 1-2

"$QKCHECK" variance --dk=4096 --samples=1e10 -o killed >out 2>err &
pid=$!
sleep 1
kill -KILL $pid
wait $pid
check "killed while it samples: no file is left" test -z "$(ls | grep killed)"

echo "cli.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
