/* scale.c -- is 1/√d_k the normalisation, and the only exponent?

   Two kinds of case: scores (tiles of Q K^T; pairs where q and k are correlated), and squared norms
   of queries.  A scale c = d_k^-alpha only multiplies: one sample of scores serves every alpha.  */

#include "../enclose.h"
#include "../exact.h"
#include "../reference.h"
#include "../replay.h"
#include "../scored.h"
#include "../theory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* E (c q·k) is judged within ± T where that takes at most so many times the samples that it takes
   at alpha = 1/2.  */
static const double DEAR = 4;

/* ---- Blocks ---------------------------------------------------------------------------------- */

enum
{
  SQUARE, /* ‖q‖² */
  NORM,   /* ‖q‖ less the shift: its mean, or where none is known √E‖q‖² */
  SPREAD, /* the square of that */
  NORM_COLUMNS
};

static int
norms_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct qk_scored *u = c->own;
  double sum[NORM_COLUMNS] = { 0 };
  qk_source_open (&work->source, work->seed, c->cell, index);
  for (uint64_t t = 0; t < u->tiles; t++)
    {
      const double *square
          = qk_scores_draw (&u->scores, t, work->kernels, &work->source, work->scratch);
      for (size_t i = 0; i < u->scores.queries; i++)
        {
          double x = sqrt (square[i]) - u->shift;
          sum[SQUARE] += square[i];
          sum[NORM] += x;
          sum[SPREAD] += x * x;
        }
    }
  for (int i = 0; i < NORM_COLUMNS; i++)
    row[i] = sum[i] / c->units;
  return isnan (row[SPREAD]) ? -1 : 0;
}

static const struct qk_column norms_columns[]
    = { { "norm_square", 1 }, { "norm_shifted", 1 }, { "norm_spread", 1 }, { 0 } };

/* Their replay.  */

struct norm_sums
{
  struct qk_exact sum[NORM_COLUMNS];
  double scale;
};

static void *
begin_norms (const struct qk_case *c)
{
  (void)c;
  return calloc (1, sizeof (struct norm_sums));
}

static void
add_norms_again (void *sums, struct qk_replay *r, const struct qk_case *c, uint64_t t,
                 const double *square, const double *row, struct qk_work *work)
{
  (void)row;
  (void)t;
  (void)work;
  const struct qk_scored *u = c->own;
  struct norm_sums *all = sums;
  for (size_t i = 0; i < u->scores.queries; i++)
    {
      double norm = sqrt (square[i]), x = norm - u->shift;
      qk_exact_add (&all->sum[SQUARE], square[i], 1);
      qk_exact_add (&all->sum[NORM], x, 1);
      qk_exact_add (&all->sum[SPREAD], x, x);
      all->scale += fabs (x);
      if (qk_replay_affords (r, QK_REPLAY_EXP))
        qk_replay_compare (r, x, qk_root_less_ref (square[i], u->shift), norm + u->shift);
    }
}

static void
end_norms (void *sums, struct qk_replay *r, const struct qk_case *c, const double *row)
{
  struct norm_sums *all = sums;
  double value[NORM_COLUMNS];
  for (int i = 0; i < NORM_COLUMNS; i++)
    value[i] = qk_exact_value (&all->sum[i]) / c->units;
  qk_replay_compare (r, row[SQUARE], value[SQUARE], value[SQUARE]);
  qk_replay_compare (r, row[NORM], value[NORM], all->scale / c->units);
  qk_replay_compare (r, row[SPREAD], value[SPREAD], value[SPREAD]);
  free (all);
}

/* One chain of additions over the block; the rounding of a square, and of the mean.  A norm less
   the shift has two roundings, each of at most the sum of both.  */
static double
norms_bound (const struct qk_case *c)
{
  return qk_gamma (c->units + 4);
}

static const struct qk_twin norms_twin = { .draws = qk_scored_draws,
                                           .key = qk_scored_key,
                                           .bound = norms_bound,
                                           .begin = begin_norms,
                                           .add = add_norms_again,
                                           .end = end_norms };

static const struct qk_kind norms_kind = { .name = "norms",
                                           .unit = "block",
                                           .columns = norms_columns,
                                           .block = norms_block,
                                           .twin = &norms_twin };

/* ---- Quantities ------------------------------------------------------------------------------ */

enum quantity
{
  SCALED_MEAN,
  SCALED_VARIANCE,
  QUERY_NORM_SQUARE,
  QUERY_NORM_MEAN,
  QUERY_NORM_VARIANCE,
  SCALED_MEAN_SLOPE,
  SCALED_VARIANCE_SLOPE,
  SCALE_EXPONENT
};

static const struct qk_quantity quantities[] = {
  { "scaled_mean", "E(c q·k)", "score", QK_COLUMN, "ρ d_k^(1−α) ± T",
    "Mean of the scaled scores, c = d_k^(−α); α = 1/2 where the case names none, with "
    "--correlation every other α too. Judged where d_k^(1−2α) ≤ 4, else described: ± T would take "
    "so many times the samples." },
  { "scaled_variance", "Var(q·k/√d_k)", "score^2", QK_LEAD, "(1+T)^±1",
    "Variance of the scores over √d_k, about their exact mean. Exact: σ_q²σ_k² + σ_q²μ_k² + "
    "σ_k²μ_q², with the term of the correlation where there is one." },
  { "query_norm_square", "E‖q‖²", "norm^2", QK_COLUMN, "d_k (1+T)^±1",
    "Mean square of the norm of a query. Exact: d_k (σ_q² + μ_q²)." },
  { "query_norm_mean", "E‖q‖", "norm", QK_COLUMN, "exact (1+T)^±1",
    "Mean norm of a query. Judged where its exact value is known: centred normal "
    "(√2 Γ((d_k+1)/2)/Γ(d_k/2)) or Rademacher components (√d_k); else described." },
  { "query_norm_variance", "Var‖q‖", "norm^2", QK_COLUMN, "exact (1+T)^±1",
    "Variance of the norm of a query: it does not grow with d_k, so ‖q‖ concentrates at √d_k. "
    "Judged for centred normal components: d_k − (E‖q‖)², which tends to 1/2; described for "
    "others, where it tends to (κ+2)/4. Left out where the squares do not vary." },
  { "scaled_mean_slope", "slope of log |E(c q·k)|", "1", QK_LINE,
    "1 − α ± 2 ln(1+T)/ln(d_max/d_min)",
    "Growth of the scaled mean with d_k, for every α, where there is a mean: with --correlation. "
    "Needs two head dimensions." },
  { "scaled_variance_slope", "slope of log Var(c q·k)", "1", QK_LINE,
    "1 − 2α ± 2 ln(1+T)/ln(d_max/d_min)",
    "Growth of the scaled variance with d_k, for every α: the slope of log Var(q·k), less 2α. "
    "Needs two head dimensions." },
  { "scale_exponent", "α of flat Var(c q·k)", "1", QK_LINE, "1/2 ± T",
    "The α at which the variance of the scaled scores does not depend on d_k: half the slope of "
    "log Var(q·k). Needs two head dimensions." },
  QK_SUM_DIGITS,
  { 0 }
};

static const char *
claim_of (enum quantity quantity)
{
  static const char *const claims[] = {
    [SCALED_MEAN] = "exponent-after-training",  [SCALED_VARIANCE] = "scaled-variance",
    [QUERY_NORM_SQUARE] = "norm-effect",        [QUERY_NORM_MEAN] = "norm-effect",
    [QUERY_NORM_VARIANCE] = "norm-effect",      [SCALED_MEAN_SLOPE] = "exponent-after-training",
    [SCALED_VARIANCE_SLOPE] = "scale-exponent", [SCALE_EXPONENT] = "scale-exponent"
  };
  return claims[quantity];
}

static double
scale_of (double d, double alpha)
{
  return alpha == 0.5 ? 1 / sqrt (d) : pow (d, -alpha);
}

/* The alpha that a statement speaks of: its part is the place in the list, or beyond it.  */
static double
alpha_of (const struct qk_plan *plan, const struct qk_statement *s)
{
  const struct qk_list *alpha = &plan->params->alpha;
  return s->part < alpha->n ? alpha->value[s->part] : 0.5;
}

/* The true value under the options given.  */
static double
exact_of (enum quantity quantity, const struct qk_score *s, double alpha)
{
  double c = scale_of (s->d, alpha);
  switch (quantity)
    {
    case SCALED_MEAN:
      return c * qk_score_mean (s);
    case SCALED_VARIANCE:
      return qk_score_variance (s) / s->d;
    case QUERY_NORM_SQUARE:
      return s->d * qk_law_raw_moment (&s->q, 2);
    case QUERY_NORM_MEAN:
      return qk_norm_mean (&s->q, s->d);
    case QUERY_NORM_VARIANCE:
      return qk_norm_variance (&s->q, s->d);
    case SCALED_MEAN_SLOPE:
      return 1 - alpha;
    case SCALED_VARIANCE_SLOPE:
      return 1 - 2 * alpha;
    default:
      return 0.5;
    }
}

static struct qk_band
band_of (enum quantity quantity, const struct qk_score *s, double alpha, const struct qk_params *p)
{
  double exact = exact_of (quantity, s, alpha), t = p->tolerance;
  struct qk_span span = qk_span_of (&p->dk);
  switch (quantity)
    {
    case SCALED_MEAN:
      return qk_band_absolute (s->rho * s->d * scale_of (s->d, alpha), t);
    case SCALED_VARIANCE:
      return qk_band_ratio (1, t);
    case QUERY_NORM_SQUARE:
      return qk_band_ratio (s->d, t);
    case SCALED_MEAN_SLOPE:
    case SCALED_VARIANCE_SLOPE:
      return qk_band_slope (exact, t, span.lo, span.hi);
    case SCALE_EXPONENT:
      return qk_band_absolute (exact, t);
    default:
      return qk_band_ratio (exact, t);
    }
}

/* ---- Plan: cases and statements -------------------------------------------------------------- */

/* Over one query, the excess kurtosis of the squared norm.  */
static double
norm_kurtosis (const void *score, double side)
{
  const struct qk_score *s = score;
  (void)side;
  return qk_norm_square_kurtosis (&s->q, s->d);
}

/* The relative variance of the squared norm over one query, and, where it varies, that of its
   squared deviation, as of that of the norm: what blocks of norms pool against.  */
static double
norm_variance (const void *score, double side)
{
  const struct qk_score *s = score;
  double square = qk_norm_square_spread (&s->q, s->d), kurtosis = norm_kurtosis (score, side);
  return square > 1e-12 && isfinite (kurtosis) ? fmax (square, kurtosis + 2) : square;
}

static size_t
add_scores (struct qk_plan *plan, double d)
{
  bool pairs = plan->params->correlation != 0;
  struct qk_scored *u = qk_plan_alloc (plan, sizeof *u);
  return u ? qk_scored_add (plan, pairs ? &qk_pairs_kind : &qk_tiles_kind,
                            pairs ? QK_PAIRS : QK_TILE, d, u)
           : 0;
}

static size_t
add_norms (struct qk_plan *plan, double d)
{
  struct qk_scored *u = qk_plan_alloc (plan, sizeof *u);
  if (!u)
    return 0;
  size_t c = qk_scored_add (plan, &norms_kind, QK_SELF, d, u);
  const struct qk_law *q = &u->scores.law.q;
  u->shift = qk_norm_mean (q, d);
  if (isnan (u->shift))
    u->shift = sqrt (d * qk_law_raw_moment (q, 2));
  u->tile.variance = norm_variance;
  u->tile.kurtosis = norm_kurtosis;
  return c;
}

/* part: the place of alpha in its list; beyond it: the case names none.  */
static void
add_statement (struct qk_plan *plan, enum quantity quantity, const size_t *source, size_t sources,
               size_t part)
{
  const struct qk_params *p = plan->params;
  if (!qk_plan_wants (plan, quantities[quantity].name))
    return;
  const struct qk_score *score = &((struct qk_scored *)plan->cases[*source].own)->scores.law;
  struct qk_statement *s = qk_plan_statement (plan, quantities[quantity].name, source, sources);
  s->part = part;
  double alpha = alpha_of (plan, s), d = score->d;
  s->claim = claim_of (quantity);
  s->method = QK_BY_T;
  s->exact = exact_of (quantity, score, alpha);
  s->judged = !isnan (s->exact) && !(quantity == SCALED_MEAN && pow (d, 1 - 2 * alpha) > DEAR);
  s->band = band_of (quantity, score, alpha, p);
  struct qk_key a = { .name = part < p->alpha.n ? "alpha" : NULL, .number = alpha };
  if (sources == 1)
    s->key = qk_scored_keys (plan,
                             (const struct qk_key[]){ { .name = "d_k", .number = d }, a, { 0 } });
  else /* lines of a table are told apart by their first key */
    s->key = qk_scored_keys (
        plan, a.name ? (const struct qk_key[]){ a, { .name = "d_k", .list = &p->dk }, { 0 } }
                     : (const struct qk_key[]){ { .name = "d_k", .list = &p->dk }, { 0 } });
}

static int
plan_scale (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  const struct qk_params *p = plan->params;
  const struct qk_score any = { 1, p->q_dist, p->k_dist, p->correlation };
  size_t none = p->alpha.n, *source = qk_plan_alloc (plan, p->dk.n * sizeof *source);
  if (!source)
    return 0;

  for (size_t i = 0; i < p->dk.n && !plan->full; i++)
    {
      double d = p->dk.value[i];
      size_t scores = source[i] = add_scores (plan, d), norms = add_norms (plan, d);
      if (plan->full)
        break;
      add_statement (plan, SCALED_VARIANCE, &scores, 1, none);
      add_statement (plan, QUERY_NORM_SQUARE, &norms, 1, none);
      add_statement (plan, QUERY_NORM_MEAN, &norms, 1, none);
      if (qk_norm_square_spread (&p->q_dist, d) > 1e-12)
        add_statement (plan, QUERY_NORM_VARIANCE, &norms, 1, none);
      add_statement (plan, SCALED_MEAN, &scores, 1, none);
    }
  for (size_t i = 0; p->correlation != 0 && i < p->dk.n && !plan->full; i++)
    for (size_t j = 0; j < p->alpha.n; j++)
      if (p->alpha.value[j] != 0.5)
        add_statement (plan, SCALED_MEAN, &source[i], 1, j);
  if (p->dk.n > 1 && !plan->full)
    {
      for (size_t i = 0; i < p->alpha.n && qk_score_mean (&any) != 0; i++)
        add_statement (plan, SCALED_MEAN_SLOPE, source, p->dk.n, i);
      for (size_t i = 0; i < p->alpha.n && qk_score_variance (&any) > 0; i++)
        add_statement (plan, SCALED_VARIANCE_SLOPE, source, p->dk.n, i);
      if (qk_score_variance (&any) > 0)
        add_statement (plan, SCALE_EXPONENT, source, p->dk.n, none);
    }

  if (p->quantity.n)
    for (enum quantity q = SCALED_MEAN_SLOPE; q <= SCALE_EXPONENT; q++)
      if (p->dk.n == 1 && qk_plan_wants (plan, quantities[q].name))
        qk_plan_warn (plan, "%s is left out: it needs two values of --dk", quantities[q].name);
  if (p->quantity.n && p->dk.n > 1 && qk_score_mean (&any) == 0
      && qk_plan_wants (plan, quantities[SCALED_MEAN_SLOPE].name))
    qk_plan_warn (plan, "scaled_mean_slope is left out: without --correlation the mean is 0");
  return 0;
}

/* ---- Size: how much to sample ---------------------------------------------------------------- */

/* The sampling variance, of one tile of that side (pair or query: 1), of what a statement measures
   on a case, in units of its half band.  */
static double
tile_variance (enum quantity quantity, const struct qk_score *s, double alpha, double side)
{
  double mean = qk_score_mean (s), c = scale_of (s->d, alpha);
  switch (quantity)
    {
    case SCALED_MEAN:
      return c * c * qk_tile_mean_variance (s, side, side);
    case SCALED_MEAN_SLOPE:
      return qk_tile_mean_variance (s, side, side) / (mean * mean);
    case QUERY_NORM_SQUARE:
      return qk_norm_square_spread (&s->q, s->d);
    case QUERY_NORM_MEAN:
      return qk_norm_variance (&s->q, s->d) / pow (qk_norm_mean (&s->q, s->d), 2);
    case QUERY_NORM_VARIANCE:
      return qk_norm_variance_spread (&s->q, s->d);
    default:
      return qk_scored_square_variance (s, side);
    }
}

/* Half the band of a statement in terms of one of its cases: a slope, whose weights are w_i, sees
   the sum of w_i^2 = 1 / spread times the variance of each.  */
static double
half_band (enum quantity quantity, const struct qk_params *p)
{
  struct qk_span span = qk_span_of (&p->dk);
  double t = log1p (p->tolerance);
  switch (quantity)
    {
    case SCALED_MEAN:
      return p->tolerance;
    case SCALED_MEAN_SLOPE:
    case SCALED_VARIANCE_SLOPE:
      return 2 * t / log (span.hi / span.lo) * sqrt (span.spread);
    case SCALE_EXPONENT:
      return 2 * p->tolerance * sqrt (span.spread);
    default:
      return t;
    }
}

static double
tiles_needed (const struct qk_plan *plan, const struct qk_statement *s, size_t c, double side)
{
  const struct qk_scored *u = plan->cases[c].own;
  enum quantity q = (enum quantity)s->quantity;
  return qk_plan_units (tile_variance (q, &u->scores.law, alpha_of (plan, s), side),
                        half_band (q, plan->params), qk_round_miss (s->miss, 1));
}

/* Blocks that a case needs whatever its tiles: where squares have no spread their interval comes
   from their range.  */
static double
least_blocks (const struct qk_plan *plan, size_t c)
{
  const struct qk_scored *u = plan->cases[c].own;
  const struct qk_score *law = &u->scores.law;
  double t = plan->params->tolerance, least = qk_scored_honest (u);
  bool varies = plan->cases[c].kind == &norms_kind ? norm_variance (law, 1) > 1e-12
                                                   : qk_scored_varies (law);
  for (size_t i = 0; i < plan->n_statements && !varies; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (s->judged && s->sources == 1 && s->source[0] == c && s->quantity != SCALED_MEAN)
        least = fmax (least, qk_plan_degenerate (1, t / (1 + t), qk_round_miss (s->miss, 1)));
    }
  return least;
}

static int
size_scale (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    qk_scored_size (plan, c, tiles_needed, least_blocks (plan, c));
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* a e + b, a > 0.  */
static void
transform (struct qk_enclosure *e, double a, double b)
{
  e->estimate = a * e->estimate + b;
  e->std_error *= a;
  e->lo = a * e->lo + b;
  e->hi = a * e->hi + b;
}

/* The norms' columns; for components of bounded laws they have a range.  */
static void
enclose_norms (struct qk_enclosure *e, enum quantity quantity, const struct qk_scored *u,
               const struct qk_table *t, double miss)
{
  const struct qk_law *q = &u->scores.law.q;
  double d = u->scores.law.d, most = sqrt (d) * qk_law_bound (q), r = u->shift;
  double far = fmax (r, most - r), mean = qk_column_mean (t, NORM);
  if (quantity == QUERY_NORM_SQUARE)
    qk_enclose_mean (e, t->data + SQUARE, t->rows, t->columns, miss,
                     (struct qk_band){ 0, most * most });
  else if (quantity == QUERY_NORM_MEAN)
    {
      qk_enclose_mean (e, t->data + NORM, t->rows, t->columns, miss,
                       (struct qk_band){ -r, most - r });
      transform (e, 1, r);
    }
  else if (!isnan (qk_norm_mean (q, d))) /* about the known mean */
    qk_enclose_mean (e, t->data + SPREAD, t->rows, t->columns, miss,
                     (struct qk_band){ 0, far * far });
  else
    qk_enclose_smooth (e, qk_column_mean (t, SPREAD) - mean * mean, t->data, t->rows, t->columns,
                       (const size_t[]){ SPREAD, NORM }, (const double[]){ 1, -2 * mean }, 2, miss);
}

static void
enclose_scale (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  const struct qk_scored *u = plan->cases[s->source[0]].own;
  const struct qk_table *t = &tables[s->source[0]];
  double alpha = alpha_of (plan, s), d = u->scores.law.d, c = scale_of (d, alpha);
  switch ((enum quantity)s->quantity)
    {
    case SCALED_MEAN:
      qk_scored_enclose (e, u, t, QK_MEAN_1, miss);
      transform (e, c, c * u->shift);
      break;
    case SCALED_VARIANCE:
      qk_scored_enclose (e, u, t, QK_MEAN_2, miss);
      transform (e, 1 / d, 0);
      break;
    case SCALED_MEAN_SLOPE:
      qk_scored_enclose_slope (e, plan, s, tables, QK_MEAN_1, miss);
      transform (e, 1, -alpha);
      break;
    case SCALED_VARIANCE_SLOPE:
      qk_scored_enclose_slope (e, plan, s, tables, QK_MEAN_2, miss);
      transform (e, 1, -2 * alpha);
      break;
    case SCALE_EXPONENT:
      qk_scored_enclose_slope (e, plan, s, tables, QK_MEAN_2, miss);
      transform (e, 0.5, 0);
      break;
    default:
      enclose_norms (e, (enum quantity)s->quantity, u, t, miss);
    }
}

/* ---- In words -------------------------------------------------------------------------------- */

static bool
explain_scale (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_enclosure *e, enum qk_verdict verdict)
{
  (void)e;
  const struct qk_params *p = plan->params;
  const struct qk_law *q = &p->q_dist, *k = &p->k_dist;
  bool standard = qk_law_standard (q) && qk_law_standard (k);
  if (verdict != QK_FAILS)
    return false;
  if (s->quantity == SCALED_MEAN && !standard && p->correlation == 0)
    snprintf (text, size,
              "E(q·k/√d_k) = 0 needs a mean of 0 on one side. Means of %g and %g give √d_k·%g.",
              q->mean, k->mean, q->mean * k->mean);
  else if (s->quantity == SCALED_MEAN && !standard)
    snprintf (text, size,
              "E(c q·k) = ρ d_k^(1−α) needs components with mean 0 and variance 1. Here E(q_i k_i) "
              "is %g in place of %g.",
              q->mean * k->mean + p->correlation * q->sd * k->sd, p->correlation);
  else if (s->quantity == SCALED_VARIANCE && p->correlation != 0)
    snprintf (text, size,
              "Var(q·k/√d_k) = 1 needs q_i and k_i independent, with mean 0 and variance 1. A "
              "correlation of %g gives %g.",
              p->correlation, s->exact);
  else if (s->quantity == SCALED_VARIANCE && !standard)
    snprintf (text, size,
              "Var(q·k/√d_k) = 1 needs components with mean 0 and variance 1. Here every "
              "coordinate adds σ_q²σ_k² + σ_q²μ_k² + σ_k²μ_q² = %g.",
              s->exact);
  else if (s->quantity == QUERY_NORM_SQUARE && !qk_law_standard (q))
    snprintf (text, size, "E‖q‖² = d_k needs components with σ_q² + μ_q² = 1. Here it is %g.",
              qk_law_raw_moment (q, 2));
  else
    snprintf (text, size, "%s", qk_scored_unbroken);
  return true;
}

/* What the sweep is worth, and the other side of the claim.  */
static void
summarise_scale (char *text, size_t size, const struct qk_plan *plan, const struct qk_table *tables)
{
  (void)tables;
  const struct qk_params *p = plan->params;
  bool sweep = false;
  for (size_t i = 0; i < plan->n_statements; i++)
    sweep |= plan->statements[i].quantity == SCALED_VARIANCE_SLOPE
             || plan->statements[i].quantity == SCALE_EXPONENT;
  if (p->quiet || !sweep)
    return;
  int used = snprintf (text, size,
                       "Var(c q·k) = c² Var(q·k), so the sweep over α is arithmetic on one "
                       "measurement, the slope of log Var(q·k). Independent evidence for the "
                       "exponent is the gradient with respect to q.");
  if (p->correlation != 0 && qk_law_standard (&p->q_dist) && qk_law_standard (&p->k_dist))
    snprintf (text + used, size - (size_t)used,
              " √d_k is a statement about initialisation: with a correlation of %g the mean of "
              "q·k/√d_k is %g √d_k, and that of q·k/d_k stays at %g.",
              p->correlation, p->correlation, p->correlation);
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_option options[] = {
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .standard = "1..1024*4",
    .lo = 1,
    .hi = 1048576,
    .help = "Head dimensions." },
  { .name = "alpha",
    .type = QK_REALS,
    .offset = offsetof (struct qk_params, alpha),
    .metavar = "LIST",
    .standard = "0,0.25,0.5,0.75,1",
    .lo = 0,
    .hi = 2,
    .help = "Exponents of the scale c = d_k^(-alpha): 0 leaves the scores as they are, 0.5 is "
            "1/sqrt(d_k), 1 is 1/d_k." },
  { .name = "correlation",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, correlation),
    .metavar = "R",
    .standard = "0",
    .lo = -1,
    .hi = 1,
    .help = "Correlation of each q_i with its own k_i, as training makes it: k_i = R z_i + "
            "sqrt(1 - R^2) e_i, z_i the standardised q_i, e_i from the law of k. The k_i have the "
            "named law only if it is normal. Scores are then taken in pairs." },
  { 0 }
};

static const struct qk_example examples[]
    = { { "--dk=4,64,1024", "scale_exponent", QK_HOLDS,
          "With c = d_k^(−α) the variance is flat at α = 1/2 and nowhere else." },
        { "--dk=16,64,256 --correlation=0.5 --alpha=0.5,1", "scaled_mean_slope", QK_HOLDS,
          "The other side: once q and k are correlated the mean of q·k/√d_k grows like √d_k, and "
          "1/d_k keeps it constant." },
        { "--dk=64 --correlation=0.5", "scaled_variance", QK_FAILS,
          "A correlation of 0.5 gives a variance of 1.25 in place of 1." },
        { "--dk=64 --dist=normal:mean=1", "query_norm_square", QK_FAILS,
          "Components with mean 1 and variance 1 have E‖q‖² = 2 d_k." },
        { 0 } };

static const char *const description[] = {
  "Samples query and key vectors with independent components of mean 0 and variance 1, and checks "
  "that 1/√d_k is what normalises their dot product: that Var(q·k/√d_k) = 1 for every head "
  "dimension d_k, that with c = d_k^(−α) the variance of c q·k grows at slope 1 − 2α in log d_k, "
  "and that α = 1/2 is the exponent at which it does not grow, enclosed in an interval. Beside it "
  "stands why the scores grow at all: E‖q‖² = d_k, while ‖q‖ concentrates.",
  "What this shows and what it does not: Var(c q·k) = c² Var(q·k), so the sweep over α is "
  "arithmetic on one measurement, the slope of log Var(q·k), and all its intervals are right or "
  "wrong together. It says that 1/√d_k keeps the variance, not that a constant variance is what "
  "training wants. The independent evidence is the gradient of the softmax with respect to the "
  "query.",
  "√d_k is a statement about initialisation. With --correlation, as after training, the mean of "
  "c q·k is ρ d_k^(1−α): over √d_k it grows without bound, and 1/d_k keeps it constant (the "
  "argument of maximal update parametrisation).",
  NULL
};

const struct qk_experiment qk_experiment_scale = {
  .name = "scale",
  .question = "is 1/√d_k the normalisation, and the only exponent?",
  .asked = "Is 1/√d_k the normalisation?",
  .description = description,
  .unit = "scores",
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &qk_tiles_kind, &qk_pairs_kind, &norms_kind, NULL },
  .examples = examples,
  .plan = plan_scale,
  .size = size_scale,
  .enclose = enclose_scale,
  .explain = explain_scale,
  .describe = qk_scored_describe,
  .summarise = summarise_scale,
};
