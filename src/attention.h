/* attention.h -- what attention computes of one query: softmax, its Jacobian, gradients, plainly.

   These letters mean the same everywhere:

     d   head dimension
     n   number of keys, >= 1
     q   the query (d);  k: one key (d);  K: all keys (n by d), row j is key j
     s   the scores (n), s_j = q . k_j;  c: their scale;  x = c s, what goes into the softmax
     p   the weights (n), softmax (x)
     J   dp/dx (n by n), J_ij = p_i (1[i = j] - p_j)
     b   side of a tile of scores, in lanes/kernels.h
     X   the tokens of an input (n by D);  W: weights (D by d);  Q = X W_Q, K = X W_K (n by d)
     S   the scores of every token with every one (n by n), S = Q K^T

   Functions of many queries stand at the end.  Matrices are arrays by rows.  u = 2^-53.  Pure:
   double in, double out, no memory of its own. exp, log1p and tanh are those of the C library,
   within 1 u: not for the blocks of a run, whose bits must not differ between machines; those use
   lanes/kernels.h.

   Functions of p take any p_i >= 0 with a sum P that is 1 but for rounding, and compute the values
   of J = P diag (p) - p p^T: so J 1 = 0 and all else that holds for P = 1 holds exactly, and 1 -
   p_i is the sum of the others, which keeps its digits where one weight is nearly 1.  */

#ifndef QK_ATTENTION_H
#define QK_ATTENTION_H

#include <stddef.h>

/* Write the softmax of x to p:  p_i = exp (x_i - max x) / sum_j exp (x_j - max x).
   Returns 0; or -1, and writes nothing, if n = 0 or an x_i is infinite or NaN.

   x, p    (n); p may be x.
   Error   relative, at most (n + 6 + 2 (max x - min x)) u per entry; below 2^-1022 absolute,
   2^-1022. Source  Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021). Twin qk_softmax_ref.
 */
int qk_softmax (double *p, const double *x, size_t n);

/* The entropy - sum of p_i ln p_i, in nats, of p = softmax (x), as

     ln Z + sum of e_i (max x - x_i) / Z,   e_i = exp (x_i - max x),  Z = sum of e_i:

   all terms positive, and ln Z = log1p (sum of the e_i but one of the largest).  NAN where
   qk_softmax would refuse.

   Error   relative, at most (n + 12 + 2 (max x - min x)) u, and 2^-1000 absolute.
   Twin    qk_softmax_entropy_ref.  */
double qk_softmax_entropy (const double *x, size_t n);

/* Sum of p_i^2: 1/n to 1, and 1 over it is the number of keys that take part.

   Error   relative, at most n u.
   Twin    qk_softmax_participation_ref.  */
double qk_softmax_participation (const double *p, size_t n);

/* Write the Jacobian to J.

   J       (n by n).
   Error   relative, at most (n + 2) u per entry.
   Twin    qk_softmax_jacobian_ref.  */
void qk_softmax_jacobian (double *J, const double *p, size_t n);

/* tr J = 1 - sum of p_i^2, as the sum over i of p_i times the other weights.

   Error   relative, at most (2 n + 2) u.
   Twin    qk_jacobian_trace_ref.  */
double qk_jacobian_trace (const double *p, size_t n);

/* |J|_F^2 = sum of p_i^2 - 2 sum of p_i^3 + (sum of p_i^2)^2, at most tr J / 2, without forming J.

   Error   relative, at most (4 n + 8) u.
   Twin    qk_jacobian_square_ref.  */
double qk_jacobian_square (const double *p, size_t n);

/* |J|_2, the largest eigenvalue l, for any n: with p_1 the largest weight the root of

     sum over i > 1 of p_i^2 / (l - p_i) = (l - p_1 (1 - p_1)) / (p_1 - l)

   between the bounds below; no term cancels.  60 halvings of that interval, n divisions each.

   Error   relative, at most (2 n + 8) u.
   Source  Golub, SIAM Review 15 (1973): eigenvalues of a diagonal matrix and one of rank one.
   Twin    qk_jacobian_norm_ref.  */
double qk_jacobian_norm (const double *p, size_t n);

/* Bounds on |J|_2 from n operations:

     max (p_1 (1 - p_1), p_2)  <=  |J|_2  <=  min (1/2, max_i 2 p_i (1 - p_i)),

   p_1 >= p_2 the two largest weights: a diagonal entry, interlacing, and the absolute row sums
   (Gershgorin).  All equal at p = (1/2, 1/2).

   lo, hi  widened by (n + 4) u, so that they hold as computed.  */
void qk_jacobian_bounds (double *lo, double *hi, const double *p, size_t n);

/* Write dp/dq = c J K to g: row i is c p_i sum_j p_j (k_i - k_j).

   g       (n by d); not K.
   Error   absolute, at most (n + 8) u |c| p_i (|k_i - k_1| + sum_j p_j |k_j - k_1|) in a coordinate
   of row i, key 1 the one of the largest weight. Twin    qk_softmax_gradient_ref.  */
void qk_softmax_gradient (double *g, const double *p, const double *K, size_t n, size_t d,
                          double c);

/* |dp/dq|_F^2, without forming it.

   Error   as that of the matrix above, squared and summed.
   Twin    qk_gradient_square_ref.  */
double qk_gradient_square (const double *p, const double *K, size_t n, size_t d, double c);

/* The additive score v^T tanh (W q + U k).

   v       (h);  W, U (h by d).
   Error   absolute, at most sum_a |v_a| ((2 d + 2) u sum_i (|W_ai q_i| + |U_ai k_i|) + (h + 2) u).
   Source  Bahdanau, Cho, Bengio, ICLR 2015.
   Twin    qk_additive_score_ref.  */
double qk_additive_score (const double *q, const double *k, const double *v, const double *W,
                          const double *U, size_t h, size_t d);

/* From g = dL/dp write dL/dx = J g = p o (g - <g, p>), for weights with sum 1.

   dx      (n); g may be dx.
   Error   absolute, at most (n + 3) u p_i (|g_i| + sum_j |g_j| p_j).
   Twin    qk_softmax_jacobian, times g.  */
void qk_softmax_back (double *dx, const double *p, const double *g, size_t n);

/* ---- Several heads ------------------------------------------------------------------------------
 */

/* What two rows of weights have in common, sum of p_j q_j.

   Error   relative, at most n u.  */
double qk_weights_overlap (const double *p, const double *q, size_t n);

/* Their Jensen-Shannon divergence in nats: the entropy of (p + q) / 2 less the mean of the two, as

     sum of (p_j + q_j) / 4 [(1 + x) ln (1 + x) + (1 - x) ln (1 - x)],  x = |p_j - q_j| / (p_j +
   q_j),

   all terms positive: 0 for equal rows, ln 2 where no key has weight in both.

   Error   absolute, at most (n + 8) u for sums of 1.
   Source  Lin, IEEE Trans. Inf. Theory 37 (1991).
   Twin    qk_weights_divergence_ref.  */
double qk_weights_divergence (const double *p, const double *q, size_t n);

/* The squared distance of e_i, weight 1 on key i, from the span of h rows of weights: what is lost
   of the value of key i, of white values, by every linear readout of what h heads return; 0 to 1.
   A sum over i of 1 less than this is at most h, the trace of a projection.

   p       (h by n), linearly independent;  room (h + 1 by n).
   Error   absolute, at most 8 h^2 n u times the square of the condition of p.  */
double qk_weights_loss (const double *p, size_t h, size_t n, size_t i, double *room);

/* An attention block of h heads of d coordinates, values of e.  */
struct qk_heads_block
{
  size_t n, D, h, d, e;
  const double *wq, *wk; /* of each head (D by d), one after another */
  const double *wv, *wo; /* of each head (D by e), and (e by D) */
};

/* Write the sum over heads of softmax (c Q K^T) V W_O to y, c = 1 / sqrt (d).  0, or -1 where a
   score is not finite.

   y       (n by D);  x (n by D).
   room    n (2 d + 2 e + n + D).
   Twin    qk_multihead.  */
int qk_heads_forward (double *y, const double *x, const struct qk_heads_block *w, double *room);

/* ---- Many queries -------------------------------------------------------------------------------
 */

/* Write Q = X W.

   q       (n by d); not x, not w.
   Error   absolute, at most D u sum_a |x_ra w_ai| to first order, as gamma_D says.  */
void qk_project (double *q, const double *x, const double *w, size_t n, size_t D, size_t d);

/* Write S = Q K^T, n queries by m keys.  Each score is summed over its coordinates in order, so
   s_ij and s_ji are the same bits where Q and K are.

   s       (n by m); not q, not k.
   Error   absolute, at most gamma_d sum_a |q_ia k_ja|.  */
void qk_score_matrix (double *s, const double *q, const double *k, size_t n, size_t m, size_t d);

/* |S - S^T|_F^2 / |S|_F^2, of n by n scores: 0 to 4; NAN for S = 0.

   Error   relative, at most (2 n^2 + 8) u.  */
double qk_asymmetry (const double *s, size_t n);

/* From G = dL/dS write dL/dW_Q = X^T G K to gq and dL/dW_K = X^T G^T Q to gk; of shared weights,
   W_Q = W_K, dL/dW is the sum of the two.

   gq, gk  (D by d);  room (n by d).
   Error   absolute, at most gamma_(2 n) times the sum of the absolute values of its products.  */
void qk_weight_gradients (double *gq, double *gk, const double *G, const double *x, const double *q,
                          const double *k, size_t n, size_t D, size_t d, double *room);

/* How many eigenvalues of the symmetric part (S + S^T) / 2 of n by n scores lie below -floor; -1
   where the GSL fails.

   s       is destroyed;  room (3 n).
   floor   What rounding may make of an eigenvalue 0: at least 16 n u |S|_F for the algorithm, and
           the error of S.  */
int qk_negative_eigenvalues (double *s, size_t n, double floor, double *room);

/* How many singular values of a (n by n) lie above floor; -1 for NaN.  They are counted in the
   bidiagonal form, not computed: the iterations of the GSL do not converge for some matrices of low
   rank, and its Jacobi rotations leave the singular values of others far from 0.

   a       is destroyed;  room (2 n).
   floor   as above.  */
enum
{
  QK_RANK_COST = 16 /* n^3 multiply-adds, or their equivalent in time */
};

int qk_matrix_rank (double *a, size_t n, double floor, double *room);

#endif
