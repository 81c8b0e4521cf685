/* reference.h -- the same values by another route: MPFR, with a certificate.

   A certified value comes from an enclosure [lo, hi] by directed rounding.  Where both ends round
   to the same number, to nearest, that number is the true value rounded once; where they do not,
   the precision is doubled (Ziv, ACM Trans. Math. Software 17, 1991).  What exact arithmetic gives
   has lo = hi.  Where QK_REFERENCE_BITS do not settle it (a sum of transcendental numbers that is
   exactly 0, or half way between two numbers) it is refused: the value is NAN, never a guess.

   reference.c is the only file that sees mpfr.h.  */

#ifndef QK_REFERENCE_H
#define QK_REFERENCE_H

#include "exact.h"

#include <stddef.h>

enum
{
  /* The highest precision worked with, beyond 16 times the one asked for: products of eight doubles
     take 17000 bits where their exponents differ as far as they can.  */
  QK_REFERENCE_BITS = 32768,
  QK_PRECISION_MOST = 65536 /* to be asked for */
};

struct qk_certified
{
  double value; /* the true value in binary64, to nearest even, subnormal and infinite included; NAN
                   where it is refused, or is no number */
  long bits;    /* of the enclosure that settled it; 0: refused */
  char *digits; /* the true value rounded to the precision asked for, to nearest even, in decimals
                   that read back to it, the last of them rounded; NULL where none were asked for,
                   or there are none.  free () it */
};

/* The versions of the libraries in use, "4.2.0".  */
const char *qk_mpfr_version (void);
const char *qk_gmp_version (void);

/* Give back what MPFR keeps for this thread, constants and scratch: for a thread that used what
   follows and ends.  */
void qk_reference_release (void);

/* ---- Sums -----------------------------------------------------------------------------------

   precision, here and below: bits of the digits wanted, 2 to QK_PRECISION_MOST; 0: no digits.  */

/* The dot product sum over i < n of x_i y_i.

   x, y    (n), any doubles; n >= 0, the empty sum is +0, and so is an exact zero.
           Infinities and NaN as in IEEE 754: inf - inf and 0 inf give NaN; they have no digits.
   Cost    about 4300 bits an addition, memory independent of n.  Faster: exact.h, its twin.  */
struct qk_certified qk_dot_ref (const double *x, const double *y, size_t n, long precision);

/* The digits of an exact sum that is finite.  NULL: out of memory.  */
char *qk_exact_digits (const struct qk_exact *a, long precision);

/* The condition number 2 sum |x_i y_i| / |sum x_i y_i|, infinite where the sum is 0; refused where
   a factor is not finite.  */
struct qk_certified qk_condition_ref (const double *x, const double *y, size_t n, long precision);

/* Sum over i of (x_i - shift)^power, power >= 1.  Refused where a value is not finite.  */
struct qk_certified qk_power_sum_ref (const double *x, size_t n, double shift, unsigned power,
                                      long precision);

/* ---- Moments of a series ---------------------------------------------------------------------

   Of numbers given as doubles or as decimals, in the order they come, exactly: as integers times a
   power of 2 or 10.  Memory grows with the digits of the longest, not with how many there are, and
   time about as their sum.  */

struct qk_moments
{
  double count;
  struct qk_certified sum, mean;
  struct qk_certified deviation;       /* root of sum (x - mean)^2 / (count - 1) */
  struct qk_certified autocorrelation; /* lag 1, of NIST: sum over i > 0 of (x_i - mean)
                                          (x_(i-1) - mean) over sum (x - mean)^2 */
};

struct qk_series; /* the sums so far */

enum
{
  QK_DECIMAL_EXPONENT = 5000, /* of a decimal, at most */
  QK_DECIMAL_LENGTH = 1 << 22 /* characters of a decimal, at most */
};

/* NULL: out of memory.  decimal: qk_series_decimal adds; else qk_series_add.  */
struct qk_series *qk_series_new (int decimal);
void qk_series_free (struct qk_series *s);

/* Add a finite double.  */
void qk_series_add (struct qk_series *s, double x);

/* Add a decimal: sign, digits with or without a point, exponent, "-1.25e-3"; nothing else, at most
   QK_DECIMAL_LENGTH characters, which are changed, as is the one behind them.  NULL; or what is
   wrong with it.  */
const char *qk_series_decimal (struct qk_series *s, char *text, size_t length);

/* Of what was added.  What there is none of (the mean of nothing, the deviation of one, the
   autocorrelation of equal values) is refused.  free () the digits of the four.  */
void qk_series_moments (struct qk_moments *m, struct qk_series *s, long precision);

/* ---- Twins of attention.h ---------------------------------------------------------------------

   From the definitions, of x or p as they are, with P = sum of p in place of 1 as there.  Values
   that attention.h refuses are not for them.  Arrays: entries that are refused are NAN, and the
   result is -1; out of memory too.  */

int qk_softmax_ref (double *p, const double *x, size_t n);
int qk_softmax_jacobian_ref (double *J, const double *p, size_t n);
int qk_softmax_gradient_ref (double *g, const double *p, const double *K, size_t n, size_t d,
                             double c);

struct qk_certified qk_softmax_entropy_ref (const double *x, size_t n, long precision);
struct qk_certified qk_softmax_participation_ref (const double *p, size_t n, long precision);
struct qk_certified qk_weights_divergence_ref (const double *p, const double *q, size_t n,
                                               long precision);
struct qk_certified qk_jacobian_trace_ref (const double *p, size_t n, long precision);
struct qk_certified qk_jacobian_square_ref (const double *p, size_t n, long precision);
struct qk_certified qk_gradient_square_ref (const double *p, const double *K, size_t n, size_t d,
                                            double c, long precision);

/* The largest eigenvalue of J by halving: where J - l 1, by elimination in intervals, has a
   positive pivot, it is beyond l; where all are negative, below.  No use is made of what J is.  n^3
   / 6 operations a step, about 1.5 steps a bit.  */
struct qk_certified qk_jacobian_norm_ref (const double *p, size_t n, long precision);

struct qk_certified qk_additive_score_ref (const double *q, const double *k, const double *v,
                                           const double *W, const double *U, size_t h, size_t d,
                                           long precision);

/* ---- Blocks of scores ------------------------------------------------------------------------ */

/* Over n scores, stride doubles apart: the sums of x, x^2, x^3, x^4, x = s - shift, and of |s|.
   From 400 bits, each rounded once.  */
void qk_power_sums_ref (double sum[5], const double *s, size_t n, size_t stride, double shift);

/* The square root of x less shift, from 400 bits, rounded once.  */
double qk_root_less_ref (double x, double shift);

/* What a row of weights p = softmax (c s) is like, from the definitions.  */
struct qk_row_ref
{
  double top, participation, entropy, trace, jacobian; /* as struct qk_row_stats */
};

/* A row at a time, with its weights.  From 400 bits, rounded once: relative to values above 1e-80,
   for it begins with 1 - sum of p^2 and the like.  */
struct qk_weights_ref;

struct qk_weights_ref *qk_weights_ref_new (size_t n); /* of at most n keys; NULL: out of memory */
void qk_weights_ref_set (struct qk_weights_ref *w, struct qk_row_ref *row, const double *s,
                         size_t n, size_t stride, double c);

/* |J K|_F^2 of the row last set, from 128 bits, and the sum of the absolute values of its terms.

   By G = K K^T in score layout (lanes/kernels.h) of that many columns:  sum of
   p_i^2 (G_ii - 2 u_i + a), u = G p, a = p . u;  scale with |G| for G.
   By K, coordinate a of key j at k[j key + a coordinate], a < d:  sum of p_i^2 |k_i - m|^2, m the
   mean key, by distances x from the key of the largest weight, so that nothing is lost where that
   takes all;  scale: sum of p_i^2 (|x_i| + M)^2 over coordinates, M = sum of p |x|.  */
double qk_gradient_by_gram_ref (struct qk_weights_ref *w, double *scale, const double *G,
                                size_t columns);
double qk_gradient_by_keys_ref (struct qk_weights_ref *w, double *scale, const double *k,
                                size_t key, size_t coordinate, size_t d);
void qk_weights_ref_free (struct qk_weights_ref *w);

#endif
