/* symmetry_theory.c -- exact values of scores of tokens with themselves.

   Integrals over Beta and chi-square laws are trapezoids in the logit and in the logarithm, where
   the densities are analytic and fall off exponentially at either end: the error of step h is about
   exp (-2 pi a / h), a the distance of the nearest singularity from the real line.  That of
   Phi (t)^(n-1), as a function of ln t^2, is at about pi / (2 ln n), where it changes from 0 to 1
   like exp (-exp (-y)), y = (2 ln n) (ln t^2 - ln (2 ln n)) / 2.  */

#include "symmetry_theory.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdbool.h>

static const double TAIL = 40;   /* -ln of what is left out */
static const double STEP = 0.25; /* at most */

/* ---- What is known of a law -------------------------------------------------------------------*/

static bool
is (const struct qk_law *law, enum qk_law_kind kind)
{
  return law->type == &qk_law_types[kind];
}

static bool
centred_normal (const struct qk_law *law)
{
  return is (law, QK_NORMAL) && law->mean == 0;
}

/* x and -x alike.  */
static bool
even (const struct qk_law *law)
{
  return law->mean == 0 && !is (law, QK_EXPONENTIAL);
}

static bool
signs (const struct qk_law *law)
{
  return is (law, QK_RADEMACHER) && law->mean == 0;
}

/* ---- Integrals --------------------------------------------------------------------------------*/

static double
step_for (double sd, double n)
{
  return fmin (fmin (0.4 * sd, STEP), 0.3 / log (fmax (n, 2)));
}

struct mean
{
  double (*f) (double x, double rest, const void *of); /* rest = 1 - x, without cancellation */
  const void *of;
  double n; /* f changes at most as fast as Phi^(n-1) */
};

/* E f (B), B ~ Beta (a, b).  */
static double
beta_mean (const struct mean *m, double a, double b)
{
  double sd = sqrt (1 / a + 1 / b), h = step_for (sd, m->n), centre = log (a / b);
  double lo = centre - fmin (TAIL / a + 8, 14 * sd + TAIL / a);
  double hi = centre + fmin (TAIL / b + 8, 14 * sd + TAIL / b), sum = 0, all = 0;
  double top = a * centre - (a + b) * log1p (exp (centre));
  for (double i = ceil ((lo - centre) / h); i * h <= hi - centre; i++)
    {
      double y = centre + i * h, soft = y > 0 ? y + log1p (exp (-y)) : log1p (exp (y));
      double weight = exp (a * y - (a + b) * soft - top);
      if (weight < 1e-19)
        continue;
      sum += weight * m->f (1 / (1 + exp (-y)), 1 / (1 + exp (y)), m->of);
      all += weight;
    }
  return sum / all;
}

/* E f (R), R ~ chi^2_m; rest has no meaning.  */
static double
square_mean (const struct mean *m, double df)
{
  double sd = sqrt (2 / df), h = step_for (sd, m->n), centre = log (df);
  double lo = centre - 14 * sd - 2 * TAIL / df, hi = centre + fmin (14 * sd, 8), sum = 0, all = 0;
  double top = (centre - 1) * df / 2;
  for (double i = ceil ((lo - centre) / h); i * h <= hi - centre; i++)
    {
      double l = centre + i * h, weight = exp (l * df / 2 - exp (l) / 2 - top);
      if (weight < 1e-19)
        continue;
      sum += weight * m->f (exp (l), NAN, m->of);
      all += weight;
    }
  return sum / all;
}

/* ---- P (argmax) -------------------------------------------------------------------------------*/

/* The row of a token: the other scores have deviation s_ii / t, t^2 = length^2 share.  */
struct row
{
  double others, length2, share;
  double m; /* dimension of the tokens; 0: lengths are those of normal components */
};

/* (1 - p)^others.  */
static double
none_of (double p, double others)
{
  return exp (others * log1p (-p));
}

static double
above_all (double length2, double rest, const void *of)
{
  const struct row *r = of;
  (void)rest;
  return none_of (erfc (sqrt (length2 * r->share / 2)) / 2, r->others);
}

static double
given_share (double share, double rest, const void *of)
{
  struct row r = *(const struct row *)of;
  const struct mean m = { above_all, &r, r.others + 1 };
  r.share = share;
  (void)rest;
  return square_mean (&m, r.m);
}

/* Tokens of one length: P (cos theta > sqrt (share)) is half of P (Beta (1/2, (m-1)/2) > share). */
static double
given_share_alike (double share, double rest, const void *of)
{
  const struct row *r = of;
  (void)rest;
  return none_of (gsl_cdf_beta_Q (share, 0.5, (r->m - 1) / 2) / 2, r->others);
}

/* Dimensions in which tokens point anywhere.  */
static double
dimensions (const struct qk_symmetry *s)
{
  return s->norm == QK_NORMED_LAYER ? s->D - 1 : s->D;
}

bool
qk_symmetry_forced (const struct qk_symmetry *s)
{
  bool alike = s->norm == QK_NORMED_RMS || s->norm == QK_NORMED_LAYER || signs (&s->law);
  return s->weights != QK_SEPARATE
         && (s->norm == QK_NORMED_QK || (s->weights == QK_UNWEIGHTED && alike));
}

double
qk_symmetry_argmax (const struct qk_symmetry *s)
{
  bool alike = s->norm == QK_NORMED_RMS || s->norm == QK_NORMED_LAYER;
  struct row r = { .others = s->n - 1, .share = 1, .m = dimensions (s) };
  if (s->weights == QK_SEPARATE)
    {
      bool ties
          = (s->D == 1 && s->norm != QK_NORMED_NONE) || (s->d == 1 && s->norm == QK_NORMED_QK);
      if (!qk_law_continuous (&s->law) || (ties && !even (&s->law)))
        return NAN;
      return ties ? 0.5 + ldexp (1, (int)-s->n) : 1 / s->n;
    }
  if (qk_symmetry_forced (s))
    return 1;
  if (!centred_normal (&s->law))
    return NAN;
  if (alike)
    return r.m == 1
               ? 1
               : beta_mean (&(struct mean){ given_share_alike, &r, s->n }, s->d / 2, (r.m - 1) / 2);
  /* chi^2_D Beta (1/2, (D-1)/2) is chi^2_1.  */
  if (s->weights == QK_UNWEIGHTED || s->D == 1 || s->d == 1)
    return square_mean (&(struct mean){ above_all, &r, s->n },
                        s->weights == QK_SHARED && s->d == 1 ? 1 : s->D);
  return beta_mean (&(struct mean){ given_share, &r, s->n }, s->d / 2, (s->D - 1) / 2);
}

/* ---- Moments ----------------------------------------------------------------------------------*/

/* Of tokens as they enter the projections; x and y two of them.  */
struct moments
{
  double length2, length4; /* E |x|^2, E |x|^4 */
  double apart;            /* E |x|^2 |y|^2 */
  double along;            /* E (x . y)^2 */
  double mean;             /* E x . y */
};

/* A normalised token is as likely to be -x, or exchangeable with mean 0: so E x_a x_b is the same
   for all a, and what it must be for a != b.  */
static struct moments
moments_of (const struct qk_symmetry *s)
{
  double D = s->D, m2 = qk_law_raw_moment (&s->law, 2), m4 = qk_law_raw_moment (&s->law, 4);
  double mu2 = s->law.mean * s->law.mean;
  switch (s->norm)
    {
    case QK_NORMED_RMS:
      if (!even (&s->law) || is (&s->law, QK_SPARSE))
        break;
      return (struct moments){ D, D * D, D * D, D, 0 };
    case QK_NORMED_LAYER:
      if (!qk_law_continuous (&s->law))
        break;
      return (struct moments){ D, D * D, D * D, D * D / (D - 1), 0 };
    case QK_NORMED_NONE:
      return (struct moments){ D * m2, D * m4 + D * (D - 1) * m2 * m2, D * D * m2 * m2,
                               D * m2 * m2 + D * (D - 1) * mu2 * mu2, D * mu2 };
    default:
      break;
    }
  return (struct moments){ NAN, NAN, NAN, NAN, NAN };
}

/* E (x . y)^2 of two rows of length 1 that are the directions of tokens themselves.  */
static double
along_unit (const struct qk_symmetry *s)
{
  return even (&s->law) && !is (&s->law, QK_SPARSE) ? 1 / s->D : NAN;
}

/* 1 / sqrt (1 - r^2 t): r2 = r^2, rest_r = 1 - r^2.  */
struct angle
{
  double d, r2, rest;
};

static double
inverse_root (double t, double rest, const void *of)
{
  const struct angle *a = of;
  return 1 / sqrt (a->rest + a->r2 * rest + 0 * t);
}

/* The square of E cos (u, v) for projections u and v to d normal coordinates of two tokens at an
   angle of cosine r:

     r (2/d) (Gamma ((d+1)/2) / Gamma (d/2))^2 F (1/2, 1/2; d/2 + 1; r^2),

   F as Euler's integral, a mean over Beta (1/2, (d+1)/2).  */
static double
angle_square (double half, double rest, const void *of)
{
  struct angle a = *(const struct angle *)of;
  double ratio = exp (gsl_sf_lngamma ((a.d + 1) / 2) - gsl_sf_lngamma (a.d / 2));
  a.rest = 4 * half * rest; /* r = half - rest */
  a.r2 = (half - rest) * (half - rest);
  double f = beta_mean (&(struct mean){ inverse_root, &a, 2 }, 0.5, (a.d + 1) / 2);
  double g = 2 / a.d * ratio * ratio * f;
  return a.r2 * g * g;
}

double
qk_symmetry_ratio (const struct qk_symmetry *s)
{
  double n = s->n;
  struct moments m = moments_of (s);
  struct angle a = { .d = s->d };
  if (s->weights != QK_SEPARATE)
    return 0;
  if (s->norm != QK_NORMED_QK)
    return 2 * (n - 1) * (m.apart - m.along) / ((n - 1) * m.apart + m.length4);
  if (s->D == 1)
    return even (&s->law) || qk_law_continuous (&s->law) ? 0 : NAN;
  if (!centred_normal (&s->law))
    return NAN;
  return 2 * (n - 1) / n
         * (1 - beta_mean (&(struct mean){ angle_square, &a, 2 }, (s->D - 1) / 2, (s->D - 1) / 2));
}

double
qk_symmetry_self_mean (const struct qk_symmetry *s)
{
  struct moments m = moments_of (s);
  if (s->weights == QK_SEPARATE)
    return 0;
  if (s->norm == QK_NORMED_QK)
    return is (&s->law, QK_SPARSE) ? NAN : 1;
  return s->weights == QK_SHARED ? s->d / s->D * m.length2 : m.length2;
}

double
qk_symmetry_self_variance (const struct qk_symmetry *s)
{
  struct moments m = moments_of (s);
  double w2 = 1 / (s->D * s->D), mean = qk_symmetry_self_mean (s);
  if (s->norm == QK_NORMED_QK)
    return s->weights != QK_SEPARATE ? mean - mean : qk_law_continuous (&s->law) ? 1 / s->d : NAN;
  if (s->weights == QK_SEPARATE)
    return s->d * w2 * m.length4;
  if (s->weights == QK_SHARED)
    return s->d * (s->d + 2) * w2 * m.length4 - mean * mean;
  return s->norm == QK_NORMED_NONE
             ? s->D * (qk_law_raw_moment (&s->law, 4) - pow (qk_law_raw_moment (&s->law, 2), 2))
             : m.length4 - mean * mean;
}

double
qk_symmetry_off_mean (const struct qk_symmetry *s)
{
  if (s->weights == QK_SEPARATE)
    return 0;
  if (s->norm == QK_NORMED_QK)
    return even (&s->law) ? 0 : NAN;
  return s->weights == QK_SHARED ? s->d / s->D * moments_of (s).mean : moments_of (s).mean;
}

double
qk_symmetry_off_variance (const struct qk_symmetry *s)
{
  struct moments m = moments_of (s);
  double w2 = 1 / (s->D * s->D), mean = qk_symmetry_off_mean (s);
  if (s->norm == QK_NORMED_QK)
    return s->weights == QK_SEPARATE ? (qk_law_continuous (&s->law) ? 1 / s->d : NAN)
           : s->weights == QK_SHARED ? (s->D == 1 && even (&s->law) ? 1 : NAN)
                                     : along_unit (s);
  if (s->weights == QK_SEPARATE)
    return s->d * w2 * m.apart;
  double square = s->weights == QK_SHARED ? s->d * w2 * ((s->d + 1) * m.along + m.apart) : m.along;
  return square - mean * mean;
}

/* ---- Counts -----------------------------------------------------------------------------------*/

double
qk_symmetry_rank (const struct qk_symmetry *s)
{
  return s->weights == QK_UNWEIGHTED ? s->D : fmin (s->d, s->D);
}

double
qk_symmetry_negative (const struct qk_symmetry *s)
{
  if (s->weights != QK_SEPARATE)
    return 0;
  return s->norm != QK_NORMED_QK && qk_law_continuous (&s->law)
                 && 2 * s->d <= fmin (s->n, dimensions (s))
             ? s->d
             : NAN;
}

double
qk_symmetry_parameters (const struct qk_symmetry *s)
{
  double matrices = s->weights == QK_SEPARATE ? 2 : s->weights == QK_SHARED ? 1 : 0;
  double count = matrices * s->D * s->d;
  return count <= 0x1p53 ? count : NAN;
}
