/* reference.c -- the same values by another route; the only file that sees mpfr.h.  */

#include "reference.h"

#include <gmp.h>
#include <mpfr.h>
#include <stdlib.h>

enum
{
  /* A product of two doubles is a multiple of 2^-2148 below 2^2048 in size; with fewer than 2^64
     of them every partial sum fits, and no addition rounds.  */
  EXACT_BITS = 2148 + 2048 + 64,
  /* The same of products of four doubles.  */
  PRODUCT_BITS = 2 * (2148 + 2048) + 64,
  FUNCTION_BITS = 400, /* of exp, log and tanh */
  PIVOT_BITS = 1000
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

double
qk_dot_ref (const double *x, const double *y, size_t n)
{
  mpfr_t sum, a, b;
  mpfr_init2 (sum, EXACT_BITS);
  mpfr_inits2 (53, a, b, (mpfr_ptr)0);
  mpfr_set_zero (sum, +1);
  for (size_t i = 0; i < n; i++)
    {
      mpfr_set_d (a, x[i], MPFR_RNDN);
      mpfr_set_d (b, y[i], MPFR_RNDN);
      mpfr_fma (sum, a, b, sum, MPFR_RNDN);
    }
  double dot = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (sum, a, b, (mpfr_ptr)0);
  return dot;
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
exponential (mpfr_t t, mpfr_t e, const double *x, size_t i, size_t top)
{
  mpfr_set_d (t, x[i], MPFR_RNDN);
  mpfr_sub_d (t, t, x[top], MPFR_RNDN);
  mpfr_exp (e, t, MPFR_RNDN);
}

void
qk_softmax_ref (double *p, const double *x, size_t n)
{
  mpfr_t t, e, sum;
  mpfr_inits2 (FUNCTION_BITS, t, e, sum, (mpfr_ptr)0);
  size_t top = top_of (x, n);
  mpfr_set_zero (sum, +1);
  for (size_t i = 0; i < n; i++)
    {
      exponential (t, e, x, i, top);
      mpfr_add (sum, sum, e, MPFR_RNDN);
    }
  for (size_t i = 0; i < n; i++)
    {
      exponential (t, e, x, i, top);
      mpfr_div (e, e, sum, MPFR_RNDN);
      p[i] = mpfr_get_d (e, MPFR_RNDN);
    }
  mpfr_clears (t, e, sum, (mpfr_ptr)0);
}

double
qk_softmax_entropy_ref (const double *x, size_t n)
{
  mpfr_t t, e, rest, mean;
  mpfr_inits2 (FUNCTION_BITS, t, e, rest, mean, (mpfr_ptr)0);
  size_t top = top_of (x, n);
  mpfr_set_zero (rest, +1);
  mpfr_set_zero (mean, +1);
  for (size_t i = 0; i < n; i++)
    if (i != top)
      {
        exponential (t, e, x, i, top);
        mpfr_add (rest, rest, e, MPFR_RNDN);
        mpfr_mul (t, t, e, MPFR_RNDN);
        mpfr_sub (mean, mean, t, MPFR_RNDN);
      }
  mpfr_log1p (t, rest, MPFR_RNDN);
  mpfr_add_ui (rest, rest, 1, MPFR_RNDN);
  mpfr_div (mean, mean, rest, MPFR_RNDN);
  mpfr_add (t, t, mean, MPFR_RNDN);
  double entropy = mpfr_get_d (t, MPFR_RNDN);
  mpfr_clears (t, e, rest, mean, (mpfr_ptr)0);
  return entropy;
}

double
qk_softmax_participation_ref (const double *p, size_t n)
{
  return qk_dot_ref (p, p, n);
}

/* P = sum of p.  */
static void
total (mpfr_t all, const double *p, size_t n)
{
  mpfr_set_zero (all, +1);
  for (size_t i = 0; i < n; i++)
    mpfr_add_d (all, all, p[i], MPFR_RNDN);
}

/* J_ij, from P.  */
static void
entry (mpfr_t e, mpfr_t all, const double *p, size_t i, size_t j)
{
  if (i == j)
    mpfr_sub_d (e, all, p[j], MPFR_RNDN);
  else
    mpfr_set_d (e, -p[j], MPFR_RNDN);
  mpfr_mul_d (e, e, p[i], MPFR_RNDN);
}

void
qk_softmax_jacobian_ref (double *J, const double *p, size_t n)
{
  mpfr_t all, e;
  mpfr_inits2 (PRODUCT_BITS, all, e, (mpfr_ptr)0);
  total (all, p, n);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      {
        entry (e, all, p, i, j);
        J[i * n + j] = mpfr_get_d (e, MPFR_RNDN);
      }
  mpfr_clears (all, e, (mpfr_ptr)0);
}

double
qk_jacobian_trace_ref (const double *p, size_t n)
{
  mpfr_t all, e, sum;
  mpfr_inits2 (PRODUCT_BITS, all, e, sum, (mpfr_ptr)0);
  total (all, p, n);
  mpfr_set_zero (sum, +1);
  for (size_t i = 0; i < n; i++)
    {
      entry (e, all, p, i, i);
      mpfr_add (sum, sum, e, MPFR_RNDN);
    }
  double trace = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (all, e, sum, (mpfr_ptr)0);
  return trace;
}

double
qk_jacobian_square_ref (const double *p, size_t n)
{
  mpfr_t all, e, sum;
  mpfr_inits2 (PRODUCT_BITS, all, e, sum, (mpfr_ptr)0);
  total (all, p, n);
  mpfr_set_zero (sum, +1);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      {
        entry (e, all, p, i, j);
        mpfr_fma (sum, e, e, sum, MPFR_RNDN);
      }
  double square = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (all, e, sum, (mpfr_ptr)0);
  return square;
}

/* Entry (i, j) of dp/dq = c sum over l of J_il K_lj.  */
static void
slope (mpfr_t g, mpfr_t scratch, mpfr_t all, const double *p, const double *K, size_t n, size_t d,
       double c, size_t i, size_t j)
{
  mpfr_set_zero (g, +1);
  for (size_t l = 0; l < n; l++)
    {
      entry (scratch, all, p, i, l);
      mpfr_mul_d (scratch, scratch, K[l * d + j], MPFR_RNDN);
      mpfr_add (g, g, scratch, MPFR_RNDN);
    }
  mpfr_mul_d (g, g, c, MPFR_RNDN);
}

void
qk_softmax_gradient_ref (double *g, const double *p, const double *K, size_t n, size_t d, double c)
{
  mpfr_t all, e, sum;
  mpfr_inits2 (PRODUCT_BITS, all, e, sum, (mpfr_ptr)0);
  total (all, p, n);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++)
      {
        slope (sum, e, all, p, K, n, d, c, i, j);
        g[i * d + j] = mpfr_get_d (sum, MPFR_RNDN);
      }
  mpfr_clears (all, e, sum, (mpfr_ptr)0);
}

double
qk_gradient_square_ref (const double *p, const double *K, size_t n, size_t d, double c)
{
  mpfr_t all, e, g, sum;
  mpfr_inits2 (PRODUCT_BITS, all, e, g, sum, (mpfr_ptr)0);
  total (all, p, n);
  mpfr_set_zero (sum, +1);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++)
      {
        slope (g, e, all, p, K, n, d, c, i, j);
        mpfr_fma (sum, g, g, sum, MPFR_RNDN);
      }
  double square = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (all, e, g, sum, (mpfr_ptr)0);
  return square;
}

/* Whether J - l 1 has a positive pivot: whether it has a positive eigenvalue (Sylvester).  m is
   room for n by n.  */
static int
positive_pivot (mpfr_t *m, mpfr_t all, const double *p, size_t n, mpfr_t l)
{
  mpfr_t f;
  mpfr_init2 (f, PIVOT_BITS);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      {
        entry (m[i * n + j], all, p, i, j);
        if (i == j)
          mpfr_sub (m[i * n + j], m[i * n + j], l, MPFR_RNDN);
      }
  int found = 0;
  for (size_t k = 0; k < n && !found; k++)
    {
      found = mpfr_sgn (m[k * n + k]) > 0;
      for (size_t i = k + 1; i < n && !found; i++)
        {
          mpfr_div (f, m[i * n + k], m[k * n + k], MPFR_RNDN);
          mpfr_neg (f, f, MPFR_RNDN);
          for (size_t j = k + 1; j < n; j++)
            mpfr_fma (m[i * n + j], f, m[k * n + j], m[i * n + j], MPFR_RNDN);
        }
    }
  mpfr_clear (f);
  return found;
}

double
qk_jacobian_norm_ref (const double *p, size_t n)
{
  mpfr_t all, lo, hi, l, *m = malloc (n * n * sizeof *m);
  if (!m)
    return __builtin_nan ("");
  for (size_t i = 0; i < n * n; i++)
    mpfr_init2 (m[i], PIVOT_BITS);
  mpfr_inits2 (PIVOT_BITS, all, lo, hi, l, (mpfr_ptr)0);
  total (all, p, n);
  /* Between tr J / n and tr J.  */
  mpfr_set_zero (hi, +1);
  for (size_t i = 0; i < n; i++)
    {
      entry (l, all, p, i, i);
      mpfr_add (hi, hi, l, MPFR_RNDN);
    }
  mpfr_div_ui (lo, hi, n, MPFR_RNDN);
  for (int step = 0; step < 70; step++)
    {
      mpfr_add (l, lo, hi, MPFR_RNDN);
      mpfr_div_2ui (l, l, 1, MPFR_RNDN);
      if (!mpfr_zero_p (l) && positive_pivot (m, all, p, n, l))
        mpfr_set (lo, l, MPFR_RNDN);
      else
        mpfr_set (hi, l, MPFR_RNDN);
    }
  double norm = mpfr_get_d (hi, MPFR_RNDN);
  for (size_t i = 0; i < n * n; i++)
    mpfr_clear (m[i]);
  free (m);
  mpfr_clears (all, lo, hi, l, (mpfr_ptr)0);
  return norm;
}

double
qk_additive_score_ref (const double *q, const double *k, const double *v, const double *W,
                       const double *U, size_t h, size_t d)
{
  mpfr_t x, a, b, t, sum;
  mpfr_inits2 (EXACT_BITS, x, sum, (mpfr_ptr)0);
  mpfr_inits2 (53, a, b, (mpfr_ptr)0);
  mpfr_init2 (t, FUNCTION_BITS);
  mpfr_set_zero (sum, +1);
  for (size_t r = 0; r < h; r++)
    {
      mpfr_set_zero (x, +1);
      for (size_t i = 0; i < 2 * d; i++)
        {
          mpfr_set_d (a, i < d ? W[r * d + i] : U[r * d + i - d], MPFR_RNDN);
          mpfr_set_d (b, i < d ? q[i] : k[i - d], MPFR_RNDN);
          mpfr_fma (x, a, b, x, MPFR_RNDN);
        }
      mpfr_tanh (t, x, MPFR_RNDN);
      mpfr_mul_d (t, t, v[r], MPFR_RNDN);
      mpfr_add (sum, sum, t, MPFR_RNDN);
    }
  double score = mpfr_get_d (sum, MPFR_RNDN);
  mpfr_clears (x, a, b, t, sum, (mpfr_ptr)0);
  return score;
}
