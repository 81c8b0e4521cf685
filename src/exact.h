/* exact.h -- sums of products of doubles that no addition rounds: a fixed-point number wide enough
   for all of them.

   With integers alone, so that it may be used inside a block; its twin by MPFR is qk_dot_ref.  */

#ifndef QK_EXACT_H
#define QK_EXACT_H

#include "rounding.h"

#include <stddef.h>
#include <stdint.h>

enum
{
  /* A product of two doubles is a multiple of 2^-2148 below 2^2048; 64 bits more hold fewer than
     2^64 of them, and one its sign.  */
  QK_EXACT_DIGITS = (2148 + 2048 + 64 + 1 + 31) / 32
};

/* The sum over i of digit[i] 2^(32 i - 2148).  Digits overlap: each takes part in additions of 2^33
   at most, and carries wait until they might overflow.  All zero: 0.  */
struct qk_exact
{
  int64_t digit[QK_EXACT_DIGITS];
  uint32_t waiting; /* additions since carries were taken */
  double special;   /* the sum of the products that are infinite or NaN; 0: none */
};

/* a += x y, for any doubles.  Infinities and NaN as in IEEE 754: inf - inf and 0 inf give NaN.  */
void qk_exact_add (struct qk_exact *a, double x, double y);

/* a += sum over i < n of x_i y_i, and of |x_i y_i|.  */
void qk_exact_dot (struct qk_exact *a, const double *x, const double *y, size_t n);
void qk_exact_dot_size (struct qk_exact *a, const double *x, const double *y, size_t n);

/* The sum in a number of the format, rounded once; an exact zero is +0, and what does not fit is
   infinite or, toward zero, the largest.  */
double qk_exact_round (const struct qk_exact *a, const struct qk_float_format *f,
                       enum qk_direction r);

/* The same in binary64, to nearest.  */
double qk_exact_value (const struct qk_exact *a);

/* -1, 0 or 1; of a sum that is finite.  */
int qk_exact_sign (const struct qk_exact *a);

#endif
