/* kernels.h -- what must be fast: packed draws, score tiles, their power sums, the softmax of rows.

   One source, compiled once per instruction set; every build gives the same bits.  The face is one
   const table of function pointers, chosen once.  8 doubles are a vector in every build.

   Operand layout (Q or K of b rows by d coordinates, b a multiple of 8).  Rows go in panels of 8,
   coordinates in chunks of QK_DEPTH.  The value of row r, coordinate i, in chunk m = i / QK_DEPTH
   of depth c = min (QK_DEPTH, d - m QK_DEPTH), stands at

     m QK_DEPTH b + ((r / 8) c + i % QK_DEPTH) 8 + r % 8,

   and that is also its position in the stream of its tile: tile t starts at position
   t qk_operand_size (b, d).  So each chunk is one contiguous draw, in the order in which the tile
   kernel reads it.

   Score layout (rows by columns): the score of row r and column j stands at
   ((r / 8) columns + j) 8 + r % 8.  */

#ifndef QK_KERNELS_H
#define QK_KERNELS_H

#include "sampler.h"
#include "stream.h"

#include <math.h>
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

/* The depth of the chunk that begins with coordinate i.  */
static inline size_t
qk_chunk_depth (size_t d, size_t i)
{
  return d - i < QK_DEPTH ? d - i : QK_DEPTH;
}

/* Sums over the scores of a tile or of pairs, x = s - shift.  */
struct qk_score_sums
{
  double s1, s2, s3, s4; /* of x, x^2, x^3, x^4 */
  double abs;            /* of |s| */
  double rows;           /* over rows, of (sum of x over the row)^2; 0 for pairs */
};

/* Sums over the keys of 8 rows of scores, a lane each.  e = e^t, t = scale (s - max).

   z, z2, z3, zt run over all keys but one of those at the maximum, for which e = 1 and t = 0:
   so nothing is lost where one key takes all, and Z = sum of e over all keys is 1 + z.  */
struct qk_row_sums
{
  _Alignas(QK_ALIGN) double max[QK_LANES]; /* the largest score; -INFINITY: no key yet */
  double abs[QK_LANES];                    /* the largest |s| */
  double s1[QK_LANES], s2[QK_LANES];       /* of s - shift, of its square */
  double z[QK_LANES], z2[QK_LANES], z3[QK_LANES], zt[QK_LANES]; /* of e, e^2, e^3, t e */
};

/* No key yet.  */
#define QK_ROW_SUMS_NONE                                                                           \
  {                                                                                                \
    .max                                                                                           \
        = { -INFINITY,                                                                             \
            -INFINITY,                                                                             \
            -INFINITY,                                                                             \
            -INFINITY,                                                                             \
            -INFINITY,                                                                             \
            -INFINITY,                                                                             \
            -INFINITY,                                                                             \
            -INFINITY }                                                                            \
  }

/* From this -t on, e counts as 0; short of it e^3 is not yet subnormal.  */
#define QK_ROW_CUT 236

/* What 8 rows of weights p = softmax (scale s) are like, a lane each.  */
struct qk_row_stats
{
  _Alignas(QK_ALIGN) double top[QK_LANES]; /* the largest p */
  double participation[QK_LANES];          /* sum of p^2 */
  double entropy[QK_LANES];                /* - sum of p ln p */
  double trace[QK_LANES];                  /* of J = diag (p) - p p^T: 1 - sum of p^2 */
  double jacobian[QK_LANES]; /* |J|_F^2 = sum of p^2 - 2 sum of p^3 + (sum of p^2)^2 */
};

/* What a step of Adam needs besides its arrays.  */
struct qk_adam
{
  double beta_1, beta_2, epsilon;
  double step, correction;
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
     start nonzero: begins from 0 instead of s.  q is a chunk of rows rows, k one of columns rows,
     each in operand layout with its own b.  */
  void (*tile) (double *s, const double *q, const double *k, size_t rows, size_t columns, size_t c,
                int start);

  /* s[p] += q_p . k_p for n pairs, n a multiple of 8; operand layout with b = n.  */
  void (*pairs) (double *s, const double *q, const double *k, size_t n, size_t c, int start);

  /* The sums over a b by b tile in score layout.  The order is fixed: for each panel of 8 rows, 8
     lanes from zero over its columns in order, by s1 += x, s2 += x^2 (rounded), s3 = fma (x^2, x,
     s3), s4 = fma (x^2, x^2, s4), abs += |s|; the panels in order into 8 lanes from zero, rows as
     fma (s1, s1, rows); the lanes as ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).  */
  void (*tile_sums) (struct qk_score_sums *sums, const double *s, size_t b, double shift);

  /* The sums over n pairs, n a multiple of 8: one panel of n / 8 columns.  */
  void (*pair_sums) (struct qk_score_sums *sums, const double *s, size_t n, double shift);

  /* Add n keys of 8 rows, a panel of scores: of lane i the first keys[i] <= n, what follows them is
     not looked at.  A row may come in any number of parts, in order; the first finds sums at
     QK_ROW_SUMS_NONE.

     scale   finite, >= 0, the same for all parts; as shift.
     s       finite, below 2^1023.  A NaN or infinity that counts makes s2 NaN or infinite; the
             other sums are then of no use.
     Order   a part's sums from zero over its keys in order, s2 = fma (s - shift, s - shift, s2),
             z3 = fma (e^2 (rounded), e, z3), zt = fma (t, e, zt), the others by +, keys at the
             maximum as a number of ones at the end; then together with what was there, as rows.c
             writes it.  The same bits in every build; other parts may give other bits.
     Error   t: 2 u |t|; e for that t: 1.6 u, u = 2^-53.  With m the longest part, r the parts and S
             the mean of |t| under e over the keys a sum runs over (over all keys, at most ln n):
               z       (m + 4 r + 3 + 2 S) u relative, and n e^-236 from the cut
               z2, z3  2 and 3 times this, with the S of e^2 and e^3
               zt      (m + 5 r + 6) u sum |t| e + 2 u sum t^2 e  */
  void (*row_sums) (struct qk_row_sums *sums, const double *s, size_t n,
                    const size_t keys[QK_LANES], double shift, double scale);

  /* What the sums over all keys say of the weights; a row without keys counts as one of one key.
     All five keep their relative precision where the weights tend to 0 and 1: no 1 - p is taken.
     For exact sums: top 2 u, participation 7 u, entropy 8 u, trace 10 u, jacobian 17 u, relative.
     Z = 1 + z with z the sum over all keys but one, and with z2, z3 likewise
       top 1 / Z, participation (1 + z2) / Z^2, entropy ln (1 + z) - zt / Z,
       trace (2 z + z^2 - z2) / Z^2, jacobian (z^2 + z2 + z2 (z^2 + z2) + 2 (z2 - z3) Z) / Z^4.  */
  void (*row_stats) (struct qk_row_stats *stats, const struct qk_row_sums *sums);

  /* The weights of 8 rows, a panel of scores: p_j = e_j / Z from the sums over all keys, 0 from the
     cut on and for keys that do not count; in score layout, so a panel of weights is also one of an
     operand whose coordinates are the keys.  At most 5 u relative, exact t and Z.  */
  void (*row_weights) (double *p, const double *s, size_t n, const size_t keys[QK_LANES],
                       double scale, const struct qk_row_sums *sums);

  /* Add |J K|_F^2 of 8 rows with n keys each of their own, over c coordinates, to square:

       sum over coordinates of  C - 2 m B + m^2 sum of p^2,
       m = sum of p x,  B = sum of p^2 x,  C = sum of p^2 x^2,  x = k - that of key top[lane].

     J K = p_i (k_i - m) by rows, and does not see a shift; from the key of the largest weight on
     nothing is lost where that takes all.

     p       a panel of weights.
     k       key j of lane i, coordinate a: k[(j c + a) 8 + i], a chunk of an operand.
     Error   (2 n + c + 8) u sum of p^2 (|x| + |m|)^2.  */
  void (*row_gradient) (double square[QK_LANES], const double *p, const double *k, size_t n,
                        size_t c, const size_t top[QK_LANES]);

  /* Add what 8 rows of weights p and as many of weights q, of n keys, have in common: the overlap
     sum p q, and their Jensen-Shannon divergence in nats

       sum over keys of (p + q) / 4 [(1 + x) ln (1 + x) + (1 - x) ln (1 - x)],
       x = |p - q| / (p + q),

     all terms positive; 0 for equal rows, to the bit.

     p, q    panels of weights, >= 0.
     Error   overlap n u relative; divergence (n + 8) u absolute, for sums of weights of 1.
     Order   keys in order, overlap = fma (p, q, overlap).  */
  void (*row_divergence) (double overlap[QK_LANES], double divergence[QK_LANES], const double *p,
                          const double *q, size_t n);

  /* Additive scores of 8 queries with n keys, s_ij = sum over r < h of v_r tanh (a_ir + b_jr).

     s       a panel in score layout.
     a       a panel of projected queries in score layout, units as columns: unit r of query i is
             a[8 r + i].  What tile leaves of Q W^T.
     b       panels of projected keys likewise: unit r of key j is b[(j / 8 h + r) 8 + j % 8].
     v       (h), |v| < 2^800; a, b finite.
     Error   (h / 4 + 10) u sum over r of |v_r tanh (a_ir + b_jr)|, exact sums a + b.
     Order   units by fours, then one by one, as additive.c writes it: the same bits in every
             build.  */
  void (*additive) (double *s, const double *a, const double *b, const double *v, size_t n,
                    size_t h);

  /* y[i] = f (x[i]), n a multiple of 8; y may be x.  The same bits in every build, wherever i
     stands in its array; u = 2^-53.

     exp         Domain  any x but NaN; 0 for x < -708, infinite for x > 708.
                 Error   1.6 u relative.
     log_1_plus  ln (1 + x).
                 Domain  0 <= x < 2^1000.
                 Error   24 u relative (most near 0.06, where 1 + x is rounded), absolute 3 u
                         max (1, ln (1 + x)).
     tanh        Domain  any x but NaN.
                 Error   4 u relative; where 2 x is subnormal 2^-1074.  Odd, bit for bit.  */
  void (*exp) (double *y, const double *x, size_t n);
  void (*log_1_plus) (double *y, const double *x, size_t n);
  void (*tanh) (double *y, const double *x, size_t n);

  /* C = A B, rows by columns, each entry one fma chain from 0 over the inner index in order:

       c[r columns + j] = sum over i < inner of a[r row + i step] b[i columns + j].

     So row = inner, step = 1 for A as it stands by rows, and row = 1, step = rows for the transpose
     of what stands there.

     columns  a multiple of 8;  b, c aligned;  c not a, not b.
     Error    absolute, at most inner u sum of |a b| to first order.  */
  void (*multiply) (double *c, const double *a, const double *b, size_t rows, size_t inner,
                    size_t columns, size_t row, size_t step);

  /* One step of Adam for n parameters w, n a multiple of 8, with gradient g; m and v are the means
     of g and g^2 so far, 0 before the first:

       m = beta_1 m + (1 - beta_1) g,  v = beta_2 v + (1 - beta_2) g^2,
       w = w - (step m) / (sqrt (correction v) + epsilon).

     Source  Kingma, Ba, ICLR 2015: step = rate / (1 - beta_1^t), correction = 1 / (1 - beta_2^t).
     Order   m as fma (beta_1, m, (1 - beta_1) g), v as fma (beta_2, v, ((1 - beta_2) g) g).  */
  void (*adam) (double *w, double *m, double *v, const double *g, size_t n,
                const struct qk_adam *adam);
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
