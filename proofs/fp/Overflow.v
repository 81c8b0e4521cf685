(* Overflow.v -- where rounding to nearest leaves the range of a format, exactly.  *)
Require Import Reals Lra Lia ZArith.
From Flocq Require Import Core BinarySingleNaN.
From Qkcheck.fp Require Import Arithmetic Ieee.
Open Scope R_scope.

(** Half a unit above the largest number. *)
Definition overflow_threshold (F : ieee_format) : R :=
  bpow radix2 (range F) - bpow radix2 (range F - precision F - 1).

Theorem threshold_of_binary16 : overflow_threshold binary16 = 65520.
Proof. unfold overflow_threshold, bpow. cbn. lra. Qed.

Section Format.
Variable fmt : ieee_format.
Notation prec := (precision fmt).
Notation emax := (range fmt).
Notation fexp := (FLT_exp (smallest fmt) prec).
Notation rnd := (rounded fmt mode_NE).
Notation overflow_threshold := (overflow_threshold fmt).
Notation float := (float fmt).
Notation value := B2R.
Notation finite := is_finite.

Lemma prec_range : (0 < prec < emax)%Z.
Proof. split; [apply (precision_pos fmt)|apply (precision_lt_range fmt)]. Qed.

#[local] Instance fexp_valid : Valid_exp fexp :=
  FLT_exp_valid _ _ (prec_gt_0_ := precision_pos fmt).

Lemma half_unit : bpow radix2 (emax - prec) = 2 * bpow radix2 (emax - prec - 1).
Proof.
  replace (emax - prec)%Z with (1 + (emax - prec - 1))%Z at 1 by ring. rewrite bpow_plus.
  reflexivity.
Qed.

Lemma threshold_pos : 0 < overflow_threshold.
Proof.
  destruct prec_range as [Hp Hl]. unfold Overflow.overflow_threshold.
  pose proof (bpow_lt radix2 (emax - prec - 1) emax ltac:(lia)). lra.
Qed.

(** The tie goes to the even neighbour, the power of two. *)
Lemma rounded_threshold : rnd overflow_threshold = bpow radix2 emax.
Proof.
  destruct prec_range as [Hp Hl].
  assert (Hmag : mag radix2 overflow_threshold = emax :> Z).
  { apply mag_unique_pos. unfold Overflow.overflow_threshold. split.
    - pose proof (bpow_le radix2 (emax - prec - 1) (emax - 1) ltac:(lia)).
      replace (bpow radix2 emax) with (2 * bpow radix2 (emax - 1)); [lra|].
      replace emax with (1 + (emax - 1))%Z at 2 by ring. rewrite bpow_plus. reflexivity.
    - pose proof (bpow_gt_0 radix2 (emax - prec - 1)). lra. }
  assert (Hexp : cexp radix2 fexp overflow_threshold = (emax - prec)%Z).
  { unfold cexp. rewrite Hmag. unfold FLT_exp, smallest. lia. }
  assert (Hm : scaled_mantissa radix2 fexp overflow_threshold = IZR (2 ^ prec - 1) + / 2).
  { unfold scaled_mantissa. rewrite Hexp. unfold Overflow.overflow_threshold.
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
  destruct prec_range as [Hp Hl].
  assert (Habs : Rabs (rnd z) = rnd (Rabs z)) by (symmetry; apply round_NE_abs; typeclasses eauto).
  rewrite Habs. split; intros H.
  - apply Rnot_lt_le. intros Hlt.
    assert (Fb : generic_format radix2 fexp (bpow radix2 emax)).
    { apply generic_format_bpow. unfold FLT_exp, smallest. lia. }
    assert (Hpred : pred radix2 fexp (bpow radix2 emax)
      = bpow radix2 emax - bpow radix2 (emax - prec)).
    { rewrite pred_bpow. unfold FLT_exp, smallest. do 2 f_equal. lia. }
    assert (Hle : rnd (Rabs z) <= pred radix2 fexp (bpow radix2 emax)).
    { apply round_N_le_midp; [exact fexp_valid| |].
      { apply generic_format_pred; [exact fexp_valid|exact Fb]. }
      rewrite succ_pred by first [exact fexp_valid|exact Fb]. rewrite Hpred, half_unit.
      unfold Overflow.overflow_threshold in Hlt. lra. }
    pose proof (bpow_gt_0 radix2 (emax - prec)). lra.
  - rewrite <- rounded_threshold. apply rounded_le, H.
Qed.

(** An operation on finite numbers has a finite result exactly where the exact one is below it. *)
Lemma below_threshold z :
  Rlt_bool (Rabs (rnd z)) (bpow radix2 emax) = true <-> Rabs z < overflow_threshold.
Proof.
  pose proof (overflow_exactly z) as H. destruct (Rlt_bool_spec (Rabs (rnd z)) (bpow radix2 emax));
    split; intros; try discriminate; try reflexivity.
  - apply Rnot_le_lt. intros Hle. apply H in Hle. lra.
  - exfalso. apply H in H0. lra.
Qed.

Theorem add_finite_exactly (x y : float) : finite x = true -> finite y = true ->
  (finite (add x y) = true
   <-> Rabs (value x + value y) < overflow_threshold).
Proof.
  intros Fx Fy. rewrite <- below_threshold. unfold rounded.
  pose proof (Bplus_correct prec emax (precision_pos fmt) (precision_lt_range fmt) mode_NE
    x y Fx Fy) as H.
  unfold add. destruct Rlt_bool; [split; intros; [reflexivity|apply H]|].
  destruct H as [H _]. apply overflow_not_finite in H. rewrite H. split; discriminate.
Qed.

Theorem mul_finite_exactly (x y : float) : finite x = true -> finite y = true ->
  (finite (mul x y) = true
   <-> Rabs (value x * value y) < overflow_threshold).
Proof.
  intros Fx Fy. rewrite <- below_threshold. unfold rounded.
  pose proof (Bmult_correct prec emax (precision_pos fmt) (precision_lt_range fmt) mode_NE
    x y) as H.
  unfold mul. destruct Rlt_bool.
  - destruct H as (_ & H & _). rewrite H, Fx, Fy. split; reflexivity.
  - apply overflow_not_finite in H. rewrite H. split; discriminate.
Qed.

Theorem fma_finite_exactly (x y z : float) :
  finite x = true -> finite y = true -> finite z = true ->
  (finite (fma x y z) = true
   <-> Rabs (value x * value y + value z) < overflow_threshold).
Proof.
  intros Fx Fy Fz. rewrite <- below_threshold. unfold rounded.
  pose proof (Bfma_correct prec emax (precision_pos fmt) (precision_lt_range fmt) mode_NE
    x y z Fx Fy Fz) as H.
  unfold fma. cbv zeta in H. destruct Rlt_bool; [split; intros; [reflexivity|apply H]|].
  apply overflow_not_finite in H. rewrite H. split; discriminate.
Qed.

(** So the rounded exponential overflows from the logarithm of the threshold on; *)
Theorem exp_overflows s : bpow radix2 emax <= rnd (exp s) <-> ln overflow_threshold <= s.
Proof.
  pose proof threshold_pos as Ht. pose proof (exp_pos s) as He.
  assert (H0 : 0 <= rnd (exp s)).
  { rewrite <- (rounded_0 fmt mode_NE). apply rounded_le. lra. }
  rewrite <- (Rabs_pos_eq (rnd (exp s)) H0), overflow_exactly, (Rabs_pos_eq (exp s)) by lra.
  rewrite <- (exp_ln _ Ht) at 1. split; intros H.
  - apply Rnot_lt_le. intros Hlt. apply exp_increasing in Hlt. lra.
  - apply exp_le, H.
Qed.

(** and with the largest entry taken off first it never does. *)
Theorem shifted_exp_stays s m : s <= m -> rnd (exp (s - m)) <= 1.
Proof.
  intros H. rewrite <- (rounded_1 fmt mode_NE). apply rounded_le.
  rewrite <- exp_0. apply exp_le. lra.
Qed.
End Format.
