/* replay.h -- the tool checks itself: one block a case again, by another route.

   Two things are compared.  Dot products, of one corner of a tile: components drawn one by one by
   their address (or from a generator of the GSL seeded anew), summed exactly, against the scores
   that the kernels made.  And statistics: the power sums, rows, shares of the scores of the block
   in MPFR, against those of the kernels; and their sums over the whole block, against the record
   that the block wrote.

   The finding is the number of decimal digits that agree at worst, sum_digits, judged against
   what the proved bounds of these sums promise.  It is -log10 of the largest error, relative to
   the sum of the absolute values of the terms of each sum, at most QK_DIGITS_MOST.  */

#ifndef QK_REPLAY_H
#define QK_REPLAY_H

#include "experiment.h"
#include "scores.h"

/* An error of 2^-53, the rounding of the values compared, is none: -log10 of it.  */
#define QK_DIGITS_MOST 15.954589770191003

/* Values that count as 0 beside this: of sums of exponentials of less than -QK_ROW_CUT.  */
#define QK_REPLAY_LEAST 1e-80

/* The row of a table of quantities.  */
#define QK_SUM_DIGITS                                                                              \
  {                                                                                                \
    "sum_digits", "digits", "digit", QK_COLUMN, "at least those of the proved bound",              \
        "With --reference: decimal digits to which one block of the case agrees with MPFR: "       \
        "scores "                                                                                  \
        "with exact dot products of replayed components, sums and shares with those of the "       \
        "scores."                                                                                  \
        " −log10 of the largest error relative to the sum of absolute terms; 15.95 is exact."    \
  }

/* What a replay finds.  */
struct qk_replay
{
  double worst; /* the largest error so far */
  double spent; /* operations in MPFR so far */
  bool whole;   /* all of the block, whatever it costs */
};

/* Compare a value with its reference; scale >= 0 is the sum of the absolute values of its terms.
   NaN agrees with nothing.  */
void qk_replay_compare (struct qk_replay *r, double value, double reference, double scale);

/* Whether as many more operations (an exponential is QK_REPLAY_EXP) may be spent on statistics; the
   first time always.  */
bool qk_replay_affords (struct qk_replay *r, double operations);

enum
{
  QK_REPLAY_EXP = 16
};

/* n u / (1 - n u), u = 2^-53: what n roundings may come to, relative.  */
double qk_gamma (double n);

/* How a kind is replayed.  */
struct qk_twin
{
  /* What a block of the case draws, and how many times.  */
  const struct qk_scores *(*draws) (uint64_t *draws, const struct qk_case *c);

  /* The case of the finding, the same for kinds that share a line of the report.  */
  const struct qk_key *(*key) (struct qk_plan *plan, const struct qk_case *c);

  /* What the statistics may err, relative to their scales.  */
  double (*bound) (const struct qk_case *c);

  /* Compare the statistics of a block and what it wrote, row: begin once (room for sums over the
     block, NULL: out of memory), add for every draw, end once (which frees).  */
  void *(*begin) (const struct qk_case *c);
  void (*add) (void *sums, struct qk_replay *r, const struct qk_case *c, uint64_t t,
               const double *s, const double *row, struct qk_work *work);
  void (*end) (void *sums, struct qk_replay *r, const struct qk_case *c, const double *row);
};

extern const struct qk_kind qk_replay_kind;

/* Whether the finding is one of a replay.  */
bool qk_replay_speaks (const struct qk_plan *plan, const struct qk_statement *s);

/* Whether --quantity asks for sum_digits by name: then all cases are replayed, also those that no
   other statement asks about.  */
bool qk_replay_named (const struct qk_plan *plan);

/* Whether some kind of the command has a twin.  */
bool qk_replay_knows (const struct qk_experiment *experiment);

/* The plan is sized: where the options ask for it, add for every case whose kind has a twin a case
   that replays its block 0, and the statements.  */
void qk_replay_plan (struct qk_plan *plan);

/* The same for the cases of any sized plan that lives as long, this one or another; whole: all of a
   block, not a corner.  Returns how many there are.  */
size_t qk_replay_all (struct qk_plan *plan, const struct qk_plan *of, bool whole);

void qk_replay_enclose (struct qk_enclosure *e, const struct qk_statement *s,
                        const struct qk_table *tables);

bool qk_replay_explain (char *text, size_t size, const struct qk_statement *s,
                        const struct qk_enclosure *e, enum qk_verdict verdict);

#endif
