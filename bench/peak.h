/* peak.h -- the multiply-adds this processor can do.  */

#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stdint.h>

/* Do rounds of fused multiply-adds with the instruction set of that name ("avx512", "avx2", ...),
   independent of each other and of memory.  Returns how many were done; 0: no such loop.  */
uint64_t bench_peak (const char *isa, uint64_t rounds);

#endif
