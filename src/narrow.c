/* narrow.c -- attention in narrow formats: what overflows, and the error of the softmax.

   Two kinds of case, both of queries with keys of their own, which are independent.  Overflow: how
   often a query has a score, an exponential without the shift, or a sum of those that is infinite,
   in every format.  Softmax: scores rounded to one format, and their weights in its arithmetic
   against the correctly rounded ones.  */

#include "narrow.h"
#include "enclose.h"
#include "message.h"
#include "overflow.h"
#include "reference.h"
#include "scored.h"
#include "softmax_rounding.h"
#include "store.h"
#include "weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Multiply-adds, or their equivalent in time, a score: an exponential, and one at 400 bits.  */
static const double ROW_COST = 40, REFERENCE_COST = 0x1p16;

/* Scores whose weights are compared unless --samples says otherwise, and at most: 0.1 s, some 20 s.
 */
static const double SCORES = 0x1p12, MOST_SCORES = 0x1p20;

/* Where more queries than this overflow, weights without the shift are not asked for.  */
static const double MOSTLY = 0.5;

/* log10 of the probability that |s| >= 65520, d = 64: from the finite sum for even d in exact
   arithmetic (see t-overflow).  */
static const double COUNTEREXAMPLE_DK = 64, COUNTEREXAMPLE = -28348.910322233360;

enum event
{
  SCORE,
  EXP,
  SUM,
  EVENTS
};

static const char *const event_quantities[EVENTS]
    = { "overflow_score", "overflow_exp", "overflow_sum" };

struct setup
{
  struct qk_weights_draws draws;
  struct qk_overflow law, standard; /* of the scores; for components of variance 1 */
  bool known;                       /* whether the laws are those whose exact values are known: */
  bool centred;                     /* with mean 0 too */
  double log_limit[QK_FLOATS];      /* of exponentials */
  const struct qk_float_format *format; /* of the softmax */
  enum qk_direction direction;
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

static const struct qk_column overflow_columns[]
    = { { "score", QK_FLOATS }, { "exp", QK_FLOATS }, { "sum", QK_FLOATS }, { 0 } };
static const struct qk_column softmax_columns[]
    = { { "error_over_bound", QK_SOFTMAX_FORMS }, { "rows", QK_SOFTMAX_FORMS }, { 0 } };

static int
overflow_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  const struct qk_scores *scores = &u->draws.scores;
  double factor = u->draws.w.c;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, EVENTS * QK_FLOATS * sizeof *row);
  for (uint64_t t = 0; t < u->draws.draws; t++)
    {
      size_t keys[QK_LANES];
      unsigned rows = qk_weights_panel (keys, &u->draws, t, 0);
      struct qk_row_sums sums = QK_ROW_SUMS_NONE;
      const double *s = qk_scores_draw (scores, t, work->kernels, &work->source, work->scratch);
      work->kernels->row_sums (&sums, s, scores->keys, keys, 0, factor);
      for (unsigned lane = 0; lane < rows; lane++)
        for (int f = 0; f < QK_FLOATS; f++)
          {
            double beyond = factor * sums.max[lane] - u->log_limit[f];
            row[SCORE * QK_FLOATS + f] += factor * sums.abs[lane] >= qk_float_formats[f].overflow;
            row[EXP * QK_FLOATS + f] += beyond >= 0;
            row[SUM * QK_FLOATS + f] += beyond >= 0 || (1 + sums.z[lane]) * qk_exp (beyond) >= 1;
          }
    }
  return 0;
}

/* Behind what draws need: scores, their weights, those of a form, its bound.  */
struct row
{
  double *x, *exact, *p, *bound;
  size_t used; /* doubles, what draws need too */
};

static struct row
lay (const struct setup *u, void *memory)
{
  struct qk_store store = { memory, 0 };
  size_t n = (size_t)u->draws.w.rows.n;
  struct row r;
  qk_store_bytes (&store, qk_scores_bytes (&u->draws.scores));
  r.x = qk_store_take (&store, n);
  r.exact = qk_store_take (&store, n);
  r.p = qk_store_take (&store, n);
  r.bound = qk_store_take (&store, n);
  r.used = store.used;
  return r;
}

/* The largest error over its bound; the correctly rounded weights may themselves err by 2^-53.  */
static double
worst (const double *p, const double *exact, const double *bound, size_t n)
{
  double most = 0;
  for (size_t i = 0; i < n; i++)
    most = fmax (most, (fabs (p[i] - exact[i]) + 0x1p-53 * exact[i]) / bound[i]);
  return most;
}

static int
softmax_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  const struct qk_scores *scores = &u->draws.scores;
  size_t n = (size_t)u->draws.w.rows.n;
  const struct row r = lay (u, work->scratch);
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, 2 * QK_SOFTMAX_FORMS * sizeof *row);
  const double *s = qk_scores_draw (scores, 0, work->kernels, &work->source, work->scratch);
  for (size_t lane = 0; lane < QK_LANES; lane++)
    {
      bool finite = true;
      for (size_t j = 0; j < n; j++)
        {
          r.x[j] = qk_round (u->draws.w.c * s[QK_LANES * j + lane], u->format, u->direction);
          finite &= isfinite (r.x[j]) != 0;
        }
      if (!finite) /* scores that overflow have no weights */
        continue;
      if (qk_softmax_ref (r.exact, r.x, n))
        return qk_complain (work->why, "weights could not be certified");
      for (int form = 0; form < QK_SOFTMAX_FORMS; form++)
        if (!qk_softmax_rounded (r.p, r.x, n, form, u->format, u->direction))
          {
            qk_softmax_rounded_bound (r.bound, r.exact, r.x, n, form, u->format, u->direction);
            row[form] = fmax (row[form], worst (r.p, r.exact, r.bound, n));
            row[QK_SOFTMAX_FORMS + form]++;
          }
    }
  return 0;
}

const struct qk_kind qk_overflow_kind
    = { .name = "overflow", .unit = "query", .columns = overflow_columns, .block = overflow_block };
const struct qk_kind qk_softmax_kind
    = { .name = "softmax", .unit = "query", .columns = softmax_columns, .block = softmax_block };

static const struct qk_kind *const kinds[] = { &qk_overflow_kind, &qk_softmax_kind, NULL };

/* ---- Exact values ---------------------------------------------------------------------------- */

/* From where on rounding gives infinity; that of binary64 is no double.  */
static double
limit_of (const struct qk_float_format *f)
{
  return fmin (f->overflow, f->largest * (1 + f->unit));
}

static double
probability (enum event event, const struct qk_overflow *law, const struct qk_float_format *f)
{
  double limit = qk_overflow_log_limit (f);
  return event == SCORE ? exp (qk_overflow_log_score (law, limit_of (f)))
         : event == EXP ? exp (qk_overflow_log_max (law, limit))
                        : qk_overflow_sum (law, limit);
}

static double
log10_score (const struct qk_overflow *law, const struct qk_float_format *f)
{
  return qk_overflow_log_score (law, limit_of (f)) / M_LN10;
}

/* ---- Plan ------------------------------------------------------------------------------------ */

static bool
is_named (const struct qk_plan *plan)
{
  static const char *const named[]
      = { "overflow_score",          "overflow_exp",      "overflow_sum",
          "overflow_score_log10",    "overflow_variance", "counterexample",
          "softmax_error_over_bound" };
  for (size_t i = 0; i < sizeof named / sizeof *named; i++)
    if (plan->params->quantity.n && qk_plan_wants (plan, named[i]))
      return true;
  return false;
}

/* Whether the command line asks for this part: by its quantities; or else by what is its own, or by
   nothing that is of the sums alone, as a list of many d_k is.  */
static bool
is_asked (const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  if (p->quantity.n)
    return is_named (plan);
  return p->keys.n || p->scale.n || !(p->algorithm.n || p->condition.n || p->dk.n > 1);
}

/* What the command line asks for, or what is usual.  */
static void
ask (struct qk_params *p, const struct qk_params *given)
{
  static double dk = 64, keys = 64, scale = QK_SCALE_NONE, formats[] = { QK_BINARY32, QK_BINARY16 };
  *p = *given;
  if (!p->dk.n)
    p->dk = (struct qk_list){ 1, &dk };
  if (!p->keys.n)
    p->keys = (struct qk_list){ 1, &keys };
  if (!p->scale.n)
    p->scale = (struct qk_list){ 1, &scale };
  if (!p->format_acc.n)
    p->format_acc = p->format_in.n ? p->format_in : (struct qk_list){ 2, formats };
}

/* The case of a finding; what is NULL or 0 is left out.  */
static const struct qk_key *
make_keys (struct qk_plan *plan, const struct qk_weights *w, const struct qk_float_format *f,
           const char *algorithm, double quantile)
{
  struct qk_key first[QK_KEYS + 1] = { { 0 } };
  struct qk_key scale = { .name = "scale", .number = w->scale };
  if (w->scale < 0)
    scale.text = qk_weights_scales[-1 - (int)w->scale];
  qk_key_add (first, (struct qk_key){ .name = "d_k", .number = w->law.d });
  qk_key_add (first, scale);
  qk_key_add (first, (struct qk_key){ .name = "keys", .number = w->rows.n });
  qk_key_add (first, (struct qk_key){ .name = "format_acc", .text = f->name });
  if (algorithm)
    {
      qk_key_add (first, (struct qk_key){ .name = "algorithm", .text = algorithm });
      qk_key_add (first, (struct qk_key){ .name = "rounding",
                                          .text = qk_direction_names[plan->params->rounding] });
    }
  if (quantile > 0)
    qk_key_add (first, (struct qk_key){ .name = "quantile", .number = quantile });
  return qk_scored_keys (plan, first);
}

static struct qk_overflow
overflow_of (const struct qk_weights *w)
{
  return (struct qk_overflow){ .d = w->law.d,
                               .deviation = w->c * w->law.q.sd * w->law.k.sd,
                               .signs = w->law.q.type == &qk_law_types[QK_RADEMACHER],
                               .n = w->rows.n };
}

static struct setup
make_setup (const struct qk_params *p, size_t i)
{
  struct setup u = { .direction = p->rounding };
  struct qk_weights *w = &u.draws.w;
  qk_weights_at (w, p, i);
  const struct qk_weights standard = qk_weights_standard (w);
  u.law = overflow_of (w);
  u.standard = overflow_of (&standard);
  u.known = w->law.k.type == &qk_law_types[QK_NORMAL]
            && (w->law.q.type == &qk_law_types[QK_NORMAL] || u.law.signs);
  u.centred = w->law.q.mean == 0 && w->law.k.mean == 0;
  for (int f = 0; f < QK_FLOATS; f++)
    u.log_limit[f] = qk_overflow_log_limit (&qk_float_formats[f]);
  return u;
}

static size_t
add_case (struct qk_plan *plan, const struct qk_kind *kind, const struct setup *known)
{
  void *own = qk_plan_copy (plan, known, sizeof *known);
  if (kind != &qk_softmax_kind)
    return qk_weights_case (plan, kind, &known->draws.w, own);
  char rows[QK_WHY], q[QK_WHY], k[QK_WHY];
  qk_weights_label (rows, sizeof rows, &known->draws.w);
  qk_law_format (q, sizeof q, &known->draws.w.law.q);
  qk_law_format (k, sizeof k, &known->draws.w.law.k);
  const char *label = qk_plan_print (plan, "softmax %s %s", rows, known->format->name);
  const char *identity = qk_plan_print (plan, "%s softmax %s %s q=%s k=%s", plan->experiment->name,
                                        rows, known->format->name, q, k);
  return qk_plan_case (plan, kind, label, identity, own);
}

static struct qk_statement *
add_statement (struct qk_plan *plan, const char *quantity, const size_t *source,
               const struct qk_key *key, const char *claim)
{
  struct qk_statement *s = qk_plan_statement (plan, quantity, source, source ? 1 : 0);
  if (s)
    {
      s->claim = claim;
      s->key = key;
    }
  return s;
}

/* What overflows in format f; source is the case of that kind.  */
static void
add_overflow (struct qk_plan *plan, const struct setup *u, size_t source, enum qk_float f)
{
  const struct qk_float_format *format = &qk_float_formats[f];
  const struct qk_key *key = make_keys (plan, &u->draws.w, format, NULL, 0);
  double t = plan->params->tolerance;
  for (int event = 0; event < EVENTS; event++)
    if (qk_plan_wants (plan, event_quantities[event]))
      {
        struct qk_statement *s
            = add_statement (plan, event_quantities[event], &source, key, "format-overflow");
        if (!s)
          return;
        double claim = u->known ? probability (event, &u->standard, format) : NAN;
        s->method = QK_BY_BINOMIAL;
        s->part = (size_t)event * QK_FLOATS + f;
        s->exact = !u->known || !u->centred ? NAN
                   : u->law.deviation == u->standard.deviation
                       ? claim
                       : probability (event, &u->law, format);
        s->judged = u->known;
        s->band = qk_band_absolute (claim, t);
      }
  if (u->known && u->centred && qk_plan_wants (plan, "overflow_score_log10"))
    {
      double claim = log10_score (&u->standard, format);
      struct qk_statement *s
          = add_statement (plan, "overflow_score_log10", NULL, key, "format-overflow");
      if (!s)
        return;
      s->method = QK_BY_EXACT;
      s->exact = log10_score (&u->law, format);
      s->judged = true;
      s->band = (struct qk_band){ -INFINITY, claim + 1e-9 * fabs (claim) };
    }
  static const double chances[] = { 0.5, 0.01 };
  for (size_t i = 0; i < 2 && u->known && qk_plan_wants (plan, "overflow_variance"); i++)
    {
      key = make_keys (plan, &u->draws.w, format, NULL, chances[i]);
      struct qk_statement *s
          = add_statement (plan, "overflow_variance", NULL, key, "format-overflow");
      if (!s)
        return;
      s->method = QK_BY_EXACT;
      s->exact = qk_overflow_deviation (&u->standard, limit_of (format), chances[i])
                 / u->standard.deviation;
    }
}

/* Weights in format f by every algorithm, but without the shift only where it is not mostly
   infinite.  */
static void
add_softmax (struct qk_plan *plan, const struct setup *known, enum qk_float f)
{
  struct setup u = *known;
  u.format = &qk_float_formats[f];
  if (!qk_plan_wants (plan, "softmax_error_over_bound"))
    return;
  double infinite = probability (EXP, &u.law, u.format);
  double n = u.draws.w.rows.n, operations = n + 2 * qk_softmax_exp_error (u.format, u.direction);
  if (operations * u.format->unit > M_LN2)
    qk_plan_warn (plan,
                  "%.0f keys in %s: the proved bound of the softmax is larger than the weights; it "
                  "holds, and says nothing",
                  n, u.format->name);
  size_t source = add_case (plan, &qk_softmax_kind, &u);
  for (int form = 0; form < QK_SOFTMAX_FORMS && !plan->full; form++)
    {
      if (form >= QK_UNSHIFTED && infinite > MOSTLY)
        continue;
      const struct qk_key *key
          = make_keys (plan, &u.draws.w, u.format, qk_softmax_form_names[form], 0);
      struct qk_statement *s
          = add_statement (plan, "softmax_error_over_bound", &source, key, "softmax-error");
      if (!s)
        return;
      s->method = QK_BY_BOUND;
      s->part = (size_t)form;
      s->judged = true;
      s->band = (struct qk_band){ 0, 1 };
    }
}

static void
add_counterexample (struct qk_plan *plan)
{
  struct qk_key *key = qk_plan_keys (plan);
  if (!key || !qk_plan_wants (plan, "counterexample"))
    return;
  qk_key_add (key, (struct qk_key){ .name = "d_k", .number = COUNTEREXAMPLE_DK });
  qk_key_add (key,
              (struct qk_key){ .name = "format_acc", .text = qk_float_formats[QK_BINARY16].name });
  struct qk_statement *s = add_statement (plan, "counterexample", NULL, key, "format-overflow");
  if (!s)
    return;
  s->method = QK_BY_ROUNDING;
  s->exact = COUNTEREXAMPLE;
  s->judged = true;
  s->band = qk_band_absolute (COUNTEREXAMPLE, 1e-9 * fabs (COUNTEREXAMPLE));
}

static int
plan_narrow (struct qk_plan *plan, char why[static QK_WHY])
{
  struct qk_params p;
  if (!is_asked (plan))
    return 0;
  ask (&p, plan->params);
  if (qk_weights_check (&p, why))
    return -1;
  bool nearest = p.rounding == QK_NEAREST;
  for (int event = 0; event < EVENTS && !nearest && p.quantity.n; event++)
    if (qk_plan_wants (plan, event_quantities[event]))
      qk_plan_warn (plan, "rounding toward zero gives no infinities: what overflows is left out");
  for (size_t i = 0; i < qk_weights_count (&p) && !plan->full; i++)
    {
      struct setup u = make_setup (&p, i);
      size_t source = add_case (plan, &qk_overflow_kind, &u);
      for (size_t j = 0; j < p.format_acc.n && nearest; j++)
        add_overflow (plan, &u, source, (enum qk_float)p.format_acc.value[j]);
      for (size_t j = 0; j < p.format_acc.n; j++)
        add_softmax (plan, &u, (enum qk_float)p.format_acc.value[j]);
    }
  if (nearest)
    add_counterexample (plan);
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* Few rows: every one is held to a proof.  */
static void
size_softmax (struct qk_plan *plan, size_t c)
{
  struct setup *u = plan->cases[c].own;
  double n = u->draws.w.rows.n, samples = plan->params->samples;
  double most = fmax (samples > 0 ? MOST_SCORES : SCORES, QK_LANES * n) / n;
  double queries = samples > 0 ? fmin (samples, most) : most;
  qk_weights_size_own (plan, c, 1, REFERENCE_COST); /* one draw */
  u->draws.draws = 1;
  plan->cases[c].units = QK_LANES;
  plan->cases[c].blocks = (uint64_t)ceil (queries / QK_LANES);
  plan->cases[c].cost
      = QK_LANES * n * (u->draws.w.law.d * (1 + QK_DRAW_COST) + QK_SOFTMAX_FORMS * ROW_COST)
        + QK_LANES * n * REFERENCE_COST;
  plan->cases[c].scratch = lay (u, NULL).used * sizeof (double);
}

static int
size_narrow (struct qk_plan *plan, size_t c, char why[static QK_WHY])
{
  (void)why;
  if (plan->cases[c].kind == &qk_softmax_kind)
    {
      size_softmax (plan, c);
      return 0;
    }
  const struct setup *u = plan->cases[c].own;
  double need = 1, t = plan->params->tolerance;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (!s->sources || s->source[0] != c)
        continue;
      double p = s->exact;
      if (isnan (p)) /* about as if the components were normal */
        p = probability (s->part / QK_FLOATS, &u->law, &qk_float_formats[s->part % QK_FLOATS]);
      need = fmax (need, qk_plan_proportion (fmin (fmax (p, 0), 1), t, qk_round_miss (s->miss, 1)));
    }
  qk_weights_size_own (plan, c, need, ROW_COST);
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

static void
enclose_narrow (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                const struct qk_table *tables, double miss)
{
  if (s->method == QK_BY_EXACT)
    {
      *e = qk_enclosure_known (s->exact, 0);
      return;
    }
  if (s->method == QK_BY_ROUNDING) /* the counterexample */
    {
      struct qk_overflow one = { .d = COUNTEREXAMPLE_DK, .deviation = 1, .n = 1 };
      double x = log10_score (&one, &qk_float_formats[QK_BINARY16]), slack = 1e-12 * fabs (x);
      *e = (struct qk_enclosure){ x, NAN, x - slack, x + slack };
      return;
    }
  const struct qk_table *t = &tables[s->source[0]];
  if (s->method == QK_BY_BINOMIAL)
    qk_enclose_proportion (e, qk_column_sum (t, s->part),
                           (double)t->rows * plan->cases[s->source[0]].units, miss);
  else if (qk_column_sum (t, QK_SOFTMAX_FORMS + s->part) > 0)
    {
      double most = qk_column_most (t, s->part);
      *e = qk_enclosure_known (most, 0);
    }
  else /* all rows overflow: nothing is known */
    *e = (struct qk_enclosure){ 0, NAN, -INFINITY, INFINITY };
}

/* ---- In words -------------------------------------------------------------------------------- */

static bool
explain_narrow (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
                const struct qk_enclosure *e, enum qk_verdict verdict)
{
  const struct qk_law *q = &plan->params->q_dist, *k = &plan->params->k_dist;
  double variance = q->sd * q->sd * k->sd * k->sd;
  if (s->method == QK_BY_BOUND && verdict == QK_UNDECIDED && e->hi > 1)
    snprintf (text, size, "Every row drawn overflows in %s: there are no weights to compare.",
              s->key[3].text);
  else if (verdict != QK_FAILS || s->method == QK_BY_BOUND || s->method == QK_BY_ROUNDING)
    return false;
  else if (q->mean != 0 || k->mean != 0)
    snprintf (text, size, "The claim is about components of mean 0.");
  else if (variance != 1)
    snprintf (text, size,
              "The claim is about components of variance 1; these make the variance of a score "
              "%.4g times as large.",
              variance);
  else
    return false;
  return true;
}

/* Whether scores overflow, at which variance they would, and what does; unscaled, in binary16.  */
static bool
tell_overflow (char *text, size_t size, const struct qk_plan *plan)
{
  struct qk_params p;
  const struct qk_float_format *half = &qk_float_formats[QK_BINARY16];
  bool asked = false;
  ask (&p, plan->params);
  for (size_t i = 0; i < p.format_acc.n; i++)
    asked |= p.format_acc.value[i] == QK_BINARY16;
  for (size_t i = 0; i < plan->n_cases && asked; i++)
    {
      const struct setup *u = plan->cases[i].own;
      if (plan->cases[i].kind != &qk_overflow_kind || !u->known || u->draws.w.c != 1)
        continue;
      snprintf (text, size,
                "Scores of components of variance 1 never overflow binary16: log10 P = %.0f (d_k = "
                "%.0f, %.0f key%s); half of the queries would at variance %.4g. What overflows is "
                "exp without the shift.",
                log10_score (&u->standard, half), u->standard.d, u->standard.n,
                u->standard.n == 1 ? "" : "s",
                qk_overflow_deviation (&u->standard, limit_of (half), 0.5));
      return true;
    }
  return false;
}

static void
summarise_narrow (char *text, size_t size, const struct qk_plan *plan,
                  const struct qk_table *tables)
{
  double most = 0;
  *text = '\0';
  size_t used = tell_overflow (text, size, plan) ? strlen (text) : 0;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (s->sources && plan->cases[s->source[0]].kind == &qk_softmax_kind)
        most = fmax (most, qk_column_most (&tables[s->source[0]], s->part));
    }
  if (most > 0 && used < size)
    snprintf (text + used, size - used,
              "%sNo weight of the softmax errs by more than %.2g of its "
              "proved bound.",
              used ? " " : "", most);
}

const struct qk_part qk_narrow_part = { .kinds = kinds,
                                        .plan = plan_narrow,
                                        .size = size_narrow,
                                        .enclose = enclose_narrow,
                                        .explain = explain_narrow,
                                        .summarise = summarise_narrow };
