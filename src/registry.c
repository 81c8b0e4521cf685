/* registry.c -- the commands there are.  registry-list.h has a line EXPERIMENT (NAME) for each name
   in Makefile.am's list.  */

#include "registry.h"

#include <string.h>

#define EXPERIMENT(name) extern const struct qk_experiment qk_experiment_##name;
#include "registry-list.h"
#undef EXPERIMENT

#define EXPERIMENT(name) &qk_experiment_##name,
const struct qk_experiment *const qk_experiments[] = {
#include "registry-list.h"
  NULL
};

const struct qk_experiment *
qk_experiment_find (const char *name)
{
  for (const struct qk_experiment *const *e = qk_experiments; *e; e++)
    if (!strcmp ((*e)->name, name))
      return *e;
  return NULL;
}
