(* Additive.v -- additive scores v^T tanh(W q + U k), and what the dot product says of alignment.

   a and b are the projected query and key, W q and U k, in R^m; v is in R^m.  *)
Require Import Reals Lra Lia Psatz Arith.
From Qkcheck.base Require Import Sum Linear Softmax Shared.
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

(** ** Rank: one tanh suffices for any rank

    a_i = i l and b_j = l/2 - j l with a large l: the scores are near 1 for j <= i and near -1 for
    j > i.  Such a matrix has rank n, because rows that follow each other differ in one entry only. *)

Lemma tanh_opp x : tanh (- x) = - tanh x.
Proof.
  rewrite !tanh_exp. replace (2 * - x) with (- (2 * x)) by ring. rewrite exp_Ropp.
  pose proof (exp_pos (2 * x)). field. lra.
Qed.

Lemma tanh_near_1 N x : 1 <= N -> 4 * N <= x -> 1 - / (4 * N) <= tanh x.
Proof.
  intros HN Hx. rewrite tanh_exp. pose proof (exp_ineq1 (2 * x) ltac:(lra)).
  assert (2 / (exp (2 * x) + 1) <= / (4 * N)); [|lra].
  unfold Rdiv. apply Rmult_le_reg_r with (exp (2 * x) + 1); [lra|].
  rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
  apply Rmult_le_reg_l with (4 * N); [lra|].
  rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra. nra.
Qed.

Lemma sum_Rabs_zero n z : sum n (fun j => Rabs (z j)) <= 0 -> forall j, (j < n)%nat -> z j = 0.
Proof.
  intros H j Hj. pose proof (sum_ge_term n (fun j => Rabs (z j)) j Hj (fun k _ => Rabs_pos (z k))) as T.
  cbn beta in T. pose proof (Rabs_pos (z j)). destruct (Req_dec (z j) 0) as [|N]; [assumption|].
  pose proof (Rabs_pos_lt (z j) N). lra.
Qed.

Section Staircase.
Variables (n : nat) (T : nat -> nat -> R) (e : R).
Hypothesis small : 0 <= e <= / 4.
Hypothesis smaller : INR (S n) * e <= / 4.
Hypothesis below : forall i j, (j <= i)%nat -> 1 - e <= T i j <= 1.
Hypothesis above : forall i j, (i < j)%nat -> -1 <= T i j <= - (1 - e).
Variable z : nat -> R.
Hypothesis null : forall i, (i < S n)%nat -> sum (S n) (fun j => T i j * z j) = 0.

Let total := sum (S n) (fun j => Rabs (z j)).
Let rest := sum n (fun j => Rabs (z (S j))).

Lemma staircase_total : total = Rabs (z 0%nat) + rest.
Proof. unfold total. now rewrite (sum_skip n 0) by lia. Qed.

(* Row i + 1 minus row i has one large entry. *)
Lemma staircase_step i : (i < n)%nat -> 2 * (1 - e) * Rabs (z (S i)) <= e * total.
Proof.
  intros Hi.
  assert (E : sum (S n) (fun j => (T (S i) j - T i j) * z j) = 0).
  { rewrite (sum_ext (S n) _ (fun j => T (S i) j * z j - T i j * z j)) by (intros; ring).
    rewrite sum_minus, !null by lia. ring. }
  rewrite (sum_skip n (S i)) in E by lia.
  set (others := sum n (fun j => (T (S i) (skip (S i) j) - T i (skip (S i) j)) * z (skip (S i) j))) in E.
  assert (B : Rabs others <= e * sum n (fun j => Rabs (z (skip (S i) j)))).
  { unfold others. eapply Rle_trans; [apply sum_Rabs|]. rewrite <- sum_scal. apply sum_le; intros j Hj.
    rewrite Rabs_mult. apply Rmult_le_compat_r; [apply Rabs_pos|]. unfold skip.
    destruct (Nat.ltb_spec j (S i)).
    - pose proof (below (S i) j ltac:(lia)). pose proof (below i j ltac:(lia)). apply Rabs_le. lra.
    - pose proof (above (S i) (S j) ltac:(lia)). pose proof (above i (S j) ltac:(lia)). apply Rabs_le. lra. }
  assert (Ht : total = Rabs (z (S i)) + sum n (fun j => Rabs (z (skip (S i) j))))
    by (unfold total; now rewrite (sum_skip n (S i)) by lia).
  pose proof (below (S i) (S i) ltac:(lia)). pose proof (above i (S i) ltac:(lia)).
  assert (D : 2 * (1 - e) <= T (S i) (S i) - T i (S i)) by lra.
  assert (A : (T (S i) (S i) - T i (S i)) * Rabs (z (S i)) = Rabs others).
  { rewrite <- (Rabs_pos_eq (T (S i) (S i) - T i (S i))) by lra. rewrite <- Rabs_mult.
    rewrite <- (Rabs_Ropp others). f_equal. lra. }
  pose proof (Rabs_pos (z (S i))).
  assert (2 * (1 - e) * Rabs (z (S i)) <= (T (S i) (S i) - T i (S i)) * Rabs (z (S i)))
    by (apply Rmult_le_compat_r; lra).
  assert (0 <= e * Rabs (z (S i))) by (apply Rmult_le_pos; lra).
  rewrite Ht. lra.
Qed.

Lemma staircase_rest : 6 * rest <= total.
Proof.
  assert (H : 2 * (1 - e) * rest <= INR n * (e * total)).
  { unfold rest. rewrite <- sum_scal, <- (sum_const n (e * total)). apply sum_le. apply staircase_step. }
  assert (P : 0 <= rest) by (apply sum_nonneg; intros; apply Rabs_pos).
  assert (Q : 0 <= total) by (apply sum_nonneg; intros; apply Rabs_pos).
  rewrite S_INR in smaller.
  assert (INR n * (e * total) <= / 4 * total)
    by (rewrite <- Rmult_assoc; apply Rmult_le_compat_r; lra).
  assert (3 / 2 * rest <= 2 * (1 - e) * rest) by (apply Rmult_le_compat_r; lra). lra.
Qed.

Lemma staircase_first : 3 / 4 * Rabs (z 0%nat) <= rest.
Proof.
  pose proof (null 0%nat ltac:(lia)) as E. rewrite (sum_skip n 0) in E by lia.
  pose proof (below 0%nat 0%nat ltac:(lia)) as B. pose proof (Rabs_pos (z 0%nat)).
  apply Rle_trans with (Rabs (T 0%nat 0%nat * z 0%nat)).
  - rewrite Rabs_mult, (Rabs_pos_eq (T 0%nat 0%nat)) by lra. apply Rmult_le_compat_r; lra.
  - replace (T 0%nat 0%nat * z 0%nat) with (- sum n (fun j => T 0%nat (skip 0 j) * z (skip 0 j))) by lra.
    rewrite Rabs_Ropp. eapply Rle_trans; [apply sum_Rabs|]. apply sum_le; intros j Hj.
    change (skip 0 j) with (S j). rewrite Rabs_mult. pose proof (above 0%nat (S j) ltac:(lia)).
    rewrite <- (Rmult_1_l (Rabs (z (S j)))) at 2. apply Rmult_le_compat_r; [apply Rabs_pos|].
    apply Rabs_le. lra.
Qed.

Lemma staircase_full j : (j < S n)%nat -> z j = 0.
Proof.
  apply sum_Rabs_zero. fold total.
  pose proof staircase_total. pose proof staircase_rest. pose proof staircase_first. lra.
Qed.
End Staircase.

Theorem additive_full_rank n : exists a b, forall d,
  (exists r c, forall i j, (i < n)%nat -> (j < n)%nat -> tanh (a i + b j) = sum d (fun l => r i l * c j l)) ->
  (n <= d)%nat.
Proof.
  destruct n as [|n]; [exists (fun _ => 0), (fun _ => 0); lia|].
  set (N := INR (S n)). set (l := 8 * N).
  assert (HN : 1 <= N) by (unfold N; rewrite S_INR; pose proof (pos_INR n); lra).
  exists (fun i => INR i * l), (fun j => l / 2 - INR j * l). intros d (r & c & H).
  destruct (le_lt_dec (S n) d) as [Hle|Hlt]; [exact Hle|exfalso].
  destruct (null_vector d (S n) c Hlt) as (z & (k & Hk & Hzk) & Hz). apply Hzk.
  assert (I4 : / (4 * N) <= / 4) by (apply Rinv_le_contravar; lra).
  assert (I0 : 0 < / (4 * N)) by (apply Rinv_0_lt_compat; lra).
  apply (staircase_full n (fun i j => tanh (INR i * l + (l / 2 - INR j * l))) (/ (4 * N))); try exact Hk.
  - lra.
  - fold N. right. field. lra.
  - intros i j Hij. apply le_INR in Hij.
    assert (4 * N <= INR i * l + (l / 2 - INR j * l)).
    { assert (0 <= (INR i - INR j) * l) by (apply Rmult_le_pos; unfold l; lra). unfold l in *. lra. }
    split; [now apply tanh_near_1|]. pose proof (tanh_bound (INR i * l + (l / 2 - INR j * l))). lra.
  - intros i j Hij. apply le_INR in Hij. rewrite S_INR in Hij.
    assert (4 * N <= - (INR i * l + (l / 2 - INR j * l))).
    { assert (l <= (INR j - INR i) * l).
      { rewrite <- (Rmult_1_l l) at 1. apply Rmult_le_compat_r; unfold l in *; lra. }
      unfold l in *. lra. }
    pose proof (tanh_near_1 N _ HN H0) as T. rewrite tanh_opp in T.
    pose proof (tanh_bound (INR i * l + (l / 2 - INR j * l))). lra.
  - intros i Hi. rewrite (sum_ext (S n) _ (fun j => sum d (fun m => r i m * (z j * c j m)))).
    + rewrite sum_swap. apply sum_zero. intros m Hm. rewrite sum_scal, (Hz m Hm). ring.
    + intros j Hj. rewrite (H i j Hi Hj), <- sum_scal_r. apply sum_ext; intros; ring.
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
