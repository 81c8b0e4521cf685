(* Claims.v -- what the folder base proves, restated in full; Claims.txt is what Coq makes of it.

   Vectors and matrices are functions of indices that count from 0, with their sizes beside them;
   sum n f is f 0 + ... + f (n-1).  *)
Require Import Reals List.
From Qkcheck.base Require Import Sum Linear Softmax Shared Heads Additive Training.
Import ListNotations.
Open Scope R_scope.

(** ** The softmax of n >= 1 scores x *)

(* The weights are positive and sum to 1. *)
Theorem softmax_simplex n x : (0 < n)%nat ->
  (forall i, 0 < softmax n x i) /\ sum n (softmax n x) = 1.
Proof. exact (fun Hn => conj (softmax_pos n Hn x) (softmax_sum1 n Hn x)). Qed.

(* Adding a constant to all scores changes nothing. *)
Theorem softmax_shift n x c i : (0 < n)%nat -> softmax n (fun j => x j + c) i = softmax n x i.
Proof. exact (fun Hn => softmax_shift n Hn x c i). Qed.

(* dp_i/dx_j = p_i (delta_ij - p_j) = J_ij. *)
Theorem softmax_derivative n x i j : (i < n)%nat -> (j < n)%nat ->
  derivable_pt_lim (fun t => softmax n (fun k => x k + t * delta j k) i) 0
    (softmax n x i * (delta i j - softmax n x j)).
Proof. exact (fun Hi => softmax_partial n (Nat.le_lt_trans _ _ _ (Nat.le_0_l i) Hi) x i j Hi). Qed.

(* A score that stands a gap above all others takes all weight but (n-1) e^-gap. *)
Theorem softmax_gap n x k gap : (k < n)%nat ->
  (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  1 - INR (n - 1) * exp (- gap) <= softmax n x k.
Proof. exact (fun Hk => softmax_gap n (Nat.le_lt_trans _ _ _ (Nat.le_0_l k) Hk) x k gap Hk). Qed.

(* As the scores grow in proportion, the largest of them takes all weight. *)
Theorem softmax_limit n x k : (k < n)%nat -> (forall j, (j < n)%nat -> j <> k -> x j < x k) ->
  forall eps, 0 < eps ->
    exists t0, forall t, t0 <= t -> 1 - eps <= softmax n (fun j => t * x j) k.
Proof. exact (fun Hk => softmax_limit n (Nat.le_lt_trans _ _ _ (Nat.le_0_l k) Hk) x k Hk). Qed.

(** ** The Jacobian J = diag(p) - p p^T of a probability vector p *)

Theorem jacobian_entries p i j : J p i j = delta i j * p i - p i * p j.
Proof. exact (J_diag_minus_outer p i j). Qed.

Theorem jacobian_symmetric p i j : J p i j = J p j i.
Proof. exact (J_sym p i j). Qed.

Theorem jacobian_row_sum n p : sum n p = 1 ->
  forall i, (i < n)%nat -> sum n (J p i) = 0.
Proof. exact (J_row_sum n p). Qed.

Theorem jacobian_psd n p : (forall i, (i < n)%nat -> 0 <= p i) -> sum n p = 1 ->
  forall z, 0 <= sum n (fun i => sum n (fun j => z i * J p i j * z j)).
Proof. exact (J_psd n p). Qed.

(* |J z|_2 <= m |z|_2 where m is at least every 2 p_i (1 - p_i). *)
Theorem jacobian_norm n p : (forall i, (i < n)%nat -> 0 <= p i) -> sum n p = 1 ->
  forall m, (forall i, (i < n)%nat -> 2 * (p i * (1 - p i)) <= m) ->
  forall z, sum n (fun i => (sum n (fun j => J p i j * z j)) ^ 2) <= m ^ 2 * sum n (fun i => z i ^ 2).
Proof. exact (J_norm n p). Qed.

(* So the spectral norm is at most 1/2. *)
Theorem jacobian_norm_half n p : (forall i, (i < n)%nat -> 0 <= p i) -> sum n p = 1 ->
  forall z, sum n (fun i => (sum n (fun j => J p i j * z j)) ^ 2) <=
    (1 / 2) ^ 2 * sum n (fun i => z i ^ 2).
Proof. exact (J_norm_half n p). Qed.

Theorem jacobian_frobenius n p : (forall i, (i < n)%nat -> 0 <= p i) -> sum n p = 1 ->
  sum n (fun i => sum n (fun j => J p i j ^ 2)) <= (1 - sum n (fun i => p i ^ 2)) / 2.
Proof. exact (J_frobenius_le n p). Qed.

(* Saturated, the Jacobian vanishes at the rate of the gap: |J z|_2 <= 2 (n-1) e^-gap |z|_2. *)
Theorem jacobian_gap n x k gap : (k < n)%nat ->
  (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  forall z, sum n (fun i => (sum n (fun j => J (softmax n x) i j * z j)) ^ 2) <=
    (2 * (INR (n - 1) * exp (- gap))) ^ 2 * sum n (fun i => z i ^ 2).
Proof. exact (fun Hk => J_gap n (Nat.le_lt_trans _ _ _ (Nat.le_0_l k) Hk) x k gap Hk). Qed.

(* Scores c q.k_j of d-dimensional keys: dp_i/dq_a = c sum_j J_ij k_ja. *)
Theorem query_gradient n d (k : nat -> nat -> R) c q i a : (i < n)%nat -> (a < d)%nat ->
  let s q j := c * sum d (fun b => q b * k j b) in
  derivable_pt_lim (fun t => softmax n (s (fun b => q b + t * delta a b)) i) 0
    (c * sum n (fun j => J (softmax n (s q)) i j * k j a)).
Proof. exact (fun Hi => query_derivative n (Nat.le_lt_trans _ _ _ (Nat.le_0_l i) Hi) d k c q i a Hi). Qed.

(** ** Shared and separate weights: tokens x with D numbers, W, WQ, WK of size D by d *)

(* "(WX)(WX)^T = X^T W^T W X" fails for X = I and W = (1 2): 5 against ((1,2),(2,4)). *)
Theorem shared_identity_fails :
  let X := entry [[1; 0]; [0; 1]] in let W := entry [[1; 2]] in let WX := product 2 W X in
  product 2 WX (transpose WX) 0 0 = 5 /\
  forall i j, (i < 2)%nat -> (j < 2)%nat ->
    product 1 (transpose WX) WX i j = INR ((i + 1) * (j + 1)).
Proof. exact identity_fails. Qed.

(* What holds: s_ij = x_i^T (WQ WK^T) x_j. *)
Theorem scores_are_bilinear D d x WQ WK i j :
  scores D d x WQ WK i j =
  sum D (fun a => sum D (fun b => x i a * sum d (fun c => WQ a c * WK b c) * x j b)).
Proof. exact (scores_bilinear D d x WQ WK i j). Qed.

Theorem shared_symmetric D d x W i j : scores D d x W W i j = scores D d x W W j i.
Proof. exact (gram_sym d (project D x W) i j). Qed.

Theorem shared_psd n D d x W z :
  0 <= sum n (fun i => sum n (fun j => z i * scores D d x W W i j * z j)).
Proof. exact (gram_psd d (project D x W) n z). Qed.

(* Separate weights: s_01 = 1 and s_10 = 0 for two unit vectors. *)
Theorem separate_asymmetric :
  let x := entry [[1; 0]; [0; 1]] in let WQ := entry [[1]; [0]] in let WK := entry [[0]; [1]] in
  scores 2 1 x WQ WK 0 1 = 1 /\ scores 2 1 x WQ WK 1 0 = 0.
Proof. exact separate_not_symmetric. Qed.

(* The forms W W^T are the symmetric positive semidefinite ones among all forms A B^T of rank <= d. *)
Theorem shared_forms D d M :
  (exists W, forall a b, (a < D)%nat -> (b < D)%nat -> M a b = sum d (fun c => W a c * W b c)) <->
  (exists A B, forall a b, (a < D)%nat -> (b < D)%nat -> M a b = sum d (fun c => A a c * B b c)) /\
  (forall a b, (a < D)%nat -> (b < D)%nat -> M a b = M b a) /\
  (forall z, 0 <= sum D (fun a => sum D (fun b => z a * M a b * z b))).
Proof. exact (shared_forms D d M). Qed.

(* "Symmetry forces each position to score itself highest" fails for the rows (1,0) and (2,0). *)
Theorem diagonal_not_maximal :
  let x := entry [[1; 0]; [2; 0]] in
  sum 2 (fun c => x 0%nat c * x 0%nat c) < sum 2 (fun c => x 0%nat c * x 1%nat c).
Proof. exact diagonal_not_maximal. Qed.

(* What holds: |s_ij| <= max(s_ii, s_jj). *)
Theorem shared_at_most_diagonal D d x W i j :
  Rabs (scores D d x W W i j) <= Rmax (scores D d x W W i i) (scores D d x W W j j).
Proof. exact (gram_le_max d (project D x W) i j). Qed.

(* Projected rows of equal norm: each scores itself highest. *)
Theorem equal_norms_diagonal D d x W i j :
  scores D d x W W i i = scores D d x W W j j -> scores D d x W W i j <= scores D d x W W i i.
Proof. exact (gram_equal_norms d (project D x W) i j). Qed.

(* Tokens of equal norm are not enough: (1,0) and (3/5,4/5) with W = (1,2)^T. *)
Theorem equal_token_norms_not_enough :
  let x := entry [[1; 0]; [3/5; 4/5]] in let W := entry [[1]; [2]] in
  sum 2 (fun c => x 0%nat c * x 0%nat c) = sum 2 (fun c => x 1%nat c * x 1%nat c) /\
  scores 2 1 x W W 0 0 < scores 2 1 x W W 0 1.
Proof. exact equal_token_norms_not_enough. Qed.

(* The softmax of symmetric scores s: p_ij / p_ji = Z_j / Z_i, Z_i the normaliser of row i. *)
Theorem shared_ratio n s i j : (0 < n)%nat -> s i j = s j i ->
  softmax n (s i) j / softmax n (s j) i = Z n (s j) / Z n (s i).
Proof. exact (symmetric_ratio n s i j). Qed.

(* So p is reversible with weights Z, but not symmetric: the rows (0) and (1). *)
Theorem shared_reversible n s i j : (0 < n)%nat -> s i j = s j i ->
  Z n (s i) * softmax n (s i) j = Z n (s j) * softmax n (s j) i.
Proof. exact (symmetric_reversible n s i j). Qed.

Theorem shared_not_symmetric :
  let s := gram 1 (entry [[0]; [1]]) in
  (forall i j, s i j = s j i) /\ softmax 2 (s 1%nat) 0 < softmax 2 (s 0%nat) 1.
Proof. exact symmetric_scores_directed_weights. Qed.

(* The derivative of a differentiable loss of the scores, when the shared W moves along V, is the sum
   of its derivatives when only WQ and when only WK does. *)
Theorem shared_gradients_add n D d x W V L G :
  gradient n L (scores D d x W W) G ->
  exists q k,
    derivable_pt_lim (fun t => L (scores D d x (moved W V t) W)) 0 q /\
    derivable_pt_lim (fun t => L (scores D d x W (moved W V t))) 0 k /\
    derivable_pt_lim (fun t => L (scores D d x (moved W V t) (moved W V t))) 0 (q + k).
Proof. exact (shared_gradient n D d x W V L G). Qed.

Theorem separate_parameters_double D d :
  separate_parameters D d = (2 * shared_parameters D d)%nat.
Proof. exact (separate_is_double D d). Qed.

(** ** Heads: h of them, of D/h columns each *)

(* 3 D^2 parameters for every h that divides D, D^2 more behind the heads, 4 D biases. *)
Theorem head_parameters_any D h : h <> 0%nat -> Nat.divide h D ->
  head_parameters D h (D / h) = (3 * (D * D))%nat /\
  output_parameters D h (D / h) = (D * D)%nat /\
  bias_parameters D h (D / h) = (4 * D)%nat.
Proof. exact (head_parameters_any D h). Qed.

(* h must divide D: D = 5, h = 2. *)
Theorem head_divisibility : (head_parameters 5 2 (5 / 2) < 3 * (5 * 5))%nat.
Proof. exact divisibility_needed. Qed.

(* 8 n D^2 + 4 n^2 D operations for every h; the softmax does grow with h. *)
Theorem head_operations n D h : h <> 0%nat -> Nat.divide h D ->
  attention_operations n D h (D / h) = (8 * (n * (D * D)) + 4 * (n * n * D))%nat /\
  softmax_operations n h = (5 * h * (n * n))%nat.
Proof. exact (fun Hh Hd => conj (attention_operations_any n D h Hh Hd) (softmax_operations_count n h)). Qed.

(* log P minus its row means is a sum of d products of a row and a column term. *)
Theorem head_log_rank n d q k i j : (0 < n)%nat ->
  let log_p i j := ln (softmax n (score d q k i) j) in
  log_p i j - row_mean n (log_p i) =
  sum d (fun c => q i c * (k j c - row_mean n (fun l => k l c))).
Proof. exact (log_weights_rank n d q k i j). Qed.

(* With d < n - 1 some positive weights P are the softmax of no q and k. *)
Theorem head_limited n d : (d < n - 1)%nat ->
  exists P, (forall i, (i < n)%nat -> (forall j, 0 < P i j) /\ sum n (P i) = 1) /\
    forall q k, exists i j, (i < n)%nat /\ (j < n)%nat /\ softmax n (score d q k i) j <> P i j.
Proof. exact (head_limited n d). Qed.

(* With d >= n - 1 and X of rank n (X Y = I for some Y) every positive P is reached. *)
Theorem head_reaches n d D (X Y P : nat -> nat -> R) : (0 < n)%nat -> (n - 1 <= d)%nat ->
  (forall i j, (i < n)%nat -> (j < n)%nat -> sum D (fun a => X i a * Y a j) = delta i j) ->
  (forall i, (i < n)%nat -> (forall j, 0 < P i j) /\ sum n (P i) = 1) ->
  exists WQ WK, forall i j, (i < n)%nat -> (j < n)%nat ->
    softmax n (scores D d X WQ WK i) j = P i j.
Proof. exact (head_reaches n d D X Y P). Qed.

(* One head averages: its output lies between the smallest and the largest value. *)
Theorem head_average n x v lo hi : (0 < n)%nat ->
  (forall j, (j < n)%nat -> lo <= v j <= hi) ->
  lo <= sum n (fun j => softmax n x j * v j) <= hi.
Proof. exact (one_head_is_an_average n x v lo hi). Qed.

(* One head cannot give each of two keys weight 1 - eps with eps < 1/2. *)
Theorem one_head_one_key n x a b eps : (a < n)%nat -> (b < n)%nat -> a <> b ->
  1 - eps <= softmax n x a -> 1 - eps <= softmax n x b -> 1 / 2 <= eps.
Proof. exact (one_head_one_key n x a b eps). Qed.

(* Two heads can, one key each: for every key there are scores that give it weight 1 - eps, and then
   the output is its value but for eps times the range of the values. *)
Theorem a_head_for_each_key n a eps : (a < n)%nat -> 0 < eps ->
  exists x, 1 - eps <= softmax n x a /\
    forall v lo hi, (forall j, (j < n)%nat -> lo <= v j <= hi) ->
      Rabs (sum n (fun j => softmax n x j * v j) - v a) <= eps * (hi - lo).
Proof. exact (a_head_for_each_key n a eps). Qed.

(* Two heads with the same weights: overlap sum p^2, Jensen-Shannon divergence 0. *)
Theorem identical_heads n p : overlap n p p = sum n (fun j => p j ^ 2) /\ divergence n p p = 0.
Proof. exact (identical_heads n p). Qed.

(* For any positive weights it lies between 0 and ln 2. *)
Theorem divergence_bounds n p r :
  (forall j, (j < n)%nat -> 0 < p j) -> (forall j, (j < n)%nat -> 0 < r j) ->
  sum n p = 1 -> sum n r = 1 -> 0 <= divergence n p r <= ln 2.
Proof. exact (divergence_bounds n p r). Qed.

(* Weights of variance w, tokens of squared length D: scores of variance d (D w)^2 (Claims_prob), with
   D = h d.  For w = 1/D; 2/(D + d), Xavier of one head; 2/(D + 3 D), Xavier of three packed matrices;
   1/(3 D). *)
Theorem initial_variances d h : 0 < d -> 0 < h -> let D := h * d in
  initial_variance D d (1 / D) = d /\
  initial_variance D d (2 / (D + d)) = d * (2 * h / (h + 1)) ^ 2 /\
  initial_variance D d (2 / (D + 3 * D)) = d / 4 /\
  initial_variance D d (1 / (3 * D)) = d / 9.
Proof. exact (initial_variances d h). Qed.

(** ** Additive scores, and the angle *)

(* |v^T tanh(a + b)| <= |v|_1 for all a = W q and b = U k. *)
Theorem additive_bounded m v a b :
  Rabs (sum m (fun c => v c * tanh (a c + b c))) <= sum m (fun c => Rabs (v c)).
Proof. exact (additive_bounded m v a b). Qed.

(* Without tanh the weights over the keys are the same for all queries a, a'. *)
Theorem additive_needs_tanh n m v (key : nat -> nat -> R) a a' i : (0 < n)%nat ->
  softmax n (fun j => sum m (fun c => v c * (a c + key j c))) i =
  softmax n (fun j => sum m (fun c => v c * (a' c + key j c))) i.
Proof. exact (linear_ignores_query n m v key a a' i). Qed.

(* One hidden unit suffices for any rank: for every n there are a and b such that the n x n scores
   tanh(a_i + b_j) are no sum of fewer than n products of a row and a column term. *)
Theorem additive_full_rank n : exists a b, forall d,
  (exists r c, forall i j, (i < n)%nat -> (j < n)%nat ->
    tanh (a i + b j) = sum d (fun l => r i l * c j l)) -> (n <= d)%nat.
Proof. exact (additive_full_rank n). Qed.

(* Operations for n queries and keys of d numbers, with m hidden units. *)
Theorem additive_count n d m :
  additive_operations n d m = (4 * (n * d * m) + 3 * (n * n * m))%nat /\
  additive_tanhs n m = (n * n * m)%nat /\ dot_operations n d = (2 * (n * n * d))%nat.
Proof. exact (additive_count n d m). Qed.

(* They are of the order of the dot product's when m <= C d and d <= C' n. *)
Theorem additive_same_order n d m C C' : (m <= C * d)%nat -> (d <= C' * n)%nat ->
  (additive_operations n d m <= (2 * C * C' + 2 * C) * dot_operations n d)%nat.
Proof. exact (additive_same_order n d m C C'). Qed.

(* q.k = |q| |k| cos, and the cosine is one. *)
Theorem dot_is_cosine d q k : 0 < norm d q -> 0 < norm d k ->
  dot d q k = norm d q * norm d k * cosine d q k /\ -1 <= cosine d q k <= 1.
Proof. exact (dot_is_cosine d q k). Qed.

(* "The dot product measures alignment" fails: q = (1,0) against k = (1,0) and l = (2,2). *)
Theorem alignment_fails :
  let x := entry [[1; 0]; [1; 0]; [2; 2]] in
  cosine 2 (x 0%nat) (x 1%nat) = 1 /\ dot 2 (x 0%nat) (x 1%nat) = 1 /\
  cosine 2 (x 0%nat) (x 2%nat) = / sqrt 2 /\ dot 2 (x 0%nat) (x 2%nat) = 2.
Proof. exact alignment_fails. Qed.

(* What holds: it does among keys of equal norm. *)
Theorem alignment_equal_norms d q k l : 0 < norm d q -> 0 < norm d k -> norm d k = norm d l ->
  (dot d q k <= dot d q l <-> cosine d q k <= cosine d q l).
Proof. exact (alignment_equal_norms d q k l). Qed.

(** ** Training: V queries and n keys, t a the key that query a is to find, C a its candidates

    The softmax goes over the candidates; log_loss is the mean of -ln p, accuracy the share of queries
    whose key has strictly the largest score of the candidates.  *)

(* Shared weights, with a bias for queries and one for keys, give a symmetric table but for a term of the
   query alone and one of the key alone. *)
Theorem shared_biases D d c x W bq bk : symmetric_up_to_biases (biased_scores D d c x W bq bk).
Proof. exact (shared_biases D d c x W bq bk). Qed.

(* Such scores cannot learn directed cycles a -> b -> c -> a, where both others of a cycle are among the
   candidates: the log loss is at least ln 2, whatever the dimension and the optimizer. *)
Theorem cycle_log_loss V C t s : (0 < V)%nat -> cycles V t -> both_ways V C t ->
  symmetric_up_to_biases s -> ln 2 <= log_loss V (fun a => among V (C a) (s a)) t.
Proof. exact (fun HV Ht HC => cycle_log_loss V C t HV Ht HC s). Qed.

(* And at most two queries of three are right. *)
Theorem cycle_accuracy V C t s : (0 < V)%nat -> cycles V t -> both_ways V C t ->
  symmetric_up_to_biases s -> accuracy V V C s t <= 2 / 3.
Proof. exact (fun HV Ht HC => cycle_accuracy V C t HV Ht HC s). Qed.

(* Any number of such heads, whose weights are averaged (w c = 1/h) or mixed in any proportions: ln 3/2. *)
Theorem cycle_heads_log_loss V C t h w s : (0 < V)%nat -> cycles V t -> both_ways V C t ->
  (forall c, (c < h)%nat -> symmetric_up_to_biases (s c)) ->
  (forall c, (c < h)%nat -> 0 <= w c) -> sum h w = 1 ->
  ln (3 / 2) <= log_loss V (fun a b => sum h (fun c => w c * among V (C a) (s c a) b)) t.
Proof. exact (fun HV Ht HC => cycle_heads_log_loss V C t HV Ht HC h w s). Qed.

(* Three averaged heads with shared weights W c come as near to it as one likes: three one-hot tokens, two
   columns. *)
Theorem cycle_heads_reached eps : 0 < eps ->
  exists W : nat -> nat -> nat -> R,
    log_loss 3 (fun a b =>
      sum 3 (fun c => / 3 * among 3 (others a) (scores 3 2 delta (W c) (W c) a) b)) next
    <= ln (3 / 2) + eps.
Proof. exact (cycle_heads_reached eps). Qed.

(* Separate weights learn the cycle, with one column. *)
Theorem separate_cycle_reached eps : 0 < eps ->
  exists WQ WK : nat -> nat -> R, let s := scores 3 1 delta WQ WK in
    accuracy 3 3 others s next = 1 /\ log_loss 3 (fun a => among 3 (others a) (s a)) next <= eps.
Proof. exact (separate_cycle_reached eps). Qed.

(* And shared weights learn a directed chain a -> b, b -> c, c -> b. *)
Theorem chain_reached eps : 0 < eps ->
  exists W : nat -> nat -> R, let s := scores 3 2 delta W W in
    let t a := match a with O => 1%nat | S O => 2%nat | _ => 1%nat end in
    accuracy 3 3 others s t = 1 /\ log_loss 3 (fun a => among 3 (others a) (s a)) t <= eps.
Proof. exact (chain_reached eps). Qed.

(* h heads, m different keys to be found by each query: the loss is at least 1 - h/m, whatever the weights
   p of the heads, their matrices and the width w of a head. *)
Theorem head_floor V n m dv w h p WV WO t : (0 < V)%nat -> (0 < m)%nat -> (0 < dv)%nat ->
  (forall a i, (a < V)%nat -> (i < m)%nat -> (t a i < n)%nat) ->
  (forall a i j, (a < V)%nat -> (i < m)%nat -> (j < m)%nat -> t a i = t a j -> i = j) ->
  Rmax 0 (1 - INR h / INR m) <= heads_loss V n m dv w h p WV WO t.
Proof. exact (head_floor V n m dv w h p WV WO t). Qed.

(* Heads as wide as a value, each with all its weight on one of the keys, reach it. *)
Theorem head_floor_reached V n m dv h t : (0 < V)%nat -> (0 < m)%nat -> (0 < dv)%nat -> (h <= m)%nat ->
  (forall a i, (a < V)%nat -> (i < m)%nat -> (t a i < n)%nat) ->
  exists WV WO, heads_loss V n m dv dv h (fun c a j => delta (t a c) j) WV WO t = 1 - INR h / INR m.
Proof. exact (head_floor_reached V n m dv h t). Qed.

(* In one dimension at most two queries of V find keys that are all different by dot products, whatever
   their scale c, and two can. *)
Theorem dot_one V n t : (0 < V)%nat -> (forall a, (a < V)%nat -> (t a < n)%nat) ->
  (forall a b, (a < V)%nat -> (b < V)%nat -> t a = t b -> a = b) ->
  (forall c Q K, accuracy V n all (fun a b => c * score 1 Q K a b) t <= 2 / INR V) /\
  ((2 <= V)%nat -> exists Q K, accuracy V n all (score 1 Q K) t = 2 / INR V).
Proof. exact (fun HV Hn Ht => conj (dot_one V n t HV Hn Ht) (dot_one_reached V n t HV Hn Ht)). Qed.

(* By additive scores at most one, and one can. *)
Theorem additive_one V n t : (0 < V)%nat -> (forall a, (a < V)%nat -> (t a < n)%nat) ->
  (forall a b, (a < V)%nat -> (b < V)%nat -> t a = t b -> a = b) ->
  (forall v Q K, accuracy V n all (fun a b => additive 1 v (Q a) (K b)) t <= 1 / INR V) /\
  (exists v Q K, accuracy V n all (fun a b => additive 1 v (Q a) (K b)) t = 1 / INR V).
Proof. exact (fun HV Hn Ht => conj (additive_one V n t HV Hn Ht) (additive_one_reached V n t HV Hn Ht)). Qed.

(* Tokens (x, 1): dot products of any dimension d find at most two keys that are all different. *)
Theorem dot_numbers V n t d c x WQ WK : (0 < V)%nat -> (forall a, (a < V)%nat -> (t a < n)%nat) ->
  (forall a b, (a < V)%nat -> (b < V)%nat -> t a = t b -> a = b) ->
  accuracy V n all (fun a b => c * scores 2 d (number x) WQ WK a b) t <= 2 / INR V.
Proof. exact (fun HV Hn Ht => dot_numbers V n t HV Hn Ht d c x WQ WK). Qed.

(* Additive scores of dimension two or more can find all V different numbers x again. *)
Theorem additive_numbers V d x : (0 < V)%nat -> (2 <= d)%nat ->
  (forall a b, (a < V)%nat -> (b < V)%nat -> x a = x b -> a = b) ->
  exists v WQ WK, accuracy V V all
    (fun a b => additive d v (project 2 (number x) WQ a) (project 2 (number x) WK b)) (fun a => a) = 1.
Proof. exact (additive_numbers V d x). Qed.

(* A loss behind the softmax stops where all scores but that of a key k stand a gap below it: the
   derivatives of |p - e_t|^2 with respect to the scores are 2 J (p - e_t), and vanish with e^-gap, be t = k or
   not. *)
Theorem squared_error_stops n x t k gap : (t < n)%nat -> (k < n)%nat ->
  (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  let g j := 2 * sum n (fun i => J (softmax n x) j i * (softmax n x i - delta t i)) in
  (forall j, (j < n)%nat -> derivable_pt_lim (fun h => squared_error n (raised x j h) t) 0 (g j)) /\
  sum n (fun j => g j ^ 2) <= 8 * (2 * (INR (n - 1) * exp (- gap))) ^ 2.
Proof. exact (fun Ht Hk Hg => let Hn := Nat.le_lt_trans _ _ _ (Nat.le_0_l t) Ht in
  conj (squared_error_derivative n Hn x t) (squared_error_stops n Hn x t k gap Ht Hk Hg)). Qed.

(* The log loss goes on: its derivatives are p - e_t, and that with respect to the target's score tends to
   -1 when another key k stands above it. *)
Theorem log_loss_goes_on n x t k gap : (t < n)%nat -> (k < n)%nat -> t <> k ->
  (forall j, (j < n)%nat -> j <> k -> x j <= x k - gap) ->
  let g j := softmax n x j - delta t j in
  (forall j, (j < n)%nat -> derivable_pt_lim (fun h => - ln (softmax n (raised x j h) t)) 0 (g j)) /\
  g t <= - (1 - INR (n - 1) * exp (- gap)).
Proof. exact (fun Ht Hk Hne Hg => let Hn := Nat.le_lt_trans _ _ _ (Nat.le_0_l t) Ht in
  conj (fun j => log_derivative n Hn x t j Ht) (log_loss_goes_on n Hn x t k gap Ht Hk Hne Hg)). Qed.

(* Tables Q, K trained on a loss of the scores r^2 q.k, G its gradient at the scores: without r^2, from
   r Q and r K, at the rate times r^2, gradient descent goes through the same scores, step by step.  With
   r = d^(-1/4) the scale r^2 is 1/sqrt d. *)
Theorem descent_rescaled V n d G r rate Q K k : 0 < r ->
  let scaled := descent V n d G (r ^ 2) rate Q K k in
  descent V n d G 1 (rate * r ^ 2) (times r Q) (times r K) k = (times r (fst scaled), times r (snd scaled)) /\
  (fun a b => 1 * score d (times r (fst scaled)) (times r (snd scaled)) a b) =
  (fun a b => r ^ 2 * score d (fst scaled) (snd scaled) a b).
Proof. exact (fun Hr => conj (descent_rescaled V n d G r Hr rate Q K k) (scores_rescaled d r _ _)). Qed.

(* Adam too, at the rate times r and with eps/r. *)
Theorem adam_rescaled V n d G r rate eps b1 b2 Q K k : 0 < r ->
  let scaled := adam V n d G (r ^ 2) rate eps b1 b2 Q K k in
  adam V n d G 1 (rate * r) (eps / r) b1 b2 (times r Q) (times r K) k =
  (rescaled r (fst scaled), rescaled r (snd scaled)).
Proof. exact (fun Hr => adam_rescaled V n d G r Hr rate eps b1 b2 Q K k). Qed.
