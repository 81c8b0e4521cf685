/* report-verify.c -- rows of the ledger that a run settles, for people: deviations first.

   A line for each row: its status, and in words what was found.  What does not come out as the
   ledger says is told in full before them, with the command line that shows it alone.  */

#include "settle.h"
#include "story.h"

#include <math.h>
#include <string.h>

enum
{
  INDENT = 2,
  DEVIATIONS = 3, /* findings told of a row that is not confirmed, */
  TOLD = 5,       /* and rows of which they are */
  NAMED = 2       /* quantities, and ways to fail, named of one that is */
};

/* An interval this near to its exact value is told by how near; a probability of nearly 0, say, is
   not.  */
static const double NEAR = 0.1;

/* ---- Words: a row that is confirmed ---------------------------------------------------------- */

/* What the findings of one quantity have in common.  */
struct summary
{
  const struct qk_quantity *quantity;
  double far; /* the end of an interval farthest from its exact value, relative */
};

static void
include (struct summary *s, const struct qk_finding *f)
{
  struct qk_enclosure e = f->enclosure;
  double exact = f->statement->exact;
  bool sampled = qk_statement_sampled (f->statement);
  double far = sampled ? fmax (fabs (e.lo / exact - 1), fabs (e.hi / exact - 1)) : INFINITY;
  s->far = isfinite (far) ? fmax (s->far, far) : INFINITY;
}

/* Sum up what the checks of a row that are to hold have found, by quantity.  Returns how many.  */
static size_t
sum_up (struct summary *s, size_t room, const struct qk_report *report, const struct qk_row *row)
{
  const struct qk_outcome *outcome = report->outcome;
  size_t n = 0;
  for (size_t k = 0; row->claim->checks[k].command; k++)
    for (size_t i = 0; row->claim->checks[k].verdict == QK_HOLDS
                       && (i = qk_settle_next (report->plan, outcome, row, k, i)) < row->n_findings;
         i++)
      {
        const struct qk_finding *f = &outcome->findings[row->findings[i]];
        const struct qk_quantity *q = qk_statement_quantity (report->plan, f->statement);
        size_t j = 0;
        while (j < n && strcmp (s[j].quantity->name, q->name))
          j++;
        if (j == n && n == room)
          continue;
        if (j == n)
          s[n++] = (struct summary){ .quantity = q };
        include (&s[j], f);
      }
  return n;
}

static void
add_summary (struct qk_sentence *s, const struct summary *found)
{
  char percent[QK_FIGURE];
  if (!strcmp (found->quantity->name, "counterexample"))
    {
      qk_sentence_add (s, "the counterexample stands");
      return;
    }
  qk_sentence_add (s, "%s ", found->quantity->symbol);
  if (found->far > 0 && found->far <= NEAR)
    {
      qk_figure_plain (percent, 100 * found->far, 2);
      qk_sentence_add (s, "within %s %%", percent);
    }
  else
    qk_sentence_add (s, "as stated");
}

/* Where a check must fail: the last of its arguments that is not about what and how finely it
   measures.  */
static void
add_way (struct qk_sentence *s, const struct qk_check *k)
{
  static const char *const dull[] = { "--quantity=", "--tolerance=", "--dk=", "--keys=", NULL };
  const char *last = k->arguments;
  for (const char *word = k->arguments; *word; word += strspn (word, " "))
    {
      bool keep = true;
      for (const char *const *d = dull; *d; d++)
        keep &= strncmp (word, *d, strlen (*d)) != 0;
      last = keep ? word : last;
      word += strcspn (word, " ");
    }
  qk_sentence_add (s, "%.*s", (int)strcspn (last, " "), last);
}

/* Whether an earlier check of the row has the same arguments and must fail.  */
static bool
is_told (const struct qk_claim *c, const struct qk_check *k)
{
  for (const struct qk_check *before = c->checks; before < k; before++)
    if (before->verdict == QK_FAILS && !strcmp (before->arguments, k->arguments))
      return true;
  return false;
}

/* "Var(q·k) within 2.1 %; not with --dist=normal:mean=1".  */
static struct qk_sentence
found_words (const struct qk_report *report, const struct qk_row *row)
{
  enum
  {
    ROOM = 16
  };
  struct summary found[ROOM];
  struct qk_sentence s = { "" };
  size_t n = sum_up (found, ROOM, report, row), ways = 0;
  for (size_t i = 0; i < n && i < NAMED; i++)
    {
      qk_sentence_add (&s, "%s", i ? "; " : "");
      add_summary (&s, &found[i]);
    }
  if (n > NAMED)
    qk_sentence_add (&s, "; %zu more", n - NAMED);
  for (const struct qk_check *k = row->claim->checks; k->command; k++)
    if (k->verdict == QK_FAILS && !is_told (row->claim, k) && ways++ < NAMED)
      {
        qk_sentence_add (&s, ways == 1 ? "; not with " : ", ");
        add_way (&s, k);
      }
  if (ways > NAMED)
    qk_sentence_add (&s, ", %zu more", ways - NAMED);
  return s;
}

static struct qk_sentence
row_words (const struct qk_report *report, const struct qk_row *row)
{
  struct qk_sentence s = { "" };
  if (row->confirmed == QK_CONFIRMED)
    return found_words (report, row);
  if (row->confirmed != QK_UNSETTLED)
    qk_sentence_add (&s, "%s", row->outcome);
  else if (qk_claim_published (row->claim))
    qk_sentence_add (&s, "not run: figures in print, qkcheck claims %s", row->claim->id);
  else
    qk_sentence_add (&s, "not run: training settles it, --train");
  return s;
}

/* What the words of the rows mean.  */
static void
add_legend (struct qk_sentence *s, const struct qk_report *report)
{
  bool within = false, not_with = false;
  for (size_t i = 0; i < report->n_rows; i++)
    {
      struct qk_sentence words = row_words (report, &report->rows[i]);
      within |= strstr (words.text, " within ") != NULL;
      not_with |= strstr (words.text, "; not with ") != NULL;
    }
  if (within)
    qk_sentence_add (s, "; within: how far an interval reaches from its exact value");
  if (not_with)
    qk_sentence_add (s, "; not with: where a claim has to fail, and does");
}

/* ---- Words: a finding that deviates ---------------------------------------------------------- */

/* What is said of a finding after its symbol and its case.  */
static void
add_finding (struct qk_sentence *s, const struct qk_finding *f, enum qk_verdict expected)
{
  char text[QK_FIGURE_BAND];
  struct qk_figure figure;
  const struct qk_statement *st = f->statement;
  qk_figure_enclosure (&figure, f->enclosure);
  qk_sentence_add (s, " is %s", figure.estimate);
  if (!isnan (f->enclosure.lo))
    qk_sentence_add (s, " [%s, %s]", figure.lo, figure.hi);
  if (!isnan (st->exact))
    {
      qk_figure_value (text, st->exact, figure.decimals);
      qk_sentence_add (s, ", exact value %s", text);
    }
  if (st->judged)
    {
      qk_figure_band (text, st->band);
      qk_sentence_add (s, ", allowed %s", text);
    }
  if (qk_settle_strays (f))
    qk_sentence_add (s, ": interval and exact value cannot both be right");
  else if (f->verdict == QK_UNDECIDED)
    qk_sentence_add (s, ": undecided");
  else if (!qk_verdict_name (f->verdict))
    qk_sentence_add (s, ": too few samples to be judged");
  else
    qk_sentence_add (s, ": %s, where the ledger says that it %s", qk_verdict_name (f->verdict),
                     qk_verdict_name (expected));
  if (f->verdict == QK_UNDECIDED && !isnan (f->samples_needed))
    {
      qk_figure_count (text, f->samples_needed);
      qk_sentence_add (s, "; about %s samples would decide", text);
    }
  qk_sentence_add (s, ".");
}

/* The command line of a part, as a user would type it.  */
static struct qk_sentence
part_command (const struct qk_plan *part)
{
  static const char tolerance[] = " --tolerance=";
  struct qk_sentence s = { "" };
  const struct qk_params *p = part->params;
  const char *own = strstr (part->label, tolerance); /* its own may be another */
  size_t length = own ? (size_t)(own - part->label) : strlen (part->label);
  qk_sentence_add (&s, "qkcheck %.*s", (int)length, part->label);
  if (own)
    qk_sentence_add (&s, "%s", own + 1 + strcspn (own + 1, " "));
  if (p->tolerance > 0)
    qk_sentence_add (&s, " --tolerance=%g", p->tolerance);
  if (p->seed != 1)
    qk_sentence_add (&s, " --seed=%llu", (unsigned long long)p->seed);
  if (p->rng)
    qk_sentence_add (&s, " --rng=%s", p->rng->name);
  qk_sentence_add (&s, ":");
  return s;
}

/* last: the part whose command line was printed last.  */
static void
tell_finding (const struct qk_story *t, const struct qk_finding *f, enum qk_verdict expected,
              const struct qk_plan **last)
{
  const struct qk_statement *st = f->statement;
  struct qk_sentence keys = qk_sentence_keys (st->key), s = { "" };
  if (*last != st->of)
    qk_story_say (t, "", "", part_command (st->of).text, 2 * INDENT);
  *last = st->of;
  qk_sentence_add (&s, "%s%s%s", qk_statement_quantity (t->plan, st)->symbol,
                   *keys.text ? " at " : "", keys.text);
  add_finding (&s, f, expected);
  qk_story_say (t, "", "", s.text, 3 * INDENT);
}

/* All of a row that deviates: what the ledger says, and what was found.  */
static void
tell_row (const struct qk_story *t, const struct qk_row *row, enum qk_verdict wanted)
{
  const struct qk_outcome *outcome = t->report->outcome;
  struct qk_sentence lead = { "" }, s = { "" };
  const struct qk_plan *last = NULL;
  size_t told = 0, all = 0;
  qk_sentence_add (&lead, "%s is %s:", row->claim->id, row->outcome);
  qk_sentence_add (&s, "the ledger says \"%s\", status %s.", row->claim->exact,
                   qk_status_name (row->claim->status));
  fputs (t->markdown ? "" : "\n", t->out);
  qk_story_say (t, lead.text, qk_text_color (wanted == QK_FAILS ? "fails" : "undecided"), s.text,
                INDENT);
  for (size_t k = 0; row->claim->checks[k].command; k++)
    for (size_t i = 0; (i = qk_settle_next (t->plan, outcome, row, k, i)) < row->n_findings; i++)
      {
        const struct qk_finding *f = &outcome->findings[row->findings[i]];
        enum qk_verdict expected = row->claim->checks[k].verdict;
        if (qk_settle_finding (f, expected) != wanted)
          continue;
        if (told < DEVIATIONS)
          {
            tell_finding (t, f, expected, &last);
            told++;
          }
        all++;
      }
  s.text[0] = '\0';
  if (all > told)
    qk_sentence_add (&s, "and %zu more; --format=json lists all.", all - told);
  else if (!all)
    qk_sentence_add (&s, "not all that settles it was measured.");
  if (*s.text)
    qk_story_say (t, "", "", s.text, 2 * INDENT);
}

/* Contradicted rows, then undecided ones; of many, some.  */
static void
tell_deviations (const struct qk_story *t)
{
  const struct qk_row *rows = t->report->rows;
  size_t all = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < t->report->n_rows; i++)
      if (rows[i].confirmed == (pass ? QK_OPEN : QK_CONTRADICTED) && all++ < TOLD)
        tell_row (t, &rows[i], pass ? QK_UNDECIDED : QK_FAILS);
  if (all > TOLD)
    {
      struct qk_sentence s = { "" };
      qk_sentence_add (&s, "and %zu rows more, named below; --format=json lists all.", all - TOLD);
      fputs (t->markdown ? "" : "\n", t->out);
      qk_story_say (t, "", "", s.text, INDENT);
    }
}

/* Findings that no row asks for, and that do not hold.  */
static void
tell_strangers (const struct qk_story *t)
{
  const struct qk_outcome *outcome = t->report->outcome;
  const struct qk_plan *last = NULL;
  bool first = !t->markdown;
  for (size_t i = 0; i < outcome->n_findings; i++)
    {
      const struct qk_finding *f = &outcome->findings[i];
      if (!qk_settle_stranger (outcome, i, t->report->rows, t->report->n_rows))
        continue;
      fputs (first ? "\n" : "", t->out);
      first = false;
      tell_finding (t, f, QK_HOLDS, &last);
    }
}

/* ---- The table ------------------------------------------------------------------------------- */

static void
put_padded (FILE *out, const char *text, size_t width)
{
  fprintf (out, "%s%*s", text, (int)(width - qk_text_width (text) + INDENT), "");
}

static size_t
wider (size_t width, const char *text)
{
  size_t its = qk_text_width (text);
  return its > width ? its : width;
}

/* The rows of one question, from first to end.  */
static bool
tell_question (const struct qk_story *t, size_t first, size_t end, size_t id, size_t status)
{
  const struct qk_row *rows = t->report->rows;
  size_t ran = 0, confirmed = 0, at = 3 * INDENT + id + status;
  struct qk_sentence s = { "" }, lead = { "" };
  for (size_t i = first; i < end; i++)
    {
      ran += rows[i].confirmed != QK_UNSETTLED;
      confirmed += rows[i].confirmed == QK_CONFIRMED;
    }
  qk_sentence_add (&lead, "%s, %s:", rows[first].claim->question,
                   qk_claim_asks (rows[first].claim));
  if (ran)
    qk_sentence_add (&s, "%zu of %zu row%s confirmed", confirmed, ran, ran == 1 ? "" : "s");
  else
    qk_sentence_add (&s, "nothing was run");
  fputs (t->markdown ? "" : "\n", t->out);
  qk_story_say (t, lead.text, qk_text_bold, s.text, 0);
  if (t->markdown)
    {
      struct qk_grid g;
      qk_grid_open (&g, end - first);
      size_t claim = qk_grid_column (&g, 0, "claim"), is = qk_grid_column (&g, 0, "status");
      size_t out = qk_grid_column (&g, 0, "came out"), found = qk_grid_column (&g, 0, "found");
      for (size_t i = first; i < end; i++)
        {
          qk_grid_put (&g, i - first, claim, "%s", rows[i].claim->id);
          qk_grid_put (&g, i - first, is, "%s", qk_status_name (rows[i].claim->status));
          qk_grid_put (&g, i - first, out, "%s", rows[i].outcome);
          qk_grid_put (&g, i - first, found, "%s", row_words (t->report, &rows[i]).text);
        }
      bool whole = !g.full;
      qk_grid_markdown (t->out, &g);
      qk_grid_close (&g);
      return whole;
    }
  for (size_t i = first; i < end; i++)
    {
      fprintf (t->out, "%*s", INDENT, "");
      put_padded (t->out, rows[i].claim->id, id);
      put_padded (t->out, qk_status_name (rows[i].claim->status), status);
      qk_text_wrap (t->out, row_words (t->report, &rows[i]).text, at, at);
    }
  return true;
}

/* ---- The answer ------------------------------------------------------------------------------ */

static void
tell_answer (const struct qk_story *t)
{
  const struct qk_outcome *outcome = t->report->outcome;
  const struct qk_row *rows = t->report->rows;
  size_t count[QK_CONTRADICTED + 1] = { 0 }, published = 0, ran;
  enum qk_verdict verdict = qk_report_verdict (t->report);
  enum qk_confirmed named = verdict == QK_FAILS ? QK_CONTRADICTED : QK_OPEN;
  struct qk_sentence lead = { "" }, s = { "" };
  char time[QK_FIGURE];
  for (size_t i = 0; i < t->report->n_rows; i++)
    {
      count[rows[i].confirmed]++;
      published += rows[i].confirmed == QK_UNSETTLED && qk_claim_published (rows[i].claim);
    }
  ran = t->report->n_rows - count[QK_UNSETTLED];
  qk_sentence_add (&lead, "%s:", qk_story_word (verdict));
  if (verdict == QK_HOLDS && ran == 1)
    qk_sentence_add (&s, "the row that ran came out as the ledger says");
  else if (verdict == QK_HOLDS)
    qk_sentence_add (&s, "all %zu rows that ran came out as the ledger says", ran);
  else if (!ran)
    qk_sentence_add (&s, "nothing was to be run");
  else
    {
      qk_sentence_add (&s, "%zu of %zu row%s %s", count[named], ran, ran == 1 ? "" : "s",
                       named == QK_OPEN ? "undecided" : "contradicted");
      const char *comma = ": ";
      for (size_t i = 0; i < t->report->n_rows; i++)
        if (rows[i].confirmed == named)
          {
            qk_sentence_add (&s, "%s%s", comma, rows[i].claim->id);
            comma = ", ";
          }
    }
  size_t trained = count[QK_UNSETTLED] - published;
  if (published)
    qk_sentence_add (&s, "; %zu rest%s on what is printed", published, published == 1 ? "s" : "");
  if (trained)
    qk_sentence_add (&s, "; %zu wait%s for --train", trained, trained == 1 ? "s" : "");
  qk_figure_time (time, outcome->elapsed);
  if (ran)
    qk_sentence_add (&s, " (%zu finding%s, %s, seed %llu)", outcome->n_findings,
                     outcome->n_findings == 1 ? "" : "s", time,
                     (unsigned long long)t->plan->params->seed);
  qk_sentence_add (&s, ".");
  if (!outcome->complete)
    qk_sentence_add (&s, " Interrupted: this is a partial result.");
  else if (!t->plan->params->quiet)
    qk_sentence_add (&s, " qkcheck claims ID explains a row.");
  fputs (t->markdown || t->plan->params->quiet ? "" : "\n", t->out);
  qk_story_say (t, lead.text, qk_text_color (lead.text), s.text, 0);
}

/* Notes on single command lines are for whoever looks into them; those on the run are for all.  */
static void
tell_notes (const struct qk_story *t)
{
  const struct qk_outcome *outcome = t->report->outcome;
  size_t parts = t->plan->n_warnings;
  struct qk_sentence s = { "" };
  const char *note[] = { s.text };
  qk_sentence_add (&s, "%zu on single command lines; --format=json lists them.", parts);
  if (parts && qk_report_verdict (t->report) != QK_HOLDS)
    qk_story_warnings (t, note, 1, !t->markdown);
  qk_story_warnings (t, (const char *const *)outcome->warnings + parts, outcome->n_warnings - parts,
                     !t->markdown);
}

int
qk_report_settled (FILE *out, const struct qk_report *report)
{
  struct qk_story t = qk_story_open (out, report);
  const struct qk_row *rows = report->rows;
  size_t id = 0, status = 0, n = report->n_rows;
  bool whole = true;
  for (size_t i = 0; i < n; i++)
    {
      id = wider (id, rows[i].claim->id);
      status = wider (status, qk_status_name (rows[i].claim->status));
    }
  if (t.markdown || !report->plan->params->quiet)
    {
      struct qk_sentence under = qk_story_setting (t.plan);
      add_legend (&under, report);
      qk_story_question (&t, &under);
      if (t.markdown)
        qk_story_command (&t);
      tell_deviations (&t);
      tell_strangers (&t);
      for (size_t i = 0, end; i < n; i = end)
        {
          for (end = i + 1;
               end < n && !strcmp (rows[end].claim->question, rows[i].claim->question);)
            end++;
          whole &= tell_question (&t, i, end, id, status);
        }
      tell_notes (&t);
    }
  if (whole)
    tell_answer (&t);
  return whole ? 0 : -1;
}
