/* projection.c -- tokens, weights, projections and what is made of them, in operand layout.  */

#include "projection.h"
#include "lanes/kernels.h"

#include <math.h>

size_t
qk_rows_padded (size_t rows)
{
  return (rows + QK_LANES - 1) / QK_LANES * QK_LANES;
}

size_t
qk_rows_size (size_t rows, size_t d)
{
  return qk_operand_size (qk_rows_padded (rows), d);
}

size_t
qk_operand_index (size_t b, size_t d, size_t r, size_t i)
{
  size_t first = i / QK_DEPTH * QK_DEPTH;
  return first * b + ((r / QK_LANES) * qk_chunk_depth (d, first) + i % QK_DEPTH) * QK_LANES
         + r % QK_LANES;
}

void
qk_operand_draw (double *x, size_t rows, size_t d, const struct qk_law *law, bool zero, uint64_t t,
                 unsigned role, const struct qk_kernels *kernels, struct qk_source *source,
                 uint64_t *words)
{
  size_t b = qk_rows_padded (rows), size = qk_operand_size (b, d);
  qk_fill (kernels, x, size, source, role, t * size, law, words);
  for (size_t r = rows; zero && r < b; r++)
    for (size_t i = 0; i < d; i++)
      x[qk_operand_index (b, d, r, i)] = 0;
}

/* The rows from first on.  */
static void
normalise_panel (double *x, size_t b, size_t d, enum qk_row_norm norm, size_t first)
{
  double mean[QK_LANES] = { 0 }, square[QK_LANES] = { 0 }, length[QK_LANES];
  double to = norm == QK_NORM_UNIT ? 1 : sqrt ((double)d);
  for (size_t i = 0; i < d && norm == QK_NORM_LAYER; i++)
    for (size_t lane = 0; lane < QK_LANES; lane++)
      mean[lane] += x[qk_operand_index (b, d, first + lane, i)] / (double)d;
  for (size_t i = 0; i < d; i++)
    for (size_t lane = 0; lane < QK_LANES; lane++)
      {
        double *y = &x[qk_operand_index (b, d, first + lane, i)];
        *y -= mean[lane];
        square[lane] += *y * *y;
      }
  for (size_t lane = 0; lane < QK_LANES; lane++)
    length[lane] = square[lane] > 0 ? sqrt (square[lane]) : 1;
  for (size_t i = 0; i < d; i++)
    for (size_t lane = 0; lane < QK_LANES; lane++)
      {
        double *y = &x[qk_operand_index (b, d, first + lane, i)];
        *y = *y / length[lane] * to;
      }
}

void
qk_operand_normalise (double *x, size_t b, size_t d, enum qk_row_norm norm)
{
  for (size_t r = 0; r < b && norm != QK_NORM_NONE; r += QK_LANES)
    normalise_panel (x, b, d, norm, r);
}

void
qk_operand_project (double *q, const double *x, const double *w, size_t b, size_t D, size_t d,
                    const struct qk_kernels *kernels)
{
  size_t rows = qk_rows_padded (d);
  for (size_t j = 0; j < rows; j += QK_DEPTH)
    for (size_t i = 0; i < D; i += QK_DEPTH)
      kernels->tile (q + j * b, x + i * b, w + i * rows + j * qk_chunk_depth (D, i), b,
                     qk_chunk_depth (rows, j), qk_chunk_depth (D, i), i == 0);
}

void
qk_operand_scores (double *s, const double *q, size_t b, size_t rows, const double *k, size_t c,
                   size_t d, const struct qk_kernels *kernels)
{
  for (size_t i = 0; i < d; i += QK_DEPTH)
    kernels->tile (s, q + i * b, k + i * c, rows, c, qk_chunk_depth (d, i), i == 0);
}

void
qk_scores_weights (double *p, const double *s, size_t rows, size_t columns, size_t n, double c,
                   const struct qk_kernels *kernels)
{
  size_t keys[QK_LANES];
  for (size_t lane = 0; lane < QK_LANES; lane++)
    keys[lane] = n;
  for (size_t i = 0; i < rows * columns; i += QK_LANES * columns)
    {
      struct qk_row_sums sums = QK_ROW_SUMS_NONE;
      kernels->row_sums (&sums, s + i, columns, keys, 0, c);
      kernels->row_weights (p + i, s + i, columns, keys, c, &sums);
    }
}

size_t
qk_score_index (size_t b, size_t i, size_t j)
{
  return (i / QK_LANES * b + j) * QK_LANES + i % QK_LANES;
}

void
qk_scores_unfold (double *y, const double *s, size_t n)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      y[i * n + j] = s[qk_score_index (qk_rows_padded (n), i, j)];
}

void
qk_operand_unfold (double *y, const double *x, size_t rows, size_t d, bool transposed)
{
  size_t b = qk_rows_padded (rows);
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < d; i++)
      y[transposed ? i * rows + r : r * d + i] = x[qk_operand_index (b, d, r, i)];
}

double
qk_array_length (const double *x, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += x[i] * x[i];
  return sqrt (sum);
}
