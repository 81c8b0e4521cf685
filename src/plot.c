/* plot.c -- a picture of findings, as a script for gnuplot with its data in it.

   First the chart: panels, series, axes.  Then the script: one block of data for each series, with
   the columns of the findings and all their digits, and expressions over those columns, so that
   who changes the script changes a picture and no number.

   Where intervals are too thin to be seen beside the range of their quantity, a strip below shows
   them as deviations.  Text of users stands between single quotes, where gnuplot expands nothing.
 */

#include "plot.h"

#include "figure.h"
#include "grid.h"
#include "message.h"
#include "story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  SERIES = 8,   /* that shapes and dashes tell apart; more are a cloud of points */
  PANELS = 12,  /* of one picture */
  NAMES = 64,   /* of keys: more than the closed list has */
  CROWD = 40,   /* points beside each other, from which on they are small */
  TICS = 7,     /* labels below a panel */
  RUN = 3,      /* values of a number that make a panel of a quantity that stands apart */
  TURNS = 5,    /* of choosing panels */
  NOTES = 4,    /* lines of figures without a panel */
  EDGE = 66,    /* pixels left of a panel, for labels */
  WIDE = 340,   /* of a panel, with its edge */
  HIGH = 220,   /* of a panel, without the labels below */
  STRIP = 90,   /* of a strip */
  BELOW = 54,   /* labels below */
  ABOVE = 32,   /* heading above */
  NARROW = 356, /* width of a picture inside a page */
};

/* Spread from which an axis is logarithmic; share of a panel below which an interval is thin.  */
static const double DECADE = 10, DECADES = 30, THIN = 0.05;

/* ---- The chart --------------------------------------------------------------------------------
 */

/* How a strip shows deviations.  */
enum strip
{
  NO_STRIP,
  PERCENT, /* of the middle: the exact value, or that of the band */
  DIFFERENCE,
  OF_BAND /* -1 and 1 are the ends of the band */
};

struct dot
{
  double x;
  const struct qk_finding *found;
  size_t place;  /* among those of the plot */
  size_t series; /* of the panel */
};

struct panel
{
  const struct qk_quantity *quantity;
  struct dot *dot; /* by series, then by x */
  size_t n;
  const char *x;                 /* the key below; NULL: none */
  bool words;                    /* the key is text: x counts its values */
  const char *part[NAMES];       /* the keys that part the series */
  size_t parts, series, values;  /* series 0: a cloud; values of x */
  size_t style[SERIES];          /* of each series */
  double slant;                  /* pixels that words below take where they stand aslant; or 0 */
  bool log_x, log_y, single;     /* single: one x only */
  double x_lo, x_hi, y_lo, y_hi; /* of the axes */
  enum strip strip;
  bool exact; /* the middle of the strip is the exact value */
  double s_lo, s_hi;
};

struct chart
{
  const struct qk_plot *plot;
  struct panel panel[PANELS];
  size_t panels;
  struct qk_sentence label[SERIES]; /* of the styles */
  size_t labels;
  struct qk_sentence left_out; /* symbols of quantities that found no place */
  bool full;
};

static bool
has_number (const struct qk_finding *f)
{
  return isfinite (f->enclosure.estimate);
}

static bool
banded (const struct qk_finding *f)
{
  const struct qk_statement *s = f->statement;
  return s->judged && !s->thin && (isfinite (s->band.lo) || isfinite (s->band.hi));
}

static const struct qk_key *
key_of (const struct dot *dot, const char *name)
{
  const struct qk_key *key = dot->found->statement->key;
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    if (!strcmp (key[i].name, name))
      return &key[i];
  return NULL;
}

/* An order of members of cases: none before numbers before texts; lists are alike.  */
static int
compare_keys (const struct qk_key *a, const struct qk_key *b)
{
  if (!a || !b || a->list || b->list)
    return (a && !a->list) - (b && !b->list);
  if (!a->text || !b->text)
    return a->text ? 1 : b->text ? -1 : (a->number > b->number) - (a->number < b->number);
  return strcmp (a->text, b->text);
}

static int
by_keys (const void *a, const void *b, void *names)
{
  for (const char *const *name = names; *name; name++)
    {
      int order = compare_keys (key_of (a, *name), key_of (b, *name));
      if (order)
        return order;
    }
  return 0;
}

/* How many dots differ in these keys, a list ended by NULL.  Sorts them.  */
static size_t
distinct (struct panel *p, const char *const *names)
{
  qsort_r (p->dot, p->n, sizeof *p->dot, by_keys, (void *)names);
  size_t n = p->n > 0;
  for (size_t i = 1; i < p->n; i++)
    n += by_keys (&p->dot[i - 1], &p->dot[i], (void *)names) != 0;
  return n;
}

/* The names of the members in which the dots differ, and whether all of each are numbers.  */
static size_t
varying (struct panel *p, const char *names[static NAMES], bool numeric[static NAMES])
{
  size_t n = 0, kept = 0;
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_key *key = p->dot[i].found->statement->key;
      for (size_t k = 0; k < QK_KEYS && key[k].name; k++)
        {
          size_t j = 0;
          while (j < n && strcmp (names[j], key[k].name))
            j++;
          if (j == n && n < NAMES - 2 && !key[k].list)
            {
              numeric[n] = true;
              names[n++] = key[k].name;
            }
          if (j < n && key[k].text)
            numeric[j] = false;
        }
    }
  for (size_t j = 0; j < n; j++)
    {
      for (size_t i = 0; i < p->n; i++)
        numeric[j] &= key_of (&p->dot[i], names[j]) != NULL;
      if (distinct (p, (const char *[]){ names[j], NULL }) > 1)
        {
          names[kept] = names[j];
          numeric[kept++] = numeric[j];
        }
    }
  return kept;
}

/* Leave out of the parts what x and the others tell anyway: the last named first.  */
static void
spare_parts (struct panel *p)
{
  const char *names[NAMES + 2];
  for (size_t drop = p->parts; drop-- > 0;)
    {
      size_t n = 0;
      for (size_t i = 0; i < p->parts; i++)
        names[n++] = p->part[i];
      names[n++] = p->x;
      names[n] = NULL;
      size_t all = distinct (p, names);
      memmove (names + drop, names + drop + 1, (n - drop) * sizeof *names);
      if (distinct (p, names) < all)
        continue;
      memmove (p->part + drop, p->part + drop + 1, (p->parts - drop - 1) * sizeof *p->part);
      p->parts--;
    }
  p->part[p->parts] = NULL;
}

/* Lay the panel out with that member below: how many series it takes.  */
static size_t
lay_out (struct panel *p, const char *x, const char *const *names, size_t n)
{
  p->x = x;
  p->parts = 0;
  for (size_t i = 0; i < n; i++)
    if (!x || strcmp (names[i], x))
      p->part[p->parts++] = names[i];
  if (x)
    spare_parts (p);
  else
    p->part[p->parts] = NULL;
  return distinct (p, p->part);
}

/* Choose what stands below: the number that takes most values, of two that which needs fewer
   series; where none puts several dots in a series, the text that takes most values; where nothing
   varies, any number.  */
static void
choose_x (struct panel *p)
{
  const char *names[NAMES], *best = NULL;
  bool numeric[NAMES];
  size_t n = varying (p, names, numeric), most = 0, fewest = 0;
  for (int text = 0; text < 2 && !best; text++)
    for (size_t i = 0; i < n; i++)
      if (numeric[i] == !text)
        {
          size_t values = distinct (p, (const char *[]){ names[i], NULL });
          size_t series = lay_out (p, names[i], names, n);
          if ((text || series < p->n) && (values > most || (values == most && series < fewest)))
            {
              best = names[i];
              most = values;
              fewest = series;
              p->words = text;
            }
        }
  const struct qk_key *key = p->dot[0].found->statement->key;
  for (size_t k = 0; k < QK_KEYS && key[k].name && !best; k++)
    if (!key[k].text && !key[k].list)
      best = key[k].name;
  p->series = lay_out (p, best, names, n);
}

static int
by_series (const void *a, const void *b)
{
  const struct dot *p = a, *q = b;
  if (p->series != q->series)
    return p->series < q->series ? -1 : 1;
  return (p->x > q->x) - (p->x < q->x);
}

static size_t
style_of (struct chart *c, const struct qk_sentence *label)
{
  size_t i = 0;
  while (i < c->labels && strcmp (c->label[i].text, label->text))
    i++;
  if (i == c->labels && c->labels < SERIES)
    c->label[c->labels++] = *label;
  return i;
}

/* A word of the case that is neither below nor among the parts, and stands in for one that the case
   does not have; or NULL.  */
static const struct qk_key *
other_word (const struct panel *p, const struct dot *dot)
{
  const struct qk_key *key = dot->found->statement->key;
  for (size_t k = 0; k < QK_KEYS && key[k].name; k++)
    {
      bool told = !key[k].text || (p->x && !strcmp (key[k].name, p->x));
      for (size_t i = 0; i < p->parts; i++)
        told |= !strcmp (key[k].name, p->part[i]);
      if (!told)
        return &key[k];
    }
  return NULL;
}

static struct qk_sentence
series_label (const struct panel *p, const struct dot *dot)
{
  struct qk_sentence s = { "" };
  for (size_t i = 0; i < p->parts; i++)
    {
      const struct qk_key *key = key_of (dot, p->part[i]);
      if (!key)
        key = other_word (p, dot);
      qk_sentence_add (&s, "%s%s%s", *s.text ? ", " : "", key ? "" : "no ",
                       key ? key->name : p->part[i]);
      if (!key)
        continue;
      qk_sentence_add (&s, " = ");
      qk_sentence_key (&s, key);
    }
  return s;
}

/* Number the values of x where they are words, and the series; more than there are styles become a
   cloud.  */
static void
number_dots (struct chart *c, struct panel *p)
{
  const char *const x[] = { p->x, NULL };
  double place = 1;
  p->values = distinct (p, x);
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_key *key = p->x ? key_of (&p->dot[i], p->x) : NULL;
      place += p->words && i > 0 && by_keys (&p->dot[i - 1], &p->dot[i], (void *)x) != 0;
      p->dot[i].x = p->words || !key ? place : key->number;
    }
  distinct (p, p->part);
  size_t series = 0;
  struct qk_sentence label[SERIES];
  for (size_t i = 0; i < p->n; i++)
    {
      bool new = i > 0 && by_keys (&p->dot[i - 1], &p->dot[i], p->part) != 0;
      series += new;
      if ((i == 0 || new) && series < SERIES)
        label[series] = series_label (p, &p->dot[i]);
      p->dot[i].series = series;
    }
  /* Styles in the order of the findings, not of the alphabet.  */
  bool cloud = p->series > SERIES;
  size_t first[SERIES];
  for (size_t i = p->n; i-- > 0 && !cloud;)
    first[p->dot[i].series] = SIZE_MAX;
  for (size_t i = 0; i < p->n && !cloud; i++)
    if (p->dot[i].place < first[p->dot[i].series])
      first[p->dot[i].series] = p->dot[i].place;
  for (size_t turn = 0; turn < p->series && !cloud; turn++)
    {
      size_t next = 0;
      for (size_t s = 1; s < p->series; s++)
        if (first[s] < first[next])
          next = s;
      first[next] = SIZE_MAX;
      p->style[next] = style_of (c, &label[next]);
      cloud = p->style[next] >= SERIES;
    }
  if (cloud)
    p->series = 0;
  for (size_t i = 0; i < p->n && cloud; i++)
    p->dot[i].series = 0;
  qsort (p->dot, p->n, sizeof *p->dot, by_series);
}

/* ---- Axes ----------------------------------------------------------------------------------- */

struct range
{
  double lo, hi, least; /* least: above zero */
  size_t n;
};

static const struct range nothing = { INFINITY, -INFINITY, INFINITY, 0 };

static void
stretch (struct range *r, double x)
{
  if (!isfinite (x))
    return;
  r->lo = fmin (r->lo, x);
  r->hi = fmax (r->hi, x);
  if (x > 0)
    r->least = fmin (r->least, x);
  r->n++;
}

/* Some room around a range.  */
static void
pad (double *lo, double *hi, const struct range *r, bool logarithmic, double share)
{
  if (logarithmic)
    {
      double room = r->hi > r->least ? pow (r->hi / r->least, share) : 1.5;
      *lo = r->least / room;
      *hi = r->hi * room;
    }
  else
    {
      double size = fmax (fabs (r->lo), fabs (r->hi));
      double room = r->hi > r->lo ? share * (r->hi - r->lo) : size > 0 ? share * size : 1;
      *lo = r->lo - room;
      *hi = r->hi + room;
    }
}

static double
height (const struct panel *p, double y)
{
  if (p->log_y)
    return log (fmax (y, p->y_lo) / p->y_lo) / log (p->y_hi / p->y_lo);
  return (y - p->y_lo) / (p->y_hi - p->y_lo);
}

/* How far one series stands aside of the next, in shares of the width.  */
static double
aside (const struct panel *p)
{
  double many = p->series ? (double)p->series : 1;
  return fmin (0.042, 0.7 / (many * (double)p->values));
}

static void
set_axes (struct panel *p)
{
  struct range x = nothing, y = nothing, all = nothing;
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_finding *f = p->dot[i].found;
      stretch (&x, p->dot[i].x);
      stretch (&y, f->enclosure.estimate);
      stretch (&y, f->statement->exact);
      stretch (&all, f->enclosure.lo);
      stretch (&all, f->enclosure.hi);
      if (banded (f))
        {
          stretch (&all, f->statement->band.lo);
          stretch (&all, f->statement->band.hi);
        }
    }
  p->single = x.lo == x.hi;
  p->log_x = !p->words && x.lo > 0 && x.hi >= DECADE * x.lo;
  p->log_y = y.lo > 0 && y.hi >= DECADES * y.lo;
  if (p->log_y) /* an interval that reaches down to nothing must not squeeze the rest */
    all.least = fmax (all.least, y.lo / DECADE);
  stretch (&y, all.hi);
  stretch (&y, p->log_y ? all.least : all.lo);
  pad (&p->x_lo, &p->x_hi, &x, p->log_x, 0.05 + aside (p) * (double)p->series / 2);
  if (p->words || p->single)
    {
      double room = p->words ? 0.6 : fmax (fabs (x.lo), 1) / 2;
      p->x_lo = x.lo - room;
      p->x_hi = x.hi + room;
    }
  pad (&p->y_lo, &p->y_hi, &y, p->log_y, 0.07);
}

static double
middle (const struct panel *p, const struct qk_finding *f)
{
  const struct qk_statement *s = f->statement;
  return p->exact ? s->exact : (s->band.lo + s->band.hi) / 2;
}

static double
deviation (const struct panel *p, const struct qk_finding *f, double y)
{
  double c = middle (p, f);
  const struct qk_band b = f->statement->band;
  return p->strip == PERCENT      ? 100 * (y - c) / c
         : p->strip == DIFFERENCE ? y - c
                                  : (2 * y - b.lo - b.hi) / (b.hi - b.lo);
}

static int
compare_numbers (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* How high the bars are, as shares of the panel or of its strip: the median; 0: there are none.  */
static double
visible (const struct panel *p, bool strip, bool *full)
{
  double *high = calloc (p->n + 1, sizeof *high);
  size_t n = 0;
  if (!high)
    {
      *full = true;
      return 0;
    }
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_finding *f = p->dot[i].found;
      struct qk_enclosure e = f->enclosure;
      if (!isfinite (e.lo) || !isfinite (e.hi) || e.hi <= e.lo)
        continue;
      high[n++] = strip
                      ? fabs (deviation (p, f, e.hi) - deviation (p, f, e.lo)) / (p->s_hi - p->s_lo)
                      : height (p, e.hi) - height (p, e.lo);
    }
  qsort (high, n, sizeof *high, compare_numbers);
  double median = n ? high[n / 2] : 0;
  free (high);
  return median;
}

/* Largest over smallest width of the bands of a strip, or of the intervals where bands miss.  */
static double
unevenness (const struct panel *p, bool bands)
{
  struct range width = nothing;
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_finding *f = p->dot[i].found;
      struct qk_band b = { f->enclosure.lo, f->enclosure.hi };
      if (bands)
        b = f->statement->band;
      double w = fabs (deviation (p, f, b.hi) - deviation (p, f, b.lo));
      if (w > 0)
        stretch (&width, w);
    }
  return width.n ? width.hi / width.lo : INFINITY;
}

/* Deviations in the unit in which all are most alike; the plainer unit, where it is nearly so.  */
static void
choose_strip (struct panel *p, bool *full)
{
  bool exact = true, bands = true, nonzero = true;
  double before = visible (p, false, full);
  if (p->series == 0 || before <= 0 || before >= THIN)
    return;
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_statement *s = p->dot[i].found->statement;
      exact &= isfinite (s->exact);
      bands &= banded (p->dot[i].found) && isfinite (s->band.lo) && isfinite (s->band.hi)
               && s->band.hi > s->band.lo;
    }
  p->exact = exact;
  if (!exact && !bands)
    return;
  for (size_t i = 0; i < p->n; i++)
    nonzero &= middle (p, p->dot[i].found) != 0;
  enum strip best = NO_STRIP;
  double least = INFINITY;
  for (enum strip s = PERCENT; s <= OF_BAND; s++)
    if ((s != PERCENT || nonzero) && (s != OF_BAND || bands))
      {
        p->strip = s;
        double uneven = unevenness (p, bands) * (s == PERCENT ? 1 : s == DIFFERENCE ? 2 : 4);
        if (uneven < least)
          {
            best = s;
            least = uneven;
          }
      }
  p->strip = best;
  struct range y = nothing;
  for (size_t i = 0; i < p->n && best != NO_STRIP; i++)
    {
      const struct qk_finding *f = p->dot[i].found;
      stretch (&y, 0);
      stretch (&y, deviation (p, f, f->enclosure.estimate));
      stretch (&y, deviation (p, f, f->enclosure.lo));
      stretch (&y, deviation (p, f, f->enclosure.hi));
      if (banded (f))
        {
          stretch (&y, deviation (p, f, f->statement->band.lo));
          stretch (&y, deviation (p, f, f->statement->band.hi));
        }
    }
  pad (&p->s_lo, &p->s_hi, &y, false, 0.08);
  if (visible (p, true, full) < 2 * before) /* nothing is gained */
    p->strip = NO_STRIP;
}

/* ---- Which panels --------------------------------------------------------------------------- */

static bool
is_asked (const struct qk_plot *plot, const char *name)
{
  for (size_t i = 0; plot->quantity && i < plot->quantity->n; i++)
    if (!strcmp (plot->quantity->name[i], name))
      return true;
  return false;
}

/* The dots of a quantity; false: there are none.  */
static bool
collect (struct chart *c, struct panel *p, size_t quantity)
{
  const struct qk_plot *plot = c->plot;
  *p = (struct panel){ .quantity = &plot->experiment->quantities[quantity] };
  for (size_t i = 0; i < plot->n; i++)
    p->n += plot->found[i]->statement->quantity == quantity && has_number (plot->found[i]);
  if (!p->n)
    return false;
  p->dot = calloc (p->n, sizeof *p->dot);
  if (!p->dot)
    {
      c->full = true;
      return false;
    }
  for (size_t i = 0, n = 0; i < plot->n; i++)
    if (plot->found[i]->statement->quantity == quantity && has_number (plot->found[i]))
      p->dot[n++] = (struct dot){ .found = plot->found[i], .place = i };
  return true;
}

/* Whether a quantity that stands apart runs over a number.  */
static bool
runs (struct panel *p)
{
  const char *names[NAMES];
  bool numeric[NAMES];
  size_t n = varying (p, names, numeric);
  for (size_t i = 0; i < n; i++)
    if (numeric[i] && distinct (p, (const char *[]){ names[i], NULL }) >= RUN)
      return true;
  return false;
}

/* Whether something can stand below: a member of the cases that differs; or a number, where the
   quantity does not speak of a list of them.  */
static bool
has_place (struct panel *p)
{
  const char *names[NAMES];
  bool numeric[NAMES], number = false, list = false;
  const struct qk_key *key = p->dot[0].found->statement->key;
  for (size_t k = 0; k < QK_KEYS && key[k].name; k++)
    {
      number |= !key[k].text && !key[k].list;
      list |= key[k].list != NULL;
    }
  return (number && !list) || varying (p, names, numeric) > 0;
}

/* Turns of choosing: the lead, what stands beside it, what runs; then, where nothing else is
   there, what stands apart, and at last anything.  */
static bool
has_turn (const struct chart *c, struct panel *p, int turn)
{
  enum qk_show show = p->quantity->show;
  bool asked = is_asked (c->plot, p->quantity->name);
  if (c->plot->quantity && c->plot->quantity->n)
    return asked && (turn == 0 ? has_place (p) : turn == TURNS - 1 && c->panels == 0);
  switch (turn)
    {
    case 0:
      return show == QK_LEAD;
    case 1:
      return show == QK_COLUMN;
    case 2:
      return show == QK_LINE && runs (p);
    case 3:
      return c->panels == 0 && show == QK_LINE;
    default:
      return c->panels == 0;
    }
}

static void
choose_panels (struct chart *c)
{
  const struct qk_quantity *table = c->plot->experiment->quantities;
  for (int turn = 0; turn < TURNS; turn++)
    {
      struct chart before = { .plot = c->plot, .panels = c->panels };
      for (size_t q = 0; table[q].name && !c->full; q++)
        {
          struct panel p;
          if (!collect (c, &p, q))
            continue;
          bool wanted = has_turn (&before, &p, turn);
          if (wanted && c->panels < PANELS)
            {
              c->panel[c->panels++] = p;
              continue;
            }
          if (wanted)
            qk_sentence_add (&c->left_out, "%s%s", *c->left_out.text ? ", " : "", table[q].symbol);
          free (p.dot);
        }
    }
}

static void
free_chart (struct chart *c)
{
  for (size_t i = 0; i < c->panels; i++)
    free (c->panel[i].dot);
}

/* "Var(q·k), score²".  */
static struct qk_sentence
heading (const struct qk_quantity *q)
{
  struct qk_sentence s = { "" };
  qk_sentence_add (&s, "%s", q->symbol);
  if (strcmp (q->unit, "1") == 0 || strstr (q->symbol, q->unit))
    return s;
  qk_sentence_add (&s, ", ");
  for (const char *u = q->unit; *u; u++)
    {
      bool power = *u == '^' && (u[1] == '2' || u[1] == '3') && !(u[2] >= '0' && u[2] <= '9');
      qk_sentence_add (&s, power ? (u[1] == '2' ? "²" : "³") : "%c", *u);
      u += power;
    }
  return s;
}

/* ---- Data ----------------------------------------------------------------------------------- */

static const char *const shape[SERIES] = { "7", "4", "9", "12", "5", "6", "11", "8" };
static const char *const dash[SERIES]
    = { "1", "(12,5)", "(3,4)", "(12,4,3,4)", "(20,5)", "(6,3)", "(12,3,3,3,3,3)", "(2,7)" };
/* Each at least 3 : 1 against white and against nearly black.  */
static const char *const color[SERIES]
    = { "#1f77c9", "#d1580b", "#0c8f6c", "#a0539b", "#8a7400", "#5f6f80", "#c2446b", "#1f8a99" };

static void
write_data (FILE *out, const struct chart *c, size_t panel)
{
  const struct panel *p = &c->panel[panel];
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_finding *f = p->dot[i].found;
      const struct qk_statement *s = f->statement;
      if (i == 0 || p->dot[i].series != p->dot[i - 1].series)
        {
          struct qk_sentence label = { "" };
          qk_sentence_add (&label, "%s", p->quantity->name);
          if (p->series && p->parts)
            qk_sentence_add (&label, ": %s", series_label (p, &p->dot[i]).text);
          fputs (i ? "END\n" : "", out);
          qk_script_comment (out, label.text);
          fprintf (out, "$p%zu_%zu << END\n", panel + 1, p->dot[i].series + 1);
        }
      const char *word = qk_verdict_name (f->verdict);
      bool band = banded (f);
      fprintf (out, "%.17g", p->dot[i].x);
      qk_script_number (out, f->enclosure.estimate);
      qk_script_number (out, f->enclosure.lo);
      qk_script_number (out, f->enclosure.hi);
      qk_script_number (out, s->exact);
      qk_script_number (out, band ? s->band.lo : NAN);
      qk_script_number (out, band ? s->band.hi : NAN);
      fprintf (out, " %s\n", word ? word : "described");
    }
  fputs ("END\n", out);
}

/* ---- The sheet ------------------------------------------------------------------------------ */

/* What of it is where, in pixels.  */
struct sheet
{
  struct qk_canvas on;
  const struct chart *chart;
  size_t columns, rows;
  double wide, high;            /* of a panel, with the edge at its left, without what is above and
                                   below */
  double top, row_high[PANELS]; /* the first row, and how high each is */
};

/* What the marks mean, of those that there are.  */
static struct qk_sentence
caption (const struct chart *c)
{
  bool bars = false, exact = false, band = false, fails = false, undecided = false, strip = false;
  bool cloud = false, dashes = false;
  struct qk_sentence s = { "" };
  for (size_t i = 0; i < c->panels; i++)
    {
      const struct panel *p = &c->panel[i];
      strip |= p->strip != NO_STRIP;
      cloud |= p->series == 0;
      for (size_t j = 0; j < p->n; j++)
        {
          const struct qk_finding *f = p->dot[j].found;
          bars |= f->enclosure.hi > f->enclosure.lo && !qk_story_is_sharp (f);
          exact |= isfinite (f->statement->exact);
          band |= banded (f);
          fails |= f->verdict == QK_FAILS;
          undecided |= f->verdict == QK_UNDECIDED;
        }
      dashes |= p->words || p->single;
    }
  qk_sentence_add (&s, "Points: estimates%s.", bars ? ", with their intervals as bars" : "");
  if (cloud)
    qk_sentence_add (&s, " Where more than %d series are in a panel, all look alike.", SERIES);
  if (exact)
    qk_sentence_add (&s, " %s: exact values.", dashes ? "Dashes" : "Lines");
  if (band)
    qk_sentence_add (&s, " Grey: what the claim allows.");
  if (fails || undecided)
    qk_sentence_add (&s, " Crossed out: %s.",
                     !undecided ? "fails"
                     : fails    ? "fails (×) or undecided (+)"
                                : "undecided");
  if (strip)
    qk_sentence_add (&s, " Strips: the same as deviations, where intervals are too thin to see.");
  return s;
}

/* Members of the cases that all panels share.  */
static struct qk_sentence
constants (const struct chart *c)
{
  const struct dot *one = &c->panel[0].dot[0];
  const struct qk_key *key = one->found->statement->key;
  struct qk_sentence s = { "" };
  for (size_t k = 0; k < QK_KEYS && key[k].name; k++)
    {
      bool same = !key[k].list;
      for (size_t i = 0; i < c->panels; i++)
        for (size_t j = 0; j < c->panel[i].n && same; j++)
          {
            const struct qk_key *other = key_of (&c->panel[i].dot[j], key[k].name);
            same = other && qk_key_equal (other, &key[k]);
          }
      if (!same || (c->panel[0].x && !strcmp (c->panel[0].x, key[k].name)))
        continue;
      qk_sentence_add (&s, "%s%s = ", *s.text ? ", " : "", key[k].name);
      qk_sentence_key (&s, &key[k]);
    }
  return s;
}

static bool
has_panel (const struct chart *c, const struct qk_quantity *q)
{
  for (size_t i = 0; i < c->panels; i++)
    if (c->panel[i].quantity == q)
      return true;
  return false;
}

/* A figure of those that have no panel, in words.  */
static struct qk_sentence
figure (const struct qk_quantity *q, const struct qk_finding *f)
{
  struct qk_sentence s = { "" };
  struct qk_figure figure;
  char exact[QK_FIGURE];
  const char *word = qk_verdict_name (f->verdict);
  qk_figure_enclosure (&figure, f->enclosure);
  qk_sentence_add (&s, "%s", q->symbol);
  const struct qk_key *key = f->statement->key;
  for (size_t k = 0; k < QK_KEYS && key[k].name; k++)
    if (!key[k].list)
      {
        qk_sentence_add (&s, ", %s = ", key[k].name);
        qk_sentence_key (&s, &key[k]);
      }
  qk_sentence_add (&s, ": %s", figure.estimate);
  if (f->enclosure.hi > f->enclosure.lo)
    qk_sentence_add (&s, " [%s, %s]", figure.lo, figure.hi);
  if (isfinite (f->statement->exact))
    {
      qk_figure_value (exact, f->statement->exact, figure.decimals);
      qk_sentence_add (&s, ", exact %s", exact);
    }
  qk_sentence_add (&s, word ? ", %s." : ".", word);
  return s;
}

/* Everything below the panels; counted, or written.  */
static void
put_foot (struct sheet *s, bool count)
{
  const struct chart *c = s->chart;
  const struct qk_plot *plot = c->plot;
  size_t lines = 0, more = 0;
  for (size_t i = 0; i < plot->n; i++)
    {
      const struct qk_quantity *q
          = &plot->experiment->quantities[plot->found[i]->statement->quantity];
      if ((q->show != QK_LINE && !is_asked (plot, q->name)) || has_panel (c, q)
          || !has_number (plot->found[i]))
        continue;
      if (lines < NOTES)
        lines += qk_canvas_lines (&s->on, figure (q, plot->found[i]).text, count, ",11");
      else
        more++;
    }
  struct qk_sentence rest = { "" };
  if (more)
    qk_sentence_add (&rest, "%zu more figures have no panel. ", more);
  if (*c->left_out.text)
    qk_sentence_add (&rest, "No room for %s: --quantity chooses. ", c->left_out.text);
  qk_canvas_lines (&s->on, rest.text, count, ",11");
  qk_canvas_lines (&s->on, caption (c).text, count, ",11");
}

static double
label_width (const struct chart *c)
{
  size_t most = 0;
  for (size_t i = 0; i < c->labels; i++)
    {
      size_t width = qk_text_width (c->label[i].text);
      most = width > most ? width : most;
    }
  return (double)most * 6.2 + 54;
}

/* Entries of the legend beside each other.  */
static size_t
legend_columns (const struct sheet *s)
{
  size_t n = (size_t)((s->on.width - 16) / label_width (s->chart));
  return n ? n : 1;
}

static bool
has_legend (const struct chart *c)
{
  return c->labels > 1 || (c->labels == 1 && *c->label[0].text);
}

static void
put_head (struct sheet *s, bool count)
{
  const struct chart *c = s->chart;
  s->on.y = c->plot->title ? QK_CANVAS_LINE : 14;
  if (c->plot->title)
    qk_canvas_lines (&s->on, c->plot->title, count, ",14");
  if (c->plot->under)
    qk_canvas_lines (&s->on, c->plot->under, count, ",11");
  if (c->plot->title)
    qk_canvas_lines (&s->on, constants (c).text, count, ",11");
}

/* Words that are too long to stand beside each other stand aslant.  */
static void
slant_words (const struct sheet *s, struct panel *p)
{
  size_t most = 0;
  for (size_t i = 0; i < p->n && p->words; i++)
    {
      struct qk_sentence text = { "" };
      qk_sentence_key (&text, key_of (&p->dot[i], p->x));
      size_t width = qk_text_width (text.text);
      most = width > most ? width : most;
    }
  p->slant = 0;
  if ((double)(most * QK_CANVAS_LETTER) > (s->wide - EDGE) / (double)p->values)
    p->slant = 0.5 * (double)(most * QK_CANVAS_LETTER);
}

/* Find the size of everything.  */
static void
measure (struct sheet *s, struct chart *c, bool narrow)
{
  size_t n = c->panels;
  s->columns = narrow || n == 1 ? 1 : n == 2 || n == 4 ? 2 : n > 9 ? 4 : 3;
  s->rows = (n + s->columns - 1) / s->columns;
  s->wide = narrow ? NARROW : s->columns == 1 ? 2 * WIDE : s->columns == 2 ? 1.4 * WIDE : WIDE;
  s->high = s->columns == 1 && !narrow ? 1.6 * HIGH : HIGH;
  s->on.width = s->wide * (double)s->columns + 12;
  s->on.height = 1000;
  put_head (s, true);
  if (has_legend (c))
    s->on.y += QK_CANVAS_LINE * ceil ((double)c->labels / (double)legend_columns (s)) + 8;
  s->top = s->on.y;
  for (size_t row = 0; row < s->rows; row++)
    {
      bool strip = false;
      double slant = 0;
      for (size_t i = row * s->columns; i < n && i < (row + 1) * s->columns; i++)
        {
          slant_words (s, &c->panel[i]);
          slant = fmax (slant, c->panel[i].slant);
          strip |= c->panel[i].strip != NO_STRIP;
        }
      s->row_high[row] = ABOVE + s->high + (strip ? STRIP : 0) + BELOW + slant;
      s->on.y += s->row_high[row];
    }
  if (!narrow)
    {
      s->on.y += QK_CANVAS_LINE / 2;
      put_foot (s, true);
    }
  s->on.height = ceil (s->on.y);
}

/* ---- Panels of the script ------------------------------------------------------------------- */

static void
put_margins (const struct sheet *s, double left, double right, double top, double bottom)
{
  fprintf (s->on.out,
           "set lmargin at screen %.5f; set rmargin at screen %.5f\n"
           "set tmargin at screen %.5f; set bmargin at screen %.5f\n",
           qk_canvas_across (&s->on, left), qk_canvas_across (&s->on, right),
           qk_canvas_up (&s->on, top), qk_canvas_up (&s->on, bottom));
}

/* Labels at the values of x, as many as fit.  */
static void
put_x_tics (const struct sheet *s, const struct panel *p, bool labels)
{
  size_t n = 0, step, i = 0;
  double last = NAN;
  double *x = calloc (p->n, sizeof *x);
  if (!x)
    return;
  for (size_t j = 0; j < p->n; j++)
    x[j] = p->dot[j].x;
  qsort (x, p->n, sizeof *x, compare_numbers);
  for (size_t j = 0; j < p->n; j++)
    if (!(x[j] == last))
      x[n++] = last = x[j];
  step = p->words ? 1 : (n + TICS - 1) / TICS;
  fputs ("set xtics (", s->on.out);
  for (size_t j = 0; j < n; j += step)
    {
      struct qk_sentence text = { "" };
      for (size_t k = 0; k < p->n && p->x && labels && !*text.text; k++)
        if (p->dot[k].x == x[j])
          qk_sentence_key (&text, key_of (&p->dot[k], p->x));
      fputs (i++ ? ", " : "", s->on.out);
      qk_script_tic (s->on.out, text.text, x[j]);
    }
  fprintf (s->on.out, ") %s\n", p->slant > 0 && labels ? "rotate by -30 left" : "norotate center");
  free (x);
}

/* A step of 1, 2 or 5 times a power of ten, for at least so many parts of a range and at most two
   and a half times as many.  */
static double
step_of (double range, double parts)
{
  double power = pow (10, floor (log10 (range / parts))), step = range / parts / power;
  return power * (step >= 5 ? 5 : step >= 2 ? 2 : 1);
}

/* 1, 2, 5 within two decades; powers of ten beyond.  */
static void
put_y_tics (const struct sheet *s, const struct panel *p)
{
  if (!p->log_y)
    {
      fprintf (s->on.out, "set ytics %.10g\n", step_of (p->y_hi - p->y_lo, 4));
      return;
    }
  int lowest = (int)floor (log10 (p->y_lo)), highest = (int)ceil (log10 (p->y_hi)), n = 0;
  double decades = log10 (p->y_hi / p->y_lo);
  int step = (int)ceil (decades / 6);
  fputs ("set ytics (", s->on.out);
  for (int power = lowest; power <= highest; power++)
    for (int digit = 1; digit <= 5; digit += digit == 1 ? 1 : 3)
      {
        double y = digit * pow (10, power);
        char text[QK_FIGURE];
        if (y < p->y_lo || y > p->y_hi || (digit > 1 && decades > 2.2) || power % step)
          continue;
        qk_figure_plain (text, y, 6);
        fputs (n++ ? ", " : "", s->on.out);
        qk_script_tic (s->on.out, text, y);
      }
  fputs (")\n", s->on.out);
}

static void
put_frame (const struct sheet *s, const struct panel *p, double lo, double hi, bool logarithmic)
{
  fprintf (s->on.out, "unset label; unset logscale\n");
  if (p->log_x || logarithmic)
    fprintf (s->on.out, "set logscale %s%s\n", p->log_x ? "x" : "", logarithmic ? "y" : "");
  fprintf (s->on.out, "y0 = %.10g; y1 = %.10g\nset xrange [%.10g:%.10g]; set yrange [y0:y1]\n", lo,
           hi, p->x_lo, p->x_hi);
}

/* x as an expression: where bars of several series would hide each other, a little aside.  */
static struct qk_sentence
put_aside (const struct chart *c, const struct panel *p, size_t series, bool strip)
{
  struct qk_sentence s = { "" };
  double many = p->series ? (double)p->series : 1;
  double turn = c->labels == p->series ? (double)p->style[series] : (double)series;
  double place = turn - (many - 1) / 2;
  double step = aside (p) * place;
  if (place == 0 || (!strip && p->strip != NO_STRIP && !p->words && !p->single))
    qk_sentence_add (&s, "$1");
  else if (p->words)
    qk_sentence_add (&s, "$1%+.6g", place * 0.8 / many);
  else if (p->log_x)
    qk_sentence_add (&s, "$1*%.6g", pow (p->x_hi / p->x_lo, step));
  else
    qk_sentence_add (&s, "$1%+.6g", step * (p->x_hi - p->x_lo));
  return s;
}

/* A column as it stands in a strip.  */
static struct qk_sentence
seen (const struct panel *p, bool strip, int column)
{
  struct qk_sentence s = { "" };
  const char *c = p->exact ? "$5" : "($6+$7)/2";
  if (!strip || p->strip == NO_STRIP)
    qk_sentence_add (&s, "$%d", column);
  else if (p->strip == PERCENT)
    qk_sentence_add (&s, "(100*($%d/(%s)-1))", column, c);
  else if (p->strip == DIFFERENCE)
    qk_sentence_add (&s, "($%d-%s)", column, c);
  else
    qk_sentence_add (&s, "((2*$%d-$6-$7)/($7-$6))", column);
  return s;
}

/* What is in a panel, or in its strip.  */
static void
put_marks (const struct sheet *s, size_t panel, bool strip)
{
  const struct panel *p = &s->chart->panel[panel];
  const char *const cloud_color = "#5f6f80";
  bool bars = false, exact = false, band = false;
  bool bad[QK_INVALID + 1] = { false };
  for (size_t i = 0; i < p->n; i++)
    {
      const struct qk_finding *f = p->dot[i].found;
      bars |= f->enclosure.hi > f->enclosure.lo && !qk_story_is_sharp (f);
      exact |= isfinite (f->statement->exact);
      band |= banded (f);
      bad[f->verdict] = true;
    }
  size_t series = p->series ? p->series : 1;
  double room = 0.8 * (s->wide - EDGE) / (double)(p->values * series); /* of a band */
  double wide = fmax (2, fmin (room, strip ? 9 : 11));
  bool crowd = !p->series || p->values * series > CROWD;
  double step = p->words ? 0.3 / (double)series : 0.08 * (p->x_hi - p->x_lo);
  fputs ("plot ", s->on.out);
  if (strip)
    fputs ("0 with lines lc rgb '#808080' lw 1 dt 1", s->on.out);
  const char *comma = strip ? ", \\\n  " : "";
  for (int layer = 0; layer < 5; layer++)
    for (size_t i = 0; i < series; i++)
      {
        size_t style = p->series ? p->style[i] : 0;
        const char *rgb = p->series ? color[style] : cloud_color;
        struct qk_sentence x = put_aside (s->chart, p, i, strip), lo = seen (p, strip, 3),
                           hi = seen (p, strip, 4);
        struct qk_sentence estimate = seen (p, strip, 2);
        if ((layer == 0 && !band) || (layer == 1 && (!exact || strip)) || (layer == 2 && !bars)
            || (layer == 4 && !bad[QK_FAILS] && !bad[QK_UNDECIDED]))
          continue;
        bool line = layer == 1 && !p->words && !p->single;
        fprintf (s->on.out, "%s$p%zu_%zu using (%s):", comma, panel + 1, i + 1,
                 line ? "$1" : x.text);
        comma = ", \\\n  ";
        if (layer == 0)
          {
            struct qk_sentence from = { "" };
            qk_sentence_add (&from, "(has(6) ? lower(%s) : y0)", seen (p, strip, 6).text);
            fprintf (
                s->on.out,
                "(strcol(8) eq 'described' ? NaN : %s):(0):((has(7) ? upper(%s) : y1)-%s) with "
                "vectors nohead lc rgb '#b0808080' lw %.3g dt 1",
                from.text, seen (p, strip, 7).text, from.text, wide);
          }
        else if (layer == 1 && !line)
          fprintf (s->on.out,
                   "5 with points pt 0 notitle, $p%zu_%zu using (%s-%.6g):5:(%.6g):(0) "
                   "with vectors nohead lc rgb '%s' lw 1.4 dt %s",
                   panel + 1, i + 1, x.text, step, 2 * step, rgb, dash[style]);
        else if (layer == 1)
          fprintf (s->on.out, "5 with lines lc rgb '%s' lw 1.4 dt %s", rgb, dash[style]);
        else if (layer == 2)
          fprintf (s->on.out,
                   "(%s):(lower(%s)):(upper(%s)) with yerrorbars pt 0 lc rgb '%s' lw 1.3 dt 1",
                   estimate.text, lo.text, hi.text, rgb);
        else if (layer == 3)
          fprintf (s->on.out, "(%s) with points pt %s ps %s lc rgb '%s' lw 1.3", estimate.text,
                   p->series ? shape[style] : "7", crowd ? "0.4" : "0.75", rgb);
        else
          fprintf (
              s->on.out,
              "(strcol(8) eq 'fails' ? %s : NaN) with points pt 2 ps 1.7 lc rgb '#000000' lw 1.5, "
              "\\\n  $p%zu_%zu using (%s):(strcol(8) eq 'undecided' ? %s : NaN) with points pt 1 "
              "ps 1.7 lc rgb '#000000' lw 1.5",
              estimate.text, panel + 1, i + 1, x.text, estimate.text);
      }
  fputs ("\n", s->on.out);
}

static void
put_panel (const struct sheet *s, size_t panel, double left, double top)
{
  const struct panel *p = &s->chart->panel[panel];
  bool strip = p->strip != NO_STRIP;
  double x = left + EDGE, right = left + s->wide, y = top + ABOVE, bottom = y + s->high;
  qk_script_comment (s->on.out, p->quantity->name);
  put_margins (s, x, right, y, bottom);
  put_frame (s, p, p->y_lo, p->y_hi, p->log_y);
  fputs ("set label ", s->on.out);
  qk_script_text (s->on.out, heading (p->quantity).text);
  fprintf (s->on.out, " at screen %.5f, %.5f left font ',12'\n",
           qk_canvas_across (&s->on, left + 12), qk_canvas_up (&s->on, y - 14));
  put_x_tics (s, p, !strip);
  put_y_tics (s, p);
  fputs ("set xlabel ", s->on.out);
  qk_script_text (s->on.out, strip || !p->x ? "" : p->x);
  fputs (" offset 0, 0.4\n", s->on.out);
  put_marks (s, panel, false);
  if (!strip)
    return;
  put_margins (s, x, right, bottom + 8, bottom + STRIP);
  put_frame (s, p, p->s_lo, p->s_hi, false);
  const char *unit = p->strip == PERCENT ? "% off" : p->strip == DIFFERENCE ? "off" : "of band";
  fputs ("set label ", s->on.out);
  qk_script_text (s->on.out, unit);
  fprintf (s->on.out, " at screen %.5f, %.5f center rotate by 90 font ',10'\n",
           qk_canvas_across (&s->on, left + 9), qk_canvas_up (&s->on, bottom + STRIP / 2 + 4));
  put_x_tics (s, p, true);
  fprintf (s->on.out, "set ytics %.10g\nset xlabel ", step_of (p->s_hi - p->s_lo, 2.5));
  qk_script_text (s->on.out, p->x ? p->x : "");
  fputs (" offset 0, 0.4\n", s->on.out);
  put_marks (s, panel, true);
}

/* Title, legend, notes: a plot of nothing over the whole sheet.  */
static void
put_text_layer (struct sheet *s, bool narrow)
{
  const struct chart *c = s->chart;
  put_head (s, false);
  double legend = s->on.y - QK_CANVAS_LINE / 2;
  s->on.y = s->top;
  for (size_t row = 0; row < s->rows; row++)
    s->on.y += s->row_high[row];
  s->on.y += QK_CANVAS_LINE;
  if (!narrow)
    put_foot (s, false);
  put_margins (s, 4, s->on.width - 4, 2, s->on.height - 2);
  fputs ("unset border; unset tics; set xrange [0:1]; set yrange [0:1]\n", s->on.out);
  if (has_legend (c))
    {
      fprintf (s->on.out,
               "set key at screen %.5f, %.5f left top Left reverse horizontal maxcols %zu "
               "samplen 3 font ',11'\nplot ",
               qk_canvas_across (&s->on, 4), qk_canvas_up (&s->on, legend), legend_columns (s));
      for (size_t i = 0; i < c->labels; i++)
        {
          fprintf (s->on.out, "%s2 with linespoints pt %s ps 0.9 dt %s lc rgb '%s' lw 1.4 title ",
                   i ? ", \\\n  " : "", shape[i], dash[i], color[i]);
          qk_script_text (s->on.out, c->label[i].text);
        }
      fputs ("\n", s->on.out);
    }
  else
    fputs ("unset key\nplot 2 with lines\n", s->on.out);
  fputs (
      "unset key; unset label; set border 31 lw 0.7 lc rgb '#000000'\n"
      "set xtics nomirror out scale 0.6 font ',11'; set ytics nomirror out scale 0.6 font ',11'\n",
      s->on.out);
}

static void
write_script (FILE *out, struct chart *c, enum qk_picture picture, const char *target)
{
  struct sheet s = { .on.out = out, .chart = c };
  bool narrow = picture == QK_PICTURE_INLINE;
  measure (&s, c, narrow);
  qk_canvas_open (&s.on, picture, target);
  fputs ("\n# Columns: x, estimate, lo, hi, exact, band_lo, band_hi, verdict; NaN where there is "
         "none.\n",
         out);
  for (size_t i = 0; i < c->panels; i++)
    write_data (out, c, i);
  fputs ("\n# An interval or a band without that end reaches to the edge.\n"
         "lower(y) = y > y0 ? y : y0\nupper(y) = y < y1 ? y : y1\n"
         "has(column) = strcol(column) ne 'NaN'\n"
         "set errorbars 0.6\nset pointintervalbox 0\nset multiplot\n",
         out);
  put_text_layer (&s, narrow);
  double top = s.top;
  for (size_t row = 0; row < s.rows; row++)
    {
      for (size_t i = row * s.columns; i < c->panels && i < (row + 1) * s.columns; i++)
        put_panel (&s, i, (double)(i % s.columns) * s.wide, top);
      top += s.row_high[row];
    }
  fputs ("unset multiplot\n", out);
  if (target)
    fputs ("unset output\n", out);
}

int
qk_plot_write (FILE *out, const struct qk_plot *plot, enum qk_picture picture, const char *target,
               char why[static QK_WHY])
{
  struct chart *c = calloc (1, sizeof *c);
  if (!c)
    return qk_complain (why, "out of memory");
  c->plot = plot;
  choose_panels (c);
  for (size_t i = 0; i < c->panels; i++)
    {
      struct panel *p = &c->panel[i];
      choose_x (p);
      number_dots (c, p);
      set_axes (p);
      choose_strip (p, &c->full);
    }
  int failed = c->full || !c->panels;
  if (c->full)
    qk_complain (why, "out of memory");
  else if (!c->panels)
    qk_complain (why, "no finding has a number to draw");
  else
    write_script (out, c, picture, target);
  free_chart (c);
  free (c);
  return failed ? -1 : 0;
}

/* Where the script FILE.gp draws to: FILE.svg, in the folder where it is run.  */
static struct qk_sentence
target_of (const char *path)
{
  struct qk_sentence s = { "" };
  const char *name = strrchr (path, '/');
  name = name ? name + 1 : path;
  qk_sentence_add (&s, "%.*s.svg", (int)(strlen (name) - strlen (".gp")), name);
  for (const unsigned char *p = (const unsigned char *)s.text; *p; p++)
    if (*p < 0x20 || *p == 0x7f)
      return (struct qk_sentence){ "plot.svg" };
  return s;
}

int
qk_plot_report (FILE *out, const struct qk_report *report, enum qk_picture picture,
                char why[static QK_WHY])
{
  const struct qk_plan *plan = report->plan;
  const struct qk_outcome *outcome = report->outcome;
  struct qk_sentence title = { "" }, under = qk_story_setting (plan),
                     target = target_of (plan->params->plot);
  const char *to = picture == QK_PICTURE_GP ? target.text : NULL;
  qk_sentence_add (&title, "%s  %s%s", plan->experiment->asked,
                   qk_story_word (qk_report_verdict (report)),
                   outcome->complete ? "." : ", so far: this is a partial result.");
  if (plan->n_asked)
    {
      qk_plot_ledger (out, report, title.text, under.text, picture, to);
      return 0;
    }
  const struct qk_finding **found = calloc (outcome->n_findings + 1, sizeof *found);
  if (!found)
    return qk_complain (why, "out of memory");
  for (size_t i = 0; i < outcome->n_findings; i++)
    found[i] = &outcome->findings[i];
  struct qk_plot plot = { .experiment = plan->experiment,
                          .found = found,
                          .n = outcome->n_findings,
                          .quantity = &plan->params->quantity,
                          .title = title.text,
                          .under = under.text };
  int failed = qk_plot_write (out, &plot, picture, to, why);
  free (found);
  return failed;
}
