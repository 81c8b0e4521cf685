/* t-reference.c -- certified values against rational numbers of GMP, against 3000 bits of MPFR, and
   what must be refused.  */

#include "../src/exact.h"
#include "../src/reference.h"
#include "support.h"

#include <float.h>
#include <gmp.h>
#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum
{
  PLAIN_BITS = 3000 /* of the twins that do not certify */
};

static double
random_double (uint64_t *state, int e_lo, int e_hi)
{
  double m = 1 + (double)(next (state) >> 12) * 0x1p-52;
  int e = e_lo + (int)(next (state) % (uint64_t)(e_hi - e_lo + 1));
  return ldexp (next (state) & 1 ? -m : m, e);
}

static double
random_share (uint64_t *state)
{
  return (double)(next (state) >> 11) * 0x1p-53;
}

/* Assert value and digits, and free them.  digits NULL: there are none.  */
static void
is (struct qk_certified c, double value, const char *digits)
{
  ck_assert_msg (c.value == value && signbit (c.value) == signbit (value), "%.17g, not %.17g",
                 c.value, value);
  ck_assert_int_gt (c.bits, 0);
  if (digits)
    ck_assert_pstr_eq (c.digits, digits);
  else
    ck_assert_ptr_null (c.digits);
  free (c.digits);
}

static void
is_refused (struct qk_certified c)
{
  ck_assert_double_nan (c.value);
  ck_assert_int_eq (c.bits, 0);
  ck_assert_ptr_null (c.digits);
}

static const char *
add_text (struct qk_series *s, const char *text)
{
  size_t length = strlen (text);
  char *copy = malloc (length + 1);
  memcpy (copy, text, length + 1);
  const char *wrong = qk_series_decimal (s, copy, length);
  free (copy);
  return wrong;
}

static void
moments_free (struct qk_moments *m)
{
  free (m->sum.digits);
  free (m->mean.digits);
  free (m->deviation.digits);
  free (m->autocorrelation.digits);
}

/* ---- exact ---- */

START_TEST (known_sums)
{
  double x[] = { 2.5, -3.75, 1.125 }, y[] = { 4, 0.5, -16 };
  is (qk_dot_ref (x, y, 3, 0), -9.875, NULL);
  is (qk_dot_ref (x, y, 3, 53), -9.875, "-9.875");
  is (qk_dot_ref (x, y, 3, 65536), -9.875, "-9.875");
  is (qk_dot_ref (x, y, 3, 3), -9.875, "-10"); /* 3 bits: 8, 10, 12 */
  is (qk_dot_ref (NULL, NULL, 0, 20), 0, "0");
  is (qk_condition_ref (x, y, 3, 53), 2 * (10 + 1.875 + 18) / 9.875, "6.050632911392405");
  double p[] = { 1, 2, 3.5 };
  is (qk_power_sum_ref (p, 3, 2, 1, 53), 0.5, "0.5");
  is (qk_power_sum_ref (p, 3, 2, 2, 53), 3.25, "3.25");
  is (qk_power_sum_ref (p, 3, 2, 3, 53), 2.375, "2.375");
  is (qk_power_sum_ref (p, 3, 2, 4, 53), 6.0625, "6.0625");
}
END_TEST

/* A dot product of one term, whose digits are those of the number.  */
START_TEST (spelling)
{
  static const struct
  {
    double x;
    long precision;
    const char *digits;
  } table[] = {
    { 0.1, 53, "0.1" },         { 0.1, 56, "0.100000000000000006" }, /* the double, not the tenth */
    { -1234.5, 53, "-1234.5" }, { 10000002, 53, "10000002" },
    { 1e16, 53, "1e+16" },      { 1e300, 53, "1e+300" },
    { 0.0125, 53, "0.0125" },   { 1.25e-7, 53, "0.000000125" },
    { 1.25e-8, 53, "1.25e-8" }, { 0x1p-1074, 53, "4.9406564584124654e-324" },
    { 0x1p-1074, 2, "5e-324" }, { 3, 2, "3" },
    { 1e23, 53, "1e+23" },      { 9007199254740992, 53, "9007199254740992" },
  };
  double one = 1;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    is (qk_dot_ref (&table[i].x, &one, 1, table[i].precision), table[i].x, table[i].digits);
}
END_TEST

/* The sets that NIST calls NumAcc1 to 4, and what it certifies.  */
START_TEST (nist)
{
  static const struct
  {
    const char *first, *odd, *even;
    int count;
    const char *sum, *mean, *deviation, *autocorrelation;
  } table[] = {
    { "10000001", "10000003", "10000002", 3, "30000006", "10000002", "1", "-0.5" },
    { "1.2", "1.1", "1.3", 1001, "1201.2", "1.2", "0.1", "-0.999" },
    { "1000000.2", "1000000.1", "1000000.3", 1001, "1001000200.2", "1000000.2", "0.1", "-0.999" },
    { "10000000.2", "10000000.1", "10000000.3", 1001, "10010000200.2", "10000000.2", "0.1",
      "-0.999" },
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    for (long precision = 53; precision < 70000; precision += precision == 53 ? 147 : 65336)
      {
        struct qk_series *s = qk_series_new (1);
        struct qk_moments m;
        for (int j = 0; j < table[i].count; j++)
          ck_assert_ptr_null (add_text (s, j == 0  ? table[i].first
                                           : j % 2 ? table[i].odd
                                                   : table[i].even));
        qk_series_moments (&m, s, precision);
        ck_assert_double_eq (m.count, table[i].count);
        is (m.sum, strtod (table[i].sum, NULL), table[i].sum);
        is (m.mean, strtod (table[i].mean, NULL), table[i].mean);
        is (m.deviation, strtod (table[i].deviation, NULL), table[i].deviation);
        is (m.autocorrelation, strtod (table[i].autocorrelation, NULL), table[i].autocorrelation);
        qk_series_free (s);
      }
}
END_TEST

START_TEST (known_attention)
{
  double even[] = { 7, 7 }, p[] = { 0.5, 0.5 }, third[] = { -3, -3, -3 }, out[4];
  ck_assert_int_eq (qk_softmax_ref (out, even, 2), 0);
  ck_assert_double_eq (out[0], 0.5);
  ck_assert_int_eq (qk_softmax_ref (out, third, 3), 0);
  ck_assert_double_eq (out[1], 1. / 3);
  double far[] = { 0, -1e308, 1e308 };
  ck_assert_int_eq (qk_softmax_ref (out, far, 3), 0);
  ck_assert (out[0] == 0 && out[1] == 0 && out[2] == 1);
  /* ln 2, OEIS A002162; tanh 1 / 2, from A073744.  */
  is (qk_softmax_entropy_ref (even, 2, 100), M_LN2, "0.693147180559945309417232121458");
  is (qk_softmax_entropy_ref (even, 1, 100), 0, "0");
  is (qk_softmax_participation_ref (p, 2, 53), 0.5, "0.5");
  double left[] = { 1, 0 }, right[] = { 0, 1 };
  is (qk_weights_divergence_ref (left, right, 2, 100), M_LN2, "0.693147180559945309417232121458");
  is (qk_weights_divergence_ref (p, p, 2, 53), 0, "0");
  is (qk_jacobian_trace_ref (p, 2, 53), 0.5, "0.5");
  is (qk_jacobian_square_ref (p, 2, 53), 0.25, "0.25");
  is (qk_jacobian_norm_ref (p, 2, 0), 0.5, NULL);
  double one = 1, half = 0.5, zero = 0;
  is (qk_additive_score_ref (&one, &one, &half, &one, &zero, 1, 1, 100), 0x1.85efab514f394p-2,
      "0.3807970779778824440597291413023");
  ck_assert_int_eq (qk_softmax_jacobian_ref (out, p, 2), 0);
  ck_assert (out[0] == 0.25 && out[1] == -0.25 && out[2] == -0.25 && out[3] == 0.25);
  double K[] = { 3, 5 };
  ck_assert_int_eq (qk_softmax_gradient_ref (out, p, K, 2, 1, 0.5), 0);
  ck_assert (out[0] == -0.25 && out[1] == 0.25);
  is (qk_gradient_square_ref (p, K, 2, 1, 0.5, 53), 0.125, "0.125");
}
END_TEST

/* ---- edges ---- */

START_TEST (versions)
{
  int major, minor, patch;
  ck_assert_int_eq (sscanf (qk_mpfr_version (), "%d.%d.%d", &major, &minor, &patch), 3);
  ck_assert_int_ge (major, 4);
  ck_assert_int_eq (sscanf (qk_gmp_version (), "%d.%d.%d", &major, &minor, &patch), 3);
  ck_assert_int_ge (major, 5);
}
END_TEST

START_TEST (special)
{
  double x[] = { INFINITY, 1 }, y[] = { 2, 3 }, zero[] = { 0, 1 }, nan[] = { NAN, 1 };
  is (qk_dot_ref (x, y, 2, 53), INFINITY, NULL);
  is_refused (qk_dot_ref (x, zero, 2, 53));
  is_refused (qk_dot_ref (nan, y, 2, 0));
  is_refused (qk_condition_ref (x, y, 2, 53));
  is_refused (qk_condition_ref (nan, y, 2, 53));
  double plus[] = { 2.385, 2.385 }, minus[] = { 7, -7 };
  is (qk_condition_ref (plus, minus, 2, 0), INFINITY, NULL);
  is_refused (qk_softmax_entropy_ref (nan, 2, 0));
  double p[2];
  ck_assert_int_eq (qk_softmax_ref (p, nan, 2), -1);
  ck_assert_double_nan (p[0]);
}
END_TEST

/* Beyond binary64 there are digits still, and the value is what the format makes of it.  */
START_TEST (beyond)
{
  double huge[] = { DBL_MAX, DBL_MAX }, tiny[] = { 0x1p-1074, 0x1p-1074 };
  is (qk_dot_ref (huge, huge, 2, 20), INFINITY, "6.4634e+616");
  is (qk_dot_ref (tiny, tiny, 2, 20), 0, "4.88202e-647");
  is (qk_power_sum_ref (huge, 2, 0, 4, 20), INFINITY, "2.088778e+1233");
  double minus[] = { -0x1p-1000 }, also[] = { 0x1p-1000 };
  is (qk_dot_ref (minus, also, 1, 0), -0.0, NULL);
}
END_TEST

/* tanh a - tanh a is 0, which no enclosure of it tells from a tiny number: in binary64 that is 0
   either way, but digits there are none.  And what is not defined.  */
START_TEST (must_be_refused)
{
  double q[] = { 2.385 }, v[] = { 1, 1 }, W[] = { 0.5, -0.5 }, U[] = { 0, 0 };
  is (qk_additive_score_ref (q, q, v, W, U, 2, 1, 0), 0, NULL);
  is_refused (qk_additive_score_ref (q, q, v, W, U, 2, 1, 53));
  W[1] = -0.5 - 0x1p-53; /* a hair beside: certified, with more bits */
  struct qk_certified c = qk_additive_score_ref (q, q, v, W, U, 2, 1, 100);
  ck_assert (c.value < 0 && c.value > -1e-15 && c.bits > 128 && c.digits);
  free (c.digits);

  struct qk_moments m;
  struct qk_series *s = qk_series_new (1);
  qk_series_moments (&m, s, 53);
  is (m.sum, 0, "0");
  is_refused (m.mean);
  is_refused (m.deviation);
  add_text (s, "0.1");
  qk_series_moments (&m, s, 53);
  is (m.sum, 0.1, "0.1");
  is (m.mean, 0.1, "0.1");
  is_refused (m.deviation);
  is_refused (m.autocorrelation);
  add_text (s, "0.10");
  qk_series_moments (&m, s, 53);
  is (m.sum, 0.2, "0.2");
  is (m.mean, 0.1, "0.1");
  is (m.deviation, 0, "0");
  is_refused (m.autocorrelation);
  qk_series_free (s);
}
END_TEST

START_TEST (decimals)
{
  static const char *const bad[]
      = { "",     "+",   "-",   ".",   "e5",  "1e", "1e+", "1.2.3",  "--1",
          "0x10", "nan", "inf", "1,5", "1 2", " 1", "1 ",  "1e5001", "1e-99999999999999999999",
          "1e5.", "1d5", "\x80" };
  static const char *const good[] = { "+1.5", "-.5", "5.", "1e-3", "1E+3", "0001", "-0", "1.50e0" };
  static const char *const sums[] = { "1.5", "-0.5", "5", "0.001", "1000", "1", "0", "1.5" };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    {
      struct qk_series *s = qk_series_new (1);
      ck_assert_msg (add_text (s, bad[i]) != NULL, "'%s' is taken", bad[i]);
      qk_series_free (s);
    }
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    {
      struct qk_series *s = qk_series_new (1);
      struct qk_moments m;
      ck_assert_ptr_null (add_text (s, good[i]));
      qk_series_moments (&m, s, 53);
      ck_assert_pstr_eq (m.sum.digits, sums[i]);
      moments_free (&m);
      qk_series_free (s);
    }
}
END_TEST

/* A number of a million digits among short ones, whole and behind the point, with large exponents:
   in no more than a moment.  */
START_TEST (long_numbers)
{
  enum
  {
    DIGITS = 1000000
  };
  char *text = malloc (DIGITS + 2);
  struct qk_series *s = qk_series_new (1);
  struct qk_moments m;
  for (int i = 0; i < 2000; i++)
    {
      if (i == 700 || i == 1400)
        {
          memset (text, i == 700 ? '5' : '0', DIGITS);
          memcpy (text, i == 700 ? "5" : "0.", i == 700 ? 1 : 2);
          text[DIGITS - 1] = '1';
          ck_assert_ptr_null (qk_series_decimal (s, text, DIGITS));
        }
      ck_assert_ptr_null (add_text (s, i % 2 ? "-1.25e-4000" : "1.25e-4000"));
    }
  qk_series_moments (&m, s, 100);
  ck_assert_double_eq (m.count, 2002);
  ck_assert_double_eq (m.mean.value, INFINITY);
  ck_assert_pstr_eq (m.sum.digits, "5.555555555555555555555555555554e+999999");
  ck_assert_double_gt (m.autocorrelation.value, -1);
  ck_assert_double_lt (m.autocorrelation.value, 0);
  moments_free (&m);
  qk_series_free (s);
  text = realloc (text, QK_DECIMAL_LENGTH + 2);
  memset (text, '1', QK_DECIMAL_LENGTH + 1);
  s = qk_series_new (1);
  ck_assert_ptr_nonnull (qk_series_decimal (s, text, QK_DECIMAL_LENGTH + 1));
  qk_series_free (s);
  free (text);
}
END_TEST

/* ---- twin ---- */

START_TEST (dot_against_integers)
{
  enum
  {
    N = 40
  };
  static const int range[][2] = { { -3, 3 }, { -545, -520 }, { -1074, 1023 }, { 500, 512 } };
  for (uint64_t seed = 1; seed <= (uint64_t)(1500 * effort ()); seed++)
    {
      uint64_t state = seed;
      size_t n = 1 + next (&state) % N;
      const int *r = range[seed % 4];
      double x[2 * N], y[2 * N];
      for (size_t i = 0; i < n; i++)
        {
          x[n + i] = -(x[i] = random_double (&state, r[0], r[1]));
          y[n + i] = y[i] = random_double (&state, r[0], r[1]);
        }
      x[n] = nextafter (x[n], 0);
      for (size_t m = n; m <= 2 * n; m += n)
        {
          struct qk_exact a = { 0 };
          qk_exact_dot (&a, x, y, m);
          is (qk_dot_ref (x, y, m, 0), qk_exact_value (&a), NULL);
        }
    }
}
END_TEST

/* q to binary64, to nearest even, by way of a correctly rounded division of MPFR at 53 bits; q is
   not subnormal here.  */
static double
nearest (const mpq_t q)
{
  mpfr_t x;
  mpfr_init2 (x, 53);
  mpfr_set_q (x, q, MPFR_RNDN);
  double value = mpfr_get_d (x, MPFR_RNDN);
  mpfr_clear (x);
  return value;
}

/* And to the digits at that precision.  */
static void
is_rational (struct qk_certified c, const mpq_t q, long precision, const char *what, uint64_t seed)
{
  mpfr_t x, back;
  mpfr_inits2 (precision, x, back, (mpfr_ptr)0);
  mpfr_set_q (x, q, MPFR_RNDN);
  ck_assert_msg (c.value == nearest (q), "%s, seed %llu: %.17g, not %.17g", what,
                 (unsigned long long)seed, c.value, nearest (q));
  ck_assert_ptr_nonnull (c.digits);
  mpfr_set_str (back, c.digits, 10, MPFR_RNDN);
  ck_assert_msg (mpfr_equal_p (x, back), "%s, seed %llu: digits %s", what, (unsigned long long)seed,
                 c.digits);
  mpfr_clears (x, back, (mpfr_ptr)0);
  free (c.digits);
}

START_TEST (sums_against_rationals)
{
  enum
  {
    N = 12
  };
  for (uint64_t seed = 1; seed <= (uint64_t)(200 * effort ()); seed++)
    {
      uint64_t state = seed;
      size_t n = 1 + next (&state) % N;
      double x[N], y[N], shift = random_double (&state, -2, 2);
      long precision = 2 + (long)(next (&state) % 300);
      mpq_t sum, size, t, u, power[4];
      mpq_inits (sum, size, t, u, power[0], power[1], power[2], power[3], NULL);
      for (size_t i = 0; i < n; i++)
        {
          x[i] = random_double (&state, -4, 4);
          y[i] = random_double (&state, seed % 3 ? -4 : -60, 4);
          mpq_set_d (t, x[i]);
          mpq_set_d (u, y[i]);
          mpq_mul (t, t, u);
          mpq_add (sum, sum, t);
          mpq_abs (t, t);
          mpq_add (size, size, t);
          mpq_set_d (u, x[i]);
          mpq_set_d (t, shift);
          mpq_sub (u, u, t);
          mpq_set_ui (t, 1, 1);
          for (int k = 0; k < 4; k++)
            {
              mpq_mul (t, t, u);
              mpq_add (power[k], power[k], t);
            }
        }
      is_rational (qk_dot_ref (x, y, n, precision), sum, precision, "dot", seed);
      for (unsigned k = 0; k < 4; k++)
        is_rational (qk_power_sum_ref (x, n, shift, k + 1, precision), power[k], precision, "power",
                     seed);
      mpq_abs (sum, sum);
      mpq_add (size, size, size);
      mpq_div (t, size, sum);
      is_rational (qk_condition_ref (x, y, n, precision), t, precision, "condition", seed);
      mpq_clears (sum, size, t, u, power[0], power[1], power[2], power[3], NULL);
    }
}
END_TEST

/* Moments of n rationals, as they are defined.  variance in place of the deviation.  */
static void
moments_rational (mpq_t mean, mpq_t variance, mpq_t lag, mpq_t *x, unsigned long n)
{
  mpq_t t, u, count;
  mpq_inits (t, u, count, NULL);
  mpq_set_ui (count, n, 1);
  mpq_set_ui (mean, 0, 1);
  mpq_set_ui (variance, 0, 1);
  mpq_set_ui (lag, 0, 1);
  for (unsigned long i = 0; i < n; i++)
    mpq_add (mean, mean, x[i]);
  mpq_div (mean, mean, count);
  for (unsigned long i = 0; i < n; i++)
    {
      mpq_sub (t, x[i], mean);
      if (i)
        {
          mpq_mul (u, u, t);
          mpq_add (lag, lag, u);
        }
      mpq_set (u, t);
      mpq_mul (t, t, t);
      mpq_add (variance, variance, t);
    }
  mpq_div (lag, lag, variance);
  mpq_set_ui (count, n - 1, 1);
  mpq_div (variance, variance, count);
  mpq_clears (t, u, count, NULL);
}

/* root is the root of square rounded to that precision: its neighbours half way enclose it.  */
static void
is_root (struct qk_certified c, const mpq_t square, long precision, uint64_t seed)
{
  mpfr_t r, below, above;
  mpq_t q;
  mpfr_init2 (r, precision);
  mpfr_inits2 (precision + 1, below, above, (mpfr_ptr)0);
  mpq_init (q);
  mpfr_set_str (r, c.digits, 10, MPFR_RNDN);
  mpfr_set (below, r, MPFR_RNDN);
  mpfr_set (above, r, MPFR_RNDN);
  mpfr_nextbelow (below);
  mpfr_nextabove (above);
  mpfr_get_q (q, below);
  mpq_mul (q, q, q);
  bool low = mpq_cmp (q, square) <= 0;
  mpfr_get_q (q, above);
  mpq_mul (q, q, q);
  ck_assert_msg (low && mpq_cmp (q, square) >= 0, "deviation, seed %llu: %s",
                 (unsigned long long)seed, c.digits);
  mpq_clear (q);
  mpfr_clears (r, below, above, (mpfr_ptr)0);
  free (c.digits);
}

/* Decimals of all lengths and exponents, and doubles.  */
START_TEST (moments_against_rationals)
{
  enum
  {
    N = 30
  };
  for (uint64_t seed = 1; seed <= (uint64_t)(200 * effort ()); seed++)
    {
      uint64_t state = seed;
      unsigned long n = 2 + next (&state) % (N - 1);
      bool decimal = seed % 3;
      long precision = 2 + (long)(next (&state) % 200);
      struct qk_series *s = qk_series_new (decimal);
      struct qk_moments m;
      mpq_t x[N], mean, variance, lag, sum;
      mpq_inits (mean, variance, lag, sum, NULL);
      for (unsigned long i = 0; i < n; i++)
        {
          mpq_init (x[i]);
          if (!decimal)
            {
              double value = random_double (&state, -40, 4);
              mpq_set_d (x[i], value);
              qk_series_add (s, value);
              continue;
            }
          /* w 10^-e, written with an exponent or without.  */
          char text[64];
          int64_t w = (int64_t)(next (&state) >> (next (&state) % 60));
          unsigned e = (unsigned)(next (&state) % (seed % 2 ? 3 : 25));
          snprintf (text, sizeof text, "%llde-%u", (long long)w, e);
          mpz_set_si (mpq_numref (x[i]), w);
          mpz_ui_pow_ui (mpq_denref (x[i]), 10, e);
          mpq_canonicalize (x[i]);
          ck_assert_ptr_null (add_text (s, text));
        }
      moments_rational (mean, variance, lag, x, n);
      mpq_set_ui (sum, n, 1);
      mpq_mul (sum, sum, mean);
      qk_series_moments (&m, s, precision);
      is_rational (m.sum, sum, precision, "sum", seed);
      is_rational (m.mean, mean, precision, "mean", seed);
      is_root (m.deviation, variance, precision, seed);
      is_rational (m.autocorrelation, lag, precision, "autocorrelation", seed);
      for (unsigned long i = 0; i < n; i++)
        mpq_clear (x[i]);
      mpq_clears (mean, variance, lag, sum, NULL);
      qk_series_free (s);
    }
}
END_TEST

/* The definitions at many bits, rounded to nearest all along.  */
START_TEST (softmax_against_many_bits)
{
  enum
  {
    N = 9
  };
  for (uint64_t seed = 1; seed <= (uint64_t)(150 * effort ()); seed++)
    {
      uint64_t state = seed;
      size_t n = 1 + next (&state) % N;
      double x[N], p[N], wide = seed % 3 == 0 ? 0.01 : seed % 3 == 1 ? 3 : 900;
      mpfr_t e[N], sum, entropy, t;
      mpfr_inits2 (PLAIN_BITS, sum, entropy, t, (mpfr_ptr)0);
      mpfr_set_zero (sum, 1);
      mpfr_set_zero (entropy, 1);
      for (size_t i = 0; i < n; i++)
        {
          x[i] = wide * (random_share (&state) - 0.5);
          mpfr_init2 (e[i], PLAIN_BITS);
          mpfr_set_d (e[i], x[i], MPFR_RNDN);
          mpfr_exp (e[i], e[i], MPFR_RNDN);
          mpfr_add (sum, sum, e[i], MPFR_RNDN);
        }
      ck_assert_int_eq (qk_softmax_ref (p, x, n), 0);
      for (size_t i = 0; i < n; i++)
        {
          mpfr_div (e[i], e[i], sum, MPFR_RNDN);
          ck_assert_double_eq (p[i], mpfr_get_d (e[i], MPFR_RNDN));
          mpfr_log (t, e[i], MPFR_RNDN);
          mpfr_mul (t, t, e[i], MPFR_RNDN);
          mpfr_sub (entropy, entropy, t, MPFR_RNDN);
          mpfr_clear (e[i]);
        }
      if (n > 1)
        is (qk_softmax_entropy_ref (x, n, 0), mpfr_get_d (entropy, MPFR_RNDN), NULL);
      mpfr_clears (sum, entropy, t, (mpfr_ptr)0);
    }
}
END_TEST

START_TEST (jacobian_against_rationals)
{
  enum
  {
    N = 5,
    D = 3
  };
  for (uint64_t seed = 1; seed <= (uint64_t)(100 * effort ()); seed++)
    {
      uint64_t state = seed;
      size_t n = 2 + next (&state) % (N - 1), d = D;
      double p[N], K[N * D], J[N * N], g[N * D], c = random_double (&state, -3, 1);
      mpq_t q[N], all, entry[N * N], t, trace, square, slope, slopes;
      mpq_inits (all, t, trace, square, slope, slopes, NULL);
      for (size_t i = 0; i < n; i++)
        {
          mpq_init (q[i]);
          p[i] = random_share (&state) * (seed % 4 ? 1 : pow (2, -60. * (double)i)) / (double)n;
          mpq_set_d (q[i], p[i]);
          mpq_add (all, all, q[i]);
        }
      for (size_t i = 0; i < n * d; i++)
        K[i] = random_double (&state, -3, 3);
      ck_assert_int_eq (qk_softmax_jacobian_ref (J, p, n), 0);
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
          {
            mpq_t *e = &entry[i * n + j];
            mpq_init (*e);
            if (i == j)
              mpq_set (*e, all);
            mpq_sub (*e, *e, q[j]);
            mpq_mul (*e, *e, q[i]);
            ck_assert_double_eq (J[i * n + j], nearest (*e));
            if (i == j)
              mpq_add (trace, trace, *e);
            mpq_mul (t, *e, *e);
            mpq_add (square, square, t);
          }
      is_rational (qk_jacobian_trace_ref (p, n, 99), trace, 99, "trace", seed);
      is_rational (qk_jacobian_square_ref (p, n, 99), square, 99, "square", seed);
      ck_assert_int_eq (qk_softmax_gradient_ref (g, p, K, n, d, c), 0);
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
          {
            mpq_set_ui (slope, 0, 1);
            for (size_t l = 0; l < n; l++)
              {
                mpq_set_d (t, c * 1);
                mpq_mul (t, t, entry[i * n + l]);
                mpq_t k;
                mpq_init (k);
                mpq_set_d (k, K[l * d + j]);
                mpq_mul (t, t, k);
                mpq_add (slope, slope, t);
                mpq_clear (k);
              }
            ck_assert_double_eq (g[i * d + j], nearest (slope));
            mpq_mul (slope, slope, slope);
            mpq_add (slopes, slopes, slope);
          }
      is_rational (qk_gradient_square_ref (p, K, n, d, c, 99), slopes, 99, "gradient", seed);
      for (size_t i = 0; i < n; i++)
        mpq_clear (q[i]);
      for (size_t i = 0; i < n * n; i++)
        mpq_clear (entry[i]);
      mpq_clears (all, t, trace, square, slope, slopes, NULL);
    }
}
END_TEST

/* Of two keys J has the eigenvalue 2 p_1 p_2; of three it is a root of l^2 - l tr J + 3 P p_1 p_2
   p_3.  */
START_TEST (norm_against_rationals)
{
  for (uint64_t seed = 1; seed <= (uint64_t)(60 * effort ()); seed++)
    {
      uint64_t state = seed;
      double p[3] = { random_share (&state), random_share (&state), random_share (&state) };
      struct qk_exact twice = { 0 };
      qk_exact_add (&twice, 2 * p[0], p[1]);
      is (qk_jacobian_norm_ref (p, 2, 0), qk_exact_value (&twice), NULL);

      mpfr_t t, trace, product;
      mpfr_inits2 (PLAIN_BITS, t, trace, product, (mpfr_ptr)0);
      mpfr_set_zero (trace, 1);
      for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
          if (i != j)
            {
              mpfr_set_d (t, p[i], MPFR_RNDN);
              mpfr_mul_d (t, t, p[j], MPFR_RNDN);
              mpfr_add (trace, trace, t, MPFR_RNDN);
            }
      mpfr_set_d (product, p[0], MPFR_RNDN);
      mpfr_add_d (product, product, p[1], MPFR_RNDN);
      mpfr_add_d (product, product, p[2], MPFR_RNDN);
      for (int i = 0; i < 3; i++)
        mpfr_mul_d (product, product, p[i], MPFR_RNDN);
      mpfr_mul_ui (product, product, 12, MPFR_RNDN);
      mpfr_sqr (t, trace, MPFR_RNDN);
      mpfr_sub (t, t, product, MPFR_RNDN);
      mpfr_sqrt (t, t, MPFR_RNDN);
      mpfr_add (t, t, trace, MPFR_RNDN);
      mpfr_div_ui (t, t, 2, MPFR_RNDN);
      is (qk_jacobian_norm_ref (p, 3, 0), mpfr_get_d (t, MPFR_RNDN), NULL);
      mpfr_clears (t, trace, product, (mpfr_ptr)0);
    }
}
END_TEST

START_TEST (additive_against_many_bits)
{
  enum
  {
    D = 4,
    H = 3
  };
  for (uint64_t seed = 1; seed <= (uint64_t)(150 * effort ()); seed++)
    {
      uint64_t state = seed;
      double q[D], k[D], v[H], W[H * D], U[H * D];
      mpfr_t x, t, sum;
      mpfr_inits2 (PLAIN_BITS, x, t, sum, (mpfr_ptr)0);
      for (int i = 0; i < D; i++)
        {
          q[i] = random_double (&state, -3, 1);
          k[i] = random_double (&state, -3, 1);
        }
      mpfr_set_zero (sum, 1);
      for (int a = 0; a < H; a++)
        {
          v[a] = random_double (&state, -2, 1);
          mpfr_set_zero (x, 1);
          for (int i = 0; i < D; i++)
            {
              W[a * D + i] = random_double (&state, -3, 2);
              U[a * D + i] = random_double (&state, -3, 2);
              mpfr_set_d (t, W[a * D + i], MPFR_RNDN);
              mpfr_mul_d (t, t, q[i], MPFR_RNDN);
              mpfr_add (x, x, t, MPFR_RNDN);
              mpfr_set_d (t, U[a * D + i], MPFR_RNDN);
              mpfr_mul_d (t, t, k[i], MPFR_RNDN);
              mpfr_add (x, x, t, MPFR_RNDN);
            }
          mpfr_tanh (x, x, MPFR_RNDN);
          mpfr_mul_d (x, x, v[a], MPFR_RNDN);
          mpfr_add (sum, sum, x, MPFR_RNDN);
        }
      is (qk_additive_score_ref (q, k, v, W, U, H, D, 0), mpfr_get_d (sum, MPFR_RNDN), NULL);
      mpfr_clears (x, t, sum, (mpfr_ptr)0);
    }
}
END_TEST

/* ---- laws ---- */

/* Digits at 53 bits read back to the value, and digits at 400 bits, rounded to 100, to those at
   100.  */
START_TEST (digits_agree)
{
  for (uint64_t seed = 1; seed <= (uint64_t)(200 * effort ()); seed++)
    {
      uint64_t state = seed;
      double x[4], e = seed % 2 ? 1 : 300;
      for (int i = 0; i < 4; i++)
        x[i] = e * random_share (&state);
      struct qk_certified at[3]
          = { qk_softmax_entropy_ref (x, 4, 53), qk_softmax_entropy_ref (x, 4, 100),
              qk_softmax_entropy_ref (x, 4, 400) };
      mpfr_t wide, narrow, read;
      mpfr_init2 (wide, 400);
      mpfr_inits2 (100, narrow, read, (mpfr_ptr)0);
      mpfr_set_str (wide, at[2].digits, 10, MPFR_RNDN);
      mpfr_set (narrow, wide, MPFR_RNDN);
      mpfr_set_str (read, at[1].digits, 10, MPFR_RNDN);
      ck_assert (mpfr_equal_p (narrow, read));
      ck_assert_double_eq (strtod (at[0].digits, NULL), at[0].value);
      for (int i = 0; i < 3; i++)
        {
          ck_assert_double_eq (at[i].value, at[0].value);
          free (at[i].digits);
        }
      mpfr_clears (wide, narrow, read, (mpfr_ptr)0);
    }
}
END_TEST

/* The moments do not depend on how a series is asked in between, and but for the autocorrelation
   not on its order.  */
START_TEST (series_order)
{
  uint64_t state = 5;
  struct qk_series *forth = qk_series_new (0), *back = qk_series_new (0);
  double x[100];
  for (int i = 0; i < 100; i++)
    x[i] = random_double (&state, -30, 30);
  struct qk_moments a, b;
  for (int i = 0; i < 100; i++)
    {
      qk_series_add (forth, x[i]);
      qk_series_add (back, x[99 - i]);
      if (i % 7 == 0)
        qk_series_moments (&b, back, 0);
    }
  qk_series_moments (&a, forth, 0);
  qk_series_moments (&b, back, 0);
  ck_assert_double_eq (a.count, b.count);
  ck_assert_double_eq (a.mean.value, b.mean.value);
  ck_assert_double_eq (a.deviation.value, b.deviation.value);
  ck_assert_double_eq (a.autocorrelation.value,
                       b.autocorrelation.value); /* backwards it is the same */
  ck_assert (a.deviation.value > 0 && fabs (a.autocorrelation.value) < 1);
  qk_series_free (forth);
  qk_series_free (back);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reference");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_test (exact, known_sums);
  tcase_add_test (exact, spelling);
  tcase_add_test (exact, nist);
  tcase_add_test (exact, known_attention);
  tcase_add_test (edges, versions);
  tcase_add_test (edges, special);
  tcase_add_test (edges, beyond);
  tcase_add_test (edges, must_be_refused);
  tcase_add_test (edges, decimals);
  tcase_add_test (edges, long_numbers);
  tcase_add_test (twin, dot_against_integers);
  tcase_add_test (twin, sums_against_rationals);
  tcase_add_test (twin, moments_against_rationals);
  tcase_add_test (twin, softmax_against_many_bits);
  tcase_add_test (twin, jacobian_against_rationals);
  tcase_add_test (twin, norm_against_rationals);
  tcase_add_test (twin, additive_against_many_bits);
  tcase_add_test (laws, digits_agree);
  tcase_add_test (laws, series_order);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
