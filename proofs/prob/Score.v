(* Score.v -- mean and variance of the score q.k on a probability space.  *)
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral exp.
From Qkcheck.prob Require Import Measure Independence.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Expectation.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.

(** Integrable real random variables and their expectation, as a real number. *)
Definition Int (X : T -> R) := P.-integrable setT (EFin \o X).
Definition Ex (X : T -> R) : R := fine (\int[P]_x (X x)%:E)%E.
Definition Var (X : T -> R) : R := Ex (fun x => (X x - Ex X) ^+ 2).
Implicit Types (X Y : T -> R) (c : R).

Lemma ExE X : Int X -> (\int[P]_x (X x)%:E = (Ex X)%:E)%E.
Proof. by move=> iX; rewrite /Ex fineK//; exact: integral_fune_fin_num. Qed.

Lemma Int_meas X : Int X -> measurable_fun setT X.
Proof. by case=> mX _; exact/EFin_measurable_fun. Qed.

Lemma IntD X Y : Int X -> Int Y -> Int (fun x => X x + Y x).
Proof. by move=> iX iY; exact: (integrableD measurableT iX iY). Qed.

Lemma IntZ c X : Int X -> Int (fun x => c * X x).
Proof. by move=> iX; exact: (integrablerM measurableT c iX). Qed.

Lemma ExD X Y : Int X -> Int Y -> Ex (fun x => X x + Y x) = Ex X + Ex Y.
Proof.
move=> iX iY; apply: EFin_inj; rewrite -ExE; last exact: IntD.
by rewrite EFinD -!ExE// -(integralD measurableT iX iY).
Qed.

Lemma ExZ c X : Int X -> Ex (fun x => c * X x) = c * Ex X.
Proof.
move=> iX; apply: EFin_inj; rewrite -ExE; last exact: IntZ.
by rewrite EFinM -ExE// -(integralM measurableT iX).
Qed.

Lemma Int_le X Y : measurable_fun setT X -> (forall x, `|X x| <= `|Y x|) -> Int Y -> Int X.
Proof.
move=> mX XY iY; apply: (le_integrable measurableT _ _ iY) => [|x _].
  exact/EFin_measurable_fun.
by rewrite lee_fin.
Qed.

Lemma Int_cst c : Int (fun=> c).
Proof.
split; first exact/EFin_measurable_fun/measurable_fun_cst.
by rewrite (@integral_cst _ _ _ P _ measurableT `|c|%:E) P1 mule1 ltry.
Qed.

Lemma Ex_cst c : Ex (fun=> c) = c.
Proof. by rewrite /Ex (@integral_cst _ _ _ P _ measurableT c%:E) P1 mule1. Qed.

Lemma Int_sum (I : Type) (s : seq I) (F : I -> T -> R) :
  (forall i, Int (F i)) -> Int (fun x => \sum_(i <- s) F i x).
Proof.
move=> iF; elim: s => [|i s IH].
  by under eq_fun do rewrite big_nil; exact: Int_cst.
by under eq_fun do rewrite big_cons; exact: IntD.
Qed.

Lemma Ex_sum (I : Type) (s : seq I) (F : I -> T -> R) :
  (forall i, Int (F i)) -> Ex (fun x => \sum_(i <- s) F i x) = \sum_(i <- s) Ex (F i).
Proof.
move=> iF; elim: s => [|i s IH].
  by under eq_fun do rewrite big_nil; rewrite Ex_cst big_nil.
under eq_fun do rewrite big_cons.
by rewrite ExD ?big_cons ?IH//; exact: Int_sum.
Qed.

Lemma Var_alt X : Int X -> Int (fun x => X x ^+ 2) ->
  Var X = Ex (fun x => X x ^+ 2) - Ex X ^+ 2.
Proof.
move=> iX iX2; rewrite /Var; set m := Ex X.
have -> : (fun x => (X x - m) ^+ 2) = (fun x => X x ^+ 2 + ((- (m *+ 2)) * X x + m ^+ 2)).
  by apply/funext => x; rewrite sqrrB mulNr mulrnAl -mulrnAr mulrnAr mulrC -addrA.
rewrite ExD//; last by apply: IntD; [exact: IntZ|exact: Int_cst].
rewrite ExD; [|exact: IntZ|exact: Int_cst].
rewrite ExZ// Ex_cst -/m mulNr mulrnAl -expr2 mulr2n opprD -addrA addNr addr0.
by [].
Qed.

Lemma Var_scale c X : Int X -> Int (fun x => X x ^+ 2) ->
  Var (fun x => c * X x) = c ^+ 2 * Var X.
Proof.
move=> iX iX2; rewrite !Var_alt//; last 2 first.
- exact: IntZ.
- by under eq_fun do rewrite exprMn; exact: IntZ.
under eq_fun do rewrite exprMn.
by rewrite !ExZ// exprMn mulrBr.
Qed.

(** ** Mixed moments of mutually independent variables factor *)
Section Prod.
Variables (I : finType) (Z : I -> T -> R).
Hypothesis mZ : forall i, measurable_fun setT (Z i).
Hypothesis indepZ : mutually_independent P Z.
Variables (f : I -> R -> R).
Hypothesis mf : forall i, measurable_fun setT (f i).
Hypothesis iF : forall i, Int (fun x => f i (Z i x)).

Let fp (b : bool) i y : R := maxr (if b then - f i y else f i y) 0.

Let fp0 b i y : 0 <= fp b i y. Proof. by rewrite /fp le_maxr lexx orbT. Qed.

Let mfp b i : measurable_fun setT (fp b i).
Proof.
apply: measurable_fun_max; last exact: measurable_fun_cst.
by case: b => //; exact: measurable_funN.
Qed.

Let fpE i y : f i y = \sum_(b : bool) (-1) ^+ b * fp b i y.
Proof.
rewrite big_bool /= expr1 expr0 mulN1r mul1r /fp.
have [f0|f0] := orP (le_total 0 (f i y)).
  by rewrite max_r ?oppr_le0// max_l// oppr0 add0r.
by rewrite max_l ?oppr_ge0// opprK max_r// addr0.
Qed.

Let ifp b i : Int (fun x => fp b i (Z i x)).
Proof.
apply: Int_le (iF i).
  exact: (measurable_fun_comp (f := fp b i)).
move=> x; rewrite (ger0_norm (fp0 _ _ _)) /fp le_maxl normr_ge0 andbT.
by case: b; [rewrite -normrN|]; exact: ler_norm.
Qed.

Let prodE x : \prod_i f i (Z i x) =
  \sum_(phi : {ffun I -> bool}) (\prod_i (-1) ^+ phi i) * \prod_i fp (phi i) i (Z i x).
Proof.
under eq_bigr do rewrite fpE.
by rewrite bigA_distr_bigA; apply: eq_bigr => phi _; rewrite big_split.
Qed.

Let ge0P (phi : {ffun I -> bool}) :
  (\int[P]_x (\prod_i fp (phi i) i (Z i x))%:E =
   (\prod_i Ex (fun x => fp (phi i) i (Z i x)))%:E)%E.
Proof.
apply: (ge0_expectation_prod P1 mZ indepZ (f := fun i => fp (phi i) i)) => //.
by move=> i; exact: ExE.
Qed.

Let intP (phi : {ffun I -> bool}) : Int (fun x => \prod_i fp (phi i) i (Z i x)).
Proof.
split.
  apply/EFin_measurable_fun/measurable_prod => i.
  exact: (measurable_fun_comp (f := fp (phi i) i)).
under eq_integral do rewrite /= ger0_norm ?prodr_ge0//.
by rewrite ge0P ltry.
Qed.

Theorem Int_prod : Int (fun x => \prod_i f i (Z i x)).
Proof.
rewrite (_ : (fun x => _) = fun x => \sum_(phi : {ffun I -> bool})
  (\prod_i (-1) ^+ phi i) * \prod_i fp (phi i) i (Z i x)); last exact/funext.
by apply: Int_sum => phi; exact: IntZ.
Qed.

Theorem Ex_prod : Ex (fun x => \prod_i f i (Z i x)) = \prod_i Ex (fun x => f i (Z i x)).
Proof.
rewrite (_ : (fun x => _) = fun x => \sum_(phi : {ffun I -> bool})
  (\prod_i (-1) ^+ phi i) * \prod_i fp (phi i) i (Z i x)); last exact/funext.
rewrite Ex_sum; last by move=> phi; exact: IntZ.
have EfE i : Ex (fun x => f i (Z i x)) =
    \sum_(b : bool) (-1) ^+ b * Ex (fun x => fp b i (Z i x)).
  under eq_fun do rewrite fpE.
  rewrite Ex_sum; last by move=> b; exact: IntZ.
  by apply: eq_bigr => b _; rewrite ExZ.
under [RHS]eq_bigr do rewrite EfE.
rewrite bigA_distr_bigA; apply: eq_bigr => phi _.
rewrite ExZ// big_split/=; congr (_ * _).
by apply: EFin_inj; rewrite -ExE// ge0P.
Qed.
End Prod.

(** ** The score  s = sum_i q_i k_i *)
Section Score.
Variable n : nat.
(* Z (false, i) = q_i,  Z (true, i) = k_i *)
Variable Z : bool * 'I_n -> T -> R.
Hypothesis mZ : forall u, measurable_fun setT (Z u).
Hypothesis iZ2 : forall u, Int (fun x => Z u x ^+ 2).
Hypothesis indepZ : mutually_independent P Z.

Let q i := Z (false, i).
Let k i := Z (true, i).
Definition score x := \sum_(i < n) q i x * k i x.

Let iZ u : Int (Z u).
Proof.
apply: (@Int_le _ (fun x => 1 + Z u x ^+ 2)) => //; last first.
  by apply: IntD; [exact: Int_cst|exact: iZ2].
move=> x; rewrite [leRHS]ger0_norm ?addr_ge0 ?sqr_ge0//.
rewrite -[Z u x ^+ 2]real_normK ?num_real//.
set a := `|Z u x|; have [a1|a1] := orP (le_total a 1).
  by rewrite (le_trans a1)// ler_addl sqr_ge0.
by rewrite -[leLHS]add0r ler_add// expr2 ler_pemull// (le_trans ler01).
Qed.

Lemma prod_delta (i : 'I_n) (a : 'I_n -> R) : \prod_(l < n) a l ^+ (l == i) = a i.
Proof.
rewrite (bigD1 i)//= eqxx expr1 big1 ?mulr1// => l li.
by rewrite (negbTE li) expr0.
Qed.

Lemma prod_delta2 (i j : 'I_n) (a : 'I_n -> R) :
  \prod_(l < n) a l ^+ ((l == i) + (l == j)) = a i * a j.
Proof. by under eq_bigr do rewrite exprD; rewrite big_split/= !prod_delta. Qed.

Let prod_pairs (F : bool * 'I_n -> R) :
  \prod_u F u = (\prod_(l < n) F (false, l)) * \prod_(l < n) F (true, l).
Proof.
rewrite (eq_bigr (fun u => F (u.1, u.2))) => [|[]//].
by rewrite -(pair_bigA _ (fun b l => F (b, l)))/= big_bool/= mulrC.
Qed.

(* multiplicity of coordinate u in the monomial q_i k_i q_j k_j (or q_i k_i) *)
Let e2 i j (u : bool * 'I_n) : nat := ((u.2 == i) + (u.2 == j))%N.
Let e1 i (u : bool * 'I_n) : nat := (u.2 == i).

Let mono2 i j x : \prod_u Z u x ^+ e2 i j u = (q i x * k i x) * (q j x * k j x).
Proof.
by rewrite prod_pairs /e2/= !prod_delta2 mulrACA.
Qed.

Let mono1 i x : \prod_u Z u x ^+ e1 i u = q i x * k i x.
Proof. by rewrite prod_pairs /e1/= !prod_delta. Qed.

Let iZn u m : (m <= 2)%N -> Int (fun x => Z u x ^+ m).
Proof.
case: m => [|[|[|//]]] _; first by under eq_fun do rewrite expr0; exact: Int_cst.
- by under eq_fun do rewrite expr1; exact: iZ.
- exact: iZ2.
Qed.

Let mexp m : measurable_fun setT (fun y : R => y ^+ m).
Proof. exact/measurable_fun_exprn/measurable_fun_id. Qed.

Let e2le i j u : (e2 i j u <= 2)%N.
Proof. by rewrite /e2; case: (_ == _); case: (_ == _). Qed.
Let e1le i u : (e1 i u <= 2)%N.
Proof. by rewrite /e1; case: (_ == _). Qed.

Lemma Int_qk i : Int (fun x => q i x * k i x).
Proof.
rewrite (_ : (fun x => _) = fun x => \prod_u Z u x ^+ e1 i u).
  apply: (Int_prod mZ indepZ (f := fun u y => y ^+ e1 i u)) => // u.
  exact: iZn.
by apply/funext => x; rewrite mono1.
Qed.

Lemma Int_qkqk i j : Int (fun x => (q i x * k i x) * (q j x * k j x)).
Proof.
rewrite (_ : (fun x => _) = fun x => \prod_u Z u x ^+ e2 i j u).
  apply: (Int_prod mZ indepZ (f := fun u y => y ^+ e2 i j u)) => // u.
  exact: iZn.
by apply/funext => x; rewrite mono2.
Qed.

Lemma Ex_qk i : Ex (fun x => q i x * k i x) = Ex (q i) * Ex (k i).
Proof.
rewrite (_ : (fun x => _) = fun x => \prod_u Z u x ^+ e1 i u); last first.
  by apply/funext => x; rewrite mono1.
rewrite (Ex_prod mZ indepZ (f := fun u y => y ^+ e1 i u))//; last first.
  by move=> u; exact: iZn.
have H u : Ex (fun x => Z u x ^+ e1 i u) = Ex (Z u) ^+ e1 i u.
  rewrite /e1; case: (_ == _) => /=; last by under eq_fun do rewrite expr0; rewrite Ex_cst.
  by under eq_fun do rewrite expr1; rewrite expr1.
under eq_bigr do rewrite H.
by rewrite prod_pairs /e1/= !prod_delta.
Qed.

Lemma Ex_qkqk_neq i j : i != j ->
  Ex (fun x => (q i x * k i x) * (q j x * k j x)) =
  (Ex (q i) * Ex (k i)) * (Ex (q j) * Ex (k j)).
Proof.
move=> ij.
rewrite (_ : (fun x => _) = fun x => \prod_u Z u x ^+ e2 i j u); last first.
  by apply/funext => x; rewrite mono2.
rewrite (Ex_prod mZ indepZ (f := fun u y => y ^+ e2 i j u))//; last first.
  by move=> u; exact: iZn.
have H u : Ex (fun x => Z u x ^+ e2 i j u) = Ex (Z u) ^+ (u.2 == i) * Ex (Z u) ^+ (u.2 == j).
  rewrite /e2; case: eqVneq => [->|_]; first rewrite (negbTE ij) /= ?addn0.
    by under eq_fun do rewrite expr1; rewrite expr1 expr0 mulr1.
  case: (_ == _) => /=; last by under eq_fun do rewrite expr0; rewrite Ex_cst !expr0 mulr1.
  by under eq_fun do rewrite expr1; rewrite expr1 expr0 mul1r.
under eq_bigr do rewrite H.
by rewrite prod_pairs/= !big_split/= !prod_delta mulrACA.
Qed.

Lemma Ex_qkqk_eq i :
  Ex (fun x => (q i x * k i x) * (q i x * k i x)) =
  Ex (fun x => q i x ^+ 2) * Ex (fun x => k i x ^+ 2).
Proof.
rewrite (_ : (fun x => _) = fun x => \prod_u Z u x ^+ e2 i i u); last first.
  by apply/funext => x; rewrite mono2.
rewrite (Ex_prod mZ indepZ (f := fun u y => y ^+ e2 i i u))//; last first.
  by move=> u; exact: iZn.
have H u : Ex (fun x => Z u x ^+ e2 i i u) = Ex (fun x => Z u x ^+ 2) ^+ (u.2 == i).
  rewrite /e2; case: (_ == _) => /=; last by under eq_fun do rewrite expr0; rewrite Ex_cst expr0.
  by rewrite expr1.
under eq_bigr do rewrite H.
by rewrite prod_pairs/= (prod_delta i (fun l => Ex (fun x => Z (false, l) x ^+ 2)))
  (prod_delta i (fun l => Ex (fun x => Z (true, l) x ^+ 2))).
Qed.

(** Main theorems, arbitrary means and variances. *)
Theorem score_mean : Ex score = \sum_(i < n) Ex (q i) * Ex (k i).
Proof.
rewrite /score Ex_sum; last by move=> i; exact: Int_qk.
by apply: eq_bigr => i _; exact: Ex_qk.
Qed.

Lemma Int_score : Int score.
Proof. by apply: Int_sum => i; exact: Int_qk. Qed.

Let score2E x : score x ^+ 2 = \sum_(i < n) \sum_(j < n) (q i x * k i x) * (q j x * k j x).
Proof. by rewrite expr2 /score big_distrlr. Qed.

Lemma Int_score2 : Int (fun x => score x ^+ 2).
Proof.
rewrite (_ : (fun x => _) = fun x => \sum_(i < n) \sum_(j < n)
  (q i x * k i x) * (q j x * k j x)); last exact/funext.
by apply: Int_sum => i; apply: Int_sum => j; exact: Int_qkqk.
Qed.

Theorem score_variance_moments : Var score =
  \sum_(i < n) (Ex (fun x => q i x ^+ 2) * Ex (fun x => k i x ^+ 2)
               - (Ex (q i) * Ex (k i)) ^+ 2).
Proof.
rewrite Var_alt; [|exact: Int_score|exact: Int_score2].
rewrite (_ : (fun x => _) = fun x => \sum_(i < n) \sum_(j < n)
  (q i x * k i x) * (q j x * k j x)); last exact/funext.
rewrite Ex_sum; last by move=> i; apply: Int_sum => j; exact: Int_qkqk.
rewrite score_mean expr2 big_distrlr/= -sumrB; apply: eq_bigr => i _.
rewrite Ex_sum; last by move=> j; exact: Int_qkqk.
rewrite -sumrB (bigD1 i)//= big1 ?addr0; first by rewrite Ex_qkqk_eq expr2.
by move=> j ji; rewrite Ex_qkqk_neq ?subrr// eq_sym.
Qed.

(** ... in terms of means and variances. *)
Theorem score_variance : Var score =
  \sum_(i < n) (Var (q i) * Var (k i) + Var (q i) * Ex (k i) ^+ 2
               + Ex (q i) ^+ 2 * Var (k i)).
Proof.
rewrite score_variance_moments; apply: eq_bigr => i _.
rewrite !Var_alt//; try exact: iZ; try exact: iZ2.
set a := Ex (fun x => q i x ^+ 2); set b := Ex (fun x => k i x ^+ 2).
set m := Ex (q i); set l := Ex (k i).
by rewrite -mulrDr subrK exprMn mulrBl mulrBr addrA subrK.
Qed.

Section Standard.
Hypothesis mean0 : forall u, Ex (Z u) = 0.
Hypothesis var1 : forall u, Var (Z u) = 1.

Theorem score_mean0 : Ex score = 0.
Proof. by rewrite score_mean big1// => i _; rewrite mean0 mul0r. Qed.

Theorem score_variance_n : Var score = n%:R.
Proof.
rewrite score_variance (eq_bigr (fun=> 1)) => [|i _]; last first.
  by rewrite !var1 !mean0 expr0n/= mulr0 mul0r !addr0 mulr1.
by rewrite sumr_const card_ord.
Qed.

Theorem scaled_score_variance1 : (0 < n)%N ->
  Var (fun x => (Num.sqrt n%:R)^-1 * score x) = 1.
Proof.
move=> n0; rewrite Var_scale; [|exact: Int_score|exact: Int_score2].
rewrite score_variance_n exprVn sqr_sqrtr// mulVf// pnatr_eq0 -lt0n//.
Qed.

Theorem exponent_unique (alpha : R) : (2 <= n)%N ->
  Var (fun x => expR (- alpha * ln n%:R) * score x) = 1 <-> alpha = 2^-1.
Proof.
move=> n2; have n0 : (0 < n%:R :> R) by rewrite ltr0n (leq_trans _ n2).
have l0 : 0 < ln (n%:R : R) by apply: ln_gt0; rewrite ltr1n.
rewrite Var_scale; [|exact: Int_score|exact: Int_score2].
rewrite score_variance_n -{2}[n%:R]lnK// expr2 -!expRD.
set l := ln _ in l0 *.
have -> : - alpha * l + - alpha * l + l = (1 - alpha *+ 2) * l.
  by rewrite mulrBl mul1r mulrnAl !mulNr mulr2n opprD [RHS]addrC.
rewrite -[X in _ = X]expR0; split=> [/expR_inj/eqP|->].
  rewrite mulf_eq0 (gt_eqF l0) orbF subr_eq0 => /eqP h.
  apply: (@mulIf _ 2%:R); first by rewrite pnatr_eq0.
  by rewrite mulr_natr -h mulVf// pnatr_eq0.
by rewrite -(mulr_natr 2^-1) mulVf ?pnatr_eq0// subrr mul0r.
Qed.
End Standard.
End Score.
End Expectation.
