(* Arithmetic.v -- the few facts about rounded arithmetic that every bound of this folder uses, and
   products of (1 + error).  Not here: that IEEE arithmetic has them (Ieee.v).  *)
Require Import Reals Lra Lia Psatz.
Open Scope R_scope.

(** Numbers that can be stored ([format]) and a rounding [rnd] of reals to them, with unit roundoff
    [u] and underflow unit [eta].  There is no largest number: overflow is Ieee.v's matter. *)
Record arithmetic (format : R -> Prop) (rnd : R -> R) (u eta : R) : Prop := {
  unit_nonneg : 0 <= u;
  underflow_nonneg : 0 <= eta;
  format_0 : format 0;
  format_opp : forall z, format z -> format (- z);
  format_rnd : forall z, format (rnd z);
  rnd_format : forall z, format z -> rnd z = z;
  rnd_error : forall z, Rabs (rnd z - z) <= u * Rabs z + eta;
  (* a sum or difference of stored numbers that falls below the normal range is exact *)
  rnd_add_error : forall x y, format x -> format y ->
    Rabs (rnd (x + y) - (x + y)) <= u * Rabs (x + y)
}.

(** The usual constant of error analysis (Higham 2002, section 3.1). *)
Definition gamma (u : R) (n : nat) : R := INR n * u / (1 - INR n * u).

Lemma Rabs_between z b : Rabs z <= b -> - b <= z <= b.
Proof. unfold Rabs. destruct (Rcase_abs z); lra. Qed.

(** ** Products of factors close to 1 *)

Lemma pow_ge_1 u n : 0 <= u -> 1 <= (1 + u) ^ n.
Proof. intros Hu. apply pow_R1_Rle. lra. Qed.

Lemma pow_1_plus_above u n : 0 <= u -> 1 + INR n * u <= (1 + u) ^ n.
Proof.
  intros Hu. induction n as [|n IH]; [cbn; lra|].
  rewrite S_INR. cbn [pow]. pose proof (pos_INR n). nra.
Qed.

Lemma pow_1_minus u n : 0 <= u <= 1 -> 1 - INR n * u <= (1 - u) ^ n.
Proof.
  intros Hu. induction n as [|n IH]; [cbn; lra|].
  rewrite S_INR. cbn [pow]. pose proof (pos_INR n). nra.
Qed.

(** (1 + u)^n (1 - u)^n <= 1, hence the bound by the reciprocal. *)
Lemma pow_1_plus u n : 0 <= u -> INR n * u < 1 -> (1 + u) ^ n <= / (1 - INR n * u).
Proof.
  intros Hu Hn.
  assert (K : (1 + u) ^ n * (1 - INR n * u) <= 1).
  { clear Hn. induction n as [|n IH]; [cbn; lra|]. rewrite S_INR. cbn [pow].
    pose proof (pow_ge_1 u n Hu) as Hp. pose proof (pos_INR n) as Hk.
    set (p := (1 + u) ^ n) in *. set (k := INR n) in *.
    assert (0 <= p * ((k + 1) * (u * u))) by (repeat apply Rmult_le_pos; lra).
    replace ((1 + u) * p * (1 - (k + 1) * u))
      with (p * (1 - k * u) - p * ((k + 1) * (u * u))) by ring.
    lra. }
  apply Rmult_le_reg_r with (1 - INR n * u); [lra|]. rewrite Rinv_l by lra. exact K.
Qed.

Lemma gamma_nonneg u n : 0 <= u -> INR n * u < 1 -> 0 <= gamma u n.
Proof.
  intros Hu Hn. unfold gamma, Rdiv. pose proof (pos_INR n).
  apply Rmult_le_pos; [nra|]. left. apply Rinv_0_lt_compat. lra.
Qed.

Lemma gamma_bound u n : 0 <= u -> INR n * u < 1 -> (1 + u) ^ n - 1 <= gamma u n.
Proof.
  intros Hu Hn. pose proof (pow_1_plus u n Hu Hn).
  replace (gamma u n) with (/ (1 - INR n * u) - 1) by (unfold gamma; field; lra). lra.
Qed.

Lemma minus_mult a b : 0 <= a -> 0 <= b -> 1 - (a + b) <= (1 - a) * (1 - b).
Proof. nra. Qed.

(** Reciprocals of 1 - a: products of them, and sums of their arguments. *)
Lemma inv_ge_1 a : 0 <= a < 1 -> 1 <= / (1 - a).
Proof. intros Ha. rewrite <- Rinv_1 at 1. apply Rinv_le_contravar; lra. Qed.

Lemma inv_mono a b : a <= b < 1 -> / (1 - a) <= / (1 - b).
Proof. intros H. apply Rinv_le_contravar; lra. Qed.

Lemma inv_mult a b : 0 <= a -> 0 <= b -> a + b < 1 -> / (1 - a) * / (1 - b) <= / (1 - (a + b)).
Proof.
  intros Ha Hb Hab. rewrite <- Rinv_mult. apply Rinv_le_contravar; [lra|]. nra.
Qed.

Lemma inv_plus a b : 0 <= a -> 0 <= b -> a + b < 1 -> / (1 - a) + b <= / (1 - (a + b)).
Proof.
  intros Ha Hb Hab.
  pose proof (inv_ge_1 a ltac:(lra)). pose proof (inv_ge_1 (a + b) ltac:(lra)).
  assert (H1 : b * 1 <= b * (/ (1 - a) * / (1 - (a + b)))) by (apply Rmult_le_compat_l; nra).
  replace (/ (1 - (a + b))) with (/ (1 - a) + b * (/ (1 - a) * / (1 - (a + b)))) by (field; lra).
  lra.
Qed.

Lemma one_plus_le_inv a : 0 <= a < 1 -> 1 + a <= / (1 - a).
Proof.
  intros Ha. apply Rmult_le_reg_r with (1 - a); [lra|]. rewrite Rinv_l by lra. nra.
Qed.

Lemma exp_le a b : a <= b -> exp a <= exp b.
Proof. intros [H|H]; [left; apply exp_increasing, H|right; f_equal; exact H]. Qed.

(** What the exponential does to an error in its argument. *)
Lemma exp_le_inv a : a < 1 -> exp a <= / (1 - a).
Proof.
  intros Ha. pose proof (exp_ineq1_le (- a)). pose proof (exp_pos a).
  rewrite exp_Ropp in H. apply Rmult_le_reg_r with (1 - a); [lra|]. rewrite Rinv_l by lra.
  apply Rle_trans with (exp a * / exp a); [apply Rmult_le_compat_l; lra|].
  rewrite Rinv_r; lra.
Qed.

Lemma exp_within d a : Rabs d <= a -> a < 1 -> 1 - a <= exp d <= / (1 - a).
Proof.
  intros Hd Ha. apply Rabs_between in Hd. split.
  - pose proof (exp_ineq1_le d). lra.
  - eapply Rle_trans; [apply exp_le_inv; lra|]. apply inv_mono. lra.
Qed.

(** ** The record, as it is used *)
Section Use.
Context {format : R -> Prop} {rnd : R -> R} {u eta : R}.
Hypothesis A : arithmetic format rnd u eta.

Lemma rnd_within z : 0 <= z -> (1 - u) * z - eta <= rnd z <= (1 + u) * z + eta.
Proof.
  intros Hz. pose proof (rnd_error _ _ _ _ A z) as H. rewrite (Rabs_pos_eq z Hz) in H.
  apply Rabs_between in H. lra.
Qed.

Lemma rnd_sub_error x y : format x -> format y ->
  Rabs (rnd (x - y) - (x - y)) <= u * Rabs (x - y).
Proof.
  intros Hx Hy. apply (rnd_add_error _ _ _ _ A); [exact Hx|apply (format_opp _ _ _ _ A), Hy].
Qed.

(** A factor 1 + u put on something known to within b. *)
Lemma rnd_after z t b B : Rabs (z - t) <= b -> Rabs t <= B ->
  Rabs (rnd z - t) <= (1 + u) * b + u * B + eta.
Proof.
  intros Hz Ht. pose proof (unit_nonneg _ _ _ _ A). pose proof (rnd_error _ _ _ _ A z) as H1.
  assert (Rabs z <= b + B).
  { replace z with ((z - t) + t) by ring. eapply Rle_trans; [apply Rabs_triang|]. lra. }
  replace (rnd z - t) with ((rnd z - z) + (z - t)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. nra.
Qed.

(** The same for a sum of stored numbers: no underflow. *)
Lemma rnd_add_after x y t b B : format x -> format y -> Rabs (x + y - t) <= b -> Rabs t <= B ->
  Rabs (rnd (x + y) - t) <= (1 + u) * b + u * B.
Proof.
  intros Fx Fy Hz Ht. pose proof (unit_nonneg _ _ _ _ A).
  pose proof (rnd_add_error _ _ _ _ A x y Fx Fy) as H1.
  assert (Rabs (x + y) <= b + B).
  { replace (x + y) with ((x + y - t) + t) by ring. eapply Rle_trans; [apply Rabs_triang|]. lra. }
  replace (rnd (x + y) - t) with ((rnd (x + y) - (x + y)) + (x + y - t)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. nra.
Qed.
End Use.
