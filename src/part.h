/* part.h -- what the command reference is made of: parts with cases and statements of their own.

   Each part adds its cases and statements to the plan; sizes, enclosures and sentences of those
   are then asked of it alone.  */

#ifndef QK_PART_H
#define QK_PART_H

#include "experiment.h"

struct qk_part
{
  const struct qk_kind *const *kinds; /* ended by NULL; NULL: none */

  /* Add cases and statements, or nothing where the options ask for none of this part.  0, or -1 and
     why.  */
  int (*plan) (struct qk_plan *plan, char why[static QK_WHY]);

  /* Give case c, whose kind is one of kinds, blocks, units, cost and scratch, and mark statements
     thin.  */
  int (*size) (struct qk_plan *plan, size_t c, char why[static QK_WHY]);

  /* As of struct qk_experiment, for the part's own statements.  */
  void (*enclose) (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                   const struct qk_table *tables, double miss);
  bool (*explain) (char *text, size_t size, const struct qk_plan *plan,
                   const struct qk_statement *s, const struct qk_enclosure *e,
                   enum qk_verdict verdict); /* may be NULL */
  void (*describe) (char *text, size_t size,
                    const struct qk_plan *plan); /* or "" where it has nothing; may be NULL */
  void (*summarise) (char *text, size_t size, const struct qk_plan *plan,
                     const struct qk_table *tables); /* a sentence, or ""; may be NULL */
};

#endif
