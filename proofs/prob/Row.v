(* Row.v -- the variance of the scores within a row, which is all that a softmax sees.

   One query, c keys whose components have the same means and variances.  A part of the score that
   all keys share moves the whole row and not its variance.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.
From Qkcheck.prob Require Import Measure Independence Expectation Score.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Row.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).

(* The sample variance of c numbers. *)
Definition sample_variance c (s : 'I_c -> R) : R :=
  (c%:R - 1)^-1 * \sum_b (s b - c%:R^-1 * \sum_f s f) ^+ 2.

Lemma sample_varianceE c (s : 'I_c -> R) : (0 < c)%N -> sample_variance s =
  (c%:R - 1)^-1 * (\sum_b s b ^+ 2 - c%:R^-1 * \sum_b \sum_f s b * s f).
Proof.
move=> c0; congr (_ * _); rewrite -[X in _ - _ * X]big_distrlr/=.
have c1 : c%:R != 0 :> R by rewrite pnatr_eq0 -lt0n.
set S := \sum_f s f; set m := c%:R^-1 * S.
rewrite (eq_bigr (fun b => s b ^+ 2 - (m *+ 2) * s b + m ^+ 2)) => [|b _]; last first.
  by rewrite sqrrB mulrnAl (mulrC m).
rewrite big_split sumrB/= -mulr_sumr -/S sumr_const card_ord -addrA; congr (_ + _).
have Sm : S = m * c%:R by rewrite /m mulrAC mulVf// mul1r.
have mS : m ^+ 2 *+ c = m * S by rewrite Sm -mulr_natr expr2 mulrA.
by rewrite mS mulrnAl mulr2n opprD subrK mulrA.
Qed.

Variables (n c : nat) (q : 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R) (l w : 'I_n -> R).
Hypothesis indep : independent P (joint q k).
Hypothesis iq2 : forall i, Int (fun x => q i x ^+ 2).
Hypothesis ik2 : forall u, Int (fun x => k u x ^+ 2).
Hypothesis mean_k : forall b i, Ex (k (b, i)) = l i.
Hypothesis var_k : forall b i, Var (k (b, i)) = w i.

Definition row_score (b : 'I_c) : T -> R := score q (fun i => k (b, i)).

Let product b f x : row_score b x * row_score f x =
  \sum_i \sum_j (q i x * k (b, i) x) * (q j x * k (f, j) x).
Proof. by rewrite /row_score /score big_distrlr. Qed.

Let iterm b f i j : Int (fun x => (q i x * k (b, i) x) * (q j x * k (f, j) x)).
Proof. exact: (Int_two_two P1 indep iq2 ik2). Qed.

Let iproduct b f : Int (fun x => row_score b x * row_score f x).
Proof. by under eq_fun do rewrite product; do 2 (apply: (Int_sum P1) => ?). Qed.

Let C := \sum_i \sum_j Ex (fun x => q i x * q j x) * (l i * l j).
Let W := \sum_i Ex (fun x => q i x ^+ 2) * w i.

Let Ex_product b f : Ex (fun x => row_score b x * row_score f x) = C + if b == f then W else 0.
Proof.
under eq_fun do rewrite product.
rewrite (Ex_sum P1) => [|i]; last exact: (Int_sum P1).
rewrite [X in _ + X](_ : _ =
    \sum_i if b == f then Ex (fun x => q i x ^+ 2) * w i else 0); last first.
  by case: (b == f); rewrite // big1.
rewrite -big_split/=; apply: eq_bigr => i _.
rewrite (Ex_sum P1)// (bigD1 i)//= [in RHS](bigD1 i)//= -!addrA [RHS]addrCA [RHS]addrC -[RHS]addrA.
have ik := independent_right P1 indep.
have kk j g : Ex (fun x => k (b, i) x * k (g, j) x) =
    l i * l j + if (b, i) == (g, j) then w i else 0.
  by rewrite (Ex_two P1 ik)// !mean_k var_k.
rewrite addrA; congr (_ + _); last first.
  apply: eq_bigr => j ji; rewrite (Ex_two_two P1 indep iq2 ik2) kk xpair_eqE.
  by rewrite (eq_sym i) (negbTE ji) andbF addr0.
rewrite (Ex_two_two P1 indep iq2 ik2) kk xpair_eqE eqxx andbT.
by case: (b == f); rewrite ?addr0 ?add0r// mulrDr addrC.
Qed.

(* E (sample variance of the row) = sum_i E q_i^2 Var k_i. *)
Theorem row_variance : (1 < c)%N ->
  Ex (fun x => sample_variance (fun b => row_score b x)) = \sum_i Ex (fun x => q i x ^+ 2) * w i.
Proof.
move=> c1; have c0 : (0 < c)%N by exact: ltnW.
have cn0 : c%:R != 0 :> R by rewrite pnatr_eq0 -lt0n.
have cn1 : c%:R - 1 != 0 :> R by rewrite subr_eq0 pnatr_eq1 gtn_eqF.
pose own x := \sum_b row_score b x * row_score b x.
pose all x := \sum_b \sum_f row_score b x * row_score f x.
have iown : Int own by exact: (Int_sum P1).
have iall : Int all by apply: (Int_sum P1) => b; exact: (Int_sum P1).
have Eown : Ex own = c%:R * (C + W).
  rewrite /own (Ex_sum P1)// (eq_bigr (fun=> C + W)) => [|b _]; last by rewrite Ex_product eqxx.
  by rewrite sumr_const card_ord mulr_natl.
have Eall : Ex all = c%:R * (c%:R * C + W).
  rewrite /all (Ex_sum P1) => [|b]; last exact: (Int_sum P1).
  rewrite (eq_bigr (fun=> c%:R * C + W)) => [|b _].
    by rewrite sumr_const card_ord -(mulr_natl (c%:R * C + W)).
  rewrite (Ex_sum P1)// (eq_bigr (fun f => C + if b == f then W else 0)) => [|f _].
    rewrite big_split/= sumr_const card_ord mulr_natl (bigD1 b)//= eqxx big1 ?addr0// => f fb.
    by rewrite eq_sym (negbTE fb).
  exact: Ex_product.
have -> : (fun x => sample_variance (fun b => row_score b x)) =
    fun x => (c%:R - 1)^-1 * (own x + (- c%:R^-1) * all x).
  by apply/funext => x; rewrite sample_varianceE// mulNr; congr (_ * (_ - _)).
rewrite ExZ; last by apply: IntD => //; exact: IntZ.
rewrite ExD//; last exact: IntZ.
rewrite ExZ// Eown Eall mulNr mulrA mulVf// mul1r -/W.
have -> : c%:R * (C + W) - (c%:R * C + W) = (c%:R - 1) * W.
  by rewrite mulrDr mulrBl mul1r addrAC opprD addrA addrN add0r addrC.
by rewrite mulrA mulVf// mul1r.
Qed.

(* With variances 1: the mean of the query counts, that of the keys does not. *)
Corollary row_variance_shift (mq : R) : (1 < c)%N ->
  (forall i, Ex (q i) = mq) -> (forall i, Var (q i) = 1) -> (forall i, w i = 1) ->
  Ex (fun x => sample_variance (fun b => row_score b x)) = n%:R * (1 + mq ^+ 2).
Proof.
move=> c1 q0 q1 w1; rewrite row_variance// (eq_bigr (fun=> 1 + mq ^+ 2)) => [|i _].
  by rewrite sumr_const card_ord mulr_natl.
have mqi := indep.1 (inl i).
have iq : Int (q i).
  by have := Int_pow (m := 1) (p := 2) P1 mqi isT (iq2 i); under eq_fun do rewrite expr1.
by have := Var_alt P1 iq (iq2 i); rewrite q0 q1 w1 mulr1 => ->; rewrite subrK.
Qed.
End Row.
