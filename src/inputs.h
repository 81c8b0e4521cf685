/* inputs.h -- inputs of the commands that draw tokens: X, weights of heads, and their projections.

   One input is the independent unit of such a command: n tokens of D components with weights of its
   own.  Its operands lie in the scratch of a worker, one after another, and what is made of them
   after that.  Operands are those of projection.h.  */

#ifndef QK_INPUTS_H
#define QK_INPUTS_H

#include "experiment.h"
#include "projection.h"
#include "store.h"
#include "symmetry_theory.h"

/* What is drawn.  */
struct qk_inputs
{
  size_t n, D, d; /* tokens, model dimension, head dimension; without weights d = D */
  enum qk_weighting weights;
  enum qk_normed norm;
  struct qk_law law;    /* of the components of a token */
  struct qk_law weight; /* of the entries of W_Q and W_K */
  size_t heads;         /* pairs of weights of an input; 0 is 1 */
  size_t others;        /* doubles of the largest operand that a command draws beside them */
};

/* Roles of addresses: input t has operand t of X, and operands t heads + head of the weights.  */
enum qk_input_role
{
  QK_ROLE_X,
  QK_ROLE_WQ,
  QK_ROLE_WK,
  QK_ROLE_OTHERS /* for what a command draws beside them: this and those after it */
};

/* Operands of an input and of one of its heads, and what follows them.  */
struct qk_drawn
{
  double *x, *wq, *wk, *q, *k;
  uint64_t *words; /* for a foreign generator */
  struct qk_store rest;
};

bool qk_inputs_weighted (const struct qk_inputs *u);

/* Coordinates of Q and K as operands.  */
size_t qk_inputs_width (const struct qk_inputs *u);

/* Lay an input out from memory on.  Without weights Q and K are X itself; shared weights are one.
 */
struct qk_drawn qk_inputs_lay (const struct qk_inputs *u, void *memory);

/* Draw the tokens of input t of the block, normalised.  */
void qk_inputs_draw_tokens (struct qk_drawn *in, const struct qk_inputs *u, uint64_t t,
                            struct qk_work *work);

/* Draw the weights of a head of input t, and project: K apart from Q even where the weights are
   shared.  */
void qk_inputs_draw_head (struct qk_drawn *in, const struct qk_inputs *u, uint64_t t, size_t head,
                          struct qk_work *work);

/* Lay out input t of the block in the worker's scratch, and draw its tokens and its first head.  */
void qk_inputs_draw (struct qk_drawn *in, const struct qk_inputs *u, uint64_t t,
                     struct qk_work *work);

#endif
