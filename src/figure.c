/* figure.c -- numbers for people: the digits that the interval carries, ends rounded outwards.  */

#include "figure.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Largest and smallest size written without a power of ten.  */
static const double plain_most = 1e7, plain_least = 1e-4;

enum
{
  DECIMALS = 15 /* more would show nothing but the binary */
};

static int
magnitude (double x)
{
  return (int)floor (log10 (fabs (x)));
}

/* "1.5e+07" to "1.5e7", "1.5e+00" to "1.5", "-0.00" to "0.00".  */
static void
tidy (char *text)
{
  if (*text == '-' && strspn (text + 1, "0.") == strlen (text + 1))
    memmove (text, text + 1, strlen (text));
  char *e = strchr (text, 'e');
  if (!e)
    return;
  char *to = e + 1 + (e[1] == '-'), *from = e + 2 + strspn (e + 2, "0");
  if (*from < '0' || *from > '9') /* 10^0 */
    to = e;
  memmove (to, from, strlen (from) + 1);
}

/* x with that many decimals (negative: powers of ten left of the point), with a power of ten where
   asked.  Returns the unit of the last place.  */
static double
put (char text[static QK_FIGURE], double x, int decimals, bool power)
{
  int digits = decimals < 0 ? 0 : decimals > DECIMALS ? DECIMALS : decimals;
  double unit = pow (10, -digits);
  if (power && x != 0 && isfinite (x))
    {
      int top = magnitude (x);
      digits = top + decimals;
      digits = digits < 0 ? 0 : digits > DECIMALS ? DECIMALS : digits;
      unit = pow (10, top - digits);
      snprintf (text, QK_FIGURE, "%.*e", digits, x);
    }
  else if (power)
    snprintf (text, QK_FIGURE, "%g", x);
  else
    snprintf (text, QK_FIGURE, "%.*f", digits, x);
  tidy (text);
  return unit;
}

/* The same, rounded towards sign infinity.  */
static void
put_outwards (char text[static QK_FIGURE], double x, int decimals, bool power, int sign)
{
  if (isnan (x))
    {
      strcpy (text, "?");
      return;
    }
  double unit = put (text, x, decimals, power);
  double back = strtod (text, NULL);
  if (isfinite (x) && (sign < 0 ? back > x : back < x))
    put (text, back + sign * unit, decimals, power);
}

void
qk_figure_enclosure (struct qk_figure *f, struct qk_enclosure e)
{
  double width = fmax (e.hi - e.estimate, e.estimate - e.lo);
  double size = fmax (fabs (e.estimate), isfinite (width) ? fmax (fabs (e.lo), fabs (e.hi)) : 0);
  bool power = size >= plain_most || (size > 0 && size < plain_least);
  bool known = isfinite (e.lo) && isfinite (e.hi);

  /* Two digits of the half-width; three of an estimate that nothing bounds.  */
  f->decimals = known && width > 0 ? 1 - magnitude (width)
                : size > 0         ? (known ? 5 : 2) - magnitude (size)
                                   : 0;
  if (known && width == 0) /* nothing to round to: as many digits as the value needs, up to six */
    for (char text[QK_FIGURE]; f->decimals > 0; f->decimals--)
      {
        put (text, e.estimate, f->decimals, power);
        if (!strchr (text, '.') || text[strcspn (text, "e") - 1] != '0')
          break;
      }

  if (isnan (e.estimate))
    {
      strcpy (f->estimate, "-");
      strcpy (f->half, "?");
    }
  else
    {
      put (f->estimate, e.estimate, f->decimals, power);
      double shown = strtod (f->estimate, NULL);
      /* The difference of two doubles may be rounded down.  */
      double half = isnan (e.lo) || isnan (e.hi) ? NAN : fmax (e.hi - shown, shown - e.lo);
      put_outwards (f->half, half > 0 ? nextafter (half, INFINITY) : half, f->decimals, power, +1);
    }
  put_outwards (f->lo, e.lo, f->decimals, power, -1);
  put_outwards (f->hi, e.hi, f->decimals, power, +1);
}

void
qk_figure_value (char text[static QK_FIGURE], double x, int decimals)
{
  double size = fabs (x), whole = rint (x);
  if (isnan (x))
    strcpy (text, "-");
  else if (!isfinite (x))
    snprintf (text, QK_FIGURE, "%g", x);
  else if (x == 0)
    strcpy (text, "0");
  else if (size < 1e15 && fabs (x - whole) <= 1e-12 * size)
    snprintf (text, QK_FIGURE, "%.0f", whole);
  else
    {
      int two = 1 - magnitude (x);
      put (text, x, decimals > two ? decimals : two, size >= plain_most || size < plain_least);
    }
}

void
qk_figure_plain (char text[static QK_FIGURE], double x, int digits)
{
  snprintf (text, QK_FIGURE, "%.*g", digits, x);
  tidy (text);
}

/* Drop zeros that end the decimals.  */
static void
shorten (char *text)
{
  char *end = text + strlen (text);
  if (!strchr (text, '.') || strchr (text, 'e'))
    return;
  while (end[-1] == '0')
    end--;
  if (end[-1] == '.')
    end--;
  *end = '\0';
}

void
qk_figure_band (char text[static QK_FIGURE_BAND], struct qk_band b)
{
  char lo[QK_FIGURE], hi[QK_FIGURE];
  double half = (b.hi - b.lo) / 2;
  if (b.lo == b.hi && b.lo == rint (b.lo) && fabs (b.lo) <= 0x1p53) /* a count: all digits */
    snprintf (lo, QK_FIGURE, "%.0f", b.lo);
  else if (isfinite (half) && half > 0)
    {
      double size = fmax (fabs (b.lo), fabs (b.hi));
      bool power = size >= plain_most || size < plain_least;
      put (lo, b.lo, 2 - magnitude (half), power);
      put (hi, b.hi, 2 - magnitude (half), power);
      shorten (lo);
      shorten (hi);
    }
  else
    {
      qk_figure_plain (lo, b.lo, 6);
      qk_figure_plain (hi, b.hi, 6);
    }
  if (isinf (b.lo) && isinf (b.hi))
    strcpy (text, "anything");
  else if (isinf (b.lo))
    snprintf (text, QK_FIGURE_BAND, "at most %s", hi);
  else if (isinf (b.hi))
    snprintf (text, QK_FIGURE_BAND, "at least %s", lo);
  else if (b.lo == b.hi)
    snprintf (text, QK_FIGURE_BAND, "exactly %s", lo);
  else
    snprintf (text, QK_FIGURE_BAND, "[%s, %s]", lo, hi);
}

void
qk_figure_count (char text[static QK_FIGURE], double n)
{
  snprintf (text, QK_FIGURE, n < 1e5 ? "%.0f" : "%.1e", n);
  tidy (text);
}

void
qk_figure_time (char text[static QK_FIGURE], double seconds)
{
  if (seconds < 10)
    snprintf (text, QK_FIGURE, seconds < 0.1 ? "%.1g s" : "%.1f s", seconds);
  else if (seconds < 120)
    snprintf (text, QK_FIGURE, "%.0f s", seconds);
  else if (seconds < 7200)
    snprintf (text, QK_FIGURE, "%.0f min", seconds / 60);
  else
    snprintf (text, QK_FIGURE, "%.3g h", seconds / 3600);
  tidy (text);
}

void
qk_figure_bytes (char text[static QK_FIGURE], double bytes)
{
  static const char *const unit[] = { "B", "kB", "MB", "GB", "TB" };
  size_t u = 0;
  for (; bytes >= 999.5 && u < sizeof unit / sizeof *unit - 1; u++)
    bytes /= 1000;
  snprintf (text, QK_FIGURE, bytes < 9.95 && u > 0 ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
}
