/* additive_theory.c -- exact values of additive scores, of their cost, and of the angle.

   Integrals are trapezoids in t, frequencies being c sinh t.  With c at most 1 over the deviations
   the powers of 1 + w^2 / d have their branch points at Im t = pi / 2, and so do the poles of
   1 / sinh; beyond Im t = pi / 4 a normal law grows.  So the error is about exp (-pi^2 / (2 STEP)).
 */

#include "additive_theory.h"
#include "theory.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <math.h>

static const double STEP = 0x1p-4;
static const double REACH = 29; /* sinh (pi w / 2) > 1e19 */

static bool
known (const struct qk_additive *a)
{
  return a->q.type == &qk_law_types[QK_NORMAL] && a->k.type == &qk_law_types[QK_NORMAL];
}

static double
var_v (const struct qk_additive *a)
{
  return a->unscaled ? 1 : 2 / (a->h + 1);
}

static double
square (double x)
{
  return x * x;
}

/* The unit of frequencies.  */
static double
unit_of (const struct qk_additive *a)
{
  double most = fmax (fmax (a->q.sd, a->k.sd), fmax (fabs (a->q.mean), fabs (a->k.mean)));
  return fmin (1, 1 / most);
}

/* (w / 2) / sinh (pi w / 2).  */
static double
kernel (double w)
{
  return w > 0 ? w / 2 / sinh (M_PI * w / 2) : 1 / M_PI;
}

/* - ln E exp (-|x|^2 w2 / (2 d)), x of d components of the law: with s = sd^2 / d

     (d / 2) ln (1 + s w2) + mean^2 w2 / (2 (1 + s w2)),

   for components with mean^2 w2 in place of theirs; and its rise from w2 to w2 + more.  */
static double
damping (const struct qk_law *law, double d, double w2, double mean2)
{
  double s = square (law->sd) / d;
  return d / 2 * log1p (s * w2) + mean2 / (2 * (1 + s * w2));
}

static double
damping_rise (const struct qk_law *law, double d, double w2, double more)
{
  double s = square (law->sd) / d, here = 1 + s * w2;
  return d / 2 * log1p (s * more / here)
         + square (law->mean) * more / (2 * here * (here + s * more));
}

double
qk_additive_variance (const struct qk_additive *a)
{
  if (!known (a))
    return NAN;
  double c = unit_of (a), sum = 0;
  for (int i = 0; c * sinh (i * STEP) < REACH; i++)
    {
      double w = c * sinh (i * STEP), w2 = w * w;
      double damped = damping (&a->q, a->d, w2, square (a->q.mean) * w2)
                      + damping (&a->k, a->d, w2, square (a->k.mean) * w2);
      sum += (i ? 2 : 1) * kernel (w) * -expm1 (-damped) * c * cosh (i * STEP);
    }
  return a->h * var_v (a) * sum * STEP;
}

/* As  tanh x = integral over w > 0 of sin (w x) / sinh (pi w / 2),

     E tanh X tanh Y = integral over p, r > 0 of
       (E e^(-r^2 |q|^2 / 2 d) - E e^(-p^2 |q|^2 / 2 d)) E e^(-|w k + w' k'|^2 / 2 d)
       / (4 sinh (pi (p + r) / 4) sinh (pi (p - r) / 4)),

   p and r the sum and the difference of w and w'; in these the ridge along w = w' has the axes of
   the lattice.  Where the mean of k is not 0 its part goes with p and r as that of q does.  The
   points of p lie midway between those of r.  */
static double
pair_term (const struct qk_additive *a, double p, double r)
{
  double lo2 = square (fmin (p, r)), more = fabs (p * p - r * r), both = (p * p + r * r) / 2;
  double mean2 = square (a->k.mean), here = 2 * (1 + square (a->k.sd) / a->d * both);
  double damped = damping (&a->q, a->d, lo2, square (a->q.mean) * lo2)
                  + damping (&a->k, a->d, both, mean2 * lo2);
  double rise = damping_rise (&a->q, a->d, lo2, more) + mean2 * more / here;
  return exp (-damped) * -expm1 (-rise)
         / (4 * sinh (M_PI * (p + r) / 4) * sinh (M_PI * fabs (p - r) / 4));
}

double
qk_additive_common (const struct qk_additive *a)
{
  if (!known (a))
    return NAN;
  double c = unit_of (a), sum = 0;
  for (int i = 0; c * sinh (i * STEP) < 2 * REACH; i++)
    for (int j = 0; c * sinh ((j + 0.5) * STEP) < 2 * REACH; j++)
      sum += (i ? 1 : 0.5) * pair_term (a, c * sinh (i * STEP), c * sinh ((j + 0.5) * STEP)) * c
             * cosh (i * STEP) * c * cosh ((j + 0.5) * STEP);
  return a->h * var_v (a) * sum * STEP * STEP;
}

double
qk_additive_row_variance (const struct qk_additive *a)
{
  return qk_additive_variance (a) - qk_additive_common (a);
}

double
qk_additive_saturated (const struct qk_additive *a)
{
  if (!known (a) || a->q.mean != 0 || a->k.mean != 0 || a->q.sd != a->k.sd)
    return NAN;
  return 2 * qk_score_tail (QK_TANH_SATURATED / a->q.sd * sqrt (a->d), 2 * a->d);
}

/* ---- Counts -----------------------------------------------------------------------------------*/

/* A sum of products of whole numbers >= 0 that is at most 2^53 is exact, for all its parts are.  */
static double
counted (double x)
{
  return x <= 0x1p53 ? x : NAN;
}

double
qk_additive_dot_operations (const struct qk_additive *a)
{
  return counted (2 * a->n * a->n * a->d);
}

double
qk_additive_operations (const struct qk_additive *a)
{
  return counted (4 * a->n * a->d * a->h + 3 * a->n * a->n * a->h);
}

double
qk_additive_tanhs (const struct qk_additive *a)
{
  return counted (a->n * a->n * a->h);
}

double
qk_additive_parameters (const struct qk_additive *a)
{
  return counted (2 * a->d * a->h + a->h);
}

double
qk_additive_dot_parameters (const struct qk_additive *a)
{
  return counted (2 * a->d * a->d);
}

double
qk_additive_bytes (const struct qk_additive *a, double size)
{
  return counted (a->n * a->n * a->h * size);
}

/* ---- The angle --------------------------------------------------------------------------------*/

double
qk_cosine_cdf (double d, double x)
{
  if (x < -1 || x >= 1)
    return x >= 1;
  if (d == 1)
    return 0.5;
  /* cos^2 is Beta (1/2, (d-1)/2), and cos as often above 0 as below.  */
  double tail = gsl_cdf_beta_Q (x * x, 0.5, (d - 1) / 2) / 2;
  return x < 0 ? tail : 1 - tail;
}

double
qk_cosine_variance (double d)
{
  return 1 / d;
}
