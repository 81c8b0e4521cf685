/* blocks.c -- the raw tables of a run as one structured array in a .npy file, version 1.0.  */

#include "blocks.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the header ends must be a multiple of this.  */
enum
{
  NPY_ALIGN = 64,
  NPY_PREFIX = 10, /* magic, version, length */
  LABEL = 32,      /* the field of the label is as many bytes, or a multiple */
  BUFFER = 1 << 16 /* bytes written at a time */
};

/* A column of some kind that no earlier kind has.  */
static bool
is_new (const struct qk_kind *const *kinds, size_t kind, const char *name)
{
  for (size_t i = 0; i < kind; i++)
    for (const struct qk_column *c = kinds[i]->columns; c->name; c++)
      if (!strcmp (c->name, name))
        return false;
  return true;
}

/* The column of that name, and its first double in *at; NULL: the kind has none.  */
static const struct qk_column *
column_of (const struct qk_kind *kind, const char *name, size_t *at)
{
  *at = 0;
  for (const struct qk_column *c = kind->columns; c->name; *at += c->width, c++)
    if (!strcmp (c->name, name))
      return c;
  return NULL;
}

static bool
has_column (const struct qk_kind *kind, const char *name)
{
  size_t at;
  return column_of (kind, name, &at) != NULL;
}

/* Doubles of the field of that name: kinds of different commands may differ.  */
static unsigned
width_of (const struct qk_kind *const *kinds, const char *name)
{
  unsigned most = 0;
  for (size_t at; *kinds; kinds++)
    {
      const struct qk_column *c = column_of (*kinds, name, &at);
      most = c && c->width > most ? c->width : most;
    }
  return most;
}

/* The kinds of the experiment, and others that cases are of: replays, parts; ended by NULL. Returns
   NULL: out of memory.  */
static const struct qk_kind **
kinds_of (const struct qk_plan *plan)
{
  size_t n = 0;
  while (plan->experiment->kinds[n])
    n++;
  const struct qk_kind **kinds = calloc (n + plan->n_cases + 1, sizeof *kinds);
  if (!kinds)
    return NULL;
  memcpy (kinds, plan->experiment->kinds, n * sizeof *kinds);
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      size_t k = 0;
      while (k < n && kinds[k] != plan->cases[i].kind)
        k++;
      if (k == n)
        kinds[n++] = plan->cases[i].kind;
    }
  return kinds;
}

/* The same for nearly every run, so that rows of different runs compare as bytes.  */
static size_t
label_width (const struct qk_plan *plan)
{
  size_t width = LABEL;
  for (size_t i = 0; i < plan->n_cases; i++)
    while (strlen (plan->cases[i].label) > width)
      width += LABEL;
  return width;
}

/* The header, padded so that the data are aligned.  NULL: out of memory.  */
static char *
make_header (const struct qk_kind *const *kinds, size_t width, uint64_t rows, size_t *length)
{
  char *text = NULL;
  FILE *f = open_memstream (&text, length);
  if (!f)
    return NULL;
  fwrite ("\x93NUMPY\x01\x00\x00\x00", 1, NPY_PREFIX, f);
  fprintf (f, "{'descr': [('case', '|S%zu'), ('block', '<i8')", width);
  for (size_t k = 0; kinds[k]; k++)
    for (const struct qk_column *c = kinds[k]->columns; c->name; c++)
      if (is_new (kinds, k, c->name))
        {
          unsigned n = width_of (kinds, c->name);
          if (n == 1)
            fprintf (f, ", ('%s', '<f8')", c->name);
          else
            fprintf (f, ", ('%s', '<f8', (%u,))", c->name, n);
        }
  fprintf (f, "], 'fortran_order': False, 'shape': (%llu,), }", (unsigned long long)rows);
  while ((ftell (f) + 1) % NPY_ALIGN)
    fputc (' ', f);
  fputc ('\n', f);
  if (fclose (f))
    {
      free (text);
      return NULL;
    }
  uint16_t rest = (uint16_t)(*length - NPY_PREFIX);
  text[NPY_PREFIX - 2] = (char)(rest & 0xff);
  text[NPY_PREFIX - 1] = (char)(rest >> 8);
  return text;
}

static char *
put_integer (char *at, uint64_t value)
{
  for (int i = 0; i < 8; i++)
    *at++ = (char)(value >> 8 * i & 0xff);
  return at;
}

static char *
put_double (char *at, double value)
{
  uint64_t bits;
  memcpy (&bits, &value, sizeof bits);
  return put_integer (at, bits);
}

/* One row of the array.  Returns its end.  */
static char *
put_row (char *at, const struct qk_kind *const *kinds, const struct qk_case *c, size_t width,
         uint64_t block, const double *row)
{
  memset (at, 0, width);
  memcpy (at, c->label, strlen (c->label));
  at = put_integer (at + width, block);
  for (size_t k = 0; kinds[k]; k++)
    for (const struct qk_column *field = kinds[k]->columns; field->name; field++)
      {
        size_t first;
        const struct qk_column *own = column_of (c->kind, field->name, &first);
        unsigned n = is_new (kinds, k, field->name) ? width_of (kinds, field->name) : 0;
        for (unsigned i = 0; i < n; i++)
          at = put_double (at, own && i < own->width ? row[first + i] : (double)NAN);
      }
  return at;
}

/* Write what those kinds have; only: the cases that have their column, which is one.  */
static int
write_kinds (struct qk_output *out, const struct qk_plan *plan, const struct qk_outcome *outcome,
             const struct qk_kind *const *kinds, bool only, char why[static QK_WHY])
{
  size_t width = label_width (plan), length = 0, most = width + 8;
  uint64_t rows = 0;
  for (size_t i = 0; i < outcome->n_tables; i++)
    if (!only || has_column (plan->cases[i].kind, kinds[0]->columns->name))
      rows += outcome->tables[i].rows;
  for (size_t k = 0; kinds[k]; k++)
    for (const struct qk_column *c = kinds[k]->columns; c->name; c++)
      most += is_new (kinds, k, c->name) ? 8 * width_of (kinds, c->name) : 0;
  char *header = make_header (kinds, width, rows, &length);
  char *buffer = malloc (most + BUFFER), *at = buffer;
  int status = -1;
  if (!header || !buffer)
    snprintf (why, QK_WHY, "out of memory");
  else
    status = qk_output_write (out, header, length, why);
  for (size_t i = 0; i < outcome->n_tables && !status; i++)
    {
      const struct qk_table *t = &outcome->tables[i];
      if (only && !has_column (plan->cases[i].kind, kinds[0]->columns->name))
        continue;
      for (size_t row = 0; row < t->rows && !status; row++)
        {
          at = put_row (at, kinds, &plan->cases[i], width, row, t->data + row * t->columns);
          if (at - buffer < BUFFER)
            continue;
          status = qk_output_write (out, buffer, (size_t)(at - buffer), why);
          at = buffer;
        }
    }
  if (!status)
    status = qk_output_write (out, buffer, (size_t)(at - buffer), why);
  free (header);
  free (buffer);
  return status;
}

int
qk_blocks_write (struct qk_output *out, const struct qk_plan *plan,
                 const struct qk_outcome *outcome, char why[static QK_WHY])
{
  const struct qk_kind **kinds = kinds_of (plan);
  if (!kinds)
    {
      snprintf (why, QK_WHY, "out of memory");
      return -1;
    }
  int status = write_kinds (out, plan, outcome, kinds, false, why);
  free (kinds);
  return status;
}

int
qk_blocks_write_column (struct qk_output *out, const struct qk_plan *plan,
                        const struct qk_outcome *outcome, const char *column,
                        char why[static QK_WHY])
{
  struct qk_column columns[] = { { column, 1 }, { 0 } };
  for (size_t i = 0; i < plan->n_cases; i++)
    for (const struct qk_column *c = plan->cases[i].kind->columns; c->name; c++)
      if (!strcmp (c->name, column))
        columns->width = c->width;
  const struct qk_kind kind = { .name = column, .columns = columns };
  return write_kinds (out, plan, outcome, (const struct qk_kind *const[]){ &kind, NULL }, true,
                      why);
}
