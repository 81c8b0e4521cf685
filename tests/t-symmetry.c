/* t-symmetry.c -- tests of the experiment symmetry: its statements, its blocks against the plain
   functions of attention.h on replayed components, and intervals that cover.  */

#include "../src/attention.h"
#include "../src/projection.h"
#include "../src/symmetry_theory.h"
#include "plans.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>

static const struct qk_key *
key_of (const struct qk_statement *s, const char *name)
{
  for (const struct qk_key *key = s->key; key->name; key++)
    if (!strcmp (key->name, name))
      return key;
  return NULL;
}

/* The finding of a quantity with these weights and d_k.  */
static const struct qk_finding *
finding (const char *quantity, const char *weights, double d)
{
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      const struct qk_key *its = key_of (f->statement, "weights");
      if (!strcmp (quantity_of (f->statement), quantity) && its && !strcmp (its->text, weights)
          && key_of (f->statement, "d_k")->number == d)
        return f;
    }
  ck_abort_msg ("no finding %s of %s weights, d_k = %g", quantity, weights, d);
  return NULL;
}

/* ---- exact ----------------------------------------------------------------------------------- */

static const char *const plans[] = {
  "--keys=9,20 --model-dim=5 --dk=3,300",
  "--keys=2 --model-dim=1,300 --dk=8 --norm=rms --dist=uniform",
  "--keys=12 --model-dim=17 --dk=9 --norm=qk --samples=2000",
};

START_TEST (no_counter_twice) { check_counters ("symmetry", plans[_i]); }
END_TEST

/* What is judged, and within which band.  */
START_TEST (statements)
{
  const double a = 2. * 63 * 15 / (64 * 16 + 2), none = INFINITY;
  const struct
  {
    const char *quantity, *weights;
    double d, exact, lo, hi; /* exact NAN: none is known */
    enum qk_method method;
  } expected[] = {
    { "asymmetry", "separate", 4, a, a / 1.01, a * 1.01, QK_BY_T },
    { "asymmetry", "separate", 64, a, a / 1.01, a * 1.01, QK_BY_T },
    { "asymmetry", "shared", 4, 0, 0, 0, QK_BY_EXACT },
    { "asymmetry", "none", 4, 0, 0, 0, QK_BY_EXACT },
    { "diagonal_argmax", "separate", 16, 1. / 64, 1. / 64 - .01, 1. / 64 + .01, QK_BY_BINOMIAL },
    { "diagonal_argmax", "shared", 4, .2105671, .2005671, .2205671, QK_BY_BINOMIAL },
    { "diagonal_argmax", "none", 16, .9727125, .9627125, .9827125, QK_BY_BINOMIAL },
    { "diagonal_argmax", "none", 4, .2812498, .2712498, .2912498, QK_BY_BINOMIAL },
    { "negative_eigenvalues", "separate", 4, 4, 4, 4, QK_BY_EXACT },
    { "negative_eigenvalues", "separate", 16, NAN, 1, none, QK_BY_EXACT },
    { "negative_eigenvalues", "shared", 16, 0, 0, 0, QK_BY_EXACT },
    { "self_score_mean", "none", 16, 16, 16 / 1.01, 16 * 1.01, QK_BY_T },
    { "self_score_mean", "separate", 16, 0, -.01 * sqrt (18), .01 * sqrt (18), QK_BY_T },
    { "self_score_variance", "none", 16, 32, 32 / 1.01, 32 * 1.01, QK_BY_T },
    { "self_score_variance", "shared", 4, 11, 11 / 1.01, 11 * 1.01, QK_BY_T },
    { "off_diagonal_variance", "none", 4, 4, 4 / 1.01, 4 * 1.01, QK_BY_T },
    { "off_diagonal_variance", "shared", 4, 5.25, 5.25 / 1.01, 5.25 * 1.01, QK_BY_T },
    { "form_rank", "separate", 4, 4, 4, 4, QK_BY_EXACT },
    { "form_rank", "shared", 64, 16, 16, 16, QK_BY_EXACT },
    { "parameters", "separate", 64, 2048, 2048, 2048, QK_BY_EXACT },
    { "parameters", "shared", 64, 1024, 1024, 1024, QK_BY_EXACT },
    { "diagonal_bound_violations", "shared", 4, 0, -none, 0, QK_BY_BOUND },
  };
  open_plan ("symmetry", "");
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    {
      size_t found = 0;
      for (size_t j = 0; j < plan.n_statements; j++)
        {
          const struct qk_statement *s = &plan.statements[j];
          const struct qk_key *weights = key_of (s, "weights");
          if (strcmp (quantity_of (s), expected[i].quantity) || !weights
              || strcmp (weights->text, expected[i].weights)
              || key_of (s, "d_k")->number != expected[i].d)
            continue;
          found++;
          double off = fabs (s->exact - expected[i].exact);
          ck_assert_msg (s->judged && s->method == expected[i].method
                             && (isnan (expected[i].exact) ? isnan (s->exact) : off <= 1e-7),
                         "%s, %s, %g: %.9g", expected[i].quantity, expected[i].weights,
                         expected[i].d, s->exact);
          ck_assert_msg (
              (s->band.lo == expected[i].lo || fabs (s->band.lo - expected[i].lo) <= 1e-7)
                  && (s->band.hi == expected[i].hi || fabs (s->band.hi - expected[i].hi) <= 1e-7),
              "%s, %s, %g: %.9g to %.9g", expected[i].quantity, expected[i].weights, expected[i].d,
              s->band.lo, s->band.hi);
        }
      ck_assert_msg (found == 1, "%s, %s, %g: %zu", expected[i].quantity, expected[i].weights,
                     expected[i].d, found);
    }
  close_plan ();

  /* A broken assumption moves the exact value, not the band; nothing known: described.  */
  open_plan ("symmetry", "--weights=separate --dk=4 --dist=normal:mean=1 --quantity=asymmetry");
  ck_assert_double_eq_tol (plan.statements[0].band.hi, a * 1.01, 1e-12);
  ck_assert_double_lt (plan.statements[0].exact, 0.8 * a);
  close_plan ();
  open_plan ("symmetry", "--weights=shared --dk=4 --dist=laplace --quantity=diagonal_argmax");
  ck_assert (!plan.statements[0].judged && isnan (plan.statements[0].exact));
  close_plan ();
  open_plan ("symmetry", "--weights=shared --dk=4 --expect=0.5..2 --quantity=asymmetry");
  ck_assert (plan.statements[0].band.lo == 0.5 && plan.statements[0].band.hi == 2);
  close_plan ();
}
END_TEST

/* The numbers to check by hand, and the claims they speak of.  */
START_TEST (counterexamples)
{
  static const struct
  {
    const char *row;
    double value;
  } known[]
      = { { "(WX)(WX)ᵀ 1,1", 5 }, { "XᵀWᵀWX 2,2", 4 },    { "s 1,1", 1 },          { "s 1,2", 2 },
          { "p 1,2", 0.7310586 }, { "p 2,1", 0.1192029 }, { "Z_2/Z_1", 6.1328914 } };
  open_run ("symmetry", "--quantity=counterexample");
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      size_t found = 0;
      for (size_t j = 0; j < outcome.n_findings; j++)
        if (!strcmp (key_of (outcome.findings[j].statement, "row")->text, known[i].row))
          {
            const struct qk_finding *f = &outcome.findings[j];
            found++;
            ck_assert_double_eq_tol (f->enclosure.estimate, known[i].value, 1e-7);
            ck_assert_int_eq (f->verdict, QK_HOLDS);
          }
      ck_assert_uint_eq (found, 1);
    }
  close_run ();
}
END_TEST

/* P (argmax) of Q = K = X, and theorems.  */
START_TEST (verdicts)
{
  open_run ("symmetry", "--weights=none --keys=64 --dk=1,4,16,64 --tolerance=0.02 "
                        "--quantity=diagonal_argmax");
  static const double exact[] = { .03125, .28125, .972713, 1 };
  for (int i = 0; i < 4; i++)
    {
      const struct qk_finding *f = finding ("diagonal_argmax", "none", pow (4, i));
      ck_assert_int_eq (f->verdict, QK_HOLDS);
      ck_assert (f->enclosure.lo <= exact[i] && f->enclosure.hi >= exact[i]);
    }
  close_run ();
  open_run ("symmetry", "--keys=16 --dk=4 --norm=qk --tolerance=0.1");
  ck_assert_double_eq (finding ("diagonal_argmax", "shared", 4)->enclosure.lo, 1);
  ck_assert_double_eq (finding ("asymmetry", "shared", 4)->enclosure.hi, 0);
  ck_assert_double_lt (finding ("diagonal_argmax", "separate", 4)->enclosure.hi, 0.2);
  close_run ();
  open_run ("symmetry", "--keys=16 --dk=4 --norm=rms --tolerance=0.1");
  ck_assert_double_eq (finding ("diagonal_argmax", "none", 4)->enclosure.lo, 1);
  ck_assert_double_gt (finding ("gradient_sum_error", "shared", 4)->enclosure.lo, 0);
  ck_assert_double_gt (finding ("normaliser_ratio_error", "shared", 4)->enclosure.lo, 0);
  ck_assert_double_lt (finding ("diagonal_argmax", "shared", 4)->enclosure.hi, 0.6);
  close_run ();
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

/* The smallest inputs there are, of every kind: nothing fails, and nothing is left undecided for
   want of spread.  */
START_TEST (smallest)
{
  static const char *const runs[]
      = { "--keys=2 --model-dim=1 --dk=1 --tolerance=0.2",
          "--keys=2 --model-dim=1 --dk=2 --norm=rms --tolerance=0.3",
          "--keys=2 --model-dim=1,2 --dk=1 --norm=qk --tolerance=0.3",
          "--keys=2 --model-dim=3 --dk=3 --norm=layer --tolerance=0.2",
          "--keys=3 --model-dim=2 --dk=1,2 --dist=rademacher --tolerance=0.2",
          ("--keys=3 --weights=none,shared --model-dim=2 --dk=2 --dist=sparse:p=0.5 --norm=qk "
           "--tolerance=0.3") };
  open_run ("symmetry", runs[_i]);
  size_t judged = 0;
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      judged += f->statement->judged;
      ck_assert_msg (f->verdict == QK_HOLDS || f->verdict == QK_DESCRIBED, "%s: %s",
                     quantity_of (f->statement), qk_verdict_name (f->verdict));
    }
  ck_assert_uint_gt (judged, 10);
  close_run ();
}
END_TEST

/* Too few inputs for t: described, and the sample that would do.  */
START_TEST (thin)
{
  open_run ("symmetry", "--keys=8 --weights=separate --dk=4 --samples=256");
  ck_assert_int_eq (finding ("asymmetry", "separate", 4)->verdict, QK_DESCRIBED);
  ck_assert_int_ne (finding ("diagonal_argmax", "separate", 4)->verdict, QK_DESCRIBED);
  ck_assert_uint_eq (plan.n_warnings, 1);
  ck_assert_ptr_nonnull (strstr (plan.warnings[0], "--samples="));
  close_run ();
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

static const uint64_t BLOCK = 7;

enum
{
  TOKENS = 24,
  DIMENSIONS = 300
};

struct replayed
{
  double n, D, d;
  double x[TOKENS * DIMENSIONS], w[2][DIMENSIONS * DIMENSIONS];
  double q[2][TOKENS * DIMENSIONS], s[TOKENS * TOKENS];
};

static void
normalise (double *x, size_t d, bool layer, double to)
{
  double mean = 0, square = 0;
  for (size_t i = 0; i < d && layer; i++)
    mean += x[i] / (double)d;
  for (size_t i = 0; i < d; i++)
    {
      x[i] -= mean;
      square += x[i] * x[i];
    }
  for (size_t i = 0; i < d && square > 0; i++)
    x[i] *= to / sqrt (square);
}

/* Rows of an operand of role r, scaled.  */
static void
read_operand (double *y, const struct qk_case *c, unsigned role, const struct qk_law *law,
              uint64_t t, size_t rows, size_t d, bool transposed)
{
  size_t b = (rows + 7) / 8 * 8;
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < d; i++)
      y[transposed ? i * rows + r : r * d + i]
          = qk_draw ((struct qk_address){ params.seed, c->cell + role, BLOCK }, law,
                     t * qk_operand_size (b, d) + qk_operand_index (b, d, r, i));
}

/* Input t of a case, plainly: its scores and what they are made of.  */
static void
replay (struct replayed *in, const struct qk_case *c, const char *weights, const char *norm,
        uint64_t t)
{
  size_t n = (size_t)in->n, D = (size_t)in->D, d = (size_t)in->d;
  bool none = !strcmp (weights, "none"), layer = !strcmp (norm, "layer");
  struct qk_law law = { &qk_law_types[QK_NORMAL], .sd = 1 / sqrt (in->D) };
  read_operand (in->x, c, 0, &params.q_dist, t, n, D, false);
  for (size_t i = 0; i < n && (layer || !strcmp (norm, "rms")); i++)
    normalise (in->x + i * D, D, layer, sqrt (in->D));
  for (unsigned side = 0; side < 2; side++)
    {
      double *q = in->q[side];
      if (none)
        memcpy (q, in->x, n * D * sizeof *q);
      else
        {
          read_operand (in->w[side], c, strcmp (weights, "shared") ? 1 + side : 1, &law, t, d, D,
                        true);
          qk_project (q, in->x, in->w[side], n, D, d);
        }
      for (size_t i = 0; i < n && !strcmp (norm, "qk"); i++)
        normalise (q + i * d, d, false, 1);
    }
  qk_score_matrix (in->s, in->q[0], in->q[1], n, n, d);
}

/* |p_ij Z_i / (p_ji Z_j) - 1| at most, with the exponentials of the C library.  */
static double
normaliser_error (const struct replayed *in)
{
  size_t n = (size_t)in->n;
  double p[TOKENS * TOKENS], Z[TOKENS], x[TOKENS], worst = 0;
  for (size_t i = 0; i < n; i++)
    {
      Z[i] = 0;
      for (size_t j = 0; j < n; j++)
        {
          x[j] = in->s[i * n + j] / sqrt (in->d);
          Z[i] += exp (x[j]);
        }
      ck_assert_int_eq (qk_softmax (p + i * n, x, n), 0);
    }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      worst = fmax (worst, fabs (p[i * n + j] * Z[i] / (p[j * n + i] * Z[j]) - 1));
  return worst;
}

static void
check_close (const double *row, const struct qk_case *c, const struct replayed *in,
             const char *weights)
{
  static double a[DIMENSIONS * DIMENSIONS], work[DIMENSIONS * (DIMENSIONS + 2)];
  size_t n = (size_t)in->n, D = (size_t)in->D, d = (size_t)in->d;
  bool separate = !strcmp (weights, "separate");
  memcpy (a, in->s, n * n * sizeof *a);
  ck_assert_double_eq (row[qk_kind_column (c->kind, "negative_eigenvalues")],
                       qk_negative_eigenvalues (a, n, 1e-9, work));
  if (strcmp (weights, "none"))
    {
      qk_score_matrix (a, in->w[0], in->w[1], D, D, d);
      ck_assert_double_eq (row[qk_kind_column (c->kind, "form_rank")],
                           D <= 256 ? qk_matrix_rank (a, D, 1e-9, work) : 0);
    }
  double error = row[qk_kind_column (c->kind, "normaliser_ratio_error")];
  if (separate)
    ck_assert (error == 0 && normaliser_error (in) > 0.1);
  else
    ck_assert_msg (error > 0 && error < 1e-13 && normaliser_error (in) < 1e-12, "%g", error);
  error = row[qk_kind_column (c->kind, "gradient_sum_error")];
  ck_assert_msg (!strcmp (weights, "shared") ? error < 1e-14 : error == 0, "%g", error);
  ck_assert_double_eq (row[qk_kind_column (c->kind, "violations")], 0);
}

static const char *const blocks[] = {
  "--keys=9 --model-dim=5 --dk=3,8 --samples=600",
  "--keys=24 --model-dim=17 --dk=20 --norm=rms --dist=uniform:mean=0.3 --samples=600",
  "--keys=7 --model-dim=12 --dk=9 --norm=layer --dist=laplace --samples=600",
  "--keys=16 --model-dim=6 --dk=13 --norm=qk --samples=600",
  "--keys=5 --model-dim=300 --dk=260 --samples=256",
};

START_TEST (blocks_plainly)
{
  static struct replayed in;
  open_plan ("symmetry", blocks[_i]);
  for (size_t k = 0; k < plan.n_cases; k++)
    {
      const struct qk_case *c = &plan.cases[k];
      const struct qk_statement *s = plan.statements;
      while (!s->sources || s->source[0] != k)
        s++;
      const struct qk_key *normed = key_of (s, "norm");
      const char *weights = key_of (s, "weights")->text, *norm = normed ? normed->text : "none";
      in.n = key_of (s, "keys")->number;
      in.D = key_of (s, "model_dim")->number;
      in.d = key_of (s, "d_k")->number;
      struct qk_work work = { .kernels = qk_kernels_find (NULL), .seed = params.seed };
      work.scratch = aligned_alloc (QK_ALIGN, (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
      double *row = calloc (qk_kind_columns (c->kind), sizeof *row), sum[6] = { 0 }, highest = 0;
      ck_assert_int_eq (c->kind->block (row, c, BLOCK, &work), 0);
      size_t n = (size_t)in.n;
      double self = 0, off = 0; /* as the plan shifts: see the first moments */
      for (uint64_t t = 0; t < (uint64_t)c->units; t++)
        {
          bool most = true;
          replay (&in, c, weights, norm, t);
          for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
              {
                double x = in.s[i * n + j], apart = x - in.s[j * n + i];
                sum[0] += apart * apart / (in.n * in.n);
                sum[1] += x * x / (in.n * in.n);
                sum[i == j ? 2 : 4] += x / (i == j ? in.n : in.n * (in.n - 1));
                sum[i == j ? 3 : 5] += x * x / (i == j ? in.n : in.n * (in.n - 1));
                most &= i > 0 || x <= in.s[0] + 1e-12;
              }
          highest += most;
        }
      for (int i = 0; i < 6; i++)
        sum[i] /= c->units;
      if (!strcmp (c->kind->name, "rows"))
        ck_assert_msg (row[0] == highest, "%s: %g, not %g", c->label, row[0], highest);
      else if (!strcmp (c->kind->name, "close"))
        check_close (row, c, &in, weights);
      else
        {
          self = sum[2] - row[2];
          off = sum[4] - row[4];
          const double expected[] = { sum[0], sum[1],
                                      row[2], sum[3] - 2 * self * sum[2] + self * self,
                                      row[4], sum[5] - 2 * off * sum[4] + off * off };
          for (int i = 0; i < 6; i++)
            ck_assert_msg (fabs (row[i] - expected[i]) <= 1e-11 * (sum[1] + self * self),
                           "%s, column %d: %.17g, not %.17g", c->label, i, row[i], expected[i]);
          /* The shifts are the exact means.  */
          if (!strcmp (weights, "separate"))
            ck_assert (fabs (self) < 1e-12 && fabs (off) < 1e-12 && row[0] > 0);
          else
            ck_assert_msg (row[0] == 0, "%s: asymmetry %g", c->label, row[0]);
        }
      free (row);
      free (work.scratch);
    }
  close_plan ();
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* So many misses, or so few, have a probability below 1e-9 at the stated rate; few is no fault
   where the method is conservative.  */
static void
check_rate (double misses, double runs, double miss, bool both, const char *what)
{
  if (getenv ("QK_TEST_EFFORT"))
    printf ("%s: %g of %g at %g\n", what, misses, runs, miss);
  ck_assert_msg (
      misses == 0 || gsl_cdf_binomial_Q ((unsigned)misses - 1, 1.3 * miss, (unsigned)runs) > 1e-9,
      "%s: %g of %g at %g", what, misses, runs, miss);
  ck_assert_msg (!both || gsl_cdf_binomial_P ((unsigned)misses, miss / 1.5, (unsigned)runs) > 1e-9,
                 "%s: only %g of %g at %g", what, misses, runs, miss);
}

/* Of a thousand runs one in ten misses: scores of an input are not independent.  */
START_TEST (ratio_covers)
{
  const double miss = 0.1;
  int runs = 1000 * effort ();
  double missed = 0;
  char arguments[160];
  for (int seed = 1; seed <= runs; seed++)
    {
      snprintf (arguments, sizeof arguments,
                "--weights=separate --keys=32 --dk=4 --samples=512 --miss=%g --seed=%d --threads=1 "
                "--quantity=asymmetry",
                miss, seed);
      open_run ("symmetry", arguments);
      const struct qk_finding *f = finding ("asymmetry", "separate", 4);
      ck_assert (!f->statement->thin);
      missed += !(f->enclosure.lo <= f->statement->exact && f->statement->exact <= f->enclosure.hi);
      close_run ();
    }
  check_rate (missed, runs, miss, true, "asymmetry");
}
END_TEST

START_TEST (others_cover)
{
  static const char *const names[]
      = { "diagonal_argmax", "self_score_mean", "self_score_variance", "off_diagonal_variance" };
  const double miss = 0.1;
  int runs = 60 * effort ();
  double missed[4] = { 0 }, n[4] = { 0 };
  char arguments[200];
  for (int seed = 1; seed <= runs; seed++)
    {
      snprintf (arguments, sizeof arguments,
                "--keys=24 --model-dim=12 --dk=8 --samples=2500 --miss=%g --seed=%d --quantity="
                "diagonal_argmax,self_score_mean,self_score_variance,off_diagonal_variance",
                miss, seed);
      open_run ("symmetry", arguments);
      for (size_t i = 0; i < outcome.n_findings; i++)
        for (int k = 0; k < 4; k++)
          if (!strcmp (quantity_of (outcome.findings[i].statement), names[k])
              && !outcome.findings[i].statement->thin)
            {
              const struct qk_finding *f = &outcome.findings[i];
              double truth = f->statement->exact;
              missed[k] += !(f->enclosure.lo <= truth && truth <= f->enclosure.hi);
              n[k]++;
            }
      close_run ();
    }
  for (int k = 0; k < 4; k++)
    {
      ck_assert_double_ge (n[k], runs);
      check_rate (missed[k], n[k], miss, k > 0, names[k]);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("symmetry");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_loop_test (exact, no_counter_twice, 0, sizeof plans / sizeof *plans);
  tcase_add_test (exact, statements);
  tcase_add_test (exact, counterexamples);
  tcase_add_test (exact, verdicts);
  tcase_add_loop_test (edges, smallest, 0, 6);
  tcase_add_test (edges, thin);
  tcase_add_loop_test (twin, blocks_plainly, 0, sizeof blocks / sizeof *blocks);
  tcase_add_test (laws, ratio_covers);
  tcase_add_test (laws, others_cover);
  tcase_set_timeout (exact, 0);
  tcase_set_timeout (edges, 0);
  tcase_set_timeout (twin, 0);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
