/* heads_theory.c -- exact values of attention in several heads.  */

#include "heads_theory.h"

#include <math.h>

bool
qk_heads_divide (double D, double h)
{
  return fmod (D, h) == 0;
}

/* A product of whole numbers below 2^53, or NAN.  */
static double
product (double a, double b, double c)
{
  double x = a * b;
  x = x <= 0x1p53 ? x * c : NAN;
  return x <= 0x1p53 ? x : NAN;
}

static double
sum (double a, double b)
{
  return a + b <= 0x1p53 ? a + b : NAN;
}

/* Of W_Q and W_K, and of W_V and W_O, of one block: 2 D h d and 2 D^2.  */
static double
matrices (const struct qk_heads *s)
{
  return sum (product (2 * s->D, s->h, s->d), product (2, s->D, s->D));
}

double
qk_heads_parameters (const struct qk_heads *s)
{
  return product (s->layers, matrices (s), 1);
}

double
qk_heads_biases (const struct qk_heads *s)
{
  return product (s->layers, sum (product (2, s->h, s->d), 2 * s->D), 1);
}

double
qk_heads_operations (const struct qk_heads *s)
{
  double project = product (2, s->n, matrices (s)), square = product (2, s->n, s->n);
  double attend = product (square, sum (product (s->h, s->d, 1), s->D), 1);
  return product (s->layers, sum (project, attend), 1);
}

double
qk_heads_softmax_operations (const struct qk_heads *s)
{
  return product (s->layers, product (5 * s->h, s->n, s->n), 1);
}

double
qk_heads_weight_variance (enum qk_head_init init, const struct qk_heads *s)
{
  switch (init)
    {
    case QK_INIT_UNIT:
      return 1 / s->D;
    case QK_INIT_XAVIER:
      return 2 / (s->D + s->d);
    case QK_INIT_PACKED:
      return 1 / (s->D + s->h * s->d);
    default:
      return 1 / (3 * s->D);
    }
}

double
qk_heads_score_variance (enum qk_head_init init, const struct qk_heads *s, double square)
{
  double side = qk_heads_weight_variance (init, s) * s->D * square;
  return s->d * side * side;
}

double
qk_heads_score_rank (const struct qk_heads *s)
{
  return fmin (s->n, fmin (s->d, s->D));
}

double
qk_heads_pattern_rank (const struct qk_heads *s)
{
  return fmin (s->n - 1, fmin (s->d, s->D));
}

double
qk_heads_mixture (double heads, double n, double eps)
{
  double fall = eps / (n - 1), others = n - 2; /* e^-g */
  if (heads == 1)
    return 1 - 1 / (2 + others * fall * fall);
  /* Over the weight on the key: a = 1, c = e^-g.  */
  double square = fall * fall * others;
  return square / (2 * square + (1 + fall) * (1 + fall));
}
