/* scored.c -- cases of scores: what the commands that sample q . k share.  */

#include "scored.h"
#include "enclose.h"
#include "exact.h"
#include "reference.h"
#include "replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a case may cost unless --max-samples says otherwise: a few minutes.  */
static const double MAX_COST = 0x1p39;

/* ---- Power sums ------------------------------------------------------------------------------ */

/* The variance within the rows of a tile of b keys, mean over rows.  */
static double
row_variance (const struct qk_score_sums *sums, double b)
{
  return (sums->s2 - sums->rows / b) / (b * (b - 1));
}

static int
moments_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct qk_scored *u = c->own;
  bool tile = u->scores.shape == QK_TILE;
  struct qk_score_sums total = { 0 }, sums;
  double b = (double)u->scores.keys, within = 0;
  qk_source_open (&work->source, work->seed, c->cell, index);
  for (uint64_t t = 0; t < u->tiles; t++)
    {
      const double *s = qk_scores_draw (&u->scores, t, work->kernels, &work->source, work->scratch);
      if (tile)
        {
          work->kernels->tile_sums (&sums, s, u->scores.keys, u->shift);
          within += row_variance (&sums, b);
        }
      else
        work->kernels->pair_sums (&sums, s, u->scores.keys, u->shift);
      total.s1 += sums.s1;
      total.s2 += sums.s2;
      total.s3 += sums.s3;
      total.s4 += sums.s4;
      total.abs += sums.abs;
    }
  double n = c->units;
  row[QK_MEAN_1] = total.s1 / n;
  row[QK_MEAN_2] = total.s2 / n;
  row[QK_MEAN_3] = total.s3 / n;
  row[QK_MEAN_4] = total.s4 / n;
  row[QK_MEAN_ABS] = total.abs / n;
  if (tile)
    row[QK_ROW_VARIANCE] = within / (double)u->tiles;
  return isnan (row[QK_MEAN_4]) ? -1 : 0;
}

/* ---- Their replay ---------------------------------------------------------------------------- */

enum
{
  POWERS = QK_ROW_VARIANCE + 1
};

/* Of all tiles of a block so far: what the kernels made of each, summed exactly, by column; and the
   sums of the absolute values of their terms.  */
struct power_sums
{
  struct qk_exact sum[POWERS];
  double scale[POWERS];
};

static void *
begin_powers (const struct qk_case *c)
{
  (void)c;
  return calloc (1, sizeof (struct power_sums));
}

/* The sums of one tile (or of pairs: one row) from its scores.  */
static void
powers_ref (struct qk_score_sums *sums, const struct qk_scored *u, const double *s)
{
  bool tile = u->scores.shape == QK_TILE;
  size_t rows = tile ? u->scores.queries : 1, keys = u->scores.keys;
  struct qk_exact sum[6];
  memset (sum, 0, sizeof sum);
  for (size_t i = 0; i < rows; i++)
    {
      double row[5];
      qk_power_sums_ref (row, s + (i / QK_LANES * keys * QK_LANES + i % QK_LANES) * tile, keys,
                         tile ? QK_LANES : 1, u->shift);
      for (int r = 0; r < 5; r++)
        qk_exact_add (&sum[r], row[r], 1);
      qk_exact_add (&sum[5], row[0], row[0]);
    }
  double value[6];
  for (int r = 0; r < 6; r++)
    value[r] = qk_exact_value (&sum[r]);
  *sums = (struct qk_score_sums){ value[0], value[1], value[2], value[3], value[4], value[5] };
}

static void
add_powers (void *sums, struct qk_replay *r, const struct qk_case *c, uint64_t t, const double *s,
            const double *row, struct qk_work *work)
{
  (void)row;
  (void)t;
  const struct qk_scored *u = c->own;
  struct power_sums *all = sums;
  struct qk_score_sums found, exact;
  bool tile = u->scores.shape == QK_TILE;
  size_t n = u->scores.queries * (tile ? u->scores.keys : 1);
  double b = (double)u->scores.keys, scale[POWERS] = { 0 };
  if (tile)
    work->kernels->tile_sums (&found, s, u->scores.keys, u->shift);
  else
    work->kernels->pair_sums (&found, s, n, u->shift);
  for (size_t i = 0; i < n; i++)
    {
      double x = fabs (s[i] - u->shift);
      scale[QK_MEAN_1] += x;
      scale[QK_MEAN_2] += x * x;
      scale[QK_MEAN_3] += x * x * x;
      scale[QK_MEAN_4] += x * x * x * x;
      scale[QK_MEAN_ABS] += fabs (s[i]);
    }
  /* The square of a row's sum is at most b times its sum of squares.  */
  scale[QK_ROW_VARIANCE] = 2 * scale[QK_MEAN_2] / (b * (b - 1));
  const double value[POWERS]
      = { found.s1, found.s2, found.s3, found.s4, found.abs, row_variance (&found, b) };
  for (int i = 0; i < POWERS; i++)
    {
      qk_exact_add (&all->sum[i], value[i], 1);
      all->scale[i] += scale[i];
    }
  if (!qk_replay_affords (r, (double)n))
    return;
  powers_ref (&exact, u, s);
  const double reference[POWERS]
      = { exact.s1, exact.s2, exact.s3, exact.s4, exact.abs, row_variance (&exact, b) };
  for (int i = 0; i < (tile ? POWERS : QK_ROW_VARIANCE); i++)
    qk_replay_compare (r, value[i], reference[i], scale[i]);
}

static void
end_powers (void *sums, struct qk_replay *r, const struct qk_case *c, const double *row)
{
  const struct qk_scored *u = c->own;
  struct power_sums *all = sums;
  for (int i = 0; i < POWERS; i++)
    {
      double n = i == QK_ROW_VARIANCE ? (double)u->tiles : c->units;
      if (i != QK_ROW_VARIANCE || u->scores.shape == QK_TILE)
        qk_replay_compare (r, row[i], qk_exact_value (&all->sum[i]) / n, all->scale[i] / n);
    }
  free (all);
}

/* Chains of additions: along the columns of a panel, over panels, lanes and tiles; 6 roundings of
   a fourth power.  The variance within rows is a difference of two sums, of which the second, a sum
   of squares of sums, has twice the relative error; its scale is twice the sum of squares.  */
static double
powers_bound (const struct qk_case *c)
{
  const struct qk_scored *u = c->own;
  double b = (double)u->scores.keys, chain = u->scores.shape == QK_TILE ? 2 * b : b / QK_LANES;
  return qk_gamma (chain + (double)u->tiles + 16);
}

const struct qk_scores *
qk_scored_draws (uint64_t *draws, const struct qk_case *c)
{
  const struct qk_scored *u = c->own;
  *draws = u->tiles;
  return &u->scores;
}

const struct qk_key *
qk_scored_key (struct qk_plan *plan, const struct qk_case *c)
{
  const struct qk_scored *u = c->own;
  return qk_scored_keys (
      plan, (const struct qk_key[]){ { .name = "d_k", .number = u->scores.law.d }, { 0 } });
}

static const struct qk_twin powers_twin = { .draws = qk_scored_draws,
                                            .key = qk_scored_key,
                                            .bound = powers_bound,
                                            .begin = begin_powers,
                                            .add = add_powers,
                                            .end = end_powers };

/* ---- Kinds ----------------------------------------------------------------------------------- */

#define MOMENT_COLUMNS                                                                             \
  { "mean_1", 1 }, { "mean_2", 1 }, { "mean_3", 1 }, { "mean_4", 1 }, { "mean_abs", 1 }

static const struct qk_column tiles_columns[] = { MOMENT_COLUMNS, { "row_variance", 1 }, { 0 } };
static const struct qk_column pairs_columns[] = { MOMENT_COLUMNS, { 0 } };

const struct qk_kind qk_tiles_kind = { .name = "tiles",
                                       .unit = "block",
                                       .columns = tiles_columns,
                                       .block = moments_block,
                                       .twin = &powers_twin };
const struct qk_kind qk_pairs_kind = { .name = "pairs",
                                       .unit = "block",
                                       .columns = pairs_columns,
                                       .block = moments_block,
                                       .twin = &powers_twin };

/* ---- Plan ------------------------------------------------------------------------------------ */

struct qk_span
qk_span_of (const struct qk_list *x)
{
  struct qk_span span = { INFINITY, 0, 0 };
  double n = (double)x->n, centre = 0;
  for (size_t i = 0; i < x->n; i++)
    {
      span.lo = fmin (span.lo, x->value[i]);
      span.hi = fmax (span.hi, x->value[i]);
      centre += log (x->value[i]) / n;
    }
  for (size_t i = 0; i < x->n; i++)
    span.spread += pow (log (x->value[i]) - centre, 2);
  return span;
}

double
qk_scored_square_variance (const void *score, double side)
{
  double v = qk_score_variance (score);
  return qk_tile_square_variance (score, side, side) / (v * v);
}

static double
square_kurtosis (const void *score, double side)
{
  return qk_tile_square_kurtosis (score, side, side);
}

bool
qk_scored_varies (const struct qk_score *s)
{
  return qk_scored_square_variance (s, 1) > 1e-12;
}

size_t
qk_scored_add (struct qk_plan *plan, const struct qk_kind *kind, enum qk_score_shape shape,
               double d, struct qk_scored *u)
{
  const struct qk_params *p = plan->params;
  u->scores.law = (struct qk_score){ d, p->q_dist, p->k_dist, p->correlation };
  u->scores.shape = shape;
  u->shift = qk_score_mean (&u->scores.law);
  u->tile = (struct qk_tile){
    .d = d,
    .m4 = (qk_law_moment (&p->q_dist, 4) + qk_law_moment (&p->k_dist, 4)) / 2,
    .pairs = shape != QK_TILE,
    .variance = qk_scored_square_variance,
    .kurtosis = square_kurtosis,
    .of = &u->scores.law,
  };
  char q[QK_WHY], k[QK_WHY];
  qk_law_format (q, sizeof q, &p->q_dist);
  qk_law_format (k, sizeof k, &p->k_dist);
  const char *label = qk_plan_print (plan, "%s d_k=%.0f", kind->name, d);
  const char *identity
      = qk_plan_print (plan, "%s %s d_k=%.0f q=%s k=%s rho=%.17g", plan->experiment->name,
                       kind->name, d, q, k, p->correlation);
  return qk_plan_case (plan, kind, label, identity, u);
}

const struct qk_key *
qk_scored_keys (struct qk_plan *plan, const struct qk_key *first)
{
  const struct qk_params *p = plan->params;
  struct qk_key *keys = qk_plan_keys (plan);
  char text[QK_WHY];
  const struct
  {
    const char *name;
    const struct qk_law *law;
  } laws[] = { { "q_dist", &p->q_dist }, { "k_dist", &p->k_dist } };
  for (; first->name; first++)
    qk_key_add (keys, *first);
  for (int i = 0; i < 2; i++)
    {
      qk_law_format (text, sizeof text, laws[i].law);
      if (strcmp (text, "normal"))
        qk_key_add (keys, (struct qk_key){ .name = laws[i].name,
                                           .text = qk_plan_print (plan, "%s", text) });
    }
  if (p->correlation != 0)
    qk_key_add (keys, (struct qk_key){ .name = "correlation", .number = p->correlation });
  return keys;
}

void
qk_scored_describe (char *text, size_t size, const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  char q[QK_WHY], k[QK_WHY];
  qk_law_format (q, sizeof q, &p->q_dist);
  qk_law_format (k, sizeof k, &p->k_dist);
  int used = qk_law_equal (&p->q_dist, &p->k_dist)
                 ? snprintf (text, size, "%s components", q)
                 : snprintf (text, size, "q %s, k %s components", q, k);
  if (p->correlation != 0 && (size_t)used < size)
    snprintf (text + used, size - (size_t)used, ", correlation %g", p->correlation);
}

/* ---- Size ------------------------------------------------------------------------------------ */

double
qk_scored_honest (const struct qk_scored *u)
{
  const struct qk_score *s = &u->scores.law;
  int order = s->rho == 0 ? 6 : 12; /* a correlated score has squares of components */
  return qk_tiling_honest (fmax (qk_law_moment (&s->q, order), qk_law_moment (&s->k, order)));
}

struct demand
{
  const struct qk_plan *plan;
  size_t c;
  double (*need) (const struct qk_plan *, const struct qk_statement *, size_t, double);
};

/* Tiles of that side (pairs: 1) that the statements on a case need.  */
static double
tiles_needed (const void *of, double side)
{
  const struct demand *demand = of;
  const struct qk_plan *plan = demand->plan;
  double most = 1;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (s->judged && qk_statement_uses (s, demand->c))
        most = fmax (most, demand->need (plan, s, demand->c, side));
    }
  return most;
}

/* Say of the statements on case c that their sample is too small.  */
static void
say_thin (struct qk_plan *plan, size_t c, const char *name)
{
  const struct qk_scored *u = plan->cases[c].own;
  qk_plan_mark_thin (plan, c);
  double enough = qk_tiling_enough (&u->tile, qk_scored_honest (u));
  if (isinf (enough))
    qk_plan_warn (plan,
                  "%s: squared scores have no variance, no number of samples gives an honest "
                  "interval: described, not judged",
                  name);
  else
    qk_plan_warn_thin (plan, name, enough);
}

/* Multiply-adds a block, or their equivalent in time.  */
static double
cost_of (const struct qk_scored *u, const struct qk_tiling *a, double score)
{
  double d = u->scores.law.d, keys = u->scores.shape == QK_SELF ? a->tiles * a->side * d : 0;
  return qk_tiling_cost (a, d, score) - QK_DRAW_COST * keys;
}

void
qk_scored_set (struct qk_case *c, struct qk_tiling a, double score)
{
  struct qk_scored *u = c->own;
  u->scores.queries = u->scores.keys = (size_t)a.side;
  u->tiles = (uint64_t)a.tiles;
  c->blocks = (uint64_t)a.blocks;
  c->units = a.tiles * a.scores;
  c->cost = cost_of (u, &a, score);
  c->scratch = qk_scores_bytes (&u->scores);
}

void
qk_scored_size (struct qk_plan *plan, size_t c,
                double (*need) (const struct qk_plan *plan, const struct qk_statement *s, size_t c,
                                double side),
                double least)
{
  const struct qk_params *p = plan->params;
  const struct qk_scored *u = plan->cases[c].own;
  struct qk_tiling a;
  char name[QK_WHY];
  snprintf (name, sizeof name, "d_k = %.0f", u->scores.law.d);
  if (p->samples > 0)
    a = qk_tiling_samples (&u->tile, p->samples);
  else
    a = qk_tiling_planned (&u->tile, tiles_needed, &(struct demand){ plan, c, need }, least);
  double most = p->max_samples;
  if (!(most > 0 || p->samples > 0)) /* the command's own limit */
    most = fmax (MAX_COST * a.tiles * a.scores / cost_of (u, &a, QK_SCORE_COST),
                 QK_MIN_BLOCKS * QK_MIN_POOL);
  double planned = a.blocks * a.tiles * a.scores;
  if (most > 0 && !(planned <= most))
    {
      a = qk_tiling_samples (&u->tile, most);
      if (isfinite (planned)) /* else what follows says more */
        qk_plan_warn_cut (plan, name, planned, most);
    }
  qk_scored_set (&plan->cases[c], a, QK_SCORE_COST);
  if (a.blocks < qk_scored_honest (u))
    say_thin (plan, c, name);
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* Where a column's values lie for components of bounded laws.  */
static struct qk_band
support (const struct qk_scored *u, enum qk_power column)
{
  const struct qk_law *q = &u->scores.law.q, *k = &u->scores.law.k;
  double rho = u->scores.law.rho, most_k = qk_law_bound (k);
  if (rho != 0)
    most_k = fabs (k->mean)
             + k->sd
                   * (fabs (rho) * q->type->bound (q->shape)
                      + sqrt (1 - rho * rho) * k->type->bound (k->shape));
  double most = u->scores.law.d * qk_law_bound (q) * most_k;
  double spread = most + fabs (u->shift);
  switch (column)
    {
    case QK_MEAN_1:
      return (struct qk_band){ -spread, spread };
    case QK_MEAN_ABS:
      return (struct qk_band){ 0, most };
    default: /* the variance within a row of at least two keys is at most twice the square */
      return (struct qk_band){ 0, (column == QK_ROW_VARIANCE ? 2 : 1) * spread * spread };
    }
}

void
qk_scored_enclose (struct qk_enclosure *e, const struct qk_scored *u, const struct qk_table *t,
                   enum qk_power column, double miss)
{
  qk_enclose_mean (e, t->data + column, t->rows, t->columns, miss, support (u, column));
}

/* That of |y + shift|.  Where the sign is not certain its logarithm has no honest interval: no
   standard error.  */
static struct qk_enclosure
magnitude (struct qk_enclosure y, double shift)
{
  double lo = y.lo + shift, hi = y.hi + shift, size = fabs (y.estimate + shift);
  if (lo > 0)
    return (struct qk_enclosure){ size, y.std_error, lo, hi };
  return (struct qk_enclosure){ size, hi < 0 ? y.std_error : NAN, -hi, -lo };
}

void
qk_scored_enclose_slope (struct qk_enclosure *e, const struct qk_plan *plan,
                         const struct qk_statement *s, const struct qk_table *tables,
                         enum qk_power column, double miss)
{
  size_t m = s->sources;
  double x[m], df[m];
  struct qk_enclosure y[m];
  for (size_t i = 0; i < m; i++)
    {
      const struct qk_table *t = &tables[s->source[i]];
      const struct qk_scored *u = plan->cases[s->source[i]].own;
      x[i] = u->scores.law.d;
      df[i] = (double)t->rows - 1;
      qk_scored_enclose (&y[i], u, t, column, miss / (2 * (double)m));
      if (column == QK_MEAN_1)
        y[i] = magnitude (y[i], u->shift);
    }
  qk_enclose_slope (e, x, y, df, m, miss);
}

const char qk_scored_unbroken[]
    = "No assumption is broken by these options: the generator or this program is wrong; "
      "try another --seed, then --rng=mt19937.";
