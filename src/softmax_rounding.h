/* softmax_rounding.h -- the softmax in a number format, and how far off it can be.

   Every operation is rounded once to the format; the sum is recursive, in the order of the keys;
   exp is qk_exp, rounded once more.  */

#ifndef QK_SOFTMAX_ROUNDING_H
#define QK_SOFTMAX_ROUNDING_H

#include "rounding.h"

#include <stddef.h>

enum qk_softmax_form
{
  QK_SHIFTED,              /* exp (x_i - max x) / sum */
  QK_SHIFTED_RECIPROCAL,   /* exp (x_i - max x) times 1 / sum */
  QK_UNSHIFTED,            /* exp (x_i) / sum */
  QK_UNSHIFTED_RECIPROCAL, /* exp (x_i) times 1 / sum */
  QK_SOFTMAX_FORMS
};

extern const char *const qk_softmax_form_names[QK_SOFTMAX_FORMS];

/* e^x, the same bits in every build.  Relative error 1.6 u, u = 2^-53, and half of 2^-1074 where it
   is subnormal; 0 and infinity beyond binary64.  */
double qk_exp (double x);

/* The relative error of exp in the format, in units of its u: 1.6 in binary64, a little more than 1
   in others; where truncated, 2 more than that of qk_exp.  */
double qk_softmax_exp_error (const struct qk_float_format *f, enum qk_direction r);

/* Write the weights so computed to p.

   x, p    (n), x numbers of the format; p may be x; n >= 1.
   Returns 0, or -1 and no weights: an exponential, the sum or its reciprocal is not below the
           largest number, or all exponentials vanish.  */
int qk_softmax_rounded (double *p, const double *x, size_t n, enum qk_softmax_form form,
                        const struct qk_float_format *f, enum qk_direction r);

/* Proved: the weights that qk_softmax_rounded gives differ from those of x by at most bound_i.

   p, x, bound   (n), p = softmax (x), relative errors below 1e-12; INFINITY where nothing is
   proved. Derivation    With w = u (2 u where truncated), e the error of exp, a_i = max x - x_i
   (unshifted 0), k = 1, or 2 for the reciprocal, the computed weight is p_i e^t, |t| at most

                   w/(1 - e w) (n - 1 + k + 2 e) + w a_i + sum p_j (e^(w a_j) - 1) + y/(1 - y):

                 n - 1 additions, k operations, exp above and below; the rounded difference x_i -
                 max x moves exp by w a_i, and the sum by the mean of these.  y is what exponentials
                 that underflow can add to the sum.  To first order and for k = 1, that is
                 (n + 2 e + a_i + sum p_j a_j) u.  What underflows itself adds half the smallest
                 number (truncated, all of it).
   Source        Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021), there to first order.  */
void qk_softmax_rounded_bound (double *bound, const double *p, const double *x, size_t n,
                               enum qk_softmax_form form, const struct qk_float_format *f,
                               enum qk_direction r);

#endif
