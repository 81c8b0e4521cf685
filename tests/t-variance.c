/* t-variance.c -- tests of the experiment variance as a user of random numbers: no number is drawn
   twice, and other generators say the same.  */

#include "../src/engine.h"
#include "../src/option.h"
#include "../src/registry.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static struct qk_params params;
static struct qk_plan plan;

static void
open_plan (const char *arguments)
{
  static char text[512];
  char *word[16] = { "variance" }, why[QK_WHY];
  int words = 1;
  snprintf (text, sizeof text, "%s", arguments);
  for (char *w = strtok (text, " "); w; w = strtok (NULL, " "))
    word[words++] = w;
  plan = (struct qk_plan){ .experiment = qk_experiment_find ("variance"), .params = &params };
  ck_assert_msg (!qk_options_parse (&params, plan.experiment, words, word, why), "%s", why);
  ck_assert_msg (!plan.experiment->plan (&plan, why), "%s", why);
  ck_assert_msg (!qk_engine_prepare (&plan, why), "%s", why);
}

static void
close_plan (void)
{
  qk_params_free (&params, plan.experiment);
  qk_plan_free (&plan);
}

/* No counter is used twice: by two draws of a block, two blocks, two roles or two cases.  */

struct piece
{
  uint64_t cell, block, first, end; /* groups of counters */
};

static struct piece *pieces;
static size_t n_pieces, room;
static const struct qk_kernels *kernels;

static void
draw_noted (double *x, size_t n, struct qk_address a, uint64_t first, const struct qk_law *law)
{
  if (n_pieces == room)
    {
      room = 2 * room + 1024;
      pieces = realloc (pieces, room * sizeof *pieces);
      ck_assert (pieces != NULL);
    }
  const unsigned per = law->type->per;
  ck_assert (first % QK_DRAW_STEP == 0 && n % QK_DRAW_STEP == 0 && n > 0);
  pieces[n_pieces++] = (struct piece){ a.cell, a.block, first / per, (first + n) / per };
  kernels->draw (x, n, a, first, law);
}

static int
by_address (const void *left, const void *right)
{
  const struct piece *a = left, *b = right;
  if (a->cell != b->cell)
    return a->cell < b->cell ? -1 : 1;
  if (a->block != b->block)
    return a->block < b->block ? -1 : 1;
  return a->first < b->first ? -1 : a->first > b->first;
}

static const char *const plans[] = {
  "--dk=1,3,64,257,300,1000 --samples=2e6",
  "--dk=1,5,64 --dist=laplace --samples=2e6",
  "--dk=7,300 --q-dist=student:nu=20 --k-dist=rademacher --samples=2e6",
  "--dk=7,300 --correlation=0.3 --samples=2e6",
  "--dk=64 --tolerance=0.02",
};

START_TEST (no_counter_twice)
{
  open_plan (plans[_i]);
  kernels = qk_kernels_find (NULL);
  struct qk_kernels noted = *kernels;
  noted.draw = draw_noted;
  n_pieces = 0;
  for (size_t i = 0; i < plan.n_cases; i++)
    {
      const struct qk_case *c = &plan.cases[i];
      ck_assert (c->cell % 16 == 0 && c->cell >> 48 == 0);
      const uint64_t blocks[] = { 0, 1, 2, c->blocks - 1, (UINT64_C (1) << 40) - 2 };
      size_t bytes = (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
      struct qk_work work = { .kernels = &noted, .seed = 5 };
      work.scratch = aligned_alloc (QK_ALIGN, bytes);
      double *row = calloc (qk_kind_columns (c->kind), sizeof *row);
      ck_assert (work.scratch && row && c->blocks > 3);
      for (int b = 0; b < 5; b++)
        ck_assert_int_eq (c->kind->block (row, c, blocks[b], &work), 0);
      free (work.scratch);
      free (row);
    }
  ck_assert_uint_ge (n_pieces, 10 * plan.n_cases);

  qsort (pieces, n_pieces, sizeof *pieces, by_address);
  for (size_t i = 0; i < n_pieces; i++)
    {
      const struct piece *p = &pieces[i], *q = p - 1;
      ck_assert (p->end <= UINT64_C (1) << 40 && p->block >> 40 == 0 && p->cell >> 48 == 0);
      if (i > 0 && p->cell == q->cell && p->block == q->block && p->first < q->end)
        ck_abort_msg ("'%s': cell %" PRIx64 ", block %" PRIu64 ": groups %" PRIu64 " to %" PRIu64
                      " and again from %" PRIu64,
                      plans[_i], p->cell, p->block, q->first, q->end, p->first);
    }
  close_plan ();
}
END_TEST

/* Another generator says the same: its intervals have the exact value, at 1e-9 each, and its
   estimates are other numbers, within 6.5 standard errors.  */

static const char *const generators[] = { "philox", "mt19937", "ranlxd2" };

START_TEST (other_generators_agree)
{
  enum
  {
    MOST = 32
  };
  struct qk_enclosure seen[3][MOST];
  size_t n = 0, compared = 0;
  for (int g = 0; g < 3; g++)
    {
      char text[128], why[QK_WHY];
      snprintf (text, sizeof text, "--dk=3,16 --samples=524288 --miss=1e-9 --seed=11 --rng=%s",
                generators[g]);
      open_plan (text);
      struct qk_outcome outcome;
      ck_assert_msg (
          !qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &(struct qk_watch){ 0 }, why),
          "%s", why);
      ck_assert (outcome.n_findings <= MOST && (g == 0 || outcome.n_findings == n));
      n = outcome.n_findings;
      for (size_t i = 0; i < n; i++)
        {
          const struct qk_statement *s = outcome.findings[i].statement;
          const char *name = plan.experiment->quantities[s->quantity].name;
          const struct qk_enclosure e = seen[g][i] = outcome.findings[i].enclosure;
          ck_assert_msg (e.lo <= s->exact && s->exact <= e.hi, "%s, seed 11: %s: %g not in %g %g",
                         generators[g], name, s->exact, e.lo, e.hi);
          for (int h = 0; h < g && e.std_error > 0; h++)
            {
              const struct qk_enclosure other = seen[h][i];
              double apart = fabs (e.estimate - other.estimate);
              double ratio = e.std_error / other.std_error;
              ck_assert_msg (apart > 0 && apart < 6.5 * hypot (e.std_error, other.std_error)
                                 && ratio > 0.5 && ratio < 2,
                             "seed 11: %s: %s %.9g +- %.2g, %s %.9g +- %.2g", name, generators[g],
                             e.estimate, e.std_error, generators[h], other.estimate,
                             other.std_error);
              compared++;
            }
        }
      qk_outcome_free (&outcome);
      close_plan ();
    }
  ck_assert_uint_ge (compared, 30);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("variance");
  TCase *exact = tcase_create ("exact");
  tcase_add_loop_test (exact, no_counter_twice, 0, sizeof plans / sizeof *plans);
  tcase_set_timeout (exact, 0);
  suite_add_tcase (suite, exact);

  TCase *twin = tcase_create ("twin");
  tcase_add_test (twin, other_generators_agree);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);
  int status = run (suite);
  free (pieces);
  return status;
}
