/* t-lanes.c -- tests of src/lanes: every build this processor runs against the scalar route and
   plain loops, bit for bit.  Each test is repeated for each build (its loop index).

   t-lanes-avx512 is this too, of one build: the AVX-512 source with SIMDe in place of the processor
   (QK_EMULATED; QK_SIMDE where there is SIMDe).  */

#include "attention.h"
#include "lanes/kernels.h"
#include "polynomials.h"
#include "support.h"

#include <float.h>
#include <gsl/gsl_errno.h>
#include <inttypes.h>
#include <math.h>
#include <mpfr.h>
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
                 && k[n]->tile_sums && k[n]->pair_sums && k[n]->row_sums && k[n]->row_stats
                 && k[n]->row_weights && k[n]->row_gradient && k[n]->row_divergence
                 && k[n]->additive);
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

/* Every side with every depth, chunk by chunk; columns: another number of them in every case.  */
START_TEST (tiles_against_triple_loop)
{
  static const size_t sides[] = { 8, 16, 24, 32, 40, 88 };
  static const size_t depths[] = { 1, 2, 3, 7, 64, 255, 256, 257, 700 };
  for (size_t side = 0; side < sizeof sides / sizeof *sides; side++)
    for (size_t depth = 0; depth < sizeof depths / sizeof *depths; depth++)
      {
        const size_t b = sides[side], columns = sides[(side + depth) % 6], d = depths[depth];
        const size_t n = b * columns;
        if (n > 40 * 40 && d > 300)
          continue;
        double *q = values (b * d, 10 + b), *k = values (columns * d, 1000 + d), *s = array (n + 8);
        for (size_t i = 0; i < n; i++)
          s[i] = NAN; /* start must not read it */
        s[n] = 2.385;
        for (size_t from = 0; from < d; from += QK_DEPTH)
          {
            size_t c = d - from < QK_DEPTH ? d - from : QK_DEPTH;
            build (_i)->tile (s, q + from * b, k + from * columns, b, columns, c, from == 0);
          }
        for (size_t r = 0; r < b; r++)
          for (size_t j = 0; j < columns; j++)
            {
              double sum = 0;
              for (size_t i = 0; i < d; i++)
                sum = fma (q[place (b, d, r, i)], k[place (columns, d, j, i)], sum);
              if (!same (s[(r / 8 * columns + j) * 8 + r % 8], sum))
                ck_abort_msg ("%s: %zu by %zu, d %zu, row %zu, column %zu: %a is not %a",
                              build (_i)->isa, b, columns, d, r, j,
                              s[(r / 8 * columns + j) * 8 + r % 8], sum);
            }
        ck_assert (s[n] == 2.385);
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

/* Rows, by the definitions in kernels.h.  */

/* e^t as polynomials.h has it, -QK_ROW_CUT < t <= 0.  */
static double
exp_ref (double t)
{
  double k = rint (t * (1 / QK_LN2)), p = qk_exp_p[9];
  double r = fma (-k, QK_LN2_REST, fma (-k, QK_LN2, t));
  for (int i = 8; i >= 0; i--)
    p = fma (p, r, qk_exp_p[i]);
  double power = ldexp (1, (int)k);
  return fma (power, fma (r * r, p, r), power);
}

/* One part of one row: s[0], s[8], ..., s[8 (keys - 1)].  */
static void
row_ref (struct qk_row_sums *sums, int lane, const double *s, size_t keys, double shift,
         double scale)
{
  double old = sums->max[lane], max = old, abs = sums->abs[lane];
  double s1 = 0, s2 = 0, z = 0, z2 = 0, z3 = 0, zt = 0, ones = 0;
  for (size_t j = 0; j < keys; j++)
    {
      max = fmax (max, s[8 * j]);
      abs = fmax (abs, fabs (s[8 * j]));
    }
  for (size_t j = 0; j < keys; j++)
    {
      double x = s[8 * j] - shift, t = scale * (s[8 * j] - max);
      s1 += x;
      s2 = fma (x, x, s2);
      ones += s[8 * j] == max;
      if (s[8 * j] < max && t > -QK_ROW_CUT)
        {
          double e = exp_ref (t);
          z += e;
          z2 += e * e;
          z3 = fma (e * e, e, z3);
          zt = fma (t, e, zt);
        }
    }
  double d = scale * (old - max), g = old<max, f = d> - QK_ROW_CUT ? exp_ref (d) : 0;
  d = d > -QK_ROW_CUT ? d : 0;
  sums->zt[lane] = fma (f, fma (d, sums->z[lane] + g, sums->zt[lane]), zt);
  sums->z[lane] = fma (f, sums->z[lane] + g, z + (ones - g));
  sums->z2[lane] = fma (f * f, sums->z2[lane] + g, z2 + (ones - g));
  sums->z3[lane] = fma (f * f * f, sums->z3[lane] + g, z3 + (ones - g));
  sums->max[lane] = max;
  sums->abs[lane] = abs;
  sums->s1[lane] += s1;
  sums->s2[lane] += s2;
}

/* Scores of 8 rows of n keys: their spread, and how often two are equal, vary with the block.  */
static double *
scores (size_t n, uint64_t block)
{
  static const double spread[] = { 0.01, 1, 9, 40, 700 };
  double *s = values (8 * n, block);
  for (size_t i = 0; i < 8 * n; i++)
    s[i] = block % 3 ? s[i] * spread[block % 5] : round (s[i] * spread[block % 5]);
  return s;
}

/* The sums over parts of random length of rows of random length, the rest of the panel NaN.  */
static void
sums_of_rows (struct qk_row_sums *sums, struct qk_row_sums *ref, const struct qk_kernels *k,
              double *s, size_t n, uint64_t *state, double shift, double scale, size_t keys[8])
{
  const struct qk_row_sums none = QK_ROW_SUMS_NONE;
  *sums = *ref = none;
  for (int lane = 0; lane < 8; lane++)
    {
      keys[lane] = next (state) % 3 ? n : next (state) % (n + 1);
      for (size_t j = keys[lane]; j < n; j++)
        s[8 * j + lane] = NAN;
    }
  for (size_t from = 0, part; from < n; from += part)
    {
      part = next (state) % 2 ? n - from : 1 + next (state) % (n - from);
      size_t here[8];
      for (int lane = 0; lane < 8; lane++)
        {
          size_t left = keys[lane] < from ? 0 : keys[lane] - from;
          here[lane] = left < part ? left : part;
          row_ref (ref, lane, s + 8 * from + lane, here[lane], shift, scale);
        }
      k->row_sums (sums, s + 8 * from, part, here, shift, scale);
    }
}

static const size_t row_lengths[] = { 1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 200 };

START_TEST (rows_are_in_order)
{
  static const double scales[] = { 0.125, 1, 0, 3.7 };
  uint64_t state = 11;
  for (uint64_t trial = 0; trial < 600 * effort (); trial++)
    {
      size_t n = row_lengths[trial % 11], keys[8];
      double *s = scores (n, trial);
      struct qk_row_sums sums, ref;
      sums_of_rows (&sums, &ref, build (_i), s, n, &state, trial % 2 ? 0 : -1.618,
                    scales[trial / 11 % 4], keys);
      const double *x = sums.max, *y = ref.max;
      for (size_t i = 0; i < sizeof sums / sizeof *x; i++)
        if (x[i] != y[i])
          ck_abort_msg ("%s: trial %" PRIu64 ", n %zu, sum %zu, lane %zu: %a is not %a",
                        build (_i)->isa, trial, n, i / 8, i % 8, x[i], y[i]);

      struct qk_row_stats stats, plain;
      build (_i)->row_stats (&stats, &sums);
      qk_kernels_find ("plain")->row_stats (&plain, &sums);
      ck_assert_msg (memcmp (&stats, &plain, sizeof stats) == 0, "%s: trial %" PRIu64,
                     build (_i)->isa, trial);
      free (s);
    }
}
END_TEST

/* Weights are e / Z in that order, and 0 for what does not count; padding and NaN behind a row are
   not looked at.  */
START_TEST (weights_are_in_order)
{
  static const double scales[] = { 0.125, 1, 0, 3.7 };
  uint64_t state = 21;
  for (uint64_t trial = 0; trial < 300 * effort (); trial++)
    {
      size_t n = row_lengths[trial % 11], keys[8];
      double *s = scores (n, trial), *p = values (8 * n, 1), scale = scales[trial / 11 % 4];
      struct qk_row_sums sums, ref;
      sums_of_rows (&sums, &ref, build (_i), s, n, &state, 0, scale, keys);
      build (_i)->row_weights (p, s, n, keys, scale, &sums);
      for (size_t i = 0; i < 8 * n; i++)
        {
          double t = scale * (s[i] - sums.max[i % 8]), top = 1 / (1 + sums.z[i % 8]), w = 0;
          if (i / 8 < keys[i % 8] && t > -QK_ROW_CUT)
            w = exp_ref (t) * top;
          ck_assert_msg (p[i] == w, "%s: trial %" PRIu64 ", lane %zu, key %zu: %a is not %a",
                         build (_i)->isa, trial, i % 8, i / 8, p[i], w);
        }
      free (s);
      free (p);
    }
}
END_TEST

static void
near (double x, long double exact, long double error, const char *what, uint64_t trial)
{
  if (!(fabsl (x - exact) <= error))
    ck_abort_msg ("trial %" PRIu64 ", %s: %.17g, off by %Lg, allowed %Lg", trial, what, x,
                  x - exact, error);
}

/* Overlap in order, bit for bit; divergence within its error of the plain one, the same both ways
   round, 0 for equal rows, and the same bits in every build.  Weights may be 0, in either row or in
   both, or nearly equal.  */
START_TEST (divergences_plainly)
{
  for (uint64_t trial = 0; trial < 300 * effort (); trial++)
    {
      size_t n = row_lengths[trial % 9];
      double *p = values (8 * n, trial), *q = values (8 * n, trial + 1000);
      for (size_t lane = 0; lane < 8; lane++)
        {
          double sum[2] = { 0 };
          for (size_t j = 0; j < n; j++)
            {
              double *a = &p[8 * j + lane], *b = &q[8 * j + lane];
              *a = j % 5 == 3 ? 0 : fabs (*a) + 1e-300;
              *b = trial % 3 == 1 ? *a * (1 + 1e-3 * (double)(j % 7)) : fabs (*b) + 1e-300;
              *b = j % 5 == trial % 5 ? 0 : *b;
              sum[0] += *a;
              sum[1] += *b;
            }
          for (size_t j = 0; j < n; j++)
            {
              p[8 * j + lane] /= sum[0] > 0 ? sum[0] : 1;
              q[8 * j + lane] /= sum[1] > 0 ? sum[1] : 1;
            }
        }
      _Alignas(QK_ALIGN) double overlap[8] = { 0 }, divergence[8] = { 0 }, back[8] = { 0 },
                                none[8] = { 0 }, plain[8] = { 0 }, first[8] = { 2.385 };
      build (_i)->row_divergence (overlap, divergence, p, q, n);
      build (_i)->row_divergence (none, back, q, p, n);
      ck_assert (!memcmp (divergence, back, sizeof back) && !memcmp (overlap, none, sizeof none));
      memset (none, 0, sizeof none);
      qk_kernels_find ("plain")->row_divergence (none, plain, p, q, n);
      ck_assert_msg (!memcmp (divergence, plain, sizeof plain), "%s: trial %" PRIu64,
                     build (_i)->isa, trial);
      for (size_t lane = 0; lane < 8; lane++)
        {
          double a[4096], b[4096], common = 0;
          ck_assert_uint_le (n, 4096);
          for (size_t j = 0; j < n; j++)
            {
              a[j] = p[8 * j + lane];
              b[j] = q[8 * j + lane];
              common = fma (a[j], b[j], common);
            }
          ck_assert_double_eq (overlap[lane], common);
          near (divergence[lane], qk_weights_divergence (a, b, n), 2 * ((double)n + 8) * 0x1p-53,
                "divergence", trial);
        }
      /* Sums go on from where they are.  */
      memset (back, 0, sizeof back);
      build (_i)->row_divergence (first, back, p, p, n);
      for (size_t lane = 0; lane < 8; lane++)
        ck_assert_double_eq (back[lane], 0);
      ck_assert_double_ge (first[0], 2.385);
      free (p);
      free (q);
    }
}
END_TEST

/* |J K|^2 in the order of the header, bit for bit, and within its error of J K formed in long
   double.  One weight may be nearly 1: nothing is lost then.  */
START_TEST (gradients_against_long_double)
{
  for (uint64_t trial = 0; trial < 200 * effort (); trial++)
    {
      size_t n = row_lengths[trial % 9], c = 1 + trial % 5, top[8];
      double *k = values (8 * n * c, trial), *p = values (8 * n, trial + 1000);
      _Alignas(QK_ALIGN) double square[8];
      for (size_t lane = 0; lane < 8; lane++)
        {
          double sum = 0;
          top[lane] = trial % n;
          for (size_t j = 0; j < n; j++)
            {
              double *w = &p[8 * j + lane];
              *w = fabs (*w) * (trial % 3 ? 1 : 1e-9);
              sum += *w = j == top[lane] ? 1 + *w : *w;
            }
          for (size_t j = 0; j < n; j++)
            p[8 * j + lane] /= sum;
          square[lane] = trial % 2 ? 2.385 : 0;
        }
      build (_i)->row_gradient (square, p, k, n, c, top);
      for (size_t lane = 0; lane < 8; lane++)
        {
          double p2 = 0, ref = trial % 2 ? 2.385 : 0;
          long double exact = 0, size = 0, pair = 0;
          for (size_t j = 0; j < n; j++)
            p2 = fma (p[8 * j + lane], p[8 * j + lane], p2);
          double part = 0;
          for (size_t a = 0; a < c; a++)
            {
              double base = k[(top[lane] * c + a) * 8 + lane], m = 0, b = 0, x2 = 0;
              long double mean = 0;
              for (size_t j = 0; j < n; j++)
                {
                  double w = p[8 * j + lane], x = k[(j * c + a) * 8 + lane] - base, px = w * x;
                  m += px;
                  b = fma (w, px, b);
                  x2 = fma (px, px, x2);
                  mean += (long double)w * ((long double)k[(j * c + a) * 8 + lane] - base);
                }
              for (size_t j = 0; j < n; j++)
                {
                  long double w = p[8 * j + lane];
                  long double x = (long double)k[(j * c + a) * 8 + lane] - base;
                  exact += w * w * (x - mean) * (x - mean);
                  pair = fabsl (x) + fabsl (mean);
                  size += w * w * pair * pair;
                }
              part = (a % 2 ? part : 0) + fma (m, m * p2 - 2 * b, x2);
              if (a % 2 || a + 1 == c)
                ref += part;
            }
          ck_assert_msg (square[lane] == ref, "%s: trial %" PRIu64 ", lane %zu: %a is not %a",
                         build (_i)->isa, trial, lane, square[lane], ref);
          if (trial % 2 == 0)
            near (square[lane], exact, (long double)(2 * n + c + 8) * 0x1p-53L * size, "|J K|^2",
                  trial);
        }
      free (k);
      free (p);
    }
}
END_TEST

/* The stated errors, against sums in long double.  */
START_TEST (rows_against_long_double)
{
  const long double u = 0x1p-53L;
  uint64_t state = 12;
  for (uint64_t trial = 0; trial < 200 * effort (); trial++)
    {
      size_t n = row_lengths[trial % 11], keys[8];
      const double scale = trial % 4 ? 1 : 0.2, shift = 0.317;
      double *s = scores (n, trial);
      struct qk_row_sums sums, ref;
      struct qk_row_stats stats;
      sums_of_rows (&sums, &ref, build (_i), s, n, &state, shift, scale, keys);
      build (_i)->row_stats (&stats, &sums);
      for (int lane = 0; lane < 8; lane++)
        {
          long double s1 = 0, s2 = 0, size = 0, z[4] = { 0 }, a[4] = { 0 }, tt = 0;
          int top = 0;
          for (size_t j = 0; j < keys[lane]; j++)
            {
              long double value = s[8 * j + lane], x = value - shift;
              long double t = scale * (value - sums.max[lane]), e = expl (t);
              s1 += x;
              s2 += x * x;
              size += fabsl (value) + fabsl (shift);
              if (t == 0 && !top++)
                continue;
              for (int k = 1; k <= 3; k++)
                {
                  z[k] += powl (e, k);
                  a[k] -= t * powl (e, k);
                }
              tt += t * t * e;
            }
          const long double m = (long double)n, cut = m * 1e-100L;
          near (sums.s1[lane], s1, 2 * m * u * size, "s1", trial);
          near (sums.s2[lane], s2, 2 * (m + 2) * u * s2, "s2", trial);
          near (sums.z[lane], z[1], (6 * m + 3) * u * z[1] + 2 * u * a[1] + cut, "z", trial);
          near (sums.z2[lane], z[2], 2 * ((6 * m + 3) * u * z[2] + 2 * u * a[2]) + cut, "z2",
                trial);
          near (sums.z3[lane], z[3], 3 * ((6 * m + 3) * u * z[3] + 2 * u * a[3]) + cut, "z3",
                trial);
          near (sums.zt[lane], -a[1], (6 * m + 6) * u * a[1] + 2 * u * tt + 300 * cut, "zt", trial);

          /* Of the weights themselves, to what a sum over them keeps.  */
          long double square = 0, cube = 0, entropy = 0;
          for (size_t j = 0; j < keys[lane]; j++)
            {
              long double t = scale * ((long double)s[8 * j + lane] - sums.max[lane]);
              long double p = expl (t) / (1 + z[1]);
              square += p * p;
              cube += p * p * p;
              entropy -= p * (t - log1pl (z[1]));
            }
          if (keys[lane] == 0)
            continue;
          const long double error = 1e-13L;
          near (stats.top[lane], 1 / (1 + z[1]), error, "top", trial);
          near (stats.participation[lane], square, error, "participation", trial);
          near (stats.entropy[lane], entropy, 10 * error, "entropy", trial);
          near (stats.trace[lane], 1 - square, error, "trace", trial);
          near (stats.jacobian[lane], square - 2 * cube + square * square, error, "norm", trial);
        }
      free (s);
    }
}
END_TEST

/* Two keys at distance t: z is e^t alone.  */
static double
lane_exp (int i, double t, double *zt)
{
  _Alignas(QK_ALIGN) double s[16] = { 0 };
  struct qk_row_sums sums = QK_ROW_SUMS_NONE;
  const size_t keys[8] = { 2, 2, 2, 2, 2, 2, 2, 2 };
  s[5] = t;
  build (i)->row_sums (&sums, s, 2, keys, 0, 1);
  *zt = sums.zt[5];
  return sums.z[5];
}

START_TEST (exp_against_mpfr)
{
  mpfr_t exact, off;
  mpfr_inits2 (160, exact, off, (mpfr_ptr)0);
  uint64_t state = 13;
  double worst = 0;
  for (int trial = 0; trial < 60000 * effort (); trial++)
    {
      double v = (double)(next (&state) >> 11) * 0x1p-53, zt, t;
      if (trial % 3 == 0)
        t = -QK_ROW_CUT * v;
      else if (trial % 3 == 1) /* where k changes */
        t = -(trial / 3 % 340 + 0.5) * QK_LN2 + (v - 0.5) * 0x1p-30;
      else
        t = -ldexp (1 + v, -(trial / 3 % 60));
      double e = lane_exp (_i, t, &zt);
      mpfr_set_d (exact, t, MPFR_RNDN);
      mpfr_exp (exact, exact, MPFR_RNDN);
      mpfr_d_sub (off, e, exact, MPFR_RNDN);
      mpfr_div (off, off, exact, MPFR_RNDN);
      double error = fabs (mpfr_get_d (off, MPFR_RNDN)) * 0x1p53;
      worst = fmax (worst, error);
      ck_assert_msg (error <= 1.6, "%s: e^%a: off by %g u", build (_i)->isa, t, error);
      ck_assert (zt == t * e);
    }
  ck_assert (worst > 0.8);
  mpfr_clears (exact, off, (mpfr_ptr)0);
}
END_TEST

/* From the cut on exactly 0, and t e too; up to it a normal number, and so is its cube.  */
START_TEST (exp_has_a_cut)
{
  static const double beyond[]
      = { -QK_ROW_CUT, -237, -700, -709.5, -745.2, -1e5, -1e300, -DBL_MAX };
  double zt;
  for (int i = 0; i < 8; i++)
    ck_assert (lane_exp (_i, beyond[i], &zt) == 0 && zt == 0);
  double e = lane_exp (_i, nextafter (-QK_ROW_CUT, 0), &zt);
  ck_assert (e * e * e >= DBL_MIN && zt == nextafter (-QK_ROW_CUT, 0) * e);
}
END_TEST

/* Equal scores, a dominating key, no key; by hand.  */
START_TEST (row_stats_known)
{
  _Alignas(QK_ALIGN) double s[8 * 6];
  struct qk_row_sums sums = QK_ROW_SUMS_NONE;
  struct qk_row_stats stats;
  const size_t keys[8] = { 6, 1, 2, 3, 0, 4, 2, 2 };
  for (int j = 0; j < 6; j++)
    for (int lane = 0; lane < 8; lane++)
      s[8 * j + lane] = lane < 5 ? -2.385 : lane == 5 ? (j == 1 ? 0 : -4 * M_LN2) : 0;
  s[6] = 43;        /* against 0: e^-43 would be lost beside 1 */
  s[8 + 7] = -1e30; /* nothing is left */
  build (_i)->row_sums (&sums, s, 6, keys, -2, 1);
  build (_i)->row_stats (&stats, &sums);

  ck_assert (sums.max[0] == -2.385 && sums.max[4] == -INFINITY && sums.max[6] == 43);
  ck_assert (sums.abs[0] == 2.385 && sums.abs[4] == 0 && sums.abs[7] == 1e30);
  ck_assert_double_eq_tol (sums.s1[0], -6 * 0.385, 4e-15);
  ck_assert (sums.s1[4] == 0 && sums.s2[4] == 0 && sums.z[4] == 0 && sums.zt[4] == 0);
  for (int lane = 0; lane < 4; lane++)
    {
      double n = (double)keys[lane];
      ck_assert (sums.z[lane] == n - 1 && sums.z3[lane] == n - 1 && sums.zt[lane] == 0);
      ck_assert_double_eq_tol (stats.top[lane], 1 / n, 1e-16);
      ck_assert_double_eq_tol (stats.participation[lane], 1 / n, 1e-16);
      ck_assert_double_eq_tol (stats.entropy[lane], log (n), 1e-15);
      ck_assert_double_eq_tol (stats.trace[lane], 1 - 1 / n, 1e-15);
      ck_assert_double_eq_tol (stats.jacobian[lane], (1 - 1 / n) / n, 1e-16);
    }

  /* Weights 16, 1, 1, 1 of 19.  */
  ck_assert_double_eq_tol (stats.top[5], 16. / 19, 1e-15);
  ck_assert_double_eq_tol (stats.participation[5], 259. / 361, 1e-15);
  ck_assert_double_eq_tol (stats.entropy[5], log (19) - 64. / 19 * M_LN2, 1e-15);
  ck_assert_double_eq_tol (stats.trace[5], 102. / 361, 1e-15);
  ck_assert_double_eq_tol (stats.jacobian[5], 259. / 361 * 620 / 361 - 2 * 4099. / 6859, 1e-15);

  /* p and 1 - p: tr J = 2 p (1 - p), |J|^2 = 4 (p (1 - p))^2.  */
  double p = exp (-43);
  ck_assert (stats.top[6] == 1 && stats.participation[6] == 1);
  ck_assert_double_eq_tol (stats.entropy[6] / (44 * p), 1, 1e-14);
  ck_assert_double_eq_tol (stats.trace[6] / (2 * p), 1, 1e-14);
  ck_assert_double_eq_tol (stats.jacobian[6] / (4 * p * p), 1, 1e-14);
  ck_assert (stats.entropy[7] == 0 && stats.trace[7] == 0 && stats.jacobian[7] == 0);
}
END_TEST

/* What does not count is not looked at, what counts and is not finite is seen.  */
START_TEST (rows_see_what_counts)
{
  static const double odd[] = { NAN, INFINITY, -INFINITY };
  for (int i = 0; i < 3; i++)
    for (size_t n = 3; n < 10; n++)
      {
        double *s = scores (n, 5);
        struct qk_row_sums sums = QK_ROW_SUMS_NONE;
        size_t keys[8];
        for (int lane = 0; lane < 8; lane++)
          {
            keys[lane] = n - lane % 3;
            s[8 * (n - 2) + lane] = odd[i];
          }
        build (_i)->row_sums (&sums, s, n, keys, 0, 1);
        for (int lane = 0; lane < 8; lane++)
          ck_assert_msg (isfinite (sums.s2[lane]) == (lane % 3 == 2), "%s: %g, n %zu, lane %d",
                         build (_i)->isa, odd[i], n, lane);
        free (s);
      }
}
END_TEST

/* Of a number of exact sums, z, z2, z3, t: what they say, against MPFR.  */
START_TEST (row_stats_against_mpfr)
{
  static const double allowed[] = { 2, 7, 8, 10, 17 };
  mpfr_t x[3], e[4], all, sum, stat[5];
  for (int i = 0; i < 3; i++)
    mpfr_init2 (x[i], 2000);
  for (int i = 0; i < 4; i++)
    mpfr_init2 (e[i], 2000);
  for (int i = 0; i < 5; i++)
    mpfr_init2 (stat[i], 2000);
  mpfr_inits2 (2000, all, sum, (mpfr_ptr)0);

  uint64_t state = 14;
  double worst[5] = { 0 };
  for (int trial = 0; trial < 2000 * effort (); trial++)
    {
      /* Sums of powers of a few numbers in (0, 1], of 1 to 3 kinds, each a number of times.  */
      struct qk_row_sums sums = QK_ROW_SUMS_NONE;
      struct qk_row_stats stats;
      int kinds = 1 + trial % 3;
      for (int i = 0; i < 4; i++)
        mpfr_set_zero (e[i], 1);
      for (int k = 0; k < kinds; k++)
        {
          double v = (double)(next (&state) >> 11) * 0x1p-53;
          double times = trial % 5 ? 1 + (double)(next (&state) % (k ? 2 : 1000)) : 1;
          mpfr_set_d (x[k], -v * (trial % 4 == 0 ? 0x1p-20 : trial % 4 == 1 ? 1 : 100), MPFR_RNDN);
          mpfr_exp (sum, x[k], MPFR_RNDN);
          mpfr_mul (all, sum, x[k], MPFR_RNDN);
          mpfr_mul_d (all, all, times, MPFR_RNDN);
          mpfr_add (e[0], e[0], all, MPFR_RNDN);
          mpfr_set (all, sum, MPFR_RNDN);
          mpfr_mul_d (all, all, times, MPFR_RNDN);
          for (int i = 1; i < 4; i++)
            {
              mpfr_add (e[i], e[i], all, MPFR_RNDN);
              mpfr_mul (all, all, sum, MPFR_RNDN);
            }
        }
      /* The rounded sums are taken as exact: they are those of other weights, near enough.  */
      double *in[] = { sums.zt, sums.z, sums.z2, sums.z3 };
      for (int i = 0; i < 4; i++)
        {
          in[i][3] = mpfr_get_d (e[i], MPFR_RNDN);
          mpfr_set_d (e[i], in[i][3], MPFR_RNDN);
        }
      build (_i)->row_stats (&stats, &sums);

      mpfr_add_ui (all, e[1], 1, MPFR_RNDN);
      mpfr_ui_div (stat[0], 1, all, MPFR_RNDN);
      mpfr_sqr (sum, stat[0], MPFR_RNDN); /* Z^-2 */
      mpfr_add_ui (stat[1], e[2], 1, MPFR_RNDN);
      mpfr_mul (stat[1], stat[1], sum, MPFR_RNDN);
      mpfr_log (stat[2], all, MPFR_RNDN);
      mpfr_mul (x[0], e[0], stat[0], MPFR_RNDN);
      mpfr_sub (stat[2], stat[2], x[0], MPFR_RNDN);
      mpfr_ui_sub (stat[3], 1, stat[1], MPFR_RNDN);
      /* a - 2 b + a^2, a = sum of p^2, b = sum of p^3 */
      mpfr_add_ui (x[1], e[3], 1, MPFR_RNDN);
      mpfr_mul (x[1], x[1], sum, MPFR_RNDN);
      mpfr_mul (x[1], x[1], stat[0], MPFR_RNDN);
      mpfr_mul_ui (x[1], x[1], 2, MPFR_RNDN);
      mpfr_sqr (x[2], stat[1], MPFR_RNDN);
      mpfr_add (stat[4], stat[1], x[2], MPFR_RNDN);
      mpfr_sub (stat[4], stat[4], x[1], MPFR_RNDN);

      const double got[] = { stats.top[3], stats.participation[3], stats.entropy[3], stats.trace[3],
                             stats.jacobian[3] };
      for (int i = 0; i < 5; i++)
        {
          mpfr_d_sub (sum, got[i], stat[i], MPFR_RNDN);
          mpfr_div (sum, sum, stat[i], MPFR_RNDN);
          double error = fabs (mpfr_get_d (sum, MPFR_RNDN)) * 0x1p53;
          worst[i] = fmax (worst[i], error);
          ck_assert_msg (error <= allowed[i], "%s: trial %d, statistic %d: %a off by %g u",
                         build (_i)->isa, trial, i, got[i], error);
        }
    }
  for (int i = 0; i < 5; i++)
    ck_assert_msg (worst[i] > allowed[i] / 4, "statistic %d: %g u", i, worst[i]);
  for (int i = 0; i < 3; i++)
    mpfr_clear (x[i]);
  for (int i = 0; i < 4; i++)
    mpfr_clear (e[i]);
  for (int i = 0; i < 5; i++)
    mpfr_clear (stat[i]);
  mpfr_clears (all, sum, (mpfr_ptr)0);
}
END_TEST

/* ---- Additive scores ------------------------------------------------------------------------- */

/* Projections of n and m vectors in h units, and weights, as wide as is asked.  */
struct additive
{
  size_t m, h;
  double *a, *b, *v, *s;
};

static struct additive
additive_open (size_t m, size_t h, double spread, unsigned seed)
{
  struct additive x
      = { m, h, array (8 * h), array ((m + 7) / 8 * 8 * h), array (h), array (8 * m) };
  srand48 (seed);
  for (size_t i = 0; i < 8 * h; i++)
    x.a[i] = spread * (drand48 () - 0.5);
  for (size_t i = 0; i < (m + 7) / 8 * 8 * h; i++)
    x.b[i] = spread * (drand48 () - 0.5);
  for (size_t r = 0; r < h; r++)
    x.v[r] = drand48 () - 0.5;
  return x;
}

static void
additive_close (struct additive *x)
{
  free (x->a);
  free (x->b);
  free (x->v);
  free (x->s);
}

/* Against MPFR, in units of u sum |v tanh|.  */
static double
additive_error (const struct additive *x, size_t i, size_t j)
{
  mpfr_t t, sum, all;
  mpfr_inits2 (200, t, sum, all, (mpfr_ptr)0);
  mpfr_set_zero (sum, +1);
  mpfr_set_zero (all, +1);
  for (size_t r = 0; r < x->h; r++)
    {
      mpfr_set_d (t, x->a[8 * r + i], MPFR_RNDN);
      mpfr_add_d (t, t, x->b[(j / 8 * x->h + r) * 8 + j % 8], MPFR_RNDN);
      mpfr_tanh (t, t, MPFR_RNDN);
      mpfr_mul_d (t, t, x->v[r], MPFR_RNDN);
      mpfr_add (sum, sum, t, MPFR_RNDN);
      mpfr_abs (t, t, MPFR_RNDN);
      mpfr_add (all, all, t, MPFR_RNDN);
    }
  mpfr_d_sub (sum, x->s[8 * j + i], sum, MPFR_RNDN);
  mpfr_div (sum, sum, all, MPFR_RNDN);
  double error = fabs (mpfr_get_d (sum, MPFR_RNDN)) * 0x1p53;
  mpfr_clears (t, sum, all, (mpfr_ptr)0);
  return error;
}

START_TEST (additive_against_mpfr)
{
  static const double spreads[] = { 1e-12, 0.01, 1, 7, 60 };
  static const size_t units[] = { 1, 2, 3, 4, 5, 7, 8, 64, 301 };
  for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
    for (size_t l = 0; l < sizeof units / sizeof *units; l++)
      {
        struct additive x = additive_open (19, units[l], spreads[i], (unsigned)(37 * i + l));
        double worst = 0, bound = (double)x.h / 4 + 10;
        build (_i)->additive (x.s, x.a, x.b, x.v, x.m, x.h);
        for (size_t j = 0; j < x.m; j++)
          worst = fmax (worst, additive_error (&x, (3 * j + l) % 8, j));
        if (!(worst <= bound))
          ck_abort_msg ("%zu units, spread %g: %g u, not %g", x.h, spreads[i], worst, bound);
        additive_close (&x);
      }
}
END_TEST

/* tanh alone: one unit, v = 1.  */
START_TEST (tanh_against_mpfr)
{
  size_t m = 4000 * effort ();
  struct additive x = additive_open (m, 1, 8, 5);
  x.v[0] = 1;
  for (size_t j = 0; j < m; j++)
    x.b[j / 8 * 8 + j % 8] = ldexp (drand48 () - 0.5, (int)(j % 60) - 54);
  for (size_t i = 0; i < 8; i++)
    x.a[i] = 0;
  build (_i)->additive (x.s, x.a, x.b, x.v, x.m, 1);
  double worst = 0;
  for (size_t j = 0; j < m; j++)
    worst = fmax (worst, additive_error (&x, j % 8, j));
  ck_assert_double_le (worst, 4);
  ck_assert_double_ge (worst, 1);
  additive_close (&x);
}
END_TEST

START_TEST (tanh_known)
{
  static const double x[8] = { 0, -0., 20, -20, 1e300, -1e300, 0x1p-1000, 19.0615 };
  _Alignas(QK_ALIGN) double a[8], b[8] = { 0 }, s[8], minus[8];
  const double one = 1;
  for (int i = 0; i < 8; i++)
    a[i] = x[i];
  build (_i)->additive (s, a, b, &one, 1, 1);
  for (int i = 0; i < 8; i++)
    a[i] = -x[i];
  build (_i)->additive (minus, a, b, &one, 1, 1);
  for (int i = 0; i < 8; i++)
    ck_assert_double_eq (s[i], -minus[i]);
  ck_assert_double_eq (s[0], 0);
  ck_assert_double_eq (s[2], 1);
  ck_assert_double_eq (s[5], -1);
  ck_assert_double_eq (s[6], 0x1p-1000);
  ck_assert_double_ge (s[7], 1 - 0x1p-53);
}
END_TEST

/* Every build has the bits of the plain one.  */
START_TEST (additive_same_bits)
{
  struct additive x = additive_open (21, 39, 5, 77);
  double *same = array (8 * x.m);
  extern const struct qk_kernels qk_kernels_plain;
  build (_i)->additive (x.s, x.a, x.b, x.v, x.m, x.h);
  qk_kernels_plain.additive (same, x.a, x.b, x.v, x.m, x.h);
  ck_assert_mem_eq (x.s, same, 8 * x.m * sizeof *same);
  free (same);
  additive_close (&x);
}
END_TEST

/* ---- exp, log (1 + x), tanh; products; Adam ------------------------------------------------ */

enum
{
  EXP,
  LOG_1_PLUS,
  TANH,
  FUNCTIONS
};

static void
apply (int i, int function, double *y, const double *x, size_t n)
{
  void (*f[]) (double *, const double *, size_t)
      = { build (i)->exp, build (i)->log_1_plus, build (i)->tanh };
  f[function](y, x, n);
}

/* An argument of the function, of all sizes.  */
static double
argument_of (int function, uint64_t *state)
{
  double v = (double)(next (state) >> 11) * 0x1p-53, sign = next (state) & 1 ? 1 : -1;
  int size = (int)(next (state) % 64);
  if (function == LOG_1_PLUS)
    return ldexp (1 + v, size < 32 ? -size : 8 * (size - 32));
  if (function == TANH)
    return sign * (size < 16 ? 21 * v : ldexp (1 + v, 16 - size));
  return sign
         * (size < 16   ? 708 * v
            : size < 32 ? (size + 0.5) * QK_LN2 + (v - 0.5) * 0x1p-30
                        : ldexp (1 + v, 32 - size));
}

START_TEST (functions_against_mpfr)
{
  static const double bound[FUNCTIONS] = { 1.6, 24, 4 }, least[FUNCTIONS] = { 0.8, 12, 1 };
  extern const struct qk_kernels qk_kernels_plain;
  enum
  {
    MOST = 1024
  };
  double *x = array (MOST), *y = array (MOST), *same = array (MOST);
  mpfr_t exact, off;
  mpfr_inits2 (160, exact, off, (mpfr_ptr)0);
  for (int function = 0; function < FUNCTIONS; function++)
    {
      uint64_t state = 23;
      double worst = 0;
      for (int round = 0; round < 16 * effort (); round++)
        {
          for (size_t j = 0; j < MOST; j++)
            x[j] = argument_of (function, &state);
          /* Wherever it stands: whole vectors at once, and what is left over.  */
          apply (_i, function, y, x, MOST);
          apply (_i, function, same, x, 8);
          ck_assert_mem_eq (y, same, 8 * sizeof *y);
          const struct qk_kernels *plain = &qk_kernels_plain;
          (function == EXP    ? plain->exp
           : function == TANH ? plain->tanh
                              : plain->log_1_plus) (same, x, MOST);
          ck_assert_mem_eq (y, same, MOST * sizeof *y);
          for (size_t j = 0; j < MOST; j++)
            {
              mpfr_set_d (exact, x[j], MPFR_RNDN);
              if (function == EXP)
                mpfr_exp (exact, exact, MPFR_RNDN);
              else if (function == TANH)
                mpfr_tanh (exact, exact, MPFR_RNDN);
              else
                mpfr_log1p (exact, exact, MPFR_RNDN);
              mpfr_d_sub (off, y[j], exact, MPFR_RNDN);
              mpfr_div (off, off, exact, MPFR_RNDN);
              double error = fabs (mpfr_get_d (off, MPFR_RNDN)) * 0x1p53;
              worst = fmax (worst, error);
              if (function == LOG_1_PLUS)
                ck_assert_double_le (error * y[j], 3 * fmax (1, y[j]));
              ck_assert_msg (error <= bound[function], "%s: function %d of %a: off by %g u",
                             build (_i)->isa, function, x[j], error);
            }
        }
      ck_assert_msg (worst >= least[function], "function %d: never off by more than %g u", function,
                     worst);
    }
  mpfr_clears (exact, off, (mpfr_ptr)0);
  free (x);
  free (y);
  free (same);
}
END_TEST

START_TEST (functions_at_ends)
{
  _Alignas(QK_ALIGN) double x[8] = { 0, -0., -708.5, -INFINITY, 708.5, INFINITY, -708, 708 }, y[8];
  build (_i)->exp (y, x, 8);
  ck_assert (y[0] == 1 && y[1] == 1 && y[2] == 0 && y[3] == 0 && isinf (y[4]) && isinf (y[5]));
  ck_assert (y[6] >= DBL_MIN && isfinite (y[7]));

  _Alignas(QK_ALIGN) double z[8] = { 0, 0x1p-1070, DBL_MIN, 1, 0x1p999, 0x1p-60, 0x1.ep-5, 3 };
  build (_i)->log_1_plus (y, z, 8);
  ck_assert (y[0] == 0 && y[1] == 0x1p-1070 && y[2] == DBL_MIN && y[3] == QK_LN2);
  ck_assert (y[5] == 0x1p-60 && y[7] == 2 * QK_LN2);
  ck_assert_double_eq_tol (y[4], 999 * QK_LN2, 1e-12);

  _Alignas(QK_ALIGN) double t[8] = { 0, -0., 20, -INFINITY, DBL_MAX, 0x1p-1000, -2.385, 2.385 };
  build (_i)->tanh (y, t, 8);
  ck_assert (y[0] == 0 && !signbit (y[0]) && y[1] == 0 && signbit (y[1]));
  ck_assert (y[2] == 1 && y[3] == -1 && y[4] == 1 && y[5] == 0x1p-1000 && y[6] == -y[7]);
}
END_TEST

/* All shapes, A and its transpose: one chain of fma an entry, and nothing else is written.  */
START_TEST (products_against_triple_loop)
{
  static const size_t shapes[][3] = { { 1, 1, 8 },  { 4, 3, 8 },   { 5, 16, 16 }, { 16, 16, 16 },
                                      { 7, 1, 24 }, { 13, 33, 8 }, { 2, 0, 8 } };
  uint64_t state = 5;
  for (size_t l = 0; l < sizeof shapes / sizeof *shapes; l++)
    for (int turned = 0; turned < 2; turned++)
      {
        size_t rows = shapes[l][0], inner = shapes[l][1], columns = shapes[l][2];
        double *a = array (rows * inner + 1), *b = array (inner * columns + 1),
               *c = array (rows * columns + 8);
        for (size_t i = 0; i < rows * inner; i++)
          a[i] = (double)(int64_t)next (&state) * 0x1p-62;
        for (size_t i = 0; i < inner * columns; i++)
          b[i] = (double)(int64_t)next (&state) * 0x1p-62;
        for (size_t i = 0; i < 8; i++)
          c[rows * columns + i] = 2.385;
        size_t row = turned ? 1 : inner, step = turned ? rows : 1;
        build (_i)->multiply (c, a, b, rows, inner, columns, row, step);
        for (size_t r = 0; r < rows; r++)
          for (size_t j = 0; j < columns; j++)
            {
              double sum = 0;
              for (size_t i = 0; i < inner; i++)
                sum = fma (a[r * row + i * step], b[i * columns + j], sum);
              ck_assert_double_eq (c[r * columns + j], sum);
            }
        for (size_t i = 0; i < 8; i++)
          ck_assert_double_eq (c[rows * columns + i], 2.385);
        free (a);
        free (b);
        free (c);
      }
}
END_TEST

START_TEST (adam_is_in_order)
{
  double *w = array (24), *m = array (24), *v = array (24), *g = array (24);
  double ww[24], mm[24] = { 0 }, vv[24] = { 0 };
  const struct qk_adam adam = { 0.9, 0.999, 1e-8, 0.0371, 3.19 };
  uint64_t state = 9;
  for (int i = 0; i < 24; i++)
    {
      w[i] = ww[i] = (double)(int64_t)next (&state) * 0x1p-61;
      m[i] = v[i] = 0;
    }
  for (int round = 0; round < 5; round++)
    {
      for (int i = 0; i < 24; i++)
        g[i] = i == 7 ? 0 : ldexp ((double)(int64_t)next (&state), -64 - 3 * i);
      build (_i)->adam (w, m, v, g, 24, &adam);
      for (int i = 0; i < 24; i++)
        {
          mm[i] = fma (0.9, mm[i], (1 - 0.9) * g[i]);
          vv[i] = fma (0.999, vv[i], (1 - 0.999) * g[i] * g[i]);
          ww[i] -= 0.0371 * mm[i] / (sqrt (3.19 * vv[i]) + 1e-8);
        }
      ck_assert_mem_eq (w, ww, sizeof ww);
      ck_assert_mem_eq (m, mm, sizeof mm);
      ck_assert_mem_eq (v, vv, sizeof vv);
    }
  free (w);
  free (m);
  free (v);
  free (g);
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
  tcase_add_loop_test (exact, row_stats_known, 0, n);
  tcase_add_loop_test (exact, tanh_known, 0, n);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_loop_test (edges, extreme_words_agree, 0, n);
  tcase_add_loop_test (edges, shift_keeps_digits, 0, n);
  tcase_add_loop_test (edges, exp_has_a_cut, 0, n);
  tcase_add_loop_test (edges, rows_see_what_counts, 0, n);
  tcase_add_loop_test (edges, functions_at_ends, 0, n);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_loop_test (twin, draws_agree, 0, n);
  tcase_add_loop_test (twin, shape_of_words_is_draw, 0, n);
  tcase_add_loop_test (twin, fill_from_sources, 0, n);
  tcase_add_loop_test (twin, mix_is_two_fmas, 0, n);
  tcase_add_loop_test (twin, tiles_against_triple_loop, 0, n);
  tcase_add_loop_test (twin, pairs_against_double_loop, 0, n);
  tcase_add_loop_test (twin, sums_are_in_order, 0, n);
  tcase_add_loop_test (twin, rows_are_in_order, 0, n);
  tcase_add_loop_test (twin, rows_against_long_double, 0, n);
  tcase_add_loop_test (twin, weights_are_in_order, 0, n);
  tcase_add_loop_test (twin, gradients_against_long_double, 0, n);
  tcase_add_loop_test (twin, divergences_plainly, 0, n);
  tcase_add_loop_test (twin, exp_against_mpfr, 0, n);
  tcase_add_loop_test (twin, row_stats_against_mpfr, 0, n);
  tcase_add_loop_test (twin, tanh_against_mpfr, 0, n);
  tcase_add_loop_test (twin, additive_against_mpfr, 0, n);
  tcase_add_loop_test (twin, additive_same_bits, 0, n);
  tcase_add_loop_test (twin, functions_against_mpfr, 0, n);
  tcase_add_loop_test (twin, products_against_triple_loop, 0, n);
  tcase_add_loop_test (twin, adam_is_in_order, 0, n);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);
  return run (suite);
}
