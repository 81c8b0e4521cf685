/* t-additive_theory.c -- tests of the exact values of additive scores, their cost, and the angle,
   against other integrals, closed forms and counting.  */

#include "../src/additive_theory.h"
#include "../src/theory.h"
#include "support.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdbool.h>

static struct qk_additive
additive (double d, double h, double mean_q, double sd_q, double mean_k, double sd_k)
{
  return (struct qk_additive){ .n = 64,
                               .d = d,
                               .h = h,
                               .q = { &qk_law_types[QK_NORMAL], 0, mean_q, sd_q },
                               .k = { &qk_law_types[QK_NORMAL], 0, mean_k, sd_k } };
}

static struct qk_additive
standard (double d)
{
  return additive (d, d, 0, 1, 0, 1);
}

static void
is (double value, double expected, double error)
{
  ck_assert_msg (fabs (value - expected) <= error * fabs (expected), "%.17g, not %.17g", value,
                 expected);
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* Published digits of both limits and of six dimensions.  */
START_TEST (known_variances)
{
  static const double known[][2] = {
    { 1, .429203673 },   { 4, .7921527811368214 }, { 16, .967009960 },
    { 64, 1.020876370 }, { 256, 1.035127260 },     { 1024, 1.038741918 },
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      struct qk_additive a = standard (known[i][0]);
      is (qk_additive_variance (&a), known[i][1], i == 1 ? 1e-12 : 1e-9);
      is (qk_additive_common (&a) + qk_additive_row_variance (&a), qk_additive_variance (&a),
          1e-15);
    }
  struct qk_additive far = standard (1e12);
  is (qk_additive_variance (&far), 1.039951491, 1e-9);
  is (qk_additive_common (&far), .4720, 1e-4);
  is (qk_additive_row_variance (&far), .5679, 1e-4);
  is (qk_additive_saturated (&far), .0613, 1e-3);
}
END_TEST

/* d = 1: of frequencies there is left the integral of (w / 2) / (sinh (pi w / 2) (1 + w^2)), which
   residues sum to pi/2 - 1.  */
START_TEST (one_dimension)
{
  struct qk_additive a = standard (1);
  is (qk_additive_variance (&a), 2 - M_PI / 2, 1e-14);
}
END_TEST

/* v enters as its variance alone.  */
START_TEST (scale_of_v)
{
  struct qk_additive a = additive (5, 23, .3, 1.7, -.2, .6), b = a;
  b.unscaled = true;
  is (qk_additive_variance (&b), 12 * qk_additive_variance (&a), 1e-14);
  is (qk_additive_common (&b), 12 * qk_additive_common (&a), 1e-14);
}
END_TEST

/* By hand: 3 queries and keys, d = 2, 5 units.  */
START_TEST (counts)
{
  struct qk_additive a = additive (2, 5, 0, 1, 0, 1);
  a.n = 3;
  ck_assert_double_eq (qk_additive_dot_operations (&a), 36);
  ck_assert_double_eq (qk_additive_operations (&a), 120 + 135);
  ck_assert_double_eq (qk_additive_tanhs (&a), 45);
  ck_assert_double_eq (qk_additive_parameters (&a), 25);
  ck_assert_double_eq (qk_additive_dot_parameters (&a), 8);
  ck_assert_double_eq (qk_additive_bytes (&a, 4), 180);
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

START_TEST (too_many_to_count)
{
  struct qk_additive a = additive (0x1p26, 0x1p26, 0, 1, 0, 1);
  a.n = 4096;
  ck_assert_double_eq (qk_additive_dot_operations (&a), 0x1p51);
  ck_assert (isnan (qk_additive_operations (&a)));
  ck_assert_double_eq (qk_additive_tanhs (&a), 0x1p50);
  ck_assert_double_eq (qk_additive_bytes (&a, 8), 0x1p53);
  ck_assert (isnan (qk_additive_bytes (&a, 16)));
  ck_assert (isnan (qk_additive_parameters (&a)));
  ck_assert_double_eq (qk_additive_dot_parameters (&a), 0x1p53);
}
END_TEST

/* No value where none is known.  */
START_TEST (unknown)
{
  struct qk_additive a = standard (16);
  a.k.type = &qk_law_types[QK_LAPLACE];
  ck_assert (isnan (qk_additive_variance (&a)) && isnan (qk_additive_common (&a)));
  ck_assert (isnan (qk_additive_row_variance (&a)) && isnan (qk_additive_saturated (&a)));
  a = additive (16, 16, 0, 1, 0, 2);
  ck_assert (isnan (qk_additive_saturated (&a)) && !isnan (qk_additive_variance (&a)));
  a = additive (16, 16, 0.1, 1, 0, 1);
  ck_assert (isnan (qk_additive_saturated (&a)));
}
END_TEST

/* Tiny inputs: X itself.  Huge ones: its sign, of correlation 1/2 for d -> infinity.  */
START_TEST (ends_of_the_range)
{
  struct qk_additive a = additive (7, 7, 0, 1e-6, 0, 1e-6);
  is (qk_additive_variance (&a), 1.75 * 2e-12, 1e-11);
  is (qk_additive_common (&a), 1.75 * 1e-12, 1e-11);
  a = additive (0x1p40, 1, 0, 1e6, 0, 1e6);
  is (qk_additive_variance (&a), 1, 2e-6);
  is (qk_additive_common (&a), 1. / 3, 1e-5);
  is (qk_additive_saturated (&a), 1, 5e-6);
  a = additive (3, 1, 1e6, 1, -1e6, 1);
  is (qk_additive_variance (&a), 1, 2e-6);
}
END_TEST

START_TEST (angles_at_the_ends)
{
  ck_assert_double_eq (qk_cosine_cdf (1, -1.01), 0);
  ck_assert_double_eq (qk_cosine_cdf (1, -1), 0.5);
  ck_assert_double_eq (qk_cosine_cdf (1, .99), 0.5);
  ck_assert_double_eq (qk_cosine_cdf (1, 1), 1);
  ck_assert_double_eq (qk_cosine_cdf (7, -1), 0);
  ck_assert_double_eq (qk_cosine_cdf (7, 1.5), 1);
  ck_assert_double_eq (qk_cosine_cdf (1048576, 0), 0.5);
  ck_assert_double_eq (qk_cosine_variance (1), 1);
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

/* A trapezoid over the line: for analytic functions that fall off.  */
static double
over_line (double (*f) (double x, const double *of), const double *of, double reach, double step)
{
  double sum = 0;
  for (double x = -reach; x <= reach; x += step)
    sum += f (x, of);
  return sum * step;
}

static double
tanh_square (double z, const double *tau)
{
  double t = tanh (sqrt (*tau) * z);
  return t * t * exp (-z * z / 2) / sqrt (2 * M_PI);
}

/* The same over ln chi^2 of df degrees of freedom, by d that divides it, and the deviation.  */
static double
given_length (double l, const double *of)
{
  double df = of[0], x = exp (l), tau = of[2] * of[2] * x / of[1];
  double weight = exp (l * df / 2 - x / 2 - df / 2 * M_LN2 - gsl_sf_lngamma (df / 2));
  return weight > 1e-25 ? weight * over_line (tanh_square, &tau, 9, 0.02) : 0;
}

/* Over the length of query and key, which is how THEORY says it.  */
START_TEST (variance_by_lengths)
{
  static const double cases[][2] = { { 1, 1 }, { 2, .31 }, { 5, 2.385 }, { 64, 1 }, { 300, 1.3 } };
  const double *c = cases[_i], of[] = { 2 * c[0], c[0], c[1] };
  struct qk_additive a = additive (c[0], 11, 0, c[1], 0, c[1]);
  double square = 0;
  for (double l = -80 / c[0]; l < log (c[0]) + 7; l += 0.02)
    square += given_length (l, of) * 0.02;
  is (qk_additive_variance (&a), 22. / 12 * square, 1e-9);
}
END_TEST

/* E (E[tanh (X + r Z) | X])^2 for X normal of variance x2, given the lengths x2 and r2.  */
static double
inner_tanh (double z, const double *of)
{
  return tanh (of[0] + of[1] * z) * exp (-z * z / 2) / sqrt (2 * M_PI);
}

static double
outer_square (double z, const double *of)
{
  const double at[] = { of[0] * z, of[1] };
  double m = over_line (inner_tanh, at, 8, 0.06);
  return m * m * exp (-z * z / 2) / sqrt (2 * M_PI);
}

/* That W q given W is normal of variance |w|^2, and U k given U, of lengths that are chi: another
   order of the same integrals, which needs no frequencies.  */
START_TEST (common_by_lengths)
{
  static const double cases[][3] = { { 4, 1, 1 }, { 9, .7, 1.9 }, { 40, 1, 1 } };
  const double *c = cases[_i], d = c[0], step = d > 20 ? 0.11 : 0.25, from = log (d) - 48 / d - 1;
  struct qk_additive a = additive (d, 3, 0, c[1], 0, c[2]);
  double sum = 0, all = 0;
  for (double k = from; k < log (d) + 3.5; k += step)
    for (double l = from; l < log (d) + 3.5; l += step)
      {
        double weight = exp ((k + l) * d / 2 - (exp (k) + exp (l)) / 2 - d * (log (d) - 1));
        const double of[] = { c[1] * exp (k / 2) / sqrt (d), c[2] * exp (l / 2) / sqrt (d) };
        if (weight > 1e-13)
          sum += weight * over_line (outer_square, of, 7, 0.11);
        all += weight;
      }
  is (qk_additive_common (&a), 1.5 * sum / all, 1e-7);
}
END_TEST

/* With a mean: the normal law of W q + U k given q and k, averaged over drawn q and k.  */
START_TEST (means_by_sampling)
{
  struct qk_additive a = additive (3, 1, .8, .5, -1.1, .4);
  uint64_t state = 11;
  double sum = 0, squares = 0, pair = 0, pairs = 0;
  int n = (int)fmax (20000, 200000 * effort ()); /* fewer do not tell the two apart */
  for (int i = 0; i < n; i++)
    {
      double w[3], u[3], x[3] = { 0 };
      for (int j = 0; j < 3; j++)
        {
          double z[2];
          for (int l = 0; l < 2; l++)
            z[l] = gsl_cdf_ugaussian_Pinv (((double)(next (&state) >> 11) + .5) * 0x1p-53);
          w[j] = z[0] / sqrt (3);
          u[j] = z[1] / sqrt (3);
          double e[3];
          for (int l = 0; l < 3; l++)
            e[l] = gsl_cdf_ugaussian_Pinv (((double)(next (&state) >> 11) + .5) * 0x1p-53);
          x[0] += w[j] * (.8 + .5 * e[0]);
          x[1] += u[j] * (-1.1 + .4 * e[1]);
          x[2] += u[j] * (-1.1 + .4 * e[2]);
        }
      double s = tanh (x[0] + x[1]), t = tanh (x[0] + x[2]);
      sum += s * s;
      squares += s * s * s * s;
      pair += s * t;
      pairs += s * t * s * t;
    }
  double m = sum / n, p = pair / n;
  double error = 7 * sqrt ((squares / n - m * m) / n), other = 7 * sqrt ((pairs / n - p * p) / n);
  ck_assert_double_eq_tol (qk_additive_variance (&a), m, error);
  ck_assert_double_eq_tol (qk_additive_common (&a), p, other);
  ck_assert_msg (error < 0.02 && other < 0.02 && m - p > 0.03, "%g, %g, %g", error, other, m - p);
}
END_TEST

/* 2 Phi-bar (c / (sigma sqrt tau)), tau = chi^2_2d / d, as the ledger says it.  */
START_TEST (saturated_by_lengths)
{
  static const double cases[][2] = { { 1, 1 }, { 3, .8 }, { 16, 2.4 }, { 256, 1 } };
  double d = cases[_i][0], sd = cases[_i][1], sum = 0, c = log (199) / 2;
  struct qk_additive a = additive (d, 9, 0, sd, 0, sd);
  for (double l = log (d) - 90 / d - 2; l < log (d) + 7; l += 0.01)
    sum += 0.01 * exp (l * d - exp (l) / 2 - d * M_LN2 - gsl_sf_lngamma (d))
           * erfc (c / sd / sqrt (exp (l) / d) / sqrt (2));
  is (qk_additive_saturated (&a), sum, 1e-10);
  is (QK_TANH_SATURATED, c, 1e-15);
}
END_TEST

/* Closed forms of the arc, the sphere, and of d = 4; large d by Student's t.  */
START_TEST (angles)
{
  for (double x = -.97; x < 1; x += .173)
    {
      is (qk_cosine_cdf (2, x), 1 - acos (x) / M_PI, 1e-13);
      is (qk_cosine_cdf (3, x), (1 + x) / 2, 1e-13);
      is (qk_cosine_cdf (4, x), 0.5 + (asin (x) + x * sqrt (1 - x * x)) / M_PI, 1e-12);
      double y = x * 3 / sqrt (20000);
      ck_assert_double_eq_tol (qk_cosine_cdf (20000, y),
                               gsl_cdf_tdist_P (y * sqrt (19999 / (1 - y * y)), 19999), 1e-12);
    }
}
END_TEST

/* Operations, one by one.  */
START_TEST (counted_one_by_one)
{
  const size_t n = 5, d = 7, h = 3;
  struct qk_additive a = additive (7, 3, 0, 1, 0, 1);
  double adds = 0, products = 0, tanhs = 0, dots = 0, stored = 0;
  a.n = 5;
  for (size_t side = 0; side < 2; side++)
    for (size_t i = 0; i < n * h * d; i++)
      {
        products++;
        adds++;
      }
  for (size_t pair = 0; pair < n * n; pair++)
    {
      for (size_t r = 0; r < h; r++)
        {
          adds++; /* a + b */
          tanhs++;
          stored += sizeof (float);
          products++; /* v */
          adds++;
        }
      for (size_t i = 0; i < d; i++)
        dots += 2;
    }
  ck_assert_double_eq (qk_additive_operations (&a), adds + products);
  ck_assert_double_eq (qk_additive_tanhs (&a), tanhs);
  ck_assert_double_eq (qk_additive_dot_operations (&a), dots);
  ck_assert_double_eq (qk_additive_bytes (&a, sizeof (float)), stored);
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* What rises, and what is bounded.  */
START_TEST (orders)
{
  double last = 0;
  for (double d = 1; d < 1e7; d *= 2.385)
    {
      struct qk_additive a = additive (floor (d), 1, 0, 1, 0, 1);
      double all = qk_additive_variance (&a), common = qk_additive_common (&a);
      ck_assert (all > last && all < .52 && common > .4 * all && common < .5 * all);
      last = all;
    }
  for (double sd = 1e-3; sd < 1e3; sd *= 1.7)
    {
      struct qk_additive a = additive (6, 1, 0, sd, .2, sd),
                         b = additive (6, 1, 0, 1.7 * sd, .2, sd);
      struct qk_additive even = additive (6, 1, 0, sd, 0, sd);
      ck_assert (qk_additive_variance (&a) < qk_additive_variance (&b)
                 && qk_additive_common (&a) < qk_additive_common (&b));
      ck_assert (qk_additive_saturated (&even) >= 0 && qk_additive_saturated (&even) <= 1);
    }
}
END_TEST

/* q and k have the same part in the variance, and not in what is common to a row; signs of means
   have none.  */
START_TEST (sides)
{
  struct qk_additive a = additive (5, 2, .7, 1.3, -.4, .5), b = additive (5, 2, .4, .5, .7, 1.3);
  is (qk_additive_variance (&a), qk_additive_variance (&b), 1e-14);
  ck_assert_double_gt (qk_additive_common (&a), 1.3 * qk_additive_common (&b));
  struct qk_additive c = additive (5, 2, -.7, 1.3, .4, .5);
  is (qk_additive_common (&a), qk_additive_common (&c), 1e-14);
  /* E tanh X tanh Y + E tanh X tanh Y' = .. no more than the variance twice over.  */
  ck_assert_double_lt (qk_additive_common (&a), qk_additive_variance (&a));
}
END_TEST

/* The variance of the angle, from its law.  */
START_TEST (angle_moments)
{
  for (double d = 2; d < 3000; d = floor (d * 2.7))
    {
      double square = 0, step = 1e-4; /* E x^2 = integral of 4 x (1 - F) over x > 0 */
      for (double x = step / 2; x < 1; x += step)
        square += 4 * x * (1 - qk_cosine_cdf (d, x)) * step;
      ck_assert_double_eq_tol (square, qk_cosine_variance (d), 1e-6);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("additive_theory");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_test (exact, known_variances);
  tcase_add_test (exact, one_dimension);
  tcase_add_test (exact, scale_of_v);
  tcase_add_test (exact, counts);
  tcase_add_test (edges, too_many_to_count);
  tcase_add_test (edges, unknown);
  tcase_add_test (edges, ends_of_the_range);
  tcase_add_test (edges, angles_at_the_ends);
  tcase_add_loop_test (twin, variance_by_lengths, 0, 5);
  tcase_add_loop_test (twin, common_by_lengths, 0, 3);
  tcase_add_test (twin, means_by_sampling);
  tcase_add_loop_test (twin, saturated_by_lengths, 0, 4);
  tcase_add_test (twin, angles);
  tcase_add_test (twin, counted_one_by_one);
  tcase_add_test (laws, orders);
  tcase_add_test (laws, sides);
  tcase_add_test (laws, angle_moments);
  tcase_set_timeout (twin, 0);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
