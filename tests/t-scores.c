/* t-scores.c -- tests of drawn scores: against single components by their addresses.  */

#include "../src/lanes/kernels.h"
#include "../src/scores.h"
#include "support.h"

#include <math.h>
#include <string.h>

static const struct qk_scores cases[] = {
  { .law = { .d = 1 }, QK_TILE, 8, 8 },
  { .law = { .d = 7 }, QK_TILE, 24, 24 },
  { .law = { .d = 64 }, QK_TILE, 8, 40 },
  { .law = { .d = 256 }, QK_TILE, 32, 16 },
  { .law = { .d = 257 }, QK_TILE, 16, 24 },
  { .law = { .d = 600 }, QK_TILE, 48, 8 },
  { .law = { .d = 1 }, QK_PAIRS, 32, 32 },
  { .law = { .d = 300 }, QK_PAIRS, 32, 32 },
  { .law = { .d = 33, .rho = -0.4 }, QK_PAIRS, 32, 32 },
  { .law = { .d = 513, .rho = 0.825 }, QK_PAIRS, 8, 8 },
  { .law = { .d = 1 }, QK_SELF, 32, 32 },
  { .law = { .d = 5 }, QK_SELF, 32, 32 },
  { .law = { .d = 700 }, QK_SELF, 24, 24 },
  { .law = { .d = 1 }, QK_OWN, 8, 8 },
  { .law = { .d = 257 }, QK_OWN, 8, 24 },
  { .law = { .d = 3 }, QK_OWN, 8, 136 },
  { .law = { .d = 600 }, QK_OWN, 8, 72 },
  { .law = { .d = 1 }, QK_FREE, 8, 8 },
  { .law = { .d = 1 }, QK_FREE, 16, 72 },
};

static const char *const laws[][2] = {
  { "normal", "normal" },
  { "normal:mean=0.3,sd=2.385", "laplace:mean=-1.7" },
  { "student:nu=9", "sparse:p=0.3" },
  { "rademacher", "uniform:sd=0.7" },
};

enum
{
  CASES = sizeof cases / sizeof *cases,
  LAWS = sizeof laws / sizeof *laws,
  GUARD = 64 /* bytes */
};

static const uint64_t SEED = 0x9e2c5, CELL = 0x7351b0, BLOCK = 71003;

static struct qk_scores
make (int c, int l)
{
  struct qk_scores s = cases[c];
  char why[QK_WHY];
  ck_assert_msg (!qk_law_parse (&s.law.q, laws[l][0], why), "%s", why);
  ck_assert_msg (!qk_law_parse (&s.law.k, laws[l][1], why), "%s", why);
  return s;
}

static unsigned char *
open_scratch (const struct qk_scores *s)
{
  size_t bytes = qk_scores_bytes (s), whole = (bytes + GUARD + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
  unsigned char *scratch = aligned_alloc (QK_ALIGN, whole);
  ck_assert_ptr_nonnull (scratch);
  memset (scratch, 0xa5, whole);
  return scratch;
}

static void
close_scratch (const struct qk_scores *s, unsigned char *scratch)
{
  for (size_t i = 0; i < GUARD; i++)
    if (scratch[qk_scores_bytes (s) + i] != 0xa5)
      ck_abort_msg ("written behind the scratch, d %.0f", s->law.d);
  free (scratch);
}

/* Where coordinate i of row r stands in the stream of tile t of b rows, see kernels.h.  */
static uint64_t
position (uint64_t t, size_t b, size_t d, size_t r, size_t i)
{
  size_t m = i / QK_DEPTH, c = d - m * QK_DEPTH < QK_DEPTH ? d - m * QK_DEPTH : QK_DEPTH;
  return t * qk_operand_size (b, d) + m * QK_DEPTH * b + ((r / 8) * c + i % QK_DEPTH) * 8 + r % 8;
}

/* One score as the header says, a component at a time.  */
static double
scalar (const struct qk_scores *s, uint64_t t, size_t r, size_t j)
{
  const struct qk_address q_at = { SEED, CELL + QK_ROLE_Q, BLOCK },
                          k_at = { SEED, CELL + QK_ROLE_K, BLOCK };
  const struct qk_law *ql = &s->law.q, *kl = &s->law.k;
  size_t d = (size_t)s->law.d, k_rows = s->keys, k_row = j;
  if (s->shape == QK_FREE)
    return qk_draw (k_at, kl, t * s->queries * s->keys + (r / 8 * s->keys + j) * 8 + r % 8);
  if (s->shape == QK_OWN)
    {
      k_rows = 8 * s->keys;
      k_row = 8 * j + r;
    }
  double sum = 0, rho = s->law.rho;
  for (size_t i = 0; i < d; i++)
    {
      double q = qk_draw (q_at, ql, position (t, s->queries, d, r, i)), k = q;
      if (s->shape != QK_SELF)
        k = qk_draw (k_at, kl, position (t, k_rows, d, k_row, i));
      if (rho != 0)
        {
          double z = (q - ql->mean) / ql->sd, e = (k - kl->mean) / kl->sd;
          k = kl->mean + kl->sd * (rho * z + sqrt (1 - rho * rho) * e);
        }
      sum = fma (q, k, sum);
    }
  return sum;
}

/* The same bits, but for correlated pairs, whose partner is made in another order here.  */
static void
compare (const struct qk_scores *s, uint64_t t, const double *scores)
{
  bool paired = s->shape == QK_PAIRS || s->shape == QK_SELF;
  size_t keys = paired ? 1 : s->keys;
  for (size_t r = 0; r < s->queries; r++)
    for (size_t j = 0; j < keys; j++)
      {
        double got = scores[(r / 8 * keys + j) * 8 + r % 8];
        double expected = scalar (s, t, r, paired ? r : j);
        double slack
            = s->law.rho == 0 ? 0 : 1e-13 * s->law.d * s->law.q.sd * (s->law.k.sd + fabs (got));
        if (!(fabs (got - expected) <= slack))
          ck_abort_msg ("seed %#llx, tile %llu, shape %d, d %.0f: score %zu, %zu: %.17g, not %.17g",
                        (unsigned long long)SEED, (unsigned long long)t, s->shape, s->law.d, r, j,
                        got, expected);
      }
}

START_TEST (same_as_components)
{
  for (int l = 0; l < LAWS; l++)
    {
      struct qk_scores s = make (_i, l);
      unsigned char *scratch = open_scratch (&s);
      struct qk_source source = { .foreign = NULL };
      for (uint64_t t = 0; t < 3; t += 2)
        {
          qk_source_open (&source, SEED, CELL, BLOCK);
          compare (&s, t, qk_scores_draw (&s, t, qk_kernels_find (NULL), &source, scratch));
        }
      close_scratch (&s, scratch);
    }
}
END_TEST

/* With all of K kept the scores are the same bits, and K is a whole operand.  */
START_TEST (kept)
{
  for (int l = 0; l < LAWS; l++)
    {
      struct qk_scores s = make (_i, l);
      if (s.shape != QK_TILE && s.shape != QK_OWN)
        continue;
      s.keep = true;
      size_t d = (size_t)s.law.d, rows = s.keys * (s.shape == QK_OWN ? 8 : 1);
      unsigned char *scratch = open_scratch (&s);
      struct qk_source source = { .foreign = NULL };
      qk_source_open (&source, SEED, CELL, BLOCK);
      compare (&s, 2, qk_scores_draw (&s, 2, qk_kernels_find (NULL), &source, scratch));
      const double *k = qk_scores_kept (&s, scratch);
      for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < d; i++)
          {
            uint64_t at = position (2, rows, d, r, i);
            struct qk_address a = { SEED, CELL + QK_ROLE_K, BLOCK };
            if (k[at - 2 * qk_operand_size (rows, d)] != qk_draw (a, &s.law.k, at))
              ck_abort_msg ("case %d, row %zu, coordinate %zu", _i, r, i);
          }
      close_scratch (&s, scratch);
    }
}
END_TEST

/* Another generator fits in the scratch too, and goes on from tile to tile.  */
START_TEST (foreign)
{
  for (int l = 0; l < LAWS; l++)
    {
      struct qk_scores s = make (_i, l);
      unsigned char *scratch = open_scratch (&s);
      struct qk_source source = { .foreign = gsl_rng_alloc (gsl_rng_mt19937) };
      double first = 0, again;
      for (int pass = 0; pass < 2; pass++)
        {
          qk_source_open (&source, SEED, CELL, BLOCK);
          const double *scores = qk_scores_draw (&s, 0, qk_kernels_find (NULL), &source, scratch);
          again = scores[0];
          ck_assert (isfinite (again) && (pass == 0 || again == first));
          first = again;
        }
      const double *next = qk_scores_draw (&s, 1, qk_kernels_find (NULL), &source, scratch);
      if (l < 3 && (s.law.d > 8 || s.shape == QK_FREE)) /* signs have few values */
        ck_assert (next[0] != first);
      gsl_rng_free (source.foreign);
      close_scratch (&s, scratch);
    }
}
END_TEST

/* Room for one chunk of depth, whatever d.  */
START_TEST (bytes)
{
  struct qk_scores s = make (0, 0);
  s.queries = s.keys = 64;
  s.law.d = QK_DEPTH;
  size_t chunk = qk_scores_bytes (&s);
  ck_assert_uint_eq (chunk, (4 * 64 * QK_DEPTH + 64 * 64) * sizeof (double));
  s.law.d = 1048576;
  ck_assert_uint_eq (qk_scores_bytes (&s), chunk);
  s.shape = QK_SELF;
  ck_assert_uint_eq (qk_scores_bytes (&s), (3 * 64 * QK_DEPTH + 64) * sizeof (double));
  s.shape = QK_OWN;
  s.queries = 8;
  s.keys = 64;
  size_t own = qk_scores_bytes (&s);
  ck_assert_uint_eq (own, (8 * QK_DEPTH + 3 * 8 * 64 * QK_DEPTH + 8 * 64) * sizeof (double));
  s.keys = 4096; /* but the scores */
  ck_assert_uint_eq (qk_scores_bytes (&s), own + 8 * (4096 - 64) * sizeof (double));
}
END_TEST

/* Every build gives the same bits.  */
START_TEST (builds_agree)
{
  struct qk_scores s = make (_i, 2);
  const struct qk_kernels *const *builds = qk_kernels_available ();
  unsigned char *one = open_scratch (&s), *other = open_scratch (&s);
  struct qk_source source = { .foreign = NULL };
  qk_source_open (&source, SEED, CELL, BLOCK);
  size_t n = s.shape == QK_PAIRS || s.shape == QK_SELF ? s.queries : s.queries * s.keys;
  const double *expected = qk_scores_draw (&s, 5, builds[0], &source, one);
  for (; *builds; builds++)
    {
      const double *got = qk_scores_draw (&s, 5, *builds, &source, other);
      ck_assert_msg (!memcmp (got, expected, n * sizeof *got), "%s differs", (*builds)->isa);
    }
  close_scratch (&s, one);
  close_scratch (&s, other);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("scores");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, bytes);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_loop_test (edges, foreign, 0, CASES);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_loop_test (twin, same_as_components, 0, CASES);
  tcase_add_loop_test (twin, kept, 0, CASES);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);

  TCase *laws_group = tcase_create ("laws");
  tcase_add_loop_test (laws_group, builds_agree, 0, CASES);
  suite_add_tcase (suite, laws_group);
  return run (suite);
}
