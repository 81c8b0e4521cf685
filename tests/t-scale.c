/* t-scale.c -- tests of the experiment scale: its statements, its norms against single components,
   one sample for every alpha, and intervals that cover.  */

#include "../src/scored.h"
#include "plans.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>

/* The finding of a quantity at that first number of its case; NULL: none.  */
static const struct qk_finding *
finding (const char *quantity, double key)
{
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      if (!strcmp (quantity_of (f->statement), quantity)
          && (f->statement->key[0].list || f->statement->key[0].number == key))
        return f;
    }
  return NULL;
}

/* ---- exact ----------------------------------------------------------------------------------- */

static const char *const plans[] = {
  "--dk=1,3,64,257,300 --samples=2e6",
  "--dk=7,300 --q-dist=student:nu=20 --k-dist=rademacher --samples=2e6",
  "--dk=7,300 --correlation=0.3 --samples=2e6",
  "--dk=64 --tolerance=0.02",
};

START_TEST (no_counter_twice) { check_counters ("scale", plans[_i]); }
END_TEST

struct expected
{
  const char *quantity;
  double d, alpha; /* NAN: the case has none */
  double exact, lo, hi;
  bool judged;
};

/* What is judged, and within which band: rho = 0.3, d = 4 and 64, alpha = 1/4, 1/2 and 1, T = 2 %;
   ln (d_max / d_min) = 4 ln 2.  */
START_TEST (statements)
{
  const double half = 2 * log (1.02) / log (16), none = NAN;
  const struct expected expected[] = {
    { "scaled_variance", 4, none, 1.09, 1 / 1.02, 1.02, true },
    { "query_norm_square", 4, none, 4, 4 / 1.02, 4.08, true },
    { "query_norm_mean", 4, none, 1.8799712059732503, 1.8799712059732503 / 1.02,
      1.8799712059732503 * 1.02, true },
    { "query_norm_variance", 4, none, 0.4657082647114, 0.4657082647114 / 1.02,
      0.4657082647114 * 1.02, true },
    { "scaled_mean", 4, none, 0.6, 0.58, 0.62, true },
    { "scaled_variance", 64, none, 1.09, 1 / 1.02, 1.02, true },
    { "scaled_mean", 64, none, 2.4, 2.38, 2.42, true },
    { "scaled_mean", 4, 0.25, 0.3 * pow (4, .75), .3 * pow (4, .75) - .02, .3 * pow (4, .75) + .02,
      true },
    { "scaled_mean", 64, 0.25, 0.3 * pow (64, .75), 0.3 * pow (64, .75) - 0.02,
      0.3 * pow (64, .75) + 0.02, false },
    { "scaled_mean", 64, 1, 0.3, 0.28, 0.32, true },
    { "scaled_mean_slope", none, 0.25, 0.75, 0.75 - half, 0.75 + half, true },
    { "scaled_mean_slope", none, 1, 0, -half, half, true },
    { "scaled_variance_slope", none, 0.25, 0.5, 0.5 - half, 0.5 + half, true },
    { "scaled_variance_slope", none, 0.5, 0, -half, half, true },
    { "scaled_variance_slope", none, 1, -1, -1 - half, -1 + half, true },
    { "scale_exponent", none, none, 0.5, 0.48, 0.52, true },
  };
  open_plan ("scale", "--dk=4,64 --correlation=0.3 --alpha=0.25,0.5,1 --tolerance=0.02");
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    {
      const struct expected *x = &expected[i];
      size_t found = 0;
      for (size_t j = 0; j < plan.n_statements; j++)
        {
          const struct qk_statement *s = &plan.statements[j];
          double d = NAN, alpha = NAN;
          for (const struct qk_key *key = s->key; key->name; key++)
            if (!strcmp (key->name, "d_k") && !key->list)
              d = key->number;
            else if (!strcmp (key->name, "alpha"))
              alpha = key->number;
          if (strcmp (quantity_of (s), x->quantity) || !(d == x->d || (isnan (d) && isnan (x->d)))
              || !(alpha == x->alpha || (isnan (alpha) && isnan (x->alpha))))
            continue;
          found++;
          ck_assert_msg (fabs (s->exact - x->exact) <= 1e-12 && s->judged == x->judged
                             && fabs (s->band.lo - x->lo) <= 1e-12
                             && fabs (s->band.hi - x->hi) <= 1e-12,
                         "%s at d %g, alpha %g: %.15g in %.15g %.15g, judged %d", x->quantity, x->d,
                         x->alpha, s->exact, s->band.lo, s->band.hi, s->judged);
        }
      ck_assert_msg (found == 1, "%s at d %g, alpha %g: %zu statements", x->quantity, x->d,
                     x->alpha, found);
    }
  ck_assert_uint_eq (plan.n_statements, 21);
  close_plan ();
}
END_TEST

/* One sample serves every alpha: the cases are those of the shortest list, and the slopes are one
   measurement.  */
START_TEST (one_sample)
{
  uint64_t cell[8];
  size_t cases;
  open_plan ("scale", "--dk=3,16 --alpha=0.5 --samples=524288");
  cases = plan.n_cases;
  ck_assert_uint_eq (cases, 4);
  for (size_t i = 0; i < cases; i++)
    cell[i] = plan.cases[i].cell;
  close_plan ();

  open_run ("scale", "--dk=3,16 --alpha=0..2+0.125 --samples=524288");
  ck_assert_uint_eq (plan.n_cases, cases);
  for (size_t i = 0; i < cases; i++)
    ck_assert_uint_eq (plan.cases[i].cell, cell[i]);
  const struct qk_enclosure zero = finding ("scaled_variance_slope", 0)->enclosure;
  const struct qk_enclosure flat = finding ("scale_exponent", 0)->enclosure;
  for (double alpha = 0; alpha <= 2; alpha += 0.125)
    {
      const struct qk_enclosure e = finding ("scaled_variance_slope", alpha)->enclosure;
      ck_assert (e.estimate == zero.estimate - 2 * alpha && e.lo == zero.lo - 2 * alpha);
      ck_assert (e.hi == zero.hi - 2 * alpha && e.std_error == zero.std_error);
    }
  ck_assert (flat.estimate == zero.estimate / 2 && flat.std_error == zero.std_error / 2);
  close_run ();
}
END_TEST

/* What the defaults say of the exponent: 1/2, and neither .49 nor .51.  */
START_TEST (exponent)
{
  open_run ("scale", "--quantity=scale_exponent");
  const struct qk_finding *f = finding ("scale_exponent", 0);
  ck_assert_int_eq (f->verdict, QK_HOLDS);
  ck_assert_msg (0.49 < f->enclosure.lo && f->enclosure.lo <= 0.5 && 0.5 <= f->enclosure.hi
                     && f->enclosure.hi < 0.51,
                 "seed 1: the exponent lies in [%g, %g]", f->enclosure.lo, f->enclosure.hi);
  /* A claim of another exponent would fail.  */
  for (double wrong = 0.485; wrong < 0.52; wrong += 0.03)
    ck_assert_int_eq (qk_verdict_decide (f->enclosure, qk_band_absolute (wrong, 0.01)), QK_FAILS);
  close_run ();
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

START_TEST (one_dimension)
{
  open_plan ("scale", "--dk=64");
  ck_assert_uint_eq (plan.n_statements, 5);
  ck_assert_uint_eq (plan.n_warnings, 0);
  close_plan ();
  open_plan ("scale", "--dk=64 --quantity=scale_exponent,scaled_variance");
  ck_assert_uint_eq (plan.n_statements, 1);
  ck_assert_uint_eq (plan.n_warnings, 1);
  ck_assert_ptr_nonnull (strstr (plan.warnings[0], "scale_exponent is left out"));
  close_plan ();
  open_plan ("scale", "--dk=4,64 --quantity=scaled_mean_slope,scaled_variance");
  ck_assert_uint_eq (plan.n_statements, 2);
  ck_assert_ptr_nonnull (strstr (plan.warnings[0], "without --correlation the mean is 0"));
  close_plan ();
}
END_TEST

/* Norms of signs have no spread: their interval comes from their range and is no point.  */
START_TEST (signs)
{
  open_run ("scale", "--dk=1,9 --dist=rademacher --tolerance=0.02");
  for (double d = 1; d <= 9; d += 8)
    {
      struct qk_enclosure e = finding ("query_norm_square", d)->enclosure;
      ck_assert_msg (e.estimate == d && e.lo < d && e.hi == d && e.lo > d / 1.02, "d %g: [%g, %g]",
                     d, e.lo, e.hi);
      e = finding ("query_norm_mean", d)->enclosure;
      ck_assert (fabs (e.estimate - sqrt (d)) < 1e-15 * d && e.hi - e.lo > 1e-4);
      ck_assert_ptr_null (finding ("query_norm_variance", d));
    }
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_HOLDS);
  close_run ();

  /* q = k: no variance, and nothing to take the logarithm of.  */
  open_run ("scale", "--dk=1,4 --dist=rademacher --correlation=1 --samples=2097152");
  ck_assert_ptr_null (finding ("scale_exponent", 0));
  ck_assert_int_eq (finding ("scaled_variance", 4)->verdict, QK_FAILS);
  ck_assert_int_ne (finding ("scaled_mean", 4)->verdict, QK_FAILS);
  close_run ();
}
END_TEST

START_TEST (too_few)
{
  open_run ("scale", "--dk=4,64 --correlation=0.5 --samples=300");
  for (size_t i = 0; i < outcome.n_findings; i++)
    ck_assert (outcome.findings[i].verdict == QK_DESCRIBED
               && isnan (outcome.findings[i].enclosure.lo));
  ck_assert_uint_ge (outcome.n_findings, 20);
  close_run ();

  /* A mean that may be 0 has no logarithm.  */
  open_run ("scale", "--dk=1,4 --correlation=-0.0001 --samples=524288 --alpha=1");
  struct qk_finding f = *finding ("scaled_mean_slope", 1);
  ck_assert (f.verdict == QK_UNDECIDED && f.enclosure.lo == -INFINITY
             && f.enclosure.hi == INFINITY);
  close_run ();

  /* A negative one has.  */
  open_run ("scale", "--dk=4,64 --correlation=-0.4 --samples=524288 --alpha=0.25 --miss=1e-9");
  f = *finding ("scaled_mean_slope", 0.25);
  ck_assert (f.enclosure.lo < 0.75 && 0.75 < f.enclosure.hi && f.enclosure.hi < 0.78);
  close_run ();
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

/* A block of norms against single components by their addresses, summed in long double.  */
static void
check_norms (const struct qk_case *c, uint64_t seed, uint64_t block)
{
  const struct qk_scored *u = c->own;
  const struct qk_address at = { seed, c->cell + QK_ROLE_Q, block };
  size_t d = (size_t)u->scores.law.d, b = u->scores.queries;
  struct qk_work work = { .kernels = qk_kernels_find (NULL), .seed = seed };
  double row[3];
  work.scratch = aligned_alloc (QK_ALIGN, (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
  ck_assert_int_eq (c->kind->block (row, c, block, &work), 0);
  free (work.scratch);

  long double squares = 0, norms = 0, spread = 0, n = (long double)u->tiles * b;
  for (uint64_t t = 0; t < u->tiles; t++)
    for (size_t r = 0; r < b; r++)
      {
        long double square = 0, norm;
        for (size_t i = 0; i < d; i++)
          {
            size_t m = i / QK_DEPTH * QK_DEPTH, depth = d - m < QK_DEPTH ? d - m : QK_DEPTH;
            uint64_t place = t * qk_operand_size (b, d) + m * b + (r / 8 * depth + i - m) * 8;
            long double x = qk_draw (at, &u->scores.law.q, place + r % 8);
            square += x * x;
          }
        norm = sqrtl (square) - u->shift;
        squares += square;
        norms += norm;
        spread += norm * norm;
      }
  ck_assert_msg (fabsl (row[0] * n / squares - 1) < 1e-13 && fabsl (row[1] - norms / n) < 1e-13 * d
                     && fabsl (row[2] * n / spread - 1) < 1e-12,
                 "seed %" PRIu64 ", block %" PRIu64 ", d %zu: %.17g %.17g %.17g", seed, block, d,
                 row[0], row[1], row[2]);
}

START_TEST (norms)
{
  static const char *const laws[]
      = { "normal", "laplace:mean=0.3,sd=2.385", "student:nu=9", "rademacher:mean=1.7" };
  for (size_t l = 0; l < sizeof laws / sizeof *laws; l++)
    {
      char text[128];
      snprintf (text, sizeof text, "--dk=1,5,300 --dist=%s --samples=4096", laws[l]);
      open_plan ("scale", text);
      size_t seen = 0;
      for (size_t c = 0; c < plan.n_cases; c++)
        if (!strncmp (plan.cases[c].label, "norms", 5))
          {
            check_norms (&plan.cases[c], 0x51ce + l, 71003);
            seen++;
          }
      ck_assert_uint_eq (seen, 3);
      close_plan ();
    }
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* Intervals at a stated miss cover the exact value: over many seeds the misses of a quantity stay
   below the binomial bound that honest ones exceed with probability 1e-8, and far more would.  */

struct tally
{
  const char *quantity;
  double misses, runs;
};

static void
check_coverage (const char *arguments, int runs, double miss)
{
  struct tally tally[16] = { 0 };
  size_t n = 0;
  for (int seed = 1; seed <= runs; seed++)
    {
      char text[256];
      snprintf (text, sizeof text, "%s --samples=524288 --miss=%g --seed=%d", arguments, miss,
                seed);
      open_run ("scale", text);
      const char *before = "";
      for (size_t i = 0; i < outcome.n_findings; i++)
        {
          const struct qk_finding *f = &outcome.findings[i];
          const struct qk_enclosure e = f->enclosure;
          const char *name = quantity_of (f->statement);
          size_t t = 0;
          /* Those of other alphas and of the exponent are the same measurement.  */
          if (isnan (f->statement->exact) || (strstr (name, "slope") && !strcmp (name, before)))
            continue;
          before = name;
          while (t < n && strcmp (tally[t].quantity, name))
            t++;
          n += t == n;
          tally[t].quantity = name;
          tally[t].runs++;
          tally[t].misses += f->statement->exact < e.lo || f->statement->exact > e.hi;
        }
      close_run ();
    }
  ck_assert_uint_ge (n, 4);
  for (size_t t = 0; t < n; t++)
    {
      double tail
          = gsl_cdf_binomial_Q ((unsigned)tally[t].misses - 1, miss, (unsigned)tally[t].runs);
      double none = gsl_cdf_binomial_P ((unsigned)tally[t].misses, miss, (unsigned)tally[t].runs);
      ck_assert_msg ((tally[t].misses == 0 || tail > 1e-8) && none > 1e-8,
                     "'%s', seeds 1 to %d: %s misses %.0f times of %.0f at %g", arguments, runs,
                     tally[t].quantity, tally[t].misses, tally[t].runs, miss);
    }
}

START_TEST (coverage)
{
  check_coverage ("--dk=1,2 --alpha=0.5", (int)fmax (12, 150 * effort ()), 0.1);
}
END_TEST

START_TEST (coverage_correlated)
{
  check_coverage ("--dk=1,2 --correlation=0.6 --alpha=0.75 "
                  "--quantity=scaled_mean,scaled_mean_slope,scaled_variance,scale_exponent",
                  (int)fmax (12, 60 * effort ()), 0.1);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("scale");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_loop_test (exact, no_counter_twice, 0, sizeof plans / sizeof *plans);
  tcase_add_test (exact, statements);
  tcase_add_test (exact, one_sample);
  tcase_add_test (exact, exponent);
  suite_add_tcase (suite, exact);

  tcase_add_test (edges, one_dimension);
  tcase_add_test (edges, signs);
  tcase_add_test (edges, too_few);
  suite_add_tcase (suite, edges);

  tcase_add_test (twin, norms);
  suite_add_tcase (suite, twin);

  tcase_add_test (laws, coverage);
  tcase_add_test (laws, coverage_correlated);
  suite_add_tcase (suite, laws);
  tcase_set_timeout (exact, 0);
  tcase_set_timeout (edges, 0);
  tcase_set_timeout (twin, 0);
  tcase_set_timeout (laws, 0);
  return run (suite);
}
