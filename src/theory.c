/* theory.c -- exact values: what each measurement is compared with.

   Moments go through one coordinate: less its mean, the product q_i k_i is, with z and e the
   standardised independent variables of struct qk_score,

       Y = A(z) + B(z) e,    A(z) = alpha z + gamma (z^2 - 1),    B(z) = beta + delta z,

   and a score is a sum of d independent Y, so its cumulants are d times those of Y.  Working with Y
   and not with q_i k_i keeps the digits of laws with large means.  */

#include "theory.h"

#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <string.h>

enum
{
  ORDER = 8,         /* of the moments of a score */
  DEGREE = 2 * ORDER /* in z: z^2 - 1 to the power ORDER */
};

/* One coordinate, above.  */
struct coordinate
{
  double alpha, beta, gamma, delta;
};

static struct coordinate
coordinate (const struct qk_score *s)
{
  double sd = s->q.sd * s->k.sd, rest = sqrt ((1 - s->rho) * (1 + s->rho));
  return (struct coordinate){ .alpha = s->k.mean * s->q.sd + s->q.mean * s->k.sd * s->rho,
                              .beta = s->q.mean * s->k.sd * rest,
                              .gamma = sd * s->rho,
                              .delta = sd * rest };
}

/* Whether E |q k|^r is finite.  */
static bool
moment_exists (const struct qk_score *s, unsigned r)
{
  return isfinite (qk_law_moment (&s->q, s->rho != 0 ? 2 * r : r))
         && (fabs (s->rho) == 1 || isfinite (qk_law_moment (&s->k, r)));
}

static double
binomial (unsigned n, unsigned k)
{
  double value = 1;
  for (unsigned i = 0; i < k; i++)
    value = value * (n - i) / (i + 1);
  return value;
}

/* A polynomial in z, sum over i of c[i] z^i.  */
struct polynomial
{
  double c[DEGREE + 1];
};

static struct polynomial
polynomial_product (const struct polynomial *f, const struct polynomial *g)
{
  struct polynomial product = { { 0 } };
  for (unsigned i = 0; i <= DEGREE; i++)
    for (unsigned j = 0; i + j <= DEGREE; j++)
      product.c[i + j] += f->c[i] * g->c[j];
  return product;
}

static double
polynomial_mean (const struct polynomial *f, const struct qk_law *law)
{
  double mean = 0;
  for (unsigned i = 0; i <= DEGREE; i++)
    if (f->c[i] != 0) /* the moment may be infinite */
      mean += f->c[i] * qk_law_moment (law, i);
  return mean;
}

/* E[Y^r | z] = sum over t of binomial (r, t) A^(r-t) B^t E e^t.  */
static struct polynomial
moment_given_z (const struct qk_score *s, unsigned r)
{
  struct coordinate y = coordinate (s);
  struct polynomial a = { { -y.gamma, y.alpha, y.gamma } }, b = { { y.beta, y.delta } };
  struct polynomial sum = { { 0 } };
  for (unsigned t = 0; t <= r; t++)
    {
      if (t > 0 && y.beta == 0 && y.delta == 0)
        break;
      struct polynomial term = { { binomial (r, t) * qk_law_moment (&s->k, t) } };
      for (unsigned i = 0; i < r; i++)
        term = polynomial_product (&term, i < t ? &b : &a);
      for (unsigned i = 0; i <= DEGREE; i++)
        sum.c[i] += term.c[i];
    }
  return sum;
}

/* m[a][b] = E (s - E s)^a (s' - E s')^b, a <= rows, b <= columns <= rows, s and s' two scores with
   the same q and independent keys; with columns = 0 the central moments of s.  From the joint
   cumulants kappa of a coordinate by the recursion over the block that holds a first factor,

       m_ab = sum over 1 <= i <= a, j <= b of binomial (a-1, i-1) binomial (b, j) kappa_ij
   m_(a-i)(b-j),

   read backwards for the coordinate and forwards, with d kappa, for the score (Smith, The American
   Statistician 49 (1995)).  The moments must exist.  */
static void
joint_moments (double m[ORDER + 1][ORDER + 1], const struct qk_score *s, unsigned rows,
               unsigned columns)
{
  struct polynomial given[ORDER + 1];
  double one[ORDER + 1][ORDER + 1] = { { 1 } }, kappa[ORDER + 1][ORDER + 1] = { { 0 } };
  for (unsigned r = 0; r <= rows; r++)
    given[r] = moment_given_z (s, r);
  m[0][0] = 1;
  for (unsigned a = 1; a <= rows; a++)
    for (unsigned b = 0; b <= a && b <= columns; b++)
      {
        struct polynomial product = polynomial_product (&given[a], &given[b]);
        double mean = polynomial_mean (&product, &s->q), below_one = 0, below = 0;
        for (unsigned i = 1; i <= a; i++)
          for (unsigned j = 0; j <= b; j++)
            if (i < a || j < b)
              {
                double weight = binomial (a - 1, i - 1) * binomial (b, j) * kappa[i][j];
                below_one += weight * one[a - i][b - j];
                below += weight * s->d * m[a - i][b - j];
              }
        one[a][b] = one[b][a] = mean;
        kappa[a][b] = kappa[b][a] = mean - below_one;
        m[a][b] = m[b][a] = s->d * kappa[a][b] + below;
      }
}

/* E z^i (z^2 - 1)^m.  */
static double
moment_less_one (const struct qk_law *law, unsigned i, unsigned m)
{
  double sum = 0;
  for (unsigned j = 0; j <= m; j++)
    sum += ((m - j) % 2 ? -1 : 1) * binomial (m, j) * qk_law_moment (law, i + 2 * j);
  return sum;
}

/* The fourth cumulant of Y, term by term of Y = alpha z + beta e + gamma (z^2 - 1) + delta z e:
   cum (w, x, y, z) = E wxyz - E wx E yz - E wy E xz - E wz E xy.  E Y^4 - 3 (E Y^2)^2 would lose
   six digits at mean 1000: here what cancels does so before it meets the large coefficients.  */
static double
fourth_cumulant (const struct qk_score *s)
{
  static const struct
  {
    unsigned z, e, square;
  } power[4] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 1, 1, 0 } };
  struct coordinate y = coordinate (s);
  const double factor[4] = { y.alpha, y.beta, y.gamma, y.delta };
  double covariance[4][4], sum = 0;

  if (!moment_exists (s, 4))
    return INFINITY;
  for (unsigned f = 0; f < 4; f++)
    for (unsigned g = 0; g < 4; g++)
      covariance[f][g] = factor[f] * factor[g] == 0
                             ? 0
                             : moment_less_one (&s->q, power[f].z + power[g].z,
                                                power[f].square + power[g].square)
                                   * qk_law_moment (&s->k, power[f].e + power[g].e);
  for (unsigned term = 0; term < 256; term++)
    {
      unsigned t[4] = { term & 3, term >> 2 & 3, term >> 4 & 3, term >> 6 & 3 };
      unsigned z = 0, e = 0, square = 0;
      double product = 1;
      for (unsigned i = 0; i < 4; i++)
        {
          z += power[t[i]].z;
          e += power[t[i]].e;
          square += power[t[i]].square;
          product *= factor[t[i]];
        }
      if (product != 0)
        sum += product
               * (moment_less_one (&s->q, z, square) * qk_law_moment (&s->k, e)
                  - covariance[t[0]][t[1]] * covariance[t[2]][t[3]]
                  - covariance[t[0]][t[2]] * covariance[t[1]][t[3]]
                  - covariance[t[0]][t[3]] * covariance[t[1]][t[2]]);
    }
  return sum;
}

double
qk_score_mean (const struct qk_score *s)
{
  return s->d * (s->q.mean * s->k.mean + s->rho * s->q.sd * s->k.sd);
}

double
qk_score_central_moment (const struct qk_score *s, unsigned r)
{
  double m[ORDER + 1][ORDER + 1];
  if (!moment_exists (s, r))
    return INFINITY;
  joint_moments (m, s, r, 0);
  return m[r][0];
}

double
qk_score_variance (const struct qk_score *s)
{
  return qk_score_central_moment (s, 2);
}

double
qk_score_skewness (const struct qk_score *s)
{
  return qk_score_central_moment (s, 3) / pow (qk_score_variance (s), 1.5);
}

double
qk_score_excess_kurtosis (const struct qk_score *s)
{
  double variance = qk_score_variance (s);
  return s->d * fourth_cumulant (s) / (variance * variance);
}

double
qk_score_row_variance (const struct qk_score *s)
{
  if (s->rho != 0)
    return NAN;
  return s->d * qk_law_raw_moment (&s->q, 2) * s->k.sd * s->k.sd;
}

/* Var ||x|| = d - (E ||x||)^2 for x standard normal in d dimensions, from its asymptotic series:
   (E ||x||)^2 = g(d) satisfies g(d) = g(d+2) (d/(d+1))^2, which fixes the coefficients in turn.
   Absolute error below 1e-14 for d >= 64.  */
static double
norm_variance_series (double d)
{
  static const double c[] = { 1. / 2,    -1. / 8,     -1. / 16,     5. / 128,
                              23. / 256, -53. / 1024, -593. / 2048, 5165. / 32768 };
  double sum = 0;
  for (unsigned i = sizeof c / sizeof *c; i-- > 0;)
    sum = sum / d + c[i];
  return sum;
}

/* R(h) = 2 Gamma (h + 1/2) / (sqrt (pi) Gamma (h)), h a positive multiple of 1/2: R(1/2) = 2/pi,
   R(1) = 1, R(h+1) = R(h) (2h+1)/(2h), and R(h) = sqrt (2/pi) E ||x||, x normal in 2h dimensions.
   Relative error below 1e-14; exact for small integers h.  */
static double
abs_mean_ratio (double h)
{
  if (h > 32)
    return sqrt (M_2_PI * (2 * h - norm_variance_series (2 * h)));
  double i = h == floor (h) ? 1 : 0.5, ratio = i == 1 ? 1 : M_2_PI;
  for (; i < h; i++)
    ratio = ratio * (2 * i + 1) / (2 * i);
  return ratio;
}

static double
norm_variance (double d)
{
  return d > 64 ? norm_variance_series (d) : d - M_PI_2 * pow (abs_mean_ratio (d / 2), 2);
}

static bool
is_centred (const struct qk_law *law, const char *name)
{
  return law->mean == 0 && strcmp (law->type->name, name) == 0;
}

double
qk_norm_mean (const struct qk_law *law, double d)
{
  if (is_centred (law, "normal"))
    return law->sd * sqrt (M_PI_2) * abs_mean_ratio (d / 2);
  return is_centred (law, "rademacher") ? law->sd * sqrt (d) : NAN;
}

double
qk_norm_variance (const struct qk_law *law, double d)
{
  if (is_centred (law, "normal"))
    return law->sd * law->sd * norm_variance (d);
  return is_centred (law, "rademacher") ? 0 : NAN;
}

double
qk_norm_square_spread (const struct qk_law *law, double d)
{
  double a2 = qk_law_raw_moment (law, 2);
  return (qk_law_raw_moment (law, 4) / (a2 * a2) - 1) / d;
}

/* The fourth cumulant from raw moments.  */
static double
cumulant_4 (const double m[5])
{
  double variance = m[2] - m[1] * m[1];
  double central = m[4] - 4 * m[3] * m[1] + 6 * m[2] * m[1] * m[1] - 3 * pow (m[1], 4);
  return central - 3 * variance * variance;
}

/* That of l z + u z^2, z a standardised component.  */
static double
square_cumulant_4 (const struct qk_law *law, double l, double u)
{
  double m[5] = { 1 };
  for (unsigned r = 1; r < 5; r++)
    for (unsigned j = 0; j <= r; j++)
      if (l != 0 || j == r)
        m[r] += binomial (r, j) * pow (l, r - j) * pow (u, j) * qk_law_moment (law, r + j);
  return cumulant_4 (m);
}

double
qk_norm_square_kurtosis (const struct qk_law *law, double d)
{
  double a2 = qk_law_raw_moment (law, 2), variance = qk_law_raw_moment (law, 4) - a2 * a2;
  if (!isfinite (qk_law_moment (law, 8)))
    return INFINITY;
  return square_cumulant_4 (law, 2 * law->mean * law->sd, law->sd * law->sd)
         / (d * variance * variance);
}

/* With v = Var ||x||, m = E ||x||, m^2 = d - v, E ||x||^3 = m (d+1), E ||x||^4 = d (d+2), the
   fourth central moment is 2 d (2 v - 1) + 4 v - 3 v^2.  */
double
qk_norm_variance_spread (const struct qk_law *law, double d)
{
  double v = norm_variance (d);
  if (!is_centred (law, "normal"))
    return NAN;
  return (2 * d * (2 * v - 1) + 4 * v) / (v * v) - 4;
}

static bool
both_centred (const struct qk_score *s, const char *name)
{
  return s->rho == 0 && is_centred (&s->q, name) && is_centred (&s->k, name);
}

bool
qk_score_law_known (const struct qk_score *s)
{
  return both_centred (s, "normal") || both_centred (s, "rademacher");
}

double
qk_score_abs_mean (const struct qk_score *s)
{
  double sd = s->q.sd * s->k.sd;
  if (both_centred (s, "normal"))
    return sd * abs_mean_ratio (s->d / 2);
  if (both_centred (s, "rademacher"))
    return sd * abs_mean_ratio (ceil (s->d / 2)); /* a fair walk: E |S_(2m-1)| = E |S_(2m)| */
  return NAN;
}

double
qk_score_geary (const struct qk_score *s)
{
  return qk_score_abs_mean (s) / (sqrt (s->d) * s->q.sd * s->k.sd);
}

/* ln P(N > y), N standard normal.  */
static double
log_normal_tail (double y)
{
  double x = y * M_SQRT1_2;
  return (x < 8 ? log (erfc (x)) : gsl_sf_log_erfc (x)) - M_LN2;
}

/* Given ||q||^2 = d e^t the score is N(0, d e^t), so with a = d/2 and y = x / sqrt (d)

       P(s > x) = sqrt (a / 2 pi) / Gamma* (a) . int exp (-a (e^t - 1 - t)) P(N > y e^(-t/2)) dt,

   Gamma* the gamma function over Stirling's formula.  The trapezoid rule from near the maximum,
   d e^t = r, outwards until the terms no longer count (their logarithm is concave).  The step is
   0.4 of the width of the peak, and at most 0.24 as the integrand is analytic in |Im t| < pi/2
   only: the error of discretisation, exp (-2 pi^2 / 0.4^2) and exp (-pi^2 / 0.24), is below u.  */
double
qk_score_log_tail (double x, double d)
{
  double a = d / 2;
  if (x > 1e14) /* past the digits of the trapezoid: the first term of the density at infinity */
    return isinf (x) ? -x : (a - 1) * log (x) - x - gsl_sf_lngamma (a) - a * M_LN2;
  double r = a + hypot (a, x), start = log1p (x * (x / r) / d);
  double step = 0.4 * fmin (1 / sqrt (r / 2 + x * (x / r) / 2), 0.6);
  double y = x / sqrt (d);
  double peak = log_normal_tail (y * exp (-start / 2)) - a * (expm1 (start) - start), sum = 1;
  for (int side = -1; side <= 1; side += 2)
    for (double i = 1, term = 1; term > 1e-18 * sum; i++)
      {
        double t = start + side * i * step;
        term = exp (log_normal_tail (y * exp (-t / 2)) - a * (expm1 (t) - t) - peak);
        sum += term;
      }
  return peak + log (sum * step * sqrt (a / (2 * M_PI)) / gsl_sf_gammastar (a));
}

double
qk_score_tail (double x, double d)
{
  return exp (qk_score_log_tail (x, d));
}

/* P(B <= k), B binomial (d, 1/2), k a whole number: the last term by Loader's saddle-point form
   (Fast and accurate computation of binomial probabilities, 2000), the others from it by their
   ratios.  */
static double
fair_binomial_cdf (double k, double d)
{
  if (k < 0)
    return 0;
  if (2 * k + 1 > d)
    return 1 - fair_binomial_cdf (d - k - 1, d);
  double e = 1 - 2 * k / d, last = exp2 (-d);
  if (k > 0)
    last = exp (-d * (e * atanh (e) + log1p (-e * e) / 2)) * sqrt (d / (2 * M_PI * k * (d - k)))
           * gsl_sf_gammastar (d) / (gsl_sf_gammastar (k) * gsl_sf_gammastar (d - k));
  double sum = last;
  for (double term = last; k > 0 && term > 1e-18 * sum; k--)
    sum += term *= k / (d - k + 1);
  return sum;
}

/* P(s < x), or P(s <= x) if closed.  A Rademacher score lies on a lattice of 2 sd_q sd_k, but comes
   out of a chain of d fused multiply-adds, up to d^2 u = 2^-13 of half that step away at d = 2^20:
   within 2^-10 of a step of a lattice point, x is taken to be that point.  */
static double
score_cdf (const struct qk_score *s, double x, bool closed)
{
  double scaled = x / (s->q.sd * s->k.sd);
  if (isnan (x) || !qk_score_law_known (s))
    return NAN;
  if (both_centred (s, "normal"))
    return scaled < 0 ? qk_score_tail (-scaled, s->d) : 1 - qk_score_tail (scaled, s->d);
  double place = fmin (fmax ((scaled + s->d) / 2, -1), s->d + 1), nearest = round (place);
  if (fabs (place - nearest) > 0x1p-10)
    return fair_binomial_cdf (floor (place), s->d);
  return fair_binomial_cdf (closed ? nearest : nearest - 1, s->d);
}

double
qk_score_cdf (const struct qk_score *s, double x)
{
  return score_cdf (s, x, true);
}

double
qk_score_cdf_below (const struct qk_score *s, double x)
{
  return score_cdf (s, x, false);
}

/* The variance of the mean of f(s_ij) over a tile: scores of one row share q, those of one column
   k. single is Var f(s), by_q Var E[f(s) | q], by_k Var E[f(s) | k].  */
static double
tile_variance (const struct qk_score *s, double single, double by_q, double by_k, double nq,
               double nk)
{
  if (nq == 1 && nk == 1)
    return single;
  if (s->rho != 0)
    return NAN;
  return (single + (nk - 1) * by_q + (nq - 1) * by_k) / (nq * nk);
}

static struct qk_score
transposed (const struct qk_score *s)
{
  return (struct qk_score){ .d = s->d, .q = s->k, .k = s->q, .rho = s->rho };
}

static double
mean_sharing (const struct qk_score *s) /* Var E[s | q] */
{
  return s->d * pow (s->k.mean * s->q.sd, 2);
}

double
qk_tile_mean_variance (const struct qk_score *s, double nq, double nk)
{
  struct qk_score other = transposed (s);
  return tile_variance (s, qk_score_variance (s), mean_sharing (s), mean_sharing (&other), nq, nk);
}

/* E[(s - c)^2 | q] is with q_i = mean + sd z_i, but for a constant,

       l sum z_i + u sum z_i^2 + t (sum z_i)^2.  */
struct given
{
  double l, u, t;
};

static struct given
square_given_query (const struct qk_score *s, double c)
{
  double sd = s->q.sd, rest = qk_score_mean (s) - c;
  return (struct given){ .l = 2 * sd * (s->q.mean * pow (s->k.sd, 2) + s->k.mean * rest),
                         .u = pow (sd * s->k.sd, 2),
                         .t = pow (sd * s->k.mean, 2) };
}

/* Var E[(s - c)^2 | q].  */
static double
square_sharing (const struct qk_score *s, double c)
{
  struct given g = square_given_query (s, c);
  double z3 = qk_law_moment (&s->q, 3), z4 = qk_law_moment (&s->q, 4);
  return s->d
         * (g.l * g.l + 2 * g.l * (g.u + g.t) * z3 + g.u * (g.u + 2 * g.t) * (z4 - 1)
            + g.t * g.t * (z4 - 3 + 2 * s->d));
}

double
qk_tile_square_variance (const struct qk_score *s, double nq, double nk)
{
  struct qk_score other = transposed (s);
  double mean = qk_score_mean (s);
  double single = s->d * fourth_cumulant (s) + 2 * pow (qk_score_variance (s), 2);
  return tile_variance (s, single, square_sharing (s, mean), square_sharing (&other, mean), nq, nk);
}

/* That of E[(s - E s)^2 | q], but for products of two coordinates, which are no rarer than squares.
 */
static double
sharing_cumulant_4 (const struct qk_score *s)
{
  struct given g = square_given_query (s, qk_score_mean (s));
  return s->d * square_cumulant_4 (&s->q, g.l, g.u + g.t);
}

double
qk_tile_square_kurtosis (const struct qk_score *s, double nq, double nk)
{
  struct qk_score other = transposed (s);
  double m[5] = { 1 }, variance = qk_tile_square_variance (s, nq, nk);
  if (!moment_exists (s, 8))
    return INFINITY;
  for (unsigned r = 1; r < 5; r++)
    m[r] = qk_score_central_moment (s, 2 * r);
  double sum = cumulant_4 (m) / pow (nq * nk, 3);
  if (nq > 1 || nk > 1)
    sum += sharing_cumulant_4 (s) / pow (nq, 3) + sharing_cumulant_4 (&other) / pow (nk, 3);
  return sum / (variance * variance);
}

/* The estimator is the mean over rows of q_i' C q_i = tr (C G), C the unbiased covariance matrix of
   the keys and G the mean of q_i q_i', independent of it.  Given G, E tr (C G) = sd_k^2 tr G, and
   Cov (C_ab, C_ce) = sd_k^4 [kappa_k [a=b=c=e] / nk + ([a=c][b=e] + [a=e][b=c]) / (nk - 1)]
   (Fisher's k-statistics) gives

       Var tr (C G) = sd_k^4 {Var tr G + kappa_k / nk E sum G_aa^2 + 2 / (nk - 1) E sum G_ab^2}.  */
double
qk_tile_row_variance (const struct qk_score *s, double nq, double nk)
{
  if (s->rho != 0 || nk < 2)
    return NAN;
  const struct qk_law *q = &s->q;
  double d = s->d, mean = q->mean, square = qk_law_raw_moment (q, 2);
  double var_square = 4 * pow (mean * q->sd, 2) + 4 * mean * pow (q->sd, 3) * qk_law_moment (q, 3)
                      + pow (q->sd, 4) * (qk_law_moment (q, 4) - 1);
  double norm4 = d * var_square + pow (d * square, 2);             /* E ||q||^4 */
  double dot2 = d * square * square + d * (d - 1) * pow (mean, 4); /* E (q . q')^2 */
  double diagonal = d * (square * square + var_square / nq);       /* E sum G_aa^2 */
  double all = (norm4 + (nq - 1) * dot2) / nq;                     /* E sum G_ab^2 */
  double kappa = qk_law_moment (&s->k, 4) - 3;
  return pow (s->k.sd, 4) * (d * var_square / nq + kappa / nk * diagonal + 2 / (nk - 1) * all);
}

/* Normal: E[|s| | q] = sqrt (2/pi) sd_k ||q||.  Rademacher: E[|s| | q] does not depend on q.
   Otherwise Var |s| <= Var s, and E[|s| | q] is taken for its upper bound sqrt (E[s^2 | q]), with
   twice the variance of first order (once is too little for uniform q: .2 instead of .25 at d = 1).
 */
double
qk_tile_abs_variance (const struct qk_score *s, double nq, double nk)
{
  struct qk_score other = transposed (s);
  double variance = qk_score_variance (s), square = variance + pow (qk_score_mean (s), 2);
  double single = variance, by_q = 0, by_k = 0;
  if (qk_score_law_known (s))
    single = fmax (variance - pow (qk_score_abs_mean (s), 2), 0);
  if (both_centred (s, "normal"))
    by_q = by_k = M_2_PI * pow (s->q.sd * s->k.sd, 2) * norm_variance (s->d);
  else if (!qk_score_law_known (s))
    {
      by_q = square_sharing (s, 0) / (2 * square);
      by_k = square_sharing (&other, 0) / (2 * square);
    }
  return tile_variance (s, single, by_q, by_k, nq, nk);
}

/* Var E[f | q], f = (s - E s)^4 / mu4 - 2 (s - E s)^2 / mu2: the covariance of f at two scores that
   share q.  */
static double
kurtosis_sharing (const struct qk_score *s)
{
  double m[ORDER + 1][ORDER + 1];
  joint_moments (m, s, 4, 4);
  double mu2 = m[2][0], mu4 = m[4][0];
  double c44 = m[4][4] / (mu4 * mu4) - 1, c42 = m[4][2] / (mu4 * mu2) - 1;
  return fmax (c44 - 4 * c42 + 4 * (m[2][2] / (mu2 * mu2) - 1), 0);
}

/* ln (m4 / m2^2) - ln (mu4 / mu2^2) is to first order the mean of f, above.  */
double
qk_tile_log_kurtosis_variance (const struct qk_score *s, double nq, double nk)
{
  struct qk_score other = transposed (s);
  double m[ORDER + 1][ORDER + 1];
  if (!moment_exists (s, 8))
    return INFINITY;
  joint_moments (m, s, 8, 0);
  double mu2 = m[2][0], mu4 = m[4][0];
  double single = m[8][0] / (mu4 * mu4) - 4 * m[6][0] / (mu4 * mu2) + 4 * mu4 / (mu2 * mu2) - 1;
  return tile_variance (s, fmax (single, 0), kurtosis_sharing (s), kurtosis_sharing (&other), nq,
                        nk);
}
