/* narrow.h -- attention in narrow formats: what overflows, and the error of the softmax: a part of
   the command reference.  */

#ifndef QK_NARROW_H
#define QK_NARROW_H

#include "part.h"

extern const struct qk_kind qk_overflow_kind, qk_softmax_kind;
extern const struct qk_part qk_narrow_part;

#endif
