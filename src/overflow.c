/* overflow.c -- exact probabilities that scores, their exponentials and the sum of those overflow.
 */

#include "overflow.h"
#include "theory.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sf_gamma.h>
#include <complex.h>
#include <math.h>
#include <stddef.h>

double
qk_overflow_log_limit (const struct qk_float_format *f)
{
  return (f->emax + 1) * M_LN2 + log1p (-f->unit / 2); /* largest + half its last place */
}

/* ---- Over the norm of the query -------------------------------------------------------------- */

/* The logarithm of a probability, given the deviation sigma of the scores.  */
typedef double log_value (double sigma, const void *what);

/* A mean over the norm.  With a = d/2, ||q||^2 = d e^t has the density

       sqrt (a / 2 pi) / Gamma* (a) exp (-a (e^t - 1 - t)),

   Gamma* the gamma function over Stirling's formula.  */
struct mean
{
  log_value *f;
  const void *what;
  double a, rms; /* rms: sigma at t = 0 */
  double peak;   /* ln of about the largest term */
};

static double
log_term (double t, const struct mean *m)
{
  return m->f (m->rms * exp (t / 2), m->what) - m->a * (expm1 (t) - t) - m->peak;
}

/* The sum over the nodes first + i step, outwards until they no longer count: the logarithm of a
   term is concave, or nearly so, and first need only be somewhere near its peak.  */
static double
sum_terms (double first, double step, const struct mean *m)
{
  double sum = exp (log_term (first, m));
  for (int side = -1; side <= 1; side += 2)
    for (double i = 1, last = 0, term = sum; term >= last || term > 1e-18 * sum; i++)
      {
        last = term;
        term = exp (log_term (first + side * i * step, m));
        sum += term;
      }
  return sum;
}

/* ln of the mean of exp (f).  The trapezoid rule converges geometrically: where halving the step
   changes 1e-7 of the value, or e^enough, the rest is far smaller.  Steps below 1e-3 are for
   nothing that occurs.  */
static double
log_mean (log_value *f, const void *what, const struct qk_overflow *o, double start, double step,
          double enough)
{
  struct mean m = { f, what, o->d / 2, o->deviation * sqrt (o->d), 0 };
  if (o->signs)
    return f (m.rms, what);
  m.peak = log_term (start, &m);
  double factor = sqrt (m.a / (2 * M_PI)) / gsl_sf_gammastar (m.a);
  double sum = step * sum_terms (start, step, &m), change;
  do
    {
      double between = step * sum_terms (start + step / 2, step, &m);
      change = fabs (between - sum) / 2;
      sum = (sum + between) / 2;
      step /= 2;
    }
  while (change > 1e-7 * sum && m.peak + log (change * factor) > enough && step > 1e-3);
  return m.peak + log (sum * factor);
}

/* Where, as t, the norm of a query is whose scores pass y deviations of a score, and how far apart
   the nodes may stand at first.  The density has the width 1 / sqrt (r/2 + y^2 d / 2r), and its
   product with a probability of n scores, which passes from 0 to 1 over about 2 / y^2, may not be
   narrower.  */
static double
start_of (double *step, double y, const struct qk_overflow *o)
{
  double a = o->d / 2, x = y * sqrt (o->d), r = a + hypot (a, x);
  double width = 1 / sqrt (r / 2 + x * (x / r) / 2);
  double passing = 2 * log (o->n + 1); /* y^2 where one of n is expected beyond y */
  *step = 0.9 * fmin (width, 0.6 / (1 + passing / 4));
  return log1p (x * (x / r) / o->d);
}

/* ---- The largest of n scores ----------------------------------------------------------------- */

struct largest
{
  double n, t, sides; /* sides: 2 for |s| */
};

/* ln (1 - (1 - p)^n), p = sides P(N > t / sigma).  */
static double
log_largest (double sigma, const void *what)
{
  const struct largest *w = what;
  double log_p = gsl_sf_log_erfc (w->t / sigma * M_SQRT1_2) - M_LN2 + log (w->sides);
  if (log_p < -60) /* (1 - p)^n = 1 - n p, to 1e-20 */
    return log (w->n) + log_p;
  return log (-expm1 (w->n * log1p (-fmin (exp (log_p), 1))));
}

/* So many deviations out, given any q that counts, no two of n scores are there, and their
   probabilities add up; and there log_mean would meet the rounding of t.  */
static const double FAR = 1e12;

static double
log_largest_mean (const struct qk_overflow *o, double t, double sides)
{
  struct largest what = { o->n, t, sides };
  if (t > FAR * o->deviation && !o->signs)
    return qk_score_log_tail (t / o->deviation, o->d) + log (sides) + log (o->n);
  double step, start = start_of (&step, t / (o->deviation * sqrt (o->d)), o);
  double value = log_mean (log_largest, &what, o, start, step, -INFINITY);
  return value > 0 ? 0 : value;
}

double
qk_overflow_log_score (const struct qk_overflow *o, double t)
{
  return log_largest_mean (o, t, 2);
}

double
qk_overflow_log_max (const struct qk_overflow *o, double t)
{
  return log_largest_mean (o, t, 1);
}

/* By halving ln deviation: the probability grows with it.  */
double
qk_overflow_deviation (const struct qk_overflow *o, double t, double p)
{
  struct qk_overflow trial = *o;
  double low = log (t) - 64, high = log (t) + 64, goal = log (p);
  while (high - low > 1e-11)
    {
      double middle = (low + high) / 2;
      trial.deviation = exp (middle);
      if (qk_overflow_log_score (&trial, t) < goal)
        low = middle;
      else
        high = middle;
    }
  return exp ((low + high) / 2);
}

/* ---- The sum of n exponentials --------------------------------------------------------------- */

/* With S the sum over e^log_t, X = exp (sigma z - log_t) one of its terms, and
   q (t) = 1 - E exp (-t X),

       P(S >= 1) = 1/(2 pi i) integral of e^t [1 - (1 - q (t))^n] dt / t

   over a path around the negative axis, on which q is cut.  The path is a hyperbola,
   t = m (1 + sin (iu - alpha)): |t| grows like exp |u|, so that both what is near 1 and what is far
   below count few nodes.  Its arms at an angle of pi/2 + alpha let e^t vanish; and for sums that
   hardly vary, where (1 - q)^n is like exp (-t + v t^2 / 2), they let that vanish too.  The
   trapezoid rule in u errs by exp (-2 pi alpha / step).

   Source: Weideman, Trefethen, Parabolic and hyperbolic contours for computing the Bromwich
   integral, Math. Comp. 76 (2007).  */
static const double ALPHA = M_PI / 8, PATH_STEP = 0.07, CROSSING = 1;

enum
{
  PER_UNIT = 8,            /* lattice points in a unit of ln X */
  LOWEST = -40 * PER_UNIT, /* ln |y| of the window in which y exp (-y) lives */
  HIGHEST = 17 * PER_UNIT / 4,
  FARTHEST = 14 * PER_UNIT, /* ln |t| */
  POINTS = FARTHEST + HIGHEST - LOWEST + 1,
  NARROW_SIDE = 29, /* nodes on one side of z = 0 */
  LEGENDRE = 16
};

static const double REACH = 9, WIDE = 0.75;

/* One law of the scores: what q needs.  */
struct scores
{
  double sigma, log_t, n;
  double complex above[2][POINTS]; /* P(N > x / sigma) at ln X = lattice, and at that - i pi/2 */
};

/* What is the same for all sigma.  */
struct sum
{
  const struct qk_overflow *o;
  double log_t;
  gsl_integration_glfixed_table *legendre;
};

/* P(N > z - i tau) = P(N > z) + i integral over 0 < s < tau of phi (z - i s).  */
static double complex
normal_above (double z, double tau, const gsl_integration_glfixed_table *legendre)
{
  double complex sum = 0;
  double tail = erfc (z * M_SQRT1_2) / 2, s, weight;
  if (fabs (z) > 12)
    return tail;
  for (size_t i = 0; i < LEGENDRE; i++)
    {
      gsl_integration_glfixed_point (0, tau, i, &s, &weight, legendre);
      sum += weight * exp ((s * s - z * z) / 2) * cexp (I * z * s);
    }
  return tail + I * sum / sqrt (2 * M_PI);
}

/* x of lattice point k.  */
static double
lattice (int k, const struct scores *law)
{
  return (floor (law->log_t * PER_UNIT) + LOWEST - FARTHEST + k) / PER_UNIT;
}

static void
make_scores (struct scores *law, double sigma, const struct sum *sum)
{
  law->sigma = sigma;
  law->log_t = sum->log_t;
  law->n = sum->o->n;
  for (int k = 0; k < POINTS && sigma >= WIDE; k++)
    {
      double z = lattice (k, law) / sigma;
      law->above[0][k] = erfc (z * M_SQRT1_2) / 2;
      law->above[1][k] = normal_above (z, M_PI_2 / sigma, sum->legendre);
    }
}

static double complex
complex_expm1 (double complex z)
{
  double half = sin (cimag (z) / 2), e = exp (creal (z));
  return expm1 (creal (z)) * cos (cimag (z)) - 2 * half * half + I * e * sin (cimag (z));
}

static double complex
complex_log1p (double complex z)
{
  double x = creal (z), y = cimag (z);
  return log1p (2 * x + x * x + y * y) / 2 + I * atan2 (y, 1 + x);
}

/* A narrow law: trapezoid in z.  Where the real part of t is negative exp (-t X) is large far out;
   but z stops short of where that would count.  */
static double complex
narrow_q (double complex t, const struct scores *law)
{
  double step = REACH / NARROW_SIDE;
  double complex q = 0;
  for (int i = -NARROW_SIDE; i <= NARROW_SIDE; i++)
    {
      double z = i * step;
      q -= exp (-z * z / 2) * complex_expm1 (-t * exp (law->sigma * z - law->log_t));
    }
  return q * step / sqrt (2 * M_PI);
}

/* A wide law: by parts, with y = t X,

       q = integral of P(N > x / sigma) y exp (-y) dx,   x = ln X + log_t,

   by trapezoid in x: analytic for |arg y| < pi/2, so where arg t is large the path of x is shifted
   by -i pi/2.  */
static double complex
wide_q (double complex t, const struct scores *law)
{
  double angle = carg (t), size = log (cabs (t)) - law->log_t;
  int shifted = angle > M_PI_4, first = 0;
  double complex q = 0, turn = cexp (I * (shifted ? angle - M_PI_2 : angle));
  while (first < POINTS && (lattice (first, law) + size) * PER_UNIT < LOWEST)
    first++;
  for (int k = first; k < POINTS; k++)
    {
      double x = lattice (k, law) + size;
      if (x * PER_UNIT > HIGHEST)
        break;
      double complex y = exp (x) * turn;
      q += law->above[shifted][k] * y * cexp (-y);
    }
  return q / PER_UNIT;
}

static double complex
log_factor (double complex t, const struct scores *law) /* n ln (1 - q) */
{
  return law->n * complex_log1p (-(law->sigma < WIDE ? narrow_q (t, law) : wide_q (t, law)));
}

/* Whether P(S < 1) is surely below e^-32, by Chernoff's inequality at some t.  */
static bool
surely_above (const struct scores *law)
{
  for (double t = 1; t < exp (FARTHEST / PER_UNIT); t *= 2)
    if (t + creal (log_factor (t, law)) < -32)
      return true;
  return false;
}

static double
invert (const struct scores *law)
{
  double m = CROSSING / (1 - sin (ALPHA)), sum = 0;
  for (double i = 0, size = 1; size > 1e-17; i++)
    {
      double u = i * PATH_STEP;
      double complex t = m * (1 - sin (ALPHA) * cosh (u) + I * cos (ALPHA) * sinh (u));
      double complex slope = m * (-sin (ALPHA) * sinh (u) + I * cos (ALPHA) * cosh (u));
      if (log (cabs (t)) > FARTHEST / PER_UNIT)
        break;
      double complex f = log_factor (t, law), left = cexp (t + f); /* e^t (1 - q)^n */
      double complex rest = creal (f) < 1 ? -cexp (t) * complex_expm1 (f) : cexp (t) - left;
      sum += cimag (rest / t * slope) * (i == 0 ? 0.5 : 1);
      size = fmax (exp (creal (t)), cabs (left));
    }
  return sum * PATH_STEP / M_PI;
}

static double
log_sum (double sigma, const void *what)
{
  const struct sum *sum = what;
  struct largest one = { sum->o->n, sum->log_t, 1 }, all = one;
  all.t -= log (sum->o->n);
  double log_least = log_largest (sigma, &one), log_most = log_largest (sigma, &all);
  if (log_most < -40 || log_least > -1e-15)
    return log_least;
  struct scores law;
  make_scores (&law, sigma, sum);
  double value = surely_above (&law) ? 1 : invert (&law);
  return log (fmin (fmax (value, exp (log_least)), exp (log_most)));
}

double
qk_overflow_sum (const struct qk_overflow *o, double log_t)
{
  struct sum sum = { o, log_t, gsl_integration_glfixed_table_alloc (LEGENDRE) };
  if (!sum.legendre)
    return NAN;
  double least = exp (qk_overflow_log_max (o, log_t));
  double most = exp (qk_overflow_log_max (o, log_t - log (o->n)));
  double step, start = start_of (&step, log_t / (o->deviation * sqrt (o->d)), o);
  double value = exp (log_mean (log_sum, &sum, o, start, step, log (1e-14)));
  gsl_integration_glfixed_table_free (sum.legendre);
  return value < least ? least : value > most ? most : value;
}
