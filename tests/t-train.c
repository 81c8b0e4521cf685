/* t-train.c -- tests of the experiment train: its statements and bands, how a rate is chosen, pairs
   of arms, floors, and that a claim against a theorem fails.  */

#include "../src/training.h"
#include "plans.h"

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

/* Whether it speaks of that arm at that d with that optimizer.  */
static bool
speaks_of (const struct qk_statement *s, const char *quantity, const char *arm, double d,
           const char *optimizer)
{
  const struct qk_key *its = key_of (s, "arm");
  return !strcmp (quantity_of (s), quantity) && its && !strcmp (its->text, arm)
         && key_of (s, "d_k")->number == d && !strcmp (key_of (s, "optimizer")->text, optimizer);
}

static size_t
column (const struct qk_case *c, const char *name)
{
  return qk_kind_column (c->kind, name);
}

static double
value (size_t c, size_t row, const char *name)
{
  const struct qk_table *t = &outcome.tables[c];
  return t->data[row * t->columns + column (&plan.cases[c], name)];
}

/* The case whose label begins like that.  */
static size_t
case_named (const char *label)
{
  for (size_t c = 0; c < plan.n_cases; c++)
    if (!strncmp (plan.cases[c].label, label, strlen (label)))
      return c;
  ck_abort_msg ("no case '%s'", label);
  return 0;
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* What is judged by default, and within which band.  */
START_TEST (statements)
{
  const double none = INFINITY;
  const struct
  {
    const char *quantity, *arm;
    double d;
    const char *optimizer;
    double lo, hi; /* NAN: described */
    enum qk_method method;
  } expected[] = {
    { "unsolved", "unscaled", 256, "sgd", 0.5, none, QK_BY_BINOMIAL },
    { "unsolved", "unscaled", 256, "adam", 0.5, none, QK_BY_BINOMIAL },
    { "unsolved", "scaled", 256, "sgd", -none, 0.5, QK_BY_BINOMIAL },
    { "unsolved", "unscaled", 4, "adam", -none, 0.5, QK_BY_BINOMIAL },
    { "unsolved", "scaled", 4, "sgd", -none, 0.5, QK_BY_BINOMIAL },
    { "unsolved", "unscaled", 64, "adam", NAN, NAN, QK_BY_BINOMIAL },
    { "unsolved", "unscaled_log", 256, "sgd", -none, 0.5, QK_BY_BINOMIAL },
    { "unsolved", "scaled_log", 256, "adam", -none, 0.5, QK_BY_BINOMIAL },
    { "area_difference", "unscaled-scaled", 256, "adam", 0.5, none, QK_BY_ORDER },
    { "area_difference", "unscaled-scaled", 16, "adam", NAN, NAN, QK_BY_ORDER },
    { "loss_difference", "unscaled-scaled", 4, "sgd", -none, 0.01, QK_BY_ORDER },
    { "reparametrisation_mismatches", "reparametrised", 16, "sgd", 0, 0, QK_BY_EXACT },
    { "reparametrisation_mismatches", "reparametrised", 256, "adam", 0, 0, QK_BY_EXACT },
    { "area_ratio", "unscaled/scaled", 256, "sgd", 3, 30, QK_BY_ORDER },
    { "area_ratio", "unscaled/scaled", 4, "adam", 0.95, 1.1, QK_BY_ORDER },
    { "accuracy", "unscaled", 256, "adam", 0.98, none, QK_BY_ORDER },
    { "accuracy", "same_rate", 256, "sgd", -none, 0.5, QK_BY_ORDER },
    { "accuracy", "same_rate", 256, "adam", 0.98, none, QK_BY_ORDER },
    { "final_loss", "shared", 8, "adam", -none, 0.694147180559945, QK_BY_ORDER },
    { "final_loss", "separate", 16, "adam", -none, 0.001, QK_BY_ORDER },
    { "final_loss", "chain", 4, "adam", -none, 0.001, QK_BY_ORDER },
    { "final_loss", "shared_squared", 4, "adam", NAN, NAN, QK_BY_ORDER },
    { "accuracy", "pairs", 8, "adam", 1, 1, QK_BY_ORDER },
    { "accuracy", "shared", 8, "adam", 0, 2. / 3, QK_BY_ORDER },
    { "floor_violations", "shared", 16, "adam", -none, 0, QK_BY_BOUND },
    { "floor_violations", "number_dot", 64, "adam", -none, 0, QK_BY_BOUND },
    { "floor_violations", "additive", 1, "adam", -none, 0, QK_BY_BOUND },
    { "loss_difference", "additive-scaled", 2, "adam", 0.05, none, QK_BY_ORDER },
    { "loss_difference", "additive-scaled", 64, "adam", -0.01, 0.01, QK_BY_ORDER },
    { "loss_difference", "unscaled-additive", 64, "adam", 0.3, none, QK_BY_ORDER },
    { "final_loss", "number_additive", 64, "adam", -none, 0.01, QK_BY_ORDER },
    { "final_loss", "heads", 1, "adam", 0.05, none, QK_BY_ORDER },
    { "removal_difference", "heads-dimensions", 8, "adam", -0.1, 0.1, QK_BY_ORDER },
  };
  open_plan ("train", "");
  double miss = 0;
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    {
      size_t found = 0;
      for (size_t j = 0; j < plan.n_statements; j++)
        {
          const struct qk_statement *s = &plan.statements[j];
          const char *task = key_of (s, "task")->text;
          if (!speaks_of (s, expected[i].quantity, expected[i].arm, expected[i].d,
                          expected[i].optimizer)
              || (!strcmp (expected[i].arm, "unscaled")
                  && !strcmp (expected[i].quantity, "accuracy") && strcmp (task, "relation")))
            continue;
          found++;
          bool judged = !isnan (expected[i].lo);
          ck_assert_msg (s->judged == judged && s->method == expected[i].method && !s->thin,
                         "%zu: %s of %s", i, expected[i].quantity, expected[i].arm);
          ck_assert_msg (!judged
                             || (s->band.lo == expected[i].lo
                                 && (s->band.hi == expected[i].hi
                                     || fabs (s->band.hi - expected[i].hi) < 1e-12)),
                         "%zu: %s of %s: %g to %g", i, expected[i].quantity, expected[i].arm,
                         s->band.lo, s->band.hi);
        }
      ck_assert_msg (found >= 1, "%s of %s, %g, %s", expected[i].quantity, expected[i].arm,
                     expected[i].d, expected[i].optimizer);
    }
  for (size_t j = 0; j < plan.n_statements; j++)
    miss += plan.statements[j].miss;
  ck_assert_double_le (miss, 0.001 * (1 + 1e-12));
  close_plan ();
}
END_TEST

/* The floors of heads, with the room that the table gives; and h heads that no table speaks of.  */
START_TEST (heads)
{
  const struct
  {
    double h, m, hi; /* NAN: described */
  } expected[]
      = { { 1, 1, 0.005 }, { 4, 1, 0.005 }, { 8, 1, NAN },   { 1, 2, 0.505 }, { 2, 2, 0.005 },
          { 1, 4, 0.755 }, { 2, 4, 0.505 }, { 4, 4, 0.005 }, { 8, 4, NAN } };
  open_plan ("train", "heads --quantity=final_loss");
  ck_assert_uint_eq (plan.n_statements, 13);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    for (size_t j = 0; j < plan.n_statements; j++)
      {
        const struct qk_statement *s = &plan.statements[j];
        if (key_of (s, "heads")->number != expected[i].h
            || key_of (s, "targets")->number != expected[i].m)
          continue;
        ck_assert (s->judged == !isnan (expected[i].hi));
        ck_assert (!s->judged || fabs (s->band.hi - expected[i].hi) < 1e-15);
        ck_assert_double_eq (key_of (s, "d_k")->number, 16 / expected[i].h);
      }
  close_plan ();
}
END_TEST

/* Options without a band give described findings; theorems stay.  */
START_TEST (other_options)
{
  static const char *const plans[]
      = { "--steps=100", "--dk=3,12", "plateau relation --alpha=0.1,0.6", "--fast" };
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
    {
      size_t theorems = 0;
      open_plan ("train", plans[i]);
      for (size_t j = 0; j < plan.n_statements; j++)
        {
          const struct qk_statement *s = &plan.statements[j];
          const struct qk_key *arm = key_of (s, "arm");
          bool of_16 = arm && (!strncmp (arm->text, "heads", 5)); /* whatever --dk and --alpha */
          bool untouched = arm && (strstr (arm->text, "_log") || !strcmp (arm->text, "same_rate"));
          bool sampled = qk_method_sampled (s->method);
          theorems += !sampled && s->judged;
          ck_assert_msg (!sampled || !s->judged || (i == 1 && of_16) || (i == 2 && untouched),
                         "%s: %s of %s", plans[i], quantity_of (s), arm ? arm->text : "");
        }
      ck_assert (theorems > 0 || i == 2);
      ck_assert_uint_eq (plan.n_warnings, i == 3);
      close_plan ();
    }
}
END_TEST

/* A row of tuning is a seed and a rate; runs take the rate that the rule chooses, and of pairs both
   begin alike.  */
START_TEST (tuning)
{
  open_run ("train", "plateau --dk=4 --optimizer=adam --arm=unscaled,scaled --steps=60 --seeds=9");
  size_t rates = case_named ("rate of plateau scaled"), runs = case_named ("plateau scaled");
  size_t other = case_named ("plateau unscaled");
  ck_assert_uint_eq (outcome.tables[rates].rows, 6 * 7);
  ck_assert_uint_eq (outcome.tables[runs].rows, 9);
  ck_assert_uint_eq (plan.cases[runs].needs, rates + 1);
  double mean[7] = { 0 };
  for (size_t i = 0; i < 42; i++)
    {
      ck_assert_double_eq (value (rates, i, "rate"), ldexp (1, 2 * (int)(i % 7) - 12));
      mean[i % 7] += value (rates, i, "last") / 6;
    }
  size_t chosen = qk_training_choose (mean, 7, 0.01);
  const struct qk_kernels *kernels = qk_kernels_find (NULL);
  const struct qk_training t = { .task = QK_TASK_TABLE,
                                 .d = 4,
                                 .scale = 0.5,
                                 .optimizer = QK_ADAM,
                                 .rate = ldexp (1, 2 * (int)chosen - 12),
                                 .steps = 60 };
  void *memory
      = aligned_alloc (QK_ALIGN, (qk_training_room (&t) + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
  struct qk_source source = { .foreign = NULL };
  ck_assert_ptr_nonnull (memory);
  /* Seeds of tuning are others.  */
  for (size_t i = 0; i < 42; i += 11)
    {
      struct qk_training its = t;
      struct qk_trained r;
      its.rate = value (rates, i, "rate");
      qk_training_run (&r, &its, 1, QK_TUNING + i / 7, kernels, &source, memory, NULL);
      ck_assert_double_eq (value (rates, i, "last"), r.last);
      ck_assert_double_eq (value (rates, i, "area"), r.area);
    }
  for (size_t i = 0; i < 9; i++)
    {
      struct qk_trained r;
      double curve[61], sum = 0, course = 0;
      struct qk_trace trace = { .curve = curve };
      qk_training_run (&r, &t, 1, i, kernels, &source, memory, &trace);
      ck_assert_double_eq (value (runs, i, "last"), r.last);
      ck_assert_double_eq (value (runs, i, "area"), r.area);
      ck_assert_double_eq (value (runs, i, "lowest"), r.lowest);
      ck_assert_double_eq (value (runs, i, "tenth"), r.tenth);
      ck_assert_double_eq (value (runs, i, "accuracy"), r.accuracy);
      for (size_t j = 0; j < 60; j++)
        sum += curve[j] / 60;
      for (size_t j = 0; j < 12; j++)
        course += outcome.tables[runs].data[i * outcome.tables[runs].columns
                                            + column (&plan.cases[runs], "course") + j]
                  / 12;
      ck_assert_double_eq_tol (r.area, sum, 1e-12);
      ck_assert_double_eq_tol (course, sum, 0.02); /* of 61 losses in parts of 5 and 6 */
      /* The first loss of the unscaled arm is that of the same tables.  */
      struct qk_training bare = t;
      bare.scale = 1;
      bare.steps = 1;
      qk_training_run (&r, &bare, 1, i, kernels, &source, memory, NULL);
      ck_assert_double_eq (value (other, i, "first"), r.first);
    }
  free (memory);
  close_run ();
}
END_TEST

/* The findings are the medians over seeds of the tables, paired.  */
START_TEST (pairs)
{
  open_run ("train", "plateau --dk=8 --optimizer=sgd --arm=unscaled,scaled --steps=50 --seeds=31");
  size_t one = case_named ("plateau unscaled"), other = case_named ("plateau scaled"), seen = 0;
  for (size_t f = 0; f < outcome.n_findings; f++)
    {
      const struct qk_finding *found = &outcome.findings[f];
      const char *quantity = quantity_of (found->statement);
      bool area = !strcmp (quantity, "area_difference");
      if (!area && strcmp (quantity, "loss_difference"))
        continue;
      const char *of = area ? "area" : "last";
      size_t below = 0, above = 0;
      for (size_t i = 0; i < 31; i++)
        {
          double x = value (one, i, of) - value (other, i, of);
          below += x < found->enclosure.estimate;
          above += x > found->enclosure.estimate;
        }
      ck_assert_uint_eq (below, 15);
      ck_assert_uint_eq (above, 15);
      ck_assert_double_eq (found->samples, 31);
      ck_assert_double_lt (found->enclosure.lo, found->enclosure.estimate);
      ck_assert_double_gt (found->enclosure.hi, found->enclosure.estimate);
      seen++;
    }
  ck_assert_uint_eq (seen, 2);
  close_run ();
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

START_TEST (few_seeds_are_described)
{
  open_run ("train", "cycle --dk=4 --arm=separate --seeds=5");
  for (size_t f = 0; f < outcome.n_findings; f++)
    if (qk_method_sampled (outcome.findings[f].statement->method))
      {
        ck_assert_int_eq (outcome.findings[f].verdict, QK_DESCRIBED);
        ck_assert_double_nan (outcome.findings[f].enclosure.lo);
      }
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_UNDECIDED);
  ck_assert_uint_ge (outcome.n_warnings, 1);
  close_run ();
}
END_TEST

/* The area of one step is the loss before it, whatever the rate: the first of the grid is taken,
   and nothing is known of smaller ones.  */
START_TEST (the_end_of_the_grid_is_undecided)
{
  open_run ("train", "relation --dk=4 --arm=scaled --optimizer=adam --steps=1 --expect=0..2 "
                     "--quantity=final_loss");
  const struct qk_finding *f = outcome.findings;
  ck_assert_uint_eq (outcome.n_findings, 1);
  ck_assert_int_eq (f->verdict, QK_UNDECIDED);
  ck_assert_double_infinite (f->enclosure.hi);
  ck_assert_uint_eq (outcome.tables[case_named ("relation")].rows, 24); /* more would not help */
  ck_assert_uint_eq (outcome.n_warnings, 1);
  char text[QK_WHY] = "";
  ck_assert (
      plan.experiment->explain (text, sizeof text, &plan, f->statement, &f->enclosure, f->verdict));
  ck_assert_msg (strstr (text, "grid") != NULL, "%s", text);
  close_run ();
}
END_TEST

START_TEST (refusals)
{
  static const struct
  {
    const char *arguments, *says;
  } refused[] = { { "heads --arm=shared", "no arm" },
                  { "--fast --dk=128", "no wider" },
                  { "--fast --seeds=24", "--seeds" } };
  char why[QK_WHY];
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    {
      char text[256], name[] = "train", *word[16] = { name };
      int words = 1;
      snprintf (text, sizeof text, "%s", refused[i].arguments);
      for (char *w = strtok (text, " "); w; w = strtok (NULL, " "))
        word[words++] = w;
      plan = (struct qk_plan){ .experiment = qk_experiment_find ("train"), .params = &params };
      ck_assert_msg (!qk_options_parse (&params, plan.experiment, words, word, why), "%s", why);
      ck_assert_int_eq (plan.experiment->plan (&plan, why), -1);
      ck_assert_msg (strstr (why, refused[i].says) != NULL, "%s", why);
      close_plan ();
    }
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* What theorems say, a claim does not change: shared weights do not learn the cycle, and the runs
   do not cross their floor.  */
START_TEST (a_theorem_stands)
{
  open_run ("train", "cycle --dk=4 --arm=shared --expect=0..0.1");
  size_t fails = 0, floors = 0;
  for (size_t f = 0; f < outcome.n_findings; f++)
    {
      fails += outcome.findings[f].verdict == QK_FAILS;
      floors += !strcmp (quantity_of (outcome.findings[f].statement), "floor_violations")
                && outcome.findings[f].verdict == QK_HOLDS
                && outcome.findings[f].enclosure.estimate == 0;
    }
  ck_assert_uint_eq (fails, 1);
  ck_assert_uint_eq (floors, 1);
  char text[QK_WHY] = "";
  const struct qk_finding *f = outcome.findings;
  while (f->verdict != QK_FAILS)
    f++;
  ck_assert (
      plan.experiment->explain (text, sizeof text, &plan, f->statement, &f->enclosure, f->verdict));
  ck_assert_msg (strstr (text, "ln 2") != NULL, "%s", text);
  close_run ();
}
END_TEST

/* A run below the floor would be found: the same tables with one loss too low, one accuracy too
   high.  */
START_TEST (a_violation_is_counted)
{
  open_run ("train", "cycle --dk=4 --arm=shared --quantity=floor_violations --seeds=3 --steps=5");
  size_t c = case_named ("cycle shared");
  struct qk_enclosure e;
  double *row = (double *)outcome.tables[c].data, *next = row + outcome.tables[c].columns;
  const struct qk_statement *s = outcome.findings[0].statement;
  plan.experiment->enclose (&e, &plan, s, outcome.tables, 0);
  ck_assert_double_eq (e.hi, 0);
  row[column (&plan.cases[c], "lowest")] = log (2) - 1e-8;
  plan.experiment->enclose (&e, &plan, s, outcome.tables, 0);
  ck_assert_double_eq (e.lo, 1);
  next[column (&plan.cases[c], "accuracy")] = 9. / 12;
  plan.experiment->enclose (&e, &plan, s, outcome.tables, 0);
  ck_assert_double_eq (e.lo, 2);
  ck_assert_double_eq (e.hi, 2);
  close_run ();
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("train");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, statements);
  tcase_add_test (exact, heads);
  tcase_add_test (exact, other_options);
  tcase_add_test (exact, tuning);
  tcase_add_test (exact, pairs);
  tcase_set_timeout (exact, 0);
  suite_add_tcase (suite, exact);
  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, few_seeds_are_described);
  tcase_add_test (edges, the_end_of_the_grid_is_undecided);
  tcase_add_test (edges, refusals);
  tcase_set_timeout (edges, 0);
  suite_add_tcase (suite, edges);
  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, a_theorem_stands);
  tcase_add_test (laws, a_violation_is_counted);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, laws);
  return run (suite);
}
