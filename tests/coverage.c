/* coverage.c -- how often the intervals of `qkcheck variance` miss, over many seeds of whole runs.

   coverage SEEDS [ARGUMENT]...: runs the command with --samples fixed and --miss = .2, .05, .01;
   prints a table, and fails where the misses of the mean, the variance or the row variance leave
   the central 99.99 % binomial range, where those of another quantity exceed it, or where an
   interval is longer than 1.15 times 2 z sd.  */

#include "../src/engine.h"
#include "../src/enclose.h"
#include "../src/option.h"
#include "../src/registry.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  MOST = 256, /* statements a run */
  WORDS = 32
};

struct tally
{
  char name[96];
  double exact, misses, runs, length, sum, squares;
  bool two_sided;
};

static int failures, measured;

/* One run; findings are added to the tally in order.  */
static void
add_run (struct tally *tally, size_t *n, int words, char **word)
{
  char why[QK_WHY];
  struct qk_params params;
  const struct qk_experiment *variance = qk_experiment_find ("variance");
  struct qk_plan plan = { .experiment = variance, .params = &params };
  struct qk_outcome outcome;
  struct qk_watch watch = { 0 };
  if (qk_options_parse (&params, variance, words, word, why) || variance->plan (&plan, why)
      || qk_engine_prepare (&plan, why)
      || qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &watch, why))
    {
      fprintf (stderr, "coverage: %s\n", why);
      exit (99);
    }
  *n = outcome.n_findings < MOST ? outcome.n_findings : MOST;
  for (size_t i = 0; i < *n; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      const struct qk_statement *s = f->statement;
      const char *name = variance->quantities[s->quantity].name;
      struct tally *t = &tally[i];
      if (isnan (f->enclosure.lo) || isnan (s->exact))
        continue;
      snprintf (t->name, sizeof t->name, "%s d_k=%.0f", name, s->key[0].number);
      t->two_sided = !strcmp (name, "score_mean") || !strcmp (name, "score_variance")
                     || !strcmp (name, "row_variance");
      /* A lattice's squares may not vary: their interval is a bound.  */
      if (f->enclosure.std_error == 0)
        t->two_sided = false;
      t->exact = s->exact;
      t->runs++;
      t->misses += s->exact < f->enclosure.lo || s->exact > f->enclosure.hi;
      t->length += f->enclosure.hi - f->enclosure.lo;
      t->sum += f->enclosure.estimate - s->exact;
      t->squares += pow (f->enclosure.estimate - s->exact, 2);
    }
  qk_outcome_free (&outcome);
  qk_plan_free (&plan);
  qk_params_free (&params, variance);
}

/* Central 99.99 % range of a binomial count.  */
static void
range (double *lo, double *hi, double n, double p)
{
  unsigned k = 0;
  while (gsl_cdf_binomial_P (k, p, (unsigned)n) < 0.5e-4)
    k++;
  *lo = k;
  while (gsl_cdf_binomial_Q (k, p, (unsigned)n) > 0.5e-4)
    k++;
  *hi = k;
}

static void
report (const struct tally *tally, size_t n, double miss)
{
  double z = qk_two_sided_z (miss);
  for (size_t i = 0; i < n; i++)
    {
      const struct tally *t = &tally[i];
      double lo, hi, mean = t->sum / t->runs, sd = sqrt (t->squares / t->runs - mean * mean);
      if (t->runs == 0)
        continue;
      range (&lo, &hi, t->runs, miss);
      double length = sd > 0 ? t->length / t->runs / (2 * z * sd) : 0;
      /* The sample sd of R runs is uncertain by 1/sqrt (2 R).  */
      bool bad = t->misses > hi
                 || (t->two_sided && (t->misses < lo || length > 1.15 + 4 / sqrt (2 * t->runs)));
      failures += bad;
      measured++;
      printf (
          "%-4s %-34s miss %-5g  misses %5.0f of %.0f (%.5f), range %3.0f to %3.0f, length %.3f\n",
          bad ? "BAD" : "ok", t->name, miss, t->misses, t->runs, t->misses / t->runs, lo, hi,
          length);
    }
}

int
main (int argc, char **argv)
{
  static const double misses[] = { 0.2, 0.05, 0.01 };
  int seeds = argc > 1 ? atoi (argv[1]) : 0;
  if (seeds < 1 || argc > WORDS - 6)
    {
      fputs ("usage: coverage SEEDS [ARGUMENT]...\n", stderr);
      return 2;
    }
  gsl_set_error_handler_off ();
  for (size_t m = 0; m < sizeof misses / sizeof *misses; m++)
    {
      struct tally tally[MOST] = { 0 };
      size_t n = 0;
      for (int seed = 1; seed <= seeds; seed++)
        {
          char text[2][32];
          char *word[WORDS + 1] = { "variance", "--dk=1,4,64,512", "--samples=524288" };
          int words = 3;
          snprintf (text[0], sizeof text[0], "--miss=%g", misses[m]);
          snprintf (text[1], sizeof text[1], "--seed=%d", seed);
          word[words++] = text[0];
          word[words++] = text[1];
          for (int i = 2; i < argc; i++)
            word[words++] = argv[i];
          add_run (tally, &n, words, word);
        }
      report (tally, n, misses[m]);
    }
  printf ("%d seeds: %s\n", seeds,
          !measured  ? "no interval was measured"
          : failures ? "some intervals are not honest"
                     : "all honest");
  return failures || !measured ? EXIT_FAILURE : EXIT_SUCCESS;
}
