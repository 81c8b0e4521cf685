/* variance.c -- is Var(q·k) = d_k, and is the whole law right?

   Three kinds of case: tiles of Q K^T (moments, and the variance within rows), pairs (the same for
   correlated q and k), and pairs again for the whole law.  A block pools many tiles; the block is
   the independent unit, never the entry of a tile.  */

#include "../ecdf.h"
#include "../enclose.h"
#include "../replay.h"
#include "../scored.h"
#include "../theory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Up to this d_k the t interval of the kurtosis converges slowly.  */
static const double SMALL_D = 8;

struct setup
{
  struct qk_scored scored;
  const struct qk_ecdf *law; /* the exact one, where F_N is counted */
};

/* What the law at one d_k may cost unless --max-samples says otherwise.  Pairs, which share no
   draws, may cost more than tiles: the law at d_k = 1048576 does.  */
static const double MAX_PAIRS_COST = 0x1p43;

/* ---- Blocks ---------------------------------------------------------------------------------- */

static int
law_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  const struct qk_scores *scores = &u->scored.scores;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, QK_ECDF_POINTS * sizeof *row);
  for (uint64_t t = 0; t < u->scored.tiles; t++)
    {
      const double *s = qk_scores_draw (scores, t, work->kernels, &work->source, work->scratch);
      if (qk_ecdf_count (row, u->law, s, scores->queries) != 0)
        return -1;
    }
  qk_ecdf_cumulate (row);
  return 0;
}

static const struct qk_column law_columns[] = { { "below", QK_ECDF_POINTS }, { 0 } };

/* Its replay: every score against every point.  */

static void *
begin_law (const struct qk_case *c)
{
  (void)c;
  return calloc (QK_ECDF_POINTS, sizeof (double));
}

static void
add_law (void *sums, struct qk_replay *r, const struct qk_case *c, uint64_t t, const double *s,
         const double *row, struct qk_work *work)
{
  (void)row;
  (void)r;
  (void)t;
  (void)work;
  const struct setup *u = c->own;
  double *below = sums;
  for (size_t i = 0; i < u->scored.scores.queries; i++)
    for (int j = 0; j < QK_ECDF_POINTS; j++)
      below[j] += s[i] <= u->law->x[j];
}

static void
end_law (void *sums, struct qk_replay *r, const struct qk_case *c, const double *row)
{
  const double *below = sums;
  for (int j = 0; j < QK_ECDF_POINTS; j++)
    qk_replay_compare (r, row[j], below[j], c->units);
  free (sums);
}

static double
law_bound (const struct qk_case *c)
{
  (void)c;
  return 0;
}

static const struct qk_twin law_twin = { .draws = qk_scored_draws,
                                         .key = qk_scored_key,
                                         .bound = law_bound,
                                         .begin = begin_law,
                                         .add = add_law,
                                         .end = end_law };

static const struct qk_kind law_kind = {
  .name = "law", .unit = "pair", .columns = law_columns, .block = law_block, .twin = &law_twin
};

/* ---- Quantities ------------------------------------------------------------------------------ */
enum quantity
{
  SCORE_MEAN,
  SCORE_VARIANCE,
  SCORE_ABS_MEAN,
  GEARY_RATIO,
  SCORE_EXCESS_KURTOSIS,
  SCORE_LAW,
  ROW_VARIANCE,
  VARIANCE_SLOPE
};

static const struct qk_quantity quantities[] = {
  { "score_mean", "E(q·k)", "score", QK_COLUMN, "0 ± T sd(q·k)",
    "Mean of the scores. Exact: d_k μ_q μ_k + d_k ρ σ_q σ_k." },
  { "score_variance", "Var(q·k)", "score^2", QK_LEAD, "d_k (1+T)^±1",
    "Variance of the scores about their exact mean. Exact: the sum over coordinates of "
    "σ_q²σ_k² + σ_q²μ_k² + σ_k²μ_q², with the term of the correlation where there is one." },
  { "score_abs_mean", "E|q·k|", "score", QK_COLUMN, "exact (1+T)^±1",
    "Mean magnitude of the scores. Judged where its exact value is known: centred, uncorrelated "
    "normal (2Γ((d_k+1)/2)/(√π Γ(d_k/2))) or Rademacher components; else described." },
  { "geary_ratio", "Geary", "1", QK_COLUMN, "exact (1+T)^±1",
    "Geary's ratio E|s|/√(E s²): .637 at d_k = 1, √(2/π) = .798 for a normal law. Its tail is far "
    "lighter than that of the kurtosis. Judged where score_abs_mean is; described for other "
    "centred components." },
  { "score_excess_kurtosis", "excess kurtosis", "1", QK_COLUMN, "(3+exact)(1+5T)^±1 − 3",
    "Excess kurtosis of the scores. Exact: [(κ_q+3)(κ_k+3) − 3]/d_k for centred components, 6/d_k "
    "for normal ones. Left out where the sixteenth moment of a component is infinite, where the "
    "scores have two values only, or where it would cost more than four times the variance." },
  { "score_law", "law distance", "1", QK_COLUMN, "at most 2T",
    "Largest distance between the distribution function of the scores and the exact one: the "
    "variance-gamma law for centred, uncorrelated normal components, the lattice law for "
    "Rademacher ones; left out for the others." },
  { "row_variance", "within rows", "score^2", QK_COLUMN, "exact (1+T)^±1",
    "Variance over the keys within a row, mean over rows: what the softmax sees. Exact: "
    "d_k E[q_i²] Var(k_i). Not with --correlation, where scores are taken in pairs." },
  { "variance_slope", "slope of log Var(q·k) against log d_k", "1", QK_LINE,
    "1 ± 2 ln(1+T)/ln(d_max/d_min)", "Growth of the variance. Needs two head dimensions." },
  QK_SUM_DIGITS,
  { 0 }
};

static bool
centred (const struct qk_score *s)
{
  return s->q.mean == 0 && s->k.mean == 0 && s->rho == 0;
}

static const char *
claim_of (enum quantity quantity, double d)
{
  static const char *const claims[]
      = { [SCORE_MEAN] = "score-mean",           [SCORE_VARIANCE] = "score-variance",
          [SCORE_ABS_MEAN] = "score-magnitude",  [GEARY_RATIO] = "score-law",
          [SCORE_EXCESS_KURTOSIS] = "score-law", [SCORE_LAW] = "score-law",
          [ROW_VARIANCE] = "score-row-variance", [VARIANCE_SLOPE] = "variance-slope" };
  return quantity == SCORE_VARIANCE && d == 1 ? "term-variance" : claims[quantity];
}

/* The true value, and what the claim allows at tolerance t; not for slopes.  */
static double
exact_of (enum quantity quantity, const struct qk_score *s)
{
  switch (quantity)
    {
    case SCORE_MEAN:
      return qk_score_mean (s);
    case SCORE_VARIANCE:
      return qk_score_variance (s);
    case SCORE_ABS_MEAN:
      return qk_score_abs_mean (s);
    case GEARY_RATIO:
      return qk_score_geary (s);
    case SCORE_EXCESS_KURTOSIS:
      return qk_score_excess_kurtosis (s);
    case ROW_VARIANCE:
      return qk_score_row_variance (s);
    default:
      return 0; /* a distance */
    }
}

static struct qk_band
band_of (enum quantity quantity, const struct qk_score *s, double t)
{
  double exact = exact_of (quantity, s);
  switch (quantity)
    {
    case SCORE_MEAN:
      return qk_band_absolute (0, t * sqrt (qk_score_variance (s)));
    case SCORE_VARIANCE:
      return qk_band_ratio (s->d, t);
    case SCORE_EXCESS_KURTOSIS:
      return qk_band_kurtosis (exact, t);
    case SCORE_LAW:
      return qk_band_most (2 * t);
    default:
      return qk_band_ratio (exact, t);
    }
}

/* The sampling variance of one tile of side b (a pair: b = 1) of what a statement measures, in
   units of (half its band at T = 1)^2: relative where the band is.  */
static double
tile_variance (const struct qk_score *s, enum quantity quantity, double b)
{
  double v = qk_score_variance (s);
  switch (quantity)
    {
    case SCORE_MEAN:
      return qk_tile_mean_variance (s, b, b) / v;
    case SCORE_VARIANCE:
      return qk_tile_square_variance (s, b, b) / (v * v);
    case SCORE_ABS_MEAN:
      return qk_tile_abs_variance (s, b, b) / pow (qk_score_abs_mean (s), 2);
    case SCORE_EXCESS_KURTOSIS:
      return qk_tile_log_kurtosis_variance (s, b, b);
    case ROW_VARIANCE:
      return qk_tile_row_variance (s, b, b) / pow (qk_score_row_variance (s), 2);
    default:
      return 0; /* narrower than another statement on the same case */
    }
}

static double
log_band (enum quantity quantity, double tolerance)
{
  return quantity == SCORE_MEAN              ? tolerance
         : quantity == SCORE_EXCESS_KURTOSIS ? log1p (5 * tolerance)
                                             : log1p (tolerance);
}

/* Blocks from which those of the kurtosis are.  */
static double
kurtosis_blocks (const struct qk_scored *u)
{
  return u->scores.law.d <= SMALL_D ? QK_MANY_BLOCKS : qk_scored_honest (u);
}

/* Why the kurtosis cannot be judged honestly, or NULL.  */
static const char *
kurtosis_obstacle (const struct qk_scored *u, const struct qk_params *p)
{
  const struct qk_score *s = &u->scores.law;
  double samples = p->samples > 0 ? p->samples : p->max_samples;
  double kurtosis = tile_variance (s, SCORE_EXCESS_KURTOSIS, 1);
  double variance = tile_variance (s, SCORE_VARIANCE, 1);
  if (!isfinite (qk_law_moment (&s->q, QK_MOMENTS))
      || !isfinite (qk_law_moment (&s->k, QK_MOMENTS)))
    return "the 16th moment of a component is infinite";
  if (!qk_scored_varies (s))
    return "the squared scores do not vary";
  if (kurtosis / pow (log_band (SCORE_EXCESS_KURTOSIS, p->tolerance), 2)
      > 4 * variance / pow (log_band (SCORE_VARIANCE, p->tolerance), 2))
    return "it would take more than four times the samples of the variance";
  if (samples > 0 && qk_tiling_samples (&u->tile, samples).blocks < kurtosis_blocks (u))
    return "there are too few samples for an honest interval";
  return NULL;
}

/* ---- Plan: cases and statements -------------------------------------------------------------- */

static void
add_statement (struct qk_plan *plan, enum quantity quantity, size_t source)
{
  const char *name = quantities[quantity].name;
  if (!qk_plan_wants (plan, name))
    return;
  const struct qk_scored *u = plan->cases[source].own;
  const struct qk_score *score = &u->scores.law;
  struct qk_statement *s = qk_plan_statement (plan, name, &source, 1);
  s->claim = claim_of (quantity, score->d);
  s->method = quantity == SCORE_LAW ? QK_BY_DKW : QK_BY_T;
  s->exact = exact_of (quantity, score);
  s->judged = !isnan (s->exact);
  s->band = band_of (quantity, score, plan->params->tolerance);
  s->key = qk_scored_keys (plan,
                           (const struct qk_key[]){ { .name = "d_k", .number = score->d }, { 0 } });
}

/* The growth of the variance over all cases.  */
static void
add_slope (struct qk_plan *plan, const size_t *source)
{
  const struct qk_list *dk = &plan->params->dk;
  struct qk_span span = qk_span_of (dk);
  struct qk_statement *s = qk_plan_statement (plan, "variance_slope", source, dk->n);
  s->claim = claim_of (VARIANCE_SLOPE, 0);
  s->method = QK_BY_T;
  s->judged = true;
  s->exact = 1;
  s->band = qk_band_slope (1, plan->params->tolerance, span.lo, span.hi);
  s->key = qk_scored_keys (plan, (const struct qk_key[]){ { .name = "d_k", .list = dk }, { 0 } });
}

static double
score_cdf (const void *score, double x)
{
  return qk_score_cdf (score, x);
}

/* Normal scores reach 12 standard deviations but for a chance below 1e-6 at any d_k; those of signs
   are d_k, d_k - 2, ... of half a step.  */
static const struct qk_ecdf *
exact_law (struct qk_plan *plan, const struct qk_score *s)
{
  struct qk_ecdf *law = qk_plan_alloc (plan, sizeof *law);
  double step = 0, offset = 0;
  if (isfinite (qk_law_bound (&s->q)))
    {
      step = 2 * qk_law_bound (&s->q) * qk_law_bound (&s->k);
      offset = fmod (s->d, 2) == 0 ? 0 : step / 2;
    }
  if (law)
    qk_ecdf_make (law, score_cdf, s, 12 * sqrt (qk_score_variance (s)), step, offset);
  return law;
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, double d)
{
  struct setup *u = qk_plan_alloc (plan, sizeof *u);
  if (!u)
    return 0;
  size_t c = qk_scored_add (plan, kind, kind == &qk_tiles_kind ? QK_TILE : QK_PAIRS, d, &u->scored);
  if (kind == &law_kind)
    u->law = exact_law (plan, &u->scored.scores.law);
  return c;
}

/* Say once, for all d_k with the same obstacle, that the kurtosis is left out: "at d_k = 1, 2 and
   4".  */
static void
warn_kurtosis (struct qk_plan *plan, const char **obstacle)
{
  const struct qk_list *dk = &plan->params->dk;
  for (size_t i = 0; i < dk->n; i++)
    {
      const char *why = obstacle[i];
      size_t last = i;
      char list[1024] = "";
      for (size_t j = i; why && j < dk->n; j++)
        if (obstacle[j] == why)
          last = j;
      for (size_t j = i; why && j <= last; j++)
        if (obstacle[j] == why)
          {
            size_t used = strlen (list);
            snprintf (list + used, sizeof list - used, "%s%.0f",
                      j == i      ? ""
                      : j == last ? " and "
                                  : ", ",
                      dk->value[j]);
            obstacle[j] = NULL;
          }
      if (why)
        qk_plan_warn (plan, "score_excess_kurtosis is left out at d_k = %s: %s", list, why);
    }
}

static int
plan_variance (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  const struct qk_params *p = plan->params;
  struct qk_score any = { 1, p->q_dist, p->k_dist, p->correlation };
  bool pairs = p->correlation != 0, known = qk_score_law_known (&any);
  const struct qk_kind *kind = pairs ? &qk_pairs_kind : &qk_tiles_kind;
  const char **obstacle = qk_plan_alloc (plan, p->dk.n * sizeof *obstacle);
  size_t *source = qk_plan_alloc (plan, p->dk.n * sizeof *source);
  if (!obstacle || !source)
    return 0;

  for (size_t i = 0; i < p->dk.n && !plan->full; i++)
    {
      double d = p->dk.value[i];
      size_t c = source[i] = add_case (plan, kind, d);
      if (plan->full)
        break;
      const struct qk_scored *u = plan->cases[c].own;
      const struct qk_score *score = &u->scores.law;
      add_statement (plan, SCORE_MEAN, c);
      add_statement (plan, SCORE_VARIANCE, c);
      add_statement (plan, SCORE_ABS_MEAN, c);
      if (centred (score) && qk_scored_varies (score))
        add_statement (plan, GEARY_RATIO, c);
      if (qk_plan_wants (plan, "score_excess_kurtosis"))
        {
          obstacle[i] = kurtosis_obstacle (u, p);
          if (!obstacle[i])
            add_statement (plan, SCORE_EXCESS_KURTOSIS, c);
        }
      if (known && (qk_plan_wants (plan, "score_law") || qk_replay_named (plan)))
        add_statement (plan, SCORE_LAW, add_case (plan, &law_kind, d));
      if (!pairs)
        add_statement (plan, ROW_VARIANCE, c);
    }
  if (p->dk.n > 1 && qk_score_variance (&any) > 0 && qk_plan_wants (plan, "variance_slope"))
    add_slope (plan, source);

  warn_kurtosis (plan, obstacle);
  if (!known && qk_plan_wants (plan, "score_law"))
    qk_plan_warn (plan, "score_law is left out: the exact law is known for centred, uncorrelated "
                        "normal or Rademacher components only");
  if (p->dk.n == 1 && p->quantity.n && qk_plan_wants (plan, "variance_slope"))
    qk_plan_warn (plan, "variance_slope is left out: it needs two values of --dk");
  if (pairs && qk_plan_wants (plan, "row_variance"))
    qk_plan_warn (plan, "row_variance is left out: with --correlation scores are taken in pairs");
  return 0;
}

/* ---- Size: how much to sample ---------------------------------------------------------------- */

/* Whether a statement is judged on case c alone, which then has to be large enough for it.  */
static bool
judged_on (const struct qk_statement *s, size_t c)
{
  return s->judged && s->sources == 1 && s->source[0] == c;
}

/* Tiles of that side (pairs: 1) that a statement needs; slopes are sharper than what they are of.
 */
static double
tiles_needed (const struct qk_plan *plan, const struct qk_statement *s, size_t c, double side)
{
  const struct qk_scored *u = plan->cases[c].own;
  enum quantity q = (enum quantity)s->quantity;
  return judged_on (s, c)
             ? qk_plan_units (tile_variance (&u->scores.law, q, side),
                              log_band (q, plan->params->tolerance), qk_round_miss (s->miss, 1))
             : 0;
}

/* Blocks that a case needs whatever its tiles: where its values may have no spread (the interval
   then comes from their range), or the kurtosis is judged at small d.  */
static double
least_blocks (const struct qk_plan *plan, size_t c)
{
  const struct qk_scored *u = plan->cases[c].own;
  double t = plan->params->tolerance, least = qk_scored_honest (u);
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (!judged_on (s, c))
        continue;
      if (s->quantity == SCORE_EXCESS_KURTOSIS)
        least = fmax (least, kurtosis_blocks (u));
      if ((s->quantity == SCORE_VARIANCE || s->quantity == SCORE_ABS_MEAN)
          && !qk_scored_varies (&u->scores.law))
        least = fmax (least, qk_plan_degenerate (1, t / (1 + t), qk_round_miss (s->miss, 1)));
    }
  return least;
}

/* The law takes as many pairs as its band asks for; --samples is a limit.  With --samples their
   number must not depend on how the budget is split, so the miss is a fixed one there.  */
static void
size_law (struct qk_plan *plan, size_t c)
{
  const struct qk_params *p = plan->params;
  const struct setup *u = plan->cases[c].own;
  double miss = 1e-6, width = 2 * p->tolerance;
  for (size_t i = 0; i < plan->n_statements && !(p->samples > 0); i++)
    if (judged_on (&plan->statements[i], c))
      miss = qk_round_miss (plan->statements[i].miss, 1);
  /* A grid too coarse for the band leaves the finding undecided, whatever the sample.  */
  double pairs = qk_plan_distance (width, fmin (u->law->cell, width / 2), miss);
  if (p->samples > 0)
    pairs = fmin (pairs, p->samples);
  double most = p->max_samples > 0
                    ? p->max_samples
                    : MAX_PAIRS_COST / ((1 + 2 * QK_DRAW_COST) * u->scored.scores.law.d);
  pairs = fmin (pairs, most);
  qk_scored_set (&plan->cases[c], qk_tiling_pairs (pairs), 0);
}

static int
size_variance (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    if (plan->cases[c].kind == &law_kind)
      size_law (plan, c);
    else
      qk_scored_size (plan, c, tiles_needed, least_blocks (plan, c));
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

/* exp of ln (A / B^power), A and B column means.  */
static void
enclose_ratio (struct qk_enclosure *e, const struct qk_table *t, int a, int b, double power,
               double miss)
{
  double top = qk_column_mean (t, (size_t)a), bottom = qk_column_mean (t, (size_t)b);
  qk_enclose_smooth (e, log (top) - power * log (bottom), t->data, t->rows, t->columns,
                     (const size_t[]){ (size_t)a, (size_t)b },
                     (const double[]){ 1 / top, -power / bottom }, 2, miss);
  e->estimate = exp (e->estimate);
  e->std_error *= e->estimate;
  e->lo = exp (e->lo);
  e->hi = exp (e->hi);
}

static void
move (struct qk_enclosure *e, double by)
{
  e->estimate += by;
  e->lo += by;
  e->hi += by;
}

static void
enclose_law (struct qk_enclosure *e, const struct setup *u, const struct qk_table *t, double pairs,
             double miss)
{
  double below[QK_ECDF_POINTS] = { 0 };
  for (size_t i = 0; i < t->rows; i++)
    for (size_t j = 0; j < t->columns; j++)
      below[j] += t->data[i * t->columns + j];
  qk_enclose_distance (e, qk_ecdf_distance (u->law, below, pairs), u->law->cell, pairs, miss);
}

static void
enclose_variance (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables, double miss)
{
  static const enum qk_power column[] = { [SCORE_MEAN] = QK_MEAN_1,
                                          [SCORE_VARIANCE] = QK_MEAN_2,
                                          [SCORE_ABS_MEAN] = QK_MEAN_ABS,
                                          [ROW_VARIANCE] = QK_ROW_VARIANCE };
  size_t c = s->source[0];
  const struct setup *u = plan->cases[c].own;
  const struct qk_table *t = &tables[c];
  switch ((enum quantity)s->quantity)
    {
    default:
      qk_scored_enclose (e, &u->scored, t, column[s->quantity], miss);
      if (s->quantity == SCORE_MEAN)
        move (e, u->scored.shift);
      break;
    case GEARY_RATIO:
      enclose_ratio (e, t, QK_MEAN_ABS, QK_MEAN_2, 0.5, miss);
      break;
    case SCORE_EXCESS_KURTOSIS:
      enclose_ratio (e, t, QK_MEAN_4, QK_MEAN_2, 2, miss);
      move (e, -3);
      break;
    case SCORE_LAW:
      enclose_law (e, u, t, (double)t->rows * plan->cases[c].units, miss);
      break;
    case VARIANCE_SLOPE:
      qk_scored_enclose_slope (e, plan, s, tables, QK_MEAN_2, miss);
      break;
    }
}

/* ---- In words -------------------------------------------------------------------------------- */

static bool
explain_variance (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_enclosure *e, enum qk_verdict verdict)
{
  (void)e;
  const struct qk_params *p = plan->params;
  const struct qk_scored *u = plan->cases[s->source[0]].own;
  const struct qk_law *q = &p->q_dist, *k = &p->k_dist;
  double mq = q->mean, mk = k->mean, d = u->scores.law.d;
  if (verdict != QK_FAILS)
    return false;
  if (s->quantity == SCORE_MEAN && p->correlation != 0)
    snprintf (text, size,
              "E(q·k) = 0 needs q_i and k_i uncorrelated and a mean of 0 on one side. A "
              "correlation of %g gives %g.",
              p->correlation, s->exact);
  else if (s->quantity == SCORE_MEAN && mq != 0 && mk != 0)
    snprintf (text, size,
              "E(q·k) = 0 needs a mean of 0 on one side. Means of %g and %g give d_k·%g·%g = %g.",
              mq, mk, mq, mk, s->exact);
  else if (s->quantity == SCORE_VARIANCE && p->correlation != 0)
    snprintf (text, size,
              "Var(q·k) = d_k needs q_i and k_i independent, with mean 0 and variance 1. A "
              "correlation of %g gives %g.",
              p->correlation, s->exact);
  else if (s->quantity == SCORE_VARIANCE && (mq != 0 || mk != 0) && q->sd == 1 && k->sd == 1)
    {
      if (mq == mk)
        snprintf (text, size,
                  "Var(q·k) = d_k needs components with mean 0. A mean of %g on both sides gives "
                  "d_k(1 + 2·%g²) = %g.",
                  mq, mq, s->exact);
      else
        snprintf (text, size,
                  "Var(q·k) = d_k needs components with mean 0. Means of %g and %g give "
                  "d_k(1 + %g² + %g²) = %g.",
                  mq, mk, mq, mk, s->exact);
    }
  else if (s->quantity == SCORE_VARIANCE && (q->sd != 1 || k->sd != 1))
    snprintf (text, size,
              "Var(q·k) = d_k needs components with mean 0 and variance 1. Here every coordinate "
              "adds σ_q²σ_k² + σ_q²μ_k² + σ_k²μ_q² = %g: together %g.",
              s->exact / d, s->exact);
  else
    snprintf (text, size, "%s", qk_scored_unbroken);
  return true;
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_option options[]
    = { { .name = "correlation",
          .type = QK_REAL,
          .offset = offsetof (struct qk_params, correlation),
          .metavar = "R",
          .standard = "0",
          .lo = -1,
          .hi = 1,
          .help
          = "Correlation of each q_i with its own k_i: k_i = R z_i + sqrt(1 - R^2) e_i, z_i the "
            "standardised q_i, e_i from the law of k. The k_i have the named law only if it is "
            "normal. Scores are then taken in pairs, and row_variance is left out." },
        { 0 } };

static const struct qk_example examples[]
    = { { "--dk=16,64,256", "score_variance", QK_HOLDS,
          "Var(q·k) = d_k for independent components with mean 0 and variance 1." },
        { "--dk=64 --dist=normal:mean=1", "score_variance", QK_FAILS,
          "A mean of 1 on both sides gives d_k(1 + 2·1²) = 192 in place of 64." },
        { "--dk=64 --correlation=0.05", "score_mean", QK_FAILS,
          "A correlation of 0.05 moves the mean to 3.2; the variance hardly shows it." },
        { "--dk=2,16,64 --dist=uniform", "score_variance", QK_HOLDS,
          "The law of the components does not matter for the variance." },
        { 0 } };

static const char *const description[] = {
  "Samples query and key vectors with independent components of mean 0 and variance 1, and "
  "checks what the usual derivation of the 1/√d_k scaling says of their dot product s = q·k: "
  "that its mean is 0 and its variance d_k, for every head dimension d_k. The mean magnitude, "
  "the kurtosis and the whole law of s are compared with their exact values, and so is the "
  "variance over the keys within a row of QKᵀ, which is what the softmax sees.",
  "Each quantity is estimated from blocks of tiles of QKᵀ, enclosed in an interval whose chance "
  "of error is stated, and judged against a band around the claim: the verdict is holds when "
  "the whole interval lies in the band, fails when it lies outside, and undecided otherwise. "
  "The exact value under the options given is printed beside it, so that a broken assumption (a "
  "mean, a standard deviation, a correlation) shows both what fails and why.",
  NULL
};

const struct qk_experiment qk_experiment_variance = {
  .name = "variance",
  .question = "is Var(q·k) = d_k, and is the whole law right?",
  .asked = "Is Var(q·k) = d_k?",
  .description = description,
  .unit = "scores",
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &qk_tiles_kind, &qk_pairs_kind, &law_kind, NULL },
  .examples = examples,
  .plan = plan_variance,
  .size = size_variance,
  .enclose = enclose_variance,
  .explain = explain_variance,
  .describe = qk_scored_describe,
};
