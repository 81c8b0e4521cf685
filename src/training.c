/* training.c -- one attention layer learns a task: what is drawn, the steps, what they came to.  */

#include "training.h"
#include "deal.h"
#include "lanes/kernels.h"
#include "message.h"
#include "store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum
{
  TABLE_TOKENS = 16,
  CYCLE_TOKENS = 12,
  HEADS_TOKENS = 8,
  HEADS_WIDTH = 16, /* D */
  HEADS_VALUE = 4,  /* numbers of a value */
  NUMBER_TOKENS = 16,
  FEATURES = 2, /* of a number: x, 1 */
  FEATURES_WIDTH = 8,
  MODEL = 16,    /* D of task relation */
  KEYS = 8,      /* of an example */
  EXAMPLES = 32, /* a step */
  LAST_BATCHES = 16
};

/* What a loss must fall below to be called learned (tenth).  */
static const double TENTH = 0.1;

/* ln 2 and ln 1.5, rounded to nearest.  */
static const double LN_2 = 0x1.62e42fefa39efp-1, LN_3_2 = 0x1.9f323ecbf984cp-2;

static const char *const task_names[] = { "table", "relation", "cycle", "heads", "number" };

/* ---- What is trained
 * ----------------------------------------------------------------------------- */

static size_t
heads_of (const struct qk_training *t)
{
  return t->heads ? t->heads : 1;
}

static size_t
targets_of (const struct qk_training *t)
{
  return t->targets ? t->targets : 1;
}

static size_t
tokens_of (const struct qk_training *t)
{
  switch (t->task)
    {
    case QK_TASK_TABLE:
      return TABLE_TOKENS;
    case QK_TASK_CYCLE:
      return CYCLE_TOKENS;
    case QK_TASK_HEADS:
      return HEADS_TOKENS;
    case QK_TASK_NUMBER:
      return NUMBER_TOKENS;
    default:
      return MODEL; /* rows of W_Q */
    }
}

static size_t
width_of (const struct qk_training *t)
{
  return t->task == QK_TASK_HEADS ? HEADS_WIDTH : t->d;
}

size_t
qk_training_rows (const struct qk_training *t)
{
  return t->task == QK_TASK_RELATION ? EXAMPLES : tokens_of (t);
}

/* Whether n is a power of two up to most.  */
static bool
power (size_t n, size_t most)
{
  return n > 0 && n <= most && !(n & (n - 1));
}

int
qk_training_check (const struct qk_training *t, char why[static QK_WHY])
{
  bool scaled
      = t->task == QK_TASK_TABLE || t->task == QK_TASK_RELATION || t->task == QK_TASK_NUMBER;
  if (t->task != QK_TASK_HEADS && !(t->d >= 1 && t->d <= QK_TRAINING_WIDTH))
    return qk_complain (why, "d_k = %zu is not between 1 and %d", t->d, QK_TRAINING_WIDTH);
  if (t->task == QK_TASK_HEADS && !power (heads_of (t), HEADS_WIDTH))
    return qk_complain (why, "%zu heads do not share %d coordinates: 1, 2, 4, 8 or 16 do", t->heads,
                        HEADS_WIDTH);
  if (t->task == QK_TASK_CYCLE && heads_of (t) > QK_TRAINING_HEADS)
    return qk_complain (why, "%zu heads are not between 1 and %d", t->heads, QK_TRAINING_HEADS);
  if (targets_of (t) > QK_TRAINING_TARGETS)
    return qk_complain (why, "%zu targets are not between 1 and %d", t->targets,
                        QK_TRAINING_TARGETS);
  if (t->parts && !(power (t->parts, HEADS_WIDTH) && t->parts >= heads_of (t)))
    return qk_complain (why, "%zu parts are not 1, 2, 4, 8 or 16, and at least the %zu heads",
                        t->parts, heads_of (t));
  if (scaled && !t->additive && !(t->scale > 0 && isfinite (t->scale)))
    return qk_complain (why, "the scale %g of scores is not above 0 and finite", t->scale);
  if (!(t->rate > 0 && isfinite (t->rate)))
    return qk_complain (why, "the learning rate %g is not above 0 and finite", t->rate);
  return 0;
}

/* Fitted to times of all tasks, within a third of them.  */
double
qk_training_cost (const struct qk_training *t)
{
  double n = (double)tokens_of (t), d = (double)width_of (t), h = (double)heads_of (t),
         m = (double)targets_of (t), step;
  double products = n * d * (1.2 * n + 16); /* and Adam */
  if (t->task == QK_TASK_HEADS)
    step = n * n * (230 + 95 * h + 110 * m + 11 * h * m);
  else if (t->task == QK_TASK_RELATION)
    step = 45. * EXAMPLES * KEYS * MODEL + products;
  else
    step = (72 * n * n + products) * (t->task == QK_TASK_CYCLE ? h : 1);
  if (t->additive)
    step += 20 * n * n * d;
  return ((double)t->steps + 1) * step;
}

/* ---- Rates
 * --------------------------------------------------------------------------------------- */

double
qk_training_scale (size_t d, double alpha, const struct qk_kernels *kernels)
{
  double root = sqrt ((double)d), fourth = sqrt (root);
  if (alpha == 0)
    return 1;
  if (alpha == 0.25)
    return 1 / fourth;
  if (alpha == 0.5)
    return 1 / root;
  if (alpha == 0.75)
    return 1 / (root * fourth);
  if (alpha == 1)
    return 1 / (double)d;
  _Alignas(QK_ALIGN) double x[8] = { (double)d - 1 };
  kernels->log_1_plus (x, x, 8);
  x[0] *= -alpha;
  kernels->exp (x, x, 8);
  return x[0];
}

size_t
qk_training_rates (enum qk_optimizer optimizer)
{
  return optimizer == QK_ADAM ? 7 : 10;
}

double
qk_training_rate (enum qk_optimizer optimizer, double scale, size_t i)
{
  return optimizer == QK_ADAM ? ldexp (1, 2 * (int)i - 12) : ldexp (1, 2 * (int)i - 6) / scale;
}

size_t
qk_training_choose (const double *mean, size_t n, double within)
{
  size_t best = 0, good = 0;
  for (size_t i = 1; i < n; i++)
    if (mean[i] < mean[best])
      best = i;
  if (within == 0)
    return best;
  for (size_t i = 0; i < n; i++)
    good += mean[i] <= mean[best] + within;
  size_t left = (good - 1) / 2, i = 0;
  for (;; i++)
    if (mean[i] <= mean[best] + within && left-- == 0)
      return i;
}

/* ---- What no run can do
 * -------------------------------------------------------------------------- */

double
qk_training_floor (const struct qk_training *t)
{
  double h = (double)heads_of (t), m = (double)targets_of (t);
  if (t->task == QK_TASK_HEADS)
    return h < m ? 1 - h / m : 0;
  if (t->task == QK_TASK_CYCLE && t->pattern == QK_PATTERN_CYCLE && t->shared
      && t->loss == QK_LOSS_LOG)
    return h > 1 ? LN_3_2 : LN_2;
  return 0;
}

double
qk_training_ceiling (const struct qk_training *t)
{
  if (t->task == QK_TASK_CYCLE && t->pattern == QK_PATTERN_CYCLE && t->shared && heads_of (t) == 1)
    return 2. / 3;
  if (t->task == QK_TASK_TABLE && t->d == 1)
    return (t->additive ? 1. : 2.) / TABLE_TOKENS;
  if (t->task == QK_TASK_NUMBER && !t->additive)
    return 2. / NUMBER_TOKENS;
  if (t->task == QK_TASK_NUMBER && t->d == 1)
    return 1. / NUMBER_TOKENS;
  return 1;
}

/* ---- A run
 * --------------------------------------------------------------------------------------- */

/* All of a run; what a task has no use for is empty.  */
struct run
{
  const struct qk_training *t;
  const struct qk_kernels *kernels;
  struct qk_source source;
  struct qk_layer layer;
  struct qk_mixture mixture;
  struct qk_examples examples;
  size_t parameters;
  double *w, *g, *m, *v;    /* parameters, gradient, means of Adam */
  double *tables, *dtables; /* number: of the layer, made of the features */
  double *features, *turned;
  double *rotation, *x, *y, *wanted; /* relation: R, queries, keys, those that the queries want */
  double *spare, *room, *scratch;
  double *draws;
  uint64_t *words;
  size_t *target;
  bool *hidden;
};

enum role
{
  ROLE_Q,
  ROLE_K,
  ROLE_V,
  ROLE_TARGET,
  ROLE_WV,
  ROLE_WO,
  ROLE_ROTATION,
  ROLE_EXAMPLE,
  ROLE_WANTED,
  ROLE_LAST_EXAMPLE,
  ROLE_LAST_WANTED
};

/* Doubles of a draw of so many.  */
static size_t
drawn (size_t n)
{
  return (n + QK_DRAW_STEP - 1) / QK_DRAW_STEP * QK_DRAW_STEP;
}

static size_t
room_of (const struct run *r)
{
  switch (r->t->task)
    {
    case QK_TASK_RELATION:
      return qk_examples_room (&r->examples);
    case QK_TASK_HEADS:
      return qk_mixture_room (&r->mixture);
    default:
      return qk_layer_room (&r->layer);
    }
}

/* Lay a run out from memory on; the bytes that it takes.  */
static size_t
lay (struct run *r, const struct qk_training *t, void *memory)
{
  struct qk_store store = { memory, 0 };
  size_t n = tokens_of (t), d = width_of (t), w = qk_layer_width (n), h = heads_of (t);
  bool number = t->task == QK_TASK_NUMBER, relation = t->task == QK_TASK_RELATION,
       values = t->task == QK_TASK_HEADS;
  memset (r, 0, sizeof *r);
  r->t = t;
  r->target = qk_store_bytes (&store, n * QK_TRAINING_TARGETS * sizeof *r->target);
  if (relation)
    r->target = qk_store_bytes (&store, EXAMPLES * sizeof *r->target);
  r->hidden = qk_store_bytes (&store, t->task == QK_TASK_CYCLE ? n * n * sizeof *r->hidden : 0);
  r->x = qk_store_take (&store, relation ? EXAMPLES * MODEL : 0);
  r->y = qk_store_take (&store, relation ? EXAMPLES * MODEL * KEYS : 0);
  r->wanted = qk_store_take (&store, relation ? EXAMPLES * MODEL : 0);
  r->rotation = qk_store_take (&store, relation ? MODEL * MODEL : 0);

  r->layer = (struct qk_layer){ .n = n,
                                .d = d,
                                .heads = h,
                                .additive = t->additive,
                                .shared = t->shared,
                                .loss = t->loss,
                                .scale = t->task == QK_TASK_CYCLE ? 1 / sqrt ((double)d) : t->scale,
                                .target = r->target,
                                .hidden = t->task == QK_TASK_CYCLE ? r->hidden : NULL };
  if (t->task != QK_TASK_CYCLE)
    {
      r->layer.heads = 1;
      r->layer.shared = false;
    }
  else
    r->layer.additive = false;
  if (number)
    r->layer.loss = QK_LOSS_SQUARED;
  r->mixture = (struct qk_mixture){ n, d, h, HEADS_VALUE, targets_of (t), r->target };
  r->examples = (struct qk_examples){ EXAMPLES, KEYS, MODEL, d, t->scale, r->x, r->y, r->target };

  size_t v = r->layer.additive ? qk_layer_width (d) : 0;
  r->parameters = values     ? qk_mixture_parameters (&r->mixture)
                  : relation ? 2 * d * MODEL
                  : number   ? 2 * d * FEATURES_WIDTH + v
                             : qk_layer_parameters (&r->layer);
  r->w = qk_store_take (&store, r->parameters);
  r->g = qk_store_take (&store, r->parameters);
  r->m = qk_store_take (&store, r->parameters);
  r->v = qk_store_take (&store, r->parameters);
  r->tables = qk_store_take (&store, number ? qk_layer_parameters (&r->layer) : 0);
  r->dtables = qk_store_take (&store, number ? qk_layer_parameters (&r->layer) : 0);
  r->features = qk_store_take (&store, number ? FEATURES * w : 0);
  r->turned = qk_store_take (&store, number ? w * FEATURES_WIDTH : 0);
  r->room = qk_store_take (&store, room_of (r));
  r->spare = qk_store_take (&store, values && t->parts ? r->parameters : 0);
  r->scratch = qk_store_take (&store, values && t->parts ? qk_mixture_room (&r->mixture) : 0);
  size_t most = drawn (qk_larger (d * w, relation ? EXAMPLES * MODEL * KEYS : 16 * 16));
  r->draws = qk_store_take (&store, most);
  r->words = qk_store_bytes (&store, 2 * most * sizeof *r->words);
  return store.used * sizeof (double);
}

size_t
qk_training_room (const struct qk_training *t)
{
  struct run r;
  return lay (&r, t, NULL);
}

/* ---- What is drawn
 * ------------------------------------------------------------------------------- */

/* Fill rows of n normal numbers, w apart, with standard deviation sd / shrink, and 0 beyond n:
   table number index of a role.  */
static void
draw (struct run *r, double *x, size_t rows, size_t n, size_t w, unsigned role, size_t index,
      double sd, double shrink)
{
  const struct qk_law law = { .type = &qk_law_types[QK_NORMAL], .sd = sd };
  size_t all = drawn (rows * w);
  qk_fill (r->kernels, r->draws, all, &r->source, role, index * all, &law, r->words);
  for (size_t i = 0; i < rows; i++)
    for (size_t a = 0; a < w; a++)
      x[i * w + a] = a < n ? r->draws[i * w + a] / shrink : 0;
}

/* Who wants whom, and whom a query of task cycle does not look at.  */
static void
choose_targets (struct run *r)
{
  const struct qk_training *t = r->t;
  struct qk_deal deal = { &r->source, ROLE_TARGET, 0 };
  size_t n = tokens_of (t), order[TABLE_TOKENS];
  if (t->task == QK_TASK_TABLE)
    qk_deal_permutation (r->target, n, order, n, &deal);
  for (size_t a = 0; a < n && t->task == QK_TASK_HEADS; a++)
    qk_deal_permutation (r->target + a * targets_of (t), targets_of (t), order, n, &deal);
  for (size_t a = 0; a < n && t->task == QK_TASK_NUMBER; a++)
    r->target[a] = a;
  if (t->task != QK_TASK_CYCLE)
    return;

  static const size_t next[] = { 1, 2, 0 }, along[] = { 1, 2, 1 };
  for (size_t a = 0; a < n; a++)
    {
      size_t first = a / 3 * 3;
      bool triples = t->pattern == QK_PATTERN_CYCLE || t->pattern == QK_PATTERN_CHAIN;
      r->target[a] = t->pattern == QK_PATTERN_CYCLE   ? first + next[a % 3]
                     : t->pattern == QK_PATTERN_CHAIN ? first + along[a % 3]
                     : t->pattern == QK_PATTERN_PAIRS ? a ^ 1
                                                      : a;
      for (size_t b = 0; b < n; b++)
        r->hidden[a * n + b]
            = (triples && b / 3 != a / 3) || (b == a && t->pattern != QK_PATTERN_SELF);
    }
}

/* The parameters before the first step.  */
static void
begin (struct run *r)
{
  const struct qk_training *t = r->t;
  size_t d = width_of (t), n = tokens_of (t), w = qk_layer_width (n);
  double shrink = t->shrink > 0 ? t->shrink : 1, sd = 1;
  double *here = r->w;
  if (t->task == QK_TASK_NUMBER)
    {
      n = FEATURES;
      w = FEATURES_WIDTH;
      sd = sqrt (1. / FEATURES);
    }
  else if (t->task == QK_TASK_RELATION)
    sd = sqrt (1. / MODEL);
  size_t heads = t->task == QK_TASK_CYCLE ? heads_of (t) : 1;
  for (size_t j = 0; j < heads; j++)
    {
      draw (r, here, d, n, w, ROLE_Q, j, sd, shrink);
      here += d * w;
      /* Shared tables are those of Q; a generator in sequence draws both.  */
      if (!r->layer.shared || r->source.foreign)
        draw (r, r->layer.shared ? r->g : here, d, n, w, ROLE_K, j, sd, shrink);
      here += r->layer.shared ? 0 : d * w;
    }
  choose_targets (r);
  if (t->task == QK_TASK_HEADS)
    {
      size_t u = qk_layer_width (HEADS_VALUE), z = qk_layer_width (HEADS_VALUE * targets_of (t));
      draw (r, here, d, HEADS_VALUE, u, ROLE_WV, 0, sqrt (1. / HEADS_WIDTH), 1);
      here += d * u;
      draw (r, here, d, HEADS_VALUE * targets_of (t), z, ROLE_WO, 0, sqrt (1. / HEADS_WIDTH), 1);
    }
  if (t->task == QK_TASK_RELATION)
    {
      draw (r, r->rotation, MODEL, MODEL, MODEL, ROLE_ROTATION, 0, 1, 1);
      qk_rotation (r->rotation, MODEL);
    }
  if (r->layer.additive && t->task != QK_TASK_RELATION && t->task != QK_TASK_HEADS)
    draw (r, here, 1, d, qk_layer_width (d), ROLE_V, 0, sqrt (2 / ((double)d + 1)), 1);
  if (t->task == QK_TASK_NUMBER)
    for (size_t a = 0; a < NUMBER_TOKENS; a++)
      {
        double x = ((double)(2 * a) - (NUMBER_TOKENS - 1)) / (NUMBER_TOKENS - 1);
        r->features[a] = x;
        r->features[NUMBER_TOKENS + a] = 1;
        for (size_t i = 0; i < FEATURES_WIDTH; i++)
          r->turned[a * FEATURES_WIDTH + i] = i == 0 ? x : i == 1;
      }
  memset (r->m, 0, r->parameters * sizeof *r->m);
  memset (r->v, 0, r->parameters * sizeof *r->v);
}

/* Examples of batch number index, of those to learn from or of the last ones.  */
static void
draw_examples (struct run *r, size_t index, bool last, struct qk_deal *deal)
{
  draw (r, r->y, EXAMPLES * MODEL, KEYS, KEYS, last ? ROLE_LAST_EXAMPLE : ROLE_EXAMPLE, index, 1,
        1);
  for (size_t e = 0; e < EXAMPLES; e++)
    {
      double *y = r->y + e * MODEL * KEYS, square[KEYS] = { 0 };
      for (size_t i = 0; i < MODEL; i++)
        for (size_t k = 0; k < KEYS; k++)
          square[k] += y[i * KEYS + k] * y[i * KEYS + k];
      for (size_t k = 0; k < KEYS; k++)
        square[k] = sqrt (MODEL / square[k]);
      for (size_t i = 0; i < MODEL; i++)
        for (size_t k = 0; k < KEYS; k++)
          y[i * KEYS + k] *= square[k];
      r->target[e] = (size_t)qk_deal_below (deal, KEYS);
      for (size_t i = 0; i < MODEL; i++)
        r->wanted[e * MODEL + i] = y[i * KEYS + r->target[e]];
    }
  /* The transpose of a random rotation is one too.  */
  r->kernels->multiply (r->x, r->wanted, r->rotation, EXAMPLES, MODEL, MODEL, MODEL, 1);
}

/* ---- The steps
 * ----------------------------------------------------------------------------------- */

/* Tables of numbers from the weights of their features.  */
static void
make_tables (struct run *r)
{
  size_t d = r->t->d, w = NUMBER_TOKENS, f = FEATURES_WIDTH;
  for (size_t j = 0; j < 2; j++)
    r->kernels->multiply (r->tables + j * d * w, r->w + j * d * f, r->features, d, FEATURES, w, f,
                          1);
  if (r->layer.additive)
    memcpy (r->tables + 2 * d * w, r->w + 2 * d * f, qk_layer_width (d) * sizeof *r->w);
}

/* Loss and gradient of the parameters w; as qk_layer_pass.  */
static int
pass (struct run *r, double *loss, double *gradient, double *accuracy, const double *w)
{
  size_t d = r->t->d, n = NUMBER_TOKENS, f = FEATURES_WIDTH;
  switch (r->t->task)
    {
    case QK_TASK_RELATION:
      return qk_examples_pass (loss, gradient, accuracy, w, &r->examples, r->kernels, r->room);
    case QK_TASK_HEADS:
      return qk_mixture_pass (loss, gradient, accuracy, w, &r->mixture, r->kernels, r->room);
    case QK_TASK_NUMBER:
      break;
    default:
      return qk_layer_pass (loss, gradient, accuracy, w, &r->layer, r->kernels, r->room);
    }
  make_tables (r);
  if (qk_layer_pass (loss, gradient ? r->dtables : NULL, accuracy, r->tables, &r->layer, r->kernels,
                     r->room))
    return -1;
  if (!gradient)
    return 0;
  for (size_t j = 0; j < 2; j++)
    r->kernels->multiply (gradient + j * d * f, r->dtables + j * d * n, r->turned, d, n, f, n, 1);
  if (r->layer.additive)
    memcpy (gradient + 2 * d * f, r->dtables + 2 * d * n, qk_layer_width (d) * sizeof *gradient);
  return 0;
}

/* The loss and the accuracy after the last step.  */
static int
final_pass (struct run *r, double *loss, double *accuracy)
{
  if (r->t->task != QK_TASK_RELATION)
    return pass (r, loss, NULL, accuracy, r->w);
  struct qk_deal deal = { &r->source, ROLE_LAST_WANTED, 0 };
  *loss = *accuracy = 0;
  for (size_t i = 0; i < LAST_BATCHES; i++)
    {
      double one, right;
      draw_examples (r, i, true, &deal);
      if (pass (r, &one, NULL, &right, r->w))
        return -1;
      *loss += one / LAST_BATCHES;
      *accuracy += right / LAST_BATCHES;
    }
  return 0;
}

/* Quantiles of the lengths of the columns of dL/dQ.  */
static void
gradient_quantiles (double quantile[3], const struct run *r)
{
  static const size_t tenths[] = { 1, 5, 9 };
  const double *g = r->t->task == QK_TASK_NUMBER ? r->dtables : r->g;
  size_t n = tokens_of (r->t), w = qk_layer_width (n), d = width_of (r->t);
  double length[TABLE_TOKENS] = { 0 };
  for (size_t i = 0; i < d; i++)
    for (size_t a = 0; a < n; a++)
      length[a] += g[i * w + a] * g[i * w + a];
  for (size_t a = 1; a < n; a++)
    for (size_t b = a; b > 0 && length[b] < length[b - 1]; b--)
      {
        double x = length[b];
        length[b] = length[b - 1];
        length[b - 1] = x;
      }
  for (size_t i = 0; i < 3; i++)
    quantile[i] = sqrt (length[(n * tenths[i] + 9) / 10 - 1]);
}

/* Q and K by rows of tokens.  */
static void
keep_tables (double *q, double *k, struct run *r)
{
  size_t rows = qk_training_rows (r->t), d = width_of (r->t), w = qk_layer_width (rows);
  const double *tables[2] = { r->w, r->layer.shared ? r->w : r->w + d * w };
  double *out[2] = { q, k };
  const double *input[2] = { r->x, r->wanted };
  if (r->t->task == QK_TASK_NUMBER)
    {
      make_tables (r);
      tables[0] = r->tables;
      tables[1] = r->tables + d * w;
    }
  for (size_t j = 0; j < 2; j++)
    for (size_t a = 0; out[j] && a < rows; a++)
      for (size_t i = 0; i < d; i++)
        if (r->t->task == QK_TASK_RELATION)
          {
            const double *weights = r->w + (j * d + i) * MODEL;
            double sum = 0;
            for (size_t l = 0; l < MODEL; l++)
              sum += input[j][a * MODEL + l] * weights[l];
            out[j][a * d + i] = sum;
          }
        else
          out[j][a * d + i] = tables[j][i * w + a];
}

/* The losses with each part of the coordinates removed.  */
static void
remove_parts (struct qk_trained *result, struct run *r)
{
  size_t parts = r->t->parts, count = HEADS_WIDTH / parts;
  for (size_t j = 0; j < parts; j++)
    {
      double left = QK_TRAINING_DIVERGED, fitted = QK_TRAINING_DIVERGED;
      memcpy (r->spare, r->w, r->parameters * sizeof *r->w);
      qk_mixture_remove (r->spare, &r->mixture, j * count, count);
      if (!pass (r, &left, NULL, NULL, r->spare))
        {
          qk_mixture_refit (r->spare, &r->mixture, r->room, r->scratch);
          if (pass (r, &fitted, NULL, NULL, r->spare))
            fitted = QK_TRAINING_DIVERGED;
        }
      else
        left = QK_TRAINING_DIVERGED;
      result->removed += left / (double)parts;
      result->refitted += fitted / (double)parts;
      result->removed_worst = fmax (result->removed_worst, left);
      result->refitted_worst = fmax (result->refitted_worst, fitted);
    }
}

/* Take note of the loss after so many steps.  */
static void
note (struct qk_trained *result, const struct qk_training *t, size_t step, double loss,
      struct qk_trace *trace)
{
  if (step == 0)
    result->first = result->lowest = loss;
  if (loss < result->lowest)
    result->lowest = loss;
  if (loss < TENTH && result->tenth > (double)t->steps)
    result->tenth = (double)step;
  if (step < t->steps)
    result->area += loss;
  else
    result->last = loss;
  if (trace && trace->curve)
    trace->curve[step] = loss;
}

void
qk_training_run (struct qk_trained *result, const struct qk_training *t, uint64_t seed,
                 uint64_t unit, const struct qk_kernels *kernels, struct qk_source *source,
                 void *room, struct qk_trace *trace)
{
  struct run run, *r = &run;
  lay (r, t, room);
  r->kernels = kernels;
  r->source = *source;
  char text[64];
  snprintf (text, sizeof text, "train %s d=%zu", task_names[t->task], width_of (t));
  qk_source_open (&r->source, seed, qk_cell (text, 0), unit);

  begin (r);
  *result = (struct qk_trained){ .tenth = (double)t->steps + 1 };
  struct qk_descent descent
      = { t->optimizer, t->rate, t->epsilon > 0 ? t->epsilon : 1e-8, 1, 1, r->m, r->v };
  struct qk_deal deal = { &r->source, ROLE_WANTED, 0 };
  for (size_t step = 0; step < t->steps; step++)
    {
      double loss = 0;
      if (t->task == QK_TASK_RELATION && (!result->diverged || r->source.foreign))
        draw_examples (r, step, false, &deal);
      result->diverged = result->diverged || pass (r, &loss, r->g, NULL, r->w);
      note (result, t, step, result->diverged ? QK_TRAINING_DIVERGED : loss, trace);
      if (result->diverged)
        continue;
      if (step == 0)
        {
          gradient_quantiles (result->gradient, r);
          if (trace)
            keep_tables (trace->first_q, trace->first_k, r);
        }
      qk_descent_step (r->w, r->g, r->parameters, &descent, kernels);
    }

  double loss = 0, accuracy = 0;
  result->diverged = result->diverged || final_pass (r, &loss, &accuracy);
  note (result, t, t->steps, result->diverged ? QK_TRAINING_DIVERGED : loss, trace);
  result->area = t->steps ? result->area / (double)t->steps : result->last;
  result->accuracy = result->diverged ? 0 : accuracy;
  if (trace)
    {
      trace->rows = qk_training_rows (t);
      for (size_t a = 0; a < trace->rows; a++)
        trace->target[a] = t->task == QK_TASK_RELATION ? a
                           : t->task == QK_TASK_HEADS  ? r->target[a * targets_of (t)]
                                                       : r->target[a];
      keep_tables (trace->last_q, trace->last_k, r);
    }
  if (t->task == QK_TASK_HEADS && t->parts)
    remove_parts (result, r);
}
