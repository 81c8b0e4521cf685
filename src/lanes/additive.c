/* additive.c -- additive scores v^T tanh (a + b), a projected query and a projected key, from
   registers: no intermediate is stored.

   Compiled once per instruction set.  Eight queries at once, one a lane.  tanh |x| = e / (e + 2)
   with e = exp (2 |x|) - 1; four units share one division.  */

#include "lanes/lanes.h"
#include "lanes/variant.h"
#include "lanes/vmath.h"

enum
{
  UNITS = 4 /* at once: a denominator is below e^40, their product far from overflow */
};

/* sum over count units, a constant, of v_r tanh (a_r + b_r) as one fraction.  */
LANES_INLINE struct dv
fraction_of (const double *a, const double *b, const double *v, const int count)
{
  const struct uv sign = uv_set (0x8000000000000000), rest = uv_set (0x7fffffffffffffff);
  struct dv x[UNITS], e[UNITS], power[UNITS], y[UNITS];
  for (int r = 0; r < count; r++)
    {
      x[r] = dv_add (dv_load (a + 8 * r), dv_set (b[8 * r]));
      /* From 20 on tanh is 1 but for e^-40.  */
      struct dv size = dv_min (dv_of_bits (uv_and (dv_bits (x[r]), rest)), dv_set (20));
      y[r] = dv_add (size, size);
    }
  exp_terms (e, power, y, count);
  for (int r = 0; r < count; r++)
    {
      struct dv less = dv_fma (power[r], e[r], dv_sub (power[r], dv_set (1)));
      y[r] = dv_add (less, dv_set (2));
      x[r] = dv_mul (dv_of_bits (uv_or (dv_bits (less), uv_and (dv_bits (x[r]), sign))),
                     dv_set (v[r]));
    }
  for (int width = 1; width < count; width *= 2)
    for (int r = 0; r + width < count; r += 2 * width)
      {
        x[r] = dv_fma (x[r], y[r + width], dv_mul (x[r + width], y[r]));
        y[r] = dv_mul (y[r], y[r + width]);
      }
  return dv_div (x[0], y[0]);
}

void
QK_BUILD (qk_additive) (double *s, const double *a, const double *b, const double *v, size_t n,
                        size_t h)
{
  for (size_t j = 0; j < n; j++)
    {
      const double *key = b + j / 8 * 8 * h + j % 8;
      struct dv sum = dv_set (0);
      size_t r = 0;
      for (; r + UNITS <= h; r += UNITS)
        sum = dv_add (sum, fraction_of (a + 8 * r, key + 8 * r, v + r, UNITS));
      for (; r < h; r++)
        sum = dv_add (sum, fraction_of (a + 8 * r, key + 8 * r, v + r, 1));
      dv_store (s + 8 * j, sum);
    }
}
