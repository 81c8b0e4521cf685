/* t-figure.c -- numbers for people: digits, and ends that are never too narrow.  */

#include "../src/figure.h"
#include "support.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct qk_figure
figure (double estimate, double lo, double hi)
{
  struct qk_figure f;
  qk_figure_enclosure (&f, (struct qk_enclosure){ estimate, NAN, lo, hi });
  return f;
}

/* Assert the four texts of a figure.  */
static void
reads (struct qk_figure f, const char *estimate, const char *half, const char *lo, const char *hi)
{
  ck_assert_str_eq (f.estimate, estimate);
  ck_assert_str_eq (f.half, half);
  ck_assert_str_eq (f.lo, lo);
  ck_assert_str_eq (f.hi, hi);
}

/* ---- exact ---- */

START_TEST (digits)
{
  reads (figure (63.98527, 63.8641, 64.1063), "63.99", "0.13", "63.86", "64.11");
  reads (figure (1.002341, 0.9964, 1.00817), "1.0023", "0.0060", "0.9964", "1.0082");
  reads (figure (4093.21, 4080.6, 4105.5), "4093", "13", "4080", "4106");
  reads (figure (-0.00003, -0.00311, 0.00302), "0.0000", "0.0032", "-0.0032", "0.0031");
  reads (figure (512345.6, 511111.1, 513579.9), "512346", "1235", "511111", "513580");
}
END_TEST

START_TEST (powers_of_ten)
{
  reads (figure (1.2345678e13, 1.22e13, 1.251e13), "1.235e13", "1.7e11", "1.220e13", "1.251e13");
  reads (figure (2.384e-7, 2.19e-7, 2.6e-7), "2.38e-7", "2.3e-8", "2.19e-7", "2.60e-7");
  reads (figure (12345678.9, 12345675, 12345683), "1.23456789e7", "4.1", "1.23456750e7",
         "1.23456830e7");
}
END_TEST

START_TEST (values)
{
  char text[QK_FIGURE];
  static const struct
  {
    double x;
    int decimals;
    const char *text;
  } cases[] = { { 64, 3, "64" },
                { 64.00000000000001, 3, "64" },
                { 0.09375, 3, "0.094" },
                { 0.0014648, 2, "0.0015" }, /* never "0.00" */
                { 0.6366197723675814, 4, "0.6366" },
                { 1048576, 0, "1048576" },
                { 0, 4, "0" },
                { -0.0, 4, "0" },
                { 3e-9, 3, "3.0e-9" },
                { INFINITY, 3, "inf" },
                { NAN, 3, "-" } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
      qk_figure_value (text, cases[i].x, cases[i].decimals);
      ck_assert_str_eq (text, cases[i].text);
    }
}
END_TEST

START_TEST (bands)
{
  char text[QK_FIGURE_BAND];
  static const struct
  {
    struct qk_band band;
    const char *text;
  } cases[] = { { { 64 / 1.01, 64 * 1.01 }, "[63.366, 64.64]" },
                { { 64 / 1.000001, 64 * 1.000001 }, "[63.999936, 64.000064]" },
                { { -INFINITY, 0.02 }, "at most 0.02" },
                { { 2.385, INFINITY }, "at least 2.385" },
                { { 7, 7 }, "exactly 7" },
                { { 4398046511104, 4398046511104 }, "exactly 4398046511104" },
                { { -INFINITY, INFINITY }, "anything" } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
      qk_figure_band (text, cases[i].band);
      ck_assert_str_eq (text, cases[i].text);
    }
}
END_TEST

START_TEST (counts)
{
  char text[QK_FIGURE];
  qk_figure_count (text, 4096);
  ck_assert_str_eq (text, "4096");
  qk_figure_count (text, 31234567);
  ck_assert_str_eq (text, "3.1e7");
  qk_figure_time (text, 0.0234);
  ck_assert_str_eq (text, "0.02 s");
  qk_figure_time (text, 6.54);
  ck_assert_str_eq (text, "6.5 s");
  qk_figure_time (text, 2e-5);
  ck_assert_str_eq (text, "2e-5 s");
  qk_figure_time (text, 725);
  ck_assert_str_eq (text, "12 min");
  qk_figure_bytes (text, 512);
  ck_assert_str_eq (text, "512 B");
  qk_figure_bytes (text, 8123);
  ck_assert_str_eq (text, "8.1 kB");
  qk_figure_bytes (text, 123456789);
  ck_assert_str_eq (text, "123 MB");
  qk_figure_plain (text, 6.66667e-5, 2);
  ck_assert_str_eq (text, "6.7e-5");
}
END_TEST

/* ---- edges ---- */

START_TEST (ends_missing)
{
  reads (figure (0.63662, NAN, NAN), "0.637", "?", "?", "?");
  reads (figure (0.63662, -INFINITY, INFINITY), "0.637", "inf", "-inf", "inf");
  reads (figure (NAN, NAN, NAN), "-", "?", "?", "?");
}
END_TEST

START_TEST (no_width)
{
  reads (figure (4096, 4096, 4096), "4096", "0", "4096", "4096");
  reads (figure (0, 0, 0), "0", "0", "0", "0");
  reads (figure (2.5, 2.5, 2.5), "2.5", "0.0", "2.5", "2.5");
}
END_TEST

/* ---- laws ---- */

static double
uniform (uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) * 0x1p-53;
}

/* What is printed encloses what was found, and is at most a tenth of the width wider at each end
   (two digits of the half-width).  */
START_TEST (outwards)
{
  uint64_t state = 2385;
  for (int i = 0; i < 20000 * effort (); i++)
    {
      uint64_t seed = state;
      double size = pow (10, 24 * uniform (&state) - 12);
      double estimate = (uniform (&state) - 0.5) * size;
      double width = size * pow (10, -8 * uniform (&state));
      double lo = estimate - width * uniform (&state), hi = estimate + width * uniform (&state);
      double half = fmax (estimate - lo, hi - estimate);
      struct qk_figure f = figure (estimate, lo, hi);
      double shown = strtod (f.estimate, NULL), around = strtod (f.half, NULL);
      double a = strtod (f.lo, NULL), b = strtod (f.hi, NULL), slack = 1e-15 * size;
      /* Whole units are the least that is shown of numbers without a power of ten.  */
      double unit = fmax (half / 10, fabs (lo) < 1e7 && half > 10 ? 1 : 0);
      ck_assert_msg (a <= lo && hi <= b, "state %llu: [%s, %s] for [%.17g, %.17g]",
                     (unsigned long long)seed, f.lo, f.hi, lo, hi);
      ck_assert_msg (shown - around <= lo + slack && hi - slack <= shown + around,
                     "state %llu: %s +- %s for [%.17g, %.17g]", (unsigned long long)seed,
                     f.estimate, f.half, lo, hi);
      ck_assert_msg (lo - a <= unit * 1.001 && b - hi <= unit * 1.001 && around <= half + 2 * unit,
                     "state %llu: too wide: %s +- %s, [%s, %s] for [%.17g, %.17g]",
                     (unsigned long long)seed, f.estimate, f.half, f.lo, f.hi, lo, hi);
      ck_assert_uint_lt (strlen (f.estimate), QK_FIGURE / 2);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("figure");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *laws = tcase_create ("laws");
  tcase_add_test (exact, digits);
  tcase_add_test (exact, powers_of_ten);
  tcase_add_test (exact, values);
  tcase_add_test (exact, bands);
  tcase_add_test (exact, counts);
  tcase_add_test (edges, ends_missing);
  tcase_add_test (edges, no_width);
  tcase_add_test (laws, outwards);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, laws);
  return run (suite);
}
