/* weights.c -- rows of softmax weights: what the commands that sample them share.  */

#include "weights.h"
#include "enclose.h"
#include "message.h"
#include "replay.h"
#include "scored.h"
#include "tiling.h"

#include <math.h>
#include <stdio.h>

/* A causal draw holds n by n scores: 128 MB.  */
static const double MOST_CAUSAL = 4096;

/* What a case may cost unless --max-samples says otherwise: a few minutes.  Queries with keys of
   their own may cost more.  */
static const double MAX_COST = 0x1p39, MAX_OWN_COST = 0x1p41;

static const double OWN_DRAWS = 16;      /* a block of fewer is not worth its row, */
static const double BLOCK_COST = 0x1p32; /* unless it would cost more than this: a second or so */

const char *const qk_weights_scales[] = { "none", "sqrt", "dk", NULL };

/* ---- From the command line ------------------------------------------------------------------- */

static bool
drawn (const struct qk_weights *w) /* scores themselves, no vectors */
{
  return w->law.d == 0;
}

static const struct qk_law *
standard_normal (void)
{
  static const struct qk_law law = { &qk_law_types[QK_NORMAL], .sd = 1 };
  return &law;
}

int
qk_weights_check (const struct qk_params *p, char why[static QK_WHY])
{
  for (size_t i = 0; p->causal && i < p->keys.n; i++)
    if (p->keys.value[i] > MOST_CAUSAL)
      return qk_complain (why, "--causal: at most %.0f keys, not %.0f", MOST_CAUSAL,
                          p->keys.value[i]);
  if (p->sigma.n
      && !(qk_law_equal (&p->q_dist, standard_normal ())
           && qk_law_equal (&p->k_dist, standard_normal ())))
    return qk_complain (why, "--sigma draws normal scores and no components: it takes no --dist, "
                             "--q-dist or --k-dist");
  return 0;
}

size_t
qk_weights_count (const struct qk_params *p)
{
  return p->keys.n * (p->sigma.n ? p->sigma.n : p->scale.n * p->dk.n);
}

static double
factor (double scale, double d)
{
  return scale == QK_SCALE_NONE   ? 1
         : scale == QK_SCALE_SQRT ? 1 / sqrt (d)
         : scale == QK_SCALE_DK   ? 1 / d
                                  : scale;
}

void
qk_weights_at (struct qk_weights *w, const struct qk_params *p, size_t i)
{
  size_t each = qk_weights_count (p) / p->keys.n, j = i % each;
  *w = (struct qk_weights){ .law = { 0, *standard_normal (), *standard_normal (), 0 },
                            .rows = { p->keys.value[i / each], p->causal } };
  if (p->sigma.n)
    {
      w->c = p->sigma.value[j];
      return;
    }
  w->law = (struct qk_score){ p->dk.value[j % p->dk.n], p->q_dist, p->k_dist, 0 };
  w->scale = p->scale.value[j / p->dk.n];
  w->c = factor (w->scale, w->law.d);
}

struct qk_weights
qk_weights_standard (const struct qk_weights *w)
{
  struct qk_weights s = *w;
  s.law.q.mean = s.law.k.mean = 0;
  s.law.q.sd = s.law.k.sd = 1;
  return s;
}

void
qk_weights_known (struct qk_softmax_moments *exact, struct qk_softmax_moments *claimed,
                  struct qk_softmax_moments *predicted, const struct qk_weights *w)
{
  struct qk_weights standard = qk_weights_standard (w);
  qk_weights_exact (exact, w);
  bool known = !isnan (exact->participation);
  if (known && w->law.q.sd * w->law.k.sd == 1)
    *claimed = *exact;
  else
    qk_weights_exact (claimed, &standard);
  *predicted = *exact;
  if (!known)
    qk_softmax_moments (predicted, &w->rows, qk_weights_sigma (w));
}

/* ---- Theory ---------------------------------------------------------------------------------- */

double
qk_weights_sigma (const struct qk_weights *w)
{
  return w->c * (drawn (w) ? 1 : sqrt (qk_score_row_variance (&w->law)));
}

/* A mean of the keys shifts all scores of a row alike.  */
void
qk_weights_exact (struct qk_softmax_moments *m, const struct qk_weights *w)
{
  const struct qk_law *q = &w->law.q, *k = &w->law.k;
  double lo, hi, sd = w->c * q->sd * k->sd;
  bool normal = q->type == &qk_law_types[QK_NORMAL],
       signs = q->type == &qk_law_types[QK_RADEMACHER];
  struct qk_softmax_table table;
  if (drawn (w))
    qk_softmax_moments (m, &w->rows, w->c);
  else if (k->type != &qk_law_types[QK_NORMAL] || q->mean != 0 || !(normal || signs))
    qk_softmax_moments (m, &w->rows, NAN);
  else if (signs)
    qk_softmax_moments (m, &w->rows, sd * sqrt (w->law.d));
  else
    {
      qk_softmax_range (&lo, &hi, sd, w->law.d);
      qk_softmax_table (&table, &w->rows, lo, hi);
      qk_softmax_mix (m, &table, sd, w->law.d);
    }
}

/* ---- Cases ----------------------------------------------------------------------------------- */

const struct qk_key *
qk_weights_keys (struct qk_plan *plan, const struct qk_weights *w)
{
  struct qk_key first[QK_KEYS + 1] = { { 0 } };
  if (drawn (w))
    qk_key_add (first, (struct qk_key){ .name = "sigma", .number = w->c });
  else
    {
      qk_key_add (first, (struct qk_key){ .name = "d_k", .number = w->law.d });
      struct qk_key scale = { .name = "scale", .number = w->scale };
      if (w->scale < 0)
        scale.text = qk_weights_scales[-1 - (int)w->scale];
      qk_key_add (first, scale);
    }
  qk_key_add (first, (struct qk_key){ .name = "keys", .number = w->rows.n });
  if (w->rows.causal)
    qk_key_add (first, (struct qk_key){ .name = "mask", .text = "causal" });
  return qk_scored_keys (plan, first);
}

void
qk_weights_label (char *text, size_t size, const struct qk_weights *w)
{
  const char *mask = w->rows.causal ? " causal" : "";
  if (drawn (w))
    snprintf (text, size, "sigma=%.15g keys=%.0f%s", w->c, w->rows.n, mask);
  else if (w->scale < 0)
    snprintf (text, size, "d_k=%.0f scale=%s keys=%.0f%s", w->law.d,
              qk_weights_scales[-1 - (int)w->scale], w->rows.n, mask);
  else
    snprintf (text, size, "d_k=%.0f scale=%.15g keys=%.0f%s", w->law.d, w->scale, w->rows.n, mask);
}

size_t
qk_weights_case (struct qk_plan *plan, const struct qk_kind *kind, const struct qk_weights *w,
                 void *own)
{
  char rows[QK_WHY], q[QK_WHY], k[QK_WHY];
  qk_weights_label (rows, sizeof rows, w);
  qk_law_format (q, sizeof q, &w->law.q);
  qk_law_format (k, sizeof k, &w->law.k);
  const char *label = qk_plan_print (plan, "%s %s", kind->name, rows);
  const char *identity
      = qk_plan_print (plan, "%s %s %s q=%s k=%s", plan->experiment->name, kind->name, rows, q, k);
  return qk_plan_case (plan, kind, label, identity, own);
}

/* ---- Draws ----------------------------------------------------------------------------------- */

static double
whole_lanes (double rows)
{
  return QK_LANES * ceil (rows / QK_LANES);
}

/* Rows of a draw that count; causal, on average.  */
static double
rows_of (const struct qk_weights_draws *u)
{
  double n = u->w.rows.n, queries = (double)u->scores.queries;
  return u->w.rows.causal ? queries * n / whole_lanes (n) : queries;
}

unsigned
qk_weights_panel (size_t keys[static QK_LANES], const struct qk_weights_draws *u, uint64_t t,
                  size_t i)
{
  size_t n = (size_t)u->w.rows.n;
  for (size_t lane = 0; lane < QK_LANES; lane++)
    keys[lane] = n;
  if (!u->w.rows.causal)
    return QK_LANES;
  size_t panels = (n + QK_LANES - 1) / QK_LANES;
  size_t first = (t * (u->scores.queries / QK_LANES) + i) % panels * QK_LANES;
  for (size_t lane = 0; lane < QK_LANES; lane++)
    keys[lane] = first + lane + 1;
  return n - first < QK_LANES ? (unsigned)(n - first) : QK_LANES;
}

const struct qk_scores *
qk_weights_replayed (uint64_t *draws, const struct qk_case *c)
{
  const struct qk_weights_draws *u = c->own;
  *draws = u->draws;
  return &u->scores;
}

const struct qk_key *
qk_weights_key (struct qk_plan *plan, const struct qk_case *c)
{
  return qk_weights_keys (plan, &((const struct qk_weights_draws *)c->own)->w);
}

double
qk_weights_row_bound (double keys)
{
  return qk_gamma (keys + 16 + 2 * QK_ROW_CUT);
}

/* With r the bound of z and zt, 2 r and 3 r those of z2 and z3, Z = 1 + z: top r, participation
   4 r, entropy 2 r, trace 6 r, as 2 z + z^2 - z2 >= z + z^2.  |J|^2: terms of it have 4 r at most,
   but 2 (z2 - z3) Z has 10 r z2 Z, and z2 Z is at most 3/2 of the whole numerator; Z^4 4 r: 23 r.
   Less than 24 r with what row_stats rounds itself.  */
double
qk_weights_stats_bound (double keys, double rows)
{
  return fmax (24 * qk_weights_row_bound (keys), qk_gamma (rows + 4));
}

/* A draw with that many queries; causal tiles have as many as keys.  */
static struct qk_weights_draws
draw_of (const struct qk_weights *w, enum qk_score_shape shape, double queries)
{
  double keys = whole_lanes (w->rows.n);
  if (w->rows.causal && shape == QK_TILE)
    queries = keys;
  return (struct qk_weights_draws){ .w = *w,
                                    .scores = { .law = w->law,
                                                .shape = drawn (w) ? QK_FREE : shape,
                                                .queries = (size_t)queries,
                                                .keys = (size_t)keys } };
}

/* The variance of the mean over a draw, in units of that of a row; at most.  */
static double
variance_of (const struct qk_weights_draws *u)
{
  return 1 / rows_of (u) + (u->scores.shape == QK_TILE ? 1 / u->w.law.d : 0);
}

/* Multiply-adds a draw, or their equivalent in time.  */
static double
cost_of (const struct qk_weights_draws *u, double row)
{
  double q = (double)u->scores.queries, n = (double)u->scores.keys, d = u->w.law.d;
  if (u->scores.shape == QK_FREE)
    return q * n * (QK_DRAW_COST + row);
  double keys = u->scores.shape == QK_OWN ? q * n : n;
  return QK_DRAW_COST * d * (q + keys) + q * n * (d + row);
}

static void
set_size (struct qk_case *c, const struct qk_weights_draws *u, double draws, double blocks,
          double row)
{
  struct qk_weights_draws *own = c->own;
  own->scores = u->scores;
  own->draws = (uint64_t)draws;
  c->blocks = (uint64_t)blocks;
  c->units = draws * rows_of (u);
  c->cost = draws * cost_of (u, row);
  c->scratch = qk_scores_bytes (&u->scores);
}

static void
warn_cut (struct qk_plan *plan, const struct qk_weights *w, double planned, double most)
{
  char rows[QK_WHY];
  qk_weights_label (rows, sizeof rows, w);
  qk_plan_warn_cut (plan, rows, planned, most);
}

/* Draws that make a block: as many as are normal enough, and QK_MIN_POOL scores.  */
static double
pool_of (const struct qk_weights_draws *u, double pool)
{
  double scores = rows_of (u) * u->w.rows.n;
  return ceil (fmax (pool * variance_of (u), QK_MIN_POOL / scores));
}

/* The number of queries that share keys at which the rows needed, in blocks enough, cost least.  */
static struct qk_weights_draws
cheapest (const struct qk_weights *w, double need, double pool, double row)
{
  struct qk_weights_draws best = { 0 };
  double least = INFINITY;
  for (double side = QK_LANES; side <= QK_MAX_SIDE; side += QK_LANES)
    {
      struct qk_weights_draws u = draw_of (w, QK_TILE, side);
      double draws = fmax (need * variance_of (&u), QK_MIN_BLOCKS * pool_of (&u, pool));
      if (draws * cost_of (&u, row) < least)
        {
          least = draws * cost_of (&u, row);
          best = u;
        }
    }
  return best;
}

/* Fewer queries a draw where the rows would not fill blocks enough.  */
static struct qk_weights_draws
smaller (struct qk_weights_draws u, double rows, double pool)
{
  while (rows / rows_of (&u) < QK_MIN_BLOCKS * pool_of (&u, pool) && u.scores.queries > QK_LANES
         && !u.w.rows.causal)
    u.scores.queries -= QK_LANES;
  return u;
}

void
qk_weights_size (struct qk_plan *plan, size_t c, double need, double pool, double row)
{
  const struct qk_params *p = plan->params;
  const struct qk_weights w = ((struct qk_weights_draws *)plan->cases[c].own)->w;
  struct qk_weights_draws u = cheapest (&w, p->samples > 0 ? p->samples : need, pool, row);
  double rows = rows_of (&u), enough = QK_MIN_BLOCKS * pool_of (&u, pool);
  double planned = fmax (ceil (need * variance_of (&u)), enough) * rows, wanted = planned;
  if (p->samples > 0)
    wanted = p->samples;
  else if (p->max_samples > 0)
    wanted = fmin (planned, p->max_samples);
  else
    wanted = fmin (planned, fmax (MAX_COST / cost_of (&u, row), enough) * rows);
  if (wanted < planned && !(p->samples > 0))
    warn_cut (plan, &w, planned, wanted);

  u = smaller (u, wanted, pool);
  double draws = ceil (wanted / rows_of (&u)), each = pool_of (&u, pool);
  bool thin = draws < QK_MIN_BLOCKS * each;
  if (thin)
    {
      u = draw_of (&w, QK_TILE, QK_LANES);
      char name[QK_WHY];
      qk_weights_label (name, sizeof name, &w);
      qk_plan_mark_thin (plan, c);
      qk_plan_warn_thin (plan, name, QK_MIN_BLOCKS * pool_of (&u, pool) * rows_of (&u));
      draws = ceil (wanted / rows_of (&u));
    }
  each = fmin (fmax (each, ceil (draws / QK_MAX_BLOCKS)), draws);
  set_size (&plan->cases[c], &u, each, ceil (draws / each), row);
}

void
qk_weights_size_own (struct qk_plan *plan, size_t c, double need, double row)
{
  const struct qk_params *p = plan->params;
  const struct qk_weights w = ((struct qk_weights_draws *)plan->cases[c].own)->w;
  struct qk_weights_draws u = draw_of (&w, QK_OWN, QK_LANES);
  double rows = rows_of (&u), wanted = need;
  if (p->samples > 0)
    wanted = p->samples;
  else if (p->max_samples > 0)
    wanted = fmin (need, p->max_samples);
  else
    wanted = fmin (need, fmax (MAX_OWN_COST / cost_of (&u, row), 1) * rows);
  if (wanted < need && !(p->samples > 0))
    warn_cut (plan, &w, need, wanted);
  double draws = ceil (wanted / rows);
  double least = fmin (OWN_DRAWS, ceil (BLOCK_COST / cost_of (&u, row)));
  double each = fmin (fmax (least, ceil (draws / QK_MAX_BLOCKS)), draws);
  if (w.rows.causal)
    each = whole_lanes (w.rows.n) / QK_LANES * ceil (each * QK_LANES / whole_lanes (w.rows.n));
  set_size (&plan->cases[c], &u, each, ceil (draws / each), row);
}
