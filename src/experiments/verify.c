/* verify.c -- the ledger in one run: the plans of all that settles its rows, made one.

   Checks with the same command line are one run, whatever rows they belong to.  Every run is
   planned first; then all share one error budget, are sized, and become parts of the plan.  What
   comes out is compared with the ledger by settle.c.  */

#include "../claims.h"
#include "../message.h"
#include "../pictures.h"
#include "../replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A command line, and what of it is asked.  */
struct run
{
  const struct qk_check *check; /* one of those that ask it */
  const char *quantities;       /* with commas between them */
  struct qk_plan *plan;
};

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Rows that training settles take minutes: they run where --train or their name asks for them.  */
static bool
runs (const struct qk_claim *c, const struct qk_params *p)
{
  bool trained = false;
  for (const struct qk_check *k = c->checks; k->command; k++)
    trained |= !strcmp (k->command, "train");
  return !trained || p->train || p->operand[0];
}

/* Whether name is one of those in list, which has commas between them.  */
static bool
lists (const char *list, const char *name)
{
  size_t length = strlen (name);
  for (const char *at = list; *at; at += strcspn (at, ","), at += *at == ',')
    if (strcspn (at, ",") == length && !strncmp (at, name, length))
      return true;
  return false;
}

/* Whether a row has checks, and those quantities are all they ask for.  */
static bool
settled_by (const struct qk_claim *c, const char *quantities)
{
  for (const struct qk_check *k = c->checks; k->command; k++)
    if (!lists (quantities, k->quantity))
      return false;
  return c->checks->command != NULL;
}

/* Whether some row of the ledger has a check of that quantity.  */
static bool
settles (const char *name, size_t length)
{
  for (const struct qk_claim *c = qk_claims; c->id; c++)
    for (const struct qk_check *k = c->checks; k->command; k++)
      if (strlen (k->quantity) == length && !strncmp (k->quantity, name, length))
        return true;
  return false;
}

/* Keep the rows that --quantity leaves.  0, or -1 and why: a name that settles nothing, or no row.
 */
static int
keep_settled (const struct qk_claim **row, size_t *n, const char *quantities,
              char why[static QK_WHY])
{
  char quoted[QK_QUOTED];
  size_t kept = 0;
  for (const char *at = quantities;; at++)
    {
      size_t length = strcspn (at, ",");
      if (!settles (at, length))
        return qk_complain (why, "--quantity: '%s' is no quantity that settles a row",
                            qk_quote (quoted, at, length));
      at += length;
      if (!*at)
        break;
    }
  for (size_t i = 0; i < *n; i++)
    if (settled_by (row[i], quantities))
      row[kept++] = row[i];
  *n = kept;
  return kept ? 0 : qk_complain (why, "--quantity: these alone settle none of the rows");
}

/* The run that a check asks, a new one where there is none; it has the quantity.  */
static void
ask (struct qk_plan *plan, struct run *run, size_t *n, const struct qk_check *k)
{
  size_t i = 0;
  while (i < *n
         && (strcmp (run[i].check->command, k->command)
             || strcmp (run[i].check->arguments, k->arguments)))
    i++;
  if (i == *n)
    run[(*n)++] = (struct run){ .check = k, .quantities = "" };
  if (!lists (run[i].quantities, k->quantity))
    run[i].quantities = qk_plan_print (plan, "%s%s%s", run[i].quantities,
                                       *run[i].quantities ? "," : "", k->quantity);
}

/* The runs of the pictures that belong to these rows.  */
static void
ask_pictures (struct qk_plan *plan, struct run *run, size_t *n, const struct qk_claim *const *row,
              size_t rows)
{
  for (const struct qk_pictured *p = qk_pictures; p->title; p++)
    {
      bool shown = false;
      for (size_t i = 0; i < rows; i++)
        shown |= qk_picture_shows (p, row[i]->id);
      struct qk_check *k = qk_plan_alloc (plan, sizeof *k);
      for (const char *const *q = p->quantities; *q && shown && k; q++)
        {
          *k = (struct qk_check){ p->command, p->arguments, *q, QK_DESCRIBED };
          ask (plan, run, n, k);
        }
    }
}

static const struct qk_plan *
plan_of (const struct run *run, const struct qk_check *k)
{
  while (strcmp (run->check->command, k->command) || strcmp (run->check->arguments, k->arguments))
    run++;
  return run->plan;
}

/* ---- Command lines --------------------------------------------------------------------------- */

static bool
has_option (const struct qk_experiment *e, const char *name)
{
  for (const char *const *without = e->without; without && *without; without++)
    if (!strcmp (*without, name))
      return false;
  return !e->recorded;
}

/* The tolerance of a command line as it stands: what it says, or else what the command has of its
   own, or else 0: that of most commands, which is tight.  */
static double
own_tolerance (const struct qk_experiment *e, const char *arguments)
{
  static const char option[] = "--tolerance=";
  const char *at = strstr (arguments, option);
  if (at)
    return strtod (at + strlen (option), NULL);
  for (const struct qk_option *row = e->options; row->name; row++)
    if (!strcmp (row->name, "tolerance"))
      return strtod (row->standard, NULL);
  return 0;
}

/* The words of a run: its own, and what the whole run is told.  Given twice, the last word counts.
 */
static const char *
words_of (struct qk_plan *plan, const struct run *run, const struct qk_experiment *e)
{
  const struct qk_params *p = plan->params;
  const char *arguments = run->check->arguments, *tolerance = "", *words;
  bool wider = p->tolerance > own_tolerance (e, arguments);
  if (!p->thorough && (p->tolerance_given || wider) && has_option (e, "tolerance"))
    tolerance = qk_plan_print (plan, " --tolerance=%.17g", p->tolerance);
  words = qk_plan_print (plan, "%s%s --quantity=%s", arguments, tolerance, run->quantities);
  if (has_option (e, "seed"))
    words = qk_plan_print (plan, "--seed=%llu --rng=%s %s", (unsigned long long)p->seed,
                           p->rng ? p->rng->name : "philox", words);
  if (p->max_samples > 0 && has_option (e, "max-samples"))
    words = qk_plan_print (plan, "--max-samples=%.0f %s", p->max_samples, words);
  if (p->reference && qk_replay_knows (e))
    words = qk_plan_print (plan, "--reference %s", words);
  return words;
}

static bool
any (const struct qk_experiment *e)
{
  return e != NULL;
}

/* Make the plan of a run, and count the intervals that it wants.  */
static int
plan_run (struct qk_plan *plan, struct run *run, size_t *intervals, char why[static QK_WHY])
{
  const struct qk_check *k = run->check;
  const struct qk_experiment *e = plan->commands->find (k->command, any, why);
  if (!e)
    return -1;
  const char *words = words_of (plan, run, e);
  if (plan->full)
    return 0;
  run->plan = plan->commands->plan (plan, e, words, why);
  if (!run->plan)
    return -1;
  run->plan->label
      = qk_plan_print (plan, "%s%s%s", k->command, *k->arguments ? " " : "", k->arguments);
  for (size_t i = 0; i < run->plan->n_statements; i++)
    *intervals += qk_statement_sampled (&run->plan->statements[i]);
  return 0;
}

/* ---- The plan -------------------------------------------------------------------------------- */

/* Leave out counterexamples to rows that are not asked.  */
static void
drop_strangers (struct qk_plan *part, const struct qk_claim *const *row, size_t rows)
{
  size_t kept = 0;
  for (size_t i = 0; i < part->n_statements; i++)
    {
      const struct qk_statement *s = &part->statements[i];
      bool asked = strcmp (qk_statement_quantity (part, s)->name, "counterexample") != 0;
      for (size_t r = 0; r < rows; r++)
        asked |= s->claim && !strcmp (row[r]->id, s->claim);
      if (asked)
        part->statements[kept++] = *s;
    }
  part->n_statements = kept;
}

static int
plan_runs (struct qk_plan *plan, struct run *run, size_t n, const struct qk_claim *const *row,
           size_t rows, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  size_t intervals = 0;
  for (size_t i = 0; i < n && !plan->full; i++)
    if (plan_run (plan, &run[i], &intervals, why))
      return -1;
  double miss = p->miss > 0 ? p->miss : (1 - p->confidence) / (double)intervals;
  for (size_t i = 0; i < n && !plan->full; i++)
    {
      drop_strangers (run[i].plan, row, rows);
      if (plan->commands->size (run[i].plan, intervals ? miss : 0, why))
        return -1;
      qk_plan_adopt (plan, run[i].plan);
    }
  return 0;
}

/* What the ledger says and which part of the plan answers.  */
static void
note_rows (struct qk_plan *plan, const struct qk_claim *const *row, size_t n, const struct run *run)
{
  struct qk_asked *asked = qk_plan_alloc (plan, (n + 1) * sizeof *asked);
  for (size_t i = 0; i < n && !plan->full; i++)
    {
      size_t checks = 0;
      while (row[i]->checks[checks].command)
        checks++;
      asked[i].claim = row[i];
      if (checks && runs (row[i], plan->params))
        asked[i].part = qk_plan_alloc (plan, checks * sizeof *asked[i].part);
      for (size_t k = 0; k < checks && asked[i].part; k++)
        asked[i].part[k] = plan_of (run, &row[i]->checks[k]);
    }
  plan->asked = asked;
  plan->n_asked = n;
}

static int
plan_verify (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  size_t rows, checks = 0, n = 0;
  if (p->thorough && p->tolerance_given)
    return qk_complain (why, "--thorough has the tolerances of the commands: it takes no "
                             "--tolerance");
  const struct qk_claim **row = qk_claims_select (&rows, p, why);
  if (!row)
    return -1;
  if (p->settled_by && keep_settled (row, &rows, p->settled_by, why))
    {
      free (row);
      return -1;
    }
  for (size_t i = 0; i < rows; i++)
    for (const struct qk_check *k = row[i]->checks; k->command; k++)
      checks++;
  for (const struct qk_pictured *picture = qk_pictures; picture->title; picture++)
    checks++;
  struct run *run = qk_plan_alloc (plan, (checks + 1) * sizeof *run);
  for (size_t i = 0; i < rows && run; i++)
    for (const struct qk_check *k = row[i]->checks; runs (row[i], p) && k->command; k++)
      if (!plan->full)
        ask (plan, run, &n, k);
  if (*p->report && !plan->full)
    ask_pictures (plan, run, &n, row, rows);
  int status = plan_runs (plan, run, n, row, rows, why);
  if (!status && !plan->full)
    note_rows (plan, row, rows, run);
  free (row);
  return status;
}

/* The parts are sized.  */
static int
size_verify (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)plan;
  (void)why;
  return 0;
}

static void
describe_verify (char *text, size_t size, const struct qk_plan *plan)
{
  size_t run = 0;
  for (size_t i = 0; i < plan->n_asked; i++)
    run += plan->asked[i].part != NULL;
  snprintf (text, size, "%zu row%s of the ledger", plan->n_asked, plan->n_asked == 1 ? "" : "s");
  if (run < plan->n_asked)
    snprintf (text + strlen (text), size - strlen (text), ", %zu run", run);
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_operand operands[]
    = { { .name = "ID",
          .help = "A row of the ledger, as qkcheck claims lists it; without any, all rows.",
          .any = true,
          .type = QK_OPERAND_WORD,
          .word = qk_claim_word },
        { 0 } };

static const char *const without[] = { "dk", "dist", "q-dist", "k-dist", "samples", NULL };

static const struct qk_option options[] = {
  QK_OPTION_QUESTION,
  { .name = "quantity",
    .type = QK_FILE, /* no quantity of this command, but a name of others */
    .offset = offsetof (struct qk_params, settled_by),
    .metavar = "NAMES",
    .shown = "all",
    .help = "Only rows that these quantities settle alone: names with commas between them, as the "
            "pages of the commands and the rows of qkcheck claims have them." },
  { .name = "train",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, train),
    .help = "Also the rows that training settles, which takes a minute more.  To name such a row "
            "is enough." },
  { .name = "thorough",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, thorough),
    .help = "Every check with the tolerance that its command has by itself, 1 % for most, in place "
            "of 3 %." },
  { .name = "report",
    .type = QK_FILES,
    .offset = offsetof (struct qk_params, report),
    .metavar = "FILE.html|md",
    .shown = "none",
    .help
    = "Also write a report: the ledger, every figure with its interval and exact value, and "
      "plots, for which some more is run.  HTML is one page that needs nothing else, with "
      "plots by gnuplot, found on the PATH; Markdown has their numbers as tables.  Given twice "
      "it writes both." },
  { .name = "tolerance",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, tolerance),
    .seen = offsetof (struct qk_params, tolerance_given),
    .metavar = "T",
    .standard = "0.03",
    .shown = "0.03, and more for checks that have more by themselves",
    .lo = 0,
    .hi = 0.1,
    .lo_open = true,
    .help = "Half-width of the band of every claim, in the unit of its quantity (see the page of "
            "its command).  With more than 0.1 a counterexample would look like the claim." },
  { .name = "confidence",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, confidence),
    .metavar = "P",
    .standard = "0.999",
    .lo = 0,
    .hi = 1,
    .lo_open = true,
    .hi_open = true,
    .help = "Chance that every interval of the whole run covers its true value.  The chance of "
            "error left is split over all that is sampled, whatever row it is for." },
  { .name = "reference",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, reference),
    .help = "Also replay one block of each case in MPFR and report the decimal digits that agree, "
            "sum_digits." },
  { .name = NULL }
};

static const struct qk_quantity quantities[] = { { .name = NULL } };

static const struct qk_example examples[] = {
  { .arguments = "", .meaning = "The whole ledger but what training settles." },
  { .arguments = "score-variance scaled-variance", .meaning = "Two rows, and nothing else." },
  { .arguments = "--question=Q4 --thorough",
    .meaning = "Why the scores are divided by √d_k, at tight tolerances." },
  { .arguments = "shared-training --json",
    .meaning = "A row that training settles, as JSON Lines with its findings." },
  { 0 },
};

static const char *const description[] = {
  "Runs what settles the rows of the ledger, all of them or those named, in one run with one error "
  "budget, and compares what comes out with what the ledger says (qkcheck claims, "
  "qkcheck-claims(7)).",
  "A row is confirmed where each of its checks comes out as the ledger says: what it says to hold "
  "holds, and what it says to fail fails.  So a row of status false is confirmed when its "
  "counterexample stands and the statement put right holds, and one of status conditional when "
  "both sides show.  It is contradicted where a check comes out the other way, or where an "
  "interval and the exact value beside it cannot both be right; else it is undecided.  Rows that "
  "only literature can settle are shown and not counted, and so are rows that training settles, "
  "unless --train or their names ask for them.",
  NULL,
};

const struct qk_experiment qk_experiment_verify = {
  .name = "verify",
  .question = "does every row of the ledger come out as it says?",
  .asked = "Does the ledger stand?",
  .description = description,
  .unit = "samples",
  .operands = operands,
  .options = options,
  .without = without,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ NULL },
  .examples = examples,
  .plan = plan_verify,
  .size = size_verify,
  .describe = describe_verify,
};
