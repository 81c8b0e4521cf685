/* elementary.c -- exp, log (1 + x) and tanh of arrays.

   Compiled once per instruction set.  */

#include "lanes/lanes.h"
#include "lanes/variant.h"
#include "lanes/vmath.h"

/* Beyond, e^x is 0 or infinite: short of it 2^k and its products are normal numbers.  */
#define MOST_EXPONENT 708

/* Count vectors of arguments from x on, a constant.  */
LANES_INLINE void
exp_of (double *y, const double *x, const int count)
{
  const struct dv low = dv_set (-MOST_EXPONENT), high = dv_set (MOST_EXPONENT), zero = dv_set (0);
  struct dv t[EXP_MOST], e[EXP_MOST], power[EXP_MOST];
  for (int i = 0; i < count; i++)
    t[i] = dv_min (dv_max (dv_load (x + 8 * i), low), high);
  exp_terms (e, power, t, count);
  for (int i = 0; i < count; i++)
    {
      struct dv given = dv_load (x + 8 * i), value = dv_fma (power[i], e[i], power[i]);
      struct dv more = dv_where_less (dv_set (INFINITY), high, given);
      value = dv_select (value, zero, dv_bits (dv_where_less (dv_set (-1), given, low)));
      dv_store (y + 8 * i, dv_add (value, more));
    }
}

/* tanh |x| = e / (e + 2) with e = exp (2 |x|) - 1.  */
LANES_INLINE void
tanh_of (double *y, const double *x, const int count)
{
  const struct uv sign = uv_set (0x8000000000000000);
  struct dv t[EXP_MOST], e[EXP_MOST], power[EXP_MOST];
  for (int i = 0; i < count; i++)
    {
      /* From 20 on tanh is 1 but for e^-40.  */
      struct dv size = dv_min (dv_abs (dv_load (x + 8 * i)), dv_set (20));
      t[i] = dv_add (size, size);
    }
  exp_terms (e, power, t, count);
  for (int i = 0; i < count; i++)
    {
      struct uv minus = uv_and (dv_bits (dv_load (x + 8 * i)), sign);
      struct dv less = dv_fma (power[i], e[i], dv_sub (power[i], dv_set (1)));
      struct dv size = dv_div (less, dv_add (less, dv_set (2)));
      dv_store (y + 8 * i, dv_of_bits (uv_or (dv_bits (size), minus)));
    }
}

void
QK_BUILD (qk_exp) (double *y, const double *x, size_t n)
{
  size_t i = 0;
  for (; i + 8 * EXP_MOST <= n; i += 8 * EXP_MOST)
    exp_of (y + i, x + i, EXP_MOST);
  for (; i < n; i += 8)
    exp_of (y + i, x + i, 1);
}

void
QK_BUILD (qk_log_1_plus) (double *y, const double *x, size_t n)
{
  for (size_t i = 0; i < n; i += 8)
    dv_store (y + i, log_1_plus (dv_load (x + i)));
}

void
QK_BUILD (qk_tanh) (double *y, const double *x, size_t n)
{
  size_t i = 0;
  for (; i + 8 * EXP_MOST <= n; i += 8 * EXP_MOST)
    tanh_of (y + i, x + i, EXP_MOST);
  for (; i < n; i += 8)
    tanh_of (y + i, x + i, 1);
}
