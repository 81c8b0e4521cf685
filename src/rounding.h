/* rounding.h -- number formats, operations that round once, summation algorithms and their errors.

   A number of any format is held in a double, which all of them fit in, infinities and NaN too.
   u = 2^-precision is the unit of a format.  An operation errs by at most e times its exact result:
   e = u to nearest, e = 2 u toward zero.  */

#ifndef QK_ROUNDING_H
#define QK_ROUNDING_H

#include "stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
  QK_TO_ZERO, /* truncation; what is too large becomes the largest number */
  QK_DIRECTIONS
};

struct qk_float_format
{
  const char *name;
  int precision;          /* bits of the significand, the first one included */
  int emin, emax;         /* exponents of the smallest and of the largest normal numbers */
  double unit;            /* u = 2^-precision */
  double largest;         /* finite number */
  double smallest_normal; /* 2^emin */
  double smallest;        /* subnormal: 2^(emin - precision + 1) */
  double overflow;        /* from here on to nearest gives infinity; infinite for binary64 */
};

extern const struct qk_float_format qk_float_formats[QK_FLOATS];

/* "binary64", ...; "nearest", "zero"; ended by NULL.  */
extern const char *const qk_float_names[];
extern const char *const qk_direction_names[];

/* The largest relative error of one operation, e.  */
double qk_float_error (const struct qk_float_format *f, enum qk_direction r);

/* x rounded to the format.  Zero keeps its sign, NaN stays.  */
double qk_round (double x, const struct qk_float_format *f, enum qk_direction r);
void qk_round_all (double *x, size_t n, const struct qk_float_format *f, enum qk_direction r);

/* The exact result for any doubles, rounded once: no double rounding, subnormals included.  IEEE
   754 says what comes of infinities, NaN and the signs of zeros.  */
double qk_round_add (double x, double y, const struct qk_float_format *f, enum qk_direction r);
double qk_round_mul (double x, double y, const struct qk_float_format *f, enum qk_direction r);
double qk_round_fma (double x, double y, double z, const struct qk_float_format *f,
                     enum qk_direction r); /* x y + z */
double qk_round_div (double x, double y, const struct qk_float_format *f, enum qk_direction r);
double qk_round_sqrt (double x, const struct qk_float_format *f, enum qk_direction r);

/* ---- Summation algorithms -------------------------------------------------------------------- */

enum qk_summation
{
  QK_RECURSIVE, /* one product after the other */
  QK_PAIRWISE,  /* by halves: every product goes through at most ceil (log2 n) additions */
  QK_KAHAN,     /* the error of the last addition is taken from the next product */
  QK_NEUMAIER,  /* the errors of all additions are summed apart */
  QK_FMA,       /* a chain of fused multiply-adds */
  QK_DOT2,      /* errors of products and additions are summed apart */
  QK_TILED,     /* as the kernels sum a tile: to nearest in binary64, from inputs of any format */
  QK_SUMMATIONS
};

/* "recursive", ..., "dot2", "tile"; ended by NULL.  */
extern const char *const qk_summation_names[];

/* How a dot product is taken.  */
struct qk_dot_way
{
  enum qk_summation how;
  const struct qk_float_format *in, *acc;
  enum qk_direction rounding;
};

/* The dot product of x and y (n), n >= 1, numbers of format in, every operation rounded once to
   acc.  QK_TILED gives the bits of QK_FMA, as a kernel does in binary64.
   Source   Higham, Accuracy and stability of numerical algorithms (2002), 4; Dot2: Ogita, Rump,
            Oishi, SIAM J. Sci. Comput. 26 (2005), 5.3, with the larger operand of a sum found by
            comparison, so that its error comes out toward zero too, rounded once.  */
double qk_dot_rounded (const double *x, const double *y, size_t n, const struct qk_dot_way *way);

/* Whether every product of two numbers of format in is one of acc, underflow apart.  */
bool qk_product_exact (const struct qk_float_format *in, const struct qk_float_format *acc);

/* A bound of the error of that dot product of n terms, proved as long as nothing overflows; NAN
   where there is none (n e too large).  e as above, g_m = m e / (1 - m e), m e < 1; magnitude S =
   sum of |x_i y_i|, sum s = |sum of x_i y_i|; t is the error of products: 0 if they are exact, else
   e.  w = e' n, e' the largest error of an underflow, comes on top with factors of at most 2.

     recursive  g_n S, exact products g_(n-1) S
     pairwise   g_(h+1) S, exact products g_h S, h = ceil (log2 n)
     fma, tile  g_n S
     kahan      t S + e s + (1 + t) (3 e + 7 (n + 2) e^2 + t e) S, for n e^2 <= 1/64, e <= 1/128
     neumaier   t S + e s + (1 + t) (t e + g^2) S, g = g_(n-1) to nearest; toward zero
                g^2 = (1 + e) g_(n-1) g_n
     dot2       e s + g_n^2 S; toward zero e s + (1 + e) g_n g_(n+1) S

   Source   Higham (2002), 3 and 4; Ogita, Rump, Oishi (2005), 4.5 and 5.4; toward zero and kahan:
            rounding.c.  */
double qk_dot_bound (const struct qk_dot_way *way, double n, double sum, double magnitude);

/* The rms error of such a dot product of n terms in units of u, for independent components of
   mean 0 and variance 1 without atoms: rounding errors as independent, each of the mean size that
   they have over log-uniform significands.  NAN where that says nothing: toward zero, where sums
   swallow terms (n u > 2), and where products keep almost all of their bits, or more.

   The root of v = 1 / (8 ln 2) times: recursive n^2/2 + 3n/2 - 1, fma n^2/2 + n/2, pairwise
   n (log2 n + 1) for powers of 2 and else what its additions come to, kahan 3n - 2, neumaier 2n
   (1 for n = 1), dot2 n; the last two, which sum up rests apart, and v u^2 n^3 / 6.

   Within   5 %, pairwise 8 %: t-rounding.  */
double qk_dot_model (const struct qk_dot_way *way, double n);

/* ---- Ill-conditioned dot products ------------------------------------------------------------ */

enum
{
  QK_ILL_LEAST = 8 /* terms */
};

/* The largest condition number, up to 1e32, that n terms of format in with sums in acc have room
   for.  */
double qk_ill_most (size_t n, const struct qk_float_format *in, const struct qk_float_format *acc);

/* Draw x and y (n), n >= QK_ILL_LEAST, numbers of format in, whose dot product has about that
   condition number 2 sum |x_i y_i| / |sum x_i y_i|: one half of the terms with random exponents,
   the largest and the smallest among them, the other of exponents that fall evenly and such that
   each cancels the sum so far; in a random order.  The mean of the logarithm is within a factor of
   10 where the condition number is above 1000 n.  The index-th pair of the block at which source
   stands.
   Source   GenDot of Ogita, Rump, Oishi (2005), 6, but for a common factor that centres the
            exponents about 0, and significands away from 0.  */
void qk_ill_draw (double *x, double *y, size_t n, double condition,
                  const struct qk_float_format *in, struct qk_source *source, uint64_t index);

#endif
