/* t-overflow.c -- tests of the exact probabilities of overflow.  */

#include "../src/overflow.h"
#include "../src/theory.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <complex.h>
#include <math.h>

static const struct qk_float_format *const half = &qk_float_formats[QK_BINARY16];

/* High-entropy values from lo to hi.  */
static double
between (double lo, double hi, uint64_t *state)
{
  return lo + (hi - lo) * ((double)(next (state) >> 11) + 0.5) * 0x1p-53;
}

/* exact */

START_TEST (limits)
{
  static const double limit[QK_FLOATS] = { [QK_BINARY64] = 709.78271289338399680,
                                           [QK_BINARY32] = 88.722839081870676774,
                                           [QK_BINARY16] = 11.090110718526951036,
                                           [QK_BFLOAT16] = 88.720884076837196255 };
  for (int f = 0; f < QK_FLOATS; f++)
    {
      double x = qk_overflow_log_limit (&qk_float_formats[f]);
      ck_assert_msg (fabs (x / limit[f] - 1) < 1e-13, "%s: %.15g", qk_float_formats[f].name, x);
    }
  ck_assert (fabs (qk_overflow_log_limit (half) - log (65520)) < 1e-14);
}
END_TEST

/* Of single scores from the finite sum for even d, in exact arithmetic; of the largest from two
   trapezoids of 20 digits; to the digits given.  */
START_TEST (known_values)
{
  static const struct
  {
    double d, n, t, value, digits;
    enum
    {
      SCORE,
      MAX
    } of;
  } rows[] = {
    { 64, 1, 65504, -28341.96489777054697, 15, SCORE },
    { 512, 1, 65504, -27800.94715884219825, 15, SCORE },
    { 4096, 1, 65504, -25082.33624479876315, 14, SCORE },
    { 16384, 1, 65504, -19740.70094529008452, 14, SCORE },
    { 64, 1, 65520, -28348.91032223335986, 15, SCORE },
    { 4096, 1, 65520, -25089.07123197065688, 14, SCORE },
    { 64, 64, 11.089866488461016076, -0.0038831764998572683, 13,
      MAX },                                                      /* ln 65504: .991098510623055 */
    { 512, 64, 88.72283905206835, -2.5091018315278483, 14, MAX }, /* .0030966931146181592 */
    { 512, 4096, 709.782712893384, -139.29125779402071, 11, MAX },
    { 64, 1, 88.72283905206835, -19.154275970252549, 15, MAX },
    { 128, 1, 88.72283905206835, -12.632512016458577, 15, MAX },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      struct qk_overflow o = { rows[i].d, 1, false, rows[i].n };
      double x = rows[i].of == SCORE ? qk_overflow_log_score (&o, rows[i].t)
                                     : qk_overflow_log_max (&o, rows[i].t);
      x /= M_LN10;
      ck_assert_msg (fabs (x / rows[i].value - 1) < pow (10, 1 - rows[i].digits),
                     "d = %g, n = %g, t = %g: %.17g", o.d, o.n, rows[i].t, x);
    }
}
END_TEST

/* What is said of binary16 and binary32.  */
START_TEST (formats)
{
  double limit = qk_overflow_log_limit (half);
  double wide = qk_overflow_log_limit (&qk_float_formats[QK_BINARY32]);
  struct qk_overflow o = { 64, 1, false, 64 }, long_keys = { 1024, 1, false, 64 };
  double largest = exp (qk_overflow_log_max (&o, limit));
  double short_of = exp (qk_overflow_log_max (&o, log (65504)));
  ck_assert_msg (fabs (largest - 0.991096064) < 1e-9, "%.12g", largest);
  ck_assert_msg (fabs (short_of - 0.99109851062305502) < 1e-14, "%.17g", short_of);
  double sum = qk_overflow_sum (&o, limit);
  ck_assert_msg (fabs (sum - 0.996888148553) < 2e-12, "%.15g", sum);
  double x = exp (qk_overflow_log_max (&long_keys, wide));
  ck_assert_msg (fabs (x - 0.1642) < 5e-5, "%.12g", x);
}
END_TEST

/* Signs: ||q||^2 = d, and one score is a normal value.  */
START_TEST (signs)
{
  struct qk_overflow o = { 23, 0.71, true, 17 };
  double sigma = 0.71 * sqrt (23), p = erfc (6.4 / sigma * M_SQRT1_2) / 2;
  ck_assert (fabs (qk_overflow_log_max (&o, 6.4) - log (1 - pow (1 - p, 17))) < 1e-13);
  ck_assert (fabs (qk_overflow_log_score (&o, 6.4) - log (1 - pow (1 - 2 * p, 17))) < 1e-13);
}
END_TEST

/* edges */

/* Far beyond binary64, and where nothing overflows: logarithms stay finite, probabilities 0.  */
START_TEST (far_away)
{
  for (double d = 1; d <= 0x1p20; d *= 1024)
    for (double deviation = 1e-4; deviation <= 1e4; deviation *= 100)
      {
        struct qk_overflow o = { d, deviation, false, 1e6 };
        double last = 0;
        for (double t = 1e3; t < 1e300; t *= 1e9)
          {
            double x = qk_overflow_log_score (&o, t);
            ck_assert_msg (isfinite (x) && x <= last, "d = %g, deviation %g, t = %g: %g", d,
                           deviation, t, x);
            last = x;
          }
        /* Where one rule takes over from another.  */
        double below = qk_overflow_log_score (&o, 0.999999e12 * deviation);
        double above = qk_overflow_log_score (&o, 1.000001e12 * deviation);
        ck_assert_msg (above < below && above - below > -3e-6 * fabs (below), "%g: %.10g %.10g", d,
                       below, above);
      }
  /* There no two of n scores are, and their probabilities add up: seen where the logarithm of one
     is smallest, at d = 1.  */
  for (double n = 1; n <= 0x1p20; n *= 32)
    {
      struct qk_overflow one = { 1, 0.731, false, 1 }, many = { 1, 0.731, false, n };
      double more = qk_overflow_log_score (&many, 1e12) - qk_overflow_log_score (&one, 1e12);
      ck_assert_msg (fabs (more - log (n)) < 0.01, "n = %g: %g more than of one", n, more);
    }
  for (int f = 0; f < QK_FLOATS; f++)
    {
      struct qk_overflow o = { 64, 0.125, false, 64 };
      double p = qk_overflow_sum (&o, qk_overflow_log_limit (&qk_float_formats[f]));
      ck_assert_msg (p >= 0 && p < 1e-15, "%s: %g", qk_float_formats[f].name, p);
    }
}
END_TEST

START_TEST (one_key)
{
  static const double d[] = { 1, 7, 64, 1000 };
  for (size_t i = 0; i < 4; i++)
    {
      struct qk_overflow o = { d[i], 2.385, false, 1 };
      double sum = qk_overflow_sum (&o, 11.3), one = exp (qk_overflow_log_max (&o, 11.3));
      ck_assert_msg (fabs (sum - one) < 1e-14 && sum > 1e-3, "d = %g: %.17g, %.17g", d[i], sum,
                     one);
      ck_assert (fabs (one - qk_score_tail (11.3 / 2.385, d[i])) < 1e-13);
    }
}
END_TEST

/* twin */

/* P(s > x) = e^-x sum over i < m of c_i x^i / i!, c_i = sum over l < m - i of C(m-1+l, l) 2^-(m+l),
   d = 2 m; its logarithm, in long double.  */
static long double
even_log_tail (unsigned m, long double x)
{
  long double prefix[512], term = powl (2, -(long double)m), sum = 0, total = 0, peak = -INFINITY;
  for (unsigned l = 0; l < m; l++)
    {
      prefix[l] = sum += term;
      term *= (long double)(m + l) / (l + 1) / 2;
    }
  for (int pass = 0; pass < 2; pass++)
    for (unsigned i = 0; i < m; i++)
      {
        long double t = logl (prefix[m - 1 - i]) + i * logl (x) - lgammal (i + 1);
        if (pass == 0)
          peak = fmaxl (peak, t);
        else
          total += expl (t - peak);
      }
  return peak + logl (total) - x;
}

START_TEST (scores_from_the_finite_sum)
{
  uint64_t state = 0x0f10;
  for (int i = 0; i < 200 * effort (); i++)
    {
      unsigned m = 1 + (unsigned)(next (&state) % 500);
      double deviation = exp (between (-3, 5, &state)),
             t = deviation * exp (between (2, 12, &state));
      struct qk_overflow o = { 2 * m, deviation, false, 1 };
      double expected = (double)(even_log_tail (m, (long double)t / deviation)), x;
      x = qk_overflow_log_max (&o, t);
      ck_assert_msg (fabs (x - expected) <= 1e-12 * fmax (1, fabs (expected)),
                     "m = %u, deviation %.17g, t = %.17g: %.17g, not %.17g", m, deviation, t, x,
                     expected);
    }
}
END_TEST

/* The density of a normal score's exponential over e^log_t, and its tail.  */
static double
density (double x, double sigma, double log_t)
{
  double z = (log (x) + log_t) / sigma;
  return exp (-z * z / 2) / (sqrt (2 * M_PI) * sigma * x);
}

static double
tail (double x, double sigma, double log_t)
{
  return erfc ((log (x) + log_t) / sigma * M_SQRT1_2) / 2;
}

/* P(X + Y >= 1) for two independent values below 1 where the other is known: trapezoid in the logit
   of x, on nodes that mirror those of 1 - x.  */
enum
{
  SIDE = 500
};
static const double LOGIT_STEP = 0.16;

static double
logistic (int i)
{
  return 1 / (1 + exp (-i * LOGIT_STEP));
}

/* Tail and density of the sum of two, at x <= 1.  */
static void
add_two (double *above, double *dense, double x, double sigma, double log_t)
{
  *above = tail (x, sigma, log_t);
  *dense = 0;
  for (int i = -SIDE; i <= SIDE; i++)
    {
      double y = x * logistic (i), rest = x * logistic (-i),
             weight = y * logistic (-i) * LOGIT_STEP;
      double f = density (y, sigma, log_t);
      *above += weight * f * tail (rest, sigma, log_t);
      *dense += weight * f * density (rest, sigma, log_t);
    }
}

/* Sums of 2 and of 4 by convolution, where no transform occurs.  */
START_TEST (sums_by_convolution)
{
  static const double sigmas[] = { 0.9, 2.385, 6.1, 9 },
                      log_ts[] = { 11.0901, 14.3, 11.0901, 13.2 };
  for (size_t i = 0; i < 4; i++)
    {
      double sigma = sigmas[i], log_t = log_ts[i], two, four, dense;
      add_two (&two, &dense, 1, sigma, log_t);
      four = two;
      for (int k = -SIDE; k <= SIDE; k++)
        {
          double above, mirrored, f, unused;
          add_two (&above, &unused, logistic (-k), sigma, log_t);
          add_two (&mirrored, &f, logistic (k), sigma, log_t);
          four += f * above * logistic (k) * logistic (-k) * LOGIT_STEP;
        }
      struct qk_overflow o = { 1, sigma, true, 2 };
      double x = qk_overflow_sum (&o, log_t);
      ck_assert_msg (fabs (x - two) < 1e-12, "sigma %g, log_t %g: 2: %.17g, not %.17g", sigma,
                     log_t, x, two);
      o.n = 4;
      x = qk_overflow_sum (&o, log_t);
      ck_assert_msg (fabs (x - four) < 1e-12, "sigma %g, log_t %g: 4: %.17g, not %.17g", sigma,
                     log_t, x, four);
    }
}
END_TEST

/* P(S < 1) along a vertical line, with plain trapezoids over a normal variable.  */
static double
below_one (double sigma, double n, double log_t)
{
  const double c = 3, h = 0.5, step = 0.03 / sigma;
  double sum = 0;
  for (double i = 0; i < 200000; i++)
    {
      double complex t = c + I * i * h, phi = 0;
      for (double z = -9; z <= 9; z += step)
        phi += exp (-z * z / 2) * cexp (-t * exp (sigma * z - log_t));
      double complex f = cexp (t + n * clog (phi * step / sqrt (2 * M_PI))) / t;
      sum += creal (f) * (i == 0 ? 0.5 : 1);
      if (cabs (f) < 1e-15)
        break;
    }
  return sum * h / M_PI;
}

START_TEST (sums_along_a_line)
{
  static const double rows[][3] /* sigma, n, log_t */ = { { 1.7, 16384, 11.0901 },
                                                          { 1.6, 16384, 11.0901 },
                                                          { 0.677, 52000, 11.0901 } };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      struct qk_overflow o = { 1, rows[i][0], true, rows[i][1] };
      double expected = 1 - below_one (rows[i][0], rows[i][1], rows[i][2]);
      double x = qk_overflow_sum (&o, rows[i][2]);
      ck_assert_msg (fabs (x - expected) < 1e-11 && x > 1e-4 && x < 0.9999,
                     "sigma %g, n = %g: %.17g, not %.17g", rows[i][0], rows[i][1], x, expected);
    }
}
END_TEST

/* The mixture over the norm, of the sum, by a plain trapezoid over ln r against the chi density. */
START_TEST (mixture)
{
  static const double rows[][3] /* d, n, deviation */
      = { { 3, 20, 2.1 }, { 1, 16384, 1.3 }, { 64, 64, 1 } };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      struct qk_overflow o = { rows[i][0], rows[i][2], false, rows[i][1] };
      double d = o.d, sum = 0, weight = 0, step = i == 1 ? 0.01 : 0.04;
      for (double l = -30; l < 4; l += step)
        {
          double r = exp (l), w = exp (d * l - r * r / 2 - d / 2 * log (d));
          if (w < 1e-13 * exp (-d / 2))
            continue;
          struct qk_overflow fixed = { 1, o.deviation * r, true, o.n };
          weight += w;
          sum += w * qk_overflow_sum (&fixed, 11.0901);
        }
      double x = qk_overflow_sum (&o, 11.0901);
      ck_assert_msg (fabs (x - sum / weight) < 1e-10, "d = %g, n = %g: %.15g, not %.15g", d, o.n, x,
                     sum / weight);
    }
}
END_TEST

/* laws */

START_TEST (order)
{
  uint64_t state = 0x51ed;
  for (int i = 0; i < 14 * effort (); i++)
    {
      struct qk_overflow o
          = { floor (exp (between (0, 7, &state))), exp (between (-2, 1.5, &state)), false,
              floor (exp (between (0, 9, &state))) };
      double log_t = i % 2 ? 11.0901 : 88.7228, sum = qk_overflow_sum (&o, log_t);
      double least = exp (qk_overflow_log_max (&o, log_t));
      double most = exp (qk_overflow_log_max (&o, log_t - log (o.n)));
      ck_assert_msg (sum >= least * (1 - 1e-12) && sum <= most * (1 + 1e-12),
                     "d = %g, deviation %.17g, n = %g: %g not in %g %g", o.d, o.deviation, o.n, sum,
                     least, most);
      struct qk_overflow more = { o.d, o.deviation * 1.1, false, o.n + 1 };
      ck_assert (qk_overflow_sum (&more, log_t) >= sum * (1 - 1e-12));
      ck_assert (qk_overflow_log_score (&more, 65520) > qk_overflow_log_score (&o, 65520));
      /* Scores and threshold in the same unit.  */
      struct qk_overflow unit = { o.d, 1, false, o.n };
      double x = qk_overflow_log_score (&o, 65520);
      ck_assert (fabs (qk_overflow_log_score (&unit, 65520 / o.deviation) - x)
                 <= 1e-13 * fmax (1, fabs (x)));
    }
}
END_TEST

START_TEST (deviation_inverts)
{
  static const double chances[] = { 0.01, 0.5, 0.99 }, ends[] = { 65520, 3.4028235677973366e38 };
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 2; j++)
      {
        struct qk_overflow o = { 64, 1, i == 2, 64 };
        o.deviation = qk_overflow_deviation (&o, ends[j], chances[i]);
        double p = exp (qk_overflow_log_score (&o, ends[j]));
        ck_assert_msg (fabs (p / chances[i] - 1) < 1e-8, "%g: %.15g", chances[i], p);
      }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("overflow");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *of_all = tcase_create ("laws");
  tcase_add_test (exact, limits);
  tcase_add_test (exact, known_values);
  tcase_add_test (exact, formats);
  tcase_add_test (exact, signs);
  tcase_add_test (edges, far_away);
  tcase_add_test (edges, one_key);
  tcase_add_test (twin, scores_from_the_finite_sum);
  tcase_add_test (twin, sums_by_convolution);
  tcase_add_test (twin, sums_along_a_line);
  tcase_add_test (twin, mixture);
  tcase_add_test (of_all, order);
  tcase_add_test (of_all, deviation_inverts);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, of_all);
  return run (suite);
}
