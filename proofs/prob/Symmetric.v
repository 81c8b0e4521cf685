(* Symmetric.v -- expectations that symmetry gives without a law: how much two heads look at the same
   keys, the cosine of a random direction, and the scores of given tokens under random weights.  *)

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

Section Symmetric.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).

Variable n : nat.

(* Random weights: measurable, at least 0, of sum 1. *)
Definition weights (p : 'I_n -> T -> R) : Prop :=
  (forall j, measurable_fun setT (p j)) /\ (forall j x, 0 <= p j x) /\ forall x, \sum_j p j x = 1.

Lemma weights_le1 p j x : weights p -> p j x <= 1.
Proof.
by move=> [_ [p0 p1]]; rewrite -(p1 x) (bigD1 j)//= ler_addl; apply: sumr_ge0.
Qed.

(* What is measurable and lies between -1 and 1 is integrable. *)
Lemma Int_bounded (X : T -> R) : measurable_fun setT X -> (forall x, `|X x| <= 1) -> Int X.
Proof.
by move=> mX X1; apply: (Int_le mX _ (Int_cst P1 1)) => x; rewrite normr1.
Qed.

Lemma Int_product (X Y : T -> R) : measurable_fun setT X -> measurable_fun setT Y ->
  (forall x, `|X x| <= 1) -> (forall x, `|Y x| <= 1) -> Int (fun x => X x * Y x).
Proof.
move=> mX mY X1 Y1; apply: Int_bounded => [|x]; first exact: measurable_funM.
by rewrite normrM mulr_ile1.
Qed.

Section Overlap.
Variables p r : 'I_n -> T -> R.
Hypotheses (wp : weights p) (wr : weights r).

Definition overlap (x : T) : R := \sum_j p j x * r j x.

Let small q : weights q -> forall j x, `|q j x| <= 1.
Proof. by move=> wq j x; rewrite ger0_norm ?weights_le1//; exact: wq.2.1. Qed.

Let Ioverlap j : Int (fun x => p j x * r j x).
Proof. by apply: Int_product; [exact: wp.1|exact: wr.1|exact: small|exact: small]. Qed.

Let Isquare q j : weights q -> Int (fun x => q j x ^+ 2).
Proof.
by move=> wq; under eq_fun do rewrite expr2; apply: Int_product;
  [exact: wq.1|exact: wq.1|exact: small|exact: small].
Qed.

(* Heads that are independent, key by key, and one of which favours no key. *)
Theorem overlap_independent : (0 < n)%N ->
  (forall j, independent P (joint (fun _ : 'I_1 => p j) (fun _ : 'I_1 => r j))) ->
  (forall i j, Ex (p i) = Ex (p j)) -> Ex overlap = n%:R^-1.
Proof.
move=> n0 indep same; have n1 : n%:R != 0 :> R by rewrite pnatr_eq0 -lt0n.
have Ip j : Int (p j) by apply: Int_bounded; [exact: wp.1|exact: small].
have Ir j : Int (r j) by apply: Int_bounded; [exact: wr.1|exact: small].
have mean j : Ex (p j) = n%:R^-1.
  apply: (mulfI n1); rewrite divff// mulr_natl -[n in LHS]card_ord -sumr_const.
  rewrite (eq_bigr (fun i => Ex (p i))) => [|i _]; last exact: same.
  rewrite -(Ex_sum P1)// -[RHS](Ex_cst P1 1); congr (Ex _); apply/funext => x; exact: wp.2.2.
rewrite /overlap (Ex_sum P1)// (eq_bigr (fun j => n%:R^-1 * Ex (r j))) => [|j _].
  rewrite -mulr_sumr -(Ex_sum P1)// (_ : (fun x => _) = fun=> 1) ?(Ex_cst P1) ?mulr1//.
  by apply/funext => x; exact: wr.2.2.
rewrite -(mean j).
by apply: (Ex_one_one P1 (indep j) _ _ ord0 ord0) => ?; exact: Isquare.
Qed.

(* Heads that share their inputs X and are independent given X, m j being the mean of both given X: then
   E p_j r_j = E m_j^2. *)
Theorem overlap_shared (m : 'I_n -> T -> R) : (0 < n)%N -> weights m ->
  (forall j, Ex (fun x => p j x * r j x) = Ex (fun x => m j x ^+ 2)) -> n%:R^-1 <= Ex overlap.
Proof.
move=> n0 wm E; have n1 : n%:R != 0 :> R by rewrite pnatr_eq0 -lt0n.
have Im j : Int (m j) by apply: Int_bounded; [exact: wm.1|exact: small].
have Im2 j : Int (fun x => m j x ^+ 2) by exact: Isquare.
rewrite /overlap (Ex_sum P1)// (eq_bigr (fun j => Ex (fun x => m j x ^+ 2))) => [|j _]; last exact: E.
(* m^2 >= 2 m / n - 1 / n^2 *)
have tangent j : n%:R^-1 * 2%:R * Ex (m j) - n%:R^-1 ^+ 2 <= Ex (fun x => m j x ^+ 2).
  rewrite -subr_ge0.
  suff -> : Ex (fun x => m j x ^+ 2) - (n%:R^-1 * 2%:R * Ex (m j) - n%:R^-1 ^+ 2) =
      Ex (fun x => (m j x - n%:R^-1) ^+ 2).
    by apply: fine_ge0; apply: integral_ge0 => x _; rewrite lee_fin sqr_ge0.
  rewrite -(ExZ _ (Im j)) -[X in _ - (_ - X)](Ex_cst P1) opprB addrA.
  rewrite [RHS](_ : _ = Ex (fun x => (m j x ^+ 2 + n%:R^-1 ^+ 2) + (-1) * (n%:R^-1 * 2%:R * m j x))).
    rewrite ExD; [|apply: IntD => //; exact: Int_cst|by do 2 apply: IntZ].
    by rewrite ExD//; [rewrite [X in _ = _ + X]ExZ ?mulN1r//; exact: IntZ|exact: Int_cst].
  congr (Ex _); apply/funext => x; rewrite sqrrB mulN1r addrAC; congr (_ + _ - _).
  by rewrite -mulr_natr [RHS]mulrC mulrA.
apply: (le_trans _ (ler_sum _ (fun j _ => tangent j))).
rewrite sumrB -mulr_sumr -(Ex_sum P1)// (_ : (fun x => _) = fun=> 1); last first.
  by apply/funext => x; exact: wm.2.2.
rewrite (Ex_cst P1) mulr1 sumr_const card_ord.
have -> : n%:R^-1 ^+ 2 *+ n = n%:R^-1 :> R by rewrite -(mulr_natr (_ ^+ 2)) expr2 -mulrA mulVf// mulr1.
by rewrite mulr_natr mulr2n addrK.
Qed.
End Overlap.

(* The direction w of a key, of length 1, whose coordinates look alike: their squares have the same mean,
   and two of them are uncorrelated; u is the direction of the query. *)
Section Direction.
Variables (w : 'I_n -> T -> R) (u : 'I_n -> R).
Hypothesis mw : forall i, measurable_fun setT (w i).
Hypothesis w1 : forall x, \sum_i w i x ^+ 2 = 1.
Hypothesis same : forall i j, Ex (fun x => w i x ^+ 2) = Ex (fun x => w j x ^+ 2).
Hypothesis apart : forall i j, i != j -> Ex (fun x => w i x * w j x) = 0.
Hypothesis u1 : \sum_i u i ^+ 2 = 1.

Definition direction_cosine (x : T) : R := \sum_i u i * w i x.

Let small i x : `|w i x| <= 1.
Proof.
rewrite -(@expr_le1 _ 2)// real_normK ?num_real// -(w1 x) (bigD1 i)//= ler_addl.
by apply: sumr_ge0 => j _; exact: sqr_ge0.
Qed.

Let Iww i j : Int (fun x => w i x * w j x).
Proof. exact: Int_product. Qed.

Theorem cosine_square : (0 < n)%N -> Ex (fun x => direction_cosine x ^+ 2) = n%:R^-1.
Proof.
move=> n0; have n1 : n%:R != 0 :> R by rewrite pnatr_eq0 -lt0n.
have Iw2 i : Int (fun x => w i x ^+ 2) by under eq_fun do rewrite expr2; exact: Iww.
have mean i : Ex (fun x => w i x ^+ 2) = n%:R^-1.
  apply: (mulfI n1); rewrite divff// mulr_natl -[n in LHS]card_ord -sumr_const.
  rewrite (eq_bigr (fun j => Ex (fun x => w j x ^+ 2))) => [|j _]; last exact: same.
  by rewrite -(Ex_sum P1)// -[RHS](Ex_cst P1 1); congr (Ex _); apply/funext => x; exact: w1.
rewrite (_ : (fun x => _) = fun x => \sum_i \sum_j (u i * u j) * (w i x * w j x)); last first.
  apply/funext => x; rewrite /direction_cosine expr2 big_distrlr/=.
  by apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite mulrACA.
rewrite (Ex_sum P1) => [|i]; last by apply: (Int_sum P1) => j; exact: IntZ.
rewrite (eq_bigr (fun i => u i ^+ 2 * n%:R^-1)) => [|i _]; first by rewrite -mulr_suml u1 mul1r.
rewrite (Ex_sum P1) => [|j]; last exact: IntZ.
rewrite (bigD1 i)//= big1 ?addr0 => [|j ji]; last by rewrite ExZ// apart ?mulr0// eq_sym.
by rewrite ExZ// -(mean i) expr2; congr (_ * Ex _); apply/funext => x; rewrite expr2.
Qed.

Theorem cosine_variance : (0 < n)%N -> (forall i, Ex (w i) = 0) -> Var direction_cosine = n%:R^-1.
Proof.
move=> n0 w0; rewrite -(cosine_square n0) /Expectation.Var.
suff -> : Ex direction_cosine = 0 by congr (Ex _); apply/funext => x; rewrite subr0.
have Iw i : Int (w i) by exact: Int_bounded.
rewrite /direction_cosine (Ex_sum P1) => [|i]; last exact: IntZ.
by rewrite big1// => i _; rewrite ExZ// w0 mulr0.
Qed.
End Direction.
End Symmetric.

(* Scores of two given tokens under random weights, W (a, c) being the weight from coordinate a to
   column c. *)
Section Weights.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).

Variables (D n : nat) (WQ WK : 'I_D * 'I_n -> T -> R) (x y : 'I_D -> R) (vq vk : R).
Hypothesis indep : independent P (joint WQ WK).
Hypothesis iq : forall u, Int (fun z => WQ u z ^+ 2).
Hypothesis ik : forall u, Int (fun z => WK u z ^+ 2).
Hypotheses (q0 : forall u, Ex (WQ u) = 0) (k0 : forall u, Ex (WK u) = 0).
Hypotheses (qv : forall u, Var (WQ u) = vq) (kv : forall u, Var (WK u) = vk).

Definition projection (W : 'I_D * 'I_n -> T -> R) (x : 'I_D -> R) (c : 'I_n) (z : T) : R :=
  \sum_a x a * W (a, c) z.

Let I := [finType of 'I_n * ('I_D * 'I_D)].
Let c2 (t : I) : R := x t.2.1 * y t.2.2.
Let term (t : I) (z : T) : R := WQ (t.2.1, t.1) z * WK (t.2.2, t.1) z.

Let scoreE z : score (projection WQ x) (projection WK y) z = \sum_t c2 t * term t z.
Proof.
rewrite /score /projection (eq_bigr (fun c => \sum_p c2 (c, p) * term (c, p) z)) => [|c _].
  by rewrite pair_bigA; apply: eq_bigr => -[].
rewrite big_distrlr/= pair_bigA/=; apply: eq_bigr => -[a b] _.
by rewrite /c2 /term/= mulrACA.
Qed.

Let Iterm t : Int (term t).
Proof. exact: (Int_one_one P1 indep iq ik). Qed.

Let Iterms t u : Int (fun z => term t z * term u z).
Proof. exact: (Int_two_two P1 indep iq ik). Qed.

Let Ex_terms t u : Ex (fun z => term t z * term u z) = if t == u then vq * vk else 0.
Proof.
rewrite (Ex_two_two P1 indep iq ik) (Ex_two P1 (independent_left P1 indep))//.
rewrite (Ex_two P1 (independent_right P1 indep))// !q0 !k0 !mul0r !add0r qv kv.
case: t u => c [a b] [e [f g]]; rewrite /= !xpair_eqE.
by case: (a == f); case: (b == g); case: (c == e); rewrite /= ?mul0r ?mulr0.
Qed.

(* E s = 0 and E s^2 = n vq vk |x|^2 |y|^2. *)
Theorem weights_mean : Ex (score (projection WQ x) (projection WK y)) = 0.
Proof.
rewrite (_ : score _ _ = fun z => \sum_t c2 t * term t z); last by apply/funext => z; exact: scoreE.
rewrite (Ex_sum P1) => [|t]; last exact: IntZ.
rewrite big1// => t _; rewrite ExZ//.
by rewrite (Ex_one_one P1 indep iq ik) q0 mul0r mulr0.
Qed.

Theorem weights_variance : Var (score (projection WQ x) (projection WK y)) =
  n%:R * (vq * vk) * ((\sum_a x a ^+ 2) * \sum_a y a ^+ 2).
Proof.
rewrite /Expectation.Var weights_mean.
rewrite (_ : (fun z => _) = fun z => \sum_t \sum_u (c2 t * c2 u) * (term t z * term u z)); last first.
  apply/funext => z; rewrite subr0 scoreE expr2 big_distrlr/=.
  by apply: eq_bigr => t _; apply: eq_bigr => u _; rewrite mulrACA.
rewrite (Ex_sum P1) => [|t]; last by apply: (Int_sum P1) => u; exact: IntZ.
rewrite (eq_bigr (fun t => vq * vk * c2 t ^+ 2)) => [|t _]; last first.
  rewrite (Ex_sum P1) => [|u]; last exact: IntZ.
  rewrite (bigD1 t)//= big1 ?addr0 => [|u ut].
    by rewrite ExZ// Ex_terms eqxx mulrC expr2.
  by rewrite ExZ// Ex_terms eq_sym (negbTE ut) mulr0.
rewrite -mulr_sumr (_ : \sum_t c2 t ^+ 2 = n%:R * ((\sum_a x a ^+ 2) * \sum_a y a ^+ 2)).
  by rewrite mulrCA mulrA.
rewrite -(pair_bigA _ (fun (c : 'I_n) (p : 'I_D * 'I_D) => (x p.1 * y p.2) ^+ 2))/=.
rewrite sumr_const card_ord mulr_natl; congr (_ *+ _).
rewrite big_distrlr/= pair_bigA/=; apply: eq_bigr => p _.
by rewrite exprMn.
Qed.
End Weights.
