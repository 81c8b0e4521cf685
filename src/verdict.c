/* verdict.c -- the one verdict rule, and the bands it compares with.  */

#include "qk.h"

#include <math.h>
#include <stddef.h>

enum qk_verdict
qk_verdict_decide (struct qk_enclosure e, struct qk_band b)
{
  /* Written so that a NaN anywhere falls through to QK_INVALID.  */
  if (!(e.lo <= e.hi && b.lo <= b.hi))
    return QK_INVALID;
  if (b.lo <= e.lo && e.hi <= b.hi)
    return QK_HOLDS;
  if (e.hi < b.lo || b.hi < e.lo)
    return QK_FAILS;
  return QK_UNDECIDED;
}

const char *
qk_verdict_name (enum qk_verdict v)
{
  switch (v)
    {
    case QK_HOLDS:
      return "holds";
    case QK_FAILS:
      return "fails";
    case QK_UNDECIDED:
      return "undecided";
    default:
      return NULL;
    }
}

struct qk_band
qk_band_ratio (double claim, double t)
{
  return (struct qk_band){ claim / (1 + t), claim * (1 + t) };
}

struct qk_band
qk_band_absolute (double claim, double width)
{
  return (struct qk_band){ claim - width, claim + width };
}

struct qk_band
qk_band_kurtosis (double exact, double t)
{
  struct qk_band b = qk_band_ratio (3 + exact, 5 * t);
  return (struct qk_band){ b.lo - 3, b.hi - 3 };
}

struct qk_band
qk_band_slope (double exact, double t, double x_min, double x_max)
{
  return qk_band_absolute (exact, 2 * log1p (t) / log (x_max / x_min));
}

struct qk_band
qk_band_most (double width)
{
  return (struct qk_band){ -INFINITY, width };
}

struct qk_band
qk_band_least (double least)
{
  return (struct qk_band){ least, INFINITY };
}

struct qk_band
qk_band_equal (double claim)
{
  return (struct qk_band){ claim, claim };
}

struct qk_enclosure
qk_enclosure_known (double x, double room)
{
  return (struct qk_enclosure){ x, NAN, x - room, x + room };
}
