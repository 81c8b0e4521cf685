/* report-text.c -- the result for people: the answer first and last, no figure without its
   interval.

   Findings with equal cases are a row of the main table; its columns come from the quantities of
   the descriptor.  Where there is one row only, each finding has a line of its own, and so have the
   quantities that run over all cases (slopes).  Markdown is the same story in pipe tables.  */

#include "story.h"

#include "replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  LINES = 8, /* findings in the list of what does not hold */
  ROWS = 64  /* of what files give, which may have thousands of heads or rows */
};

/* A finding with a line of its own that is not worth it.  */
static bool
is_untold (const struct qk_story *t, size_t i)
{
  const struct qk_quantity *q = qk_story_quantity (t, i);
  return qk_story_is_aside (t, i)
         || (q->show == QK_ASIDE && qk_story_is_silent (t, q) && t->found[i].verdict != QK_FAILS
             && t->found[i].verdict != QK_UNDECIDED);
}

/* "3.1e7 scores, 0.5 s, seed 1".  */
static struct qk_sentence
effort_words (const struct qk_story *t)
{
  const struct qk_outcome *outcome = t->report->outcome;
  struct qk_sentence s = { "" };
  char text[QK_FIGURE];
  double samples = 0;
  for (size_t i = 0; i < t->plan->n_cases && outcome->tables; i++)
    samples += (double)outcome->tables[i].rows * t->plan->cases[i].units;
  qk_figure_count (text, samples);
  const char *unit = t->plan->experiment->unit; /* a plural in s */
  qk_sentence_add (&s, "%s %.*s", text, (int)(strlen (unit) - (samples == 1)), unit);
  qk_figure_time (text, outcome->elapsed);
  qk_sentence_add (&s, ", %s", text);
  if (!t->plan->experiment->recorded)
    qk_sentence_add (&s, ", seed %llu", (unsigned long long)t->plan->params->seed);
  return s;
}

/* One sentence on a finding that does not hold: what the experiment has to say, or else what the
   interval tells.  */
static struct qk_sentence
advice (const struct qk_story *t, const struct qk_finding *f)
{
  const struct qk_plan *plan = qk_statement_plan (t->plan, f->statement);
  const struct qk_experiment *experiment = plan->experiment;
  const char *symbol = qk_statement_quantity (t->plan, f->statement)->symbol;
  struct qk_sentence s = { "" };
  struct qk_figure figure;
  char text[QK_FIGURE_BAND];
  bool replay = qk_replay_speaks (t->plan, f->statement);
  if (replay && qk_replay_explain (s.text, sizeof s.text, f->statement, &f->enclosure, f->verdict))
    return s;
  if (!replay && experiment->explain
      && experiment->explain (s.text, sizeof s.text, plan, qk_statement_inner (f->statement),
                              &f->enclosure, f->verdict))
    return s;
  s.text[0] = '\0';
  qk_figure_enclosure (&figure, f->enclosure);
  qk_figure_band (text, f->statement->band);
  if (f->verdict == QK_FAILS)
    qk_sentence_add (&s, "%s lies in [%s, %s], but the claim allows %s.", symbol, figure.lo,
                     figure.hi, text);
  else if (isnan (f->enclosure.lo))
    qk_sentence_add (&s, "Too few samples for an interval around %s.", symbol);
  else if (isnan (f->samples_needed))
    qk_sentence_add (&s, "%s is undecided: no sample would bring its interval to one side of %s.",
                     symbol, text);
  else
    {
      qk_figure_count (text, f->samples_needed);
      qk_sentence_add (&s, "About %s %s would decide %s.", text, experiment->unit, symbol);
    }
  return s;
}

/* Of the findings with that verdict the one to speak of: a lead before others; and of undecided
   ones that which wants most samples.  NULL: there is none.  */
static const struct qk_finding *
spokesman (const struct qk_story *t, enum qk_verdict verdict)
{
  const struct qk_finding *chosen = NULL;
  bool led = false;
  for (size_t i = 0; i < t->n; i++)
    if (t->found[i].verdict == verdict)
      {
        const struct qk_finding *f = &t->found[i];
        bool lead = qk_story_quantity (t, i)->show == QK_LEAD;
        if (!chosen || (lead && !led)
            || (lead == led && verdict == QK_UNDECIDED
                && f->samples_needed > chosen->samples_needed))
          {
            chosen = f;
            led = lead;
          }
      }
  return chosen;
}

/* Findings of the table that do not hold, each with all that is known of it.  */
static bool
write_trouble (const struct qk_story *t)
{
  size_t wanted[LINES], n = 0, all = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < t->n; i++)
      if (!qk_story_has_line (t, i) && t->found[i].verdict == (pass ? QK_UNDECIDED : QK_FAILS))
        {
          if (n < LINES)
            wanted[n++] = i;
          all++;
        }
  if (!n)
    return true;
  struct qk_grid g;
  qk_report_lines (&g, t, wanted, n, true);
  bool whole = !g.full;
  qk_story_grid (t, &g);
  qk_grid_close (&g);
  if (all > n)
    {
      struct qk_sentence s = { "" };
      qk_sentence_add (&s, "and %zu more; --format=json lists all.", all - n);
      qk_story_say (t, "", "", s.text, 2);
    }
  return whole;
}

/* What is too long for a table.  */
static void
write_digits (const struct qk_story *t, const size_t *wanted, size_t n, bool cases)
{
  for (size_t line = 0; line < n; line++)
    {
      const struct qk_statement *s = t->found[wanted[line]].statement;
      struct qk_sentence lead = { "" };
      if (!s->digits || qk_report_has_digits (s))
        continue;
      if (cases)
        lead = qk_story_case (t, s->key, wanted, n);
      qk_sentence_add (&lead, "%s%s =", *lead.text ? ": " : "",
                       qk_story_quantity (t, wanted[line])->symbol);
      fputs (t->markdown ? "" : "\n", t->out);
      qk_story_say (t, lead.text, "", s->digits, 2);
    }
}

/* Findings with a line of their own.  */
static bool
write_lines (const struct qk_story *t)
{
  size_t *wanted = calloc (t->n + 1, sizeof *wanted), n = 0, all = 0;
  if (!wanted)
    return false;
  for (size_t i = 0; i < t->n; i++)
    if (qk_story_has_line (t, i) && !is_untold (t, i) && (all++ < ROWS || !t->plan->n_inputs))
      wanted[n++] = i;
  struct qk_grid g = { 0 };
  if (n)
    {
      bool cases = false;
      for (size_t i = 1; i < n; i++)
        cases |= !qk_keys_equal (t->found[wanted[0]].statement->key,
                                 t->found[wanted[i]].statement->key);
      qk_report_lines (&g, t, wanted, n, cases);
      qk_story_grid (t, &g);
      write_digits (t, wanted, n, cases);
      if (n < all)
        {
          struct qk_sentence s = { "" };
          qk_sentence_add (&s, "and %zu more; --format=csv lists all.", all - n);
          qk_story_say (t, "", "", s.text, 2);
        }
    }
  bool whole = !g.full;
  qk_grid_close (&g);
  free (wanted);
  return whole;
}

static bool
write_table (const struct qk_story *t)
{
  if (t->rows == 1)
    {
      struct qk_sentence s = qk_sentence_keys (t->found[t->first[0]].statement->key);
      fputs (t->markdown || !*s.text ? "" : "\n", t->out);
      if (*s.text)
        qk_story_say (t, "", "", s.text, 2);
    }
  if (t->rows <= 1)
    return true;
  struct qk_grid g;
  qk_report_table (&g, t);
  bool whole = !g.full;
  qk_story_grid (t, &g);
  qk_grid_close (&g);

  const struct qk_quantity *table = t->plan->experiment->quantities;
  struct qk_sentence s = { "" };
  for (size_t q = 0; table[q].name; q++)
    {
      char value[QK_FIGURE];
      double exact;
      if (table[q].show != QK_COLUMN || !qk_story_constant (t, q, &exact))
        continue;
      qk_figure_value (value, exact, 4);
      qk_sentence_add (&s, "%s%s = %s", *s.text ? ", " : "", table[q].symbol, value);
    }
  const struct qk_finding *last = t->report->outcome->findings + t->report->outcome->n_findings;
  if (t->found + t->n < last)
    return whole; /* other groups follow, and after them what is true of all */
  fputs (t->markdown ? "" : "\n", t->out);
  if (*s.text)
    qk_story_say (t, "Exact in every row:", "", s.text, 2);
  if (t->shown < t->rows)
    {
      s.text[0] = '\0';
      qk_sentence_add (&s, "and %zu rows more; --format=csv lists all.", t->rows - t->shown);
      qk_story_say (t, "", "", s.text, 2);
    }
  bool sharp = true, replayed = false;
  for (size_t i = 0; i < t->n; i++)
    {
      sharp &= qk_story_is_sharp (&t->found[i]);
      replayed |= qk_replay_speaks (t->plan, t->found[i].statement);
    }
  if (replayed)
    qk_story_say (t, "", "", "Digits that agree with MPFR are rounded down; 15.9 are all.", 2);
  if (!(sharp && replayed))
    qk_story_say (t, "", "",
                  sharp ? "Nothing is sampled, and rounding changes no digit shown."
                        : "± reaches to the farther end of the interval.",
                  2);
  return whole;
}

/* Quantities that are only described, sentences on what does not hold, warnings.  */
static void
write_notes (const struct qk_story *t, const char *const *warning, size_t n)
{
  const struct qk_quantity *table = t->plan->experiment->quantities;
  const struct qk_finding *fails = spokesman (t, QK_FAILS);
  const struct qk_finding *spoken = fails ? fails : spokesman (t, QK_UNDECIDED);
  struct qk_sentence described = { "" };
  bool blank = !t->markdown;
  for (size_t q = 0; table[q].name; q++)
    {
      bool judged = false, seen = false;
      const struct qk_finding *first = NULL;
      for (size_t i = 0; i < t->n; i++)
        if (t->found[i].statement->quantity == q)
          {
            enum qk_verdict v = t->found[i].verdict;
            seen = true;
            judged |= v != QK_DESCRIBED;
            if (!first ? v == QK_FAILS || v == QK_UNDECIDED
                       : v == QK_FAILS && first->verdict == QK_UNDECIDED)
              first = &t->found[i];
          }
      if (seen && !judged && !qk_story_is_silent (t, &table[q]))
        qk_sentence_add (&described, "%s%s", *described.text ? ", " : "", table[q].symbol);
      /* The answer speaks of one quantity; the others get their sentence here.  */
      if (first && spoken->statement->quantity != q)
        {
          struct qk_sentence where = { "" };
          if (t->rows > 1)
            where = qk_story_case (t, first->statement->key, NULL, 0);
          qk_sentence_add (&where, *where.text ? ":" : "");
          fputs (blank ? "\n" : "", t->out);
          blank = false;
          qk_story_say (t, where.text, "", advice (t, first).text, 2);
        }
    }
  if (*described.text && t->rows > 1 && t->judged)
    {
      fputs (blank ? "\n" : "", t->out);
      blank = false;
      qk_story_say (t, "Described, not judged:", "", described.text, 2);
    }
  qk_story_warnings (t, warning, n, blank);
}

static void
write_answer (const struct qk_story *t)
{
  const struct qk_outcome *outcome = t->report->outcome;
  enum qk_verdict verdict = qk_outcome_verdict (outcome);
  size_t count[QK_INVALID + 1] = { 0 };
  for (size_t i = 0; i < t->n; i++)
    count[t->found[i].verdict]++;
  size_t judged = t->n - count[QK_DESCRIBED], thin = 0; /* to be judged, if samples were enough */
  for (size_t i = 0; i < t->n; i++)
    thin += t->found[i].statement->judged && t->found[i].statement->thin;
  /* What is the answer; out of how much; where to learn how.  */
  struct qk_sentence lead = { "" }, answer = { "" }, rest = { "" }, effort = effort_words (t);
  const struct qk_finding *spoken = spokesman (t, verdict);
  qk_sentence_add (&lead, "%s:", qk_story_word (verdict));
  if (spoken && (verdict == QK_FAILS || verdict == QK_UNDECIDED))
    {
      answer = advice (t, spoken);
      qk_sentence_add (
          &rest, "%zu of %zu finding%s %s (%s).", count[verdict], judged, judged == 1 ? "" : "s",
          verdict == QK_UNDECIDED ? (count[verdict] == 1 ? "is undecided" : "are undecided")
          : count[verdict] == 1   ? "fails"
                                  : "fail",
          effort.text);
    }
  else if (thin > 0 && judged > 0)
    qk_sentence_add (&answer, "%zu of %zu findings %s too few samples, the rest hold (%s).", thin,
                     judged + thin, thin == 1 ? "has" : "have", effort.text);
  else if (judged == 0)
    qk_sentence_add (&answer, "nothing %s judged (%s).",
                     verdict == QK_DESCRIBED ? "was to be" : "could be", effort.text);
  else if (judged == 1)
    qk_sentence_add (&answer, "the finding %sholds (%s).", outcome->complete ? "" : "so far ",
                     effort.text);
  else
    {
      qk_sentence_add (&answer, judged == 2 ? "both" : "all %zu", judged);
      qk_sentence_add (&answer, " %sfindings %shold (%s).", judged < t->n ? "judged " : "",
                       outcome->complete ? "" : "so far ", effort.text);
    }
  if (!outcome->complete)
    qk_sentence_add (&rest, "%sInterrupted: this is a partial result.", *rest.text ? " " : "");
  bool quiet = t->plan->params->quiet && !t->markdown;
  const struct qk_experiment *experiment = t->plan->experiment;
  if (experiment->summarise)
    {
      struct qk_sentence summary = { "" };
      experiment->summarise (summary.text, sizeof summary.text, t->plan, outcome->tables);
      fputs (quiet || t->markdown || !*summary.text ? "" : "\n", t->out);
      if (*summary.text)
        qk_story_say (t, "", "", summary.text, 0);
      if (*summary.text && verdict == QK_DESCRIBED)
        return;
    }
  if (!quiet)
    qk_sentence_add (&rest, "%sHow it was decided: qkcheck help method.", *rest.text ? " " : "");

  fputs (quiet || t->markdown ? "" : "\n", t->out);
  size_t width
      = qk_text_width (lead.text) + qk_text_width (answer.text) + qk_text_width (rest.text);
  bool beside = t->markdown || width + 2 <= QK_WIDTH;
  if (beside)
    qk_sentence_add (&answer, "%s%s", *rest.text ? " " : "", rest.text);
  qk_story_say (t, lead.text, qk_text_color (lead.text), answer.text, 0);
  if (!beside)
    qk_story_say (t, "", "", rest.text, 0);
}

/* Findings from i on whose first key is the same.  */
static size_t
group_at (const struct qk_story *t, size_t i)
{
  size_t n = 1;
  while (i + n < t->n && qk_key_equal (t->found[i].statement->key, t->found[i + n].statement->key))
    n++;
  return n;
}

/* A table and lines for every group of findings.  */
static bool
write_groups (const struct qk_story *t)
{
  bool whole = true;
  for (size_t i = 0, n; whole && i < t->n; i += n)
    {
      struct qk_story group = *t;
      n = group_at (t, i);
      group.found += i;
      group.n = n;
      group.rows = 0;
      whole = qk_story_rows (&group);
      group.shown = group.rows;
      whole = whole && write_table (&group) && write_lines (&group);
      free (group.row);
      free (group.first);
    }
  return whole;
}

int
qk_report_text (FILE *out, const struct qk_report *report)
{
  const struct qk_outcome *outcome = report->outcome;
  struct qk_story t = qk_story_open (out, report);
  t.found = outcome->findings;
  t.n = outcome->n_findings;
  bool whole = qk_story_rows (&t);
  for (size_t i = 0; i < t.n; i++)
    t.judged |= t.found[i].verdict != QK_DESCRIBED;
  t.shown = t.plan->n_inputs && t.rows > ROWS ? ROWS : t.rows;
  if (whole && (t.markdown || !report->plan->params->quiet))
    {
      struct qk_sentence under = qk_story_setting (t.plan);
      qk_story_question (&t, &under);
      if (t.markdown)
        qk_story_command (&t);
      whole = (report->plan->experiment->grouped ? write_groups (&t)
                                                 : write_table (&t) && write_lines (&t))
              && write_trouble (&t);
      write_notes (&t, (const char *const *)outcome->warnings, outcome->n_warnings);
    }
  if (whole)
    write_answer (&t);
  free (t.row);
  free (t.first);
  return whole ? 0 : -1;
}
