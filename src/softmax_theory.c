/* softmax_theory.c -- exact values of the softmax of n independent normal scores.

   Let y = exp (v + x), x ~ N(0, sigma^2), and, as functions of v,

       L = E exp (-y),   A_k = E y^k exp (-y),   B_k = E z y^k exp (-y),   C = E z^2 y^2 exp (-y),

   z = x / sigma.  With 1 / S^k = integral of t^(k-1) exp (-t S) / (k-1)! and t = exp v, every
   moment of p is an integral over v of products of these with the powers of L that the other scores
   contribute.  The trapezoidal rule converges geometrically: what limits the step is the factor
   |Gamma (k + i omega)| ~ exp (-pi omega / 2) of the spectrum of y^k exp (-y), at
   omega = 2 pi / step; step 1/4 leaves exp (-4 pi^2).  */

#include "softmax_theory.h"

#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>
#include <complex.h>
#include <math.h>
#include <string.h>

#define REACH 9.0 /* deviations beyond which a normal value is left out: 1e-19 */

/* ---- Powers of L: all that n enters.  */

/* w[k] = E m (m-1) ... (m-k+1) L^(m-k), k <= top <= 3, over row lengths m.  L and q = 1 - L are
   both given, so that neither loses digits.

   Causal, the sums T_k = sum over m of binomial (m, k) L^(m-k) follow from

       q T_k = T_(k-1) - binomial (n+1, k) L^(n+1-k),   T_(-1) = 1,

   which cancels for small n q; there T_k = sum over j of (-q)^j binomial (k+j, k)
   binomial (n+1, k+j+1).  */
static void
length_sums (double w[4], unsigned top, double l, double q, const struct qk_softmax_rows *rows)
{
  double n = rows->n, log_l = q < 0.5 ? log1p (-q) : log (l);
  if (!rows->causal)
    {
      unsigned k = n < top ? (unsigned)n : top;
      double power = n > k ? exp ((n - k) * log_l) : 1;
      double falling[4] = { 1, n, n * (n - 1), n * (n - 1) * (n - 2) };
      for (unsigned i = k + 1; i <= top; i++)
        w[i] = 0;
      for (w[k] = falling[k] * power; k-- > 0;)
        w[k] = falling[k] * (power *= l);
      return;
    }
  double last = 1, power = exp ((n + 1) * log_l); /* T_(k-1), L^(n+1-k) */
  double choose = 1, factorial = 1;
  for (unsigned k = 0; k <= top; k++)
    {
      double sum = 0;
      if ((n + 1) * q < 1)
        {
          double term = choose * (n + 1 - k) / (k + 1);
          for (unsigned j = 0; fabs (term) > 1e-18 * sum; j++)
            {
              sum += term;
              term *= -q * (k + j + 1) / (j + 1) * (n - k - j) / (k + j + 2);
            }
        }
      else
        sum = (last - choose * power) / q;
      power = l > 0 ? power / l : n == k ? 1 : 0;
      w[k] = (k > 0 ? factorial * sum : l * (sum - power)) / n; /* k = 0: without m = 0 */
      last = sum;
      choose *= (n + 1 - k) / (k + 1);
      factorial *= k + 1;
    }
}

/* As w[1] above, but for rows of at least two scores: those of one are certain to be saturated, and
   the integral over v of their weight diverges.  */
static double
log_long_rows (double l, double q, const struct qk_softmax_rows *rows)
{
  double w[4], n = rows->n;
  if (!rows->causal)
    return log (n) + (n - 1) * (q < 0.5 ? log1p (-q) : log (l));
  struct qk_softmax_rows shorter = { n - 1, true };
  length_sums (w, 1, l, q, &shorter); /* sum of m L^(m-1) = L sum of (m L^(m-1) + L^(m-1)) */
  return log ((l * w[1] + w[0]) * (n - 1) / n);
}

/* ---- The functions of v.  */

enum
{
  MAX_POINTS = 1024, /* of v: at most 4 (18 sigma + 47 + ln n), sigma = 8, n = 2^20 */
  PER_UNIT = 4,      /* lattice points in a unit of ln y */
  LOWEST = -40 * PER_UNIT,
  WINDOW = 44 * PER_UNIT + 2 /* ln y from -40 to 4.25: beyond, y exp (-y) is below 1e-17 */
};

struct point
{
  double v, l, q; /* q = 1 - L */
  double a1, a2, a3, a4, b1, b2, c;
  double centre; /* b and c are with ln (y) - centre in place of sigma z: J is blind to the shift */
};

struct curve
{
  unsigned count;
  double step; /* of v */
  struct point at[MAX_POINTS];
};

/* y^k exp (-y), k = 0, ..., 4.  */
static void
powers (double f[static 5], double y)
{
  f[0] = exp (-y);
  for (unsigned k = 1; k <= 4; k++)
    f[k] = f[k - 1] * y;
}

/* A narrow law: trapezoid in z, which is enough where exp (v + sigma z) changes slowly.  */
static void
narrow_curve (struct curve *c, double first, double sigma)
{
  enum
  {
    SIDE = 29,
    NODES = 2 * SIDE + 1
  };
  static const double step = REACH / SIDE;
  double z[NODES], weight[NODES], factor[NODES];
  for (int i = 0; i < NODES; i++)
    {
      z[i] = (i - SIDE) * step;
      weight[i] = step / sqrt (2 * M_PI) * exp (-z[i] * z[i] / 2);
      factor[i] = exp (sigma * z[i]);
    }
  for (unsigned j = 0; j < c->count; j++)
    {
      double v = first + j * c->step, exp_v = exp (v);
      struct point sum = { .v = v, .centre = v };
      for (int i = 0; i < NODES; i++)
        {
          double f[5], y = exp_v * factor[i];
          powers (f, y);
          sum.l += weight[i] * f[0];
          sum.q += weight[i] * (y < 0.5 ? -expm1 (-y) : 1 - f[0]);
          sum.a1 += weight[i] * f[1];
          sum.a2 += weight[i] * f[2];
          sum.a3 += weight[i] * f[3];
          sum.a4 += weight[i] * f[4];
          sum.b1 += weight[i] * z[i] * f[1];
          sum.b2 += weight[i] * z[i] * f[2];
          sum.c += weight[i] * z[i] * z[i] * f[2];
        }
      c->at[j] = sum;
    }
}

/* How the normal law lies at a distance z from its mean, in steps of ln y.  */
struct normal
{
  double density, below, above;
};

static struct normal
normal_at (double z, double step)
{
  if (fabs (z) > REACH + 1)
    return (struct normal){ 0, z > 0, z < 0 };
  double tail = erfc (fabs (z) * M_SQRT1_2) / 2;
  return (struct normal){ step / sqrt (2 * M_PI) * exp (-z * z / 2), z > 0 ? 1 - tail : tail,
                          z > 0 ? tail : 1 - tail };
}

/* A wide law: trapezoid in ln y = v + x over the window in which y exp (-y) lives.  The step of v
   is a multiple of that of ln y, so the functions of y are tabulated once, and the normal law
   slides along.  By parts, L = integral of P(x < ln y - v) y exp (-y) d ln y, and 1 - L likewise,
   in which 1 - exp (-y) and its long right side do not occur.  */
static void
wide_curve (struct curve *c, double first, double sigma, unsigned stride)
{
  double f[WINDOW][5], u[WINDOW];
  struct normal law[WINDOW];
  for (unsigned i = 0; i < WINDOW; i++)
    {
      u[i] = (LOWEST + (int)i) / (double)PER_UNIT;
      powers (f[i], exp (u[i]));
      u[i] /= sigma;
    }
  for (unsigned j = 0; j < c->count; j++)
    {
      struct point sum = { .v = first + j * c->step };
      unsigned fresh = j == 0 || stride > WINDOW ? WINDOW : stride;
      memmove (law + fresh, law, (WINDOW - fresh) * sizeof *law);
      for (unsigned i = 0; i < fresh; i++)
        law[i] = normal_at (sum.v / sigma - u[i], 1 / (PER_UNIT * sigma));
      for (unsigned i = 0; i < WINDOW; i++)
        {
          double weight = law[i].density, first_power = f[i][1] / PER_UNIT;
          sum.q += law[i].below * first_power;
          sum.l += law[i].above * first_power;
          sum.a1 += weight * f[i][1];
          sum.a2 += weight * f[i][2];
          sum.a3 += weight * f[i][3];
          sum.a4 += weight * f[i][4];
          sum.b1 += weight * u[i] * f[i][1];
          sum.b2 += weight * u[i] * f[i][2];
          sum.c += weight * u[i] * u[i] * f[i][2];
        }
      c->at[j] = sum;
    }
}

/* From where n y is negligible to where L is.  */
static void
make_curve (struct curve *c, double n, double sigma)
{
  bool wide = sigma >= 0.75;
  unsigned stride = sigma < 8 ? 1 : (unsigned)(sigma / 4); /* keeps the step below sigma / 16 */
  c->step = wide ? stride / (double)PER_UNIT : 1. / 8;     /* 1/8: for the contour of above */
  double first = floor (-REACH * sigma - log (n) - 40), last = REACH * sigma + 5;
  c->count = (unsigned)((last - first) / c->step) + 1;
  if (wide)
    wide_curve (c, first, sigma, stride);
  else
    narrow_curve (c, first, sigma);
}

/* ---- Values at one sigma.  */

static void
integrate (struct qk_softmax_moments *m, const struct curve *curve,
           const struct qk_softmax_rows *rows, double sigma)
{
  memset (m, 0, sizeof *m);
  for (unsigned j = 0; j < curve->count; j++)
    {
      const struct point *p = &curve->at[j];
      double w[4];
      length_sums (w, 3, p->l, p->q, rows);
      for (unsigned k = 0; k <= 3; k++)
        w[k] *= curve->step;
      double pair = p->a2 * p->a2 * w[2], triple = p->a2 * p->a1 * p->a1 * w[3];
      m->participation += p->a2 * w[1];
      m->cubes += p->a3 * w[1] / 2;
      m->fourths += p->a4 * w[1] / 6;
      m->participation_square += p->a4 * w[1] / 6 + pair / 6;
      m->jacobian_trace += p->a1 * p->a1 * w[2];
      m->jacobian_square += pair / 3 + triple / 6;
      m->along_square
          += (p->c * p->a2 - p->b2 * p->b2) * w[2] / 3
             + (p->c * p->a1 * p->a1 - 2 * p->b2 * p->b1 * p->a1 + p->a2 * p->b1 * p->b1) * w[3]
                   / 6;
      m->entropy -= ((p->centre + M_EULER) * p->a1 + sigma * p->b1) * w[1];
      m->log_sum_exp += curve->step * p->l - w[0];
    }
}

/* Nodes and weights of Gauss and Legendre on [-1, 1], by Newton's method.  */
enum
{
  ORDER = 12
};

static void
gauss_legendre (double x[static ORDER], double weight[static ORDER])
{
  for (unsigned i = 0; i < ORDER; i++)
    {
      double slope = 0;
      x[i] = cos (M_PI * (i + 0.75) / (ORDER + 0.5));
      for (unsigned round = 0; round < 6; round++)
        {
          double below = 0, here = 1;
          for (unsigned k = 0; k < ORDER; k++)
            {
              double above = ((2 * k + 1) * x[i] * here - k * below) / (k + 1);
              below = here;
              here = above;
            }
          slope = ORDER * (x[i] * here - below) / (x[i] * x[i] - 1);
          x[i] -= here / slope;
        }
      weight[i] = 2 / ((1 - x[i] * x[i]) * slope * slope);
    }
}

/* 1 - E max p = integral of phi(z) w exp (-w) [m Phi(z)^(m-1) - m G^(m-1)] dz d ln w, averaged over
   lengths m, and 1 - E (max p)^2 has w^2 in place of w.  G is the mean over x_j below the largest,
   sigma z, of exp (-w exp (x_j - sigma z)):

       G = Phi(z) - integral over u > 0 of phi_sigma (sigma z - u) (1 - exp (-w exp (-u))).  */
static void
max_weight (struct qk_softmax_moments *m, const struct qk_softmax_rows *rows, double sigma)
{
  enum
  {
    PANELS = 5,
    NODES = PANELS * ORDER,
    MAX_W = 128
  };
  /* In units of min (sigma, 1): on both scales a panel is a short piece, or negligible.  */
  static const double edge[PANELS + 1] = { 0, 2.5, 5.5, 10, 18, 40 };
  double unit = fmin (sigma, 1), rate = fmin (1 / sigma, 1); /* of u and of z, a unit of edge */
  double x[ORDER], weight[ORDER], t[NODES], share[NODES], w[MAX_W], missing[NODES][MAX_W];
  gauss_legendre (x, weight);
  for (unsigned i = 0; i < NODES; i++)
    {
      double half = (edge[i / ORDER + 1] - edge[i / ORDER]) / 2;
      t[i] = edge[i / ORDER] + half * (1 + x[i % ORDER]);
      share[i] = half * weight[i % ORDER] * rate / sqrt (2 * M_PI);
    }

  double n = rows->n, step_z = 1 / (3 + log (n)), step = 1. / PER_UNIT;
  double lowest = -19 - log (n) / 2; /* of ln w: the bracket is below n w */
  unsigned count = (unsigned)((4.25 - lowest) / step) + 1;
  for (unsigned j = 0; j < count; j++)
    w[j] = exp (lowest + j * step);
  for (unsigned i = 0; i < NODES; i++)
    for (unsigned j = 0; j < count; j++)
      missing[i][j] = -expm1 (-w[j] * exp (-unit * t[i]));

  double sum = 0, squares = 0;
  for (int k = -(int)(REACH / step_z); k * step_z < REACH; k++)
    {
      double z = k * step_z, power[4], lost[MAX_W] = { 0 };
      double above = erfc (z * M_SQRT1_2) / 2, below = erfc (-z * M_SQRT1_2) / 2;
      double density = exp (-z * z / 2) / sqrt (2 * M_PI);
      length_sums (power, 1, below, above, rows);
      double whole = power[1];
      if (density * whole < 1e-18)
        continue;
      for (unsigned i = 0; i < NODES; i++)
        {
          double distance = z - rate * t[i], factor = share[i] * exp (-distance * distance / 2);
          for (unsigned j = 0; factor > 1e-20 && j < count; j++)
            lost[j] += factor * missing[i][j];
        }
      for (unsigned j = 0; j < count; j++)
        {
          length_sums (power, 1, fmax (below - lost[j], 0), fmin (above + lost[j], 1), rows);
          double inner = density * w[j] * exp (-w[j]) * (whole - power[1]);
          sum += inner;
          squares += inner * w[j];
        }
    }
  m->max_weight = 1 - sum * step * step_z;
  m->max_weight_square = 1 - squares * step * step_z;
}

/* P(max p > u) = m P(x_1 - ln S > g), g = ln (u / (1 - u)), S the sum of the other exp x_j,
   averaged over lengths m.  By the transforms of x_1 and of ln S, E S^(-s) = M(s) / Gamma(s),

       m / (2 pi) integral of exp (-s g + s^2 sigma^2 / 2) M(s) / Gamma(s + 1) d Im s,
       M(s) = integral of exp (s v) L^(m-1) dv,

   on the line through the real saddle point c.  On it Gamma falls like exp (-pi Im s / 2), and M
   with it, by cancellation; the error is about exp (pi^2 / (8 sigma^2)) u times the value of the
   integrand at c.  What M misses left of the curve takes an x_1 beyond REACH.  */
static double
above (const struct curve *curve, const struct qk_softmax_rows *rows, double sigma, double u)
{
  double n = rows->n, gap = log (u / (1 - u)), single = rows->causal ? 1 / n : 0;
  double least = rows->causal ? 2 : n;
  if (n == 1)
    return 1;
  /* The geometric mean is below the arithmetic one: ln S >= ln (m - 1) + mean x_j.  */
  double z = (gap + log (least - 1)) / (sigma * sqrt (least / (least - 1)));
  if (sigma == 0 || n * erfc (z * M_SQRT1_2) < 1e-18)
    return single;
  if (sigma < 0.5 && u < 0.9)
    return NAN;

  double log_weight[MAX_POINTS], weight[MAX_POINTS], h = curve->step;
  for (unsigned j = 0; j < curve->count; j++)
    log_weight[j] = log_long_rows (curve->at[j].l, curve->at[j].q, rows);

  /* The saddle point, where the derivative of the logarithm rises through 0, to a few per cent.  */
  double low = 0.1 / sigma, high = (gap + log (n) + sigma * (sigma + 3)) / (sigma * sigma);
  double c = 0, scale = 0;
  while (high > 1.03 * low)
    {
      double total = 0, mean = 0;
      c = sqrt (low * high);
      scale = -INFINITY;
      for (unsigned j = 0; j < curve->count; j++)
        scale = fmax (scale, log_weight[j] + c * curve->at[j].v);
      for (unsigned j = 0; j < curve->count; j++)
        {
          weight[j] = exp (log_weight[j] + c * curve->at[j].v - scale);
          total += weight[j];
          mean += weight[j] * curve->at[j].v;
        }
      if (c * sigma * sigma - gap + mean / total > gsl_sf_psi (c + 1))
        high = c;
      else
        low = c;
    }

  /* A step adds what belongs to g - k b, times exp (-c k b), b = 2 pi / step, k = 1, -1, 2, ...:
     for k = 1 that is exp (-16 pi), for k = -1 about exp (c b - b^2 / (4 sigma^2)).  The normal
     factor bounds the rest of the line.  */
  double step = fmin (1 / (5 * sigma), c / 8), sum = 0;
  double at_saddle = c * c * sigma * sigma / 2 - gsl_sf_lngamma (c + 1);
  for (double omega = 0;; omega += step)
    {
      gsl_sf_result log_gamma, angle;
      if (gsl_sf_lngamma_complex_e (c + 1, omega, &log_gamma, &angle))
        return NAN;
      double size = (c * c - omega * omega) * sigma * sigma / 2 - log_gamma.val;
      if (size < at_saddle - 40)
        break;
      double complex turn = cexp (I * omega * h), total = 0;
      for (unsigned j = curve->count; j-- > 0;)
        total = total * turn + weight[j];
      double phase = omega * (c * sigma * sigma - gap + curve->at[0].v) - angle.val;
      sum += (omega > 0 ? 2 : 1) * exp (size - c * gap + scale) * creal (total * cexp (I * phase));
    }
  return single + sum * step * h / (2 * M_PI);
}

static void
all_nan (struct qk_softmax_moments *m)
{
  double value[QK_SOFTMAX_VALUES];
  for (unsigned v = 0; v < QK_SOFTMAX_VALUES; v++)
    value[v] = NAN;
  memcpy (m, value, sizeof value);
}

static bool
known (const struct qk_softmax_rows *rows, double sigma)
{
  return rows->n >= 1 && rows->n == floor (rows->n) && rows->n <= 0x1p20 && sigma >= 0
         && sigma <= 0x1p20;
}

void
qk_softmax_moments (struct qk_softmax_moments *m, const struct qk_softmax_rows *rows, double sigma)
{
  struct curve curve;
  if (!known (rows, sigma))
    {
      all_nan (m);
      return;
    }
  if (rows->n == 1)
    {
      *m = (struct qk_softmax_moments){ .participation = 1,
                                        .cubes = 1,
                                        .fourths = 1,
                                        .participation_square = 1,
                                        .max_weight = 1,
                                        .max_weight_square = 1,
                                        .saturated = 1,
                                        .saturated_99 = 1 };
      return;
    }
  make_curve (&curve, rows->n, sigma);
  integrate (m, &curve, rows, sigma);
  max_weight (m, rows, sigma);
  m->saturated = above (&curve, rows, sigma, 0.9);
  m->saturated_99 = above (&curve, rows, sigma, 0.99);
}

double
qk_softmax_above (const struct qk_softmax_rows *rows, double sigma, double u)
{
  struct curve curve;
  if (!known (rows, sigma) || !(u >= 0.5 && u <= 0.9999))
    return NAN;
  make_curve (&curve, rows->n, sigma);
  return above (&curve, rows, sigma, u);
}

/* ---- Two rows.  */

/* f (l), the density of l = x_1 - ln S, S the sum of the other exp x_j, so that p_1 = 1 / (1 +
   exp (-l)), at equal steps.  */
struct density
{
  unsigned count;
  double first, step, *f;
};

/* F (z) = E exp (z l) = exp (z^2 sigma^2 / 2) M (z) / Gamma (z), as above; M goes on to the left of
   the curve, where L = 1, as a geometric series.  */
static double complex
transform (const struct curve *curve, double n, double sigma, double complex z)
{
  double h = curve->step, first = curve->at[0].v;
  double complex turn = cexp (z * h), factor = cexp (z * first), sum = 0;
  gsl_sf_result log_gamma, angle;
  if (gsl_sf_lngamma_complex_e (creal (z), cimag (z), &log_gamma, &angle))
    return NAN;
  double complex whole = factor / (turn - 1);
  for (unsigned j = 0; j < curve->count; j++)
    {
      const struct point *p = &curve->at[j];
      double log_l = p->q < 0.5 ? log1p (-p->q) : log (p->l);
      sum += exp ((n - 1) * log_l) * cexp (z * (p->v - first));
    }
  whole += factor * sum;
  return h * whole * cexp (z * z * sigma * sigma / 2 - log_gamma.val - I * angle.val);
}

/* f by the inverse transform on a line near the imaginary axis, for f does not fall fast on
   either side; E exp (z l) is analytic there, and falls as exp (-omega^2 sigma^2 / 2).  */
static void
invert (struct density *d, const struct curve *curve, double n, double sigma)
{
  double range = d->count * d->step, line = 0.25 / fmax (sigma, 1);
  double omega_step = 2 * M_PI / (1.2 * range + 8);
  for (unsigned i = 0; i < d->count; i++)
    d->f[i] = 0;
  for (double omega = 0; omega * sigma < REACH; omega += omega_step)
    {
      double complex z = line + I * omega, turn = cexp (-z * d->step);
      double complex term = transform (curve, n, sigma, z) * cexp (-z * d->first);
      term *= (omega > 0 ? 2 : 1) * omega_step / (2 * M_PI);
      for (unsigned i = 0; i < d->count; i++, term *= turn)
        d->f[i] += creal (term);
    }
}

/* What a key adds to the divergence.  */
static double
divergence_of (double p, double q)
{
  double x = fabs (p - q) / (p + q);
  return (p + q) / 4 * ((1 + x) * log1p (x) + (x < 1 ? (1 - x) * log1p (-x) : 0));
}

double
qk_softmax_divergence (double n, double sigma)
{
  enum
  {
    MOST = 2048
  };
  struct curve curve;
  double f[MOST], p[MOST], sum = 0;
  const struct qk_softmax_rows rows = { .n = n };
  if (!known (&rows, sigma) || n > 4096 || (sigma != 0 && (sigma < 0.5 || sigma > 32)))
    return NAN;
  if (n == 1 || sigma == 0)
    return 0;
  make_curve (&curve, n, sigma);
  struct density d = { .step = 0.5 * fmin (sigma, 1), .first = -13 * sigma - log (n), .f = f };
  d.count = (unsigned)((13 * sigma - d.first) / d.step) + 1;
  invert (&d, &curve, n, sigma);
  for (unsigned i = 0; i < d.count; i++)
    p[i] = 1 / (1 + exp (-(d.first + i * d.step)));
  for (unsigned i = 0; i < d.count; i++)
    {
      double row = 0;
      for (unsigned j = 0; j < i; j++)
        row += f[j] * divergence_of (p[i], p[j]);
      sum += f[i] * row;
    }
  return 2 * n * d.step * d.step * sum;
}

/* ---- Mixing over the norm of the query.  */

/* ln ||q|| = ln (d) / 2 + x has a density in proportion to exp (d (x - expm1 (2 x) / 2)).  A
   trapezoidal rule divided by its sum needs no gamma function, which would cost digits for large d.
   The spectrum of the density falls as exp (-pi omega / 4) for small d, and as that of a normal law
   of deviation sqrt (1 / (2 d)) for large d.  */
static double
norm_step (double d)
{
  return fmin (0.4 / sqrt (2 * d), 0.125);
}

static double
norm_log_density (double x, double d)
{
  return d * (x - expm1 (2 * x) / 2);
}

/* The lattice point beyond which the density is negligible, on the side of the sign of step.  */
static double
norm_end (double step, double d)
{
  double x = 0;
  while (norm_log_density (x, d) > -38)
    x += step;
  return x;
}

void
qk_softmax_range (double *lo, double *hi, double c, double d)
{
  *lo = *hi = NAN;
  if (!(c > 0 && d >= 1))
    return;
  double step = norm_step (d);
  *lo = c * sqrt (d) * exp (norm_end (-step, d));
  *hi = c * sqrt (d) * exp (norm_end (step, d));
}

static double
position (double sigma)
{
  return asinh (sigma);
}

void
qk_softmax_table (struct qk_softmax_table *t, const struct qk_softmax_rows *rows, double lo,
                  double hi)
{
  struct qk_softmax_moments at;
  double value[QK_SOFTMAX_VALUES];
  *t = (struct qk_softmax_table){ .rows = *rows, .lo = position (lo), .hi = position (hi) };
  double nodes = 15 + 15 * (t->hi - t->lo);
  t->count = nodes < QK_SOFTMAX_NODES ? (unsigned)nodes : QK_SOFTMAX_NODES;
  for (unsigned i = 0; i < t->count; i++)
    {
      double x = cos (M_PI * (i + 0.5) / t->count);
      double sigma = sinh ((t->lo + t->hi) / 2 + x * (t->hi - t->lo) / 2);
      qk_softmax_moments (&at, rows, sigma);
      memcpy (value, &at, sizeof value);
      for (unsigned k = 0; k < t->count; k++)
        {
          double weight = (k > 0 ? 2. : 1.) / t->count * cos (M_PI * k * (i + 0.5) / t->count);
          for (unsigned v = 0; v < QK_SOFTMAX_VALUES; v++)
            t->coefficient[k][v] += weight * value[v];
        }
    }
}

void
qk_softmax_mix (struct qk_softmax_moments *m, const struct qk_softmax_table *t, double c, double d)
{
  double lo, hi, value[QK_SOFTMAX_VALUES] = { 0 }, mean[QK_SOFTMAX_NODES] = { 0 }, total = 0;
  qk_softmax_range (&lo, &hi, c, d);
  if (!(position (lo) >= t->lo - 1e-12 && position (hi) <= t->hi + 1e-12))
    {
      all_nan (m);
      return;
    }
  double step = norm_step (d), first = norm_end (-step, d), last = norm_end (step, d);
  for (double x = first; x < last + step / 2; x += step)
    {
      double weight = exp (norm_log_density (x, d));
      double at = (2 * position (c * sqrt (d) * exp (x)) - t->lo - t->hi) / (t->hi - t->lo);
      double below = at, here = 1; /* of the polynomials of Chebyshev */
      for (unsigned k = 0; k < t->count; k++)
        {
          mean[k] += weight * here;
          double next = 2 * at * here - below;
          below = here;
          here = next;
        }
      total += weight;
    }
  for (unsigned k = 0; k < t->count; k++)
    for (unsigned v = 0; v < QK_SOFTMAX_VALUES; v++)
      value[v] += mean[k] / total * t->coefficient[k][v];
  memcpy (m, value, sizeof *m);
}

double
qk_softmax_gradient_square (const struct qk_softmax_moments *m, double c, double d)
{
  return c * c * ((d - 1) * m->jacobian_square + m->along_square);
}

/* ---- Freezing.  */

double
qk_softmax_gap_density (double n)
{
  const struct qk_softmax_rows rows = { .n = n };
  double sum = 0, step = 1. / 32;
  for (double z = -REACH; z <= REACH; z += step)
    {
      double w[4];
      length_sums (w, 2, erfc (-z * M_SQRT1_2) / 2, erfc (z * M_SQRT1_2) / 2, &rows);
      sum += exp (-z * z) * w[2];
    }
  return step / (2 * M_PI) * sum;
}

double
qk_softmax_freezing (double n)
{
  return sqrt (2 * log (n));
}
