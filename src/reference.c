/* reference.c -- the same values by another route, certified; the only file that sees mpfr.h.  */

#include "reference.h"

#include <gmp.h>
#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  /* A product of two doubles is a multiple of 2^-2148 below 2^2048 in size; with fewer than 2^64
     of them every partial sum fits, and no addition rounds.  */
  EXACT_BITS = 2148 + 2048 + 64,
  FIRST_BITS = 128 /* a double and half as much again settles almost everything */
};

const char *
qk_mpfr_version (void)
{
  return mpfr_get_version ();
}

const char *
qk_gmp_version (void)
{
  return gmp_version;
}

void
qk_reference_release (void)
{
  mpfr_free_cache2 (MPFR_FREE_LOCAL_CACHE);
}

/* ---- Intervals --------------------------------------------------------------------------------
   Ends are rounded outward; an end is NaN where nothing is known.  Results may be arguments.  */

struct range
{
  mpfr_t lo, hi;
};

static void
range_init (struct range *r, mpfr_prec_t bits)
{
  mpfr_init2 (r->lo, bits);
  mpfr_init2 (r->hi, bits);
  mpfr_set_zero (r->lo, +1);
  mpfr_set_zero (r->hi, +1);
}

static void
range_clear (struct range *r)
{
  mpfr_clears (r->lo, r->hi, (mpfr_ptr)0);
}

static void
range_zero (struct range *r)
{
  mpfr_set_zero (r->lo, +1);
  mpfr_set_zero (r->hi, +1);
}

static void
range_set (struct range *r, const struct range *a)
{
  mpfr_set (r->lo, a->lo, MPFR_RNDD);
  mpfr_set (r->hi, a->hi, MPFR_RNDU);
}

static void
range_set_d (struct range *r, double x)
{
  mpfr_set_d (r->lo, x, MPFR_RNDD);
  mpfr_set_d (r->hi, x, MPFR_RNDU);
}

static void
range_add (struct range *r, const struct range *a, const struct range *b)
{
  mpfr_add (r->lo, a->lo, b->lo, MPFR_RNDD);
  mpfr_add (r->hi, a->hi, b->hi, MPFR_RNDU);
}

/* r += x.  */
static void
range_add_d (struct range *r, double x)
{
  mpfr_add_d (r->lo, r->lo, x, MPFR_RNDD);
  mpfr_add_d (r->hi, r->hi, x, MPFR_RNDU);
}

static void
range_negate (struct range *r)
{
  mpfr_neg (r->lo, r->lo, MPFR_RNDN);
  mpfr_neg (r->hi, r->hi, MPFR_RNDN);
  mpfr_swap (r->lo, r->hi);
}

/* r *= x.  */
static void
range_mul_d (struct range *r, double x)
{
  if (signbit (x))
    {
      range_negate (r);
      x = -x;
    }
  mpfr_mul_d (r->lo, r->lo, x, MPFR_RNDD);
  mpfr_mul_d (r->hi, r->hi, x, MPFR_RNDU);
}

/* r = a b.  */
static void
range_mul (struct range *r, const struct range *a, const struct range *b)
{
  if (mpfr_sgn (a->lo) >= 0 && mpfr_sgn (b->lo) >= 0)
    {
      mpfr_mul (r->lo, a->lo, b->lo, MPFR_RNDD);
      mpfr_mul (r->hi, a->hi, b->hi, MPFR_RNDU);
      return;
    }
  /* The least and the most of the four products of ends.  */
  struct range all, one;
  range_init (&all, mpfr_get_prec (r->lo));
  range_init (&one, mpfr_get_prec (r->lo));
  for (int i = 0; i < 4; i++)
    {
      mpfr_srcptr x = i & 1 ? a->lo : a->hi, y = i & 2 ? b->lo : b->hi;
      mpfr_mul (one.lo, x, y, MPFR_RNDD);
      mpfr_mul (one.hi, x, y, MPFR_RNDU);
      if (i == 0 || !mpfr_greaterequal_p (one.lo, all.lo))
        mpfr_set (all.lo, one.lo, MPFR_RNDD);
      if (i == 0 || !mpfr_lessequal_p (one.hi, all.hi))
        mpfr_set (all.hi, one.hi, MPFR_RNDU);
    }
  mpfr_swap (r->lo, all.lo);
  mpfr_swap (r->hi, all.hi);
  range_clear (&all);
  range_clear (&one);
}

/* r = a / b, b > 0 or NaN.  */
static void
range_div (struct range *r, const struct range *a, const struct range *b)
{
  if (!(mpfr_sgn (b->lo) > 0))
    {
      mpfr_set_nan (r->lo);
      mpfr_set_nan (r->hi);
      return;
    }
  /* Away from 0 by the smaller divisor.  */
  mpfr_srcptr low = mpfr_sgn (a->lo) < 0 ? b->lo : b->hi;
  mpfr_srcptr high = mpfr_sgn (a->hi) < 0 ? b->hi : b->lo;
  mpfr_div (r->lo, a->lo, low, MPFR_RNDD);
  mpfr_div (r->hi, a->hi, high, MPFR_RNDU);
}

/* r = f (a), f increasing.  */
static void
range_apply (struct range *r, int (*f) (mpfr_ptr, mpfr_srcptr, mpfr_rnd_t), const struct range *a)
{
  f (r->lo, a->lo, MPFR_RNDD);
  f (r->hi, a->hi, MPFR_RNDU);
}

/* ---- Certificates -----------------------------------------------------------------------------
 */

/* n digits, .ddd 10^point, as people write them: "-12.5", "0.0125", "1.25e-7".  NULL: out of
   memory.  */
static char *
spell (const char *digit, size_t n, long point, bool minus)
{
  enum
  {
    ZEROS = 8 /* written out before an exponent is used */
  };
  char *text = malloc (n + 40), *end = text;
  if (!text)
    return NULL;
  if (minus)
    *end++ = '-';
  if (point > (long)n + ZEROS || point < -ZEROS + 2)
    {
      *end++ = *digit;
      if (n > 1)
        *end++ = '.';
      end = mempcpy (end, digit + 1, n - 1);
      sprintf (end, "e%+ld", point - 1);
      return text;
    }
  if (point <= 0)
    {
      *end++ = '0';
      *end++ = '.';
    }
  for (; point < 0; point++)
    *end++ = '0';
  for (size_t i = 0; i < n; i++)
    {
      if (i > 0 && point == (long)i)
        *end++ = '.';
      *end++ = digit[i];
    }
  for (; point > (long)n; point--)
    *end++ = '0';
  *end = '\0';
  return text;
}

/* Decimals that read back to x in its own precision, without zeros behind.  NULL: out of memory, or
   x is no number.  */
static char *
digits_of (mpfr_t x)
{
  if (!mpfr_number_p (x))
    return NULL;
  if (mpfr_zero_p (x))
    return strdup ("0");
  mpfr_prec_t bits = mpfr_get_prec (x);
  size_t most = mpfr_get_str_ndigits (10, bits); /* always enough, and two fewer often are */
  char *digits = NULL;
  mpfr_exp_t point = 0;
  mpfr_t back;
  mpfr_init2 (back, bits);
  for (size_t n = most > 3 ? most - 2 : 1; n <= most; n++)
    {
      if (digits)
        mpfr_free_str (digits);
      digits = mpfr_get_str (NULL, &point, 10, n, x, MPFR_RNDN);
      bool minus = *digits == '-';
      char *text = malloc (strlen (digits) + 40);
      if (!text)
        break;
      sprintf (text, "%s0.%se%ld", minus ? "-" : "", digits + minus, (long)point);
      mpfr_set_str (back, text, 10, MPFR_RNDN);
      free (text);
      if (mpfr_equal_p (back, x))
        break;
    }
  mpfr_clear (back);
  bool minus = *digits == '-';
  size_t n = strlen (digits + minus);
  while (n > 1 && digits[minus + n - 1] == '0')
    n--;
  char *text = spell (digits + minus, n, (long)point, minus);
  mpfr_free_str (digits);
  return text;
}

/* Both ends rounded to binary64 are the same number.  Zero is -0 only where the value is known to
   be negative, whatever sign directed rounding gave the ends.  */
static bool
same_double (double *value, const struct range *r)
{
  *value = mpfr_get_d (r->hi, MPFR_RNDN);
  if (*value == 0)
    *value = mpfr_sgn (r->hi) < 0 ? -0.0 : 0.0;
  return mpfr_get_d (r->lo, MPFR_RNDN) == *value;
}

/* Both ends rounded to that many bits are the same number: its digits; else NULL.  */
static char *
same_digits (const struct range *r, long precision)
{
  mpfr_t lo, hi;
  mpfr_inits2 (precision, lo, hi, (mpfr_ptr)0);
  mpfr_set (lo, r->lo, MPFR_RNDN);
  mpfr_set (hi, r->hi, MPFR_RNDN);
  char *digits = mpfr_equal_p (lo, hi) ? digits_of (lo) : NULL;
  mpfr_clears (lo, hi, (mpfr_ptr)0);
  return digits;
}

static const struct qk_certified refused = { .value = NAN };

/* What an enclosure settles, if all that is asked.  */
static bool
settled (struct qk_certified *c, const struct range *r, long precision)
{
  *c = refused;
  double value;
  if (!same_double (&value, r))
    return false;
  char *digits = precision ? same_digits (r, precision) : NULL;
  if (precision && !digits && mpfr_number_p (r->lo))
    return false;
  *c = (struct qk_certified){ value, mpfr_get_prec (r->lo), digits };
  return true;
}

static bool
worth_more (mpfr_prec_t bits, long precision)
{
  return bits <= QK_REFERENCE_BITS + 16 * precision;
}

/* Enclose at more and more bits, until what is asked is settled.  enclose writes the ends of r in
   the precision they have.  */
static struct qk_certified
certify (void (*enclose) (struct range *r, const void *of), const void *of, long precision)
{
  struct qk_certified c = refused;
  bool done = false;
  for (mpfr_prec_t bits = FIRST_BITS; !done && worth_more (bits, precision); bits *= 2)
    {
      struct range r;
      if (bits < precision)
        continue;
      range_init (&r, bits);
      enclose (&r, of);
      done = settled (&c, &r, precision) || mpfr_nan_p (r.lo) || mpfr_nan_p (r.hi);
      range_clear (&r);
    }
  return c;
}

/* What is known exactly.  */
static struct qk_certified
exactly (mpfr_t x, long precision)
{
  struct qk_certified c = refused;
  if (mpfr_nan_p (x))
    return c;
  struct range r;
  range_init (&r, mpfr_get_prec (x));
  mpfr_set (r.lo, x, MPFR_RNDD);
  mpfr_set (r.hi, x, MPFR_RNDU);
  settled (&c, &r, precision);
  range_clear (&r);
  return c;
}

/* ---- Sums -------------------------------------------------------------------------------------
 */

/* sum (EXACT_BITS) = the sum of x_i y_i, or of |x_i y_i|.  */
static void
exact_dot (mpfr_t sum, const double *x, const double *y, size_t n, bool sizes)
{
  mpfr_t a, b;
  mpfr_inits2 (53, a, b, (mpfr_ptr)0);
  mpfr_set_zero (sum, +1);
  for (size_t i = 0; i < n; i++)
    {
      mpfr_set_d (a, sizes ? fabs (x[i]) : x[i], MPFR_RNDN);
      mpfr_set_d (b, sizes ? fabs (y[i]) : y[i], MPFR_RNDN);
      mpfr_fma (sum, a, b, sum, MPFR_RNDN);
    }
  mpfr_clears (a, b, (mpfr_ptr)0);
}

struct qk_certified
qk_dot_ref (const double *x, const double *y, size_t n, long precision)
{
  mpfr_t sum;
  mpfr_init2 (sum, EXACT_BITS);
  exact_dot (sum, x, y, n, false);
  struct qk_certified c = exactly (sum, precision);
  mpfr_clear (sum);
  return c;
}

char *
qk_exact_digits (const struct qk_exact *a, long precision)
{
  mpfr_t sum, digit;
  mpfr_init2 (sum, EXACT_BITS + 64);
  mpfr_init2 (digit, 64);
  mpfr_set_zero (sum, +1);
  for (size_t i = QK_EXACT_DIGITS; i-- > 0;)
    {
      mpfr_set_si_2exp (digit, a->digit[i], 32 * (mpfr_exp_t)i - 2148, MPFR_RNDN);
      mpfr_add (sum, sum, digit, MPFR_RNDN);
    }
  char *digits = exactly (sum, precision).digits;
  mpfr_clears (sum, digit, (mpfr_ptr)0);
  return digits;
}

struct ratio
{
  mpfr_t above, below;
};

static void
enclose_ratio (struct range *r, const void *of)
{
  const struct ratio *q = of;
  mpfr_div (r->lo, q->above, q->below, MPFR_RNDD);
  mpfr_div (r->hi, q->above, q->below, MPFR_RNDU);
}

struct qk_certified
qk_condition_ref (const double *x, const double *y, size_t n, long precision)
{
  struct qk_certified c = { INFINITY, EXACT_BITS, NULL };
  struct ratio q;
  mpfr_inits2 (EXACT_BITS, q.above, q.below, (mpfr_ptr)0);
  exact_dot (q.above, x, y, n, true);
  exact_dot (q.below, x, y, n, false);
  mpfr_mul_2ui (q.above, q.above, 1, MPFR_RNDN);
  mpfr_abs (q.below, q.below, MPFR_RNDN);
  if (!mpfr_number_p (q.above))
    c = refused;
  else if (!mpfr_zero_p (q.below))
    c = certify (enclose_ratio, &q, precision);
  mpfr_clears (q.above, q.below, (mpfr_ptr)0);
  return c;
}

struct powers
{
  const double *x;
  size_t n;
  double shift;
  unsigned power;
};

static void
enclose_power_sum (struct range *r, const void *of)
{
  const struct powers *p = of;
  struct range t, product;
  range_init (&t, mpfr_get_prec (r->lo));
  range_init (&product, mpfr_get_prec (r->lo));
  for (size_t i = 0; i < p->n; i++)
    {
      range_set_d (&t, p->x[i]);
      range_add_d (&t, -p->shift);
      /* Of the size, which has its sign back where the power is odd.  */
      bool minus = mpfr_sgn (t.hi) <= 0;
      if (minus)
        range_negate (&t);
      range_set (&product, &t);
      for (unsigned k = 1; k < p->power; k++)
        range_mul (&product, &product, &t);
      if (minus && p->power % 2)
        range_negate (&product);
      range_add (r, r, &product);
    }
  range_clear (&t);
  range_clear (&product);
}

struct qk_certified
qk_power_sum_ref (const double *x, size_t n, double shift, unsigned power, long precision)
{
  struct powers p = { x, n, shift, power };
  return certify (enclose_power_sum, &p, precision);
}

/* ---- Moments of a series -----------------------------------------------------------------------

   A run of numbers is known by five integers: sums of x, of x^2 and of products of neighbours, and
   the ends, in units of radix^exponent (squares and products: of its square).  Two runs one after
   the other make one.  They are joined as digits are carried, equals with equals, so that a number
   of a million digits takes part in few operations.  */

struct run
{
  uint64_t count; /* 0: there is no run */
  long exponent;
  mpz_t sum, square, lag, first, last;
};

enum
{
  LEVELS = 64
};

struct qk_series
{
  unsigned radix;
  struct run open;          /* takes numbers of its own exponent */
  struct run level[LEVELS]; /* level i joins 2^i runs; the later the lower */
};

static void
run_init (struct run *a)
{
  *a = (struct run){ 0 };
  mpz_inits (a->sum, a->square, a->lag, a->first, a->last, NULL);
}

static void
run_clear (struct run *a)
{
  mpz_clears (a->sum, a->square, a->lag, a->first, a->last, NULL);
}

/* The same in smaller units.  */
static void
refine (struct run *a, unsigned radix, long exponent)
{
  mpz_t unit;
  if (a->exponent <= exponent)
    return;
  mpz_init (unit);
  mpz_ui_pow_ui (unit, radix, (unsigned long)(a->exponent - exponent));
  mpz_mul (a->sum, a->sum, unit);
  mpz_mul (a->first, a->first, unit);
  mpz_mul (a->last, a->last, unit);
  mpz_mul (unit, unit, unit);
  mpz_mul (a->square, a->square, unit);
  mpz_mul (a->lag, a->lag, unit);
  mpz_clear (unit);
  a->exponent = exponent;
}

/* a = a and then b, which is empty afterwards.  */
static void
join (struct run *a, struct run *b, unsigned radix)
{
  if (!a->count)
    {
      struct run t = *a;
      *a = *b;
      *b = t;
      return;
    }
  if (!b->count)
    return;
  long exponent = a->exponent < b->exponent ? a->exponent : b->exponent;
  refine (a, radix, exponent);
  refine (b, radix, exponent);
  a->count += b->count;
  mpz_add (a->sum, a->sum, b->sum);
  mpz_add (a->square, a->square, b->square);
  mpz_add (a->lag, a->lag, b->lag);
  mpz_addmul (a->lag, a->last, b->first);
  mpz_swap (a->last, b->last);
  b->count = 0;
}

/* Put the open run away.  */
static void
shelve (struct qk_series *s)
{
  struct run carried;
  run_init (&carried);
  join (&carried, &s->open, s->radix);
  size_t i = 0;
  for (; s->level[i].count && i + 1 < LEVELS; i++)
    {
      join (&s->level[i], &carried, s->radix);
      join (&carried, &s->level[i], s->radix);
    }
  join (&s->level[i], &carried, s->radix);
  run_clear (&carried);
}

/* Add m radix^exponent.  */
static void
append (struct qk_series *s, const mpz_t m, long exponent)
{
  struct run *a = &s->open;
  /* Numbers much smaller than the sums so far would drag these along.  */
  if (a->count && (a->exponent != exponent || mpz_size (a->square) > 4 * mpz_size (m) + 64))
    shelve (s);
  if (!a->count)
    {
      a->exponent = exponent;
      mpz_set_ui (a->sum, 0);
      mpz_set_ui (a->square, 0);
      mpz_set_ui (a->lag, 0);
      mpz_set_ui (a->last, 0);
      mpz_set (a->first, m);
    }
  a->count++;
  mpz_add (a->sum, a->sum, m);
  mpz_addmul (a->square, m, m);
  mpz_addmul (a->lag, a->last, m);
  mpz_set (a->last, m);
}

struct qk_series *
qk_series_new (int decimal)
{
  struct qk_series *s = calloc (1, sizeof *s);
  if (!s)
    return NULL;
  s->radix = decimal ? 10 : 2;
  run_init (&s->open);
  for (size_t i = 0; i < LEVELS; i++)
    run_init (&s->level[i]);
  return s;
}

void
qk_series_free (struct qk_series *s)
{
  if (!s)
    return;
  run_clear (&s->open);
  for (size_t i = 0; i < LEVELS; i++)
    run_clear (&s->level[i]);
  free (s);
}

void
qk_series_add (struct qk_series *s, double x)
{
  int exponent;
  mpz_t m;
  mpz_init_set_d (m, ldexp (frexp (x, &exponent), 53));
  append (s, m, exponent - 53);
  mpz_clear (m);
}

static bool
is_digit (char c)
{
  return c >= '0' && c <= '9';
}

const char *
qk_series_decimal (struct qk_series *s, char *text, size_t length)
{
  static const char wrong[] = "not a decimal number";
  if (length > QK_DECIMAL_LENGTH)
    return "a number of more than 4194304 characters";
  const char *at = text, *end = text + length;
  bool minus = at < end && *at == '-';
  at += at < end && (*at == '-' || *at == '+');
  /* The digits, moved together, and how many of them stand behind the point.  */
  char *to = text;
  long behind = 0;
  bool point = false;
  for (; at < end && (is_digit (*at) || (*at == '.' && !point)); at++)
    if (*at == '.')
      point = true;
    else
      {
        *to++ = *at;
        behind += point;
      }
  if (to == text)
    return wrong;
  long exponent = 0;
  if (at < end && (*at == 'e' || *at == 'E'))
    {
      bool down = ++at < end && *at == '-';
      at += at < end && (*at == '-' || *at == '+');
      if (at == end)
        return wrong;
      for (; at < end && is_digit (*at); at++)
        if (exponent <= QK_DECIMAL_EXPONENT)
          exponent = 10 * exponent + (*at - '0');
      if (at == end && exponent > QK_DECIMAL_EXPONENT)
        return "an exponent beyond 5000";
      exponent = down ? -exponent : exponent;
    }
  if (at != end)
    return wrong;
  /* to <= end: there is room for its end only where something else stood.  */
  mpz_t m;
  mpz_init (m);
  char kept = *to;
  *to = '\0';
  mpz_set_str (m, text, 10);
  *to = kept;
  if (minus)
    mpz_neg (m, m);
  append (s, m, exponent - behind);
  mpz_clear (m);
  return NULL;
}

/* q = above / below radix^exponent.  */
static void
ratio_set (struct ratio *q, mpz_t above, mpz_t below, unsigned radix, long exponent)
{
  mpz_t unit;
  mpz_init (unit);
  mpz_ui_pow_ui (unit, radix, (unsigned long)labs (exponent));
  mpz_mul (exponent < 0 ? below : above, exponent < 0 ? below : above, unit);
  mpz_clear (unit);
  mpfr_init2 (q->above, 2 + (mpfr_prec_t)mpz_sizeinbase (above, 2));
  mpfr_init2 (q->below, 2 + (mpfr_prec_t)mpz_sizeinbase (below, 2));
  mpfr_set_z (q->above, above, MPFR_RNDN);
  mpfr_set_z (q->below, below, MPFR_RNDN);
}

static void
enclose_root (struct range *r, const void *of)
{
  enclose_ratio (r, of);
  range_apply (r, mpfr_sqrt, r);
}

/* above / below radix^exponent, or its root.  Both are changed.  */
static struct qk_certified
certify_ratio (mpz_t above, mpz_t below, unsigned radix, long exponent, bool root, long precision)
{
  struct ratio q;
  ratio_set (&q, above, below, radix, exponent);
  struct qk_certified c = certify (root ? enclose_root : enclose_ratio, &q, precision);
  mpfr_clears (q.above, q.below, (mpfr_ptr)0);
  return c;
}

void
qk_series_moments (struct qk_moments *m, struct qk_series *s, long precision)
{
  struct run all;
  shelve (s);
  run_init (&all);
  for (size_t i = LEVELS; i-- > 0;)
    join (&all, &s->level[i], s->radix);
  mpz_t n, spread, above, below;
  mpz_inits (n, spread, above, below, NULL);
  mpz_set_ui (n, all.count);
  m->count = (double)all.count;

  mpz_set (above, all.sum);
  mpz_set_ui (below, 1);
  m->sum = certify_ratio (above, below, s->radix, all.exponent, false, precision);
  mpz_set (above, all.sum);
  mpz_set (below, n);
  m->mean = certify_ratio (above, below, s->radix, all.exponent, false, precision);

  /* spread = n sum x^2 - (sum x)^2, n times the sum of squared deviations.  */
  mpz_mul (spread, n, all.square);
  mpz_submul (spread, all.sum, all.sum);
  mpz_set (above, spread);
  mpz_sub_ui (below, n, 1);
  mpz_mul (below, below, n);
  m->deviation = certify_ratio (above, below, s->radix, 2 * all.exponent, true, precision);

  /* n times the sum of products of neighbours' deviations: without the ends the sum of the later
     and of the earlier ones, sum x - first and sum x - last; their means taken out
     n lag - sum x (2 sum x - first - last) + (n - 1) / n (sum x)^2; and all that times n.  */
  mpz_mul_2exp (below, all.sum, 1);
  mpz_sub (below, below, all.first);
  mpz_sub (below, below, all.last);
  mpz_mul (below, below, all.sum);
  mpz_mul (above, n, all.lag);
  mpz_sub (above, above, below);
  mpz_mul (above, above, n);
  mpz_mul (below, all.sum, all.sum);
  mpz_addmul (above, n, below);
  mpz_sub (above, above, below);
  mpz_mul (below, n, spread);
  m->autocorrelation = certify_ratio (above, below, s->radix, 0, false, precision);

  mpz_clears (n, spread, above, below, NULL);
  join (&s->level[LEVELS - 1], &all, s->radix);
  run_clear (&all);
}

/* ---- Attention ------------------------------------------------------------------------------- */

static size_t
top_of (const double *x, size_t n)
{
  size_t top = 0;
  for (size_t i = 1; i < n; i++)
    if (x[i] > x[top])
      top = i;
  return top;
}

/* t = x_i - max x, e = exp (t).  */
static void
exponential (struct range *t, struct range *e, const double *x, size_t i, size_t top)
{
  range_set_d (t, x[i]);
  range_add_d (t, -x[top]);
  range_apply (e, mpfr_exp, t);
}

/* Settle the entries of out (n) that are still NAN: entry i is enclosed by enclose.  The number
   that are not.  */
static size_t
settle_entries (double *out, size_t n, mpfr_prec_t bits,
                void (*enclose) (struct range *r, const void *of, size_t i, struct range *common),
                const void *of, struct range *common)
{
  size_t open = 0;
  struct range r;
  range_init (&r, bits);
  for (size_t i = 0; i < n; i++)
    if (isnan (out[i]))
      {
        enclose (&r, of, i, common);
        if (!same_double (&out[i], &r))
          out[i] = NAN;
        open += isnan (out[i]);
      }
  range_clear (&r);
  return open;
}

/* The same for arrays: prepare encloses what all entries share.  */
static int
certify_entries (double *out, size_t n, void (*prepare) (struct range *common, const void *of),
                 void (*enclose) (struct range *r, const void *of, size_t i, struct range *common),
                 const void *of)
{
  size_t open = n;
  for (size_t i = 0; i < n; i++)
    out[i] = NAN;
  for (mpfr_prec_t bits = FIRST_BITS; open && worth_more (bits, 0); bits *= 2)
    {
      struct range common;
      range_init (&common, bits);
      prepare (&common, of);
      open = settle_entries (out, n, bits, enclose, of, &common);
      range_clear (&common);
    }
  return open ? -1 : 0;
}

/* What the twins are about; each uses what it needs.  */
struct given
{
  const double *x, *p, *K;
  size_t n, d;
  double c;
  const double *q, *k, *v, *W, *U;
  size_t h;
};

static void
enclose_partition (struct range *sum, const void *of)
{
  const struct given *g = of;
  struct range t;
  size_t top = top_of (g->x, g->n);
  range_init (&t, mpfr_get_prec (sum->lo));
  for (size_t i = 0; i < g->n; i++)
    {
      exponential (&t, &t, g->x, i, top);
      range_add (sum, sum, &t);
    }
  range_clear (&t);
}

static void
enclose_weight (struct range *r, const void *of, size_t i, struct range *partition)
{
  const struct given *g = of;
  exponential (r, r, g->x, i, top_of (g->x, g->n));
  range_div (r, r, partition);
}

int
qk_softmax_ref (double *p, const double *x, size_t n)
{
  struct given g = { .x = x, .n = n };
  return certify_entries (p, n, enclose_partition, enclose_weight, &g);
}

static void
enclose_entropy (struct range *r, const void *of)
{
  const struct given *g = of;
  size_t top = top_of (g->x, g->n);
  struct range t, e, rest, mean;
  mpfr_prec_t bits = mpfr_get_prec (r->lo);
  range_init (&t, bits);
  range_init (&e, bits);
  range_init (&rest, bits);
  range_init (&mean, bits);
  for (size_t i = 0; i < g->n; i++)
    if (i != top)
      {
        exponential (&t, &e, g->x, i, top);
        range_add (&rest, &rest, &e);
        range_negate (&t);
        range_mul (&t, &t, &e);
        range_add (&mean, &mean, &t);
      }
  range_apply (r, mpfr_log1p, &rest);
  range_add_d (&rest, 1);
  range_div (&mean, &mean, &rest);
  range_add (r, r, &mean);
  range_clear (&t);
  range_clear (&e);
  range_clear (&rest);
  range_clear (&mean);
}

struct qk_certified
qk_softmax_entropy_ref (const double *x, size_t n, long precision)
{
  struct given g = { .x = x, .n = n };
  return certify (enclose_entropy, &g, precision);
}

struct qk_certified
qk_softmax_participation_ref (const double *p, size_t n, long precision)
{
  return qk_dot_ref (p, p, n, precision);
}

/* Add p ln (2 p / (p + q)) / 2 to r; t and all are room.  */
static void
add_divergence (struct range *r, double p, double q, struct range *t, struct range *all)
{
  if (p == 0)
    return;
  range_set_d (t, p);
  range_set_d (all, p);
  range_add_d (all, q);
  range_mul_d (t, 2);
  range_div (t, t, all);
  range_apply (t, mpfr_log, t);
  range_mul_d (t, p);
  range_mul_d (t, 0.5);
  range_add (r, r, t);
}

static void
enclose_divergence (struct range *r, const void *of)
{
  const struct given *g = of;
  struct range t, all;
  range_init (&t, mpfr_get_prec (r->lo));
  range_init (&all, mpfr_get_prec (r->lo));
  for (size_t i = 0; i < g->n; i++)
    {
      add_divergence (r, g->p[i], g->q[i], &t, &all);
      add_divergence (r, g->q[i], g->p[i], &t, &all);
    }
  range_clear (&t);
  range_clear (&all);
}

struct qk_certified
qk_weights_divergence_ref (const double *p, const double *q, size_t n, long precision)
{
  struct given g = { .p = p, .q = q, .n = n };
  return certify (enclose_divergence, &g, precision);
}

/* P = sum of p.  */
static void
enclose_total (struct range *all, const void *of)
{
  const struct given *g = of;
  for (size_t i = 0; i < g->n; i++)
    range_add_d (all, g->p[i]);
}

/* J_ij, from P.  */
static void
entry (struct range *e, const struct range *all, const double *p, size_t i, size_t j)
{
  if (i == j)
    range_set (e, all);
  else
    range_zero (e);
  range_add_d (e, -p[j]);
  range_mul_d (e, p[i]);
}

static void
enclose_entry (struct range *r, const void *of, size_t at, struct range *all)
{
  const struct given *g = of;
  entry (r, all, g->p, at / g->n, at % g->n);
}

int
qk_softmax_jacobian_ref (double *J, const double *p, size_t n)
{
  struct given g = { .p = p, .n = n };
  return certify_entries (J, n * n, enclose_total, enclose_entry, &g);
}

static void
enclose_trace (struct range *r, const void *of)
{
  const struct given *g = of;
  struct range all, e;
  range_init (&all, mpfr_get_prec (r->lo));
  range_init (&e, mpfr_get_prec (r->lo));
  enclose_total (&all, g);
  for (size_t i = 0; i < g->n; i++)
    {
      entry (&e, &all, g->p, i, i);
      range_add (r, r, &e);
    }
  range_clear (&all);
  range_clear (&e);
}

struct qk_certified
qk_jacobian_trace_ref (const double *p, size_t n, long precision)
{
  struct given g = { .p = p, .n = n };
  return certify (enclose_trace, &g, precision);
}

static void
enclose_square (struct range *r, const void *of)
{
  const struct given *g = of;
  struct range all, e;
  range_init (&all, mpfr_get_prec (r->lo));
  range_init (&e, mpfr_get_prec (r->lo));
  enclose_total (&all, g);
  for (size_t i = 0; i < g->n; i++)
    for (size_t j = 0; j < g->n; j++)
      {
        entry (&e, &all, g->p, i, j);
        range_mul (&e, &e, &e);
        range_add (r, r, &e);
      }
  range_clear (&all);
  range_clear (&e);
}

struct qk_certified
qk_jacobian_square_ref (const double *p, size_t n, long precision)
{
  struct given g = { .p = p, .n = n };
  return certify (enclose_square, &g, precision);
}

/* Entry (i, j) of dp/dq = c sum over l of J_il K_lj.  */
static void
slope (struct range *r, const struct given *g, const struct range *all, size_t i, size_t j)
{
  struct range e;
  range_init (&e, mpfr_get_prec (r->lo));
  range_zero (r);
  for (size_t l = 0; l < g->n; l++)
    {
      entry (&e, all, g->p, i, l);
      range_mul_d (&e, g->K[l * g->d + j]);
      range_add (r, r, &e);
    }
  range_mul_d (r, g->c);
  range_clear (&e);
}

static void
enclose_slope (struct range *r, const void *of, size_t at, struct range *all)
{
  const struct given *g = of;
  slope (r, g, all, at / g->d, at % g->d);
}

int
qk_softmax_gradient_ref (double *out, const double *p, const double *K, size_t n, size_t d,
                         double c)
{
  struct given g = { .p = p, .K = K, .n = n, .d = d, .c = c };
  return certify_entries (out, n * d, enclose_total, enclose_slope, &g);
}

static void
enclose_gradient_square (struct range *r, const void *of)
{
  const struct given *g = of;
  struct range all, e;
  range_init (&all, mpfr_get_prec (r->lo));
  range_init (&e, mpfr_get_prec (r->lo));
  enclose_total (&all, g);
  for (size_t i = 0; i < g->n; i++)
    for (size_t j = 0; j < g->d; j++)
      {
        slope (&e, g, &all, i, j);
        range_mul (&e, &e, &e);
        range_add (r, r, &e);
      }
  range_clear (&all);
  range_clear (&e);
}

struct qk_certified
qk_gradient_square_ref (const double *p, const double *K, size_t n, size_t d, double c,
                        long precision)
{
  struct given g = { .p = p, .K = K, .n = n, .d = d, .c = c };
  return certify (enclose_gradient_square, &g, precision);
}

/* 1 where J - l 1 has a positive pivot, and so a positive eigenvalue (Sylvester); -1 where all are
   negative, and so all eigenvalues; 0 where these bits do not tell.  m is room for n by n; of it
   the lower half is used, J being symmetric.  */
static int
side_of (struct range *m, const struct range *all, const double *p, size_t n, mpfr_t l)
{
  struct range f, t;
  mpfr_prec_t bits = mpfr_get_prec (all->lo);
  int side = -1;
  range_init (&f, bits);
  range_init (&t, bits);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++)
      entry (&m[i * n + j], all, p, i, j);
  for (size_t i = 0; i < n; i++)
    {
      mpfr_sub (m[i * n + i].lo, m[i * n + i].lo, l, MPFR_RNDD);
      mpfr_sub (m[i * n + i].hi, m[i * n + i].hi, l, MPFR_RNDU);
    }
  for (size_t k = 0; k < n && side < 0; k++)
    {
      struct range *pivot = &m[k * n + k];
      if (mpfr_sgn (pivot->lo) > 0)
        side = 1;
      else if (!(mpfr_sgn (pivot->hi) < 0))
        side = 0;
      range_negate (pivot);
      for (size_t i = k + 1; i < n && side < 0; i++)
        {
          range_div (&f, &m[i * n + k], pivot);
          for (size_t j = k + 1; j <= i; j++)
            {
              range_mul (&t, &f, &m[j * n + k]);
              range_add (&m[i * n + j], &m[i * n + j], &t);
            }
        }
    }
  range_clear (&f);
  range_clear (&t);
  return side;
}

/* Halve [r->lo, r->hi] until it is settled, or these bits do not tell.  */
static bool
halve (struct range *r, struct qk_certified *c, struct range *m, const struct given *g,
       long precision)
{
  struct range all;
  mpfr_t l;
  mpfr_prec_t bits = mpfr_get_prec (r->lo);
  int side = 1;
  bool done = false;
  range_init (&all, bits);
  mpfr_init2 (l, bits);
  enclose_total (&all, g);
  while (!(done = settled (c, r, precision)) && side)
    {
      /* Not in the middle: that may be the eigenvalue itself, which no precision tells.  */
      mpfr_sub (l, r->hi, r->lo, MPFR_RNDN);
      mpfr_mul_d (l, l, 0.4857, MPFR_RNDN);
      mpfr_add (l, l, r->lo, MPFR_RNDN);
      bool between = mpfr_less_p (r->lo, l) && mpfr_less_p (l, r->hi);
      side = between ? side_of (m, &all, g->p, g->n, l) : 0;
      if (side)
        mpfr_set (side > 0 ? r->lo : r->hi, l, MPFR_RNDN);
    }
  range_clear (&all);
  mpfr_clear (l);
  return done;
}

struct qk_certified
qk_jacobian_norm_ref (const double *p, size_t n, long precision)
{
  struct given g = { .p = p, .n = n };
  struct qk_certified c = refused;
  struct range *m = malloc (n * n * sizeof *m), whole;
  bool done = !m;
  range_init (&whole, QK_REFERENCE_BITS + 16 * precision);
  /* Between 0 and tr J, both of them no eigenvalues unless J is 0.  */
  enclose_trace (&whole, &g);
  mpfr_set_zero (whole.lo, +1);
  for (mpfr_prec_t bits = FIRST_BITS; !done && worth_more (bits, precision); bits *= 2)
    {
      struct range r;
      if (bits < precision)
        continue;
      range_init (&r, bits);
      for (size_t i = 0; i < n * n; i++)
        range_init (&m[i], bits);
      range_set (&r, &whole);
      done = halve (&r, &c, m, &g, precision);
      /* What was found holds at any precision.  */
      mpfr_set (whole.lo, r.lo, MPFR_RNDD);
      mpfr_set (whole.hi, r.hi, MPFR_RNDU);
      for (size_t i = 0; i < n * n; i++)
        range_clear (&m[i]);
      range_clear (&r);
    }
  range_clear (&whole);
  free (m);
  return c;
}

static void
enclose_additive (struct range *r, const void *of)
{
  const struct given *g = of;
  mpfr_t x, a, b;
  mpfr_init2 (x, EXACT_BITS);
  mpfr_inits2 (53, a, b, (mpfr_ptr)0);
  struct range t;
  range_init (&t, mpfr_get_prec (r->lo));
  for (size_t row = 0; row < g->h; row++)
    {
      mpfr_set_zero (x, +1);
      for (size_t i = 0; i < 2 * g->d; i++)
        {
          size_t j = i < g->d ? i : i - g->d;
          mpfr_set_d (a, (i < g->d ? g->W : g->U)[row * g->d + j], MPFR_RNDN);
          mpfr_set_d (b, (i < g->d ? g->q : g->k)[j], MPFR_RNDN);
          mpfr_fma (x, a, b, x, MPFR_RNDN);
        }
      mpfr_tanh (t.lo, x, MPFR_RNDD);
      mpfr_tanh (t.hi, x, MPFR_RNDU);
      range_mul_d (&t, g->v[row]);
      range_add (r, r, &t);
    }
  range_clear (&t);
  mpfr_clears (x, a, b, (mpfr_ptr)0);
}

struct qk_certified
qk_additive_score_ref (const double *q, const double *k, const double *v, const double *W,
                       const double *U, size_t h, size_t d, long precision)
{
  struct given g = { .q = q, .k = k, .v = v, .W = W, .U = U, .h = h, .d = d };
  return certify (enclose_additive, &g, precision);
}

/* ---- Blocks of scores ------------------------------------------------------------------------ */

enum
{
  ROW_BITS = 400, /* of powers, exponentials, weights */
  TERM_BITS = 128 /* of sums compared with the sum of the absolute values of their terms */
};

void
qk_power_sums_ref (double sum[5], const double *s, size_t n, size_t stride, double shift)
{
  mpfr_t total[5], x, power;
  mpfr_inits2 (ROW_BITS, x, power, (mpfr_ptr)0);
  for (int r = 0; r < 5; r++)
    {
      mpfr_init2 (total[r], ROW_BITS);
      mpfr_set_zero (total[r], +1);
    }
  for (size_t i = 0; i < n; i++)
    {
      mpfr_set_d (x, s[i * stride], MPFR_RNDN);
      mpfr_abs (power, x, MPFR_RNDN);
      mpfr_add (total[4], total[4], power, MPFR_RNDN);
      mpfr_sub_d (x, x, shift, MPFR_RNDN);
      mpfr_set (power, x, MPFR_RNDN);
      for (int r = 0; r < 4; r++)
        {
          mpfr_add (total[r], total[r], power, MPFR_RNDN);
          mpfr_mul (power, power, x, MPFR_RNDN);
        }
    }
  for (int r = 0; r < 5; r++)
    {
      sum[r] = mpfr_get_d (total[r], MPFR_RNDN);
      mpfr_clear (total[r]);
    }
  mpfr_clears (x, power, (mpfr_ptr)0);
}

double
qk_root_less_ref (double x, double shift)
{
  mpfr_t root;
  mpfr_init2 (root, ROW_BITS);
  mpfr_set_d (root, x, MPFR_RNDN);
  mpfr_sqrt (root, root, MPFR_RNDN);
  mpfr_sub_d (root, root, shift, MPFR_RNDN);
  double value = mpfr_get_d (root, MPFR_RNDN);
  mpfr_clear (root);
  return value;
}

struct qk_weights_ref
{
  size_t room, n, top;
  mpfr_t *p;
};

struct qk_weights_ref *
qk_weights_ref_new (size_t n)
{
  struct qk_weights_ref *w = malloc (sizeof *w);
  mpfr_t *p = malloc (n * sizeof *p);
  if (!w || !p)
    {
      free (w);
      free (p);
      return NULL;
    }
  *w = (struct qk_weights_ref){ .room = n, .p = p };
  for (size_t i = 0; i < n; i++)
    mpfr_init2 (p[i], ROW_BITS);
  return w;
}

void
qk_weights_ref_free (struct qk_weights_ref *w)
{
  if (!w)
    return;
  for (size_t i = 0; i < w->room; i++)
    mpfr_clear (w->p[i]);
  free (w->p);
  free (w);
  mpfr_free_cache2 (MPFR_FREE_LOCAL_CACHE);
}

/* Entropy and weights: e_j = exp t_j, t_j = c (s_j - max s), rest the sum of e but for one 1.  */
static void
set_weights (struct qk_weights_ref *w, mpfr_t entropy, const double *s, size_t stride, double c)
{
  mpfr_t t, rest, z;
  mpfr_inits2 (ROW_BITS, t, rest, z, (mpfr_ptr)0);
  mpfr_set_zero (rest, +1);
  mpfr_set_zero (entropy, +1);
  for (size_t i = 0; i < w->n; i++)
    {
      mpfr_set_d (t, s[i * stride], MPFR_RNDN);
      mpfr_sub_d (t, t, s[w->top * stride], MPFR_RNDN);
      mpfr_mul_d (t, t, c, MPFR_RNDN);
      mpfr_exp (w->p[i], t, MPFR_RNDN);
      if (i != w->top)
        mpfr_add (rest, rest, w->p[i], MPFR_RNDN);
      mpfr_mul (t, t, w->p[i], MPFR_RNDN);
      mpfr_sub (entropy, entropy, t, MPFR_RNDN);
    }
  /* H = ln Z - sum of t e / Z.  */
  mpfr_add_ui (z, rest, 1, MPFR_RNDN);
  mpfr_div (entropy, entropy, z, MPFR_RNDN);
  mpfr_log1p (t, rest, MPFR_RNDN);
  mpfr_add (entropy, entropy, t, MPFR_RNDN);
  for (size_t i = 0; i < w->n; i++)
    mpfr_div (w->p[i], w->p[i], z, MPFR_RNDN);
  mpfr_clears (t, rest, z, (mpfr_ptr)0);
}

void
qk_weights_ref_set (struct qk_weights_ref *w, struct qk_row_ref *row, const double *s, size_t n,
                    size_t stride, double c)
{
  mpfr_t x, p2, p3;
  mpfr_inits2 (ROW_BITS, x, p2, p3, (mpfr_ptr)0);
  w->n = n;
  w->top = 0;
  for (size_t i = 1; i < n; i++)
    if (s[i * stride] > s[w->top * stride])
      w->top = i;
  set_weights (w, x, s, stride, c);
  row->entropy = mpfr_get_d (x, MPFR_RNDN);
  row->top = mpfr_get_d (w->p[w->top], MPFR_RNDN);
  mpfr_set_zero (p2, +1);
  mpfr_set_zero (p3, +1);
  for (size_t i = 0; i < n; i++)
    {
      mpfr_sqr (x, w->p[i], MPFR_RNDN);
      mpfr_add (p2, p2, x, MPFR_RNDN);
      mpfr_mul (x, x, w->p[i], MPFR_RNDN);
      mpfr_add (p3, p3, x, MPFR_RNDN);
    }
  row->participation = mpfr_get_d (p2, MPFR_RNDN);
  mpfr_ui_sub (x, 1, p2, MPFR_RNDN);
  row->trace = mpfr_get_d (x, MPFR_RNDN);
  /* sum of p^2 - 2 sum of p^3 + (sum of p^2)^2  */
  mpfr_sqr (x, p2, MPFR_RNDN);
  mpfr_add (x, x, p2, MPFR_RNDN);
  mpfr_mul_2ui (p3, p3, 1, MPFR_RNDN);
  mpfr_sub (x, x, p3, MPFR_RNDN);
  row->jacobian = mpfr_get_d (x, MPFR_RNDN);
  mpfr_clears (x, p2, p3, (mpfr_ptr)0);
}

double
qk_gradient_by_gram_ref (struct qk_weights_ref *w, double *scale, const double *G, size_t columns)
{
  mpfr_t x, square, p2, length, cross, u[2], a[2];
  mpfr_inits2 (TERM_BITS, x, square, p2, length, cross, u[0], u[1], a[0], a[1], (mpfr_ptr)0);
  mpfr_t *p = w->p;
  mpfr_set_zero (p2, +1);
  mpfr_set_zero (length, +1); /* sum of p^2 G_ii */
  mpfr_set_zero (cross, +1);  /* sum of p^2 u; with |G| in x */
  double most = 0;            /* sum of p^2 |u| */
  for (int k = 0; k < 2; k++)
    mpfr_set_zero (a[k], +1);
  for (size_t i = 0; i < w->n; i++)
    {
      for (int k = 0; k < 2; k++)
        mpfr_set_zero (u[k], +1);
      for (size_t j = 0; j < w->n; j++)
        {
          mpfr_mul_d (x, p[j], G[(i / 8 * columns + j) * 8 + i % 8], MPFR_RNDN);
          mpfr_add (u[0], u[0], x, MPFR_RNDN);
          mpfr_abs (x, x, MPFR_RNDN);
          mpfr_add (u[1], u[1], x, MPFR_RNDN);
        }
      mpfr_sqr (square, p[i], MPFR_RNDN);
      mpfr_add (p2, p2, square, MPFR_RNDN);
      mpfr_mul_d (x, square, G[(i / 8 * columns + i) * 8 + i % 8], MPFR_RNDN);
      mpfr_add (length, length, x, MPFR_RNDN);
      mpfr_fma (cross, square, u[0], cross, MPFR_RNDN);
      most += mpfr_get_d (square, MPFR_RNDN) * mpfr_get_d (u[1], MPFR_RNDN);
      for (int k = 0; k < 2; k++)
        mpfr_fma (a[k], p[i], u[k], a[k], MPFR_RNDN);
    }
  *scale = mpfr_get_d (length, MPFR_RNDN) + 2 * most
           + mpfr_get_d (p2, MPFR_RNDN) * mpfr_get_d (a[1], MPFR_RNDN);
  mpfr_mul_2ui (cross, cross, 1, MPFR_RNDN);
  mpfr_sub (x, length, cross, MPFR_RNDN);
  mpfr_fma (x, p2, a[0], x, MPFR_RNDN);
  double value = mpfr_get_d (x, MPFR_RNDN);
  mpfr_clears (x, square, p2, length, cross, u[0], u[1], a[0], a[1], (mpfr_ptr)0);
  return value;
}

double
qk_gradient_by_keys_ref (struct qk_weights_ref *w, double *scale, const double *k, size_t key,
                         size_t coordinate, size_t d)
{
  mpfr_t x, mean, sum;
  mpfr_inits2 (TERM_BITS, x, mean, sum, (mpfr_ptr)0);
  mpfr_set_zero (sum, +1);
  *scale = 0;
  for (size_t a = 0; a < d; a++)
    {
      const double *at = k + a * coordinate, base = at[w->top * key];
      double far = 0;
      mpfr_set_zero (mean, +1);
      for (size_t j = 0; j < w->n; j++)
        {
          mpfr_set_d (x, at[j * key], MPFR_RNDN);
          mpfr_sub_d (x, x, base, MPFR_RNDN);
          mpfr_fma (mean, w->p[j], x, mean, MPFR_RNDN);
          far += mpfr_get_d (w->p[j], MPFR_RNDN) * fabs (at[j * key] - base);
        }
      for (size_t j = 0; j < w->n; j++)
        {
          mpfr_set_d (x, at[j * key], MPFR_RNDN);
          mpfr_sub_d (x, x, base, MPFR_RNDN);
          mpfr_sub (x, x, mean, MPFR_RNDN);
          mpfr_mul (x, x, w->p[j], MPFR_RNDN);
          mpfr_fma (sum, x, x, sum, MPFR_RNDN);
          double most = mpfr_get_d (w->p[j], MPFR_RNDN) * (fabs (at[j * key] - base) + far);
          *scale += most * most;
        }
    }
  double value = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (x, mean, sum, (mpfr_ptr)0);
  return value;
}
