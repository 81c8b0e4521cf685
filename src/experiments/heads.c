/* heads.c -- one head or several: parameters, cost, diversity.

   Counts are of shapes alone.  What is sampled: rows of independent logits in two heads; inputs
   whose heads share the tokens X; scores of two tokens under common initialisations; a few inputs
   whose score matrices are looked at closely; and the clock, beside a whole forward pass.  The
   independent unit is one input, tokens with the weights of all its heads, or one pair of rows of
   logits.  */

#include "../attention.h"
#include "../enclose.h"
#include "../heads_theory.h"
#include "../inputs.h"
#include "../message.h"
#include "../multihead.h"
#include "../scored.h"
#include "../softmax_theory.h"
#include "../tiling.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a case may cost unless --max-samples says otherwise: a few minutes; and what a block should
   cost at least to be worth its row.  */
static const double MAX_COST = 0x1p39, LEAST_COST = 0x1p18;

/* What may be spent on telling the overlap of heads that share X from that of independent ones:
   some seconds.  What they have more falls like 1/D.  */
static const double OVERLAP_COST = 0x1p36;

static const double MOST_DOUBLES = 0x1p25; /* of an input, a worker: 256 MB */

/* Tokens of an input of scores, whose variance does not depend on their number: the power of two
   between these with which it costs least.  */
static const double LEAST_SCORE_TOKENS = 8, MOST_SCORE_TOKENS = 256;

/* Score matrices: how many inputs, and the tokens from which on singular values take too long.  */
static const double CLOSE = 8, MOST_TOKENS = 256;

/* Forward passes: what one may cost, and how many are timed: enough for an interval of the median,
   unless that takes too long.  */
static const double PASS_COST = 0x1p33, PASSES_COST = 0x1p34, MOST_PASSES = 32, LEAST_PASSES = 5;

/* Multiply-adds, or their equivalent in time, of a score: of its exponential and weight, of the
   divergence of two weights, of its square.  */
static const double WEIGHT_COST = 24, DIVERGENCE_COST = 48, SQUARE_COST = 4;

static const double U = 0x1p-53;

enum
{
  DEPTH = 3 /* coordinates of the tokens of the construction */
};

static const size_t NONE = SIZE_MAX;

/* Constants of a case, or of statements without one.  */
struct setup
{
  struct qk_heads shape;
  struct qk_inputs inputs;
  size_t n;
  double sigma;           /* of logits */
  enum qk_head_init init; /* of scores */
  uint64_t count;         /* inputs, or panels of logits, a block */
};

static double
length_of (const struct qk_params *p, double D, double h, size_t i)
{
  return p->dk.n ? p->dk.value[i] : D / h;
}

/* ---- Blocks: logits -------------------------------------------------------------------------- */

enum
{
  OVERLAP,
  DIVERGENCE,
  PARTICIPATION, /* overlap and divergence of a head with itself */
  SELF_DIVERGENCE,
  LOGITS_COLUMNS,
  SHARED_COLUMNS = PARTICIPATION
};

static double
total (const double lanes[QK_LANES], size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += lanes[i];
  return sum;
}

/* Two heads, as roles, with logits of their own.  */
static int
logits_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  const struct qk_kernels *kernels = work->kernels;
  const struct qk_law law = { &qk_law_types[QK_NORMAL], .sd = u->sigma };
  size_t n = u->n, size = qk_rows_size (QK_LANES, n);
  struct qk_store store = { work->scratch, 0 };
  uint64_t *words = (uint64_t *)qk_store_take (&store, 2 * size);
  double *s = qk_store_take (&store, size);
  double *p[2] = { qk_store_take (&store, size), qk_store_take (&store, size) };
  _Alignas(QK_ALIGN) double sum[LOGITS_COLUMNS][QK_LANES] = { { 0 } };
  qk_source_open (&work->source, work->seed, c->cell, index);
  for (uint64_t t = 0; t < u->count; t++)
    {
      for (unsigned head = 0; head < 2; head++)
        {
          qk_fill (kernels, s, size, &work->source, head, t * size, &law, words);
          qk_scores_weights (p[head], s, QK_LANES, n, n, 1, kernels);
        }
      kernels->row_divergence (sum[OVERLAP], sum[DIVERGENCE], p[0], p[1], n);
      kernels->row_divergence (sum[PARTICIPATION], sum[SELF_DIVERGENCE], p[0], p[0], n);
    }
  for (int i = 0; i < LOGITS_COLUMNS; i++)
    row[i] = total (sum[i], QK_LANES) / (double)(QK_LANES * u->count);
  return isnan (row[OVERLAP] + row[DIVERGENCE]) ? -1 : 0;
}

static size_t
logits_room (const struct setup *u)
{
  struct qk_store store = { 0 };
  for (int i = 0; i < 5; i++)
    qk_store_take (&store, qk_rows_size (QK_LANES, u->n));
  return store.used;
}

/* ---- Blocks: heads that share X -------------------------------------------------------------- */

/* Q and K of every head; and, of a panel of eight tokens, scores of a head, its weights, those of
   the head before it, and the sum of the weights of all before it.  */
struct shared
{
  double *q, *k;
  double *s, *p, *before, *all;
};

static struct shared
shared_room (struct qk_store *from, const struct setup *u)
{
  size_t b = qk_rows_padded (u->n), panel = QK_LANES * b;
  size_t operand = u->inputs.heads * b * qk_inputs_width (&u->inputs);
  struct shared w;
  w.q = qk_store_take (from, operand);
  w.k = qk_store_take (from, operand);
  w.s = qk_store_take (from, panel);
  w.p = qk_store_take (from, panel);
  w.before = qk_store_take (from, panel);
  w.all = qk_store_take (from, panel);
  return w;
}

/* Draw an input and all its heads.  */
static struct shared
draw_shared (const struct setup *u, uint64_t t, struct qk_work *work)
{
  struct qk_drawn in = qk_inputs_lay (&u->inputs, work->scratch);
  struct shared w = shared_room (&in.rest, u);
  size_t operand = qk_rows_padded (u->n) * qk_inputs_width (&u->inputs);
  qk_inputs_draw_tokens (&in, &u->inputs, t, work);
  for (size_t head = 0; head < u->inputs.heads; head++)
    {
      in.q = w.q + head * operand;
      in.k = w.k + head * operand;
      qk_inputs_draw_head (&in, &u->inputs, t, head, work);
    }
  return w;
}

/* Scores of the tokens of panel i with all, by a head.  */
static void
panel_scores (double *s, const struct shared *w, const struct setup *u, size_t i, size_t head,
              const struct qk_kernels *kernels)
{
  size_t b = qk_rows_padded (u->n), width = qk_inputs_width (&u->inputs);
  const double *q = w->q + head * b * width, *k = w->k + head * b * width;
  for (size_t a = 0; a < width; a += QK_DEPTH)
    {
      size_t depth = qk_chunk_depth (width, a);
      kernels->tile (s, q + a * b + i * depth, k + a * b, QK_LANES, b, depth, a == 0);
    }
}

/* Add what panel i says: sums over its rows of the overlap of all pairs of heads, and of the
   divergence of neighbours.  */
static void
add_panel (double sum[static SHARED_COLUMNS], struct shared w, const struct setup *u, size_t i,
           const struct qk_kernels *kernels)
{
  size_t n = u->n, b = qk_rows_padded (n), rows = qk_smaller (n - i, QK_LANES);
  _Alignas(QK_ALIGN) double none[QK_LANES] = { 0 }, apart[QK_LANES] = { 0 };
  double common[QK_LANES] = { 0 };
  for (size_t j = 0; j < QK_LANES * b; j++)
    w.all[j] = 0;
  for (size_t head = 0; head < u->inputs.heads; head++)
    {
      panel_scores (w.s, &w, u, i, head, kernels);
      qk_scores_weights (w.p, w.s, QK_LANES, b, n, 1 / sqrt (u->shape.d), kernels);
      if (head > 0)
        kernels->row_divergence (none, apart, w.before, w.p, b);
      for (size_t j = 0; j < b; j++)
        for (size_t lane = 0; lane < QK_LANES; lane++)
          {
            size_t at = QK_LANES * j + lane;
            common[lane] += w.all[at] * w.p[at];
            w.all[at] += w.p[at];
          }
      double *swap = w.p;
      w.p = w.before;
      w.before = swap;
    }
  sum[OVERLAP] += total (common, rows);
  sum[DIVERGENCE] += total (apart, rows);
}

/* Means over rows and over pairs of heads, of neighbouring ones for the divergence.  */
static int
shared_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  double h = u->shape.h, rows = (double)u->count * (double)u->n, sum[SHARED_COLUMNS] = { 0 };
  qk_source_open (&work->source, work->seed, c->cell, index);
  for (uint64_t t = 0; t < u->count; t++)
    {
      struct shared w = draw_shared (u, t, work);
      for (size_t i = 0; i < u->n; i += QK_LANES)
        add_panel (sum, w, u, i, work->kernels);
    }
  row[OVERLAP] = sum[OVERLAP] / (h * (h - 1) / 2 * rows);
  row[DIVERGENCE] = sum[DIVERGENCE] / ((h - 1) * rows);
  return isnan (row[OVERLAP] + row[DIVERGENCE]) ? -1 : 0;
}

/* ---- Blocks: scores, matrices, time ---------------------------------------------------------- */

/* The mean square of the scores of different tokens.  */
static int
scores_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  size_t n = u->n, b = qk_rows_padded (n);
  double pairs = (double)n * (double)(n - 1);
  struct qk_drawn in;
  qk_source_open (&work->source, work->seed, c->cell, index);
  *row = 0;
  for (uint64_t t = 0; t < u->count; t++)
    {
      double sum = 0;
      qk_inputs_draw (&in, &u->inputs, t, work);
      double *s = qk_store_take (&in.rest, b * b);
      qk_operand_scores (s, in.q, b, b, in.k, b, qk_inputs_width (&u->inputs), work->kernels);
      for (size_t i = 0; i < n; i += QK_LANES)
        {
          double lane[QK_LANES] = { 0 };
          for (size_t j = 0; j < n; j++)
            for (size_t r = 0; r < QK_LANES; r++)
              {
                double x = s[i * b + QK_LANES * j + r];
                lane[r] += i + r == j ? 0 : x * x;
              }
          sum += total (lane, qk_smaller (n - i, QK_LANES));
        }
      *row += sum / pairs / (double)u->count;
    }
  return isnan (*row) ? -1 : 0;
}

enum
{
  RANK,         /* of S */
  PATTERN_RANK, /* of S less its means over rows */
  CLOSE_COLUMNS
};

/* Singular values of S = Q K^T and of S less its row means, log P less its own.  */
static int
close_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  size_t n = u->n, b = qk_rows_padded (n), width = qk_inputs_width (&u->inputs);
  struct qk_drawn in;
  qk_source_open (&work->source, work->seed, c->cell, index);
  qk_inputs_draw (&in, &u->inputs, 0, work);
  double *s = qk_store_take (&in.rest, b * b), *a = qk_store_take (&in.rest, n * n),
         *room = qk_store_take (&in.rest, 2 * n);
  qk_operand_scores (s, in.q, b, b, in.k, b, width, work->kernels);
  double size = qk_array_length (in.q, b * width) * qk_array_length (in.k, b * width);
  double floor = (double)(16 * n + 2 * width) * U * size;
  for (int which = 0; which < CLOSE_COLUMNS; which++)
    {
      qk_scores_unfold (a, s, n);
      for (size_t i = 0; which == PATTERN_RANK && i < n; i++)
        {
          double mean = 0;
          for (size_t j = 0; j < n; j++)
            mean += a[i * n + j];
          for (size_t j = 0; j < n; j++)
            a[i * n + j] -= mean / (double)n;
        }
      row[which] = qk_matrix_rank (a, n, floor, room);
    }
  return row[RANK] < 0 || row[PATTERN_RANK] < 0 ? -1 : 0;
}

static struct qk_multihead_shape
shape_of (const struct setup *u)
{
  const struct qk_heads *s = &u->shape;
  return (struct qk_multihead_shape){ u->n, (size_t)s->D, (size_t)s->h, (size_t)s->d,
                                      (size_t)(s->D / s->h) };
}

/* Tokens, weights and room of a forward pass, what follows them, and the largest operand.  */
struct pass
{
  struct qk_multihead weights;
  double *x, *y, *room;
  uint64_t *words;
  struct qk_store rest;
};

static struct pass
lay_pass (const struct setup *u, void *memory)
{
  struct pass a = { .weights.shape = shape_of (u), .rest = { memory, 0 } };
  const struct qk_multihead_shape *s = &a.weights.shape;
  size_t tokens = qk_rows_size (s->n, s->D), query = qk_multihead_query_size (s),
         value = qk_multihead_value_size (s), output = qk_multihead_output_size (s);
  size_t most = qk_larger (qk_larger (tokens, query), qk_larger (value, output));
  a.words = (uint64_t *)qk_store_take (&a.rest, 2 * most);
  a.x = qk_store_take (&a.rest, tokens);
  a.y = qk_store_take (&a.rest, qk_rows_padded (s->n) * qk_rows_padded (s->D));
  a.room = qk_store_take (&a.rest, qk_multihead_room (s));
  a.weights.wq = qk_store_take (&a.rest, s->h * query);
  a.weights.wk = qk_store_take (&a.rest, s->h * query);
  a.weights.wv = qk_store_take (&a.rest, s->h * value);
  a.weights.wo = qk_store_take (&a.rest, s->h * output);
  return a;
}

static void
draw_weights (double *w, size_t rows, size_t d, size_t size, unsigned role, const struct pass *a,
              const struct qk_law *law, struct qk_work *work)
{
  for (size_t head = 0; head < a->weights.shape.h; head++)
    qk_operand_draw (w + head * size, rows, d, law, true, head, role, work->kernels, &work->source,
                     a->words);
}

/* One pass, by the clock.  */
static int
forward_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  struct pass a = lay_pass (u, work->scratch);
  const struct qk_multihead_shape *s = &a.weights.shape;
  const struct qk_law *law = &u->inputs.weight;
  qk_source_open (&work->source, work->seed, c->cell, index);
  qk_operand_draw (a.x, s->n, s->D, &u->inputs.law, false, 0, QK_ROLE_X, work->kernels,
                   &work->source, a.words);
  draw_weights (a.weights.wq, s->d, s->D, qk_multihead_query_size (s), QK_ROLE_WQ, &a, law, work);
  draw_weights (a.weights.wk, s->d, s->D, qk_multihead_query_size (s), QK_ROLE_WK, &a, law, work);
  draw_weights (a.weights.wv, s->e, s->D, qk_multihead_value_size (s), QK_ROLE_OTHERS, &a, law,
                work);
  draw_weights (a.weights.wo, s->D, qk_rows_padded (s->e), qk_multihead_output_size (s),
                QK_ROLE_OTHERS + 1, &a, law, work);
  double begin = work->clock ();
  qk_multihead (a.y, a.x, &a.weights, a.room, work->kernels);
  *row = work->clock () - begin;
  return isnan (a.y[0]) ? -1 : 0;
}

static const struct qk_column logits_columns[] = {
  { "overlap", 1 }, { "divergence", 1 }, { "participation", 1 }, { "self_divergence", 1 }, { 0 }
};
static const struct qk_column shared_columns[] = { { "overlap", 1 }, { "divergence", 1 }, { 0 } };
static const struct qk_column scores_columns[] = { { "score_square", 1 }, { 0 } };
static const struct qk_column close_columns[]
    = { { "score_rank", 1 }, { "pattern_rank", 1 }, { 0 } };
static const struct qk_column forward_columns[] = { { "seconds", 1 }, { 0 } };

static const struct qk_kind logits_kind
    = { .name = "logits", .unit = "row", .columns = logits_columns, .block = logits_block };
static const struct qk_kind shared_kind
    = { .name = "shared", .unit = "input", .columns = shared_columns, .block = shared_block };
static const struct qk_kind scores_kind
    = { .name = "scores", .unit = "input", .columns = scores_columns, .block = scores_block };
static const struct qk_kind close_kind
    = { .name = "close", .unit = "input", .columns = close_columns, .block = close_block };
static const struct qk_kind forward_kind = { .name = "forward",
                                             .unit = "pass",
                                             .columns = forward_columns,
                                             .alone = true,
                                             .block = forward_block };

/* ---- Quantities ------------------------------------------------------------------------------ */

enum quantity
{
  PARAMETERS,
  PARAMETERS_SAVED,
  BIASES,
  FLOPS,
  SOFTMAX_FLOPS,
  HEADS_TIME,
  HEAD_OVERLAP,
  HEAD_DIVERGENCE,
  EXCESS_SLOPE,
  SCORE_RANK,
  PATTERN_RANKS,
  HEAD_SCORE_VARIANCE,
  MIXTURE_ERROR
};

static const struct qk_quantity quantities[] = {
  { "parameters", "parameters", "parameter", QK_LEAD, "4 D²; 2 D² + 2 D h d_k with --dk",
    "Parameters of W_Q, W_K, W_V (3 D² in all) and W_O (D²), counted head by head: the same for "
    "every number of heads where d_k = D/h. Biases apart." },
  { "parameters_saved", "fewer", "parameter", QK_COLUMN, "2 D (D − h d_k)",
    "With --dk: how many parameters fewer than with d_k = D/h." },
  { "biases", "biases", "parameter", QK_DETAIL, "4 D; 2 D + 2 h d_k with --dk",
    "Biases of the four projections, where there are any." },
  { "flops", "operations", "operation", QK_COLUMN,
    "8 n D² + 4 n² D; 4 n D² + 4 n D h d_k + 2 n² D + 2 n² h d_k with --dk",
    "Operations of a forward pass over n tokens, the softmax apart; a multiply-add is two. The "
    "same for every number of heads where d_k = D/h." },
  { "softmax_flops", "of softmax", "operation", QK_COLUMN, "5 h n²",
    "Operations of the softmax, five a score: the part that grows with the number of heads." },
  { "heads_time", "seconds", "s", QK_COLUMN, "none: measured",
    "Time of a whole forward pass on one core, median: all projections, scores, softmax, outputs. "
    "Heads of fewer than eight columns are padded to eight. Cases run alone and in turn." },
  { "head_overlap", "overlap", "1", QK_LINE,
    "independent: 1/n (1+T)^±1; shared inputs: at least 1/n (n = 2: 1/n (1+T)^±1); identical: "
    "exact (1+T)^±1",
    "E Σ p^a p^b: what the weights of two heads have in common, summed over keys. Independent "
    "logits: 1/n. Heads that share X: at least 1/n, for given X they are independent and alike; "
    "what they have more falls like 1/D. Identical heads: E Σp²." },
  { "head_divergence", "JSD", "nat", QK_LINE,
    "independent: exact ± T ln 2; identical: 0; shared inputs: none",
    "The Jensen–Shannon divergence of the weights of two heads: the entropy of their mean less "
    "their mean entropy. From 0, for equal weights, to ln 2 nats, for weights on different keys." },
  { "excess_slope", "slope of excess", "1", QK_LINE, "below 0",
    "Heads that share X, several --model-dim: the slope of the logarithm of what n times their "
    "overlap has above 1 against log D." },
  { "score_rank", "rank S", "1", QK_COLUMN,
    "min(n, d_k, D); at most, for rademacher and sparse components",
    "Largest rank of the scores of a head, by singular values, among 8 inputs: at most d_k, where "
    "a pattern of weights may need n − 1." },
  { "pattern_rank", "rank of log P", "1", QK_DETAIL, "min(n − 1, d_k, D); at most, likewise",
    "The same of log P less its means over rows: what the softmax can see of S." },
  { "head_score_variance", "Var s", "score^2", QK_LINE, "exact (1+T)^±1",
    "Variance of a score of two different tokens of a head, d_k (w D)² for weights of variance w: "
    "d_k with --init=unit (w = 1/D), d_k(2h/(h+1))² with xavier (each head by itself), d_k/4 with "
    "packed (Xavier over W_Q, W_K, W_V as one matrix), d_k/9 with linear (w = 1/(3D), a common "
    "default), where d_k = D/h." },
  { "mixture_error", "lost", "1", QK_ASIDE,
    "one head: at least 1/2; two: at most T²; both as computed exactly",
    "Values of two keys are wanted at once: the mean share of them that is lost in what one head "
    "returns, with the best weights and the best readout, and in what two heads return, each with "
    "weight at least 1 − T on a key of its own." },
  { 0 }
};

/* ---- Counts ---------------------------------------------------------------------------------- */

/* Head by head, of one block: whole numbers, below 2^53 as the plan has checked.  */
static double
count (enum quantity quantity, const struct qk_heads *s)
{
  uint64_t n = (uint64_t)s->n, D = (uint64_t)s->D, d = (uint64_t)s->d, e = D / (uint64_t)s->h;
  uint64_t matrices = 0, biases = D, scores = 0, softmax = 0;
  for (uint64_t head = 0; head < (uint64_t)s->h; head++)
    {
      matrices += D * d + D * d + D * e + e * D; /* W_Q, W_K, W_V, W_O */
      biases += d + d + e;
      scores += n * n * d + n * n * e; /* Q K^T, P V */
      softmax += 5 * n * n;
    }
  uint64_t all = quantity == PARAMETERS ? matrices
                 : quantity == BIASES   ? biases
                 : quantity == FLOPS    ? 2 * (n * matrices + scores)
                                        : softmax;
  return (double)(all * (uint64_t)s->layers);
}

/* With d_k = D / h.  */
static struct qk_heads
divided (struct qk_heads s)
{
  s.d = s.D / s.h;
  return s;
}

/* ---- The construction of two keys ------------------------------------------------------------ */

/* Tokens (1, 0, 1), (0, 1, 1), and (0, 0, 1) for all others; every query is g, key i of a head is 1
   where its weights ask for it: the scores are g for the keys wanted and 0 for the others.  */
static double
mixture (double heads, double n, double eps, double *room)
{
  size_t tokens = (size_t)n, h = (size_t)heads;
  double g = log ((n - 1) / eps);
  const double query[DEPTH] = { 0, 0, g };
  const double key[2][DEPTH] = { { 1, h == 1, 0 }, { 0, 1, 0 } };
  double *x = room, *q = x + DEPTH * tokens, *k = q + tokens, *p = k + tokens;
  for (size_t i = 0; i < tokens; i++)
    {
      x[DEPTH * i] = i == 0;
      x[DEPTH * i + 1] = i == 1;
      x[DEPTH * i + 2] = 1;
    }
  qk_project (q, x, query, tokens, DEPTH, 1);
  for (size_t a = 0; a < h; a++)
    {
      qk_project (k, x, key[a], tokens, DEPTH, 1);
      qk_score_matrix (p + a * tokens, q, k, 1, tokens, 1);
      if (qk_softmax (p + a * tokens, p + a * tokens, tokens))
        return NAN;
    }
  double *rest = p + h * tokens;
  return (qk_weights_loss (p, h, tokens, 0, rest) + qk_weights_loss (p, h, tokens, 1, rest)) / 2;
}

static size_t
mixture_room (double n)
{
  return (size_t)n * (DEPTH + 2 + 2 + 3);
}

/* ---- Plan ------------------------------------------------------------------------------------ */

static const char *const inits[] = { "unit", "xavier", "packed", "linear", NULL };

static struct qk_law
law_of_weights (const struct qk_heads *s, enum qk_head_init init)
{
  return (struct qk_law){ &qk_law_types[init == QK_INIT_UNIT ? QK_NORMAL : QK_UNIFORM],
                          .sd = sqrt (qk_heads_weight_variance (init, s)) };
}

static double
second_moment (const struct qk_params *p)
{
  return qk_law_raw_moment (&p->q_dist, 2);
}

static double
pairs_of (const struct setup *u)
{
  return u->shape.h * (u->shape.h - 1) / 2;
}

/* Multiply-adds an input, or their equivalent in time; of logits, eight rows in two heads.  */
static double
cost_of (const struct setup *u, const struct qk_kind *kind)
{
  double n = (double)u->n, b = (double)qk_rows_padded (u->n), D = u->shape.D, d = u->shape.d;
  double width = (double)qk_rows_padded ((size_t)d), h = u->shape.h;
  if (kind == &logits_kind)
    return QK_LANES * n * (2 * QK_DRAW_COST + 2 * WEIGHT_COST + 2 * DIVERGENCE_COST);
  double head = QK_DRAW_COST * 2 * D * width + 2 * b * D * width + b * b * width;
  double tokens = QK_DRAW_COST * b * D;
  if (kind == &shared_kind)
    return tokens + h * (head + b * b * (WEIGHT_COST + DIVERGENCE_COST));
  if (kind == &scores_kind)
    return tokens + head + SQUARE_COST * b * b;
  if (kind == &close_kind)
    return tokens + head + 2 * QK_RANK_COST * n * n * n;
  double e = (double)qk_rows_padded ((size_t)(D / h)), side = (double)qk_rows_padded ((size_t)D);
  double pass = h * (2 * b * D * (width + e) + b * b * (width + e + WEIGHT_COST));
  return tokens + h * 2 * QK_DRAW_COST * side * (width + e) + pass;
}

/* Relative variance, over inputs, of the mean square of the scores of one, about.  */
static double
variance_of_scores (const struct setup *u)
{
  double n = u->shape.n, D = u->shape.D, d = u->shape.d;
  double kappa = qk_law_moment (&u->inputs.law, 4) - 3, tokens = fmax (1, (kappa + 2) / 2) / n;
  return 2 / (D * d) + 2 * (D + d + 1) / (D * D * d) + 8 * tokens * (2 / D + 1 / d) + 4 / (n * n);
}

static double
doubles_of (const struct setup *u, const struct qk_kind *kind)
{
  size_t b = qk_rows_padded (u->n);
  if (kind == &logits_kind)
    return (double)logits_room (u);
  if (kind == &forward_kind)
    return (double)lay_pass (u, NULL).rest.used;
  struct qk_store store = qk_inputs_lay (&u->inputs, NULL).rest;
  if (kind == &shared_kind)
    shared_room (&store, u);
  else
    qk_store_take (&store, b * b);
  if (kind == &close_kind)
    {
      qk_store_take (&store, u->n * u->n);
      qk_store_take (&store, 2 * u->n);
    }
  return (double)store.used;
}

static void
label_of (char *text, size_t size, const struct setup *u, const struct qk_kind *kind)
{
  const struct qk_heads *s = &u->shape;
  if (kind == &logits_kind)
    snprintf (text, size, "keys=%zu sigma=%.17g", u->n, u->sigma);
  else if (kind == &scores_kind)
    snprintf (text, size, "init=%s model_dim=%.0f heads=%.0f d_k=%.0f tokens=%zu", inits[u->init],
              s->D, s->h, s->d, u->n);
  else
    snprintf (text, size, "keys=%zu model_dim=%.0f heads=%.0f d_k=%.0f", u->n, s->D, s->h, s->d);
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, const struct setup *known)
{
  char input[QK_WHY], law[QK_WHY];
  label_of (input, sizeof input, known, kind);
  qk_law_format (law, sizeof law, &known->inputs.law);
  const char *label = qk_plan_print (plan, "%s %s", kind->name, input);
  const char *identity = qk_plan_print (plan, "heads %s %s law=%s", kind->name, input, law);
  return qk_plan_case (plan, kind, label, identity, qk_plan_copy (plan, known, sizeof *known));
}

/* A statement on a case of a kind of its own, or (kind NULL) without one.  */
static struct qk_statement *
add_statement (struct qk_plan *plan, enum quantity quantity, const struct qk_key *key,
               const size_t *source, const char *claim)
{
  struct qk_statement *s
      = qk_plan_statement (plan, quantities[quantity].name, source, source ? 1 : 0);
  s->claim = claim;
  s->key = key;
  return s;
}

/* Parts of a case of logits.  */
enum
{
  APART,
  IDENTICAL /* a head and itself */
};

static void
judge (struct qk_statement *s, enum qk_method method, double exact, struct qk_band band)
{
  s->method = method;
  s->exact = exact;
  s->band = band;
  s->judged = true;
}

/* ---- Plan: one setup ------------------------------------------------------------------------- */

static const struct qk_key *
keys_of (struct qk_plan *plan, const struct setup *u, const char *init)
{
  const struct qk_heads *s = &u->shape;
  struct qk_key first[QK_KEYS + 1] = { { 0 } };
  qk_key_add (first, (struct qk_key){ .name = "heads", .number = s->h });
  qk_key_add (first, (struct qk_key){ .name = "d_k", .number = s->d });
  qk_key_add (first, init ? (struct qk_key){ .name = "init", .text = init }
                          : (struct qk_key){ .name = "inputs", .text = "shared" });
  qk_key_add (first, (struct qk_key){ .name = "model_dim", .number = s->D });
  if (!init)
    qk_key_add (first, (struct qk_key){ .name = "keys", .number = s->n });
  if (s->layers != 1 && !init)
    qk_key_add (first, (struct qk_key){ .name = "layers", .number = s->layers });
  return qk_scored_keys (plan, first);
}

static bool
wants (const struct qk_plan *plan, enum quantity quantity)
{
  return qk_plan_wants (plan, quantities[quantity].name);
}

/* Counts: with d_k = D / h what the claim says, with --dk what its terms come to.  */
static void
add_counts (struct qk_plan *plan, const struct setup *u, const struct qk_key *keys)
{
  const struct qk_heads *s = &u->shape, even = divided (*s);
  const bool given = plan->params->dk.n > 0;
  const struct
  {
    enum quantity quantity;
    double exact;
    const char *claim;
    bool applies;
  } counts[] = {
    { PARAMETERS, qk_heads_parameters (s), "head-parameters", true },
    { PARAMETERS_SAVED, qk_heads_parameters (&even) - qk_heads_parameters (s), "head-parameters",
      given },
    { BIASES, qk_heads_biases (s), "head-parameters", true },
    { FLOPS, qk_heads_operations (s), "head-cost", true },
    { SOFTMAX_FLOPS, qk_heads_softmax_operations (s), "head-cost", true },
  };
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (counts[i].applies && wants (plan, counts[i].quantity))
      judge (add_statement (plan, counts[i].quantity, keys, NULL, counts[i].claim), QK_BY_EXACT,
             counts[i].exact, qk_band_equal (counts[i].exact));
}

static void
add_time (struct qk_plan *plan, const struct setup *u, const struct qk_key *keys)
{
  if (!wants (plan, HEADS_TIME))
    return;
  if (cost_of (u, &forward_kind) > PASS_COST || doubles_of (u, &forward_kind) > MOST_DOUBLES)
    {
      qk_plan_warn (plan, "keys=%zu model_dim=%.0f: a forward pass takes too long to be timed",
                    u->n, u->shape.D);
      return;
    }
  size_t source = add_case (plan, &forward_kind, u);
  struct qk_statement *s = add_statement (plan, HEADS_TIME, keys, &source, "head-cost");
  s->method = QK_BY_ORDER;
}

/* Of two keys a head prefers either as often, whatever X is, for weights W and -W are alike: then
   heads that share X overlap by 1/n.  */
static bool
meets_bound (const struct setup *u)
{
  return u->n == 2;
}

/* The case of heads that share X; NONE: there is none.  */
static size_t
add_shared (struct qk_plan *plan, const struct setup *u, const struct qk_key *keys)
{
  bool any
      = wants (plan, HEAD_OVERLAP) || wants (plan, HEAD_DIVERGENCE) || wants (plan, EXCESS_SLOPE);
  if (u->shape.h < 2 || !any)
    return NONE;
  if (cost_of (u, &shared_kind) * QK_MIN_BLOCKS > 2 * OVERLAP_COST)
    {
      qk_plan_warn (plan,
                    "model_dim=%.0f heads=%.0f: head_overlap and head_divergence of heads that "
                    "share X are left out: an input takes too long",
                    u->shape.D, u->shape.h);
      return NONE;
    }
  size_t source = add_case (plan, &shared_kind, u);
  double even = 1 / u->shape.n;
  if (wants (plan, HEAD_OVERLAP))
    judge (add_statement (plan, HEAD_OVERLAP, keys, &source, "head-subspaces"), QK_BY_T,
           meets_bound (u) ? even : NAN,
           meets_bound (u) ? qk_band_ratio (even, plan->params->tolerance) : qk_band_least (even));
  if (wants (plan, HEAD_DIVERGENCE))
    add_statement (plan, HEAD_DIVERGENCE, keys, &source, "head-subspaces")->method = QK_BY_T;
  return source;
}

/* What heads that share X have in common beyond 1/n, over model dimensions.  */
static void
add_slope (struct qk_plan *plan, const struct setup *u, const size_t *source, size_t sources)
{
  const struct qk_params *p = plan->params;
  struct qk_key first[QK_KEYS + 1] = { { 0 } };
  qk_key_add (first, (struct qk_key){ .name = "heads", .number = u->shape.h });
  if (p->dk.n)
    qk_key_add (first, (struct qk_key){ .name = "d_k", .number = u->shape.d });
  qk_key_add (first, (struct qk_key){ .name = "inputs", .text = "shared" });
  qk_key_add (first, (struct qk_key){ .name = "model_dim", .list = &p->model_dim });
  qk_key_add (first, (struct qk_key){ .name = "keys", .number = u->shape.n });
  struct qk_statement *s = qk_plan_statement (plan, quantities[EXCESS_SLOPE].name, source, sources);
  s->claim = "head-subspaces";
  s->key = qk_scored_keys (plan, first);
  judge (s, QK_BY_T, NAN, (struct qk_band){ -INFINITY, 0 });
}

/* Components that may be alike leave the bound.  */
static void
judge_rank (struct qk_statement *s, const struct setup *u, double most)
{
  if (qk_law_continuous (&u->inputs.law))
    judge (s, QK_BY_EXACT, most, qk_band_equal (most));
  else
    judge (s, QK_BY_BOUND, NAN, qk_band_most (most));
}

static void
add_ranks (struct qk_plan *plan, const struct setup *u, const struct qk_key *keys)
{
  bool rank = wants (plan, SCORE_RANK), pattern = wants (plan, PATTERN_RANKS);
  const struct qk_heads *s = &u->shape;
  if (!rank && !pattern)
    return;
  if ((double)u->n > MOST_TOKENS)
    {
      qk_plan_warn (plan, "keys=%zu: score_rank is left out above %.0f tokens", u->n, MOST_TOKENS);
      return;
    }
  size_t source = add_case (plan, &close_kind, u);
  if (rank)
    judge_rank (add_statement (plan, SCORE_RANK, keys, &source, "head-rank"), u,
                qk_heads_score_rank (s));
  if (pattern)
    judge_rank (add_statement (plan, PATTERN_RANKS, keys, &source, "head-rank"), u,
                qk_heads_pattern_rank (s));
}

/* Var s as the ledger says it, without the variance of the weights, from which they are drawn: as
   many heads as fill D, and the width of W_Q beside its height.  */
static double
stated_variance (enum qk_head_init init, const struct qk_heads *s)
{
  double heads = s->D / s->d, width = s->h * s->d / s->D;
  double side = init == QK_INIT_UNIT     ? 1
                : init == QK_INIT_XAVIER ? 2 * heads / (heads + 1)
                : init == QK_INIT_PACKED ? 1 / (1 + width)
                                         : 1 / 3.;
  return s->d * side * side;
}

static void
add_inits (struct qk_plan *plan, const struct setup *known)
{
  const struct qk_params *p = plan->params;
  for (size_t i = 0; i < p->init.n && wants (plan, HEAD_SCORE_VARIANCE); i++)
    {
      struct setup u = *known;
      u.init = (enum qk_head_init)p->init.value[i];
      u.inputs.weight = law_of_weights (&u.shape, u.init);
      size_t source = add_case (plan, &scores_kind, &u);
      double claim = stated_variance (u.init, &u.shape);
      judge (add_statement (plan, HEAD_SCORE_VARIANCE, keys_of (plan, &u, inits[u.init]), &source,
                            "head-init"),
             QK_BY_T, qk_heads_score_variance (u.init, &u.shape, second_moment (p)),
             qk_band_ratio (claim, p->tolerance));
    }
}

/* ---- Plan: beside the setups ----------------------------------------------------------------- */

static const struct qk_key *
keys_of_logits (struct qk_plan *plan, const struct setup *u, bool identical)
{
  struct qk_key *keys = qk_plan_keys (plan);
  qk_key_add (keys, identical ? (struct qk_key){ .name = "weights", .text = "shared" }
                              : (struct qk_key){ .name = "inputs", .text = "independent" });
  qk_key_add (keys, (struct qk_key){ .name = "keys", .number = (double)u->n });
  qk_key_add (keys, (struct qk_key){ .name = "sigma", .number = u->sigma });
  return keys;
}

/* Independent logits, and the control: a head and itself.  */
static void
add_logits (struct qk_plan *plan, const struct setup *u)
{
  const double n = (double)u->n, t = plan->params->tolerance;
  const struct qk_softmax_rows rows = { .n = n };
  struct qk_softmax_moments m;
  if (!wants (plan, HEAD_OVERLAP) && !wants (plan, HEAD_DIVERGENCE))
    return;
  qk_softmax_moments (&m, &rows, u->sigma);
  double divergence = qk_softmax_divergence (n, u->sigma);
  size_t source = add_case (plan, &logits_kind, u);
  for (size_t part = APART; part <= IDENTICAL; part++)
    {
      const struct qk_key *keys = keys_of_logits (plan, u, part == IDENTICAL);
      struct qk_statement *s;
      if (wants (plan, HEAD_OVERLAP))
        {
          double exact = part == IDENTICAL ? m.participation : 1 / n;
          s = add_statement (plan, HEAD_OVERLAP, keys, &source, "head-subspaces");
          judge (s, QK_BY_T, exact, qk_band_ratio (exact, t));
          s->part = part;
        }
      if (wants (plan, HEAD_DIVERGENCE))
        {
          s = add_statement (plan, HEAD_DIVERGENCE, keys, &source, "head-subspaces");
          if (part == IDENTICAL)
            judge (s, QK_BY_EXACT, 0, qk_band_equal (0));
          else
            judge (s, QK_BY_T, divergence, qk_band_absolute (divergence, t * log (2)));
          s->judged = part == IDENTICAL || !isnan (divergence);
          s->part = part;
        }
    }
  if (isnan (divergence) && wants (plan, HEAD_DIVERGENCE))
    qk_plan_warn (plan,
                  "sigma=%g: the exact head_divergence is known from 0.5 to 32: described, not "
                  "judged",
                  u->sigma);
}

static double
mixture_share (const struct qk_params *p)
{
  return p->tolerance;
}

/* One head loses half at least; two with weights of at least 1 - T on their keys nearly nothing:
   c sqrt (n - 2) <= T a / sqrt (n - 1), so their loss is below T^2.  */
static void
add_mixtures (struct qk_plan *plan, double n)
{
  double eps = mixture_share (plan->params);
  for (double heads = 1; heads <= 2 && wants (plan, MIXTURE_ERROR); heads++)
    {
      struct qk_key *keys = qk_plan_keys (plan);
      qk_key_add (keys, (struct qk_key){ .name = "heads", .number = heads });
      qk_key_add (keys, (struct qk_key){ .name = "keys", .number = n });
      judge (add_statement (plan, MIXTURE_ERROR, keys, NULL, "head-mixture"), QK_BY_ROUNDING,
             qk_heads_mixture (heads, n, eps),
             heads == 1 ? qk_band_least (0.5 - 64 * n * U) : qk_band_most (eps * eps));
    }
}

/* ---- Plan: all of it ------------------------------------------------------------------------- */

static int
check_counts (const struct setup *u, const struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_heads *s = &u->shape, even = divided (*s);
  bool parameters = isnan (qk_heads_parameters (s)) || isnan (qk_heads_biases (s))
                    || isnan (qk_heads_parameters (&even));
  bool operations = isnan (qk_heads_operations (s)) || isnan (qk_heads_softmax_operations (s));
  parameters &= wants (plan, PARAMETERS) || wants (plan, PARAMETERS_SAVED) || wants (plan, BIASES);
  operations &= wants (plan, FLOPS) || wants (plan, SOFTMAX_FLOPS);
  if (!parameters && !operations)
    return 0;
  return qk_complain (why,
                      "--keys=%.0f, --model-dim=%.0f, --heads=%.0f and --layers=%.0f: the number "
                      "of %s is above 2^53, and no longer exact",
                      s->n, s->D, s->h, s->layers, parameters ? "parameters" : "operations");
}

static bool
wants_samples (const struct qk_plan *plan)
{
  static const enum quantity sampled[]
      = { HEADS_TIME, HEAD_OVERLAP,  HEAD_DIVERGENCE,    EXCESS_SLOPE,
          SCORE_RANK, PATTERN_RANKS, HEAD_SCORE_VARIANCE };
  for (size_t i = 0; i < sizeof sampled / sizeof *sampled; i++)
    if (wants (plan, sampled[i]))
      return true;
  return false;
}

static void
set_up (struct setup *u, const struct qk_params *p, double n, double D, double h, double d)
{
  *u = (struct setup){ .shape = { n, D, h, d, p->layers }, .n = (size_t)n };
  u->inputs = (struct qk_inputs){ .n = u->n,
                                  .D = (size_t)D,
                                  .d = (size_t)d,
                                  .law = p->q_dist,
                                  .weight = law_of_weights (&u->shape, QK_INIT_UNIT),
                                  .heads = (size_t)h };
}

static int
check (const struct qk_plan *plan, const struct setup *u, char why[static QK_WHY])
{
  const struct qk_heads *s = &u->shape;
  if (!qk_heads_divide (s->D, s->h) && plan->params->dk.n)
    return qk_complain (why,
                        "--heads=%.0f does not divide --model-dim=%.0f: whatever --dk, values keep "
                        "D/h columns a head, and %g is no whole number",
                        s->h, s->D, s->D / s->h);
  if (!qk_heads_divide (s->D, s->h))
    return qk_complain (why,
                        "--heads=%.0f does not divide --model-dim=%.0f: a head has d_k = D/h "
                        "columns, and %g is no whole number",
                        s->h, s->D, s->D / s->h);
  if (check_counts (u, plan, why))
    return -1;
  struct setup scores;
  set_up (&scores, plan->params, LEAST_SCORE_TOKENS, s->D, s->h, s->d);
  double most = fmax (doubles_of (u, &shared_kind), doubles_of (&scores, &scores_kind));
  if (wants_samples (plan) && most > MOST_DOUBLES)
    return qk_complain (why,
                        "an input of %zu tokens and --model-dim=%.0f with d_k = %.0f takes %.0f MB "
                        "of memory, and at most %.0f are allowed; --quantity=parameters,flops "
                        "counts only",
                        u->n, s->D, s->d, most * 8e-6, MOST_DOUBLES * 8e-6);
  return 0;
}

/* Setup number i of those of n tokens: every model dimension, with it every number of heads, with
   it every d_k.  */
static size_t
count_setups (const struct qk_params *p)
{
  return p->model_dim.n * p->heads.n * (p->dk.n ? p->dk.n : 1);
}

static void
setup_at (struct setup *u, const struct qk_params *p, double n, size_t i)
{
  size_t lengths = p->dk.n ? p->dk.n : 1;
  double D = p->model_dim.value[i / lengths / p->heads.n];
  double h = p->heads.value[i / lengths % p->heads.n];
  set_up (u, p, n, D, h, length_of (p, D, h, i % lengths));
}

/* Setup number i for scores.  */
static void
setup_scores (struct setup *u, const struct qk_params *p, size_t i)
{
  double least = INFINITY;
  for (double n = LEAST_SCORE_TOKENS; n <= MOST_SCORE_TOKENS; n *= 2)
    {
      struct setup other;
      setup_at (&other, p, n, i);
      double work = cost_of (&other, &scores_kind) * variance_of_scores (&other);
      if (work >= least || (least < INFINITY && doubles_of (&other, &scores_kind) > MOST_DOUBLES))
        continue;
      least = work;
      *u = other;
    }
}

/* Slopes: setups that differ in D alone stand as many apart as one D has.  */
static void
add_slopes (struct qk_plan *plan, double n, const size_t *shared)
{
  const struct qk_params *p = plan->params;
  size_t dims = p->model_dim.n, each = count_setups (p) / dims;
  size_t *source = qk_plan_alloc (plan, dims * sizeof *source);
  for (size_t i = 0; source && i < each && wants (plan, EXCESS_SLOPE); i++)
    {
      struct setup u;
      bool whole = qk_span_of (&p->model_dim).spread > 0 && n > 2;
      for (size_t j = 0; j < dims; j++)
        {
          source[j] = shared[j * each + i];
          whole &= source[j] != NONE;
        }
      setup_at (&u, p, n, i);
      if (whole)
        add_slope (plan, &u, source, dims);
    }
}

static int
add_setups (struct qk_plan *plan, double n, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  size_t setups = count_setups (p), *shared = qk_plan_alloc (plan, setups * sizeof *shared);
  struct setup u;
  for (size_t i = 0; i < setups && !plan->full; i++)
    {
      setup_at (&u, p, n, i);
      if (check (plan, &u, why))
        return -1;
      const struct qk_key *keys = keys_of (plan, &u, NULL);
      add_counts (plan, &u, keys);
      add_ranks (plan, &u, keys);
      add_time (plan, &u, keys);
      shared[i] = add_shared (plan, &u, keys);
    }
  if (!plan->full)
    add_slopes (plan, n, shared);
  return 0;
}

/* What is asked for by name and can say nothing under these options.  */
static void
warn_missing (struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  if (!p->quantity.n)
    return;
  if (wants (plan, PARAMETERS_SAVED) && !p->dk.n)
    qk_plan_warn (plan,
                  "parameters_saved is about --dk: without it d_k = D/h, and nothing is saved");
  if (wants (plan, EXCESS_SLOPE) && !(qk_span_of (&p->model_dim).spread > 0))
    qk_plan_warn (plan, "excess_slope needs at least two values of --model-dim");
}

static int
plan_heads (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  struct setup u;
  if (!qk_law_equal (&p->q_dist, &p->k_dist))
    return qk_complain (why, "queries and keys come from the same tokens: their law is --dist, and "
                             "--q-dist and --k-dist have no place here");
  for (size_t k = 0; k < p->keys.n; k++)
    {
      double n = p->keys.value[k];
      if (add_setups (plan, n, why))
        return -1;
      for (size_t i = 0; i < p->sigma.n && !plan->full; i++)
        {
          set_up (&u, p, n, 1, 1, 1);
          u.sigma = p->sigma.value[i];
          add_logits (plan, &u);
        }
      add_mixtures (plan, n);
    }
  for (size_t i = 0; i < count_setups (p) && !plan->full; i++)
    {
      setup_scores (&u, p, i);
      add_inits (plan, &u);
    }
  warn_missing (plan);
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* The square of the variance of the scores, where they are smaller than of variance 1.  */
static double
small (const struct setup *u)
{
  return fmin (1, pow (qk_law_raw_moment (&u->inputs.law, 2), 4));
}

/* What n times the overlap of heads that share X has above 1, about: half the variance over keys of
   the variance of a score for given X, |x|^2 |y|^2 / D^2, for components of kurtosis 3.  */
static double
excess_of (const struct setup *u)
{
  double n = u->shape.n, kurtosis = qk_law_moment (&u->inputs.law, 4);
  return 0.7 * fmax ((kurtosis - 1) / 2, 0.1) / (2 * u->shape.D) * (1 - 1 / n) * small (u);
}

/* Relative variances of means over one input, or of one row of logits, about: an undecided
   statement asks for more, so nothing but time hangs on them.  */
static double
variance_of (enum quantity quantity, const struct setup *u)
{
  double n = u->shape.n, D = u->shape.D;
  if (quantity == HEAD_SCORE_VARIANCE)
    return variance_of_scores (u);
  return ((8 / (n * n) + 2 / (D * D)) / pairs_of (u) + 2 / (D * D * n)) * small (u);
}

/* Of a row of logits: of n times the overlap, the divergence over ln 2, the sum of squares over its
   mean.  */
static double
variance_of_row (enum quantity quantity, bool identical, const struct setup *u)
{
  struct qk_softmax_moments m;
  const struct qk_softmax_rows rows = { .n = u->shape.n };
  qk_softmax_moments (&m, &rows, u->sigma);
  double p2 = m.participation;
  if (quantity == HEAD_DIVERGENCE)
    return p2 / 4;
  if (identical)
    return fmax (m.participation_square / (p2 * p2) - 1, 1e-4);
  return fmax (u->shape.n * p2 * p2, 1e-4);
}

static double
variance_of_statement (const struct qk_statement *s, const struct qk_case *c)
{
  const struct setup *u = c->own;
  enum quantity quantity = (enum quantity)s->quantity;
  return c->kind == &logits_kind ? variance_of_row (quantity, s->part == IDENTICAL, u)
                                 : variance_of (quantity, u);
}

/* Inputs, or rows, that a statement needs.  */
static double
units_needed (const struct qk_plan *plan, const struct qk_statement *s, const struct qk_case *c)
{
  double t = plan->params->tolerance, miss = qk_round_miss (s->miss, 1);
  if (!s->judged || s->method != QK_BY_T)
    return 1;
  double width = s->quantity == EXCESS_SLOPE                   ? excess_of (c->own) * 0.6
                 : c->kind == &shared_kind && isnan (s->exact) ? excess_of (c->own)
                 : s->quantity == HEAD_DIVERGENCE              ? t
                                                               : log1p (t);
  return qk_plan_units (variance_of_statement (s, c), width, miss);
}

/* Blocks from which t intervals are honest: squares of scores have eighth moments.  */
static double
honest_blocks (const struct qk_case *c)
{
  const struct setup *u = c->own;
  return c->kind != &scores_kind || isfinite (qk_law_moment (&u->inputs.law, 8)) ? QK_MIN_BLOCKS
                                                                                 : QK_MANY_BLOCKS;
}

/* What heads that share X have in common beyond 1/n may be too little to be told from nothing by as
   many inputs as are affordable: then it is described.  The inputs that are needed for the rest. */
static double
give_up (struct qk_plan *plan, size_t c, double affordable)
{
  const struct setup *u = plan->cases[c].own;
  double need = 1;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      struct qk_statement *s = &plan->statements[i];
      if (!qk_statement_uses (s, c) || !s->judged)
        continue;
      double its = units_needed (plan, s, &plan->cases[c]);
      if (its <= affordable)
        need = fmax (need, its);
      else
        {
          s->judged = false;
          qk_plan_warn (plan,
                        "model_dim=%.0f keys=%.0f: %s is described, not judged, where too many "
                        "inputs would be needed to tell the overlap from 1/n",
                        u->shape.D, u->shape.n, quantities[s->quantity].name);
        }
    }
  return need;
}

/* need units in blocks of at least pool.  */
static void
size_sampled (struct qk_plan *plan, size_t c, double need, double pool)
{
  const struct qk_params *p = plan->params;
  struct qk_case *k = &plan->cases[c];
  struct setup *u = k->own;
  double rows = k->kind == &logits_kind ? QK_LANES : 1, cost = cost_of (u, k->kind) / rows;
  pool = ceil (pool / rows) * rows;
  double enough = honest_blocks (k) * pool, wanted = fmax (need, enough);
  bool shared = k->kind == &shared_kind;
  double most = p->max_samples > 0 ? p->max_samples
                                   : fmax ((shared ? OVERLAP_COST : MAX_COST) / cost, enough);
  if (p->samples > 0)
    wanted = p->samples;
  else if (shared)
    wanted = fmin (fmax (give_up (plan, c, most), enough), most);
  else if (wanted > most)
    {
      qk_plan_warn_cut (plan, k->label, need, most);
      wanted = most;
    }
  if (wanted < enough)
    {
      qk_plan_mark_thin (plan, c);
      qk_plan_warn_thin (plan, k->label, enough);
    }

  /* A block is worth its row, as long as there are blocks enough.  */
  double worth = fmin (LEAST_COST / cost, wanted / honest_blocks (k));
  double each = wanted < enough ? rows : fmax (pool, floor (worth / rows) * rows);
  each = fmax (each, ceil (wanted / QK_MAX_BLOCKS / rows) * rows);
  k->blocks = (uint64_t)ceil (wanted / each);
  k->units = each;
  k->cost = each * cost;
  u->count = (uint64_t)(each / rows);
}

static void
size_forward (struct qk_plan *plan, size_t c)
{
  struct qk_case *k = &plan->cases[c];
  k->cost = cost_of (k->own, k->kind);
  k->units = 1;
  k->blocks = (uint64_t)fmin (fmax (LEAST_PASSES, PASSES_COST / k->cost), MOST_PASSES);
}

static int
size_heads (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    {
      struct qk_case *k = &plan->cases[c];
      const struct setup *u = k->own;
      double need = 1, pool = ceil (QK_MIN_POOL / (u->shape.n * u->shape.n));
      k->scratch = (size_t)doubles_of (u, k->kind) * sizeof (double);
      if (k->kind == &forward_kind)
        {
          size_forward (plan, c);
          continue;
        }
      if (k->kind == &close_kind)
        {
          k->blocks = (uint64_t)CLOSE;
          k->units = 1;
          k->cost = cost_of (u, k->kind);
          continue;
        }
      for (size_t i = 0; i < plan->n_statements; i++)
        {
          const struct qk_statement *s = &plan->statements[i];
          if (!qk_statement_uses (s, c) || s->method != QK_BY_T)
            continue;
          need = fmax (need, units_needed (plan, s, k));
          pool = fmax (pool, ceil (variance_of_statement (s, k) / QK_POOL_VARIANCE));
        }
      size_sampled (plan, c, need, pool);
    }
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

static size_t
column_of (const struct qk_statement *s)
{
  bool identical = s->part == IDENTICAL;
  switch ((enum quantity)s->quantity)
    {
    case HEAD_OVERLAP:
      return identical ? PARTICIPATION : OVERLAP;
    case HEAD_DIVERGENCE:
      return identical ? SELF_DIVERGENCE : DIVERGENCE;
    case PATTERN_RANKS:
      return PATTERN_RANK;
    default:
      return 0;
    }
}

/* Of n times the overlap less 1: the intervals of all of them hold but for miss / 2, and what they
   allow for the slope is its own.  */
static void
enclose_slope (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  size_t m = s->sources;
  struct qk_enclosure y[m];
  double x[m], df[m];
  for (size_t i = 0; i < m; i++)
    {
      const struct qk_table *t = &tables[s->source[i]];
      const struct setup *u = plan->cases[s->source[i]].own;
      double n = u->shape.n;
      qk_enclose_mean (&y[i], t->data + OVERLAP, t->rows, t->columns, miss / (2 * (double)m),
                       (struct qk_band){ 0, 1 });
      y[i] = (struct qk_enclosure){ n * y[i].estimate - 1, NAN, n * y[i].lo - 1, n * y[i].hi - 1 };
      x[i] = u->shape.D;
      df[i] = (double)t->rows - 1;
    }
  qk_enclose_slope (e, x, y, df, m, miss);
}

/* What takes no sampling.  */
static void
enclose_exactly (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                 const struct qk_table *tables)
{
  enum quantity quantity = (enum quantity)s->quantity;
  struct qk_heads shape = { .layers = plan->params->layers };
  double x, room = 0;
  for (const struct qk_key *key = s->key; key->name; key++)
    {
      double *to = !strcmp (key->name, "keys")        ? &shape.n
                   : !strcmp (key->name, "model_dim") ? &shape.D
                   : !strcmp (key->name, "heads")     ? &shape.h
                   : !strcmp (key->name, "d_k")       ? &shape.d
                                                      : NULL;
      if (to)
        *to = key->number;
    }
  const struct qk_heads even
      = { shape.n, shape.D, shape.h, shape.D / fmax (shape.h, 1), shape.layers };
  if (s->sources)
    x = qk_column_most (&tables[s->source[0]], column_of (s));
  else if (quantity == MIXTURE_ERROR)
    {
      double *memory = calloc (mixture_room (shape.n), sizeof *memory);
      x = memory ? mixture (shape.h, shape.n, mixture_share (plan->params), memory) : NAN;
      free (memory);
      room = 64 * shape.n * U * (fmax (x, 0) + U);
    }
  else if (quantity == PARAMETERS_SAVED)
    x = count (PARAMETERS, &even) - count (PARAMETERS, &shape);
  else
    x = count (quantity, &shape);
  *e = qk_enclosure_known (x, room);
}

static void
enclose_heads (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  if (!qk_method_sampled (s->method))
    {
      enclose_exactly (e, plan, s, tables);
      return;
    }
  const struct qk_table *t = &tables[s->source[0]];
  size_t column = column_of (s);
  struct qk_band support = { 0, INFINITY };
  if (s->quantity == EXCESS_SLOPE)
    {
      enclose_slope (e, plan, s, tables, miss);
      return;
    }
  if (s->quantity == HEADS_TIME)
    {
      qk_enclose_quantile (e, t->data, t->rows, 1, t->columns, 0.5, miss);
      return;
    }
  if (s->quantity == HEAD_OVERLAP)
    support.hi = 1;
  if (s->quantity == HEAD_DIVERGENCE)
    support.hi = log (2);
  qk_enclose_mean (e, t->data + column, t->rows, t->columns, miss, support);
}

/* ---- In words -------------------------------------------------------------------------------- */

static void
describe_heads (char *text, size_t size, const struct qk_plan *plan)
{
  char law[QK_WHY], layers[QK_WHY] = "";
  double blocks = plan->params->layers;
  qk_law_format (law, sizeof law, &plan->params->q_dist);
  if (blocks != 1)
    snprintf (layers, sizeof layers, ", counts of %.0f blocks", blocks);
  snprintf (text, size, "tokens of %s components%s", law, layers);
}

static bool
explain_heads (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_enclosure *e, enum qk_verdict verdict)
{
  const struct qk_law *law = &plan->params->q_dist;
  (void)e;
  if (verdict != QK_FAILS)
    return false;
  if (s->quantity == HEAD_SCORE_VARIANCE && (law->mean != 0 || law->sd != 1))
    snprintf (text, size,
              "The claim is about tokens with components of mean 0 and variance 1. With a second "
              "moment of %.4g the variance is %.4g times as large.",
              second_moment (plan->params), pow (second_moment (plan->params), 2));
  else
    snprintf (text, size, "%s", qk_scored_unbroken);
  return true;
}

/* "7.08 M fewer".  */
static int
tell_saved (char *text, size_t size, double d, double whole, double saved)
{
  return snprintf (text, size, "d_k = %.0f: %.3g M parameters %s than d_k = D/h = %.0f. ", d,
                   fabs (saved) * 1e-6, saved < 0 ? "more" : "fewer", whole);
}

static void
summarise_heads (char *text, size_t size, const struct qk_plan *plan, const struct qk_table *tables)
{
  const struct qk_params *p = plan->params;
  size_t used = 0;
  (void)tables;
  *text = '\0';
  for (size_t i = 0; i < p->model_dim.n && wants (plan, PARAMETERS); i++)
    for (size_t j = 0; j < p->heads.n; j++)
      for (size_t l = 0; l < p->dk.n && used < size; l++)
        {
          struct setup u;
          set_up (&u, p, 2, p->model_dim.value[i], p->heads.value[j], p->dk.value[l]);
          struct qk_heads even = divided (u.shape);
          double saved = count (PARAMETERS, &even) - count (PARAMETERS, &u.shape);
          if (saved != 0)
            used += (size_t)tell_saved (text + used, size - used, u.shape.d, even.d, saved);
        }
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_option options[] = {
  { .name = "keys",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, keys),
    .metavar = "LIST",
    .standard = "64",
    .lo = 2,
    .hi = 4096,
    .help = "Numbers of tokens n of an input, the keys of every query." },
  { .name = "model-dim",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, model_dim),
    .metavar = "LIST",
    .standard = "64",
    .lo = 1,
    .hi = 1048576,
    .help = "Model dimensions D of the tokens." },
  { .name = "heads",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, heads),
    .metavar = "LIST",
    .standard = "1,8",
    .lo = 1,
    .hi = 65536,
    .help = "Numbers of heads h, each a divisor of every model dimension." },
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .shown = "D/h",
    .lo = 1,
    .hi = 1048576,
    .help = "Columns d_k of W_Q and W_K of a head; its values keep D/h." },
  { .name = "layers",
    .type = QK_INTEGER,
    .offset = offsetof (struct qk_params, layers),
    .metavar = "N",
    .standard = "1",
    .lo = 1,
    .hi = 1048576,
    .help = "Attention blocks: counts are of all of them." },
  { .name = "init",
    .type = QK_NAMES,
    .offset = offsetof (struct qk_params, init),
    .metavar = "LIST",
    .standard = "all",
    .choices = inits,
    .help = "Initialisations of W_Q and W_K for head_score_variance. Variance of an entry: unit, "
            "1/D; xavier, 2/(D+d_k); packed, 2/(2D+2hd_k); linear, 1/(3D)." },
  { .name = "sigma",
    .type = QK_REALS,
    .offset = offsetof (struct qk_params, sigma),
    .metavar = "LIST",
    .standard = "1",
    .lo = 0,
    .hi = 32,
    .lo_open = true,
    .help = "Standard deviations of independent logits." },
  { .name = "dist",
    .type = QK_LAW,
    .offset = offsetof (struct qk_params, dist),
    .metavar = "LAW",
    .standard = "normal",
    .help
    = "The law of the components of the tokens, such as student:nu=10 or normal:mean=0.5,sd=2. "
      "--q-dist and --k-dist do not apply." },
  { 0 },
};

static const struct qk_example examples[] = {
  { "--model-dim=512 --heads=1,2,4,8,16,32 --quantity=parameters,flops,softmax_flops", "parameters",
    QK_HOLDS, "As many parameters and operations for every number of heads, but for the softmax." },
  { "--model-dim=512 --heads=8 --dk=16,32,64 --layers=18 --quantity=parameters,parameters_saved",
    "parameters_saved", QK_HOLDS,
    "7.08 M and 4.72 M parameters fewer for d_k = 16 and 32, as in Table 3 (B) of Vaswani et al. "
    "(2017)." },
  { "--keys=16,64 --heads=1 --sigma=1,4 --quantity=head_divergence --tolerance=0.02",
    "head_divergence", QK_HOLDS,
    "How different independent heads are; a head and itself differ by nothing." },
  { "--keys=16 --model-dim=8,64 --heads=2 --quantity=head_overlap --tolerance=0.02", "head_overlap",
    QK_HOLDS, "Heads that share X overlap more than independent ones, by less for larger D." },
  { "--model-dim=32 --heads=4 --init=unit,linear --tolerance=0.05 --quantity=head_score_variance",
    "head_score_variance", QK_HOLDS,
    "Scores of variance d_k, or of d_k/9, by the initialisation." },
  { "--model-dim=32 --heads=4 --init=unit --dist=normal:sd=2 --tolerance=0.05 "
    "--quantity=head_score_variance",
    "head_score_variance", QK_FAILS, "Tokens of standard deviation 2: 16 times the variance." },
  { 0 },
};

static const char *const description[] = {
  "Compares h heads of d_k = D/h columns with one of D: parameters and operations, counted "
  "exactly; the time of a forward pass; what the weights of two heads have in common; the "
  "variance of scores under common initialisations; and what a head cannot do: the rank of its "
  "scores is at most d_k, and it returns one average of the values where several heads return "
  "several.",
  "Parameters (4 D², of which D² in W_O) and operations (8 n D² + 4 n² D) do not depend on h, only "
  "the operations of the softmax do (5 h n²). With --dk, values keep D/h columns, and W_Q and W_K "
  "have h d_k: with D = 512, h = 8 and 18 blocks d_k = 16 has 7.08 M parameters fewer than 64, and "
  "32 has 4.72 M fewer, as Vaswani et al. (2017) give in Table 3 (B). An h that does not divide D "
  "is refused.",
  "Heads with independent logits overlap by E Σ p^a p^b = 1/n and have a Jensen–Shannon divergence "
  "known exactly; both are sampled with rows of N(0, σ²) logits (inputs independent). Heads that "
  "share X overlap by at least 1/n, for given X they are independent and alike, and by the "
  "inequality of Cauchy and Schwarz; what they have more falls like 1/D (excess_slope, with "
  "several --model-dim), and where it would take "
  "too long to tell it from nothing the overlap is described. Identical heads (weights shared) are "
  "the control: overlap E Σp², divergence 0.",
  "The independent unit is one input, tokens with weights of its own, or one row of logits in two "
  "heads: rows and pairs of heads of one input are not independent. Means come from blocks of "
  "them, by Student's t. Ranks are checked on 8 inputs; the variance of scores, which does not "
  "depend on their number, on inputs of 8 to 256 tokens, as many as cost least. Times are those of "
  "this machine, in lines "
  "of type measured: cases run alone and in turn, and the median is shown with its interval.",
  NULL,
};

const struct qk_experiment qk_experiment_heads = {
  .name = "heads",
  .question = "one head or several: parameters, cost, diversity",
  .asked = "One head or several?",
  .description = description,
  .unit = "inputs",
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &logits_kind, &shared_kind, &scores_kind, &close_kind,
                                            &forward_kind, NULL },
  .examples = examples,
  .plan = plan_heads,
  .size = size_heads,
  .enclose = enclose_heads,
  .explain = explain_heads,
  .describe = describe_heads,
  .summarise = summarise_heads,
};
