(* Shared.v -- scores with shared and with separate weights.

   x has n rows of D numbers, W, WQ, WK are D by d; q = x WQ, k = x WK, and the score is
   s i j = q_i . k_j.  With shared weights, WQ = WK = W, the scores are a Gram matrix.  *)
Require Import Reals Lra Lia Psatz.
From Qkcheck.base Require Import Sum Linear Softmax.
Open Scope R_scope.

(** ** Any vectors u_i in R^d against themselves *)

Section Gram.
Variables (d : nat) (u : nat -> nat -> R).

Definition gram (i j : nat) : R := sum d (fun c => u i c * u j c).

Theorem gram_sym i j : gram i j = gram j i.
Proof. apply sum_ext; intros; ring. Qed.

Theorem gram_psd n z : 0 <= form n gram z.
Proof. apply (form_gram_nonneg n d u z). Qed.

Lemma gram_diag i : gram i i = sum d (fun c => u i c ^ 2).
Proof. apply sum_ext; intros; ring. Qed.

Lemma gram_diag_nonneg i : 0 <= gram i i.
Proof. rewrite gram_diag. apply sum_nonneg; intros; apply pow2_ge_0. Qed.

Lemma gram_cauchy_schwarz i j : gram i j ^ 2 <= gram i i * gram j j.
Proof. rewrite !gram_diag. apply cauchy_schwarz. Qed.

Theorem gram_le_max i j : Rabs (gram i j) <= Rmax (gram i i) (gram j j).
Proof.
  pose proof (gram_cauchy_schwarz i j) as H.
  pose proof (gram_diag_nonneg i) as Hi. pose proof (gram_diag_nonneg j) as Hj.
  pose proof (Rmax_l (gram i i) (gram j j)). pose proof (Rmax_r (gram i i) (gram j j)).
  set (m := Rmax (gram i i) (gram j j)) in *.
  assert (gram i j ^ 2 <= m ^ 2) by nra.
  rewrite <- (Rabs_pos_eq m) by lra. apply Rsqr_le_abs_0. unfold Rsqr. nra.
Qed.

(* With equal norms every row has its largest entry on the diagonal. *)
Theorem gram_equal_norms i j : gram i i = gram j j -> gram i j <= gram i i.
Proof.
  intros E. pose proof (gram_le_max i j) as H. rewrite <- E in H.
  rewrite Rmax_left in H by lra. pose proof (Rle_abs (gram i j)). lra.
Qed.
End Gram.

(** ** Projected tokens *)

Definition project (D : nat) (x W : nat -> nat -> R) (i c : nat) : R :=
  sum D (fun a => x i a * W a c).

Definition scores (D d : nat) (x WQ WK : nat -> nat -> R) (i j : nat) : R :=
  sum d (fun c => project D x WQ i c * project D x WK j c).

(* s i j = x_i^T (WQ WK^T) x_j *)
Theorem scores_bilinear D d x WQ WK i j :
  scores D d x WQ WK i j =
  sum D (fun a => sum D (fun b => x i a * sum d (fun c => WQ a c * WK b c) * x j b)).
Proof.
  unfold scores, project.
  rewrite (sum_ext d _ (fun c => sum D (fun a => sum D (fun b => x i a * WQ a c * (x j b * WK b c)))))
    by (intros; apply sum_mul).
  rewrite (sum_swap d D). apply sum_ext; intros a _.
  rewrite (sum_swap d D). apply sum_ext; intros b _.
  rewrite <- sum_scal, <- sum_scal_r. apply sum_ext; intros; ring.
Qed.

(* Shared weights: the Gram matrix of the projected tokens, word by word. *)
Lemma scores_shared D d x W : scores D d x W W = gram d (project D x W).
Proof. reflexivity. Qed.

(** ** Instances.  A matrix is given by its rows. *)

Definition entry (rows : list (list R)) (i j : nat) : R := List.nth j (List.nth i rows nil) 0.

(* X and W of the counterexample to "(WX)(WX)^T = X^T W^T W X": X = I, W = (1 2). *)
Definition product (n : nat) (A B : nat -> nat -> R) (i j : nat) : R := sum n (fun k => A i k * B k j).
Definition transpose (A : nat -> nat -> R) (i j : nat) : R := A j i.

Theorem identity_fails :
  let X := entry ((1 :: 0 :: nil) :: (0 :: 1 :: nil) :: nil)%list in
  let W := entry ((1 :: 2 :: nil) :: nil)%list in
  let WX := product 2 W X in
  product 2 WX (transpose WX) 0 0 = 5 /\
  forall i j, (i < 2)%nat -> (j < 2)%nat ->
    product 1 (transpose WX) WX i j = INR ((i + 1) * (j + 1)).
Proof.
  split; [cbn; ring|]. intros i j Hi Hj.
  destruct i as [|[|]]; destruct j as [|[|]]; try lia; cbn; ring.
Qed.

(* Rows (1,0) and (2,0): the first scores the second higher than itself. *)
Theorem diagonal_not_maximal :
  let x := entry ((1 :: 0 :: nil) :: (2 :: 0 :: nil) :: nil)%list in gram 2 x 0 0 < gram 2 x 0 1.
Proof. cbn. lra. Qed.

(* Tokens of equal norm do not help when W stretches: (1,0) and (3/5,4/5), W = (1,2)^T. *)
Theorem equal_token_norms_not_enough :
  let x := entry ((1 :: 0 :: nil) :: (3/5 :: 4/5 :: nil) :: nil)%list in
  let W := entry ((1 :: nil) :: (2 :: nil) :: nil)%list in
  gram 2 x 0 0 = gram 2 x 1 1 /\ scores 2 1 x W W 0 0 < scores 2 1 x W W 0 1.
Proof. cbn. unfold project. cbn. lra. Qed.

(* Separate weights: tokens (1,0) and (0,1), WQ = (1,0)^T, WK = (0,1)^T: s_01 = 1, s_10 = 0. *)
Theorem separate_not_symmetric :
  let x := entry ((1 :: 0 :: nil) :: (0 :: 1 :: nil) :: nil)%list in
  let WQ := entry ((1 :: nil) :: (0 :: nil) :: nil)%list in
  let WK := entry ((0 :: nil) :: (1 :: nil) :: nil)%list in
  scores 2 1 x WQ WK 0 1 = 1 /\ scores 2 1 x WQ WK 1 0 = 0.
Proof. cbn. unfold project. cbn. lra. Qed.

(** ** What shared weights can express *)

Theorem shared_forms D d M :
  (exists W, forall a b, (a < D)%nat -> (b < D)%nat -> M a b = sum d (fun c => W a c * W b c)) <->
  (exists A B, forall a b, (a < D)%nat -> (b < D)%nat -> M a b = sum d (fun c => A a c * B b c)) /\
  (forall a b, (a < D)%nat -> (b < D)%nat -> M a b = M b a) /\
  (forall z, 0 <= form D M z).
Proof.
  split.
  - intros (W & H). split; [exists W, W; exact H|]. split.
    + intros a b Ha Hb. rewrite !H by assumption. apply gram_sym.
    + intros z. rewrite (form_ext D M (gram d W)) by exact H. apply gram_psd.
  - intros (HR & Hs & Hp). exact (semidefinite_square D d M HR Hs Hp).
Qed.

(** ** The softmax of symmetric scores *)

(* Z_i p_ij = Z_j p_ji: only the normaliser differs, and p is reversible with weights Z. *)
Theorem symmetric_reversible n s i j : (0 < n)%nat -> s i j = s j i ->
  Z n (s i) * softmax n (s i) j = Z n (s j) * softmax n (s j) i.
Proof.
  intros Hn E. unfold softmax. rewrite E.
  pose proof (Z_pos n Hn (s i)). pose proof (Z_pos n Hn (s j)). field. lra.
Qed.

Theorem symmetric_ratio n s i j : (0 < n)%nat -> s i j = s j i ->
  softmax n (s i) j / softmax n (s j) i = Z n (s j) / Z n (s i).
Proof.
  intros Hn E. unfold softmax. rewrite E. pose proof (exp_pos (s j i)).
  pose proof (Z_pos n Hn (s i)). pose proof (Z_pos n Hn (s j)). field. lra.
Qed.

(* Rows (0) and (1): scores 0 0 and 0 1, symmetric; the weights are not. *)
Theorem symmetric_scores_directed_weights :
  let s := gram 1 (entry ((0 :: nil) :: (1 :: nil) :: nil)%list) in
  (forall i j, s i j = s j i) /\ softmax 2 (s 1%nat) 0 < softmax 2 (s 0%nat) 1.
Proof.
  split; [apply gram_sym|]. unfold softmax, Z, gram, entry. cbn.
  replace (0 + 1 * 0) with 0 by ring. replace (0 + 0 * 0) with 0 by ring.
  replace (0 + 0 * 1) with 0 by ring. replace (0 + 1 * 1) with 1 by ring. rewrite exp_0.
  pose proof (exp_ineq1 1 ltac:(lra)). unfold Rdiv. rewrite !Rmult_1_l.
  apply Rinv_lt_contravar; nra.
Qed.

(** ** Gradients of shared weights add *)

(* L has the gradient G at the matrix S: along every curve through S with velocities v, the
   derivative of L is sum G_ij v_ij. *)
Definition gradient (n : nat) (L : (nat -> nat -> R) -> R) (S G : nat -> nat -> R) : Prop :=
  forall path v, (forall i j, path 0 i j = S i j) ->
    (forall i j, derivable_pt_lim (fun t => path t i j) 0 (v i j)) ->
    derivable_pt_lim (fun t => L (path t)) 0 (sum n (fun i => sum n (fun j => G i j * v i j))).

(* W + t V *)
Definition moved (W V : nat -> nat -> R) (t : R) (a c : nat) : R := W a c + t * V a c.

Lemma project_moved D x W V t i c : project D x (moved W V t) i c = project D x W i c + t * project D x V i c.
Proof.
  unfold project, moved. rewrite <- sum_scal, <- sum_plus. apply sum_ext; intros; ring.
Qed.

Lemma derivable_quadratic a b c f : (forall t, f t = a + b * t + c * (t * t)) ->
  derivable_pt_lim f 0 b.
Proof.
  intros H eps Heps.
  exists (mkposreal (eps / (1 + Rabs c)) ltac:(apply Rdiv_lt_0_compat; [exact Heps|pose proof (Rabs_pos c); lra])).
  intros h Hh Hlt. cbn in Hlt. rewrite !H.
  replace ((a + b * (0 + h) + c * ((0 + h) * (0 + h)) - (a + b * 0 + c * (0 * 0))) / h - b) with (c * h)
    by (field; exact Hh).
  rewrite Rabs_mult. pose proof (Rabs_pos c). pose proof (Rabs_pos h).
  apply Rle_lt_trans with ((1 + Rabs c) * Rabs h); [nra|].
  apply Rmult_lt_compat_l with (r := 1 + Rabs c) in Hlt; [|lra].
  replace ((1 + Rabs c) * (eps / (1 + Rabs c))) with eps in Hlt by (field; lra). exact Hlt.
Qed.

(* The derivative of the loss when the shared W moves along V is the sum of those when only WQ, and
   when only WK moves. *)
Theorem shared_gradient n D d x W V L G :
  gradient n L (scores D d x W W) G ->
  exists q k,
    derivable_pt_lim (fun t => L (scores D d x (moved W V t) W)) 0 q /\
    derivable_pt_lim (fun t => L (scores D d x W (moved W V t))) 0 k /\
    derivable_pt_lim (fun t => L (scores D d x (moved W V t) (moved W V t))) 0 (q + k).
Proof.
  intros HL.
  set (vq := fun i j => sum d (fun c => project D x V i c * project D x W j c)).
  set (vk := fun i j => sum d (fun c => project D x W i c * project D x V j c)).
  assert (still : forall A i c, project D x (moved A V 0) i c = project D x A i c)
    by (intros; rewrite project_moved; ring).
  exists (sum n (fun i => sum n (fun j => G i j * vq i j))), (sum n (fun i => sum n (fun j => G i j * vk i j))).
  split; [|split].
  - apply (HL (fun t => scores D d x (moved W V t) W)).
    + intros i j. apply sum_ext; intros c _. now rewrite still.
    + intros i j. apply (derivable_quadratic (scores D d x W W i j) (vq i j) 0). intros t.
      unfold scores, vq. rewrite Rmult_0_l, Rplus_0_r, <- sum_scal_r, <- sum_plus.
      apply sum_ext; intros c _. rewrite project_moved. ring.
  - apply (HL (fun t => scores D d x W (moved W V t))).
    + intros i j. apply sum_ext; intros c _. now rewrite still.
    + intros i j. apply (derivable_quadratic (scores D d x W W i j) (vk i j) 0). intros t.
      unfold scores, vk. rewrite Rmult_0_l, Rplus_0_r, <- sum_scal_r, <- sum_plus.
      apply sum_ext; intros c _. rewrite project_moved. ring.
  - rewrite <- sum_plus.
    rewrite (sum_ext n _ (fun i => sum n (fun j => G i j * (vq i j + vk i j)))).
    + apply (HL (fun t => scores D d x (moved W V t) (moved W V t))).
      * intros i j. apply sum_ext; intros c _. now rewrite !still.
      * intros i j.
        apply (derivable_quadratic (scores D d x W W i j) (vq i j + vk i j) (scores D d x V V i j)).
        intros t. unfold scores, vq, vk. rewrite <- sum_plus, <- !sum_scal_r, <- !sum_plus.
        apply sum_ext; intros c _. rewrite !project_moved. ring.
    + intros i _. rewrite <- sum_plus. apply sum_ext; intros; ring.
Qed.

(** ** Counts *)

Definition shared_parameters (D d : nat) : nat := D * d.
Definition separate_parameters (D d : nat) : nat := D * d + D * d.

Theorem separate_is_double D d : separate_parameters D d = (2 * shared_parameters D d)%nat.
Proof. unfold separate_parameters, shared_parameters. lia. Qed.
