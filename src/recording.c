/* recording.c -- recorded Q and K, head by head: their components and their scores.  */

#include "recording.h"
#include "lanes/kernels.h"
#include "message.h"
#include "store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is computed at a time.  Part of what decides the last digits.  */
enum
{
  STRIP = 256,       /* queries, where d_k is not large */
  KEYS = 256,        /* keys of a chunk, likewise */
  OPERAND = 1 << 15, /* components of a chunk beyond which it has fewer tokens */
  GROUP = 48,        /* queries whose scores with a chunk are held at a time */
  BUFFER = 1 << 16,  /* bytes, for reading */
  MOST_AXES = 5,     /* layer, batch, head, tokens, d_k */
  MOST_COMPONENTS = 1 << 20,
  MOST_HEADS = 1 << 17 /* what is found of each takes some 4 kB, however small it is */
};

static size_t
rounded (size_t n)
{
  return (n + QK_LANES - 1) / QK_LANES * QK_LANES;
}

/* ---- Shapes ------------------------------------------------------------------------------------
 */

const char *
qk_recording_axis (uint64_t *index, const struct qk_tensor *t, unsigned a, uint64_t head)
{
  static const char *const names[][3]
      = { { "head" }, { "layer", "head" }, { "layer", "batch", "head" } };
  unsigned leading = t->axes - 2;
  if (a >= leading)
    return NULL;
  uint64_t below = 1;
  for (unsigned b = a + 1; b < leading; b++)
    below *= t->shape[b];
  *index = head / below % t->shape[a];
  return names[leading - 1][a];
}

const char *
qk_recording_place (char text[static QK_WHY], const struct qk_tensor *t, uint64_t head)
{
  const char *name;
  uint64_t index;
  size_t used = 0;
  *text = '\0';
  for (unsigned a = 0; (name = qk_recording_axis (&index, t, a, head)); a++)
    used += (size_t)snprintf (text + used, QK_WHY - used, "%s %" PRIu64 ", ", name, index);
  return text;
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
match (struct qk_recording *r, char why[static QK_WHY])
{
  const struct qk_tensor *q = r->q, *k = r->k;
  uint64_t index;
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
  r->d = (size_t)qk_tensor_components (q);
  if (qk_tensor_components (k) != r->d)
    return qk_complain (why, "Q is %.80s and K is %.80s; the last axis, d_k, must be the same", qs,
                        ks);
  if (r->d > MOST_COMPONENTS)
    return qk_complain (why, "Q is %.80s; the last axis, d_k, may be at most %d", qs,
                        MOST_COMPONENTS);
  for (unsigned a = 0; a + 3 < q->axes; a++)
    if (q->shape[a] != k->shape[a])
      return qk_complain (why, "Q is %.80s and K is %.80s; the axis of the %s must be the same", qs,
                          ks, qk_recording_axis (&index, q, a, 0));
  r->group = 1;
  if (q->axes > 2)
    {
      uint64_t heads = q->shape[q->axes - 3], of_keys = k->shape[k->axes - 3];
      if (heads % of_keys)
        return qk_complain (why, "Q is %.80s and K is %.80s; the heads of K must divide those of Q",
                            qs, ks);
      r->group = heads / of_keys;
    }
  r->heads = qk_tensor_matrices (q);
  if (r->heads > MOST_HEADS)
    return qk_complain (why, "Q is %.80s; at most %d heads are audited at a time", qs, MOST_HEADS);
  r->queries = qk_tensor_tokens (q);
  r->keys = qk_tensor_tokens (k);
  if (r->causal && r->queries > r->keys)
    return qk_complain (why,
                        "--causal: %" PRIu64 " queries and only %" PRIu64
                        " keys; the last query stands at the last key, so there may not be more "
                        "queries",
                        r->queries, r->keys);
  return 0;
}

int
qk_recording_open (struct qk_recording *r, const struct qk_tensor *q, const struct qk_tensor *k,
                   bool causal, char why[static QK_WHY])
{
  *r = (struct qk_recording){ .q = q, .k = k, .causal = causal };
  if (match (r, why))
    return -1;
  r->scale = 1 / sqrt ((double)r->d);
  size_t fit = OPERAND / r->d / QK_LANES * QK_LANES;
  size_t least = qk_larger (fit, QK_LANES);
  r->strip = qk_smaller (least, STRIP);
  r->chunk = qk_smaller (least, KEYS);
  r->strips = (r->queries + r->strip - 1) / r->strip;
  return 0;
}

double
qk_recording_scores (const struct qk_recording *r)
{
  double q = (double)r->queries, k = (double)r->keys;
  return r->causal ? q * (k - (q - 1) / 2) : q * k;
}

/* ---- Tokens ------------------------------------------------------------------------------------
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

/* ---- Heads -------------------------------------------------------------------------------------
 */

/* Mean and variance of each component of a side.  */
struct components
{
  double *mean, *variance; /* (d) */
};

static void
count_bad (struct qk_side *s, const double *x, size_t d, uint64_t token)
{
  for (size_t i = 0; i < d; i++)
    if (!isfinite (x[i]))
      {
        *(isnan (x[i]) ? &s->nans : &s->infinities) += 1;
        if (s->bad_token < 0)
          {
            s->bad_token = (double)token;
            s->bad_component = (double)i;
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

/* Fill side and components in two passes, the second of which corrects the mean of the first, so
   that large means lose no digits (Chan, Golub, LeVeque, Amer. Statistician 37 (1983)).  room:
   (strip + 1) d doubles.  */
static int
measure_side (struct qk_side *s, struct components *c, const struct qk_recording *r,
              const struct qk_tensor *t, uint64_t matrix, double *room, void *buffer,
              char why[static QK_WHY])
{
  size_t d = r->d;
  uint64_t n = qk_tensor_tokens (t);
  double *mean = c->mean, *square = c->variance, *rest = room, *x = room + d;
  double tokens = 0, most = 0;
  *s = (struct qk_side){ .bad_token = -1, .bad_component = -1 };
  memset (mean, 0, d * sizeof *mean);
  memset (square, 0, d * sizeof *square);
  memset (rest, 0, d * sizeof *rest);
  for (int pass = 1; pass <= 2; pass++)
    {
      for (uint64_t first = 0; first < n; first += r->strip)
        {
          size_t rows = n - first < r->strip ? (size_t)(n - first) : r->strip;
          bool there = pass == 2 && n <= r->strip;
          if (!there && qk_tensor_read (x, t, matrix, first, rows, buffer, BUFFER, why))
            return -1;
          for (size_t row = 0; row < rows; row++)
            {
              const double *token = x + row * d;
              bool clean = pass == 2 && tokens == (double)n;
              double norm = clean ? 0 : squared_norm (token, d);
              if (!is_finite (token, d, norm))
                {
                  if (pass == 1)
                    count_bad (s, token, d, first + row);
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
  s->mean = all;
  s->variance = spread / (tokens * (double)d - 1);
  s->norm = sqrt (most);
  return 0;
}

size_t
qk_recording_head_bytes (const struct qk_recording *r)
{
  return (5 + r->strip) * r->d * sizeof (double) + BUFFER;
}

int
qk_recording_head (struct qk_head *h, const struct qk_recording *r, uint64_t head, void *scratch,
                   char why[static QK_WHY])
{
  size_t d = r->d;
  double *room = scratch;
  struct components q = { .mean = room, .variance = room + d };
  struct components k = { .mean = room + 2 * d, .variance = room + 3 * d };
  void *buffer = room + 4 * d;
  room += 4 * d + BUFFER / sizeof *room;
  if (measure_side (&h->q, &q, r, r->q, head, room, buffer, why)
      || measure_side (&h->k, &k, r, r->k, head / r->group, room, buffer, why))
    return -1;

  double predicted = 0, shift = 0, of_mean = 0, energy = 0, n = h->k.tokens;
  for (size_t i = 0; i < d; i++)
    {
      double mq = q.mean[i] * q.mean[i], mk = k.mean[i] * k.mean[i];
      predicted += q.variance[i] * k.variance[i] + q.variance[i] * mk + k.variance[i] * mq;
      shift += q.mean[i] * k.mean[i];
      of_mean += mk;
      energy += mk + (n > 1 ? k.variance[i] * (n - 1) / n : 0);
    }
  double mq = h->q.mean, vq = h->q.variance, mk = h->k.mean, vk = h->k.variance;
  h->predicted = predicted;
  h->pooled = (double)d * (vq * vk + vq * mk * mk + vk * mq * mq);
  h->key_mean_share = of_mean / energy;
  h->shift = isfinite (shift) ? shift : 0;
  return 0;
}

/* ---- Strips ------------------------------------------------------------------------------------
 */

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
strip_room (struct strip_room *x, const struct qk_recording *r, void *memory)
{
  struct qk_store store = { memory, 0 };
  x->q.packed = qk_store_take (&store, r->strip * r->d);
  x->k.packed = qk_store_take (&store, r->chunk * r->d);
  x->raw = qk_store_take (&store, qk_larger (r->strip, r->chunk) * r->d);
  x->s = qk_store_take (&store, GROUP * r->chunk);
  x->rows = qk_store_bytes (&store, r->strip / QK_LANES * sizeof *x->rows);
  x->q.token = qk_store_bytes (&store, r->strip * sizeof *x->q.token);
  x->k.token = qk_store_bytes (&store, r->chunk * sizeof *x->k.token);
  x->seen = qk_store_bytes (&store, r->strip * sizeof *x->seen);
  x->buffer = qk_store_bytes (&store, BUFFER);
  return store.used * sizeof (double);
}

/* Panels of 8 tokens side by side: see kernels.h.  */
static void
pack (double *out, const double *raw, size_t rows, size_t d)
{
  size_t b = rounded (rows);
  for (size_t first = 0; first < d; first += QK_DEPTH)
    {
      size_t depth = qk_chunk_depth (d, first);
      for (size_t panel = 0; panel < b; panel += QK_LANES)
        {
          double *to = out + first * b + panel * depth;
          size_t lanes = qk_smaller (rows - panel, QK_LANES);
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
      const struct qk_recording *r, const struct strip_room *x, char *why)
{
  if (qk_tensor_read (x->raw, t, matrix, first, n, x->buffer, BUFFER, why))
    return -1;
  o->n = 0;
  for (size_t i = 0; i < n; i++)
    if (is_finite (x->raw + i * r->d, r->d, squared_norm (x->raw + i * r->d, r->d)))
      {
        if (o->n < i)
          memcpy (x->raw + o->n * r->d, x->raw + i * r->d, r->d * sizeof *x->raw);
        o->token[o->n++] = first + i;
      }
  pack (o->packed, x->raw, o->n, r->d);
  return 0;
}

/* How many of the keys of a chunk a query sees.  With fewer queries than keys the last of each are
   at the same place.  */
static size_t
keys_seen (const struct operand *k, uint64_t query, const struct qk_recording *r)
{
  if (!r->causal)
    return k->n;
  uint64_t last = query + (r->keys - r->queries);
  size_t n = k->n;
  while (n && k->token[n - 1] > last)
    n--;
  return n;
}

/* Take the scores of some panels of queries, from row first on, with a chunk of keys.  */
static void
take_scores (const struct strip_room *x, const struct qk_recording *r, size_t first, size_t rows,
             double shift, const struct qk_kernels *kernels)
{
  size_t b = rounded (x->q.n), columns = rounded (x->k.n);
  for (size_t i = 0; i < r->d; i += QK_DEPTH)
    {
      size_t depth = qk_chunk_depth (r->d, i);
      kernels->tile (x->s, x->q.packed + i * b + first * depth, x->k.packed + i * columns, rows,
                     columns, depth, i == 0);
    }
  for (size_t panel = 0; panel < rows; panel += QK_LANES)
    {
      size_t keys[QK_LANES] = { 0 }, most = 0;
      for (size_t lane = 0; lane < QK_LANES; lane++)
        {
          size_t row = first + panel + lane;
          if (row < x->q.n)
            keys[lane] = keys_seen (&x->k, x->q.token[row], r);
          most = keys[lane] > most ? keys[lane] : most;
          x->seen[row] += keys[lane];
        }
      if (most)
        kernels->row_sums (&x->rows[(first + panel) / QK_LANES], x->s + panel * columns, most, keys,
                           shift, r->scale);
    }
}

/* Add the finished rows.  */
static void
add_rows (struct qk_strip *s, const struct strip_room *x, const struct qk_kernels *kernels)
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
          s->pairs += n;
          s->s1 += s1;
          s->s2 += s2;
          s->rows++;
          s->participation += stats.participation[lane];
          s->entropy += stats.entropy[lane];
          s->max_weight += stats.top[lane];
          s->max_abs = fmax (s->max_abs, sums->abs[lane]);
          if (n < 2)
            continue;
          s->spread_rows++;
          s->row_variance += (s2 - s1 * s1 / n) / (n - 1);
          s->row_square += s2 / (n - 1);
        }
    }
}

size_t
qk_recording_strip_bytes (const struct qk_recording *r)
{
  struct strip_room x;
  return strip_room (&x, r, NULL);
}

int
qk_recording_strip (struct qk_strip *s, const struct qk_recording *r, uint64_t index, double shift,
                    const struct qk_kernels *kernels, void *scratch, char why[static QK_WHY])
{
  static const struct qk_row_sums none = QK_ROW_SUMS_NONE;
  struct strip_room x;
  strip_room (&x, r, scratch);
  uint64_t head = index / r->strips, first = index % r->strips * r->strip;
  size_t n = r->queries - first < r->strip ? (size_t)(r->queries - first) : r->strip;

  *s = (struct qk_strip){ 0 };
  if (load (&x.q, r->q, head, first, n, r, &x, why))
    return -1;
  for (size_t i = 0; i < r->strip / QK_LANES; i++)
    x.rows[i] = none;
  memset (x.seen, 0, r->strip * sizeof *x.seen);

  uint64_t end = r->causal ? first + n + (r->keys - r->queries) : r->keys;
  for (uint64_t at = 0; at < end && x.q.n; at += r->chunk)
    {
      size_t keys = end - at < r->chunk ? (size_t)(end - at) : r->chunk;
      if (load (&x.k, r->k, head / r->group, at, keys, r, &x, why))
        return -1;
      size_t b = rounded (x.q.n);
      for (size_t row = 0; row < b && x.k.n; row += GROUP)
        take_scores (&x, r, row, qk_smaller (b - row, GROUP), shift, kernels);
    }
  add_rows (s, &x, kernels);
  return 0;
}
