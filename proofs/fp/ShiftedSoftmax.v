(* ShiftedSoftmax.v -- forward error of the softmax computed with the largest entry taken off first.
   Nothing is dropped: no term O(u^2), and underflow has its own.  *)
Require Import Reals Lra Lia Psatz.
From Qkcheck.base Require Import Sum Softmax.
From Qkcheck.fp Require Import Arithmetic Dot.
Open Scope R_scope.

(** What is asked of the exponential of the library: e is an answer for exp (y) if it is stored, not
    negative, and within a relative error [eps], and [alpha] more where it underflows. *)
Definition accurate_exp (format : R -> Prop) (eps alpha y e : R) : Prop :=
  format e /\ 0 <= e /\ Rabs (e - exp y) <= eps * exp y + alpha.

(** p_i = e_i / (e_0 + ... + e_(n-1)), the e_i answers for exp (x_i - max x). *)
Definition computed_softmax (rnd : R -> R) (n : nat) (e : nat -> R) (i : nat) : R :=
  rnd (e i / computed_sum rnd n e).

(** x_top is the largest of n entries, and none is more than D below it. *)
Definition largest (n top : nat) (x : nat -> R) (D : R) : Prop :=
  (top < n)%nat /\ forall i, (i < n)%nat -> x i <= x top /\ x top - x i <= D.

(** The relative error of one entry to first order; in full it is t / (1 - t). *)
Definition softmax_t (u eps alpha : R) (n : nat) (D : R) : R :=
  INR n * u + 2 * eps + 2 * u * D + INR n * alpha.

(** ** How the exact softmax answers to a change of its arguments *)

Lemma softmax_shifted n x c i : (0 < n)%nat ->
  softmax n x i = exp (x i - c) / sum n (fun j => exp (x j - c)).
Proof. intros Hn. symmetry. apply (softmax_shift n Hn x (- c) i). Qed.

Lemma sum_between n a b : forall f g : nat -> R,
  (forall i, (i < n)%nat -> a * f i <= g i <= b * f i) -> a * sum n f <= sum n g <= b * sum n f.
Proof. intros f g H. rewrite <- !sum_scal. split; apply sum_le; intros i Hi; apply H, Hi. Qed.

Theorem softmax_perturbed n x y sigma i : (i < n)%nat -> 2 * sigma < 1 ->
  (forall j, (j < n)%nat -> Rabs (y j - x j) <= sigma) ->
  (1 - 2 * sigma) * softmax n x i <= softmax n y i <= / (1 - 2 * sigma) * softmax n x i.
Proof.
  intros Hi Hs Hd. assert (Hn : (0 < n)%nat) by lia.
  assert (Hs0 : 0 <= sigma) by (eapply Rle_trans; [apply Rabs_pos|apply (Hd i Hi)]).
  assert (B : forall j, (j < n)%nat ->
    (1 - sigma) * exp (x j) <= exp (y j) <= / (1 - sigma) * exp (x j)).
  { intros j Hj. pose proof (exp_within _ sigma (Hd j Hj) ltac:(lra)) as E.
    replace (exp (y j)) with (exp (y j - x j) * exp (x j)) by (rewrite <- exp_plus; f_equal; ring).
    pose proof (exp_pos (x j)). split; apply Rmult_le_compat_r; lra. }
  pose proof (sum_between n _ _ _ _ B) as S. fold (Z n x) (Z n y) in S.
  pose proof (Z_pos n Hn x) as Zx. pose proof (Z_pos n Hn y) as Zy.
  unfold softmax. specialize (B i Hi). pose proof (exp_pos (x i)) as Ex.
  pose proof (exp_pos (y i)) as Ey.
  pose proof (inv_mult sigma sigma Hs0 Hs0 ltac:(lra)) as I.
  replace (sigma + sigma) with (2 * sigma) in I by ring.
  assert (Hinv : 0 < / (1 - sigma)) by (apply Rinv_0_lt_compat; lra).
  split.
  - apply Rmult_le_reg_r with (Z n y); [exact Zy|].
    replace (exp (y i) / Z n y * Z n y) with (exp (y i)) by (field; lra).
    apply Rle_trans with ((1 - 2 * sigma) * (exp (x i) / Z n x) * (/ (1 - sigma) * Z n x)).
    { apply Rmult_le_compat_l; [|lra]. apply Rmult_le_pos; [lra|].
      apply Rlt_le, Rdiv_lt_0_compat; lra. }
    replace ((1 - 2 * sigma) * (exp (x i) / Z n x) * (/ (1 - sigma) * Z n x))
      with ((1 - 2 * sigma) * / (1 - sigma) * exp (x i)) by (field; lra).
    apply Rle_trans with ((1 - sigma) * exp (x i)); [|lra]. apply Rmult_le_compat_r; [lra|].
    apply Rmult_le_reg_r with (1 - sigma); [lra|]. rewrite Rmult_assoc, Rinv_l by lra. nra.
  - apply Rmult_le_reg_r with (Z n y); [exact Zy|].
    replace (exp (y i) / Z n y * Z n y) with (exp (y i)) by (field; lra).
    apply Rle_trans with (/ (1 - 2 * sigma) * (exp (x i) / Z n x) * ((1 - sigma) * Z n x)).
    2:{ apply Rmult_le_compat_l; [|lra]. apply Rmult_le_pos; [apply Rlt_le, Rinv_0_lt_compat; lra|].
        apply Rlt_le, Rdiv_lt_0_compat; lra. }
    replace (/ (1 - 2 * sigma) * (exp (x i) / Z n x) * ((1 - sigma) * Z n x))
      with (/ (1 - 2 * sigma) * (1 - sigma) * exp (x i)) by (field; lra).
    apply Rle_trans with (/ (1 - sigma) * exp (x i)); [lra|]. apply Rmult_le_compat_r; [lra|].
    apply Rmult_le_reg_r with (/ (1 - sigma)); [exact Hinv|].
    rewrite (Rmult_assoc (/ (1 - 2 * sigma))), Rinv_r by lra. lra.
Qed.

(** ** The computed one *)
Section Error.
Context {format : R -> Prop} {rnd : R -> R} {u eta eps alpha : R}.
Hypothesis A : arithmetic format rnd u eta.
Hypotheses (eps0 : 0 <= eps) (alpha0 : 0 <= alpha).

Let u0 : 0 <= u := unit_nonneg _ _ _ _ A.

(** A quotient of two numbers that are known up to factors 1 - a and 1 - s, and the first up to
    alpha besides. *)
Lemma quotient_error a s t E Z e Zc : 0 <= a -> 0 <= s -> t = u + a + s -> t < 1 ->
  0 < E -> 1 <= Z -> 0 <= e -> (1 - a) * E - alpha <= e <= / (1 - a) * E + alpha ->
  (1 - s) * Z <= Zc <= / (1 - s) * Z ->
  Rabs (rnd (e / Zc) - E / Z) <= t / (1 - t) * (E / Z) + alpha / (1 - t) + eta.
Proof.
  intros Ha Hs Ht small Hex Z1 P0 [Plo Phi] [Zlo Zhi].
  assert (Zpos : 0 < Zc) by nra. set (p := E / Z).
  assert (Hp : 0 < p) by (apply Rdiv_lt_0_compat; lra).
  assert (Hpz : E = p * Z) by (unfold p; field; lra).
  set (q := e / Zc).
  assert (Hqz : e = q * Zc) by (unfold q; field; lra).
  assert (Hq0 : 0 <= q)
    by (unfold q, Rdiv; apply Rmult_le_pos; [lra|left; apply Rinv_0_lt_compat, Zpos]).
  pose proof (rnd_within A q Hq0) as R.
  assert (Iu : 1 + u <= / (1 - u)) by (apply one_plus_le_inv; lra).
  assert (Is : 1 <= / (1 - s)) by (apply inv_ge_1; lra).
  assert (It : 1 <= / (1 - t)) by (apply inv_ge_1; lra).
  assert (Ia : 1 <= / (1 - a)) by (apply inv_ge_1; lra).
  (* from above *)
  assert (Qhi : q <= / (1 - s) * (/ (1 - a) * p + alpha)).
  { apply Rmult_le_reg_r with Zc; [exact Zpos|]. rewrite <- Hqz.
    apply Rle_trans with (/ (1 - s) * (/ (1 - a) * p + alpha) * ((1 - s) * Z)).
    - replace (/ (1 - s) * (/ (1 - a) * p + alpha) * ((1 - s) * Z))
        with (/ (1 - a) * (p * Z) + alpha * Z) by (field; lra). rewrite <- Hpz. nra.
    - apply Rmult_le_compat_l; [|exact Zlo]. apply Rmult_le_pos; [lra|].
      apply Rplus_le_le_0_compat; [apply Rmult_le_pos|]; lra. }
  assert (Rhi : rnd q <= / (1 - t) * p + / (1 - t) * alpha + eta).
  { assert (I1 : (1 + u) * / (1 - s) <= / (1 - (u + s))).
    { eapply Rle_trans; [apply Rmult_le_compat_r; [lra|exact Iu]|]. apply inv_mult; lra. }
    assert (I2 : (1 + u) * / (1 - s) * / (1 - a) <= / (1 - t)).
    { eapply Rle_trans; [apply Rmult_le_compat_r; [lra|exact I1]|].
      replace t with (u + s + a) by lra. apply inv_mult; lra. }
    assert (I3 : (1 + u) * / (1 - s) <= / (1 - t))
      by (eapply Rle_trans; [exact I1|apply inv_mono; lra]).
    apply Rle_trans with ((1 + u) * (/ (1 - s) * (/ (1 - a) * p + alpha)) + eta); [nra|].
    replace ((1 + u) * (/ (1 - s) * (/ (1 - a) * p + alpha)))
      with ((1 + u) * / (1 - s) * / (1 - a) * p + (1 + u) * / (1 - s) * alpha) by ring.
    apply Rplus_le_compat_r, Rplus_le_compat; apply Rmult_le_compat_r; lra. }
  (* from below *)
  assert (Qlo : (1 - a) * (1 - s) * p - / (1 - s) * alpha <= q).
  { apply Rmult_le_reg_r with Zc; [exact Zpos|]. rewrite <- Hqz.
    assert (H1 : (1 - s) * Zc <= Z).
    { apply Rle_trans with ((1 - s) * (/ (1 - s) * Z)); [apply Rmult_le_compat_l; lra|].
      right. field. lra. }
    assert (H2 : alpha <= / (1 - s) * alpha * Zc).
    { apply Rle_trans with (/ (1 - s) * alpha * ((1 - s) * Z)).
      - replace (/ (1 - s) * alpha * ((1 - s) * Z)) with (alpha * Z) by (field; lra). nra.
      - apply Rmult_le_compat_l; [apply Rmult_le_pos|]; lra. }
    assert (H3 : (1 - a) * p * ((1 - s) * Zc) <= (1 - a) * p * Z).
    { apply Rmult_le_compat_l; [apply Rmult_le_pos|]; lra. }
    rewrite Hpz in Plo. lra. }
  assert (Rlo : (1 - t) * p - / (1 - t) * alpha - eta <= rnd q).
  { assert (I4 : 1 - t <= (1 - u) * ((1 - a) * (1 - s))).
    { pose proof (minus_mult a s Ha Hs). pose proof (minus_mult u (a + s) u0 ltac:(lra)).
      assert ((1 - u) * (1 - (a + s)) <= (1 - u) * ((1 - a) * (1 - s)))
        by (apply Rmult_le_compat_l; lra).
      lra. }
    assert (I5 : / (1 - s) * alpha <= / (1 - t) * alpha)
      by (apply Rmult_le_compat_r; [lra|apply inv_mono; lra]).
    assert (I6 : 0 <= / (1 - s) * alpha) by (apply Rmult_le_pos; lra).
    assert (I7 : (1 - t) * p <= (1 - u) * ((1 - a) * (1 - s)) * p)
      by (apply Rmult_le_compat_r; lra).
    assert (I8 : (1 - u) * ((1 - a) * (1 - s) * p - / (1 - s) * alpha) <= (1 - u) * q)
      by (apply Rmult_le_compat_l; lra).
    assert (I9 : 0 <= u * (/ (1 - s) * alpha)) by (apply Rmult_le_pos; lra). lra. }
  replace (t / (1 - t) * p + alpha / (1 - t) + eta)
    with (/ (1 - t) * p - p + / (1 - t) * alpha + eta)
    by (field; lra).
  apply Rabs_le. split; [|lra].
  (* 1 - t and 1 / (1 - t) lie on both sides of 1, the latter further off *)
  assert (I7 : 1 + t <= / (1 - t)) by (apply one_plus_le_inv; lra).
  assert ((1 + t) * p <= / (1 - t) * p) by (apply Rmult_le_compat_r; lra). lra.
Qed.

Variables (n top : nat) (x e : nat -> R).
Hypothesis Fx : forall i, (i < n)%nat -> format (x i).
Hypothesis top_n : (top < n)%nat.
Hypothesis top_largest : forall i, (i < n)%nat -> x i <= x top.
Hypothesis E : forall i, (i < n)%nat -> accurate_exp format eps alpha (rnd (x i - x top)) (e i).

Notation Zc := (computed_sum rnd n e).
Let ex i := exp (x i - x top).
Let Zx := sum n ex.

(** How far the rounded difference may be from the exact one. *)
Let d i := u * (x top - x i).
Hypothesis near : forall i, (i < n)%nat -> d i < 1.

Lemma d_nonneg i : (i < n)%nat -> 0 <= d i.
Proof. intros Hi. apply Rmult_le_pos; [exact u0|]. specialize (top_largest i Hi). lra. Qed.

(** The shift is exact up to a factor on the exponential. *)
Lemma power_between i : (i < n)%nat -> eps < 1 -> format (e i) /\ 0 <= e i /\
  (1 - eps) * ((1 - d i) * ex i) - alpha <= e i <= (1 + eps) * (/ (1 - d i) * ex i) + alpha.
Proof.
  intros Hi He1. specialize (near i Hi). specialize (top_largest i Hi).
  pose proof (rnd_sub_error A _ _ (Fx i Hi) (Fx top top_n)) as Hd.
  rewrite (Rabs_left1 (x i - x top)) in Hd by lra.
  replace (u * - (x i - x top)) with (d i) in Hd by (unfold d; ring).
  pose proof (exp_within _ _ Hd near) as W. destruct (E i Hi) as (F & P & B).
  apply Rabs_between in B.
  replace (exp (rnd (x i - x top))) with (exp (rnd (x i - x top) - (x i - x top)) * ex i) in B
    by (unfold ex; rewrite <- exp_plus; f_equal; ring).
  set (w := exp (rnd (x i - x top) - (x i - x top))) in *.
  pose proof (exp_pos (x i - x top)) as Hex. fold (ex i) in Hex.
  assert (W1 : (1 - d i) * ex i <= w * ex i) by (apply Rmult_le_compat_r; lra).
  assert (W2 : w * ex i <= / (1 - d i) * ex i) by (apply Rmult_le_compat_r; lra).
  assert (W3 : (1 - eps) * ((1 - d i) * ex i) <= (1 - eps) * (w * ex i))
    by (apply Rmult_le_compat_l; lra).
  assert (W4 : (1 + eps) * (w * ex i) <= (1 + eps) * (/ (1 - d i) * ex i))
    by (apply Rmult_le_compat_l; lra).
  repeat split; [exact F|exact P|lra|lra].
Qed.

Lemma Zx_ge_1 : 1 <= Zx.
Proof.
  replace 1 with (ex top) by (unfold ex; rewrite Rminus_eq_0; apply exp_0).
  apply sum_ge_term; [exact top_n|]. intros. left. apply exp_pos.
Qed.

(** What the differences do to the sum of exponentials is at most b. *)
Variable b : R.
Hypothesis b0 : 0 <= b.
Hypothesis above : sum n (fun j => / (1 - d j) * ex j) <= / (1 - b) * Zx.
Hypothesis below : (1 - b) * Zx <= sum n (fun j => (1 - d j) * ex j).

Let s := INR (n - 1) * u + (eps + b) + INR n * alpha.

Lemma Z_between : s < 1 -> (1 - s) * Zx <= Zc <= / (1 - s) * Zx.
Proof.
  intros Hs1. pose proof Zx_ge_1 as Z1. pose proof (pos_INR (n - 1)). pose proof (pos_INR n).
  assert (Hk : 0 <= INR (n - 1) * u) by (apply Rmult_le_pos; lra).
  assert (Hc : 0 <= INR n * alpha) by (apply Rmult_le_pos; lra).
  set (k := INR (n - 1) * u) in *. set (c := INR n * alpha) in *. set (a := eps + b) in *.
  assert (He1 : eps < 1) by (unfold s, a in *; lra).
  pose proof (fun i Hi => power_between i Hi He1) as Power.
  assert (Slo : (1 - a) * Zx - c <= sum n e).
  { apply Rle_trans with ((1 - eps) * sum n (fun j => (1 - d j) * ex j) - c).
    - assert ((1 - eps) * ((1 - b) * Zx) <= (1 - eps) * sum n (fun j => (1 - d j) * ex j))
        by (apply Rmult_le_compat_l; lra).
      pose proof (minus_mult eps b eps0 b0).
      assert ((1 - a) * Zx <= (1 - eps) * (1 - b) * Zx) by (apply Rmult_le_compat_r; unfold a; lra).
      lra.
    - unfold c. rewrite <- sum_const, <- sum_scal, <- sum_minus. apply sum_le. apply Power. }
  assert (Shi : sum n e <= / (1 - a) * Zx + c).
  { apply Rle_trans with ((1 + eps) * sum n (fun j => / (1 - d j) * ex j) + c).
    - unfold c. rewrite <- sum_const, <- sum_scal, <- sum_plus. apply sum_le. apply Power.
    - assert ((1 + eps) * sum n (fun j => / (1 - d j) * ex j) <= (1 + eps) * (/ (1 - b) * Zx))
        by (apply Rmult_le_compat_l; lra).
      assert (I : (1 + eps) * / (1 - b) <= / (1 - a)).
      { unfold a. eapply Rle_trans; [|apply inv_mult; unfold s, a in *; lra].
        apply Rmult_le_compat_r; [|apply one_plus_le_inv; lra].
        left. apply Rinv_0_lt_compat. unfold s, a in *. lra. }
      assert ((1 + eps) * / (1 - b) * Zx <= / (1 - a) * Zx) by (apply Rmult_le_compat_r; lra).
      lra. }
  assert (Hu1 : u <= 1 \/ n = 1%nat).
  { destruct (Nat.eq_dec n 1) as [->|Hn]; [right; reflexivity|left].
    assert (1 * u <= k); [|unfold s, a in *; lra]. apply Rmult_le_compat_r; [exact u0|].
    apply (le_INR 1). lia. }
  assert (B : (1 - k) * sum n e <= Zc <= / (1 - k) * sum n e).
  { assert (E0 : 0 <= sum n e) by (apply sum_nonneg; intros; apply Power; assumption).
    assert (Ik : 1 <= / (1 - k)) by (apply inv_ge_1; unfold s, a in *; lra).
    destruct Hu1 as [Hu1|Hn1].
    - pose proof (sum_nonneg_between A n e Hu1
        (fun i Hi => conj (proj1 (Power i Hi)) (proj1 (proj2 (Power i Hi))))) as [B1 B2].
      pose proof (pow_1_minus u (n - 1) ltac:(lra)) as Plo.
      pose proof (pow_1_plus u (n - 1) u0 ltac:(unfold s, k, a in *; lra)) as Phi.
      split; [eapply Rle_trans; [|exact B1]|eapply Rle_trans; [exact B2|]];
        apply Rmult_le_compat_r; assumption.
    - assert (K0 : k = 0) by (unfold k; rewrite Hn1; cbn; ring).
      assert (Z0 : Zc = sum n e).
      { rewrite Hn1. rewrite (computed_sum_1 A); [cbn; ring|]. apply (Power 0%nat). lia. }
      rewrite Z0, K0, Rminus_0_r, Rinv_1. lra. }
  assert (Ia : 1 <= / (1 - a)) by (apply inv_ge_1; unfold s, a in *; lra).
  assert (Ik : 1 <= / (1 - k)) by (apply inv_ge_1; unfold s, a in *; lra).
  split.
  - apply Rle_trans with ((1 - k) * ((1 - a - c) * Zx)).
    { rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
      pose proof (minus_mult k (a + c) Hk ltac:(unfold a; lra)). unfold s. lra. }
    eapply Rle_trans; [|apply B]. apply Rmult_le_compat_l; [unfold s, a in *; lra|].
    assert (c * 1 <= c * Zx) by (apply Rmult_le_compat_l; assumption). lra.
  - eapply Rle_trans; [apply B|]. apply Rle_trans with (/ (1 - k) * (/ (1 - (a + c)) * Zx)).
    + apply Rmult_le_compat_l; [lra|]. apply Rle_trans with ((/ (1 - a) + c) * Zx).
      * assert (c * 1 <= c * Zx) by (apply Rmult_le_compat_l; assumption). lra.
      * apply Rmult_le_compat_r; [lra|]. apply inv_plus; unfold s, a in *; lra.
    + rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
      replace s with (k + (a + c)) by (unfold s, a; ring). apply inv_mult; unfold s, a in *; lra.
Qed.

Lemma softmax_error_by i t : (i < n)%nat -> INR n * u + 2 * eps + d i + b + INR n * alpha <= t ->
  t < 1 ->
  Rabs (computed_softmax rnd n e i - softmax n x i) <=
    t / (1 - t) * softmax n x i + alpha / (1 - t) + eta.
Proof.
  intros Hi Hle Ht. pose proof (d_nonneg i Hi).
  pose proof (pos_INR (n - 1)). pose proof (pos_INR n).
  assert (Hk : 0 <= INR (n - 1) * u) by (apply Rmult_le_pos; lra).
  assert (Hc : 0 <= INR n * alpha) by (apply Rmult_le_pos; lra).
  assert (Hn : INR (n - 1) = INR n - 1) by (rewrite minus_INR by lia; reflexivity).
  rewrite Hn in Hk. set (a := t - u - s).
  assert (Ha : eps + d i <= a) by (unfold a, s; rewrite Hn; lra).
  assert (Hs0 : 0 <= s) by (unfold s; rewrite Hn; lra).
  replace (softmax n x i) with (ex i / Zx) by (symmetry; apply softmax_shifted; lia).
  pose proof (exp_pos (x i - x top)) as Hex. fold (ex i) in Hex.
  destruct (power_between i Hi ltac:(unfold a in *; lra)) as (_ & P0 & Plo & Phi).
  apply (quotient_error a s t); try assumption; try lra; try (unfold a; lra).
  - apply Zx_ge_1.
  - split.
    + assert ((1 - a) * ex i <= (1 - eps) * (1 - d i) * ex i); [|lra].
      apply Rmult_le_compat_r; [lra|].
      pose proof (minus_mult eps (d i) eps0 ltac:(assumption)). lra.
    + assert ((1 + eps) * / (1 - d i) * ex i <= / (1 - a) * ex i); [|lra].
      apply Rmult_le_compat_r; [lra|].
      apply Rle_trans with (/ (1 - (eps + d i))); [|apply inv_mono; unfold a in *; lra].
      eapply Rle_trans; [|apply inv_mult; unfold a in *; lra].
      apply Rmult_le_compat_r; [|apply one_plus_le_inv; unfold a in *; lra].
      left. apply Rinv_0_lt_compat. unfold a in *. lra.
  - apply Z_between. unfold a in *. lra.
Qed.
End Error.

(** With one bound D of all differences; *)
Theorem softmax_error {format rnd u eta eps alpha} (A : arithmetic format rnd u eta) n top x e D i :
  0 <= eps -> 0 <= alpha -> (forall i, (i < n)%nat -> format (x i)) -> largest n top x D ->
  (forall i, (i < n)%nat -> accurate_exp format eps alpha (rnd (x i - x top)) (e i)) ->
  let t := softmax_t u eps alpha n D in t < 1 -> (i < n)%nat ->
  Rabs (computed_softmax rnd n e i - softmax n x i) <=
    t / (1 - t) * softmax n x i + alpha / (1 - t) + eta.
Proof.
  intros He Hal Fx [Htop L] E t Ht Hi. pose proof (unit_nonneg _ _ _ _ A) as u0.
  assert (Hd : forall j, (j < n)%nat -> 0 <= u * (x top - x j) <= u * D).
  { intros j Hj. destruct (L j Hj). split; [apply Rmult_le_pos; lra|apply Rmult_le_compat_l; lra]. }
  pose proof (Hd top Htop) as HD. pose proof (pos_INR n).
  assert (0 <= INR n * u) by (apply Rmult_le_pos; lra).
  assert (0 <= INR n * alpha) by (apply Rmult_le_pos; lra).
  assert (HD1 : u * D < 1) by (unfold t, softmax_t in Ht; lra).
  apply (softmax_error_by A He Hal n top x e Fx Htop (fun j Hj => proj1 (L j Hj)) E)
    with (b := u * D); try assumption; try lra.
  - intros j Hj. specialize (Hd j Hj). lra.
  - rewrite <- sum_scal. apply sum_le. intros j Hj. specialize (Hd j Hj).
    apply Rmult_le_compat_r; [left; apply exp_pos|]. apply inv_mono. lra.
  - rewrite <- sum_scal. apply sum_le. intros j Hj. specialize (Hd j Hj).
    apply Rmult_le_compat_r; [left; apply exp_pos|lra].
  - specialize (Hd i Hi). unfold t, softmax_t. lra.
Qed.

(** or entry by entry, with the mean M of what the differences do: to first order
    u sum_j p_j (x_top - x_j). *)
Theorem softmax_entry_error {format rnd u eta eps alpha} (A : arithmetic format rnd u eta)
    n top x e i :
  0 <= eps -> 0 <= alpha -> (forall i, (i < n)%nat -> format (x i)) ->
  (top < n)%nat -> (forall i, (i < n)%nat -> x i <= x top) ->
  (forall i, (i < n)%nat -> u * (x top - x i) < 1) ->
  (forall i, (i < n)%nat -> accurate_exp format eps alpha (rnd (x i - x top)) (e i)) ->
  let M := sum n (fun j => softmax n x j * (/ (1 - u * (x top - x j)) - 1)) in
  let t := INR n * u + 2 * eps + u * (x top - x i) + M + INR n * alpha in t < 1 -> (i < n)%nat ->
  Rabs (computed_softmax rnd n e i - softmax n x i) <=
    t / (1 - t) * softmax n x i + alpha / (1 - t) + eta.
Proof.
  intros He Hal Fx Htop L Hnear E M t Ht Hi. pose proof (unit_nonneg _ _ _ _ A) as u0.
  set (d := fun j => u * (x top - x j)) in *.
  assert (Hd : forall j, (j < n)%nat -> 0 <= d j).
  { intros j Hj. specialize (L j Hj). apply Rmult_le_pos; lra. }
  set (ex := fun j => exp (x j - x top)). set (Zx := sum n ex).
  assert (Zpos : 0 < Zx) by (apply sum_pos; [lia|intros; apply exp_pos]).
  assert (Hp : forall j, ex j = softmax n x j * Zx).
  { intros j. rewrite (softmax_shifted n x (x top) j ltac:(lia)).
    change (ex j = ex j / Zx * Zx). field. lra. }
  assert (M0 : 0 <= M).
  { apply sum_nonneg. intros j Hj. apply Rmult_le_pos; [left; apply softmax_pos; lia|].
    pose proof (inv_ge_1 (d j) (conj (Hd j Hj) (Hnear j Hj))). fold (d j). lra. }
  pose proof (pos_INR n). pose proof (Hd i Hi) as Hdi. unfold d in Hdi.
  assert (0 <= INR n * u) by (apply Rmult_le_pos; lra).
  assert (0 <= INR n * alpha) by (apply Rmult_le_pos; lra).
  assert (M1 : M < 1) by (unfold t in Ht; lra).
  assert (Mean : sum n (fun j => (/ (1 - d j) - 1) * ex j) = M * Zx).
  { unfold M. rewrite <- sum_scal_r. apply sum_ext. intros j _. rewrite Hp. unfold d. ring. }
  apply (softmax_error_by A He Hal n top x e Fx Htop L E Hnear) with (b := M);
    try assumption; try (unfold t; lra).
  - apply Rle_trans with ((1 + M) * Zx).
    + right. rewrite Rmult_plus_distr_r, <- Mean, Rmult_1_l. unfold Zx. rewrite <- sum_plus.
      apply sum_ext. intros j _. unfold d, ex. ring.
    + apply Rmult_le_compat_r; [left; exact Zpos|]. apply one_plus_le_inv. lra.
  - apply Rle_trans with (Zx - M * Zx); [right; unfold Zx, ex; ring|].
    rewrite <- Mean. unfold Zx. rewrite <- sum_minus. apply sum_le. intros j Hj.
    pose proof (one_plus_le_inv (d j) (conj (Hd j Hj) (Hnear j Hj))) as I.
    replace (ex j - (/ (1 - d j) - 1) * ex j) with ((2 - / (1 - d j)) * ex j) by ring.
    apply Rmult_le_compat_r; [left; apply exp_pos|]. fold (d j). lra.
Qed.
