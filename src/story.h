/* story.h -- what reports for people, pictures and pages are made of.  */

#ifndef QK_STORY_H
#define QK_STORY_H

#include "figure.h"
#include "grid.h"
#include "report.h"

/* ---- Words --------------------------------------------------------------------------------- */

enum
{
  QK_SENTENCE = 2048 /* bytes */
};

struct qk_sentence
{
  char text[QK_SENTENCE];
};

void qk_sentence_add (struct qk_sentence *s, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* The value of one member of a case: "64", "1 to 4096".  */
void qk_sentence_key (struct qk_sentence *s, const struct qk_key *key);

/* "d_k = 64, keys = 8": all of a case.  */
struct qk_sentence qk_sentence_keys (const struct qk_key *key);

/* ---- The story ----------------------------------------------------------------------------- */

/* What is told, and where to.  One without a plan has words and grids, and nothing to find.  */
struct qk_story
{
  FILE *out;
  const struct qk_report *report;
  const struct qk_plan *plan;
  const struct qk_finding *found;
  size_t n;
  bool markdown, color;
  bool roff; /* the source of a manual page: rows of the ledger only */

  bool judged;   /* whether anything is */
  size_t shown;  /* rows of the table that are printed */
  size_t rows;   /* cases that findings share */
  size_t *row;   /* of each finding; of no meaning where it has a line of its own */
  size_t *first; /* finding that names the row */
};

struct qk_story qk_story_open (FILE *out, const struct qk_report *report);

/* A paragraph; its lead may be painted, and is set off by a space.  */
void qk_story_say (const struct qk_story *t, const char *lead, const char *color, const char *text,
                   size_t indent);

void qk_story_grid (const struct qk_story *t, const struct qk_grid *g);

/* "normal components, tolerance 1 %, 99.9 % confidence over all 92 intervals".  */
struct qk_sentence qk_story_setting (const struct qk_plan *plan);

/* "Yes", "No", "Undecided", "Described".  */
const char *qk_story_word (enum qk_verdict verdict);

/* The first lines: what is asked, the answer in a word, and under it the setting.  */
void qk_story_question (const struct qk_story *t, const struct qk_sentence *under);

/* Markdown: the command line, so that whoever reads the table can ask again.  */
void qk_story_command (const struct qk_story *t);

/* Warnings; blank: an empty line before them.  */
void qk_story_warnings (const struct qk_story *t, const char *const *warning, size_t n, bool blank);

/* ---- Rows: findings of one case ------------------------------------------------------------- */

const struct qk_quantity *qk_story_quantity (const struct qk_story *t, size_t finding);

/* Rows in the order of their first finding.  There may be many thousands.  false: out of memory. */
bool qk_story_rows (struct qk_story *t);

/* Whether a finding stands on a line of its own below the table.  */
bool qk_story_has_line (const struct qk_story *t, size_t finding);

/* Whether a quantity is a detail that nobody asked for.  */
bool qk_story_is_silent (const struct qk_story *t, const struct qk_quantity *q);

/* Whether a finding is not worth its place: nobody asked for it, and it does not fail.  */
bool qk_story_is_aside (const struct qk_story *t, size_t finding);

/* Rounding alone, and too little of it to touch a digit: nothing is gained by showing it.  */
bool qk_story_is_sharp (const struct qk_finding *found);

/* A member of the case of a row; NULL: it has none of that name.  */
const struct qk_key *qk_story_key (const struct qk_story *t, size_t row, const char *name);

/* Whether the rows differ in a member.  */
bool qk_story_varies (const struct qk_story *t, const char *name);

/* "d_k = 64": the first member of a case and those in which rows, or the findings listed, differ.
   A list tells nothing from anything.  */
struct qk_sentence qk_story_case (const struct qk_story *t, const struct qk_key *key,
                                  const size_t *listed, size_t n);

/* Whether a quantity has the same exact value in every row, and which.  */
bool qk_story_constant (const struct qk_story *t, size_t quantity, double *exact);

/* ---- report-table.c: findings as tables, to be closed by the caller ------------------------- */

/* A row for each case: the lead in full, the other quantities beside it.  */
void qk_report_table (struct qk_grid *g, const struct qk_story *t);

/* A line for each finding that is wanted: everything there is to say of it.  cases: they differ in
   their cases, which are named.  */
void qk_report_lines (struct qk_grid *g, const struct qk_story *t, const size_t *wanted, size_t n,
                      bool cases);

/* Whether a table has room for the digits of the true value.  */
bool qk_report_has_digits (const struct qk_statement *s);

#endif
