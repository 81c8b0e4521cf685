/* script.h -- the words of a script for gnuplot, and the sheet that it draws on.  */

#ifndef QK_SCRIPT_H
#define QK_SCRIPT_H

#include "qk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum qk_picture
{
  QK_PICTURE_SVG,
  QK_PICTURE_PNG,
  QK_PICTURE_PDF,
  QK_PICTURE_GP,    /* the script itself */
  QK_PICTURE_INLINE /* SVG for a page: no title, no ground, one panel below another */
};

/* The picture that the ending of a path asks for.  0, or -1 and why.  */
int qk_picture_of (enum qk_picture *picture, const char *path, char why[static QK_WHY]);

/* In single quotes, where gnuplot expands nothing; a quote is doubled, a control character a
   space.  */
void qk_script_text (FILE *out, const char *text);

/* The label of a tic, in which gnuplot looks for formats.  */
void qk_script_tic (FILE *out, const char *text, double at);

/* A line; backquotes would be commands even there.  */
void qk_script_comment (FILE *out, const char *text);

/* All digits, or NaN; with a space before it.  */
void qk_script_number (FILE *out, double x);

enum
{
  QK_CANVAS_LINE = 18,  /* pixels of a line of text */
  QK_CANVAS_LETTER = 7, /* of a letter */
};

/* Where things are, in pixels from the top left corner.  */
struct qk_canvas
{
  FILE *out;
  double width, height;
  double y; /* where the next line of text goes */
};

/* Coordinates of the screen.  */
double qk_canvas_across (const struct qk_canvas *c, double x);
double qk_canvas_up (const struct qk_canvas *c, double y);

/* Put text in lines of the width of the canvas, or only count them.  */
size_t qk_canvas_lines (struct qk_canvas *c, const char *text, bool count, const char *font);

/* The first lines of a script: who made it, what it draws, on what, and to where: target, or NULL
   for standard output.  */
void qk_canvas_open (const struct qk_canvas *c, enum qk_picture picture, const char *target);

/* A script that only shows whether a picture of that kind can be drawn.  */
void qk_script_trial (FILE *out, enum qk_picture picture);

#endif
