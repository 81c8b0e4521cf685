/* option.c -- the command line: descriptor rows to parameters, by way of getopt_long.  */

#include "option.h"
#include "message.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

static const char *const formats[] = { "text", "json", "csv", "markdown", NULL };
static const char *const whens[] = { "auto", "always", "never", NULL };

const struct qk_option qk_options_sampling[] = {
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .standard = "1..4096*2",
    .lo = 1,
    .hi = 1048576,
    .help = "Head dimensions." },
  { .name = "dist",
    .type = QK_LAW,
    .offset = offsetof (struct qk_params, dist),
    .metavar = "LAW",
    .standard = "normal",
    .help
    = "The law of the components of q and k, such as student:nu=10 or normal:mean=0.5,sd=2." },
  { .name = "q-dist",
    .type = QK_LAW,
    .offset = offsetof (struct qk_params, q_dist),
    .metavar = "LAW",
    .shown = "that of --dist",
    .help = "The law of the components of q alone." },
  { .name = "k-dist",
    .type = QK_LAW,
    .offset = offsetof (struct qk_params, k_dist),
    .metavar = "LAW",
    .shown = "that of --dist",
    .help = "The law of the components of k alone." },
  { .name = "seed",
    .type = QK_SEED,
    .offset = offsetof (struct qk_params, seed),
    .metavar = "N",
    .standard = "1",
    .help = "Seed of the random numbers.  The same seed gives the same findings, to the byte." },
  { .name = "rng",
    .type = QK_RNG,
    .offset = offsetof (struct qk_params, rng),
    .metavar = "NAME",
    .standard = "philox",
    .help = "The generator: philox (Philox4x32-10) or, as an independent replication, one of the "
            "GSL by its name there, such as mt19937 or ranlxd2." },
  { .name = "tolerance",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, tolerance),
    .metavar = "T",
    .standard = "0.01",
    .lo = 0,
    .hi = 1,
    .lo_open = true,
    .help = "Half-width of the band of a claim, in the unit of its quantity (see QUANTITIES)." },
  { .name = "confidence",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, confidence),
    .metavar = "P",
    .standard = "0.999",
    .lo = 0,
    .hi = 1,
    .lo_open = true,
    .hi_open = true,
    .help
    = "Chance that every interval of the run covers its true value.  The chance of error left "
      "is split over what is judged." },
  { .name = "miss",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, miss),
    .metavar = "M",
    .shown = "the chance of error is split",
    .lo = 0,
    .hi = 1,
    .lo_open = true,
    .hi_open = true,
    .help = "The miss probability of each single interval, in place of --confidence." },
  { .name = "samples",
    .type = QK_INTEGER,
    .offset = offsetof (struct qk_params, samples),
    .metavar = "N",
    .shown = "planned from tolerance and confidence",
    .lo = 256,
    .hi = 1e15,
    .help = "A fixed number of samples for each case, taken in one round." },
  { .name = "max-samples",
    .type = QK_INTEGER,
    .offset = offsetof (struct qk_params, max_samples),
    .metavar = "N",
    .shown = "the command's own: as many as take a few minutes",
    .lo = 256,
    .hi = 1e15,
    .help = "Where a case stops asking for more samples." },
  { .name = "time-limit",
    .type = QK_REAL,
    .offset = offsetof (struct qk_params, time_limit),
    .metavar = "S",
    .shown = "none",
    .lo = 0,
    .hi = INFINITY,
    .lo_open = true,
    .help = "Seconds after which undecided cases stop asking for more samples.  With it, findings "
            "may differ between runs." },
  { .name = "blocks",
    .type = QK_FILE,
    .offset = offsetof (struct qk_params, blocks),
    .metavar = "FILE.npy",
    .help = "Also write the raw tables: one structured array with the fields case, block and the "
            "columns of the command." },
  { .name = "dry-run",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, dry_run),
    .help = "Print the plan and draw nothing: cases, statements, samples, memory, expected time." },
  { .name = "reference",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, reference),
    .help = "Also replay one block of each case in MPFR and report the decimal digits that agree, "
            "sum_digits, whatever --quantity says.  It takes about a tenth more time and changes "
            "no other finding." },
  { .name = NULL }
};

const struct qk_option qk_options_measuring[]
    = { { .name = "quantity",
          .type = QK_QUANTITIES,
          .offset = offsetof (struct qk_params, quantity),
          .metavar = "NAMES",
          .shown = "all",
          .help = "Only these quantities: names with commas between them." },
        { .name = "threads",
          .type = QK_INTEGER,
          .offset = offsetof (struct qk_params, threads),
          .metavar = "N",
          .shown = "the processors allowed to the process",
          .lo = 1,
          .hi = 1024,
          .help = "Worker threads.  Their number changes no finding." },
        { .name = "plot",
          .type = QK_FILE,
          .offset = offsetof (struct qk_params, plot),
          .metavar = "FILE.svg|png|pdf|gp",
          .shown = "none",
          .help
          = "Also draw the findings: intervals as bars, exact values as lines.  gnuplot, found "
            "on the PATH, draws SVG, PNG and PDF; FILE.gp is its script with the data in it, "
            "to be changed by hand, and needs none." },
        { .name = NULL } };

/* A choice without choices takes no value and stands for its lo.  */
const struct qk_option qk_options_common[] = {
  { .name = "format",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, format),
    .standard = "text",
    .choices = formats,
    .help = "How the result is written: for people, as JSON Lines, as CSV, or as a Markdown "
            "table." },
  { .name = "json",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, format),
    .lo = QK_JSON,
    .help = "The same as --format=json." },
  { .name = "output",
    .letter = 'o',
    .type = QK_FILE,
    .offset = offsetof (struct qk_params, output),
    .metavar = "FILE",
    .shown = "standard output",
    .help = "Write the result to FILE, which appears only when it is complete.  Devices and pipes "
            "are written directly." },
  { .name = "quiet",
    .letter = 'q',
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, quiet),
    .help = "Only the answer, in text, and no progress; other formats stay whole." },
  { .name = "progress",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, progress),
    .standard = "auto",
    .choices = whens,
    .help = "Show progress and the time left on standard error.  With auto, if that is a "
            "terminal." },
  { .name = "color",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, color),
    .standard = "auto",
    .choices = whens,
    .help
    = "Color in text.  With auto, if the result goes to a terminal and the environment has no "
      "NO_COLOR." },
  { .name = "help",
    .letter = 'h',
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, help),
    .help = "Print a short help and exit." },
  { .name = NULL }
};

/* ---- Rows ----------------------------------------------------------------------------------- */

static const struct qk_option *
find (const struct qk_option *rows, const char *name)
{
  for (; rows && rows->name; rows++)
    if (!strcmp (rows->name, name))
      return rows;
  return NULL;
}

/* Whether a command has that common option: it may have a row of its own for it, or none.  */
static bool
has_common (const struct qk_experiment *experiment, const char *name)
{
  for (const char *const *without = experiment->without; without && *without; without++)
    if (!strcmp (*without, name))
      return false;
  return !find (experiment->options, name);
}

enum
{
  TABLES = 4
};

struct qk_option *
qk_options_of (const struct qk_experiment *experiment)
{
  static const struct qk_option none[1];
  const struct qk_option *tables[TABLES]
      = { experiment->options ? experiment->options : none,
          experiment->recorded || experiment->prints ? none : qk_options_sampling,
          experiment->prints ? none : qk_options_measuring, qk_options_common };
  size_t n = 0;
  for (size_t t = 0; t < TABLES; t++)
    for (const struct qk_option *row = tables[t]; row->name; row++)
      n++;
  struct qk_option *rows = calloc (n + 1, sizeof *rows);
  if (!rows)
    return NULL;
  n = 0;
  for (size_t t = 0; t < TABLES; t++)
    for (const struct qk_option *row = tables[t]; row->name; row++)
      if (t == 0 || has_common (experiment, row->name))
        rows[n++] = *row;
  return rows;
}

bool
qk_option_valued (const struct qk_option *row)
{
  return row->type == QK_CHOICE ? row->choices != NULL : row->type != QK_FLAG;
}

/* Append to text, which has room for size bytes and needs *length so far.  */
static void __attribute__ ((format (printf, 4, 5)))
append (char *text, size_t size, int *length, const char *format, ...)
{
  size_t used = (size_t)*length < size ? (size_t)*length : size;
  va_list arguments;
  va_start (arguments, format);
  *length += vsnprintf (used < size ? text + used : NULL, size - used, format, arguments);
  va_end (arguments);
}

int
qk_option_metavar (char *text, size_t size, const struct qk_option *row)
{
  int length = 0;
  if (row->metavar || !row->choices)
    append (text, size, &length, "%s", row->metavar ? row->metavar : "");
  else
    for (const char *const *choice = row->choices; *choice; choice++)
      append (text, size, &length, "%s%s", length ? "|" : "", *choice);
  return length;
}

/* Digits that read back for every bound in use, without the plus sign of 1e+15.  */
static void
append_bound (char *text, size_t size, int *length, double bound)
{
  char digits[32];
  snprintf (digits, sizeof digits, "%.15g", bound);
  char *plus = strchr (digits, '+');
  if (plus)
    memmove (plus, plus + 1, strlen (plus));
  append (text, size, length, "%s", digits);
}

int
qk_option_range (char *text, size_t size, const struct qk_option *row)
{
  bool lo = isfinite (row->lo), hi = isfinite (row->hi);
  bool closed = lo && hi && !row->lo_open && !row->hi_open;
  int length = 0;
  append (text, size, &length, "%s", closed ? "between " : "");
  if (lo && !closed)
    append (text, size, &length, "%s ", row->lo_open ? "above" : "at least");
  if (lo)
    append_bound (text, size, &length, row->lo);
  if (lo && hi)
    append (text, size, &length, " and ");
  if (hi && !closed)
    append (text, size, &length, "%s ", row->hi_open ? "below" : "at most");
  if (hi)
    append_bound (text, size, &length, row->hi);
  return length;
}

/* ---- Messages ------------------------------------------------------------------------------- */

/* Edits (insert, delete, replace, swap neighbours) that turn a into b, regardless of case; both
   have at most QK_QUOTED letters.  */
static size_t
distance (const char *a, size_t n, const char *b)
{
  size_t m = strlen (b);
  size_t rows[3][QK_QUOTED + 1], *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= m; j++)
    last[j] = j;
  for (size_t i = 1; i <= n; i++)
    {
      now[0] = i;
      for (size_t j = 1; j <= m; j++)
        {
          int x = a[i - 1] | 0x20, y = b[j - 1] | 0x20;
          size_t best = last[j - 1] + (x != y);
          if (last[j] + 1 < best)
            best = last[j] + 1;
          if (now[j - 1] + 1 < best)
            best = now[j - 1] + 1;
          if (i > 1 && j > 1 && x == (b[j - 2] | 0x20) && y == (a[i - 2] | 0x20)
              && before[j - 2] + 1 < best)
            best = before[j - 2] + 1;
          now[j] = best;
        }
      size_t *spare = before;
      before = last;
      last = now;
      now = spare;
    }
  return last[m];
}

struct nearest
{
  const char *word;
  size_t length;
  size_t edits; /* fewer than this is nearer */
  const char *name;
  bool part; /* name is not near, but the word is part of it */
};

enum
{
  PART = 3 /* letters that make a word worth finding in a name */
};

/* One slip for every four letters, and one.  */
static struct nearest
nearest_begin (const char *word, size_t length)
{
  return (struct nearest){ .word = word, .length = length, .edits = length / 4 + 2 };
}

static void
nearest_offer (struct nearest *best, const char *name)
{
  if (best->length > QK_QUOTED || strlen (name) > QK_QUOTED)
    return;
  size_t edits = distance (best->word, best->length, name);
  if (edits < best->edits)
    {
      best->edits = edits;
      best->name = name;
      best->part = false;
    }
  else if ((!best->name || (best->part && strlen (name) < strlen (best->name)))
           && best->length >= PART && memmem (name, strlen (name), best->word, best->length))
    {
      best->name = name;
      best->part = true;
    }
}

const char *
qk_nearest (const char *word, const char *const *names)
{
  struct nearest best = nearest_begin (word, strlen (word));
  for (; *names; names++)
    nearest_offer (&best, *names);
  return best.name;
}

/* ---- Values --------------------------------------------------------------------------------- */

/* What is being read: the value of an option, or one item of its list.  */
struct text
{
  const struct qk_option *row;
  const char *start;
  size_t length;
  char *why;
};

static bool
is_integer (const struct qk_option *row)
{
  return row->type == QK_INTEGER || row->type == QK_INTEGERS;
}

/* "--dk: '64x' is not what is allowed".  */
static int
refuse (const struct text *text, const char *reason)
{
  char quoted[QK_QUOTED];
  return qk_complain (text->why, "--%s: '%s' %s", text->row->name,
                      qk_quote (quoted, text->start, text->length), reason);
}

static int
refuse_number (const struct text *text)
{
  char reason[QK_WHY], range[QK_WHY];
  int length = 0;
  append (reason, sizeof reason, &length, "is not %s",
          is_integer (text->row) ? "an integer" : "a number");
  if (qk_option_range (range, sizeof range, text->row))
    append (reason, sizeof reason, &length, " %s", range);
  if (text->row->type == QK_WORDS)
    for (const char *const *word = text->row->choices; *word; word++)
      append (reason, sizeof reason, &length, "%s%s", word[1] ? ", " : " or ", *word);
  if (text->row->type == QK_INTEGERS || text->row->type == QK_REALS)
    append (reason, sizeof reason, &length,
            "; a LIST is values and ranges, as in 1,8 or 1..8 or 64..512+64 or 1..4096*2");
  return refuse (text, reason);
}

struct number
{
  double value;
  const char *start; /* its text */
  size_t length;
};

/* Read a decimal number at *at and step over it: 64, -0.5, 1e3, 10M.  Two dots do not belong to it,
   nor does a suffix that leaves no integer.  */
static bool
scan (struct number *number, const char **at)
{
  const char *start = *at, *p = start + (*start == '-');
  size_t digits = strspn (p, DIGITS);
  p += digits;
  if (p[0] == '.' && p[1] != '.')
    {
      size_t fraction = strspn (++p, DIGITS);
      p += fraction;
      digits += fraction;
    }
  if (!digits)
    return false;

  size_t sign = *p == 'e' && (p[1] == '-' || p[1] == '+');
  size_t exponent = *p == 'e' ? strspn (p + 1 + sign, DIGITS) : 0;
  if (exponent)
    p += 1 + sign + exponent;

  /* The suffix goes through strtod as an exponent, so that 1.001k is rounded once.  */
  const char *suffix = *p == 'k' ? "e3" : *p == 'M' ? "e6" : *p == 'G' ? "e9" : "";
  if (*suffix && exponent)
    return false;
  char digest[512];
  int length = snprintf (digest, sizeof digest, "%.*s%s", (int)(p - start), start, suffix);
  if ((size_t)length >= sizeof digest)
    return false;
  *at = p + (*suffix != '\0');
  *number = (struct number){ strtod (digest, NULL), start, (size_t)(*at - start) };
  return !*suffix || number->value == floor (number->value);
}

/* Whether a number is of the kind of the row and, where bounded, in its range.  */
static int
check (const struct number *number, const struct text *text, bool bounded)
{
  const struct qk_option *row = text->row;
  const struct text part = { row, number->start, number->length, text->why };
  double value = number->value;
  if (!isfinite (value))
    return refuse (&part, "is too large for a number");
  if (is_integer (row) && value != floor (value))
    return refuse_number (&part);
  bool above = row->lo_open ? value > row->lo : value >= row->lo;
  bool below = row->hi_open ? value < row->hi : value <= row->hi;
  if (!bounded || (above && below))
    return 0;
  char reason[QK_WHY] = "is not ";
  qk_option_range (reason + strlen (reason), sizeof reason - strlen (reason), row);
  return refuse (&part, reason);
}

static int
read_number (double *value, const struct text *text)
{
  struct number number;
  const char *at = text->start;
  if (!scan (&number, &at) || *at)
    return refuse_number (text);
  *value = number.value;
  return check (&number, text, true);
}

/* Append a value that is not yet there.  */
static int
list_add (struct qk_list *list, double value, const struct text *text)
{
  for (size_t i = 0; i < list->n; i++)
    if (list->value[i] == value)
      return 0;
  if (list->n == QK_LIST_MAX)
    return qk_complain (text->why, "--%s: more than %d values", text->row->name, QK_LIST_MAX);
  list->value[list->n++] = value;
  return 0;
}

/* One item: LO, LO..HI, LO..HI+STEP or LO..HI*FACTOR.  */
static int
read_item (struct qk_list *list, const struct text *text)
{
  const char *at = text->start;
  struct number first, last, step = { .value = 1 };
  bool factor = false, good = scan (&first, &at);
  last = first;
  if (good && at[0] == '.' && at[1] == '.')
    {
      at += 2;
      good = scan (&last, &at);
      factor = *at == '*';
      if (good && (*at == '+' || *at == '*'))
        {
          at++;
          good = scan (&step, &at);
        }
    }
  if (!good || at != text->start + text->length)
    return refuse_number (text);
  if (check (&first, text, true) || check (&last, text, true) || check (&step, text, false))
    return -1;

  double lo = first.value, hi = last.value, by = step.value;
  if (hi < lo)
    return refuse (text, "is an empty range; write the smaller end first");
  if (!factor && !(by > 0))
    return refuse (text, "does not advance; a step is above 0");
  if (factor && !(by > 1 && lo > 0))
    return refuse (text, "does not advance; with a factor, it is above 1 and the range above 0");

  /* Real ranges reach their end in spite of rounding: 0..0.3+0.1 has four values.  */
  double slack = is_integer (text->row) ? 0 : 1e-9 * (factor ? hi : by);
  double value = lo;
  for (int i = 0; value <= hi + slack; value = factor ? value * by : lo + i * by)
    {
      if (i++ == QK_LIST_MAX)
        return qk_complain (text->why, "--%s: more than %d values", text->row->name, QK_LIST_MAX);
      if (list_add (list, fmin (value, hi), text))
        return -1;
      if (lo == hi) /* a step may be too small to move it */
        break;
    }
  return 0;
}

/* The words that a list may hold beside numbers.  */
static int
read_word (struct qk_list *list, const struct text *item)
{
  const char *const *words = item->row->choices;
  for (int i = 0; words[i]; i++)
    if (strlen (words[i]) == item->length && !strncmp (words[i], item->start, item->length))
      return list_add (list, -1 - i, item);
  return read_item (list, item);
}

/* The items of a list one after the other: false at the end, and where one is empty.  */
static bool
next_item (struct text *item, const struct text *text)
{
  if (item->start)
    {
      item->start += item->length;
      if (!*item->start)
        return false;
      item->start++;
    }
  else
    *item = *text;
  item->length = strcspn (item->start, ",");
  return item->length > 0;
}

/* After the last item: 0, or -1 where the list stopped at an empty one.  */
static int
end_items (const struct text *item, const struct text *text)
{
  if (item->length > 0)
    return 0;
  if (!*text->start)
    return qk_complain (text->why, "--%s: the list is empty", text->row->name);
  return refuse (text, "lacks a value beside a comma");
}

static int
refuse_name (const struct text *item)
{
  char reason[QK_WHY] = "";
  int length = 0, all = 0;
  const char *const *names = item->row->choices;
  struct nearest near = nearest_begin (item->start, item->length);
  for (int i = 0; names[i]; i++)
    {
      nearest_offer (&near, names[i]);
      all += (int)strlen (names[i]) + 2;
    }
  bool hint = near.name && all > QK_WHY / 2; /* the sentence would end before it */
  if (hint)
    append (reason, sizeof reason, &length, "is no name of the list; did you mean %s?", near.name);
  else
    append (reason, sizeof reason, &length, "is none of");
  for (int i = 0; names[i] && !hint; i++)
    append (reason, sizeof reason, &length, "%s %s", i ? "," : "", names[i]);
  if (near.name && !hint)
    append (reason, sizeof reason, &length, "; did you mean %s?", near.name);
  return refuse (item, reason);
}

/* The place of a name in the list of those allowed, or -1.  */
static int
name_index (const char *const *names, const char *name, size_t length)
{
  for (int i = 0; names[i]; i++)
    if (strlen (names[i]) == length && !strncmp (names[i], name, length))
      return i;
  return -1;
}

/* A name out of a list of them, NAME..NAME, or all.  */
static int
read_name (struct qk_list *list, const struct text *item)
{
  const char *const *names = item->row->choices;
  struct text first = *item, last = *item;
  for (size_t i = 1; i + 1 < item->length; i++)
    if (item->start[i] == '.' && item->start[i + 1] == '.')
      {
        first.length = i;
        last.start = item->start + i + 2;
        last.length = item->length - i - 2;
        break;
      }
  int lo = name_index (names, first.start, first.length);
  int hi = name_index (names, last.start, last.length);
  if (item->length == 3 && !strncmp (item->start, "all", 3))
    for (lo = hi = 0; names[hi + 1];)
      hi++;
  if (lo < 0 || hi < 0)
    return refuse_name (lo < 0 ? &first : &last);
  if (hi < lo)
    return refuse (item, "is an empty range; write the smaller end first");
  for (int i = lo; i <= hi; i++)
    if (list_add (list, i, item))
      return -1;
  return 0;
}

static int
read_list (struct qk_list *list, const struct text *text)
{
  struct qk_list new = { 0, malloc (QK_LIST_MAX * sizeof *new.value) };
  if (!new.value)
    return qk_complain (text->why, "out of memory");
  struct text item = { 0 };
  int status = 0;
  while (!status && next_item (&item, text))
    status = text->row->type == QK_NAMES   ? read_name (&new, &item)
             : text->row->type == QK_WORDS ? read_word (&new, &item)
                                           : read_item (&new, &item);
  if (status || end_items (&item, text))
    {
      free (new.value);
      return -1;
    }
  double *fit = realloc (new.value, new.n * sizeof *fit);
  free (list->value);
  *list = (struct qk_list){ new.n, fit ? fit : new.value };
  return 0;
}

static int
refuse_quantity (const struct text *text, const struct qk_quantity *quantities)
{
  char reason[QK_WHY] = "";
  int length = 0;
  struct nearest near = nearest_begin (text->start, text->length);
  for (const struct qk_quantity *q = quantities; q->name; q++)
    nearest_offer (&near, q->name);
  append (reason, sizeof reason, &length, "is no quantity of this command%s%s%s",
          near.name ? "; did you mean " : "", near.name ? near.name : "", near.name ? "?" : "");
  append (reason, sizeof reason, &length, near.name ? " There are" : "; there are");
  for (const struct qk_quantity *q = quantities; q->name; q++)
    append (reason, sizeof reason, &length, "%s %s", q == quantities ? "" : ",", q->name);
  return refuse (text, reason);
}

static int
read_quantities (struct qk_names *names, const struct text *text,
                 const struct qk_quantity *quantities)
{
  size_t n = 0;
  while (quantities[n].name)
    n++;
  struct qk_names new = { 0, calloc (n + 1, sizeof *new.name) };
  if (!new.name)
    return qk_complain (text->why, "out of memory");
  struct text item = { 0 };
  int status = 0;
  while (!status && next_item (&item, text))
    {
      const struct qk_quantity *q = quantities;
      while (
          q->name
          && (strlen (q->name) != item.length || strncmp (q->name, item.start, item.length) != 0))
        q++;
      if (!q->name)
        {
          status = refuse_quantity (&item, quantities);
          break;
        }
      size_t i = 0;
      while (i < new.n &&new.name[i] != q->name)
        i++;
      if (i == new.n)
        new.name[new.n++] = (char *)q->name;
    }
  if (status || end_items (&item, text))
    {
      free (new.name);
      return -1;
    }
  free (names->name);
  *names = new;
  return 0;
}

/* LO..HI, both numbers.  */
static int
read_interval (struct qk_band *band, const struct text *text)
{
  struct number lo, hi;
  const char *at = text->start;
  bool good = scan (&lo, &at) && at[0] == '.' && at[1] == '.';
  at += good ? 2 : 0;
  if (!good || !scan (&hi, &at) || *at)
    {
      char reason[QK_WHY] = "is not LO..HI, two numbers ";
      qk_option_range (reason + strlen (reason), sizeof reason - strlen (reason), text->row);
      return refuse (text, reason);
    }
  if (check (&lo, text, true) || check (&hi, text, true))
    return -1;
  if (!(lo.value <= hi.value))
    return refuse (text, "is an empty range; write the smaller end first");
  *band = (struct qk_band){ lo.value, hi.value };
  return 0;
}

static int
read_seed (uint64_t *seed, const struct text *text)
{
  bool hexadecimal = text->start[0] == '0' && (text->start[1] | 0x20) == 'x';
  const char *digits = text->start + (hexadecimal ? 2 : 0);
  size_t length = strspn (digits, hexadecimal ? DIGITS "abcdefABCDEF" : DIGITS);
  errno = 0;
  unsigned long long value = strtoull (digits, NULL, hexadecimal ? 16 : 10);
  if (!length || digits[length] || errno || value > UINT64_MAX)
    return refuse (text, "is not a 64-bit integer, decimal or 0x hexadecimal");
  *seed = value;
  return 0;
}

static int
read_rng (const gsl_rng_type **rng, const struct text *text)
{
  static const char philox[] = "philox";
  if (!strcmp (text->start, philox))
    {
      *rng = NULL;
      return 0;
    }
  struct nearest near = nearest_begin (text->start, text->length);
  nearest_offer (&near, philox);
  for (const gsl_rng_type **type = gsl_rng_types_setup (); *type; type++)
    {
      if (!strcmp (text->start, (*type)->name))
        {
          *rng = *type;
          return 0;
        }
      nearest_offer (&near, (*type)->name);
    }
  char reason[QK_WHY];
  snprintf (reason, sizeof reason,
            "is no generator%s%s%s philox and those of the GSL (mt19937, ranlxd2, taus2, ...) are",
            near.name ? "; did you mean " : "", near.name ? near.name : "", near.name ? "?" : ";");
  return refuse (text, reason);
}

static int
read_choice (int *choice, const struct text *text)
{
  const char *const *choices = text->row->choices;
  for (int i = 0; choices[i]; i++)
    if (!strcmp (choices[i], text->start))
      {
        *choice = i;
        return 0;
      }
  char reason[QK_WHY];
  int length = 0;
  append (reason, sizeof reason, &length, "is none of");
  for (int i = 0; choices[i]; i++)
    append (reason, sizeof reason, &length, "%s %s", i ? "," : "", choices[i]);
  return refuse (text, reason);
}

static int
read_law (struct qk_law *law, const struct text *text)
{
  char reason[QK_WHY];
  if (qk_law_parse (law, text->start, reason))
    return qk_complain (text->why, "--%s: %s", text->row->name, reason);
  return 0;
}

/* One file more.  */
static int
read_file (const char **file, const struct text *text)
{
  size_t n = 0;
  while (file[n])
    n++;
  if (!text->length)
    return qk_complain (text->why, "--%s: the name is empty", text->row->name);
  if (n == QK_FILES_MAX)
    return qk_complain (text->why, "--%s: given more than %d times", text->row->name, QK_FILES_MAX);
  file[n] = text->start;
  return 0;
}

/* Read value (NULL for an option that takes none) into the field of a row.  */
static int
read_value (struct qk_params *params, const struct qk_experiment *experiment,
            const struct qk_option *row, const char *value, char why[static QK_WHY])
{
  void *field = (char *)params + row->offset;
  struct text text = { row, value, value ? strlen (value) : 0, why };
  if (!qk_option_valued (row))
    {
      if (row->type == QK_FLAG)
        *(bool *)field = true;
      else
        *(int *)field = (int)row->lo;
      return 0;
    }
  switch (row->type)
    {
    case QK_FLAG:
      break;
    case QK_CHOICE:
      return read_choice (field, &text);
    case QK_FILE:
      if (!*value)
        return qk_complain (why, "--%s: the name is empty", row->name);
      *(const char **)field = value;
      break;
    case QK_FILES:
      return read_file (field, &text);
    case QK_REAL:
    case QK_INTEGER:
      return read_number (field, &text);
    case QK_SEED:
      return read_seed (field, &text);
    case QK_INTEGERS:
    case QK_REALS:
    case QK_WORDS:
    case QK_NAMES:
      return read_list (field, &text);
    case QK_LAW:
      return read_law (field, &text);
    case QK_INTERVAL:
      return read_interval (field, &text);
    case QK_RNG:
      return read_rng (field, &text);
    case QK_QUANTITIES:
      return read_quantities (field, &text, experiment->quantities);
    }
  return 0;
}

/* ---- The command line ----------------------------------------------------------------------- */

enum
{
  FIRST = 256 /* what getopt_long returns for row 0; above every letter */
};

struct words
{
  struct option *longs;
  char *letters;
};

/* The rows as getopt_long wants them.  A missing value gives ':'.  */
static int
words_make (struct words *words, const struct qk_option *rows)
{
  size_t n = 0;
  while (rows[n].name)
    n++;
  words->longs = calloc (n + 1, sizeof *words->longs);
  words->letters = calloc (2 * n + 2, 1);
  if (!words->longs || !words->letters)
    return -1;
  char *letter = words->letters;
  *letter++ = ':';
  for (size_t i = 0; i < n; i++)
    {
      bool valued = qk_option_valued (&rows[i]);
      words->longs[i] = (struct option){ rows[i].name, valued ? required_argument : no_argument,
                                         NULL, FIRST + (int)i };
      if (rows[i].letter)
        *letter++ = rows[i].letter;
      if (rows[i].letter && valued)
        *letter++ = ':';
    }
  return 0;
}

static const struct qk_option *
row_of (const struct qk_option *rows, int code)
{
  if (code >= FIRST)
    return &rows[code - FIRST];
  while (rows->letter != code)
    rows++;
  return rows;
}

/* A word that begins with two dashes and names no row, or several.  */
static int
refuse_word (const struct qk_option *rows, const char *word, char why[static QK_WHY])
{
  const char *name = word + strspn (word, "-");
  size_t length = strcspn (name, "=");
  char quoted[QK_QUOTED], candidates[QK_WHY] = "";
  qk_quote (quoted, name, length);
  struct nearest near = nearest_begin (name, length);
  int listed = 0;
  for (; rows->name; rows++)
    {
      if (!strncmp (rows->name, name, length))
        append (candidates, sizeof candidates, &listed, "%s--%s", listed ? ", " : "", rows->name);
      nearest_offer (&near, rows->name);
    }
  if (listed)
    return qk_complain (why, "option '--%s' is ambiguous: %s", quoted, candidates);
  if (near.name)
    return qk_complain (why, "unknown option '--%s'; did you mean --%s?", quoted, near.name);
  return qk_complain (why, "unknown option '--%s'; --help lists the options", quoted);
}

/* "Q.npy K.npy", or "none".  */
static const char *
operand_words (char words[static QK_WHY], const struct qk_experiment *experiment)
{
  int length = 0;
  append (words, QK_WHY, &length, "%s", experiment->operands ? "" : "none");
  for (const struct qk_operand *o = experiment->operands; o && o->name; o++)
    append (words, QK_WHY, &length, o->any ? "%s[%s]..." : "%s%s", length ? " " : "", o->name);
  return words;
}

/* An operand that is none of the words it may be.  */
static int
refuse_operand (const struct qk_operand *o, const char *operand, char why[static QK_WHY])
{
  char quoted[QK_QUOTED];
  struct nearest near = nearest_begin (operand, strlen (operand));
  const char *word;
  for (size_t i = 0; (word = o->word (i)); i++)
    {
      if (!strcmp (word, operand))
        return 0;
      nearest_offer (&near, word);
    }
  qk_quote (quoted, operand, strlen (operand));
  if (near.name)
    return qk_complain (why, "'%s' is no %s; did you mean '%s'?", quoted, o->name, near.name);
  return qk_complain (why, "'%s' is no %s; --help says what it may be", quoted, o->name);
}

static int
read_operands (struct qk_params *params, const struct qk_experiment *experiment, int n,
               char **operand, char why[static QK_WHY])
{
  char quoted[QK_QUOTED], words[QK_WHY];
  int wanted = 0;
  params->operand = calloc ((size_t)n + 1, sizeof *params->operand);
  if (!params->operand)
    return qk_complain (why, "out of memory");
  for (const struct qk_operand *o = experiment->operands; o && o->name; o++)
    {
      for (; o->any && wanted < n; wanted++)
        {
          if (o->type == QK_OPERAND_WORD && refuse_operand (o, operand[wanted], why))
            return -1;
          params->operand[wanted] = operand[wanted];
        }
      if (o->any)
        break;
      if (wanted == n)
        return qk_complain (why, "missing operand %s; %s takes %s", o->name, experiment->name,
                            operand_words (words, experiment));
      if (!*operand[wanted])
        return qk_complain (why, "the name of operand %s is empty", o->name);
      params->operand[wanted] = operand[wanted];
      wanted++;
    }
  if (n > wanted)
    return qk_complain (why, "surplus operand '%s'; %s takes %s",
                        qk_quote (quoted, operand[wanted], strlen (operand[wanted])),
                        experiment->name, operand_words (words, experiment));
  return 0;
}

static int
read_arguments (struct qk_params *params, const struct qk_experiment *experiment,
                const struct qk_option *rows, const struct words *words, int argc, char **argv,
                char why[static QK_WHY])
{
  char text[QK_WHY];
  int code;
  opterr = 0;
  optind = 0; /* GNU: start afresh */
  while ((code = getopt_long (argc, argv, words->letters, words->longs, NULL)) != -1)
    {
      if (code == ':')
        {
          const struct qk_option *row = row_of (rows, optopt);
          qk_option_metavar (text, sizeof text, row);
          return qk_complain (why, "--%s lacks its value: --%s=%s", row->name, row->name, text);
        }
      if (code == '?' && optopt == 0)
        return refuse_word (rows, argv[optind - 1], why);
      if (code == '?' && optopt >= FIRST)
        return qk_complain (why, "--%s takes no value", row_of (rows, optopt)->name);
      if (code == '?')
        {
          char letter = (char)optopt;
          return qk_complain (why, "unknown option '-%s'; --help lists the options",
                              qk_quote (text, &letter, 1));
        }
      const struct qk_option *row = row_of (rows, code);
      if (read_value (params, experiment, row, optarg, why))
        return -1;
      if (row->seen)
        *(bool *)((char *)params + row->seen) = true;
      if (params->help)
        return 0;
    }
  return read_operands (params, experiment, argc - optind, argv + optind, why);
}

static int
read_all (struct qk_params *params, const struct qk_experiment *experiment,
          const struct qk_option *rows, int argc, char **argv, char why[static QK_WHY])
{
  for (const struct qk_option *row = rows; row->name; row++)
    if (row->standard && read_value (params, experiment, row, row->standard, why))
      return -1;
  struct words words;
  int status = words_make (&words, rows)
                   ? qk_complain (why, "out of memory")
                   : read_arguments (params, experiment, rows, &words, argc, argv, why);
  free (words.longs);
  free (words.letters);
  return status;
}

int
qk_options_parse (struct qk_params *params, const struct qk_experiment *experiment, int argc,
                  char **argv, char why[static QK_WHY])
{
  memset (params, 0, sizeof *params);
  struct qk_option *rows = qk_options_of (experiment);
  if (!rows)
    return qk_complain (why, "out of memory");
  int status = read_all (params, experiment, rows, argc, argv, why);
  free (rows);
  if (status)
    qk_params_free (params, experiment);
  if (!params->q_dist.type)
    params->q_dist = params->dist;
  if (!params->k_dist.type)
    params->k_dist = params->dist;
  return status;
}

void
qk_params_free (struct qk_params *params, const struct qk_experiment *experiment)
{
  const struct qk_option *tables[]
      = { experiment->options, qk_options_sampling, qk_options_measuring };
  free (params->operand);
  params->operand = NULL;
  for (size_t t = 0; t < 3; t++)
    for (const struct qk_option *row = tables[t]; row && row->name; row++)
      {
        void *field = (char *)params + row->offset;
        if (row->type == QK_INTEGERS || row->type == QK_REALS || row->type == QK_WORDS
            || row->type == QK_NAMES)
          {
            struct qk_list *list = field;
            free (list->value);
            *list = (struct qk_list){ 0 };
          }
        else if (row->type == QK_QUANTITIES)
          {
            struct qk_names *names = field;
            free (names->name);
            *names = (struct qk_names){ 0 };
          }
      }
}
