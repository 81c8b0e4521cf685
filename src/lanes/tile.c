/* tile.c -- scores and their power sums; the table of the build.

   Compiled once per instruction set.  */

#include "lanes/variant.h"
#include "lanes/lanes.h"

/* Some panels of 8 rows by some columns, in registers: q the first panel, k[j] the first coordinate
   of columns 2 j and 2 j + 1; width columns in all.  panels and columns are constants where this is
   expanded.  */
LANES_INLINE void
strip (double *s, const double *q, const double *const *k, size_t width, size_t c, int start,
       const int panels, const int columns)
{
  struct dv sum[TILE_PANELS][TILE_COLUMNS];
  for (int p = 0; p < panels; p++)
    for (int j = 0; j < columns; j++)
      sum[p][j] = start ? dv_set (0) : dv_load (s + (p * width + j) * 8);

  for (size_t i = 0; i < 8 * c; i += 8)
    {
      struct dv x[TILE_PANELS];
      for (int p = 0; p < panels; p++)
        x[p] = dv_load (q + 8 * c * p + i);
      for (int j = 0; j < columns; j++)
        {
          struct dv y = dv_set (k[j / 2][i + j % 2]);
          for (int p = 0; p < panels; p++)
            sum[p][j] = dv_fma (x[p], y, sum[p][j]);
        }
    }

  for (int p = 0; p < panels; p++)
    for (int j = 0; j < columns; j++)
      dv_store (s + (p * width + j) * 8, sum[p][j]);
}

/* How many of left to take, at most most, and no sliver after that.  */
LANES_INLINE size_t
take (size_t left, size_t most)
{
  return left <= most ? left : left - most <= most / 3 ? left / 2 : most;
}

/* All columns of some panels.  */
LANES_INLINE void
band (double *s, const double *q, const double *k, size_t width, size_t c, int start,
      const int panels)
{
  for (size_t j = 0, columns; j < width; j += columns)
    {
      columns = take (width - j, TILE_COLUMNS);
      const double *two[TILE_COLUMNS / 2];
      for (size_t i = 0; i < columns; i += 2)
        two[i / 2] = k + (j + i) / 8 * 8 * c + (j + i) % 8;
      if (QK_LANES % TILE_COLUMNS == 0 || columns == TILE_COLUMNS)
        strip (s + 8 * j, q, two, width, c, start, panels, TILE_COLUMNS);
      else /* of 6 */
        strip (s + 8 * j, q, two, width, c, start, panels, 4);
    }
}

static void
tile (double *s, const double *q, const double *k, size_t rows, size_t columns, size_t c, int start)
{
  for (size_t p = 0, panels; p < rows / 8; p += panels)
    {
      panels = take (rows / 8 - p, TILE_PANELS);
      if (panels == TILE_PANELS)
        band (s, q, k, columns, c, start, TILE_PANELS);
      else if (panels == 2)
        band (s, q, k, columns, c, start, TILE_PANELS - 1);
      else
        band (s, q, k, columns, c, start, 1);
      s += 8 * columns * panels;
      q += 8 * c * panels;
    }
}

/* Some panels of 8 pairs at once, for the latency of fma.  */
LANES_INLINE void
panels (double *s, const double *q, const double *k, size_t c, int start, const int count)
{
  struct dv sum[4];
  for (int j = 0; j < count; j++)
    sum[j] = start ? dv_set (0) : dv_load (s + 8 * j);

  for (size_t i = 0; i < 8 * c; i += 8)
    for (int j = 0; j < count; j++)
      sum[j] = dv_fma (dv_load (q + 8 * c * j + i), dv_load (k + 8 * c * j + i), sum[j]);

  for (int j = 0; j < count; j++)
    dv_store (s + 8 * j, sum[j]);
}

static void
pairs (double *s, const double *q, const double *k, size_t n, size_t c, int start)
{
  size_t p = 0;
  for (; p + 32 <= n; p += 32)
    panels (s + p, q + p * c, k + p * c, c, start, 4);
  for (; p < n; p += 8)
    panels (s + p, q + p * c, k + p * c, c, start, 1);
}

/* Power sums in 8 lanes.  */
struct lane_sums
{
  struct dv s1, s2, s3, s4, abs;
};

/* Of n vectors in order, from zero.  */
LANES_INLINE struct lane_sums
panel_sums (const double *s, size_t n, struct dv shift)
{
  struct dv zero = dv_set (0), s1 = zero, s2 = zero, s3 = zero, s4 = zero, abs = zero;
  for (size_t j = 0; j < n; j++)
    {
      struct dv value = dv_load (s + 8 * j);
      struct dv x = dv_sub (value, shift), square = dv_mul (x, x);
      s1 = dv_add (s1, x);
      s2 = dv_add (s2, square);
      s3 = dv_fma (square, x, s3);
      s4 = dv_fma (square, square, s4);
      abs = dv_add (abs, dv_abs (value));
    }
  return (struct lane_sums){ s1, s2, s3, s4, abs };
}

static void
tile_sums (struct qk_score_sums *sums, const double *s, size_t b, double shift)
{
  const struct dv zero = dv_set (0);
  struct lane_sums all = { zero, zero, zero, zero, zero };
  struct dv rows = zero;

  for (size_t panel = 0; panel < b / 8; panel++)
    {
      struct lane_sums one = panel_sums (s + panel * 8 * b, b, dv_set (shift));
      all.s1 = dv_add (all.s1, one.s1);
      all.s2 = dv_add (all.s2, one.s2);
      all.s3 = dv_add (all.s3, one.s3);
      all.s4 = dv_add (all.s4, one.s4);
      all.abs = dv_add (all.abs, one.abs);
      rows = dv_fma (one.s1, one.s1, rows);
    }
  *sums = (struct qk_score_sums){ dv_total (all.s1), dv_total (all.s2),  dv_total (all.s3),
                                  dv_total (all.s4), dv_total (all.abs), dv_total (rows) };
}

static void
pair_sums (struct qk_score_sums *sums, const double *s, size_t n, double shift)
{
  struct lane_sums all = panel_sums (s, n / 8, dv_set (shift));
  *sums = (struct qk_score_sums){ dv_total (all.s1), dv_total (all.s2),  dv_total (all.s3),
                                  dv_total (all.s4), dv_total (all.abs), 0 };
}

const struct qk_kernels QK_BUILD (qk_kernels) = {
  .isa = QK_QUOTE (QK_ISA),
  .draw = QK_BUILD (qk_draw),
  .shape = QK_BUILD (qk_shape),
  .mix = QK_BUILD (qk_mix),
  .tile = tile,
  .pairs = pairs,
  .tile_sums = tile_sums,
  .pair_sums = pair_sums,
  .row_sums = QK_BUILD (qk_row_sums),
  .row_stats = QK_BUILD (qk_row_stats),
  .row_weights = QK_BUILD (qk_row_weights),
  .row_gradient = QK_BUILD (qk_row_gradient),
  .row_divergence = QK_BUILD (qk_row_divergence),
  .additive = QK_BUILD (qk_additive),
  .exp = QK_BUILD (qk_exp),
  .log_1_plus = QK_BUILD (qk_log_1_plus),
  .tanh = QK_BUILD (qk_tanh),
  .multiply = QK_BUILD (qk_multiply),
  .adam = QK_BUILD (qk_adam),
};
