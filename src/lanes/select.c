/* select.c -- which builds there are and which this processor runs; what needs no instruction set.
 */

#include "lanes/kernels.h"

#include <math.h>
#include <string.h>

extern const struct qk_kernels qk_kernels_plain;

#ifdef __x86_64__

extern const struct qk_kernels qk_kernels_avx512, qk_kernels_avx2;

/* Best first: what a processor runs is a tail of the list.  */
static const struct qk_kernels *const all[]
    = { &qk_kernels_avx512, &qk_kernels_avx2, &qk_kernels_plain, NULL };

bool
qk_fma_in_hardware (void)
{
  return __builtin_cpu_supports ("fma");
}

const struct qk_kernels *const *
qk_kernels_available (void)
{
  /* Each asks the system too: whether it keeps the wide registers between threads.  */
  bool avx2 = __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma");
  bool avx512 = avx2 && __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512dq");
  return all + (avx512 ? 0 : avx2 ? 1 : 2);
}

#else

static const struct qk_kernels *const all[] = { &qk_kernels_plain, NULL };

bool
qk_fma_in_hardware (void)
{
#ifdef FP_FAST_FMA
  return true;
#else
  return false;
#endif
}

const struct qk_kernels *const *
qk_kernels_available (void)
{
  return all;
}

#endif

const struct qk_kernels *
qk_kernels_find (const char *isa)
{
  const struct qk_kernels *const *k = qk_kernels_available ();
  while (isa && *k && strcmp ((*k)->isa, isa) != 0)
    k++;
  return *k;
}

size_t
qk_operand_size (size_t b, size_t d)
{
  return (b * d + QK_DRAW_STEP - 1) / QK_DRAW_STEP * QK_DRAW_STEP;
}

void
qk_fill (const struct qk_kernels *kernels, double *x, size_t n, struct qk_source *s, unsigned role,
         uint64_t first, const struct qk_law *law, uint64_t *words)
{
  if (!s->foreign)
    {
      struct qk_address a = s->address;
      a.cell += role;
      kernels->draw (x, n, a, first, law);
      return;
    }
  for (size_t i = 0; i < 2 * n / law->type->per; i++)
    words[i] = qk_foreign_word (s->foreign);
  kernels->shape (x, n, words, law);
}
