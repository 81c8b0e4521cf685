(* Claims_prob.v -- what the folder prob proves, restated in full; Coq's text: Claims_prob.txt.

   T with P is a probability space: a measurable type, and a measure with P setT = 1.  A random
   variable is a measurable function T -> R.  Ex, Var and Cov are expectation, variance and
   covariance, Int says that a random variable is integrable; joint q k is the family of all q_i
   and all k_j; independent says that a finite family is one of random variables that are mutually
   independent; standard adds mean 0, variance 1 and an integrable square to each, standard4 m an
   integrable fourth power of expectation m too, where m is 3 + excess kurtosis.  score q k is
   s = sum_i q_i k_i.  %:R makes a real number of a natural one.  *)
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval finmap.
From mathcomp.classical Require Import mathcomp_extra boolp classical_sets functions.
From mathcomp.classical Require Import cardinality fsbigop.
From mathcomp.analysis Require Import signed reals ereal topology normedtype sequences.
From mathcomp.analysis Require Import esum measure lebesgue_measure numfun lebesgue_integral exp.
From Qkcheck.prob Require Import Independence Expectation Score Scale Row Fourth Paired Block Signs.
From Qkcheck.prob Require Import Symmetric.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

(** ** Mean and variance of a score *)

(* E s = sum E q_i E k_i, for independent components of any means. *)
Theorem score_mean_general d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) :
  P setT = 1%E -> independent P (joint q k) ->
  (forall i, Int P (fun x => q i x ^+ 2)) -> (forall i, Int P (fun x => k i x ^+ 2)) ->
  Ex P (score q k) = \sum_i Ex P (q i) * Ex P (k i).
Proof. exact (fun P1 ind iq ik => score_mean P1 ind iq ik). Qed.

(* Var s = sum (Vq Vk + Vq mk^2 + mq^2 Vk), for independent components of any means m and variances
   V. *)
Theorem score_variance_general d (T : measurableType d) (R : realType)
    (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) :
  P setT = 1%E -> independent P (joint q k) ->
  (forall i, Int P (fun x => q i x ^+ 2)) -> (forall i, Int P (fun x => k i x ^+ 2)) ->
  Var P (score q k) =
  \sum_i (Var P (q i) * Var P (k i) + Var P (q i) * Ex P (k i) ^+ 2
          + Ex P (q i) ^+ 2 * Var P (k i)).
Proof. exact (fun P1 ind iq ik => score_variance P1 ind iq ik). Qed.

(* The same with the same mean and variance in all components of a vector.  With both means mu and
   both variances 1 it is n (1 + 2 mu^2); with means 0, n times the product of the variances. *)
Theorem score_variance_equal d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) (mq mk vq vk : R) :
  P setT = 1%E -> independent P (joint q k) ->
  (forall i, Int P (fun x => q i x ^+ 2)) -> (forall i, Int P (fun x => k i x ^+ 2)) ->
  (forall i, Ex P (q i) = mq) -> (forall i, Ex P (k i) = mk) ->
  (forall i, Var P (q i) = vq) -> (forall i, Var P (k i) = vk) ->
  Var P (score q k) = n%:R * (vq * vk + vq * mk ^+ 2 + mq ^+ 2 * vk).
Proof. exact (fun P1 ind iq ik => @score_variance_equal d T R P P1 n q k ind iq ik mq mk vq vk). Qed.

(* Components that may depend on each other inside a vector: from the second moments across the two
   vectors, which factor where the vectors are independent,  Var s = tr(Sq Sk) + mk' Sq mk + mq' Sk
   mq,  S being the matrix of covariances and m the vector of means. *)
Theorem score_variance_covariances d (T : measurableType d) (R : realType)
    (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) :
  P setT = 1%E ->
  (forall i, Int P (q i)) -> (forall i, Int P (k i)) ->
  (forall i j, Int P (fun x => q i x * q j x)) -> (forall i j, Int P (fun x => k i x * k j x)) ->
  (forall i, Int P (fun x => q i x * k i x)) ->
  (forall i j, Int P (fun x => (q i x * k i x) * (q j x * k j x))) ->
  (forall i, Ex P (fun x => q i x * k i x) = Ex P (q i) * Ex P (k i)) ->
  (forall i j, Ex P (fun x => (q i x * k i x) * (q j x * k j x)) =
               Ex P (fun x => q i x * q j x) * Ex P (fun x => k i x * k j x)) ->
  Var P (score q k) = \sum_i \sum_j (Cov P (q i) (q j) * Cov P (k i) (k j)
    + Ex P (q i) * Ex P (q j) * Cov P (k i) (k j) + Ex P (k i) * Ex P (k j) * Cov P (q i) (q j)).
Proof. exact (fun P1 => @vectors_variance d T R P P1 n q k). Qed.

(* E s = 0. *)
Theorem score_mean d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) :
  P setT = 1%E -> standard P (joint q k) -> Ex P (score q k) = 0.
Proof. exact (fun P1 qk => score_mean_standard P1 qk). Qed.

(* Var (q_1 k_1) = 1: the case of one component. *)
Theorem term_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (q k : 'I_1 -> T -> R) :
  P setT = 1%E -> standard P (joint q k) -> Var P (fun x => q ord0 x * k ord0 x) = 1.
Proof. exact (fun P1 qk => term_variance P1 qk). Qed.

(* Var s = n. *)
Theorem score_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) :
  P setT = 1%E -> standard P (joint q k) -> Var P (score q k) = n%:R.
Proof. exact (fun P1 qk => score_variance_standard P1 qk). Qed.

(* The standard deviation of s is sqrt n. *)
Theorem score_deviation d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) :
  P setT = 1%E -> standard P (joint q k) -> Num.sqrt (Var P (score q k)) = Num.sqrt n%:R.
Proof. exact (fun P1 qk => score_deviation P1 qk). Qed.

(* Through any two dimensions m and n, log Var s has slope 1 against the logarithm of the
   dimension. *)
Theorem variance_slope d (T : measurableType d) d' (T' : measurableType d') (R : realType)
    (P : {measure set T -> \bar R}) (P' : {measure set T' -> \bar R}) (m n : nat)
    (q k : 'I_m -> T -> R) (q' k' : 'I_n -> T' -> R) :
  P setT = 1%E -> P' setT = 1%E -> standard P (joint q k) -> standard P' (joint q' k') ->
  (0 < m)%N -> (0 < n)%N -> m != n ->
  (ln (Var P' (score q' k')) - ln (Var P (score q k))) / (ln n%:R - ln m%:R) = 1.
Proof. exact (fun P1 P1' qk qk' m0 n0 mn => slope_one P1 P1' qk qk' m0 n0 mn). Qed.

(** ** The hypotheses are not empty *)

(* 2 n fair coins, all outcomes equally likely: their signs are independent, of mean 0 and variance
   1. *)
Theorem random_signs (R : realType) (n : nat) :
  uniform [finType of 'I_n + 'I_n] R setT = 1%E /\
  standard (uniform [finType of 'I_n + 'I_n] R) (joint (@query R n) (@key R n)).
Proof. exact (conj (uniformT _ R) (signs_standard R n)). Qed.

(* ... so that the variance of their score is n. *)
Theorem random_signs_variance (R : realType) (n : nat) :
  Var (uniform [finType of 'I_n + 'I_n] R) (score (@query R n) (@key R n)) = n%:R.
Proof. exact (signs_variance R n). Qed.

(* What a broken assumption does.  A key that is the query: the score is constant. *)
Theorem random_signs_same (R : realType) (n : nat) :
  Var (uniform [finType of 'I_n + 'I_n] R) (score (@query R n) (@query R n)) = 0.
Proof. exact (signs_of_itself R n). Qed.

(* All components of the query the same random variable, and all of the key: Var s = n^2, not n. *)
Theorem copied_components d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_1 -> T -> R) :
  P setT = 1%E -> standard P (joint q k) ->
  Var P (score (fun _ : 'I_n => q ord0) (fun _ : 'I_n => k ord0)) = n%:R ^+ 2.
Proof. exact (fun P1 qk => copied_variance P1 n qk). Qed.

(* Signs for r queries and c keys satisfy what is assumed of a block, with fourth moment 1. *)
Theorem random_signs_block (R : realType) (r c n : nat) :
  uniform [finType of 'I_r * 'I_n + 'I_c * 'I_n] R setT = 1%E /\
  standard4 (uniform [finType of 'I_r * 'I_n + 'I_c * 'I_n] R) 1 (@queries R r c n) /\
  standard4 (uniform [finType of 'I_r * 'I_n + 'I_c * 'I_n] R) 1 (@keys R r c n) /\
  independent (uniform [finType of 'I_r * 'I_n + 'I_c * 'I_n] R)
    (joint (@queries R r c n) (@keys R r c n)).
Proof. exact (conj (uniformT _ R) (block_of_signs R r c n)). Qed.

(** ** Scale *)

(* Var (s / sqrt n) = 1. *)
Theorem scaled_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) :
  P setT = 1%E -> standard P (joint q k) -> (0 < n)%N ->
  Var P (fun x => (Num.sqrt n%:R)^-1 * score q k x) = 1.
Proof. exact (fun P1 qk n0 => scaled_score_variance_one P1 qk n0). Qed.

(* Var (n^(-a) s) = n^(1 - 2 a). *)
Theorem scaled_variance_power d (T : measurableType d) (R : realType)
    (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) (a : R) :
  P setT = 1%E -> standard P (joint q k) -> (0 < n)%N ->
  Var P (fun x => n%:R `^ (- a) * score q k x) = n%:R `^ (1 - a *+ 2).
Proof. exact (fun P1 qk n0 => power_score_variance P1 qk a n0). Qed.

(* It is the same in two dimensions m and n only for a = 1/2, and then it is. *)
Theorem scale_exponent d (T : measurableType d) d' (T' : measurableType d') (R : realType)
    (P : {measure set T -> \bar R}) (P' : {measure set T' -> \bar R}) (m n : nat)
    (q k : 'I_m -> T -> R) (q' k' : 'I_n -> T' -> R) (a : R) :
  P setT = 1%E -> P' setT = 1%E -> standard P (joint q k) -> standard P' (joint q' k') ->
  (0 < m)%N -> (0 < n)%N -> m != n ->
  Var P (fun x => m%:R `^ (- a) * score q k x) = Var P' (fun x => n%:R `^ (- a) * score q' k' x)
  <-> a = 2^-1.
Proof. exact (fun P1 P1' qk qk' m0 n0 mn => exponent_of_two P1 P1' qk qk' m0 n0 mn a). Qed.

(* One dimension above 1 fixes the exponent, where the variance shall be 1. *)
Theorem scale_exponent_one d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (q k : 'I_n -> T -> R) (a : R) :
  P setT = 1%E -> standard P (joint q k) -> (1 < n)%N ->
  Var P (fun x => n%:R `^ (- a) * score q k x) = 1 <-> a = 2^-1.
Proof. exact (fun P1 qk n1 => exponent_of_one P1 qk a n1). Qed.

(** ** Keys correlated with their query: k_i = rho q_i + tau z_i with rho^2 + tau^2 = 1 *)

(* E s = rho n. *)
Theorem correlated_mean d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (m rho tau : R) (q z : 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P m q -> standard P (joint q z) ->
  Ex P (score q (fun i x => rho * q i x + tau * z i x)) = rho * n%:R.
Proof. exact (fun P1 q4 qz => paired_mean P1 rho tau q4 qz). Qed.

(* Var s = n (1 + rho^2 (m - 2)), m - 2 being excess kurtosis + 1. *)
Theorem correlated_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (m rho tau : R) (q z : 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P m q -> standard P (joint q z) -> rho ^+ 2 + tau ^+ 2 = 1 ->
  Var P (score q (fun i x => rho * q i x + tau * z i x)) = n%:R * (1 + rho ^+ 2 * (m - 2%:R)).
Proof. exact (fun P1 q4 qz one => paired_variance P1 q4 qz one). Qed.

(* E (n^(-a) s) = rho n^(1 - a): it grows with n for every a < 1. *)
Theorem correlated_mean_power d (T : measurableType d) (R : realType)
    (P : {measure set T -> \bar R})
    (n : nat) (m rho tau : R) (q z : 'I_n -> T -> R) (a : R) :
  P setT = 1%E -> standard4 P m q -> standard P (joint q z) -> (0 < n)%N ->
  Ex P (fun x => n%:R `^ (- a) * score q (fun i x => rho * q i x + tau * z i x) x)
  = rho * n%:R `^ (1 - a).
Proof. exact (fun P1 q4 qz n0 => power_score_mean P1 rho tau q4 qz n0 a). Qed.

(** ** The variance within a row: one query and c keys, k (b, i) being component i of key b *)

(* E (sample variance of the row) = sum E q_i^2 Var k_i, where all keys have the same means and
   variances. *)
Theorem row_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n c : nat) (q : 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R) (l w : 'I_n -> R) :
  P setT = 1%E -> independent P (joint q k) ->
  (forall i, Int P (fun x => q i x ^+ 2)) -> (forall u, Int P (fun x => k u x ^+ 2)) ->
  (forall b i, Ex P (k (b, i)) = l i) -> (forall b i, Var P (k (b, i)) = w i) -> (1 < c)%N ->
  Ex P (fun x => sample_variance (fun b => score q (fun i => k (b, i)) x)) =
  \sum_i Ex P (fun x => q i x ^+ 2) * w i.
Proof. exact (fun P1 ind iq ik mk vk c1 => row_variance P1 ind iq ik mk vk c1). Qed.

(* With variances 1 it is n (1 + mq^2), mq the mean of the query's components: a mean of the keys
   alone, which makes Var s larger, changes nothing within rows. *)
Theorem row_variance_shift d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n c : nat) (q : 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R) (l w : 'I_n -> R) (mq : R) :
  P setT = 1%E -> independent P (joint q k) ->
  (forall i, Int P (fun x => q i x ^+ 2)) -> (forall u, Int P (fun x => k u x ^+ 2)) ->
  (forall b i, Ex P (k (b, i)) = l i) -> (forall b i, Var P (k (b, i)) = w i) -> (1 < c)%N ->
  (forall i, Ex P (q i) = mq) -> (forall i, Var P (q i) = 1) -> (forall i, w i = 1) ->
  Ex P (fun x => sample_variance (fun b => score q (fun i => k (b, i)) x)) = n%:R * (1 + mq ^+ 2).
Proof. exact (fun P1 ind iq ik mk vk c1 => row_variance_shift P1 ind iq ik mk vk c1). Qed.

(** ** Norms, and the score of a vector with itself *)

(* E ||q||^2 = n. *)
Theorem norm_mean d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (m : R) (q : 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P m q -> Ex P (fun x => \sum_i q i x ^+ 2) = n%:R.
Proof. exact (fun P1 q4 => norm2_mean P1 q4). Qed.

(* Var ||q||^2 = n (m - 1), m - 1 being excess kurtosis + 2. *)
Theorem norm_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (m : R) (q : 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P m q -> Var P (fun x => \sum_i q i x ^+ 2) = n%:R * (m - 1).
Proof. exact (fun P1 q4 => norm2_variance P1 q4). Qed.

(* The score of a vector with itself has mean n and variance n (m - 1); with an independent one, 0
   and n. *)
Theorem self_score_mean d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (m : R) (q : 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P m q -> Ex P (score q q) = n%:R.
Proof. exact (fun P1 q4 => self_score_mean P1 q4). Qed.

Theorem self_score_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (m : R) (q : 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P m q -> Var P (score q q) = n%:R * (m - 1).
Proof. exact (fun P1 q4 => self_score_variance P1 q4). Qed.

(** ** Sampling errors *)

(* E s^4 = 3 n^2 + n (mq mk - 3): the excess kurtosis of s is (mq mk - 3) / n. *)
Theorem score_fourth_moment d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (mq mk : R) (q k : 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P mq q -> standard4 P mk k -> independent P (joint q k) ->
  Ex P (fun x => score q k x ^+ 4) = n%:R ^+ 2 *+ 3 + n%:R * (mq * mk - 3%:R).
Proof. exact (fun P1 q4 k4 ind => score_fourth P1 q4 k4 ind). Qed.

(* r queries and c keys, component i of query a being q (a, i): the covariance of the squares of
   two scores is  Var s^2  where both are the same score,  Var ||q_a||^2
   where they share the query,  Var ||k_b||^2 where they share the key, and 0 otherwise. *)
Theorem square_covariance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (r c n : nat) (mq mk : R) (q : 'I_r * 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R)
    (a e : 'I_r) (b f : 'I_c) :
  P setT = 1%E -> standard4 P mq q -> standard4 P mk k -> independent P (joint q k) ->
  Cov P (fun x => score (fun i => q (a, i)) (fun i => k (b, i)) x ^+ 2)
        (fun x => score (fun i => q (e, i)) (fun i => k (f, i)) x ^+ 2) =
  if a == e then (if b == f then n%:R ^+ 2 *+ 2 + n%:R * (mq * mk - 3%:R) else n%:R * (mq - 1))
  else (if b == f then n%:R * (mk - 1) else 0).
Proof. exact (fun P1 q4 k4 ind => square_covariance P1 q4 k4 ind a b e f). Qed.

(* N = r independent scores: the mean of their squares has variance  Var s^2 / N. *)
Theorem independent_scores_variance d (T : measurableType d) (R : realType)
    (P : {measure set T -> \bar R})
    (r c n : nat) (mq mk : R) (q : 'I_r * 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R)
    (h : 'I_r -> 'I_c) :
  P setT = 1%E -> standard4 P mq q -> standard4 P mk k -> independent P (joint q k) ->
  injective h -> (0 < r)%N ->
  Var P (fun x => r%:R^-1 * \sum_a score (fun i => q (a, i)) (fun i => k (h a, i)) x ^+ 2) =
  (n%:R ^+ 2 *+ 2 + n%:R * (mq * mk - 3%:R)) / r%:R.
Proof. exact (fun P1 q4 k4 ind h_inj r0 => diagonal_variance P1 q4 k4 ind h_inj r0). Qed.

(* The mean of the squares of all scores of a block has mean n ... *)
Theorem block_mean d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (r c n : nat) (mq mk : R) (q : 'I_r * 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P mq q -> standard4 P mk k -> independent P (joint q k) ->
  (0 < r)%N -> (0 < c)%N ->
  Ex P (fun x => (r%:R * c%:R)^-1 *
    \sum_a \sum_b score (fun i => q (a, i)) (fun i => k (b, i)) x ^+ 2) = n%:R.
Proof. exact (fun P1 q4 k4 ind r0 c0 => block_mean P1 q4 k4 ind r0 c0). Qed.

(* ... and variance {2 n^2 + n (mq mk - 3) + (c - 1) n (mq - 1) + (r - 1) n (mk - 1)} / (r c). *)
Theorem block_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (r c n : nat) (mq mk : R) (q : 'I_r * 'I_n -> T -> R) (k : 'I_c * 'I_n -> T -> R) :
  P setT = 1%E -> standard4 P mq q -> standard4 P mk k -> independent P (joint q k) ->
  (0 < r)%N -> (0 < c)%N ->
  Var P (fun x => (r%:R * c%:R)^-1 *
    \sum_a \sum_b score (fun i => q (a, i)) (fun i => k (b, i)) x ^+ 2) =
  (n%:R ^+ 2 *+ 2 + n%:R * (mq * mk - 3%:R)
   + (c%:R - 1) * (n%:R * (mq - 1)) + (r%:R - 1) * (n%:R * (mk - 1))) / (r%:R * c%:R).
Proof. exact (fun P1 q4 k4 ind r0 c0 => block_variance P1 q4 k4 ind r0 c0). Qed.

(** ** Heads: overlap of p and r, random weights that are at least 0 and sum to 1; scores of given tokens *)

(* Heads whose weights for each key are independent, one of them favouring no key: E sum p_j r_j = 1/n. *)
Theorem overlap_independent d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (p r : 'I_n -> T -> R) :
  P setT = 1%E -> weights p -> weights r -> (0 < n)%N ->
  (forall j, independent P (joint (fun _ : 'I_1 => p j) (fun _ : 'I_1 => r j))) ->
  (forall i j, Ex P (p i) = Ex P (p j)) -> Ex P (overlap p r) = n%:R^-1.
Proof. exact (fun P1 wp wr => overlap_independent P1 wp wr). Qed.

(* Heads that share their inputs, and are independent given these, with means m given these, so that
   E p_j r_j = E m_j^2: at least 1/n. *)
Theorem overlap_shared d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (p r m : 'I_n -> T -> R) :
  P setT = 1%E -> weights p -> weights r -> (0 < n)%N -> weights m ->
  (forall j, Ex P (fun x => p j x * r j x) = Ex P (fun x => m j x ^+ 2)) ->
  n%:R^-1 <= Ex P (overlap p r).
Proof. exact (fun P1 wp wr n0 wm => overlap_shared P1 wp wr n0 wm). Qed.

(* Given tokens x and y of D numbers, random WQ and WK with n columns, all entries independent, of mean 0
   and variances vq and vk: the score has mean 0 and variance n vq vk |x|^2 |y|^2. *)
Theorem weights_mean d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (D n : nat) (WQ WK : 'I_D * 'I_n -> T -> R) (x y : 'I_D -> R) :
  P setT = 1%E -> independent P (joint WQ WK) ->
  (forall u, Int P (fun z => WQ u z ^+ 2)) -> (forall u, Int P (fun z => WK u z ^+ 2)) ->
  (forall u, Ex P (WQ u) = 0) ->
  Ex P (score (projection WQ x) (projection WK y)) = 0.
Proof. exact (fun P1 ind iq ik => weights_mean P1 x y ind iq ik). Qed.

Theorem weights_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (D n : nat) (WQ WK : 'I_D * 'I_n -> T -> R) (x y : 'I_D -> R) (vq vk : R) :
  P setT = 1%E -> independent P (joint WQ WK) ->
  (forall u, Int P (fun z => WQ u z ^+ 2)) -> (forall u, Int P (fun z => WK u z ^+ 2)) ->
  (forall u, Ex P (WQ u) = 0) -> (forall u, Ex P (WK u) = 0) ->
  (forall u, Var P (WQ u) = vq) -> (forall u, Var P (WK u) = vk) ->
  Var P (score (projection WQ x) (projection WK y)) =
  n%:R * (vq * vk) * ((\sum_a x a ^+ 2) * \sum_a y a ^+ 2).
Proof. exact (fun P1 ind iq ik q0 k0 qv kv => weights_variance P1 x y ind iq ik q0 k0 qv kv). Qed.

(** ** The cosine of a fixed direction u and a random direction w *)

(* Squares of the coordinates of w of equal means, different coordinates uncorrelated, as when swapping two
   coordinates or turning the sign of one does not change the law of the key: E cos^2 = 1/n. *)
Theorem cosine_square d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (w : 'I_n -> T -> R) (u : 'I_n -> R) :
  P setT = 1%E -> (forall i, measurable_fun setT (w i)) -> (forall x, \sum_i w i x ^+ 2 = 1) ->
  (forall i j, Ex P (fun x => w i x ^+ 2) = Ex P (fun x => w j x ^+ 2)) ->
  (forall i j, i != j -> Ex P (fun x => w i x * w j x) = 0) -> \sum_i u i ^+ 2 = 1 -> (0 < n)%N ->
  Ex P (fun x => direction_cosine w u x ^+ 2) = n%:R^-1.
Proof. exact (fun P1 mw w1 same apart u1 => cosine_square P1 mw w1 same apart u1). Qed.

(* And Var cos = 1/n, where the coordinates have mean 0. *)
Theorem cosine_variance d (T : measurableType d) (R : realType) (P : {measure set T -> \bar R})
    (n : nat) (w : 'I_n -> T -> R) (u : 'I_n -> R) :
  P setT = 1%E -> (forall i, measurable_fun setT (w i)) -> (forall x, \sum_i w i x ^+ 2 = 1) ->
  (forall i j, Ex P (fun x => w i x ^+ 2) = Ex P (fun x => w j x ^+ 2)) ->
  (forall i j, i != j -> Ex P (fun x => w i x * w j x) = 0) -> \sum_i u i ^+ 2 = 1 -> (0 < n)%N ->
  (forall i, Ex P (w i) = 0) -> Var P (direction_cosine w u) = n%:R^-1.
Proof. exact (fun P1 mw w1 same apart u1 => cosine_variance P1 mw w1 same apart u1). Qed.
