/* ledger.c -- `qkcheck claims`: a command that prints the ledger and measures nothing.

   Its rows are those of claims.c; report-ledger.c and report-lines.c print them.  */

#include "ledger.h"

#include "claims.h"

#include <stddef.h>

static const char *const description[] = {
  "List what is said about Transformer attention and what is true of it; or, given the names of "
  "rows, explain these: what is said, the exact statement, what it assumes, why it holds, the "
  "theorem and the file that has its proof, the commands that settle it and the verdicts they "
  "must give, what is published, and the source.  Nothing is run: see qkcheck-claims(7) for "
  "the whole ledger.",
  "The status of a row is what is true, not what is said.  holds; conditional, where it is "
  "true under the condition in the row; false as it is said, where the row has a "
  "counterexample or what a paper really contains, and the statement put right; cited, where "
  "only literature can say.",
  "As JSON Lines a row is a line of type row: its id, question and status, confirmed, which is "
  "null because nothing ran, and all that the text says.  CSV has a line for each row, with "
  "semicolons between the theorems, checks and publications of one.",
  NULL
};

static const struct qk_operand operands[]
    = { { .name = "ID",
          .help = "The name of a row, as qkcheck claims lists it.",
          .any = true,
          .type = QK_OPERAND_WORD,
          .word = qk_claim_word },
        { 0 } };

static const struct qk_option options[]
    = { QK_OPTION_QUESTION, QK_OPTION_STATUS, { .name = NULL } };

static const struct qk_example examples[]
    = { { .arguments = "", .meaning = "The whole ledger, a line for each row." },
        { .arguments = "score-variance", .meaning = "All there is to say of one row." },
        { .arguments = "--question=Q2 --status=false,conditional",
          .meaning = "What is said of separate weights and is not true as it stands." },
        { .arguments = "head-quality dot-better --format=markdown",
          .meaning = "Two rows that only literature can settle, with the published figures." },
        { 0 } };

const struct qk_experiment qk_ledger
    = { .name = "claims",
        .question = "what is said about attention, and what is true of it?",
        .asked = "What is said about attention, and what is true of it?",
        .description = description,
        .unit = "rows",
        .prints = true,
        .operands = operands,
        .options = options,
        .examples = examples };
