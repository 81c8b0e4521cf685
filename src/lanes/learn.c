/* learn.c -- what training repeats: products of small matrices, and steps of Adam.

   Compiled once per instruction set.  */

#include "lanes/lanes.h"
#include "lanes/variant.h"

enum
{
  ROWS = 4 /* at once: as many chains of fma as their latency hides */
};

/* Count rows of eight columns, a constant.  */
LANES_INLINE void
multiply_rows (double *c, const double *a, const double *b, size_t inner, size_t columns,
               size_t row, size_t step, const int count)
{
  struct dv sum[ROWS];
  for (int r = 0; r < count; r++)
    sum[r] = dv_set (0);
  for (size_t i = 0; i < inner; i++)
    {
      struct dv x = dv_load (b + i * columns);
      for (int r = 0; r < count; r++)
        sum[r] = dv_fma (dv_set (a[(size_t)r * row + i * step]), x, sum[r]);
    }
  for (int r = 0; r < count; r++)
    dv_store (c + (size_t)r * columns, sum[r]);
}

void
QK_BUILD (qk_multiply) (double *c, const double *a, const double *b, size_t rows, size_t inner,
                        size_t columns, size_t row, size_t step)
{
  for (size_t j = 0; j < columns; j += 8)
    {
      size_t r = 0;
      for (; r + ROWS <= rows; r += ROWS)
        multiply_rows (c + r * columns + j, a + r * row, b + j, inner, columns, row, step, ROWS);
      for (; r < rows; r++)
        multiply_rows (c + r * columns + j, a + r * row, b + j, inner, columns, row, step, 1);
    }
}

void
QK_BUILD (qk_adam) (double *w, double *m, double *v, const double *g, size_t n,
                    const struct qk_adam *adam)
{
  const struct dv beta_1 = dv_set (adam->beta_1), rest_1 = dv_set (1 - adam->beta_1),
                  beta_2 = dv_set (adam->beta_2), rest_2 = dv_set (1 - adam->beta_2),
                  step = dv_set (adam->step), correction = dv_set (adam->correction),
                  epsilon = dv_set (adam->epsilon);
  for (size_t i = 0; i < n; i += 8)
    {
      struct dv slope = dv_load (g + i);
      struct dv mean = dv_fma (beta_1, dv_load (m + i), dv_mul (rest_1, slope));
      struct dv square = dv_fma (beta_2, dv_load (v + i), dv_mul (dv_mul (rest_2, slope), slope));
      struct dv size = dv_add (dv_sqrt (dv_mul (correction, square)), epsilon);
      dv_store (m + i, mean);
      dv_store (v + i, square);
      dv_store (w + i, dv_sub (dv_load (w + i), dv_div (dv_mul (step, mean), size)));
    }
}
