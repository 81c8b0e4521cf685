(* Claims_fp.v -- what the folder fp proves, restated in full; Claims_fp.txt is what Coq makes of it.

   F is any binary format of IEEE 754: binary64, binary32, binary16, bfloat16 or another.  float F are
   its numbers as Flocq defines them, B2R the real number that one stands for; operations round to
   nearest, ties to even.  u, the unit roundoff, is half the distance from 1 to the next number, and
   eta half the smallest positive number.  gamma_n = n u / (1 - n u).  *)
From Qkcheck.base Require Import Sum Softmax.
Require Import Reals ZArith.
From Flocq Require Import Core BinarySingleNaN.
From Qkcheck.fp Require Import Arithmetic Dot Ieee ShiftedSoftmax AttentionRow IeeeRow
  IeeeCompensated Overflow.
Open Scope R_scope.

(* The units of binary64, binary32, binary16, bfloat16. *)
Theorem units :
  (unit_roundoff binary64 mode_NE = / 2 ^ 53 /\ underflow_unit binary64 mode_NE = / 2 ^ 1075) /\
  (unit_roundoff binary32 mode_NE = / 2 ^ 24 /\ underflow_unit binary32 mode_NE = / 2 ^ 150) /\
  (unit_roundoff binary16 mode_NE = / 2 ^ 11 /\ underflow_unit binary16 mode_NE = / 2 ^ 25) /\
  (unit_roundoff bfloat16 mode_NE = / 2 ^ 8 /\ underflow_unit bfloat16 mode_NE = / 2 ^ 134).
Proof. exact units_of_formats. Qed.

(* A sum of n floating-point numbers, one after the other, with a finite result: the error is at most
   gamma_(n-1) sum |a_i|; nothing is lost to underflow. *)
Theorem recursive_sum F n (a : nat -> float F) :
  let u := unit_roundoff F mode_NE in
  let s := float_sum n a in
  INR (n - 1) * u < 1 -> is_finite s = true ->
  Rabs (B2R s - sum n (fun i => B2R (a i))) <=
    INR (n - 1) * u / (1 - INR (n - 1) * u) * sum n (fun i => Rabs (B2R (a i))).
Proof. exact (float_sum_error F n a). Qed.

(* A dot product, one term after the other, each step with or without fused multiply-add, and with a
   finite result: the error is at most gamma_n sum |x_i y_i| + n eta / (1 - n u). *)
Theorem recursive_dot_product F (fused : nat -> bool) n (x y : nat -> float F) :
  let u := unit_roundoff F mode_NE in
  let s := float_dot fused n x y in
  INR n * u < 1 -> is_finite s = true ->
  Rabs (B2R s - sum n (fun i => B2R (x i) * B2R (y i))) <=
    INR n * u / (1 - INR n * u) * sum n (fun i => Rabs (B2R (x i) * B2R (y i)))
    + INR n * underflow_unit F mode_NE / (1 - INR n * u).
Proof. exact (float_dot_error F fused n x y). Qed.

(* That the result is finite says it all: every entry and every partial sum is finite too, and each
   step is the exact one, rounded once. *)
Theorem finite_dot_product F (fused : nat -> bool) n (x y : nat -> float F) :
  let dot := fun m => float_dot fused m x y in
  is_finite (dot n) = true ->
  (forall i, (i < n)%nat -> is_finite (x i) = true /\ is_finite (y i) = true) /\
  (forall m, (m <= n)%nat -> is_finite (dot m) = true) /\
  B2R (dot n) = computed_dot (rounded F mode_NE) fused n (fun i => B2R (x i)) (fun i => B2R (y i)).
Proof. exact (@float_dot_finite F fused n x y). Qed.

(* The same bound in every direction of rounding, where no step overflows; truncation has twice the
   units. *)
Theorem dot_product_any_rounding F (m : mode) (fused : nat -> bool) n (x y : nat -> R) :
  let u := unit_roundoff F m in
  INR n * u < 1 ->
  Rabs (computed_dot (rounded F m) fused n x y - sum n (fun i => x i * y i)) <=
    INR n * u / (1 - INR n * u) * sum n (fun i => Rabs (x i * y i))
    + INR n * underflow_unit F m / (1 - INR n * u).
Proof. exact (dot_error (ieee_arithmetic F m) fused n x y). Qed.

(* Pairwise summation of the products, with a finite result: gamma of (log2 n, rounded up) + 1. *)
Theorem pairwise_dot_product F n (x y : nat -> float F) :
  let u := unit_roundoff F mode_NE in
  let k := (Nat.log2_up n + 1)%nat in
  let s := float_over (pairwise n) x y in
  (1 <= n)%nat -> INR k * u < 1 -> is_finite s = true ->
  Rabs (B2R s - sum n (fun i => B2R (x i) * B2R (y i))) <=
    INR k * u / (1 - INR k * u) * sum n (fun i => Rabs (B2R (x i) * B2R (y i)))
    + INR n * underflow_unit F mode_NE / (1 - INR k * u).
Proof. exact (float_pairwise_error F n x y). Qed.

(* Any order of summation, a tree of height h with one product in each leaf: gamma_(h + 1). *)
Theorem dot_product_any_order F t (x y : nat -> float F) :
  let u := unit_roundoff F mode_NE in
  let k := (height t + 1)%nat in
  let s := float_over t x y in
  INR k * u < 1 -> is_finite s = true ->
  Rabs (B2R s - over t (fun i => B2R (x i) * B2R (y i))) <=
    INR k * u / (1 - INR k * u) * over t (fun i => Rabs (B2R (x i) * B2R (y i)))
    + INR (terms t) * underflow_unit F mode_NE / (1 - INR k * u).
Proof. exact (float_order_error F t x y). Qed.

(* Entries of a narrow format F, products and sum in a format F' of at least twice its digits, as
   binary16 or bfloat16 in binary32: products are exact but for underflow, so one factor less. *)
Theorem wide_dot_product F F' n (x y : nat -> float F') :
  (2 * precision F <= precision F')%Z ->
  (forall i, (i < n)%nat -> stored F (B2R (x i)) /\ stored F (B2R (y i))) ->
  let u := unit_roundoff F' mode_NE in
  let s := float_dot (fun _ => false) n x y in
  INR (n - 1) * u < 1 -> is_finite s = true ->
  Rabs (B2R s - sum n (fun i => B2R (x i) * B2R (y i))) <=
    INR (n - 1) * u / (1 - INR (n - 1) * u) * sum n (fun i => Rabs (B2R (x i) * B2R (y i)))
    + INR n * underflow_unit F' mode_NE / (1 - INR (n - 1) * u).
Proof. exact (wide_dot_error F F' n x y). Qed.

Theorem wide_dot_product_any_order F F' t (x y : nat -> float F') :
  (2 * precision F <= precision F')%Z ->
  (forall i, stored F (B2R (x i)) /\ stored F (B2R (y i))) ->
  let u := unit_roundoff F' mode_NE in
  let h := height t in
  let s := float_over t x y in
  INR h * u < 1 -> is_finite s = true ->
  Rabs (B2R s - over t (fun i => B2R (x i) * B2R (y i))) <=
    INR h * u / (1 - INR h * u) * over t (fun i => Rabs (B2R (x i) * B2R (y i)))
    + INR (terms t) * underflow_unit F' mode_NE / (1 - INR h * u).
Proof. exact (wide_order_error F F' t x y). Qed.

(* Neumaier's sum: what each addition loses is computed, exactly, and added up apart.  A finite result
   is off by at most u |sum a_i| + gamma_(n-1)^2 sum |a_i|: as if computed in twice the digits. *)
Theorem neumaier_sum F n (a : nat -> float F) : (1 < precision F)%Z ->
  let u := unit_roundoff F mode_NE in
  let s := float_compensated_sum n a in
  INR (n - 1) * u < 1 -> is_finite s = true ->
  Rabs (B2R s - sum n (fun i => B2R (a i))) <=
    u * Rabs (sum n (fun i => B2R (a i)))
    + (INR (n - 1) * u / (1 - INR (n - 1) * u)) ^ 2 * sum n (fun i => Rabs (B2R (a i))).
Proof. exact (fun H => float_compensated_sum_error F H n a). Qed.

(* Of rounded products: S the sum of all |x_i y_i|. *)
Theorem neumaier_dot_product F n (x y : nat -> float F) : (1 < precision F)%Z ->
  let u := unit_roundoff F mode_NE in
  let eta := underflow_unit F mode_NE in
  let g := INR (n - 1) * u / (1 - INR (n - 1) * u) in
  let exact := sum n (fun i => B2R (x i) * B2R (y i)) in
  let S := sum n (fun i => Rabs (B2R (x i) * B2R (y i))) in
  let s := float_neumaier n x y in
  INR (n - 1) * u < 1 -> is_finite s = true ->
  Rabs (B2R s - exact) <=
    u * S + u * (Rabs exact + u * S) + g ^ 2 * ((1 + u) * S) + (1 + u + g ^ 2) * (INR n * eta).
Proof. exact (fun H => float_neumaier_error F H n x y). Qed.

(* Dot2: what the products lose is added too. *)
Theorem dot2_dot_product F n (x y : nat -> float F) : (1 < precision F)%Z ->
  let u := unit_roundoff F mode_NE in
  let eta := underflow_unit F mode_NE in
  let g := INR n * u / (1 - INR n * u) in
  let exact := sum n (fun i => B2R (x i) * B2R (y i)) in
  let S := sum n (fun i => Rabs (B2R (x i) * B2R (y i))) in
  let s := float_dot2 n x y in
  INR n * u < 1 -> is_finite s = true ->
  Rabs (B2R s - exact) <= u * Rabs exact + g ^ 2 * S + (1 + 3 * g + g ^ 2) * (INR n * eta).
Proof. exact (fun H => float_dot2_error F H n x y). Qed.

(* The softmax of x, the largest entry x_top taken off first, all others at most D below it.  The
   exponential of the library has relative error at most eps, and alpha more where it underflows.  No
   difference and no sum overflows.  Then the error of a weight p_i is at most

     t / (1 - t) p_i + alpha / (1 - t) + eta,   t = n u + 2 eps + 2 D u + n alpha. *)
Theorem shifted_softmax F (fexp : float F -> float F) n (x : nat -> float F) top D eps alpha i :
  let u := unit_roundoff F mode_NE in
  let t := INR n * u + 2 * eps + 2 * u * D + INR n * alpha in
  let p := softmax n (fun j => B2R (x j)) in
  let computed := float_softmax fexp n x top i in
  (top < n)%nat ->
  (forall j, (j < n)%nat -> B2R (x j) <= B2R (x top) /\ B2R (x top) - B2R (x j) <= D) ->
  (forall y : float F, is_finite y = true -> B2R y <= 0 ->
     0 <= B2R (fexp y) /\ Rabs (B2R (fexp y) - exp (B2R y)) <= eps * exp (B2R y) + alpha) ->
  0 <= eps -> 0 <= alpha -> t < 1 ->
  (forall j, (j < n)%nat -> is_finite (float_shifted x top j) = true) ->
  is_finite (float_Z fexp n x top) = true ->
  (i < n)%nat -> is_finite computed = true ->
  Rabs (B2R computed - p i) <= t / (1 - t) * p i + alpha / (1 - t) + underflow_unit F mode_NE.
Proof. exact (fun Htop Hx => float_softmax_error F fexp n x top D eps alpha i (conj Htop Hx)). Qed.

(* The same entry by entry: in place of 2 D u its own distance from the largest, and the mean M of those
   of all, to first order (x_top - x_i + sum_j p_j (x_top - x_j)) u. *)
Theorem shifted_softmax_entry F (fexp : float F -> float F) n (x : nat -> float F) top eps alpha i :
  let u := unit_roundoff F mode_NE in
  let p := softmax n (fun j => B2R (x j)) in
  let M := sum n (fun j => p j * (/ (1 - u * (B2R (x top) - B2R (x j))) - 1)) in
  let t := INR n * u + 2 * eps + u * (B2R (x top) - B2R (x i)) + M + INR n * alpha in
  let computed := float_softmax fexp n x top i in
  (top < n)%nat -> (forall j, (j < n)%nat -> B2R (x j) <= B2R (x top)) ->
  (forall j, (j < n)%nat -> u * (B2R (x top) - B2R (x j)) < 1) ->
  (forall y : float F, is_finite y = true -> B2R y <= 0 ->
     0 <= B2R (fexp y) /\ Rabs (B2R (fexp y) - exp (B2R y)) <= eps * exp (B2R y) + alpha) ->
  0 <= eps -> 0 <= alpha -> t < 1 ->
  (forall j, (j < n)%nat -> is_finite (float_shifted x top j) = true) ->
  is_finite (float_Z fexp n x top) = true ->
  (i < n)%nat -> is_finite computed = true ->
  Rabs (B2R computed - p i) <= t / (1 - t) * p i + alpha / (1 - t) + underflow_unit F mode_NE.
Proof. exact (float_softmax_entry_error F fexp n x top eps alpha i). Qed.

(* The same in every direction of rounding, where no step overflows; e_j are the answers of the library
   for the exponentials of the rounded differences. *)
Theorem shifted_softmax_any_rounding F (m : mode) n (x e : nat -> R) top eps alpha i :
  let u := unit_roundoff F m in
  let rnd := rounded F m in
  let p := softmax n x in
  let M := sum n (fun j => p j * (/ (1 - u * (x top - x j)) - 1)) in
  let t := INR n * u + 2 * eps + u * (x top - x i) + M + INR n * alpha in
  0 <= eps -> 0 <= alpha -> (forall j, (j < n)%nat -> stored F (x j)) ->
  (top < n)%nat -> (forall j, (j < n)%nat -> x j <= x top) ->
  (forall j, (j < n)%nat -> u * (x top - x j) < 1) ->
  (forall j, (j < n)%nat -> stored F (e j) /\ 0 <= e j /\
     Rabs (e j - exp (rnd (x j - x top))) <= eps * exp (rnd (x j - x top)) + alpha) ->
  t < 1 -> (i < n)%nat ->
  Rabs (rnd (e i / computed_sum rnd n e) - p i) <=
    t / (1 - t) * p i + alpha / (1 - t) + underflow_unit F m.
Proof. exact (softmax_entry_error (ieee_arithmetic F m) n top x e i). Qed.

(* Such exponentials exist: the exact one, rounded once, has eps = u and alpha = eta. *)
Theorem accurate_exponential F : exists fexp : float F -> float F,
  forall y : float F, is_finite y = true -> B2R y <= 0 ->
    0 <= B2R (fexp y) /\ Rabs (B2R (fexp y) - exp (B2R y)) <=
      unit_roundoff F mode_NE * exp (B2R y) + underflow_unit F mode_NE.
Proof. exact (ex_intro _ (ideal_exp F) (ideal_exp_accurate F)). Qed.

(* One coordinate of a row of attention, o = sum_j p_j v_j, p = softmax (x), x_j = C q.k_j, from
   floating-point q, k_j, v and a scale c with relative error at most rho: scores (fused or not), scale,
   shifted softmax with any exponential as above, weighted sum.  A bounds all sum_i |q_i k_ji|, and D
   the distance of two exact logits.  No difference, no sum and not the result overflows.  Then

     |computed - o| <= (T sum_j p_j |v_j| + (alpha + eta) sum_j |v_j| + n eta) / (1 - T),

     g = (d + 1) u + rho,   sigma = |C| (g A + d eta) / (1 - g) + eta   (the error of a logit),
     T = 2 n u + 2 eps + n alpha + 2 u (D + 2 sigma) + 2 sigma,   g and T below 1. *)
Theorem attention_row F (fexp : float F -> float F) (fused fused' : nat -> bool) n d top
    (c : float F) (q : nat -> float F) (K : nat -> nat -> float F) (v : nat -> float F)
    C rho A D eps alpha :
  let u := unit_roundoff F mode_NE in
  let eta := underflow_unit F mode_NE in
  let x := fun j => C * sum d (fun i => B2R (q i) * B2R (K j i)) in
  let p := softmax n x in
  let g := INR (d + 1) * u + rho in
  let sigma := Rabs C * ((g * A + INR d * eta) / (1 - g)) + eta in
  let T := 2 * INR n * u + 2 * eps + INR n * alpha + 2 * u * (D + 2 * sigma) + 2 * sigma in
  let xc := float_logit fused d c q K in
  let computed := float_row fexp fused' n xc top v in
  Rabs (B2R c - C) <= rho * Rabs C -> 0 <= rho ->
  (forall j, (j < n)%nat -> sum d (fun i => Rabs (B2R (q i) * B2R (K j i))) <= A) ->
  (forall i j, (i < n)%nat -> (j < n)%nat -> x i - x j <= D) ->
  (top < n)%nat -> (forall j, (j < n)%nat -> B2R (xc j) <= B2R (xc top)) ->
  (forall y : float F, is_finite y = true -> B2R y <= 0 ->
     0 <= B2R (fexp y) /\ Rabs (B2R (fexp y) - exp (B2R y)) <= eps * exp (B2R y) + alpha) ->
  0 <= eps -> 0 <= alpha -> g < 1 -> T < 1 ->
  (forall j, (j < n)%nat -> is_finite (float_shifted xc top j) = true) ->
  is_finite (float_Z fexp n xc top) = true ->
  is_finite computed = true ->
  Rabs (B2R computed - sum n (fun j => p j * B2R (v j))) <=
    (T * sum n (fun j => p j * Rabs (B2R (v j)))
     + (alpha + eta) * sum n (fun j => Rabs (B2R (v j))) + INR n * eta) / (1 - T).
Proof. exact (float_row_error F fexp fused fused' n d top c q K v C rho A D eps alpha). Qed.

(* What a change of all logits by at most sigma does to the exact softmax. *)
Theorem softmax_of_perturbed_logits n (x y : nat -> R) sigma i :
  (i < n)%nat -> 2 * sigma < 1 -> (forall j, (j < n)%nat -> Rabs (y j - x j) <= sigma) ->
  (1 - 2 * sigma) * softmax n x i <= softmax n y i <= / (1 - 2 * sigma) * softmax n x i.
Proof. exact (softmax_perturbed n x y sigma i). Qed.

(* Rounding to nearest leaves the range of a format from half a unit above its largest number on: from
   65520 in binary16. *)
Theorem threshold_binary16 : overflow_threshold binary16 = 65520.
Proof. exact threshold_of_binary16. Qed.

(* A sum or product of finite numbers is finite exactly below that threshold. *)
Theorem sum_overflows F (x y : float F) : is_finite x = true -> is_finite y = true ->
  (is_finite (add x y) = true <-> Rabs (B2R x + B2R y) < overflow_threshold F).
Proof. exact (add_finite_exactly F x y). Qed.

Theorem product_overflows F (x y : float F) : is_finite x = true -> is_finite y = true ->
  (is_finite (mul x y) = true <-> Rabs (B2R x * B2R y) < overflow_threshold F).
Proof. exact (mul_finite_exactly F x y). Qed.

(* The exponential, correctly rounded, of a score s overflows exactly from ln of that threshold on; with
   the largest score taken off first it is never more than 1. *)
Theorem exponential_overflows F s :
  bpow radix2 (range F) <= rounded F mode_NE (exp s) <-> ln (overflow_threshold F) <= s.
Proof. exact (exp_overflows F s). Qed.

Theorem shifted_exponential_stays F s m : s <= m -> rounded F mode_NE (exp (s - m)) <= 1.
Proof. exact (shifted_exp_stays F s m). Qed.
