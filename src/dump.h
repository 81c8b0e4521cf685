/* dump.h -- a folder of arrays that a run leaves behind, each a .npy file.  */

#ifndef QK_DUMP_H
#define QK_DUMP_H

#include "engine.h"

/* Make the folder, where it is not there yet.  Done before sampling, so that a wrong path costs
   nothing.  0, or -1 and why.  */
int qk_dump_open (const char *folder, char why[static QK_WHY]);

/* Write the arrays of the experiment into the folder of --dump: two axes of float64, in C order.
   Each file appears whole.  0, or -1 and why.  */
int qk_dump_write (const struct qk_plan *plan, const struct qk_outcome *outcome,
                   const struct qk_kernels *kernels, char why[static QK_WHY]);

#endif
