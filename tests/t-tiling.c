/* t-tiling.c -- tiles and blocks: known sizes, the cheapest side, every need met.  */

#include "enclose.h"
#include "lanes/kernels.h"
#include "support.h"
#include "theory.h"
#include "tiling.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdbool.h>

static const char *const laws[] = { "normal",       "uniform",       "rademacher",
                                    "laplace",      "exponential",   "student:nu=4.5",
                                    "sparse:p=0.1", "normal:mean=1", "rademacher:mean=0.5" };

enum
{
  LAWS = sizeof laws / sizeof *laws
};

static struct qk_score
score_of (const char *law, double d)
{
  struct qk_score s = { .d = d };
  char why[QK_WHY];
  if (qk_law_parse (&s.q, law, why) != 0)
    ck_abort_msg ("%s: %s", law, why);
  s.k = s.q;
  return s;
}

static double
square_variance (const void *of, double side)
{
  const struct qk_score *s = of;
  return qk_tile_square_variance (s, side, side) / pow (qk_score_variance (s), 2);
}

static double
square_kurtosis (const void *of, double side)
{
  return qk_tile_square_kurtosis (of, side, side);
}

static struct qk_tile
tile_of (const struct qk_score *s, bool pairs)
{
  return (struct qk_tile){ s->d, qk_law_moment (&s->q, 4), pairs, square_variance, square_kurtosis,
                           s };
}

/* Tiles that the mean square needs at some tolerance.  */
struct demand
{
  const struct qk_score *s;
  double tolerance;
};

static double
mean_square_need (const void *of, double side)
{
  const struct demand *x = of;
  return fmax (1, qk_plan_units (square_variance (x->s, side), log1p (x->tolerance), 1e-5));
}

static struct qk_tiling
planned (const struct qk_score *s, bool pairs, double tolerance, double least)
{
  struct qk_tile t = tile_of (s, pairs);
  struct demand x = { s, tolerance };
  return qk_tiling_planned (&t, mean_square_need, &x, least);
}

static double
total (struct qk_tiling a)
{
  return a.blocks * a.tiles * a.scores;
}

/* What holds for every answer.  */
static void
check (const struct qk_tile *t, struct qk_tiling a)
{
  double all = total (a);
  if (t->pairs)
    ck_assert (a.side == QK_BATCH && a.scores == QK_BATCH);
  else
    {
      ck_assert (a.scores == a.side * a.side);
      ck_assert (a.side >= QK_LANES && a.side <= QK_MAX_SIDE && fmod (a.side, QK_LANES) == 0);
    }
  ck_assert (a.tiles >= 1 && a.tiles == floor (a.tiles));
  ck_assert (a.blocks >= 1 && a.blocks == floor (a.blocks));
  ck_assert_msg (all < 0x1p63, "%g scores overflow", all);
}

/* Whether a block of so many tiles pools enough.  */
static bool
pooled (const struct qk_tile *t, struct qk_tiling a)
{
  double tiles = t->pairs ? a.tiles * a.scores : a.tiles, b = t->pairs ? 1 : a.side;
  double variance = t->variance (t->of, b), kurtosis = t->kurtosis (t->of, b);
  return a.tiles * a.scores >= QK_MIN_POOL && !(variance / tiles > 0.01 * (1 + 1e-12))
         && !(isfinite (kurtosis) && kurtosis / tiles > 3 * (1 + 1e-12));
}

/* ---- exact ---- */

/* 128 blocks of 4096 scores, as few as are honest, are 128 blocks at every d.  */
START_TEST (exact_least_samples)
{
  for (double d = 1; d <= 1048576; d = d < 300 ? d + 1 : 2 * d)
    {
      struct qk_score s = score_of ("normal", d);
      struct qk_tile t = tile_of (&s, false);
      struct qk_tiling a = qk_tiling_samples (&t, 524288);
      ck_assert_msg (a.blocks == 128 && a.tiles * a.scores == 4096,
                     "d = %g: %g blocks of %g tiles of side %g", d, a.blocks, a.tiles, a.side);
      ck_assert_double_eq (a.side, d < 11 ? 8 : d < 31 ? 16 : d < 101 ? 32 : 64);
      ck_assert_double_eq (qk_tiling_enough (&t, 128), 524288);
    }
}
END_TEST

/* d = 64, m4 = 3: sqrt (128 45 / (2 (1 + 10/64))); d = 1, uniform: sqrt (90 / (0.8 11)) < 8.  */
START_TEST (exact_side)
{
  ck_assert_double_eq_tol (qk_tiling_side (64, 3), 49.908023511363, 1e-11);
  ck_assert_double_eq_tol (qk_tiling_side (512, 1.8), 237.690032866626, 1e-11);
  ck_assert_double_eq (qk_tiling_side (1, 1.8), 8);
  ck_assert_double_eq (qk_tiling_side (1048576, 3), 512);
  ck_assert_double_eq (qk_tiling_side (1, 1), 512);
}
END_TEST

START_TEST (exact_pool)
{
  /* One normal product has the relative variance 8: 800 of them, and 4096 are more.  */
  struct qk_score s = score_of ("normal", 1);
  struct qk_tile t = tile_of (&s, true);
  ck_assert_double_eq (qk_tiling_pool (&t, QK_BATCH), 128);
  /* Tiles of side 16 there: (8 + 15 4) / 256 = 0.265625, so 27; but 4096 scores are 16.  */
  t.pairs = false;
  ck_assert_double_eq (qk_tiling_pool (&t, 16), 27);
  ck_assert_double_eq (qk_tiling_pool (&t, 8), 64);
  /* d = 64, side 512: (2.09375 + 511 4/64) / 512^2 < 1/100.  */
  s.d = 64;
  ck_assert_double_eq (qk_tiling_pool (&t, 512), 1);
}
END_TEST

/* Where the mean square is a mean and the variance rare values, it is these that have to be seen:
   q = 1 + z / 10, z sparse with moments 3/p, 15/p^2, 105/p^3.  The fourth cumulant of q^2 is
   480 + 3.6e6 + 1.05e9 less 3 Var^2, that of s^2 nearly 105 E q^8.  */
START_TEST (exact_rare)
{
  struct qk_score s = score_of ("sparse:p=1e-5,mean=1,sd=0.1", 1);
  s.k = score_of ("normal", 1).q;
  struct qk_tile t = tile_of (&s, false);
  double of_q = 30.0399, of_k = 2 * 1.01 * 1.01, single = 3 * 31.06 - 1.01 * 1.01;
  double variance = (single + 15 * (of_q + of_k)) / 256;
  double rows = 480 + 3.6e6 + 1.05e9 - 3 * of_q * of_q, rest = 105 * (2101.28 + 4.2e6 + 1.05e9);
  double kurtosis = (rows / 4096 + rest / 16777216) / (variance * variance);
  ck_assert_double_eq_tol (t.kurtosis (t.of, 16) / kurtosis, 1, 1e-5);
  ck_assert_double_eq (qk_tiling_pool (&t, 16), ceil (t.kurtosis (t.of, 16) / 3));
}
END_TEST

START_TEST (exact_pairs)
{
  struct qk_tiling a = qk_tiling_pairs (52202.7);
  ck_assert (a.side == 32 && a.scores == 32 && a.tiles == 16 && a.blocks == 102);
  a = qk_tiling_pairs (1);
  ck_assert (a.tiles == 1 && a.blocks == 1);
  a = qk_tiling_pairs (1e9); /* 31250000 batches */
  ck_assert (a.tiles == 7630 && a.blocks == 4096);
}
END_TEST

START_TEST (exact_cost)
{
  struct qk_tiling a = { 16, 256, 3, 128 };
  ck_assert_double_eq (qk_tiling_cost (&a, 64, 10), 3. * (256 * 74 + 2 * 45 * 16 * 64));
}
END_TEST

START_TEST (exact_honest)
{
  ck_assert_double_eq (qk_tiling_honest (15), 128);
  ck_assert_double_eq (qk_tiling_honest (INFINITY), 1000);
}
END_TEST

/* ---- edges ---- */

static double
constant_need (const void *of, double side)
{
  (void)side;
  return *(const double *)of;
}

static double
no_variance (const void *of, double side)
{
  (void)of;
  (void)side;
  return 0;
}

/* Squares of signs do not vary, and where the scores are constant 0/0 is no variance either: a
   block still has its 4096 scores.  */
START_TEST (edges_no_variance)
{
  struct qk_tile t = { 3, 1, false, no_variance, no_variance, NULL };
  for (double side = 8; side <= 512; side *= 2)
    ck_assert_double_eq (qk_tiling_pool (&t, side), fmax (4096 / (side * side), 1));
  double nan = NAN, one = 1;
  t.variance = constant_need;
  t.of = &nan;
  ck_assert_double_eq (qk_tiling_pool (&t, 16), 16);
  /* No variance at all, as an infinite one has it: no number of samples is enough.  */
  double infinite = INFINITY;
  struct qk_tile heavy = { 3, 9, true, constant_need, constant_need, &infinite };
  ck_assert (isinf (qk_tiling_enough (&heavy, 128)));
  /* Nothing is needed: the smallest side, as few blocks as are honest.  */
  struct qk_tiling a = qk_tiling_planned (&t, constant_need, &one, 128);
  ck_assert (a.side == 8 && a.tiles == 64 && a.blocks == 128);
}
END_TEST

/* Fewer samples than a block are a smaller block, and never none.  */
START_TEST (edges_few_samples)
{
  for (int pairs = 0; pairs < 2; pairs++)
    for (double samples = 1; samples < 10000; samples++)
      {
        struct qk_score s = score_of ("normal", 17);
        struct qk_tile t = tile_of (&s, pairs);
        struct qk_tiling a = qk_tiling_samples (&t, samples);
        check (&t, a);
        ck_assert_double_ge (total (a), samples);
        ck_assert_double_lt (total (a), samples + 4096);
      }
}
END_TEST

/* The blocks a caller insists on are kept, beyond QK_MAX_BLOCKS too, however much is needed.  */
START_TEST (edges_least)
{
  for (int pairs = 0; pairs < 2; pairs++)
    for (double least = 128; least < 1e6; least *= 2.385)
      for (double tolerance = 0.1; tolerance > 1e-5; tolerance /= 3)
        {
          struct qk_score s = score_of ("normal", 2);
          struct qk_tiling a = planned (&s, pairs, tolerance, ceil (least));
          ck_assert_msg (a.blocks >= least, "least %g, tolerance %g: %g blocks", ceil (least),
                         tolerance, a.blocks);
          ck_assert_double_le (a.blocks, fmax (QK_MAX_BLOCKS, ceil (least)));
        }
}
END_TEST

/* ---- twin ---- */

/* The cheapest side by trying all, with the exact variance of a tile.  The formula leaves out terms
   of order r = (m4 - 1) / d: its side costs more by at most 0.6 r.  */
START_TEST (twin_side)
{
  for (int i = 0; i < LAWS; i++)
    for (double d = 16; d <= 4096; d *= 2)
      {
        struct qk_score s = score_of (laws[i], d);
        if (s.q.mean != 0)
          continue;
        double least = INFINITY, at = 0;
        for (double b = QK_LANES; b <= QK_MAX_SIDE; b++)
          {
            struct qk_tiling a = { b, b * b, 1, 1 };
            double price = qk_tiling_cost (&a, d, QK_SCORE_COST) * square_variance (&s, b);
            if (price < least)
              {
                least = price;
                at = b;
              }
          }
        double m4 = qk_law_moment (&s.q, 4), b = qk_tiling_side (d, m4);
        struct qk_tiling a = { b, b * b, 1, 1 };
        double price = qk_tiling_cost (&a, d, QK_SCORE_COST) * square_variance (&s, b);
        ck_assert_msg (price <= (1.0001 + 0.6 * (m4 - 1) / d) * least,
                       "%s, d = %g: side %g costs %g times side %g", laws[i], d, b, price / least,
                       at);
      }
}
END_TEST

/* The 1/100 rule by counting: no block of one tile less would do.  */
START_TEST (twin_pool)
{
  for (int i = 0; i < LAWS; i++)
    for (double d = 1; d <= 1048576; d *= 4)
      for (int pairs = 0; pairs < 2; pairs++)
        for (double side = 8; side <= 512; side += 24)
          {
            struct qk_score s = score_of (laws[i], d);
            struct qk_tile t = tile_of (&s, pairs);
            struct qk_tiling a = { side, side * side, qk_tiling_pool (&t, side), 1 };
            if (pairs)
              a.side = a.scores = QK_BATCH;
            bool enough = pooled (&t, a);
            a.tiles--;
            ck_assert_msg (enough && !pooled (&t, a), "%s, d = %g, side %g: %g tiles", laws[i], d,
                           a.side, a.tiles + 1);
          }
}
END_TEST

/* ---- laws ---- */

START_TEST (laws_samples)
{
  for (int i = 0; i < LAWS; i++)
    for (double d = 1; d <= 1048576; d *= 4)
      for (int pairs = 0; pairs < 2; pairs++)
        {
          struct qk_score s = score_of (laws[i], d);
          struct qk_tile t = tile_of (&s, pairs);
          for (double samples = 256; samples < 1e18; samples *= 2.385)
            {
              struct qk_tiling a = qk_tiling_samples (&t, samples);
              check (&t, a);
              ck_assert_double_ge (total (a), samples);
              ck_assert_double_le (a.blocks, QK_MAX_BLOCKS);
              /* At most one block more than asked for.  */
              ck_assert_double_lt (total (a) - a.tiles * a.scores, samples);
              ck_assert (a.blocks == 1 || pooled (&t, a));
            }
          for (double blocks = 128; blocks <= 1024; blocks += 872)
            {
              double enough = qk_tiling_enough (&t, blocks);
              ck_assert_double_ge (qk_tiling_samples (&t, enough).blocks, blocks);
              ck_assert (enough == 524288 || qk_tiling_samples (&t, enough / 2).blocks < blocks);
            }
        }
}
END_TEST

START_TEST (laws_planned)
{
  for (int i = 0; i < LAWS; i++)
    for (double d = 1; d <= 1048576; d *= 4)
      for (int pairs = 0; pairs < 2; pairs++)
        {
          struct qk_score s = score_of (laws[i], d);
          struct qk_tile t = tile_of (&s, pairs);
          struct qk_tiling last = { 0 };
          double least = qk_tiling_honest (qk_law_moment (&s.q, 6));
          for (double tolerance = 0.3; tolerance > 1e-6; tolerance /= 2.385)
            {
              struct demand x = { &s, tolerance };
              struct qk_tiling a = planned (&s, pairs, tolerance, least);
              double tiles = a.blocks * a.tiles * (pairs ? QK_BATCH : 1);
              double need = mean_square_need (&x, pairs ? 1 : a.side);
              check (&t, a);
              ck_assert (pooled (&t, a));
              ck_assert_double_ge (a.blocks, least);
              ck_assert_msg (tiles >= need, "%s, d = %g, tolerance %g: %g of %g tiles", laws[i], d,
                             tolerance, tiles, need);
              /* A narrower band takes no smaller tiles, and of the same no fewer.  */
              ck_assert_double_ge (a.side, last.side);
              ck_assert (a.side > last.side || total (a) >= total (last));
              last = a;
            }
        }
}
END_TEST

START_TEST (laws_pairs)
{
  for (double pairs = 1; pairs < 1e18; pairs *= 1.07)
    {
      struct qk_tiling a = qk_tiling_pairs (pairs);
      ck_assert_double_ge (total (a), pairs);
      ck_assert_double_lt (total (a) - a.tiles * a.scores, pairs);
      ck_assert_double_le (a.blocks, QK_MAX_BLOCKS);
      ck_assert (a.blocks == 1 || a.tiles * a.scores >= 512);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("tiling");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *of_all = tcase_create ("laws");
  tcase_add_test (exact, exact_least_samples);
  tcase_add_test (exact, exact_side);
  tcase_add_test (exact, exact_pool);
  tcase_add_test (exact, exact_rare);
  tcase_add_test (exact, exact_pairs);
  tcase_add_test (exact, exact_cost);
  tcase_add_test (exact, exact_honest);
  tcase_add_test (edges, edges_no_variance);
  tcase_add_test (edges, edges_few_samples);
  tcase_add_test (edges, edges_least);
  tcase_add_test (twin, twin_side);
  tcase_add_test (twin, twin_pool);
  tcase_add_test (of_all, laws_samples);
  tcase_add_test (of_all, laws_planned);
  tcase_add_test (of_all, laws_pairs);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, of_all);
  return run (suite);
}
