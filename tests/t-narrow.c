/* t-narrow.c -- tests of the part of the command reference on narrow formats: what is asked, claims
   and exact values, blocks against a scalar route, no number drawn twice.  */

#include "../src/overflow.h"
#include "../src/reference.h"
#include "../src/softmax_rounding.h"
#include "../src/weights.h"
#include "plans.h"

#include <gsl/gsl_errno.h>
#include <math.h>

/* exact */

/* How many statements of which quantity a command line asks for.  */
START_TEST (what_is_asked)
{
  static const struct
  {
    const char *arguments, *quantity;
    size_t statements;
  } rows[] = {
    { "", "overflow_sum", 2 }, /* binary32, binary16 */
    { "", "softmax_error_over_bound", 6 },
    { "", "overflow_variance", 4 },
    { "", "counterexample", 1 },
    { "--dk=16", "overflow_sum", 2 },
    { "--dk=16,64", "overflow_sum", 0 },
    { "--dk=16,64 --keys=8", "overflow_sum", 4 },
    { "--dk=16,64 --scale=sqrt", "overflow_sum", 4 },
    { "--dk=16,64 --quantity=overflow_sum", "overflow_sum", 4 },
    { "--algorithm=dot2", "overflow_sum", 0 },
    { "--algorithm=dot2 --keys=8", "overflow_sum", 2 },
    { "--quantity=error_rms_u --dk=4", "overflow_sum", 0 },
    { "--format-in=binary16 --format-acc=binary32", "overflow_sum", 1 },
    { "--format-in=all", "overflow_sum", 4 },
    { "--rounding=zero", "overflow_sum", 0 },
    { "--rounding=zero", "counterexample", 0 },
    { "--rounding=zero", "softmax_error_over_bound", 6 },
    { "--scale=sqrt", "softmax_error_over_bound", 8 },
    { "--dist=uniform", "overflow_sum", 2 },
    { "--dist=uniform", "overflow_variance", 0 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      size_t statements = 0;
      open_plan ("reference", rows[i].arguments);
      for (size_t j = 0; j < plan.n_statements; j++)
        statements += !strcmp (quantity_of (&plan.statements[j]), rows[i].quantity);
      ck_assert_msg (statements == rows[i].statements, "'%s': %zu of %s", rows[i].arguments,
                     statements, rows[i].quantity);
      close_plan ();
    }
}
END_TEST

/* The band speaks of components of mean 0 and variance 1, the exact value of those there are.  */
START_TEST (claims_and_truth)
{
  static const struct
  {
    const char *arguments, *quantity;
    double claim, exact;
  } rows[] = {
    { "--dk=64 --format-in=binary16", "overflow_exp", 0.991096064, 0.991096064 },
    { "--dk=64 --format-in=binary16", "overflow_sum", 0.996888148553, 0.996888148553 },
    { "--dk=1024 --format-in=binary32", "overflow_exp", 0.16421, 0.16421 },
    { "--dk=64 --format-in=binary16", "overflow_score", 0, 0 },
    { "--dk=64 --format-in=binary16 --dist=normal:sd=56.84", "overflow_score", 0, 0.500247690 },
    { "--dk=64 --format-in=binary16 --scale=sqrt --dist=normal:sd=2.8284271247461903",
      "overflow_exp", 7.2e-28, 0.991096064 },
    { "--dk=64 --format-in=binary16 --dist=normal:mean=1", "overflow_exp", 0.991096064, NAN },
    { "--dk=64 --format-in=binary16 --dist=laplace", "overflow_exp", NAN, NAN },
    { "--dk=64 --format-in=binary16 --q-dist=rademacher", "overflow_exp", 0.996049123,
      0.996049123 },
    { "--dk=64 --format-in=binary16 --keys=1", "overflow_exp", 0.0819793358, 0.0819793358 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      char text[256];
      snprintf (text, sizeof text, "%s --quantity=%s", rows[i].arguments, rows[i].quantity);
      open_plan ("reference", text);
      const struct qk_statement *s = &plan.statements[0];
      double claim = (s->band.lo + s->band.hi) / 2;
      ck_assert_uint_eq (plan.n_statements, 1);
      ck_assert_str_eq (s->claim, "format-overflow");
      ck_assert_int_eq (s->judged, !isnan (rows[i].claim));
      ck_assert_int_eq (isnan (s->exact), isnan (rows[i].exact));
      ck_assert_msg (!s->judged || fabs (claim - rows[i].claim) < 1e-4, "%s: claim %.12g", text,
                     claim);
      ck_assert_msg (isnan (s->exact) || fabs (s->exact - rows[i].exact) < 1e-5, "%s: exact %.12g",
                     text, s->exact);
      if (s->judged)
        ck_assert (fabs (s->band.hi - s->band.lo - 0.02) < 1e-12);
      close_plan ();
    }
}
END_TEST

/* With the variance that is named, half of the queries, or one in a hundred, overflow.  */
START_TEST (variance_to_overflow)
{
  char text[256];
  double variance[2];
  open_plan ("reference",
             "--dk=32 --keys=16 --scale=0.25 --format-in=bfloat16 --quantity=overflow_variance");
  ck_assert_uint_eq (plan.n_statements, 2);
  for (int i = 0; i < 2; i++)
    variance[i] = plan.statements[i].exact;
  close_plan ();
  for (int i = 0; i < 2; i++)
    {
      struct qk_overflow o = { 32, 0.25 * variance[i], false, 16 };
      double p = exp (qk_overflow_log_score (&o, qk_float_formats[QK_BFLOAT16].overflow));
      ck_assert_msg (fabs (p / (i ? 0.01 : 0.5) - 1) < 1e-8, "%.12g", p);
    }
  /* And in the words of the command line; binary16, which sd can reach.  */
  open_plan ("reference", "--dk=32 --format-in=binary16 --quantity=overflow_variance");
  snprintf (text, sizeof text,
            "--dk=32 --format-in=binary16 --quantity=overflow_score --dist=normal:sd=%.12g",
            sqrt (plan.statements[0].exact));
  close_plan ();
  open_plan ("reference", text);
  ck_assert_msg (fabs (plan.statements[0].exact - 0.5) < 1e-8, "%s: %.12g", text,
                 plan.statements[0].exact);
  close_plan ();
}
END_TEST

/* log10 of what no sample sees: true for variance 1, false for more.  */
START_TEST (logarithms)
{
  static const struct
  {
    const char *arguments;
    double estimate;
    enum qk_verdict verdict;
  } rows[] = {
    { "--dk=64 --keys=1", -28348.91032223336, QK_HOLDS },
    { "--dk=4096 --keys=1", -25089.07123197066, QK_HOLDS },
    { "--dk=64 --keys=1 --dist=normal:sd=0.5", -113695.172445, QK_HOLDS },
    { "--dk=64 --keys=1 --dist=normal:sd=2", -7026.33286215, QK_FAILS },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      char text[256];
      snprintf (text, sizeof text, "%s --format-in=binary16 --quantity=overflow_score_log10",
                rows[i].arguments);
      open_run ("reference", text);
      ck_assert_uint_eq (outcome.n_findings, 1);
      double x = outcome.findings[0].enclosure.estimate;
      ck_assert_msg (fabs (x / rows[i].estimate - 1) < 1e-6, "%s: %.12g", text, x);
      ck_assert_int_eq (outcome.findings[0].verdict, rows[i].verdict);
      close_run ();
    }
  open_run ("reference", "--quantity=counterexample");
  ck_assert_uint_eq (outcome.n_findings, 1);
  ck_assert_int_eq (outcome.findings[0].verdict, QK_HOLDS);
  close_run ();
}
END_TEST

/* edges */

/* Where every row overflows there is nothing to hold to a bound; scores that overflow themselves
   have no weights.  */
START_TEST (nothing_finite)
{
  open_run ("reference", "--dk=64 --format-in=binary16 --quantity=softmax_error_over_bound "
                         "--dist=normal:sd=4000");
  ck_assert_uint_eq (outcome.n_findings, 2); /* the unshifted ones are not asked for */
  for (size_t i = 0; i < 2; i++)
    ck_assert_int_eq (outcome.findings[i].verdict, QK_UNDECIDED);
  close_run ();
}
END_TEST

START_TEST (one_key)
{
  open_run ("reference", "--dk=5 --keys=1 --format-in=all --quantity=softmax_error_over_bound "
                         "--scale=sqrt");
  ck_assert_uint_eq (outcome.n_findings, 16);
  for (size_t i = 0; i < 16; i++)
    ck_assert_int_eq (outcome.findings[i].verdict, QK_HOLDS);
  close_run ();
}
END_TEST

/* Laws without exact values are described, from a sample as large.  */
START_TEST (unknown_laws)
{
  open_run ("reference", "--dk=20 --format-in=binary16 --dist=uniform --quantity=overflow_exp");
  ck_assert_uint_eq (outcome.n_findings, 1);
  const struct qk_finding *f = &outcome.findings[0];
  ck_assert_int_eq (f->verdict, QK_DESCRIBED);
  double half = (f->enclosure.hi - f->enclosure.lo) / 2;
  ck_assert_msg (half > 0.002 && half < 0.01, "%g", half);
  close_run ();
}
END_TEST

/* Too many keys for the format: said.  */
START_TEST (empty_bound)
{
  open_plan ("reference",
             "--dk=8 --keys=512 --format-in=bfloat16 --quantity=softmax_error_over_bound");
  ck_assert_uint_eq (plan.n_warnings, 1);
  ck_assert_ptr_nonnull (strstr (plan.warnings[0], "512 keys in bfloat16"));
  close_plan ();
  open_plan ("reference",
             "--dk=8 --keys=512 --format-in=binary16 --quantity=softmax_error_over_bound");
  ck_assert_uint_eq (plan.n_warnings, 0);
  close_plan ();
}
END_TEST

/* twin */

/* Where coordinate i of row r stands in the stream of draw t of b rows, see kernels.h; d at most
   QK_DEPTH.  */
static uint64_t
position (uint64_t t, size_t b, size_t d, size_t r, size_t i)
{
  return t * qk_operand_size (b, d) + ((r / 8) * d + i) * 8 + r % 8;
}

/* The scores of query r of draw t, unscaled, a component at a time.  */
static void
scalar_row (double *s, size_t n, const struct qk_weights_draws *u, const struct qk_case *c,
            uint64_t index, uint64_t seed, uint64_t t, size_t r)
{
  const struct qk_address q_at = { seed, c->cell + QK_ROLE_Q, index },
                          k_at = { seed, c->cell + QK_ROLE_K, index };
  size_t d = (size_t)u->w.law.d;
  for (size_t j = 0; j < n; j++)
    {
      s[j] = 0;
      for (size_t i = 0; i < d; i++)
        {
          double q = qk_draw (q_at, &u->w.law.q, position (t, u->scores.queries, d, r, i));
          double k = qk_draw (k_at, &u->w.law.k, position (t, 8 * u->scores.keys, d, 8 * j + r, i));
          s[j] = fma (q, k, s[j]);
        }
    }
}

static double *
open_block (const struct qk_case *c, uint64_t index, uint64_t seed)
{
  size_t bytes = (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
  struct qk_work work = { .kernels = qk_kernels_find (NULL), .seed = seed };
  work.scratch = aligned_alloc (QK_ALIGN, bytes);
  double *row = calloc (qk_kind_columns (c->kind), sizeof *row);
  ck_assert (work.scratch && row);
  ck_assert_int_eq (c->kind->block (row, c, index, &work), 0);
  free (work.scratch);
  return row;
}

/* Counts of queries that overflow, by rounding itself.  */
START_TEST (overflow_blocks)
{
  static const char *const rows[]
      = { "--dk=19 --keys=11 --dist=normal:sd=1.7", "--dk=16 --keys=64 --q-dist=laplace",
          "--dk=7 --keys=64 --dist=normal:sd=17,mean=9 --scale=none" };
  const uint64_t seed = 0x513f, index = 17;
  char text[256];
  double s[64];
  snprintf (text, sizeof text, "%s --format-in=all --quantity=overflow_sum", rows[_i]);
  open_plan ("reference", text);
  const struct qk_case *c = &plan.cases[0];
  struct qk_weights_draws *u = c->own;
  size_t n = (size_t)u->w.rows.n;
  double expected[3][QK_FLOATS] = { { 0 } }, some = 0;
  u->draws = 6;
  for (uint64_t t = 0; t < u->draws; t++)
    for (size_t r = 0; r < 8; r++)
      {
        bool score[QK_FLOATS] = { false }, high[QK_FLOATS] = { false };
        long double sum = 0;
        scalar_row (s, n, u, c, index, seed, t, r);
        for (size_t j = 0; j < n; j++)
          {
            sum += expl ((long double)(u->w.c * s[j]));
            for (int f = 0; f < QK_FLOATS; f++)
              {
                const struct qk_float_format *format = &qk_float_formats[f];
                score[f] |= isinf (qk_round (u->w.c * s[j], format, QK_NEAREST)) != 0;
                high[f] |= isinf (qk_round (exp (u->w.c * s[j]), format, QK_NEAREST)) != 0;
              }
          }
        for (int f = 0; f < QK_FLOATS; f++)
          {
            expected[0][f] += score[f];
            expected[1][f] += high[f];
            expected[2][f] += isinf (qk_round ((double)sum, &qk_float_formats[f], QK_NEAREST)) != 0;
          }
      }
  double *row = open_block (c, index, seed);
  for (int e = 0; e < 3; e++)
    for (int f = 0; f < QK_FLOATS; f++)
      {
        ck_assert_msg (row[e * QK_FLOATS + f] == expected[e][f], "'%s': %d of %s: %g, not %g", text,
                       e, qk_float_formats[f].name, row[e * QK_FLOATS + f], expected[e][f]);
        some += expected[e][f];
      }
  ck_assert (some > 4);
  free (row);
  close_plan ();
}
END_TEST

/* The largest error over its bound, from weights and bounds of each row.  */
START_TEST (softmax_blocks)
{
  const uint64_t seed = 0x77, index = 3;
  double x[13], exact[13], p[13], bound[13];
  open_plan ("reference", "--dk=21 --keys=13 --format-in=binary16,binary64 --scale=0.6 "
                          "--quantity=softmax_error_over_bound");
  ck_assert_uint_eq (plan.n_cases, 2);
  for (size_t i = 0; i < 2; i++)
    {
      const struct qk_case *c = &plan.cases[i];
      const struct qk_float_format *f = &qk_float_formats[i ? QK_BINARY64 : QK_BINARY16];
      double *row = open_block (c, index, seed);
      for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
        {
          double most = 0, rows = 0;
          for (size_t r = 0; r < 8; r++)
            {
              scalar_row (x, 13, c->own, c, index, seed, 0, r);
              for (size_t j = 0; j < 13; j++)
                x[j] = qk_round (0.6 * x[j], f, QK_NEAREST);
              if (qk_softmax_rounded (p, x, 13, form, f, QK_NEAREST))
                continue;
              qk_softmax_ref (exact, x, 13);
              qk_softmax_rounded_bound (bound, exact, x, 13, form, f, QK_NEAREST);
              rows++;
              for (size_t j = 0; j < 13; j++)
                most = fmax (most, (fabs (p[j] - exact[j]) + 0x1p-53 * exact[j]) / bound[j]);
            }
          ck_assert_msg (row[form] == most && row[QK_SOFTMAX_FORMS + form] == rows,
                         "%s, %s: %.17g of %g rows, not %.17g of %g", c->label,
                         qk_softmax_form_names[form], row[form], row[QK_SOFTMAX_FORMS + form], most,
                         rows);
          ck_assert (most > 0.01 && most <= 1);
        }
      free (row);
    }
  close_plan ();
}
END_TEST

/* The intervals hold the exact values, at a miss of 1e-9 each, from two generators.  */
START_TEST (sampled_as_exact)
{
  char text[256];
  snprintf (text, sizeof text,
            "--dk=3,20 --keys=9 --scale=none,0.7 --format-in=binary16,binary32 --samples=8000 "
            "--miss=1e-9 --seed=5 --dist=normal:sd=%s --rng=%s "
            "--quantity=overflow_score,overflow_exp,overflow_sum",
            _i ? "3" : "1.6", _i ? "mt19937" : "philox");
  open_run ("reference", text);
  size_t inside = 0;
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_statement *s = outcome.findings[i].statement;
      const struct qk_enclosure e = outcome.findings[i].enclosure;
      ck_assert_msg (e.lo <= s->exact && s->exact <= e.hi, "'%s': %s: %.6g not in [%.6g, %.6g]",
                     text, quantity_of (s), s->exact, e.lo, e.hi);
      inside += s->exact > 0.05 && s->exact < 0.95;
    }
  ck_assert_uint_eq (outcome.n_findings, 24);
  ck_assert_uint_ge (inside, 4);
  close_run ();
}
END_TEST

/* laws */

START_TEST (counters)
{
  check_counters ("reference", "--dk=3,70 --keys=5,16 --scale=none,sqrt --samples=4096 "
                               "--quantity=overflow_exp,softmax_error_over_bound");
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("narrow");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *of_all = tcase_create ("laws");
  tcase_add_test (exact, what_is_asked);
  tcase_add_test (exact, claims_and_truth);
  tcase_add_test (exact, variance_to_overflow);
  tcase_add_test (exact, logarithms);
  tcase_add_test (edges, nothing_finite);
  tcase_add_test (edges, one_key);
  tcase_add_test (edges, unknown_laws);
  tcase_add_test (edges, empty_bound);
  tcase_add_loop_test (twin, overflow_blocks, 0, 3);
  tcase_add_test (twin, softmax_blocks);
  tcase_add_loop_test (twin, sampled_as_exact, 0, 2);
  tcase_add_test (of_all, counters);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, of_all);
  return run (suite);
}
