/* t-softmax_rounding.c -- tests of the softmax in number formats and of its proved bound.  */

#include "../src/reference.h"
#include "../src/softmax_rounding.h"
#include "support.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum
{
  MOST = 512
};

static double
between (double lo, double hi, uint64_t *state)
{
  return lo + (hi - lo) * ((double)(next (state) >> 11) + 0.5) * 0x1p-53;
}

/* n numbers of the format, of that spread.  */
static void
fill (double *x, size_t n, double spread, double shift, const struct qk_float_format *f,
      uint64_t *state)
{
  for (size_t i = 0; i < n; i++)
    x[i] = qk_round (shift + spread * (between (-1, 1, state) + between (-1, 1, state)), f,
                     QK_NEAREST);
}

/* exact */

/* By hand, in binary16: 1/3 rounds to 0.333251953125; 3 times that reciprocal as well.  */
START_TEST (small_cases)
{
  const struct qk_float_format *f = &qk_float_formats[QK_BINARY16];
  static const double zeros[3] = { 0, 0, 0 }, pair[2] = { 1, 0 };
  double p[3];
  for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
    {
      ck_assert_int_eq (qk_softmax_rounded (p, zeros, 3, form, f, QK_NEAREST), 0);
      for (int i = 0; i < 3; i++)
        ck_assert_double_eq (p[i], 0.333251953125);
      ck_assert_int_eq (qk_softmax_rounded (p, zeros, 1, form, f, QK_TO_ZERO), 0);
      ck_assert_double_eq (p[0], 1);
    }
  /* exp (-1) = .36787944 rounds to .367919921875, the sum to 1.3681640625: its unit is 2^-10.
     1 / 1.3681640625 = .73090649 to .73095703125, .36791992 / 1.3681640625 = .26891506 to
     .268798828125 (unit 2^-12).  */
  ck_assert_int_eq (qk_softmax_rounded (p, pair, 2, QK_SHIFTED, f, QK_NEAREST), 0);
  ck_assert_double_eq (p[0], 0.73095703125);
  ck_assert_double_eq (p[1], 0.268798828125);
}
END_TEST

/* exp first overflows binary16 between two of its numbers; the shift, and binary32, know of none.
 */
START_TEST (overflows)
{
  const struct qk_float_format *half = &qk_float_formats[QK_BINARY16];
  static const double below = 11.0859375, above = 11.09375;
  double p[2], x[2] = { below, -20 };
  ck_assert_int_eq (qk_softmax_rounded (p, x, 2, QK_UNSHIFTED, half, QK_NEAREST), 0);
  x[0] = above;
  for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
    {
      bool bare = form == QK_UNSHIFTED || form == QK_UNSHIFTED_RECIPROCAL;
      for (int r = 0; r < QK_DIRECTIONS; r++)
        ck_assert_int_eq (qk_softmax_rounded (p, x, 2, form, half, r), bare ? -1 : 0);
      ck_assert_int_eq (
          qk_softmax_rounded (p, x, 2, form, &qk_float_formats[QK_BINARY32], QK_NEAREST), 0);
    }
  /* Two that do not overflow, but their sum does.  */
  x[0] = x[1] = 10.75;
  ck_assert_int_eq (qk_softmax_rounded (p, x, 2, QK_UNSHIFTED, half, QK_NEAREST), -1);
  ck_assert_int_eq (qk_softmax_rounded (p, x, 1, QK_UNSHIFTED, half, QK_NEAREST), 0);
  /* All vanish; or the reciprocal overflows.  */
  x[0] = x[1] = -20;
  ck_assert_int_eq (qk_softmax_rounded (p, x, 2, QK_UNSHIFTED, half, QK_NEAREST), -1);
  x[0] = x[1] = -13;
  ck_assert_int_eq (qk_softmax_rounded (p, x, 2, QK_UNSHIFTED, half, QK_NEAREST), 0);
  ck_assert_int_eq (qk_softmax_rounded (p, x, 2, QK_UNSHIFTED_RECIPROCAL, half, QK_NEAREST), -1);
}
END_TEST

/* To first order the bound is (n + 2 e + a_i + sum p_j a_j) u, one more u for the reciprocal;
   without the shift (n + 2 e) u.  */
START_TEST (first_order)
{
  uint64_t state = 0x8e1;
  double x[MOST], p[MOST], bound[MOST];
  for (int i = 0; i < 24; i++)
    for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
      {
        const struct qk_float_format *f = &qk_float_formats[i % 2 ? QK_BINARY64 : QK_BINARY32];
        size_t n = 1 + next (&state) % MOST;
        fill (x, n, between (0, 20, &state), 0, f, &state);
        qk_softmax_ref (p, x, n);
        qk_softmax_rounded_bound (bound, p, x, n, form, f, QK_NEAREST);
        double max = -INFINITY, mean = 0, e = qk_softmax_exp_error (f, QK_NEAREST);
        bool shifted = form == QK_SHIFTED || form == QK_SHIFTED_RECIPROCAL;
        for (size_t j = 0; j < n; j++)
          max = fmax (max, x[j]);
        for (size_t j = 0; j < n; j++)
          mean += p[j] * (max - x[j]);
        for (size_t j = 0; j < n; j++)
          {
            double units = (double)n + 2 * e + (shifted ? max - x[j] + mean : 0)
                           + (form == QK_SHIFTED_RECIPROCAL || form == QK_UNSHIFTED_RECIPROCAL);
            double ratio = bound[j] / (units * f->unit * p[j]);
            ck_assert_msg (ratio > 1 && ratio < 1.001, "i = %d, n = %zu, j = %zu: %.17g", i, n, j,
                           ratio);
          }
      }
}
END_TEST

START_TEST (errors_of_exp)
{
  ck_assert_double_eq (qk_softmax_exp_error (&qk_float_formats[QK_BINARY64], QK_NEAREST), 1.6);
  double e = qk_softmax_exp_error (&qk_float_formats[QK_BINARY32], QK_NEAREST);
  ck_assert (e > 1 && e < 1 + 1e-8);
  e = qk_softmax_exp_error (&qk_float_formats[QK_BFLOAT16], QK_TO_ZERO);
  ck_assert (e > 2 && e < 2 + 1e-8);
}
END_TEST

/* edges */

START_TEST (ends_of_exp)
{
  ck_assert_double_eq (qk_exp (0), 1);
  ck_assert_double_eq (qk_exp (-0.0), 1);
  ck_assert_double_eq (qk_exp (-INFINITY), 0);
  ck_assert_double_eq (qk_exp (INFINITY), INFINITY);
  ck_assert (isnan (qk_exp (NAN)));
  ck_assert_double_eq (qk_exp (709.78271289338409), INFINITY);
  ck_assert (isfinite (qk_exp (709.78271289338386)));
  ck_assert_double_eq (qk_exp (-745.133), 0x1p-1074);
  ck_assert_double_eq (qk_exp (-745.2), 0);
  ck_assert_double_eq (qk_exp (-1e300), 0);
}
END_TEST

/* Weights, exponentials and their reciprocals below the normal numbers: errors in absolute terms.
 */
START_TEST (underflow)
{
  const struct qk_float_format *f = &qk_float_formats[QK_BINARY16];
  uint64_t state = 0x44;
  double x[200], exact[200], p[200], bound[200], most = 0;
  for (int i = 0; i < 120; i++)
    for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
      {
        size_t n = 2 + next (&state) % 199;
        fill (x, n, between (2, 9, &state), between (-12, 3, &state), f, &state);
        if (qk_softmax_rounded (p, x, n, form, f, i % 2))
          continue;
        qk_softmax_ref (exact, x, n);
        qk_softmax_rounded_bound (bound, exact, x, n, form, f, i % 2);
        for (size_t j = 0; j < n; j++)
          {
            double ratio = fabs (p[j] - exact[j]) / bound[j];
            ck_assert_msg (ratio <= 1, "i = %d, form %d, n = %zu, j = %zu: %.17g of %.17g", i, form,
                           n, j, p[j] - exact[j], bound[j]);
            if (isfinite (bound[j]))
              most = fmax (most, ratio);
          }
      }
  ck_assert (most > 0.5);
}
END_TEST

/* twin */

/* Against the exponential of long double.  */
START_TEST (exp_is_accurate)
{
  uint64_t state = 0xe1;
  double most = 0;
  if (LDBL_MANT_DIG < 64)
    return;
  for (int i = 0; i < 200000 * effort (); i++)
    {
      double x = between (-708, 709.7, &state);
      if (i % 4 == 0)
        x = between (-1, 1, &state) * exp (between (-30, 0, &state));
      long double exact = expl ((long double)x);
      most = fmax (most, (double)(fabsl ((long double)qk_exp (x) - exact) / exact) * 0x1p53);
    }
  ck_assert_msg (most <= 1.6 && most > 1, "%.4f u", most);
}
END_TEST

/* Against the arithmetic of the processor: binary32 and binary64.  */
START_TEST (as_native)
{
  uint64_t state = 0x9a;
  static double x[MOST], p[MOST];
  for (int i = 0; i < 300; i++)
    for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
      {
        size_t n = 1 + next (&state) % MOST;
        bool shifted = form == QK_SHIFTED || form == QK_SHIFTED_RECIPROCAL, single = i % 2;
        bool reciprocal = form == QK_SHIFTED_RECIPROCAL || form == QK_UNSHIFTED_RECIPROCAL;
        const struct qk_float_format *f = &qk_float_formats[single ? QK_BINARY32 : QK_BINARY64];
        fill (x, n, between (0, 30, &state), between (-9, 9, &state), f, &state);
        ck_assert_int_eq (qk_softmax_rounded (p, x, n, form, f, QK_NEAREST), 0);
        double max = x[0], sum = 0;
        float sum_single = 0;
        for (size_t j = 0; j < n; j++)
          max = fmax (max, x[j]);
        for (size_t j = 0; j < n; j++)
          {
            sum_single += (float)qk_exp (shifted ? (float)x[j] - (float)max : x[j]);
            sum += qk_exp (shifted ? x[j] - max : x[j]);
          }
        for (size_t j = 0; j < n; j++)
          {
            double e = qk_exp (shifted ? x[j] - max : x[j]);
            float narrow = (float)qk_exp (shifted ? (float)x[j] - (float)max : x[j]);
            double expected = single ? reciprocal ? narrow * (1 / sum_single) : narrow / sum_single
                              : reciprocal ? e * (1 / sum)
                                           : e / sum;
            ck_assert_msg (p[j] == expected, "i = %d, form %d, j = %zu of %zu: %a, not %a", i, form,
                           j, n, p[j], expected);
          }
      }
}
END_TEST

/* The bound holds in every format, and is not absurdly large: within a factor of 12 of what occurs,
   for few keys.  */
START_TEST (bound_holds)
{
  const struct qk_float_format *f = &qk_float_formats[_i % QK_FLOATS];
  enum qk_direction r = _i / QK_FLOATS;
  uint64_t state = 0x6b + (uint64_t)_i;
  double x[MOST], exact[MOST], p[MOST], bound[MOST], most[QK_SOFTMAX_FORMS] = { 0 };
  for (int i = 0; i < 250 * effort (); i++)
    {
      size_t n = i % 8 ? 1 + next (&state) % 8 : 1 + next (&state) % MOST;
      fill (x, n, between (0, 5, &state), between (-3, 0, &state), f, &state);
      qk_softmax_ref (exact, x, n);
      for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
        if (!qk_softmax_rounded (p, x, n, form, f, r))
          {
            qk_softmax_rounded_bound (bound, exact, x, n, form, f, r);
            for (size_t j = 0; j < n; j++)
              {
                double error = fabs (p[j] - exact[j]) + 0x1p-53 * exact[j];
                ck_assert_msg (error <= bound[j], "%s, seed %d, form %d, n = %zu: %.17g of %.17g",
                               f->name, _i, form, n, error, bound[j]);
                most[form] = fmax (most[form], error / bound[j]);
              }
          }
    }
  for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
    ck_assert_msg (most[form] > 1. / 12, "%s, form %d: %g", f->name, form, most[form]);
}
END_TEST

/* laws */

/* A shift that changes no difference changes no weight; the order of equals does not matter.  */
START_TEST (shifts)
{
  uint64_t state = 0x21;
  double x[64], y[64], p[64], q[64];
  for (int i = 0; i < 100; i++)
    for (int f = 0; f < QK_FLOATS; f++)
      for (int form = QK_SHIFTED; form <= QK_SHIFTED_RECIPROCAL; form++)
        {
          for (size_t j = 0; j < 64; j++)
            {
              x[j] = (double)(next (&state) % 32) / 8 - 2;
              y[j] = x[j] + 4;
            }
          qk_softmax_rounded (p, x, 64, form, &qk_float_formats[f], i % 2);
          qk_softmax_rounded (q, y, 64, form, &qk_float_formats[f], i % 2);
          ck_assert (memcmp (p, q, sizeof p) == 0);
          qk_softmax_rounded (y, y, 64, form, &qk_float_formats[f], i % 2); /* in place */
          ck_assert (memcmp (p, y, sizeof p) == 0);
        }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("softmax_rounding");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *of_all = tcase_create ("laws");
  tcase_add_test (exact, small_cases);
  tcase_add_test (exact, overflows);
  tcase_add_test (exact, first_order);
  tcase_add_test (exact, errors_of_exp);
  tcase_add_test (edges, ends_of_exp);
  tcase_add_test (edges, underflow);
  tcase_add_test (twin, exp_is_accurate);
  tcase_add_test (twin, as_native);
  tcase_add_loop_test (twin, bound_holds, 0, QK_FLOATS * QK_DIRECTIONS);
  tcase_add_test (of_all, shifts);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, of_all);
  return run (suite);
}
