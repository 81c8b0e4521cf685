/* audit.c -- do these recorded Q and K satisfy the assumptions, and what is their score variance?

   The file is the whole population: nothing is sampled, and the only error is rounding.  Two kinds
   of case: heads (components of Q and of K, one block a head), and strips (scores of a strip of
   queries with all keys of their head, one block a strip), which take their shift from the heads.
   All of it depends on the shapes alone, so the digits do not depend on the threads.  */

#include "../experiment.h"
#include "../message.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is computed at a time.  Part of what decides the last digits.  */
enum
{
  STRIP = 256,       /* queries of a block, where d_k is not large */
  KEYS = 256,        /* keys of a chunk, likewise */
  OPERAND = 1 << 15, /* components of a chunk of keys beyond which it has fewer */
  GROUP = 48,        /* queries whose scores with a chunk are held at a time */
  BUFFER = 1 << 16,  /* bytes, for reading */
  MOST_AXES = 5,     /* layer, batch, head, tokens, d_k */
  MOST_COMPONENTS = 1 << 20
};

/* u, and a bound for the relative error of e^t by the kernels beside that of its argument.  */
static const double U = DBL_EPSILON / 2, EXP_ERROR = 8;

/* Arguments of e^t that do not underflow are smaller.  */
static const double MOST_T = 746;

/* Scores whose squares and their sums stay finite.  */
static const double MOST_SCORE = 1e140;

struct setup
{
  const struct qk_tensor *q, *k;
  uint64_t heads, queries, keys;
  uint64_t group; /* query heads that share a head of K */
  size_t d;
  double scale; /* 1/sqrt (d) */
  bool causal, skip;
  size_t strip, chunk; /* queries of a block, keys of a chunk: multiples of QK_LANES */
  uint64_t strips;     /* of a head */
};

static size_t
rounded (size_t n)
{
  return (n + QK_LANES - 1) / QK_LANES * QK_LANES;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

/* |x|^2 in four chains, for the latency of additions.  */
static double
squared_norm (const double *x, size_t d)
{
  double sum[4] = { 0 };
  size_t i = 0;
  for (; i + 4 <= d; i += 4)
    for (size_t j = 0; j < 4; j++)
      sum[j] += x[i + j] * x[i + j];
  for (; i < d; i++)
    sum[0] += x[i] * x[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Whether all components of a token of that squared norm, which may have overflowed, are finite. */
static bool
is_finite (const double *x, size_t d, double norm)
{
  bool good = true;
  for (size_t i = 0; i < d && !isfinite (norm); i++)
    good &= isfinite (x[i]) != 0;
  return good;
}

/* ---- Heads: the components of one side ------------------------------------------------------- */

/* A side of a head, as columns of the table: of Q first, of K from K_SIDE on.  */
enum
{
  TOKENS,     /* those whose components are all finite */
  MEAN,       /* of all components */
  VARIANCE,   /* of all components, divided by their number - 1 */
  NORM,       /* the largest of a token */
  NANS,       /* components that are not numbers */
  INFINITIES, /* or infinite */
  BAD_TOKEN,  /* where the first of these is; -1: none */
  BAD_COMPONENT,
  K_SIDE,
  PREDICTED = 2 * K_SIDE, /* variance of the score for independent components */
  POOLED,                 /* for i.i.d. ones */
  KEY_MEAN_SHARE,
  SHIFT /* mean score of independent q and k */
};

#define SIDE_COLUMNS(side)                                                                         \
  { side "_tokens", 1 }, { side "_mean", 1 }, { side "_variance", 1 }, { side "_norm", 1 },        \
      { side "_nans", 1 }, { side "_infinities", 1 }, { side "_bad_token", 1 },                    \
  {                                                                                                \
    side "_bad_component", 1                                                                       \
  }

static const struct qk_column heads_columns[] = {
  SIDE_COLUMNS ("q"),
  SIDE_COLUMNS ("k"),
  { "predicted_variance", 1 },
  { "predicted_pooled", 1 },
  { "key_mean_share", 1 },
  { "shift", 1 },
  { 0 },
};

/* Mean and variance of each component of a side.  */
struct side
{
  double *mean, *variance; /* (d) */
  double tokens;
};

static void
count_bad (double *row, const double *x, size_t d, uint64_t token)
{
  for (size_t i = 0; i < d; i++)
    if (!isfinite (x[i]))
      {
        row[isnan (x[i]) ? NANS : INFINITIES]++;
        if (row[BAD_TOKEN] < 0)
          {
            row[BAD_TOKEN] = (double)token;
            row[BAD_COMPONENT] = (double)i;
          }
      }
}

/* sum += x - mean, square += (x - mean)^2.  */
static void
add_token (double *sum, double *square, const double *x, const double *mean, size_t d)
{
  for (size_t i = 0; i < d; i++)
    {
      double y = x[i] - mean[i];
      sum[i] += y;
      square[i] += y * y;
    }
}

static void
add_plain (double *sum, const double *x, size_t d)
{
  for (size_t i = 0; i < d; i++)
    sum[i] += x[i];
}

/* Fill the columns of a side in two passes, the second of which corrects the mean of the first, so
   that large means lose no digits (Chan, Golub, LeVeque, Amer. Statistician 37 (1983)).  room:
   (strip + 1) d doubles.  */
static int
measure_side (double *row, struct side *s, const struct qk_tensor *t, uint64_t matrix,
              const struct setup *u, double *room, void *buffer, char *why)
{
  size_t d = u->d;
  uint64_t n = qk_tensor_tokens (t);
  double *mean = s->mean, *square = s->variance, *rest = room, *x = room + d;
  double tokens = 0, most = 0;
  row[NANS] = row[INFINITIES] = 0;
  row[BAD_TOKEN] = row[BAD_COMPONENT] = -1;
  memset (mean, 0, d * sizeof *mean);
  memset (square, 0, d * sizeof *square);
  memset (rest, 0, d * sizeof *rest);
  for (int pass = 1; pass <= 2; pass++)
    {
      for (uint64_t first = 0; first < n; first += u->strip)
        {
          size_t rows = n - first < u->strip ? (size_t)(n - first) : u->strip;
          bool there = pass == 2 && n <= u->strip;
          if (!there && qk_tensor_read (x, t, matrix, first, rows, buffer, BUFFER, why))
            return -1;
          for (size_t r = 0; r < rows; r++)
            {
              const double *token = x + r * d;
              bool clean = pass == 2 && tokens == (double)n;
              double norm = clean ? 0 : squared_norm (token, d);
              if (!is_finite (token, d, norm))
                {
                  if (pass == 1)
                    count_bad (row, token, d, first + r);
                }
              else if (pass == 1)
                {
                  tokens++;
                  most = fmax (most, norm);
                  add_plain (mean, token, d);
                }
              else
                add_token (rest, square, token, mean, d);
            }
        }
      for (size_t i = 0; i < d && pass == 1; i++)
        mean[i] /= tokens;
    }
  double all = 0, spread = 0;
  for (size_t i = 0; i < d; i++)
    {
      square[i] -= rest[i] * rest[i] / tokens;
      mean[i] += rest[i] / tokens;
      all += mean[i];
    }
  all /= (double)d;
  for (size_t i = 0; i < d; i++)
    {
      double y = mean[i] - all;
      spread += square[i] + tokens * y * y;
      square[i] /= tokens - 1;
    }
  s->tokens = tokens;
  row[TOKENS] = tokens;
  row[MEAN] = all;
  row[VARIANCE] = spread / (tokens * (double)d - 1);
  row[NORM] = sqrt (most);
  return 0;
}

static int
heads_block (double *row, const struct qk_case *c, uint64_t head, struct qk_work *work)
{
  const struct setup *u = c->own;
  size_t d = u->d;
  double *room = work->scratch;
  struct side q = { .mean = room, .variance = room + d };
  struct side k = { .mean = room + 2 * d, .variance = room + 3 * d };
  void *buffer = room + 4 * d;
  room += 4 * d + BUFFER / sizeof *room;
  if (measure_side (row, &q, u->q, head, u, room, buffer, work->why)
      || measure_side (row + K_SIDE, &k, u->k, head / u->group, u, room, buffer, work->why))
    return -1;

  double predicted = 0, shift = 0, of_mean = 0, energy = 0;
  for (size_t i = 0; i < d; i++)
    {
      double mq = q.mean[i] * q.mean[i], mk = k.mean[i] * k.mean[i];
      predicted += q.variance[i] * k.variance[i] + q.variance[i] * mk + k.variance[i] * mq;
      shift += q.mean[i] * k.mean[i];
      of_mean += mk;
      energy += mk + (k.tokens > 1 ? k.variance[i] * (k.tokens - 1) / k.tokens : 0);
    }
  double mq = row[MEAN], vq = row[VARIANCE], mk = row[K_SIDE + MEAN], vk = row[K_SIDE + VARIANCE];
  row[PREDICTED] = predicted;
  row[POOLED] = (double)d * (vq * vk + vq * mk * mk + vk * mq * mq);
  row[KEY_MEAN_SHARE] = of_mean / energy;
  row[SHIFT] = isfinite (shift) ? shift : 0;
  return 0;
}

static const struct qk_kind heads_kind
    = { "heads", "component", heads_columns, false, heads_block };

/* ---- Strips: scores ---------------------------------------------------------------------------
 */

enum
{
  PAIRS,         /* scores */
  S1,            /* sum of s - shift */
  S2,            /* of its square */
  ROWS,          /* queries with a key */
  SPREAD_ROWS,   /* queries with two */
  ROW_VARIANCE,  /* sum of the variances over their keys */
  ROW_SQUARE,    /* sum of the s2/(n - 1) these come from */
  PARTICIPATION, /* sums over queries with a key */
  ENTROPY,
  MAX_WEIGHT,
  MAX_ABS, /* the largest |s| */
  STRIP_COLUMNS
};

static const struct qk_column strips_columns[] = {
  { "pairs", 1 },
  { "s1", 1 },
  { "s2", 1 },
  { "rows", 1 },
  { "spread_rows", 1 },
  { "row_variance", 1 },
  { "row_square", 1 },
  { "participation", 1 },
  { "entropy", 1 },
  { "max_weight", 1 },
  { "max_abs_score", 1 },
  { 0 },
};

/* Tokens of a strip or chunk that are all finite, packed for the kernels.  */
struct operand
{
  double *packed;  /* operand layout of rounded (n) rows; the rows beyond n are 0 */
  uint64_t *token; /* which ones they are */
  size_t n;
};

struct strip_room
{
  struct operand q, k;
  double *raw, *s;
  struct qk_row_sums *rows;
  size_t *seen; /* keys of each query */
  void *buffer;
};

/* Lay out scratch; NULL: count bytes.  */
static size_t
strip_room (struct strip_room *x, const struct setup *u, char *memory)
{
  size_t used = 0, most = u->strip > u->chunk ? u->strip : u->chunk;
  const struct
  {
    void **place;
    size_t bytes;
  } parts[] = {
    { (void **)&x->q.packed, u->strip * u->d * sizeof (double) },
    { (void **)&x->k.packed, u->chunk * u->d * sizeof (double) },
    { (void **)&x->raw, most * u->d * sizeof (double) },
    { (void **)&x->s, GROUP * u->chunk * sizeof (double) },
    { (void **)&x->rows, u->strip / QK_LANES * sizeof (struct qk_row_sums) },
    { (void **)&x->q.token, u->strip * sizeof (uint64_t) },
    { (void **)&x->k.token, u->chunk * sizeof (uint64_t) },
    { (void **)&x->seen, u->strip * sizeof (size_t) },
    { &x->buffer, BUFFER },
  };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    {
      *parts[i].place = memory ? memory + used : NULL;
      used += (parts[i].bytes + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
    }
  return used;
}

/* Panels of 8 tokens side by side: see kernels.h.  */
static void
pack (double *out, const double *raw, size_t rows, size_t d)
{
  size_t b = rounded (rows);
  for (size_t first = 0; first < d; first += QK_DEPTH)
    {
      size_t depth = d - first < QK_DEPTH ? d - first : QK_DEPTH;
      for (size_t panel = 0; panel < b; panel += QK_LANES)
        {
          double *to = out + first * b + panel * depth;
          size_t lanes = rows - panel < QK_LANES ? rows - panel : QK_LANES;
          if (lanes < QK_LANES)
            memset (to, 0, QK_LANES * depth * sizeof *to);
          for (size_t lane = 0; lane < lanes; lane++)
            {
              const double *from = raw + (panel + lane) * d + first;
              for (size_t i = 0; i < depth; i++)
                to[i * QK_LANES + lane] = from[i];
            }
        }
    }
}

/* Read tokens [first, first + n) and pack those that are finite.  */
static int
load (struct operand *o, const struct qk_tensor *t, uint64_t matrix, uint64_t first, size_t n,
      const struct setup *u, const struct strip_room *x, char *why)
{
  if (qk_tensor_read (x->raw, t, matrix, first, n, x->buffer, BUFFER, why))
    return -1;
  o->n = 0;
  for (size_t r = 0; r < n; r++)
    if (is_finite (x->raw + r * u->d, u->d, squared_norm (x->raw + r * u->d, u->d)))
      {
        if (o->n < r)
          memcpy (x->raw + o->n * u->d, x->raw + r * u->d, u->d * sizeof *x->raw);
        o->token[o->n++] = first + r;
      }
  pack (o->packed, x->raw, o->n, u->d);
  return 0;
}

/* How many of the keys of a chunk a query sees.  With fewer queries than keys the last of each are
   at the same place.  */
static size_t
keys_seen (const struct operand *k, uint64_t query, const struct setup *u)
{
  if (!u->causal)
    return k->n;
  uint64_t last = query + (u->keys - u->queries);
  size_t n = k->n;
  while (n && k->token[n - 1] > last)
    n--;
  return n;
}

/* Take the scores of some panels of queries, from row first on, with a chunk of keys.  */
static void
take_scores (const struct strip_room *x, const struct setup *u, size_t first, size_t rows,
             double shift, const struct qk_kernels *kernels)
{
  size_t b = rounded (x->q.n), columns = rounded (x->k.n);
  for (size_t i = 0; i < u->d; i += QK_DEPTH)
    {
      size_t depth = u->d - i < QK_DEPTH ? u->d - i : QK_DEPTH;
      kernels->tile (x->s, x->q.packed + i * b + first * depth, x->k.packed + i * columns, rows,
                     columns, depth, i == 0);
    }
  for (size_t panel = 0; panel < rows; panel += QK_LANES)
    {
      size_t keys[QK_LANES] = { 0 }, most = 0;
      for (size_t lane = 0; lane < QK_LANES; lane++)
        {
          size_t r = first + panel + lane;
          if (r < x->q.n)
            keys[lane] = keys_seen (&x->k, x->q.token[r], u);
          most = keys[lane] > most ? keys[lane] : most;
          x->seen[r] += keys[lane];
        }
      if (most)
        kernels->row_sums (&x->rows[(first + panel) / QK_LANES], x->s + panel * columns, most, keys,
                           shift, u->scale);
    }
}

/* Add the finished rows of the strip to its row of the table.  */
static void
add_rows (double *row, const struct strip_room *x, const struct qk_kernels *kernels)
{
  for (size_t first = 0; first < x->q.n; first += QK_LANES)
    {
      const struct qk_row_sums *sums = &x->rows[first / QK_LANES];
      struct qk_row_stats stats;
      kernels->row_stats (&stats, sums);
      for (size_t lane = 0; lane < QK_LANES && first + lane < x->q.n; lane++)
        {
          double n = (double)x->seen[first + lane], s1 = sums->s1[lane], s2 = sums->s2[lane];
          if (n == 0)
            continue;
          row[PAIRS] += n;
          row[S1] += s1;
          row[S2] += s2;
          row[ROWS]++;
          row[PARTICIPATION] += stats.participation[lane];
          row[ENTROPY] += stats.entropy[lane];
          row[MAX_WEIGHT] += stats.top[lane];
          row[MAX_ABS] = fmax (row[MAX_ABS], sums->abs[lane]);
          if (n < 2)
            continue;
          row[SPREAD_ROWS]++;
          row[ROW_VARIANCE] += (s2 - s1 * s1 / n) / (n - 1);
          row[ROW_SQUARE] += s2 / (n - 1);
        }
    }
}

static int
strips_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  static const struct qk_row_sums none = QK_ROW_SUMS_NONE;
  const struct setup *u = c->own;
  struct strip_room x;
  strip_room (&x, u, work->scratch);
  uint64_t head = index / u->strips, first = index % u->strips * u->strip;
  size_t n = u->queries - first < u->strip ? (size_t)(u->queries - first) : u->strip;
  const struct qk_table *heads = &work->tables[0];
  double shift = heads->data[head * heads->columns + SHIFT];

  memset (row, 0, STRIP_COLUMNS * sizeof *row);
  if (load (&x.q, u->q, head, first, n, u, &x, work->why))
    return -1;
  for (size_t i = 0; i < u->strip / QK_LANES; i++)
    x.rows[i] = none;
  memset (x.seen, 0, u->strip * sizeof *x.seen);

  uint64_t end = u->causal ? first + n + (u->keys - u->queries) : u->keys;
  for (uint64_t at = 0; at < end && x.q.n; at += u->chunk)
    {
      size_t keys = end - at < u->chunk ? (size_t)(end - at) : u->chunk;
      if (load (&x.k, u->k, head / u->group, at, keys, u, &x, work->why))
        return -1;
      size_t b = rounded (x.q.n);
      for (size_t r = 0; r < b && x.k.n; r += GROUP)
        take_scores (&x, u, r, b - r < GROUP ? b - r : GROUP, shift, work->kernels);
    }
  add_rows (row, &x, work->kernels);
  return isnan (row[S2]) ? -1 : 0;
}

static const struct qk_kind strips_kind = {
  .name = "strips", .unit = "score", .columns = strips_columns, .later = true, .block = strips_block
};

/* ---- Quantities -------------------------------------------------------------------------------
 */

enum quantity
{
  VARIANCE_RATIO,
  PREDICTED_VARIANCE,
  PREDICTED_VARIANCE_POOLED,
  WITHIN_ROWS,
  SCALE_SUGGESTED,
  SCORE_MEAN,
  SHARE_OF_KEY_MEAN,
  LARGEST_SCORE,
  LARGEST_WEIGHT,
  ROW_PARTICIPATION,
  ROW_ENTROPY,
  SCORE_VARIANCE,
  Q_MEAN,
  Q_VARIANCE,
  K_MEAN,
  K_VARIANCE,
  QUANTITIES
};

static const struct qk_quantity quantities[] = {
  { "variance_ratio", "Var(s)/d_k", "1", QK_LEAD, "LO..HI of --expect; without it, described",
    "Variance of all scores s = q·k of a head, divided by d_k: 1 under the assumptions of the "
    "textbook." },
  { "predicted_variance", "independent", "score^2", QK_COLUMN, NULL,
    "The variance of the scores if the components were independent, each with its own mean and "
    "variance: the sum over components of σ_q²σ_k² + σ_q²μ_k² + σ_k²μ_q²." },
  { "predicted_variance_pooled", "i.i.d.", "score^2", QK_COLUMN, NULL,
    "The same if all components had the pooled mean and variance of q_mean, q_variance, k_mean "
    "and k_variance." },
  { "row_variance", "within rows", "score^2", QK_COLUMN, NULL,
    "Variance over the keys within a row, mean over the queries that see two keys or more: what "
    "the softmax sees, since a constant along a row changes no weight." },
  { "scale_suggested", "1/sd", "1/score", QK_COLUMN, NULL,
    "1/√row_variance: the scale that would give the scores within a row variance 1, where the "
    "textbook has 1/√d_k." },
  { "score_mean", "mean", "score", QK_COLUMN, NULL, "Mean of all scores of a head." },
  { "key_mean_share", "‖mean k‖²", "1", QK_COLUMN, NULL,
    "Squared norm of the mean key over the mean squared norm of the keys: the part of their "
    "energy that shifts whole rows and that the softmax does not see." },
  { "max_abs_score", "max |s|", "score", QK_COLUMN, NULL, "Largest magnitude of a score." },
  { "max_weight", "max p", "1", QK_COLUMN, NULL,
    "Largest softmax weight of a row at the scale 1/√d_k, mean over queries." },
  { "participation", "Σp²", "1", QK_COLUMN, NULL,
    "Sum of the squared softmax weights of a row at 1/√d_k, mean over queries: 1/n for even "
    "weights over n keys, 1 for a single one." },
  { "entropy", "entropy", "nats", QK_COLUMN, NULL,
    "Entropy of the softmax weights of a row at 1/√d_k, mean over queries." },
  { "score_variance", "Var(s)", "score^2", QK_DETAIL, NULL,
    "Variance of all scores of a head, divided by their number less one." },
  { "q_mean", "mean q", "1", QK_DETAIL, NULL, "Mean of all components of the queries." },
  { "q_variance", "Var q", "1", QK_DETAIL, NULL,
    "Variance of all components of the queries, divided by their number less one." },
  { "k_mean", "mean k", "1", QK_DETAIL, NULL, "Mean of all components of the keys." },
  { "k_variance", "Var k", "1", QK_DETAIL, NULL,
    "Variance of all components of the keys, divided by their number less one." },
  { 0 }
};

/* Whether a quantity is one of scores, or of components.  */
static bool
of_scores (enum quantity q)
{
  return q != PREDICTED_VARIANCE && q != PREDICTED_VARIANCE_POOLED && q != SHARE_OF_KEY_MEAN
         && q < Q_MEAN;
}

/* ---- Plan --------------------------------------------------------------------------------------
 */

enum
{
  HEADS_CASE,
  STRIPS_CASE
};

/* The name of leading axis a of n.  */
static const char *
axis_name (unsigned a, unsigned n)
{
  static const char *const names[] = { "layer", "batch", "head" };
  return n == 2 && a == 0 ? "layer" : names[3 - n + a];
}

/* "3 x 8 x 256 x 8" */
static const char *
shape_words (char text[static QK_WHY], const struct qk_tensor *t)
{
  size_t used = 0;
  for (unsigned a = 0; a < t->axes && used < QK_WHY; a++)
    used
        += (size_t)snprintf (text + used, QK_WHY - used, "%s%" PRIu64, a ? " x " : "", t->shape[a]);
  return text;
}

/* What Q and K must have in common.  */
static int
match (struct setup *u, const struct qk_params *p, char why[static QK_WHY])
{
  const struct qk_tensor *q = u->q, *k = u->k;
  char qs[QK_WHY], ks[QK_WHY];
  shape_words (qs, q);
  shape_words (ks, k);
  if (q->axes > MOST_AXES)
    return qk_complain (why,
                        "Q has %u axes, %.80s; allowed: layer, batch, head, tokens, d_k, the last "
                        "two at least",
                        q->axes, qs);
  if (q->axes != k->axes)
    return qk_complain (why, "Q is %.80s and K is %.80s; both need the same number of axes", qs,
                        ks);
  u->d = (size_t)qk_tensor_components (q);
  if (qk_tensor_components (k) != u->d)
    return qk_complain (why, "Q is %.80s and K is %.80s; the last axis, d_k, must be the same", qs,
                        ks);
  if (u->d > MOST_COMPONENTS)
    return qk_complain (why, "Q is %.80s; the last axis, d_k, may be at most %d", qs,
                        MOST_COMPONENTS);
  for (unsigned a = 0; a + 3 < q->axes; a++)
    if (q->shape[a] != k->shape[a])
      return qk_complain (why, "Q is %.80s and K is %.80s; the axis of the %s must be the same", qs,
                          ks, axis_name (a, q->axes - 2));
  u->group = 1;
  if (q->axes > 2)
    {
      uint64_t heads = q->shape[q->axes - 3], of_keys = k->shape[k->axes - 3];
      if (heads % of_keys)
        return qk_complain (why, "Q is %.80s and K is %.80s; the heads of K must divide those of Q",
                            qs, ks);
      u->group = heads / of_keys;
    }
  u->heads = qk_tensor_matrices (q);
  u->queries = qk_tensor_tokens (q);
  u->keys = qk_tensor_tokens (k);
  if (p->causal && u->queries > u->keys)
    return qk_complain (why,
                        "--causal: %" PRIu64 " queries and only %" PRIu64
                        " keys; the last query stands at the last key, so there may not be more "
                        "queries",
                        u->queries, u->keys);
  return 0;
}

/* The case of a head: its place on the leading axes, then what all heads share.  */
static const struct qk_key *
keys_of (struct qk_plan *plan, const struct setup *u, uint64_t head)
{
  struct qk_key *keys = qk_plan_keys (plan);
  unsigned leading = u->q->axes - 2;
  uint64_t below = u->heads;
  for (unsigned a = 0; a < leading; a++)
    {
      below /= u->q->shape[a];
      qk_key_add (keys, (struct qk_key){ .name = axis_name (a, leading),
                                         .number = (double)(head / below % u->q->shape[a]) });
    }
  qk_key_add (keys, (struct qk_key){ .name = "d_k", .number = (double)u->d });
  qk_key_add (keys, (struct qk_key){ .name = "keys", .number = (double)u->keys });
  if (u->causal)
    qk_key_add (keys, (struct qk_key){ .name = "mask", .text = "causal" });
  return keys;
}

/* Scores of a head whose tokens are all finite.  */
static double
scores_of (const struct setup *u)
{
  double q = (double)u->queries, k = (double)u->keys;
  return u->causal ? q * (k - (q - 1) / 2) : q * k;
}

static void
add_statements (struct qk_plan *plan, const struct setup *u, uint64_t head,
                const struct qk_key *keys, const bool *wanted)
{
  static const size_t sources[] = { HEADS_CASE, STRIPS_CASE };
  const struct qk_params *p = plan->params;
  for (size_t i = 0; i < QUANTITIES; i++)
    {
      if (!wanted[i])
        continue;
      bool scores = of_scores ((enum quantity)i);
      bool of_q = i == Q_MEAN || i == Q_VARIANCE;
      struct qk_statement *s
          = qk_plan_statement (plan, quantities[i].name, sources, scores ? 2 : 1);
      s->key = keys;
      s->method = QK_BY_ROUNDING;
      s->part = (size_t)head;
      s->population = scores ? scores_of (u) : (double)(of_q ? u->queries : u->keys) * (double)u->d;
      if (i == VARIANCE_RATIO && p->expected)
        {
          s->judged = true;
          s->band = p->expect;
        }
    }
}

static int
plan_audit (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  struct setup *u = qk_plan_alloc (plan, sizeof *u);
  for (int i = 0; i < 2; i++)
    if (qk_plan_input (plan, p->operand[i], why))
      return -1;
  if (!u)
    return 0;
  *u = (struct setup){ .q = &plan->inputs[0]->tensor,
                       .k = &plan->inputs[1]->tensor,
                       .causal = p->causal,
                       .skip = p->nan == QK_NAN_SKIP };
  if (match (u, p, why))
    return -1;
  u->scale = 1 / sqrt ((double)u->d);
  size_t fit = OPERAND / u->d / QK_LANES * QK_LANES;
  size_t least = fit > QK_LANES ? fit : QK_LANES;
  u->strip = least < STRIP ? least : STRIP;
  u->chunk = least < KEYS ? least : KEYS;
  u->strips = (u->queries + u->strip - 1) / u->strip;

  qk_plan_case (plan, &heads_kind, "heads", "audit heads", u);
  qk_plan_case (plan, &strips_kind, "strips", "audit strips", u);
  bool wanted[QUANTITIES];
  for (size_t i = 0; i < QUANTITIES; i++)
    wanted[i] = qk_plan_wants (plan, quantities[i].name);
  for (uint64_t head = 0; head < u->heads && !plan->full; head++)
    add_statements (plan, u, head, keys_of (plan, u, head), wanted);
  return 0;
}

static int
size_audit (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      struct qk_case *c = &plan->cases[i];
      const struct setup *u = c->own;
      double d = (double)u->d, tokens = (double)u->queries + (double)u->keys;
      struct strip_room x;
      bool scores = c->kind == &strips_kind;
      c->blocks = scores ? u->heads * u->strips : u->heads;
      c->units = scores ? scores_of (u) / (double)u->strips : 0;
      c->cost = scores ? (double)u->strip * (double)u->keys * (d + 64) : 8 * tokens * d;
      c->scratch
          = scores ? strip_room (&x, u, NULL) : (5 + u->strip) * u->d * sizeof (double) + BUFFER;
    }
  return 0;
}

/* ---- What the components forbid ----------------------------------------------------------------
 */

/* Where a head is: "layer 0, head 3, "; "" where there is one only.  */
static const char *
head_words (char text[static QK_WHY], uint64_t head, const struct qk_tensor *t)
{
  unsigned leading = t->axes - 2;
  size_t used = 0;
  uint64_t below = qk_tensor_matrices (t);
  *text = '\0';
  for (unsigned a = 0; a < leading; a++)
    {
      below /= t->shape[a];
      used += (size_t)snprintf (text + used, QK_WHY - used, "%s %" PRIu64 ", ",
                                axis_name (a, leading), head / below % t->shape[a]);
    }
  return text;
}

/* Count what is not finite on one side of all heads.  Each head of K is seen once.  */
static void
count_side (double count[2], uint64_t *where, const struct qk_table *heads, size_t side,
            uint64_t group)
{
  count[0] = count[1] = 0;
  for (uint64_t head = heads->rows; head-- > 0;)
    {
      const double *row = heads->data + head * heads->columns + side;
      if (head % group || row[BAD_TOKEN] < 0)
        continue;
      count[0] += row[NANS];
      count[1] += row[INFINITIES];
      *where = head;
    }
}

/* "3 of its values are not finite (2 NaN, 1 infinite), the first at head 0, token 3, ...".  */
static bool
bad_words (char text[static QK_WHY], const struct qk_plan *plan, const struct qk_table *heads,
           int side)
{
  const struct setup *u = plan->cases[HEADS_CASE].own;
  const struct qk_tensor *t = side ? u->k : u->q;
  uint64_t group = side ? u->group : 1, where = 0;
  double count[2];
  char at[QK_WHY];
  count_side (count, &where, heads, side ? K_SIDE : 0, group);
  const double *row = heads->data + where * heads->columns + (side ? K_SIDE : 0);
  snprintf (text, QK_WHY,
            "%.0f of the values of %s are not finite (%.0f NaN, %.0f infinite), the first at "
            "%stoken %.0f, component %.0f",
            count[0] + count[1], side ? "K" : "Q", count[0], count[1],
            head_words (at, where / group, t), row[BAD_TOKEN], row[BAD_COMPONENT]);
  return count[0] + count[1] > 0;
}

static int
inspect_audit (const struct qk_plan *plan, const struct qk_table *tables, char why[static QK_WHY])
{
  const struct qk_table *heads = &tables[HEADS_CASE];
  const struct setup *u = plan->cases[HEADS_CASE].own;
  char text[QK_WHY];
  for (int side = 0; side < 2; side++)
    if (!bad_words (text, plan, heads, side))
      continue;
    else if (!u->skip)
      return qk_complain (why, "%.200s; --nan=skip leaves such tokens out", text);
    else /* said of Q, and then of K unless Q had some too */
      snprintf (why + strlen (why), QK_WHY - strlen (why), "%s%.120s", *why ? "; " : "", text);
  for (uint64_t head = 0; head < heads->rows; head++)
    {
      const double *row = heads->data + head * heads->columns;
      if (!(row[NORM] * row[K_SIDE + NORM] < MOST_SCORE))
        return qk_complain (why, "%sscores may exceed %.0e, and sums of their squares overflow",
                            head_words (text, head, u->q), MOST_SCORE);
    }
  return 0;
}

/* ---- Enclosures: rounding ----------------------------------------------------------------------

   A score is one chain of fused multiply-adds, so its error is at most
   delta = gamma_d sum |q_i k_i| <= gamma_d |q| |k|.  Sums of n terms in any order err by at most
   gamma_n times the sum of magnitudes; m below bounds the additions that any term goes through.  */

struct head
{
  const double *heads;           /* its row */
  double strips[STRIP_COLUMNS];  /* its rows, added up */
  double delta, additions, keys; /* bounds */
  double d;
  bool whole;
};

static struct head
gather (const struct setup *u, const struct qk_table *tables, size_t n_tables, size_t part)
{
  const struct qk_table *heads = &tables[HEADS_CASE];
  struct head h = { .d = (double)u->d, .keys = (double)u->keys };
  if (part >= heads->rows)
    return h;
  h.heads = heads->data + part * heads->columns;
  h.whole = true;
  h.delta = 1.01 * h.d * U * h.heads[NORM] * h.heads[K_SIDE + NORM];
  h.additions = (double)u->keys + (double)u->queries + 64;
  if (n_tables <= STRIPS_CASE)
    return h;
  const struct qk_table *strips = &tables[STRIPS_CASE];
  h.whole = (part + 1) * u->strips <= strips->rows;
  for (uint64_t i = part * u->strips; h.whole && i < (part + 1) * u->strips; i++)
    for (size_t c = 0; c < STRIP_COLUMNS; c++)
      {
        double x = strips->data[i * strips->columns + c];
        h.strips[c] = c == MAX_ABS ? fmax (h.strips[c], x) : h.strips[c] + x;
      }
  return h;
}

static struct qk_enclosure
around (double estimate, double half)
{
  half += 2 * U * fabs (estimate);
  return (struct qk_enclosure){ estimate, NAN, estimate - half, estimate + half };
}

/* A quantity that cannot be negative.  */
static struct qk_enclosure
positive (double estimate, double half)
{
  struct qk_enclosure e = around (estimate, half);
  e.lo = fmax (e.lo, 0);
  return e;
}

/* A variance: v = (sum x^2 - (sum x)^2 / n) / (n - 1), square = sum x^2 / (n - 1).  An error of at
   most e in each x changes sqrt (v) by at most e sqrt (n / (n - 1)) <= 1.5 e.  */
static struct qk_enclosure
variance (const struct head *h, double v, double square)
{
  double e = 1.5 * (h->delta + U * sqrt (square));
  return positive (v, 2 * sqrt (fmax (v, 0)) * e + e * e + (2 * h->additions + 8) * U * square);
}

static struct qk_enclosure
score_variance (const struct head *h)
{
  double n = h->strips[PAIRS], s1 = h->strips[S1], s2 = h->strips[S2];
  return variance (h, (s2 - s1 * s1 / n) / (n - 1), s2 / (n - 1));
}

/* e^(c (s - max)) errs relatively by 2 c delta from the scores, |t| u each from the scale, the
   product and the difference, and by exp; a sum of them by its additions more.  */
static double
weight_error (const struct head *h)
{
  return 2 * h->delta / sqrt (h->d) + (4 * MOST_T + EXP_ERROR + h->keys + 8) * U;
}

static struct qk_enclosure
enclose_scores (const struct head *h, enum quantity q)
{
  const double *x = h->strips;
  double rows = x[ROWS], rho = weight_error (h), sums = (h->additions + 4) * U;
  struct qk_enclosure e;
  switch (q)
    {
    case SCORE_MEAN:
      {
        double mean = x[S1] / x[PAIRS], rms = sqrt (x[S2] / x[PAIRS]);
        return around (h->heads[SHIFT] + mean, h->delta + (h->additions + 4) * U * rms);
      }
    case SCORE_VARIANCE:
      return score_variance (h);
    case VARIANCE_RATIO:
      e = score_variance (h);
      return (struct qk_enclosure){ e.estimate / h->d, NAN, e.lo / h->d * (1 - U),
                                    e.hi / h->d * (1 + 2 * U) };
    case WITHIN_ROWS:
    case SCALE_SUGGESTED:
      e = variance (h, x[ROW_VARIANCE] / x[SPREAD_ROWS], x[ROW_SQUARE] / x[SPREAD_ROWS]);
      if (q == WITHIN_ROWS)
        return e;
      if (!(e.estimate > 0)) /* equal scores in every row need no scale */
        return (struct qk_enclosure){ NAN, NAN, NAN, NAN };
      return (struct qk_enclosure){ 1 / sqrt (e.estimate), NAN, 1 / sqrt (e.hi) * (1 - 3 * U),
                                    1 / sqrt (e.lo) * (1 + 3 * U) };
    case ROW_PARTICIPATION:
      e.estimate = x[PARTICIPATION] / rows;
      return positive (e.estimate, e.estimate * (4 * rho + sums));
    case ROW_ENTROPY:
      e.estimate = x[ENTROPY] / rows;
      return positive (e.estimate,
                       rho * (2 + 3 * log (h->keys)) + 4 * MOST_T * U + e.estimate * sums);
    case LARGEST_WEIGHT:
      e.estimate = x[MAX_WEIGHT] / rows;
      return positive (e.estimate, e.estimate * (2 * rho + sums));
    default: /* LARGEST_SCORE */
      return positive (rows > 0 ? x[MAX_ABS] : NAN, h->delta);
    }
}

static struct qk_enclosure
enclose_components (const struct head *h, enum quantity q)
{
  const double *x = h->heads;
  bool of_k = q == K_MEAN || q == K_VARIANCE;
  const double *side = x + (of_k ? K_SIDE : 0);
  double m = (h->additions + h->d) * U;
  switch (q)
    {
    case Q_MEAN:
    case K_MEAN: /* sums of differences from the mean of the first pass; one token has none */
      return around (side[TOKENS] > 0 ? side[MEAN] : NAN,
                     m * (isnan (side[VARIANCE]) ? 0 : sqrt (side[VARIANCE]))
                         + h->d * U * fabs (side[MEAN]));
    case Q_VARIANCE:
    case K_VARIANCE:
      return positive (side[VARIANCE], 4 * m * side[VARIANCE]);
    case PREDICTED_VARIANCE:
      return positive (x[PREDICTED], 4 * m * x[PREDICTED]);
    case PREDICTED_VARIANCE_POOLED:
      return positive (x[POOLED], 4 * m * x[POOLED]);
    default: /* SHARE_OF_KEY_MEAN */
      return positive (x[KEY_MEAN_SHARE], 4 * m);
    }
}

static void
enclose_audit (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  (void)miss;
  enum quantity q = (enum quantity)s->quantity;
  struct head h = gather (plan->cases[HEADS_CASE].own, tables, s->sources, s->part);
  *e = (struct qk_enclosure){ NAN, NAN, NAN, NAN };
  if (!h.whole)
    return;
  *e = of_scores (q) ? enclose_scores (&h, q) : enclose_components (&h, q);
  if (!isfinite (e->estimate)) /* one token has no variance, and none no mean */
    e->estimate = NAN;
}

/* ---- In words ----------------------------------------------------------------------------------
 */

static void
describe_audit (char *text, size_t size, const struct qk_plan *plan)
{
  const struct setup *u = plan->cases[HEADS_CASE].own;
  size_t used = 0;
  if (u->heads > 1)
    used += (size_t)snprintf (text, size, "%" PRIu64 " heads, ", u->heads);
  if (u->group > 1)
    used
        += (size_t)snprintf (text + used, size - used, "%" PRIu64 " to each head of K, ", u->group);
  snprintf (text + used, size - used,
            "d_k = %zu, %" PRIu64 " quer%s and %" PRIu64 " key%s each, %s%s", u->d, u->queries,
            u->queries == 1 ? "y" : "ies", u->keys, u->keys == 1 ? "" : "s", u->q->dtype,
            u->causal ? ", causal" : "");
}

/* Why Var s differs from d_k: ln (Var s/d_k) is the sum of three logarithms, one a cause.  */
enum cause
{
  SIZE,       /* pooled/d_k */
  INEQUALITY, /* independent/pooled */
  DEPENDENCE, /* Var s/independent */
  CAUSES
};

struct summary
{
  uint64_t heads, far, cause[CAUSES], between; /* of heads */
  uint64_t lowest, highest;                    /* heads */
  double least, most;                          /* of Var s/d_k */
};

/* Far is a factor of 2, or what --expect says.  */
static bool
is_far (double ratio, const struct qk_params *p)
{
  return p->expected ? ratio < p->expect.lo || ratio > p->expect.hi : !(ratio > 0.5 && ratio < 2);
}

static void
add_head (struct summary *sum, const struct head *h, uint64_t head, const struct qk_params *p)
{
  double v = score_variance (h).estimate, ratio = v / h->d;
  double pooled = h->heads[POOLED], predicted = h->heads[PREDICTED];
  if (!isfinite (ratio) || !isfinite (pooled) || !isfinite (predicted))
    return;
  if (!sum->heads || ratio < sum->least)
    {
      sum->least = ratio;
      sum->lowest = head;
    }
  if (!sum->heads || ratio > sum->most)
    {
      sum->most = ratio;
      sum->highest = head;
    }
  sum->heads++;
  if (!is_far (ratio, p))
    return;
  sum->far++;
  double sign = ratio < 1 ? -1 : 1;
  const double part[CAUSES] = { [SIZE] = sign * log (pooled / h->d),
                                [INEQUALITY] = sign * log (predicted / pooled),
                                [DEPENDENCE] = sign * log (v / predicted) };
  size_t chief = SIZE;
  for (size_t i = 0; i < CAUSES; i++)
    if (part[i] > part[chief])
      chief = i;
  sum->cause[chief]++;
  sum->between += h->strips[ROW_VARIANCE] / h->strips[SPREAD_ROWS] < v / 2;
}

static void
summarise_audit (char *text, size_t size, const struct qk_plan *plan, const struct qk_table *tables)
{
  static const char *const words[CAUSES]
      = { "the size of the components (their mean and variance are not 0 and 1)",
          "components of unequal size", "components that depend on each other" };
  const struct setup *u = plan->cases[HEADS_CASE].own;
  struct summary sum = { 0 };
  for (uint64_t head = 0; plan->n_cases > STRIPS_CASE && head < u->heads; head++)
    {
      struct head h = gather (u, tables, plan->n_cases, head);
      if (h.whole)
        add_head (&sum, &h, head, plan->params);
    }
  *text = '\0';
  if (!sum.heads)
    return;
  char lowest[QK_WHY], highest[QK_WHY];
  head_words (lowest, sum.lowest, u->q);
  head_words (highest, sum.highest, u->q);
  size_t used = 0;
  const char *from = plan->params->expected ? "the expected Var s/d_k" : "Var s = d_k";
  if (sum.heads == 1)
    used += (size_t)snprintf (text, size, "Var s is %.3g times d_k: %s %s.", sum.most,
                              sum.far ? "far from" : "near", from);
  else
    used += (size_t)snprintf (
        text, size,
        "%" PRIu64 " of %" PRIu64 " heads are far from %s%s: Var s is between %.3g (%.*s) and "
        "%.3g (%.*s) times d_k.",
        sum.far, sum.heads, from, plan->params->expected ? "" : ", by a factor 2 or more",
        sum.least, (int)strlen (lowest) - 2, lowest, sum.most, (int)strlen (highest) - 2, highest);
  const char *lead = " Main cause: ";
  for (size_t i = 0; i < CAUSES && used < size; i++)
    if (sum.cause[i])
      {
        used += (size_t)snprintf (text + used, size - used, "%s%s", lead, words[i]);
        if (sum.heads > 1 && used < size)
          used += (size_t)snprintf (text + used, size - used, " in %" PRIu64, sum.cause[i]);
        lead = ", ";
      }
  if (sum.far && used < size)
    used += (size_t)snprintf (text + used, size - used, ".");
  if (sum.between && used < size && sum.heads == 1)
    snprintf (text + used, size - used,
              " Most of the variance lies between rows, where the softmax does not see it.");
  else if (sum.between && used < size)
    snprintf (text + used, size - used,
              " In %" PRIu64 " of these most of the variance lies between rows, where the softmax "
              "does not see it.",
              sum.between);
}

/* ---- The descriptor ----------------------------------------------------------------------------
 */

static const char *const nans[] = { "refuse", "skip", NULL };

static const struct qk_operand operands[] = {
  { "Q.npy",
    "The queries: a file of floating-point numbers whose last two axes are tokens and d_k. "
    "Axes before them are heads, or layers and heads, or layers, batches and heads." },
  { "K.npy", "The keys, likewise. There may be another number of tokens, and fewer heads if their "
             "number divides that of Q: then consecutive heads of Q share one (grouped-query "
             "attention)." },
  { 0 },
};

static const struct qk_option options[] = {
  { .name = "causal",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, causal),
    .help = "A query sees the keys up to its own place only; the last query stands at the last "
            "key." },
  { .name = "expect",
    .type = QK_INTERVAL,
    .offset = offsetof (struct qk_params, expect),
    .seen = offsetof (struct qk_params, expected),
    .metavar = "LO..HI",
    .lo = 0,
    .hi = 1e300,
    .help = "Judge variance_ratio, Var(s)/d_k, of each head: it holds from LO to HI, such as "
            "0.5..2." },
  { .name = "nan",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, nan),
    .standard = "refuse",
    .choices = nans,
    .help = "What to do where a value is not a number or infinite: refuse the file and say where "
            "the first one is, or skip every token that has one." },
  { 0 },
};

static const struct qk_example examples[] = {
  { "q.npy k.npy --expect=5..1500", "variance_ratio", QK_HOLDS,
    "A small trained model: the scores of its heads have a variance of 9 to 1200 times d_k." },
  { "q.npy k.npy --causal --expect=0.5..2", "variance_ratio", QK_FAILS,
    "None of its heads is anywhere near the textbook." },
  { "q.npy k.npy", "variance_ratio", QK_DESCRIBED, "Describe, without judging." },
  { 0 },
};

static const char *const description[] = {
  "Reads the queries and keys that a model computed, and says head by head how far they are from "
  "the assumptions behind the scale 1/√d_k: components with mean 0 and variance 1 that are "
  "independent of each other, so that Var(s) = d_k for the scores s = q·k. These hold at "
  "initialisation; trained heads are often far from them.",
  "A file is the whole population, so there is no sampling error: every finding is described, "
  "with an interval that encloses rounding alone, unless --expect says what shall hold. Variances "
  "divide by the number of values less one. All arithmetic is in double precision about shifted "
  "means, and gives the same digits for any number of threads.",
  "The variance of the scores is compared with what independent components would give, each with "
  "its own mean and variance, and with what i.i.d. components of the pooled mean and variance "
  "would. So the text ends with the causes: the size of the components, components of unequal "
  "size, or components that depend on each other. What the softmax sees is the variance within "
  "rows: a constant added to a row, such as the product of a query and the mean key, changes no "
  "weight.",
  "qkcheck-formats(5) says which files can be read and how to record them.",
  NULL,
};

const struct qk_experiment qk_experiment_audit = {
  .name = "audit",
  .question
  = "do these recorded Q and K satisfy the assumptions, and what is their score variance?",
  .asked = "Do these Q and K satisfy the assumptions?",
  .description = description,
  .unit = "scores",
  .recorded = true,
  .operands = operands,
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &heads_kind, &strips_kind, NULL },
  .examples = examples,
  .plan = plan_audit,
  .size = size_audit,
  .enclose = enclose_audit,
  .inspect = inspect_audit,
  .describe = describe_audit,
  .summarise = summarise_audit,
};
