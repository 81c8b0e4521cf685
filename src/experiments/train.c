/* train.c -- what training settles: small tasks, each built so that one mechanism decides.

   Three kinds of case: runs that choose a rate, on seeds of their own; runs that are judged, which
   come later and take that rate; and pairs of runs that must agree to the bit.  The independent
   unit is a seed: a run is a row.  Arms of a task and d consume the same random numbers, so their
   differences and ratios are paired by seed.  */

#include "../enclose.h"
#include "../experiment.h"
#include "../message.h"
#include "../store.h"
#include "../training.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  SEEDS = 24,
  FAST_SEEDS = 12,
  FAST_DK = 64,      /* --fast trains no wider */
  TUNING_SEEDS = 6,  /* that choose a rate */
  MAX_STEPS = 10000, /* so that --curves stays small */
  SKETCH = 12        /* characters of a picture */
};

/* A run is solved once its loss was below this.  */
static const double SOLVED = 0.1;

/* Rates whose mean loss is so near the best are as good; the middle one is taken.  */
static const double AS_GOOD = 0.01;

/* What rounding may take off a floor or add to a ceiling; and to how much a loss is told, which is
   more than rounding makes of one.  */
static const double FLOOR_ROOM = 1e-9, LOSS_ROOM = 5e-7;

/* ---- Arms ------------------------------------------------------------------------------------ */

enum name
{
  UNSCALED,
  SCALED,
  POWER,
  UNSCALED_LOG,
  SCALED_LOG,
  REPARAMETRISED,
  SAME_RATE,
  SEPARATE,
  SHARED,
  SEPARATE_SQUARED,
  SHARED_SQUARED,
  CHAIN,
  PAIRS,
  SELF,
  SEVERAL,
  HEADS,
  DIMENSIONS,
  ADDITIVE,
  NUMBER_DOT,
  NUMBER_ADDITIVE
};

static const char *const names[] = { "unscaled",
                                     "scaled",
                                     "power",
                                     "unscaled_log",
                                     "scaled_log",
                                     "reparametrised",
                                     "same_rate",
                                     "separate",
                                     "shared",
                                     "separate_squared",
                                     "shared_squared",
                                     "chain",
                                     "pairs",
                                     "self",
                                     "several",
                                     "heads",
                                     "dimensions",
                                     "additive",
                                     "number_dot",
                                     "number_additive",
                                     NULL };

static const char *const optimizers[] = { "sgd", "adam", NULL };

/* What a case trains.  */
struct arm
{
  struct qk_training t; /* its scale and rate are set where it is run */
  const char *task;     /* as the user names it */
  enum name name;
  double alpha;            /* scores are divided by d^alpha */
  bool by_area;            /* its rate is that of the least area */
  const struct arm *tuned; /* whose rate it takes: its own, but for same_rate */
  size_t losses;           /* room for the curve in a row; 0: none */
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

enum
{
  T_RATE,
  T_LAST,
  T_AREA
};

static const struct qk_column tuning_columns[]
    = { { "rate", 1 }, { "last", 1 }, { "area", 1 }, { 0 } };

enum
{
  FIRST,
  LAST,
  LOWEST,
  AREA,
  TENTH,
  ACCURACY,
  GRADIENT,
  DIVERGED = GRADIENT + 3,
  REMOVED,
  REMOVED_WORST,
  REFITTED,
  REFITTED_WORST,
  ALIGNMENT,
  COURSE,
  CURVE = COURSE + SKETCH
};

#define RUN_COLUMNS                                                                                \
  { "first", 1 }, { "last", 1 }, { "lowest", 1 }, { "area", 1 }, { "tenth", 1 },                   \
      { "accuracy", 1 }, { "gradient", 3 }, { "diverged", 1 }, { "removed", 1 },                   \
      { "removed_worst", 1 }, { "refitted", 1 }, { "refitted_worst", 1 }, { "alignment", 1 },      \
  {                                                                                                \
    "course", SKETCH                                                                               \
  }

static const struct qk_column run_columns[] = { RUN_COLUMNS, { 0 } };
static const struct qk_column twin_columns[] = { { "mismatches", 1 }, { 0 } };

/* The training of an arm, with its scale.  */
static struct qk_training
scaled (const struct arm *a, const struct qk_kernels *kernels)
{
  struct qk_training t = a->t;
  bool scale = !t.additive && t.task != QK_TASK_HEADS;
  t.scale = scale ? qk_training_scale (t.d, a->alpha, kernels) : 1;
  return t;
}

/* Which rate of its grid does best.  Row i of the table is rate i % rates of seed i / rates.  */
static size_t
choose (const struct arm *tuned, const struct qk_table *t)
{
  double mean[QK_TRAINING_RATES] = { 0 };
  size_t rates = qk_training_rates (tuned->t.optimizer);
  for (size_t i = 0; i < t->rows; i++)
    mean[i % rates] += t->data[i * t->columns + (tuned->by_area ? T_AREA : T_LAST)];
  for (size_t i = 0; i < rates; i++)
    mean[i] /= TUNING_SEEDS;
  return qk_training_choose (mean, rates, tuned->by_area ? 0 : AS_GOOD);
}

/* The same with the rate that tuning chose.  */
static struct qk_training
tuned (const struct arm *a, const struct qk_table *t, const struct qk_kernels *kernels)
{
  struct qk_training run = scaled (a, kernels);
  double scale = scaled (a->tuned, kernels).scale;
  run.rate = qk_training_rate (run.optimizer, scale, choose (a->tuned, t));
  return run;
}

static int
tuning_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct arm *a = c->own;
  struct qk_training t = scaled (a, work->kernels);
  struct qk_trained result;
  size_t rates = qk_training_rates (t.optimizer);
  t.rate = qk_training_rate (t.optimizer, t.scale, index % rates);
  t.parts = 0;
  qk_training_run (&result, &t, work->seed, QK_TUNING + index / rates, work->kernels, &work->source,
                   work->scratch, NULL);
  row[T_RATE] = t.rate;
  row[T_LAST] = result.last;
  row[T_AREA] = result.area;
  return 0;
}

/* What a run is kept in besides its row, behind the room of the run itself.  */
struct keepsake
{
  struct qk_trace trace;
  struct qk_store rest; /* what follows it */
};

static size_t
width_of (const struct qk_training *t)
{
  return t->task == QK_TASK_HEADS ? 16 : t->d;
}

/* memory NULL: only counted.  */
static struct keepsake
lay (const struct qk_training *t, void *memory)
{
  struct keepsake k = { .rest = { memory, 0 } };
  size_t table = qk_training_rows (t) * width_of (t);
  qk_store_bytes (&k.rest, qk_training_room (t));
  k.trace.curve = qk_store_take (&k.rest, t->steps + 1);
  k.trace.first_q = qk_store_take (&k.rest, table);
  k.trace.first_k = qk_store_take (&k.rest, table);
  k.trace.last_q = qk_store_take (&k.rest, table);
  k.trace.last_k = qk_store_take (&k.rest, table);
  return k;
}

/* Correlation of the components of the queries with those of the keys that they want.  */
static double
alignment (const struct qk_trace *trace, size_t d)
{
  double n = (double)(trace->rows * d), q1 = 0, k1 = 0, qq = 0, kk = 0, qk = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t a = 0; a < trace->rows; a++)
      for (size_t i = 0; i < d; i++)
        {
          double q = trace->last_q[a * d + i], k = trace->last_k[trace->target[a] * d + i];
          if (pass == 0)
            {
              q1 += q / n;
              k1 += k / n;
              continue;
            }
          qq += (q - q1) * (q - q1);
          kk += (k - k1) * (k - k1);
          qk += (q - q1) * (k - k1);
        }
  double size = sqrt (qq) * sqrt (kk);
  return size > 0 && isfinite (qk / size) ? qk / size : 0;
}

/* Mean losses of as many equal parts of the curve as a picture has characters.  */
static void
sketch_curve (double course[SKETCH], const double *curve, size_t losses)
{
  for (size_t i = 0; i < SKETCH; i++)
    {
      size_t from = i * losses / SKETCH, to = (i + 1) * losses / SKETCH;
      double sum = 0;
      if (to == from)
        to++;
      for (size_t j = from; j < to; j++)
        sum += curve[j];
      course[i] = sum / (double)(to - from);
    }
}

static int
runs_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct arm *a = c->own;
  struct qk_training t = tuned (a, &work->tables[c->needs - 1], work->kernels);
  struct keepsake kept = lay (&t, work->scratch);
  struct qk_trained result;
  qk_training_run (&result, &t, work->seed, index, work->kernels, &work->source, work->scratch,
                   &kept.trace);
  row[FIRST] = result.first;
  row[LAST] = result.last;
  row[LOWEST] = result.lowest;
  row[AREA] = result.area;
  row[TENTH] = result.tenth;
  row[ACCURACY] = result.accuracy;
  memcpy (row + GRADIENT, result.gradient, sizeof result.gradient);
  row[DIVERGED] = result.diverged;
  row[REMOVED] = result.removed;
  row[REMOVED_WORST] = result.removed_worst;
  row[REFITTED] = result.refitted;
  row[REFITTED_WORST] = result.refitted_worst;
  row[ALIGNMENT] = alignment (&kept.trace, width_of (&t));
  sketch_curve (row + COURSE, kept.trace.curve, t.steps + 1);
  for (size_t i = 0; i < a->losses; i++)
    row[CURVE + i] = i <= t.steps ? kept.trace.curve[i] : NAN;
  return 0;
}

/* The scaled model is the unscaled one whose first Q and K are smaller by d^(1/4), at another rate:
   its gradient is larger by as much.  Exact where d^(1/4) is a power of two.  */
static struct qk_training
reparametrised (struct qk_training t)
{
  double root = sqrt (sqrt ((double)t.d));
  t.scale = 1;
  t.shrink = root;
  t.rate /= t.optimizer == QK_SGD ? root * root : root;
  t.epsilon = 1e-8 * root;
  return t;
}

static int
twins_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct arm *a = c->own;
  struct qk_training t = tuned (a, &work->tables[c->needs - 1], work->kernels);
  struct qk_training other = reparametrised (t);
  struct keepsake kept = lay (&t, work->scratch);
  struct qk_trained result;
  size_t losses = t.steps + 1;
  double *one = qk_store_take (&kept.rest, 2 * losses);
  struct qk_trace trace = { .curve = one };
  qk_training_run (&result, &t, work->seed, index, work->kernels, &work->source, work->scratch,
                   &trace);
  trace.curve = one + losses;
  qk_training_run (&result, &other, work->seed, index, work->kernels, &work->source, work->scratch,
                   &trace);
  *row = 0;
  for (size_t i = 0; i < losses; i++)
    *row += one[i] != one[losses + i];
  return 0;
}

static const struct qk_kind tuning_kind
    = { .name = "tuning", .unit = "run", .columns = tuning_columns, .block = tuning_block };
static const struct qk_kind runs_kind = {
  .name = "runs", .unit = "seed", .columns = run_columns, .later = true, .block = runs_block
};
static const struct qk_kind twins_kind = {
  .name = "twins", .unit = "seed", .columns = twin_columns, .later = true, .block = twins_block
};

/* ---- Quantities ------------------------------------------------------------------------------ */

enum quantity
{
  FINAL_LOSS,
  UNSOLVED,
  RIGHT,
  LOSS_AREA,
  REMOVAL_LOSS,
  LOSS_DIFFERENCE,
  AREA_DIFFERENCE,
  AREA_RATIO,
  REMOVAL_DIFFERENCE,
  FLOOR_VIOLATIONS,
  MISMATCHES,
  RUNS_DIVERGED,
  MEAN_LOSS,
  STEPS_TO_TENTH,
  ALIGNED
};

static const struct qk_quantity quantities[] = {
  { "final_loss", "loss", "1", QK_COLUMN, "as DESCRIPTION says of the task",
    "Median over seeds of the loss after the last step. Its interval ends no nearer than 5e-7, "
    "for a loss is a sum of rounded terms." },
  { "unsolved", "unsolved", "1", QK_COLUMN, "above or below 1/2",
    "Share of seeds whose loss is never below 0.1." },
  { "accuracy", "right", "1", QK_COLUMN, "as DESCRIPTION says of the task",
    "Median over seeds of the share of queries whose target has strictly the largest weight." },
  { "loss_area", "area", "1", QK_DETAIL, NULL, "Median over seeds of the mean loss of all steps." },
  { "removal_loss", "after removal", "1", QK_LINE, "as DESCRIPTION says of the task",
    "Median over seeds of the loss after one of h heads, or as large a share of the dimensions of "
    "a single head, is removed; by row: the mean over which, or the worst, with the readout as "
    "trained or fitted anew by least squares." },
  { "loss_difference", "loss, less", "1", QK_LINE, "as DESCRIPTION says of the task",
    "Median over seeds of the difference of the final losses of two arms with the same random "
    "numbers." },
  { "area_difference", "area, less", "1", QK_LINE, "as DESCRIPTION says of the task",
    "The same of the mean losses of all steps." },
  { "area_ratio", "area, ratio", "1", QK_LINE, "as DESCRIPTION says of the task",
    "The same, as a ratio." },
  { "removal_difference", "removal, less", "1", QK_LINE, "as DESCRIPTION says of the task",
    "Median over seeds of the mean loss after removing one of h heads, less that after removing "
    "one h-th of the dimensions of a single head." },
  { "floor_violations", "below the floor", "1", QK_ASIDE, "none",
    "Runs with a loss, at any step, below the lowest that any parameters reach, or an accuracy "
    "above the highest: theorems, so that one run would be an error of this program." },
  { "reparametrisation_mismatches", "losses that differ", "1", QK_ASIDE, "none",
    "Losses, of all steps and seeds, in which the scaled model differs in any bit from the "
    "unscaled one with Q and K divided by d_k^(1/4) and the rate changed to match." },
  { "diverged", "diverged", "1", QK_ASIDE, NULL,
    "Runs of a task that left the range of numbers; what follows counts as a loss of 9." },
  { "final_loss_mean", "mean loss", "1", QK_DETAIL, NULL,
    "Mean over the seeds of this run of the loss after the last step." },
  { "steps_to_tenth", "steps to 0.1", "1", QK_DETAIL, NULL,
    "Median over seeds of the steps until the loss is below 0.1; one more than all: never." },
  { "alignment", "alignment", "1", QK_DETAIL, NULL,
    "Median over seeds of the correlation, after training, of the components of queries with those "
    "of the keys that they want." },
  { 0 }
};

/* ---- Plan ------------------------------------------------------------------------------------ */

/* What a task is planned with.  */
struct context
{
  struct qk_plan *plan;
  const char *task, *claim;
  bool standard;              /* its steps are those of the table */
  const struct qk_kind *runs; /* runs_kind, or one with room for curves */
  size_t losses;              /* that room */
  const struct qk_params *p;
};

/* A task, its default head dimensions, and its default steps.  */
struct task
{
  const char *name, *claim;
  double dk[4], fast_dk[4]; /* of --fast; 0 after the last */
  double steps;
  bool both; /* SGD too by default */
  void (*plan) (const struct context *x, const struct task *task);
};

static bool
lists (const struct qk_list *list, double value)
{
  for (size_t i = 0; i < list->n; i++)
    if (list->value[i] == value)
      return true;
  return list->n == 0;
}

/* Head dimension i of a task, or 0: there are no more.  */
static size_t
dk_at (const struct context *x, const struct task *task, size_t i)
{
  if (x->p->dk.n)
    return i < x->p->dk.n ? (size_t)x->p->dk.value[i] : 0;
  return i < 4 ? (size_t)(x->p->fast ? task->fast_dk : task->dk)[i] : 0;
}

static size_t
widest (const struct context *x, const struct task *task)
{
  size_t most = 0, d;
  for (size_t i = 0; (d = dk_at (x, task, i)); i++)
    most = d > most ? d : most;
  return most;
}

static bool
wants_optimizer (const struct context *x, const struct task *task, int optimizer)
{
  return x->p->optimizer.n ? lists (&x->p->optimizer, optimizer)
                           : task->both || optimizer == QK_ADAM;
}

/* Everything the numbers of a run depend on but its seed.  */
static const char *
identity (const struct context *x, const char *kind, const struct arm *a)
{
  const struct qk_training *t = &a->t;
  return qk_plan_print (x->plan,
                        "train %s task=%d pattern=%d loss=%d additive=%d shared=%d heads=%zu "
                        "targets=%zu d=%zu alpha=%.17g optimizer=%d steps=%zu parts=%zu%s",
                        kind, t->task, t->pattern, t->loss, t->additive, t->shared, t->heads,
                        t->targets, t->d, a->alpha, t->optimizer, t->steps,
                        strcmp (kind, "tuning") ? t->parts : 0,
                        a->tuned == a ? "" : " rate of another");
}

/* The case with that identity, old or new.  */
static size_t
add_case (const struct context *x, const struct qk_kind *kind, struct arm *a, const char *id)
{
  struct qk_plan *plan = x->plan;
  if (!id)
    return 0;
  for (size_t i = 0; i < plan->n_cases; i++)
    if (plan->cases[i].cell == qk_cell (id, 0))
      return i;
  const struct qk_training *t = &a->t;
  char label[QK_WHY], more[QK_WHY] = "";
  if (t->task == QK_TASK_HEADS || t->heads > 1)
    snprintf (more, sizeof more, " h=%zu m=%zu", t->heads, t->targets);
  if (t->parts && a->name == DIMENSIONS)
    snprintf (more, sizeof more, " 1/%zu m=%zu", t->parts, t->targets);
  if (a->name == POWER)
    snprintf (more, sizeof more, " %.6g", a->alpha);
  snprintf (label, sizeof label, "%s%s %s%s d_k=%zu %s", kind == &tuning_kind ? "rate of " : "",
            a->task, names[a->name], more, t->task == QK_TASK_HEADS ? 16 / t->heads : t->d,
            optimizers[t->optimizer]);
  return qk_plan_case (plan, kind, label, id, a);
}

/* Add an arm: 1 + its case; 0: it is not wanted, or there is no memory.  */
static size_t
add_arm (const struct context *x, const struct qk_kind *kind, struct arm like,
         const struct arm *rate_of)
{
  struct qk_plan *plan = x->plan;
  if (!lists (&x->p->arm, like.name))
    return 0;
  struct arm *a = qk_plan_alloc (plan, sizeof *a), *own = qk_plan_alloc (plan, sizeof *own);
  if (!a || !own)
    return 0;
  like.task = x->task;
  like.losses = x->losses;
  *own = like; /* what tunes it has an arm of its own, for parts may differ */
  own->t.parts = 0;
  own->tuned = own;
  *a = like;
  size_t rate = add_case (x, &tuning_kind, own, identity (x, "tuning", own));
  if (rate_of)
    {
      struct arm *other = qk_plan_alloc (plan, sizeof *other);
      if (!other)
        return 0;
      *other = *rate_of;
      other->task = x->task;
      other->tuned = other;
      rate = add_case (x, &tuning_kind, other, identity (x, "tuning", other));
    }
  if (plan->full)
    return 0;
  a->tuned = plan->cases[rate].own;
  const char *id = qk_plan_print (plan, "%s%s", identity (x, kind->name, a),
                                  rate_of ? " with the rate of scaled" : "");
  size_t c = add_case (x, kind, a, id);
  if (plan->full)
    return 0;
  plan->cases[c].needs = rate + 1;
  return c + 1;
}

static const struct arm *
arm_of (const struct context *x, size_t run)
{
  return x->plan->cases[run - 1].own;
}

/* The case of a finding.  name: of the arm, or of a pair.  */
static const struct qk_key *
keys_of (const struct context *x, const struct arm *a, const char *name)
{
  struct qk_key *keys = qk_plan_keys (x->plan);
  const struct qk_training *t = &a->t;
  bool heads = t->task == QK_TASK_HEADS;
  qk_key_add (keys, (struct qk_key){ .name = "task", .text = x->task });
  qk_key_add (keys, (struct qk_key){ .name = "arm", .text = name });
  if (heads)
    {
      qk_key_add (keys, (struct qk_key){ .name = "heads", .number = (double)t->heads });
      qk_key_add (keys, (struct qk_key){ .name = "targets", .number = (double)t->targets });
    }
  qk_key_add (keys,
              (struct qk_key){ .name = "d_k", .number = (double)(heads ? 16 / t->heads : t->d) });
  qk_key_add (keys, (struct qk_key){ .name = "optimizer", .text = optimizers[t->optimizer] });
  if (!heads && t->heads > 1)
    qk_key_add (keys, (struct qk_key){ .name = "heads", .number = (double)t->heads });
  if (a->name == POWER)
    qk_key_add (keys, (struct qk_key){ .name = "alpha", .number = a->alpha });
  return keys;
}

/* A described statement on runs; NULL: nobody asks for it, or an arm of it is missing.  */
static struct qk_statement *
state (const struct context *x, enum quantity q, enum qk_method method, size_t one, size_t other,
       const struct qk_key *key)
{
  const size_t source[] = { one - 1, other - 1 };
  if (!one || !qk_plan_wants (x->plan, quantities[q].name))
    return NULL;
  struct qk_statement *s = qk_plan_statement (x->plan, quantities[q].name, source, other ? 2 : 1);
  s->claim = x->claim;
  s->method = method;
  s->key = key;
  return s;
}

/* Judge it as the table does, where the options are those of the table.  */
static void
judge (const struct context *x, struct qk_statement *s, double lo, double hi)
{
  bool sampled = s && qk_method_sampled (s->method);
  if (!s || (sampled && (!x->standard || x->p->fast || x->p->expected)))
    return;
  s->judged = true;
  s->band = (struct qk_band){ lo, hi };
}

/* What is said of every arm: its loss, and what only --quantity asks for.  Returns the statement on
   the loss.  */
static struct qk_statement *
describe_arm (const struct context *x, size_t run)
{
  static const enum quantity asked[] = { STEPS_TO_TENTH, ALIGNED };
  if (!run)
    return NULL;
  const struct qk_key *key = keys_of (x, arm_of (x, run), names[arm_of (x, run)->name]);
  for (size_t i = 0; i < 2 && x->p->quantity.n; i++)
    state (x, asked[i], QK_BY_ORDER, run, 0, key);
  state (x, MEAN_LOSS, QK_BY_EXACT, run, 0, key);
  struct qk_statement *s = state (x, FINAL_LOSS, QK_BY_ORDER, run, 0, key);
  if (s && x->p->expected)
    {
      s->judged = !x->p->fast;
      s->band = x->p->expect;
    }
  return s;
}

static struct qk_statement *
describe_share (const struct context *x, enum quantity q, enum qk_method method, size_t run)
{
  return run ? state (x, q, method, run, 0,
                      keys_of (x, arm_of (x, run), names[arm_of (x, run)->name]))
             : NULL;
}

/* One arm against another, which both have to be there.  */
static struct qk_statement *
compare (const struct context *x, enum quantity q, size_t one, size_t other, const char *pair)
{
  return one && other ? state (x, q, QK_BY_ORDER, one, other, keys_of (x, arm_of (x, one), pair))
                      : NULL;
}

/* No run crosses the floor or the ceiling of its arm.  */
static void
state_floor (const struct context *x, size_t run)
{
  if (run)
    judge (x, describe_share (x, FLOOR_VIOLATIONS, QK_BY_BOUND, run), -INFINITY, 0);
}

/* Nothing diverges: counted over all arms of the task.  */
static void
state_diverged (const struct context *x, const size_t *run, size_t n)
{
  if (!n || !qk_plan_wants (x->plan, quantities[RUNS_DIVERGED].name))
    return;
  struct qk_statement *s = qk_plan_statement (x->plan, quantities[RUNS_DIVERGED].name, run, n);
  struct qk_key *keys = qk_plan_keys (x->plan);
  qk_key_add (keys, (struct qk_key){ .name = "task", .text = x->task });
  s->claim = x->claim;
  s->method = QK_BY_EXACT;
  s->key = keys;
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static struct arm
table_arm (const struct context *x, const struct task *task, enum name name, size_t d,
           int optimizer, double alpha)
{
  double steps = x->p->steps > 0 ? x->p->steps : task->steps;
  return (struct arm){ .name = name,
                       .alpha = alpha,
                       .t = { .task = QK_TASK_TABLE,
                              .d = d,
                              .optimizer = (enum qk_optimizer)optimizer,
                              .steps = (size_t)steps } };
}

static enum name
name_of_power (double alpha)
{
  return alpha == 0 ? UNSCALED : alpha == 0.5 ? SCALED : POWER;
}

/* The exponents that are compared: those of --alpha, else 0 and 1/2, and at the widest d with Adam
   three more.  */
static size_t
exponents (double alpha[static QK_TRAINING_RATES], const struct context *x, bool more)
{
  static const double standard[] = { 0, 0.5, 0.25, 0.75, 1 };
  size_t n = 0;
  for (size_t i = 0; x->p->alpha.n && i < x->p->alpha.n && n < QK_TRAINING_RATES; i++)
    alpha[n++] = x->p->alpha.value[i];
  for (size_t i = 0; !x->p->alpha.n && i < (more ? 5 : 2); i++)
    alpha[n++] = standard[i];
  return n;
}

/* The share of seeds that never solve the table.  */
static void
judge_share (const struct context *x, struct qk_statement *s, const struct arm *a)
{
  bool control = a->name == UNSCALED_LOG || a->name == SCALED_LOG;
  bool power = a->t.optimizer == QK_ADAM && (a->alpha == 0.75 || a->alpha == 1);
  bool wide = a->t.d == 256 && (control || a->name == SCALED || power);
  bool narrow = a->t.d == 4 && (a->name == UNSCALED || a->name == SCALED);
  if (a->t.d == 256 && a->name == UNSCALED)
    judge (x, s, 0.5, INFINITY);
  else if (wide || narrow)
    judge (x, s, -INFINITY, 0.5);
}

static size_t
plan_table_arm (const struct context *x, struct arm like)
{
  size_t run = add_arm (x, x->runs, like, NULL);
  if (!run)
    return 0;
  describe_arm (x, run);
  judge_share (x, describe_share (x, UNSOLVED, QK_BY_BINOMIAL, run), arm_of (x, run));
  describe_share (x, LOSS_AREA, QK_BY_ORDER, run);
  return run;
}

static void
plan_plateau_at (const struct context *x, const struct task *task, int optimizer, size_t d,
                 size_t *runs, size_t *n)
{
  bool wide = d == widest (x, task), adam = optimizer == QK_ADAM;
  double alpha[QK_TRAINING_RATES];
  size_t powers = exponents (alpha, x, wide && adam && d > 4), pair[2] = { 0 };
  for (size_t i = 0; i < powers; i++)
    {
      enum name name = name_of_power (alpha[i]);
      size_t run = plan_table_arm (x, table_arm (x, task, name, d, optimizer, alpha[i]));
      if (name <= SCALED)
        pair[name] = run;
      if (run)
        runs[(*n)++] = run - 1;
    }
  struct qk_statement *s = compare (x, AREA_DIFFERENCE, pair[0], pair[1], "unscaled-scaled");
  if (d == 256)
    judge (x, s, 0.5, INFINITY);
  if (d < 16)
    s = compare (x, LOSS_DIFFERENCE, pair[0], pair[1], "unscaled-scaled");
  if (d == 4)
    judge (x, s, -INFINITY, 0.01);
  for (int i = 0; wide && i < 2; i++)
    {
      struct arm control
          = table_arm (x, task, i ? SCALED_LOG : UNSCALED_LOG, d, optimizer, i ? 0.5 : 0);
      control.t.loss = QK_LOSS_LOG;
      size_t run = plan_table_arm (x, control);
      if (run)
        runs[(*n)++] = run - 1;
    }
  double root = sqrt (sqrt ((double)d));
  if (d > 1 && root == exp2 (rint (log2 (root))))
    {
      size_t run
          = add_arm (x, &twins_kind, table_arm (x, task, REPARAMETRISED, d, optimizer, 0.5), NULL);
      judge (x, describe_share (x, MISMATCHES, QK_BY_EXACT, run), 0, 0);
    }
}

enum
{
  MOST_RUNS = 4 * 1024 * (QK_TRAINING_RATES + 2) /* of a task: optimizers, --dk, exponents */
};

static void
plan_plateau (const struct context *x, const struct task *task)
{
  size_t *runs = qk_plan_alloc (x->plan, 2 * MOST_RUNS * sizeof *runs), n = 0, d;
  for (int optimizer = QK_SGD; runs && optimizer <= QK_ADAM; optimizer++)
    for (size_t i = 0; wants_optimizer (x, task, optimizer) && (d = dk_at (x, task, i)); i++)
      plan_plateau_at (x, task, optimizer, d, runs, &n);
  state_diverged (x, runs, n);
}

static struct arm
relation_arm (const struct context *x, const struct task *task, enum name name, size_t d,
              int optimizer, double alpha)
{
  struct arm a = table_arm (x, task, name, d, optimizer, alpha);
  a.t.task = QK_TASK_RELATION;
  a.by_area = true;
  return a;
}

static size_t
plan_relation_arm (const struct context *x, struct arm like, const struct arm *rate_of)
{
  size_t run = add_arm (x, x->runs, like, rate_of);
  describe_arm (x, run);
  struct qk_statement *s = describe_share (x, RIGHT, QK_BY_ORDER, run);
  if (like.t.d == 256 && like.name == SAME_RATE && like.t.optimizer == QK_SGD)
    judge (x, s, -INFINITY, 0.5);
  else if (like.t.d == 256 && like.name != POWER)
    judge (x, s, 0.98, INFINITY);
  if (like.name != SAME_RATE)
    describe_share (x, LOSS_AREA, QK_BY_ORDER, run);
  return run;
}

static void
plan_relation (const struct context *x, const struct task *task)
{
  size_t d;
  for (int optimizer = QK_SGD; optimizer <= QK_ADAM; optimizer++)
    for (size_t i = 0; wants_optimizer (x, task, optimizer) && (d = dk_at (x, task, i)); i++)
      {
        double alpha[QK_TRAINING_RATES];
        size_t powers = exponents (alpha, x, false), pair[2] = { 0 };
        for (size_t j = 0; j < powers; j++)
          {
            enum name name = name_of_power (alpha[j]);
            size_t run
                = plan_relation_arm (x, relation_arm (x, task, name, d, optimizer, alpha[j]), NULL);
            if (name <= SCALED)
              pair[name] = run;
          }
        struct qk_statement *s = compare (x, AREA_RATIO, pair[0], pair[1], "unscaled/scaled");
        if (d == 256)
          judge (x, s, 3, 30);
        else if (d == 4)
          judge (x, s, 0.95, 1.1);
        struct arm best = relation_arm (x, task, SCALED, d, optimizer, 0.5);
        if (d == widest (x, task) && d > 4)
          plan_relation_arm (x, relation_arm (x, task, SAME_RATE, d, optimizer, 0), &best);
      }
}

static struct arm
cycle_arm (const struct context *x, const struct task *task, enum name name, size_t d,
           int optimizer)
{
  struct arm a = table_arm (x, task, name, d, optimizer, 0.5);
  bool squared = name == SEPARATE_SQUARED || name == SHARED_SQUARED;
  a.t.task = QK_TASK_CYCLE;
  a.t.heads = 1;
  a.t.loss = squared ? QK_LOSS_SQUARED : QK_LOSS_LOG;
  a.t.shared = name != SEPARATE && name != SEPARATE_SQUARED;
  a.t.pattern = name == CHAIN   ? QK_PATTERN_CHAIN
                : name == PAIRS ? QK_PATTERN_PAIRS
                : name == SELF  ? QK_PATTERN_SELF
                                : QK_PATTERN_CYCLE;
  return a;
}

static void
plan_cycle_at (const struct context *x, const struct task *task, int optimizer, size_t d)
{
  static const enum name names_of[]
      = { SHARED, SEPARATE, SHARED_SQUARED, SEPARATE_SQUARED, CHAIN, PAIRS, SELF };
  for (size_t i = 0; i < sizeof names_of / sizeof *names_of; i++)
    {
      enum name name = names_of[i];
      bool squared = name == SHARED_SQUARED || name == SEPARATE_SQUARED;
      bool table = (d == 4 || d == 8 || d == 16) && optimizer == QK_ADAM && !squared;
      size_t run = add_arm (x, x->runs, cycle_arm (x, task, name, d, optimizer), NULL);
      struct qk_statement *s = describe_arm (x, run);
      if (table)
        judge (x, s, -INFINITY, name == SHARED ? log (2) + 0.001 : 0.001);
      s = describe_share (x, RIGHT, QK_BY_ORDER, run);
      if (table)
        judge (x, s, name == SHARED ? 0 : 1, name == SHARED ? 2. / 3 : 1);
      if (name == SHARED || name == SHARED_SQUARED)
        state_floor (x, run);
    }
}

/* Several shared heads, whose weights are averaged, on twice the steps.  */
static void
plan_several (const struct context *x, const struct task *task, int optimizer, size_t d)
{
  for (size_t h = 2; h <= 3; h++)
    {
      struct arm a = cycle_arm (x, task, SEVERAL, d, optimizer);
      a.t.heads = h;
      a.t.steps *= 2;
      size_t run = add_arm (x, x->runs, a, NULL);
      struct qk_statement *s = describe_arm (x, run);
      if (h == 3 && d == 16 && optimizer == QK_ADAM)
        judge (x, s, -INFINITY, 0.44);
      describe_share (x, RIGHT, QK_BY_ORDER, run);
      state_floor (x, run);
    }
}

static void
plan_cycle (const struct context *x, const struct task *task)
{
  size_t d;
  for (int optimizer = QK_SGD; optimizer <= QK_ADAM; optimizer++)
    for (size_t i = 0; wants_optimizer (x, task, optimizer) && (d = dk_at (x, task, i)); i++)
      {
        plan_cycle_at (x, task, optimizer, d);
        if (d == widest (x, task))
          plan_several (x, task, optimizer, d);
      }
}

static size_t
add_heads (const struct context *x, const struct task *task, enum name name, int optimizer,
           size_t heads, size_t targets, size_t parts)
{
  struct arm a = table_arm (x, task, name, 16, optimizer, 0.5);
  a.t.task = QK_TASK_HEADS;
  a.t.heads = heads;
  a.t.targets = targets;
  a.t.parts = parts;
  return add_arm (x, x->runs, a, NULL);
}

static void
plan_heads_of (const struct context *x, const struct task *task, int optimizer, size_t targets)
{
  size_t single = 0;
  for (size_t h = 1; h <= 16; h *= 2)
    {
      if (h == 16 && targets != 2)
        continue;
      if (x->p->fast && (h > 2 || targets > 2))
        continue;
      size_t run = add_heads (x, task, HEADS, optimizer, h, targets, h);
      double floor = h < targets ? 1 - (double)h / (double)targets : 0;
      bool table = optimizer == QK_ADAM;
      struct qk_statement *s = describe_arm (x, run);
      if (table && h <= 4)
        judge (x, s, -INFINITY, floor + 0.005);
      else if (table && h == 16)
        judge (x, s, 0.05, INFINITY);
      state_floor (x, run);
      if (h == 1)
        single = run;
      else if (targets == 1 && h <= 4)
        {
          s = compare (x, LOSS_DIFFERENCE, run, single, "heads-one");
          if (table)
            judge (x, s, -INFINITY, 0.005);
        }
    }
}

static void
plan_heads (const struct context *x, const struct task *task)
{
  for (int optimizer = QK_SGD; optimizer <= QK_ADAM; optimizer++)
    for (size_t m = 1; wants_optimizer (x, task, optimizer) && m <= 4; m *= 2)
      plan_heads_of (x, task, optimizer, m);
}

/* The four ways to look at a removal; part of a statement.  */
static const char *const removals[] = { "mean", "worst", "mean refitted", "worst refitted" };

/* Returns the statement on the mean and, in worst, that on the worst.  */
static struct qk_statement *
describe_removal (const struct context *x, size_t run, struct qk_statement **worst)
{
  struct qk_statement *first = NULL;
  size_t at[4] = { 0 };
  for (size_t i = 0; run && i < 4; i++)
    {
      struct qk_key *key
          = (struct qk_key *)keys_of (x, arm_of (x, run), names[arm_of (x, run)->name]);
      qk_key_add (key, (struct qk_key){ .name = "row", .text = removals[i] });
      struct qk_statement *s = state (x, REMOVAL_LOSS, QK_BY_ORDER, run, 0, key);
      if (!s)
        return NULL;
      s->part = i;
      at[i] = x->plan->n_statements - 1;
    }
  if (!run || x->plan->full)
    return NULL;
  first = &x->plan->statements[at[0]]; /* they move as they are added */
  *worst = &x->plan->statements[at[1]];
  return first;
}

static void
plan_removal_of (const struct context *x, const struct task *task, int optimizer)
{
  bool table = optimizer == QK_ADAM;
  for (size_t h = 1; h <= (x->p->fast ? 2 : 8); h *= 2)
    {
      struct qk_statement *s, *worst = NULL;
      size_t run = add_heads (x, task, HEADS, optimizer, h, 1, h);
      describe_removal (x, run, &worst);
      if (h == 1 || h > 4)
        continue;
      size_t single = add_heads (x, task, DIMENSIONS, optimizer, 1, 1, h);
      s = compare (x, REMOVAL_DIFFERENCE, run, single, "heads-dimensions");
      if (table)
        judge (x, s, -0.1, 0.1);
    }
  size_t run = add_heads (x, task, HEADS, optimizer, 2, 2, 2);
  struct qk_statement *worst = NULL, *s = describe_removal (x, run, &worst);
  if (table)
    {
      judge (x, s, 0.49, 0.51);
      judge (x, worst, 0.49, 0.51);
    }
}

static void
plan_removal (const struct context *x, const struct task *task)
{
  for (int optimizer = QK_SGD; optimizer <= QK_ADAM; optimizer++)
    if (wants_optimizer (x, task, optimizer))
      plan_removal_of (x, task, optimizer);
}

static size_t
plan_lowdim_arm (const struct context *x, struct arm like)
{
  size_t run = add_arm (x, x->runs, like, NULL);
  struct qk_statement *s = describe_arm (x, run);
  if (like.name == NUMBER_ADDITIVE && like.t.d == 64 && like.t.optimizer == QK_ADAM)
    judge (x, s, -INFINITY, 0.01);
  describe_share (x, RIGHT, QK_BY_ORDER, run);
  if (like.name == NUMBER_DOT || (like.t.task == QK_TASK_TABLE && like.t.d == 1))
    state_floor (x, run);
  return run;
}

static void
plan_lowdim_at (const struct context *x, const struct task *task, int optimizer, size_t d)
{
  bool table = optimizer == QK_ADAM;
  struct arm additive = table_arm (x, task, ADDITIVE, d, optimizer, 0.5);
  additive.t.additive = true;
  size_t dot = plan_lowdim_arm (x, table_arm (x, task, SCALED, d, optimizer, 0.5));
  size_t sum = plan_lowdim_arm (x, additive);
  size_t bare = d == widest (x, task) && d > 4
                    ? plan_lowdim_arm (x, table_arm (x, task, UNSCALED, d, optimizer, 0))
                    : 0;
  struct qk_statement *s = compare (x, LOSS_DIFFERENCE, sum, dot, "additive-scaled");
  if (table && d == 2)
    judge (x, s, 0.05, INFINITY);
  if (table && d == 64)
    judge (x, s, -0.01, 0.01);
  s = compare (x, LOSS_DIFFERENCE, bare, sum, "unscaled-additive");
  if (table && d == 64)
    judge (x, s, 0.3, INFINITY);
}

static void
plan_lowdim (const struct context *x, const struct task *task)
{
  static const size_t standard[] = { 2, 16, 64 };
  size_t numbers = x->p->fast ? 2 : 3;
  size_t d;
  for (int optimizer = QK_SGD; optimizer <= QK_ADAM; optimizer++)
    {
      if (!wants_optimizer (x, task, optimizer))
        continue;
      for (size_t i = 0; (d = dk_at (x, task, i)); i++)
        plan_lowdim_at (x, task, optimizer, d);
      for (size_t i = 0; (d = x->p->dk.n ? dk_at (x, task, i) : i < numbers ? standard[i] : 0); i++)
        for (int additive = 0; additive < 2; additive++)
          {
            struct arm a
                = table_arm (x, task, additive ? NUMBER_ADDITIVE : NUMBER_DOT, d, optimizer, 0.5);
            a.t.task = QK_TASK_NUMBER;
            a.t.additive = additive;
            plan_lowdim_arm (x, a);
          }
    }
}

static const struct task tasks[] = {
  { "plateau", "training-stability", { 4, 16, 64, 256 }, { 4, 16, 64 }, 300, true, plan_plateau },
  { "relation", "training-stability", { 4, 16, 64, 256 }, { 64 }, 200, true, plan_relation },
  { "cycle", "shared-training", { 4, 8, 16 }, { 4, 16 }, 400, false, plan_cycle },
  { "heads", "head-training", { 16 }, { 16 }, 500, false, plan_heads },
  { "removal", "head-robustness", { 16 }, { 16 }, 500, false, plan_removal },
  { "lowdim", "low-dimension", { 1, 2, 64 }, { 1, 2, 64 }, 300, false, plan_lowdim },
};

enum
{
  TASKS = sizeof tasks / sizeof *tasks
};

static const char *
task_word (size_t i)
{
  return i < TASKS ? tasks[i].name : NULL;
}

/* Which tasks are wanted: those named, or all.  */
static void
read_tasks (bool wanted[TASKS], const struct qk_params *p)
{
  for (size_t i = 0; i < TASKS; i++)
    {
      wanted[i] = !*p->operand;
      for (const char *const *operand = p->operand; *operand; operand++)
        wanted[i] |= !strcmp (*operand, tasks[i].name);
    }
}

/* Runs with room for their curves, as long as the longest.  */
static const struct qk_kind *
kind_with_curves (struct qk_plan *plan, size_t losses)
{
  const struct qk_column columns[] = { RUN_COLUMNS, { "curve", (unsigned)losses }, { 0 } };
  struct qk_kind *kind = qk_plan_alloc (plan, sizeof *kind);
  struct qk_column *copy = qk_plan_alloc (plan, sizeof columns);
  if (!kind || !copy)
    return &runs_kind;
  memcpy (copy, columns, sizeof columns);
  *kind = runs_kind;
  kind->columns = copy;
  return kind;
}

/* What --fast does not decide, for a note.  */
static const char *const left_out[TASKS]
    = { "plateau at d_k = 256 and its exponents",
        "relation at d_k = 256",
        "what shared and separate weights reach on cycles, chains, pairs and self",
        "heads, but for their floors",
        "removal",
        "lowdim, but for its ceilings" };

static void
warn_fast (struct qk_plan *plan, const bool wanted[TASKS])
{
  char list[1024] = "";
  for (size_t i = 0; i < TASKS; i++)
    if (wanted[i])
      snprintf (list + strlen (list), sizeof list - strlen (list), "%s%s", *list ? "; " : "",
                left_out[i]);
  qk_plan_warn (
      plan, "--fast describes and does not judge what takes d_k = 256 or more than %d seeds: %s",
      FAST_SEEDS, list);
}

static int
check_options (const struct qk_params *p, const bool wanted[TASKS], char why[static QK_WHY])
{
  bool free_dk = false, free_alpha = false;
  for (size_t i = 0; i < TASKS; i++)
    {
      free_dk |= wanted[i] && tasks[i].plan != plan_heads && tasks[i].plan != plan_removal;
      free_alpha |= wanted[i] && (tasks[i].plan == plan_plateau || tasks[i].plan == plan_relation);
    }
  if (p->dk.n && !free_dk)
    return qk_complain (why, "--dk has no place here: h heads of heads and removal share 16 "
                             "dimensions");
  if (p->alpha.n && !free_alpha)
    return qk_complain (why, "--alpha has no place here: it is about plateau and relation");
  for (size_t i = 0; i < p->dk.n; i++)
    if (p->fast && p->dk.value[i] > FAST_DK)
      return qk_complain (why, "--fast trains no wider than d_k = %d, and --dk has %.0f", FAST_DK,
                          p->dk.value[i]);
  if (p->fast && p->samples > 0)
    return qk_complain (why, "--fast takes %d seeds; it does not go with --seeds", FAST_SEEDS);
  if (p->alpha.n > QK_TRAINING_RATES)
    return qk_complain (why, "--alpha: more than %d values", QK_TRAINING_RATES);
  return 0;
}

/* Whether anything that text shows in one row with a statement is judged.  */
static bool
row_is_judged (const struct qk_plan *plan, const struct qk_statement *s)
{
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *other = &plan->statements[i];
      if (other->judged && quantities[other->quantity].show == QK_COLUMN
          && qk_keys_equal (s->key, other->key))
        return true;
    }
  return false;
}

/* Whether the row of an arm says once more what another says: at other d_k, exponents, numbers of
   targets.  */
static bool
repeats (const struct arm *a)
{
  switch (a->t.task)
    {
    case QK_TASK_TABLE:
      return !strcmp (a->task, "plateau") && (a->t.d < 256 || a->name == POWER);
    case QK_TASK_CYCLE:
      return a->t.d < 16;
    case QK_TASK_HEADS:
      return a->t.targets != 2;
    default:
      return false;
    }
}

/* What text does not tell unasked, as long as it holds.  Where all tasks are run: rows of which
   nothing is judged, and repetitions.  Of --fast, all but the losses.  Of a removal the lesser ways
   to look at it.  */
static void
set_aside (struct qk_plan *plan, struct qk_statement *s)
{
  const struct qk_params *p = plan->params;
  bool line = quantities[s->quantity].show == QK_LINE;
  bool detail = quantities[s->quantity].show == QK_DETAIL;
  bool worst = s->quantity == REMOVAL_LOSS && s->part > 0;
  bool again = line ? worst : s->sources == 1 && repeats (plan->cases[s->source[0]].own);
  if (!*p->operand && !p->fast && again)
    s->aside = true;
  if (s->judged)
    return;
  if (p->fast || detail)
    s->aside = line || detail;
  else if (line)
    s->aside = !*p->operand || worst;
  else
    s->aside |= !*p->operand && !row_is_judged (plan, s);
}

static int
plan_train (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  bool wanted[TASKS];
  read_tasks (wanted, p);
  if (check_options (p, wanted, why))
    return -1;
  struct context x = { .plan = plan, .p = p, .runs = &runs_kind };
  for (size_t i = 0; i < TASKS; i++)
    if (wanted[i] && p->curves)
      {
        double steps = (p->steps > 0 ? p->steps : tasks[i].steps);
        size_t losses = (size_t)(strcmp (tasks[i].name, "cycle") ? steps : 2 * steps) + 1;
        x.losses = losses > x.losses ? losses : x.losses;
      }
  if (x.losses)
    x.runs = kind_with_curves (plan, x.losses);
  for (size_t i = 0; i < TASKS && !plan->full; i++)
    if (wanted[i])
      {
        x.task = tasks[i].name;
        x.claim = tasks[i].claim;
        x.standard = !(p->steps > 0 && p->steps != tasks[i].steps);
        tasks[i].plan (&x, &tasks[i]);
      }
  if (!plan->full && !plan->n_statements)
    return qk_complain (why, "no arm of these tasks is left by --arm, --optimizer and --quantity");
  for (size_t i = 0; i < plan->n_statements && !plan->full; i++)
    set_aside (plan, &plan->statements[i]);
  if (p->fast)
    warn_fast (plan, wanted);
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* Seeds below which no verdict and no interval is possible: an end of either misses with 2^-n.  */
static double
seeds_needed (double miss)
{
  return ceil (1 - log2 (miss));
}

static int
size_train (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  double seeds = p->samples > 0 ? p->samples : p->fast ? FAST_SEEDS : SEEDS;
  (void)why;
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      struct qk_case *c = &plan->cases[i];
      const struct arm *a = c->own;
      bool tuning = c->kind == &tuning_kind, twins = c->kind == &twins_kind;
      struct keepsake kept = lay (&a->t, NULL);
      c->blocks = tuning ? TUNING_SEEDS * qk_training_rates (a->t.optimizer) : (uint64_t)seeds;
      c->units = 1;
      c->cost = qk_training_cost (&a->t) * (twins ? 2 : 1);
      if (twins)
        qk_store_take (&kept.rest, 2 * (a->t.steps + 1));
      c->scratch = kept.rest.used * sizeof (double);
    }
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      struct qk_statement *s = &plan->statements[i];
      if (!qk_method_sampled (s->method) || seeds >= seeds_needed (s->miss))
        continue;
      if (s->judged && !(p->samples > 0))
        continue; /* it may ask for more */
      s->thin = s->judged || s->method == QK_BY_ORDER;
      if (s->judged)
        qk_plan_warn (
            plan,
            "%s: too few seeds for an honest interval: described, not judged; --seeds=%.0f "
            "is enough",
            quantities[s->quantity].name, seeds_needed (s->miss));
    }
  return 0;
}

/* Whether tuning of an arm of the statement chose an end of its grid; which.  */
static const struct arm *
at_edge (const struct qk_plan *plan, const struct qk_statement *s, const struct qk_table *tables)
{
  for (size_t i = 0; i < s->sources; i++)
    {
      const struct qk_case *c = &plan->cases[s->source[i]];
      const struct arm *a = ((const struct arm *)c->own)->tuned;
      size_t chosen = choose (a, &tables[c->needs - 1]);
      if (chosen == 0 || chosen + 1 == qk_training_rates (a->t.optimizer))
        return a;
    }
  return NULL;
}

/* Nothing is forbidden; that it is there has the rates chosen first.  */
static int
inspect_train (const struct qk_plan *plan, const struct qk_table *tables, char why[static QK_WHY])
{
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      const struct arm *a
          = s->judged && qk_method_sampled (s->method) ? at_edge (plan, s, tables) : NULL;
      if (a)
        {
          snprintf (why, QK_WHY,
                    "the best rate of %s %s, d_k = %zu, %s is at the end of its grid: what is "
                    "judged of it stays undecided",
                    a->task, names[a->name], a->t.d, optimizers[a->t.optimizer]);
          return 0;
        }
    }
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* Seeds behind a statement: those that all of its arms have.  */
static double
population_train (const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables)
{
  double rows = 0, least = INFINITY;
  (void)plan;
  for (size_t i = 0; i < s->sources; i++)
    {
      rows += (double)tables[s->source[i]].rows;
      least = fmin (least, (double)tables[s->source[i]].rows);
    }
  return s->quantity == RUNS_DIVERGED ? rows : least;
}

static size_t
column_of (const struct qk_statement *s)
{
  switch ((enum quantity)s->quantity)
    {
    case LOSS_AREA:
    case AREA_DIFFERENCE:
    case AREA_RATIO:
      return AREA;
    case RIGHT:
      return ACCURACY;
    case STEPS_TO_TENTH:
      return TENTH;
    case ALIGNED:
      return ALIGNMENT;
    case REMOVAL_LOSS:
      return REMOVED + s->part;
    case REMOVAL_DIFFERENCE:
      return REMOVED;
    default:
      return LAST;
    }
}

static double
cell (const struct qk_table *t, size_t row, size_t column)
{
  return t->data[row * t->columns + column];
}

/* The median over seeds of a column, or of the difference or ratio of two arms.  */
static void
enclose_median (struct qk_enclosure *e, const struct qk_statement *s, const struct qk_table *tables,
                double miss)
{
  const struct qk_table *t = &tables[s->source[0]];
  size_t column = column_of (s), n = (size_t)population_train (NULL, s, tables);
  if (s->sources == 1)
    {
      qk_enclose_quantile (e, t->data + column, n, 1, t->columns, 0.5, miss);
      if (s->quantity == FINAL_LOSS)
        {
          e->lo = fmax (e->lo - LOSS_ROOM, fmin (e->lo, 0));
          e->hi += LOSS_ROOM;
        }
      return;
    }
  const struct qk_table *other = &tables[s->source[1]];
  double *x = malloc ((n + 1) * sizeof *x);
  *e = (struct qk_enclosure){ NAN, NAN, NAN, NAN };
  for (size_t i = 0; x && i < n; i++)
    {
      double a = cell (t, i, column), b = cell (other, i, column);
      x[i] = s->quantity == AREA_RATIO ? a / b : a - b;
    }
  if (x)
    qk_enclose_quantile (e, x, n, 1, 1, 0.5, miss);
  free (x);
}

/* Runs that crossed what no run can.  */
static double
violations (const struct arm *a, const struct qk_table *t)
{
  double floor = qk_training_floor (&a->t), ceiling = qk_training_ceiling (&a->t), count = 0;
  for (size_t i = 0; i < t->rows; i++)
    count
        += cell (t, i, LOWEST) < floor - FLOOR_ROOM || cell (t, i, ACCURACY) > ceiling + FLOOR_ROOM;
  return count;
}

static double
counted (const struct qk_plan *plan, const struct qk_statement *s, const struct qk_table *tables)
{
  const struct qk_table *t = &tables[s->source[0]];
  double sum = 0;
  switch ((enum quantity)s->quantity)
    {
    case FLOOR_VIOLATIONS:
      return violations (plan->cases[s->source[0]].own, t);
    case MISMATCHES:
      return qk_column_sum (t, 0);
    case RUNS_DIVERGED:
      for (size_t i = 0; i < s->sources; i++)
        sum += qk_column_sum (&tables[s->source[i]], DIVERGED);
      return sum;
    default:
      return qk_column_mean (t, LAST);
    }
}

static void
enclose_train (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  const struct qk_table *t = &tables[s->source[0]];
  if (!qk_method_sampled (s->method))
    {
      double x = counted (plan, s, tables);
      *e = qk_enclosure_known (x, 0);
      return;
    }
  if (s->method == QK_BY_BINOMIAL)
    {
      double count = 0;
      for (size_t i = 0; i < t->rows; i++)
        count += !(cell (t, i, LOWEST) < SOLVED);
      qk_enclose_proportion (e, count, (double)t->rows, miss);
    }
  else
    enclose_median (e, s, tables, miss);
  if (s->judged && at_edge (plan, s, tables)) /* more seeds would not help */
    *e = (struct qk_enclosure){ e->estimate, INFINITY, -INFINITY, INFINITY };
}

/* ---- In words -------------------------------------------------------------------------------- */

static void
describe_train (char *text, size_t size, const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  double seeds = p->samples > 0 ? p->samples : p->fast ? FAST_SEEDS : SEEDS;
  snprintf (text, size, "one layer, %.0f seeds an arm, its rate tuned on %d others", seeds,
            TUNING_SEEDS);
}

static bool
explain_train (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_enclosure *e, enum qk_verdict verdict)
{
  const struct arm *a = s->sources ? plan->cases[s->source[0]].own : NULL;
  if (verdict == QK_UNDECIDED && isinf (e->std_error))
    {
      snprintf (text, size,
                "%s %s: tuning chose the largest or the smallest rate of its grid, so a better one "
                "may lie beyond; more seeds would not tell.",
                a->task, names[a->name]);
      return true;
    }
  if (verdict != QK_FAILS)
    return false;
  if (s->quantity == FLOOR_VIOLATIONS || s->quantity == MISMATCHES)
    {
      snprintf (text, size, "This contradicts a theorem: the program or the processor is wrong.");
      return true;
    }
  double floor = a && s->quantity == FINAL_LOSS ? qk_training_floor (&a->t) : 0;
  if (floor > s->band.hi && a->t.task == QK_TASK_CYCLE)
    {
      snprintf (text, size,
                "No parameters can: on a directed cycle the scores of %s add up to margins whose "
                "sum is 0, so the mean log loss is at least ln %s = %.4f.",
                a->t.heads > 1 ? "shared heads" : "shared weights", a->t.heads > 1 ? "1.5" : "2",
                floor);
      return true;
    }
  if (floor > s->band.hi)
    {
      snprintf (text, size, "No parameters can: the loss is at least %.4g.", floor);
      return true;
    }
  return false;
}

/* Eighths of a character, by height.  */
static bool
sketch_train (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
              const struct qk_table *tables)
{
  static const char *const eighths[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
  const struct qk_table *t = &tables[s->source[0]];
  double mean[SKETCH], most = 0;
  if (s->sources != 1 || plan->cases[s->source[0]].kind->block != runs_block || !t->rows)
    return false;
  for (size_t i = 0; i < SKETCH; i++)
    {
      mean[i] = qk_column_mean (t, COURSE + i);
      most = fmax (most, mean[i]);
    }
  *text = '\0';
  for (size_t i = 0; i < SKETCH; i++)
    {
      size_t height = most > 0 ? (size_t)fmin (8 * mean[i] / most, 7) : 0;
      snprintf (text + strlen (text), size - strlen (text), "%s", eighths[height]);
    }
  return true;
}

/* ---- --dump ---------------------------------------------------------------------------------- */

/* "plateau_unscaled_d64_adam".  */
static void
file_name (char *text, size_t size, const struct arm *a)
{
  const struct qk_training *t = &a->t;
  int used = snprintf (text, size, "%s_%s", a->task, names[a->name]);
  if (a->name == POWER)
    used += snprintf (text + used, size - (size_t)used, "%.6g", a->alpha);
  if (t->task == QK_TASK_HEADS || t->heads > 1)
    used += snprintf (text + used, size - (size_t)used, "_h%zu", t->heads);
  if (t->task == QK_TASK_HEADS)
    used += snprintf (text + used, size - (size_t)used, "_m%zu", t->targets);
  snprintf (text + used, size - (size_t)used, "_d%zu_%s",
            t->task == QK_TASK_HEADS ? 16 / t->heads : t->d, optimizers[t->optimizer]);
}

/* Q and K of the first seed of every arm, before and after.  */
static int
dump_train (const struct qk_plan *plan, const struct qk_table *tables, struct qk_work *work,
            const struct qk_keeper *keeper, char why[static QK_WHY])
{
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      const struct qk_case *c = &plan->cases[i];
      const struct arm *a = c->own;
      if (c->kind->block != runs_block || !tables[i].rows || a->name == DIMENSIONS)
        continue;
      struct qk_training t = tuned (a, &tables[c->needs - 1], work->kernels);
      struct keepsake kept = lay (&t, work->scratch);
      struct qk_trained result;
      char name[QK_WHY], file[QK_WHY + 16];
      qk_training_run (&result, &t, work->seed, 0, work->kernels, &work->source, work->scratch,
                       &kept.trace);
      file_name (name, sizeof name, a);
      const struct
      {
        const char *when;
        const double *x;
      } arrays[] = { { "initial_Q", kept.trace.first_q },
                     { "initial_K", kept.trace.first_k },
                     { "final_Q", kept.trace.last_q },
                     { "final_K", kept.trace.last_k } };
      for (size_t j = 0; j < 4; j++)
        {
          snprintf (file, sizeof file, "%s_%s", name, arrays[j].when);
          if (keeper->keep (keeper->closure, file, arrays[j].x, kept.trace.rows, width_of (&t),
                            why))
            return -1;
        }
    }
  return 0;
}

/* ---- What it comes to ------------------------------------------------------------------------ */

/* The largest d of an arm; 0: there is none.  */
static size_t
widest_run (const struct qk_plan *plan, const char *task, enum name name)
{
  size_t most = 0;
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      const struct arm *a = plan->cases[i].own;
      if (plan->cases[i].kind->block == runs_block && !strcmp (a->task, task) && a->name == name
          && a->t.d > most)
        most = a->t.d;
    }
  return most;
}

/* "0.61 (Adam), 0.83 (SGD)": the median of a column over the seeds of an arm, by optimizer; or "".
 */
static const char *
medians (char text[static QK_WHY], const struct qk_plan *plan, const struct qk_table *tables,
         const char *task, enum name name, size_t d, size_t column, const char *format)
{
  static const char *const words[] = { "SGD", "Adam" };
  size_t used = 0;
  *text = '\0';
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      const struct arm *a = plan->cases[i].own;
      if (plan->cases[i].kind->block != runs_block || strcmp (a->task, task) || a->name != name
          || a->t.d != d || !tables[i].rows || used > QK_WHY / 2)
        continue;
      struct qk_enclosure e;
      qk_enclose_quantile (&e, tables[i].data + column, tables[i].rows, 1, tables[i].columns, 0.5,
                           0.5);
      used += (size_t)snprintf (text + used, QK_WHY - used, used ? ", " : "");
      used += (size_t)snprintf (text + used, QK_WHY - used, format, e.estimate);
      used += (size_t)snprintf (text + used, QK_WHY - used, " (%s)", words[a->t.optimizer]);
    }
  return text;
}

static void
summarise_train (char *text, size_t size, const struct qk_plan *plan, const struct qk_table *tables)
{
  char bad[QK_WHY], good[QK_WHY], other[QK_WHY];
  size_t used = 0, d = widest_run (plan, "plateau", UNSCALED);
  *text = '\0';
  medians (bad, plan, tables, "plateau", UNSCALED, d, LAST, "%.2g");
  medians (good, plan, tables, "plateau", SCALED, d, LAST, "%.2g");
  medians (other, plan, tables, "plateau", SCALED, d, ALIGNMENT, "%.2g");
  if (d >= 16 && *bad && *good)
    used += (size_t)snprintf (text, size,
                              "Free tables, d_k = %zu: at its best rate unscaled ends at a loss "
                              "of %s, scaled at %s, whose queries then correlate with the keys "
                              "that they want: %s. ",
                              d, bad, good, other);
  d = widest_run (plan, "relation", UNSCALED);
  medians (bad, plan, tables, "relation", UNSCALED, d, ACCURACY, "%.3g");
  medians (good, plan, tables, "relation", UNSCALED, d, AREA, "%.2g");
  medians (other, plan, tables, "relation", SCALED, d, AREA, "%.2g");
  if (d >= 16 && *good && *other && used < size)
    used += (size_t)snprintf (
        text + used, size - used,
        "Dense weights and fresh data, d_k = %zu: unscaled gets as much right, "
        "%s, and is slower: area %s against %s. ",
        d, bad, good, other);
  if (!*plan->params->operand && !plan->params->fast && used < size)
    used
        += (size_t)snprintf (text + used, size - used,
                             "qkcheck train TASK tells all of a task, other d_k and targets too. ");
  if (used < size)
    snprintf (text + used, size - used,
              "Limits: one layer and synthetic tasks; no normalisation, warm-up or text, and "
              "nothing is said of generalisation.");
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_operand operands[] = {
  { "TASK", "plateau, relation, cycle, heads, removal or lowdim; all of them where none is named.",
    true, QK_OPERAND_WORD, task_word },
  { 0 },
};

static const struct qk_option options[] = {
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .shown = "4,16,64,256 (plateau, relation), 4,8,16 (cycle), 1,2,64 (lowdim)",
    .lo = 1,
    .hi = QK_TRAINING_WIDTH,
    .help = "Head dimensions, of every task but heads and removal, where h heads share 16." },
  { .name = "seeds",
    .type = QK_INTEGER,
    .offset = offsetof (struct qk_params, samples),
    .metavar = "N",
    .shown = "24, and four times as many where that is undecided",
    .lo = 2,
    .hi = 100000,
    .help = "A fixed number of seeds for each arm, in one round." },
  { .name = "max-samples",
    .type = QK_INTEGER,
    .offset = offsetof (struct qk_params, max_samples),
    .metavar = "N",
    .standard = "384",
    .lo = 2,
    .hi = 100000,
    .help = "Where an arm stops asking for more seeds." },
  { .name = "steps",
    .type = QK_INTEGER,
    .offset = offsetof (struct qk_params, steps),
    .metavar = "N",
    .shown = "300 (plateau, lowdim), 200 (relation), 400 (cycle), 500 (heads, removal)",
    .lo = 1,
    .hi = MAX_STEPS,
    .help = "Steps of a run; twice as many with several heads in cycle. With other numbers than "
            "these only theorems are judged." },
  { .name = "optimizer",
    .type = QK_NAMES,
    .offset = offsetof (struct qk_params, optimizer),
    .metavar = "LIST",
    .shown = "both (plateau, relation), adam (others)",
    .choices = optimizers,
    .help = "Gradient descent, or Adam (0.9, 0.999, 1e-8, with bias correction)." },
  { .name = "alpha",
    .type = QK_REALS,
    .offset = offsetof (struct qk_params, alpha),
    .metavar = "LIST",
    .shown = "0,0.5; at the largest d_k of plateau with Adam also 0.25,0.75,1",
    .lo = 0,
    .hi = 2,
    .help = "Exponents: plateau and relation divide scores by d_k^alpha." },
  { .name = "arm",
    .type = QK_NAMES,
    .offset = offsetof (struct qk_params, arm),
    .metavar = "LIST",
    .shown = "all",
    .choices = names,
    .help = "Only these arms." },
  { .name = "expect",
    .type = QK_INTERVAL,
    .offset = offsetof (struct qk_params, expect),
    .seen = offsetof (struct qk_params, expected),
    .metavar = "LO..HI",
    .shown = "what the ledger says",
    .lo = 0,
    .hi = 100,
    .help = "A claim of your own on final_loss, of every arm, in place of those of the ledger; "
            "theorems are still judged." },
  { .name = "fast",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, fast),
    .help = "Only d_k up to 64, 12 seeds, and of most tasks a few arms: it judges the theorems, "
            "describes the rest, and names what it leaves out." },
  { .name = "curves",
    .type = QK_FILE,
    .offset = offsetof (struct qk_params, curves),
    .metavar = "FILE.npy",
    .help = "Also write the losses of all steps: one structured array with the fields case, block "
            "(the seed) and curve, NaN behind the last step of shorter runs." },
  { .name = "dump",
    .type = QK_FILE,
    .offset = offsetof (struct qk_params, dump),
    .metavar = "DIR",
    .help = "Also write Q and K of the first seed of every arm, before and after training, as "
            "TASK_ARM_dDK_OPTIMIZER_initial_Q.npy and so on, for qkcheck audit. DIR is made where "
            "it is not there." },
  { 0 },
};

static const char *const without[] = { "samples", "dist", "q-dist", "k-dist", NULL };

static const struct qk_example examples[] = {
  { "plateau --dk=256 --alpha=0,0.5 --quantity=unsolved,area_difference", "unsolved", QK_HOLDS,
    "Unscaled attention over free tables plateaus at every rate; scaled solves them, and so does "
    "either where the loss does not pass the softmax." },
  { "relation --dk=256 --quantity=area_ratio,accuracy", "area_ratio", QK_HOLDS,
    "With dense weights and fresh data it is only slower." },
  { "cycle --arm=shared,separate,chain,pairs,self --quantity=final_loss,accuracy", "final_loss",
    QK_HOLDS, "Shared weights learn chains, pairs and self, and stay at ln 2 on a cycle." },
  { "cycle --arm=shared --expect=0..0.1 --quantity=final_loss", "final_loss", QK_FAILS,
    "The claim that shared weights learn a directed cycle." },
  { "plateau --dk=256 --arm=unscaled --optimizer=adam --expect=0..0.1 --quantity=final_loss",
    "final_loss", QK_FAILS, "The claim that a good rate makes up for the scale." },
  { "heads --quantity=floor_violations,loss_difference", "floor_violations", QK_HOLDS,
    "No run of h heads gets below 1 - h/m where a query needs m targets." },
  { "lowdim --quantity=floor_violations", "floor_violations", QK_HOLDS,
    "At d_k = 1 additive scores get 1 query of 16 right, dot products 2." },
  { "plateau --dk=16,256 --arm=reparametrised", "reparametrisation_mismatches", QK_HOLDS,
    "The scale is a matter of initialisation and rate: the same losses to the bit." },
  { 0 },
};

static const char *const description[] = {
  "Trains one attention layer on small synthetic tasks, each built so that one mechanism decides, "
  "by hand-written gradients in double precision. Every arm of a task (what is compared: scaled or "
  "unscaled, shared or separate, heads, kinds of score) gets the rate that does best for it: of a "
  "grid by factors of 4, on 6 seeds of their own, the middle one of those whose mean final loss is "
  "within 0.01 of the best (relation: that of the least mean area). It is judged on 24 other "
  "seeds, which all arms share, so that differences and ratios are paired. The independent unit is "
  "a seed: shares have the intervals of Clopper and Pearson, medians those of order statistics. An "
  "undecided finding asks for four times the seeds; one whose best rate is at the end of the grid "
  "stays undecided. A loss that is not a number counts as 9.",
  "plateau: 16 queries and keys, free tables of N(0, 1); each query wants one key, the loss is "
  "|p - e|^2. At d_k = 256 unscaled runs never get below 0.1 in more than half of the seeds, "
  "scaled ones in less than half, and the mean losses of all steps differ by more than 0.5; at d_k "
  "= 4 both solve it and end within 0.01. The same with log loss, whose gradient does not pass the "
  "Jacobian of the softmax, solves it at any d_k; so do the exponents 3/4 and 1 with Adam. A "
  "scaled model is an unscaled one with Q and K divided by d_k^(1/4) at another rate, to the bit.",
  "relation: dense weights, fresh examples in every step, 8 keys of which the query is a rotation. "
  "At d_k = 256 unscaled takes 3 to 30 times the area and gets more than 0.98 right; at d_k = 4 "
  "0.95 to 1.1 times. With the rate of the scaled arm SGD fails and Adam does not.",
  "cycle: 12 tokens in triples a, b, c, each of which wants the next. Shared weights, W_Q = W_K, "
  "keep a log loss of ln 2 and at most 2/3 right, by theorem; separate ones reach 0.001. Shared "
  "ones learn a chain, pairs and self to 0.001. Of several shared heads the floor is ln 1.5, and "
  "three get below 0.44.",
  "heads: 8 queries that want m keys at once, h heads of 16/h dimensions: the floor is 1 - h/m, "
  "and up to 4 heads come within 0.005 of it; for m = 1 they gain nothing over one head; 16 heads "
  "for m = 2 stay above 0.05. removal: the loss after one head is removed is within 0.1 of that "
  "after as large a share of the dimensions of a single head is.",
  "lowdim: plateau with additive scores too. At d_k = 1 they get at most 1 of 16 right, dot "
  "products 2, by theorem; at d_k = 2 additive is worse by more than 0.05; at 64 it beats "
  "unscaled by more than 0.3 and ties with scaled within 0.01. Where 16 numbers want themselves, "
  "which no dot product of (x, 1) can tell, additive gets below 0.01 at d_k = 64.",
  "These bands hold for the numbers of steps and the dimensions said here, whatever --tolerance; "
  "other options give described findings, and theorems are judged always.",
  "Limits: one layer and synthetic tasks, no normalisation, warm-up or text. Overfitting and "
  "generalisation are not tested. That a run plateaus here and that another is only slower are "
  "both true, each of its task.",
  NULL,
};

const struct qk_experiment qk_experiment_train = {
  .name = "train",
  .question = "the same questions in trained models, over many seeds",
  .asked = "Does training do what the ledger says?",
  .description = description,
  .unit = "runs",
  .fixed = true,
  .grouped = true,
  .operands = operands,
  .options = options,
  .without = without,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &tuning_kind, &runs_kind, &twins_kind, NULL },
  .examples = examples,
  .plan = plan_train,
  .size = size_train,
  .enclose = enclose_train,
  .population = population_train,
  .inspect = inspect_train,
  .explain = explain_train,
  .describe = describe_train,
  .summarise = summarise_train,
  .sketch = sketch_train,
  .sketched = "curve",
  .dump = dump_train,
};
