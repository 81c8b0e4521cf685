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

/* A figure that was published, or a finding without one.  */
struct qk_published
{
  const char *what;   /* "BLEU on newstest2013, 1 head" */
  const char *value;  /* in the digits of its source; NULL: what says it all */
  const char *source; /* "Vaswani et al. (2017), Table 3 (A)" */
};

struct qk_claim
{
  const char *id;
  const char *question;    /* a word of qk_questions: "Q4" */
  const char *said;        /* what the notes say */
  const char *exact;       /* the exact statement */
  const char *assumptions; /* what it needs, or NULL */
  enum qk_status status;
  const char *derivation;               /* in short */
  const char *source;                   /* literature, or NULL */
  const struct qk_check *checks;        /* ended by a check without a command */
  const struct qk_published *published; /* ended by one without what; NULL: none */
};

/* The ledger, ended by a claim without an id.  */
extern const struct qk_claim qk_claims[];

/* The questions that the notes answer, "Q1" to "Q4", and the word of the rows that are the
   program's own, "arithmetic"; and beside each what it asks.  Ended by NULL.  */
extern const char *const qk_question_words[], *const qk_questions[];

/* "holds", "conditional", "false", "cited", as they stand in enum qk_status; ended by NULL.  */
extern const char *const qk_status_words[];

/* NULL: there is none.  */
const struct qk_claim *qk_claim_find (const char *id);

/* The id of row i from 0 on, NULL after the last: what operands may be.  */
const char *qk_claim_word (size_t i);

/* The rows that the operands name, each once and in their order; or, where there are none, all, by
   question and then as the ledger has them; of these, what --question and --status leave, which may
   be none.  Owned by the caller (free); *n is how many.  NULL and why: out of memory, or a row that
   is named and left out.  */
const struct qk_claim **qk_claims_select (size_t *n, const struct qk_params *params,
                                          char why[static QK_WHY]);

/* Rows of options for commands that are about the ledger.  */
#define QK_OPTION_QUESTION                                                                         \
  {                                                                                                \
    .name = "question", .type = QK_NAMES, .offset = offsetof (struct qk_params, question),         \
    .metavar = "LIST", .standard = "all", .choices = qk_question_words,                            \
    .help = "Only rows of these questions: Q1 is why several heads, Q2 why separate weights, Q3 "  \
            "why dot products, Q4 why the scale; arithmetic is what the program's own figures "    \
            "stand on.  Q1..Q3 is a range."                                                        \
  }
#define QK_OPTION_STATUS                                                                           \
  {                                                                                                \
    .name = "status", .type = QK_NAMES, .offset = offsetof (struct qk_params, status),             \
    .metavar = "LIST", .standard = "all", .choices = qk_status_words,                              \
    .help = "Only rows of this status: holds; conditional, where the row says on what; false as "  \
            "it is said; or cited, where only literature can say."                                 \
  }
const char *qk_status_name (enum qk_status status);

/* What the question of a row asks.  */
const char *qk_claim_asks (const struct qk_claim *claim);

/* The command that settles most of a row: that of its first check, or claims, where literature
   alone can say.  */
const char *qk_claim_command (const struct qk_claim *claim);

/* Whether no run can settle it: published figures are all there is.  */
bool qk_claim_published (const struct qk_claim *claim);

/* ---- What proves a row: proofs/claims.tsv, as it was when the program was built ---------------
 */

struct qk_theorem
{
  const char *claim; /* id */
  const char *name;  /* "Claims_prob.score_mean"; NULL where the class is paper, measured, cited */
  const char *file;  /* "proofs/Claims_prob.v", "proofs/scaling.md"; NULL: none */
  const char *class; /* none, reals, mathcomp, paper, measured, cited */
  const char *says;  /* which part of the claim it is */
};

/* In the order of that file, ended by one without a claim; src/theorems.awk writes the table.  */
extern const struct qk_theorem qk_theorems[];

/* What a class means, in a few words.  */
const char *qk_class_meaning (const char *class);

#endif
