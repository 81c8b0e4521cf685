/* option.h -- the command line: descriptor rows to parameters.  */

#ifndef QK_OPTION_H
#define QK_OPTION_H

#include "experiment.h"

enum
{
  QK_LIST_MAX = 4096 /* values of a LIST */
};

/* Rows that every command has, that every command has which measures, and that samples.  */
extern const struct qk_option qk_options_common[];
extern const struct qk_option qk_options_measuring[];
extern const struct qk_option qk_options_sampling[];

/* The rows of a command in the order of help: its own, sampling, measuring, common, with replaced
   rows left out. Ended by a row without a name; allocated once, owned by the caller (free).  NULL:
   out of memory. */
struct qk_option *qk_options_of (const struct qk_experiment *experiment);

/* Set every default, then read argv (argv[0] is the command's name; permuted, operands last); the
   operands must be as many as the experiment says.  All that follows --help is left unread.  0, or
   -1 and why: one sentence that names the option, what is wrong and what is allowed (without
   program and command: the caller adds them); the parameters are then already freed.  Numbers are
   read in the locale of the process: leave it "C".  */
int qk_options_parse (struct qk_params *params, const struct qk_experiment *experiment, int argc,
                      char **argv, char why[static QK_WHY]);
void qk_params_free (struct qk_params *params, const struct qk_experiment *experiment);

/* The range of a number in words: "between 1 and 1048576", "above 0"; "" if it has none.  Returns
   the length needed, as snprintf.  */
int qk_option_range (char *text, size_t size, const struct qk_option *row);

/* Whether the option takes a value, and the placeholder of that value: "LIST", "text|json".  */
bool qk_option_valued (const struct qk_option *row);
int qk_option_metavar (char *text, size_t size, const struct qk_option *row);

/* The nearest of names (ended by NULL) to a mistyped word, or NULL if none is near.  */
const char *qk_nearest (const char *word, const char *const *names);

#endif
