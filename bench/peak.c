/* peak.c -- multiply-adds at the peak: nothing but fma on registers.

   The accumulators are named registers, so that no compiler can put them in memory: a loop that
   does reads less than half the peak, and any kernel passes against it.  Twelve chains cover 2 fma
   a cycle at a latency of up to 6.  */

#include "peak.h"

#include <string.h>

#ifdef __x86_64__

/* clang-format off */
#define FMA(r, i) "vfmadd231pd %%" r "14, %%" r "15, %%" r #i "\n\t"
#define SET(r, i) "vbroadcastsd %1, %%" r #i "\n\t"
#define TWELVE(DO, r) DO (r, 0) DO (r, 1) DO (r, 2) DO (r, 3) DO (r, 4) DO (r, 5) DO (r, 6)        \
                      DO (r, 7) DO (r, 8) DO (r, 9) DO (r, 10) DO (r, 11)
#define LOOP(r) TWELVE (SET, r) SET (r, 14) SET (r, 15)                                            \
                ".balign 64\n"                                                                     \
                "1:\n\t"                                                                           \
                TWELVE (FMA, r) TWELVE (FMA, r) TWELVE (FMA, r) TWELVE (FMA, r)                    \
                "dec %0\n\tjnz 1b\n\tvzeroupper"
/* clang-format on */

#define CLOBBERS                                                                                   \
  "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",   \
      "xmm11", "xmm14", "xmm15"

static const double one = 1;

uint64_t
bench_peak (const char *isa, uint64_t rounds)
{
  uint64_t n = rounds;
  if (!strcmp (isa, "avx512"))
    {
      __asm__ volatile(LOOP ("zmm") : "+r"(n) : "m"(one) : CLOBBERS);
      return rounds * 48 * 8;
    }
  if (!strcmp (isa, "avx2"))
    {
      __asm__ volatile(LOOP ("ymm") : "+r"(n) : "m"(one) : CLOBBERS);
      return rounds * 48 * 4;
    }
  return 0;
}

#else

/* Elsewhere no loop is known to reach the peak, and none is better than a low one.  */
uint64_t
bench_peak (const char *isa, uint64_t rounds)
{
  (void)isa;
  (void)rounds;
  return 0;
}

#endif
