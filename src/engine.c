/* engine.c -- plan to tables to findings; the only file with threads and clocks.

   Row i of a table depends on its address only, so the tables have the same bytes for any number of
   threads.  Blocks are claimed in order: after an interruption what is there is a prefix.  */

#include "engine.h"
#include "enclose.h"
#include "message.h"
#include "reference.h"
#include "replay.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum
{
  ROUNDS = 4,                 /* the first, and three times four times the rows */
  GROWTH = 4,                 /* rows of one round to the next */
  TABLE_ROWS = 1 << 18,       /* a table never holds more */
  TICK_NS = 100 * 1000 * 1000 /* between two looks at the clock */
};

/* Seconds that may go into guessing how long a run will take.  */
static const double TRIAL = 0.2;

/* What the table of a case may cost in all, in multiply-adds, where --max-samples does not say.  */
static const double MAX_COST = 0x1p43;

static double
clock_seconds (clockid_t clock)
{
  struct timespec t;
  clock_gettime (clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double
monotonic (void)
{
  return clock_seconds (CLOCK_MONOTONIC);
}

/* ---- Before ---------------------------------------------------------------------------------- */

static bool
one_round (const struct qk_plan *plan)
{
  return plan->params->samples > 0 || plan->experiment->recorded;
}

/* Drop the cases that no statement asks about and no other case needs.  Statements that follow each
   other may share their list of sources.  */
static void
prune (struct qk_plan *plan)
{
  size_t *place = qk_plan_alloc (plan, (plan->n_cases + 1) * sizeof *place); /* 0: dropped */
  const size_t *seen = NULL;
  if (!place)
    return;
  for (size_t i = 0; i < plan->n_statements; i++)
    for (size_t j = 0; j < plan->statements[i].sources; j++)
      place[plan->statements[i].source[j]] = 1;
  for (size_t c = 0; c < plan->n_cases; c++)
    if (plan->cases[c].of) /* a part keeps its place among the tables, and has been pruned */
      place[c] = 1;
    else if (place[c] && plan->cases[c].needs)
      place[plan->cases[c].needs - 1] = 1;
  size_t kept = 0;
  for (size_t c = 0; c < plan->n_cases; c++)
    if (place[c])
      {
        plan->cases[kept++] = plan->cases[c];
        place[c] = kept;
      }
  plan->n_cases = kept;
  for (size_t c = 0; c < kept; c++)
    if (plan->cases[c].needs && !plan->cases[c].of)
      plan->cases[c].needs = place[plan->cases[c].needs - 1];
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      struct qk_statement *s = &plan->statements[i];
      for (size_t j = 0; s->source != seen && j < s->sources; j++)
        s->source[j] = place[s->source[j]] - 1;
      seen = s->source;
    }
}

/* Cases that come alone are computed in turn, so each has as many blocks.  */
static void
take_turns (struct qk_plan *plan)
{
  uint64_t most = 0;
  for (size_t i = 0; i < plan->n_cases; i++)
    if (plan->cases[i].kind->alone && plan->cases[i].blocks > most)
      most = plan->cases[i].blocks;
  for (size_t i = 0; i < plan->n_cases; i++)
    if (plan->cases[i].kind->alone)
      plan->cases[i].blocks = most;
}

/* Addresses are hashes: two cases must not have the same.  Those of two parts may, for two commands
   may sample the same; then they have the same numbers.  */
static int
check_cells (const struct qk_plan *plan, char why[static QK_WHY])
{
  for (size_t i = 0; i < plan->n_cases; i++)
    for (size_t j = 0; j < i; j++)
      if (plan->cases[i].cell == plan->cases[j].cell && plan->cases[i].of == plan->cases[j].of)
        return qk_complain (why, "the cases '%s' and '%s' would draw the same numbers",
                            plan->cases[j].label, plan->cases[i].label);
  return 0;
}

/* Equal shares for all that is sampled; parts have theirs.  */
static void
split_budget (struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  size_t sampled = 0;
  for (size_t i = 0; i < plan->n_statements; i++)
    sampled += qk_statement_sampled (&plan->statements[i]);
  for (size_t i = 0; i < plan->n_statements; i++)
    if (qk_statement_sampled (&plan->statements[i]) && !plan->statements[i].of)
      plan->statements[i].miss = p->miss > 0 ? p->miss : (1 - p->confidence) / (double)sampled;
}

int
qk_engine_prepare (struct qk_plan *plan, char why[static QK_WHY])
{
  bool named = qk_replay_named (plan);
  if (!plan->full && !named)
    prune (plan);
  if (check_cells (plan, why))
    return -1;
  split_budget (plan);
  size_t warnings = plan->n_warnings;
  if (!plan->full && plan->experiment->size (plan, why))
    return -1;
  if (named && !plan->n_statements) /* too few samples for no statement */
    plan->n_warnings = warnings;
  take_turns (plan);
  qk_replay_plan (plan);
  if (!plan->full && named)
    prune (plan);
  if (plan->full)
    return qk_complain (why, "out of memory for the plan");
  return 0;
}

int
qk_engine_threads (const struct qk_params *params)
{
  if (params->threads > 0)
    return (int)params->threads;
  cpu_set_t set;
  if (sched_getaffinity (0, sizeof set, &set))
    return 1;
  return CPU_COUNT (&set);
}

static size_t
scratch_bytes (const struct qk_plan *plan)
{
  size_t most = QK_ALIGN;
  for (size_t i = 0; i < plan->n_cases; i++)
    if (plan->cases[i].scratch > most)
      most = plan->cases[i].scratch;
  return (most + QK_ALIGN - 1) / QK_ALIGN * QK_ALIGN;
}

double
qk_engine_memory (const struct qk_plan *plan)
{
  double bytes = (double)scratch_bytes (plan) * qk_engine_threads (plan->params);
  for (size_t i = 0; i < plan->n_cases; i++)
    bytes += (double)plan->cases[i].blocks * (double)qk_kind_columns (plan->cases[i].kind)
             * sizeof (double);
  return bytes;
}

/* ---- One worker's means -----------------------------------------------------------------------
 */

static int
work_open (struct qk_work *work, const struct qk_plan *plan, const struct qk_kernels *kernels,
           char why[static QK_WHY])
{
  *work = (struct qk_work){ .kernels = kernels, .seed = plan->params->seed, .why = why };
  work->scratch = aligned_alloc (QK_ALIGN, scratch_bytes (plan));
  if (plan->params->rng)
    work->source.foreign = gsl_rng_alloc (plan->params->rng);
  if (work->scratch && (work->source.foreign || !plan->params->rng))
    return 0;
  return -1;
}

static void
work_close (struct qk_work *work)
{
  free (work->scratch);
  if (work->source.foreign)
    gsl_rng_free (work->source.foreign);
}

double
qk_engine_seconds (const struct qk_plan *plan, const struct qk_kernels *kernels)
{
  /* One block of every case that is cheap to try gives its rate, as long as all that takes no time;
     the others take the last one.  */
  const double cheap = 1 << 28, begin = monotonic ();
  double together = 0, alone = 0, rate = 1e9;
  struct qk_work work;
  char why[QK_WHY];
  if (!work_open (&work, plan, kernels, why))
    for (size_t i = 0; i < plan->n_cases; i++)
      {
        const struct qk_case *c = &plan->cases[i];
        double *row = malloc (qk_kind_columns (c->kind) * sizeof *row);
        if (row && c->cost < cheap && !c->kind->later && !c->kind->alone
            && monotonic () - begin < TRIAL)
          {
            double start = monotonic ();
            c->kind->block (row, c, 0, &work);
            rate = c->cost / fmax (monotonic () - start, 1e-7);
          }
        free (row);
        *(c->kind->alone ? &alone : &together) += c->cost * (double)c->blocks / rate;
      }
  work_close (&work);
  return together / qk_engine_threads (plan->params) + alone;
}

/* ---- One round --------------------------------------------------------------------------------
 */

/* Which cases a round is about.  */
enum stage
{
  FIRST, /* that others wait for */
  ALL,   /* but those that come alone */
  ALONE
};

/* The blocks of a round, numbered through: case i has those from first[i] on.  Of cases that come
   alone, number b is one of case turn[b % turns].  */
struct round
{
  enum stage stage;
  size_t *turn, turns;
  const struct qk_plan *plan;
  const struct qk_kernels *kernels;
  const atomic_int *signal;
  struct qk_table *tables; /* per case, as they were before the round */
  double **data;           /* per case, room for all its rows */
  uint64_t *rows;          /* per case: rows there were before the round */
  uint64_t *first;         /* per case, and the total at the end */
  atomic_uint_fast64_t next;
  atomic_size_t next_input; /* file to hash */
  atomic_bool stop, failed;
  pthread_mutex_t lock;
  pthread_cond_t idle;
  int running;
  uint64_t failure; /* the first block, as numbered above, that could not be computed */
  char why[QK_WHY]; /* it, where it said so */
};

static bool
takes_part (const struct qk_kind *kind, enum stage stage)
{
  return stage == ALONE ? kind->alone : !kind->alone && !(stage == FIRST && kind->later);
}

static size_t
case_of (const struct round *r, uint64_t block)
{
  if (r->stage == ALONE)
    return r->turn[block % r->turns];
  size_t lo = 0, hi = r->plan->n_cases;
  while (hi - lo > 1)
    {
      size_t middle = lo + (hi - lo) / 2;
      if (r->first[middle] <= block)
        lo = middle;
      else
        hi = middle;
    }
  return lo;
}

static bool
stopped (struct round *r)
{
  return atomic_load (&r->stop) || atomic_load (&r->failed)
         || (r->signal && atomic_load (r->signal));
}

/* Remember the first block that failed, whichever thread had it.  */
static void
fail (struct round *r, uint64_t block, const char *why)
{
  pthread_mutex_lock (&r->lock);
  if (!atomic_load (&r->failed) || block < r->failure)
    {
      r->failure = block;
      snprintf (r->why, sizeof r->why, "%s",
                *why ? why : "a block could not be computed: out of memory, or not a number");
    }
  atomic_store (&r->failed, true);
  pthread_mutex_unlock (&r->lock);
}

static void *
worker (void *closure)
{
  struct round *r = closure;
  uint64_t total = r->first[r->plan->n_cases];
  char why[QK_WHY] = "";
  struct qk_work work;
  if (work_open (&work, r->plan, r->kernels, why))
    fail (r, 0, "out of memory for a thread");
  work.clock = r->stage == ALONE ? monotonic : NULL;
  for (size_t i; !stopped (r) && (i = atomic_fetch_add (&r->next_input, 1)) < r->plan->n_inputs;)
    if (qk_tensor_hash (r->plan->inputs[i]->sha256, &r->plan->inputs[i]->tensor, why))
      fail (r, 0, why);
  while (!stopped (r))
    {
      uint64_t block = atomic_fetch_add (&r->next, 1);
      if (block >= total)
        break;
      size_t i = case_of (r, block);
      const struct qk_case *c = &r->plan->cases[i];
      uint64_t index = r->stage == ALONE ? block / r->turns : r->rows[i] + (block - r->first[i]);
      double *row = r->data[i] + index * qk_kind_columns (c->kind);
      work.tables = r->tables + c->at;
      if (c->kind->block (row, c, index, &work))
        fail (r, block, why);
    }
  work_close (&work);
  qk_reference_release (); /* blocks may have used it */
  pthread_mutex_lock (&r->lock);
  r->running--;
  pthread_cond_signal (&r->idle);
  pthread_mutex_unlock (&r->lock);
  return NULL;
}

/* The cost of all blocks before this one.  */
static double
cost_before (const struct round *r, uint64_t block)
{
  double cost = 0;
  for (size_t i = 0; i < r->plan->n_cases && r->first[i] < block; i++)
    {
      uint64_t end = r->first[i + 1] < block ? r->first[i + 1] : block;
      cost += r->plan->cases[i].cost * (double)(end - r->first[i]);
    }
  return cost;
}

/* Wait for the workers; meanwhile report progress and mind the deadline.  */
static void
supervise (struct round *r, const struct qk_watch *watch, unsigned number, double deadline)
{
  double start = monotonic ();
  double whole = cost_before (r, r->first[r->plan->n_cases]);
  pthread_mutex_lock (&r->lock);
  while (r->running)
    {
      struct timespec until;
      clock_gettime (CLOCK_MONOTONIC, &until);
      until.tv_nsec += TICK_NS;
      if (until.tv_nsec >= 1000000000)
        {
          until.tv_sec++;
          until.tv_nsec -= 1000000000;
        }
      pthread_cond_timedwait (&r->idle, &r->lock, &until);
      double now = monotonic ();
      if (now > deadline)
        atomic_store (&r->stop, true);
      double share = cost_before (r, atomic_load (&r->next)) / whole;
      if (watch->progress && r->running && share > 0)
        watch->progress (watch->closure, number, share, (now - start) * (1 - share) / share);
    }
  pthread_mutex_unlock (&r->lock);
}

static void
show_tables (struct round *r)
{
  for (size_t i = 0; i < r->plan->n_cases; i++)
    r->tables[i] = (struct qk_table){ .data = r->data[i],
                                      .rows = r->rows[i],
                                      .columns = qk_kind_columns (r->plan->cases[i].kind) };
}

/* Bring every case of that stage from rows[i] to target[i] rows; on return rows[i] are there.  */
static int
run_round (struct round *r, enum stage stage, const uint64_t *target, int threads,
           const struct qk_watch *watch, unsigned number, double deadline, char why[static QK_WHY])
{
  size_t n = r->plan->n_cases;
  r->stage = stage;
  r->turns = 0;
  r->first[0] = 0;
  for (size_t i = 0; i < n; i++)
    {
      bool takes = takes_part (r->plan->cases[i].kind, stage);
      r->first[i + 1] = r->first[i] + (takes ? target[i] - r->rows[i] : 0);
      if (takes)
        r->turn[r->turns++] = i;
      if (r->data[i] && r->first[i + 1] == r->first[i])
        continue;
      size_t bytes = target[i] * qk_kind_columns (r->plan->cases[i].kind) * sizeof (double);
      double *data = realloc (r->data[i], bytes ? bytes : 1);
      if (!data)
        {
          snprintf (why, QK_WHY, "out of memory for the table of case '%s'",
                    r->plan->cases[i].label);
          return -1;
        }
      r->data[i] = data;
    }
  show_tables (r);
  size_t hashed = atomic_load (&r->next_input), inputs = r->plan->n_inputs;
  uint64_t total = r->first[n] + (hashed < inputs ? inputs - hashed : 0); /* things to do */
  if ((uint64_t)threads > total)
    threads = (int)total;
  atomic_store (&r->next, 0);

  /* Signals are for the calling thread.  */
  sigset_t all, before;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  pthread_t id[threads ? threads : 1];
  int started = 0;
  r->running = threads;
  while (started < threads && !pthread_create (&id[started], NULL, worker, r))
    started++;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_mutex_lock (&r->lock);
  r->running -= threads - started;
  pthread_mutex_unlock (&r->lock);
  if (total && !started)
    {
      snprintf (why, QK_WHY, "cannot start a thread");
      return -1;
    }
  supervise (r, watch, number, deadline);
  for (int t = 0; t < started; t++)
    pthread_join (id[t], NULL);

  if (atomic_load (&r->failed))
    {
      memcpy (why, r->why, QK_WHY);
      return -1;
    }
  uint64_t done = atomic_load (&r->next);
  if (done > total)
    done = total;
  if (stage == ALONE)
    for (size_t j = 0; j < r->turns; j++)
      r->rows[r->turn[j]] = done / r->turns + (j < done % r->turns);
  else
    for (size_t i = 0; i < n; i++)
      if (done > r->first[i])
        r->rows[i] += (done < r->first[i + 1] ? done : r->first[i + 1]) - r->first[i];
  show_tables (r);
  return 0;
}

/* ---- Judging ----------------------------------------------------------------------------------
 */

/* Samples that would bring the nearer end of the band outside an interval that shrinks like the
   root of the sample, around the exact value or, where none is known, the estimate: of a narrow
   band the estimate may lie well outside, by chance.  NAN: no sample would do, for it is on the
   end.  */
static double
samples_needed (const struct qk_enclosure *e, double exact, struct qk_band b, double samples)
{
  double centre = isnan (exact) ? e->estimate : exact;
  double gap = fmin (fabs (centre - b.lo), fabs (centre - b.hi));
  double ratio = fmax (e->hi - e->estimate, e->estimate - e->lo) / gap;
  double needed = ceil (samples * ratio * ratio);
  return needed > samples && needed < 1e18 ? needed : NAN;
}

/* rounds[i]: how many rounds case i has had.  false: nothing was measured.  */
static bool
judge (struct qk_finding *f, const struct qk_plan *plan, const struct qk_statement *s,
       const struct qk_table *tables, const unsigned *rounds, const uint64_t *target)
{
  *f = (struct qk_finding){ .statement = s, .samples_needed = NAN };
  unsigned round = 1;
  bool short_of = false;
  for (size_t i = 0; i < s->sources; i++)
    {
      size_t c = s->source[i];
      if (!tables[c].rows)
        return false;
      f->samples += (double)tables[c].rows * plan->cases[c].units;
      f->blocks += (double)tables[c].rows;
      if (rounds[c] > round)
        round = rounds[c];
      if (s->method == QK_BY_T && tables[c].rows < target[c] && tables[c].rows < QK_MIN_BLOCKS)
        short_of = true;
    }
  const struct qk_plan *of = qk_statement_plan (plan, s);
  const struct qk_statement *inner = qk_statement_inner (s);
  if (of->experiment->population)
    f->samples = of->experiment->population (of, inner, tables + s->at);
  double miss
      = one_round (of) || qk_plan_timed (plan, s) ? s->miss : qk_round_miss (s->miss, round);
  if (qk_replay_speaks (plan, s))
    qk_replay_enclose (&f->enclosure, s, tables);
  else
    of->experiment->enclose (&f->enclosure, of, inner, tables + s->at, miss);
  if (s->thin || short_of)
    f->enclosure.lo = f->enclosure.hi = NAN;
  if (!s->judged || s->thin)
    f->verdict = QK_DESCRIBED;
  else if (short_of)
    f->verdict = QK_UNDECIDED;
  else
    f->verdict = qk_verdict_decide (f->enclosure, s->band);
  if (f->verdict == QK_UNDECIDED && !short_of && qk_method_sampled (s->method))
    f->samples_needed = samples_needed (&f->enclosure, s->exact, s->band, f->samples);
  return true;
}

/* What undecided statements ask for: more rows of their cases, where their intervals would become
   narrower.  Returns whether anyone may have them.  */
static bool
ask_for_more (uint64_t *target, unsigned *rounds, const struct qk_plan *plan,
              const struct qk_outcome *outcome)
{
  bool more = false;
  for (size_t i = 0; i < outcome->n_findings; i++)
    {
      const struct qk_finding *f = &outcome->findings[i];
      const struct qk_plan *of = qk_statement_plan (plan, f->statement);
      double most = of->params->max_samples;
      if (f->verdict != QK_UNDECIDED || !qk_method_sampled (f->statement->method)
          || isinf (f->enclosure.std_error) || one_round (of))
        continue;
      for (size_t j = 0; j < f->statement->sources; j++)
        {
          size_t c = f->statement->source[j];
          uint64_t rows = outcome->tables[c].rows;
          double asked = GROWTH * (double)rows;
          bool dear = most > 0 ? asked * plan->cases[c].units > most
                               : asked * plan->cases[c].cost > MAX_COST;
          if (target[c] != rows || asked > TABLE_ROWS || dear)
            continue;
          target[c] = GROWTH * rows;
          rounds[c]++;
          more = true;
        }
    }
  return more;
}

static int
judge_all (struct qk_outcome *outcome, const struct qk_plan *plan, const unsigned *rounds,
           const uint64_t *target, char why[static QK_WHY])
{
  outcome->n_findings = 0;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      struct qk_finding *f = &outcome->findings[outcome->n_findings];
      const struct qk_statement *s = &plan->statements[i];
      if (!judge (f, plan, s, outcome->tables, rounds, target))
        continue;
      if (qk_statement_plan (plan, s)->experiment->recorded && isnan (f->enclosure.estimate))
        continue; /* not defined on this part of the file: one token has no variance */
      if (f->verdict == QK_INVALID || isnan (f->enclosure.estimate))
        {
          snprintf (why, QK_WHY, "%s: not a number where the measurement should be",
                    qk_statement_quantity (plan, s)->name);
          return -1;
        }
      outcome->n_findings++;
    }
  return 0;
}

/* Compute the tables that others wait for, and let the experiment look at them.  */
static int
run_first (struct qk_outcome *outcome, struct round *r, const uint64_t *target,
           const struct qk_watch *watch, double deadline, char why[static QK_WHY])
{
  const struct qk_plan *plan = r->plan;
  int status = run_round (r, FIRST, target, outcome->threads, watch, 1, deadline, why);
  if (status || stopped (r))
    return status;
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      const struct qk_case *c = &plan->cases[i];
      const struct qk_plan *of = c->of ? c->of : plan;
      *why = '\0';
      if (c->at != i || !of->experiment->inspect)
        continue; /* not the first of its plan */
      if (of->experiment->inspect (of, outcome->tables + i, why))
        return -1;
      if (*why && !*outcome->note)
        {
          memcpy (outcome->note, why, sizeof outcome->note);
          outcome->warnings[outcome->n_warnings++] = outcome->note;
        }
    }
  return 0;
}

/* Run a round and judge what there is.  0; 1: stopped; or -1 and why.  */
static int
settle (struct qk_outcome *outcome, struct round *r, enum stage stage, const uint64_t *target,
        const unsigned *rounds, const struct qk_watch *watch, unsigned number, double deadline,
        char why[static QK_WHY])
{
  int threads = stage == ALONE ? 1 : outcome->threads;
  if (run_round (r, stage, target, threads, watch, number, deadline, why))
    return -1;
  if (judge_all (outcome, r->plan, rounds, target, why))
    return -1;
  if (watch->signal && atomic_load (watch->signal))
    {
      outcome->signal = atomic_load (watch->signal);
      return 1;
    }
  if (!atomic_load (&r->stop))
    return 0;
  outcome->warnings[outcome->n_warnings++] = "stopped by --time-limit before every sample was "
                                             "drawn: the result is not reproducible";
  return 1;
}

static int
run_rounds (struct qk_outcome *outcome, struct round *r, uint64_t *target, unsigned *rounds,
            const struct qk_watch *watch, double start, char why[static QK_WHY])
{
  const struct qk_plan *plan = r->plan;
  double limit = plan->params->time_limit;
  double deadline = limit > 0 ? start + limit : INFINITY;
  bool first = plan->experiment->inspect, more = true;
  for (size_t i = 0; i < plan->n_cases; i++)
    first |= plan->cases[i].kind->later;
  if (first && run_first (outcome, r, target, watch, deadline, why))
    return -1;
  for (unsigned number = 1; more; number++)
    {
      int status = settle (outcome, r, ALL, target, rounds, watch, number, deadline, why);
      if (status)
        return status < 0 ? -1 : 0;
      more = number < ROUNDS && ask_for_more (target, rounds, plan, outcome);
    }
  for (size_t i = 0; i < plan->n_cases; i++)
    if (plan->cases[i].kind->alone)
      return settle (outcome, r, ALONE, target, rounds, watch, 1, deadline, why) < 0 ? -1 : 0;
  return 0;
}

int
qk_engine_run (struct qk_outcome *outcome, const struct qk_plan *plan,
               const struct qk_kernels *kernels, const struct qk_watch *watch,
               char why[static QK_WHY])
{
  size_t n = plan->n_cases;
  double start = monotonic ();
  *outcome = (struct qk_outcome){ .started = clock_seconds (CLOCK_REALTIME),
                                  .threads = qk_engine_threads (plan->params),
                                  .isa = kernels->isa };
  struct round r = { .plan = plan, .kernels = kernels, .signal = watch->signal };
  if (plan->params->format != QK_JSON) /* only there they are shown */
    atomic_store (&r.next_input, plan->n_inputs);
  uint64_t *target = calloc (n + 1, sizeof *target);
  unsigned *rounds = calloc (n + 1, sizeof *rounds);
  r.data = calloc (n + 1, sizeof *r.data);
  r.rows = calloc (n + 1, sizeof *r.rows);
  r.first = calloc (n + 1, sizeof *r.first);
  r.turn = calloc (n + 1, sizeof *r.turn);
  outcome->findings = calloc (plan->n_statements + 1, sizeof *outcome->findings);
  outcome->tables = r.tables = calloc (n + 1, sizeof *outcome->tables);
  outcome->warnings = calloc (plan->n_warnings + 2, sizeof *outcome->warnings);
  int status = -1;
  if (target && rounds && r.data && r.rows && r.first && r.turn && outcome->findings
      && outcome->tables && outcome->warnings)
    {
      for (size_t i = 0; i < n; i++)
        {
          target[i] = plan->cases[i].blocks;
          rounds[i] = 1;
        }
      for (size_t i = 0; i < plan->n_warnings; i++)
        outcome->warnings[outcome->n_warnings++] = plan->warnings[i];
      pthread_condattr_t attributes;
      pthread_condattr_init (&attributes);
      pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
      pthread_cond_init (&r.idle, &attributes);
      pthread_condattr_destroy (&attributes);
      pthread_mutex_init (&r.lock, NULL);
      status = run_rounds (outcome, &r, target, rounds, watch, start, why);
      pthread_mutex_destroy (&r.lock);
      pthread_cond_destroy (&r.idle);
    }
  else
    snprintf (why, QK_WHY, "out of memory");
  if (status)
    for (size_t i = 0; r.data && i < n; i++)
      free (r.data[i]);
  if (status && outcome->tables)
    memset (outcome->tables, 0, n * sizeof *outcome->tables);
  free (target);
  free (rounds);
  free (r.data);
  free (r.rows);
  free (r.first);
  free (r.turn);
  outcome->n_tables = n;
  outcome->complete = !outcome->signal;
  outcome->elapsed = monotonic () - start;
  return status;
}

int
qk_engine_dump (const struct qk_plan *plan, const struct qk_outcome *outcome,
                const struct qk_kernels *kernels, const struct qk_keeper *keeper,
                char why[static QK_WHY])
{
  struct qk_work work;
  int status;
  if (work_open (&work, plan, kernels, why))
    status = qk_complain (why, "out of memory");
  else
    status = plan->experiment->dump (plan, outcome->tables, &work, keeper, why);
  work_close (&work);
  return status;
}

void
qk_engine_rest (struct qk_outcome *outcome, const struct qk_plan *plan)
{
  *outcome = (struct qk_outcome){ .complete = true,
                                  .started = clock_seconds (CLOCK_REALTIME),
                                  .threads = qk_engine_threads (plan->params),
                                  .isa = qk_kernels_find (NULL)->isa };
}

enum qk_verdict
qk_outcome_verdict (const struct qk_outcome *outcome)
{
  bool holds = false, described = false, undecided = !outcome->complete;
  for (size_t i = 0; i < outcome->n_findings; i++)
    {
      const struct qk_finding *f = &outcome->findings[i];
      if (f->verdict == QK_FAILS)
        return QK_FAILS;
      undecided |= f->verdict == QK_UNDECIDED || (f->statement->judged && f->statement->thin);
      holds |= f->verdict == QK_HOLDS;
      described |= f->verdict == QK_DESCRIBED;
    }
  if (undecided)
    return QK_UNDECIDED;
  return holds ? QK_HOLDS : described ? QK_DESCRIBED : QK_UNDECIDED;
}

void
qk_outcome_free (struct qk_outcome *outcome)
{
  for (size_t i = 0; outcome->tables && i < outcome->n_tables; i++)
    free ((double *)outcome->tables[i].data);
  free (outcome->tables);
  free (outcome->findings);
  free (outcome->warnings);
  *outcome = (struct qk_outcome){ 0 };
}
