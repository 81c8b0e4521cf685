/* attention.c -- what attention computes, plainly: no tricks but where digits are at stake.  */

#include "attention.h"

#include <float.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdbool.h>

/* Where the largest is.  */
static size_t
top_of (const double *x, size_t n)
{
  size_t top = 0;
  for (size_t i = 1; i < n; i++)
    if (x[i] > x[top])
      top = i;
  return top;
}

static bool
finite_all (const double *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!isfinite (x[i]))
      return false;
  return n > 0;
}

int
qk_softmax (double *p, const double *x, size_t n)
{
  if (!finite_all (x, n))
    return -1;
  double max = x[top_of (x, n)], sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += p[i] = exp (x[i] - max);
  for (size_t i = 0; i < n; i++)
    p[i] /= sum;
  return 0;
}

double
qk_softmax_entropy (const double *x, size_t n)
{
  if (!finite_all (x, n))
    return NAN;
  size_t top = top_of (x, n);
  double rest = 0, mean = 0;
  for (size_t i = 0; i < n; i++)
    {
      double t = x[i] - x[top], e = exp (t);
      if (i == top || e == 0) /* t may be -inf */
        continue;
      rest += e;
      mean -= e * t;
    }
  return log1p (rest) + mean / (1 + rest);
}

double
qk_softmax_participation (const double *p, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum = fma (p[i], p[i], sum);
  return sum;
}

/* The weights: the largest, the sum of the others, of all.  */
struct weights
{
  size_t top;
  double rest, all;
};

static struct weights
weights_of (const double *p, size_t n)
{
  struct weights w = { top_of (p, n), 0, 0 };
  for (size_t i = 0; i < n; i++)
    if (i != w.top)
      w.rest += p[i];
  w.all = w.rest + p[w.top];
  return w;
}

/* 1 - p_i.  No weight but the largest can be more than half of all.  */
static double
others (const struct weights *w, const double *p, size_t i)
{
  return i == w->top ? w->rest : w->all - p[i];
}

void
qk_softmax_jacobian (double *J, const double *p, size_t n)
{
  struct weights w = weights_of (p, n);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      J[i * n + j] = i == j ? p[i] * others (&w, p, i) : -p[i] * p[j];
}

double
qk_jacobian_trace (const double *p, size_t n)
{
  struct weights w = weights_of (p, n);
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum = fma (p[i], others (&w, p, i), sum);
  return sum;
}

double
qk_jacobian_square (const double *p, size_t n)
{
  /* The diagonal; and off it, twice the sum over i of p_i^2 times the p_j^2 before it.  */
  struct weights w = weights_of (p, n);
  double sum = 0, before = 0;
  for (size_t i = 0; i < n; i++)
    {
      double square = p[i] * p[i], rest = others (&w, p, i);
      sum += square * (rest * rest + 2 * before);
      before += square;
    }
  return sum;
}

/* The bounds as they come, not widened.  */
static void
bracket (double *lo, double *hi, const struct weights *w, const double *p, size_t n)
{
  *lo = p[w->top] * w->rest;
  *hi = 2 * *lo;
  for (size_t i = 0; i < n; i++)
    if (i != w->top)
      {
        *lo = fmax (*lo, w->all * p[i]);
        *hi = fmax (*hi, 2 * p[i] * (w->all - p[i]));
      }
  *hi = fmin (*hi, w->all * w->all / 2);
}

void
qk_jacobian_bounds (double *lo, double *hi, const double *p, size_t n)
{
  struct weights w = weights_of (p, n);
  double wide = ((double)n + 4) * 0x1p-53;
  bracket (lo, hi, &w, p, n);
  *lo *= 1 - wide;
  *hi *= 1 + wide;
}

double
qk_jacobian_norm (const double *p, size_t n)
{
  struct weights w = weights_of (p, n);
  double top = p[w.top], lo, hi;
  if (isnan (w.all))
    return NAN;
  bracket (&lo, &hi, &w, p, n);
  hi = fmin (hi, w.all * top);
  for (int step = 0; step < 60 && lo < hi; step++)
    {
      double l = lo + (hi - lo) / 2, left = 0;
      if (l <= lo || l >= hi)
        break;
      for (size_t i = 0; i < n; i++)
        if (i != w.top && p[i] > 0)
          left += p[i] * (p[i] / (l - w.all * p[i]));
      /* The left side falls, the right side rises.  */
      if (left * (w.all * top - l) > l - top * w.rest)
        lo = l;
      else
        hi = l;
    }
  return lo + (hi - lo) / 2;
}

/* Coordinate i of sum_j p_j (k_j - k_top).  */
static double
mean_key (const double *p, const double *K, size_t n, size_t d, size_t i, size_t top)
{
  double sum = 0;
  for (size_t j = 0; j < n; j++)
    sum = fma (p[j], K[j * d + i] - K[top * d + i], sum);
  return sum;
}

void
qk_softmax_gradient (double *g, const double *p, const double *K, size_t n, size_t d, double c)
{
  struct weights w = weights_of (p, n);
  for (size_t i = 0; i < d; i++)
    {
      double mean = mean_key (p, K, n, d, i, w.top);
      for (size_t j = 0; j < n; j++)
        g[j * d + i] = c * p[j] * (w.all * (K[j * d + i] - K[w.top * d + i]) - mean);
    }
}

double
qk_gradient_square (const double *p, const double *K, size_t n, size_t d, double c)
{
  struct weights w = weights_of (p, n);
  double sum = 0;
  for (size_t i = 0; i < d; i++)
    {
      double mean = mean_key (p, K, n, d, i, w.top);
      for (size_t j = 0; j < n; j++)
        {
          double g = c * p[j] * (w.all * (K[j * d + i] - K[w.top * d + i]) - mean);
          sum = fma (g, g, sum);
        }
    }
  return sum;
}

double
qk_additive_score (const double *q, const double *k, const double *v, const double *W,
                   const double *U, size_t h, size_t d)
{
  double score = 0;
  for (size_t a = 0; a < h; a++)
    {
      double x = 0;
      for (size_t i = 0; i < d; i++)
        x = fma (U[a * d + i], k[i], fma (W[a * d + i], q[i], x));
      score = fma (v[a], tanh (x), score);
    }
  return score;
}

/* ---- Several heads ------------------------------------------------------------------------------
 */

double
qk_weights_overlap (const double *p, const double *q, size_t n)
{
  double sum = 0;
  for (size_t j = 0; j < n; j++)
    sum += p[j] * q[j];
  return sum;
}

double
qk_weights_divergence (const double *p, const double *q, size_t n)
{
  double sum = 0;
  for (size_t j = 0; j < n; j++)
    {
      double both = p[j] + q[j], x = both > 0 ? fabs (p[j] - q[j]) / both : 0;
      double more = (1 + x) * log1p (x), less = x < 1 ? (1 - x) * log1p (-x) : 0;
      sum += both / 4 * fmax (more + less, 0);
    }
  return sum;
}

/* Take from x its part along the unit vector y.  */
static void
take_along (double *x, const double *y, size_t n)
{
  double along = qk_weights_overlap (x, y, n);
  for (size_t j = 0; j < n; j++)
    x[j] -= along * y[j];
}

double
qk_weights_loss (const double *p, size_t h, size_t n, size_t i, double *room)
{
  double *rest = room + h * n;
  for (size_t j = 0; j < n; j++)
    rest[j] = j == i;
  for (size_t a = 0; a < h; a++)
    {
      double *unit = room + a * n;
      for (size_t j = 0; j < n; j++)
        unit[j] = p[a * n + j];
      for (size_t b = 0; b < a; b++)
        take_along (unit, room + b * n, n);
      double size = sqrt (qk_weights_overlap (unit, unit, n));
      for (size_t j = 0; j < n; j++)
        unit[j] /= size;
      take_along (rest, unit, n);
    }
  return qk_weights_overlap (rest, rest, n);
}

int
qk_heads_forward (double *y, const double *x, const struct qk_heads_block *w, double *room)
{
  size_t n = w->n, D = w->D, d = w->d, e = w->e;
  double *q = room, *k = q + n * d, *v = k + n * d, *o = v + n * e, *p = o + n * e,
         *out = p + n * n;
  for (size_t i = 0; i < n * D; i++)
    y[i] = 0;
  for (size_t a = 0; a < w->h; a++)
    {
      qk_project (q, x, w->wq + a * D * d, n, D, d);
      qk_project (k, x, w->wk + a * D * d, n, D, d);
      qk_project (v, x, w->wv + a * D * e, n, D, e);
      qk_score_matrix (p, q, k, n, n, d);
      for (size_t i = 0; i < n * n; i++)
        p[i] /= sqrt ((double)d);
      for (size_t i = 0; i < n; i++)
        if (qk_softmax (p + i * n, p + i * n, n))
          return -1;
      qk_project (o, p, v, n, n, e);
      qk_project (out, o, w->wo + a * e * D, n, e, D);
      for (size_t i = 0; i < n * D; i++)
        y[i] += out[i];
    }
  return 0;
}

void
qk_softmax_back (double *dx, const double *p, const double *g, size_t n)
{
  double mean = 0;
  for (size_t i = 0; i < n; i++)
    mean += g[i] * p[i];
  for (size_t i = 0; i < n; i++)
    dx[i] = p[i] * (g[i] - mean);
}

/* ---- Many queries -------------------------------------------------------------------------------
 */

void
qk_project (double *q, const double *x, const double *w, size_t n, size_t D, size_t d)
{
  for (size_t r = 0; r < n; r++)
    for (size_t i = 0; i < d; i++)
      {
        double sum = 0;
        for (size_t a = 0; a < D; a++)
          sum += x[r * D + a] * w[a * d + i];
        q[r * d + i] = sum;
      }
}

void
qk_score_matrix (double *s, const double *q, const double *k, size_t n, size_t m, size_t d)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < m; j++)
      {
        double sum = 0;
        for (size_t a = 0; a < d; a++)
          sum += q[i * d + a] * k[j * d + a];
        s[i * m + j] = sum;
      }
}

double
qk_asymmetry (const double *s, size_t n)
{
  double apart = 0, all = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      {
        double x = s[i * n + j] - s[j * n + i];
        apart += x * x;
        all += s[i * n + j] * s[i * n + j];
      }
  return apart / all;
}

/* Add X^T Y to g, X (n by D), Y (n by d).  */
static void
add_outer (double *g, const double *x, const double *y, size_t n, size_t D, size_t d)
{
  for (size_t a = 0; a < D; a++)
    for (size_t i = 0; i < d; i++)
      for (size_t r = 0; r < n; r++)
        g[a * d + i] += x[r * D + a] * y[r * d + i];
}

void
qk_weight_gradients (double *gq, double *gk, const double *G, const double *x, const double *q,
                     const double *k, size_t n, size_t D, size_t d, double *room)
{
  for (size_t i = 0; i < D * d; i++)
    gq[i] = gk[i] = 0;
  qk_project (room, G, k, n, n, d); /* G K */
  add_outer (gq, x, room, n, D, d);
  for (size_t i = 0; i < n * d; i++)
    room[i] = 0;
  add_outer (room, G, q, n, n, d); /* G^T Q */
  add_outer (gk, x, room, n, D, d);
}

int
qk_negative_eigenvalues (double *s, size_t n, double floor, double *room)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      s[i * n + j] = s[j * n + i] = (s[i * n + j] + s[j * n + i]) / 2;
  gsl_matrix_view matrix = gsl_matrix_view_array (s, n, n);
  gsl_vector_view value = gsl_vector_view_array (room, n);
  gsl_eigen_symm_workspace work = { .size = n, .d = room + n, .sd = room + 2 * n };
  if (gsl_eigen_symm (&matrix.matrix, &value.vector, &work))
    return -1;
  int count = 0;
  for (size_t i = 0; i < n; i++)
    count += room[i] < -floor;
  return count;
}

/* How many singular values of the bidiagonal matrix (diag d, e beside it) lie above floor, -1 for
   NaN.  With their negatives they are the eigenvalues of the symmetric tridiagonal matrix that has
   0 on its diagonal and d_1, e_1, d_2, ... d_n beside it (Golub, Kahan 1965), and as many of these
   lie above floor as pivots of that matrix less floor are positive (Sylvester).  */
static int
count_above (const double *d, const double *e, size_t n, double floor)
{
  double pivot = -floor;
  int count = 0;
  for (size_t i = 0; i < 2 * n - 1; i++)
    {
      double x = i % 2 ? e[i / 2] : d[i / 2];
      pivot = -floor - x / (pivot == 0 ? -DBL_MIN : pivot) * x;
      count += pivot > 0;
    }
  return isnan (pivot) ? -1 : count;
}

int
qk_matrix_rank (double *a, size_t n, double floor, double *room)
{
  if (n == 1)
    return count_above (a, NULL, 1, floor);
  gsl_matrix_view matrix = gsl_matrix_view_array (a, n, n);
  gsl_vector_view left = gsl_vector_view_array (room, n),
                  right = gsl_vector_view_array (room + n, n - 1);
  if (gsl_linalg_bidiag_decomp (&matrix.matrix, &left.vector, &right.vector))
    return -1;
  for (size_t i = 0; i < n; i++)
    {
      room[i] = a[i * n + i];
      if (i + 1 < n)
        room[n + i] = a[i * n + i + 1];
    }
  return count_above (room, room + n, n, floor);
}
