/* given.c -- vectors and values from files.

   Vectors: every row of Q with the same row of K is a case of its own, whose exact sum is formed
   twice, by integers and in MPFR.  Its errors are in units of u times the sum.  Values: decimals,
   read exactly while the run is planned, for there is nothing to sample.  */

#include "given.h"
#include "exact.h"
#include "message.h"
#include "reference.h"
#include "rounding.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  MOST_FINDINGS = 20000, /* of vectors */
  PIECE = 64 * 1024      /* bytes read at a time */
};

/* Digits that live as long as the plan, and no longer on their own.  */
static const char *
keep (struct qk_plan *plan, char *digits)
{
  const char *kept = digits ? qk_plan_print (plan, "%s", digits) : NULL;
  free (digits);
  return kept;
}

/* ---- Vectors ----------------------------------------------------------------------------------
 */

/* What all rows share.  */
struct vectors
{
  const struct qk_tensor *q, *k;
  uint64_t rows;
  size_t d;
  enum qk_direction rounding;
  bool acc[QK_FLOATS], how[QK_SUMMATIONS]; /* wanted */
};

/* One row, its components in one format.  */
struct pair
{
  const struct vectors *v;
  uint64_t row;
  const struct qk_float_format *in;
};

static const struct qk_column columns[] = {
  { "dot", QK_FLOATS }, /* by format of the sum */
  { "condition", 1 },
  { "error", QK_FLOATS *QK_SUMMATIONS }, /* by format, then algorithm; magnitude, in u |sum| */
  { "share", QK_FLOATS *QK_SUMMATIONS },
  { 0 },
};

enum column
{
  DOT = 0,
  CONDITION = QK_FLOATS,
  ERROR = CONDITION + 1,
  SHARE = ERROR + QK_FLOATS * QK_SUMMATIONS,
  COLUMNS = SHARE + QK_FLOATS * QK_SUMMATIONS
};

/* Doubles for two vectors, and behind them PIECE bytes to read through.  */
static size_t
room_bytes (const struct vectors *v)
{
  return 2 * v->d * sizeof (double) + PIECE;
}

/* One vector of a row, rounded to the format.  What is infinite or NaN, or becomes so, is refused.
 */
static int
read_vector (double *x, const struct qk_tensor *t, const struct pair *p, void *buffer,
             char why[static QK_WHY])
{
  if (qk_tensor_read (x, t, 0, p->row, 1, buffer, PIECE, why))
    return -1;
  for (size_t i = 0; i < p->v->d; i++)
    {
      double rounded = qk_round (x[i], p->in, QK_NEAREST);
      if (!isfinite (x[i]))
        return qk_tensor_refuse (t, why, "row %" PRIu64 ", component %zu is not finite", p->row, i);
      if (!isfinite (rounded))
        return qk_tensor_refuse (t, why,
                                 "row %" PRIu64 ", component %zu, %g, is infinite in %s, the "
                                 "format of --format-in",
                                 p->row, i, x[i], p->in->name);
      x[i] = rounded;
    }
  return 0;
}

/* Both to room, one behind the other.  */
static int
read_pair (double *room, const struct pair *p, char why[static QK_WHY])
{
  size_t d = p->v->d;
  void *buffer = room + 2 * d;
  return read_vector (room, p->v->q, p, buffer, why)
         || read_vector (room + d, p->v->k, p, buffer, why);
}

/* What the algorithms make of it in format f.  */
static void
add_errors (double *row, const struct pair *p, const double *x, const double *y, int f,
            const struct qk_exact *exact, double magnitude)
{
  double sum = qk_exact_value (exact), n = (double)p->v->d;
  for (int h = 0; h < QK_SUMMATIONS; h++)
    {
      struct qk_dot_way way = { (enum qk_summation)h, p->in, &qk_float_formats[f], p->v->rounding };
      if (!p->v->how[h])
        continue;
      struct qk_exact rest = *exact;
      qk_exact_add (&rest, qk_dot_rounded (x, y, p->v->d, &way), -1);
      double error = fabs (qk_exact_value (&rest));
      if (isnan (error)) /* infinite partial sums of both signs */
        error = INFINITY;
      double bound = qk_dot_bound (&way, n, fabs (sum), magnitude);
      /* The sum may be out of range too; u times a small one is out of range below.  */
      double relative = error / fmin (fabs (sum), qk_float_formats[QK_BINARY64].largest);
      row[ERROR + f * QK_SUMMATIONS + h] = error == 0 ? 0 : relative / way.acc->unit;
      row[SHARE + f * QK_SUMMATIONS + h] = error == 0 ? 0 : error / bound;
    }
}

static int
given_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  const struct pair *p = c->own;
  size_t d = p->v->d;
  const double *x = work->scratch, *y = x + d;
  struct qk_exact exact = { 0 }, size = { 0 };
  (void)index;
  for (size_t i = 0; i < COLUMNS; i++)
    row[i] = NAN;
  if (read_pair (work->scratch, p, work->why))
    return -1;
  qk_exact_dot (&exact, x, y, d);
  qk_exact_dot_size (&size, x, y, d);
  if (qk_dot_ref (x, y, d, 0).value != qk_exact_value (&exact))
    return qk_complain (
        work->why, "two exact sums of row %" PRIu64 " differ: a fault of this program", p->row);
  row[CONDITION] = qk_condition_ref (x, y, d, 0).value;
  for (int f = 0; f < QK_FLOATS; f++)
    if (p->v->acc[f])
      {
        row[DOT + f] = qk_exact_round (&exact, &qk_float_formats[f], p->v->rounding);
        add_errors (row, p, x, y, f, &exact, qk_exact_value (&size));
      }
  return 0;
}

const struct qk_kind qk_given_kind
    = { .name = "given", .unit = "pair", .columns = columns, .block = given_block };

static enum qk_float
format_of (const struct qk_tensor *t)
{
  return t->width == 2 ? QK_BINARY16 : t->width == 4 ? QK_BINARY32 : QK_BINARY64;
}

/* Keys of a finding; f or how negative: of all.  */
static const struct qk_key *
keys_of (struct qk_plan *plan, const struct pair *p, int f, int how)
{
  struct qk_key *keys = qk_plan_keys (plan);
  if (p->v->rows > 1)
    qk_key_add (keys, (struct qk_key){ .name = "row", .number = (double)p->row });
  qk_key_add (keys, (struct qk_key){ .name = "d_k", .number = (double)p->v->d });
  if (how >= 0)
    qk_key_add (keys, (struct qk_key){ .name = "algorithm", .text = qk_summation_names[how] });
  qk_key_add (keys, (struct qk_key){ .name = "format_in", .text = p->in->name });
  if (f >= 0)
    {
      qk_key_add (keys, (struct qk_key){ .name = "format_acc", .text = qk_float_formats[f].name });
      qk_key_add (
          keys, (struct qk_key){ .name = "rounding", .text = qk_direction_names[p->v->rounding] });
    }
  return keys;
}

static struct qk_statement *
add_statement (struct qk_plan *plan, const char *quantity, size_t c, int f, int how, size_t part)
{
  if (!qk_plan_wants (plan, quantity))
    return NULL;
  struct qk_statement *s = qk_plan_statement (plan, quantity, &c, 1);
  s->key = keys_of (plan, plan->cases[c].own, f, how);
  s->method = QK_BY_EXACT;
  s->part = part;
  return s;
}

/* Whether a sum of n terms of that magnitude can be judged by its bound: there is one, and no
   partial sum comes near the largest number.  */
static bool
is_bounded (struct qk_plan *plan, const struct qk_dot_way *way, size_t n, double magnitude)
{
  const char *how = qk_summation_names[way->how], *acc = way->acc->name;
  bool bounded = !isnan (qk_dot_bound (way, (double)n, 1, 1));
  bool fits = magnitude <= way->acc->largest / 2;
  if (!bounded)
    qk_plan_warn (
        plan,
        "error_over_bound is left out where nothing is proved: %s in %s of %zu terms, too "
        "many for its unit 2^-%d",
        how, acc, n, way->acc->precision);
  else if (!fits)
    qk_plan_warn (plan,
                  "error_over_bound is left out where sums may overflow %s: bounds are proved only "
                  "where they do not",
                  acc);
  return bounded && fits;
}

/* The findings of one row in one format.  */
static void
add_pair (struct qk_plan *plan, const struct pair *like, double exact, double magnitude,
          const char *digits)
{
  struct pair *p = qk_plan_alloc (plan, sizeof *p);
  if (!p)
    return;
  *p = *like;
  const char *label = qk_plan_print (plan, "row %" PRIu64 " %s", p->row, p->in->name);
  if (plan->full)
    return;
  size_t c = qk_plan_case (plan, &qk_given_kind, label, label, p);
  for (int f = 0; f < QK_FLOATS && !plan->full; f++)
    if (p->v->acc[f] && qk_plan_wants (plan, "dot"))
      {
        struct qk_statement *s = add_statement (plan, "dot", c, f, -1, (size_t)(DOT + f));
        s->exact = exact;
        s->digits = digits;
      }
  if (!plan->full)
    add_statement (plan, "condition", c, -1, -1, CONDITION);
  for (int f = 0; f < QK_FLOATS; f++)
    for (int h = 0; h < QK_SUMMATIONS && !plan->full; h++)
      {
        struct qk_dot_way way
            = { (enum qk_summation)h, p->in, &qk_float_formats[f], p->v->rounding };
        size_t at = (size_t)(f * QK_SUMMATIONS + h);
        bool tile = f == QK_BINARY64 && p->v->rounding == QK_NEAREST;
        if (!p->v->acc[f] || !p->v->how[h] || (h == QK_TILED && !tile))
          continue;
        add_statement (plan, "error_max_u", c, f, h, ERROR + at);
        if (!qk_plan_wants (plan, "error_over_bound")
            || !is_bounded (plan, &way, p->v->d, magnitude))
          continue;
        struct qk_statement *s = add_statement (plan, "error_over_bound", c, f, h, SHARE + at);
        s->claim = "dot-error";
        s->method = QK_BY_BOUND;
        s->judged = true;
        s->band = (struct qk_band){ 0, 1 };
      }
}

static int
check_shapes (const struct vectors *v, char why[static QK_WHY])
{
  uint64_t width[2] = { qk_tensor_components (v->q), qk_tensor_components (v->k) };
  uint64_t rows[2] = { qk_tensor_tokens (v->q), qk_tensor_tokens (v->k) };
  if (width[0] != width[1])
    return qk_complain (why,
                        "--q has vectors of %" PRIu64 " components and --k of %" PRIu64
                        "; they must have as many",
                        width[0], width[1]);
  if (rows[0] != rows[1])
    return qk_complain (why,
                        "--q has %" PRIu64 " vectors and --k %" PRIu64
                        "; row i of one is summed with row i of the other",
                        rows[0], rows[1]);
  return 0;
}

static size_t
count (const bool *wanted, size_t n)
{
  size_t all = 0;
  for (size_t i = 0; i < n; i++)
    all += wanted[i];
  return all;
}

/* What the options want of every row: formats of the components to in.  */
static void
choose (struct vectors *v, bool in[static QK_FLOATS], const struct qk_params *p)
{
  enum qk_float wide = v->q->width > v->k->width ? format_of (v->q) : format_of (v->k);
  in[wide] = p->format_in.n == 0;
  for (size_t i = 0; i < p->format_in.n; i++)
    in[(size_t)p->format_in.value[i]] = true;
  memcpy (v->acc, in, sizeof v->acc);
  if (p->format_acc.n)
    memset (v->acc, 0, sizeof v->acc);
  for (size_t i = 0; i < p->format_acc.n; i++)
    v->acc[(size_t)p->format_acc.value[i]] = true;
  for (size_t h = 0; h < QK_SUMMATIONS; h++)
    v->how[h] = p->algorithm.n == 0;
  for (size_t i = 0; i < p->algorithm.n; i++)
    v->how[(size_t)p->algorithm.value[i]] = true;
  v->rounding = (enum qk_direction)p->rounding;
}

/* All rows in one format, read once to see that they can be judged.  */
static int
add_rows (struct qk_plan *plan, const struct vectors *v, const struct qk_float_format *in,
          char why[static QK_WHY])
{
  double *room = malloc (room_bytes (v));
  int status = room ? 0 : qk_complain (why, "out of memory");
  for (uint64_t row = 0; !status && row < v->rows && !plan->full; row++)
    {
      struct pair p = { v, row, in };
      struct qk_exact exact = { 0 }, size = { 0 };
      status = read_pair (room, &p, why);
      if (status)
        break;
      qk_exact_dot (&exact, room, room + v->d, v->d);
      qk_exact_dot_size (&size, room, room + v->d, v->d);
      add_pair (plan, &p, qk_exact_value (&exact), qk_exact_value (&size),
                keep (plan, qk_exact_digits (&exact, (long)plan->params->precision)));
    }
  free (room);
  return status;
}

/* Findings of a row, at most.  */
static size_t
findings_of (const struct qk_plan *plan, const struct vectors *v)
{
  bool dot = qk_plan_wants (plan, "dot"), condition = qk_plan_wants (plan, "condition"),
       error = qk_plan_wants (plan, "error_max_u"),
       share = qk_plan_wants (plan, "error_over_bound");
  size_t each = (size_t)error + (size_t)share;
  return condition + count (v->acc, QK_FLOATS) * (dot + each * count (v->how, QK_SUMMATIONS));
}

static int
plan_vectors (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  bool in[QK_FLOATS] = { false };
  struct vectors *v = qk_plan_alloc (plan, sizeof *v);
  if (!p->q_file || !p->k_file)
    return qk_complain (why, "--%s without --%s: vectors come in pairs", p->q_file ? "q" : "k",
                        p->q_file ? "k" : "q");
  size_t first = plan->n_inputs;
  if (qk_plan_input (plan, p->q_file, qk_tensor_open_vectors, why)
      || qk_plan_input (plan, p->k_file, qk_tensor_open_vectors, why))
    return -1;
  if (!v)
    return 0;
  v->q = &plan->inputs[first]->tensor;
  v->k = &plan->inputs[first + 1]->tensor;
  if (check_shapes (v, why))
    return -1;
  v->rows = qk_tensor_tokens (v->q);
  v->d = (size_t)qk_tensor_components (v->q);
  choose (v, in, p);
  size_t findings = count (in, QK_FLOATS) * findings_of (plan, v);
  if (findings && v->rows > MOST_FINDINGS / findings)
    return qk_complain (why,
                        "%" PRIu64
                        " rows have %zu findings each, in all at most %d; name fewer rows, "
                        "algorithms or formats",
                        v->rows, findings, MOST_FINDINGS);
  for (size_t f = 0; f < QK_FLOATS; f++)
    if (in[f] && add_rows (plan, v, &qk_float_formats[f], why))
      return -1;
  return 0;
}

/* ---- Values -----------------------------------------------------------------------------------
 */

/* The lines of a text file.  */
struct lines
{
  const struct qk_tensor *t;
  char *piece; /* PIECE bytes */
  size_t at, held;
  uint64_t read, number; /* bytes of the file; lines */
  char *line;            /* length bytes, and room for one more */
  size_t length, room;
};

/* The next line, without its end: 1; 0 where there is none; or -1 and why.  */
static int
next_line (struct lines *l, char why[static QK_WHY])
{
  l->length = 0;
  l->number++;
  for (bool any = false;; any = true)
    {
      if (l->at == l->held)
        {
          uint64_t left = l->t->bytes - l->read;
          if (left == 0)
            return any;
          l->at = 0;
          l->held = left < PIECE ? (size_t)left : PIECE;
          if (qk_tensor_bytes (l->piece, l->t, l->read, l->held, why))
            return -1;
          l->read += l->held;
        }
      const char *from = l->piece + l->at, *end = memchr (from, '\n', l->held - l->at);
      size_t n = end ? (size_t)(end - from) : l->held - l->at;
      if (n > (size_t)QK_DECIMAL_LENGTH - l->length)
        return qk_tensor_refuse (l->t, why, "line %" PRIu64 " has more than %d characters",
                                 l->number, (int)QK_DECIMAL_LENGTH);
      if (l->length + n + 1 > l->room)
        {
          size_t room = 2 * (l->length + n + 1);
          char *line = realloc (l->line, room);
          if (!line)
            return qk_complain (why, "out of memory");
          l->line = line;
          l->room = room;
        }
      memcpy (l->line + l->length, from, n);
      l->length += n;
      l->at += n + (end != NULL);
      if (end)
        return 1;
    }
}

static bool
is_blank (char c)
{
  return c == ' ' || c == '\t';
}

/* Add the number of a line, if it is not empty.  */
static int
add_line (struct qk_series *s, const struct lines *l, char why[static QK_WHY])
{
  char *text = l->line;
  size_t n = l->length;
  n -= n > 0 && text[n - 1] == '\r';
  for (; n > 0 && is_blank (text[n - 1]); n--)
    ;
  for (; n > 0 && is_blank (*text); n--)
    text++;
  if (n == 0)
    return 0;
  char quoted[QK_QUOTED], start[24];
  size_t kept = n < sizeof start ? n : sizeof start;
  memcpy (start, text, kept); /* the reader changes it */
  const char *wrong = qk_series_decimal (s, text, n);
  if (!wrong)
    return 0;
  return qk_tensor_refuse (l->t, why, "line %" PRIu64 ": '%s%s' is %s", l->number,
                           qk_quote (quoted, start, kept), kept < n ? "..." : "", wrong);
}

static int
read_lines (struct qk_series *s, const struct qk_tensor *t, char why[static QK_WHY])
{
  struct lines l = { .t = t, .piece = malloc (PIECE) };
  int status = l.piece ? 1 : qk_complain (why, "out of memory");
  while (status > 0)
    {
      status = next_line (&l, why);
      if (status > 0 && add_line (s, &l, why))
        status = -1;
    }
  free (l.piece);
  free (l.line);
  return status;
}

static void
add_moment (struct qk_plan *plan, const char *quantity, struct qk_certified c, const char *none)
{
  const char *digits = keep (plan, c.digits);
  if (!qk_plan_wants (plan, quantity) || plan->full)
    return;
  if (c.bits == 0)
    {
      qk_plan_warn (plan, "%s is left out: %s", quantity, none);
      return;
    }
  struct qk_statement *s = qk_plan_statement (plan, quantity, NULL, 0);
  s->method = QK_BY_EXACT;
  s->exact = c.value;
  s->digits = digits;
}

static int
plan_values (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  if (qk_plan_input (plan, p->values, qk_tensor_open_text, why))
    return -1;
  struct qk_tensor *t = &plan->inputs[plan->n_inputs - 1]->tensor;
  struct qk_series *s = qk_series_new (1);
  struct qk_moments m;
  if (!s)
    return qk_complain (why, "out of memory");
  int status = read_lines (s, t, why);
  if (!status)
    {
      qk_series_moments (&m, s, (long)p->precision);
      t->axes = 1;
      t->shape[0] = (uint64_t)m.count;
      add_moment (plan, "value_mean", m.mean, "no values have none");
      add_moment (plan, "value_deviation", m.deviation, "one value has none");
      add_moment (plan, "value_autocorrelation", m.autocorrelation, "equal values have none");
      add_moment (plan, "value_sum", m.sum, "");
      if (m.count == 0)
        status = qk_tensor_refuse (t, why, "no values: every line is blank");
    }
  qk_series_free (s);
  return status;
}

/* ---- The part ---------------------------------------------------------------------------------
 */

/* Whether such a name is of vectors from files, of values.  */
static bool
of_vectors (const char *name)
{
  return !strcmp (name, "dot") || !strcmp (name, "condition") || !strcmp (name, "error_max_u")
         || !strcmp (name, "error_over_bound");
}

static bool
of_values (const char *name)
{
  return !strncmp (name, "value_", 6);
}

/* Quantities that are asked for by name, of files that are not there, or not of those that are.  */
static int
check_quantities (const struct qk_params *p, char why[static QK_WHY])
{
  for (size_t i = 0; i < p->quantity.n; i++)
    {
      const char *name = p->quantity.name[i];
      if (!strcmp (name, "dot") && !p->q_file)
        return qk_complain (why, "--quantity: dot is of vectors from files: --q and --k");
      if (of_values (name) && !p->values)
        return qk_complain (why, "--quantity: %s is of values from a file: --values", name);
      if ((p->values || p->q_file) && !(p->q_file && of_vectors (name)) && !of_values (name))
        return qk_complain (why, "--quantity: %s is not of %s", name,
                            p->q_file ? "vectors from files: it takes no --q and --k"
                                      : "values from a file: it takes no --values");
    }
  return 0;
}

/* Options that say nothing of what files hold.  */
static int
check_options (const struct qk_params *p, char why[static QK_WHY])
{
  const char *drawn = p->dk.n          ? "dk"
                      : p->condition.n ? "condition"
                      : p->keys.n      ? "keys"
                      : p->scale.n     ? "scale"
                                       : NULL;
  const char *summed = p->algorithm.n              ? "algorithm"
                       : p->format_in.n            ? "format-in"
                       : p->format_acc.n           ? "format-acc"
                       : p->rounding != QK_NEAREST ? "rounding"
                                                   : NULL;
  bool vectors = p->q_file || p->k_file;
  if (drawn && vectors)
    return qk_complain (
        why, "--%s is of vectors that are drawn; those of --q and --k are as they are", drawn);
  if (drawn && p->values)
    return qk_complain (why, "--%s is of vectors that are drawn: it takes no --values", drawn);
  if (summed && p->values && !vectors)
    return qk_complain (why, "--%s is of dot products; the values of --values are summed exactly",
                        summed);
  return 0;
}

static int
given_plan (struct qk_plan *plan, char why[static QK_WHY])
{
  const struct qk_params *p = plan->params;
  if (check_quantities (p, why) || check_options (p, why))
    return -1;
  if ((p->q_file || p->k_file) && plan_vectors (plan, why))
    return -1;
  return p->values ? plan_values (plan, why) : 0;
}

static int
given_size (struct qk_plan *plan, size_t c, char why[static QK_WHY])
{
  (void)why;
  struct qk_case *its = &plan->cases[c];
  const struct pair *p = its->own;
  const size_t ways = count (p->v->acc, QK_FLOATS) * count (p->v->how, QK_SUMMATIONS);
  its->blocks = 1;
  its->units = 1;
  /* A term in multiply-adds: sums in MPFR and by integers; an algorithm rounded by hand.  */
  its->cost = (double)p->v->d * (4000 + 250 * (double)ways);
  its->scratch = room_bytes (p->v);
  return 0;
}

static void
given_enclose (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
               const struct qk_table *tables, double miss)
{
  (void)plan, (void)miss;
  double value = s->sources ? tables[s->source[0]].data[s->part] : s->exact;
  *e = qk_enclosure_known (value, 0);
}

static void
given_describe (char *text, size_t size, const struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  const struct qk_tensor *t = plan->n_inputs ? &plan->inputs[0]->tensor : NULL;
  size_t used = 0;
  if (p->q_file)
    used += (size_t)snprintf (
        text, size, "%" PRIu64 " pair%s of vectors of d_k = %" PRIu64 " from files",
        qk_tensor_tokens (t), qk_tensor_tokens (t) == 1 ? "" : "s", qk_tensor_components (t));
  if (p->values && plan->n_inputs)
    {
      uint64_t values = plan->inputs[plan->n_inputs - 1]->tensor.shape[0];
      snprintf (text + used, size - used, "%s%" PRIu64 " value%s from a file", used ? "; " : "",
                values, values == 1 ? "" : "s");
    }
}

const struct qk_part qk_given_part = {
  .kinds = (const struct qk_kind *const[]){ &qk_given_kind, NULL },
  .plan = given_plan,
  .size = given_size,
  .enclose = given_enclose,
  .describe = given_describe,
};
