/* t-training.c -- runs: the exact reparametrisation, paired arms, what each result says of its
   curve, floors that no run crosses, and in small what training shows.  */

#include "training.h"
#include "lanes/kernels.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <string.h>

static const struct qk_kernels *kernels;

enum
{
  MOST_STEPS = 512,
  GUARD = 64
};

/* A run with all that it leaves.  */
struct kept
{
  struct qk_trained result;
  struct qk_trace trace;
  double curve[MOST_STEPS + 1];
  double *tables[4]; /* first Q, K, last Q, K */
};

static void
keep (struct kept *kept, const struct qk_training *t, uint64_t seed, uint64_t unit,
      gsl_rng *foreign)
{
  char why[QK_WHY] = "";
  ck_assert_msg (!qk_training_check (t, why), "%s", why);
  size_t bytes = (qk_training_room (t) + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
  size_t d = t->task == QK_TASK_HEADS ? 16 : t->d;
  unsigned char *room = aligned_alloc (QK_ALIGN, bytes + GUARD);
  struct qk_source source = { .foreign = foreign };
  memset (room, 0xa5, bytes + GUARD);
  for (int i = 0; i < 4; i++)
    kept->tables[i] = calloc (qk_training_rows (t) * d, sizeof (double));
  kept->trace = (struct qk_trace){ .curve = kept->curve,
                                   .first_q = kept->tables[0],
                                   .first_k = kept->tables[1],
                                   .last_q = kept->tables[2],
                                   .last_k = kept->tables[3] };
  qk_training_run (&kept->result, t, seed, unit, kernels, &source, room, &kept->trace);
  for (size_t i = 0; i < GUARD; i++)
    ck_assert_int_eq (room[bytes + i], 0xa5);
  free (room);
}

static void
drop (struct kept *kept)
{
  for (int i = 0; i < 4; i++)
    free (kept->tables[i]);
}

static struct qk_trained
run_once (const struct qk_training *t, uint64_t seed, uint64_t unit)
{
  struct kept kept;
  keep (&kept, t, seed, unit, NULL);
  drop (&kept);
  return kept.result;
}

/* One of every kind, short.  */
static const struct qk_training all[] = {
  { .task = QK_TASK_TABLE, .d = 5, .scale = 0.447, .rate = 4, .steps = 40 },
  { .task = QK_TASK_TABLE,
    .loss = QK_LOSS_LOG,
    .d = 3,
    .scale = 1,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40 },
  { .task = QK_TASK_TABLE,
    .additive = true,
    .d = 3,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40 },
  { .task = QK_TASK_RELATION,
    .d = 9,
    .scale = 1. / 3,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40 },
  { .task = QK_TASK_CYCLE,
    .loss = QK_LOSS_LOG,
    .d = 4,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40 },
  { .task = QK_TASK_CYCLE,
    .loss = QK_LOSS_LOG,
    .shared = true,
    .heads = 3,
    .d = 4,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40 },
  { .task = QK_TASK_CYCLE,
    .pattern = QK_PATTERN_SELF,
    .shared = true,
    .d = 5,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40 },
  { .task = QK_TASK_HEADS,
    .heads = 4,
    .targets = 3,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40,
    .parts = 8 },
  { .task = QK_TASK_HEADS,
    .heads = 16,
    .optimizer = QK_SGD,
    .rate = 0.25,
    .steps = 40,
    .parts = 16 },
  { .task = QK_TASK_NUMBER,
    .additive = true,
    .d = 3,
    .optimizer = QK_ADAM,
    .rate = 0.0625,
    .steps = 40 },
  { .task = QK_TASK_NUMBER, .d = 1, .scale = 1, .optimizer = QK_ADAM, .rate = 0.0625, .steps = 40 },
};

enum
{
  ALL = sizeof all / sizeof *all
};

/* ---- exact ----------------------------------------------------------------------------------- */

/* The unscaled model with Q and K drawn over d^(1/4), the rate of SGD over sqrt (d), that of Adam
   over d^(1/4) and epsilon times d^(1/4) is the scaled one: bit for bit, all the way.  */
START_TEST (reparametrisation)
{
  static const size_t widths[] = { 16, 256 };
  for (size_t i = 0; i < 2; i++)
    for (int optimizer = QK_SGD; optimizer <= QK_ADAM; optimizer++)
      {
        double d = (double)widths[i], fourth = sqrt (sqrt (d));
        struct qk_training scaled = { .task = QK_TASK_TABLE,
                                      .d = widths[i],
                                      .scale = 1 / sqrt (d),
                                      .optimizer = (enum qk_optimizer)optimizer,
                                      .rate = optimizer == QK_ADAM ? 0.0625 : 4 * sqrt (d),
                                      .steps = 300 };
        struct qk_training other = scaled;
        other.scale = 1;
        other.shrink = fourth;
        other.rate /= optimizer == QK_ADAM ? fourth : sqrt (d);
        other.epsilon = 1e-8 * fourth;
        for (uint64_t unit = 0; unit < 2; unit++)
          {
            struct kept x, y;
            keep (&x, &scaled, 3, unit, NULL);
            keep (&y, &other, 3, unit, NULL);
            ck_assert_mem_eq (x.curve, y.curve, 301 * sizeof *x.curve);
            for (int table = 0; table < 4; table++)
              for (size_t j = 0; j < 16 * widths[i]; j++)
                ck_assert_double_eq (x.tables[table][j], fourth * y.tables[table][j]);
            ck_assert_double_lt (x.result.last, 0.01);
            ck_assert_double_gt (x.result.first, 0.5);
            drop (&x);
            drop (&y);
          }
      }
}
END_TEST

START_TEST (rates)
{
  ck_assert_uint_eq (qk_training_rates (QK_ADAM), 7);
  ck_assert_uint_eq (qk_training_rates (QK_SGD), 10);
  ck_assert_double_eq (qk_training_rate (QK_ADAM, 1. / 16, 0), 1. / 4096);
  ck_assert_double_eq (qk_training_rate (QK_ADAM, 1, 6), 1);
  ck_assert_double_eq (qk_training_rate (QK_SGD, 1, 0), 1. / 64);
  ck_assert_double_eq (qk_training_rate (QK_SGD, 1. / 16, 9), 4096 * 16);

  const double mean[] = { 0.9, 0.305, 0.3, 0.308, 0.7, 0.309, 0.31 };
  ck_assert_uint_eq (qk_training_choose (mean, 7, 0), 2);
  ck_assert_uint_eq (qk_training_choose (mean, 4, 0.01), 2); /* of 1, 2, 3 */
  ck_assert_uint_eq (qk_training_choose (mean, 6, 0.01), 2); /* of 1, 2, 3, 5 the lower middle */
  ck_assert_uint_eq (qk_training_choose (mean, 7, 0.02), 3); /* of 1, 2, 3, 5, 6 */
  ck_assert_uint_eq (qk_training_choose (mean, 1, 0.01), 0);
  const double equal[] = { 9, 9, 9 };
  ck_assert_uint_eq (qk_training_choose (equal, 3, 0), 0);
  ck_assert_uint_eq (qk_training_choose (equal, 3, 0.01), 1);
}
END_TEST

START_TEST (scales)
{
  ck_assert_double_eq (qk_training_scale (256, 0, kernels), 1);
  ck_assert_double_eq (qk_training_scale (256, 0.25, kernels), 0.25);
  ck_assert_double_eq (qk_training_scale (256, 0.5, kernels), 0.0625);
  ck_assert_double_eq (qk_training_scale (256, 0.75, kernels), 1. / 64);
  ck_assert_double_eq (qk_training_scale (256, 1, kernels), 1. / 256);
  for (size_t d = 1; d <= 4096; d = 2 * d + 1)
    for (double alpha = -1; alpha <= 2; alpha += 0.05)
      {
        double want = pow ((double)d, -alpha);
        ck_assert_double_eq_tol (qk_training_scale (d, alpha, kernels), want, 1e-13 * want);
      }
}
END_TEST

START_TEST (floors)
{
  struct qk_training t = { .task = QK_TASK_CYCLE, .shared = true, .loss = QK_LOSS_LOG, .d = 4 };
  ck_assert_double_eq (qk_training_floor (&t), M_LN2);
  ck_assert_double_eq (qk_training_ceiling (&t), 2. / 3);
  t.heads = 3;
  ck_assert_double_eq_tol (qk_training_floor (&t), log (1.5), 1e-16);
  ck_assert_double_eq (qk_training_ceiling (&t), 1);
  t.pattern = QK_PATTERN_CHAIN;
  ck_assert_double_eq (qk_training_floor (&t), 0);
  t = (struct qk_training){ .task = QK_TASK_CYCLE, .loss = QK_LOSS_LOG, .d = 4 };
  ck_assert_double_eq (qk_training_floor (&t), 0);
  ck_assert_double_eq (qk_training_ceiling (&t), 1);
  for (size_t h = 1; h <= 16; h *= 2)
    for (size_t m = 1; m <= 4; m++)
      {
        t = (struct qk_training){ .task = QK_TASK_HEADS, .heads = h, .targets = m };
        ck_assert_double_eq (qk_training_floor (&t), fmax (0, 1 - (double)h / (double)m));
      }
  t = (struct qk_training){ .task = QK_TASK_TABLE, .d = 1 };
  ck_assert_double_eq (qk_training_ceiling (&t), 0.125);
  t.additive = true;
  ck_assert_double_eq (qk_training_ceiling (&t), 0.0625);
  t.d = 2;
  ck_assert_double_eq (qk_training_ceiling (&t), 1);
  t = (struct qk_training){ .task = QK_TASK_NUMBER, .d = 64 };
  ck_assert_double_eq (qk_training_ceiling (&t), 0.125);
  t.additive = true;
  ck_assert_double_eq (qk_training_ceiling (&t), 1);
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

START_TEST (refused)
{
  static const struct
  {
    struct qk_training t;
    const char *word;
  } wrong[] = {
    { { .task = QK_TASK_TABLE, .scale = 1, .rate = 1 }, "d_k" },
    { { .task = QK_TASK_TABLE, .d = 4097, .scale = 1, .rate = 1 }, "4096" },
    { { .task = QK_TASK_TABLE, .d = 4, .rate = 1 }, "scale" },
    { { .task = QK_TASK_TABLE, .d = 4, .scale = INFINITY, .rate = 1 }, "scale" },
    { { .task = QK_TASK_TABLE, .d = 4, .scale = 1, .rate = NAN }, "rate" },
    { { .task = QK_TASK_HEADS, .heads = 3, .rate = 1 }, "heads" },
    { { .task = QK_TASK_HEADS, .targets = 5, .rate = 1 }, "targets" },
    { { .task = QK_TASK_HEADS, .heads = 4, .parts = 2, .rate = 1 }, "parts" },
    { { .task = QK_TASK_CYCLE, .d = 2, .heads = 17, .rate = 1 }, "heads" },
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    {
      char why[QK_WHY] = "";
      ck_assert_int_eq (qk_training_check (&wrong[i].t, why), -1);
      ck_assert_msg (strstr (why, wrong[i].word) != NULL, "%zu: %s", i, why);
    }
}
END_TEST

/* A rate that throws all away is told, and no value of the result is infinite.  */
START_TEST (divergence)
{
  for (size_t i = 0; i < ALL; i++)
    {
      struct qk_training t = all[i];
      t.rate = 1e300;
      struct kept x;
      keep (&x, &t, 1, 0, NULL);
      const struct qk_trained *r = &x.result;
      double values[]
          = { r->first,    r->last,    r->lowest,   r->area,          r->tenth,
              r->accuracy, r->removed, r->refitted, r->removed_worst, r->refitted_worst };
      for (size_t j = 0; j < sizeof values / sizeof *values; j++)
        ck_assert (isfinite (values[j]));
      if (r->diverged)
        {
          ck_assert_double_eq (r->last, 9);
          ck_assert_double_eq (x.curve[t.steps], 9);
          ck_assert_double_eq (r->accuracy, 0);
        }
      drop (&x);
    }
  struct qk_training t = all[0];
  t.rate = 1e300;
  ck_assert (run_once (&t, 1, 0).diverged);
}
END_TEST

START_TEST (no_steps)
{
  for (size_t i = 0; i < ALL; i++)
    {
      struct qk_training t = all[i];
      t.steps = 0;
      struct qk_trained r = run_once (&t, 1, 0);
      ck_assert (r.last == r.area && r.last == r.first && r.last == r.lowest && !r.diverged);
    }
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

/* The tables before the first step are the components of their address.  */
START_TEST (tables_by_address)
{
  struct kept x;
  keep (&x, &all[0], 11, 6, NULL);
  const struct qk_law normal = { .type = &qk_law_types[QK_NORMAL], .sd = 1 };
  for (unsigned role = 0; role < 2; role++)
    for (size_t a = 0; a < 16; a++)
      for (size_t i = 0; i < 5; i++)
        {
          struct qk_address at = { 11, qk_cell ("train table d=5", role), 6 };
          ck_assert_double_eq (x.tables[role][a * 5 + i], qk_draw (at, &normal, i * 16 + a));
        }
  drop (&x);
}
END_TEST

/* The result is what the curve says.  */
START_TEST (results_of_curves)
{
  for (size_t i = 0; i < ALL; i++)
    {
      struct kept x;
      keep (&x, &all[i], 2, i, NULL);
      size_t steps = all[i].steps;
      double lowest = INFINITY, area = 0, tenth = (double)steps + 1;
      for (size_t j = steps + 1; j-- > 0;)
        {
          lowest = fmin (lowest, x.curve[j]);
          area += j < steps ? x.curve[j] / (double)steps : 0;
          if (x.curve[j] < 0.1)
            tenth = (double)j;
        }
      const struct qk_trained *r = &x.result;
      ck_assert_double_eq (r->first, x.curve[0]);
      ck_assert_double_eq (r->last, x.curve[steps]);
      ck_assert_double_eq (r->lowest, lowest);
      ck_assert_double_eq (r->tenth, tenth);
      ck_assert_double_eq_tol (r->area, area, 1e-14);
      ck_assert (r->gradient[0] > 0 && r->gradient[0] <= r->gradient[1]
                 && r->gradient[1] <= r->gradient[2]);
      ck_assert_msg (r->last < r->first || (all[i].task == QK_TASK_NUMBER && !all[i].additive),
                     "task %zu learned nothing", i);
      if (all[i].parts)
        {
          ck_assert_double_le (r->refitted, r->removed);
          ck_assert_double_le (r->removed, r->removed_worst);
          ck_assert_double_le (r->refitted, r->refitted_worst);
          ck_assert_double_gt (r->removed, r->last);
        }
      drop (&x);
    }
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* A run is a function of what is trained and of its address, in every build.  */
START_TEST (pure)
{
  for (size_t i = 0; i < ALL; i++)
    {
      struct kept x, y;
      keep (&x, &all[i], 5, 2, NULL);
      for (const struct qk_kernels *const *k = qk_kernels_available (); *k; k++)
        {
          kernels = *k;
          keep (&y, &all[i], 5, 2, NULL);
          ck_assert_mem_eq (x.curve, y.curve, (all[i].steps + 1) * sizeof *x.curve);
          ck_assert_double_eq (x.result.refitted, y.result.refitted);
          ck_assert_double_eq (x.result.accuracy, y.result.accuracy);
          drop (&y);
        }
      kernels = qk_kernels_find (NULL);
      for (int other = 0; other < 3; other++)
        {
          keep (&y, &all[i], other == 0 ? 6 : 5,
                other == 1   ? 3
                : other == 2 ? QK_TUNING + 2
                             : 2,
                NULL);
          ck_assert (x.result.last != y.result.last);
          drop (&y);
        }
      drop (&x);
    }
}
END_TEST

/* Arms of a pair consume the same numbers: the same tables and targets, by address and from a
   generator in sequence; and whoever sees examples the same ones.  */
START_TEST (paired_arms)
{
  gsl_rng *r = gsl_rng_alloc (gsl_rng_taus2);
  const struct qk_training tables[]
      = { { .task = QK_TASK_TABLE, .d = 7, .scale = 1, .rate = 1, .steps = 3 },
          { .task = QK_TASK_TABLE, .d = 7, .scale = 0.378, .rate = 4, .steps = 9 },
          { .task = QK_TASK_TABLE,
            .d = 7,
            .additive = true,
            .optimizer = QK_ADAM,
            .rate = 0.1,
            .steps = 3 },
          { .task = QK_TASK_TABLE,
            .d = 7,
            .loss = QK_LOSS_LOG,
            .scale = 1,
            .optimizer = QK_ADAM,
            .rate = 0.1,
            .steps = 3 } };
  for (int foreign = 0; foreign < 2; foreign++)
    {
      struct kept x, y;
      keep (&x, &tables[0], 5, 2, foreign ? r : NULL);
      for (size_t i = 1; i < 4; i++)
        {
          keep (&y, &tables[i], 5, 2, foreign ? r : NULL);
          for (int j = 0; j < 2; j++)
            ck_assert_mem_eq (x.tables[j], y.tables[j], 16 * 7 * sizeof (double));
          ck_assert_mem_eq (x.trace.target, y.trace.target, 16 * sizeof *x.trace.target);
          drop (&y);
        }
      size_t seen = 0;
      for (size_t a = 0; a < 16; a++)
        seen |= (size_t)1 << x.trace.target[a];
      ck_assert_uint_eq (seen, 0xffff);
      drop (&x);

      /* Shared tables are the first of the separate ones; one head the first of three.  */
      struct qk_training cycle = { .task = QK_TASK_CYCLE, .d = 4, .rate = 1, .steps = 1 };
      keep (&x, &cycle, 5, 2, foreign ? r : NULL);
      cycle.shared = true;
      cycle.heads = 3;
      keep (&y, &cycle, 5, 2, foreign ? r : NULL);
      ck_assert_mem_eq (x.tables[0], y.tables[0], 12 * 4 * sizeof (double));
      ck_assert_mem_eq (y.tables[0], y.tables[1], 12 * 4 * sizeof (double));
      drop (&x);
      drop (&y);

      /* Heads cut the same tables.  */
      struct qk_training heads = { .task = QK_TASK_HEADS, .heads = 1, .rate = 1, .steps = 1 };
      keep (&x, &heads, 5, 2, foreign ? r : NULL);
      heads.heads = 8;
      keep (&y, &heads, 5, 2, foreign ? r : NULL);
      for (int j = 0; j < 2; j++)
        ck_assert_mem_eq (x.tables[j], y.tables[j], 8 * 16 * sizeof (double));
      drop (&x);
      drop (&y);

      /* With a rate that changes nothing, two scales of the same product see the same losses.  */
      struct qk_training relation
          = { .task = QK_TASK_RELATION, .d = 16, .scale = 0.25, .rate = 1e-300, .steps = 6 };
      keep (&x, &relation, 5, 2, foreign ? r : NULL);
      relation.scale = 1;
      relation.shrink = 2;
      relation.optimizer = QK_ADAM;
      keep (&y, &relation, 5, 2, foreign ? r : NULL);
      ck_assert_mem_eq (x.curve, y.curve, 7 * sizeof *x.curve);
      for (size_t j = 1; j < 6; j++)
        ck_assert (x.curve[j] != x.curve[0]); /* fresh examples */
      drop (&x);
      drop (&y);
    }
  gsl_rng_free (r);
}
END_TEST

/* No run crosses a floor or a ceiling, at whatever rate.  */
START_TEST (floors_hold)
{
  for (int i = 0; i < 60 * effort (); i++)
    {
      struct qk_training t = { .optimizer = QK_ADAM,
                               .steps = 200,
                               .scale = 1,
                               .rate = qk_training_rate (QK_ADAM, 1, (size_t)(2 + i % 5)) };
      int kind = i % 4;
      if (kind == 0)
        {
          t.task = QK_TASK_CYCLE;
          t.shared = true;
          t.loss = QK_LOSS_LOG;
          t.heads = (size_t)(1 + i / 4 % 3);
          t.d = (size_t)(1 + i % 9);
        }
      else if (kind == 1)
        {
          t.task = QK_TASK_HEADS;
          t.targets = 4;
          t.heads = (size_t)1 << i / 4 % 3;
        }
      else
        {
          t.task = kind == 2 ? QK_TASK_TABLE : QK_TASK_NUMBER;
          t.d = kind == 2 ? 1 : (size_t)(1 + i % 32);
          t.additive = kind == 2 && i % 8 == 2;
        }
      struct qk_trained r = run_once (&t, 8, (uint64_t)i);
      ck_assert_msg (r.diverged || r.lowest >= qk_training_floor (&t) - 1e-12, "run %d: %.17g", i,
                     r.lowest);
      ck_assert_msg (r.accuracy <= qk_training_ceiling (&t), "run %d: accuracy %g", i, r.accuracy);
      ck_assert (kind > 1 || qk_training_floor (&t) > 0 || t.heads == 4);
      ck_assert (kind < 2 || qk_training_ceiling (&t) < 1);
    }
}
END_TEST

/* In small, what training shows.  */
START_TEST (plateau)
{
  struct qk_training t = {
    .task = QK_TASK_TABLE, .d = 256, .scale = 1, .optimizer = QK_ADAM, .rate = 1. / 64, .steps = 300
  };
  for (uint64_t unit = 0; unit < 3; unit++)
    {
      t.scale = 1;
      struct qk_trained r = run_once (&t, 1, unit);
      ck_assert_double_gt (r.last, 0.3);
      ck_assert_double_eq (r.tenth, 301);
      double spread = r.gradient[2] / r.gradient[0];
      t.scale = 0.0625;
      r = run_once (&t, 1, unit);
      ck_assert_double_lt (r.last, 0.001);
      ck_assert_double_eq (r.accuracy, 1);
      /* Some queries learn at once, others not at all.  */
      ck_assert_double_gt (spread, 100 * r.gradient[2] / r.gradient[0]);
    }
}
END_TEST

START_TEST (cycles_and_heads)
{
  struct qk_training t = { .task = QK_TASK_CYCLE,
                           .loss = QK_LOSS_LOG,
                           .shared = true,
                           .d = 8,
                           .optimizer = QK_ADAM,
                           .rate = 0.0625,
                           .steps = 400 };
  ck_assert_double_le (run_once (&t, 1, 0).last, M_LN2 + 0.001);
  for (t.pattern = QK_PATTERN_CHAIN; t.pattern <= QK_PATTERN_SELF; t.pattern++)
    {
      struct qk_trained r = run_once (&t, 1, 0);
      ck_assert_double_lt (r.last, 0.005);
      ck_assert_double_eq (r.accuracy, 1);
    }
  t.pattern = QK_PATTERN_CYCLE;
  t.shared = false;
  ck_assert_double_lt (run_once (&t, 1, 0).last, 0.005);

  struct qk_training heads = { .task = QK_TASK_HEADS,
                               .heads = 2,
                               .targets = 2,
                               .optimizer = QK_ADAM,
                               .rate = 1. / 64,
                               .steps = 500,
                               .parts = 2 };
  struct qk_trained r = run_once (&heads, 1, 0);
  ck_assert_double_lt (r.last, 0.005);
  ck_assert_double_eq (r.accuracy, 1);
  ck_assert_double_eq_tol (r.removed, 0.5, 0.01);
  ck_assert_double_eq_tol (r.refitted, 0.5, 0.01);

  struct qk_training relation = { .task = QK_TASK_RELATION,
                                  .d = 16,
                                  .scale = 0.25,
                                  .optimizer = QK_ADAM,
                                  .rate = 1. / 64,
                                  .steps = 200 };
  r = run_once (&relation, 1, 0);
  ck_assert_double_gt (r.accuracy, 0.98);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  kernels = qk_kernels_find (NULL);
  Suite *suite = suite_create ("training");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, reparametrisation);
  tcase_add_test (exact, rates);
  tcase_add_test (exact, scales);
  tcase_add_test (exact, floors);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, refused);
  tcase_add_test (edges, divergence);
  tcase_add_test (edges, no_steps);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_test (twin, tables_by_address);
  tcase_add_test (twin, results_of_curves);
  suite_add_tcase (suite, twin);

  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, pure);
  tcase_add_test (laws, paired_arms);
  tcase_add_test (laws, floors_hold);
  tcase_add_test (laws, plateau);
  tcase_add_test (laws, cycles_and_heads);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, laws);
  return run (suite);
}
