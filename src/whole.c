/* whole.c -- whole blocks of the commands that sample, replayed in MPFR.

   The cases of a command are those of its own plan, with its defaults, the laws of the command line
   and its head dimensions; block 0 of each is replayed, all its dot products and statistics.  */

#include "whole.h"
#include "message.h"
#include "replay.h"

#include <stdio.h>
#include <string.h>

/* "--dk=4,64 --q-dist=normal --k-dist=laplace --samples=9000".  */
static const char *
arguments_of (struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  char q[QK_WHY], k[QK_WHY];
  const char *list = p->dk.n ? "" : QK_WHOLE_DK;
  for (size_t i = 0; i < p->dk.n && list; i++)
    list = qk_plan_print (plan, "%s%s%.0f", list, i ? "," : "", p->dk.value[i]);
  qk_law_format (q, sizeof q, &p->q_dist);
  qk_law_format (k, sizeof k, &p->k_dist);
  const char *samples = p->samples > 0 ? qk_plan_print (plan, " --samples=%.0f", p->samples) : "";
  return list && samples
             ? qk_plan_print (plan, "--dk=%s --q-dist=%s --k-dist=%s%s", list, q, k, samples)
             : NULL;
}

/* The case of a finding there, and the command.  */
static const struct qk_key *
keys_of (struct qk_plan *plan, const char *command, const struct qk_key *own)
{
  struct qk_key *keys = qk_plan_keys (plan);
  qk_key_add (keys, (struct qk_key){ .name = "task", .text = command });
  for (; own && own->name; own++)
    qk_key_add (keys, *own);
  return keys;
}

static int
add_command (struct qk_plan *plan, const struct qk_experiment *experiment, char why[static QK_WHY])
{
  const char *arguments = arguments_of (plan);
  if (!arguments)
    return 0; /* and the plan is full */
  struct qk_plan *other = plan->commands->plan (plan, experiment, arguments, why);
  if (!other || plan->commands->size (other, 0, why))
    return -1;
  size_t first = plan->n_statements;
  qk_replay_all (plan, other, true);
  for (size_t i = first; i < plan->n_statements; i++)
    plan->statements[i].key = keys_of (plan, experiment->name, plan->statements[i].key);
  return 0;
}

/* Those named, each once, or all.  */
static int
plan_whole (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  const char *const *operand = p->operand;
  char quoted[QK_QUOTED];
  if (!p->whole && operand[0])
    return qk_complain (why, "'%s': operands are commands whose blocks --whole replays",
                        qk_quote (quoted, operand[0], strlen (operand[0])));
  if (!p->whole)
    return 0;
  if (p->q_file || p->k_file || p->values)
    return qk_complain (why,
                        "--whole replays blocks of commands: it takes no --q, --k or --values");
  for (size_t i = 0; operand[i]; i++)
    if (!plan->commands->find (operand[i], qk_replay_knows, why))
      return -1;
  for (const struct qk_experiment *const *e = plan->commands->all; *e; e++)
    {
      bool named = !operand[0];
      for (size_t i = 0; operand[i]; i++)
        named |= strcmp (operand[i], (*e)->name) == 0;
      if (named && qk_replay_knows (*e) && add_command (plan, *e, why))
        return -1;
    }
  return 0;
}

/* A replay has its size from the case that it replays; what it finds, the engine asks of replay.c.
 */
static int
size_whole (struct qk_plan *plan, size_t c, char why[static QK_WHY])
{
  (void)plan;
  (void)c;
  (void)why;
  return 0;
}

const struct qk_part qk_whole_part = {
  .kinds = (const struct qk_kind *const[]){ &qk_replay_kind, NULL },
  .plan = plan_whole,
  .size = size_whole,
};
