(* Ieee.v -- IEEE 754 arithmetic, as Flocq defines it, has the facts of Arithmetic.v; and a finite
   result of a chain of operations says that every step was finite, so that the bounds apply.  *)
Require Import Reals Lra Lia ZArith.
From Flocq Require Import Core Operations Plus_error BinarySingleNaN.
From Qkcheck.base Require Import Sum.
From Qkcheck.fp Require Import Arithmetic Dot.
Open Scope R_scope.

(** A binary format: its bits of precision, and the exponent from which on numbers are infinite. *)
Record ieee_format := Ieee_format {
  precision : Z;
  range : Z;
  precision_pos : Prec_gt_0 precision;
  precision_lt_range : Prec_lt_emax precision range
}.

#[local] Existing Instance precision_pos.
#[local] Existing Instance precision_lt_range.

Definition binary64 := Ieee_format 53 1024 eq_refl eq_refl.
Definition binary32 := Ieee_format 24 128 eq_refl eq_refl.
Definition binary16 := Ieee_format 11 16 eq_refl eq_refl.
Definition bfloat16 := Ieee_format 8 128 eq_refl eq_refl.

(** The exponent of the smallest positive number. *)
Definition smallest (F : ieee_format) : Z := 3 - range F - precision F.

(** Flocq's numbers of the format, infinities and one NaN among them.  Flocq's other reading of the
    standard, with many NaNs, has the same values. *)
Definition float (F : ieee_format) : Set := binary_float (precision F) (range F).

(** Real numbers that are values of the format, and the rounding of others to them.  Both know no
    largest number. *)
Definition stored (F : ieee_format) : R -> Prop :=
  generic_format radix2 (FLT_exp (smallest F) (precision F)).
Definition rounded (F : ieee_format) (m : mode) : R -> R :=
  round radix2 (FLT_exp (smallest F) (precision F)) (round_mode m).

(** The largest error of one rounding in units in the last place. *)
Definition ulps (m : mode) : R := match m with mode_NE | mode_NA => / 2 | _ => 1 end.
Definition unit_roundoff (F : ieee_format) (m : mode) : R := ulps m * bpow radix2 (1 - precision F).
Definition underflow_unit (F : ieee_format) (m : mode) : R := ulps m * bpow radix2 (smallest F).

Section Format.
Variable fmt : ieee_format.
Notation prec := (precision fmt).
Notation emin := (smallest fmt).
Notation fexp := (FLT_exp emin prec).
Notation stored := (stored fmt).
Notation rounded := (rounded fmt).
Notation unit_roundoff := (unit_roundoff fmt).
Notation underflow_unit := (underflow_unit fmt).
Notation float := (float fmt).

Lemma ulps_pos m : 0 < ulps m.
Proof. destruct m; cbn; lra. Qed.

Lemma rounded_ulp m z : Rabs (rounded m z - z) <= ulps m * ulp radix2 fexp z.
Proof.
  pose proof (FLT_exp_valid emin prec). unfold rounded.
  destruct m; cbn [ulps round_mode]; rewrite ?Rmult_1_l;
    try apply (error_le_half_ulp radix2 fexp); apply (error_le_ulp radix2 fexp); typeclasses eauto.
Qed.

(** Either the relative error is small, or the number is below the normal range. *)
Lemma rounded_error m z :
  Rabs (rounded m z - z) <= unit_roundoff m * Rabs z \/
  Rabs (rounded m z - z) <= underflow_unit m /\ Rabs z <= bpow radix2 (prec + emin).
Proof.
  pose proof (rounded_ulp m z) as H. pose proof (ulps_pos m).
  unfold unit_roundoff, underflow_unit.
  destruct (Rle_or_lt (bpow radix2 (emin + prec - 1)) (Rabs z)) as [B|B]; [left|right].
  - pose proof (ulp_FLT_le radix2 emin prec z B) as Hu.
    eapply Rle_trans; [exact H|]. rewrite Rmult_assoc, (Rmult_comm (bpow _ _)).
    apply Rmult_le_compat_l; lra.
  - assert (Hlt : Rabs z < bpow radix2 (emin + prec)).
    { eapply Rlt_trans; [exact B|]. apply bpow_lt. lia. }
    rewrite (ulp_FLT_small radix2 emin prec z Hlt) in H.
    rewrite (Z.add_comm prec). split; [exact H|lra].
Qed.

Theorem ieee_arithmetic m : arithmetic stored (rounded m) (unit_roundoff m) (underflow_unit m).
Proof.
  pose proof (ulps_pos m). pose proof (bpow_gt_0 radix2 (1 - prec)).
  pose proof (bpow_gt_0 radix2 emin).
  assert (U : 0 < unit_roundoff m) by (apply Rmult_lt_0_compat; assumption).
  assert (W : 0 < underflow_unit m) by (apply Rmult_lt_0_compat; assumption).
  split; try lra.
  - apply generic_format_0.
  - intros z. apply generic_format_opp.
  - intros z. apply generic_format_round;
      [apply FLT_exp_valid, precision_pos|apply valid_rnd_round_mode].
  - intros z. apply round_generic, valid_rnd_round_mode.
  - intros z. pose proof (Rabs_pos z).
    assert (0 <= unit_roundoff m * Rabs z) by (apply Rmult_le_pos; lra).
    destruct (rounded_error m z) as [E|[E _]]; lra.
  - intros x y Fx Fy. destruct (rounded_error m (x + y)) as [E|[_ E]]; [exact E|].
    unfold rounded. rewrite round_generic; [|apply valid_rnd_round_mode|].
    + rewrite Rminus_eq_0, Rabs_R0. apply Rmult_le_pos; [lra|apply Rabs_pos].
    + apply FLT_format_plus_small; [apply precision_pos|exact Fx|exact Fy|exact E].
Qed.

Lemma rounded_le m x y : x <= y -> rounded m x <= rounded m y.
Proof. apply round_le; [apply FLT_exp_valid, precision_pos|apply valid_rnd_round_mode]. Qed.

Lemma rounded_0 m : rounded m 0 = 0.
Proof. apply round_0, valid_rnd_round_mode. Qed.

Lemma rounded_1 m : rounded m 1 = 1.
Proof.
  apply round_generic; [apply valid_rnd_round_mode|]. apply (generic_format_bpow radix2 fexp 0).
  pose proof (precision_pos fmt). pose proof (precision_lt_range fmt).
  unfold Prec_gt_0, Prec_lt_emax in *.
  unfold FLT_exp, smallest. lia.
Qed.

Lemma rounded_neg m x : x <= 0 -> rounded m x <= 0.
Proof. intros H. rewrite <- (rounded_0 m). apply rounded_le, H. Qed.

(** ** Finite results

    Rounding is to nearest, ties to even, the default of IEEE 754.  (Directed rounding may answer
    an overflow with the largest number, so that a finite result says less.) *)

Notation value := B2R.
Notation finite := is_finite.
Notation rnd := (rounded mode_NE).

Definition add : float -> float -> float := Bplus mode_NE.
Definition sub : float -> float -> float := Bminus mode_NE.
Definition mul : float -> float -> float := Bmult mode_NE.
Definition div : float -> float -> float := Bdiv mode_NE.
Definition fma : float -> float -> float -> float := Bfma mode_NE.

Lemma stored_value (x : float) : stored (value x).
Proof. apply generic_format_B2R. Qed.

Lemma overflow_not_finite (f : float) s : B2SF f = binary_overflow prec (range fmt) mode_NE s ->
  finite f = false.
Proof. destruct f; try reflexivity; discriminate. Qed.

Lemma add_finite x y : finite (add x y) = true ->
  finite x = true /\ finite y = true /\ value (add x y) = rnd (value x + value y).
Proof.
  intros F.
  assert (Fxy : finite x = true /\ finite y = true).
  { unfold add in F.
    destruct x as [| sx | |], y as [| sy | |]; try discriminate F; try (split; reflexivity).
    cbn in F. destruct (Bool.eqb sx sy); discriminate F. }
  destruct Fxy as [Fx Fy]. repeat split; [exact Fx|exact Fy|].
  pose proof (Bplus_correct prec (range fmt) _ _ mode_NE x y Fx Fy) as H.
  destruct Rlt_bool; [apply H|]. destruct H as [H _].
  apply overflow_not_finite in H. unfold add in F. congruence.
Qed.

Lemma sub_finite x y : finite (sub x y) = true ->
  finite x = true /\ finite y = true /\ value (sub x y) = rnd (value x - value y).
Proof.
  intros F.
  assert (Fxy : finite x = true /\ finite y = true).
  { unfold sub in F.
    destruct x as [| sx | |], y as [| sy | |]; try discriminate F; try (split; reflexivity).
    cbn in F. destruct (Bool.eqb sx (negb sy)); discriminate F. }
  destruct Fxy as [Fx Fy]. repeat split; [exact Fx|exact Fy|].
  pose proof (Bminus_correct prec (range fmt) _ _ mode_NE x y Fx Fy) as H.
  destruct Rlt_bool; [apply H|]. destruct H as [H _].
  apply overflow_not_finite in H. unfold sub in F. congruence.
Qed.

Lemma mul_finite x y : finite (mul x y) = true ->
  finite x = true /\ finite y = true /\ value (mul x y) = rnd (value x * value y).
Proof.
  intros F. pose proof (Bmult_correct prec (range fmt) _ _ mode_NE x y) as H.
  unfold mul in *. destruct Rlt_bool.
  - destruct H as (H & Fxy & _). rewrite F in Fxy. symmetry in Fxy. apply andb_prop in Fxy.
    repeat split; [apply Fxy|apply Fxy|exact H].
  - apply overflow_not_finite in H. congruence.
Qed.

Lemma fma_finite x y z : finite (fma x y z) = true ->
  finite x = true /\ finite y = true /\ finite z = true /\
  value (fma x y z) = rnd (value x * value y + value z).
Proof.
  intros F.
  assert (Fxyz : finite x = true /\ finite y = true /\ finite z = true).
  { unfold fma in F.
    destruct x as [sx|sx| |sx], y as [sy|sy| |sy], z as [sz|sz| |sz]; try discriminate F;
      try (repeat split; reflexivity);
      cbn in F; destruct (Bool.eqb (xorb sx sy) sz); discriminate F. }
  destruct Fxyz as (Fx & Fy & Fz). repeat split; [exact Fx|exact Fy|exact Fz|].
  pose proof (Bfma_correct prec (range fmt) _ _ mode_NE x y z Fx Fy Fz) as H.
  cbv zeta in H. destruct Rlt_bool; [apply H|].
  apply overflow_not_finite in H. unfold fma in F. congruence.
Qed.

(** A finite number over infinity is 0: so that the divisor is finite has to be known. *)
Lemma div_finite x y : finite y = true -> finite (div x y) = true ->
  finite x = true /\ value (div x y) = rnd (value x / value y).
Proof.
  intros Fy F.
  assert (Ny : value y <> 0).
  { unfold div in F. destruct y as [sy|sy| |sy my ey By];
      try discriminate Fy; [destruct x; discriminate F|].
    cbn. destruct sy; [apply Rlt_not_eq, F2R_lt_0|apply Rgt_not_eq, F2R_gt_0]; reflexivity. }
  pose proof (Bdiv_correct prec (range fmt) _ _ mode_NE x y Ny) as H.
  unfold div in *. destruct Rlt_bool.
  - destruct H as (H & Fx & _). split; [congruence|exact H].
  - apply overflow_not_finite in H. congruence.
Qed.

(** ** Dot products *)

(** As [computed_dot], on floating-point numbers. *)
Fixpoint float_dot (fused : nat -> bool) (n : nat) (x y : nat -> float) : float :=
  match n with
  | O => B754_zero false
  | S m => let s := float_dot fused m x y in
           if fused m then fma (x m) (y m) s else add s (mul (x m) (y m))
  end.

Notation values x := (fun i => value (x i)).

(** A finite result: all entries and all partial sums are finite, and each step is the rounding of
    the exact one. *)
Theorem float_dot_finite fused n x y : finite (float_dot fused n x y) = true ->
  (forall i, (i < n)%nat -> finite (x i) = true /\ finite (y i) = true) /\
  (forall m, (m <= n)%nat -> finite (float_dot fused m x y) = true) /\
  value (float_dot fused n x y) = computed_dot rnd fused n (values x) (values y).
Proof.
  induction n as [|n IH]; intros F.
  { repeat split; try lia. intros m Hm. replace m with 0%nat by lia. reflexivity. }
  assert (Step : finite (x n) = true /\ finite (y n) = true /\
    finite (float_dot fused n x y) = true /\
    value (float_dot fused (S n) x y) =
      multiply_add rnd (fused n) (value (float_dot fused n x y)) (value (x n)) (value (y n))).
  { cbn [float_dot] in *. unfold multiply_add. destruct (fused n).
    - apply fma_finite in F as (Fx & Fy & Fs & E). repeat split; try assumption.
      rewrite E. f_equal. ring.
    - apply add_finite in F as (Fs & Fp & E). apply mul_finite in Fp as (Fx & Fy & E').
      rewrite E, E'. repeat split; assumption. }
  destruct Step as (Fx & Fy & Fs & E). destruct (IH Fs) as (Fi & Fm & V). repeat split.
  - destruct (Nat.eq_dec i n) as [->|]; [exact Fx|apply Fi; lia].
  - destruct (Nat.eq_dec i n) as [->|]; [exact Fy|apply Fi; lia].
  - intros m Hm. destruct (Nat.eq_dec m (S n)) as [->|]; [exact F|apply Fm; lia].
  - rewrite E, V. reflexivity.
Qed.

Theorem float_dot_error fused n x y : let u := unit_roundoff mode_NE in INR n * u < 1 ->
  finite (float_dot fused n x y) = true ->
  Rabs (value (float_dot fused n x y) - dot n (values x) (values y)) <=
    gamma u n * absdot n (values x) (values y) + INR n * underflow_unit mode_NE / (1 - INR n * u).
Proof.
  intros u Hn F. destruct (float_dot_finite _ _ _ _ F) as (_ & _ & ->).
  apply (dot_error (ieee_arithmetic mode_NE)), Hn.
Qed.

(** In any order, so pairwise. *)
Fixpoint float_over (t : order) (x y : nat -> float) : float :=
  match t with
  | Term i => mul (x i) (y i)
  | Plus l r => add (float_over l x y) (float_over r x y)
  end.

Lemma float_over_finite t x y : finite (float_over t x y) = true ->
  value (float_over t x y) = computed_over rnd t (values x) (values y).
Proof.
  induction t as [i|l IHl r IHr]; cbn; intros F.
  - apply mul_finite in F. apply F.
  - apply add_finite in F as (Fl & Fr & ->). rewrite IHl, IHr by assumption. reflexivity.
Qed.

Theorem float_order_error t x y : let u := unit_roundoff mode_NE in
  let k := (height t + 1)%nat in INR k * u < 1 -> finite (float_over t x y) = true ->
  Rabs (value (float_over t x y) - over t (fun i => value (x i) * value (y i))) <=
    gamma u k * over t (fun i => Rabs (value (x i) * value (y i)))
    + INR (terms t) * underflow_unit mode_NE / (1 - INR k * u).
Proof.
  intros u k Hk F. rewrite (float_over_finite _ _ _ F).
  apply (order_error (ieee_arithmetic mode_NE) t k (values x) (values y)); [reflexivity|exact Hk].
Qed.

Theorem float_pairwise_error n x y : let u := unit_roundoff mode_NE in
  let k := (Nat.log2_up n + 1)%nat in (1 <= n)%nat -> INR k * u < 1 ->
  finite (float_over (pairwise n) x y) = true ->
  Rabs (value (float_over (pairwise n) x y) - dot n (values x) (values y)) <=
    gamma u k * absdot n (values x) (values y) + INR n * underflow_unit mode_NE / (1 - INR k * u).
Proof.
  intros u k Hn Hk F. rewrite (float_over_finite _ _ _ F).
  apply (pairwise_error (ieee_arithmetic mode_NE)); assumption.
Qed.
End Format.

Arguments add {fmt}.
Arguments sub {fmt}.
Arguments mul {fmt}.
Arguments div {fmt}.
Arguments fma {fmt}.
Arguments float_dot {fmt}.
Arguments float_over {fmt}.
Arguments add_finite {fmt x y}.
Arguments sub_finite {fmt x y}.
Arguments mul_finite {fmt x y}.
Arguments div_finite {fmt x y}.
Arguments fma_finite {fmt x y z}.
Arguments float_dot_finite {fmt fused n x y}.

(** ** The units of the formats in use *)

Theorem units_of_formats :
  (unit_roundoff binary64 mode_NE = / 2 ^ 53 /\ underflow_unit binary64 mode_NE = / 2 ^ 1075) /\
  (unit_roundoff binary32 mode_NE = / 2 ^ 24 /\ underflow_unit binary32 mode_NE = / 2 ^ 150) /\
  (unit_roundoff binary16 mode_NE = / 2 ^ 11 /\ underflow_unit binary16 mode_NE = / 2 ^ 25) /\
  (unit_roundoff bfloat16 mode_NE = / 2 ^ 8 /\ underflow_unit bfloat16 mode_NE = / 2 ^ 134).
Proof.
  assert (H : forall e : positive, / 2 * bpow radix2 (Z.neg e) = / 2 ^ (S (Pos.to_nat e))).
  { intros e. unfold bpow. rewrite <- tech_pow_Rmult, Rinv_mult, Zpower_pos_nat, Zpower_nat_Z.
    rewrite <- pow_IZR. reflexivity. }
  repeat split; apply H.
Qed.

(** ** Products in a wider format

    With at least twice the digits a product is exact where it does not underflow. *)

Lemma few_digits F m (f : Defs.float radix2) : (Z.abs (Fnum f) < 2 ^ precision F)%Z ->
  Rabs (rounded F m (F2R f) - F2R f) <= underflow_unit F m.
Proof.
  intros M.
  assert (W : 0 < underflow_unit F m)
    by (apply Rmult_lt_0_compat; [apply ulps_pos|apply bpow_gt_0]).
  assert (Exact : stored F (F2R f) -> Rabs (rounded F m (F2R f) - F2R f) <= underflow_unit F m).
  { intros S. rewrite (rnd_format _ _ _ _ (ieee_arithmetic F m) _ S), Rminus_eq_0, Rabs_R0. lra. }
  destruct (Z_le_gt_dec (smallest F) (Fexp f)) as [He|He].
  - (* no digit below the smallest number *)
    apply Exact, generic_format_FLT. exists f; [reflexivity|exact M|exact He].
  - destruct (Rle_lt_dec (bpow radix2 (smallest F + precision F - 1)) (Rabs (F2R f))) as [B|B].
    + (* large enough for all digits *)
      apply Exact, generic_format_FLT_FLX; [exact B|]. apply generic_format_FLX.
      exists f; [reflexivity|exact M].
    + eapply Rle_trans; [apply rounded_ulp|]. unfold underflow_unit.
      rewrite ulp_FLT_small; [lra|apply precision_pos|].
      eapply Rlt_trans; [exact B|]. apply bpow_lt. lia.
Qed.

Lemma wide_product F F' m a b : (2 * precision F <= precision F')%Z -> stored F a -> stored F b ->
  Rabs (rounded F' m (a * b) - a * b) <= underflow_unit F' m.
Proof.
  unfold stored. pose proof (precision_pos F) as P. intros Hp Fa Fb.
  apply FLT_format_generic in Fa; [|exact P]. apply FLT_format_generic in Fb; [|exact P].
  destruct Fa as [[ma ea] -> Ma _], Fb as [[mb eb] -> Mb _]. cbn [Fnum Fexp] in *.
  rewrite <- F2R_mult. apply few_digits. cbn [Fmult Fnum].
  change (radix_val radix2) with 2%Z in *. rewrite Z.abs_mul.
  apply Z.lt_le_trans with (2 ^ precision F * 2 ^ precision F)%Z; [nia|].
  unfold Prec_gt_0 in P. rewrite <- Z.pow_add_r by lia. apply Z.pow_le_mono_r; lia.
Qed.

Theorem wide_dot_error F F' n (x y : nat -> float F') : (2 * precision F <= precision F')%Z ->
  (forall i, (i < n)%nat -> stored F (B2R (x i)) /\ stored F (B2R (y i))) ->
  let u := unit_roundoff F' mode_NE in
  let s := float_dot (fun _ => false) n x y in
  INR (n - 1) * u < 1 -> is_finite s = true ->
  Rabs (B2R s - dot n (fun i => B2R (x i)) (fun i => B2R (y i))) <=
    gamma u (n - 1) * absdot n (fun i => B2R (x i)) (fun i => B2R (y i))
    + INR n * underflow_unit F' mode_NE / (1 - INR (n - 1) * u).
Proof.
  intros H Hxy u s Hn Fs. unfold s. rewrite (proj2 (proj2 (float_dot_finite Fs))).
  apply (dot_error_wide_products (ieee_arithmetic F' mode_NE)); [|exact Hn].
  intros i Hi. apply (wide_product F); [exact H|apply (Hxy i Hi)|apply (Hxy i Hi)].
Qed.

Theorem wide_order_error F F' t (x y : nat -> float F') : (2 * precision F <= precision F')%Z ->
  (forall i, stored F (B2R (x i)) /\ stored F (B2R (y i))) ->
  let u := unit_roundoff F' mode_NE in
  let s := float_over t x y in
  INR (height t) * u < 1 -> is_finite s = true ->
  Rabs (B2R s - over t (fun i => B2R (x i) * B2R (y i))) <=
    gamma u (height t) * over t (fun i => Rabs (B2R (x i) * B2R (y i)))
    + INR (terms t) * underflow_unit F' mode_NE / (1 - INR (height t) * u).
Proof.
  intros H Hxy u s Hn Fs. unfold s. rewrite float_over_finite by exact Fs.
  apply (order_error_wide (ieee_arithmetic F' mode_NE) t (height t)
    (fun i => B2R (x i)) (fun i => B2R (y i))); [reflexivity|exact Hn|].
  intros i. apply (wide_product F); [exact H|apply Hxy|apply Hxy].
Qed.
