/* sampler.h -- the laws of the components: names, exact moments, transforms.

   A law is a type (its standard form has mean 0 and variance 1), a shape where the type has
   one, and a mean and standard deviation.  The transforms from random bits to values use nothing
   but + - * / sqrt fma and our own polynomials, so that all builds give the same bits.  */

#ifndef QK_SAMPLER_H
#define QK_SAMPLER_H

#include "qk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
  QK_MOMENTS = 16 /* highest order of a component moment */
};

/* Rows of qk_law_types.  */
enum qk_law_kind
{
  QK_NORMAL,
  QK_UNIFORM,
  QK_RADEMACHER,
  QK_LAPLACE,
  QK_EXPONENTIAL,
  QK_STUDENT,
  QK_SPARSE,
  QK_LAWS
};

struct qk_law_type
{
  const char *name;
  const char *shape;       /* name of the shape parameter: "nu", "p", or NULL */
  double shape_lo;         /* exclusive */
  double shape_hi;         /* inclusive */
  const char *shape_range; /* the same in words: "above 4, at most 1e6" */
  unsigned per;            /* values a counter: 4 (half a word), 2 (one word), 1 (two words) */
  const char *meaning;     /* one line for the manual */
  double (*moment) (double shape, unsigned r); /* E z^r of the standard form; INFINITY */
  double (*bound) (double shape);              /* sup |z|; INFINITY */
  /* The per values of one counter from its two words.  */
  void (*transform) (double z[4], const uint64_t word[2], double shape);
};

struct qk_law
{
  const struct qk_law_type *type;
  double shape, mean, sd;
};

/* The table of the types, by kind, ended by a type without a name.

   From bits to values, and the relative error of the arithmetic at the given bits, u = 2^-53:

   normal: Box-Muller, two values a word, 40 bits for the radius, 24 for the angle.  5.5 u (seen:
   3.3 u).  |z| <= sqrt (82 ln 2) = 7.5391; the normal law has 4.7e-14 beyond.  E r^2 is short by
   3.2e-13 of itself, E r^4 by 9.4e-12; the moments of the angle are exact.

   uniform: the midpoints of 2^52 cells.  2 u.

   rademacher: the top bit.  Exact.

   laplace: the top bit for the sign, the next 52 for the logarithm.  5 u.

   exponential: 52 bits.  Absolute, 4 u max (1, z).

   student: Bailey's polar method, 52 bits of the first word for the radius r, 24 of the second for
   the angle.  (11 + 3 ln (1 + r^2 / nu)) u.

   sparse: 52 bits of the first word decide, the second gives a normal.  8 u.

   Source: Box, Muller, Ann. Math. Stat. 29 (1958); Bailey, Math. Comp. 62 (1994).  */
extern const struct qk_law_type qk_law_types[QK_LAWS + 1];

/* Read TYPE[:shape=X,mean=X,sd=X]; names in any order, each at most once; a shape the type has must
   be given.  Numbers are decimal and finite, |mean| <= 1e6, 1e-6 <= sd <= 1e6, and
   |mean| <= 1e8 sd, beyond which the rounding of scores would show in their variance.  A law with
   an infinite fourth moment (cauchy, student with nu <= 4) is refused with that reason.  Errors: -1
   and why, which names what is allowed.  */
int qk_law_parse (struct qk_law *law, const char *text, char why[static QK_WHY]);

/* The canonical text, which parses back to the same law: "normal", "normal:mean=0.5,sd=2",
   "student:nu=10".  Shortest digits that read back.  Returns the length needed, as snprintf.  */
int qk_law_format (char *text, size_t size, const struct qk_law *law);

/* E z^r of the standardised component, r <= QK_MOMENTS; INFINITY where it does not exist.  */
double qk_law_moment (const struct qk_law *law, unsigned r);

/* E x^r with mean and sd applied, r <= QK_MOMENTS.  */
double qk_law_raw_moment (const struct qk_law *law, unsigned r);

/* sup |x|, mean and sd applied; INFINITY if unbounded.  */
double qk_law_bound (const struct qk_law *law);

bool qk_law_standard (const struct qk_law *law); /* mean 0 and sd 1 */
/* No value has a chance above 0: then rows of such components are not 0, constant or parallel.  */
bool qk_law_continuous (const struct qk_law *law);

bool qk_law_equal (const struct qk_law *a, const struct qk_law *b);

#endif
