/* t-ecdf.c -- the distance from an exact law: known answers, grids, the bounds on the supremum.  */

#include "ecdf.h"
#include "support.h"
#include "theory.h"

#include <float.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* ---- Laws ---- */

static double
score_cdf (const void *of, double x)
{
  return qk_score_cdf (of, x);
}

static struct qk_score
score_of (const char *law, double d)
{
  struct qk_score s = { .d = d };
  char why[QK_WHY];
  if (qk_law_parse (&s.q, law, why) != 0)
    ck_abort_msg ("%s: %s", law, why);
  s.k = s.q;
  return s;
}

static struct qk_ecdf
normal_grid (const struct qk_score *s)
{
  struct qk_ecdf e;
  qk_ecdf_make (&e, score_cdf, s, 12 * sqrt (qk_score_variance (s)), 0, 0);
  return e;
}

/* Products of signs of standard deviation sd: d, d - 2, ... times sd^2.  */
static struct qk_ecdf
sign_grid (const struct qk_score *s)
{
  double step = 2 * s->q.sd * s->k.sd;
  struct qk_ecdf e;
  qk_ecdf_make (&e, score_cdf, s, 12 * sqrt (qk_score_variance (s)), step,
                fmod (s->d, 2) == 0 ? 0 : step / 2);
  return e;
}

/* Uniform on [-1, 1].  */
static double
uniform_cdf (const void *of, double x)
{
  (void)of;
  return fmin (fmax ((x + 1) / 2, 0), 1);
}

/* -h, 0, h with probability 1/4, 1/2, 1/4, h = *of.  */
static double
three_cdf (const void *of, double x)
{
  double h = *(const double *)of;
  return x < -h ? 0 : x < 0 ? 0.25 : x < h ? 0.75 : 1;
}

/* ---- exact ---- */

/* Of a uniform law the table is linear: the points are its quantiles.  */
START_TEST (exact_uniform)
{
  struct qk_ecdf e;
  qk_ecdf_make (&e, uniform_cdf, NULL, 1, 0, 0);
  for (int j = 0; j < QK_ECDF_POINTS; j++)
    {
      ck_assert_double_eq_tol (e.x[j], (2 * j + 1.) / QK_ECDF_POINTS - 1, 1e-15);
      ck_assert_double_eq_tol (e.f[j], (j + 0.5) / QK_ECDF_POINTS, 1e-15);
    }
  ck_assert_double_eq_tol (e.cell, 1. / QK_ECDF_POINTS, 1e-15);
}
END_TEST

/* Five values against the uniform law: below the point at -0.3 + a hair lie 3 of 5 and F = 0.35. */
START_TEST (exact_distance)
{
  const double value[] = { -0.9, -0.3, -0.3, 0.77, 0.2385 };
  double below[QK_ECDF_POINTS] = { 0 };
  struct qk_ecdf e;
  qk_ecdf_make (&e, uniform_cdf, NULL, 1, 0, 0);
  ck_assert_int_eq (qk_ecdf_count (below, &e, value, 5), 0);
  qk_ecdf_cumulate (below);
  int j = 0;
  while (e.x[j] < -0.3)
    j++;
  ck_assert_double_eq (below[j - 1], 1);
  ck_assert_double_eq (below[j], 3);
  ck_assert_double_eq (below[QK_ECDF_POINTS - 1], 5);
  ck_assert_double_eq_tol (qk_ecdf_distance (&e, below, 5), 0.6 - (j + 0.5) / QK_ECDF_POINTS,
                           1e-15);
}
END_TEST

/* Three values, all of them between points: no cell, and the distance is the supremum.  */
START_TEST (exact_lattice)
{
  const double h = 0.7;
  const double value[] = { -0.7, -0.7, 0, 0.7, 0, -0.7, 0.7, 0, -0.7, 0 };
  double below[QK_ECDF_POINTS] = { 0 };
  struct qk_ecdf e;
  qk_ecdf_make (&e, three_cdf, &h, 2.385, h, 0);
  ck_assert_double_eq_tol (e.x[0], -1.05, 1e-15);
  ck_assert_double_eq_tol (e.x[QK_ECDF_POINTS - 1], 1.05, 1e-15);
  ck_assert_double_eq (e.cell, 0);
  ck_assert_int_eq (qk_ecdf_count (below, &e, value, 10), 0);
  qk_ecdf_cumulate (below);
  ck_assert_double_eq_tol (qk_ecdf_distance (&e, below, 10), 0.15, 1e-15);
}
END_TEST

/* ---- edges ---- */

/* A value at a point lies at or below it; one above the last point in no cell.  */
START_TEST (edges_ties)
{
  struct qk_ecdf e;
  qk_ecdf_make (&e, uniform_cdf, NULL, 1, 0, 0);
  const double value[]
      = { e.x[17], nextafter (e.x[17], 1), e.x[511], nextafter (e.x[511], 1), -DBL_MAX, INFINITY };
  double count[QK_ECDF_POINTS] = { 0 };
  ck_assert_int_eq (qk_ecdf_count (count, &e, value, 6), 0);
  ck_assert_double_eq (count[17], 1);
  ck_assert_double_eq (count[18], 1);
  ck_assert_double_eq (count[511], 1);
  ck_assert_double_eq (count[0], 1);
  qk_ecdf_cumulate (count);
  ck_assert_double_eq (count[511], 4);
}
END_TEST

START_TEST (edges_nan)
{
  struct qk_ecdf e;
  qk_ecdf_make (&e, uniform_cdf, NULL, 1, 0, 0);
  const double value[] = { 0.2385, NAN, 0.7 };
  double count[QK_ECDF_POINTS] = { 0 };
  ck_assert_int_eq (qk_ecdf_count (count, &e, value, 3), -1);
  ck_assert_int_eq (qk_ecdf_count (count, &e, value, 1), 0);
  ck_assert_int_eq (qk_ecdf_count (count, &e, value, 0), 0);
}
END_TEST

/* A law far narrower than it reaches: a coarse grid, but one whose cell says so.  */
START_TEST (edges_reach)
{
  struct qk_ecdf e;
  qk_ecdf_make (&e, uniform_cdf, NULL, 1e6, 0, 0);
  double largest = 0;
  for (int j = 1; j < QK_ECDF_POINTS; j++)
    largest = fmax (largest, e.f[j] - e.f[j - 1]);
  ck_assert_double_eq_tol (e.cell, largest, 1e-15);
  ck_assert_double_gt (e.cell, 1. / QK_ECDF_POINTS);
}
END_TEST

/* Signs at d_k = 1: one point parts the two values.  Up to d_k = 9 the last value has more than
   1/1024, and every cell a single one.  */
START_TEST (edges_signs)
{
  for (double d = 1; d <= 9; d++)
    for (double sd = 1; sd < 3; sd += 1.385)
      {
        struct qk_score s = score_of ("rademacher", d);
        s.q.sd = sd;
        struct qk_ecdf e = sign_grid (&s);
        ck_assert_msg (e.cell == 0, "d = %g, sd = %g: a cell of %g", d, sd, e.cell);
      }
}
END_TEST

/* ---- twin ---- */

static int
ascending (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* sup |F_N - F| over all x by sorting: F_N and F are compared on both sides of each value.  */
static double
supremum (double *value, size_t n, const struct qk_score *s)
{
  double most = 0;
  qsort (value, n, sizeof *value, ascending);
  for (size_t i = 0, j; i < n; i = j)
    {
      for (j = i; j < n && value[j] == value[i]; j++)
        continue;
      most = fmax (most, fabs (qk_score_cdf_below (s, value[i]) - (double)i / n));
      most = fmax (most, fabs (qk_score_cdf (s, value[i]) - (double)j / n));
    }
  return most;
}

/* A sample that is off by a factor or a shift, so that the supremum lies anywhere.  */
static double
sample_score (gsl_rng *r, bool signs, int d)
{
  double sum = 0;
  for (int i = 0; i < d; i++)
    {
      double radius = sqrt (-2 * log (1 - gsl_rng_uniform (r)));
      double angle = 2 * M_PI * gsl_rng_uniform (r);
      sum += signs ? (gsl_rng_uniform (r) < 0.5 ? -1 : 1)
                   : radius * radius * cos (angle) * sin (angle);
    }
  return sum;
}

START_TEST (twin_supremum)
{
  enum
  {
    N = 20000
  };
  static const int dims[] = { 1, 2, 3, 8, 64, 101 };
  static double value[N];
  unsigned long seed = 2385;
  for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
    for (int signs = 0; signs < 2; signs++)
      for (int variant = 0; variant < 3; variant++)
        {
          struct qk_score s = score_of (signs ? "rademacher" : "normal", dims[i]);
          struct qk_ecdf e = signs ? sign_grid (&s) : normal_grid (&s);
          size_t n = variant == 0 ? 37 : variant == 1 ? 1013 : N;
          double factor = signs || variant == 2 ? 1 : 1.07;
          double shift = variant == 1 ? (signs ? 2 : 0.2) : 0;
          double below[QK_ECDF_POINTS] = { 0 };
          gsl_rng *r = gsl_rng_alloc (gsl_rng_taus);
          gsl_rng_set (r, ++seed);
          for (size_t k = 0; k < n; k++)
            value[k] = factor * sample_score (r, signs, dims[i]) + shift;
          gsl_rng_free (r);
          ck_assert_int_eq (qk_ecdf_count (below, &e, value, n), 0);
          qk_ecdf_cumulate (below);
          double distance = qk_ecdf_distance (&e, below, (double)n);
          double exact = supremum (value, n, &s);
          ck_assert_msg (distance <= exact + 1e-14 && exact <= distance + e.cell + 1e-14,
                         "d = %d, %s, n = %zu, seed %lu: %.17g is not in [%.17g, %.17g]", dims[i],
                         signs ? "signs" : "normal", n, seed, exact, distance, distance + e.cell);
        }
}
END_TEST

/* The grid's F and cell against F evaluated anew.  */
START_TEST (twin_grid)
{
  for (double d = 1; d <= 1048576; d = d < 16 ? d + 1 : 16 * d)
    for (int signs = 0; signs < 2; signs++)
      {
        struct qk_score s = score_of (signs ? "rademacher" : "normal", d);
        struct qk_ecdf e = signs ? sign_grid (&s) : normal_grid (&s);
        double last = 0, cell = 0;
        for (int j = 0; j <= QK_ECDF_POINTS; j++)
          {
            double f = j < QK_ECDF_POINTS ? qk_score_cdf (&s, e.x[j]) : 1;
            /* Signs: the values between two points, by counting them.  */
            double from = j > 0 ? e.x[j - 1] : -d - 1, to = j < QK_ECDF_POINTS ? e.x[j] : d + 1;
            bool single = signs && j > 0 && j < QK_ECDF_POINTS
                          && floor ((to + d) / 2) - floor ((from + d) / 2) <= 1;
            if (j < QK_ECDF_POINTS)
              ck_assert_double_eq (e.f[j], f);
            if (!single)
              cell = fmax (cell, f - last);
            last = f;
          }
        ck_assert_msg (e.cell == cell, "d = %g, %s: cell %.17g, not %.17g", d,
                       signs ? "signs" : "normal", e.cell, cell);
      }
}
END_TEST

/* ---- laws ---- */

START_TEST (laws_grid)
{
  for (double d = 1; d <= 1048576; d *= 4)
    for (int signs = 0; signs < 2; signs++)
      {
        struct qk_score s = score_of (signs ? "rademacher" : "normal", d);
        struct qk_ecdf e = signs ? sign_grid (&s) : normal_grid (&s);
        for (int j = 0; j < QK_ECDF_POINTS; j++)
          {
            ck_assert_double_eq (e.x[j], -e.x[QK_ECDF_POINTS - 1 - j]);
            ck_assert (j == 0 || (e.x[j - 1] <= e.x[j] && e.f[j - 1] <= e.f[j]));
            /* No score of signs is near a point: d_k more would have to be even.  */
            ck_assert (!signs || fmod (fabs (e.x[j]) + d, 2) == 1);
          }
        /* Fine for a band of 0.02; the worst are signs whose lattice is about as fine as the grid.
         */
        ck_assert_msg (e.cell < (signs ? 0.0125 : 0.006), "d = %g, %s: cell %g", d,
                       signs ? "signs" : "normal", e.cell);
      }
}
END_TEST

/* Counting in two parts and adding is counting all.  */
START_TEST (laws_counts_add)
{
  enum
  {
    N = 1013
  };
  double value[N], all[QK_ECDF_POINTS] = { 0 }, parts[QK_ECDF_POINTS] = { 0 };
  struct qk_score s = score_of ("normal", 3);
  struct qk_ecdf e = normal_grid (&s);
  gsl_rng *r = gsl_rng_alloc (gsl_rng_taus);
  gsl_rng_set (r, 77);
  for (int i = 0; i < N; i++)
    value[i] = 2.385 * sample_score (r, false, 3);
  gsl_rng_free (r);
  qk_ecdf_count (all, &e, value, N);
  qk_ecdf_count (parts, &e, value + 600, N - 600);
  qk_ecdf_count (parts, &e, value, 600);
  ck_assert_mem_eq (all, parts, sizeof all);
  qk_ecdf_cumulate (all);
  for (int j = 0; j < QK_ECDF_POINTS; j++)
    {
      size_t below = 0;
      for (int i = 0; i < N; i++)
        below += value[i] <= e.x[j];
      ck_assert_double_eq (all[j], (double)below);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("ecdf");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_test (exact, exact_uniform);
  tcase_add_test (exact, exact_distance);
  tcase_add_test (exact, exact_lattice);
  tcase_add_test (edges, edges_ties);
  tcase_add_test (edges, edges_nan);
  tcase_add_test (edges, edges_reach);
  tcase_add_test (edges, edges_signs);
  tcase_add_test (twin, twin_supremum);
  tcase_add_test (twin, twin_grid);
  tcase_add_test (laws, laws_grid);
  tcase_add_test (laws, laws_counts_add);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
