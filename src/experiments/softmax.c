/* softmax.c -- how saturated is the softmax, scaled and unscaled?

   Two kinds of case.  Tiles: queries that share keys, for the means of row statistics; a block
   pools many, and is the unit.  Queries with keys of their own, for probabilities: each is a unit.
 */

#include "../enclose.h"
#include "../exact.h"
#include "../reference.h"
#include "../replay.h"
#include "../scored.h"
#include "../weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Multiply-adds, or their equivalent in time, that the weights of a row cost, a score, beside its
   dot product: an exponential, about as much as a draw.  */
static const double ROW_COST = 40;

struct setup
{
  struct qk_weights_draws draws;       /* of tiles, or of queries */
  struct qk_softmax_moments exact;     /* NAN where none is known */
  struct qk_softmax_moments claimed;   /* for components of mean 0 and variance 1 */
  struct qk_softmax_moments predicted; /* exact, or as if normal: what the size is planned by */
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

enum
{
  PARTICIPATION,
  MAX_WEIGHT,
  ENTROPY,
  TRACE,
  MEANS
};

enum
{
  ABOVE_90,
  ABOVE_99,
  COUNTS
};

/* What the 8 rows of panel i of draw t are like; how many of them count, and their keys.  */
static unsigned
measure (struct qk_row_stats *stats, size_t keys[static QK_LANES], const struct setup *u,
         uint64_t t, size_t i, const double *s, const struct qk_kernels *kernels)
{
  size_t n = u->draws.scores.keys;
  struct qk_row_sums sums = QK_ROW_SUMS_NONE;
  unsigned rows = qk_weights_panel (keys, &u->draws, t, i);
  kernels->row_sums (&sums, s + i * QK_LANES * n, n, keys, 0, u->draws.w.c);
  kernels->row_stats (stats, &sums);
  return rows;
}

/* Add up what the rows of draw t are like: means, or counts, whichever is not NULL.  */
static void
add_draw (double *means, double *counts, const struct setup *u, uint64_t t, struct qk_work *work)
{
  const struct qk_kernels *kernels = work->kernels;
  const struct qk_scores *scores = &u->draws.scores;
  const double *s = qk_scores_draw (scores, t, kernels, &work->source, work->scratch);
  for (size_t i = 0; i < scores->queries / QK_LANES; i++)
    {
      size_t keys[QK_LANES];
      struct qk_row_stats stats;
      unsigned rows = measure (&stats, keys, u, t, i, s, kernels);
      for (unsigned lane = 0; means && lane < rows; lane++)
        {
          means[PARTICIPATION] += stats.participation[lane];
          means[MAX_WEIGHT] += stats.top[lane];
          means[ENTROPY] += stats.entropy[lane];
          means[TRACE] += stats.trace[lane];
        }
      for (unsigned lane = 0; counts && lane < rows; lane++)
        {
          counts[ABOVE_90] += stats.top[lane] > 0.9;
          counts[ABOVE_99] += stats.top[lane] > 0.99;
        }
    }
}

static int
tiles_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, MEANS * sizeof *row);
  for (uint64_t t = 0; t < u->draws.draws; t++)
    add_draw (row, NULL, u, t, work);
  for (int i = 0; i < MEANS; i++)
    row[i] /= c->units;
  return isnan (row[PARTICIPATION] + row[ENTROPY]) ? -1 : 0;
}

static int
queries_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, COUNTS * sizeof *row);
  for (uint64_t t = 0; t < u->draws.draws; t++)
    add_draw (NULL, row, u, t, work);
  return 0;
}

static const struct qk_column tiles_columns[] = {
  { "participation", 1 }, { "max_weight", 1 }, { "entropy", 1 }, { "jacobian_trace", 1 }, { 0 }
};
static const struct qk_column queries_columns[]
    = { { "above_0.9", 1 }, { "above_0.99", 1 }, { 0 } };

/* ---- Their replay ---------------------------------------------------------------------------- */

/* Of a block: values of the kernels, summed exactly, and counts; and room for a row in MPFR.  */
struct sums
{
  struct qk_exact mean[MEANS];
  double count[COUNTS];
  struct qk_weights_ref *weights;
};

static void
free_sums (struct sums *x)
{
  qk_weights_ref_free (x->weights);
  free (x);
}

static void *
begin_rows (const struct qk_case *c)
{
  const struct setup *u = c->own;
  struct sums *x = calloc (1, sizeof *x);
  if (x && (x->weights = qk_weights_ref_new ((size_t)u->draws.w.rows.n)))
    return x;
  free (x);
  return NULL;
}

/* A share is wrong if the weight is on the other side of the limit, and not by rounding.  */
static void
compare_share (struct qk_replay *r, double limit, double found, double exact)
{
  bool other = (found > limit) != (exact > limit) && fabs (exact - limit) > 1e-12;
  qk_replay_compare (r, other, 0, 1);
}

static void
add_rows (void *to, struct qk_replay *r, const struct qk_case *c, uint64_t t, const double *s,
          const double *row, struct qk_work *work)
{
  (void)row;
  const struct setup *u = c->own;
  const struct qk_scores *scores = &u->draws.scores;
  struct sums *all = to;
  for (size_t i = 0; i < scores->queries / QK_LANES; i++)
    {
      size_t keys[QK_LANES];
      struct qk_row_stats stats;
      unsigned rows = measure (&stats, keys, u, t, i, s, work->kernels);
      bool afford = qk_replay_affords (r, QK_REPLAY_EXP * QK_LANES * u->draws.w.rows.n);
      for (unsigned lane = 0; lane < rows; lane++)
        {
          struct qk_row_ref exact;
          qk_exact_add (&all->mean[PARTICIPATION], stats.participation[lane], 1);
          qk_exact_add (&all->mean[MAX_WEIGHT], stats.top[lane], 1);
          qk_exact_add (&all->mean[ENTROPY], stats.entropy[lane], 1);
          qk_exact_add (&all->mean[TRACE], stats.trace[lane], 1);
          all->count[ABOVE_90] += stats.top[lane] > 0.9;
          all->count[ABOVE_99] += stats.top[lane] > 0.99;
          if (!afford)
            continue;
          qk_weights_ref_set (all->weights, &exact, s + i * QK_LANES * scores->keys + lane,
                              keys[lane], QK_LANES, u->draws.w.c);
          qk_replay_compare (r, stats.participation[lane], exact.participation,
                             exact.participation);
          qk_replay_compare (r, stats.top[lane], exact.top, exact.top);
          qk_replay_compare (r, stats.entropy[lane], exact.entropy, exact.entropy);
          qk_replay_compare (r, stats.trace[lane], exact.trace, exact.trace);
          compare_share (r, 0.9, stats.top[lane], exact.top);
          compare_share (r, 0.99, stats.top[lane], exact.top);
        }
    }
}

static void
end_tiles (void *to, struct qk_replay *r, const struct qk_case *c, const double *row)
{
  struct sums *all = to;
  for (int i = 0; i < MEANS; i++)
    {
      double mean = qk_exact_value (&all->mean[i]) / c->units;
      qk_replay_compare (r, row[i], mean, mean);
    }
  free_sums (all);
}

static void
end_queries (void *to, struct qk_replay *r, const struct qk_case *c, const double *row)
{
  struct sums *all = to;
  for (int i = 0; i < COUNTS; i++)
    qk_replay_compare (r, row[i], all->count[i], c->units);
  free_sums (all);
}

static double
rows_bound (const struct qk_case *c)
{
  return qk_weights_stats_bound (((const struct setup *)c->own)->draws.w.rows.n, c->units);
}

static const struct qk_twin tiles_twin = { .draws = qk_weights_replayed,
                                           .key = qk_weights_key,
                                           .bound = rows_bound,
                                           .begin = begin_rows,
                                           .add = add_rows,
                                           .end = end_tiles };
static const struct qk_twin queries_twin = { .draws = qk_weights_replayed,
                                             .key = qk_weights_key,
                                             .bound = rows_bound,
                                             .begin = begin_rows,
                                             .add = add_rows,
                                             .end = end_queries };

/* ---- Kinds ----------------------------------------------------------------------------------- */

static const struct qk_kind tiles_kind = { .name = "tiles",
                                           .unit = "block",
                                           .columns = tiles_columns,
                                           .block = tiles_block,
                                           .twin = &tiles_twin };
static const struct qk_kind queries_kind = { .name = "queries",
                                             .unit = "query",
                                             .columns = queries_columns,
                                             .block = queries_block,
                                             .twin = &queries_twin };

/* ---- Quantities ------------------------------------------------------------------------------ */

enum quantity
{
  Q_PARTICIPATION,
  Q_MAX_WEIGHT,
  Q_ENTROPY_SHARE,
  Q_SATURATED,
  Q_SATURATED_99,
  Q_ENTROPY,
  Q_TRACE,
  Q_SAMPLED, /* of the others only exact values */
  Q_CUBES = Q_SAMPLED,
  Q_FOURTHS,
  Q_PARTICIPATION_SQUARE,
  Q_MAX_WEIGHT_SQUARE,
  Q_JACOBIAN_SQUARE,
  Q_ALONG_SQUARE,
  Q_LOG_SUM_EXP,
  Q_GRADIENT_SQUARE,
  Q_GAP_DENSITY,
  Q_FREEZING,
  QUANTITIES
};

#define EXACT_ONLY "none"

static const struct qk_quantity quantities[] = {
  { "participation", "E Σp²", "1", QK_LEAD, "exact (1+T)^±1",
    "Mean of the sum of squared weights: 1/n where all keys take part alike, 1 where one takes "
    "all; 1/Σp² is the number of keys that take part." },
  { "max_weight", "E max p", "1", QK_COLUMN, "exact (1+T)^±1", "Mean of the largest weight." },
  { "entropy_share", "E H / ln n", "1", QK_COLUMN, "exact ± T",
    "Mean entropy of a row as a share of ln n, its largest value; causal too, where the first rows "
    "have fewer keys." },
  { "saturated", "P(max p > .9)", "1", QK_COLUMN, "exact ± T",
    "Probability that one key takes more than 0.9 of the weight, from queries with keys of their "
    "own." },
  { "saturated_99", "P(max p > .99)", "1", QK_COLUMN, "exact ± T", "The same for 0.99." },
  { "entropy", "E H", "nat", QK_DETAIL, "exact ± T ln n", "Mean entropy of a row, in nats." },
  { "jacobian_trace", "E tr J", "1", QK_DETAIL, "exact ± T",
    "Mean trace of the Jacobian J = diag(p) − p pᵀ, 1 − Σp²: how much the weights still react to "
    "the scores." },
  { "power_sum_3", "E Σp³", "1", QK_DETAIL, EXACT_ONLY, "Exact value, with --exact." },
  { "power_sum_4", "E Σp⁴", "1", QK_DETAIL, EXACT_ONLY, "Exact value, with --exact." },
  { "participation_square", "E (Σp²)²", "1", QK_DETAIL, EXACT_ONLY, "Exact value, with --exact." },
  { "max_weight_square", "E (max p)²", "1", QK_DETAIL, EXACT_ONLY, "Exact value, with --exact." },
  { "jacobian_square", "E ‖J‖²", "1", QK_DETAIL, EXACT_ONLY,
    "Mean square of the Frobenius norm of J. Exact value, with --exact; qkcheck gradient samples "
    "it." },
  { "along_square", "E ‖J s/σ‖²", "1", QK_DETAIL, EXACT_ONLY,
    "Mean square of the change of the weights along the query, for scores over their deviation. "
    "Exact value, with --exact." },
  { "log_sum_exp", "E ln Σe^x", "nat", QK_DETAIL, EXACT_ONLY,
    "Mean of the logarithm of the normaliser, x the scaled scores. Exact value, with --exact." },
  { "query_gradient_square", "E ‖∂p/∂q‖²", "1", QK_DETAIL, EXACT_ONLY,
    "c²[(d_k − 1) E‖J‖² + E‖J s/σ‖²] for standard components. Exact value, with --exact; qkcheck "
    "gradient samples it." },
  { "gap_density", "a_n", "1", QK_DETAIL, EXACT_ONLY,
    "n(n−1) ∫ φ² Φ^(n−2): for large σ, E Σp² is near 1 − a_n/σ. Exact value, with --exact." },
  { "freezing", "√(2 ln n)", "1", QK_DETAIL, EXACT_ONLY,
    "The deviation σ at which the softmax freezes in the limit of many keys; at finite n a trend, "
    "not a step. Exact value, with --exact." },
  QK_SUM_DIGITS,
  { 0 }
};

static double
length_log (const struct setup *u)
{
  return log (u->draws.w.rows.n);
}

static double
value_of (enum quantity quantity, const struct setup *u, const struct qk_softmax_moments *m)
{
  const struct qk_weights *w = &u->draws.w;
  switch (quantity)
    {
    case Q_PARTICIPATION:
      return m->participation;
    case Q_MAX_WEIGHT:
      return m->max_weight;
    case Q_ENTROPY_SHARE:
      return m->entropy / length_log (u);
    case Q_SATURATED:
      return m->saturated;
    case Q_SATURATED_99:
      return m->saturated_99;
    case Q_ENTROPY:
      return m->entropy;
    case Q_TRACE:
      return m->jacobian_trace;
    case Q_CUBES:
      return m->cubes;
    case Q_FOURTHS:
      return m->fourths;
    case Q_PARTICIPATION_SQUARE:
      return m->participation_square;
    case Q_MAX_WEIGHT_SQUARE:
      return m->max_weight_square;
    case Q_JACOBIAN_SQUARE:
      return m->jacobian_square;
    case Q_ALONG_SQUARE:
      return m->along_square;
    case Q_LOG_SUM_EXP:
      return m->log_sum_exp;
    case Q_GRADIENT_SQUARE:
      return qk_softmax_gradient_square (m, w->c * w->law.k.sd, w->law.d);
    case Q_GAP_DENSITY:
      return qk_softmax_gap_density (w->rows.n);
    case Q_FREEZING:
      return qk_softmax_freezing (w->rows.n);
    default:
      return NAN;
    }
}

static struct qk_band
band_of (enum quantity quantity, const struct setup *u, double t)
{
  double claim = value_of (quantity, u, &u->claimed);
  switch (quantity)
    {
    case Q_PARTICIPATION:
    case Q_MAX_WEIGHT:
      return qk_band_ratio (claim, t);
    case Q_ENTROPY:
      return qk_band_absolute (claim, t * length_log (u));
    default:
      return qk_band_absolute (claim, t);
    }
}

static bool
is_share (enum quantity quantity)
{
  return quantity == Q_SATURATED || quantity == Q_SATURATED_99;
}

/* Scores of deviation up to FLAT leave the weights near 1/n.  */
static const char *
claim_of (const struct qk_weights *w)
{
  const double flat = 0.5;
  const struct qk_weights standard = qk_weights_standard (w);
  double sigma = qk_weights_sigma (&standard);
  if (w->scale == QK_SCALE_NONE)
    return "softmax-saturates";
  if (w->scale == QK_SCALE_SQRT)
    return "softmax-scaled";
  if (w->scale == 0 && sigma == 1)
    return "length-dilution";
  return sigma <= flat ? "softmax-even" : "softmax-saturates";
}

/* ---- Plan ------------------------------------------------------------------------------------ */

/* The rows that the plan speaks of, and what is known of them.  */
static struct setup *
make_setup (struct qk_plan *plan, size_t i)
{
  struct setup *u = qk_plan_alloc (plan, sizeof *u);
  if (!u)
    return NULL;
  struct qk_weights *w = &u->draws.w;
  qk_weights_at (w, plan->params, i);
  qk_weights_known (&u->exact, &u->claimed, &u->predicted, w);
  return u;
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, const struct setup *known)
{
  return qk_weights_case (plan, kind, &known->draws.w, qk_plan_copy (plan, known, sizeof *known));
}

static void
add_sampled (struct qk_plan *plan, const struct setup *u)
{
  const struct qk_weights *w = &u->draws.w;
  size_t tiles = add_case (plan, &tiles_kind, u), queries = add_case (plan, &queries_kind, u);
  const struct qk_key *keys = qk_weights_keys (plan, w);
  for (int q = 0; q < Q_SAMPLED && !plan->full; q++)
    {
      enum quantity quantity = (enum quantity)q;
      if (!qk_plan_wants (plan, quantities[q].name))
        continue;
      struct qk_statement *s = qk_plan_statement (plan, quantities[q].name,
                                                  is_share (quantity) ? &queries : &tiles, 1);
      s->claim = claim_of (w);
      s->method = is_share (quantity) ? QK_BY_BINOMIAL : QK_BY_T;
      s->exact = value_of (quantity, u, &u->exact);
      s->judged = !isnan (value_of (quantity, u, &u->claimed));
      s->band = band_of (quantity, u, plan->params->tolerance);
      s->key = keys;
    }
}

/* What --exact prints has no case: the values stand in the statements.  */
static void
add_exact (struct qk_plan *plan, const struct setup *u)
{
  const struct qk_weights *w = &u->draws.w;
  const struct qk_key *keys = qk_weights_keys (plan, w);
  for (int q = 0; q < QUANTITIES && !plan->full; q++)
    {
      enum quantity quantity = (enum quantity)q;
      if (!qk_plan_wants (plan, quantities[q].name)
          || (quantity == Q_GRADIENT_SQUARE && w->law.d == 0))
        continue;
      struct qk_statement *s = qk_plan_statement (plan, quantities[q].name, NULL, 0);
      s->method = QK_BY_EXACT;
      s->claim = claim_of (w);
      s->exact = value_of (quantity, u, &u->exact);
      s->key = keys;
    }
}

static int
plan_softmax (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  if (qk_weights_check (p, why))
    return -1;
  size_t count = qk_weights_count (p);
  bool known = true;
  for (size_t i = 0; i < count && !plan->full; i++)
    {
      struct setup *u = make_setup (plan, i);
      if (!u)
        break;
      known = !isnan (u->exact.participation);
      if (!p->exact)
        add_sampled (plan, u);
      else if (known)
        add_exact (plan, u);
    }
  if (p->exact && !known)
    {
      snprintf (why, QK_WHY,
                "--exact: exact values are known where the components of k are normal, "
                "and those of q normal or rademacher, with mean 0");
      return -1;
    }
  for (int q = 0; q < QUANTITIES && p->quantity.n; q++)
    if (!p->exact && q >= Q_SAMPLED && qk_plan_wants (plan, quantities[q].name))
      qk_plan_warn (plan, "%s is left out: its exact value alone is known, see --exact",
                    quantities[q].name);
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* The variance of one row's value.  That of the entropy is not known: at most as if it were 0 or
   ln n.  */
static double
row_variance (enum quantity quantity, const struct setup *u)
{
  const struct qk_softmax_moments *m = &u->predicted;
  double h = m->entropy, most = length_log (u);
  switch (quantity)
    {
    case Q_MAX_WEIGHT:
      return fmax (m->max_weight_square - m->max_weight * m->max_weight, 0);
    case Q_ENTROPY:
      return h * (most - h);
    case Q_ENTROPY_SHARE:
      return h * (most - h) / (most * most);
    default: /* the trace is 1 - sum of p^2 */
      return fmax (m->participation_square - m->participation * m->participation, 0);
    }
}

/* Independent rows that a judged statement needs.  */
static double
rows_needed (const struct qk_plan *plan, const struct qk_statement *s, const struct setup *u)
{
  enum quantity quantity = (enum quantity)s->quantity;
  double t = plan->params->tolerance, miss = qk_round_miss (s->miss, 1);
  double value = value_of (quantity, u, &u->predicted), v = row_variance (quantity, u);
  if (is_share (quantity))
    return qk_plan_proportion (fmin (fmax (value, 0), 1), t, miss);
  if (quantity == Q_PARTICIPATION || quantity == Q_MAX_WEIGHT)
    return qk_plan_units (v / (value * value), log1p (t), miss);
  return qk_plan_units (v, quantity == Q_ENTROPY ? t * length_log (u) : t, miss);
}

/* Independent rows whose means of the weights are normal enough.  */
static double
rows_pooled (const struct setup *u)
{
  const struct qk_softmax_moments *m = &u->predicted;
  double participation = row_variance (Q_PARTICIPATION, u), least = 0;
  least = fmax (least, participation / pow (m->participation, 2));
  least = fmax (least, participation / pow (m->jacobian_trace, 2));
  least = fmax (least, row_variance (Q_MAX_WEIGHT, u) / pow (m->max_weight, 2));
  return least / QK_POOL_VARIANCE;
}

static int
size_softmax (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    {
      const struct setup *u = plan->cases[c].own;
      double need = 1;
      for (size_t i = 0; i < plan->n_statements; i++)
        {
          const struct qk_statement *s = &plan->statements[i];
          if (s->sources && s->source[0] == c)
            need = fmax (need, rows_needed (plan, s, u));
        }
      if (plan->cases[c].kind == &tiles_kind)
        qk_weights_size (plan, c, need, rows_pooled (u), ROW_COST);
      else
        qk_weights_size_own (plan, c, need, ROW_COST);
    }
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* Where a row's value lies; beyond it, room for the rounding of a mean.  */
static struct qk_band
support (int column, const struct setup *u)
{
  const double room = 1e-12;
  double n = u->draws.w.rows.n;
  switch (column)
    {
    case ENTROPY:
      return (struct qk_band){ 0, log (n) * (1 + room) };
    case TRACE:
      return (struct qk_band){ 0, (1 - 1 / n) * (1 + room) };
    default:
      return (struct qk_band){ (1 - room) / n, 1 + room };
    }
}

static void
enclose_softmax (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                 const struct qk_table *tables, double miss)
{
  static const int column[] = { [Q_PARTICIPATION] = PARTICIPATION,
                                [Q_MAX_WEIGHT] = MAX_WEIGHT,
                                [Q_ENTROPY_SHARE] = ENTROPY,
                                [Q_SATURATED] = ABOVE_90,
                                [Q_SATURATED_99] = ABOVE_99,
                                [Q_ENTROPY] = ENTROPY,
                                [Q_TRACE] = TRACE };
  if (s->method == QK_BY_EXACT)
    {
      *e = qk_enclosure_known (s->exact, 0);
      return;
    }
  size_t c = s->source[0];
  const struct setup *u = plan->cases[c].own;
  const struct qk_table *t = &tables[c];
  int at = column[s->quantity];
  if (is_share ((enum quantity)s->quantity))
    {
      double count = 0;
      for (size_t i = 0; i < t->rows; i++)
        count += t->data[i * t->columns + (size_t)at];
      qk_enclose_proportion (e, count, (double)t->rows * plan->cases[c].units, miss);
      return;
    }
  qk_enclose_mean (e, t->data + at, t->rows, t->columns, miss, support (at, u));
  if (s->quantity == Q_ENTROPY_SHARE)
    {
      double most = length_log (u);
      *e = (struct qk_enclosure){ e->estimate / most, e->std_error / most, e->lo / most,
                                  e->hi / most };
    }
}

/* ---- In words -------------------------------------------------------------------------------- */

static void
describe_softmax (char *text, size_t size, const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  int used = 0;
  if (p->sigma.n)
    used = snprintf (text, size, "independent normal scores");
  else
    {
      qk_scored_describe (text, size, plan);
      used = (int)strlen (text);
    }
  if (p->causal && (size_t)used < size)
    snprintf (text + used, size - (size_t)used, ", causal: averages over rows of 1 to n keys");
}

static bool
explain_softmax (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                 const struct qk_enclosure *e, enum qk_verdict verdict)
{
  (void)e;
  if (verdict != QK_FAILS)
    return false;
  const struct setup *u = plan->cases[s->source[0]].own;
  double times = u->draws.w.law.q.sd * u->draws.w.law.k.sd;
  if (times != 1)
    snprintf (text, size,
              "Standard deviations other than 1 make the scores %g times as large: %s is %.4g in "
              "place of %.4g.",
              times, quantities[s->quantity].symbol, s->exact,
              value_of ((enum quantity)s->quantity, u, &u->claimed));
  else
    snprintf (text, size,
              "No assumption is broken by these options: the generator or this program is wrong; "
              "try another --seed, then --rng=mt19937.");
  return true;
}

static double
mean_participation (const struct qk_weights *w)
{
  struct qk_softmax_moments m;
  qk_weights_exact (&m, w);
  return m.participation;
}

/* Where unscaled scores freeze, and what scaled ones tend to; or what length does.  */
static void
summarise_softmax (char *text, size_t size, const struct qk_plan *plan,
                   const struct qk_table *tables)
{
  (void)tables;
  const struct qk_params *p = plan->params;
  double n = p->keys.value[p->keys.n - 1];
  struct qk_weights w;
  struct qk_softmax_moments one;
  *text = '\0';
  qk_softmax_moments (&one, &(struct qk_softmax_rows){ n, p->causal }, 1);
  if (p->causal || !qk_law_equal (&p->q_dist, &p->k_dist) || !qk_law_standard (&p->q_dist)
      || p->q_dist.type != &qk_law_types[QK_NORMAL])
    return;
  if (p->sigma.n)
    {
      for (size_t i = 0; i < p->sigma.n; i++)
        if (p->sigma.value[i] == 1)
          snprintf (text, size,
                    "At σ = 1 the softmax flattens as n grows: n E Σp² = %.4g at n = %.0f tends to "
                    "e = 2.718.",
                    n * one.participation, n);
      return;
    }
  bool none = false, root = false;
  for (size_t i = 0; i < p->scale.n; i++)
    {
      none |= p->scale.value[i] == QK_SCALE_NONE;
      root |= p->scale.value[i] == QK_SCALE_SQRT;
    }
  qk_weights_at (&w, p, 0);
  w.rows.n = n;
  w.c = 1;
  w.law.d = ceil (2 * log (n));
  int used = 0;
  if (none)
    used = snprintf (text, size,
                     "Unscaled, √d_k passes √(2 ln n) = %.3g (n = %.0f), where many keys would "
                     "freeze, at d_k = %.3g: a trend and no step, E Σp² is %.3g there and tends to "
                     "1.%s",
                     qk_softmax_freezing (n), n, 2 * log (n), mean_participation (&w),
                     root ? " " : "");
  if (root && (size_t)used < size)
    snprintf (text + used, size - (size_t)used, "Scaled, E Σp² tends to %.4g as d_k grows.",
              one.participation);
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_option options[] = {
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .standard = "4..256*4",
    .lo = 1,
    .hi = 1048576,
    .help = "Head dimensions." },
  QK_OPTION_KEYS ("64"),
  QK_OPTION_SCALE,
  QK_OPTION_SIGMA,
  { .name = "causal",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, causal),
    .help = "Row i has i keys: averages over the rows 1 to n." },
  QK_OPTION_EXACT,
  { 0 },
};

static const struct qk_example examples[] = {
  { "--dk=4..64*4 --quantity=participation", "participation", QK_HOLDS,
    "Unscaled, the weights concentrate as d_k grows; scaled, they do not." },
  { "--keys=64 --dk=64 --scale=none", "saturated", QK_HOLDS,
    "Unscaled, one key of 64 takes more than 0.9 of the weight for two queries in five." },
  { "--dk=64 --scale=sqrt --dist=normal:sd=2 --quantity=participation", "participation", QK_FAILS,
    "The scale 1/√d_k is for components of variance 1: at a standard deviation of 2 scores are "
    "four times as large." },
  { "--sigma=1 --keys=16,256,4096 --quantity=participation", "participation", QK_HOLDS,
    "At one deviation of the scores the softmax flattens as there are more keys." },
  { "--dk=16 --keys=64 --causal --tolerance=0.02", "entropy_share", QK_HOLDS,
    "Causal: row i has i keys, and the first ones are sharp whatever the scale." },
  { "--exact --dk=64", "jacobian_square", QK_DESCRIBED, "Exact values alone; nothing is sampled." },
  { 0 },
};

static const char *const description[] = {
  "Samples queries and keys with independent components, and checks how the softmax p of the "
  "scores c q·k of a query with n keys concentrates: the sum of squared weights, the largest "
  "weight, the entropy, and how often one key takes nearly all. The scale c is that of --scale. "
  "Every value is compared with the exact one for this d_k and this n; no limit is taken.",
  "For normal keys the scores of one query are independent normal values of deviation c‖q‖, and "
  "the exact value is a mixture over ‖q‖; for queries of signs ‖q‖ is fixed. For other laws "
  "none is known, and findings are described. The band lies around the exact value for "
  "components of mean 0 and variance 1, which the claims speak of.",
  "Means come from tiles in which queries share keys, as in attention: cheap, and not "
  "independent, so that a block of many tiles is the unit. Probabilities come from independent "
  "queries, each with keys of its own, by the intervals of Clopper and Pearson.",
  "Unscaled, the deviation of the scores is √d_k. For infinitely many keys the softmax would "
  "freeze where it passes √(2 ln n); with a real number of keys this is a trend and no step, so "
  "the text only says where it is. At large deviations σ, E Σp² is near 1 − a_n/σ "
  "(gap_density).",
  NULL,
};

const struct qk_experiment qk_experiment_softmax = {
  .name = "softmax",
  .question = "how saturated is the softmax, scaled and unscaled?",
  .asked = "Is the softmax as saturated as its exact theory says?",
  .description = description,
  .unit = "queries",
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &tiles_kind, &queries_kind, NULL },
  .examples = examples,
  .plan = plan_softmax,
  .size = size_softmax,
  .enclose = enclose_softmax,
  .explain = explain_softmax,
  .describe = describe_softmax,
  .summarise = summarise_softmax,
};
