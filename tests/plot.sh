#!/bin/sh
# plot.sh -- pictures: the script has the numbers of the findings; gnuplot draws it; a picture is
# written whole or not at all.
#
# What needs gnuplot or python3 is skipped, saying so, where they are missing.

set -u
LC_ALL=C
export LC_ALL
: "${QKCHECK:=./qkcheck}"
QKCHECK=$(realpath "$QKCHECK")
source=$(realpath "${srcdir:-.}")
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' 0
cd "$work" || exit 99
passed=0 failed=0

# check WHAT COMMAND...: it succeeds.
check ()
{
  what=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL: $what"; fi
}

# The bytes of a file that may be missing.
holds () { grep -qF -e "$2" "$1"; }
lacks () { ! grep -qF -e "$2" "$1"; }

quick='variance --dk=1..64*4 --samples=524288 --tolerance=0.1 --quantity=score_mean,score_variance,score_law,variance_slope'

# ---- The script has the numbers of the findings, all of them and no others

cat > compare.py <<'END'
"""compare.py SCRIPT FINDINGS -- the data of a script are findings, digit by digit."""
import json, math, re, sys

rows, quantity, block = [], None, False
axes = {}
for line in open(sys.argv[1], encoding="utf-8"):
    line = line.rstrip("\n")
    if re.fullmatch(r"\$p\d+_\d+ << END", line):
        block = True
    elif line == "END":
        block = False
    elif block:
        rows.append((quantity, line.split(" ")))
    elif line.startswith("# "):
        quantity = line[2:].split(":")[0]
    elif line.startswith("set xlabel ") and line != "set xlabel '' offset 0, 0.4":
        axes[quantity] = line.split("'")[1]
findings = [json.loads(line, parse_float=str, parse_int=str) for line in open(sys.argv[2])]
findings = [f for f in findings if f["type"] in ("finding", "measured")]
wanted = {}
for f in findings:
    if f["quantity"] in axes:
        x = f["case"].get(axes[f["quantity"]])
        numbers = [f[name] for name in ("estimate", "lo", "hi", "exact", "band_lo", "band_hi")]
        wanted.setdefault(f["quantity"], []).append(
            (x, *("NaN" if n is None else n for n in numbers), f["verdict"] or "described"))
assert rows and axes, "no data"
got = {}
for quantity, row in rows:
    got.setdefault(quantity, []).append(tuple(row))
assert set(got) == set(wanted) == set(axes), (sorted(got), sorted(wanted), sorted(axes))
for quantity in got:
    ours, theirs = sorted(got[quantity]), sorted(wanted[quantity])
    if any(t[0] is None or not re.match(r"[-0-9]", t[0]) for t in theirs):  # x counts words
        ours, theirs = sorted(t[1:] for t in ours), sorted(t[1:] for t in theirs)
    assert ours == theirs, (quantity, ours, theirs)
print(sum(map(len, got.values())))
END
python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import json' 2> /dev/null && python=$candidate && break
done
[ -n "$python" ] || echo 'plot: skipped: no python3 to compare scripts with findings'

# data NUMBER ARGUMENT...: as many points are drawn, and they are those of the findings.
data ()
{
  number=$1
  shift
  "$QKCHECK" "$@" --json --plot=data.gp > data.json 2> err
  [ $? -ne 2 ] || { failed=$((failed + 1)); echo "FAIL: $*: $(cat err)"; return; }
  [ -n "$python" ] || return 0
  check "$*: the data of the script" test "$("$python" compare.py data.gp data.json)" = "$number"
}

# shellcheck disable=SC2086
data 12 $quick
check 'd_k spans decades: a logarithmic axis' holds data.gp 'set logscale xy'
check 'an unbounded band reaches to the edge' holds data.gp 'has(6) ? lower($6) : y0'
check 'what has no panel is told' holds data.gp 'slope of log Var(q·k) against log d_k: '
check 'the unit' holds data.gp "'Var(q·k), score²'"
check 'the answer' holds data.gp "'Is Var(q·k) = d_k?  Yes.'"
data 5 variance --dk=64 --samples=524288 --dist=normal:mean=1
check 'a point that fails is marked' holds data.gp "strcol(8) eq 'fails'"
data 12 softmax --dk=4,64 --keys=5,9,33 --samples=512 --quantity=participation --scale=none,sqrt
check 'series: what else tells cases apart' holds data.gp "title 'd_k = 4, scale = none'"
check 'the number that takes most values is below' holds data.gp "set xlabel 'keys'"
data 4 softmax --exact --dk=4 --keys=9,33 --quantity=participation
check 'three keys need no logarithm' lacks data.gp 'set logscale '
data 6 symmetry --dk=4 --keys=8 --samples=512 --quantity=asymmetry,self_score_mean
check 'no number parts series: words below' holds data.gp "set xlabel 'weights'"
check 'words are labels' holds data.gp "'separate' "
data 18 gradient --dk=4,16,64 --keys=8 --samples=600 --quantity=jacobian_median,jacobian_quantile,jacobian_median_spread
check 'quantiles are series' holds data.gp "title 'scale = none, quantile = 0.1'"
data 12 heads --keys=8,16 --heads=1 --sigma=1,2,4 --samples=512 --quantity=head_divergence
check 'another word stands in for one that a case does not have' holds data.gp "title 'weights = shared, keys = 8'"
data 5 scale --dk=2,8 --samples=4096 --quantity=scaled_variance_slope
check 'slopes run over the exponent' holds data.gp "set xlabel 'alpha'"
data 264 audit "$source/contrib/tinystories/q.npy" "$source/contrib/tinystories/k.npy"
data 24 audit "$source/contrib/tinystories/q.npy" "$source/contrib/tinystories/k.npy" --quantity=q_mean
data 96 reference --dk=1..8 --samples=256 --quantity=error_rms_u --format-in=binary16,bfloat16 --algorithm=all
check 'more series than shapes: a cloud' holds data.gp 'all look alike'

# ---- The picture of rows: what each finding is of its band, once for every row that it settles

cat > ledger.py <<'END'
"""ledger.py SCRIPT FINDINGS -- the data of a script are the findings of the rows, as shares of bands."""
import json, math, sys

lines = open(sys.argv[1], encoding="utf-8").read().split("$findings << END\n")[1].split("\nEND\n")[0]
got = sorted((w[6], w[7], *(float(x) for x in w[1:5])) for w in map(str.split, lines.split("\n")))
said = [json.loads(line) for line in open(sys.argv[2])]
findings = [f for f in said if f["type"] in ("finding", "measured")]
wanted = []
for row in (r for r in said if r["type"] == "row"):
    for f in (findings[i] for i in row["findings"]):
        lo, hi = f["band_lo"], f["band_hi"]
        if f["verdict"] is None or f["method"] not in ("t", "binomial", "order", "dkw"):
            continue
        if not all(isinstance(x, (int, float)) for x in (lo, hi)) or not lo < hi:
            continue
        numbers = (f[name] for name in ("estimate", "lo", "hi", "exact"))
        wanted.append((row["id"], f["quantity"], *(
            (x - (lo + hi) / 2) / ((hi - lo) / 2) if isinstance(x, (int, float)) else math.nan
            for x in numbers)))
wanted.sort()
assert len(got) == len(wanted), (len(got), len(wanted))
for g, w in zip(got, wanted):
    assert g[:2] == w[:2], (g, w)
    for x, y in zip(g[2:], w[2:]):
        assert abs(x - y) <= 1e-9 * (1 + abs(y)) or x != x and y != y, (g, w)
print(len(got))
END
"$QKCHECK" verify score-mean term-variance length-dilution score-law head-rank head-quality \
  --tolerance=0.1 --json --plot=ledger.gp > ledger.json
check 'verify: every finding of a row with its place' test $? = 0
if [ -n "$python" ]; then
  placed=$("$python" ledger.py ledger.gp ledger.json)
  check "verify: $placed places" test "${placed:-0}" -ge 10
fi
check 'what has to fail is told from what has to hold' holds ledger.gp ' fails score-mean score_mean'
check 'a row without an interval says so' holds ledger.gp "'exact, or bounded on one side' at first 0"
check 'a row that did not run stands there too' holds ledger.gp "'published' at first 3"

for threads in 1 3; do
  # shellcheck disable=SC2086
  "$QKCHECK" $quick --threads=$threads --plot=threads-$threads.gp > out
done
sed 's/threads-3/threads-1/' threads-3.gp > threads.gp
check 'any number of threads draws the same' cmp -s threads-1.gp threads.gp

# ---- Mistakes: status 2, one line, nothing sampled, no file

path=$PATH
mistake () # PATTERN ARGUMENT...
{
  pattern=$1
  shift
  PATH=$path "$QKCHECK" variance --dk=4096 --samples=1e14 "$@" > out 2> err
  check "'$*': status 2" test $? -eq 2
  check "'$*': one line, nothing else" test "$(wc -l < err)-$(wc -c < out)" = 1-0
  check "'$*': says $(cat err)" grep -q -e "^qkcheck variance: --plot: $pattern" err
}

for name in picture picture.SVG picture.jpeg .gp/ gp; do
  mistake "'$name' ends in none of .svg, .png, .pdf, .gp" "--plot=$name"
done
mistake ".*No such file" --plot=nowhere/a.svg
mistake "'a.gp' is also the file of --output" --plot=a.gp -o a.gp
mistake "'a.gp' is also the file of --blocks" --plot=a.gp --blocks=a.gp
for path in '' . nowhere "$work/nowhere:$work"; do
  mistake "no gnuplot on the PATH" --plot=a.svg
done
path=$PATH
check 'mistakes leave no file' test -z "$(find . -name 'a.*' -o -name 'picture*')"

# ---- A gnuplot that misbehaves: the first line of its complaint; the result is not lost

mkdir fake
fake () # LINE...: what gnuplot is now; it draws one trial and then does that
{
  {
    echo '#!/bin/sh'
    echo 'PATH=/usr/local/bin:/usr/bin:/bin'
    echo "cd '$work' || exit"
    echo 'if [ ! -e tried ]; then : > tried; echo trial; exit 0; fi'
    printf '%s\n' "$@"
  } > fake/gnuplot
  chmod +x fake/gnuplot
  rm -f tried fake.svg
}

spoiled () # PATTERN
{
  # shellcheck disable=SC2086
  PATH=$work/fake "$QKCHECK" $quick --plot=fake.svg > out 2> err
  check "$1: status 2" test $? -eq 2
  check "$1: said: $(cat err)" grep -q -e "^qkcheck variance: --plot: gnuplot$1" err
  check "$1: the result is there" holds out 'Yes: all'
  check "$1: no file" test "$(echo fake.svg*)" = 'fake.svg*'
}

fake 'echo; echo "gnuplot> plot"; echo "    ^"; echo "         line 7: out of paint" >&2; echo more >&2; exit 1'
spoiled ': out of paint$'
fake 'printf "\\033[31m\\n" >&2; exit 1'
spoiled ': .x1b.31m$'
fake 'exit 0'
spoiled ' drew nothing'
fake 'kill -9 $$'
spoiled ' ended by signal 9'
fake 'touch tried; exit 1'
touch tried
check 'a gnuplot that cannot draw is noticed before sampling' sh -c '
  PATH=$1/fake "$2" variance --dk=4096 --samples=1e14 --plot=fake.svg > out 2> err; test $? = 2 && test ! -s out' \
  - "$work" "$QKCHECK"
fake 'echo "a picture"'
# shellcheck disable=SC2086
PATH=$work/fake "$QKCHECK" $quick --plot=fake.svg > out
check 'what gnuplot writes is the file' holds fake.svg 'a picture'
ln -s /dev/full full.svg
# shellcheck disable=SC2086
PATH=$work/fake "$QKCHECK" $quick --plot=full.svg > out 2> err
check 'a full device is trouble' test $? -eq 2
check 'a full device is reported' holds err '--plot: full.svg: No space left'

# ---- A signal while gnuplot draws: no child, no half file

# shellcheck disable=SC2016
fake 'echo $$ > child; echo half; exec sleep 1000'
# shellcheck disable=SC2086
PATH=$work/fake "$QKCHECK" $quick --plot=fake.svg > out 2> err &
pid=$!
turns=0
while [ ! -s child ] && [ $turns -lt 600 ]; do sleep 0.1; turns=$((turns + 1)); done
kill -TERM $pid
wait $pid
check 'a signal while gnuplot draws ends by it' test $? -gt 128
sleep 0.1
check 'no child is left' sh -c '! kill -0 "$(cat child)" 2> /dev/null'
check 'no half file is left' test "$(echo fake.svg*)" = 'fake.svg*'
check 'the result is there all the same' holds out 'Yes: all'

# ---- Names are no commands

for ending in gp svg; do
  # shellcheck disable=SC2016
  name='it'\''s "a" `touch one` $(touch two) {x} 100%.'$ending
  fake 'cat; touch drew'
  # shellcheck disable=SC2086
  PATH=$work/fake:$PATH "$QKCHECK" $quick --plot="$name" > out 2> err
  check "$ending: a name with everything in it" test -s "$name"
done
check 'names are no commands' test ! -e one -a ! -e two

# ---- gnuplot itself

if command -v gnuplot > /dev/null; then
  # shellcheck disable=SC2086
  for ending in svg png pdf gp; do
    "$QKCHECK" $quick --plot=real.$ending > out 2> err
    check "$ending: $(cat err)" test -s real.$ending
  done
  check 'png is PNG' sh -c 'head -c 8 real.png | grep -q PNG'
  check 'pdf is PDF' sh -c 'head -c 5 real.pdf | grep -q %PDF'
  mv real.svg first.svg
  LC_ALL=C.UTF-8 gnuplot --default-settings ledger.gp > drawn 2>&1
  check "gnuplot draws rows: $(head -n 3 drawn)" test $? = 0 -a -s ledger.svg -a ! -s drawn
  "$QKCHECK" verify head-quality --plot=none.svg > out 2> err
  check "rows of which none ran: $(cat err)" test $? = 0 -a -s none.svg -a ! -s err
  LC_ALL=C.UTF-8 gnuplot --default-settings real.gp > drawn 2>&1
  check "the script runs by hand: $(cat drawn)" test ! -s drawn
  check 'by hand it draws the same' cmp -s first.svg real.svg
  LC_ALL=C.UTF-8 gnuplot --default-settings "it's \"a\" \`touch one\` \$(touch two) {x} 100%.gp" > drawn 2>&1
  check 'so does one of a strange name' test -s "it's \"a\" \`touch one\` \$(touch two) {x} 100%.svg"
  check 'no command runs' test ! -e one -a ! -e two
  [ -z "$python" ] || check 'svg is XML with all its text' "$python" - <<'END'
import xml.etree.ElementTree as tree
text = "".join(tree.parse("first.svg").getroot().itertext())
for words in ("Is Var(q·k) = d_k?", "Var(q·k), score²", "law distance", "Grey: what the claim allows."):
    assert words in text, words
END
else
  echo 'plot: skipped: no gnuplot to draw with (Debian: gnuplot-nox)'
fi

echo "plot: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
