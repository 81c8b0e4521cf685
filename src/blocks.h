/* blocks.h -- the raw tables of a run as one structured array in a .npy file.  */

#ifndef QK_BLOCKS_H
#define QK_BLOCKS_H

#include "engine.h"
#include "output.h"

/* Write fields case (bytes, the label of the case), block, and every column of the command; NaN
   where a column does not belong to the kind of the case.  0, or -1 and why.  */
int qk_blocks_write (struct qk_output *out, const struct qk_plan *plan,
                     const struct qk_outcome *outcome, char why[static QK_WHY]);

/* The same of one column, of the cases whose kind has it.  */
int qk_blocks_write_column (struct qk_output *out, const struct qk_plan *plan,
                            const struct qk_outcome *outcome, const char *column,
                            char why[static QK_WHY]);

#endif
