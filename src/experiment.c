/* experiment.c -- building a plan: cases, statements and warnings in memory of their own.  */

#include "experiment.h"

#include <math.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qk_chunk
{
  struct qk_chunk *next;
  alignas (max_align_t) unsigned char bytes[];
};

bool
qk_method_sampled (enum qk_method method)
{
  return method != QK_BY_EXACT && method != QK_BY_BOUND && method != QK_BY_ROUNDING;
}

void *
qk_plan_alloc (struct qk_plan *plan, size_t bytes)
{
  struct qk_chunk *chunk = calloc (1, sizeof *chunk + bytes);
  if (!chunk)
    {
      plan->full = true;
      return NULL;
    }
  chunk->next = plan->memory;
  plan->memory = chunk;
  return chunk->bytes;
}

void *
qk_plan_copy (struct qk_plan *plan, const void *from, size_t bytes)
{
  void *copy = qk_plan_alloc (plan, bytes);
  if (copy)
    memcpy (copy, from, bytes);
  return copy;
}

static char *
print (struct qk_plan *plan, const char *format, va_list arguments)
{
  if (plan->full) /* what there was no memory for may be among the arguments */
    return NULL;
  va_list again;
  va_copy (again, arguments);
  int length = vsnprintf (NULL, 0, format, arguments);
  char *text = qk_plan_alloc (plan, (size_t)length + 1);
  if (text)
    vsnprintf (text, (size_t)length + 1, format, again);
  va_end (again);
  return text;
}

char *
qk_plan_print (struct qk_plan *plan, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  char *text = print (plan, format, arguments);
  va_end (arguments);
  return text;
}

bool
qk_plan_wants (const struct qk_plan *plan, const char *quantity)
{
  const struct qk_names *asked = &plan->params->quantity;
  for (size_t i = 0; i < asked->n; i++)
    if (!strcmp (asked->name[i], quantity))
      return true;
  return asked->n == 0;
}

size_t
qk_plan_quantity (const struct qk_plan *plan, const char *name)
{
  const struct qk_quantity *table = plan->experiment->quantities;
  size_t i = 0;
  while (strcmp (table[i].name, name))
    i++;
  return i;
}

/* Room for one more in an array that doubles: whether n is a power of two (or 0) says when.  Where
   nobody waits for the plan any more its builder sees that here, for it need go no further.  */
static void *
room (struct qk_plan *plan, void *array, size_t n, size_t size)
{
  plan->full |= plan->signal && atomic_load (plan->signal);
  if (n & (n - 1))
    return array;
  void *larger = realloc (array, (n ? 2 * n : 1) * size);
  if (!larger)
    plan->full = true;
  return larger;
}

size_t
qk_plan_case (struct qk_plan *plan, const struct qk_kind *kind, const char *label,
              const char *identity, void *own)
{
  struct qk_case *cases
      = plan->full ? NULL : room (plan, plan->cases, plan->n_cases, sizeof *cases);
  if (!cases)
    return 0;
  plan->cases = cases;
  cases[plan->n_cases] = (struct qk_case){ .kind = kind,
                                           .label = qk_plan_print (plan, "%s", label),
                                           .cell = qk_cell (identity, 0),
                                           .own = own };
  return plan->n_cases++;
}

int
qk_plan_input (struct qk_plan *plan, const char *path,
               int (*open) (struct qk_tensor *t, const char *path, char why[static QK_WHY]),
               char why[static QK_WHY])
{
  struct qk_input *input = qk_plan_alloc (plan, sizeof *input);
  if (!input)
    {
      snprintf (why, QK_WHY, "out of memory");
      return -1;
    }
  if (open (&input->tensor, path, why))
    return -1;
  plan->inputs[plan->n_inputs++] = input;
  return 0;
}

/* The sources of the last statement, where they are the same, or a copy.  */
static size_t *
keep_sources (struct qk_plan *plan, const size_t *source, size_t sources)
{
  const struct qk_statement *last
      = plan->n_statements ? &plan->statements[plan->n_statements - 1] : NULL;
  if (last && last->sources == sources
      && (!sources || !memcmp (last->source, source, sources * sizeof *source)))
    return last->source;
  size_t *copy = qk_plan_alloc (plan, (sources + 1) * sizeof *copy);
  if (copy && sources)
    memcpy (copy, source, sources * sizeof *copy);
  return copy;
}

struct qk_statement *
qk_plan_statement (struct qk_plan *plan, const char *quantity, const size_t *source, size_t sources)
{
  static const struct qk_key none[1];
  size_t *kept = keep_sources (plan, source, sources); /* before the last one moves */
  struct qk_statement *statements
      = room (plan, plan->statements, plan->n_statements, sizeof *statements);
  /* A full plan is void, but its builder still gets a statement to fill.  */
  static struct qk_statement nowhere;
  if (statements)
    plan->statements = statements;
  if (!statements || !kept)
    return &nowhere;
  statements[plan->n_statements] = (struct qk_statement){
    .quantity = qk_plan_quantity (plan, quantity),
    .key = none,
    .exact = NAN,
    .source = kept,
    .sources = sources,
  };
  return &statements[plan->n_statements++];
}

/* The words under which a case of a part goes: its own, after those of the part.  */
static const char *
part_label (struct qk_plan *plan, const struct qk_plan *part, const char *label)
{
  return qk_plan_print (plan, "%s: %s", part->label, label);
}

static void
adopt_statement (struct qk_plan *plan, const struct qk_plan *part, const struct qk_statement *inner,
                 size_t at)
{
  size_t *source = qk_plan_alloc (plan, (inner->sources + 1) * sizeof *source);
  struct qk_statement *statements
      = room (plan, plan->statements, plan->n_statements, sizeof *statements);
  if (statements)
    plan->statements = statements;
  if (!source || !statements)
    return;
  for (size_t i = 0; i < inner->sources; i++)
    source[i] = at + inner->source[i];
  struct qk_statement *s = &statements[plan->n_statements++];
  *s = *inner;
  s->source = source;
  s->of = part;
  s->inner = inner;
  s->at = at;
}

void
qk_plan_adopt (struct qk_plan *plan, const struct qk_plan *part)
{
  size_t at = plan->n_cases;
  for (size_t i = 0; i < part->n_cases && !plan->full; i++)
    {
      struct qk_case *cases = room (plan, plan->cases, plan->n_cases, sizeof *cases);
      if (!cases)
        return;
      plan->cases = cases;
      struct qk_case *c = &cases[plan->n_cases++];
      *c = part->cases[i];
      c->label = part_label (plan, part, c->label);
      c->of = part;
      c->at = at;
    }
  for (size_t i = 0; i < part->n_statements && !plan->full; i++)
    adopt_statement (plan, part, &part->statements[i], at);
  for (size_t i = 0; i < part->n_warnings; i++)
    qk_plan_warn (plan, "%s: %s", part->label, part->warnings[i]);
}

const struct qk_plan *
qk_statement_plan (const struct qk_plan *plan, const struct qk_statement *s)
{
  return s->of ? s->of : plan;
}

const struct qk_statement *
qk_statement_inner (const struct qk_statement *s)
{
  return s->inner ? s->inner : s;
}

const struct qk_quantity *
qk_statement_quantity (const struct qk_plan *plan, const struct qk_statement *s)
{
  return &qk_statement_plan (plan, s)->experiment->quantities[s->quantity];
}

bool
qk_statement_sampled (const struct qk_statement *s)
{
  return s->sources > 0 && qk_method_sampled (s->method);
}

struct qk_key *
qk_plan_keys (struct qk_plan *plan)
{
  return qk_plan_alloc (plan, (QK_KEYS + 1) * sizeof (struct qk_key));
}

void
qk_key_add (struct qk_key *keys, struct qk_key key)
{
  for (int i = 0; keys && i < QK_KEYS; i++)
    if (!keys[i].name)
      {
        keys[i] = key;
        return;
      }
}

bool
qk_key_equal (const struct qk_key *a, const struct qk_key *b)
{
  if (strcmp (a->name, b->name) || !a->text != !b->text || !a->list != !b->list)
    return false;
  if (a->text)
    return strcmp (a->text, b->text) == 0;
  if (a->list)
    return a->list->n == b->list->n
           && memcmp (a->list->value, b->list->value, a->list->n * sizeof *a->list->value) == 0;
  return a->number == b->number;
}

bool
qk_keys_equal (const struct qk_key *a, const struct qk_key *b)
{
  size_t i = 0;
  for (; i < QK_KEYS && a[i].name && b[i].name; i++)
    if (!qk_key_equal (&a[i], &b[i]))
      return false;
  return i == QK_KEYS || (!a[i].name && !b[i].name);
}

void
qk_plan_warn (struct qk_plan *plan, const char *format, ...)
{
  char **warnings = room (plan, plan->warnings, plan->n_warnings, sizeof *warnings);
  if (!warnings)
    return;
  plan->warnings = warnings;
  va_list arguments;
  va_start (arguments, format);
  char *text = print (plan, format, arguments);
  va_end (arguments);
  bool known = false;
  for (size_t i = 0; text && i < plan->n_warnings; i++)
    known |= strcmp (plan->warnings[i], text) == 0;
  if (text && !known)
    plan->warnings[plan->n_warnings++] = text;
}

void
qk_plan_mark_thin (struct qk_plan *plan, size_t c)
{
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      struct qk_statement *s = &plan->statements[i];
      s->thin |= s->method == QK_BY_T && qk_statement_uses (s, c);
    }
}

void
qk_plan_warn_thin (struct qk_plan *plan, const char *name, double enough)
{
  qk_plan_warn (plan,
                "%s: too few samples for an honest interval: described, not judged; "
                "--samples=%.0f is enough",
                name, enough);
}

void
qk_plan_warn_cut (struct qk_plan *plan, const char *name, double needed, double most)
{
  qk_plan_warn (plan, "%s: a verdict would take about %.1e %s, and --max-samples %s %.1e", name,
                needed, plan->experiment->unit, plan->params->max_samples > 0 ? "is" : "stands at",
                most);
}

bool
qk_statement_uses (const struct qk_statement *s, size_t c)
{
  for (size_t i = 0; i < s->sources; i++)
    if (s->source[i] == c)
      return true;
  return false;
}

bool
qk_plan_timed (const struct qk_plan *plan, const struct qk_statement *s)
{
  return s->sources > 0 && plan->cases[s->source[0]].kind->alone;
}

void
qk_plan_free (struct qk_plan *plan)
{
  for (struct qk_plan *other = plan->others, *next; other; other = next)
    {
      next = other->next;
      other->release (other);
      qk_plan_free (other);
    }
  for (size_t i = 0; i < plan->n_inputs; i++)
    qk_tensor_close (&plan->inputs[i]->tensor);
  while (plan->memory)
    {
      struct qk_chunk *next = plan->memory->next;
      free (plan->memory);
      plan->memory = next;
    }
  free (plan->cases);
  free (plan->statements);
  free (plan->warnings);
  *plan = (struct qk_plan){ 0 };
}

double
qk_column_sum (const struct qk_table *t, size_t column)
{
  double sum = 0;
  for (size_t i = 0; i < t->rows; i++)
    sum += t->data[i * t->columns + column];
  return sum;
}

double
qk_column_mean (const struct qk_table *t, size_t column)
{
  return qk_column_sum (t, column) / (double)t->rows;
}

double
qk_column_most (const struct qk_table *t, size_t column)
{
  double most = 0;
  for (size_t i = 0; i < t->rows; i++)
    if (!(t->data[i * t->columns + column] <= most)) /* a NaN has to stay */
      most = t->data[i * t->columns + column];
  return most;
}

size_t
qk_kind_columns (const struct qk_kind *kind)
{
  size_t n = 0;
  for (const struct qk_column *c = kind->columns; c->name; c++)
    n += c->width;
  return n;
}

size_t
qk_kind_column (const struct qk_kind *kind, const char *name)
{
  size_t n = 0;
  for (const struct qk_column *c = kind->columns; strcmp (c->name, name); c++)
    n += c->width;
  return n;
}
