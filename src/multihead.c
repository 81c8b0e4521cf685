/* multihead.c -- the forward pass of attention in several heads, fast, in operand layout.  */

#include "multihead.h"
#include "lanes/kernels.h"
#include "projection.h"

#include <math.h>

size_t
qk_multihead_query_size (const struct qk_multihead_shape *s)
{
  return qk_rows_size (s->d, s->D);
}

size_t
qk_multihead_value_size (const struct qk_multihead_shape *s)
{
  return qk_rows_size (s->e, s->D);
}

size_t
qk_multihead_output_size (const struct qk_multihead_shape *s)
{
  return qk_rows_size (s->D, qk_rows_padded (s->e));
}

size_t
qk_multihead_room (const struct qk_multihead_shape *s)
{
  size_t b = qk_rows_padded (s->n);
  return 2 * b * (qk_rows_padded (s->d) + qk_rows_padded (s->e) + b);
}

/* V^T = W_V^T X^T: an operand whose rows are the coordinates of the values and whose coordinates
   are the tokens, in one chunk.  */
static void
values (double *v, const double *x, const double *wv, const struct qk_multihead_shape *s,
        const struct qk_kernels *kernels)
{
  size_t b = qk_rows_padded (s->n), rows = qk_rows_padded (s->e);
  for (size_t i = 0; i < s->D; i += QK_DEPTH)
    kernels->tile (v, wv + i * rows, x + i * b, rows, b, qk_chunk_depth (s->D, i), i == 0);
}

void
qk_multihead (double *y, const double *x, const struct qk_multihead *w, double *room,
              const struct qk_kernels *kernels)
{
  const struct qk_multihead_shape *s = &w->shape;
  size_t b = qk_rows_padded (s->n), width = qk_rows_padded (s->d), e = qk_rows_padded (s->e);
  size_t columns = qk_rows_padded (s->D);
  double *q = room, *k = q + b * width, *v = k + b * width, *o = v + b * e, *scores = o + b * e;
  double *p = scores + b * b;
  for (size_t a = 0; a < s->h; a++)
    {
      const double *wo = w->wo + a * qk_multihead_output_size (s);
      qk_operand_project (q, x, w->wq + a * qk_multihead_query_size (s), b, s->D, s->d, kernels);
      qk_operand_project (k, x, w->wk + a * qk_multihead_query_size (s), b, s->D, s->d, kernels);
      values (v, x, w->wv + a * qk_multihead_value_size (s), s, kernels);
      qk_operand_scores (scores, q, b, b, k, b, width, kernels);
      /* P in score layout is also an operand whose coordinates are the keys.  */
      qk_scores_weights (p, scores, b, b, s->n, 1 / sqrt ((double)s->d), kernels);
      for (size_t i = 0; i < e; i += QK_DEPTH)
        kernels->tile (o + i * b, p, v + i * b, b, qk_chunk_depth (e, i), b, 1);
      for (size_t i = 0; i < e; i += QK_DEPTH)
        kernels->tile (y, o + i * b, wo + i * columns, b, columns, qk_chunk_depth (e, i),
                       a == 0 && i == 0);
    }
}
