/* list-checks.c -- the checks of the ledger and the examples of the manual, one a line:
   command, quantity, verdict, arguments.  Input of examples.sh.  */

#include "../src/claims.h"
#include "../src/registry.h"

#include <stdio.h>

static void
print (const char *command, const char *quantity, enum qk_verdict verdict, const char *arguments)
{
  const char *name = qk_verdict_name (verdict);
  printf ("%s %s %s %s\n", command, quantity, name ? name : "described", arguments);
}

int
main (void)
{
  for (const struct qk_claim *c = qk_claims; c->id; c++)
    for (const struct qk_check *k = c->checks; k->command; k++)
      print (k->command, k->quantity, k->verdict, k->arguments);
  for (const struct qk_experiment *const *e = qk_experiments; *e; e++)
    for (const struct qk_example *x = (*e)->examples; x->arguments; x++)
      if (x->quantity)
        print ((*e)->name, x->quantity, x->verdict, x->arguments);
  return 0;
}
