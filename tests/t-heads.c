/* t-heads.c -- tests of the experiment heads: its statements, its blocks against the plain
   functions of attention.h on replayed components, and intervals that cover.  */

#include "../src/attention.h"
#include "../src/heads_theory.h"
#include "../src/projection.h"
#include "../src/softmax_theory.h"
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

static bool
has (const struct qk_statement *s, const char *name, const char *text)
{
  const struct qk_key *key = key_of (s, name);
  return key && key->text ? text && !strcmp (key->text, text) : !text;
}

static double
number (const struct qk_statement *s, const char *name)
{
  const struct qk_key *key = key_of (s, name);
  return key ? key->number : NAN;
}

/* The statement of a quantity with these inputs, weights and initialisation (NULL: none), and that
   many heads (0: none).  */
static const struct qk_statement *
statement (const char *quantity, const char *inputs, const char *weights, const char *init,
           double h)
{
  for (size_t i = 0; i < plan.n_statements; i++)
    {
      const struct qk_statement *s = &plan.statements[i];
      if (!strcmp (quantity_of (s), quantity) && has (s, "inputs", inputs)
          && has (s, "weights", weights) && has (s, "init", init)
          && (h > 0 ? number (s, "heads") == h : !key_of (s, "heads")))
        return s;
    }
  ck_abort_msg ("no statement of %s, %g heads", quantity, h);
  return NULL;
}

static const struct qk_finding *
finding_of (const struct qk_statement *s)
{
  for (size_t i = 0; i < outcome.n_findings; i++)
    if (outcome.findings[i].statement == s)
      return &outcome.findings[i];
  ck_abort_msg ("no finding");
  return NULL;
}

/* ---- exact ----------------------------------------------------------------------------------- */

static const char *const plans[] = {
  "--keys=9,20 --model-dim=6,12 --heads=1,3 --dk=2,9",
  "--keys=2 --model-dim=300 --heads=2 --dist=uniform",
  "--keys=12,300 --model-dim=8 --heads=8 --sigma=1,3 --samples=2000",
};

START_TEST (no_counter_twice) { check_counters ("heads", plans[_i]); }
END_TEST

/* What is judged, and within which band.  */
START_TEST (statements)
{
  const double none = INFINITY, e2 = .0388042398, jsd = .19537569, T = .01;
  const struct
  {
    const char *quantity, *inputs, *weights, *init;
    double h, exact, lo, hi; /* exact NAN: none is known */
    enum qk_method method;
  } expected[] = {
    { "parameters", "shared", NULL, NULL, 1, 16384, 16384, 16384, QK_BY_EXACT },
    { "parameters", "shared", NULL, NULL, 8, 16384, 16384, 16384, QK_BY_EXACT },
    { "biases", "shared", NULL, NULL, 8, 256, 256, 256, QK_BY_EXACT },
    { "flops", "shared", NULL, NULL, 8, 3145728, 3145728, 3145728, QK_BY_EXACT },
    { "softmax_flops", "shared", NULL, NULL, 8, 163840, 163840, 163840, QK_BY_EXACT },
    { "score_rank", "shared", NULL, NULL, 8, 8, 8, 8, QK_BY_EXACT },
    { "pattern_rank", "shared", NULL, NULL, 1, 63, 63, 63, QK_BY_EXACT },
    { "head_overlap", "shared", NULL, NULL, 8, NAN, 1. / 64, none, QK_BY_T },
    { "head_overlap", "independent", NULL, NULL, 0, 1. / 64, 1 / (64 * (1 + T)), (1 + T) / 64,
      QK_BY_T },
    { "head_overlap", NULL, "shared", NULL, 0, e2, e2 / (1 + T), e2 * (1 + T), QK_BY_T },
    { "head_divergence", "independent", NULL, NULL, 0, jsd, jsd - T * M_LN2, jsd + T * M_LN2,
      QK_BY_T },
    { "head_divergence", NULL, "shared", NULL, 0, 0, 0, 0, QK_BY_EXACT },
    { "head_score_variance", NULL, NULL, "unit", 8, 8, 8 / (1 + T), 8 * (1 + T), QK_BY_T },
    { "head_score_variance", NULL, NULL, "xavier", 8, 8 * 256. / 81, 8 * 256. / 81 / (1 + T),
      8 * 256. / 81 * (1 + T), QK_BY_T },
    { "head_score_variance", NULL, NULL, "packed", 8, 2, 2 / (1 + T), 2 * (1 + T), QK_BY_T },
    { "head_score_variance", NULL, NULL, "linear", 1, 64. / 9, 64. / 9 / (1 + T), 64. / 9 * (1 + T),
      QK_BY_T },
    { "mixture_error", NULL, NULL, NULL, 1, .5 + 3.906e-7, .5, none, QK_BY_ROUNDING },
    { "mixture_error", NULL, NULL, NULL, 2, 1.5616e-6, -none, T * T, QK_BY_ROUNDING },
  };
  open_plan ("heads", "");
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    {
      const struct qk_statement *s
          = statement (expected[i].quantity, expected[i].inputs, expected[i].weights,
                       expected[i].init, expected[i].h);
      double off = fabs (s->exact - expected[i].exact), near = 1e-7;
      ck_assert_msg (s->judged && s->method == expected[i].method
                         && (isnan (expected[i].exact) ? isnan (s->exact) : off <= near),
                     "%s, %g heads: %.12g", expected[i].quantity, expected[i].h, s->exact);
      ck_assert_msg (
          (s->band.lo == expected[i].lo || fabs (s->band.lo - expected[i].lo) <= near)
              && (s->band.hi == expected[i].hi || fabs (s->band.hi - expected[i].hi) <= near),
          "%s, %g heads: %.9g to %.9g", expected[i].quantity, expected[i].h, s->band.lo,
          s->band.hi);
      ck_assert_ptr_nonnull (s->claim);
    }
  ck_assert (!statement ("head_divergence", "shared", NULL, NULL, 8)->judged);
  ck_assert (!statement ("heads_time", "shared", NULL, NULL, 8)->judged);
  close_plan ();

  /* A broken assumption moves the exact value, not the band.  */
  open_plan ("heads",
             "--heads=4 --init=packed --dist=normal:mean=1 --quantity=head_score_variance");
  ck_assert_double_eq_tol (plan.statements[0].band.hi, 4 * 1.01, 1e-12);
  ck_assert_double_eq_tol (plan.statements[0].exact, 16, 1e-12);
  close_plan ();
  /* Not known: described, and said so.  */
  open_plan ("heads", "--keys=2 --model-dim=8,64 --heads=4 --quantity=head_overlap,excess_slope");
  ck_assert_uint_eq (plan.n_statements, 4);
  ck_assert (plan.statements[0].exact == 0.5 && plan.statements[0].band.hi < 0.51);
  close_plan ();
  open_plan ("heads", "--sigma=0.1 --quantity=head_divergence --heads=1");
  ck_assert (!plan.statements[0].judged && plan.n_warnings == 1);
  close_plan ();
}
END_TEST

/* Table 3 (B) of Vaswani et al. (2017), and what it is made of.  */
START_TEST (saved)
{
  open_run ("heads", "--model-dim=512 --heads=8 --dk=16,32,64 --layers=18 "
                     "--quantity=parameters,parameters_saved,flops");
  static const double fewer[] = { 7077888, 4718592, 0 };
  size_t seen = 0;
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      double d = number (f->statement, "d_k"), x = f->enclosure.estimate;
      ck_assert_int_eq (f->verdict, QK_HOLDS);
      ck_assert_double_eq (number (f->statement, "layers"), 18);
      ck_assert (f->enclosure.lo == x && f->enclosure.hi == x);
      if (strcmp (quantity_of (f->statement), "parameters_saved"))
        continue;
      ck_assert_double_eq (x, fewer[(int)log2 (d) - 4]);
      seen++;
    }
  ck_assert_uint_eq (seen, 3);
  close_run ();
}
END_TEST

/* The construction loses what its formula says: one head that looks at both keys half of them and a
   little more, two heads nearly nothing.  */
START_TEST (mixtures)
{
  open_run ("heads", "--keys=2,3,64,500 --tolerance=0.1 --quantity=mixture_error");
  ck_assert_uint_eq (outcome.n_findings, 8);
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      double h = number (f->statement, "heads"), n = number (f->statement, "keys");
      double x = f->enclosure.estimate;
      ck_assert_int_eq (f->verdict, QK_HOLDS);
      ck_assert_double_eq_tol (x, qk_heads_mixture (h, n, 0.1), 1e-13 * x + 1e-30);
      ck_assert (h == 1 ? x > (n > 2 ? 0.5 + 0.002 / (n * n) : 0.5 - 1e-15) : x < 0.01);
    }
  close_run ();
}
END_TEST

/* Heads that share X: n times the overlap is 1.028 at D = 8, d = 4, n = 16, and 1.007 at D = 64, d
   = 16, n = 64, to the digits given.  */
START_TEST (shared_overlaps)
{
  static const struct
  {
    const char *arguments;
    double n, more;
  } known[] = { { "--keys=16 --model-dim=8 --dk=4 --samples=16000", 16, 1.028 },
                { "--keys=64 --model-dim=64 --dk=16 --samples=1500", 64, 1.007 } };
  char arguments[200];
  for (size_t i = 0; i < 2; i++)
    {
      snprintf (arguments, sizeof arguments, "%s --heads=2 --quantity=head_overlap",
                known[i].arguments);
      open_run ("heads", arguments);
      const struct qk_finding *f = finding_of (statement ("head_overlap", "shared", NULL, NULL, 2));
      ck_assert_int_eq (f->verdict, QK_HOLDS);
      double half = 0.0015 + known[i].n * (f->enclosure.hi - f->enclosure.lo) / 2;
      ck_assert_double_eq_tol (known[i].n * f->enclosure.estimate, known[i].more, half);
      close_run ();
    }
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

/* The smallest and odd inputs, of every kind: nothing fails, nothing is undecided for want of
   spread.  */
START_TEST (smallest)
{
  static const char *const runs[]
      = { "--keys=2 --model-dim=2 --heads=1,2 --tolerance=0.3",
          "--keys=3 --model-dim=6 --heads=3 --dk=1,9 --tolerance=0.3 --sigma=0.5",
          "--keys=9 --model-dim=4 --heads=2 --dist=rademacher --tolerance=0.3",
          "--keys=8 --model-dim=8 --heads=8 --dist=laplace --tolerance=0.2 --sigma=8",
          "--keys=5 --model-dim=1 --heads=1 --dk=7 --tolerance=0.3" };
  open_run ("heads", runs[_i]);
  size_t judged = 0;
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      judged += f->statement->judged;
      ck_assert_msg (f->verdict == QK_HOLDS || f->verdict == QK_DESCRIBED, "%s, %g heads: %s",
                     quantity_of (f->statement), number (f->statement, "heads"),
                     qk_verdict_name (f->verdict));
    }
  ck_assert_uint_gt (judged, 8);
  close_run ();
}
END_TEST

/* Whole numbers or a sentence.  */
START_TEST (refused)
{
  static const struct
  {
    const char *arguments, *words;
  } runs[] = {
    { "--heads=3", "--heads=3 does not divide --model-dim=64" },
    { "--heads=128", "does not divide" },
    { "--heads=5 --dk=4", "values keep D/h columns" },
    { "--model-dim=64,63 --heads=1,2", "--heads=2 does not divide --model-dim=63" },
    { "--keys=4096 --model-dim=1048576 --heads=1 --quantity=flops", "above 2^53" },
    { "--model-dim=1048576 --heads=1", "--quantity=parameters,flops" },
    { "--q-dist=uniform", "their law is --dist" },
  };
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
    {
      char text[200], *word[8] = { "heads" }, why[QK_WHY] = "";
      int words = 1;
      snprintf (text, sizeof text, "%s", runs[i].arguments);
      for (char *w = strtok (text, " "); w; w = strtok (NULL, " "))
        word[words++] = w;
      plan = (struct qk_plan){ .experiment = qk_experiment_find ("heads"), .params = &params };
      ck_assert (!qk_options_parse (&params, plan.experiment, words, word, why));
      ck_assert_int_eq (plan.experiment->plan (&plan, why), -1);
      ck_assert_msg (strstr (why, runs[i].words) != NULL, "%s", why);
      close_plan ();
    }
}
END_TEST

/* What would take too long to tell from 1/n is described; what one asks for is judged.  */
/* Tokens that may be 0, or alike, leave ranks below what those of continuous law have.  */
START_TEST (low_rank)
{
  open_run ("heads", "--keys=8 --model-dim=8 --heads=4 --dist=sparse:p=0.01 "
                     "--quantity=score_rank,pattern_rank");
  ck_assert_uint_eq (outcome.n_findings, 2);
  for (size_t i = 0; i < 2; i++)
    {
      const struct qk_finding *f = &outcome.findings[i];
      ck_assert_int_eq (f->verdict, QK_HOLDS);
      ck_assert (isnan (f->statement->exact) && f->statement->band.hi == 2);
      ck_assert_double_lt (f->enclosure.hi, 2);
    }
  close_run ();
}
END_TEST

START_TEST (described)
{
  open_plan ("heads", "--model-dim=512 --heads=2 --quantity=head_overlap");
  ck_assert (!statement ("head_overlap", "shared", NULL, NULL, 2)->judged);
  ck_assert_uint_eq (plan.n_warnings, 1);
  close_plan ();
  open_plan ("heads", "--model-dim=512 --heads=2 --quantity=head_overlap --samples=256");
  ck_assert (statement ("head_overlap", "shared", NULL, NULL, 2)->judged);
  close_plan ();
  open_plan ("heads", "--quantity=excess_slope,parameters_saved"); /* nothing to compare */
  ck_assert (plan.n_statements == 0 && plan.n_warnings == 2);
  close_plan ();
  open_run ("heads", "--keys=8 --model-dim=8 --heads=2 --samples=256");
  ck_assert (statement ("head_score_variance", NULL, NULL, "unit", 2)->thin);
  ck_assert_uint_gt (plan.n_warnings, 0);
  close_run ();
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

static const uint64_t BLOCK = 7;

enum
{
  TOKENS = 256, /* at most */
  DIMENSIONS = 300,
  HEADS = 4
};

struct replayed
{
  size_t n, D, h, d;
  double x[TOKENS * DIMENSIONS], w[DIMENSIONS * DIMENSIONS], q[2][TOKENS * DIMENSIONS];
  double s[TOKENS * TOKENS], p[HEADS][TOKENS * TOKENS];
};

static double
component (const struct qk_case *c, unsigned role, const struct qk_law *law, uint64_t at)
{
  return qk_draw ((struct qk_address){ params.seed, c->cell + role, BLOCK }, law, at);
}

static void
read_operand (double *y, const struct qk_case *c, unsigned role, const struct qk_law *law,
              uint64_t t, size_t rows, size_t d, bool transposed)
{
  size_t b = (rows + 7) / 8 * 8;
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < d; i++)
      y[transposed ? i * rows + r : r * d + i]
          = component (c, role, law, t * qk_operand_size (b, d) + qk_operand_index (b, d, r, i));
}

/* The scores of a head of input t, and its weights.  */
static void
replay (struct replayed *in, const struct qk_case *c, const struct qk_law *law, uint64_t t,
        size_t head)
{
  size_t n = in->n, d = in->d;
  double x[TOKENS];
  read_operand (in->x, c, 0, &params.q_dist, t, n, in->D, false);
  for (unsigned side = 0; side < 2; side++)
    {
      read_operand (in->w, c, 1 + side, law, t * in->h + head, d, in->D, true);
      qk_project (in->q[side], in->x, in->w, n, in->D, d);
    }
  qk_score_matrix (in->s, in->q[0], in->q[1], n, n, d);
  for (size_t i = 0; i < n; i++)
    {
      for (size_t j = 0; j < n; j++)
        x[j] = in->s[i * n + j] / sqrt ((double)d);
      ck_assert_int_eq (qk_softmax (in->p[head] + i * n, x, n), 0);
    }
}

/* Means over inputs, rows and pairs of heads; of neighbours for the divergence.  */
static void
check_shared (const double *row, const struct qk_case *c, struct replayed *in,
              const struct qk_law *law)
{
  double overlap = 0, divergence = 0, n = (double)in->n, h = (double)in->h;
  for (uint64_t t = 0; t < (uint64_t)c->units; t++)
    {
      for (size_t head = 0; head < in->h; head++)
        replay (in, c, law, t, head);
      for (size_t a = 0; a < in->h; a++)
        for (size_t b = 0; b < a; b++)
          for (size_t i = 0; i < in->n; i++)
            {
              const double *p = in->p[a] + i * in->n, *q = in->p[b] + i * in->n;
              overlap += qk_weights_overlap (p, q, in->n) / (n * h * (h - 1) / 2 * c->units);
              if (a == b + 1)
                divergence += qk_weights_divergence (p, q, in->n) / (n * (h - 1) * c->units);
            }
    }
  ck_assert_double_eq_tol (row[0], overlap, 1e-12);
  ck_assert_double_eq_tol (row[1], divergence, 1e-12);
}

static void
check_scores (const double *row, const struct qk_case *c, struct replayed *in,
              const struct qk_law *law)
{
  double sum = 0;
  for (uint64_t t = 0; t < (uint64_t)c->units; t++)
    {
      replay (in, c, law, t, 0);
      for (size_t i = 0; i < in->n; i++)
        for (size_t j = 0; j < in->n; j++)
          sum += i == j ? 0 : in->s[i * in->n + j] * in->s[i * in->n + j];
    }
  sum /= (double)(in->n * (in->n - 1)) * c->units;
  ck_assert_double_eq_tol (row[0], sum, 1e-12 * sum);
}

static void
check_close (const double *row, const struct qk_case *c, struct replayed *in,
             const struct qk_law *law)
{
  static double a[TOKENS * TOKENS], work[TOKENS * (TOKENS + 2)];
  size_t n = in->n;
  replay (in, c, law, 0, 0);
  memcpy (a, in->s, sizeof a);
  ck_assert_double_eq (row[0], qk_matrix_rank (a, n, 1e-9, work));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      {
        double mean = 0;
        for (size_t k = 0; k < n; k++)
          mean += log (in->p[0][i * n + k]) / (double)n;
        a[i * n + j] = log (in->p[0][i * n + j]) - mean;
      }
  ck_assert_double_eq (row[1], qk_matrix_rank (a, n, 1e-9, work));
}

static void
check_logits (const double *row, const struct qk_case *c, size_t n, double sigma)
{
  const struct qk_law law = { &qk_law_types[QK_NORMAL], .sd = sigma };
  double x[TOKENS], p[2][TOKENS], sum[3] = { 0 };
  for (uint64_t t = 0; t < (uint64_t)c->units / 8; t++)
    for (size_t lane = 0; lane < 8; lane++)
      {
        for (unsigned head = 0; head < 2; head++)
          {
            for (size_t j = 0; j < n; j++)
              x[j] = component (c, head, &law, t * qk_operand_size (8, n) + 8 * j + lane);
            ck_assert_int_eq (qk_softmax (p[head], x, n), 0);
          }
        sum[0] += qk_weights_overlap (p[0], p[1], n) / c->units;
        sum[1] += qk_weights_divergence (p[0], p[1], n) / c->units;
        sum[2] += qk_softmax_participation (p[0], n) / c->units;
      }
  for (int i = 0; i < 3; i++)
    ck_assert_double_eq_tol (row[i], sum[i], 1e-12);
  ck_assert_double_eq (row[3], 0);
}

static const char *const blocks[] = {
  "--keys=9 --model-dim=6 --heads=1,3 --samples=600",
  "--keys=24 --model-dim=16 --heads=4 --dk=5,20 --dist=uniform:mean=0.3 --samples=600 --sigma=2",
  "--keys=7 --model-dim=300 --heads=2 --dk=260 --dist=laplace --samples=256",
};

START_TEST (blocks_plainly)
{
  static struct replayed in;
  open_plan ("heads", blocks[_i]);
  size_t seen = 0;
  for (size_t k = 0; k < plan.n_cases; k++)
    {
      const struct qk_case *c = &plan.cases[k];
      const struct qk_statement *s = plan.statements;
      while (!qk_statement_uses (s, k))
        s++;
      const char *tokens = strstr (c->label, "tokens=");
      in.n = tokens ? strtoul (tokens + 7, NULL, 10) : (size_t)number (s, "keys");
      ck_assert (in.n >= 2 && in.n <= TOKENS);
      struct qk_work work
          = { .kernels = qk_kernels_find (NULL), .seed = params.seed, .clock = no_time };
      work.scratch = aligned_alloc (QK_ALIGN, (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
      double row[8] = { 0 };
      ck_assert_int_eq (c->kind->block (row, c, BLOCK, &work), 0);
      if (!strcmp (c->kind->name, "logits"))
        check_logits (row, c, in.n, number (s, "sigma"));
      else
        {
          struct qk_heads shape = { (double)in.n, number (s, "model_dim"), number (s, "heads"),
                                    number (s, "d_k"), 1 };
          static const char *const names[] = { "unit", "xavier", "packed", "linear" };
          int init = 0;
          while (key_of (s, "init") && strcmp (names[init], key_of (s, "init")->text))
            init++;
          struct qk_law law
              = { &qk_law_types[init ? QK_UNIFORM : QK_NORMAL],
                  .sd = sqrt (qk_heads_weight_variance ((enum qk_head_init)init, &shape)) };
          in.D = (size_t)shape.D;
          in.h = (size_t)shape.h;
          in.d = (size_t)shape.d;
          if (!strcmp (c->kind->name, "shared"))
            check_shared (row, c, &in, &law);
          else if (!strcmp (c->kind->name, "scores"))
            check_scores (row, c, &in, &law);
          else if (!strcmp (c->kind->name, "close"))
            check_close (row, c, &in, &law);
          else
            ck_assert (!strcmp (c->kind->name, "forward") && row[0] == 0);
        }
      seen++;
      free (work.scratch);
    }
  ck_assert_uint_gt (seen, 7);
  close_plan ();
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* So many misses, or so few, have a probability below 1e-9 at the stated rate.  */
static void
check_rate (double misses, double runs, double miss, const char *what)
{
  if (getenv ("QK_TEST_EFFORT"))
    printf ("%s: %g of %g at %g\n", what, misses, runs, miss);
  ck_assert_msg (
      misses == 0 || gsl_cdf_binomial_Q ((unsigned)misses - 1, 1.3 * miss, (unsigned)runs) > 1e-9,
      "%s: %g of %g at %g", what, misses, runs, miss);
  ck_assert_msg (gsl_cdf_binomial_P ((unsigned)misses, miss / 1.5, (unsigned)runs) > 1e-9,
                 "%s: only %g of %g at %g", what, misses, runs, miss);
}

/* Intervals of what is known exactly miss as often as they say: scores of an input, rows and pairs
   of heads are not independent.  */
START_TEST (intervals_cover)
{
  static const char *const names[] = { "head_overlap", "head_divergence", "head_score_variance" };
  const double miss = 0.2;
  int runs = 40 * effort ();
  double missed[3] = { 0 }, n[3] = { 0 };
  char arguments[240];
  for (int seed = 1; seed <= runs; seed++)
    {
      snprintf (arguments, sizeof arguments,
                "--keys=16 --model-dim=24 --heads=2 --samples=4200 --miss=%g --seed=%d --threads=1 "
                "--init=packed --quantity=head_overlap,head_divergence,head_score_variance",
                miss, seed);
      open_run ("heads", arguments);
      for (size_t i = 0; i < outcome.n_findings; i++)
        for (int k = 0; k < 3; k++)
          {
            const struct qk_finding *f = &outcome.findings[i];
            double truth = f->statement->exact;
            if (strcmp (quantity_of (f->statement), names[k]) || isnan (truth)
                || f->statement->method != QK_BY_T || f->statement->thin)
              continue;
            missed[k] += !(f->enclosure.lo <= truth && truth <= f->enclosure.hi);
            n[k]++;
          }
      close_run ();
    }
  for (int k = 0; k < 3; k++)
    {
      ck_assert_double_ge (n[k], runs);
      check_rate (missed[k], n[k], miss, names[k]);
    }
}
END_TEST

/* No exact value is known for heads that share X: intervals of small samples against the mean of
   all of them.  With eight heads pairs of one input are far from independent.  */
START_TEST (shared_covers)
{
  enum
  {
    MOST = 50
  };
  const int runs = (int)fmin (MOST, fmax (5, MOST * effort ()));
  const double miss = 0.2;
  double lo[MOST], hi[MOST], mean = 0, missed = 0;
  char arguments[200];
  for (int seed = 0; seed < runs; seed++)
    {
      snprintf (arguments, sizeof arguments,
                "--keys=32 --model-dim=8 --heads=8 --samples=512 --miss=%g --seed=%d --threads=1 "
                "--quantity=head_overlap",
                miss, seed + 1001);
      open_run ("heads", arguments);
      const struct qk_finding *f = finding_of (statement ("head_overlap", "shared", NULL, NULL, 8));
      ck_assert (!f->statement->thin);
      lo[seed] = f->enclosure.lo;
      hi[seed] = f->enclosure.hi;
      mean += f->enclosure.estimate / runs;
      close_run ();
    }
  for (int seed = 0; seed < runs; seed++)
    missed += !(lo[seed] <= mean && mean <= hi[seed]);
  check_rate (missed, runs, miss, "shared head_overlap");
}
END_TEST

/* The excess falls with D: about like 1/D, and never the other way round.  */
START_TEST (excess_falls)
{
  open_run ("heads", "--keys=16 --model-dim=8,32 --heads=8 --quantity=excess_slope");
  ck_assert_uint_eq (outcome.n_findings, 1);
  struct qk_enclosure e = outcome.findings[0].enclosure;
  ck_assert_int_eq (outcome.findings[0].verdict, QK_HOLDS);
  ck_assert (e.lo > -1.6 && e.hi < -0.2 && e.lo < -0.9 && e.hi > -1);
  ck_assert_uint_eq (key_of (outcome.findings[0].statement, "model_dim")->list->n, 2);
  close_run ();
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("heads");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_loop_test (exact, no_counter_twice, 0, sizeof plans / sizeof *plans);
  tcase_add_test (exact, statements);
  tcase_add_test (exact, saved);
  tcase_add_test (exact, mixtures);
  tcase_add_test (exact, shared_overlaps);
  tcase_add_loop_test (edges, smallest, 0, 5);
  tcase_add_test (edges, refused);
  tcase_add_test (edges, low_rank);
  tcase_add_test (edges, described);
  tcase_add_loop_test (twin, blocks_plainly, 0, sizeof blocks / sizeof *blocks);
  tcase_add_test (laws, intervals_cover);
  tcase_add_test (laws, shared_covers);
  tcase_add_test (laws, excess_falls);
  tcase_set_timeout (exact, 0);
  tcase_set_timeout (edges, 0);
  tcase_set_timeout (twin, 0);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
