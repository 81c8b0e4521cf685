/* projection.h -- tokens, weights, projections and what is made of them, in operand layout.

   X has n tokens as rows of D coordinates; Q = X W for weights W (D by d), which stand as the
   operand of W^T, d rows by D coordinates.  An operand of r rows has b = qk_rows_padded (r) of them
   (see lanes/kernels.h); rows of X beyond n are tokens like the others, to be left alone, and those
   of W beyond d are 0, so that coordinates of Q beyond d add nothing to a score.

   Every projection and every score is one fma chain over its coordinates in order: the same bits in
   every build, and the same for s_ij and s_ji where Q and K are the same bits.  */

#ifndef QK_PROJECTION_H
#define QK_PROJECTION_H

#include "sampler.h"
#include "stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qk_kernels; /* lanes/kernels.h */

/* How a row is normalised.  A row of zeros stays one.  */
enum qk_row_norm
{
  QK_NORM_NONE,
  QK_NORM_RMS,   /* to length sqrt (D) */
  QK_NORM_LAYER, /* the same, less its mean */
  QK_NORM_UNIT   /* to length 1 */
};

size_t qk_rows_padded (size_t rows);

/* Doubles of an operand of that many rows, padded, and of words for a foreign generator beside it.
 */
size_t qk_rows_size (size_t rows, size_t d);

/* Where coordinate i of row r stands in an operand of b rows by d coordinates.  */
size_t qk_operand_index (size_t b, size_t d, size_t r, size_t i);

/* Draw operand t of the role: rows of d components of the law; those beyond rows, drawn as well,
   are set to 0 where zero.  words: 2 qk_rows_size (rows, d).  */
void qk_operand_draw (double *x, size_t rows, size_t d, const struct qk_law *law, bool zero,
                      uint64_t t, unsigned role, const struct qk_kernels *kernels,
                      struct qk_source *source, uint64_t *words);

/* Normalise b rows of d coordinates in place.

   Error   a row's length, relative, at most (d / 2 + 3) u.  */
void qk_operand_normalise (double *x, size_t b, size_t d, enum qk_row_norm norm);

/* Write Q = X W, an operand of the b rows of x by the padded d coordinates.  */
void qk_operand_project (double *q, const double *x, const double *w, size_t b, size_t D, size_t d,
                         const struct qk_kernels *kernels);

/* Write S = Q K^T in score layout: of q, an operand of b rows, the first rows, with all c of k;
   both of d coordinates, as they stand: padded, where they are projections.  */
void qk_operand_scores (double *s, const double *q, size_t b, size_t rows, const double *k,
                        size_t c, size_t d, const struct qk_kernels *kernels);

/* Write P, the softmax of c S by rows: rows by columns in score layout, both multiples of QK_LANES,
   of which the first n columns are keys and the others weigh 0.

   Error   that of row_weights (lanes/kernels.h).  */
void qk_scores_weights (double *p, const double *s, size_t rows, size_t columns, size_t n, double c,
                        const struct qk_kernels *kernels);

/* Where the score of row i and column j stands in score layout with b columns.  */
size_t qk_score_index (size_t b, size_t i, size_t j);

/* Write n by n scores, in score layout of padded columns, as a matrix.  */
void qk_scores_unfold (double *y, const double *s, size_t n);

/* Write rows of an operand as a matrix; transposed, its rows are columns.  */
void qk_operand_unfold (double *y, const double *x, size_t rows, size_t d, bool transposed);

/* The length of an array of n numbers, summed in order.  */
double qk_array_length (const double *x, size_t n);

#endif
