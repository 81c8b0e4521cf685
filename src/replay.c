/* replay.c -- the tool checks itself: one block a case again, by another route.  */

#include "replay.h"
#include "exact.h"
#include "store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum
{
  SIDE = QK_LANES,      /* of a corner: as many queries, as many keys */
  CORNER = SIDE * SIDE, /* its scores */
  DOT_TERMS = 1 << 17,  /* products that the corner of a tile may take, and */
  STATISTICS = 1 << 17, /* operations its statistics may, beyond the first: so a default run takes
                           a tenth more time */
  OPERATION = 500       /* multiply-adds as dear as an operation in MPFR, an exact addition */
};

struct replay
{
  struct qk_case of; /* as it is sized */
  bool whole;
};

/* ---- Comparing ------------------------------------------------------------------------------- */

void
qk_replay_compare (struct qk_replay *r, double value, double reference, double scale)
{
  double error = fabs (value - reference);
  error = error > 0 ? error / (scale + QK_REPLAY_LEAST) : isnan (error) ? INFINITY : 0;
  r->worst = fmax (r->worst, error);
}

bool
qk_replay_affords (struct qk_replay *r, double operations)
{
  bool yes = r->whole || r->spent == 0 || r->spent + operations <= STATISTICS;
  r->spent += yes ? operations : 0;
  return yes;
}

double
qk_gamma (double n)
{
  const double u = 0x1p-53;
  return n * u / (1 - n * u);
}

static double
digits_of (double error)
{
  return error > 0x1p-53 ? fmax (-log10 (error), 0) : QK_DIGITS_MOST;
}

/* ---- Dot products ---------------------------------------------------------------------------- */

/* One draw of numbers as the block makes it: n values from a place in the stream on.  */
struct fill
{
  unsigned role;
  uint64_t first;
  size_t n;
  const struct qk_law *law;
};

/* Values from .. from + count - 1 of it, one by one.  A foreign generator is read to the end.  */
static void
redraw (double *x, size_t from, size_t count, struct fill fill, struct qk_source *source)
{
  struct qk_address a = source->address;
  a.cell += fill.role;
  for (size_t i = 0; i < count && !source->foreign; i++)
    x[i] = qk_draw (a, fill.law, fill.first + from + i);
  const size_t per = fill.law->type->per;
  for (size_t c = 0; source->foreign && c < fill.n / per; c++)
    {
      uint64_t word[2];
      double z[4];
      word[0] = qk_foreign_word (source->foreign);
      word[1] = qk_foreign_word (source->foreign);
      size_t place = c / 8 * 8 * per + c % 8;
      if (place + 8 * per <= from || place >= from + count)
        continue;
      fill.law->type->transform (z, word, fill.law->shape);
      for (size_t j = 0; j < per; j++, place += 8)
        if (place >= from && place < from + count)
          x[place - from] = fma (fill.law->sd, z[j], fill.law->mean);
    }
}

/* A panel of 8 queries and 8 keys (of each, where keys are their own), a chunk of depth at a time,
   and the exact dot products.  */
struct corner
{
  double q[SIDE * QK_DEPTH], k[CORNER * QK_DEPTH];
  struct qk_exact dot[CORNER];
  double scale[CORNER];
};

static bool
in_pairs (const struct qk_scores *s)
{
  return s->shape == QK_PAIRS || s->shape == QK_SELF;
}

/* The key of query r that stands in diagonal j of a corner.  */
static size_t
key_of (const struct qk_scores *s, size_t r, size_t j)
{
  return in_pairs (s) ? r : s->shape == QK_OWN ? SIDE - 1 - j : (r + j) % SIDE;
}

/* k = mean + sd (rho z + sqrt (1 - rho^2) e), rounded as in kernels.h.  */
static void
correlate (const struct qk_score *law, double *k, const double *q, size_t n)
{
  double tau = sqrt (1 - law->rho * law->rho), slope = law->rho * law->k.sd / law->q.sd;
  double rest = law->k.mean * (1 - tau) - slope * law->q.mean;
  for (size_t i = 0; i < n; i++)
    k[i] = fma (slope, q[i], fma (tau, k[i], rest));
}

/* Add the products of one chunk of depth.  */
static void
add_chunk (struct corner *x, const struct qk_scores *s, size_t depth, size_t diagonals)
{
  for (size_t r = 0; r < SIDE; r++)
    for (size_t j = 0; j < diagonals; j++)
      for (size_t a = 0; a < depth; a++)
        {
          size_t key = key_of (s, r, j), at = r * SIDE + j;
          double q = x->q[a * SIDE + r];
          double k = s->shape == QK_SELF  ? q
                     : s->shape == QK_OWN ? x->k[(key * depth + a) * SIDE + r]
                                          : x->k[a * SIDE + key];
          qk_exact_add (&x->dot[at], q, k);
          x->scale[at] += fabs (q * k);
        }
}

/* Compare scores of draw t of the block, s: those of query panel p and key panel l (where keys are
   their own, their panel of 8 places), diagonals of them.  */
static void
compare_corner (struct qk_replay *dots, struct corner *x, const struct qk_scores *scores,
                uint64_t t, const double *s, struct qk_source *source, size_t p, size_t l,
                size_t diagonals)
{
  const struct qk_score *law = &scores->law;
  bool own = scores->shape == QK_OWN;
  size_t d = (size_t)law->d, queries = scores->queries;
  size_t keys = own ? SIDE * scores->keys : scores->keys;
  uint64_t first_q = t * qk_operand_size (queries, d), first_k = t * qk_operand_size (keys, d);
  memset (x->dot, 0, sizeof x->dot);
  memset (x->scale, 0, sizeof x->scale);
  for (size_t i = 0, depth; i < d; i += depth)
    {
      depth = qk_chunk_depth (d, i);
      size_t panel = SIDE * depth, some = own ? SIDE * panel : panel;
      redraw (x->q, p * panel, panel,
              (struct fill){ QK_ROLE_Q, first_q + i * queries, qk_operand_size (queries, depth),
                             &law->q },
              source);
      if (scores->shape != QK_SELF)
        redraw (
            x->k, l * some, some,
            (struct fill){ QK_ROLE_K, first_k + i * keys, qk_operand_size (keys, depth), &law->k },
            source);
      if (scores->shape == QK_PAIRS && law->rho != 0)
        correlate (law, x->k, x->q, panel);
      add_chunk (x, scores, depth, diagonals);
    }
  for (size_t r = 0; r < SIDE; r++)
    for (size_t j = 0; j < diagonals; j++)
      {
        size_t key = SIDE * l + key_of (scores, r, j);
        size_t at = in_pairs (scores) ? SIDE * p + r : (p * scores->keys + key) * SIDE + r;
        qk_replay_compare (dots, s[at], qk_exact_value (&x->dot[r * SIDE + j]),
                           x->scale[r * SIDE + j]);
      }
}

/* Free scores are components themselves.  */
static void
compare_free (struct qk_replay *dots, struct corner *x, const struct qk_scores *scores, uint64_t t,
              const double *s, struct qk_source *source, size_t from)
{
  size_t n = scores->queries * scores->keys;
  redraw (x->k, from, CORNER, (struct fill){ QK_ROLE_K, t * n, n, &scores->law.k }, source);
  for (size_t i = 0; i < CORNER; i++)
    qk_replay_compare (dots, s[from + i], x->k[i], fabs (x->k[i]));
}

/* Compare the last corner of draw t, or all of it.  before: a foreign generator as it stood before
   the draw, and one to read; or NULL.  */
static void
compare_draw (struct qk_replay *dots, struct corner *x, const struct qk_scores *scores, uint64_t t,
              const double *s, const struct qk_source *source, const gsl_rng *before, gsl_rng *copy)
{
  double d = scores->law.d;
  size_t n = scores->queries * scores->keys;
  size_t last_q = scores->queries / SIDE - 1, last_k = scores->keys / SIDE - 1;
  size_t diagonals = in_pairs (scores) ? 1
                     : dots->whole     ? SIDE
                                       : (size_t)fmin (fmax (DOT_TERMS / (SIDE * d), 1), SIDE);
  struct qk_source again = { source->address, copy };
  for (size_t p = dots->whole ? 0 : last_q; p <= last_q && scores->shape != QK_FREE; p++)
    for (size_t l = dots->whole && !in_pairs (scores) ? 0 : last_k; l <= last_k; l++)
      {
        if (copy)
          gsl_rng_memcpy (copy, before);
        compare_corner (dots, x, scores, t, s, &again, p, in_pairs (scores) ? p : l, diagonals);
      }
  for (size_t from = dots->whole ? 0 : n - CORNER; from < n && scores->shape == QK_FREE;
       from += CORNER)
    {
      if (copy)
        gsl_rng_memcpy (copy, before);
      compare_free (dots, x, scores, t, s, &again, from);
    }
}

/* ---- The block ------------------------------------------------------------------------------- */

enum
{
  DOTS,
  SUMS
};

static const struct qk_column columns[] = { { "dot_digits", 1 }, { "statistic_digits", 1 }, { 0 } };

/* Behind the scratch of the block itself: its record, and a corner of scores.  */
struct again
{
  double *written;
  struct corner *corner;
  size_t used; /* doubles, that scratch too */
};

static struct again
lay (const struct qk_case *of, void *memory)
{
  struct qk_store store = { memory, 0 };
  struct again x;
  qk_store_bytes (&store, of->scratch);
  x.written = qk_store_take (&store, qk_kind_columns (of->kind));
  x.corner = qk_store_bytes (&store, sizeof *x.corner);
  x.used = store.used;
  return x;
}

static int
replay_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct replay *u = c->own;
  const struct qk_case *of = &u->of;
  const struct qk_twin *twin = of->kind->twin;
  struct qk_replay dots = { .whole = u->whole }, sums = dots;
  const struct again x = lay (of, work->scratch);
  uint64_t draws;
  const struct qk_scores *scores = twin->draws (&draws, of);
  bool whole = true;
  gsl_rng *foreign = work->source.foreign, *before = NULL, *copy = NULL;
  void *all = twin->begin (of);
  if (foreign)
    {
      before = gsl_rng_clone (foreign);
      copy = gsl_rng_clone (foreign);
      whole &= before && copy;
    }
  int status = !all || !whole || of->kind->block (x.written, of, index, work);
  qk_source_open (&work->source, work->seed, of->cell, index);
  for (uint64_t t = 0; t < draws && !status; t++)
    {
      if (foreign)
        gsl_rng_memcpy (before, foreign);
      const double *s = qk_scores_draw (scores, t, work->kernels, &work->source, work->scratch);
      twin->add (all, &sums, of, t, s, x.written, work);
      if (u->whole || t + 1 == draws)
        compare_draw (&dots, x.corner, scores, t, s, &work->source, before, copy);
    }
  if (all)
    twin->end (all, &sums, of, x.written);
  if (before)
    gsl_rng_free (before);
  if (copy)
    gsl_rng_free (copy);
  row[DOTS] = digits_of (dots.worst);
  row[SUMS] = digits_of (sums.worst);
  return status ? -1 : 0;
}

const struct qk_kind qk_replay_kind
    = { .name = "replay", .unit = "block", .columns = columns, .block = replay_block };

/* ---- Plan ------------------------------------------------------------------------------------ */

static bool
replays (const struct qk_case *c)
{
  return c->kind == &qk_replay_kind;
}

bool
qk_replay_speaks (const struct qk_plan *plan, const struct qk_statement *s)
{
  return s->sources && replays (&plan->cases[s->source[0]]);
}

bool
qk_replay_named (const struct qk_plan *plan)
{
  return plan->params->quantity.n && !plan->params->exact && qk_plan_wants (plan, "sum_digits");
}

/* The relative error that is proved of the dot products, gamma_d of a chain of fused multiply-adds,
   or of the statistics; and the rounding of what they are compared with.  */
static double
bound_of (const struct qk_case *of)
{
  uint64_t draws;
  double dots = qk_gamma (of->kind->twin->draws (&draws, of)->law.d);
  return fmax (dots, of->kind->twin->bound (of)) + 0x1p-53;
}

static double
cost_of (const struct qk_case *of, bool whole)
{
  uint64_t draws;
  const struct qk_scores *s = of->kind->twin->draws (&draws, of);
  double scores = (double)draws * (double)s->queries * (in_pairs (s) ? 1 : (double)s->keys);
  double dots = fmin (fmax (DOT_TERMS, SIDE * s->law.d), CORNER * s->law.d);
  double operations = whole ? scores * (s->law.d + QK_REPLAY_EXP)
                            : dots + fmin (STATISTICS, scores * QK_REPLAY_EXP);
  return 2 * of->cost + OPERATION * operations;
}

/* Add a case that replays block 0 of c.  Returns its index.  */
static size_t
add_case (struct qk_plan *plan, const struct qk_case *c, const char *name, bool whole)
{
  struct replay *u = qk_plan_alloc (plan, sizeof *u);
  const char *label = qk_plan_print (plan, "replay %s%s", name, c->label);
  if (!u || !label)
    return 0;
  *u = (struct replay){ *c, whole };
  size_t at = qk_plan_case (plan, &qk_replay_kind, label, label, u);
  if (plan->full)
    return 0;
  struct qk_case *new = &plan->cases[at];
  new->blocks = 1;
  new->units = u->of.units;
  new->cost = cost_of (&u->of, whole);
  new->scratch = lay (&u->of, NULL).used * sizeof (double);
  return at;
}

/* Add the statement on replays of the same case.  */
static void
add_statement (struct qk_plan *plan, const size_t *source, size_t sources, const struct qk_key *key)
{
  double bound = 0;
  for (size_t i = 0; i < sources; i++)
    bound = fmax (bound, bound_of (&((const struct replay *)plan->cases[source[i]].own)->of));
  struct qk_statement *s = qk_plan_statement (plan, "sum_digits", source, sources);
  s->claim = "sum-reference";
  s->method = QK_BY_BOUND;
  s->judged = true;
  s->band = qk_band_least (digits_of (bound));
  s->key = key;
}

size_t
qk_replay_all (struct qk_plan *plan, const struct qk_plan *of, bool whole)
{
  size_t n = of->n_cases, found = 0;
  const struct qk_key **key = qk_plan_alloc (plan, (n + 1) * sizeof *key);
  size_t *at = qk_plan_alloc (plan, (n + 1) * sizeof *at);
  size_t *source = qk_plan_alloc (plan, (n + 1) * sizeof *source);
  const char *name = of == plan ? "" : qk_plan_print (plan, "%s ", of->experiment->name);
  for (size_t c = 0; c < n && !plan->full; c++)
    if (of->cases[c].kind->twin)
      {
        const struct qk_case copy = of->cases[c]; /* those of the plan move */
        key[found] = copy.kind->twin->key (plan, &copy);
        at[found++] = add_case (plan, &copy, name, whole);
      }
  for (size_t i = 0; i < found && !plan->full; i++)
    {
      size_t sources = 0;
      for (size_t j = i; j < found && key[i]; j++)
        if (key[j] && qk_keys_equal (key[i], key[j]))
          {
            source[sources++] = at[j];
            key[j] = j == i ? key[j] : NULL;
          }
      if (sources)
        add_statement (plan, source, sources, key[i]);
    }
  return found;
}

bool
qk_replay_knows (const struct qk_experiment *experiment)
{
  for (const struct qk_kind *const *kind = experiment->kinds; *kind; kind++)
    if ((*kind)->twin)
      return true;
  return false;
}

void
qk_replay_plan (struct qk_plan *plan)
{
  if (plan->full || !(plan->params->reference || qk_replay_named (plan)))
    return;
  bool replayed = false; /* already: the command is about that */
  for (size_t c = 0; c < plan->n_cases; c++)
    replayed |= replays (&plan->cases[c]);
  if (!replayed && !qk_replay_all (plan, plan, false) && !plan->full)
    qk_plan_warn (plan, qk_replay_knows (plan->experiment)
                            ? "sum_digits is left out: nothing is sampled that could be replayed"
                            : "sum_digits is left out: blocks of this command are not replayed");
}

/* ---- Findings -------------------------------------------------------------------------------- */

void
qk_replay_enclose (struct qk_enclosure *e, const struct qk_statement *s,
                   const struct qk_table *tables)
{
  double digits = QK_DIGITS_MOST;
  for (size_t i = 0; i < s->sources; i++)
    digits = fmin (digits, fmin (tables[s->source[i]].data[DOTS], tables[s->source[i]].data[SUMS]));
  *e = qk_enclosure_known (digits, 0);
}

bool
qk_replay_explain (char *text, size_t size, const struct qk_statement *s,
                   const struct qk_enclosure *e, enum qk_verdict verdict)
{
  if (verdict != QK_FAILS)
    return false;
  snprintf (text, size,
            "Block 0 agrees with MPFR to %.1f digits, and the bounds of its sums promise %.1f: "
            "the arithmetic of this program or processor is wrong; try QKCHECK_ISA=plain.",
            e->estimate, s->band.lo);
  return true;
}
