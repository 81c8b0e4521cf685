/* t-inputs.c -- tests of inputs.h: inputs laid out and drawn by address, against plain projections.
 */

#include "../src/attention.h"
#include "../src/inputs.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <string.h>

static const uint64_t CELL = 0x2385, BLOCK = 7, SEED = 3;

enum
{
  TOKENS = 20,
  DIMENSIONS = 300
};

static struct qk_inputs
inputs_of (size_t n, size_t D, size_t d, enum qk_weighting weights, size_t heads)
{
  return (struct qk_inputs){
    .n = n,
    .D = D,
    .d = d,
    .weights = weights,
    .law = { &qk_law_types[QK_LAPLACE], .mean = 0.3, .sd = 2.385 },
    .weight = { &qk_law_types[QK_UNIFORM], .sd = 0.7 },
    .heads = heads,
  };
}

static void
open_work (struct qk_work *work, const struct qk_inputs *u)
{
  size_t bytes = qk_inputs_lay (u, NULL).rest.used * sizeof (double);
  *work = (struct qk_work){ .kernels = qk_kernels_find (NULL), .seed = SEED };
  work->scratch = aligned_alloc (QK_ALIGN, (bytes + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
  ck_assert_ptr_nonnull (work->scratch);
  qk_source_open (&work->source, SEED, CELL, BLOCK);
}

/* Operand t of a role, component by component.  */
static void
read_operand (double *y, unsigned role, const struct qk_law *law, uint64_t t, size_t rows, size_t d,
              bool transposed)
{
  size_t b = qk_rows_padded (rows);
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < d; i++)
      y[transposed ? i * rows + r : r * d + i]
          = qk_draw ((struct qk_address){ SEED, CELL + role, BLOCK }, law,
                     t * qk_operand_size (b, d) + qk_operand_index (b, d, r, i));
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* Which operands are one: X without weights, the weights where they are shared.  */
START_TEST (laid_out)
{
  struct qk_inputs u = inputs_of (9, 11, 3, QK_SEPARATE, 0);
  _Alignas(QK_ALIGN) static double memory[8192];
  struct qk_drawn in = qk_inputs_lay (&u, memory);
  ck_assert (in.wq != in.wk && in.q != in.k && in.q != in.x && in.x != in.wq);
  ck_assert_uint_eq (qk_inputs_width (&u), 8);
  ck_assert_ptr_eq (in.rest.memory, memory);
  u.weights = QK_SHARED;
  in = qk_inputs_lay (&u, memory);
  ck_assert (in.wq == in.wk && in.q != in.k);
  u = inputs_of (9, 11, 11, QK_UNWEIGHTED, 0);
  in = qk_inputs_lay (&u, memory);
  ck_assert (in.q == in.x && in.k == in.x && !qk_inputs_weighted (&u));
  ck_assert_uint_eq (qk_inputs_width (&u), 11);
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

static const struct
{
  size_t n, D, d;
} sizes[] = { { 2, 1, 1 }, { 9, 5, 3 }, { 20, 17, 20 }, { 7, 300, 260 } };

/* Every head of an input, from the same tokens, by operands of its own.  */
START_TEST (heads_plainly)
{
  static double x[TOKENS * DIMENSIONS], w[DIMENSIONS * DIMENSIONS], q[TOKENS * DIMENSIONS],
      seen[TOKENS * DIMENSIONS];
  size_t n = sizes[_i].n, D = sizes[_i].D, d = sizes[_i].d;
  for (int weights = QK_SEPARATE; weights <= QK_SHARED; weights++)
    for (uint64_t t = 0; t < 3; t++)
      {
        struct qk_inputs u = inputs_of (n, D, d, (enum qk_weighting)weights, 3);
        struct qk_work work;
        open_work (&work, &u);
        struct qk_drawn in = qk_inputs_lay (&u, work.scratch);
        qk_inputs_draw_tokens (&in, &u, t, &work);
        read_operand (x, QK_ROLE_X, &u.law, t, n, D, false);
        qk_operand_unfold (seen, in.x, n, D, false);
        ck_assert (!memcmp (x, seen, n * D * sizeof *x));
        for (size_t head = 0; head < 3; head++)
          {
            qk_inputs_draw_head (&in, &u, t, head, &work);
            for (int side = 0; side < 2; side++)
              {
                unsigned role = side && weights == QK_SEPARATE ? QK_ROLE_WK : QK_ROLE_WQ;
                read_operand (w, role, &u.weight, 3 * t + head, d, D, true);
                qk_project (q, x, w, n, D, d);
                size_t width = qk_inputs_width (&u);
                qk_operand_unfold (seen, side ? in.k : in.q, n, width, false);
                for (size_t i = 0; i < n * width; i++)
                  ck_assert_double_eq_tol (seen[i],
                                           i % width < d ? q[i / width * d + i % width] : 0,
                                           1e-13 * (double)(D + 1));
              }
          }
        free (work.scratch);
      }
}
END_TEST

/* The first head of one is what qk_inputs_draw draws; rows are normalised as asked.  */
START_TEST (normalised)
{
  static double row[TOKENS * DIMENSIONS];
  for (int norm = QK_NORMED_NONE; norm <= QK_NORMED_QK; norm++)
    {
      struct qk_inputs u = inputs_of (13, 17, 9, QK_SEPARATE, 0);
      struct qk_work work;
      u.norm = (enum qk_normed)norm;
      open_work (&work, &u);
      struct qk_drawn in;
      qk_inputs_draw (&in, &u, 4, &work);
      qk_operand_unfold (row, in.x, 13, 17, false);
      for (size_t i = 0; i < 13; i++)
        {
          double length = qk_array_length (row + 17 * i, 17);
          if (norm == QK_NORMED_RMS || norm == QK_NORMED_LAYER)
            ck_assert_double_eq_tol (length, sqrt (17), 1e-14);
          else
            ck_assert_double_gt (fabs (length - sqrt (17)), 1e-3);
        }
      qk_operand_unfold (row, in.k, 13, 16, false);
      for (size_t i = 0; i < 13; i++)
        {
          double off = fabs (qk_array_length (row + 16 * i, 16) - 1);
          ck_assert (norm == QK_NORMED_QK ? off < 1e-14 : off > 1e-3);
        }
      free (work.scratch);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("inputs");
  TCase *exact = tcase_create ("exact"), *twin = tcase_create ("twin");
  tcase_add_test (exact, laid_out);
  tcase_add_loop_test (twin, heads_plainly, 0, sizeof sizes / sizeof *sizes);
  tcase_add_test (twin, normalised);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, twin);
  return run (suite);
}
