/* t-deal.c -- integers, permutations and rotations: known words, the laws they must have.  */

#include "deal.h"
#include "support.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>

static struct qk_source
source_of (uint64_t seed)
{
  struct qk_source source = { 0 };
  qk_source_open (&source, seed, qk_cell ("deal", 0), 7);
  return source;
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* The words of the counters of the role, in order.  */
START_TEST (words_by_address)
{
  struct qk_source source = source_of (5);
  struct qk_deal deal = { &source, 3, 0 };
  for (uint64_t i = 0; i < 10; i++)
    {
      uint64_t word[2];
      struct qk_address a = { 5, qk_cell ("deal", 3), 7 };
      qk_words (word, a, i);
      ck_assert_uint_eq (qk_deal_word (&deal), word[0]);
      ck_assert_uint_eq (qk_deal_word (&deal), word[1]);
    }
}
END_TEST

/* A foreign generator is read in sequence.  */
START_TEST (words_of_a_generator)
{
  gsl_rng *r = gsl_rng_alloc (gsl_rng_mt19937), *same = gsl_rng_clone (r);
  struct qk_source source = { .foreign = r };
  struct qk_deal deal = { &source, 3, 0 };
  for (int i = 0; i < 10; i++)
    ck_assert_uint_eq (qk_deal_word (&deal), qk_foreign_word (same));
  gsl_rng_free (r);
  gsl_rng_free (same);
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

START_TEST (smallest)
{
  struct qk_source source = source_of (1);
  struct qk_deal deal = { &source, 0, 0 };
  size_t first[1] = { 9 }, scratch[1];
  double one = -2.385;
  for (int i = 0; i < 100; i++)
    ck_assert_uint_eq (qk_deal_below (&deal, 1), 0);
  qk_deal_permutation (first, 1, scratch, 1, &deal);
  ck_assert_uint_eq (first[0], 0);
  qk_deal_permutation (first, 0, scratch, 1, &deal);
  qk_rotation (&one, 1);
  ck_assert_double_eq (one, -1);
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* Chi-square of equal counts, refused at 1e-9.  */
static void
check_equal (const size_t *count, size_t n, const char *what)
{
  double all = 0, square = 0;
  for (size_t i = 0; i < n; i++)
    all += (double)count[i];
  for (size_t i = 0; i < n; i++)
    square += ((double)count[i] - all / (double)n) * ((double)count[i] - all / (double)n);
  square /= all / (double)n;
  ck_assert_msg (gsl_cdf_chisq_Q (square, (double)n - 1) > 1e-9, "%s: chi^2 = %g", what, square);
}

START_TEST (integers_are_uniform)
{
  struct qk_source source = source_of (2);
  struct qk_deal deal = { &source, 1, 0 };
  for (size_t n = 2; n <= 16; n++)
    {
      size_t count[16] = { 0 };
      for (int i = 0; i < 20000; i++)
        count[qk_deal_below (&deal, n)]++;
      check_equal (count, n, "integers");
    }
  /* Where the remainder of a word would favour the lower third, 1/2 to 1/4 and 1/4.  */
  size_t third[3] = { 0 };
  for (int i = 0; i < 3000; i++)
    third[qk_deal_below (&deal, UINT64_C (3) << 62) >> 62]++;
  check_equal (third, 3, "thirds");
}
END_TEST

START_TEST (permutations_are_uniform)
{
  struct qk_source source = source_of (3);
  struct qk_deal deal = { &source, 1, 0 };
  size_t whole[24] = { 0 }, part[20] = { 0 };
  for (int i = 0; i < 24000; i++)
    {
      size_t p[5], scratch[5];
      qk_deal_permutation (p, 4, scratch, 4, &deal);
      size_t seen = 0, code = 0;
      for (size_t j = 0; j < 4; j++)
        {
          size_t less = 0;
          for (size_t l = j + 1; l < 4; l++)
            less += p[l] < p[j];
          code = code * (4 - j) + less;
          seen |= (size_t)1 << p[j];
        }
      ck_assert_uint_eq (seen, 15);
      whole[code]++;
      qk_deal_permutation (p, 2, scratch, 5, &deal);
      ck_assert (p[0] < 5 && p[1] < 5 && p[0] != p[1]);
      part[p[0] * 4 + p[1] - (p[1] > p[0])]++;
    }
  check_equal (whole, 24, "permutations of 4");
  check_equal (part, 20, "2 of 5");
}
END_TEST

/* R R^T = I, also from rows that are nearly dependent; the first row keeps its direction; the trace
   has mean 0 and variance 1, as Haar measure says.  */
START_TEST (rotations)
{
  enum
  {
    N = 5,
    TRIALS = 20000
  };
  const struct qk_law normal = { .type = &qk_law_types[QK_NORMAL], .sd = 1 };
  struct qk_address a = { 4, qk_cell ("rotation", 0), 0 };
  double trace_1 = 0, trace_2 = 0;
  for (int trial = 0; trial < TRIALS; trial++)
    {
      double r[N * N], first, trace = 0;
      a.block = (uint64_t)trial;
      for (size_t i = 0; i < N * N; i++)
        r[i] = qk_draw (a, &normal, i);
      if (trial % 16 == 0)
        for (size_t i = 0; i < N; i++)
          r[N + i] = r[i] + 1e-6 * r[N + i];
      first = r[0];
      qk_rotation (r, N);
      ck_assert (r[0] * first > 0);
      for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++)
          {
            double sum = 0;
            for (size_t l = 0; l < N; l++)
              sum += r[i * N + l] * r[j * N + l];
            ck_assert_double_eq_tol (sum, i == j, 8 * N * 0x1p-53);
          }
      for (size_t i = 0; i < N; i++)
        trace += r[i * N + i];
      if (trial % 16)
        {
          trace_1 += trace;
          trace_2 += trace * trace;
        }
    }
  double trials = TRIALS / 16. * 15;
  ck_assert_double_le (fabs (trace_1 / trials), 6 / sqrt (trials));
  /* Var trace^2 = E trace^4 - 1 = 2.  */
  ck_assert_double_le (fabs (trace_2 / trials - 1), 6 * sqrt (2 / trials));
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("deal");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, words_by_address);
  tcase_add_test (exact, words_of_a_generator);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, smallest);
  suite_add_tcase (suite, edges);

  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, integers_are_uniform);
  tcase_add_test (laws, permutations_are_uniform);
  tcase_add_test (laws, rotations);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, laws);
  return run (suite);
}
