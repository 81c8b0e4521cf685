(* Fourth.v -- fourth moments of independent components of mean 0 and variance 1, and what follows for norms.

   E Z_i Z_j Z_k Z_l is 1 where the letters form two different pairs, the fourth moment where all are the
   same, and 0 where one stands alone.  Everything about sampling errors is a sum of such numbers.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.
From Qkcheck.prob Require Import Measure Independence Expectation Score.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

(* ---- Numbers only: the fourth moments as a table, its products and its sums *)

Section Pairing.
Variable R : realType.

(* The fourth moment of the letters i, j, k, l, where that of one letter is m. *)
Definition pairing (I : eqType) (m : R) (i j k l : I) : R :=
  if (i == j) && (k == l) then if i == k then m else 1
  else if (i == k) && (j == l) || (i == l) && (j == k) then 1 else 0.

Lemma pairing_mul (I : eqType) m m' (i j k l : I) :
  pairing m i j k l * pairing m' i j k l = pairing (m * m') i j k l.
Proof. by rewrite /pairing; do ! case: ifP => _; rewrite ?mul0r ?mulr1. Qed.

Let simp := (mulr0n, mulr1n, mul0r, mulr0, mul1r, mulr1, add0r, addr0).

Definition same (I : eqType) (i j : I) : R := (i == j)%:R.

Lemma same_sum n (i : 'I_n) : \sum_j same i j = 1.
Proof.
rewrite (bigD1 i)//= /same eqxx big1 ?addr0// => j ji.
by rewrite eq_sym (negbTE ji).
Qed.

(* As a sum over the three ways to form pairs. *)
Lemma pairingE (I : eqType) m (i j k l : I) : pairing m i j k l =
  same i j * same k l + same i k * same j l + same i l * same j k
  + same i j * same i k * same i l * (m - 3%:R).
Proof.
rewrite /pairing /same.
have three (x : R) : 1 + 1 + 1 + (x - 3%:R) = x.
  by rewrite -[3%N]/(1 + 1 + 1)%N !natrD addrC subrK.
case: (eqVneq i j) => [<-|ij]/=; rewrite ?simp.
  case: (eqVneq k l) => [<-|kl]/=; rewrite ?simp.
    by case: (eqVneq i k) => _/=; rewrite ?simp ?three.
  case: (eqVneq i k) => [ik|ik]/=; last by rewrite ?andbF ?simp.
  by move: kl; rewrite -ik => /negbTE il; rewrite il ?simp.
case: (eqVneq i k) => [ik|ik]/=; rewrite ?simp.
  case: (eqVneq j l) => [jl|jl]/=; rewrite ?simp.
    by rewrite -jl (negbTE ij) ?simp.
  by rewrite -ik (eq_sym j) (negbTE ij) andbF ?simp.
case: (eqVneq i l) => [il|il]/=; rewrite ?simp//.
by case: (j == k); rewrite ?simp.
Qed.

(* Letters of two different families meet in pairs only within their family. *)
Lemma pairing_apart (A I : eqType) m (a c : A) (i j k l : I) : a != c ->
  pairing m (a, i) (a, j) (c, k) (c, l) = same i j * same k l.
Proof.
move=> ac; rewrite /pairing /same !xpair_eqE !eqxx (negbTE ac)/=.
by case: (i == j); case: (k == l); rewrite ?simp.
Qed.

Lemma pairing_within (A I : eqType) m (a : A) (i j k l : I) :
  pairing m (a, i) (a, j) (a, k) (a, l) = pairing m i j k l.
Proof. by rewrite /pairing !xpair_eqE !eqxx. Qed.

Section Sums.
Variable n : nat.
Implicit Types F G : 'I_n -> 'I_n -> 'I_n -> 'I_n -> R.

Definition sum4 F := \sum_i \sum_j \sum_k \sum_l F i j k l.

Lemma sum4D F G : sum4 (fun i j k l => F i j k l + G i j k l) = sum4 F + sum4 G.
Proof.
rewrite /sum4 -big_split/=; apply: eq_bigr => i _; rewrite -big_split/=; apply: eq_bigr => j _.
by rewrite -big_split/=; apply: eq_bigr => k _; rewrite -big_split.
Qed.

Lemma eq_sum4 F G : (forall i j k l, F i j k l = G i j k l) -> sum4 F = sum4 G.
Proof. by move=> e; do 4 (apply: eq_bigr => ? _). Qed.

Let N : R := n%:R.
Let sum_one (x : R) : \sum_(i < n) x = N * x.
Proof. by rewrite sumr_const card_ord mulr_natl. Qed.

Lemma sum4_first : sum4 (fun i j k l => same i j * same k l) = N ^+ 2.
Proof.
rewrite /sum4 (eq_bigr (fun=> N)) ?sum_one ?expr2// => i _.
rewrite -[RHS]mulr1 -(same_sum i) mulr_sumr; apply: eq_bigr => j _.
rewrite -sum_one; apply: eq_bigr => k _; by rewrite -mulr_sumr same_sum mulr1.
Qed.

Lemma sum4_second : sum4 (fun i j k l => same i k * same j l) = N ^+ 2.
Proof.
rewrite /sum4 (eq_bigr (fun=> N)) ?sum_one ?expr2// => i _.
rewrite -[RHS]mulr1 -sum_one; apply: eq_bigr => j _.
by rewrite -(same_sum i); apply: eq_bigr => k _; rewrite -mulr_sumr same_sum mulr1.
Qed.

Lemma sum4_third : sum4 (fun i j k l => same i l * same j k) = N ^+ 2.
Proof.
rewrite /sum4 (eq_bigr (fun=> N)) ?sum_one ?expr2// => i _.
rewrite -[RHS]mulr1 -sum_one; apply: eq_bigr => j _.
by rewrite -(same_sum j); apply: eq_bigr => k _; rewrite -mulr_suml same_sum mul1r.
Qed.

Lemma sum4_all (x : R) : sum4 (fun i j k l => same i j * same i k * same i l * x) = N * x.
Proof.
rewrite /sum4 -sum_one; apply: eq_bigr => i _.
rewrite -[RHS]mul1r -(same_sum i) mulr_suml; apply: eq_bigr => j _.
rewrite -[RHS]mulr1 -(same_sum i) mulr_sumr; apply: eq_bigr => k _.
by rewrite -mulr_suml -mulr_sumr same_sum mulr1 mulrAC.
Qed.

Lemma sum4_pairing m : sum4 (pairing m (I := _)) = N ^+ 2 *+ 3 + N * (m - 3%:R).
Proof.
rewrite (eq_sum4 (@pairingE _ m)) !sum4D sum4_first sum4_second sum4_third sum4_all.
by rewrite (mulrSr (N ^+ 2)) mulr2n.
Qed.

(* Two letters of one side, two of the other: the pairs are given. *)
Lemma sum4_pairs m : sum4 (fun i j k l => pairing m i j k l * (same i j * same k l)) =
  N ^+ 2 + N * (m - 1).
Proof.
rewrite (@eq_sum4 _ (fun i j k l => same i j * same k l +
  same i j * same i k * same i l * (m - 1))); first by rewrite sum4D sum4_first sum4_all.
move=> i j k l; rewrite /pairing /same.
case: (eqVneq i j) => [<-|ij]/=; rewrite ?simp//.
case: (eqVneq k l) => [<-|kl]/=; rewrite ?simp.
  by case: (i == k); rewrite ?simp// addrC subrK.
by case: (eqVneq i k) => [->|ik]/=; rewrite ?simp// (negbTE kl) ?simp.
Qed.
End Sums.
End Pairing.

(* ---- Random variables *)

Section Fourth.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).

(* Independent components of mean 0, variance 1 and the same fourth moment m; m = 3 + excess kurtosis. *)
Definition standard4 (I : finType) (m : R) (Z : I -> T -> R) : Prop :=
  independent P Z /\
  forall i, Int (fun x => Z i x ^+ 4) /\ Ex (Z i) = 0 /\ Var (Z i) = 1 /\ Ex (fun x => Z i x ^+ 4) = m.

Section Components.
Variables (I : finType) (m : R) (Z : I -> T -> R).
Hypothesis Z4 : standard4 m Z.
Let indep := Z4.1.
Let i4 i := (Z4.2 i).1.
Let mean0 i := (Z4.2 i).2.1.
Let fourth i := (Z4.2 i).2.2.2.

Let i2 i : Int (fun x => Z i x ^+ 2).
Proof. exact: (Int_pow (m := 2) (p := 4) P1 (indep.1 i) isT (i4 i)). Qed.

Lemma Int_component i : Int (Z i).
Proof.
have := Int_pow (m := 1) (p := 4) P1 (indep.1 i) isT (i4 i).
by under eq_fun do rewrite expr1.
Qed.

Lemma second_moment i : Ex (fun x => Z i x ^+ 2) = 1.
Proof.
have := (Z4.2 i).2.2.1; rewrite (Var_alt P1 (Int_component i) (i2 i)) mean0 => <-.
by rewrite expr0n subr0.
Qed.

Lemma standard4_standard : standard P Z.
Proof. by split=> // i; split; [exact: i2|split; [exact: mean0|exact: (Z4.2 i).2.2.1]]. Qed.

Let Ex_letter w u : (size w <= 4)%N ->
  count_mem u w = 1%N -> Ex (fun x => \prod_(v <- w) Z v x) = 0.
Proof.
move=> w4 cu; rewrite (Ex_word P1 indep (Int_letter P1 indep w4 i4)) (bigD1 u)//= cu.
by under eq_fun do rewrite expr1; rewrite mean0 mul0r.
Qed.

Let Ex_pairs w : (size w <= 4)%N ->
  (forall u, count_mem u w = 0%N \/ count_mem u w = 2%N) -> Ex (fun x => \prod_(v <- w) Z v x) = 1.
Proof.
move=> w4 cu; rewrite (Ex_word P1 indep (Int_letter P1 indep w4 i4)) big1// => u _.
case: (cu u) => ->; last exact: second_moment.
by under eq_fun do rewrite expr0; rewrite (Ex_cst P1).
Qed.

Lemma Ex_four i j k l : Ex (fun x => \prod_(u <- [:: i; j; k; l]) Z u x) = pairing m i j k l.
Proof.
rewrite /pairing.
case: (eqVneq i j) => [<-|ij]/=.
  case: (eqVneq k l) => [<-|kl]/=.
    case: (eqVneq i k) => [<-|ik].
      rewrite -(fourth i); congr Ex; apply/funext => x.
      by rewrite !big_cons big_nil mulr1 !exprS expr0 mulr1.
    apply: Ex_pairs => // u /=; case: (eqVneq i u) => [<-|iu]; first by rewrite eq_sym (negbTE ik); right.
    by case: (k == u); [right|left].
  case: (eqVneq i k) => [ik|ik]/=.
    move: kl; rewrite -ik => il; rewrite (negbTE il).
    by apply: (@Ex_letter _ l) => //=; rewrite eqxx (negbTE il).
  rewrite andbF; apply: (@Ex_letter _ k) => //=.
  by rewrite eqxx (negbTE ik) eq_sym (negbTE kl).
case: (eqVneq i k) => [<-|ik]/=.
  case: (eqVneq j l) => [<-|jl]/=.
    apply: Ex_pairs => // u /=; case: (eqVneq i u) => [<-|iu]; first by rewrite eq_sym (negbTE ij); right.
    by case: (j == u); [right|left].
  rewrite (eq_sym j) (negbTE ij) andbF; apply: (@Ex_letter _ j) => //=.
  by rewrite eqxx (negbTE ij) eq_sym (negbTE jl).
case: (eqVneq i l) => [<-|il]/=.
  case: (eqVneq j k) => [<-|jk]/=.
    apply: Ex_pairs => // u /=; case: (eqVneq i u) => [<-|iu]; first by rewrite eq_sym (negbTE ij); right.
    by case: (j == u); [right|left].
  apply: (@Ex_letter _ j) => //=.
  by rewrite eqxx (negbTE ij) eq_sym (negbTE jk).
apply: (@Ex_letter _ i) => //=.
by rewrite eqxx eq_sym (negbTE ij) eq_sym (negbTE ik) eq_sym (negbTE il).
Qed.
End Components.
End Fourth.
