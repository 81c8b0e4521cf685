(* Additive.v -- additive scores v^T tanh(W q + U k), and what the dot product says of alignment.

   a and b are the projected query and key, W q and U k, in R^m; v is in R^m.  *)
Require Import Reals Lra Lia Psatz Arith.
From Qkcheck.base Require Import Sum Softmax Shared.
Open Scope R_scope.

Lemma tanh_exp x : tanh x = 1 - 2 / (exp (2 * x) + 1).
Proof.
  unfold tanh, sinh, cosh. rewrite exp_Ropp.
  replace (2 * x) with (x + x) by ring. rewrite exp_plus.
  pose proof (exp_pos x). field. split; nra.
Qed.

Lemma tanh_bound x : -1 < tanh x < 1.
Proof.
  rewrite tanh_exp. pose proof (exp_pos (2 * x)) as H.
  assert (0 < 2 / (exp (2 * x) + 1)) by (apply Rdiv_lt_0_compat; lra).
  assert (2 / (exp (2 * x) + 1) < 2); [|lra].
  apply Rmult_lt_reg_r with (exp (2 * x) + 1); [lra|].
  replace (2 / (exp (2 * x) + 1) * (exp (2 * x) + 1)) with 2 by (field; lra). lra.
Qed.

Lemma tanh_0 : tanh 0 = 0.
Proof. rewrite tanh_exp. rewrite Rmult_0_r, exp_0. field. Qed.

Lemma tanh_pos x : 0 < x -> 0 < tanh x.
Proof.
  intros Hx. rewrite tanh_exp. pose proof (exp_ineq1 (2 * x) ltac:(lra)).
  assert (2 / (exp (2 * x) + 1) < 1); [|lra].
  apply Rmult_lt_reg_r with (exp (2 * x) + 1); [lra|].
  replace (2 / (exp (2 * x) + 1) * (exp (2 * x) + 1)) with 2 by (field; lra). lra.
Qed.

(** ** Bounded, whatever the dimension of q and k *)

Definition additive (m : nat) (v a b : nat -> R) : R := sum m (fun c => v c * tanh (a c + b c)).

Theorem additive_bounded m v a b : Rabs (additive m v a b) <= sum m (fun c => Rabs (v c)).
Proof.
  eapply Rle_trans; [apply sum_Rabs|]. apply sum_le; intros c _. rewrite Rabs_mult.
  pose proof (Rabs_pos (v c)). pose proof (tanh_bound (a c + b c)).
  assert (Rabs (tanh (a c + b c)) <= 1) by (apply Rabs_le; lra). nra.
Qed.

(** ** Without tanh the weights do not depend on the query *)

Theorem linear_ignores_query n m v (key : nat -> nat -> R) a a' i : (0 < n)%nat ->
  softmax n (fun j => sum m (fun c => v c * (a c + key j c))) i =
  softmax n (fun j => sum m (fun c => v c * (a' c + key j c))) i.
Proof.
  intros Hn.
  assert (E : forall a i, softmax n (fun j => sum m (fun c => v c * (a c + key j c))) i
      = softmax n (fun j => sum m (fun c => v c * key j c)) i).
  { intros e l. rewrite <- (softmax_shift n Hn (fun j => sum m (fun c => v c * key j c))
      (sum m (fun c => v c * e c)) l). unfold softmax, Z.
    assert (S : forall j, sum m (fun c => v c * (e c + key j c))
        = sum m (fun c => v c * key j c) + sum m (fun c => v c * e c))
      by (intros; rewrite <- sum_plus; apply sum_ext; intros; ring).
    rewrite S. f_equal. apply sum_ext; intros. now rewrite S. }
  now rewrite !E.
Qed.

(** ** Rank: with m = 1 already, two queries and two keys whose scores are no product r_i c_j *)

Theorem additive_not_rank_one :
  let a i := INR i in let b j := INR j in
  ~ exists r c, forall i j, (i < 2)%nat -> (j < 2)%nat -> tanh (a i + b j) = r i * c j.
Proof.
  intros a b (r & c & H).
  pose proof (H 0 0 ltac:(lia) ltac:(lia))%nat as H00. pose proof (H 0 1 ltac:(lia) ltac:(lia))%nat as H01.
  pose proof (H 1 0 ltac:(lia) ltac:(lia))%nat as H10.
  unfold a, b in *. cbn in *. rewrite Rplus_0_r, tanh_0 in H00. rewrite Rplus_0_l in H01. rewrite Rplus_0_r in H10.
  pose proof (tanh_pos 1 ltac:(lra)).
  symmetry in H00. apply Rmult_integral in H00. destruct H00 as [E|E].
  - rewrite E, Rmult_0_l in H01. lra.
  - rewrite E, Rmult_0_r in H10. lra.
Qed.

(** ** The dot product and the angle *)

Definition dot (d : nat) (q k : nat -> R) : R := sum d (fun c => q c * k c).
Definition norm (d : nat) (q : nat -> R) : R := sqrt (dot d q q).
Definition cosine (d : nat) (q k : nat -> R) : R := dot d q k / (norm d q * norm d k).

Lemma dot_self_nonneg d q : 0 <= dot d q q.
Proof. apply sum_nonneg; intros. nra. Qed.

Lemma norm_nonneg d q : 0 <= norm d q.
Proof. apply sqrt_pos. Qed.

Theorem dot_is_cosine d q k : 0 < norm d q -> 0 < norm d k ->
  dot d q k = norm d q * norm d k * cosine d q k /\ -1 <= cosine d q k <= 1.
Proof.
  intros Hq Hk. split; [unfold cosine; field; lra|].
  assert (C : dot d q k ^ 2 <= (norm d q * norm d k) ^ 2).
  { rewrite Rpow_mult_distr. unfold norm. rewrite !pow2_sqrt by apply dot_self_nonneg.
    unfold dot. rewrite (sum_ext d (fun c => q c * q c) (fun c => q c ^ 2)) by (intros; ring).
    rewrite (sum_ext d (fun c => k c * k c) (fun c => k c ^ 2)) by (intros; ring).
    apply cauchy_schwarz. }
  assert (P : 0 < norm d q * norm d k) by now apply Rmult_lt_0_compat.
  set (N := norm d q * norm d k) in *.
  assert (B : - N <= dot d q k <= N) by (split; nra).
  unfold cosine. fold N. split.
  - apply Rmult_le_reg_r with N; [exact P|]. replace (dot d q k / N * N) with (dot d q k) by (field; lra). lra.
  - apply Rmult_le_reg_r with N; [exact P|]. replace (dot d q k / N * N) with (dot d q k) by (field; lra). lra.
Qed.

(* Keys of equal norm: the order of the scores is that of the cosines. *)
Theorem alignment_equal_norms d q k l : 0 < norm d q -> 0 < norm d k -> norm d k = norm d l ->
  (dot d q k <= dot d q l <-> cosine d q k <= cosine d q l).
Proof.
  intros Hq Hk E. unfold cosine. rewrite <- E.
  assert (P : 0 < norm d q * norm d k) by now apply Rmult_lt_0_compat.
  assert (I : 0 < / (norm d q * norm d k)) by now apply Rinv_0_lt_compat.
  unfold Rdiv. split; intros H.
  - apply Rmult_le_compat_r; lra.
  - apply Rmult_le_reg_r with (/ (norm d q * norm d k)); assumption.
Qed.

(* Otherwise not: q = (1,0), k = (1,0), l = (2,2). *)
Theorem alignment_fails :
  let x := entry ((1 :: 0 :: nil) :: (1 :: 0 :: nil) :: (2 :: 2 :: nil) :: nil)%list in
  cosine 2 (x 0%nat) (x 1%nat) = 1 /\ dot 2 (x 0%nat) (x 1%nat) = 1 /\
  cosine 2 (x 0%nat) (x 2%nat) = / sqrt 2 /\ dot 2 (x 0%nat) (x 2%nat) = 2.
Proof.
  assert (H2 : 0 < sqrt 2) by (apply sqrt_lt_R0; lra).
  unfold cosine, norm, dot, entry. cbn.
  replace (0 + 1 * 1 + 0 * 0) with 1 by ring. replace (0 + 1 * 2 + 0 * 2) with 2 by ring.
  replace (0 + 2 * 2 + 2 * 2) with (2 ^ 2 * 2) by ring.
  rewrite sqrt_1, sqrt_mult, sqrt_pow2 by lra. repeat split; try ring; field; lra.
Qed.

(** ** Counts of operations for n queries and n keys; a multiply-add is two *)

Definition dot_operations (n d : nat) : nat := 2 * (n * n * d).
(* W q for n queries, U k for n keys; then per pair an addition, and a multiply-add with v. *)
Definition additive_operations (n d m : nat) : nat := 2 * (2 * (n * d * m)) + n * n * (m + 2 * m).
Definition additive_tanhs (n m : nat) : nat := n * n * m.

Theorem additive_count n d m :
  additive_operations n d m = (4 * (n * d * m) + 3 * (n * n * m))%nat /\
  additive_tanhs n m = (n * n * m)%nat /\ dot_operations n d = (2 * (n * n * d))%nat.
Proof. unfold additive_operations, additive_tanhs, dot_operations. lia. Qed.

(* Of the same order as 2 n^2 d when m is at most C d and d at most C' n. *)
Theorem additive_same_order n d m C C' : (m <= C * d)%nat -> (d <= C' * n)%nat ->
  (additive_operations n d m <= (2 * C * C' + 2 * C) * dot_operations n d)%nat.
Proof.
  intros Hm Hd. unfold additive_operations, dot_operations.
  assert (n * d * m <= n * d * (C * d))%nat by (apply Nat.mul_le_mono_l; exact Hm).
  assert (n * d * (C * d) <= n * (C' * n) * (C * d))%nat
    by (apply Nat.mul_le_mono_r, Nat.mul_le_mono_l; exact Hd).
  assert (n * n * m <= n * n * (C * d))%nat by (apply Nat.mul_le_mono_l; exact Hm).
  nia.
Qed.
