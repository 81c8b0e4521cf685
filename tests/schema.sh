#!/bin/sh
# schema.sh -- every line of --format=json is one that the installed schema describes, and no other.

: "${QKCHECK:=./qkcheck}"
QKCHECK=$(realpath "$QKCHECK")
schema=${srcdir:-.}/src/qkcheck-1.schema.json

python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null || {
  echo 'schema: skipped, python3 has no jsonschema 4 (Debian: python3-jsonschema)'
  exit 77
}

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

# What is run, and the exit status it must have; arguments hold no spaces.
while read -r status command arguments; do
  # shellcheck disable=SC2086
  "$QKCHECK" "$command" --format=json $arguments > "$work/out"
  got=$?
  if [ "$got" != "$status" ]; then
    echo "schema: qkcheck $command $arguments: status $got, not $status"
    exit 1
  fi
  cat "$work/out" >> "$work/lines"
done <<END
0 variance --dk=2,8 --tolerance=0.1
1 variance --dk=4 --dist=normal:mean=1 --tolerance=0.1
3 variance --dk=4 --samples=300
0 variance --dk=2,8 --tolerance=0.1 --dry-run
0 variance --dk=4 --tolerance=0.1 --miss=0.01 --seed=0xffffffffffffffff
0 scale --dk=2,8 --tolerance=0.1 --reference
0 reference --whole scale --dk=4
1 scale --dk=2,8 --correlation=-0.5 --tolerance=0.1
0 symmetry --keys=8 --dk=4 --norm=rms --tolerance=0.2
0 heads --keys=8 --model-dim=8 --heads=2 --tolerance=0.2
0 verify score-mean shared-identity head-quality --tolerance=0.1
3 verify length-dilution --max-samples=300
0 verify length-dilution shared-identity --thorough --dry-run
0 claims
0 claims score-variance head-quality --quiet
0 claims --question=arithmetic --status=cited
0 additive --keys=8,16 --dk=4,8 --hidden=3,4 --unscaled --tolerance=0.2 --quantity=additive_variance,score_rank,time_slope_keys,time_slope_dk,dot_time,counterexample
1 train cycle --dk=4 --arm=shared --expect=0..0.1
3 train removal --seeds=3
END

# The plan of every check and example (or of the share QK_TEST_EFFORT of them), or its result where
# nothing is sampled: cases have keys of the closed list.
"${LIST_CHECKS:-tests/list-checks}" > "$work/list" || exit 99
sed 's/^\([^ ]* \)[^ ]* [^ ]* */\1/' "$work/list" | sort -u | awk -f "${srcdir:-.}/tests/share.awk" \
  > "$work/checks"
cp "${srcdir:-.}"/contrib/tinystories/[qk].npy "$work" || exit 99
while read -r command arguments; do
  case $("$QKCHECK" "$command" --help) in *--dry-run*) dry=--dry-run ;; *) dry= ;; esac
  # shellcheck disable=SC2086
  (cd "$work" && "$QKCHECK" "$command" $arguments $dry --json) >> "$work/lines" || [ -z "$dry" ] || {
    echo "schema: qkcheck $command $arguments $dry: status $?"
    exit 1
  }
done < "$work/checks"

# Values have digits.
printf '1.2\n1.1\n1.3\n' > "$work/values"
for dry in '' --dry-run; do
  # shellcheck disable=SC2086
  "$QKCHECK" reference --values="$work/values" --precision=200 --json $dry >> "$work/lines" || exit 1
done
grep -q '"value":"1.2"}' "$work/lines" || { echo 'schema: no digits of values'; exit 1; }

# A name that is not UTF-8 must not spoil the line.
"$QKCHECK" variance --json --dk=4 --tolerance=0.1 --output="$(printf '%s/\377\\x' "$work")" || exit 1
cat "$work"/*x >> "$work/lines" || exit 1

python3 - "$schema" "$work/lines" <<'END'
import json, sys
import jsonschema

schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema)

def keys_once(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a name twice: {names}"
    return dict(pairs)

def wrong(line, what):
    sys.exit(f"schema: {what}: {line}")

types = set()
for text in open(sys.argv[2], encoding="utf-8"):
    line = json.loads(text, object_pairs_hook=keys_once,
                      parse_constant=lambda name: wrong(text, f"bare {name}"))
    error = next(check.iter_errors(line), None)
    if error:
        wrong(text, error.message)
    if line["type"] in types:
        continue
    types.add(line["type"])
    # The schema is no rubber stamp: another field, or one too few, is refused.
    if check.is_valid({**line, "surplus": 1}):
        wrong(text, "a surplus field is accepted")
    for name in line:
        if name != "miss" and check.is_valid({k: v for k, v in line.items() if k != name}):
            wrong(text, f"accepted without {name}")
expected = {"run", "finding", "measured", "row", "end", "plan-case", "plan-statement", "plan-end"}
if types != expected:
    sys.exit(f"schema: lines of types {sorted(types)}, not {sorted(expected)}")
END
