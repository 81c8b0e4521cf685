/* symmetry_theory.h -- exact values of scores of tokens with themselves: S = (X W_Q) (X W_K)^T.

   X (n by D) has independent components of one law, weights (D by d) independent normal entries of
   variance 1/D.  A value that has no closed form known is NAN.  */

#ifndef QK_SYMMETRY_THEORY_H
#define QK_SYMMETRY_THEORY_H

#include "sampler.h"

#include <stdbool.h>

enum qk_weighting
{
  QK_SEPARATE,  /* W_Q and W_K independent */
  QK_SHARED,    /* W_Q = W_K */
  QK_UNWEIGHTED /* Q = K = X; d = D */
};

/* What is normalised: nothing, the tokens (to length sqrt (D), as RMSNorm and LayerNorm do), or the
   rows of Q and K (to length 1).  */
enum qk_normed
{
  QK_NORMED_NONE,
  QK_NORMED_RMS,
  QK_NORMED_LAYER,
  QK_NORMED_QK
};

struct qk_symmetry
{
  enum qk_weighting weights;
  enum qk_normed norm;
  double n, D, d; /* tokens >= 2, model dimension (layer: >= 3), head dimension */
  struct qk_law law;
};

/* E |S - S^T|^2 / E |S|^2, a ratio of expectations: 2 (n-1) (D-1) / (n D + kappa + 2) for separate
   weights and components of mean 0 and excess kurtosis kappa; 0 where W_Q = W_K.  For normalised
   rows of Q and K: normal components.  Relative error below 1e-12.  */
double qk_symmetry_ratio (const struct qk_symmetry *s);

/* P (no s_ij is larger than s_ii).  Absolute error below 1e-12.

   Q = K = X, normal: E Phi (|x|)^(n-1).  Shared weights: in a basis that begins with x,

     s_ii / sd (s_ij | x, W) = |x| sqrt (B),   B ~ Beta (d/2, (D-1)/2) independent of x:

   s_ii = |x|^2 A with A = |w|^2 ~ chi^2_d, w the row of W along x; the other D - 1 rows have
   coordinates |w| z along w, so Var (s_ij | x, W) = |x|^2 A (A + C), C ~ chi^2_{D-1}.  So it is
   E Phi (|x| sqrt (B))^(n-1), below E Phi (|x|)^(n-1).  Tokens of one length: P(cos theta <= sqrt
   B) in place of Phi, B = 1 without weights.  Separate weights: 1/n, for the direction of a query
   is independent of all tokens; two tokens that may be parallel, as with D = 1 and a norm, tie.  */
double qk_symmetry_argmax (const struct qk_symmetry *s);

/* Whether no score of a row can be larger than s_ii: rows of one length, without weights.  */
bool qk_symmetry_forced (const struct qk_symmetry *s);

/* Of s_ii, and of s_ij, j != i.  */
double qk_symmetry_self_mean (const struct qk_symmetry *s);
double qk_symmetry_self_variance (const struct qk_symmetry *s);
double qk_symmetry_off_mean (const struct qk_symmetry *s);
double qk_symmetry_off_variance (const struct qk_symmetry *s);

/* The rank of the form W_Q W_K^T, almost surely.  */
double qk_symmetry_rank (const struct qk_symmetry *s);

/* Negative eigenvalues of (S + S^T) / 2, almost surely: d for separate weights with 2 d <= min (n,
   D), for W_Q W_K^T + W_K W_Q^T has the signature (d, d) of ((0, I), (I, 0)); beyond it their
   number varies, and this is NAN.  0 where W_Q = W_K.  Layer norm takes one dimension away.  */
double qk_symmetry_negative (const struct qk_symmetry *s);

/* Parameters of the pair of weights; NAN beyond 2^53.  */
double qk_symmetry_parameters (const struct qk_symmetry *s);

#endif
