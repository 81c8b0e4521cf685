/* additive.c -- dot product or additive score: cost, variance, saturation.

   Four kinds of case.  Tiles: scores of 8 queries with 8 keys under projections of their own, for
   variances and the share of saturated tanh.  Angles: the cosine of independent pairs.  Inputs
   looked at closely: ranks, and weights without the tanh.  And times, of both kinds of score side
   by side.  The independent unit is a draw: weights, queries and keys; a pair; or a turn of the
   clock.  Scores of one draw share its weights.  */

#include "../additive_theory.h"
#include "../attention.h"
#include "../ecdf.h"
#include "../enclose.h"
#include "../message.h"
#include "../projection.h"
#include "../scored.h"
#include "../store.h"
#include "../tiling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a case may cost unless --max-samples says otherwise: a few minutes.  */
static const double MAX_COST = 0x1p41;

/* Multiply-adds, or their equivalent in time: a tanh of the kernel and what else is done with a
   hidden unit of a pair.  */
static const double TANH_COST = 32, UNIT_COST = 12;

static const double MOST_DOUBLES = 0x1p26; /* of a worker: 512 MB */
static const double MOST_VECTORS = 256;    /* v a draw */
static const double MOST_TOKENS = 256;     /* whose ranks are counted */
static const double CLOSE_COST = 0x1p32;   /* of inputs looked at closely, all together */
static const double TIMED_COST = 0x1p21;   /* of a stretch between two looks at the clock */

enum
{
  SIDE = QK_LANES,   /* queries and keys of a tile */
  CLOSE = 8,         /* inputs looked at closely, at most */
  PAIRS = QK_BATCH,  /* drawn at a time */
  POOL_PAIRS = 1024, /* cos^2 is at most 1: so many make a mean normal enough */
  TURNS = 101        /* of each timed case; odd, so that the median is one of them */
};

static const double U = 0x1p-53;

struct setup
{
  struct qk_additive exact;   /* as the options say */
  struct qk_additive claimed; /* the same for components of mean 0 and variance 1 */
  size_t n, d, h;
  size_t vectors; /* v a draw */
  uint64_t draws; /* or batches of pairs, a block */
  size_t rows;    /* queries whose scores are timed, and how often */
  uint64_t dots, adds;
  const struct qk_ecdf *angle;
};

/* ---- Draws ----------------------------------------------------------------------------------- */

enum role
{
  ROLE_Q,
  ROLE_K,
  ROLE_W,
  ROLE_U,
  ROLE_V
};

/* Queries and keys, operands of the same number of rows; projected, panels of 8 rows with the
   hidden units as columns; v, one after another; and what follows them.  */
struct draw
{
  double *q, *k, *w, *a, *b, *v;
  uint64_t *words;
  struct qk_store rest;
};

static size_t
vectors_size (const struct setup *u, size_t vectors)
{
  return (vectors * u->h + QK_DRAW_STEP - 1) / QK_DRAW_STEP * QK_DRAW_STEP;
}

static struct draw
lay (const struct setup *u, size_t rows, size_t vectors, void *memory)
{
  struct draw in = { .rest = { memory, 0 } };
  struct qk_store *store = &in.rest;
  size_t tokens = qk_rows_size (rows, u->d), weights = qk_rows_size (u->h, u->d),
         projected = qk_rows_padded (rows) * qk_rows_padded (u->h), v = vectors_size (u, vectors);
  in.words = (uint64_t *)qk_store_take (store, 2 * qk_larger (qk_larger (tokens, weights), v));
  in.q = qk_store_take (store, tokens);
  in.k = qk_store_take (store, tokens);
  in.w = qk_store_take (store, weights);
  in.a = qk_store_take (store, projected);
  in.b = qk_store_take (store, projected);
  in.v = qk_store_take (store, v);
  return in;
}

/* Write X W^T as the additive kernel reads it: h columns, none of padding.  */
static void
project (double *a, const double *x, const double *w, size_t rows, const struct setup *u,
         const struct qk_kernels *kernels)
{
  size_t b = qk_rows_padded (rows), units = qk_rows_padded (u->h);
  qk_operand_scores (a, x, b, b, w, units, u->d, kernels);
  for (size_t p = QK_LANES; p < b && units > u->h; p += QK_LANES)
    memmove (a + p * u->h, a + p * units, QK_LANES * u->h * sizeof *a);
}

static void
draw_weights (struct draw *in, const struct setup *u, enum role role, uint64_t t,
              struct qk_work *work)
{
  const struct qk_law law = { &qk_law_types[QK_NORMAL], .sd = 1 / sqrt ((double)u->d) };
  qk_operand_draw (in->w, u->h, u->d, &law, false, t, role, work->kernels, &work->source,
                   in->words);
}

/* Draw number t of the block.  W and U, used once, have one place.  */
static void
draw (struct draw *in, const struct setup *u, size_t rows, size_t vectors, uint64_t t,
      struct qk_work *work)
{
  const struct qk_law law_v
      = { &qk_law_types[QK_NORMAL], .sd = u->exact.unscaled ? 1 : sqrt (2 / (u->exact.h + 1)) };
  size_t size = vectors_size (u, vectors);
  *in = lay (u, rows, vectors, work->scratch);
  qk_operand_draw (in->q, rows, u->d, &u->exact.q, false, t, ROLE_Q, work->kernels, &work->source,
                   in->words);
  qk_operand_draw (in->k, rows, u->d, &u->exact.k, false, t, ROLE_K, work->kernels, &work->source,
                   in->words);
  draw_weights (in, u, ROLE_W, t, work);
  project (in->a, in->q, in->w, rows, u, work->kernels);
  draw_weights (in, u, ROLE_U, t, work);
  project (in->b, in->k, in->w, rows, u, work->kernels);
  qk_fill (work->kernels, in->v, size, &work->source, ROLE_V, t * size, &law_v, in->words);
}

/* Unit r of row i of what is projected.  */
static size_t
unit_at (const struct setup *u, size_t i, size_t r)
{
  return (i / QK_LANES * u->h + r) * QK_LANES + i % QK_LANES;
}

static double
norm_1 (const double *v, size_t h)
{
  double sum = 0;
  for (size_t r = 0; r < h; r++)
    sum += fabs (v[r]);
  return sum;
}

/* What rounding may add to a score, relative to |v|_1 (kernels.h), and to that sum itself.  */
static double
kernel_bound (const struct setup *u)
{
  return (1.25 * u->exact.h + 11) * U;
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

enum
{
  SQUARE,     /* mean of s^2 */
  ROW,        /* mean over rows of the variance over keys */
  SATURATED,  /* share of |tanh| > 0.99 */
  VIOLATIONS, /* scores with |s| > |v|_1 */
  TILE_COLUMNS
};

static double
saturated_share (const struct draw *in, const struct setup *u)
{
  double count = 0;
  for (size_t r = 0; r < u->h; r++)
    for (size_t j = 0; j < SIDE; j++)
      for (size_t i = 0; i < SIDE; i++)
        count += fabs (in->a[QK_LANES * r + i] + in->b[QK_LANES * r + j]) > QK_TANH_SATURATED;
  return count / (double)(SIDE * SIDE * u->h);
}

/* Add what the scores s of v give.  */
static void
add_tile (double row[TILE_COLUMNS], const double s[SIDE * SIDE], double most)
{
  for (size_t i = 0; i < SIDE; i++)
    {
      double sum = 0, square = 0, apart = 0;
      for (size_t j = 0; j < SIDE; j++)
        {
          double x = s[QK_LANES * j + i];
          sum += x;
          square += x * x;
          row[VIOLATIONS] += fabs (x) > most;
        }
      for (size_t j = 0; j < SIDE; j++)
        {
          double x = s[QK_LANES * j + i] - sum / SIDE;
          apart += x * x;
        }
      row[SQUARE] += square / (SIDE * SIDE);
      row[ROW] += apart / (SIDE * (SIDE - 1));
    }
}

static int
tiles_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  double scores = (double)u->draws * (double)u->vectors;
  struct draw in;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, TILE_COLUMNS * sizeof *row);
  for (uint64_t t = 0; t < u->draws; t++)
    {
      draw (&in, u, SIDE, u->vectors, t, work);
      double *s = qk_store_take (&in.rest, SIDE * SIDE);
      row[SATURATED] += saturated_share (&in, u);
      for (size_t m = 0; m < u->vectors; m++)
        {
          const double *v = in.v + m * u->h;
          work->kernels->additive (s, in.a, in.b, v, SIDE, u->h);
          add_tile (row, s, norm_1 (v, u->h) * (1 + kernel_bound (u)));
        }
    }
  row[SQUARE] /= scores;
  row[ROW] /= scores;
  row[SATURATED] /= (double)u->draws;
  return isnan (row[SQUARE]) ? -1 : 0;
}

/* ---- Angles ---------------------------------------------------------------------------------- */

enum
{
  COSINE_SQUARE, /* mean of cos^2 */
  COSINE_BELOW,  /* pairs in each cell of the exact law */
  COSINE_COLUMNS = COSINE_BELOW + QK_ECDF_POINTS
};

/* The cosines of a batch of pairs, a chunk of depth at a time.  A vector of length 0, which has
   probability 0, counts as at a right angle.  */
static void
draw_angles (double cosine[PAIRS], const struct setup *u, uint64_t t, struct qk_work *work)
{
  const struct qk_kernels *kernels = work->kernels;
  struct qk_store store = { work->scratch, 0 };
  size_t room = PAIRS * qk_chunk_depth (u->d, 0);
  double *q = qk_store_take (&store, room), *k = qk_store_take (&store, room),
         *s = qk_store_take (&store, PAIRS);
  double *q2 = qk_store_take (&store, PAIRS), *k2 = qk_store_take (&store, PAIRS);
  uint64_t *words = (uint64_t *)qk_store_take (&store, 2 * room);
  uint64_t first = t * PAIRS * u->d;
  for (size_t i = 0; i < u->d; i += QK_DEPTH)
    {
      size_t depth = qk_chunk_depth (u->d, i), size = PAIRS * depth;
      qk_fill (kernels, q, size, &work->source, ROLE_Q, first + i * PAIRS, &u->exact.q, words);
      qk_fill (kernels, k, size, &work->source, ROLE_K, first + i * PAIRS, &u->exact.k, words);
      kernels->pairs (s, q, k, PAIRS, depth, i == 0);
      kernels->pairs (q2, q, q, PAIRS, depth, i == 0);
      kernels->pairs (k2, k, k, PAIRS, depth, i == 0);
    }
  for (size_t i = 0; i < PAIRS; i++)
    cosine[i] = q2[i] > 0 && k2[i] > 0 ? s[i] / (sqrt (q2[i]) * sqrt (k2[i])) : 0;
}

static size_t
angle_doubles (const struct setup *u)
{
  return 4 * PAIRS * qk_chunk_depth (u->d, 0) + 3 * PAIRS;
}

static int
cosine_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  double cosine[PAIRS];
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, COSINE_COLUMNS * sizeof *row);
  for (uint64_t t = 0; t < u->draws; t++)
    {
      draw_angles (cosine, u, t, work);
      for (size_t i = 0; i < PAIRS; i++)
        row[COSINE_SQUARE] += cosine[i] * cosine[i];
      if (qk_ecdf_count (row + COSINE_BELOW, u->angle, cosine, PAIRS))
        return -1;
    }
  row[COSINE_SQUARE] /= (double)(u->draws * PAIRS);
  qk_ecdf_cumulate (row + COSINE_BELOW);
  return 0;
}

/* ---- Inputs looked at closely ---------------------------------------------------------------- */

enum
{
  DEPENDENCE,      /* largest |p_ij - p_1j| without tanh, beyond what rounding may do */
  TANH_DEPENDENCE, /* the same with it */
  RANK,            /* of additive scores, as far as singular values tell */
  DOT_RANK,        /* of dot products */
  STAIRCASE_RANK,  /* of tanh (a_i + b_j), one unit */
  CLOSE_COLUMNS
};

/* Scores v^T (W q + U k), summed over the units pair by pair.  Returns the largest sum of absolute
   values.  */
static double
plain_scores (double *s, const struct draw *in, const struct setup *u, size_t b)
{
  double most = 0;
  for (size_t i = 0; i < b; i++)
    for (size_t j = 0; j < b; j++)
      {
        double sum = 0, size = 0;
        for (size_t r = 0; r < u->h; r++)
          {
            double x = in->a[unit_at (u, i, r)], y = in->b[unit_at (u, j, r)];
            sum += in->v[r] * (x + y);
            size += fabs (in->v[r]) * (fabs (x) + fabs (y));
          }
        s[qk_score_index (b, i, j)] = sum;
        most = fmax (most, size);
      }
  return most;
}

/* The largest |p_ij - p_1j| of weights p = softmax (S) by rows, less what rounding may make of it:
   scores that err by at most error, and a weight, relative, by what kernels.h says of sums and
   exponentials.  p is room for a matrix.  */
static double
dependence (double *p, const double *s, size_t n, double error, const struct qk_kernels *kernels)
{
  size_t b = qk_rows_padded (n);
  double worst = 0, room = 4 * error + (2 * (double)n + 8 * QK_ROW_CUT + 64) * U;
  qk_scores_weights (p, s, b, b, n, 1, kernels);
  for (size_t i = 1; i < n; i++)
    for (size_t j = 0; j < n; j++)
      {
        double x = p[qk_score_index (b, i, j)], y = p[qk_score_index (b, 0, j)];
        worst = fmax (worst, fabs (x - y) - room * fmax (x, y));
      }
  return worst;
}

/* How many singular values of n by n scores that err by error each lie above what that and the
   algorithm may make of 0: the rank, or less.  */
static double
rank_of (double *a, const double *s, size_t n, double error, double *room)
{
  qk_scores_unfold (a, s, n);
  double size = qk_array_length (a, n * n);
  return qk_matrix_rank (a, n, 16 * (double)n * U * size + (double)n * error, room);
}

/* tanh (a_i + b_j) with a_i = i l, b_j = (1/2 - j) l: to all digits 1 for j <= i, and -1 beyond. */
static void
staircase (double *s, size_t n)
{
  const double one = 1, l = 64;
  size_t b = qk_rows_padded (n);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      {
        double q = (double)i * l, k = (0.5 - (double)j) * l;
        s[qk_score_index (b, i, j)] = qk_additive_score (&q, &k, &one, &one, &one, 1, 1);
      }
}

static size_t
close_room (const struct setup *u)
{
  size_t b = qk_rows_padded (u->n), n = u->n;
  return 2 * b * b + ((double)n <= MOST_TOKENS ? n * n + 2 * n : 0) + 4 * QK_LANES;
}

static int
close_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  size_t n = u->n, b = qk_rows_padded (n);
  struct draw in;
  qk_source_open (&work->source, work->seed, c->cell, index);
  draw (&in, u, n, 1, 0, work);
  double *s = qk_store_take (&in.rest, b * b), *p = qk_store_take (&in.rest, b * b);
  double most = plain_scores (s, &in, u, b), error = (u->exact.h + 3) * U * most;
  row[DEPENDENCE] = dependence (p, s, n, error, work->kernels);
  for (size_t i = 0; i < b; i += QK_LANES)
    work->kernels->additive (s + i * b, in.a + i * u->h, in.b, in.v, b, u->h);
  error = kernel_bound (u) * norm_1 (in.v, u->h);
  row[TANH_DEPENDENCE] = dependence (p, s, n, error, work->kernels);
  row[RANK] = row[DOT_RANK] = row[STAIRCASE_RANK] = 0;
  if ((double)n <= MOST_TOKENS)
    {
      double *a = qk_store_take (&in.rest, n * n), *room = qk_store_take (&in.rest, 2 * n);
      double size = qk_array_length (in.q, b * u->d) * qk_array_length (in.k, b * u->d);
      row[RANK] = rank_of (a, s, n, error, room);
      qk_operand_scores (s, in.q, b, b, in.k, b, u->d, work->kernels);
      row[DOT_RANK] = rank_of (a, s, n, (u->exact.d + 2) * U * size / (double)n, room);
      staircase (s, n);
      row[STAIRCASE_RANK] = rank_of (a, s, n, 2 * U, room);
    }
  return isnan (row[DEPENDENCE] + row[TANH_DEPENDENCE]) || row[RANK] < 0 || row[DOT_RANK] < 0
                 || row[STAIRCASE_RANK] < 0
             ? -1
             : 0;
}

/* ---- Times ----------------------------------------------------------------------------------- */

enum
{
  DOT_SECONDS, /* of all n by n scores */
  ADDITIVE_SECONDS,
  SECONDS_RATIO,
  TIME_COLUMNS
};

static double
time_dots (double *s, const struct draw *in, const struct setup *u, struct qk_work *work)
{
  size_t b = qk_rows_padded (u->n);
  double start = work->clock ();
  for (uint64_t i = 0; i < u->dots; i++)
    qk_operand_scores (s, in->q, b, u->rows, in->k, b, u->d, work->kernels);
  return (work->clock () - start) / (double)u->dots;
}

static double
time_adds (double *s, const struct draw *in, const struct setup *u, struct qk_work *work)
{
  size_t b = qk_rows_padded (u->n);
  double start = work->clock ();
  for (uint64_t i = 0; i < u->adds; i++)
    for (size_t r = 0; r < u->rows; r += QK_LANES)
      work->kernels->additive (s + r * b, in->a + r * u->h, in->b, in->v, b, u->h);
  return (work->clock () - start) / (double)u->adds;
}

/* Scores of the first queries with all keys, projected or not beforehand, the one method right
   after the other and in turn the first.  */
static int
times_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  size_t b = qk_rows_padded (u->n);
  struct setup once = *u;
  struct draw in;
  once.dots = once.adds = 1;
  qk_source_open (&work->source, work->seed, c->cell, index);
  draw (&in, u, u->n, 1, 0, work);
  double *s = qk_store_take (&in.rest, u->rows * b);
  double all = u->exact.n * u->exact.n / (double)(u->rows * b);
  time_dots (s, &in, &once, work);
  time_adds (s, &in, &once, work);
  if (index % 2)
    row[DOT_SECONDS] = time_dots (s, &in, u, work) * all;
  row[ADDITIVE_SECONDS] = time_adds (s, &in, u, work) * all;
  if (index % 2 == 0)
    row[DOT_SECONDS] = time_dots (s, &in, u, work) * all;
  row[SECONDS_RATIO] = row[ADDITIVE_SECONDS] / row[DOT_SECONDS];
  return isnan (row[SECONDS_RATIO]) ? -1 : 0;
}

static const struct qk_column tiles_columns[] = {
  { "score_square", 1 }, { "row_variance", 1 }, { "saturated", 1 }, { "violations", 1 }, { 0 }
};
static const struct qk_column cosine_columns[]
    = { { "square", 1 }, { "below", QK_ECDF_POINTS }, { 0 } };
static const struct qk_column close_columns[]
    = { { "dependence", 1 }, { "tanh_dependence", 1 }, { "rank", 1 },
        { "dot_rank", 1 },   { "staircase_rank", 1 },  { 0 } };
static const struct qk_column times_columns[]
    = { { "dot", 1 }, { "additive", 1 }, { "ratio", 1 }, { 0 } };

static const struct qk_kind tiles_kind
    = { .name = "tiles", .unit = "input", .columns = tiles_columns, .block = tiles_block };
static const struct qk_kind cosine_kind
    = { .name = "cosine", .unit = "pair", .columns = cosine_columns, .block = cosine_block };
static const struct qk_kind close_kind
    = { .name = "close", .unit = "input", .columns = close_columns, .block = close_block };
static const struct qk_kind times_kind = {
  .name = "times", .unit = "turn", .columns = times_columns, .alone = true, .block = times_block
};

/* ---- Quantities ------------------------------------------------------------------------------ */

enum quantity
{
  ADDITIVE_VARIANCE,
  ADDITIVE_ROW_VARIANCE,
  TANH_SATURATED,
  COSINE_VARIANCE,
  COSINE_LAW,
  BOUND_VIOLATIONS,
  QUERY_DEPENDENCE,
  TANH_QUERY_DEPENDENCE,
  SCORE_RANK,
  DOT_SCORE_RANK,
  DOT_OPERATIONS,
  ADDITIVE_OPERATIONS,
  ADDITIVE_TANHS,
  PARAMETERS,
  DOT_PARAMETERS,
  INTERMEDIATE_BYTES,
  TIME_RATIO,
  DOT_TIME,
  ADDITIVE_TIME,
  TIME_SLOPE_KEYS,
  TIME_SLOPE_DK,
  COUNTEREXAMPLE,
  QUANTITIES
};

static const struct qk_quantity quantities[] = {
  { "additive_variance", "Var(vᵀtanh)", "score^2", QK_LEAD, "exact (1+T)^±1",
    "Variance of additive scores vᵀtanh(Wq + Uk). Exact: (2h/(h+1)) E tanh²(√τ Z), τ = χ²_2d/d, "
    "for v of variance 2/(h+1), h hidden units; it tends to 1.0400. With --unscaled h E tanh²(√τ "
    "Z)." },
  { "additive_row_variance", "within rows", "score^2", QK_COLUMN, "exact (1+T)^±1",
    "Variance over the keys of one query, mean over queries: what the softmax sees of it. The rest "
    "is common to all keys of a query. It tends to .5679." },
  { "tanh_saturated", "|tanh| > .99", "1", QK_COLUMN, "exact ± T",
    "Share of hidden units with |tanh| > 0.99. Exact: E 2Φ(−2.6467/(σ√τ)), σ the standard "
    "deviation of the components of q and k." },
  { "cosine_variance", "Var(cos θ)", "1", QK_COLUMN, "1/d_k (1+T)^±1",
    "Variance of the cosine of the angle of q and k, as q·k = ‖q‖‖k‖ cos θ: 1/d_k." },
  { "cosine_law", "law of cos θ", "1", QK_COLUMN, "at most 2T",
    "Kolmogorov distance of the law of (1+cos θ)/2 from Beta((d_k−1)/2, (d_k−1)/2); at d_k = 1 of "
    "cos θ from ±1 with equal chances." },
  { "additive_bound_violations", "|s| > ‖v‖₁", "score", QK_DETAIL, "0",
    "Scores that break |s| ≤ ‖v‖₁ by more than rounding may." },
  { "query_dependence", "|p_ij − p_1j|, no tanh", "1", QK_DETAIL, "0",
    "Without the tanh: the largest difference of a weight of a key between two queries, softmax of "
    "vᵀ(Wq + Uk) over keys, beyond what rounding may make of it; at most 8 inputs." },
  { "tanh_query_dependence", "|p_ij − p_1j|", "1", QK_DETAIL, "above 0",
    "The same with the tanh: weights do depend on the query. The largest of at most 8 inputs; "
    "where it is lost in rounding, undecided. Described for rademacher and sparse components." },
  { "score_rank", "rank", "1", QK_ASIDE, "above the hidden units, or all n",
    "Rank of n by n additive scores: n for almost all inputs. At least the singular values that "
    "rounding cannot explain, the fewest of at most 8 inputs; they fall off so fast that n are "
    "rarely seen. In the row “staircase”, tanh(a_i + b_j) with a_i = 64i, b_j = 32 − 64j, all n "
    "are." },
  { "dot_score_rank", "rank QKᵀ", "1", QK_DETAIL, "min(d_k, n)",
    "Rank of the scores QKᵀ of the same queries and keys, by singular values; the largest of at "
    "most 8 inputs." },
  { "dot_operations", "operations, dot", "operation", QK_DETAIL, "2n²d_k",
    "Operations of n² dot products; a multiply-add is two." },
  { "additive_operations", "operations, additive", "operation", QK_DETAIL, "4n d_k h + 3n²h",
    "Operations of n² additive scores with h hidden units and of their projections, tanh apart." },
  { "additive_tanhs", "tanh", "operation", QK_DETAIL, "n²h", "How many tanh they take." },
  { "parameters", "parameters", "parameter", QK_DETAIL, "2 d_k h + h",
    "Parameters of additive scores: W, U (h by d_k) and v." },
  { "dot_parameters", "parameters, dot", "parameter", QK_DETAIL, "2 d_k²",
    "Parameters of the two projections to d_k dimensions that dot products have." },
  { "intermediate_bytes", "intermediates", "byte", QK_DETAIL, "8 n²h",
    "Bytes of tanh(Wq + Uk) in binary64 where it is stored for all pairs; what is measured here "
    "stores none of it." },
  { "time_ratio", "additive / dot time", "1", QK_LINE, "above 1",
    "Time of additive scores over that of dot products of the same n and d_k: the median over 101 "
    "turns, in each of which one follows the other. One thread, operands drawn and projected "
    "beforehand, both from registers in vectors of the same width." },
  { "dot_time", "dot time", "s", QK_DETAIL, "described",
    "Median time of n² dot products, from those of as many queries as take about a millisecond." },
  { "additive_time", "additive time", "s", QK_DETAIL, "described",
    "Median time of n² additive scores, likewise." },
  { "time_slope_keys", "time slope in n", "1", QK_DETAIL, "described",
    "Slope of ln time over ln n, of either method (arm), fitted in each turn; their median." },
  { "time_slope_dk", "time slope in d_k", "1", QK_DETAIL, "described",
    "The same over ln d_k; by default hidden units grow with it." },
  { "counterexample", "counterexample", "1", QK_ASIDE, "equality",
    "The numbers of a counterexample, computed; row says which." },
  { 0 }
};

/* ---- Counterexample --------------------------------------------------------------------------
 */

/* Numbers to check by hand: q = (1, 0), keys (1, 0) and (2, 2).  The second is less well aligned,
   and scores more; among keys of one length it scores less.  */
struct example
{
  const char *row;
  double exact;
};

static const struct example counterexamples[] = {
  { "cos(q,k_1)", 1 }, { "cos(q,k_2)", 0.70710678118654752 },  { "q·k_1", 1 },
  { "q·k_2", 2 },      { "q·k_2/‖k_2‖", 0.70710678118654752 },
};

enum
{
  EXAMPLES = sizeof counterexamples / sizeof *counterexamples
};

static double
cosine_of (const double *x, const double *y, size_t d)
{
  double xy, xx, yy;
  qk_score_matrix (&xy, x, y, 1, 1, d);
  qk_score_matrix (&xx, x, x, 1, 1, d);
  qk_score_matrix (&yy, y, y, 1, 1, d);
  return xy / sqrt (xx * yy);
}

static void
compute_examples (double value[static EXAMPLES])
{
  const double q[] = { 1, 0 }, k[] = { 1, 0, 2, 2 }, length = sqrt (8);
  const double unit[] = { 2 / length, 2 / length };
  double s[2], alike;
  qk_score_matrix (s, q, k, 1, 2, 2);
  qk_score_matrix (&alike, q, unit, 1, 1, 2);
  const double all[EXAMPLES] = { cosine_of (q, k, 2), cosine_of (q, k + 2, 2), s[0], s[1], alike };
  memcpy (value, all, sizeof all);
}

/* Whole numbers are exact; the others are some roundings.  */
static double
room_of_example (const struct example *example)
{
  return example->exact == rint (example->exact) ? 0 : 8 * U * example->exact;
}

/* ---- Plan -------------------------------------------------------------------------------------
 */

static const char *const arms[] = { "dot", "additive" };

static bool
centred_normal (const struct qk_law *law)
{
  return law->type == &qk_law_types[QK_NORMAL] && law->mean == 0;
}

/* Whether the law of the angle is known: one vector points anywhere, and neither is 0.  */
static bool
angle_known (const struct qk_additive *a)
{
  const struct qk_law_type *sparse = &qk_law_types[QK_SPARSE];
  return (centred_normal (&a->q) || centred_normal (&a->k)) && a->q.type != sparse
         && a->k.type != sparse;
}

/* The largest rank that scores may have.  */
static double
most_rank (enum quantity quantity, const struct qk_additive *a)
{
  return quantity == DOT_SCORE_RANK ? fmin (a->d, a->n) : a->n;
}

static double
value_of (enum quantity quantity, const struct qk_additive *a)
{
  switch (quantity)
    {
    case ADDITIVE_VARIANCE:
      return qk_additive_variance (a);
    case ADDITIVE_ROW_VARIANCE:
      return qk_additive_row_variance (a);
    case TANH_SATURATED:
      return qk_additive_saturated (a);
    case COSINE_VARIANCE:
      return qk_cosine_variance (a->d);
    case COSINE_LAW:
    case BOUND_VIOLATIONS:
    case QUERY_DEPENDENCE:
      return 0;
    case DOT_SCORE_RANK:
      return qk_law_continuous (&a->q) && qk_law_continuous (&a->k) ? most_rank (quantity, a) : NAN;
    case DOT_OPERATIONS:
      return qk_additive_dot_operations (a);
    case ADDITIVE_OPERATIONS:
      return qk_additive_operations (a);
    case ADDITIVE_TANHS:
      return qk_additive_tanhs (a);
    case PARAMETERS:
      return qk_additive_parameters (a);
    case DOT_PARAMETERS:
      return qk_additive_dot_parameters (a);
    case INTERMEDIATE_BYTES:
      return qk_additive_bytes (a, sizeof (double));
    default:
      return NAN;
    }
}

static const char *
claim_of (enum quantity quantity)
{
  static const char *const claims[QUANTITIES] = {
    [ADDITIVE_VARIANCE] = "additive-variance",  [ADDITIVE_ROW_VARIANCE] = "additive-variance",
    [BOUND_VIOLATIONS] = "additive-variance",   [TANH_SATURATED] = "additive-saturates",
    [COSINE_VARIANCE] = "dot-geometry",         [COSINE_LAW] = "dot-geometry",
    [QUERY_DEPENDENCE] = "additive-needs-tanh", [TANH_QUERY_DEPENDENCE] = "additive-needs-tanh",
    [SCORE_RANK] = "additive-asymmetric",       [DOT_SCORE_RANK] = "additive-asymmetric",
    [DOT_OPERATIONS] = "additive-complexity",   [ADDITIVE_OPERATIONS] = "additive-complexity",
    [ADDITIVE_TANHS] = "additive-complexity",   [TIME_SLOPE_KEYS] = "additive-complexity",
    [TIME_SLOPE_DK] = "additive-complexity",    [PARAMETERS] = "additive-memory",
    [DOT_PARAMETERS] = "additive-memory",       [INTERMEDIATE_BYTES] = "additive-memory",
    [TIME_RATIO] = "additive-slower",           [DOT_TIME] = "additive-slower",
    [ADDITIVE_TIME] = "additive-slower",        [COUNTEREXAMPLE] = "dot-alignment",
  };
  return claims[quantity];
}

/* The kind of case that a quantity is measured on; NULL: none.  */
static const struct qk_kind *
kind_of (enum quantity quantity)
{
  switch (quantity)
    {
    case ADDITIVE_VARIANCE:
    case ADDITIVE_ROW_VARIANCE:
    case TANH_SATURATED:
    case BOUND_VIOLATIONS:
      return &tiles_kind;
    case COSINE_VARIANCE:
    case COSINE_LAW:
      return &cosine_kind;
    case QUERY_DEPENDENCE:
    case TANH_QUERY_DEPENDENCE:
    case SCORE_RANK:
    case DOT_SCORE_RANK:
      return &close_kind;
    case TIME_RATIO:
    case DOT_TIME:
    case ADDITIVE_TIME:
    case TIME_SLOPE_KEYS:
    case TIME_SLOPE_DK:
      return &times_kind;
    default:
      return NULL;
    }
}

static enum qk_method
method_of (enum quantity quantity, const struct setup *u)
{
  switch (quantity)
    {
    case ADDITIVE_VARIANCE:
    case ADDITIVE_ROW_VARIANCE:
    case TANH_SATURATED:
      return QK_BY_T;
    case COSINE_VARIANCE:
      return u->d == 1 ? QK_BY_BOUND : QK_BY_T;
    case COSINE_LAW:
      return QK_BY_DKW;
    case BOUND_VIOLATIONS:
    case QUERY_DEPENDENCE:
    case TANH_QUERY_DEPENDENCE:
    case SCORE_RANK:
    case DOT_SCORE_RANK:
      return QK_BY_BOUND;
    case TIME_RATIO:
    case DOT_TIME:
    case ADDITIVE_TIME:
    case TIME_SLOPE_KEYS:
    case TIME_SLOPE_DK:
      return QK_BY_ORDER;
    default:
      return QK_BY_EXACT;
    }
}

/* Whether a statement is judged, and what it allows.  */
static bool
judge (struct qk_band *band, enum quantity quantity, const struct setup *u,
       const struct qk_params *p)
{
  double t = p->tolerance, claim;
  switch (quantity)
    {
    case ADDITIVE_VARIANCE:
    case ADDITIVE_ROW_VARIANCE:
      claim = value_of (quantity, &u->claimed);
      *band = qk_band_ratio (claim, t);
      if (quantity == ADDITIVE_VARIANCE && p->expected)
        *band = p->expect;
      return !isnan (band->lo);
    case TANH_SATURATED: /* the claim is about any deviation */
      claim = value_of (quantity, &u->exact);
      *band = qk_band_absolute (claim, t);
      return !isnan (claim);
    case COSINE_VARIANCE:
      *band = qk_band_ratio (value_of (quantity, &u->exact), t);
      return true;
    case COSINE_LAW:
      *band = qk_band_most (2 * t);
      return true;
    case TANH_QUERY_DEPENDENCE: /* +-w and +-u give the same weights at d_k = 1 */
      *band = qk_band_least (U);
      return qk_law_continuous (&u->exact.q) && qk_law_continuous (&u->exact.k);
    case SCORE_RANK:
      *band = qk_band_least (fmin (u->exact.h + 1, u->exact.n));
      return qk_law_continuous (&u->exact.q) && qk_law_continuous (&u->exact.k);
    case TIME_RATIO:
      *band = qk_band_least (1);
      return true;
    default:
      claim = value_of (quantity, &u->exact);
      *band = qk_band_equal (claim);
      return !isnan (claim);
    }
}

/* Input number i of the command line: numbers of keys vary fastest, then hidden units.  */
static size_t
hidden_count (const struct qk_params *p)
{
  return p->hidden.n ? p->hidden.n : 1;
}

static size_t
count_setups (const struct qk_params *p)
{
  return p->dk.n * hidden_count (p) * p->keys.n;
}

static void
setup_at (struct setup *u, const struct qk_params *p, size_t i)
{
  struct qk_additive *a = &u->exact;
  size_t hidden = i / p->keys.n % hidden_count (p);
  a->n = p->keys.value[i % p->keys.n];
  a->d = p->dk.value[i / p->keys.n / hidden_count (p)];
  a->h = p->hidden.n ? p->hidden.value[hidden] : a->d;
  a->q = p->q_dist;
  a->k = p->k_dist;
  a->unscaled = p->unscaled;
  u->n = (size_t)a->n;
  u->d = (size_t)a->d;
  u->h = (size_t)a->h;
  u->claimed = *a;
  u->claimed.q.mean = u->claimed.k.mean = 0;
  u->claimed.q.sd = u->claimed.k.sd = 1;
}

/* Relative variances over one draw, about: what is left with infinitely many v, and what v adds,
   divided by their number.  Seen against 4000 draws each of d and h from 1 to 256.  An undecided
   statement asks for more, so nothing but time hangs on them.  */
static double
spread_of_weights (const struct qk_additive *a)
{
  return (0.05 + 0.8 / a->d) / a->h + 0.03 / a->d;
}

static double
spread_of_v (const struct qk_additive *a, bool rows)
{
  return (rows ? 0.25 : 0.13) + 2 / a->h;
}

/* Multiply-adds of a draw without its v, and for each v, or their equivalent in time.  */
static double
cost_of_weights (const struct setup *u)
{
  double weights = (double)qk_rows_size (u->h, u->d), tokens = (double)qk_rows_size (SIDE, u->d);
  return 2 * QK_DRAW_COST * (weights + tokens) + 2 * SIDE * weights
         + SIDE * SIDE * UNIT_COST * u->exact.h;
}

static double
cost_of_v (const struct setup *u)
{
  return SIDE * SIDE * (TANH_COST * u->exact.h + QK_SCORE_COST) + QK_DRAW_COST * u->exact.h;
}

/* v a draw at which a given precision costs least.  */
static size_t
vectors_of (const struct setup *u)
{
  double best = sqrt (cost_of_weights (u) * spread_of_v (&u->exact, true)
                      / (cost_of_v (u) * spread_of_weights (&u->exact)));
  return (size_t)fmin (fmax (rint (best), 1), MOST_VECTORS);
}

/* Doubles of scratch.  */
static double
doubles_of (const struct setup *u, const struct qk_kind *kind)
{
  if (kind == &cosine_kind)
    return (double)angle_doubles (u);
  if (kind == &tiles_kind)
    return (double)(lay (u, SIDE, u->vectors, NULL).rest.used + SIDE * SIDE);
  return (double)(lay (u, u->n, 1, NULL).rest.used
                  + (kind == &close_kind ? close_room (u) : u->rows * qk_rows_padded (u->n)));
}

static double
angle_cdf (const void *of, double x)
{
  return qk_cosine_cdf (*(const double *)of, x);
}

static const struct qk_ecdf *
exact_angle (struct qk_plan *plan, double d)
{
  struct qk_ecdf *law = qk_plan_alloc (plan, sizeof *law);
  if (law) /* a lattice of two values where d = 1 */
    qk_ecdf_make (law, angle_cdf, &d, d == 1 ? 3 : fmin (1, 12 / sqrt (d)), d == 1 ? 2 : 0,
                  d == 1 ? 1 : 0);
  return law;
}

/* How many queries are timed, and how often in a stretch: as many as cost TIMED_COST, all if they
   cost less.  */
static void
set_times (struct setup *u)
{
  size_t b = qk_rows_padded (u->n), band = 3 * QK_LANES; /* what the tile kernel takes at a time */
  double dot = (double)b * u->exact.d, add = (double)b * u->exact.h * TANH_COST;
  double rows = TIMED_COST / fmax (fmin (dot, add), 1);
  u->rows = qk_smaller (b, qk_larger (band, (size_t)fmin (rows, (double)b) / band * band));
  u->dots = (uint64_t)fmax (1, rint (TIMED_COST / (dot * (double)u->rows)));
  u->adds = (uint64_t)fmax (1, rint (TIMED_COST / (add * (double)u->rows)));
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, const struct setup *known)
{
  const struct qk_additive *a = &known->exact;
  char q[QK_WHY], k[QK_WHY];
  qk_law_format (q, sizeof q, &a->q);
  qk_law_format (k, sizeof k, &a->k);
  bool keyed = kind == &close_kind || kind == &times_kind;
  const char *hidden = kind == &cosine_kind ? ""
                                            : qk_plan_print (plan, " hidden=%.0f%s", a->h,
                                                             a->unscaled ? " v=unscaled" : "");
  const char *more = keyed                 ? qk_plan_print (plan, " keys=%.0f", a->n)
                     : kind == &tiles_kind ? qk_plan_print (plan, " vectors=%zu", known->vectors)
                                           : "";
  const char *label = qk_plan_print (plan, "%s d_k=%.0f%s%s", kind->name, a->d, hidden, more);
  const char *identity = qk_plan_print (plan, "additive %s q=%s k=%s", label, q, k);
  return qk_plan_case (plan, kind, label, identity, qk_plan_copy (plan, known, sizeof *known));
}

/* keyed: it depends on the number of keys; a list in place of that number or of d_k where it runs
   over that.  */
static const struct qk_key *
keys_of (struct qk_plan *plan, enum quantity quantity, const struct setup *u, const char *arm)
{
  const struct qk_params *p = plan->params;
  const struct qk_kind *kind = kind_of (quantity);
  struct qk_key first[QK_KEYS + 1] = { { 0 } };
  bool hidden = p->hidden.n && kind != &cosine_kind && quantity != DOT_OPERATIONS
                && quantity != DOT_PARAMETERS && quantity != DOT_SCORE_RANK;
  bool keyed = kind == &close_kind || kind == &times_kind || quantity == DOT_OPERATIONS
               || quantity == ADDITIVE_OPERATIONS || quantity == ADDITIVE_TANHS
               || quantity == INTERMEDIATE_BYTES;
  if (quantity == TIME_SLOPE_DK)
    qk_key_add (first, (struct qk_key){ .name = "d_k", .list = &p->dk });
  else
    qk_key_add (first, (struct qk_key){ .name = "d_k", .number = u->exact.d });
  if (hidden)
    qk_key_add (first, (struct qk_key){ .name = "hidden", .number = u->exact.h });
  if (p->unscaled && kind == &tiles_kind)
    qk_key_add (first, (struct qk_key){ .name = "init", .text = "unit" });
  if (quantity == TIME_SLOPE_KEYS)
    qk_key_add (first, (struct qk_key){ .name = "keys", .list = &p->keys });
  else if (keyed)
    qk_key_add (first, (struct qk_key){ .name = "keys", .number = u->exact.n });
  if (arm)
    qk_key_add (first, (struct qk_key){ .name = "arm", .text = arm });
  return qk_scored_keys (plan, first);
}

/* Whether a statement on this input is there, and not one of another that is the same.  */
static bool
applies (enum quantity quantity, const struct setup *u, size_t i, const struct qk_params *p)
{
  size_t keys = i % p->keys.n, hidden = i / p->keys.n % hidden_count (p);
  switch (quantity)
    {
    case ADDITIVE_VARIANCE:
    case ADDITIVE_ROW_VARIANCE:
    case TANH_SATURATED:
    case BOUND_VIOLATIONS:
    case PARAMETERS:
      return keys == 0;
    case COSINE_VARIANCE:
    case COSINE_LAW:
      return keys == 0 && hidden == 0 && angle_known (&u->exact);
    case DOT_PARAMETERS:
      return keys == 0 && hidden == 0;
    case DOT_OPERATIONS:
      return hidden == 0;
    case DOT_SCORE_RANK:
      return hidden == 0 && u->n <= MOST_TOKENS;
    case SCORE_RANK:
      return u->n <= MOST_TOKENS;
    case TIME_SLOPE_KEYS:
    case TIME_SLOPE_DK:
    case COUNTEREXAMPLE:
      return false;
    default:
      return true;
    }
}

static struct qk_statement *
add_statement (struct qk_plan *plan, enum quantity quantity, const struct setup *u,
               const size_t *source, size_t sources, const char *arm)
{
  struct qk_statement *s = qk_plan_statement (plan, quantities[quantity].name, source, sources);
  s->claim = claim_of (quantity);
  s->key = keys_of (plan, quantity, u, arm);
  s->method = method_of (quantity, u);
  s->own = u;
  return s;
}

/* The rank of the staircase, measured with that of drawn scores.  */
static void
add_staircase (struct qk_plan *plan, const struct setup *u, size_t source)
{
  struct qk_statement *s = add_statement (plan, SCORE_RANK, u, &source, 1, NULL);
  struct qk_key *keys = qk_plan_keys (plan);
  qk_key_add (keys, (struct qk_key){ .name = "row", .text = "staircase" });
  qk_key_add (keys, (struct qk_key){ .name = "keys", .number = u->exact.n });
  s->key = keys;
  s->exact = u->exact.n;
  s->judged = true;
  s->band = qk_band_equal (u->exact.n);
  s->part = 1;
}

/* Four kinds of case of an input, and what is said about it.  */
static void
add_input (struct qk_plan *plan, struct setup *u, size_t i, size_t *times)
{
  const struct qk_params *p = plan->params;
  const struct qk_kind *const kinds[] = { &tiles_kind, &cosine_kind, &close_kind, &times_kind };
  size_t cases[4] = { 0 };
  bool first = i % p->keys.n == 0, angle = first && i / p->keys.n % hidden_count (p) == 0;
  angle &= angle_known (&u->exact);
  if (angle)
    u->angle = exact_angle (plan, u->exact.d);
  for (int k = 0; k < 4; k++)
    if (k == 0 ? first : k == 1 ? angle : true)
      cases[k] = add_case (plan, kinds[k], u);
  *times = cases[3];
  for (int q = 0; q < COUNTEREXAMPLE && !plan->full; q++)
    {
      enum quantity quantity = (enum quantity)q;
      const struct qk_kind *kind = kind_of (quantity);
      if (!qk_plan_wants (plan, quantities[q].name) || !applies (quantity, u, i, p))
        continue;
      size_t k = 0;
      while (k < 3 && kinds[k] != kind)
        k++;
      struct qk_statement *s = add_statement (plan, quantity, u, &cases[k], kind ? 1 : 0, NULL);
      s->exact = value_of (quantity, &u->exact);
      s->judged = judge (&s->band, quantity, u, p);
      if (quantity == SCORE_RANK && i / p->keys.n == 0)
        add_staircase (plan, u, cases[k]);
    }
}

/* The slopes of either method, over the times of the inputs first, first + step, ...  */
static void
add_slope (struct qk_plan *plan, enum quantity quantity, const struct setup *u, const size_t *times,
           size_t first, size_t step, size_t count)
{
  size_t *source = qk_plan_alloc (plan, (count + 1) * sizeof *source);
  for (size_t i = 0; source && i < count; i++)
    source[i] = times[first + i * step];
  for (size_t arm = 0; source && arm < 2; arm++)
    add_statement (plan, quantity, u, source, count, arms[arm])->part = arm;
}

static void
add_slopes (struct qk_plan *plan, struct setup *const *inputs, const size_t *times)
{
  const struct qk_params *p = plan->params;
  size_t hidden = hidden_count (p), keys = p->keys.n;
  struct qk_span n = qk_span_of (&p->keys), d = qk_span_of (&p->dk);
  bool in_keys = n.lo < n.hi && qk_plan_wants (plan, "time_slope_keys");
  bool in_dk = d.lo < d.hi && qk_plan_wants (plan, "time_slope_dk");
  for (size_t i = 0; in_keys && i < p->dk.n * hidden && !plan->full; i++)
    add_slope (plan, TIME_SLOPE_KEYS, inputs[i * keys], times, i * keys, 1, keys);
  for (size_t i = 0; in_dk && i < hidden * keys && !plan->full; i++)
    add_slope (plan, TIME_SLOPE_DK, inputs[i], times, i, hidden * keys, p->dk.n);
}

static void
add_counterexample (struct qk_plan *plan)
{
  for (size_t i = 0; i < EXAMPLES && qk_plan_wants (plan, "counterexample") && !plan->full; i++)
    {
      const struct example *example = &counterexamples[i];
      struct qk_key *keys = qk_plan_keys (plan);
      struct qk_statement *s = qk_plan_statement (plan, "counterexample", NULL, 0);
      double room = room_of_example (example);
      qk_key_add (keys, (struct qk_key){ .name = "row", .text = example->row });
      s->claim = claim_of (COUNTEREXAMPLE);
      s->key = keys;
      s->method = room > 0 ? QK_BY_ROUNDING : QK_BY_EXACT;
      s->exact = example->exact;
      s->judged = true;
      s->band = (struct qk_band){ example->exact - 2 * room, example->exact + 2 * room };
      s->part = i;
    }
}

/* Whether a quantity is asked for that is measured on that kind of case.  */
static bool
wants (const struct qk_plan *plan, const struct qk_kind *kind)
{
  for (int q = 0; q < COUNTEREXAMPLE; q++)
    if (kind_of ((enum quantity)q) == kind && qk_plan_wants (plan, quantities[q].name))
      return true;
  return false;
}

static int
check (const struct qk_plan *plan, const struct setup *u, char why[static QK_WHY])
{
  const struct qk_kind *const kinds[] = { &tiles_kind, &close_kind, &times_kind };
  double most = 0;
  for (int k = 0; k < 3; k++)
    if (wants (plan, kinds[k]))
      most = fmax (most, doubles_of (u, kinds[k]));
  if (most > MOST_DOUBLES)
    return qk_complain (why,
                        "%.0f keys with --dk=%.0f and %.0f hidden units take %.0f MB of memory, "
                        "and at most %.0f are allowed",
                        u->exact.n, u->exact.d, u->exact.h, most * 8e-6, MOST_DOUBLES * 8e-6);
  return 0;
}

static void
warn_left_out (struct qk_plan *plan, const struct setup *u)
{
  if (u->n > MOST_TOKENS && qk_plan_wants (plan, "score_rank"))
    qk_plan_warn (plan, "keys=%.0f: ranks are left out above %.0f keys", u->exact.n, MOST_TOKENS);
  if (!angle_known (&u->exact) && wants (plan, &cosine_kind))
    qk_plan_warn (plan, "the angle is left out: its law is known where q or k has normal "
                        "components of mean 0, and neither may be 0");
}

static int
plan_additive (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  size_t count = count_setups (p);
  struct setup **inputs = qk_plan_alloc (plan, count * sizeof *inputs);
  size_t *times = qk_plan_alloc (plan, count * sizeof *times);
  for (size_t i = 0; i < count && !plan->full; i++)
    {
      struct setup *u = inputs[i] = qk_plan_alloc (plan, sizeof *u);
      if (!u)
        break;
      setup_at (u, p, i);
      u->vectors = vectors_of (u);
      set_times (u);
      if (check (plan, u, why))
        return -1;
      warn_left_out (plan, u);
      add_input (plan, u, i, &times[i]);
    }
  if (!plan->full)
    add_slopes (plan, inputs, times);
  add_counterexample (plan);
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* The share of saturated tanh; where it is not known, that of standard components.  */
static double
share_of (const struct qk_additive *a)
{
  double share = qk_additive_saturated (a);
  return isnan (share) ? 0.06 : share;
}

/* The relative variance of a mean over one draw or pair; of a share its variance.  */
static double
variance_of (enum quantity quantity, const struct setup *u)
{
  const struct qk_additive *a = &u->exact;
  double share;
  switch (quantity)
    {
    case ADDITIVE_VARIANCE:
    case ADDITIVE_ROW_VARIANCE:
      return spread_of_weights (a)
             + spread_of_v (a, quantity == ADDITIVE_ROW_VARIANCE) / (double)u->vectors;
    case TANH_SATURATED: /* between that of units, of lengths, and of both */
      share = share_of (a);
      return 22 * share * (1 - share) * (0.0035 / a->h + 0.001 / a->d + 0.0085 / (a->h * a->d));
    default: /* cos^2 */
      return (2 * a->d - 2) / (a->d + 2);
    }
}

/* Draws or pairs that a statement needs.  */
static double
units_needed (const struct qk_plan *plan, const struct qk_statement *s, const struct setup *u)
{
  enum quantity quantity = (enum quantity)s->quantity;
  double t = plan->params->tolerance, miss = qk_round_miss (s->miss, 1);
  if (quantity == COSINE_LAW)
    return qk_plan_distance (2 * t, fmin (u->angle->cell, t), miss);
  if (!s->judged || s->method != QK_BY_T)
    return 1;
  return qk_plan_units (variance_of (quantity, u), quantity == TANH_SATURATED ? t : log1p (t),
                        miss);
}

/* Draws or pairs whose mean is normal enough for t.  A share is, beside what is nearer of 0 and 1,
   or beside the tolerance.  */
static double
units_pooled (const struct qk_plan *plan, const struct qk_statement *s, const struct setup *u)
{
  enum quantity quantity = (enum quantity)s->quantity;
  double variance = variance_of (quantity, u), share = share_of (&u->exact);
  if (quantity == COSINE_VARIANCE)
    return POOL_PAIRS;
  if (quantity == TANH_SATURATED)
    {
      double beside = fmax (fmin (share, 1 - share), plan->params->tolerance);
      variance /= beside * beside;
    }
  return ceil (
      fmax (variance / QK_POOL_VARIANCE, QK_MIN_POOL / (double)(SIDE * SIDE * u->vectors)));
}

static double
cost_of (const struct setup *u, const struct qk_kind *kind)
{
  double d = u->exact.d, h = u->exact.h, b = (double)qk_rows_padded (u->n),
         n = fmin (b, MOST_TOKENS);
  if (kind == &tiles_kind)
    return cost_of_weights (u) + (double)u->vectors * cost_of_v (u);
  if (kind == &cosine_kind)
    return (2 * QK_DRAW_COST + 3) * d;
  double drawn = 2 * (QK_DRAW_COST * (b + h) * d + b * d * h);
  if (kind == &times_kind)
    return drawn + 4 * TIMED_COST;
  return drawn + b * b * (4 * TANH_COST * h + 200) + 3 * QK_RANK_COST * n * n * n;
}

/* need draws or pairs; where means are enclosed by t in blocks of pool at least.  */
static void
size_sampled (struct qk_plan *plan, size_t c, double need, double pool)
{
  const struct qk_params *p = plan->params;
  struct qk_case *k = &plan->cases[c];
  struct setup *u = k->own;
  double cost = cost_of (u, k->kind), step = k->kind == &cosine_kind ? PAIRS : 1;
  double enough = pool > 1 ? QK_MIN_BLOCKS * pool : 1, wanted = fmax (need, enough);
  if (p->samples > 0)
    wanted = p->samples;
  else if (p->max_samples > 0)
    wanted = fmin (wanted, p->max_samples);
  else
    wanted = fmin (wanted, fmax (MAX_COST / cost, 1));
  if (wanted < need && !(p->samples > 0))
    qk_plan_warn_cut (plan, k->label, need, wanted);
  if (wanted < enough)
    {
      qk_plan_mark_thin (plan, c);
      qk_plan_warn_thin (plan, k->label, enough);
    }
  double each = wanted < enough ? 1 : fmin (pool, floor (wanted / QK_MIN_BLOCKS));
  each = fmax (each, ceil (wanted / QK_MAX_BLOCKS));
  each = step * ceil (each / step);
  u->draws = (uint64_t)(each / step);
  k->blocks = (uint64_t)ceil (wanted / each);
  k->units = each;
  k->cost = each * cost;
}

static int
size_additive (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    {
      struct qk_case *k = &plan->cases[c];
      const struct setup *u = k->own;
      double need = 1, pool = 1, samples = plan->params->samples;
      for (size_t i = 0; i < plan->n_statements; i++)
        {
          const struct qk_statement *s = &plan->statements[i];
          if (!s->sources || s->source[0] != c)
            continue;
          need = fmax (need, units_needed (plan, s, u));
          if (s->method == QK_BY_T)
            pool = fmax (pool, units_pooled (plan, s, u));
        }
      k->scratch = (size_t)doubles_of (u, k->kind) * sizeof (double);
      k->units = 1;
      k->cost = cost_of (u, k->kind);
      if (k->kind == &times_kind)
        k->blocks = TURNS;
      else if (k->kind == &close_kind)
        k->blocks = (uint64_t)fmin (fmin (CLOSE, samples > 0 ? samples : CLOSE),
                                    fmax (1, CLOSE_COST / k->cost));
      else
        size_sampled (plan, c, need, pool);
    }
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

static double
column_least (const struct qk_table *t, size_t column)
{
  double least = INFINITY;
  for (size_t i = 0; i < t->rows; i++)
    least = fmin (least, t->data[i * t->columns + column]);
  return least;
}

/* Counts, unit by hidden unit: whole numbers, below 2^53 as the exact value, or else none.  */
static double
count (enum quantity quantity, const struct setup *u)
{
  uint64_t n = u->n, d = u->d, operations = 0, tanhs = 0, bytes = 0, parameters = 0;
  uint64_t dot_operations = 0, dot_parameters = 0;
  for (size_t unit = 0; unit < u->h; unit++)
    {
      operations += 2 * (n * d + n * d) + n * n + 2 * n * n; /* Wq, Uk; their sum; times v */
      tanhs += n * n;
      bytes += n * n * sizeof (double);
      parameters += d + d + 1; /* a row of W and of U, a component of v */
    }
  for (size_t component = 0; component < u->d; component++)
    {
      dot_operations += 2 * n * n;
      dot_parameters += d + d; /* a row of W_Q and of W_K */
    }
  uint64_t all = quantity == DOT_OPERATIONS        ? dot_operations
                 : quantity == DOT_PARAMETERS      ? dot_parameters
                 : quantity == ADDITIVE_OPERATIONS ? operations
                 : quantity == ADDITIVE_TANHS      ? tanhs
                 : quantity == PARAMETERS          ? parameters
                                                   : bytes;
  return (double)all;
}

/* What takes no sampling: the value of all inputs, the largest or the least.  */
static double
measured (const struct qk_statement *s, const struct qk_table *tables)
{
  const struct qk_table *t = s->sources ? &tables[s->source[0]] : NULL;
  double values[EXAMPLES];
  switch ((enum quantity)s->quantity)
    {
    case COSINE_VARIANCE:
      return qk_column_mean (t, COSINE_SQUARE);
    case BOUND_VIOLATIONS:
      return qk_column_sum (t, VIOLATIONS);
    case QUERY_DEPENDENCE:
      return qk_column_most (t, DEPENDENCE);
    case TANH_QUERY_DEPENDENCE:
      return qk_column_most (t, TANH_DEPENDENCE);
    case SCORE_RANK:
      return column_least (t, s->part == 1 ? STAIRCASE_RANK : RANK);
    case DOT_SCORE_RANK:
      return qk_column_most (t, DOT_RANK);
    case COUNTEREXAMPLE:
      compute_examples (values);
      return values[s->part];
    default:
      return isnan (s->exact) ? NAN : count ((enum quantity)s->quantity, s->own);
    }
}

/* The distance from the exact law of the angle, of the pairs of all rows together.  */
static void
enclose_law (struct qk_enclosure *e, const struct setup *u, const struct qk_table *t, double pairs,
             double miss)
{
  double below[QK_ECDF_POINTS];
  for (size_t j = 0; j < QK_ECDF_POINTS; j++)
    below[j] = qk_column_sum (t, COSINE_BELOW + j);
  qk_enclose_distance (e, qk_ecdf_distance (u->angle, below, pairs), u->angle->cell, pairs, miss);
}

/* The median over turns of the slope of the logarithm of a column.  Cases take turns, so what slows
   the machine for a while slows all of one turn.  */
static void
enclose_slope (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  double slope[TURNS], centre = 0, spread = 0;
  size_t turns = TURNS, column = s->part == 0 ? DOT_SECONDS : ADDITIVE_SECONDS;
  for (size_t i = 0; i < s->sources; i++)
    {
      const struct setup *u = plan->cases[s->source[i]].own;
      centre += log (s->quantity == TIME_SLOPE_DK ? u->exact.d : u->exact.n) / (double)s->sources;
      turns = qk_smaller (turns, tables[s->source[i]].rows);
    }
  memset (slope, 0, sizeof slope);
  for (size_t i = 0; i < s->sources; i++)
    {
      const struct setup *u = plan->cases[s->source[i]].own;
      const struct qk_table *t = &tables[s->source[i]];
      double x = log (s->quantity == TIME_SLOPE_DK ? u->exact.d : u->exact.n) - centre;
      spread += x * x;
      for (size_t turn = 0; turn < turns; turn++)
        slope[turn] += x * log (t->data[turn * t->columns + column]);
    }
  for (size_t turn = 0; turn < turns; turn++)
    slope[turn] /= spread;
  qk_enclose_quantile (e, slope, turns, 1, 1, 0.5, miss);
}

static void
enclose_additive (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables, double miss)
{
  if (!qk_method_sampled (s->method))
    {
      double x = measured (s, tables);
      double room = s->quantity == COUNTEREXAMPLE ? room_of_example (&counterexamples[s->part]) : 0;
      *e = qk_enclosure_known (x, room);
      const struct setup *u = s->own;
      if (s->quantity == SCORE_RANK || s->quantity == DOT_SCORE_RANK)
        e->hi
            = fmax (x, most_rank ((enum quantity)s->quantity, &u->exact)); /* rounding hides some */
      if (s->quantity == TANH_QUERY_DEPENDENCE && !(x > 0))                /* the same */
        e->hi = 1;
      return;
    }
  const struct qk_table *t = &tables[s->source[0]];
  switch ((enum quantity)s->quantity)
    {
    case ADDITIVE_VARIANCE:
      qk_enclose_mean (e, t->data + SQUARE, t->rows, t->columns, miss,
                       (struct qk_band){ 0, INFINITY });
      break;
    case ADDITIVE_ROW_VARIANCE:
      qk_enclose_mean (e, t->data + ROW, t->rows, t->columns, miss,
                       (struct qk_band){ 0, INFINITY });
      break;
    case TANH_SATURATED:
      qk_enclose_mean (e, t->data + SATURATED, t->rows, t->columns, miss, (struct qk_band){ 0, 1 });
      break;
    case COSINE_VARIANCE:
      qk_enclose_mean (e, t->data + COSINE_SQUARE, t->rows, t->columns, miss,
                       (struct qk_band){ 0, 1 });
      break;
    case COSINE_LAW:
      enclose_law (e, plan->cases[s->source[0]].own, t,
                   (double)t->rows * plan->cases[s->source[0]].units, miss);
      break;
    case TIME_RATIO:
      qk_enclose_quantile (e, t->data + SECONDS_RATIO, t->rows, 1, t->columns, 0.5, miss);
      break;
    case DOT_TIME:
      qk_enclose_quantile (e, t->data + DOT_SECONDS, t->rows, 1, t->columns, 0.5, miss);
      break;
    case ADDITIVE_TIME:
      qk_enclose_quantile (e, t->data + ADDITIVE_SECONDS, t->rows, 1, t->columns, 0.5, miss);
      break;
    default:
      enclose_slope (e, plan, s, tables, miss);
    }
}

/* ---- In words -------------------------------------------------------------------------------- */

static void
describe_additive (char *text, size_t size, const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  char q[QK_WHY], k[QK_WHY];
  qk_law_format (q, sizeof q, &p->q_dist);
  qk_law_format (k, sizeof k, &p->k_dist);
  bool alike = qk_law_equal (&p->q_dist, &p->k_dist);
  snprintf (text, size, "%s%s%s components, W and U of variance 1/d_k, v of variance %s", q,
            alike ? "" : " and ", alike ? "" : k, p->unscaled ? "1" : "2/(h+1)");
}

static bool
explain_additive (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_enclosure *e, enum qk_verdict verdict)
{
  const struct qk_params *p = plan->params;
  const struct qk_law *q = &p->q_dist, *k = &p->k_dist;
  const struct setup *u = s->own;
  (void)e;
  if (verdict != QK_FAILS)
    return false;
  if (s->quantity == TIME_RATIO && u->h < u->d)
    snprintf (text, size,
              "The claim is about as many hidden units as d_k. %zu of them take fewer operations "
              "than d_k = %zu.",
              u->h, u->d);
  else if (s->quantity == ADDITIVE_VARIANCE && p->expected)
    snprintf (text, size, "--expect does not allow what additive scores have: %.4g.", s->exact);
  else if (q->mean != 0 || k->mean != 0)
    snprintf (text, size,
              "The claim is about components of mean 0; a mean makes W q and U k larger.");
  else if (q->sd != 1 || k->sd != 1)
    snprintf (text, size,
              "The claim is about components of variance 1; the tanh saturates more, or less, at "
              "another.");
  else
    snprintf (text, size, "%s", qk_scored_unbroken);
  return true;
}

/* What a score took, at the last input that was timed; the counterexample, to check by hand.  */
static void
summarise_additive (char *text, size_t size, const struct qk_plan *plan,
                    const struct qk_table *tables)
{
  double x[EXAMPLES];
  int used = 0;
  *text = '\0';
  for (size_t c = plan->n_cases; c-- > 0 && used == 0;)
    if (plan->cases[c].kind == &times_kind && tables[c].rows > 0)
      {
        const struct setup *u = plan->cases[c].own;
        const struct qk_table *t = &tables[c];
        struct qk_enclosure dot, add;
        double all = u->exact.n * u->exact.n * 1e-9;
        qk_enclose_quantile (&dot, t->data + DOT_SECONDS, t->rows, 1, t->columns, 0.5, 0.1);
        qk_enclose_quantile (&add, t->data + ADDITIVE_SECONDS, t->rows, 1, t->columns, 0.5, 0.1);
        used = snprintf (text, size,
                         "Here a score of d_k = %zu takes %.2g ns as a dot product, and %.2g ns "
                         "additive with %zu hidden unit%s. ",
                         u->d, dot.estimate / all, add.estimate / all, u->h, u->h == 1 ? "" : "s");
      }
  if (!qk_plan_wants (plan, "counterexample") || used < 0 || (size_t)used >= size)
    return;
  compute_examples (x);
  snprintf (text + used, size - (size_t)used,
            "By hand: the dot product is no measure of alignment. q = (1, 0) has cosines %g with "
            "k₁ = (1, 0) and %.4f with k₂ = (2, 2), but scores %g and %g.",
            x[0], x[1], x[2], x[3]);
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_option options[] = {
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .standard = "4,16,64",
    .lo = 1,
    .hi = 1048576,
    .help = "Head dimensions d_k, of q and k." },
  { .name = "hidden",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, hidden),
    .metavar = "LIST",
    .shown = "d_k",
    .lo = 1,
    .hi = 1048576,
    .help = "Hidden units h of additive scores, each with each d_k." },
  { .name = "keys",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, keys),
    .metavar = "LIST",
    .standard = "64",
    .lo = 2,
    .hi = 4096,
    .help = "Numbers n of keys, and of queries, for counts, times, ranks and weights; variances "
            "and angles do not depend on it." },
  { .name = "unscaled",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, unscaled),
    .help = "Entries of v have variance 1 in place of 2/(h+1)." },
  { .name = "expect",
    .type = QK_INTERVAL,
    .offset = offsetof (struct qk_params, expect),
    .seen = offsetof (struct qk_params, expected),
    .metavar = "LO..HI",
    .shown = "what the ledger says",
    .lo = 0,
    .hi = 1e12,
    .help = "A claim of your own on additive_variance, in place of that of the ledger." },
  { 0 },
};

static const struct qk_example examples[] = {
  { "--dk=1,4,16,64,256 --quantity=additive_variance --tolerance=0.02", "additive_variance",
    QK_HOLDS, "The variance tends to 1.04; no 1/√d_k is needed." },
  { "--dk=64 --expect=0.99..1.01 --quantity=additive_variance", "additive_variance", QK_FAILS,
    "The claim that it is 1." },
  { "--dk=64 --dist=normal:sd=4 --quantity=tanh_saturated", "tanh_saturated", QK_HOLDS,
    "Larger inputs saturate the tanh: half of the hidden units." },
  { "--dk=64 --dist=normal:sd=4 --quantity=additive_variance", "additive_variance", QK_FAILS,
    "Then the variance is no longer 1.04." },
  { "--dk=16,64,256 --unscaled --quantity=additive_variance --tolerance=0.02", "additive_variance",
    QK_HOLDS, "With entries of v of variance 1 it grows like the number of hidden units." },
  { "--dk=64 --keys=64 --hidden=1,64 --quantity=score_rank,dot_score_rank", "score_rank", QK_HOLDS,
    "One hidden unit suffices for a rank above any d_k." },
  { "--dk=16,64 --quantity=time_ratio", "time_ratio", QK_HOLDS,
    "Additive scores take longer, with as many hidden units as d_k." },
  { 0 },
};

static const char *const description[] = {
  "Compares additive scores vᵀtanh(Wq + Uk), with h hidden units, and dot products q·k. Samples W "
  "and U (h by d_k) with independent normal entries of variance 1/d_k, v of variance 2/(h+1), and "
  "q and k of d_k independent components. Checked against exact values: the variance of additive "
  "scores, the part of it that the softmax sees, the share of saturated tanh; and of dot products "
  "the angle, as q·k = ‖q‖‖k‖ cos θ.",
  "Additive scores are bounded by ‖v‖₁ and need no 1/√d_k where v is scaled; their tanh can "
  "saturate instead of the softmax. Without the tanh they are f(q) + g(k), and every query has "
  "the same weights. Their matrices are not limited to rank h, as those of dot products are to "
  "rank d_k. They take as many parameters, but for v; what costs is n²h tanh, and n²h numbers "
  "where these are stored.",
  "The independent unit is a draw of weights, queries and keys: scores of one draw share its "
  "weights. A draw has 8 queries, 8 keys and as many v as pay. The angle is measured on "
  "independent pairs. Ranks and weights come from at most 8 inputs of n queries and keys, each to "
  "what rounding may do. Exact variances are known for normal components; for others they are "
  "described.",
  "Times are of scores alone, operands drawn and projected beforehand, one thread, while nothing "
  "else runs: both methods with the fastest kernels of this program, in 101 turns, one right "
  "after the other. The ratio is the median over turns of the ratio of neighbours, enclosed by "
  "order statistics, and only its being above 1 is judged; times and slopes are described. All of "
  "these are measured lines, which differ from run to run.",
  NULL,
};

const struct qk_experiment qk_experiment_additive = {
  .name = "additive",
  .question = "dot product or additive score: cost, variance, saturation",
  .asked = "What do additive scores cost, and what are they like?",
  .description = description,
  .unit = "inputs",
  .options = options,
  .quantities = quantities,
  .kinds
  = (const struct qk_kind *const[]){ &tiles_kind, &cosine_kind, &close_kind, &times_kind, NULL },
  .examples = examples,
  .plan = plan_additive,
  .size = size_additive,
  .enclose = enclose_additive,
  .explain = explain_additive,
  .describe = describe_additive,
  .summarise = summarise_additive,
};
