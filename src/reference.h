/* reference.h -- the same values by another route: MPFR twins, exact until the last rounding.

   reference.c is the only file that sees mpfr.h.  */

#ifndef QK_REFERENCE_H
#define QK_REFERENCE_H

#include <stddef.h>

/* The versions of the libraries in use, "4.2.0".  */
const char *qk_mpfr_version (void);
const char *qk_gmp_version (void);

/* The dot product sum over i < n of x_i y_i, rounded once, to nearest even.

   x, y    (n), any doubles; n >= 0, the empty sum is +0, and so is an exact zero.
           Infinities and NaN as in IEEE 754: inf - inf and 0 inf give NaN.
   Error   correctly rounded, subnormal and overflowing results included.
   Cost    about 4300 bits an addition, memory independent of n.  */
double qk_dot_ref (const double *x, const double *y, size_t n);

/* Twins of attention.h, from the definitions, correctly rounded but where it says so: of x or p as
   they are, with P = sum of p in place of 1 as there.  Values that attention.h refuses are not for
   them.  */

/* From 400 bits, rounded once.  */
void qk_softmax_ref (double *p, const double *x, size_t n);
double qk_softmax_entropy_ref (const double *x, size_t n);

/* Exact until the last rounding.  */
double qk_softmax_participation_ref (const double *p, size_t n);
void qk_softmax_jacobian_ref (double *J, const double *p, size_t n);
double qk_jacobian_trace_ref (const double *p, size_t n);
double qk_jacobian_square_ref (const double *p, size_t n);
void qk_softmax_gradient_ref (double *g, const double *p, const double *K, size_t n, size_t d,
                              double c);
double qk_gradient_square_ref (const double *p, const double *K, size_t n, size_t d, double c);

/* The largest eigenvalue of J by halving: where J - l 1, by elimination at 1000 bits, has no
   positive pivot, l is beyond it.  No use is made of what J is.  n^3 / 3 operations a step, 70
   steps.  */
double qk_jacobian_norm_ref (const double *p, size_t n);

/* From 400 bits of exact arguments of tanh.  */
double qk_additive_score_ref (const double *q, const double *k, const double *v, const double *W,
                              const double *U, size_t h, size_t d);

#endif
