(* Block.v -- the sampling error of the mean square of the scores of one block of queries and keys.

   All scores of r queries and c keys: those of one row share a query, those of one column a key.
   They are uncorrelated, but their squares are not; the covariance of two squares is the variance
   of the squared norm of what they share.  *)

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

Section Block.
Context d (T : measurableType d) (R : realType).
Variable P : {measure set T -> \bar R}.
Hypothesis P1 : P setT = 1%E.
Local Notation Int := (Int P).
Local Notation Ex := (Ex P).
Local Notation Var := (Var P).
Local Notation Cov := (Cov P).

(* Component i of query a is q (a, i), that of key b is k (b, i); all are independent. *)
Variables (r c n : nat) (mq mk : R) (q : 'I_r * 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R).
Hypotheses (q4 : standard4 P mq q) (k4 : standard4 P mk k) (indep : independent P (joint q k)).
Let iq4 u := (q4.2 u).1.
Let ik4 u := (k4.2 u).1.

Definition block_score (a : 'I_r) (b : 'I_c) : T -> R :=
  score (fun i => q (a, i)) (fun i => k (b, i)).

Let wordq a e i j l m x := \prod_(u <- [:: (a, i); (a, j); (e, l); (e, m)]) q u x.
Let wordk b f i j l m x := \prod_(u <- [:: (b, i); (b, j); (f, l); (f, m)]) k u x.

Let square a b x := block_score a b x ^+ 2.

Let word a b e f i j l m x :
  q (a, i) x * k (b, i) x * (q (a, j) x * k (b, j) x) *
  (q (e, l) x * k (f, l) x * (q (e, m) x * k (f, m) x)) =
  wordq a e i j l m x * wordk b f i j l m x.
Proof.
rewrite /wordq /wordk !big_cons !big_nil !mulr1.
by rewrite (mulrACA (q (a, i) x)) (mulrACA (q (e, l) x)) (mulrACA (q (a, i) x * q (a, j) x)) !mulrA.
Qed.

Let squares a b e f x : square a b x * square e f x =
  \sum_i \sum_j \sum_l \sum_m wordq a e i j l m x * wordk b f i j l m x.
Proof.
rewrite /square !expr2 /block_score /score big_distrlr/= big_distrl; apply: eq_bigr => i _.
rewrite big_distrl/=; apply: eq_bigr => j _.
rewrite big_distrlr/= big_distrr; apply: eq_bigr => l _.
by rewrite big_distrr/=; apply: eq_bigr => m _; exact: word.
Qed.

Let iword a b e f i j l m : Int (fun x => wordq a e i j l m x * wordk b f i j l m x).
Proof. exact: (Int_joint P1 indep iq4 ik4). Qed.

Let isquares a b e f : Int (fun x => square a b x * square e f x).
Proof. by under eq_fun do rewrite squares; do 4 (apply: (Int_sum P1) => ?). Qed.

Let Ex_squares a b e f : Ex (fun x => square a b x * square e f x) =
  sum4 (fun i j l m : 'I_n => pairing mq (a, i) (a, j) (e, l) (e, m) *
                       pairing mk (b, i) (b, j) (f, l) (f, m)).
Proof.
under eq_fun do rewrite squares.
rewrite (Ex_sum P1) => [|i]; last by do 3 (apply: (Int_sum P1) => ?).
apply: eq_bigr => i _; rewrite (Ex_sum P1) => [|j]; last by do 2 (apply: (Int_sum P1) => ?).
apply: eq_bigr => j _; rewrite (Ex_sum P1) => [|l]; last by apply: (Int_sum P1) => ?.
apply: eq_bigr => l _; rewrite (Ex_sum P1)//; apply: eq_bigr => m _.
by rewrite (Ex_joint P1 indep iq4 ik4)// (Ex_four P1 q4) (Ex_four P1 k4).
Qed.

Let N : R := n%:R.

Let both a b : Ex (fun x => square a b x * square a b x) = N ^+ 2 *+ 3 + N * (mq * mk - 3%:R).
Proof.
rewrite Ex_squares -sum4_pairing; apply: eq_sum4 => i j l m.
by rewrite !pairing_within pairing_mul.
Qed.

Let row a b f : b != f -> Ex (fun x => square a b x * square a f x) = N ^+ 2 + N * (mq - 1).
Proof.
move=> bf; rewrite Ex_squares -sum4_pairs; apply: eq_sum4 => i j l m.
by rewrite pairing_within pairing_apart.
Qed.

Let column a b e : a != e -> Ex (fun x => square a b x * square e b x) = N ^+ 2 + N * (mk - 1).
Proof.
move=> ae; rewrite Ex_squares -sum4_pairs; apply: eq_sum4 => i j l m.
by rewrite pairing_within pairing_apart// mulrC.
Qed.

Let neither a b e f : a != e -> b != f -> Ex (fun x => square a b x * square e f x) = N ^+ 2.
Proof.
move=> ae bf; rewrite Ex_squares -sum4_first; apply: eq_sum4 => i j l m.
rewrite !pairing_apart// /same; case: (i == j); rewrite ?mul0r//.
by case: (l == m); rewrite ?mulr0 ?mulr1.
Qed.

Let components a b : standard4 P mq (fun i => q (a, i)) /\ standard4 P mk (fun i => k (b, i)) /\
  independent P (joint (fun i => q (a, i)) (fun i => k (b, i))).
Proof.
split.
  split=> [|i]; last exact: q4.2.
  by apply: (independent_sub P1 (f := fun i => (a, i)) _ q4.1) => i j [->].
split.
  split=> [|i]; last exact: k4.2.
  by apply: (independent_sub P1 (f := fun i => (b, i)) _ k4.1) => i j [->].
pose f (u : 'I_n + 'I_n) : 'I_r * 'I_n + 'I_c * 'I_n :=
  match u with inl i => inl (a, i) | inr i => inr (b, i) end.
have -> : joint (fun i => q (a, i)) (fun i => k (b, i)) = fun u => joint q k (f u).
  by apply/funext; case.
by apply: (independent_sub P1) indep => [] [i|i] [j|j] // [->].
Qed.

Let standard_scores a b : standard P (joint (fun i => q (a, i)) (fun i => k (b, i))).
Proof.
have [q4a [k4b ind]] := components a b; split=> // -[i|i].
  exact: (standard4_standard P1 q4a).2.
exact: (standard4_standard P1 k4b).2.
Qed.

Lemma Int_square a b : Int (square a b).
Proof.
have [_ [_ ind]] := components a b; have s := standard_scores a b.
by have [] := Int_score_components P1 ind (fun i => (s.2 (inl i)).1) (fun i => (s.2 (inr i)).1).
Qed.

Lemma square_mean a b : Ex (square a b) = N.
Proof.
have [_ [_ ind]] := components a b; have s := standard_scores a b.
have [i1 i2] := Int_score_components P1 ind (fun i => (s.2 (inl i)).1) (fun i => (s.2 (inr i)).1).
have := score_variance_standard P1 s; rewrite (Var_alt P1 i1 i2) (score_mean_standard P1 s).
by rewrite expr0n subr0.
Qed.

Theorem square_covariance a b e f : Cov (square a b) (square e f) =
  if a == e then (if b == f then N ^+ 2 *+ 2 + N * (mq * mk - 3%:R) else N * (mq - 1))
  else (if b == f then N * (mk - 1) else 0).
Proof.
have sub2 (x y : R) : x *+ 3 + y - x = x *+ 2 + y by rewrite mulrSr addrAC addrK.
rewrite (Cov_alt P1 (Int_square a b) (Int_square e f) (isquares a b e f)) !square_mean -expr2.
case: (eqVneq a e) => [<-|ae]; case: (eqVneq b f) => [<-|bf].
- by rewrite both sub2.
- by rewrite row// addrC addKr.
- by rewrite column// addrC addKr.
- by rewrite neither// subrr.
Qed.

(* The mean of the squares of all scores of the block, which estimates their variance n. *)
Definition mean_square (x : T) : R := (r%:R * c%:R)^-1 * \sum_a \sum_b block_score a b x ^+ 2.

Let pair_sum (F : 'I_r -> 'I_c -> R) : \sum_a \sum_b F a b = \sum_(u : 'I_r * 'I_c) F u.1 u.2.
Proof. by rewrite pair_bigA. Qed.

Let sum_if m (j : 'I_m) (x y : R) : (\sum_(i < m) if j == i then x else y) = x + (m%:R - 1) * y.
Proof.
rewrite (bigD1 j)//= eqxx (eq_bigr (fun=> y)) => [|i ij]; last by rewrite eq_sym (negbTE ij).
rewrite sumr_const cardC1 card_ord mulrBl mul1r mulr_natl.
by case: m j => [[]//|m j]; rewrite mulrS [y + _]addrC addrK.
Qed.

Let sum_one m (x : R) : \sum_(i < m) x = m%:R * x.
Proof. by rewrite sumr_const card_ord mulr_natl. Qed.

Theorem block_mean : (0 < r)%N -> (0 < c)%N -> Ex mean_square = n%:R.
Proof.
move=> r0 c0; rewrite /mean_square ExZ => [|]; last first.
  by do 2 (apply: (Int_sum P1) => ?); exact: Int_square.
rewrite (Ex_sum P1) => [|a]; last by apply: (Int_sum P1) => b; exact: Int_square.
rewrite (eq_bigr (fun=> c%:R * N)) => [|a _]; last first.
  rewrite (Ex_sum P1) => [|b]; last exact: Int_square.
  by rewrite -sum_one; apply: eq_bigr => b _; exact: square_mean.
by rewrite sum_one (mulrA r%:R) mulrA mulVf ?mul1r// mulf_neq0// pnatr_eq0 -lt0n.
Qed.

Theorem block_variance : (0 < r)%N -> (0 < c)%N -> Var mean_square =
  (n%:R ^+ 2 *+ 2 + n%:R * (mq * mk - 3%:R)
   + (c%:R - 1) * (n%:R * (mq - 1)) + (r%:R - 1) * (n%:R * (mk - 1))) / (r%:R * c%:R).
Proof.
move=> r0 c0.
pose X (u : 'I_r * 'I_c) := square u.1 u.2.
have iX u : Int (X u) by exact: Int_square.
have iXX u v : Int (fun x => X u x * X v x) by exact: isquares.
have -> : mean_square = fun x => (r%:R * c%:R)^-1 * \sum_u X u x.
  by apply/funext => x; rewrite /mean_square pair_sum.
rewrite (Var_scale P1) ?(Var_sum P1 iX iXX); first last.
- rewrite (_ : (fun x => _) = fun x => \sum_u \sum_v X u x * X v x).
    by apply: (Int_sum P1) => u; exact: (Int_sum P1).
  by apply/funext => x; rewrite expr2 big_distrlr.
- exact: (Int_sum P1).
set V := _ *+ 2 + _; set Q := n%:R * (mq - 1); set K := n%:R * (mk - 1).
have -> : \sum_u \sum_v Cov (X u) (X v) =
    r%:R * (c%:R * (V + (c%:R - 1) * Q + (r%:R - 1) * K)).
  rewrite -(pair_sum (fun a b => \sum_v Cov (square a b) (X v))) -sum_one.
  apply: eq_bigr => a _; rewrite -sum_one; apply: eq_bigr => b _.
  rewrite -(pair_sum (fun e f => Cov (square a b) (square e f))).
  rewrite (eq_bigr (fun e => if a == e then V + (c%:R - 1) * Q else K)).
    by rewrite sum_if.
  move=> e _; under eq_bigr do rewrite square_covariance -/N -/V -/Q -/K.
  by case: (a == e); rewrite sum_if// mulr0 addr0.
set W := V + _ + _; rewrite (mulrA r%:R).
have : r%:R * c%:R != 0 :> R by rewrite mulf_neq0// pnatr_eq0 -lt0n.
move: (r%:R * c%:R) W => B W B0.
by rewrite expr2 mulrA -(mulrA B^-1) mulVf// mulr1 mulrC.
Qed.

(* One score of each query, with a key of its own: independent scores, so the variance of one over
   their number.  The cells (a, a) of a square block are such scores. *)
Theorem diagonal_variance (h : 'I_r -> 'I_c) : injective h -> (0 < r)%N ->
  Var (fun x => r%:R^-1 * \sum_a block_score a (h a) x ^+ 2) =
  (n%:R ^+ 2 *+ 2 + n%:R * (mq * mk - 3%:R)) / r%:R.
Proof.
move=> h_inj r0; set V := _ *+ 2 + _.
pose X a := square a (h a).
have iX a : Int (X a) by exact: Int_square.
have iXX a e : Int (fun x => X a x * X e x) by exact: isquares.
have iS : Int (fun x => \sum_a X a x) by exact: (Int_sum P1).
have iS2 : Int (fun x => (\sum_a X a x) ^+ 2).
  rewrite (_ : (fun x => _) = fun x => \sum_a \sum_e X a x * X e x).
    by apply: (Int_sum P1) => a; exact: (Int_sum P1).
  by apply/funext => x; rewrite expr2 big_distrlr.
rewrite (Var_scale P1 _ iS iS2).
rewrite (Var_sum P1 iX iXX) (_ : \sum_a _ = r%:R * V).
  by rewrite expr2 mulrA -(mulrA _^-1) mulVf ?mulr1 1?mulrC// pnatr_eq0 -lt0n.
rewrite -sum_one; apply: eq_bigr => a _; rewrite (bigD1 a)//= square_covariance !eqxx.
rewrite big1 ?addr0// => e ea.
by rewrite square_covariance eq_sym (negbTE ea) (inj_eq h_inj) eq_sym (negbTE ea).
Qed.
End Block.
