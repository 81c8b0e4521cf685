/* t-multihead.c -- tests of multihead.h, the fast forward pass, against the plain one of
   attention.h, and of its bits in every build.  */

#include "../src/attention.h"
#include "../src/lanes/kernels.h"
#include "../src/multihead.h"
#include "../src/projection.h"
#include "support.h"

#include <math.h>
#include <string.h>

/* A pass of either kind on the same numbers.  */
struct trial
{
  struct qk_multihead_shape s;
  struct qk_multihead fast;
  struct qk_heads_block plain;
  double *x, *plain_x, *y, *plain_y, *room, *plain_room, *weights;
};

static double *
doubles (size_t n)
{
  double *x = aligned_alloc (QK_ALIGN, (n + 8) / 8 * 64);
  ck_assert_ptr_nonnull (x);
  memset (x, 0, (n + 8) / 8 * 64);
  return x;
}

/* Uniform in [-1, 1], times size.  */
static double
draw (uint64_t *state, double size)
{
  return size * ((double)(next (state) >> 11) * 0x1p-52 - 1);
}

/* An operand of rows by d, and the matrix it stands for, d by rows.  */
static void
fill (double *operand, double *matrix, size_t rows, size_t d, bool transposed, double size,
      uint64_t *state)
{
  size_t b = qk_rows_padded (rows);
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < d; i++)
      operand[qk_operand_index (b, d, r, i)] = matrix[transposed ? i * rows + r : r * d + i]
          = draw (state, size);
}

static void
open_trial (struct trial *t, struct qk_multihead_shape s, double size, uint64_t state)
{
  size_t query = qk_multihead_query_size (&s), value = qk_multihead_value_size (&s),
         output = qk_multihead_output_size (&s), e = qk_rows_padded (s.e);
  *t = (struct trial){ .s = s, .fast = { .shape = s } };
  t->x = doubles (qk_rows_size (s.n, s.D));
  t->plain_x = doubles (s.n * s.D);
  t->y = doubles (qk_rows_padded (s.n) * qk_rows_padded (s.D));
  t->plain_y = doubles (s.n * s.D);
  t->room = doubles (qk_multihead_room (&s));
  t->plain_room = doubles (s.n * (2 * s.d + 2 * s.e + s.n + s.D));
  t->weights = doubles (s.h * s.D * 2 * (s.d + s.e));
  t->fast.wq = doubles (s.h * query);
  t->fast.wk = doubles (s.h * query);
  t->fast.wv = doubles (s.h * value);
  t->fast.wo = doubles (s.h * output);
  double *wq = t->weights, *wk = wq + s.h * s.D * s.d, *wv = wk + s.h * s.D * s.d,
         *wo = wv + s.h * s.D * s.e;
  t->plain = (struct qk_heads_block){ s.n, s.D, s.h, s.d, s.e, wq, wk, wv, wo };
  fill (t->x, t->plain_x, s.n, s.D, false, 1, &state);
  size_t b = qk_rows_padded (s.n);
  for (size_t r = s.n; r < b; r++) /* tokens beyond n are to be left out */
    for (size_t i = 0; i < s.D; i++)
      t->x[qk_operand_index (b, s.D, r, i)] = 2.385;
  for (size_t a = 0; a < s.h; a++)
    {
      fill (t->fast.wq + a * query, wq + a * s.D * s.d, s.d, s.D, true, size, &state);
      fill (t->fast.wk + a * query, wk + a * s.D * s.d, s.d, s.D, true, size, &state);
      fill (t->fast.wv + a * value, wv + a * s.D * s.e, s.e, s.D, true, 1, &state);
      for (size_t r = 0; r < s.D; r++)
        for (size_t i = 0; i < s.e; i++)
          t->fast.wo[a * output + qk_operand_index (qk_rows_padded (s.D), e, r, i)]
              = wo[(a * s.e + i) * s.D + r] = draw (&state, 1);
    }
}

static void
close_trial (struct trial *t)
{
  double *all[] = { t->x,       t->plain_x, t->y,       t->plain_y, t->room,   t->plain_room,
                    t->weights, t->fast.wq, t->fast.wk, t->fast.wv, t->fast.wo };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free (all[i]);
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* One token attends to itself alone: y = x W_V W_O.  */
START_TEST (one_token)
{
  struct trial t;
  open_trial (&t, (struct qk_multihead_shape){ 1, 6, 2, 5, 3 }, 1, 11);
  qk_multihead (t.y, t.x, &t.fast, t.room, qk_kernels_find (NULL));
  for (size_t j = 0; j < 6; j++)
    {
      double y = 0;
      for (size_t a = 0; a < 2; a++)
        for (size_t i = 0; i < 3; i++)
          {
            double v = 0;
            for (size_t k = 0; k < 6; k++)
              v += t.plain_x[k] * t.plain.wv[a * 18 + k * 3 + i];
            y += v * t.plain.wo[(a * 3 + i) * 6 + j];
          }
      ck_assert_double_eq_tol (t.y[8 * j], y, 1e-14);
    }
  close_trial (&t);
}
END_TEST

/* ---- edges, twin ----------------------------------------------------------------------------- */

static const struct qk_multihead_shape shapes[]
    = { { 2, 1, 1, 1, 1 },        { 8, 8, 1, 8, 8 },     { 9, 10, 5, 2, 2 },
        { 24, 48, 3, 16, 16 },    { 17, 40, 8, 3, 5 },   { 13, 30, 2, 40, 15 },
        { 33, 300, 2, 270, 150 }, { 5, 530, 2, 7, 265 }, { 300, 24, 3, 8, 8 } };

START_TEST (plainly)
{
  /* Scores of some size, and so large that weights are 0 and 1.  */
  static const double sizes[] = { 0.3, 1, 20 };
  for (size_t k = 0; k < 3; k++)
    {
      struct trial t;
      struct qk_multihead_shape s = shapes[_i];
      open_trial (&t, s, sizes[k] / sqrt ((double)s.D), 31 + 7 * (uint64_t)_i + k);
      ck_assert_int_eq (qk_heads_forward (t.plain_y, t.plain_x, &t.plain, t.plain_room), 0);
      qk_multihead (t.y, t.x, &t.fast, t.room, qk_kernels_find (NULL));
      double worst = 0, most = 0;
      for (size_t i = 0; i < s.n; i++)
        for (size_t a = 0; a < s.D; a++)
          {
            double y = t.plain_y[i * s.D + a];
            double off = t.y[((i / 8) * qk_rows_padded (s.D) + a) * 8 + i % 8] - y;
            worst = fmax (worst, fabs (off));
            most = fmax (most, fabs (y));
          }
      /* A score errs by its size times (D + d) u, and a weight relatively by that.  */
      double scores = 1 + sizes[k] * sizes[k] * sqrt ((double)s.d);
      ck_assert_msg (most > 0 && worst <= 1e-15 * (double)(s.D + s.n) * scores * most,
                     "%zu tokens, D = %zu: %g of %g", s.n, s.D, worst, most);
      close_trial (&t);
    }
}
END_TEST

/* The same bits in every build.  */
START_TEST (builds)
{
  struct trial t;
  struct qk_multihead_shape s = shapes[_i];
  size_t size = qk_rows_padded (s.n) * qk_rows_padded (s.D);
  open_trial (&t, s, 1 / sqrt ((double)s.D), 71);
  qk_multihead (t.y, t.x, &t.fast, t.room, qk_kernels_find ("plain"));
  double *first = doubles (size);
  memcpy (first, t.y, size * sizeof *first);
  for (const struct qk_kernels *const *k = qk_kernels_available (); *k; k++)
    {
      memset (t.y, 0, size * sizeof *t.y);
      qk_multihead (t.y, t.x, &t.fast, t.room, *k);
      ck_assert_msg (!memcmp (first, t.y, size * sizeof *first), "%s", (*k)->isa);
    }
  free (first);
  close_trial (&t);
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* The order of the heads does not matter but for rounding; a head with W_O = 0 adds nothing.  */
START_TEST (heads_add)
{
  struct trial both, one;
  struct qk_multihead_shape s = { 19, 16, 2, 5, 8 };
  open_trial (&both, s, 0.3, 5);
  s.h = 1;
  open_trial (&one, s, 0.3, 6);
  memcpy (one.x, both.x, qk_rows_size (s.n, s.D) * sizeof *one.x);
  size_t query = qk_multihead_query_size (&s), value = qk_multihead_value_size (&s),
         output = qk_multihead_output_size (&s);
  double sum[19 * 16] = { 0 };
  for (size_t a = 0; a < 2; a++)
    {
      memcpy (one.fast.wq, both.fast.wq + a * query, query * sizeof (double));
      memcpy (one.fast.wk, both.fast.wk + a * query, query * sizeof (double));
      memcpy (one.fast.wv, both.fast.wv + a * value, value * sizeof (double));
      memcpy (one.fast.wo, both.fast.wo + a * output, output * sizeof (double));
      qk_multihead (one.y, one.x, &one.fast, one.room, qk_kernels_find (NULL));
      for (size_t i = 0; i < 19; i++)
        for (size_t j = 0; j < 16; j++)
          sum[i * 16 + j] += one.y[((i / 8) * 16 + j) * 8 + i % 8];
    }
  qk_multihead (both.y, both.x, &both.fast, both.room, qk_kernels_find (NULL));
  for (size_t i = 0; i < 19; i++)
    for (size_t j = 0; j < 16; j++)
      ck_assert_double_eq_tol (both.y[((i / 8) * 16 + j) * 8 + i % 8], sum[i * 16 + j], 1e-13);
  close_trial (&both);
  close_trial (&one);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("multihead");
  TCase *exact = tcase_create ("exact"), *twin = tcase_create ("twin"),
        *laws = tcase_create ("laws");
  int count = sizeof shapes / sizeof *shapes;
  tcase_add_test (exact, one_token);
  tcase_add_loop_test (twin, plainly, 0, count);
  tcase_add_loop_test (twin, builds, 0, count);
  tcase_add_test (laws, heads_add);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
