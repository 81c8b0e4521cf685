/* t-replay.c -- tests of the replay of blocks: what agrees has the digits promised, and whatever is
   wrong with a kernel, from one part in 10^9 on, is seen.  */

#include "../src/reference.h"
#include "../src/replay.h"
#include "plans.h"

#include <gsl/gsl_errno.h>
#include <math.h>

/* The worst of the findings of a run with those kernels: its digits, and what its bound promises.
 */
struct found
{
  double digits, promised;
  size_t findings, fails;
};

static struct found
replay (const char *command, const char *arguments, const struct qk_kernels *kernels)
{
  struct found f = { INFINITY, 0, 0, 0 };
  char why[QK_WHY];
  open_plan (command, arguments);
  ck_assert_msg (!qk_engine_run (&outcome, &plan, kernels, &(struct qk_watch){ 0 }, why), "%s",
                 why);
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_finding *found = &outcome.findings[i];
      if (strcmp (quantity_of (found->statement), "sum_digits"))
        continue;
      ck_assert (found->statement->judged && found->statement->miss == 0);
      f.findings++;
      f.fails += found->verdict == QK_FAILS;
      if (found->enclosure.estimate < f.digits)
        {
          f.digits = found->enclosure.estimate;
          f.promised = found->statement->band.lo;
        }
    }
  close_run ();
  return f;
}

/* ---- Exact ----------------------------------------------------------------------------------- */

START_TEST (comparing)
{
  struct qk_replay r = { 0 };
  qk_replay_compare (&r, 1.5, 1.5, 0);
  ck_assert (r.worst == 0);
  qk_replay_compare (&r, 2.5, 2, 100);
  ck_assert (r.worst == 0.005);
  qk_replay_compare (&r, -3, -3.001, 4);
  ck_assert (r.worst == 0.005);
  qk_replay_compare (&r, 7, 8, 0);
  ck_assert (r.worst > 1e70);
  r.worst = 0;
  qk_replay_compare (&r, 1e-100, 0, 0); /* counts as 0 */
  ck_assert (r.worst < 1e-19);
  qk_replay_compare (&r, NAN, 1, 1);
  ck_assert (r.worst == INFINITY);
  r.worst = 0;
  qk_replay_compare (&r, 1, NAN, 1);
  ck_assert (r.worst == INFINITY);
}
END_TEST

/* The first time always, then while there is something left; all of a whole block.  */
START_TEST (affording)
{
  struct qk_replay r = { 0 }, whole = { .whole = true };
  ck_assert (qk_replay_affords (&r, 1e9));
  ck_assert (!qk_replay_affords (&r, 1));
  r.spent = 0;
  ck_assert (qk_replay_affords (&r, 100) && qk_replay_affords (&r, 100));
  ck_assert (r.spent == 200);
  for (int i = 0; i < 3; i++)
    ck_assert (qk_replay_affords (&whole, 1e9));
}
END_TEST

START_TEST (power_sums)
{
  const double s[] = { 3, 9, -1, 9, 0.5, 9 };
  double sum[5];
  qk_power_sums_ref (sum, s, 3, 2, 1); /* of 2, -2, -0.5 */
  ck_assert (sum[0] == -0.5 && sum[1] == 8.25 && sum[2] == -0.125 && sum[3] == 32.0625
             && sum[4] == 4.5);
  ck_assert (qk_root_less_ref (2.25, 1.25) == 0.25);
  ck_assert (qk_root_less_ref (2, sqrt (2)) == -9.667293313452913e-17);
}
END_TEST

/* Two keys of weights 3/4 and 1/4 (but for the rounding of ln 3), and 1 - 2^-300, 2^-300.  */
START_TEST (rows_of_two)
{
  struct qk_weights_ref *w = qk_weights_ref_new (3);
  struct qk_row_ref row;
  double near = 1e-15, s[] = { 7, 0, 7 + 2 * log (3) };
  qk_weights_ref_set (w, &row, s, 2, 2, 0.5);
  ck_assert (fabs (row.top - 0.75) < near && fabs (row.participation - 0.625) < near);
  ck_assert (fabs (row.trace - 0.375) < near && fabs (row.jacobian - 4 * 0.03515625) < near);
  ck_assert (fabs (row.entropy - (log (4) - 0.75 * log (3))) < near);

  /* J K = (p1 p2) (1, -1)^T (k1 - k2): its square is 2 (p1 p2)^2 |k1 - k2|^2 = 9/128 25.  */
  const double k[] = { 1, 2, 4, 6 }, G[64] = { [0] = 5, [1] = 16, [8] = 16, [9] = 52 };
  double scale, gram = qk_gradient_by_gram_ref (w, &scale, G, 8);
  ck_assert_msg (fabs (gram / (25 * 9 / 128.) - 1) < 4 * near && scale > gram, "%.17g", gram);
  double keys = qk_gradient_by_keys_ref (w, &scale, k, 2, 1, 2);
  ck_assert_msg (fabs (keys / (25 * 9 / 128.) - 1) < 4 * near && scale > keys, "%.17g", keys);

  const double far[] = { -300 * log (2), 0 }, small = pow (2, -300);
  qk_weights_ref_set (w, &row, far, 2, 1, 1);
  ck_assert (row.top == 1 && fabs (row.trace / (2 * small) - 1) < 1e-12);
  ck_assert (fabs (row.entropy / (small * (1 + 300 * log (2))) - 1) < 1e-12);
  qk_weights_ref_free (w);
}
END_TEST

/* ---- Edges ----------------------------------------------------------------------------------- */

/* With --reference the other findings stay as they are, to the bit, and there is one more a case;
   whatever --quantity says; alone; and where nothing is sampled there is a warning.  */
START_TEST (options)
{
  struct qk_enclosure before[32];
  open_run ("variance", "--dk=3,16 --samples=40000");
  size_t n = outcome.n_findings;
  ck_assert (n <= 32);
  for (size_t i = 0; i < n; i++)
    before[i] = outcome.findings[i].enclosure;
  close_run ();
  open_run ("variance", "--dk=3,16 --samples=40000 --reference");
  ck_assert_uint_eq (outcome.n_findings, n + 2);
  for (size_t i = 0; i < n; i++)
    ck_assert (!memcmp (&before[i], &outcome.findings[i].enclosure, sizeof *before));
  close_run ();

  struct found f
      = replay ("scale", "--dk=3,16 --samples=300 --quantity=scaled_variance --reference",
                qk_kernels_find (NULL));
  ck_assert_uint_eq (f.findings, 2);
  f = replay ("scale", "--dk=3,16 --quantity=sum_digits", qk_kernels_find (NULL));
  ck_assert_uint_eq (f.findings, 2);
  open_plan ("softmax", "--dk=4 --scale=none --quantity=sum_digits --samples=256");
  ck_assert_uint_eq (plan.n_cases, 2); /* replays alone, of both kinds */
  ck_assert_uint_eq (plan.n_statements, 1);
  ck_assert_uint_eq (plan.n_warnings, 0);
  close_plan ();
  open_plan ("gradient", "--dk=4 --exact --reference");
  ck_assert_uint_eq (plan.n_cases, 0);
  ck_assert_uint_eq (plan.n_warnings, 1);
  close_plan ();
}
END_TEST

/* ---- Twin ------------------------------------------------------------------------------------ */

/* What is right agrees to the digits promised, and the promise is no more than 4 digits short.  */

static const struct
{
  const char *command, *arguments;
} runs[] = {
  { "variance", "--dk=1,7,300 --samples=9000" },
  { "variance", "--dk=3,300 --correlation=-0.4 --dist=exponential:mean=3 --samples=9000" },
  { "variance", "--dk=3,300 --correlation=0.7 --rng=mt19937 --samples=5000" },
  { "variance", "--dk=3,300 --dist=rademacher --rng=vax --samples=9000" },
  { "variance", "--dk=9 --q-dist=laplace --k-dist=sparse:p=0.01 --rng=taus --samples=9000" },
  { "variance", "--dk=5 --dist=normal:mean=1e6,sd=0.01 --samples=9000" },
  { "variance", "--dk=2,260 --dist=student:nu=5 --samples=9000 --seed=0xfeed" },
  { "scale", "--dk=1,300 --samples=9000 --rng=mt19937" },
  { "scale", "--dk=5,33 --dist=rademacher --samples=9000" },
  { "scale", "--dk=5 --q-dist=laplace:mean=0.3 --correlation=-0.4 --samples=9000" },
  { "softmax", "--dk=300 --keys=24 --scale=none --samples=300 --rng=mt19937" },
  { "softmax", "--dk=16 --keys=13 --causal --scale=none,dk --samples=300" },
  { "softmax", "--sigma=4,1000 --keys=9 --samples=300" },
  { "softmax", "--sigma=4 --keys=9 --samples=300 --rng=mt19937" },
  { "gradient", "--dk=300 --keys=9 --scale=none --samples=300 --rng=taus" },
  { "gradient", "--dk=2,5 --keys=8 --scale=dk --alpha=0.4 --dist=rademacher --samples=300" },
  { "gradient", "--dk=3 --dist=normal:mean=1e4 --keys=12 --scale=none --samples=300" },
  { "gradient", "--sigma=4,1000 --keys=5 --samples=300" },
};

START_TEST (agrees)
{
  char text[256];
  snprintf (text, sizeof text, "%s --quantity=sum_digits", runs[_i].arguments);
  struct found f = replay (runs[_i].command, text, qk_kernels_find (NULL));
  ck_assert_uint_gt (f.findings, 0);
  ck_assert_msg (f.fails == 0 && f.digits >= f.promised && f.digits <= f.promised + 4
                     && f.digits <= QK_DIGITS_MOST && f.promised >= 11,
                 "%s %s: %.2f digits, promised %.2f", runs[_i].command, runs[_i].arguments,
                 f.digits, f.promised);
}
END_TEST

/* The same bits for every instruction set, so the same digits.  */
START_TEST (same_for_all_builds)
{
  const struct qk_kernels *const *k = qk_kernels_available ();
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i += 7)
    {
      char text[256];
      snprintf (text, sizeof text, "%s --quantity=sum_digits", runs[i].arguments);
      double first = replay (runs[i].command, text, k[0]).digits;
      for (int isa = 1; k[isa]; isa++)
        ck_assert (replay (runs[i].command, text, k[isa]).digits == first);
    }
}
END_TEST

/* ---- Laws ------------------------------------------------------------------------------------ */

/* Kernels with one thing wrong.  */

static const struct qk_kernels *right;

static void
tile_single (double *s, const double *q, const double *k, size_t rows, size_t columns, size_t c,
             int start)
{
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < columns; j++)
      {
        double *at = s + (r / 8 * columns + j) * 8 + r % 8;
        float sum = start ? 0 : (float)*at;
        for (size_t i = 0; i < c; i++)
          sum += (float)(q[(r / 8 * c + i) * 8 + r % 8] * k[(j / 8 * c + i) * 8 + j % 8]);
        *at = sum;
      }
}

static void
tile_short (double *s, const double *q, const double *k, size_t rows, size_t columns, size_t c,
            int start)
{
  right->tile (s, q, k, rows, columns, c, start);
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < columns; j++)
      s[(r / 8 * columns + j) * 8 + r % 8]
          -= q[(r / 8 * c + c - 1) * 8 + r % 8] * k[(j / 8 * c + c - 1) * 8 + j % 8];
}

static void
tile_lane (double *s, const double *q, const double *k, size_t rows, size_t columns, size_t c,
           int start)
{
  right->tile (s, q, k, rows, columns, c, start);
  for (size_t i = 0; i < rows * columns; i += 8)
    s[i + 5] = s[i + 6];
}

static void
pairs_short (double *s, const double *q, const double *k, size_t n, size_t c, int start)
{
  right->pairs (s, q, k, n, c, start);
  for (size_t p = 0; p < n; p++)
    s[p] -= q[(p / 8 * c + c - 1) * 8 + p % 8] * k[(p / 8 * c + c - 1) * 8 + p % 8];
}

static void
mix_single (double *k, const double *q, size_t n, double a, double t, double c)
{
  right->mix (k, q, n, (float)a, t, c);
}

static void
draw_off (double *x, size_t n, struct qk_address a, uint64_t first, const struct qk_law *law)
{
  right->draw (x, n, a, first, law);
  for (size_t i = 3; i < n; i += 8)
    x[i] *= 1 + 1e-9;
}

static void
shape_off (double *x, size_t n, const uint64_t *word, const struct qk_law *law)
{
  right->shape (x, n, word, law);
  for (size_t i = 3; i < n; i += 8)
    x[i] *= 1 + 1e-9;
}

static const double OFF = 1 + 1e-9;

#define SUMS_OFF(name, kernel, member)                                                             \
  static void name (struct qk_score_sums *sums, const double *s, size_t n, double shift)           \
  {                                                                                                \
    right->kernel (sums, s, n, shift);                                                             \
    sums->member *= OFF;                                                                           \
  }

SUMS_OFF (tile_s2, tile_sums, s2)
SUMS_OFF (tile_s4, tile_sums, s4)
SUMS_OFF (tile_abs, tile_sums, abs)
SUMS_OFF (pairs_s3, pair_sums, s4)

static void
tile_rows (struct qk_score_sums *sums, const double *s, size_t n, double shift)
{
  right->tile_sums (sums, s, n, shift);
  sums->rows = sums->s1 * sums->s1;
}

static void
tile_s1 (struct qk_score_sums *sums, const double *s, size_t n, double shift)
{
  right->tile_sums (sums, s, n, shift);
  sums->s1 += 1e-9 * sums->abs;
}

#define ROWS_OFF(member)                                                                           \
  static void rows_##member (struct qk_row_sums *sums, const double *s, size_t n,                  \
                             const size_t keys[QK_LANES], double shift, double scale)              \
  {                                                                                                \
    right->row_sums (sums, s, n, keys, shift, scale);                                              \
    sums->member[6] *= OFF;                                                                        \
  }

ROWS_OFF (z)
ROWS_OFF (z2)
ROWS_OFF (z3)
ROWS_OFF (zt)

static void
weights_off (double *p, const double *s, size_t n, const size_t keys[QK_LANES], double scale,
             const struct qk_row_sums *sums)
{
  right->row_weights (p, s, n, keys, scale, sums);
  for (size_t i = 2; i < 8 * n; i += 8)
    p[i] *= OFF;
}

static void
gradient_off (double square[QK_LANES], const double *p, const double *k, size_t n, size_t c,
              const size_t top[QK_LANES])
{
  right->row_gradient (square, p, k, n, c, top);
  square[7] *= OFF;
}

static struct qk_kernels
broken (int i)
{
  struct qk_kernels k = *right;
  switch (i)
    {
    case 0:
      k.tile = tile_single;
      break;
    case 1:
      k.tile = tile_short;
      break;
    case 2:
      k.tile = tile_lane;
      break;
    case 3:
      k.pairs = pairs_short;
      break;
    case 4:
      k.mix = mix_single;
      break;
    case 5:
      k.draw = draw_off;
      break;
    case 6:
      k.shape = shape_off;
      break;
    case 7:
      k.tile_sums = tile_s1;
      break;
    case 8:
      k.tile_sums = tile_s2;
      break;
    case 9:
      k.tile_sums = tile_s4;
      break;
    case 10:
      k.tile_sums = tile_abs;
      break;
    case 11:
      k.tile_sums = tile_rows;
      break;
    case 12:
      k.pair_sums = pairs_s3;
      break;
    case 13:
      k.row_sums = rows_z;
      break;
    case 14:
      k.row_sums = rows_z2;
      break;
    case 15:
      k.row_sums = rows_z3;
      break;
    case 16:
      k.row_sums = rows_zt;
      break;
    case 17:
      k.row_weights = weights_off;
      break;
    default:
      k.row_gradient = gradient_off;
    }
  return k;
}

static const struct
{
  int broken;
  const char *command, *arguments;
} wrong[] = {
  { 0, "variance", "--dk=1,64" },
  { 0, "softmax", "--dk=4 --keys=8 --scale=sqrt" },
  { 0, "gradient", "--dk=4 --keys=8 --scale=sqrt" },
  { 1, "variance", "--dk=5,300" },
  { 1, "scale", "--dk=5" },
  { 2, "variance", "--dk=64" },
  { 2, "softmax", "--dk=4 --keys=8 --scale=sqrt" },
  { 3, "variance", "--dk=5,300 --correlation=0.3" },
  { 3, "scale", "--dk=5 --quantity=query_norm_square --reference" },
  { 3, "softmax", "--dk=5 --keys=9 --quantity=saturated --reference" },
  { 4, "variance", "--dk=64 --correlation=0.3" },
  { 5, "variance", "--dk=64" },
  { 5, "softmax", "--sigma=2 --keys=16" },
  { 6, "variance", "--dk=64 --rng=mt19937" },
  { 7, "variance", "--dk=64" },
  { 8, "scale", "--dk=64" },
  { 9, "variance", "--dk=64" },
  { 10, "variance", "--dk=64" },
  { 11, "variance", "--dk=64" },
  { 12, "variance", "--dk=64 --correlation=0.3" },
  { 13, "softmax", "--dk=4 --keys=8 --scale=sqrt" },
  { 13, "softmax", "--dk=4 --keys=13 --causal --scale=sqrt" },
  { 13, "gradient", "--dk=4 --keys=8 --scale=sqrt" },
  { 14, "softmax", "--dk=4 --keys=8 --scale=sqrt" },
  { 15, "gradient", "--dk=4 --keys=8 --scale=sqrt" },
  { 16, "softmax", "--dk=4 --keys=8 --scale=sqrt" },
  { 17, "gradient", "--dk=4 --keys=8 --scale=sqrt --quantity=query_gradient_square --reference" },
  { 17, "gradient", "--dk=4 --keys=8 --scale=sqrt --quantity=query_gradient_median --reference" },
  { 18, "gradient", "--dk=4 --keys=8 --scale=sqrt" },
};

START_TEST (sees_what_is_wrong)
{
  char text[256];
  right = qk_kernels_find (NULL);
  struct qk_kernels kernels = broken (wrong[_i].broken);
  snprintf (text, sizeof text, "%s --samples=300 %s", wrong[_i].arguments,
            strstr (wrong[_i].arguments, "--quantity") ? "" : "--quantity=sum_digits");
  struct found f = replay (wrong[_i].command, text, &kernels);
  ck_assert_msg (f.findings > 0 && f.fails == f.findings, "%d, %s %s: %.2f digits, promised %.2f",
                 wrong[_i].broken, wrong[_i].command, text, f.digits, f.promised);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("replay");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, comparing);
  tcase_add_test (exact, affording);
  tcase_add_test (exact, power_sums);
  tcase_add_test (exact, rows_of_two);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, options);
  tcase_set_timeout (edges, 0);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_loop_test (twin, agrees, 0, sizeof runs / sizeof *runs);
  tcase_add_test (twin, same_for_all_builds);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);

  TCase *laws = tcase_create ("laws");
  tcase_add_loop_test (laws, sees_what_is_wrong, 0, sizeof wrong / sizeof *wrong);
  tcase_set_timeout (laws, 0);
  suite_add_tcase (suite, laws);
  return run (suite);
}
