(* IeeeCompensated.v -- Neumaier's sum and Dot2 in IEEE 754 arithmetic: the errors of additions and
   products are computed exactly, underflow apart.  *)
From Qkcheck.base Require Import Sum.
Require Import Reals Lra Lia ZArith.
From Flocq Require Import Core Operations Plus_error Mult_error BinarySingleNaN Pff2Flocq.
From Qkcheck.fp Require Import Arithmetic Dot Compensated Ieee IeeeRow.
Open Scope R_scope.

Section Format.
Variable fmt : ieee_format.
Hypothesis two_digits : (1 < precision fmt)%Z.
Notation float := (float fmt).
Notation value := B2R.
Notation finite := is_finite.
Notation values x := (fun i => value (x i)).
Notation rnd := (rounded fmt mode_NE).
Notation u := (unit_roundoff fmt mode_NE).
Notation eta := (underflow_unit fmt mode_NE).
Notation arith := (ieee_arithmetic fmt mode_NE).

(** ** What an addition loses *)

Lemma rest_stored x y : stored fmt x -> stored fmt y -> stored fmt (x + y - rnd (x + y)).
Proof.
  intros Fx Fy. replace (x + y - rnd (x + y)) with (- (rnd (x + y) - (x + y))) by ring.
  apply generic_format_opp, plus_error; try assumption;
    try apply FLT_exp_valid, precision_pos; apply FLT_exp_monotone.
Qed.

(** Dekker's: with |y| <= |x| two subtractions give what x + y loses. *)
Lemma fast_two_sum x y : stored fmt x -> stored fmt y -> Rabs y <= Rabs x ->
  rnd (y - rnd (rnd (x + y) - x)) = x + y - rnd (x + y).
Proof.
  intros Fx Fy H. pose proof (precision_lt_range fmt) as L. unfold Prec_lt_emax in L.
  pose proof (Fast2Sum_correct (smallest fmt) (precision fmt) (fun z => negb (Z.even z))
    two_digits) as T.
  specialize (T ltac:(unfold smallest; lia)).
  assert (sym : forall x, negb (Z.even x) = negb (negb (Z.even (- (x + 1))))).
  { intros z. rewrite Z.even_opp, Z.even_add. destruct (Z.even z); reflexivity. }
  specialize (T sym x y Fx Fy H). fold (smallest fmt) in T.
  change (rnd (x + y) + rnd (y + rnd (x - rnd (x + y))) = x + y) in T.
  replace (rnd (rnd (x + y) - x)) with (- rnd (x - rnd (x + y))).
  - unfold Rminus at 1. rewrite Ropp_involutive. lra.
  - unfold rounded. cbn [round_mode]. rewrite <- round_NE_opp. f_equal. ring.
Qed.

(** The larger operand is found by comparison. *)
Definition float_rest (s t : float) : float :=
  if Bltb (Babs s) (Babs t) then sub s (sub (add s t) t) else sub t (sub (add s t) s).

Lemma float_rest_finite s t : finite (float_rest s t) = true ->
  finite s = true /\ finite t = true /\
  value (float_rest s t) = value s + value t - rnd (value s + value t).
Proof.
  intros F. unfold float_rest in *. destruct (Bltb (Babs s) (Babs t)) eqn:B.
  - destruct (sub_finite F) as (Fs & F1 & E1). destruct (sub_finite F1) as (F2 & Ft & E2).
    destruct (add_finite F2) as (_ & _ & E3). repeat split; [exact Fs|exact Ft|].
    rewrite Bltb_correct, !B2R_Babs in B by (rewrite is_finite_Babs; assumption).
    rewrite E1, E2, E3, (Rplus_comm (value s)).
    apply fast_two_sum; [apply stored_value|apply stored_value|].
    destruct (Rlt_bool_spec (Rabs (value s)) (Rabs (value t))); [lra|discriminate].
  - destruct (sub_finite F) as (Ft & F1 & E1). destruct (sub_finite F1) as (F2 & Fs & E2).
    destruct (add_finite F2) as (_ & _ & E3). repeat split; [exact Fs|exact Ft|].
    rewrite Bltb_correct, !B2R_Babs in B by (rewrite is_finite_Babs; assumption).
    rewrite E1, E2, E3. apply fast_two_sum; [apply stored_value|apply stored_value|].
    destruct (Rlt_bool_spec (Rabs (value s)) (Rabs (value t))); [discriminate|assumption].
Qed.

(** ** The sum *)

Definition float_rests (a : nat -> float) (k : nat) : float := float_rest (float_sum k a) (a k).

Lemma float_rests_value a k : finite (float_rests a k) = true ->
  value (float_rests a k) = rest rnd (values a) k.
Proof.
  intros F. destruct (float_rest_finite _ _ F) as (Fs & _ & E). unfold float_rests. rewrite E.
  destruct (float_sum_finite _ _ _ Fs) as [_ V]. unfold rest. cbn [computed_sum].
  rewrite <- V. reflexivity.
Qed.

Definition float_compensated_sum (n : nat) (a : nat -> float) : float :=
  add (float_sum n a) (float_sum n (float_rests a)).

Lemma float_compensated_sum_finite n a : finite (float_compensated_sum n a) = true ->
  (forall k, (k < n)%nat -> finite (a k) = true) /\
  value (float_compensated_sum n a) = compensated_sum rnd n (values a).
Proof.
  intros F. destruct (add_finite F) as (Fs & Fe & E).
  destruct (float_sum_finite _ _ _ Fs) as [Fa Vs]. destruct (float_sum_finite _ _ _ Fe) as [Fr Ve].
  split; [exact Fa|]. unfold float_compensated_sum. rewrite E, Vs, Ve. unfold compensated_sum.
  do 2 f_equal. apply computed_sum_ext. intros k Hk. apply float_rests_value, Fr, Hk.
Qed.

Theorem float_compensated_sum_error n a : INR (n - 1) * u < 1 ->
  finite (float_compensated_sum n a) = true ->
  Rabs (value (float_compensated_sum n a) - sum n (values a)) <=
    u * Rabs (sum n (values a)) + gamma u (n - 1) ^ 2 * sum n (fun i => Rabs (value (a i))).
Proof.
  intros Hn F. destruct (float_compensated_sum_finite _ _ F) as [_ ->].
  apply (compensated_sum_error arith rest_stored n (values a)); [|exact Hn].
  intros. apply stored_value.
Qed.

(** ** Dot products *)
Section Dot.
Variables (n : nat) (x y : nat -> float).
Notation X := (values x).
Notation Y := (values y).

Definition float_products (k : nat) : float := mul (x k) (y k).

Lemma float_products_value k : finite (float_products k) = true ->
  value (float_products k) = product rnd X Y k.
Proof. intros F. apply (mul_finite F). Qed.

Definition float_neumaier : float := float_compensated_sum n float_products.

Theorem float_neumaier_error : INR (n - 1) * u < 1 -> finite float_neumaier = true ->
  let g := gamma u (n - 1) in
  Rabs (value float_neumaier - dot n X Y) <=
    u * absdot n X Y + u * (Rabs (dot n X Y) + u * absdot n X Y)
    + g ^ 2 * ((1 + u) * absdot n X Y) + (1 + u + g ^ 2) * (INR n * eta).
Proof.
  intros Hn F g. destruct (float_compensated_sum_finite _ _ F) as [Fp E].
  unfold float_neumaier. rewrite E, (compensated_sum_ext rnd n _ (product rnd X Y)).
  - apply (neumaier_error arith rest_stored n X Y Hn).
  - intros k Hk. apply float_products_value, Fp, Hk.
Qed.

(** What a product loses, by fused multiply-add. *)
Lemma product_rest_error a b : stored fmt a -> stored fmt b ->
  Rabs (rnd (a * b + - rnd (a * b)) - (a * b - rnd (a * b))) <= eta.
Proof.
  intros Fa Fb. set (z := a * b - rnd (a * b)). change (a * b + - rnd (a * b)) with z.
  pose proof (precision_pos fmt) as P.
  destruct (Rle_or_lt (bpow radix2 (smallest fmt + precision fmt - 1)) (Rabs (a * b))) as [B|B].
  - (* it has no more digits than the format *)
    assert (Fz : generic_format radix2 (FLX_exp (precision fmt)) z).
    { replace z with (- (rnd (a * b) - a * b)) by (unfold z; ring). apply generic_format_opp.
      unfold rounded. rewrite round_FLT_FLX by exact B.
      apply mult_error_FLX; [exact P|apply valid_rnd_round_mode| |];
        eapply generic_format_FLX_FLT; eassumption. }
    apply FLX_format_generic in Fz; [|exact P]. destruct Fz as [f -> M]. apply few_digits, M.
  - (* it is below the smallest number *)
    assert (U : ulp radix2 (FLT_exp (smallest fmt) (precision fmt)) (a * b)
      = bpow radix2 (smallest fmt)).
    { apply ulp_FLT_small; [exact P|]. eapply Rlt_trans; [exact B|]. apply bpow_lt. lia. }
    pose proof (rounded_ulp fmt mode_NE (a * b)) as R. rewrite U in R.
    assert (Z : Rabs z <= eta) by (unfold z; rewrite Rabs_minus_sym; exact R).
    assert (U' : ulp radix2 (FLT_exp (smallest fmt) (precision fmt)) z
      = bpow radix2 (smallest fmt)).
    { apply ulp_FLT_small; [exact P|]. apply Rle_lt_trans with (1 := Z).
      unfold underflow_unit, ulps. unfold Prec_gt_0 in P.
      pose proof (bpow_gt_0 radix2 (smallest fmt)).
      pose proof (bpow_le radix2 (smallest fmt) (smallest fmt + precision fmt) ltac:(lia)). lra. }
    pose proof (rounded_ulp fmt mode_NE z) as R'. rewrite U' in R'. exact R'.
Qed.

Definition float_product_rest (k : nat) : float := fma (x k) (y k) (Bopp (float_products k)).

Definition float_dot2 : float :=
  add (float_sum n float_products)
    (float_sum n (fun k => add (float_rests float_products k) (float_product_rest k))).

Theorem float_dot2_error : INR n * u < 1 -> finite float_dot2 = true -> let g := gamma u n in
  Rabs (value float_dot2 - dot n X Y) <=
    u * Rabs (dot n X Y) + g ^ 2 * absdot n X Y + (1 + 3 * g + g ^ 2) * (INR n * eta).
Proof.
  intros Hn F g. destruct (add_finite F) as (Fs & Fe & E).
  destruct (float_sum_finite _ _ _ Fs) as [Fp Vs]. destruct (float_sum_finite _ _ _ Fe) as [Fr Ve].
  assert (V : value float_dot2 = compensated_dot rnd n X Y (fun k => value (float_product_rest k))).
  { unfold float_dot2. rewrite E, Vs, Ve. unfold compensated_dot.
    assert (P : forall k, (k < n)%nat -> value (float_products k) = product rnd X Y k)
      by (intros k Hk; apply float_products_value, Fp, Hk).
    do 2 f_equal; apply computed_sum_ext; [exact P|]. intros k Hk.
    destruct (add_finite (Fr k Hk)) as (F1 & _ & ->). rewrite float_rests_value by exact F1.
    f_equal. f_equal. apply (rest_ext rnd n); [exact P|exact Hk]. }
  rewrite V. apply (dot2_error arith rest_stored n X Y); [|intros k Hk|exact Hn].
  - intros. apply stored_value.
  - destruct (add_finite (Fr k Hk)) as (_ & F2 & _). unfold float_product_rest in *.
    destruct (fma_finite F2) as (_ & _ & _ & E2). rewrite E2, B2R_Bopp.
    rewrite (float_products_value k (Fp k Hk)). apply product_rest_error; apply stored_value.
Qed.
End Dot.
End Format.

Arguments float_rest {fmt}.
Arguments float_rests {fmt}.
Arguments float_compensated_sum {fmt}.
Arguments float_products {fmt}.
Arguments float_neumaier {fmt}.
Arguments float_product_rest {fmt}.
Arguments float_dot2 {fmt}.
