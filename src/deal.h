/* deal.h -- random integers, permutations and rotations, by address.

   What qk_fill is to components: from Philox by address, or from a foreign generator in sequence.
 */

#ifndef QK_DEAL_H
#define QK_DEAL_H

#include "stream.h"

#include <stddef.h>
#include <stdint.h>

/* The words of one role of a source, dealt from the first: word i is word i % 2 of counter i / 2.
 */
struct qk_deal
{
  struct qk_source *source;
  unsigned role;  /* 0 to 15 */
  uint64_t dealt; /* words so far */
};

uint64_t qk_deal_word (struct qk_deal *deal);

/* An integer from 0 to n - 1, n >= 1, all equally likely: words from the 2^64 mod n least on,
   modulo n; one below them is dropped for the next.  */
uint64_t qk_deal_below (struct qk_deal *deal, uint64_t n);

/* The first m of a random permutation of 0 ... n - 1, all equally likely, m <= n; scratch (n).
   Source  Fisher and Yates; Durstenfeld, Comm. ACM 7 (1964).  */
void qk_deal_permutation (size_t *first, size_t m, size_t *scratch, size_t n, struct qk_deal *deal);

/* Turn n by n independent normal numbers of mean 0 and equal variance into a random orthogonal
   matrix, uniform by Haar measure: Gram-Schmidt on the rows, twice.

   Error   |R R^T - I| at most 8 n u in each entry; + - * / sqrt only.
   Source  Stewart, SIAM J. Numer. Anal. 17 (1980): factor Q of QR with a positive diagonal of R. */
void qk_rotation (double *r, size_t n);

#endif
