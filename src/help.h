/* help.h -- help and manual pages, rendered from descriptors.  */

#ifndef QK_HELP_H
#define QK_HELP_H

#include "experiment.h"

#include <stdio.h>

/* The first page: five useful commands to start with.  */
void qk_help_start (FILE *out);

/* qkcheck --help: usage and all commands.  */
void qk_help_overview (FILE *out);

/* qkcheck COMMAND --help: question, usage, options with ranges and defaults, an example.  */
void qk_help_short (FILE *out, const struct qk_experiment *experiment);

/* The manual page of a topic ("variance", "method", "claims.1", or "qkcheck") as plain text, from
   the page that is installed; without a section that of the highest.  -1: no such topic.  */
int qk_help_page (FILE *out, const char *topic, int width);

/* The source of the manual page of a command (or, with NULL, of qkcheck(1)), in the man(7) macros:
   what `make -C build man` writes to man/.  That of qkcheck-claims(7) comes from report.h.  */
void qk_help_source (FILE *out, const struct qk_experiment *experiment);

#endif
