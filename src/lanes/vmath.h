/* vmath.h -- exp and log by lanes: what sampler.c does plainly, the same operations in the same
   order, and what else is made of the numbers in polynomials.h.  */

#ifndef QK_VMATH_H
#define QK_VMATH_H

#include "lanes/lanes.h"
#include "polynomials.h"

enum
{
  EXP_MOST = 4 /* values of exp at once */
};

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

/* Up to this f >= 0, qk_log_p holds without a table: -2 ln (1 + f) = f P (f).  */
#define LOG_NEAR 0x1.ep-5

/* ln (1 + x), 0 <= x < 2^1000.  */
LANES_INLINE struct dv
log_1_plus (struct dv x)
{
  const struct dv zero = dv_set (0), one = dv_set (1);
  struct dv f, l = log_terms (&f, dv_add (one, x));
  /* Near 1 the terms of the table would cancel; there P serves without one.  */
  struct uv small = dv_bits (dv_sub (x, dv_set (LOG_NEAR)));
  f = dv_select (f, x, small);
  l = dv_select (l, zero, small);
  return dv_mul (dv_set (-0.5), dv_fma (f, dv_polynomial (f, qk_log_p, 10), l));
}

/* The terms of e^x = 2^k (1 + e), |x| < 700, of count values, a constant: step by step for all, so
   that their chains of operations overlap.  */
LANES_INLINE void
exp_terms (struct dv *e, struct dv *power, const struct dv *x, const int count)
{
  const struct dv c = dv_set (0x1.8p52);
  struct dv r[EXP_MOST], p[EXP_MOST];
  for (int i = 0; i < count; i++)
    {
      struct dv sum = dv_fma (x[i], dv_set (1 / QK_LN2), c);
      struct dv k = dv_sub (c, sum); /* minus that of sampler.c */
      r[i] = dv_fma (k, dv_set (QK_LN2_REST), dv_fma (k, dv_set (QK_LN2), x[i]));
      power[i] = dv_of_bits (uv_add (uv_left (dv_bits (sum), 52), uv_set (0x3ff0000000000000)));
    }
  for (int i = 0; i < count; i++)
    p[i] = dv_set (qk_exp_p[9]);
  for (int j = 8; j >= 0; j--)
    for (int i = 0; i < count; i++)
      p[i] = dv_fma (p[i], r[i], dv_set (qk_exp_p[j]));
  for (int i = 0; i < count; i++)
    e[i] = dv_fma (dv_mul (r[i], r[i]), p[i], r[i]);
}

LANES_INLINE struct dv
exp_minus_1 (struct dv x)
{
  struct dv e, power;
  exp_terms (&e, &power, &x, 1);
  return dv_fma (power, e, dv_sub (power, dv_set (1)));
}

#endif
