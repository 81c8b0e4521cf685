/* claims.h -- the ledger: what is said about attention, what is true, and what settles it.  */

#ifndef QK_CLAIMS_H
#define QK_CLAIMS_H

#include "experiment.h"

enum qk_status
{
  QK_TRUE,        /* holds */
  QK_CONDITIONAL, /* under the condition in the row; both sides are shown */
  QK_FALSE,       /* as said; a counterexample is shown and the corrected statement checked */
  QK_CITED        /* only literature can say */
};

/* A run that settles a row, in part: its arguments, and the verdict that quantity must get in every
   finding of it.  Also the examples of the manual and the cases of examples.sh.  */
struct qk_check
{
  const char *command, *arguments, *quantity;
  enum qk_verdict verdict;
};

struct qk_claim
{
  const char *id;
  const char *question;    /* "Q4"; NULL: what the tool's own figures stand on */
  const char *said;        /* what the notes say */
  const char *exact;       /* the exact statement */
  const char *assumptions; /* what it needs, or NULL */
  enum qk_status status;
  const char *derivation;        /* in short */
  const char *source;            /* literature, or NULL */
  const struct qk_check *checks; /* ended by a check without a command */
};

/* The ledger, ended by a claim without an id.  */
extern const struct qk_claim qk_claims[];

const struct qk_claim *qk_claim_find (const char *id);
const char *qk_status_name (enum qk_status status);

#endif
