/* t-option.c -- the command line: what is read, and the words of every complaint.  */

#include "option.h"
#include "support.h"

#include <math.h>
#include <string.h>

/* ---- Commands to try it on --------------------------------------------------------------------
 */

static const struct qk_quantity quantities[] = { { .name = "score_mean" },
                                                 { .name = "score_variance" },
                                                 { .name = "geary_ratio" },
                                                 { .name = NULL } };

static const struct qk_option gauge_options[]
    = { { .name = "correlation",
          .type = QK_REAL,
          .offset = offsetof (struct qk_params, correlation),
          .metavar = "R",
          .standard = "0",
          .lo = -1,
          .hi = 1,
          .help = "Correlation." },
        { .name = NULL } };

static const struct qk_experiment gauge
    = { .name = "gauge", .options = gauge_options, .quantities = quantities };

/* A row of its own replaces --dk: real numbers with no bounds.  */
static const struct qk_option reals_options[] = { { .name = "dk",
                                                    .type = QK_REALS,
                                                    .offset = offsetof (struct qk_params, dk),
                                                    .metavar = "LIST",
                                                    .standard = "2.385",
                                                    .lo = -INFINITY,
                                                    .hi = INFINITY,
                                                    .help = "Numbers." },
                                                  { .name = NULL } };

static const struct qk_experiment reals
    = { .name = "reals", .options = reals_options, .quantities = quantities };

static const struct qk_experiment without
    = { .name = "without",
        .options = reals_options,
        .without = (const char *const[]){ "samples", "rng", NULL },
        .quantities = quantities };

/* Numbers, or words that stand for some.  */
static const char *const scales[] = { "none", "sqrt", "dk", NULL };
static const struct qk_option words_options[] = { { .name = "dk",
                                                    .type = QK_WORDS,
                                                    .offset = offsetof (struct qk_params, dk),
                                                    .metavar = "LIST",
                                                    .standard = "none,sqrt",
                                                    .lo = 0,
                                                    .hi = 1024,
                                                    .lo_open = true,
                                                    .choices = scales,
                                                    .help = "Scales." },
                                                  { .name = NULL } };

static const struct qk_experiment worded
    = { .name = "words", .options = words_options, .quantities = quantities };

/* It measures files.  */
static const struct qk_operand files_operands[]
    = { { .name = "Q.npy", .help = "Queries." }, { .name = "K.npy", .help = "Keys." }, { 0 } };
static const struct qk_option files_options[] = { { .name = "expect",
                                                    .type = QK_INTERVAL,
                                                    .offset = offsetof (struct qk_params, expect),
                                                    .seen = offsetof (struct qk_params, expected),
                                                    .metavar = "LO..HI",
                                                    .lo = 0,
                                                    .hi = 100,
                                                    .help = "What shall be." },
                                                  { .name = NULL } };

static const struct qk_experiment files = { .name = "files",
                                            .recorded = true,
                                            .operands = files_operands,
                                            .options = files_options,
                                            .quantities = quantities };

/* It prints, and measures nothing: words for operands, names with ranges.  */
static const char *
room (size_t i)
{
  static const char *const rooms[] = { "attic", "cellar", "kitchen" };
  return i < sizeof rooms / sizeof *rooms ? rooms[i] : NULL;
}

static const char *const floors[] = { "low", "middle", "high", "roof", NULL };
static const struct qk_operand house_operands[]
    = { { .name = "ROOM", .any = true, .type = QK_OPERAND_WORD, .word = room }, { 0 } };
static const struct qk_option house_options[] = { { .name = "floor",
                                                    .type = QK_NAMES,
                                                    .offset = offsetof (struct qk_params, question),
                                                    .metavar = "LIST",
                                                    .choices = floors,
                                                    .help = "Floors." },
                                                  { .name = NULL } };

static const struct qk_experiment house
    = { .name = "house", .prints = true, .operands = house_operands, .options = house_options };

enum
{
  WORDS = 8
};

/* Parse words (ended by NULL) after the command's name.  */
static int
parse (struct qk_params *params, const struct qk_experiment *experiment, const char *const *words,
       char why[static QK_WHY])
{
  char *argv[WORDS + 2] = { (char *)experiment->name };
  int argc = 1;
  for (; *words; words++)
    argv[argc++] = (char *)*words;
  ck_assert_int_le (argc, WORDS + 1);
  memset (why, 'x', QK_WHY);
  return qk_options_parse (params, experiment, argc, argv, why);
}

#define PARSE(params, experiment, ...)                                                             \
  do                                                                                               \
    {                                                                                              \
      char why_[QK_WHY];                                                                           \
      const char *words_[WORDS + 1] = { __VA_ARGS__ };                                             \
      int status_ = parse (params, experiment, words_, why_);                                      \
      ck_assert_msg (status_ == 0, "%s: %s", words_[0] ? words_[0] : "no words", why_);            \
    }                                                                                              \
  while (0)

/* ---- Exact -------------------------------------------------------------------------------------
 */

START_TEST (defaults)
{
  struct qk_params p;
  PARSE (&p, &gauge, NULL);
  ck_assert_int_eq (p.format, QK_TEXT);
  ck_assert_int_eq (p.progress, QK_AUTO);
  ck_assert_int_eq (p.color, QK_AUTO);
  ck_assert (!p.quiet && !p.help && !p.dry_run && !p.output && !p.blocks);
  ck_assert_uint_eq (p.dk.n, 13);
  for (size_t i = 0; i < 13; i++)
    ck_assert_double_eq (p.dk.value[i], ldexp (1, (int)i));
  ck_assert_str_eq (p.dist.type->name, "normal");
  ck_assert (qk_law_equal (&p.dist, &p.q_dist) && qk_law_equal (&p.dist, &p.k_dist));
  ck_assert_uint_eq (p.seed, 1);
  ck_assert_ptr_null (p.rng);
  ck_assert_double_eq (p.tolerance, 0.01);
  ck_assert_double_eq (p.confidence, 0.999);
  ck_assert_double_eq (p.miss, 0);
  ck_assert_uint_eq (p.quantity.n, 0);
  ck_assert_double_eq (p.samples, 0);
  ck_assert_double_eq (p.max_samples, 0);
  ck_assert_double_eq (p.time_limit, 0);
  ck_assert_double_eq (p.threads, 0);
  ck_assert_double_eq (p.correlation, 0);
  qk_params_free (&p, &gauge);
  ck_assert_ptr_null (p.dk.value);
}
END_TEST

START_TEST (every_option)
{
  struct qk_params p;
  PARSE (&p, &gauge, "--format=csv", "-o", "a b", "-q", "--progress=never", "--color", "always",
         "--dry-run");
  ck_assert_int_eq (p.format, QK_CSV);
  ck_assert_str_eq (p.output, "a b");
  ck_assert (p.quiet && p.dry_run && !p.help);
  ck_assert_int_eq (p.progress, QK_NEVER);
  ck_assert_int_eq (p.color, QK_ALWAYS);
  qk_params_free (&p, &gauge);

  PARSE (&p, &gauge, "--dist=student:nu=10", "--k-dist=normal:mean=0.5,sd=2", "--seed=0xfeDC",
         "--rng=mt19937", "--tolerance=.023", "--miss=1e-3", "--confidence", "0.85");
  ck_assert_str_eq (p.dist.type->name, "student");
  ck_assert_double_eq (p.dist.shape, 10);
  ck_assert (qk_law_equal (&p.q_dist, &p.dist));
  ck_assert_str_eq (p.k_dist.type->name, "normal");
  ck_assert_double_eq (p.k_dist.sd, 2);
  ck_assert_uint_eq (p.seed, 0xfedc);
  ck_assert_str_eq (p.rng->name, "mt19937");
  ck_assert_double_eq (p.tolerance, 0.023);
  ck_assert_double_eq (p.miss, 0.001);
  ck_assert_double_eq (p.confidence, 0.85);
  qk_params_free (&p, &gauge);

  PARSE (&p, &gauge, "--quantity=geary_ratio,score_mean,geary_ratio", "--samples=1.5M",
         "--max-samples=1e7", "--time-limit=2.5", "--threads=7", "--blocks=x.npy",
         "--correlation=-0.385");
  ck_assert_uint_eq (p.quantity.n, 2);
  ck_assert_str_eq (p.quantity.name[0], "geary_ratio");
  ck_assert_str_eq (p.quantity.name[1], "score_mean");
  ck_assert_double_eq (p.samples, 1500000);
  ck_assert_double_eq (p.max_samples, 1e7);
  ck_assert_double_eq (p.time_limit, 2.5);
  ck_assert_double_eq (p.threads, 7);
  ck_assert_str_eq (p.blocks, "x.npy");
  ck_assert_double_eq (p.correlation, -0.385);
  qk_params_free (&p, &gauge);
}
END_TEST

START_TEST (operands)
{
  struct qk_params p;
  PARSE (&p, &files, "a", "--threads=3", "b", "--expect=.5..2.385");
  ck_assert_str_eq (p.operand[0], "a");
  ck_assert_str_eq (p.operand[1], "b");
  ck_assert_double_eq (p.threads, 3);
  ck_assert (p.expected);
  ck_assert_double_eq (p.expect.lo, 0.5);
  ck_assert_double_eq (p.expect.hi, 2.385);
  qk_params_free (&p, &files);
  PARSE (&p, &files, "--", "-a", "--threads=3");
  ck_assert_str_eq (p.operand[0], "-a");
  ck_assert_str_eq (p.operand[1], "--threads=3");
  ck_assert (!p.operand[2] && !p.expected);
  qk_params_free (&p, &files);
}
END_TEST

/* Names with ranges, in the order given, each once; operands that are words.  */
START_TEST (ranges_of_names)
{
  static const struct
  {
    const char *list;
    size_t n;
    double value[4];
  } cases[] = { { "--floor=high", 1, { 2 } },
                { "--floor=high,low", 2, { 2, 0 } },
                { "--floor=middle..roof", 3, { 1, 2, 3 } },
                { "--floor=roof,low..middle,low", 3, { 3, 0, 1 } },
                { "--floor=high..high", 1, { 2 } },
                { "--floor=all", 4, { 0, 1, 2, 3 } } };
  struct qk_params p;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
      PARSE (&p, &house, cases[i].list);
      ck_assert_uint_eq (p.question.n, cases[i].n);
      for (size_t j = 0; j < cases[i].n; j++)
        ck_assert_double_eq (p.question.value[j], cases[i].value[j]);
      qk_params_free (&p, &house);
    }
  PARSE (&p, &house, "kitchen", "--floor=low", "attic", "kitchen");
  ck_assert_str_eq (p.operand[0], "kitchen");
  ck_assert_str_eq (p.operand[1], "attic");
  ck_assert_str_eq (p.operand[2], "kitchen");
  ck_assert_ptr_null (p.operand[3]);
  qk_params_free (&p, &house);
}
END_TEST

/* A list, and its values as text.  */
static const struct
{
  const struct qk_experiment *experiment;
  const char *list, *values;
} lists[] = {
  { &gauge, "64", "64" },
  { &gauge, "1,2,8", "1 2 8" },
  { &gauge, "1..8", "1 2 3 4 5 6 7 8" },
  { &gauge, "64..512+64", "64 128 192 256 320 384 448 512" },
  { &gauge, "64..500+200", "64 264 464" },
  { &gauge, "1..4096*8", "1 8 64 512 4096" },
  { &gauge, "3..100*3", "3 9 27 81" },
  { &gauge, "7..7", "7" },
  { &gauge, "5..5*2,9", "5 9" },
  { &gauge, "1e3", "1000" },
  { &gauge, "1k,1.001k,0.25M,1M", "1000 1001 250000 1000000" },
  { &gauge, "1e2..1e3+3e2", "100 400 700 1000" },
  { &gauge, "1048576", "1048576" },
  { &gauge, "64.,0064,64.0", "64" },
  { &gauge, "8,2,8,1..4,2", "8 2 1 3 4" },
  { &reals, "-0.5,.25", "-0.5 0.25" },
  { &reals, "0..0.3+0.1", "0 0.1 0.2 0.3" },
  { &reals, "-1..1+.5", "-1 -0.5 0 0.5 1" },
  { &reals, ".5...9+.2", "0.5 0.7 0.9" },
  { &reals, "0.1..12.5*5", "0.1 0.5 2.5 12.5" },
  { &reals, "1e-3..1", "0.001" },
  { &reals, "1e+2,1e-2", "100 0.01" },
  { &worded, "none,sqrt", "-1 -2" },
  { &worded, "dk,0.25,sqrt,dk,1..4*2", "-3 0.25 -2 1 2 4" },
};

START_TEST (list_values)
{
  char word[64], values[256] = "";
  struct qk_params p;
  snprintf (word, sizeof word, "--dk=%s", lists[_i].list);
  PARSE (&p, lists[_i].experiment, word);
  for (size_t i = 0; i < p.dk.n; i++)
    snprintf (values + strlen (values), sizeof values - strlen (values), "%s%.12g", i ? " " : "",
              p.dk.value[i]);
  ck_assert_str_eq (values, lists[_i].values);
  qk_params_free (&p, lists[_i].experiment);
}
END_TEST

/* Values of other options, at the ends of their ranges, and ways to write an option.  */
START_TEST (accepted)
{
  struct qk_params p;
  PARSE (&p, &gauge, "--dk", "64", "--thr", "1024", "--tol=1", "--json", "--seed",
         "18446744073709551615");
  ck_assert_double_eq (p.dk.value[0], 64);
  ck_assert_double_eq (p.threads, 1024);
  ck_assert_double_eq (p.tolerance, 1);
  ck_assert_int_eq (p.format, QK_JSON);
  ck_assert_uint_eq (p.seed, UINT64_MAX);
  qk_params_free (&p, &gauge);

  /* The last one counts, and what the first one held is given back.  */
  PARSE (&p, &gauge, "--dk=1..99", "--dk=7", "--json", "--format=text", "--quantity=score_mean",
         "--quantity=geary_ratio", "--samples=256", "--rng=philox");
  ck_assert_uint_eq (p.dk.n, 1);
  ck_assert_double_eq (p.dk.value[0], 7);
  ck_assert_int_eq (p.format, QK_TEXT);
  ck_assert_uint_eq (p.quantity.n, 1);
  ck_assert_str_eq (p.quantity.name[0], "geary_ratio");
  ck_assert_double_eq (p.samples, 256);
  ck_assert_ptr_null (p.rng);
  qk_params_free (&p, &gauge);

  /* A value may begin with a dash; two dashes end the options.  */
  PARSE (&p, &gauge, "--correlation", "-1", "-qo", "-", "--");
  ck_assert_double_eq (p.correlation, -1);
  ck_assert_str_eq (p.output, "-");
  ck_assert (p.quiet);
  qk_params_free (&p, &gauge);

  /* What follows --help does not matter; what stands before it does.  */
  PARSE (&p, &gauge, "-h", "--nonsense", "stray");
  ck_assert (p.help);
  qk_params_free (&p, &gauge);
}
END_TEST

START_TEST (every_generator)
{
  for (const gsl_rng_type **type = gsl_rng_types_setup (); *type; type++)
    {
      struct qk_params p;
      PARSE (&p, &gauge, "--rng", (*type)->name);
      ck_assert_ptr_eq (p.rng, *type);
      qk_params_free (&p, &gauge);
    }
}
END_TEST

/* ---- Edges: every complaint, word for word
 * ------------------------------------------------------- */

#define LIST_HINT "; a LIST is values and ranges, as in 1,8 or 1..8 or 64..512+64 or 1..4096*2"
#define GENERATORS "philox and those of the GSL (mt19937, ranlxd2, taus2, ...) are"

static const struct
{
  const char *words[3];
  const char *why;
} complaints[] = {
  /* options */
  { { "--tolerence=1" }, "unknown option '--tolerence'; did you mean --tolerance?" },
  { { "--Threds", "2" }, "unknown option '--Threds'; did you mean --threads?" },
  { { "--sede=2" }, "unknown option '--sede'; did you mean --seed?" },
  { { "--frobnicate" }, "unknown option '--frobnicate'; --help lists the options" },
  { { "--\x1b[31m=1" }, "unknown option '--\\x1b[31m'; --help lists the options" },
  { { "-x" }, "unknown option '-x'; --help lists the options" },
  { { "-q\xc3" }, "unknown option '-\\xc3'; --help lists the options" },
  { { "--d" }, "option '--d' is ambiguous: --dk, --dist, --dry-run" },
  { { "--co=2" }, "option '--co' is ambiguous: --correlation, --confidence, --color" },
  { { "--dk" }, "--dk lacks its value: --dk=LIST" },
  { { "-o" }, "--output lacks its value: --output=FILE" },
  { { "--format" }, "--format lacks its value: --format=text|json|csv|markdown" },
  { { "--quiet=1" }, "--quiet takes no value" },
  { { "--json=1" }, "--json takes no value" },
  { { "foo" }, "surplus operand 'foo'; gauge takes none" },
  { { "foo", "--dk=0" }, "--dk: '0' is not between 1 and 1048576" },
  { { "--", "--dk=64" }, "surplus operand '--dk=64'; gauge takes none" },
  { { "a\nb\\" }, "surplus operand 'a\\x0ab\\\\'; gauge takes none" },
  /* numbers */
  { { "--dk=0" }, "--dk: '0' is not between 1 and 1048576" },
  { { "--dk=1048577" }, "--dk: '1048577' is not between 1 and 1048576" },
  { { "--dk=1e9" }, "--dk: '1e9' is not between 1 and 1048576" },
  { { "--dk=1e400" }, "--dk: '1e400' is too large for a number" },
  { { "--tolerance=-1" }, "--tolerance: '-1' is not above 0 and at most 1" },
  { { "--tolerance", "-1" }, "--tolerance: '-1' is not above 0 and at most 1" },
  { { "--tolerance=0" }, "--tolerance: '0' is not above 0 and at most 1" },
  { { "--tolerance=1e-400" }, "--tolerance: '1e-400' is not above 0 and at most 1" },
  { { "--tolerance=nan" }, "--tolerance: 'nan' is not a number above 0 and at most 1" },
  { { "--tolerance=0x1p-4" }, "--tolerance: '0x1p-4' is not a number above 0 and at most 1" },
  { { "--tolerance= 0.1" }, "--tolerance: ' 0.1' is not a number above 0 and at most 1" },
  { { "--tolerance=0,1" }, "--tolerance: '0,1' is not a number above 0 and at most 1" },
  { { "--tolerance=1,5" }, "--tolerance: '1,5' is not a number above 0 and at most 1" },
  { { "--tolerance=" }, "--tolerance: '' is not a number above 0 and at most 1" },
  { { "--confidence=1" }, "--confidence: '1' is not above 0 and below 1" },
  { { "--confidence=0" }, "--confidence: '0' is not above 0 and below 1" },
  { { "--miss=0" }, "--miss: '0' is not above 0 and below 1" },
  { { "--correlation=1.01" }, "--correlation: '1.01' is not between -1 and 1" },
  { { "--time-limit=0" }, "--time-limit: '0' is not above 0" },
  { { "--time-limit=1e999" }, "--time-limit: '1e999' is too large for a number" },
  { { "--time-limit=inf" }, "--time-limit: 'inf' is not a number above 0" },
  { { "--threads=0" }, "--threads: '0' is not between 1 and 1024" },
  { { "--threads=1.5" }, "--threads: '1.5' is not an integer between 1 and 1024" },
  { { "--samples=255" }, "--samples: '255' is not between 256 and 1e15" },
  { { "--samples=1e16" }, "--samples: '1e16' is not between 256 and 1e15" },
  { { "--samples=1e3k" }, "--samples: '1e3k' is not an integer between 256 and 1e15" },
  { { "--samples=1.2345k" }, "--samples: '1.2345k' is not an integer between 256 and 1e15" },
  { { "--max-samples=many" }, "--max-samples: 'many' is not an integer between 256 and 1e15" },
  { { "--seed=abc" }, "--seed: 'abc' is not a 64-bit integer, decimal or 0x hexadecimal" },
  { { "--seed=" }, "--seed: '' is not a 64-bit integer, decimal or 0x hexadecimal" },
  { { "--seed=-1" }, "--seed: '-1' is not a 64-bit integer, decimal or 0x hexadecimal" },
  { { "--seed=0x" }, "--seed: '0x' is not a 64-bit integer, decimal or 0x hexadecimal" },
  { { "--seed=1f" }, "--seed: '1f' is not a 64-bit integer, decimal or 0x hexadecimal" },
  { { "--seed=18446744073709551616" },
    "--seed: '18446744073709551616' is not a 64-bit integer, decimal or 0x hexadecimal" },
  /* lists */
  { { "--dk=" }, "--dk: the list is empty" },
  { { "--dk=1,,2" }, "--dk: '1,,2' lacks a value beside a comma" },
  { { "--dk=1,2," }, "--dk: '1,2,' lacks a value beside a comma" },
  { { "--dk=,1" }, "--dk: ',1' lacks a value beside a comma" },
  { { "--dk=4..2" }, "--dk: '4..2' is an empty range; write the smaller end first" },
  { { "--dk=1,64x" }, "--dk: '64x' is not an integer between 1 and 1048576" LIST_HINT },
  { { "--dk=2.5" }, "--dk: '2.5' is not an integer between 1 and 1048576" LIST_HINT },
  { { "--dk=1..8..9" }, "--dk: '1..8..9' is not an integer between 1 and 1048576" LIST_HINT },
  { { "--dk=1..8+" }, "--dk: '1..8+' is not an integer between 1 and 1048576" LIST_HINT },
  { { "--dk=1.." }, "--dk: '1..' is not an integer between 1 and 1048576" LIST_HINT },
  { { "--dk=8*2" }, "--dk: '8*2' is not an integer between 1 and 1048576" LIST_HINT },
  { { "--dk=1..8+0.5" }, "--dk: '0.5' is not an integer between 1 and 1048576" LIST_HINT },
  { { "--dk=1..8+0" }, "--dk: '1..8+0' does not advance; a step is above 0" },
  { { "--dk=1..8+-1" }, "--dk: '1..8+-1' does not advance; a step is above 0" },
  { { "--dk=1..8*1" },
    "--dk: '1..8*1' does not advance; with a factor, it is above 1 and the range above 0" },
  { { "--dk=1..1e9" }, "--dk: '1e9' is not between 1 and 1048576" },
  { { "--dk=1..4097" }, "--dk: more than 4096 values" },
  { { "--dk=1..4096,4097" }, "--dk: more than 4096 values" },
  /* names */
  { { "--format=xml" }, "--format: 'xml' is none of text, json, csv, markdown" },
  { { "--color=" }, "--color: '' is none of auto, always, never" },
  { { "--output=" }, "--output: the name is empty" },
  { { "--rng=mt19973" }, "--rng: 'mt19973' is no generator; did you mean mt19937? " GENERATORS },
  { { "--rng=phylox" }, "--rng: 'phylox' is no generator; did you mean philox? " GENERATORS },
  { { "--rng=" }, "--rng: '' is no generator; " GENERATORS },
  { { "--rng=quantum-vacuum" }, "--rng: 'quantum-vacuum' is no generator; " GENERATORS },
  { { "--quantity=score_varianec" },
    "--quantity: 'score_varianec' is no quantity of this command; did you mean score_variance? "
    "There are score_mean, score_variance, geary_ratio" },
  { { "--quantity=score_mean,entropy" },
    "--quantity: 'entropy' is no quantity of this command; there are score_mean, score_variance, "
    "geary_ratio" },
  { { "--quantity=score_mea" },
    "--quantity: 'score_mea' is no quantity of this command; did you mean score_mean? There are "
    "score_mean, score_variance, geary_ratio" },
  { { "--quantity=" }, "--quantity: the list is empty" },
  { { "--quantity=score_mean,,geary_ratio" },
    "--quantity: 'score_mean,,geary_ratio' lacks a value beside a comma" },
};

START_TEST (complaint)
{
  char why[QK_WHY];
  struct qk_params p;
  ck_assert_int_eq (parse (&p, &gauge, complaints[_i].words, why), -1);
  ck_assert_str_eq (why, complaints[_i].why);
  /* Nothing is left to free.  */
  ck_assert (!p.dk.value && !p.quantity.name);
}
END_TEST

static const struct
{
  const char *words[4];
  const char *why;
} file_complaints[] = {
  { { NULL }, "missing operand Q.npy; files takes Q.npy K.npy" },
  { { "a" }, "missing operand K.npy; files takes Q.npy K.npy" },
  { { "a", "" }, "the name of operand K.npy is empty" },
  { { "a", "b", "c\x01" }, "surplus operand 'c\\x01'; files takes Q.npy K.npy" },
  { { "a", "b", "--dk=2" }, "unknown option '--dk'; --help lists the options" },
  { { "a", "b", "--seed=2" }, "unknown option '--seed'; --help lists the options" },
  { { "a", "b", "--expect" }, "--expect lacks its value: --expect=LO..HI" },
  { { "a", "b", "--expect=2" }, "--expect: '2' is not LO..HI, two numbers between 0 and 100" },
  { { "a", "b", "--expect=1..2..3" },
    "--expect: '1..2..3' is not LO..HI, two numbers between 0 and 100" },
  { { "a", "b", "--expect=1..x" },
    "--expect: '1..x' is not LO..HI, two numbers between 0 and 100" },
  { { "a", "b", "--expect=2..1" },
    "--expect: '2..1' is an empty range; write the smaller end first" },
  { { "a", "b", "--expect=2..101" }, "--expect: '101' is not between 0 and 100" },
};

START_TEST (file_complaint)
{
  char why[QK_WHY];
  struct qk_params p;
  ck_assert_int_eq (parse (&p, &files, file_complaints[_i].words, why), -1);
  ck_assert_str_eq (why, file_complaints[_i].why);
}
END_TEST

static const struct
{
  const char *word, *why;
} house_complaints[] = {
  { "kitche", "'kitche' is no ROOM; did you mean 'kitchen'?" },
  { "", "'' is no ROOM; --help says what it may be" },
  { "observatory\n", "'observatory\\x0a' is no ROOM; --help says what it may be" },
  { "--floor=mid", "--floor: 'mid' is none of low, middle, high, roof; did you mean middle?" },
  { "--floor=hihg", "--floor: 'hihg' is none of low, middle, high, roof; did you mean high?" },
  { "--floor=low..hihg", "--floor: 'hihg' is none of low, middle, high, roof; did you mean high?" },
  { "--floor=low..", "--floor: '' is none of low, middle, high, roof" },
  { "--floor=..low", "--floor: '..low' is none of low, middle, high, roof; did you mean low?" },
  { "--floor=low..middle..high", "--floor: 'middle..high' is none of low, middle, high, roof" },
  { "--floor=high..low", "--floor: 'high..low' is an empty range; write the smaller end first" },
  { "--dk=2", "unknown option '--dk'; --help lists the options" },
  { "--threads=2", "unknown option '--threads'; --help lists the options" },
};

START_TEST (house_complaint)
{
  char why[QK_WHY];
  struct qk_params p;
  const char *words[] = { house_complaints[_i].word, NULL };
  ck_assert_int_eq (parse (&p, &house, words, why), -1);
  ck_assert_str_eq (why, house_complaints[_i].why);
}
END_TEST

static const struct
{
  const char *word, *why;
} real_complaints[] = {
  { "--dk=x", "--dk: 'x' is not a number" LIST_HINT },
  { "--dk=1..2+1e-300", "--dk: more than 4096 values" },
  { "--dk=0..8*2",
    "--dk: '0..8*2' does not advance; with a factor, it is above 1 and the range above 0" },
  { "--dk=-4..-1*2",
    "--dk: '-4..-1*2' does not advance; with a factor, it is above 1 and the range above 0" },
};

START_TEST (real_complaint)
{
  char why[QK_WHY];
  struct qk_params p;
  const char *words[] = { real_complaints[_i].word, NULL };
  ck_assert_int_eq (parse (&p, &reals, words, why), -1);
  ck_assert_str_eq (why, real_complaints[_i].why);
}
END_TEST

static const struct
{
  const char *word, *why;
} word_complaints[] = {
  { "--dk=root", "--dk: 'root' is not a number above 0 and at most 1024, none, sqrt or dk" },
  { "--dk=sqrt,non", "--dk: 'non' is not a number above 0 and at most 1024, none, sqrt or dk" },
  { "--dk=-1", "--dk: '-1' is not above 0 and at most 1024" },
  { "--dk=none,,dk", "--dk: 'none,,dk' lacks a value beside a comma" },
};

START_TEST (word_complaint)
{
  char why[QK_WHY];
  struct qk_params p;
  const char *words[] = { word_complaints[_i].word, NULL };
  ck_assert_int_eq (parse (&p, &worded, words, why), -1);
  ck_assert_str_eq (why, word_complaints[_i].why);
}
END_TEST

/* The law's own sentence follows the option.  */
START_TEST (law_complaints)
{
  static const char *const bad[] = { "cauchy", "student:nu=4", "normal:sd=-1", "sparse:p=0", "" };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    {
      char why[QK_WHY], law_why[QK_WHY], expected[2 * QK_WHY];
      struct qk_params p;
      struct qk_law law;
      const char *words[] = { "--q-dist", bad[i], NULL };
      ck_assert_int_eq (parse (&p, &gauge, words, why), -1);
      ck_assert_int_eq (qk_law_parse (&law, bad[i], law_why), -1);
      snprintf (expected, sizeof expected, "--q-dist: %s", law_why);
      ck_assert_str_eq (why, expected);
    }
}
END_TEST

/* What is left unread of a bad word does not reach the next parse.  */
START_TEST (afresh)
{
  char why[QK_WHY];
  struct qk_params p;
  const char *words[] = { "-xq", NULL };
  ck_assert_int_eq (parse (&p, &gauge, words, why), -1);
  PARSE (&p, &gauge, "--seed=2385");
  ck_assert (!p.quiet);
  ck_assert_uint_eq (p.seed, 2385);
  qk_params_free (&p, &gauge);
}
END_TEST

/* Whatever the length, a message ends in its own buffer.  */
START_TEST (long_values)
{
  static const char *const options[]
      = { "--dk=", "--tolerance=", "--seed=", "--rng=", "--quantity=", "--format=", "--", "" };
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    for (int byte = 0; byte < 2; byte++)
      {
        static char word[100001];
        char why[QK_WHY + 1];
        struct qk_params p;
        const char *words[] = { word, NULL };
        memset (word, byte ? '\x7f' : '9', sizeof word - 1);
        memcpy (word, options[i], strlen (options[i]));
        why[QK_WHY] = '!';
        ck_assert_int_eq (parse (&p, &gauge, words, why), -1);
        ck_assert_uint_lt (strnlen (why, QK_WHY), QK_WHY);
        ck_assert_msg (strstr (why, "..."), "%s", why);
        ck_assert_int_eq (why[QK_WHY], '!');
      }
}
END_TEST

START_TEST (long_answer)
{
  static char name[10][40];
  static struct qk_quantity many[11];
  for (int i = 0; i < 10; i++)
    {
      snprintf (name[i], sizeof name[i], "a_quantity_with_a_long_name_%d", i);
      many[i].name = name[i];
    }
  struct qk_experiment crowd = gauge;
  crowd.quantities = many;
  char why[QK_WHY];
  struct qk_params p;
  const char *words[] = { "--quantity=entropy", NULL };
  ck_assert_int_eq (parse (&p, &crowd, words, why), -1);
  ck_assert_uint_eq (strlen (why), QK_WHY - 1);
  ck_assert_str_eq (why + QK_WHY - 4, "...");
}
END_TEST

/* ---- Laws
 * ---------------------------------------------------------------------------------------- */

START_TEST (nearest)
{
  static const char *const names[] = { "variance", "scale", "softmax", "train", "dk", NULL };
  static const struct
  {
    const char *word, *near;
  } rows[] = {
    { "variance", "variance" },
    { "varaince", "variance" },
    { "kd", "dk" }, /* a swap is one slip */
    { "Softmax", "softmax" },
    { "sofmax", "softmax" },
    { "scales", "scale" },
    { "tran", "train" },
    { "oft", "softmax" }, /* part of it */
    { "vari", "variance" },
    { "dk.", "dk" },
    { "rai", "train" },
    { "a", NULL },
    { "elephant", NULL },
    { "", NULL },
    { "variancevariancevariancevariancevariancevariancevariancevariancevariance", NULL },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      const char *near = qk_nearest (rows[i].word, names);
      ck_assert_msg (near == rows[i].near || (near && rows[i].near && !strcmp (near, rows[i].near)),
                     "'%s': %s", rows[i].word, near ? near : "none");
    }
}
END_TEST

/* Own rows first, each name once, every number with a range, every row with help.  */
START_TEST (rows)
{
  struct qk_option *list = qk_options_of (&reals);
  ck_assert_ptr_nonnull (list);
  ck_assert_str_eq (list[0].name, "dk");
  ck_assert_int_eq (list[0].type, QK_REALS);
  size_t n = 0;
  for (const struct qk_option *row = list; row->name; row++, n++)
    {
      for (const struct qk_option *other = list; other < row; other++)
        {
          ck_assert_str_ne (row->name, other->name);
          ck_assert_msg (!row->letter || row->letter != other->letter, "-%c", row->letter);
        }
      bool number = row->type == QK_REAL || row->type == QK_INTEGER || row->type == QK_INTEGERS
                    || row->type == QK_REALS || row->type == QK_WORDS;
      ck_assert_msg (!number || row->lo < row->hi, "--%s", row->name);
      ck_assert_msg (row->help && row->help[strlen (row->help) - 1] == '.', "--%s", row->name);
      char metavar[64];
      ck_assert_msg (qk_option_valued (row)
                         == (qk_option_metavar (metavar, sizeof metavar, row) > 0),
                     "--%s", row->name);
    }
  free (list);

  size_t common = 0;
  while (qk_options_common[common].name)
    common++;
  size_t sampling = 0;
  while (qk_options_sampling[sampling].name)
    sampling++;
  size_t measuring = 0;
  while (qk_options_measuring[measuring].name)
    measuring++;
  ck_assert_uint_eq (n, common + measuring + sampling);

  /* A command may do without some.  */
  list = qk_options_of (&without);
  ck_assert_ptr_nonnull (list);
  for (n = 0; list[n].name; n++)
    ck_assert (strcmp (list[n].name, "samples") && strcmp (list[n].name, "rng"));
  free (list);
  ck_assert_uint_eq (n, common + measuring + sampling - 2);

  /* Where nothing is sampled, no row of sampling.  */
  list = qk_options_of (&files);
  ck_assert_ptr_nonnull (list);
  for (n = 0; list[n].name; n++)
    ck_assert_str_ne (list[n].name, "seed");
  free (list);
  ck_assert_uint_eq (n, 1 + measuring + common);
}
END_TEST

START_TEST (ranges)
{
  static const struct
  {
    struct qk_option row;
    const char *text;
  } table[] = {
    { { .lo = 1, .hi = 1048576 }, "between 1 and 1048576" },
    { { .lo = 0, .hi = 1, .lo_open = true, .hi_open = true }, "above 0 and below 1" },
    { { .lo = -1, .hi = 2.385, .hi_open = true }, "at least -1 and below 2.385" },
    { { .lo = 256, .hi = INFINITY }, "at least 256" },
    { { .lo = -INFINITY, .hi = 1e15 }, "at most 1e15" },
    { { .lo = -INFINITY, .hi = INFINITY }, "" },
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    {
      char text[64], cut[8];
      int length = qk_option_range (text, sizeof text, &table[i].row);
      ck_assert_str_eq (text, table[i].text);
      ck_assert_int_eq (length, (int)strlen (text));
      ck_assert_int_eq (qk_option_range (cut, sizeof cut, &table[i].row), length);
      ck_assert (!strncmp (cut, text, sizeof cut - 1));
      ck_assert_uint_lt (strlen (cut), sizeof cut);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("option");

  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, defaults);
  tcase_add_test (exact, every_option);
  tcase_add_test (exact, operands);
  tcase_add_test (exact, ranges_of_names);
  tcase_add_loop_test (exact, list_values, 0, sizeof lists / sizeof *lists);
  tcase_add_test (exact, accepted);
  tcase_add_test (exact, every_generator);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_loop_test (edges, complaint, 0, sizeof complaints / sizeof *complaints);
  tcase_add_loop_test (edges, file_complaint, 0, sizeof file_complaints / sizeof *file_complaints);
  tcase_add_loop_test (edges, house_complaint, 0,
                       sizeof house_complaints / sizeof *house_complaints);
  tcase_add_loop_test (edges, real_complaint, 0, sizeof real_complaints / sizeof *real_complaints);
  tcase_add_loop_test (edges, word_complaint, 0, sizeof word_complaints / sizeof *word_complaints);
  tcase_add_test (edges, law_complaints);
  tcase_add_test (edges, afresh);
  tcase_add_test (edges, long_values);
  tcase_add_test (edges, long_answer);
  suite_add_tcase (suite, edges);

  TCase *laws = tcase_create ("laws");
  tcase_add_test (laws, nearest);
  tcase_add_test (laws, rows);
  tcase_add_test (laws, ranges);
  suite_add_tcase (suite, laws);

  return run (suite);
}
