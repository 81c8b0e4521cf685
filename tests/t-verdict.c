/* t-verdict.c -- the verdict rule and the bands, on known answers.  */

#include "qk.h"
#include "support.h"

#include <math.h>

static enum qk_verdict
decide (double lo, double hi, double band_lo, double band_hi)
{
  struct qk_enclosure e = { (lo + hi) / 2, (hi - lo) / 8, lo, hi };
  return qk_verdict_decide (e, (struct qk_band){ band_lo, band_hi });
}

START_TEST (exact_rule)
{
  ck_assert_int_eq (decide (63.71, 64.22, 63.4, 64.6), QK_HOLDS);
  ck_assert_int_eq (decide (62.8, 63.39, 63.4, 64.6), QK_FAILS);
  ck_assert_int_eq (decide (64.61, 65.3, 63.4, 64.6), QK_FAILS);
  ck_assert_int_eq (decide (62.8, 63.9, 63.4, 64.6), QK_UNDECIDED);
  ck_assert_int_eq (decide (64.1, 65.3, 63.4, 64.6), QK_UNDECIDED);
  /* An enclosure that contains the band knows less than it asks.  */
  ck_assert_int_eq (decide (62.8, 65.3, 63.4, 64.6), QK_UNDECIDED);
}
END_TEST

START_TEST (exact_bands)
{
  struct qk_band b = qk_band_ratio (64, 0.25);
  ck_assert_double_eq_tol (b.lo, 51.2, 1e-13);
  ck_assert_double_eq_tol (b.hi, 80, 1e-13);

  b = qk_band_absolute (-2.385, 0.75);
  ck_assert_double_eq_tol (b.lo, -3.135, 1e-15);
  ck_assert_double_eq_tol (b.hi, -1.635, 1e-15);

  /* Normal components, d = 1: kurtosis 9, so 9 / 1.25 - 3 and 9 1.25 - 3.  */
  b = qk_band_kurtosis (6, 0.05);
  ck_assert_double_eq_tol (b.lo, 4.2, 1e-14);
  ck_assert_double_eq_tol (b.hi, 8.25, 1e-14);

  /* 2 ln 1.5 / ln (4096 / 1) = 2 (0.4054651081081644) / 8.317766166719343.  */
  b = qk_band_slope (1, 0.5, 1, 4096);
  ck_assert_double_eq_tol (b.lo, 1 - 0.09749375012019271, 1e-15);
  ck_assert_double_eq_tol (b.hi, 1 + 0.09749375012019271, 1e-15);

  b = qk_band_most (0.02);
  ck_assert_double_eq (b.lo, -INFINITY);
  ck_assert_double_eq (b.hi, 0.02);
}
END_TEST

START_TEST (exact_names)
{
  ck_assert_str_eq (qk_verdict_name (QK_HOLDS), "holds");
  ck_assert_str_eq (qk_verdict_name (QK_FAILS), "fails");
  ck_assert_str_eq (qk_verdict_name (QK_UNDECIDED), "undecided");
  ck_assert_ptr_null (qk_verdict_name (QK_DESCRIBED));
  ck_assert_ptr_null (qk_verdict_name (QK_INVALID));
}
END_TEST

START_TEST (exact_ends)
{
  struct qk_band least = qk_band_least (2.385), equal = qk_band_equal (2.385);
  ck_assert (least.lo == 2.385 && least.hi == INFINITY);
  ck_assert (equal.lo == 2.385 && equal.hi == 2.385);
  struct qk_enclosure e = qk_enclosure_known (2.385, 0.25);
  ck_assert (e.estimate == 2.385 && isnan (e.std_error) && e.lo == 2.135 && e.hi == 2.635);
  ck_assert_int_eq (qk_verdict_decide (qk_enclosure_known (2.385, 0), equal), QK_HOLDS);
}
END_TEST

START_TEST (edges_touching)
{
  /* Bands are closed: an end on the edge is inside, one shared point is an overlap.  */
  ck_assert_int_eq (decide (63.4, 64.6, 63.4, 64.6), QK_HOLDS);
  ck_assert_int_eq (decide (64.6, 65.3, 63.4, 64.6), QK_UNDECIDED);
  ck_assert_int_eq (decide (62.8, 63.4, 63.4, 64.6), QK_UNDECIDED);
  ck_assert_int_eq (decide (nextafter (64.6, 65), 65.3, 63.4, 64.6), QK_FAILS);
  ck_assert_int_eq (decide (62.8, nextafter (63.4, 63), 63.4, 64.6), QK_FAILS);
  /* Counts and identities: one point, and a band of one point.  */
  ck_assert_int_eq (decide (12288, 12288, 12288, 12288), QK_HOLDS);
  ck_assert_int_eq (decide (12289, 12289, 12288, 12288), QK_FAILS);
}
END_TEST

START_TEST (edges_unbounded)
{
  ck_assert_int_eq (decide (-INFINITY, INFINITY, 63.4, 64.6), QK_UNDECIDED);
  ck_assert_int_eq (decide (-INFINITY, INFINITY, -INFINITY, INFINITY), QK_HOLDS);
  ck_assert_int_eq (decide (0, 0.019, -INFINITY, 0.02), QK_HOLDS);
  ck_assert_int_eq (decide (0.021, INFINITY, -INFINITY, 0.02), QK_FAILS);
}
END_TEST

START_TEST (edges_invalid)
{
  ck_assert_int_eq (decide (NAN, 64, 63.4, 64.6), QK_INVALID);
  ck_assert_int_eq (decide (64, NAN, 63.4, 64.6), QK_INVALID);
  ck_assert_int_eq (decide (64, 64.1, NAN, 64.6), QK_INVALID);
  ck_assert_int_eq (decide (64, 64.1, 63.4, NAN), QK_INVALID);
  ck_assert_int_eq (decide (64.1, 64, 63.4, 64.6), QK_INVALID);
  ck_assert_int_eq (decide (64, 64.1, 64.6, 63.4), QK_INVALID);
  /* The estimate and its error are for the reader; the rule is about the interval.  */
  struct qk_enclosure e = { NAN, NAN, 64, 64.1 };
  ck_assert_int_eq (qk_verdict_decide (e, (struct qk_band){ 63.4, 64.6 }), QK_HOLDS);
}
END_TEST

START_TEST (laws_symmetry)
{
  /* Reflection and common shifts change nothing; every enclosure gets exactly one verdict.  */
  int seen[5] = { 0 };
  for (int a = 0; a < 12; a++)
    for (int b = a; b < 12; b++)
      {
        enum qk_verdict v = decide (a, b, 4, 7);
        ck_assert_int_eq (v, decide (-b, -a, -7, -4));
        ck_assert_int_eq (v, decide (a + 2.5, b + 2.5, 6.5, 9.5));
        ck_assert_int_eq (v == QK_HOLDS, a >= 4 && b <= 7);
        ck_assert_int_eq (v == QK_FAILS, b < 4 || a > 7);
        seen[v]++;
      }
  ck_assert_int_eq (seen[QK_HOLDS] + seen[QK_FAILS] + seen[QK_UNDECIDED], 78);
  ck_assert_int_gt (seen[QK_UNDECIDED], 0);
}
END_TEST

START_TEST (laws_bands)
{
  /* A wider tolerance gives a wider band around the same claim; a ratio band is symmetric in ln. */
  struct qk_band narrow = qk_band_ratio (2.385, 0.01), wide = qk_band_ratio (2.385, 0.03);
  ck_assert (wide.lo < narrow.lo && narrow.lo < 2.385 && 2.385 < narrow.hi && narrow.hi < wide.hi);
  ck_assert_double_eq_tol (narrow.lo * narrow.hi, 2.385 * 2.385, 1e-14);
  struct qk_band none = qk_band_ratio (2.385, 0);
  ck_assert_double_eq (none.lo, 2.385);
  ck_assert_double_eq (none.hi, 2.385);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("verdict");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *laws = tcase_create ("laws");
  tcase_add_test (exact, exact_rule);
  tcase_add_test (exact, exact_bands);
  tcase_add_test (exact, exact_names);
  tcase_add_test (exact, exact_ends);
  tcase_add_test (edges, edges_touching);
  tcase_add_test (edges, edges_unbounded);
  tcase_add_test (edges, edges_invalid);
  tcase_add_test (laws, laws_symmetry);
  tcase_add_test (laws, laws_bands);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, laws);
  return run (suite);
}
