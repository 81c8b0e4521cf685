/* stream.h -- random numbers have addresses.

   Every number is a pure function of (seed, cell, block, position): Philox4x32-10 with
   key = seed and a 128-bit counter made of 40 bits of group, 40 bits of block and 48 bits
   of cell.  A cell is one role (Q, K, ...) of one case; see qk_cell.  So the number at an
   address is the same alone, in a sweep, in any thread, on any processor, next year.

   Source: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).  */

#ifndef QK_STREAM_H
#define QK_STREAM_H

#include "sampler.h"

#include <gsl/gsl_rng.h>
#include <stddef.h>
#include <stdint.h>

struct qk_address
{
  uint64_t seed;
  uint64_t cell;  /* 48 bits: 44 of hash, 4 of role; qk_cell */
  uint64_t block; /* 40 bits */
};

/* The cell of role 0..15 of the case that the text describes (command, laws, d, n, kind).
   The hash is 64-bit FNV-1a, folded to 44 bits; plans refuse two equal ones.  */
uint64_t qk_cell (const char *text, unsigned role);

/* The ten-round Philox4x32 bijection: out = philox (counter, key).  Two multipliers, and the two
   odd steps of the key between rounds.  */
#define QK_PHILOX_M0 UINT64_C (0xD2511F53)
#define QK_PHILOX_M1 UINT64_C (0xCD9E8D57)
#define QK_PHILOX_W0 UINT32_C (0x9E3779B9)
#define QK_PHILOX_W1 UINT32_C (0xBB67AE85)
void qk_philox (uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* The counter of a group < 2^40, little end first: the 128-bit integer
   group | block << 40 | cell << 80.  The key is the seed, little end first.  */
void qk_counter (uint32_t counter[4], struct qk_address a, uint64_t group);

/* The two 64-bit words of one counter: group < 2^40.  word[0] = x0 | x1 << 32, word[1] = x2 | x3
   << 32.  */
void qk_words (uint64_t word[2], struct qk_address a, uint64_t group);

/* The component at a position: the scalar twin of every packed value, bit for bit.
   Positions are dealt in groups of 8 counters so that 8 lanes fill 8 neighbours: with P =
   law.type->per values a counter, position p belongs to counter 8 (p / (8 P)) + p % 8 and is its
   value number (p / 8) % P.  */
double qk_draw (struct qk_address a, const struct qk_law *law, uint64_t position);

/* Philox as a generator of the GSL: 32-bit outputs x0, x1, x2, x3 of counters 0, 1, ...; the seed
   is the key, cell and block are 0.  */
extern const gsl_rng_type *qk_rng_philox;

/* Where a block takes its numbers: Philox by address, or a foreign generator of the GSL, seeded
   from the address of the block and then read in sequence.  */
struct qk_source
{
  struct qk_address address; /* cell with role 0 */
  gsl_rng *foreign;          /* NULL: Philox */
};

/* Start block: set the address and, for a foreign generator, its seed.  Seeds of one cell differ
   for all blocks below 2^31 - 2.  */
void qk_source_open (struct qk_source *s, uint64_t seed, uint64_t cell, uint64_t block);

/* The next 64 random bits of a foreign generator, most significant first, 16 at a time, or 8 where
   it has fewer than 16: always its leading bits, for the low ones of a congruential generator
   modulo 2^32 (vax, transputer) hardly move, and a stuck bit here would be the sign of a value.  */
uint64_t qk_foreign_word (gsl_rng *r);

#endif
