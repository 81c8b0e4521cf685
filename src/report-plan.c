/* report-plan.c -- the plan for people: cases, statements, and what they cost.  */

#include "story.h"

#include <string.h>

/* A column for the runs of a union, each a command line: rows under its name.  SIZE_MAX: it is
   none.  */
static size_t
run_column (struct qk_grid *g, const struct qk_plan *plan)
{
  return plan->others ? qk_grid_column (g, QK_GRID_ABOVE, "run") : SIZE_MAX;
}

static bool
write_cases (const struct qk_story *t)
{
  const struct qk_plan *plan = t->plan;
  char text[QK_FIGURE];
  struct qk_grid g;
  qk_grid_open (&g, plan->n_cases);
  size_t run = run_column (&g, plan);
  size_t label = qk_grid_column (&g, QK_GRID_KEY, "case");
  size_t samples = qk_grid_column (&g, QK_GRID_RIGHT, "%s", plan->experiment->unit);
  size_t blocks = qk_grid_column (&g, QK_GRID_RIGHT, "blocks");
  size_t table = qk_grid_column (&g, QK_GRID_RIGHT, "table");
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      const struct qk_case *c = &plan->cases[i];
      if (c->of && run != SIZE_MAX)
        qk_grid_put (&g, i, run, "%s", c->of->label);
      qk_grid_put (&g, i, label, "%s", c->of ? c->of->cases[i - c->at].label : c->label);
      qk_figure_count (text, (double)c->blocks * c->units);
      qk_grid_put (&g, i, samples, "%s", text);
      qk_grid_put (&g, i, blocks, "%llu", (unsigned long long)c->blocks);
      qk_figure_bytes (text, (double)(c->blocks * qk_kind_columns (c->kind) * sizeof (double)));
      qk_grid_put (&g, i, table, "%s", text);
    }
  bool whole = !g.full;
  if (plan->n_cases)
    qk_story_grid (t, &g);
  qk_grid_close (&g);
  return whole;
}

static bool
write_statements (const struct qk_story *t)
{
  const struct qk_plan *plan = t->plan;
  char text[QK_FIGURE_BAND];
  struct qk_grid g;
  qk_grid_open (&g, plan->n_statements);
  size_t run = run_column (&g, plan);
  size_t name = qk_grid_column (&g, QK_GRID_KEY, "statement");
  size_t where = qk_grid_column (&g, QK_GRID_ABOVE, "case");
  size_t exact = qk_grid_column (&g, QK_GRID_POINT, "exact");
  size_t allowed = qk_grid_column (&g, 0, "allowed");
  size_t miss = qk_grid_column (&g, QK_GRID_RIGHT, "miss");
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (s->of && run != SIZE_MAX)
        qk_grid_put (&g, i, run, "%s", s->of->label);
      qk_grid_put (&g, i, name, "%s", qk_statement_quantity (plan, s)->symbol);
      qk_grid_put (&g, i, where, "%s", qk_sentence_keys (s->key).text);
      qk_figure_value (text, s->exact, 4);
      qk_grid_put (&g, i, exact, "%s", text);
      if (s->judged && !s->thin)
        qk_figure_band (text, s->band);
      else
        strcpy (text, "described");
      qk_grid_put (&g, i, allowed, "%s", text);
      qk_figure_plain (text, s->miss, 2);
      qk_grid_put (&g, i, miss, "%s", text);
    }
  bool whole = !g.full;
  if (plan->n_statements)
    qk_story_grid (t, &g);
  qk_grid_close (&g);
  return whole;
}

int
qk_report_plan_text (FILE *out, const struct qk_report *report)
{
  const struct qk_plan *plan = report->plan;
  struct qk_story t = qk_story_open (out, report);
  bool whole = true, quiet = plan->params->quiet && !t.markdown;
  if (!quiet)
    {
      struct qk_sentence under = qk_story_setting (plan);
      qk_story_question (&t, &under);
      if (t.markdown)
        qk_story_command (&t);
      whole = write_cases (&t) && write_statements (&t);
      qk_story_warnings (&t, (const char *const *)plan->warnings, plan->n_warnings, !t.markdown);
    }
  if (!whole)
    return -1;

  double samples = 0;
  for (size_t i = 0; i < plan->n_cases; i++)
    samples += (double)plan->cases[i].blocks * plan->cases[i].units;
  int threads = qk_engine_threads (plan->params);
  char count[QK_FIGURE], memory[QK_FIGURE], time[QK_FIGURE];
  qk_figure_count (count, samples);
  qk_figure_bytes (memory, qk_engine_memory (plan));
  qk_figure_time (time, qk_engine_seconds (plan, report->kernels));
  struct qk_sentence s = { "" };
  qk_sentence_add (
      &s,
      "%zu cases, %zu statements, %s %s, %s, about %s with %d thread%s, seed %llu. Nothing was "
      "judged.",
      plan->n_cases, plan->n_statements, count, plan->experiment->unit, memory, time, threads,
      threads == 1 ? "" : "s", (unsigned long long)plan->params->seed);
  fputs (quiet || t.markdown ? "" : "\n", out);
  qk_story_say (&t, "Plan:", "", s.text, 0);
  return 0;
}
