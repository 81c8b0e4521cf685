/* commands.h -- commands that are about commands: plans of others inside a plan.  */

#ifndef QK_COMMANDS_H
#define QK_COMMANDS_H

#include "experiment.h"

/* What main lends to a plan.  */
extern const struct qk_commands qk_commands;

#endif
