/* store.h -- scratch memory as it is handed out, and the larger of two sizes.

   Whoever needs several arrays takes them from a store in one function, in one order: with memory
   to lay them out, without to learn how much they need.  */

#ifndef QK_STORE_H
#define QK_STORE_H

#include <stddef.h>

struct qk_store
{
  double *memory; /* aligned to QK_ALIGN; NULL: pieces are only counted */
  size_t used;    /* doubles so far, a multiple of QK_LANES */
};

/* The next piece, of that many doubles, or bytes of anything else, aligned to QK_ALIGN.  NULL:
   there is no memory.  */
double *qk_store_take (struct qk_store *store, size_t doubles);
void *qk_store_bytes (struct qk_store *store, size_t bytes);

static inline size_t
qk_larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

static inline size_t
qk_smaller (size_t a, size_t b)
{
  return a < b ? a : b;
}

#endif
