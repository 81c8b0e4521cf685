/* manual.h -- the manual pages inside the program: man/ as it was when it was built.

   src/manual.awk writes the table.  */

#ifndef QK_MANUAL_H
#define QK_MANUAL_H

struct qk_manual
{
  const char *name;        /* "qkcheck-variance.1" */
  const char *const *line; /* the source in man(7) macros, without newlines; ended by NULL */
};

/* Ended by a page without a name.  */
extern const struct qk_manual qk_manuals[];

#endif
