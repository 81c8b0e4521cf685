/* additive_theory.h -- exact values of additive scores v^T tanh (W q + U k), of what they cost
   beside dot products, and of the angle of two vectors.

   W and U (h by d) have independent normal entries of variance 1/d, v (h) those of mean 0 and
   variance 2 / (h + 1), or 1 where it is not scaled.  Components of q and of k are independent and
   normal; other laws have no closed form here, and values are NAN.  */

#ifndef QK_ADDITIVE_THEORY_H
#define QK_ADDITIVE_THEORY_H

#include "sampler.h"

#include <stdbool.h>

struct qk_additive
{
  double n, d, h; /* keys and queries, head dimension, hidden units; whole numbers >= 1 */
  struct qk_law q, k;
  bool unscaled; /* v has entries of variance 1 */
};

/* Where |tanh x| = 0.99: atanh (0.99) = ln (199) / 2.  */
#define QK_TANH_SATURATED 2.6466524123622462

/* Var v^T tanh (W q + U k) = h Var (v_1) E tanh^2 X.  Given q and k, X is normal of variance
   (|q|^2 + |k|^2) / d; for standard components |q|^2 + |k|^2 is chi^2 with 2 d degrees of freedom.
   With  sech^2 x = integral over the line of (w / 2) / sinh (pi w / 2) e^(i w x),

     E tanh^2 X = integral of (w / 2) / sinh (pi w / 2) (1 - E e^(i w X)),

   and E e^(i w X) = (1 + w^2 / d)^(-d) for standard components.  Relative error below 1e-12.  */
double qk_additive_variance (const struct qk_additive *a);

/* The part of it that is common to all keys of a query: the covariance of its scores with two keys,
   h Var (v_1) E tanh X tanh Y, X and Y with one q and different k.  Relative error below 1e-11.  */
double qk_additive_common (const struct qk_additive *a);

/* What is left: the variance over keys within a row, which the softmax sees.  */
double qk_additive_row_variance (const struct qk_additive *a);

/* P(|tanh X| > 0.99), for components of mean 0 and one deviation: W q is a dot product of d normal
   components, so sqrt (d) X is one of 2 d.  Relative error below 1e-12.  */
double qk_additive_saturated (const struct qk_additive *a);

/* Counts of n queries and n keys; a multiply-add is two operations.  NAN beyond 2^53.  */

/* Of scores Q K^T: 2 n^2 d.  */
double qk_additive_dot_operations (const struct qk_additive *a);

/* Of additive scores, 4 n d h for the projections and 3 n^2 h for the pairs; and their tanh, n^2 h.
 */
double qk_additive_operations (const struct qk_additive *a);
double qk_additive_tanhs (const struct qk_additive *a);

/* Of W, U and v; of the two projections to d dimensions that dot products have; bytes of what is
   between projections and scores, n^2 h numbers of that size, where it is stored.  */
double qk_additive_parameters (const struct qk_additive *a);
double qk_additive_dot_parameters (const struct qk_additive *a);
double qk_additive_bytes (const struct qk_additive *a, double size);

/* P(cos theta <= x) of two independent vectors of d components, one of them normal of mean 0, and
   neither 0: for d >= 2 (1 + cos theta) / 2 has the law Beta ((d-1)/2, (d-1)/2), for d = 1 cos
   theta is 1 or -1.  Its mean is 0, its variance 1/d.  Absolute error below 1e-12.  */
double qk_cosine_cdf (double d, double x);
double qk_cosine_variance (double d);

#endif
