/* t-enclose.c -- enclosures: known answers, samples without spread, calibration on whole tables.

   Calibration draws tables of n blocks, with replacement, from a large population of simulated
   blocks: the truth is then a mean over the population, known exactly, for every law and quantity.
   QK_TEST_EFFORT = 20 makes it 10^5 tables from populations of 80000 blocks (a tenth of both for
   kurtosis and large d).

   Statistical checks ask for the probability of the count of misses, were the true rate just
   acceptable: below RARE they fail.  There are fewer than 1000 of them: false alarms below 1e-7. */

#include "enclose.h"
#include "support.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double RARE = 1e-10;

static const struct qk_band LINE = { -INFINITY, INFINITY };

static struct qk_enclosure
mean_of (const double *x, size_t n, double miss, struct qk_band support)
{
  struct qk_enclosure e;
  qk_enclose_mean (&e, x, n, 1, miss, support);
  return e;
}

static bool
covers (struct qk_enclosure e, double truth)
{
  return e.lo <= truth && truth <= e.hi;
}

/* Relative comparison, which a NaN does not pass.  */
#define CLOSE(a, b, tol) ck_assert_double_le (fabs ((a) - (b)), (tol)*fabs (b))

/* ---- exact ---- */

/* t quantiles at .975: 3 and 4 degrees of freedom, from their closed forms.  */
static const double T3 = 3.182446305284263, T4 = 2.7764451051977987;

START_TEST (exact_mean)
{
  /* Skewness 0.75, kurtosis 1.3125 - 3, deviation 2 for {0, 0, 0, 4}, here scaled and shifted.  */
  const double x[] = { 2.385, 2.385, 2.385, 2.385 + 4 * 0.7 };
  struct qk_enclosure e = mean_of (x, 4, 0.05, LINE);
  double t2 = T3 * T3;
  double wider = 1 + (0.5625 / 18 * (t2 * t2 + 2 * t2 - 3) + 1.6875 / 12 * (t2 - 3)) / 4;
  CLOSE (e.estimate, 2.385 + 0.7, 1e-15);
  CLOSE (e.std_error, 0.7, 1e-14);
  CLOSE (e.hi - e.estimate, 0.7 * T3 * wider, 2e-12);
  CLOSE (e.estimate - e.lo, 0.7 * T3 * wider, 2e-12);
}
END_TEST

START_TEST (exact_mean_heavy_tails)
{
  /* Symmetric with kurtosis above 3: Student's t would do with less and is not narrowed.  */
  double x[51] = { [7] = -1.75, [31] = 1.75 };
  struct qk_enclosure e = mean_of (x, 51, 0.05, LINE);
  double error = 1.75 * sqrt (2. / 50 / 51);
  CLOSE (e.std_error, error, 1e-14);
  CLOSE (e.hi, error * 2.008559112100761, 1e-13);
  CLOSE (e.lo, -error * 2.008559112100761, 1e-13);
}
END_TEST

START_TEST (exact_stride)
{
  const double table[] = { 1.5, -9, 7, 2.25, 80, 7, 4.75, -9, 7, 3.5, 1e9, 7 };
  const double column[] = { 1.5, 2.25, 4.75, 3.5 };
  struct qk_enclosure e, f = mean_of (column, 4, 0.01, LINE);
  qk_enclose_mean (&e, table, 4, 3, 0.01, LINE);
  ck_assert_mem_eq (&e, &f, sizeof e);
}
END_TEST

START_TEST (exact_smooth)
{
  /* The difference of two columns, with weights, against the column of differences.  */
  const double table[] = { 1.5, 0.3, 2, 2.25, 0.1, 7, 4.75, -0.9, 1, 3.5, 0.4, 3, 2.5, 1.25, 4 };
  double column[5];
  for (int i = 0; i < 5; i++)
    column[i] = 0.7 * table[3 * i + 2] - 1.3 * table[3 * i];
  struct qk_enclosure e, f = mean_of (column, 5, 0.05, LINE);
  qk_enclose_smooth (&e, 2.385, table, 5, 3, (size_t[]){ 2, 0 }, (double[]){ 0.7, -1.3 }, 2, 0.05);
  CLOSE (e.estimate, 2.385, 0);
  CLOSE (e.std_error, f.std_error, 1e-14);
  CLOSE (e.hi - 2.385, f.hi - f.estimate, 1e-13);
  CLOSE (2.385 - e.lo, f.hi - f.estimate, 1e-13);
}
END_TEST

START_TEST (exact_slope)
{
  /* y = 0.3 x^1.7 at 2 and 8; errors .01 and .02 of y, 2 degrees of freedom each.  Welch: V = 5e-4
     over squares 8.5e-8, 2.9411764705882355 degrees of freedom.  */
  const double x[] = { 2, 8 }, df[] = { 2, 2 };
  struct qk_enclosure e, y[2];
  for (int i = 0; i < 2; i++)
    {
      y[i].estimate = 0.3 * pow (x[i], 1.7);
      y[i].std_error = 0.01 * (i + 1) * y[i].estimate;
      y[i].lo = 0.9 * y[i].estimate;
      y[i].hi = 1.1 * y[i].estimate;
    }
  qk_enclose_slope (&e, x, y, df, 2, 0.05);
  double error = sqrt (0.0005) / log (4);
  CLOSE (e.estimate, 1.7, 1e-14);
  CLOSE (e.std_error, error, 1e-13);
  CLOSE (e.hi - e.estimate, error * gsl_cdf_tdist_Qinv (0.025, 2.9411764705882355), 1e-12);
  CLOSE (e.estimate - e.lo, e.hi - e.estimate, 1e-12);

  /* Equal errors at 2 and 8 pool their degrees of freedom: 4.  */
  y[1].std_error = 0.01 * y[1].estimate;
  qk_enclose_slope (&e, x, y, df, 2, 0.05);
  CLOSE (e.hi - e.estimate, T4 * sqrt (0.0002) / log (4), 1e-12);

  /* Least squares of ln y = 0, 0, 3 at ln x = 0, 1, 2 times ln 2.  */
  const double x3[] = { 1, 2, 4 }, df3[] = { 127, 127, 127 };
  const struct qk_enclosure y3[] = { { 1, 0, 1, 1 }, { 1, 0.5, 0, 2 }, { 8, 0.8, 7, 9 } };
  qk_enclose_slope (&e, x3, y3, df3, 3, 0.05);
  CLOSE (e.estimate, 1.5, 1e-14);
  /* The middle has no weight; the first is known exactly.  */
  CLOSE (e.std_error, 0.1 / (2 * log (2)), 1e-13);
}
END_TEST

START_TEST (exact_distance)
{
  struct qk_enclosure e;
  qk_enclose_distance (&e, 0.0625, 0.002, 1000, 0.05);
  CLOSE (e.estimate, 0.0625, 0);
  ck_assert_double_nan (e.std_error);
  CLOSE (e.lo, 0.0625 - 0.04294694083467376, 1e-13);
  CLOSE (e.hi, 0.0625 + 0.002 + 0.04294694083467376, 1e-13);
}
END_TEST

START_TEST (exact_proportion)
{
  /* No event among n: 1 - (miss/2)^(1/n).  One among two: the ends solve x^2 - 2 x + miss/2 = 0 and
     x^2 = 1 - miss/2.  */
  struct qk_enclosure e;
  qk_enclose_proportion (&e, 0, 40, 0.05);
  ck_assert (e.estimate == 0 && isnan (e.std_error) && e.lo == 0);
  CLOSE (e.hi, 1 - pow (0.025, 1. / 40), 1e-13);
  qk_enclose_proportion (&e, 40, 40, 0.05);
  ck_assert (e.estimate == 1 && isnan (e.std_error) && e.hi == 1);
  CLOSE (e.lo, pow (0.025, 1. / 40), 1e-13);
  qk_enclose_proportion (&e, 1, 2, 0.0625);
  CLOSE (e.lo, 1 - sqrt (1 - 0.03125), 1e-12);
  CLOSE (e.hi, sqrt (1 - 0.03125), 1e-13);
  qk_enclose_proportion (&e, 30, 120, 0.01);
  CLOSE (e.estimate, 0.25, 0);
  CLOSE (e.std_error, sqrt (0.25 * 0.75 / 120), 1e-15);
}
END_TEST

START_TEST (exact_quantile)
{
  /* Of 8 values the whole range misses the median with probability 2^-7; the 2nd and the 7th with
     18/256.  The columns beside them do not count.  */
  const double x[] = { 7.25, -1, 99, -99, 2.385, 3.5, 99, -99, 0, -8, 99, -99, 5, 1e-3, 99, -99 };
  struct qk_enclosure e;
  qk_enclose_quantile (&e, x, 4, 2, 4, 0.5, 18.01 / 256);
  CLOSE (e.estimate, (0.001 + 2.385) / 2, 1e-15);
  ck_assert_double_nan (e.std_error);
  ck_assert (e.lo == -1 && e.hi == 5);
  qk_enclose_quantile (&e, x, 4, 2, 4, 0.5, 17.99 / 256);
  ck_assert (e.lo == -8 && e.hi == 7.25);
  qk_enclose_quantile (&e, x, 4, 2, 4, 0.5, 1.9 / 256);
  ck_assert (e.lo == -INFINITY && e.hi == INFINITY);
  CLOSE (e.estimate, (0.001 + 2.385) / 2, 1e-15);

  /* Below the first decile: P(K = 0) = .9^8 = .43, so nothing; above it the 4th of 8 at 1 %.  */
  qk_enclose_quantile (&e, x, 4, 2, 4, 0.1, 0.02);
  ck_assert (e.estimate == -8 && e.lo == -INFINITY && e.hi == 0.001);
  qk_enclose_quantile (&e, x, 4, 2, 4, 0.9, 0.02);
  ck_assert (e.estimate == 7.25 && e.lo == 2.385 && e.hi == INFINITY);
}
END_TEST

START_TEST (exact_no_spread)
{
  /* miss = 2^-4 and n = 5: a value differs with probability at most 1/2.  */
  const double x[] = { 2.5, 2.5, 2.5, 2.5, 2.5 };
  struct qk_enclosure e = mean_of (x, 5, 0.0625, (struct qk_band){ 1, 6 });
  CLOSE (e.estimate, 2.5, 0);
  ck_assert_double_eq (e.std_error, 0);
  CLOSE (e.lo, 1.75, 1e-15);
  CLOSE (e.hi, 4.25, 1e-15);
}
END_TEST

START_TEST (exact_plans)
{
  CLOSE (qk_round_miss (0.02, 1), 0.018, 1e-15);
  CLOSE (qk_round_miss (0.02, 2), 0.0018, 1e-15);
  CLOSE (qk_round_miss (0.02, 7), 0.018e-6, 1e-15);

  /* t_{127} at .975 is 1.978819535; z_{.995} is 2.575829303549.  */
  double c = 1.978819535 + 2.575829303549 * sqrt (1 + 1.978819535 * 1.978819535 / 254);
  CLOSE (qk_plan_units (2.385, 0.03, 0.05), 2.385 * c * c / 0.0009, 1e-8);

  /* sqrt (ln 200 / 2) + sqrt (ln 2000 / 2), over .018.  */
  CLOSE (qk_plan_distance (0.02, 0.002, 0.001), 3.577098234239134 * 3.577098234239134 / 0.000324,
         1e-12);

  /* No event: 1 - (miss/2)^(1/n) <= .02, and one event of reserve.  */
  double none = log (0.0005) / log1p (-0.02);
  ck_assert (qk_plan_proportion (0, 0.02, 0.001) >= none);
  ck_assert (qk_plan_proportion (0, 0.02, 0.001) < 1.5 * none);

  ck_assert_double_eq (qk_plan_degenerate (5, 2.5 * (1 + 1e-14), 0.0625), 5);
  ck_assert_double_eq (qk_plan_degenerate (5, 2.4, 0.0625), 6);
}
END_TEST

/* ---- edges ---- */

START_TEST (edges_few_values)
{
  const double x[] = { 2.385, 3.5 };
  for (size_t n = 0; n < 2; n++)
    {
      struct qk_enclosure e = mean_of (x, n, 0.05, (struct qk_band){ 0, 4 });
      ck_assert (n ? e.estimate == 2.385 : isnan (e.estimate));
      ck_assert_double_nan (e.std_error);
      ck_assert_double_eq (e.lo, -INFINITY);
      ck_assert_double_eq (e.hi, INFINITY);
      qk_enclose_smooth (&e, 1.75, x, n, 1, (size_t[]){ 0 }, (double[]){ 1 }, 1, 0.05);
      ck_assert_double_eq (e.lo, -INFINITY);
      ck_assert_double_eq (e.hi, INFINITY);
    }
}
END_TEST

START_TEST (edges_not_finite)
{
  const double bad[] = { NAN, INFINITY, -INFINITY };
  for (int b = 0; b < 3; b++)
    for (int at = 0; at < 6; at++)
      {
        double x[] = { 2.385, 2.385, 2.385, 2.385, 2.385, 2.385 };
        x[at] = bad[b];
        struct qk_enclosure e = mean_of (x, 6, 0.05, (struct qk_band){ 0, 4 });
        ck_assert_double_nan (e.lo);
        ck_assert_double_nan (e.hi);
        ck_assert_int_eq (qk_verdict_decide (e, (struct qk_band){ 0, 4 }), QK_INVALID);
        qk_enclose_smooth (&e, 1.75, x, 6, 1, (size_t[]){ 0 }, (double[]){ 1 }, 1, 0.05);
        ck_assert_double_nan (e.lo);
        ck_assert_double_nan (e.hi);
        x[at] = 3.5;
        qk_enclose_smooth (&e, bad[b], x, 6, 1, (size_t[]){ 0 }, (double[]){ 1 }, 1, 0.05);
        ck_assert_double_nan (e.lo);
        ck_assert_double_nan (e.hi);
      }
  double all[] = { NAN, NAN, NAN };
  ck_assert_double_nan (mean_of (all, 3, 0.05, LINE).lo);
}
END_TEST

START_TEST (edges_no_spread)
{
  /* Equal, or equal but for rounding: the same.  */
  const double level[] = { 0, 1e-14 };
  for (int k = 0; k < 2; k++)
    {
      double x[128], table[256];
      for (int i = 0; i < 128; i++)
        {
          x[i] = 2.385 * (1 + level[k] * (i % 7));
          table[2 * i] = x[i];
          table[2 * i + 1] = 3 * x[i];
        }
      double p = 1 - exp (log (1e-5) / 127);
      struct qk_enclosure e = mean_of (x, 128, 1e-5, (struct qk_band){ 0, 4 });
      ck_assert_double_eq (e.std_error, 0);
      CLOSE (e.lo, 2.385 * (1 - p), 1e-12);
      CLOSE (e.hi, 2.385 + (4 - 2.385) * p, 1e-12);

      e = mean_of (x, 128, 1e-5, (struct qk_band){ 0, INFINITY });
      CLOSE (e.lo, 2.385 * (1 - p), 1e-12);
      ck_assert_double_eq (e.hi, INFINITY);
      e = mean_of (x, 128, 1e-5, LINE);
      ck_assert_double_eq (e.lo, -INFINITY);
      ck_assert_double_eq (e.hi, INFINITY);

      /* 3 x - y has spread neither in truth nor in the sample, only in its rounding.  */
      qk_enclose_smooth (&e, 0, table, 128, 2, (size_t[]){ 0, 1 }, (double[]){ 3, -1 }, 2, 1e-5);
      ck_assert_double_eq (e.lo, -INFINITY);
      ck_assert_double_eq (e.hi, INFINITY);
    }
  /* Nothing but the support is known of a constant; a support of one point knows it all.  */
  double one[128];
  for (int i = 0; i < 128; i++)
    one[i] = 1;
  struct qk_enclosure e = mean_of (one, 128, 1e-5, (struct qk_band){ 1, 1 });
  ck_assert (e.lo == 1 && e.hi == 1);
  double zero[128] = { 0 };
  e = mean_of (zero, 128, 1e-5, (struct qk_band){ 0, 1 });
  ck_assert (e.lo == 0 && e.hi > 0.08 && e.hi < 0.1);
}
END_TEST

START_TEST (edges_small_spread)
{
  /* A spread of 1e-9 on 1e6 is data, not rounding, and loses no digits but those of the data.  */
  double x[128];
  for (int i = 0; i < 128; i++)
    x[i] = 1e6 + (i % 2 ? 0x1p-10 : -0x1p-10);
  struct qk_enclosure e = mean_of (x, 128, 0.05, LINE);
  ck_assert_double_eq (e.estimate, 1e6);
  CLOSE (e.std_error, 0x1p-10 / sqrt (127), 1e-14);

  /* NIST StRD NumAcc4: 1001 values, mean 10000000.2, standard deviation 0.1, as certified.  */
  double numacc4[1001];
  for (int i = 0; i < 1001; i++)
    numacc4[i] = i == 0 ? 10000000.2 : i % 2 ? 10000000.1 : 10000000.3;
  e = mean_of (numacc4, 1001, 0.05, LINE);
  CLOSE (e.estimate, 10000000.2, 2e-16);
  /* The data themselves carry 1e-9, half of an ulp at 1e7.  */
  CLOSE (e.std_error * sqrt (1001), 0.1, 1e-8);

  /* The first value may be the odd one out.  */
  double odd[128] = { 1e9 };
  for (int i = 1; i < 128; i++)
    odd[i] = 2.385;
  e = mean_of (odd, 128, 0.05, LINE);
  CLOSE (e.estimate, (1e9 + 127 * 2.385) / 128, 1e-14);
}
END_TEST

START_TEST (edges_support_clips)
{
  const double x[] = { 0.01, 0.99, 0.02, 0.97 };
  struct qk_enclosure e = mean_of (x, 4, 0.001, (struct qk_band){ 0, 1 });
  ck_assert_double_eq (e.lo, 0);
  ck_assert_double_eq (e.hi, 1);
}
END_TEST

START_TEST (edges_slope)
{
  const double x[] = { 1, 4, 16 }, df[] = { 127, 127, 127 };
  const struct qk_enclosure good[] = { { 1, 0, 1, 1 }, { 4, 0.1, 3, 5 }, { 16, 0.3, 15, 17 } };
  struct qk_enclosure e, y[3];
  qk_enclose_slope (&e, x, good, df, 3, 0.05);
  ck_assert (e.lo < 1 && 1 < e.hi && e.hi < 1.1);

  /* One value of d, no positive estimate, or no interval: nothing is known.  */
  qk_enclose_slope (&e, x, good, df, 1, 0.05);
  ck_assert (e.lo == -INFINITY && e.hi == INFINITY);
  const struct qk_enclosure open[]
      = { { 0, 0.1, -1, 1 }, { -2, 0.1, -3, 1 }, { 1, 0, -1, 1 }, { 1, NAN, -INFINITY, INFINITY } };
  for (int k = 0; k < 4; k++)
    {
      memcpy (y, good, sizeof y);
      y[0] = open[k];
      qk_enclose_slope (&e, x, y, df, 3, 0.05);
      ck_assert (e.lo == -INFINITY && e.hi == INFINITY);
    }
  memcpy (y, good, sizeof y);
  y[1] = (struct qk_enclosure){ 4, NAN, NAN, NAN };
  qk_enclose_slope (&e, x, y, df, 3, 0.05);
  ck_assert_double_nan (e.lo);
  ck_assert_double_nan (e.hi);

  /* No spread: the interval [.9, 1] of the first y, with weight -1/2 in units of ln 4, widens both
     sides by as much.  */
  const struct qk_enclosure bare[] = { { 1, 0, 0.9, 1 }, { 4, 0, 4, 4 }, { 16, 0, 16, 16 } };
  qk_enclose_slope (&e, x, bare, df, 3, 0.05);
  ck_assert_double_eq_tol (e.hi - 1, -log (0.9) / (2 * log (4)), 1e-14);
  ck_assert_double_eq_tol (1 - e.lo, -log (0.9) / (2 * log (4)), 1e-14);

  /* A method without a standard error, a quantile's say: the same.  */
  const struct qk_enclosure order[] = { { 1, NAN, 0.9, 1 }, { 4, 0, 4, 4 }, { 16, 0, 16, 16 } };
  qk_enclose_slope (&e, x, order, df, 3, 0.05);
  ck_assert_double_eq_tol (e.hi - 1, -log (0.9) / (2 * log (4)), 1e-14);
  ck_assert_double_eq_tol (1 - e.lo, -log (0.9) / (2 * log (4)), 1e-14);

  /* All known exactly: so is the slope.  */
  const struct qk_enclosure sure[] = { { 1, 0, 1, 1 }, { 4, 0, 4, 4 } };
  qk_enclose_slope (&e, x, sure, df, 2, 0.05);
  ck_assert (e.lo == 1 && e.hi == 1);
}
END_TEST

START_TEST (edges_distance)
{
  struct qk_enclosure e;
  qk_enclose_distance (&e, 0.01, 0.002, 1000, 0.05);
  ck_assert_double_eq (e.lo, 0);
  qk_enclose_distance (&e, 0.98, 0.002, 1000, 0.05);
  ck_assert_double_eq (e.hi, 1);
  qk_enclose_distance (&e, 0.98, 0.002, 0, 0.05);
  ck_assert (e.lo == 0 && e.hi == 1);
  qk_enclose_distance (&e, NAN, 0.002, 1000, 0.05);
  ck_assert_double_nan (e.lo);
  ck_assert_double_nan (e.hi);
}
END_TEST

START_TEST (edges_proportion)
{
  /* Nothing known of no unit; the ends are never empty, and mirror each other.  */
  struct qk_enclosure e, f;
  qk_enclose_proportion (&e, 0, 0, 0.05);
  ck_assert (isnan (e.estimate) && e.lo == 0 && e.hi == 1);
  const double ns[] = { 1, 7, 1000, 1e6, 1e9 };
  for (int i = 0; i < 5; i++)
    for (double k = 0; k <= ns[i]; k = 3 * k + 1)
      for (double miss = 0.3; miss > 1e-9; miss /= 100)
        {
          qk_enclose_proportion (&e, k, ns[i], miss);
          qk_enclose_proportion (&f, ns[i] - k, ns[i], miss);
          ck_assert (0 <= e.lo && e.lo <= k / ns[i] && k / ns[i] <= e.hi && e.hi <= 1);
          ck_assert (e.lo < e.hi && (e.lo > 0) == (k > 0) && (e.hi < 1) == (k < ns[i]));
          ck_assert_double_eq_tol (1 - f.hi, e.lo, 1e-16);
        }
}
END_TEST

START_TEST (edges_quantile)
{
  struct qk_enclosure e;
  qk_enclose_quantile (&e, NULL, 0, 1, 1, 0.5, 0.05);
  ck_assert (isnan (e.estimate) && e.lo == -INFINITY && e.hi == INFINITY);
  const double one[] = { 2.385 };
  qk_enclose_quantile (&e, one, 1, 1, 1, 0.5, 0.05);
  ck_assert (e.estimate == 2.385 && e.lo == -INFINITY && e.hi == INFINITY);

  double x[300];
  for (int i = 0; i < 300; i++)
    x[i] = i % 3 == 0 ? -0.0 : i % 3 == 1 ? 5e-324 : -1e308;
  qk_enclose_quantile (&e, x, 300, 1, 1, 0.5, 0.05);
  ck_assert (e.estimate == 0 && e.lo == 0 && e.hi == 0);
  qk_enclose_quantile (&e, x, 300, 1, 1, 0.1, 0.05);
  ck_assert (e.lo == -1e308 && e.hi == -1e308);
  qk_enclose_quantile (&e, x, 300, 1, 1, 0.9, 0.05);
  ck_assert (e.lo == 5e-324 && e.hi == 5e-324);
  const double bad[] = { NAN, INFINITY, -INFINITY };
  for (int b = 0; b < 3; b++)
    {
      x[217] = bad[b];
      qk_enclose_quantile (&e, x, 300, 1, 1, 0.5, 0.05);
      ck_assert_int_eq (qk_verdict_decide (e, LINE), QK_INVALID);
      qk_enclose_quantile (&e, x, 217, 1, 1, 0.5, 0.05);
      ck_assert (e.lo == 0 && e.hi == 0);
    }
}
END_TEST

START_TEST (edges_plans)
{
  ck_assert_double_eq (qk_plan_distance (0.02, 0.02, 1e-5), INFINITY);
  ck_assert_double_eq (qk_plan_distance (0.02, 0.03, 1e-5), INFINITY);
  ck_assert_double_eq (qk_plan_degenerate (INFINITY, 0.01, 1e-5), INFINITY);
  ck_assert_double_eq (qk_plan_degenerate (0, 0.01, 1e-5), 2);
  ck_assert_double_eq (qk_plan_degenerate (0.01, 0.01, 1e-5), 2);
}
END_TEST

/* ---- twin ---- */

static double
student_density (double x, void *df)
{
  return gsl_ran_tdist_pdf (x, *(double *)df);
}

START_TEST (twin_quantiles)
{
  /* Quantiles against an integral of the density, and erfc, down to misses of 1e-12.  */
  gsl_integration_workspace *work = gsl_integration_workspace_alloc (1000);
  const double dfs[] = { 127, 254.7, 1023, 4095, 262143 };
  for (double p = 0.2; p > 5e-13; p /= 10)
    {
      CLOSE (erfc (qk_two_sided_z (p) / sqrt (2)), p, 1e-13);
      for (int i = 0; i < 5; i++)
        {
          double df = dfs[i], tail, error;
          gsl_function density = { student_density, &df };
          double t = gsl_cdf_tdist_Qinv (p / 2, df);
          gsl_integration_qagiu (&density, t, 0, 1e-10, 1000, work, &tail, &error);
          CLOSE (tail, p / 2, 1e-9);
        }
    }
  gsl_integration_workspace_free (work);
  CLOSE (qk_two_sided_z (0.05), 1.959963984540054, 1e-14);
}
END_TEST

START_TEST (twin_long_double)
{
  /* Mean, error and width against the textbook sums in long double.  */
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 1);
  for (int trial = 0; trial < 300; trial++)
    {
      size_t n = 2 + gsl_rng_uniform_int (rng, 400);
      double miss = pow (10, -12 * gsl_rng_uniform_pos (rng));
      double shift = gsl_ran_gaussian (rng, pow (10, trial % 6)), x[402];
      long double s1 = 0, s2 = 0, s3 = 0, s4 = 0;
      for (size_t i = 0; i < n; i++)
        s1 += x[i] = shift + (trial % 2 ? gsl_ran_exponential (rng, 2.385) : gsl_rng_uniform (rng));
      long double mean = s1 / n;
      for (size_t i = 0; i < n; i++)
        {
          long double y = x[i] - mean;
          s2 += y * y, s3 += y * y * y, s4 += y * y * y * y;
        }
      double sd = sqrtl (s2 / (n - 1)), error = sd / sqrt (n);
      double g = s3 / n / (sd * sd * sd), k = s4 / n / (sd * sd * sd * sd) - 3;
      double t = gsl_cdf_tdist_Qinv (miss / 2, n - 1);
      double excess = (g * g * (pow (t, 4) + 2 * t * t - 3) / 18 - k * (t * t - 3) / 12) / n;
      double half = error * t * (excess > 0 ? 1 + excess : 1);
      struct qk_enclosure e = mean_of (x, n, miss, LINE);
      double ulps = 8 * (fabs ((double)mean) + half) * 0x1p-53;
      ck_assert_msg (fabs (e.estimate - (double)mean) <= ulps, "trial %d: %.17g", trial,
                     e.estimate);
      ck_assert_msg (fabs (e.std_error - error) <= 1e-12 * error, "trial %d: %.17g, not %.17g",
                     trial, e.std_error, error);
      ck_assert_msg (fabs (e.hi - (double)(mean + half)) <= ulps + 1e-10 * half
                         && fabs (e.lo - (double)(mean - half)) <= ulps + 1e-10 * half,
                     "trial %d: [%.17g, %.17g], half %.17g", trial, e.lo, e.hi, half);
    }
  gsl_rng_free (rng);
}
END_TEST

/* P(K <= k) of K binomial, or P(K > k), in long double: the terms by their ratios from the largest
   on.  */
static long double
binomial_side (double k, double n, double p, bool above)
{
  if (p == 0 || p == 1)
    return (k >= n * p) != above;
  double mode = fmin (floor ((n + 1) * p), n);
  long double part = 0, all = 0, odds = (long double)p / (1 - (long double)p), term = 1;
  for (double i = mode; i >= 0 && term > 0; i--)
    {
      all += term;
      part += (i <= k) != above ? term : 0;
      term *= i / ((n - i + 1) * odds);
    }
  term = 1;
  for (double i = mode + 1; i <= n && term > 1e-40L; i++)
    {
      term *= (n - i + 1) * odds / i;
      all += term;
      part += (i <= k) != above ? term : 0;
    }
  return part / all;
}

static long double
binomial_sum (double k, double n, double p)
{
  return binomial_side (k, n, p, false);
}

static long double
binomial_tail (double k, double n, double p)
{
  return binomial_side (k, n, p, true);
}

START_TEST (twin_proportion)
{
  /* At each end the count is as rare as stated, by sums of the binomial law.  */
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 6);
  for (int trial = 0; trial < 400; trial++)
    {
      double n = ceil (pow (10, 5 * gsl_rng_uniform (rng)));
      double k
          = floor ((n + 1) * (trial % 2 ? gsl_rng_uniform (rng) : 5 * gsl_rng_uniform (rng) / n));
      double miss = pow (10, -8 * gsl_rng_uniform_pos (rng));
      k = k > n ? n : k;
      struct qk_enclosure e;
      qk_enclose_proportion (&e, k, n, miss);
      if (k > 0)
        ck_assert_msg (fabsl (binomial_tail (k - 1, n, e.lo) / (miss / 2) - 1) < 1e-8,
                       "%g of %g, miss %g: %.17g", k, n, miss, e.lo);
      if (k < n)
        ck_assert_msg (fabsl (binomial_sum (k, n, e.hi) / (miss / 2) - 1) < 1e-8,
                       "%g of %g, miss %g: %.17g", k, n, miss, e.hi);
    }
  gsl_rng_free (rng);
}
END_TEST

static int
ascending (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

START_TEST (twin_quantile)
{
  /* The ranks of the ends, in a sorted copy, are the innermost with the stated miss.  */
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 7);
  for (int trial = 0; trial < 400; trial++)
    {
      size_t n = 1 + gsl_rng_uniform_int (rng, trial % 2 ? 2000 : 40);
      double p = gsl_rng_uniform_pos (rng), miss = pow (10, -8 * gsl_rng_uniform_pos (rng));
      double x[2000], sorted[2000];
      for (size_t i = 0; i < n; i++)
        x[i] = sorted[i] = gsl_ran_gaussian (rng, 1) * pow (10, 300 * gsl_rng_uniform (rng) - 150);
      qsort (sorted, n, sizeof *sorted, ascending);
      struct qk_enclosure e;
      qk_enclose_quantile (&e, x, n, 1, 1, p, miss);
      size_t at = (size_t)(n * p);
      ck_assert (e.estimate == sorted[at < n ? at : n - 1]);
      size_t lo = 0, hi = n + 1;
      while (binomial_sum (lo, n, p) <= miss / 2)
        lo++;
      while (binomial_tail (hi - 2., n, p) <= miss / 2)
        hi--;
      ck_assert_msg (e.lo == (lo ? sorted[lo - 1] : -INFINITY), "n %zu, p %g, miss %g: rank %zu", n,
                     p, miss, lo);
      ck_assert_msg (e.hi == (hi <= n ? sorted[hi - 1] : INFINITY),
                     "n %zu, p %g, miss %g: rank %zu", n, p, miss, hi);
    }
  gsl_rng_free (rng);
}
END_TEST

/* ---- laws ---- */

START_TEST (laws_mean)
{
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 2);
  double x[200], reversed[200], mapped[200];
  for (int i = 0; i < 200; i++)
    {
      x[i] = reversed[199 - i] = gsl_ran_exponential (rng, 2.385);
      mapped[i] = 7.25 - 3 * x[i];
    }
  struct qk_enclosure e = mean_of (x, 200, 1e-4, LINE), f = mean_of (reversed, 200, 1e-4, LINE);
  struct qk_enclosure g = mean_of (mapped, 200, 1e-4, LINE), wide = mean_of (x, 200, 1e-5, LINE);
  CLOSE (f.estimate, e.estimate, 1e-14);
  CLOSE (f.lo, e.lo, 1e-13);
  CLOSE (f.hi, e.hi, 1e-13);
  CLOSE (g.std_error, 3 * e.std_error, 1e-13);
  CLOSE (7.25 - g.hi, 3 * e.lo, 1e-13);
  CLOSE (7.25 - g.lo, 3 * e.hi, 1e-13);
  ck_assert (wide.lo < e.lo && e.hi < wide.hi);
  gsl_rng_free (rng);
}
END_TEST

START_TEST (laws_no_spread)
{
  /* Values 1 with probability a, otherwise 0: all of n are equal, and the interval excludes a, with
     a probability of at most miss, for every a and however small n is.  Just
     outside it is miss^(n/(n-1)): the bound is not far above.  */
  double zero[128] = { 0 }, one[128];
  for (int i = 0; i < 128; i++)
    one[i] = 1;
  const size_t ns[] = { 2, 3, 7, 30, 128 };
  const double misses[] = { 0.2, 0.01, 1e-5 };
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 3; j++)
      {
        struct qk_enclosure e0 = mean_of (zero, ns[i], misses[j], (struct qk_band){ 0, 1 });
        struct qk_enclosure e1 = mean_of (one, ns[i], misses[j], (struct qk_band){ 0, 1 });
        double worst = 0;
        for (double a = 0; a <= 1; a += 0x1p-12)
          worst = fmax (worst, (covers (e0, a) ? 0 : pow (1 - a, ns[i]))
                                   + (covers (e1, a) ? 0 : pow (a, ns[i])));
        ck_assert_msg (worst <= misses[j], "n %zu, miss %g: %g", ns[i], misses[j], worst);
        CLOSE (pow (e1.lo, ns[i]), pow (misses[j], ns[i] / (ns[i] - 1.)), 1e-9);
      }
}
END_TEST

START_TEST (laws_plans)
{
  for (double miss = 0.2; miss > 1e-12; miss /= 7)
    for (double w = 0.4; w > 1e-6; w /= 3)
      {
        double n = qk_plan_degenerate (0.9, w, miss);
        ck_assert_double_le (-expm1 (log (miss) / (n - 1)) * 0.9, w * (1 + 1e-12));
        ck_assert_double_gt (-expm1 (log (miss) / (n - 2)) * 0.9, w);

        n = qk_plan_distance (w, w / 8, miss);
        struct qk_enclosure e;
        /* The distance that is exceeded with probability .01, at most.  */
        qk_enclose_distance (&e, sqrt (log (200) / (2 * n)), w / 8, n, miss);
        CLOSE (e.hi, w, 1e-12);
      }
  double used = 0;
  for (unsigned r = 1; r < 30; r++)
    used += qk_round_miss (0.001, r);
  CLOSE (used, 0.001, 1e-14);
}
END_TEST

/* ---- calibration ---- */

enum law
{
  NORMAL,
  LAPLACE,
  EXPONENTIAL,
  STUDENT10,
  SPARSE /* 0 but for one in ten */
};

static const char *const law_name[] = { "normal", "laplace", "exponential", "student10", "sparse" };
static const double law_kurtosis[] = { 0, 3, 6, 1, 27 };

static double
draw (gsl_rng *rng, enum law law)
{
  switch (law)
    {
    case LAPLACE:
      return gsl_ran_laplace (rng, M_SQRT1_2);
    case EXPONENTIAL:
      return gsl_ran_exponential (rng, 1) - 1;
    case STUDENT10:
      return sqrt (0.8) * gsl_ran_tdist (rng, 10);
    case SPARSE:
      return gsl_rng_uniform (rng) < 0.1 ? gsl_ran_gaussian_ziggurat (rng, sqrt (10)) : 0;
    default:
      return gsl_ran_gaussian_ziggurat (rng, 1);
    }
}

enum
{
  SIDE = 8, /* of a tile */
  TILES = QK_MIN_POOL / (SIDE * SIDE)
};

enum column
{
  MEAN,
  VARIANCE,
  WITHIN,
  FOURTH,
  ABSOLUTE,
  COLUMNS
};

static const char *const column_name[]
    = { "mean", "variance", "row variance", "kurtosis", "Geary" };

struct population
{
  enum law law;
  size_t d, tiles, size;
  double *rows, mean[COLUMNS], sd[COLUMNS];
};

/* The variance of the mean square of a tile's scores, over the squared mean: THEORY, moments.  */
static double
tile_variance (enum law law, size_t d)
{
  double k = law_kurtosis[law], b = SIDE;
  return (2. * d * d + d * ((k + 3) * (k + 3) - 3) + 2 * (b - 1) * d * (k + 2)) / (b * b * d * d);
}

static void
block (double *row, gsl_rng *rng, enum law law, size_t d, size_t tiles)
{
  double q[SIDE * 64], k[SIDE * 64], sums[COLUMNS] = { 0 };
  for (size_t t = 0; t < tiles; t++)
    {
      for (size_t c = 0; c < SIDE * d; c++)
        {
          q[c] = draw (rng, law);
          k[c] = draw (rng, law);
        }
      for (size_t i = 0; i < SIDE; i++)
        {
          double s[SIDE] = { 0 }, sum = 0, squares = 0;
          for (size_t c = 0; c < d; c++)
            for (size_t j = 0; j < SIDE; j++)
              s[j] += q[c * SIDE + i] * k[c * SIDE + j];
          for (size_t j = 0; j < SIDE; j++)
            {
              sum += s[j];
              squares += s[j] * s[j];
              sums[FOURTH] += s[j] * s[j] * s[j] * s[j];
              sums[ABSOLUTE] += fabs (s[j]);
            }
          sums[MEAN] += sum;
          sums[VARIANCE] += squares;
          sums[WITHIN] += (squares - sum * sum / SIDE) * SIDE / (SIDE - 1);
        }
    }
  for (int c = 0; c < COLUMNS; c++)
    row[c] = sums[c] / (SIDE * SIDE * tiles);
}

static struct population
populate (enum law law, size_t d, size_t size)
{
  /* The rule for a pool: at least 4096 scores, relative variance of its mean square at most .01. */
  size_t tiles = fmax (TILES, ceil (100 * tile_variance (law, d)));
  struct population p = { .law = law, .d = d, .tiles = tiles, .size = size };
  p.rows = malloc (size * COLUMNS * sizeof *p.rows);
  ck_assert_ptr_nonnull (p.rows);
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_taus2);
  gsl_rng_set (rng, 1000 * law + d);
  for (size_t i = 0; i < size; i++)
    block (p.rows + i * COLUMNS, rng, law, d, tiles);
  gsl_rng_free (rng);
  for (int c = 0; c < COLUMNS; c++)
    {
      for (size_t i = 0; i < size; i++)
        p.mean[c] += p.rows[i * COLUMNS + c] / size;
      for (size_t i = 0; i < size; i++)
        p.sd[c] += pow (p.rows[i * COLUMNS + c] - p.mean[c], 2) / size;
      p.sd[c] = sqrt (p.sd[c]);
    }
  return p;
}

static void
draw_table (double *table, size_t n, const struct population *p, gsl_rng *rng)
{
  for (size_t i = 0; i < n; i++)
    memcpy (table + i * COLUMNS, p->rows + gsl_rng_uniform_int (rng, p->size) * COLUMNS,
            COLUMNS * sizeof *table);
}

static void
column_means (double *mean, const double *table, size_t n)
{
  for (int c = 0; c < COLUMNS; c++)
    mean[c] = 0;
  for (size_t i = 0; i < n; i++)
    for (int c = 0; c < COLUMNS; c++)
      mean[c] += table[i * COLUMNS + c] / n;
}

/* ln of mean c over the mean square to a power: kurtosis (2), Geary's ratio (1/2).  */
static double
log_ratio (const double *mean, enum column c)
{
  return log (mean[c]) - (c == FOURTH ? 2 : 0.5) * log (mean[VARIANCE]);
}

static struct qk_enclosure
enclose_column (const double *table, size_t n, enum column c, double miss)
{
  struct qk_enclosure e;
  if (c == FOURTH || c == ABSOLUTE)
    {
      double mean[COLUMNS];
      column_means (mean, table, n);
      qk_enclose_smooth (&e, log_ratio (mean, c), table, n, COLUMNS, (size_t[]){ c, VARIANCE },
                         (double[]){ 1 / mean[c], (c == FOURTH ? -2 : -0.5) / mean[VARIANCE] }, 2,
                         miss);
    }
  else
    qk_enclose_mean (&e, table + c, n, COLUMNS, miss,
                     c == MEAN ? LINE : (struct qk_band){ 0, INFINITY });
  return e;
}

/* So many misses are too many for 1.3 times the nominal rate, or too few for 1/1.3 of it.  */
static void
check_misses (double misses, double tables, double miss, bool both, const char *what)
{
  if (getenv ("QK_TEST_EFFORT"))
    printf ("%s, miss %g: %g of %g, ratio %.3f\n", what, miss, misses, tables,
            misses / (tables * miss));
  ck_assert_msg (misses == 0 || gsl_cdf_binomial_Q (misses - 1, 1.3 * miss, tables) > RARE,
                 "%s, miss %g: %g of %g", what, miss, misses, tables);
  ck_assert_msg (!both || gsl_cdf_binomial_P (misses, miss / 1.3, tables) > RARE,
                 "%s, miss %g: only %g of %g", what, miss, misses, tables);
}

static void
calibrate (const struct population *p, enum column c, size_t n, size_t tables)
{
  static const double miss[] = { 0.2, 0.05, 0.01, 0.001 };
  double truth = c == FOURTH || c == ABSOLUTE ? log_ratio (p->mean, c) : p->mean[c];
  double misses[4] = { 0 }, length[4] = { 0 };
  double *table = malloc (n * COLUMNS * sizeof *table);
  ck_assert_ptr_nonnull (table);
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 100 * p->d + 10 * p->law + c);
  for (size_t r = 0; r < tables; r++)
    {
      draw_table (table, n, p, rng);
      for (int j = 0; j < 4; j++)
        {
          struct qk_enclosure e = enclose_column (table, n, c, miss[j]);
          misses[j] += !covers (e, truth);
          length[j] += (e.hi - e.lo) / tables;
        }
    }
  char what[100];
  snprintf (what, sizeof what, "%s, %s, d = %zu, %zu tiles, %zu blocks", column_name[c],
            law_name[p->law], p->d, p->tiles, n);
  for (int j = 0; j < 4; j++)
    {
      check_misses (misses[j], tables, miss[j], c <= WITHIN, what);
      if (c <= WITHIN)
        ck_assert_msg (length[j] <= 1.15 * 2 * qk_two_sided_z (miss[j]) * p->sd[c] / sqrt (n),
                       "%s, miss %g: length %g", what, miss[j], length[j]);
    }
  gsl_rng_free (rng);
  free (table);
}

/* One population a value of d, shared by the tests below.  */
static const size_t dims[] = { 1, 2, 4, 64 };
static struct population normal[4];

static void
setup (void)
{
  for (int i = 0; i < 4; i++)
    normal[i] = populate (NORMAL, dims[i], effort () * (dims[i] < 64 ? 4096 : 512));
}

static void
teardown (void)
{
  for (int i = 0; i < 4; i++)
    free (normal[i].rows);
}

START_TEST (calibration_normal)
{
  static const enum column columns[] = { MEAN, VARIANCE, WITHIN, ABSOLUTE };
  for (int i = 0; i < 4; i++)
    {
      for (int c = 0; c < 4; c++)
        calibrate (normal + i, columns[c], QK_MIN_BLOCKS, 5000 * effort ());
      calibrate (normal + i, FOURTH, 1000, 500 * effort ());
    }
}
END_TEST

START_TEST (calibration_heavy)
{
  /* Laplace always, the others where there is time.  */
  for (enum law law = LAPLACE; law <= (effort () < 10 ? LAPLACE : SPARSE); law++)
    for (size_t d = 1; d <= (effort () < 10 ? 1 : 4); d *= 4)
      {
        struct population p = populate (law, d, 1024 * effort ());
        for (enum column c = MEAN; c <= WITHIN; c++)
          calibrate (&p, c, QK_MIN_BLOCKS, 5000 * effort ());
        free (p.rows);
      }
}
END_TEST

START_TEST (calibration_slope)
{
  /* ln Var against ln d from four tables.  */
  const double df[] = { 127, 127, 127, 127 }, miss[] = { 0.2, 0.05, 0.01 };
  double x[4], misses[3] = { 0 }, table[128 * COLUMNS];
  size_t tables = 2000 * effort ();
  struct qk_enclosure e, y[4];
  for (int i = 0; i < 4; i++)
    {
      x[i] = dims[i];
      y[i] = (struct qk_enclosure){ normal[i].mean[VARIANCE], 1, 0, INFINITY };
    }
  qk_enclose_slope (&e, x, y, df, 4, 0.05);
  double truth = e.estimate;
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 3);
  for (size_t r = 0; r < tables; r++)
    {
      for (int i = 0; i < 4; i++)
        {
          draw_table (table, 128, normal + i, rng);
          y[i] = enclose_column (table, 128, VARIANCE, 0.05);
        }
      for (int j = 0; j < 3; j++)
        {
          qk_enclose_slope (&e, x, y, df, 4, miss[j]);
          misses[j] += !covers (e, truth);
        }
    }
  for (int j = 0; j < 3; j++)
    check_misses (misses[j], tables, miss[j], true, "slope");
  gsl_rng_free (rng);
}
END_TEST

/* sup |F_n - F| for n uniform values and F (x) = x^power.  Sums of exponential gaps are sorted.  */
static double
kolmogorov (gsl_rng *rng, size_t n, double power, double *x)
{
  double sum = 0, distance = 0;
  for (size_t i = 0; i < n; i++)
    x[i] = sum += gsl_ran_exponential (rng, 1);
  sum += gsl_ran_exponential (rng, 1);
  for (size_t i = 0; i < n; i++)
    {
      double f = pow (x[i] / sum, power);
      distance = fmax (distance, fmax (f - (double)i / n, (i + 1.) / n - f));
    }
  return distance;
}

START_TEST (calibration_distance)
{
  /* Under the exact law the bound is nearly attained; under x^1.5 the true distance is 4/27.  */
  static const double miss[] = { 0.2, 0.05, 0.01 };
  double x[500], own[3] = { 0 }, other[3] = { 0 };
  size_t tables = 4000 * effort ();
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 4);
  struct qk_enclosure e;
  for (size_t r = 0; r < tables; r++)
    {
      double a = kolmogorov (rng, 500, 1, x), b = kolmogorov (rng, 500, 1.5, x);
      for (int j = 0; j < 3; j++)
        {
          qk_enclose_distance (&e, a, 0, 500, miss[j]);
          own[j] += !covers (e, 0);
          qk_enclose_distance (&e, b, 0, 500, miss[j]);
          other[j] += !covers (e, 4. / 27);
        }
    }
  for (int j = 0; j < 3; j++)
    {
      check_misses (own[j], tables, miss[j], true, "distance 0");
      check_misses (other[j], tables, miss[j], false, "distance 4/27");
    }
  gsl_rng_free (rng);
}
END_TEST

START_TEST (calibration_proportion)
{
  /* No sampling: the sum over all counts that miss p is at most the miss on either side, for every
     p and n; and at n = 1000 and moderate p at least half of it.  */
  const double ns[] = { 1, 2, 5, 30, 128, 1000 }, misses[] = { 0.2, 0.05, 0.01, 0.001, 1e-5 };
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 5; j++)
      {
        double n = ns[i], miss = misses[j], most = 0;
        struct qk_enclosure e[1001];
        for (int k = 0; k <= n; k++)
          qk_enclose_proportion (&e[k], k, n, miss);
        for (double p = 0x1p-9; p < 1; p += 0x1p-6)
          {
            int below = -1, above = 0; /* the last count with hi < p, the first with lo > p */
            while (below < n && e[below + 1].hi < p)
              below++;
            while (above <= n && e[above].lo <= p)
              above++;
            double left = below < 0 ? 0 : (double)binomial_sum (below, n, p);
            double right = above > n ? 0 : (double)binomial_tail (above - 1, n, p);
            ck_assert_msg (left <= miss / 2 * (1 + 1e-9) && right <= miss / 2 * (1 + 1e-9),
                           "n %g, p %g, miss %g: %g + %g", n, p, miss, left, right);
            most = fmax (most, left + right);
          }
        if (getenv ("QK_TEST_EFFORT"))
          printf ("proportion, %g units, miss %g: at most %.3f of it\n", n, miss, most / miss);
        ck_assert (n < 1000 || most > miss / 2);
      }
}
END_TEST

START_TEST (calibration_quantile)
{
  /* Whole laws: with and without a density at the quantile, one that is nearly a lattice.  */
  static const double misses[] = { 0.2, 0.05, 0.01 }, ps[] = { 0.1, 0.5, 0.9 };
  size_t tables = 800 * effort ();
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 8);
  for (int law = 0; law < 3; law++)
    for (int i = 0; i < 3; i++)
      {
        double p = ps[i], x[130], missed[3] = { 0 };
        double truth = law == 0 ? -log1p (-p) : law == 1 ? pow (tan (M_PI * (p - 0.5)), 3) : 2;
        if (law == 2 && i != 1)
          truth = i == 0 ? 1 : 4; /* P(x <= 1) = .25, ..., four values */
        for (size_t r = 0; r < tables; r++)
          {
            for (int k = 0; k < 130; k++)
              x[k] = law == 0   ? gsl_ran_exponential (rng, 1)
                     : law == 1 ? pow (gsl_ran_cauchy (rng, 1), 3)
                                : floor (4 * gsl_rng_uniform (rng)) + 1;
            for (int j = 0; j < 3; j++)
              {
                struct qk_enclosure e;
                qk_enclose_quantile (&e, x, 65, 2, 2, p, misses[j]);
                missed[j] += !covers (e, truth);
              }
          }
        char what[80];
        snprintf (what, sizeof what, "quantile %g of law %d", p, law);
        for (int j = 0; j < 3; j++)
          {
            /* At most the nominal rate, and of a law with a density no less than a third of it.  */
            check_misses (missed[j], tables, misses[j] / 1.3, false, what);
            ck_assert_msg (law == 2 || gsl_cdf_binomial_P (missed[j], misses[j] / 3, tables) > RARE,
                           "%s, miss %g: only %g", what, misses[j], missed[j]);
          }
      }
  gsl_rng_free (rng);
}
END_TEST

static void
check_plan (double undecided, double runs, double share, const char *what)
{
  if (getenv ("QK_TEST_EFFORT"))
    printf ("%s: %g of %g miss the mark\n", what, undecided, runs);
  ck_assert_msg (undecided == 0 || gsl_cdf_binomial_Q (undecided - 1, share, runs) > RARE,
                 "%s: %g of %g", what, undecided, runs);
}

START_TEST (calibration_plan)
{
  /* Var = d holds, and Var = d (1 + 2T) fails, in 99 % of the runs at the planned size.  */
  const double T = 0.01, miss = qk_round_miss (1e-5, 1);
  const struct population *p = normal;
  double truth = p->mean[VARIANCE], relative = pow (p->sd[VARIANCE] / truth, 2);
  double runs = 300 * effort (), holds = 0, fails = 0, holds_128 = 0;
  size_t n = ceil (qk_plan_units (relative, log1p (T), miss));
  double *table = malloc (n * COLUMNS * sizeof *table);
  ck_assert_ptr_nonnull (table);
  gsl_rng *rng = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng_set (rng, 5);
  /* The band that the smallest table decides.  */
  double w = sqrt (qk_plan_units (relative, 1, miss) / QK_MIN_BLOCKS);
  for (int r = 0; r < runs; r++)
    {
      draw_table (table, n, p, rng);
      struct qk_enclosure e = enclose_column (table, n, VARIANCE, miss);
      holds += qk_verdict_decide (e, qk_band_ratio (truth, T)) == QK_HOLDS;
      fails += qk_verdict_decide (e, qk_band_ratio (truth / (1 + 2 * T), T)) == QK_FAILS;
      e = enclose_column (table, QK_MIN_BLOCKS, VARIANCE, miss);
      holds_128 += qk_verdict_decide (e, qk_band_absolute (truth, w * truth)) == QK_HOLDS;
    }
  check_plan (runs - holds, runs, 0.01, "Var = d holds");
  check_plan (runs - fails, runs, 0.01, "Var = d (1 + 2T) fails");
  /* As skewed as the rule for the pool allows, and with no block to spare.  */
  check_plan (runs - holds_128, runs, 0.02, "128 blocks hold");
  free (table);

  const double width = 0.1, cell = 0.01;
  size_t pairs = ceil (qk_plan_distance (width, cell, miss));
  double *x = malloc (pairs * sizeof *x), within = 0;
  ck_assert_ptr_nonnull (x);
  for (int r = 0; r < runs; r++)
    {
      struct qk_enclosure e;
      qk_enclose_distance (&e, kolmogorov (rng, pairs, 1, x), cell, pairs, miss);
      within += qk_verdict_decide (e, qk_band_most (width)) == QK_HOLDS;
    }
  check_plan (runs - within, runs, 0.01, "distance 0 holds");
  free (x);
  gsl_rng_free (rng);
}
END_TEST

START_TEST (calibration_plan_counts)
{
  /* By the binomial law: at the planned n, and at any above it, a true probability (a quantile)
     comes out within its band in 99 % of the runs; at 0.7 n it does not.  */
  const double ps[] = { 0, 1e-5, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999, 1 }, ws[] = { 0.01, 0.05 };
  const double miss = qk_round_miss (1e-4, 1);
  for (int i = 0; i < 9; i++)
    for (int j = 0; j < 2; j++)
      for (int step = -1; step < 6; step++)
        {
          double p = ps[i], w = ws[j], n = qk_plan_proportion (p, w, miss);
          n = step < 0 ? floor (0.7 * n) : n + step * step * 7;
          struct qk_enclosure e;
          /* The counts whose interval lies in the band are a range, from lo to hi.  */
          double lo = 0, hi = n;
          for (double b = n + 1; b - lo > 0;)
            {
              double k = floor ((lo + b) / 2);
              qk_enclose_proportion (&e, k, n, miss);
              if (e.lo >= p - w)
                b = k;
              else
                lo = k + 1;
            }
          for (double a = -1; hi - a > 0;)
            {
              double k = ceil ((a + hi) / 2);
              qk_enclose_proportion (&e, k, n, miss);
              if (e.hi <= p + w)
                a = k;
              else
                hi = k - 1;
            }
          double out = (double)(binomial_sum (lo - 1, n, p) + binomial_tail (hi, n, p));
          ck_assert_msg (step < 0 ? out > 0.01 : out <= 0.01, "p %g, w %g, n %g: %g", p, w, n, out);

          if (p - w <= 0 || p + w >= 1 || w < 0.05)
            continue;
          n = qk_plan_quantile (p, w, miss);
          n = step < 0 ? floor (0.7 * n) : n + step * step * 7;
          double x[20000];
          ck_assert (n <= 20000);
          for (int k = 0; k < n; k++)
            x[k] = k + 1;
          qk_enclose_quantile (&e, x, (size_t)n, 1, 1, p, miss); /* ends: the ranks */
          out = (double)(binomial_tail (e.lo - 1, n, p - w) + binomial_sum (e.hi - 1, n, p + w));
          ck_assert_msg (step < 0 ? out > 0.01 : out <= 0.01, "quantile %g, w %g, n %g: %g", p, w,
                         n, out);
        }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("enclose");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  TCase *calibration = tcase_create ("calibration");
  tcase_add_test (exact, exact_mean);
  tcase_add_test (exact, exact_mean_heavy_tails);
  tcase_add_test (exact, exact_stride);
  tcase_add_test (exact, exact_smooth);
  tcase_add_test (exact, exact_slope);
  tcase_add_test (exact, exact_distance);
  tcase_add_test (exact, exact_proportion);
  tcase_add_test (exact, exact_quantile);
  tcase_add_test (exact, exact_no_spread);
  tcase_add_test (exact, exact_plans);
  tcase_add_test (edges, edges_few_values);
  tcase_add_test (edges, edges_not_finite);
  tcase_add_test (edges, edges_no_spread);
  tcase_add_test (edges, edges_small_spread);
  tcase_add_test (edges, edges_support_clips);
  tcase_add_test (edges, edges_slope);
  tcase_add_test (edges, edges_distance);
  tcase_add_test (edges, edges_proportion);
  tcase_add_test (edges, edges_quantile);
  tcase_add_test (edges, edges_plans);
  tcase_add_test (twin, twin_quantiles);
  tcase_add_test (twin, twin_long_double);
  tcase_add_test (twin, twin_proportion);
  tcase_add_test (twin, twin_quantile);
  tcase_add_test (laws, laws_mean);
  tcase_add_test (laws, laws_no_spread);
  tcase_add_test (laws, laws_plans);
  tcase_add_unchecked_fixture (calibration, setup, teardown);
  tcase_add_test (calibration, calibration_normal);
  tcase_add_test (calibration, calibration_heavy);
  tcase_add_test (calibration, calibration_slope);
  tcase_add_test (calibration, calibration_distance);
  tcase_add_test (calibration, calibration_proportion);
  tcase_add_test (calibration, calibration_quantile);
  tcase_add_test (calibration, calibration_plan);
  tcase_add_test (calibration, calibration_plan_counts);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  suite_add_tcase (suite, calibration);
  return run (suite);
}
