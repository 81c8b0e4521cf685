/* inputs.c -- inputs of the commands that draw tokens: X, weights of heads, and their projections.
 */

#include "inputs.h"

bool
qk_inputs_weighted (const struct qk_inputs *u)
{
  return u->weights != QK_UNWEIGHTED;
}

size_t
qk_inputs_width (const struct qk_inputs *u)
{
  return qk_inputs_weighted (u) ? qk_rows_padded (u->d) : u->D;
}

struct qk_drawn
qk_inputs_lay (const struct qk_inputs *u, void *memory)
{
  struct qk_drawn in = { .rest = { memory, 0 } };
  struct qk_store *store = &in.rest;
  bool weighted = qk_inputs_weighted (u);
  size_t b = qk_rows_padded (u->n), tokens = qk_rows_size (u->n, u->D),
         weights = weighted ? qk_rows_size (u->d, u->D) : 0;
  in.words
      = (uint64_t *)qk_store_take (store, 2 * qk_larger (qk_larger (tokens, weights), u->others));
  in.x = in.q = in.k = qk_store_take (store, tokens);
  if (weighted)
    {
      in.wq = in.wk = qk_store_take (store, weights);
      if (u->weights == QK_SEPARATE)
        in.wk = qk_store_take (store, weights);
      in.q = qk_store_take (store, b * qk_inputs_width (u));
      in.k = qk_store_take (store, b * qk_inputs_width (u));
    }
  return in;
}

void
qk_inputs_draw_tokens (struct qk_drawn *in, const struct qk_inputs *u, uint64_t t,
                       struct qk_work *work)
{
  qk_operand_draw (in->x, u->n, u->D, &u->law, false, t, QK_ROLE_X, work->kernels, &work->source,
                   in->words);
  if (u->norm == QK_NORMED_RMS || u->norm == QK_NORMED_LAYER)
    qk_operand_normalise (in->x, qk_rows_padded (u->n), u->D,
                          u->norm == QK_NORMED_RMS ? QK_NORM_RMS : QK_NORM_LAYER);
}

void
qk_inputs_draw_head (struct qk_drawn *in, const struct qk_inputs *u, uint64_t t, size_t head,
                     struct qk_work *work)
{
  const struct qk_kernels *kernels = work->kernels;
  size_t b = qk_rows_padded (u->n);
  uint64_t w = t * (u->heads ? u->heads : 1) + head;
  if (qk_inputs_weighted (u))
    {
      qk_operand_draw (in->wq, u->d, u->D, &u->weight, true, w, QK_ROLE_WQ, kernels, &work->source,
                       in->words);
      if (u->weights == QK_SEPARATE)
        qk_operand_draw (in->wk, u->d, u->D, &u->weight, true, w, QK_ROLE_WK, kernels,
                         &work->source, in->words);
      qk_operand_project (in->q, in->x, in->wq, b, u->D, u->d, kernels);
      qk_operand_project (in->k, in->x, in->wk, b, u->D, u->d, kernels);
    }
  if (u->norm == QK_NORMED_QK)
    qk_operand_normalise (in->q, b, qk_inputs_width (u), QK_NORM_UNIT);
  if (u->norm == QK_NORMED_QK && in->k != in->q)
    qk_operand_normalise (in->k, b, qk_inputs_width (u), QK_NORM_UNIT);
}

void
qk_inputs_draw (struct qk_drawn *in, const struct qk_inputs *u, uint64_t t, struct qk_work *work)
{
  *in = qk_inputs_lay (u, work->scratch);
  qk_inputs_draw_tokens (in, u, t, work);
  qk_inputs_draw_head (in, u, t, 0, work);
}
