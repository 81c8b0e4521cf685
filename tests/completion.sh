#!/bin/sh
# completion.sh -- the completions of shells are as rendered, complete what the program accepts, and are
# whole: every command, every option of its help, every row of the ledger.
#
# bash and fish are asked; zsh reads its file.  A shell that is missing is left out, and that is said.

set -u
LC_ALL=C.UTF-8
export LC_ALL
: "${QKCHECK:=./qkcheck}"
QKCHECK=$(realpath "$QKCHECK")
folder=$(realpath "${srcdir:-.}")/completion
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0 asked=0
wrong () { echo "completion: $*"; failed=1; }

for rendered in bash:qkcheck zsh:_qkcheck fish:qkcheck.fish; do
  "$QKCHECK" help --source "${rendered%%:*}" > "$work/rendered" || wrong "help --source $rendered: $?"
  cmp -s "$work/rendered" "$folder/${rendered#*:}" \
    || wrong "completion/${rendered#*:} is not what the program renders now: make -C build man, and commit it"
done

# ---- How shells are asked: the candidates for the line $1, cut behind its last character, one a line

cat > "$work/ask.bash" <<'END'
set -u
source "$1"
[[ ${3-} ]] && COMP_WORDBREAKS=$3
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=() word=''
# Words as bash parts them: at spaces and at breaks, which are words themselves.
for (( i = 0; i < ${#COMP_LINE}; i++ )); do
  c=${COMP_LINE:i:1}
  if [[ $c == ' ' ]]; then
    [[ $word ]] && COMP_WORDS+=("$word")
    word=''
  elif [[ $c == [=:] && $COMP_WORDBREAKS == *$c* ]]; then
    [[ $word ]] && COMP_WORDS+=("$word")
    COMP_WORDS+=("$c") word=''
  else
    word+=$c
  fi
done
COMP_WORDS+=("$word")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
compopt () { :; }
_qkcheck
(( ${#COMPREPLY[@]} == 0 )) || printf '%s\n' "${COMPREPLY[@]}"
END
ask_bash () { bash --norc --noprofile "$work/ask.bash" "$folder/qkcheck" "$@"; }
# shellcheck disable=SC2317
ask_fish () { HOME=$work fish --no-config -c "source $folder/qkcheck.fish; complete -C '$1'" | cut -f1; }

# offers SHELL LINE WORD...: exactly these are offered, in any order.
offers ()
{
  shell=$1 line=$2
  shift 2
  asked=$((asked + 1))
  printf '%s\n' "$@" | sed '/^$/d' | sort > "$work/wanted"
  ask_"$shell" "$line" 2> "$work/err" | sort > "$work/got"
  cmp -s "$work/wanted" "$work/got" || wrong "$shell, '$line': $(tr '\n' ' ' < "$work/got")$(cat "$work/err")"
}

# The options in the help of command $1, with '=' where a value follows.
options ()
{
  "$QKCHECK" "$1" --help | sed -n 's/^  \(-., \|    \)\(--[a-z-]*=\{0,1\}\).*/\2/p' | sort -u
}

commands=$("$QKCHECK" --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' | sed '/^help$/d')
[ "$(echo "$commands" | wc -w)" -ge 8 ] || wrong "found almost no commands in qkcheck --help"
cd "$work" || exit 99
mkdir arrays.d && touch q.npy 'two words.npy' notes.txt

# ---- bash

if command -v bash > /dev/null; then
  # shellcheck disable=SC2086
  offers bash 'qkcheck ' $commands help
  offers bash 'qkcheck var' variance
  offers bash 'qkcheck --v' --version
  offers bash 'qkcheck nonsense ' ''
  offers bash 'qkcheck help meth' method
  offers bash 'qkcheck variance --tol' --tolerance=
  offers bash 'qkcheck variance --tolerance=' ''
  offers bash 'qkcheck variance --format=j' json
  offers bash 'qkcheck variance --format j' json
  offers bash 'qkcheck variance --json --format=' text json csv markdown
  offers bash 'qkcheck variance --dist=st' student:nu=
  offers bash 'qkcheck variance --dist=student:n' nu=
  offers bash 'qkcheck variance --quantity=geary_ratio,score_v' geary_ratio,score_variance
  offers bash 'qkcheck symmetry --weights no' none
  offers bash 'qkcheck symmetry --weights=none,sha' none,shared
  offers bash 'qkcheck reference --whole soft' softmax
  offers bash 'qkcheck claims score-v' score-variance
  offers bash 'qkcheck claims score-mean score-v' score-variance
  offers bash 'qkcheck claims --question=Q1,arith' Q1,arithmetic
  offers bash 'qkcheck claims --seed' ''
  offers bash 'qkcheck audit ' q.npy 'two words.npy' arrays.d
  offers bash 'qkcheck audit q.npy t' 'two words.npy'
  offers bash 'qkcheck variance --blocks=' q.npy 'two words.npy' arrays.d
  offers bash 'qkcheck variance -o no' notes.txt
  offers bash 'qkcheck variance --output=no' notes.txt
  asked=$((asked + 1))
  [ "$(ask_bash 'qkcheck variance --format=j' ' ')" = --format=json ] \
    || wrong "bash without breaks at '=': $(ask_bash 'qkcheck variance --format=j' ' ')"
  for command in $commands; do
    # shellcheck disable=SC2046
    offers bash "qkcheck $command --" $(options "$command")
  done
  # shellcheck disable=SC2046
  offers bash 'qkcheck claims ' $("$QKCHECK" claims --quiet)
else
  echo 'completion: skipped: no bash to ask'
fi

# ---- fish, zsh

if command -v fish > /dev/null; then
  fish --no-execute "$folder/qkcheck.fish" || wrong "fish does not read its file"
  # shellcheck disable=SC2086
  offers fish 'qkcheck ' $commands help
  offers fish 'qkcheck help meth' method
  offers fish 'qkcheck claims score-v' score-variance
  offers fish 'qkcheck variance --format=j' --format=json
  offers fish 'qkcheck claims --seed' ''
  for command in $commands; do
    # shellcheck disable=SC2046
    offers fish "qkcheck $command --" $(options "$command" | tr -d =)
  done
else
  echo 'completion: skipped: no fish to ask'
fi
if command -v zsh > /dev/null; then
  zsh -f -n "$folder/_qkcheck" || wrong "zsh does not read its file"
  for command in $commands; do
    grep -q "^        $command) _arguments" "$folder/_qkcheck" || wrong "zsh does not know $command"
  done
else
  echo 'completion: skipped: no zsh to read its file'
fi

[ "$asked" -gt 0 ] || exit 77
[ $failed = 0 ] && echo "completion: $asked lines completed"
exit $failed
