/* whole.h -- whole blocks of the commands that sample, replayed in MPFR: a part of the command
   reference.  */

#ifndef QK_WHOLE_H
#define QK_WHOLE_H

#include "part.h"

/* Head dimensions, where none are given.  */
#define QK_WHOLE_DK "4,64,256"

extern const struct qk_part qk_whole_part;

#endif
