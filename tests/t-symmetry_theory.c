/* t-symmetry_theory.c -- scores of tokens with themselves against known numbers, integrals by
   another rule, and plain simulation of what the formulas speak of.  */

#include "symmetry_theory.h"
#include "support.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static const struct qk_law normal = { &qk_law_types[QK_NORMAL], .sd = 1 };

static struct qk_law
law_of (const char *text)
{
  struct qk_law law;
  char why[QK_WHY];
  ck_assert_msg (!qk_law_parse (&law, text, why), "%s", why);
  return law;
}

static double
argmax (enum qk_weighting weights, enum qk_normed norm, double n, double D, double d)
{
  return qk_symmetry_argmax (&(struct qk_symmetry){ weights, norm, n, D, d, normal });
}

/* ---- exact ----------------------------------------------------------------------------------- */

START_TEST (known_argmax)
{
  static const struct
  {
    double n, d, p, digits;
  } known[] = {
    { 64, 1, 0.03125, 1e-13 },
    { 64, 4, 0.28124978021862, 1e-12 },
    { 64, 16, 0.972713, 6e-7 },
    { 512, 1, 0.00390625, 1e-14 },
    { 512, 4, 0.0721858821303057, 1e-13 },
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      double p = argmax (QK_UNWEIGHTED, QK_NORMED_NONE, known[i].n, known[i].d, known[i].d);
      ck_assert_msg (fabs (p - known[i].p) <= known[i].digits, "n %g, d %g: %.17g", known[i].n,
                     known[i].d, p);
    }
  /* Short of 1 by 1.015e-9 and 8.236e-9.  */
  ck_assert_double_eq_tol (1 - argmax (QK_UNWEIGHTED, QK_NORMED_NONE, 64, 64, 64), 1.015e-9, 1e-12);
  ck_assert_double_eq_tol (1 - argmax (QK_UNWEIGHTED, QK_NORMED_NONE, 512, 64, 64),
                           8.2360418198023e-9, 1e-13);
  for (double n = 2; n <= 4096; n *= 2)
    for (int shared = 0; shared < 2; shared++)
      /* d = 1: (2/n) (1 - 2^-n), whatever D.  */
      ck_assert_double_eq_tol (
          argmax (shared ? QK_SHARED : QK_UNWEIGHTED, QK_NORMED_NONE, n, shared ? 23 : 1, 1),
          2 / n * (1 - exp2 (-n)), 1e-13);
  ck_assert_double_eq_tol (argmax (QK_SHARED, QK_NORMED_NONE, 64, 64, 16), .938, 6e-4);
  ck_assert_double_eq_tol (argmax (QK_SHARED, QK_NORMED_NONE, 64, 16, 4), .210, 6e-4);
  ck_assert_double_eq (argmax (QK_SEPARATE, QK_NORMED_NONE, 64, 16, 4), 1. / 64);
  ck_assert_double_eq (argmax (QK_SEPARATE, QK_NORMED_QK, 5, 16, 4), 0.2);
  ck_assert_double_eq (argmax (QK_SHARED, QK_NORMED_QK, 64, 16, 4), 1);
  ck_assert_double_eq (argmax (QK_UNWEIGHTED, QK_NORMED_RMS, 64, 16, 16), 1);
  ck_assert_double_eq (argmax (QK_UNWEIGHTED, QK_NORMED_LAYER, 64, 16, 16), 1);
  /* Tokens of one length are not enough with shared weights.  */
  ck_assert_double_lt (argmax (QK_SHARED, QK_NORMED_RMS, 64, 16, 4), 0.25);
  ck_assert_double_lt (argmax (QK_SHARED, QK_NORMED_LAYER, 64, 16, 4), 0.25);
}
END_TEST

START_TEST (known_ratios)
{
  struct qk_symmetry s = { QK_SEPARATE, QK_NORMED_NONE, 8, 16, 5, normal };
  ck_assert_double_eq_tol (qk_symmetry_ratio (&s), 1.6153846153846154, 1e-15);
  for (s.D = 1; s.D < 5000; s.D = 3 * s.D + 1)
    for (s.n = 2; s.n < 5000; s.n *= 3)
      ck_assert_double_eq_tol (qk_symmetry_ratio (&s), 2 * (s.n - 1) * (s.D - 1) / (s.n * s.D + 2),
                               1e-14);
  s = (struct qk_symmetry){ QK_SEPARATE, QK_NORMED_NONE, 8, 16, 5, law_of ("laplace") };
  ck_assert_double_eq_tol (qk_symmetry_ratio (&s), 2 * 7 * 15 / (8 * 16. + 3 + 2), 1e-14);
  s.law = law_of ("normal:sd=3");
  ck_assert_double_eq_tol (qk_symmetry_ratio (&s), 1.6153846153846154, 1e-14);
  s.weights = QK_SHARED;
  ck_assert_double_eq (qk_symmetry_ratio (&s), 0);
  s.weights = QK_UNWEIGHTED;
  ck_assert_double_eq (qk_symmetry_ratio (&s), 0);
}
END_TEST

START_TEST (known_moments)
{
  struct qk_symmetry s = { QK_UNWEIGHTED, QK_NORMED_NONE, 8, 16, 16, normal };
  ck_assert_double_eq (qk_symmetry_self_mean (&s), 16);
  ck_assert_double_eq_tol (qk_symmetry_self_variance (&s), 32, 1e-12);
  ck_assert_double_eq (qk_symmetry_off_variance (&s), 16);
  s.law = law_of ("laplace"); /* kappa = 3 */
  ck_assert_double_eq_tol (qk_symmetry_self_variance (&s), 16 * 5, 1e-12);
  s.law = law_of ("rademacher");
  ck_assert_double_eq (qk_symmetry_self_variance (&s), 0);
  ck_assert (qk_symmetry_forced (&s));
  s = (struct qk_symmetry){ QK_SHARED, QK_NORMED_NONE, 8, 16, 4, normal };
  ck_assert_double_eq_tol (qk_symmetry_self_mean (&s), 4, 1e-14);
  ck_assert_double_eq_tol (qk_symmetry_off_variance (&s), 4 * 21 / 16., 1e-14);
  ck_assert_double_eq_tol (qk_symmetry_self_variance (&s), 24 * (1 + 2 / 16.) - 16, 1e-13);
  s.weights = QK_SEPARATE;
  ck_assert_double_eq (qk_symmetry_self_mean (&s), 0);
  ck_assert_double_eq_tol (qk_symmetry_off_variance (&s), 4, 1e-14);
}
END_TEST

START_TEST (counts)
{
  struct qk_symmetry s = { QK_SEPARATE, QK_NORMED_NONE, 64, 16, 5, normal };
  ck_assert_double_eq (qk_symmetry_parameters (&s), 160);
  ck_assert_double_eq (qk_symmetry_rank (&s), 5);
  ck_assert_double_eq (qk_symmetry_negative (&s), 5);
  s.d = 9; /* 2 d > D */
  ck_assert (isnan (qk_symmetry_negative (&s)));
  s.d = 70;
  ck_assert_double_eq (qk_symmetry_rank (&s), 16);
  s.weights = QK_SHARED;
  ck_assert_double_eq (qk_symmetry_parameters (&s), 1120);
  ck_assert_double_eq (qk_symmetry_negative (&s), 0);
  s.weights = QK_UNWEIGHTED;
  ck_assert_double_eq (qk_symmetry_parameters (&s), 0);
  s = (struct qk_symmetry){ QK_SEPARATE, QK_NORMED_NONE, 64, 0x1p26, 0x1p26, normal };
  ck_assert_double_eq (qk_symmetry_parameters (&s), 0x1p53);
  s.d = 0x1p26 + 1;
  ck_assert (isnan (qk_symmetry_parameters (&s)));
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

/* Where nothing is known, nothing is said; ties; dimensions 1 to 3; many tokens.  */
START_TEST (edges)
{
  struct qk_symmetry s = { QK_SHARED, QK_NORMED_NONE, 64, 16, 4, law_of ("laplace") };
  ck_assert (isnan (qk_symmetry_argmax (&s)));
  s.law = law_of ("normal:mean=0.5");
  ck_assert (isnan (qk_symmetry_argmax (&s)));
  s.weights = QK_SEPARATE;
  ck_assert_double_eq (qk_symmetry_argmax (&s), 1. / 64);
  s.norm = QK_NORMED_RMS;
  ck_assert (isnan (qk_symmetry_ratio (&s)));
  s.law = law_of ("rademacher"); /* equal tokens */
  ck_assert (isnan (qk_symmetry_argmax (&s)));
  ck_assert_double_eq_tol (qk_symmetry_ratio (&s), 2 * 63 * 15 / (64 * 16.), 1e-14);
  s.norm = QK_NORMED_LAYER; /* constant tokens */
  ck_assert (isnan (qk_symmetry_ratio (&s)));
  /* Directions that are 1 or -1 tie with half of the others.  */
  for (double d = 1; d < 9; d += 7)
    ck_assert_double_eq (argmax (QK_SEPARATE, QK_NORMED_RMS, 5, 1, d), 0.5 + 1 / 32.);
  ck_assert_double_eq (argmax (QK_SEPARATE, QK_NORMED_QK, 5, 16, 1), 0.5 + 1 / 32.);
  ck_assert_double_eq (argmax (QK_SEPARATE, QK_NORMED_QK, 5, 1, 16), 0.5 + 1 / 32.);
  ck_assert_double_eq (argmax (QK_SHARED, QK_NORMED_RMS, 5, 1, 3), 1);
  for (double d = 1; d <= 4096; d *= 8)
    for (double D = 1; D <= 4096; D *= 8)
      for (int norm = QK_NORMED_NONE; norm <= QK_NORMED_QK; norm++)
        {
          struct qk_symmetry t
              = { QK_SHARED, (enum qk_normed)norm, 4096, D + 2 * (norm == 2), d, normal };
          double p = qk_symmetry_argmax (&t);
          ck_assert_msg (p >= 1. / 4096 && p <= 1 + 1e-12, "D %g, d %g: %g", t.D, d, p);
          t.weights = QK_SEPARATE;
          double ratio = qk_symmetry_ratio (&t);
          ck_assert_msg (ratio >= 0 && ratio < 2, "D %g, d %g: %g", t.D, d, ratio);
        }
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

/* The integral over chi^2 and Beta densities themselves, by adaptive Gauss-Kronrod rules.  */
struct nested
{
  double n, D, d, b;
  enum qk_normed norm;
  gsl_integration_workspace *inner;
};

static double
over_square (double r, void *of)
{
  const struct nested *x = of;
  return gsl_ran_chisq_pdf (r * r, x->D) * 2 * r
         * pow (gsl_cdf_ugaussian_P (r * sqrt (x->b)), x->n - 1);
}

static double
over_share (double b, void *of)
{
  struct nested *x = of;
  double m = x->norm == QK_NORMED_LAYER ? x->D - 1 : x->D;
  double density = gsl_ran_beta_pdf (b, x->d / 2, (m - 1) / 2), value, error;
  x->b = b;
  if (x->norm != QK_NORMED_NONE)
    return density * pow (gsl_cdf_beta_P ((1 + sqrt (b)) / 2, (m - 1) / 2, (m - 1) / 2), x->n - 1);
  gsl_function f = { over_square, x };
  gsl_integration_qag (&f, 0, sqrt (x->D) + 12, 1e-13, 1e-11, 1000, GSL_INTEG_GAUSS61, x->inner,
                       &value, &error);
  return density * value;
}

START_TEST (by_other_rules)
{
  static const struct nested cases[] = {
    { 2, 3, 2, 0, QK_NORMED_NONE, NULL },    { 64, 16, 4, 0, QK_NORMED_NONE, NULL },
    { 64, 64, 16, 0, QK_NORMED_NONE, NULL }, { 1000, 7, 23, 0, QK_NORMED_NONE, NULL },
    { 9, 3, 2, 0, QK_NORMED_RMS, NULL },     { 64, 16, 4, 0, QK_NORMED_RMS, NULL },
    { 64, 16, 4, 0, QK_NORMED_LAYER, NULL }, { 512, 5, 40, 0, QK_NORMED_LAYER, NULL },
  };
  gsl_integration_workspace *outer = gsl_integration_workspace_alloc (1000);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
      struct nested x = cases[i];
      double value, error, p = argmax (QK_SHARED, x.norm, x.n, x.D, x.d);
      x.inner = gsl_integration_workspace_alloc (1000);
      gsl_function f = { over_share, &x };
      gsl_integration_qags (&f, 0, 1, 1e-11, 1e-10, 1000, outer, &value, &error);
      gsl_integration_workspace_free (x.inner);
      ck_assert_msg (fabs (p - value) < 1e-9, "case %zu: %.15g, not %.15g", i, p, value);
    }
  gsl_integration_workspace_free (outer);
}
END_TEST

enum
{
  MOST = 16 /* tokens, dimensions */
};

static double
draw (uint64_t *state)
{
  double u = ((double)(next (state) >> 11) + 0.5) * 0x1p-53;
  return gsl_cdf_ugaussian_Pinv (u);
}

static void
normalise (double *x, size_t d, enum qk_normed norm)
{
  double mean = 0, square = 0;
  for (size_t i = 0; i < d && norm == QK_NORMED_LAYER; i++)
    mean += x[i] / (double)d;
  for (size_t i = 0; i < d; i++)
    square += (x[i] - mean) * (x[i] - mean);
  for (size_t i = 0; i < d; i++)
    x[i] = (x[i] - mean) * sqrt ((norm == QK_NORMED_QK ? 1 : (double)d) / square);
}

/* What the formulas speak of, of one input: whether row 0 is diagonal-maximal; s_00, its square,
   s_01, its square, s_01 s_10.  */
static void
simulate (double out[6], const struct qk_symmetry *s, uint64_t *state)
{
  size_t n = (size_t)s->n, D = (size_t)s->D, d = (size_t)s->d;
  double x[MOST][MOST], w[2][MOST][MOST], q[2][MOST][MOST];
  for (size_t i = 0; i < n; i++)
    {
      for (size_t a = 0; a < D; a++)
        x[i][a] = draw (state) + s->law.mean;
      if (s->norm == QK_NORMED_RMS || s->norm == QK_NORMED_LAYER)
        normalise (x[i], D, s->norm);
    }
  for (int side = 0; side < 2; side++)
    {
      for (size_t a = 0; a < D; a++)
        for (size_t i = 0; i < d; i++)
          w[side][a][i] = side && s->weights == QK_SHARED ? w[0][a][i] : draw (state) / sqrt (s->D);
      for (size_t i = 0; i < n; i++)
        {
          for (size_t c = 0; c < d; c++)
            {
              q[side][i][c] = s->weights == QK_UNWEIGHTED ? x[i][c] : 0;
              for (size_t a = 0; a < D && s->weights != QK_UNWEIGHTED; a++)
                q[side][i][c] += x[i][a] * w[side][a][c];
            }
          if (s->norm == QK_NORMED_QK)
            normalise (q[side][i], d, s->norm);
        }
    }
  double row[MOST], back = 0, most = -INFINITY;
  for (size_t j = 0; j < n; j++)
    {
      row[j] = 0;
      for (size_t c = 0; c < d; c++)
        row[j] += q[0][0][c] * q[1][j][c];
      most = fmax (most, row[j]);
    }
  for (size_t c = 0; c < d; c++)
    back += q[0][1][c] * q[1][0][c];
  out[0] = row[0] >= most - 1e-12;
  out[1] = row[0];
  out[2] = row[0] * row[0];
  out[3] = row[1];
  out[4] = row[1] * row[1];
  out[5] = row[1] * back;
}

START_TEST (by_simulation)
{
  static const struct
  {
    enum qk_weighting weights;
    enum qk_normed norm;
    double n, D, d, mean;
  } cases[] = {
    { QK_SEPARATE, QK_NORMED_NONE, 3, 5, 2, 0 },   { QK_SEPARATE, QK_NORMED_NONE, 3, 2, 7, 0.7 },
    { QK_SEPARATE, QK_NORMED_RMS, 4, 3, 2, 0 },    { QK_SEPARATE, QK_NORMED_LAYER, 4, 4, 3, 0.4 },
    { QK_SEPARATE, QK_NORMED_QK, 5, 3, 2, 0 },     { QK_SEPARATE, QK_NORMED_QK, 5, 2, 1, 0 },
    { QK_SHARED, QK_NORMED_NONE, 9, 5, 2, 0 },     { QK_SHARED, QK_NORMED_NONE, 3, 3, 7, 0.7 },
    { QK_SHARED, QK_NORMED_RMS, 6, 5, 3, 0 },      { QK_SHARED, QK_NORMED_LAYER, 6, 5, 3, 0 },
    { QK_UNWEIGHTED, QK_NORMED_NONE, 9, 4, 4, 0 }, { QK_UNWEIGHTED, QK_NORMED_NONE, 3, 3, 3, 0.7 },
    { QK_UNWEIGHTED, QK_NORMED_RMS, 6, 4, 4, 0 },  { QK_UNWEIGHTED, QK_NORMED_LAYER, 6, 4, 4, 0 },
    { QK_UNWEIGHTED, QK_NORMED_QK, 6, 4, 4, 0 },   { QK_SHARED, QK_NORMED_QK, 6, 4, 3, 0 },
  };
  const size_t runs = (size_t)(20000 * effort ());
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    {
      struct qk_symmetry s
          = { cases[k].weights, cases[k].norm, cases[k].n, cases[k].D, cases[k].d, normal };
      s.law.mean = cases[k].mean;
      uint64_t state = 91 + k;
      double sum[6] = { 0 }, square[6] = { 0 }, x[6];
      for (size_t i = 0; i < runs; i++)
        {
          simulate (x, &s, &state);
          for (int j = 0; j < 6; j++)
            {
              sum[j] += x[j] / (double)runs;
              square[j] += x[j] * x[j] / (double)runs;
            }
        }
      double self = qk_symmetry_self_mean (&s), off = qk_symmetry_off_mean (&s);
      double off2 = qk_symmetry_off_variance (&s) + off * off;
      double self2 = qk_symmetry_self_variance (&s) + self * self;
      /* E s_01 s_10, from the ratio: |S - S^T|^2 / |S|^2 = 2 (n-1) (off2 - cross) / ((n-1) off2 +
         self2).  */
      double cross = off2 - qk_symmetry_ratio (&s) * ((s.n - 1) * off2 + self2) / (2 * (s.n - 1));
      const double exact[6] = { qk_symmetry_argmax (&s), self, self2, off, off2, cross };
      int known = 0;
      for (int j = 0; j < 6; j++)
        {
          double error = sqrt (fmax (square[j] - sum[j] * sum[j], 0) / (double)runs);
          known += !isnan (exact[j]);
          ck_assert_msg (isnan (exact[j]) || fabs (sum[j] - exact[j]) <= 6 * error + 1e-12,
                         "case %zu, value %d: %g, not %g +- %g", k, j, exact[j], sum[j], error);
        }
      ck_assert_msg (known >= 4, "case %zu: only %d known", k, known);
    }
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

START_TEST (order)
{
  for (double D = 3; D <= 48; D *= 4)
    {
      double alone = argmax (QK_UNWEIGHTED, QK_NORMED_NONE, 64, D, D), before = 0;
      for (double d = 1; d <= 4096; d *= 4)
        {
          double p = argmax (QK_SHARED, QK_NORMED_NONE, 64, D, d);
          ck_assert_msg (p > before && p < alone + 1e-13, "D %g, d %g: %g, %g, %g", D, d, before, p,
                         alone);
          ck_assert_double_lt (argmax (QK_SHARED, QK_NORMED_NONE, 65, D, d), p);
          before = p;
        }
      /* Many heads' worth of coordinates: W W^T is near a multiple of I.  */
      ck_assert_double_eq_tol (argmax (QK_SHARED, QK_NORMED_NONE, 64, D, 1e9), alone, 1e-7);
    }
}
END_TEST

/* Normalised rows of many coordinates have the angles of the tokens.  */
START_TEST (angles)
{
  struct qk_symmetry s = { QK_SEPARATE, QK_NORMED_QK, 64, 16, 1e6, normal };
  ck_assert_double_eq_tol (qk_symmetry_ratio (&s), 2 * 63 * 15 / (64. * 16), 1e-5);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("symmetry_theory");
  TCase *exact = tcase_create ("exact"), *edge = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_test (exact, known_argmax);
  tcase_add_test (exact, known_ratios);
  tcase_add_test (exact, known_moments);
  tcase_add_test (exact, counts);
  tcase_add_test (edge, edges);
  tcase_add_test (twin, by_other_rules);
  tcase_add_test (twin, by_simulation);
  tcase_add_test (laws, order);
  tcase_add_test (laws, angles);
  tcase_set_timeout (edge, 0);
  tcase_set_timeout (twin, 0);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edge);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
