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
Variables (n top : nat) (x e : nat -> R) (D : R).
Hypothesis Fx : forall i, (i < n)%nat -> format (x i).
Hypothesis L : largest n top x D.
Hypothesis E : forall i, (i < n)%nat -> accurate_exp format eps alpha (rnd (x i - x top)) (e i).

Notation bound := (softmax_t u eps alpha n D).
Hypothesis small : bound < 1.

Notation Zc := (computed_sum rnd n e).
Let ex i := exp (x i - x top).
Let Zx := sum n ex.

(** The two parts of the bound: of one exponential, and of the denominator. *)
Let a := u * D + eps.
Let s := INR (n - 1) * u + a + INR n * alpha.

Lemma parts : 0 <= u /\ 0 <= eta /\ 0 <= eps /\ 0 <= alpha /\ 0 <= D /\ 0 <= a /\
  0 <= INR (n - 1) * u /\
  0 <= INR n * alpha /\ 0 <= s /\ bound = u + a + s.
Proof.
  destruct L as [Ht Hl].
  pose proof (unit_nonneg _ _ _ _ A). pose proof (underflow_nonneg _ _ _ _ A).
  pose proof (Hl top Ht). pose proof (pos_INR (n - 1)). pose proof (pos_INR n).
  assert (0 <= u * D) by (apply Rmult_le_pos; lra).
  assert (0 <= INR (n - 1) * u) by (apply Rmult_le_pos; lra).
  assert (0 <= INR n * alpha) by (apply Rmult_le_pos; lra).
  unfold softmax_t, s, a. repeat split; try lra.
  rewrite minus_INR by lia. cbn [INR]. lra.
Qed.

(** The shift is exact up to a factor on the exponential. *)
Lemma power_between i : (i < n)%nat ->
  format (e i) /\ 0 <= e i /\ (1 - a) * ex i - alpha <= e i <= / (1 - a) * ex i + alpha.
Proof.
  intros Hi. destruct parts as (Hu & _ & He & Hal & HD & Ha & Hn1 & Hna & Hs & Ht).
  destruct L as [Htop Hl]. destruct (Hl i Hi) as [H1 H2].
  pose proof (rnd_sub_error A _ _ (Fx i Hi) (Fx top Htop)) as Hd.
  rewrite (Rabs_left1 (x i - x top)) in Hd by lra.
  assert (HuD0 : 0 <= u * D) by (apply Rmult_le_pos; lra).
  assert (Hsum : u * D < 1 /\ eps < 1) by (unfold a in Ht; lra). destruct Hsum as [HuD He1].
  assert (Hda : Rabs (rnd (x i - x top) - (x i - x top)) <= u * D).
  { eapply Rle_trans; [exact Hd|]. apply Rmult_le_compat_l; lra. }
  destruct (E i Hi) as (F & P & B). repeat split; [exact F|exact P| |];
    apply Rabs_between in B;
    pose proof (exp_within _ _ Hda HuD) as W;
    replace (exp (rnd (x i - x top)))
      with (exp (rnd (x i - x top) - (x i - x top)) * ex i) in B
      by (unfold ex; rewrite <- exp_plus; f_equal; ring);
    set (w := exp (rnd (x i - x top) - (x i - x top))) in *;
    pose proof (exp_pos (x i - x top)) as Hex; fold (ex i) in Hex.
  - pose proof (Rmult_le_pos _ _ He HuD0).
    assert ((1 - a) * ex i <= (1 - eps) * (w * ex i)); [|lra].
    rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
    apply Rle_trans with ((1 - eps) * (1 - u * D)); [unfold a; lra|]. apply Rmult_le_compat_l; lra.
  - assert ((1 + eps) * (w * ex i) <= / (1 - a) * ex i); [|lra].
    rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
    eapply Rle_trans; [apply Rmult_le_compat; [lra|lra|apply one_plus_le_inv; lra|apply W]|].
    unfold a. rewrite (Rplus_comm (u * D)). apply inv_mult; unfold a in *; lra.
Qed.

Lemma Zx_ge_1 : 1 <= Zx.
Proof.
  destruct L as [Htop _]. replace 1 with (ex top) by (unfold ex; rewrite Rminus_eq_0; apply exp_0).
  apply sum_ge_term; [exact Htop|]. intros. left. apply exp_pos.
Qed.

Lemma Z_between : (1 - s) * Zx <= Zc <= / (1 - s) * Zx.
Proof.
  destruct parts as (Hu & _ & He & Hal & HD & Ha & Hn1 & Hna & Hs & Ht).
  pose proof Zx_ge_1 as Z1.
  pose proof (sum_nonneg_between A n e ltac:(lra)
    (fun i Hi => conj (proj1 (power_between i Hi)) (proj1 (proj2 (power_between i Hi))))) as B.
  fold Zc in B.
  assert (Slo : (1 - a) * Zx - INR n * alpha <= sum n e).
  { unfold Zx. rewrite <- sum_const, <- sum_scal, <- sum_minus. apply sum_le. intros.
    apply power_between; assumption. }
  assert (Shi : sum n e <= / (1 - a) * Zx + INR n * alpha).
  { unfold Zx. rewrite <- sum_const, <- sum_scal, <- sum_plus. apply sum_le. intros.
    apply power_between; assumption. }
  pose proof (pow_1_minus u (n - 1) ltac:(lra)) as Plo.
  pose proof (pow_1_plus u (n - 1) Hu ltac:(unfold s in *; lra)) as Phi.
  set (b := INR (n - 1) * u) in *. set (c := INR n * alpha) in *.
  assert (Hinv : 0 < / (1 - a)) by (apply Rinv_0_lt_compat; unfold s in *; lra).
  split.
  - apply Rle_trans with ((1 - b) * ((1 - a - c) * Zx)).
    { rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|]. unfold s. nra. }
    apply Rle_trans with ((1 - u) ^ (n - 1) * sum n e); [|apply B].
    apply Rmult_le_compat; [unfold s in *; lra| |exact Plo|nra].
    apply Rmult_le_pos; unfold s in *; lra.
  - apply Rle_trans with ((1 + u) ^ (n - 1) * sum n e); [apply B|].
    apply Rle_trans with (/ (1 - b) * (/ (1 - (a + c)) * Zx)).
    + apply Rmult_le_compat; [pose proof (pow_ge_1 u (n - 1) Hu); lra| |exact Phi|].
      * apply sum_nonneg. intros i Hi. apply (power_between i Hi).
      * apply Rle_trans with ((/ (1 - a) + c) * Zx); [nra|]. apply Rmult_le_compat_r; [lra|].
        apply inv_plus; unfold s in *; lra.
    + rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
      replace s with (b + (a + c)) by (unfold s; ring). apply inv_mult; unfold s in *; lra.
Qed.

Theorem softmax_error i : (i < n)%nat ->
  Rabs (computed_softmax rnd n e i - softmax n x i) <=
    bound / (1 - bound) * softmax n x i + alpha / (1 - bound) + eta.
Proof.
  intros Hi. destruct parts as (Hu & Heta & He & Hal & HD & Ha & Hn1 & Hna & Hs & Ht).
  destruct (power_between i Hi) as (_ & P0 & Plo & Phi). destruct Z_between as [Zlo Zhi].
  pose proof Zx_ge_1 as Z1.
  replace (softmax n x i) with (ex i / Zx) by (symmetry; apply softmax_shifted; lia).
  pose proof (exp_pos (x i - x top)) as Hex. fold (ex i) in Hex.
  assert (Zpos : 0 < Zc) by nra. set (t := bound) in *. set (p := ex i / Zx).
  assert (Hp : 0 < p) by (apply Rdiv_lt_0_compat; lra).
  assert (Hpz : ex i = p * Zx) by (unfold p; field; lra).
  unfold computed_softmax. set (q := e i / Zc).
  assert (Hqz : e i = q * Zc) by (unfold q; field; lra).
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
    apply Rle_trans with (/ (1 - s) * (/ (1 - a) * p + alpha) * ((1 - s) * Zx)).
    - replace (/ (1 - s) * (/ (1 - a) * p + alpha) * ((1 - s) * Zx))
        with (/ (1 - a) * (p * Zx) + alpha * Zx) by (field; lra). rewrite <- Hpz. nra.
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
    assert (H1 : (1 - s) * Zc <= Zx).
    { apply Rle_trans with ((1 - s) * (/ (1 - s) * Zx)); [apply Rmult_le_compat_l; lra|].
      right. field. lra. }
    assert (H2 : alpha <= / (1 - s) * alpha * Zc).
    { apply Rle_trans with (/ (1 - s) * alpha * ((1 - s) * Zx)).
      - replace (/ (1 - s) * alpha * ((1 - s) * Zx)) with (alpha * Zx) by (field; lra). nra.
      - apply Rmult_le_compat_l; [apply Rmult_le_pos|]; lra. }
    assert (H3 : (1 - a) * p * ((1 - s) * Zc) <= (1 - a) * p * Zx).
    { apply Rmult_le_compat_l; [apply Rmult_le_pos|]; lra. }
    rewrite Hpz in Plo. lra. }
  assert (Rlo : (1 - t) * p - / (1 - t) * alpha - eta <= rnd q).
  { assert (I4 : 1 - t <= (1 - u) * ((1 - a) * (1 - s))).
    { pose proof (minus_mult a s Ha Hs). pose proof (minus_mult u (a + s) Hu ltac:(lra)).
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
End Error.
