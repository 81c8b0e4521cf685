/* report.c -- which room writes which format.  */

#include "report.h"
#include "settle.h"

static int
write_as (FILE *out, const struct qk_report *report,
          int (*for_people) (FILE *out, const struct qk_report *report))
{
  switch ((enum qk_format)report->plan->params->format)
    {
    case QK_JSON:
      qk_report_json (out, report);
      return 0;
    case QK_CSV:
      qk_report_csv (out, report);
      return 0;
    default:
      return for_people (out, report);
    }
}

enum qk_verdict
qk_report_verdict (const struct qk_report *report)
{
  if (report->rows)
    return qk_settle_verdict (report->outcome, report->rows, report->n_rows);
  return qk_outcome_verdict (report->outcome);
}

int
qk_report_write (FILE *out, const struct qk_report *report)
{
  return write_as (out, report,
                   report->plan->experiment->prints ? qk_report_ledger
                   : report->rows                   ? qk_report_settled
                                                    : qk_report_text);
}

int
qk_report_plan (FILE *out, const struct qk_report *report)
{
  return write_as (out, report, qk_report_plan_text);
}
