/* t-lanes.c -- tests of src/lanes: every build this processor runs against the scalar route and
   plain loops, bit for bit.  Each test is repeated for each build (its loop index).

   t-lanes-avx512 is this too, of one build: the AVX-512 source with SIMDe in place of the processor
   (QK_EMULATED; QK_SIMDE where there is SIMDe).  */

#include "lanes/kernels.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#ifdef QK_SIMDE
extern const struct qk_kernels qk_kernels_simde;
#endif

/* The builds under test, ended by NULL.  */
static const struct qk_kernels *const *
builds (void)
{
#if defined QK_SIMDE
  static const struct qk_kernels *const emulated[] = { &qk_kernels_simde, NULL };
  return qk_kernels_find ("avx2") ? emulated : emulated + 1;
#elif defined QK_EMULATED
  static const struct qk_kernels *const none = NULL;
  return &none;
#else
  return qk_kernels_available ();
#endif
}

static const struct qk_kernels *
build (int i)
{
  return builds ()[i];
}

static struct qk_law
parse (const char *text)
{
  struct qk_law law;
  char why[QK_WHY];
  ck_assert_msg (qk_law_parse (&law, text, why) == 0, "%s: %s", text, why);
  return law;
}

static double *
array (size_t n)
{
  double *x = aligned_alloc (QK_ALIGN, (n * sizeof *x + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN);
  ck_assert (x != NULL);
  return x;
}

/* n values of a skew law, mean not 0.  */
static double *
values (size_t n, uint64_t block)
{
  static const struct qk_address a = { 31, 0x6a09e667f3bc, 0 };
  struct qk_law law = parse ("exponential:mean=0.317,sd=1.731");
  double *x = array (n);
  for (size_t i = 0; i < n; i++)
    x[i] = qk_draw ((struct qk_address){ a.seed, a.cell, block }, &law, i);
  return x;
}

/* Bits, so that -0 is not 0.  */
static bool
same (double x, double y)
{
  return memcmp (&x, &y, sizeof x) == 0;
}

/* Exact.  */

START_TEST (builds_are_listed)
{
  const struct qk_kernels *const *k = qk_kernels_available ();
  ck_assert (k[0] != NULL);
  int n = 0;
  for (; k[n]; n++)
    {
      ck_assert (qk_kernels_find (k[n]->isa) == k[n]);
      ck_assert (k[n]->draw && k[n]->shape && k[n]->mix && k[n]->tile && k[n]->pairs
                 && k[n]->tile_sums && k[n]->pair_sums);
    }
  ck_assert_str_eq (k[n - 1]->isa, "plain");
  ck_assert (qk_kernels_find (NULL) == k[0]);
  ck_assert (qk_kernels_find ("mmx") == NULL);
  ck_assert (qk_kernels_find ("") == NULL);
  if (strcmp (k[0]->isa, "plain") != 0)
    ck_assert (qk_fma_in_hardware ());
}
END_TEST

START_TEST (operand_sizes)
{
  ck_assert_uint_eq (qk_operand_size (8, 4), 32);
  ck_assert_uint_eq (qk_operand_size (8, 1), 32);
  ck_assert_uint_eq (qk_operand_size (8, 5), 64);
  ck_assert_uint_eq (qk_operand_size (88, 257), 22624);
  ck_assert_uint_eq (qk_operand_size (512, 65536), 33554432);
}
END_TEST

/* Twins.  */

static const char *const laws[] = {
  "normal",
  "normal:mean=-2.385,sd=0.7193",
  "uniform",
  "uniform:mean=0.5",
  "rademacher",
  "rademacher:sd=3.1",
  "laplace",
  "laplace:mean=1,sd=2",
  "exponential",
  "exponential:sd=0.01",
  "student:nu=4.01",
  "student:nu=10,mean=2.385",
  "student:nu=1e6",
  "sparse:p=0.1",
  "sparse:p=0.7,mean=-1",
  "sparse:p=1",
};

START_TEST (draws_agree)
{
  const uint64_t seed = 7;
  uint64_t state = seed;
  const size_t room = 32 * 150;
  double *x = array (room + 8);
  x[room] = 2.385;

  for (size_t l = 0; l < sizeof laws / sizeof *laws; l++)
    {
      struct qk_law law = parse (laws[l]);
      for (int trial = 0; trial < 12 * effort (); trial++)
        {
          struct qk_address a = { next (&state), next (&state) >> 16, next (&state) >> 24 };
          size_t n = 32 * (1 + next (&state) % (trial < 10 ? 9 : 150));
          uint64_t limit = law.type->per * (UINT64_C (1) << 40) / 32;
          uint64_t first = 32 * (next (&state) % (limit - 150));
          if (trial == 0) /* the first, the last, and across the carry of 32 bits of group */
            first = 0;
          if (trial == 1)
            first = 32 * limit - n;
          if (trial == 2 || trial == 11)
            first = ((uint64_t)law.type->per << 32) - n / 64 * 32;
          build (_i)->draw (x + room - n, n, a, first, &law);
          for (size_t i = 0; i < n; i++)
            {
              double z = qk_draw (a, &law, first + i);
              if (!same (x[room - n + i], z))
                ck_abort_msg ("%s: %s, seed %" PRIx64 ", cell %" PRIx64 ", block %" PRIx64
                              ", position %" PRIx64 ": %a is not %a",
                              build (_i)->isa, laws[l], a.seed, a.cell, a.block, first + i,
                              x[room - n + i], z);
            }
          ck_assert (x[room] == 2.385);
        }
    }
  free (x);
}
END_TEST

/* Words at the ends, which no draw would meet: u nearest to 0 and to 1, all octants.  */
START_TEST (extreme_words_agree)
{
  static const uint64_t edge[] = {
    0,
    UINT64_MAX,
    0xffffff,
    0xffffffffff000000,
    UINT64_C (1) << 63,
    INT64_MAX,
    0x800001,
    0x7ffffe,
    0x4000000000000000,
    0xbfffffffffffffff,
    0xff00000000000001,
    0xf000000000800000,
    0x1000000,
    0xfff,
    0x1000,
    0xfffffffffffff000,
  };
  const size_t edges = sizeof edge / sizeof *edge, counters = edges * edges;
  uint64_t *word = malloc (2 * counters * sizeof *word);
  double *x = array (4 * counters);
  ck_assert (word != NULL);
  for (size_t c = 0; c < counters; c++)
    {
      word[2 * c] = edge[c % edges];
      word[2 * c + 1] = edge[c / edges];
    }
  for (size_t l = 0; l < sizeof laws / sizeof *laws; l++)
    {
      struct qk_law law = parse (laws[l]);
      const unsigned per = law.type->per;
      build (_i)->shape (x, per * counters, word, &law);
      for (size_t p = 0; p < per * counters; p++)
        {
          double z[4];
          size_t c = p / (8 * per) * 8 + p % 8;
          law.type->transform (z, word + 2 * c, law.shape);
          double value = fma (law.sd, z[p / 8 % per], law.mean);
          if (!same (x[p], value) || !isfinite (value))
            ck_abort_msg ("%s: %s, words %016" PRIx64 " %016" PRIx64 ": %a is not %a",
                          build (_i)->isa, laws[l], word[2 * c], word[2 * c + 1], x[p], value);
        }
    }
  free (word);
  free (x);
}
END_TEST

START_TEST (shape_of_words_is_draw)
{
  const struct qk_address a = { 99, 0xabcdef123450, 12345678901 };
  const size_t n = 32 * 11;
  double *x = array (n), *y = array (n);
  uint64_t *word = malloc (2 * n * sizeof *word);
  ck_assert (word != NULL);
  for (size_t l = 0; l < sizeof laws / sizeof *laws; l++)
    {
      struct qk_law law = parse (laws[l]);
      for (size_t c = 0; c < n / law.type->per; c++)
        qk_words (word + 2 * c, a, 64 / law.type->per + c);
      build (_i)->shape (x, n, word, &law);
      build (_i)->draw (y, n, a, 64, &law);
      ck_assert_msg (memcmp (x, y, n * sizeof *x) == 0, "%s: %s", build (_i)->isa, laws[l]);
    }
  free (word);
  free (x);
  free (y);
}
END_TEST

/* qk_fill: the role goes into the cell; foreign words go to the transform in order.  */
START_TEST (fill_from_sources)
{
  const size_t n = 96;
  double *x = array (n), *y = array (n);
  uint64_t word[2 * 96], expected[2 * 96];
  struct qk_source s = { .foreign = NULL };
  struct qk_law law = parse ("laplace:mean=0.317");
  qk_source_open (&s, 12, 0x123450, 34);
  qk_fill (build (_i), x, n, &s, 3, 160, &law, NULL);
  for (size_t i = 0; i < n; i++)
    ck_assert (same (x[i], qk_draw ((struct qk_address){ 12, 0x123453, 34 }, &law, 160 + i)));

  s.foreign = gsl_rng_alloc (gsl_rng_mt19937);
  gsl_rng *copy = gsl_rng_alloc (gsl_rng_mt19937);
  for (size_t l = 0; l < sizeof laws / sizeof *laws; l++)
    {
      law = parse (laws[l]);
      const size_t words = 2 * n / law.type->per;
      qk_source_open (&s, 12, 0x123450, 34);
      gsl_rng_memcpy (copy, s.foreign);
      qk_fill (build (_i), x, n, &s, 3, 160, &law, word);
      for (size_t i = 0; i < words; i++)
        expected[i] = qk_foreign_word (copy);
      build (_i)->shape (y, n, expected, &law);
      ck_assert (memcmp (x, y, n * sizeof *x) == 0);
      ck_assert_uint_eq (gsl_rng_get (copy), gsl_rng_get (s.foreign)); /* no word more */
    }
  gsl_rng_free (copy);
  gsl_rng_free (s.foreign);
  free (x);
  free (y);
}
END_TEST

START_TEST (mix_is_two_fmas)
{
  const size_t n = 40;
  double *q = values (n, 1), *k = values (n, 2), *before = values (n, 2);
  build (_i)->mix (k, q, n, 0.6180, 0.7862, -0.111);
  for (size_t i = 0; i < n; i++)
    ck_assert (same (k[i], fma (0.6180, q[i], fma (0.7862, before[i], -0.111))));
  free (q);
  free (k);
  free (before);
}
END_TEST

/* The place of row r, coordinate i in an operand of b rows by d coordinates, from kernels.h.  */
static size_t
place (size_t b, size_t d, size_t r, size_t i)
{
  size_t m = i / QK_DEPTH, left = d - m * QK_DEPTH, c = left < QK_DEPTH ? left : QK_DEPTH;
  return m * QK_DEPTH * b + (r / 8 * c + i % QK_DEPTH) * 8 + r % 8;
}

START_TEST (layout_is_one_to_one)
{
  static const size_t b[] = { 8, 24, 88 }, d[] = { 1, 7, 256, 257, 700 };
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 5; j++)
      {
        unsigned char *seen = calloc (b[i] * d[j], 1);
        ck_assert (seen != NULL);
        for (size_t r = 0; r < b[i]; r++)
          for (size_t c = 0; c < d[j]; c++)
            {
              size_t p = place (b[i], d[j], r, c);
              if (p >= b[i] * d[j] || seen[p]++)
                ck_abort_msg ("b %zu, d %zu: row %zu, coordinate %zu", b[i], d[j], r, c);
            }
        free (seen);
      }
}
END_TEST

/* Every side with every depth, chunk by chunk.  */
START_TEST (tiles_against_triple_loop)
{
  static const size_t sides[] = { 8, 16, 24, 32, 40, 88 };
  static const size_t depths[] = { 1, 2, 3, 7, 64, 255, 256, 257, 700 };
  for (size_t side = 0; side < sizeof sides / sizeof *sides; side++)
    for (size_t depth = 0; depth < sizeof depths / sizeof *depths; depth++)
      {
        const size_t b = sides[side], d = depths[depth];
        if (b > 40 && d > 300)
          continue;
        double *q = values (b * d, 10 + b), *k = values (b * d, 1000 + d), *s = array (b * b + 8);
        for (size_t i = 0; i < b * b; i++)
          s[i] = NAN; /* start must not read it */
        s[b * b] = 2.385;
        for (size_t from = 0; from < d; from += QK_DEPTH)
          {
            size_t c = d - from < QK_DEPTH ? d - from : QK_DEPTH;
            build (_i)->tile (s, q + from * b, k + from * b, b, b, c, from == 0);
          }
        for (size_t r = 0; r < b; r++)
          for (size_t j = 0; j < b; j++)
            {
              double sum = 0;
              for (size_t i = 0; i < d; i++)
                sum = fma (q[place (b, d, r, i)], k[place (b, d, j, i)], sum);
              if (!same (s[(r / 8 * b + j) * 8 + r % 8], sum))
                ck_abort_msg ("%s: b %zu, d %zu, row %zu, column %zu: %a is not %a",
                              build (_i)->isa, b, d, r, j, s[(r / 8 * b + j) * 8 + r % 8], sum);
            }
        ck_assert (s[b * b] == 2.385);
        free (q);
        free (k);
        free (s);
      }
}
END_TEST

START_TEST (pairs_against_double_loop)
{
  static const size_t numbers[] = { 8, 24, 32, 40, 104 }, depths[] = { 1, 2, 7, 256, 257, 700 };
  for (int number = 0; number < 5; number++)
    for (int depth = 0; depth < 6; depth++)
      {
        const size_t n = numbers[number], d = depths[depth];
        double *q = values (n * d, 20 + n), *k = values (n * d, 2000 + d), *s = array (n + 8);
        for (size_t i = 0; i < n; i++)
          s[i] = NAN;
        s[n] = 2.385;
        for (size_t from = 0; from < d; from += QK_DEPTH)
          {
            size_t c = d - from < QK_DEPTH ? d - from : QK_DEPTH;
            build (_i)->pairs (s, q + from * n, k + from * n, n, c, from == 0);
          }
        for (size_t p = 0; p < n; p++)
          {
            double sum = 0;
            for (size_t i = 0; i < d; i++)
              sum = fma (q[place (n, d, p, i)], k[place (n, d, p, i)], sum);
            if (!same (s[p], sum))
              ck_abort_msg ("%s: n %zu, d %zu, pair %zu: %a is not %a", build (_i)->isa, n, d, p,
                            s[p], sum);
          }
        ck_assert (s[n] == 2.385);
        free (q);
        free (k);
        free (s);
      }
}
END_TEST

/* Sums, in the order of kernels.h and in long double.  */

static double
total (const double x[8])
{
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

/* panels of 8 rows by columns.  */
static struct qk_score_sums
sums_ref (const double *s, size_t panels, size_t columns, double shift)
{
  double all[5][8] = { { 0 } }, rows[8] = { 0 };
  for (size_t panel = 0; panel < panels; panel++)
    for (int lane = 0; lane < 8; lane++)
      {
        double s1 = 0, s2 = 0, s3 = 0, s4 = 0, abs = 0;
        for (size_t j = 0; j < columns; j++)
          {
            double value = s[(panel * columns + j) * 8 + lane], x = value - shift, square = x * x;
            s1 += x;
            s2 += square;
            s3 = fma (square, x, s3);
            s4 = fma (square, square, s4);
            abs += fabs (value);
          }
        all[0][lane] += s1;
        all[1][lane] += s2;
        all[2][lane] += s3;
        all[3][lane] += s4;
        all[4][lane] += abs;
        rows[lane] = fma (s1, s1, rows[lane]);
      }
  return (struct qk_score_sums){ total (all[0]), total (all[1]), total (all[2]),
                                 total (all[3]), total (all[4]), total (rows) };
}

static void
sums_long (long double sum[6], const double *s, size_t panels, size_t columns, double shift)
{
  for (int k = 0; k < 6; k++)
    sum[k] = 0;
  for (size_t panel = 0; panel < panels; panel++)
    for (int lane = 0; lane < 8; lane++)
      {
        long double row = 0;
        for (size_t j = 0; j < columns; j++)
          {
            long double value = s[(panel * columns + j) * 8 + lane], x = value - shift;
            row += x;
            sum[1] += x * x;
            sum[2] += x * x * x;
            sum[3] += x * x * x * x;
            sum[4] += fabsl (value);
          }
        sum[0] += row;
        sum[5] += row * row;
      }
}

START_TEST (sums_are_in_order)
{
  static const size_t sides[] = { 8, 16, 40, 88, 120 };
  for (int side = 0; side < 5; side++)
    {
      const size_t b = sides[side];
      const double shift = side % 2 ? 0 : -1.618, *s = values (b * b, b);
      struct qk_score_sums sums, ref = sums_ref (s, b / 8, b, shift);
      build (_i)->tile_sums (&sums, s, b, shift);
      ck_assert_msg (memcmp (&sums, &ref, sizeof sums) == 0, "%s: b %zu", build (_i)->isa, b);

      long double exact[6];
      sums_long (exact, s, b / 8, b, shift);
      const double got[] = { sums.s1, sums.s2, sums.s3, sums.s4, sums.abs, sums.rows };
      const long double size[] = {
        exact[4] + b * b * fabs (shift), exact[1], exact[3] + b * b, exact[3], exact[4], exact[5]
      };
      for (int k = 0; k < 6; k++)
        ck_assert_msg (fabsl (got[k] - exact[k]) <= 2 * b * 0x1p-53L * size[k], "%s: b %zu, sum %d",
                       build (_i)->isa, b, k);

      struct qk_score_sums pair;
      build (_i)->pair_sums (&pair, s, b * b, shift);
      ref = sums_ref (s, 1, b * b / 8, shift);
      ref.rows = 0;
      ck_assert_msg (memcmp (&pair, &ref, sizeof pair) == 0, "%s: %zu pairs", build (_i)->isa,
                     b * b);
      free ((void *)s);
    }
}
END_TEST

/* The shift is what keeps the digits: numbers near 10^9 with spread 1.  */
START_TEST (shift_keeps_digits)
{
  const size_t b = 40;
  double *s = values (b * b, 77), mean = 1e9;
  for (size_t i = 0; i < b * b; i++)
    s[i] += mean;
  long double exact[6];
  struct qk_score_sums sums;
  sums_long (exact, s, b / 8, b, mean);
  build (_i)->tile_sums (&sums, s, b, mean);
  ck_assert_double_eq_tol (sums.s2, exact[1], 1e-13 * exact[1]);
  ck_assert_double_eq_tol (sums.rows, exact[5], 1e-12 * exact[5]);
  ck_assert_double_eq_tol (sums.abs, exact[4], 1e-13 * exact[4]);
  free (s);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  int n = 0;
  while (build (n))
    n++;
  if (n == 0)
    {
      puts ("t-lanes-avx512: skipped: it needs SIMDe (Debian: libsimde-dev) and AVX2");
      return 77;
    }

  Suite *suite = suite_create ("lanes");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, builds_are_listed);
  tcase_add_test (exact, operand_sizes);
  tcase_add_test (exact, layout_is_one_to_one);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_loop_test (edges, extreme_words_agree, 0, n);
  tcase_add_loop_test (edges, shift_keeps_digits, 0, n);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_loop_test (twin, draws_agree, 0, n);
  tcase_add_loop_test (twin, shape_of_words_is_draw, 0, n);
  tcase_add_loop_test (twin, fill_from_sources, 0, n);
  tcase_add_loop_test (twin, mix_is_two_fmas, 0, n);
  tcase_add_loop_test (twin, tiles_against_triple_loop, 0, n);
  tcase_add_loop_test (twin, pairs_against_double_loop, 0, n);
  tcase_add_loop_test (twin, sums_are_in_order, 0, n);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);
  return run (suite);
}
