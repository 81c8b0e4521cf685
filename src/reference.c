/* reference.c -- the same values by another route; the only file that sees mpfr.h.  */

#include "reference.h"

#include <gmp.h>
#include <mpfr.h>

enum
{
  /* A product of two doubles is a multiple of 2^-2148 below 2^2048 in size; with fewer than 2^64
     of them every partial sum fits, and no addition rounds.  */
  EXACT_BITS = 2148 + 2048 + 64
};

const char *
qk_mpfr_version (void)
{
  return mpfr_get_version ();
}

const char *
qk_gmp_version (void)
{
  return gmp_version;
}

double
qk_dot_ref (const double *x, const double *y, size_t n)
{
  mpfr_t sum, a, b;
  mpfr_init2 (sum, EXACT_BITS);
  mpfr_inits2 (53, a, b, (mpfr_ptr)0);
  mpfr_set_zero (sum, +1);
  for (size_t i = 0; i < n; i++)
    {
      mpfr_set_d (a, x[i], MPFR_RNDN);
      mpfr_set_d (b, y[i], MPFR_RNDN);
      mpfr_fma (sum, a, b, sum, MPFR_RNDN);
    }
  double dot = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (sum, a, b, (mpfr_ptr)0);
  return dot;
}
