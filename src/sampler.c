/* sampler.c -- the laws of the components; the readable specification of every transform.  */

#include "sampler.h"

#include "polynomials.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* |mean| / sd.  With the same mean m on both sides the partial sums i m^2 of a score, i <= d, are
   rounded, which adds at most u^2 m^4 d^3 / 9 to its variance 2 d m^2 sd^2, u = 2^-53: with this
   ratio 8e-6 of it at the largest d.  */
static const double MOST_MEAN = 1e8;

/* Own functions: + - * / sqrt fma only, so that every processor gives the same bits.  */

static double
from_bits (uint64_t bits)
{
  double x;
  memcpy (&x, &bits, sizeof x);
  return x;
}

static uint64_t
to_bits (double x)
{
  uint64_t bits;
  memcpy (&bits, &x, sizeof bits);
  return bits;
}

static double
polynomial (double x, const double *c, int n)
{
  double p = c[n - 1];
  for (int i = n - 2; i >= 0; i--)
    p = fma (p, x, c[i]);
  return p;
}

/* -2 ln u, 0 < u < 1: 2.6 u relative.  */
static double
minus_2_log (double u)
{
  uint64_t bits = to_bits (u);
  unsigned j = bits >> 49 & 7;
  double k = (double)(bits >> 52) - 1023;
  double m = from_bits ((bits & 0xfffffffffffff) | 0x3ff0000000000000);

  double f = fma (m, qk_log_c[j], -1);
  double l = fma (k, -2 * QK_LN2, qk_log_l[j]);
  return fma (f, polynomial (f, qk_log_p, 10), l);
}

/* exp (x) - 1, 0 < x < 700: 3 u relative.  */
static double
exp_minus_1 (double x)
{
  /* k = the integer nearest to x / ln 2, left in the low bits of its sum with 1.5 2^52.  */
  double sum = fma (x, 1 / QK_LN2, 0x1.8p52);
  double k = sum - 0x1.8p52;
  double r = fma (-k, QK_LN2_REST, fma (-k, QK_LN2, x));
  double e = fma (r * r, polynomial (r, qk_exp_p, 10), r);
  double power = from_bits ((to_bits (sum) << 52) + 0x3ff0000000000000);
  return fma (power, e, power - 1);
}

/* The top 52 bits as (i + 1/2) 2^-52.  */
static double
unit_52 (uint64_t word)
{
  return from_bits (word >> 12 | 0x3ff0000000000000) - (1 - 0x1p-53);
}

/* The top 40 bits as (i + 1/2) 2^-40; 2^12 + i 2^-40 is a double.  */
static double
unit_40 (uint64_t word)
{
  return from_bits (word >> 24 | 0x40b0000000000000) - (0x1p12 - 0x1p-41);
}

/* A point of the unit circle from the low 24 bits, at the middle of one of 2^24 equal arcs: bits 1
   to 22 are an angle in (-pi/4, pi/4), bit 0 reflects, bit 23 swaps: eight octants.  */
static void
circle (double point[2], uint64_t word)
{
  /* 2^30 + (t + 1/2) 2^-21, t the 22 bits, is a double.  */
  double x = from_bits ((word & 0x7ffffe) | 0x41d0000000000001) - (0x1p30 + 1);
  double c = polynomial (x * x, qk_cos_p, 7);
  double s = x * polynomial (x * x, qk_sin_p, 7);
  if (word & 1)
    c = -c;
  bool swap = word >> 23 & 1;
  point[0] = swap ? s : c;
  point[1] = swap ? c : s;
}

/* Transforms.  */

static void
normal_pair (double z[2], uint64_t word)
{
  double r = sqrt (minus_2_log (unit_40 (word)));
  circle (z, word);
  z[0] *= r;
  z[1] *= r;
}

static void
normal (double z[4], const uint64_t word[2], double shape)
{
  (void)shape;
  normal_pair (z, word[0]);
  normal_pair (z + 2, word[1]);
}

static void
uniform (double z[4], const uint64_t word[2], double shape)
{
  (void)shape;
  for (int i = 0; i < 2; i++)
    z[i] = (unit_52 (word[i]) - 0.5) * (2 * QK_SQRT_3);
}

static void
rademacher (double z[4], const uint64_t word[2], double shape)
{
  (void)shape;
  for (int i = 0; i < 2; i++)
    z[i] = word[i] >> 63 ? -1 : 1;
}

static void
laplace (double z[4], const uint64_t word[2], double shape)
{
  (void)shape;
  for (int i = 0; i < 2; i++)
    {
      double size = minus_2_log (unit_52 (word[i] << 1)) * (0.5 * QK_SQRT_1_2);
      z[i] = word[i] >> 63 ? -size : size;
    }
}

static void
exponential (double z[4], const uint64_t word[2], double shape)
{
  (void)shape;
  for (int i = 0; i < 2; i++)
    z[i] = fma (0.5, minus_2_log (unit_52 (word[i])), -1);
}

/* sqrt (nu (u^(-2/nu) - 1)) cos, standardised.  */
static void
student (double z[4], const uint64_t word[2], double nu)
{
  double point[2];
  circle (point, word[1]);
  double power = exp_minus_1 (minus_2_log (unit_52 (word[0])) * (1 / nu));
  z[0] = sqrt ((nu - 2) * power) * point[0];
}

static void
sparse (double z[4], const uint64_t word[2], double p)
{
  double pair[2];
  normal_pair (pair, word[1]);
  z[0] = unit_52 (word[0]) < p ? pair[0] * sqrt (1 / p) : 0;
}

/* Moments E z^r of the standard forms.  */

/* (r - 1)!! for even r, 0 for odd.  */
static double
normal_moment (double shape, unsigned r)
{
  (void)shape;
  double m = r % 2 == 0;
  for (unsigned i = 1; i < r; i += 2)
    m *= i;
  return m;
}

static double
uniform_moment (double shape, unsigned r)
{
  (void)shape;
  double m = r % 2 == 0;
  for (unsigned i = 2; i <= r; i += 2)
    m *= 3;
  return m / (r + 1);
}

static double
rademacher_moment (double shape, unsigned r)
{
  (void)shape;
  return r % 2 == 0;
}

/* r! / 2^(r/2).  */
static double
laplace_moment (double shape, unsigned r)
{
  (void)shape;
  double m = r % 2 == 0;
  for (unsigned i = 2; i <= r; i += 2)
    m *= i * (i - 1) / 2;
  return m;
}

/* Derangements of r things: D_r = r D_{r-1} + (-1)^r.  */
static double
exponential_moment (double shape, unsigned r)
{
  (void)shape;
  double m = 1;
  for (unsigned i = 1; i <= r; i++)
    m = m * i + (i % 2 ? -1 : 1);
  return m;
}

/* prod over i <= r/2 of (2i - 1) (nu - 2) / (nu - 2i).  */
static double
student_moment (double nu, unsigned r)
{
  if (r >= nu)
    return INFINITY;
  double m = r % 2 == 0;
  for (unsigned i = 2; i <= r; i += 2)
    m *= (i - 1) * (nu - 2) / (nu - i);
  return m;
}

/* (r - 1)!! p^(1 - r/2).  */
static double
sparse_moment (double p, unsigned r)
{
  double m = normal_moment (0, r);
  for (unsigned i = 4; i <= r; i += 2)
    m /= p;
  return r == 0 ? 1 : m;
}

static double
unbounded (double shape)
{
  (void)shape;
  return INFINITY;
}

static double
uniform_bound (double shape)
{
  (void)shape;
  return QK_SQRT_3;
}

static double
rademacher_bound (double shape)
{
  (void)shape;
  return 1;
}

const struct qk_law_type qk_law_types[QK_LAWS + 1] = {
  [QK_NORMAL] = {
    .name = "normal", .per = 4, .meaning = "the normal law",
    .moment = normal_moment, .bound = unbounded, .transform = normal,
  },
  [QK_UNIFORM] = {
    .name = "uniform", .per = 2, .meaning = "uniform on [-sqrt 3, sqrt 3]",
    .moment = uniform_moment, .bound = uniform_bound, .transform = uniform,
  },
  [QK_RADEMACHER] = {
    .name = "rademacher", .per = 2, .meaning = "-1 or 1, each with probability 1/2",
    .moment = rademacher_moment, .bound = rademacher_bound, .transform = rademacher,
  },
  [QK_LAPLACE] = {
    .name = "laplace", .per = 2, .meaning = "density proportional to exp (-sqrt 2 |x|)",
    .moment = laplace_moment, .bound = unbounded, .transform = laplace,
  },
  [QK_EXPONENTIAL] = {
    .name = "exponential", .per = 2, .meaning = "exponential of mean 1, less 1",
    .moment = exponential_moment, .bound = unbounded, .transform = exponential,
  },
  [QK_STUDENT] = {
    .name = "student", .shape = "nu", .shape_lo = 4, .shape_hi = 1e6,
    .shape_range = "above 4, at most 1e6", .per = 1,
    .meaning = "Student's t with nu degrees of freedom, scaled to variance 1",
    .moment = student_moment, .bound = unbounded, .transform = student,
  },
  [QK_SPARSE] = {
    .name = "sparse", .shape = "p", .shape_lo = 1e-6, .shape_hi = 1,
    .shape_range = "above 1e-6, at most 1", .per = 1,
    .meaning = "0 with probability 1 - p, else normal of variance 1/p",
    .moment = sparse_moment, .bound = unbounded, .transform = sparse,
  },
  { .name = NULL },
};

/* Texts.  */

#define ALLOWED                                                                                    \
  "allowed: normal, uniform, rademacher, laplace, exponential, student:nu=X, sparse:p=X"

/* Names in a message are cut here, so that what is allowed always fits.  */
#define NAME "%.*s"
#define CUT(length) ((int)((length) < 40 ? (length) : 40))

static int
read_number (double *value, const char *text, size_t length)
{
  char copy[64], *end;
  if (length == 0 || length >= sizeof copy || strspn (text, "0123456789+-.eE") < length)
    return -1;
  memcpy (copy, text, length);
  copy[length] = '\0';
  *value = strtod (copy, &end);
  return *end == '\0' && isfinite (*value) ? 0 : -1;
}

static int
check_shape (const struct qk_law_type *type, double shape, char why[static QK_WHY])
{
  if (shape > type->shape_lo && shape <= type->shape_hi)
    return 0;
  bool tail = type == &qk_law_types[QK_STUDENT] && shape <= 4;
  snprintf (why, QK_WHY, "%s: %s must be %s, not %g%s", type->name, type->shape, type->shape_range,
            shape, tail ? ": at 4 or below the fourth moment is infinite" : "");
  return -1;
}

int
qk_law_parse (struct qk_law *law, const char *text, char why[static QK_WHY])
{
  size_t length = strcspn (text, ":");
  const struct qk_law_type *type = qk_law_types;
  while (type->name && (strlen (type->name) != length || memcmp (type->name, text, length) != 0))
    type++;
  if (!type->name)
    {
      bool cauchy = length == 6 && memcmp (text, "cauchy", 6) == 0;
      snprintf (why, QK_WHY, "'" NAME "' %s; " ALLOWED, CUT (length), text,
                cauchy ? "has no finite variance" : "is not a law");
      return -1;
    }

  const char *names[] = { type->shape, "mean", "sd" };
  double values[] = { NAN, 0, 1 };
  bool given[3] = { false };

  for (text += length; *text; text += length)
    {
      text++; /* the colon, or a comma */
      length = strcspn (text, ",");
      size_t name = strcspn (text, "=,");
      size_t i = 0;
      while (i < 3
             && !(names[i] && strlen (names[i]) == name && memcmp (names[i], text, name) == 0))
        i++;
      if (i == 3)
        {
          snprintf (why, QK_WHY, "%s: '" NAME "' is not a parameter; allowed: %s%smean, sd",
                    type->name, CUT (name), text, type->shape ? type->shape : "",
                    type->shape ? ", " : "");
          return -1;
        }
      if (given[i])
        {
          snprintf (why, QK_WHY, "%s: %s is given twice", type->name, names[i]);
          return -1;
        }
      given[i] = true;
      size_t skip = name < length ? name + 1 : length;
      if (read_number (&values[i], text + skip, length - skip) < 0)
        {
          snprintf (why, QK_WHY, "%s: %s: '" NAME "' is not a number", type->name, names[i],
                    CUT (length - skip), text + skip);
          return -1;
        }
    }

  if (type->shape && !given[0])
    {
      snprintf (why, QK_WHY, "%s needs its %s, %s, as in %s:%s=%s", type->name, type->shape,
                type->shape_range, type->name, type->shape,
                type == &qk_law_types[QK_STUDENT] ? "10" : "0.1");
      return -1;
    }
  if (type->shape && check_shape (type, values[0], why) < 0)
    return -1;
  if (!(fabs (values[1]) <= 1e6))
    {
      snprintf (why, QK_WHY, "%s: mean must be between -1e6 and 1e6, not %g", type->name,
                values[1]);
      return -1;
    }
  if (!(values[2] >= 1e-6 && values[2] <= 1e6))
    {
      snprintf (why, QK_WHY, "%s: sd must be between 1e-6 and 1e6, not %g", type->name, values[2]);
      return -1;
    }
  if (!(fabs (values[1]) <= MOST_MEAN * values[2]))
    {
      snprintf (why, QK_WHY,
                "%s: |mean| must be at most 1e8 sd, not %g with sd=%g: rounding would show",
                type->name, values[1], values[2]);
      return -1;
    }

  *law = (struct qk_law){ type, type->shape ? values[0] : 0, values[1] + 0.0, values[2] };
  return 0;
}

/* The shortest decimal that reads back as value.  */
static void
shortest (char text[static 32], double value)
{
  snprintf (text, 32, "%.17g", value);
  for (int digits = 16; digits > 0; digits--)
    {
      char other[32];
      snprintf (other, sizeof other, "%.*g", digits, value);
      if (strtod (other, NULL) == value && strlen (other) <= strlen (text))
        strcpy (text, other);
    }
}

int
qk_law_format (char *text, size_t size, const struct qk_law *law)
{
  const char *names[] = { law->type->shape, "mean", "sd" };
  const double values[] = { law->shape, law->mean, law->sd };
  const bool shown[] = { law->type->shape != NULL, law->mean != 0, law->sd != 1 };
  char whole[160], number[32];
  int length = snprintf (whole, sizeof whole, "%s", law->type->name);
  char before = ':';

  for (int i = 0; i < 3; i++)
    if (shown[i])
      {
        shortest (number, values[i]);
        length += snprintf (whole + length, sizeof whole - length, "%c%s=%s", before, names[i],
                            number);
        before = ',';
      }
  return snprintf (text, size, "%s", whole);
}

/* Values of a law.  */

double
qk_law_moment (const struct qk_law *law, unsigned r)
{
  return law->type->moment (law->shape, r);
}

/* sum over i of C(r, i) mean^(r-i) sd^i E z^i.  */
double
qk_law_raw_moment (const struct qk_law *law, unsigned r)
{
  double sum = 0, choose = 1;
  for (unsigned i = 0; i <= r; i++)
    {
      double moment = qk_law_moment (law, i);
      if (isinf (moment))
        return INFINITY;
      sum += choose * pow (law->mean, r - i) * pow (law->sd, i) * moment;
      choose = choose * (r - i) / (i + 1);
    }
  return sum;
}

double
qk_law_bound (const struct qk_law *law)
{
  return fabs (law->mean) + law->sd * law->type->bound (law->shape);
}

bool
qk_law_standard (const struct qk_law *law)
{
  return law->mean == 0 && law->sd == 1;
}

bool
qk_law_continuous (const struct qk_law *law)
{
  return law->type != &qk_law_types[QK_RADEMACHER] && law->type != &qk_law_types[QK_SPARSE];
}

bool
qk_law_equal (const struct qk_law *a, const struct qk_law *b)
{
  return a->type == b->type && a->shape == b->shape && a->mean == b->mean && a->sd == b->sd;
}
