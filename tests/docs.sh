#!/bin/sh
# docs.sh -- what the program can do is written down: pages, help, examples, ledger, README, NEWS.
#
# It names what was forgotten.  QKCHECK is the program, srcdir the source folder.

set -u
: "${QKCHECK:?}"
cd "${srcdir:-.}" || exit 99
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0
wrong () { echo "docs: $*"; failed=1; }

# has FILE TEXT: is the text in the file, as it is?
has () { grep -qF -e "$2" "$1"; }

# The value of a variable of Makefile.am, one word a line.
variable ()
{
  awk -v name="$1" '
    $1 == name && $2 == "=" { on = 1; $1 = $2 = "" }
    on { more = sub (/\\$/, ""); for (i = 1; i <= NF; i++) if ($i != "") print $i; on = more }
  ' Makefile.am
}

# The names of the option rows in C files: the first string in each initializer with an offset.
rows ()
{
  cat "$@" | tr '\n' ' ' | grep -oE '\{[^{}]*offsetof *\(struct qk_params' \
    | sed 's/^[^"]*"\([^"]*\)".*/\1/' | sort -u
}

experiments=$(variable EXPERIMENTS | sed 's,.*/,,; s/[.]c$//')
pages=$(variable dist_man_MANS)
all=$(rows src/option.c)
# Without the table of those that only commands have which sample.
sed '/^const struct qk_option qk_options_sampling/,/^};/d' src/option.c > "$work/option.c"
unsampled=$(rows "$work/option.c")
[ -n "$experiments" ] || wrong "Makefile.am lists no EXPERIMENTS"
[ "$(echo "$all" | wc -w)" -ge 20 ] && [ "$all" != "$unsampled" ] || wrong "found almost no option rows in src/option.c"

# ---- Pages: committed as rendered; read by the program as by others; no complaint of mandoc

rendered () # PAGE [COMMAND]
{
  page=$1; shift
  "$QKCHECK" help --source "$@" > "$work/page" || wrong "qkcheck help --source $* exits with $?"
  cmp -s "$work/page" "$page" \
    || wrong "$page is not what the program renders now: make -C build man, and commit it"
}

rendered man/qkcheck.1
for name in $experiments; do
  rendered "man/qkcheck-$name.1" "$name"
done

rendered man/qkcheck-claims.1 claims
rendered man/qkcheck-claims.7 claims.7

for page in $pages; do
  topic=${page#man/qkcheck}; topic=${topic#-}
  case $topic in claims.*) ;; *) topic=${topic%.*} ;; esac # a command and the ledger
  "$QKCHECK" help "${topic:-qkcheck}" > "$work/text" || wrong "no qkcheck help ${topic:-qkcheck}"
  [ -s "$work/text" ] || wrong "$page is empty"
  if command -v mandoc > /dev/null; then
    mandoc -T lint -W warning "$page" > "$work/lint" || wrong "mandoc: $(cat "$work/lint")"
  fi
  if command -v mandoc > /dev/null && command -v col > /dev/null; then
    mandoc -T utf8 -O width=80 "$page" | LC_ALL=C.UTF-8 col -bx | sed '1d; $d' > "$work/man"
    for file in text man; do
      # mandoc breaks lines behind hyphens.
      tr -s ' ' '\n' < "$work/$file" | sed '/^$/d' | sed ':again; /-$/ { N; s/\n//; b again; }' \
        > "$work/$file.words"
    done
    diff "$work/man.words" "$work/text.words" > "$work/diff" \
      || wrong "$page reads otherwise in mandoc (<) and qkcheck help (>): $(cat "$work/diff")"
  fi
done
command -v mandoc > /dev/null || echo "docs: skipped: no mandoc to check the pages with"
command -v col > /dev/null || echo "docs: skipped: no col to compare the words of the pages with"

# ---- Every command: options, examples, ledger

for name in $experiments; do
  page=man/qkcheck-$name.1 source=src/experiments/$name.c
  if ! [ -e "$source" ] || ! "$QKCHECK" "$name" --help > "$work/help" 2>&1; then
    wrong "$name has no $source, or qkcheck $name --help does not work"
    continue
  fi
  "$QKCHECK" help "$name" > "$work/text"
  if grep -q -e '--seed=' "$work/help"; then sampling=$all; else sampling=$unsampled; fi
  # Common options that the command does not take.
  tr '\n' ' ' < "$source" | grep -oE '\bwithout\[\] *= *\{[^}]*\}' | grep -oE '"[a-z-]+"' | tr -d '"' > "$work/without"
  sampling_here=$(echo "$sampling" | grep -vxF -f "$work/without")
  while read -r option; do
    ! grep -qE -e "^ +(-., )?--$option(=|\$| )" "$work/help" || wrong "qkcheck $name --help has --$option"
  done < "$work/without"
  for option in $sampling_here $(rows "$source"); do
    grep -qE -e "^ +(-., )?--$option(=|\$| )" "$work/help" \
      || wrong "--$option is missing in qkcheck $name --help"
    grep -qE -e "^ +(-., )?--$option(=|\$| )" "$work/text" \
      || wrong "--$option is missing in qkcheck help $name"
  done
  # verify has the examples of the others, and its rows are the ledger.
  for verdict in holds fails; do
    [ "$name" = verify ] || grep -q "^The verdict on .*: ${verdict}[.]" "$page" \
      || wrong "$source has no example that $verdict"
  done
  # A command that samples speaks of the ledger; one that describes files does not.
  : > "$work/plan"
  if [ "$sampling" = "$all" ]; then
    [ "$name" = verify ] || has src/claims.c "\"$name\"" || wrong "src/claims.c has no row that $name settles"
    "$QKCHECK" "$name" --dry-run --json > "$work/plan"
  fi
  grep -o '"claim":"[^"]*"' "$work/plan" | sort -u > "$work/claims"
  while IFS='"' read -r _ _ _ claim _; do
    has src/claims.c ".id = \"$claim\"" || wrong "$name speaks of $claim, no row of src/claims.c"
  done < "$work/claims"
  has man/qkcheck.1 "\\fB$name\\fR" || wrong "man/qkcheck.1 does not list $name"
  has README.md "qkcheck $name" || wrong "README.md does not mention qkcheck $name"
  has NEWS.md "qkcheck $name" || wrong "NEWS.md does not mention qkcheck $name"
done

# ---- The ledger: every row is in qkcheck help claims; the command that lists it is named

"$QKCHECK" claims --help > "$work/help" || wrong "qkcheck claims --help exits with $?"
"$QKCHECK" help claims > "$work/text"
for option in question status format output; do
  grep -q -e "--$option=" "$work/help" || wrong "--$option is missing in qkcheck claims --help"
done
"$QKCHECK" claims --quiet > "$work/ids" || wrong "qkcheck claims --quiet exits with $?"
sed -n 's/^  { [.]id = "\([a-z-]*\)".*/\1/p' src/claims.c | sort > "$work/ledger"
sort "$work/ids" | diff "$work/ledger" - || wrong "qkcheck claims lists other rows than src/claims.c has"
while read -r id; do
  grep -q "^   $id: " "$work/text" || wrong "qkcheck help claims does not have $id"
done < "$work/ids"
has man/qkcheck.1 "\\fBclaims\\fR" || wrong "man/qkcheck.1 does not list claims"
has README.md "qkcheck claims" || wrong "README.md does not mention qkcheck claims"
has NEWS.md "qkcheck claims" || wrong "NEWS.md does not mention qkcheck claims"

# ---- The first page: five commands, and they work

"$QKCHECK" > "$work/start" || wrong "qkcheck exits with $?"
sed -n 's/^  qkcheck //p' "$work/start" > "$work/starts"
[ "$(wc -l < "$work/starts")" = 5 ] || wrong "qkcheck shows $(wc -l < "$work/starts") commands, not 5"
while read -r words; do
  case $words in
    help* | claims*) ;;
    *) words="$words --dry-run" ;;
  esac
  # Words of a command line.
  # shellcheck disable=SC2086
  "$QKCHECK" $words > "$work/out" < /dev/null || wrong "qkcheck shows 'qkcheck $words': exit $?"
  [ -s "$work/out" ] || wrong "qkcheck shows 'qkcheck $words', which prints nothing"
done < "$work/starts"

# ---- README: its runs are what the program prints, but for the seconds; NEWS

sed -n 's/^    [$] qkcheck //p' README.md > "$work/runs"
[ -s "$work/runs" ] || wrong "README.md shows no run"
# In a folder of their own: some leave files.
mkdir "$work/here" && ln -s "$PWD/contrib" "$work/here/contrib"
while read -r words; do
  # From the command to the next line that is neither indented nor empty.
  awk -v command="    \$ qkcheck $words" '
    $0 == command { inside = 1; next }
    inside && /^[^ ]/ { exit }
    inside { sub (/^    /, ""); print }' README.md > "$work/shown"
  # Words of a command line.
  # shellcheck disable=SC2086
  (cd "$work/here" && "$QKCHECK" $words > "$work/out" < /dev/null)
  for file in shown out; do
    # Word by word: the seconds may change where a line is broken.
    tr -s ' \n' '\n' < "$work/$file" | tr '\n' ' ' | sed 's/, [0-9.e-]* s, seed/, T s, seed/g' \
      | tr ' ' '\n' > "$work/$file.text"
  done
  diff "$work/shown.text" "$work/out.text" > "$work/diff" \
    || wrong "README.md shows another result of qkcheck $words: $(cat "$work/diff")"
done < "$work/runs"

has README.md ./bootstrap || wrong "README.md does not say ./bootstrap"
has README.md "make -C build check" || wrong "README.md does not say make -C build check"
version=$(sed -n 's/^AC_INIT(\[qkcheck\], \[\([^]]*\)\].*/\1/p' configure.ac)
has NEWS.md "## ${version:-VERSION}" \
  || wrong "NEWS.md has no '## ${version:-VERSION}', the version of configure.ac"

[ $failed = 0 ] && echo "docs: $(echo "$pages" | wc -w) pages, $(echo "$experiments" | wc -w) commands"
exit $failed
