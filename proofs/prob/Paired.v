(* Paired.v -- keys correlated with their query: the mean of the score moves, and its variance.

   k_i = rho q_i + tau z_i  with  rho^2 + tau^2 = 1
   and z independent of q, so that k_i has mean 0, variance 1 and correlation rho with q_i.  Then
   s = rho ||q||^2 + tau q.z.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.
From Qkcheck.prob Require Import Measure Independence Expectation Score Fourth.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Paired.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).

Variables (n : nat) (m rho tau : R) (q z : 'I_n -> T -> R).
Hypotheses (q4 : standard4 P m q) (qz : standard P (joint q z)).
Hypothesis one : rho ^+ 2 + tau ^+ 2 = 1.
Let indep := qz.1.
Let iq4 i := (q4.2 i).1.
Let iz2 i := (qz.2 (inr i)).1.
Let iq2 i := (qz.2 (inl i)).1.

Definition paired (i : 'I_n) : T -> R := fun x => rho * q i x + tau * z i x.

Let X := norm2 q.
Let Y := score q z.

Let scoreE : score q paired = fun x => rho * X x + tau * Y x.
Proof.
apply/funext => x; rewrite /X /Y /norm2 /score !mulr_sumr -big_split/=; apply: eq_bigr => i _.
by rewrite /paired mulrDr !mulrA (mulrC (q i x) rho) (mulrC (q i x) tau) -mulrA -expr2.
Qed.

Let iX : Int X := Int_norm2 P1 q4.
Let iX2 : Int (fun x => X x ^+ 2) := Int_norm2_square P1 q4.
Let iYY := Int_score_components P1 indep iq2 iz2.

Let word i j x : q i x ^+ 2 * (q j x * z j x) =
  (\prod_(u <- [:: i; i; j]) q u x) * \prod_(u <- [:: j]) z u x.
Proof. by rewrite !big_cons !big_nil !mulr1 expr2 !mulrA. Qed.

Let XYE x : X x * Y x =
  \sum_i \sum_j (\prod_(u <- [:: i; i; j]) q u x) * \prod_(u <- [:: j]) z u x.
Proof.
rewrite /X /Y /norm2 /score big_distrlr/=.
by apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite word.
Qed.

Let iword i j : Int (fun x => (\prod_(u <- [:: i; i; j]) q u x) * \prod_(u <- [:: j]) z u x).
Proof. exact: (Int_joint P1 indep iq4 iz2). Qed.

Let iXY : Int (fun x => X x * Y x).
Proof. by under eq_fun do rewrite XYE; do 2 (apply: (Int_sum P1) => ?). Qed.

(* The two parts are uncorrelated: each term has a single z_j. *)
Let EXY : Ex (fun x => X x * Y x) = 0.
Proof.
under eq_fun do rewrite XYE.
rewrite (Ex_sum P1) => [|i]; last exact: (Int_sum P1).
rewrite big1// => i _; rewrite (Ex_sum P1)// big1// => j _.
rewrite (Ex_joint P1 indep iq4 iz2)// (_ : (fun x => \prod_(u <- [:: j]) z u x) = z j).
  by rewrite (qz.2 (inr j)).2.1 mulr0.
by apply/funext => x; rewrite big_seq1.
Qed.

Lemma Int_paired : Int (score q paired).
Proof. by rewrite scoreE; exact: IntD (IntZ rho iX) (IntZ tau iYY.1). Qed.

Theorem paired_mean : Ex (score q paired) = rho * n%:R.
Proof.
rewrite scoreE (ExD (IntZ rho iX) (IntZ tau iYY.1)) (ExZ rho iX) (ExZ tau iYY.1).
by rewrite (norm2_mean P1 q4) (score_mean_standard P1 qz) mulr0 addr0.
Qed.

Let square_parts (x y : R) : (rho * x + tau * y) ^+ 2 =
  rho ^+ 2 * x ^+ 2 + (tau ^+ 2 * y ^+ 2 + (rho * tau *+ 2) * (x * y)).
Proof. by rewrite sqrrD (mulrACA rho x) -mulrnAl !exprMn addrAC -addrA. Qed.

Let numbers (N : R) : rho ^+ 2 * (N ^+ 2 + N * (m - 1)) + (tau ^+ 2 * N + rho * tau *+ 2 * 0)
  - (rho * N) ^+ 2 = N * (1 + rho ^+ 2 * (m - 2%:R)).
Proof.
have cancel (a b c : R) : a + b + c - a = b + c by rewrite -[a + b + c]addrA addrC addKr.
rewrite mulr0 addr0 exprMn mulrDr cancel (_ : tau ^+ 2 = 1 - rho ^+ 2); last first.
  by rewrite -one [rho ^+ 2 + _]addrC addrK.
rewrite mulrCA [(1 - _) * N]mulrC -mulrDr addrCA; congr (_ * (_ + _)).
by rewrite -[2%N]/(1 + 1)%N natrD opprD addrA [in RHS]mulrBr mulr1.
Qed.

Theorem paired_variance : Var (score q paired) = n%:R * (1 + rho ^+ 2 * (m - 2%:R)).
Proof.
have iY := iYY.1; have iY2 := iYY.2; have iS := IntD (IntZ rho iX) (IntZ tau iY).
have i3 : Int (fun x => tau ^+ 2 * Y x ^+ 2 + (rho * tau *+ 2) * (X x * Y x)).
  by apply: IntD; exact: IntZ.
have i4 : Int (fun x => rho ^+ 2 * X x ^+ 2) by exact: IntZ.
have S2 : (fun x => (rho * X x + tau * Y x) ^+ 2) = fun x => rho ^+ 2 * X x ^+ 2 +
    (tau ^+ 2 * Y x ^+ 2 + (rho * tau *+ 2) * (X x * Y x)).
  by apply/funext => x; exact: square_parts.
have := paired_mean; rewrite scoreE => mean.
rewrite (Var_alt P1 iS) S2; last exact: IntD.
rewrite mean (ExD i4 i3) (ExD (IntZ _ iY2) (IntZ _ iXY)) (ExZ _ iX2) (ExZ _ iY2) (ExZ _ iXY) EXY.
rewrite (norm2_square P1 q4) -(numbers n%:R); congr (_ + (_ + _) - _).
have := score_variance_standard P1 qz; rewrite (Var_alt P1 iY iY2) (score_mean_standard P1 qz).
by rewrite expr0n subr0 => ->.
Qed.
End Paired.
