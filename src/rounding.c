/* rounding.c -- number formats, operations that round once, summation algorithms and their errors.

   Every operation is done in binary64, whose error is a double and known exactly; with its sign the
   last rounding is put right: toward zero the double is brought to that side, and before another
   rounding to nearest it is made odd.  What is odd in 53 bits lies on the same side of every number
   and midpoint of 51 bits or fewer as the exact value (Boldo, Melquiond, IEEE Trans. Comput. 57
   (2008)).  */

#include "exact.h"
#include "rounding.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* ---- Formats --------------------------------------------------------------------------------- */

const struct qk_float_format qk_float_formats[QK_FLOATS] = {
  [QK_BINARY64] = { "binary64", 53, -1022, 1023, 0x1p-53, 0x1.fffffffffffffp1023, 0x1p-1022,
                    0x1p-1074, INFINITY },
  [QK_BINARY32]
  = { "binary32", 24, -126, 127, 0x1p-24, 0x1.fffffep127, 0x1p-126, 0x1p-149, 0x1.ffffffp127 },
  [QK_BINARY16] = { "binary16", 11, -14, 15, 0x1p-11, 65504, 0x1p-14, 0x1p-24, 65520 },
  [QK_BFLOAT16] = { "bfloat16", 8, -126, 127, 0x1p-8, 0x1.fep127, 0x1p-126, 0x1p-133, 0x1.ffp127 },
};

const char *const qk_float_names[] = { "binary64", "binary32", "binary16", "bfloat16", NULL };
const char *const qk_direction_names[] = { "nearest", "zero", NULL };
const char *const qk_summation_names[]
    = { "recursive", "pairwise", "kahan", "neumaier", "fma", "dot2", "tile", NULL };

enum
{
  DOUBLE = 53 /* bits of the significand of a double */
};

double
qk_float_error (const struct qk_float_format *f, enum qk_direction r)
{
  return r == QK_NEAREST ? f->unit : 2 * f->unit;
}

static uint64_t
bits_of (double x)
{
  uint64_t b;
  memcpy (&b, &x, sizeof b);
  return b;
}

static double
double_of (uint64_t b)
{
  double x;
  memcpy (&x, &b, sizeof x);
  return x;
}

/* ---- One rounding ---------------------------------------------------------------------------- */

/* To a format of fewer bits than a double.  */
static inline double
narrow (double x, const struct qk_float_format *f, enum qk_direction r)
{
  double size = fabs (x);
  if (r == QK_NEAREST && f->precision == FLT_MANT_DIG)
    return (float)x;         /* the processor's own is quick */
  if (!(size < f->overflow)) /* and NaN */
    return r == QK_TO_ZERO && isfinite (x) ? copysign (f->largest, x) : x * INFINITY;
  if (size < f->smallest_normal)
    {
      /* A sum with 2^52 units of the last place has none below it.  */
      double unit = 0x1p52 * f->smallest;
      double y = r == QK_NEAREST ? (size + unit) - unit : trunc (size / f->smallest) * f->smallest;
      return copysign (y, x);
    }
  /* The last bit that stays, and what is below; a carry moves on into the exponent.  */
  uint64_t b = bits_of (x), last = UINT64_C (1) << (DOUBLE - f->precision);
  if (r == QK_NEAREST)
    b += last / 2 - 1 + ((b & last) != 0);
  return double_of (b & ~(last - 1));
}

double
qk_round (double x, const struct qk_float_format *f, enum qk_direction r)
{
  return f->precision < DOUBLE ? narrow (x, f, r) : x;
}

/* The double next to the exact value y + rest, given the sign of rest, |rest| < the distance of y
   from its neighbours: toward zero, or the odd one of the two.  */
static inline double
settle (double y, double rest, enum qk_direction r)
{
  if (rest == 0)
    return y;
  uint64_t b = bits_of (y);
  bool away = (rest > 0) == (y > 0); /* the exact value is the larger one */
  if (r == QK_TO_ZERO ? !away : !(b & 1))
    b += away ? 1 : (uint64_t)-1;
  return double_of (b);
}

/* y + rest rounded to f; y is that value rounded to a double.  */
static inline double
finish (double y, double rest, const struct qk_float_format *f, enum qk_direction r)
{
  if (f->precision == DOUBLE && r == QK_NEAREST)
    return y;
  return qk_round (settle (y, rest, r), f, r);
}

/* The same for (y + rest) 2^e, but to nearest in binary64, y far from the ends of the range.  */
static double
finish_scaled (double y, double rest, int e, const struct qk_float_format *f, enum qk_direction r)
{
  if (y == 0)
    return y;
  y = settle (y, rest, r);
  int top = e + ilogb (y);
  if (top > f->emax)
    return copysign (r == QK_TO_ZERO ? f->largest : INFINITY, y);
  /* A double that underflows is no number of a narrower format, nor half of the smallest.  */
  if (f->precision < DOUBLE)
    return narrow (scalbn (y, e), f, r);
  return top >= f->emin ? scalbn (y, e) : scalbn (trunc (scalbn (y, e + 1074)), -1074);
}

/* What finite operands burst to.  */
static double
burst (double y, const struct qk_float_format *f, enum qk_direction r)
{
  return r == QK_TO_ZERO && isinf (y) ? copysign (f->largest, y) : y;
}

static bool
hardware (const struct qk_float_format *f, enum qk_direction r)
{
  return f->precision == DOUBLE && r == QK_NEAREST;
}

void
qk_round_all (double *x, size_t n, const struct qk_float_format *f, enum qk_direction r)
{
  for (size_t i = 0; f->precision < DOUBLE && i < n; i++)
    x[i] = narrow (x[i], f, r);
}

double
qk_round_add (double x, double y, const struct qk_float_format *f, enum qk_direction r)
{
  double sum = x + y;
  if (!isfinite (x) || !isfinite (y))
    return sum;
  if (isinf (sum))
    return burst (sum, f, r);
  bool swap = fabs (x) < fabs (y);
  double a = swap ? y : x, b = swap ? x : y;
  return finish (sum, b - (sum - a), f, r);
}

/* Products from here on have errors that are doubles.  */
static const double SAFE = 0x1p-900;

double
qk_round_mul (double x, double y, const struct qk_float_format *f, enum qk_direction r)
{
  double product = x * y;
  if (hardware (f, r) || !isfinite (x) || !isfinite (y) || x == 0 || y == 0)
    return product;
  if (isinf (product))
    return burst (product, f, r);
  if (fabs (product) >= SAFE)
    return finish (product, fma (x, y, -product), f, r);
  int ex, ey;
  x = frexp (x, &ex);
  y = frexp (y, &ey);
  product = x * y;
  return finish_scaled (product, fma (x, y, -product), ex + ey, f, r);
}

/* The sum of a and b, and the rest that rounding takes from it (Knuth).  */
static void
two_sum (double *sum, double *rest, double a, double b)
{
  *sum = a + b;
  double part = *sum - a;
  *rest = (a - (*sum - part)) + (b - part);
}

/* The error of a fused multiply-add is the sum of two doubles, of which the first has its sign
   (Boldo, Muller, IEEE Trans. Comput. 60 (2011)).  What is 2^-400 times the other operand or less
   matters by its sign only.  */
double
qk_round_fma (double x, double y, double z, const struct qk_float_format *f, enum qk_direction r)
{
  if (hardware (f, r) || !isfinite (x) || !isfinite (y) || !isfinite (z))
    return fma (x, y, z);
  if (x == 0 || y == 0)
    return qk_round_add (x * y, z, f, r);
  if (z == 0)
    return qk_round_mul (x, y, f, r);
  double product = x * y;
  if (fabs (product) >= SAFE && isfinite (product) && fma (x, y, -product) == 0)
    return qk_round_add (product, z, f, r);

  int ex, ey, ez;
  x = frexp (x, &ex);
  y = frexp (y, &ey);
  z = frexp (z, &ez);
  int e = ex + ey > ez ? ex + ey : ez;
  x = scalbn (x, ex + ey - e > -400 ? ex + ey - e : -400);
  z = scalbn (z, ez - e > -400 ? ez - e : -400);
  double sum = fma (x, y, z), low, a, a_low, b, b_low;
  product = x * y;
  low = fma (x, y, -product);
  two_sum (&a, &a_low, z, low);
  two_sum (&b, &b_low, product, a);
  return finish_scaled (sum, ((b - sum) + b_low) + a_low, e, f, r);
}

double
qk_round_div (double x, double y, const struct qk_float_format *f, enum qk_direction r)
{
  if (hardware (f, r) || !isfinite (x) || !isfinite (y) || x == 0 || y == 0)
    return x / y;
  int ex, ey;
  x = frexp (x, &ex);
  y = frexp (y, &ey);
  double quotient = x / y, rest = fma (-quotient, y, x);
  return finish_scaled (quotient, y > 0 ? rest : -rest, ex - ey, f, r);
}

double
qk_round_sqrt (double x, const struct qk_float_format *f, enum qk_direction r)
{
  if (hardware (f, r) || !(x > 0) || isinf (x))
    return sqrt (x);
  int e;
  x = frexp (x, &e);
  if (e % 2 != 0)
    {
      x /= 2;
      e++;
    }
  double root = sqrt (x);
  return finish_scaled (root, fma (-root, root, x), e / 2, f, r);
}

/* ---- Summation algorithms -------------------------------------------------------------------- */

/* Arithmetic in which sums run: that of the processor; a format of at most 24 bits to nearest,
   where a sum of two of its numbers may first be rounded to 53 >= 2 24 + 2 bits (Figueroa, SIGNUM
   Newsletter 30 (1995)); any.  */
enum arithmetic
{
  NATIVE,
  SMALL,
  ANY
};

struct sum
{
  enum arithmetic kind;
  const struct qk_float_format *acc;
  enum qk_direction r;
  bool small; /* inputs of at most 26 bits: their products are doubles */
};

static inline double
add (double x, double y, const struct sum *s)
{
  return s->kind == NATIVE  ? x + y
         : s->kind == SMALL ? narrow (x + y, s->acc, QK_NEAREST)
                            : qk_round_add (x, y, s->acc, s->r);
}

static inline double
multiply (double x, double y, const struct sum *s)
{
  return s->kind == NATIVE ? x * y
         : s->small        ? qk_round (x * y, s->acc, s->r)
                           : qk_round_mul (x, y, s->acc, s->r);
}

static inline double
fused (double x, double y, double z, const struct sum *s)
{
  return s->kind == NATIVE ? fma (x, y, z)
         : s->small        ? qk_round_add (x * y, z, s->acc, s->r)
                           : qk_round_fma (x, y, z, s->acc, s->r);
}

static inline double
sum_recursive (const double *x, const double *y, size_t n, const struct sum *s)
{
  double sum = multiply (x[0], y[0], s);
  for (size_t i = 1; i < n; i++)
    sum = add (sum, multiply (x[i], y[i], s), s);
  return sum;
}

/* level[i] is a sum of 2^i products, where bit i of the number of products is set.  */
static inline double
sum_pairwise (const double *x, const double *y, size_t n, const struct sum *s)
{
  double level[64], sum = 0;
  for (size_t i = 0; i < n; i++)
    {
      double part = multiply (x[i], y[i], s);
      int l = 0;
      for (; i >> l & 1; l++)
        part = add (level[l], part, s);
      level[l] = part;
    }
  int l = 0;
  while (!(n >> l & 1))
    l++;
  for (sum = level[l++]; n >> l; l++)
    if (n >> l & 1)
      sum = add (level[l], sum, s);
  return sum;
}

static inline double
sum_kahan (const double *x, const double *y, size_t n, const struct sum *s)
{
  double sum = multiply (x[0], y[0], s), error = 0;
  for (size_t i = 1; i < n; i++)
    {
      double term = add (multiply (x[i], y[i], s), -error, s), next = add (sum, term, s);
      error = add (add (next, -sum, s), -term, s);
      sum = next;
    }
  return sum;
}

/* Add term to sum, and return the error: exact to nearest, rounded once toward zero.  */
static inline double
add_error (double *sum, double term, const struct sum *s)
{
  double next = add (*sum, term, s);
  bool swap = fabs (*sum) < fabs (term);
  double large = swap ? term : *sum, little = swap ? *sum : term;
  *sum = next;
  return add (little, -add (next, -large, s), s);
}

static inline double
sum_neumaier (const double *x, const double *y, size_t n, const struct sum *s)
{
  double sum = multiply (x[0], y[0], s), errors = 0;
  for (size_t i = 1; i < n; i++)
    errors = add (errors, add_error (&sum, multiply (x[i], y[i], s), s), s);
  return add (sum, errors, s);
}

static inline double
sum_fma (const double *x, const double *y, size_t n, const struct sum *s)
{
  double sum = multiply (x[0], y[0], s);
  for (size_t i = 1; i < n; i++)
    sum = fused (x[i], y[i], sum, s);
  return sum;
}

static inline double
sum_dot2 (const double *x, const double *y, size_t n, const struct sum *s)
{
  double sum = multiply (x[0], y[0], s), errors = fused (x[0], y[0], -sum, s);
  for (size_t i = 1; i < n; i++)
    {
      double product = multiply (x[i], y[i], s), low = fused (x[i], y[i], -product, s);
      errors = add (errors, add (add_error (&sum, product, s), low, s), s);
    }
  return add (sum, errors, s);
}

static inline __attribute__ ((always_inline)) double
sum_by (const double *x, const double *y, size_t n, enum qk_summation how, const struct sum *s)
{
  switch (how)
    {
    case QK_PAIRWISE:
      return sum_pairwise (x, y, n, s);
    case QK_KAHAN:
      return sum_kahan (x, y, n, s);
    case QK_NEUMAIER:
      return sum_neumaier (x, y, n, s);
    case QK_FMA:
    case QK_TILED:
      return sum_fma (x, y, n, s);
    case QK_DOT2:
      return sum_dot2 (x, y, n, s);
    default:
      return sum_recursive (x, y, n, s);
    }
}

double
qk_dot_rounded (const double *x, const double *y, size_t n, const struct qk_dot_way *way)
{
  const struct qk_float_format *acc = way->acc;
  bool small = 2 * way->in->precision <= DOUBLE;
  if (hardware (acc, way->rounding))
    return sum_by (x, y, n, way->how, &(struct sum){ NATIVE, acc, QK_NEAREST, small });
  if (way->rounding == QK_NEAREST)
    return sum_by (x, y, n, way->how, &(struct sum){ SMALL, acc, QK_NEAREST, small });
  return sum_by (x, y, n, way->how, &(struct sum){ ANY, acc, way->rounding, small });
}

/* ---- Errors ---------------------------------------------------------------------------------- */

bool
qk_product_exact (const struct qk_float_format *in, const struct qk_float_format *acc)
{
  return 2 * in->precision <= acc->precision;
}

/* m e / (1 - m e), or NAN.  */
static double
gamma_of (double m, double e)
{
  return m * e < 1 ? m * e / (1 - m * e) : NAN;
}

/* Each error is (1 + d), |d| <= e, also toward zero.

   kahan, with p the rounded products, s and c its sum and correction, each operation with a d of
   its own:  y = (p - c)(1 + d1), s' = (s + y)(1 + d2), c' = ((s' - s)(1 + d3) - y)(1 + d4) give

     s' - c' = s - c + p + d1 (p - c) + d2 (s + y) [1 - (1 + d3)(1 + d4)] - d3 (1 + d4) y,
     c' = [d2 (s + y)(1 + d3) + d3 y] (1 + d4).

   So with M, C, E the largest |s|, |c| and error of s - c, in units of the sum of all |p|,

     E <= (2 e + 2 e^2 + e^3)(1 + n C) + (2 e^2 + e^3) / (1 - e) n M,
     C <= e (1 + e) ((1 + e) / (1 - e) M + (1 + e)(1 + C)),  M <= 1 + E + C,

   which for n e^2 <= 1/64, e <= 1/128 keeps E + e (1 + e)^2 (...) of the last c below
   e |sum of p| + 3 e + 7 (n + 2) e^2: t-rounding solves the three.

   neumaier, dot2 toward zero: with |a| >= |b| the difference of the rounded sum from a is exact
   (Sterbenz), so the error comes out with one rounding, and the sum of n - 1 such with n in all;
   dot2 has another one, its sum of two errors.  Errors of additions sum up to g_(n-1) of the p.
   To nearest dot2 has one more where the error of a product of wider numbers is rounded.  */
double
qk_dot_bound (const struct qk_dot_way *way, double n, double sum, double magnitude)
{
  const struct qk_float_format *acc = way->acc;
  bool exact = qk_product_exact (way->in, acc), zero = way->rounding == QK_TO_ZERO,
       wide = way->in->precision > acc->precision;
  double e = qk_float_error (acc, way->rounding), t = exact ? 0 : e, g = NAN, bound = NAN;
  double rounded = (1 + t) * magnitude; /* at least the sum of |p| */
  switch (way->how)
    {
    case QK_RECURSIVE:
      g = gamma_of (exact ? n - 1 : n, e);
      bound = g * magnitude;
      break;
    case QK_PAIRWISE:
      g = gamma_of (ceil (log2 (n)) + !exact, e);
      bound = g * magnitude;
      break;
    case QK_KAHAN:
      if (n * e * e <= 0x1p-6 && e <= 0x1p-7)
        {
          g = 3 * e + 7 * (n + 2) * e * e;
          bound = t * magnitude + e * (sum + t * magnitude) + g * rounded;
        }
      break;
    case QK_NEUMAIER:
      g = gamma_of (n, e);
      bound = t * magnitude + e * (sum + t * magnitude)
              + gamma_of (n - 1, e) * (zero ? (1 + e) * g : gamma_of (n - 1, e)) * rounded;
      break;
    case QK_DOT2:
      g = gamma_of (n, e);
      bound = e * sum + g * (zero || wide ? (1 + e) * gamma_of (n + 1, e) : g) * magnitude;
      break;
    default: /* fused */
      g = gamma_of (n, e);
      bound = g * magnitude;
      break;
    }
  /* A product, or its error, that underflows loses a unit of the last place at most, and sums of
     such numbers are exact; five times n is the count of Ogita, Rump and Oishi.  */
  double lost = 5 * n * (1 + g) * (way->rounding == QK_NEAREST ? 0.5 : 1);
  const double ours = 0x1p-48; /* more than all the roundings here */
  return (bound + lost * acc->smallest) * (1 + ours);
}

/* Of the additions of sum_pairwise: blocks of 2^i products, then these from the smallest on.  */
static double
pairwise_variances (double n)
{
  double sum = 0, joined = 0;
  for (int i = 0; i < 53; i++)
    if (fmod (floor (scalbn (n, -i)), 2) == 1)
      {
        double block = scalbn (1, i);
        sum += block * i + (joined > 0 ? joined + block : 0);
        joined += block;
      }
  return sum;
}

/* The sum over all rounded results of the number of terms in them: with independent terms of
   variance 1, of their variances.  */
static double
variances (enum qk_summation how, double n)
{
  switch (how)
    {
    case QK_RECURSIVE: /* n products; sums of 2, 3, ..., n */
      return n * n / 2 + 1.5 * n - 1;
    case QK_PAIRWISE: /* n products; log2 n levels where that is an integer */
      return n + pairwise_variances (n);
    case QK_KAHAN: /* n products, n - 2 less a correction; the last sum */
      return 3 * n - 2;
    case QK_NEUMAIER: /* n products; the last sum */
      return n == 1 ? 1 : 2 * n;
    case QK_DOT2: /* the last sum */
      return n;
    default: /* sums of 1, 2, ..., n */
      return n * n / 2 + n / 2;
    }
}

/* v is the mean of ulp(x)^2 / (12 u^2 x^2) over log-uniform significands, ulp (x) = 2 u 2^floor
   (log2 |x|).  The rests that neumaier and dot2 sum up apart have variance v k u^2 in the k-th
   step, their partial sums v k^2 u^2 / 2, and the roundings of these v^2 n^3 u^4 / 6 in all.  */
double
qk_dot_model (const struct qk_dot_way *way, double n)
{
  const double v = 1 / (8 * M_LN2), u = way->acc->unit;
  bool apart = way->how == QK_NEUMAIER || way->how == QK_DOT2;
  if (way->rounding != QK_NEAREST || 2 * way->in->precision < way->acc->precision + 4 || n * u > 2)
    return NAN;
  return sqrt (v * (variances (way->how, n) + (apart ? v * u * u * n * n * n / 6 : 0)));
}

/* ---- Ill-conditioned dot products ------------------------------------------------------------ */

/* Products have exponents in [-b/2, b/2], b the bits of the condition number, factors in half of
   that; a term that cancels a sum is as large as that.  */
double
qk_ill_most (size_t n, const struct qk_float_format *in, const struct qk_float_format *acc)
{
  double room = log2 ((double)n) + 2, most = log2 (1e32);
  most = fmin (most, 4 * (fmin (in->emax, -in->emin) - room));
  most = fmin (most, 2 * (fmin (acc->emax, -acc->emin) - room));
  return most >= log2 (1e32) ? 1e32 : exp2 (floor (most));
}

struct words
{
  struct qk_source *source;
  uint64_t group, word[2];
  bool left; /* whether word[1] is */
};

static uint64_t
next_word (struct words *w)
{
  if (w->source->foreign)
    return qk_foreign_word (w->source->foreign);
  if (!w->left)
    qk_words (w->word, w->source->address, w->group++);
  w->left = !w->left;
  return w->word[!w->left];
}

/* In [0, 1).  */
static double
next_share (struct words *w)
{
  return (double)(next_word (w) >> 11) * 0x1p-53;
}

/* Between 2^(e - 1) and 2^e, either sign.  */
static double
next_value (struct words *w, int e)
{
  uint64_t word = next_word (w);
  double size = scalbn (1 + (double)(word >> 12) * 0x1p-52, e - 1);
  return word & 1 ? -size : size;
}

void
qk_ill_draw (double *x, double *y, size_t n, double condition, const struct qk_float_format *in,
             struct qk_source *source, uint64_t index)
{
  struct words w = { .source = source, .group = index * 3 * n }; /* at most 5 words a term */
  struct qk_exact sum = { 0 };
  /* Twice the sum of magnitudes is some 4 times the largest product, for tens of terms.  */
  double half = fmax (log2 (condition) - 2, 0) / 2;
  int shift = (int)floor (half / 2);
  size_t first = n / 2;
  for (size_t i = 0; i < n; i++)
    {
      double share = i >= first       ? (double)(n - 1 - i) / (double)(n - 1 - first)
                     : i == 0         ? 1
                     : i == first - 1 ? 0
                                      : next_share (&w);
      int e = (int)rint (share * half) - shift;
      x[i] = qk_round (next_value (&w, e), in, QK_NEAREST);
      y[i] = next_value (&w, e);
      if (i >= first)
        y[i] -= qk_exact_value (&sum) / x[i];
      y[i] = qk_round (y[i], in, QK_NEAREST);
      qk_exact_add (&sum, x[i], y[i]);
    }
  for (size_t i = n - 1; i > 0; i--)
    {
      size_t j = (size_t)(next_share (&w) * (double)(i + 1));
      double a = x[i], b = y[i];
      x[i] = x[j], y[i] = y[j];
      x[j] = a, y[j] = b;
    }
}
