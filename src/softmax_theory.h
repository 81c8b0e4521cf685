/* softmax_theory.h -- exact values of the softmax of n independent normal scores.

   p = softmax (x), x_i independent N(0, sigma^2), i = 1, ..., n; J = diag (p) - p p' its Jacobian.
   With normal keys the scores of one query are exactly that, with sigma = c ||q|| sd, c the factor
   on the scores and sd that of a component of the keys (their mean shifts all scores alike, and p
   does not see it).  With standard normal queries ||q|| is chi with d degrees of freedom.

   Error: relative 1e-10 where the value exceeds 1e-5, else absolute 1e-15 (of E (max p)^2 3e-14),
   for n <= 4096, sigma <= 256, d <= 2^20; measured, a twentieth of that at a given sigma.  Up to n
   = 2^20 the same, but for an absolute error of 1e-14 of E max p; up to sigma = 2^20 nothing is
   known to be worse.  */

#ifndef QK_SOFTMAX_THEORY_H
#define QK_SOFTMAX_THEORY_H

#include <stdbool.h>

/* The lengths of rows: n, or, causal, 1 to n, each once; values are then averages over rows.  */
struct qk_softmax_rows
{
  double n; /* a whole number, 1 to 2^20 */
  bool causal;
};

/* Expected values, over the scores (and, once mixed, over queries).  Logs are natural.  */
struct qk_softmax_moments
{
  double participation;        /* E sum p^2 */
  double cubes, fourths;       /* E sum p^3, E sum p^4 */
  double participation_square; /* E (sum p^2)^2 */
  double jacobian_trace;       /* E tr J = 1 - E sum p^2, without cancellation */
  double jacobian_square;      /* E ||J||_F^2 */
  double along_square;         /* E ||J g||^2, g = x / sigma: along the query */
  double entropy;              /* E H(p) */
  double log_sum_exp;          /* E log sum exp x */
  double max_weight;           /* E max p */
  double max_weight_square;    /* E (max p)^2 */
  double saturated;            /* P(max p > 0.9) */
  double saturated_99;         /* P(max p > 0.99) */
};

/* For scores of deviation sigma >= 0, at 0 the limits.  All NAN outside the domain.  About 1.2 ms,
   causal 2 to 4, half of it E max p and its square.  */
void qk_softmax_moments (struct qk_softmax_moments *m, const struct qk_softmax_rows *rows,
                         double sigma);

/* P(max p > u), 0.5 <= u <= 0.9999.  NAN where sigma < 0.5, u < 0.9 and the value is not certain to
   be below 1e-18: there the integral is ill-conditioned.  */
double qk_softmax_above (const struct qk_softmax_rows *rows, double sigma, double u);

/* The expected Jensen-Shannon divergence, in nats, of two independent rows of n scores: with f the
   density of l = ln (p_1 / (1 - p_1)) and eta (p) = -p ln p,

     n times the double integral of f (l) f (l') [eta ((p + p') / 2) - (eta (p) + eta (p')) / 2].

   Relative error below 1e-9, for n <= 4096 and 0.5 <= sigma <= 32, and 0 at sigma = 0; else NAN. */
double qk_softmax_divergence (double n, double sigma);

/* The moments as functions of sigma in an interval, for several d and c: a Chebyshev interpolant in
   asinh (sigma): they vary with ln sigma where it is large, and with sigma (E max p) or sigma^2
   near 0.  */
enum
{
  QK_SOFTMAX_NODES = 192,
  QK_SOFTMAX_VALUES = sizeof (struct qk_softmax_moments) / sizeof (double)
};

struct qk_softmax_table
{
  struct qk_softmax_rows rows;
  double lo, hi; /* of asinh (sigma) */
  unsigned count;
  double coefficient[QK_SOFTMAX_NODES][QK_SOFTMAX_VALUES];
};

/* The interval of sigma = c ||q|| that qk_softmax_mix asks for: all but a share below 1e-15.  NAN
   unless c > 0, d >= 1.  */
void qk_softmax_range (double *lo, double *hi, double c, double d);

/* Tabulate for sigma from lo to hi, 0 <= lo < hi, at 15 nodes and 15 more a unit of asinh (sigma):
   0.01 to 0.09 s for the range of one d, scaled or not, causal to 0.15 s; 0.09 s for 0 to 64.  */
void qk_softmax_table (struct qk_softmax_table *t, const struct qk_softmax_rows *rows, double lo,
                       double hi);

/* The moments averaged over sigma = c ||q||, ||q|| chi with d degrees of freedom.  All NAN if the
   table does not cover the range of c and d.  Values below 1e-5 have an absolute error of 1e-15 if
   it was made for this range, of 1e-13 if it is wider.  */
void qk_softmax_mix (struct qk_softmax_moments *m, const struct qk_softmax_table *t, double c,
                     double d);

/* E ||dp/dq||_F^2 = c^2 [(d - 1) E ||J||_F^2 + E ||J g||^2], from moments so averaged: the keys
   orthogonal to q are independent of p.  */
double qk_softmax_gradient_square (const struct qk_softmax_moments *m, double c, double d);

/* a_n = n (n - 1) integral of phi^2 Phi^(n-2), n >= 1: the density at 0 of the gap between the two
   largest of n standard normal values.  E sum p^2 ~ 1 - a_n / sigma for large sigma, relative error
   below 1.12 % for sigma >= 8, n <= 512.  Relative error below 1e-13 for n <= 4096.  */
double qk_softmax_gap_density (double n);

/* sqrt (2 ln n): where the limit n -> infinity freezes.  A trend, not a step.  */
double qk_softmax_freezing (double n);

#endif
