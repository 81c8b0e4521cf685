/* registry.c -- the commands there are.  registry-list.h has a line EXPERIMENT (NAME) for each name
   in Makefile.am's list.  */

#include "registry.h"

#include "ledger.h"

#include <string.h>

#define EXPERIMENT(name) extern const struct qk_experiment qk_experiment_##name;
#include "registry-list.h"
#undef EXPERIMENT

#define EXPERIMENT(name) &qk_experiment_##name,
const struct qk_experiment *const qk_experiments[] = {
#include "registry-list.h"
  NULL
};

const struct qk_experiment *const qk_descriptors[] = {
#include "registry-list.h"
  &qk_ledger, NULL
};

static const struct qk_experiment *
find (const struct qk_experiment *const *all, const char *name)
{
  while (*all && strcmp ((*all)->name, name))
    all++;
  return *all;
}

const struct qk_experiment *
qk_experiment_find (const char *name)
{
  return find (qk_experiments, name);
}

const struct qk_experiment *
qk_descriptor_find (const char *name)
{
  return find (qk_descriptors, name);
}
