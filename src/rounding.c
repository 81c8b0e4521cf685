/* rounding.c -- number formats, operations that round once, summation algorithms.  */

#include "rounding.h"

#include <math.h>

const struct qk_float_format qk_float_formats[QK_FLOATS] = {
  [QK_BINARY64] = { "binary64", 53, -1022, 1023, 0x1p-53, 0x1.fffffffffffffp1023, 0x1p-1022,
                    0x1p-1074, INFINITY },
  [QK_BINARY32]
  = { "binary32", 24, -126, 127, 0x1p-24, 0x1.fffffep127, 0x1p-126, 0x1p-149, 0x1.ffffffp127 },
  [QK_BINARY16] = { "binary16", 11, -14, 15, 0x1p-11, 65504, 0x1p-14, 0x1p-24, 65520 },
  [QK_BFLOAT16] = { "bfloat16", 8, -126, 127, 0x1p-8, 0x1.fep127, 0x1p-126, 0x1p-133, 0x1.ffp127 },
};

const char *const qk_float_names[QK_FLOATS + 1]
    = { "binary64", "binary32", "binary16", "bfloat16", NULL };
const char *const qk_direction_names[QK_DIRECTIONS + 1] = { "nearest", "zero", NULL };
const char *const qk_summation_names[QK_SUMMATIONS + 1]
    = { "recursive", "pairwise", "kahan", "neumaier", "fma", "dot2", "tile", NULL };
