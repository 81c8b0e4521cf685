/* t-attention.c -- tests of attention.c: known answers, edges, MPFR, finite differences, laws.  */

#include "../src/attention.h"
#include "../src/reference.h"
#include "support.h"

#include <float.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum
{
  MOST = 64 /* keys, coordinates */
};

static const double u = 0x1p-53;

static double
uniform (uint64_t *state)
{
  return (double)(next (state) >> 11) * 0x1p-53;
}

static double
normal (uint64_t *state)
{
  double r = sqrt (-2 * log (1 - uniform (state)));
  return r * cos (2 * M_PI * uniform (state));
}

/* n numbers; every trial another number, spread and pattern: ties, one far above, two far above. */
static size_t
inputs (double *x, uint64_t trial, uint64_t *state, size_t most)
{
  static const double spread[] = { 1e-3, 0.7193, 2.385, 11, 40, 150 };
  size_t n = 1 + next (state) % most;
  for (size_t i = 0; i < n; i++)
    {
      x[i] = spread[trial % 6] * normal (state) - 3.1;
      if (trial % 5 == 0)
        x[i] = round (x[i]);
    }
  if (trial % 4 == 1)
    x[n / 2] += 47;
  if (trial % 8 == 3)
    x[0] = x[n - 1] += 60;
  return n;
}

static double
spread_of (const double *x, size_t n)
{
  double lo = x[0], hi = x[0];
  for (size_t i = 1; i < n; i++)
    {
      lo = fmin (lo, x[i]);
      hi = fmax (hi, x[i]);
    }
  return hi - lo;
}

/* x is within allowed u of exact, relative, and tiny absolute; returns how many u it is off.  */
static double
within (double x, double exact, double allowed, double tiny, const char *what, uint64_t trial)
{
  double off = fabs (x - exact);
  if (!(off <= allowed * u * fabs (exact) + tiny))
    ck_abort_msg ("trial %llu, %s: %.17g is not %.17g: off by %g u, allowed %g",
                  (unsigned long long)trial, what, x, exact, off / fabs (exact) / u, allowed);
  return off > tiny ? (off - tiny) / fabs (exact) / u : 0;
}

/* Exact.  */

START_TEST (known_weights)
{
  /* Weights 16, 1, 1, 1 of 19.  */
  double x[4] = { 0, 4 * M_LN2, 0, 0 }, p[4], J[16];
  ck_assert_int_eq (qk_softmax (p, x, 4), 0);
  ck_assert_double_eq_tol (p[1], 16. / 19, 1e-15);
  ck_assert_double_eq_tol (p[3], 1. / 19, 1e-16);
  ck_assert_double_eq_tol (qk_softmax_entropy (x, 4), log (19) - 64. / 19 * M_LN2, 1e-15);
  ck_assert_double_eq_tol (qk_softmax_participation (p, 4), 259. / 361, 1e-15);
  ck_assert_double_eq_tol (qk_jacobian_trace (p, 4), 102. / 361, 1e-15);
  ck_assert_double_eq_tol (qk_jacobian_square (p, 4), 259. / 361 * 620 / 361 - 2 * 4099. / 6859,
                           1e-15);
  qk_softmax_jacobian (J, p, 4);
  ck_assert_double_eq_tol (J[5], 48. / 361, 1e-16);
  ck_assert_double_eq_tol (J[4], -16. / 361, 1e-16);
  ck_assert_double_eq_tol (J[2], -1. / 361, 1e-16);
  ck_assert_double_eq_tol (J[15], 18. / 361, 1e-16);
  /* On (3, -1, -1, -1) J acts as 64/361.  */
  ck_assert_double_eq_tol (qk_jacobian_norm (p, 4), 64. / 361, 1e-15);
}
END_TEST

START_TEST (known_pair)
{
  /* p and 1 - p: J = p (1 - p) (1, -1; -1, 1).  */
  static const double gaps[] = { 0, 0.317, 2.385, 43, 300 };
  for (int i = 0; i < 5; i++)
    {
      double x[2] = { 0, gaps[i] }, p[2];
      ck_assert_int_eq (qk_softmax (p, x, 2), 0);
      double product = exp (-gaps[i]) / ((1 + exp (-gaps[i])) * (1 + exp (-gaps[i])));
      within (qk_jacobian_trace (p, 2), 2 * product, 20, 0, "trace", i);
      within (qk_jacobian_square (p, 2), 4 * product * product, 20, 0, "square", i);
      within (qk_jacobian_norm (p, 2), 2 * product, 20, 0, "norm", i);
    }
  double x[2] = { 0, 43 };
  within (qk_softmax_entropy (x, 2), 44 * exp (-43) - 42.5 * exp (-86), 20, 0, "entropy", 43);
}
END_TEST

START_TEST (known_equal)
{
  double x[MOST], p[MOST];
  for (size_t n = 2; n <= MOST; n++)
    {
      for (size_t i = 0; i < n; i++)
        x[i] = -2.385;
      ck_assert_int_eq (qk_softmax (p, x, n), 0);
      double m = (double)n;
      within (p[n - 1], 1 / m, 1, 0, "p", n);
      within (qk_softmax_entropy (x, n), log (m), 4, 0, "entropy", n);
      within (qk_softmax_participation (p, n), 1 / m, m, 0, "participation", n);
      within (qk_jacobian_trace (p, n), 1 - 1 / m, 2 * m + 6, 0, "trace", n);
      within (qk_jacobian_square (p, n), (m - 1) / (m * m), 4 * m + 8, 0, "square", n);
      within (qk_jacobian_norm (p, n), 1 / m, 2 * m + 8, 0, "norm", n);
    }
}
END_TEST

START_TEST (known_gradient)
{
  /* p = (1/4, 3/4), two keys: dp_1/dq = c 3/16 (k_1 - k_2) = - dp_2/dq.  */
  const double p[2] = { 0.25, 0.75 }, K[6] = { 1, 2.385, -3, 0.5, 0.385, 7 };
  double g[6];
  qk_softmax_gradient (g, p, K, 2, 3, 0.125);
  const double row[3] = { 0.5, 2, -10 };
  double square = 0;
  for (int i = 0; i < 3; i++)
    {
      double value = 0.125 * 0.1875 * row[i];
      ck_assert_double_eq_tol (g[i], value, 1e-16);
      ck_assert_double_eq_tol (g[3 + i], -value, 1e-16);
      square += 2 * value * value;
    }
  ck_assert_double_eq_tol (qk_gradient_square (p, K, 2, 3, 0.125), square, 1e-16);
}
END_TEST

START_TEST (known_additive)
{
  const double q[2] = { 0.5, -1 }, k[2] = { 2, 0.25 }, v[2] = { 2.385, -0.5 };
  const double W[4] = { 1, 0, 0, 1 }, U[4] = { 0.25, 0, 2, 4 };
  /* W q + U k = (1, 4).  */
  ck_assert_double_eq_tol (qk_additive_score (q, k, v, W, U, 2, 2),
                           2.385 * tanh (1) - 0.5 * tanh (4), 1e-15);
}
END_TEST

/* Edges.  */

START_TEST (one_key)
{
  static const double values[] = { 0, 2.385, -1e308, 5e-324 };
  for (int i = 0; i < 4; i++)
    {
      double p = 0, J = 1, g[2] = { 1, 1 }, K[2] = { 3, -7 }, lo, hi;
      ck_assert_int_eq (qk_softmax (&p, &values[i], 1), 0);
      ck_assert (p == 1 && qk_softmax_entropy (&values[i], 1) == 0);
      ck_assert (qk_softmax_participation (&p, 1) == 1 && qk_jacobian_trace (&p, 1) == 0);
      ck_assert (qk_jacobian_square (&p, 1) == 0 && qk_jacobian_norm (&p, 1) == 0);
      qk_softmax_jacobian (&J, &p, 1);
      qk_softmax_gradient (g, &p, K, 1, 2, 5);
      qk_jacobian_bounds (&lo, &hi, &p, 1);
      ck_assert (J == 0 && g[0] == 0 && g[1] == 0 && lo == 0 && hi == 0);
    }
}
END_TEST

START_TEST (huge_scores)
{
  double x[3] = { -DBL_MAX, DBL_MAX, 1e300 }, p[3];
  ck_assert_int_eq (qk_softmax (p, x, 3), 0);
  ck_assert (p[0] == 0 && p[1] == 1 && p[2] == 0);
  ck_assert (qk_softmax_entropy (x, 3) == 0);
  ck_assert (qk_jacobian_trace (p, 3) == 0 && qk_jacobian_norm (p, 3) == 0);

  double y[3] = { 710, 710, 709 }; /* exp alone would overflow */
  ck_assert_int_eq (qk_softmax (p, y, 3), 0);
  ck_assert_double_eq_tol (p[0], 1 / (2 + exp (-1)), 1e-16);
  ck_assert (p[0] == p[1]);
}
END_TEST

START_TEST (refused)
{
  static const double bad[] = { NAN, INFINITY, -INFINITY };
  for (int i = 0; i < 3; i++)
    for (int at = 0; at < 3; at++)
      {
        double x[3] = { 1, 2, 3 }, p[3] = { 7, 7, 7 };
        x[at] = bad[i];
        ck_assert_int_eq (qk_softmax (p, x, 3), -1);
        ck_assert (p[0] == 7 && p[1] == 7 && p[2] == 7);
        ck_assert (isnan (qk_softmax_entropy (x, 3)));
      }
  double p = 7;
  ck_assert_int_eq (qk_softmax (&p, &p, 0), -1);
  ck_assert (p == 7 && isnan (qk_softmax_entropy (&p, 0)));
  double weights[3] = { 0.5, NAN, 0.5 };
  ck_assert (isnan (qk_jacobian_norm (weights, 3)) && isnan (qk_jacobian_trace (weights, 3))
             && isnan (qk_jacobian_square (weights, 3)));
}
END_TEST

START_TEST (in_place)
{
  double x[5] = { 1, -2.385, 0.317, 4, 4 }, p[5];
  qk_softmax (p, x, 5);
  qk_softmax (x, x, 5);
  ck_assert (memcmp (x, p, sizeof x) == 0);
}
END_TEST

/* Twins.  */

START_TEST (softmax_against_mpfr)
{
  uint64_t state = 21;
  double x[MOST], p[MOST], exact[MOST], worst[2] = { 0 };
  for (uint64_t trial = 0; trial < 1500 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, MOST);
      double m = (double)n, wide = 2 * spread_of (x, n);
      qk_softmax (p, x, n);
      ck_assert_int_eq (qk_softmax_ref (exact, x, n), 0);
      for (size_t i = 0; i < n; i++)
        worst[0] = fmax (worst[0], within (p[i], exact[i], m + 6 + wide, DBL_MIN, "softmax", trial)
                                       / (m + 6 + wide));
      double allowed = m + 12 + wide;
      double off = within (qk_softmax_entropy (x, n), qk_softmax_entropy_ref (x, n, 0).value,
                           allowed, 0x1p-1000, "entropy", trial);
      worst[1] = fmax (worst[1], off / allowed);
    }
  ck_assert_msg (worst[0] > 0.05 && worst[1] > 0.05, "bounds too wide: %g, %g of them seen",
                 worst[0], worst[1]);
}
END_TEST

START_TEST (jacobian_against_mpfr)
{
  uint64_t state = 22;
  double x[MOST], p[MOST], J[16 * 16], exact[16 * 16], worst[4] = { 0 };
  for (uint64_t trial = 0; trial < 250 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, 16);
      double m = (double)n, tiny = 0x1p-1000;
      qk_softmax (p, x, n);
      worst[0] = fmax (worst[0], within (qk_softmax_participation (p, n),
                                         qk_softmax_participation_ref (p, n, 0).value, m, 0,
                                         "participation", trial));
      worst[1]
          = fmax (worst[1], within (qk_jacobian_trace (p, n), qk_jacobian_trace_ref (p, n, 0).value,
                                    2 * m + 2, tiny, "trace", trial));
      worst[2] = fmax (worst[2],
                       within (qk_jacobian_square (p, n), qk_jacobian_square_ref (p, n, 0).value,
                               4 * m + 8, tiny, "square", trial));
      qk_softmax_jacobian (J, p, n);
      ck_assert_int_eq (qk_softmax_jacobian_ref (exact, p, n), 0);
      for (size_t i = 0; i < n * n; i++)
        worst[3] = fmax (worst[3], within (J[i], exact[i], m + 2, tiny, "Jacobian", trial));
    }
  for (int i = 0; i < 4; i++)
    ck_assert_msg (worst[i] > 0.8, "%d: %g u", i, worst[i]);
}
END_TEST

START_TEST (divergence_against_mpfr)
{
  uint64_t state = 29;
  double x[MOST], p[MOST], q[MOST], worst = 0;
  for (uint64_t trial = 0; trial < 800 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, MOST);
      qk_softmax (p, x, n);
      for (size_t i = 0; i < n; i++) /* near p, or anything */
        x[i] = trial % 3 ? x[i] * (1 + 1e-5 * (double)(i % 5)) : (double)(next (&state) % 50);
      qk_softmax (q, x, n);
      double exact = qk_weights_divergence_ref (p, q, n, 0).value;
      double off = fabs (qk_weights_divergence (p, q, n) - exact);
      double allowed = ((double)n + 8) * 0x1p-53;
      ck_assert_msg (off <= allowed, "trial %d: %g, off by %g", (int)trial, exact, off);
      worst = fmax (worst, off / allowed);
    }
  ck_assert_double_gt (worst, 0.02);
}
END_TEST

START_TEST (norm_against_mpfr)
{
  uint64_t state = 23;
  double x[MOST], p[MOST], worst = 0;
  for (uint64_t trial = 0; trial < 120 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, 7);
      qk_softmax (p, x, n);
      double off = within (qk_jacobian_norm (p, n), qk_jacobian_norm_ref (p, n, 0).value,
                           2 * (double)n + 8, 0x1p-1000, "norm", trial);
      worst = fmax (worst, off);
    }
  ck_assert_msg (worst > 0.8, "%g u", worst);
}
END_TEST

/* And of GSL, which takes any symmetric matrix, for more keys.  */
START_TEST (norm_against_gsl)
{
  uint64_t state = 24;
  double x[MOST], p[MOST];
  for (uint64_t trial = 0; trial < 60 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, MOST);
      qk_softmax (p, x, n);
      gsl_matrix *J = gsl_matrix_alloc (n, n);
      gsl_vector *l = gsl_vector_alloc (n);
      gsl_eigen_symm_workspace *w = gsl_eigen_symm_alloc (n);
      qk_softmax_jacobian (J->data, p, n);
      ck_assert_int_eq (gsl_eigen_symm (J, l, w), 0);
      ck_assert_double_eq_tol (qk_jacobian_norm (p, n), gsl_vector_max (l), 1e-15 * (double)n);
      ck_assert_double_ge (gsl_vector_min (l), -1e-15 * (double)n); /* J has no negative one */
      gsl_matrix_free (J);
      gsl_vector_free (l);
      gsl_eigen_symm_free (w);
    }
}
END_TEST

START_TEST (gradient_against_mpfr)
{
  uint64_t state = 25;
  enum
  {
    N = 12,
    D = 5
  };
  double x[MOST], p[MOST], K[N * D], g[N * D], exact[N * D], worst = 0;
  for (uint64_t trial = 0; trial < 150 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, N), d = 1 + trial % D, top = 0;
      double c = trial % 3 ? 0.317 : -8;
      for (size_t i = 0; i < n * d; i++)
        K[i] = normal (&state) + (trial % 2 ? 0 : 100);
      qk_softmax (p, x, n);
      for (size_t i = 0; i < n; i++)
        top = p[i] > p[top] ? i : top;
      qk_softmax_gradient (g, p, K, n, d, c);
      ck_assert_int_eq (qk_softmax_gradient_ref (exact, p, K, n, d, c), 0);
      double square = 0, slack = 0;
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
          {
            double size = fabs (K[i * d + j] - K[top * d + j]);
            for (size_t l = 0; l < n; l++)
              size += p[l] * fabs (K[l * d + j] - K[top * d + j]);
            size *= fabs (c) * p[i];
            double error = ((double)n + 8) * u * size;
            worst = fmax (worst, within (g[i * d + j], exact[i * d + j], 0, error + 0x1p-1000,
                                         "gradient", trial));
            square += exact[i * d + j] * exact[i * d + j];
            slack += (2 * fabs (exact[i * d + j]) + error) * error;
          }
      ck_assert_double_eq_tol (qk_gradient_square (p, K, n, d, c),
                               qk_gradient_square_ref (p, K, n, d, c, 0).value,
                               slack + (double)(n * d + 2) * u * square + 0x1p-1000);
    }
}
END_TEST

START_TEST (additive_against_mpfr)
{
  uint64_t state = 26;
  enum
  {
    D = 9,
    H = 7
  };
  double q[D], k[D], v[H], W[H * D], U[H * D], worst = 0;
  for (int trial = 0; trial < 300 * effort (); trial++)
    {
      size_t d = 1 + next (&state) % D, h = 1 + next (&state) % H;
      double error = 0;
      for (size_t i = 0; i < d; i++)
        {
          q[i] = normal (&state);
          k[i] = normal (&state);
        }
      for (size_t a = 0; a < h; a++)
        {
          double size = 0;
          v[a] = normal (&state);
          for (size_t i = 0; i < d; i++)
            {
              W[a * d + i] = normal (&state) * (trial % 3 ? 0.3 : 5);
              U[a * d + i] = normal (&state) * (trial % 3 ? 0.3 : 5);
              size += fabs (W[a * d + i] * q[i]) + fabs (U[a * d + i] * k[i]);
            }
          error += fabs (v[a]) * u * ((2 * (double)d + 2) * size + (double)h + 2);
        }
      double got = qk_additive_score (q, k, v, W, U, h, d);
      double exact = qk_additive_score_ref (q, k, v, W, U, h, d, 0).value;
      ck_assert_double_eq_tol (got, exact, error);
      worst = fmax (worst, fabs (got - exact) / error);
    }
  ck_assert_msg (worst > 0.02, "bound too wide: %g of it seen", worst);
}
END_TEST

/* Central differences: (f(x + h) - f(x - h)) / 2h is off by h^2 / 6 times a third derivative, some
   (c |k|)^3, below 10 here, and by rounding u / h.  */
START_TEST (finite_differences)
{
  uint64_t state = 27;
  const double h = 0x1p-17, error = 1.2e-10;
  enum
  {
    N = 9,
    D = 4
  };
  for (int trial = 0; trial < 40 * effort (); trial++)
    {
      double x[N], p[N], up[N], down[N], J[N * N], K[N * D], q[D], g[N * D];
      const double c = 0.317;
      for (int i = 0; i < N * D; i++)
        K[i] = normal (&state);
      for (int i = 0; i < D; i++)
        q[i] = 2 * normal (&state);
      for (int i = 0; i < D; i++)
        {
          double *const side[] = { up, down };
          for (int s = 0; s < 2; s++)
            {
              for (int j = 0; j < N; j++)
                {
                  x[j] = 0;
                  for (int l = 0; l < D; l++)
                    x[j] += c * K[j * D + l] * (q[l] + (l == i ? (s ? -h : h) : 0));
                }
              qk_softmax (side[s], x, N);
            }
          for (int j = 0; j < N; j++)
            x[j] = c
                   * (K[j * D] * q[0] + K[j * D + 1] * q[1] + K[j * D + 2] * q[2]
                      + K[j * D + 3] * q[3]);
          qk_softmax (p, x, N);
          qk_softmax_gradient (g, p, K, N, D, c);
          for (int j = 0; j < N; j++)
            ck_assert_double_eq_tol (g[j * D + i], (up[j] - down[j]) / (2 * h), error);
        }
      qk_softmax_jacobian (J, p, N);
      for (int i = 0; i < N; i++)
        {
          double middle = x[i];
          x[i] = middle + h;
          qk_softmax (up, x, N);
          x[i] = middle - h;
          qk_softmax (down, x, N);
          x[i] = middle;
          for (int j = 0; j < N; j++)
            ck_assert_double_eq_tol (J[j * N + i], (up[j] - down[j]) / (2 * h), error);
        }
    }
}
END_TEST

/* Laws.  */

START_TEST (softmax_laws)
{
  uint64_t state = 28;
  double x[MOST], p[MOST], moved[MOST], other[MOST];
  for (uint64_t trial = 0; trial < 500 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, MOST);
      double sum = 0, m = (double)n, by = trial % 2 ? 1024 : -4096;
      for (size_t i = 0; i < n; i++)
        {
          x[i] = rint (x[i] * 0x1p20) * 0x1p-20; /* so that the sum below does not round */
          moved[i] = x[i] + by;
        }
      qk_softmax (p, x, n);
      qk_softmax (other, moved, n);
      ck_assert (memcmp (p, other, n * sizeof *p) == 0);
      ck_assert (qk_softmax_entropy (x, n) == qk_softmax_entropy (moved, n));
      for (size_t i = 0; i < n; i++)
        sum += p[i];
      ck_assert_double_eq_tol (sum, 1, (m + 4) * u);
      double entropy = qk_softmax_entropy (x, n), participation = qk_softmax_participation (p, n);
      ck_assert (entropy >= 0 && entropy <= log (m) * (1 + 100 * u));
      ck_assert (participation >= (1 - 3 * m * u) / m && participation <= 1 + 3 * m * u);
      /* Jensen: H >= - ln sum p^2.  */
      ck_assert (entropy >= -log (participation) - 200 * m * u);
    }
}
END_TEST

START_TEST (jacobian_laws)
{
  uint64_t state = 29;
  double x[MOST], p[MOST], J[MOST * MOST];
  for (uint64_t trial = 0; trial < 300 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, MOST);
      double m = (double)n, slack = 1 + (8 * m + 40) * u, trace = 0, square = 0, form = 0;
      qk_softmax (p, x, n);
      qk_softmax_jacobian (J, p, n);
      for (size_t i = 0; i < n; i++)
        {
          double row = 0, image = 0;
          for (size_t j = 0; j < n; j++)
            {
              ck_assert (J[i * n + j] == J[j * n + i]);
              row += J[i * n + j];
              image += J[i * n + j] * x[j];
              square += J[i * n + j] * J[i * n + j];
            }
          ck_assert_double_le (fabs (row), 2 * m * u * J[i * n + i] + DBL_MIN);
          trace += J[i * n + i];
          form += x[i] * image;
        }
      double norm = qk_jacobian_norm (p, n), lo, hi;
      qk_jacobian_bounds (&lo, &hi, p, n);
      within (qk_jacobian_trace (p, n), trace, 4 * m + 4, 0x1p-1000, "trace", trial);
      within (qk_jacobian_square (p, n), square, m * m + 4 * m + 16, 0x1p-1000, "square", trial);
      ck_assert_double_ge (form, -1e-12 * (1 + spread_of (x, n)) * (1 + spread_of (x, n)));
      ck_assert (lo <= norm * slack && norm <= hi * slack && hi <= 0.5 * slack && hi <= 2.1 * lo);
      ck_assert (norm <= trace * slack && norm * norm <= square * slack);
      ck_assert (2 * square <= trace * slack && square <= norm * trace * slack);
    }
}
END_TEST

/* |J|_2 = 1/2 at (1/2, 1/2), and only there.  */
START_TEST (norm_is_at_most_half)
{
  double p[4] = { 0.5, 0.5, 0, 0 }, lo, hi;
  qk_jacobian_bounds (&lo, &hi, p, 4);
  ck_assert (qk_jacobian_norm (p, 4) == 0.5 && lo <= 0.5 && hi >= 0.5 && hi < 0.5 * (1 + 20 * u));
  ck_assert (2 * qk_jacobian_square (p, 4) == qk_jacobian_trace (p, 4));
  double less[3] = { 0.5, 0.499, 0.001 };
  ck_assert (qk_jacobian_norm (less, 3) < 0.4999);
}
END_TEST

/* dp/dq: its square is its square; its columns sum to 0; keys may all move; c is a factor.  */
START_TEST (gradient_laws)
{
  uint64_t state = 30;
  enum
  {
    N = 20,
    D = 6
  };
  double x[MOST], p[MOST], K[N * D], moved[N * D], g[N * D], other[N * D];
  for (uint64_t trial = 0; trial < 200 * effort (); trial++)
    {
      size_t n = inputs (x, trial, &state, N), d = D;
      qk_softmax (p, x, n);
      for (size_t i = 0; i < n * d; i++)
        {
          K[i] = rint (normal (&state) * 0x1p20) * 0x1p-20;
          moved[i] = K[i] + 512;
        }
      qk_softmax_gradient (g, p, K, n, d, 0.25);
      qk_softmax_gradient (other, p, moved, n, d, 0.5);
      double square = 0;
      for (size_t j = 0; j < d; j++)
        {
          double column = 0, size = 0;
          for (size_t i = 0; i < n; i++)
            {
              ck_assert (other[i * d + j] == 2 * g[i * d + j] || fabs (g[i * d + j]) < DBL_MIN);
              column += g[i * d + j];
              size += fabs (g[i * d + j]);
              square += g[i * d + j] * g[i * d + j];
            }
          ck_assert_double_le (fabs (column), 100 * u * size + 0x1p-1000);
        }
      within (qk_gradient_square (p, K, n, d, 0.25), square, 2 * N * D, 0x1p-1000, "square", trial);
    }
}
END_TEST

/* Many queries: matrices of tokens, weights and scores.  */

/* W = (1 2), X = I: one number against a matrix; tokens (1, 0), (2, 0): the second is scored
 * higher. */
START_TEST (known_matrices)
{
  const double W[] = { 1, 2 }, eye[] = { 1, 0, 0, 1 }, x[] = { 1, 0, 2, 0 };
  double wx[2], one, form[4], s[4];
  qk_project (wx, W, eye, 1, 2, 2);
  qk_score_matrix (&one, wx, wx, 1, 1, 2);
  qk_score_matrix (form, wx, wx, 2, 2, 1);
  qk_score_matrix (s, x, x, 2, 2, 2);
  ck_assert_double_eq (one, 5);
  ck_assert (form[0] == 1 && form[1] == 2 && form[2] == 2 && form[3] == 4);
  ck_assert (s[0] == 1 && s[1] == 2 && s[2] == 2 && s[3] == 4);
  /* Not square: two queries, three keys.  */
  const double q[] = { 1, 2, 3, 4 }, k[] = { 1, 0, 0, 1, 2, -1 };
  const double expected[] = { 1, 2, 0, 3, 4, 2 };
  double r[6];
  qk_score_matrix (r, q, k, 2, 3, 2);
  for (int i = 0; i < 6; i++)
    ck_assert_double_eq (r[i], expected[i]);
  const double turn[] = { 0, 1, -1, 0 }, even[] = { 3, 1, 1, -2 }, half[] = { 0, 1, 0, 0 };
  ck_assert_double_eq (qk_asymmetry (turn, 2), 4);
  ck_assert_double_eq (qk_asymmetry (even, 2), 0);
  ck_assert_double_eq (qk_asymmetry (half, 2), 2);
  ck_assert (isnan (qk_asymmetry (eye + 1, 1)));
}
END_TEST

/* Rows without a key in common, equal ones, and three quarters against a quarter.  */
START_TEST (known_heads)
{
  const double p[] = { 1, 0, 0 }, q[] = { 0, 0.5, 0.5 }, r[] = { 0.75, 0.25 }, s[] = { 0.25, 0.75 };
  double room[9];
  ck_assert_double_eq (qk_weights_overlap (p, q, 3), 0);
  ck_assert_double_eq (qk_weights_overlap (q, q, 3), 0.5);
  ck_assert_double_eq (qk_weights_overlap (r, s, 2), 0.375);
  ck_assert_double_eq_tol (qk_weights_divergence (p, q, 3), M_LN2, 2e-16);
  ck_assert_double_eq (qk_weights_divergence (q, q, 3), 0);
  /* H (1/2, 1/2) - H (3/4, 1/4) = ln 2 - (2 ln 2 - 3/4 ln 3).  */
  ck_assert_double_eq_tol (qk_weights_divergence (r, s, 2), 0.75 * log (3) - M_LN2, 2e-16);

  /* One pattern of two keys loses half of both; two patterns lose nothing.  */
  ck_assert_double_eq_tol (qk_weights_loss (q, 1, 3, 1, room), 0.5, 1e-15);
  ck_assert_double_eq_tol (qk_weights_loss (p, 1, 3, 0, room), 0, 1e-15);
  ck_assert_double_eq_tol (qk_weights_loss (p, 1, 3, 2, room), 1, 1e-15);
  const double both[] = { 0.75, 0.25, 0.25, 0.75 };
  ck_assert_double_lt (qk_weights_loss (both, 2, 2, 0, room), 1e-30);
}
END_TEST

/* One head of one column, two tokens 1 and -1: scores q k of either sign, W_V W_O = 6.  */
START_TEST (known_forward)
{
  const double x[] = { 1, -1 }, wq = 1, wk = 2, wv = 2, wo = 3, nan = NAN;
  double y[2], room[2 * (4 + 3)], p = 1 / (1 + exp (-4));
  struct qk_heads_block w = { 2, 1, 1, 1, 1, &wq, &wk, &wv, &wo };
  ck_assert_int_eq (qk_heads_forward (y, x, &w, room), 0);
  ck_assert_double_eq_tol (y[0], 6 * (2 * p - 1), 1e-14);
  ck_assert_double_eq_tol (y[1], -6 * (2 * p - 1), 1e-14);
  w.wq = &nan;
  ck_assert_int_eq (qk_heads_forward (y, x, &w, room), -1);
}
END_TEST

/* G = e_1 e_2^T alone: s_12 = x_1 W_Q (x_2 W_K)^T, with the two gradients x_1^T k_2 and x_2^T q_1.
 */
START_TEST (known_weight_gradients)
{
  const double G[] = { 0, 1, 0, 0 }, x[] = { 1, 2, 3, 5, 7, 11 }; /* n = 2, D = 3 */
  const double q[] = { 13, 17, 19, 23 }, k[] = { 29, 31, 37, 41 };
  double gq[6], gk[6], room[4];
  qk_weight_gradients (gq, gk, G, x, q, k, 2, 3, 2, room);
  for (int a = 0; a < 3; a++)
    for (int i = 0; i < 2; i++)
      {
        ck_assert_double_eq (gq[a * 2 + i], x[a] * k[2 + i]);
        ck_assert_double_eq (gk[a * 2 + i], x[3 + a] * q[i]);
      }
}
END_TEST

START_TEST (known_eigenvalues)
{
  /* Eigenvalues 3, -1, of the symmetric part alone; singular values 4, 2, 0.  */
  double s[] = { 1, 7, -3, 1 }, a[] = { 0, 4, 0, -2, 0, 0, 0, 0, 0 }, room[9];
  ck_assert_int_eq (qk_negative_eigenvalues (s, 2, 1e-12, room), 1);
  double b[] = { 1, 7, -3, 1 };
  ck_assert_int_eq (qk_negative_eigenvalues (b, 2, 1.5, room), 0);
  ck_assert_int_eq (qk_matrix_rank (a, 3, 1e-12, room), 2);
  double c[] = { 0, 4, 0, -2, 0, 0, 0, 0, 0 }, one[] = { -2.385 };
  ck_assert_int_eq (qk_matrix_rank (c, 3, 3, room), 1);
  ck_assert_int_eq (qk_matrix_rank (one, 1, 0, room), 1);
  ck_assert_int_eq (qk_matrix_rank (one, 1, 2.385, room), 0);
  double nothing[9] = { 0 }, nan[] = { 1, 2, 3, NAN };
  ck_assert_int_eq (qk_matrix_rank (nothing, 3, 0, room), 0);
  ck_assert_int_eq (qk_matrix_rank (nan, 2, 0, room), -1);
  one[0] = -2.385;
  ck_assert_int_eq (qk_negative_eigenvalues (one, 1, 0, room), 1);
}
END_TEST

enum
{
  TOKENS = 13,
  MODEL = 9,
  HEAD = 5
};

static void
normals (double *x, size_t n, uint64_t *state)
{
  for (size_t i = 0; i < n; i++)
    x[i] = normal (state);
}

/* Projections, scores and gradients against long double, within what is stated.  */
START_TEST (matrices_against_long_double)
{
  uint64_t state = 77;
  double x[TOKENS * MODEL], wq[MODEL * HEAD], wk[MODEL * HEAD], q[TOKENS * HEAD], k[TOKENS * HEAD],
      s[TOKENS * TOKENS], G[TOKENS * TOKENS], gq[MODEL * HEAD], gk[MODEL * HEAD],
      room[TOKENS * HEAD];
  for (int trial = 0; trial < 20 * effort (); trial++)
    {
      normals (x, TOKENS * MODEL, &state);
      normals (wq, MODEL * HEAD, &state);
      normals (wk, MODEL * HEAD, &state);
      normals (G, TOKENS * TOKENS, &state);
      qk_project (q, x, wq, TOKENS, MODEL, HEAD);
      qk_project (k, x, wk, TOKENS, MODEL, HEAD);
      qk_score_matrix (s, q, k, TOKENS, TOKENS, HEAD);
      for (size_t r = 0; r < TOKENS; r++)
        for (size_t i = 0; i < HEAD; i++)
          {
            long double sum = 0, size = 0;
            for (size_t a = 0; a < MODEL; a++)
              {
                sum += (long double)x[r * MODEL + a] * wq[a * HEAD + i];
                size += fabsl ((long double)x[r * MODEL + a] * wq[a * HEAD + i]);
              }
            ck_assert (fabsl (q[r * HEAD + i] - sum) <= 1.001L * MODEL * u * size);
          }
      for (size_t i = 0; i < TOKENS; i++)
        for (size_t j = 0; j < TOKENS; j++)
          {
            long double sum = 0, size = 0;
            for (size_t a = 0; a < HEAD; a++)
              {
                sum += (long double)q[i * HEAD + a] * k[j * HEAD + a];
                size += fabsl ((long double)q[i * HEAD + a] * k[j * HEAD + a]);
              }
            ck_assert (fabsl (s[i * TOKENS + j] - sum) <= 1.001L * HEAD * u * size);
          }
      qk_weight_gradients (gq, gk, G, x, q, k, TOKENS, MODEL, HEAD, room);
      for (size_t a = 0; a < MODEL; a++)
        for (size_t i = 0; i < HEAD; i++)
          {
            long double sum[2] = { 0 }, size[2] = { 0 };
            for (size_t r = 0; r < TOKENS; r++)
              for (size_t t = 0; t < TOKENS; t++)
                {
                  long double one
                      = (long double)x[r * MODEL + a] * G[r * TOKENS + t] * k[t * HEAD + i];
                  long double other
                      = (long double)x[t * MODEL + a] * G[r * TOKENS + t] * q[r * HEAD + i];
                  sum[0] += one;
                  sum[1] += other;
                  size[0] += fabsl (one);
                  size[1] += fabsl (other);
                }
            ck_assert (fabsl (gq[a * HEAD + i] - sum[0]) <= 2.1L * TOKENS * u * size[0]);
            ck_assert (fabsl (gk[a * HEAD + i] - sum[1]) <= 2.1L * TOKENS * u * size[1]);
          }
    }
}
END_TEST

/* dL/dx = J dL/dp, by the Jacobian that is written out.  */
START_TEST (softmax_back)
{
  uint64_t state = 31;
  for (size_t n = 1; n <= 23; n += 2)
    {
      double x[23], p[23], g[23], dx[23], J[23 * 23];
      for (size_t i = 0; i < n; i++)
        {
          x[i] = (double)(int64_t)next (&state) * 0x1p-61;
          g[i] = (double)(int64_t)next (&state) * 0x1p-62;
        }
      ck_assert_int_eq (qk_softmax (p, x, n), 0);
      qk_softmax_jacobian (J, p, n);
      qk_softmax_back (dx, p, g, n);
      double size = 0;
      for (size_t j = 0; j < n; j++)
        size += p[j] * fabs (g[j]);
      for (size_t i = 0; i < n; i++)
        {
          double sum = 0;
          for (size_t j = 0; j < n; j++)
            sum += J[i * n + j] * g[j];
          ck_assert_double_eq_tol (dx[i], sum,
                                   ((double)(2 * n) + 8) * 0x1p-53 * p[i] * (fabs (g[i]) + size));
        }
    }
}
END_TEST

/* dL/dW along a direction, of L = sum of sin (s_ij): central differences.  */
START_TEST (weight_gradient_differences)
{
  uint64_t state = 78;
  const double h = 1e-5;
  double x[TOKENS * MODEL], w[2][MODEL * HEAD], e[2][MODEL * HEAD], q[2][TOKENS * HEAD],
      s[TOKENS * TOKENS], G[TOKENS * TOKENS], g[2][MODEL * HEAD], room[TOKENS * HEAD], loss[3];
  normals (x, TOKENS * MODEL, &state);
  normals (w[0], MODEL * HEAD, &state);
  normals (w[1], MODEL * HEAD, &state);
  normals (e[0], MODEL * HEAD, &state);
  normals (e[1], MODEL * HEAD, &state);
  for (int step = 0; step < 3; step++) /* -h, h, 0 */
    {
      double move = step == 2 ? 0 : step ? h : -h;
      for (int side = 0; side < 2; side++)
        {
          double moved[MODEL * HEAD];
          for (size_t i = 0; i < MODEL * HEAD; i++)
            moved[i] = (w[side][i] + move * e[side][i]) / 4;
          qk_project (q[side], x, moved, TOKENS, MODEL, HEAD);
        }
      qk_score_matrix (s, q[0], q[1], TOKENS, TOKENS, HEAD);
      loss[step] = 0;
      for (size_t i = 0; i < TOKENS * TOKENS; i++)
        {
          loss[step] += sin (s[i]);
          G[i] = cos (s[i]);
        }
    }
  qk_weight_gradients (g[0], g[1], G, x, q[0], q[1], TOKENS, MODEL, HEAD, room);
  double slope = 0;
  for (int side = 0; side < 2; side++)
    for (size_t i = 0; i < MODEL * HEAD; i++)
      slope += g[side][i] * e[side][i] / 4;
  double difference = (loss[1] - loss[0]) / (2 * h);
  ck_assert_msg (fabs (difference - slope) < 1e-6 * (fabs (slope) + 1), "%g, not %g", slope,
                 difference);
}
END_TEST

/* Scores of shared projections are the same bits across the diagonal; ranks and signs of random
   forms.  */
/* 0 <= divergence <= ln 2, the same both ways; of all keys together at most h are kept, and exactly
   h by h independent rows.  */
START_TEST (head_laws)
{
  uint64_t state = 77;
  double x[MOST], p[3 * MOST], room[4 * MOST];
  for (uint64_t trial = 0; trial < 300 * effort (); trial++)
    {
      size_t n = 3 + (size_t)(next (&state) % (MOST - 3));
      for (size_t a = 0; a < 3; a++)
        {
          for (size_t i = 0; i < n; i++)
            x[i] = (double)(next (&state) >> 11) * 0x1p-51 - 2;
          qk_softmax (p + a * n, x, n);
        }
      double there = qk_weights_divergence (p, p + n, n);
      ck_assert (there > 0 && there < M_LN2 && there == qk_weights_divergence (p + n, p, n));
      for (size_t h = 1; h <= 3; h++)
        {
          double kept = 0;
          for (size_t i = 0; i < n; i++)
            kept += 1 - qk_weights_loss (p, h, n, i, room);
          ck_assert_double_eq_tol (kept, (double)h, 1e-10);
        }
    }
}
END_TEST

START_TEST (matrix_laws)
{
  uint64_t state = 79;
  double q[TOKENS * HEAD], k[TOKENS * HEAD], s[TOKENS * TOKENS], room[TOKENS * (TOKENS + 2)];
  for (int trial = 0; trial < 20 * effort (); trial++)
    {
      normals (q, TOKENS * HEAD, &state);
      normals (k, TOKENS * HEAD, &state);
      qk_score_matrix (s, q, q, TOKENS, TOKENS, HEAD);
      ck_assert_double_eq (qk_asymmetry (s, TOKENS), 0);
      ck_assert_int_eq (qk_negative_eigenvalues (s, TOKENS, 1e-12, room), 0);
      qk_score_matrix (s, q, k, TOKENS, TOKENS, HEAD);
      double ratio = qk_asymmetry (s, TOKENS);
      ck_assert (ratio > 0.1 && ratio < 4);
      ck_assert_int_eq (qk_negative_eigenvalues (s, TOKENS, 1e-12, room), HEAD);
      qk_score_matrix (s, q, k, TOKENS, TOKENS, HEAD);
      ck_assert_int_eq (qk_matrix_rank (s, TOKENS, 1e-12, room), HEAD);
    }
}
END_TEST

/* Singular values above a floor, counted, against those of the GSL, at floors between them.  */
START_TEST (rank_against_gsl)
{
  uint64_t state = 83;
  double q[MOST * MOST], k[MOST * MOST], a[MOST * MOST], b[MOST * MOST], v[MOST * MOST],
      sigma[MOST], room[2 * MOST];
  for (int trial = 0; trial < 60 * effort (); trial++)
    {
      size_t n = 2 + next (&state) % (MOST / 2), d = 1 + next (&state) % n;
      normals (q, n * d, &state);
      normals (k, n * d, &state);
      qk_score_matrix (a, q, k, n, n, d);
      memcpy (b, a, sizeof b);
      gsl_matrix_view A = gsl_matrix_view_array (b, n, n), V = gsl_matrix_view_array (v, n, n);
      gsl_vector_view S = gsl_vector_view_array (sigma, n), w = gsl_vector_view_array (room, n);
      ck_assert_int_eq (gsl_linalg_SV_decomp (&A.matrix, &V.matrix, &S.vector, &w.vector), 0);
      for (size_t above = 0; above <= d; above++)
        {
          double over = above > 0 ? sigma[above - 1] : 2 * sigma[0];
          double floor = above < d ? (over + sigma[above]) / 2 : 1e-12 * sigma[0];
          if (over - floor < 1e-12 * sigma[0])
            continue;
          memcpy (b, a, sizeof b);
          ck_assert_int_eq (qk_matrix_rank (b, n, floor, room), above);
        }
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("attention");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, known_weights);
  tcase_add_test (exact, known_pair);
  tcase_add_test (exact, known_equal);
  tcase_add_test (exact, known_gradient);
  tcase_add_test (exact, known_additive);
  tcase_add_test (exact, known_matrices);
  tcase_add_test (exact, known_heads);
  tcase_add_test (exact, known_forward);
  tcase_add_test (exact, known_weight_gradients);
  tcase_add_test (exact, known_eigenvalues);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, one_key);
  tcase_add_test (edges, huge_scores);
  tcase_add_test (edges, refused);
  tcase_add_test (edges, in_place);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_test (twin, softmax_against_mpfr);
  tcase_add_test (twin, jacobian_against_mpfr);
  tcase_add_test (twin, divergence_against_mpfr);
  tcase_add_test (twin, norm_against_mpfr);
  tcase_add_test (twin, norm_against_gsl);
  tcase_add_test (twin, rank_against_gsl);
  tcase_add_test (twin, gradient_against_mpfr);
  tcase_add_test (twin, additive_against_mpfr);
  tcase_add_test (twin, finite_differences);
  tcase_add_test (twin, matrices_against_long_double);
  tcase_add_test (twin, weight_gradient_differences);
  tcase_add_test (twin, softmax_back);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);

  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, softmax_laws);
  tcase_add_test (laws, jacobian_laws);
  tcase_add_test (laws, norm_is_at_most_half);
  tcase_add_test (laws, gradient_laws);
  tcase_add_test (laws, head_laws);
  tcase_add_test (laws, matrix_laws);
  suite_add_tcase (suite, laws);
  return run (suite);
}
