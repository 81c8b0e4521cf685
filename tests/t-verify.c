/* t-verify.c -- the ledger in one run: which rows, under which budget, and what they come to.  */

#include "../src/claims.h"
#include "../src/settle.h"
#include "plans.h"

#include <math.h>

static struct qk_row *rows;
static char why[QK_WHY];

static void
open_rows (const char *arguments)
{
  open_run ("verify", arguments);
  rows = qk_settle (&plan, &outcome);
  ck_assert_ptr_nonnull (rows);
}

static void
close_rows (void)
{
  qk_settle_free (rows, plan.n_asked);
  close_run ();
}

static struct qk_row *
row_of (const char *id)
{
  size_t i = 0;
  while (i < plan.n_asked && strcmp (rows[i].claim->id, id))
    i++;
  ck_assert_msg (i < plan.n_asked, "no row %s", id);
  return &rows[i];
}

static enum qk_verdict
verdict (void)
{
  return qk_settle_verdict (&outcome, rows, plan.n_asked);
}

/* The rows anew, after a finding was changed.  */
static void
settle_again (void)
{
  qk_settle_free (rows, plan.n_asked);
  rows = qk_settle (&plan, &outcome);
  ck_assert_ptr_nonnull (rows);
}

static struct qk_finding *
finding_of (const char *quantity)
{
  for (size_t i = 0; i < outcome.n_findings; i++)
    if (!strcmp (qk_statement_quantity (&plan, outcome.findings[i].statement)->name, quantity))
      return &outcome.findings[i];
  ck_abort_msg ("no finding of %s", quantity);
}

/* ---- exact ---- */

/* What a finding says of a check.  */
START_TEST (a_finding_and_a_check)
{
  static const struct
  {
    enum qk_verdict found, expected, settles;
  } cases[] = {
    { QK_HOLDS, QK_HOLDS, QK_HOLDS },         { QK_FAILS, QK_FAILS, QK_HOLDS },
    { QK_HOLDS, QK_FAILS, QK_FAILS },         { QK_FAILS, QK_HOLDS, QK_FAILS },
    { QK_UNDECIDED, QK_HOLDS, QK_UNDECIDED }, { QK_UNDECIDED, QK_FAILS, QK_UNDECIDED },
    { QK_DESCRIBED, QK_HOLDS, QK_UNDECIDED }, { QK_DESCRIBED, QK_FAILS, QK_UNDECIDED },
    { QK_DESCRIBED, QK_DESCRIBED, QK_HOLDS }, { QK_UNDECIDED, QK_UNDECIDED, QK_HOLDS },
    { QK_HOLDS, QK_UNDECIDED, QK_FAILS },
  };
  size_t source = 0;
  struct qk_statement s
      = { .method = QK_BY_T, .source = &source, .sources = 1, .exact = 2.385, .judged = true };
  struct qk_finding f = { .statement = &s, .enclosure = { 2.4, 0.01, 2.3, 2.5 } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
      f.verdict = cases[i].found;
      ck_assert_int_eq (qk_settle_finding (&f, cases[i].expected), cases[i].settles);
    }
}
END_TEST

/* An exact value contradicts an interval that it is a quarter of a half-width beyond.  */
START_TEST (an_exact_value_beyond_its_interval)
{
  size_t source = 0;
  struct qk_statement s = { .method = QK_BY_T, .source = &source, .sources = 1 };
  struct qk_finding f = { .statement = &s, .enclosure = { 10, 1, 8, 14 }, .verdict = QK_HOLDS };
  const struct
  {
    double exact;
    bool strays;
  } cases[] = { { 10, false }, { 8, false },    { 7.51, false }, { 7.49, true },
                { 14, false }, { 14.9, false }, { NAN, false },  { 15.1, true } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
      s.exact = cases[i].exact;
      ck_assert_msg (qk_settle_strays (&f) == cases[i].strays, "%g", s.exact);
      ck_assert_int_eq (qk_settle_finding (&f, QK_HOLDS), cases[i].strays ? QK_FAILS : QK_HOLDS);
      f.verdict = QK_FAILS;
      ck_assert_int_eq (qk_settle_finding (&f, QK_FAILS), cases[i].strays ? QK_FAILS : QK_HOLDS);
      f.verdict = QK_HOLDS;
    }
  s.method = QK_BY_ROUNDING; /* it encloses what was computed: nothing may be beyond */
  ck_assert (qk_settle_strays (&f));
  s.exact = 14;
  ck_assert (!qk_settle_strays (&f));
  s.exact = 7.99;
  ck_assert (qk_settle_strays (&f));
  s.method = QK_BY_EXACT;
  ck_assert (qk_settle_strays (&f));
  s.exact = NAN;
  ck_assert (!qk_settle_strays (&f));
  s.exact = 15.1;
  s.method = QK_BY_BOUND; /* known but for rounding: its band says it all */
  ck_assert (!qk_settle_strays (&f));
  s.method = QK_BY_T;
  f.enclosure.lo = f.enclosure.hi = NAN; /* too few samples */
  ck_assert (!qk_settle_strays (&f));
}
END_TEST

/* One budget for the whole run, in equal shares.  */
START_TEST (one_budget)
{
  size_t sampled = 0;
  double sum = 0;
  open_plan ("verify",
             "score-variance softmax-scaled scale-exponent query-gradient --confidence=0.98");
  for (size_t i = 0; i < plan.n_statements; i++)
    {
      sampled += qk_statement_sampled (&plan.statements[i]);
      sum += plan.statements[i].miss;
    }
  ck_assert_uint_ge (sampled, 50);
  ck_assert_double_eq_tol (sum, 0.02, 1e-12);
  for (size_t i = 0; i < plan.n_statements; i++)
    if (qk_statement_sampled (&plan.statements[i]))
      ck_assert_double_eq_tol (plan.statements[i].miss, 0.02 / (double)sampled, 1e-15);
  close_plan ();
}
END_TEST

/* Every check of every row has statements, every statement a check that asks for it, and the same
   command line is planned once.  Rows that training settles are left for --train.  */
START_TEST (the_whole_ledger)
{
  open_plan ("verify", "");
  size_t ledger = 0;
  while (qk_claims[ledger].id)
    ledger++;
  ck_assert_uint_eq (plan.n_asked, ledger);
  bool *asked = calloc (plan.n_statements + 1, sizeof *asked);
  ck_assert_ptr_nonnull (asked);
  for (size_t i = 0; i < plan.n_asked; i++)
    {
      const struct qk_asked *a = &plan.asked[i];
      bool trained = false, checked = a->claim->checks->command;
      for (const struct qk_check *k = a->claim->checks; k->command; k++)
        trained |= !strcmp (k->command, "train");
      ck_assert_msg (!a->part == (trained || !checked), "%s", a->claim->id);
      for (size_t k = 0; a->part && a->claim->checks[k].command; k++)
        {
          const struct qk_check *check = &a->claim->checks[k];
          size_t found = 0;
          ck_assert_str_eq (a->part[k]->experiment->name, check->command);
          for (size_t j = 0; j < plan.n_statements; j++)
            if (plan.statements[j].of == a->part[k]
                && !strcmp (qk_statement_quantity (&plan, &plan.statements[j])->name,
                            check->quantity))
              {
                asked[j] = true;
                found++;
              }
          ck_assert_msg (found > 0, "%s: %s %s: no %s", a->claim->id, check->command,
                         check->arguments, check->quantity);
        }
    }
  for (size_t j = 0; j < plan.n_statements; j++)
    ck_assert_msg (asked[j], "%s: %s is asked by no row", plan.statements[j].of->label,
                   qk_statement_quantity (&plan, &plan.statements[j])->name);
  for (const struct qk_plan *p = plan.others; p; p = p->next)
    for (const struct qk_plan *q = p->next; q; q = q->next)
      ck_assert_str_ne (p->label, q->label);
  free (asked);
  close_plan ();
}
END_TEST

/* Whether a check of the row asks that command line for that quantity.  */
static bool
asks (const struct qk_claim *claim, const char *line, const char *quantity)
{
  for (const struct qk_check *k = claim->checks; k->command; k++)
    {
      size_t n = strlen (k->command);
      if (!strncmp (line, k->command, n) && line[n] == ' ' && !strcmp (line + n + 1, k->arguments)
          && !strcmp (quantity, k->quantity))
        return true;
    }
  return false;
}

/* What one finding does to the rows that ask for it, and to no other.  */
START_TEST (a_row_falls_with_each_of_its_findings)
{
  size_t shared = 0;
  open_rows ("score-variance assumptions softmax-even --tolerance=0.1");
  ck_assert_int_eq (verdict (), QK_HOLDS);
  for (size_t i = 0; i < plan.n_asked; i++)
    ck_assert_int_eq (rows[i].confirmed, QK_CONFIRMED);
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding before = outcome.findings[i];
      const char *quantity = qk_statement_quantity (&plan, before.statement)->name;
      const char *line = before.statement->of->label;
      size_t hits = 0;
      for (int change = 0; change < 3; change++)
        {
          struct qk_finding *f = &outcome.findings[i];
          double width = before.enclosure.hi - before.enclosure.lo;
          if (change == 0)
            f->verdict = before.verdict == QK_HOLDS ? QK_FAILS : QK_HOLDS;
          else if (change == 1)
            f->verdict = QK_UNDECIDED;
          else /* the exact value is another, the verdict the same */
            f->enclosure
                = (struct qk_enclosure){ f->enclosure.estimate + 3 * width, f->enclosure.std_error,
                                         f->enclosure.lo + 3 * width, f->enclosure.hi + 3 * width };
          settle_again ();
          for (size_t r = 0; r < plan.n_asked; r++)
            {
              bool hit = asks (rows[r].claim, line, quantity);
              enum qk_confirmed expected = !hit          ? QK_CONFIRMED
                                           : change == 1 ? QK_OPEN
                                                         : QK_CONTRADICTED;
              hits += hit;
              ck_assert_msg (rows[r].confirmed == expected, "%s, finding %zu of %s, change %d",
                             rows[r].claim->id, i, quantity, change);
            }
          ck_assert_int_eq (verdict (), change == 1 ? QK_UNDECIDED : QK_FAILS);
          *f = before;
        }
      ck_assert_uint_ge (hits, 3);
      shared += hits > 3;
    }
  ck_assert_uint_ge (shared, 1);
  settle_again ();
  ck_assert_int_eq (verdict (), QK_HOLDS);
  close_rows ();
}
END_TEST

/* ---- edges ---- */

START_TEST (nothing_that_runs)
{
  open_rows ("head-quality head-roles");
  ck_assert_uint_eq (plan.n_statements, 0);
  ck_assert_uint_eq (plan.n_asked, 2);
  for (size_t i = 0; i < 2; i++)
    {
      ck_assert_int_eq (rows[i].confirmed, QK_UNSETTLED);
      ck_assert_str_eq (rows[i].outcome, "published");
    }
  ck_assert_int_eq (verdict (), QK_DESCRIBED);
  close_rows ();
}
END_TEST

/* What was not measured is not confirmed.  */
START_TEST (a_part_of_it_is_not_enough)
{
  open_rows ("score-variance --tolerance=0.1");
  outcome.n_findings--; /* the check that must fail */
  settle_again ();
  ck_assert_int_eq (rows[0].confirmed, QK_OPEN);
  outcome.n_findings--;
  settle_again ();
  ck_assert_int_eq (rows[0].confirmed, QK_OPEN);
  outcome.n_findings = 0;
  settle_again ();
  ck_assert_int_eq (rows[0].confirmed, QK_OPEN);
  ck_assert_int_eq (verdict (), QK_UNDECIDED);
  close_rows ();

  open_rows ("score-variance --tolerance=0.1");
  outcome.complete = false;
  ck_assert_int_eq (rows[0].confirmed, QK_CONFIRMED);
  ck_assert_int_eq (verdict (), QK_UNDECIDED);
  close_rows ();
}
END_TEST

START_TEST (too_few_samples_are_no_confirmation)
{
  open_rows ("term-variance --max-samples=300");
  ck_assert_int_eq (rows[0].confirmed, QK_OPEN);
  ck_assert_int_eq (verdict (), QK_UNDECIDED);
  close_rows ();
}
END_TEST

/* Counterexamples settle the rows that they are to, though one command line has them all.  */
START_TEST (a_counterexample_is_to_one_row)
{
  open_rows ("shared-identity shared-directed");
  ck_assert_int_eq (verdict (), QK_HOLDS);
  ck_assert_uint_eq (row_of ("shared-identity")->n_findings, 5);
  for (size_t i = 0; i < outcome.n_findings; i++)
    ck_assert_str_ne (outcome.findings[i].statement->claim, "diagonal-forced");
  struct qk_finding *f = finding_of ("counterexample");
  ck_assert_str_eq (f->statement->claim, "shared-identity");
  f->verdict = QK_FAILS;
  settle_again ();
  ck_assert_int_eq (row_of ("shared-identity")->confirmed, QK_CONTRADICTED);
  ck_assert_int_eq (row_of ("shared-directed")->confirmed, QK_CONFIRMED);
  close_rows ();
}
END_TEST

/* What --reference adds belongs to no row, and counts.  */
START_TEST (a_finding_of_no_row_counts)
{
  open_rows ("term-variance --tolerance=0.1 --reference");
  ck_assert_int_eq (verdict (), QK_HOLDS);
  struct qk_finding *f = finding_of ("sum_digits");
  ck_assert_int_eq (f->verdict, QK_HOLDS);
  f->verdict = QK_FAILS;
  settle_again ();
  ck_assert_int_eq (rows[0].confirmed, QK_CONFIRMED);
  ck_assert_int_eq (verdict (), QK_FAILS);
  close_rows ();
}
END_TEST

/* The tolerance of each part: 3 %, or what is its own where that is more; what the user says; that
   of the command.  */
START_TEST (tolerances)
{
  static const struct
  {
    const char *option;
    double variance, softmax, gradient, replayed;
  } cases[] = { { "", 0.03, 0.03, 0.05, 0.05 },
                { "--tolerance=0.04", 0.04, 0.04, 0.04, 0.04 },
                { "--tolerance=0.03", 0.03, 0.03, 0.03, 0.03 },
                { "--thorough", 0.01, 0.02, 0.05, 0.05 } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
      char arguments[128];
      size_t seen = 0;
      snprintf (arguments, sizeof arguments,
                "score-mean softmax-scaled dot-gradient-stable sum-reference %s", cases[i].option);
      open_plan ("verify", arguments);
      for (const struct qk_plan *p = plan.others; p; p = p->next)
        {
          double expected = !strcmp (p->label, "variance --dk=1..4096*8") ? cases[i].variance
                            : strstr (p->label, "--tolerance=0.02")       ? cases[i].softmax
                            : strstr (p->label, "0.05 --reference")       ? cases[i].replayed
                            : !strcmp (p->label, "gradient --dk=4,64 --scale=sqrt")
                                ? cases[i].gradient
                                : 0;
          if (expected > 0)
            {
              ck_assert_msg (p->params->tolerance == expected, "%s: %g", p->label,
                             p->params->tolerance);
              seen++;
            }
        }
      ck_assert_uint_ge (seen, 4);
      close_plan ();
    }
}
END_TEST

START_TEST (options_reach_the_parts)
{
  open_plan ("verify", "score-mean --seed=0xfeed --rng=mt19937 --max-samples=70000");
  for (const struct qk_plan *p = plan.others; p; p = p->next)
    {
      ck_assert_uint_eq (p->params->seed, 0xfeed);
      ck_assert_str_eq (p->params->rng->name, "mt19937");
      ck_assert_double_eq (p->params->max_samples, 70000);
      for (size_t c = 0; c < p->n_cases; c++)
        ck_assert_double_le ((double)p->cases[c].blocks * p->cases[c].units, 80000);
    }
  close_plan ();

  char *words[] = { (char *)"verify", (char *)"--thorough", (char *)"--tolerance=0.02" };
  plan = (struct qk_plan){ .experiment = qk_experiment_find ("verify"),
                           .params = &params,
                           .commands = &qk_commands };
  ck_assert (!qk_options_parse (&params, plan.experiment, 3, words, why));
  ck_assert_int_eq (plan.experiment->plan (&plan, why), -1);
  ck_assert_ptr_nonnull (strstr (why, "--thorough"));
  close_plan ();
}
END_TEST

/* Rows that training settles run where they are named, and with --train.  */
START_TEST (training_is_asked_for)
{
  for (const struct qk_claim *c = qk_claims; c->id; c++)
    {
      bool trained = false;
      for (const struct qk_check *k = c->checks; k->command; k++)
        trained |= !strcmp (k->command, "train");
      if (!trained)
        continue;
      open_plan ("verify", c->id);
      ck_assert_uint_eq (plan.n_asked, 1);
      ck_assert_ptr_nonnull (plan.asked[0].part);
      close_plan ();
    }
  open_plan ("verify", "--train --question=Q2");
  for (size_t i = 0; i < plan.n_asked; i++)
    ck_assert_msg (!plan.asked[i].part == !plan.asked[i].claim->checks->command, "%s",
                   plan.asked[i].claim->id);
  close_plan ();
}
END_TEST

/* ---- twin ---- */

/* Each part finds what its command finds alone, to the bit, given the same miss.  */
START_TEST (parts_are_their_commands)
{
  struct qk_finding *found;
  char line[16][512];
  size_t first[16], n = 0, total, compared = 0;
  double miss;
  open_rows ("scale-exponent shared-symmetric term-variance length-dilution dot-gradient-stable "
             "--tolerance=0.1 --seed=77");
  total = outcome.n_findings;
  found = calloc (total, sizeof *found);
  ck_assert_ptr_nonnull (found);
  memcpy (found, outcome.findings, total * sizeof *found);
  miss = 0.001;
  for (size_t i = 0; i < total; i++)
    {
      const struct qk_statement *s = found[i].statement;
      if (qk_statement_sampled (s))
        miss = s->miss;
      if (i && s->of == found[i - 1].statement->of)
        continue;
      ck_assert_uint_lt (n, 16);
      int used = snprintf (line[n], sizeof *line,
                           "%s --tolerance=0.1 --seed=77 --quantity=", s->of->label);
      for (size_t q = 0; q < s->of->params->quantity.n; q++)
        used += snprintf (line[n] + used, sizeof *line - (size_t)used, "%s%s", q ? "," : "",
                          s->of->params->quantity.name[q]);
      first[n++] = i;
    }
  close_rows (); /* statements are void from here on */
  ck_assert_uint_ge (n, 8);
  for (size_t i = 0; i < n; i++)
    {
      char *arguments = strchr (line[i], ' ');
      size_t end = i + 1 < n ? first[i + 1] : total;
      *arguments = '\0';
      snprintf (arguments + strlen (arguments + 1) + 1,
                sizeof *line - (size_t)(arguments - line[i]) - strlen (arguments + 1) - 1,
                " --miss=%.17g", miss);
      open_run (line[i], arguments + 1);
      ck_assert_msg (outcome.n_findings == end - first[i], "%s %s", line[i], arguments + 1);
      for (size_t j = 0; j < outcome.n_findings; j++, compared++)
        {
          const struct qk_finding *a = &found[first[i] + j], *b = &outcome.findings[j];
          ck_assert_mem_eq (&a->enclosure, &b->enclosure, sizeof a->enclosure);
          ck_assert_int_eq (a->verdict, b->verdict);
          ck_assert_double_eq (a->samples, b->samples);
          ck_assert_double_eq (a->blocks, b->blocks);
        }
      close_run ();
    }
  ck_assert_uint_eq (compared, total);
  free (found);
}
END_TEST

/* ---- laws ---- */

/* The order in which rows are named changes their order and nothing else.  */
START_TEST (order_of_rows)
{
  struct qk_enclosure first[64];
  size_t n;
  open_rows ("softmax-even length-dilution term-variance --tolerance=0.1");
  n = rows[0].n_findings;
  ck_assert_uint_le (n, 64);
  for (size_t i = 0; i < n; i++)
    first[i] = outcome.findings[rows[0].findings[i]].enclosure;
  close_rows ();
  open_rows ("term-variance length-dilution softmax-even --tolerance=0.1");
  ck_assert_str_eq (rows[2].claim->id, "softmax-even");
  ck_assert_uint_eq (rows[2].n_findings, n);
  for (size_t i = 0; i < n; i++)
    ck_assert_mem_eq (&outcome.findings[rows[2].findings[i]].enclosure, &first[i], sizeof *first);
  close_rows ();
}
END_TEST

/* The rows of a question are confirmed, at a width that is quick.  */
static void
confirmed (const char *arguments)
{
  size_t ran = 0;
  open_rows (arguments);
  for (size_t i = 0; i < plan.n_asked; i++)
    if (rows[i].confirmed != QK_UNSETTLED)
      {
        ck_assert_msg (rows[i].confirmed == QK_CONFIRMED, "%s is %s", rows[i].claim->id,
                       rows[i].outcome);
        ck_assert_str_eq (rows[i].outcome, "confirmed");
        ran++;
      }
  ck_assert_uint_gt (ran, 0);
  ck_assert_int_eq (verdict (), QK_HOLDS);
  close_rows ();
}

START_TEST (scores) { confirmed ("score-variance scale-exponent norm-effect --tolerance=0.05"); }
END_TEST

START_TEST (softmaxes) { confirmed ("softmax-saturates softmax-even --tolerance=0.05"); }
END_TEST

START_TEST (counts)
{
  confirmed ("head-parameters head-cost head-mixture additive-complexity additive-memory "
             "separate-parameters");
}
END_TEST

START_TEST (magnitude) { confirmed ("score-magnitude --tolerance=0.05"); }
END_TEST

START_TEST (initialisation) { confirmed ("head-init --tolerance=0.05"); }
END_TEST

START_TEST (shared_weights) { confirmed ("separate-asymmetric self-score --tolerance=0.05"); }
END_TEST

START_TEST (additive_scores)
{
  confirmed ("additive-variance additive-saturates --tolerance=0.05");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("verify");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, a_finding_and_a_check);
  tcase_add_test (exact, an_exact_value_beyond_its_interval);
  tcase_add_test (exact, one_budget);
  tcase_add_test (exact, the_whole_ledger);
  tcase_add_test (exact, a_row_falls_with_each_of_its_findings);
  suite_add_tcase (suite, exact);
  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, nothing_that_runs);
  tcase_add_test (edges, a_part_of_it_is_not_enough);
  tcase_add_test (edges, too_few_samples_are_no_confirmation);
  tcase_add_test (edges, a_counterexample_is_to_one_row);
  tcase_add_test (edges, a_finding_of_no_row_counts);
  tcase_add_test (edges, tolerances);
  tcase_add_test (edges, options_reach_the_parts);
  tcase_add_test (edges, training_is_asked_for);
  suite_add_tcase (suite, edges);
  TCase *twin = tcase_create ("twin");
  tcase_add_test (twin, parts_are_their_commands);
  suite_add_tcase (suite, twin);
  /* The rows whose formulas mutants break, a group for each kind.  */
  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, order_of_rows);
  suite_add_tcase (suite, laws);
  TCase *score = tcase_create ("scores");
  tcase_add_test (score, scores);
  suite_add_tcase (suite, score);
  TCase *counted = tcase_create ("counts");
  tcase_add_test (counted, counts);
  suite_add_tcase (suite, counted);
  TCase *absolute = tcase_create ("magnitude");
  tcase_add_test (absolute, magnitude);
  suite_add_tcase (suite, absolute);
  TCase *init = tcase_create ("init");
  tcase_add_test (init, initialisation);
  suite_add_tcase (suite, init);
  TCase *softmax = tcase_create ("softmax");
  tcase_add_test (softmax, softmaxes);
  suite_add_tcase (suite, softmax);
  TCase *symmetry = tcase_create ("symmetry");
  tcase_add_test (symmetry, shared_weights);
  suite_add_tcase (suite, symmetry);
  TCase *additive = tcase_create ("additive");
  tcase_add_test (additive, additive_scores);
  suite_add_tcase (suite, additive);
  return run (suite);
}
