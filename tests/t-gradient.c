/* t-gradient.c -- tests of the experiment gradient: its statements, its blocks against the plain
   functions of attention.h on replayed components, and intervals that cover.  */

#include "../src/attention.h"
#include "../src/weights.h"
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

/* The finding of a quantity where that key has that number (of a list: any).  */
static const struct qk_finding *
finding (const char *quantity, const char *name, double number)
{
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      const struct qk_key *key = key_of (f->statement, name);
      if (!strcmp (quantity_of (f->statement), quantity) && key
          && (key->list || key->number == number))
        return f;
    }
  ck_abort_msg ("no finding %s at %s = %g", quantity, name, number);
  return NULL;
}

/* ---- exact ----------------------------------------------------------------------------------- */

static const char *const plans[] = {
  "--dk=1,3,300 --keys=9,64 --samples=50000",
  "--dk=7,257 --q-dist=student:nu=20 --k-dist=rademacher --samples=50000",
  "--dk=4,16 --alpha=0,0.5,1 --keys=5 --samples=50000",
  "--sigma=0.5,4 --keys=2,17",
};

START_TEST (no_counter_twice) { check_counters ("gradient", plans[_i]); }
END_TEST

/* What is judged, and within which band.  */
START_TEST (statements)
{
  const struct
  {
    const char *quantity, *scale;
    double d, exact, lo, hi; /* d = 0: of the list; exact 0: none is known */
    bool judged;
  } expected[] = {
    { "jacobian_square", "none", 16, .0993835, .0993835 / 1.05, .0993835 * 1.05, true },
    { "jacobian_square", "sqrt", 1024, .0340811, .0340811 / 1.05, .0340811 * 1.05, true },
    { "query_gradient_square", "none", 1024, 23.4202, 23.4202 / 1.05, 23.4202 * 1.05, true },
    { "query_gradient_square", "sqrt", 16, .0349827, .0349827 / 1.05, .0349827 * 1.05, true },
    { "query_gradient_mean", "none", 1024, 0, 2.34373346508 / 1.25, 2.34373346508 * 1.25, true },
    { "query_gradient_mean", "none", 16, 0, 0, 0, false },
    { "query_gradient_mean", "sqrt", 1024, 0, 0, 0, false },
    { "jacobian_median", "none", 1024, 0, 0, 0, false },
    { "query_gradient_median", "sqrt", 16, 0, 0, 0, false },
    { "jacobian_square_slope", "none", 0, log (.0228936 / .0993835) / log (64),
      log (.0228936 / .0993835) / log (64) - 2 * log (1.05) / log (64),
      log (.0228936 / .0993835) / log (64) + 2 * log (1.05) / log (64), true },
    { "query_gradient_square_slope", "none", 0, log (23.4202 / 1.50557) / log (64),
      log (23.4202 / 1.50557) / log (64) - 2 * log (1.05) / log (64),
      log (23.4202 / 1.50557) / log (64) + 2 * log (1.05) / log (64), true },
    { "query_gradient_median_fall", "none", 0, 0, -INFINITY, 0.5, true },
    { "query_gradient_median_spread", "sqrt", 0, 0, -INFINITY, 1.2, true },
    { "query_gradient_mean_spread", "sqrt", 0, 0, -INFINITY, 1.2, true },
    { "jacobian_bound_violations", "none", 0, 0, -INFINITY, 0, true },
  };
  open_plan ("gradient", "--dk=16,1024");
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    {
      size_t found = 0;
      for (size_t j = 0; j < plan.n_statements; j++)
        {
          const struct qk_statement *s = &plan.statements[j];
          const struct qk_key *d = key_of (s, "d_k"), *scale = key_of (s, "scale");
          double number = d->list ? 0 : d->number, exact = isnan (s->exact) ? 0 : s->exact;
          if (strcmp (quantity_of (s), expected[i].quantity) || number != expected[i].d
              || strcmp (scale->text, expected[i].scale))
            continue;
          found++;
          ck_assert_msg (fabs (exact - expected[i].exact) <= 5e-6 * fmax (1, exact)
                             && s->judged == expected[i].judged,
                         "%s, %s, d %g: %.9g", expected[i].quantity, expected[i].scale, number,
                         s->exact);
          if (s->judged)
            ck_assert_msg ((expected[i].lo == -INFINITY
                            || fabs (s->band.lo - expected[i].lo) <= 1e-5 * fabs (expected[i].lo))
                               && fabs (s->band.hi - expected[i].hi)
                                      <= 1e-5 * fabs (expected[i].hi),
                           "%s, %s, d %g: %.9g %.9g", expected[i].quantity, expected[i].scale,
                           number, s->band.lo, s->band.hi);
        }
      ck_assert_msg (found == 1, "%s, %s: %zu", expected[i].quantity, expected[i].scale, found);
    }
  close_plan ();

  /* Exponents: 1/2 is the scale 1/sqrt (d), 0 none; the mean square is flat near 1/2, not at it. */
  open_plan ("gradient", "--dk=16,64,256,1024 --alpha=0,0.4981,0.5 "
                         "--quantity=query_gradient_square_slope");
  ck_assert_uint_eq (plan.n_statements, 5);
  ck_assert_double_eq (plan.statements[2].exact, plan.statements[0].exact);
  ck_assert_double_eq_tol (plan.statements[3].exact, 0, 1e-3);
  ck_assert_double_eq (plan.statements[4].exact, plan.statements[1].exact);
  ck_assert_double_lt (plan.statements[4].exact, -0.005);
  close_plan ();

  /* A list that is too short to show it: described.  */
  open_plan ("gradient", "--dk=16,64 --scale=none --quantity=query_gradient_median_fall");
  ck_assert (plan.n_statements == 1 && !plan.statements[0].judged);
  close_plan ();
}
END_TEST

/* The medians of THEORY, and what is said of them.  */
START_TEST (medians)
{
  static const double d[] = { 16, 64, 256, 1024 }, known[] = { 1.22, 1.54, .38, .0080 };
  open_run ("gradient", "--dk=16,64,256,1024 --scale=none --tolerance=0.1 "
                        "--quantity=query_gradient_median,query_gradient_median_fall");
  for (int i = 0; i < 4; i++)
    {
      struct qk_enclosure e = finding ("query_gradient_median", "d_k", d[i])->enclosure;
      ck_assert_msg (e.lo < 1.03 * known[i] && e.hi > 0.97 * known[i], "d %g: [%g, %g]", d[i], e.lo,
                     e.hi);
      ck_assert (e.lo > 0 && e.hi < 3 * known[i]);
    }
  ck_assert_int_eq (finding ("query_gradient_median_fall", "d_k", 0)->verdict, QK_HOLDS);
  close_run ();
}
END_TEST

/* n = 2 scores of deviation s: |J|_F = 2 p (1 - p) at p = 1 / (1 + e^x), x ~ N(0, 2 s^2), so its
   quantiles are those of |x|, in reverse.  */
static double
quantile_of_two (double sigma, double p)
{
  double x = sigma * M_SQRT2 * gsl_cdf_ugaussian_Qinv (p / 2), e = exp (-x);
  return 2 * e / ((1 + e) * (1 + e));
}

START_TEST (two_keys)
{
  open_run ("gradient", "--sigma=0.3,2.385 --keys=2 --miss=1e-9");
  for (int i = 0; i < 2; i++)
    {
      double sigma = i ? 2.385 : 0.3;
      struct qk_enclosure e = finding ("jacobian_median", "sigma", sigma)->enclosure;
      double median = quantile_of_two (sigma, 0.5);
      ck_assert_msg (e.lo < median && median < e.hi, "sigma %g: %g in %g %g", sigma, median, e.lo,
                     e.hi);
      ck_assert (e.hi - e.lo < 0.3 * median);
      ck_assert_int_eq (finding ("jacobian_square", "sigma", sigma)->verdict, QK_HOLDS);
      ck_assert_int_eq (finding ("jacobian_spectral_max", "sigma", sigma)->verdict, QK_HOLDS);
      /* At (1/2, 1/2), nearly, the bound is attained.  */
      e = finding ("jacobian_spectral_max", "sigma", sigma)->enclosure;
      ck_assert (e.estimate > 0.4999 && e.lo == e.hi);
    }
  close_run ();
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

enum
{
  MOST_KEYS = 80,
  MOST_D = 300
};

static const uint64_t BLOCK = 7;

/* Coordinate i of row r of an operand of b rows, tile t, by its address; see kernels.h.  */
static double
component (const struct qk_case *c, unsigned role, const struct qk_law *law, uint64_t t, size_t b,
           size_t d, size_t r, size_t i)
{
  size_t m = i / QK_DEPTH, depth = d - m * QK_DEPTH < QK_DEPTH ? d - m * QK_DEPTH : QK_DEPTH;
  uint64_t at = t * qk_operand_size (b, d) + m * QK_DEPTH * b + ((r / 8) * depth + i % QK_DEPTH) * 8
                + r % 8;
  return qk_draw ((struct qk_address){ params.seed, c->cell + role, BLOCK }, law, at);
}

/* Query r of draw t of a case: |J|_F^2 and |dp/dq|_F^2, plainly.  */
static void
replay (double *jacobian, double *gradient, double *norm, const struct qk_case *c, uint64_t t,
        size_t r)
{
  const struct qk_weights_draws *u = c->own;
  const struct qk_score *law = &u->w.law;
  size_t d = (size_t)law->d, n = (size_t)u->w.rows.n, padded = u->scores.keys;
  bool own = u->scores.shape == QK_OWN;
  static double K[MOST_KEYS * MOST_D];
  double p[MOST_KEYS], q[MOST_D];
  ck_assert (n <= MOST_KEYS && d <= MOST_D);
  for (size_t i = 0; i < d; i++)
    q[i] = component (c, QK_ROLE_Q, &law->q, t, u->scores.queries, d, r, i);
  for (size_t j = 0; j < n; j++)
    {
      p[j] = 0;
      for (size_t i = 0; i < d; i++)
        {
          K[j * d + i] = own ? component (c, QK_ROLE_K, &law->k, t, 8 * padded, d, 8 * j + r, i)
                             : component (c, QK_ROLE_K, &law->k, t, padded, d, j, i);
          p[j] += q[i] * K[j * d + i];
        }
      p[j] *= u->w.c;
    }
  ck_assert_int_eq (qk_softmax (p, p, n), 0);
  *jacobian = qk_jacobian_square (p, n);
  *gradient = qk_gradient_square (p, K, n, d, u->w.c);
  *norm = qk_jacobian_norm (p, n);
}

static const char *const blocks[] = {
  "--dk=5 --keys=9 --scale=none,sqrt --samples=300",
  "--dk=300 --keys=3 --scale=none,0.07 --samples=300",
  "--dk=257 --keys=18 --scale=none,dk --samples=300 --dist=laplace",
  "--dk=3,64 --keys=24 --scale=sqrt --alpha=0,1 --samples=300 --k-dist=uniform:mean=0.3",
};

START_TEST (blocks_plainly)
{
  open_plan ("gradient", blocks[_i]);
  for (size_t i = 0; i < plan.n_cases; i++)
    {
      const struct qk_case *c = &plan.cases[i];
      const struct qk_weights_draws *u = c->own;
      struct qk_work work = { .kernels = qk_kernels_find (NULL), .seed = params.seed };
      work.scratch = aligned_alloc (QK_ALIGN, (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
      double *row = calloc (qk_kind_columns (c->kind), sizeof *row), sum[4] = { 0 }, most = 0;
      ck_assert_int_eq (c->kind->block (row, c, BLOCK, &work), 0);
      bool own = !strcmp (c->kind->name, "queries");
      size_t j = 0, second = own ? qk_kind_column (c->kind, "query_gradient") : 0;
      for (uint64_t t = 0; t < u->draws; t++)
        for (size_t r = 0; r < u->scores.queries; r++, j++)
          {
            double jacobian, gradient, norm;
            replay (&jacobian, &gradient, &norm, c, t, r);
            sum[0] += jacobian;
            sum[1] += sqrt (jacobian);
            sum[2] += gradient;
            sum[3] += sqrt (gradient);
            most = fmax (most, norm);
            /* The scores carry some 1e-13 of rounding, and so does ln p.  */
            if (own)
              ck_assert_msg (fabs (row[j] / sqrt (jacobian) - 1) < 1e-10
                                 && fabs (row[second + j] / sqrt (gradient) - 1) < 1e-10,
                             "%s, query %zu: %g %g, not %g %g", c->label, j, row[j],
                             row[second + j], sqrt (jacobian), sqrt (gradient));
          }
      ck_assert_double_eq ((double)j, c->units);
      for (int k = 0; !own && k < 4; k++)
        ck_assert_msg (fabs (row[k] * c->units / sum[k] - 1) < (k == 3 ? 1e-6 : 1e-10),
                       "%s, column %d: %.17g, not %.17g", c->label, k, row[k], sum[k] / c->units);
      if (own)
        {
          size_t at = qk_kind_column (c->kind, "spectral_max");
          ck_assert_msg (fabs (row[at] / most - 1) < 1e-10, "%s: %g, not %g", c->label, row[at],
                         most);
          ck_assert_double_eq (row[qk_kind_column (c->kind, "violations")], 0);
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

static bool
misses (const struct qk_finding *f, double truth)
{
  return !(f->enclosure.lo <= truth && truth <= f->enclosure.hi);
}

START_TEST (quantiles_cover)
{
  const double miss = 0.1;
  int runs = 200 * effort ();
  double missed[3] = { 0 };
  char arguments[160];
  for (int seed = 1; seed <= runs; seed++)
    {
      snprintf (arguments, sizeof arguments,
                "--sigma=2.385 --keys=2 --samples=1000 --miss=%g --seed=%d --threads=1 "
                "--quantity=jacobian_median,jacobian_quantile",
                miss, seed);
      open_run ("gradient", arguments);
      missed[0]
          += misses (finding ("jacobian_median", "sigma", 2.385), quantile_of_two (2.385, 0.5));
      missed[1]
          += misses (finding ("jacobian_quantile", "quantile", 0.1), quantile_of_two (2.385, 0.1));
      missed[2]
          += misses (finding ("jacobian_quantile", "quantile", 0.9), quantile_of_two (2.385, 0.9));
      close_run ();
    }
  check_rate (missed[0], runs, miss, true, "median");
  check_rate (missed[1], runs, miss, true, "10 % point");
  check_rate (missed[2], runs, miss, true, "90 % point");
}
END_TEST

START_TEST (means_cover)
{
  const double miss = 0.1;
  int runs = 15 * effort ();
  double missed[4] = { 0 }, n[4] = { 0 };
  static const char *const names[] = { "jacobian_square", "query_gradient_square",
                                       "jacobian_square_slope", "query_gradient_square_slope" };
  char arguments[200];
  for (int seed = 1; seed <= runs; seed++)
    {
      snprintf (arguments, sizeof arguments,
                "--dk=3,48 --keys=8 --samples=120000 --miss=%g --seed=%d --quantity="
                "jacobian_square,query_gradient_square,jacobian_square_slope,"
                "query_gradient_square_slope",
                miss, seed);
      open_run ("gradient", arguments);
      for (size_t i = 0; i < outcome.n_findings; i++)
        for (int k = 0; k < 4; k++)
          if (!strcmp (quantity_of (outcome.findings[i].statement), names[k]))
            {
              missed[k] += misses (&outcome.findings[i], outcome.findings[i].statement->exact);
              ck_assert (!outcome.findings[i].statement->thin);
              n[k]++;
            }
      close_run ();
    }
  for (int k = 0; k < 4; k++)
    {
      ck_assert_double_ge (n[k], 2 * runs);
      check_rate (missed[k], n[k], miss, true, names[k]);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("gradient");
  TCase *exact = tcase_create ("exact"), *twin = tcase_create ("twin"),
        *laws = tcase_create ("laws");
  tcase_add_loop_test (exact, no_counter_twice, 0, sizeof plans / sizeof *plans);
  tcase_add_test (exact, statements);
  tcase_add_test (exact, medians);
  tcase_add_test (exact, two_keys);
  tcase_add_loop_test (twin, blocks_plainly, 0, sizeof blocks / sizeof *blocks);
  tcase_add_test (laws, quantiles_cover);
  tcase_add_test (laws, means_cover);
  tcase_set_timeout (exact, 0);
  tcase_set_timeout (twin, 0);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
