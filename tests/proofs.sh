#!/bin/sh
# proofs.sh -- proofs/check.sh notices a weakened statement, a gap, an axiom, a theorem that is gone.
#
# On proofs of a few lines, which take a second each time.

set -u
: "${srcdir:=.}"
if [ -n "${lacks_base-}" ]; then
  echo "proofs: skipped: $lacks_base"
  exit 77
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0 tried=0

mkdir -p "$work/original/base" "$work/build"
cp "$srcdir/proofs/check.sh" "$srcdir/proofs/Uses.v" "$srcdir/proofs/axioms.tsv" "$work/original" || exit 99
cat > "$work/original/base/Small.v" << 'EOF'
(* Small.v -- twice a number.  *)
Require Import Arith.
Definition twice (n : nat) : nat := n + n.
Lemma twice_sum m n : twice (m + n) = twice m + twice n.
Proof. apply Nat.add_shuffle1. Qed.
Lemma twice_grows n : n <= twice n.
Proof. apply Nat.le_add_r. Qed.
Lemma unused : twice 2 = 4.
Proof. reflexivity. Qed.
EOF
cat > "$work/original/Claims.v" << 'EOF'
(* Claims.v -- what Small.v proves.  *)
Require Import Arith.
From Qkcheck.base Require Import Small.
Theorem sum_of_twice m n : twice (m + n) = twice m + twice n.
Proof. exact (twice_sum m n). Qed.
Theorem twice_is_more n : n <= twice n.
Proof. exact (twice_grows n). Qed.
EOF
printf '%s\tClaims.%s\tnone\tcommand\twords\n' first sum_of_twice second twice_is_more \
  > "$work/original/claims.tsv"

check () { builddir=$work/build sh "$work/proofs/check.sh" "$@" > "$work/log" 2>&1; }
fresh () { rm -rf "$work/proofs"; cp -R "$work/original" "$work/proofs"; }

# try WORDS FILE SED-SCRIPT [FILE SED-SCRIPT]...: this change of files must fail with these words.
try ()
{
  words=$1; shift
  fresh
  tried=$((tried + 1))
  change=$*
  while [ $# -gt 0 ]; do
    sed "$2" "$work/original/$1" > "$work/proofs/$1"
    if cmp -s "$work/original/$1" "$work/proofs/$1"; then echo "$2 changes nothing in $1"; failed=1; fi
    shift 2
  done
  check "$work/proofs/Claims.v"
  status=$?
  if [ $status != 1 ] || ! grep -qF -e "$words" "$work/log"; then
    echo "FAIL: with $change"
    echo "the check exits with $status and does not say '$words':"
    cat "$work/log"
    failed=1
  fi
}

fresh
check --update "$work/proofs/Claims.v" && cp "$work/proofs/Claims.txt" "$work/original" \
  && find "$work/proofs" | sort > "$work/before" && check "$work/proofs/Claims.v" \
  || { echo "FAIL: the unchanged proofs do not pass"; cat "$work/log"; exit 1; }
find "$work/proofs" | sort | diff "$work/before" - \
  || { echo "FAIL: the check writes beside the sources"; exit 1; }
# A run that was stopped while it wrote an object
compiled=$work/build/proofs/compiled/base
: > "$compiled/unfinished" && : > "$compiled/base/Small.vo" && check "$work/proofs/Claims.v" \
  && [ ! -e "$compiled/unfinished" ] \
  || { echo "FAIL: the check does not recover from a run that was stopped"; cat "$work/log"; exit 1; }
grep -q 'sum_of_twice' "$work/proofs/Claims.txt" && grep -q 'n + n' "$work/proofs/Claims.txt" \
  || { echo "FAIL: the text has no statement, or no definition"; exit 1; }

# Statements and what they speak of
try 'Claims.txt (<) is not what Coq prints' Claims.v 's/_more n : /&0 < n -> /; s/exact (twice_grows n)/exact (fun _ => twice_grows n)/'
try 'Claims.txt (<) is not what Coq prints' Claims.v 's/n <= twice n/n <= S (twice n)/; s/exact (twice_grows n)/exact (le_S _ _ (twice_grows n))/'
try 'Claims.txt (<) is not what Coq prints' base/Small.v 's/:= n + n/:= n + (n + 0)/; /^Proof/d; /^Lemma/s/$/ Proof. unfold twice; ring || (rewrite Nat.add_0_r; apply Nat.le_add_r). Qed./; s/^Require Import Arith/& Ring/'
try 'Claims.txt (<) is not what Coq prints' Claims.txt 's/n <= twice n/n <= n/'
try 'name other theorems' Claims.v '/_more/,$d'
try 'name other theorems' claims.tsv '/_more/d'
try 'Claims.txt (<) is not what Coq prints' Claims.v '/_more/,$d' claims.tsv '/_more/d'
try 'of kind not' Claims.v '/^Theorem twice_is_more/i Notation "x <= y" := (x <= y \\/ True).
s/exact (twice_grows n)/exact (or_intror I)/'
try 'does not compile' Claims.v 's/twice_grows n/twice_sum n/'
try 'not every theorem' Claims.v 's/exact (twice_grows n)/apply twice_grows/'
try 'base has no class mathcomp' claims.tsv 's/none/mathcomp/'

# Gaps and axioms, used and unused, under any name
try 'rests on: Small.twice_grows' base/Small.v '/twice_grows/,/Qed/s/Proof.*/Proof. Admitted./'
try 'rests on: Small.unused' base/Small.v '/unused/,/Qed/s/Proof.*/Proof. Admitted./'
for word in Axiom Hypothesis; do
  try 'of kind ' base/Small.v "2a $word own : forall n, n <= n + n."
done
try 'rests on: Small.own' base/Small.v '2a Context (own : forall n, n <= n + n).' Claims.v 's/twice_grows n/Small.own n/'
try 'an axiom of our own' base/Small.v '2a Context (own : forall n, n <= n + n).' \
  Claims.v 's/twice_grows n/Small.own n/' claims.tsv 's/none/reals/' axioms.tsv '$a base\treals\tSmall.own\tours'
try 'of kind ' base/Small.v '2a Module Type Given. Axiom own : False. End Given. Declare Module Mine : Given.'
try 'guarded' base/Small.v '2a Unset Guard Checking. Fixpoint own (n : nat) : False := own n.'
try 'positive' base/Small.v '2a Unset Positivity Checking. Inductive bad := Bad : (bad -> nat) -> bad. Definition own : bad -> nat := fun _ => 0.'
try 'hierarchy' base/Small.v '2a Unset Universe Checking. Definition own : Type := let t := Type : Type in (fun x : t => x) t.'
try 'a theorem of class none rests on' base/Small.v '2a Require Import Classical.' Claims.v 's/exact (twice_grows n)/exact (match Classical_Prop.classic True with or_introl _ => twice_grows n | or_intror _ => twice_grows n end)/'
try 'base rests on' base/Small.v '2a Require Import ClassicalEpsilon. Definition own := constructive_indefinite_description.'

[ $failed = 0 ] && echo "proofs: all of $tried changes noticed"
exit $failed
