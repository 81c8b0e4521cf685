/* registry.h -- the commands there are: the list of experiments in Makefile.am.  */

#ifndef QK_REGISTRY_H
#define QK_REGISTRY_H

#include "experiment.h"

/* Ended by NULL.  */
extern const struct qk_experiment *const qk_experiments[];

const struct qk_experiment *qk_experiment_find (const char *name);

#endif
