/* scores.c -- the scores of tiles of Q K^T, of pairs, of rows alone, drawn by address.  */

#include "scores.h"
#include "lanes/kernels.h"

enum
{
  GROUP = 64 /* keys of a query drawn at a time where they are its own; a multiple of QK_LANES */
};

/* Operands of one chunk of depth, as many words for a foreign generator (two a value at most), and
   the scores.  */
struct room
{
  size_t q, k, s; /* doubles */
  size_t words;
};

static struct room
room_of (const struct qk_scores *s)
{
  size_t d = (size_t)s->law.d, depth = qk_chunk_depth (d, 0), rows = s->keys;
  size_t q = qk_operand_size (s->queries, depth), k = qk_operand_size (s->keys, depth);
  size_t scores = s->queries * s->keys;
  switch (s->shape)
    {
    case QK_PAIRS:
      scores = s->queries;
      break;
    case QK_SELF:
      k = 0;
      scores = s->queries;
      break;
    case QK_OWN:
      k = qk_operand_size (QK_LANES * (s->keys < GROUP ? s->keys : GROUP), depth);
      rows *= QK_LANES;
      break;
    case QK_FREE:
      return (struct room){ 0, 0, scores, 2 * scores };
    default:
      break;
    }
  return (struct room){ q, s->keep ? qk_operand_size (rows, d) : k, scores, 2 * (q > k ? q : k) };
}

size_t
qk_scores_bytes (const struct qk_scores *s)
{
  struct room room = room_of (s);
  return (room.q + room.k + room.words + room.s) * sizeof (double);
}

/* Make of independent k the partners of q:  mean_k + sd_k (rho z + sqrt (1 - rho^2) e), z and e the
   standardised q and k.  */
static void
correlate (const struct qk_score *law, const struct qk_kernels *kernels, double *k, const double *q,
           size_t n)
{
  double tau = sqrt (1 - law->rho * law->rho), slope = law->rho * law->k.sd / law->q.sd;
  kernels->mix (k, q, n, slope, tau, law->k.mean * (1 - tau) - slope * law->q.mean);
}

/* Add to the scores of QK_LANES queries what a chunk of depth contributes, of coordinate i on.  The
   key of place j of all queries is a panel: they are QK_LANES pairs.  */
static void
add_own (double *scores, const struct qk_scores *s, const double *q, double *k, uint64_t first,
         size_t i, size_t depth, const struct qk_kernels *kernels, struct qk_source *source,
         uint64_t *words)
{
  size_t panel = QK_LANES * depth;
  first += i * QK_LANES * s->keys;
  for (size_t j = 0; j < s->keys; j += GROUP)
    {
      size_t keys = s->keys - j < GROUP ? s->keys - j : GROUP;
      qk_fill (kernels, k, keys * panel, source, QK_ROLE_K, first + j * panel, &s->law.k, words);
      for (size_t l = 0; l < keys; l++)
        kernels->pairs (scores + (j + l) * QK_LANES, q, k + l * panel, QK_LANES, depth, i == 0);
      k += s->keep ? keys * panel : 0;
    }
}

double *
qk_scores_draw (const struct qk_scores *s, uint64_t t, const struct qk_kernels *kernels,
                struct qk_source *source, void *scratch)
{
  struct room room = room_of (s);
  double *q = scratch, *k = q + room.q;
  uint64_t *words = (uint64_t *)(k + room.k);
  double *scores = (double *)(words + room.words);
  size_t d = (size_t)s->law.d;
  if (s->shape == QK_FREE)
    {
      qk_fill (kernels, scores, room.s, source, QK_ROLE_K, t * room.s, &s->law.k, words);
      return scores;
    }
  uint64_t first_q = t * qk_operand_size (s->queries, d);
  uint64_t first_k = t * qk_operand_size (s->shape == QK_OWN ? QK_LANES * s->keys : s->keys, d);
  for (size_t i = 0; i < d; i += QK_DEPTH)
    {
      size_t depth = qk_chunk_depth (d, i);
      size_t n_q = qk_operand_size (s->queries, depth), n_k = qk_operand_size (s->keys, depth);
      qk_fill (kernels, q, n_q, source, QK_ROLE_Q, first_q + i * s->queries, &s->law.q, words);
      if (s->shape == QK_OWN)
        {
          add_own (scores, s, q, k, first_k, i, depth, kernels, source, words);
          k += s->keep ? QK_LANES * s->keys * depth : 0;
          continue;
        }
      if (s->shape != QK_SELF)
        qk_fill (kernels, k, n_k, source, QK_ROLE_K, first_k + i * s->keys, &s->law.k, words);
      if (s->shape == QK_PAIRS && s->law.rho != 0)
        correlate (&s->law, kernels, k, q, n_k);
      if (s->shape == QK_TILE)
        kernels->tile (scores, q, k, s->queries, s->keys, depth, i == 0);
      else
        kernels->pairs (scores, q, s->shape == QK_SELF ? q : k, s->queries, depth, i == 0);
      k += s->keep ? n_k : 0;
    }
  return scores;
}

double *
qk_scores_kept (const struct qk_scores *s, void *scratch)
{
  return (double *)scratch + room_of (s).q;
}
