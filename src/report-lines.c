/* report-lines.c -- the result for machines: JSON Lines, and CSV with the same fields.

   Doubles have 17 significant digits, so that they read back to the same bits; NaN and infinities
   are the strings "nan", "inf", "-inf".  A field that does not exist (no exact value known, no
   honest interval, no band on that side) is null, and empty in CSV.  Text that is not UTF-8 has
   every foreign byte written as \xNN and, where it is a name, every backslash doubled: reversible.
   Nothing of the machine or the moment is in a finding line.  */

#include "report.h"

#include "build.h"
#include "reference.h"

#include <gnu/libc-version.h>
#include <gsl/gsl_version.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __clang__
#define COMPILER __VERSION__ /* begins with its name */
#else
#define COMPILER "gcc " __VERSION__
#endif

/* ---- Values -------------------------------------------------------------------------------- */

size_t
qk_report_character (const char *text)
{
  const unsigned char *p = (const unsigned char *)text;
  if (p[0] < 0x80)
    return 1;
  size_t length = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
                  : (p[0] & 0xf0) == 0xe0       ? 3
                  : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                : 0;
  for (size_t i = 1; i < length; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  bool wrong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0)
               || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90);
  return wrong ? 0 : length;
}

/* A JSON string; NULL is null.  name: backslashes are doubled before JSON does it again.  */
static void
put_string (FILE *out, const char *text, bool name)
{
  if (!text)
    {
      fputs ("null", out);
      return;
    }
  putc ('"', out);
  for (size_t length; *text; text += length ? length : 1)
    {
      length = qk_report_character (text);
      unsigned byte = (unsigned char)*text;
      if (!length)
        fprintf (out, "\\\\x%02x", byte);
      else if (byte == '\\')
        fputs (name ? "\\\\\\\\" : "\\\\", out);
      else if (byte == '"')
        fputs ("\\\"", out);
      else if (byte < 0x20 || byte == 0x7f)
        fprintf (out, "\\u%04x", byte);
      else
        fwrite (text, 1, length, out);
    }
  putc ('"', out);
}

/* quote: '"' in JSON, nothing in CSV.  */
static void
put_number (FILE *out, double x, const char *quote)
{
  if (isnan (x))
    fprintf (out, "%snan%s", quote, quote);
  else if (isinf (x))
    fprintf (out, "%s%sinf%s", quote, x < 0 ? "-" : "", quote);
  else
    fprintf (out, "%.17g", x);
}

static void
put_list (FILE *out, const struct qk_list *list, const char *separator, const char *quote)
{
  for (size_t i = 0; i < list->n; i++)
    {
      fputs (i ? separator : "", out);
      put_number (out, list->value[i], quote);
    }
}

/* ---- The fields of a finding --------------------------------------------------------------- */

struct field
{
  const char *name;
  enum
  {
    TEXT,   /* NULL: does not exist */
    NUMBER, /* NaN: does not exist */
    CASE
  } type;
  const char *text;
  double number;
  const struct qk_key *key;
};

enum
{
  FIELDS = 19
};

static const char *
method_name (enum qk_method method)
{
  static const char *const name[]
      = { "exact", "bound", "t", "binomial", "order", "dkw", "rounding" };
  return name[method];
}

/* The fields of a statement in the order of the contract.  found NULL: of a plan, whose samples
   are those of the first round.  */
static void
fields_of (struct field f[static FIELDS], const struct qk_plan *plan, const struct qk_statement *s,
           const struct qk_finding *found)
{
  const struct qk_experiment *experiment = qk_statement_plan (plan, s)->experiment;
  const struct qk_quantity *quantity = qk_statement_quantity (plan, s);
  struct qk_enclosure none = { NAN, NAN, NAN, NAN }, e = found ? found->enclosure : none;
  bool judged = s->judged && !s->thin;
  double samples = 0, blocks = 0, needed = NAN;
  for (size_t i = 0; i < s->sources; i++)
    {
      const struct qk_case *c = &plan->cases[s->source[i]];
      blocks += (double)c->blocks;
      samples += (double)c->blocks * c->units;
    }
  if (found)
    {
      samples = found->samples;
      blocks = found->blocks;
    }
  if (found && found->verdict == QK_UNDECIDED)
    needed = ceil (found->samples_needed);

  const struct field all[] = {
    { "command", TEXT, .text = experiment->name },
    { "claim", TEXT, .text = s->claim },
    { "quantity", TEXT, .text = quantity->name },
    { "case", CASE, .key = s->key },
    { "unit", TEXT, .text = quantity->unit },
    { "method", TEXT, .text = method_name (s->method) },
    { "estimate", NUMBER, .number = e.estimate },
    { "std_error", NUMBER, .number = isnan (e.lo) ? NAN : e.std_error },
    { "lo", NUMBER, .number = e.lo },
    { "hi", NUMBER, .number = e.hi },
    { "miss", NUMBER, .number = s->miss },
    { "exact", NUMBER, .number = s->exact },
    { "band_lo", NUMBER, .number = judged && isfinite (s->band.lo) ? s->band.lo : NAN },
    { "band_hi", NUMBER, .number = judged && isfinite (s->band.hi) ? s->band.hi : NAN },
    { "verdict", TEXT, .text = found ? qk_verdict_name (found->verdict) : NULL },
    { "samples", NUMBER, .number = samples },
    { "unit_sampled", TEXT, .text = s->sources ? plan->cases[s->source[0]].kind->unit : NULL },
    { "blocks", NUMBER, .number = blocks },
    { "samples_needed", NUMBER, .number = needed },
  };
  _Static_assert(sizeof all / sizeof *all == FIELDS, "the fields of the contract");
  memcpy (f, all, sizeof all);
}

/* ---- JSON Lines ---------------------------------------------------------------------------- */

static void
put_case (FILE *out, const struct qk_key *key)
{
  putc ('{', out);
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    {
      fprintf (out, "%s\"%s\":", i ? "," : "", key[i].name);
      if (key[i].text)
        put_string (out, key[i].text, true);
      else if (key[i].list)
        {
          putc ('[', out);
          put_list (out, key[i].list, ",", "\"");
          putc (']', out);
        }
      else
        put_number (out, key[i].number, "\"");
    }
  putc ('}', out);
}

/* A line of the given type: finding, measured, plan-statement.  digits: those of the estimate,
   where there are; else the line has no such member.  */
static void
put_fields (FILE *out, const char *type, const struct field f[static FIELDS], const char *digits)
{
  fprintf (out, "{\"type\":\"%s\"", type);
  for (size_t i = 0; i < FIELDS; i++)
    {
      fprintf (out, ",\"%s\":", f[i].name);
      if (f[i].type == CASE)
        put_case (out, f[i].key);
      else if (f[i].type == TEXT)
        put_string (out, f[i].text, false);
      else if (isnan (f[i].number))
        fputs ("null", out);
      else
        put_number (out, f[i].number, "\"");
    }
  if (digits)
    {
      fputs (",\"value\":", out);
      put_string (out, digits, false);
    }
  fputs ("}\n", out);
}

static void
member (FILE *out, const char *name, const char *text)
{
  fprintf (out, ",\"%s\":", name);
  put_string (out, text, false);
}

static void
member_number (FILE *out, const char *name, double x)
{
  fprintf (out, ",\"%s\":", name);
  put_number (out, x, "\"");
}

/* ISO 8601, UTC, whole seconds.  Days to dates as in H. Hinnant, chrono-compatible low-level date
   algorithms (2013): eras of 400 years, years that begin in March.  */
static void
put_moment (FILE *out, double seconds)
{
  int64_t whole = (int64_t)floor (seconds), days = whole / 86400, rest = whole % 86400;
  if (rest < 0)
    {
      rest += 86400;
      days--;
    }
  days += 719468; /* from 0000-03-01 to 1970-01-01 */
  int64_t era = (days >= 0 ? days : days - 146096) / 146097, day = days - era * 146097;
  int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= 365 * year + year / 4 - year / 100;
  int64_t month = (5 * day + 2) / 153; /* 0: March */
  day -= (153 * month + 2) / 5;
  month += month < 10 ? 3 : -9;
  year += 400 * era + (month <= 2);
  fprintf (out,
           "\"%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64
           "Z\"",
           year, month, day + 1, rest / 3600, rest / 60 % 60, rest % 60);
}

/* The processor as Linux names it.  */
static void
put_processor (FILE *out)
{
  char line[256], *name = NULL;
  FILE *info = fopen ("/proc/cpuinfo", "r");
  while (info && !name && fgets (line, sizeof line, info))
    if (strncmp (line, "model name", 10) == 0 && (name = strchr (line, ':')))
      {
        name += 1 + strspn (name + 1, " \t");
        name[strcspn (name, "\n")] = '\0';
      }
  if (info)
    fclose (info);
  member (out, "processor", name && *name ? name : "unknown");
}

static void
put_input (FILE *out, const struct qk_input *input, bool hashed)
{
  const struct qk_tensor *t = &input->tensor;
  fputs ("{\"path\":", out);
  put_string (out, t->path, true);
  fprintf (out, ",\"bytes\":%" PRIu64 ",\"shape\":[", t->bytes);
  for (unsigned i = 0; i < t->axes; i++)
    fprintf (out, "%s%" PRIu64, i ? "," : "", t->shape[i]);
  putc (']', out);
  member (out, "dtype", t->dtype);
  fputs (",\"sha256\":\"", out);
  for (size_t i = 0; i < sizeof input->sha256 && hashed; i++)
    fprintf (out, "%02x", input->sha256[i]);
  fputs ("\"}", out);
}

static void
put_run (FILE *out, const struct qk_report *report)
{
  const struct qk_params *p = report->plan->params;
  const struct qk_outcome *outcome = report->outcome;
  fputs ("{\"schema\":\"qkcheck/1\",\"type\":\"run\"", out);
  member (out, "version", PACKAGE_VERSION);
  member (out, "command", report->plan->experiment->name);
  fputs (",\"argv\":[", out);
  for (int i = 0; i < report->argc; i++)
    {
      fputs (i ? "," : "", out);
      put_string (out, report->argv[i], true);
    }
  putc (']', out);
  if (report->plan->experiment->recorded || report->plan->experiment->prints) /* nothing is drawn */
    fputs (",\"seed\":null,\"rng\":null,\"tolerance\":null,\"confidence\":null", out);
  else
    {
      fprintf (out, ",\"seed\":%" PRIu64, p->seed);
      member (out, "rng", p->rng ? p->rng->name : "philox");
      if (p->thorough) /* each check has its own */
        fputs (",\"tolerance\":null", out);
      else
        member_number (out, "tolerance", p->tolerance);
      member_number (out, "confidence", p->confidence);
    }
  if (p->miss > 0)
    member_number (out, "miss", p->miss);
  member_number (out, "threads", outcome ? outcome->threads : qk_engine_threads (p));
  put_processor (out);
  member (out, "isa", outcome ? outcome->isa : report->kernels->isa);
  member (out, "compiler", COMPILER);
  member (out, "flags", QK_BUILD_FLAGS);
  member (out, "gsl", gsl_version);
  member (out, "mpfr", qk_mpfr_version ());
  member (out, "gmp", qk_gmp_version ());
  member (out, "libc", gnu_get_libc_version ());
  fputs (",\"started\":", out);
  if (outcome)
    put_moment (out, outcome->started);
  else
    fputs ("null", out);
  fputs (",\"inputs\":[", out);
  for (size_t i = 0; i < report->plan->n_inputs; i++)
    {
      fputs (i ? "," : "", out);
      put_input (out, report->plan->inputs[i], outcome != NULL);
    }
  fputs ("]}\n", out);
}

static void
put_warnings (FILE *out, const char *const *warning, size_t n)
{
  fputs (",\"warnings\":[", out);
  for (size_t i = 0; i < n; i++)
    {
      fputs (i ? "," : "", out);
      put_string (out, warning[i], false);
    }
  fputs ("]}\n", out);
}

/* A row of the ledger: what came out, and all that the ledger says.  Its findings are counted as
   their lines are, from 0, those that are reproducible before the measured ones.  */
static void
put_ledger_row (FILE *out, const struct qk_report *report, const struct qk_row *row)
{
  const struct qk_claim *c = row->claim;
  const struct qk_outcome *outcome = report->outcome;
  fputs ("{\"type\":\"row\"", out);
  member (out, "id", c->id);
  member (out, "status", qk_status_name (c->status));
  fprintf (out, ",\"confirmed\":%s,\"findings\":[",
           row->confirmed == QK_CONFIRMED      ? "true"
           : row->confirmed == QK_CONTRADICTED ? "false"
                                               : "null");
  for (size_t i = 0; i < row->n_findings; i++)
    {
      size_t wanted = row->findings[i], line = 0;
      bool timed = qk_plan_timed (report->plan, outcome->findings[wanted].statement);
      for (size_t j = 0; j < outcome->n_findings; j++)
        {
          bool other = qk_plan_timed (report->plan, outcome->findings[j].statement);
          line += other == timed ? j < wanted : timed;
        }
      fprintf (out, "%s%zu", i ? "," : "", line);
    }
  putc (']', out);
  member (out, "outcome", row->outcome);
  member (out, "question", c->question);
  member (out, "said", c->said);
  member (out, "exact", c->exact);
  member (out, "assumptions", c->assumptions);
  member (out, "derivation", c->derivation);
  fputs (",\"theorems\":[", out);
  const char *comma = "";
  for (const struct qk_theorem *t = qk_theorems; t->claim; t++)
    if (!strcmp (t->claim, c->id))
      {
        fprintf (out, "%s{\"class\":\"%s\"", comma, t->class);
        member (out, "theorem", t->name);
        member (out, "file", t->file);
        member (out, "says", t->says);
        putc ('}', out);
        comma = ",";
      }
  fputs ("],\"checks\":[", out);
  for (const struct qk_check *k = c->checks; k->command; k++)
    {
      fprintf (out, "%s{\"command\":\"%s\"", k == c->checks ? "" : ",", k->command);
      member (out, "arguments", k->arguments);
      member (out, "quantity", k->quantity);
      member (out, "verdict", qk_verdict_name (k->verdict));
      putc ('}', out);
    }
  fputs ("],\"published\":[", out);
  for (const struct qk_published *p = c->published; p && p->what; p++)
    {
      fputs (p == c->published ? "{\"what\":" : ",{\"what\":", out);
      put_string (out, p->what, false);
      fprintf (out, ",\"value\":%s", p->value ? p->value : "null");
      member (out, "source", p->source);
      putc ('}', out);
    }
  putc (']', out);
  member (out, "source", c->source);
  fputs ("}\n", out);
}

static void
put_end (FILE *out, const struct qk_report *report)
{
  const struct qk_outcome *outcome = report->outcome;
  enum qk_verdict verdict = qk_report_verdict (report);
  size_t count[QK_INVALID + 1] = { 0 };
  for (size_t i = 0; i < outcome->n_findings; i++)
    count[outcome->findings[i].verdict]++;
  fputs ("{\"type\":\"end\"", out);
  member (out, "verdict", qk_verdict_name (verdict));
  fprintf (out, ",\"holds\":%zu,\"fails\":%zu,\"undecided\":%zu,\"described\":%zu,\"complete\":%s",
           count[QK_HOLDS], count[QK_FAILS], count[QK_UNDECIDED], count[QK_DESCRIBED],
           outcome->complete ? "true" : "false");
  member_number (out, "elapsed_s", outcome->elapsed);
  put_warnings (out, (const char *const *)outcome->warnings, outcome->n_warnings);
}

static void
put_plan_case (FILE *out, const struct qk_case *c)
{
  fputs ("{\"type\":\"plan-case\"", out);
  member (out, "label", c->label);
  member (out, "kind", c->kind->name);
  member (out, "unit_sampled", c->kind->unit);
  member_number (out, "samples", (double)c->blocks * c->units);
  member_number (out, "blocks", (double)c->blocks);
  member_number (out, "table_bytes",
                 (double)(c->blocks * qk_kind_columns (c->kind) * sizeof (double)));
  member_number (out, "scratch_bytes", (double)c->scratch);
  member_number (out, "cost", (double)c->blocks * c->cost);
  fputs ("}\n", out);
}

static void
put_plan_end (FILE *out, const struct qk_report *report)
{
  const struct qk_plan *plan = report->plan;
  double samples = 0;
  for (size_t i = 0; i < plan->n_cases; i++)
    samples += (double)plan->cases[i].blocks * plan->cases[i].units;
  fprintf (out, "{\"type\":\"plan-end\",\"cases\":%zu,\"statements\":%zu", plan->n_cases,
           plan->n_statements);
  member_number (out, "samples", samples);
  member_number (out, "memory_bytes", qk_engine_memory (plan));
  member_number (out, "expected_s", qk_engine_seconds (plan, report->kernels));
  put_warnings (out, (const char *const *)plan->warnings, plan->n_warnings);
}

void
qk_report_json (FILE *out, const struct qk_report *report)
{
  const struct qk_plan *plan = report->plan;
  const struct qk_outcome *outcome = report->outcome;
  struct field f[FIELDS];
  put_run (out, report);
  if (outcome)
    {
      for (int timed = 0; timed < 2; timed++)
        for (size_t i = 0; i < outcome->n_findings; i++)
          if (qk_plan_timed (plan, outcome->findings[i].statement) == timed)
            {
              fields_of (f, plan, outcome->findings[i].statement, &outcome->findings[i]);
              put_fields (out, timed ? "measured" : "finding", f,
                          outcome->findings[i].statement->digits);
            }
      for (size_t i = 0; i < report->n_rows; i++)
        put_ledger_row (out, report, &report->rows[i]);
      put_end (out, report);
      return;
    }
  for (size_t i = 0; i < plan->n_cases; i++)
    put_plan_case (out, &plan->cases[i]);
  for (size_t i = 0; i < plan->n_statements; i++)
    {
      fields_of (f, plan, &plan->statements[i], NULL);
      put_fields (out, "plan-statement", f, plan->statements[i].digits);
    }
  put_plan_end (out, report);
}

/* ---- CSV (RFC 4180, with the line ends of Unix) --------------------------------------------- */

static bool
needs_quotes (const char *text)
{
  return text && text[strcspn (text, ",\"\r\n")] != '\0';
}

/* The inside of a field in quotes: quotes are doubled.  */
static void
put_inside (FILE *out, const char *text)
{
  for (; *text; text++)
    fprintf (out, *text == '"' ? "\"%c" : "%c", *text);
}

static void
put_csv_text (FILE *out, const char *text)
{
  const char *quote = needs_quotes (text) ? "\"" : "";
  fputs (quote, out);
  put_inside (out, text ? text : "");
  fputs (quote, out);
}

/* The case in one field: "d_k=64;q_dist=uniform", the numbers of a list with spaces between.  */
static void
put_csv_case (FILE *out, const struct qk_key *key)
{
  bool quoted = false;
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    quoted |= needs_quotes (key[i].text);
  fputs (quoted ? "\"" : "", out);
  for (size_t i = 0; i < QK_KEYS && key[i].name; i++)
    {
      fprintf (out, "%s%s=", i ? ";" : "", key[i].name);
      if (key[i].text)
        put_inside (out, key[i].text);
      else if (key[i].list)
        put_list (out, key[i].list, " ", "");
      else
        put_number (out, key[i].number, "");
    }
  fputs (quoted ? "\"" : "", out);
}

static void
put_row (FILE *out, const struct field f[static FIELDS])
{
  for (size_t i = 0; i < FIELDS; i++)
    {
      fputs (i ? "," : "", out);
      if (f[i].type == CASE)
        put_csv_case (out, f[i].key);
      else if (f[i].type == TEXT)
        put_csv_text (out, f[i].text);
      else if (!isnan (f[i].number))
        put_number (out, f[i].number, "");
    }
  putc ('\n', out);
}

/* A text with a separator before it unless it is the first of its field; the field is in quotes. */
static void
put_item (FILE *out, bool first, const char *text)
{
  fputs (first ? "" : "; ", out);
  put_inside (out, text ? text : "");
}

/* The ledger: a line for each row, with semicolons between several of a kind.  */
static void
put_csv_ledger (FILE *out, const struct qk_report *report)
{
  fputs ("id,question,status,said,exact,assumptions,derivation,theorems,checks,published,source\n",
         out);
  for (size_t i = 0; i < report->n_rows; i++)
    {
      const struct qk_claim *c = report->rows[i].claim;
      const char *const field[]
          = { c->id,          c->question,  qk_status_name (c->status), c->said, c->exact,
              c->assumptions, c->derivation };
      for (size_t j = 0; j < sizeof field / sizeof *field; j++)
        {
          put_csv_text (out, field[j]);
          putc (',', out);
        }
      putc ('"', out);
      bool first = true;
      for (const struct qk_theorem *t = qk_theorems; t->claim; t++)
        if (!strcmp (t->claim, c->id))
          {
            put_item (out, first, t->name ? t->name : t->file ? t->file : t->class);
            first = false;
          }
      fputs ("\",\"", out);
      for (const struct qk_check *k = c->checks; k->command; k++)
        {
          put_item (out, k == c->checks, "qkcheck ");
          put_inside (out, k->command);
          fputs (*k->arguments ? " " : "", out);
          put_inside (out, k->arguments);
          fprintf (out, ": %s %s", k->quantity, qk_verdict_name (k->verdict));
        }
      fputs ("\",\"", out);
      for (const struct qk_published *p = c->published; p && p->what; p++)
        {
          put_item (out, p == c->published, p->what);
          fputs (p->value ? ": " : "", out);
          put_inside (out, p->value ? p->value : "");
        }
      fputs ("\",", out);
      put_csv_text (out, c->source);
      putc ('\n', out);
    }
}

void
qk_report_csv (FILE *out, const struct qk_report *report)
{
  if (report->plan->experiment->prints)
    {
      put_csv_ledger (out, report);
      return;
    }
  const struct qk_plan *plan = report->plan;
  const struct qk_outcome *outcome = report->outcome;
  const struct qk_key nowhere[1] = { { 0 } };
  const struct qk_statement none = { .key = nowhere };
  struct field f[FIELDS];
  fields_of (f, plan, &none, NULL);
  for (size_t i = 0; i < FIELDS; i++)
    fprintf (out, "%s%s", i ? "," : "", f[i].name);
  putc ('\n', out);
  for (int timed = 0; timed < 2; timed++)
    for (size_t i = 0; i < (outcome ? outcome->n_findings : plan->n_statements); i++)
      {
        const struct qk_finding *found = outcome ? &outcome->findings[i] : NULL;
        const struct qk_statement *s = found ? found->statement : &plan->statements[i];
        if (qk_plan_timed (plan, s) != timed)
          continue;
        fields_of (f, plan, s, found);
        put_row (out, f);
      }
}
