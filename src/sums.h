/* sums.h -- sampled dot products in every format and by every algorithm: a part of the command
   reference.  */

#ifndef QK_SUMS_H
#define QK_SUMS_H

#include "part.h"

extern const struct qk_kind qk_sums_kind;
extern const struct qk_part qk_sums_part;

#endif
