/* registry.h -- the commands there are: the list of experiments in Makefile.am, and those that
   measure nothing.  */

#ifndef QK_REGISTRY_H
#define QK_REGISTRY_H

#include "experiment.h"

/* Ended by NULL.  */
extern const struct qk_experiment *const qk_experiments[];

const struct qk_experiment *qk_experiment_find (const char *name);

/* The same with those after them that measure nothing: all that has options, help and a page.  */
extern const struct qk_experiment *const qk_descriptors[];
const struct qk_experiment *qk_descriptor_find (const char *name);

#endif
