/* weights.h -- rows of softmax weights: what the commands that sample them share.

   A row is p = softmax (c s) over the scores s of one query with n keys.  Its case is a head
   dimension d and a scale c, or a deviation sigma of scores that are drawn themselves; and n.

   Tiles, where queries share keys, are cheap: their rows are not independent, so a block pools many
   and is the unit.  Queries with keys of their own are independent, and dearer.  */

#ifndef QK_WEIGHTS_H
#define QK_WEIGHTS_H

#include "experiment.h"
#include "scores.h"
#include "softmax_theory.h"

/* What stands in the list of --scale for a word; above 0, the scale itself.  */
enum
{
  QK_SCALE_NONE = -1, /* c = 1 */
  QK_SCALE_SQRT = -2, /* 1 / sqrt (d) */
  QK_SCALE_DK = -3    /* 1 / d */
};

extern const char *const qk_weights_scales[];

/* Rows of options.  */

#define QK_OPTION_KEYS(list)                                                                       \
  {                                                                                                \
    .name = "keys", .type = QK_INTEGERS, .offset = offsetof (struct qk_params, keys),              \
    .metavar = "LIST", .standard = list, .lo = 2, .hi = 16384, .help = "Numbers of keys n."        \
  }
#define QK_OPTION_SCALE                                                                            \
  {                                                                                                \
    .name = "scale", .type = QK_WORDS, .offset = offsetof (struct qk_params, scale),               \
    .metavar = "LIST", .standard = "none,sqrt", .lo = 0.0001, .hi = 1024,                          \
    .choices = qk_weights_scales,                                                                  \
    .help = "What multiplies the scores: none (1), sqrt (1/√d_k), dk (1/d_k), or a number."      \
  }
#define QK_OPTION_SIGMA                                                                            \
  {                                                                                                \
    .name = "sigma", .type = QK_REALS, .offset = offsetof (struct qk_params, sigma),               \
    .metavar = "LIST", .shown = "scores are those of --dk and --scale", .lo = 0.001, .hi = 1024,   \
    .help = "In place of --dk and --scale: n independent normal scores of this deviation."         \
  }
#define QK_OPTION_EXACT                                                                            \
  {                                                                                                \
    .name = "exact", .type = QK_FLAG, .offset = offsetof (struct qk_params, exact),                \
    .help = "Sample nothing: exact values alone, of these quantities and of others."               \
  }

struct qk_weights
{
  struct qk_score law; /* of one score; d = 0: drawn itself, standard normal */
  double scale;        /* as in the list of --scale; 0: sigma */
  double c;            /* what a score is multiplied by; where it is drawn itself, sigma */
  struct qk_softmax_rows rows;
};

/* The rows that the command line asks for, number i of qk_weights_count: by keys, then by scale,
   then by d (or by sigma).  0, or -1 and why: options that do not go together.  */
int qk_weights_check (const struct qk_params *p, char why[static QK_WHY]);
size_t qk_weights_count (const struct qk_params *p);
void qk_weights_at (struct qk_weights *w, const struct qk_params *p, size_t i);

/* The deviation of a row's scores, at the root mean square of the norm of the query: 0.5 is flat,
   sqrt (2 ln n) freezes.  */
double qk_weights_sigma (const struct qk_weights *w);

/* Exact moments over queries and keys; all NAN where none are known: keys that are not normal, or
   queries that are neither normal with mean 0 nor signs.  0.01 to 0.1 s.  */
void qk_weights_exact (struct qk_softmax_moments *m, const struct qk_weights *w);

/* The same rows for components of mean 0 and variance 1, which the claims speak of.  */
struct qk_weights qk_weights_standard (const struct qk_weights *w);

/* The exact moments; those that the claims speak of; and what plans go by where none are exact:
   those of rows of independent normal scores of the same deviation.  */
void qk_weights_known (struct qk_softmax_moments *exact, struct qk_softmax_moments *claimed,
                       struct qk_softmax_moments *predicted, const struct qk_weights *w);

/* The case of a finding: d_k and scale, or sigma; keys; the mask; laws that are not normal.  */
const struct qk_key *qk_weights_keys (struct qk_plan *plan, const struct qk_weights *w);

/* "d_k=64 scale=sqrt keys=64": what tells these rows from others of the run.  */
void qk_weights_label (char *text, size_t size, const struct qk_weights *w);

/* Add a case of that kind; its numbers depend on command, kind, w and the laws alone.  */
size_t qk_weights_case (struct qk_plan *plan, const struct qk_kind *kind,
                        const struct qk_weights *w, void *own);

/* ---- Draws ----------------------------------------------------------------------------------- */

/* What own points to in a case begins with this.  Set by size but for w.  */
struct qk_weights_draws
{
  struct qk_weights w;
  struct qk_scores scores; /* of one draw */
  uint64_t draws;          /* a block */
};

/* How many keys count in each of the 8 rows of panel i of draw t.  Returns how many of these rows,
   the first ones, count.  Causal rows come with 1, 2, ... keys in turn; a block has whole turns. */
unsigned qk_weights_panel (size_t keys[static QK_LANES], const struct qk_weights_draws *u,
                           uint64_t t, size_t i);

/* What a block draws, and the case of its findings: for twins (replay.h).  */
const struct qk_scores *qk_weights_replayed (uint64_t *draws, const struct qk_case *c);
const struct qk_key *qk_weights_key (struct qk_plan *plan, const struct qk_case *c);

/* What may be wrong with sums over the keys of a row, relative, and with a weight (rows.c, by
   kernels.h: n additions, and what the arguments of exp are off by, at most 2 u of QK_ROW_CUT each,
   once for the exponential and once for the weights of the mean).  */
double qk_weights_row_bound (double keys);

/* The bound of what struct qk_row_stats has, of a row and of a mean over rows of them.  */
double qk_weights_stats_bound (double keys, double rows);

/* Give case c its size where queries share keys (or sigma is given): draws of the side, the number
   of queries that share keys, at which all costs least; at least QK_MIN_BLOCKS blocks.

   need   As many independent rows as the statements need; --samples takes its place.
   pool   As many independent rows as make the mean over a block normal enough for t.
   row    Multiply-adds a score, beside the dot product.

   Rows that share keys count for fewer: their correlation is at most 1/d, for the angle of two
   queries has mean square cosine 1/d, and enters in even powers alone (normal keys; about so for
   others).  Warns of what is cut short, and marks statements thin.  */
void qk_weights_size (struct qk_plan *plan, size_t c, double need, double pool, double row);

/* The same where every query has keys of its own.  */
void qk_weights_size_own (struct qk_plan *plan, size_t c, double need, double row);

#endif
