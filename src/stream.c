/* stream.c -- Philox4x32-10, its addresses, the scalar route to any component.  */

#include "stream.h"

#include <math.h>

uint64_t
qk_cell (const char *text, unsigned role)
{
  /* 64-bit FNV-1a.  */
  uint64_t h = 0xcbf29ce484222325;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * 0x100000001b3;

  uint64_t folded = (h >> 44 ^ h) & 0xfffffffffff;
  return folded << 4 | (role & 15);
}

void
qk_philox (uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
  uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];

  for (int round = 0; round < 10; round++)
    {
      uint64_t p0 = QK_PHILOX_M0 * x0, p1 = QK_PHILOX_M1 * x2;
      x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
      x1 = (uint32_t)p1;
      x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
      x3 = (uint32_t)p0;
      k0 += QK_PHILOX_W0;
      k1 += QK_PHILOX_W1;
    }
  out[0] = x0, out[1] = x1, out[2] = x2, out[3] = x3;
}

void
qk_counter (uint32_t counter[4], struct qk_address a, uint64_t group)
{
  counter[0] = (uint32_t)group;
  counter[1] = (uint32_t)(group >> 32 & 0xff) | (uint32_t)(a.block << 8);
  counter[2] = (uint32_t)(a.block >> 24 & 0xffff) | (uint32_t)(a.cell << 16);
  counter[3] = (uint32_t)(a.cell >> 16);
}

void
qk_words (uint64_t word[2], struct qk_address a, uint64_t group)
{
  uint32_t counter[4], x[4];
  const uint32_t key[2] = { (uint32_t)a.seed, (uint32_t)(a.seed >> 32) };
  qk_counter (counter, a, group);
  qk_philox (x, counter, key);
  word[0] = x[0] | (uint64_t)x[1] << 32;
  word[1] = x[2] | (uint64_t)x[3] << 32;
}

double
qk_draw (struct qk_address a, const struct qk_law *law, uint64_t position)
{
  const struct qk_law_type *type = law->type;
  uint64_t word[2];
  double z[4];
  qk_words (word, a, position / (8 * type->per) * 8 + position % 8);
  type->transform (z, word, law->shape);
  return fma (law->sd, z[position / 8 % type->per], law->mean);
}

/* The adapter to the GSL.  */

struct philox_state
{
  uint64_t seed, group;
  uint64_t word[2];
  unsigned used; /* of the four outputs of the current counter */
};

static void
philox_set (void *state, unsigned long seed)
{
  struct philox_state *s = state;
  *s = (struct philox_state){ .seed = seed, .used = 4 };
}

static unsigned long
philox_get (void *state)
{
  struct philox_state *s = state;
  if (s->used == 4)
    {
      qk_words (s->word, (struct qk_address){ .seed = s->seed }, s->group++);
      s->used = 0;
    }
  unsigned i = s->used++;
  return s->word[i / 2] >> 32 * (i % 2) & 0xffffffff;
}

static double
philox_get_double (void *state)
{
  uint64_t low = philox_get (state), high = philox_get (state);
  return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

static const gsl_rng_type philox_type = {
  .name = "philox",
  .max = 0xffffffff,
  .min = 0,
  .size = sizeof (struct philox_state),
  .set = philox_set,
  .get = philox_get,
  .get_double = philox_get_double,
};

const gsl_rng_type *qk_rng_philox = &philox_type;

void
qk_source_open (struct qk_source *s, uint64_t seed, uint64_t cell, uint64_t block)
{
  s->address = (struct qk_address){ seed, cell, block };
  if (!s->foreign)
    return;

  /* Seeds 1 .. m, one to one in the block below m: the multiplier is coprime to
     m = 2^31 - 2 = 2 3^2 7 11 31 151 331.  0 would mean a default to the GSL, and 2^31 - 1 is 0 to
     its multiplicative generators.  The offset is two words of Philox that no component uses: its
     block, 2^40 - 1, is out of reach.  */
  const uint64_t m = 0x7ffffffe, multiplier = 1327217887;
  uint64_t word[2];
  qk_words (word, (struct qk_address){ seed, cell, 0xffffffffff }, 0);
  gsl_rng_set (s->foreign, 1 + (word[0] % m + block % m * multiplier) % m);
}

uint64_t
qk_foreign_word (gsl_rng *r)
{
  int bits = gsl_rng_max (r) - gsl_rng_min (r) >= 0xffff ? 16 : 8;
  uint64_t word = 0;
  for (int have = 0; have < 64; have += bits)
    word = word << bits | (uint64_t)ldexp (gsl_rng_uniform (r), bits);
  return word;
}
