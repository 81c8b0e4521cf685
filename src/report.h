/* report.h -- a plan or an outcome as text, JSON Lines, CSV or Markdown.  */

#ifndef QK_REPORT_H
#define QK_REPORT_H

#include "claims.h"
#include "engine.h"

#include <stdio.h>

enum qk_confirmed
{
  QK_UNSETTLED, /* null: nothing ran, or literature alone can say */
  QK_OPEN,      /* null: undecided */
  QK_CONFIRMED, /* what came out is what the ledger says */
  QK_CONTRADICTED
};

/* A row of the ledger and, after a run, what came out.  */
struct qk_row
{
  const struct qk_claim *claim;
  enum qk_confirmed confirmed;
  const char *outcome; /* in a word or two, for people: "confirmed", "not run"; NULL: nothing ran */
  const size_t *findings; /* that settle it, by their place in the outcome */
  size_t n_findings;
};

struct qk_report
{
  const struct qk_plan *plan;
  const struct qk_outcome *outcome;
  const struct qk_kernels *kernels;
  int argc;
  char **argv;
  bool color;                /* text only: decided by main */
  const struct qk_row *rows; /* what JSON Lines have between the findings and the end; or NULL */
  size_t n_rows;
};

/* The whole result, in the format that the parameters name.  --quiet shortens the text and nothing
   else: of it only the answer is left.  0, or -1: out of memory, and what was written is void.
   Whether writing succeeded is for the owner of out to ask.  */
int qk_report_write (FILE *out, const struct qk_report *report);

/* The verdict of the run, or of the rows that it settles.  */
enum qk_verdict qk_report_verdict (const struct qk_report *report);

/* --dry-run: cases, statements, samples, memory, expected time; nothing is judged.  outcome is
   NULL.  */
int qk_report_plan (FILE *out, const struct qk_report *report);

/* ---- Its rooms, one for each kind of reader ------------------------------------------------- */

/* report-lines.c: for machines.  outcome NULL: the plan.  */
void qk_report_json (FILE *out, const struct qk_report *report);
void qk_report_csv (FILE *out, const struct qk_report *report);

/* The bytes of the UTF-8 character at text (1 to 4), or 0 where there is none: a stray or missing
   continuation, an overlong form, a surrogate, a value above U+10FFFF.  */
size_t qk_report_character (const char *text);

/* report-text.c, report-plan.c: for people, as text or Markdown.  0, or -1: out of memory.  */
int qk_report_text (FILE *out, const struct qk_report *report);
int qk_report_plan_text (FILE *out, const struct qk_report *report);

/* report-verify.c: rows that a run settles, for people.  0, or -1: out of memory.  */
int qk_report_settled (FILE *out, const struct qk_report *report);

/* report-ledger.c: rows for people, as text or Markdown.  0, or -1: out of memory.  The first is a
   table, the second all there is to say of one.  */
int qk_report_rows (FILE *out, const struct qk_row *rows, size_t n, bool markdown, bool color);
int qk_report_row (FILE *out, const struct qk_row *row, bool markdown, bool color);

/* What `qkcheck claims` prints for people: its rows, in full where operands named them.  */
int qk_report_ledger (FILE *out, const struct qk_report *report);

/* The source of qkcheck-claims(7): the whole ledger.  */
void qk_report_ledger_page (FILE *out);

#endif
