(* Independence.v -- mutual independence of random variables, and what it gives for functions >= 0.

   E prod_i f_i(Z_i) = prod_i E f_i(Z_i): from the definition, which is about events, one variable
   after the other goes from an indicator to its f_i, by Measure.core.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.
From Qkcheck.prob Require Import Measure.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Indep.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.

(* Probability of an event, as a real number. *)
Definition Pr (A : set T) : R := fine (P A).

Lemma PrE (A : set T) : measurable A -> P A = (Pr A)%:E.
Proof.
move=> mA; rewrite /Pr fineK// ge0_fin_numE//.
apply: (@le_lt_trans _ _ (P setT)); first by apply: le_measure; rewrite ?inE.
by rewrite P1 ltry.
Qed.

Lemma Pr_ge0 A : 0 <= Pr A. Proof. exact: fine_ge0. Qed.

(* Random variables Z i that are mutually independent.  A subfamily is covered: take the whole line
   for the A i of the others. *)
Definition independent (I : finType) (Z : I -> T -> R) : Prop :=
  (forall i, measurable_fun setT (Z i)) /\
  forall A : I -> set R, (forall i, measurable (A i)) ->
    Pr (\bigcap_i (Z i @^-1` A i)) = \prod_i Pr (Z i @^-1` A i).

Variables (I : finType) (Z : I -> T -> R).
Hypothesis independentZ : independent Z.
Let mZ : forall i, measurable_fun setT (Z i) := independentZ.1.
Let indepZ := independentZ.2.

Section NonNeg.
Variables (f : I -> R -> R) (e : I -> R).
Hypothesis mf : forall i, measurable_fun setT (f i).
Hypothesis f0 : forall i y, 0 <= f i y.
Hypothesis fe : forall i, (\int[P]_x (f i (Z i x))%:E = (e i)%:E)%E.

(* coordinates in s carry f i, the others the indicator of A i *)
Let F (s : seq I) (A : I -> set R) i y : R := if i \in s then f i y else \1_(A i) y.
Let c (s : seq I) (A : I -> set R) i : R := if i \in s then e i else Pr (Z i @^-1` A i).

Let mF s A i : (forall i, measurable (A i)) ->
  measurable_fun setT (fun x => F s A i (Z i x)).
Proof.
move=> mA; rewrite /F; case: (i \in s).
  exact: (measurable_fun_comp (f := f i)).
apply: (measurable_fun_comp (f := \1_(A i) : R -> R)) => //.
exact: measurable_fun_indic.
Qed.

Let F0 s A i y : 0 <= F s A i y.
Proof. by rewrite /F; case: ifP => // _; rewrite indicE ler0n. Qed.
Let prod_indic A x : \prod_i F [::] A i (Z i x) = \1_(\bigcap_i (Z i @^-1` A i)) x.
Proof.
rewrite /F indicE; case: (boolP (x \in _)) => [/set_mem H|/negP H].
  by rewrite big1// => i _ /=; rewrite indicE mem_set//; exact: H.
have [i Hi] : exists i, ~ A i (Z i x).
  apply: contrapT => /forallNP N; apply: H; rewrite inE => i _.
  by apply: contrapT; exact: N.
by rewrite (bigD1 i)//= indicE memNset// mul0r.
Qed.

Let step s A : (forall i, measurable (A i)) ->
  (\int[P]_x (\prod_i F s A i (Z i x))%:E = (\prod_i c s A i)%:E)%E.
Proof.
elim: s A => [|k s IH] A mA.
  under eq_integral do rewrite prod_indic.
  rewrite integral_indic ?setIT//; last first.
    by apply: fin_bigcap_measurable => [|i _]; [exact: finite_finset|exact: mpreX].
  rewrite PrE; last by apply: fin_bigcap_measurable => [|i _]; [exact: finite_finset|exact: mpreX].
  by rewrite indepZ.
case: (boolP (k \in s)) => ks.
  have FE i y : F (k :: s) A i y = F s A i y.
    by rewrite /F inE; case: eqVneq => [->|//]; rewrite ks.
  have cE i : c (k :: s) A i = c s A i.
    by rewrite /c inE; case: eqVneq => [->|//]; rewrite ks.
  under eq_integral do under eq_bigr do rewrite FE.
  by under eq_bigr do rewrite cE; exact: IH.
pose g x := \prod_(i | i != k) F s A i (Z i x).
pose cg := \prod_(i | i != k) c s A i.
have mg : measurable_fun setT g by apply: measurable_prod => i; exact: mF.
have g0 x : 0 <= g x by apply: prodr_ge0.
have -> : (fun x => (\prod_i F (k :: s) A i (Z i x))%:E) =
          (fun x => (f k (Z k x) * g x)%:E).
  apply/funext => x; rewrite (bigD1 k)//= {1}/F inE eqxx; congr (_ * _)%:E.
  by apply: eq_bigr => i ik; rewrite /F inE (negbTE ik).
rewrite (core (c := cg) (mZ k) mg g0)//.
  rewrite fe -EFinM (bigD1 k)//= {1}/c inE eqxx mulrC; congr (_ * _)%:E.
  by apply: eq_bigr => i ik; rewrite /c inE (negbTE ik).
move=> B mB.
pose A' i := if i == k then B else A i.
have mA' i : measurable (A' i) by rewrite /A'; case: ifP.
have cE : \prod_i c s A' i = Pr (Z k @^-1` B) * cg.
  rewrite (bigD1 k)//= {1}/c (negbTE ks) /A' eqxx; congr (_ * _).
  by apply: eq_bigr => i ik; rewrite /c (negbTE ik).
rewrite PrE; last exact: mpreX.
rewrite -EFinM mulrC -cE -(IH A' mA'); apply: eq_integral => x _; congr EFin.
rewrite [RHS](bigD1 k)//= {1}/F (negbTE ks) /A' eqxx; congr (_ * _).
by apply: eq_bigr => i ik; rewrite /F (negbTE ik).
Qed.

Lemma ge0_expectation_prod :
  (\int[P]_x (\prod_i f i (Z i x))%:E = (\prod_i e i)%:E)%E.
Proof.
have := @step (enum I) (fun=> setT) (fun=> measurableT).
under eq_integral do under eq_bigr do rewrite /F mem_enum.
by under eq_bigr do rewrite /c mem_enum.
Qed.
End NonNeg.

End Indep.
