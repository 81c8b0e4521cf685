/* engine.h -- plan to tables to findings; the only room with threads and clocks.  */

#ifndef QK_ENGINE_H
#define QK_ENGINE_H

#include "experiment.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct qk_finding
{
  const struct qk_statement *statement;
  struct qk_enclosure enclosure; /* NaN ends: no honest interval */
  enum qk_verdict verdict;
  double samples;        /* units behind it, over all its cases */
  double blocks;         /* rows behind it */
  double samples_needed; /* undecided: units that would decide, or NAN */
};

struct qk_outcome
{
  struct qk_finding *findings; /* in the order of the plan */
  size_t n_findings;
  const char **warnings; /* those of the plan, then those of the run */
  size_t n_warnings;
  char note[QK_WHY]; /* one of them */
  bool complete;
  int signal; /* that interrupted it, or 0 */
  double elapsed;
  double started; /* seconds since 1970 */
  int threads;
  const char *isa;
  struct qk_table *tables; /* one per case of the plan */
  size_t n_tables;
};

/* What main lends the engine: where progress goes, and whether to stop.  */
struct qk_watch
{
  /* Called a few times a second from the calling thread: share done of this round, seconds left. */
  void (*progress) (void *closure, unsigned round, double share, double left);
  void *closure;
  const atomic_int *signal; /* nonzero: finish the blocks in hand and stop; or NULL */
};

/* Split the error budget, size the cases.  0, or -1 and why.  */
int qk_engine_prepare (struct qk_plan *plan, char why[static QK_WHY]);

/* Sample every case, in rounds, and judge.  0, or -1 and why (out of memory, a NaN).  */
int qk_engine_run (struct qk_outcome *outcome, const struct qk_plan *plan,
                   const struct qk_kernels *kernels, const struct qk_watch *watch,
                   char why[static QK_WHY]);

/* The outcome of a plan that measures nothing.  */
void qk_engine_rest (struct qk_outcome *outcome, const struct qk_plan *plan);

/* The verdict of a whole run: fails over undecided over holds; described where nothing was to be
   judged.  A statement with too few samples to be judged leaves the run undecided, and so does an
   empty set.  */
enum qk_verdict qk_outcome_verdict (const struct qk_outcome *outcome);

/* The files of --dump, after a run.  0, or -1 and why.  */
int qk_engine_dump (const struct qk_plan *plan, const struct qk_outcome *outcome,
                    const struct qk_kernels *kernels, const struct qk_keeper *keeper,
                    char why[static QK_WHY]);

/* For --dry-run.  */
double qk_engine_memory (const struct qk_plan *plan);
double qk_engine_seconds (const struct qk_plan *plan, const struct qk_kernels *kernels);
int qk_engine_threads (const struct qk_params *params);

void qk_outcome_free (struct qk_outcome *outcome);

#endif
