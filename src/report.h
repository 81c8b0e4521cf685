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

/* The whole result, in the format that the parameters name.  */
void qk_report_write (FILE *out, const struct qk_report *report);

/* --dry-run: cases, statements, samples, memory, expected time; nothing was drawn.  outcome is
   NULL.  */
void qk_report_plan (FILE *out, const struct qk_report *report);

#endif
