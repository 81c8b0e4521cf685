/* gradient.c -- what happens to the softmax Jacobian and to the gradient with respect to q?

   Two kinds of case.  Tiles: queries that share keys, for means; a block pools many, and is the
   unit.  Queries with keys of their own, for medians and other quantiles, and for the hard bounds:
   each is a unit.  A third kind, tiles again, has the scales d_k^-alpha of --alpha.  */

#include "../attention.h"
#include "../enclose.h"
#include "../message.h"
#include "../exact.h"
#include "../reference.h"
#include "../replay.h"
#include "../scored.h"
#include "../store.h"
#include "../weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Multiply-adds, or their equivalent in time, of the weights of a row, a score, beside its dot
   product; where each query has keys of its own, of a component in J K and of the spectral norm. */
static const double ROW_COST = 80, COMPONENT_COST = 2, NORM_COST = 600;

/* Room for the keys of 8 queries: 256 MB.  */
static const double MOST_COMPONENTS = 0x1p22;

/* What can be said of medians and means without an exact value (see the manual, band by quantity):
   how much flat ones may differ, how near a_n a mean is, how far the medians must fall.  */
static const double FLAT = 1.2, NEAR_GAP = 0.25, FALLEN = 0.5;
static const double FROM_LOG = 8, TO_LOG = 48; /* in units of ln n: the d_k that show it */
static const double FLAT_FROM = 4;             /* the least d_k that is like large ones */

enum
{
  QUERIES = 128, /* a block of queries with keys of their own */
  OWN_DRAWS = QUERIES / QK_LANES
};

struct setup
{
  struct qk_weights_draws draws;
  double alpha; /* NAN: the scale is one of --scale */
  struct qk_softmax_moments exact, claimed, predicted;
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

enum
{
  JACOBIAN_2,
  JACOBIAN_1,
  GRADIENT_2,
  GRADIENT_1,
  MEANS
};

static bool
has_keys (const struct setup *u)
{
  return u->draws.w.law.d > 0;
}

/* What follows the scores in scratch: their weights; and of tiles K K^T, its product with them and
   the squares of the rows, of queries one row of weights.  */
struct scratch
{
  double *p, *gram, *product;
  double *jacobian, *gradient; /* |J|_F^2, |J K|_F^2 by row */
  double *row;
  size_t used; /* doubles, the scores too */
};

static struct scratch
lay (const struct setup *u, bool tiles, void *memory)
{
  const struct qk_scores *s = &u->draws.scores;
  struct qk_store store = { memory, 0 };
  struct scratch x = { 0 };
  qk_store_bytes (&store, qk_scores_bytes (s));
  x.p = qk_store_take (&store, s->queries * s->keys);
  if (tiles && has_keys (u))
    {
      x.gram = qk_store_take (&store, s->keys * s->keys);
      x.product = qk_store_take (&store, s->queries * s->keys);
    }
  if (tiles)
    {
      x.jacobian = qk_store_take (&store, s->queries);
      x.gradient = qk_store_take (&store, s->queries);
    }
  else
    x.row = qk_store_take (&store, s->keys);
  x.used = store.used;
  return x;
}

/* |J|_F^2 of 8 rows, and their weights.  */
static void
weigh (double jacobian[QK_LANES], double *p, const double *s, const struct setup *u,
       const struct qk_kernels *kernels)
{
  size_t keys[QK_LANES], n = u->draws.scores.keys;
  struct qk_row_sums sums = QK_ROW_SUMS_NONE;
  struct qk_row_stats stats;
  qk_weights_panel (keys, &u->draws, 0, 0);
  kernels->row_sums (&sums, s, n, keys, 0, u->draws.w.c);
  kernels->row_stats (&stats, &sums);
  kernels->row_weights (p, s, n, keys, u->draws.w.c, &sums);
  memcpy (jacobian, stats.jacobian, sizeof stats.jacobian);
}

/* |J K|_F^2 of 8 rows with the same keys, from G = K K^T and u = G p:  the sum over keys of
   p_i^2 (G_ii - 2 u_i), and of p_i u_i times the sum of p^2.  At a row where one key takes all this
   is 0 but for rounding.  */
static void
gradient_squares (double square[QK_LANES], const double *p, const double *product,
                  const double *gram, size_t n)
{
  double a[QK_LANES] = { 0 }, b[QK_LANES] = { 0 }, p2[QK_LANES] = { 0 };
  for (size_t j = 0; j < n; j++)
    {
      double length = gram[(j / 8 * n + j) * 8 + j % 8];
      for (size_t i = 0; i < QK_LANES; i++)
        {
          double w = p[8 * j + i], x = product[8 * j + i];
          a[i] += w * x;
          b[i] += w * w * (length - 2 * x);
          p2[i] += w * w;
        }
    }
  for (size_t i = 0; i < QK_LANES; i++)
    square[i] = fmax (b[i] + p2[i] * a[i], 0);
}

/* The squares of all rows of a tile, and what they are made of.  */
static struct scratch
measure_tile (const struct setup *u, const double *s, struct qk_work *work)
{
  const struct qk_kernels *kernels = work->kernels;
  const struct qk_scores *scores = &u->draws.scores;
  struct scratch x = lay (u, true, work->scratch);
  size_t n = scores->keys, d = (size_t)scores->law.d;
  for (size_t i = 0; i < scores->queries; i += QK_LANES)
    weigh (x.jacobian + i, x.p + i * n, s + i * n, u, kernels);
  if (!has_keys (u))
    return x;
  const double *k = qk_scores_kept (scores, work->scratch);
  for (size_t i = 0; i < d; i += QK_DEPTH)
    kernels->tile (x.gram, k + i * n, k + i * n, n, n, qk_chunk_depth (d, i), i == 0);
  kernels->tile (x.product, x.p, x.gram, scores->queries, n, n, 1);
  for (size_t i = 0; i < scores->queries; i += QK_LANES)
    gradient_squares (x.gradient + i, x.p + i * n, x.product + i * n, x.gram, n);
  return x;
}

static void
add_tile (double means[MEANS], const struct setup *u, uint64_t t, struct qk_work *work)
{
  const struct qk_scores *scores = &u->draws.scores;
  const double *s = qk_scores_draw (scores, t, work->kernels, &work->source, work->scratch);
  const struct scratch x = measure_tile (u, s, work);
  double c2 = u->draws.w.c * u->draws.w.c;
  for (size_t i = 0; i < scores->queries; i++)
    {
      means[JACOBIAN_2] += x.jacobian[i];
      means[JACOBIAN_1] += sqrt (x.jacobian[i]);
    }
  for (size_t i = 0; i < scores->queries && has_keys (u); i++)
    {
      means[GRADIENT_2] += c2 * x.gradient[i];
      means[GRADIENT_1] += sqrt (c2 * x.gradient[i]);
    }
}

static int
tiles_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, MEANS * sizeof *row);
  for (uint64_t t = 0; t < u->draws.draws; t++)
    add_tile (row, u, t, work);
  for (int i = 0; i < MEANS; i++)
    row[i] = i < GRADIENT_2 || has_keys (u) ? row[i] / c->units : NAN;
  return isnan (row[JACOBIAN_1]) || (has_keys (u) && isnan (row[GRADIENT_1])) ? -1 : 0;
}

struct query_columns
{
  double jacobian[QUERIES], gradient[QUERIES]; /* |J|_F, |dp/dq|_F */
  double spectral;                             /* the largest |J|_2 */
  double violations;                           /* bounds that a query breaks */
};

/* How many of the bounds |J|_2 <= max 2 p_i (1 - p_i), |J|_2 <= 1/2 and |J|_F^2 <= tr J / 2 a row
   breaks by more than rounding may: equality occurs.  The functions of p err by (4 n + 8) u at
   most, weights by as much in sum, which moves either side by twice that.  */
static double
broken (double norm, double square, const double *p, size_t n)
{
  double lo, hi, room = 1 + (double)(16 * n + 64) * 0x1p-53;
  qk_jacobian_bounds (&lo, &hi, p, n);
  return (norm > hi * room) + (norm > 0.5 * room) + (square > qk_jacobian_trace (p, n) / 2 * room);
}

static void
add_queries (struct query_columns *row, const struct setup *u, uint64_t t, struct qk_work *work)
{
  const struct qk_kernels *kernels = work->kernels;
  const struct qk_scores *scores = &u->draws.scores;
  const double *s = qk_scores_draw (scores, t, kernels, &work->source, work->scratch);
  const struct scratch x = lay (u, false, work->scratch);
  size_t n = scores->keys, some = (size_t)u->draws.w.rows.n, d = (size_t)scores->law.d;
  size_t top[QK_LANES] = { 0 };
  double *p = x.row, *jacobian = row->jacobian + QK_LANES * t;
  _Alignas(QK_ALIGN) double gradient[QK_LANES] = { 0 };
  weigh (jacobian, x.p, s, u, kernels);
  for (size_t lane = 0; lane < QK_LANES; lane++)
    {
      for (size_t j = 0; j < some; j++)
        {
          p[j] = x.p[8 * j + lane];
          top[lane] = p[j] > p[top[lane]] ? j : top[lane];
        }
      double norm = qk_jacobian_norm (p, some);
      row->spectral = fmax (row->spectral, norm);
      row->violations += broken (norm, jacobian[lane], p, some);
      jacobian[lane] = sqrt (jacobian[lane]);
    }
  const double *k = has_keys (u) ? qk_scores_kept (scores, work->scratch) : NULL;
  for (size_t i = 0; i < d; i += QK_DEPTH)
    kernels->row_gradient (gradient, x.p, k + i * QK_LANES * n, n, qk_chunk_depth (d, i), top);
  for (size_t lane = 0; lane < QK_LANES; lane++)
    row->gradient[QK_LANES * t + lane]
        = has_keys (u) ? u->draws.w.c * sqrt (fmax (gradient[lane], 0)) : NAN;
}

static int
queries_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  struct query_columns *columns = (struct query_columns *)row;
  qk_source_open (&work->source, work->seed, c->cell, index);
  columns->spectral = columns->violations = 0;
  for (uint64_t t = 0; t < u->draws.draws; t++)
    add_queries (columns, u, t, work);
  return isnan (columns->spectral) ? -1 : 0;
}

static const struct qk_column tiles_columns[] = { { "jacobian_square", 1 },
                                                  { "jacobian", 1 },
                                                  { "query_gradient_square", 1 },
                                                  { "query_gradient", 1 },
                                                  { 0 } };
static const struct qk_column queries_columns[] = { { "jacobian", QUERIES },
                                                    { "query_gradient", QUERIES },
                                                    { "spectral_max", 1 },
                                                    { "violations", 1 },
                                                    { 0 } };

/* ---- Their replay ---------------------------------------------------------------------------- */

/* Of a block: values of the kernels, summed exactly; room for a row in MPFR.  */
struct sums
{
  struct qk_exact mean[MEANS];
  struct qk_weights_ref *weights;
};

static void
free_sums (struct sums *x)
{
  qk_weights_ref_free (x->weights);
  free (x);
}

static void *
begin_rows (const struct qk_case *c)
{
  const struct setup *u = c->own;
  struct sums *x = calloc (1, sizeof *x);
  if (x && (x->weights = qk_weights_ref_new ((size_t)u->draws.w.rows.n)))
    return x;
  free (x);
  return NULL;
}

/* Operations for 8 rows, with that many for each key.  */
static double
operations (const struct setup *u, double key)
{
  return QK_LANES * u->draws.w.rows.n * (QK_REPLAY_EXP + (has_keys (u) ? key : 0));
}

/* Some of K K^T: the last 8 keys, each with itself and with another.  */
static void
compare_gram (struct qk_replay *r, const struct setup *u, const double *gram, const double *k)
{
  size_t n = u->draws.scores.keys, d = (size_t)u->draws.w.law.d;
  for (size_t i = n - QK_LANES; i < n; i++)
    for (size_t other = 0; other < 2; other++)
      {
        size_t j = n - QK_LANES + (i + other) % QK_LANES;
        double scale = 0;
        struct qk_exact dot = { .waiting = 0 };
        for (size_t a = 0; a < d; a++)
          {
            size_t chunk = a / QK_DEPTH * QK_DEPTH;
            size_t depth = qk_chunk_depth (d, chunk);
            const double *panel
                = k + chunk * n + (n / QK_LANES - 1) * QK_LANES * depth + (a - chunk) * QK_LANES;
            qk_exact_add (&dot, panel[i % QK_LANES], panel[j % QK_LANES]);
            scale += fabs (panel[i % QK_LANES] * panel[j % QK_LANES]);
          }
        qk_replay_compare (r, gram[(i / QK_LANES * n + j) * QK_LANES + i % QK_LANES],
                           qk_exact_value (&dot), scale);
      }
}

static void
add_tile_again (void *to, struct qk_replay *r, const struct qk_case *c, uint64_t t, const double *s,
                const double *row, struct qk_work *work)
{
  (void)row;
  const struct setup *u = c->own;
  const struct qk_scores *scores = &u->draws.scores;
  const struct scratch x = measure_tile (u, s, work);
  struct sums *all = to;
  size_t n = scores->keys, some = (size_t)u->draws.w.rows.n;
  double c2 = u->draws.w.c * u->draws.w.c;
  if (t == 0 && has_keys (u))
    compare_gram (r, u, x.gram, qk_scores_kept (scores, work->scratch));
  for (size_t i = 0; i < scores->queries; i++)
    {
      struct qk_row_ref exact;
      qk_exact_add (&all->mean[JACOBIAN_2], x.jacobian[i], 1);
      qk_exact_add (&all->mean[JACOBIAN_1], sqrt (x.jacobian[i]), 1);
      if (has_keys (u))
        {
          qk_exact_add (&all->mean[GRADIENT_2], c2 * x.gradient[i], 1);
          qk_exact_add (&all->mean[GRADIENT_1], sqrt (c2 * x.gradient[i]), 1);
        }
      if (!qk_replay_affords (r, operations (u, (double)some) / QK_LANES))
        continue;
      double scale;
      qk_weights_ref_set (all->weights, &exact, s + i / QK_LANES * QK_LANES * n + i % QK_LANES,
                          some, QK_LANES, u->draws.w.c);
      qk_replay_compare (r, x.jacobian[i], exact.jacobian, exact.jacobian);
      if (has_keys (u))
        {
          double square = qk_gradient_by_gram_ref (all->weights, &scale, x.gram, n);
          qk_replay_compare (r, x.gradient[i], square, scale);
        }
    }
}

static void
end_tiles (void *to, struct qk_replay *r, const struct qk_case *c, const double *row)
{
  const struct setup *u = c->own;
  struct sums *all = to;
  for (int i = 0; i < (has_keys (u) ? MEANS : GRADIENT_2); i++)
    {
      double mean = qk_exact_value (&all->mean[i]) / c->units;
      qk_replay_compare (r, row[i], mean, mean);
    }
  free_sums (all);
}

/* |J K|_F^2 of a row with keys of its own.  */
static double
gradient_ref (struct qk_weights_ref *w, double *scale, const struct setup *u, const double *k,
              size_t lane)
{
  size_t n = u->draws.scores.keys, d = (size_t)u->draws.w.law.d;
  double square = 0, part;
  *scale = 0;
  for (size_t i = 0, depth; i < d; i += depth)
    {
      depth = qk_chunk_depth (d, i);
      square += qk_gradient_by_keys_ref (w, &part, k + i * QK_LANES * n + lane, depth * QK_LANES,
                                         QK_LANES, depth);
      *scale += part;
    }
  return square;
}

static void
add_queries_again (void *to, struct qk_replay *r, const struct qk_case *c, uint64_t t,
                   const double *s, const double *row, struct qk_work *work)
{
  const struct setup *u = c->own;
  const struct query_columns *columns = (const struct query_columns *)row;
  struct sums *all = to;
  double c2 = u->draws.w.c * u->draws.w.c;
  if (!qk_replay_affords (r, operations (u, 2 * u->draws.w.law.d)))
    return;
  for (size_t lane = 0; lane < QK_LANES; lane++)
    {
      struct qk_row_ref exact;
      double norm = columns->jacobian[QK_LANES * t + lane], scale;
      qk_weights_ref_set (all->weights, &exact, s + lane, (size_t)u->draws.w.rows.n, QK_LANES,
                          u->draws.w.c);
      qk_replay_compare (r, norm * norm, exact.jacobian, exact.jacobian);
      if (!has_keys (u))
        continue;
      norm = columns->gradient[QK_LANES * t + lane];
      const double *k = qk_scores_kept (&u->draws.scores, work->scratch);
      double square = gradient_ref (all->weights, &scale, u, k, lane);
      qk_replay_compare (r, norm * norm, c2 * square, c2 * scale);
    }
}

static void
end_queries (void *to, struct qk_replay *r, const struct qk_case *c, const double *row)
{
  (void)r;
  (void)c;
  (void)row;
  free_sums (to);
}

/* Beside the bound of |J|_F^2: 2 n + d + 8 roundings by row_gradient (of tiles, 2 n along both
   products), and four times the error of a weight, at most 2 r (see weights.c).  */
static double
rows_bound (const struct qk_case *c)
{
  const struct setup *u = c->own;
  double n = u->draws.w.rows.n;
  return fmax (qk_weights_stats_bound (n, c->units),
               qk_gamma (2 * n + u->draws.w.law.d + 24) + 8 * qk_weights_row_bound (n));
}

/* Scales d^-alpha are told by alpha.  */
static const struct qk_key *
sweep_key (struct qk_plan *plan, const struct qk_case *c)
{
  const struct setup *u = c->own;
  const struct qk_weights *w = &u->draws.w;
  return qk_scored_keys (plan, (const struct qk_key[]){ { .name = "d_k", .number = w->law.d },
                                                        { .name = "alpha", .number = u->alpha },
                                                        { .name = "keys", .number = w->rows.n },
                                                        { 0 } });
}

static const struct qk_twin tiles_twin = { .draws = qk_weights_replayed,
                                           .key = qk_weights_key,
                                           .bound = rows_bound,
                                           .begin = begin_rows,
                                           .add = add_tile_again,
                                           .end = end_tiles };
static const struct qk_twin sweep_twin = { .draws = qk_weights_replayed,
                                           .key = sweep_key,
                                           .bound = rows_bound,
                                           .begin = begin_rows,
                                           .add = add_tile_again,
                                           .end = end_tiles };
static const struct qk_twin queries_twin = { .draws = qk_weights_replayed,
                                             .key = qk_weights_key,
                                             .bound = rows_bound,
                                             .begin = begin_rows,
                                             .add = add_queries_again,
                                             .end = end_queries };

/* ---- Kinds ----------------------------------------------------------------------------------- */

static const struct qk_kind tiles_kind = { .name = "tiles",
                                           .unit = "block",
                                           .columns = tiles_columns,
                                           .block = tiles_block,
                                           .twin = &tiles_twin };
static const struct qk_kind sweep_kind = { .name = "sweep",
                                           .unit = "block",
                                           .columns = tiles_columns,
                                           .block = tiles_block,
                                           .twin = &sweep_twin };
static const struct qk_kind queries_kind = { .name = "queries",
                                             .unit = "query",
                                             .columns = queries_columns,
                                             .block = queries_block,
                                             .twin = &queries_twin };

/* ---- Quantities ------------------------------------------------------------------------------ */

enum quantity
{
  JACOBIAN_SQUARE,
  QUERY_GRADIENT_SQUARE,
  JACOBIAN_MEAN,
  JACOBIAN_MEDIAN,
  QUERY_GRADIENT_MEAN,
  QUERY_GRADIENT_MEDIAN,
  JACOBIAN_SQUARE_SLOPE,
  QUERY_GRADIENT_SQUARE_SLOPE,
  JACOBIAN_MEAN_SLOPE,
  JACOBIAN_MEDIAN_SLOPE,
  QUERY_GRADIENT_MEAN_SLOPE,
  QUERY_GRADIENT_MEDIAN_SLOPE,
  JACOBIAN_MEDIAN_FALL,
  QUERY_GRADIENT_MEDIAN_FALL,
  JACOBIAN_MEDIAN_SPREAD,
  QUERY_GRADIENT_MEAN_SPREAD,
  QUERY_GRADIENT_MEDIAN_SPREAD,
  JACOBIAN_QUANTILE,
  QUERY_GRADIENT_QUANTILE,
  JACOBIAN_SPECTRAL_MAX,
  JACOBIAN_BOUND_VIOLATIONS,
  QUANTITIES
};

#define SLOPE_BAND "exact ± 2 ln(1+T)/ln(d_max/d_min)"
#define NO_BAND "described"

static const struct qk_quantity quantities[] = {
  { "jacobian_square", "E‖J‖²", "1", QK_LEAD, "exact (1+T)^±1",
    "Mean square of the Frobenius norm of the softmax Jacobian J = diag(p) − p pᵀ." },
  { "query_gradient_square", "E‖∂p/∂q‖²", "1", QK_COLUMN, "exact (1+T)^±1",
    "Mean square of ‖∂p/∂q‖ = ‖c J K‖. Exact: c²[(d_k − 1) E‖J‖² + E‖J s/σ‖²] for normal keys." },
  { "jacobian_mean", "E‖J‖", "1", QK_DETAIL, NO_BAND, "Mean of the Frobenius norm of J." },
  { "jacobian_median", "median ‖J‖", "1", QK_COLUMN, NO_BAND,
    "Median of the Frobenius norm of J, from queries with keys of their own." },
  { "query_gradient_mean", "E‖∂p/∂q‖", "1", QK_COLUMN, "a_n 1.25^±1, at one d_k",
    "Mean of ‖∂p/∂q‖. Unscaled it tends to a_n = n(n−1) ∫ φ² Φ^(n−2): judged at the largest d_k, "
    "if "
    "that is at least 48 ln n; else described." },
  { "query_gradient_median", "median ‖∂p/∂q‖", "1", QK_COLUMN, NO_BAND,
    "Median of ‖∂p/∂q‖, from queries with keys of their own." },
  { "jacobian_square_slope", "slope of log E‖J‖²", "1", QK_LINE, SLOPE_BAND,
    "Growth with d_k, against the same fit to the exact values. Needs two head dimensions, as all "
    "slopes." },
  { "query_gradient_square_slope", "slope of log E‖∂p/∂q‖²", "1", QK_LINE, SLOPE_BAND,
    "Growth with d_k, against the same fit to the exact values; for every α of --alpha too." },
  { "jacobian_mean_slope", "slope of log E‖J‖", "1", QK_DETAIL, NO_BAND, "Growth with d_k." },
  { "jacobian_median_slope", "slope of log median ‖J‖", "1", QK_DETAIL, NO_BAND,
    "Growth with d_k." },
  { "query_gradient_mean_slope", "slope of log E‖∂p/∂q‖", "1", QK_DETAIL, NO_BAND,
    "Growth with d_k." },
  { "query_gradient_median_slope", "slope of log median ‖∂p/∂q‖", "1", QK_DETAIL, NO_BAND,
    "Growth with d_k." },
  { "jacobian_median_fall", "last over largest median ‖J‖", "1", QK_LINE, "at most 1/2",
    "Unscaled: the median at the largest d_k over the largest of the list. Judged if the list "
    "reaches from at most 8 ln n to at least 48 ln n." },
  { "query_gradient_median_fall", "last over largest median ‖∂p/∂q‖", "1", QK_LINE, "at most 1/2",
    "The same for ‖∂p/∂q‖." },
  { "jacobian_median_spread", "spread of median ‖J‖", "1", QK_LINE, "at most 1.2",
    "With 1/√d_k or 1/d_k: the largest over the smallest for the d_k of the list from 4 on." },
  { "query_gradient_mean_spread", "spread of E‖∂p/∂q‖", "1", QK_LINE, "at most 1.2",
    "The same for the mean of ‖∂p/∂q‖." },
  { "query_gradient_median_spread", "spread of median ‖∂p/∂q‖", "1", QK_LINE, "at most 1.2",
    "The same for the median of ‖∂p/∂q‖." },
  { "jacobian_quantile", "quantile of ‖J‖", "1", QK_DETAIL, NO_BAND,
    "10 % and 90 % points of the Frobenius norm of J." },
  { "query_gradient_quantile", "quantile of ‖∂p/∂q‖", "1", QK_DETAIL, NO_BAND,
    "10 % and 90 % points of ‖∂p/∂q‖." },
  { "jacobian_spectral_max", "largest ‖J‖₂", "1", QK_LINE, "at most 1/2, and rounding",
    "Largest spectral norm among all queries with keys of their own: how near the bound they come. "
    "Equality occurs, at p = (1/2, 1/2)." },
  { "jacobian_bound_violations", "violated bounds", "1", QK_LINE, "0",
    "Queries that break ‖J‖₂ ≤ max 2p(1−p) ≤ 1/2 or ‖J‖² ≤ (1 − Σp²)/2 by more than rounding." },
  QK_SUM_DIGITS,
  { 0 }
};

static double
value_of (enum quantity quantity, const struct setup *u, const struct qk_softmax_moments *m,
          bool standard)
{
  const struct qk_weights *w = &u->draws.w;
  if (quantity == JACOBIAN_SQUARE)
    return m->jacobian_square;
  double sd = standard ? 1 : w->law.k.sd;
  return has_keys (u) ? qk_softmax_gradient_square (m, w->c * sd, w->law.d) : NAN;
}

/* ---- Plan ------------------------------------------------------------------------------------ */

static bool
is_scale (const struct setup *u, int scale)
{
  return isnan (u->alpha) && has_keys (u) && u->draws.w.scale == scale;
}

/* The rows number i; with an alpha of its own, in place of a scale of the list.  */
static struct setup *
make_setup (struct qk_plan *plan, size_t i, double alpha)
{
  struct setup *u = qk_plan_alloc (plan, sizeof *u);
  if (!u)
    return NULL;
  struct qk_weights *w = &u->draws.w;
  qk_weights_at (w, plan->params, i);
  u->alpha = alpha;
  if (!isnan (alpha))
    w->scale = w->c = alpha == 0.5 ? 1 / sqrt (w->law.d) : pow (w->law.d, -alpha);
  qk_weights_known (&u->exact, &u->claimed, &u->predicted, w);
  return u;
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, const struct setup *known)
{
  return qk_weights_case (plan, kind, &known->draws.w, qk_plan_copy (plan, known, sizeof *known));
}

/* The case of a statement on all d_k of the list: those of u, without its own d_k.  Lines of a
   table are told apart by their first key.  */
static const struct qk_key *
list_keys (struct qk_plan *plan, const struct setup *u)
{
  const struct qk_weights *w = &u->draws.w;
  struct qk_key scale = { .name = "scale", .number = w->scale };
  if (!isnan (u->alpha))
    scale = (struct qk_key){ .name = "alpha", .number = u->alpha };
  else if (w->scale < 0)
    scale.text = qk_weights_scales[-1 - (int)w->scale];
  return qk_scored_keys (plan,
                         (const struct qk_key[]){ scale,
                                                  { .name = "keys", .number = w->rows.n },
                                                  { .name = "d_k", .list = &plan->params->dk },
                                                  { 0 } });
}

static const struct qk_key *
own_keys (struct qk_plan *plan, const struct setup *u, double quantile)
{
  struct qk_key *keys = qk_plan_keys (plan);
  for (const struct qk_key *k = qk_weights_keys (plan, &u->draws.w); k && k->name; k++)
    qk_key_add (keys, *k);
  if (quantile > 0)
    qk_key_add (keys, (struct qk_key){ .name = "quantile", .number = quantile });
  return keys;
}

static const char *
claim_of (enum quantity quantity, const struct setup *u)
{
  switch (quantity)
    {
    case JACOBIAN_SPECTRAL_MAX:
    case JACOBIAN_BOUND_VIOLATIONS:
      return "jacobian-bound";
    case QUERY_GRADIENT_MEAN_SPREAD:
    case QUERY_GRADIENT_MEDIAN_SPREAD:
      return "dot-gradient-stable";
    case QUERY_GRADIENT_SQUARE_SLOPE:
      return isnan (u->alpha) ? "query-gradient" : "gradient-exponent";
    case QUERY_GRADIENT_SQUARE:
    case QUERY_GRADIENT_MEAN:
    case QUERY_GRADIENT_MEDIAN:
    case QUERY_GRADIENT_MEAN_SLOPE:
    case QUERY_GRADIENT_MEDIAN_SLOPE:
    case QUERY_GRADIENT_MEDIAN_FALL:
    case QUERY_GRADIENT_QUANTILE:
      return "query-gradient";
    default:
      return "jacobian-decay";
    }
}

/* A new statement; NULL: it is not wanted, or --exact and no exact value is known.  */
static struct qk_statement *
add (struct qk_plan *plan, enum quantity quantity, const struct setup *u, enum qk_method method,
     const size_t *source, size_t sources)
{
  bool known = quantity == JACOBIAN_SQUARE || quantity == QUERY_GRADIENT_SQUARE
               || quantity == JACOBIAN_SQUARE_SLOPE || quantity == QUERY_GRADIENT_SQUARE_SLOPE;
  if (!qk_plan_wants (plan, quantities[quantity].name) || plan->full
      || (plan->params->exact && !known))
    return NULL;
  struct qk_statement *s = qk_plan_statement (plan, quantities[quantity].name, source, sources);
  s->claim = claim_of (quantity, u);
  s->method = method;
  return s;
}

/* Of those on one d_k.  */
static bool
of_keys (enum quantity quantity)
{
  return quantity == QUERY_GRADIENT_SQUARE || quantity == QUERY_GRADIENT_MEAN
         || quantity == QUERY_GRADIENT_MEDIAN;
}

static void
judge (struct qk_statement *s, bool judged, struct qk_band band)
{
  if (!s)
    return;
  s->judged = judged;
  s->band = band;
}

/* The statements on one d_k (or sigma).  */
static void
add_own (struct qk_plan *plan, const struct setup *u, size_t tiles, size_t queries)
{
  static const double orders[] = { 0.1, 0.9 };
  const struct qk_params *p = plan->params;
  const struct qk_weights *w = &u->draws.w;
  const struct qk_key *keys = own_keys (plan, u, 0);
  struct qk_statement *s;
  for (int q = JACOBIAN_SQUARE; q <= QUERY_GRADIENT_MEDIAN; q++)
    {
      enum quantity quantity = (enum quantity)q;
      bool median = q == JACOBIAN_MEDIAN || q == QUERY_GRADIENT_MEDIAN;
      if (!has_keys (u) && of_keys (quantity))
        continue;
      s = add (plan, quantity, u, median ? QK_BY_ORDER : QK_BY_T, median ? &queries : &tiles, 1);
      if (!s)
        continue;
      s->key = keys;
      if (q <= QUERY_GRADIENT_SQUARE)
        {
          double claim = value_of (quantity, u, &u->claimed, true);
          s->exact = value_of (quantity, u, &u->exact, false);
          judge (s, !isnan (claim), qk_band_ratio (claim, p->tolerance));
        }
      if (q == QUERY_GRADIENT_MEAN)
        judge (s,
               is_scale (u, QK_SCALE_NONE) && !isnan (u->claimed.participation)
                   && w->law.d == qk_span_of (&p->dk).hi && w->law.d >= TO_LOG * log (w->rows.n),
               qk_band_ratio (qk_softmax_gap_density (w->rows.n), NEAR_GAP));
    }
  for (size_t part = 0; part < 2; part++)
    for (int q = JACOBIAN_QUANTILE;
         q <= (has_keys (u) ? QUERY_GRADIENT_QUANTILE : JACOBIAN_QUANTILE); q++)
      if ((s = add (plan, (enum quantity)q, u, QK_BY_ORDER, &queries, 1)))
        {
          s->part = part;
          s->key = own_keys (plan, u, orders[part]);
        }
}

static void
add_bounds (struct qk_plan *plan, const struct setup *u, const size_t *queries, size_t n,
            const struct qk_key *keys)
{
  double room = (16 * u->draws.w.rows.n + 64) * 0x1p-53;
  struct qk_statement *s = add (plan, JACOBIAN_SPECTRAL_MAX, u, QK_BY_BOUND, queries, n);
  judge (s, true, qk_band_most (0.5 * (1 + room)));
  if (s)
    s->key = keys;
  s = add (plan, JACOBIAN_BOUND_VIOLATIONS, u, QK_BY_BOUND, queries, n);
  judge (s, true, qk_band_most (0));
  if (s)
    s->key = keys;
}

/* The slope of the exact values, least squares in logarithms.  */
static double
exact_slope (const struct qk_list *dk, const double *y)
{
  double x[dk->n];
  struct qk_enclosure e, values[dk->n];
  double df[dk->n];
  for (size_t i = 0; i < dk->n; i++)
    {
      x[i] = dk->value[i];
      values[i] = (struct qk_enclosure){ y[i], 0, y[i], y[i] };
      df[i] = INFINITY;
    }
  qk_enclose_slope (&e, x, values, df, dk->n, 0.5);
  return e.estimate;
}

static void
add_square_slope (struct qk_plan *plan, enum quantity quantity, struct setup *const *u,
                  const size_t *tiles)
{
  const struct qk_list *dk = &plan->params->dk;
  double exact[dk->n], claim[dk->n];
  struct qk_span span = qk_span_of (dk);
  struct qk_statement *s = add (plan, quantity, u[0], QK_BY_T, tiles, dk->n);
  if (!s)
    return;
  for (size_t i = 0; i < dk->n; i++)
    {
      enum quantity of
          = quantity == JACOBIAN_SQUARE_SLOPE ? JACOBIAN_SQUARE : QUERY_GRADIENT_SQUARE;
      exact[i] = value_of (of, u[i], &u[i]->exact, false);
      claim[i] = value_of (of, u[i], &u[i]->claimed, true);
    }
  s->exact = exact_slope (dk, exact);
  double slope = exact_slope (dk, claim);
  judge (s, !isnan (slope), qk_band_slope (slope, plan->params->tolerance, span.lo, span.hi));
  s->key = list_keys (plan, u[0]);
}

/* The statements on all d_k of the list, at one scale.  */
static void
add_list (struct qk_plan *plan, struct setup *const *u, const size_t *tiles, const size_t *queries)
{
  const struct qk_list *dk = &plan->params->dk;
  const struct qk_key *keys = list_keys (plan, u[0]);
  struct qk_statement *s;
  double n = u[0]->draws.w.rows.n;
  struct qk_span span = qk_span_of (dk);
  size_t large_tiles[dk->n], large_queries[dk->n], large = 0;
  for (size_t i = 0; i < dk->n; i++)
    if (dk->value[i] >= FLAT_FROM)
      {
        large_tiles[large] = tiles[i];
        large_queries[large++] = queries[i];
      }
  if (dk->n > 1)
    {
      add_square_slope (plan, JACOBIAN_SQUARE_SLOPE, u, tiles);
      add_square_slope (plan, QUERY_GRADIENT_SQUARE_SLOPE, u, tiles);
      for (int q = JACOBIAN_MEAN_SLOPE; q <= QUERY_GRADIENT_MEDIAN_SLOPE; q++)
        {
          bool median = q == JACOBIAN_MEDIAN_SLOPE || q == QUERY_GRADIENT_MEDIAN_SLOPE;
          s = add (plan, (enum quantity)q, u[0], median ? QK_BY_ORDER : QK_BY_T,
                   median ? queries : tiles, dk->n);
          if (s)
            s->key = keys;
        }
    }
  for (int q = JACOBIAN_MEDIAN_FALL; q <= QUERY_GRADIENT_MEDIAN_FALL; q++)
    if (dk->n > 1 && is_scale (u[0], QK_SCALE_NONE)
        && (s = add (plan, (enum quantity)q, u[0], QK_BY_ORDER, queries, dk->n)))
      {
        judge (s, span.lo <= FROM_LOG * log (n) && span.hi >= TO_LOG * log (n),
               qk_band_most (FALLEN));
        s->key = keys;
      }
  for (int q = JACOBIAN_MEDIAN_SPREAD; q <= QUERY_GRADIENT_MEDIAN_SPREAD; q++)
    {
      bool median = q != QUERY_GRADIENT_MEAN_SPREAD;
      if (large > 1 && (is_scale (u[0], QK_SCALE_SQRT) || is_scale (u[0], QK_SCALE_DK))
          && (s = add (plan, (enum quantity)q, u[0], median ? QK_BY_ORDER : QK_BY_T,
                       median ? large_queries : large_tiles, large)))
        {
          judge (s, true, qk_band_most (FLAT));
          s->key = keys;
        }
    }
  add_bounds (plan, u[0], queries, dk->n, keys);
}

static int
check (const struct qk_params *p, char why[static QK_WHY])
{
  if (qk_weights_check (p, why))
    return -1;
  if (p->sigma.n && p->alpha.n)
    return qk_complain (why, "--alpha is a scale of q·k, and with --sigma there are none");
  for (size_t i = 0; !p->sigma.n && !p->exact && i < p->keys.n; i++)
    if (p->keys.value[i] * qk_span_of (&p->dk).hi > MOST_COMPONENTS)
      return qk_complain (why,
                          "--keys times --dk: at most %.0f, not %.0f; --exact has no such limit",
                          MOST_COMPONENTS, p->keys.value[i] * qk_span_of (&p->dk).hi);
  return 0;
}

/* What --exact prints has no case: the values stand in the statements.  */
static void
make_exact (struct qk_plan *plan)
{
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      struct qk_statement *s = &plan->statements[i];
      s->judged = false;
      s->method = QK_BY_EXACT;
      s->sources = 0;
    }
}

static int
plan_gradient (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  if (check (p, why))
    return -1;
  size_t count = qk_weights_count (p), group = p->sigma.n ? 1 : p->dk.n;
  size_t *tiles = qk_plan_alloc (plan, group * sizeof *tiles);
  size_t *queries = qk_plan_alloc (plan, group * sizeof *queries);
  struct setup **u = qk_plan_alloc (plan, group * sizeof *u);
  bool known = true;
  for (size_t i = 0; i < count && !plan->full; i += group)
    {
      for (size_t j = 0; j < group && (u[j] = make_setup (plan, i + j, NAN)); j++)
        {
          known &= !isnan (u[j]->exact.participation);
          tiles[j] = add_case (plan, &tiles_kind, u[j]);
          queries[j] = add_case (plan, &queries_kind, u[j]);
          if (!plan->full)
            add_own (plan, u[j], tiles[j], queries[j]);
        }
      if (!plan->full && !p->sigma.n)
        add_list (plan, u, tiles, queries);
      else if (!plan->full)
        add_bounds (plan, u[0], queries, 1, own_keys (plan, u[0], 0));
    }
  size_t each = count / p->keys.n;
  for (size_t i = 0; p->dk.n > 1 && i < count && !plan->full; i += each)
    for (size_t a = 0; a < p->alpha.n && !plan->full; a++)
      {
        for (size_t j = 0; j < group && (u[j] = make_setup (plan, i + j, p->alpha.value[a])); j++)
          tiles[j] = add_case (plan, &sweep_kind, u[j]);
        if (!plan->full)
          add_square_slope (plan, QUERY_GRADIENT_SQUARE_SLOPE, u, tiles);
      }
  if (p->exact && !known)
    return qk_complain (why,
                        "--exact: exact values are known where the components of k are normal, "
                        "and those of q normal or rademacher, with mean 0");
  if (p->exact)
    make_exact (plan);
  if (p->dk.n == 1 && p->alpha.n)
    qk_plan_warn (plan, "--alpha has no effect: slopes need two values of --dk");
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* The relative variance of a row's |J|_F^2, at most: that is at most 1/4 and at most sum p^2.  */
static double
jacobian_variance (const struct setup *u)
{
  const struct qk_softmax_moments *m = &u->predicted;
  double j = m->jacobian_square;
  return fmin (m->participation_square, j / 4) / (j * j) - 1;
}

/* Given p, |dp/dq|^2 is about |J|_F^2 chi^2_d: at most a factor 1 + 2/d in its mean square.  */
static double
gradient_variance (const struct setup *u)
{
  return has_keys (u) ? (1 + jacobian_variance (u)) * (1 + 2 / u->draws.w.law.d) - 1
                      : jacobian_variance (u);
}

/* Independent rows that a statement needs; quantiles: to lie within those of orders 0.6 T apart,
   which is 1/10 of the median where the law is as wide as its median (unscaled, it is wider).  */
static double
rows_needed (const struct qk_plan *plan, const struct qk_statement *s, const struct setup *u)
{
  double t = plan->params->tolerance, miss = qk_round_miss (s->miss, 1);
  if (s->method == QK_BY_BOUND)
    return QUERIES;
  if (s->method == QK_BY_ORDER)
    return qk_plan_quantile (0.5, fmin (0.6 * t, 0.4), miss / (double)s->sources);
  if (!s->judged)
    return 1;
  bool jacobian = s->quantity == JACOBIAN_SQUARE || s->quantity == JACOBIAN_SQUARE_SLOPE;
  return qk_plan_units (jacobian ? jacobian_variance (u) : gradient_variance (u), log1p (t), miss);
}

static void
size_tiles (struct qk_plan *plan, size_t c, double need)
{
  struct setup *u = plan->cases[c].own;
  double n = u->draws.w.rows.n, d = u->draws.w.law.d;
  qk_weights_size (plan, c, need, gradient_variance (u) / QK_POOL_VARIANCE,
                   ROW_COST + (has_keys (u) ? n : 0));
  u->draws.scores.keep = has_keys (u);
  plan->cases[c].cost += (double)u->draws.draws * n * n * d;
  plan->cases[c].scratch = lay (u, true, NULL).used * sizeof (double);
}

/* Blocks of as many queries as a record holds.  */
static void
size_queries (struct qk_plan *plan, size_t c, double need)
{
  struct qk_case *k = &plan->cases[c];
  struct setup *u = k->own;
  qk_weights_size_own (plan, c, need, NORM_COST + COMPONENT_COST * u->draws.w.law.d);
  double draws = (double)k->blocks * (double)u->draws.draws;
  k->cost *= OWN_DRAWS / (double)u->draws.draws;
  k->blocks = (uint64_t)ceil (draws / OWN_DRAWS);
  k->units = QUERIES;
  u->draws.draws = OWN_DRAWS;
  u->draws.scores.keep = has_keys (u);
  k->scratch = lay (u, false, NULL).used * sizeof (double);
}

static int
size_gradient (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    {
      double need = 1;
      for (size_t i = 0; i < plan->n_statements; i++)
        if (qk_statement_uses (&plan->statements[i], c))
          need = fmax (need, rows_needed (plan, &plan->statements[i], plan->cases[c].own));
      (plan->cases[c].kind == &queries_kind ? size_queries : size_tiles) (plan, c, need);
    }
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* Where a mean lies; beyond it, room for rounding.  */
static struct qk_band
support (int column)
{
  const double room = 1e-12;
  return (struct qk_band){ 0, column == JACOBIAN_2   ? 0.25 * (1 + room)
                              : column == JACOBIAN_1 ? 0.5 * (1 + room)
                                                     : INFINITY };
}

static void
enclose_mean (struct qk_enclosure *e, const struct qk_table *t, int column, double miss)
{
  qk_enclose_mean (e, t->data + column, t->rows, t->columns, miss, support (column));
}

static void
enclose_quantile (struct qk_enclosure *e, const struct qk_table *t, bool gradient, double p,
                  double miss)
{
  size_t from = gradient ? offsetof (struct query_columns, gradient) / sizeof (double) : 0;
  qk_enclose_quantile (e, t->data + from, t->rows, QUERIES, t->columns, p, miss);
}

/* What a quantity on all d_k is made of, on one of them.  */
static void
enclose_one (struct qk_enclosure *e, enum quantity quantity, const struct qk_table *t, double miss)
{
  switch (quantity)
    {
    case JACOBIAN_SQUARE_SLOPE:
      enclose_mean (e, t, JACOBIAN_2, miss);
      break;
    case QUERY_GRADIENT_SQUARE_SLOPE:
      enclose_mean (e, t, GRADIENT_2, miss);
      break;
    case JACOBIAN_MEAN_SLOPE:
      enclose_mean (e, t, JACOBIAN_1, miss);
      break;
    case QUERY_GRADIENT_MEAN_SLOPE:
    case QUERY_GRADIENT_MEAN_SPREAD:
      enclose_mean (e, t, GRADIENT_1, miss);
      break;
    case JACOBIAN_MEDIAN_SLOPE:
    case JACOBIAN_MEDIAN_FALL:
    case JACOBIAN_MEDIAN_SPREAD:
      enclose_quantile (e, t, false, 0.5, miss);
      break;
    default:
      enclose_quantile (e, t, true, 0.5, miss);
    }
}

static void
enclose_slope (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  size_t m = s->sources;
  double x[m], df[m];
  struct qk_enclosure y[m];
  for (size_t i = 0; i < m; i++)
    {
      const struct qk_table *t = &tables[s->source[i]];
      x[i] = ((struct setup *)plan->cases[s->source[i]].own)->draws.w.law.d;
      df[i] = (double)t->rows - 1;
      enclose_one (&y[i], (enum quantity)s->quantity, t, miss / (2 * (double)m));
    }
  qk_enclose_slope (e, x, y, df, m, miss);
}

/* The value at the largest d_k over the largest, or the largest over the smallest, from intervals
   that hold together.  */
static void
enclose_ratio (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  bool fall = s->quantity == JACOBIAN_MEDIAN_FALL || s->quantity == QUERY_GRADIENT_MEDIAN_FALL;
  struct qk_enclosure last = { 0 }, y, most = { 0 }, least = { INFINITY, 0, INFINITY, INFINITY };
  double d = 0;
  for (size_t i = 0; i < s->sources; i++)
    {
      const struct setup *u = plan->cases[s->source[i]].own;
      enclose_one (&y, (enum quantity)s->quantity, &tables[s->source[i]],
                   miss / (double)s->sources);
      most = (struct qk_enclosure){ fmax (most.estimate, y.estimate), NAN, fmax (most.lo, y.lo),
                                    fmax (most.hi, y.hi) };
      least = (struct qk_enclosure){ fmin (least.estimate, y.estimate), NAN, fmin (least.lo, y.lo),
                                     fmin (least.hi, y.hi) };
      if (u->draws.w.law.d > d)
        {
          d = u->draws.w.law.d;
          last = y;
        }
    }
  if (fall)
    *e = (struct qk_enclosure){ last.estimate / most.estimate, NAN, fmax (last.lo, 0) / most.hi,
                                fmin (last.hi / most.lo, 1) };
  else
    *e = (struct qk_enclosure){ most.estimate / least.estimate, NAN,
                                fmax (fmax (most.lo, 0) / least.hi, 1),
                                least.lo > 0 ? most.hi / least.lo : INFINITY };
}

/* The largest spectral norm, or the number of violations.  */
static void
enclose_bound (struct qk_enclosure *e, const struct qk_statement *s, const struct qk_table *tables)
{
  double most = 0, sum = 0;
  for (size_t i = 0; i < s->sources; i++)
    {
      const struct qk_table *t = &tables[s->source[i]];
      for (size_t r = 0; r < t->rows; r++)
        {
          const struct query_columns *row
              = (const struct query_columns *)(t->data + r * t->columns);
          most = fmax (most, row->spectral);
          sum += row->violations;
        }
    }
  double value = s->quantity == JACOBIAN_SPECTRAL_MAX ? most : sum;
  *e = qk_enclosure_known (value, 0);
}

static void
enclose_gradient (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables, double miss)
{
  const struct qk_table *t = s->sources ? &tables[s->source[0]] : NULL;
  if (s->method == QK_BY_EXACT)
    {
      *e = qk_enclosure_known (s->exact, 0);
      return;
    }
  switch ((enum quantity)s->quantity)
    {
    case JACOBIAN_SQUARE:
      enclose_mean (e, t, JACOBIAN_2, miss);
      break;
    case QUERY_GRADIENT_SQUARE:
      enclose_mean (e, t, GRADIENT_2, miss);
      break;
    case JACOBIAN_MEAN:
      enclose_mean (e, t, JACOBIAN_1, miss);
      break;
    case QUERY_GRADIENT_MEAN:
      enclose_mean (e, t, GRADIENT_1, miss);
      break;
    case JACOBIAN_MEDIAN:
    case QUERY_GRADIENT_MEDIAN:
      enclose_quantile (e, t, s->quantity == QUERY_GRADIENT_MEDIAN, 0.5, miss);
      break;
    case JACOBIAN_QUANTILE:
    case QUERY_GRADIENT_QUANTILE:
      enclose_quantile (e, t, s->quantity == QUERY_GRADIENT_QUANTILE, s->part ? 0.9 : 0.1, miss);
      break;
    case JACOBIAN_SPECTRAL_MAX:
    case JACOBIAN_BOUND_VIOLATIONS:
      enclose_bound (e, s, tables);
      break;
    case JACOBIAN_MEDIAN_FALL:
    case QUERY_GRADIENT_MEDIAN_FALL:
    case JACOBIAN_MEDIAN_SPREAD:
    case QUERY_GRADIENT_MEAN_SPREAD:
    case QUERY_GRADIENT_MEDIAN_SPREAD:
      enclose_ratio (e, plan, s, tables, miss);
      break;
    default:
      enclose_slope (e, plan, s, tables, miss);
    }
}

/* ---- In words -------------------------------------------------------------------------------- */

static void
describe_gradient (char *text, size_t size, const struct qk_plan *plan)
{
  if (plan->params->sigma.n)
    snprintf (text, size, "independent normal scores");
  else
    qk_scored_describe (text, size, plan);
}

static bool
explain_gradient (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_enclosure *e, enum qk_verdict verdict)
{
  if (verdict != QK_FAILS)
    return false;
  const struct setup *u = plan->cases[s->source[0]].own;
  double sd = u->draws.w.law.q.sd * u->draws.w.law.k.sd;
  if (s->quantity >= JACOBIAN_MEDIAN_SPREAD && s->quantity <= QUERY_GRADIENT_MEDIAN_SPREAD
      && is_scale (u, QK_SCALE_DK))
    snprintf (
        text, size,
        "With 1/d_k in place of 1/√d_k the scores of a row shrink as d_k grows, and gradients "
        "with them: the largest is %.3g times the smallest.",
        e->estimate);
  else if (sd != 1)
    snprintf (text, size,
              "The claim is about components of variance 1. Here the scores of a row have a "
              "deviation %g times as large.",
              sd);
  else
    snprintf (text, size, "%s", qk_scored_unbroken);
  return true;
}

/* What is typical, and the mean square, at both ends of the list: the notes have one word for both.
 */
static void
summarise_gradient (char *text, size_t size, const struct qk_plan *plan,
                    const struct qk_table *tables)
{
  const struct qk_params *p = plan->params;
  struct qk_span span = qk_span_of (&p->dk);
  double keys = p->keys.value[p->keys.n - 1];
  struct
  {
    double square, median;
  } at[2][2] = { { { NAN, NAN }, { NAN, NAN } }, { { NAN, NAN }, { NAN, NAN } } };
  *text = '\0';
  for (size_t c = 0; c < plan->n_cases; c++)
    {
      if (plan->cases[c].kind != &tiles_kind && plan->cases[c].kind != &queries_kind)
        continue;
      const struct setup *u = plan->cases[c].own;
      struct qk_enclosure e;
      double d = u->draws.w.law.d;
      int scaled = is_scale (u, QK_SCALE_SQRT);
      if (!(scaled || is_scale (u, QK_SCALE_NONE)) || u->draws.w.rows.n != keys || !tables[c].rows
          || (d != span.lo && d != span.hi))
        continue;
      if (plan->cases[c].kind == &tiles_kind)
        at[scaled][d == span.hi].square = qk_column_mean (&tables[c], GRADIENT_2);
      else
        {
          enclose_quantile (&e, &tables[c], true, 0.5, 0.5);
          at[scaled][d == span.hi].median = e.estimate;
        }
    }
  if (!(span.hi > span.lo) || isnan (at[0][0].square + at[0][1].square)
      || isnan (at[0][0].median + at[0][1].median))
    return;
  bool vanishes = at[0][1].median<at[0][0].median, grows = at[0][1].square> at[0][0].square;
  int used = snprintf (
      text, size,
      "Unscaled, from d_k = %.0f to %.0f, the typical (median) ‖∂p/∂q‖ goes from %.3g to %.3g "
      "while its mean square goes from %.3g to %.3g%s.",
      span.lo, span.hi, at[0][0].median, at[0][1].median, at[0][0].square, at[0][1].square,
      vanishes && grows ? ": the typical gradient vanishes, the mean square grows" : "");
  if (!isnan (at[1][0].square + at[1][1].square + at[1][0].median + at[1][1].median) && used > 0
      && (size_t)used < size)
    snprintf (text + used, size - (size_t)used,
              " Scaled by 1/√d_k: median %.3g and %.3g, mean square %.3g and %.3g.",
              at[1][0].median, at[1][1].median, at[1][0].square, at[1][1].square);
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_option options[] = {
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .standard = "4..1024*4",
    .lo = 1,
    .hi = 1048576,
    .help = "Head dimensions; times the number of keys at most 4194304, but with --exact." },
  { .name = "keys",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, keys),
    .metavar = "LIST",
    .standard = "64",
    .lo = 2,
    .hi = 4096,
    .help = "Numbers of keys n." },
  QK_OPTION_SCALE,
  { .name = "alpha",
    .type = QK_REALS,
    .offset = offsetof (struct qk_params, alpha),
    .metavar = "LIST",
    .shown = "none",
    .lo = 0,
    .hi = 2,
    .help
    = "Exponents of further scales c = d_k^(-alpha), for query_gradient_square_slope alone." },
  QK_OPTION_SIGMA,
  QK_OPTION_EXACT,
  { .name = "tolerance",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, tolerance),
    .metavar = "T",
    .standard = "0.05",
    .lo = 0,
    .hi = 1,
    .lo_open = true,
    .help = "Half-width of the band of a claim, in the unit of its quantity." },
  { 0 },
};

static const struct qk_example examples[] = {
  { "--keys=64 --dk=16,256", "query_gradient_median_fall", QK_HOLDS,
    "Unscaled, the typical gradient at d_k = 256 is at most half of that at 16." },
  { "--dk=16,64 --scale=sqrt --dist=normal:sd=2", "jacobian_square", QK_FAILS,
    "The scale 1/√d_k is for components of variance 1." },
  { "--dk=4,64 --scale=dk", "query_gradient_median_spread", QK_FAILS,
    "1/d_k in place of 1/√d_k makes the gradient vanish as d_k grows." },
  { "--dk=16,64,256 --scale=sqrt --alpha=0.25,0.5,0.75 --quantity=query_gradient_square_slope",
    "query_gradient_square_slope", QK_HOLDS,
    "The mean square of ‖∂p/∂q‖ grows for α below 1/2, falls above, and is nearly flat at 1/2." },
  { "--exact --dk=64", "jacobian_square", QK_DESCRIBED, "Exact values alone; nothing is sampled." },
  { 0 },
};

static const char *const description[] = {
  "Samples queries and keys with independent components and measures, for the softmax p of the "
  "scores c q·k of a query with n keys, the Frobenius norm of its Jacobian J = diag(p) − p pᵀ, and "
  "that of the gradient ∂p/∂q = c J K. Mean squares are compared with their exact values for this "
  "d_k and n, their growth with d_k with the growth of the exact values.",
  "Vanishing and exploding gradients are both right, each about another statistic: unscaled, the "
  "median of ‖∂p/∂q‖ vanishes as d_k grows, its mean tends to a constant, and its mean square "
  "grows "
  "like √d_k. The scale 1/√d_k keeps all three flat.",
  "Mean values come from tiles in which queries share keys, a block of many tiles being the unit; "
  "medians and other quantiles from independent queries, each with keys of its own, by order "
  "statistics. These have no exact value and are judged only on what is claimed of them. On every "
  "such query the bounds ‖J‖₂ ≤ max 2p(1−p) ≤ 1/2 and ‖J‖² ≤ (1 − Σp²)/2 are checked.",
  NULL,
};

const struct qk_experiment qk_experiment_gradient = {
  .name = "gradient",
  .question = "what happens to the softmax Jacobian and to the gradient with respect to q?",
  .asked = "Do the softmax gradients behave as their exact theory says?",
  .description = description,
  .unit = "queries",
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &tiles_kind, &sweep_kind, &queries_kind, NULL },
  .examples = examples,
  .plan = plan_gradient,
  .size = size_gradient,
  .enclose = enclose_gradient,
  .explain = explain_gradient,
  .describe = describe_gradient,
  .summarise = summarise_gradient,
};
