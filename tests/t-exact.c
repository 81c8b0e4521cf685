/* t-exact.c -- sums that no addition rounds, in every format, against integers of any size.  */

#include "../src/exact.h"
#include "support.h"

#include <float.h>
#include <gmp.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Reference values by another route: the sum as an integer multiple of 2^-2148, rounded by hand. */

static void
add_product (mpz_t sum, double x, double y)
{
  int ex, ey;
  double mx = ldexp (frexp (x, &ex), 53), my = ldexp (frexp (y, &ey), 53);
  if (mx == 0 || my == 0)
    return;
  /* x y = mx my 2^(ex + ey - 106); subnormal factors leave trailing zeros in mx, so that a shift
     below -2148 divides exactly.  */
  mpz_t p, q;
  mpz_init_set_d (p, mx);
  mpz_init_set_d (q, my);
  mpz_mul (p, p, q);
  int shift = ex + ey - 106 + 2148;
  if (shift >= 0)
    mpz_mul_2exp (p, p, shift);
  else
    mpz_tdiv_q_2exp (p, p, -shift);
  mpz_add (sum, sum, p);
  mpz_clears (p, q, NULL);
}

static double
round_sum (const mpz_t sum, const struct qk_float_format *f, enum qk_direction r)
{
  mpz_t m;
  mpz_init (m);
  mpz_abs (m, sum);
  /* Drop all but the bits of the format, or all below the spacing of its subnormal numbers.  */
  long drop = (long)mpz_sizeinbase (m, 2) - f->precision, least = 2148 + f->emin - f->precision + 1;
  drop = drop < least ? least : drop;
  bool half = mpz_tstbit (m, drop - 1);
  bool beyond = mpz_sgn (m) && mpz_scan1 (m, 0) < (mp_bitcnt_t)drop - 1;
  mpz_tdiv_q_2exp (m, m, drop);
  if (r == QK_NEAREST && half && (beyond || mpz_odd_p (m)))
    mpz_add_ui (m, m, 1);
  double value = ldexp (mpz_get_d (m), drop - 2148);
  if (value >= ldexp (1, f->emax) * 2) /* infinity in binary64 */
    value = r == QK_NEAREST ? INFINITY : f->largest;
  mpz_clear (m);
  return mpz_sgn (sum) < 0 ? -value : value;
}

static void
sum_integer (mpz_t sum, const double *x, const double *y, size_t n)
{
  mpz_set_ui (sum, 0);
  for (size_t i = 0; i < n; i++)
    add_product (sum, x[i], y[i]);
}

static double
random_double (uint64_t *state, int e_lo, int e_hi)
{
  double m = 1 + (double)(next (state) >> 12) * 0x1p-52;
  int e = e_lo + (int)(next (state) % (uint64_t)(e_hi - e_lo + 1));
  return ldexp (next (state) & 1 ? -m : m, e);
}

/* Assert equality of the bits, naming what was summed.  */
static void
same (double got, double want, const char *what, uint64_t seed)
{
  ck_assert_msg (got == want && signbit (got) == signbit (want), "%s, seed %llu: %.17g, not %.17g",
                 what, (unsigned long long)seed, got, want);
}

static struct qk_exact
sum_of (const double *x, const double *y, size_t n)
{
  struct qk_exact a = { 0 };
  qk_exact_dot (&a, x, y, n);
  return a;
}

static double
dot (const double *x, const double *y, size_t n)
{
  struct qk_exact a = sum_of (x, y, n);
  return qk_exact_value (&a);
}

#define DOT(x, y) dot (x, y, sizeof (x) / sizeof *(x))

/* ---- exact ---- */

START_TEST (known)
{
  double x[] = { 2.5, -3.75, 1.125 }, y[] = { 4, 0.5, -16 };
  ck_assert_double_eq (DOT (x, y), 10 - 1.875 - 18);
  double one[] = { 0.1 }, ten[] = { 10 }; /* 0.1 lies 2^-54 / 10 beyond a tenth */
  ck_assert_double_eq (DOT (one, ten), 1);
  double a[] = { 0.1, -1 }, b[] = { 10, 1 };
  ck_assert_double_eq (DOT (a, b), 0x1p-54);
}
END_TEST

START_TEST (cancellation)
{
  double x[] = { 1e200, 2.385, -1e200, 0x1p-600 }, y[] = { 1e100, 1, 1e100, 0x1p-470 };
  ck_assert_double_eq (DOT (x, y), 2.385);
  double deep[] = { 0x1p1000, 0x1p-1074, -0x1p1000 }, other[] = { 0x1p1023, 1, 0x1p1023 };
  ck_assert_double_eq (DOT (deep, other), 0x1p-1074);
}
END_TEST

/* The whole range at once: a hair of 2^-2148 beside sums beyond 2^2055 decides a tie of the
   smallest numbers.  */
START_TEST (span)
{
  enum
  {
    MANY = 256
  };
  double x[2 * MANY + 2], y[2 * MANY + 2];
  for (size_t i = 0; i < MANY; i++)
    {
      x[i] = x[MANY + 2 + i] = DBL_MAX;
      y[i] = DBL_MAX;
      y[MANY + 2 + i] = -DBL_MAX;
    }
  x[MANY] = y[MANY] = x[MANY + 1] = 0x1p-1074;
  y[MANY + 1] = 0.5;
  ck_assert_double_eq (DOT (x, y), 0x1p-1074);
  x[MANY] = 0;
  same (DOT (x, y), 0.0, "tie", 0);
}
END_TEST

START_TEST (ties)
{
  double x[] = { 1, 0x1p-53 }, y[] = { 1, 1 }; /* half way, to even */
  ck_assert_double_eq (DOT (x, y), 1);
  double up[] = { 1, 0x1p-53, 0x1p-1000 }, one[] = { 1, 1, 0x1p-1000 }; /* and a hair more */
  ck_assert_double_eq (DOT (up, one), 1 + 0x1p-52);
  double odd[] = { 1 + 0x1p-52, 0x1p-53 };
  ck_assert_double_eq (DOT (odd, y), 1 + 0x1p-51);
}
END_TEST

/* ---- edges ---- */

START_TEST (empty)
{
  same (dot (NULL, NULL, 0), 0.0, "empty", 0);
  double x[] = { 2.385, -2.385 }, y[] = { 7, 7 };
  same (DOT (x, y), 0.0, "zero", 0);
}
END_TEST

START_TEST (overflow)
{
  double x[] = { DBL_MAX, DBL_MAX, -DBL_MAX }, y[] = { 2, 3, 4.5 };
  ck_assert_double_eq (DOT (x, y), DBL_MAX * 0.5); /* partial sums lie beyond the range */
  double twice[] = { DBL_MAX }, two[] = { -2 };
  ck_assert_double_eq (DOT (twice, two), -INFINITY);
  /* The last value that rounds to DBL_MAX lies below DBL_MAX + 2^970.  */
  double edge[] = { DBL_MAX, 0x1p970 }, ones[] = { 1, 1 };
  ck_assert_double_eq (DOT (edge, ones), INFINITY);
  double below[] = { DBL_MAX, 0x1p970, -0x1p-1074 }, three[] = { 1, 1, 0x1p-1074 };
  ck_assert_double_eq (DOT (below, three), DBL_MAX);
}
END_TEST

START_TEST (subnormal)
{
  double x[] = { 0x1p-1074 }, half[] = { 0.5 };
  same (DOT (x, half), 0.0, "half the smallest", 0);
  double three_quarters[] = { 0.75 };
  ck_assert_double_eq (DOT (x, three_quarters), 0x1p-1074);
  /* Halves of the spacing round to even once, not twice through 53 bits.  */
  double a[] = { 3 * 0x1p-1074, -0x1p-1000 }, b[] = { 0.5, 0x1p-1000 };
  ck_assert_double_eq (DOT (a, b), 0x1p-1074);
}
END_TEST

START_TEST (special)
{
  double x[] = { INFINITY, 1 }, y[] = { 2, 3 }, zero[] = { 0, 1 }, minus[] = { 1, -INFINITY };
  ck_assert_double_eq (DOT (x, y), INFINITY);
  ck_assert_double_nan (DOT (x, zero));
  double both[] = { INFINITY, INFINITY }, sign[] = { 1, -1 };
  ck_assert_double_nan (DOT (both, sign));
  ck_assert_double_eq (DOT (y, minus), -INFINITY);
  double nan[] = { NAN, 1 };
  ck_assert_double_nan (DOT (nan, y));
}
END_TEST

/* A sum of one number in binary16, by both roundings.  */
START_TEST (narrow)
{
  static const struct
  {
    double x, nearest, zero;
  } table[] = {
    { 65504, 65504, 65504 },
    { 65519.99, 65504, 65504 },
    { 65520, INFINITY, 65504 },
    { 1e300, INFINITY, 65504 },
    { -65520, -INFINITY, -65504 },
    { 1 + 0x1p-11, 1, 1 },
    { 1 + 3 * 0x1p-11, 1 + 0x1p-9, 1 + 0x1p-10 },
    { 1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-10, 1 },
    { 0x1p-24, 0x1p-24, 0x1p-24 },
    { 0x1p-25, 0, 0 },
    { -0x1.8p-25, -0x1p-24, -0.0 },
    { 0x1.8p-24, 0x1p-23, 0x1p-24 },
    { 2.5 * 0x1p-24, 0x1p-23, 0x1p-23 },
    { 0x1p-14 - 0x1p-26, 0x1p-14, 0x1p-14 - 0x1p-24 },
    { 0x1p-1074, 0, 0 },
  };
  const struct qk_float_format *f = &qk_float_formats[QK_BINARY16];
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    {
      struct qk_exact a = { 0 };
      qk_exact_add (&a, table[i].x, 1);
      same (qk_exact_round (&a, f, QK_NEAREST), table[i].nearest, "nearest", i);
      same (qk_exact_round (&a, f, QK_TO_ZERO), table[i].zero, "toward zero", i);
    }
}
END_TEST

/* Carries that wait: as many additions of the largest part as digits take, and more.  */
START_TEST (patience)
{
  struct qk_exact a = { 0 };
  a.waiting = (1u << 29) - 3; /* as if so many had been added */
  for (size_t i = 0; i < QK_EXACT_DIGITS - 1; i++)
    a.digit[i] = INT64_MAX - (1ll << 36);
  struct qk_exact b = a;
  double most = 0x1.fffffffffffffp0;
  for (int i = 0; i < 6; i++)
    qk_exact_add (&a, most, most);
  for (int i = 0; i < 6; i++)
    qk_exact_add (&a, -most, most);
  ck_assert_uint_lt (a.waiting, 12);
  same (qk_exact_value (&a), qk_exact_value (&b), "carried", 0);
}
END_TEST

/* ---- twin ---- */

/* In every format, by both roundings; and the sign.  */
static void
check_formats (const double *x, const double *y, size_t n, const char *what, uint64_t seed)
{
  struct qk_exact a = sum_of (x, y, n);
  mpz_t sum;
  mpz_init (sum);
  sum_integer (sum, x, y, n);
  ck_assert_int_eq (qk_exact_sign (&a), mpz_sgn (sum));
  for (int f = 0; f < QK_FLOATS; f++)
    for (int r = 0; r < QK_DIRECTIONS; r++)
      same (qk_exact_round (&a, &qk_float_formats[f], r), round_sum (sum, &qk_float_formats[f], r),
            what, seed);
  mpz_clear (sum);
}

START_TEST (integers)
{
  enum
  {
    MOST = 48
  };
  /* Exponents of the factors: ordinary, wide, products near underflow, near overflow.  */
  static const struct
  {
    int lo, hi;
  } range[] = { { -3, 3 },  { -60, 60 },    { -14, -5 },   { 0, 9 },     { -75, -60 },
                { 55, 66 }, { -545, -520 }, { -1080, 20 }, { 500, 512 }, { -1074, 1023 } };
  for (uint64_t seed = 1; seed <= (uint64_t)(3000 * effort ()); seed++)
    {
      uint64_t state = seed;
      size_t r = seed % (sizeof range / sizeof *range);
      size_t n = 1 + next (&state) % MOST;
      double x[2 * MOST], y[2 * MOST];
      for (size_t i = 0; i < n; i++)
        {
          x[i] = random_double (&state, range[r].lo, range[r].hi);
          y[i] = random_double (&state, range[r].lo, range[r].hi);
        }
      check_formats (x, y, n, "random", seed);

      /* Nearly cancelling: every product again with the other sign, but for one last bit.  */
      for (size_t i = 0; i < n; i++)
        {
          x[n + i] = -x[i];
          y[n + i] = y[i];
        }
      size_t i = next (&state) % n;
      x[n + i] = nextafter (x[n + i], 0);
      check_formats (x, y, 2 * n, "cancelling", seed);

      /* Near a tie of a short format: a few of its bits, one more, and a hair or none.  */
      x[0] = ldexp ((double)(next (&state) % 65536), (int)(next (&state) % 160) - 150);
      x[1] = next (&state) & 1 ? random_double (&state, -300, -200) : 0;
      y[0] = y[1] = 1;
      check_formats (x, y, 2, "tie", seed);
    }
}
END_TEST

/* ---- laws ---- */

START_TEST (order)
{
  for (uint64_t seed = 1; seed <= 200; seed++)
    {
      uint64_t state = seed;
      double x[30], y[30], rx[30], ry[30];
      for (int i = 0; i < 30; i++)
        {
          rx[29 - i] = x[i] = random_double (&state, -300, 300);
          ry[29 - i] = y[i] = random_double (&state, -300, 300);
        }
      double sum = dot (x, y, 30);
      same (dot (rx, ry, 30), sum, "reversed", seed);
      same (dot (y, x, 30), sum, "exchanged", seed);
    }
}
END_TEST

/* The sum of sizes is that of the products' sizes; an error is what is left of both.  */
START_TEST (sizes)
{
  double x[] = { 2.385, -3.75, 1e-300 }, y[] = { -4.5, 0.3, -1e-300 };
  double ax[] = { 2.385, 3.75, 1e-300 }, ay[] = { 4.5, 0.3, 1e-300 };
  struct qk_exact a = { 0 };
  qk_exact_dot_size (&a, x, y, 3);
  same (qk_exact_value (&a), DOT (ax, ay), "sizes", 0);
  a = sum_of (x, y, 3);
  double value = qk_exact_value (&a);
  qk_exact_add (&a, value, -1);
  double error = qk_exact_value (&a);
  ck_assert (error != 0 && fabs (error) <= ldexp (fabs (value), -53));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("exact");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_test (exact, known);
  tcase_add_test (exact, cancellation);
  tcase_add_test (exact, span);
  tcase_add_test (exact, ties);
  tcase_add_test (edges, empty);
  tcase_add_test (edges, overflow);
  tcase_add_test (edges, subnormal);
  tcase_add_test (edges, special);
  tcase_add_test (edges, narrow);
  tcase_add_test (edges, patience);
  tcase_add_test (twin, integers);
  tcase_add_test (laws, order);
  tcase_add_test (laws, sizes);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
