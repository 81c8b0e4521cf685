/* rows.c -- what the softmax of rows of scores comes to, from sums over their keys.

   Compiled once per instruction set.  Eight rows at once, one a lane.  Two passes over the part of
   the rows that is given, which a cache should hold: the largest score first.  */

#include "lanes/variant.h"
#include "lanes/vmath.h"

/* e^x by lanes, -QK_ROW_CUT <= x <= 0.  */
LANES_INLINE struct dv
exp_negative (struct dv x)
{
  struct dv e, power;
  exp_terms (&e, &power, &x, 1);
  return dv_fma (power, e, power);
}

/* All ones in the lanes whose key j counts: in the top bit, j < keys; minus holds -keys.  */
LANES_INLINE struct uv
counts (size_t j, struct uv minus)
{
  return uv_add (uv_set (j), minus);
}

/* The sums over some keys: those of struct qk_row_sums with e^t counted below the maximum only, and
   how many scores are below it.  */
struct part
{
  struct dv s1, s2, z, z2, z3, zt, below;
};

/* Add the scores of count keys, a constant here; mask is looked at if masked, another.  */
LANES_INLINE void
add_keys (struct part *sum, const double *s, const int count, struct dv max, struct dv shift,
          struct dv scale, const int masked, struct uv mask)
{
  const struct dv zero = dv_set (0), one = dv_set (1), cut = dv_set (-QK_ROW_CUT);
  struct dv score[EXP_MOST], t[EXP_MOST], e[EXP_MOST], power[EXP_MOST];
  for (int i = 0; i < count; i++)
    {
      score[i] = dv_load (s + 8 * i);
      struct dv x = dv_sub (score[i], shift);
      if (masked)
        {
          x = dv_select (zero, x, mask);
          score[i] = dv_select (max, score[i], mask);
        }
      sum->s1 = dv_add (sum->s1, x);
      sum->s2 = dv_fma (x, x, sum->s2);
      t[i] = dv_max (dv_mul (scale, dv_sub (score[i], max)), cut);
    }
  exp_terms (e, power, t, count);
  for (int i = 0; i < count; i++)
    {
      e[i] = dv_where_less (dv_fma (power[i], e[i], power[i]), cut, t[i]);
      e[i] = dv_where_less (e[i], score[i], max);
      sum->zt = dv_fma (t[i], e[i], sum->zt);
    }
  for (int i = 0; i < count; i++)
    sum->z = dv_add (sum->z, e[i]);
  for (int i = 0; i < count; i++)
    {
      struct dv square = dv_mul (e[i], e[i]);
      sum->z2 = dv_add (sum->z2, square);
      sum->z3 = dv_fma (square, e[i], sum->z3);
    }
  for (int i = 0; i < count; i++)
    sum->below = dv_add (sum->below, dv_where_less (one, score[i], max));
}

/* The largest score of each lane, and the smallest; -inf and inf of none.  Of n keys the first all
   count in every lane.  */
LANES_INLINE struct dv
extremes (struct dv *smallest, const double *s, size_t all, size_t n, struct uv minus)
{
  enum
  {
    CHAINS = 4 /* for the latency of max; any order will do */
  };
  struct dv none = dv_set (-INFINITY), high[CHAINS], low[CHAINS];
  for (int i = 0; i < CHAINS; i++)
    {
      high[i] = none;
      low[i] = dv_set (INFINITY);
    }
  size_t j = 0;
  for (; j + CHAINS <= all; j += CHAINS)
    for (int i = 0; i < CHAINS; i++)
      {
        struct dv x = dv_load (s + 8 * (j + i));
        high[i] = dv_max (x, high[i]);
        low[i] = dv_min (x, low[i]);
      }
  for (; j < n; j++)
    {
      struct dv x = dv_load (s + 8 * j);
      struct uv mask = counts (j, minus);
      high[0] = dv_max (dv_select (none, x, mask), high[0]);
      low[0] = dv_min (dv_select (low[0], x, mask), low[0]);
    }
  for (int i = 1; i < CHAINS; i++)
    {
      high[0] = dv_max (high[i], high[0]);
      low[0] = dv_min (low[i], low[0]);
    }
  *smallest = low[0];
  return high[0];
}

void
QK_BUILD (qk_row_sums) (struct qk_row_sums *sums, const double *s, size_t n,
                        const size_t keys[QK_LANES], double shift, double scale)
{
  const struct dv zero = dv_set (0), one = dv_set (1);
  _Alignas(QK_ALIGN) uint64_t minus_keys[QK_LANES];
  _Alignas(QK_ALIGN) double counted[QK_LANES];
  size_t all = n, some = 0; /* keys that count in all rows, in some row */
  for (int i = 0; i < QK_LANES; i++)
    {
      minus_keys[i] = -(uint64_t)keys[i];
      counted[i] = (double)keys[i];
      all = keys[i] < all ? keys[i] : all;
      some = keys[i] > some ? keys[i] : some;
    }
  const struct uv minus = uv_load (minus_keys);

  struct dv low, high = extremes (&low, s, all, some, minus), old = dv_load (sums->max);
  struct dv max = dv_max (high, old);

  struct part sum = { zero, zero, zero, zero, zero, zero, zero };
  const struct dv by = dv_set (scale), from = dv_set (shift);
  size_t j = 0;
  for (; j + EXP_MOST <= all; j += EXP_MOST)
    add_keys (&sum, s + 8 * j, EXP_MOST, max, from, by, 0, minus);
  for (; j < some; j++)
    add_keys (&sum, s + 8 * j, 1, max, from, by, 1, counts (j, minus));

  /* What was there, for the new maximum: with d = scale (old - max) and f = e^d, e^t becomes f e^t
     and t becomes t + d.  Where the maximum grew, its old key joins the sums and one of the new
     keys at it leaves them: g = 1; else g = 0.  Before the first key f = 0.  */
  const struct dv cut = dv_set (-QK_ROW_CUT);
  struct dv d = dv_mul (by, dv_sub (old, max)), g = dv_where_less (one, old, max);
  struct dv near = dv_where_less (d, cut, d);
  struct dv f = dv_where_less (exp_negative (near), cut, d), f2 = dv_mul (f, f);
  struct dv z = dv_add (dv_load (sums->z), g), z2 = dv_add (dv_load (sums->z2), g);
  struct dv z3 = dv_add (dv_load (sums->z3), g), zt = dv_fma (near, z, dv_load (sums->zt));
  struct dv ties = dv_sub (dv_sub (dv_load (counted), sum.below), g);
  dv_store (sums->z, dv_fma (f, z, dv_add (sum.z, ties)));
  dv_store (sums->z2, dv_fma (f2, z2, dv_add (sum.z2, ties)));
  dv_store (sums->z3, dv_fma (dv_mul (f2, f), z3, dv_add (sum.z3, ties)));
  dv_store (sums->zt, dv_fma (f, zt, sum.zt));

  dv_store (sums->max, max);
  dv_store (sums->abs, dv_max (dv_max (high, dv_sub (zero, low)), dv_load (sums->abs)));
  dv_store (sums->s1, dv_add (dv_load (sums->s1), sum.s1));
  dv_store (sums->s2, dv_add (dv_load (sums->s2), sum.s2));
}

void
QK_BUILD (qk_row_stats) (struct qk_row_stats *stats, const struct qk_row_sums *sums)
{
  const struct dv zero = dv_set (0), one = dv_set (1), two = dv_set (2);
  struct dv z = dv_load (sums->z), z2 = dv_load (sums->z2), z3 = dv_load (sums->z3);
  struct dv all = dv_add (one, z), top = dv_div (one, all), top2 = dv_mul (top, top);
  struct dv entropy = dv_fma (dv_sub (zero, dv_load (sums->zt)), top, log_1_plus (z));

  /* tr J Z^2 = 2 z + z^2 - z2;  |J|^2 Z^4 = z^2 + z2 + z2 (z^2 + z2) + 2 (z2 - z3) Z.  */
  struct dv square = dv_mul (z, z), both = dv_add (square, z2);
  struct dv trace = dv_fma (two, z, dv_sub (square, z2));
  struct dv norm = dv_fma (z2, both, both);
  norm = dv_fma (dv_mul (two, all), dv_sub (z2, z3), norm);

  dv_store (stats->top, top);
  dv_store (stats->participation, dv_mul (dv_add (one, z2), top2));
  dv_store (stats->entropy, entropy);
  dv_store (stats->trace, dv_mul (trace, top2));
  dv_store (stats->jacobian, dv_mul (dv_mul (norm, top2), top2));
}

void
QK_BUILD (qk_row_weights) (double *p, const double *s, size_t n, const size_t keys[QK_LANES],
                           double scale, const struct qk_row_sums *sums)
{
  const struct dv zero = dv_set (0), one = dv_set (1), cut = dv_set (-QK_ROW_CUT);
  _Alignas(QK_ALIGN) uint64_t minus_keys[QK_LANES];
  for (int i = 0; i < QK_LANES; i++)
    minus_keys[i] = -(uint64_t)keys[i];
  const struct uv minus = uv_load (minus_keys);
  const struct dv by = dv_set (scale), max = dv_load (sums->max);
  const struct dv top = dv_div (one, dv_add (one, dv_load (sums->z)));
  for (size_t j = 0; j < n; j++)
    {
      struct dv t = dv_max (dv_mul (by, dv_sub (dv_load (s + 8 * j), max)), cut);
      struct uv mask = counts (j, minus);
      t = dv_select (cut, t, mask);
      struct dv e = dv_where_less (exp_negative (t), cut, t);
      dv_store (p + 8 * j, dv_select (zero, dv_mul (e, top), mask));
    }
}

/* The coordinates from k on, count of them, a constant.  */
LANES_INLINE struct dv
gradient_of (const double *p, const double *k, size_t n, size_t c, const size_t top[QK_LANES],
             struct dv p2, const int count)
{
  enum
  {
    MOST = 2
  };
  struct dv base[MOST], m[MOST], b[MOST], x2[MOST], sum = dv_set (0);
  for (int a = 0; a < count; a++)
    {
      _Alignas(QK_ALIGN) double from[QK_LANES];
      for (int i = 0; i < QK_LANES; i++)
        from[i] = k[(top[i] * c + (size_t)a) * 8 + (size_t)i];
      base[a] = dv_load (from);
      m[a] = b[a] = x2[a] = dv_set (0);
    }
  for (size_t j = 0; j < n; j++)
    {
      struct dv weight = dv_load (p + 8 * j);
      for (int a = 0; a < count; a++)
        {
          struct dv x = dv_sub (dv_load (k + (j * c + (size_t)a) * 8), base[a]);
          struct dv px = dv_mul (weight, x);
          m[a] = dv_add (m[a], px);
          b[a] = dv_fma (weight, px, b[a]);
          x2[a] = dv_fma (px, px, x2[a]);
        }
    }
  for (int a = 0; a < count; a++)
    {
      struct dv cross = dv_sub (dv_mul (m[a], p2), dv_mul (dv_set (2), b[a]));
      sum = dv_add (sum, dv_fma (m[a], cross, x2[a]));
    }
  return sum;
}

void
QK_BUILD (qk_row_gradient) (double square[QK_LANES], const double *p, const double *k, size_t n,
                            size_t c, const size_t top[QK_LANES])
{
  struct dv p2 = dv_set (0), sum = dv_load (square);
  for (size_t j = 0; j < n; j++)
    p2 = dv_fma (dv_load (p + 8 * j), dv_load (p + 8 * j), p2);
  size_t a = 0;
  for (; a + 2 <= c; a += 2)
    sum = dv_add (sum, gradient_of (p, k + 8 * a, n, c, top, p2, 2));
  for (; a < c; a++)
    sum = dv_add (sum, gradient_of (p, k + 8 * a, n, c, top, p2, 1));
  dv_store (square, sum);
}

/* (1 + x) ln (1 + x) + (1 - x) ln (1 - x), 0 <= x <= 1: at 1 the second term is 0 times a number.
 */
LANES_INLINE struct dv
apart (struct dv x)
{
  const struct dv zero = dv_set (0), one = dv_set (1);
  struct dv f, less = dv_sub (one, x), more = dv_add (one, x), l = log_terms (&f, less);
  struct uv small = dv_bits (dv_sub (x, dv_set (LOG_NEAR)));
  f = dv_select (f, dv_sub (zero, x), small);
  l = dv_select (l, zero, small);
  struct dv down = dv_mul (dv_set (-0.5), dv_fma (f, dv_polynomial (f, qk_log_p, 10), l));
  return dv_max (dv_fma (less, down, dv_mul (more, log_1_plus (x))), zero);
}

void
QK_BUILD (qk_row_divergence) (double overlap[QK_LANES], double divergence[QK_LANES],
                              const double *p, const double *q, size_t n)
{
  struct dv common = dv_load (overlap), sum = dv_load (divergence);
  for (size_t j = 0; j < n; j++)
    {
      struct dv a = dv_load (p + 8 * j), b = dv_load (q + 8 * j), both = dv_add (a, b);
      struct dv x = dv_div (dv_abs (dv_sub (a, b)), dv_max (both, dv_set (0x1p-1000)));
      common = dv_fma (a, b, common);
      sum = dv_add (sum, dv_mul (dv_mul (both, dv_set (0.25)), apart (x)));
    }
  dv_store (overlap, common);
  dv_store (divergence, sum);
}
