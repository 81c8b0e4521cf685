(* Compensated.v -- sums and dot products that add up their own rounding errors: as if computed in
   twice the digits and rounded once.  That those can be computed exactly: IeeeCompensated.v.  *)
Require Import Reals Lra Lia Psatz.
From Qkcheck.base Require Import Sum.
From Qkcheck.fp Require Import Arithmetic Dot.
Open Scope R_scope.

Section Computed.
Variable rnd : R -> R.

(** What the k-th addition of the sum loses. *)
Definition rest (a : nat -> R) (k : nat) : R :=
  computed_sum rnd k a + a k - computed_sum rnd (S k) a.

(** s = e = 0;  for (k = 0; k < n; k++) { e = e + rest of (s + a[k]); s = s + a[k]; }  s + e; *)
Definition compensated_sum (n : nat) (a : nat -> R) : R :=
  rnd (computed_sum rnd n a + computed_sum rnd n (rest a)).

(** The same with rounded products, and with the errors r of the products too. *)
Definition product (x y : nat -> R) (k : nat) : R := rnd (x k * y k).

Definition compensated_dot (n : nat) (x y r : nat -> R) : R :=
  rnd (computed_sum rnd n (product x y)
       + computed_sum rnd n (fun k => rnd (rest (product x y) k + r k))).

Lemma rest_ext n a b k : (forall i, (i < n)%nat -> a i = b i) -> (k < n)%nat -> rest a k = rest b k.
Proof.
  intros H Hk. unfold rest. rewrite (H k Hk).
  rewrite !(computed_sum_ext rnd _ a b) by (intros; apply H; lia). reflexivity.
Qed.

Lemma compensated_sum_ext n a b : (forall i, (i < n)%nat -> a i = b i) ->
  compensated_sum n a = compensated_sum n b.
Proof.
  intros H. unfold compensated_sum. rewrite (computed_sum_ext rnd n a b H).
  do 2 f_equal. apply computed_sum_ext. intros k Hk. apply (rest_ext n); assumption.
Qed.
End Computed.

(** One factor 1 + u more fits into gamma. *)
Lemma gamma_bound_up u n : 0 <= u -> INR n * u < 1 -> (1 + u) * ((1 + u) ^ n - 1) <= gamma u n.
Proof.
  intros Hu Hn.
  assert (K : (1 + u) ^ n * (1 + u) * (1 - INR n * u) <= 1 + u - INR n * (u * u)).
  { clear Hn. induction n as [|n IH]; [cbn; lra|]. rewrite S_INR. cbn [pow].
    pose proof (pos_INR n) as Hk. set (k := INR n) in *.
    assert (B : 1 + (k + 2) * u <= (1 + u) ^ n * (1 + u) * (1 + u)).
    { replace ((1 + u) ^ n * (1 + u) * (1 + u)) with ((1 + u) ^ S (S n)) by (cbn [pow]; ring).
      replace (k + 2) with (INR (S (S n))) by (rewrite !S_INR; unfold k; ring).
      apply pow_1_plus_above, Hu. }
    replace ((1 + u) * (1 + u) ^ n * (1 + u) * (1 - (k + 1) * u))
      with ((1 + u) * ((1 + u) ^ n * (1 + u) * (1 - k * u))
            - u * ((1 + u) ^ n * (1 + u) * (1 + u))) by ring.
    assert (0 <= k * (u * u)) by (repeat apply Rmult_le_pos; lra).
    assert (0 <= k * (u * u * u)) by (repeat apply Rmult_le_pos; lra).
    assert ((1 + u) * ((1 + u) ^ n * (1 + u) * (1 - k * u)) <= (1 + u) * (1 + u - k * (u * u)))
      by (apply Rmult_le_compat_l; lra).
    assert (u * (1 + (k + 2) * u) <= u * ((1 + u) ^ n * (1 + u) * (1 + u)))
      by (apply Rmult_le_compat_l; lra). lra. }
  unfold gamma. apply Rmult_le_reg_r with (1 - INR n * u); [lra|].
  replace (INR n * u / (1 - INR n * u) * (1 - INR n * u)) with (INR n * u) by (field; lra). lra.
Qed.

Section Errors.
Context {format : R -> Prop} {rnd : R -> R} {u eta : R}.
Hypothesis A : arithmetic format rnd u eta.
(** Rounding to nearest: what an addition loses is a stored number. *)
Hypothesis exact_rest : forall x y, format x -> format y -> format (x + y - rnd (x + y)).

Let u0 : 0 <= u := unit_nonneg _ _ _ _ A.
Let eta0 : 0 <= eta := underflow_nonneg _ _ _ _ A.

Section Sum.
Variables (n : nat) (a : nat -> R).
Hypothesis Fa : forall i, format (a i).
Notation s := (computed_sum rnd n a).
Notation t := (sum n (fun i => Rabs (a i))).

Lemma rest_format k : format (rest rnd a k).
Proof. apply exact_rest; [apply (computed_sum_format A)|apply Fa]. Qed.

(** Nothing is lost: the computed sum and the rests are the exact sum. *)
Lemma sum_of_rests : sum n (rest rnd a) = sum n a - s.
Proof.
  induction n as [|m IH]; [cbn; ring|].
  change (sum (S m) (rest rnd a)) with (sum m (rest rnd a) + rest rnd a m). rewrite IH.
  unfold rest. cbn [sum]. ring.
Qed.

(** The rests are small together. *)
Lemma rests_small : sum n (fun k => Rabs (rest rnd a k)) <= ((1 + u) ^ (n - 1) - 1) * t.
Proof.
  induction n as [|m IH]; [cbn; lra|]. destruct m as [|m].
  { cbn [sum]. unfold rest. rewrite (computed_sum_1 A a (Fa 0%nat)). cbn.
    replace (0 + a 0%nat - a 0%nat) with 0 by ring. rewrite Rabs_R0. lra. }
  replace (S (S m) - 1)%nat with (S (S m - 1)) by lia. set (k := S m) in *. cbn [sum pow].
  pose proof (sum_error A k a (fun i _ => Fa i)) as E. pose proof (sum_Rabs k a) as B.
  pose proof (pow_ge_1 u (k - 1) u0). pose proof (Rabs_pos (a k)).
  set (G := (1 + u) ^ (k - 1)) in *. set (T := sum k (fun i => Rabs (a i))) in *.
  assert (R1 : Rabs (rest rnd a k) <= u * Rabs (computed_sum rnd k a + a k)).
  { unfold rest. cbn [computed_sum]. rewrite Rabs_minus_sym.
    apply (rnd_add_error _ _ _ _ A); [apply (computed_sum_format A)|apply Fa]. }
  assert (R2 : Rabs (computed_sum rnd k a + a k) <= G * T + Rabs (a k)).
  { eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat_r.
    replace (computed_sum rnd k a) with ((computed_sum rnd k a - sum k a) + sum k a) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. lra. }
  assert (R3 : u * Rabs (computed_sum rnd k a + a k) <= u * (G * T + Rabs (a k)))
    by (apply Rmult_le_compat_l; lra).
  assert (R4 : 0 <= u * (G - 1) * Rabs (a k)) by (apply Rmult_le_pos; [apply Rmult_le_pos|]; lra).
  assert (R5 : 0 <= (G - 1) * Rabs (a k)) by (apply Rmult_le_pos; lra). lra.
Qed.

(** |computed - sum| <= u |sum| + gamma_(n-1)^2 sum |a_i|. *)
Theorem compensated_sum_error : INR (n - 1) * u < 1 ->
  Rabs (compensated_sum rnd n a - sum n a) <= u * Rabs (sum n a) + gamma u (n - 1) ^ 2 * t.
Proof.
  intros Hn. set (E := computed_sum rnd n (rest rnd a)).
  pose proof (sum_error A n (rest rnd a) (fun k _ => rest_format k)) as B. fold E in B.
  rewrite sum_of_rests in B. pose proof rests_small as R.
  pose proof (gamma_bound_up u (n - 1) u0 Hn) as Gup.
  pose proof (gamma_bound u (n - 1) u0 Hn) as G1.
  pose proof (pow_ge_1 u (n - 1) u0). set (h := (1 + u) ^ (n - 1) - 1) in *.
  set (g := gamma u (n - 1)) in *.
  assert (T0 : 0 <= t) by (apply sum_nonneg; intros; apply Rabs_pos).
  assert (B1 : Rabs (s + E - sum n a) <= h * (h * t)).
  { replace (s + E - sum n a) with (E - (sum n a - s)) by ring.
    eapply Rle_trans; [exact B|]. apply Rmult_le_compat_l; [unfold h; lra|exact R]. }
  unfold compensated_sum. fold E. eapply Rle_trans.
  - apply (rnd_add_after A s E (sum n a) (h * (h * t)) (Rabs (sum n a))); [| |exact B1|lra];
      apply (computed_sum_format A).
  - assert (H0 : 0 <= h) by (unfold h; lra).
    assert ((1 + u) * h * (h * t) <= g * (g * t)); [|cbn [pow]; lra].
    apply Rmult_le_compat; [nra|nra|exact Gup|]. apply Rmult_le_compat_r; lra.
Qed.
End Sum.

(** ** Dot products *)
Section Dot.
Variables (n : nat) (x y : nat -> R).
Notation p := (product rnd x y).
Notation S := (absdot n x y).

Lemma product_format k : format (p k).
Proof. apply (format_rnd _ _ _ _ A). Qed.

Lemma products_error : Rabs (sum n p - dot n x y) <= u * S + INR n * eta.
Proof.
  unfold dot, absdot. rewrite <- sum_minus, <- sum_scal, <- sum_const, <- sum_plus.
  eapply Rle_trans; [apply sum_Rabs|]. apply sum_le. intros. apply (rnd_error _ _ _ _ A).
Qed.

Lemma products_size : sum n (fun k => Rabs (p k)) <= (1 + u) * S + INR n * eta.
Proof.
  unfold absdot. rewrite <- sum_const, <- sum_scal, <- sum_plus. apply sum_le. intros k _.
  pose proof (rnd_error _ _ _ _ A (x k * y k)) as E.
  replace (p k) with (x k * y k + (p k - x k * y k)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. unfold product. lra.
Qed.

(** Neumaier's: the errors of the products remain. *)
Theorem neumaier_error : INR (n - 1) * u < 1 -> let g := gamma u (n - 1) in
  Rabs (compensated_sum rnd n p - dot n x y) <=
    u * S + u * (Rabs (dot n x y) + u * S) + g ^ 2 * ((1 + u) * S)
    + (1 + u + g ^ 2) * (INR n * eta).
Proof.
  intros Hn g. pose proof (compensated_sum_error n p product_format Hn) as E. fold g in E.
  pose proof products_error as P. pose proof products_size as P'. pose proof (pow2_ge_0 g).
  assert (M : Rabs (sum n p) <= Rabs (dot n x y) + (u * S + INR n * eta)).
  { replace (sum n p) with (dot n x y + (sum n p - dot n x y)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. lra. }
  replace (compensated_sum rnd n p - dot n x y)
    with ((compensated_sum rnd n p - sum n p) + (sum n p - dot n x y)) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  assert (g ^ 2 * sum n (fun k => Rabs (p k)) <= g ^ 2 * ((1 + u) * S + INR n * eta))
    by (apply Rmult_le_compat_l; assumption).
  assert (u * Rabs (sum n p) <= u * (Rabs (dot n x y) + (u * S + INR n * eta)))
    by (apply Rmult_le_compat_l; assumption). lra.
Qed.

(** Dot2: the errors of the products are known up to underflow, and added. *)
Variable r : nat -> R.
Hypothesis Fr : forall k, format (r k).
Hypothesis Hr : forall k, (k < n)%nat -> Rabs (r k - (x k * y k - p k)) <= eta.

Theorem dot2_error : INR n * u < 1 -> let g := gamma u n in
  Rabs (compensated_dot rnd n x y r - dot n x y) <=
    u * Rabs (dot n x y) + g ^ 2 * S + (1 + 3 * g + g ^ 2) * (INR n * eta).
Proof.
  intros Hn g.
  destruct (Nat.eq_dec n 0) as [En|En].
  { unfold compensated_dot, dot, absdot. rewrite En. cbn. rewrite Rplus_0_l.
    rewrite (rnd_format _ _ _ _ A 0 (format_0 _ _ _ _ A)), Rminus_0_r, Rabs_R0. lra. }
  pose proof (rests_small n p product_format) as R. pose proof (sum_of_rests n p) as T.
  pose proof products_size as P. pose proof (absdot_nonneg n x y) as S0.
  set (G := (1 + u) ^ (n - 1)) in *. set (N := INR n * eta) in *.
  assert (HG : 1 <= G) by (apply pow_ge_1, u0).
  assert (N0 : 0 <= N) by (apply Rmult_le_pos; [apply pos_INR|exact eta0]).
  set (h := (1 + u) ^ n - 1).
  assert (Hh : h = (1 + u) * G - 1).
  { unfold h, G. replace n with (Datatypes.S (n - 1)) at 1 by lia. reflexivity. }
  pose proof (gamma_bound u n u0 Hn : h <= g) as G1.
  pose proof (gamma_bound_up u n u0 Hn : (1 + u) * h <= g) as G2.
  (* all that is added apart, and its size *)
  set (e := fun k => rest rnd p k + r k). set (c := fun k => rnd (e k)).
  set (W := sum n (fun k => Rabs (rest rnd p k) + Rabs (r k))).
  assert (R1 : sum n (fun k => Rabs (r k)) <= u * S + 2 * N).
  { unfold N, absdot. replace (2 * (INR n * eta)) with (INR n * (2 * eta)) by ring.
    rewrite <- sum_const, <- sum_scal, <- sum_plus. apply sum_le. intros k Hk.
    pose proof (rnd_error _ _ _ _ A (x k * y k)) as E1. specialize (Hr k Hk).
    replace (r k) with ((r k - (x k * y k - p k)) + (x k * y k - p k)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_minus_sym (x k * y k)).
    unfold product in *. lra. }
  assert (HW : W <= h * S + (G + 1) * N).
  { unfold W. rewrite sum_plus.
    assert ((G - 1) * sum n (fun i => Rabs (p i)) <= (G - 1) * ((1 + u) * S + N))
      by (apply Rmult_le_compat_l; lra). rewrite Hh. lra. }
  assert (W0 : 0 <= W) by (apply sum_nonneg; intros; apply Rplus_le_le_0_compat; apply Rabs_pos).
  assert (C1 : forall k, Rabs (c k - e k) <= u * (Rabs (rest rnd p k) + Rabs (r k))).
  { intros k. eapply Rle_trans.
    - apply (rnd_add_error _ _ _ _ A); [apply rest_format, product_format|apply Fr].
    - apply Rmult_le_compat_l; [exact u0|apply Rabs_triang]. }
  assert (C2 : Rabs (sum n c - sum n e) <= u * W).
  { unfold W. rewrite <- sum_minus, <- sum_scal. eapply Rle_trans; [apply sum_Rabs|].
    apply sum_le. intros. apply C1. }
  assert (C3 : sum n (fun k => Rabs (c k)) <= (1 + u) * W).
  { unfold W. rewrite <- sum_scal. apply sum_le. intros k _. specialize (C1 k).
    replace (c k) with ((c k - e k) + e k) by ring. eapply Rle_trans; [apply Rabs_triang|].
    pose proof (Rabs_triang (rest rnd p k) (r k) : Rabs (e k) <= _). lra. }
  set (E := computed_sum rnd n c).
  assert (E1 : Rabs (E - sum n c) <= (G - 1) * ((1 + u) * W)).
  { eapply Rle_trans; [apply (sum_error A n c); intros; apply (format_rnd _ _ _ _ A)|].
    apply Rmult_le_compat_l; [fold G; lra|exact C3]. }
  (* the sum and what was added apart are the exact dot product, but for underflow *)
  assert (D : Rabs (computed_sum rnd n p + sum n e - dot n x y) <= N).
  { replace (computed_sum rnd n p + sum n e - dot n x y)
      with (sum n (fun k => r k - (x k * y k - p k))).
    - unfold N. rewrite <- sum_const. eapply Rle_trans; [apply sum_Rabs|]. apply sum_le. exact Hr.
    - unfold e. rewrite sum_plus, T, !sum_minus. unfold dot. ring. }
  set (s := computed_sum rnd n p) in *.
  assert (B : Rabs (s + E - dot n x y) <= h * W + N).
  { replace (s + E - dot n x y)
      with ((E - sum n c) + (sum n c - sum n e) + (s + sum n e - dot n x y)) by ring.
    eapply Rle_trans; [apply Rabs_triang|].
    eapply Rle_trans; [apply Rplus_le_compat_r, Rabs_triang|]. rewrite Hh. lra. }
  unfold compensated_dot. fold s. change (computed_sum rnd n _) with E.
  eapply Rle_trans.
  { apply (rnd_add_after A s E (dot n x y) (h * W + N) (Rabs (dot n x y))); [| |exact B|lra];
      apply (computed_sum_format A). }
  assert (H0 : 0 <= h) by (rewrite Hh; nra).
  assert (Hu : u <= h) by (rewrite Hh; nra).
  assert (F1 : (1 + u) * h * W <= g * (h * S + (G + 1) * N)).
  { apply Rmult_le_compat; [nra|exact W0|exact G2|exact HW]. }
  assert (F2 : g * (h * S) <= g * (g * S)).
  { apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_r; lra. }
  assert (F3 : g * ((G + 1) * N) <= g * ((2 + g) * N)).
  { apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_r; [exact N0|]. nra. }
  assert (F4 : u * N <= g * N) by (apply Rmult_le_compat_r; lra).
  lra.
Qed.
End Dot.
End Errors.
