/* deal.c -- random integers, permutations and rotations, by address.  */

#include "deal.h"

#include <math.h>

uint64_t
qk_deal_word (struct qk_deal *deal)
{
  uint64_t i = deal->dealt++;
  if (deal->source->foreign)
    return qk_foreign_word (deal->source->foreign);
  struct qk_address a = deal->source->address;
  uint64_t word[2];
  a.cell += deal->role;
  qk_words (word, a, i / 2);
  return word[i % 2];
}

uint64_t
qk_deal_below (struct qk_deal *deal, uint64_t n)
{
  uint64_t word, first = -n % n; /* 2^64 mod n */
  do
    word = qk_deal_word (deal);
  while (word < first);
  return word % n;
}

void
qk_deal_permutation (size_t *first, size_t m, size_t *scratch, size_t n, struct qk_deal *deal)
{
  for (size_t i = 0; i < n; i++)
    scratch[i] = i;
  for (size_t i = 0; i < m; i++)
    {
      size_t j = i + (size_t)qk_deal_below (deal, n - i);
      first[i] = scratch[j];
      scratch[j] = scratch[i];
    }
}

void
qk_rotation (double *r, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      double *row = r + i * n, square = 0;
      /* Once more takes away what rounding left of the rows before.  */
      for (size_t j = 0; j < 2 * i; j++)
        {
          const double *before = r + j % i * n;
          double along = 0;
          for (size_t a = 0; a < n; a++)
            along += row[a] * before[a];
          for (size_t a = 0; a < n; a++)
            row[a] -= along * before[a];
        }
      for (size_t a = 0; a < n; a++)
        square += row[a] * row[a];
      for (size_t a = 0; a < n; a++)
        row[a] /= sqrt (square);
    }
}
