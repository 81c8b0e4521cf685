/* training.h -- one attention layer learns a task: a run, the rates it may use, what no run can do.

   A run is a pure function of what is trained and of its address, and allocates nothing: five
   small tasks, each built so that one mechanism decides.

     table     16 queries and keys, rows of free tables Q, K (16 by d) of N(0, 1); query a wants key
               target (a), a random permutation; s = scale Q K^T or, additive, the sum over i of
               v_i tanh (q_ai + k_bi) with v of N(0, 2 / (d + 1)); p the softmax by rows.
     relation  8 keys y_j on the sphere of radius sqrt (D), D = 16; the query is x = R y_t, R a
               random rotation; s = scale (x W_Q) (y W_K)^T, weights (D by d) of N(0, 1 / D);
               32 fresh examples a step.
     cycle     12 tokens, tables of N(0, 1), scale 1 / sqrt (d); who wants whom says the pattern.
               Separate tables, or shared ones, Q = K; heads > 1: the mean of p over heads.
     heads     8 queries and keys, each query wants m = targets keys at once; tables (8 by 16) of
               N(0, 1) cut into h = heads of 16 / h coordinates, W_V (4 by 16) and W_O (16 by 4 m)
               of N(0, 1 / 16) likewise; scale 1 / sqrt (16 / h); loss as in struct qk_mixture.

     number    16 numbers from -1 to 1, evenly; features F = (x, 1), Q = F W_Q, K = F W_K,
               weights (2 by d) of N(0, 1 / 2); a number wants itself.  Scores as of table.

   Loss: squared, the mean over queries of |p - e_target|^2; or log, of - ln p_target (table and
   cycle).  Accuracy is the share of queries whose target has strictly the largest weight, so that
   ties are not right.

   All in binary64 with + - * / sqrt fma and the functions of lanes/kernels.h, each sum in a fixed
   order: the same bits in every build.  */

#ifndef QK_TRAINING_H
#define QK_TRAINING_H

#include "layer.h"
#include "qk.h"
#include "stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qk_kernels; /* lanes/kernels.h */

enum qk_task
{
  QK_TASK_TABLE,
  QK_TASK_RELATION,
  QK_TASK_CYCLE,
  QK_TASK_HEADS,
  QK_TASK_NUMBER
};

/* Who wants whom among the 12 tokens of task cycle, and who is looked at.  */
enum qk_pattern
{
  QK_PATTERN_CYCLE, /* triples, a -> b -> c -> a; the other two of the triple */
  QK_PATTERN_CHAIN, /* triples, a -> b -> c, c -> b; the other two of the triple */
  QK_PATTERN_PAIRS, /* pairs, a -> b, b -> a; all others */
  QK_PATTERN_SELF   /* a -> a; all */
};

enum
{
  QK_TRAINING_HEADS = 16,   /* most heads; task heads: 1, 2, 4, 8 or 16; cycle: 1 to 16 */
  QK_TRAINING_TARGETS = 4,  /* most targets of a query of task heads */
  QK_TRAINING_WIDTH = 4096, /* largest d */
  QK_TRAINING_TOKENS = 32,  /* no task has more rows in struct qk_trace */
  QK_TRAINING_RATES = 10    /* no grid has more */
};

/* What is trained.  Zero where a task has no use for it.  */
struct qk_training
{
  enum qk_task task;
  enum qk_pattern pattern; /* cycle */
  enum qk_loss loss;       /* table, cycle */
  bool additive;           /* table, number */
  bool shared;             /* cycle */
  size_t heads;            /* cycle, heads; 0: one */
  size_t targets;          /* heads; 0: one */
  size_t d;                /* heads: of no effect, D = 16 */
  double scale;            /* of dot products of table, relation, number: qk_training_scale */
  double shrink;           /* the first Q and K (W_Q and W_K) are divided by it; 0: by nothing */
  enum qk_optimizer optimizer;
  double rate;
  double epsilon; /* of Adam; 0: 1e-8 */
  size_t steps;
  size_t parts; /* heads: what is removed after training, one of so many equal parts of the 16
                   coordinates; a power of two up to 16, at least heads; 0: nothing */
};

/* What a loss that is not finite, and all that would follow, counts as.  */
#define QK_TRAINING_DIVERGED 9.

/* What a run came to.  All values are finite.  Losses are taken before every step, and after the
   last; those of relation from the examples of the step, its last and its accuracy from 512.  */
struct qk_trained
{
  double first, last; /* losses */
  double lowest;      /* of all */
  double area;        /* mean of all but the last */
  double tenth;       /* steps until the loss was below 0.1 first; steps + 1: never */
  double accuracy;    /* after the last step; heads: share of (query, target) for which the weight
                         that reaches it, the trace over heads of p W_V W_O, is strictly largest */
  double gradient[3]; /* before the first step: the .1, .5, .9 quantiles of |dL/dq| over n rows of
                         Q, of relation of W_Q: the ceil (n / 10)-th smallest, ... */
  bool diverged;

  /* heads with parts: the loss with one part of the coordinates of Q, K, W_V, W_O removed, the rest
     as trained, or W_O of the rest fitted anew by least squares; the mean over which one, and the
     worst.  0 without parts.  */
  double removed, removed_worst, refitted, refitted_worst;
};

/* What may be kept of a run besides; each may be NULL.  */
struct qk_trace
{
  double *curve;                     /* (steps + 1) the losses */
  double *first_q, *first_k;         /* (rows by d) before the first step; heads: d = 16 */
  double *last_q, *last_k;           /* after the last */
  size_t target[QK_TRAINING_TOKENS]; /* set: row a of Q wants row target[a] of K */
  size_t rows;                       /* set: qk_training_rows */
};

/* Rows of Q and K in struct qk_trace: 16, of cycle 12, of heads 8; of relation 32, the last
   examples seen: a query and the key that it wants in row a of each.  Of cycle with several heads
   those of the first.  */
size_t qk_training_rows (const struct qk_training *t);

/* Whether it can be run.  0, or -1 and why.  */
int qk_training_check (const struct qk_training *t, char why[static QK_WHY]);

/* Bytes of room, aligned to QK_ALIGN, that a run needs; at most a few megabytes.  */
size_t qk_training_room (const struct qk_training *t);

/* Steps times multiply-adds a step, or their equivalent in time: what a run costs.  */
double qk_training_cost (const struct qk_training *t);

/* Seeds of runs that choose a rate: unit QK_TUNING + i; those that are judged are below it.  */
#define QK_TUNING (UINT64_C (1) << 39)

/* Run.  The numbers depend on seed, unit, task and d, and on nothing else: runs of the same address
   begin with the same tables and see the same examples, whatever scale, score, loss, sharing,
   pattern, heads, optimizer, rate and steps; additive runs draw v besides.  (The targets of task
   heads depend on m; d of heads is 16.)

   t       passes qk_training_check.
   source  of which foreign is used: NULL for numbers by address.
   trace   or NULL.  */
void qk_training_run (struct qk_trained *result, const struct qk_training *t, uint64_t seed,
                      uint64_t unit, const struct qk_kernels *kernels, struct qk_source *source,
                      void *room, struct qk_trace *trace);

/* ---- Rates -----------------------------------------------------------------------------------
 */

/* d^-alpha, of scores: 1 for alpha = 0, 1 / sqrt (d) for 1/2.  Exact roots for multiples of 1/4,
   otherwise within 1e-13 relative; the same bits in every build.  */
double qk_training_scale (size_t d, double alpha, const struct qk_kernels *kernels);

/* How many rates the grid of an optimizer has, and rate i of it: Adam 4^-6 ... 4^0; SGD 4^-3 ...
   4^6 over the scale, so that a scaled arm has those of the unscaled one times sqrt (d).  */
size_t qk_training_rates (enum qk_optimizer optimizer);
double qk_training_rate (enum qk_optimizer optimizer, double scale, size_t i);

/* The rate to take, given the mean of what each came to: of those within some of the best the
   middle one, the lower of two; within 0: the best itself, the lowest of equals.  Values are
   finite.  A choice of 0 or n - 1 is at the edge of the grid.  */
size_t qk_training_choose (const double *mean, size_t n, double within);

/* ---- What no run can do ----------------------------------------------------------------------
 */

/* The lowest loss that any parameters reach (0 where no other is known):

     cycle, one shared head, log loss   ln 2:  the margins of a triple sum to 0; Jensen.
     cycle, several                     ln 1.5:  of a triple a head gets at most 2 of weight right.
     heads                              max (0, 1 - h / m):  over keys, what a query wants has m
   equal singular values, and h heads have rank h (Eckart, Young).

   As a double, rounded to nearest.  */
double qk_training_floor (const struct qk_training *t);

/* The highest accuracy that any parameters reach (1 where no other is known):

     cycle, one shared head             2/3:  a cycle of three strict inequalities.
     table, d = 1                       dot product 2/16: only the largest and the smallest key are
                                        ever the strictly best; additive 1/16: the score rises or
                                        falls with k, whatever q.
     number                             dot product 2/16 at every d: the score is linear in y;
                                        additive 1/16 at d = 1, as above.  */
double qk_training_ceiling (const struct qk_training *t);

#endif
