/* t-rounding.c -- formats and operations against MPFR, every 16-bit pattern and its midpoints;
   summation algorithms against textbook code on such operations; bounds and rms errors.  */

#include "../src/exact.h"
#include "../src/lanes/kernels.h"
#include "../src/rounding.h"
#include "support.h"

#include <math.h>
#include <mpfr.h>
#include <string.h>

static const enum qk_direction directions[] = { QK_NEAREST, QK_TO_ZERO };

static mpfr_rnd_t
rounding_of (enum qk_direction r)
{
  return r == QK_NEAREST ? MPFR_RNDN : MPFR_RNDZ;
}

/* A check writes to a file at every assertion: in long loops there is one only where it fails.  */

/* Equal, NaN included, and so are the signs of zeros.  */
static bool
same (double a, double b)
{
  return isnan (a) ? isnan (b) : a == b && signbit (a) == signbit (b);
}

/* The number of a 16-bit pattern, from the definition.  */
static double
decode (unsigned pattern, const struct qk_float_format *f)
{
  int fraction_bits = f->precision - 1;
  unsigned exponent = (pattern & 0x7fff) >> fraction_bits, most = (1u << (15 - fraction_bits)) - 1;
  double fraction = ldexp (pattern & ((1u << fraction_bits) - 1), -fraction_bits), x;
  if (exponent == most)
    x = fraction ? NAN : INFINITY;
  else if (exponent == 0)
    x = ldexp (fraction, f->emin);
  else
    x = ldexp (1 + fraction, (int)exponent - f->emax);
  return pattern >> 15 ? -x : x;
}

/* x rounded by MPFR within the exponents of the format.  */
static double
round_mpfr (double x, const struct qk_float_format *f, enum qk_direction r)
{
  static mpfr_t y;
  static bool ready;
  if (!ready)
    mpfr_init2 (y, 53);
  ready = true;
  mpfr_set_prec (y, f->precision);
  mpfr_set_emin (f->emin - f->precision + 2);
  mpfr_set_emax (f->emax + 1);
  int inexact = mpfr_set_d (y, x, rounding_of (r));
  mpfr_subnormalize (y, inexact, rounding_of (r));
  double result = mpfr_get_d (y, MPFR_RNDN);
  mpfr_set_emin (mpfr_get_emin_min ());
  mpfr_set_emax (mpfr_get_emax_max ());
  return result;
}

/* ---- exact ----------------------------------------------------------------------------------- */

START_TEST (formats_are_what_ieee_says)
{
  for (int i = 0; i < QK_FLOATS; i++)
    {
      const struct qk_float_format *f = &qk_float_formats[i];
      ck_assert_str_eq (f->name, qk_float_names[i]);
      ck_assert (f->emin == 1 - f->emax && f->unit == ldexp (1, -f->precision));
      ck_assert (f->largest == ldexp (2 - 2 * f->unit, f->emax));
      ck_assert (f->smallest_normal == ldexp (1, f->emin));
      ck_assert (f->smallest == ldexp (1, f->emin - f->precision + 1));
      ck_assert (f->overflow == (i == QK_BINARY64 ? INFINITY : ldexp (2 - f->unit, f->emax)));
      ck_assert (qk_float_error (f, QK_NEAREST) == f->unit);
      ck_assert (qk_float_error (f, QK_TO_ZERO) == 2 * f->unit);
    }
  ck_assert_ptr_null (qk_float_names[QK_FLOATS]);
  ck_assert_ptr_null (qk_summation_names[QK_SUMMATIONS]);
  ck_assert_str_eq (qk_summation_names[QK_DOT2], "dot2");
  ck_assert_str_eq (qk_summation_names[QK_TILED], "tile");
  ck_assert (qk_float_formats[QK_BINARY16].overflow == 65520);
}
END_TEST

static void
check_round (double x, const struct qk_float_format *f)
{
  for (int i = 0; i < 2; i++)
    {
      double got = qk_round (x, f, directions[i]), want = round_mpfr (x, f, directions[i]), all = x;
      qk_round_all (&all, 1, f, directions[i]);
      if (!(same (got, want) && same (all, want)))
        ck_abort_msg ("%s, %s: %a gives %a and %a, not %a", f->name,
                      qk_direction_names[directions[i]], x, got, all, want);
    }
}

/* Every pattern stays, and so do both sides of the midpoint to the next one, and that.  */
START_TEST (all_patterns)
{
  const struct qk_float_format *f = &qk_float_formats[_i];
  for (unsigned pattern = 0; pattern < 0x10000; pattern++)
    {
      double x = decode (pattern, f), next = decode (pattern + 1 < 0x10000 ? pattern + 1 : 0, f);
      if (!(same (qk_round (x, f, QK_NEAREST), x) && same (qk_round (x, f, QK_TO_ZERO), x)))
        ck_abort_msg ("%s: %04x", f->name, pattern);
      check_round (x, f);
      if (!isfinite (x))
        continue;
      if (!isfinite (next)) /* the midpoint from which on to nearest overflows */
        next = copysign (2 * f->overflow - f->largest, x);
      double middle = (x + next) / 2;
      const double around[]
          = { nextafter (x, -INFINITY), nextafter (x, INFINITY), nextafter (middle, -INFINITY),
              middle, nextafter (middle, INFINITY) };
      for (int i = 0; i < 5; i++)
        check_round (around[i], f);
    }
}
END_TEST

START_TEST (ends_of_the_range)
{
  for (int i = 0; i < QK_FLOATS; i++)
    {
      const struct qk_float_format *f = &qk_float_formats[i];
      const double ends[] = { 0,
                              0x1p-1074,
                              f->smallest / 2,
                              nextafter (f->smallest / 2, 1),
                              f->smallest,
                              1.5 * f->smallest,
                              nextafter (f->smallest_normal, 0),
                              f->smallest_normal,
                              f->largest,
                              nextafter (f->overflow, 0),
                              f->overflow,
                              0x1.fffffffffffffp1023,
                              INFINITY };
      for (size_t j = 0; j < sizeof ends / sizeof *ends; j++)
        {
          check_round (ends[j], f);
          check_round (-ends[j], f);
        }
      check_round (NAN, f);
      ck_assert (i == QK_BINARY64 || isinf (qk_round (f->overflow, f, QK_NEAREST)));
      ck_assert (qk_round (f->overflow, f, QK_TO_ZERO)
                 == (i == QK_BINARY64 ? INFINITY : f->largest));
      ck_assert (isinf (qk_round (INFINITY, f, QK_TO_ZERO)));
    }
}
END_TEST

/* ---- Operations, by MPFR: the exact value, or one with a sticky last bit, rounded to a multiple
   of the unit of the last place.  */

enum operation
{
  ADD,
  MUL,
  FMA,
  DIV,
  SQRT,
  OPERATIONS
};

static const char *const operation_names[] = { "add", "mul", "fma", "div", "sqrt" };

static double
by_qk (enum operation o, const double v[3], const struct qk_float_format *f, enum qk_direction r)
{
  switch (o)
    {
    case ADD:
      return qk_round_add (v[0], v[1], f, r);
    case MUL:
      return qk_round_mul (v[0], v[1], f, r);
    case FMA:
      return qk_round_fma (v[0], v[1], v[2], f, r);
    case DIV:
      return qk_round_div (v[0], v[1], f, r);
    default:
      return qk_round_sqrt (v[0], f, r);
    }
}

static double
by_mpfr (enum operation o, const double v[3], const struct qk_float_format *f, enum qk_direction r)
{
  static mpfr_t x, y, z;
  static bool ready;
  if (!ready)
    mpfr_inits2 (53, x, y, z, (mpfr_ptr)0);
  ready = true;
  mpfr_set_prec (z, o == FMA || o == ADD ? 4400 : 300);
  mpfr_set_d (x, v[0], MPFR_RNDN);
  mpfr_set_d (y, v[1], MPFR_RNDN);
  int rest = 0;
  if (o == ADD)
    rest = mpfr_add (z, x, y, MPFR_RNDZ);
  else if (o == MUL)
    rest = mpfr_mul (z, x, y, MPFR_RNDZ);
  else if (o == FMA)
    {
      mpfr_set_d (z, v[2], MPFR_RNDN);
      rest = mpfr_fma (z, x, y, z, MPFR_RNDZ);
    }
  else if (o == DIV)
    rest = mpfr_div (z, x, y, MPFR_RNDZ);
  else
    rest = mpfr_sqrt (z, x, MPFR_RNDZ);
  double result;
  if (!mpfr_number_p (z) || mpfr_zero_p (z))
    result = mpfr_get_d (z, MPFR_RNDN);
  else
    {
      bool minus = mpfr_signbit (z);
      long last = mpfr_get_exp (z) - f->precision; /* exponent of the unit of the last place */
      if (last < f->emin - f->precision + 1)
        last = f->emin - f->precision + 1;
      if (rest) /* something beyond the last bit: no tie */
        {
          mpfr_prec_round (z, mpfr_get_prec (z) + 2, MPFR_RNDN);
          if (minus)
            mpfr_nextbelow (z);
          else
            mpfr_nextabove (z);
        }
      mpfr_mul_2si (z, z, -last, MPFR_RNDN);
      if (r == QK_NEAREST)
        mpfr_rint (z, z, MPFR_RNDN);
      else
        mpfr_rint_trunc (z, z, MPFR_RNDN);
      mpfr_mul_2si (z, z, last, MPFR_RNDN);
      if (mpfr_cmp_d (z, f->largest) > 0 || mpfr_cmp_d (z, -f->largest) < 0)
        result = r == QK_NEAREST ? INFINITY : f->largest;
      else
        result = fabs (mpfr_get_d (z, MPFR_RNDN));
      result = minus ? -result : result;
    }
  return result;
}

static void
check_operation (enum operation o, const double v[3], const struct qk_float_format *f)
{
  for (int i = 0; i < 2; i++)
    {
      double got = by_qk (o, v, f, directions[i]), want = by_mpfr (o, v, f, directions[i]);
      if (!(same (got, want)))
        ck_abort_msg ("%s in %s, %s: %a %a %a gives %a, not %a", operation_names[o], f->name,
                      qk_direction_names[directions[i]], v[0], v[1], v[2], got, want);
    }
}

/* Doubles of all sizes, with few bits or all.  */
static double
any_double (uint64_t *state)
{
  uint64_t bits = next (state), how = next (state);
  if (how % 3 == 0)
    bits &= ~UINT64_C (0) << (how >> 8) % 53;
  if (how % 5 == 0) /* near 1 */
    bits = (bits & ~(UINT64_C (0x7ff) << 52)) | (UINT64_C (1023 - 30) + (how >> 16) % 60) << 52;
  double x;
  memcpy (&x, &bits, sizeof x);
  return isfinite (x) ? x : 1.2345;
}

static double
any_of (const struct qk_float_format *f, uint64_t *state)
{
  double x = any_double (state);
  int e = (int)(next (state) % (unsigned)(f->emax - f->emin + 2 * f->precision)) + f->emin
          - f->precision;
  if (f->precision < 53)
    x = ldexp (frexp (x, &(int){ 0 }), e);
  x = qk_round (x, f, QK_TO_ZERO);
  return x;
}

/* Operands of one format and results in another, and any doubles.  */
START_TEST (operations_round_once)
{
  uint64_t state = 4711 + (uint64_t)_i;
  int draws = (int)(2500 * effort ());
  const struct qk_float_format *f = &qk_float_formats[_i / OPERATIONS];
  enum operation o = (enum operation) (_i % OPERATIONS);
  for (int in = 0; in <= QK_FLOATS; in++)
    for (int i = 0; i < draws; i++)
      {
        double v[3];
        for (int j = 0; j < 3; j++)
          v[j] = in < QK_FLOATS ? any_of (&qk_float_formats[in], &state) : any_double (&state);
        if (i % 4 == 1) /* almost cancelling, or far apart */
          v[o == FMA ? 2 : 1]
              = -nextafter (o == FMA ? v[0] * v[1] : v[0], i % 8 == 1 ? 0 : INFINITY);
        if (i % 4 == 2)
          v[o == FMA ? 2 : 1]
              = ldexp (frexp (v[0], &(int){ 0 }), f->emin - (int)(next (&state) % 60));
        if (o == SQRT)
          v[0] = fabs (v[0]);
        check_operation (o, v, f);
      }
}
END_TEST

/* Sums next to midpoints: x a number, y half a unit of its last place and a very little beside:
   what rounding twice gets wrong.  */
START_TEST (double_roundings)
{
  for (int i = 1; i < QK_FLOATS; i++)
    {
      const struct qk_float_format *f = &qk_float_formats[i];
      double u = f->unit;
      for (int sign = -1; sign <= 1; sign += 2)
        for (int odd = 0; odd < 2; odd++)
          {
            double x = sign * (1 + 2 * odd * u), tiny = ldexp (1, -200);
            check_operation (ADD, (double[]){ sign * (1 + (2 * odd + 1) * u), tiny, 0 }, f);
            check_operation (ADD, (double[]){ sign * (1 + (2 * odd + 1) * u), -tiny, 0 }, f);
            check_operation (FMA, (double[]){ u, sign * (1 + 0x1p-45), x }, f);
            check_operation (FMA, (double[]){ u, sign * (1 - 0x1p-45), x }, f);
            check_operation (FMA, (double[]){ u * (1 + 0x1p-30), 1 + 0x1p-30, x }, f);
            check_operation (FMA, (double[]){ u * (1 + 0x1p-30), 1 - 0x1p-30, x }, f);
            check_operation (MUL, (double[]){ 1 + 0x1p-30, (x + u) * (1 - 0x1p-30), 0 }, f);
          }
    }
}
END_TEST

START_TEST (ieee_special_cases)
{
  const double values[] = { 0., -0., 1.5, -1.5, INFINITY, -INFINITY, NAN, 0x1p-1074, 0x1.8p1023 };
  const size_t n = sizeof values / sizeof *values;
  for (int f = 0; f < QK_FLOATS; f++)
    for (size_t i = 0; i < n * n * n; i++)
      for (int o = 0; o < OPERATIONS; o++)
        {
          const double v[] = { values[i % n], values[i / n % n], values[i / n / n] };
          check_operation ((enum operation)o, v, &qk_float_formats[f]);
        }
}
END_TEST

/* ---- Summation algorithms on operations of MPFR -----------------------------------------------
 */

static const struct qk_float_format *format;
static enum qk_direction direction;

static double
op (enum operation o, double x, double y, double z)
{
  return by_mpfr (o, (double[]){ x, y, z }, format, direction);
}

static double
plus (double x, double y)
{
  return op (ADD, x, y, 0);
}

static double
times (double x, double y)
{
  return op (MUL, x, y, 0);
}

static double
by_halves (const double *p, size_t n)
{
  if (n == 1)
    return p[0];
  size_t left = 1;
  while (2 * left < n)
    left *= 2;
  return plus (by_halves (p, left), by_halves (p + left, n - left));
}

/* s + e = a + b */
static double
rest_of (double s, double a, double b)
{
  return fabs (a) >= fabs (b) ? plus (b, -plus (s, -a)) : plus (a, -plus (s, -b));
}

static double
textbook (const double *x, const double *y, size_t n, enum qk_summation how)
{
  double p[64], s, c = 0, t, z;
  for (size_t i = 0; i < n; i++)
    p[i] = times (x[i], y[i]);
  s = p[0];
  switch (how)
    {
    case QK_RECURSIVE:
      for (size_t i = 1; i < n; i++)
        s = plus (s, p[i]);
      return s;
    case QK_PAIRWISE:
      return by_halves (p, n);
    case QK_KAHAN:
      for (size_t i = 1; i < n; i++)
        {
          z = plus (p[i], -c);
          t = plus (s, z);
          c = plus (plus (t, -s), -z);
          s = t;
        }
      return s;
    case QK_NEUMAIER:
      for (size_t i = 1; i < n; i++)
        {
          t = plus (s, p[i]);
          c = plus (c, rest_of (t, s, p[i]));
          s = t;
        }
      return plus (s, c);
    case QK_DOT2:
      c = op (FMA, x[0], y[0], -s);
      for (size_t i = 1; i < n; i++)
        {
          t = plus (s, p[i]);
          c = plus (c, plus (rest_of (t, s, p[i]), op (FMA, x[i], y[i], -p[i])));
          s = t;
        }
      return plus (s, c);
    default:
      for (size_t i = 1; i < n; i++)
        s = op (FMA, x[i], y[i], s);
      return s;
    }
}

/* A vector of numbers of a format, of one of some shapes.  */
enum shape
{
  LIKE_SCORES,
  POSITIVE,
  ALL_SIZES,
  CANCELLING,
  TINY,
  SHAPES
};

static void
draw_vectors (double *x, double *y, size_t n, enum shape shape, const struct qk_float_format *in,
              uint64_t *state)
{
  for (size_t i = 0; i < n; i++)
    {
      double v[2];
      for (int j = 0; j < 2; j++)
        {
          v[j] = (double)(int64_t)next (state) * 0x1.8p-62;
          if (shape == POSITIVE)
            v[j] = fabs (v[j]);
          if (shape == ALL_SIZES)
            v[j] = ldexp (v[j], (int)(next (state) % 9) - 4);
          if (shape == TINY)
            v[j] = ldexp (v[j], (in->emin - in->precision) / 2 + (int)(next (state) % 9));
        }
      x[i] = qk_round (v[0], in, QK_NEAREST);
      y[i] = qk_round (v[1], in, QK_NEAREST);
      if (shape == CANCELLING && i % 2)
        {
          x[i] = x[i - 1];
          y[i] = qk_round (-y[i - 1] * (1 + v[1] / 64), in, QK_NEAREST);
        }
    }
}

START_TEST (algorithms_are_textbook)
{
  uint64_t state = 99 + (uint64_t)_i;
  format = &qk_float_formats[_i];
  for (int i = 0; i < 25 * effort (); i++)
    for (int d = 0; d < QK_DIRECTIONS; d++)
      for (int in = 0; in < QK_FLOATS; in++)
        for (int how = 0; how < QK_SUMMATIONS; how++)
          {
            double x[64], y[64];
            size_t n = i < 9 ? (size_t)i + 1 : 10 + next (&state) % 30;
            direction = directions[d];
            draw_vectors (x, y, n, (enum shape) (i % SHAPES), &qk_float_formats[in], &state);
            struct qk_dot_way way
                = { (enum qk_summation)how, &qk_float_formats[in], format, direction };
            double got = qk_dot_rounded (x, y, n, &way), want = textbook (x, y, n, way.how);
            if (!(same (got, want)))
              ck_abort_msg ("%s of %zu %s in %s, %s: %a, not %a", qk_summation_names[how], n,
                            way.in->name, format->name, qk_direction_names[d], got, want);
          }
}
END_TEST

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* The share of its bound by which a dot product errs, or NAN where it overflows.  */
static double
share_of (const double *x, const double *y, size_t n, const struct qk_dot_way *way)
{
  struct qk_exact sum = { 0 }, size = { 0 };
  qk_exact_dot (&sum, x, y, n);
  qk_exact_dot_size (&size, x, y, n);
  double exact = qk_exact_value (&sum), magnitude = qk_exact_value (&size);
  if (magnitude >= way->acc->largest / 4)
    return NAN;
  double got = qk_dot_rounded (x, y, n, way);
  qk_exact_add (&sum, -got, 1);
  double error = fabs (qk_exact_value (&sum));
  return error == 0 ? 0 : error / qk_dot_bound (way, (double)n, fabs (exact), magnitude);
}

START_TEST (bounds_hold)
{
  uint64_t state = 7 + (uint64_t)_i;
  const struct qk_float_format *acc = &qk_float_formats[_i];
  int tried = 0;
  for (int i = 0; i < 60 * effort (); i++)
    for (int d = 0; d < QK_DIRECTIONS; d++)
      for (int in = 0; in < QK_FLOATS; in++)
        for (int how = 0; how < QK_SUMMATIONS; how++)
          {
            static double x[1000], y[1000];
            size_t n = 1 + next (&state) % (i % 3 ? 12 : 1000);
            draw_vectors (x, y, n, (enum shape) (i % SHAPES), &qk_float_formats[in], &state);
            struct qk_dot_way way
                = { (enum qk_summation)how, &qk_float_formats[in], acc, directions[d] };
            double share = share_of (x, y, n, &way);
            tried += share > 0;
            if (!(!(share > 1)))
              ck_abort_msg ("%s of %zu %s in %s, %s: %g of its bound", qk_summation_names[how], n,
                            way.in->name, acc->name, qk_direction_names[d], share);
          }
  ck_assert_double_ge (tried, 500 * effort ());
}
END_TEST

/* Every term is lost by a hair: nearly all of the bound of recursive sums; pairwise, compensated
   ones lose next to nothing.  */
START_TEST (bounds_are_reached)
{
  for (int f = 1; f < QK_FLOATS; f++)
    for (int d = 0; d < QK_DIRECTIONS; d++)
      {
        enum
        {
          N = 9
        };
        const struct qk_float_format *acc = &qk_float_formats[f];
        double x[N], y[N], e = qk_float_error (acc, directions[d]);
        for (int i = 0; i < N; i++)
          {
            x[i] = i ? e * (directions[d] == QK_TO_ZERO ? 1 - 2 * acc->unit : 1) : 1;
            y[i] = 1;
          }
        struct qk_dot_way way = { QK_RECURSIVE, acc, acc, directions[d] };
        double share = share_of (x, y, N, &way);
        ck_assert_msg (share > 0.7 && share <= 1, "%s: %g", acc->name, share);
        way.how = QK_DOT2;
        ck_assert (share_of (x, y, N, &way) <= 1);
        ck_assert (
            qk_dot_bound (&way, N, 1, 1)
            < 0.25
                  * qk_dot_bound (&(struct qk_dot_way){ QK_RECURSIVE, acc, acc, directions[d] }, N,
                                  1, 1));
      }
}
END_TEST

/* The three inequalities of kahan, solved.  */
START_TEST (kahan_constants)
{
  for (int bits = 7; bits <= 24; bits++)
    for (int i = 0; i < 12; i++)
      {
        double e = ldexp (1, -bits),
               n = i < 6 ? 2 + i : floor (ldexp (1, 2 * bits - 6 - 2 * (i - 6)));
        double E = 0, C = 0, M = 1;
        if (n < 2)
          continue;
        for (int step = 0; step < 500; step++)
          {
            M = 1 + E + C;
            C = e * (1 + e) * ((1 + e) / (1 - e) * M + (1 + e) * (1 + C));
            E = (2 * e + 2 * e * e + e * e * e) * (1 + n * C)
                + (2 * e * e + e * e * e) / (1 - e) * n * M;
          }
        double last = e * (1 + e) * ((1 + e) / (1 - e) * (E + C) + (1 + e) * (1 + C));
        double total = E + last + e * (1 + e) * (1 + e) / (1 - e) - e;
        ck_assert_msg (total <= 3 * e + 7 * (n + 2) * e * e, "e = 2^-%d, n = %g: %g", bits, n,
                       total);
        ck_assert (total >= 3 * e + 5 * n * e * e);
      }
}
END_TEST

START_TEST (no_bound_no_number)
{
  const struct qk_float_format *b8 = &qk_float_formats[QK_BFLOAT16];
  struct qk_dot_way way = { QK_RECURSIVE, b8, b8, QK_NEAREST };
  ck_assert (qk_dot_bound (&way, 255, 0, 1) > 200);
  ck_assert (isnan (qk_dot_bound (&way, 256, 0, 1)));
  way.rounding = QK_TO_ZERO;
  ck_assert (isfinite (qk_dot_bound (&way, 127, 0, 1)) && isnan (qk_dot_bound (&way, 128, 0, 1)));
  way.how = QK_PAIRWISE;
  ck_assert (isfinite (qk_dot_bound (&way, 1e6, 0, 1)));
  way.how = QK_KAHAN;
  ck_assert (isfinite (qk_dot_bound (&way, 256, 0, 1)) && isnan (qk_dot_bound (&way, 257, 0, 1)));
  /* What is known: gamma_3 for three rounded products, gamma_2 for exact ones.  */
  way = (struct qk_dot_way){ QK_RECURSIVE, b8, &qk_float_formats[QK_BINARY32], QK_NEAREST };
  double u = 0x1p-24;
  ck_assert_double_eq_tol (qk_dot_bound (&way, 3, 2, 5), 5 * 2 * u / (1 - 2 * u), 1e-12 * u);
  way.in = way.acc;
  ck_assert_double_eq_tol (qk_dot_bound (&way, 3, 2, 5), 5 * 3 * u / (1 - 3 * u), 1e-12 * u);
  way.how = QK_DOT2;
  ck_assert_double_eq_tol (qk_dot_bound (&way, 3, 2, 5), 2 * u + 45 * u * u, 1e-11 * u);
  /* Errors of products of wider numbers are rounded too: gamma_3 gamma_4.  */
  way.in = &qk_float_formats[QK_BINARY64];
  ck_assert_double_eq_tol (qk_dot_bound (&way, 3, 2, 5), 2 * u + 60 * u * u, 1e-11 * u);
}
END_TEST

/* ---- rms errors ------------------------------------------------------------------------------ */

START_TEST (models_hold)
{
  static const size_t lengths[] = { 1, 9, 64 };
  const struct qk_float_format *f = &qk_float_formats[_i];
  const struct qk_law normal = { &qk_law_types[QK_NORMAL], .sd = 1 };
  const struct qk_kernels *kernels = qk_kernels_find (NULL);
  const int sums = QK_DRAW_STEP * (int)(400 * effort ());
  for (int l = 0; l < 3; l++)
    {
      size_t n = lengths[l];
      double square[QK_SUMMATIONS] = { 0 };
      size_t values = n * (size_t)sums;
      double *q = aligned_alloc (QK_ALIGN, values * sizeof *q);
      double *k = aligned_alloc (QK_ALIGN, values * sizeof *k);
      ck_assert (q && k);
      kernels->draw (q, values, (struct qk_address){ 3, 0, 0 }, 0, &normal);
      kernels->draw (k, values, (struct qk_address){ 3, 16, 0 }, 0, &normal);
      qk_round_all (q, values, f, QK_NEAREST);
      qk_round_all (k, values, f, QK_NEAREST);
      for (size_t i = 0; i < (size_t)sums; i++)
        {
          const double *x = q + i * n, *y = k + i * n;
          struct qk_exact sum = { 0 };
          qk_exact_dot (&sum, x, y, n);
          for (int how = 0; how < QK_SUMMATIONS; how++)
            {
              struct qk_dot_way way = { (enum qk_summation)how, f, f, QK_NEAREST };
              struct qk_exact error = sum;
              qk_exact_add (&error, -qk_dot_rounded (x, y, n, &way), 1);
              square[how] += pow (qk_exact_value (&error) / f->unit, 2);
            }
        }
      free (q);
      free (k);
      /* Three deviations of a squared error, 18 and 6 relative variance at one and many terms.  */
      double noise = 1.5 * sqrt ((6 + 12. / (double)n) / sums);
      for (int how = 0; how < QK_SUMMATIONS; how++)
        {
          struct qk_dot_way way = { (enum qk_summation)how, f, f, QK_NEAREST };
          double ratio = sqrt (square[how] / sums) / qk_dot_model (&way, (double)n);
          double width = how == QK_PAIRWISE ? .07 : .04;
          ck_assert_msg (fabs (ratio - 1) < width + noise, "%s in %s, %zu terms: %g of the model",
                         qk_summation_names[how], f->name, n, ratio);
        }
    }
}
END_TEST

START_TEST (models_where_they_are)
{
  const struct qk_float_format *f = qk_float_formats;
  struct qk_dot_way way = { QK_RECURSIVE, &f[QK_BINARY32], &f[QK_BINARY32], QK_NEAREST };
  ck_assert_double_eq_tol (qk_dot_model (&way, 1024), 307.93709, 1e-4);
  ck_assert_double_eq_tol (qk_dot_model (&way, 1), 0.42466, 1e-5);
  way.rounding = QK_TO_ZERO;
  ck_assert (isnan (qk_dot_model (&way, 64)));
  way = (struct qk_dot_way){ QK_RECURSIVE, &f[QK_BINARY16], &f[QK_BINARY32], QK_NEAREST };
  ck_assert (isnan (qk_dot_model (&way, 64)) && qk_product_exact (way.in, way.acc));
  way = (struct qk_dot_way){ QK_RECURSIVE, &f[QK_BFLOAT16], &f[QK_BFLOAT16], QK_NEAREST };
  ck_assert (isnan (qk_dot_model (&way, 513)) && !qk_product_exact (way.in, way.acc));
}
END_TEST

/* ---- Ill-conditioned vectors ----------------------------------------------------------------- */

START_TEST (conditions_are_reached)
{
  static const double conditions[] = { 1, 1e4, 1e8, 1e16, 1e24, 1e32 };
  for (int f = 0; f < QK_FLOATS; f++)
    for (int c = 0; c < 6; c++)
      {
        enum
        {
          N = 64,
          SUMS = 200
        };
        const struct qk_float_format *in = &qk_float_formats[f];
        double condition = conditions[c], logs = 0;
        if (condition > qk_ill_most (N, in, in))
          continue;
        struct qk_source source = { { 5, 16, 3 }, NULL };
        for (uint64_t i = 0; i < SUMS; i++)
          {
            double x[N], y[N], again[N], other[N];
            struct qk_exact sum = { 0 }, size = { 0 };
            qk_ill_draw (x, y, N, condition, in, &source, i);
            qk_ill_draw (again, other, N, condition, in, &source, i);
            ck_assert (!memcmp (x, again, sizeof x) && !memcmp (y, other, sizeof y));
            qk_ill_draw (again, other, N, condition, in, &source, i + 1);
            ck_assert (memcmp (x, again, sizeof x) && memcmp (y, other, sizeof y));
            bool numbers = true;
            for (int j = 0; j < N; j++)
              numbers &= isfinite (x[j]) && isfinite (y[j]) && x[j] != 0
                         && x[j] == qk_round (x[j], in, QK_TO_ZERO)
                         && y[j] == qk_round (y[j], in, QK_TO_ZERO);
            ck_assert (numbers);
            qk_exact_dot (&sum, x, y, N);
            qk_exact_dot_size (&size, x, y, N);
            ck_assert (qk_exact_sign (&sum) != 0);
            double reached = 2 * qk_exact_value (&size) / fabs (qk_exact_value (&sum));
            logs += log10 (reached / condition) / SUMS;
            ck_assert_msg (reached >= 2, "%s: %g", in->name, reached);
          }
        ck_assert_msg (logs > -0.2 && (condition < 1000 * N || logs < 1), "%s: 10^%g times %g",
                       in->name, logs, condition);
      }
  ck_assert (qk_ill_most (64, qk_float_formats, qk_float_formats) == 1e32);
  ck_assert (qk_ill_most (64, &qk_float_formats[QK_BINARY32], &qk_float_formats[QK_BINARY32])
             == 1e32);
  ck_assert (qk_ill_most (64, &qk_float_formats[QK_BINARY16], &qk_float_formats[QK_BINARY16])
             > 1000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rounding");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, formats_are_what_ieee_says);
  tcase_add_test (exact, no_bound_no_number);
  tcase_add_test (exact, models_where_they_are);
  tcase_set_timeout (exact, 0);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, ends_of_the_range);
  tcase_add_test (edges, double_roundings);
  tcase_add_test (edges, ieee_special_cases);
  tcase_set_timeout (edges, 0);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_loop_test (twin, all_patterns, QK_BINARY16, QK_FLOATS);
  tcase_add_loop_test (twin, operations_round_once, 0, QK_FLOATS * OPERATIONS);
  tcase_add_loop_test (twin, algorithms_are_textbook, 0, QK_FLOATS);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);

  TCase *laws = tcase_create ("laws");
  tcase_add_loop_test (laws, bounds_hold, 0, QK_FLOATS);
  tcase_add_test (laws, bounds_are_reached);
  tcase_add_test (laws, kahan_constants);
  tcase_add_loop_test (laws, models_hold, 0, QK_FLOATS);
  tcase_add_test (laws, conditions_are_reached);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, laws);
  return run (suite);
}
