/* t-reference.c -- the correctly rounded dot product against integers of any size.  */

#include "../src/reference.h"
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
round_sum (const mpz_t sum)
{
  mpz_t m;
  mpz_init (m);
  mpz_abs (m, sum);
  /* Drop all but 53 bits, or all below the spacing 2^-1074 of the subnormal numbers.  */
  long drop = (long)mpz_sizeinbase (m, 2) - 53;
  if (drop < 2148 - 1074)
    drop = 2148 - 1074;
  bool half = mpz_tstbit (m, drop - 1);
  bool beyond = mpz_scan1 (m, 0) < (mp_bitcnt_t)drop - 1;
  mpz_tdiv_q_2exp (m, m, drop);
  if (half && (beyond || mpz_odd_p (m)))
    mpz_add_ui (m, m, 1);
  double value = ldexp (mpz_get_d (m), drop - 2148);
  mpz_clear (m);
  return mpz_sgn (sum) < 0 ? -value : value;
}

static double
dot_integer (const double *x, const double *y, size_t n)
{
  mpz_t sum;
  mpz_init (sum);
  for (size_t i = 0; i < n; i++)
    add_product (sum, x[i], y[i]);
  double value = round_sum (sum);
  mpz_clear (sum);
  return value;
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

#define DOT(x, y) qk_dot_ref (x, y, sizeof (x) / sizeof *(x))

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
  same (qk_dot_ref (NULL, NULL, 0), 0.0, "empty", 0);
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

START_TEST (versions)
{
  int major, minor, patch;
  ck_assert_int_eq (sscanf (qk_mpfr_version (), "%d.%d.%d", &major, &minor, &patch), 3);
  ck_assert_int_ge (major, 4);
  ck_assert_int_eq (sscanf (qk_gmp_version (), "%d.%d.%d", &major, &minor, &patch), 3);
  ck_assert_int_ge (major, 5);
}
END_TEST

/* ---- twin ---- */

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
  } range[]
      = { { -3, 3 }, { -60, 60 }, { -545, -520 }, { -1080, 20 }, { 500, 512 }, { -1074, 1023 } };
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
      same (qk_dot_ref (x, y, n), dot_integer (x, y, n), "random", seed);

      /* Nearly cancelling: every product again with the other sign, but for one last bit.  */
      for (size_t i = 0; i < n; i++)
        {
          x[n + i] = -x[i];
          y[n + i] = y[i];
        }
      size_t i = next (&state) % n;
      x[n + i] = nextafter (x[n + i], 0);
      same (qk_dot_ref (x, y, 2 * n), dot_integer (x, y, 2 * n), "cancelling", seed);
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
      double dot = qk_dot_ref (x, y, 30);
      same (qk_dot_ref (rx, ry, 30), dot, "reversed", seed);
      same (qk_dot_ref (y, x, 30), dot, "exchanged", seed);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reference");
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
  tcase_add_test (edges, versions);
  tcase_add_test (twin, integers);
  tcase_add_test (laws, order);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
