(* Scale.v -- only the square root of the dimension keeps the variance of scores constant.

   Var (n^(-a) s) = n^(1 - 2a), for n independent components of mean 0 and variance 1; with pairs
   of correlation rho the mean is rho n, and n^(-a) E s is constant in n only for a = 1.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral exp.
From Qkcheck.prob Require Import Measure Independence Expectation Score Fourth Paired.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Powers.
Variable R : realType.
Implicit Types (m n : nat) (a b x : R).

Lemma powerD x a b : 0 < x -> x `^ a * x `^ b = x `^ (a + b).
Proof. by move=> x0; rewrite /exp_fun -expRD mulrDl. Qed.

(* The same power of two different numbers >= 1 is equal only where the exponent is 0. *)
Lemma power_inj m n a : (0 < m)%N -> (0 < n)%N -> m != n -> m%:R `^ a = n%:R `^ a -> a = 0.
Proof.
move=> m0 n0 mn /expR_inj/eqP; rewrite -subr_eq0 -mulrBr mulf_eq0 => /orP[/eqP//|].
rewrite subr_eq0 => /eqP /ln_inj e; move/negP: mn; case.
by rewrite -(eqr_nat R) e// posrE ltr0n.
Qed.

Lemma half_exponent a : 1 - a *+ 2 = 0 -> a = 2^-1.
Proof.
move=> /eqP; rewrite subr_eq0 => /eqP e; apply: (@mulIf _ 2%:R); first by rewrite pnatr_eq0.
by rewrite mulr_natr -e mulVf// pnatr_eq0.
Qed.

Lemma half_exponentK : 1 - 2^-1 *+ 2 = 0 :> R.
Proof. by rewrite -(mulr_natr 2^-1) mulVf ?pnatr_eq0// subrr. Qed.

Lemma power0 m : m%:R `^ (0 : R) = 1.
Proof. by rewrite /exp_fun mul0r expR0. Qed.
End Powers.

(* The score of dimension n, n^(-a) as scale. *)
Section OneDimension.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Variables (n : nat) (q k : 'I_n -> T -> R).
Hypothesis qk : standard P (joint q k).

Theorem power_score_variance (a : R) : (0 < n)%N ->
  Var P (fun x => n%:R `^ (- a) * score q k x) = n%:R `^ (1 - a *+ 2).
Proof.
move=> n0; have n0R : 0 < n%:R :> R by rewrite ltr0n.
rewrite (scaled_score_variance P1 qk) expr2 powerD// -{2}(exp_funr1 n0R) powerD//.
by congr exp_fun; rewrite mulr2n opprD [RHS]addrC.
Qed.

(* One dimension above 1 fixes the exponent, if the variance shall be 1. *)
Theorem exponent_of_one (a : R) : (1 < n)%N ->
  Var P (fun x => n%:R `^ (- a) * score q k x) = 1 <-> a = 2^-1.
Proof.
move=> n1; have n0 : (0 < n)%N by exact: ltnW.
rewrite power_score_variance//; split=> [e|->]; last by rewrite half_exponentK power0.
apply: half_exponent; apply: (@power_inj _ n 1) => //; first by rewrite gtn_eqF.
by rewrite e /exp_fun ln1 mulr0 expR0.
Qed.
End OneDimension.

(* Two dimensions fix it, if the variance shall only be the same in both. *)
Section TwoDimensions.
Context d (T : measurableType d) d' (T' : measurableType d') (R : realType).
Variables (P : {measure set T -> \bar R}) (P' : {measure set T' -> \bar R}).
Hypotheses (P1 : P setT = 1%E) (P1' : P' setT = 1%E).
Variables (m n : nat) (q k : 'I_m -> T -> R) (q' k' : 'I_n -> T' -> R).
Hypotheses (qk : standard P (joint q k)) (qk' : standard P' (joint q' k')).
Hypotheses (m0 : (0 < m)%N) (n0 : (0 < n)%N) (mn : m != n).

Theorem exponent_of_two (a : R) :
  Var P (fun x => m%:R `^ (- a) * score q k x) = Var P' (fun x => n%:R `^ (- a) * score q' k' x)
  <-> a = 2^-1.
Proof.
rewrite !power_score_variance//; split=> [/power_inj e|->]; last by rewrite half_exponentK !power0.
by apply: half_exponent; exact: e.
Qed.

Theorem slope_one :
  (ln (Var P' (score q' k')) - ln (Var P (score q k))) / (ln n%:R - ln m%:R) = 1.
Proof.
rewrite (score_variance_standard P1 qk) (score_variance_standard P1' qk') divff// subr_eq0.
apply/eqP => /ln_inj e; move/negP: mn; case.
by rewrite -(eqr_nat R) e// posrE ltr0n.
Qed.
End TwoDimensions.

(* Pairs of correlation rho: now the mean grows, like the dimension. *)
Section Mean.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Variables (n : nat) (m rho tau : R) (q z : 'I_n -> T -> R).
Hypotheses (q4 : standard4 P m q) (qz : standard P (joint q z)) (n0 : (0 < n)%N).

Theorem power_score_mean (a : R) :
  Ex P (fun x => n%:R `^ (- a) * score q (paired rho tau q z) x) = rho * n%:R `^ (1 - a).
Proof.
have n0R : 0 < n%:R :> R by rewrite ltr0n.
rewrite ExZ; last exact: (Int_paired P1 rho tau q4 qz).
rewrite (paired_mean P1 rho tau q4 qz) mulrCA; congr (_ * _).
by rewrite -{2}(exp_funr1 n0R) powerD// addrC.
Qed.
End Mean.
