/* report-table.c -- findings as tables: a row for each case, or a line for each finding.

   The columns of a row come from the quantities of the descriptor, the lead first and in full.  */

#include "story.h"

#include "replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  NUMBER = 40,   /* characters of a number in a table */
  DIGITS = 5,    /* of what is known but for rounding */
  KEY_WIDTH = 28 /* characters of a text that names a case */
};

/* Whether a quantity has a column, where there is a table.  */
static bool
has_column (const struct qk_story *t, const struct qk_quantity *q)
{
  return q->show == QK_COLUMN || (q->show == QK_DETAIL && !qk_story_is_silent (t, q));
}

/* Whether the exact value is known and is not itself what was found.  */
static bool
tells_exact (const struct qk_finding *found)
{
  const struct qk_statement *s = found->statement;
  return !isnan (s->exact) && (s->judged || s->sources > 0);
}

/* The digits of a replay are promised: rounded down, to one decimal.  */
static void
figure_of (struct qk_figure *f, const struct qk_story *t, const struct qk_finding *found)
{
  if (qk_replay_speaks (t->plan, found->statement))
    {
      *f = (struct qk_figure){ .decimals = 1 };
      snprintf (f->estimate, sizeof f->estimate, "%.1f",
                floor (10 * found->enclosure.estimate) / 10);
    }
  else if (qk_story_is_sharp (found))
    {
      double x = found->enclosure.estimate;
      bool whole = x == rint (x) && fabs (x) < 1e15; /* a count, most often */
      *f = (struct qk_figure){ .decimals = whole ? 0 : DIGITS - 1 - (int)floor (log10 (fabs (x))) };
      if (f->decimals >= 0 && f->decimals < 2 * DIGITS) /* zeros at the end count as digits */
        snprintf (f->estimate, sizeof f->estimate, "%.*f", f->decimals, x);
      else
        qk_figure_plain (f->estimate, x, DIGITS);
    }
  else
    qk_figure_enclosure (f, found->enclosure);
}

/* The columns that say which case a row is: the first key, and all in which rows differ; of groups,
   which have other cases each, all numbers.  */
static void
add_key_columns (struct qk_grid *g, const struct qk_story *t)
{
  const bool grouped = t->plan->experiment->grouped;
  const char *seen[64] = { NULL }; /* more than the closed list has */
  size_t n = 0;
  for (size_t row = 0; row < t->rows; row++)
    {
      const struct qk_key *key = t->found[t->first[row]].statement->key;
      for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
        {
          size_t k = 0;
          while (k < n && strcmp (seen[k], key[i].name))
            k++;
          if (k < n || n == sizeof seen / sizeof *seen)
            continue;
          seen[n++] = key[i].name;
          if (n > 1 && !qk_story_varies (t, key[i].name) && !(grouped && !key[i].text))
            continue;
          size_t c = qk_grid_column (g, QK_GRID_KEY | (key[i].text ? 0 : QK_GRID_RIGHT), "%s",
                                     key[i].name);
          for (size_t r = 0; r < t->shown; r++)
            {
              const struct qk_key *value = qk_story_key (t, r, key[i].name);
              struct qk_sentence words = { "" };
              if (value)
                qk_sentence_key (&words, value);
              qk_grid_put (g, r, c, "%.*s", KEY_WIDTH, words.text);
            }
        }
    }
}

static void
put_interval (struct qk_grid *g, size_t row, size_t lo, const struct qk_figure *f)
{
  if (!*f->lo)
    return;
  if (strcmp (f->lo, "?") == 0)
    qk_grid_put (g, row, lo, "none");
  else
    {
      qk_grid_put (g, row, lo, "[%s,", f->lo);
      qk_grid_put (g, row, lo + 1, "%s]", f->hi);
    }
}

/* Put estimate, interval and exact value of a quantity beside the rows.  What is exact for all of
   them alike is said once, by write_table.  */
static void
add_quantity_columns (struct qk_grid *g, const struct qk_story *t, size_t which, bool lead)
{
  const struct qk_quantity *q = &t->plan->experiment->quantities[which];
  bool seen = false, known = false, sharp = true;
  double exact;
  for (size_t i = 0; i < t->n; i++)
    if (t->found[i].statement->quantity == which && t->row[i] < t->shown)
      {
        seen = true;
        known |= tells_exact (&t->found[i]);
        sharp &= qk_story_is_sharp (&t->found[i]);
      }
  if (!seen)
    return;
  known &= lead || !qk_story_constant (t, which, &exact);

  size_t estimate = qk_grid_column (g, QK_GRID_POINT | QK_GRID_BLOCK, "%s", q->symbol);
  size_t interval = lead && !sharp ? qk_grid_column (g, QK_GRID_RIGHT, "interval") : 0;
  size_t last
      = sharp ? 0 : qk_grid_column (g, QK_GRID_GLUED | (lead ? QK_GRID_RIGHT : 0), "%s", "");
  size_t column = known ? qk_grid_column (g, QK_GRID_POINT, "exact") : 0;

  for (size_t i = 0; i < t->n; i++)
    if (t->found[i].statement->quantity == which && t->row[i] < t->shown)
      {
        struct qk_figure f;
        char value[QK_FIGURE];
        size_t row = t->row[i];
        figure_of (&f, t, &t->found[i]);
        qk_grid_put (g, row, estimate, "%s", f.estimate);
        if (lead && !sharp)
          put_interval (g, row, interval, &f);
        else if (!sharp && *f.half) /* "±.0020": the zero says nothing */
          qk_grid_put (g, row, last, "±%s", f.half + (strncmp (f.half, "0.", 2) == 0));
        if (known)
          {
            qk_figure_value (value, t->found[i].statement->exact, f.decimals);
            qk_grid_put (g, row, column, "%s", value);
          }
      }
}

/* One word for the row: the worst of its verdicts, and whose it is; a lead before others.  */
static void
add_row_verdicts (struct qk_grid *g, const struct qk_story *t)
{
  static const int rank[]
      = { [QK_DESCRIBED] = 1, [QK_HOLDS] = 2, [QK_UNDECIDED] = 3, [QK_FAILS] = 4 };
  size_t c = qk_grid_column (g, QK_GRID_VERDICT, "verdict");
  struct
  {
    int rank;
    bool lead;
    size_t finding, same;
  } *rows = calloc (t->shown, sizeof *rows), *worst;
  if (!rows)
    {
      g->full = true;
      return;
    }
  for (size_t i = 0; i < t->n; i++)
    if (!qk_story_has_line (t, i) && t->row[i] < t->shown)
      {
        int its = rank[t->found[i].verdict];
        bool lead = qk_story_quantity (t, i)->show == QK_LEAD;
        worst = &rows[t->row[i]];
        worst->same = its > worst->rank ? 1 : worst->same + (its == worst->rank);
        if (its > worst->rank || (its == worst->rank && lead && !worst->lead))
          {
            worst->rank = its;
            worst->lead = lead;
            worst->finding = i;
          }
      }
  for (size_t row = 0; row < t->shown; row++)
    {
      size_t i = rows[row].finding, more = rows[row].same - 1;
      const char *name = qk_verdict_name (t->found[i].verdict);
      if (rows[row].rank <= rank[QK_HOLDS])
        qk_grid_put (g, row, c, "%s", name ? name : "described");
      else if (more)
        qk_grid_put (g, row, c, "%s: %s +%zu", name, qk_story_quantity (t, i)->symbol, more);
      else
        qk_grid_put (g, row, c, "%s: %s", name, qk_story_quantity (t, i)->symbol);
    }
  free (rows);
}

/* The picture of each row, if the experiment draws any.  */
static void
add_sketches (struct qk_grid *g, const struct qk_story *t)
{
  const struct qk_experiment *experiment = t->plan->experiment;
  if (!experiment->sketch)
    return;
  size_t c = qk_grid_column (g, QK_GRID_BLOCK, "%s", experiment->sketched);
  for (size_t row = 0; row < t->shown; row++)
    {
      char text[KEY_WIDTH * 4];
      if (experiment->sketch (text, sizeof text, t->plan, t->found[t->first[row]].statement,
                              t->report->outcome->tables))
        qk_grid_put (g, row, c, "%s", text);
    }
}

void
qk_report_table (struct qk_grid *g, const struct qk_story *t)
{
  const struct qk_quantity *table = t->plan->experiment->quantities;
  qk_grid_open (g, t->shown);
  add_key_columns (g, t);
  for (size_t q = 0; table[q].name; q++)
    if (table[q].show == QK_LEAD)
      add_quantity_columns (g, t, q, true);
  for (size_t q = 0; table[q].name; q++)
    if (has_column (t, &table[q]))
      add_quantity_columns (g, t, q, false);
  add_sketches (g, t);
  if (t->judged)
    add_row_verdicts (g, t);
}

/* The fewest digits that read back to x.  */
static void
shortest (char text[static QK_FIGURE], double x)
{
  for (int digits = 1; digits <= 17; digits++)
    {
      snprintf (text, QK_FIGURE, "%.*g", digits, x);
      if (strtod (text, NULL) == x)
        break;
    }
}

bool
qk_report_has_digits (const struct qk_statement *s)
{
  return s->digits && strlen (s->digits) <= NUMBER;
}

void
qk_report_lines (struct qk_grid *g, const struct qk_story *t, const size_t *wanted, size_t n,
                 bool cases)
{
  char text[QK_FIGURE_BAND];
  qk_grid_open (g, n);
  size_t where = cases ? qk_grid_column (g, QK_GRID_KEY, "case") : 0;
  size_t name = qk_grid_column (g, QK_GRID_KEY, "quantity");
  bool known = false, sharp = true, judged = false;
  for (size_t line = 0; line < n; line++)
    {
      const struct qk_finding *found = &t->found[wanted[line]];
      known |= tells_exact (found) || found->statement->digits;
      sharp &= qk_story_is_sharp (found);
      judged |= found->statement->judged;
    }
  size_t estimate = qk_grid_column (g, QK_GRID_POINT, "estimate");
  size_t interval = sharp ? 0 : qk_grid_column (g, QK_GRID_RIGHT, "interval");
  if (!sharp)
    qk_grid_column (g, QK_GRID_RIGHT | QK_GRID_GLUED, "%s", "");
  size_t exact = known ? qk_grid_column (g, QK_GRID_POINT | QK_GRID_BLOCK, "exact") : 0;
  size_t allowed = judged ? qk_grid_column (g, QK_GRID_SPARE, "allowed") : 0;
  size_t verdict = judged ? qk_grid_column (g, QK_GRID_VERDICT, "verdict") : 0;
  for (size_t line = 0; line < n; line++)
    {
      size_t i = wanted[line];
      const struct qk_finding *found = &t->found[i];
      const struct qk_statement *s = found->statement;
      const char *word = qk_verdict_name (found->verdict);
      struct qk_figure f;
      figure_of (&f, t, found);
      if (cases)
        qk_grid_put (g, line, where, "%s", qk_story_case (t, s->key, wanted, n).text);
      qk_grid_put (g, line, name, "%s", qk_story_quantity (t, i)->symbol);
      if (s->digits)
        shortest (f.estimate, found->enclosure.estimate);
      qk_grid_put (g, line, estimate, "%s", f.estimate);
      if (!sharp)
        put_interval (g, line, interval, &f);
      qk_figure_value (text, s->exact, f.decimals);
      if (known)
        qk_grid_put (g, line, exact, "%s", qk_report_has_digits (s) ? s->digits : text);
      if (s->judged && !s->thin)
        {
          qk_figure_band (text, s->band);
          qk_grid_put (g, line, allowed, "%s", text);
        }
      if (judged)
        qk_grid_put (g, line, verdict, "%s", word ? word : "described");
    }
}
