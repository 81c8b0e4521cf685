/* enclose.h -- from block values to enclosures, and from tolerances to sample sizes.

   The independent unit is the block, the pair or the query, never the entry of a tile.  miss is the
   probability that [lo, hi] excludes the true value; 0 < miss < 1.  Strides count doubles.  A value
   that cannot be enclosed honestly comes back as [-inf, inf], never as a number that pretends; a
   NaN or an infinity among the data as NaN ends.  */

#ifndef QK_ENCLOSE_H
#define QK_ENCLOSE_H

#include "qk.h"

#include <stddef.h>

enum
{
  QK_MIN_BLOCKS = 128, /* below this a t interval over blocks is not honest */
  QK_MIN_POOL = 4096   /* scores a block */
};

/* The relative variance of a block's mean that pooling is to reach: it varies by a tenth of itself,
   and QK_MIN_BLOCKS of them are normal enough for t (see t-enclose).  */
#define QK_POOL_VARIANCE 0.01

/* The mean of n i.i.d. block values x[i stride]: Student t with n - 1 degrees of freedom, widened
   for the skewness and the excess kurtosis of the sample (never narrowed).

   support  The values lie in it (infinite ends allowed), so lo and hi do too.  Where the sample
            has no spread, or one of rounding only, the interval comes from it: but for a chance of
            miss, a value differs from the others with probability at most
            p = 1 - miss^(1/(n-1)), which moves the mean by at most p times the distance to an end.
            The width is zero only where that of the support is.
   Source   The first-order excess of the two-sided miss of Student t: Hall, The bootstrap and
            Edgeworth expansion (1992), 2.6; t-enclose calibrates it.  */
void qk_enclose_mean (struct qk_enclosure *e, const double *x, size_t n, size_t stride, double miss,
                      struct qk_band support);

/* A smooth function of column means, linearised: weight[c] = its derivative with respect to the
   mean of column column[c] at the means.  value: the function at the means; e is on its scale.
   Widened as qk_enclose_mean; without spread [-inf, inf].  */
void qk_enclose_smooth (struct qk_enclosure *e, double value, const double *x, size_t n,
                        size_t stride, const size_t *column, const double *weight, size_t columns,
                        double miss);

/* The least-squares slope of ln y against ln x from m independent enclosures of y > 0 at x > 0 (at
   least two different), with standard errors and degrees of freedom df (each >= QK_MIN_BLOCKS - 1).
   Student t, its degrees of freedom after Welch and Satterthwaite.  Where a y has no spread, or
   its method no standard error, its interval takes the place of one, so all y are enclosed with a
   miss of at most miss / (2 m).  */
void qk_enclose_slope (struct qk_enclosure *e, const double *x, const struct qk_enclosure *y,
                       const double *df, size_t m, double miss);

/* The Kolmogorov distance sup |F_N - F| of N independent values, after Dvoretzky, Kiefer, Wolfowitz
   and Massart, for every N.  distance: the supremum over a grid; cell: what the grid can miss,
   added to the upper end.  lo and hi lie in [0, 1].  */
void qk_enclose_distance (struct qk_enclosure *e, double distance, double cell, double n,
                          double miss);

/* The probability of an event that count of n independent units had, 0 <= count <= n: Clopper and
   Pearson.  Never of width zero: without any event hi is 1 - (miss/2)^(1/n).  The standard error is
   NaN where all units agree.
   Source   Clopper, Pearson, Biometrika 26 (1934): each end errs with at most miss / 2, for every
            n.  */
void qk_enclose_proportion (struct qk_enclosure *e, double count, double n, double miss);

/* The quantile of order p, 0 < p < 1, of the law of rows times width independent values
   x[i stride + j], i < rows, j < width: between two of their order statistics, whatever the law.
   An end that no order statistic honestly encloses is infinite: with too few values both.  The
   estimate is the middle of the values between which the empirical law crosses p.
   Source   David, Nagaraja, Order statistics (2003), 7.1: each end errs with at most miss / 2.  */
void qk_enclose_quantile (struct qk_enclosure *e, const double *x, size_t rows, size_t width,
                          size_t stride, double p, double miss);

/* The normal quantile z with P(|Z| > z) = p.  */
double qk_two_sided_z (double p);

/* Independent units needed so that a statement of relative variance v (variance of one unit over
   the squared value, or of its logarithm) and logarithmic half-band w holds with probability 0.99:
   v (z_{1-miss/2} + z_{.995})^2 / w^2, with Student t in place of the first z, and the second times
   sqrt (1 + t^2 / (2 df)) for the error of the standard error, df that of QK_MIN_BLOCKS blocks.
   (At the very fewest and most skewed blocks that are honest the probability is 0.984.)  */
double qk_plan_units (double v, double w, double miss);

/* Independent values needed so that a true distance 0 comes out within the band [0, width] with
   probability 0.99, by the inequality itself; the grid adds cell.  Infinite for cell >= width.  */
double qk_plan_distance (double width, double cell, double miss);

/* Independent units needed so that the interval of a probability that is p lies in [p - w, p + w],
   w > 0, with probability 0.99.  */
double qk_plan_proportion (double p, double w, double miss);

/* Independent values needed so that the interval of the quantile of order p lies between those of
   orders p - w and p + w, w > 0, with probability 0.99.  (Beyond 0 and 1 every end will do.)  */
double qk_plan_quantile (double p, double w, double miss);

/* Blocks needed where the sample can have no spread (support of width r, half-band w): the smallest
   n with (1 - miss^(1/(n-1))) r <= w.  */
double qk_plan_degenerate (double r, double w, double miss);

/* The share of a statement's miss that round r = 1, 2, ... may use: 0.9 10^(1-r).  */
double qk_round_miss (double miss, unsigned r);

#endif
