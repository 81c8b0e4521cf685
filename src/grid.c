/* grid.c -- a table of cells, printed for people or as Markdown.  */

#include "grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum
{
  INDENT = 2,
  GAP = 2,
  BLOCK_GAP = 3
};

struct qk_grid_column
{
  int flags;
  char *heading;
  char **cell;

  /* Set by measure: columns before and from the decimal point, and altogether.  */
  size_t left, right, width;

  bool use; /* in the part being printed */
};

const char qk_text_bold[] = "\033[1m", qk_text_plain[] = "\033[0m";

/* ---- Text ---------------------------------------------------------------------------------- */

static size_t
width_of (const char *text, size_t length)
{
  const unsigned char *p = (const unsigned char *)text;
  size_t width = 0;
  for (size_t i = 0; i < length; i++)
    {
      /* Continuation bytes take no room, nor do the marks U+0300 to U+036F: CC 80 to CD AF.  */
      unsigned next = p[i] ? p[i + 1] : 0;
      bool mark = (p[i] == 0xcc && next >= 0x80) || (p[i] == 0xcd && next >= 0x80 && next <= 0xaf);
      width += (p[i] & 0xc0) != 0x80 && !mark;
    }
  return width;
}

size_t
qk_text_width (const char *text)
{
  return width_of (text, strlen (text));
}

const char *
qk_text_color (const char *word)
{
  static const struct
  {
    const char *word, *color;
  } colors[]
      = { { "holds", "\033[32m" }, { "Yes", "\033[1;32m" },     { "fails", "\033[31m" },
          { "No", "\033[1;31m" },  { "undecided", "\033[33m" }, { "Undecided", "\033[1;33m" } };
  size_t length = strcspn (word, " .,:");
  for (size_t i = 0; i < sizeof colors / sizeof *colors; i++)
    if (strlen (colors[i].word) == length && strncmp (word, colors[i].word, length) == 0)
      return colors[i].color;
  return "";
}

void
qk_text_wrap (FILE *out, const char *text, size_t indent, size_t at)
{
  bool fresh = true; /* nothing on this line yet that a break could help */
  while (*(text += strspn (text, " ")))
    {
      /* An equation stays on one line.  */
      size_t length = strcspn (text, " ");
      while (text[length] == ' ' && (text[length + 1] == '=' || text[length - 1] == '='))
        length += 1 + strcspn (text + length + 1, " ");
      size_t width = width_of (text, length);
      if (!fresh && at + 1 + width > QK_WIDTH)
        {
          fprintf (out, "\n%*s", (int)indent, "");
          at = indent;
          fresh = true;
        }
      else if (!fresh)
        {
          putc (' ', out);
          at++;
        }
      fwrite (text, 1, length, out);
      at += width;
      fresh = false;
      text += length;
    }
  putc ('\n', out);
}

void
qk_text_markdown (FILE *out, const char *text)
{
  for (; *text; text++)
    {
      if (strchr ("\\`*<|", *text))
        putc ('\\', out);
      putc (*text == '\n' ? ' ' : *text, out);
    }
}

/* ---- Filling ------------------------------------------------------------------------------- */

void
qk_grid_open (struct qk_grid *g, size_t rows)
{
  *g = (struct qk_grid){ .rows = rows };
}

size_t
qk_grid_column (struct qk_grid *g, int flags, const char *format, ...)
{
  struct qk_grid_column *more = realloc (g->column, (g->columns + 1) * sizeof *more);
  char **cell = calloc (g->rows + 1, sizeof *cell);
  char *heading = NULL;
  va_list args;
  va_start (args, format);
  if (vasprintf (&heading, format, args) < 0)
    heading = NULL;
  va_end (args);
  if (more)
    g->column = more;
  if (!more || !cell || !heading)
    {
      g->full = true;
      free (cell);
      free (heading);
      return 0;
    }
  more[g->columns] = (struct qk_grid_column){ .flags = flags, .heading = heading, .cell = cell };
  return g->columns++;
}

void
qk_grid_put (struct qk_grid *g, size_t row, size_t column, const char *format, ...)
{
  if (g->full)
    return;
  char **cell = &g->column[column].cell[row];
  free (*cell);
  va_list args;
  va_start (args, format);
  if (vasprintf (cell, format, args) < 0)
    {
      *cell = NULL;
      g->full = true;
    }
  va_end (args);
}

void
qk_grid_close (struct qk_grid *g)
{
  for (size_t c = 0; c < g->columns; c++)
    {
      for (size_t row = 0; row < g->rows; row++)
        free (g->column[c].cell[row]);
      free (g->column[c].cell);
      free (g->column[c].heading);
    }
  free (g->column);
  *g = (struct qk_grid){ 0 };
}

/* ---- Measuring ----------------------------------------------------------------------------- */

static const char *
cell (const struct qk_grid_column *c, size_t row)
{
  return c->cell[row] ? c->cell[row] : "";
}

/* Columns before the decimal point, or before the power of ten of a whole number.  */
static size_t
before_point (const char *text)
{
  return strcspn (text, ".e");
}

static size_t
gap (const struct qk_grid *g, size_t c)
{
  int flags = g->column[c].flags;
  return flags & QK_GRID_GLUED ? 1 : flags & (QK_GRID_BLOCK | QK_GRID_VERDICT) ? BLOCK_GAP : GAP;
}

/* The columns glued to c, c included: its span ends before this one.  */
static size_t
span_end (const struct qk_grid *g, size_t c)
{
  size_t end = c + 1;
  while (end < g->columns && g->column[end].flags & QK_GRID_GLUED)
    end++;
  return end;
}

static size_t
span_width (const struct qk_grid *g, size_t c)
{
  size_t width = g->column[c].width;
  for (size_t i = c + 1; i < span_end (g, c); i++)
    width += 1 + g->column[i].width;
  return width;
}

static void
measure (const struct qk_grid *g)
{
  for (size_t c = 0; c < g->columns; c++)
    {
      struct qk_grid_column *column = &g->column[c];
      column->left = column->right = column->width = 0;
      for (size_t row = 0; row < g->rows; row++)
        {
          size_t width = qk_text_width (cell (column, row));
          size_t left = column->flags & QK_GRID_POINT ? before_point (cell (column, row)) : width;
          left = left < width ? left : width;
          column->left = left > column->left ? left : column->left;
          column->right = width - left > column->right ? width - left : column->right;
        }
      column->width = column->left + column->right;
    }
  for (size_t c = 0; c < g->columns; c = span_end (g, c))
    {
      size_t heading = qk_text_width (g->column[c].heading), width = span_width (g, c);
      if (heading > width)
        g->column[span_end (g, c) - 1].width += heading - width;
    }
}

/* ---- Printing ------------------------------------------------------------------------------ */

struct pen
{
  FILE *out;
  size_t pending; /* spaces that count only if something follows */
};

static void
pen_write (struct pen *pen, const char *text, const char *color)
{
  if (!*text)
    return;
  fprintf (pen->out, "%*s", (int)pen->pending, "");
  pen->pending = 0;
  fprintf (pen->out, "%s%s%s", color, text, *color ? qk_text_plain : "");
}

static void
write_cell (struct pen *pen, const struct qk_grid_column *c, const char *text, const char *color)
{
  size_t width = qk_text_width (text), before = 0;
  if (c->flags & QK_GRID_POINT)
    {
      size_t left = before_point (text);
      before = c->width - c->right - (left < width ? left : width);
    }
  else if (c->flags & QK_GRID_RIGHT)
    before = c->width - width;
  pen->pending += before;
  pen_write (pen, text, color);
  pen->pending += c->width - before - width;
}

/* Write the cells of a row that stand above it, where they are not those of the row before.  */
static void
write_above (FILE *out, const struct qk_grid *g, size_t row)
{
  size_t levels = 0;
  bool new = row == 0;
  for (size_t c = 0; c < g->columns; c++)
    if (g->column[c].flags & QK_GRID_ABOVE)
      {
        const char *text = cell (&g->column[c], row);
        size_t indent = INDENT * ++levels;
        new = new || strcmp (text, cell (&g->column[c], row - 1)) != 0;
        if (!new || !*text)
          continue;
        fprintf (out, "%*s", (int)indent, "");
        qk_text_wrap (out, text, indent + INDENT, indent);
      }
}

/* One part of the table: the columns in use.  above: some stand above the rows.  */
static void
write_part (FILE *out, const struct qk_grid *g, bool above, bool color)
{
  struct pen pen = { out, 0 };
  size_t indent = INDENT;
  for (size_t c = 0; c < g->columns && above; c++)
    indent += g->column[c].flags & QK_GRID_ABOVE ? INDENT : 0;
  bool first = true;
  putc ('\n', out);
  for (size_t c = 0; c < g->columns; c = span_end (g, c))
    if (g->column[c].use)
      {
        const struct qk_grid_column *column = &g->column[c];
        size_t width = span_width (g, c), heading = qk_text_width (column->heading);
        bool right = span_end (g, c) == c + 1 && column->flags & (QK_GRID_RIGHT | QK_GRID_POINT);
        pen.pending += (first ? indent : gap (g, c)) + (right ? width - heading : 0);
        pen_write (&pen, column->heading, "");
        pen.pending += right ? 0 : width - heading;
        first = false;
      }
  putc ('\n', out);
  for (size_t row = 0; row < g->rows; row++)
    {
      if (above)
        write_above (out, g, row);
      pen.pending = 0;
      first = true;
      for (size_t c = 0; c < g->columns; c++)
        if (g->column[c].use)
          {
            const char *text = cell (&g->column[c], row);
            bool painted = color && g->column[c].flags & QK_GRID_VERDICT;
            pen.pending += first ? indent : gap (g, c);
            write_cell (&pen, &g->column[c], text, painted ? qk_text_color (text) : "");
            first = false;
          }
      putc ('\n', out);
    }
}

/* Columns of the terminal that c takes, with the gap before it.  */
static size_t
room (const struct qk_grid *g, size_t c)
{
  return g->column[c].width + (c == 0 ? INDENT : gap (g, c));
}

/* Whether c belongs to a block that is shown.  */
static bool
in_block (const struct qk_grid_column *c, bool above, bool spare)
{
  return !(c->flags & (QK_GRID_KEY | QK_GRID_VERDICT)) && !(above && c->flags & QK_GRID_ABOVE)
         && (spare || !(c->flags & QK_GRID_SPARE));
}

void
qk_grid_text (FILE *out, const struct qk_grid *g, bool color)
{
  if (g->full)
    return;
  measure (g);
  size_t fixed = 0, total = 0, verdict = 0, lifted = 0;
  for (size_t c = 0; c < g->columns; c++)
    {
      total += room (g, c);
      fixed += g->column[c].flags & QK_GRID_KEY ? room (g, c) : 0;
      verdict += g->column[c].flags & QK_GRID_VERDICT ? room (g, c) : 0;
      lifted += g->column[c].flags & QK_GRID_ABOVE ? room (g, c) : 0;
    }
  bool above = lifted > 0 && total > QK_WIDTH, spare = total - (above ? lifted : 0) <= QK_WIDTH;

  size_t next = 0;
  for (bool first = true; next < g->columns; first = false)
    {
      size_t width = fixed + (first ? verdict : 0);
      bool empty = true;
      for (size_t c = 0; c < g->columns; c++)
        g->column[c].use
            = g->column[c].flags & QK_GRID_KEY || (first && g->column[c].flags & QK_GRID_VERDICT);
      /* Whole blocks while they fit, but at least one.  */
      while (next < g->columns)
        {
          size_t end = next, block = 0;
          do
            block += in_block (&g->column[end], above, spare) ? room (g, end) : 0;
          while (++end < g->columns && !(g->column[end].flags & QK_GRID_BLOCK));
          if (!empty && block > 0 && width + block > QK_WIDTH)
            break;
          for (size_t c = next; c < end; c++)
            g->column[c].use |= in_block (&g->column[c], above, spare);
          width += block;
          empty = empty && block == 0;
          next = end;
        }
      write_part (out, g, above, color);
    }
}

void
qk_grid_markdown (FILE *out, const struct qk_grid *g)
{
  if (g->full || g->columns == 0)
    return;
  fputs ("\n|", out);
  for (size_t c = 0; c < g->columns; c = span_end (g, c))
    {
      putc (' ', out);
      qk_text_markdown (out, g->column[c].heading);
      fputs (" |", out);
    }
  fputs ("\n|", out);
  for (size_t c = 0; c < g->columns; c = span_end (g, c))
    fputs (g->column[c].flags & (QK_GRID_RIGHT | QK_GRID_POINT) ? "---:|" : "---|", out);
  putc ('\n', out);
  for (size_t row = 0; row < g->rows; row++)
    {
      putc ('|', out);
      for (size_t c = 0; c < g->columns; c++)
        {
          putc (' ', out);
          qk_text_markdown (out, cell (&g->column[c], row));
          if (span_end (g, c) == c + 1 || !(g->column[c + 1].flags & QK_GRID_GLUED))
            fputs (" |", out);
        }
      putc ('\n', out);
    }
}
