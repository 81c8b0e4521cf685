/* sums.c -- sampled dot products in every format and by every algorithm.

   The independent unit is a sum of a query and a key of its own.  All algorithms of a case sum the
   same vectors, so that the exact sum is formed once.  Errors are in units of u of the accumulators
   times the deviations of the components; of ill-conditioned sums, which have none, in units of u
   times the sum.  */

#include "sums.h"
#include "enclose.h"
#include "exact.h"
#include "message.h"
#include "rounding.h"
#include "scored.h"
#include "store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum
{
  BATCH = QK_LANES,  /* sums drawn at a time, a lane each */
  LEAST_POOL = 256,  /* sums a block, */
  LEAST_UNITS = 1024 /* and a case where nothing is to be averaged */
};

/* Of a term of a sum in multiply-adds: exact summation by integers, of short numbers and of any; an
   algorithm in binary64, or with operations rounded by hand.  */
static const double WINDOW_COST = 40, EXACT_COST = 150, NATIVE_COST = 40, ROUNDED_COST = 150;

/* What a case may cost unless --max-samples says otherwise: a few minutes.  */
static const double MAX_COST = 0x1p40;

struct setup
{
  size_t d;
  struct qk_law q, k;
  const struct qk_float_format *in, *acc;
  enum qk_direction rounding;
  double condition; /* 0: vectors as they come */
  bool wanted[QK_SUMMATIONS];
  double unit;      /* of errors: u, and the deviations of the components */
  uint64_t batches; /* a block */
};

static struct qk_dot_way
way_of (const struct setup *u, size_t how)
{
  return (struct qk_dot_way){ (enum qk_summation)how, u->in, u->acc, u->rounding };
}

/* ---- Vectors --------------------------------------------------------------------------------- */

static const struct qk_column columns[] = {
  { "mean_square", QK_SUMMATIONS },    /* of the error in its unit */
  { "mean_toward", QK_SUMMATIONS },    /* of error times the sign of the exact sum */
  { "largest", QK_SUMMATIONS },        /* magnitude of the error */
  { "share_of_bound", QK_SUMMATIONS }, /* largest error over its bound */
  { "log_condition", 1 },              /* mean, of sums that are not 0 */
  { 0 },
};

enum column
{
  SQUARE = 0,
  TOWARD = QK_SUMMATIONS,
  LARGEST = 2 * QK_SUMMATIONS,
  SHARE = 3 * QK_SUMMATIONS,
  CONDITION = 4 * QK_SUMMATIONS
};

/* Room for a batch: the operands as drawn and as tiles want them, one pair of vectors, words of a
   foreign generator, a tile.  */
struct room
{
  double *q, *k, *x, *y, *tile;
  uint64_t *words;
  size_t used; /* doubles */
};

static struct room
room_of (const struct setup *u, void *scratch)
{
  size_t operand = qk_operand_size (BATCH, u->d), vector = qk_operand_size (1, u->d);
  struct qk_store store = { scratch, 0 };
  struct room r;
  r.q = qk_store_take (&store, operand);
  r.k = qk_store_take (&store, operand);
  r.x = qk_store_take (&store, vector);
  r.y = qk_store_take (&store, vector);
  r.tile = qk_store_take (&store, BATCH * BATCH);
  r.words = qk_store_bytes (&store, 2 * operand * sizeof *r.words);
  r.used = store.used;
  return r;
}

/* Draw the vectors of batch t, and round them.  */
static void
draw_batch (struct room *r, const struct setup *u, uint64_t t, struct qk_work *work)
{
  size_t operand = qk_operand_size (BATCH, u->d);
  qk_fill (work->kernels, r->q, operand, &work->source, QK_ROLE_Q, t * operand, &u->q, r->words);
  qk_fill (work->kernels, r->k, operand, &work->source, QK_ROLE_K, t * operand, &u->k, r->words);
  qk_round_all (r->q, operand, u->in, QK_NEAREST);
  qk_round_all (r->k, operand, u->in, QK_NEAREST);
}

static void
sum_tile (struct room *r, const struct setup *u, const struct qk_kernels *kernels)
{
  for (size_t i = 0; i < u->d; i += QK_DEPTH)
    {
      size_t depth = qk_chunk_depth (u->d, i);
      kernels->tile (r->tile, r->q + i * BATCH, r->k + i * BATCH, BATCH, BATCH, depth, i == 0);
    }
}

/* ---- Exact sums ------------------------------------------------------------------------------ */

/* Sums of doubles in units of 2^-place, as long as they fit: multiples of the unit, below 2^105 of
   them.  Products of numbers of at most 26 bits are doubles, and those of a case almost always fit.
   */
struct window
{
  __int128 sum;
  int place;
  bool whole; /* all have fitted */
};

static inline void
window_add (struct window *w, double x)
{
  uint64_t bits;
  memcpy (&bits, &x, sizeof bits);
  int shift = (int)(bits >> 52 & 0x7ff) - 1075 + w->place;
  int64_t m = (int64_t)((bits & 0xfffffffffffff) | UINT64_C (1) << 52);
  if (shift < 0 || shift > 52)
    w->whole &= x == 0;
  else
    w->sum += (__int128)(bits >> 63 ? -m : m) * ((int64_t)1 << shift);
}

static double
window_value (const struct window *w)
{
  return scalbn ((double)w->sum, -w->place);
}

/* The exact sum of a pair of vectors.  */
struct total
{
  bool small; /* in window; else in exact */
  struct window window;
  struct qk_exact exact;
};

static void
total_of (struct total *t, const struct setup *u, const double *x, const double *y)
{
  t->small = 2 * u->in->precision <= 53;
  t->window = (struct window){ 0, 95 - ilogb (u->unit / u->acc->unit), true };
  for (size_t i = 0; t->small && i < u->d; i++)
    window_add (&t->window, x[i] * y[i]);
  t->small &= t->window.whole;
  if (t->small)
    return;
  memset (&t->exact, 0, sizeof t->exact);
  qk_exact_dot (&t->exact, x, y, u->d);
}

/* The sum less x, rounded once.  */
static double
total_less (const struct total *t, const struct setup *u, const double *x, const double *y,
            double less)
{
  if (t->small)
    {
      struct window w = t->window;
      window_add (&w, -less);
      if (w.whole)
        return window_value (&w);
    }
  struct qk_exact rest = t->exact;
  if (t->small) /* what is taken off does not fit */
    {
      memset (&rest, 0, sizeof rest);
      qk_exact_dot (&rest, x, y, u->d);
    }
  qk_exact_add (&rest, -less, 1);
  return qk_exact_value (&rest);
}

/* The sum of |x_i y_i|, at least.  */
static double
magnitude_of (const double *x, const double *y, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += fabs (x[i] * y[i]);
  return sum * (1 + (double)n * 0x1p-52);
}

/* Toward zero what is too large is cut off without a trace: whether no sum of some consecutive
   products can be.  */
static bool
stays_below (const double *x, const double *y, size_t n, double largest)
{
  double sum = 0, most = 0;
  for (size_t i = 0; i < n; i++)
    {
      sum += x[i] * y[i];
      most = fmax (most, fmax (fabs (sum), fabs (x[i] * y[i])));
    }
  return 2 * most < largest / 2;
}

/* What one pair of vectors adds to a row, and to the number of sums that have a condition.  */
static int
add_sum (double *row, double *conditions, const struct setup *u, const double *x, const double *y,
         double tile, struct qk_work *work)
{
  struct total total;
  total_of (&total, u, x, y);
  double sum = total_less (&total, u, x, y, 0), magnitude = magnitude_of (x, y, u->d);
  double unit = u->condition > 0 ? u->acc->unit * fabs (sum) : u->unit;
  bool fits = u->rounding == QK_NEAREST || stays_below (x, y, u->d, u->acc->largest);
  for (int h = 0; h < QK_SUMMATIONS; h++)
    {
      if (!u->wanted[h])
        continue;
      struct qk_dot_way way = way_of (u, (size_t)h);
      double got = h == QK_TILED ? tile : qk_dot_rounded (x, y, u->d, &way);
      double error = -total_less (&total, u, x, y, got);
      double bound = qk_dot_bound (&way, (double)u->d, fabs (sum), magnitude);
      if (!isfinite (error) || !fits)
        return qk_complain (work->why,
                            "a sum of %zu products overflows %s: --format-acc or smaller "
                            "components can help",
                            u->d, u->acc->name);
      double scaled = error == 0 ? 0 : error / unit, share = error == 0 ? 0 : fabs (error) / bound;
      row[SQUARE + h] += scaled * scaled;
      row[TOWARD + h] += sum > 0 ? scaled : sum < 0 ? -scaled : 0;
      row[LARGEST + h] = fmax (row[LARGEST + h], fabs (scaled));
      row[SHARE + h] = fmax (row[SHARE + h], share); /* not asked for where there is no bound */
    }
  *conditions += sum != 0;
  row[CONDITION] += sum != 0 ? log (2 * magnitude / fabs (sum)) : 0;
  return 0;
}

/* ---- The kind of case ------------------------------------------------------------------------ */

static int
sums_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct setup *u = c->own;
  struct room r = room_of (u, work->scratch);
  double conditions = 0;
  qk_source_open (&work->source, work->seed, c->cell, index);
  memset (row, 0, (CONDITION + 1) * sizeof *row);
  for (uint64_t t = 0; t < u->batches; t++)
    {
      if (u->condition == 0)
        draw_batch (&r, u, t, work);
      for (size_t lane = 0; u->condition > 0 && lane < BATCH; lane++)
        {
          qk_ill_draw (r.x, r.y, u->d, u->condition, u->in, &work->source, t * BATCH + lane);
          for (size_t i = 0; i < u->d; i++)
            {
              r.q[i * BATCH + lane] = r.x[i];
              r.k[i * BATCH + lane] = r.y[i];
            }
        }
      if (u->wanted[QK_TILED])
        sum_tile (&r, u, work->kernels);
      for (size_t lane = 0; lane < BATCH; lane++)
        {
          for (size_t i = 0; i < u->d; i++)
            {
              r.x[i] = r.q[i * BATCH + lane];
              r.y[i] = r.k[i * BATCH + lane];
            }
          if (add_sum (row, &conditions, u, r.x, r.y, r.tile[lane * BATCH + lane], work))
            return -1;
        }
    }
  for (int h = 0; h < QK_SUMMATIONS; h++)
    {
      row[SQUARE + h] /= c->units;
      row[TOWARD + h] /= c->units;
      for (int i = SQUARE; !u->wanted[h] && i < CONDITION; i += QK_SUMMATIONS)
        row[i + h] = NAN;
    }
  row[CONDITION] /= fmax (conditions, 1);
  return 0;
}

const struct qk_kind qk_sums_kind
    = { .name = "sums", .unit = "sum", .columns = columns, .block = sums_block };

/* ---- Plan ------------------------------------------------------------------------------------ */

/* The rms constant is the mean over significands that are log-uniform, which those of sums are not
   quite: these bands are what the model is good for.  */
static const double MODEL_BAND = 0.05, PAIRWISE_BAND = 0.10;

static double
band_width (size_t how)
{
  return how == QK_PAIRWISE ? PAIRWISE_BAND : MODEL_BAND;
}

static bool
centred_normal (const struct qk_law *law)
{
  return law->type == &qk_law_types[QK_NORMAL] && law->mean == 0 && law->sd > 0;
}

static double
model_of (const struct setup *u, size_t how)
{
  struct qk_dot_way way = way_of (u, how);
  return centred_normal (&u->q) && centred_normal (&u->k) ? qk_dot_model (&way, (double)u->d) : NAN;
}

/* Whether so much is rounded that a bias can be measured.  Accumulators with bits to spare beyond a
   product's round a sum only where its terms lie about as many bits apart, about once in 2^SPARE:
   in all the samples of a run perhaps never.  */
static bool
rounds (const struct setup *u)
{
  enum
  {
    SPARE = 16
  };
  return u->acc->precision - 2 * u->in->precision < SPARE
         && !(qk_product_exact (u->in, u->acc) && u->d == 1);
}

static const struct qk_key *
keys_of (struct qk_plan *plan, const struct setup *u, size_t how)
{
  const struct qk_key keys[]
      = { { .name = "d_k", .number = (double)u->d },
          { .name = "algorithm", .text = qk_summation_names[how] },
          { .name = "format_in", .text = u->in->name },
          { .name = "format_acc", .text = u->acc->name },
          { .name = "rounding", .text = qk_direction_names[u->rounding] },
          { .name = u->condition > 0 ? "condition" : NULL, .number = u->condition },
          { 0 } };
  return qk_scored_keys (plan, keys);
}

static void
add_statement (struct qk_plan *plan, const char *quantity, size_t how, size_t c)
{
  const struct setup *u = plan->cases[c].own;
  const struct qk_dot_way way = way_of (u, how);
  bool rms = !strcmp (quantity, "error_rms_u"), bias = !strcmp (quantity, "error_bias"),
       share = !strcmp (quantity, "error_over_bound"), ill = u->condition > 0,
       model = !strcmp (quantity, "error_model_u");
  bool condition = !strcmp (quantity, "condition");
  if (!qk_plan_wants (plan, quantity) || (ill && (rms || bias || model))
      || (model && isnan (model_of (u, how))))
    return;
  if (share && isnan (qk_dot_bound (&way, (double)u->d, 1, 1)))
    {
      qk_plan_warn (plan,
                    "error_over_bound is left out where nothing is proved: %s in %s of %zu terms, "
                    "too many for its unit 2^-%d",
                    qk_summation_names[how], u->acc->name, u->d, u->acc->precision);
      return;
    }
  struct qk_statement *s = qk_plan_statement (plan, quantity, &c, !model);
  s->claim = "dot-error";
  s->part = how;
  s->key = keys_of (plan, u, how);
  s->method = QK_BY_EXACT; /* a fact about the sums drawn */
  if (rms)
    {
      double claimed = model_of (u, how);
      s->method = QK_BY_T;
      s->judged = !isnan (claimed);
      s->band = qk_band_ratio (claimed, band_width (how));
    }
  else if (bias)
    {
      s->method = QK_BY_T;
      s->judged = rounds (u) && centred_normal (&u->q) && centred_normal (&u->k);
      s->band = qk_band_absolute (0, 5 * plan->params->tolerance);
    }
  else if (share)
    {
      s->method = QK_BY_BOUND;
      s->judged = true;
      s->band = (struct qk_band){ 0, 1 };
    }
  else if (condition)
    s->method = QK_BY_T;
  else if (model)
    s->exact = model_of (u, how);
}

static size_t
add_case (struct qk_plan *plan, const struct setup *like, double d, double condition)
{
  struct setup *u = qk_plan_alloc (plan, sizeof *u);
  if (!u)
    return 0;
  *u = *like;
  u->d = (size_t)d;
  u->condition = condition;
  char q[QK_WHY], k[QK_WHY];
  qk_law_format (q, sizeof q, &u->q);
  qk_law_format (k, sizeof k, &u->k);
  const char *ill = condition > 0 ? qk_plan_print (plan, " condition=%.17g", condition) : "";
  const char *label = qk_plan_print (plan, "sums d_k=%zu %s %s%s", u->d, u->in->name, u->acc->name,
                                     condition > 0 ? qk_plan_print (plan, " %.3g", condition) : "");
  const char *identity
      = qk_plan_print (plan, "reference sums d_k=%zu q=%s k=%s in=%s acc=%s rounding=%s%s", u->d, q,
                       k, u->in->name, u->acc->name, qk_direction_names[u->rounding], ill);
  return qk_plan_case (plan, &qk_sums_kind, label, identity, u);
}

/* All of one pair of formats: by algorithm, then d, then condition.  */
static void
add_formats (struct qk_plan *plan, const struct setup *like, const struct qk_list *dk,
             const struct qk_list *algorithm)
{
  static const char *const wanted[] = { "error_rms_u", "error_model_u",    "error_max_u",
                                        "error_bias",  "error_over_bound", "condition" };
  const struct qk_params *p = plan->params;
  double none = 0, most;
  struct qk_list condition = p->condition.n ? p->condition : (struct qk_list){ 1, &none };
  size_t *c = qk_plan_alloc (plan, dk->n * condition.n * sizeof *c);
  for (size_t i = 0; c && !plan->full && i < dk->n * condition.n; i++)
    {
      double d = dk->value[i / condition.n], ill = condition.value[i % condition.n];
      c[i] = SIZE_MAX;
      if (ill > (most = qk_ill_most ((size_t)d, like->in, like->acc)))
        qk_plan_warn (plan,
                      "condition %.3g is left out for sums in %s of %s: their exponents have room "
                      "for %.2g",
                      ill, like->acc->name, like->in->name, most);
      else
        c[i] = add_case (plan, like, d, ill);
    }
  for (size_t h = 0; h < algorithm->n; h++)
    for (size_t i = 0; c && !plan->full && i < dk->n * condition.n; i++)
      for (size_t q = 0; c[i] != SIZE_MAX && q < sizeof wanted / sizeof *wanted; q++)
        if (like->wanted[(size_t)algorithm->value[h]])
          add_statement (plan, wanted[q], (size_t)algorithm->value[h], c[i]);
}

static int
sums_plan (struct qk_plan *plan, char why[static QK_WHY])
{
  static double usual_dk[] = { 4, 16, 64, 256, 1024 }, ill_dk[] = { 64 },
                usual_in[] = { QK_BINARY32, QK_BINARY16 }, wide_in[] = { QK_BINARY64 },
                usual[] = { QK_RECURSIVE },
                all[]
                = { QK_RECURSIVE, QK_PAIRWISE, QK_KAHAN, QK_NEUMAIER, QK_FMA, QK_DOT2, QK_TILED };
  const struct qk_params *p = plan->params;
  bool ill = p->condition.n > 0;
#define LIST_OR(asked, array)                                                                      \
  ((asked).n ? (asked) : (struct qk_list){ sizeof (array) / sizeof *(array), (array) })
  struct qk_list dk = ill ? LIST_OR (p->dk, ill_dk) : LIST_OR (p->dk, usual_dk);
  struct qk_list algorithm = ill ? LIST_OR (p->algorithm, all) : LIST_OR (p->algorithm, usual);
  bool tile = algorithm.n == 1 && algorithm.value[0] == QK_TILED;
  struct qk_list in
      = ill || tile ? LIST_OR (p->format_in, wide_in) : LIST_OR (p->format_in, usual_in);
#undef LIST_OR
  if (ill && !(centred_normal (&p->q_dist) && centred_normal (&p->k_dist)))
    return qk_complain (why, "--condition draws vectors of its own: it takes no --dist, --q-dist "
                             "or --k-dist");
  for (size_t i = 0; ill && i < dk.n; i++)
    if (dk.value[i] < QK_ILL_LEAST)
      return qk_complain (why, "--condition: needs --dk of at least %d", QK_ILL_LEAST);
  for (size_t i = 0; i < in.n; i++)
    for (size_t j = 0; j < (p->format_acc.n ? p->format_acc.n : 1); j++)
      {
        struct setup like = { .q = p->q_dist, .k = p->k_dist };
        like.in = &qk_float_formats[(size_t)in.value[i]];
        like.acc = p->format_acc.n ? &qk_float_formats[(size_t)p->format_acc.value[j]] : like.in;
        like.rounding = (enum qk_direction)p->rounding;
        like.unit = like.acc->unit * like.q.sd * like.k.sd;
        for (size_t h = 0; h < algorithm.n; h++)
          like.wanted[(size_t)algorithm.value[h]] = true;
        bool native = like.acc == &qk_float_formats[QK_BINARY64] && like.rounding == QK_NEAREST;
        if (like.wanted[QK_TILED] && !native)
          {
            like.wanted[QK_TILED] = false;
            qk_plan_warn (plan, "tile is left out but for sums in binary64 to nearest: all that a "
                                "tile does");
          }
        add_formats (plan, &like, &dk, &algorithm);
      }
  return 0;
}

/* ---- Size ------------------------------------------------------------------------------------ */

/* The relative variance of a squared error, at most: about 18 for one product, 6 for many terms
   summed in a row, whose partial sums wander; more where products have heavier tails.  */
static double
square_variance (const struct setup *u)
{
  double tails = qk_law_moment (&u->q, 4) * qk_law_moment (&u->k, 4);
  tails /= pow (u->q.sd * u->k.sd, 4);
  return 6 + 12 * fmin (fmax (tails / 9, 1), 100) / (double)u->d;
}

static double
units_needed (const struct qk_plan *plan, const struct qk_statement *s, const struct setup *u)
{
  double miss = qk_round_miss (s->miss, 1);
  if (!s->judged || s->method != QK_BY_T)
    return LEAST_UNITS;
  if (!strcmp (plan->experiment->quantities[s->quantity].name, "error_bias"))
    return qk_plan_units (1, 5 * plan->params->tolerance, miss);
  /* The model errs by up to three quarters of the band where there are few terms.  */
  double part = u->d < 64 || s->part == QK_PAIRWISE ? 0.25 : u->d < 256 ? 0.5 : 0.75;
  return qk_plan_units (square_variance (u), 2 * part * log1p (band_width (s->part)), miss);
}

static double
sum_cost (const struct setup *u)
{
  double cost = 2 * QK_DRAW_COST + (2 * u->in->precision <= 53 ? WINDOW_COST : EXACT_COST);
  for (int h = 0; h < QK_SUMMATIONS; h++)
    cost += u->wanted[h] ? (u->acc->precision == 53 ? NATIVE_COST : ROUNDED_COST) : 0;
  return cost * (double)u->d + 8 * EXACT_COST;
}

static int
sums_size (struct qk_plan *plan, size_t at, char why[static QK_WHY])
{
  (void)why;
  const struct qk_params *p = plan->params;
  struct qk_case *c = &plan->cases[at];
  struct setup *u = c->own;
  double need = LEAST_UNITS, cost = sum_cost (u), most = p->max_samples;
  char name[QK_WHY];
  snprintf (name, sizeof name, "d_k = %zu", u->d);
  double pool
      = u->condition > 0 ? BATCH : fmax (LEAST_POOL, square_variance (u) / QK_POOL_VARIANCE);
  for (size_t i = 0; i < plan->n_statements; i++)
    if (plan->statements[i].sources && plan->statements[i].source[0] == at)
      need = fmax (need, units_needed (plan, &plan->statements[i], u));
  double batches = ceil (need / BATCH), tiles = ceil (pool / BATCH);
  if (!(most > 0))
    most = fmax (MAX_COST / cost, QK_MIN_BLOCKS * pool);
  if (p->samples > 0)
    batches = ceil (p->samples / BATCH);
  else
    {
      batches = fmax (batches, QK_MIN_BLOCKS * tiles);
      if (batches * BATCH > most)
        {
          qk_plan_warn_cut (plan, name, batches * BATCH, most);
          batches = fmax (floor (most / BATCH), 1);
        }
    }
  tiles = fmin (fmax (tiles, ceil (batches / QK_MAX_BLOCKS)), batches);
  u->batches = (uint64_t)tiles;
  c->blocks = (uint64_t)ceil (batches / tiles);
  c->units = tiles * BATCH;
  c->cost = c->units * cost;
  c->scratch = room_of (u, NULL).used * sizeof (double);
  if (c->blocks >= QK_MIN_BLOCKS)
    return 0;
  qk_plan_mark_thin (plan, at);
  qk_plan_warn_thin (plan, name, QK_MIN_BLOCKS * ceil (pool / BATCH) * BATCH);
  return 0;
}

/* ---- Enclosures ------------------------------------------------------------------------------ */

static void
sums_enclose (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
              const struct qk_table *tables, double miss)
{
  const char *name = plan->experiment->quantities[s->quantity].name;
  if (!s->sources) /* the model */
    {
      *e = qk_enclosure_known (s->exact, 0);
      return;
    }
  const struct qk_table *t = &tables[s->source[0]];
  size_t square = SQUARE + s->part, toward = TOWARD + s->part;
  if (!strcmp (name, "error_rms_u"))
    {
      qk_enclose_mean (e, t->data + square, t->rows, t->columns, miss,
                       (struct qk_band){ 0, INFINITY });
      double rms = sqrt (e->estimate);
      *e = (struct qk_enclosure){ rms, e->std_error / (2 * rms), sqrt (e->lo), sqrt (e->hi) };
    }
  else if (!strcmp (name, "error_bias"))
    {
      double mean = qk_column_mean (t, toward), rms = sqrt (qk_column_mean (t, square));
      if (rms == 0)
        {
          *e = (struct qk_enclosure){ 0, NAN, -1, 1 };
          return;
        }
      qk_enclose_smooth (e, mean / rms, t->data, t->rows, t->columns,
                         (const size_t[]){ toward, square },
                         (const double[]){ 1 / rms, -mean / (2 * rms * rms * rms) }, 2, miss);
    }
  else if (!strcmp (name, "condition"))
    {
      qk_enclose_mean (e, t->data + CONDITION, t->rows, t->columns, miss,
                       (struct qk_band){ 0, INFINITY });
      *e = (struct qk_enclosure){ exp (e->estimate), e->std_error * exp (e->estimate), exp (e->lo),
                                  exp (e->hi) };
    }
  else
    {
      size_t at = (!strcmp (name, "error_max_u") ? (size_t)LARGEST : (size_t)SHARE) + s->part;
      double most = qk_column_most (t, at);
      *e = qk_enclosure_known (most, 0);
    }
}

/* ---- In words -------------------------------------------------------------------------------- */

static bool
sums_explain (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
              const struct qk_enclosure *e, enum qk_verdict verdict)
{
  if (verdict != QK_FAILS)
    return false;
  const struct setup *u = plan->cases[s->source[0]].own;
  if (u->rounding == QK_TO_ZERO && s->method == QK_BY_T)
    snprintf (text, size,
              "Rounding toward zero takes .72 u off every result, on the mean: its errors do not "
              "average out, %.2g of the rms error is bias.",
              fabs (e->estimate));
  else
    snprintf (text, size, "%s", qk_scored_unbroken);
  return true;
}

static void
sums_describe (char *text, size_t size, const struct qk_plan *plan)
{
  *text = '\0';
  if (plan->params->condition.n)
    snprintf (text, size, "ill-conditioned vectors");
}

/* Whether a statement is one of ours, on that quantity and algorithm.  */
static bool
speaks_of (const struct qk_plan *plan, const struct qk_statement *s, const char *quantity,
           enum qk_summation how)
{
  return s->own == &qk_sums_part && s->part == how
         && !strcmp (plan->experiment->quantities[s->quantity].name, quantity);
}

/* How Dot2 fared up to a condition number of 1/u.  */
static void
summarise_ill (char *text, size_t size, const struct qk_plan *plan, const struct qk_table *tables)
{
  const struct setup *u = NULL;
  double error = 0, condition = 0;
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (!speaks_of (plan, s, "error_max_u", QK_DOT2))
        continue;
      const struct setup *its = plan->cases[s->source[0]].own;
      if ((u && its->acc != u->acc) || its->condition * its->acc->unit > 1)
        continue;
      u = its;
      condition = fmax (condition, its->condition);
      const struct qk_table *t = &tables[s->source[0]];
      for (size_t row = 0; row < t->rows; row++)
        error = fmax (error, t->data[row * t->columns + LARGEST + QK_DOT2]);
    }
  if (u)
    snprintf (
        text, size,
        "Dot2 sums as if in twice the precision: in %s it errs by at most %.3g u of the sum up "
        "to a condition number of %.3g (1/u = %.1g), where the other algorithms lose as many "
        "digits as that has.",
        u->acc->name, error, condition, 1 / u->acc->unit);
}

/* The law of the longest recursive sum.  */
static void
sums_summarise (char *text, size_t size, const struct qk_plan *plan, const struct qk_table *tables)
{
  const struct qk_statement *best = NULL;
  const struct setup *u = NULL;
  *text = '\0';
  if (plan->params->condition.n)
    {
      summarise_ill (text, size, plan, tables);
      return;
    }
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      const struct qk_statement *s = &plan->statements[i];
      if (!speaks_of (plan, s, "error_rms_u", QK_RECURSIVE) || !s->judged)
        continue;
      const struct setup *its = plan->cases[s->source[0]].own;
      if (!u || its->d > u->d)
        {
          best = s;
          u = its;
        }
    }
  if (!best || u->d < 64)
    return;
  double rms = sqrt (qk_column_mean (&tables[best->source[0]], SQUARE + best->part));
  snprintf (text, size,
            "Recursive sums of d_k products err by %.3f u √d_k times the deviation √d_k of the sum "
            "(rms, %s, d_k = %zu); for many terms by √(v/2) = .300, v = 1/(8 ln 2).",
            rms / (double)u->d, u->acc->name, u->d);
}

const struct qk_part qk_sums_part = {
  .kinds = (const struct qk_kind *const[]){ &qk_sums_kind, NULL },
  .plan = sums_plan,
  .size = sums_size,
  .enclose = sums_enclose,
  .explain = sums_explain,
  .describe = sums_describe,
  .summarise = sums_summarise,
};
