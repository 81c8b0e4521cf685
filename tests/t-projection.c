/* t-projection.c -- tokens and weights by address, their projections and scores against plain sums.
 */

#include "attention.h"
#include "lanes/kernels.h"
#include "projection.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double u = 0x1p-53;
static const struct qk_law normal = { &qk_law_types[QK_NORMAL], .sd = 1 };

/* Rows, model dimension, head dimension: below, at and above a panel and a chunk.  */
static const struct
{
  size_t n, D, d;
} sizes[] = { { 1, 1, 1 },     { 8, 4, 8 },     { 9, 256, 3 },
              { 3, 257, 300 }, { 20, 17, 256 }, { 13, 520, 263 } };

enum
{
  SIZES = sizeof sizes / sizeof *sizes
};

struct room
{
  double *x, *w, *q, *k, *s;
  uint64_t *words;
};

static double *
doubles (size_t n)
{
  double *x = aligned_alloc (QK_ALIGN, (n * sizeof *x + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
  ck_assert_ptr_nonnull (x);
  return x;
}

static struct room
open_room (size_t n, size_t D, size_t d)
{
  size_t b = qk_rows_padded (n), tokens = qk_rows_size (n, D), weights = qk_rows_size (d, D);
  struct room r = { doubles (tokens),
                    doubles (weights),
                    doubles (b * qk_rows_padded (d)),
                    doubles (b * qk_rows_padded (d)),
                    doubles (b * b),
                    (uint64_t *)doubles (2 * (tokens + weights)) };
  return r;
}

static void
close_room (struct room *r)
{
  free (r->x);
  free (r->w);
  free (r->q);
  free (r->k);
  free (r->s);
  free (r->words);
}

static void
fill (struct room *r, size_t n, size_t D, size_t d, uint64_t t, const struct qk_kernels *kernels,
      struct qk_source *source)
{
  qk_operand_draw (r->x, n, D, &normal, false, t, 0, kernels, source, r->words);
  qk_operand_draw (r->w, d, D, &normal, true, t, 1, kernels, source, r->words);
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* Every component is the draw at its place; rows of weights beyond d are 0.  */
START_TEST (addresses)
{
  size_t n = sizes[_i].n, D = sizes[_i].D, d = sizes[_i].d, b = qk_rows_padded (n),
         c = qk_rows_padded (d);
  struct qk_source source = { { 0 }, NULL };
  struct room r = open_room (n, D, d);
  qk_source_open (&source, 23, 0x5000, 3);
  fill (&r, n, D, d, 2, qk_kernels_find (NULL), &source);
  for (size_t i = 0; i < b; i++)
    for (size_t a = 0; a < D; a++)
      {
        size_t at = qk_operand_index (b, D, i, a);
        ck_assert_double_eq (r.x[at], qk_draw ((struct qk_address){ 23, 0x5000, 3 }, &normal,
                                               2 * qk_operand_size (b, D) + at));
      }
  for (size_t i = 0; i < c; i++)
    for (size_t a = 0; a < D; a++)
      {
        size_t at = qk_operand_index (c, D, i, a);
        double w = qk_draw ((struct qk_address){ 23, 0x5001, 3 }, &normal,
                            2 * qk_operand_size (c, D) + at);
        ck_assert_double_eq (r.w[at], i < d ? w : 0);
      }
  close_room (&r);
}
END_TEST

/* The formula of kernels.h; every place once.  */
START_TEST (places)
{
  enum
  {
    ROWS = 16,
    D = 600
  };
  static bool seen[ROWS * D];
  memset (seen, 0, sizeof seen);
  for (size_t r = 0; r < ROWS; r++)
    for (size_t i = 0; i < D; i++)
      {
        size_t m = i / 256, c = D - m * 256 < 256 ? D - m * 256 : 256;
        size_t at = qk_operand_index (ROWS, D, r, i);
        ck_assert_uint_eq (at, m * 256 * ROWS + (r / 8 * c + i % 256) * 8 + r % 8);
        ck_assert (!seen[at]);
        seen[at] = true;
      }
}
END_TEST

START_TEST (matrices)
{
  const double x[] = { 3, 4, 12 };
  double operand[16], scores[16 * 16], y[9 * 9];
  ck_assert_double_eq (qk_array_length (x, 3), 13);
  for (size_t r = 0; r < 8; r++)
    for (size_t i = 0; i < 2; i++)
      operand[qk_operand_index (8, 2, r, i)] = (double)(10 * r + i);
  qk_operand_unfold (y, operand, 3, 2, false);
  ck_assert (y[0] == 0 && y[1] == 1 && y[2] == 10 && y[5] == 21);
  qk_operand_unfold (y, operand, 3, 2, true);
  ck_assert (y[0] == 0 && y[1] == 10 && y[2] == 20 && y[5] == 21);
  ck_assert_uint_eq (qk_score_index (16, 9, 3), (16 + 3) * 8 + 1);
  for (size_t i = 0; i < 16 * 16; i++)
    scores[i] = (double)i;
  qk_scores_unfold (y, scores, 9);
  ck_assert (y[0] == 0 && y[1] == 8 && y[9] == 1 && y[8 * 9 + 3] == (16 + 3) * 8);
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

START_TEST (lengths_of_nothing)
{
  double x[8 * 4] = { 0 };
  for (int norm = QK_NORM_NONE; norm <= QK_NORM_UNIT; norm++)
    {
      qk_operand_normalise (x, 8, 4, (enum qk_row_norm)norm);
      for (int i = 0; i < 32; i++)
        ck_assert_double_eq (x[i], 0);
    }
  /* One component becomes its sign; a constant row has no direction.  */
  double y[8] = { 2.385, -1e-160, 3, 0, -7, 1e150, 1, 5 };
  qk_operand_normalise (y, 8, 1, QK_NORM_UNIT);
  ck_assert (y[0] == 1 && y[2] == 1 && y[3] == 0 && y[4] == -1 && y[5] == 1);
  double z[16];
  for (int i = 0; i < 16; i++)
    z[i] = 2.5;
  qk_operand_normalise (z, 8, 2, QK_NORM_LAYER);
  for (int i = 0; i < 16; i++)
    ck_assert_double_eq (z[i], 0);
}
END_TEST

/* A foreign generator is read in sequence, weights after tokens.  */
START_TEST (foreign)
{
  struct qk_source source = { { 0 }, gsl_rng_alloc (gsl_rng_mt19937) };
  struct room r = open_room (9, 5, 3), again = open_room (9, 5, 3);
  for (int i = 0; i < 2; i++)
    {
      qk_source_open (&source, 23, 0x5000, 3);
      fill (i ? &again : &r, 9, 5, 3, 0, qk_kernels_find (NULL), &source);
    }
  ck_assert_mem_eq (r.x, again.x, qk_rows_size (9, 5) * sizeof *r.x);
  ck_assert_double_ne (r.x[0], r.w[0]);
  ck_assert_double_eq (r.w[qk_operand_index (8, 5, 3, 0)], 0);
  gsl_rng_free (source.foreign);
  close_room (&r);
  close_room (&again);
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

START_TEST (plainly)
{
  size_t n = sizes[_i].n, D = sizes[_i].D, d = sizes[_i].d, b = qk_rows_padded (n),
         c = qk_rows_padded (d);
  struct qk_source source = { { 0 }, NULL };
  struct room r = open_room (n, D, d);
  const struct qk_kernels *kernels = qk_kernels_find (NULL);
  qk_source_open (&source, 23, 0x5000, 3);
  fill (&r, n, D, d, 0, kernels, &source);
  qk_operand_project (r.q, r.x, r.w, b, D, d, kernels);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < c; j++)
      {
        long double sum = 0, size = 0;
        for (size_t a = 0; a < D; a++)
          {
            long double term = (long double)r.x[qk_operand_index (b, D, i, a)]
                               * r.w[qk_operand_index (c, D, j, a)];
            sum += term;
            size += fabsl (term);
          }
        double q = r.q[qk_operand_index (b, c, i, j)];
        ck_assert_msg (fabsl (q - sum) <= (long double)D * u * 1.001L * size, "row %zu, %zu: %g", i,
                       j, q);
      }
  /* Of the first panel alone, and of all.  */
  for (size_t rows = QK_LANES; rows <= b; rows += b > QK_LANES ? b - QK_LANES : QK_LANES)
    {
      qk_operand_scores (r.s, r.q, b, rows, r.q, b, c, kernels);
      for (size_t i = 0; i < n && i < rows; i++)
        for (size_t j = 0; j < n; j++)
          {
            long double sum = 0, size = 0;
            for (size_t a = 0; a < d; a++)
              {
                long double term = (long double)r.q[qk_operand_index (b, c, i, a)]
                                   * r.q[qk_operand_index (b, c, j, a)];
                sum += term;
                size += fabsl (term);
              }
            double s = r.s[(i / 8 * b + j) * 8 + i % 8];
            ck_assert_msg (fabsl (s - sum) <= (long double)d * u * 1.001L * size, "%zu, %zu: %g", i,
                           j, s);
          }
    }
  close_room (&r);
}
END_TEST

/* Against the softmax of each row: 13 keys of 16 columns; rows of both panels.  */
START_TEST (weights)
{
  enum
  {
    B = 16,
    N = 13
  };
  _Alignas(QK_ALIGN) double s[B * B], p[B * B];
  const double c = 0.2385;
  uint64_t state = 31;
  for (size_t i = 0; i < B * B; i++)
    s[i] = 100 * ((double)next (&state) * 0x1p-64 - 0.5);
  for (const struct qk_kernels *const *k = qk_kernels_available (); *k; k++)
    {
      memset (p, 0xff, sizeof p);
      qk_scores_weights (p, s, B, B, N, c, *k);
      for (size_t i = 0; i < B; i++)
        {
          double x[N], exact[N];
          for (size_t j = 0; j < N; j++)
            x[j] = c * s[qk_score_index (B, i, j)];
          ck_assert_int_eq (qk_softmax (exact, x, N), 0);
          for (size_t j = 0; j < B; j++)
            {
              double found = p[qk_score_index (B, i, j)];
              if (j < N)
                ck_assert_msg (fabs (found / exact[j] - 1) < 200 * u, "row %zu, key %zu", i, j);
              else
                ck_assert_double_eq (found, 0);
            }
        }
    }
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* The same bits in every build; s_ij and s_ji the same bits.  */
START_TEST (bits)
{
  size_t n = sizes[_i].n, D = sizes[_i].D, d = sizes[_i].d, b = qk_rows_padded (n);
  struct room first = open_room (n, D, d), r = open_room (n, D, d);
  for (const struct qk_kernels *const *k = qk_kernels_available (); *k; k++)
    {
      struct room *to = k == qk_kernels_available () ? &first : &r;
      struct qk_source source = { { 0 }, NULL };
      qk_source_open (&source, 23, 0x5000, 3);
      fill (to, n, D, d, 0, *k, &source);
      qk_operand_normalise (to->x, b, D, QK_NORM_LAYER);
      qk_operand_project (to->q, to->x, to->w, b, D, d, *k);
      qk_operand_project (to->k, to->x, to->w, b, D, d, *k);
      qk_operand_scores (to->s, to->q, b, b, to->k, b, qk_rows_padded (d), *k);
      for (size_t i = 0; i < b; i++)
        for (size_t j = 0; j < i; j++)
          ck_assert (to->s[(i / 8 * b + j) * 8 + i % 8] == to->s[(j / 8 * b + i) * 8 + j % 8]);
      ck_assert_mem_eq (first.s, to->s, b * b * sizeof *to->s);
    }
  close_room (&first);
  close_room (&r);
}
END_TEST

START_TEST (lengths)
{
  size_t n = sizes[_i].n, D = sizes[_i].D, b = qk_rows_padded (n);
  struct room r = open_room (n, D, 1);
  for (int norm = QK_NORM_RMS; norm <= QK_NORM_UNIT; norm++)
    {
      struct qk_source source = { { 0 }, NULL };
      qk_source_open (&source, 29, 0x5000, 3);
      fill (&r, n, D, 1, 0, qk_kernels_find (NULL), &source);
      qk_operand_normalise (r.x, b, D, (enum qk_row_norm)norm);
      for (size_t i = 0; i < n; i++)
        {
          long double square = 0, sum = 0;
          for (size_t a = 0; a < D; a++)
            {
              long double x = r.x[qk_operand_index (b, D, i, a)];
              square += x * x;
              sum += x;
            }
          long double to = norm == QK_NORM_UNIT ? 1 : D;
          if (D > 1 || norm != QK_NORM_LAYER)
            ck_assert_msg (fabsl (sqrtl (square / to) - 1) <= ((double)D / 2 + 3) * u,
                           "%zu components, norm %d: %Lg", D, norm, square);
          if (norm == QK_NORM_LAYER)
            ck_assert_msg (fabsl (sum) <= 8 * (double)(D * D) * u, "sum %Lg", sum);
        }
    }
  close_room (&r);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("projection");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_loop_test (exact, addresses, 0, SIZES);
  tcase_add_test (exact, places);
  tcase_add_test (exact, matrices);
  tcase_add_test (edges, lengths_of_nothing);
  tcase_add_test (edges, foreign);
  tcase_add_loop_test (twin, plainly, 0, SIZES);
  tcase_add_test (twin, weights);
  tcase_add_loop_test (laws, bits, 0, SIZES);
  tcase_add_loop_test (laws, lengths, 0, SIZES);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
