/* exact.c -- sums of products of doubles that no addition rounds.  */

#include "exact.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum
{
  BOTTOM = -2148,    /* 2^BOTTOM is a 1 in digit 0 */
  PATIENCE = 1 << 29 /* additions of less than 2^33 each that 63 bits hold, to be safe */
};

/* ---- Adding ---------------------------------------------------------------------------------- */

/* Take the carries: digits but the last in [0, 2^32).  The last has the sign.  */
static void
carry (struct qk_exact *a)
{
  int64_t rest = 0;
  for (size_t i = 0; i + 1 < QK_EXACT_DIGITS; i++)
    {
      int64_t digit = a->digit[i] + rest;
      a->digit[i] = digit & 0xffffffff;
      rest = digit >> 32; /* arithmetic, in every compiler that builds this */
    }
  a->digit[QK_EXACT_DIGITS - 1] += rest;
  a->waiting = 0;
}

/* A finite double is +-m 2^(e - 1075), 1 <= e <= 2046.  */
static inline uint64_t
integer_of (uint64_t bits, unsigned *e)
{
  uint64_t fraction = bits & 0xfffffffffffff;
  unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
  *e = exponent ? exponent : 1;
  return exponent ? fraction | 1ull << 52 : fraction;
}

static inline void
add_product (struct qk_exact *a, uint64_t x, uint64_t y)
{
  unsigned ex, ey;
  uint64_t mx = integer_of (x, &ex), my = integer_of (y, &ey);
  int64_t minus = -(int64_t)((x ^ y) >> 63); /* all ones where the product is negative */
  unsigned place = ex + ey - 2;              /* above BOTTOM: 2 * 1075 - 2148 = 2 */
  unsigned __int128 product = (unsigned __int128)mx * my;
  /* 106 bits and a shift of up to 31, by 64-bit halves.  */
  unsigned __int128 low = (unsigned __int128)(uint64_t)product << place % 32;
  unsigned __int128 high = (product >> 64) << place % 32;
  int64_t part[5] = { (int64_t)((uint64_t)low & 0xffffffff), (int64_t)((uint64_t)low >> 32),
                      (int64_t)((uint64_t)(low >> 64) + ((uint64_t)high & 0xffffffff)),
                      (int64_t)((uint64_t)high >> 32), (int64_t)(uint64_t)(high >> 64) };
  int64_t *digit = a->digit + place / 32;
  for (int i = 0; i < 5; i++)
    digit[i] += (part[i] ^ minus) - minus;
}

static inline uint64_t
bits_of (double x)
{
  uint64_t bits;
  memcpy (&bits, &x, sizeof bits);
  return bits;
}

void
qk_exact_add (struct qk_exact *a, double x, double y)
{
  if (!isfinite (x) || !isfinite (y))
    {
      a->special += x * y;
      return;
    }
  add_product (a, bits_of (x), bits_of (y));
  if (++a->waiting == PATIENCE)
    carry (a);
}

void
qk_exact_dot (struct qk_exact *a, const double *x, const double *y, size_t n)
{
  for (size_t i = 0; i < n; i++)
    qk_exact_add (a, x[i], y[i]);
}

void
qk_exact_dot_size (struct qk_exact *a, const double *x, const double *y, size_t n)
{
  for (size_t i = 0; i < n; i++)
    qk_exact_add (a, fabs (x[i]), fabs (y[i]));
}

/* ---- Rounding -------------------------------------------------------------------------------- */

/* The magnitude of a sum, from its first bit: 2^exponent (1 to 2), the 64 bits of top and, where
   more is set, something below them.  */
struct magnitude
{
  bool minus, beyond;
  int exponent;
  uint64_t top; /* 0: the sum is */
};

static struct magnitude
magnitude_of (const struct qk_exact *a)
{
  struct qk_exact s = *a;
  struct magnitude m = { 0 };
  carry (&s);
  m.minus = s.digit[QK_EXACT_DIGITS - 1] < 0;
  if (m.minus)
    {
      for (size_t i = 0; i < QK_EXACT_DIGITS; i++)
        s.digit[i] = -s.digit[i];
      carry (&s);
    }
  size_t i = QK_EXACT_DIGITS;
  while (i > 0 && s.digit[i - 1] == 0)
    i--;
  if (i == 0)
    return m;
  /* Three digits hold the first 64 bits.  */
  uint64_t d[3] = { 0 };
  for (size_t j = 0; j < 3 && j < i; j++)
    d[j] = (uint64_t)s.digit[i - 1 - j];
  int lead = __builtin_clzll (d[0]) - 32; /* the last digit has 32 bits too: 2^64 terms fit */
  m.exponent = BOTTOM + 32 * (int)(i - 1) + 31 - lead;
  m.top = d[0] << 32 | d[1];
  m.top = lead ? m.top << lead | d[2] >> (32 - lead) : m.top;
  m.beyond = lead ? (uint32_t)(d[2] << lead) != 0 : d[2] != 0;
  for (size_t j = 3; j < i; j++)
    m.beyond |= s.digit[i - 1 - j] != 0;
  return m;
}

double
qk_exact_round (const struct qk_exact *a, const struct qk_float_format *f, enum qk_direction r)
{
  if (a->special != 0 || isnan (a->special))
    return a->special;
  struct magnitude m = magnitude_of (a);
  /* Bits to keep: all of the format, fewer where numbers are subnormal.  */
  int keep = f->precision;
  if (m.exponent < f->emin)
    keep -= f->emin - m.exponent;
  if (m.top == 0 || keep < 0)
    return m.top && m.minus ? -0.0 : 0.0;
  uint64_t kept = keep ? m.top >> (64 - keep) : 0, dropped = m.top << keep;
  bool half = dropped >> 63, beyond = dropped << 1 || m.beyond;
  if (r == QK_NEAREST && half && (beyond || kept & 1))
    kept++;
  double value = ldexp ((double)kept, m.exponent - keep + 1);
  if (value > f->largest)
    value = r == QK_NEAREST ? INFINITY : f->largest;
  return m.minus ? -value : value;
}

double
qk_exact_value (const struct qk_exact *a)
{
  return qk_exact_round (a, &qk_float_formats[QK_BINARY64], QK_NEAREST);
}

int
qk_exact_sign (const struct qk_exact *a)
{
  struct magnitude m = magnitude_of (a);
  return m.top == 0 ? 0 : m.minus ? -1 : 1;
}
