(* Measure.v -- the step on which independence rests: from indicators to functions.

   If  E 1_A(X) g = c P(X in A)  for every measurable A, then  E f(X) g = c E f(X)  for every
   measurable f >= 0: by linearity for simple functions, then by monotone convergence.  *)

From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Core.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.

Lemma measurable_prod (I : Type) (s : seq I) (Q : pred I) (F : I -> T -> R) :
  (forall i, measurable_fun setT (F i)) ->
  measurable_fun setT (fun x => \prod_(i <- s | Q i) F i x).
Proof.
move=> mF; elim: s => [|i s IH].
  by under eq_fun do rewrite big_nil; exact: measurable_fun_cst.
case: (boolP (Q i)) => Qi.
  by under eq_fun do rewrite big_cons Qi; exact: measurable_funM.
by under eq_fun do rewrite big_cons (negbTE Qi).
Qed.

Variables (X : T -> R) (mX : measurable_fun setT X).
Variables (g : T -> R) (mg : measurable_fun setT g) (g0 : forall x, 0 <= g x).
Variable c : R.
Hypothesis HXg : forall A : set R, measurable A ->
  (\int[P]_x (\1_A (X x) * g x)%:E = c%:E * P (X @^-1` A))%E.

Lemma mpreX (A : set R) : measurable A -> measurable (X @^-1` A).
Proof. by move=> mA; rewrite -[X in measurable X]setTI; exact: mX. Qed.

(* The step for a simple function: a finite sum of indicators. *)
Lemma core_nnsfun (h : {nnsfun R >-> R}) :
  (\int[P]_x (h (X x) * g x)%:E = c%:E * \int[P]_x (h (X x))%:E)%E.
Proof.
have mh k : measurable (h @^-1` [set k]) by exact: measurable_sfunP.
have mi k : measurable_fun setT (fun x => \1_(h @^-1` [set k]) (X x) : R).
  by apply: (measurable_fun_comp _ mX); exact: measurable_fun_indic.
have nn k x : (0 <= k * \1_(h @^-1` [set k]) (X x))%R.
  by have := nnfun_muleindic_ge0 h k (X x); rewrite -EFinM lee_fin.
transitivity (\sum_(k \in range h)
   \int[P]_x (k * \1_(h @^-1` [set k]) (X x) * g x)%:E)%E.
  rewrite -ge0_integral_fsum//; last 2 first.
  - move=> k; apply/EFin_measurable_fun; apply: measurable_funM => //.
    by apply: measurable_funM => //; exact: measurable_fun_cst.
  - by move=> k x _; rewrite lee_fin mulr_ge0.
  apply: eq_integral => x _; rewrite fsumEFin//; congr EFin.
  by rewrite {1}fimfunE !fsbig_finite//= mulr_suml.
transitivity (\sum_(k \in range h)
   (c%:E * \int[P]_x (k * \1_(h @^-1` [set k]) (X x))%:E))%E.
  apply eq_fsbigr => k /set_mem[y _ <-{k}].
  have hy : 0 <= h y by [].
  under eq_integral do rewrite -mulrA EFinM.
  rewrite ge0_integralM//; last 2 first.
  - by apply/EFin_measurable_fun; apply: measurable_funM.
  - by move=> x _; rewrite lee_fin mulr_ge0// indicE.
  rewrite HXg//.
  under [in RHS]eq_integral do rewrite EFinM.
  rewrite ge0_integralM//; last 2 first.
  - exact/EFin_measurable_fun.
  - by move=> x _; rewrite lee_fin indicE.
  rewrite muleCA; congr (_ * (_ * _))%E.
  have -> : (fun x => (\1_(h @^-1` [set h y]) (X x))%:E : \bar R) =
            (fun x => (\1_(X @^-1` (h @^-1` [set h y])) x)%:E) by [].
  by rewrite integral_indic ?setIT//; exact: mpreX.
rewrite -ge0_mule_fsumr; last first.
  by move=> k; apply: integral_ge0 => x _; rewrite lee_fin.
rewrite -ge0_integral_fsum//; last 2 first.
- move=> k; apply/EFin_measurable_fun; apply: measurable_funM => //.
  exact: measurable_fun_cst.
- by move=> k x _; rewrite lee_fin.
congr (_ * _)%E; apply: eq_integral => x _; rewrite fsumEFin//; congr EFin.
by rewrite [RHS]fimfunE.
Qed.

(* ... and for the limit of an increasing sequence of them. *)
Lemma core (f : R -> R) : measurable_fun setT f -> (forall y, 0 <= f y) ->
  (\int[P]_x (f (X x) * g x)%:E = c%:E * \int[P]_x (f (X x))%:E)%E.
Proof.
move=> mf f0.
have mf' : measurable_fun setT (EFin \o f) by exact/EFin_measurable_fun.
have f0' y : setT y -> (0 <= (EFin \o f) y)%E by rewrite lee_fin.
have [f_ [ndf f_f]] := approximation measurableT mf' f0'.
have mfX n : measurable_fun setT (fun x => f_ n (X x)).
  by apply: (measurable_fun_comp (f := f_ n)).
have cvf x : (fun n => (f_ n (X x))%:E) --> (f (X x))%:E by exact: (f_f (X x)).
have -> : (\int[P]_x (f (X x) * g x)%:E =
           lim (fun n => \int[P]_x (f_ n (X x) * g x)%:E))%E.
  rewrite -monotone_convergence//; last 3 first.
  - by move=> n; apply/EFin_measurable_fun; apply: measurable_funM.
  - by move=> n x _; rewrite lee_fin mulr_ge0.
  - by move=> x _ m n mn; rewrite lee_fin ler_wpmul2r//; exact/lefP/ndf.
  apply: eq_integral => x _; apply/esym/cvg_lim => //.
  have -> : (fun n => (f_ n (X x) * g x)%:E) = (fun n => (f_ n (X x))%:E * (g x)%:E)%E.
    by apply/funext => n; rewrite EFinM.
  by rewrite EFinM; apply: cvgeMr => //; exact: cvf.
have -> : (\int[P]_x (f (X x))%:E = lim (fun n => \int[P]_x (f_ n (X x))%:E))%E.
  rewrite -monotone_convergence//; last 3 first.
  - by move=> n; exact/EFin_measurable_fun.
  - by move=> n x _; rewrite lee_fin.
  - by move=> x _ m n mn; rewrite lee_fin; exact/lefP/ndf.
  by apply: eq_integral => x _; apply/esym/cvg_lim => //; exact: cvf.
rewrite -limeMl//; last first.
  apply: ereal_nondecreasing_is_cvg => m n mn; apply: ge0_le_integral => //.
  - by move=> x _; rewrite lee_fin.
  - exact/EFin_measurable_fun.
  - by move=> x _; rewrite lee_fin.
  - exact/EFin_measurable_fun.
  - by move=> x _; rewrite lee_fin; exact/lefP/ndf.
by congr (lim _); apply/funext => n; exact: core_nnsfun.
Qed.
End Core.
