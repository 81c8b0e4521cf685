(* Score.v -- mean and variance of a score  s = sum_i q_i k_i.

   The route of the notes, Var s = sum of Var (q_i k_i), needs two things they do not say: that the
   terms are uncorrelated, and that the expectation of a product is the product of expectations.
   Both are second moments across the two vectors, so the variance is proved once from these
   (Section Vectors), and then for independent components.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.
From Qkcheck.prob Require Import Measure Independence Expectation.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Score.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).
Local Notation Cov := (Cov P).

(* The score of the query q and the key k, vectors of n random components. *)
Definition score n (q k : 'I_n -> T -> R) : T -> R := fun x => \sum_i q i x * k i x.

(* Two letters from each side, where all components are independent. *)
Section TwoAndTwo.
Variables (U V : finType) (q : U -> T -> R) (k : V -> T -> R).
Hypothesis indep : independent P (joint q k).
Hypothesis iq : forall i, Int (fun x => q i x ^+ 2).
Hypothesis ik : forall j, Int (fun x => k j x ^+ 2).

Let one i u x : q i x * k u x = (\prod_(l <- [:: i]) q l x) * \prod_(l <- [:: u]) k l x.
Proof. by rewrite !big_seq1. Qed.
Let two i j u v x : (q i x * k u x) * (q j x * k v x) =
  (\prod_(l <- [:: i; j]) q l x) * \prod_(l <- [:: u; v]) k l x.
Proof. by rewrite !big_cons !big_nil !mulr1 mulrACA. Qed.

Lemma Int_one_one i u : Int (fun x => q i x * k u x).
Proof. by under eq_fun do rewrite one; exact: (Int_joint P1 indep iq ik). Qed.

Lemma Ex_one_one i u : Ex (fun x => q i x * k u x) = Ex (q i) * Ex (k u).
Proof.
under eq_fun do rewrite one; rewrite (Ex_joint P1 indep iq ik)//.
by congr (Ex _ * Ex _); apply/funext => x; rewrite big_seq1.
Qed.

Lemma Int_two_two i j u v : Int (fun x => (q i x * k u x) * (q j x * k v x)).
Proof. by under eq_fun do rewrite two; exact: (Int_joint P1 indep iq ik). Qed.

Lemma Ex_two_two i j u v : Ex (fun x => (q i x * k u x) * (q j x * k v x)) =
  Ex (fun x => q i x * q j x) * Ex (fun x => k u x * k v x).
Proof.
under eq_fun do rewrite two; rewrite (Ex_joint P1 indep iq ik)//.
by congr (Ex _ * Ex _); apply/funext => x; rewrite big_cons big_seq1.
Qed.
End TwoAndTwo.

(* From the second moments across the two vectors alone; inside, the components may be dependent. *)
Section Vectors.
Variables (n : nat) (q k : 'I_n -> T -> R).
Hypothesis iq : forall i, Int (q i).
Hypothesis ik : forall i, Int (k i).
Hypothesis iqq : forall i j, Int (fun x => q i x * q j x).
Hypothesis ikk : forall i j, Int (fun x => k i x * k j x).
Hypothesis iqk : forall i, Int (fun x => q i x * k i x).
Hypothesis iqkqk : forall i j, Int (fun x => (q i x * k i x) * (q j x * k j x)).
Hypothesis Eqk : forall i, Ex (fun x => q i x * k i x) = Ex (q i) * Ex (k i).
Hypothesis Eqkqk : forall i j, Ex (fun x => (q i x * k i x) * (q j x * k j x)) =
  Ex (fun x => q i x * q j x) * Ex (fun x => k i x * k j x).

Lemma Int_score : Int (score q k).
Proof. exact: (Int_sum P1). Qed.

Lemma Int_score2 : Int (fun x => score q k x ^+ 2).
Proof.
rewrite (_ : (fun x => _) = fun x => \sum_i \sum_j (q i x * k i x) * (q j x * k j x)).
  by apply: (Int_sum P1) => i; exact: (Int_sum P1).
by apply/funext => x; rewrite expr2 big_distrlr.
Qed.

Lemma vectors_mean : Ex (score q k) = \sum_i Ex (q i) * Ex (k i).
Proof. by rewrite /score (Ex_sum P1)//; apply: eq_bigr => i _. Qed.

Lemma vectors_variance : Var (score q k) = \sum_i \sum_j
  (Cov (q i) (q j) * Cov (k i) (k j) + Ex (q i) * Ex (q j) * Cov (k i) (k j)
   + Ex (k i) * Ex (k j) * Cov (q i) (q j)).
Proof.
rewrite /score (Var_sum P1)//; apply: eq_bigr => i _; apply: eq_bigr => j _.
rewrite !(Cov_alt P1)// Eqkqk !Eqk.
set A := Ex (fun x => q i x * q j x); set B := Ex (fun x => k i x * k j x).
set a := Ex (q i); set b := Ex (q j); set a' := Ex (k i); set b' := Ex (k j).
rewrite -mulrDl subrK (mulrBr A) mulrBr.
by rewrite (mulrC (a' * b') A) addrA subrK mulrACA (mulrC (a' * b')).
Qed.
End Vectors.

(* Independent components of any means and variances. *)
Section Components.
Variables (n : nat) (q k : 'I_n -> T -> R).
Hypothesis indep : independent P (joint q k).
Hypothesis iq2 : forall i, Int (fun x => q i x ^+ 2).
Hypothesis ik2 : forall i, Int (fun x => k i x ^+ 2).
Let iq : forall i, Int (q i).
Proof.
move=> i; have := Int_pow (m := 1) (p := 2) P1 (indep.1 (inl i)) isT (iq2 i).
by under eq_fun do rewrite expr1.
Qed.
Let ik : forall i, Int (k i).
Proof.
move=> i; have := Int_pow (m := 1) (p := 2) P1 (indep.1 (inr i)) isT (ik2 i).
by under eq_fun do rewrite expr1.
Qed.
Let iqk i := Int_one_one indep iq2 ik2 i i.
Let iqkqk i j := Int_two_two indep iq2 ik2 i j i j.

Theorem score_mean : Ex (score q k) = \sum_i Ex (q i) * Ex (k i).
Proof. by apply: vectors_mean => // i; exact: Ex_one_one. Qed.

Lemma Cov_independent (Z : 'I_n -> T -> R) i j : independent P Z ->
  (forall l, Int (fun x => Z l x ^+ 2)) -> (forall l, Int (Z l)) ->
  Int (fun x => Z i x * Z j x) -> Cov (Z i) (Z j) = if i == j then Var (Z i) else 0.
Proof. by move=> iZ i2 i1 i11; rewrite (Cov_alt P1)// (Ex_two P1)// addrC addKr. Qed.

(* The algebra of numbers stands apart: where a rewrite could compare two expectations, Coq would
   compute them. *)
Let sum_of_moments (v w m l : R) : v * w + m * m * w + l * l * v = v * w + v * l ^+ 2 + m ^+ 2 * w.
Proof. by rewrite -!expr2 addrAC (mulrC (l ^+ 2)). Qed.

Theorem score_variance : Var (score q k) =
  \sum_i (Var (q i) * Var (k i) + Var (q i) * Ex (k i) ^+ 2 + Ex (q i) ^+ 2 * Var (k i)).
Proof.
have indq := independent_left P1 indep; have indk := independent_right P1 indep.
have iqq i j := Int_pair P1 indq i j iq2; have ikk i j := Int_pair P1 indk i j ik2.
rewrite vectors_variance//; first last.
- by move=> i j; exact: Ex_two_two.
- by move=> i; exact: Ex_one_one.
have cq i j := Cov_independent indq iq2 iq (iqq i j).
have ck i j := Cov_independent indk ik2 ik (ikk i j).
apply: eq_bigr => i _; rewrite (bigD1 i)//= big1 ?addr0 => [|j ji].
  by rewrite cq ck eqxx; exact: sum_of_moments.
by rewrite cq ck eq_sym (negbTE ji) !mulr0 !addr0.
Qed.

Lemma Int_score_components : Int (score q k) /\ Int (fun x => score q k x ^+ 2).
Proof. by split; [exact: Int_score|exact: Int_score2]. Qed.

(* The same mean mq and variance vq in all components of the query, mk and vk in the key. *)
Corollary score_mean_equal (mq mk : R) :
  (forall i, Ex (q i) = mq) -> (forall i, Ex (k i) = mk) -> Ex (score q k) = n%:R * (mq * mk).
Proof.
move=> q0 k0; rewrite score_mean (eq_bigr (fun=> mq * mk)) => [|i _]; last by rewrite q0 k0.
by rewrite sumr_const card_ord mulr_natl.
Qed.

Corollary score_variance_equal (mq mk vq vk : R) :
  (forall i, Ex (q i) = mq) -> (forall i, Ex (k i) = mk) ->
  (forall i, Var (q i) = vq) -> (forall i, Var (k i) = vk) ->
  Var (score q k) = n%:R * (vq * vk + vq * mk ^+ 2 + mq ^+ 2 * vk).
Proof.
move=> q0 k0 q1 k1; rewrite score_variance.
rewrite (eq_bigr (fun=> vq * vk + vq * mk ^+ 2 + mq ^+ 2 * vk)) => [|i _].
  by rewrite sumr_const card_ord mulr_natl.
by rewrite q0 k0 q1 k1.
Qed.
End Components.

(* What the notes assume: independent components of mean 0 and variance 1. *)
Definition standard (I : finType) (Z : I -> T -> R) : Prop :=
  independent P Z /\ forall i, Int (fun x => Z i x ^+ 2) /\ Ex (Z i) = 0 /\ Var (Z i) = 1.

Section Standard.
Variables (n : nat) (q k : 'I_n -> T -> R).
Hypothesis qk : standard (joint q k).
Let indep := qk.1.
Let iq2 i := (qk.2 (inl i)).1.
Let ik2 i := (qk.2 (inr i)).1.
Let q0 i := (qk.2 (inl i)).2.1.
Let k0 i := (qk.2 (inr i)).2.1.
Let q1 i := (qk.2 (inl i)).2.2.
Let k1 i := (qk.2 (inr i)).2.2.

Theorem score_mean_standard : Ex (score q k) = 0.
Proof. by rewrite (score_mean_equal indep iq2 ik2 q0 k0) !mulr0. Qed.

Theorem score_variance_standard : Var (score q k) = n%:R.
Proof.
rewrite (score_variance_equal indep iq2 ik2 q0 k0 q1 k1).
by rewrite expr0n/= mulr0 mul0r !addr0 !mulr1.
Qed.

Corollary score_deviation : Num.sqrt (Var (score q k)) = Num.sqrt n%:R.
Proof. by rewrite score_variance_standard. Qed.

Lemma scaled_score_variance (c : R) : Var (fun x => c * score q k x) = c ^+ 2 * n%:R.
Proof.
have [i1 i2] := Int_score_components indep iq2 ik2.
by rewrite (Var_scale P1)// score_variance_standard.
Qed.

Theorem scaled_score_variance_one : (0 < n)%N ->
  Var (fun x => (Num.sqrt n%:R)^-1 * score q k x) = 1.
Proof.
by move=> n0; rewrite scaled_score_variance exprVn sqr_sqrtr// mulVf// pnatr_eq0 -lt0n.
Qed.
End Standard.

(* One term: the score of dimension 1. *)
Corollary term_variance (q k : 'I_1 -> T -> R) : standard (joint q k) ->
  Var (fun x => q ord0 x * k ord0 x) = 1.
Proof.
move=> qk; rewrite -[RHS](score_variance_standard qk); congr Var.
by apply/funext => x; rewrite /score big_ord_recl big_ord0 addr0.
Qed.

(* Components that are copies of one another: the terms are the same number n times. *)
Corollary copied_variance n (q k : 'I_1 -> T -> R) : standard (joint q k) ->
  Var (score (fun _ : 'I_n => q ord0) (fun _ => k ord0)) = n%:R ^+ 2.
Proof.
move=> qk; have [i1 i2] := Int_score_components qk.1
  (fun i => (qk.2 (inl i)).1) (fun i => (qk.2 (inr i)).1).
have -> : score (fun _ : 'I_n => q ord0) (fun _ => k ord0) = fun x => n%:R * score q k x.
  apply/funext => x; rewrite /score sumr_const card_ord big_ord_recl big_ord0 addr0.
  by rewrite -(mulr_natl (_ * _)).
by rewrite (Var_scale P1 _ i1 i2) (score_variance_standard qk) mulr1.
Qed.
End Score.
