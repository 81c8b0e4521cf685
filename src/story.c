/* story.c -- what reports for people are made of: words, paragraphs, and findings of one case
   as rows.  */

#include "story.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- Words ---------------------------------------------------------------------------------- */

void
qk_sentence_add (struct qk_sentence *s, const char *format, ...)
{
  size_t used = strlen (s->text);
  va_list args;
  va_start (args, format);
  vsnprintf (s->text + used, sizeof s->text - used, format, args);
  va_end (args);
}

void
qk_story_say (const struct qk_story *t, const char *lead, const char *color, const char *text,
              size_t indent)
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

void
qk_sentence_key (struct qk_sentence *s, const struct qk_key *key)
{
  char number[QK_FIGURE];
  if (key->text)
    qk_sentence_add (s, "%s", key->text);
  else if (key->list && key->list->n > 0)
    {
      qk_figure_plain (number, key->list->value[0], 6);
      qk_sentence_add (s, "%s", number);
      qk_figure_plain (number, key->list->value[key->list->n - 1], 6);
      if (key->list->n > 1)
        qk_sentence_add (s, " to %s", number);
    }
  else if (!key->list)
    {
      if (key->number == rint (key->number) && fabs (key->number) < 1e7)
        qk_figure_value (number, key->number, 0);
      else
        qk_figure_plain (number, key->number, 6);
      qk_sentence_add (s, "%s", number);
    }
}

struct qk_sentence
qk_sentence_keys (const struct qk_key *key)
{
  struct qk_sentence s = { "" };
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    {
      qk_sentence_add (&s, "%s%s = ", i ? ", " : "", key[i].name);
      qk_sentence_key (&s, &key[i]);
    }
  return s;
}

/* ---- Beginning ------------------------------------------------------------------------------ */

struct qk_story
qk_story_open (FILE *out, const struct qk_report *report)
{
  bool markdown = report->plan->params->format == QK_MARKDOWN;
  return (struct qk_story){ .out = out,
                            .report = report,
                            .plan = report->plan,
                            .markdown = markdown,
                            .color = report->color && !markdown };
}

void
qk_story_grid (const struct qk_story *t, const struct qk_grid *g)
{
  if (t->markdown)
    qk_grid_markdown (t->out, g);
  else
    qk_grid_text (t->out, g, t->color);
}

struct qk_sentence
qk_story_setting (const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  struct qk_sentence s = { "" };
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
      qk_sentence_add (&s, ", ");
    }
  if (p->thorough)
    qk_sentence_add (&s, "tolerances of the commands, ");
  else if (!plan->experiment->fixed)
    qk_sentence_add (&s, "tolerance %.10g %%, ", 100 * p->tolerance);
  if (p->miss > 0)
    qk_sentence_add (&s, "each interval misses with probability %.10g", p->miss);
  else if (intervals <= 1)
    qk_sentence_add (&s, "%.10g %% confidence", 100 * p->confidence);
  else
    qk_sentence_add (&s, "%.10g %% confidence over all %zu intervals", 100 * p->confidence,
                     intervals);
  return s;
}

const char *
qk_story_word (enum qk_verdict verdict)
{
  return verdict == QK_HOLDS       ? "Yes"
         : verdict == QK_FAILS     ? "No"
         : verdict == QK_UNDECIDED ? "Undecided"
                                   : "Described";
}

void
qk_story_question (const struct qk_story *t, const struct qk_sentence *under)
{
  const struct qk_outcome *outcome = t->report->outcome;
  enum qk_verdict verdict = outcome ? qk_report_verdict (t->report) : QK_DESCRIBED;
  const char *asked = t->plan->experiment->asked;
  struct qk_sentence first = { "" };
  qk_sentence_add (&first, "%s%s", outcome ? qk_story_word (verdict) : "Planned",
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
  qk_story_say (t, "", "", under->text, 0);
}

void
qk_story_command (const struct qk_story *t)
{
  struct qk_sentence s = { "" };
  qk_sentence_add (&s, "qkcheck");
  for (int i = 1; i < t->report->argc; i++)
    qk_sentence_add (&s, " %s", t->report->argv[i]);
  s.text[strcspn (s.text, "\r\n")] = '\0';
  bool tick = strchr (s.text, '`');
  fprintf (t->out, "\n%s%s%s\n", tick ? "`` " : "`", s.text, tick ? " ``" : "`");
}

void
qk_story_warnings (const struct qk_story *t, const char *const *warning, size_t n, bool blank)
{
  for (size_t i = 0; i < n; i++)
    {
      fputs (i == 0 && blank ? "\n" : "", t->out);
      qk_story_say (t, "Note:", "", warning[i], 2);
    }
}

/* ---- Rows: findings of one case ------------------------------------------------------------- */

const struct qk_quantity *
qk_story_quantity (const struct qk_story *t, size_t i)
{
  return qk_statement_quantity (t->plan, t->found[i].statement);
}

/* Whether a quantity stands apart from the table.  */
static bool
is_apart (const struct qk_quantity *q)
{
  return q->show == QK_LINE || q->show == QK_ASIDE;
}

bool
qk_story_has_line (const struct qk_story *t, size_t i)
{
  return t->rows <= 1 || is_apart (qk_story_quantity (t, i));
}

bool
qk_story_is_silent (const struct qk_story *t, const struct qk_quantity *q)
{
  return (q->show == QK_DETAIL || q->show == QK_ASIDE) && t->plan->params->quantity.n == 0;
}

bool
qk_story_is_aside (const struct qk_story *t, size_t i)
{
  return t->found[i].statement->aside && t->plan->params->quantity.n == 0
         && t->found[i].verdict != QK_FAILS && t->found[i].verdict != QK_UNDECIDED;
}

bool
qk_story_is_sharp (const struct qk_finding *found)
{
  struct qk_enclosure e = found->enclosure;
  return !qk_method_sampled (found->statement->method)
         && (e.lo == e.hi || e.hi - e.lo <= 1e-7 * fabs (e.estimate));
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

bool
qk_story_rows (struct qk_story *t)
{
  size_t room = 16;
  while (room < 2 * t->n)
    room *= 2;
  size_t *place = calloc (room, sizeof *place); /* row + 1, by hash; 0: free */
  t->row = calloc (t->n + 1, sizeof *t->row);
  t->first = calloc (t->n + 1, sizeof *t->first);
  bool whole = place && t->row && t->first;
  for (size_t i = 0; whole && i < t->n; i++)
    if (qk_story_is_silent (t, qk_story_quantity (t, i)) || qk_story_is_aside (t, i))
      t->row[i] = SIZE_MAX; /* in no row */
    else if (!is_apart (qk_story_quantity (t, i)))
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
find_key (const struct qk_key *keys, const char *name)
{
  for (size_t i = 0; i < QK_KEYS && keys[i].name; i++)
    if (strcmp (keys[i].name, name) == 0)
      return &keys[i];
  return NULL;
}

const struct qk_key *
qk_story_key (const struct qk_story *t, size_t row, const char *name)
{
  return find_key (t->found[t->first[row]].statement->key, name);
}

bool
qk_story_varies (const struct qk_story *t, const char *name)
{
  const struct qk_key *one = qk_story_key (t, 0, name);
  for (size_t row = 1; row < t->rows; row++)
    {
      const struct qk_key *other = qk_story_key (t, row, name);
      if (!one != !other || (one && !qk_key_equal (one, other)))
        return true;
    }
  return false;
}

/* Whether that key tells a case from another which those told before it do not: one that has
   another value of it.  */
static bool
tells_apart (const struct qk_key *key, const struct qk_key *other, const struct qk_key *const *told,
             size_t n)
{
  const struct qk_key *its = find_key (other, key->name);
  if (!its || qk_key_equal (its, key))
    return false;
  for (size_t i = 0; i < n; i++)
    {
      its = find_key (other, told[i]->name);
      if (its && !qk_key_equal (its, told[i]))
        return false;
    }
  return true;
}

/* Whether the value of a key needs no name beside it.  */
static bool
speaks (const struct qk_key *key)
{
  return key->text
         && (!strcmp (key->name, "task") || !strcmp (key->name, "arm")
             || !strcmp (key->name, "optimizer"));
}

struct qk_sentence
qk_story_case (const struct qk_story *t, const struct qk_key *key, const size_t *listed, size_t n)
{
  struct qk_sentence s = { "" };
  const struct qk_key *told[QK_KEYS];
  size_t said = 0;
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    {
      bool needed = i == 0;
      for (size_t row = 0; row < t->rows && !needed; row++)
        needed = tells_apart (&key[i], t->found[t->first[row]].statement->key, told, said);
      for (size_t line = 0; line < n && !needed; line++)
        needed = tells_apart (&key[i], t->found[listed[line]].statement->key, told, said);
      if (!key[i].list && needed)
        {
          told[said++] = &key[i];
          qk_sentence_add (&s, "%s%s%s", *s.text ? ", " : "", speaks (&key[i]) ? "" : key[i].name,
                           speaks (&key[i]) ? "" : " = ");
          qk_sentence_key (&s, &key[i]);
        }
    }
  return s;
}

bool
qk_story_constant (const struct qk_story *t, size_t which, double *exact)
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
