/* t-engine.c -- the engine, on a toy experiment whose answers are known: tables that do not depend
   on threads, rounds, budget, interruption, errors.  */

#include "../src/engine.h"
#include "../src/enclose.h"
#include "support.h"

#include <math.h>
#include <string.h>

static const struct qk_law_type *uniform;

/* A block's value: a uniform number from its address, plus the offset of the case.  */
static int
toy_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  struct qk_law law = { uniform, 0, *(const double *)c->own, 1 };
  struct qk_address address = { work->seed, c->cell, index };
  row[0] = qk_draw (address, &law, 3);
  row[1] = (double)index;
  return row[0] > 1e9 ? -1 : 0;
}

static const struct qk_column toy_columns[] = { { "value", 1 }, { "index", 1 }, { 0 } };
static const struct qk_kind toy_kind
    = { .name = "toy", .unit = "block", .columns = toy_columns, .block = toy_block };

static double offset[2];     /* of the two cases */
static double band_width;    /* of both statements, around 0 */
static double first_rows;    /* of the first round */
static double seen_miss[16]; /* what enclose was given, call by call */
static int calls;

static int
toy_plan (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t i = 0; i < 2; i++)
    {
      char name[32];
      snprintf (name, sizeof name, "case %zu", i);
      size_t c = qk_plan_case (plan, &toy_kind, name, name, &offset[i]);
      struct qk_statement *s = qk_plan_statement (plan, "value", &c, 1);
      s->judged = true;
      s->method = QK_BY_T;
      s->exact = offset[i];
      s->band = qk_band_absolute (0, band_width);
    }
  return 0;
}

static int
toy_size (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      plan->cases[i].blocks = (uint64_t)first_rows;
      plan->cases[i].units = 7;
      plan->cases[i].cost = 1;
      plan->cases[i].scratch = 1;
    }
  return 0;
}

static void
toy_enclose (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
             const struct qk_table *tables, double miss)
{
  (void)plan;
  const struct qk_table *t = &tables[s->source[0]];
  qk_enclose_mean (e, t->data, t->rows, t->columns, miss, (struct qk_band){ -INFINITY, INFINITY });
  if (calls < 16)
    seen_miss[calls] = miss;
  calls++;
}

static const struct qk_experiment toy
    = { .name = "toy",
        .quantities = (const struct qk_quantity[]){ { .name = "value" }, { 0 } },
        .kinds = (const struct qk_kind *const[]){ &toy_kind, NULL },
        .plan = toy_plan,
        .size = toy_size,
        .enclose = toy_enclose };

static struct qk_params params;
static struct qk_plan plan;
static struct qk_outcome outcome;
static char why[QK_WHY];
static atomic_int signal_number;

static void
setup (void)
{
  for (uniform = qk_law_types; strcmp (uniform->name, "uniform"); uniform++)
    ;
  params = (struct qk_params){ .seed = 5, .confidence = 0.99, .threads = 2 };
  offset[0] = offset[1] = 0;
  band_width = 10;
  first_rows = 200;
  calls = 0;
  atomic_store (&signal_number, 0);
  plan = (struct qk_plan){ .experiment = &toy, .params = &params };
}

static int
start (void)
{
  struct qk_watch watch = { .signal = &signal_number };
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  return qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why);
}

static void
finish (void)
{
  qk_outcome_free (&outcome);
  qk_plan_free (&plan);
}

/* ---- exact ---- */

START_TEST (budget_is_split)
{
  setup ();
  ck_assert_int_eq (start (), 0);
  for (size_t i = 0; i < plan.n_statements; i++)
    ck_assert_double_eq_tol (plan.statements[i].miss, 0.005, 1e-15);
  /* More rounds are possible: the first may use 90 %.  */
  ck_assert_double_eq_tol (seen_miss[0], 0.0045, 1e-15);
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_HOLDS);
  ck_assert_double_eq (outcome.findings[1].samples, 1400);
  finish ();
}
END_TEST

START_TEST (one_round_uses_the_whole_miss)
{
  setup ();
  params.samples = 1400;
  params.miss = 0.2;
  band_width = 1e-9;
  ck_assert_int_eq (start (), 0);
  ck_assert_double_eq (seen_miss[0], 0.2);
  ck_assert_uint_eq (outcome.tables[0].rows, 200);
  finish ();
}
END_TEST

START_TEST (undecided_asks_four_times_four)
{
  setup ();
  offset[0] = 1e-4; /* on the end of the band: no sample decides */
  band_width = 1e-4;
  params.miss = 0.01;
  ck_assert_int_eq (start (), 0);
  ck_assert_uint_eq (outcome.tables[0].rows, 200 * 64);
  ck_assert_int_eq (outcome.findings[0].verdict, QK_UNDECIDED);
  double share[] = { 0.9, 0.09, 0.009, 0.0009 };
  for (int round = 0; round < 4; round++)
    ck_assert_double_eq_tol (seen_miss[2 * round], 0.01 * share[round], 1e-12);
  for (size_t i = 0; i < outcome.tables[0].rows; i++)
    ck_assert_double_eq (outcome.tables[0].data[2 * i + 1], (double)i);
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_UNDECIDED);
  finish ();
}
END_TEST

START_TEST (max_samples_ends_the_asking)
{
  setup ();
  offset[0] = band_width = 1e-4;
  params.max_samples = 4 * 1400;
  ck_assert_int_eq (start (), 0);
  ck_assert_uint_eq (outcome.tables[0].rows, 800);
  finish ();
}
END_TEST

static void
hopeless (struct qk_enclosure *e, const struct qk_plan *p, const struct qk_statement *s,
          const struct qk_table *tables, double miss)
{
  toy_enclose (e, p, s, tables, miss);
  if (s->source[0] == 0)
    *e = (struct qk_enclosure){ e->estimate, INFINITY, -INFINITY, INFINITY };
}

/* An infinite standard error says that rows are no help; another undecided one still asks.  */
START_TEST (hopeless_ask_for_nothing)
{
  struct qk_experiment x = toy;
  struct qk_watch watch = { .signal = &signal_number };
  setup ();
  x.enclose = hopeless;
  plan.experiment = &x;
  offset[1] = band_width = 1e-4;
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  ck_assert_int_eq (qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why), 0);
  ck_assert_uint_eq (outcome.tables[0].rows, 200);
  ck_assert_uint_eq (outcome.tables[1].rows, 200 * 64);
  ck_assert_int_eq (outcome.findings[0].verdict, QK_UNDECIDED);
  ck_assert_double_nan (outcome.findings[0].samples_needed);
  finish ();
}
END_TEST

/* The band is so narrow that the estimate lies outside: what decides is how far the exact value is
   from its ends, not how far the estimate happens to be.  */
START_TEST (samples_needed_by_the_exact_value)
{
  setup ();
  params.samples = 1;
  band_width = 1e-3;
  ck_assert_int_eq (start (), 0);
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      const struct qk_enclosure *e = &f->enclosure;
      double half = fmax (e->hi - e->estimate, e->estimate - e->lo);
      ck_assert_int_eq (f->verdict, QK_UNDECIDED);
      ck_assert_double_gt (fabs (e->estimate), 2 * band_width);
      ck_assert_double_eq (f->samples_needed, ceil (f->samples * pow (half / band_width, 2)));
    }
  finish ();
}
END_TEST

START_TEST (far_off_fails)
{
  setup ();
  offset[1] = 30;
  ck_assert_int_eq (start (), 0);
  ck_assert_int_eq (outcome.findings[0].verdict, QK_HOLDS);
  ck_assert_int_eq (outcome.findings[1].verdict, QK_FAILS);
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_FAILS);
  finish ();
}
END_TEST

/* A kind that comes later: its blocks add up the whole table of the other case.  */
static int
sum_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  (void)c;
  const struct qk_table *t = &work->tables[0];
  row[0] = 0;
  for (size_t i = 0; i < t->rows; i++)
    row[0] += t->data[i * t->columns + 1];
  row[1] = (double)index;
  if (index != 3 || row[0] > 0)
    return 0;
  snprintf (work->why, QK_WHY, "block %d sees no table", (int)index);
  return -1;
}

static const struct qk_kind sum_kind
    = { .name = "sum", .unit = "block", .columns = toy_columns, .later = true, .block = sum_block };

static int inspected;
static const char *finding_of_inspect;
static int verdict_of_inspect;

static int
look (const struct qk_plan *p, const struct qk_table *tables, char said[static QK_WHY])
{
  (void)p;
  inspected += tables[0].rows == 200 && tables[1].rows == 0;
  snprintf (said, QK_WHY, "%s", finding_of_inspect);
  return verdict_of_inspect;
}

/* The toy, with its second case later.  */
static struct qk_experiment
staged (void)
{
  struct qk_experiment x = toy;
  x.inspect = look;
  inspected = 0;
  finding_of_inspect = "";
  verdict_of_inspect = 0;
  return x;
}

static int
start_staged (const struct qk_experiment *x)
{
  struct qk_watch watch = { .signal = &signal_number };
  plan.experiment = x;
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  plan.cases[1].kind = &sum_kind;
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  return qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why);
}

START_TEST (later_kinds_see_whole_tables)
{
  struct qk_experiment x = staged ();
  setup ();
  band_width = 1e9;
  params.threads = 7;
  finding_of_inspect = "mind the gap";
  ck_assert_int_eq (start_staged (&x), 0);
  ck_assert_int_eq (inspected, 1);
  for (size_t i = 0; i < 200; i++)
    ck_assert_double_eq (outcome.tables[1].data[2 * i], 199 * 200 / 2);
  ck_assert_uint_eq (outcome.n_warnings, 1);
  ck_assert_str_eq (outcome.warnings[0], "mind the gap");
  finish ();
}
END_TEST

START_TEST (inspect_may_refuse)
{
  struct qk_experiment x = staged ();
  setup ();
  finding_of_inspect = "2 values are not finite";
  verdict_of_inspect = -1;
  ck_assert_int_eq (start_staged (&x), -1);
  ck_assert_str_eq (why, "2 values are not finite");
  finish ();
}
END_TEST

static int
no_size (struct qk_plan *p, char said[static QK_WHY])
{
  (void)p;
  (void)said;
  return 0;
}

/* A plan of two others: each has tables, rounds, samples and misses of its own, though both draw
   the same numbers.  */
START_TEST (parts_are_as_if_alone)
{
  static const struct qk_quantity none[1];
  const struct qk_experiment both = { .name = "both", .quantities = none, .size = no_size };
  struct qk_experiment x = staged (), y = toy;
  struct qk_params own[2];
  struct qk_plan part[2];
  struct qk_watch watch = { .signal = &signal_number };
  setup ();
  finding_of_inspect = "mind the gap";
  y.quantities = (const struct qk_quantity[]){ { .name = "value" }, { .name = "more" }, { 0 } };
  for (int i = 0; i < 2; i++)
    {
      own[i] = params;
      own[i].miss = i ? 0.002 : 0.004;
      own[i].samples = i ? 320 : 0;
      first_rows = i ? 320 : 200;
      band_width = 1e9;
      part[i] = (struct qk_plan){ .experiment = i ? &y : &x, .params = &own[i], .label = "part" };
      ck_assert_int_eq (toy.plan (&part[i], why), 0);
      part[i].cases[1].kind = &sum_kind;
      part[i].statements[0].band = qk_band_absolute (0, 1e-6); /* never decided */
      ck_assert_int_eq (qk_engine_prepare (&part[i], why), 0);
    }
  part[1].statements[1].quantity = 1;
  plan.experiment = &both;
  for (int i = 0; i < 2; i++)
    qk_plan_adopt (&plan, &part[i]);
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  ck_assert_int_eq (qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why), 0);
  ck_assert_uint_eq (outcome.n_findings, 4);
  ck_assert_int_eq (inspected, 1);
  ck_assert_uint_eq (outcome.n_warnings, 1);
  ck_assert_uint_eq (outcome.tables[0].rows, 200 * 64); /* all rounds; the other has one */
  ck_assert_uint_eq (outcome.tables[2].rows, 320);
  ck_assert_mem_eq (outcome.tables[0].data, outcome.tables[2].data, 320 * 2 * sizeof (double));
  for (size_t i = 0; i < 200; i++)
    ck_assert_double_eq (outcome.tables[1].data[2 * i], 199 * 200 / 2);
  for (size_t i = 0; i < 320; i++)
    ck_assert_double_eq (outcome.tables[3].data[2 * i], 319 * 320 / 2);
  for (size_t i = 0; i < 4; i++)
    {
      const struct qk_statement *s = outcome.findings[i].statement;
      ck_assert_ptr_eq (qk_statement_plan (&plan, s), &part[i / 2]);
      ck_assert_ptr_eq (qk_statement_inner (s), &part[i / 2].statements[i % 2]);
      ck_assert_double_eq (s->miss, i < 2 ? 0.004 : 0.002);
      ck_assert_uint_eq (s->source[0], i);
      ck_assert_str_eq (plan.cases[i].label, i % 2 ? "part: case 1" : "part: case 0");
    }
  ck_assert_str_eq (qk_statement_quantity (&plan, outcome.findings[3].statement)->name, "more");
  ck_assert_double_eq (outcome.findings[0].samples, 7 * 200 * 64);
  ck_assert_double_eq (outcome.findings[2].samples, 7 * 320);
  ck_assert_double_eq (outcome.findings[3].enclosure.estimate, 319 * 320 / 2);
  finish ();
  qk_plan_free (&part[0]);
  qk_plan_free (&part[1]);
}
END_TEST

/* A kind that comes alone: when its blocks ran, and in which order over all cases.  */
static atomic_int at_once, order;
static atomic_bool crowded, early_clock;

static int
timed_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  (void)c;
  if (atomic_fetch_add (&at_once, 1) > 0)
    atomic_store (&crowded, true);
  double begin = work->clock ();
  do
    row[0] = work->clock () - begin;
  while (row[0] < 1e-3);
  row[1] = (double)index + 1000 * atomic_fetch_add (&order, 1);
  atomic_fetch_sub (&at_once, 1);
  return 0;
}

static int
clockless_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  if (work->clock)
    atomic_store (&early_clock, true);
  return toy_block (row, c, index, work);
}

static const struct qk_kind timed_kind = {
  .name = "time", .unit = "run", .columns = toy_columns, .alone = true, .block = timed_block
};
static const struct qk_kind clockless_kind
    = { .name = "toy", .unit = "block", .columns = toy_columns, .block = clockless_block };

/* Cases 0 and 2 are timed, in turn, after case 1 has had all its rounds.  */
START_TEST (alone_kinds_have_the_clock_to_themselves)
{
  setup ();
  first_rows = 20;
  band_width = 1e9;
  params.threads = 7;
  atomic_store (&crowded, false);
  atomic_store (&early_clock, false);
  atomic_store (&order, 0);
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  size_t third = qk_plan_case (&plan, &timed_kind, "third", "third", &offset[0]);
  *qk_plan_statement (&plan, "value", &third, 1)
      = (struct qk_statement){ .key = plan.statements[0].key,
                               .quantity = plan.statements[0].quantity,
                               .method = QK_BY_T,
                               .exact = NAN,
                               .source = &third,
                               .sources = 1 };
  plan.cases[0].kind = &timed_kind;
  plan.cases[1].kind = &clockless_kind;
  plan.statements[1].band = qk_band_absolute (0, 1e-6); /* never decided: all rounds */
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  ck_assert (qk_plan_timed (&plan, &plan.statements[0]));
  ck_assert (!qk_plan_timed (&plan, &plan.statements[1]));
  struct qk_watch watch = { .signal = &signal_number };
  ck_assert_int_eq (qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why), 0);
  ck_assert (!atomic_load (&crowded) && !atomic_load (&early_clock));
  ck_assert_uint_eq (outcome.n_findings, 3);
  ck_assert_uint_eq (outcome.tables[1].rows, 20 * 64);
  for (size_t i = 0; i < 20; i++)
    for (size_t c = 0; c < 3; c += 2)
      ck_assert_double_eq (outcome.tables[c].data[2 * i + 1],
                           (double)i + 1000. * (double)(2 * i + c / 2));
  ck_assert_double_eq (seen_miss[calls - 1], plan.statements[2].miss); /* of one round */
  finish ();
}
END_TEST

/* The first block that fails is heard, whichever thread had it.  */
static int
loud_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  (void)c;
  row[0] = row[1] = 0;
  snprintf (work->why, QK_WHY, "block %d is bad", (int)index);
  return index < 5 ? 0 : -1;
}

START_TEST (a_block_says_why)
{
  const struct qk_kind loud
      = { .name = "loud", .unit = "block", .columns = toy_columns, .block = loud_block };
  struct qk_watch watch = { .signal = &signal_number };
  setup ();
  params.threads = 1;
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  plan.cases[0].kind = &loud;
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  ck_assert_int_eq (qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why), -1);
  ck_assert_str_eq (why, "block 5 is bad");
  finish ();
}
END_TEST

static double
some_of_it (const struct qk_plan *p, const struct qk_statement *s, const struct qk_table *tables)
{
  return s == &p->statements[0] ? (double)tables[0].rows / 8 : 1400;
}

/* Of a population known but for rounding nothing is shared, asked again or counted by cases.  */
START_TEST (rounding_takes_no_share)
{
  setup ();
  struct qk_watch watch = { .signal = &signal_number };
  offset[0] = band_width = 1e-4; /* undecided */
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  plan.statements[0].method = QK_BY_ROUNDING;
  struct qk_experiment x = toy;
  x.population = some_of_it;
  x.recorded = true;
  plan.experiment = &x;
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  ck_assert_double_eq (plan.statements[0].miss, 0);
  ck_assert_double_eq_tol (plan.statements[1].miss, 0.01, 1e-15);
  ck_assert_int_eq (qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why), 0);
  ck_assert_uint_eq (outcome.tables[0].rows, 200);
  ck_assert_double_eq (outcome.findings[0].samples, 25);
  ck_assert_double_eq (outcome.findings[1].samples, 1400);
  ck_assert (isnan (outcome.findings[0].samples_needed));
  finish ();
}
END_TEST

/* Many statements, whose sources are shared where they follow each other, keep them.  */
START_TEST (sources_are_kept)
{
  setup ();
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  const size_t sources[] = { 1, 0 };
  for (size_t i = 0; i < 1000; i++)
    qk_plan_statement (&plan, "value", i % 7 ? sources : sources + 1, i % 3 ? 1 : 0);
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  for (size_t i = 0; i < 1000; i++)
    {
      const struct qk_statement *s = &plan.statements[2 + i];
      ck_assert_uint_eq (s->sources, i % 3 ? 1 : 0);
      if (s->sources)
        ck_assert_uint_eq (s->source[0], i % 7 ? 1 : 0);
    }
  qk_plan_free (&plan);
}
END_TEST

/* ---- edges ---- */

START_TEST (interruption_leaves_a_prefix)
{
  setup ();
  atomic_store (&signal_number, 2);
  ck_assert_int_eq (start (), 0);
  ck_assert (!outcome.complete);
  ck_assert_int_eq (outcome.signal, 2);
  ck_assert_uint_eq (outcome.n_findings, 0);
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_UNDECIDED);
  finish ();
}
END_TEST

START_TEST (a_block_that_fails_is_trouble)
{
  setup ();
  offset[1] = 2e9;
  ck_assert_int_eq (start (), -1);
  ck_assert_msg (strstr (why, "block") != NULL, "%s", why);
  finish ();
}
END_TEST

static void
nan_enclose (struct qk_enclosure *e, const struct qk_plan *p, const struct qk_statement *s,
             const struct qk_table *tables, double miss)
{
  (void)p, (void)s, (void)tables, (void)miss;
  *e = (struct qk_enclosure){ NAN, NAN, NAN, NAN };
}

START_TEST (a_nan_is_trouble_not_a_verdict)
{
  struct qk_experiment bad = toy;
  bad.enclose = nan_enclose;
  setup ();
  plan.experiment = &bad;
  ck_assert_int_eq (start (), -1);
  ck_assert_msg (strstr (why, "not a number") != NULL, "%s", why);
  finish ();
}
END_TEST

START_TEST (equal_addresses_are_refused)
{
  setup ();
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  plan.cases[1].cell = plan.cases[0].cell;
  ck_assert_int_eq (qk_engine_prepare (&plan, why), -1);
  ck_assert_msg (strstr (why, "same numbers") != NULL, "%s", why);
  qk_plan_free (&plan);
}
END_TEST

START_TEST (cases_without_statements_are_dropped)
{
  setup ();
  offset[1] = 3;
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  plan.statements[0] = plan.statements[1];
  plan.n_statements = 1;
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  ck_assert_uint_eq (plan.n_cases, 1);
  ck_assert_str_eq (plan.cases[0].label, "case 1");
  ck_assert_uint_eq (plan.statements[0].source[0], 0);
  ck_assert_double_eq_tol (plan.statements[0].miss, 0.01, 1e-15);
  qk_plan_free (&plan);
}
END_TEST

/* Case 1 is kept by the case that reads its table, and found where it went.  */
START_TEST (cases_that_others_need_are_kept)
{
  setup ();
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  size_t c = qk_plan_case (&plan, &toy_kind, "case 2", "case 2", &offset[0]);
  plan.cases[c].needs = 1 + 1;
  plan.statements[0].source[0] = c;
  plan.n_statements = 1;
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  ck_assert_uint_eq (plan.n_cases, 2);
  ck_assert_str_eq (plan.cases[0].label, "case 1");
  ck_assert_str_eq (plan.cases[1].label, "case 2");
  ck_assert_uint_eq (plan.cases[1].needs, 1);
  ck_assert_uint_eq (plan.cases[0].needs, 0);
  ck_assert_uint_eq (plan.statements[0].source[0], 1);
  qk_plan_free (&plan);
}
END_TEST

START_TEST (thin_is_described)
{
  setup ();
  ck_assert_int_eq (toy.plan (&plan, why), 0);
  ck_assert_int_eq (qk_engine_prepare (&plan, why), 0);
  plan.statements[0].thin = plan.statements[1].thin = true;
  struct qk_watch watch = { .signal = &signal_number };
  ck_assert_int_eq (qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why), 0);
  ck_assert_int_eq (outcome.findings[0].verdict, QK_DESCRIBED);
  ck_assert (isnan (outcome.findings[0].enclosure.lo));
  ck_assert (isfinite (outcome.findings[0].enclosure.estimate));
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_UNDECIDED);
  /* What would be described anyway leaves the verdict to the others.  */
  outcome.n_findings = 2;
  plan.statements[0].judged = plan.statements[1].judged = false;
  ck_assert_int_eq (qk_outcome_verdict (&outcome), QK_DESCRIBED);
  finish ();
}
END_TEST

START_TEST (nothing_to_judge_is_undecided)
{
  struct qk_outcome empty = { .complete = true };
  ck_assert_int_eq (qk_outcome_verdict (&empty), QK_UNDECIDED);
}
END_TEST

/* ---- laws ---- */

START_TEST (threads_do_not_change_a_bit)
{
  double *reference = NULL;
  size_t bytes = 0;
  for (int threads = 1; threads <= 7; threads += 2)
    {
      setup ();
      params.threads = threads;
      first_rows = 1501;
      ck_assert_int_eq (start (), 0);
      ck_assert_uint_eq (outcome.tables[1].rows, 1501);
      if (!reference)
        {
          bytes = outcome.tables[1].rows * outcome.tables[1].columns * sizeof *reference;
          reference = malloc (bytes);
          ck_assert_ptr_nonnull (reference);
          memcpy (reference, outcome.tables[1].data, bytes);
        }
      ck_assert_mem_eq (reference, outcome.tables[1].data, bytes);
      finish ();
    }
  for (size_t i = 0; i < 1501; i++)
    ck_assert_double_eq (reference[2 * i + 1], (double)i);
  free (reference);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("engine");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, budget_is_split);
  tcase_add_test (exact, one_round_uses_the_whole_miss);
  tcase_add_test (exact, undecided_asks_four_times_four);
  tcase_add_test (exact, max_samples_ends_the_asking);
  tcase_add_test (exact, samples_needed_by_the_exact_value);
  tcase_add_test (exact, hopeless_ask_for_nothing);
  tcase_add_test (exact, far_off_fails);
  tcase_add_test (exact, later_kinds_see_whole_tables);
  tcase_add_test (exact, inspect_may_refuse);
  tcase_add_test (exact, parts_are_as_if_alone);
  tcase_add_test (exact, alone_kinds_have_the_clock_to_themselves);
  tcase_add_test (exact, a_block_says_why);
  tcase_add_test (exact, rounding_takes_no_share);
  tcase_add_test (exact, sources_are_kept);
  suite_add_tcase (suite, exact);
  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, interruption_leaves_a_prefix);
  tcase_add_test (edges, a_block_that_fails_is_trouble);
  tcase_add_test (edges, a_nan_is_trouble_not_a_verdict);
  tcase_add_test (edges, equal_addresses_are_refused);
  tcase_add_test (edges, cases_without_statements_are_dropped);
  tcase_add_test (edges, cases_that_others_need_are_kept);
  tcase_add_test (edges, thin_is_described);
  tcase_add_test (edges, nothing_to_judge_is_undecided);
  suite_add_tcase (suite, edges);
  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, threads_do_not_change_a_bit);
  suite_add_tcase (suite, laws);
  return run (suite);
}
