/* kernels.h -- what must be fast: packed draws, score tiles, their power sums.

   One source, compiled once per instruction set; every build gives the same bits.  The face is one
   const table of function pointers, chosen once.  8 doubles are a vector in every build.

   Operand layout (Q or K of b rows by d coordinates, b a multiple of 8).  Rows go in panels of 8,
   coordinates in chunks of QK_DEPTH.  The value of row r, coordinate i, in chunk m = i / QK_DEPTH
   of depth c = min (QK_DEPTH, d - m QK_DEPTH), stands at

     m QK_DEPTH b + ((r / 8) c + i % QK_DEPTH) 8 + r % 8,

   and that is also its position in the stream of its tile: tile t starts at position
   t qk_operand_size (b, d).  So each chunk is one contiguous draw, in the order in which the tile
   kernel reads it.

   Score layout (b by b): the score of row r and column j stands at ((r / 8) b + j) 8 + r % 8.  */

#ifndef QK_KERNELS_H
#define QK_KERNELS_H

#include "sampler.h"
#include "stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
  QK_LANES = 8,
  QK_DEPTH = 256,    /* part of the address map: never changes */
  QK_DRAW_STEP = 32, /* draws start at and cover multiples of this many positions */
  QK_ALIGN = 64      /* bytes; all arrays below are so aligned */
};

/* b d, rounded up to a multiple of QK_DRAW_STEP.  */
size_t qk_operand_size (size_t b, size_t d);

/* Sums over the scores of a tile or of pairs, x = s - shift.  */
struct qk_score_sums
{
  double s1, s2, s3, s4; /* of x, x^2, x^3, x^4 */
  double abs;            /* of |s| */
  double rows;           /* over rows, of (sum of x over the row)^2; 0 for pairs */
};

struct qk_kernels
{
  const char *isa; /* "avx512", "avx2", "plain" */

  /* x[i] = qk_draw (a, law, first + i), i < n; first, n multiples of QK_DRAW_STEP.  */
  void (*draw) (double *x, size_t n, struct qk_address a, uint64_t first, const struct qk_law *law);

  /* The same transform on given words: word[2 c], word[2 c + 1] are the words of counter c, values
     dealt as in qk_draw.  n a multiple of QK_DRAW_STEP; 2 n / law->type->per words.  */
  void (*shape) (double *x, size_t n, const uint64_t *word, const struct qk_law *law);

  /* k[i] = a q[i] + t k[i] + c, as fma (a, q, fma (t, k, c)), n a multiple of 8: the correlated
     partner of q.  */
  void (*mix) (double *k, const double *q, size_t n, double a, double t, double c);

  /* s += Q K^T over a chunk of depth c: each score is one fma chain over its coordinates in order;
     start nonzero: begins from 0 instead of s.  q, k chunks of b rows.  */
  void (*tile) (double *s, const double *q, const double *k, size_t b, size_t c, int start);

  /* s[p] += q_p . k_p for n pairs, n a multiple of 8; operand layout with b = n.  */
  void (*pairs) (double *s, const double *q, const double *k, size_t n, size_t c, int start);

  /* The sums over a b by b tile in score layout.  The order is fixed: for each panel of 8 rows, 8
     lanes from zero over its columns in order, by s1 += x, s2 += x^2 (rounded), s3 = fma (x^2, x,
     s3), s4 = fma (x^2, x^2, s4), abs += |s|; the panels in order into 8 lanes from zero, rows as
     fma (s1, s1, rows); the lanes as ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).  */
  void (*tile_sums) (struct qk_score_sums *sums, const double *s, size_t b, double shift);

  /* The sums over n pairs, n a multiple of 8: one panel of n / 8 columns.  */
  void (*pair_sums) (struct qk_score_sums *sums, const double *s, size_t n, double shift);
};

/* The builds this processor can run, best first, ended by NULL.  */
const struct qk_kernels *const *qk_kernels_available (void);

/* The build of that name, or NULL if it is unknown or the processor lacks it; NULL name: the best.
 */
const struct qk_kernels *qk_kernels_find (const char *isa);

/* Whether fma is one instruction on this processor: without, every build is for correctness only
   (200 times slower).  */
bool qk_fma_in_hardware (void);

/* Fill x with n values of law from a source: by address, or from a foreign generator, for which
   words is scratch of 2 n / law->type->per words.  role is added to the cell.  */
void qk_fill (const struct qk_kernels *kernels, double *x, size_t n, struct qk_source *s,
              unsigned role, uint64_t first, const struct qk_law *law, uint64_t *words);

#endif
