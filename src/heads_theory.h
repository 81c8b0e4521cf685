/* heads_theory.h -- exact values of attention in several heads: counts, variances, ranks.

   h heads of d columns each for queries and keys, and values of D / h, so that W_Q and W_K are D by
   h d in all, W_V and W_O D by D.  d is D / h unless it is asked for otherwise.  */

#ifndef QK_HEADS_THEORY_H
#define QK_HEADS_THEORY_H

#include <stdbool.h>

struct qk_heads
{
  double n, D, h, d; /* tokens, model dimension, heads (h divides D), columns of W_Q of a head */
  double layers;     /* attention blocks; counts are of all of them */
};

/* Whether h divides D.  */
bool qk_heads_divide (double D, double h);

/* Exact whole numbers, NAN beyond 2^53.  A multiply-add is two operations.  d = D / h:

     parameters  4 D^2: 3 D^2 of W_Q, W_K, W_V and D^2 of W_O;  biases  4 D
     operations  8 n D^2 + 4 n^2 D, for every h;  softmax  5 h n^2, which grows

   and else 2 D^2 + 2 D h d, 2 D + 2 h d, 4 n D^2 + 4 n D h d + 2 n^2 D + 2 n^2 h d.  5 operations a
   score: scale, maximum, exponential, sum, division.  */
double qk_heads_parameters (const struct qk_heads *s);
double qk_heads_biases (const struct qk_heads *s);
double qk_heads_operations (const struct qk_heads *s);
double qk_heads_softmax_operations (const struct qk_heads *s);

/* How W_Q and W_K are initialised; the variance w of their entries.  */
enum qk_head_init
{
  QK_INIT_UNIT,   /* 1 / D */
  QK_INIT_XAVIER, /* of each head, 2 / (D + d) (Glorot, Bengio, AISTATS 2010) */
  QK_INIT_PACKED, /* of W_Q, W_K and W_V of all heads as one matrix, 2 / (2 D + 2 h d); d = D / h: 1
                     / (2 D) */
  QK_INIT_LINEAR  /* 1 / (3 D): uniform within 1 / sqrt (D) */
};

double qk_heads_weight_variance (enum qk_head_init init, const struct qk_heads *s);

/* The variance of a score of two tokens, d w^2 (E |x|^2)^2, of components of second moment square:
   W_Q^T x and W_K^T y are uncorrelated given x and y, of variance w |x|^2 and w |y|^2 a
   coordinate.  d (2 h / (h + 1))^2, d / 4, d / 9 for d = D / h.  */
double qk_heads_score_variance (enum qk_head_init init, const struct qk_heads *s, double square);

/* The rank of the scores of a head, and of the logarithms of its weights less their means over each
   row: almost surely, for tokens of continuous law.  A positive pattern may need n - 1.  */
double qk_heads_score_rank (const struct qk_heads *s);
double qk_heads_pattern_rank (const struct qk_heads *s);

/* What any readout of one head, or of two, loses of the values of two keys of n >= 2, mean of the
   two squared distances of qk_weights_loss:

     one  scores g for both keys, 0 for the others: 1 - 1 / (2 + (n - 2) e^(-2 g)); at least 1/2 for
          any scores
     two  scores g for a key each: b^2 / (2 b^2 + (a + c)^2), a = p_1 and c = p_2 the weights on the
          key and on another, b = c sqrt (n - 2)

   g = ln ((n - 1) / eps): each of two heads has weight 1 / (1 + eps) >= 1 - eps on its key.  */
double qk_heads_mixture (double heads, double n, double eps);

#endif
