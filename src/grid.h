/* grid.h -- a table of cells, printed for people or as Markdown.

   Columns are added from left to right, cells put in any order; a cell never put is empty.  Running
   out of memory is remembered in full and nothing is printed then.  */

#ifndef QK_GRID_H
#define QK_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum
{
  QK_WIDTH = 100, /* columns of the text report */

  /* How a column stands.  */
  QK_GRID_RIGHT = 1,  /* flush right, else left */
  QK_GRID_POINT = 2,  /* aligned at the decimal point */
  QK_GRID_KEY = 4,    /* names the row: repeated at the left of every part */
  QK_GRID_GLUED = 8,  /* belongs to the column before: one space, one heading, one Markdown cell */
  QK_GRID_BLOCK = 16, /* starts a block: a table too wide is parted before it */
  QK_GRID_SPARE = 32, /* left out where the width does not suffice */
  QK_GRID_VERDICT = 64, /* last of the first part; coloured by its first word */
  QK_GRID_ABOVE = 128 /* where the width does not suffice: on a line above the rows that share it */
};

struct qk_grid
{
  size_t rows, columns;
  struct qk_grid_column *column;
  bool full; /* out of memory */
};

void qk_grid_open (struct qk_grid *g, size_t rows);

/* Add a column; its index.  */
size_t qk_grid_column (struct qk_grid *g, int flags, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

void qk_grid_put (struct qk_grid *g, size_t row, size_t column, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

/* Aligned, at most QK_WIDTH columns wide where the cells allow it, in as many parts as that takes,
   an empty line before each.  */
void qk_grid_text (FILE *out, const struct qk_grid *g, bool color);

/* One pipe table, an empty line before it.  */
void qk_grid_markdown (FILE *out, const struct qk_grid *g);

void qk_grid_close (struct qk_grid *g);

/* Columns that a UTF-8 text takes on a terminal: characters, combining marks apart.  */
size_t qk_text_width (const char *text);

/* The escape sequence that stands for a verdict's first word ("holds", "Yes", "fails", "No",
   "undecided", "Undecided"); "" for others.  */
const char *qk_text_color (const char *word);
extern const char qk_text_bold[], qk_text_plain[];

/* text in lines of at most QK_WIDTH columns, broken at spaces, all but the first indented by
   indent; at: the column where the first one begins.  Ends the line.  */
void qk_text_wrap (FILE *out, const char *text, size_t indent, size_t at);

/* Text for a Markdown document: the characters that would be markup are escaped.  */
void qk_text_markdown (FILE *out, const char *text);

#endif
