/* ecdf.c -- how far the law of a sample is from an exact one.  */

#include "ecdf.h"

#include <math.h>

enum
{
  POINTS = QK_ECDF_POINTS,
  COARSE = 256 /* points of the table that is inverted to find quantiles */
};

void
qk_ecdf_make (struct qk_ecdf *e, double (*cdf) (const void *of, double x), const void *of,
              double reach, double step, double offset)
{
  double x[COARSE + 1], f[COARSE + 1], middle = offset == 0 ? 0.5 : 0; /* in steps */
  for (int i = 0; i <= COARSE; i++)
    {
      /* Dense at 0, where a density may be high.  */
      double t = (double)i / COARSE;
      x[i] = reach * t * t * t;
      f[i] = cdf (of, x[i]);
    }
  f[0] = 0.5;
  for (int j = 0, at = 0; j < POINTS / 2; j++)
    {
      double p = 0.5 + (j + 0.5) / POINTS;
      while (at < COARSE - 1 && f[at + 1] < p)
        at++;
      double share = f[at + 1] > f[at] ? (p - f[at]) / (f[at + 1] - f[at]) : 0;
      double point = x[at] + share * (x[at + 1] - x[at]);
      if (step > 0)
        point = (floor (point / step - middle + 0.5) + middle) * step;
      e->x[POINTS / 2 + j] = point;
      e->x[POINTS / 2 - 1 - j] = -point;
    }

  e->cell = 0;
  double from = -INFINITY, last = 0;
  for (int j = 0; j <= POINTS; j++)
    {
      double to = j < POINTS ? e->x[j] : INFINITY, here = j < POINTS ? cdf (of, to) : 1;
      /* Around a single value both laws are constant but for one step.  */
      if (to - from >= 1.5 * step)
        e->cell = fmax (e->cell, here - last);
      if (j < POINTS)
        e->f[j] = here;
      from = to;
      last = here;
    }
}

int
qk_ecdf_count (double count[static QK_ECDF_POINTS], const struct qk_ecdf *e, const double *value,
               size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      size_t lo = 0, hi = POINTS; /* the first point that is not below the value */
      while (lo < hi)
        {
          size_t middle = (lo + hi) / 2;
          if (e->x[middle] < value[i])
            lo = middle + 1;
          else
            hi = middle;
        }
      if (lo < POINTS)
        count[lo]++;
      if (isnan (value[i]))
        return -1;
    }
  return 0;
}

void
qk_ecdf_cumulate (double count[static QK_ECDF_POINTS])
{
  for (size_t j = 1; j < POINTS; j++)
    count[j] += count[j - 1];
}

double
qk_ecdf_distance (const struct qk_ecdf *e, const double below[static QK_ECDF_POINTS], double n)
{
  double distance = 0;
  for (size_t j = 0; j < POINTS; j++)
    distance = fmax (distance, fabs (below[j] / n - e->f[j]));
  return distance;
}
