/* enclose.c -- from block values to enclosures, and from tolerances to sample sizes.  */

#include "enclose.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Values that agree to this relative accuracy differ by rounding only: far above what summing the
   scores of a block in order can do, far below the spread of any block mean that has one.  */
static const double EQUAL = 1e-12;

/* Planned runs decide as they should but for this share.  */
static const double PLAN_MISS = .01;

static const struct qk_band LINE = { -INFINITY, INFINITY };

/* What n rows say about the mean of y = sum_c weight[c] (row[column[c]] - first row[column[c]]):
   shifted, so that a large common part costs no digits.  deviation is that of one row, 0 where the
   rows differ by rounding only, NaN where a value is NaN or infinite.  */
struct sample
{
  double mean, deviation, skewness, kurtosis;
};

static double
combine (const double *row, const double *first, const size_t *column, const double *weight,
         size_t columns)
{
  double y = 0;
  for (size_t c = 0; c < columns; c++)
    y += weight[c] * (row[column[c]] - first[column[c]]);
  return y;
}

static double
magnitude (const double *row, const size_t *column, const double *weight, size_t columns)
{
  double size = 0;
  for (size_t c = 0; c < columns; c++)
    size += fabs (weight[c] * row[column[c]]);
  return size;
}

static struct sample
sample_measure (const double *x, size_t n, size_t stride, const size_t *column,
                const double *weight, size_t columns)
{
  struct sample s = { 0 };
  double scale = 0, range = 0, rest = 0, squares = 0;
  for (size_t i = 0; i < n; i++)
    {
      s.mean += combine (x + i * stride, x, column, weight, columns);
      scale = fmax (scale, magnitude (x + i * stride, column, weight, columns));
    }
  s.mean /= n;
  for (size_t i = 0; i < n; i++)
    {
      double y = combine (x + i * stride, x, column, weight, columns) - s.mean;
      range = fmax (range, fabs (y));
      rest += y;
      squares += y * y;
    }
  /* rest is what rounding left in the mean.  */
  s.mean += rest / n;
  s.deviation = sqrt ((squares - rest * rest / n) / (n - 1.));
  if (range <= EQUAL * scale && !isnan (squares))
    s.deviation = 0;
  if (!(s.deviation > 0))
    return s;
  for (size_t i = 0; i < n; i++)
    {
      double y = combine (x + i * stride, x, column, weight, columns) - s.mean;
      double z = y / s.deviation;
      s.skewness += z * z * z / n;
      s.kurtosis += z * z * z * z / n;
    }
  s.kurtosis -= 3;
  return s;
}

/* The interval of value, which errs as the mean of the sample does.  */
static void
enclose (struct qk_enclosure *e, double value, const struct sample *s, size_t n, double miss,
         struct qk_band support)
{
  if (n < 2)
    *e = (struct qk_enclosure){ value, NAN, -INFINITY, INFINITY };
  else if (isnan (s->deviation) || !isfinite (value))
    *e = (struct qk_enclosure){ value, NAN, NAN, NAN };
  else if (s->deviation == 0)
    {
      double p = -expm1 (log (miss) / (n - 1.));
      *e = (struct qk_enclosure){ value, 0, value - p * (value - support.lo),
                                  value + p * (support.hi - value) };
    }
  else
    {
      double error = s->deviation / sqrt (n);
      double t = gsl_cdf_tdist_Qinv (miss / 2, n - 1.);
      double t2 = t * t;
      double excess
          = s->skewness * s->skewness / 18 * (t2 * t2 + 2 * t2 - 3) - s->kurtosis / 12 * (t2 - 3);
      double half = error * t * (1 + fmax (excess, 0) / n);
      *e = (struct qk_enclosure){ value, error, fmax (value - half, support.lo),
                                  fmin (value + half, support.hi) };
    }
}

void
qk_enclose_mean (struct qk_enclosure *e, const double *x, size_t n, size_t stride, double miss,
                 struct qk_band support)
{
  static const size_t column = 0;
  static const double weight = 1;
  struct sample s = sample_measure (x, n, stride, &column, &weight, 1);
  enclose (e, n ? x[0] + s.mean : NAN, &s, n, miss, support);
}

void
qk_enclose_smooth (struct qk_enclosure *e, double value, const double *x, size_t n, size_t stride,
                   const size_t *column, const double *weight, size_t columns, double miss)
{
  struct sample s = sample_measure (x, n, stride, column, weight, columns);
  enclose (e, value, &s, n, miss, LINE);
}

void
qk_enclose_slope (struct qk_enclosure *e, const double *x, const struct qk_enclosure *y,
                  const double *df, size_t m, double miss)
{
  double centre = 0, spread = 0;
  for (size_t i = 0; i < m; i++)
    centre += log (x[i]) / m;
  for (size_t i = 0; i < m; i++)
    spread += (log (x[i]) - centre) * (log (x[i]) - centre);

  double slope = 0, variance = 0, squares = 0, rest = 0;
  bool invalid = false, open = m < 2;
  for (size_t i = 0; i < m; i++)
    {
      double weight = (log (x[i]) - centre) / spread;
      bool bare = !(y[i].std_error > 0);
      double error = bare ? 0 : weight * y[i].std_error / y[i].estimate;
      slope += weight * log (y[i].estimate);
      variance += error * error;
      squares += pow (error, 4) / df[i];
      if (bare)
        rest
            += fabs (weight) * fmax (log (y[i].hi / y[i].estimate), -log (y[i].lo / y[i].estimate));
      invalid |= isnan (y[i].lo) || isnan (y[i].hi);
      open |= !(y[i].estimate > 0) || (bare && !(y[i].lo > 0));
    }
  double error = sqrt (variance), half = rest;
  if (variance > 0)
    half += error
            * gsl_cdf_tdist_Qinv ((rest > 0 ? miss / 2 : miss) / 2, variance * variance / squares);
  if (invalid)
    *e = (struct qk_enclosure){ slope, NAN, NAN, NAN };
  else if (open || !(half < INFINITY))
    *e = (struct qk_enclosure){ slope, NAN, -INFINITY, INFINITY };
  else
    *e = (struct qk_enclosure){ slope, error, slope - half, slope + half };
}

/* The distance that the empirical law of one value exceeds with probability miss, at most; that of
   n values is smaller by sqrt (n).  */
static double
massart (double miss)
{
  return sqrt (log (2 / miss) / 2);
}

void
qk_enclose_distance (struct qk_enclosure *e, double distance, double cell, double n, double miss)
{
  double epsilon = massart (miss) / sqrt (n);
  *e = (struct qk_enclosure){ distance, NAN, distance - epsilon, distance + cell + epsilon };
  /* Comparisons, not fmax and fmin: a NaN has to stay.  */
  if (e->lo < 0)
    e->lo = 0;
  if (e->hi > 1)
    e->hi = 1;
}

/* P(K <= k) for K binomial with n trials of probability p.  */
static double
binomial_below (double k, double n, double p)
{
  return k < 0 ? 0 : k >= n ? 1 : gsl_cdf_beta_Q (p, k + 1, n - k);
}

/* The largest k >= -1 with P(K <= k) <= share < 1.  */
static double
binomial_rank (double n, double p, double share)
{
  double lo = -1, hi = n;
  while (hi - lo > 1)
    {
      double middle = floor ((lo + hi) / 2);
      if (binomial_below (middle, n, p) <= share)
        lo = middle;
      else
        hi = middle;
    }
  return lo;
}

/* The x with P(K >= count) = share for K binomial with n trials of probability x: below it, so many
   events are rarer.  */
static double
least_probability (double count, double n, double share)
{
  double lo = 0, hi = 1;
  if (count == 0)
    return 0;
  /* Halving: gsl_cdf_beta_Pinv does not converge for some arguments.  */
  for (double middle; (middle = (lo + hi) / 2) > lo && middle < hi;)
    if (gsl_cdf_beta_P (middle, count, n - count + 1) <= share)
      lo = middle;
    else
      hi = middle;
  return lo;
}

void
qk_enclose_proportion (struct qk_enclosure *e, double count, double n, double miss)
{
  double p = count / n, error = sqrt (p * (1 - p) / n);
  *e = (struct qk_enclosure){ p, error > 0 ? error : NAN, least_probability (count, n, miss / 2),
                              1 - least_probability (n - count, n, miss / 2) };
}

/* Doubles as integers in the same order, and back.  */
static uint64_t
key_of (double x)
{
  uint64_t u;
  memcpy (&u, &x, sizeof u);
  return u >> 63 ? ~u : u | UINT64_C (1) << 63;
}

static double
value_of (uint64_t key)
{
  uint64_t u = key >> 63 ? key & INT64_MAX : ~key;
  double x;
  memcpy (&x, &u, sizeof x);
  return x;
}

/* The value of that rank, 1 the least: in 64 halvings, so that nothing has to be sorted.  */
static double
ranked (const double *x, size_t rows, size_t width, size_t stride, double rank)
{
  uint64_t lo = 0, hi = UINT64_MAX;
  while (lo < hi)
    {
      uint64_t middle = lo + (hi - lo) / 2;
      size_t below = 0;
      for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++)
          below += key_of (x[i * stride + j]) <= middle;
      if ((double)below >= rank)
        hi = middle;
      else
        lo = middle + 1;
    }
  return value_of (lo);
}

void
qk_enclose_quantile (struct qk_enclosure *e, const double *x, size_t rows, size_t width,
                     size_t stride, double p, double miss)
{
  double n = (double)rows * (double)width, at = n * p;
  *e = (struct qk_enclosure){ NAN, NAN, -INFINITY, INFINITY };
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++)
      if (!isfinite (x[i * stride + j]))
        e->lo = e->hi = NAN;
  if (n == 0 || isnan (e->lo))
    return;
  /* Were x_p below the value of rank lo, at most lo - 1 values would be <= x_p; likewise above.  */
  double lo = binomial_rank (n, p, miss / 2) + 1, hi = n - binomial_rank (n, 1 - p, miss / 2);
  e->estimate = (ranked (x, rows, width, stride, fmax (ceil (at), 1))
                 + ranked (x, rows, width, stride, fmin (floor (at) + 1, n)))
                / 2;
  if (lo >= 1)
    e->lo = ranked (x, rows, width, stride, lo);
  if (hi <= n)
    e->hi = ranked (x, rows, width, stride, hi);
}

double
qk_two_sided_z (double p)
{
  return gsl_cdf_ugaussian_Qinv (p / 2);
}

double
qk_plan_units (double v, double w, double miss)
{
  /* The interval stays inside the band where |error| + t (estimated standard error) <= w.  Over B
     blocks the estimated one has the relative deviation 1 / sqrt (2 (B - 1)).  */
  double df = QK_MIN_BLOCKS - 1;
  double t = gsl_cdf_tdist_Qinv (miss / 2, df);
  double c = t + qk_two_sided_z (PLAN_MISS) * sqrt (1 + t * t / (2 * df));
  return v * c * c / (w * w);
}

double
qk_plan_distance (double width, double cell, double miss)
{
  double c = massart (PLAN_MISS) + massart (miss);
  return cell < width ? c * c / ((width - cell) * (width - cell)) : INFINITY;
}

/* Whether n units keep the lower end of an interval from leaving a band: all but PLAN_MISS / 2 of
   the runs have more than k events.  One event less is asked of, against steps as n grows.  */
static bool
share_reached (double n, double p, double w, double miss)
{
  double k = fmax (binomial_rank (n, p, PLAN_MISS / 2), 0);
  return p - w <= 0 || binomial_below (k - 1, n, p - w) >= 1 - miss / 2;
}

/* The same for order statistics: all but PLAN_MISS / 2 of the runs have fewer values below the
   quantile of order p - w than the rank of the lower end, less one.  */
static bool
rank_reached (double n, double p, double w, double miss)
{
  return p - w <= 0
         || binomial_below (binomial_rank (n, p, miss / 2) - 1, n, p - w) >= 1 - PLAN_MISS / 2;
}

/* The least n that reaches both ends, but for the steps of the binomial law.  */
static double
least_units (bool (*reached) (double, double, double, double), double p, double w, double miss)
{
  double lo = 0, hi = 1;
  while (!(reached (hi, p, w, miss) && reached (hi, 1 - p, w, miss)))
    {
      lo = hi;
      hi *= 2;
    }
  while (hi - lo > 1)
    {
      double middle = floor ((lo + hi) / 2);
      if (reached (middle, p, w, miss) && reached (middle, 1 - p, w, miss))
        hi = middle;
      else
        lo = middle;
    }
  return hi;
}

double
qk_plan_proportion (double p, double w, double miss)
{
  return least_units (share_reached, p, w, miss);
}

double
qk_plan_quantile (double p, double w, double miss)
{
  return least_units (rank_reached, p, w, miss);
}

double
qk_plan_degenerate (double r, double w, double miss)
{
  return w < r ? 1 + ceil (log (miss) / log1p (-w / r)) : 2;
}

double
qk_round_miss (double miss, unsigned r)
{
  return miss * .9 * pow (10, 1 - (double)r);
}
