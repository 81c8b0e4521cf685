/* pictures.c -- what the report of `qkcheck verify` draws: runs, and quantities of them.

   Where a row of the ledger asks for the same command line it is the same run; the others are run
   for the picture.  */

#include "pictures.h"

#include <stddef.h>
#include <string.h>

#define WORDS(...)                                                                                 \
  (const char *const[]) { __VA_ARGS__, NULL }

const struct qk_pictured qk_pictures[] = {
  { .title = "The variance of a score is d_k",
    .says = "The line is Var(q·k) = d_k. On these axes it is straight, of slope 1; the strip below "
            "shows how far the estimates are from it.",
    .command = "variance",
    .arguments = "--dk=1..4096*8",
    .quantities = WORDS ("score_variance"),
    .claims = WORDS ("score-variance", "score-deviation", "variance-slope") },
  { .title = "Saturation, with and without the scale",
    .says = "Unscaled, one key takes nearly everything as d_k grows; scaled by 1/√d_k nothing "
            "changes. The lines are the exact values for 64 keys.",
    .command = "softmax",
    .arguments = "--dk=4..1024*4 --tolerance=0.02",
    .quantities = WORDS ("saturated", "participation"),
    .claims = WORDS ("softmax-saturates", "softmax-scaled") },
  { .title = "Gradients: medians and quantiles",
    .says
    = "Unscaled, the typical gradient vanishes as d_k grows, the lower decile first; scaled by "
      "1/√d_k it stays where it is.",
    .command = "gradient",
    .arguments = "--dk=4..256*4",
    .quantities = WORDS ("jacobian_median", "jacobian_quantile", "query_gradient_median",
                         "query_gradient_quantile"),
    .claims = WORDS ("jacobian-decay", "query-gradient") },
  { .title = "Which exponent makes the variance flat",
    .says
    = "The slope of log Var(c q·k) in log d_k, for scales c = d_k^(−α). The line is 1 − 2α: it "
      "crosses zero at α = 1/2 alone.",
    .command = "scale",
    .arguments = "--dk=4,64,1024",
    .quantities = WORDS ("scaled_variance_slope"),
    .claims = WORDS ("scale-exponent") },
  { .title = "Shared and separate weights",
    .says = "Shared weights make the scores symmetric, to the bit; separate ones do not. Neither "
            "makes every position score itself highest.",
    .command = "symmetry",
    .arguments = "--dk=4,16,64 --tolerance=0.02",
    .quantities = WORDS ("asymmetry", "diagonal_argmax"),
    .claims = WORDS ("shared-symmetric", "separate-asymmetric") },
  { .title = "Heads with inputs of their own differ",
    .says
    = "The divergence of the weights of two heads whose scores are independent, normal, of "
      "deviation σ: they differ the more the larger their scores. Heads with the same weights "
      "are the same at every σ: several are no gain by themselves.",
    .command = "heads",
    .arguments = "--keys=8,64 --heads=1 --sigma=0.5..32*2 --tolerance=0.02",
    .quantities = WORDS ("head_divergence"),
    .claims = WORDS ("head-subspaces") },
  { .title = "The variance of an additive score",
    .says
    = "With v of variance 2/(h+1) it does not grow as d_k: tanh keeps it near 1. About half of "
      "it is between keys of one query, which is what the softmax sees.",
    .command = "additive",
    .arguments = "--dk=1,4,16,64,256 --quantity=additive_variance,additive_row_variance "
                 "--tolerance=0.02",
    .quantities = WORDS ("additive_variance", "additive_row_variance"),
    .claims = WORDS ("additive-variance") },
  { .title = "Rounding errors of dot products",
    .says
    = "In units of the last place of each format, the error of a sum of d_k products grows as "
      "d_k, √d_k for its steps times √d_k for its size, and the share of the proved bound "
      "falls.",
    .command = "reference",
    .arguments = "--dk=4..1024*4 --format-in=binary32,binary16",
    .quantities = WORDS ("error_rms_u", "error_over_bound"),
    .claims = WORDS ("dot-error") },
  { .title = NULL },
};

bool
qk_picture_shows (const struct qk_pictured *picture, const char *claim)
{
  for (const char *const *c = picture->claims; *c; c++)
    if (!strcmp (*c, claim))
      return true;
  return false;
}
