/* ledger.h -- `qkcheck claims`: a command that prints the ledger and measures nothing.  */

#ifndef QK_LEDGER_H
#define QK_LEDGER_H

#include "experiment.h"

extern const struct qk_experiment qk_ledger;

#endif
