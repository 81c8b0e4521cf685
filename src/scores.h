/* scores.h -- the scores of tiles of Q K^T, of pairs, of rows alone, drawn by address.

   The numbers of tile (or batch) t of a block are a function of the block's address, the laws, d
   and the sides alone.  Operands are drawn a chunk of QK_DEPTH coordinates at a time, so the room
   they take does not grow with d.  */

#ifndef QK_SCORES_H
#define QK_SCORES_H

#include "stream.h"
#include "theory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qk_kernels; /* lanes/kernels.h */

enum
{
  QK_ROLE_Q,
  QK_ROLE_K
};

enum qk_score_shape
{
  QK_TILE,  /* every query with every key; q and k uncorrelated */
  QK_PAIRS, /* query i with key i alone */
  QK_SELF,  /* query i with itself: the squared norms */
  QK_OWN,   /* QK_LANES queries, each with keys of its own: independent rows */
  QK_FREE   /* neither q nor k: independent scores by the law of k */
};

struct qk_scores
{
  struct qk_score law;
  enum qk_score_shape shape;
  size_t queries, keys; /* of a tile or batch, multiples of QK_LANES; of pairs equal */
  bool keep;            /* tiles, QK_OWN: all of K stays in scratch, not a chunk at a time */
};

/* Bytes of scratch for qk_scores_draw.  */
size_t qk_scores_bytes (const struct qk_scores *s);

/* Draw tile (batch) t of the block at which source stands.  The result lies in scratch, which is
   aligned to QK_ALIGN: pairs one score a query; else in score layout, queries by keys.

   Key j of query i of QK_OWN is row 8 j + i of an operand of 8 keys rows; a free score stands in
   the stream as it does in score layout.  */
double *qk_scores_draw (const struct qk_scores *s, uint64_t t, const struct qk_kernels *kernels,
                        struct qk_source *source, void *scratch);

/* K of the tile just drawn, which was to be kept: a whole operand.  */
double *qk_scores_kept (const struct qk_scores *s, void *scratch);

#endif
