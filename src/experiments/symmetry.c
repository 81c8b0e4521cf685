/* symmetry.c -- what do shared or separate W_Q, W_K change?

   Three kinds of case, of inputs that are drawn alike: all scores of an input, for means; one row
   of each, for how often a position scores itself highest; and a few inputs looked at closely:
   eigenvalues, ranks, weights, gradients.  The independent unit is one input, tokens with weights
   of its own.  */

#include "../attention.h"
#include "../enclose.h"
#include "../inputs.h"
#include "../message.h"
#include "../scored.h"
#include "../symmetry_theory.h"
#include "../tiling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a case may cost unless --max-samples says otherwise: a few minutes; and what a block should
   cost at least to be worth its row.  */
static const double MAX_COST = 0x1p39, LEAST_COST = 0x1p20;

/* Multiply-adds, or their equivalent in time, of a score in the sums of an input.  */
static const double SCORE_COST = 16;

static const double MOST_DOUBLES = 0x1p25; /* of an input, a worker: 256 MB */
static const double THEOREM_ROWS = 4096;   /* where every row is diagonal-maximal */

/* Inputs looked at closely: what they may cost in all, and tokens and model dimensions from which
   on eigenvalues and singular values take too long: 0.2 and 0.3 s each.  */
static const double CLOSE_COST = 0x1p32, MOST_TOKENS = 512, MOST_DIMENSIONS = 256;

enum
{
  CLOSE = 64 /* at most */
};

static const double U = 0x1p-53;

struct setup
{
  struct qk_symmetry exact;   /* as the options say */
  struct qk_symmetry claimed; /* the same for components of mean 0 and variance 1 */
  size_t n, D, d;
  double shift_self, shift_off; /* sums are taken about these means */
  uint64_t count;               /* inputs a block */
  struct qk_inputs inputs;
};

enum role
{
  ROLE_G = QK_ROLE_OTHERS,
  ROLE_E
};

static bool
weighted (const struct setup *u)
{
  return qk_inputs_weighted (&u->inputs);
}

static size_t
width (const struct setup *u)
{
  return qk_inputs_width (&u->inputs);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

enum
{
  APART,  /* |S - S^T|^2 / n^2 */
  ALL,    /* |S|^2 / n^2 */
  SELF_1, /* mean over i of s_ii - shift */
  SELF_2, /* of its square */
  OFF_1,  /* mean over i != j of s_ij - shift */
  OFF_2,  /* of its square */
  SCORE_COLUMNS
};

/* Add the scores of tokens i of one panel with tokens j of another: one[8 j + i] is s_ij, other[8 i
   + j] is s_ji; of the same panel, those with j < i.  */
static void
add_pairs (double sum[SCORE_COLUMNS], const struct setup *u, const double *one, const double *other,
           size_t rows, size_t columns, bool same)
{
  double apart = 0, all = 0, off1 = 0, off2 = 0, shift = u->shift_off;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < (same ? i : columns); j++)
      {
        double s = one[QK_LANES * j + i], t = other[QK_LANES * i + j];
        double x = s - t, y = s - shift, z = t - shift;
        apart += x * x;
        all += s * s + t * t;
        off1 += y + z;
        off2 += y * y + z * z;
      }
  sum[APART] += 2 * apart;
  sum[ALL] += all;
  sum[OFF_1] += off1;
  sum[OFF_2] += off2;
}

static void
add_scores (double row[SCORE_COLUMNS], const struct setup *u, const double *s)
{
  size_t n = u->n, b = qk_rows_padded (n);
  double sum[SCORE_COLUMNS] = { 0 }, squares = (double)n * (double)n, pairs = squares - (double)n;
  for (size_t i = 0; i < n; i++)
    {
      double self = s[qk_score_index (b, i, i)], x = self - u->shift_self;
      sum[ALL] += self * self;
      sum[SELF_1] += x;
      sum[SELF_2] += x * x;
    }
  for (size_t i = 0; i < n; i += QK_LANES)
    for (size_t j = 0; j <= i; j += QK_LANES)
      add_pairs (sum, u, s + qk_score_index (b, i, j), s + qk_score_index (b, j, i),
                 qk_smaller (n - i, QK_LANES), qk_smaller (n - j, QK_LANES), i == j);
  row[APART] += sum[APART] / squares;
  row[ALL] += sum[ALL] / squares;
  row[SELF_1] += sum[SELF_1] / (double)n;
  row[SELF_2] += sum[SELF_2] / (double)n;
  row[OFF_1] += sum[OFF_1] / pairs;
  row[OFF_2] += sum[OFF_2] / pairs;
}

static int
scores_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  size_t b = qk_rows_padded (u->n);
  struct qk_drawn in;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, SCORE_COLUMNS * sizeof *row);
  for (uint64_t t = 0; t < u->count; t++)
    {
      qk_inputs_draw (&in, &u->inputs, t, work);
      double *s = qk_store_take (&in.rest, b * b);
      qk_operand_scores (s, in.q, b, b, in.k, b, width (u), work->kernels);
      add_scores (row, u, s);
    }
  for (int i = 0; i < SCORE_COLUMNS; i++)
    row[i] /= (double)u->count;
  return isnan (row[ALL] + row[OFF_2]) ? -1 : 0;
}

/* How far a score of rows of one length may be above s_ii by rounding alone.  With lengths l (1 +-
   (d/2 + 3) u) and scores within d u l^2, s_ij <= l^2 (1 + (2 d + 6) u) and s_ii >= l^2 (1 - (2 d +
   6) u); parallel rows that came about differently, as x and -2 x, are apart by as little.  */
static double
room_of (const struct setup *u)
{
  double length2 = u->exact.norm == QK_NORMED_QK                      ? 1
                   : u->exact.norm != QK_NORMED_NONE && !weighted (u) ? (double)u->D
                                                                      : 0;
  return length2 * (double)(4 * width (u) + 16) * U;
}

/* Counts the inputs whose first token scores itself highest.  */
static int
rows_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  size_t b = qk_rows_padded (u->n);
  struct qk_drawn in;
  qk_source_open (&work->source, work->seed, c->cell, index);
  *row = 0;
  for (uint64_t t = 0; t < u->count; t++)
    {
      qk_inputs_draw (&in, &u->inputs, t, work);
      double *s = qk_store_take (&in.rest, QK_LANES * b);
      qk_operand_scores (s, in.q, b, QK_LANES, in.k, b, width (u), work->kernels);
      double most = s[qk_score_index (b, 0, 0)] + room_of (u);
      bool highest = true;
      for (size_t j = 1; j < u->n; j++)
        highest &= s[qk_score_index (b, 0, j)] <= most;
      *row += highest;
    }
  return 0;
}

/* ---- Inputs looked at closely ---------------------------------------------------------------- */

enum
{
  VIOLATIONS, /* pairs with |s_ij| > max (s_ii, s_jj), beyond rounding */
  NEGATIVE,   /* eigenvalues of (S + S^T) / 2 */
  RANK,       /* of W_Q W_K^T */
  NORMALISER, /* largest |p_ij Z_i / (p_ji Z_j) - 1| */
  GRADIENT, /* |dL/dW as it is differentiated - the sum of two| over the same of absolute values */
  CLOSE_COLUMNS
};

/* Plain matrices of an input, and room for what is done with them.  */
struct matrices
{
  double *x, *wq, *wk, *q, *k; /* n by D; D by d; n by d */
  double *g, *e, *gq, *gk;     /* n by n; D by d */
  double *a, *room;
};

static struct matrices
spread (const struct setup *u, struct qk_store *from)
{
  struct matrices m;
  size_t n = u->n, D = u->D, d = u->d;
  size_t side = qk_larger (n, (double)D <= MOST_DIMENSIONS ? D : 0);
  m.x = qk_store_take (from, n * D);
  m.wq = qk_store_take (from, D * d);
  m.wk = qk_store_take (from, D * d);
  m.q = qk_store_take (from, n * d);
  m.k = qk_store_take (from, n * d);
  m.g = qk_store_take (from, qk_rows_size (n, n));
  m.e = qk_store_take (from, qk_rows_size (d, D));
  m.gq = qk_store_take (from, D * d);
  m.gk = qk_store_take (from, D * d);
  m.a = qk_store_take (from, side * side);
  m.room = qk_store_take (from, 3 * side + n * d);
  return m;
}

/* L = sum of g_ij s_ij for weights W + h E on both sides.  */
static double
loss (const struct matrices *m, const struct setup *u, double h)
{
  size_t n = u->n, size = u->D * u->d;
  double sum = 0, *w = m->gq, *q = m->room;
  for (size_t i = 0; i < size; i++)
    w[i] = m->wq[i] + h * m->e[i];
  qk_project (q, m->x, w, n, u->D, u->d);
  qk_score_matrix (m->a, q, q, n, n, u->d);
  for (size_t i = 0; i < n; i++)
    {
      double row = 0;
      for (size_t j = 0; j < n; j++)
        row += m->g[i * n + j] * m->a[i * n + j];
      sum += row;
    }
  return sum;
}

/* The same of absolute values, h = 1.  */
static double
loss_size (const struct matrices *m, const struct setup *u)
{
  size_t n = u->n, D = u->D, d = u->d;
  double sum = 0, *q = m->room;
  for (size_t r = 0; r < n; r++)
    for (size_t i = 0; i < d; i++)
      {
        q[r * d + i] = 0;
        for (size_t a = 0; a < D; a++)
          q[r * d + i]
              += fabs (m->x[r * D + a]) * (fabs (m->wq[a * d + i]) + fabs (m->e[a * d + i]));
      }
  qk_score_matrix (m->a, q, q, n, n, d);
  for (size_t i = 0; i < n * n; i++)
    sum += fabs (m->g[i]) * m->a[i];
  return sum;
}

/* L is quadratic in W, so its central difference along E has no error but rounding, whatever the
   step; it must be <dL/dW_Q + dL/dW_K, E>, with G = dL/dS any matrix at all.  */
static double
gradient_error (const struct matrices *m, const struct setup *u)
{
  size_t n = u->n, D = u->D, d = u->d;
  double difference = (loss (m, u, 1) - loss (m, u, -1)) / 2, size = loss_size (m, u), sum = 0;
  qk_project (m->q, m->x, m->wq, n, D, d);
  qk_weight_gradients (m->gq, m->gk, m->g, m->x, m->q, m->q, n, D, d, m->room);
  for (size_t a = 0; a < D; a++)
    {
      double row = 0;
      for (size_t i = 0; i < d; i++)
        row += (m->gq[a * d + i] + m->gk[a * d + i]) * m->e[a * d + i];
      sum += row;
    }
  return size > 0 ? fabs (difference - sum) / size : 0;
}

/* Sums along the way: 2 D + d + 2 n for either, and a few roundings.  */
static double
gradient_bound (const struct setup *u)
{
  double terms = 2 * (double)u->D + (double)u->d + 2 * (double)u->n + 16;
  return 2 * terms * U / (1 - terms * U);
}

/* Q and K have the same bits, so S is exactly Q Q^T but for the rounding of scores: at most d u
   |q_i| |q_j| to first order.  */
static double
violations (const double *s, const struct setup *u)
{
  size_t n = u->n, b = qk_rows_padded (n);
  double room = 1 + (double)(2 * width (u) + 8) * U, count = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      count += fabs (s[qk_score_index (b, i, j)])
               > fmax (s[qk_score_index (b, i, i)], s[qk_score_index (b, j, j)]) * room;
  return count;
}

/* Weights p = softmax (S / sqrt (d)) by rows against the normalisers Z_i = sum over j of exp (c
   s_ij
   - c max S), which are summed apart from them.  p is room for two matrices of b by b.  */
static double
normaliser_error (double *p, const double *s, const struct setup *u,
                  const struct qk_kernels *kernels)
{
  size_t n = u->n, b = qk_rows_padded (n), keys[QK_LANES];
  double *e = p + b * b, *Z = e + b * b, c = 1 / sqrt ((double)u->d), most = -INFINITY, worst = 0;
  for (size_t lane = 0; lane < QK_LANES; lane++)
    keys[lane] = n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      most = fmax (most, s[qk_score_index (b, i, j)]);
  struct qk_row_sums whole = { .z = { 0 } }; /* Z = 1: the weights are e^t */
  for (size_t lane = 0; lane < QK_LANES; lane++)
    whole.max[lane] = most;
  qk_scores_weights (p, s, b, b, n, c, kernels);
  for (size_t i = 0; i < b * b; i += QK_LANES * b)
    kernels->row_weights (e + i, s + i, b, keys, c, &whole);
  for (size_t i = 0; i < n; i++)
    {
      Z[i] = 0;
      for (size_t j = 0; j < n; j++)
        Z[i] += e[qk_score_index (b, i, j)];
    }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      {
        double there = p[qk_score_index (b, i, j)] * Z[i],
               back = p[qk_score_index (b, j, i)] * Z[j];
        if (there > 0 && back > 0)
          worst = fmax (worst, fabs (there / back - 1));
      }
  return worst;
}

/* An exponential of t >= -QK_ROW_CUT errs by (2 |t| + 1.6) u, a weight by that, by as much in its
   normaliser, and (n + 12) u; a sum of exponentials by that and n u.  Two of each.  */
static double
normaliser_bound (const struct setup *u)
{
  return (4 * (double)u->n + 12 * QK_ROW_CUT + 64) * U;
}

/* Doubles beyond an input.  */
static size_t
close_room (const struct setup *u)
{
  size_t b = qk_rows_padded (u->n);
  struct qk_store counted = { 0 };
  qk_store_take (&counted, b * b);
  qk_store_take (&counted, 2 * b * b + b);
  spread (u, &counted);
  return counted.used;
}

static int
close_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  const struct qk_law normal = { &qk_law_types[QK_NORMAL], .sd = 1 };
  size_t n = u->n, D = u->D, d = u->d, b = qk_rows_padded (n);
  struct qk_drawn in;
  qk_source_open (&work->source, work->seed, c->cell, index);
  qk_inputs_draw (&in, &u->inputs, 0, work);
  double *s = qk_store_take (&in.rest, b * b),
         *p = qk_store_take (&in.rest, 2 * b * b + b); /* p, e, Z */
  struct matrices m = spread (u, &in.rest);
  for (int i = 0; i < CLOSE_COLUMNS; i++)
    row[i] = 0;
  qk_operand_scores (s, in.q, b, b, in.k, b, width (u), work->kernels);
  if (u->exact.weights != QK_SEPARATE)
    {
      row[VIOLATIONS] = violations (s, u);
      row[NORMALISER] = normaliser_error (p, s, u, work->kernels);
    }

  if ((double)n <= MOST_TOKENS)
    {
      qk_scores_unfold (m.a, s, n);
      double size = qk_array_length (in.q, b * width (u)) * qk_array_length (in.k, b * width (u));
      row[NEGATIVE]
          = qk_negative_eigenvalues (m.a, n, (double)(16 * n + 2 * width (u)) * U * size, m.room);
    }
  if (!weighted (u))
    return row[NEGATIVE] < 0 ? -1 : 0;

  qk_operand_unfold (m.x, in.x, n, D, false);
  qk_operand_unfold (m.wq, in.wq, d, D, true);
  qk_operand_unfold (m.wk, in.wk, d, D, true);
  if ((double)D <= MOST_DIMENSIONS)
    {
      double size = qk_array_length (m.wq, D * d) * qk_array_length (m.wk, D * d);
      qk_score_matrix (m.a, m.wq, m.wk, D, D, d);
      row[RANK] = qk_matrix_rank (m.a, D, (double)(16 * D + d) * U * size, m.room);
    }
  if (u->exact.weights == QK_SHARED)
    {
      qk_operand_draw (m.g, n, n, &normal, false, 0, ROLE_G, work->kernels, &work->source,
                       in.words);
      qk_operand_draw (m.e, d, D, &normal, false, 0, ROLE_E, work->kernels, &work->source,
                       in.words);
      row[GRADIENT] = gradient_error (&m, u);
    }
  return row[NEGATIVE] < 0 || row[RANK] < 0 || isnan (row[GRADIENT] + row[NORMALISER]) ? -1 : 0;
}

static const struct qk_column scores_columns[] = { { "asymmetry", 1 },
                                                   { "score_square", 1 },
                                                   { "self_1", 1 },
                                                   { "self_2", 1 },
                                                   { "off_diagonal_1", 1 },
                                                   { "off_diagonal_2", 1 },
                                                   { 0 } };
static const struct qk_column rows_columns[] = { { "diagonal_argmax", 1 }, { 0 } };
static const struct qk_column close_columns[]
    = { { "violations", 1 },         { "negative_eigenvalues", 1 },
        { "form_rank", 1 },          { "normaliser_ratio_error", 1 },
        { "gradient_sum_error", 1 }, { 0 } };

static const struct qk_kind scores_kind
    = { .name = "scores", .unit = "input", .columns = scores_columns, .block = scores_block };
static const struct qk_kind rows_kind
    = { .name = "rows", .unit = "input", .columns = rows_columns, .block = rows_block };
static const struct qk_kind close_kind
    = { .name = "close", .unit = "input", .columns = close_columns, .block = close_block };

/* ---- Quantities ------------------------------------------------------------------------------ */

enum quantity
{
  ASYMMETRY,
  DIAGONAL_ARGMAX,
  NEGATIVE_EIGENVALUES,
  SELF_SCORE_MEAN,
  SELF_SCORE_VARIANCE,
  OFF_DIAGONAL_VARIANCE,
  FORM_RANK,
  PARAMETERS,
  DIAGONAL_BOUND_VIOLATIONS,
  NORMALISER_RATIO_ERROR,
  GRADIENT_SUM_ERROR,
  COUNTEREXAMPLE
};

static const struct qk_quantity quantities[] = {
  { "asymmetry", "‖S−Sᵀ‖²/‖S‖²", "1", QK_LEAD, "exact (1+T)^±1; shared or no weights: 0",
    "E‖S−Sᵀ‖² over E‖S‖², a ratio of expectations. Separate weights: 2(n−1)(D−1)/(nD+κ+2) for "
    "components of mean 0 and excess kurtosis κ, whatever d_k. Shared or no weights: 0 to the bit, "
    "for each score is summed in the same order." },
  { "diagonal_argmax", "P(argmax = i)", "1", QK_COLUMN, "exact ± T; 1 where that is a theorem",
    "Probability that no score of a row is larger than that of the position with itself, from one "
    "row an input. Exact: E Φ(‖x‖)^(n−1) for Q = K = X, E Φ(‖q‖²/√(qᵀWᵀWq))^(n−1) for shared "
    "weights, normal components; 1/n for separate ones; 1 for rows of one length." },
  { "negative_eigenvalues", "eigenvalues < 0", "eigenvalue", QK_COLUMN,
    "0; separate weights: d_k where 2 d_k ≤ min(n, D), else at least 1",
    "Largest number of negative eigenvalues of (S+Sᵀ)/2 among at most 64 inputs: none where "
    "W_Q = W_K, for S is then positive semidefinite." },
  { "self_score_mean", "E s_ii", "score", QK_COLUMN, "exact (1+T)^±1; 0 ± T sd",
    "Mean score of a position with itself: D for Q = K = X, d_k for shared weights, 0 for separate "
    "ones." },
  { "self_score_variance", "Var s_ii", "score^2", QK_COLUMN, "exact (1+T)^±1",
    "Its variance: D(κ+2) for Q = K = X. Left out where it is 0." },
  { "off_diagonal_variance", "Var s_ij", "score^2", QK_COLUMN, "exact (1+T)^±1",
    "Variance of the other scores: D for Q = K = X, d_k(D+d_k+1)/D for shared weights, d_k for "
    "separate ones." },
  { "form_rank", "rank W_Q W_Kᵀ", "1", QK_DETAIL, "min(d_k, D)",
    "Largest rank of the form W_Q W_Kᵀ, by singular values, among at most 64 inputs." },
  { "parameters", "parameters", "parameter", QK_DETAIL, "2 D d_k, D d_k, 0",
    "Parameters of W_Q and W_K." },
  { "diagonal_bound_violations", "|s_ij| > max(s_ii, s_jj)", "pair", QK_DETAIL, "0",
    "Pairs that break |s_ij| ≤ max(s_ii, s_jj) by more than rounding may, in at most 64 inputs; "
    "shared or no weights." },
  { "normaliser_ratio_error", "p_ij Z_i/(p_ji Z_j) − 1", "1", QK_DETAIL,
    "at most what rounding may",
    "Largest error of p_ij/p_ji = Z_j/Z_i, softmax of S/√d_k with normalisers Z summed apart; at "
    "most 64 inputs; shared or no weights." },
  { "gradient_sum_error", "dL/dW less the sum", "1", QK_DETAIL, "at most what rounding may",
    "Shared weights, L = Σ g_ij s_ij with random g: its central difference along a random change "
    "of "
    "W (exact, L being quadratic) less that of the sum of the gradients of two separate matrices, "
    "over the same expression of absolute values; at most 64 inputs." },
  { "counterexample", "counterexample", "1", QK_ASIDE, "equality",
    "The numbers of a counterexample, computed; row says which." },
  { 0 }
};

/* ---- Counterexamples --------------------------------------------------------------------------
 */

/* Numbers to check by hand.  W = (1 2) and X = I: (W X) (W X)^T is one number, X^T W^T W X a 2 by 2
   matrix.  Tokens x_1 = (1, 0), x_2 = (2, 0): position 1 scores the other higher; its weights.  */
struct example
{
  const char *claim, *row;
  double exact;
};

static const struct example counterexamples[] = {
  { "shared-identity", "(WX)(WX)ᵀ 1,1", 5 },
  { "shared-identity", "XᵀWᵀWX 1,1", 1 },
  { "shared-identity", "XᵀWᵀWX 1,2", 2 },
  { "shared-identity", "XᵀWᵀWX 2,1", 2 },
  { "shared-identity", "XᵀWᵀWX 2,2", 4 },
  { "diagonal-forced", "s 1,1", 1 },
  { "diagonal-forced", "s 1,2", 2 },
  { "diagonal-forced", "s 2,2", 4 },
  { "shared-directed", "p 1,2", 0.73105857863000488 },  /* 1 / (1 + e^-1) */
  { "shared-directed", "p 2,1", 0.11920292202211755 },  /* 1 / (1 + e^2) */
  { "shared-directed", "Z_2/Z_1", 6.1328914277316136 }, /* e (1 + e^2) / (1 + e) */
};

enum
{
  EXAMPLES = sizeof counterexamples / sizeof *counterexamples
};

static void
compute_examples (double value[static EXAMPLES])
{
  const double W[] = { 1, 2 }, eye[] = { 1, 0, 0, 1 }, x[] = { 1, 0, 2, 0 };
  double wx[2], one[1], form[4], s[4], p[4];
  qk_project (wx, W, eye, 1, 2, 2);        /* W X, 1 by 2 */
  qk_score_matrix (one, wx, wx, 1, 1, 2);  /* (W X) (W X)^T */
  qk_score_matrix (form, wx, wx, 2, 2, 1); /* (W X)^T (W X): rows of (W X)^T are numbers */
  qk_score_matrix (s, x, x, 2, 2, 2);
  double Z[2] = { exp (s[0]) + exp (s[1]), exp (s[2]) + exp (s[3]) };
  qk_softmax (p, s, 2);
  qk_softmax (p + 2, s + 2, 2);
  const double all[EXAMPLES]
      = { one[0], form[0], form[1], form[2], form[3], s[0], s[1], s[3], p[1], p[2], Z[1] / Z[0] };
  memcpy (value, all, sizeof all);
}

/* ---- Plan -------------------------------------------------------------------------------------
 */

static const char *const weightings[] = { "separate", "shared", "none", NULL };
static const char *const norms[] = { "none", "rms", "layer", "qk", NULL };

static double
value_of (enum quantity quantity, const struct qk_symmetry *s)
{
  switch (quantity)
    {
    case ASYMMETRY:
      return qk_symmetry_ratio (s);
    case DIAGONAL_ARGMAX:
      return qk_symmetry_argmax (s);
    case NEGATIVE_EIGENVALUES:
      return qk_symmetry_negative (s);
    case SELF_SCORE_MEAN:
      return qk_symmetry_self_mean (s);
    case SELF_SCORE_VARIANCE:
      return qk_symmetry_self_variance (s);
    case OFF_DIAGONAL_VARIANCE:
      return qk_symmetry_off_variance (s);
    case FORM_RANK:
      return qk_symmetry_rank (s);
    case PARAMETERS:
      return qk_symmetry_parameters (s);
    case DIAGONAL_BOUND_VIOLATIONS:
      return 0;
    default: /* errors of rounding */
      return NAN;
    }
}

static const char *
claim_of (enum quantity quantity, enum qk_weighting weights)
{
  switch (quantity)
    {
    case ASYMMETRY:
      return weights == QK_SEPARATE ? "separate-asymmetric" : "shared-symmetric";
    case NEGATIVE_EIGENVALUES:
      return weights == QK_SEPARATE ? "separate-expressive" : "shared-symmetric";
    case FORM_RANK:
      return "separate-expressive";
    case DIAGONAL_ARGMAX:
    case DIAGONAL_BOUND_VIOLATIONS:
      return "diagonal-forced";
    case NORMALISER_RATIO_ERROR:
      return "shared-directed";
    case GRADIENT_SUM_ERROR:
      return "gradient-coupling";
    case PARAMETERS:
      return "separate-parameters";
    default:
      return weights == QK_UNWEIGHTED ? "self-score" : NULL;
    }
}

/* Whether a statement on these inputs makes sense.  */
static bool
applies (enum quantity quantity, const struct setup *u)
{
  const struct qk_symmetry *s = &u->exact;
  bool alike = s->weights != QK_SEPARATE;
  switch (quantity)
    {
    case NEGATIVE_EIGENVALUES:
      return s->n <= MOST_TOKENS;
    case SELF_SCORE_VARIANCE: /* 0: self scores do not vary; an infinite moment: its error would */
      return qk_symmetry_self_variance (s) != 0 && isfinite (qk_law_moment (&s->law, 8));
    case FORM_RANK:
      return weighted (u) && s->D <= MOST_DIMENSIONS;
    case DIAGONAL_BOUND_VIOLATIONS:
    case NORMALISER_RATIO_ERROR:
      return alike;
    case GRADIENT_SUM_ERROR:
      return s->weights == QK_SHARED && s->norm != QK_NORMED_QK;
    default:
      return true;
    }
}

/* The input number i of the command line, in one order for all of them.  Without weights --dk is
   the model dimension.  */
static size_t
count_setups (const struct qk_params *p)
{
  size_t count = 0;
  for (size_t w = 0; w < p->weights.n; w++)
    count += p->keys.n * p->dk.n * (p->weights.value[w] == QK_UNWEIGHTED ? 1 : p->model_dim.n);
  return count;
}

static void
setup_at (struct setup *u, const struct qk_params *p, size_t i)
{
  size_t w = 0, dims = 0;
  for (;; w++)
    {
      dims = p->weights.value[w] == QK_UNWEIGHTED ? 1 : p->model_dim.n;
      size_t count = p->keys.n * p->dk.n * dims;
      if (i < count)
        break;
      i -= count;
    }
  struct qk_symmetry *s = &u->exact;
  s->weights = (enum qk_weighting)p->weights.value[w];
  s->norm = (enum qk_normed)p->norm;
  s->law = p->q_dist;
  s->d = p->dk.value[i % p->dk.n];
  s->D = s->weights == QK_UNWEIGHTED ? s->d : p->model_dim.value[i / p->dk.n % dims];
  s->n = p->keys.value[i / p->dk.n / dims];
  u->claimed = *s;
  u->claimed.law.mean = 0;
  u->claimed.law.sd = 1;
  u->n = (size_t)s->n;
  u->D = (size_t)s->D;
  u->d = (size_t)s->d;
  u->inputs = (struct qk_inputs){ .n = u->n,
                                  .D = u->D,
                                  .d = u->d,
                                  .weights = s->weights,
                                  .others = qk_rows_size (u->n, u->n),
                                  .norm = s->norm,
                                  .law = s->law,
                                  .weight = { &qk_law_types[QK_NORMAL], .sd = 1 / sqrt (s->D) } };
  double self = value_of (SELF_SCORE_MEAN, s), off = qk_symmetry_off_mean (s);
  u->shift_self = isnan (self) ? 0 : self;
  u->shift_off = isnan (off) ? 0 : off;
}

/* Doubles of scratch.  */
static double
doubles_of (const struct setup *u, const struct qk_kind *kind)
{
  size_t b = qk_rows_padded (u->n);
  size_t input = qk_inputs_lay (&u->inputs, NULL).rest.used;
  return (double)(input
                  + (kind == &scores_kind ? b * b
                     : kind == &rows_kind ? QK_LANES * b
                                          : close_room (u)));
}

static void
label_of (char *text, size_t size, const struct setup *u)
{
  const struct qk_symmetry *s = &u->exact;
  snprintf (text, size, "weights=%s keys=%.0f model_dim=%.0f d_k=%.0f%s%s", weightings[s->weights],
            s->n, s->D, s->d, s->norm == QK_NORMED_NONE ? "" : " norm=",
            s->norm == QK_NORMED_NONE ? "" : norms[s->norm]);
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, const struct setup *known)
{
  char input[QK_WHY], law[QK_WHY];
  label_of (input, sizeof input, known);
  qk_law_format (law, sizeof law, &known->exact.law);
  const char *label = qk_plan_print (plan, "%s %s", kind->name, input);
  const char *identity = qk_plan_print (plan, "symmetry %s %s law=%s", kind->name, input, law);
  return qk_plan_case (plan, kind, label, identity, qk_plan_copy (plan, known, sizeof *known));
}

static const struct qk_key *
keys_of (struct qk_plan *plan, const struct setup *u)
{
  const struct qk_symmetry *s = &u->exact;
  struct qk_key first[QK_KEYS + 1] = { { 0 } };
  qk_key_add (first, (struct qk_key){ .name = "weights", .text = weightings[s->weights] });
  if (s->norm != QK_NORMED_NONE)
    qk_key_add (first, (struct qk_key){ .name = "norm", .text = norms[s->norm] });
  qk_key_add (first, (struct qk_key){ .name = "keys", .number = s->n });
  qk_key_add (first, (struct qk_key){ .name = "model_dim", .number = s->D });
  qk_key_add (first, (struct qk_key){ .name = "d_k", .number = s->d });
  return qk_scored_keys (plan, first);
}

/* The kind of case that a quantity is measured on; NULL: none.  */
static const struct qk_kind *
kind_of (enum quantity quantity)
{
  switch (quantity)
    {
    case DIAGONAL_ARGMAX:
      return &rows_kind;
    case DIAGONAL_BOUND_VIOLATIONS:
    case NEGATIVE_EIGENVALUES:
    case FORM_RANK:
    case NORMALISER_RATIO_ERROR:
    case GRADIENT_SUM_ERROR:
      return &close_kind;
    case PARAMETERS:
    case COUNTEREXAMPLE:
      return NULL;
    default:
      return &scores_kind;
    }
}

/* Whether every input has the same value, but for rounding: scores that are 1 and -1, or rows of
   one length.  An interval from a sample without spread would be no narrower for more of it.  */
static bool
constant (enum quantity quantity, const struct setup *u)
{
  const struct qk_symmetry *s = &u->exact;
  bool unit = s->norm == QK_NORMED_QK;
  if (isnan (value_of (quantity, s)))
    return false;
  switch (quantity)
    {
    case ASYMMETRY:
      return qk_symmetry_ratio (s) == 0;
    case SELF_SCORE_MEAN:
      return qk_symmetry_self_variance (s) == 0;
    case SELF_SCORE_VARIANCE:
      return unit && s->d == 1;
    case OFF_DIAGONAL_VARIANCE:
      if (!weighted (u))
        return s->D == 1 && qk_symmetry_self_variance (s) == 0;
      return unit && (s->d == 1 || (s->D == 1 && s->weights == QK_SHARED));
    default:
      return false;
    }
}

static enum qk_method
method_of (enum quantity quantity, const struct setup *u)
{
  switch (quantity)
    {
    case ASYMMETRY:
      return u->exact.weights != QK_SEPARATE ? QK_BY_EXACT
             : constant (quantity, u)        ? QK_BY_BOUND
                                             : QK_BY_T;
    case DIAGONAL_ARGMAX:
      return qk_symmetry_forced (&u->exact) ? QK_BY_BOUND : QK_BY_BINOMIAL;
    case SELF_SCORE_MEAN:
    case SELF_SCORE_VARIANCE:
    case OFF_DIAGONAL_VARIANCE:
      return constant (quantity, u) ? QK_BY_BOUND : QK_BY_T;
    case DIAGONAL_BOUND_VIOLATIONS:
    case NORMALISER_RATIO_ERROR:
    case GRADIENT_SUM_ERROR:
      return QK_BY_BOUND;
    default:
      return QK_BY_EXACT;
    }
}

/* The smallest side of S, or of the form: from 2 on, separate weights may have eigenvalues of
   either sign.  */
static double
least_side (const struct setup *u)
{
  return fmin (u->exact.n, u->exact.D - (u->exact.norm == QK_NORMED_LAYER));
}

/* Whether a statement is judged, and what it allows.  */
static bool
judge (struct qk_band *band, enum quantity quantity, const struct setup *u,
       const struct qk_params *p)
{
  const struct qk_symmetry *claimed = &u->claimed;
  double claim = value_of (quantity, claimed), t = p->tolerance;
  switch (quantity)
    {
    case ASYMMETRY:
      *band = claimed->weights != QK_SEPARATE ? qk_band_equal (0)
              : claim == 0                    ? qk_band_most (t)
                                              : qk_band_ratio (claim, t);
      if (p->expected)
        *band = p->expect;
      return p->expected || !isnan (claim);
    case DIAGONAL_ARGMAX:
      *band = qk_symmetry_forced (&u->exact) ? qk_band_equal (1) : qk_band_absolute (claim, t);
      return qk_symmetry_forced (&u->exact) || !isnan (claim);
    case NEGATIVE_EIGENVALUES:
      *band = isnan (claim) ? qk_band_least (1) : qk_band_equal (claim);
      return !isnan (claim) || least_side (u) >= 2;
    case SELF_SCORE_MEAN:
      *band = claim != 0 ? qk_band_ratio (claim, t)
                         : qk_band_absolute (0, t * sqrt (value_of (SELF_SCORE_VARIANCE, claimed)));
      return !isnan (claim) && !isnan (band->lo);
    case SELF_SCORE_VARIANCE:
    case OFF_DIAGONAL_VARIANCE:
      *band = qk_band_ratio (claim, t);
      return !isnan (claim);
    case DIAGONAL_BOUND_VIOLATIONS:
      *band = qk_band_most (0);
      return true;
    case NORMALISER_RATIO_ERROR:
      *band = qk_band_most (normaliser_bound (u));
      return true;
    case GRADIENT_SUM_ERROR:
      *band = qk_band_most (gradient_bound (u));
      return true;
    default:
      *band = qk_band_equal (claim);
      return !isnan (claim);
    }
}

static void
add_statements (struct qk_plan *plan, const struct setup *u)
{
  const struct qk_kind *const kinds[] = { &scores_kind, &rows_kind, &close_kind };
  const struct qk_key *keys = keys_of (plan, u);
  size_t cases[3];
  for (int i = 0; i < 3; i++)
    cases[i] = add_case (plan, kinds[i], u);
  for (int q = 0; q < COUNTEREXAMPLE && !plan->full; q++)
    {
      enum quantity quantity = (enum quantity)q;
      const struct qk_kind *kind = kind_of (quantity);
      if (!qk_plan_wants (plan, quantities[q].name))
        continue;
      if (!applies (quantity, u))
        continue;
      size_t source = kind == &close_kind ? cases[2] : kind == &rows_kind ? cases[1] : cases[0];
      struct qk_statement *s = qk_plan_statement (plan, quantities[q].name, &source, kind ? 1 : 0);
      s->claim = claim_of (quantity, u->exact.weights);
      s->key = keys;
      s->own = u;
      s->method = method_of (quantity, u);
      s->exact = value_of (quantity, &u->exact);
      s->judged = judge (&s->band, quantity, u, plan->params);
    }
}

/* Whole numbers are exact.  Sums, quotients and exponentials of the C library: a dozen u.  */
static double
room_of_example (const struct example *example)
{
  return example->exact == rint (example->exact) ? 0 : 16 * U * example->exact;
}

static void
add_counterexamples (struct qk_plan *plan)
{
  for (size_t i = 0; i < EXAMPLES && qk_plan_wants (plan, "counterexample") && !plan->full; i++)
    {
      const struct example *example = &counterexamples[i];
      struct qk_key *keys = qk_plan_keys (plan);
      struct qk_statement *s = qk_plan_statement (plan, "counterexample", NULL, 0);
      double room = room_of_example (example);
      qk_key_add (keys, (struct qk_key){ .name = "row", .text = example->row });
      s->claim = example->claim;
      s->key = keys;
      s->method = room > 0 ? QK_BY_ROUNDING : QK_BY_EXACT;
      s->exact = example->exact;
      s->judged = true;
      s->band = (struct qk_band){ example->exact - 2 * room, example->exact + 2 * room };
      s->part = i;
    }
}

static bool
wants_samples (const struct qk_plan *plan)
{
  for (int q = 0; q < COUNTEREXAMPLE; q++)
    if (kind_of ((enum quantity)q) && qk_plan_wants (plan, quantities[q].name))
      return true;
  return false;
}

static int
check (const struct qk_plan *plan, const struct setup *u, char why[static QK_WHY])
{
  const struct qk_symmetry *s = &u->exact;
  double most = fmax (doubles_of (u, &scores_kind), doubles_of (u, &close_kind));
  if (s->norm == QK_NORMED_LAYER && s->D < 3)
    return qk_complain (why,
                        "--norm=layer: tokens of %.0f component%s less their mean have no "
                        "direction of their own; --model-dim (without weights, --dk) is at "
                        "least 3",
                        s->D, s->D == 1 ? "" : "s");
  if (wants_samples (plan) && most > MOST_DOUBLES)
    return qk_complain (why,
                        "an input of %.0f tokens, --model-dim=%.0f and --dk=%.0f takes %.0f MB of "
                        "memory, and at most %.0f are allowed",
                        s->n, s->D, s->d, most * 8e-6, MOST_DOUBLES * 8e-6);
  return 0;
}

static int
plan_symmetry (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  if (!qk_law_equal (&p->q_dist, &p->k_dist))
    return qk_complain (why, "queries and keys come from the same tokens: their law is --dist, and "
                             "--q-dist and --k-dist have no place here");
  size_t count = count_setups (p);
  for (size_t i = 0; i < count && !plan->full; i++)
    {
      struct setup *u = qk_plan_alloc (plan, sizeof *u);
      if (!u)
        break;
      setup_at (u, p, i);
      if (check (plan, u, why))
        return -1;
      if (u->exact.n > MOST_TOKENS && qk_plan_wants (plan, "negative_eigenvalues"))
        qk_plan_warn (plan, "keys=%.0f: negative_eigenvalues is left out above %.0f tokens",
                      u->exact.n, MOST_TOKENS);
      if (weighted (u) && u->exact.D > MOST_DIMENSIONS && qk_plan_wants (plan, "form_rank"))
        qk_plan_warn (plan, "model_dim=%.0f: form_rank is left out above %.0f", u->exact.D,
                      MOST_DIMENSIONS);
      add_statements (plan, u);
    }
  add_counterexamples (plan);
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* Relative variances of means over one input, about: what comes from the weights, from the tokens,
   and from the pairs of tokens alone.  Seen against 2000 inputs each of n = 8, 64 and D, d = 1 to
   64: 0.8 to 2 times as much.  An undecided statement asks for more, so nothing but time hangs on
   them.  */
struct spread
{
  double ratio, self_mean, self_variance, off_variance;
};

static struct spread
spread_of (const struct qk_symmetry *s)
{
  double n = s->n, D = s->D, d = s->d, kappa = qk_law_moment (&s->law, 4) - 3;
  double tokens = fmax (1, (kappa + 2) / 2) / n, pairs = 4 / (n * n);
  struct spread v = { 0 };
  if (s->weights == QK_UNWEIGHTED)
    {
      struct qk_score self = { D, s->law, s->law, 1 };
      double variance = qk_score_variance (&self);
      v.self_mean = 2 * tokens / D;
      v.off_variance = 8 * tokens / D + pairs;
      v.self_variance
          = (qk_score_central_moment (&self, 4) / (variance * variance) - 1) / n + pairs;
      return v;
    }
  double sides = 1 / D + 1 / d;
  if (s->weights == QK_SEPARATE)
    {
      v.ratio = 4 / (D * D) + 8 * tokens / D + pairs;
      v.self_mean = 1 / D + tokens; /* over the variance of s_ii */
      v.off_variance
          = 2 / (D * d) + 2 * (D + d + 1) / (D * D * d) + 8 * tokens * (1 / D + sides) + pairs;
    }
  else
    {
      /* tr M^2, M = W W^T: half of what the inequality of Poincaré allows, 16 E tr M^3 / (E tr
         M^2)^2.  */
      double cubes = D * D + d * d + 3 * D * d + 3 * (D + d) + 4;
      v.self_mean = 2 / (D * d) + 2 * tokens * sides;
      v.off_variance
          = 9 * cubes / (D * d * (D + d + 1) * (D + d + 1)) + 8 * tokens * (1 / D + sides) + pairs;
    }
  v.self_variance = 1.1 * v.off_variance + tokens * (2 + 12 * sides);
  return v;
}

/* That of a quantity, over the square of what its band is relative to.  */
static double
variance_of (enum quantity quantity, const struct setup *u)
{
  struct spread v = spread_of (&u->exact);
  switch (quantity)
    {
    case ASYMMETRY:
      return v.ratio;
    case SELF_SCORE_MEAN:
      return v.self_mean;
    case SELF_SCORE_VARIANCE:
      return v.self_variance;
    default:
      return v.off_variance;
    }
}

/* Inputs that a statement needs.  */
static double
inputs_needed (const struct qk_plan *plan, const struct qk_statement *s, const struct setup *u)
{
  enum quantity quantity = (enum quantity)s->quantity;
  double t = plan->params->tolerance, miss = qk_round_miss (s->miss, 1);
  if (!qk_method_sampled (s->method))
    return quantity == DIAGONAL_ARGMAX ? THEOREM_ROWS : 1;
  if (quantity == DIAGONAL_ARGMAX)
    {
      double p = value_of (quantity, &u->exact);
      return qk_plan_proportion (isnan (p) ? 0.5 : fmin (p, 1), t, miss);
    }
  if (!s->judged)
    return 1;
  bool absolute = quantity == SELF_SCORE_MEAN && u->exact.weights == QK_SEPARATE;
  return qk_plan_units (variance_of (quantity, u), absolute ? t : log1p (t), miss);
}

/* Inputs whose mean is normal enough for a statement's t, and that have scores enough.  */
static double
inputs_pooled (const struct qk_statement *s, const struct setup *u)
{
  if (s->method != QK_BY_T)
    return 1;
  return ceil (fmax (variance_of ((enum quantity)s->quantity, u) / QK_POOL_VARIANCE,
                     QK_MIN_POOL / (double)(u->n * u->n)));
}

/* Multiply-adds an input, or their equivalent in time.  */
static double
cost_of (const struct setup *u, const struct qk_kind *kind)
{
  double b = (double)qk_rows_padded (u->n), n = (double)u->n, D = (double)u->D, d = (double)u->d;
  double weights = u->exact.weights == QK_SEPARATE ? 2 : weighted (u) ? 1 : 0;
  double input = QK_DRAW_COST * (b * D + weights * D * d) + (weighted (u) ? 2 * b * D * d : 0);
  if (kind == &scores_kind)
    return input + b * b * d + SCORE_COST * n * n;
  if (kind == &rows_kind)
    return input + QK_LANES * b * d;
  /* Eigenvalues of S, singular values of the form, and what else runs over plain matrices.  */
  double close = n <= MOST_TOKENS ? 15 * n * n * n : 0;
  if (weighted (u))
    close += (D <= MOST_DIMENSIONS ? QK_RANK_COST * D * D * D : 0) + 50 * n * D * d;
  return input + close + 100 * n * n;
}

/* Blocks from which t intervals are honest: squares of self scores have eighth moments.  */
static double
honest_blocks (const struct setup *u)
{
  return isfinite (qk_law_moment (&u->exact.law, 8)) ? QK_MIN_BLOCKS : QK_MANY_BLOCKS;
}

/* need inputs, in blocks of pool at least.  */
static void
size_case (struct qk_plan *plan, size_t c, double need, double pool)
{
  const struct qk_params *p = plan->params;
  struct qk_case *k = &plan->cases[c];
  struct setup *u = k->own;
  double cost = cost_of (u, k->kind), blocks, each = 1, wanted = need;
  double enough = k->kind == &scores_kind ? honest_blocks (u) * pool : 1;
  if (p->samples > 0)
    wanted = p->samples;
  else if (p->max_samples > 0)
    wanted = fmin (fmax (need, enough), p->max_samples);
  else
    wanted = fmin (fmax (need, enough), fmax (MAX_COST / cost, enough));
  char input[QK_WHY];
  label_of (input, sizeof input, u);
  if (wanted < need && !(p->samples > 0))
    qk_plan_warn_cut (plan, input, need, wanted);
  if (k->kind == &close_kind)
    wanted = fmin (fmin (CLOSE, wanted), fmax (CLOSE_COST / cost, 4));
  else if (k->kind == &scores_kind)
    {
      if (wanted < enough)
        {
          qk_plan_mark_thin (plan, c);
          qk_plan_warn_thin (plan, input, enough);
        }
      each = wanted < enough ? 1 : pool;
    }
  else
    each = ceil (fmin (LEAST_COST / cost, wanted / QK_MIN_BLOCKS));
  each = fmin (fmax (each, ceil (wanted / QK_MAX_BLOCKS)), wanted);
  blocks = ceil (wanted / each);
  u->count = (uint64_t)each;
  k->blocks = (uint64_t)blocks;
  k->units = each;
  k->cost = each * cost;
  k->scratch = (size_t)doubles_of (u, k->kind) * sizeof (double);
}

static int
size_symmetry (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    {
      const struct setup *u = plan->cases[c].own;
      double need = plan->cases[c].kind == &close_kind ? CLOSE : 1, pool = 1;
      for (size_t i = 0; i < plan->n_statements; i++)
        {
          const struct qk_statement *s = &plan->statements[i];
          if (!s->sources || s->source[0] != c)
            continue;
          need = fmax (need, inputs_needed (plan, s, u));
          pool = fmax (pool, inputs_pooled (s, u));
        }
      size_case (plan, c, need, pool);
    }
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* Inputs behind a statement.  */
static double
population (const struct qk_plan *plan, const struct qk_statement *s, const struct qk_table *t)
{
  return (double)t->rows * plan->cases[s->source[0]].units;
}

/* E |S - S^T|^2 / E |S|^2, a ratio of means.  */
static void
enclose_ratio (struct qk_enclosure *e, const struct qk_table *t, double miss)
{
  static const size_t column[] = { APART, ALL };
  double apart = qk_column_mean (t, APART), all = qk_column_mean (t, ALL), ratio = apart / all;
  const double weight[] = { 1 / all, -ratio / all };
  qk_enclose_smooth (e, ratio, t->data, t->rows, t->columns, column, weight, 2, miss);
  e->lo = fmax (e->lo, 0);
}

/* The mean of (s - shift)^2, where shift is the exact mean; else less the square of the mean.  */
static void
enclose_variance (struct qk_enclosure *e, const struct qk_table *t, size_t first, double mean,
                  double miss)
{
  const size_t column[] = { first, first + 1 };
  if (!isnan (mean))
    {
      qk_enclose_mean (e, t->data + first + 1, t->rows, t->columns, miss,
                       (struct qk_band){ 0, INFINITY });
      return;
    }
  mean = qk_column_mean (t, first);
  const double weight[] = { -2 * mean, 1 };
  qk_enclose_smooth (e, qk_column_mean (t, first + 1) - mean * mean, t->data, t->rows, t->columns,
                     column, weight, 2, miss);
}

/* The entries of W_Q, and of W_K where that is another, row by row; the exact value is below 2^53.
 */
static double
count (const struct qk_symmetry *s)
{
  uint64_t entries = 0;
  for (uint64_t row = 0; row < (uint64_t)s->D && s->weights != QK_UNWEIGHTED; row++)
    entries += (uint64_t)s->d + (s->weights == QK_SEPARATE ? (uint64_t)s->d : 0);
  return (double)entries;
}

/* What takes no sampling: the value of all inputs, or the largest.  */
static double
measured (const struct qk_plan *plan, const struct qk_statement *s, const struct qk_table *tables)
{
  const struct qk_table *t = s->sources ? &tables[s->source[0]] : NULL;
  const struct setup *u = s->sources ? plan->cases[s->source[0]].own : NULL;
  double values[EXAMPLES];
  switch ((enum quantity)s->quantity)
    {
    case ASYMMETRY:
      return qk_column_mean (t, APART) / qk_column_mean (t, ALL);
    case DIAGONAL_ARGMAX:
      return qk_column_sum (t, 0) / population (plan, s, t);
    case SELF_SCORE_MEAN:
      return u->shift_self + qk_column_mean (t, SELF_1);
    case SELF_SCORE_VARIANCE:
      return qk_column_mean (t, SELF_2);
    case OFF_DIAGONAL_VARIANCE:
      return qk_column_mean (t, OFF_2);
    case DIAGONAL_BOUND_VIOLATIONS:
      return qk_column_sum (t, VIOLATIONS);
    case NEGATIVE_EIGENVALUES:
      return qk_column_most (t, NEGATIVE);
    case FORM_RANK:
      return qk_column_most (t, RANK);
    case NORMALISER_RATIO_ERROR:
      return qk_column_most (t, NORMALISER);
    case GRADIENT_SUM_ERROR:
      return qk_column_most (t, GRADIENT);
    case COUNTEREXAMPLE:
      compute_examples (values);
      return values[s->part];
    default:
      return isnan (s->exact) ? NAN : count (&((const struct setup *)s->own)->exact);
    }
}

static void
enclose_symmetry (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables, double miss)
{
  if (!qk_method_sampled (s->method))
    {
      double x = measured (plan, s, tables);
      double room = s->quantity == COUNTEREXAMPLE ? room_of_example (&counterexamples[s->part]) : 0;
      *e = qk_enclosure_known (x, room);
      return;
    }
  const struct qk_table *t = &tables[s->source[0]];
  const struct setup *u = plan->cases[s->source[0]].own;
  switch ((enum quantity)s->quantity)
    {
    case ASYMMETRY:
      enclose_ratio (e, t, miss);
      break;
    case DIAGONAL_ARGMAX:
      qk_enclose_proportion (e, qk_column_sum (t, 0), population (plan, s, t), miss);
      break;
    case SELF_SCORE_MEAN:
      qk_enclose_mean (e, t->data + SELF_1, t->rows, t->columns, miss,
                       (struct qk_band){ -INFINITY, INFINITY });
      e->estimate += u->shift_self;
      e->lo += u->shift_self;
      e->hi += u->shift_self;
      break;
    case SELF_SCORE_VARIANCE:
      enclose_variance (e, t, SELF_1, value_of (SELF_SCORE_MEAN, &u->exact), miss);
      break;
    default:
      enclose_variance (e, t, OFF_1, qk_symmetry_off_mean (&u->exact), miss);
    }
}

/* ---- In words -------------------------------------------------------------------------------- */

static void
describe_symmetry (char *text, size_t size, const struct qk_plan *plan)
{
  static const char *const words[]
      = { "", ", tokens normalised to one length", ", tokens normalised as by LayerNorm",
          ", rows of Q and K normalised" };
  char law[QK_WHY];
  qk_law_format (law, sizeof law, &plan->params->q_dist);
  snprintf (text, size, "tokens of %s components, weights of variance 1/D%s", law,
            words[plan->params->norm]);
}

static bool
explain_symmetry (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_enclosure *e, enum qk_verdict verdict)
{
  const struct qk_law *law = &plan->params->q_dist;
  (void)e;
  if (verdict != QK_FAILS)
    return false;
  const struct setup *u = s->sources ? plan->cases[s->source[0]].own : NULL;
  if (s->quantity == ASYMMETRY && plan->params->expected && u->exact.weights != QK_SEPARATE)
    snprintf (text, size, "S = %s is symmetric, to the bit: %s, its asymmetry is 0.",
              u->exact.weights == QK_SHARED ? "X W Wᵀ Xᵀ" : "X Xᵀ",
              u->exact.weights == QK_SHARED ? "where W_Q = W_K" : "without weights");
  else if (s->quantity == ASYMMETRY && plan->params->expected)
    snprintf (text, size, "--expect does not allow what separate weights have: %.4g.", s->exact);
  else if (law->mean != 0)
    snprintf (text, size,
              "The claim is about tokens with components of mean 0. With a mean of %g all tokens "
              "have a direction in common.",
              law->mean);
  else if (law->sd != 1)
    snprintf (
        text, size,
        "The claim is about components of variance 1. At a standard deviation of %g the scores "
        "are %g times as large.",
        law->sd, law->sd * law->sd);
  else
    snprintf (text, size, "%s", qk_scored_unbroken);
  return true;
}

/* What --norm does to the diagonal, with shared weights at the first d_k.  */
static int
tell_norm (char *text, size_t size, const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  if (p->norm == QK_NORMED_QK)
    return snprintf (text, size,
                     "Rows of Q and K of one length: where W_Q = W_K, every position scores itself "
                     "highest. ");
  for (size_t i = 0; p->norm != QK_NORMED_NONE && i < count_setups (p); i++)
    {
      struct setup u = { 0 };
      setup_at (&u, p, i);
      double highest = qk_symmetry_argmax (&u.exact);
      if (u.exact.weights == QK_SHARED && !isnan (highest))
        return snprintf (text, size,
                         "Tokens of one length are not enough with shared random weights: at d_k = "
                         "%.0f a position scores itself highest with probability %.4g. Without "
                         "weights, or with --norm=qk, always. ",
                         u.exact.d, highest);
    }
  return 0;
}

/* That, and the counterexamples, to check by hand.  */
static void
summarise_symmetry (char *text, size_t size, const struct qk_plan *plan,
                    const struct qk_table *tables)
{
  (void)tables;
  double x[EXAMPLES];
  *text = '\0';
  int used = qk_plan_wants (plan, "diagonal_argmax") ? tell_norm (text, size, plan) : 0;
  if (!qk_plan_wants (plan, "counterexample") || used < 0 || (size_t)used >= size)
    return;
  compute_examples (x);
  snprintf (text + used, size - (size_t)used,
            "By hand: W = (1 2) and X = (1 0; 0 1) give (WX)(WX)ᵀ = %g, but XᵀWᵀWX = (%g %g; %g "
            "%g): not the same. Symmetry does not force the diagonal: x₁ = (1, 0) and x₂ = (2, 0) "
            "give s₁₁ = %g < s₁₂ = %g, and p₁₂ = %.4f, p₂₁ = %.4f, of ratio Z₂/Z₁ = %.4f.",
            x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[8], x[9], x[10]);
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
    .help = "Numbers of tokens n of an input." },
  { .name = "model-dim",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, model_dim),
    .metavar = "LIST",
    .standard = "16",
    .lo = 1,
    .hi = 1048576,
    .help = "Model dimensions D of the tokens." },
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .standard = "4,16,64",
    .lo = 1,
    .hi = 1048576,
    .help = "Head dimensions d_k; without weights the model dimension is d_k." },
  { .name = "weights",
    .type = QK_NAMES,
    .offset = offsetof (struct qk_params, weights),
    .metavar = "LIST",
    .standard = "all",
    .choices = weightings,
    .help = "separate: W_Q and W_K independent; shared: W_Q = W_K; none: Q = K = X." },
  { .name = "norm",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, norm),
    .standard = "none",
    .choices = norms,
    .help
    = "What is normalised: the tokens, to length √D (rms) or the same less their mean (layer), "
      "or the rows of Q and K, to length 1 (qk)." },
  { .name = "dist",
    .type = QK_LAW,
    .offset = offsetof (struct qk_params, dist),
    .metavar = "LAW",
    .standard = "normal",
    .help
    = "The law of the components of the tokens, such as student:nu=10 or normal:mean=0.5,sd=2. "
      "--q-dist and --k-dist do not apply." },
  { .name = "expect",
    .type = QK_INTERVAL,
    .offset = offsetof (struct qk_params, expect),
    .seen = offsetof (struct qk_params, expected),
    .metavar = "LO..HI",
    .shown = "what the ledger says",
    .lo = 0,
    .hi = 4,
    .help = "A claim of your own on asymmetry, in place of that of the ledger." },
  { 0 },
};

static const struct qk_example examples[] = {
  { "--dk=4,64 --quantity=asymmetry", "asymmetry", QK_HOLDS,
    "Separate weights break the symmetry, shared ones keep it, whatever d_k." },
  { "--weights=shared --expect=0.5..2 --quantity=asymmetry", "asymmetry", QK_FAILS,
    "The claim that shared weights have asymmetric scores." },
  { "--weights=none --keys=8,64,512 --dk=1,4,16,64 --quantity=diagonal_argmax", "diagonal_argmax",
    QK_HOLDS, "How often a token scores itself highest: nearly never, to nearly always." },
  { "--weights=shared --norm=qk --quantity=diagonal_argmax", "diagonal_argmax", QK_HOLDS,
    "With rows of Q and K of one length every position scores itself highest." },
  { "--weights=shared,none --norm=rms --tolerance=0.02 --quantity=diagonal_argmax",
    "diagonal_argmax", QK_HOLDS,
    "Tokens of one length do not suffice with shared random weights; without weights they do." },
  { "--weights=separate --dist=normal:mean=1 --quantity=asymmetry", "asymmetry", QK_FAILS,
    "A mean of 1 gives all tokens a direction in common." },
  { 0 },
};

static const char *const description[] = {
  "Samples inputs: n tokens X of D independent components, and weights W_Q, W_K (D by d_k) with "
  "independent normal entries of variance 1/D, separate, shared (W_Q = W_K), or none (Q = K = X). "
  "It checks what the scores S = (X W_Q)(X W_K)ᵀ are like: how far from symmetric, how often a "
  "position scores itself highest, which signs the eigenvalues of S have, how large self scores "
  "are "
  "beside others. All that is known exactly is compared with its exact value.",
  "Shared weights make S symmetric and positive semidefinite: asymmetry is exactly 0, |s_ij| is at "
  "most max(s_ii, s_jj), no eigenvalue is negative. That does not force each position to score "
  "itself highest: with Q = K = X it does with probability E Φ(‖x‖)^(n−1), and shared random "
  "weights make that smaller. Rows of Q and K of one length force it (--norm=qk); tokens of one "
  "length (--norm=rms, --norm=layer) do so without weights alone. The weights p that the softmax "
  "makes of a symmetric S are not symmetric: p_ij/p_ji = Z_j/Z_i.",
  "The independent unit is one input with weights of its own: scores of one input share tokens and "
  "weights. Means come from blocks of inputs; the probability of the diagonal from one row of each "
  "input, by the intervals of Clopper and Pearson; theorems (eigenvalues, ranks, normalisers, "
  "gradients) are checked on at most 64 inputs, each to what rounding may do. Asymmetry and "
  "moments "
  "are exact for components of any law with mean 0, the probability of the diagonal for normal "
  "ones "
  "(with separate weights, for continuous ones); where nothing is known findings are described.",
  NULL,
};

const struct qk_experiment qk_experiment_symmetry = {
  .name = "symmetry",
  .question = "what do shared or separate W_Q, W_K change?",
  .asked = "Do shared and separate W_Q, W_K do what exact theory says?",
  .description = description,
  .unit = "inputs",
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &scores_kind, &rows_kind, &close_kind, NULL },
  .examples = examples,
  .plan = plan_symmetry,
  .size = size_symmetry,
  .enclose = enclose_symmetry,
  .explain = explain_symmetry,
  .describe = describe_symmetry,
  .summarise = summarise_symmetry,
};
