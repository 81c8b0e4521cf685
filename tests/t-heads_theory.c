/* t-heads_theory.c -- tests of heads_theory.h: counts, variances, ranks, what is lost of two keys.
 */

#include "../src/heads_theory.h"
#include "support.h"

#include <math.h>

/* ---- exact ----------------------------------------------------------------------------------- */

/* 8 n D^2 + 4 n^2 D by hand, D = 512, n = 64: 134217728 + 8388608.  */
START_TEST (counts_by_hand)
{
  for (double h = 1; h <= 512; h *= 2)
    {
      struct qk_heads s = { 64, 512, h, 512 / h, 1 };
      ck_assert_double_eq (qk_heads_parameters (&s), 1048576);
      ck_assert_double_eq (qk_heads_biases (&s), 2048);
      ck_assert_double_eq (qk_heads_operations (&s), 142606336);
      ck_assert_double_eq (qk_heads_softmax_operations (&s), 20480 * h);
    }
}
END_TEST

/* Vaswani et al. 2017, Table 3 (B): 18 attention blocks, h = 8.  */
START_TEST (published)
{
  struct qk_heads s = { 64, 512, 8, 64, 18 };
  double whole = qk_heads_parameters (&s);
  ck_assert_double_eq (whole, 18 * 1048576);
  s.d = 16;
  ck_assert_double_eq (whole - qk_heads_parameters (&s), 7077888);
  s.d = 32;
  ck_assert_double_eq (whole - qk_heads_parameters (&s), 4718592);
  ck_assert_double_eq (qk_heads_biases (&s), 18 * (2 * 256 + 2 * 512));
}
END_TEST

START_TEST (variances)
{
  static const struct
  {
    double h, unit, xavier, packed, linear; /* over d_k */
  } known[] = { { 1, 1, 1, 0.25, 1. / 9 },
                { 2, 1, 16. / 9, 0.25, 1. / 9 },
                { 8, 1, 256. / 81, 0.25, 1. / 9 } };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      struct qk_heads s = { 64, 64, known[i].h, 64 / known[i].h, 1 };
      const double over[] = { known[i].unit, known[i].xavier, known[i].packed, known[i].linear };
      for (int init = QK_INIT_UNIT; init <= QK_INIT_LINEAR; init++)
        {
          double v = qk_heads_score_variance ((enum qk_head_init)init, &s, 1);
          ck_assert_double_eq_tol (v, s.d * over[init], 1e-13 * s.d);
          ck_assert_double_eq_tol (qk_heads_score_variance ((enum qk_head_init)init, &s, 2.385),
                                   v * 2.385 * 2.385, 1e-12 * v);
        }
    }
  /* --dk other than D / h: 2 / (D + d), and 2 / (D + 2 h d + D).  */
  struct qk_heads s = { 9, 48, 4, 20, 1 };
  ck_assert_double_eq_tol (qk_heads_weight_variance (QK_INIT_XAVIER, &s), 2. / 68, 1e-16);
  ck_assert_double_eq_tol (qk_heads_weight_variance (QK_INIT_PACKED, &s), 2. / (48 + 160 + 48),
                           1e-16);
}
END_TEST

START_TEST (ranks)
{
  static const struct
  {
    double n, D, d, scores, pattern;
  } known[] = { { 24, 32, 8, 8, 8 },
                { 24, 32, 23, 23, 23 },
                { 24, 32, 24, 24, 23 },
                { 24, 32, 32, 24, 23 },
                { 24, 12, 40, 12, 12 } };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      struct qk_heads s = { known[i].n, known[i].D, 1, known[i].d, 1 };
      ck_assert_double_eq (qk_heads_score_rank (&s), known[i].scores);
      ck_assert_double_eq (qk_heads_pattern_rank (&s), known[i].pattern);
    }
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

START_TEST (divisors)
{
  ck_assert (qk_heads_divide (512, 8) && qk_heads_divide (7, 7) && qk_heads_divide (7, 1));
  ck_assert (!qk_heads_divide (512, 7) && !qk_heads_divide (8, 16));
}
END_TEST

/* Exact up to 2^53, refused beyond: no count is rounded.  */
START_TEST (large)
{
  struct qk_heads s = { 2, 0x1p20, 1, 0x1p20, 0x1p11 };
  ck_assert_double_eq (qk_heads_parameters (&s), 0x1p53);
  s.layers++;
  ck_assert (isnan (qk_heads_parameters (&s)));
  s = (struct qk_heads){ 4096, 0x1p20, 1, 0x1p20, 1 };
  ck_assert (isnan (qk_heads_operations (&s)));
  ck_assert_double_eq (qk_heads_parameters (&s), 0x1p42);
  s = (struct qk_heads){ 4096, 0x1p16, 0x1p16, 1, 0x1p20 };
  ck_assert (isnan (qk_heads_softmax_operations (&s)));
  ck_assert_double_eq (qk_heads_biases (&s), 0x1p20 * 0x1p18);
}
END_TEST

/* Of two keys alone nothing is lost by two heads; one head loses half.  */
START_TEST (mixtures)
{
  ck_assert_double_eq (qk_heads_mixture (2, 2, 0.1), 0);
  ck_assert_double_eq (qk_heads_mixture (1, 2, 0.1), 0.5);
  for (double n = 3; n < 5000; n *= 2.385)
    for (double eps = 0.3; eps > 1e-5; eps /= 7)
      {
        double one = qk_heads_mixture (1, floor (n), eps),
               two = qk_heads_mixture (2, floor (n), eps);
        ck_assert (one > 0.5 && one < 0.5 + eps && two > 0 && two < eps * eps);
      }
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

/* Head by head in integers of 64 bits.  */
START_TEST (counts_one_by_one)
{
  uint64_t state = 5;
  for (int trial = 0; trial < 300; trial++)
    {
      uint64_t e = 1 + next (&state) % 90, h = 1 + next (&state) % 40, D = e * h;
      uint64_t d = 1 + next (&state) % 200, n = 2 + next (&state) % 500;
      uint64_t layers = 1 + next (&state) % 30, parameters = 0, operations = 0, biases = D;
      for (uint64_t a = 0; a < h; a++)
        {
          parameters += 2 * D * d + 2 * D * e;
          biases += 2 * d + e;
          for (uint64_t i = 0; i < n; i++) /* a token: projections, a row of scores, an average */
            operations += 2 * (2 * D * d + 2 * D * e) + 2 * n * d + 2 * n * e;
        }
      struct qk_heads s = { (double)n, (double)D, (double)h, (double)d, (double)layers };
      ck_assert_double_eq (qk_heads_parameters (&s), (double)(layers * parameters));
      ck_assert_double_eq (qk_heads_biases (&s), (double)(layers * biases));
      ck_assert_double_eq (qk_heads_operations (&s), (double)(layers * operations));
      ck_assert_double_eq (qk_heads_softmax_operations (&s), (double)(layers * 5 * h * n * n));
    }
}
END_TEST

/* Two by two normal equations, G a = p_i, of the weights written out.  */
START_TEST (mixtures_by_normal_equations)
{
  for (double n = 3; n < 40; n++)
    for (double eps = 0.5; eps > 0.01; eps /= 3.1)
      {
        double top = 1 / (1 + eps), low = top * eps / (n - 1);
        double square = top * top + (n - 1) * low * low;
        double cross = 2 * top * low + (n - 2) * low * low;
        double kept = (square * (top * top + low * low) - 2 * cross * top * low)
                      / (square * square - cross * cross);
        ck_assert_double_eq_tol (qk_heads_mixture (2, n, eps), 1 - kept, 1e-12);
        double all = 2 * top * top + (n - 2) * low * low;
        ck_assert_double_eq_tol (qk_heads_mixture (1, n, eps), 1 - top * top / all, 1e-14);
      }
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* What is saved in Q and K alone, and grows with d.  */
START_TEST (monotone)
{
  struct qk_heads s = { 32, 96, 6, 1, 3 }, more = s;
  for (; s.d < 40; s.d++)
    {
      more.d = s.d + 1;
      ck_assert_double_eq (qk_heads_parameters (&more) - qk_heads_parameters (&s), 3 * 2 * 96 * 6);
      ck_assert_double_eq (qk_heads_operations (&more) - qk_heads_operations (&s),
                           3 * (4. * 32 * 96 * 6 + 2 * 32 * 32 * 6));
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("heads_theory");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_test (exact, counts_by_hand);
  tcase_add_test (exact, published);
  tcase_add_test (exact, variances);
  tcase_add_test (exact, ranks);
  tcase_add_test (edges, divisors);
  tcase_add_test (edges, large);
  tcase_add_test (edges, mixtures);
  tcase_add_test (twin, counts_one_by_one);
  tcase_add_test (twin, mixtures_by_normal_equations);
  tcase_add_test (laws, monotone);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
