/* scores.c -- the scores of tiles of Q K^T, or of pairs, drawn by address.  */

#include "scores.h"

/* Operands of one chunk of depth, as many words for a foreign generator (two a value at most), and
   the scores.  */
struct room
{
  size_t q, k, s; /* doubles */
};

static struct room
room_of (const struct qk_scores *s)
{
  size_t d = (size_t)s->law.d, depth = d < QK_DEPTH ? d : QK_DEPTH;
  return (struct room){ qk_operand_size (s->queries, depth),
                        s->shape == QK_SELF ? 0 : qk_operand_size (s->keys, depth),
                        s->shape == QK_TILE ? s->queries * s->keys : s->queries };
}

static size_t
words_of (struct room room)
{
  return 2 * (room.q > room.k ? room.q : room.k);
}

size_t
qk_scores_bytes (const struct qk_scores *s)
{
  struct room room = room_of (s);
  return (room.q + room.k + words_of (room) + room.s) * sizeof (double);
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

double *
qk_scores_draw (const struct qk_scores *s, uint64_t t, const struct qk_kernels *kernels,
                struct qk_source *source, void *scratch)
{
  struct room room = room_of (s);
  double *q = scratch, *k = q + room.q;
  uint64_t *words = (uint64_t *)(k + room.k);
  double *scores = (double *)(words + words_of (room));
  size_t d = (size_t)s->law.d;
  uint64_t first_q = t * qk_operand_size (s->queries, d);
  uint64_t first_k = t * qk_operand_size (s->keys, d);
  for (size_t i = 0; i < d; i += QK_DEPTH)
    {
      size_t depth = d - i < QK_DEPTH ? d - i : QK_DEPTH;
      size_t n_q = qk_operand_size (s->queries, depth), n_k = qk_operand_size (s->keys, depth);
      qk_fill (kernels, q, n_q, source, QK_ROLE_Q, first_q + i * s->queries, &s->law.q, words);
      if (s->shape != QK_SELF)
        qk_fill (kernels, k, n_k, source, QK_ROLE_K, first_k + i * s->keys, &s->law.k, words);
      if (s->shape == QK_PAIRS && s->law.rho != 0)
        correlate (&s->law, kernels, k, q, n_k);
      if (s->shape == QK_TILE)
        kernels->tile (scores, q, k, s->queries, s->keys, depth, i == 0);
      else
        kernels->pairs (scores, q, s->shape == QK_SELF ? q : k, s->queries, depth, i == 0);
    }
  return scores;
}
