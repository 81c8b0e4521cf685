/* multihead.h -- the forward pass of attention in several heads, fast, in operand layout.

   Made of the kernels of lanes/kernels.h alone, so with the same bits in every build.  Its plain
   twin is qk_heads_forward.  */

#ifndef QK_MULTIHEAD_H
#define QK_MULTIHEAD_H

#include <stddef.h>

struct qk_kernels; /* lanes/kernels.h */

/* Tokens, model dimension, heads, their coordinates, those of their values.  */
struct qk_multihead_shape
{
  size_t n, D, h, d, e;
};

/* Operands, see projection.h.  Weights of each head one after another, padded rows and coordinates
   0: W_Q^T and W_K^T (d rows by D coordinates), W_V^T (e by D), W_O^T (D rows by e coordinates,
   padded).  */
struct qk_multihead
{
  struct qk_multihead_shape shape;
  double *wq, *wk, *wv, *wo;
};

/* Doubles of an operand of each kind for one head, and of the room.  */
size_t qk_multihead_query_size (const struct qk_multihead_shape *s);
size_t qk_multihead_value_size (const struct qk_multihead_shape *s);
size_t qk_multihead_output_size (const struct qk_multihead_shape *s);
size_t qk_multihead_room (const struct qk_multihead_shape *s);

/* Write the sum over heads of softmax (Q K^T / sqrt (d)) V W_O, scores of finite size, to y in
   score layout: token i and coordinate a at ((i / 8) padded D + a) 8 + i % 8.

   x       the operand of n tokens; its rows beyond n are left out.
   Error   as for the plain twin, of the order of (D + n + e + d) u times the sums of absolute
           values.  */
void qk_multihead (double *y, const double *x, const struct qk_multihead *w, double *room,
                   const struct qk_kernels *kernels);

#endif
