/* plot.h -- a picture of findings, as a script for gnuplot with its data in it.

   What is drawn follows from the findings and the descriptor.  A panel for each quantity of the
   table, and for each that runs over more than two values of a number in its case; in a panel, the
   quantity against that number of the case which takes most values.  What else tells cases apart
   parts them into series, by the shapes of their points and the dashes of their lines.  */

#ifndef QK_PLOT_H
#define QK_PLOT_H

#include "report.h"

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

struct qk_plot
{
  const struct qk_experiment *experiment;
  const struct qk_finding *const *found; /* n of them, all of that experiment */
  size_t n;
  const struct qk_names *quantity; /* these, as --quantity has them; none: as described above */
  const char *title, *under;       /* a line each; NULL: none */
};

/* Write the script; a script that is run by hand draws to target, or NULL: to standard output.  0,
   or -1 and why: there is nothing to draw; out of memory.  */
int qk_plot_write (FILE *out, const struct qk_plot *plot, enum qk_picture picture,
                   const char *target, char why[static QK_WHY]);

/* The picture of a whole run, as --plot has it.  */
int qk_plot_report (FILE *out, const struct qk_report *report, enum qk_picture picture,
                    char why[static QK_WHY]);

/* A script that only shows whether a picture of that kind can be drawn.  */
void qk_plot_trial (FILE *out, enum qk_picture picture);

#endif
