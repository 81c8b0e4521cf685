/* given.h -- vectors and values from files: a part of the command reference.  */

#ifndef QK_GIVEN_H
#define QK_GIVEN_H

#include "part.h"

extern const struct qk_kind qk_given_kind;
extern const struct qk_part qk_given_part;

#endif
