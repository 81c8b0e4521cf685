#!/bin/sh
# layout.sh -- the house keeps its order: rooms and includes, first lines, tests, complete lists.
#
# A new room is one word in the table of rooms.  Run in the source folder or with srcdir set.

# Layer, and what lives there: files of src/ without their ending.  Includes point to the same layer
# or down.
rooms='
  0  qk verdict message
  1  store stream sampler polynomials attention deal layer training theory scores softmax_theory
     projection multihead symmetry_theory heads_theory additive_theory enclose ecdf tiling rounding
     overflow softmax_rounding exact reference tensor npy recording lanes/*
  2  experiment replay scored inputs weights part sums narrow given whole
  3  experiments/* claims theorems pictures
  4  engine commands option report report-* story ledger settle roff completion figure grid blocks
     dump plot plot-ledger script page gnuplot output help registry registry-list manual build
  5  main
'

# What only some rooms may see or say: rooms, what, as an extended regular expression over the code
# without comments and strings (but with includes).  "layer>1" are all rooms above layer 1.
only='
  lanes/lanes          include *<([a-z0-9]*intrin|arm_neon)[.]h>
  reference            include *<(mpfr|gmp)[.]h>
  engine               include *<(pthread|threads|time|sys/time)[.]h>
  layer>1              (^|[^a-z_])((v?f?printf|f?puts|putchar|perror|(secure_)?getenv) *[(]|stdout)
  main                 (^|[^a-z_])(stderr|_?exit|abort|assert)([^a-z_]|$)
'

set -uf
cd "${srcdir:-.}" || exit 99
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0
wrong () { echo "layout: $*"; failed=1; }

# Print the layer of room $1.
layer ()
{
  number=
  for pattern in $rooms; do
    case $pattern in [0-9]) number=$pattern; continue ;; esac
    # The pattern is meant to be one.
    # shellcheck disable=SC2254
    case $1 in $pattern) echo "$number"; return ;; esac
  done
}

# C without comments and without what stands in strings; lines keep their numbers.
code ()
{
  awk '
    {
      rest = $0; out = ""
      if (rest ~ /^ *# *include/) { print rest; next }
      while (rest != "")
        if (comment) {
          end = index (rest, "*/")
          if (!end) break
          rest = substr (rest, end + 2); comment = 0
        } else if (match (rest, /^"([^"\\]|\\.)*"/) || match (rest, /^\047([^\047\\]|\\.)*\047/)) {
          out = out "0"; rest = substr (rest, RLENGTH + 1)
        } else if (rest ~ /^\/\//)
          break
        else if (rest ~ /^\/\*/) {
          comment = 1; rest = substr (rest, 3)
        } else {
          out = out substr (rest, 1, 1); rest = substr (rest, 2)
        }
      print out
    }' "$1"
}

# The folders of the house, whichever are there; only kinds of file that people write.
for folder in src tests man bench proofs contrib; do
  [ ! -d $folder ] || find $folder -type f ! -path '*/.*' ! -path 'src/build.h*' \( \
    -name '*.[ch]' -o -name '*.in' -o -name '*.awk' -o -name '*.sh' -o -name '*.py' -o -name '*.v' \
    -o -name '*.[1-7]' -o -name '*.txt' -o -name '*.tsv' -o -name '*.json' -o -name '*.patch' \
    -o -name run-mutants \)
done | LC_ALL=C sort > "$work/files"
[ "$(wc -l < "$work/files")" -gt 20 ] || wrong "found almost no files in $(pwd)"

# ---- Rooms, includes, words

grep '^src/.*[.][ch]$' "$work/files" > "$work/sources"
while read -r file; do
  room=${file#src/}; room=${room%.[ch]}
  here=$(layer "$room")
  if [ -z "$here" ]; then
    wrong "$file is in no room: place it in the table of tests/layout.sh"
    continue
  fi
  code "$file" > "$work/code"

  sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$work/code" > "$work/includes"
  while read -r header; do
    target=${header%.h}
    [ ! -e "$(dirname "$file")/$header" ] || target=$(dirname "$room")/$target
    target=$(echo "${target#./}" | sed 's,[^/]*/[.][.]/,,')
    there=$(layer "$target")
    if [ -z "$there" ]; then
      wrong "$file includes $header, which is in no room"
    elif [ "$there" -gt "$here" ]; then
      wrong "$file (layer $here) includes $header (layer $there): includes point down"
    fi
  done < "$work/includes"

  echo "$only" > "$work/only"
  while read -r who what; do
    case $who in
      '' | "$room") continue ;;
      'layer>'*) [ "$here" -le "${who#layer>}" ] || continue ;;
    esac
    grep -nE "$what" "$work/code" > "$work/hits" && while read -r hit; do
      wrong "$file:$hit: only for $who"
    done < "$work/hits"
  done < "$work/only"

  # Installed headers lie in one folder.
  case $here:$file in
    [01]:src/lanes/*) ;;
    [01]:*.h)
      ! grep -q '^#include "lanes/' "$file" \
        || wrong "$file includes a header of lanes/, which it will not find where it is installed" ;;
  esac

  # Layers 0 and 1 are the library: a test for every file, one for all of src/lanes.
  case $here:$file in
    [01]:src/lanes/*.c) [ -e tests/t-lanes.c ] || wrong "$file has no tests/t-lanes.c" ;;
    [01]:*.c) [ -e "tests/t-$room.c" ] || wrong "$file has no tests/t-$room.c" ;;
  esac
  case $file in
    src/experiments/*.c)
      name=${room#experiments/}
      [ -e "man/qkcheck-$name.1" ] || wrong "$file has no man/qkcheck-$name.1" ;;
  esac
done < "$work/sources"

# ---- The first line says what a file is; lists are complete; no path of one machine

{ sed 's/#.*//' Makefile.am; grep AC_CONFIG_FILES configure.ac; } > "$work/lists"
printf '%s\n' Makefile.am configure.ac bootstrap >> "$work/files"
while read -r file; do
  name=$(basename "$file" .in)
  case $file in
    *.[ch] | *.h.in) begins="/* $name -- " ;;
    *.v) begins="(* $name -- " ;;
    *.[1-7]) begins=. ;;
    *.txt) begins='# ' ;;
    *.patch) begins='# check: ' ;;
    *.ac) begins="dnl $name -- " ;;
    *.json | *.tsv) begins= ;;
    *) begins="# $name -- " ;;
  esac
  first=$(sed -n '1 { /^#!/ d; p; q; }; 2 { p; q; }' "$file")
  case $first in
    "$begins"*) ;;
    *) wrong "$file: the first line does not begin with '$begins'" ;;
  esac

  listed=$file
  case $file in tests/*.c) listed=${file%.c} ;; esac # a program of one source
  while ! grep -qE "(^|[^A-Za-z0-9_./-])${listed%.in}([^A-Za-z0-9_./-]|$)" "$work/lists"; do
    listed=$(dirname "$listed")
    [ "$listed" != . ] || break
  done
  case $file:$listed in
    */*:.) wrong "$file is not listed in Makefile.am: it is not built, run or distributed" ;;
  esac

  grep -nE '(^|[^A-Za-z0-9_.$}-])/(home|root|work|Users)/' "$file" > "$work/hits" \
    && wrong "$file names a folder of one machine: $(head -n 1 "$work/hits")"
done < "$work/files"

[ $failed = 0 ] && echo "layout: $(wc -l < "$work/files") files in order"
exit $failed
