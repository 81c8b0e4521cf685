/* t-report.c -- a hand-made outcome in every format: exact lines for machines, and for people the
   laws of the page: its width, words for verdicts, no figure without its interval.  */

#include "../src/grid.h"
#include "../src/report.h"
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- The stage ----------------------------------------------------------------------------- */

enum
{
  MEAN,
  VARIANCE,
  ABS,
  SLOPE
};

static const struct qk_quantity quantities[]
    = { { "score_mean", "E(q·k)", "score", QK_COLUMN, "", "" },
        { "score_variance", "Var(q·k)", "score^2", QK_LEAD, "", "" },
        { "score_abs_mean", "E|q·k|", "score", QK_COLUMN, "", "" },
        { "variance_slope", "slope of log Var(q·k) against log d_k", "1", QK_LINE, "", "" },
        { 0 } };

static void
describe (char *text, size_t size, const struct qk_plan *plan)
{
  (void)plan;
  snprintf (text, size, "hand-made components");
}

static bool
explain (char *text, size_t size, const struct qk_plan *plan, const struct qk_statement *s,
         const struct qk_enclosure *e, enum qk_verdict verdict)
{
  (void)plan;
  (void)e;
  if (verdict != QK_FAILS || s->quantity != VARIANCE)
    return false;
  snprintf (text, size, "Var(q·k) = d_k needs components with mean 0.");
  return true;
}

static const struct qk_column columns[] = { { "m1", 1 }, { "m2", 2 }, { NULL, 0 } };

/* The plan tries a block to see how long it takes.  */
static int
block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  (void)c;
  (void)work;
  row[0] = row[1] = row[2] = (double)index;
  return 0;
}

static const struct qk_kind kind
    = { .name = "tiles", .unit = "block", .columns = columns, .block = block };

static const struct qk_experiment experiment = { .name = "variance",
                                                 .asked = "Is Var(q·k) = d_k?",
                                                 .unit = "scores",
                                                 .quantities = quantities,
                                                 .describe = describe,
                                                 .explain = explain };

enum
{
  CASES = 3,
  ALL = 3 * CASES + 1
};

static double dimensions[CASES];
static const struct qk_list dk = { CASES, dimensions };
static struct qk_params params;
static struct qk_case cases[CASES];
static size_t source[CASES];
static struct qk_table tables[CASES];
static struct qk_statement statements[ALL];
static struct qk_key keys[ALL][QK_KEYS + 1];
static struct qk_finding findings[ALL];
static const char *warnings[1];
static char *plan_warnings[1];
static struct qk_plan plan;
static struct qk_outcome outcome;
static const struct qk_kernels kernels = { .isa = "plain" };
static char *argv[] = { "qkcheck", "variance", "--dk=1,64,4096", NULL };
static struct qk_report report;

static void
make (size_t i, size_t quantity, size_t c, double exact, struct qk_enclosure e, struct qk_band band)
{
  struct qk_statement *s = &statements[i];
  *s = (struct qk_statement){ .claim = "score-variance",
                              .quantity = quantity,
                              .key = keys[i],
                              .method = QK_BY_T,
                              .exact = exact,
                              .judged = true,
                              .band = band,
                              .source = &source[c],
                              .sources = 1,
                              .miss = 1e-4 };
  memset (keys[i], 0, sizeof keys[i]);
  keys[i][0] = (struct qk_key){ .name = "d_k", .number = dimensions[c] };
  findings[i] = (struct qk_finding){ .statement = s,
                                     .enclosure = e,
                                     .verdict = qk_verdict_decide (e, band),
                                     .samples = 1e6,
                                     .blocks = 128,
                                     .samples_needed = NAN };
}

/* Three head dimensions, four quantities; everything holds.  */
static void
stage (void)
{
  for (size_t c = 0; c < CASES; c++)
    {
      double d = dimensions[c] = (double[]){ 1, 64, 4096 }[c];
      source[c] = c;
      cases[c] = (struct qk_case){
        .kind = &kind, .label = "tiles", .blocks = 128, .units = 8192, .cost = 1e6, .scratch = 640
      };
      tables[c] = (struct qk_table){ NULL, 128, 3 };
      make (
          3 * c, MEAN, c, 0,
          (struct qk_enclosure){ 0.0002385 * sqrt (d), 0.001, -0.003 * sqrt (d), 0.004 * sqrt (d) },
          qk_band_absolute (0, 0.01 * sqrt (d)));
      make (3 * c + 1, VARIANCE, c, d,
            (struct qk_enclosure){ 0.9998 * d, 0.001 * d, 0.9964 * d, 1.0031 * d },
            qk_band_ratio (d, 0.01));
      make (3 * c + 2, ABS, c, 0.6366197723675814 * sqrt (d),
            (struct qk_enclosure){ 0.6371 * sqrt (d), 0.0005, 0.635 * sqrt (d), 0.639 * sqrt (d) },
            qk_band_ratio (0.6366 * sqrt (d), 0.01));
    }
  make (ALL - 1, SLOPE, 0, 1, (struct qk_enclosure){ 0.99998, 0.0001, 0.9993, 1.0006 },
        qk_band_slope (1, 0.01, 1, 4096));
  keys[ALL - 1][0] = (struct qk_key){ .name = "d_k", .list = &dk };
  statements[ALL - 1].claim = "variance-slope";
  statements[ALL - 1].sources = CASES;

  params = (struct qk_params){ .seed = 1, .tolerance = 0.01, .confidence = 0.999, .threads = 2 };
  plan = (struct qk_plan){ .experiment = &experiment,
                           .params = &params,
                           .cases = cases,
                           .n_cases = CASES,
                           .statements = statements,
                           .n_statements = ALL };
  outcome = (struct qk_outcome){ .findings = findings,
                                 .n_findings = ALL,
                                 .warnings = warnings,
                                 .complete = true,
                                 .elapsed = 0.53125,
                                 .started = 951827696.75, /* 2000-02-29 12:34:56 UTC */
                                 .threads = 2,
                                 .isa = "plain",
                                 .tables = tables,
                                 .n_tables = CASES };
  report = (struct qk_report){
    .plan = &plan, .outcome = &outcome, .kernels = &kernels, .argc = 3, .argv = argv
  };
}

/* The report in a format; freed by the caller.  */
static char *
render (int format)
{
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream (&text, &length);
  params.format = format;
  int status = (report.outcome ? qk_report_write : qk_report_plan) (out, &report);
  fclose (out);
  ck_assert_int_eq (status, 0);
  return text;
}

/* Line number n from 0 of a text, negative: from the end; overwritten by the next call.  */
static const char *
line_of (const char *text, int n)
{
  static char line[4096];
  int count = 0;
  for (const char *p = text; *p; p++)
    count += *p == '\n';
  for (n = n < 0 ? count + n : n; n > 0; n--)
    text = strchr (text, '\n') + 1;
  snprintf (line, sizeof line, "%.*s", (int)strcspn (text, "\n"), text);
  return line;
}

static void
line_reads (int format, int n, const char *expected)
{
  char *text = render (format);
  ck_assert_str_eq (line_of (text, n), expected);
  free (text);
}

static void
contains (const char *text, const char *needle)
{
  ck_assert_msg (strstr (text, needle) != NULL, "'%s' is missing in:\n%s", needle, text);
}

static void
lacks (const char *text, const char *needle)
{
  ck_assert_msg (strstr (text, needle) == NULL, "'%s' stands in:\n%s", needle, text);
}

/* ---- exact ---- */

START_TEST (json_finding)
{
  stage ();
  line_reads (QK_JSON, 2,
              "{\"type\":\"finding\",\"command\":\"variance\",\"claim\":\"score-variance\","
              "\"quantity\":\"score_variance\",\"case\":{\"d_k\":1},\"unit\":\"score^2\","
              "\"method\":\"t\",\"estimate\":0.99980000000000002,\"std_error\":0.001,"
              "\"lo\":0.99639999999999995,\"hi\":1.0031000000000001,\"miss\":0.0001,\"exact\":1,"
              "\"band_lo\":0.99009900990099009,\"band_hi\":1.01,\"verdict\":\"holds\","
              "\"samples\":1000000,\"unit_sampled\":\"block\",\"blocks\":128,"
              "\"samples_needed\":null}");
}
END_TEST

/* Every null there is, and the keys in the order given.  */
START_TEST (json_nulls)
{
  stage ();
  struct qk_finding *f = &findings[2];
  statements[2].claim = NULL;
  statements[2].exact = NAN;
  statements[2].judged = false;
  statements[2].sources = 0;
  statements[2].method = QK_BY_BOUND;
  keys[2][1] = (struct qk_key){ .name = "q_dist", .text = "student:nu=10,sd=2" };
  keys[2][2] = (struct qk_key){ .name = "correlation", .number = 0.05 };
  keys[2][3] = (struct qk_key){ .name = "sigma", .number = INFINITY };
  f->verdict = QK_DESCRIBED;
  f->enclosure.lo = f->enclosure.hi = NAN;
  f->samples = f->blocks = 0;
  line_reads (
      QK_JSON, 3,
      "{\"type\":\"finding\",\"command\":\"variance\",\"claim\":null,"
      "\"quantity\":\"score_abs_mean\",\"case\":{\"d_k\":1,\"q_dist\":\"student:nu=10,sd=2\","
      "\"correlation\":0.050000000000000003,\"sigma\":\"inf\"},\"unit\":\"score\","
      "\"method\":\"bound\",\"estimate\":0.6371,\"std_error\":null,\"lo\":null,\"hi\":null,"
      "\"miss\":0.0001,\"exact\":null,\"band_lo\":null,\"band_hi\":null,\"verdict\":null,"
      "\"samples\":0,\"unit_sampled\":null,\"blocks\":0,\"samples_needed\":null}");
}
END_TEST

/* Digits are a last member, and only where there are any.  */
START_TEST (json_digits)
{
  stage ();
  statements[2].digits = "0.63710000000000000000000000001";
  char *text = render (QK_JSON);
  contains (text, "\"samples_needed\":null,\"value\":\"0.63710000000000000000000000001\"}\n");
  free (text);
  statements[2].digits = NULL;
  text = render (QK_JSON);
  lacks (text, "\"value\"");
  free (text);
}
END_TEST

START_TEST (json_undecided)
{
  stage ();
  statements[ALL - 1].band = qk_band_most (1.0001);
  findings[ALL - 1].enclosure.lo = -INFINITY;
  findings[ALL - 1].verdict = QK_UNDECIDED;
  findings[ALL - 1].samples_needed = 4123456.25;
  line_reads (QK_JSON, ALL,
              "{\"type\":\"finding\",\"command\":\"variance\",\"claim\":\"variance-slope\","
              "\"quantity\":\"variance_slope\",\"case\":{\"d_k\":[1,64,4096]},\"unit\":\"1\","
              "\"method\":\"t\",\"estimate\":0.99997999999999998,\"std_error\":0.0001,"
              "\"lo\":\"-inf\",\"hi\":1.0005999999999999,\"miss\":0.0001,\"exact\":1,"
              "\"band_lo\":null,\"band_hi\":1.0001,\"verdict\":\"undecided\",\"samples\":1000000,"
              "\"unit_sampled\":\"block\",\"blocks\":128,\"samples_needed\":4123457}");
}
END_TEST

START_TEST (json_run)
{
  stage ();
  char *text = render (QK_JSON);
  const char *run = line_of (text, 0);
  contains (run, "{\"schema\":\"qkcheck/1\",\"type\":\"run\",\"version\":\"");
  contains (run, ",\"command\":\"variance\",\"argv\":[\"qkcheck\",\"variance\",\"--dk=1,64,4096\"],"
                 "\"seed\":1,\"rng\":\"philox\",\"tolerance\":0.01,\"confidence\":0.999,"
                 "\"threads\":2,\"processor\":\"");
  contains (run, "\",\"isa\":\"plain\",\"compiler\":\"");
  contains (run, ",\"started\":\"2000-02-29T12:34:56Z\",\"inputs\":[]}");
  lacks (run, "\"miss\"");
  free (text);

  params.miss = 0.05;
  params.seed = UINT64_MAX;
  params.rng = gsl_rng_ranlxd2;
  text = render (QK_JSON);
  contains (line_of (text, 0),
            "\"seed\":18446744073709551615,\"rng\":\"ranlxd2\",\"tolerance\":0.01,"
            "\"confidence\":0.999,\"miss\":0.050000000000000003,\"threads\":2,");
  free (text);
}
END_TEST

START_TEST (json_end)
{
  stage ();
  warnings[0] = "a \"quoted\" word\tand σ";
  outcome.n_warnings = 1;
  findings[0].verdict = QK_DESCRIBED;
  findings[1].verdict = QK_FAILS;
  findings[2].verdict = QK_UNDECIDED;
  line_reads (QK_JSON, -1,
              "{\"type\":\"end\",\"verdict\":\"fails\",\"holds\":7,\"fails\":1,\"undecided\":1,"
              "\"described\":1,\"complete\":true,\"elapsed_s\":0.53125,"
              "\"warnings\":[\"a \\\"quoted\\\" word\\u0009and σ\"]}");
  outcome.complete = false;
  char *text = render (QK_JSON);
  contains (line_of (text, -1), "\"complete\":false,");
  free (text);
}
END_TEST

/* Dates by another route: known moments around leap days and turns of the year.  */
START_TEST (moments)
{
  static const struct
  {
    double seconds;
    const char *text;
  } known[] = { { 0, "1970-01-01T00:00:00Z" },          { 68169599.999, "1972-02-28T23:59:59Z" },
                { 68169600, "1972-02-29T00:00:00Z" },   { 68256000, "1972-03-01T00:00:00Z" },
                { 946684799, "1999-12-31T23:59:59Z" },  { 946684800, "2000-01-01T00:00:00Z" },
                { 1234567890, "2009-02-13T23:31:30Z" }, { 4107542400, "2100-03-01T00:00:00Z" },
                { -1, "1969-12-31T23:59:59Z" } };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      stage ();
      outcome.started = known[i].seconds;
      char *text = render (QK_JSON);
      contains (line_of (text, 0), known[i].text);
      free (text);
    }
}
END_TEST

/* A recorded file: nothing is drawn, what rounding cannot touch stands alone, details stay away
   from the table unless asked for, and the summary closes.  */
static void
summarise (char *text, size_t size, const struct qk_plan *p, const struct qk_table *t)
{
  snprintf (text, size, "%zu tables say %s.", p->n_cases, t ? "enough" : "nothing");
}

static const struct qk_experiment recorded = { .name = "audit",
                                               .asked = "Is it so?",
                                               .unit = "scores",
                                               .recorded = true,
                                               .quantities = quantities,
                                               .describe = describe,
                                               .summarise = summarise };

static void
stage_recorded (void)
{
  static struct qk_input input
      = { .tensor
          = { .path = "a\\b.npy", .bytes = 4242, .dtype = ">f2", .axes = 3, .shape = { 2, 31, 4 } },
          .sha256 = { 0x2a, 0xff } };
  stage ();
  plan.experiment = &recorded;
  plan.inputs[0] = &input;
  plan.n_inputs = 1;
  for (size_t i = 0; i < ALL - 1; i++)
    {
      double x = 2.385114 + (double)i;
      statements[i].judged = false;
      statements[i].exact = NAN;
      statements[i].method = QK_BY_ROUNDING;
      statements[i].miss = 0;
      findings[i].verdict = QK_DESCRIBED;
      findings[i].enclosure = (struct qk_enclosure){ x, NAN, x - 1e-12, x + 1e-12 };
    }
  outcome.n_findings = plan.n_statements = ALL - 1;
}

START_TEST (recorded_run)
{
  stage_recorded ();
  char *text = render (QK_JSON);
  const char *run = line_of (text, 0);
  contains (run, "\"seed\":null,\"rng\":null,\"tolerance\":null,\"confidence\":null,");
  contains (run, "\"inputs\":[{\"path\":\"a\\\\\\\\b.npy\",\"bytes\":4242,\"shape\":[2,31,4],"
                 "\"dtype\":\">f2\",\"sha256\":\"2aff0000");
  contains (line_of (text, 1), "\"method\":\"rounding\"");
  free (text);
}
END_TEST

START_TEST (recorded_text)
{
  stage_recorded ();
  char *text = render (QK_TEXT);
  contains (text, "2.3851");
  contains (text, "\n3 tables say enough.\n");
  lacks (text, "±.");
  lacks (text, "verdict");
  lacks (text, "seed");
  lacks (text, "tolerance");
  free (text);

  /* What rounding can touch is shown with its interval, and what is judged with its verdict.  */
  findings[3].enclosure.hi += 0.01;
  statements[4].judged = true;
  findings[4].verdict = QK_FAILS;
  text = render (QK_TEXT);
  contains (text, "±");
  contains (text, "fails");
  contains (text, "3 tables say enough.");
  contains (text, "\nNo:");
  free (text);
}
END_TEST

/* Rows stand between findings and end, and count findings as their lines stand: reproducible ones
   before those that were measured.  */
START_TEST (json_rows)
{
  stage ();
  static struct qk_kind alone;
  alone = kind;
  alone.alone = true;
  cases[0].kind = &alone; /* findings 0, 1, 2 and the slope: six lines stand before theirs */
  const size_t settled[] = { 0, 3, ALL - 1 };
  const struct qk_row rows[]
      = { { qk_claim_find ("score-mean"), QK_CONFIRMED, "confirmed", settled, 3 },
          { qk_claim_find ("score-variance"), QK_CONTRADICTED, "contradicted", settled + 1, 1 },
          { qk_claim_find ("single-head-fails"), QK_UNSETTLED, NULL, NULL, 0 } };
  report.rows = rows;
  report.n_rows = 3;
  char *text = render (QK_JSON);
  const char *line = line_of (text, 1 + ALL);
  contains (line, "{\"type\":\"row\",\"id\":\"score-mean\",\"status\":\"holds\",\"confirmed\":true,"
                  "\"findings\":[6,0,9],\"outcome\":\"confirmed\",\"question\":\"Q4\",\"said\":\"E["
                  "q·k] = 0\",");
  contains (line, "{\"class\":\"mathcomp\",\"theorem\":\"Claims_prob.score_mean\",\"file\":"
                  "\"proofs/Claims_prob.v\",\"says\":\"E s = 0\"}");
  contains (line, "{\"command\":\"variance\",\"arguments\":\"--dk=64 --correlation=0.05\","
                  "\"quantity\":\"score_mean\",\"verdict\":\"fails\"}");
  contains (line_of (text, 2 + ALL), "\"confirmed\":false,\"findings\":[0],");
  line = line_of (text, 3 + ALL);
  contains (line, "\"status\":\"false\",\"confirmed\":null,\"findings\":[],\"outcome\":null,"
                  "\"question\":\"Q1\",");
  contains (line, "\"checks\":[],\"published\":[{\"what\":\"BLEU on newstest2013, 1 head\","
                  "\"value\":24.9,\"source\":\"Vaswani et al. (2017), Table 3 (A)\"},");
  contains (line_of (text, 4 + ALL), "{\"type\":\"end\"");
  free (text);
}
END_TEST

/* The ledger as people read it: all that the rows say, in lines of the page; what came out beside.
 */
START_TEST (ledger)
{
  for (const struct qk_claim *c = qk_claims; c->id; c++)
    for (int markdown = 0; markdown < 2; markdown++)
      {
        char *text = NULL, *flat;
        size_t length;
        FILE *out = open_memstream (&text, &length);
        const struct qk_row row = { .claim = c, .outcome = "came as a surprise" };
        ck_assert_int_eq (qk_report_row (out, &row, markdown, false), 0);
        ck_assert_int_eq (qk_report_rows (out, &row, 1, markdown, false), 0);
        fclose (out);
        for (const char *line = text; *line && !markdown; line += strcspn (line, "\n") + 1)
          {
            char copy[4096];
            snprintf (copy, sizeof copy, "%.*s", (int)strcspn (line, "\n"), line);
            ck_assert_msg (qk_text_width (copy) <= QK_WIDTH, "%s", copy);
          }
        /* Words with one space between, and without Markdown's escapes.  */
        size_t n = 0;
        flat = calloc (length + 1, 1);
        for (size_t i = 0; i < length; i++)
          if (text[i] != '\\' && !((text[i] == ' ' || text[i] == '\n') && n && flat[n - 1] == ' '))
            flat[n++] = text[i] == '\n' ? ' ' : text[i];
        contains (flat, c->said);
        contains (flat, c->exact);
        contains (flat, c->derivation);
        contains (flat, qk_status_name (c->status));
        contains (flat, "came as a surprise");
        for (const struct qk_theorem *t = qk_theorems; t->claim; t++)
          if (!strcmp (t->claim, c->id))
            {
              contains (flat, t->name ? t->name : t->says);
              contains (flat, t->file ? t->file : qk_class_meaning (t->class));
            }
        for (const struct qk_check *k = c->checks; k->command; k++)
          contains (flat, k->arguments);
        for (const struct qk_published *p = c->published; p && p->what; p++)
          contains (flat, p->value ? p->value : p->what);
        free (flat);
        free (text);
      }
}
END_TEST

START_TEST (csv)
{
  stage ();
  keys[1][1] = (struct qk_key){ .name = "q_dist", .text = "uniform" };
  keys[2][1] = (struct qk_key){ .name = "q_dist", .text = "normal:mean=1,sd=\"2\"" };
  statements[2].band = qk_band_most (INFINITY);
  findings[2].enclosure = (struct qk_enclosure){ 0.5, NAN, -INFINITY, INFINITY };
  statements[ALL - 1].band = (struct qk_band){ 0.9975, 1.0025 };
  line_reads (QK_CSV, 0,
              "command,claim,quantity,case,unit,method,estimate,std_error,lo,hi,miss,exact,band_lo,"
              "band_hi,verdict,samples,unit_sampled,blocks,samples_needed");
  line_reads (QK_CSV, 2,
              "variance,score-variance,score_variance,d_k=1;q_dist=uniform,score^2,t,"
              "0.99980000000000002,0.001,0.99639999999999995,1.0031000000000001,0.0001,1,"
              "0.99009900990099009,1.01,holds,1000000,block,128,");
  line_reads (QK_CSV, 3,
              "variance,score-variance,score_abs_mean,\"d_k=1;q_dist=normal:mean=1,sd=\"\"2\"\"\","
              "score,t,0.5,,-inf,inf,0.0001,0.63661977236758138,,,holds,1000000,block,128,");
  line_reads (QK_CSV, ALL,
              "variance,variance-slope,variance_slope,d_k=1 64 4096,1,t,0.99997999999999998,0.0001,"
              "0.99929999999999997,1.0005999999999999,0.0001,1,0.99750000000000005,"
              "1.0024999999999999,holds,1000000,block,128,");
}
END_TEST

START_TEST (text_holds)
{
  stage ();
  char *text = render (QK_TEXT);
  ck_assert_str_eq (
      text,
      "Is Var(q·k) = d_k?  Yes.\n"
      "hand-made components, tolerance 1 %, 99.9 % confidence over all 10 intervals\n"
      "\n"
      "   d_k    Var(q·k)  interval          exact   E(q·k)          E|q·k|            exact   "
      "verdict\n"
      "     1      0.9998  [0.9964, 1.0031]      1   0.0002 ±.0039    0.6371 ±.0021   0.6366   "
      "holds\n"
      "    64     63.99     [63.76,  64.20]     64   0.002  ±.031     5.097  ±.018    5.093    "
      "holds\n"
      "  4096   4095         [4081,   4109]   4096   0.02   ±.24     40.77   ±.14    40.74     "
      "holds\n"
      "\n"
      "  Exact in every row: E(q·k) = 0\n"
      "  ± reaches to the farther end of the interval.\n"
      "\n"
      "  quantity                               estimate  interval             exact   verdict\n"
      "  slope of log Var(q·k) against log d_k   0.99998  [0.99930, 1.00060]       1   holds\n"
      "\n"
      "Yes: all 10 findings hold (3.1e6 scores, 0.5 s, seed 1). How it was decided: qkcheck help "
      "method.\n");
  free (text);
}
END_TEST

START_TEST (markdown_holds)
{
  stage ();
  warnings[0] = "a | b";
  outcome.n_warnings = 1;
  char *text = render (QK_MARKDOWN);
  ck_assert_str_eq (
      text,
      "**Is Var(q·k) = d_k? Yes.**\n"
      "\n"
      "hand-made components, tolerance 1 %, 99.9 % confidence over all 10 intervals\n"
      "\n"
      "`qkcheck variance --dk=1,64,4096`\n"
      "\n"
      "| d_k | Var(q·k) | interval | exact | E(q·k) | E\\|q·k\\| | exact | verdict |\n"
      "|---:|---:|---:|---:|---:|---:|---:|---|\n"
      "| 1 | 0.9998 | [0.9964, 1.0031] | 1 | 0.0002 ±.0039 | 0.6371 ±.0021 | 0.6366 | holds |\n"
      "| 64 | 63.99 | [63.76, 64.20] | 64 | 0.002 ±.031 | 5.097 ±.018 | 5.093 | holds |\n"
      "| 4096 | 4095 | [4081, 4109] | 4096 | 0.02 ±.24 | 40.77 ±.14 | 40.74 | holds |\n"
      "\n"
      "**Exact in every row:** E(q·k) = 0\n"
      "\n"
      "± reaches to the farther end of the interval.\n"
      "\n"
      "| quantity | estimate | interval | exact | allowed | verdict |\n"
      "|---|---:|---:|---:|---|---|\n"
      "| slope of log Var(q·k) against log d_k | 0.99998 | [0.99930, 1.00060] | 1 | [0.99761, "
      "1.00239] | holds |\n"
      "\n"
      "**Note:** a \\| b\n"
      "\n"
      "**Yes:** all 10 findings hold (3.1e6 scores, 0.5 s, seed 1). How it was decided: qkcheck "
      "help "
      "method.\n");
  free (text);
}
END_TEST

/* ---- edges ---- */

/* Names that are not UTF-8 are escaped, and what was escaped can be told from what looks like it.
 */
START_TEST (names)
{
  static const struct
  {
    char *name;
    const char *json;
  } known[] = { { "plain", "\"plain\"" },
                { "q·k 𝒒", "\"q·k 𝒒\"" },
                { "a\xff"
                  "b",
                  "\"a\\\\xffb\"" },
                { "a\\xffb", "\"a\\\\\\\\xffb\"" },
                { "\xc3", "\"\\\\xc3\"" },                       /* cut off */
                { "\xc0\xaf", "\"\\\\xc0\\\\xaf\"" },            /* overlong */
                { "\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"" }, /* a surrogate */
                { "\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\"" },
                { "\"\n\x7f", "\"\\\"\\u000a\\u007f\"" },
                { "", "\"\"" } };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      stage ();
      char expected[256];
      report.argc = 1;
      report.argv = (char *[]){ known[i].name, NULL };
      snprintf (expected, sizeof expected, ",\"argv\":[%s],\"seed\"", known[i].json);
      char *text = render (QK_JSON);
      contains (line_of (text, 0), expected);
      free (text);
    }
}
END_TEST

START_TEST (fails)
{
  stage ();
  for (size_t i = 0; i <= 1; i++)
    {
      findings[3 + i].enclosure = (struct qk_enclosure){ 191.8, 0.3, 190.93, 192.79 };
      findings[3 + i].verdict = QK_FAILS;
      statements[3 + i].exact = 192;
    }
  char *text = render (QK_TEXT);
  ck_assert_str_eq (line_of (text, 0), "Is Var(q·k) = d_k?  No.");
  contains (text, "   fails: Var(q·k) +1\n");
  contains (text,
            "  d_k = 64  Var(q·k)    191.80  [190.93, 192.79]     192  [63.366, 64.64]   fails\n");
  /* The lead has the last word, the other quantity a note.  */
  contains (text,
            "\n  d_k = 64: E(q·k) lies in [190.93, 192.79], but the claim allows [-0.08, 0.08].\n");
  contains (text, "\nNo: Var(q·k) = d_k needs components with mean 0.\n"
                  "2 of 10 findings fail (3.1e6 scores, 0.5 s, seed 1).");
  free (text);

  params.quiet = true;
  text = render (QK_TEXT);
  ck_assert_str_eq (text, "No: Var(q·k) = d_k needs components with mean 0.\n"
                          "2 of 10 findings fail (3.1e6 scores, 0.5 s, seed 1).\n");
  free (text);
}
END_TEST

START_TEST (undecided)
{
  stage ();
  findings[1].verdict = findings[4].verdict = QK_UNDECIDED;
  findings[1].samples_needed = 2.2e6;
  findings[4].samples_needed = 4.1e6;
  char *text = render (QK_TEXT);
  ck_assert_str_eq (line_of (text, 0), "Is Var(q·k) = d_k?  Undecided.");
  contains (text, "   undecided: Var(q·k)\n");
  contains (text, "\nUndecided: About 4.1e6 scores would decide Var(q·k).");
  contains (text, "2 of 10 findings are undecided (");
  free (text);
}
END_TEST

START_TEST (one_case)
{
  stage ();
  outcome.n_findings = 3;
  findings[2].verdict = QK_DESCRIBED;
  findings[2].enclosure.lo = findings[2].enclosure.hi = NAN;
  statements[2].judged = false;
  statements[2].exact = NAN;
  char *text = render (QK_TEXT);
  contains (text, "\n  d_k = 1\n\n"
                  "  quantity  estimate  interval            exact  allowed          verdict\n"
                  "  E(q·k)      0.0002  [-0.0030, 0.0040]       0  [-0.01, 0.01]    holds\n"
                  "  Var(q·k)    0.9998   [0.9964, 1.0031]       1  [0.9901, 1.01]   holds\n"
                  "  E|q·k|      0.637        none               -                   described\n");
  contains (text, "\nYes: both judged findings hold (");
  free (text);
}
END_TEST

START_TEST (interrupted)
{
  stage ();
  outcome.complete = false;
  outcome.n_findings = 4;
  char *text = render (QK_TEXT);
  ck_assert_str_eq (line_of (text, 0),
                    "Is Var(q·k) = d_k?  Undecided, so far: this is a partial result.");
  contains (text, "\nUndecided: all 4 findings so far hold (");
  contains (text, "Interrupted: this is a partial result.");
  free (text);

  outcome.n_findings = 0;
  text = render (QK_TEXT);
  contains (text, "\nUndecided: nothing could be judged (");
  free (text);
}
END_TEST

START_TEST (color)
{
  stage ();
  char *plain = render (QK_TEXT);
  lacks (plain, "\033");
  report.color = true;
  char *text = render (QK_TEXT), *to = text;
  contains (text, "\033[1mIs Var(q·k) = d_k?\033[0m  \033[1;32mYes.\033[0m\n");
  contains (text, "\n\033[1;32mYes:\033[0m all 10 findings hold");
  /* Without its escape sequences it is the same page: colour says nothing alone.  */
  for (const char *from = text; *from;)
    if (*from == '\033')
      from = strchr (from, 'm') + 1;
    else
      *to++ = *from++;
  *to = '\0';
  ck_assert_str_eq (text, plain);
  free (text);
  char *markdown = render (QK_MARKDOWN);
  lacks (markdown, "\033");
  free (markdown);
  free (plain);
}
END_TEST

START_TEST (planned)
{
  stage ();
  report.outcome = NULL;
  plan_warnings[0] = "something is left out";
  plan.warnings = plan_warnings;
  plan.n_warnings = 1;
  char *text = render (QK_JSON);
  contains (line_of (text, 0), ",\"started\":null,");
  ck_assert_str_eq (
      line_of (text, 1),
      "{\"type\":\"plan-case\",\"label\":\"tiles\",\"kind\":\"tiles\",\"unit_sampled\":"
      "\"block\",\"samples\":1048576,\"blocks\":128,\"table_bytes\":3072,"
      "\"scratch_bytes\":640,\"cost\":128000000}");
  contains (
      line_of (text, 2 + CASES),
      "{\"type\":\"plan-statement\",\"command\":\"variance\",\"claim\":\"score-variance\","
      "\"quantity\":\"score_variance\",\"case\":{\"d_k\":1},\"unit\":\"score^2\",\"method\":\"t\","
      "\"estimate\":null,\"std_error\":null,\"lo\":null,\"hi\":null,\"miss\":0.0001,\"exact\":1,"
      "\"band_lo\":0.99009900990099009,\"band_hi\":1.01,\"verdict\":null,\"samples\":1048576,");
  contains (line_of (text, -1),
            "{\"type\":\"plan-end\",\"cases\":3,\"statements\":10,\"samples\":3145728,");
  contains (line_of (text, -1), "\"warnings\":[\"something is left out\"]}");
  free (text);
  text = render (QK_TEXT);
  contains (text, "  tiles   1.0e6     128  3.1 kB\n");
  contains (text, "  Var(q·k)                               d_k = 64           64       [63.366, "
                  "64.64]     0.0001\n");
  contains (text, "\n  Note: something is left out\n");
  contains (text, "\nPlan: 3 cases, 10 statements, 3.1e6 scores, ");
  free (text);
}
END_TEST

/* ---- laws ---- */

static double
uniform (uint64_t *state)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) * 0x1p-53;
}

/* Whatever was found: no line of text is wider than the page, nothing is lost in the tables, no
   "nan" reaches a reader, and the machine formats have a line for each finding.  */
START_TEST (any_outcome)
{
  uint64_t state = 2385;
  for (int repeat = 0; repeat < 400 * effort (); repeat++)
    {
      uint64_t seed = state;
      stage ();
      for (size_t i = 0; i < ALL; i++)
        {
          struct qk_enclosure *e = &findings[i].enclosure;
          double size = pow (10, 20 * uniform (&state) - 8);
          e->estimate = (uniform (&state) - 0.3) * size;
          double half = fabs (e->estimate) * pow (10, -6 * uniform (&state));
          e->lo = e->estimate - half * uniform (&state);
          e->hi = e->estimate + half;
          findings[i].verdict = (enum qk_verdict) (4 * uniform (&state));
          findings[i].samples_needed = uniform (&state) < 0.5 ? NAN : 1e9 * uniform (&state);
          if (uniform (&state) < 0.1)
            e->lo = e->hi = NAN;
          if (uniform (&state) < 0.3)
            statements[i].exact = uniform (&state) < 0.5 ? NAN : e->estimate;
        }
      warnings[0] = "a warning that goes on and on about what has been left out and why it had to "
                    "be left out, so that it needs more than one line";
      outcome.n_warnings = 1;
      outcome.complete = uniform (&state) < 0.8;
      char *text = render (QK_TEXT), *lines = render (QK_JSON), *table = render (QK_CSV);
      ck_assert_msg (!strstr (text, "nan"), "state %llu:\n%s", (unsigned long long)seed, text);
      for (char *line = text; *line; line = strchr (line, '\n') + 1)
        {
          char copy[1024];
          snprintf (copy, sizeof copy, "%.*s", (int)strcspn (line, "\n"), line);
          ck_assert_msg (qk_text_width (copy) <= QK_WIDTH, "state %llu: %zu columns:\n%s",
                         (unsigned long long)seed, qk_text_width (copy), text);
          ck_assert_msg (!*copy || copy[strlen (copy) - 1] != ' ',
                         "state %llu: blank at the end: %s", (unsigned long long)seed, copy);
        }
      for (size_t i = 0; i < ALL; i++)
        contains (text, quantities[statements[i].quantity].symbol);
      int json = 0, csv_lines = 0;
      for (const char *p = lines; (p = strstr (p, "{\"type\":\"finding\"")); p++)
        json++;
      for (const char *p = table; (p = strchr (p, '\n')); p++)
        csv_lines++;
      ck_assert_int_eq (json, ALL);
      ck_assert_int_eq (csv_lines, ALL + 1);
      free (text);
      free (lines);
      free (table);
    }
}
END_TEST

/* Numbers read back to the same bits.  */
START_TEST (round_trip)
{
  uint64_t state = 77;
  for (int repeat = 0; repeat < 100; repeat++)
    {
      stage ();
      double values[4];
      for (int i = 0; i < 4; i++)
        values[i] = (uniform (&state) - 0.5) * pow (10, 600 * uniform (&state) - 300);
      findings[0].enclosure
          = (struct qk_enclosure){ values[0], fabs (values[1]), values[2], values[3] };
      char *text = render (QK_JSON);
      double back[4];
      const char *at = strstr (line_of (text, 1), "\"estimate\":");
      ck_assert_int_eq (sscanf (at, "\"estimate\":%lf,\"std_error\":%lf,\"lo\":%lf,\"hi\":%lf",
                                &back[0], &back[1], &back[2], &back[3]),
                        4);
      values[1] = fabs (values[1]);
      for (int i = 0; i < 4; i++)
        ck_assert_msg (back[i] == values[i], "%.17g came back as %.17g", values[i], back[i]);
      free (text);
    }
}
END_TEST

/* Nothing of the machine or the moment is in a finding line.  */
START_TEST (same_findings)
{
  stage ();
  char *one = render (QK_JSON);
  outcome.threads = 7;
  outcome.isa = "avx2";
  outcome.elapsed = 99;
  outcome.started = 1e9;
  report.argc = 1;
  params.threads = 7;
  char *other = render (QK_JSON);
  ck_assert_str_ne (line_of (one, 0), "");
  for (int i = 1; i <= ALL; i++)
    {
      char *line = strdup (line_of (one, i));
      ck_assert_str_eq (line, line_of (other, i));
      free (line);
    }
  ck_assert_ptr_null (strstr (strstr (one, "finding"), "plain"));
  free (one);
  free (other);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("report");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *laws = tcase_create ("laws");
  tcase_add_test (exact, json_run);
  tcase_add_test (exact, json_finding);
  tcase_add_test (exact, json_nulls);
  tcase_add_test (exact, json_digits);
  tcase_add_test (exact, json_undecided);
  tcase_add_test (exact, json_end);
  tcase_add_test (exact, moments);
  tcase_add_test (exact, recorded_run);
  tcase_add_test (exact, recorded_text);
  tcase_add_test (exact, json_rows);
  tcase_add_test (exact, ledger);
  tcase_add_test (exact, csv);
  tcase_add_test (exact, text_holds);
  tcase_add_test (exact, markdown_holds);
  tcase_add_test (edges, names);
  tcase_add_test (edges, fails);
  tcase_add_test (edges, undecided);
  tcase_add_test (edges, one_case);
  tcase_add_test (edges, interrupted);
  tcase_add_test (edges, color);
  tcase_add_test (edges, planned);
  tcase_add_test (laws, any_outcome);
  tcase_add_test (laws, round_trip);
  tcase_add_test (laws, same_findings);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, laws);
  return run (suite);
}
