/* variant.h -- the kernels of one build, named by QK_ISA: qk_tile_avx2, ...  */

#ifndef QK_LANES_VARIANT_H
#define QK_LANES_VARIANT_H

#include "lanes/kernels.h"

#define QK_PASTE_2(a, b) a##_##b
#define QK_PASTE(a, b) QK_PASTE_2 (a, b)
#define QK_QUOTE_2(a) #a
#define QK_QUOTE(a) QK_QUOTE_2 (a)
#define QK_BUILD(name) QK_PASTE (name, QK_ISA) /* qk_tile -> qk_tile_avx2 */

void QK_BUILD (qk_draw) (double *x, size_t n, struct qk_address a, uint64_t first,
                         const struct qk_law *law);
void QK_BUILD (qk_shape) (double *x, size_t n, const uint64_t *word, const struct qk_law *law);
void QK_BUILD (qk_mix) (double *k, const double *q, size_t n, double a, double t, double c);

void QK_BUILD (qk_row_sums) (struct qk_row_sums *sums, const double *s, size_t n,
                             const size_t keys[QK_LANES], double shift, double scale);
void QK_BUILD (qk_row_stats) (struct qk_row_stats *stats, const struct qk_row_sums *sums);
void QK_BUILD (qk_row_weights) (double *p, const double *s, size_t n, const size_t keys[QK_LANES],
                                double scale, const struct qk_row_sums *sums);
void QK_BUILD (qk_row_gradient) (double square[QK_LANES], const double *p, const double *k,
                                 size_t n, size_t c, const size_t top[QK_LANES]);

void QK_BUILD (qk_row_divergence) (double overlap[QK_LANES], double divergence[QK_LANES],
                                   const double *p, const double *q, size_t n);

void QK_BUILD (qk_additive) (double *s, const double *a, const double *b, const double *v, size_t n,
                             size_t h);

void QK_BUILD (qk_exp) (double *y, const double *x, size_t n);
void QK_BUILD (qk_log_1_plus) (double *y, const double *x, size_t n);
void QK_BUILD (qk_tanh) (double *y, const double *x, size_t n);

void QK_BUILD (qk_multiply) (double *c, const double *a, const double *b, size_t rows, size_t inner,
                             size_t columns, size_t row, size_t step);
void QK_BUILD (qk_adam) (double *w, double *m, double *v, const double *g, size_t n,
                         const struct qk_adam *adam);

/* The table, in tile.c.  */
extern const struct qk_kernels QK_BUILD (qk_kernels);

#endif
