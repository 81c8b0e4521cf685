/* plot.h -- a picture of findings, as a script for gnuplot with its data in it.

   What is drawn follows from the findings and the descriptor.  A panel for each quantity of the
   table, and for each that runs over more than two values of a number in its case; in a panel, the
   quantity against that number of the case which takes most values.  What else tells cases apart
   parts them into series, by the shapes of their points and the dashes of their lines.  */

#ifndef QK_PLOT_H
#define QK_PLOT_H

#include "report.h"
#include "script.h"

#include <stdio.h>

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

/* The same of a run that settles rows of the ledger: these, one below another (plot-ledger.c).  */
void qk_plot_ledger (FILE *out, const struct qk_report *report, const char *title,
                     const char *under, enum qk_picture picture, const char *target);

/* The picture of a whole run, as --plot has it.  */
int qk_plot_report (FILE *out, const struct qk_report *report, enum qk_picture picture,
                    char why[static QK_WHY]);

#endif
