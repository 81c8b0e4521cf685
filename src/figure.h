/* figure.h -- numbers for people: the digits that the interval carries, ends rounded outwards.

   Machines get 17 digits from report-lines.c; nothing here is meant to be read back.  */

#ifndef QK_FIGURE_H
#define QK_FIGURE_H

#include "qk.h"

enum
{
  QK_FIGURE = 40, /* bytes that hold any number made here */
  QK_FIGURE_BAND = 2 * QK_FIGURE + 8
};

/* An enclosure in words.  [lo, hi] as printed contains the enclosure, and so does the printed
   estimate -+ half.  Two digits of the half-width are shown.  "?" stands for an end that there is
   not, "-" for an estimate that there is not.  */
struct qk_figure
{
  char estimate[QK_FIGURE], half[QK_FIGURE]; /* "63.985", "0.12" */
  char lo[QK_FIGURE], hi[QK_FIGURE];         /* "63.86", "64.11" */
  int decimals;                              /* of all four */
};

void qk_figure_enclosure (struct qk_figure *f, struct qk_enclosure e);

/* A value that is known: integers whole (up to 1e-12 relative, for sums of rounded terms), others
   to the decimals given, but at least two digits; "-" for NaN.  */
void qk_figure_value (char text[static QK_FIGURE], double x, int decimals);

/* Significant digits for a value that stands alone: "0.01", "6.7e-5".  */
void qk_figure_plain (char text[static QK_FIGURE], double x, int digits);

/* What a band allows, to three digits of its half-width: "[63.366, 64.64]", "at most 0.02",
   "exactly 3", "anything".  */
void qk_figure_band (char text[static QK_FIGURE_BAND], struct qk_band b);

/* Two digits and a power of ten from 1e5 on: "4096", "3.1e7".  */
void qk_figure_count (char text[static QK_FIGURE], double n);

/* "0.5 s", "43 s", "12 min".  */
void qk_figure_time (char text[static QK_FIGURE], double seconds);

/* "8.1 kB", "12 MB".  */
void qk_figure_bytes (char text[static QK_FIGURE], double bytes);

#endif
