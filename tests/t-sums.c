/* t-sums.c -- sampled sums of the command reference: rows against numbers drawn one by one and
   certified sums, rms errors against their model, intervals against many seeds.  */

#include "plans.h"

#include "../src/reference.h"
#include "../src/rounding.h"

#include <gsl/gsl_errno.h>
#include <math.h>

static const char *const plans_of_sums[] = {
  "--dk=1,3,64 --samples=2e4 --algorithm=all --format-in=all",
  "--dk=7,300 --samples=2e4 --q-dist=laplace --rounding=zero",
};

START_TEST (no_counter_twice) { check_counters ("reference", plans_of_sums[_i]); }
END_TEST

/* ---- twin: a row, by scalar draws, certified sums and a formula -------------------------------
 */

enum
{
  SEED = 31,
  BLOCK = 5,
  LANES = 8
};

static const double *
key_number (const struct qk_statement *s, const char *name)
{
  for (const struct qk_key *key = s->key; key->name; key++)
    if (!strcmp (key->name, name))
      return &key->number;
  return NULL;
}

static const char *
key_text (const struct qk_statement *s, const char *name)
{
  for (const struct qk_key *key = s->key; key->name; key++)
    if (!strcmp (key->name, name))
      return key->text;
  return NULL;
}

static const struct qk_float_format *
format_of (const char *name)
{
  for (int i = 0; i < QK_FLOATS; i++)
    if (!strcmp (qk_float_names[i], name))
      return &qk_float_formats[i];
  return NULL;
}

/* The error of one sum by hand: products and sums in the order of the text, none rounded twice as
   binary64 holds them exactly.  */
static double
recursive (const double *x, const double *y, size_t n, const struct qk_float_format *acc)
{
  double sum = qk_round (x[0] * y[0], acc, QK_NEAREST);
  for (size_t i = 1; i < n; i++)
    sum = qk_round_add (sum, qk_round (x[i] * y[i], acc, QK_NEAREST), acc, QK_NEAREST);
  return sum;
}

static double
chain (const double *x, const double *y, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum = fma (x[i], y[i], sum);
  return sum;
}

static void
check_row (const char *arguments, enum qk_summation how)
{
  open_plan ("reference", arguments);
  const struct qk_case *c = &plan.cases[0];
  const struct qk_statement *s = &plan.statements[0];
  size_t d = (size_t)*key_number (s, "d_k"), columns = qk_kind_columns (c->kind);
  const struct qk_float_format *in = format_of (key_text (s, "format_in")),
                               *acc = format_of (key_text (s, "format_acc"));
  const struct qk_kernels *kernels = qk_kernels_find (NULL);
  struct qk_work work = { .kernels = kernels, .seed = SEED };
  double *row = calloc (columns, sizeof *row), square = 0, toward = 0, most = 0, x[400], y[400],
         terms[400];
  work.scratch = aligned_alloc (QK_ALIGN, (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
  ck_assert (row && work.scratch && in && acc && d <= 400);
  ck_assert_int_eq (c->kind->block (row, c, BLOCK, &work), 0);
  size_t operand = qk_operand_size (LANES, d);
  for (size_t i = 0; i < (size_t)c->units; i++)
    {
      struct qk_address q = { SEED, c->cell, BLOCK }, k = { SEED, c->cell + 1, BLOCK };
      for (size_t j = 0; j < d; j++)
        {
          uint64_t at = i / LANES * operand + j * LANES + i % LANES;
          x[j] = qk_round (qk_draw (q, &params.q_dist, at), in, QK_NEAREST);
          y[j] = qk_round (qk_draw (k, &params.k_dist, at), in, QK_NEAREST);
        }
      double exact = qk_dot_ref (x, y, d, 0).value;
      double got = how == QK_TILED ? chain (x, y, d) : recursive (x, y, d, acc),
             error = got - exact;
      if (acc->precision == 53) /* exact is rounded: the difference by its own certified sum */
        {
          double ones[400];
          memcpy (terms, x, d * sizeof *x);
          memcpy (ones, y, d * sizeof *y);
          terms[d] = -1, ones[d] = got;
          error = -qk_dot_ref (terms, ones, d + 1, 0).value;
        }
      error /= acc->unit * params.q_dist.sd * params.k_dist.sd;
      square += error * error / c->units;
      toward += (exact > 0 ? error : -error) / c->units;
      most = fmax (most, fabs (error));
    }
  double *at = row + qk_kind_column (c->kind, "mean_square");
  ck_assert_double_eq_tol (at[how], square, 1e-6 * square);
  ck_assert (isnan (at[how == QK_DOT2 ? QK_KAHAN : QK_DOT2]));
  at = row + qk_kind_column (c->kind, "mean_toward");
  ck_assert_double_eq_tol (at[how], toward, 1e-6 * sqrt (square));
  at = row + qk_kind_column (c->kind, "largest");
  ck_assert_double_eq_tol (at[how], most, 1e-6 * most);
  at = row + qk_kind_column (c->kind, "share_of_bound");
  ck_assert (at[how] > 0.001 && at[how] <= 1);
  free (row);
  free (work.scratch);
  close_plan ();
}

START_TEST (rows_are_replayed)
{
  check_row ("--dk=5 --format-in=binary16 --samples=1e5", QK_RECURSIVE);
  check_row ("--dk=300 --format-in=binary32 --samples=1e4 --dist=normal:sd=2.385", QK_RECURSIVE);
  check_row ("--dk=300 --format-in=binary64 --samples=1e4 --algorithm=tile", QK_TILED);
  check_row ("--dk=17 --format-in=binary16 --format-acc=binary32 --samples=1e4 --q-dist=uniform",
             QK_RECURSIVE);
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

static double
estimate_of (const char *quantity, const char *format, double d)
{
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_statement *s = outcome.findings[i].statement;
      if (!strcmp (quantity_of (s), quantity) && *key_number (s, "d_k") == d
          && !strcmp (key_text (s, "format_in"), format))
        return outcome.findings[i].enclosure.estimate;
    }
  return NAN;
}

static const struct
{
  const char *arguments;
  double d[4];
} points[] = {
  { "--dk=4,16 --samples=65536", { 4, 16 } },
  { "--dk=64 --samples=32768", { 64 } },
  { "--dk=512 --samples=20000", { 512 } },
};

/* u sqrt (v (d^2 / 2 + 1.5 d - 1)), v = 1 / (8 ln 2), within 5 %; no bias; within the bound.  */
START_TEST (random_walk_of_rounding)
{
  static const char *const formats[] = { "binary32", "binary16" };
  open_run ("reference", points[_i].arguments);
  for (int j = 0; j < 4 && points[_i].d[j] > 0; j++)
    for (int f = 0; f < 2; f++)
      {
        double d = points[_i].d[j];
        double model = sqrt ((d * d / 2 + 1.5 * d - 1) / (8 * log (2)));
        double ratio = estimate_of ("error_rms_u", formats[f], d) / model;
        double bias = estimate_of ("error_bias", formats[f], d);
        double share = estimate_of ("error_over_bound", formats[f], d);
        ck_assert_msg (ratio > 1 / 1.05 && ratio < 1.05, "%s, d = %g: %g", formats[f], d, ratio);
        ck_assert_msg (fabs (bias) < 0.03, "%s, d = %g: %g", formats[f], d, bias);
        ck_assert_msg (share > 0.0005 && share < 1, "%s, d = %g: %g", formats[f], d, share);
      }
  close_run ();
}
END_TEST

/* Neither too short nor too long: intervals of the rms error at 5 % over many seeds.  */
START_TEST (intervals_cover)
{
  int seeds = (int)fmax (2, 60 * effort ()), missed = 0;
  double *lo = calloc ((size_t)seeds, sizeof *lo), *hi = calloc ((size_t)seeds, sizeof *hi);
  double square = 0, width = 0;
  ck_assert (lo && hi);
  for (int i = 0; i < seeds; i++)
    {
      char text[128];
      snprintf (text, sizeof text,
                "--dk=4 --format-in=binary16 --samples=124928 --miss=0.05 --seed=%d "
                "--quantity=error_rms_u",
                i + 1);
      open_run ("reference", text);
      const struct qk_enclosure *e = &outcome.findings[0].enclosure;
      square += e->estimate * e->estimate / seeds;
      width += (e->hi - e->lo) / e->std_error / seeds;
      lo[i] = e->lo;
      hi[i] = e->hi;
      close_run ();
    }
  for (int i = 0; i < seeds; i++)
    missed += lo[i] > sqrt (square) || hi[i] < sqrt (square);
  free (lo);
  free (hi);
  printf ("t-sums: %d of %d intervals at 5 %% miss\n", missed, seeds);
  ck_assert_double_ge (width, 3.9);
  ck_assert_double_le (width, 4.2);
  /* Five deviations of a binomial count above what is due.  */
  ck_assert_double_le (missed, .05 * seeds + 5 * sqrt (.05 * .95 * seeds));
}
END_TEST

START_TEST (said_when_left_out)
{
  open_plan ("reference", "--dk=64,1000 --format-in=bfloat16 --algorithm=all --samples=1e3");
  int tile = 0, bound = 0, thin = 0;
  for (size_t i = 0; i < plan.n_warnings; i++)
    {
      tile += strstr (plan.warnings[i], "tile is left out") != NULL;
      bound += strstr (plan.warnings[i], "error_over_bound is left out") != NULL;
      thin += strstr (plan.warnings[i], "too few samples") != NULL;
    }
  ck_assert_int_eq (tile, 1);
  ck_assert_int_eq (bound, 4); /* pairwise and kahan have one at d_k = 1000 */
  ck_assert_int_eq (thin, 2);
  for (size_t i = 0; i < plan.n_statements; i++)
    ck_assert (plan.statements[i].thin == (plan.statements[i].method == QK_BY_T));
  close_plan ();
}
END_TEST

/* 16-bit products in binary64 are hardly ever rounded: whether that is biased nobody can tell, and
   nobody has to.  */
START_TEST (judged_where_rounded)
{
  open_plan ("reference", "--dk=1,4 --format-in=all --format-acc=all --quantity=error_bias");
  size_t judged = 0;
  for (size_t i = 0; i < plan.n_statements; i++)
    {
      const struct qk_statement *s = &plan.statements[i];
      const char *in = key_text (s, "format_in"), *acc = key_text (s, "format_acc");
      bool spare = !strcmp (acc, "binary64") && strstr (in, "16");
      bool exact
          = *key_number (s, "d_k") == 1 && qk_product_exact (format_of (in), format_of (acc));
      ck_assert_msg (s->judged == !(spare || exact), "%s in %s", in, acc);
      judged += s->judged;
    }
  ck_assert_uint_eq (plan.n_statements, 2 * 16);
  ck_assert_uint_eq (judged, 2 * 14 - 3);
  close_plan ();
  open_run ("reference", "--dk=4 --format-in=binary16 --format-acc=binary64 --samples=131072 "
                         "--quantity=error_rms_u,error_bias,error_over_bound");
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_HOLDS);
  close_run ();
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("sums");
  TCase *exact = tcase_create ("exact");
  tcase_add_loop_test (exact, no_counter_twice, 0, sizeof plans_of_sums / sizeof *plans_of_sums);
  tcase_add_test (exact, said_when_left_out);
  tcase_add_test (exact, judged_where_rounded);
  tcase_set_timeout (exact, 0);
  suite_add_tcase (suite, exact);

  TCase *twin = tcase_create ("twin");
  tcase_add_test (twin, rows_are_replayed);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);

  TCase *laws = tcase_create ("laws");
  /* The long sums are the dear ones.  */
  tcase_add_loop_test (laws, random_walk_of_rounding, 0,
                       effort () < 1 ? 1 : (int)(sizeof points / sizeof *points));
  tcase_add_test (laws, intervals_cover);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, laws);
  return run (suite);
}
