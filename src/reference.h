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

#endif
