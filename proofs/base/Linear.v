(* Linear.v -- the little linear algebra that is needed: homogeneous systems, forms, and their rank.

   A matrix is a function of two indices, with its sizes beside it.  "M has rank at most d" is said as
   "M i j = sum over c < d of A i c * B j c for some A and B".  *)
Require Import Reals Lra Lia Arith.
From Qkcheck.base Require Import Sum.
Open Scope R_scope.

(** ** Leaving out one index *)

(* The i-th index other than k. *)
Definition skip (k i : nat) : nat := if i <? k then i else S i.

Lemma skip_lt k i n : (k < S n)%nat -> (i < n)%nat -> (skip k i < S n)%nat.
Proof. unfold skip. destruct (Nat.ltb_spec i k); lia. Qed.

Lemma sum_skip n k f : (k < S n)%nat -> sum (S n) f = f k + sum n (fun i => f (skip k i)).
Proof.
  revert k. induction n as [|n IH]; intros k Hk.
  - replace k with 0%nat by lia. cbn. ring.
  - destruct (Nat.eq_dec k (S n)) as [->|Hne].
    + rewrite (sum_ext (S n) (fun i => f (skip (S n) i)) f).
      * cbn [sum]. ring.
      * intros i Hi. unfold skip. destruct (Nat.ltb_spec i (S n)); [reflexivity|lia].
    + change (sum (S (S n)) f) with (sum (S n) f + f (S n)). rewrite (IH k) by lia. cbn [sum].
      replace (skip k n) with (S n); [ring|]. unfold skip. destruct (Nat.ltb_spec n k); lia.
Qed.

(* A vector with the entry a at k and the entries of z elsewhere. *)
Definition insert (k : nat) (a : R) (z : nat -> R) (i : nat) : R :=
  if i =? k then a else z (if i <? k then i else pred i).

Lemma insert_here k a z : insert k a z k = a.
Proof. unfold insert. now rewrite Nat.eqb_refl. Qed.

Lemma insert_skip k a z i : insert k a z (skip k i) = z i.
Proof.
  unfold insert, skip. destruct (Nat.ltb_spec i k).
  - destruct (Nat.eqb_spec i k); [lia|]. destruct (Nat.ltb_spec i k); [reflexivity|lia].
  - destruct (Nat.eqb_spec (S i) k); [lia|]. destruct (Nat.ltb_spec (S i) k); [lia|reflexivity].
Qed.

Lemma zero_or_not n (f : nat -> R) :
  (forall i, (i < n)%nat -> f i = 0) \/ (exists i, (i < n)%nat /\ f i <> 0).
Proof.
  induction n as [|n [IH|(i & Hi & Hf)]]; [left; lia| |right; exists i; split; [lia|exact Hf]].
  destruct (Req_dec (f n) 0) as [E|E].
  - left. intros i Hi. destruct (Nat.eq_dec i n) as [->|]; [exact E|apply IH; lia].
  - right. exists n. split; [lia|exact E].
Qed.

(** ** More unknowns than equations: d equations in m > d unknowns have a solution other than 0 *)

Theorem null_vector d : forall m (A : nat -> nat -> R), (d < m)%nat ->
  exists z, (exists i, (i < m)%nat /\ z i <> 0) /\
    forall c, (c < d)%nat -> sum m (fun i => z i * A i c) = 0.
Proof.
  induction d as [|d IH]; intros m A Hm.
  { exists (fun _ => 1). split; [exists 0%nat; split; [lia|lra]|lia]. }
  destruct (zero_or_not m (fun i => A i d)) as [Hz|(k & Hk & Hp)].
  { (* the last equation is 0 = 0 *)
    destruct (IH m A) as (z & Hz1 & Hz2); [lia|]. exists z. split; [exact Hz1|]. intros c Hc.
    destruct (Nat.eq_dec c d) as [->|]; [|apply Hz2; lia].
    apply sum_zero. intros i Hi. rewrite (Hz i Hi). ring. }
  (* unknown k is found from the last equation, the others solve what remains *)
  destruct m as [|m]; [lia|].
  destruct (IH m (fun i c => A (skip k i) c - A (skip k i) d / A k d * A k c)) as (z & (j & Hj & Hzj) & Hz);
    [lia|].
  set (a := - (sum m (fun i => z i * A (skip k i) d) / A k d)).
  exists (insert k a z). split.
  { exists (skip k j). split; [apply skip_lt; assumption|]. now rewrite insert_skip. }
  intros c Hc. rewrite (sum_skip m k) by exact Hk. rewrite insert_here.
  rewrite (sum_ext m _ (fun i => z i * A (skip k i) c)) by (intros; now rewrite insert_skip).
  destruct (Nat.eq_dec c d) as [->|Hne]; [unfold a; field; exact Hp|].
  specialize (Hz c ltac:(lia)).
  rewrite (sum_ext m _ (fun i => z i * A (skip k i) c - A k c / A k d * (z i * A (skip k i) d))) in Hz
    by (intros; field; exact Hp).
  rewrite sum_minus, sum_scal in Hz. unfold a.
  replace (- (sum m (fun i => z i * A (skip k i) d) / A k d) * A k c)
    with (- (A k c / A k d * sum m (fun i => z i * A (skip k i) d))) by (field; exact Hp).
  lra.
Qed.

(* The identity of size m has rank m. *)
Corollary identity_rank m d A B :
  (forall i j, (i < m)%nat -> (j < m)%nat -> sum d (fun c => A i c * B j c) = delta i j) ->
  (m <= d)%nat.
Proof.
  intros H. destruct (le_lt_dec m d) as [Hle|Hlt]; [exact Hle|exfalso].
  destruct (null_vector d m A Hlt) as (z & (j & Hj & Hzj) & Hz). apply Hzj.
  transitivity (sum m (fun i => z i * delta i j)).
  - rewrite (sum_ext m _ (fun i => delta i j * z i)) by (intros; ring). now rewrite sum_delta.
  - rewrite (sum_ext m _ (fun i => sum d (fun c => z i * A i c * B j c))).
    + rewrite sum_swap. apply sum_zero. intros c Hc. rewrite sum_scal_r, (Hz c Hc). ring.
    + intros i Hi. rewrite <- (H i j Hi Hj), <- sum_scal. apply sum_ext. intros; ring.
Qed.

(** ** How far the identity is from matrices of small rank

    r rows orthonormal and orthogonal to the h columns of A exist as long as h + r <= m; what they see
    of A B^T - I is themselves. *)

Definition orthonormal (r m : nat) (z : nat -> nat -> R) : Prop :=
  forall k l, (k < r)%nat -> (l < r)%nat -> sum m (fun i => z k i * z l i) = delta k l.

Lemma orthonormal_null m h A r : (h + r <= m)%nat -> exists z, orthonormal r m z /\
  forall k c, (k < r)%nat -> (c < h)%nat -> sum m (fun i => z k i * A i c) = 0.
Proof.
  induction r as [|r IH]; intros Hm.
  { exists (fun _ _ => 0). split; [intros k l Hk; lia|intros k c Hk; lia]. }
  destruct IH as (z & Hz & HA); [lia|].
  destruct (null_vector (h + r) m (fun i c => if c <? h then A i c else z (c - h)%nat i))
    as (x & (j & Hj & Hxj) & Hx); [lia|].
  assert (Hxz : forall k, (k < r)%nat -> sum m (fun i => x i * z k i) = 0).
  { intros k Hk. rewrite <- (Hx (h + k)%nat) by lia. apply sum_ext; intros i _.
    destruct (Nat.ltb_spec (h + k) h); [lia|]. now replace (h + k - h)%nat with k by lia. }
  assert (HxA : forall c, (c < h)%nat -> sum m (fun i => x i * A i c) = 0).
  { intros c Hc. rewrite <- (Hx c) by lia. apply sum_ext; intros i _.
    destruct (Nat.ltb_spec c h); [reflexivity|lia]. }
  set (N := sum m (fun i => x i * x i)).
  assert (HN : 0 < N).
  { apply Rlt_le_trans with (x j * x j); [nra|].
    apply (sum_ge_term m (fun i => x i * x i)); [exact Hj|intros; nra]. }
  set (s := sqrt N). assert (Hs : 0 < s) by now apply sqrt_lt_R0.
  assert (Hss : s * s = N) by (apply sqrt_sqrt; lra).
  exists (fun k i => if k =? r then / s * x i else z k i). split.
  - intros k l Hk Hl. destruct (Nat.eqb_spec k r) as [->|Nk]; destruct (Nat.eqb_spec l r) as [->|Nl].
    + rewrite (sum_ext m _ (fun i => / N * (x i * x i))) by (intros; rewrite <- Hss; field; lra).
      rewrite sum_scal, delta_refl. fold N. field. lra.
    + rewrite (sum_ext m _ (fun i => / s * (x i * z l i))) by (intros; ring).
      rewrite sum_scal, Hxz by lia. unfold delta. destruct (Nat.eqb_spec r l); [lia|ring].
    + rewrite (sum_ext m _ (fun i => / s * (x i * z k i))) by (intros; ring).
      rewrite sum_scal, Hxz by lia. unfold delta. destruct (Nat.eqb_spec k r); [lia|ring].
    + apply Hz; lia.
  - intros k c Hk Hc. destruct (Nat.eqb_spec k r) as [->|Nk]; [|apply HA; lia].
    rewrite (sum_ext m _ (fun i => / s * (x i * A i c))) by (intros; ring).
    rewrite sum_scal, HxA by exact Hc. ring.
Qed.

(* Bessel: orthonormal rows see at most all of y. *)
Lemma bessel r m z y : orthonormal r m z ->
  sum r (fun k => (sum m (fun i => z k i * y i)) ^ 2) <= sum m (fun i => y i ^ 2).
Proof.
  intros Hz. set (c := fun k => sum m (fun i => z k i * y i)).
  change (sum r (fun k => c k ^ 2) <= sum m (fun i => y i ^ 2)).
  set (part := fun i => sum r (fun k => c k * z k i)).
  assert (Hy : sum m (fun i => y i * part i) = sum r (fun k => c k ^ 2)).
  { unfold part. rewrite (sum_ext m _ (fun i => sum r (fun k => c k * (z k i * y i))))
      by (intros; rewrite <- sum_scal; apply sum_ext; intros; ring).
    rewrite sum_swap. apply sum_ext; intros k _. rewrite sum_scal. fold (c k). ring. }
  assert (Hp : sum m (fun i => part i * part i) = sum r (fun k => c k ^ 2)).
  { unfold part at 1. rewrite (sum_ext m _ (fun i => sum r (fun k => c k * (z k i * part i))))
      by (intros; rewrite <- sum_scal_r; apply sum_ext; intros; ring).
    rewrite sum_swap. apply sum_ext; intros k Hk. rewrite sum_scal.
    replace (sum m (fun i => z k i * part i)) with (c k); [ring|]. unfold part.
    rewrite (sum_ext m _ (fun i => sum r (fun l => c l * (z k i * z l i))))
      by (intros; rewrite <- sum_scal; apply sum_ext; intros; ring).
    rewrite sum_swap, (sum_ext r _ (fun l => delta k l * c l)).
    - now rewrite sum_delta_l.
    - intros l Hl. rewrite sum_scal, Hz by assumption. ring. }
  assert (H : 0 <= sum m (fun i => (y i - part i) ^ 2)) by (apply sum_nonneg; intros; apply pow2_ge_0).
  rewrite (sum_ext m _ (fun i => y i ^ 2 + part i * part i - 2 * (y i * part i))) in H by (intros; ring).
  rewrite sum_minus, sum_plus, sum_scal, Hy, Hp in H. lra.
Qed.

(* A matrix of rank at most h is at least m - h away from the identity, in squared Frobenius norm. *)
Theorem identity_distance m h A B :
  INR m - INR h <=
  sum m (fun i => sum m (fun j => (sum h (fun c => A i c * B j c) - delta i j) ^ 2)).
Proof.
  destruct (le_lt_dec m h) as [Hle|Hlt].
  { apply Rle_trans with 0; [apply le_INR in Hle; lra|].
    apply sum_nonneg; intros; apply sum_nonneg; intros; apply pow2_ge_0. }
  destruct (orthonormal_null m h A (m - h)) as (z & Hz & HA); [lia|].
  rewrite sum_swap.
  apply Rle_trans with (sum m (fun j => sum (m - h) (fun k => z k j ^ 2))).
  - rewrite sum_swap, (sum_ext (m - h) _ (fun _ => 1)).
    + rewrite sum_const, minus_INR by lia. lra.
    + intros k Hk. rewrite (sum_ext m _ (fun i => z k i * z k i)) by (intros; ring).
      now rewrite Hz, delta_refl.
  - apply sum_le; intros j Hj.
    eapply Rle_trans; [|apply (bessel (m - h) m z _ Hz)]. right. apply sum_ext; intros k Hk.
    replace (sum m (fun i => z k i * (sum h (fun c => A i c * B j c) - delta i j))) with (- z k j); [ring|].
    rewrite (sum_ext m _ (fun i => sum h (fun c => z k i * A i c * B j c) - delta i j * z k i))
      by (intros; rewrite Rmult_minus_distr_l, <- sum_scal; f_equal; [apply sum_ext; intros|]; ring).
    rewrite sum_minus, sum_delta, sum_swap by exact Hj.
    rewrite (sum_zero h); [ring|]. intros c Hc. rewrite sum_scal_r, HA by assumption. ring.
Qed.

(** ** Quadratic forms *)

Definition form (n : nat) (M : nat -> nat -> R) (z : nat -> R) : R :=
  sum n (fun i => sum n (fun j => z i * M i j * z j)).

Lemma form_ext n M N z : (forall i j, (i < n)%nat -> (j < n)%nat -> M i j = N i j) ->
  form n M z = form n N z.
Proof. intros H. apply sum_ext; intros i Hi; apply sum_ext; intros j Hj. now rewrite H. Qed.

(* z^T (A A^T) z = |A^T z|^2 *)
Lemma form_gram n d A z :
  form n (fun i j => sum d (fun c => A i c * A j c)) z =
  sum d (fun c => (sum n (fun i => z i * A i c)) ^ 2).
Proof.
  unfold form.
  rewrite (sum_ext d _ (fun c => sum n (fun i => sum n (fun j => z i * A i c * (z j * A j c)))))
    by (intros; rewrite <- sum_mul; ring).
  rewrite (sum_swap d n). apply sum_ext; intros i _.
  rewrite (sum_swap d n). apply sum_ext; intros j _.
  rewrite <- sum_scal, <- sum_scal_r. apply sum_ext; intros; ring.
Qed.

Lemma form_gram_nonneg n d A z : 0 <= form n (fun i j => sum d (fun c => A i c * A j c)) z.
Proof. rewrite form_gram. apply sum_nonneg; intros; apply pow2_ge_0. Qed.

Lemma form_shift n M k t z : (k < n)%nat ->
  (forall i j, (i < n)%nat -> (j < n)%nat -> M i j = M j i) ->
  form n M (fun i => z i - t * delta k i) =
  form n M z - 2 * t * sum n (fun i => z i * M i k) + t ^ 2 * M k k.
Proof.
  intros Hk Hs. unfold form.
  rewrite (sum_ext n _ (fun i => sum n (fun j => z i * M i j * z j) - t * (z i * M i k)
      - delta k i * (t * (sum n (fun j => z j * M j k) - t * M k k)))).
  - rewrite !sum_minus, (sum_delta_l n k) by exact Hk. rewrite sum_scal. ring.
  - intros i Hi.
    rewrite (sum_ext n _ (fun j => z i * M i j * z j - delta k j * (t * (z i * M i j))
        - delta k i * (t * (z j * M i j)) + delta k j * (delta k i * (t ^ 2 * M i j))))
      by (intros; ring).
    rewrite sum_plus, !sum_minus, !sum_delta_l by exact Hk.
    rewrite sum_scal. unfold delta. destruct (Nat.eqb_spec k i) as [<-|]; [|ring].
    rewrite !Rmult_1_l. rewrite sum_scal.
    rewrite (sum_ext n (fun j => z j * M k j) (fun j => z j * M j k)); [ring|].
    intros j Hj. now rewrite (Hs k j).
Qed.

Section Semidefinite.
Variables (n : nat) (M : nat -> nat -> R).
Hypothesis symmetric : forall i j, (i < n)%nat -> (j < n)%nat -> M i j = M j i.
Hypothesis nonneg : forall z, 0 <= form n M z.

Lemma form_unit i : (i < n)%nat -> form n M (delta i) = M i i.
Proof.
  intros Hi. unfold form.
  rewrite (sum_ext n _ (fun j => delta i j * M j i)).
  - now rewrite sum_delta_l.
  - intros j Hj. rewrite (sum_ext n _ (fun l => delta i l * (delta i j * M j l))) by (intros; ring).
    now rewrite sum_delta_l.
Qed.

Lemma diagonal_nonneg i : (i < n)%nat -> 0 <= M i i.
Proof. intros Hi. rewrite <- form_unit by exact Hi. apply nonneg. Qed.

Lemma zero_diagonal i j : (i < n)%nat -> (j < n)%nat -> M i i = 0 -> M j j = 0 -> M i j = 0.
Proof.
  intros Hi Hj Ei Ej.
  assert (H : forall t, 0 <= - 2 * t * M i j).
  { intros t. pose proof (nonneg (fun l => delta i l - t * delta j l)) as H.
    rewrite (form_shift n M j t) in H by assumption.
    rewrite (sum_delta_l n i (fun l => M l j)), form_unit, Ei, Ej in H by exact Hi. lra. }
  pose proof (H 1). pose proof (H (-1)). lra.
Qed.

(* M minus its part along column k. *)
Lemma schur_nonneg k : (k < n)%nat -> 0 < M k k ->
  forall z, 0 <= form n (fun i j => M i j - M i k * M k j / M k k) z.
Proof.
  intros Hk Hp z. set (s := sum n (fun i => z i * M i k)).
  pose proof (nonneg (fun i => z i - s / M k k * delta k i)) as H.
  rewrite form_shift in H by assumption. fold s in H.
  replace (form n (fun i j => M i j - M i k * M k j / M k k) z)
    with (form n M z - 2 * (s / M k k) * s + (s / M k k) ^ 2 * M k k); [exact H|].
  transitivity (form n M z - s * s / M k k); [field; lra|].
  unfold form, s, Rdiv. rewrite sum_mul, <- sum_scal_r, <- sum_minus. apply sum_ext; intros i Hi.
  rewrite <- sum_scal_r, <- sum_minus. apply sum_ext; intros j Hj. rewrite (symmetric k j Hk Hj). ring.
Qed.
End Semidefinite.

(* A symmetric positive semidefinite form of rank at most d is W W^T with d columns. *)
Theorem semidefinite_square n d : forall M,
  (exists A B, forall i j, (i < n)%nat -> (j < n)%nat -> M i j = sum d (fun c => A i c * B j c)) ->
  (forall i j, (i < n)%nat -> (j < n)%nat -> M i j = M j i) -> (forall z, 0 <= form n M z) ->
  exists W, forall i j, (i < n)%nat -> (j < n)%nat -> M i j = sum d (fun c => W i c * W j c).
Proof.
  induction d as [|d IH]; intros M (A & B & HM) Hs Hpos.
  { exists A. intros i j Hi Hj. now rewrite HM. }
  destruct (zero_or_not n (fun i => M i i)) as [Hz|(k & Hk & Hkk)].
  { (* no diagonal entry, so nothing at all *)
    exists (fun _ _ => 0). intros i j Hi Hj. rewrite sum_zero by (intros; ring).
    apply (zero_diagonal n M Hs Hpos); auto. }
  assert (Hp : 0 < M k k) by (pose proof (diagonal_nonneg n M Hpos k Hk); lra).
  (* one column takes row and column k away; what is left has rank at most d *)
  destruct (zero_or_not (S d) (fun c => A k c)) as [Hz|(e & He & Hae)].
  { exfalso. apply Hkk. rewrite HM by exact Hk. apply sum_zero. intros c Hc. rewrite (Hz c Hc). ring. }
  set (beta := fun j => sum (S d) (fun c => A k c * B j c) / M k k).
  set (B' := fun j c => B j c - B k c * beta j).
  assert (Hort : forall j, (j < n)%nat -> sum (S d) (fun c => A k c * B' j c) = 0).
  { intros j Hj. unfold B'.
    rewrite (sum_ext _ _ (fun c => A k c * B j c - A k c * B k c * beta j)) by (intros; ring).
    rewrite sum_minus, sum_scal_r, <- (HM k k Hk Hk). unfold beta. field. exact Hkk. }
  destruct (IH (fun i j => M i j - M i k * M k j / M k k)) as (W & HW).
  - exists (fun i c => A i (skip e c) - A i e * A k (skip e c) / A k e), (fun j c => B' j (skip e c)).
    intros i j Hi Hj.
    transitivity (sum (S d) (fun c => A i c * B' j c)).
    + unfold B'.
      rewrite (sum_ext (S d) _ (fun c => A i c * B j c - A i c * B k c * beta j)) by (intros; ring).
      rewrite sum_minus, sum_scal_r, <- !HM by assumption. unfold beta.
      rewrite <- (HM k j Hk Hj). field. exact Hkk.
    + specialize (Hort j Hj). rewrite (sum_skip d e) in Hort |- * by exact He.
      rewrite (sum_ext d (fun c => (A i (skip e c) - _) * _)
        (fun c => A i (skip e c) * B' j (skip e c) - A i e / A k e * (A k (skip e c) * B' j (skip e c))))
        by (intros; field; exact Hae).
      rewrite sum_minus, sum_scal.
      replace (sum d (fun c => A k (skip e c) * B' j (skip e c))) with (- (A k e * B' j e)) by lra.
      field. exact Hae.
  - intros i j Hi Hj. rewrite (Hs i j), (Hs i k), (Hs k j) by assumption. unfold Rdiv. ring.
  - apply schur_nonneg; assumption.
  - exists (fun i c => if c =? d then M i k / sqrt (M k k) else W i c). intros i j Hi Hj. cbn [sum].
    rewrite Nat.eqb_refl.
    rewrite (sum_ext d _ (fun c => W i c * W j c)).
    + rewrite <- HW by assumption. rewrite (Hs j k) by assumption.
      assert (Hq : sqrt (M k k) <> 0) by (apply Rgt_not_eq, sqrt_lt_R0; exact Hp).
      replace (M i k / sqrt (M k k) * (M k j / sqrt (M k k)))
        with (M i k * M k j / (sqrt (M k k) * sqrt (M k k))) by (field; exact Hq).
      rewrite sqrt_sqrt by lra. ring.
    + intros c Hc. destruct (Nat.eqb_spec c d); [lia|reflexivity].
Qed.
