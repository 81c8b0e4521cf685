/* reference.c -- do the sums agree with MPFR, and within which bound, in which format?

   A table of parts, each with cases, statements and sentences of its own: sampled sums, the softmax
   in low precision, vectors and values from files, blocks of other commands.  */

#include "../given.h"
#include "../narrow.h"
#include "../part.h"
#include "../replay.h"
#include "../rounding.h"
#include "../scored.h"
#include "../sums.h"
#include "../weights.h"
#include "../whole.h"

#include <stdio.h>
#include <string.h>

static const struct qk_part *const parts[]
    = { &qk_sums_part, &qk_narrow_part, &qk_given_part, &qk_whole_part, NULL };

/* All kinds of all parts, ended by NULL.  */
static const struct qk_kind *const kinds[]
    = { &qk_sums_kind, &qk_overflow_kind, &qk_softmax_kind, &qk_given_kind, &qk_replay_kind, NULL };

/* ---- Quantities ------------------------------------------------------------------------------ */

static const struct qk_quantity quantities[] = {
  { "error_rms_u", "rms error", "u", QK_LEAD, "error_model_u (1.05)^±1; pairwise (1.10)^±1",
    "Root of the mean squared error of the sum, in units of u of the accumulators times the "
    "deviations of the components. Judged to nearest, for centred normal components, where the "
    "model speaks; else described. No exact value is known: the band is what the model is good "
    "for." },
  { "error_model_u", "model", "u", QK_COLUMN, "none",
    "The rms error by a model: rounding errors as independent, each of the mean size that they "
    "have over log-uniform significands, v u² times the variance of its sum, v = 1/(8 ln 2). The "
    "root of v times d²/2 + 3d/2 − 1 for recursive sums, d²/2 + d/2 with fused multiply-adds, "
    "d (log2 d + 1) pairwise, 3d − 2 with Kahan's correction, 2d with Neumaier's, d for Dot2." },
  { "error_max_u", "largest error", "u", QK_COLUMN, "none",
    "Largest error of the sums drawn, in the same unit; with --condition in units of u times the "
    "exact sum." },
  { "error_bias", "bias", "1", QK_COLUMN, "0 ± 5T",
    "Mean of the error times the sign of the exact sum, over the rms error. Rounding to nearest "
    "has none; truncation makes every sum smaller." },
  { "error_over_bound", "of its bound", "1", QK_COLUMN, "at most 1",
    "Largest error of the sums drawn over the bound proved for the same sum; left out where there "
    "is none." },
  { "condition", "condition", "1", QK_DETAIL, "none",
    "Geometric mean of the condition number 2 Σ|q_i k_i| / |Σ q_i k_i| of sums that are not 0." },
  { "overflow_score", "P(score = ∞)", "1", QK_LINE, "claim ± T",
    "Probability that the largest |c q·k_j| over a query's n keys rounds to infinity in the "
    "format, from independent queries with keys of their own. The claim is the exact value for "
    "components "
    "of variance 1." },
  { "overflow_exp", "P(exp = ∞)", "1", QK_LINE, "claim ± T",
    "Probability that the exponential of the largest of the n scores does, without the shift by "
    "the maximum." },
  { "overflow_sum", "P(Σ exp = ∞)", "1", QK_LINE, "claim ± T",
    "Probability that the sum of the n exponentials does." },
  { "overflow_score_log10", "log10 P(score = ∞)", "1", QK_DETAIL, "at most that for variance 1",
    "Logarithm of the exact value of overflow_score, which is too small to be sampled." },
  { "overflow_variance", "variance to overflow", "1", QK_DETAIL, "none",
    "Variance of the components of q and of k, the same in both, at which the largest |c q·k_j| "
    "rounds to infinity with the probability quantile." },
  { "softmax_error_over_bound", "softmax error / bound", "1", QK_DETAIL, "at most 1",
    "Largest error of a weight over its proved bound. algorithm is shifted (by the largest score) "
    "or unshifted, each with a division or with the reciprocal of the sum." },
  { "counterexample", "counterexample", "1", QK_DETAIL, "equality",
    "log10 of the probability that one score of components of variance 1 rounds to infinity in "
    "binary16 at d_k = 64: scores do not overflow." },
  QK_SUM_DIGITS,
  { "dot", "dot", "score", QK_LINE, "none",
    "The correctly rounded dot product of a row of --q and the same row of --k, in the format of "
    "--format-acc." },
  { "value_mean", "mean", "1", QK_LINE, "none", "Mean of the values of --values." },
  { "value_deviation", "standard deviation", "1", QK_LINE, "none",
    "Standard deviation of the values: the root of the sum of squared deviations from the mean "
    "over their number less one." },
  { "value_autocorrelation", "lag-1 autocorrelation", "1", QK_LINE, "none",
    "Sum of the products of the deviations of neighbours over the sum of squared deviations." },
  { "value_sum", "sum", "1", QK_LINE, "none", "Sum of the values." },
  { 0 }
};

/* ---- Parts ----------------------------------------------------------------------------------- */

/* Blocks of other commands, and files, take the place of what is drawn.  The parts on those also
   complain of options that want them and have none.  */
static bool
speaks (const struct qk_part *part, const struct qk_params *p)
{
  bool drawn = part == &qk_sums_part || part == &qk_narrow_part;
  return p->whole ? part == &qk_whole_part : !(drawn && (p->q_file || p->k_file || p->values));
}

static int
plan_reference (struct qk_plan *plan, char why[static QK_WHY])
{
  for (const struct qk_part *const *part = parts; *part; part++)
    {
      size_t first = plan->n_statements;
      if (!speaks (*part, plan->params))
        continue;
      if ((*part)->plan (plan, why))
        return -1;
      for (size_t i = first; i < plan->n_statements; i++)
        plan->statements[i].own = *part;
    }
  return 0;
}

static const struct qk_part *
part_of (const struct qk_kind *kind)
{
  for (const struct qk_part *const *part = parts; *part; part++)
    for (const struct qk_kind *const *its = (*part)->kinds; its && *its; its++)
      if (*its == kind)
        return *part;
  return NULL;
}

static int
size_reference (struct qk_plan *plan, char why[static QK_WHY])
{
  for (size_t c = 0; c < plan->n_cases; c++)
    if (part_of (plan->cases[c].kind)->size (plan, c, why))
      return -1;
  return 0;
}

static void
enclose_reference (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
                   const struct qk_table *tables, double miss)
{
  const struct qk_part *part = s->own;
  part->enclose (e, plan, s, tables, miss);
}

static bool
explain_reference (char *text, size_t size, const struct qk_plan *plan,
                   const struct qk_statement *s, const struct qk_enclosure *e,
                   enum qk_verdict verdict)
{
  const struct qk_part *part = s->own;
  return part->explain && part->explain (text, size, plan, s, e, verdict);
}

/* What the first part says that has anything to; else the laws of the components.  */
static void
describe_reference (char *text, size_t size, const struct qk_plan *plan)
{
  *text = '\0';
  for (const struct qk_part *const *part = parts; *part && !*text; part++)
    if ((*part)->describe)
      (*part)->describe (text, size, plan);
  if (!*text)
    qk_scored_describe (text, size, plan);
}

/* The sentences of all parts, one after the other.  */
static void
summarise_reference (char *text, size_t size, const struct qk_plan *plan,
                     const struct qk_table *tables)
{
  size_t used = 0;
  *text = '\0';
  for (const struct qk_part *const *part = parts; *part && used + 1 < size; part++)
    {
      size_t room = used > 0;
      if (!(*part)->summarise)
        continue;
      text[used + room] = '\0';
      (*part)->summarise (text + used + room, size - used - room, plan, tables);
      if (!text[used + room])
        continue;
      if (room)
        text[used] = ' ';
      used = strlen (text);
    }
}

/* ---- The descriptor -------------------------------------------------------------------------- */

static const struct qk_option options[] = {
  { .name = "dk",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, dk),
    .metavar = "LIST",
    .shown = "4..1024*4; with --condition 64",
    .lo = 1,
    .hi = 1048576,
    .help = "Lengths of the vectors; with --whole head dimensions, " QK_WHOLE_DK
            " where none are given." },
  { .name = "algorithm",
    .type = QK_NAMES,
    .offset = offsetof (struct qk_params, algorithm),
    .metavar = "LIST",
    .shown = "recursive; with --condition all",
    .choices = qk_summation_names,
    .help = "How the products are summed: one after the other, by halves, with Kahan's or "
            "Neumaier's correction, by fused multiply-adds, in twice the precision (Dot2), or as "
            "this program's own tile does, which is in binary64 to nearest only." },
  { .name = "format-in",
    .type = QK_NAMES,
    .offset = offsetof (struct qk_params, format_in),
    .metavar = "LIST",
    .shown = "binary32,binary16; with --condition, or for the tile alone, binary64",
    .choices = qk_float_names,
    .help = "Formats of the components, to which they are rounded first: the exact sum is that of "
            "rounded components." },
  { .name = "format-acc",
    .type = QK_NAMES,
    .offset = offsetof (struct qk_params, format_acc),
    .metavar = "LIST",
    .shown = "that of --format-in",
    .choices = qk_float_names,
    .help = "Formats of products and sums. binary32 with components of 16 bits is what matrix "
            "units do: their products are exact." },
  { .name = "rounding",
    .type = QK_CHOICE,
    .offset = offsetof (struct qk_params, rounding),
    .standard = "nearest",
    .choices = qk_direction_names,
    .help = "How products and sums are rounded: to the nearest, ties to even, or toward zero." },
  { .name = "condition",
    .type = QK_REALS,
    .offset = offsetof (struct qk_params, condition),
    .metavar = "LIST",
    .shown = "vectors drawn as they come",
    .lo = 1,
    .hi = 1e32,
    .help = "Draw ill-conditioned dot products with about these condition numbers." },
  { .name = "keys",
    .type = QK_INTEGERS,
    .offset = offsetof (struct qk_params, keys),
    .metavar = "LIST",
    .shown = "64",
    .lo = 1,
    .hi = 1048576,
    .help = "Keys of a query, where overflow and the softmax in narrow formats are looked at." },
  { .name = "scale",
    .type = QK_WORDS,
    .offset = offsetof (struct qk_params, scale),
    .metavar = "LIST",
    .shown = "none",
    .lo = 0.0001,
    .hi = 1024,
    .choices = qk_weights_scales,
    .help = "What multiplies the scores there: none (1), sqrt (1/√d_k), dk (1/d_k), or a number." },
  { .name = "q",
    .type = QK_FILE,
    .offset = offsetof (struct qk_params, q_file),
    .metavar = "FILE.npy",
    .help = "Vectors from a file in place of drawn ones, with those of --k: one vector, or rows of "
            "them. Each row gets the correctly rounded dot product, its condition number, and the "
            "error of every algorithm. Without --format-in the components are as the files have "
            "them; with it they are rounded to that format first." },
  { .name = "k",
    .type = QK_FILE,
    .offset = offsetof (struct qk_params, k_file),
    .metavar = "FILE.npy",
    .help = "The other vectors, of the same shape." },
  { .name = "values",
    .type = QK_FILE,
    .offset = offsetof (struct qk_params, values),
    .metavar = "FILE.txt",
    .help = "Decimal numbers, one a line, of which the sum, the mean, the standard deviation and "
            "the lag-1 autocorrelation are wanted. They are taken exactly, not as the doubles next "
            "to them." },
  { .name = "precision",
    .type = QK_INTEGER,
    .offset = offsetof (struct qk_params, precision),
    .metavar = "BITS",
    .standard = "53",
    .lo = 2,
    .hi = 65536,
    .help = "Bits to which the true values of vectors and values from files are given in decimals, "
            "correctly rounded." },
  { .name = "whole",
    .type = QK_FLAG,
    .offset = offsetof (struct qk_params, whole),
    .help = "In place of sums: replay in MPFR a whole block of every case of each COMMAND, all "
            "its dot products and statistics." },
  { 0 },
};

static const struct qk_operand operands[]
    = { { .name = "COMMAND",
          .help = "With --whole: a command that samples; all of them where none is named.",
          .any = true,
          .type = QK_OPERAND_COMMAND },
        { 0 } };

static const struct qk_example examples[] = {
  { "--dk=4,64 --format-in=binary32,binary16", "error_rms_u", QK_HOLDS,
    "A recursive sum errs by about .30 u √d_k times the deviation of the score." },
  { "--dk=64 --format-in=binary32 --algorithm=all", "error_over_bound", QK_HOLDS,
    "No algorithm passes its proved bound." },
  { "--dk=16 --format-in=binary16 --format-acc=binary32 --algorithm=all", "error_over_bound",
    QK_HOLDS, "The mixed form of matrix units: products of 16-bit numbers, exact in binary32." },
  { "--condition=1e8,1e16,1e32", "error_over_bound", QK_HOLDS,
    "Ill-conditioned sums: Dot2 keeps full precision up to a condition number of about 1/u." },
  { "--dk=64 --format-in=binary32 --rounding=zero", "error_bias", QK_FAILS,
    "Truncation makes every sum smaller: its errors do not average out." },
  { "--dk=64 --format-in=binary16 --quantity=overflow_score,overflow_exp,overflow_sum",
    "overflow_exp", QK_HOLDS,
    "Without the shift by the largest score, exp overflows binary16 for 99 queries in 100; the "
    "scores themselves never do." },
  { "--dk=64 --format-in=binary16 --quantity=overflow_score --dist=normal:sd=57", "overflow_score",
    QK_FAILS, "Components of variance 3230 and more make half of the queries overflow." },
  { "--quantity=softmax_error_over_bound --format-in=all --scale=none,sqrt",
    "softmax_error_over_bound", QK_HOLDS,
    "No weight of the softmax errs by more than its proved bound, in any format." },
  { 0 },
};

static const char *const description[] = {
  "Draws queries and keys, rounds their components to a format, sums q·k by an algorithm whose "
  "every "
  "operation is rounded once to the format of the accumulators, and compares with the exact sum of "
  "the same rounded components. The error is given in units of u = 2^−p, p the bits of the "
  "significand of the accumulators, times the deviations of the components.",
  "For each algorithm and format: the rms error beside its model, whether rounding to nearest has "
  "a bias, and the largest share that an error has of the bound proved for its sum, underflow and "
  "truncation included. Where n is too large for a bound (n u ≥ 1, truncating 2 n u ≥ 1), none is "
  "claimed, and a note says so.",
  "All operations are simulated in binary64 from its exact rounding errors, and tested against "
  "MPFR; the tile is what the kernels of the sampling commands compute.",
  "With --condition, dot products of about that condition number 2 Σ|q_i k_i| / |Σ q_i k_i| are "
  "drawn (Ogita, Rump, Oishi 2005), and errors are in units of u times the sum itself: 1 is full "
  "precision, 1/u none.",
  "With --q and --k, vectors from files get their dot products correctly rounded to every format, "
  "their condition numbers, and the error of every algorithm in units of u times the sum; with "
  "--values, the decimals of a text get their moments. Nothing is sampled then. "
  "qkcheck-formats(5) says what the files may hold, qkcheck-method(7) why the values are certain.",
  "What overflows: for independent queries with n keys of their own (--keys, --scale), how often a "
  "score, the exponential of one without the shift by the largest, or the sum of these is rounded "
  "to infinity in the format of --format-acc. For normal keys and queries that are normal or signs "
  "the exact probabilities are known: given q the scores are independent normal values, and the "
  "law of a sum of their exponentials comes from its Laplace transform. The claim is that of "
  "components of variance 1, whose scores never overflow; overflow_variance says from which "
  "variance on they would.",
  "The softmax of scores rounded to that format, every operation rounded once: shifted or not, "
  "divided by the sum or multiplied by its reciprocal, against the correctly rounded weights. With "
  "w the unit u (2u where truncated), ε the error of exp in units of w, a_i the distance of a "
  "score from the largest (unshifted 0) and k = 1, or 2 with the reciprocal, a weight comes out as "
  "p_i e^t, |t| ≤ w/(1 − εw) (n − 1 + k + 2ε) + w a_i + Σ p_j (e^(w a_j) − 1), and half the "
  "smallest number is added for what underflows. ε is 1.6 in binary64 and a little more than 1 in "
  "the others. For many keys in 16 bits the bound is larger than the weights; a note says so. "
  "Weights without the shift are looked at where most rows do not overflow.",
  "Both are looked at for d_k = 64 unless --dk says otherwise; a --dk of several values, "
  "--algorithm and --condition ask for sums alone, unless --keys, --scale or --quantity asks for "
  "these too.",
  NULL,
};

const struct qk_experiment qk_experiment_reference = {
  .name = "reference",
  .question = "do the sums agree with MPFR, and within which bound, in which format?",
  .asked = "Do sums err as their theory says?",
  .description = description,
  .unit = "sums",
  .operands = operands,
  .options = options,
  .quantities = quantities,
  .kinds = kinds,
  .examples = examples,
  .plan = plan_reference,
  .size = size_reference,
  .enclose = enclose_reference,
  .explain = explain_reference,
  .describe = describe_reference,
  .summarise = summarise_reference,
};
