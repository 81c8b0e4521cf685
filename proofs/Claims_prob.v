(* Claims_prob.v -- what the folder prob proves, restated in full; Claims_prob.txt is what Coq makes of it.  *)
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral exp.
From Qkcheck.prob Require Import Measure Independence Score.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

(* On a probability space, q_1 .. q_n, k_1 .. k_n mutually independent with mean 0 and variance 1:
   the score s = sum q_i k_i has variance n. *)
Theorem score_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (Z : bool * 'I_n -> T -> R) :
  P setT = 1%E -> (forall u, measurable_fun setT (Z u)) -> (forall u, Int P (fun x => Z u x ^+ 2)) ->
  mutually_independent P Z -> (forall u, Ex P (Z u) = 0) -> (forall u, Var P (Z u) = 1) ->
  Var P (score Z) = n%:R.
Proof. exact (fun P1 mZ iZ2 indepZ mean0 var1 => score_variance_n P1 mZ iZ2 indepZ mean0 var1). Qed.
