(* Overflow.v -- where rounding to nearest leaves the range of a format, exactly.  *)
Require Import Reals Lra Lia ZArith.
From Flocq Require Import Core BinarySingleNaN Binary.
From Qkcheck.fp Require Import Arithmetic Ieee.
Open Scope R_scope.

Section Format.
Variables prec emax : Z.
Context (prec_gt_0 : Prec_gt_0 prec) (prec_lt_emax : Prec_lt_emax prec emax).

Notation emin := (3 - emax - prec)%Z.
Notation fexp := (FLT_exp emin prec).
Notation rnd := (rounded prec emax mode_NE).

(** Half a unit above the largest number: 65520 in binary16. *)
Definition overflow_threshold : R := bpow radix2 emax - bpow radix2 (emax - prec - 1).

Lemma half_unit : bpow radix2 (emax - prec) = 2 * bpow radix2 (emax - prec - 1).
Proof.
  replace (emax - prec)%Z with (1 + (emax - prec - 1))%Z at 1 by ring. rewrite bpow_plus. reflexivity.
Qed.

Lemma threshold_pos : 0 < overflow_threshold.
Proof.
  unfold Prec_gt_0, Prec_lt_emax in *. unfold overflow_threshold.
  pose proof (bpow_lt radix2 (emax - prec - 1) emax ltac:(lia)). lra.
Qed.

(** The tie goes to the even neighbour, the power of two. *)
Lemma rounded_threshold : rnd overflow_threshold = bpow radix2 emax.
Proof.
  assert (Hp : (0 < prec)%Z) by exact prec_gt_0. assert (Hl : (prec < emax)%Z) by exact prec_lt_emax.
  assert (Hmag : mag radix2 overflow_threshold = emax :> Z).
  { apply mag_unique_pos. unfold overflow_threshold. split.
    - pose proof (bpow_le radix2 (emax - prec - 1) (emax - 1) ltac:(lia)).
      replace (bpow radix2 emax) with (2 * bpow radix2 (emax - 1)); [lra|].
      replace emax with (1 + (emax - 1))%Z at 2 by ring. rewrite bpow_plus. reflexivity.
    - pose proof (bpow_gt_0 radix2 (emax - prec - 1)). lra. }
  assert (Hexp : cexp radix2 fexp overflow_threshold = (emax - prec)%Z).
  { unfold cexp. rewrite Hmag. unfold FLT_exp. lia. }
  assert (Hm : scaled_mantissa radix2 fexp overflow_threshold = IZR (2 ^ prec - 1) + / 2).
  { unfold scaled_mantissa. rewrite Hexp. unfold overflow_threshold.
    rewrite Rmult_minus_distr_r, <- !bpow_plus, minus_IZR, (IZR_Zpower radix2) by lia.
    replace (emax + - (emax - prec))%Z with prec by ring.
    replace (emax - prec - 1 + - (emax - prec))%Z with (-1)%Z by ring.
    change (bpow radix2 (-1)) with (/ 2). lra. }
  unfold rounded, round. rewrite Hm, Hexp. cbn [round_mode].
  assert (Hf : Zfloor (IZR (2 ^ prec - 1) + / 2) = (2 ^ prec - 1)%Z).
  { apply Zfloor_imp. rewrite plus_IZR. lra. }
  assert (Hc : Zceil (IZR (2 ^ prec - 1) + / 2) = (2 ^ prec)%Z).
  { apply Zceil_imp. rewrite !minus_IZR. lra. }
  unfold Znearest. rewrite Hf, Hc.
  replace (IZR (2 ^ prec - 1) + / 2 - IZR (2 ^ prec - 1)) with (/ 2) by ring.
  rewrite Rcompare_Eq by reflexivity.
  assert (Heven : Z.even (2 ^ prec - 1) = false).
  { replace prec with (1 + (prec - 1))%Z by ring. rewrite Z.pow_add_r by lia.
    rewrite Z.even_sub, Z.even_mul. reflexivity. }
  rewrite Heven. cbn [negb]. unfold F2R. cbn [Fnum Fexp].
  rewrite (IZR_Zpower radix2) by lia. rewrite <- bpow_plus. f_equal. ring.
Qed.

Theorem overflow_exactly z : bpow radix2 emax <= Rabs (rnd z) <-> overflow_threshold <= Rabs z.
Proof.
  assert (Hp : (0 < prec)%Z) by exact prec_gt_0. assert (Hl : (prec < emax)%Z) by exact prec_lt_emax.
  pose proof (FLT_exp_valid emin prec) as V.
  assert (Habs : Rabs (rnd z) = rnd (Rabs z)) by (symmetry; apply round_NE_abs; typeclasses eauto).
  rewrite Habs. split; intros H.
  - apply Rnot_lt_le. intros Hlt.
    assert (Fb : generic_format radix2 fexp (bpow radix2 emax)).
    { apply generic_format_bpow. unfold FLT_exp. lia. }
    assert (Hpred : pred radix2 fexp (bpow radix2 emax) = bpow radix2 emax - bpow radix2 (emax - prec)).
    { rewrite pred_bpow. unfold FLT_exp. do 2 f_equal. lia. }
    assert (Hle : rnd (Rabs z) <= pred radix2 fexp (bpow radix2 emax)).
    { apply round_N_le_midp; [exact V|apply generic_format_pred; [exact V|exact Fb]|].
      rewrite succ_pred by assumption. rewrite Hpred, half_unit. unfold overflow_threshold in Hlt. lra. }
    pose proof (bpow_gt_0 radix2 (emax - prec)). lra.
  - rewrite <- rounded_threshold. apply round_le; [exact V|apply valid_rnd_round_mode|exact H].
Qed.

(** An operation on finite numbers has a finite result exactly where the exact one is below it. *)
Lemma below_threshold z : Rlt_bool (Rabs (rnd z)) (bpow radix2 emax) = true <-> Rabs z < overflow_threshold.
Proof.
  pose proof (overflow_exactly z) as H. destruct (Rlt_bool_spec (Rabs (rnd z)) (bpow radix2 emax));
    split; intros; try discriminate; try reflexivity.
  - apply Rnot_le_lt. intros Hle. apply H in Hle. lra.
  - exfalso. apply H in H0. lra.
Qed.

Notation float := (binary_float prec emax).
Notation value := B2R.
Notation finite := is_finite.
Notation nan := {f : float | is_nan prec emax f = true}.
Variables (plus_nan mult_nan : float -> float -> nan) (fma_nan : float -> float -> float -> nan).

Theorem add_finite_exactly x y : finite x = true -> finite y = true ->
  (finite (add plus_nan x y) = true
   <-> Rabs (value x + value y) < overflow_threshold).
Proof.
  intros Fx Fy. rewrite <- below_threshold. unfold rounded.
  pose proof (Bplus_correct prec emax _ prec_lt_emax plus_nan mode_NE x y Fx Fy) as H.
  unfold add. destruct Rlt_bool; [split; intros; [reflexivity|apply H]|].
  destruct H as [H _]. apply overflow_not_finite in H. rewrite H. split; discriminate.
Qed.

Theorem mul_finite_exactly x y : finite x = true -> finite y = true ->
  (finite (mul mult_nan x y) = true
   <-> Rabs (value x * value y) < overflow_threshold).
Proof.
  intros Fx Fy. rewrite <- below_threshold. unfold rounded.
  pose proof (Bmult_correct prec emax _ prec_lt_emax mult_nan mode_NE x y) as H.
  unfold mul. destruct Rlt_bool.
  - destruct H as (_ & H & _). rewrite H, Fx, Fy. split; reflexivity.
  - apply overflow_not_finite in H. rewrite H. split; discriminate.
Qed.

Theorem fma_finite_exactly x y z : finite x = true -> finite y = true -> finite z = true ->
  (finite (fma fma_nan x y z) = true
   <-> Rabs (value x * value y + value z) < overflow_threshold).
Proof.
  intros Fx Fy Fz. rewrite <- below_threshold. unfold rounded.
  pose proof (Bfma_correct prec emax _ prec_lt_emax fma_nan mode_NE x y z Fx Fy Fz) as H.
  unfold fma. cbv zeta in H. destruct Rlt_bool; [split; intros; [reflexivity|apply H]|].
  apply overflow_not_finite in H. rewrite H. split; discriminate.
Qed.

(** So the rounded exponential overflows from the logarithm of the threshold on; *)
Theorem exp_overflows s : bpow radix2 emax <= rnd (exp s) <-> ln overflow_threshold <= s.
Proof.
  pose proof threshold_pos as Ht. pose proof (exp_pos s) as He.
  assert (H0 : 0 <= rnd (exp s)).
  { rewrite <- (round_0 radix2 fexp (round_mode mode_NE)).
    apply round_le; [apply FLT_exp_valid, prec_gt_0|apply valid_rnd_round_mode|lra]. }
  rewrite <- (Rabs_pos_eq (rnd (exp s)) H0), overflow_exactly, (Rabs_pos_eq (exp s)) by lra.
  rewrite <- (exp_ln _ Ht) at 1. split; intros H.
  - apply Rnot_lt_le. intros Hlt. apply exp_increasing in Hlt. lra.
  - destruct H as [H|H]; [left; apply exp_increasing, H|right; f_equal; exact H].
Qed.

(** and with the largest entry taken off first it never does. *)
Theorem shifted_exp_stays s m : s <= m -> rnd (exp (s - m)) <= 1.
Proof.
  intros H.
  assert (Hp : (0 < prec)%Z) by exact prec_gt_0. assert (Hl : (prec < emax)%Z) by exact prec_lt_emax.
  assert (F1 : rnd 1 = 1).
  { apply round_generic; [apply valid_rnd_round_mode|].
    change 1 with (bpow radix2 0). apply generic_format_bpow. unfold FLT_exp. lia. }
  rewrite <- F1. apply round_le; [apply FLT_exp_valid, prec_gt_0|apply valid_rnd_round_mode|].
  rewrite <- exp_0. destruct (Rle_lt_or_eq_dec _ _ H) as [Hlt|Heq].
  - left. apply exp_increasing. lra.
  - right. f_equal. lra.
Qed.
End Format.

Theorem threshold_of_binary16 : overflow_threshold 11 16 = 65520.
Proof. unfold overflow_threshold, bpow. cbn. lra. Qed.
