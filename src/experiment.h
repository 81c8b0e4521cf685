/* experiment.h -- what an experiment is: data that the rest of the program reads.

   An experiment states its cases and statements before a number is drawn (plan), says how much to
   sample once each statement has its share of the error budget (size), computes blocks that are
   pure functions of their address (block), and turns tables of blocks into enclosures (enclose).
   It never prints, parses, exits, or sees threads and clocks; files it sees as tensors.  Options,
   help, manual page, reports and completion are rendered from its descriptor.  */

#ifndef QK_EXPERIMENT_H
#define QK_EXPERIMENT_H

#include "lanes/kernels.h"
#include "qk.h"
#include "sampler.h"
#include "stream.h"
#include "tensor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Parameters: what the command line sets ------------------------------------------------ */

enum qk_format
{
  QK_TEXT,
  QK_JSON,
  QK_CSV,
  QK_MARKDOWN
};

enum qk_nan
{
  QK_NAN_REFUSE,
  QK_NAN_SKIP
};

enum qk_when
{
  QK_AUTO,
  QK_ALWAYS,
  QK_NEVER
};

struct qk_list
{
  size_t n;
  double *value;
};

struct qk_names
{
  size_t n;
  char **name;
};

enum
{
  QK_INPUTS = 3,   /* no command takes more files, options included */
  QK_FILES_MAX = 2 /* of one option that may be given several times */
};

struct qk_params
{
  /* every command */
  const char **operand; /* ended by NULL */
  int format;           /* enum qk_format */
  const char *output;
  bool quiet;
  int progress, color; /* enum qk_when */
  bool help;

  /* commands that measure */
  struct qk_names quantity;
  double threads;   /* 0: the processors allowed to the process */
  const char *plot; /* a picture, or NULL */

  /* sampling commands */
  struct qk_list dk;
  struct qk_law dist, q_dist, k_dist; /* once parsed, q_dist and k_dist hold */
  uint64_t seed;
  const gsl_rng_type *rng; /* NULL: Philox by address */
  double tolerance, confidence;
  double miss;                             /* 0: the budget is split */
  double samples, max_samples, time_limit; /* 0: as planned, the command's own, none */
  const char *blocks;
  bool dry_run, reference;

  /* of one command */
  double correlation;
  struct qk_list alpha;
  struct qk_list keys, scale, sigma; /* scale: see weights.h */
  bool causal, exact;
  struct qk_list model_dim, weights; /* weights: of enum qk_weighting */
  int norm;                          /* enum qk_normed */
  struct qk_list heads, init;        /* init: of enum qk_head_init */
  double layers;
  struct qk_list hidden; /* none: d_k */
  bool unscaled;
  struct qk_band expect; /* where expected */
  bool expected;
  int nan;                              /* enum qk_nan */
  struct qk_list algorithm;             /* of enum qk_summation */
  struct qk_list format_in, format_acc; /* of enum qk_float; format_acc: none, as format_in */
  struct qk_list condition;
  int rounding; /* enum qk_direction */
  const char *q_file, *k_file, *values;
  double precision; /* bits */
  bool whole;
  struct qk_list question, status; /* rows of the ledger: places in the words of claims.h */
  bool train, thorough, tolerance_given;
  const char *report[QK_FILES_MAX + 1]; /* pages; ended by NULL */
  const char *settled_by;               /* names with commas between them */
  double steps;                         /* 0: those of the task */
  struct qk_list optimizer, arm;        /* of enum qk_optimizer; of the arms of the command */
  bool fast;
  const char *curves, *dump;
};

enum qk_option_type
{
  QK_FLAG,      /* bool */
  QK_CHOICE,    /* int, index into choices */
  QK_FILE,      /* const char * */
  QK_FILES,     /* const char *[QK_FILES_MAX + 1], ended by NULL: each time it is given one more */
  QK_REAL,      /* double */
  QK_INTEGER,   /* double holding an integer below 2^53; 1e6 and 10M are accepted */
  QK_SEED,      /* uint64_t, decimal or 0x hexadecimal */
  QK_INTEGERS,  /* struct qk_list of integers: LIST */
  QK_REALS,     /* struct qk_list: LIST */
  QK_WORDS,     /* the same, where each of choices stands for a number: word i for -1 - i */
  QK_NAMES,     /* struct qk_list of indices into choices: LIST; "all" is all of them */
  QK_LAW,       /* struct qk_law */
  QK_INTERVAL,  /* struct qk_band: LO..HI */
  QK_RNG,       /* const gsl_rng_type *; NULL: philox */
  QK_QUANTITIES /* struct qk_names, each the name of a quantity of the command */
};

/* One row is parser, bounds, help, manual page and completion.  Tables end with a row without a
   name.  A row of an experiment replaces the common row of the same name.  */
struct qk_option
{
  const char *name;
  char letter; /* 0: none */
  enum qk_option_type type;
  size_t offset;        /* in struct qk_params */
  size_t seen;          /* offset of a bool that says whether it was given; 0: none */
  const char *metavar;  /* "LIST", "T"; NULL for flags and choices */
  const char *standard; /* the default, parsed like a user's text; NULL: none */
  const char *shown;    /* the default in words, where standard does not say it; or NULL */
  double lo, hi;        /* numbers: the range */
  bool lo_open, hi_open;
  const char *const *choices; /* ended by NULL */
  const char *help;           /* one or two plain sentences; for the manual and --help */
};

enum qk_operand_type
{
  QK_OPERAND_FILE,
  QK_OPERAND_COMMAND, /* the name of a command that samples: for who reads it to refuse */
  QK_OPERAND_WORD     /* one of its words: others are refused when the command line is read */
};

/* An operand, by its place on the command line.  */
struct qk_operand
{
  const char *name; /* "Q.npy" */
  const char *help;
  bool any; /* none, one, or several, and no operand after them */
  enum qk_operand_type type;
  const char *(*word) (size_t i); /* the words, from 0 on; NULL after the last */
};

/* ---- The plan ------------------------------------------------------------------------------ */

enum qk_method
{
  QK_BY_EXACT,    /* an equality or a count */
  QK_BY_BOUND,    /* a proved bound */
  QK_BY_T,        /* Student t over blocks */
  QK_BY_BINOMIAL, /* Clopper-Pearson */
  QK_BY_ORDER,    /* order statistics */
  QK_BY_DKW,      /* Dvoretzky-Kiefer-Wolfowitz-Massart */
  QK_BY_ROUNDING  /* an enclosure of rounding errors */
};

/* Whether findings by this method take a share of the error budget.  */
bool qk_method_sampled (enum qk_method method);

/* One member of the "case" object of a finding; the names are a closed list.  A case is an array
   of them, ended by one without a name.  */
struct qk_key
{
  const char *name;           /* NULL ends the keys */
  const char *text;           /* a string, or NULL: */
  const struct qk_list *list; /* a list of numbers, or NULL: */
  double number;
};

enum
{
  QK_KEYS = 12 /* the end apart; reference alone needs eight, and a key too many would be lost */
};

struct qk_claim;
struct qk_plan;
struct qk_case;
struct qk_work;

struct qk_column
{
  const char *name;
  unsigned width; /* 1, or the length of a vector */
};

/* One kind of case: what is sampled, and the columns of its table.  */
struct qk_kind
{
  const char *name;                /* "tiles", "pairs", "law" */
  const char *unit;                /* the independent unit: "block", "pair" */
  const struct qk_column *columns; /* ended by a column without a name */
  bool later;                      /* its blocks are computed when the tables of all others are
                                      whole, and may read those */
  bool alone;                      /* its blocks read the clock: they are computed last, by one
                                      thread, each case in turn, and do not ask for more */

  /* Fill row with block index of a case.  Pure, allocates nothing; 0, or -1 (a NaN, say) and, where
     there is more to say than that, work->why.  */
  int (*block) (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work);

  const struct qk_twin *twin; /* how it is replayed (replay.h), or NULL */
};

struct qk_case
{
  const struct qk_kind *kind;
  const char *label; /* what tells it from the other cases of the run: "tiles d_k=64" */
  uint64_t cell;     /* its address, role 0 */
  void *own;         /* the experiment's constants; block only reads them */
  size_t needs;      /* 1 + the case, of a kind that is not later, whose table its blocks and the
                        enclosures of its statements read; 0: none */

  /* Of a union: the plan that it is taken from, and where the cases of that begin; else NULL, 0. */
  const struct qk_plan *of;
  size_t at;

  /* Set by size.  */
  uint64_t blocks; /* rows of the first round; the same number for all that come alone */
  double units;    /* scores, queries, ... a block */
  double cost;     /* multiply-adds a block, or their equivalent in time */
  size_t scratch;  /* bytes a worker needs; aligned to QK_ALIGN */
};

struct qk_statement
{
  const char *claim; /* ledger id, or NULL */
  size_t quantity;   /* index into the experiment's quantities */
  const struct qk_key *key;
  enum qk_method method;
  double exact;        /* the true value under the options given; NAN: none is known */
  bool judged;         /* false: described */
  struct qk_band band; /* what the claim allows; only where judged */
  size_t *source;      /* indices of the cases it is measured on; none for a theorem */
  size_t sources;
  size_t part;        /* the experiment's own: which part of its cases it speaks of */
  const void *own;    /* the experiment's own; or NULL */
  const char *digits; /* the true value in decimals, where a double does not say it; or NULL */
  double miss;        /* its share of the error budget, all rounds together; 0 without sampling */
  bool thin;  /* set by size: too few samples for an honest interval; described, no interval */
  bool aside; /* text tells it only where --quantity asks for it, or it does not hold */

  /* Of a union: the plan that it is taken from, which statement of that it is, and where the cases
     of that begin among those of the union; else NULL, NULL, 0.  */
  const struct qk_plan *of;
  const struct qk_statement *inner;
  size_t at;
};

/* One row per block, in order.  */
struct qk_table
{
  const double *data;
  size_t rows, columns;
};

/* What the engine gives a block besides its address.  */
struct qk_work
{
  const struct qk_kernels *kernels;
  uint64_t seed;
  struct qk_source source;       /* foreign generator of this worker, or NULL in it */
  void *scratch;                 /* of qk_case.scratch bytes, aligned to QK_ALIGN */
  const struct qk_table *tables; /* one a case; for kinds that come later */
  double (*clock) (void);        /* seconds; for kinds that come alone */
  char *why;                     /* of QK_WHY bytes */
};

/* Who writes the arrays of --dump: x (rows by columns), under a name without an ending.  0, or -1
   and why.  */
struct qk_keeper
{
  int (*keep) (void *closure, const char *name, const double *x, size_t rows, size_t columns,
               char why[static QK_WHY]);
  void *closure;
};

/* ---- The descriptor ------------------------------------------------------------------------ */

/* How the text report shows a quantity.  */
enum qk_show
{
  QK_LEAD,   /* the first columns: estimate, interval, exact value, verdict */
  QK_COLUMN, /* a column beside it */
  QK_LINE,   /* a line of its own below the table */
  QK_ASIDE,  /* the same, only where --quantity asks for it, or it does not hold */
  QK_DETAIL  /* only where --quantity asks for it, and in formats for machines */
};

struct qk_quantity
{
  const char *name;   /* as in the contract: "score_variance" */
  const char *symbol; /* for people, UTF-8: "Var(q·k)" */
  const char *unit;   /* "score", "score^2", "1" */
  enum qk_show show;
  const char *band;    /* the band in words, for the manual */
  const char *meaning; /* one sentence, for the manual */
};

struct qk_example
{
  const char *arguments; /* "--dk=64 --dist=normal:mean=1" */
  const char *quantity;  /* whose verdict is meant; NULL: the command has none */
  enum qk_verdict verdict;
  const char *meaning; /* one sentence */
};

struct qk_experiment
{
  const char *name;               /* command = file = manual page: "variance" */
  const char *question;           /* one line: "is Var(q·k) = d_k, and is the whole law right?" */
  const char *asked;              /* the first words of the text report: "Is Var(q·k) = d_k?" */
  const char *const *description; /* paragraphs of the manual, ended by NULL */
  const char *unit;               /* what --samples counts: "scores" */
  bool recorded; /* it measures the files of its operands: whole populations, nothing is sampled */
  bool prints;   /* it measures nothing, and has neither plan, quantities nor kinds */
  bool fixed;    /* its bands do not depend on --tolerance */
  bool grouped;  /* text has a table for every value of the first key, whose findings stand
                    together */
  const struct qk_operand *operands; /* ended by one without a name; NULL: none */
  const struct qk_option *options;   /* its own; NULL: none */
  const char *const *without; /* options for all that sample and it does not have, ended by NULL;
                                 NULL: it has all */
  const struct qk_quantity *quantities;
  const struct qk_kind *const *kinds; /* ended by NULL */
  const struct qk_example *examples;  /* at least one holds and one fails */

  /* Add cases and statements; cases that no statement asks about are dropped afterwards.  0, or -1
     and why: a combination of options that makes no sense.  */
  int (*plan) (struct qk_plan *plan, char why[static QK_WHY]);

  /* Every statement has its miss: set blocks, units, cost and scratch of every case, and thin.  */
  int (*size) (struct qk_plan *plan, char why[static QK_WHY]);

  /* tables[i] belongs to case i; each source of s has at least one row.  Of a thin statement only
     the estimate is used.  */
  void (*enclose) (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                   const struct qk_table *tables, double miss);

  /* Units behind a statement that speaks of a part of its cases.  NULL: all speak of whole ones. */
  double (*population) (const struct qk_plan *plan, const struct qk_statement *s,
                        const struct qk_table *tables);

  /* Where some kinds come later: what the first tables forbid.  0, and in why a warning or nothing;
     or -1 and why.  May be NULL.  */
  int (*inspect) (const struct qk_plan *plan, const struct qk_table *tables,
                  char why[static QK_WHY]);

  /* One sentence that says why a judged statement fails, or what an undecided one lacks; false if
     there is nothing to add.  */
  bool (*explain) (char *text, size_t size, const struct qk_plan *plan,
                   const struct qk_statement *s, const struct qk_enclosure *e,
                   enum qk_verdict verdict);

  /* What was sampled, for the first line of the text report: "normal components".  */
  void (*describe) (char *text, size_t size, const struct qk_plan *plan);

  /* What all of it comes to, for the last lines of the text report.  May be NULL.  */
  void (*summarise) (char *text, size_t size, const struct qk_plan *plan,
                     const struct qk_table *tables);

  /* A picture of a case in one line of block characters, for a column of the text report below that
     heading; false: none.  May be NULL.  */
  bool (*sketch) (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables);
  const char *sketched;

  /* What --dump asks for, after a run: hand each array to the keeper.  0, or -1 and why.  May be
     NULL.  */
  int (*dump) (const struct qk_plan *plan, const struct qk_table *tables, struct qk_work *work,
               const struct qk_keeper *keeper, char why[static QK_WHY]);
};

/* ---- Building a plan (for experiments) ------------------------------------------------------ */

/* A file that the findings are about.  */
struct qk_input
{
  struct qk_tensor tensor;
  unsigned char sha256[32]; /* set by the engine where the report shows it */
};

/* What whoever makes a plan lends to one that is about other commands.  */
struct qk_commands
{
  const struct qk_experiment *const *all; /* ended by NULL */

  /* That of a name, among those that fit; NULL and why, which names them.  */
  const struct qk_experiment *(*find) (const char *name,
                                       bool (*fits) (const struct qk_experiment *),
                                       char why[static QK_WHY]);

  /* The plan of a command with these arguments, words between spaces: not yet sized.  It lives as
     long as plan.  NULL and why.  */
  struct qk_plan *(*plan) (struct qk_plan *plan, const struct qk_experiment *experiment,
                           const char *arguments, char why[static QK_WHY]);

  /* Size such a plan.  miss: of each interval; 0: as if it were run by itself.  0, or -1 and why.
   */
  int (*size) (struct qk_plan *other, double miss, char why[static QK_WHY]);
};

/* A row of the ledger that a plan is to settle.  */
struct qk_asked
{
  const struct qk_claim *claim;
  const struct qk_plan **part; /* for each of its checks the plan that answers; NULL: none runs */
};

struct qk_plan
{
  const struct qk_experiment *experiment;
  const struct qk_params *params;
  struct qk_case *cases;
  size_t n_cases;
  struct qk_statement *statements;
  size_t n_statements;
  char **warnings; /* what is left out, and why */
  size_t n_warnings;
  struct qk_input *inputs[QK_INPUTS];
  size_t n_inputs;
  struct qk_chunk *memory; /* freed with the plan */
  struct qk_asked *asked;  /* what it is to settle */
  size_t n_asked;
  const struct qk_commands *commands;
  const char *label;             /* of one inside: the command line that it is the plan of */
  struct qk_plan *others, *next; /* plans inside this one; another beside it */
  void (*release) (struct qk_plan *plan); /* of one inside: what else it holds */
  const atomic_int *signal;               /* nonzero: nobody waits for it any more; or NULL */
  bool full;                              /* out of memory, or of time: the plan is void */
};

/* Memory that lives as long as the plan, zeroed; a copy; a text.  NULL and plan->full: there is
   none. A text of what there was no memory for is NULL too.  */
void *qk_plan_alloc (struct qk_plan *plan, size_t bytes);
void *qk_plan_copy (struct qk_plan *plan, const void *from, size_t bytes);
char *qk_plan_print (struct qk_plan *plan, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* Whether --quantity asks for it.  */
bool qk_plan_wants (const struct qk_plan *plan, const char *quantity);

/* The index of a quantity by name; the name must be one of the experiment's.  */
size_t qk_plan_quantity (const struct qk_plan *plan, const char *name);

/* Add a case.  identity describes everything its numbers depend on (command, kind, laws, d, n).
   Where plan->full, none of the arguments is looked at.  */
size_t qk_plan_case (struct qk_plan *plan, const struct qk_kind *kind, const char *label,
                     const char *identity, void *own);

/* Open a file with one of the functions of tensor.h; closed with the plan.  0, or -1 and why.  */
int qk_plan_input (struct qk_plan *plan, const char *path,
                   int (*open) (struct qk_tensor *t, const char *path, char why[static QK_WHY]),
                   char why[static QK_WHY]);

/* Add a statement: described, its exact value unknown (NAN), until told otherwise.  The sources are
   copied.  */
struct qk_statement *qk_plan_statement (struct qk_plan *plan, const char *quantity,
                                        const size_t *source, size_t sources);

/* Take over the cases and the statements of another plan, which is sized: a part of this one.  */
void qk_plan_adopt (struct qk_plan *plan, const struct qk_plan *part);

/* The plan that a statement belongs to: a part, or the plan itself.  */
const struct qk_plan *qk_statement_plan (const struct qk_plan *plan, const struct qk_statement *s);

/* The statement as that plan has it.  Its tables are those of the whole from s->at on.  */
const struct qk_statement *qk_statement_inner (const struct qk_statement *s);

/* The row of a statement in the table of quantities of its experiment.  */
const struct qk_quantity *qk_statement_quantity (const struct qk_plan *plan,
                                                 const struct qk_statement *s);

/* Whether it takes a share of the error budget.  */
bool qk_statement_sampled (const struct qk_statement *s);

/* Room for the keys of a case: add them with qk_key_add.  NULL, and plan->full: none.  */
struct qk_key *qk_plan_keys (struct qk_plan *plan);
void qk_key_add (struct qk_key *keys, struct qk_key key);

/* Whether two members are the same; two cases.  */
bool qk_key_equal (const struct qk_key *a, const struct qk_key *b);
bool qk_keys_equal (const struct qk_key *a, const struct qk_key *b);

/* What was said before is not said again.  */
void qk_plan_warn (struct qk_plan *plan, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/* Mark the statements on case c that are enclosed by t: too few samples.  Warn of that under a name
   of the case; enough would do.  */
void qk_plan_mark_thin (struct qk_plan *plan, size_t c);
void qk_plan_warn_thin (struct qk_plan *plan, const char *name, double enough);

/* Warn that a case is cut short: it needs that many samples for a verdict, and gets at most most.
 */
void qk_plan_warn_cut (struct qk_plan *plan, const char *name, double needed, double most);

/* Whether case c is one of its sources.  */
bool qk_statement_uses (const struct qk_statement *s, size_t c);

/* Whether it speaks of times: reported as measured, not reproducible.  */
bool qk_plan_timed (const struct qk_plan *plan, const struct qk_statement *s);

void qk_plan_free (struct qk_plan *plan);

/* Of a column of a table, all rows: the sum, the mean, and the largest value above 0 or, where
   there is one, NaN.  */
double qk_column_sum (const struct qk_table *t, size_t column);
double qk_column_mean (const struct qk_table *t, size_t column);
double qk_column_most (const struct qk_table *t, size_t column);

/* Doubles a row of that kind.  */
size_t qk_kind_columns (const struct qk_kind *kind);

/* The first double of a column of that kind; the name must be one of its.  */
size_t qk_kind_column (const struct qk_kind *kind, const char *name);

#endif
