/* measure.c -- what `make bench` measures inside the program's own code.

   measure REQUEST...: one request.  Without arguments: one a line from standard input, one line of
   answer each.  run.py asks; README.md says what it makes of the answers.

     about          instruction set in use, whether the processor has AVX-512, whether it was
   forced, the compiler and its flags peak S         multiply-adds a second, from about S seconds
     wall S         the same by the clock on the wall
     normals S      standard normals a second, packed, by address
     exact N S      products a second, of exact dot products of length N rounded once: exact.h
     dot N S        the same by mpfr_dot, its operands made beforehand
     softmax N S    scores a second, of rows of N keys, with the statistics of their softmax
     additive N D S scores a second, additive ones of N queries and keys, projected beforehand to D
                    hidden units
     sample D       side of a tile, normals, multiply-adds of the sample of head dimension D
     run D S        seconds for that sample, from as many of its blocks as take S seconds; and peak
                    and normals, measured between them
     tile D S       the same without draws: scores and power sums alone
     memory N       KiB that `variance --samples=N` takes at its peak; ask a fresh process

   The sample is what `qkcheck variance` plans for a standard error of Var(s) of 1e-3 d, and its
   blocks are those of the experiment: what is measured is what runs.  Seconds are processor time of
   this process, which is meant to have one core.  */

#include "../src/engine.h"
#include "../src/exact.h"
#include "../src/option.h"
#include "../src/registry.h"
#include "../src/theory.h"
#include "build.h"
#include "peak.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <mpfr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct qk_kernels *kernels;

static void
fail (const char *why)
{
  fprintf (stderr, "measure: %s\n", why);
  exit (1);
}

static double
seconds_of (clockid_t clock)
{
  struct timespec t;
  clock_gettime (clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double
cpu_seconds (void)
{
  return seconds_of (CLOCK_PROCESS_CPUTIME_ID);
}

/* So much done in so much time.  */
struct rate
{
  double done, seconds;
};

static double
per_second (struct rate r)
{
  return r.seconds > 0 ? r.done / r.seconds : 0;
}

static void
peak (struct rate *r, double seconds, clockid_t clock)
{
  double done = 0, start = seconds_of (clock), time;
  do
    done += (double)bench_peak (kernels->isa, 10000);
  while ((time = seconds_of (clock) - start) < seconds);
  r->done += done;
  r->seconds += time;
}

static void
normals (struct rate *r, double seconds)
{
  enum
  {
    N = 16384 /* 128 KiB: a cache has them */
  };
  static _Alignas(QK_ALIGN) double x[N];
  static uint64_t first;
  const struct qk_law law = { &qk_law_types[QK_NORMAL], 0, 0, 1 };
  const struct qk_address a = { 1, 0x5bd1e995c3a0, 7 };
  double done = 0, start = cpu_seconds (), time;
  do
    {
      kernels->draw (x, N, a, first, &law);
      first += N;
      done += N;
    }
  while ((time = cpu_seconds () - start) < seconds);
  r->done += done;
  r->seconds += time;
}

/* Rows of standard normal scores; 64 of them, as many as rivals.py may take at once.  */
static void
softmax (struct rate *r, size_t n, double seconds)
{
  enum
  {
    PANELS = 8
  };
  const struct qk_law law = { &qk_law_types[QK_NORMAL], 0, 0, 1 };
  const struct qk_address a = { 1, 0x5bd1e995c3a0, 8 };
  const size_t keys[QK_LANES] = { n, n, n, n, n, n, n, n }, panel = QK_LANES * n;
  double *s = aligned_alloc (QK_ALIGN, PANELS * panel * sizeof *s);
  if (n % QK_DRAW_STEP || !s)
    fail ("softmax: no room, or N is no multiple of 32");
  kernels->draw (s, PANELS * panel, a, 0, &law);

  double done = 0, start = cpu_seconds (), time, sum = 0;
  do
    for (size_t i = 0; i < PANELS; i++)
      {
        struct qk_row_sums sums = QK_ROW_SUMS_NONE;
        struct qk_row_stats stats;
        kernels->row_sums (&sums, s + i * panel, n, keys, 0, 1);
        kernels->row_stats (&stats, &sums);
        sum += stats.participation[i];
        done += (double)panel;
      }
  while ((time = cpu_seconds () - start) < seconds);
  r->done += done;
  r->seconds += time;
  free (s);
  double mean = sum / (done / (double)panel) * (double)n;
  if (!(mean > 2 && mean < 3.5)) /* tends to e */
    fail ("softmax: the participation is wrong");
}

/* Additive scores of n queries with n keys, their projections standard normal, as is v.  */
static void
additive (struct rate *r, size_t n, size_t h, double seconds)
{
  const struct qk_law law = { &qk_law_types[QK_NORMAL], 0, 0, 1 };
  const size_t panel = QK_LANES * h;
  double *a = aligned_alloc (QK_ALIGN, (2 * n * h + h + QK_LANES * n) * sizeof *a), *b = a + n * h,
         *v = b + n * h, *s = v + h;
  if (n == 0 || n % QK_LANES || h == 0 || h % QK_DRAW_STEP || !a)
    fail ("additive: no room, N is no multiple of 8, or D none of 32");
  kernels->draw (a, 2 * n * h + h, (struct qk_address){ 1, 0x5bd1e995c3a0, 10 }, 0, &law);

  double done = 0, start = cpu_seconds (), time, square = 0;
  do
    for (size_t i = 0; i < n; i += QK_LANES)
      {
        kernels->additive (s, a + i / QK_LANES * panel, b, v, n, h);
        square += s[i] * s[i];
        done += (double)(QK_LANES * n);
      }
  while ((time = cpu_seconds () - start) < seconds);
  r->done += done;
  r->seconds += time;
  free (a);
  double mean = square / (done / (double)(QK_LANES * n)) / (double)h; /* E tanh^2 is .52 */
  if (!(mean > 0.05 && mean < 2))
    fail ("additive: the variance is wrong");
}

/* Exact dot products of standard normal vectors, by integers or by MPFR.  */
static void
exact (struct rate *r, size_t n, double seconds, bool by_mpfr)
{
  const struct qk_law law = { &qk_law_types[QK_NORMAL], 0, 0, 1 };
  double *x = aligned_alloc (QK_ALIGN, 2 * n * sizeof *x), *y = x + n;
  mpfr_t *big = calloc (2 * n, sizeof *big), dot;
  mpfr_ptr *operand = calloc (2 * n, sizeof *operand);
  if (n == 0 || n % QK_DRAW_STEP || !x || !big || !operand)
    fail ("exact, dot: no room, or N is no multiple of 32");
  kernels->draw (x, 2 * n, (struct qk_address){ 1, 0x5bd1e995c3a0, 9 }, 0, &law);
  mpfr_init2 (dot, 53);
  for (size_t i = 0; i < 2 * n; i++)
    {
      mpfr_init2 (big[i], 53);
      mpfr_set_d (big[i], x[i], MPFR_RNDN);
      operand[i] = big[i];
    }

  double done = 0, start = cpu_seconds (), time, value[2] = { 0 };
  do
    {
      struct qk_exact a = { 0 };
      if (by_mpfr)
        mpfr_dot (dot, operand, operand + n, n, MPFR_RNDN);
      else
        qk_exact_dot (&a, x, y, n);
      value[0] = by_mpfr ? mpfr_get_d (dot, MPFR_RNDN) : qk_exact_value (&a);
      done += (double)n;
    }
  while ((time = cpu_seconds () - start) < seconds);
  r->done += done;
  r->seconds += time;

  struct qk_exact a = { 0 };
  qk_exact_dot (&a, x, y, n);
  mpfr_dot (dot, operand, operand + n, n, MPFR_RNDN);
  value[1] = by_mpfr ? qk_exact_value (&a) : mpfr_get_d (dot, MPFR_RNDN);
  if (value[0] != value[1])
    fail ("exact, dot: they differ");
  for (size_t i = 0; i < 2 * n; i++)
    mpfr_clear (big[i]);
  mpfr_clear (dot);
  free (operand);
  free (big);
  free (x);
}

/* ---- The sample of one head dimension ---------------------------------------------------------
 */

struct sample
{
  struct qk_params params;
  struct qk_plan plan;
  const struct qk_case *c;
  struct qk_work work;
  double *row;
  double side, draws, products; /* a block's normals and multiply-adds */
  double blocks;                /* for a standard error of exactly 1e-3 d: not a whole number */
  double variance;              /* of a block's mean square, exact */
  uint64_t next;
  double n, mean, squares; /* of mean squares seen so far */
  struct sample *more;
};

/* Kernels whose draws are counted, or left out.  */
static double drawn;

static void
draw_counted (double *x, size_t n, struct qk_address a, uint64_t first, const struct qk_law *law)
{
  drawn += (double)n;
  kernels->draw (x, n, a, first, law);
}

static void
draw_nothing (double *x, size_t n, struct qk_address a, uint64_t first, const struct qk_law *law)
{
  (void)x, (void)n, (void)a, (void)first, (void)law;
}

static void
block (struct sample *s, uint64_t index)
{
  if (s->c->kind->block (s->row, s->c, index, &s->work))
    fail ("a block failed");
}

static void
plan_open (struct qk_plan *plan, struct qk_params *params, int words, char **word)
{
  char why[QK_WHY];
  const struct qk_experiment *variance = qk_experiment_find ("variance");
  *plan = (struct qk_plan){ .experiment = variance, .params = params };
  if (qk_options_parse (params, variance, words, word, why) || variance->plan (plan, why)
      || qk_engine_prepare (plan, why))
    fail (why);
}

/* Plan for a tolerance; returns the standard error of Var(s) over d.  */
static double
sample_open (struct sample *s, double d, double tolerance)
{
  char text[2][64];
  char *word[] = { "variance", "--quantity=score_variance", "--miss=0.05", text[0], text[1], NULL };
  snprintf (text[0], sizeof text[0], "--dk=%.0f", d);
  snprintf (text[1], sizeof text[1], "--tolerance=%.17g", tolerance);
  plan_open (&s->plan, &s->params, 5, word);
  s->c = s->plan.cases;
  size_t bytes = (s->c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
  s->work = (struct qk_work){ .seed = 1, .scratch = aligned_alloc (QK_ALIGN, bytes) };
  s->row = calloc (qk_kind_columns (s->c->kind), sizeof *s->row);
  if (!s->work.scratch || !s->row)
    fail ("out of memory");

  struct qk_kernels counted = *kernels;
  counted.draw = draw_counted;
  s->work.kernels = &counted;
  drawn = 0;
  block (s, 0);
  s->work.kernels = kernels;
  s->draws = drawn;
  s->products = s->c->units * d;
  s->side = 2 * s->products / s->draws; /* t tiles: 2 t b d normals, t b^2 d multiply-adds */

  const struct qk_score score = { d, s->params.q_dist, s->params.k_dist, 0 };
  double tiles = s->c->units / (s->side * s->side);
  s->variance = qk_tile_square_variance (&score, s->side, s->side) / tiles;
  return sqrt (s->variance / (double)s->c->blocks) / d;
}

static void
sample_close (struct sample *s)
{
  free (s->work.scratch);
  free (s->row);
  qk_params_free (&s->params, s->plan.experiment);
  qk_plan_free (&s->plan);
}

static struct sample *
sample (double d)
{
  static struct sample *all;
  for (struct sample *s = all; s; s = s->more)
    if (s->c && s->params.dk.value[0] == d)
      return s;
  struct sample *s = calloc (1, sizeof *s);
  if (!s)
    fail ("out of memory");
  /* The error is nearly in proportion to the tolerance; what is left is a fraction of a block.  */
  double tolerance = 0.01, error = sample_open (s, d, tolerance);
  for (int i = 0; i < 4 && fabs (error / 1e-3 - 1) > 0.005; i++)
    {
      tolerance = fmin (tolerance * 1e-3 / error, 0.5);
      sample_close (s);
      error = sample_open (s, d, tolerance);
    }
  s->blocks = s->variance / (d * d * 1e-6);
  s->more = all;
  return all = s;
}

/* The spread of the blocks is the exact one: the precision is real.  */
static void
check_spread (struct sample *s)
{
  double value = s->row[qk_kind_column (s->c->kind, "mean_2")], before = s->mean;
  s->n++;
  s->mean += (value - before) / s->n;
  s->squares += (value - before) * (value - s->mean);
  double ratio = s->squares / (s->n - 1) / s->variance;
  double error = (s->mean - s->params.dk.value[0]) / sqrt (s->variance / s->n);
  if (s->n >= 512 && !(fabs (ratio - 1) < 8 * sqrt (2.5 / s->n) && fabs (error) < 7))
    fail ("the blocks do not have the variance of the theory");
}

/* Slices of the run between slices of the peak and of normals: the clock of a processor changes. */
static void
run (struct sample *s, double seconds, bool draws)
{
  enum
  {
    SLICES = 8
  };
  struct qk_kernels without = *kernels;
  without.draw = draw_nothing;
  struct rate blocks = { 0 }, fma = { 0 }, normal = { 0 };
  block (s, s->next); /* operands are there */
  for (int i = 0; i < SLICES && blocks.seconds < seconds; i++)
    {
      peak (&fma, seconds / (4 * SLICES), CLOCK_PROCESS_CPUTIME_ID);
      normals (&normal, seconds / (4 * SLICES));
      s->work.kernels = draws ? kernels : &without;
      double start = cpu_seconds (), time;
      do
        {
          block (s, s->next);
          s->next += draws;
          blocks.done++;
          if (draws)
            check_spread (s);
        }
      while ((time = cpu_seconds () - start) < seconds / SLICES);
      blocks.seconds += time;
      s->work.kernels = kernels;
    }
  printf ("%.9g %.9g %.9g\n", s->blocks / per_second (blocks), per_second (fma),
          per_second (normal));
}

static double
memory (const char *samples)
{
  char why[QK_WHY], text[64];
  char *word[] = { "variance", "--dk=16", "--quantity=score_variance", "--threads=1", text, NULL };
  snprintf (text, sizeof text, "--samples=%s", samples);
  struct qk_params params;
  struct qk_plan plan;
  struct qk_outcome outcome;
  plan_open (&plan, &params, 5, word);
  if (qk_engine_run (&outcome, &plan, kernels, &(struct qk_watch){ 0 }, why))
    fail (why);

  double kib = 0;
  FILE *f = fopen ("/proc/self/status", "r");
  for (char line[256]; f && fgets (line, sizeof line, f);)
    sscanf (line, "VmHWM: %lf", &kib);
  if (f)
    fclose (f);
  qk_outcome_free (&outcome);
  qk_plan_free (&plan);
  qk_params_free (&params, qk_experiment_find ("variance"));
  return kib;
}

/* ---- Requests ---------------------------------------------------------------------------------
 */

static void
about (void)
{
  bool avx512 = false;
#ifdef __x86_64__
  avx512 = __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512dq");
#endif
  printf ("%s %d %d %s %s\n", kernels->isa, avx512, getenv ("QKCHECK_ISA") != NULL,
          QK_BUILD_COMPILER, QK_BUILD_FLAGS);
}

static void
answer (const char *request)
{
  char word[32] = "", first[32] = "", second[32] = "", third[32] = "";
  sscanf (request, "%31s %31s %31s %31s", word, first, second, third);
  double a = strtod (first, NULL), b = strtod (second, NULL);
  struct rate rate = { 0 };
  if (!strcmp (word, "about"))
    about ();
  else if (!strcmp (word, "peak"))
    {
      peak (&rate, a, CLOCK_PROCESS_CPUTIME_ID);
      printf ("%.9g\n", per_second (rate));
    }
  else if (!strcmp (word, "wall"))
    {
      peak (&rate, a, CLOCK_MONOTONIC);
      printf ("%.9g\n", per_second (rate));
    }
  else if (!strcmp (word, "normals"))
    {
      normals (&rate, a);
      printf ("%.9g\n", per_second (rate));
    }
  else if (!strcmp (word, "exact") || !strcmp (word, "dot"))
    {
      exact (&rate, (size_t)a, b, *word == 'd');
      printf ("%.9g\n", per_second (rate));
    }
  else if (!strcmp (word, "softmax"))
    {
      softmax (&rate, (size_t)a, b);
      printf ("%.9g\n", per_second (rate));
    }
  else if (!strcmp (word, "additive"))
    {
      additive (&rate, (size_t)a, (size_t)b, strtod (third, NULL));
      printf ("%.9g\n", per_second (rate));
    }
  else if (!strcmp (word, "sample"))
    {
      struct sample *s = sample (a);
      printf ("%.9g %.9g %.9g\n", s->side, s->draws * s->blocks, s->products * s->blocks);
    }
  else if (!strcmp (word, "run") || !strcmp (word, "tile"))
    run (sample (a), b, *word == 'r');
  else if (!strcmp (word, "memory"))
    printf ("%.9g\n", memory (first));
  else
    fail ("unknown request");
  fflush (stdout);
}

int
main (int argc, char **argv)
{
  gsl_set_error_handler_off ();
  kernels = qk_kernels_find (getenv ("QKCHECK_ISA"));
  if (!kernels)
    fail ("no such instruction set here: QKCHECK_ISA");
  char line[256] = "";
  if (argc == 1)
    while (fgets (line, sizeof line, stdin))
      answer (line);
  else
    {
      for (int i = 1; i < argc; i++)
        snprintf (line + strlen (line), sizeof line - strlen (line), "%s ", argv[i]);
      answer (line);
    }
  return 0;
}
