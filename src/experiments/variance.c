/* variance.c -- is Var(q·k) = d_k, and is the whole law right?

   Three kinds of case: tiles of Q K^T (moments, and the variance within rows), pairs (the same for
   correlated q and k), and pairs again for the whole law.  A block pools many tiles; the block is
   the independent unit, never the entry of a tile.  */

#include "../enclose.h"
#include "../experiment.h"
#include "../theory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum
{
  BATCH = 32,        /* pairs drawn at a time */
  GRID = 512,        /* points where the whole law is compared */
  MAX_SIDE = 512,    /* of a tile */
  MAX_BLOCKS = 4096, /* in the first round */
  SMALL_D = 8,       /* up to here the t interval of the kurtosis converges slowly: */
  MANY_BLOCKS = 1000 /* it needs as many blocks */
};

/* A block's relative variance of the mean square is at most this: then 128 of them are normal
   enough for t (see t-enclose).  */
static const double POOL_VARIANCE = 0.01;

/* What a normal costs in multiply-adds (4 to 6 cycles against 1/16 to 1/8), and a score in power
   sums: the plan is made for every machine, so these are fixed.  */
static const double DRAW_COST = 45, SCORE_COST = 10;

struct setup
{
  struct qk_score score;
  double shift;       /* E s: power sums are taken about it */
  size_t side;        /* of a tile; or the pairs in a batch */
  uint64_t tiles;     /* or batches, a block */
  double mix[3];      /* k = mix[0] q + mix[1] k + mix[2], where correlated */
  const double *grid; /* the law: where F_N is counted, */
  const double *cdf;  /* the exact F there, */
  double cell;        /* and what F can do between two points */
};

enum
{
  M1,
  M2,
  M3,
  M4,
  ABS,
  ROW
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

enum
{
  ROLE_Q,
  ROLE_K
};

struct scratch
{
  double *q, *k, *s;
  uint64_t *words;
};

static size_t
operand_room (const struct setup *u)
{
  size_t d = (size_t)u->score.d;
  return qk_operand_size (u->side, d < QK_DEPTH ? d : QK_DEPTH);
}

/* Operands of one chunk of depth, scores, and room for the words of a foreign generator.  */
static struct scratch
scratch_of (const struct setup *u, void *memory)
{
  size_t room = operand_room (u);
  double *q = memory;
  return (struct scratch){
    .q = q, .k = q + room, .words = (uint64_t *)(q + 2 * room), .s = q + 4 * room
  };
}

static size_t
scratch_bytes (const struct setup *u, bool pairs)
{
  return (4 * operand_room (u) + u->side * (pairs ? 1 : u->side)) * sizeof (double);
}

/* The scores of tile (or batch) t of the block that work->source stands at, into x.s.  */
static void
draw_scores (const struct scratch *x, const struct setup *u, uint64_t t, bool pairs,
             struct qk_work *work)
{
  const struct qk_kernels *kernels = work->kernels;
  size_t d = (size_t)u->score.d, b = u->side;
  uint64_t first = t * qk_operand_size (b, d);
  for (size_t i = 0; i < d; i += QK_DEPTH)
    {
      size_t depth = d - i < QK_DEPTH ? d - i : QK_DEPTH;
      size_t n = qk_operand_size (b, depth);
      qk_fill (kernels, x->q, n, &work->source, ROLE_Q, first + i * b, &u->score.q, x->words);
      qk_fill (kernels, x->k, n, &work->source, ROLE_K, first + i * b, &u->score.k, x->words);
      if (u->score.rho != 0)
        kernels->mix (x->k, x->q, n, u->mix[0], u->mix[1], u->mix[2]);
      (pairs ? kernels->pairs : kernels->tile) (x->s, x->q, x->k, b, depth, i == 0);
    }
}

static int
moments_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work,
               bool pairs)
{
  const struct setup *u = c->own;
  struct scratch x = scratch_of (u, work->scratch);
  struct qk_score_sums total = { 0 }, sums;
  double b = (double)u->side, within = 0;
  qk_source_open (&work->source, work->seed, c->cell, index);
  for (uint64_t t = 0; t < u->tiles; t++)
    {
      draw_scores (&x, u, t, pairs, work);
      if (pairs)
        work->kernels->pair_sums (&sums, x.s, u->side, u->shift);
      else
        {
          work->kernels->tile_sums (&sums, x.s, u->side, u->shift);
          within += (sums.s2 - sums.rows / b) / (b * (b - 1));
        }
      total.s1 += sums.s1;
      total.s2 += sums.s2;
      total.s3 += sums.s3;
      total.s4 += sums.s4;
      total.abs += sums.abs;
    }
  double n = c->units;
  row[M1] = total.s1 / n;
  row[M2] = total.s2 / n;
  row[M3] = total.s3 / n;
  row[M4] = total.s4 / n;
  row[ABS] = total.abs / n;
  if (!pairs)
    row[ROW] = within / (double)u->tiles;
  return isnan (row[M4]) ? -1 : 0;
}

static int
tiles_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  return moments_block (row, c, index, work, false);
}

static int
pairs_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  return moments_block (row, c, index, work, true);
}

static int
law_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  struct scratch x = scratch_of (u, work->scratch);
  double count[GRID + 1] = { 0 };
  qk_source_open (&work->source, work->seed, c->cell, index);
  for (uint64_t t = 0; t < u->tiles; t++)
    {
      draw_scores (&x, u, t, true, work);
      for (size_t p = 0; p < u->side; p++)
        {
          size_t lo = 0, hi = GRID; /* the first point that is not below the score */
          while (lo < hi)
            {
              size_t middle = (lo + hi) / 2;
              if (u->grid[middle] < x.s[p])
                lo = middle + 1;
              else
                hi = middle;
            }
          count[lo]++;
        }
    }
  double below = 0;
  for (size_t j = 0; j < GRID; j++)
    row[j] = below += count[j];
  return 0;
}

#define MOMENT_COLUMNS                                                                             \
  { "mean_1", 1 }, { "mean_2", 1 }, { "mean_3", 1 }, { "mean_4", 1 }, { "mean_abs", 1 }

static const struct qk_kind tiles_kind
    = { "tiles", "block",
        (const struct qk_column[]){ MOMENT_COLUMNS, { "row_variance", 1 }, { NULL, 0 } },
        tiles_block };

static const struct qk_kind pairs_kind
    = { "pairs", "block", (const struct qk_column[]){ MOMENT_COLUMNS, { NULL, 0 } }, pairs_block };

static const struct qk_kind law_kind
    = { "law", "pair", (const struct qk_column[]){ { "below", GRID }, { NULL, 0 } }, law_block };

/* ---- Plan: cases and statements ---------------------------------------------------------------
 */

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
  switch (quantity)
    {
    case SCORE_MEAN:
      return "score-mean";
    case SCORE_VARIANCE:
      return d == 1 ? "term-variance" : "score-variance";
    case SCORE_ABS_MEAN:
      return "score-magnitude";
    case ROW_VARIANCE:
      return "score-row-variance";
    case VARIANCE_SLOPE:
      return "variance-slope";
    default:
      return "score-law";
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

/* Whether the squared scores vary at all: products of two signs do not.  */
static bool
varies (const struct qk_score *s)
{
  return tile_variance (s, SCORE_VARIANCE, 1) > 1e-12;
}

/* ---- Tiles in blocks ---- */

/* Tiles that make a block: at least 4096 scores, and normal enough for t.  */
static double
pool (const struct setup *u, double b, bool pairs)
{
  double side = pairs ? 1 : b, count = pairs ? BATCH : 1;
  double scores = ceil (QK_MIN_POOL / (side * side));
  double normal = ceil (tile_variance (&u->score, SCORE_VARIANCE, side) / POOL_VARIANCE);
  return ceil (fmax (scores, normal) / count);
}

/* The best side of a tile: 2 b d normals buy b^2 scores whose information saturates as rows and
   columns are shared.  See qkcheck-method(7).  */
static double
best_side (const struct setup *u)
{
  double d = u->score.d;
  double m4 = (qk_law_moment (&u->score.q, 4) + qk_law_moment (&u->score.k, 4)) / 2;
  double b = m4 > 1 ? sqrt (2 * d * DRAW_COST / ((m4 - 1) * (1 + SCORE_COST / d))) : MAX_SIDE;
  return fmin (fmax (b, QK_LANES), MAX_SIDE);
}

static double
step_down (double b)
{
  return fmax (QK_LANES * floor (b / QK_LANES), QK_LANES);
}

struct design
{
  double side, tiles, blocks; /* tiles (or batches) a block */
};

/* wanted tiles (or batches) of that side, pooled, in at least that many blocks.  */
static struct design
arrange (const struct setup *u, double side, double wanted, double least, bool pairs)
{
  double tiles = pool (u, side, pairs);
  double blocks = fmax (ceil (wanted / tiles), least);
  if (blocks > fmax (MAX_BLOCKS, least))
    {
      tiles = ceil (wanted / MAX_BLOCKS);
      blocks = ceil (wanted / tiles);
    }
  return (struct design){ side, tiles, blocks };
}

/* For a given number of scores; too few of them for one block make a smaller block.  Near the
   least number a side whose tiles fill a block of 4096 scores wastes none.  */
static struct design
arrange_samples (const struct setup *u, double samples, bool pairs)
{
  double side = pairs ? BATCH : step_down (fmin (best_side (u), sqrt (samples / QK_MIN_BLOCKS)));
  if (!pairs && samples < 4. * QK_MIN_BLOCKS * QK_MIN_POOL)
    side = side < 16 ? 8 : side < 32 ? 16 : side < 64 ? 32 : 64;
  double wanted = ceil (samples / (pairs ? side : side * side));
  struct design a = arrange (u, side, wanted, 1, pairs);
  a.tiles = fmin (a.tiles, wanted);
  return a;
}

/* Blocks from which t intervals are honest: more where the squares have an infinite skewness.  */
static double
honest_blocks (const struct qk_score *s)
{
  bool skewed = !isfinite (qk_law_moment (&s->q, 6)) || !isfinite (qk_law_moment (&s->k, 6));
  return skewed ? MANY_BLOCKS : QK_MIN_BLOCKS;
}

/* The same for the kurtosis.  */
static double
kurtosis_blocks (const struct qk_score *s)
{
  return s->d <= SMALL_D ? MANY_BLOCKS : honest_blocks (s);
}

/* Why the kurtosis cannot be judged honestly, or NULL.  */
static const char *
kurtosis_obstacle (const struct setup *u, const struct qk_params *p)
{
  const struct qk_score *s = &u->score;
  double samples = p->samples > 0 ? p->samples : p->max_samples;
  double kurtosis = tile_variance (s, SCORE_EXCESS_KURTOSIS, 1);
  double variance = tile_variance (s, SCORE_VARIANCE, 1);
  if (!isfinite (qk_law_moment (&s->q, QK_MOMENTS))
      || !isfinite (qk_law_moment (&s->k, QK_MOMENTS)))
    return "the 16th moment of a component is infinite";
  if (!varies (s))
    return "the squared scores do not vary";
  if (kurtosis / pow (log_band (SCORE_EXCESS_KURTOSIS, p->tolerance), 2)
      > 4 * variance / pow (log_band (SCORE_VARIANCE, p->tolerance), 2))
    return "it would take more than four times the samples of the variance";
  if (samples > 0 && arrange_samples (u, samples, s->rho != 0).blocks < kurtosis_blocks (s))
    return "there are too few samples for an honest interval";
  return NULL;
}

/* ---- Statements ---- */

static void
add_keys (struct qk_statement *s, struct qk_plan *plan, const struct qk_list *list, double d)
{
  const struct qk_params *p = plan->params;
  char text[QK_WHY];
  qk_statement_key (s, (struct qk_key){ .name = "d_k", .list = list, .number = d });
  const struct
  {
    const char *name;
    const struct qk_law *law;
  } laws[] = { { "q_dist", &p->q_dist }, { "k_dist", &p->k_dist } };
  for (int i = 0; i < 2; i++)
    {
      qk_law_format (text, sizeof text, laws[i].law);
      if (strcmp (text, "normal"))
        qk_statement_key (
            s, (struct qk_key){ .name = laws[i].name, .text = qk_plan_print (plan, "%s", text) });
    }
  if (p->correlation != 0)
    qk_statement_key (s, (struct qk_key){ .name = "correlation", .number = p->correlation });
}

static void
add_statement (struct qk_plan *plan, enum quantity quantity, size_t source)
{
  const char *name = quantities[quantity].name;
  if (!qk_plan_wants (plan, name))
    return;
  const struct setup *u = plan->cases[source].own;
  const struct qk_score *score = &u->score;
  double t = plan->params->tolerance, d = score->d, sd = sqrt (qk_score_variance (score));
  struct qk_statement *s = qk_plan_statement (plan, name, &source, 1);
  s->claim = claim_of (quantity, d);
  s->method = QK_BY_T;
  s->judged = true;
  add_keys (s, plan, NULL, d);
  switch (quantity)
    {
    case SCORE_MEAN:
      s->exact = qk_score_mean (score);
      s->band = qk_band_absolute (0, t * sd);
      break;
    case SCORE_VARIANCE:
      s->exact = qk_score_variance (score);
      s->band = qk_band_ratio (d, t);
      break;
    case SCORE_ABS_MEAN:
      s->exact = qk_score_abs_mean (score);
      s->band = qk_band_ratio (s->exact, t);
      break;
    case GEARY_RATIO:
      s->exact = qk_score_geary (score);
      s->band = qk_band_ratio (s->exact, t);
      break;
    case SCORE_EXCESS_KURTOSIS:
      s->exact = qk_score_excess_kurtosis (score);
      s->band = qk_band_kurtosis (s->exact, t);
      break;
    case SCORE_LAW:
      s->method = QK_BY_DKW;
      s->exact = 0;
      s->band = qk_band_most (2 * t);
      break;
    case ROW_VARIANCE:
      s->exact = qk_score_row_variance (score);
      s->band = qk_band_ratio (s->exact, t);
      break;
    case VARIANCE_SLOPE:
      break;
    }
  if (isnan (s->exact))
    s->judged = false;
}

/* The grid of the law: near quantiles of equal probability, between lattice points where the law
   is a lattice.  F is evaluated exactly at each point, so where they lie is only a matter of
   cell size.  */
static void
make_grid (struct qk_plan *plan, struct setup *u)
{
  double *grid = qk_plan_alloc (plan, GRID * sizeof *grid);
  double *cdf = qk_plan_alloc (plan, GRID * sizeof *cdf);
  if (!grid || !cdf)
    return;
  enum
  {
    COARSE = 256
  };
  double x[COARSE + 1], f[COARSE + 1], sd = sqrt (qk_score_variance (&u->score));
  double atom = isfinite (qk_law_bound (&u->score.q)) /* Rademacher: values a step apart */
                    ? 2 * qk_law_bound (&u->score.q) * qk_law_bound (&u->score.k)
                    : 0;
  for (int i = 0; i <= COARSE; i++)
    {
      /* Dense at 0, where the density of small d is high; the last point is 12 sd.  */
      double t = (double)i / COARSE;
      x[i] = 12 * sd * t * t * t;
      f[i] = qk_score_cdf (&u->score, x[i]);
    }
  f[0] = 0.5;
  int at = 0;
  for (int j = 0; j < GRID / 2; j++)
    {
      double p = 0.5 + (j + 0.5) / GRID;
      while (at < COARSE - 1 && f[at + 1] < p)
        at++;
      double share = f[at + 1] > f[at] ? (p - f[at]) / (f[at + 1] - f[at]) : 0;
      double point = x[at] + share * (x[at + 1] - x[at]);
      if (atom > 0) /* lattice points are d - 2 i steps of half an atom: stay between them */
        {
          double odd = fmod (u->score.d, 2) == 0 ? 0.5 : 0;
          point = (floor (point / atom - odd + 0.5) + odd) * atom;
        }
      grid[GRID / 2 + j] = point;
      grid[GRID / 2 - 1 - j] = -point;
    }
  double last = 0, from = -INFINITY;
  for (int j = 0; j <= GRID; j++)
    {
      double to = j < GRID ? grid[j] : INFINITY;
      double before = j < GRID ? qk_score_cdf (&u->score, to) : 1;
      bool single = atom > 0 && to - from < 1.5 * atom;
      if (!single)
        u->cell = fmax (u->cell, before - last);
      if (j < GRID)
        cdf[j] = before;
      last = before;
      from = to;
    }
  u->grid = grid;
  u->cdf = cdf;
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, double d)
{
  const struct qk_params *p = plan->params;
  struct setup *u = qk_plan_alloc (plan, sizeof *u);
  if (!u)
    return 0;
  u->score = (struct qk_score){ d, p->q_dist, p->k_dist, p->correlation };
  u->shift = qk_score_mean (&u->score);
  if (p->correlation != 0)
    {
      double tau = sqrt (1 - p->correlation * p->correlation);
      u->mix[0] = p->correlation * p->k_dist.sd / p->q_dist.sd;
      u->mix[1] = tau;
      u->mix[2] = p->k_dist.mean * (1 - tau) - u->mix[0] * p->q_dist.mean;
    }
  if (kind == &law_kind)
    make_grid (plan, u);
  char q[QK_WHY], k[QK_WHY];
  qk_law_format (q, sizeof q, &p->q_dist);
  qk_law_format (k, sizeof k, &p->k_dist);
  const char *label = qk_plan_print (plan, "%s d_k=%.0f", kind->name, d);
  const char *identity = qk_plan_print (plan, "variance %s d_k=%.0f q=%s k=%s rho=%.17g",
                                        kind->name, d, q, k, p->correlation);
  return label && identity ? qk_plan_case (plan, kind, label, identity, u) : 0;
}

/* Head dimensions as a warning lists them: "1, 2 and 4".  */
static void
append_dimension (char *text, size_t size, double d, bool last, size_t before)
{
  size_t used = strlen (text);
  snprintf (text + used, size - used, "%s%.0f", !before ? "" : last ? " and " : ", ", d);
}

/* Say once, for all d_k with the same obstacle, that the kurtosis is left out.  */
static void
warn_kurtosis (struct qk_plan *plan, const char *const *obstacle)
{
  const struct qk_list *dk = &plan->params->dk;
  for (size_t i = 0; i < dk->n; i++)
    {
      if (!obstacle[i])
        continue;
      size_t same = 0, seen = 0;
      bool told = false;
      for (size_t j = 0; j < dk->n; j++)
        if (obstacle[j] == obstacle[i])
          {
            told |= j < i;
            same++;
          }
      if (told)
        continue;
      char list[1024] = "";
      for (size_t j = 0; j < dk->n; j++)
        if (obstacle[j] == obstacle[i])
          {
            append_dimension (list, sizeof list, dk->value[j], seen + 1 == same, seen);
            seen++;
          }
      qk_plan_warn (plan, "score_excess_kurtosis is left out at d_k = %s: %s", list, obstacle[i]);
    }
}

static int
plan_variance (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  const struct qk_params *p = plan->params;
  struct qk_score any = { 1, p->q_dist, p->k_dist, p->correlation };
  bool pairs = p->correlation != 0, known = qk_score_law_known (&any);
  const struct qk_kind *kind = pairs ? &pairs_kind : &tiles_kind;
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
      const struct qk_score *score = &((struct setup *)plan->cases[c].own)->score;
      add_statement (plan, SCORE_MEAN, c);
      add_statement (plan, SCORE_VARIANCE, c);
      add_statement (plan, SCORE_ABS_MEAN, c);
      if (centred (score) && varies (score))
        add_statement (plan, GEARY_RATIO, c);
      if (qk_plan_wants (plan, "score_excess_kurtosis"))
        {
          obstacle[i] = kurtosis_obstacle (plan->cases[c].own, p);
          if (!obstacle[i])
            add_statement (plan, SCORE_EXCESS_KURTOSIS, c);
        }
      if (known && qk_plan_wants (plan, "score_law"))
        add_statement (plan, SCORE_LAW, add_case (plan, &law_kind, d));
      if (!pairs)
        add_statement (plan, ROW_VARIANCE, c);
    }
  if (p->dk.n > 1 && qk_score_variance (&any) > 0 && qk_plan_wants (plan, "variance_slope"))
    {
      double lo = INFINITY, hi = 0;
      for (size_t i = 0; i < p->dk.n; i++)
        {
          lo = fmin (lo, p->dk.value[i]);
          hi = fmax (hi, p->dk.value[i]);
        }
      struct qk_statement *s = qk_plan_statement (plan, "variance_slope", source, p->dk.n);
      s->claim = claim_of (VARIANCE_SLOPE, 0);
      s->method = QK_BY_T;
      s->judged = true;
      s->exact = 1;
      s->band = qk_band_slope (1, p->tolerance, lo, hi);
      add_keys (s, plan, &p->dk, 0);
    }

  warn_kurtosis (plan, obstacle);
  if (!known && qk_plan_wants (plan, "score_law"))
    qk_plan_warn (plan, "score_law is left out: the exact law is known for centred, uncorrelated "
                        "normal or Rademacher components only");
  if (pairs && qk_plan_wants (plan, "row_variance"))
    qk_plan_warn (plan, "row_variance is left out: with --correlation scores are taken in pairs");
  return 0;
}

/* ---- Size: how much to sample ------------------------------------------------------------------
 */

/* Tiles of side b (pairs: b = 1) that the statements on case c need.  */
static double
tiles_needed (const struct qk_plan *plan, size_t c, double b)
{
  const struct setup *u = plan->cases[c].own;
  double t = plan->params->tolerance, most = 1;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      enum quantity q = (enum quantity)s->quantity;
      if (!s->judged || s->sources != 1 || s->source[0] != c)
        continue;
      double n = qk_plan_units (tile_variance (&u->score, q, b), log_band (q, t),
                                qk_round_miss (s->miss, 1));
      most = fmax (most, n);
    }
  return most;
}

/* Blocks that a case needs whatever its tiles: where its values may have no spread (the interval
   then comes from their range), or the kurtosis is judged at small d.  */
static double
least_blocks (const struct qk_plan *plan, size_t c)
{
  const struct setup *u = plan->cases[c].own;
  double t = plan->params->tolerance, least = honest_blocks (&u->score);
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (!s->judged || s->sources != 1 || s->source[0] != c)
        continue;
      if (s->quantity == SCORE_EXCESS_KURTOSIS)
        least = fmax (least, kurtosis_blocks (&u->score));
      if ((s->quantity == SCORE_VARIANCE || s->quantity == SCORE_ABS_MEAN) && !varies (&u->score))
        least = fmax (least, qk_plan_degenerate (1, t / (1 + t), qk_round_miss (s->miss, 1)));
    }
  return least;
}

static struct design
arrange_planned (const struct qk_plan *plan, size_t c, bool pairs)
{
  const struct setup *u = plan->cases[c].own;
  double side, wanted;
  if (pairs)
    {
      side = BATCH;
      wanted = ceil (tiles_needed (plan, c, 1) / BATCH);
    }
  else
    for (side = step_down (best_side (u));; side -= QK_LANES)
      {
        wanted = ceil (tiles_needed (plan, c, side));
        if (wanted >= QK_MIN_BLOCKS || side <= QK_LANES)
          break;
      }
  return arrange (u, side, wanted, least_blocks (plan, c), pairs);
}

/* Samples from which the intervals of a case are honest.  */
static double
samples_for (const struct setup *u, bool pairs)
{
  double samples = QK_MIN_BLOCKS * QK_MIN_POOL;
  while (arrange_samples (u, samples, pairs).blocks < honest_blocks (&u->score))
    samples *= 2;
  return samples;
}

/* Say of the statements on case c that their sample is too small.  */
static void
mark_thin (struct qk_plan *plan, size_t c, bool pairs)
{
  const struct setup *u = plan->cases[c].own;
  for (size_t i = 0; i < plan->n_statements; i++)
    for (size_t j = 0; j < plan->statements[i].sources; j++)
      plan->statements[i].thin |= plan->statements[i].source[j] == c;
  qk_plan_warn (plan,
                "d_k = %.0f: too few samples for an honest interval: described, not judged; "
                "--samples=%.0f is enough",
                u->score.d, samples_for (u, pairs));
}

static void
size_moments (struct qk_plan *plan, size_t c, bool pairs)
{
  struct qk_case *k = &plan->cases[c];
  struct setup *u = k->own;
  const struct qk_params *p = plan->params;
  struct design a
      = p->samples > 0 ? arrange_samples (u, p->samples, pairs) : arrange_planned (plan, c, pairs);
  double scores = pairs ? a.side : a.side * a.side;
  if (p->max_samples > 0 && a.blocks * a.tiles * scores > p->max_samples)
    {
      a = arrange_samples (u, p->max_samples, pairs);
      scores = pairs ? a.side : a.side * a.side;
    }
  u->side = (size_t)a.side;
  u->tiles = (uint64_t)a.tiles;
  k->blocks = (uint64_t)a.blocks;
  k->units = a.tiles * scores;
  k->cost = a.tiles * (scores * (u->score.d + SCORE_COST) + 2 * DRAW_COST * a.side * u->score.d);
  k->scratch = scratch_bytes (u, pairs);
  if (a.blocks < honest_blocks (&u->score))
    mark_thin (plan, c, pairs);
}

/* The law takes as many pairs as its band asks for; --samples is a limit.  With --samples their
   number must not depend on how the budget is split, so the miss is a fixed one there.  */
static void
size_law (struct qk_plan *plan, size_t c)
{
  struct qk_case *k = &plan->cases[c];
  struct setup *u = k->own;
  const struct qk_params *p = plan->params;
  double miss = 1e-6, width = 2 * p->tolerance;
  for (size_t i = 0; i < plan->n_statements && !(p->samples > 0); i++)
    if (plan->statements[i].sources == 1 && plan->statements[i].source[0] == c)
      miss = qk_round_miss (plan->statements[i].miss, 1);
  /* A grid too coarse for the band leaves the finding undecided, whatever the sample.  */
  double pairs = qk_plan_distance (width, fmin (u->cell, width / 2), miss);
  if (p->samples > 0)
    pairs = fmin (pairs, p->samples);
  if (p->max_samples > 0)
    pairs = fmin (pairs, p->max_samples);
  double batches = ceil (pairs / BATCH);
  double tiles = fmin (batches, fmax (512 / BATCH, ceil (batches / MAX_BLOCKS)));
  u->side = BATCH;
  u->tiles = (uint64_t)tiles;
  k->blocks = (uint64_t)ceil (batches / tiles);
  k->units = tiles * BATCH;
  k->cost = k->units * u->score.d * (1 + 2 * DRAW_COST);
  k->scratch = scratch_bytes (u, true);
}

static int
size_variance (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t c = 0; c < plan->n_cases; c++)
    if (plan->cases[c].kind == &law_kind)
      size_law (plan, c);
    else
      size_moments (plan, c, plan->cases[c].kind == &pairs_kind);
  return 0;
}

/* ---- Enclosures --------------------------------------------------------------------------------
 */

/* Where a column's values lie for components of bounded laws.  */
static struct qk_band
support (const struct setup *u, int column)
{
  const struct qk_law *q = &u->score.q, *k = &u->score.k;
  double rho = u->score.rho, most_k = qk_law_bound (k);
  if (rho != 0)
    most_k = fabs (k->mean)
             + k->sd
                   * (fabs (rho) * q->type->bound (q->shape)
                      + sqrt (1 - rho * rho) * k->type->bound (k->shape));
  double most = u->score.d * qk_law_bound (q) * most_k;
  double spread = most + fabs (u->shift);
  switch (column)
    {
    case M1:
      return (struct qk_band){ -spread, spread };
    case ABS:
      return (struct qk_band){ 0, most };
    default: /* the variance within a row of at least two keys is at most twice the square */
      return (struct qk_band){ 0, (column == ROW ? 2 : 1) * spread * spread };
    }
}

static void
enclose_column (struct qk_enclosure *e, const struct setup *u, const struct qk_table *t, int column,
                double miss)
{
  qk_enclose_mean (e, t->data + column, t->rows, t->columns, miss, support (u, column));
}

static double
column_mean (const struct qk_table *t, int column)
{
  double sum = 0;
  for (size_t i = 0; i < t->rows; i++)
    sum += t->data[i * t->columns + (size_t)column];
  return sum / (double)t->rows;
}

/* exp of ln (A / B^power), A and B column means.  */
static void
enclose_ratio (struct qk_enclosure *e, const struct qk_table *t, int a, int b, double power,
               double miss)
{
  double top = column_mean (t, a), bottom = column_mean (t, b);
  qk_enclose_smooth (e, log (top) - power * log (bottom), t->data, t->rows, t->columns,
                     (const size_t[]){ (size_t)a, (size_t)b },
                     (const double[]){ 1 / top, -power / bottom }, 2, miss);
  e->estimate = exp (e->estimate);
  e->std_error *= e->estimate;
  e->lo = exp (e->lo);
  e->hi = exp (e->hi);
}

static void
enclose_law (struct qk_enclosure *e, const struct setup *u, const struct qk_table *t, double pairs,
             double miss)
{
  double distance = 0;
  for (size_t j = 0; j < GRID; j++)
    {
      double below = 0;
      for (size_t i = 0; i < t->rows; i++)
        below += t->data[i * t->columns + j];
      distance = fmax (distance, fabs (below / pairs - u->cdf[j]));
    }
  qk_enclose_distance (e, distance, u->cell, pairs, miss);
}

static void
enclose_slope (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  size_t m = s->sources;
  double x[m], df[m];
  struct qk_enclosure y[m];
  for (size_t i = 0; i < m; i++)
    {
      const struct qk_table *t = &tables[s->source[i]];
      const struct setup *u = plan->cases[s->source[i]].own;
      x[i] = u->score.d;
      df[i] = (double)t->rows - 1;
      enclose_column (&y[i], u, t, M2, miss / (2 * (double)m));
    }
  qk_enclose_slope (e, x, y, df, m, miss);
}

static void
enclose_variance (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables, double miss)
{
  size_t c = s->source[0];
  const struct setup *u = plan->cases[c].own;
  const struct qk_table *t = &tables[c];
  switch ((enum quantity)s->quantity)
    {
    case SCORE_MEAN:
      enclose_column (e, u, t, M1, miss);
      e->estimate += u->shift;
      e->lo += u->shift;
      e->hi += u->shift;
      break;
    case SCORE_VARIANCE:
      enclose_column (e, u, t, M2, miss);
      break;
    case SCORE_ABS_MEAN:
      enclose_column (e, u, t, ABS, miss);
      break;
    case ROW_VARIANCE:
      enclose_column (e, u, t, ROW, miss);
      break;
    case GEARY_RATIO:
      enclose_ratio (e, t, ABS, M2, 0.5, miss);
      break;
    case SCORE_EXCESS_KURTOSIS:
      enclose_ratio (e, t, M4, M2, 2, miss);
      e->estimate -= 3;
      e->lo -= 3;
      e->hi -= 3;
      break;
    case SCORE_LAW:
      enclose_law (e, u, t, (double)t->rows * plan->cases[c].units, miss);
      break;
    case VARIANCE_SLOPE:
      enclose_slope (e, plan, s, tables, miss);
      break;
    }
}

/* ---- In words ----------------------------------------------------------------------------------
 */

static void
describe_variance (char *text, size_t size, const struct qk_plan *plan)
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

static bool
explain_variance (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_enclosure *e, enum qk_verdict verdict)
{
  (void)e;
  const struct qk_params *p = plan->params;
  const struct setup *u = plan->cases[s->source[0]].own;
  const struct qk_law *q = &u->score.q, *k = &u->score.k;
  double mq = q->mean, mk = k->mean, d = u->score.d;
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
    snprintf (text, size,
              "No assumption is broken by these options: the generator or this program is wrong; "
              "try another --seed, then --rng=mt19937.");
  return true;
}

/* ---- The descriptor -----------------------------------------------------------------------------
 */

static const struct qk_option options[]
    = { { .name = "dk",
          .type = QK_INTEGERS,
          .offset = offsetof (struct qk_params, dk),
          .metavar = "LIST",
          .standard = "1..4096*2",
          .lo = 1,
          .hi = 1048576,
          .help = "Head dimensions." },
        { .name = "correlation",
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

static const struct qk_example examples[] = {
  { "--dk=16,64,256", "score_variance", QK_HOLDS,
    "Var(q·k) = d_k for independent components with mean 0 and variance 1." },
  { "--dk=64 --dist=normal:mean=1", "score_variance", QK_FAILS,
    "A mean of 1 on both sides gives d_k(1 + 2·1²) = 192 in place of 64." },
  { "--dk=64 --correlation=0.05", "score_mean", QK_FAILS,
    "A correlation of 0.05 moves the mean to 3.2, a tenth of which the variance would not show." },
  { "--dk=2,16,64 --dist=uniform", "score_variance", QK_HOLDS,
    "The law of the components does not matter for the variance." },
  { 0 }
};

const struct qk_experiment qk_experiment_variance = {
  .name = "variance",
  .question = "is Var(q·k) = d_k, and is the whole law right?",
  .asked = "Is Var(q·k) = d_k?",
  .description
  = (const char *const
         []){ "Samples query and key vectors with independent components of mean 0 and variance 1, "
              "and "
              "checks what the usual derivation of the 1/√d_k scaling says of their dot product "
              "s = q·k: that its mean is 0 and its variance d_k, for every head dimension d_k. The "
              "mean "
              "magnitude, the kurtosis and the whole law of s are compared with their exact "
              "values, and "
              "so is the variance over the keys within a row of QKᵀ, which is what the softmax "
              "sees.",
              "Each quantity is estimated from blocks of tiles of QKᵀ, enclosed in an interval "
              "whose "
              "chance of error is stated, and judged against a band around the claim: the verdict "
              "is "
              "holds when the whole interval lies in the band, fails when it lies outside, and "
              "undecided "
              "otherwise. The exact value under the options given is printed beside it, so that a "
              "broken "
              "assumption (a mean, a standard deviation, a correlation) shows both what fails and "
              "why.",
              NULL },
  .unit = "scores",
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &tiles_kind, &pairs_kind, &law_kind, NULL },
  .examples = examples,
  .plan = plan_variance,
  .size = size_variance,
  .enclose = enclose_variance,
  .explain = explain_variance,
  .describe = describe_variance,
};
