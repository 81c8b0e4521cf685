/* commands.c -- commands that are about commands: plans of others inside a plan.  */

#include "commands.h"
#include "engine.h"
#include "message.h"
#include "option.h"
#include "registry.h"

#include <stdio.h>
#include <string.h>

enum
{
  WORDS = 64, /* of the arguments of a command */
  COMMANDS = 63
};

/* A plan and what it was made from.  */
struct other
{
  struct qk_plan plan;
  struct qk_params params;
};

static void
release (struct qk_plan *plan)
{
  qk_params_free (&((struct other *)plan)->params, plan->experiment);
}

static const struct qk_experiment *
find (const char *name, bool (*fits) (const struct qk_experiment *), char why[static QK_WHY])
{
  const char *names[COMMANDS + 1] = { NULL };
  char quoted[QK_QUOTED], list[QK_WHY] = "";
  size_t n = 0;
  for (const struct qk_experiment *const *e = qk_experiments; *e && n < COMMANDS; e++)
    if (fits (*e))
      {
        if (!strcmp ((*e)->name, name))
          return *e;
        snprintf (list + strlen (list), sizeof list - strlen (list), "%s%s", n ? ", " : "",
                  (*e)->name);
        names[n++] = (*e)->name;
      }
  const char *near = qk_nearest (name, names);
  qk_quote (quoted, name, strlen (name));
  if (near)
    qk_complain (why, "'%s' is none of %s; did you mean '%s'?", quoted, list, near);
  else
    qk_complain (why, "'%s' is none of %s", quoted, list);
  return NULL;
}

static struct qk_plan *
plan_other (struct qk_plan *plan, const struct qk_experiment *experiment, const char *arguments,
            char why[static QK_WHY])
{
  struct other *new = qk_plan_alloc (plan, sizeof *new);
  char *text = qk_plan_print (plan, "%s", arguments), *word[WORDS + 1] = { NULL }, *rest = text;
  const char *label = qk_plan_print (plan, "%s %s", experiment->name, arguments);
  int n = 0;
  if (!new || !text || !label)
    {
      qk_complain (why, "out of memory for the plan");
      return NULL;
    }
  word[n++] = (char *)experiment->name; /* where getopt looks for that of the program */
  for (char *w; n < WORDS && (w = strtok_r (rest, " ", &rest));)
    word[n++] = w;
  if (qk_options_parse (&new->params, experiment, n, word, why))
    return NULL;
  new->plan = (struct qk_plan){ .experiment = experiment,
                                .params = &new->params,
                                .commands = plan->commands,
                                .signal = plan->signal,
                                .label = label,
                                .release = release,
                                .next = plan->others };
  plan->others = &new->plan;
  if (experiment->plan (&new->plan, why))
    return NULL;
  plan->full |= new->plan.full;
  return &new->plan;
}

static int
size_other (struct qk_plan *plan, double miss, char why[static QK_WHY])
{
  if (miss > 0)
    ((struct other *)plan)->params.miss = miss;
  return qk_engine_prepare (plan, why);
}

const struct qk_commands qk_commands
    = { .all = qk_experiments, .find = find, .plan = plan_other, .size = size_other };
