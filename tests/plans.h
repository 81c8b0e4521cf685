/* plans.h -- plans from command lines, whole runs of them, and whether a counter is used twice.  */

#ifndef PLANS_H
#define PLANS_H

#include "../src/commands.h"
#include "../src/engine.h"
#include "../src/option.h"
#include "../src/registry.h"
#include "support.h"

#include <inttypes.h>
#include <string.h>

static struct qk_params params;
static struct qk_plan plan;
static struct qk_outcome outcome;

/* The plan of a command with arguments without quotes.  */
static inline void
open_plan (const char *command, const char *arguments)
{
  static char text[512], name[32];
  char *word[16] = { name }, why[QK_WHY];
  int words = 1;
  snprintf (name, sizeof name, "%s", command);
  snprintf (text, sizeof text, "%s", arguments);
  for (char *w = strtok (text, " "); w; w = strtok (NULL, " "))
    word[words++] = w;
  plan = (struct qk_plan){ .experiment = qk_experiment_find (command),
                           .params = &params,
                           .commands = &qk_commands };
  ck_assert_msg (!qk_options_parse (&params, plan.experiment, words, word, why), "%s", why);
  ck_assert_msg (!plan.experiment->plan (&plan, why), "%s", why);
  ck_assert_msg (!qk_engine_prepare (&plan, why), "%s", why);
}

static inline void
close_plan (void)
{
  qk_params_free (&params, plan.experiment);
  qk_plan_free (&plan);
}

static inline void
open_run (const char *command, const char *arguments)
{
  char why[QK_WHY];
  open_plan (command, arguments);
  ck_assert_msg (
      !qk_engine_run (&outcome, &plan, qk_kernels_find (NULL), &(struct qk_watch){ 0 }, why), "%s",
      why);
}

static inline void
close_run (void)
{
  qk_outcome_free (&outcome);
  close_plan ();
}

static inline const char *
quantity_of (const struct qk_statement *s)
{
  return plan.experiment->quantities[s->quantity].name;
}

/* The draws of some blocks, as groups of counters.  */

struct piece
{
  uint64_t cell, block, first, end;
};

static struct piece *pieces;
static size_t n_pieces, room;

static inline void
draw_noted (double *x, size_t n, struct qk_address a, uint64_t first, const struct qk_law *law)
{
  if (n_pieces == room)
    {
      room = 2 * room + 1024;
      pieces = realloc (pieces, room * sizeof *pieces);
      ck_assert (pieces != NULL);
    }
  const unsigned per = law->type->per;
  ck_assert (first % QK_DRAW_STEP == 0 && n % QK_DRAW_STEP == 0 && n > 0);
  pieces[n_pieces++] = (struct piece){ a.cell, a.block, first / per, (first + n) / per };
  qk_kernels_find (NULL)->draw (x, n, a, first, law);
}

static inline int
by_address (const void *left, const void *right)
{
  const struct piece *a = left, *b = right;
  if (a->cell != b->cell)
    return a->cell < b->cell ? -1 : 1;
  if (a->block != b->block)
    return a->block < b->block ? -1 : 1;
  return a->first < b->first ? -1 : a->first > b->first;
}

/* A clock that stands still.  */
static inline double
no_time (void)
{
  return 0;
}

/* No counter is used twice: by two draws of a block, two blocks, two roles or two cases.  */
static inline void
check_counters (const char *command, const char *arguments)
{
  open_plan (command, arguments);
  struct qk_kernels noted = *qk_kernels_find (NULL);
  noted.draw = draw_noted;
  n_pieces = 0;
  for (size_t i = 0; i < plan.n_cases; i++)
    {
      const struct qk_case *c = &plan.cases[i];
      ck_assert (c->cell % 16 == 0 && c->cell >> 48 == 0);
      const uint64_t blocks[] = { 0, 1, 2, c->blocks - 1, (UINT64_C (1) << 40) - 2 };
      size_t bytes = (c->scratch + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
      struct qk_work work = { .kernels = &noted, .seed = 5, .clock = no_time };
      work.scratch = aligned_alloc (QK_ALIGN, bytes);
      double *row = calloc (qk_kind_columns (c->kind), sizeof *row);
      ck_assert (work.scratch && row && c->blocks > 3);
      for (int b = 0; b < 5; b++)
        ck_assert_int_eq (c->kind->block (row, c, blocks[b], &work), 0);
      free (work.scratch);
      free (row);
    }
  ck_assert_uint_ge (n_pieces, 10 * plan.n_cases);

  qsort (pieces, n_pieces, sizeof *pieces, by_address);
  for (size_t i = 0; i < n_pieces; i++)
    {
      const struct piece *p = &pieces[i], *q = p - 1;
      ck_assert (p->end <= UINT64_C (1) << 40 && p->block >> 40 == 0 && p->cell >> 48 == 0);
      if (i > 0 && p->cell == q->cell && p->block == q->block && p->first < q->end)
        ck_abort_msg ("'%s': cell %" PRIx64 ", block %" PRIu64 ": groups %" PRIu64 " to %" PRIu64
                      " and again from %" PRIu64,
                      arguments, p->cell, p->block, q->first, q->end, p->first);
    }
  free (pieces);
  pieces = NULL;
  room = 0;
  close_plan ();
}

#endif
