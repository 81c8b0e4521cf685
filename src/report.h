/* report.h -- a plan or an outcome as text, JSON Lines, CSV or Markdown.  */

#ifndef QK_REPORT_H
#define QK_REPORT_H

#include "engine.h"

#include <stdio.h>

struct qk_report
{
  const struct qk_plan *plan;
  const struct qk_outcome *outcome;
  const struct qk_kernels *kernels;
  int argc;
  char **argv;
  bool color; /* text only: decided by main */
};

/* The whole result, in the format that the parameters name.  --quiet shortens the text and nothing
   else: of it only the answer is left.  0, or -1: out of memory, and what was written is void.
   Whether writing succeeded is for the owner of out to ask.  */
int qk_report_write (FILE *out, const struct qk_report *report);

/* --dry-run: cases, statements, samples, memory, expected time; nothing is judged.  outcome is
   NULL.  */
int qk_report_plan (FILE *out, const struct qk_report *report);

/* ---- Its rooms, one for each kind of reader ------------------------------------------------- */

/* report-lines.c: for machines.  outcome NULL: the plan.  */
void qk_report_json (FILE *out, const struct qk_report *report);
void qk_report_csv (FILE *out, const struct qk_report *report);

/* report-text.c, report-plan.c: for people, as text or Markdown.  0, or -1: out of memory.  */
int qk_report_text (FILE *out, const struct qk_report *report);
int qk_report_plan_text (FILE *out, const struct qk_report *report);

#endif
