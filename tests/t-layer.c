/* t-layer.c -- attention layers forward and backward: known losses, finite differences, reference
   tensors of another program (QK_TEST_DATA), what symmetric scores cannot do; the optimizers.  */

#include "layer.h"
#include "lanes/kernels.h"
#include "support.h"

#include <dirent.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static const struct qk_kernels *kernels;

static double *
array (size_t n)
{
  double *x = aligned_alloc (QK_ALIGN, (n * sizeof *x / QK_ALIGN + 1) * QK_ALIGN);
  ck_assert (x != NULL);
  memset (x, 0, n * sizeof *x);
  return x;
}

static double
normal_like (uint64_t *state)
{
  double sum = 0;
  for (int i = 0; i < 4; i++)
    sum += (double)(int64_t)next (state) * 0x1p-63;
  return sum * 0.866;
}

/* A table (n by d) by rows to one by coordinates, and back.  */
static void
by_coordinates (double *table, const double *x, size_t n, size_t d, size_t w)
{
  for (size_t i = 0; i < d; i++)
    for (size_t a = 0; a < w; a++)
      table[i * w + a] = a < n ? x[a * d + i] : 0;
}

static void
by_rows (double *x, const double *table, size_t n, size_t d, size_t w)
{
  for (size_t a = 0; a < n; a++)
    for (size_t i = 0; i < d; i++)
      x[a * d + i] = table[i * w + a];
}

/* ---- Any model --------------------------------------------------------------------------------
 */

/* One of the three kinds of pass, with all it needs.  */
struct model
{
  const struct qk_layer *layer;
  const struct qk_examples *examples;
  const struct qk_mixture *mixture;
};

static size_t
room_of (const struct model *m)
{
  return m->layer      ? qk_layer_room (m->layer)
         : m->examples ? qk_examples_room (m->examples)
                       : qk_mixture_room (m->mixture);
}

static size_t
parameters_of (const struct model *m)
{
  return m->layer      ? qk_layer_parameters (m->layer)
         : m->examples ? 2 * m->examples->d * m->examples->D
                       : qk_mixture_parameters (m->mixture);
}

static int
pass (double *loss, double *gradient, double *accuracy, const double *w, const struct model *m,
      double *room)
{
  if (m->layer)
    return qk_layer_pass (loss, gradient, accuracy, w, m->layer, kernels, room);
  if (m->examples)
    return qk_examples_pass (loss, gradient, accuracy, w, m->examples, kernels, room);
  return qk_mixture_pass (loss, gradient, accuracy, w, m->mixture, kernels, room);
}

/* Whether parameter i belongs to a token, coordinate or number that there is.  */
static bool
real (const struct model *m, size_t i)
{
  if (m->layer)
    {
      const struct qk_layer *l = m->layer;
      size_t w = qk_layer_width (l->n), tables = l->heads * (l->shared ? 1 : 2) * l->d * w;
      return i < tables ? i % w < l->n : i - tables < l->d;
    }
  if (m->examples)
    return true;
  const struct qk_mixture *x = m->mixture;
  size_t w = qk_layer_width (x->n), u = qk_layer_width (x->r), z = qk_layer_width (x->m * x->r);
  size_t tables = 2 * x->D * w;
  return i < tables              ? i % w < x->n
         : i < tables + x->D * u ? (i - tables) % u < x->r
                                 : (i - tables - x->D * u) % z < x->m * x->r;
}

static void
fill (double *w, const struct model *m, double size, uint64_t *state)
{
  for (size_t i = 0; i < parameters_of (m); i++)
    {
      double x = size * normal_like (state);
      w[i] = real (m, i) ? x : 0;
    }
}

/* Central differences with h = 1e-5, within 1e-9; 0 where there is nothing.  */
static void
check_differences (const struct model *m, double size, uint64_t seed)
{
  size_t n = parameters_of (m);
  double *w = array (n), *g = array (n), *room = array (room_of (m)), loss, up, down;
  fill (w, m, size, &seed);
  ck_assert_int_eq (pass (&loss, g, NULL, w, m, room), 0);
  double moved = 0;
  for (size_t i = 0; i < n; i++)
    {
      if (!real (m, i))
        {
          ck_assert_double_eq (g[i], 0);
          continue;
        }
      double x = w[i];
      w[i] = x + 1e-5;
      ck_assert_int_eq (pass (&up, NULL, NULL, w, m, room), 0);
      w[i] = x - 1e-5;
      ck_assert_int_eq (pass (&down, NULL, NULL, w, m, room), 0);
      w[i] = x;
      ck_assert_msg (fabs ((up - down) / 2e-5 - g[i]) <= 1e-9, "parameter %zu: %.12g, not %.12g", i,
                     g[i], (up - down) / 2e-5);
      moved = fmax (moved, fabs (g[i]));
    }
  ck_assert_double_ge (moved, 1e-3);
  free (w);
  free (g);
  free (room);
}

static const size_t some_targets[] = { 2, 0, 1, 5, 3, 4, 6, 8, 7, 9 };

/* Queries of triples look at the other two.  */
static void
hide_triples (bool *hidden, size_t n)
{
  for (size_t a = 0; a < n; a++)
    for (size_t b = 0; b < n; b++)
      hidden[a * n + b] = a == b || a / 3 != b / 3;
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* Without scores all weights are equal: no target is strictly largest.  */
START_TEST (equal_weights)
{
  for (size_t n = 1; n <= 10; n += 3)
    for (int loss = 0; loss < 2; loss++)
      {
        const size_t targets[10] = { 0 };
        struct qk_layer l
            = { .n = n, .d = 3, .heads = 2, .loss = loss, .scale = 1, .target = targets };
        struct model m = { .layer = &l };
        double *w = array (parameters_of (&m)), *room = array (room_of (&m)), value, right;
        ck_assert_int_eq (pass (&value, NULL, &right, w, &m, room), 0);
        ck_assert_double_eq_tol (value, loss ? log ((double)n) : 1 - 1. / (double)n, 1e-15);
        ck_assert_double_eq (right, n == 1);
        free (w);
        free (room);
      }
}
END_TEST

/* Two tokens, one coordinate: s = c q k, the weight of the target is 1 / (1 + e^(s_other - s)).  */
START_TEST (two_tokens)
{
  const size_t targets[] = { 0, 1 };
  for (int loss = 0; loss < 2; loss++)
    {
      struct qk_layer l
          = { .n = 2, .d = 1, .heads = 1, .loss = loss, .scale = 0.371, .target = targets };
      struct model m = { .layer = &l };
      double *w = array (16), *g = array (16), *room = array (room_of (&m)), value, right;
      w[0] = 1.83, w[1] = 0.957, w[8] = 2.385, w[9] = -0.64;
      ck_assert_int_eq (pass (&value, g, &right, w, &m, room), 0);
      double apart = 0.371 * (2.385 + 0.64), margin[2] = { 1.83 * apart, -0.957 * apart };
      double want = 0, slope[2];
      for (int a = 0; a < 2; a++)
        {
          double p = 1 / (1 + exp (-margin[a]));
          want += loss ? -log (p) / 2 : (1 - p) * (1 - p);
          slope[a] = loss ? -(1 - p) / 2 : -2 * (1 - p) * p * (1 - p);
        }
      ck_assert_double_eq_tol (value, want, 1e-15);
      ck_assert_double_eq (right, 0.5);
      ck_assert_double_eq_tol (g[0], slope[0] * apart, 1e-15);
      ck_assert_double_eq_tol (g[1], -slope[1] * apart, 1e-15);
      ck_assert_double_eq_tol (g[8], 0.371 * (1.83 * slope[0] - 0.957 * slope[1]), 1e-15);
      ck_assert_double_eq_tol (g[9], -g[8], 1e-15);
      free (w);
      free (g);
      free (room);
    }
}
END_TEST

/* d = 1 additive with v = 1: s_ab = tanh (q_a + k_b).  */
START_TEST (additive_pair)
{
  const size_t targets[] = { 1, 0 };
  struct qk_layer l = {
    .n = 2, .d = 1, .heads = 1, .additive = true, .loss = QK_LOSS_LOG, .scale = 1, .target = targets
  };
  struct model m = { .layer = &l };
  double *w = array (24), *g = array (24), *room = array (room_of (&m)), value, right;
  w[0] = 0.31, w[1] = -0.752, w[8] = 0.183, w[9] = 1.07, w[16] = 1.9;
  ck_assert_int_eq (pass (&value, g, &right, w, &m, room), 0);
  double want = 0, dv = 0;
  for (int a = 0; a < 2; a++)
    {
      double at = tanh (w[a] + w[9 - a]), other = tanh (w[a] + w[8 + a]);
      want += log1p (exp (1.9 * (other - at))) / 2;
      dv += (other - at) / (1 + exp (1.9 * (at - other))) / 2;
    }
  ck_assert_double_eq_tol (value, want, 1e-15);
  ck_assert_double_eq_tol (g[16], dv, 1e-15);
  ck_assert_double_eq (right, 0.5); /* both want the larger key, or neither */
  free (w);
  free (g);
  free (room);
}
END_TEST

/* Weights that are one-hot to the last bit: two heads deliver two targets, one head one of two.  */
START_TEST (heads_deliver)
{
  enum
  {
    N = 3,
    R = 2
  };
  const size_t both[] = { 1, 2, 2, 0, 0, 1 };
  struct qk_mixture x = { N, 6, 2, R, 2, both };
  struct model m = { .mixture = &x };
  double *w = array (parameters_of (&m)), *g = array (parameters_of (&m)),
         *room = array (room_of (&m)), value, right;
  double *q = w, *k = w + 6 * 8, *wv = k + 6 * 8, *wo = wv + 6 * 8;
  for (size_t head = 0; head < 2; head++)
    for (size_t i = 0; i < 3; i++)
      for (size_t a = 0; a < N; a++)
        {
          k[(3 * head + i) * 8 + a] = i == a;
          q[(3 * head + i) * 8 + a] = i == both[2 * a + head] ? 2000 : 0;
        }
  for (size_t head = 0; head < 2; head++)
    for (size_t j = 0; j < R; j++)
      {
        wv[(3 * head + j) * 8 + j] = 0.5;
        wo[(3 * head + j) * 8 + head * R + j] = 2;
      }
  ck_assert_int_eq (pass (&value, g, &right, w, &m, room), 0);
  ck_assert_double_eq (value, 0);
  ck_assert_double_eq (right, 1);
  for (size_t i = 0; i < parameters_of (&m); i++)
    ck_assert_double_eq (g[i], 0);
  const double *p = qk_mixture_weights (&x, room);
  ck_assert_double_eq (p[both[0]], 1);
  ck_assert_double_eq (p[N * 8 + both[1]], 1);
  qk_mixture_remove (w, &x, 3, 3);
  ck_assert_int_eq (pass (&value, NULL, &right, w, &m, room), 0);
  ck_assert_double_eq (value, 0.5);
  ck_assert_double_eq (right, 0.5);
  free (w);
  free (g);
  free (room);
}
END_TEST

/* The first step of Adam is rate g / (|g| + epsilon), whatever the size of g; the second by the
   means of both gradients.  */
START_TEST (descent)
{
  _Alignas(QK_ALIGN) double w[8] = { 1, 2, 3 }, m[8] = { 0 }, v[8] = { 0 },
                            g[8] = { 0.371, -2e-5, 0 };
  struct qk_descent adam = { QK_ADAM, 0.01, 1e-8, 1, 1, m, v };
  qk_descent_step (w, g, 8, &adam, kernels);
  ck_assert_double_eq_tol (w[0], 1 - 0.01 * 0.371 / (0.371 + 1e-8), 1e-15);
  ck_assert_double_eq_tol (w[1], 2 + 0.01 * 2e-5 / (2e-5 + 1e-8), 1e-15);
  ck_assert_double_eq (w[2], 3);
  double before = w[0];
  g[0] = -1.2;
  qk_descent_step (w, g, 8, &adam, kernels);
  double mean = (0.9 * 0.1 * 0.371 + 0.1 * -1.2) / (1 - 0.81),
         square = (0.999 * 0.001 * 0.371 * 0.371 + 0.001 * 1.44) / (1 - 0.999 * 0.999);
  ck_assert_double_eq_tol (w[0], before - 0.01 * mean / (sqrt (square) + 1e-8), 1e-14);

  struct qk_descent sgd = { .optimizer = QK_SGD, .rate = 0.25 };
  _Alignas(QK_ALIGN) double x[8] = { 1, -2 }, slope[8] = { 0.5, 3 };
  qk_descent_step (x, slope, 8, &sgd, kernels);
  ck_assert (x[0] == 0.875 && x[1] == -2.75 && x[2] == 0);
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

/* Scores that are not finite are no loss; finite ones of any size are.  */
START_TEST (overflow)
{
  struct qk_layer l
      = { .n = 3, .d = 2, .heads = 1, .loss = QK_LOSS_LOG, .scale = 1, .target = some_targets };
  struct model m = { .layer = &l };
  double *w = array (parameters_of (&m)), *g = array (parameters_of (&m)),
         *room = array (room_of (&m)), value, right;
  for (size_t i = 0; i < 2; i++)
    for (size_t a = 0; a < 3; a++)
      {
        w[i * 8 + a] = a == i ? 1e100 : 0;
        w[16 + i * 8 + a] = a == i ? 1e100 : -1e100;
      }
  ck_assert_int_eq (pass (&value, g, &right, w, &m, room), 0);
  ck_assert_double_ge (value, 1e199);
  w[0] = 1e300;
  ck_assert_int_eq (pass (&value, g, &right, w, &m, room), -1);
  w[0] = NAN;
  ck_assert_int_eq (pass (&value, g, &right, w, &m, room), -1);
  free (w);
  free (g);
  free (room);
}
END_TEST

/* All tokens of a cycle equal: every margin is 0, no query is right, the loss is ln 2.  */
START_TEST (ties_are_not_right)
{
  static const size_t next_one[] = { 1, 2, 0, 4, 5, 3 };
  bool hidden[36];
  hide_triples (hidden, 6);
  struct qk_layer l = { .n = 6,
                        .d = 5,
                        .heads = 1,
                        .shared = true,
                        .loss = QK_LOSS_LOG,
                        .scale = 1 / sqrt (5),
                        .target = next_one,
                        .hidden = hidden };
  struct model m = { .layer = &l };
  double *w = array (parameters_of (&m)), *g = array (parameters_of (&m)),
         *room = array (room_of (&m)), value, right;
  for (size_t i = 0; i < 5; i++)
    for (size_t a = 0; a < 6; a++)
      w[i * 8 + a] = 0.371 * (double)(i + 1);
  ck_assert_int_eq (pass (&value, g, &right, w, &m, room), 0);
  ck_assert_double_eq_tol (value, M_LN2, 1e-16);
  ck_assert_double_eq (right, 0);
  free (w);
  free (g);
  free (room);
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

START_TEST (layer_differences)
{
  bool hidden[36];
  hide_triples (hidden, 6);
  static const size_t cycle[] = { 1, 2, 0, 4, 5, 3 }, five[] = { 3, 0, 0, 4, 1 };
  const struct qk_layer layers[] = {
    { 6, 3, 1, false, false, QK_LOSS_SQUARED, 0.577, some_targets, NULL },
    { 6, 1, 1, false, false, QK_LOSS_LOG, 1, some_targets, NULL },
    { 10, 7, 1, false, false, QK_LOSS_LOG, 0.378, some_targets, NULL },
    { 9, 4, 1, true, false, QK_LOSS_SQUARED, 1, some_targets, NULL },
    { 6, 3, 1, true, false, QK_LOSS_LOG, 1, some_targets, NULL },
    { 6, 3, 1, false, true, QK_LOSS_LOG, 0.577, cycle, hidden },
    { 6, 3, 1, false, true, QK_LOSS_SQUARED, 0.577, cycle, hidden },
    { 6, 2, 3, false, true, QK_LOSS_LOG, 0.7, cycle, hidden },
    { 6, 2, 2, false, true, QK_LOSS_SQUARED, 0.7, cycle, hidden },
    { 5, 2, 2, false, false, QK_LOSS_LOG, 0.7, five, NULL },
    { 5, 2, 2, true, false, QK_LOSS_SQUARED, 1, five, NULL },
  };
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
    check_differences (&(struct model){ .layer = &layers[i] }, 0.9, i + 1);
}
END_TEST

START_TEST (examples_differences)
{
  enum
  {
    COUNT = 5,
    KEYS = 8,
    D = 8
  };
  uint64_t state = 77;
  double *x = array (COUNT * D), *y = array (COUNT * D * KEYS);
  for (size_t i = 0; i < COUNT * D; i++)
    x[i] = normal_like (&state);
  for (size_t i = 0; i < COUNT * D * KEYS; i++)
    y[i] = normal_like (&state);
  struct qk_examples e = { COUNT, KEYS, D, 3, 0.577, x, y, some_targets };
  struct model m = { .examples = &e };
  check_differences (&m, 0.5, 3);

  /* Scores as they are defined: the projections first.  */
  double *w = array (2 * 3 * D), *room = array (room_of (&m)), loss, right, want = 0;
  size_t hits = 0;
  fill (w, &m, 0.5, &state);
  ck_assert_int_eq (pass (&loss, NULL, &right, w, &m, room), 0);
  for (size_t r = 0; r < COUNT; r++)
    {
      double s[KEYS], z = 0, top = -INFINITY;
      size_t at = 0;
      for (size_t k = 0; k < KEYS; k++)
        {
          s[k] = 0;
          for (size_t c = 0; c < 3; c++)
            {
              double q = 0, key = 0;
              for (size_t i = 0; i < D; i++)
                {
                  q += x[r * D + i] * w[c * D + i];
                  key += y[(r * D + i) * KEYS + k] * w[(3 + c) * D + i];
                }
              s[k] += 0.577 * q * key;
            }
          z += exp (s[k]);
          if (s[k] > top)
            top = s[at = k];
        }
      hits += at == some_targets[r];
      for (size_t k = 0; k < KEYS; k++)
        want += pow (exp (s[k]) / z - (k == some_targets[r]), 2) / COUNT;
    }
  ck_assert_double_eq_tol (loss, want, 1e-14);
  ck_assert_double_eq (right, (double)hits / COUNT);
  free (x);
  free (y);
  free (w);
  free (room);
}
END_TEST

START_TEST (mixture_differences)
{
  static const size_t targets[] = { 3, 1, 0, 4, 2, 4, 1, 4, 4, 1 };
  const struct qk_mixture mixtures[] = {
    { 5, 8, 2, 4, 2, targets }, { 5, 8, 1, 4, 1, targets }, { 5, 6, 3, 2, 1, targets },
    { 3, 9, 9, 3, 3, targets }, { 5, 8, 4, 1, 2, targets },
  };
  for (size_t i = 0; i < sizeof mixtures / sizeof *mixtures; i++)
    check_differences (&(struct model){ .mixture = &mixtures[i] }, 0.7, i + 10);
}
END_TEST

/* A fit by least squares leaves no gradient of W_O, also where coordinates are dependent, and no
   W_O near it is better.  */
START_TEST (refit_is_least_squares)
{
  static const size_t targets[] = { 3, 1, 0, 4, 2, 4, 1, 4, 4, 1 };
  for (size_t heads = 1; heads <= 8; heads *= 2)
    {
      struct qk_mixture x = { 5, 8, heads, 3, 2, targets };
      struct model m = { .mixture = &x };
      size_t n = parameters_of (&m), wo = n - 8 * 8;
      double *w = array (n), *g = array (n), *room = array (room_of (&m)),
             *scratch = array (room_of (&m)), before, after;
      uint64_t state = heads;
      fill (w, &m, 0.8, &state);
      qk_mixture_remove (w, &x, 0, 8 / heads < 8 ? 8 / heads : 3);
      ck_assert_int_eq (pass (&before, NULL, NULL, w, &m, room), 0);
      qk_mixture_refit (w, &x, room, scratch);
      ck_assert_int_eq (pass (&after, g, NULL, w, &m, room), 0);
      ck_assert_double_lt (after, before);
      ck_assert_double_le (after, 1);
      for (size_t i = wo; i < n; i++)
        ck_assert_double_eq_tol (g[i], 0, 1e-12);
      for (size_t i = 0; i < 8; i++) /* what was removed stays away */
        ck_assert_double_eq (w[wo + i], 0);
      free (w);
      free (g);
      free (room);
      free (scratch);
    }
}
END_TEST

/* ---- Reference tensors --------------------------------------------------------------------------
 */

struct tensor
{
  size_t n, shape[4], axes;
  double *data;
};

/* A .npy file of doubles or 64-bit integers in C order; data NULL where there is none.  */
static struct tensor
read_tensor (const char *folder, const char *stem, const char *name)
{
  char path[4096], head[4096] = { 0 };
  struct tensor t = { 1, { 0 }, 0, NULL };
  snprintf (path, sizeof path, "%s/%s%s.npy", folder, stem, name);
  FILE *file = fopen (path, "rb");
  if (!file)
    return t;
  unsigned char start[10];
  ck_assert_uint_eq (fread (start, 1, 10, file), 10);
  size_t length = start[8] + 256u * start[9];
  ck_assert_uint_lt (length, sizeof head);
  ck_assert_uint_eq (fread (head, 1, length, file), length);
  ck_assert_ptr_nonnull (strstr (head, "'fortran_order': False"));
  bool integer = strstr (head, "'<i8'") != NULL;
  ck_assert (integer || strstr (head, "'<f8'"));
  for (char *c = strchr (strstr (head, "'shape'"), '(') + 1; *c && *c != ')';)
    {
      char *end;
      size_t value = strtoul (c, &end, 10);
      if (end == c)
        {
          c++;
          continue;
        }
      ck_assert_uint_lt (t.axes, 4);
      t.shape[t.axes++] = value;
      t.n *= value;
      c = end;
    }
  t.data = array (t.n);
  for (size_t i = 0; i < t.n; i++)
    {
      union
      {
        double real;
        int64_t integer;
      } value;
      ck_assert_uint_eq (fread (&value, 8, 1, file), 1);
      t.data[i] = integer ? (double)value.integer : value.real;
    }
  fclose (file);
  return t;
}

/* Within 1e-12 of the largest of the tensor.  */
static size_t
compare (const char *folder, const char *stem, const char *name, const double *x, size_t n)
{
  struct tensor t = read_tensor (folder, stem, name);
  if (!t.data)
    return 0;
  ck_assert_msg (t.n == n, "%s%s: %zu values, not %zu", stem, name, t.n, n);
  double most = 0;
  for (size_t i = 0; i < n; i++)
    most = fmax (most, fabs (t.data[i]));
  for (size_t i = 0; i < n; i++)
    ck_assert_msg (fabs (x[i] - t.data[i]) <= 1e-12 * most, "%s%s[%zu]: %.17g, not %.17g", stem,
                   name, i, x[i], t.data[i]);
  free (t.data);
  return 1;
}

/* The targets of a case: its own, or those of the family.  */
static size_t *
read_targets (const char *folder, const char *stem, const char *family, size_t n)
{
  struct tensor t = read_tensor (folder, stem, "_target");
  if (!t.data)
    t = read_tensor (folder, family, "");
  ck_assert_msg (t.data != NULL, "%s: no targets", stem);
  ck_assert_msg (t.n == n, "%s: %zu targets, not %zu", stem, t.n, n);
  size_t *targets = calloc (n, sizeof *targets);
  for (size_t i = 0; i < n; i++)
    targets[i] = (size_t)t.data[i];
  free (t.data);
  return targets;
}

/* FAMILY_dN_LOSS: without K shared, with v additive.  */
static size_t
compare_layer (const char *folder, const char *stem)
{
  struct tensor q = read_tensor (folder, stem, "_Q"), k = read_tensor (folder, stem, "_K"),
                v = read_tensor (folder, stem, "_v");
  ck_assert_msg (q.data && q.axes == 2, "%s: no Q", stem);
  size_t n = q.shape[0], d = q.shape[1], w = qk_layer_width (n), found = 0;
  bool cycle = !strncmp (stem, "cycle", 5);
  size_t *targets = read_targets (folder, stem, cycle ? "target_cycle" : "target", n);
  bool *hidden = calloc (n * n, sizeof *hidden);
  hide_triples (hidden, n);
  struct qk_layer l = { .n = n,
                        .d = d,
                        .heads = 1,
                        .additive = v.data != NULL,
                        .shared = !k.data,
                        .loss = strstr (stem, "_log") ? QK_LOSS_LOG : QK_LOSS_SQUARED,
                        .scale = !strncmp (stem, "unscaled", 8) ? 1 : 1 / sqrt ((double)d),
                        .target = targets,
                        .hidden = cycle ? hidden : NULL };
  size_t parameters = qk_layer_parameters (&l), second = k.data ? d * w : 0;
  double *x = array (parameters), *g = array (parameters), *room = array (qk_layer_room (&l)),
         *out = array (n * (d > n ? d : n)), loss;
  by_coordinates (x, q.data, n, d, w);
  if (k.data)
    by_coordinates (x + second, k.data, n, d, w);
  if (v.data)
    memcpy (x + 2 * d * w, v.data, d * sizeof *x);
  ck_assert_int_eq (qk_layer_pass (&loss, g, NULL, x, &l, kernels, room), 0);

  struct qk_layer_view view = qk_layer_view (&l, room);
  const double *squares[] = { view.s, view.p, view.ds };
  const char *const names[] = { "_s", "_p", "_grad_s" };
  for (size_t j = 0; j < 3; j++)
    {
      for (size_t a = 0; a < n; a++)
        memcpy (out + a * n, squares[j] + a * w, n * sizeof *out);
      found += compare (folder, stem, names[j], out, n * n);
    }
  found += compare (folder, stem, "_loss", &loss, 1);
  by_rows (out, g, n, d, w);
  found += compare (folder, stem, "_grad_Q", out, n * d);
  by_rows (out, g + second, n, d, w);
  found += compare (folder, stem, "_grad_K", out, n * d);
  if (v.data)
    found += compare (folder, stem, "_grad_v", g + 2 * d * w, d);
  free (q.data);
  free (k.data);
  free (v.data);
  free (targets);
  free (hidden);
  free (x);
  free (g);
  free (room);
  free (out);
  return found;
}

/* heads_hN: W_V (r by D), W_O (D by m r).  */
static size_t
compare_heads (const char *folder, const char *stem)
{
  struct tensor q = read_tensor (folder, stem, "_Q"), k = read_tensor (folder, stem, "_K"),
                wv = read_tensor (folder, stem, "_Wv"), wo = read_tensor (folder, stem, "_Wo");
  ck_assert_msg (q.data && k.data && wv.data && wo.data, "%s: incomplete", stem);
  size_t n = q.shape[0], D = q.shape[1], r = wv.shape[0], m = wo.shape[1] / r, found = 0;
  size_t w = qk_layer_width (n), u = qk_layer_width (r), z = qk_layer_width (m * r);
  size_t heads = strtoul (strstr (stem, "_h") + 2, NULL, 10);
  size_t *targets = read_targets (folder, stem, "heads_target", n * m);
  struct qk_mixture x = { n, D, heads, r, m, targets };
  size_t parameters = qk_mixture_parameters (&x);
  double *at = array (parameters), *g = array (parameters), *room = array (qk_mixture_room (&x)),
         *out = array (heads * n * n + n * D + m * r * D), loss;
  by_coordinates (at, q.data, n, D, w);
  by_coordinates (at + D * w, k.data, n, D, w);
  by_coordinates (at + 2 * D * w, wv.data, r, D, u);
  for (size_t i = 0; i < D; i++)
    memcpy (at + D * (2 * w + u) + i * z, wo.data + i * m * r, m * r * sizeof *at);
  ck_assert_int_eq (qk_mixture_pass (&loss, g, NULL, at, &x, kernels, room), 0);
  const double *p = qk_mixture_weights (&x, room);
  for (size_t row = 0; row < heads * n; row++)
    memcpy (out + row * n, p + row * w, n * sizeof *out);
  found += compare (folder, stem, "_p", out, heads * n * n);
  found += compare (folder, stem, "_loss", &loss, 1);
  by_rows (out, g, n, D, w);
  found += compare (folder, stem, "_grad_Q", out, n * D);
  by_rows (out, g + D * w, n, D, w);
  found += compare (folder, stem, "_grad_K", out, n * D);
  by_rows (out, g + 2 * D * w, r, D, u);
  found += compare (folder, stem, "_grad_Wv", out, r * D);
  for (size_t i = 0; i < D; i++)
    memcpy (out + i * m * r, g + D * (2 * w + u) + i * z, m * r * sizeof *out);
  found += compare (folder, stem, "_grad_Wo", out, D * m * r);
  free (q.data);
  free (k.data);
  free (wv.data);
  free (wo.data);
  free (targets);
  free (at);
  free (g);
  free (room);
  free (out);
  return found;
}

START_TEST (reference_tensors)
{
  const char *path = data_file ("train");
  char folder[4096];
  DIR *files = path ? opendir (path) : NULL;
  if (!files)
    {
      puts ("t-layer: reference tensors skipped: QK_TEST_DATA names no folder with train/");
      return;
    }
  snprintf (folder, sizeof folder, "%s", path);
  size_t cases = 0;
  for (struct dirent *file; (file = readdir (files));)
    {
      char *end = strstr (file->d_name, "_loss.npy");
      if (!end)
        continue;
      *end = 0;
      size_t found = strncmp (file->d_name, "heads_h", 7) ? compare_layer (folder, file->d_name)
                                                          : compare_heads (folder, file->d_name);
      ck_assert_msg (found >= 3, "%s: only %zu tensors to compare with", file->d_name, found);
      cases++;
    }
  closedir (files);
  ck_assert_uint_gt (cases, 0);
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* Symmetric scores: no tables bring a cycle below ln 2, or more than two of three right; the mean
   of several heads not below ln 1.5.  The gradient of shared tables is the sum of the separate
   ones.  */
START_TEST (shared_cycle)
{
  static const size_t next_one[] = { 1, 2, 0, 4, 5, 3 };
  bool hidden[36];
  hide_triples (hidden, 6);
  double lowest[2] = { 9, 9 }, best = 0;
  for (uint64_t trial = 0; trial < 400; trial++)
    {
      uint64_t state = trial;
      size_t heads = trial % 2 ? 1 : 3;
      struct qk_layer l = { .n = 6,
                            .d = 3,
                            .heads = heads,
                            .shared = true,
                            .loss = QK_LOSS_LOG,
                            .scale = 0.577,
                            .target = next_one,
                            .hidden = hidden };
      struct qk_layer apart = l;
      apart.shared = false;
      struct model m = { .layer = &l }, two = { .layer = &apart };
      size_t size = 3 * 8;
      double *w = array (parameters_of (&two)), *g = array (parameters_of (&two)),
             *each = array (parameters_of (&two)), *room = array (room_of (&two)), value, same,
             right;
      fill (w, &m, pow (10, (double)(trial % 4) - 2), &state);
      ck_assert_int_eq (pass (&value, g, &right, w, &m, room), 0);
      double *s = qk_layer_view (&l, room).s;
      for (size_t a = 0; a < 6; a++)
        for (size_t b = 0; b < 6; b++)
          ck_assert_double_eq (s[a * 8 + b], s[b * 8 + a]);
      if (heads == 1)
        {
          ck_assert_double_ge (value, M_LN2 - 1e-15);
          ck_assert_double_le (right, 2. / 3);
          best = fmax (best, right);
        }
      else
        ck_assert_double_ge (value, log (1.5) - 1e-15);
      lowest[heads > 1] = fmin (lowest[heads > 1], value);

      for (size_t j = heads; j-- > 0;)
        {
          memcpy (w + 2 * j * size, w + j * size, size * sizeof *w);
          memcpy (w + (2 * j + 1) * size, w + 2 * j * size, size * sizeof *w);
        }
      ck_assert_int_eq (pass (&same, each, NULL, w, &two, room), 0);
      ck_assert_double_eq (same, value);
      for (size_t j = 0; j < heads; j++)
        for (size_t i = 0; i < size; i++)
          ck_assert_double_eq_tol (g[j * size + i],
                                   each[2 * j * size + i] + each[(2 * j + 1) * size + i],
                                   1e-13 * (1 + fabs (g[j * size + i])));
      free (w);
      free (g);
      free (each);
      free (room);
    }
  ck_assert_double_le (lowest[0], 0.6932);
  ck_assert_double_le (lowest[1], 0.67); /* below ln 2: not the same law */
  ck_assert_double_eq (best, 2. / 3);
}
END_TEST

/* Every build gives the same bits, of every kind of pass.  */
START_TEST (same_bits)
{
  static const size_t targets[] = { 3, 1, 0, 4, 2, 4, 1, 4, 4, 1 };
  struct qk_layer dot = { 10, 7, 2, false, false, QK_LOSS_LOG, 0.378, some_targets, NULL },
                  additive = { 9, 5, 1, true, false, QK_LOSS_SQUARED, 1, some_targets, NULL };
  struct qk_mixture mixture = { 5, 8, 2, 4, 2, targets };
  const struct model models[]
      = { { .layer = &dot }, { .layer = &additive }, { .mixture = &mixture } };
  for (size_t i = 0; i < 3; i++)
    {
      const struct model *m = &models[i];
      size_t n = parameters_of (m);
      double *w = array (n), *g = array (n), *first = array (n), *room = array (room_of (m));
      double loss, first_loss = 0;
      uint64_t state = i;
      fill (w, m, 1, &state);
      for (const struct qk_kernels *const *k = qk_kernels_available (); *k; k++)
        {
          kernels = *k;
          bool begin = k == qk_kernels_available ();
          ck_assert_int_eq (pass (&loss, g, NULL, w, m, room), 0);
          if (begin)
            {
              first_loss = loss;
              memcpy (first, g, n * sizeof *g);
            }
          ck_assert_double_eq (loss, first_loss);
          ck_assert_mem_eq (g, first, n * sizeof *g);
        }
      kernels = qk_kernels_find (NULL);
      free (w);
      free (g);
      free (first);
      free (room);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  kernels = qk_kernels_find (NULL);
  Suite *suite = suite_create ("layer");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, equal_weights);
  tcase_add_test (exact, two_tokens);
  tcase_add_test (exact, additive_pair);
  tcase_add_test (exact, heads_deliver);
  tcase_add_test (exact, descent);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, overflow);
  tcase_add_test (edges, ties_are_not_right);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_test (twin, layer_differences);
  tcase_add_test (twin, examples_differences);
  tcase_add_test (twin, mixture_differences);
  tcase_add_test (twin, refit_is_least_squares);
  tcase_add_test (twin, reference_tensors);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);

  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, shared_cycle);
  tcase_add_test (laws, same_bits);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, laws);
  return run (suite);
}
