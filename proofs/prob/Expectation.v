(* Expectation.v -- expectation, variance, covariance; products of independent variables.

   A monomial in random variables is written as a word, the list of the indices of its factors: the
   word [:: i; i; j] stands for Z_i Z_i Z_j.  Ex_word and Ex_joint say what independence does to
   it; all moments of scores come from these two.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.
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

(* Integrable: measurable with finite integral of the absolute value.  The expectation is a real
   number. *)
Definition Int (X : T -> R) := P.-integrable setT (EFin \o X).
Definition Ex (X : T -> R) : R := fine (\int[P]_x (X x)%:E)%E.
Definition Var (X : T -> R) : R := Ex (fun x => (X x - Ex X) ^+ 2).
Definition Cov (X Y : T -> R) : R := Ex (fun x => (X x - Ex X) * (Y x - Ex Y)).
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

(* The expectation of a product of functions of independent variables, of any sign: split each into
   its positive and its negative part, and multiply out. *)
Section Prod.
Variables (I : finType) (Z : I -> T -> R).
Hypothesis indepZ : independent P Z.
Let mZ := indepZ.1.
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
apply: (ge0_expectation_prod P1 indepZ (f := fun i => fp (phi i) i)) => //.
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

(* Covariance of sums, and of squares. *)
Lemma Cov_alt X Y : Int X -> Int Y -> Int (fun x => X x * Y x) ->
  Cov X Y = Ex (fun x => X x * Y x) - Ex X * Ex Y.
Proof.
move=> iX iY iXY; rewrite /Cov; set m := Ex X; set l := Ex Y.
rewrite (_ : (fun x => (X x - m) * (Y x - l)) =
  (fun x => X x * Y x + ((- l) * X x + ((- m) * Y x + m * l)))); last first.
  apply/funext => x; rewrite mulrBl !mulrBr opprB mulNr (mulrC l) mulNr.
  by rewrite [m * l - _]addrC !addrA.
have i0 : Int (fun x => (- m) * Y x + m * l) by apply: IntD; [exact: IntZ|exact: Int_cst].
have i1 : Int (fun x => (- l) * X x + ((- m) * Y x + m * l)) by apply: IntD; [exact: IntZ|].
rewrite (ExD iXY i1) (ExD (IntZ _ iX) i0) (ExD (IntZ _ iY) (Int_cst _)) (ExZ _ iX) (ExZ _ iY).
rewrite Ex_cst -/m -/l.
by rewrite mulNr mulNr addNr addr0 mulrC.
Qed.

Lemma Var_sum (J : finType) (X : J -> T -> R) :
  (forall i, Int (X i)) -> (forall i j, Int (fun x => X i x * X j x)) ->
  Var (fun x => \sum_i X i x) = \sum_i \sum_j Cov (X i) (X j).
Proof.
move=> iX iXX.
have E2 : (fun x => (\sum_i X i x) ^+ 2) = (fun x => \sum_i \sum_j X i x * X j x).
  by apply/funext => x; rewrite expr2 big_distrlr.
rewrite Var_alt; first last.
- by rewrite E2; apply: Int_sum => i; exact: Int_sum.
- exact: Int_sum.
rewrite E2 !Ex_sum// ?expr2 ?big_distrlr/=; last by move=> i; exact: Int_sum.
rewrite -sumrB; apply: eq_bigr => i _.
by rewrite Ex_sum// -sumrB; apply: eq_bigr => j _; rewrite Cov_alt.
Qed.

(* Lower powers are integrable where a higher one is:  |X|^m <= 1 + |X^p|  for m <= p. *)
Lemma Int_pow X m p : measurable_fun setT X -> (m <= p)%N ->
  Int (fun x => X x ^+ p) -> Int (fun x => X x ^+ m).
Proof.
move=> mX mp iXp.
have mXm n : measurable_fun setT (fun x => X x ^+ n) by exact: measurable_fun_exprn.
have iN : Int (fun x => `|X x ^+ p|).
  apply: Int_le iXp => [|x]; last by rewrite normr_id.
  exact: (measurable_fun_comp (@measurable_fun_normr R setT) (mXm p)).
apply: (@Int_le _ (fun x => 1 + `|X x ^+ p|)) => // [x|]; last by apply: IntD; [exact: Int_cst|].
rewrite [leRHS]ger0_norm ?addr_ge0// !normrX.
set a := `|X x|; have [a1|a1] := orP (le_total a 1).
  by rewrite (le_trans (exprn_ile1 _ _ a1))// ?normr_ge0// ler_addl exprn_ge0// normr_ge0.
by rewrite (le_trans (ler_weexpn2l a1 mp))// ler_addr.
Qed.

(* Words over one independent family. *)
Section Words.
Variables (I : finType) (Z : I -> T -> R).
Hypothesis indepZ : independent P Z.
Let mZ := indepZ.1.
Implicit Types (w : seq I) (i j : I).

Lemma word_powers w x : \prod_(u <- w) Z u x = \prod_u Z u x ^+ count_mem u w.
Proof.
elim: w => [|v w IH]; first by rewrite big_nil big1.
rewrite big_cons {}IH; under [RHS]eq_bigr do rewrite exprD.
rewrite big_split/=; congr (_ * _).
rewrite (bigD1 v)//= eqxx expr1 big1 ?mulr1// => u uv.
by rewrite eq_sym (negbTE uv).
Qed.

Section OneWord.
Variable w : seq I.
Hypothesis iw : forall u, Int (fun x => Z u x ^+ count_mem u w).
Let mpow m : measurable_fun setT (fun y : R => y ^+ m).
Proof. exact/measurable_fun_exprn/measurable_fun_id. Qed.

Lemma Int_word : Int (fun x => \prod_(u <- w) Z u x).
Proof.
under eq_fun do rewrite word_powers.
exact: (Int_prod indepZ (f := fun u y => y ^+ count_mem u w)).
Qed.

Lemma Ex_word : Ex (fun x => \prod_(u <- w) Z u x) = \prod_u Ex (fun x => Z u x ^+ count_mem u w).
Proof.
under eq_fun do rewrite word_powers.
exact: (Ex_prod indepZ (f := fun u y => y ^+ count_mem u w)).
Qed.
End OneWord.

(* A word is integrable where the power of its length is. *)
Lemma Int_letter w p : (size w <= p)%N -> (forall u, Int (fun x => Z u x ^+ p)) ->
  forall u, Int (fun x => Z u x ^+ count_mem u w).
Proof. by move=> wp iZ u; apply: Int_pow (iZ u) => //; exact: leq_trans (count_size _ _) wp. Qed.

(* The second moments of an independent family. *)
Lemma Int_pair i j : (forall u, Int (fun x => Z u x ^+ 2)) -> Int (fun x => Z i x * Z j x).
Proof.
move=> i2; have : Int (fun x => \prod_(u <- [:: i; j]) Z u x).
  by apply: Int_word; exact: Int_letter i2.
by under eq_fun do rewrite big_cons big_seq1.
Qed.

Lemma Ex_two i j : (forall u, Int (fun x => Z u x ^+ 2)) ->
  Ex (fun x => Z i x * Z j x) = Ex (Z i) * Ex (Z j) + if i == j then Var (Z i) else 0.
Proof.
move=> i2; have i1 u : Int (Z u).
  by have := @Int_pow _ 1 2 (mZ u) isT (i2 u); under eq_fun do rewrite expr1.
case: eqVneq => [->|ij]; first by rewrite Var_alt// addrC expr2 subrK.
rewrite addr0.
transitivity (Ex (fun x => \prod_(u <- [:: i; j]) Z u x)).
  by congr Ex; apply/funext => x; rewrite big_cons big_seq1.
rewrite Ex_word; last exact: Int_letter i2.
have ji : j != i by rewrite eq_sym.
rewrite (bigD1 i)//= (bigD1 j ji)/= !eqxx (negbTE ji) (negbTE ij) !addn0 add0n.
rewrite big1 ?mulr1; last first.
  move=> u /andP[ui uj]; rewrite /= (eq_sym i u) (negbTE ui) (eq_sym j u) (negbTE uj).
  by under eq_fun do rewrite expr0; rewrite Ex_cst.
by congr (_ * _); under eq_fun do rewrite expr1.
Qed.
End Words.

(* Some variables of an independent family, each once, are independent. *)
Lemma independent_sub (I J : finType) (Z : I -> T -> R) (f : J -> I) :
  injective f -> independent P Z -> independent P (fun j => Z (f j)).
Proof.
move=> f_inj [mZ indZ]; split=> [j|A mA]; first exact: mZ.
pose B i := if [pick j | f j == i] is Some j then A j else setT.
have Bf j : B (f j) = A j.
  by rewrite /B; case: pickP => [l /eqP/f_inj -> //|/(_ j)]; rewrite eqxx.
have B0 i : i \notin [set f j | j in J]%SET -> B i = setT.
  by rewrite /B; case: pickP => [j /eqP <-|//]; rewrite imset_f.
have mB i : measurable (B i) by rewrite /B; case: pickP.
have := indZ B mB; rewrite (bigID (fun i => i \in [set f j | j in J]%SET))/=.
rewrite [X in _ * X]big1 ?mulr1; last by move=> i /B0 ->; rewrite preimage_setT /Pr P1.
rewrite (big_imset _ (in2W f_inj))/= => e; transitivity (Pr P (\bigcap_i (Z i @^-1` B i))).
  congr Pr; apply/seteqP; split=> x H => [i _|j _]; last first.
    by have := H (f j) Logic.I; rewrite /= Bf.
  have [/imsetP[j _ ->]|/B0 ->//] := boolP (i \in [set f j | j in J]%SET).
  by rewrite /= Bf; exact: H.
by rewrite e; apply: eq_bigr => j _; rewrite Bf.
Qed.

(* Two families as one. *)
Definition joint (U V : Type) (q : U -> T -> R) (k : V -> T -> R) (u : U + V) : T -> R :=
  match u with inl i => q i | inr j => k j end.

Section Joint.
Variables (U V : finType) (q : U -> T -> R) (k : V -> T -> R).
Hypothesis indep : independent P (joint q k).

Lemma independent_left : independent P q.
Proof.
split=> [i|A mA]; first exact: (indep.1 (inl i)).
have mB (u : U + V) : measurable (if u is inl i then A i else setT) by case: u.
have := indep.2 _ mB; rewrite big_sumType/= [X in _ * X]big1 ?mulr1 => [<-|j _].
  congr Pr; apply/seteqP; split=> x H => [[i|j] _//|i _]; first exact: H.
  exact: (H (inl i)).
by rewrite preimage_setT /Pr P1.
Qed.

Lemma independent_right : independent P k.
Proof.
split=> [i|A mA]; first exact: (indep.1 (inr i)).
have mB (u : U + V) : measurable (if u is inr i then A i else setT) by case: u.
have := indep.2 _ mB; rewrite big_sumType/= [X in X * _]big1 ?mul1r => [<-|j _].
  congr Pr; apply/seteqP; split=> x H => [[i|j] _//|i _]; first exact: H.
  exact: (H (inr i)).
by rewrite preimage_setT /Pr P1.
Qed.

Variables (m p : nat) (a : seq U) (b : seq V).
Hypothesis iq : forall i, Int (fun x => q i x ^+ m).
Hypothesis ik : forall j, Int (fun x => k j x ^+ p).
Hypotheses (am : (size a <= m)%N) (bp : (size b <= p)%N).

Let w : seq (U + V) := map inl a ++ map inr b.
Let count_left i : count_mem (inl i) w = count_mem i a.
Proof. by rewrite count_cat !count_map [X in (_ + X)%N]count_pred0 addn0; exact: eq_count. Qed.
Let count_right j : count_mem (inr j) w = count_mem j b.
Proof. by rewrite count_cat !count_map [X in (X + _)%N]count_pred0 add0n; exact: eq_count. Qed.

Let wordE x : \prod_(u <- w) joint q k u x = (\prod_(i <- a) q i x) * \prod_(j <- b) k j x.
Proof. by rewrite big_cat/= !big_map. Qed.

Let iw (u : U + V) : Int (fun x => joint q k u x ^+ count_mem u w).
Proof.
case: u => [i|j]; rewrite ?count_left ?count_right.
  exact: (Int_letter independent_left am).
exact: (Int_letter independent_right bp).
Qed.

Lemma Int_joint : Int (fun x => (\prod_(i <- a) q i x) * \prod_(j <- b) k j x).
Proof. by under eq_fun do rewrite -wordE; exact: Int_word. Qed.

(* A word in q times a word in k: the expectation is the product of theirs. *)
Lemma Ex_joint : Ex (fun x => (\prod_(i <- a) q i x) * \prod_(j <- b) k j x) =
  Ex (fun x => \prod_(i <- a) q i x) * Ex (fun x => \prod_(j <- b) k j x).
Proof.
under eq_fun do rewrite -wordE.
rewrite (Ex_word indep iw) big_sumType/= (Ex_word independent_left); last first.
  exact: (Int_letter independent_left am).
rewrite (Ex_word independent_right); last exact: (Int_letter independent_right bp).
by congr (_ * _); apply: eq_bigr => u _; rewrite ?count_left ?count_right.
Qed.
End Joint.
End Expectation.
