(* Fourth.v -- fourth moments of independent components, and so of norms and scores.

   E Z_i Z_j Z_k Z_l is 1 where the letters form two different pairs, the fourth moment where all
   are the same, and 0 where one stands alone.  Everything about sampling errors is a sum of such
   numbers.  *)

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

(* ---- Numbers only: the fourth moments as a table, its products and its sums *)

Section Pairing.
Variable R : realType.

(* The fourth moment of the letters i, j, k, l, where that of one letter is m. *)
Definition pairing (I : eqType) (m : R) (i j k l : I) : R :=
  if (i == j) && (k == l) then if i == k then m else 1
  else if (i == k) && (j == l) || (i == l) && (j == k) then 1 else 0.

Lemma pairing_mul (I : eqType) m m' (i j k l : I) :
  pairing m i j k l * pairing m' i j k l = pairing (m * m') i j k l.
Proof. by rewrite /pairing; do ! case: ifP => _; rewrite ?mul0r ?mulr1. Qed.

Let simp := (mulr0n, mulr1n, mul0r, mulr0, mul1r, mulr1, add0r, addr0).

Definition same (I : eqType) (i j : I) : R := (i == j)%:R.

Lemma same_sum n (i : 'I_n) : \sum_j same i j = 1.
Proof.
rewrite (bigD1 i)//= /same eqxx big1 ?addr0// => j ji.
by rewrite eq_sym (negbTE ji).
Qed.

(* As a sum over the three ways to form pairs. *)
Lemma pairingE (I : eqType) m (i j k l : I) : pairing m i j k l =
  same i j * same k l + same i k * same j l + same i l * same j k
  + same i j * same i k * same i l * (m - 3%:R).
Proof.
rewrite /pairing /same.
have three (x : R) : 1 + 1 + 1 + (x - 3%:R) = x.
  by rewrite -[3%N]/(1 + 1 + 1)%N !natrD addrC subrK.
case: (eqVneq i j) => [<-|ij]/=; rewrite ?simp.
  case: (eqVneq k l) => [<-|kl]/=; rewrite ?simp.
    by case: (eqVneq i k) => _/=; rewrite ?simp ?three.
  case: (eqVneq i k) => [ik|ik]/=; last by rewrite ?andbF ?simp.
  by move: kl; rewrite -ik => /negbTE il; rewrite il ?simp.
case: (eqVneq i k) => [ik|ik]/=; rewrite ?simp.
  case: (eqVneq j l) => [jl|jl]/=; rewrite ?simp.
    by rewrite -jl (negbTE ij) ?simp.
  by rewrite -ik (eq_sym j) (negbTE ij) andbF ?simp.
case: (eqVneq i l) => [il|il]/=; rewrite ?simp//.
by case: (j == k); rewrite ?simp.
Qed.

(* Letters of two different families meet in pairs only within their family. *)
Lemma pairing_apart (A I : eqType) m (a c : A) (i j k l : I) : a != c ->
  pairing m (a, i) (a, j) (c, k) (c, l) = same i j * same k l.
Proof.
move=> ac; rewrite /pairing /same !xpair_eqE !eqxx (negbTE ac)/=.
by case: (i == j); case: (k == l); rewrite ?simp.
Qed.

Lemma pairing_within (A I : eqType) m (a : A) (i j k l : I) :
  pairing m (a, i) (a, j) (a, k) (a, l) = pairing m i j k l.
Proof. by rewrite /pairing !xpair_eqE !eqxx. Qed.

Section Sums.
Variable n : nat.
Implicit Types F G : 'I_n -> 'I_n -> 'I_n -> 'I_n -> R.

Definition sum4 F := \sum_i \sum_j \sum_k \sum_l F i j k l.

Lemma sum4D F G : sum4 (fun i j k l => F i j k l + G i j k l) = sum4 F + sum4 G.
Proof.
rewrite /sum4 -big_split/=; apply: eq_bigr => i _; rewrite -big_split/=; apply: eq_bigr => j _.
by rewrite -big_split/=; apply: eq_bigr => k _; rewrite -big_split.
Qed.

Lemma eq_sum4 F G : (forall i j k l, F i j k l = G i j k l) -> sum4 F = sum4 G.
Proof. by move=> e; do 4 (apply: eq_bigr => ? _). Qed.

Let N : R := n%:R.
Let sum_one (x : R) : \sum_(i < n) x = N * x.
Proof. by rewrite sumr_const card_ord mulr_natl. Qed.

Lemma sum4_first : sum4 (fun i j k l => same i j * same k l) = N ^+ 2.
Proof.
rewrite /sum4 (eq_bigr (fun=> N)) ?sum_one ?expr2// => i _.
rewrite -[RHS]mulr1 -(same_sum i) mulr_sumr; apply: eq_bigr => j _.
rewrite -sum_one; apply: eq_bigr => k _; by rewrite -mulr_sumr same_sum mulr1.
Qed.

Lemma sum4_second : sum4 (fun i j k l => same i k * same j l) = N ^+ 2.
Proof.
rewrite /sum4 (eq_bigr (fun=> N)) ?sum_one ?expr2// => i _.
rewrite -[RHS]mulr1 -sum_one; apply: eq_bigr => j _.
by rewrite -(same_sum i); apply: eq_bigr => k _; rewrite -mulr_sumr same_sum mulr1.
Qed.

Lemma sum4_third : sum4 (fun i j k l => same i l * same j k) = N ^+ 2.
Proof.
rewrite /sum4 (eq_bigr (fun=> N)) ?sum_one ?expr2// => i _.
rewrite -[RHS]mulr1 -sum_one; apply: eq_bigr => j _.
by rewrite -(same_sum j); apply: eq_bigr => k _; rewrite -mulr_suml same_sum mul1r.
Qed.

Lemma sum4_all (x : R) : sum4 (fun i j k l => same i j * same i k * same i l * x) = N * x.
Proof.
rewrite /sum4 -sum_one; apply: eq_bigr => i _.
rewrite -[RHS]mul1r -(same_sum i) mulr_suml; apply: eq_bigr => j _.
rewrite -[RHS]mulr1 -(same_sum i) mulr_sumr; apply: eq_bigr => k _.
by rewrite -mulr_suml -mulr_sumr same_sum mulr1 mulrAC.
Qed.

Lemma sum4_pairing m : sum4 (pairing m (I := _)) = N ^+ 2 *+ 3 + N * (m - 3%:R).
Proof.
rewrite (eq_sum4 (@pairingE _ m)) !sum4D sum4_first sum4_second sum4_third sum4_all.
by rewrite (mulrSr (N ^+ 2)) mulr2n.
Qed.

Lemma sum_two m : \sum_(i < n) \sum_(j < n) pairing m i i j j = N ^+ 2 + N * (m - 1).
Proof.
rewrite expr2 -mulrDr -sum_one; apply: eq_bigr => i _.
transitivity (\sum_(j < n) (1 + same i j * (m - 1))).
  apply: eq_bigr => j _; rewrite /pairing /same !eqxx/=.
  by case: (i == j); rewrite ?simp// addrC subrK.
by rewrite big_split/= sum_one mulr1 -mulr_suml same_sum mul1r.
Qed.

(* Two letters of one side, two of the other: the pairs are given. *)
Lemma sum4_pairs m : sum4 (fun i j k l => pairing m i j k l * (same i j * same k l)) =
  N ^+ 2 + N * (m - 1).
Proof.
rewrite (@eq_sum4 _ (fun i j k l => same i j * same k l +
  same i j * same i k * same i l * (m - 1))); first by rewrite sum4D sum4_first sum4_all.
move=> i j k l; rewrite /pairing /same.
case: (eqVneq i j) => [<-|ij]/=; rewrite ?simp//.
case: (eqVneq k l) => [<-|kl]/=; rewrite ?simp.
  by case: (i == k); rewrite ?simp// addrC subrK.
by case: (eqVneq i k) => [->|ik]/=; rewrite ?simp// (negbTE kl) ?simp.
Qed.
End Sums.
End Pairing.

(* ---- Random variables *)

Section Fourth.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).

(* Independent components of mean 0, variance 1 and the same fourth moment m; m = 3 + excess
   kurtosis. *)
Definition standard4 (I : finType) (m : R) (Z : I -> T -> R) : Prop :=
  independent P Z /\
  forall i, Int (fun x => Z i x ^+ 4) /\
    Ex (Z i) = 0 /\ Var (Z i) = 1 /\ Ex (fun x => Z i x ^+ 4) = m.

Section Components.
Variables (I : finType) (m : R) (Z : I -> T -> R).
Hypothesis Z4 : standard4 m Z.
Let indep := Z4.1.
Let i4 i := (Z4.2 i).1.
Let mean0 i := (Z4.2 i).2.1.
Let fourth i := (Z4.2 i).2.2.2.

Let i2 i : Int (fun x => Z i x ^+ 2).
Proof. exact: (Int_pow (m := 2) (p := 4) P1 (indep.1 i) isT (i4 i)). Qed.

Lemma Int_component i : Int (Z i).
Proof.
have := Int_pow (m := 1) (p := 4) P1 (indep.1 i) isT (i4 i).
by under eq_fun do rewrite expr1.
Qed.

Lemma second_moment i : Ex (fun x => Z i x ^+ 2) = 1.
Proof.
have := (Z4.2 i).2.2.1; rewrite (Var_alt P1 (Int_component i) (i2 i)) mean0 => <-.
by rewrite expr0n subr0.
Qed.

Lemma standard4_standard : standard P Z.
Proof. by split=> // i; split; [exact: i2|split; [exact: mean0|exact: (Z4.2 i).2.2.1]]. Qed.

Let Ex_letter w u : (size w <= 4)%N ->
  count_mem u w = 1%N -> Ex (fun x => \prod_(v <- w) Z v x) = 0.
Proof.
move=> w4 cu; rewrite (Ex_word P1 indep (Int_letter P1 indep w4 i4)) (bigD1 u)//= cu.
by under eq_fun do rewrite expr1; rewrite mean0 mul0r.
Qed.

Let Ex_pairs w : (size w <= 4)%N ->
  (forall u, count_mem u w = 0%N \/ count_mem u w = 2%N) -> Ex (fun x => \prod_(v <- w) Z v x) = 1.
Proof.
move=> w4 cu; rewrite (Ex_word P1 indep (Int_letter P1 indep w4 i4)) big1// => u _.
case: (cu u) => ->; last exact: second_moment.
by under eq_fun do rewrite expr0; rewrite (Ex_cst P1).
Qed.

Lemma Ex_four i j k l : Ex (fun x => \prod_(u <- [:: i; j; k; l]) Z u x) = pairing m i j k l.
Proof.
rewrite /pairing.
case: (eqVneq i j) => [<-|ij]/=.
  case: (eqVneq k l) => [<-|kl]/=.
    case: (eqVneq i k) => [<-|ik].
      rewrite -(fourth i); congr Ex; apply/funext => x.
      by rewrite !big_cons big_nil mulr1 !exprS expr0 mulr1.
    apply: Ex_pairs => // u /=; case: (eqVneq i u) => [<-|iu].
      by rewrite eq_sym (negbTE ik); right.
    by case: (k == u); [right|left].
  case: (eqVneq i k) => [ik|ik]/=.
    move: kl; rewrite -ik => il; rewrite (negbTE il).
    by apply: (@Ex_letter _ l) => //=; rewrite eqxx (negbTE il).
  rewrite andbF; apply: (@Ex_letter _ k) => //=.
  by rewrite eqxx (negbTE ik) eq_sym (negbTE kl).
case: (eqVneq i k) => [<-|ik]/=.
  case: (eqVneq j l) => [<-|jl]/=.
    apply: Ex_pairs => // u /=; case: (eqVneq i u) => [<-|iu].
      by rewrite eq_sym (negbTE ij); right.
    by case: (j == u); [right|left].
  rewrite (eq_sym j) (negbTE ij) andbF; apply: (@Ex_letter _ j) => //=.
  by rewrite eqxx (negbTE ij) eq_sym (negbTE jl).
case: (eqVneq i l) => [<-|il]/=.
  case: (eqVneq j k) => [<-|jk]/=.
    apply: Ex_pairs => // u /=; case: (eqVneq i u) => [<-|iu].
      by rewrite eq_sym (negbTE ij); right.
    by case: (j == u); [right|left].
  apply: (@Ex_letter _ j) => //=.
  by rewrite eqxx (negbTE ij) eq_sym (negbTE jk).
apply: (@Ex_letter _ i) => //=.
by rewrite eqxx eq_sym (negbTE ij) eq_sym (negbTE ik) eq_sym (negbTE il).
Qed.
End Components.

(* ---- The squared norm of a query, and the score of a vector with itself *)

Definition norm2 n (q : 'I_n -> T -> R) : T -> R := fun x => \sum_i q i x ^+ 2.

Section Norm.
Variables (n : nat) (m : R) (q : 'I_n -> T -> R).
Hypothesis q4 : standard4 m q.
Let indep := q4.1.
Let i4 i := (q4.2 i).1.
Let i2 i : Int (fun x => q i x ^+ 2) := ((standard4_standard q4).2 i).1.
Let word i j x : q i x ^+ 2 * q j x ^+ 2 = \prod_(u <- [:: i; i; j; j]) q u x.
Proof. by rewrite !big_cons big_nil mulr1 !expr2 !mulrA. Qed.

Let i22 i j : Int (fun x => q i x ^+ 2 * q j x ^+ 2).
Proof.
under eq_fun do rewrite word.
exact: (Int_word P1 indep (Int_letter P1 indep (w := [:: i; i; j; j]) (p := 4) isT i4)).
Qed.

Lemma Int_norm2 : Int (norm2 q).
Proof. exact: (Int_sum P1). Qed.

Lemma Int_norm2_square : Int (fun x => norm2 q x ^+ 2).
Proof.
rewrite (_ : (fun x => _) = fun x => \sum_i \sum_j q i x ^+ 2 * q j x ^+ 2).
  by apply: (Int_sum P1) => i; exact: (Int_sum P1).
by apply/funext => x; rewrite expr2 big_distrlr.
Qed.

Theorem norm2_mean : Ex (norm2 q) = n%:R.
Proof.
rewrite /norm2 (Ex_sum P1)// (eq_bigr (fun=> 1)) => [|i _]; last exact: second_moment q4 i.
by rewrite sumr_const card_ord.
Qed.

Lemma norm2_square : Ex (fun x => norm2 q x ^+ 2) = n%:R ^+ 2 + n%:R * (m - 1).
Proof.
rewrite (_ : (fun x => _) = fun x => \sum_i \sum_j q i x ^+ 2 * q j x ^+ 2); last first.
  by apply/funext => x; rewrite expr2 big_distrlr.
rewrite (Ex_sum P1) => [|i]; last exact: (Int_sum P1).
rewrite -sum_two; apply: eq_bigr => i _; rewrite (Ex_sum P1)//.
apply: eq_bigr => j _; rewrite -(Ex_four q4); congr Ex.
by apply/funext => x; rewrite word.
Qed.

Theorem norm2_variance : Var (norm2 q) = n%:R * (m - 1).
Proof.
rewrite (Var_alt P1 Int_norm2 Int_norm2_square) norm2_square norm2_mean.
by rewrite addrC addKr.
Qed.

Lemma self_score : score q q = norm2 q.
Proof. by apply/funext => x; apply: eq_bigr => i _; rewrite expr2. Qed.

Corollary self_score_mean : Ex (score q q) = n%:R.
Proof. by rewrite self_score norm2_mean. Qed.

Corollary self_score_variance : Var (score q q) = n%:R * (m - 1).
Proof. by rewrite self_score norm2_variance. Qed.
End Norm.

(* ---- The fourth moment of a score *)

Section ScoreFourth.
Variables (n : nat) (mq mk : R) (q k : 'I_n -> T -> R).
Hypotheses (q4 : standard4 mq q) (k4 : standard4 mk k) (indep : independent P (joint q k)).
Let iq4 i := (q4.2 i).1.
Let ik4 i := (k4.2 i).1.

Let word i j l r x : q i x * k i x * (q j x * k j x) * (q l x * k l x * (q r x * k r x)) =
  (\prod_(u <- [:: i; j; l; r]) q u x) * \prod_(u <- [:: i; j; l; r]) k u x.
Proof.
rewrite !big_cons !big_nil !mulr1.
by rewrite (mulrACA (q i x)) (mulrACA (q l x)) (mulrACA (q i x * q j x)) !mulrA.
Qed.

Let power4 x : score q k x ^+ 4 = \sum_i \sum_j \sum_l \sum_r
  (\prod_(u <- [:: i; j; l; r]) q u x) * \prod_(u <- [:: i; j; l; r]) k u x.
Proof.
rewrite (_ : score q k x ^+ 4 = (score q k x * score q k x) * (score q k x * score q k x)).
  rewrite /score big_distrlr/= big_distrl; apply: eq_bigr => i _; rewrite big_distrl/=.
  apply: eq_bigr => j _; rewrite big_distrr/=; apply: eq_bigr => l _.
  by rewrite big_distrr/=; apply: eq_bigr => r _; exact: word.
by rewrite -!expr2 -exprM.
Qed.

Let iword i j l r : Int (fun x =>
  (\prod_(u <- [:: i; j; l; r]) q u x) * \prod_(u <- [:: i; j; l; r]) k u x).
Proof. exact: (Int_joint P1 indep iq4 ik4). Qed.

Lemma Int_score4 : Int (fun x => score q k x ^+ 4).
Proof. by under eq_fun do rewrite power4; do 4 (apply: (Int_sum P1) => ?). Qed.

(* E s^4 = 3 n^2 + n (mq mk - 3). *)
Theorem score_fourth : Ex (fun x => score q k x ^+ 4) = n%:R ^+ 2 *+ 3 + n%:R * (mq * mk - 3%:R).
Proof.
under eq_fun do rewrite power4.
rewrite (Ex_sum P1) => [|i]; last by do 3 (apply: (Int_sum P1) => ?).
rewrite -sum4_pairing; apply: eq_bigr => i _.
rewrite (Ex_sum P1) => [|j]; last by do 2 (apply: (Int_sum P1) => ?).
apply: eq_bigr => j _; rewrite (Ex_sum P1) => [|l]; last by apply: (Int_sum P1) => ?.
apply: eq_bigr => l _; rewrite (Ex_sum P1)//; apply: eq_bigr => r _.
by rewrite (Ex_joint P1 indep iq4 ik4)// (Ex_four q4) (Ex_four k4) pairing_mul.
Qed.
End ScoreFourth.
End Fourth.
