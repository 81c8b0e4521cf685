/* theory.h -- exact values: what each measurement is compared with.

   d is the head dimension, s = q . k, u = 2^-53.  Functions of a law take struct qk_law with its
   mean and sd.  A value that does not exist is INFINITY (a divergent moment) or NAN (no closed form
   known).  */

#ifndef QK_THEORY_H
#define QK_THEORY_H

#include "sampler.h"

#include <stdbool.h>
#include <stddef.h>

/* One score s = sum over i < d of q_i k_i: coordinates i.i.d., within a coordinate
   k_i = mean_k + sd_k (rho z_i + sqrt (1 - rho^2) e_i), z_i the standardised q_i, e_i from the
   standard form of k's law.  rho = 0: q and k independent.  */
struct qk_score
{
  double d; /* >= 1 */
  struct qk_law q, k;
  double rho; /* [-1, 1] */
};

double qk_score_mean (const struct qk_score *s);     /* E s */
double qk_score_variance (const struct qk_score *s); /* Var s */

/* NAN where Var s = 0, INFINITY if a moment diverges.  */
double qk_score_skewness (const struct qk_score *s);
double qk_score_excess_kurtosis (const struct qk_score *s);

/* E (s - E s)^r, r <= 8, from the cumulants of one coordinate.  INFINITY if a moment diverges.  */
double qk_score_central_moment (const struct qk_score *s, unsigned r);

/* Variance over keys within a row (q fixed), averaged over q: d E q^2 Var k.  NAN if rho != 0.  */
double qk_score_row_variance (const struct qk_score *s);

/* E |s| where both laws are normal, or both Rademacher, centred and uncorrelated; else NAN.
   d a whole number; relative error below 1e-14.  */
double qk_score_abs_mean (const struct qk_score *s);

/* E |s| / sqrt (E s^2), where qk_score_abs_mean exists; else NAN.  */
double qk_score_geary (const struct qk_score *s);

/* Whether the whole law is known exactly: as qk_score_abs_mean.  */
bool qk_score_law_known (const struct qk_score *s);

/* P(s <= x) and P(s < x) (they differ for lattice laws), where the law is known; else NAN.  An x
   within rounding of a lattice point is taken to be that point, see source.  */
double qk_score_cdf (const struct qk_score *s, double x);
double qk_score_cdf_below (const struct qk_score *s, double x);

/* P(s > x), and its natural logarithm, for standard normal components, x >= 0, d >= 1: relative
   error below 1e-12.  */
double qk_score_tail (double x, double d);
double qk_score_log_tail (double x, double d);

/* ||x|| of d independent components of a law.  Mean and variance exist where it is normal or
   Rademacher and centred, else they are NAN; relative errors below 1e-14 and 5e-13.  */
double qk_norm_mean (const struct qk_law *law, double d);     /* E ||x|| */
double qk_norm_variance (const struct qk_law *law, double d); /* Var ||x|| */

/* Sampling variances over one vector, relative to the square of what is estimated: of ||x||^2, and
   of (||x|| - E ||x||)^2, the latter where qk_norm_mean exists and the norm varies.  */
double qk_norm_square_spread (const struct qk_law *law, double d);
double qk_norm_variance_spread (const struct qk_law *law, double d);

/* Excess kurtosis of ||x||^2.  INFINITY if a moment diverges; without meaning where it does not
 * vary.
 */
double qk_norm_square_kurtosis (const struct qk_law *law, double d);

/* Sampling variance of averages over one tile of nq by nk scores (nq = nk = 1: one pair), which
   share rows and columns and are not independent.  NAN if rho != 0, but for one pair.  */

double qk_tile_mean_variance (const struct qk_score *s, double nq, double nk);   /* of mean s */
double qk_tile_square_variance (const struct qk_score *s, double nq, double nk); /* (s - E s)^2 */

/* Excess kurtosis of the last, about: exact for one pair; of a tile the fourth cumulants of what
   its rows share, what its columns share, and the rest, which leaves out what they have in common.
   INFINITY if a moment diverges; without meaning where the squares do not vary.  */
double qk_tile_square_kurtosis (const struct qk_score *s, double nq, double nk);

/* Of the mean over rows of the variance within rows (divisor nk - 1); NAN for nk = 1.  */
double qk_tile_row_variance (const struct qk_score *s, double nq, double nk);

/* Of mean |s|: exact where qk_score_abs_mean is, else an upper estimate.  */
double qk_tile_abs_variance (const struct qk_score *s, double nq, double nk);

/* Of ln (m4 / m2^2), m_r = mean (s - E s)^r, to first order.  INFINITY if a moment diverges.  */
double qk_tile_log_kurtosis_variance (const struct qk_score *s, double nq, double nk);

#endif
