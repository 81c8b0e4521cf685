(* Ieee.v -- IEEE 754 arithmetic, as Flocq defines it, has the facts of Arithmetic.v; and a finite
    result of a chain of operations says that every step was finite, so that the bounds apply.  *)
Require Import Reals Lra Lia ZArith.
From Flocq Require Import Core Operations Plus_error BinarySingleNaN Binary.
From Qkcheck.base Require Import Sum.
From Qkcheck.fp Require Import Arithmetic Dot.
Open Scope R_scope.

Arguments B2R {prec emax}.
Arguments is_finite {prec emax}.

Section Format.
(** binary64 is (53, 1024), binary32 (24, 128), binary16 (11, 16), bfloat16 (8, 128). *)
Variables prec emax : Z.
Context (prec_gt_0 : Prec_gt_0 prec) (prec_lt_emax : Prec_lt_emax prec emax).

Notation emin := (3 - emax - prec)%Z.
Notation fexp := (FLT_exp emin prec).

Definition stored : R -> Prop := generic_format radix2 fexp.
Definition rounded (m : mode) : R -> R := round radix2 fexp (round_mode m).

(** The largest error of one rounding in units in the last place. *)
Definition ulps (m : mode) : R := match m with mode_NE | mode_NA => / 2 | _ => 1 end.
Definition unit_roundoff (m : mode) : R := ulps m * bpow radix2 (1 - prec).
Definition underflow_unit (m : mode) : R := ulps m * bpow radix2 emin.

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
  pose proof (ulps_pos m). pose proof (bpow_gt_0 radix2 (1 - prec)). pose proof (bpow_gt_0 radix2 emin).
  assert (U : 0 < unit_roundoff m) by (apply Rmult_lt_0_compat; assumption).
  assert (W : 0 < underflow_unit m) by (apply Rmult_lt_0_compat; assumption).
  split; try lra.
  - apply generic_format_0.
  - intros z. apply generic_format_opp.
  - intros z. apply generic_format_round; [apply FLT_exp_valid, prec_gt_0|apply valid_rnd_round_mode].
  - intros z. apply round_generic, valid_rnd_round_mode.
  - intros z. pose proof (Rabs_pos z). assert (0 <= unit_roundoff m * Rabs z) by (apply Rmult_le_pos; lra).
    destruct (rounded_error m z) as [E|[E _]]; lra.
  - intros x y Fx Fy. destruct (rounded_error m (x + y)) as [E|[_ E]]; [exact E|].
    unfold rounded. rewrite round_generic; [|apply valid_rnd_round_mode|].
    + rewrite Rminus_eq_0, Rabs_R0. apply Rmult_le_pos; [lra|apply Rabs_pos].
    + apply FLT_format_plus_small; assumption.
Qed.

(** ** Finite results

    Rounding is to nearest, ties to even, the default of IEEE 754.  (Directed rounding may answer
    an overflow with the largest number, so that a finite result says less.) *)

Notation float := (binary_float prec emax).
Notation value := B2R.
Notation finite := is_finite.
Notation rnd := (rounded mode_NE).

(** What an operation that makes no number answers: any NaN of the format. *)
Notation nan := {f : float | is_nan prec emax f = true}.
Variables (plus_nan mult_nan minus_nan div_nan : float -> float -> nan)
  (fma_nan : float -> float -> float -> nan).

Definition add := Bplus prec emax prec_gt_0 prec_lt_emax plus_nan mode_NE.
Definition mul := Bmult prec emax prec_gt_0 prec_lt_emax mult_nan mode_NE.
Definition sub := Bminus prec emax prec_gt_0 prec_lt_emax minus_nan mode_NE.
Definition div := Bdiv prec emax prec_gt_0 prec_lt_emax div_nan mode_NE.
Definition fma := Bfma prec emax prec_gt_0 prec_lt_emax fma_nan mode_NE.

Lemma stored_value (x : float) : stored (value x).
Proof. apply generic_format_B2R. Qed.

Lemma overflow_not_finite (f : float) s : B2FF prec emax f = binary_overflow prec emax mode_NE s ->
  finite f = false.
Proof. destruct f; try reflexivity; discriminate. Qed.

Lemma add_finite x y : finite (add x y) = true ->
  finite x = true /\ finite y = true /\ value (add x y) = rnd (value x + value y).
Proof.
  intros F.
  assert (Fxy : finite x = true /\ finite y = true).
  { unfold add, Bplus in F. rewrite is_finite_BSN2B in F.
    destruct x as [| sx | |], y as [| sy | |]; try discriminate F; try (split; reflexivity).
    cbn in F. destruct (Bool.eqb sx sy); discriminate F. }
  destruct Fxy as [Fx Fy]. repeat split; [exact Fx|exact Fy|].
  pose proof (Bplus_correct prec emax _ prec_lt_emax plus_nan mode_NE x y Fx Fy) as H.
  destruct Rlt_bool; [apply H|]. destruct H as [H _].
  apply overflow_not_finite in H. unfold add in F. congruence.
Qed.
Lemma sub_finite x y : finite (sub x y) = true ->
  finite x = true /\ finite y = true /\ value (sub x y) = rnd (value x - value y).
Proof.
  intros F.
  assert (Fxy : finite x = true /\ finite y = true).
  { unfold sub, Bminus in F. rewrite is_finite_BSN2B in F.
    destruct x as [| sx | |], y as [| sy | |]; try discriminate F; try (split; reflexivity).
    cbn in F. destruct (Bool.eqb sx (negb sy)); discriminate F. }
  destruct Fxy as [Fx Fy]. repeat split; [exact Fx|exact Fy|].
  pose proof (Bminus_correct prec emax _ prec_lt_emax minus_nan mode_NE x y Fx Fy) as H.
  destruct Rlt_bool; [apply H|]. destruct H as [H _].
  apply overflow_not_finite in H. unfold sub in F. congruence.
Qed.

Lemma mul_finite x y : finite (mul x y) = true ->
  finite x = true /\ finite y = true /\ value (mul x y) = rnd (value x * value y).
Proof.
  intros F. pose proof (Bmult_correct prec emax _ prec_lt_emax mult_nan mode_NE x y) as H.
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
  { unfold fma, Bfma in F. rewrite is_finite_BSN2B in F.
    destruct x as [sx|sx|sx|sx], y as [sy|sy|sy|sy], z as [sz|sz|sz|sz]; try discriminate F;
      try (repeat split; reflexivity);
      cbn in F; destruct (Bool.eqb (xorb sx sy) sz); discriminate F. }
  destruct Fxyz as (Fx & Fy & Fz). repeat split; [exact Fx|exact Fy|exact Fz|].
  pose proof (Bfma_correct prec emax _ prec_lt_emax fma_nan mode_NE x y z Fx Fy Fz) as H.
  cbv zeta in H. destruct Rlt_bool; [apply H|].
  apply overflow_not_finite in H. unfold fma in F. congruence.
Qed.

(** A finite number over infinity is 0: so that the divisor is finite has to be known. *)
Lemma div_finite x y : finite y = true -> finite (div x y) = true ->
  finite x = true /\ value (div x y) = rnd (value x / value y).
Proof.
  intros Fy F.
  assert (Ny : value y <> 0).
  { unfold div, Bdiv in F. rewrite is_finite_BSN2B in F. destruct y as [sy|sy|sy|sy my ey By];
      try discriminate Fy; [destruct x; discriminate F|].
    cbn. destruct sy; [apply Rlt_not_eq, F2R_lt_0|apply Rgt_not_eq, F2R_gt_0]; reflexivity. }
  pose proof (Bdiv_correct prec emax _ prec_lt_emax div_nan mode_NE x y Ny) as H.
  unfold div in *. destruct Rlt_bool.
  - destruct H as (H & Fx & _). split; [congruence|exact H].
  - apply overflow_not_finite in H. congruence.
Qed.

(** ** Dot products *)

(** As [computed_dot], on floating-point numbers. *)
Fixpoint float_dot (fused : nat -> bool) (n : nat) (x y : nat -> float) : float :=
  match n with
  | O => B754_zero prec emax false
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
  assert (Step : finite (x n) = true /\ finite (y n) = true /\ finite (float_dot fused n x y) = true /\
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
  apply (order_error (ieee_arithmetic mode_NE) t (values x) (values y)), Hk.
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

Arguments add {prec emax _ _}.
Arguments mul {prec emax _ _}.
Arguments sub {prec emax _ _}.
Arguments div {prec emax _ _}.
Arguments fma {prec emax _ _}.
Arguments float_dot {prec emax _ _}.
Arguments float_over {prec emax _ _}.
Arguments add_finite {prec emax _ _ _ _ _}.
Arguments sub_finite {prec emax _ _ _ _ _}.
Arguments mul_finite {prec emax _ _ _ _ _}.
Arguments div_finite {prec emax _ _ _ _ _}.
Arguments float_dot_finite {prec emax _ _ _ _ _ _ _ _ _}.

(** ** The units of the formats in use *)

Theorem units_of_formats :
  (unit_roundoff 53 mode_NE = / 2 ^ 53 /\ underflow_unit 53 1024 mode_NE = / 2 ^ 1075) /\
  (unit_roundoff 24 mode_NE = / 2 ^ 24 /\ underflow_unit 24 128 mode_NE = / 2 ^ 150) /\
  (unit_roundoff 11 mode_NE = / 2 ^ 11 /\ underflow_unit 11 16 mode_NE = / 2 ^ 25) /\
  (unit_roundoff 8 mode_NE = / 2 ^ 8 /\ underflow_unit 8 128 mode_NE = / 2 ^ 134).
Proof.
  assert (H : forall e : positive, / 2 * bpow radix2 (Z.neg e) = / 2 ^ (S (Pos.to_nat e))).
  { intros e. unfold bpow. rewrite <- tech_pow_Rmult, Rinv_mult, Zpower_pos_nat, Zpower_nat_Z.
    rewrite <- pow_IZR. reflexivity. }
  repeat split; apply H.
Qed.

(** ** Products that need no rounding *)

(** Twice the digits and twice the range below hold every product: binary16 in binary32, binary32 in
    binary64. *)
Lemma product_stored prec emax prec' emax' a b : Prec_gt_0 prec ->
  (2 * prec <= prec')%Z -> (3 - emax' - prec' <= 2 * (3 - emax - prec))%Z ->
  stored prec emax a -> stored prec emax b -> stored prec' emax' (a * b).
Proof.
  unfold stored. intros P Hp He Fa Fb.
  apply FLT_format_generic in Fa; [|exact P]. apply FLT_format_generic in Fb; [|exact P].
  destruct Fa as [[ma ea] -> Ma Ea], Fb as [[mb eb] -> Mb Eb]. cbn [Fnum Fexp] in *.
  rewrite <- F2R_mult. apply generic_format_FLT.
  exists (Fmult (Float radix2 ma ea) (Float radix2 mb eb)); [reflexivity| |];
    cbn [Fmult Fnum Fexp]; [|lia].
  change (radix_val radix2) with 2%Z in *.
  rewrite Z.abs_mul. apply Z.lt_le_trans with (2 ^ prec * 2 ^ prec)%Z; [nia|].
  unfold Prec_gt_0 in P. rewrite <- Z.pow_add_r by lia. apply Z.pow_le_mono_r; lia.
Qed.

Theorem mixed_dot_error prec emax prec' emax' (P : Prec_gt_0 prec) (P' : Prec_gt_0 prec')
    (L' : Prec_lt_emax prec' emax') plus_nan mult_nan fma_nan n
    (x y : nat -> binary_float prec' emax') :
  (2 * prec <= prec')%Z -> (3 - emax' - prec' <= 2 * (3 - emax - prec))%Z ->
  (forall i, (i < n)%nat -> stored prec emax (B2R (x i)) /\ stored prec emax (B2R (y i))) ->
  let u := unit_roundoff prec' mode_NE in
  let s := float_dot plus_nan mult_nan fma_nan (fun _ => false) n x y in
  INR (n - 1) * u < 1 -> is_finite s = true ->
  Rabs (B2R s - dot n (fun i => B2R (x i)) (fun i => B2R (y i))) <=
    gamma u (n - 1) * absdot n (fun i => B2R (x i)) (fun i => B2R (y i)).
Proof.
  intros Hp He Hxy u s Hn F. destruct (float_dot_finite F) as (_ & _ & E).
  unfold s. rewrite E. apply (dot_error_exact_products (ieee_arithmetic prec' emax' P' mode_NE)).
  - intros i Hi. apply (product_stored prec emax); try assumption; apply (Hxy i Hi).
  - exact Hn.
Qed.
