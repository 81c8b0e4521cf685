/* report-ledger.c -- rows of the ledger for people: a table of them, or all there is to say of one.

   `qkcheck claims` prints what the ledger says; `qkcheck verify` has the same with what came out.
 */

#include "story.h"

#include "roff.h"

#include <string.h>

enum
{
  INDENT = 2,
  LABEL = 14 /* columns before the text of an entry */
};

static const char letters[] = "d = d_k is the dimension of a head, D that of the model, h the "
                              "number of heads, n of keys; s = "
                              "q·k, c the scale (1, or 1/√d), p = softmax(c s), J = diag(p) − p "
                              "pᵀ; μ, σ, κ are mean, standard "
                              "deviation and excess kurtosis of a component; components are "
                              "independent, of mean 0 and variance "
                              "1, where nothing else is said.";

static size_t
larger (size_t a, const char *text)
{
  size_t b = text ? qk_text_width (text) : 0;
  return a > b ? a : b;
}

static void
put_padded (FILE *out, const char *text, size_t width)
{
  fprintf (out, "%s%*s", text, (int)(width - qk_text_width (text) + INDENT), "");
}

/* ---- The table ------------------------------------------------------------------------------- */

/* Aligned, in groups by question, what is said last and wrapped.  */
static void
put_table (const struct qk_story *t, const struct qk_row *rows, size_t n)
{
  static const char *const headings[] = { "claim", "status", "came out", "settled by" };
  size_t width[] = { larger (0, headings[0]), larger (0, headings[1]), 0, larger (0, headings[3]) };
  for (size_t i = 0; i < n; i++)
    {
      width[0] = larger (width[0], rows[i].claim->id);
      width[1] = larger (width[1], qk_status_name (rows[i].claim->status));
      width[2] = larger (width[2], rows[i].outcome);
      width[3] = larger (width[3], qk_claim_command (rows[i].claim));
    }
  width[2] = width[2] ? larger (width[2], headings[2]) : 0;

  size_t at = INDENT;
  fprintf (t->out, "\n%*s", INDENT, "");
  for (size_t c = 0; c < 4; c++)
    if (width[c])
      {
        put_padded (t->out, headings[c], width[c]);
        at += width[c] + INDENT;
      }
  fputs ("what is said\n", t->out);
  const char *group = "";
  for (size_t i = 0; i < n; i++)
    {
      const struct qk_claim *c = rows[i].claim;
      const char *cell[]
          = { c->id, qk_status_name (c->status), rows[i].outcome, qk_claim_command (c) };
      if (strcmp (group, c->question) != 0)
        fprintf (t->out, "\n%s%s, %s%s\n", t->color ? qk_text_bold : "", c->question,
                 qk_claim_asks (c), t->color ? qk_text_plain : "");
      group = c->question;
      fprintf (t->out, "%*s", INDENT, "");
      for (size_t k = 0; k < 4; k++)
        if (width[k])
          put_padded (t->out, cell[k] ? cell[k] : "", width[k]);
      qk_text_wrap (t->out, c->said, at, at);
    }
}

static int
put_table_markdown (const struct qk_story *t, const struct qk_row *rows, size_t n)
{
  struct qk_grid g;
  bool ran = false;
  for (size_t i = 0; i < n; i++)
    ran |= rows[i].outcome != NULL;
  qk_grid_open (&g, n);
  size_t question = qk_grid_column (&g, 0, "question"), id = qk_grid_column (&g, 0, "claim");
  size_t said = qk_grid_column (&g, 0, "what is said"),
         exact = qk_grid_column (&g, 0, "exact statement");
  size_t status = qk_grid_column (&g, 0, "status");
  size_t outcome = ran ? qk_grid_column (&g, 0, "came out") : 0;
  size_t command = qk_grid_column (&g, 0, "settled by");
  for (size_t i = 0; i < n; i++)
    {
      const struct qk_claim *c = rows[i].claim;
      qk_grid_put (&g, i, question, "%s", c->question);
      qk_grid_put (&g, i, id, "%s", c->id);
      qk_grid_put (&g, i, said, "%s", c->said);
      qk_grid_put (&g, i, exact, "%s", c->exact);
      qk_grid_put (&g, i, status, "%s", qk_status_name (c->status));
      if (rows[i].outcome)
        qk_grid_put (&g, i, outcome, "%s", rows[i].outcome);
      qk_grid_put (&g, i, command, "%s", qk_claim_command (c));
    }
  bool whole = !g.full;
  qk_grid_markdown (t->out, &g);
  qk_grid_close (&g);
  return whole ? 0 : -1;
}

int
qk_report_rows (FILE *out, const struct qk_row *rows, size_t n, bool markdown, bool color)
{
  struct qk_story t = { .out = out, .markdown = markdown, .color = color && !markdown };
  if (markdown)
    return put_table_markdown (&t, rows, n);
  put_table (&t, rows, n);
  return 0;
}

/* ---- One row in full ------------------------------------------------------------------------- */

/* A line with a label, or one more below it.  */
static void
put_entry (const struct qk_story *t, const char *label, const char *text)
{
  if (t->roff)
    {
      if (*label)
        fprintf (t->out, ".TP %d\n%s\n", LABEL - INDENT, label);
      else
        fputs (".br\n", t->out);
      qk_roff_prose (t->out, text);
      return;
    }
  if (t->markdown)
    {
      fputs (*label ? "- **" : "  - ", t->out);
      qk_text_markdown (t->out, label);
      fputs (*label ? "** " : "", t->out);
      qk_text_markdown (t->out, text);
      putc ('\n', t->out);
      return;
    }
  fprintf (t->out, "%*s", INDENT, "");
  put_padded (t->out, label, LABEL - 2 * INDENT);
  qk_text_wrap (t->out, text, LABEL + (*label ? 0 : INDENT), LABEL);
}

/* Theorems of one file and one class under a line that says what they are.  */
static void
put_theorems (const struct qk_story *t, const struct qk_claim *c)
{
  const struct qk_theorem *last = NULL;
  for (const struct qk_theorem *p = qk_theorems; p->claim; p++)
    if (!strcmp (p->claim, c->id))
      {
        struct qk_sentence s = { "" };
        bool same
            = last && p->name && !strcmp (last->class, p->class) && !strcmp (last->file, p->file);
        if (!same)
          {
            qk_sentence_add (&s, "%s%s%s (class %s)%s", qk_class_meaning (p->class),
                             p->file ? ", in " : "", p->file ? p->file : "", p->class,
                             p->name ? ":" : ": ");
            if (!p->name)
              qk_sentence_add (&s, "%s", p->says);
            put_entry (t, last ? "" : "proof", s.text);
          }
        if (p->name)
          {
            s.text[0] = '\0';
            qk_sentence_add (&s, "%s: %s", p->name, p->says);
            put_entry (t, "", s.text);
          }
        last = p;
      }
}

static void
put_checks (const struct qk_story *t, const struct qk_claim *c)
{
  const char *label = "settled by", *before = NULL;
  for (const struct qk_check *k = c->checks; k->command; k++)
    {
      /* What one run judges stands on one line.  */
      struct qk_sentence s = { "" };
      bool same = before && !strcmp (before, k->arguments) && !strcmp (k[-1].command, k->command);
      before = k->arguments;
      if (same)
        continue;
      qk_sentence_add (&s, "qkcheck %s%s%s:", k->command, *k->arguments ? " " : "", k->arguments);
      for (const struct qk_check *other = k; other->command && !strcmp (other->command, k->command)
                                             && !strcmp (other->arguments, k->arguments);
           other++)
        {
          const char *verdict = qk_verdict_name (other->verdict);
          qk_sentence_add (&s, "%s %s %s", other == k ? "" : ",", other->quantity,
                           verdict ? verdict : "described");
        }
      put_entry (t, label, s.text);
      label = "";
    }
  if (qk_claim_published (c))
    put_entry (t, label, "literature alone; no run can");
}

/* All but what its question asks and what came out.  */
static void
put_claim (const struct qk_story *t, const struct qk_claim *c)
{
  struct qk_sentence s = { "" };
  put_entry (t, "said", c->said);
  put_entry (t, "exactly", c->exact);
  if (c->assumptions)
    put_entry (t, "assumes", c->assumptions);
  put_entry (t, "because", c->derivation);
  put_theorems (t, c);
  put_checks (t, c);
  for (const struct qk_published *p = c->published; p && p->what; p++)
    {
      s.text[0] = '\0';
      qk_sentence_add (&s, "%s%s%s (%s)", p->what, p->value ? ": " : "", p->value ? p->value : "",
                       p->source);
      put_entry (t, p == c->published ? "published" : "", s.text);
    }
  if (c->source)
    put_entry (t, "source", c->source);
}

int
qk_report_row (FILE *out, const struct qk_row *row, bool markdown, bool color)
{
  const struct qk_claim *c = row->claim;
  struct qk_story t = { .out = out, .markdown = markdown, .color = color && !markdown };
  struct qk_sentence s = { "" };
  if (markdown)
    fprintf (out, "\n## %s: %s\n\n", c->id, qk_status_name (c->status));
  else
    fprintf (out, "\n%s%s%s: %s\n", t.color ? qk_text_bold : "", c->id,
             t.color ? qk_text_plain : "", qk_status_name (c->status));
  put_claim (&t, c);
  qk_sentence_add (&s, "%s: %s", c->question, qk_claim_asks (c));
  put_entry (&t, "question", s.text);
  if (row->outcome)
    put_entry (&t, "came out", row->outcome);
  return 0;
}

/* ---- qkcheck claims -------------------------------------------------------------------------- */

int
qk_report_ledger (FILE *out, const struct qk_report *report)
{
  const struct qk_params *p = report->plan->params;
  struct qk_story t = qk_story_open (out, report);
  size_t count[QK_CITED + 1] = { 0 };
  int status = 0;
  if (p->quiet && !t.markdown)
    {
      for (size_t i = 0; i < report->n_rows; i++)
        fprintf (out, "%s\n", report->rows[i].claim->id);
      return 0;
    }
  for (size_t i = 0; i < report->n_rows; i++)
    count[report->rows[i].claim->status]++;
  if (t.markdown)
    fprintf (out, "**%s**\n", report->plan->experiment->asked);
  else
    fprintf (out, "%s%s%s\n", t.color ? qk_text_bold : "", report->plan->experiment->asked,
             t.color ? qk_text_plain : "");
  if (t.markdown)
    qk_story_command (&t);

  struct qk_sentence s = { "" };
  if (p->operand[0])
    {
      for (size_t i = 0; i < report->n_rows && !status; i++)
        status = qk_report_row (out, &report->rows[i], t.markdown, t.color);
      fputs (t.markdown ? "" : "\n", out);
      qk_story_say (&t, "Letters:", "", letters, 0);
      return status;
    }
  if (report->n_rows)
    status = qk_report_rows (out, report->rows, report->n_rows, t.markdown, t.color);
  for (size_t i = 0; i <= QK_CITED; i++)
    qk_sentence_add (&s, "%s%zu %s", i ? ", " : "", count[i], qk_status_name ((enum qk_status)i));
  struct qk_sentence lead = { "" };
  qk_sentence_add (&lead, "%zu row%s:", report->n_rows, report->n_rows == 1 ? "" : "s");
  qk_sentence_add (&s,
                   ". qkcheck claims ID explains a row; qkcheck help claims is the whole ledger.");
  fputs (t.markdown ? "" : "\n", out);
  qk_story_say (&t, lead.text, "", s.text, 0);
  return status;
}

/* ---- qkcheck-claims(7) ----------------------------------------------------------------------- */

void
qk_report_ledger_page (FILE *out)
{
  const struct qk_story t = { .out = out, .roff = true };
  qk_roff_begin (out, "qkcheck-claims", 7, "what is said about attention, and what is true of it");
  fputs (".SH DESCRIPTION\n", out);
  qk_roff_prose (
      out, "This is the ledger of qkcheck: every claim that it checks, with what is said, the "
           "exact statement, what that assumes, why it holds, where it is proved, and the runs "
           "that settle it with the verdicts they must give.  The claims come from four "
           "questions that are often asked about attention, Q1 to Q4, with the answers that "
           "are usually given; what an expert would add stands beside them, and last the "
           "arithmetic that the figures of the program stand on.");
  fputs (".PP\n", out);
  qk_roff_prose (
      out, "The status of a claim is what is true, not what is said.  holds; conditional: true "
           "under the condition in the row; false: as it is said, the row has a counterexample "
           "or what a paper really contains, and the statement put right; cited: only "
           "literature can say.  A claim may have theorems of several classes, each about a "
           "part of it.");
  fputs (".PP\n", out);
  qk_roff_prose (out, letters);
  for (size_t q = 0; qk_question_words[q]; q++)
    {
      fprintf (out, ".SH %s: %s\n", qk_question_words[q], qk_questions[q]);
      for (const struct qk_claim *c = qk_claims; c->id; c++)
        if (!strcmp (c->question, qk_question_words[q]))
          {
            fputs (".SS ", out);
            qk_roff_literal (out, c->id);
            fprintf (out, ": %s\n", qk_status_name (c->status));
            put_claim (&t, c);
          }
    }
  fputs (".SH SEE ALSO\n"
         ".BR qkcheck\\-claims (1),\n"
         ".BR qkcheck\\-method (7)\n",
         out);
}
