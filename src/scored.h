/* scored.h -- cases of scores: what the commands that sample q . k share.

   Keys and addresses of the cases, tables of power sums, sizes.  What own points to in such a case
   begins with struct qk_scored.  */

#ifndef QK_SCORED_H
#define QK_SCORED_H

#include "experiment.h"
#include "scores.h"
#include "tiling.h"

struct qk_scored
{
  struct qk_scores scores;
  double shift;        /* power sums are taken about it */
  struct qk_tile tile; /* what the plan has to know of one */
  uint64_t tiles;      /* or batches, a block */
};

/* Columns of the two kinds: means over a block of x, x^2, x^3, x^4, x = s - shift, and of |s|;
   tiles alone: the variance over keys within a row (divisor keys - 1), mean over rows.  */
enum qk_power
{
  QK_MEAN_1,
  QK_MEAN_2,
  QK_MEAN_3,
  QK_MEAN_4,
  QK_MEAN_ABS,
  QK_ROW_VARIANCE
};

extern const struct qk_kind qk_tiles_kind, qk_pairs_kind;

/* What a block of a case draws, and the case of its findings: for twins (replay.h).  */
const struct qk_scores *qk_scored_draws (uint64_t *draws, const struct qk_case *c);
const struct qk_key *qk_scored_key (struct qk_plan *plan, const struct qk_case *c);

/* ---- Plan ------------------------------------------------------------------------------------ */

/* Add the case of that d with the laws of the command line, and set u, its constants, but for what
   size sets; the shift is E s.  Its numbers depend on command, kind, d and laws alone.  */
size_t qk_scored_add (struct qk_plan *plan, const struct qk_kind *kind, enum qk_score_shape shape,
                      double d, struct qk_scored *u);

/* The case of a finding: first, which ends with a key without a name, and then whatever of the laws
   and the correlation is not the default.  */
const struct qk_key *qk_scored_keys (struct qk_plan *plan, const struct qk_key *first);

/* "laplace components, correlation 0.5".  */
void qk_scored_describe (char *text, size_t size, const struct qk_plan *plan);

/* The ends of a list of head dimensions, and the sum of the squared deviations of their logarithms
   from the mean.  */
struct qk_span
{
  double lo, hi, spread;
};

struct qk_span qk_span_of (const struct qk_list *x);

/* The relative variance of the mean of (s - E s)^2 over one tile of side by side; one pair: 1.  */
double qk_scored_square_variance (const void *score, double side);

/* Whether (s - E s)^2 varies at all: products of two signs do not.  */
bool qk_scored_varies (const struct qk_score *s);

/* ---- Size ------------------------------------------------------------------------------------ */

/* Blocks from which t intervals are honest.  */
double qk_scored_honest (const struct qk_scored *u);

/* Give case c its size: that of --samples, or what its judged statements need, need (plan, s, c,
   side) tiles of that side each (pairs: single ones, side = 1), in at least that many blocks; at
   most what --max-samples says, or a few minutes.  Warns of what is cut short, and marks statements
   thin.  */
void qk_scored_size (struct qk_plan *plan, size_t c,
                     double (*need) (const struct qk_plan *plan, const struct qk_statement *s,
                                     size_t c, double side),
                     double least);

/* Set what a tiling says of a case; score: multiply-adds a score, beside the dot product.  */
void qk_scored_set (struct qk_case *c, struct qk_tiling a, double score);

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* The mean of a column of the two kinds.  */
void qk_scored_enclose (struct qk_enclosure *e, const struct qk_scored *u, const struct qk_table *t,
                        enum qk_power column, double miss);

/* The slope, over the cases of s, of the logarithm of E (s - E s)^2 (QK_MEAN_2) or |E s|
   (QK_MEAN_1) against log d.  */
void qk_scored_enclose_slope (struct qk_enclosure *e, const struct qk_plan *plan,
                              const struct qk_statement *s, const struct qk_table *tables,
                              enum qk_power column, double miss);

/* What to say of a finding that fails although the options break nothing.  */
extern const char qk_scored_unbroken[];

#endif
