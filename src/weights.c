/* weights.c -- rows of softmax weights: what the commands that sample them share.  */

#include "weights.h"
#include "message.h"
#include "scored.h"
#include "tiling.h"

#include <math.h>
#include <stdio.h>

/* A causal draw holds n by n scores: 128 MB.  */
static const double MOST_CAUSAL = 4096;

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
  return label && identity ? qk_plan_case (plan, kind, label, identity, own) : 0;
}

/* ---- Draws ----------------------------------------------------------------------------------- */

static double
whole_lanes (double rows)
{
  return QK_LANES * ceil (rows / QK_LANES);
}

void
qk_weights_tiles (struct qk_scores *s, const struct qk_weights *w, double queries)
{
  double n = whole_lanes (w->rows.n);
  if (w->rows.causal)
    queries = n;
  *s = (struct qk_scores){ .law = w->law,
                           .shape = drawn (w) ? QK_FREE : QK_TILE,
                           .queries = (size_t)whole_lanes (queries),
                           .keys = (size_t)n };
}

void
qk_weights_units (struct qk_scores *s, const struct qk_weights *w)
{
  *s = (struct qk_scores){ .law = w->law,
                           .shape = drawn (w) ? QK_FREE : QK_OWN,
                           .queries = QK_LANES,
                           .keys = (size_t)whole_lanes (w->rows.n) };
}

double
qk_weights_rows (const struct qk_scores *s, const struct qk_weights *w)
{
  return w->rows.causal ? w->rows.n : (double)s->queries;
}

double
qk_weights_variance (const struct qk_scores *s, const struct qk_weights *w)
{
  return 1 / qk_weights_rows (s, w) + (s->shape == QK_TILE ? 1 / w->law.d : 0);
}

double
qk_weights_cost (const struct qk_scores *s, const struct qk_weights *w, double row)
{
  double q = (double)s->queries, n = (double)s->keys, d = w->law.d;
  double keys = s->shape == QK_OWN ? q * n : n;
  if (s->shape == QK_FREE)
    return q * n * (QK_DRAW_COST + row);
  return QK_DRAW_COST * d * (q + keys) + q * n * (d + row);
}

/* A draw costs g n d + b (g d + n (d + row)), g = QK_DRAW_COST, and its mean varies as
   1/b + 1/d.  */
double
qk_weights_side (const struct qk_weights *w, double row)
{
  double n = w->rows.n, d = w->law.d, g = QK_DRAW_COST;
  if (drawn (w))
    return QK_LANES;
  double best = sqrt (g * n * d * d / (g * d + n * (d + row)));
  return fmin (whole_lanes (best), QK_MAX_SIDE);
}

unsigned
qk_weights_panel (size_t keys[static QK_LANES], const struct qk_weights *w, size_t i)
{
  double n = w->rows.n, first = (double)(QK_LANES * i);
  for (size_t lane = 0; lane < QK_LANES; lane++)
    keys[lane] = w->rows.causal ? QK_LANES * i + lane + 1 : (size_t)n;
  return w->rows.causal && n - first < QK_LANES ? (unsigned)fmax (n - first, 0) : QK_LANES;
}
