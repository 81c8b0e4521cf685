(* Softmax.v -- the softmax, its derivatives, and bounds of its Jacobian.

   n is the number of keys, x the scores, p a row of weights, J = diag(p) - p p^T.  *)
Require Import Reals Lra Lia Psatz.
From Qkcheck.base Require Import Sum.
Open Scope R_scope.

Section Softmax.
Variable n : nat.
Hypothesis n_pos : (0 < n)%nat.

Definition Z (x : nat -> R) : R := sum n (fun i => exp (x i)).
Definition softmax (x : nat -> R) (i : nat) : R := exp (x i) / Z x.

Lemma Z_pos x : 0 < Z x.
Proof. apply sum_pos; [exact n_pos|intros; apply exp_pos]. Qed.

Theorem softmax_pos x i : 0 < softmax x i.
Proof. apply Rdiv_lt_0_compat; [apply exp_pos|apply Z_pos]. Qed.

Theorem softmax_sum1 x : sum n (softmax x) = 1.
Proof.
  unfold softmax, Rdiv. rewrite sum_scal_r. fold (Z x).
  pose proof (Z_pos x). field. lra.
Qed.

Theorem softmax_le1 x i : (i < n)%nat -> softmax x i <= 1.
Proof.
  intros Hi. rewrite <- (softmax_sum1 x).
  apply sum_ge_term; [exact Hi|intros; left; apply softmax_pos].
Qed.

Lemma softmax_two x j k : (j < n)%nat -> (k < n)%nat -> j <> k -> softmax x j + softmax x k <= 1.
Proof.
  intros Hj Hk Hne. rewrite <- (softmax_sum1 x).
  rewrite <- (sum_delta n j (softmax x) Hj), <- (sum_delta n k (softmax x) Hk) at 1.
  rewrite <- sum_plus. apply sum_le; intros i Hi. pose proof (softmax_pos x i).
  unfold delta. destruct (Nat.eqb_spec i j); destruct (Nat.eqb_spec i k); subst; try lra. congruence.
Qed.

Theorem softmax_shift x c i : softmax (fun j => x j + c) i = softmax x i.
Proof.
  unfold softmax, Z. rewrite (sum_ext n _ (fun j => exp (x j) * exp c)) by (intros; apply exp_plus).
  rewrite sum_scal_r, exp_plus. fold (Z x). pose proof (Z_pos x). pose proof (exp_pos c).
  field. lra.
Qed.

(* Scores that differ by a constant give the same weights, and only they do. *)
Lemma softmax_eq x y c : (forall i, (i < n)%nat -> x i = y i + c) ->
  forall i, (i < n)%nat -> softmax x i = softmax y i.
Proof.
  intros H i Hi. rewrite <- (softmax_shift y c i). unfold softmax, Z. rewrite (H i Hi).
  now rewrite (sum_ext n (fun i => exp (x i)) (fun i => exp (y i + c))) by (intros; now rewrite H).
Qed.

Lemma softmax_inj x y : (forall i, (i < n)%nat -> softmax x i = softmax y i) ->
  exists c, forall i, (i < n)%nat -> x i = y i + c.
Proof.
  intros H. exists (ln (Z x) - ln (Z y)). intros i Hi.
  pose proof (Z_pos x) as Hx. pose proof (Z_pos y) as Hy.
  assert (E : exp (x i) = exp (y i) * (Z x / Z y)).
  { specialize (H i Hi). unfold softmax in H.
    replace (exp (x i)) with (exp (x i) / Z x * Z x) by (field; lra). rewrite H. field. lra. }
  apply exp_inv. rewrite E, exp_plus. f_equal. unfold Rminus.
  rewrite exp_plus, exp_Ropp, !exp_ln by assumption. reflexivity.
Qed.

(** ** Jacobian *)
Definition J (p : nat -> R) (i j : nat) : R := p i * (delta i j - p j).

Lemma derivable_sum m (f : nat -> R -> R) (f' : nat -> R) t :
  (forall i, (i < m)%nat -> derivable_pt_lim (f i) t (f' i)) ->
  derivable_pt_lim (fun s => sum m (fun i => f i s)) t (sum m f').
Proof.
  induction m as [|m IH]; intros H; cbn; [apply derivable_pt_lim_const|].
  apply (derivable_pt_lim_plus (fun s => sum m (fun i => f i s)) (f m)); auto.
Qed.

Lemma derivable_exp_line a v t :
  derivable_pt_lim (fun s => exp (a + s * v)) t (exp (a + t * v) * v).
Proof.
  apply (derivable_pt_lim_comp (fun s => a + s * v) exp); [|apply derivable_pt_lim_exp].
  pose proof (derivable_pt_lim_plus (fun _ => a) (fun s => s * v) t 0 (1 * v + t * 0)) as D.
  replace (0 + (1 * v + t * 0)) with v in D by ring. apply D; [apply derivable_pt_lim_const|].
  apply (derivable_pt_lim_mult (fun s => s) (fun _ => v));
    [apply derivable_pt_lim_id|apply derivable_pt_lim_const].
Qed.

Definition line (x v : nat -> R) (t : R) : nat -> R := fun i => x i + t * v i.

(** Derivative of softmax along any direction v, at any point of the line x + t v. *)
Theorem softmax_directional x v i t : (i < n)%nat ->
  derivable_pt_lim (fun s => softmax (line x v s) i) t
    (sum n (fun j => J (softmax (line x v t)) i j * v j)).
Proof.
  intros Hi. pose proof (Z_pos (line x v t)) as HZ.
  assert (D : derivable_pt_lim (fun s => softmax (line x v s) i) t
    ((exp (line x v t i) * v i * Z (line x v t)
      - sum n (fun j => exp (line x v t j) * v j) * exp (line x v t i)) / Rsqr (Z (line x v t)))).
  { apply (derivable_pt_lim_div (fun s => exp (line x v s i)) (fun s => Z (line x v s))).
    - apply derivable_exp_line.
    - apply (derivable_sum n (fun j s => exp (line x v s j))). intros; apply derivable_exp_line.
    - lra. }
  replace (sum n (fun j => J (softmax (line x v t)) i j * v j)) with
    ((exp (line x v t i) * v i * Z (line x v t)
      - sum n (fun j => exp (line x v t j) * v j) * exp (line x v t i)) / Rsqr (Z (line x v t)));
    [exact D|].
  set (y := line x v t) in *. unfold J.
  rewrite (sum_ext n (fun j => softmax y i * (delta i j - softmax y j) * v j)
     (fun j => softmax y i * (delta i j * v j) - (exp (y i) / Z y * / Z y) * (exp (y j) * v j))).
  2:{ intros; unfold softmax; field; lra. }
  rewrite sum_minus, !sum_scal, sum_delta_l by exact Hi. unfold softmax, Rsqr. field. lra.
Qed.

(** In particular the partial derivatives are d p_i / d x_j = p_i (delta_ij - p_j). *)
Corollary softmax_partial x i j : (i < n)%nat -> (j < n)%nat ->
  derivable_pt_lim (fun s => softmax (fun k => x k + s * delta j k) i) 0 (J (softmax x) i j).
Proof.
  intros Hi Hj. pose proof (softmax_directional x (delta j) i 0 Hi) as D.
  unfold line in D.
  replace (J (softmax x) i j) with
    (sum n (fun k => J (softmax (fun k => x k + 0 * delta j k)) i k * delta j k)); [exact D|].
  rewrite (sum_ext n _ (fun k => delta j k * J (softmax (fun k => x k + 0 * delta j k)) i k))
    by (intros; ring).
  rewrite sum_delta_l by exact Hj.
  assert (E : forall m, softmax (fun k => x k + 0 * delta j k) m = softmax x m).
  { intros m. unfold softmax, Z. rewrite (sum_ext n _ (fun k => exp (x k)));
      [|intros; f_equal; ring]. f_equal. f_equal. ring. }
  unfold J. rewrite !E. reflexivity.
Qed.

(** ** Linear algebra of J = diag p - p p^T for any probability vector p *)
Section Jacobian.
Variable p : nat -> R.
Hypothesis p_nonneg : forall i, (i < n)%nat -> 0 <= p i.
Hypothesis p_sum1 : sum n p = 1.

Theorem J_diag_minus_outer i j : J p i j = delta i j * p i - p i * p j.
Proof. unfold J; ring. Qed.

Theorem J_sym i j : J p i j = J p j i.
Proof.
  unfold J, delta. rewrite (Nat.eqb_sym j i).
  destruct (Nat.eqb_spec i j) as [->|]; ring.
Qed.

Theorem J_row_sum i : (i < n)%nat -> sum n (J p i) = 0.
Proof.
  intros Hi. unfold J. rewrite sum_scal, sum_minus, p_sum1.
  rewrite (sum_ext n (delta i) (fun j => delta i j * 1)) by (intros; ring).
  rewrite (sum_delta_l n i (fun _ => 1)) by exact Hi. ring.
Qed.

Definition qf (z : nat -> R) : R := sum n (fun i => sum n (fun j => z i * J p i j * z j)).

(** z^T J z is the variance of z under p. *)
Theorem J_quadratic_form z :
  qf z = sum n (fun i => p i * z i ^ 2) - (sum n (fun i => p i * z i)) ^ 2.
Proof.
  unfold qf, J.
  replace ((sum n (fun i => p i * z i)) ^ 2) with
    (sum n (fun i => p i * z i) * sum n (fun i => p i * z i)) by ring.
  rewrite sum_mul, <- sum_minus. apply sum_ext; intros i Hi.
  rewrite (sum_ext n _ (fun j => delta i j * (p i * z i * z j) - p i * z i * (p j * z j)))
    by (intros; ring).
  rewrite sum_minus, (sum_delta_l n i (fun j => p i * z i * z j)) by exact Hi.
  f_equal. ring.
Qed.

Theorem J_quadratic_form_var z :
  let m := sum n (fun i => p i * z i) in qf z = sum n (fun i => p i * (z i - m) ^ 2).
Proof.
  intros m. rewrite J_quadratic_form. fold m.
  rewrite (sum_ext n (fun i => p i * (z i - m) ^ 2)
    (fun i => (p i * z i ^ 2 + m ^ 2 * p i) - 2 * m * (p i * z i))) by (intros; ring).
  rewrite sum_minus, sum_plus, !sum_scal, p_sum1. fold m. ring.
Qed.

Theorem J_psd z : 0 <= qf z.
Proof.
  rewrite J_quadratic_form_var. apply sum_nonneg; intros i Hi.
  apply Rmult_le_pos; [auto|apply pow2_ge_0].
Qed.

Theorem J_trace : sum n (fun i => J p i i) = 1 - sum n (fun i => p i ^ 2).
Proof.
  rewrite (sum_ext n _ (fun i => p i - p i ^ 2)).
  - rewrite sum_minus, p_sum1. reflexivity.
  - intros; unfold J; rewrite delta_refl; ring.
Qed.

Lemma p_le1 i : (i < n)%nat -> p i <= 1.
Proof. intros; rewrite <- p_sum1; apply sum_ge_term; auto. Qed.

(** Row absolute sum:  sum_j |J_ij| = 2 p_i (1 - p_i) <= 1/2. *)
Theorem J_row_abs_sum i : (i < n)%nat -> sum n (fun j => Rabs (J p i j)) = 2 * (p i * (1 - p i)).
Proof.
  intros Hi. pose proof (p_nonneg i Hi). pose proof (p_le1 i Hi).
  rewrite (sum_ext n _ (fun j => delta i j * (2 * (p i * (1 - p i))) - J p i j)).
  - rewrite sum_minus, J_row_sum by exact Hi.
    rewrite (sum_delta_l n i (fun _ => 2 * (p i * (1 - p i)))) by exact Hi. ring.
  - intros j Hj. pose proof (p_nonneg j Hj). unfold J, delta. destruct (Nat.eqb_spec i j) as [<-|].
    + rewrite Rabs_pos_eq by nra. ring.
    + rewrite Rabs_left1 by nra. ring.
Qed.

Theorem J_inf_norm_le_half i : (i < n)%nat -> sum n (fun j => Rabs (J p i j)) <= 1 / 2.
Proof. intros Hi; rewrite J_row_abs_sum by exact Hi. pose proof (pow2_ge_0 (p i - 1/2)). nra. Qed.

(** Spectral bound (Gershgorin-style, direct proof): 0 <= z^T J z <= 1/2 |z|^2. *)
Theorem J_spectral_half z : qf z <= 1 / 2 * sum n (fun i => z i ^ 2).
Proof.
  (* J is symmetric with absolute row sums at most 1/2 *)
  apply Rle_trans with (sum n (fun i => sum n (fun j =>
     Rabs (J p i j) * (1/2 * z i ^ 2) + Rabs (J p i j) * (1/2 * z j ^ 2)))).
  - apply sum_le; intros i Hi; apply sum_le; intros j Hj.
    apply Rle_trans with (Rabs (J p i j) * (Rabs (z i) * Rabs (z j))).
    + eapply Rle_trans; [apply Rle_abs|]. rewrite !Rabs_mult. right; ring.
    + rewrite <- Rmult_plus_distr_l. apply Rmult_le_compat_l; [apply Rabs_pos|].
      rewrite <- (pow2_abs (z i)), <- (pow2_abs (z j)).
      pose proof (pow2_ge_0 (Rabs (z i) - Rabs (z j))). lra.
  - rewrite (sum_ext n _ (fun i => sum n (fun j => Rabs (J p i j)) * (1/2 * z i ^ 2)
        + sum n (fun j => Rabs (J p i j) * (1/2 * z j ^ 2))))
      by (intros; rewrite sum_plus, sum_scal_r; reflexivity).
    rewrite sum_plus.
    rewrite (sum_swap n n (fun i j => Rabs (J p i j) * (1/2 * z j ^ 2))).
    rewrite (sum_ext n (fun j => sum n (fun i => Rabs (J p i j) * (1/2 * z j ^ 2)))
       (fun j => sum n (fun i => Rabs (J p j i)) * (1/2 * z j ^ 2))).
    2:{ intros j Hj. rewrite sum_scal_r. f_equal. apply sum_ext; intros; f_equal; apply J_sym. }
    rewrite <- sum_plus, <- sum_scal. apply sum_le; intros i Hi.
    pose proof (J_inf_norm_le_half i Hi). pose proof (pow2_ge_0 (z i)). nra.
Qed.

(** Schur's test: if every absolute row sum is at most m, then |J z|_2 <= m |z|_2.  So the norm of J
    is at most the largest 2 p_i (1 - p_i), which is at most 1/2. *)
Theorem J_norm m : (forall i, (i < n)%nat -> 2 * (p i * (1 - p i)) <= m) ->
  forall z, sum n (fun i => (sum n (fun j => J p i j * z j)) ^ 2) <= m ^ 2 * sum n (fun i => z i ^ 2).
Proof.
  clear n_pos. intros Hm z.
  destruct (Nat.eq_dec n 0) as [E|E]; [rewrite E; cbn; lra|].
  assert (Hm0 : 0 <= m).
  { assert (H0 : (0 < n)%nat) by lia. pose proof (Hm 0%nat H0). pose proof (p_nonneg 0%nat H0).
    pose proof (p_le1 0%nat H0). nra. }
  apply Rle_trans with (sum n (fun i => m * sum n (fun j => Rabs (J p i j) * z j ^ 2))).
  - apply sum_le; intros i Hi.
    set (a := fun j => sqrt (Rabs (J p i j))).
    assert (Ha : forall j, a j ^ 2 = Rabs (J p i j)) by (intros; apply pow2_sqrt, Rabs_pos).
    apply Rle_trans with ((sum n (fun j => a j * (a j * Rabs (z j)))) ^ 2).
    + rewrite <- (pow2_abs (sum n (fun j => J p i j * z j))). apply pow_incr. split; [apply Rabs_pos|].
      eapply Rle_trans; [apply sum_Rabs|]. right. apply sum_ext; intros j Hj.
      rewrite Rabs_mult, <- Ha. ring.
    + eapply Rle_trans; [apply cauchy_schwarz|].
      rewrite (sum_ext n (fun j => a j ^ 2) (fun j => Rabs (J p i j))) by (intros; apply Ha).
      rewrite (sum_ext n (fun j => (a j * Rabs (z j)) ^ 2) (fun j => Rabs (J p i j) * z j ^ 2)).
      2:{ intros j Hj. rewrite Rpow_mult_distr, Ha, pow2_abs. reflexivity. }
      apply Rmult_le_compat_r.
      * apply sum_nonneg; intros. apply Rmult_le_pos; [apply Rabs_pos|apply pow2_ge_0].
      * rewrite J_row_abs_sum by exact Hi. auto.
  - rewrite sum_scal. replace (m ^ 2 * sum n (fun i => z i ^ 2)) with (m * (m * sum n (fun i => z i ^ 2)))
      by ring.
    apply Rmult_le_compat_l; [exact Hm0|]. rewrite sum_swap, <- sum_scal. apply sum_le; intros j Hj.
    rewrite sum_scal_r, (sum_ext n _ (fun i => Rabs (J p j i))) by (intros; now rewrite J_sym).
    apply Rmult_le_compat_r; [apply pow2_ge_0|]. rewrite J_row_abs_sum by exact Hj. auto.
Qed.

Corollary J_norm_half z :
  sum n (fun i => (sum n (fun j => J p i j * z j)) ^ 2) <= (1 / 2) ^ 2 * sum n (fun i => z i ^ 2).
Proof.
  apply J_norm. intros i Hi. rewrite <- J_row_abs_sum by exact Hi. now apply J_inf_norm_le_half.
Qed.

(** Saturation: if one probability is at least 1 - eps, every entry of J, its
    trace and every absolute row sum is at most 2 eps. *)
Theorem J_saturation k eps : (k < n)%nat -> 1 - eps <= p k ->
  forall i, (i < n)%nat -> sum n (fun j => Rabs (J p i j)) <= 2 * eps.
Proof.
  intros Hk He i Hi. rewrite J_row_abs_sum by exact Hi.
  pose proof (p_nonneg i Hi). pose proof (p_le1 i Hi).
  pose proof (p_nonneg k Hk). pose proof (p_le1 k Hk).
  destruct (Nat.eq_dec i k) as [->|Hne]; [nra|].
  assert (p i <= eps); [|nra].
  assert (delta k i * 0 + p i + p k <= 1); [|lra].
  rewrite <- p_sum1.
  rewrite <- (sum_delta n i p Hi), <- (sum_delta n k p Hk) at 1.
  rewrite Rmult_0_r, Rplus_0_l, <- sum_plus. apply sum_le; intros m Hm.
  pose proof (p_nonneg m Hm). unfold delta.
  destruct (Nat.eqb_spec m i); destruct (Nat.eqb_spec m k); subst; try lra. lia.
Qed.

Theorem J_frobenius_le : sum n (fun i => sum n (fun j => J p i j ^ 2)) <= (1 - sum n (fun i => p i ^ 2)) / 2.
Proof.
  apply Rle_trans with (sum n (fun i => p i * (1 - p i) * (2 * (p i * (1 - p i))))).
  - apply sum_le; intros i Hi. rewrite <- J_row_abs_sum by exact Hi. rewrite <- sum_scal.
    apply sum_le; intros j Hj. rewrite <- (pow2_abs (J p i j)).
    assert (Rabs (J p i j) <= p i * (1 - p i)); [|pose proof (Rabs_pos (J p i j)); nra].
    pose proof (p_nonneg i Hi). pose proof (p_le1 i Hi). pose proof (p_nonneg j Hj).
    pose proof (p_le1 j Hj).
    assert (Hij : i <> j -> p i + p j <= 1).
    { intros Hne. rewrite <- p_sum1.
      rewrite <- (sum_delta n i p Hi), <- (sum_delta n j p Hj) at 1.
      rewrite <- sum_plus. apply sum_le; intros m Hm. pose proof (p_nonneg m Hm). unfold delta.
      destruct (Nat.eqb_spec m i); destruct (Nat.eqb_spec m j); subst; try lra. congruence. }
    unfold J, delta. destruct (Nat.eqb_spec i j) as [<-|Hne].
    + rewrite Rabs_pos_eq by nra. lra.
    + specialize (Hij Hne). rewrite Rabs_left1 by nra. nra.
  - rewrite <- J_trace. unfold Rdiv. rewrite <- sum_scal_r. apply sum_le; intros i Hi.
    unfold J. rewrite delta_refl. pose proof (p_nonneg i Hi). pose proof (p_le1 i Hi).
    set (w := p i * (1 - p i)) in *.
    assert (0 <= w) by (unfold w; nra).
    assert (w <= 1 / 4) by (unfold w; pose proof (pow2_ge_0 (p i - 1/2)); nra).
    nra.
Qed.
End Jacobian.

(** ** Large score gaps saturate softmax: p_k >= 1 - (n-1) e^{-gap}. *)
Theorem softmax_gap x k gap : (k < n)%nat ->
  (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  1 - INR (n - 1) * exp (- gap) <= softmax x k.
Proof.
  intros Hk Hg. pose proof (Z_pos x) as HZ. pose proof (exp_pos (x k)) as He.
  assert (HZle : Z x <= exp (x k) + INR (n - 1) * (exp (x k) * exp (- gap))).
  { unfold Z. rewrite minus_INR by lia. change (INR 1) with 1.
    set (e := exp (x k) * exp (- gap)).
    replace (exp (x k) + (INR n - 1) * e) with
      (sum n (fun i => delta i k * (exp (x k) - e) + e)).
    - apply sum_le; intros i Hi. unfold delta. destruct (Nat.eqb_spec i k) as [->|Hne]; [lra|].
      unfold e. rewrite <- exp_plus.
      specialize (Hg i Hi Hne). destruct (Rle_lt_or_eq_dec _ _ Hg) as [Hl| ->].
      + left. rewrite Rmult_0_l, Rplus_0_l. apply exp_increasing. lra.
      + right. rewrite Rmult_0_l, Rplus_0_l. f_equal; ring.
    - rewrite sum_plus, sum_const, (sum_delta n k (fun _ => exp (x k) - e)) by exact Hk. ring. }
  unfold softmax. apply Rmult_le_reg_r with (Z x); [exact HZ|].
  replace (exp (x k) / Z x * Z x) with (exp (x k)) by (field; lra).
  pose proof (exp_pos (- gap)). pose proof (pos_INR (n - 1)).
  set (a := INR (n - 1) * exp (- gap)) in *.
  assert (0 <= a) by (unfold a; apply Rmult_le_pos; lra).
  assert (Z x <= exp (x k) * (1 + a)) by (unfold a; lra).
  destruct (Rle_dec 1 a) as [Ha|Ha]; [nra|].
  assert ((1 - a) * Z x <= (1 - a) * (exp (x k) * (1 + a))) by (apply Rmult_le_compat_l; lra).
  nra.
Qed.

(** ... and the Jacobian vanishes at the same rate: |J z|_2 <= 2 (n-1) e^{-gap} |z|_2. *)
Theorem J_gap x k gap : (k < n)%nat -> (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  forall z, sum n (fun i => (sum n (fun j => J (softmax x) i j * z j)) ^ 2) <=
    (2 * (INR (n - 1) * exp (- gap))) ^ 2 * sum n (fun i => z i ^ 2).
Proof.
  intros Hk Hg.
  assert (Hp : forall i, (i < n)%nat -> 0 <= softmax x i) by (intros; left; apply softmax_pos).
  apply J_norm; [exact Hp|apply softmax_sum1|]. intros i Hi.
  rewrite <- (J_row_abs_sum (softmax x) Hp (softmax_sum1 x) i Hi).
  apply (J_saturation (softmax x) Hp (softmax_sum1 x) k); [exact Hk|now apply softmax_gap|exact Hi].
Qed.

(** Scores that grow: as t grows, the largest of the scores t x_j takes all weight. *)
Theorem softmax_limit x k : (k < n)%nat -> (forall j, (j < n)%nat -> j <> k -> x j < x k) ->
  forall eps, 0 < eps -> exists t0, forall t, t0 <= t -> 1 - eps <= softmax (fun j => t * x j) k.
Proof.
  intros Hk Hx eps Heps.
  assert (Hgap : exists g, 0 < g /\ forall j, (j < n)%nat -> j <> k -> x j <= x k - g).
  { clear eps Heps n_pos Hk. induction n as [|m IH]; [exists 1; split; [lra|lia]|].
    destruct IH as (g & Hg & H); [intros; apply Hx; lia|].
    destruct (Nat.eq_dec m k) as [->|Hne].
    - exists g. split; [exact Hg|]. intros j Hj Hjk. apply H; lia.
    - assert (x m < x k) by (apply Hx; [lia|exact Hne]).
      exists (Rmin g (x k - x m)). split; [apply Rmin_glb_lt; lra|].
      intros j Hj Hjk. pose proof (Rmin_l g (x k - x m)). pose proof (Rmin_r g (x k - x m)).
      destruct (Nat.eq_dec j m) as [->|]; [lra|]. assert (x j <= x k - g) by (apply H; lia). lra. }
  destruct Hgap as (g & Hg & Hx').
  pose proof (pos_INR (n - 1)) as Hn.
  (* from t0 on, (n-1) e^{-t g} <= eps: e^{t g} >= 1 + t g *)
  exists (INR (n - 1) / (eps * g)). intros t Ht.
  assert (Ht0 : 0 <= t).
  { eapply Rle_trans; [|exact Ht]. unfold Rdiv. apply Rmult_le_pos; [exact Hn|].
    left. apply Rinv_0_lt_compat. nra. }
  eapply Rle_trans; [|apply (softmax_gap (fun j => t * x j) k (t * g) Hk)].
  - assert (INR (n - 1) * exp (- (t * g)) <= eps); [|lra].
    rewrite exp_Ropp. apply Rmult_le_reg_r with (exp (t * g)); [apply exp_pos|].
    rewrite Rmult_assoc, Rinv_l, Rmult_1_r by (apply Rgt_not_eq, exp_pos).
    assert (t * g <= exp (t * g)) by (pose proof (exp_ineq1_le (t * g)); lra).
    apply Rle_trans with (eps * (t * g)); [|apply Rmult_le_compat_l; lra].
    apply Rmult_le_compat_r with (r := eps * g) in Ht; [|nra].
    replace (INR (n - 1) / (eps * g) * (eps * g)) with (INR (n - 1)) in Ht by (field; lra). lra.
  - intros j Hj Hjk. specialize (Hx' j Hj Hjk). nra.
Qed.

(** ** The gradient with respect to the query: dp_i/dq_a = c sum_j J_ij k_ja for scores c q.k_j *)
Theorem query_derivative d (K : nat -> nat -> R) c q i a : (i < n)%nat -> (a < d)%nat ->
  let s q j := c * sum d (fun b => q b * K j b) in
  derivable_pt_lim (fun t => softmax (s (fun b => q b + t * delta a b)) i) 0
    (c * sum n (fun j => J (softmax (s q)) i j * K j a)).
Proof.
  intros Hi Ha s.
  assert (E : forall t j, s (fun b => q b + t * delta a b) j = line (s q) (fun j => c * K j a) t j).
  { intros t j. unfold s, line.
    rewrite (sum_ext d _ (fun b => q b * K j b + delta a b * (t * K j b))) by (intros; ring).
    rewrite sum_plus, sum_delta_l by exact Ha. ring. }
  assert (E' : forall t, softmax (s (fun b => q b + t * delta a b)) i
      = softmax (line (s q) (fun j => c * K j a) t) i).
  { intros t. apply (softmax_eq _ _ 0); [|exact Hi]. intros j Hj. rewrite E. ring. }
  pose proof (softmax_directional (s q) (fun j => c * K j a) i 0 Hi) as D.
  replace (c * sum n (fun j => J (softmax (s q)) i j * K j a)) with
    (sum n (fun j => J (softmax (line (s q) (fun j => c * K j a) 0)) i j * (c * K j a))).
  - intros eps Heps. destruct (D eps Heps) as (del & H). exists del. intros h Hh Hlt.
    rewrite !E'. exact (H h Hh Hlt).
  - rewrite <- sum_scal. apply sum_ext; intros j Hj.
    assert (P : forall m, softmax (line (s q) (fun j => c * K j a) 0) m = softmax (s q) m).
    { intros m. unfold softmax, Z, line. rewrite Rmult_0_l, Rplus_0_r.
      now rewrite (sum_ext n (fun i => exp (s q i + 0 * (c * K i a))) (fun i => exp (s q i)))
        by (intros; f_equal; ring). }
    unfold J. rewrite !P. ring.
Qed.
End Softmax.
