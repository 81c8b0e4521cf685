/* audit.c -- do these recorded Q and K satisfy the assumptions, and what is their score variance?

   The file is the whole population: nothing is sampled, and the only error is rounding.  Two kinds
   of case: heads (components of Q and of K, one block a head), and strips (scores of a strip of
   queries with all keys of their head, one block a strip), which take their shift from the heads.
   All of it depends on the shapes alone, so the digits do not depend on the threads.  */

#include "../experiment.h"
#include "../message.h"
#include "../recording.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* u, and a bound for the relative error of e^t by the kernels beside that of its argument.  */
static const double U = DBL_EPSILON / 2, EXP_ERROR = 8;

/* Arguments of e^t that do not underflow are smaller.  */
static const double MOST_T = 746;

/* Scores whose squares and their sums stay finite.  */
static const double MOST_SCORE = 1e140;

/* ---- Blocks -------------------------------------------------------------------------------------
   Their rows are the structures of recording.h.  */

struct setup
{
  struct qk_recording r;
  bool skip;
};

#define SIDE(side)                                                                                 \
  { side "_tokens", 1 }, { side "_mean", 1 }, { side "_variance", 1 }, { side "_norm", 1 },        \
      { side "_nans", 1 }, { side "_infinities", 1 }, { side "_bad_token", 1 },                    \
  {                                                                                                \
    side "_bad_component", 1                                                                       \
  }

static const struct qk_column heads_columns[]
    = { SIDE ("q"),     SIDE ("k"), { "predicted", 1 }, { "pooled", 1 }, { "key_mean_share", 1 },
        { "shift", 1 }, { 0 } };

static const struct qk_column strips_columns[] = { { "pairs", 1 },
                                                   { "s1", 1 },
                                                   { "s2", 1 },
                                                   { "rows", 1 },
                                                   { "spread_rows", 1 },
                                                   { "row_variance", 1 },
                                                   { "row_square", 1 },
                                                   { "participation", 1 },
                                                   { "entropy", 1 },
                                                   { "max_weight", 1 },
                                                   { "max_abs_score", 1 },
                                                   { 0 } };

_Static_assert(sizeof (struct qk_head)
                   == (sizeof heads_columns / sizeof *heads_columns - 1) * sizeof (double),
               "a row");
_Static_assert(sizeof (struct qk_strip)
                   == (sizeof strips_columns / sizeof *strips_columns - 1) * sizeof (double),
               "a row");

static int
heads_block (double *row, const struct qk_case *c, uint64_t head, struct qk_work *work)
{
  const struct setup *u = c->own;
  struct qk_head h;
  int status = qk_recording_head (&h, &u->r, head, work->scratch, work->why);
  memcpy (row, &h, sizeof h);
  return status;
}

static struct qk_head
head_of (const struct qk_table *tables, uint64_t head)
{
  struct qk_head h;
  memcpy (&h, tables[0].data + head * tables[0].columns, sizeof h);
  return h;
}

static int
strips_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  double shift = head_of (work->tables, index / u->r.strips).shift;
  struct qk_strip s;
  int status
      = qk_recording_strip (&s, &u->r, index, shift, work->kernels, work->scratch, work->why);
  memcpy (row, &s, sizeof s);
  return status || isnan (s.s2) ? -1 : 0;
}

static const struct qk_kind heads_kind
    = { .name = "heads", .unit = "component", .columns = heads_columns, .block = heads_block };
static const struct qk_kind strips_kind = {
  .name = "strips", .unit = "score", .columns = strips_columns, .later = true, .block = strips_block
};

/* ---- Quantities -------------------------------------------------------------------------------
 */

enum quantity
{
  VARIANCE_RATIO,
  PREDICTED_VARIANCE,
  PREDICTED_VARIANCE_POOLED,
  WITHIN_ROWS,
  SCALE_SUGGESTED,
  SCORE_MEAN,
  SHARE_OF_KEY_MEAN,
  LARGEST_SCORE,
  LARGEST_WEIGHT,
  ROW_PARTICIPATION,
  ROW_ENTROPY,
  SCORE_VARIANCE,
  Q_MEAN,
  Q_VARIANCE,
  K_MEAN,
  K_VARIANCE,
  QUANTITIES
};

static const struct qk_quantity quantities[] = {
  { "variance_ratio", "Var(s)/d_k", "1", QK_LEAD, "LO..HI of --expect; without it, described",
    "Variance of all scores s = q·k of a head, divided by d_k: 1 under the assumptions of the "
    "textbook." },
  { "predicted_variance", "independent", "score^2", QK_COLUMN, NULL,
    "The variance of the scores if the components were independent, each with its own mean and "
    "variance: the sum over components of σ_q²σ_k² + σ_q²μ_k² + σ_k²μ_q²." },
  { "predicted_variance_pooled", "i.i.d.", "score^2", QK_COLUMN, NULL,
    "The same if all components had the pooled mean and variance of q_mean, q_variance, k_mean "
    "and k_variance." },
  { "row_variance", "within rows", "score^2", QK_COLUMN, NULL,
    "Variance over the keys within a row, mean over the queries that see two keys or more: what "
    "the softmax sees, since a constant along a row changes no weight." },
  { "scale_suggested", "1/sd", "1/score", QK_COLUMN, NULL,
    "1/√row_variance: the scale that would give the scores within a row variance 1, where the "
    "textbook has 1/√d_k." },
  { "score_mean", "mean", "score", QK_COLUMN, NULL, "Mean of all scores of a head." },
  { "key_mean_share", "‖mean k‖²", "1", QK_COLUMN, NULL,
    "Squared norm of the mean key over the mean squared norm of the keys: the part of their "
    "energy that shifts whole rows and that the softmax does not see." },
  { "max_abs_score", "max |s|", "score", QK_COLUMN, NULL, "Largest magnitude of a score." },
  { "max_weight", "max p", "1", QK_COLUMN, NULL,
    "Largest softmax weight of a row at the scale 1/√d_k, mean over queries." },
  { "participation", "Σp²", "1", QK_COLUMN, NULL,
    "Sum of the squared softmax weights of a row at 1/√d_k, mean over queries: 1/n for even "
    "weights over n keys, 1 for a single one." },
  { "entropy", "entropy", "nats", QK_COLUMN, NULL,
    "Entropy of the softmax weights of a row at 1/√d_k, mean over queries." },
  { "score_variance", "Var(s)", "score^2", QK_DETAIL, NULL,
    "Variance of all scores of a head, divided by their number less one." },
  { "q_mean", "mean q", "1", QK_DETAIL, NULL, "Mean of all components of the queries." },
  { "q_variance", "Var q", "1", QK_DETAIL, NULL,
    "Variance of all components of the queries, divided by their number less one." },
  { "k_mean", "mean k", "1", QK_DETAIL, NULL, "Mean of all components of the keys." },
  { "k_variance", "Var k", "1", QK_DETAIL, NULL,
    "Variance of all components of the keys, divided by their number less one." },
  { 0 }
};

/* Whether a quantity is one of scores, or of components.  */
static bool
of_scores (enum quantity q)
{
  return q != PREDICTED_VARIANCE && q != PREDICTED_VARIANCE_POOLED && q != SHARE_OF_KEY_MEAN
         && q < Q_MEAN;
}

/* ---- Plan --------------------------------------------------------------------------------------
 */

enum
{
  HEADS_CASE,
  STRIPS_CASE
};

/* The case of a head: its place on the leading axes, then what all heads share.  */
static const struct qk_key *
keys_of (struct qk_plan *plan, const struct qk_recording *r, uint64_t head)
{
  struct qk_key *keys = qk_plan_keys (plan);
  const char *name;
  uint64_t index;
  for (unsigned a = 0; (name = qk_recording_axis (&index, r->q, a, head)); a++)
    qk_key_add (keys, (struct qk_key){ .name = name, .number = (double)index });
  qk_key_add (keys, (struct qk_key){ .name = "d_k", .number = (double)r->d });
  qk_key_add (keys, (struct qk_key){ .name = "keys", .number = (double)r->keys });
  if (r->causal)
    qk_key_add (keys, (struct qk_key){ .name = "mask", .text = "causal" });
  return keys;
}

static void
add_statements (struct qk_plan *plan, uint64_t head, const struct qk_key *keys, const bool *wanted)
{
  static const size_t sources[] = { HEADS_CASE, STRIPS_CASE };
  const struct qk_params *p = plan->params;
  for (size_t i = 0; i < QUANTITIES; i++)
    {
      if (!wanted[i])
        continue;
      bool scores = of_scores ((enum quantity)i);
      struct qk_statement *s
          = qk_plan_statement (plan, quantities[i].name, sources, scores ? 2 : 1);
      s->key = keys;
      s->method = QK_BY_ROUNDING;
      s->part = (size_t)head;
      if (i == VARIANCE_RATIO && p->expected)
        {
          s->judged = true;
          s->band = p->expect;
        }
    }
}

static int
plan_audit (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  struct setup *u = qk_plan_alloc (plan, sizeof *u);
  for (int i = 0; i < 2; i++)
    if (qk_plan_input (plan, p->operand[i], qk_tensor_open, why))
      return -1;
  if (!u)
    return 0;
  u->skip = p->nan == QK_NAN_SKIP;
  if (qk_recording_open (&u->r, &plan->inputs[0]->tensor, &plan->inputs[1]->tensor, p->causal, why))
    return -1;
  qk_plan_case (plan, &heads_kind, "heads", "audit heads", u);
  qk_plan_case (plan, &strips_kind, "strips", "audit strips", u);
  bool wanted[QUANTITIES];
  for (size_t i = 0; i < QUANTITIES; i++)
    wanted[i] = qk_plan_wants (plan, quantities[i].name);
  for (uint64_t head = 0; head < u->r.heads && !plan->full; head++)
    add_statements (plan, head, keys_of (plan, &u->r, head), wanted);
  return 0;
}

static int
size_audit (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)why;
  for (size_t i = 0; i < plan->n_cases; i++)
    {
      struct qk_case *c = &plan->cases[i];
      const struct qk_recording *r = &((struct setup *)c->own)->r;
      double d = (double)r->d, tokens = (double)r->queries + (double)r->keys;
      bool scores = c->kind == &strips_kind;
      c->blocks = scores ? r->heads * r->strips : r->heads;
      c->units = scores ? qk_recording_scores (r) / (double)r->strips : 0;
      c->cost = scores ? (double)r->strip * (double)r->keys * (d + 64) : 8 * tokens * d;
      c->scratch = scores ? qk_recording_strip_bytes (r) : qk_recording_head_bytes (r);
    }
  return 0;
}

/* ---- What the components forbid ----------------------------------------------------------------
 */

/* "3 of the values of Q are not finite (2 NaN, 1 infinite), the first at head 0, token 3, ...";
   false: all are.  Each head of K counts once.  */
static bool
bad_words (char text[static QK_WHY], const struct qk_recording *r, const struct qk_table *tables,
           bool of_k)
{
  const struct qk_tensor *t = of_k ? r->k : r->q;
  uint64_t where = 0;
  double nans = 0, infinities = 0, token = 0, component = 0;
  for (uint64_t head = r->heads; head-- > 0;)
    {
      struct qk_head h = head_of (tables, head);
      const struct qk_side *s = of_k ? &h.k : &h.q;
      if (s->bad_token < 0 || (of_k && head % r->group))
        continue;
      nans += s->nans;
      infinities += s->infinities;
      where = head / (of_k ? r->group : 1);
      token = s->bad_token;
      component = s->bad_component;
    }
  char place[QK_WHY];
  snprintf (text, QK_WHY,
            "%.0f of the values of %c are not finite (%.0f NaN, %.0f infinite), the first at "
            "%.80stoken %.0f, component %.0f",
            nans + infinities, of_k ? 'K' : 'Q', nans, infinities,
            qk_recording_place (place, t, where), token, component);
  return nans + infinities > 0;
}

static int
inspect_audit (const struct qk_plan *plan, const struct qk_table *tables, char why[static QK_WHY])
{
  const struct setup *u = plan->cases[HEADS_CASE].own;
  char text[QK_WHY];
  for (int side = 0; side < 2; side++)
    if (!bad_words (text, &u->r, tables, side))
      continue;
    else if (!u->skip)
      return qk_complain (why, "%.200s; --nan=skip leaves such tokens out", text);
    else /* said of Q, and then of K too */
      snprintf (why + strlen (why), QK_WHY - strlen (why), "%s%.125s", *why ? "; " : "", text);
  for (uint64_t head = 0; head < u->r.heads; head++)
    {
      struct qk_head h = head_of (tables, head);
      if (!(h.q.norm * h.k.norm < MOST_SCORE))
        return qk_complain (why, "%sscores may exceed %.0e, and sums of their squares overflow",
                            qk_recording_place (text, u->r.q, head), MOST_SCORE);
    }
  return 0;
}

/* ---- Enclosures: rounding ----------------------------------------------------------------------

   A score is one chain of fused multiply-adds, so its error is at most
   delta = gamma_d sum |q_i k_i| <= gamma_d |q| |k|.  Sums of n terms in any order err by at most
   gamma_n times the sum of magnitudes; m below bounds the additions that any term goes through.  */

struct whole
{
  struct qk_head head;
  struct qk_strip sum;           /* over its strips */
  double delta, additions, keys; /* bounds */
  double d;
  bool there;
};

static struct whole
gather (const struct qk_recording *r, const struct qk_table *tables, size_t n_tables, size_t part)
{
  struct whole w = { .d = (double)r->d, .keys = (double)r->keys };
  if (part >= tables[HEADS_CASE].rows)
    return w;
  w.there = true;
  w.head = head_of (tables, part);
  w.delta = 1.01 * w.d * U * w.head.q.norm * w.head.k.norm;
  w.additions = (double)r->keys + (double)r->queries + 64;
  if (n_tables <= STRIPS_CASE)
    return w;
  const struct qk_table *strips = &tables[STRIPS_CASE];
  w.there = (part + 1) * r->strips <= strips->rows;
  double most = 0, *sum = (double *)&w.sum;
  for (uint64_t i = part * r->strips; w.there && i < (part + 1) * r->strips; i++)
    {
      struct qk_strip s;
      const double *row = strips->data + i * strips->columns;
      memcpy (&s, row, sizeof s);
      most = fmax (most, s.max_abs);
      for (size_t c = 0; c < strips->columns; c++)
        sum[c] += row[c];
    }
  w.sum.max_abs = most;
  return w;
}

static struct qk_enclosure
around (double estimate, double half)
{
  half += 2 * U * fabs (estimate);
  return (struct qk_enclosure){ estimate, NAN, estimate - half, estimate + half };
}

/* A quantity that cannot be negative.  */
static struct qk_enclosure
positive (double estimate, double half)
{
  struct qk_enclosure e = around (estimate, half);
  e.lo = fmax (e.lo, 0);
  return e;
}

/* A variance: v = (sum x^2 - (sum x)^2 / n) / (n - 1), square = sum x^2 / (n - 1).  An error of at
   most e in each x changes sqrt (v) by at most e sqrt (n / (n - 1)) <= 1.5 e.  */
static struct qk_enclosure
variance (const struct whole *w, double v, double square)
{
  double e = 1.5 * (w->delta + U * sqrt (square));
  return positive (v, 2 * sqrt (fmax (v, 0)) * e + e * e + (2 * w->additions + 8) * U * square);
}

static struct qk_enclosure
score_variance (const struct whole *w)
{
  double n = w->sum.pairs, s1 = w->sum.s1, s2 = w->sum.s2;
  return variance (w, (s2 - s1 * s1 / n) / (n - 1), s2 / (n - 1));
}

/* e^(c (s - max)) errs relatively by 2 c delta from the scores, |t| u each from the scale, the
   product and the difference, and by exp; a sum of them by its additions more.  */
static double
weight_error (const struct whole *w)
{
  return 2 * w->delta / sqrt (w->d) + (4 * MOST_T + EXP_ERROR + w->keys + 8) * U;
}

static struct qk_enclosure
enclose_scores (const struct whole *w, enum quantity q)
{
  const struct qk_strip *x = &w->sum;
  double rows = x->rows, rho = weight_error (w), sums = (w->additions + 4) * U;
  struct qk_enclosure e;
  switch (q)
    {
    case SCORE_MEAN:
      {
        double mean = x->s1 / x->pairs, rms = sqrt (x->s2 / x->pairs);
        return around (w->head.shift + mean, w->delta + (w->additions + 4) * U * rms);
      }
    case SCORE_VARIANCE:
      return score_variance (w);
    case VARIANCE_RATIO:
      e = score_variance (w);
      return (struct qk_enclosure){ e.estimate / w->d, NAN, e.lo / w->d * (1 - U),
                                    e.hi / w->d * (1 + 2 * U) };
    case WITHIN_ROWS:
    case SCALE_SUGGESTED:
      e = variance (w, x->row_variance / x->spread_rows, x->row_square / x->spread_rows);
      if (q == WITHIN_ROWS)
        return e;
      if (!(e.estimate > 0)) /* equal scores in every row need no scale */
        return (struct qk_enclosure){ NAN, NAN, NAN, NAN };
      return (struct qk_enclosure){ 1 / sqrt (e.estimate), NAN, 1 / sqrt (e.hi) * (1 - 3 * U),
                                    1 / sqrt (e.lo) * (1 + 3 * U) };
    case ROW_PARTICIPATION:
      e.estimate = x->participation / rows;
      return positive (e.estimate, e.estimate * (4 * rho + sums));
    case ROW_ENTROPY:
      e.estimate = x->entropy / rows;
      return positive (e.estimate,
                       rho * (2 + 3 * log (w->keys)) + 4 * MOST_T * U + e.estimate * sums);
    case LARGEST_WEIGHT:
      e.estimate = x->max_weight / rows;
      return positive (e.estimate, e.estimate * (2 * rho + sums));
    default: /* LARGEST_SCORE */
      return positive (rows > 0 ? x->max_abs : NAN, w->delta);
    }
}

static struct qk_enclosure
enclose_components (const struct whole *w, enum quantity q)
{
  const struct qk_head *x = &w->head;
  const struct qk_side *side = q == K_MEAN || q == K_VARIANCE ? &x->k : &x->q;
  double m = (w->additions + w->d) * U;
  switch (q)
    {
    case Q_MEAN:
    case K_MEAN: /* sums of differences from the mean of the first pass; one token has none */
      return around (side->tokens > 0 ? side->mean : NAN,
                     m * (isnan (side->variance) ? 0 : sqrt (side->variance))
                         + w->d * U * fabs (side->mean));
    case Q_VARIANCE:
    case K_VARIANCE:
      return positive (side->variance, 4 * m * side->variance);
    case PREDICTED_VARIANCE:
      return positive (x->predicted, 4 * m * x->predicted);
    case PREDICTED_VARIANCE_POOLED:
      return positive (x->pooled, 4 * m * x->pooled);
    default: /* SHARE_OF_KEY_MEAN */
      return positive (x->key_mean_share, 4 * m);
    }
}

/* Scores or components that remain: tokens may have been left out.  */
static double
population_audit (const struct qk_plan *plan, const struct qk_statement *s,
                  const struct qk_table *tables)
{
  const struct setup *u = plan->cases[HEADS_CASE].own;
  enum quantity q = (enum quantity)s->quantity;
  struct whole w = gather (&u->r, tables, s->sources, s->part);
  return of_scores (q)                    ? w.sum.pairs
         : q == Q_MEAN || q == Q_VARIANCE ? w.head.q.tokens * w.d
                                          : w.head.k.tokens * w.d;
}

static void
enclose_audit (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  (void)miss;
  enum quantity q = (enum quantity)s->quantity;
  const struct setup *u = plan->cases[HEADS_CASE].own;
  struct whole w = gather (&u->r, tables, s->sources, s->part);
  *e = (struct qk_enclosure){ NAN, NAN, NAN, NAN };
  if (!w.there)
    return;
  *e = of_scores (q) ? enclose_scores (&w, q) : enclose_components (&w, q);
  if (!isfinite (e->estimate)) /* one token has no variance, and none no mean */
    e->estimate = NAN;
}

/* ---- In words ----------------------------------------------------------------------------------
 */

static void
describe_audit (char *text, size_t size, const struct qk_plan *plan)
{
  *text = '\0';
  if (!plan->n_cases)
    return; /* interrupted before there was a plan */
  const struct qk_recording *r = &((struct setup *)plan->cases[HEADS_CASE].own)->r;
  size_t used = 0;
  if (r->heads > 1)
    used += (size_t)snprintf (text, size, "%" PRIu64 " heads, ", r->heads);
  if (r->group > 1)
    used
        += (size_t)snprintf (text + used, size - used, "%" PRIu64 " to each head of K, ", r->group);
  snprintf (text + used, size - used,
            "d_k = %zu, %" PRIu64 " quer%s and %" PRIu64 " key%s each, %s%s", r->d, r->queries,
            r->queries == 1 ? "y" : "ies", r->keys, r->keys == 1 ? "" : "s", r->q->dtype,
            r->causal ? ", causal" : "");
}

/* Why Var s differs from d_k: ln (Var s/d_k) is the sum of three logarithms, one a cause.  */
enum cause
{
  SIZE,       /* pooled/d_k */
  INEQUALITY, /* independent/pooled */
  DEPENDENCE, /* Var s/independent */
  CAUSES
};

enum
{
  NAMED = 6 /* far heads that are named one by one */
};

struct summary
{
  uint64_t which[NAMED];                       /* the first that are far */
  uint64_t heads, far, cause[CAUSES], between; /* of heads */
  uint64_t lowest, highest;                    /* heads */
  double least, most;                          /* of Var s/d_k */
};

/* Far is a factor of 2, or what --expect says.  */
static bool
is_far (double ratio, const struct qk_params *p)
{
  return p->expected ? ratio < p->expect.lo || ratio > p->expect.hi : !(ratio > 0.5 && ratio < 2);
}

static void
add_head (struct summary *sum, const struct whole *w, uint64_t head, const struct qk_params *p)
{
  double v = score_variance (w).estimate, ratio = v / w->d;
  double pooled = w->head.pooled, predicted = w->head.predicted;
  if (!isfinite (ratio) || !isfinite (pooled) || !isfinite (predicted))
    return;
  if (!sum->heads || ratio < sum->least)
    {
      sum->least = ratio;
      sum->lowest = head;
    }
  if (!sum->heads || ratio > sum->most)
    {
      sum->most = ratio;
      sum->highest = head;
    }
  sum->heads++;
  if (!is_far (ratio, p))
    return;
  if (sum->far < NAMED)
    sum->which[sum->far] = head;
  sum->far++;
  double sign = ratio < 1 ? -1 : 1;
  const double part[CAUSES] = { [SIZE] = sign * log (pooled / w->d),
                                [INEQUALITY] = sign * log (predicted / pooled),
                                [DEPENDENCE] = sign * log (v / predicted) };
  size_t chief = SIZE;
  for (size_t i = 0; i < CAUSES; i++)
    if (part[i] > part[chief])
      chief = i;
  sum->cause[chief]++;
  sum->between += w->sum.row_variance / w->sum.spread_rows < v / 2;
}

static void
summarise_audit (char *text, size_t size, const struct qk_plan *plan, const struct qk_table *tables)
{
  static const char *const words[CAUSES]
      = { "the size of the components (their mean and variance are not 0 and 1)",
          "components of unequal size", "components that depend on each other" };
  *text = '\0';
  if (!plan->n_cases)
    return;
  const struct qk_recording *r = &((struct setup *)plan->cases[HEADS_CASE].own)->r;
  struct summary sum = { 0 };
  for (uint64_t head = 0; plan->n_cases > STRIPS_CASE && head < r->heads; head++)
    {
      struct whole w = gather (r, tables, plan->n_cases, head);
      if (w.there)
        add_head (&sum, &w, head, plan->params);
    }
  if (!sum.heads)
    return;
  char lowest[QK_WHY], highest[QK_WHY];
  qk_recording_place (lowest, r->q, sum.lowest);
  qk_recording_place (highest, r->q, sum.highest);
  size_t used = 0;
  const char *from = plan->params->expected ? "what is expected" : "Var s = d_k";
  if (sum.heads == 1 && !sum.far)
    used += (size_t)snprintf (text, size, "Var s is %.3g times d_k, near %s.", sum.most, from);
  else if (sum.heads == 1)
    used += (size_t)snprintf (text, size, "Var s is %.3g times d_k, far from %s.", sum.most, from);
  else
    used += (size_t)snprintf (
        text, size,
        "%" PRIu64 " of %" PRIu64 " heads are far from %s%s: Var s is between %.3g (%.*s) and "
        "%.3g (%.*s) times d_k.",
        sum.far, sum.heads, from, plan->params->expected ? "" : ", by a factor 2 or more",
        sum.least, (int)strlen (lowest) - 2, lowest, sum.most, (int)strlen (highest) - 2, highest);
  for (uint64_t i = 0; sum.far <= NAMED && sum.far < sum.heads && i < sum.far && used < size; i++)
    {
      qk_recording_place (lowest, r->q, sum.which[i]);
      used += (size_t)snprintf (text + used, size - used, "%s%.*s%s",
                                i ? "; " : " Far: ", (int)strlen (lowest) - 2, lowest,
                                i + 1 < sum.far ? "" : ".");
    }
  const char *lead = " Main cause: ";
  for (size_t i = 0; i < CAUSES && used < size; i++)
    if (sum.cause[i])
      {
        used += (size_t)snprintf (text + used, size - used, "%s%s", lead, words[i]);
        if (sum.heads > 1 && used < size)
          used += (size_t)snprintf (text + used, size - used, " in %" PRIu64, sum.cause[i]);
        lead = ", ";
      }
  if (sum.far && used < size)
    used += (size_t)snprintf (text + used, size - used, ".");
  if (sum.between && used < size && sum.heads == 1)
    snprintf (text + used, size - used,
              " Most of the variance lies between rows, where the softmax does not see it.");
  else if (sum.between && used < size)
    snprintf (text + used, size - used,
              " In %" PRIu64 " of these most of the variance lies between rows, where the softmax "
              "does not see it.",
              sum.between);
}

/* ---- The descriptor ----------------------------------------------------------------------------
 */

static const char *const nans[] = { "refuse", "skip", NULL };

static const struct qk_operand operands[] = {
  { .name = "Q.npy",
    .help = "The queries: a file of floating-point numbers whose last two axes are tokens and d_k. "
            "Axes before them are heads, or layers and heads, or layers, batches and heads." },
  { .name = "K.npy",
    .help = "The keys, likewise. There may be another number of tokens, and fewer heads if their "
            "number divides that of Q: then consecutive heads of Q share one (grouped-query "
            "attention)." },
  { 0 },
};

static const struct qk_option options[] = {
  { .name = "causal",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, causal),
    .help = "A query sees the keys up to its own place only; the last query stands at the last "
            "key." },
  { .name = "expect",
    .type = QK_INTERVAL,
    .offset = offsetof (struct qk_params, expect),
    .seen = offsetof (struct qk_params, expected),
    .metavar = "LO..HI",
    .lo = 0,
    .hi = 1e300,
    .help = "Judge variance_ratio, Var(s)/d_k, of each head: it holds from LO to HI, such as "
            "0.5..2." },
  { .name = "nan",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, nan),
    .standard = "refuse",
    .choices = nans,
    .help = "What to do where a value is not a number or infinite: refuse the file and say where "
            "the first one is, or skip every token that has one." },
  { 0 },
};

static const struct qk_example examples[] = {
  { "q.npy k.npy --expect=5..1500", "variance_ratio", QK_HOLDS,
    "A small trained model: the scores of its heads have a variance of 9 to 1200 times d_k." },
  { "q.npy k.npy --causal --expect=0.5..2", "variance_ratio", QK_FAILS,
    "None of its heads is anywhere near the textbook." },
  { "q.npy k.npy", "variance_ratio", QK_DESCRIBED, "Describe, without judging." },
  { 0 },
};

static const char *const description[] = {
  "Reads the queries and keys that a model computed, and says head by head how far they are from "
  "the assumptions behind the scale 1/√d_k: components with mean 0 and variance 1 that are "
  "independent of each other, so that Var(s) = d_k for the scores s = q·k. These hold at "
  "initialisation; trained heads are often far from them.",
  "A file is the whole population, so there is no sampling error: every finding is described, "
  "with an interval that encloses rounding alone, unless --expect says what shall hold. Variances "
  "divide by the number of values less one. All arithmetic is in double precision about shifted "
  "means, and gives the same digits for any number of threads.",
  "The variance of the scores is compared with what independent components would give, each with "
  "its own mean and variance, and with what i.i.d. components of the pooled mean and variance "
  "would. So the text ends with the causes: the size of the components, components of unequal "
  "size, or components that depend on each other. What the softmax sees is the variance within "
  "rows: a constant added to a row, such as the product of a query and the mean key, changes no "
  "weight.",
  "qkcheck-formats(5) says which files can be read and how to record them.",
  NULL,
};

const struct qk_experiment qk_experiment_audit = {
  .name = "audit",
  .question
  = "do these recorded Q and K satisfy the assumptions, and what is their score variance?",
  .asked = "Do these Q and K satisfy the assumptions?",
  .description = description,
  .unit = "scores",
  .recorded = true,
  .operands = operands,
  .options = options,
  .quantities = quantities,
  .kinds = (const struct qk_kind *const[]){ &heads_kind, &strips_kind, NULL },
  .examples = examples,
  .plan = plan_audit,
  .size = size_audit,
  .enclose = enclose_audit,
  .population = population_audit,
  .inspect = inspect_audit,
  .describe = describe_audit,
  .summarise = summarise_audit,
};
