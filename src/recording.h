/* recording.h -- recorded Q and K, head by head: their components and their scores.

   The files are the whole population, so every function here is a pure function of them, and all
   tiling depends on the shapes alone: the digits do not depend on threads.  Variances divide by the
   number of values less one.  */

#ifndef QK_RECORDING_H
#define QK_RECORDING_H

#include "qk.h"
#include "tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qk_kernels; /* lanes/kernels.h */

struct qk_recording
{
  const struct qk_tensor *q, *k;
  uint64_t heads; /* of Q, over all layers and batches */
  uint64_t queries, keys;
  uint64_t group; /* heads of Q that share a head of K */
  size_t d;
  bool causal;         /* the last query stands at the last key, and none sees a later key */
  double scale;        /* 1/sqrt (d), of the weights */
  size_t strip, chunk; /* queries and keys taken at a time: multiples of QK_LANES */
  uint64_t strips;     /* of a head */
};

/* Match the shapes of Q and K.  0, or -1 and why.  */
int qk_recording_open (struct qk_recording *r, const struct qk_tensor *q, const struct qk_tensor *k,
                       bool causal, char why[static QK_WHY]);

/* Scores of a head whose tokens are all finite.  */
double qk_recording_scores (const struct qk_recording *r);

/* Leading axis a of a tensor is a layer, a batch or a head; NULL: there is none.  index: the place
   on it of matrix number head.  */
const char *qk_recording_axis (uint64_t *index, const struct qk_tensor *t, unsigned a,
                               uint64_t head);

/* "layer 0, head 3, "; "" where there is one matrix only.  */
const char *qk_recording_place (char text[static QK_WHY], const struct qk_tensor *t, uint64_t head);

/* The components of one side of a head, over the tokens whose components are all finite.  */
struct qk_side
{
  double tokens;
  double mean, variance; /* of all components */
  double norm;           /* the largest of a token */
  double nans, infinities;
  double bad_token, bad_component; /* where the first of these is; -1: there are none */
};

/* A head.  NaN: not defined (the variance of one token, the mean of none).  */
struct qk_head
{
  struct qk_side q, k;
  double predicted;      /* Var s for independent components: sum of vq vk + vq mk^2 + vk mq^2 */
  double pooled;         /* the same for i.i.d. ones of the pooled means and variances */
  double key_mean_share; /* |mean k|^2 / mean |k|^2 */
  double shift;          /* mean score of independent q and k, 0 where there is none */
};

/* Scores of a strip of queries with all keys that they see, x = s - shift; sums.  */
struct qk_strip
{
  double pairs, s1, s2;                      /* scores, sums of x and x^2 */
  double rows;                               /* queries that see a key */
  double spread_rows;                        /* ... or two */
  double row_variance;                       /* sum over the latter of the variance over keys */
  double row_square;                         /* sum over them of s2 / (n - 1) */
  double participation, entropy, max_weight; /* sums over rows, of the weights */
  double max_abs;                            /* the largest |s| */
};

/* Bytes of scratch, aligned to QK_ALIGN, for the functions below.  */
size_t qk_recording_head_bytes (const struct qk_recording *r);
size_t qk_recording_strip_bytes (const struct qk_recording *r);

/* 0, or -1 and why: a file cannot be read or has shrunk.  */
int qk_recording_head (struct qk_head *h, const struct qk_recording *r, uint64_t head,
                       void *scratch, char why[static QK_WHY]);

/* Strip index % r->strips of head index / r->strips.  Power sums are taken
   about shift, which costs digits where it is far from the mean score.  */
int qk_recording_strip (struct qk_strip *s, const struct qk_recording *r, uint64_t index,
                        double shift, const struct qk_kernels *kernels, void *scratch,
                        char why[static QK_WHY]);

#endif
