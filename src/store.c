/* store.c -- scratch memory as it is handed out.  */

#include "store.h"
#include "lanes/kernels.h"

double *
qk_store_take (struct qk_store *store, size_t doubles)
{
  double *here = store->memory ? store->memory + store->used : NULL;
  store->used += (doubles + QK_LANES - 1) / QK_LANES * QK_LANES;
  return here;
}

void *
qk_store_bytes (struct qk_store *store, size_t bytes)
{
  return qk_store_take (store, (bytes + sizeof (double) - 1) / sizeof (double));
}
