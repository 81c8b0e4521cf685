(* Dot.v -- forward error of sums and dot products computed one term after the other, with and
   without fused multiply-add, and in any other order.  *)
Require Import Reals Lra Lia Psatz Arith.
From Qkcheck.base Require Import Sum.
From Qkcheck.fp Require Import Arithmetic.
Open Scope R_scope.

Definition dot n (x y : nat -> R) : R := sum n (fun i => x i * y i).
Definition absdot n (x y : nat -> R) : R := sum n (fun i => Rabs (x i * y i)).

Lemma absdot_nonneg n x y : 0 <= absdot n x y.
Proof. apply sum_nonneg. intros. apply Rabs_pos. Qed.

Lemma dot_le_absdot n x y : Rabs (dot n x y) <= absdot n x y.
Proof. apply sum_Rabs. Qed.

Section Computed.
Variable rnd : R -> R.

(** s = 0; for (i = 0; i < n; i++) s = s + a[i]; *)
Fixpoint computed_sum (n : nat) (a : nat -> R) : R :=
  match n with O => 0 | S m => rnd (computed_sum m a + a m) end.

Lemma computed_sum_ext n a b : (forall i, (i < n)%nat -> a i = b i) ->
  computed_sum n a = computed_sum n b.
Proof.
  intros H. induction n as [|n IH]; [reflexivity|]. cbn [computed_sum].
  rewrite H by lia. rewrite IH; [reflexivity|]. intros. apply H. lia.
Qed.

(** One step of a dot product.  Compilers may fuse some steps and not others, so which are fused is
    a function of the step. *)
Definition multiply_add (fused : bool) (s x y : R) : R :=
  if fused then rnd (s + x * y) else rnd (s + rnd (x * y)).

(** s = 0; for (i = 0; i < n; i++) s = s + x[i] * y[i], or s = fma (x[i], y[i], s); *)
Fixpoint computed_dot (fused : nat -> bool) (n : nat) (x y : nat -> R) : R :=
  match n with O => 0 | S m => multiply_add (fused m) (computed_dot fused m x y) (x m) (y m) end.

Lemma computed_dot_ext fused n x x' y : (forall i, (i < n)%nat -> x i = x' i) ->
  computed_dot fused n x y = computed_dot fused n x' y.
Proof.
  intros H. induction n as [|n IH]; [reflexivity|]. cbn [computed_dot].
  rewrite H by lia. rewrite IH; [reflexivity|]. intros. apply H. lia.
Qed.

(** Any order of summation is a binary tree with one product per leaf. *)
Inductive order : Type :=
  | Term : nat -> order
  | Plus : order -> order -> order.

Fixpoint height (t : order) : nat :=
  match t with Term _ => 0 | Plus l r => S (Nat.max (height l) (height r)) end.

Fixpoint terms (t : order) : nat :=
  match t with Term _ => 1 | Plus l r => terms l + terms r end.

(** The sum of f over the terms of the tree. *)
Fixpoint over (t : order) (f : nat -> R) : R :=
  match t with Term i => f i | Plus l r => over l f + over r f end.

Fixpoint computed_over (t : order) (x y : nat -> R) : R :=
  match t with
  | Term i => rnd (x i * y i)
  | Plus l r => rnd (computed_over l x y + computed_over r x y)
  end.
End Computed.

Section Errors.
Context {format : R -> Prop} {rnd : R -> R} {u eta : R}.
Hypothesis A : arithmetic format rnd u eta.

Let u0 : 0 <= u := unit_nonneg _ _ _ _ A.
Let eta0 : 0 <= eta := underflow_nonneg _ _ _ _ A.

(** ** Sums of stored numbers *)

Lemma computed_sum_format n a : format (computed_sum rnd n a).
Proof. destruct n; cbn; [apply (format_0 _ _ _ _ A)|apply (format_rnd _ _ _ _ A)]. Qed.

(** The first addition, 0 + a_0, is exact: so n - 1 factors and not n. *)
Lemma computed_sum_1 a : format (a 0%nat) -> computed_sum rnd 1 a = a 0%nat.
Proof. intros Ha. cbn. rewrite Rplus_0_l. apply (rnd_format _ _ _ _ A), Ha. Qed.

Theorem sum_error n a : (forall i, (i < n)%nat -> format (a i)) ->
  Rabs (computed_sum rnd n a - sum n a) <= ((1 + u) ^ (n - 1) - 1) * sum n (fun i => Rabs (a i)).
Proof.
  intros Fa. induction n as [|n IH]; [cbn; rewrite Rminus_0_r, Rabs_R0; lra|].
  destruct n as [|n].
  { rewrite computed_sum_1 by (apply Fa; lia). cbn. rewrite Rplus_0_l.
    unfold Rminus. rewrite Rplus_opp_r, Rabs_R0. lra. }
  specialize (IH ltac:(intros; apply Fa; lia)).
  replace (S (S n) - 1)%nat with (S (S n - 1)) by lia.
  set (m := S n) in *. cbn [computed_sum sum pow].
  pose proof (pow_ge_1 u (m - 1) u0). pose proof (Rabs_pos (a m)).
  set (G := (1 + u) ^ (m - 1)) in *. set (S := sum m (fun i => Rabs (a i))) in *.
  pose proof (sum_Rabs m a) as HS. fold S in HS.
  eapply Rle_trans; [apply (rnd_add_after A _ _ _ ((G - 1) * S) (S + Rabs (a m)))|].
  - apply computed_sum_format.
  - apply Fa. unfold m. lia.
  - replace (computed_sum rnd m a + a m - (sum m a + a m))
      with (computed_sum rnd m a - sum m a) by ring.
    exact IH.
  - eapply Rle_trans; [apply Rabs_triang|]. lra.
  - assert (u * Rabs (a m) <= ((1 + u) * G - 1) * Rabs (a m)) by (apply Rmult_le_compat_r; nra).
    nra.
Qed.

(** For terms of one sign the error is relative. *)
Theorem sum_nonneg_between n a : u <= 1 -> (forall i, (i < n)%nat -> format (a i) /\ 0 <= a i) ->
  (1 - u) ^ (n - 1) * sum n a <= computed_sum rnd n a <= (1 + u) ^ (n - 1) * sum n a.
Proof.
  intros Hu Ha. induction n as [|n IH]; [cbn; lra|]. destruct n as [|n].
  { rewrite computed_sum_1 by (apply Ha; lia). cbn. lra. }
  specialize (IH ltac:(intros; apply Ha; lia)).
  replace (S (S n) - 1)%nat with (S (S n - 1)) by lia.
  set (m := S n) in *. cbn [computed_sum sum pow].
  destruct (Ha m ltac:(unfold m; lia)) as [Fm Pm].
  assert (HS : 0 <= sum m a) by (apply sum_nonneg; intros; apply Ha; unfold m in *; lia).
  set (k := (m - 1)%nat) in *.
  pose proof (pow_incr (1 - u) 1 k ltac:(lra)) as L1. rewrite pow1 in L1.
  assert (L0 : 0 <= (1 - u) ^ k) by (apply pow_le; lra).
  pose proof (pow_ge_1 u k u0) as U1.
  assert (Hz : 0 <= computed_sum rnd m a + a m) by nra.
  pose proof (rnd_add_error _ _ _ _ A _ _ (computed_sum_format m a) Fm) as E.
  rewrite (Rabs_pos_eq _ Hz) in E. apply Rabs_between in E.
  split.
  - apply Rle_trans with ((1 - u) * (computed_sum rnd m a + a m)); [|lra].
    rewrite Rmult_assoc. apply Rmult_le_compat_l; nra.
  - apply Rle_trans with ((1 + u) * (computed_sum rnd m a + a m)); [lra|].
    rewrite Rmult_assoc. apply Rmult_le_compat_l; nra.
Qed.

(** ** Dot products, one term after the other *)

Lemma computed_dot_format fused n x y : format (computed_dot rnd fused n x y).
Proof.
  destruct n; cbn; [apply (format_0 _ _ _ _ A)|].
  unfold multiply_add. destruct (fused n); apply (format_rnd _ _ _ _ A).
Qed.

(** A step whose running sum is off by b ends off by this much, fused or not. *)
Lemma multiply_add_error fused s x y t b B : format s -> Rabs (s - t) <= b -> Rabs t <= B ->
  Rabs (multiply_add rnd fused s x y - (t + x * y)) <=
    (1 + u) * b + u * B + ((1 + u) * (1 + u) - 1) * Rabs (x * y) + (1 + u) * eta.
Proof.
  intros Fs Hb HB. set (p := x * y). pose proof (Rabs_pos p) as Hp.
  assert (Ht : Rabs (t + p) <= B + Rabs p) by (eapply Rle_trans; [apply Rabs_triang|]; lra).
  unfold multiply_add. fold p. destruct fused.
  - eapply Rle_trans; [apply (rnd_after A _ _ b (B + Rabs p))|]; [|exact Ht|nra].
    replace (s + p - (t + p)) with (s - t) by ring. exact Hb.
  - eapply Rle_trans; [apply (rnd_add_after A _ _ _ (b + (u * Rabs p + eta)) (B + Rabs p))|];
      [exact Fs| | |exact Ht|nra].
    + apply (format_rnd _ _ _ _ A).
    + replace (s + rnd p - (t + p)) with ((s - t) + (rnd p - p)) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. pose proof (rnd_error _ _ _ _ A p). lra.
Qed.

(** The first step adds to 0 and costs one rounding only. *)
Lemma multiply_add_0 fused x y :
  Rabs (multiply_add rnd fused 0 x y - x * y) <= u * Rabs (x * y) + eta.
Proof.
  unfold multiply_add. destruct fused; rewrite Rplus_0_l.
  - apply (rnd_error _ _ _ _ A).
  - rewrite (rnd_format _ _ _ _ A _ (format_rnd _ _ _ _ A _)). apply (rnd_error _ _ _ _ A).
Qed.

Theorem dot_error_power fused n x y :
  Rabs (computed_dot rnd fused n x y - dot n x y) <=
    ((1 + u) ^ n - 1) * absdot n x y + INR n * (1 + u) ^ n * eta.
Proof.
  induction n as [|n IH]; [cbn; rewrite Rminus_0_r, Rabs_R0; lra|].
  destruct n as [|n].
  { unfold dot, absdot. cbn. rewrite !Rplus_0_l.
    pose proof (multiply_add_0 (fused 0%nat) (x 0%nat) (y 0%nat)). nra. }
  set (m := S n) in *. change (computed_dot rnd fused (S m) x y)
    with (multiply_add rnd (fused m) (computed_dot rnd fused m x y) (x m) (y m)).
  unfold dot, absdot. cbn [sum]. fold (dot m x y) (absdot m x y).
  eapply Rle_trans; [apply (multiply_add_error _ _ _ _ _ _ _ (computed_dot_format _ _ _ _) IH
    (dot_le_absdot m x y))|].
  rewrite S_INR. cbn [pow]. pose proof (pos_INR m).
  assert (HG : 1 + u <= (1 + u) ^ m).
  { unfold m. cbn [pow]. pose proof (pow_ge_1 u n u0). nra. }
  pose proof (absdot_nonneg m x y). pose proof (Rabs_pos (x m * y m)).
  set (G := (1 + u) ^ m) in *. set (p := Rabs (x m * y m)) in *. set (a := absdot m x y) in *.
  assert (((1 + u) * (1 + u) - 1) * p <= ((1 + u) * G - 1) * p) by (apply Rmult_le_compat_r; nra).
  assert ((1 + u) * eta <= (1 + u) * G * eta) by (apply Rmult_le_compat_r; nra).
  nra.
Qed.

(** From powers to gamma_n, for the two terms at once. *)
Lemma power_to_gamma n k a : 0 <= a -> INR n * u < 1 ->
  ((1 + u) ^ n - 1) * a + INR k * (1 + u) ^ n * eta
    <= gamma u n * a + INR k * eta / (1 - INR n * u).
Proof.
  intros Ha Hn. apply Rplus_le_compat.
  - apply Rmult_le_compat_r; [exact Ha|]. apply gamma_bound; assumption.
  - unfold Rdiv. rewrite !Rmult_assoc. apply Rmult_le_compat_l; [apply pos_INR|].
    rewrite Rmult_comm. apply Rmult_le_compat_l; [exact eta0|]. apply pow_1_plus; assumption.
Qed.

(** |computed - x.y| <= gamma_n sum |x_i y_i| + underflow (Higham 2002, section 3.1). *)
Theorem dot_error fused n x y : INR n * u < 1 ->
  Rabs (computed_dot rnd fused n x y - dot n x y) <=
    gamma u n * absdot n x y + INR n * eta / (1 - INR n * u).
Proof.
  intros Hn. eapply Rle_trans; [apply dot_error_power|].
  apply power_to_gamma; [apply absdot_nonneg|exact Hn].
Qed.

(** Products that are rounded only where they underflow, as those of narrow formats in a wide one:
    one factor less. *)
Theorem dot_error_wide_products n x y :
  (forall i, (i < n)%nat -> Rabs (rnd (x i * y i) - x i * y i) <= eta) -> INR (n - 1) * u < 1 ->
  Rabs (computed_dot rnd (fun _ => false) n x y - dot n x y) <=
    gamma u (n - 1) * absdot n x y + INR n * eta / (1 - INR (n - 1) * u).
Proof.
  intros Hp Hn. set (a := fun i => rnd (x i * y i)).
  assert (E : computed_dot rnd (fun _ => false) n x y = computed_sum rnd n a).
  { clear. induction n as [|n IH]; [reflexivity|]. cbn [computed_dot computed_sum].
    unfold multiply_add. rewrite IH. reflexivity. }
  rewrite E. pose proof (sum_error n a (fun i _ => format_rnd _ _ _ _ A _)) as B.
  assert (Ha : Rabs (sum n a - dot n x y) <= INR n * eta).
  { unfold dot. rewrite <- sum_minus, <- sum_const.
    eapply Rle_trans; [apply sum_Rabs|]. apply sum_le. exact Hp. }
  assert (Hs : sum n (fun i => Rabs (a i)) <= absdot n x y + INR n * eta).
  { unfold absdot. rewrite <- sum_const, <- sum_plus. apply sum_le. intros i Hi.
    replace (a i) with (x i * y i + (a i - x i * y i)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat_l, Hp, Hi. }
  eapply Rle_trans; [|apply (power_to_gamma (n - 1) n); [apply absdot_nonneg|exact Hn]].
  pose proof (pow_ge_1 u (n - 1) u0). set (G := (1 + u) ^ (n - 1)) in *.
  replace (computed_sum rnd n a - dot n x y)
    with ((computed_sum rnd n a - sum n a) + (sum n a - dot n x y)) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  assert ((G - 1) * sum n (fun i => Rabs (a i)) <= (G - 1) * (absdot n x y + INR n * eta))
    by (apply Rmult_le_compat_l; lra). lra.
Qed.

(** ** In any order *)

Lemma computed_over_format t x y : format (computed_over rnd t x y).
Proof. destruct t; apply (format_rnd _ _ _ _ A). Qed.

Lemma over_nonneg t f : (forall i, 0 <= f i) -> 0 <= over t f.
Proof. intros Hf. induction t; cbn; [apply Hf|lra]. Qed.

Lemma over_Rabs t f : Rabs (over t f) <= over t (fun i => Rabs (f i)).
Proof. induction t; cbn; [lra|]. eapply Rle_trans; [apply Rabs_triang|]. lra. Qed.

(** w is the relative error of products: u, or 0 where they are exact. *)
Lemma order_error_power w t x y : 0 <= w ->
  (forall i, Rabs (rnd (x i * y i) - x i * y i) <= w * Rabs (x i * y i) + eta) ->
  Rabs (computed_over rnd t x y - over t (fun i => x i * y i)) <=
    ((1 + w) * (1 + u) ^ height t - 1) * over t (fun i => Rabs (x i * y i))
    + INR (terms t) * ((1 + w) * (1 + u) ^ height t) * eta.
Proof.
  intros Hw Hp. set (f := fun i => x i * y i). set (g := fun i => Rabs (x i * y i)).
  assert (Hg : forall i, 0 <= g i) by (intros; apply Rabs_pos).
  induction t as [i|l IHl r IHr].
  { cbn. specialize (Hp i). pose proof (Rmult_le_pos _ _ Hw eta0). unfold f, g. lra. }
  cbn [computed_over over terms height]. rewrite plus_INR.
  pose proof (over_nonneg l g Hg). pose proof (over_nonneg r g Hg).
  pose proof (over_Rabs l f : _ <= over l g). pose proof (over_Rabs r f : _ <= over r g).
  pose proof (pos_INR (terms l)). pose proof (pos_INR (terms r)).
  set (h := Nat.max (height l) (height r)). set (G := (1 + w) * (1 + u) ^ h).
  assert (up : forall k, (k <= h)%nat -> (1 + w) * (1 + u) ^ k <= G).
  { intros k Hk. apply Rmult_le_compat_l; [lra|]. apply Rle_pow; [lra|exact Hk]. }
  (* both sides to the larger height *)
  assert (weaken : forall a k g' e, 0 <= a -> 0 <= k -> g' <= G ->
    e <= (g' - 1) * a + k * g' * eta -> e <= (G - 1) * a + k * G * eta).
  { intros a k g' e Ha Hk Hg' He. eapply Rle_trans; [exact He|]. apply Rplus_le_compat.
    - apply Rmult_le_compat_r; lra.
    - apply Rmult_le_compat_r, Rmult_le_compat_l; assumption. }
  apply (weaken (over l g) (INR (terms l))) in IHl; [|try assumption..|apply up; lia].
  apply (weaken (over r g) (INR (terms r))) in IHr; [|try assumption..|apply up; lia].
  eapply Rle_trans; [apply (rnd_add_after A _ _ _
    ((G - 1) * (over l g + over r g) + (INR (terms l) + INR (terms r)) * G * eta)
    (over l g + over r g))|].
  - apply computed_over_format.
  - apply computed_over_format.
  - replace (computed_over rnd l x y + computed_over rnd r x y - (over l f + over r f)) with
      ((computed_over rnd l x y - over l f) + (computed_over rnd r x y - over r f)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. lra.
  - eapply Rle_trans; [apply Rabs_triang|]. lra.
  - cbn [pow].
    replace ((1 + w) * ((1 + u) * (1 + u) ^ h)) with ((1 + u) * G) by (unfold G; ring).
    right. ring.
Qed.

(** n products summed in an order of height h: gamma_(h + 1). *)
Theorem order_error t k x y : (height t + 1 <= k)%nat -> INR k * u < 1 ->
  Rabs (computed_over rnd t x y - over t (fun i => x i * y i)) <=
    gamma u k * over t (fun i => Rabs (x i * y i)) + INR (terms t) * eta / (1 - INR k * u).
Proof.
  intros Hk Hn. set (S := over t (fun i => Rabs (x i * y i))).
  assert (HS : 0 <= S) by (apply over_nonneg; intros; apply Rabs_pos).
  eapply Rle_trans; [apply (order_error_power u t x y u0); intros; apply (rnd_error _ _ _ _ A)|].
  eapply Rle_trans; [|apply (power_to_gamma k (terms t)); [exact HS|exact Hn]].
  change ((1 + u) * (1 + u) ^ height t) with ((1 + u) ^ Datatypes.S (height t)).
  assert ((1 + u) ^ Datatypes.S (height t) <= (1 + u) ^ k) by (apply Rle_pow; [lra|lia]).
  pose proof (pos_INR (terms t)). apply Rplus_le_compat; repeat apply Rmult_le_compat_r; try lra.
  apply Rmult_le_compat_l; assumption.
Qed.

(** With products that are exact but for underflow: gamma_h. *)
Theorem order_error_wide t k x y : (height t <= k)%nat -> INR k * u < 1 ->
  (forall i, Rabs (rnd (x i * y i) - x i * y i) <= eta) ->
  Rabs (computed_over rnd t x y - over t (fun i => x i * y i)) <=
    gamma u k * over t (fun i => Rabs (x i * y i)) + INR (terms t) * eta / (1 - INR k * u).
Proof.
  intros Hk Hn Hp. set (S := over t (fun i => Rabs (x i * y i))).
  assert (HS : 0 <= S) by (apply over_nonneg; intros; apply Rabs_pos).
  eapply Rle_trans; [apply (order_error_power 0 t x y); [lra|intros; specialize (Hp i); lra]|].
  eapply Rle_trans; [|apply (power_to_gamma k (terms t)); [exact HS|exact Hn]].
  rewrite Rplus_0_r, Rmult_1_l.
  assert ((1 + u) ^ height t <= (1 + u) ^ k) by (apply Rle_pow; [lra|lia]).
  pose proof (pos_INR (terms t)). apply Rplus_le_compat; repeat apply Rmult_le_compat_r; try lra.
  apply Rmult_le_compat_l; assumption.
Qed.
End Errors.

(** ** Pairwise: halves, halves of halves, ... *)

(** The n terms from the i-th on, in at most [levels] levels. *)
Fixpoint halves (levels i n : nat) : order :=
  match levels with
  | O => Term i
  | S k => if (n <=? 1)%nat then Term i
           else Plus (halves k i (n / 2)) (halves k (i + n / 2) (n - n / 2))
  end.

Definition pairwise (n : nat) : order := halves (Nat.log2_up n) 0 n.

Lemma halves_height k i n : (height (halves k i n) <= k)%nat.
Proof.
  revert i n. induction k as [|k IH]; intros i n; cbn [halves]; [cbn; lia|].
  destruct (n <=? 1)%nat; cbn [height]; [lia|].
  pose proof (IH i (n / 2)%nat). pose proof (IH (i + n / 2)%nat (n - n / 2)%nat). lia.
Qed.

Lemma sum_split n m f : sum (n + m) f = sum n f + sum m (fun j => f (n + j)%nat).
Proof.
  induction m as [|m IH]; [rewrite Nat.add_0_r; cbn; lra|].
  rewrite Nat.add_succ_r. cbn. rewrite IH. lra.
Qed.

(** All terms are there, each once. *)
Lemma halves_over k i n f : (1 <= n <= 2 ^ k)%nat ->
  over (halves k i n) f = sum n (fun j => f (i + j)%nat) /\ terms (halves k i n) = n.
Proof.
  revert i n. induction k as [|k IH]; intros i n Hn; cbn [halves].
  { assert (n = 1)%nat as -> by (cbn in Hn; lia). cbn. rewrite Nat.add_0_r.
    split; [lra|reflexivity]. }
  destruct (Nat.leb_spec n 1).
  { assert (n = 1)%nat as -> by lia. cbn. rewrite Nat.add_0_r. split; [lra|reflexivity]. }
  cbn [Nat.pow] in Hn. set (h := (n / 2)%nat).
  assert (Hh : (2 * h <= n <= 2 * h + 1)%nat).
  { pose proof (Nat.div_mod n 2 ltac:(lia)). pose proof (Nat.mod_upper_bound n 2 ltac:(lia)).
    unfold h. lia. }
  destruct (IH i h ltac:(lia)) as [Ol Tl].
  destruct (IH (i + h)%nat (n - h)%nat ltac:(lia)) as [Or Tr].
  cbn [over terms]. rewrite Ol, Or, Tl, Tr. split; [|lia].
  replace n with (h + (n - h))%nat at 2 by lia. rewrite sum_split. f_equal.
  apply sum_ext. intros. f_equal. lia.
Qed.

(** The n products of a dot product, pairwise. *)
Lemma pairwise_terms n f : (1 <= n)%nat ->
  over (pairwise n) f = sum n f /\ terms (pairwise n) = n /\
  (height (pairwise n) <= Nat.log2_up n)%nat.
Proof.
  intros Hn. assert (Hpow : (1 <= n <= 2 ^ Nat.log2_up n)%nat).
  { destruct (Nat.eq_dec n 1) as [->|]; [cbn; lia|]. pose proof (Nat.log2_up_spec n). lia. }
  destruct (halves_over (Nat.log2_up n) 0 n f Hpow) as [O T].
  repeat split; [exact O|exact T|apply halves_height].
Qed.

Section PairwiseError.
Context {format : R -> Prop} {rnd : R -> R} {u eta : R}.
Hypothesis A : arithmetic format rnd u eta.

(** gamma of the number of levels and one for the product. *)
Theorem pairwise_error n x y : (1 <= n)%nat -> let k := (Nat.log2_up n + 1)%nat in INR k * u < 1 ->
  Rabs (computed_over rnd (pairwise n) x y - dot n x y) <=
    gamma u k * absdot n x y + INR n * eta / (1 - INR k * u).
Proof.
  intros Hn k Hk.
  destruct (pairwise_terms n (fun i => x i * y i) Hn) as (O & T & H).
  destruct (pairwise_terms n (fun i => Rabs (x i * y i)) Hn) as (O' & _).
  pose proof (order_error A (pairwise n) k x y ltac:(unfold k; lia) Hk) as E.
  rewrite O, O', T in E. exact E.
Qed.
End PairwiseError.
