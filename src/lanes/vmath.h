/* vmath.h -- exp and log by lanes: what sampler.c does plainly, the same operations in the same
   order, and what else is made of the numbers in polynomials.h.  */

#ifndef QK_VMATH_H
#define QK_VMATH_H

#include "lanes/lanes.h"
#include "polynomials.h"

/* The terms of -2 ln u = l + f P (f), u positive and normal: l is returned.  */
LANES_INLINE struct dv
log_terms (struct dv *f, struct dv u)
{
  struct uv bits = dv_bits (u), j = uv_right (bits, 49);
  struct dv k = dv_sub (dv_of_bits (uv_or (uv_right (bits, 52), uv_set (0x4330000000000000))),
                        dv_set (0x1p52 + 1023));
  struct dv m
      = dv_of_bits (uv_or (uv_and (bits, uv_set (0xfffffffffffff)), uv_set (0x3ff0000000000000)));

  *f = dv_fma (m, dv_lookup_short (qk_log_c, j), dv_set (-1));
  return dv_fma (k, dv_set (-2 * QK_LN2), dv_lookup (qk_log_l, j));
}

LANES_INLINE struct dv
minus_2_log (struct dv u)
{
  struct dv f, l = log_terms (&f, u);
  return dv_fma (f, dv_polynomial (f, qk_log_p, 10), l);
}

/* The terms of e^x = 2^k (1 + e), |x| < 700: e is returned.  */
LANES_INLINE struct dv
exp_terms (struct dv *power, struct dv x)
{
  struct dv sum = dv_fma (x, dv_set (1 / QK_LN2), dv_set (0x1.8p52));
  struct dv k = dv_sub (dv_set (0x1.8p52), sum); /* minus that of sampler.c */
  struct dv r = dv_fma (k, dv_set (QK_LN2_REST), dv_fma (k, dv_set (QK_LN2), x));
  *power = dv_of_bits (uv_add (uv_left (dv_bits (sum), 52), uv_set (0x3ff0000000000000)));
  return dv_fma (dv_mul (r, r), dv_polynomial (r, qk_exp_p, 10), r);
}

LANES_INLINE struct dv
exp_minus_1 (struct dv x)
{
  struct dv power, e = exp_terms (&power, x);
  return dv_fma (power, e, dv_sub (power, dv_set (1)));
}

#endif
