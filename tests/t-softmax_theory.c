/* t-softmax_theory.c -- the softmax of normal scores against known numbers, integrals in the scores
   themselves, and identities.  */

#include "softmax_theory.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* The error that softmax_theory.h states.  */
static double
stated (double value)
{
  return fabs (value) > 1e-5 ? 1e-10 * fabs (value) : 1e-15;
}

#define NEAR(actual, expected, error)                                                              \
  do                                                                                               \
    {                                                                                              \
      double a_ = (actual), e_ = (expected);                                                       \
      ck_assert_msg (fabs (a_ - e_) <= (error), "%s = %.17g, not %.17g, relative error %.2g",      \
                     #actual, a_, e_, a_ / e_ - 1);                                                \
    }                                                                                              \
  while (0)

#define STATED(actual, expected) NEAR (actual, expected, stated (e_))

static const struct
{
  const char *example; /* its name in the file of examples */
  size_t at;
} name[] = {
#define NAME(example, member)                                                                      \
  {                                                                                                \
    example, offsetof (struct qk_softmax_moments, member)                                          \
  }
  NAME ("E_sum_p2", participation),    NAME ("E_sum_p3", cubes),
  NAME ("E_sum_p4", fourths),          NAME ("E_(sum_p2)^2", participation_square),
  NAME ("E_trJ", jacobian_trace),      NAME ("E_normJ_F_sq", jacobian_square),
  NAME ("E_norm_Jg_sq", along_square), NAME ("E_norm_Jg_sq(g=x/sigma)", along_square),
  NAME ("E_entropy_nats", entropy),    NAME ("E_logsumexp", log_sum_exp),
  NAME ("E_max_p", max_weight),        NAME ("E_max_p_sq", max_weight_square),
  NAME ("P(max_p>0.9)", saturated),    NAME ("P(max_p>0.99)", saturated_99),
};

enum
{
  NAMES = sizeof name / sizeof *name
};

static double
member (const struct qk_softmax_moments *m, size_t at)
{
  double value;
  memcpy (&value, (const char *)m + at, sizeof value);
  return value;
}

/* Every value of one set against that of another.  */
static void
compare (const struct qk_softmax_moments *a, const struct qk_softmax_moments *b, double absolute,
         const char *what)
{
  for (unsigned i = 0; i < NAMES; i++)
    {
      double x = member (a, name[i].at), y = member (b, name[i].at);
      double floor
          = name[i].at == offsetof (struct qk_softmax_moments, max_weight_square) ? 3e-14 : 0;
      ck_assert_msg (fabs (x - y) <= fmax (stated (y), fmax (absolute, floor)),
                     "%s: %s = %.17g, not %.17g", what, name[i].example, x, y);
    }
}

static struct qk_softmax_moments
at_sigma (double n, double sigma)
{
  struct qk_softmax_moments m;
  qk_softmax_moments (&m, &(struct qk_softmax_rows){ .n = n }, sigma);
  return m;
}

static struct qk_softmax_moments
at_norm (double n, double c, double d)
{
  static struct qk_softmax_table table;
  struct qk_softmax_moments m;
  double lo, hi;
  qk_softmax_range (&lo, &hi, c, d);
  qk_softmax_table (&table, &(struct qk_softmax_rows){ .n = n }, lo, hi);
  qk_softmax_mix (&m, &table, c, d);
  return m;
}

/* exact */

START_TEST (known_values)
{
  static const struct
  {
    double n, sigma;
    size_t at;
    double value;
  } row[] = {
#define ROW(n, sigma, member, value)                                                               \
  { n, sigma, offsetof (struct qk_softmax_moments, member), value }
    ROW (2, 0.1, participation, 0.5024753478),
    ROW (2, 1, participation, 0.636838154),
    ROW (2, 1, entropy, 0.5395000616883965),
    ROW (2, 16, along_square, 2.9477974319256113e-05),
    ROW (2, 22.6, max_weight, 0.9827181388288855),
    ROW (8, 1, log_sum_exp, 2.4894939607587996),
    ROW (8, 8, log_sum_exp, 11.542819532351574),
    ROW (64, 2, entropy, 2.6425019219298846),
    ROW (64, 4, cubes, 0.3139389864900597),
    ROW (64, 8, saturated, 0.44324689381222615),
    ROW (64, 8, jacobian_trace, 0.28822271854358295),
    ROW (64, 22.6, jacobian_square, 0.031486904693513534),
    ROW (512, 2, saturated, 6.083306116429505e-05),
    ROW (512, 8, participation_square, 0.4627912181458831),
    ROW (4096, 1, jacobian_square, 0.0006604924604958233),
    ROW (4096, 2, along_square, 0.02278916829273404),
    ROW (4096, 2, max_weight, 0.05644768643901592),
    ROW (4096, 16, jacobian_trace, 0.22572315185431052),
  };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    {
      struct qk_softmax_moments m = at_sigma (row[i].n, row[i].sigma);
      STATED (member (&m, row[i].at), row[i].value);
    }
  /* Unscaled, over d: rises first.  */
  static const double square[][2]
      = { { 1, .0323 },  { 4, .0705 },   { 16, .0994 },  { 32, .0898 },
          { 64, .0735 }, { 128, .0570 }, { 256, .0428 }, { 1024, .0229 } };
  static struct qk_softmax_table table;
  double lo, hi;
  qk_softmax_range (&lo, &hi, 1, 1024);
  qk_softmax_table (&table, &(struct qk_softmax_rows){ .n = 64 }, 0, hi);
  for (unsigned i = 0; i < sizeof square / sizeof *square; i++)
    {
      struct qk_softmax_moments m;
      qk_softmax_mix (&m, &table, 1, square[i][0]);
      NEAR (m.jacobian_square, square[i][1], 5.1e-5);
    }
}
END_TEST

START_TEST (known_gradients)
{
  static const struct
  {
    double d, c, jacobian, gradient;
  } row[] = { { 16, .25, .0340974, .0349827 }, { 1024, 1. / 32, .0340811, .0340963 },
              { 16, 1, .0993835, 1.50557 },    { 64, 1, .0734871, 4.63109 },
              { 256, 1, .0427686, 10.9061 },   { 1024, 1, .0228936, 23.4202 } };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    {
      struct qk_softmax_moments m = at_norm (64, row[i].c, row[i].d);
      NEAR (m.jacobian_square, row[i].jacobian, 5.1e-8);
      NEAR (qk_softmax_gradient_square (&m, row[i].c, row[i].d), row[i].gradient,
            4e-6 * row[i].gradient);
    }
}
END_TEST

/* Without spread p = 1 / n, and J g is g less its mean, by n.  */
START_TEST (no_spread)
{
  for (double n = 2; n <= 4096; n = n * 3 + 1)
    {
      struct qk_softmax_moments m = at_sigma (n, 0);
      struct qk_softmax_moments e = { .participation = 1 / n,
                                      .cubes = 1 / (n * n),
                                      .fourths = 1 / (n * n * n),
                                      .participation_square = 1 / (n * n),
                                      .jacobian_trace = (n - 1) / n,
                                      .jacobian_square = (n - 1) / (n * n),
                                      .along_square = (n - 1) / (n * n),
                                      .entropy = log (n),
                                      .log_sum_exp = log (n),
                                      .max_weight = 1 / n,
                                      .max_weight_square = 1 / (n * n) };
      compare (&m, &e, 0, "sigma = 0");
    }
}
END_TEST

/* Reference values by another quadrature, and what is not known.  */
START_TEST (divergences)
{
  static const double known[][4] = { { 8, 1, .16172584, 1e-8 },
                                     { 64, 1, .19537569, 1e-8 },
                                     { 64, 4, .63402173, 1e-8 },
                                     { 512, 1, .2005660422307, 1e-10 } };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    ck_assert_double_eq_tol (qk_softmax_divergence (known[i][0], known[i][1]), known[i][2],
                             known[i][3]);
  ck_assert_double_eq (qk_softmax_divergence (1, 2.385), 0);
  ck_assert_double_eq (qk_softmax_divergence (7, 0), 0);
  ck_assert (isnan (qk_softmax_divergence (7, 0.4)) && isnan (qk_softmax_divergence (7, 33)));
  ck_assert (isnan (qk_softmax_divergence (7.5, 1)) && isnan (qk_softmax_divergence (5000, 1)));
  /* It rises with sigma, from about sigma^2 (1 - 1/n) / 4 on, to ln 2 (1 - 1/n): the weight is on
     one key of each.  */
  for (double n = 2; n <= 4096; n *= 3)
    {
      double before = 0;
      for (double sigma = 0.5; sigma <= 32; sigma *= 1.7)
        {
          double x = qk_softmax_divergence (floor (n), sigma);
          ck_assert (x > before && x < M_LN2 * (1 - 1 / floor (n)));
          before = x;
        }
      double small = qk_softmax_divergence (floor (n), 0.5);
      ck_assert_double_eq_tol (small, 0.0625 * (1 - 1 / floor (n)), 0.25 * small);
    }
}
END_TEST

START_TEST (gap_density)
{
  NEAR (qk_softmax_gap_density (2), 1 / sqrt (M_PI), 1e-15);
  NEAR (qk_softmax_gap_density (3), 1.5 / sqrt (M_PI), 1e-15);
  NEAR (qk_softmax_gap_density (8), 1.42360030605, 6e-12);
  NEAR (qk_softmax_gap_density (64), 2.34373346508, 6e-12);
  NEAR (qk_softmax_gap_density (512), 3.04390316120, 6e-12);
  NEAR (qk_softmax_gap_density (4096), 3.626082177769145, 4e-13);
  NEAR (qk_softmax_freezing (64), 2.884053773202, 1e-12);
}
END_TEST

/* The number after "key=" in text; c also as 1/sqrt(d) and d^-a.  */
static double
parameter (const char *text, const char *key, double d)
{
  for (const char *at = text; at; at = strchr (at, ';'))
    {
      at += *at == ';';
      size_t length = strlen (key);
      if (strncmp (at, key, length) != 0 || at[length] != '=')
        continue;
      at += length + 1;
      return strncmp (at, "1/sqrt(d)", 9) == 0 ? 1 / sqrt (d)
             : strncmp (at, "d^", 2) == 0      ? pow (d, strtod (at + 2, NULL))
                                               : strtod (at, NULL);
    }
  return NAN;
}

static bool
example_value (double *value, const char *quantity, const char *text)
{
  double n = parameter (text, "n", NAN), sigma = parameter (text, "sigma", NAN);
  double d = parameter (text, "d", NAN), c = parameter (text, "c", d);
  if (strcmp (quantity, "a_n gap density at 0 of n std normals") == 0)
    {
      *value = qk_softmax_gap_density (n);
      return true;
    }
  if (strcmp (quantity, "P(max_p>0.5)") == 0)
    {
      *value = qk_softmax_above (&(struct qk_softmax_rows){ .n = n }, sigma, 0.5);
      return true;
    }
  bool gradient = strcmp (quantity, "E_norm_dp_dq_F_sq") == 0;
  for (unsigned i = 0; i < NAMES; i++)
    if (gradient || strcmp (quantity, name[i].example) == 0)
      {
        struct qk_softmax_moments m = isnan (sigma) ? at_norm (n, c, d) : at_sigma (n, sigma);
        *value = gradient ? qk_softmax_gradient_square (&m, c, d) : member (&m, name[i].at);
        return true;
      }
  return false;
}

static char *
next_field (char **line)
{
  char *field = *line, *end;
  if (*field == '"')
    end = strchr (++field, '"');
  else
    end = field + strcspn (field, ",\n");
  ck_assert_ptr_nonnull (end);
  *line = end + (*end == '"') + 1;
  *end = 0;
  return field;
}

START_TEST (examples)
{
  const char *path = data_file ("theory/examples.csv");
  if (!path)
    {
      printf ("t-softmax_theory: examples skipped: QK_TEST_DATA is not set\n");
      return;
    }
  FILE *file = fopen (path, "r");
  ck_assert_msg (file != NULL, "cannot open %s", path);
  char line[1024];
  unsigned rows = 0, applied = 0;
  ck_assert_ptr_nonnull (fgets (line, sizeof line, file));
  while (fgets (line, sizeof line, file))
    {
      char *rest = line, *quantity = next_field (&rest), *text = next_field (&rest);
      double expected = strtod (next_field (&rest), NULL), value;
      next_field (&rest);
      double digits = strtod (next_field (&rest), NULL);
      rows++;
      if (!example_value (&value, quantity, text))
        continue;
      applied++;
      ck_assert_msg (fabs (value - expected) <= pow (10, 1 - digits) * fabs (expected),
                     "%s, %s: %.17g, not %.17g", quantity, text, value, expected);
    }
  fclose (file);
  printf ("t-softmax_theory: %u of %u examples apply\n", applied, rows);
  ck_assert_uint_gt (applied, 0);
}
END_TEST

/* edges */

START_TEST (one_score)
{
  struct qk_softmax_moments e
      = { .participation = 1, .cubes = 1, .fourths = 1, .participation_square = 1 };
  e.max_weight = e.max_weight_square = e.saturated = e.saturated_99 = 1;
  for (int causal = 0; causal < 2; causal++)
    {
      struct qk_softmax_rows rows = { 1, causal };
      struct qk_softmax_moments m;
      qk_softmax_moments (&m, &rows, 2.385);
      ck_assert (memcmp (&m, &e, sizeof m) == 0);
      ck_assert (qk_softmax_above (&rows, 2.385, 0.7) == 1);
    }
  ck_assert (qk_softmax_gap_density (1) == 0 && qk_softmax_freezing (1) == 0);
}
END_TEST

START_TEST (refused)
{
  static const double bad[][2] = { { 0, 1 },  { 2.5, 1 }, { NAN, 1 },     { INFINITY, 1 },
                                   { 8, -1 }, { 8, NAN }, { 8, INFINITY } };
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
    {
      struct qk_softmax_moments m = at_sigma (bad[i][0], bad[i][1]);
      for (unsigned j = 0; j < NAMES; j++)
        ck_assert (isnan (member (&m, name[j].at)));
    }
  struct qk_softmax_rows rows = { .n = 3 };
  ck_assert (isnan (qk_softmax_above (&rows, 1, 0.49)));
  ck_assert (isnan (qk_softmax_above (&rows, 1, 0.99991)));
  ck_assert (isnan (qk_softmax_above (&rows, 1, NAN)));
  ck_assert (isnan (qk_softmax_above (&rows, 0.3, 0.6))); /* ill-conditioned */
  ck_assert (qk_softmax_above (&rows, 0.01, 0.6) == 0);   /* negligible */
  ck_assert (qk_softmax_above (&rows, 0, 0.5) == 0);
  rows.n = 2;
  ck_assert (qk_softmax_above (&rows, 0, 0.5) == 0); /* p = 1/2 is not above it */

  /* A table that does not reach.  */
  static struct qk_softmax_table table;
  struct qk_softmax_moments m;
  double lo, hi;
  qk_softmax_range (&lo, &hi, 1, 64);
  qk_softmax_table (&table, &rows, lo, hi);
  qk_softmax_mix (&m, &table, 1, 64);
  ck_assert (m.participation > 0.5 && m.participation < 1);
  qk_softmax_mix (&m, &table, 1.001, 64);
  ck_assert (isnan (m.participation));
  qk_softmax_mix (&m, &table, 1, 62);
  ck_assert (isnan (m.participation));
  qk_softmax_mix (&m, &table, 1, 0.5);
  ck_assert (isnan (m.participation));
  qk_softmax_mix (&m, &table, -1, 64);
  ck_assert (isnan (m.participation));
}
END_TEST

START_TEST (many_scores)
{
  for (double n = 0x1p14; n <= 0x1p20; n *= 0x1p6)
    for (double s = .3; s < 31; s *= 10)
      for (int causal = 0; causal < 2; causal++)
        {
          struct qk_softmax_moments m;
          qk_softmax_moments (&m, &(struct qk_softmax_rows){ n, causal }, s);
          NEAR (m.entropy, m.log_sum_exp - s * s * m.jacobian_trace, 1e-12 * (1 + s * s));
          NEAR (m.participation + m.jacobian_trace, 1, 1e-11);
          ck_assert (m.participation <= m.max_weight + 2e-14);
          ck_assert (m.saturated * .9 <= m.max_weight + 2e-14);
        }
}
END_TEST

/* twin */

/* A p and a g to the values they give; of the rest only their mean is known.  */
static struct qk_softmax_moments
one_sample (const double *p, const double *g, unsigned n, double log_sum_exp)
{
  double s2 = 0, s3 = 0, s4 = 0, dot = 0, entropy = 0, top = 0, along = 0;
  for (unsigned i = 0; i < n; i++)
    {
      s2 += p[i] * p[i];
      s3 += pow (p[i], 3);
      s4 += pow (p[i], 4);
      dot += p[i] * g[i];
      entropy -= p[i] > 0 ? p[i] * log (p[i]) : 0;
      top = fmax (top, p[i]);
    }
  double square = 0, trace = 0;
  for (unsigned i = 0; i < n; i++)
    {
      along += pow (p[i] * (g[i] - dot), 2);
      for (unsigned j = 0; j < n; j++)
        square += pow (i == j ? p[i] * (1 - p[i]) : p[i] * p[j], 2);
      for (unsigned j = 0; j < n; j++)
        trace += i != j ? p[i] * p[j] : 0;
    }
  return (struct qk_softmax_moments){ .participation = s2,
                                      .cubes = s3,
                                      .fourths = s4,
                                      .participation_square = s2 * s2,
                                      .jacobian_trace = trace,
                                      .jacobian_square = square,
                                      .along_square = along,
                                      .entropy = entropy,
                                      .log_sum_exp = log_sum_exp,
                                      .max_weight = top,
                                      .max_weight_square = top * top };
}

/* Two scores differ by x sqrt (2) sigma, x normal: x > 0 is half of it.  */
struct pair
{
  double sigma;
  size_t at;
};

static double
pair_value (double x, void *of)
{
  const struct pair *a = of;
  double gap = M_SQRT2 * a->sigma * x, p = 1 / (1 + exp (-gap)), q = 1 / (1 + exp (gap));
  struct qk_softmax_moments m
      = one_sample ((double[]){ p, q }, (double[]){ x * M_SQRT1_2, -x * M_SQRT1_2 }, 2,
                    gap / 2 + log1p (exp (-gap)));
  return member (&m, a->at) * exp (-x * x / 2) * sqrt (M_2_PI);
}

START_TEST (two_scores)
{
  static const double sigma[] = { .01, .3, .7499, .75, 1, 2.385, 7.9999, 8, 22.6, 64, 256 };
  gsl_integration_workspace *workspace = gsl_integration_workspace_alloc (1000);
  for (unsigned i = 0; i < sizeof sigma / sizeof *sigma; i++)
    {
      struct qk_softmax_moments m = at_sigma (2, sigma[i]);
      for (unsigned j = 0; j < NAMES; j++)
        {
          struct pair a = { sigma[i], name[j].at };
          gsl_function f = { pair_value, &a };
          double value, error, high = fmin (12, 60 / sigma[i]), tail = 0;
          if (name[j].at >= offsetof (struct qk_softmax_moments, saturated))
            {
              double u = name[j].at == offsetof (struct qk_softmax_moments, saturated) ? .9 : .99;
              STATED (member (&m, name[j].at), erfc (log (u / (1 - u)) / (2 * sigma[i])));
              continue;
            }
          /* Where all of p is in one place the integrand is simple, but not small.  */
          ck_assert (gsl_integration_qag (&f, 0, high, 1e-16, 1e-13, 1000, GSL_INTEG_GAUSS61,
                                          workspace, &value, &error)
                     != GSL_EMAXITER);
          if (high < 12)
            ck_assert (gsl_integration_qag (&f, high, 12, 1e-16, 1e-13, 1000, GSL_INTEG_GAUSS61,
                                            workspace, &tail, &error)
                       != GSL_EMAXITER);
          STATED (member (&m, name[j].at), value + tail);
        }
      for (double u = .5; u < 1; u += .0703)
        if (sigma[i] >= 0.5)
          STATED (qk_softmax_above (&(struct qk_softmax_rows){ .n = 2 }, sigma[i], u),
                  erfc (log (u / (1 - u)) / (2 * sigma[i])));
    }
  gsl_integration_workspace_free (workspace);
}
END_TEST

/* Three scores but for their mean are a point of a plane, and the largest is x_1 in a sector of
   120 degrees, in which nothing has a kink.  */
/* Of two scores each row is one logit, x_1 - x_2 of deviation sigma sqrt (2): a double integral
   over two normal laws.  */
START_TEST (two_divergences)
{
  for (double sigma = 0.5; sigma <= 32; sigma *= 1.9)
    {
      double sd = sigma * M_SQRT2, h = fmin (sd, 1) / 8, sum = 0;
      for (double u = -9 * sd; u < 9 * sd; u += h)
        for (double v = -9 * sd; v < u; v += h)
          {
            double p = 1 / (1 + exp (-u)), q = 1 / (1 + exp (-v));
            double both = exp (-(u * u + v * v) / (2 * sd * sd)) / (2 * M_PI * sd * sd);
            double r = 1 / (1 + exp (u)), s = 1 / (1 + exp (v));
            sum += h * h * both
                   * (p * log (2 * p / (p + q)) + q * log (2 * q / (p + q))
                      + r * log (2 * r / (r + s)) + s * log (2 * s / (r + s)));
          }
      ck_assert_msg (fabs (qk_softmax_divergence (2, sigma) / sum - 1) < 1e-8, "%g: %.15g, %.15g",
                     sigma, qk_softmax_divergence (2, sigma), sum);
    }
}
END_TEST

/* Rows of normal scores by another generator, their divergence from the entropies.  */
START_TEST (divergence_sampled)
{
  static const double at[][2] = { { 3, 0.7 }, { 9, 2 }, { 40, 0.5 }, { 17, 6 } };
  double x[2][64], p[2][64];
  uint64_t state = 91;
  for (size_t k = 0; k < 4; k++)
    {
      size_t n = (size_t)at[k][0], rows = (size_t)(20000 * effort ());
      double sum = 0, squares = 0;
      for (size_t row = 0; row < rows; row++)
        {
          double mean[64], value = 0;
          for (int head = 0; head < 2; head++)
            {
              double total = 0;
              for (size_t i = 0; i < n; i++)
                {
                  double r = ((double)(next (&state) >> 11) + 0.5) * 0x1p-53,
                         angle = (double)(next (&state) >> 11) * 0x1p-52 * M_PI;
                  x[head][i] = exp (at[k][1] * sqrt (-2 * log (r)) * cos (angle));
                  total += x[head][i];
                }
              for (size_t i = 0; i < n; i++)
                {
                  p[head][i] = x[head][i] / total;
                  value += p[head][i] * log (p[head][i]) / 2;
                }
            }
          for (size_t i = 0; i < n; i++)
            {
              mean[i] = (p[0][i] + p[1][i]) / 2;
              value -= mean[i] * log (mean[i]);
            }
          sum += value;
          squares += value * value;
        }
      double estimate = sum / (double)rows;
      double error = sqrt ((squares / (double)rows - estimate * estimate) / (double)rows);
      ck_assert_double_eq_tol (qk_softmax_divergence (at[k][0], at[k][1]), estimate, 6 * error);
    }
}
END_TEST

START_TEST (three_scores)
{
  static const double sigma[] = { .05, .6, 1, 2.385 };
  gsl_integration_glfixed_table *radial = gsl_integration_glfixed_table_alloc (256);
  gsl_integration_glfixed_table *angular = gsl_integration_glfixed_table_alloc (128);
  for (unsigned i = 0; i < sizeof sigma / sizeof *sigma; i++)
    {
      struct qk_softmax_moments m = at_sigma (3, sigma[i]);
      double sum[NAMES] = { 0 };
      for (size_t a = 0; a < 256; a++)
        for (size_t b = 0; b < 128; b++)
          {
            double r, t, weight_r, weight_t, g[3], p[3], total = 0;
            gsl_integration_glfixed_point (0, 10, a, &r, &weight_r, radial);
            gsl_integration_glfixed_point (0, M_PI / 3, b, &t, &weight_t, angular);
            for (unsigned k = 0; k < 3; k++)
              {
                g[k] = sqrt (2. / 3) * r * cos (t - 2 * M_PI / 3 * k);
                total += p[k] = exp (sigma[i] * g[k]);
              }
            for (unsigned k = 0; k < 3; k++)
              p[k] /= total;
            struct qk_softmax_moments v = one_sample (p, g, 3, log (total));
            /* 3 sectors, twice by symmetry.  */
            double weight = 6 * weight_r * weight_t * r * exp (-r * r / 2) / (2 * M_PI);
            for (unsigned j = 0; j < NAMES; j++)
              sum[j] += weight * member (&v, name[j].at);
          }
      for (unsigned j = 0; j < NAMES; j++)
        if (name[j].at < offsetof (struct qk_softmax_moments, saturated))
          STATED (member (&m, name[j].at), sum[j]);
    }
  gsl_integration_glfixed_table_free (radial);
  gsl_integration_glfixed_table_free (angular);
}
END_TEST

/* P(max p > u) = 3 E P(x_1 > ln S + gap), over S of two scores.  */
START_TEST (three_scores_above)
{
  gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc (256);
  static const double row[][2] = { { .5, .9 }, { .6, .5 }, { 1, .9 }, { 2.385, .7 }, { 4, .99 } };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    {
      double sigma = row[i][0], u = row[i][1], gap = log (u / (1 - u)), sum = 0;
      for (size_t a = 0; a < 256; a++)
        for (size_t b = 0; b < 256; b++)
          {
            double s, t, ws, wt;
            gsl_integration_glfixed_point (-9, 9, a, &s, &ws, table); /* of the sum */
            gsl_integration_glfixed_point (0, 9, b, &t, &wt, table);  /* of the difference */
            double log_sum = sigma * (s + t) * M_SQRT1_2 + log1p (exp (-M_SQRT2 * sigma * t));
            sum += ws * wt * exp (-(s * s + t * t) / 2) / M_PI
                   * erfc ((log_sum + gap) / (sigma * M_SQRT2)) / 2;
          }
      STATED (qk_softmax_above (&(struct qk_softmax_rows){ .n = 3 }, sigma, u), 3 * sum);
    }
  gsl_integration_glfixed_table_free (table);
}
END_TEST

START_TEST (causal_twin)
{
  static const double row[][2] = { { 2, .3 }, { 17, .3 }, { 17, 2.385 }, { 90, 9.5 }, { 33, 100 } };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    {
      double n = row[i][0], mean[NAMES] = { 0 }, above = 0, sigma = row[i][1];
      struct qk_softmax_rows rows = { n, true };
      for (double m = 1; m <= n; m++)
        {
          struct qk_softmax_moments one = at_sigma (m, sigma);
          for (unsigned j = 0; j < NAMES; j++)
            mean[j] += member (&one, name[j].at) / n;
          above += qk_softmax_above (&(struct qk_softmax_rows){ .n = m }, sigma, .93) / n;
        }
      struct qk_softmax_moments all;
      qk_softmax_moments (&all, &rows, sigma);
      for (unsigned j = 0; j < NAMES; j++)
        NEAR (member (&all, name[j].at), mean[j], 0.1 * stated (mean[j]));
      STATED (qk_softmax_above (&rows, sigma, .93), above);
    }
}
END_TEST

/* Against an integral over ||q|| itself with a value at each node, and no interpolation.  */
START_TEST (mixed_twin)
{
  static const struct
  {
    double n, c, d;
    bool causal;
  } row[] = { { 64, 1, 1, false },
              { 4096, 1, 4, false },
              { 64, 0.0441941738241592, 64, false }, /* d^-.75 */
              { 512, 1. / 32, 1024, false },
              { 4096, 1, 16384, false },
              { 100, 1. / 3, 9, true } };
  enum
  {
    NODES = 96
  };
  gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc (NODES);
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    {
      double c = row[i].c, d = row[i].d, lo, hi, sum[NAMES] = { 0 }, total = 0;
      struct qk_softmax_rows rows = { row[i].n, row[i].causal };
      static struct qk_softmax_table values;
      struct qk_softmax_moments m, at;
      qk_softmax_range (&lo, &hi, c, d);
      qk_softmax_table (&values, &rows, lo, hi);
      qk_softmax_mix (&m, &values, c, d);
      for (size_t a = 0; a < NODES; a++)
        {
          double r, weight, centre = sqrt (d);
          gsl_integration_glfixed_point (fmax (0, centre - 7), centre + 7, a, &r, &weight, table);
          weight *= exp ((d - 1) * log (r / centre) - (r - centre) * (r + centre) / 2);
          if (weight < 1e-16)
            continue;
          qk_softmax_moments (&at, &rows, c * r);
          total += weight;
          for (unsigned j = 0; j < NAMES; j++)
            sum[j] += weight * member (&at, name[j].at);
        }
      for (unsigned j = 0; j < NAMES; j++)
        STATED (member (&m, name[j].at), sum[j] / total);
    }
  gsl_integration_glfixed_table_free (table);
}
END_TEST

/* laws */

static const double keys[] = { 2, 3, 17, 64, 512, 4096 };
static const double deviations[]
    = { .01, .1, .35, .7499, .75, 1, 2.385, 5, 7.9999, 8, 11.9, 22.6, 64, 128, 256 };

enum
{
  KEYS = sizeof keys / sizeof *keys,
  DEVIATIONS = sizeof deviations / sizeof *deviations
};

/* Stein: E sum x_i f_i = sigma^2 E sum df_i/dx_i.  */
START_TEST (identities)
{
  for (unsigned i = 0; i < KEYS; i++)
    for (unsigned j = 0; j < DEVIATIONS; j++)
      for (int causal = 0; causal < 2; causal++)
        {
          double n = keys[i], s = deviations[j];
          struct qk_softmax_moments m;
          qk_softmax_moments (&m, &(struct qk_softmax_rows){ n, causal }, s);
          NEAR (m.entropy, m.log_sum_exp - s * s * m.jacobian_trace, 1e-13 * (1 + s * s));
          NEAR (m.participation + m.jacobian_trace, 1, 1e-13);
          NEAR (m.participation - 2 * m.cubes + m.participation_square, m.jacobian_square, 1e-13);

          ck_assert (m.participation >= (1 - 1e-13) / n && m.participation <= m.max_weight);
          ck_assert (m.cubes <= m.participation && m.fourths <= m.cubes);
          ck_assert (m.participation_square >= m.participation * m.participation);
          ck_assert (m.jacobian_square <= m.jacobian_trace / 2);
          ck_assert (m.along_square >= 0 && m.entropy > 0 && m.entropy <= log (n) * (1 + 1e-13));
          ck_assert (m.log_sum_exp >= m.entropy);
          ck_assert (m.saturated_99 <= m.saturated && m.saturated <= 1 + 1e-12);
          ck_assert (m.saturated * .9 <= m.max_weight);
          ck_assert (m.max_weight_square <= m.participation * (1 + 1e-12));
          ck_assert (m.max_weight_square >= pow (m.max_weight, 2) * (1 - 1e-12));
          if (n == 2 && !causal) /* 1 - sum p^2 = 2 p (1 - p) */
            NEAR (m.max_weight - m.max_weight_square, m.jacobian_trace / 2, 1e-14);
        }
}
END_TEST

/* d/dsigma E log sum exp x = sigma (1 - E sum p^2), by a difference of fourth order.  */
START_TEST (derivative)
{
  for (unsigned i = 0; i < KEYS; i++)
    for (unsigned j = 1; j < DEVIATIONS; j += 2)
      {
        double n = keys[i], s = deviations[j], h = 2e-3 * s, slope = 0;
        static const double weight[] = { 1, -8, 0, 8, -1 };
        for (int k = -2; k <= 2; k++)
          if (k != 0)
            slope += weight[k + 2] * at_sigma (n, s + k * h).log_sum_exp / (12 * h);
        NEAR (slope, s * at_sigma (n, s).jacobian_trace, 2e-9 * slope);
      }
}
END_TEST

START_TEST (small_sigma)
{
  double s = .01;
  for (unsigned i = 0; i < KEYS; i++)
    {
      double n = keys[i];
      struct qk_softmax_moments m = at_sigma (n, s);
      NEAR (m.participation, 1 / n + s * s * (n - 1) / (n * n), 2 * pow (s, 4) / n);
      NEAR (m.entropy, log (n) - s * s * (n - 1) / (2 * n), pow (s, 4));
      NEAR (m.log_sum_exp, log (n) + s * s * (n - 1) / (2 * n), pow (s, 4));
      NEAR (m.along_square, m.jacobian_square, 6 * s * s * m.jacobian_square);
    }
  NEAR (at_sigma (2, s).max_weight, .5 + s / (2 * sqrt (M_PI)), pow (s, 3));
}
END_TEST

START_TEST (large_sigma)
{
  for (double n = 2; n <= 512; n *= 2)
    for (double s = 8; s <= 1024; s *= 2)
      {
        struct qk_softmax_moments m = at_sigma (n, s);
        double trend = qk_softmax_gap_density (n) / s;
        NEAR (m.participation, 1 - trend, .0112 * m.participation);
        /* A gap x of the two largest, of density a_n / sigma at 0, gives 2 p q, 4 (p q)^2 and
           2 (x p q / sigma)^2, p = 1 / (1 + e^-x).  */
        NEAR (m.jacobian_trace, trend, 1.2 / (s * s) * trend);
        NEAR (m.jacobian_square, trend / 3, 2.8 / s * trend / 3);
        NEAR (m.along_square, (M_PI * M_PI - 6) / 18 * trend / (s * s), trend * pow (s, -3));
      }
  /* sigma = c ||q|| of 128, and 1024: unscaled scores at d = 2^14 and 2^20.  */
  for (double d = 16384; d <= 1048576; d *= 64)
    {
      struct qk_softmax_moments m = at_norm (4096, 1, d);
      double trend = qk_softmax_gap_density (4096) / sqrt (d);
      NEAR (m.jacobian_trace, trend, 1.2 / d * trend);
      NEAR (qk_softmax_gradient_square (&m, 1, d), trend / 3 * d, 4 / sqrt (d) * trend / 3 * d);
    }
}
END_TEST

START_TEST (above_falls)
{
  for (int causal = 0; causal < 2; causal++)
    for (unsigned i = 0; i < KEYS; i++)
      for (double s = .5; s < 70; s *= 5)
        {
          struct qk_softmax_rows rows = { keys[i], causal };
          double last = 1 + 1e-12;
          for (double u = .5; u < .9999; u += .0711)
            {
              double here = qk_softmax_above (&rows, s, u);
              ck_assert_msg (here >= -1e-15 && here <= last + 1e-13, "n %g, sigma %g, u %g: %g",
                             keys[i], s, u, here);
              last = here;
            }
          struct qk_softmax_moments m;
          qk_softmax_moments (&m, &rows, s);
          NEAR (qk_softmax_above (&rows, s, .9), m.saturated, 0);
          NEAR (qk_softmax_above (&rows, s, .99), m.saturated_99, 0);
        }
}
END_TEST

/* One table for many c and d gives what a table for each gives.  */
START_TEST (shared_table)
{
  static struct qk_softmax_table table;
  struct qk_softmax_rows rows = { .n = 64 };
  double lo, hi;
  qk_softmax_range (&lo, &hi, 1, 1024);
  qk_softmax_table (&table, &rows, 0, hi);
  for (double d = 1; d <= 1024; d *= 16)
    for (int scaled = 0; scaled < 2; scaled++)
      {
        double c = scaled ? 1 / sqrt (d) : 1;
        struct qk_softmax_moments shared, own = at_norm (64, c, d);
        qk_softmax_mix (&shared, &table, c, d);
        compare (&shared, &own, 1e-13, "shared table");
      }
  /* Scaled, the norm concentrates: sigma = 1.  */
  struct qk_softmax_moments limit = at_sigma (64, 1), near = at_norm (64, 1. / 1024, 1048576);
  NEAR (near.participation, limit.participation, 1e-6);
  NEAR (near.entropy, limit.entropy, 1e-6);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("softmax_theory");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  gsl_set_error_handler_off ();

  tcase_add_test (exact, known_values);
  tcase_add_test (exact, known_gradients);
  tcase_add_test (exact, no_spread);
  tcase_add_test (exact, divergences);
  tcase_add_test (exact, gap_density);
  tcase_add_test (exact, examples);
  suite_add_tcase (suite, exact);

  tcase_add_test (edges, one_score);
  tcase_add_test (edges, refused);
  tcase_add_test (edges, many_scores);
  suite_add_tcase (suite, edges);

  tcase_add_test (twin, two_scores);
  tcase_add_test (twin, two_divergences);
  tcase_add_test (twin, divergence_sampled);
  tcase_add_test (twin, three_scores);
  tcase_add_test (twin, three_scores_above);
  tcase_add_test (twin, causal_twin);
  tcase_add_test (twin, mixed_twin);
  suite_add_tcase (suite, twin);

  tcase_add_test (laws, identities);
  tcase_add_test (laws, derivative);
  tcase_add_test (laws, small_sigma);
  tcase_add_test (laws, large_sigma);
  tcase_add_test (laws, above_falls);
  tcase_add_test (laws, shared_table);
  suite_add_tcase (suite, laws);
  return run (suite);
}
