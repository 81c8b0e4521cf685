/* settle.c -- what came out, compared with what the ledger says.  */

#include "settle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far beyond the end of its interval, in half-widths, an exact value contradicts it.  An
   interval misses with the probability that the run states, so one just missed says little; the
   tail of a normal law at the usual 4 to 5 standard errors falls a hundredfold in a quarter more.
 */
static const double STRAY = 0.25;

/* What is computed, not sampled, agrees with its exact value but for rounding: of the exact value,
   relative, for its own is in the enclosure.  */
static const double ROUNDING = 1e-9;

bool
qk_settle_strays (const struct qk_finding *f)
{
  struct qk_enclosure e = f->enclosure;
  double exact = f->statement->exact;
  if (f->statement->method == QK_BY_EXACT || f->statement->method == QK_BY_ROUNDING)
    return exact > e.hi + ROUNDING * fabs (exact) || exact < e.lo - ROUNDING * fabs (exact);
  return qk_statement_sampled (f->statement)
         && (exact > e.hi + STRAY * (e.hi - e.estimate)
             || exact < e.lo - STRAY * (e.estimate - e.lo));
}

enum qk_verdict
qk_settle_finding (const struct qk_finding *f, enum qk_verdict expected)
{
  if (qk_settle_strays (f))
    return QK_FAILS;
  if (f->verdict == expected)
    return QK_HOLDS;
  return f->verdict == QK_HOLDS || f->verdict == QK_FAILS ? QK_FAILS : QK_UNDECIDED;
}

/* Whether a statement is one that check k of a row asks for.  A counterexample settles the row that
   it is to, whichever others ask the same command line.  */
static bool
answers (const struct qk_plan *plan, const struct qk_statement *s, const struct qk_asked *asked,
         size_t k)
{
  const char *quantity = asked->claim->checks[k].quantity;
  return asked->part && s->of == asked->part[k]
         && !strcmp (qk_statement_quantity (plan, s)->name, quantity)
         && (strcmp (quantity, "counterexample") || !strcmp (s->claim, asked->claim->id));
}

static const struct qk_asked *
asked_of (const struct qk_plan *plan, const struct qk_claim *claim)
{
  const struct qk_asked *a = plan->asked;
  while (a->claim != claim)
    a++;
  return a;
}

size_t
qk_settle_next (const struct qk_plan *plan, const struct qk_outcome *outcome,
                const struct qk_row *row, size_t k, size_t first)
{
  const struct qk_asked *asked = asked_of (plan, row->claim);
  while (first < row->n_findings
         && !answers (plan, outcome->findings[row->findings[first]].statement, asked, k))
    first++;
  return first;
}

/* What one check comes to: every statement it asks for must have a finding, and there must be one.
 */
static enum qk_verdict
check_verdict (const struct qk_plan *plan, const struct qk_outcome *outcome,
               const struct qk_row *row, size_t k)
{
  const struct qk_asked *asked = asked_of (plan, row->claim);
  size_t wanted = 0, found = 0;
  bool open = false;
  for (size_t i = 0; i < plan->n_statements; i++)
    wanted += answers (plan, &plan->statements[i], asked, k);
  for (size_t i = 0; (i = qk_settle_next (plan, outcome, row, k, i)) < row->n_findings; i++)
    {
      enum qk_verdict v
          = qk_settle_finding (&outcome->findings[row->findings[i]], row->claim->checks[k].verdict);
      if (v == QK_FAILS)
        return QK_FAILS;
      open |= v == QK_UNDECIDED;
      found++;
    }
  return open || !found || found < wanted ? QK_UNDECIDED : QK_HOLDS;
}

/* Set the findings of a row.  0, or -1: out of memory.  */
static int
gather (struct qk_row *row, const struct qk_plan *plan, const struct qk_outcome *outcome,
        const struct qk_asked *asked)
{
  size_t *finding = calloc (outcome->n_findings + 1, sizeof *finding);
  row->findings = finding;
  for (size_t i = 0; finding && i < outcome->n_findings; i++)
    {
      bool settles = false;
      for (size_t k = 0; asked->claim->checks[k].command; k++)
        settles |= answers (plan, outcome->findings[i].statement, asked, k);
      if (settles)
        finding[row->n_findings++] = i;
    }
  return finding ? 0 : -1;
}

static void
decide (struct qk_row *row, const struct qk_plan *plan, const struct qk_outcome *outcome)
{
  row->confirmed = QK_CONFIRMED;
  for (size_t k = 0; row->claim->checks[k].command && row->confirmed != QK_CONTRADICTED; k++)
    {
      enum qk_verdict v = check_verdict (plan, outcome, row, k);
      if (v != QK_HOLDS)
        row->confirmed = v == QK_FAILS ? QK_CONTRADICTED : QK_OPEN;
    }
  row->outcome = row->confirmed == QK_CONFIRMED      ? "confirmed"
                 : row->confirmed == QK_CONTRADICTED ? "contradicted"
                                                     : "undecided";
}

struct qk_row *
qk_settle (const struct qk_plan *plan, const struct qk_outcome *outcome)
{
  struct qk_row *rows = calloc (plan->n_asked + 1, sizeof *rows);
  for (size_t i = 0; rows && i < plan->n_asked; i++)
    {
      const struct qk_asked *asked = &plan->asked[i];
      rows[i].claim = asked->claim;
      if (gather (&rows[i], plan, outcome, asked))
        {
          qk_settle_free (rows, plan->n_asked);
          return NULL;
        }
      if (asked->part)
        decide (&rows[i], plan, outcome);
      else
        rows[i].outcome = qk_claim_published (asked->claim) ? "published" : "not run";
    }
  return rows;
}

void
qk_settle_free (struct qk_row *rows, size_t n)
{
  for (size_t i = 0; rows && i < n; i++)
    free ((size_t *)rows[i].findings);
  free (rows);
}

bool
qk_settle_stranger (const struct qk_outcome *outcome, size_t finding, const struct qk_row *rows,
                    size_t n)
{
  enum qk_verdict v = outcome->findings[finding].verdict;
  if (v != QK_FAILS && v != QK_UNDECIDED)
    return false;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < rows[i].n_findings; j++)
      if (rows[i].findings[j] == finding)
        return false;
  return true;
}

enum qk_verdict
qk_settle_verdict (const struct qk_outcome *outcome, const struct qk_row *rows, size_t n)
{
  bool confirmed = false, open = !outcome->complete, contradicted = false;
  for (size_t i = 0; i < n; i++)
    {
      confirmed |= rows[i].confirmed == QK_CONFIRMED;
      open |= rows[i].confirmed == QK_OPEN;
      contradicted |= rows[i].confirmed == QK_CONTRADICTED;
    }
  for (size_t i = 0; i < outcome->n_findings; i++)
    if (qk_settle_stranger (outcome, i, rows, n))
      *(outcome->findings[i].verdict == QK_FAILS ? &contradicted : &open) = true;
  return contradicted ? QK_FAILS : open ? QK_UNDECIDED : confirmed ? QK_HOLDS : QK_DESCRIBED;
}
