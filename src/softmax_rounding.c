/* softmax_rounding.c -- the softmax in a number format, and how far off it can be.  */

#include "softmax_rounding.h"
#include "polynomials.h"

#include <math.h>
#include <stdbool.h>

const char *const qk_softmax_form_names[QK_SOFTMAX_FORMS]
    = { "shifted", "shifted-reciprocal", "unshifted", "unshifted-reciprocal" };

/* Of qk_exp, in units of 2^-53 (see exp_terms in lanes/vmath.h, the same operations).  */
static const double EXP_ERROR = 1.6;

/* e^x = 2^k (1 + e), |x| < 2^20.  */
static double
exp_terms (int *k, double x)
{
  double whole = nearbyint (x * (1 / QK_LN2)), p = qk_exp_p[9];
  double r = fma (-whole, QK_LN2_REST, fma (-whole, QK_LN2, x));
  for (int i = 8; i >= 0; i--)
    p = fma (p, r, qk_exp_p[i]);
  *k = (int)whole;
  return fma (r * r, p, r);
}

double
qk_exp (double x)
{
  int k;
  if (!(fabs (x) < 800))
    return isnan (x) ? x : x < 0 ? 0 : INFINITY;
  double e = exp_terms (&k, x);
  return ldexp (1 + e, k);
}

/* e^x - 1, x >= 0: 3 u relative.  */
static double
exp_minus_1 (double x)
{
  int k;
  if (!(x < 700))
    return INFINITY;
  double e = exp_terms (&k, x), power = ldexp (1, k);
  return fma (power, e, power - 1);
}

/* The largest relative error of one operation.  */
static double
unit_of (const struct qk_float_format *f, enum qk_direction r)
{
  return r == QK_NEAREST ? f->unit : 2 * f->unit;
}

double
qk_softmax_exp_error (const struct qk_float_format *f, enum qk_direction r)
{
  double own = EXP_ERROR * 0x1p-53 / f->unit, round = unit_of (f, r) / f->unit;
  return f->precision == 53 ? EXP_ERROR : own + round + own * round * f->unit;
}

static bool
is_shifted (enum qk_softmax_form form)
{
  return form == QK_SHIFTED || form == QK_SHIFTED_RECIPROCAL;
}

static bool
is_reciprocal (enum qk_softmax_form form)
{
  return form == QK_SHIFTED_RECIPROCAL || form == QK_UNSHIFTED_RECIPROCAL;
}

static double
largest (const double *x, size_t n)
{
  double max = x[0];
  for (size_t i = 1; i < n; i++)
    max = fmax (max, x[i]);
  return max;
}

int
qk_softmax_rounded (double *p, const double *x, size_t n, enum qk_softmax_form form,
                    const struct qk_float_format *f, enum qk_direction r)
{
  double max = largest (x, n), sum = 0;
  for (size_t i = 0; i < n; i++)
    {
      p[i] = qk_round (qk_exp (is_shifted (form) ? qk_round_add (x[i], -max, f, r) : x[i]), f, r);
      sum = i == 0 ? p[i] : qk_round_add (sum, p[i], f, r);
    }
  if (!(sum > 0 && sum < f->largest)) /* no exponential is larger than the sum */
    return -1;
  double factor = is_reciprocal (form) ? qk_round_div (1, sum, f, r) : 0;
  if (!(factor < f->largest))
    return -1;
  for (size_t i = 0; i < n; i++)
    p[i]
        = is_reciprocal (form) ? qk_round_mul (p[i], factor, f, r) : qk_round_div (p[i], sum, f, r);
  return 0;
}

void
qk_softmax_rounded_bound (double *bound, const double *p, const double *x, size_t n,
                          enum qk_softmax_form form, const struct qk_float_format *f,
                          enum qk_direction r)
{
  double w = unit_of (f, r), e = qk_softmax_exp_error (f, r) * f->unit / w;
  double lost = r == QK_NEAREST ? f->smallest / 2 : f->smallest; /* by underflow, at most */
  double max = largest (x, n), top = is_shifted (form) ? max : 0;
  double sum = 0, moved = 0, small = 0; /* small: how many exponentials may underflow */
  for (size_t i = 0; i < n; i++)
    {
      double move = is_shifted (form) ? w * (max - x[i]) : 0, value = qk_exp (x[i] - top);
      sum += value;
      moved += p[i] * exp_minus_1 (move);
      small += value * (1 - 2 * e * w) <= f->smallest_normal * (1 + 2 * move);
    }
  double most = w / (1 - e * w) * ((double)n - 1 + (is_reciprocal (form) ? 2 : 1) + 2 * e) + moved;
  double y = small * lost / sum * (1 + exp_minus_1 (most));
  most += y < 1 ? y / (1 - y) : INFINITY;
  for (size_t i = 0; i < n; i++)
    {
      double t = most + (is_shifted (form) ? w * (max - x[i]) : 0);
      double relative = exp_minus_1 (t), high = 1 + relative, absolute = 0;
      if (qk_exp (x[i] - top) <= f->smallest_normal * high) /* the exponential underflows, */
        absolute += lost / sum * high;
      if (p[i] <= f->smallest_normal * high) /* the weight, */
        absolute += lost;
      if (is_reciprocal (form) && sum * high >= 1 / f->smallest_normal) /* the reciprocal */
        absolute += (p[i] * sum + lost) * lost * high;
      bound[i] = (p[i] * relative + absolute) * (1 + 0x1p-30); /* for the rounding of all this */
    }
}
