(* Training.v -- floors that no training crosses, how near they can be reached, and what the scale of
   the scores is to gradient descent.

   A task has V queries and n keys.  C a says which keys are candidates of query a, t a is the one that
   it is to find, s a b is a score.  The softmax is taken over the candidates, and a query is right when
   its key has strictly the largest score among them: ties are not right.  *)
Require Import Reals Lra Lia Psatz Arith List Bool FunctionalExtensionality.
From Qkcheck.base Require Import Sum Linear Softmax Shared Heads Additive.
Import ListNotations.
Open Scope R_scope.

(** ** Right or wrong, and the loss *)

(* The weight of key i among the candidates C. *)
Definition among (n : nat) (C : nat -> bool) (x : nat -> R) (i : nat) : R :=
  exp (x i) / sum n (fun j => if C j then exp (x j) else 0).

(* Key i has strictly the largest score among the candidates C. *)
Fixpoint highest (n : nat) (C : nat -> bool) (x : nat -> R) (i : nat) : bool :=
  match n with
  | O => true
  | S m => highest m C x i && (negb (C m) || (m =? i) || if Rlt_dec (x m) (x i) then true else false)
  end.

(* The mean of -ln p over the V queries, and the share of those that are right. *)
Definition log_loss (V : nat) (p : nat -> nat -> R) (t : nat -> nat) : R :=
  sum V (fun a => - ln (p a (t a))) / INR V.
Definition accuracy (V n : nat) (C : nat -> nat -> bool) (s : nat -> nat -> R) (t : nat -> nat) : R :=
  sum V (fun a => if highest n (C a) (s a) (t a) then 1 else 0) / INR V.

(* Candidates: all keys, or all but the query itself. *)
Definition all (_ _ : nat) : bool := true.
Definition others (a b : nat) : bool := negb (a =? b).

Lemma highest_spec n C x i : highest n C x i = true <->
  forall j, (j < n)%nat -> C j = true -> j <> i -> x j < x i.
Proof.
  induction n as [|n IH]; cbn; [split; [lia|reflexivity]|].
  rewrite andb_true_iff, IH, !orb_true_iff, negb_true_iff, Nat.eqb_eq. split.
  - intros [H1 H2] j Hj Hc Hne. destruct (Nat.eq_dec j n) as [->|]; [|apply H1; auto; lia].
    destruct H2 as [[H2|H2]|H2]; [congruence|contradiction|]. now destruct (Rlt_dec (x n) (x i)).
  - intros H. split; [intros; apply H; auto|].
    destruct (C n) eqn:E; [|left; left; reflexivity]. destruct (Nat.eq_dec n i); [left; right; assumption|].
    right. destruct (Rlt_dec (x n) (x i)) as [|N]; [reflexivity|]. exfalso. apply N, H; auto.
Qed.

Lemma among_pos n C x i : (i < n)%nat -> C i = true -> 0 < among n C x i.
Proof.
  intros Hi HC. apply Rdiv_lt_0_compat; [apply exp_pos|].
  apply Rlt_le_trans with (if C i then exp (x i) else 0); [rewrite HC; apply exp_pos|].
  apply (sum_ge_term n (fun j => if C j then exp (x j) else 0)); [exact Hi|].
  intros k _. destruct (C k); [left; apply exp_pos|lra].
Qed.

(* With another candidate k: at most what it would be with these two alone. *)
Lemma among_two n C x i k : (i < n)%nat -> (k < n)%nat -> i <> k -> C i = true -> C k = true ->
  among n C x i <= / (1 + exp (- (x i - x k))).
Proof.
  intros Hi Hk Hne Ci Ck. set (D := sum n (fun j => if C j then exp (x j) else 0)).
  pose proof (exp_pos (x i)) as Pi. pose proof (exp_pos (x k)) as Pk.
  assert (HD : exp (x i) + exp (x k) <= D).
  { rewrite <- (sum_delta n i (fun j => exp (x j)) Hi), <- (sum_delta n k (fun j => exp (x j)) Hk).
    rewrite <- sum_plus. apply sum_le; intros j Hj. unfold delta. pose proof (exp_pos (x j)).
    destruct (Nat.eqb_spec j i) as [E|E]; destruct (Nat.eqb_spec j k) as [F|F].
    - exfalso. congruence.
    - rewrite E, Ci. lra.
    - rewrite F, Ck. lra.
    - destruct (C j); lra. }
  replace (- (x i - x k)) with (x k + - x i) by ring. rewrite exp_plus, exp_Ropp.
  replace (/ (1 + exp (x k) * / exp (x i))) with (exp (x i) / (exp (x i) + exp (x k))) by (field; lra).
  unfold among. fold D. apply Rmult_le_compat_l; [lra|]. apply Rinv_le_contravar; lra.
Qed.

Lemma at_most_one V (f : nat -> bool) :
  (forall a b, (a < V)%nat -> (b < V)%nat -> f a = true -> f b = true -> a = b) ->
  sum V (fun a => if f a then 1 else 0) <= 1.
Proof.
  induction V as [|V IH]; intros H; cbn; [lra|]. destruct (f V) eqn:E.
  - rewrite sum_zero; [lra|]. intros a Ha. destruct (f a) eqn:F; [|reflexivity].
    specialize (H a V ltac:(lia) ltac:(lia) F E). lia.
  - assert (sum V (fun a => if f a then 1 else 0) <= 1) by (apply IH; intros; apply H; auto; lia). lra.
Qed.

Lemma accuracy_le V n C s t r : (0 < V)%nat ->
  sum V (fun a => if highest n (C a) (s a) (t a) then 1 else 0) <= r -> accuracy V n C s t <= r / INR V.
Proof.
  intros HV H. apply Rmult_le_compat_r; [|exact H]. left. apply Rinv_0_lt_compat. now apply lt_0_INR.
Qed.

Lemma accuracy_one V n C s t : (0 < V)%nat ->
  (forall a, (a < V)%nat -> highest n (C a) (s a) (t a) = true) -> accuracy V n C s t = 1.
Proof.
  intros HV H. unfold accuracy. rewrite (sum_ext V _ (fun _ => 1)) by (intros a Ha; now rewrite H).
  rewrite sum_const. apply lt_0_INR in HV. field. lra.
Qed.

(** ** Directed cycles a -> b -> c -> a *)

(* t takes V tokens round in cycles of three. *)
Definition cycles (V : nat) (t : nat -> nat) : Prop :=
  forall a, (a < V)%nat -> (t a < V)%nat /\ t a <> a /\ t (t (t a)) = a.

(* The other two tokens of its cycle are candidates of each token. *)
Definition both_ways (V : nat) (C : nat -> nat -> bool) (t : nat -> nat) : Prop :=
  forall a, (a < V)%nat -> C a (t a) = true /\ C a (t (t a)) = true.

(* A symmetric table, plus what depends on the query alone and on the key alone. *)
Definition symmetric_up_to_biases (s : nat -> nat -> R) : Prop :=
  exists g u v, (forall i j, g i j = g j i) /\ forall i j, s i j = g i j + u i + v j.

(* Scores of shared weights W with a bias for the queries and one for the keys. *)
Definition biased_scores (D d : nat) (c : R) (x W : nat -> nat -> R) (bq bk : nat -> R) (i j : nat) : R :=
  c * sum d (fun l => (project D x W i l + bq l) * (project D x W j l + bk l)).

Theorem shared_biases D d c x W bq bk : symmetric_up_to_biases (biased_scores D d c x W bq bk).
Proof.
  exists (fun i j => c * gram d (project D x W) i j),
    (fun i => c * sum d (fun l => project D x W i l * bk l + bq l * bk l)),
    (fun j => c * sum d (fun l => bq l * project D x W j l)). split.
  - intros i j. now rewrite gram_sym.
  - intros i j. unfold biased_scores, gram. rewrite <- !Rmult_plus_distr_l, <- !sum_plus.
    f_equal. apply sum_ext; intros; ring.
Qed.

Section Cycles.
Variables (V : nat) (C : nat -> nat -> bool) (t : nat -> nat).
Hypothesis V_pos : (0 < V)%nat.
Hypothesis round : cycles V t.
Hypothesis both : both_ways V C t.

Lemma sum_turn f : sum V (fun a => f (t a)) = sum V f.
Proof.
  rewrite (sum_ext V _ (fun a => sum V (fun b => delta b (t a) * f b))).
  - rewrite sum_swap. apply sum_ext; intros b Hb. rewrite sum_scal_r.
    rewrite (sum_ext V _ (fun a => delta a (t (t b)) * 1)).
    + destruct (round b Hb) as (H1 & _). destruct (round _ H1) as (H2 & _).
      rewrite (sum_delta V (t (t b)) (fun _ => 1)) by exact H2. ring.
    + intros a Ha. rewrite Rmult_1_r. unfold delta.
      destruct (Nat.eqb_spec b (t a)) as [E|E]; destruct (Nat.eqb_spec a (t (t b))) as [F|F]; try reflexivity;
        exfalso; [apply F|apply E].
      * rewrite E. symmetry. apply round, Ha.
      * rewrite F. symmetry. apply round, Hb.
  - intros a Ha. rewrite sum_delta; [reflexivity|]. now apply round.
Qed.

Section Scores.
Variable s : nat -> nat -> R.
Hypothesis sym : symmetric_up_to_biases s.

(* By how much the next token of the cycle is scored above the one before. *)
Definition margin (a : nat) : R := s a (t a) - s a (t (t a)).

Lemma margins_of_a_cycle a : (a < V)%nat -> margin a + margin (t a) + margin (t (t a)) = 0.
Proof.
  intros Ha. destruct sym as (g & u & v & Hg & Hs). unfold margin.
  destruct (round a Ha) as (_ & _ & E). rewrite !E, !Hs.
  rewrite (Hg (t a) a), (Hg (t (t a)) a), (Hg (t (t a)) (t a)). ring.
Qed.

Lemma sum_of_a_cycle f : sum V (fun a => f a + f (t a) + f (t (t a))) = 3 * sum V f.
Proof.
  rewrite !sum_plus, (sum_turn f), (sum_turn (fun a => f (t a))), (sum_turn f). ring.
Qed.

Lemma margins : sum V margin = 0.
Proof.
  pose proof (sum_of_a_cycle margin) as H. rewrite (sum_zero V _ margins_of_a_cycle) in H. lra.
Qed.

Lemma cycle_weight a : (a < V)%nat ->
  0 < among V (C a) (s a) (t a) <= / (1 + exp (- margin a)).
Proof.
  intros Ha. destruct (round a Ha) as (H1 & H2 & H3). destruct (round (t a) H1) as (H4 & _).
  destruct (both a Ha) as (B1 & B2).
  split; [now apply among_pos|]. apply among_two; try assumption. intros E. apply H2. congruence.
Qed.

Theorem cycle_log_loss : ln 2 <= log_loss V (fun a => among V (C a) (s a)) t.
Proof.
  apply Rle_trans with (sum V (fun a => ln 2 - / 2 * margin a) / INR V).
  { rewrite sum_minus, sum_const, sum_scal, margins. apply lt_0_INR in V_pos.
    right. field. lra. }
  apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; now apply lt_0_INR|].
  apply sum_le; intros a Ha. destruct (cycle_weight a Ha) as [P L].
  (* 1 + e^-m >= 2 e^(-m/2) *)
  set (h := exp (- (/ 2 * margin a))). assert (Hh : 0 < h) by apply exp_pos.
  assert (E : exp (- margin a) = h * h) by (unfold h; rewrite <- exp_plus; f_equal; field).
  rewrite E in L.
  assert (L2 : among V (C a) (s a) (t a) <= / (2 * h)).
  { eapply Rle_trans; [exact L|]. pose proof (pow2_ge_0 (h - 1)). apply Rinv_le_contravar; lra. }
  apply Rle_trans with (ln (2 * h)).
  - rewrite ln_mult by lra. unfold h. rewrite ln_exp. lra.
  - rewrite <- (Ropp_involutive (ln (2 * h))). apply Ropp_le_contravar. rewrite <- ln_Rinv by lra.
    destruct L2 as [L2|L2]; [left; now apply ln_increasing|right; now rewrite L2].
Qed.

Theorem cycle_accuracy : accuracy V V C s t <= 2 / 3.
Proof.
  set (r := fun a => if highest V (C a) (s a) (t a) then 1 else 0).
  assert (H : 3 * sum V r <= INR V * 2).
  { rewrite <- sum_of_a_cycle, <- (sum_const V 2). apply sum_le; intros a Ha.
    assert (right : forall b, (b < V)%nat -> highest V (C b) (s b) (t b) = true -> 0 < margin b).
    { intros b Hb E. destruct (round b Hb) as (H1 & H2 & H3). destruct (round (t b) H1) as (H4 & H5 & _).
      destruct (both b Hb) as (_ & B).
      apply highest_spec with (j := t (t b)) in E; auto. unfold margin. lra. }
    destruct (round a Ha) as (H1 & _). destruct (round _ H1) as (H2 & _).
    pose proof (margins_of_a_cycle a Ha). pose proof (right _ Ha). pose proof (right _ H1).
    pose proof (right _ H2). unfold r.
    destruct (highest V (C a) (s a) (t a)); destruct (highest V (C (t a)) (s (t a)) (t (t a)));
      destruct (highest V (C (t (t a))) (s (t (t a))) (t (t (t a)))); intuition lra. }
  unfold accuracy. fold r. apply lt_0_INR in V_pos.
  apply Rmult_le_reg_r with (INR V); [exact V_pos|]. unfold Rdiv.
  rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. lra.
Qed.

Lemma three_below_two x y z : 0 < x -> 0 < y -> 0 < z -> x * y * z = 1 ->
  / (1 + x) + / (1 + y) + / (1 + z) <= 2.
Proof.
  intros Hx Hy Hz E.
  replace (/ (1 + x) + / (1 + y) + / (1 + z)) with
    (((1 + y) * (1 + z) + (1 + x) * (1 + z) + (1 + x) * (1 + y)) / ((1 + x) * (1 + y) * (1 + z)))
    by (field; lra).
  assert (0 < (1 + x) * (1 + y) * (1 + z)) by (repeat apply Rmult_lt_0_compat; lra).
  apply Rmult_le_reg_r with ((1 + x) * (1 + y) * (1 + z)); [assumption|]. unfold Rdiv.
  rewrite Rmult_assoc, Rinv_l by lra.
  pose proof (Rmult_lt_0_compat x y Hx Hy). pose proof (Rmult_lt_0_compat y z Hy Hz).
  pose proof (Rmult_lt_0_compat x z Hx Hz). nra.
Qed.

(* One head gives the next tokens weights of mean 2/3 at most. *)
Lemma cycle_mean_weight : 3 * sum V (fun a => among V (C a) (s a) (t a)) <= 2 * INR V.
Proof.
  apply Rle_trans with (3 * sum V (fun a => / (1 + exp (- margin a)))).
  { apply Rmult_le_compat_l; [lra|]. apply sum_le; intros a Ha. now apply cycle_weight. }
  rewrite <- sum_of_a_cycle, Rmult_comm, <- (sum_const V 2). apply sum_le; intros a Ha.
  apply three_below_two; try apply exp_pos. rewrite <- !exp_plus.
  pose proof (margins_of_a_cycle a Ha). rewrite <- exp_0. f_equal. lra.
Qed.
End Scores.

(* ln x <= x/c - 1 + ln c *)
Lemma ln_below_tangent x c : 0 < x -> 0 < c -> ln x <= x / c - 1 + ln c.
Proof.
  intros Hx Hc. assert (0 < x / c) by now apply Rdiv_lt_0_compat.
  replace (ln x) with (ln (x / c * c)) by (f_equal; field; lra). rewrite ln_mult by assumption.
  pose proof (exp_ineq1_le (ln (x / c))) as E. rewrite exp_ln in E by assumption. lra.
Qed.

(* h heads whose weights are mixed: w c = 1/h is their average. *)
Theorem cycle_heads_log_loss h w (s : nat -> nat -> nat -> R) :
  (forall c, (c < h)%nat -> symmetric_up_to_biases (s c)) ->
  (forall c, (c < h)%nat -> 0 <= w c) -> sum h w = 1 ->
  ln (3 / 2) <= log_loss V (fun a b => sum h (fun c => w c * among V (C a) (s c a) b)) t.
Proof.
  intros Hs Hw W1. set (P := fun a => sum h (fun c => w c * among V (C a) (s c a) (t a))).
  assert (HP : forall a, (a < V)%nat -> 0 < P a).
  { intros a Ha. destruct (zero_or_not h w) as [Hz|(c & Hc & Hne)].
    { rewrite sum_zero in W1 by exact Hz. lra. }
    apply Rlt_le_trans with (w c * among V (C a) (s c a) (t a)).
    - pose proof (Hw c Hc). destruct (cycle_weight (s c) a Ha). apply Rmult_lt_0_compat; lra.
    - apply (sum_ge_term h (fun c => w c * among V (C a) (s c a) (t a))); [exact Hc|]. intros k Hk.
      destruct (cycle_weight (s k) a Ha). apply Rmult_le_pos; [auto|lra]. }
  assert (M : 3 * sum V P <= 2 * INR V).
  { unfold P. rewrite sum_swap.
    rewrite (sum_ext h _ (fun c => w c * sum V (fun a => among V (C a) (s c a) (t a))))
      by (intros; apply sum_scal).
    apply Rle_trans with (3 * sum h (fun c => w c * (2 / 3 * INR V))); [|rewrite sum_scal_r, W1; lra].
    apply Rmult_le_compat_l; [lra|]. apply sum_le; intros c Hc.
    apply Rmult_le_compat_l; [auto|]. pose proof (cycle_mean_weight (s c) (Hs c Hc)). lra. }
  apply lt_0_INR in V_pos.
  apply Rle_trans with (sum V (fun a => 1 + ln (3 / 2) - 3 / 2 * P a) / INR V).
  - rewrite sum_minus, sum_const, sum_scal. apply Rmult_le_reg_r with (INR V); [exact V_pos|].
    unfold Rdiv at 2. rewrite Rmult_assoc, Rinv_l by lra. lra.
  - apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. apply sum_le; intros a Ha.
    pose proof (ln_below_tangent (P a) (2 / 3) (HP a Ha) ltac:(lra)) as T. fold (P a).
    replace (ln (2 / 3)) with (- ln (3 / 2)) in T by (rewrite <- ln_Rinv by lra; f_equal; field). lra.
Qed.
End Cycles.

(** ** What weights can do with three tokens *)

Definition next (a : nat) : nat := match a with O => 1%nat | S O => 2%nat | _ => 0%nat end.

Lemma next_cycles : cycles 3 next /\ both_ways 3 others next.
Proof. split; intros a Ha; destruct a as [|[|[|]]]; try lia; repeat split; cbn; lia || reflexivity. Qed.

Lemma others_two x b k : (b < 3)%nat -> (k < 3)%nat -> b <> k -> forall a, (a < 3)%nat -> a <> b -> a <> k ->
  among 3 (others a) x b = / (1 + exp (- (x b - x k))).
Proof.
  intros Hb Hk Hbk a Ha Hab Hak.
  replace (- (x b - x k)) with (x k + - x b) by ring. rewrite exp_plus, exp_Ropp.
  pose proof (exp_pos (x b)). pose proof (exp_pos (x k)).
  replace (/ (1 + exp (x k) * / exp (x b))) with (exp (x b) / (exp (x b) + exp (x k))) by (field; lra).
  unfold among. f_equal.
  destruct a as [|[|[|]]]; try lia; destruct b as [|[|[|]]]; try lia; destruct k as [|[|[|]]]; try lia;
    cbn; ring.
Qed.

(* A margin of at least m, of which e^-m <= eps. *)
Lemma others_margin x a b k m eps : (a < 3)%nat -> (b < 3)%nat -> (k < 3)%nat -> a <> b -> b <> k -> a <> k ->
  exp (- m) <= eps -> m <= x b - x k ->
  / (1 + eps) <= among 3 (others a) x b.
Proof.
  intros Ha Hb Hk Hab Hbk Hak He Hm. rewrite (others_two x b k) by assumption.
  pose proof (exp_pos (- (x b - x k))). apply Rinv_le_contravar; [lra|]. apply Rplus_le_compat_l.
  eapply Rle_trans; [|exact He].
  destruct Hm as [Hm|Hm]; [left; apply exp_increasing; lra|right; f_equal; lra].
Qed.

Lemma margin_for eps : 0 < eps -> exists m, 0 < m /\ exp (- (m * m)) <= eps.
Proof.
  intros He. assert (I : 0 < / eps) by now apply Rinv_0_lt_compat.
  exists (1 + / eps). split; [lra|]. rewrite exp_Ropp.
  apply Rle_trans with (/ / eps); [|rewrite Rinv_inv; lra]. apply Rinv_le_contravar; [exact I|].
  eapply Rle_trans; [|apply exp_ineq1_le]. nra.
Qed.

Lemma minus_ln_above p r eps : 0 < r -> 0 <= eps -> r * / (1 + eps) <= p -> - ln p <= - ln r + eps.
Proof.
  intros Hr He Hp. assert (0 < / (1 + eps)) by (apply Rinv_0_lt_compat; lra).
  assert (L : ln (r * / (1 + eps)) <= ln p).
  { destruct Hp as [Hp|Hp]; [left|right; now rewrite Hp].
    apply ln_increasing; [now apply Rmult_lt_0_compat|exact Hp]. }
  rewrite ln_mult, ln_Rinv in L by lra.
  assert (ln (1 + eps) <= eps); [|lra].
  destruct (exp_ineq1_le eps) as [H1|H1].
  - left. rewrite <- (ln_exp eps) at 2. apply ln_increasing; lra.
  - rewrite H1, ln_exp. lra.
Qed.

Lemma log_loss_three p t c : (forall a, (a < 3)%nat -> - ln (p a (t a)) <= c) -> log_loss 3 p t <= c.
Proof.
  intros H. unfold log_loss. cbn [sum]. pose proof (H 0%nat ltac:(lia)). pose proof (H 1%nat ltac:(lia)).
  pose proof (H 2%nat ltac:(lia)). replace (INR 3) with 3 by (cbn; ring). lra.
Qed.

Lemma highest_other x a b k : (a < 3)%nat -> (b < 3)%nat -> (k < 3)%nat -> a <> b -> b <> k -> a <> k ->
  x k < x b -> highest 3 (others a) x b = true.
Proof.
  intros Ha Hb Hk Hab Hbk Hak H. apply highest_spec. intros j Hj Hc Hne.
  unfold others in Hc. apply negb_true_iff, Nat.eqb_neq in Hc. now replace j with k by lia.
Qed.

(* Weights of two columns for three tokens that are one-hot: shared, they score the tokens at the places
   0 and 1 of the cycle m^2, 1 and 2 4 m^2, 0 and 2 0; r turns the cycle. *)
Definition path (m : R) (r a l : nat) : R :=
  entry [[m; 0]; [m; 2 * m]; [0; 2 * m]] ((a + r) mod 3) l.

(* Three averaged heads: each lets another pair of the cycle go. *)
Theorem cycle_heads_reached eps : 0 < eps ->
  exists W : nat -> nat -> nat -> R,
    log_loss 3 (fun a b => sum 3 (fun c => / 3 * among 3 (others a) (scores 3 2 delta (W c) (W c) a) b)) next
    <= ln (3 / 2) + eps.
Proof.
  intros He. destruct (margin_for eps He) as (m & Hm & Hexp). exists (path m).
  assert (good : forall c a, (c < 3)%nat -> (a < 3)%nat -> (a + c) mod 3 <> 2%nat ->
      / (1 + eps) <= among 3 (others a) (scores 3 2 delta (path m c) (path m c) a) (next a)).
  { intros c a Hc Ha Hne. apply (others_margin _ a (next a) (next (next a)) (m * m)); try exact Hexp;
      destruct a as [|[|[|]]]; destruct c as [|[|[|]]]; try lia; try (cbn in Hne; lia);
      unfold scores, project, path, delta, entry; cbn; lia || nra. }
  assert (pos : forall c a, (a < 3)%nat ->
      0 < among 3 (others a) (scores 3 2 delta (path m c) (path m c) a) (next a)).
  { intros c a Ha. apply among_pos; destruct a as [|[|[|]]]; try lia; cbn; lia || reflexivity. }
  apply log_loss_three. intros a Ha.
  replace (ln (3 / 2)) with (- ln (2 / 3)) by (rewrite <- ln_Rinv by lra; f_equal; field).
  apply minus_ln_above; [lra|lra|]. cbn [sum].
  pose proof (pos 0%nat a Ha). pose proof (pos 1%nat a Ha). pose proof (pos 2%nat a Ha).
  destruct a as [|[|[|]]]; try lia.
  - pose proof (good 0%nat 0%nat ltac:(lia) Ha ltac:(cbn; lia)).
    pose proof (good 1%nat 0%nat ltac:(lia) Ha ltac:(cbn; lia)). lra.
  - pose proof (good 0%nat 1%nat ltac:(lia) Ha ltac:(cbn; lia)).
    pose proof (good 2%nat 1%nat ltac:(lia) Ha ltac:(cbn; lia)). lra.
  - pose proof (good 1%nat 2%nat ltac:(lia) Ha ltac:(cbn; lia)).
    pose proof (good 2%nat 2%nat ltac:(lia) Ha ltac:(cbn; lia)). lra.
Qed.

(* A directed chain a -> b -> c, c -> b: shared weights learn it. *)
Theorem chain_reached eps : 0 < eps ->
  exists W : nat -> nat -> R, let s := scores 3 2 delta W W in
    let t a := match a with O => 1%nat | S O => 2%nat | _ => 1%nat end in
    accuracy 3 3 others s t = 1 /\ log_loss 3 (fun a => among 3 (others a) (s a)) t <= eps.
Proof.
  intros He. destruct (margin_for eps He) as (m & Hm & Hexp). exists (path m 0). intros s t.
  assert (M : forall a, (a < 3)%nat -> m * m <= s a (t a) - s a (3 - a - t a)%nat).
  { intros a Ha. unfold s, t, scores, project, path, delta, entry.
    destruct a as [|[|[|]]]; try lia; cbn; nra. }
  assert (D : forall a, (a < 3)%nat -> (t a < 3)%nat /\ (3 - a - t a < 3)%nat /\ a <> t a /\
      t a <> (3 - a - t a)%nat /\ a <> (3 - a - t a)%nat)
    by (intros a Ha; unfold t; destruct a as [|[|[|]]]; cbn; lia).
  split.
  - apply accuracy_one; [lia|]. intros a Ha. destruct (D a Ha) as (D1 & D2 & D3 & D4 & D5).
    apply (highest_other _ a (t a) (3 - a - t a)); try assumption. specialize (M a Ha). nra.
  - apply log_loss_three. intros a Ha. destruct (D a Ha) as (D1 & D2 & D3 & D4 & D5).
    replace eps with (- ln 1 + eps) at 1 by (rewrite ln_1; ring). apply minus_ln_above; [lra|lra|].
    rewrite Rmult_1_l. apply (others_margin _ a (t a) (3 - a - t a)%nat (m * m)); auto.
Qed.

(* The cycle itself: separate weights of one column learn it. *)
Theorem separate_cycle_reached eps : 0 < eps ->
  exists WQ WK : nat -> nat -> R, let s := scores 3 1 delta WQ WK in
    accuracy 3 3 others s next = 1 /\ log_loss 3 (fun a => among 3 (others a) (s a)) next <= eps.
Proof.
  intros He. destruct (margin_for eps He) as (m & Hm & Hexp).
  exists (entry [[- (m * m)]; [m * m]; [- (m * m)]]), (entry [[0]; [1]; [2]]). intros s.
  assert (M : forall a, (a < 3)%nat -> m * m <= s a (next a) - s a (next (next a))).
  { intros a Ha. unfold s, scores, project, delta, entry. destruct a as [|[|[|]]]; try lia; cbn; nra. }
  assert (D : forall a, (a < 3)%nat -> (next a < 3)%nat /\ (next (next a) < 3)%nat /\ a <> next a /\
      next a <> next (next a) /\ a <> next (next a))
    by (intros a Ha; destruct a as [|[|[|]]]; cbn; lia).
  split.
  - apply accuracy_one; [lia|]. intros a Ha. destruct (D a Ha) as (D1 & D2 & D3 & D4 & D5).
    apply (highest_other _ a (next a) (next (next a))); try assumption. specialize (M a Ha). nra.
  - apply log_loss_three. intros a Ha. destruct (D a Ha) as (D1 & D2 & D3 & D4 & D5).
    replace eps with (- ln 1 + eps) at 1 by (rewrite ln_1; ring). apply minus_ln_above; [lra|lra|].
    rewrite Rmult_1_l. apply (others_margin _ a (next a) (next (next a)) (m * m)); auto.
Qed.

(** ** Several targets at once

    n values of dv numbers, h heads of w columns.  Head c weighs the values for query a by p c a, sends
    them through WV c, of size dv x w, and adds to each of m places i what WO c i, of size w x dv, makes of
    them.  Place i of query a is to be the value of key t a i.  *)

(* The mean over queries, places and numbers of |sum_c p^c_a (x) WV^c WO^c,i - e_t(a,i) (x) I|^2, squared
   Frobenius norms: the mean squared error where the numbers of the values are uncorrelated, of mean 0
   and variance 1. *)
Definition heads_loss (V n m dv w h : nat) (p WV : nat -> nat -> nat -> R)
    (WO : nat -> nat -> nat -> nat -> R) (t : nat -> nat -> nat) : R :=
  sum V (fun a => sum m (fun i => sum n (fun j => sum dv (fun x => sum dv (fun y =>
    (sum h (fun c => p c a j * sum w (fun l => WV c x l * WO c i l y)) - delta j (t a i) * delta x y) ^ 2)))))
  / (INR V * INR m * INR dv).

Lemma sum_injective m n (t : nat -> nat) f :
  (forall i, (i < m)%nat -> (t i < n)%nat) ->
  (forall i j, (i < m)%nat -> (j < m)%nat -> t i = t j -> i = j) ->
  (forall j, (j < n)%nat -> 0 <= f j) -> sum m (fun i => f (t i)) <= sum n f.
Proof.
  intros Ht Hinj Hf.
  rewrite (sum_ext m _ (fun i => sum n (fun j => delta (t i) j * f j)))
    by (intros i Hi; now rewrite sum_delta_l by auto).
  rewrite sum_swap. apply sum_le; intros j Hj. rewrite sum_scal_r. rewrite <- (Rmult_1_l (f j)) at 2.
  apply Rmult_le_compat_r; [auto|].
  apply (at_most_one m (fun i => t i =? j)). intros a b Ha Hb E F.
  apply Nat.eqb_eq in E, F. apply Hinj; congruence.
Qed.

Theorem head_floor V n m dv w h p WV WO t : (0 < V)%nat -> (0 < m)%nat -> (0 < dv)%nat ->
  (forall a i, (a < V)%nat -> (i < m)%nat -> (t a i < n)%nat) ->
  (forall a i j, (a < V)%nat -> (i < m)%nat -> (j < m)%nat -> t a i = t a j -> i = j) ->
  Rmax 0 (1 - INR h / INR m) <= heads_loss V n m dv w h p WV WO t.
Proof.
  intros HV Hm Hd Ht Hinj. apply lt_0_INR in HV, Hm, Hd. unfold heads_loss.
  set (T := fun a i j x y => sum h (fun c => p c a j * sum w (fun l => WV c x l * WO c i l y))
    - delta j (t a i) * delta x y).
  set (total := sum V _).
  assert (square : forall a i j x y, 0 <= T a i j x y ^ 2) by (intros; apply pow2_ge_0).
  assert (B : INR V * (INR dv * (INR m - INR h)) <= total).
  { rewrite <- sum_const. apply sum_le; intros a Ha. rewrite <- sum_const.
    apply Rle_trans with (sum m (fun i => sum m (fun j => sum dv (fun x => T a i (t a j) x x ^ 2)))).
    - (* for each number x of a value the rows and columns of the targets are a matrix of rank h *)
      rewrite (sum_ext m _ (fun i => sum dv (fun x => sum m (fun j => T a i (t a j) x x ^ 2))))
        by (intros; apply sum_swap).
      rewrite sum_swap. apply sum_le; intros x Hx. rewrite sum_swap.
      eapply Rle_trans; [apply (identity_distance m h (fun j c => p c a (t a j))
        (fun i c => sum w (fun l => WV c x l * WO c i l x)))|].
      right. apply sum_ext; intros j Hj. apply sum_ext; intros i Hi. unfold T. f_equal. f_equal.
      rewrite delta_refl, Rmult_1_r. unfold delta.
      destruct (Nat.eqb_spec j i) as [->|N]; [now rewrite Nat.eqb_refl|].
      destruct (Nat.eqb_spec (t a j) (t a i)) as [E|]; [|reflexivity]. exfalso. now apply N, (Hinj a).
    - apply sum_le; intros i Hi.
      eapply Rle_trans; [apply (sum_injective m n (t a) (fun j => sum dv (fun x => T a i j x x ^ 2)))|].
      + intros; now apply Ht.
      + intros; now apply (Hinj a).
      + intros; now apply sum_nonneg.
      + apply sum_le; intros j Hj. apply sum_le; intros x Hx.
        now apply (sum_ge_term dv (fun y => T a i j x y ^ 2)). }
  assert (P : 0 < INR V * INR m * INR dv) by (repeat apply Rmult_lt_0_compat; assumption).
  assert (N : 0 <= total).
  { apply sum_nonneg; intros; apply sum_nonneg; intros; apply sum_nonneg; intros;
      apply sum_nonneg; intros; apply sum_nonneg; intros; apply pow2_ge_0. }
  apply Rmax_lub.
  - apply Rmult_le_pos; [exact N|]. left. now apply Rinv_0_lt_compat.
  - apply Rmult_le_reg_r with (INR V * INR m * INR dv); [exact P|].
    replace (total / (INR V * INR m * INR dv) * (INR V * INR m * INR dv)) with total by (field; lra).
    replace ((1 - INR h / INR m) * (INR V * INR m * INR dv)) with (INR V * (INR dv * (INR m - INR h)))
      by (field; lra).
    exact B.
Qed.

(* Heads that put all their weight on one target each, and read it out where it belongs. *)
Theorem head_floor_reached V n m dv h t : (0 < V)%nat -> (0 < m)%nat -> (0 < dv)%nat -> (h <= m)%nat ->
  (forall a i, (a < V)%nat -> (i < m)%nat -> (t a i < n)%nat) ->
  exists WV WO, heads_loss V n m dv dv h (fun c a j => delta (t a c) j) WV WO t = 1 - INR h / INR m.
Proof.
  intros HV Hm Hd Hh Ht.
  exists (fun _ x l => delta x l), (fun c i l y => delta c i * delta l y). unfold heads_loss.
  rewrite (sum_ext V _ (fun _ => (INR m - INR h) * INR dv)).
  { rewrite sum_const. apply lt_0_INR in HV, Hm, Hd. field. lra. }
  intros a Ha.
  assert (E : forall i, (i < m)%nat -> forall j x, (x < dv)%nat -> forall y,
      sum h (fun c => delta (t a c) j * sum dv (fun l => delta x l * (delta c i * delta l y)))
      - delta j (t a i) * delta x y = - ((if i <? h then 0 else 1) * (delta (t a i) j * delta x y))).
  { intros i Hi j x Hx y. rewrite (delta_sym j).
    rewrite (sum_ext h _ (fun c => delta c i * (delta (t a c) j * delta x y)))
      by (intros c _; rewrite sum_delta_l by exact Hx; ring).
    destruct (Nat.ltb_spec i h) as [L|L].
    - rewrite (sum_delta h i (fun c => delta (t a c) j * delta x y)) by exact L. ring.
    - rewrite sum_zero; [ring|]. intros c Hc. unfold delta at 1. destruct (Nat.eqb_spec c i); [lia|ring]. }
  rewrite (sum_ext m _ (fun i => (if i <? h then 0 else 1) * INR dv)).
  - rewrite sum_scal_r. f_equal. clear -Hh. induction m as [|m IH].
    + replace h with 0%nat by lia. cbn. ring.
    + cbn [sum]. destruct (Nat.ltb_spec m h) as [L|L].
      * replace h with (S m) by lia. rewrite sum_zero; [ring|].
        intros i Hi. destruct (Nat.ltb_spec i (S m)); [reflexivity|lia].
      * rewrite IH, S_INR by lia. ring.
  - intros i Hi. rewrite (sum_ext n _ (fun j => delta (t a i) j * ((if i <? h then 0 else 1) * INR dv))).
    + rewrite (sum_delta_l n (t a i) (fun _ => (if i <? h then 0 else 1) * INR dv)); [reflexivity|auto].
    + intros j Hj. rewrite (sum_ext dv _ (fun _ => delta (t a i) j * (if i <? h then 0 else 1))).
      * rewrite sum_const. ring.
      * intros x Hx. set (e := delta (t a i) j * (if i <? h then 0 else 1)).
        rewrite (sum_ext dv _ (fun y => delta x y * e)).
        -- now rewrite (sum_delta_l dv x (fun _ => e)).
        -- intros y Hy. rewrite (E i Hi j x Hx y). unfold e, delta.
           destruct (i <? h); destruct (t a i =? j); destruct (x =? y); ring.
Qed.

(** ** One dimension, and numbers that are to be found again *)

Section Few.
Variables (V n : nat) (t : nat -> nat).
Hypothesis V_pos : (0 < V)%nat.
Hypothesis in_range : forall a, (a < V)%nat -> (t a < n)%nat.
Hypothesis distinct : forall a b, (a < V)%nat -> (b < V)%nat -> t a = t b -> a = b.

(* Scores linear in one number y of the key: the largest is that of the largest y or of the smallest. *)
Theorem linear_scores s A B y : (forall a b, (a < V)%nat -> (b < n)%nat -> s a b = A a * y b + B a) ->
  accuracy V n all s t <= 2 / INR V.
Proof.
  intros Hs. apply accuracy_le; [exact V_pos|].
  set (right := fun a => highest n (all a) (s a) (t a)).
  assert (better : forall a b, (a < V)%nat -> (b < V)%nat -> a <> b -> right a = true ->
      A a * y (t b) < A a * y (t a)).
  { intros a b Ha Hb Hne R. unfold right in R. pose proof (proj1 (highest_spec _ _ _ _) R (t b)) as H.
    rewrite !Hs in H by auto. enough (A a * y (t b) + B a < A a * y (t a) + B a) by lra.
    apply H; auto. }
  set (up := fun a => right a && if Rle_dec 0 (A a) then true else false).
  set (down := fun a => right a && if Rle_dec 0 (A a) then false else true).
  apply Rle_trans with (sum V (fun a => (if up a then 1 else 0) + (if down a then 1 else 0))).
  { apply sum_le; intros a _. unfold up, down. fold (right a).
    destruct (right a); cbn; [destruct (Rle_dec 0 (A a)); cbn; lra|lra]. }
  rewrite sum_plus.
  assert (U : sum V (fun a => if up a then 1 else 0) <= 1).
  { apply at_most_one. intros a b Ha Hb E F. unfold up in E, F. apply andb_true_iff in E, F.
    destruct E as [Ra Sa], F as [Rb Sb].
    destruct (Rle_dec 0 (A a)) as [Pa|]; [|discriminate].
    destruct (Rle_dec 0 (A b)) as [Pb|]; [|discriminate].
    destruct (Nat.eq_dec a b) as [|Hne]; [assumption|exfalso].
    pose proof (better a b Ha Hb Hne Ra). pose proof (better b a Hb Ha (not_eq_sym Hne) Rb).
    destruct (Rle_lt_dec (y (t a)) (y (t b))); nra. }
  assert (D : sum V (fun a => if down a then 1 else 0) <= 1).
  { apply at_most_one. intros a b Ha Hb E F. unfold down in E, F. apply andb_true_iff in E, F.
    destruct E as [Ra Sa], F as [Rb Sb].
    destruct (Rle_dec 0 (A a)) as [|Pa]; [discriminate|].
    destruct (Rle_dec 0 (A b)) as [|Pb]; [discriminate|].
    destruct (Nat.eq_dec a b) as [|Hne]; [assumption|exfalso].
    pose proof (better a b Ha Hb Hne Ra). pose proof (better b a Hb Ha (not_eq_sym Hne) Rb).
    destruct (Rle_lt_dec (y (t a)) (y (t b))); nra. }
  lra.
Qed.

(* Dot products in one dimension. *)
Corollary dot_one c Q K : accuracy V n all (fun a b => c * score 1 Q K a b) t <= 2 / INR V.
Proof.
  apply (linear_scores _ (fun a => c * Q a 0%nat) (fun _ => 0) (fun b => K b 0%nat)).
  intros a b _ _. unfold score. cbn. ring.
Qed.

(* Tokens (x, 1), any dimension. *)
Definition number (x : nat -> R) (a i : nat) : R := match i with O => x a | _ => 1 end.

Corollary dot_numbers d c x WQ WK :
  accuracy V n all (fun a b => c * scores 2 d (number x) WQ WK a b) t <= 2 / INR V.
Proof.
  apply (linear_scores _ (fun a => c * sum d (fun l => project 2 (number x) WQ a l * WK 0%nat l))
    (fun a => c * sum d (fun l => project 2 (number x) WQ a l * WK 1%nat l)) x).
  intros a b _ _. unfold scores.
  rewrite Rmult_assoc, <- Rmult_plus_distr_l, <- sum_scal_r, <- sum_plus. f_equal.
  apply sum_ext; intros l _. unfold project at 2. cbn. ring.
Qed.

(* Additive scores in one dimension: the same key for all queries. *)
Lemma tanh_increasing x y : x < y -> tanh x < tanh y.
Proof.
  intros H. rewrite !tanh_exp. assert (E : exp (2 * x) < exp (2 * y)) by (apply exp_increasing; lra).
  pose proof (exp_pos (2 * x)).
  assert (/ (exp (2 * y) + 1) < / (exp (2 * x) + 1)) by (apply Rinv_lt_contravar; nra). lra.
Qed.

Theorem additive_one v Q K : accuracy V n all (fun a b => additive 1 v (Q a) (K b)) t <= 1 / INR V.
Proof.
  apply accuracy_le; [exact V_pos|].
  apply (at_most_one V (fun a => highest n (all a) (fun b => additive 1 v (Q a) (K b)) (t a))).
  intros a b Ha Hb Ra Rb. destruct (Nat.eq_dec a b) as [|Hne]; [assumption|exfalso].
  pose proof (proj1 (highest_spec _ _ _ _) Ra (t b)) as H1.
  pose proof (proj1 (highest_spec _ _ _ _) Rb (t a)) as H2. unfold additive in H1, H2. cbn in H1, H2.
  specialize (H1 ltac:(auto) eq_refl ltac:(intros E; apply Hne; symmetry; auto)).
  specialize (H2 ltac:(auto) eq_refl ltac:(intros E; apply Hne; auto)).
  set (k := fun b => K b 0%nat) in *. change (K (t a) 0%nat) with (k (t a)) in *.
  change (K (t b) 0%nat) with (k (t b)) in *.
  destruct (Rtotal_order (k (t a)) (k (t b))) as [L|[L|L]].
  - pose proof (tanh_increasing (Q a 0%nat + k (t a)) (Q a 0%nat + k (t b)) ltac:(lra)).
    pose proof (tanh_increasing (Q b 0%nat + k (t a)) (Q b 0%nat + k (t b)) ltac:(lra)). nra.
  - rewrite L in H1. lra.
  - pose proof (tanh_increasing (Q a 0%nat + k (t b)) (Q a 0%nat + k (t a)) ltac:(lra)).
    pose proof (tanh_increasing (Q b 0%nat + k (t b)) (Q b 0%nat + k (t a)) ltac:(lra)). nra.
Qed.

(* Both are reached: with the targets of two queries, or one, at the ends. *)
Theorem dot_one_reached : (2 <= V)%nat -> exists Q K, accuracy V n all (score 1 Q K) t = 2 / INR V.
Proof.
  intros H2.
  exists (fun a _ => delta 0 a - delta 1 a), (fun b _ => delta (t 0%nat) b - delta (t 1%nat) b).
  assert (T : t 0%nat <> t 1%nat) by (intros E; apply distinct in E; lia).
  apply Rle_antisym.
  { apply (linear_scores _ (fun a => delta 0 a - delta 1 a) (fun _ => 0)
      (fun b => delta (t 0%nat) b - delta (t 1%nat) b)). intros. unfold score. cbn. ring. }
  apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; now apply lt_0_INR|].
  apply Rle_trans with (sum V (fun a => delta 0 a * 1 + delta 1 a * 1)).
  { rewrite sum_plus, (sum_delta_l V 0 (fun _ => 1)), (sum_delta_l V 1 (fun _ => 1)) by lia. lra. }
  apply sum_le; intros a Ha. set (h := highest n _ _ _).
  assert (Hh : (a < 2)%nat -> h = true).
  { intros H. apply highest_spec. intros j _ _ Hne. unfold score, delta. cbn [sum].
    destruct a as [|[|]]; try lia; cbn [Nat.eqb];
      destruct (Nat.eqb_spec (t 0%nat) (t 0%nat)); destruct (Nat.eqb_spec (t 1%nat) (t 1%nat));
      destruct (Nat.eqb_spec (t 0%nat) (t 1%nat)); destruct (Nat.eqb_spec (t 1%nat) (t 0%nat));
      destruct (Nat.eqb_spec (t 0%nat) j); destruct (Nat.eqb_spec (t 1%nat) j); try congruence; lra. }
  unfold delta. destruct (Nat.eqb_spec 0 a) as [<-|]; [rewrite Hh by lia; cbn; lra|].
  destruct (Nat.eqb_spec 1 a) as [<-|]; [rewrite Hh by lia; lra|]. destruct h; lra.
Qed.

Theorem additive_one_reached : exists v Q K,
  accuracy V n all (fun a b => additive 1 v (Q a) (K b)) t = 1 / INR V.
Proof.
  exists (fun _ => 1), (fun _ _ => 0), (fun b _ => delta (t 0%nat) b). apply Rle_antisym.
  { apply (additive_one (fun _ => 1) (fun _ _ => 0) (fun b _ => delta (t 0%nat) b)). }
  apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; now apply lt_0_INR|].
  rewrite <- (sum_delta_l V 0 (fun _ => 1)) at 1 by lia. apply sum_le; intros a Ha.
  set (h := highest n _ _ _). unfold delta. destruct (Nat.eqb_spec 0 a) as [<-|]; [|destruct h; lra].
  replace h with true; [lra|]. symmetry. apply highest_spec. intros j _ _ Hne. unfold additive, delta.
  cbn [sum]. destruct (Nat.eqb_spec (t 0%nat) j); [congruence|]. rewrite Nat.eqb_refl.
  pose proof (tanh_increasing (0 + 0) (0 + 1) ltac:(lra)). lra.
Qed.
End Few.

(* tanh (u + 1) - tanh (u - 1) is largest at u = 0. *)
Lemma bump u : u <> 0 -> tanh (u + 1) - tanh (u - 1) < tanh (0 + 1) - tanh (0 - 1).
Proof.
  intros Hu. rewrite !tanh_exp. replace (2 * (u + 1)) with (2 * u + 2) by ring.
  replace (2 * (u - 1)) with (2 * u + - (2)) by ring. replace (2 * (0 + 1)) with 2 by ring.
  replace (2 * (0 - 1)) with (- (2)) by ring. rewrite !exp_plus, !exp_Ropp.
  assert (HE : exp (2 * u) <> 1) by (intros E; rewrite <- exp_0 in E; apply exp_inv in E; lra).
  pose proof (exp_pos (2 * u)). pose proof (exp_ineq1 2 ltac:(lra)).
  set (e := exp (2 * u)) in *. set (c := exp 2) in *.
  enough (0 < 1 - 2 / (c + 1) - (1 - 2 / (/ c + 1)) - (1 - 2 / (e * c + 1) - (1 - 2 / (e * / c + 1)))) by lra.
  replace (1 - 2 / (c + 1) - (1 - 2 / (/ c + 1)) - (1 - 2 / (e * c + 1) - (1 - 2 / (e * / c + 1))))
    with (2 * ((c - 1) * c) * (e - 1) ^ 2 / ((c + 1) * ((e * c + 1) * (e + c))))
    by (field; repeat split; nra).
  apply Rdiv_lt_0_compat; [|repeat apply Rmult_lt_0_compat; nra].
  assert (0 < (e - 1) ^ 2) by (assert (e - 1 <> 0) by lra; nra).
  apply Rmult_lt_0_compat; [nra|assumption].
Qed.

(* Additive scores of two dimensions or more find every number again. *)
Theorem additive_numbers V d x : (0 < V)%nat -> (2 <= d)%nat ->
  (forall a b, (a < V)%nat -> (b < V)%nat -> x a = x b -> a = b) ->
  exists v WQ WK, accuracy V V all
    (fun a b => additive d v (project 2 (number x) WQ a) (project 2 (number x) WK b)) (fun a => a) = 1.
Proof.
  intros HV Hd Hx.
  exists (fun l => delta 0 l - delta 1 l), (entry [[-1; -1]; [1; -1]]), (entry [[1; 1]; [0; 0]]).
  assert (E : forall a b, additive d (fun l => delta 0 l - delta 1 l)
      (project 2 (number x) (entry [[-1; -1]; [1; -1]]) a) (project 2 (number x) (entry [[1; 1]; [0; 0]]) b)
      = tanh ((x b - x a) + 1) - tanh ((x b - x a) - 1)).
  { intros a b. unfold additive.
    rewrite (sum_ext d _ (fun l =>
      delta 0 l * tanh (project 2 (number x) (entry [[-1; -1]; [1; -1]]) a l
        + project 2 (number x) (entry [[1; 1]; [0; 0]]) b l)
      - delta 1 l * tanh (project 2 (number x) (entry [[-1; -1]; [1; -1]]) a l
        + project 2 (number x) (entry [[1; 1]; [0; 0]]) b l))) by (intros; ring).
    rewrite sum_minus, !sum_delta_l by lia. unfold project, entry. cbn. f_equal; f_equal; ring. }
  apply accuracy_one; [exact HV|]. intros a Ha. apply highest_spec. intros b Hb _ Hne.
  rewrite !E. replace (x a - x a) with 0 by ring. apply bump. intros Z. apply Hne. apply Hx; auto. lra.
Qed.

(** ** Why a loss behind the softmax can stop, and the log loss does not *)

Section Plateau.
Variable n : nat.
Hypothesis n_pos : (0 < n)%nat.

(* The squared distance of the weights from all weight on t. *)
Definition squared_error (x : nat -> R) (t : nat) : R := sum n (fun i => (softmax n x i - delta t i) ^ 2).

(* x with h more at j *)
Definition raised (x : nat -> R) (j : nat) (h : R) (k : nat) : R := x k + h * delta j k.

Lemma softmax_raised x j i : (i < n)%nat -> softmax n (raised x j 0) i = softmax n x i.
Proof. apply (softmax_eq n n_pos _ _ 0). intros k _. unfold raised. ring. Qed.

Theorem squared_error_derivative x t j : (j < n)%nat ->
  derivable_pt_lim (fun h => squared_error (raised x j h) t) 0
    (2 * sum n (fun i => J (softmax n x) j i * (softmax n x i - delta t i))).
Proof.
  intros Hj. rewrite <- sum_scal.
  apply (derivable_sum n (fun i h => (softmax n (raised x j h) i - delta t i) ^ 2)
    (fun i => 2 * (J (softmax n x) j i * (softmax n x i - delta t i)))).
  intros i Hi. set (f := fun h => softmax n (raised x j h) i - delta t i).
  assert (D : derivable_pt_lim f 0 (J (softmax n x) i j - 0)).
  { apply (derivable_pt_lim_minus (fun h => softmax n (raised x j h) i) (fun _ => delta t i));
      [now apply softmax_partial|apply derivable_pt_lim_const]. }
  pose proof (derivable_pt_lim_mult f f 0 _ _ D D) as P.
  assert (F : f 0 = softmax n x i - delta t i) by (unfold f; now rewrite softmax_raised).
  replace (2 * (J (softmax n x) j i * (softmax n x i - delta t i)))
    with ((J (softmax n x) i j - 0) * f 0 + f 0 * (J (softmax n x) i j - 0)).
  - intros e He. destruct (P e He) as (del & H). exists del. intros h Hh Hlt. specialize (H h Hh Hlt).
    unfold mult_fct in H. fold (f (0 + h)) (f 0). now rewrite <- !Rsqr_pow2.
  - rewrite F, (J_sym (softmax n x) j i). ring.
Qed.

Theorem log_derivative x t j : (t < n)%nat -> (j < n)%nat ->
  derivable_pt_lim (fun h => - ln (softmax n (raised x j h) t)) 0 (softmax n x j - delta t j).
Proof.
  intros Ht Hj. set (f := fun h => softmax n (raised x j h) t).
  assert (F : f 0 = softmax n x t) by (unfold f; now rewrite softmax_raised).
  pose proof (softmax_pos n n_pos x t) as P.
  assert (D : derivable_pt_lim (fun h => ln (f h)) 0 (/ softmax n x t * J (softmax n x) t j)).
  { apply (derivable_pt_lim_comp f ln); [now apply softmax_partial|]. rewrite F. now apply derivable_pt_lim_ln. }
  replace (softmax n x j - delta t j) with (- (/ softmax n x t * J (softmax n x) t j))
    by (unfold J; field; lra).
  now apply (derivable_pt_lim_opp (fun h => ln (f h))).
Qed.

(* All scores but that of k stand a gap below it. *)
Theorem squared_error_stops x t k gap : (t < n)%nat -> (k < n)%nat ->
  (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  sum n (fun j => (2 * sum n (fun i => J (softmax n x) j i * (softmax n x i - delta t i))) ^ 2) <=
  8 * (2 * (INR (n - 1) * exp (- gap))) ^ 2.
Proof.
  intros Ht Hk Hg. set (p := softmax n x). set (z := fun i => p i - delta t i).
  assert (Hp : forall i, (i < n)%nat -> 0 <= p i <= 1)
    by (intros; split; [left; now apply softmax_pos|now apply softmax_le1]).
  assert (Z2 : sum n (fun i => z i ^ 2) <= 2).
  { apply Rle_trans with (sum n (fun i => p i + delta t i * 1)).
    - apply sum_le; intros i Hi. specialize (Hp i Hi). unfold z, delta. destruct (t =? i); nra.
    - rewrite sum_plus, (sum_delta_l n t (fun _ => 1)) by exact Ht. unfold p. rewrite softmax_sum1 by exact n_pos.
      lra. }
  pose proof (J_gap n n_pos x k gap Hk Hg z) as G. fold p in G.
  rewrite (sum_ext n _ (fun j => 4 * (sum n (fun i => J p j i * z i)) ^ 2)) by (intros; unfold z; ring).
  rewrite sum_scal. pose proof (pow2_ge_0 (2 * (INR (n - 1) * exp (- gap)))). nra.
Qed.

Theorem log_loss_goes_on x t k gap : (t < n)%nat -> (k < n)%nat -> t <> k ->
  (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  softmax n x t - delta t t <= - (1 - INR (n - 1) * exp (- gap)).
Proof.
  intros Ht Hk Hne Hg. rewrite delta_refl. pose proof (softmax_gap n n_pos x k gap Hk Hg).
  pose proof (softmax_two n n_pos x t k Ht Hk Hne). lra.
Qed.
End Plateau.

(** ** The scale of the scores is a matter of the start and the rate

    Tables Q and K are trained on a loss of the scores c q_a.k_b, of which G s is the gradient at the
    scores s: any function.  By the chain rule the gradient at q_a is c sum_b g_ab k_b, that at k_b is
    c sum_a g_ab q_a.  *)

Section Rate.
Variables (V n d : nat) (G : (nat -> nat -> R) -> nat -> nat -> R).

Definition query_gradients (c : R) (Q K : nat -> nat -> R) (a l : nat) : R :=
  c * sum n (fun b => G (fun a b => c * score d Q K a b) a b * K b l).
Definition key_gradients (c : R) (Q K : nat -> nat -> R) (b l : nat) : R :=
  c * sum V (fun a => G (fun a b => c * score d Q K a b) a b * Q a l).

(* k steps of gradient descent. *)
Fixpoint descent (c rate : R) (Q K : nat -> nat -> R) (k : nat) :
    (nat -> nat -> R) * (nat -> nat -> R) :=
  match k with
  | O => (Q, K)
  | S k =>
      let (Q, K) := descent c rate Q K k in
      (fun a l => Q a l - rate * query_gradients c Q K a l,
       fun b l => K b l - rate * key_gradients c Q K b l)
  end.

(* k steps of Adam; a table goes with its moments. *)
Record moments := { table : nat -> nat -> R; first : nat -> nat -> R; second : nat -> nat -> R }.

Definition start (Q : nat -> nat -> R) : moments :=
  {| table := Q; first := fun _ _ => 0; second := fun _ _ => 0 |}.

Definition adam_step (rate eps b1 b2 : R) (k : nat) (g : nat -> nat -> R) (s : moments) : moments :=
  let m a l := b1 * first s a l + (1 - b1) * g a l in
  let v a l := b2 * second s a l + (1 - b2) * g a l ^ 2 in
  {| table := fun a l =>
       table s a l - rate * ((m a l / (1 - b1 ^ k)) / (sqrt (v a l / (1 - b2 ^ k)) + eps));
     first := m; second := v |}.

Fixpoint adam (c rate eps b1 b2 : R) (Q K : nat -> nat -> R) (k : nat) : moments * moments :=
  match k with
  | O => (start Q, start K)
  | S k =>
      let (sq, sk) := adam c rate eps b1 b2 Q K k in
      (adam_step rate eps b1 b2 (S k) (query_gradients c (table sq) (table sk)) sq,
       adam_step rate eps b1 b2 (S k) (key_gradients c (table sq) (table sk)) sk)
  end.

Definition times (r : R) (Q : nat -> nat -> R) (a l : nat) : R := r * Q a l.

Lemma table_ext (A B : nat -> nat -> R) : (forall a l, A a l = B a l) -> A = B.
Proof. intros H. apply functional_extensionality. intros a. apply functional_extensionality. apply H. Qed.

Section Rescaled.
Variable r : R.
Hypothesis r_pos : 0 < r.

Lemma scores_rescaled Q K : (fun a b => 1 * score d (times r Q) (times r K) a b)
  = (fun a b => r ^ 2 * score d Q K a b).
Proof.
  apply table_ext. intros a b. unfold score. rewrite <- !sum_scal. apply sum_ext; intros.
  unfold times. ring.
Qed.

Lemma query_gradients_rescaled Q K :
  query_gradients 1 (times r Q) (times r K) = times (/ r) (query_gradients (r ^ 2) Q K).
Proof.
  apply table_ext. intros a l.
  change (times (/ r) (query_gradients (r ^ 2) Q K) a l) with (/ r * query_gradients (r ^ 2) Q K a l).
  unfold query_gradients. rewrite scores_rescaled.
  rewrite <- !sum_scal. apply sum_ext; intros. unfold times. field. lra.
Qed.

Lemma key_gradients_rescaled Q K :
  key_gradients 1 (times r Q) (times r K) = times (/ r) (key_gradients (r ^ 2) Q K).
Proof.
  apply table_ext. intros a l.
  change (times (/ r) (key_gradients (r ^ 2) Q K) a l) with (/ r * key_gradients (r ^ 2) Q K a l).
  unfold key_gradients. rewrite scores_rescaled.
  rewrite <- !sum_scal. apply sum_ext; intros. unfold times. field. lra.
Qed.

Theorem descent_rescaled rate Q K k :
  descent 1 (rate * r ^ 2) (times r Q) (times r K) k =
  (times r (fst (descent (r ^ 2) rate Q K k)), times r (snd (descent (r ^ 2) rate Q K k))).
Proof.
  induction k as [|k IH]; [reflexivity|]. cbn [descent]. rewrite IH.
  destruct (descent (r ^ 2) rate Q K k) as [Qk Kk]. cbn [fst snd].
  rewrite query_gradients_rescaled, key_gradients_rescaled.
  f_equal; apply table_ext; intros; unfold times; field; lra.
Qed.

Definition rescaled (s : moments) : moments :=
  {| table := times r (table s); first := times (/ r) (first s); second := times ((/ r) ^ 2) (second s) |}.

Lemma adam_step_rescaled rate eps b1 b2 k g s :
  adam_step (rate * r) (eps / r) b1 b2 k (times (/ r) g) (rescaled s) =
  rescaled (adam_step rate eps b1 b2 k g s).
Proof.
  assert (I : 0 < / r) by now apply Rinv_0_lt_compat.
  unfold adam_step, rescaled. cbn [table first second].
  assert (E1 : (fun a l => b1 * times (/ r) (first s) a l + (1 - b1) * times (/ r) g a l) =
      times (/ r) (fun a l => b1 * first s a l + (1 - b1) * g a l))
    by (apply table_ext; intros; unfold times; ring).
  assert (E2 : (fun a l => b2 * times ((/ r) ^ 2) (second s) a l + (1 - b2) * times (/ r) g a l ^ 2) =
      times ((/ r) ^ 2) (fun a l => b2 * second s a l + (1 - b2) * g a l ^ 2))
    by (apply table_ext; intros; unfold times; ring).
  f_equal; [|exact E1|exact E2].
  apply table_ext. intros a l.
  pose proof (f_equal (fun f => f a l) E1) as F1. pose proof (f_equal (fun f => f a l) E2) as F2.
  cbn beta in F1, F2. rewrite F1, F2. unfold times at 1 2 3 4.
  set (m := b1 * first s a l + _). set (v := b2 * second s a l + _).
  replace ((/ r) ^ 2 * v / (1 - b2 ^ k)) with ((/ r) ^ 2 * (v / (1 - b2 ^ k))) by (unfold Rdiv; ring).
  rewrite sqrt_mult_alt by (apply pow2_ge_0). rewrite sqrt_pow2 by lra.
  replace (/ r * sqrt (v / (1 - b2 ^ k)) + eps / r) with (/ r * (sqrt (v / (1 - b2 ^ k)) + eps))
    by (unfold Rdiv; ring).
  unfold Rdiv. rewrite (Rinv_mult (/ r)), Rinv_inv. set (y := / (sqrt _ + eps)). set (z := / (1 - b1 ^ k)).
  field. lra.
Qed.

Theorem adam_rescaled rate eps b1 b2 Q K k :
  let scaled := adam (r ^ 2) rate eps b1 b2 Q K k in
  adam 1 (rate * r) (eps / r) b1 b2 (times r Q) (times r K) k =
  (rescaled (fst scaled), rescaled (snd scaled)).
Proof.
  induction k as [|k IH]; cbn [adam].
  - cbn [fst snd]. unfold start, rescaled. cbn [table first second].
    f_equal; f_equal; apply table_ext; intros; unfold times; ring.
  - cbv zeta in *. rewrite IH. destruct (adam (r ^ 2) rate eps b1 b2 Q K k) as [sq sk]. cbn [fst snd].
    cbn [table rescaled]. rewrite query_gradients_rescaled, key_gradients_rescaled.
    now rewrite !adam_step_rescaled.
Qed.
End Rescaled.
End Rate.
