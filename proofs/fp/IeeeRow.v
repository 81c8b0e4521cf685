(* IeeeRow.v -- the bounds of sum, softmax and row for IEEE 754 arithmetic of any format.  *)
From Qkcheck.base Require Import Sum Softmax.
Require Import Reals Lra Lia ZArith.
From Flocq Require Import Core BinarySingleNaN.
From Qkcheck.fp Require Import Arithmetic Dot ShiftedSoftmax AttentionRow Ieee.
Open Scope R_scope.

Section Format.
Variable fmt : ieee_format.
Notation float := (float fmt).
Notation value := B2R.
Notation finite := is_finite.
Notation values x := (fun i => value (x i)).
Notation rnd := (rounded fmt mode_NE).
Notation u := (unit_roundoff fmt mode_NE).
Notation eta := (underflow_unit fmt mode_NE).

Notation arith := (ieee_arithmetic fmt mode_NE).

(** ** Sums *)

Fixpoint float_sum (n : nat) (a : nat -> float) : float :=
  match n with O => B754_zero false | S m => add (float_sum m a) (a m) end.

Lemma float_sum_finite n a : finite (float_sum n a) = true ->
  (forall i, (i < n)%nat -> finite (a i) = true) /\
  value (float_sum n a) = computed_sum rnd n (values a).
Proof.
  induction n as [|n IH]; cbn [float_sum computed_sum]; intros F; [split; [lia|reflexivity]|].
  apply add_finite in F as (Fs & Fa & ->). destruct (IH Fs) as [Fi ->]. split; [|reflexivity].
  intros i Hi. destruct (Nat.eq_dec i n) as [->|]; [exact Fa|apply Fi; lia].
Qed.

Theorem float_sum_error n a : INR (n - 1) * u < 1 -> finite (float_sum n a) = true ->
  Rabs (value (float_sum n a) - sum n (values a)) <=
    gamma u (n - 1) * sum n (fun i => Rabs (value (a i))).
Proof.
  intros Hn F. destruct (float_sum_finite _ _ F) as [_ ->]. eapply Rle_trans.
  - apply (sum_error arith). intros. apply stored_value.
  - apply Rmult_le_compat_r; [apply sum_nonneg; intros; apply Rabs_pos|].
    apply gamma_bound; [apply (unit_nonneg _ _ _ _ arith)|exact Hn].
Qed.

(** ** The softmax *)

(** The exact exponential of y, rounded once: as good as an exponential can be. *)
Definition ideal_exp (y : float) : float :=
  let r := rnd (exp (value y)) in
  let fexp := FLT_exp (smallest fmt) (precision fmt) in
  binary_normalize _ _ (precision_pos fmt) (precision_lt_range fmt) mode_NE
    (Ztrunc (scaled_mantissa radix2 fexp r)) (cexp radix2 fexp r) false.

Lemma ideal_exp_value y : value y <= 0 -> value (ideal_exp y) = rnd (exp (value y)).
Proof.
  intros Hy. set (r := rnd (exp (value y))).
  assert (R0 : 0 <= r).
  { unfold r. rewrite <- (rounded_0 fmt mode_NE). apply rounded_le. left. apply exp_pos. }
  assert (R1 : r <= 1).
  { unfold r. rewrite <- (rounded_1 fmt mode_NE). apply rounded_le. rewrite <- exp_0.
    apply exp_le, Hy. }
  assert (Fr : stored fmt r) by apply (format_rnd _ _ _ _ arith).
  unfold ideal_exp. cbv zeta. fold r. set (fexp := FLT_exp (smallest fmt) (precision fmt)).
  pose proof (binary_normalize_correct _ _ (precision_pos fmt) (precision_lt_range fmt) mode_NE
    (Ztrunc (scaled_mantissa radix2 fexp r)) (cexp radix2 fexp r) false) as N.
  cbv zeta in N.
  assert (Fr' : r =
    F2R (Float radix2 (Ztrunc (scaled_mantissa radix2 fexp r)) (cexp radix2 fexp r))) by exact Fr.
  rewrite <- Fr' in N. change (round _ _ _ r) with (rnd r) in N.
  rewrite (rnd_format _ _ _ _ arith r Fr), Rlt_bool_true in N; [apply N|].
  rewrite Rabs_pos_eq by exact R0. apply Rle_lt_trans with (1 := R1). apply (bpow_lt radix2 0).
  pose proof (precision_pos fmt). pose proof (precision_lt_range fmt).
  unfold Prec_gt_0, Prec_lt_emax in *. lia.
Qed.

Section Exponential.
Variable fexp : float -> float.

(** The exponential of the library, on finite numbers up to 0. *)
Definition accurate_float_exp (eps alpha : R) : Prop := forall y : float,
  finite y = true -> value y <= 0 ->
  0 <= value (fexp y) /\ Rabs (value (fexp y) - exp (value y)) <= eps * exp (value y) + alpha.

End Exponential.

(** So there is an exponential with eps = u and alpha = eta. *)
Theorem ideal_exp_accurate : accurate_float_exp ideal_exp u eta.
Proof.
  intros y _ Hy. rewrite ideal_exp_value by exact Hy. pose proof (exp_pos (value y)). split.
  - rewrite <- (rounded_0 fmt mode_NE). apply rounded_le. lra.
  - rewrite <- (Rabs_pos_eq (exp (value y))) at 3 by lra. apply (rnd_error _ _ _ _ arith).
Qed.

Section Exponential.
Variable fexp : float -> float.

(** [top] is where the largest entry is. *)
Definition float_shifted (x : nat -> float) (top i : nat) : float := sub (x i) (x top).
Definition float_Z (n : nat) (x : nat -> float) (top : nat) : float :=
  float_sum n (fun i => fexp (float_shifted x top i)).
Definition float_softmax (n : nat) (x : nat -> float) (top i : nat) : float :=
  div (fexp (float_shifted x top i)) (float_Z n x top).

(** Where no step overflows, each is the rounding of the exact one.  (An entry over an infinite sum
    is 0, and the exponential of minus infinity too: a finite result would not say that.) *)
Lemma float_softmax_finite n x top i : (i < n)%nat -> finite (float_Z n x top) = true ->
  finite (float_softmax n x top i) = true ->
  value (float_softmax n x top i) =
    computed_softmax rnd n (fun j => value (fexp (float_shifted x top j))) i.
Proof.
  intros Hi FZ Fw. apply div_finite in Fw as [_ E]; [|exact FZ].
  destruct (float_sum_finite _ _ FZ) as [_ EZ].
  unfold float_softmax, float_Z in *. rewrite E, EZ. reflexivity.
Qed.

(** Rounding keeps the sign, so that the exponential is asked only below 0. *)
Lemma float_powers eps alpha x top j :
  accurate_float_exp fexp eps alpha -> value (x j) <= value (x top) ->
  finite (float_shifted x top j) = true ->
  accurate_exp (stored fmt) eps alpha (rnd (value (x j) - value (x top)))
    (value (fexp (float_shifted x top j))).
Proof.
  intros HE Hle F. pose proof F as F'. apply sub_finite in F' as (_ & _ & E).
  fold (float_shifted x top j) in E. rewrite <- E. split; [apply stored_value|].
  apply HE; [exact F|]. rewrite E.
  apply rounded_neg. lra.
Qed.

Theorem float_softmax_error n x top D eps alpha i :
  largest n top (values x) D -> accurate_float_exp fexp eps alpha -> 0 <= eps -> 0 <= alpha ->
  let t := softmax_t u eps alpha n D in t < 1 ->
  (forall j, (j < n)%nat -> finite (float_shifted x top j) = true) ->
  finite (float_Z n x top) = true -> (i < n)%nat -> finite (float_softmax n x top i) = true ->
  Rabs (value (float_softmax n x top i) - softmax n (values x) i) <=
    t / (1 - t) * softmax n (values x) i + alpha / (1 - t) + eta.
Proof.
  intros L HE Heps Halpha t Ht Fx FZ Hi Fw. rewrite float_softmax_finite by assumption.
  apply (softmax_error arith n top (values x)); try assumption.
  - intros. apply stored_value.
  - intros j Hj. apply float_powers; [exact HE|apply L, Hj|apply Fx, Hj].
Qed.

Theorem float_softmax_entry_error n x top eps alpha i :
  (top < n)%nat -> (forall j, (j < n)%nat -> value (x j) <= value (x top)) ->
  (forall j, (j < n)%nat -> u * (value (x top) - value (x j)) < 1) ->
  accurate_float_exp fexp eps alpha -> 0 <= eps -> 0 <= alpha ->
  let M := sum n (fun j =>
    softmax n (values x) j * (/ (1 - u * (value (x top) - value (x j))) - 1)) in
  let t := INR n * u + 2 * eps + u * (value (x top) - value (x i)) + M + INR n * alpha in t < 1 ->
  (forall j, (j < n)%nat -> finite (float_shifted x top j) = true) ->
  finite (float_Z n x top) = true -> (i < n)%nat -> finite (float_softmax n x top i) = true ->
  Rabs (value (float_softmax n x top i) - softmax n (values x) i) <=
    t / (1 - t) * softmax n (values x) i + alpha / (1 - t) + eta.
Proof.
  intros Htop L Near HE Heps Halpha M t Ht Fx FZ Hi Fw. rewrite float_softmax_finite by assumption.
  apply (softmax_entry_error arith n top (values x)); try assumption.
  - intros. apply stored_value.
  - intros j Hj. apply float_powers; [exact HE|apply L, Hj|apply Fx, Hj].
Qed.

(** ** The row *)

Definition float_logit (fused : nat -> bool) (d : nat) (c : float) (q : nat -> float)
  (K : nat -> nat -> float) (j : nat) : float := mul c (float_dot fused d q (K j)).
Definition float_row (fused : nat -> bool) (n : nat) (x : nat -> float) (top : nat)
  (v : nat -> float) : float := float_dot fused n (float_softmax n x top) v.

Lemma float_logit_finite fused d c q K j : finite (float_logit fused d c q K j) = true ->
  value (float_logit fused d c q K j) =
    computed_logit rnd fused d (value c) (values q) (fun j => values (K j)) j.
Proof.
  intros F. apply mul_finite in F as (_ & F & E). unfold float_logit. rewrite E.
  rewrite (proj2 (proj2 (float_dot_finite F))). reflexivity.
Qed.

Section Row.
Variables (fused fused' : nat -> bool) (n d top : nat).
Variables (c : float) (q : nat -> float) (K : nat -> nat -> float) (v : nat -> float).
Variables (C rho A D eps alpha : R).
Notation xf := (float_logit fused d c q K).
Notation x := (logit d C (values q) (fun j => values (K j))).
Notation sigma := (logit_sigma u eta d C rho A).
Notation T := (row_T u eps alpha n D sigma).

Theorem float_row_error :
  Rabs (value c - C) <= rho * Rabs C -> 0 <= rho ->
  (forall j, (j < n)%nat -> absdot d (values q) (values (K j)) <= A) ->
  (forall i j, (i < n)%nat -> (j < n)%nat -> x i - x j <= D) ->
  (top < n)%nat -> (forall j, (j < n)%nat -> value (xf j) <= value (xf top)) ->
  accurate_float_exp fexp eps alpha -> 0 <= eps -> 0 <= alpha ->
  INR (d + 1) * u + rho < 1 -> T < 1 ->
  (forall j, (j < n)%nat -> finite (float_shifted xf top j) = true) ->
  finite (float_Z n xf top) = true -> finite (float_row fused' n xf top v) = true ->
  Rabs (value (float_row fused' n xf top v)
        - row n d C (values q) (fun j => values (K j)) (values v)) <=
    (T * sum n (fun j => softmax n x j * Rabs (value (v j)))
     + (alpha + eta) * sum n (fun j => Rabs (value (v j))) + INR n * eta) / (1 - T).
Proof.
  intros Hc Hrho HA HD Htop Hlargest HE Heps Halpha Hg HT Fx FZ Frow.
  assert (Logit : forall j, (j < n)%nat ->
    value (xf j) = computed_logit rnd fused d (value c) (values q) (fun j => values (K j)) j).
  { intros j Hj. apply float_logit_finite, (sub_finite (Fx j Hj)). }
  destruct (float_dot_finite Frow) as (Fw & _ & Erow).
  unfold float_row. rewrite Erow.
  rewrite (computed_dot_ext _ _ _ _
    (computed_softmax rnd n (fun j => value (fexp (float_shifted xf top j))))).
  2:{ intros j Hj. apply float_softmax_finite; [exact Hj|exact FZ|apply Fw, Hj]. }
  apply (row_error arith Heps Halpha fused fused' n d top C (value c) rho A D); try assumption.
  - intros j Hj. rewrite <- !Logit by assumption. apply Hlargest, Hj.
  - intros j Hj. rewrite <- !Logit by assumption.
    apply float_powers; [exact HE|apply Hlargest, Hj|apply Fx, Hj].
Qed.
End Row.
End Exponential.
End Format.

Arguments float_sum {fmt}.
Arguments float_shifted {fmt}.
Arguments float_Z {fmt}.
Arguments float_softmax {fmt}.
Arguments float_logit {fmt}.
Arguments float_row {fmt}.
