/* report-text.c -- the result for people: the answer first and last, no figure without its
   interval.

   Findings with equal cases are a row of the main table; its columns come from the quantities of
   the descriptor.  Where there is one row only, each finding has a line of its own, and so have the
   quantities that run over all cases (slopes).  Markdown is the same story in pipe tables.  */

#include "report.h"

#include "figure.h"
#include "grid.h"
#include "replay.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum
{
  LINES = 8,      /* findings in the list of what does not hold */
  ROWS = 64,      /* of what files give, which may have thousands of heads or rows */
  NUMBER = 40,    /* characters of a number in a table */
  DIGITS = 5,     /* of what is known but for rounding */
  KEY_WIDTH = 28, /* characters of a text that names a case */
  SENTENCE = 2048 /* bytes */
};

/* What is told, and where to.  */
struct story
{
  FILE *out;
  const struct qk_report *report;
  const struct qk_plan *plan;
  const struct qk_finding *found;
  size_t n;
  bool markdown, color;

  bool judged;   /* whether anything is */
  size_t shown;  /* rows of the table that are printed */
  size_t rows;   /* cases that findings share */
  size_t *row;   /* of each finding; of no meaning where it has a line of its own */
  size_t *first; /* finding that names the row */
};

/* ---- Words --------------------------------------------------------------------------------- */

struct sentence
{
  char text[SENTENCE];
};

__attribute__ ((format (printf, 2, 3))) static void
add (struct sentence *s, const char *format, ...)
{
  size_t used = strlen (s->text);
  va_list args;
  va_start (args, format);
  vsnprintf (s->text + used, sizeof s->text - used, format, args);
  va_end (args);
}

/* A paragraph; its first word may be painted, and then ends with a space.  */
static void
say (const struct story *t, const char *lead, const char *color, const char *text, size_t indent)
{
  if (t->markdown)
    {
      fputs (*lead ? "\n**" : "\n", t->out);
      qk_text_markdown (t->out, lead);
      fputs (*lead ? "** " : "", t->out);
      qk_text_markdown (t->out, text);
      putc ('\n', t->out);
      return;
    }
  size_t width = qk_text_width (lead);
  fprintf (t->out, "%*s%s%s%s%s", (int)indent, "", t->color ? color : "", lead,
           t->color && *color ? qk_text_plain : "", *lead ? " " : "");
  qk_text_wrap (t->out, text, indent, indent + width + (*lead != '\0'));
}

static const struct qk_quantity *
quantity (const struct story *t, size_t i)
{
  return &t->plan->experiment->quantities[t->found[i].statement->quantity];
}

static void
add_key (struct sentence *s, const struct qk_key *key)
{
  char number[QK_FIGURE];
  if (key->text)
    add (s, "%s", key->text);
  else if (key->list && key->list->n > 0)
    {
      qk_figure_plain (number, key->list->value[0], 6);
      add (s, "%s", number);
      qk_figure_plain (number, key->list->value[key->list->n - 1], 6);
      if (key->list->n > 1)
        add (s, " to %s", number);
    }
  else if (!key->list)
    {
      if (key->number == rint (key->number) && fabs (key->number) < 1e7)
        qk_figure_value (number, key->number, 0);
      else
        qk_figure_plain (number, key->number, 6);
      add (s, "%s", number);
    }
}

/* "d_k = 64, keys = 8": all of a case.  */
static struct sentence
key_words (const struct qk_key *key)
{
  struct sentence s = { "" };
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    {
      add (&s, "%s%s = ", i ? ", " : "", key[i].name);
      add_key (&s, &key[i]);
    }
  return s;
}

/* ---- Rows: findings of one case --------------------------------------------------------------
 */

/* Whether a quantity stands apart from the table.  */
static bool
is_apart (const struct qk_quantity *q)
{
  return q->show == QK_LINE || q->show == QK_ASIDE;
}

static bool
has_line (const struct story *t, size_t i)
{
  return t->rows <= 1 || is_apart (quantity (t, i));
}

/* A detail that nobody asked for.  */
static bool
is_silent (const struct story *t, const struct qk_quantity *q)
{
  return (q->show == QK_DETAIL || q->show == QK_ASIDE) && t->plan->params->quantity.n == 0;
}

/* A finding with a line of its own that is not worth it.  */
static bool
is_untold (const struct story *t, size_t i)
{
  const struct qk_quantity *q = quantity (t, i);
  return q->show == QK_ASIDE && is_silent (t, q) && t->found[i].verdict != QK_FAILS
         && t->found[i].verdict != QK_UNDECIDED;
}

/* Whether a quantity has a column, where there is a table.  */
static bool
has_column (const struct story *t, const struct qk_quantity *q)
{
  return q->show == QK_COLUMN || (q->show == QK_DETAIL && !is_silent (t, q));
}

/* Rounding alone, and too little of it to touch a digit: nothing is gained by showing it.  */
static bool
is_sharp (const struct qk_finding *found)
{
  struct qk_enclosure e = found->enclosure;
  return !qk_method_sampled (found->statement->method)
         && (e.lo == e.hi || e.hi - e.lo <= 1e-7 * fabs (e.estimate));
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
figure_of (struct qk_figure *f, const struct story *t, const struct qk_finding *found)
{
  if (qk_replay_speaks (t->plan, found->statement))
    {
      *f = (struct qk_figure){ .decimals = 1 };
      snprintf (f->estimate, sizeof f->estimate, "%.1f",
                floor (10 * found->enclosure.estimate) / 10);
    }
  else if (is_sharp (found))
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

/* Equal for cases that are (FNV-1a, Fowler, Noll, Vo).  */
static uint64_t
case_hash (const struct qk_key *key)
{
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    {
      const double x = key[i].list ? (double)key[i].list->n : key[i].number + 0.0;
      const char *text = key[i].text ? key[i].text : (const char *)&x;
      size_t length = key[i].text ? strlen (text) : sizeof x;
      for (size_t j = 0; j < length; j++)
        hash = (hash ^ (unsigned char)text[j]) * 0x100000001b3;
    }
  return hash ^ hash >> 32;
}

/* Rows in the order of their first finding.  There may be many thousands.  */
static bool
find_rows (struct story *t)
{
  size_t room = 16;
  while (room < 2 * t->n)
    room *= 2;
  size_t *place = calloc (room, sizeof *place); /* row + 1, by hash; 0: free */
  t->row = calloc (t->n + 1, sizeof *t->row);
  t->first = calloc (t->n + 1, sizeof *t->first);
  bool whole = place && t->row && t->first;
  for (size_t i = 0; whole && i < t->n; i++)
    if (is_silent (t, quantity (t, i)))
      t->row[i] = SIZE_MAX; /* in no row */
    else if (!is_apart (quantity (t, i)))
      {
        const struct qk_key *key = t->found[i].statement->key;
        size_t at = case_hash (key) & (room - 1);
        while (place[at] && !qk_keys_equal (t->found[t->first[place[at] - 1]].statement->key, key))
          at = (at + 1) & (room - 1);
        if (!place[at])
          {
            t->first[t->rows] = i;
            place[at] = ++t->rows;
          }
        t->row[i] = place[at] - 1;
      }
  free (place);
  return whole;
}

static const struct qk_key *
row_key (const struct story *t, size_t row, const char *name)
{
  const struct qk_key *key = t->found[t->first[row]].statement->key;
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    if (strcmp (key[i].name, name) == 0)
      return &key[i];
  return NULL;
}

/* Whether the rows differ in a key.  */
static bool
varies (const struct story *t, const char *name)
{
  const struct qk_key *one = row_key (t, 0, name);
  for (size_t row = 1; row < t->rows; row++)
    {
      const struct qk_key *other = row_key (t, row, name);
      if (!one != !other || (one && !qk_key_equal (one, other)))
        return true;
    }
  return false;
}

/* Whether one of the findings has another value of that key.  */
static bool
differs (const struct story *t, const struct qk_key *key, const size_t *listed, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      const struct qk_key *other = t->found[listed[i]].statement->key;
      for (size_t k = 0; k < QK_KEYS && other[k].name; k++)
        if (strcmp (other[k].name, key->name) == 0 && !qk_key_equal (&other[k], key))
          return true;
    }
  return false;
}

/* "d_k = 64": the first key and those in which rows, or the findings listed, differ.  A list tells
   nothing from anything.  */
static struct sentence
case_words (const struct story *t, const struct qk_key *key, const size_t *listed, size_t n)
{
  struct sentence s = { "" };
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    if (!key[i].list
        && (i == 0 || (t->rows && varies (t, key[i].name)) || differs (t, &key[i], listed, n)))
      {
        add (&s, "%s%s = ", *s.text ? ", " : "", key[i].name);
        add_key (&s, &key[i]);
      }
  return s;
}

/* ---- Tables -------------------------------------------------------------------------------- */

static void
put_grid (const struct story *t, const struct qk_grid *g)
{
  if (t->markdown)
    qk_grid_markdown (t->out, g);
  else
    qk_grid_text (t->out, g, t->color);
}

/* The columns that say which case a row is: the first key, and all in which rows differ.  */
static void
add_key_columns (struct qk_grid *g, const struct story *t)
{
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
          if (n > 1 && !varies (t, key[i].name))
            continue;
          size_t c = qk_grid_column (g, QK_GRID_KEY | (key[i].text ? 0 : QK_GRID_RIGHT), "%s",
                                     key[i].name);
          for (size_t r = 0; r < t->shown; r++)
            {
              const struct qk_key *value = row_key (t, r, key[i].name);
              struct sentence words = { "" };
              if (value)
                add_key (&words, value);
              qk_grid_put (g, r, c, "%.*s", KEY_WIDTH, words.text);
            }
        }
    }
}

/* Whether a quantity has the same exact value in every row, and which.  */
static bool
constant (const struct story *t, size_t which, double *exact)
{
  *exact = NAN;
  for (size_t i = 0; i < t->n; i++)
    if (t->found[i].statement->quantity == which)
      {
        double x = t->found[i].statement->exact;
        if (isnan (x) || (!isnan (*exact) && x != *exact))
          return false;
        *exact = x;
      }
  return !isnan (*exact);
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
add_quantity_columns (struct qk_grid *g, const struct story *t, size_t which, bool lead)
{
  const struct qk_quantity *q = &t->plan->experiment->quantities[which];
  bool seen = false, known = false, sharp = true;
  double exact;
  for (size_t i = 0; i < t->n; i++)
    if (t->found[i].statement->quantity == which)
      {
        seen = true;
        known |= tells_exact (&t->found[i]);
        sharp &= is_sharp (&t->found[i]);
      }
  if (!seen)
    return;
  known &= lead || !constant (t, which, &exact);

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
add_row_verdicts (struct qk_grid *g, const struct story *t)
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
    if (!has_line (t, i) && t->row[i] < t->shown)
      {
        int its = rank[t->found[i].verdict];
        bool lead = quantity (t, i)->show == QK_LEAD;
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
        qk_grid_put (g, row, c, "%s: %s +%zu", name, quantity (t, i)->symbol, more);
      else
        qk_grid_put (g, row, c, "%s: %s", name, quantity (t, i)->symbol);
    }
  free (rows);
}

/* A row for each case: the lead in full, the other quantities beside it.  */
static void
make_table (struct qk_grid *g, const struct story *t)
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

/* Digits that a table has room for.  */
static bool
has_digits (const struct qk_statement *s)
{
  return s->digits && strlen (s->digits) <= NUMBER;
}

/* A line for each finding that is wanted: everything there is to say of it.  */
static void
make_lines (struct qk_grid *g, const struct story *t, const size_t *wanted, size_t n, bool cases)
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
      sharp &= is_sharp (found);
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
        qk_grid_put (g, line, where, "%s", case_words (t, s->key, wanted, n).text);
      qk_grid_put (g, line, name, "%s", quantity (t, i)->symbol);
      if (s->digits)
        shortest (f.estimate, found->enclosure.estimate);
      qk_grid_put (g, line, estimate, "%s", f.estimate);
      if (!sharp)
        put_interval (g, line, interval, &f);
      qk_figure_value (text, s->exact, f.decimals);
      if (known)
        qk_grid_put (g, line, exact, "%s", has_digits (s) ? s->digits : text);
      if (s->judged && !s->thin)
        {
          qk_figure_band (text, s->band);
          qk_grid_put (g, line, allowed, "%s", text);
        }
      if (judged)
        qk_grid_put (g, line, verdict, "%s", word ? word : "described");
    }
}

/* ---- The parts of the story ------------------------------------------------------------------
 */

/* "normal components, tolerance 1 %, 99.9 % confidence over all 92 intervals".  */
static struct sentence
setting (const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  struct sentence s = { "" };
  size_t intervals = 0, sampled = 0;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      sampled += plan->statements[i].miss > 0;
      intervals += plan->statements[i].miss > 0 && !plan->statements[i].thin;
    }
  if (plan->experiment->describe)
    {
      plan->experiment->describe (s.text, sizeof s.text, plan);
      if (plan->experiment->recorded || !sampled)
        return s;
      add (&s, ", ");
    }
  add (&s, "tolerance %.10g %%, ", 100 * p->tolerance);
  if (p->miss > 0)
    add (&s, "each interval misses with probability %.10g", p->miss);
  else if (intervals <= 1)
    add (&s, "%.10g %% confidence", 100 * p->confidence);
  else
    add (&s, "%.10g %% confidence over all %zu intervals", 100 * p->confidence, intervals);
  return s;
}

/* "3.1e7 scores, 0.5 s, seed 1".  */
static struct sentence
effort_words (const struct story *t)
{
  const struct qk_outcome *outcome = t->report->outcome;
  struct sentence s = { "" };
  char text[QK_FIGURE];
  double samples = 0;
  for (size_t i = 0; i < t->plan->n_cases && outcome->tables; i++)
    samples += (double)outcome->tables[i].rows * t->plan->cases[i].units;
  qk_figure_count (text, samples);
  add (&s, "%s %s", text, t->plan->experiment->unit);
  qk_figure_time (text, outcome->elapsed);
  add (&s, ", %s", text);
  if (!t->plan->experiment->recorded)
    add (&s, ", seed %llu", (unsigned long long)t->plan->params->seed);
  return s;
}

/* One sentence on a finding that does not hold: what the experiment has to say, or else what the
   interval tells.  */
static struct sentence
advice (const struct story *t, const struct qk_finding *f)
{
  const struct qk_experiment *experiment = t->plan->experiment;
  const char *symbol = experiment->quantities[f->statement->quantity].symbol;
  struct sentence s = { "" };
  struct qk_figure figure;
  char text[QK_FIGURE_BAND];
  bool replay = qk_replay_speaks (t->plan, f->statement);
  if (replay && qk_replay_explain (s.text, sizeof s.text, f->statement, &f->enclosure, f->verdict))
    return s;
  if (!replay && experiment->explain
      && experiment->explain (s.text, sizeof s.text, t->plan, f->statement, &f->enclosure,
                              f->verdict))
    return s;
  s.text[0] = '\0';
  qk_figure_enclosure (&figure, f->enclosure);
  qk_figure_band (text, f->statement->band);
  if (f->verdict == QK_FAILS)
    add (&s, "%s lies in [%s, %s], but the claim allows %s.", symbol, figure.lo, figure.hi, text);
  else if (isnan (f->enclosure.lo))
    add (&s, "Too few samples for an interval around %s.", symbol);
  else if (isnan (f->samples_needed))
    add (&s, "%s is undecided: no sample would bring its interval to one side of %s.", symbol,
         text);
  else
    {
      qk_figure_count (text, f->samples_needed);
      add (&s, "About %s %s would decide %s.", text, experiment->unit, symbol);
    }
  return s;
}

/* Of the findings with that verdict the one to speak of: a lead before others; and of undecided
   ones that which wants most samples.  NULL: there is none.  */
static const struct qk_finding *
spokesman (const struct story *t, enum qk_verdict verdict)
{
  const struct qk_finding *chosen = NULL;
  bool led = false;
  for (size_t i = 0; i < t->n; i++)
    if (t->found[i].verdict == verdict)
      {
        const struct qk_finding *f = &t->found[i];
        bool lead = quantity (t, i)->show == QK_LEAD;
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

static const char *
answer_word (enum qk_verdict verdict)
{
  return verdict == QK_HOLDS       ? "Yes"
         : verdict == QK_FAILS     ? "No"
         : verdict == QK_UNDECIDED ? "Undecided"
                                   : "Described";
}

static void
write_question (const struct story *t, const struct sentence *under)
{
  const struct qk_outcome *outcome = t->report->outcome;
  enum qk_verdict verdict = outcome ? qk_outcome_verdict (outcome) : QK_DESCRIBED;
  const char *asked = t->plan->experiment->asked;
  struct sentence first = { "" };
  add (&first, "%s%s", outcome ? answer_word (verdict) : "Planned",
       outcome && !outcome->complete ? ", so far: this is a partial result." : ".");
  if (t->markdown)
    {
      fprintf (t->out, "**");
      qk_text_markdown (t->out, asked);
      fprintf (t->out, " %s**\n", first.text);
    }
  else
    fprintf (t->out, "%s%s%s  %s%s%s\n", t->color ? qk_text_bold : "", asked,
             t->color ? qk_text_plain : "", t->color ? qk_text_color (first.text) : "", first.text,
             t->color ? qk_text_plain : "");
  say (t, "", "", under->text, 0);
}

/* Findings of the table that do not hold, each with all that is known of it.  */
static bool
write_trouble (const struct story *t)
{
  size_t wanted[LINES], n = 0, all = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < t->n; i++)
      if (!has_line (t, i) && t->found[i].verdict == (pass ? QK_UNDECIDED : QK_FAILS))
        {
          if (n < LINES)
            wanted[n++] = i;
          all++;
        }
  if (!n)
    return true;
  struct qk_grid g;
  make_lines (&g, t, wanted, n, true);
  bool whole = !g.full;
  put_grid (t, &g);
  qk_grid_close (&g);
  if (all > n)
    {
      struct sentence s = { "" };
      add (&s, "and %zu more; --format=json lists all.", all - n);
      say (t, "", "", s.text, 2);
    }
  return whole;
}

/* What is too long for a table.  */
static void
write_digits (const struct story *t, const size_t *wanted, size_t n, bool cases)
{
  for (size_t line = 0; line < n; line++)
    {
      const struct qk_statement *s = t->found[wanted[line]].statement;
      struct sentence lead = { "" };
      if (!s->digits || has_digits (s))
        continue;
      if (cases)
        lead = case_words (t, s->key, wanted, n);
      add (&lead, "%s%s =", *lead.text ? ": " : "", quantity (t, wanted[line])->symbol);
      fputs (t->markdown ? "" : "\n", t->out);
      say (t, lead.text, "", s->digits, 2);
    }
}

/* Findings with a line of their own.  */
static bool
write_lines (const struct story *t)
{
  size_t *wanted = calloc (t->n + 1, sizeof *wanted), n = 0, all = 0;
  if (!wanted)
    return false;
  for (size_t i = 0; i < t->n; i++)
    if (has_line (t, i) && !is_untold (t, i) && (all++ < ROWS || !t->plan->n_inputs))
      wanted[n++] = i;
  struct qk_grid g = { 0 };
  if (n)
    {
      bool cases = false;
      for (size_t i = 1; i < n; i++)
        cases |= !qk_keys_equal (t->found[wanted[0]].statement->key,
                                 t->found[wanted[i]].statement->key);
      make_lines (&g, t, wanted, n, cases);
      put_grid (t, &g);
      write_digits (t, wanted, n, cases);
      if (n < all)
        {
          struct sentence s = { "" };
          add (&s, "and %zu more; --format=csv lists all.", all - n);
          say (t, "", "", s.text, 2);
        }
    }
  bool whole = !g.full;
  qk_grid_close (&g);
  free (wanted);
  return whole;
}

static bool
write_table (const struct story *t)
{
  if (t->rows == 1)
    {
      struct sentence s = key_words (t->found[t->first[0]].statement->key);
      fputs (t->markdown || !*s.text ? "" : "\n", t->out);
      if (*s.text)
        say (t, "", "", s.text, 2);
    }
  if (t->rows <= 1)
    return true;
  struct qk_grid g;
  make_table (&g, t);
  bool whole = !g.full;
  put_grid (t, &g);
  qk_grid_close (&g);

  const struct qk_quantity *table = t->plan->experiment->quantities;
  struct sentence s = { "" };
  for (size_t q = 0; table[q].name; q++)
    {
      char value[QK_FIGURE];
      double exact;
      if (table[q].show != QK_COLUMN || !constant (t, q, &exact))
        continue;
      qk_figure_value (value, exact, 4);
      add (&s, "%s%s = %s", *s.text ? ", " : "", table[q].symbol, value);
    }
  fputs (t->markdown ? "" : "\n", t->out);
  if (*s.text)
    say (t, "Exact in every row:", "", s.text, 2);
  if (t->shown < t->rows)
    {
      s.text[0] = '\0';
      add (&s, "and %zu rows more; --format=csv lists all.", t->rows - t->shown);
      say (t, "", "", s.text, 2);
    }
  bool sharp = true, replayed = false;
  for (size_t i = 0; i < t->n; i++)
    {
      sharp &= is_sharp (&t->found[i]);
      replayed |= qk_replay_speaks (t->plan, t->found[i].statement);
    }
  if (replayed)
    say (t, "", "", "Digits that agree with MPFR are rounded down; 15.9 are all.", 2);
  if (!(sharp && replayed))
    say (t, "", "",
         sharp ? "Nothing is sampled, and rounding changes no digit shown."
               : "± reaches to the farther end of the interval.",
         2);
  return whole;
}

/* Quantities that are only described, sentences on what does not hold, warnings.  */
static void
write_notes (const struct story *t, const char *const *warning, size_t n)
{
  const struct qk_quantity *table = t->plan->experiment->quantities;
  const struct qk_finding *fails = spokesman (t, QK_FAILS);
  const struct qk_finding *spoken = fails ? fails : spokesman (t, QK_UNDECIDED);
  struct sentence described = { "" };
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
      if (seen && !judged && !is_silent (t, &table[q]))
        add (&described, "%s%s", *described.text ? ", " : "", table[q].symbol);
      /* The answer speaks of one quantity; the others get their sentence here.  */
      if (first && spoken->statement->quantity != q)
        {
          struct sentence where = { "" };
          if (t->rows > 1)
            where = case_words (t, first->statement->key, NULL, 0);
          add (&where, *where.text ? ":" : "");
          fputs (blank ? "\n" : "", t->out);
          blank = false;
          say (t, where.text, "", advice (t, first).text, 2);
        }
    }
  if (*described.text && t->rows > 1 && t->judged)
    {
      fputs (blank ? "\n" : "", t->out);
      blank = false;
      say (t, "Described, not judged:", "", described.text, 2);
    }
  for (size_t i = 0; i < n; i++)
    {
      fputs (blank ? "\n" : "", t->out);
      blank = false;
      say (t, "Note:", "", warning[i], 2);
    }
}

static void
write_answer (const struct story *t)
{
  const struct qk_outcome *outcome = t->report->outcome;
  enum qk_verdict verdict = qk_outcome_verdict (outcome);
  size_t count[QK_INVALID + 1] = { 0 };
  for (size_t i = 0; i < t->n; i++)
    count[t->found[i].verdict]++;
  size_t judged = t->n - count[QK_DESCRIBED];
  /* What is the answer; out of how much; where to learn how.  */
  struct sentence lead = { "" }, answer = { "" }, rest = { "" }, effort = effort_words (t);
  const struct qk_finding *spoken = spokesman (t, verdict);
  add (&lead, "%s:", answer_word (verdict));
  if (spoken && (verdict == QK_FAILS || verdict == QK_UNDECIDED))
    {
      answer = advice (t, spoken);
      add (&rest, "%zu of %zu finding%s %s (%s).", count[verdict], judged, judged == 1 ? "" : "s",
           verdict == QK_UNDECIDED ? (count[verdict] == 1 ? "is undecided" : "are undecided")
           : count[verdict] == 1   ? "fails"
                                   : "fail",
           effort.text);
    }
  else if (judged == 0)
    add (&answer, "nothing %s judged (%s).", verdict == QK_DESCRIBED ? "was to be" : "could be",
         effort.text);
  else if (judged == 1)
    add (&answer, "the finding %sholds (%s).", outcome->complete ? "" : "so far ", effort.text);
  else
    {
      add (&answer, judged == 2 ? "both" : "all %zu", judged);
      add (&answer, " %sfindings %shold (%s).", judged < t->n ? "judged " : "",
           outcome->complete ? "" : "so far ", effort.text);
    }
  if (!outcome->complete)
    add (&rest, "%sInterrupted: this is a partial result.", *rest.text ? " " : "");
  bool quiet = t->plan->params->quiet && !t->markdown;
  const struct qk_experiment *experiment = t->plan->experiment;
  if (experiment->summarise)
    {
      struct sentence summary = { "" };
      experiment->summarise (summary.text, sizeof summary.text, t->plan, outcome->tables);
      fputs (quiet || t->markdown || !*summary.text ? "" : "\n", t->out);
      if (*summary.text)
        say (t, "", "", summary.text, 0);
      if (*summary.text && !t->judged)
        return;
    }
  if (!quiet)
    add (&rest, "%sHow it was decided: qkcheck help method.", *rest.text ? " " : "");

  fputs (quiet || t->markdown ? "" : "\n", t->out);
  size_t width
      = qk_text_width (lead.text) + qk_text_width (answer.text) + qk_text_width (rest.text);
  bool beside = t->markdown || width + 2 <= QK_WIDTH;
  if (beside)
    add (&answer, "%s%s", *rest.text ? " " : "", rest.text);
  say (t, lead.text, qk_text_color (lead.text), answer.text, 0);
  if (!beside)
    say (t, "", "", rest.text, 0);
}

/* The command line, so that whoever reads the table can ask again.  */
static void
write_command (const struct story *t)
{
  struct sentence s = { "" };
  add (&s, "qkcheck");
  for (int i = 1; i < t->report->argc; i++)
    add (&s, " %s", t->report->argv[i]);
  s.text[strcspn (s.text, "\r\n")] = '\0';
  bool tick = strchr (s.text, '`');
  fprintf (t->out, "\n%s%s%s\n", tick ? "`` " : "`", s.text, tick ? " ``" : "`");
}

static struct story
open_story (FILE *out, const struct qk_report *report)
{
  bool markdown = report->plan->params->format == QK_MARKDOWN;
  return (struct story){ .out = out,
                         .report = report,
                         .plan = report->plan,
                         .markdown = markdown,
                         .color = report->color && !markdown };
}

int
qk_report_text (FILE *out, const struct qk_report *report)
{
  const struct qk_outcome *outcome = report->outcome;
  struct story t = open_story (out, report);
  t.found = outcome->findings;
  t.n = outcome->n_findings;
  bool whole = find_rows (&t);
  for (size_t i = 0; i < t.n; i++)
    t.judged |= t.found[i].verdict != QK_DESCRIBED;
  t.shown = t.plan->n_inputs && t.rows > ROWS ? ROWS : t.rows;
  if (whole && (t.markdown || !report->plan->params->quiet))
    {
      struct sentence under = setting (t.plan);
      write_question (&t, &under);
      if (t.markdown)
        write_command (&t);
      whole = write_table (&t) && write_lines (&t) && write_trouble (&t);
      write_notes (&t, (const char *const *)outcome->warnings, outcome->n_warnings);
    }
  if (whole)
    write_answer (&t);
  free (t.row);
  free (t.first);
  return whole ? 0 : -1;
}

/* ---- The plan ------------------------------------------------------------------------------ */

static bool
write_cases (const struct story *t)
{
  const struct qk_plan *plan = t->plan;
  char text[QK_FIGURE];
  struct qk_grid g;
  qk_grid_open (&g, plan->n_cases);
  size_t label = qk_grid_column (&g, QK_GRID_KEY, "case");
  size_t samples = qk_grid_column (&g, QK_GRID_RIGHT, "%s", plan->experiment->unit);
  size_t blocks = qk_grid_column (&g, QK_GRID_RIGHT, "blocks");
  size_t table = qk_grid_column (&g, QK_GRID_RIGHT, "table");
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      const struct qk_case *c = &plan->cases[i];
      qk_grid_put (&g, i, label, "%s", c->label);
      qk_figure_count (text, (double)c->blocks * c->units);
      qk_grid_put (&g, i, samples, "%s", text);
      qk_grid_put (&g, i, blocks, "%llu", (unsigned long long)c->blocks);
      qk_figure_bytes (text, (double)(c->blocks * qk_kind_columns (c->kind) * sizeof (double)));
      qk_grid_put (&g, i, table, "%s", text);
    }
  bool whole = !g.full;
  if (plan->n_cases)
    put_grid (t, &g);
  qk_grid_close (&g);
  return whole;
}

static bool
write_statements (const struct story *t)
{
  const struct qk_plan *plan = t->plan;
  char text[QK_FIGURE_BAND];
  struct qk_grid g;
  qk_grid_open (&g, plan->n_statements);
  size_t name = qk_grid_column (&g, QK_GRID_KEY, "statement");
  size_t where = qk_grid_column (&g, QK_GRID_KEY, "case");
  size_t exact = qk_grid_column (&g, QK_GRID_POINT, "exact");
  size_t allowed = qk_grid_column (&g, 0, "allowed");
  size_t miss = qk_grid_column (&g, QK_GRID_RIGHT, "miss");
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      qk_grid_put (&g, i, name, "%s", plan->experiment->quantities[s->quantity].symbol);
      qk_grid_put (&g, i, where, "%s", key_words (s->key).text);
      qk_figure_value (text, s->exact, 4);
      qk_grid_put (&g, i, exact, "%s", text);
      if (s->judged && !s->thin)
        qk_figure_band (text, s->band);
      else
        strcpy (text, "described");
      qk_grid_put (&g, i, allowed, "%s", text);
      qk_figure_plain (text, s->miss, 2);
      qk_grid_put (&g, i, miss, "%s", text);
    }
  bool whole = !g.full;
  if (plan->n_statements)
    put_grid (t, &g);
  qk_grid_close (&g);
  return whole;
}

int
qk_report_plan_text (FILE *out, const struct qk_report *report)
{
  const struct qk_plan *plan = report->plan;
  struct story t = open_story (out, report);
  bool whole = true, quiet = plan->params->quiet && !t.markdown;
  if (!quiet)
    {
      struct sentence under = setting (plan);
      write_question (&t, &under);
      if (t.markdown)
        write_command (&t);
      whole = write_cases (&t) && write_statements (&t);
      write_notes (&t, (const char *const *)plan->warnings, plan->n_warnings);
    }
  if (!whole)
    return -1;

  double samples = 0;
  for (size_t i = 0; i < plan->n_cases; i++)
    samples += (double)plan->cases[i].blocks * plan->cases[i].units;
  int threads = qk_engine_threads (plan->params);
  char count[QK_FIGURE], memory[QK_FIGURE], time[QK_FIGURE];
  qk_figure_count (count, samples);
  qk_figure_bytes (memory, qk_engine_memory (plan));
  qk_figure_time (time, qk_engine_seconds (plan, report->kernels));
  struct sentence s = { "" };
  add (&s,
       "%zu cases, %zu statements, %s %s, %s, about %s with %d thread%s, seed %llu. Nothing was "
       "judged.",
       plan->n_cases, plan->n_statements, count, plan->experiment->unit, memory, time, threads,
       threads == 1 ? "" : "s", (unsigned long long)plan->params->seed);
  fputs (quiet || t.markdown ? "" : "\n", out);
  say (&t, "Plan:", "", s.text, 0);
  return 0;
}
