(* Heads.v -- several heads: counts, the rank of a head's scores, what one and two heads can average.  *)
Require Import Reals Lra Lia Psatz Arith.
From Qkcheck.base Require Import Sum Linear Softmax Shared.
Open Scope nat_scope.

(** ** Counts, in natural numbers.  D model dimension, h heads, d_k = D/h. *)

(* A D x dk matrix for Q, K and V of each head. *)
Definition head_parameters (D h dk : nat) : nat := h * (3 * (D * dk)).
(* The matrix behind the heads, and a bias for each of the four. *)
Definition output_parameters (D h dk : nat) : nat := h * dk * D.
Definition bias_parameters (D h dk : nat) : nat := 3 * (h * dk) + D.

Theorem head_parameters_any D h : h <> 0 -> Nat.divide h D ->
  head_parameters D h (D / h) = 3 * (D * D) /\
  output_parameters D h (D / h) = D * D /\
  bias_parameters D h (D / h) = 4 * D.
Proof.
  intros Hh [k ->]. rewrite Nat.div_mul by exact Hh.
  unfold head_parameters, output_parameters, bias_parameters. repeat split; nia.
Qed.

(* Rounding d_k down loses parameters where h does not divide D. *)
Theorem head_parameters_at_most D h : h <> 0 ->
  head_parameters D h (D / h) <= 3 * (D * D).
Proof.
  intros Hh. unfold head_parameters. pose proof (Nat.mul_div_le D h Hh). nia.
Qed.

Theorem divisibility_needed : head_parameters 5 2 (5 / 2) < 3 * (5 * 5).
Proof. apply Nat.ltb_lt. reflexivity. Qed.

(* A product of m x k and k x n matrices: a multiply-add is two operations. *)
Definition product_operations (m k n : nat) : nat := 2 * (m * k * n).

(* n tokens; per head: three projections, the scores, the weighted sums; then one projection. *)
Definition attention_operations (n D h dk : nat) : nat :=
  h * (3 * product_operations n D dk + product_operations n dk n + product_operations n n dk)
  + product_operations n (h * dk) D.
(* The softmax: per score one subtraction, comparison, exponential, addition and division. *)
Definition softmax_operations (n h : nat) : nat := h * (n * n * 5).

Theorem attention_operations_any n D h : h <> 0 -> Nat.divide h D ->
  attention_operations n D h (D / h) = 8 * (n * (D * D)) + 4 * (n * n * D).
Proof.
  intros Hh [k ->]. rewrite Nat.div_mul by exact Hh.
  unfold attention_operations, product_operations. nia.
Qed.

Theorem softmax_operations_count n h : softmax_operations n h = 5 * h * (n * n).
Proof. unfold softmax_operations. lia. Qed.

Open Scope R_scope.

(** ** The rank of one head.  q and k have n rows of d numbers; s i j = q_i . k_j. *)

Section Rank.
Variables (n d : nat).

Definition score (q k : nat -> nat -> R) (i j : nat) : R := sum d (fun c => q i c * k j c).
Definition row_mean (x : nat -> R) : R := sum n x / INR n.

(* log P minus its row means is q (k - mean k)^T: d terms, whatever the softmax does. *)
Theorem log_weights_rank q k i j : (0 < n)%nat ->
  let log_p i j := ln (softmax n (score q k i) j) in
  log_p i j - row_mean (log_p i) =
  sum d (fun c => q i c * (k j c - row_mean (fun l => k l c))).
Proof.
  intros Hn log_p.
  assert (HnR : 0 < INR n) by now apply lt_0_INR.
  assert (E : forall j, log_p i j = score q k i j - ln (Z n (score q k i))).
  { intros l. unfold log_p, softmax. unfold Rdiv.
    rewrite ln_mult, ln_exp, ln_Rinv; [ring|apply Z_pos, Hn|apply exp_pos|].
    apply Rinv_0_lt_compat, Z_pos, Hn. }
  unfold row_mean at 1. rewrite (sum_ext n (log_p i) _ (fun l _ => E l)), E.
  rewrite sum_minus, sum_const.
  replace (score q k i j - ln (Z n (score q k i)) - (sum n (score q k i) - INR n * ln (Z n (score q k i))) / INR n)
    with (score q k i j - sum n (score q k i) / INR n) by (field; lra).
  unfold score, row_mean. rewrite sum_swap.
  unfold Rdiv. rewrite <- sum_scal_r, <- sum_minus. apply sum_ext; intros c _.
  rewrite sum_scal. ring.
Qed.
End Rank.

(* With d < n - 1 some positive weights are out of reach: the softmax of the identity, for one. *)
Theorem head_limited n d : (d < n - 1)%nat ->
  exists P, (forall i, (i < n)%nat -> (forall j, 0 < P i j) /\ sum n (P i) = 1) /\
    forall q k, exists i j, (i < n)%nat /\ (j < n)%nat /\ softmax n (score d q k i) j <> P i j.
Proof.
  intros Hd. assert (Hn : (0 < n)%nat) by lia.
  exists (fun i => softmax n (delta i)). split.
  { intros i _. split; [intros; apply softmax_pos, Hn|apply softmax_sum1, Hn]. }
  intros q k.
  destruct (zero_or_not n (fun i => sum n (fun j =>
      (softmax n (score d q k i) j - softmax n (delta i) j) ^ 2))) as [Hall|(i & Hi & Hne)].
  - (* all equal: then the identity of size n - 1 has rank d *)
    exfalso.
    assert (E : forall i j, (i < n)%nat -> (j < n)%nat ->
        softmax n (score d q k i) j = softmax n (delta i) j).
    { intros i j Hi Hj. specialize (Hall i Hi).
      assert (H : (softmax n (score d q k i) j - softmax n (delta i) j) ^ 2 <= 0).
      { rewrite <- Hall.
        apply (sum_ge_term n (fun j => (softmax n (score d q k i) j - softmax n (delta i) j) ^ 2));
          [exact Hj|]. intros; apply pow2_ge_0. }
      nra. }
    pose proof (identity_rank (n - 1) d (fun i c => q (S i) c) (fun j c => k (S j) c - k 0%nat c)) as R.
    enough (n - 1 <= d)%nat by lia. apply R. intros i j Hi Hj.
    destruct (softmax_inj n Hn (score d q k (S i)) (delta (S i)) (fun l Hl => E (S i) l ltac:(lia) Hl))
      as (c & Hc).
    pose proof (Hc (S j) ltac:(lia)) as H1. pose proof (Hc 0%nat Hn) as H0.
    rewrite (sum_ext d _ (fun c => q (S i) c * k (S j) c - q (S i) c * k 0%nat c)) by (intros; ring).
    rewrite sum_minus. fold (score d q k (S i) (S j)) (score d q k (S i) 0%nat). rewrite H1, H0.
    unfold delta. cbn. lra.
  - destruct (zero_or_not n (fun j => softmax n (score d q k i) j - softmax n (delta i) j))
      as [Hz|(j & Hj & Hnz)].
    + exfalso. apply Hne. apply sum_zero. intros j Hj. rewrite (Hz j Hj). ring.
    + exists i, j. repeat split; try assumption. lra.
Qed.

(* With d >= n - 1, and tokens X whose rows are independent (X Y = I for some Y), every positive P is
   the softmax of a head: WQ = Y q, WK = Y k for suitable q and k. *)
Theorem head_reaches n d D (X Y P : nat -> nat -> R) : (0 < n)%nat -> (n - 1 <= d)%nat ->
  (forall i j, (i < n)%nat -> (j < n)%nat -> sum D (fun a => X i a * Y a j) = delta i j) ->
  (forall i, (i < n)%nat -> (forall j, 0 < P i j) /\ sum n (P i) = 1) ->
  exists WQ WK, forall i j, (i < n)%nat -> (j < n)%nat ->
    softmax n (scores D d X WQ WK i) j = P i j.
Proof.
  intros Hn Hd HXY HP.
  set (q := fun i c => ln (P i (S c)) - ln (P i 0%nat)).
  set (k := fun j c => delta j (S c)).
  exists (fun a c => sum n (fun l => Y a l * q l c)), (fun a c => sum n (fun l => Y a l * k l c)).
  assert (project_back : forall r i c, (i < n)%nat ->
      project D X (fun a c => sum n (fun l => Y a l * r l c)) i c = r i c).
  { intros r i c Hi. unfold project.
    rewrite (sum_ext D _ (fun a => sum n (fun l => X i a * Y a l * r l c)))
      by (intros; rewrite <- sum_scal; apply sum_ext; intros; ring).
    rewrite sum_swap, (sum_ext n _ (fun l => delta i l * r l c)).
    - now apply (sum_delta_l n i (fun l => r l c)).
    - intros l Hl. now rewrite sum_scal_r, HXY. }
  intros i j Hi Hj.
  assert (Hs : forall l, (l < n)%nat ->
      scores D d X (fun a c => sum n (fun l => Y a l * q l c))
        (fun a c => sum n (fun l => Y a l * k l c)) i l = ln (P i l) + - ln (P i 0%nat)).
  { intros l Hl. unfold scores.
    rewrite (sum_ext d _ (fun c => q i c * k l c)) by (intros; now rewrite !project_back).
    unfold k. destruct l as [|l].
    - rewrite sum_zero; [ring|]. intros; unfold delta; cbn; ring.
    - rewrite (sum_ext d _ (fun c => delta l c * q i c)).
      + rewrite sum_delta_l by lia. reflexivity.
      + intros c Hc. rewrite Rmult_comm. reflexivity. }
  rewrite (softmax_eq n Hn _ (fun l => ln (P i l)) (- ln (P i 0%nat)) Hs j Hj).
  destruct (HP i Hi) as (Hpos & Hone). unfold softmax, Z.
  rewrite exp_ln by apply Hpos.
  rewrite (sum_ext n _ (P i)) by (intros; apply exp_ln, Hpos). rewrite Hone. field.
Qed.

(** ** Two heads hold two keys apart, one cannot *)

(* The output of a head with weights p and values v. *)
Definition mixture (n : nat) (p v : nat -> R) : R := sum n (fun j => p j * v j).

Theorem one_head_is_an_average n x v lo hi : (0 < n)%nat ->
  (forall j, (j < n)%nat -> lo <= v j <= hi) -> lo <= mixture n (softmax n x) v <= hi.
Proof.
  intros Hn H.
  assert (E : forall c, sum n (fun j => softmax n x j * c) = c)
    by (intros; rewrite sum_scal_r, softmax_sum1 by exact Hn; ring).
  unfold mixture. rewrite <- (E lo) at 1. rewrite <- (E hi). split.
  - apply sum_le; intros j Hj. apply Rmult_le_compat_l; [left; apply softmax_pos, Hn|apply H, Hj].
  - apply sum_le; intros j Hj. apply Rmult_le_compat_l; [left; apply softmax_pos, Hn|apply H, Hj].
Qed.

Theorem one_head_one_key n x a b eps : (a < n)%nat -> (b < n)%nat -> a <> b ->
  1 - eps <= softmax n x a -> 1 - eps <= softmax n x b -> 1 / 2 <= eps.
Proof.
  intros Ha Hb Hab H1 H2. assert (Hn : (0 < n)%nat) by lia.
  pose proof (softmax_two n Hn x a b Ha Hb Hab). lra.
Qed.

(* For any eps there are scores that give one key weight at least 1 - eps; so each of two heads can
   have a key of its own, and pass on its value but for eps times the range of the values. *)
Theorem a_head_for_each_key n a eps : (a < n)%nat -> 0 < eps ->
  exists x, 1 - eps <= softmax n x a /\
    forall v lo hi, (forall j, (j < n)%nat -> lo <= v j <= hi) ->
      Rabs (mixture n (softmax n x) v - v a) <= eps * (hi - lo).
Proof.
  intros Ha Heps. assert (Hn : (0 < n)%nat) by lia.
  destruct (softmax_limit n Hn (fun j => delta a j) a Ha) with (eps := eps) as (t & Ht); [|exact Heps|].
  { intros j Hj Hne. unfold delta. rewrite Nat.eqb_refl.
    destruct (Nat.eqb_spec a j); [congruence|lra]. }
  specialize (Ht t (Rle_refl t)). set (x := fun j => t * delta a j) in *. exists x.
  split; [exact Ht|]. intros v lo hi H.
  set (p := softmax n x) in *.
  assert (Hp : forall j, 0 <= p j) by (intros; left; apply softmax_pos, Hn).
  assert (H1 : sum n p = 1) by apply softmax_sum1, Hn.
  replace (mixture n p v - v a) with (sum n (fun j => p j * (v j - v a))).
  2:{ rewrite (sum_ext n _ (fun j => p j * v j - p j * v a)) by (intros; ring).
      rewrite sum_minus, sum_scal_r, H1. unfold mixture. ring. }
  eapply Rle_trans; [apply sum_Rabs|].
  apply Rle_trans with (sum n (fun j => p j * (hi - lo) - delta j a * (p j * (hi - lo)))).
  - apply sum_le; intros j Hj. rewrite Rabs_mult, (Rabs_pos_eq (p j)) by apply Hp.
    pose proof (H j Hj). pose proof (H a Ha). pose proof (Hp j).
    unfold delta. destruct (Nat.eqb_spec j a) as [->|].
    + rewrite Rminus_diag_eq by reflexivity. rewrite Rabs_R0. lra.
    + rewrite Rmult_0_l, Rminus_0_r. apply Rmult_le_compat_l; [lra|]. apply Rabs_le. lra.
  - rewrite sum_minus, sum_scal_r, H1, (sum_delta n a (fun j => p j * (hi - lo))) by exact Ha.
    pose proof (H a Ha). nra.
Qed.

(** ** How much two heads look at the same: overlap and Jensen-Shannon divergence of weights p and r *)

Definition overlap (n : nat) (p r : nat -> R) : R := sum n (fun j => p j * r j).
Definition minus_x_ln_x (x : R) : R := - (x * ln x).
Definition divergence (n : nat) (p r : nat -> R) : R :=
  sum n (fun j => minus_x_ln_x ((p j + r j) / 2) - (minus_x_ln_x (p j) + minus_x_ln_x (r j)) / 2).

Theorem identical_heads n p : overlap n p p = sum n (fun j => p j ^ 2) /\ divergence n p p = 0.
Proof.
  split; [apply sum_ext; intros; ring|]. apply sum_zero. intros j _.
  replace ((p j + p j) / 2) with (p j) by field. field.
Qed.

(* m the mean weights of heads that share their inputs. *)
Theorem overlap_of_means n m : (0 < n)%nat -> sum n m = 1 -> / INR n <= overlap n m m.
Proof.
  intros Hn H1. apply lt_0_INR in Hn. pose proof (cauchy_schwarz n (fun _ => 1) m) as H.
  cbn beta in H.
  rewrite (sum_ext n (fun i => 1 * m i) m), (sum_ext n (fun _ => 1 ^ 2) (fun _ => 1)), sum_const, H1 in H
    by (intros; ring).
  unfold overlap. rewrite (sum_ext n _ (fun i => m i ^ 2)) by (intros; ring).
  apply Rmult_le_reg_l with (INR n); [exact Hn|]. rewrite Rinv_r by lra. lra.
Qed.

(* The divergence is at least 0, and at most ln 2. *)
Lemma x_ln_x_tangent x c : 0 < x -> 0 < c -> minus_x_ln_x x <= - x * ln c + c - x.
Proof.
  intros Hx Hc. unfold minus_x_ln_x. pose proof (exp_ineq1_le (ln (c / x))) as E.
  assert (0 < c / x) by now apply Rdiv_lt_0_compat. rewrite exp_ln in E by assumption.
  unfold Rdiv in E. rewrite ln_mult, ln_Rinv in E by (try apply Rinv_0_lt_compat; assumption).
  assert (x * (1 + (ln c + - ln x)) <= x * (c * / x)) by (apply Rmult_le_compat_l; lra).
  replace (x * (c * / x)) with c in H0 by (field; lra). lra.
Qed.

Theorem divergence_bounds n p r :
  (forall j, (j < n)%nat -> 0 < p j) -> (forall j, (j < n)%nat -> 0 < r j) -> sum n p = 1 -> sum n r = 1 ->
  0 <= divergence n p r <= ln 2.
Proof.
  intros Hp Hr Sp Sr. split.
  - apply sum_nonneg. intros j Hj. specialize (Hp j Hj). specialize (Hr j Hj).
    pose proof (x_ln_x_tangent (p j) ((p j + r j) / 2) Hp ltac:(lra)).
    pose proof (x_ln_x_tangent (r j) ((p j + r j) / 2) Hr ltac:(lra)). unfold minus_x_ln_x at 1. nra.
  - apply Rle_trans with (sum n (fun j => ln 2 * ((p j + r j) / 2))).
    + apply sum_le. intros j Hj. specialize (Hp j Hj). specialize (Hr j Hj).
      assert (L : forall x, 0 < x -> x < p j + r j -> ln x <= ln (p j + r j))
        by (intros; left; apply ln_increasing; assumption).
      pose proof (L (p j) Hp ltac:(lra)). pose proof (L (r j) Hr ltac:(lra)).
      unfold minus_x_ln_x, Rdiv at 1. unfold Rdiv at 1. rewrite ln_mult, ln_Rinv by lra. nra.
    + rewrite sum_scal. unfold Rdiv. rewrite sum_scal_r, sum_plus, Sp, Sr. lra.
Qed.

(** ** Common variances w of initial weights, and the score variance d (D w)^2 that they give *)

Definition initial_variance (D d w : R) : R := d * (D * w) ^ 2.

Theorem initial_variances d h : 0 < d -> 0 < h -> let D := h * d in
  initial_variance D d (1 / D) = d /\
  initial_variance D d (2 / (D + d)) = d * (2 * h / (h + 1)) ^ 2 /\
  initial_variance D d (2 / (D + 3 * D)) = d / 4 /\
  initial_variance D d (1 / (3 * D)) = d / 9.
Proof. intros Hd Hh D. unfold initial_variance, D. repeat split; field; try nra; lra. Qed.
