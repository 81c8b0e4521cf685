/* layer.c -- one attention layer forward and backward, and the optimizers.

   Plain loops over rows of a multiple of 8 doubles, which the compiler turns into vectors; no sum
   is reordered.  */

#include "layer.h"
#include "attention.h"
#include "lanes/kernels.h"
#include "store.h"

#include <math.h>
#include <string.h>

size_t
qk_layer_width (size_t n)
{
  return (n + 7) / 8 * 8;
}

/* ---- Sums and tables ------------------------------------------------------------------------- */

static double
total (const double part[8])
{
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

/* Sum of x_i y_i, n a multiple of 8.  */
static double
product (const double *x, const double *y, size_t n)
{
  double part[8] = { 0 };
  for (size_t i = 0; i < n; i += 8)
    for (size_t j = 0; j < 8; j++)
      part[j] += x[i + j] * y[i + j];
  return total (part);
}

static double
sum (const double *x, size_t n)
{
  double part[8] = { 0 };
  for (size_t i = 0; i < n; i += 8)
    for (size_t j = 0; j < 8; j++)
      part[j] += x[i + j];
  return total (part);
}

static void
scale_all (double *x, size_t n, double c)
{
  for (size_t i = 0; i < n; i++)
    x[i] *= c;
}

/* Write the transpose of x (rows by columns) to y, rows of width >= rows, 0 beyond.  */
static void
transpose (double *y, const double *x, size_t rows, size_t columns, size_t width)
{
  for (size_t j = 0; j < columns; j++)
    for (size_t i = 0; i < width; i++)
      y[j * width + i] = i < rows ? x[i * columns + j] : 0;
}

/* S = c Q^T K (w by w), tables of d coordinates.  */
static void
score (double *s, const double *q, const double *k, size_t d, size_t w, double c,
       const struct qk_kernels *kernels)
{
  kernels->multiply (s, q, k, w, d, w, 1, w);
  scale_all (s, w * w, c);
}

/* From ds (w by w), which is scaled by c on the way, dQ = c K ds^T and dK = c Q ds; K = Q, and no
   dK: the sum of both.  Scratch (w by w).  */
static void
score_back (double *dq, double *dk, double *ds, const double *q, const double *k, size_t d,
            size_t w, double c, double *scratch, const struct qk_kernels *kernels)
{
  scale_all (ds, w * w, c);
  transpose (scratch, ds, w, w, w);
  if (dk)
    kernels->multiply (dk, q, ds, d, w, w, w, 1);
  else
    for (size_t i = 0; i < w * w; i++)
      scratch[i] += ds[i];
  kernels->multiply (dq, k, scratch, d, w, w, w, 1);
}

/* ---- Softmax by rows ---------------------------------------------------------------------------
 */

/* Write the softmax of rows of n scores, w apart, to p, s - max to t, and to rest, of the width of
   rows, the sum of e^t but for one that is 1.  Row r does not see where hidden[r % n][.].  -1 where
   a difference of scores is not finite.  */
static int
soften (double *p, double *t, double *rest, const double *s, size_t rows, size_t n, size_t w,
        const bool *hidden, const struct qk_kernels *kernels)
{
  for (size_t r = 0; r < rows; r++)
    {
      const double *x = s + r * w;
      const bool *out = hidden ? hidden + r % n * n : NULL;
      double max = -INFINITY, off = 0;
      for (size_t b = 0; b < n; b++)
        if (!(out && out[b]) && x[b] > max)
          max = x[b];
      for (size_t b = 0; b < w; b++)
        {
          bool seen = b < n && !(out && out[b]);
          double y = seen ? x[b] - max : 0;
          off += y - y; /* NaN from the first that is not finite */
          t[r * w + b] = seen ? y : -INFINITY;
        }
      if (off != 0)
        return -1;
    }
  kernels->exp (p, t, rows * w);
  for (size_t r = 0; r < rows; r++)
    {
      size_t top = 0;
      while (t[r * w + top] != 0)
        top++;
      rest[r] = 0;
      for (size_t b = 0; b < n; b++)
        if (b != top)
          rest[r] += p[r * w + b];
      for (size_t b = 0; b < w; b++)
        p[r * w + b] /= 1 + rest[r];
    }
  for (size_t r = rows; r < qk_layer_width (rows); r++)
    rest[r] = 0;
  return 0;
}

/* ---- Tables ------------------------------------------------------------------------------------
 */

/* Tables of a head, in parameters or their gradient.  */
struct tables
{
  double *q, *k;
};

static size_t
tables_size (const struct qk_layer *l)
{
  return (l->shared ? 1 : 2) * l->d * qk_layer_width (l->n);
}

static struct tables
tables_of (double *parameters, const struct qk_layer *l, size_t head)
{
  double *q = parameters + head * tables_size (l);
  return (struct tables){ q, l->shared ? q : q + l->d * qk_layer_width (l->n) };
}

size_t
qk_layer_parameters (const struct qk_layer *l)
{
  return l->heads * tables_size (l) + (l->additive ? qk_layer_width (l->d) : 0);
}

struct layer_room
{
  double *s, *p, *ds, *t, *rest, *log_p, *mean, *scratch, *tanh;
  size_t used;
};

static struct layer_room
layer_lay (const struct qk_layer *l, double *memory)
{
  struct qk_store store = { memory, 0 };
  size_t w = qk_layer_width (l->n), rows = l->heads * l->n, square = l->heads * w * w;
  struct layer_room room;
  room.s = qk_store_take (&store, square);
  room.p = qk_store_take (&store, square);
  room.ds = qk_store_take (&store, square);
  room.t = qk_store_take (&store, square);
  room.rest = qk_store_take (&store, rows);
  room.log_p = qk_store_take (&store, 2 * qk_layer_width (rows));
  room.mean = qk_store_take (&store, w * w);
  room.scratch = qk_store_take (&store, w * w);
  room.tanh = qk_store_take (&store, l->additive ? l->heads * l->d * w * w : 0);
  room.used = store.used;
  return room;
}

size_t
qk_layer_room (const struct qk_layer *l)
{
  return layer_lay (l, NULL).used;
}

struct qk_layer_view
qk_layer_view (const struct qk_layer *l, double *memory)
{
  struct layer_room room = layer_lay (l, memory);
  return (struct qk_layer_view){ room.s, room.p, room.ds };
}

/* s_ab = sum of v_i tanh (q_ia + k_ib); the tanh are kept.  */
static void
additive (double *s, double *t, const double *q, const double *k, const double *v, size_t d,
          size_t w, const struct qk_kernels *kernels)
{
  for (size_t i = 0; i < d; i++)
    for (size_t a = 0; a < w; a++)
      for (size_t b = 0; b < w; b++)
        t[(i * w + a) * w + b] = q[i * w + a] + k[i * w + b];
  kernels->tanh (t, t, d * w * w);
  memset (s, 0, w * w * sizeof *s);
  for (size_t i = 0; i < d; i++)
    for (size_t ab = 0; ab < w * w; ab++)
      s[ab] += v[i] * t[i * w * w + ab];
}

static void
additive_back (double *dq, double *dk, double *dv, const double *ds, const double *t,
               const double *v, size_t d, size_t w, double *u)
{
  memset (dk, 0, d * w * sizeof *dk);
  for (size_t i = 0; i < d; i++)
    {
      const double *x = t + i * w * w;
      for (size_t ab = 0; ab < w * w; ab++)
        u[ab] = ds[ab] * v[i] * (1 - x[ab] * x[ab]);
      for (size_t a = 0; a < w; a++)
        {
          dq[i * w + a] = sum (u + a * w, w);
          for (size_t b = 0; b < w; b++)
            dk[i * w + b] += u[a * w + b];
        }
      dv[i] += product (ds, x, w * w);
    }
}

/* The sum over queries of - ln of the mean weight of the target, and (p - e) of each head by its
   share of that mean to ds.  */
static double
log_loss (double *ds, const struct qk_layer *l, const struct layer_room *room,
          const struct qk_kernels *kernels)
{
  size_t n = l->n, w = qk_layer_width (n), h = l->heads;
  double *x = room->mean, all = 0; /* - ln p_target = ln (1 + x) - t_target, t = 0 if of a mean */
  memset (x, 0, w * sizeof *x);
  for (size_t a = 0; a < n; a++)
    {
      double weight = 0, rest = 0;
      for (size_t r = a; r < h * n; r += n)
        {
          weight += room->p[r * w + l->target[a]];
          rest += 1 - room->p[r * w + l->target[a]];
        }
      x[a] = h > 1 ? rest / weight : room->rest[a];
      if (!(x[a] < 0x1p1000))
        return INFINITY;
      for (size_t r = a; r < h * n; r += n)
        {
          double share = h > 1 ? room->p[r * w + l->target[a]] / weight : 1;
          for (size_t b = 0; b < w; b++)
            ds[r * w + b] = share * (room->p[r * w + b] - (b == l->target[a]));
        }
    }
  kernels->log_1_plus (x, x, w);
  for (size_t a = 0; a < n; a++)
    all += h > 1 ? x[a] : x[a] - room->t[a * w + l->target[a]];
  return all;
}

/* The sum over queries of |p - e|^2, p the mean over heads, and p o (g - <g, p>), g = 2 (p - e), of
   each head to ds.  */
static double
squared_loss (double *ds, const struct qk_layer *l, const struct layer_room *room)
{
  size_t n = l->n, w = qk_layer_width (n), h = l->heads;
  double *g = room->mean, all = 0;
  for (size_t a = 0; a < n; a++)
    {
      for (size_t b = 0; b < w; b++)
        {
          g[b] = 0;
          for (size_t r = a; r < h * n; r += n)
            g[b] += room->p[r * w + b];
          g[b] = g[b] / (double)h - (b == l->target[a]);
        }
      all += product (g, g, w);
      scale_all (g, w, 2 / (double)h);
      for (size_t r = a; r < h * n; r += n)
        qk_softmax_back (ds + r * w, room->p + r * w, g, w);
    }
  return all;
}

/* Of the rows of one query, of all heads: whether x is strictly largest at the target.  */
static bool
strictly (const struct qk_layer *l, const double *x, size_t a)
{
  size_t w = qk_layer_width (l->n);
  for (size_t b = 0; b < l->n; b++)
    {
      double target = 0, other = 0;
      if (b == l->target[a] || (l->hidden && l->hidden[a * l->n + b]))
        continue;
      for (size_t r = a; r < l->heads * l->n; r += l->n)
        {
          target += x[r * w + l->target[a]];
          other += x[r * w + b];
        }
      if (target <= other)
        return false;
    }
  return true;
}

int
qk_layer_pass (double *loss, double *gradient, double *accuracy, const double *parameters,
               const struct qk_layer *l, const struct qk_kernels *kernels, double *memory)
{
  struct layer_room room = layer_lay (l, memory);
  size_t n = l->n, d = l->d, w = qk_layer_width (n), h = l->heads, square = n * w;
  double *tables = (double *)parameters; /* read only */
  const double *v = parameters + h * tables_size (l);

  /* Forward.  Rows of S beyond n are computed, and overwritten by the next head.  */
  for (size_t j = 0; j < h; j++)
    {
      struct tables at = tables_of (tables, l, j);
      if (l->additive)
        additive (room.s + j * square, room.tanh + j * d * w * w, at.q, at.k, v, d, w, kernels);
      else
        score (room.s + j * square, at.q, at.k, d, w, l->scale, kernels);
    }
  if (soften (room.p, room.t, room.rest, room.s, h * n, n, w, l->hidden, kernels))
    return -1;
  double all = l->loss == QK_LOSS_LOG ? log_loss (room.ds, l, &room, kernels)
                                      : squared_loss (room.ds, l, &room);
  *loss = all / (double)n;
  if (!isfinite (all))
    return -1;
  if (accuracy)
    {
      size_t right = 0;
      for (size_t a = 0; a < n; a++)
        right += strictly (l, h > 1 ? room.p : room.s, a);
      *accuracy = (double)right / (double)n;
    }
  if (!gradient)
    return 0;

  /* Backward.  */
  double *ds = room.scratch, *dv = gradient + h * tables_size (l);
  scale_all (room.ds, h * square, 1 / (double)n);
  if (l->additive)
    memset (dv, 0, qk_layer_width (d) * sizeof *dv);
  for (size_t j = 0; j < h; j++)
    {
      struct tables at = tables_of (tables, l, j), to = tables_of (gradient, l, j);
      memset (ds, 0, w * w * sizeof *ds);
      memcpy (ds, room.ds + j * square, square * sizeof *ds);
      if (l->additive)
        additive_back (to.q, to.k, dv, ds, room.tanh + j * d * w * w, v, d, w, room.mean);
      else
        score_back (to.q, l->shared ? NULL : to.k, ds, at.q, at.k, d, w, l->scale, room.mean,
                    kernels);
    }
  return 0;
}

/* ---- Examples ----------------------------------------------------------------------------------
 */

struct examples_room
{
  double *form, *xm, *s, *t, *p, *rest, *ds, *z, *scratch;
  size_t used;
};

static struct examples_room
examples_lay (const struct qk_examples *e, double *memory)
{
  struct qk_store store = { memory, 0 };
  struct examples_room room;
  room.form = qk_store_take (&store, e->D * e->D);
  room.xm = qk_store_take (&store, e->count * e->D);
  room.s = qk_store_take (&store, e->count * e->keys);
  room.t = qk_store_take (&store, e->count * e->keys);
  room.p = qk_store_take (&store, e->count * e->keys);
  room.rest = qk_store_take (&store, e->count);
  room.ds = qk_store_take (&store, e->count * e->keys);
  room.z = qk_store_take (&store, e->count * e->D);
  room.scratch = qk_store_take (&store, e->D * e->D);
  room.used = store.used;
  return room;
}

size_t
qk_examples_room (const struct qk_examples *e)
{
  return examples_lay (e, NULL).used;
}

/* The scores are those of the form M = c W_Q W_K^T, x M y^T, and dM = sum of ds x y^T: so W_Q and
   W_K are tables of D tokens, and M and dM their scores.  */
int
qk_examples_pass (double *loss, double *gradient, double *accuracy, const double *parameters,
                  const struct qk_examples *e, const struct qk_kernels *kernels, double *memory)
{
  struct examples_room room = examples_lay (e, memory);
  size_t n = e->keys, D = e->D, d = e->d;
  const double *wq = parameters, *wk = parameters + d * D;

  score (room.form, wq, wk, d, D, e->scale, kernels);
  kernels->multiply (room.xm, e->x, room.form, e->count, D, D, D, 1);
  for (size_t r = 0; r < e->count; r++)
    kernels->multiply (room.s + r * n, room.xm + r * D, e->y + r * D * n, 1, D, n, D, 1);
  if (soften (room.p, room.t, room.rest, room.s, e->count, n, n, NULL, kernels))
    return -1;

  double all = 0;
  size_t right = 0;
  for (size_t r = 0; r < e->count; r++)
    {
      double *p = room.p + r * n, *g = room.t + r * n;
      bool largest = true;
      for (size_t b = 0; b < n; b++)
        {
          g[b] = p[b] - (b == e->target[r]);
          largest
              = largest && (b == e->target[r] || room.s[r * n + b] < room.s[r * n + e->target[r]]);
        }
      right += largest;
      all += product (g, g, n);
      scale_all (g, n, 2 / (double)e->count);
      qk_softmax_back (room.ds + r * n, p, g, n);
    }
  *loss = all / (double)e->count;
  if (accuracy)
    *accuracy = (double)right / (double)e->count;
  if (!isfinite (all))
    return -1;
  if (!gradient)
    return 0;

  for (size_t r = 0; r < e->count; r++)
    for (size_t i = 0; i < D; i++)
      room.z[r * D + i] = product (room.ds + r * n, e->y + (r * D + i) * n, n);
  kernels->multiply (room.form, e->x, room.z, D, e->count, D, 1, D);
  score_back (gradient, gradient + d * D, room.form, wq, wk, d, D, e->scale, room.scratch, kernels);
  return 0;
}

/* ---- Heads with values -------------------------------------------------------------------------
 */

/* Parameters, or their gradient.  */
struct parts
{
  double *q, *k, *wv, *wo;
};

struct widths
{
  size_t w, u, z; /* of n tokens, of the r numbers of a value, of m values */
};

static struct widths
widths_of (const struct qk_mixture *x)
{
  return (struct widths){ qk_layer_width (x->n), qk_layer_width (x->r),
                          qk_layer_width (x->m * x->r) };
}

static struct parts
parts_of (double *parameters, const struct qk_mixture *x)
{
  struct widths by = widths_of (x);
  double *k = parameters + x->D * by.w, *wv = k + x->D * by.w;
  return (struct parts){ parameters, k, wv, wv + x->D * by.u };
}

size_t
qk_mixture_parameters (const struct qk_mixture *x)
{
  struct widths by = widths_of (x);
  return x->D * (2 * by.w + by.u + by.z);
}

struct mixture_room
{
  double *s, *t, *p, *rest, *map, *out, *dmap, *dp, *ds, *scratch;
  size_t used;
};

static struct mixture_room
mixture_lay (const struct qk_mixture *x, double *memory)
{
  struct qk_store store = { memory, 0 };
  struct widths by = widths_of (x);
  size_t h = x->heads, square = by.w * by.w, map = x->r * by.z;
  struct mixture_room room;
  room.s = qk_store_take (&store, h * square);
  room.t = qk_store_take (&store, h * square);
  room.p = qk_store_take (&store, h * square);
  room.rest = qk_store_take (&store, h * x->n);
  room.map = qk_store_take (&store, h * map);
  room.out = qk_store_take (&store, x->n * by.w * map);
  room.dmap = qk_store_take (&store, h * map);
  room.dp = qk_store_take (&store, x->n * by.w * qk_layer_width (h));
  room.ds = qk_store_take (&store, square);
  /* For transposes, and the equations of qk_mixture_refit.  */
  room.scratch
      = qk_store_take (&store, qk_larger (square + map * qk_layer_width (h), x->D * (x->D + by.z)));
  room.used = store.used;
  return room;
}

size_t
qk_mixture_room (const struct qk_mixture *x)
{
  return mixture_lay (x, NULL).used;
}

const double *
qk_mixture_weights (const struct qk_mixture *x, const double *room)
{
  return mixture_lay (x, (double *)room).p;
}

/* Whether the trace of what comes from a key is strictly largest at target i of query a; out (n by
   w by r by z).  */
static bool
reaches (const struct qk_mixture *x, const double *out, size_t a, size_t i)
{
  struct widths by = widths_of (x);
  double best = -INFINITY, at = 0;
  for (size_t b = 0; b < x->n; b++)
    {
      double trace = 0;
      for (size_t j = 0; j < x->r; j++)
        trace += out[((a * by.w + b) * x->r + j) * by.z + i * x->r + j];
      if (b == x->target[a * x->m + i])
        at = trace;
      else if (trace > best)
        best = trace;
    }
  return at > best;
}

int
qk_mixture_pass (double *loss, double *gradient, double *accuracy, const double *parameters,
                 const struct qk_mixture *x, const struct qk_kernels *kernels, double *memory)
{
  struct mixture_room room = mixture_lay (x, memory);
  struct widths by = widths_of (x);
  size_t n = x->n, w = by.w, z = by.z, h = x->heads, width = x->D / h, map = x->r * z;
  size_t pairs = n * w, square = n * w;
  double c = 1 / sqrt ((double)width);
  struct parts at = parts_of ((double *)parameters, x); /* read only */

  for (size_t j = 0; j < h; j++)
    {
      size_t first = j * width;
      score (room.s + j * square, at.q + first * w, at.k + first * w, width, w, c, kernels);
      kernels->multiply (room.map + j * map, at.wv + first * by.u, at.wo + first * z, x->r, width,
                         z, 1, by.u);
    }
  if (soften (room.p, room.t, room.rest, room.s, h * n, n, w, NULL, kernels))
    return -1;

  /* What comes from each key, (query, key) by (number, target, number), less what should.  */
  kernels->multiply (room.out, room.p, room.map, pairs, h, map, 1, pairs);
  if (accuracy)
    {
      size_t right = 0;
      for (size_t a = 0; a < n; a++)
        for (size_t i = 0; i < x->m; i++)
          right += reaches (x, room.out, a, i);
      *accuracy = (double)right / (double)(n * x->m);
    }
  for (size_t a = 0; a < n; a++)
    for (size_t i = 0; i < x->m; i++)
      for (size_t j = 0; j < x->r; j++)
        room.out[((a * w + x->target[a * x->m + i]) * x->r + j) * z + i * x->r + j] -= 1;
  double all = product (room.out, room.out, pairs * map), parts = (double)(n * x->m * x->r);
  *loss = all / parts;
  if (!isfinite (all))
    return -1;
  if (!gradient)
    return 0;

  scale_all (room.out, pairs * map, 2 / parts);
  struct parts to = parts_of (gradient, x);
  double *turned = room.scratch, *scratch = room.scratch + w * w;
  kernels->multiply (room.dmap, room.p, room.out, h, pairs, map, pairs, 1);
  transpose (scratch, room.map, h, map, qk_layer_width (h));
  kernels->multiply (room.dp, room.out, scratch, pairs, map, qk_layer_width (h), map, 1);
  for (size_t j = 0; j < h; j++)
    {
      size_t first = j * width;
      const double *p = room.p + j * square;
      double *g = room.t; /* of this head */
      for (size_t ab = 0; ab < pairs; ab++)
        g[ab] = room.dp[ab * qk_layer_width (h) + j];
      memset (room.ds, 0, w * w * sizeof *room.ds);
      for (size_t a = 0; a < n; a++)
        qk_softmax_back (room.ds + a * w, p + a * w, g + a * w, w);
      score_back (to.q + first * w, to.k + first * w, room.ds, at.q + first * w, at.k + first * w,
                  width, w, c, turned, kernels);

      const double *dmap = room.dmap + j * map;
      kernels->multiply (to.wo + first * z, at.wv + first * by.u, dmap, width, x->r, z, by.u, 1);
      transpose (scratch, dmap, x->r, z, by.u);
      kernels->multiply (to.wv + first * by.u, at.wo + first * z, scratch, width, z, by.u, z, 1);
    }
  return 0;
}

void
qk_mixture_remove (double *parameters, const struct qk_mixture *x, size_t first, size_t count)
{
  struct widths by = widths_of (x);
  struct parts at = parts_of (parameters, x);
  memset (at.q + first * by.w, 0, count * by.w * sizeof (double));
  memset (at.k + first * by.w, 0, count * by.w * sizeof (double));
  memset (at.wv + first * by.u, 0, count * by.u * sizeof (double));
  memset (at.wo + first * by.z, 0, count * by.z * sizeof (double));
}

/* Solve G X = B, G (n by n) positive semidefinite and B (n by z) in its range; G is destroyed, X
   left in B.  Elimination with the largest pivot next, as long as it is above 1e-12 of the first;
   rows of X without a pivot are 0.  */
static void
solve (double *g, double *b, size_t n, size_t z)
{
  size_t order[QK_MIXTURE_MOST], rank = 0;
  double first = 0;
  for (size_t i = 0; i < n; i++)
    order[i] = i;
  for (; rank < n; rank++)
    {
      size_t best = rank;
      for (size_t i = rank; i < n; i++)
        if (g[order[i] * n + order[i]] > g[order[best] * n + order[best]])
          best = i;
      size_t k = order[best];
      double pivot = g[k * n + k];
      first = rank == 0 ? pivot : first;
      if (!(pivot > 1e-12 * first))
        break;
      order[best] = order[rank];
      order[rank] = k;
      /* What is left of the others without k.  */
      for (size_t i = rank + 1; i < n; i++)
        {
          double *row = g + order[i] * n, factor = row[k] / pivot;
          for (size_t j = rank + 1; j < n; j++)
            row[order[j]] -= factor * g[k * n + order[j]];
          for (size_t j = 0; j < z; j++)
            b[order[i] * z + j] -= factor * b[k * z + j];
        }
    }
  for (size_t i = rank; i < n; i++)
    memset (b + order[i] * z, 0, z * sizeof *b);
  for (size_t i = rank; i-- > 0;)
    {
      size_t k = order[i];
      for (size_t l = 0; l < z; l++)
        {
          for (size_t j = i + 1; j < rank; j++)
            b[k * z + l] -= g[k * n + order[j]] * b[order[j] * z + l];
          b[k * z + l] /= g[k * n + k];
        }
    }
}

void
qk_mixture_refit (double *parameters, const struct qk_mixture *x, const double *memory,
                  double *scratch)
{
  struct mixture_room room = mixture_lay (x, (double *)memory);
  struct widths by = widths_of (x);
  struct parts at = parts_of (parameters, x);
  size_t D = x->D, z = by.z, width = D / x->heads, pairs = x->n * by.w;
  double *g = mixture_lay (x, scratch).scratch, *b = at.wo;
  memset (b, 0, D * z * sizeof *b);
  for (size_t k = 0; k < D; k++)
    {
      const double *p = room.p + k / width * pairs;
      for (size_t l = 0; l < D; l++)
        g[k * D + l] = product (p, room.p + l / width * pairs, pairs)
                       * product (at.wv + k * by.u, at.wv + l * by.u, by.u);
      for (size_t a = 0; a < x->n; a++)
        for (size_t i = 0; i < x->m; i++)
          for (size_t j = 0; j < x->r; j++)
            b[k * z + i * x->r + j] += p[a * by.w + x->target[a * x->m + i]] * at.wv[k * by.u + j];
    }
  solve (g, b, D, z);
}

/* ---- Optimizers --------------------------------------------------------------------------------
 */

void
qk_descent_step (double *w, const double *g, size_t n, struct qk_descent *descent,
                 const struct qk_kernels *kernels)
{
  const double beta_1 = 0.9, beta_2 = 0.999;
  if (descent->optimizer == QK_SGD)
    {
      for (size_t i = 0; i < n; i++)
        w[i] -= descent->rate * g[i];
      return;
    }
  descent->power_1 *= beta_1;
  descent->power_2 *= beta_2;
  struct qk_adam adam = { beta_1, beta_2, descent->epsilon, descent->rate / (1 - descent->power_1),
                          1 / (1 - descent->power_2) };
  kernels->adam (w, descent->m, descent->v, g, n, &adam);
}
