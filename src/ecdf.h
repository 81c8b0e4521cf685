/* ecdf.h -- how far the law of a sample is from an exact one.

   F_N is counted on a grid of near quantiles, where F is known exactly.  The largest |F_N - F| on
   the grid, plus what F can rise between two of its points, bounds the supremum over all x:

       distance <= sup |F_N - F| <= distance + cell.   */

#ifndef QK_ECDF_H
#define QK_ECDF_H

#include <stddef.h>

enum
{
  QK_ECDF_POINTS = 512
};

struct qk_ecdf
{
  double x[QK_ECDF_POINTS]; /* the grid, not decreasing */
  double f[QK_ECDF_POINTS]; /* F there */
  double cell;              /* the largest rise of F within a cell; 0 in one of a single value */
};

/* A grid for a law symmetric about 0.  Where the points lie is only a matter of the size of cells:
   F is evaluated at each of them.

   cdf    F(x) = P(X <= x) = cdf (of, x).
   reach  > 0: F (reach) = 1, but for less than 1 / (2 QK_ECDF_POINTS).
   step   0, or that of a lattice: the values are offset + i step, i whole, offset 0 or step / 2.
          The points then lie midway between values, which may be off by rounding.  */
void qk_ecdf_make (struct qk_ecdf *e, double (*cdf) (const void *of, double x), const void *of,
                   double reach, double step, double offset);

/* Add n values to the numbers of values in each cell: count[j] of those in (x[j-1], x[j]].  Those
   above the last point need no count.  0, or -1 if one is NaN.  */
int qk_ecdf_count (double count[static QK_ECDF_POINTS], const struct qk_ecdf *e,
                   const double *value, size_t n);

/* From the numbers in each cell to those at or below each point, in place.  */
void qk_ecdf_cumulate (double count[static QK_ECDF_POINTS]);

/* The distance on the grid; below: how many of n values lie at or below each point.  */
double qk_ecdf_distance (const struct qk_ecdf *e, const double below[static QK_ECDF_POINTS],
                         double n);

#endif
