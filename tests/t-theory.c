/* t-theory.c -- exact values against known numbers, enumeration, MPFR and quadrature.  */

#include "theory.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_bessel.h>
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <string.h>

/* Compare to a relative error; zero and infinite values exactly.  */
#define CLOSE(actual, expected, relative)                                                          \
  do                                                                                               \
    {                                                                                              \
      double a_ = (actual), e_ = (expected);                                                       \
      ck_assert_msg (a_ == e_ || fabs (a_ - e_) <= (relative)*fabs (e_),                           \
                     "%s = %.17g, not %.17g, relative error %.2g", #actual, a_, e_, a_ / e_ - 1);  \
    }                                                                                              \
  while (0)

static struct qk_law
law (const char *text)
{
  struct qk_law value;
  char why[QK_WHY];
  ck_assert_msg (qk_law_parse (&value, text, why) == 0, "%s: %s", text, why);
  return value;
}

static struct qk_score
score (double d, const char *q, const char *k, double rho)
{
  return (struct qk_score){ .d = d, .q = law (q), .k = law (k), .rho = rho };
}

/* A skew law on two points: 2 with probability .2, -.5 with .8.  */
static double
skew_moment (double shape, unsigned r)
{
  (void)shape;
  return .2 * pow (2, r) + .8 * pow (-.5, r);
}

static const struct qk_law_type skew_type = { .name = "skew", .moment = skew_moment };

/* exact */

START_TEST (moments_of_centred_laws)
{
  static const struct
  {
    const char *law;
    double kurtosis; /* excess, at d = 1 */
  } row[] = { { "normal", 6 },        { "uniform", 0.24 },     { "rademacher", -2 },
              { "laplace", 33 },      { "student:nu=10", 13 }, { "student:nu=5", 78 },
              { "sparse:p=0.5", 33 }, { "exponential", 78 } };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    for (double d = 1; d <= 4096; d *= 8)
      {
        struct qk_score s = score (d, row[i].law, row[i].law, 0);
        ck_assert (qk_score_mean (&s) == 0);
        CLOSE (qk_score_variance (&s), d, 1e-15);
        CLOSE (qk_score_row_variance (&s), d, 1e-15);
        CLOSE (qk_score_skewness (&s), strcmp (row[i].law, "exponential") ? 0 : 4 / sqrt (d),
               1e-15);
        CLOSE (qk_score_excess_kurtosis (&s), row[i].kurtosis / d, 1e-13);
      }
}
END_TEST

START_TEST (moments_of_shifted_laws)
{
  struct qk_score s = score (64, "normal:mean=1", "normal:mean=1", 0);
  ck_assert (qk_score_mean (&s) == 64 && qk_score_variance (&s) == 192);
  ck_assert (qk_score_row_variance (&s) == 128);
  CLOSE (qk_score_skewness (&s), 64 * 6 / pow (192, 1.5), 1e-15);
  CLOSE (qk_score_excess_kurtosis (&s), 10. / 3 / 64, 1e-15);

  s = score (7, "laplace:mean=-1.5,sd=0.7", "uniform:mean=2.385,sd=3", 0);
  CLOSE (qk_score_mean (&s), -7 * 1.5 * 2.385, 1e-15);
  CLOSE (qk_score_variance (&s), 7 * (.49 * 9 + .49 * 2.385 * 2.385 + 9 * 2.25), 1e-15);
  CLOSE (qk_score_row_variance (&s), 7 * (.49 + 2.25) * 9, 1e-15);

  /* A mean on K alone leaves the variance within rows.  */
  s = score (64, "normal", "normal:mean=2.385", 0);
  CLOSE (qk_score_row_variance (&s), 64, 1e-15);
}
END_TEST

START_TEST (moments_of_correlated_normals)
{
  for (double rho = -1; rho <= 1; rho += 0.125)
    {
      struct qk_score s = score (64, "normal", "normal", rho);
      double square = rho * rho;
      CLOSE (qk_score_mean (&s), 64 * rho, 1e-15);
      CLOSE (qk_score_variance (&s), 64 * (1 + square), 1e-15);
      CLOSE (qk_score_skewness (&s), rho * (6 + 2 * square) / (8 * pow (1 + square, 1.5)), 1e-14);
      CLOSE (qk_score_excess_kurtosis (&s),
             6 * (1 + 6 * square + square * square) / (pow (1 + square, 2) * 64), 1e-14);
    }
  struct qk_score s = score (64, "normal", "normal", 0.05);
  CLOSE (qk_score_mean (&s), 3.2, 1e-15);
  s = score (3, "laplace", "normal", -0.3); /* d (1 + rho^2 (kappa + 1)) */
  CLOSE (qk_score_variance (&s), 3 * (1 + .09 * 4), 1e-15);
}
END_TEST

/* Var (mean of s_ij^2) / d^2 over a tile, centred laws.  */
START_TEST (tile_of_squares)
{
  static const struct
  {
    const char *law;
    double d, nq, nk, value;
  } row[] = { { "normal", 1, 16, 16, 0.265625 },
              { "normal", 512, 64, 64, 0.0006113052368164062 },
              { "uniform", 4, 64, 64, 0.0066552734375 },
              { "rademacher", 512, 512, 512, 7.614493370056152e-06 },
              { "laplace", 64, 64, 512, 0.0014452934265136719 },
              { "student:nu=6", 1, 64, 512, 0.088653564453125 },
              { "sparse:p=0.1", 1, 64, 512, 0.535430908203125 },
              { "exponential", 512, 16, 16, 0.0102386474609375 } };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    {
      struct qk_score s = score (row[i].d, row[i].law, row[i].law, 0);
      CLOSE (qk_tile_square_variance (&s, row[i].nq, row[i].nk) / (row[i].d * row[i].d),
             row[i].value, 1e-14);
    }
  /* The interval that takes the scores of a tile as independent is this much too short.  */
  struct qk_score s = score (16, "normal", "normal", 0);
  CLOSE (sqrt (qk_tile_square_variance (&s, 64, 64) * 4096 / qk_tile_square_variance (&s, 1, 1)),
         2.76, 0.002);
}
END_TEST

START_TEST (tails)
{
  static const struct
  {
    double d, x, value; /* P(|s| > x sqrt d) */
  } row[] = { { 1, 0.1, 0.78217134970251826 },    { 1, 8, 8.838924759665938e-5 },
              { 3, 8, 3.0236959743240176e-6 },    { 4, 0.1, 0.90060382838578004 },
              { 8, 8, 5.2715362460459404e-8 },    { 16, 5, 2.1710916626024566e-5 },
              { 128, 5, 1.4239753090493305e-6 },  { 512, 0.1, 0.92022818622380058 },
              { 4096, 0.1, 0.92032983344398857 }, { 4096, 8, 1.5771437248526919e-15 } };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
    CLOSE (2 * qk_score_tail (row[i].x * sqrt (row[i].d), row[i].d), row[i].value, 5e-13);

  CLOSE (qk_score_log_tail (log (0x1.fffffep127), 64) / M_LN10, -19.154275970252549, 1e-14);
  CLOSE ((qk_score_log_tail (65504, 512) + M_LN2) / M_LN10, -27800.947158842198, 1e-14);
  CLOSE (qk_score_log_tail (65504, 64) / M_LN10, -28342, 2e-5);
  CLOSE (qk_score_log_tail (65504, 16384) / M_LN10, -19741, 2e-5);
}
END_TEST

/* How far the law is from the normal of the same variance: the published distances.  */
START_TEST (distance_from_normal)
{
  static const double distance[][2]
      = { { 1, .108 },   { 2, .062 },   { 4, .033 },   { 8, .017 },
          { 16, .0086 }, { 32, .0043 }, { 64, .0022 }, { 512, .00027 } };
  for (unsigned i = 0; i < sizeof distance / sizeof *distance; i++)
    {
      double d = distance[i][0], largest = 0;
      for (double x = 0; x < 4; x += 0.005)
        largest
            = fmax (largest, fabs (qk_score_tail (x * sqrt (d), d) - 0.5 * erfc (x * M_SQRT1_2)));
      ck_assert_msg (fabs (largest - distance[i][1]) < 0.03 * distance[i][1], "d = %g: %g", d,
                     largest);
    }
}
END_TEST

START_TEST (lattice)
{
  struct qk_score s = score (3, "rademacher:sd=0.3", "rademacher:sd=7", 0);
  static const double below[] = { 0, .125, .5, .875, 1 };
  for (int i = 0; i < 4; i++)
    {
      double x = 2.1 * (2 * i - 3);
      CLOSE (qk_score_cdf (&s, x), below[i + 1], 1e-15);
      CLOSE (qk_score_cdf_below (&s, x), below[i], 1e-15);
      /* As it comes out of a chain of multiply-adds; and between two points.  */
      CLOSE (qk_score_cdf (&s, x - 1e-4), below[i + 1], 1e-15);
      CLOSE (qk_score_cdf_below (&s, x + 1e-4), below[i], 1e-15);
      CLOSE (qk_score_cdf (&s, x - 0.1), below[i], 1e-15);
      CLOSE (qk_score_cdf_below (&s, x + 0.1), below[i + 1], 1e-15);
      CLOSE (qk_score_cdf (&s, x + 1.9), below[i + 1], 1e-15);
    }
  s = score (1, "rademacher", "rademacher", 0);
  ck_assert (qk_score_cdf (&s, 0) == 0.5 && qk_score_cdf_below (&s, 0) == 0.5);
}
END_TEST

START_TEST (absolute_means)
{
  static const double walk[] = { 1, 1, 1.5, 1.5, 1.875, 1.875, 2.1875, 2.1875 };
  for (int d = 1; d <= 8; d++)
    {
      struct qk_score s = score (d, "rademacher", "rademacher", 0);
      ck_assert_msg (qk_score_abs_mean (&s) == walk[d - 1], "d = %d", d);
    }
  struct qk_score s = score (1, "normal", "normal", 0);
  CLOSE (qk_score_abs_mean (&s), M_2_PI, 1e-15);
  CLOSE (qk_score_geary (&s), M_2_PI, 1e-15);
  s = score (8, "normal:sd=0.7", "normal:sd=3", 0); /* E ||q|| = 2.7416... */
  CLOSE (qk_score_abs_mean (&s), 2.1 * sqrt (M_2_PI) * 2.7416246753776568, 1e-15);
  CLOSE (qk_score_geary (&s), sqrt (M_2_PI) * 2.7416246753776568 / sqrt (8), 1e-15);
}
END_TEST

/* At d = 1 the mean of |s| over a tile is that of |q| times that of |k|.  */
START_TEST (tile_of_absolute_values)
{
  static const struct
  {
    const char *law;
    double mean2; /* (E |z|)^2 */
  } row[] = { { "normal", M_2_PI },
              { "rademacher", 1 },
              { "uniform", .75 },
              { "laplace", .5 },
              { "sparse:p=0.1", .1 * M_2_PI } };
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 5; j++)
      for (double n = 1; n < 1e5; n *= 17)
        {
          struct qk_score s = score (1, row[i].law, row[j].law, 0);
          double a = row[i].mean2, b = row[j].mean2;
          double exact = (a + (1 - a) / 5) * (b + (1 - b) / n) - a * b;
          if (i == j && i < 2)
            CLOSE (qk_tile_abs_variance (&s, 5, n), exact, 1e-14);
          else
            ck_assert_msg (qk_tile_abs_variance (&s, 5, n) >= exact, "%s, %s, 5 x %g: %g < %g",
                           row[i].law, row[j].law, n, qk_tile_abs_variance (&s, 5, n), exact);
        }
  struct qk_score s = score (1, "normal:sd=3", "normal:sd=0.7", 0);
  CLOSE (qk_tile_abs_variance (&s, 1, 1), 2.1 * 2.1 * (1 - M_2_PI * M_2_PI), 1e-14);
}
END_TEST

/* examples.csv of the optional data.  */

static double
parameter (const char *text, const char *name)
{
  size_t length = strlen (name);
  for (const char *p = text; p; p = strchr (p, ';'))
    {
      p += *p == ';';
      if (strncmp (p, name, length) == 0 && p[length] == '=')
        {
          p += length + 1;
          return strncmp (p, "ln65504", 7) == 0        ? log (65504)
                 : strncmp (p, "ln(fp32max)", 11) == 0 ? log (0x1.fffffep127)
                 : strncmp (p, "ln(fp64max)", 11) == 0 ? log (0x1.fffffffffffffp1023)
                 : strncmp (p, "fp16_65504", 10) == 0  ? 65504
                                                       : strtod (p, NULL);
        }
    }
  return NAN;
}

static struct qk_score
parameter_score (const char *text)
{
  static const char *const name[][2]
      = { { "normal", "normal" },
          { "uniform(+-sqrt3)", "uniform" },
          { "rademacher", "rademacher" },
          { "laplace(var1)", "laplace" },
          { "student_t5(var1)", "student:nu=5" },
          { "student_t6(var1)", "student:nu=6" },
          { "student_t10(var1)", "student:nu=10" },
          { "bern_gauss_p0.1", "sparse:p=0.1" },
          { "bern_gauss_p0.5", "sparse:p=0.5" },
          { "exponential-1", "exponential" },
          { "normal_mean0.5", "normal:mean=0.5" },
          { "normal_mean1", "normal:mean=1" },
          { "uniform(0,1)", "uniform:mean=0.5,sd=0.28867513459481287" } };
  text += strncmp (text, "q,k~", 4) == 0 ? 4 : 0;
  for (unsigned i = 0; i < sizeof name / sizeof *name; i++)
    if (strncmp (text, name[i][0], strcspn (text, ";")) == 0
        && strlen (name[i][0]) == strcspn (text, ";"))
      return score (parameter (text, "d"), name[i][1], name[i][1], 0);
  ck_abort_msg ("unknown law: %s", text);
}

/* The density at x by extrapolated central differences of the distribution function (Romberg).  */
static double
slope (const struct qk_score *s, double x)
{
  double t[6][6], h = x > 0 ? fmin (x / 2, sqrt (s->d) / 4) : sqrt (s->d) / 4;
  for (int i = 0; i < 6; i++, h /= 2)
    {
      t[i][0] = (qk_score_cdf (s, x + h) - qk_score_cdf (s, x - h)) / (2 * h);
      for (int j = 1; j <= i; j++)
        t[i][j] = t[i][j - 1] + (t[i][j - 1] - t[i - 1][j - 1]) / (pow (4, j) - 1);
    }
  return t[5][5];
}

/* Whether the quantity belongs to this module; its value by our route.  */
static bool
example_value (double *value, double *slack, const char *quantity, const char *text)
{
  double d = parameter (text, "d"), x = parameter (text, "x"), T = parameter (text, "T");
  struct qk_score s;
  *slack = 0;
  if (strcmp (quantity, "mean_s") == 0)
    s = parameter_score (text), *value = qk_score_mean (&s);
  else if (strcmp (quantity, "var_s") == 0)
    s = parameter_score (text), *value = qk_score_variance (&s);
  else if (strcmp (quantity, "skew_s") == 0)
    s = parameter_score (text), *value = qk_score_skewness (&s);
  else if (strcmp (quantity, "exkurt_s") == 0)
    {
      s = parameter_score (text);
      *value = qk_score_excess_kurtosis (&s);
      *slack = 2e-14; /* uniform(0,1) at d = 64 is 93/39200, which the file has to 14 digits */
    }
  else if (strcmp (quantity, "Var(mean s_ij^2)/d^2 block") == 0)
    {
      s = parameter_score (text);
      *value
          = qk_tile_square_variance (&s, parameter (text, "nq"), parameter (text, "nk")) / (d * d);
    }
  else if (strcmp (quantity, "P(|s|/sqrt(d)>x)") == 0)
    *value = 2 * qk_score_tail (x * sqrt (d), d);
  else if (strcmp (quantity, "pdf_s") == 0)
    {
      s = parameter_score (text);
      *value = slope (&s, parameter (text, "x/sqrt(d)") * sqrt (d));
      *slack = 1e-10;
    }
  else if (strcmp (quantity, "log10 P(s>T)") == 0)
    *value = qk_score_log_tail (T, d) / M_LN10;
  else if (strcmp (quantity, "log10 P(|s|>T)") == 0)
    *value = (qk_score_log_tail (T, d) + M_LN2) / M_LN10;
  else if (strcmp (quantity, "P(s=0) rademacher") == 0)
    {
      s = score (d, "rademacher", "rademacher", 0);
      *value = qk_score_cdf (&s, 0) - qk_score_cdf_below (&s, 0);
    }
  else if (strcmp (quantity, "P(|s|/sqrt(d)>2) rademacher") == 0)
    {
      s = score (d, "rademacher", "rademacher", 0);
      *value = 2 * qk_score_cdf_below (&s, -2 * sqrt (d));
    }
  else if (strcmp (quantity, "E|q|") == 0)
    {
      s = score (d, "normal", "normal", 0);
      *value = qk_norm_mean (&s.q, d);
    }
  else if (strcmp (quantity, "Var|q|") == 0)
    {
      s = score (d, "normal", "normal", 0);
      *value = qk_norm_variance (&s.q, d);
    }
  else
    return false;
  return true;
}

/* The next field of a line of comma-separated values.  */
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
      printf ("t-theory: examples skipped: QK_TEST_DATA is not set\n");
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
      double expected = strtod (next_field (&rest), NULL), value, slack;
      next_field (&rest);
      double digits = strtod (next_field (&rest), NULL);
      rows++;
      if (!example_value (&value, &slack, quantity, text))
        continue;
      applied++;
      double allowed = fmax (fmax (pow (10, 1 - digits), slack), 2e-15) * fabs (expected);
      ck_assert_msg (fabs (value - expected) <= allowed, "%s, %s: %.17g, not %.17g", quantity, text,
                     value, expected);
    }
  fclose (file);
  printf ("t-theory: %u of %u examples apply\n", applied, rows);
  ck_assert_uint_gt (applied, 0);
}
END_TEST

/* edges */

START_TEST (diverging_moments)
{
  struct qk_score s = score (4, "student:nu=5", "student:nu=5", 0);
  CLOSE (qk_score_excess_kurtosis (&s), 78. / 4, 1e-14);
  CLOSE (qk_tile_square_variance (&s, 3, 3), (32 + 4 * 78 + 4 * 4 * 8) / 9., 1e-14);
  ck_assert (isfinite (qk_tile_row_variance (&s, 3, 3)));
  ck_assert (qk_score_central_moment (&s, 6) == INFINITY);
  ck_assert (qk_tile_log_kurtosis_variance (&s, 3, 3) == INFINITY);
  ck_assert (qk_tile_square_kurtosis (&s, 3, 3) == INFINITY);
  ck_assert (qk_norm_square_kurtosis (&s.q, 4) == INFINITY);
  s.rho = 0.3; /* now q enters squared */
  ck_assert (isfinite (qk_score_variance (&s)));
  ck_assert (qk_score_skewness (&s) == INFINITY);
  ck_assert (qk_score_excess_kurtosis (&s) == INFINITY);
  ck_assert (qk_tile_square_variance (&s, 1, 1) == INFINITY);
  ck_assert (qk_tile_log_kurtosis_variance (&s, 1, 1) == INFINITY);
  s = score (4, "normal", "student:nu=5", 1); /* k is all q */
  CLOSE (qk_score_variance (&s), 8, 1e-15);
  CLOSE (qk_score_excess_kurtosis (&s), 12. / 4, 1e-14);
  s = score (4, "normal", "student:nu=8.5", 0);
  ck_assert (isfinite (qk_tile_log_kurtosis_variance (&s, 3, 3)));
}
END_TEST

START_TEST (unknown_values)
{
  static const char *const pair[][2] = { { "normal", "uniform" },
                                         { "laplace", "laplace" },
                                         { "normal", "normal:mean=0.5" },
                                         { "rademacher:mean=0.5", "rademacher" } };
  for (unsigned i = 0; i < sizeof pair / sizeof *pair; i++)
    {
      struct qk_score s = score (4, pair[i][0], pair[i][1], 0);
      ck_assert (!qk_score_law_known (&s) && isnan (qk_score_abs_mean (&s)));
      ck_assert (isnan (qk_score_geary (&s)) && isnan (qk_score_cdf (&s, 0.3)));
      ck_assert (isfinite (qk_tile_abs_variance (&s, 3, 4)));
    }
  struct qk_score s = score (4, "laplace", "normal:mean=0.5", 0);
  ck_assert (isnan (qk_norm_mean (&s.q, 4)) && isnan (qk_norm_variance (&s.q, 4)));
  ck_assert (isnan (qk_norm_mean (&s.k, 4)) && isnan (qk_norm_variance (&s.k, 4)));
  ck_assert (isnan (qk_norm_variance_spread (&s.q, 4))
             && isnan (qk_norm_variance_spread (&s.k, 4)));
  CLOSE (qk_norm_square_spread (&s.q, 4), 5. / 4, 1e-15);
  s = score (4, "normal", "normal", 0.05);
  ck_assert (!qk_score_law_known (&s) && isnan (qk_score_row_variance (&s)));
  ck_assert (isnan (qk_tile_mean_variance (&s, 2, 1))
             && isnan (qk_tile_square_variance (&s, 1, 2)));
  ck_assert (isnan (qk_tile_row_variance (&s, 2, 2)) && isnan (qk_tile_abs_variance (&s, 2, 2)));
  ck_assert (isnan (qk_tile_log_kurtosis_variance (&s, 2, 2)));
  CLOSE (qk_tile_mean_variance (&s, 1, 1), 4 * 1.0025, 1e-15);
  s.rho = 0;
  ck_assert (isnan (qk_tile_row_variance (&s, 2, 1)) && isnan (qk_score_cdf (&s, NAN)));
}
END_TEST

START_TEST (no_spread)
{
  struct qk_score s = score (1, "rademacher", "rademacher", 0); /* s^2 = 1 */
  ck_assert (qk_tile_square_variance (&s, 5, 7) == 0 && qk_tile_abs_variance (&s, 5, 7) == 0);
  ck_assert (qk_tile_log_kurtosis_variance (&s, 1, 1) == 0);
  CLOSE (qk_norm_mean (&s.q, 7), sqrt (7), 1e-15);
  ck_assert (qk_norm_variance (&s.q, 7) == 0 && qk_norm_square_spread (&s.q, 7) == 0);
  s = score (5, "rademacher", "rademacher", 1); /* s = d */
  ck_assert (qk_score_mean (&s) == 5 && qk_score_variance (&s) == 0);
  ck_assert (isnan (qk_score_skewness (&s)) && isnan (qk_score_excess_kurtosis (&s)));
}
END_TEST

START_TEST (extreme_tails)
{
  for (double d = 1; d <= 0x1p30; d *= 2)
    {
      CLOSE (qk_score_tail (0, d), 0.5, 1e-12);
      CLOSE (qk_score_tail (1e-300, d), 0.5, 1e-12);
      double last = 0;
      for (double x = 1e-3; x < 1e308; x *= 7)
        {
          double now = qk_score_log_tail (x, d);
          ck_assert_msg (now < last, "d = %g, x = %g: log tail %g after %g", d, x, now, last);
          if (x > 1e6 * d)
            CLOSE (now, -x, 1e-4);
          last = now;
        }
      ck_assert (qk_score_tail (DBL_MAX, d) == 0 && qk_score_tail (INFINITY, d) == 0);
      ck_assert (isnan (qk_score_tail (NAN, d)));
    }
  struct qk_score s = score (2, "normal", "normal", 0),
                  t = score (2, "rademacher", "rademacher", 0);
  ck_assert (qk_score_cdf (&s, INFINITY) == 1 && qk_score_cdf (&s, -INFINITY) == 0);
  ck_assert (qk_score_cdf (&t, INFINITY) == 1 && qk_score_cdf_below (&t, -INFINITY) == 0);
  ck_assert (qk_score_cdf (&t, 1e300) == 1 && qk_score_cdf_below (&t, -1e300) == 0);
}
END_TEST

/* twin: every tile of two-point laws, enumerated */

enum
{
  MEAN,
  SQUARE,
  ROW,
  ABS,
  KURTOSIS,
  STATISTICS
};

/* The statistics of one tile; the last is that of which ln (m4 / m2^2) is to first order.  */
static void
tile_statistics (double value[STATISTICS], const struct qk_score *s, const double *q,
                 const double *k, int nq, int nk)
{
  double mu2 = qk_score_central_moment (s, 2), mu4 = qk_score_central_moment (s, 4);
  memset (value, 0, STATISTICS * sizeof *value);
  for (int i = 0; i < nq; i++)
    {
      double sum = 0, sum2 = 0;
      for (int j = 0; j < nk; j++)
        {
          double dot = 0;
          for (int c = 0; c < s->d; c++)
            dot += q[i * (int)s->d + c] * k[j * (int)s->d + c];
          double centred = dot - qk_score_mean (s);
          sum += centred, sum2 += centred * centred;
          value[ABS] += fabs (dot) / (nq * nk);
          value[KURTOSIS] += (pow (centred, 4) / mu4 - 2 * pow (centred, 2) / mu2) / (nq * nk);
        }
      value[MEAN] += sum / (nq * nk);
      value[SQUARE] += sum2 / (nq * nk);
      value[ROW] += nk < 2 ? 0 : (sum2 - sum * sum / nk) / (nk - 1) / nq;
    }
}

static void
check_tiles (const struct qk_score *s, const double q_point[2], double q_share,
             const double k_point[2], double k_share, int nq, int nk)
{
  double mean[STATISTICS] = { 0 }, square[STATISTICS] = { 0 }, q[16], k[16];
  int d = (int)s->d, q_bits = nq * d, bits = (nq + nk) * d;
  for (int code = 0; code < 1 << bits; code++)
    {
      double weight = 1, value[STATISTICS];
      for (int i = 0; i < bits; i++)
        {
          int bit = code >> i & 1;
          const struct qk_law *one = i < q_bits ? &s->q : &s->k;
          double z = i < q_bits ? q_point[bit] : k_point[bit];
          double share = i < q_bits ? q_share : k_share;
          *(i < q_bits ? &q[i] : &k[i - q_bits]) = one->mean + one->sd * z;
          weight *= bit ? 1 - share : share;
        }
      tile_statistics (value, s, q, k, nq, nk);
      for (int i = 0; i < STATISTICS; i++)
        mean[i] += weight * value[i], square[i] += weight * value[i] * value[i];
    }
  for (int i = 0; i < STATISTICS; i++)
    square[i] -= mean[i] * mean[i];

  CLOSE (mean[SQUARE], qk_score_variance (s), 1e-12);
  CLOSE (qk_tile_mean_variance (s, nq, nk), square[MEAN], 1e-11);
  CLOSE (qk_tile_square_variance (s, nq, nk), square[SQUARE], 1e-11);
  CLOSE (qk_tile_log_kurtosis_variance (s, nq, nk), square[KURTOSIS], 1e-10);
  if (nk > 1)
    {
      CLOSE (mean[ROW], qk_score_row_variance (s), 1e-12);
      CLOSE (qk_tile_row_variance (s, nq, nk), square[ROW], 1e-11);
    }
  if (qk_score_law_known (s))
    {
      CLOSE (mean[ABS], qk_score_abs_mean (s), 1e-12);
      CLOSE (qk_tile_abs_variance (s, nq, nk), square[ABS], 1e-11);
    }
  else
    ck_assert_msg (qk_tile_abs_variance (s, nq, nk) > (1 - 1e-12) * square[ABS],
                   "E|s| over %d x %d at d = %d: %g < %g", nq, nk, d,
                   qk_tile_abs_variance (s, nq, nk), square[ABS]);
}

START_TEST (enumerated_tiles)
{
  static const double skew[2] = { 2, -.5 }, fair[2] = { 1, -1 };
  static const int shape[][3] = { { 1, 1, 2 }, { 1, 3, 2 }, { 3, 1, 2 }, { 2, 2, 2 },
                                  { 2, 3, 2 }, { 3, 2, 2 }, { 2, 2, 3 }, { 3, 4, 1 } };
  for (unsigned i = 0; i < sizeof shape / sizeof *shape; i++)
    {
      int nq = shape[i][0], nk = shape[i][1], d = shape[i][2];
      struct qk_law lean = { .type = &skew_type, .sd = 1 }, shifted = lean;
      shifted.mean = -0.385, shifted.sd = 1.7;
      struct qk_law coin = law ("rademacher"), bent = law ("rademacher:mean=0.71,sd=2");
      struct qk_score s = { .d = d, .q = coin, .k = coin };
      if (d > 1) /* at d = 1 s^2 is constant */
        check_tiles (&s, fair, .5, fair, .5, nq, nk);
      s.k = bent;
      check_tiles (&s, fair, .5, fair, .5, nq, nk);
      s.q = lean;
      check_tiles (&s, skew, .2, fair, .5, nq, nk);
      s.k = lean;
      check_tiles (&s, skew, .2, skew, .2, nq, nk);
      s.q = shifted;
      check_tiles (&s, skew, .2, skew, .2, nq, nk);
      s.q = bent, s.k = shifted;
      check_tiles (&s, fair, .5, skew, .2, nq, nk);
    }
}
END_TEST

/* twin: moments from the raw moments of q k, in MPFR */

enum
{
  BITS = 1200,
  ORDERS = 9
};

static void
mpfr_array_init (mpfr_t *x, int n)
{
  for (int i = 0; i < n; i++)
    mpfr_init2 (x[i], BITS), mpfr_set_zero (x[i], 1);
}

static void
mpfr_array_clear (mpfr_t *x, int n)
{
  for (int i = 0; i < n; i++)
    mpfr_clear (x[i]);
}

/* p *= a + b z, p of degree below n - 1.  */
static void
multiply_linear (mpfr_t *p, int n, mpfr_t a, mpfr_t b)
{
  for (int i = n - 1; i >= 0; i--)
    {
      mpfr_mul (p[i], p[i], a, MPFR_RNDN);
      if (i > 0)
        {
          mpfr_t step;
          mpfr_init2 (step, BITS);
          mpfr_mul (step, p[i - 1], b, MPFR_RNDN);
          mpfr_add (p[i], p[i], step, MPFR_RNDN);
          mpfr_clear (step);
        }
    }
}

/* raw[r] = E (q k)^r for one coordinate, k = (mean + sd rho z) + sd sqrt (1 - rho^2) e.  */
static void
raw_moments_ref (mpfr_t raw[ORDERS], const struct qk_score *s)
{
  mpfr_t p[2 * ORDERS], c[5], term;
  mpfr_init2 (term, BITS);
  mpfr_array_init (p, 2 * ORDERS);
  mpfr_array_init (c, 5);
  mpfr_set_d (c[0], s->q.mean, MPFR_RNDN);
  mpfr_set_d (c[1], s->q.sd, MPFR_RNDN);
  mpfr_set_d (c[2], s->k.mean, MPFR_RNDN);
  mpfr_set_d (c[3], s->rho, MPFR_RNDN);
  mpfr_sqr (c[4], c[3], MPFR_RNDN);
  mpfr_d_sub (c[4], 1, c[4], MPFR_RNDN);
  mpfr_sqrt (c[4], c[4], MPFR_RNDN);
  mpfr_mul_d (c[3], c[3], s->k.sd, MPFR_RNDN);
  mpfr_mul_d (c[4], c[4], s->k.sd, MPFR_RNDN);
  for (unsigned r = 0; r < ORDERS; r++)
    {
      double choose = 1;
      mpfr_set_zero (raw[r], 1);
      for (unsigned t = 0; t <= r; choose = choose * (r - t) / (t + 1), t++)
        {
          for (int i = 1; i < 2 * ORDERS; i++)
            mpfr_set_zero (p[i], 1);
          mpfr_pow_ui (p[0], c[4], t, MPFR_RNDN);
          mpfr_mul_d (p[0], p[0], choose, MPFR_RNDN);
          mpfr_mul_d (p[0], p[0], qk_law_moment (&s->k, t), MPFR_RNDN);
          for (unsigned i = 0; i < r; i++)
            multiply_linear (p, 2 * ORDERS, c[0], c[1]);
          for (unsigned i = t; i < r; i++)
            multiply_linear (p, 2 * ORDERS, c[2], c[3]);
          for (unsigned i = 0; i <= 2 * r; i++)
            {
              mpfr_mul_d (term, p[i], qk_law_moment (&s->q, i), MPFR_RNDN);
              mpfr_add (raw[r], raw[r], term, MPFR_RNDN);
            }
        }
    }
  mpfr_clear (term);
  mpfr_array_clear (c, 5);
  mpfr_array_clear (p, 2 * ORDERS);
}

/* mu[r] = E (s - E s)^r and kappa[r], the cumulants of s.  */
static void
moments_ref (double mu[ORDERS], double kappa[ORDERS], const struct qk_score *s)
{
  mpfr_t raw[ORDERS], cumulant[ORDERS], central[ORDERS], term;
  mpfr_init2 (term, BITS);
  mpfr_array_init (raw, ORDERS);
  mpfr_array_init (cumulant, ORDERS);
  mpfr_array_init (central, ORDERS);
  raw_moments_ref (raw, s);
  mpfr_set_ui (central[0], 1, MPFR_RNDN);
  for (int r = 1; r < ORDERS; r++)
    {
      double choose = 1; /* binomial (r-1, j-1) */
      mpfr_set (cumulant[r], raw[r], MPFR_RNDN);
      for (int j = 1; j < r; choose = choose * (r - j) / j, j++)
        {
          mpfr_mul (term, cumulant[j], raw[r - j], MPFR_RNDN);
          mpfr_mul_d (term, term, choose, MPFR_RNDN);
          mpfr_sub (cumulant[r], cumulant[r], term, MPFR_RNDN);
        }
      choose = r - 1;
      for (int j = 2; j <= r; choose = choose * (r - j) / j, j++)
        {
          mpfr_mul (term, cumulant[j], central[r - j], MPFR_RNDN);
          mpfr_mul_d (term, term, choose * s->d, MPFR_RNDN);
          mpfr_add (central[r], central[r], term, MPFR_RNDN);
        }
      mu[r] = mpfr_get_d (central[r], MPFR_RNDN);
      kappa[r] = s->d * mpfr_get_d (cumulant[r], MPFR_RNDN);
    }
  mpfr_clear (term);
  mpfr_array_clear (central, ORDERS);
  mpfr_array_clear (cumulant, ORDERS);
  mpfr_array_clear (raw, ORDERS);
}

START_TEST (moments_twin)
{
  static const char *const pair[][2] = { { "normal", "laplace" },
                                         { "normal:mean=1e3", "normal:mean=1e3" },
                                         { "normal:mean=1e6,sd=0.3", "uniform:mean=-2.385" },
                                         { "exponential:mean=1e3", "sparse:p=0.1,mean=7" },
                                         { "rademacher:mean=-1e3", "student:nu=40,mean=1e2,sd=5" },
                                         { "laplace:sd=1e-3", "exponential:mean=-1.5,sd=20" } };
  static const double rhos[] = { 0, 0.05, -0.625, 0.99 };
  for (unsigned i = 0; i < sizeof pair / sizeof *pair; i++)
    for (unsigned j = 0; j < sizeof rhos / sizeof *rhos; j++)
      for (double d = 1; d <= 1 << 20; d *= 32)
        {
          struct qk_score s = score (d, pair[i][0], pair[i][1], rhos[j]);
          double mu[ORDERS], kappa[ORDERS];
          moments_ref (mu, kappa, &s);
          CLOSE (qk_score_mean (&s), kappa[1], 1e-15);
          CLOSE (qk_score_variance (&s), kappa[2], 1e-14);
          CLOSE (qk_score_skewness (&s), kappa[3] / pow (kappa[2], 1.5), 1e-12);
          CLOSE (qk_score_excess_kurtosis (&s), kappa[4] / pow (kappa[2], 2), 1e-12);
          double variance = mu[4] - mu[2] * mu[2];
          CLOSE (qk_tile_square_variance (&s, 1, 1), variance, 1e-12);
          double fourth
              = mu[8] - 4 * mu[6] * mu[2] + 6 * mu[4] * mu[2] * mu[2] - 3 * pow (mu[2], 4);
          CLOSE (qk_tile_square_kurtosis (&s, 1, 1) + 3, fourth / (variance * variance), 1e-11);
          for (unsigned r = 2; r < ORDERS; r++)
            {
              double error = qk_score_central_moment (&s, r) - mu[r];
              ck_assert_msg (fabs (error) <= 1e-12
                                                 * pow (mu[r + r % 2 < ORDERS ? r + r % 2 : r],
                                                        r / (double)(r + r % 2)),
                             "%s %s rho %g d %g: moment %u is off by %g of %g", pair[i][0],
                             pair[i][1], rhos[j], d, r, error, mu[r]);
            }
        }
}
END_TEST

/* twin: laws */

/* ln P(s > x) for d = 2m, exp (-x) sum over i < m of c_i x^i / i!, c_i the sum over l < m - i of
   binomial (m-1+l, l) 2^-(m+l); from the last term down, all positive.  */
static double
log_tail_ref (double x, unsigned m)
{
  mpfr_t c, term, power, sum;
  mpfr_inits2 (160, c, term, power, sum, (mpfr_ptr)NULL);
  mpfr_set_zero (sum, 1);
  mpfr_set_zero (c, 1);
  mpfr_set_ui_2exp (term, 1, -(long)m, MPFR_RNDN);
  mpfr_set_d (power, x, MPFR_RNDN); /* power = exp (-x) x^i / i! */
  mpfr_log (power, power, MPFR_RNDN);
  mpfr_mul_ui (power, power, m - 1, MPFR_RNDN);
  mpfr_sub_d (power, power, x, MPFR_RNDN);
  mpfr_t factorial;
  mpfr_init2 (factorial, 160);
  mpfr_set_ui (factorial, m, MPFR_RNDN);
  mpfr_lngamma (factorial, factorial, MPFR_RNDN);
  mpfr_sub (power, power, factorial, MPFR_RNDN);
  mpfr_exp (power, power, MPFR_RNDN);
  for (unsigned i = m; i-- > 0;)
    {
      unsigned l = m - 1 - i;
      mpfr_add (c, c, term, MPFR_RNDN);
      mpfr_fma (sum, c, power, sum, MPFR_RNDN);
      mpfr_mul_ui (term, term, m + l, MPFR_RNDN);
      mpfr_div_ui (term, term, 2 * (l + 1), MPFR_RNDN);
      mpfr_mul_ui (power, power, i, MPFR_RNDN);
      mpfr_div_d (power, power, x, MPFR_RNDN);
    }
  mpfr_log (sum, sum, MPFR_RNDN);
  double value = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (c, term, power, sum, factorial, (mpfr_ptr)NULL);
  return value;
}

START_TEST (tail_twin_even)
{
  static const unsigned half[] = { 1, 2, 3, 4, 7, 16, 61, 500, 2048, 8192, 1 << 19 };
  static const double xs[] = { 1e-9, 0.0123, 0.385, 1, 2.385, 5, 8.3, 20, 37 };
  for (unsigned i = 0; i < sizeof half / sizeof *half; i++)
    for (unsigned j = 0; j < sizeof xs / sizeof *xs; j++)
      {
        double d = 2. * half[i], x = xs[j] * sqrt (d);
        if (half[i] > 10000 && j % 4 != 2)
          continue;
        double exact = log_tail_ref (x, half[i]), error = qk_score_log_tail (x, d) - exact;
        ck_assert_msg (fabs (error) < 1e-12, "d = %g, x = %g: ln P off by %g", d, x, error);
        CLOSE (qk_score_tail (x, d), exp (exact), 1e-12);
      }
}
END_TEST

/* |x|^nu K_nu (|x|) / (sqrt pi Gamma (d/2) 2^nu), nu = (d-1)/2, scaled by exp (from).  */
struct density
{
  double d, from;
};

static double
density (double x, void *parameters)
{
  const struct density *p = parameters;
  double nu = (p->d - 1) / 2;
  return exp (nu * log (x / 2) - lgamma (p->d / 2) - (x - p->from))
         * gsl_sf_bessel_Knu_scaled (nu, x) / sqrt (M_PI);
}

START_TEST (tail_twin_odd)
{
  static const double ds[] = { 1, 3, 5, 9, 33, 101 }, xs[] = { 0.05, 0.385, 1, 2.385, 5, 8, 30 };
  gsl_integration_workspace *space = gsl_integration_workspace_alloc (1000);
  for (unsigned i = 0; i < sizeof ds / sizeof *ds; i++)
    for (unsigned j = 0; j < sizeof xs / sizeof *xs; j++)
      {
        double d = ds[i], x = xs[j] * sqrt (d), integral, error;
        struct density p = { d, x };
        gsl_function f = { density, &p };
        gsl_integration_qagiu (&f, x, 0, 1e-12, 1000, space, &integral, &error);
        double relative = expm1 (qk_score_log_tail (x, d) + x - log (integral));
        ck_assert_msg (fabs (relative) < 5e-12 + error / integral, "d = %g, x = %g: off by %g", d,
                       x, relative);
      }
  gsl_integration_workspace_free (space);
}
END_TEST

/* P(B <= k), B binomial (d, 1/2).  */
static double
binomial_ref (unsigned k, unsigned d)
{
  mpfr_t term, sum;
  mpfr_inits2 (128, term, sum, (mpfr_ptr)NULL);
  mpfr_set_ui_2exp (term, 1, -(long)d, MPFR_RNDN);
  mpfr_set (sum, term, MPFR_RNDN);
  for (unsigned j = 1; j <= k; j++)
    {
      mpfr_mul_ui (term, term, d - j + 1, MPFR_RNDN);
      mpfr_div_ui (term, term, j, MPFR_RNDN);
      mpfr_add (sum, sum, term, MPFR_RNDN);
    }
  double value = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (term, sum, (mpfr_ptr)NULL);
  return value;
}

START_TEST (lattice_twin)
{
  static const unsigned ds[] = { 1, 2, 3, 17, 64, 1001, 65536, 1 << 20 };
  static const double zs[] = { -9.3, -3.1, -1, -0.02, 0.4, 2.2 };
  for (unsigned i = 0; i < sizeof ds / sizeof *ds; i++)
    for (unsigned j = 0; j < sizeof zs / sizeof *zs; j++)
      {
        unsigned d = ds[i];
        double k = round ((d + zs[j] * sqrt (d)) / 2);
        if (k < 0 || k > d || (d > 100000 && j % 2))
          continue;
        struct qk_score s = score (d, "rademacher:sd=0.1", "rademacher:sd=0.3", 0);
        double exact = binomial_ref ((unsigned)k, d), x = (2 * k - d) * 0.03;
        CLOSE (qk_score_cdf (&s, x), exact, 1e-12);
        CLOSE (1 - qk_score_cdf_below (&s, -x), exact, exact < 1e-3 ? 1e-12 / exact : 1e-12);
      }
}
END_TEST

/* m = E ||x|| = sqrt 2 Gamma ((d+1)/2) / Gamma (d/2), v = Var ||x|| = d - m^2, and of the central
   moment of order four, d (d+2) - 4 m^2 (d+1) + 6 m^2 d - 3 m^4, what it is over v^2, less 1.  */
static void
norm_ref (double *mean, double *variance, double *spread, unsigned d)
{
  mpfr_t a, b, c;
  int sign;
  mpfr_inits2 (300, a, b, c, (mpfr_ptr)NULL);
  mpfr_set_ui_2exp (a, d + 1, -1, MPFR_RNDN);
  mpfr_lgamma (a, &sign, a, MPFR_RNDN);
  mpfr_set_ui_2exp (b, d, -1, MPFR_RNDN);
  mpfr_lgamma (b, &sign, b, MPFR_RNDN);
  mpfr_sub (a, a, b, MPFR_RNDN);
  mpfr_exp (a, a, MPFR_RNDN);
  mpfr_sqr (a, a, MPFR_RNDN);
  mpfr_mul_2ui (a, a, 1, MPFR_RNDN);
  mpfr_sqrt (b, a, MPFR_RNDN);
  *mean = mpfr_get_d (b, MPFR_RNDN);
  mpfr_mul_ui (b, a, 3, MPFR_RNDN);
  mpfr_si_sub (b, 2 * (long)d - 4, b, MPFR_RNDN);
  mpfr_mul (b, b, a, MPFR_RNDN);
  mpfr_set_ui (c, d, MPFR_RNDN);
  mpfr_mul_ui (c, c, d + 2, MPFR_RNDN);
  mpfr_add (b, b, c, MPFR_RNDN);
  mpfr_ui_sub (a, d, a, MPFR_RNDN);
  *variance = mpfr_get_d (a, MPFR_RNDN);
  mpfr_sqr (a, a, MPFR_RNDN);
  mpfr_div (b, b, a, MPFR_RNDN);
  *spread = mpfr_get_d (b, MPFR_RNDN) - 1;
  mpfr_clears (a, b, c, (mpfr_ptr)NULL);
}

START_TEST (abs_mean_twin)
{
  for (unsigned d = 1; d <= 1 << 20; d += d < 150 ? 1 : d)
    {
      struct qk_score s = score (d, "normal", "normal", 0);
      double mean, variance, spread;
      norm_ref (&mean, &variance, &spread, d);
      CLOSE (qk_score_abs_mean (&s), sqrt (M_2_PI) * mean, 1e-14);
      /* What 2^100 keys leave of the variance is the query's share.  */
      CLOSE (qk_tile_abs_variance (&s, 1, 0x1p100), M_2_PI * variance, 5e-13);
      /* A fair walk of 2m steps is at a distance of E |s| at d = 2m on the average.  */
      s = score (d, "rademacher", "rademacher", 0);
      norm_ref (&mean, &variance, &spread, d + d % 2);
      CLOSE (qk_score_abs_mean (&s), sqrt (M_2_PI) * mean, 1e-14);
    }
}
END_TEST

START_TEST (norm_twin)
{
  for (unsigned d = 1; d <= 1 << 20; d += d < 150 ? 1 : d)
    {
      struct qk_score s = score (d, "normal:sd=2.385", "normal", 0);
      double mean, variance, spread;
      norm_ref (&mean, &variance, &spread, d);
      CLOSE (qk_norm_mean (&s.q, d), 2.385 * mean, 1e-14);
      CLOSE (qk_norm_variance (&s.q, d), 2.385 * 2.385 * variance, 5e-13);
      CLOSE (qk_norm_variance_spread (&s.q, d), spread, 2e-12 * d);
      CLOSE (qk_norm_square_spread (&s.q, d), 2. / d, 1e-14);
      CLOSE (qk_norm_square_kurtosis (&s.q, d), 12. / d, 1e-13);
    }
}
END_TEST

/* laws */

START_TEST (cdf_laws)
{
  for (double d = 1; d <= 5000; d *= 3)
    for (int i = 0; i < 2; i++)
      {
        const char *name = i ? "rademacher:sd=3" : "normal:sd=3";
        struct qk_score s = score (d, name, name, 0);
        double last = 0;
        for (double x = -6; x < 6; x += 0.0385)
          {
            double y = 9 * x * sqrt (d), f = qk_score_cdf (&s, y);
            ck_assert_msg (f >= last && f <= 1, "%s, d = %g: %g after %g", name, d, f, last);
            ck_assert (qk_score_cdf_below (&s, y) <= f);
            ck_assert_double_eq_tol (f + qk_score_cdf_below (&s, -y), 1, 1e-13);
            last = f;
          }
      }
  /* In its own unit the tail is below the normal's within 1.7 and above it far out, and falls with
     d there: odd d too lie between their neighbours.  */
  for (double d = 1; d < 3000; d += 1 + floor (d / 2))
    {
      ck_assert (qk_score_tail (6 * sqrt (d), d) > qk_score_tail (6 * sqrt (d + 1), d + 1));
      ck_assert (qk_score_tail (sqrt (d), d) < qk_score_tail (sqrt (d + 1), d + 1));
    }
}
END_TEST

START_TEST (moment_laws)
{
  struct qk_score s = score (6, "exponential:mean=0.7", "laplace:mean=-1.3,sd=2", 0), t = s;
  t.q = s.k, t.k = s.q; /* s is symmetric in q and k, and so are its tiles, transposed */
  for (unsigned r = 2; r <= 8; r++)
    CLOSE (qk_score_central_moment (&t, r), qk_score_central_moment (&s, r), 1e-12);
  CLOSE (qk_tile_mean_variance (&t, 3, 8), qk_tile_mean_variance (&s, 8, 3), 1e-14);
  CLOSE (qk_tile_square_variance (&t, 3, 8), qk_tile_square_variance (&s, 8, 3), 1e-13);
  CLOSE (qk_tile_square_kurtosis (&t, 3, 8), qk_tile_square_kurtosis (&s, 8, 3), 1e-12);
  CLOSE (qk_tile_abs_variance (&t, 3, 8), qk_tile_abs_variance (&s, 8, 3), 1e-13);
  CLOSE (qk_tile_log_kurtosis_variance (&t, 3, 8), qk_tile_log_kurtosis_variance (&s, 8, 3), 1e-11);

  t = s, t.q.sd *= 3, t.q.mean *= 3; /* all of it scales */
  CLOSE (qk_score_variance (&t), 9 * qk_score_variance (&s), 1e-14);
  CLOSE (qk_score_skewness (&t), qk_score_skewness (&s), 1e-13);
  CLOSE (qk_tile_square_variance (&t, 3, 8), 81 * qk_tile_square_variance (&s, 3, 8), 1e-13);
  CLOSE (qk_tile_row_variance (&t, 3, 8), 81 * qk_tile_row_variance (&s, 3, 8), 1e-13);
  CLOSE (qk_tile_log_kurtosis_variance (&t, 3, 8), qk_tile_log_kurtosis_variance (&s, 3, 8), 1e-11);

  t = s, t.d = 2 * s.d; /* of a sum of independent parts, variance and third moment add */
  CLOSE (qk_score_central_moment (&t, 3), 2 * qk_score_central_moment (&s, 3), 1e-14);
  double variance = qk_score_variance (&s);
  CLOSE (qk_score_central_moment (&t, 4),
         2 * qk_score_central_moment (&s, 4) + 6 * variance * variance, 1e-14);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("theory");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  gsl_set_error_handler_off ();

  tcase_add_test (exact, moments_of_centred_laws);
  tcase_add_test (exact, moments_of_shifted_laws);
  tcase_add_test (exact, moments_of_correlated_normals);
  tcase_add_test (exact, tile_of_squares);
  tcase_add_test (exact, tails);
  tcase_add_test (exact, distance_from_normal);
  tcase_add_test (exact, lattice);
  tcase_add_test (exact, absolute_means);
  tcase_add_test (exact, tile_of_absolute_values);
  tcase_add_test (exact, examples);
  suite_add_tcase (suite, exact);

  tcase_add_test (edges, diverging_moments);
  tcase_add_test (edges, unknown_values);
  tcase_add_test (edges, no_spread);
  tcase_add_test (edges, extreme_tails);
  suite_add_tcase (suite, edges);

  tcase_add_test (twin, enumerated_tiles);
  tcase_add_test (twin, moments_twin);
  tcase_add_test (twin, tail_twin_even);
  tcase_add_test (twin, tail_twin_odd);
  tcase_add_test (twin, lattice_twin);
  tcase_add_test (twin, abs_mean_twin);
  tcase_add_test (twin, norm_twin);
  suite_add_tcase (suite, twin);

  tcase_add_test (laws, cdf_laws);
  tcase_add_test (laws, moment_laws);
  suite_add_tcase (suite, laws);
  return run (suite);
}
