/* rng-stream.c -- random 32-bit words on standard output, without end, for a battery of tests.

   rng-stream SOURCE SEED:
     philox    the raw generator, counter after counter
     uniform   the packed draws of the uniform law: the upper half of every word
     normal    the packed normals, mapped back by their distribution function

   The packed draws are taken as a run takes them: short pieces of q and k in turn, block after
   block, so that neighbouring addresses meet in one stream.  */

#include "lanes/kernels.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  WORDS = 1024, /* a piece */
  PIECES = 16   /* of q, and of k, a block */
};

static int
put (const uint32_t *word)
{
  return fwrite (word, sizeof *word, WORDS, stdout) == WORDS ? 0 : -1;
}

static void
raw (uint64_t seed)
{
  uint32_t word[WORDS];
  gsl_rng *r = gsl_rng_alloc (qk_rng_philox);
  gsl_rng_set (r, seed);
  do
    for (int i = 0; i < WORDS; i++)
      word[i] = (uint32_t)gsl_rng_get (r);
  while (!put (word));
  gsl_rng_free (r);
}

static uint32_t
word_of (double x, const struct qk_law *law)
{
  double u
      = law->type == &qk_law_types[QK_UNIFORM] ? x / (2 * sqrt (3)) + 0.5 : gsl_cdf_ugaussian_P (x);
  return (uint32_t)fmin (u * 0x1p32, 0xffffffff);
}

static void
packed (const struct qk_law *law, uint64_t seed)
{
  static _Alignas(QK_ALIGN) double x[WORDS];
  const struct qk_kernels *kernels = qk_kernels_find (getenv ("QKCHECK_ISA"));
  uint32_t word[WORDS];
  for (uint64_t i = 0; kernels; i++)
    {
      struct qk_address a = { seed, qk_cell ("rng-stream", i % 2), i / (2 * PIECES) };
      kernels->draw (x, WORDS, a, i / 2 % PIECES * WORDS, law);
      for (int j = 0; j < WORDS; j++)
        word[j] = word_of (x[j], law);
      if (put (word))
        return;
    }
}

int
main (int argc, char **argv)
{
  const char *source = argc == 3 ? argv[1] : "";
  uint64_t seed = argc == 3 ? strtoull (argv[2], NULL, 0) : 0;
  gsl_set_error_handler_off ();
  if (!strcmp (source, "philox"))
    raw (seed);
  else if (!strcmp (source, "uniform"))
    packed (&(struct qk_law){ &qk_law_types[QK_UNIFORM], 0, 0, 1 }, seed);
  else if (!strcmp (source, "normal"))
    packed (&(struct qk_law){ &qk_law_types[QK_NORMAL], 0, 0, 1 }, seed);
  else
    {
      fputs ("usage: rng-stream philox|uniform|normal SEED\n", stderr);
      return 2;
    }
  return 0;
}
