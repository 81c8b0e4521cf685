/* t-stream.c -- tests of stream.c: known answers, addresses, the adapters to and from the GSL.  */

#include "stream.h"
#include "support.h"

#include <gsl/gsl_errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const struct qk_address address = { 0x9d2c5680a3b1e7f5, 0x5bd1e995c3a7, 0xc6a4a7935b };

/* Exact.  */

static int
check_answers (const char *file)
{
  FILE *f = fopen (file, "r");
  ck_assert_msg (f != NULL, "cannot read %s", file);
  int rows = 0;
  for (char line[512]; fgets (line, sizeof line, f);)
    {
      uint32_t c[4], k[2], e[4], x[4];
      if (sscanf (line,
                  "philox4x32 10 %" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32
                  " %" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32,
                  c, c + 1, c + 2, c + 3, k, k + 1, e, e + 1, e + 2, e + 3)
          != 10)
        continue;
      qk_philox (x, c, k);
      ck_assert_msg (memcmp (x, e, sizeof x) == 0, "%s: %s", file, line);
      rows++;
    }
  fclose (f);
  return rows;
}

START_TEST (philox_known_answers)
{
  ck_assert_int_eq (check_answers (source_file ("tests/vectors/philox.txt")), 3);
  const char *file = data_file ("kat/kat_vectors");
  if (file)
    ck_assert_int_ge (check_answers (file), 3);
  else
    puts ("t-stream: QK_TEST_DATA is unset: the whole of kat_vectors skipped");
}
END_TEST

/* Each bit of group, block and cell is one bit of the counter, and no two the same: so addresses
   never share a counter.  */
START_TEST (counter_is_the_address)
{
  for (int bit = 0; bit < 128; bit++)
    {
      uint64_t group = bit < 40 ? UINT64_C (1) << bit : 0;
      struct qk_address a = { .seed = 17 };
      a.block = bit >= 40 && bit < 80 ? UINT64_C (1) << (bit - 40) : 0;
      a.cell = bit >= 80 ? UINT64_C (1) << (bit - 80) : 0;
      uint32_t counter[4];
      qk_counter (counter, a, group);
      for (int i = 0; i < 4; i++)
        ck_assert_uint_eq (counter[i], i == bit / 32 ? UINT32_C (1) << bit % 32 : 0);
    }

  uint32_t counter[4];
  qk_counter (counter, address, 0xfe98d3b12a);
  ck_assert_uint_eq (counter[0], 0x98d3b12a);
  ck_assert_uint_eq (counter[1], 0xa7935bfe);
  ck_assert_uint_eq (counter[2], 0xc3a7c6a4);
  ck_assert_uint_eq (counter[3], 0x5bd1e995);
}
END_TEST

START_TEST (words_are_philox)
{
  const uint64_t group = 0xfe98d3b12a;
  uint32_t counter[4], x[4];
  qk_counter (counter, address, group);
  qk_philox (x, counter, (const uint32_t[]){ 0xa3b1e7f5, 0x9d2c5680 });
  uint64_t word[2];
  qk_words (word, address, group);
  ck_assert_uint_eq (word[0], x[0] | (uint64_t)x[1] << 32);
  ck_assert_uint_eq (word[1], x[2] | (uint64_t)x[3] << 32);
}
END_TEST

START_TEST (cell_is_fnv)
{
  /* 64-bit FNV-1a, from the test suite of its authors.  */
  static const struct
  {
    const char *text;
    uint64_t hash;
  } row[] = { { "", 0xcbf29ce484222325 },
              { "a", 0xaf63dc4c8601ec8c },
              { "foobar", 0x85944171f73967e8 } };

  for (int i = 0; i < 3; i++)
    for (unsigned role = 0; role < 16; role++)
      {
        uint64_t folded = (row[i].hash >> 44) ^ (row[i].hash % (UINT64_C (1) << 44));
        ck_assert_uint_eq (qk_cell (row[i].text, role), folded * 16 + role);
      }
}
END_TEST

/* The numbers at addresses never change.  */
START_TEST (draws_never_change)
{
  const char *file = source_file ("tests/vectors/draws.txt");
  FILE *f = fopen (file, "r");
  ck_assert_msg (f != NULL, "cannot read %s", file);
  int rows = 0;
  for (char line[256]; fgets (line, sizeof line, f);)
    {
      char text[64], why[QK_WHY];
      struct qk_address a;
      uint64_t position;
      double value;
      if (line[0] == '#')
        continue;
      ck_assert_int_eq (sscanf (line, "%63s %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %lf",
                                text, &a.seed, &a.cell, &a.block, &position, &value),
                        6);
      struct qk_law law;
      ck_assert_msg (qk_law_parse (&law, text, why) == 0, "%s", why);
      double x = qk_draw (a, &law, position);
      ck_assert_msg (x == value, "%s now %a", line, x);
      rows++;
    }
  fclose (f);
  ck_assert_int_ge (rows, 40);
}
END_TEST

START_TEST (positions_are_dealt_in_eights)
{
  static const char *const laws[] = { "normal", "laplace", "student:nu=7.3" };
  for (int l = 0; l < 3; l++)
    {
      struct qk_law law;
      char why[QK_WHY];
      ck_assert_int_eq (qk_law_parse (&law, laws[l], why), 0);
      unsigned per = law.type->per;
      uint64_t position = 8 * per * UINT64_C (123456789);
      for (unsigned step = 0; step < 2; step++)
        for (unsigned value = 0; value < per; value++)
          for (unsigned lane = 0; lane < 8; lane++, position++)
            {
              uint64_t word[2];
              double z[4];
              qk_words (word, address, 8 * (UINT64_C (123456789) + step) + lane);
              law.type->transform (z, word, law.shape);
              ck_assert_msg (qk_draw (address, &law, position) == z[value], "%s at %" PRIu64,
                             laws[l], position);
            }
    }
}
END_TEST

START_TEST (mean_and_sd_by_one_fma)
{
  struct qk_law standard, law;
  char why[QK_WHY];
  ck_assert_int_eq (qk_law_parse (&standard, "laplace", why), 0);
  ck_assert_int_eq (qk_law_parse (&law, "laplace:mean=-2.385,sd=0.7193", why), 0);
  for (uint64_t i = 0; i < 100; i++)
    ck_assert (qk_draw (address, &law, i) == fma (0.7193, qk_draw (address, &standard, i), -2.385));
}
END_TEST

/* The GSL.  */

START_TEST (philox_as_a_gsl_generator)
{
  const unsigned long seed = 0x9d2c5680a3b1e7f5;
  gsl_rng *r = gsl_rng_alloc (qk_rng_philox);
  ck_assert_str_eq (gsl_rng_name (r), "philox");
  ck_assert_uint_eq (gsl_rng_min (r), 0);
  ck_assert_uint_eq (gsl_rng_max (r), 0xffffffff);

  gsl_rng_set (r, seed);
  for (uint32_t group = 0; group < 5; group++)
    {
      uint32_t x[4];
      qk_philox (x, (const uint32_t[4]){ group }, (const uint32_t[]){ 0xa3b1e7f5, 0x9d2c5680 });
      for (int i = 0; i < 4; i++)
        ck_assert_uint_eq (gsl_rng_get (r), x[i]);
    }

  gsl_rng_set (r, seed);
  gsl_rng *copy = gsl_rng_clone (r);
  for (int i = 0; i < 5; i++)
    {
      uint64_t low = gsl_rng_get (copy), high = gsl_rng_get (copy);
      ck_assert (gsl_rng_uniform (r) == ldexp ((double)((high << 32 | low) >> 11), -53));
    }
  gsl_rng_free (copy);
  gsl_rng_free (r);
}
END_TEST

/* Generators that tell their seed and count upward, in ranges of 32, 22 and 15 bits; powers of two,
   so that gsl_rng_uniform is exact.  */
struct fake
{
  unsigned long seed, value;
};

static void
fake_set (void *state, unsigned long seed)
{
  *(struct fake *)state = (struct fake){ seed, 0 };
}

static unsigned long
fake_get (void *state)
{
  struct fake *s = state;
  return s->value += 0x2345;
}

static double
fake_double_32 (void *state)
{
  return (double)fake_get (state) * 54321 / 0x1p32;
}

static double
fake_double_22 (void *state)
{
  return (double)fake_get (state) / 0x1p22;
}

static double
fake_double_15 (void *state)
{
  return (double)(fake_get (state) % 0x8000) / 0x1p15;
}

static const gsl_rng_type fake_32
    = { "fake-32", 0xffffffff, 0, sizeof (struct fake), fake_set, fake_get, fake_double_32 };
static const gsl_rng_type fake_22
    = { "fake-22", 0x3fffff, 0, sizeof (struct fake), fake_set, fake_get, fake_double_22 };
static const gsl_rng_type fake_15
    = { "fake-15", 0x7fff, 0, sizeof (struct fake), fake_set, fake_get, fake_double_15 };

START_TEST (foreign_words_are_leading_bits)
{
  gsl_rng *r = gsl_rng_alloc (&fake_32); /* the upper 16 of 32 bits, four times */
  gsl_rng_set (r, 5);
  uint64_t expected = 0;
  for (uint64_t i = 1; i <= 4; i++)
    expected = expected << 16 | i * 0x2345 * 54321 >> 16;
  ck_assert_uint_eq (qk_foreign_word (r), expected);
  gsl_rng_free (r);

  r = gsl_rng_alloc (&fake_22); /* the upper 16 of 22 bits, four times */
  gsl_rng_set (r, 5);
  expected = 0;
  for (uint64_t i = 1; i <= 4; i++)
    expected = expected << 16 | i * 0x2345 >> 6;
  ck_assert_uint_eq (qk_foreign_word (r), expected);
  gsl_rng_free (r);

  r = gsl_rng_alloc (&fake_15); /* the upper 8 of 15 bits, eight times */
  gsl_rng_set (r, 5);
  expected = 0;
  for (uint64_t i = 1; i <= 8; i++)
    expected = expected << 8 | (i * 0x2345 & 0x7fff) >> 7;
  ck_assert_uint_eq (qk_foreign_word (r), expected);
  gsl_rng_free (r);
}
END_TEST

/* Every generator of the GSL gives 64 bits that all move, about half of them set.  */
START_TEST (every_gsl_generator_serves)
{
  const int n = 1024;
  int types = 0;
  for (const gsl_rng_type **t = gsl_rng_types_setup (); *t; t++, types++)
    {
      gsl_rng *r = gsl_rng_alloc (*t);
      gsl_rng_set (r, 20240607);
      uint64_t any = 0, every = UINT64_MAX;
      double set = 0;
      for (int i = 0; i < n; i++)
        {
          uint64_t word = qk_foreign_word (r);
          any |= word;
          every &= word;
          set += __builtin_popcountll (word);
        }
      ck_assert_msg (any == UINT64_MAX && every == 0, "%s: stuck bits", (*t)->name);
      double z = (set - 32. * n) / sqrt (16. * n);
      ck_assert_msg (fabs (z) < 7, "%s: share of ones off by %g deviations", (*t)->name, z);
      gsl_rng_free (r);
    }
  ck_assert_int_ge (types, 60);
}
END_TEST

static unsigned long
seed_of (uint64_t seed, uint64_t cell, uint64_t block, gsl_rng *r)
{
  struct qk_source s = { .foreign = r };
  qk_source_open (&s, seed, cell, block);
  return ((struct fake *)gsl_rng_state (r))->seed;
}

START_TEST (foreign_seeds_differ)
{
  /* Blocks whose distance is m / p, p a prime factor of m = 2^31 - 2, are where a multiplier that
     is not coprime would repeat itself; the others are taken at random.  */
  const unsigned long m = 0x7ffffffe;
  static const unsigned long prime[] = { 2, 3, 7, 11, 31, 151, 331 };
  gsl_rng *r = gsl_rng_alloc (&fake_32);

  unsigned char *seen = calloc (m / 8 + 1, 1);
  ck_assert (seen != NULL);
  for (uint64_t i = 0; i < 200000; i++)
    {
      uint64_t block = i < 100000 ? i : m - 1 - (i - 100000) * 21473;
      unsigned long seed = seed_of (11, 160, block, r);
      if (seed < 1 || seed > m || seen[seed / 8] >> seed % 8 & 1)
        ck_abort_msg ("block %" PRIu64 ": seed %lu out of range or again", block, seed);
      seen[seed / 8] |= 1 << seed % 8;
    }
  free (seen);
  for (int i = 0; i < 7; i++)
    ck_assert (seed_of (11, 160, 4321, r) != seed_of (11, 160, 4321 + m / prime[i], r));

  /* The block whose seed is 0 modulo m has seed m, not 0: block = -seed (0) / step, the inverse of
     step by Euclid's algorithm, inverse step = remainder throughout.  */
  const int64_t zero = seed_of (11, 160, 0, r);
  const int64_t step = (seed_of (11, 160, 1, r) + m - zero) % m;
  int64_t remainder[2] = { m, step }, inverse[2] = { 0, 1 };
  while (remainder[1] != 1)
    {
      int64_t quotient = remainder[0] / remainder[1];
      int64_t rest = remainder[0] % remainder[1], back = inverse[0] - quotient * inverse[1];
      ck_assert (rest != 0);
      remainder[0] = remainder[1], remainder[1] = rest;
      inverse[0] = inverse[1], inverse[1] = back;
    }
  const int64_t last = (m - zero) % m * ((inverse[1] + (int64_t)m) % (int64_t)m) % m;
  ck_assert_uint_eq (seed_of (11, 160, last, r), m);

  ck_assert (seed_of (11, 160, 0, r) != seed_of (12, 160, 0, r));
  ck_assert (seed_of (11, 160, 0, r) != seed_of (11, 176, 0, r));
  gsl_rng_free (r);

  struct qk_source philox = { .foreign = NULL };
  qk_source_open (&philox, 1, 2, 3);
  ck_assert (philox.address.seed == 1 && philox.address.cell == 2 && philox.address.block == 3);
}
END_TEST

/* Laws: the first four moments, and neighbours without correlation, of 2^18 draws each.  */

static const char *const laws[] = {
  "normal", "uniform", "rademacher", "laplace", "exponential", "student:nu=20", "sparse:p=0.3",
};

START_TEST (moments_of_draws)
{
  const double n = floor (0x1p18 * effort ());
  struct qk_law law;
  char why[QK_WHY];
  ck_assert_int_eq (qk_law_parse (&law, laws[_i], why), 0);

  double sum[5] = { 0 }, product[3] = { 0 }, before[32] = { 0 };
  static const int lag[3] = { 1, 8, 32 };
  for (uint64_t i = 0; i < n; i++)
    {
      double x = qk_draw (address, &law, i), power = 1;
      for (int k = 0; k <= 4; k++, power *= x)
        sum[k] += power;
      for (int k = 0; k < 3; k++)
        product[k] += x * before[(i + 32 - lag[k]) % 32];
      before[i % 32] = x;
    }
  for (unsigned k = 1; k <= 4; k++)
    {
      double exact = qk_law_moment (&law, k);
      double deviation = sqrt (fmax (qk_law_moment (&law, 2 * k) - exact * exact, 0) / n);
      ck_assert_msg (fabs (sum[k] / n - exact) <= 6.5 * deviation + 1e-12,
                     "%s, seed %" PRIx64 ": moment %u is %.8g, not %.8g +- %.2g", laws[_i],
                     address.seed, k, sum[k] / n, exact, deviation);
    }
  for (int k = 0; k < 3; k++)
    ck_assert_msg (fabs (product[k]) <= 6.5 * sqrt (n), "%s: correlation at lag %d is %g", laws[_i],
                   lag[k], product[k] / n);
}
END_TEST

/* Streams of neighbouring addresses are not one stream.  */
START_TEST (neighbours_differ)
{
  const double n = 0x1p14;
  struct qk_law law;
  char why[QK_WHY];
  ck_assert_int_eq (qk_law_parse (&law, "normal", why), 0);
  struct qk_address other[] = { address, address, address };
  other[0].seed++;
  other[1].cell++;
  other[2].block++;
  for (int k = 0; k < 3; k++)
    {
      double sum = 0;
      for (uint64_t i = 0; i < n; i++)
        sum += qk_draw (address, &law, i) * qk_draw (other[k], &law, i);
      ck_assert_msg (fabs (sum) < 6.5 * sqrt (n), "neighbour %d: correlation %g", k, sum / n);
    }
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("stream");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, philox_known_answers);
  tcase_add_test (exact, counter_is_the_address);
  tcase_add_test (exact, words_are_philox);
  tcase_add_test (exact, cell_is_fnv);
  tcase_add_test (exact, draws_never_change);
  tcase_add_test (exact, positions_are_dealt_in_eights);
  tcase_add_test (exact, mean_and_sd_by_one_fma);
  suite_add_tcase (suite, exact);

  TCase *gsl = tcase_create ("gsl");
  tcase_add_test (gsl, philox_as_a_gsl_generator);
  tcase_add_test (gsl, foreign_words_are_leading_bits);
  tcase_add_test (gsl, every_gsl_generator_serves);
  tcase_add_test (gsl, foreign_seeds_differ);
  tcase_set_timeout (gsl, 0);
  suite_add_tcase (suite, gsl);

  TCase *law = tcase_create ("laws");
  tcase_add_loop_test (law, moments_of_draws, 0, sizeof laws / sizeof *laws);
  tcase_add_test (law, neighbours_differ);
  tcase_set_timeout (law, 0);
  suite_add_tcase (suite, law);
  return run (suite);
}
