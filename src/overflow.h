/* overflow.h -- exact probabilities that scores, their exponentials and the sum of those overflow.

   One query q and n keys of dimension d: s_j = c q . k_j.  Components of the keys are independent
   and normal with mean 0, those of the query too, or independent signs.  Then, given q, the scores
   are n independent N(0, sigma^2), sigma = deviation ||q||, where ||q||^2 is chi-squared with d
   degrees of freedom, or d itself.  */

#ifndef QK_OVERFLOW_H
#define QK_OVERFLOW_H

#include "rounding.h"

#include <stdbool.h>

struct qk_overflow
{
  double d;         /* a whole number, 1 to 2^20 */
  double deviation; /* > 0: c, times the standard deviations of the components of q and of k */
  bool signs;       /* ||q||^2 = d before that deviation, else chi-squared */
  double n;         /* a whole number, 1 to 2^20 */
};

/* ln of the number from which on rounding to nearest gives infinity: ln 65520 for binary16.  */
double qk_overflow_log_limit (const struct qk_float_format *f);

/* ln P(max_j |s_j| >= t), and ln P(max_j s_j >= t), t > 0.  Error of the logarithm: 1e-12 max (1,
   |value|).  (Even t = 65504 at d = 64, a probability of 10^-28342, comes out.)  */
double qk_overflow_log_score (const struct qk_overflow *o, double t);
double qk_overflow_log_max (const struct qk_overflow *o, double t);

/* P(sum_j exp (s_j) >= exp (log_t)), 11 <= log_t <= 710, deviation sqrt (d) >= 0.01.  Absolute
   error 1e-12, and never outside what is certain, [P(max_j s_j >= log_t), P(max_j s_j >= log_t - ln
   n)]. NAN where there is no memory.  10 to 200 ms.  */
double qk_overflow_sum (const struct qk_overflow *o, double log_t);

/* The deviation at which P(max_j |s_j| >= t) = p, 0 < p < 1; that of o is not looked at.  Relative
   error 1e-10.  */
double qk_overflow_deviation (const struct qk_overflow *o, double t, double p);

#endif
