/* layer.h -- one attention layer forward and backward, and the optimizers: parameters in, loss and
   gradient out.

   Tables stand by coordinates: row i has coordinate i of all n tokens, in qk_layer_width (n)
   columns, of which those beyond n are 0, and have gradient 0.  Arrays of doubles are aligned to
   QK_ALIGN. With ds = dL/ds, by queries and keys, and c the scale, s = c Q^T K:

     softmax      ds = p o (g - <g, p>) for g = dL/dp
     squared      the mean over queries of |p - e|^2:  g = 2 (p - e) / n
     log          the mean over queries of - ln p_target:  ds = (p - e) / n
     dot product  dQ = c K ds^T, dK = c Q ds; shared, Q = K:  dQ = c Q (ds + ds^T)
     additive     t = tanh (q_ia + k_ib), s = sum of v_i t:  u = ds_ab v_i (1 - t^2) is added to
                  dQ_ia and to dK_ib, ds_ab t to dv_i

   Sums of products are fma chains in order (multiply in lanes/kernels.h); where rows are added up,
   eight partial sums in a fixed order: the same bits in every build.  */

#ifndef QK_LAYER_H
#define QK_LAYER_H

#include <stdbool.h>
#include <stddef.h>

struct qk_kernels; /* lanes/kernels.h */

enum qk_loss
{
  QK_LOSS_SQUARED,
  QK_LOSS_LOG
};

/* n rounded up to a multiple of 8.  */
size_t qk_layer_width (size_t n);

/* ---- Tables ----------------------------------------------------------------------------------
 */

/* n queries and n keys as tables of d coordinates.  Several heads: the mean of p over heads, each
   with tables of its own.

   Parameters, w = qk_layer_width (n):  for each head Q (d by w) and, unless shared, K (d by w);
   additive: then v (d, and zeros up to a multiple of 8).  */
struct qk_layer
{
  size_t n, d, heads;
  bool additive, shared; /* not both */
  enum qk_loss loss;
  double scale;         /* additive: 1 */
  const size_t *target; /* (n) the key that a query wants */
  const bool *hidden;   /* (n by n) what a query does not look at; NULL: it looks at all */
};

/* What a pass leaves in its room: (heads by n by w) each, 0 beyond n and where hidden (but s).  */
struct qk_layer_view
{
  double *s, *p, *ds;
};

size_t qk_layer_parameters (const struct qk_layer *layer); /* doubles, a multiple of 8 */
size_t qk_layer_room (const struct qk_layer *layer);       /* doubles, the same */
struct qk_layer_view qk_layer_view (const struct qk_layer *layer, double *room);

/* Forward and backward.  0; or -1, and nothing of use, where a score or the loss is not finite, or
   all of several heads give a target less than e^-693 and the loss is the log.

   gradient  as parameters; NULL: forward alone.
   accuracy  set to the share of queries whose target has strictly the largest score, of several
             heads strictly the largest weight; or NULL.  */
int qk_layer_pass (double *loss, double *gradient, double *accuracy, const double *parameters,
                   const struct qk_layer *layer, const struct qk_kernels *kernels, double *room);

/* ---- Examples --------------------------------------------------------------------------------
 */

/* Queries x with keys y of their own, s = scale (x W_Q) (y W_K)^T, squared error, one head.

   Parameters  W_Q, W_K by coordinates (d by D each), D a multiple of 8.  */
struct qk_examples
{
  size_t count, keys, D, d; /* keys a multiple of 8 */
  double scale;
  const double *x;      /* (count by D) */
  const double *y;      /* (count by D by keys) */
  const size_t *target; /* (count) */
};

size_t qk_examples_room (const struct qk_examples *e);

/* As qk_layer_pass.  */
int qk_examples_pass (double *loss, double *gradient, double *accuracy, const double *parameters,
                      const struct qk_examples *e, const struct qk_kernels *kernels, double *room);

/* ---- Heads with values -----------------------------------------------------------------------
 */

/* n queries that want m keys each, and of each the value, r numbers:

     loss = 1 / (n m r) sum over a, i of |sum over heads of p_a (x) W_V W_O,i - e_t(a,i) (x) I|_F^2,

   heads of D / heads coordinates each, scale 1 / sqrt (D / heads).

   Parameters, w and z the widths of n and of m r:  Q, K (D by w), W_V^T (D by the width of r),
   W_O (D by z): column i r + j of W_O is column j of W_O,i.  */
struct qk_mixture
{
  size_t n, D, heads, r, m; /* heads divides D */
  const size_t *target;     /* (n by m) */
};

size_t qk_mixture_parameters (const struct qk_mixture *mixture);
size_t qk_mixture_room (const struct qk_mixture *mixture);

/* The weights (heads by n by w) that a pass leaves in its room.  */
const double *qk_mixture_weights (const struct qk_mixture *mixture, const double *room);

/* As qk_layer_pass; accuracy: the share of (query, target) for which the weight that comes from a
   key, the trace over heads of p_ab W_V W_O,i, is strictly largest at the target.  */
int qk_mixture_pass (double *loss, double *gradient, double *accuracy, const double *parameters,
                     const struct qk_mixture *mixture, const struct qk_kernels *kernels,
                     double *room);

/* Set coordinates [first, first + count) of all parameters to 0: those of a head, it is removed. */
void qk_mixture_remove (double *parameters, const struct qk_mixture *mixture, size_t first,
                        size_t count);

enum
{
  QK_MIXTURE_MOST = 64 /* coordinates of qk_mixture_refit */
};

/* Fit W_O anew by least squares to the weights of the last pass in room and to W_V: the normal
   equations by elimination, with pivots down to 1e-12 of the first; coordinates that add nothing to
   others get 0.  D <= QK_MIXTURE_MOST; scratch of qk_mixture_room doubles.  */
void qk_mixture_refit (double *parameters, const struct qk_mixture *mixture, const double *room,
                       double *scratch);

/* ---- Optimizers ------------------------------------------------------------------------------
 */

enum qk_optimizer
{
  QK_SGD,
  QK_ADAM /* .9, .999, bias correction */
};

struct qk_descent
{
  enum qk_optimizer optimizer;
  double rate, epsilon;
  double power_1, power_2; /* beta^t so far; 1 before the first step */
  double *m, *v;           /* of Adam; (n) each, 0 before the first step */
};

/* One step down the gradient of n parameters, n a multiple of 8: SGD w - rate g, or Adam as in
   lanes/kernels.h.  */
void qk_descent_step (double *w, const double *g, size_t n, struct qk_descent *descent,
                      const struct qk_kernels *kernels);

#endif
