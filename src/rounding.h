/* rounding.h -- number formats, operations that round once, summation algorithms and their errors.

   A number of any format is held in a double, which all of them fit in: infinities and NaN too.
   u = 2^-precision is the unit of a format; truncation errs by up to 2 u.  */

#ifndef QK_ROUNDING_H
#define QK_ROUNDING_H

#include "stream.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- Formats --------------------------------------------------------------------------------- */

enum qk_float
{
  QK_BINARY64,
  QK_BINARY32,
  QK_BINARY16,
  QK_BFLOAT16,
  QK_FLOATS
};

enum qk_direction
{
  QK_NEAREST, /* ties to even */
  QK_TO_ZERO, /* truncation; never overflows to infinity */
  QK_DIRECTIONS
};

struct qk_float_format
{
  const char *name;       /* "binary64", "binary32", "binary16", "bfloat16" */
  int precision;          /* bits of the significand, the first one included */
  int emin, emax;         /* exponents of the smallest and largest normal numbers 2^e (1 to 2) */
  double unit;            /* u = 2^-precision */
  double largest;         /* finite number */
  double smallest_normal; /* 2^emin */
  double smallest;        /* subnormal, 2^(emin - precision + 1) */
  double overflow;        /* from here on to nearest gives infinity; binary64: infinity */
};

extern const struct qk_float_format qk_float_formats[QK_FLOATS];
extern const char *const qk_float_names[];     /* ended by NULL */
extern const char *const qk_direction_names[]; /* "nearest", "zero"; ended by NULL */

/* The number of the format next to x, a double taken exactly.  Zero keeps its sign.  */
double qk_round (double x, const struct qk_float_format *f, enum qk_direction r);

/* The exact sum, product, fused sum x y + z, quotient and square root of doubles, rounded once.  */
double qk_round_add (double x, double y, const struct qk_float_format *f, enum qk_direction r);
double qk_round_mul (double x, double y, const struct qk_float_format *f, enum qk_direction r);
double qk_round_fma (double x, double y, double z, const struct qk_float_format *f,
                     enum qk_direction r);
double qk_round_div (double x, double y, const struct qk_float_format *f, enum qk_direction r);
double qk_round_sqrt (double x, const struct qk_float_format *f, enum qk_direction r);

/* ---- Summation algorithms -------------------------------------------------------------------- */

enum qk_summation
{
  QK_RECURSIVE,
  QK_PAIRWISE,
  QK_KAHAN,
  QK_NEUMAIER,
  QK_FMA,
  QK_DOT2,
  QK_TILED, /* the chain of the engine's own tile; binary64 to nearest only */
  QK_SUMMATIONS
};

extern const char *const qk_summation_names[]; /* "recursive", ..., "dot2", "tile"; ended by NULL */

/* The dot product of x and y (n), n >= 1, by that algorithm: every operation in format acc, rounded
   once by r.  */
double qk_dot_rounded (const double *x, const double *y, size_t n, enum qk_summation how,
                       const struct qk_float_format *acc, enum qk_direction r);

#endif
