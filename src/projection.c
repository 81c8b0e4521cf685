/* projection.c -- tokens, weights and projections, drawn by address, in operand layout.  */

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

/* Coordinates of the chunk that begins with coordinate i.  */
static size_t
depth_of (size_t d, size_t i)
{
  return d - i < QK_DEPTH ? d - i : QK_DEPTH;
}

size_t
qk_operand_index (size_t b, size_t d, size_t r, size_t i)
{
  size_t first = i / QK_DEPTH * QK_DEPTH;
  return first * b + ((r / QK_LANES) * depth_of (d, first) + i % QK_DEPTH) * QK_LANES
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
      kernels->tile (q + j * b, x + i * b, w + i * rows + j * depth_of (D, i), b,
                     depth_of (rows, j), depth_of (D, i), i == 0);
}

void
qk_operand_scores (double *s, const double *q, size_t b, size_t rows, const double *k, size_t c,
                   size_t d, const struct qk_kernels *kernels)
{
  for (size_t i = 0; i < d; i += QK_DEPTH)
    kernels->tile (s, q + i * b, k + i * c, rows, c, depth_of (d, i), i == 0);
}
