/* coverage.c -- how often stated intervals miss the true value, over many seeds of whole runs.

   coverage SEEDS COMMAND [ARGUMENT]...: runs a sampling command with the seeds 1 to SEEDS, and
   prints a line for each statement that is sampled: the share of the runs whose interval excludes
   the true value, at a miss of .2, .05 and as stated (--miss=0.01 but for another among the
   arguments); the length of the interval at .05, in units of 2 z sd; verdicts that are wrong, and
   undecided ones.  True is the exact value, or, where none is known, the mean estimate of all
   runs, marked with a ~.

   Fails where intervals miss more than 1.3 times too often, as t-enclose has it, or, by Student t
   over values that have a spread, 1.3 times too rarely, each with a chance of error of FALSE; where
   those are longer than LONG; and where nothing was measured.  Without arguments it does so for a
   list of commands.  */

#include "../src/commands.h"
#include "../src/engine.h"
#include "../src/enclose.h"
#include "../src/option.h"
#include "../src/registry.h"
#include "../src/story.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  WORDS = 32,
  LEVELS = 3
};

static const double AGAIN[LEVELS - 1] = { .2, .05 }; /* the last level is as stated */
static const double SLACK = 1.3;
static const double FALSE = 1e-5;
static const double LONG = 1.15;

/* What a run says of a statement.  */
struct said
{
  bool measured;
  struct qk_enclosure at[LEVELS];
  enum qk_verdict verdict;
};

struct tally
{
  double truth, runs, misses[LEVELS], length, wrong, undecided;
  bool known, spread;
};

static void
stop (const char *why)
{
  fprintf (stderr, "coverage: %s\n", why);
  exit (99);
}

static double
miss_of (const struct qk_statement *s, int level)
{
  return level < LEVELS - 1 ? AGAIN[level] : s->miss;
}

static void
hear (struct said *said, const struct qk_plan *plan, const struct qk_outcome *outcome)
{
  for (size_t i = 0; i < outcome->n_findings; i++)
    {
      const struct qk_finding *f = &outcome->findings[i];
      const struct qk_statement *s = f->statement;
      const struct qk_plan *of = qk_statement_plan (plan, s);
      struct said *said_of = &said[s - plan->statements];
      if (!qk_statement_sampled (s) || isnan (f->enclosure.lo))
        continue;
      *said_of = (struct said){ .measured = true, .verdict = f->verdict };
      for (int l = 0; l < LEVELS - 1; l++)
        of->experiment->enclose (&said_of->at[l], of, qk_statement_inner (s),
                                 outcome->tables + s->at, AGAIN[l]);
      said_of->at[LEVELS - 1] = f->enclosure;
    }
}

/* said[0], said[stride], ...: what all the runs say of s.  */
static struct tally
count (const struct qk_statement *s, const struct said *said, size_t stride, size_t runs)
{
  struct tally t = { .known = !isnan (s->exact), .spread = s->method == QK_BY_T };
  double sum = 0, squares = 0;
  for (size_t r = 0; r < runs; r++)
    if (said[r * stride].measured)
      {
        t.runs++;
        sum += said[r * stride].at[0].estimate;
      }
  double mean = sum / t.runs, truth = t.known ? s->exact : mean;
  t.truth = truth;
  for (size_t r = 0; r < runs; r++)
    {
      const struct said *of = &said[r * stride];
      if (!of->measured)
        continue;
      for (int l = 0; l < LEVELS; l++)
        t.misses[l] += truth < of->at[l].lo || truth > of->at[l].hi;
      t.length += of->at[1].hi - of->at[1].lo;
      squares += (of->at[0].estimate - mean) * (of->at[0].estimate - mean);
      t.spread &= of->at[0].std_error > 0;
      bool true_claim = s->band.lo <= truth && truth <= s->band.hi;
      if (t.known)
        t.wrong += of->verdict == (true_claim ? QK_FAILS : QK_HOLDS);
      t.undecided += of->verdict == QK_UNDECIDED;
    }
  t.length /= 2 * qk_two_sided_z (AGAIN[1]) * sqrt (squares / t.runs) * t.runs;
  return t;
}

/* What is wrong with it, or an empty text.  */
static const char *
complaint (const struct tally *t, const struct qk_statement *s)
{
  unsigned runs = (unsigned)t->runs;
  for (int l = 0; l < LEVELS; l++)
    {
      double miss = miss_of (s, l);
      unsigned misses = (unsigned)t->misses[l];
      if (misses > 0 && gsl_cdf_binomial_Q (misses - 1, fmin (SLACK * miss, 1), runs) < FALSE)
        return "  misses too often";
      if (t->spread && gsl_cdf_binomial_P (misses, miss / SLACK, runs) < FALSE)
        return "  misses too rarely";
    }
  /* The sample sd of R runs is uncertain by 1/sqrt (2 R).  */
  if (t->spread && t->length > LONG + 4 / sqrt (2 * t->runs))
    return "  too long";
  return "";
}

/* Whether all is as it should be.  */
static bool
report (const struct qk_plan *plan, const struct said *said, size_t runs)
{
  static const char *const method[] = {
    [QK_BY_T] = "t", [QK_BY_BINOMIAL] = "binomial", [QK_BY_ORDER] = "order", [QK_BY_DKW] = "DKW"
  };
  bool good = true, any = false;
  printf ("  %-8s %12s %7s %7s %7s %7s %6s %9s\n", "method", "true", "at .2", "at .05", "stated",
          "length", "wrong", "undecided");
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (!qk_statement_sampled (s))
        continue;
      struct tally t = count (s, said + i, plan->n_statements, runs);
      if (t.runs == 0)
        continue;
      const char *bad = complaint (&t, s);
      any = true;
      good &= !*bad;
      printf ("  %-8s%c%12.6g", method[s->method], t.known ? ' ' : '~', t.truth);
      for (int l = 0; l < LEVELS; l++)
        printf (" %7.4f", t.misses[l] / t.runs);
      if (t.spread)
        printf (" %7.3f", t.length);
      else
        printf (" %7s", "");
      printf (" %6.0f %9.0f  %s, %s%s\n", t.wrong, t.undecided,
              qk_statement_quantity (plan, s)->name, qk_sentence_keys (s->key).text, bad);
    }
  return good && any;
}

static bool
measure (size_t seeds, int words, char **word)
{
  char why[QK_WHY], miss[] = "--miss=0.01", *all[WORDS + 2] = { word[0], miss };
  struct qk_params params;
  struct qk_plan plan
      = { .experiment = qk_experiment_find (word[0]), .params = &params, .commands = &qk_commands };
  if (!plan.experiment || plan.experiment->recorded || words > WORDS)
    stop ("not a command that samples, or too many arguments");
  memcpy (all + 2, word + 1, (size_t)(words - 1) * sizeof *all);
  if (qk_options_parse (&params, plan.experiment, words + 1, all, why)
      || plan.experiment->plan (&plan, why) || qk_engine_prepare (&plan, why))
    stop (why);
  struct said *said = calloc (seeds * plan.n_statements, sizeof *said);
  if (!said)
    stop ("out of memory");
  for (size_t r = 0; r < seeds; r++)
    {
      struct qk_outcome outcome;
      params.seed = r + 1; /* no plan depends on it */
      if (qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &(struct qk_watch){ 0 }, why))
        stop (why);
      hear (said + r * plan.n_statements, &plan, &outcome);
      qk_outcome_free (&outcome);
    }
  printf ("%zu runs of", seeds);
  for (int i = 0; i < words; i++)
    printf (" %s", word[i]);
  printf ("\n");
  for (size_t i = 0; i < plan.n_warnings; i++)
    printf ("  warning: %s\n", plan.warnings[i]);
  bool good = report (&plan, said, seeds);
  printf ("  %s\n", good ? "honest" : "NOT HONEST");
  fflush (stdout);
  free (said);
  qk_params_free (&params, plan.experiment);
  qk_plan_free (&plan);
  return good;
}

/* Few blocks, as few as are judged; odd sizes; laws with tails, with skewness, of few values.  */
static const struct
{
  size_t seeds;
  const char *command;
} list[] = {
  { 1000, "variance --dk=1,3,64 --samples=524288" },
  { 500, "variance --dk=2,16 --samples=2097152 --dist=exponential" },
  { 500, "variance --dk=5 --samples=2097152 --q-dist=rademacher --k-dist=student:nu=9,mean=0.5" },
  { 2000, "variance --dk=2 --samples=524288 --correlation=0.9" },
  { 300, "scale --dk=1,4,16 --samples=524288 --correlation=0.3" },
  { 300, "scale --dk=2,5 --samples=2097152 --q-dist=exponential --k-dist=laplace" },
  { 1000, "softmax --keys=8 --dk=2 --samples=65536" },
  { 500, "softmax --keys=2 --dk=1 --samples=262144 --scale=none" },
  { 300, "softmax --keys=17 --dk=3 --samples=65536 --causal" },
  { 1000, "softmax --keys=16 --sigma=0.5,8 --samples=65536" },
  { 1000, "gradient --keys=5 --dk=6,12 --scale=sqrt --samples=106496 --quantity=jacobian_square,"
          "query_gradient_square,query_gradient_mean,jacobian_square_slope" },
  { 300, "gradient --keys=5 --dk=1,6 --scale=sqrt --samples=8192 --quantity=jacobian_median,"
         "query_gradient_median,jacobian_quantile,query_gradient_quantile" },
  { 300, "symmetry --keys=5 --model-dim=4 --dk=3 --samples=65536" },
  { 300, "symmetry --keys=3 --dk=4 --samples=65536 --weights=none --dist=uniform:mean=0.5" },
  { 300, "heads --keys=5 --model-dim=8 --heads=2 --samples=32768 --init=unit,packed"
         " --quantity=head_overlap,head_divergence,head_score_variance" },
  { 60, "additive --dk=1,5 --samples=131072 --quantity=additive_variance,additive_row_variance,"
        "tanh_saturated,cosine_variance,cosine_law" },
  { 1000, "reference --dk=3 --format-in=binary32 --samples=131072"
          " --quantity=error_rms_u,error_bias" },
  { 400, "reference --dk=20 --samples=65536 --keys=5"
         " --quantity=overflow_score,overflow_exp,overflow_sum" },
};

static bool
measure_list (void)
{
  bool good = true;
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    {
      char text[256], *word[WORDS], *rest = text;
      int words = 0;
      snprintf (text, sizeof text, "%s", list[i].command);
      for (char *w; words < WORDS && (w = strtok_r (rest, " ", &rest));)
        word[words++] = w;
      good &= measure (list[i].seeds, words, word);
    }
  return good;
}

int
main (int argc, char **argv)
{
  int seeds = argc > 2 ? atoi (argv[1]) : 0;
  gsl_set_error_handler_off ();
  if (argc > 1 && seeds < 1)
    {
      fputs ("usage: coverage [SEEDS COMMAND [ARGUMENT]...]\n", stderr);
      return 2;
    }
  bool good = argc > 1 ? measure ((size_t)seeds, argc - 2, argv + 2) : measure_list ();
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
