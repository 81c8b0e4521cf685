/* settle.h -- what came out, compared with what the ledger says.  */

#ifndef QK_SETTLE_H
#define QK_SETTLE_H

#include "report.h"

/* What a finding says of a check that expects that verdict of it: QK_HOLDS, it came out so;
   QK_FAILS, it came out the other way, or its interval and its exact value cannot both be right;
   QK_UNDECIDED.  */
enum qk_verdict qk_settle_finding (const struct qk_finding *f, enum qk_verdict expected);

/* Of the findings of a row, those from first on that check number k asks for: the first of them, or
   n_findings.  row->findings are in the order of the outcome.  */
size_t qk_settle_next (const struct qk_plan *plan, const struct qk_outcome *outcome,
                       const struct qk_row *row, size_t k, size_t first);

/* Whether an interval and the exact value beside it cannot both be right.  */
bool qk_settle_strays (const struct qk_finding *f);

/* A row for each that the plan is to settle, in their order.  Owned by the caller
   (qk_settle_free); NULL: out of memory.  */
struct qk_row *qk_settle (const struct qk_plan *plan, const struct qk_outcome *outcome);
void qk_settle_free (struct qk_row *rows, size_t n);

/* Whether a finding does not hold, and settles none of the rows: what --reference adds, say.  */
bool qk_settle_stranger (const struct qk_outcome *outcome, size_t finding,
                         const struct qk_row *rows, size_t n);

/* The verdict of the whole run: fails where a row is contradicted, undecided where one is open or
   the run is cut short, described where none ran.  Findings that no row asks for count as they do
   in a run without rows.  */
enum qk_verdict qk_settle_verdict (const struct qk_outcome *outcome, const struct qk_row *rows,
                                   size_t n);

#endif
