(* Sum.v -- finite sums  sum n f = f 0 + ... + f (n-1)  over the reals.  *)
Require Import Reals Lra Lia Arith.
Open Scope R_scope.

Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S m => sum m f + f m end.

Definition delta (i j : nat) : R := if Nat.eqb i j then 1 else 0.

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof.
  induction n as [|n IH]; intros H; cbn; [reflexivity|].
  rewrite IH by (intros; apply H; lia). rewrite H by lia. reflexivity.
Qed.

Lemma sum_plus n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n; cbn; [|rewrite IHn]; lra. Qed.

Lemma sum_minus n f g : sum n (fun i => f i - g i) = sum n f - sum n g.
Proof. induction n; cbn; [|rewrite IHn]; lra. Qed.

Lemma sum_scal n c f : sum n (fun i => c * f i) = c * sum n f.
Proof. induction n; cbn; [|rewrite IHn]; lra. Qed.

Lemma sum_scal_r n c f : sum n (fun i => f i * c) = sum n f * c.
Proof. induction n; cbn; [|rewrite IHn]; lra. Qed.

Lemma sum_const n c : sum n (fun _ => c) = INR n * c.
Proof. induction n; [cbn; lra|]. rewrite S_INR. cbn. rewrite IHn. lra. Qed.

Lemma sum_zero n f : (forall i, (i < n)%nat -> f i = 0) -> sum n f = 0.
Proof. intros H. rewrite (sum_ext n f (fun _ => 0) H), sum_const. lra. Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof.
  induction n as [|n IH]; intros H; cbn; [lra|].
  assert (0 <= f n) by (apply H; lia).
  assert (0 <= sum n f) by (apply IH; intros; apply H; lia). lra.
Qed.

Lemma sum_pos n f : (0 < n)%nat -> (forall i, (i < n)%nat -> 0 < f i) -> 0 < sum n f.
Proof.
  intros Hn H. destruct n as [|n]; [lia|]. cbn.
  assert (0 < f n) by (apply H; lia).
  assert (0 <= sum n f) by (apply sum_nonneg; intros; left; apply H; lia). lra.
Qed.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  intros H. assert (0 <= sum n (fun i => g i - f i)).
  { apply sum_nonneg; intros i Hi; specialize (H i Hi); lra. }
  rewrite sum_minus in H0. lra.
Qed.

Lemma sum_swap n m f :
  sum n (fun i => sum m (fun j => f i j)) = sum m (fun j => sum n (fun i => f i j)).
Proof.
  induction n as [|n IH]; cbn; [symmetry; apply sum_zero; reflexivity|].
  rewrite IH, <- sum_plus. reflexivity.
Qed.

Lemma sum_mul n m f g :
  sum n f * sum m g = sum n (fun i => sum m (fun j => f i * g j)).
Proof.
  rewrite <- sum_scal_r. apply sum_ext; intros i _. symmetry; apply sum_scal.
Qed.

Lemma sum_delta n j f : (j < n)%nat -> sum n (fun i => delta i j * f i) = f j.
Proof.
  unfold delta. induction n as [|n IH]; intros H; [lia|]. cbn.
  destruct (Nat.eqb_spec n j) as [->|Hne].
  - rewrite sum_zero; [lra|]. intros i Hi.
    destruct (Nat.eqb_spec i j); [lia|lra].
  - rewrite IH by lia. lra.
Qed.

Lemma delta_sym i j : delta i j = delta j i.
Proof. unfold delta. rewrite Nat.eqb_sym. reflexivity. Qed.

Lemma delta_refl i : delta i i = 1.
Proof. unfold delta. rewrite Nat.eqb_refl. reflexivity. Qed.

Lemma sum_delta_l n j f : (j < n)%nat -> sum n (fun i => delta j i * f i) = f j.
Proof.
  intros H. rewrite <- (sum_delta n j f H). apply sum_ext; intros; rewrite delta_sym; reflexivity.
Qed.

(** A single term is at most the whole sum when all terms are nonnegative. *)
Lemma sum_ge_term n f i :
  (i < n)%nat -> (forall k, (k < n)%nat -> 0 <= f k) -> f i <= sum n f.
Proof.
  intros Hi H. rewrite <- (sum_delta n i f Hi). apply sum_le. intros k Hk.
  specialize (H k Hk). unfold delta. destruct (Nat.eqb k i); lra.
Qed.

Lemma sum_Rabs n f : Rabs (sum n f) <= sum n (fun i => Rabs (f i)).
Proof.
  induction n; cbn; [rewrite Rabs_R0; lra|].
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(** Cauchy-Schwarz, via Lagrange's identity. *)
Lemma cauchy_schwarz n x y :
  (sum n (fun i => x i * y i)) ^ 2 <=
  sum n (fun i => x i ^ 2) * sum n (fun i => y i ^ 2).
Proof.
  set (L := sum n (fun i => sum n (fun j => (x i * y j - x j * y i) ^ 2))).
  assert (HL : 0 <= L).
  { apply sum_nonneg; intros; apply sum_nonneg; intros; apply pow2_ge_0. }
  assert (E : L = 2 * (sum n (fun i => x i ^ 2) * sum n (fun i => y i ^ 2))
                - 2 * (sum n (fun i => x i * y i)) ^ 2).
  { replace ((sum n (fun i => x i * y i)) ^ 2)
      with (sum n (fun i => x i * y i) * sum n (fun i => x i * y i)) by ring.
    rewrite !sum_mul. unfold L.
    rewrite (sum_ext n _ (fun i =>
      sum n (fun j => x i ^ 2 * y j ^ 2) + sum n (fun j => x j ^ 2 * y i ^ 2)
      - 2 * sum n (fun j => x i * y i * (x j * y j)))).
    - rewrite sum_minus, sum_plus, sum_scal.
      rewrite (sum_swap n n (fun i j => x j ^ 2 * y i ^ 2)). lra.
    - intros i _. rewrite <- sum_scal, <- sum_plus, <- sum_minus.
      apply sum_ext; intros; ring. }
  lra.
Qed.
