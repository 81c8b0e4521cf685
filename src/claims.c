/* claims.c -- the ledger: what is said about attention, what is true, and what settles it.  */

#include "claims.h"

#include "message.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CHECKS(...)                                                                                \
  (const struct qk_check[])                                                                        \
  {                                                                                                \
    __VA_ARGS__, { 0 }                                                                             \
  }

/* What is published, for rows that no run can settle alone.  */
#define PUBLISHED(...)                                                                             \
  (const struct qk_published[])                                                                    \
  {                                                                                                \
    __VA_ARGS__, { 0 }                                                                             \
  }

#define NO_CHECKS                                                                                  \
  (const struct qk_check[])                                                                        \
  {                                                                                                \
    {                                                                                              \
      0                                                                                            \
    }                                                                                              \
  }

#define VASWANI "Vaswani et al., Attention Is All You Need (2017)"
#define BRITZ "Britz et al., Massive Exploration of Neural Machine Translation Architectures (2017)"

const char *const qk_question_words[] = { "Q1", "Q2", "Q3", "Q4", "arithmetic", NULL };

const char *const qk_questions[] = { "why several heads and not one",
                                     "why separate weights for queries and keys",
                                     "why dot products and not additive scores",
                                     "why the scores are divided by √d_k",
                                     "what the figures of this program stand on",
                                     NULL };

const char *const qk_status_words[] = { "holds", "conditional", "false", "cited", NULL };

const struct qk_claim qk_claims[] = {
  { .id = "score-mean",
    .question = "Q4",
    .said = "E[q·k] = 0",
    .exact = "E s = 0 for every d",
    .assumptions = "components of q and k uncorrelated, mean 0 on one side",
    .status = QK_TRUE,
    .derivation = "E s = Σ E[q_i k_i] = Σ E[q_i] E[k_i] = 0",
    .checks = CHECKS ({ "variance", "--dk=1..4096*8", "score_mean", QK_HOLDS },
                      { "variance", "--dk=64 --correlation=0.05", "score_mean", QK_FAILS }) },
  { .id = "term-variance",
    .question = "Q4",
    .said = "Var(q_i k_i) = 1",
    .exact = "the one-dimensional case, d = 1",
    .assumptions = "q_i and k_i independent, mean 0, variance 1",
    .status = QK_TRUE,
    .derivation = "Var(q_i k_i) = E[q_i²] E[k_i²] − (E[q_i] E[k_i])² = 1·1 − 0",
    .checks = CHECKS ({ "variance", "--dk=1", "score_variance", QK_HOLDS }) },
  { .id = "score-variance",
    .question = "Q4",
    .said = "Var(q·k) = d_k",
    .exact
    = "Var s = d for any independent components with mean 0 and variance 1, not only normal; "
      "in general Var s = Σ(σ_q²σ_k² + σ_q²μ_k² + σ_k²μ_q²)",
    .assumptions = "independent components, mean 0, variance 1",
    .status = QK_TRUE,
    .derivation = "the d terms q_i k_i are independent, so their variances add",
    .checks
    = CHECKS ({ "variance", "--dk=2,16,64,512", "score_variance", QK_HOLDS },
              { "variance", "--dk=2,16,64 --dist=uniform", "score_variance", QK_HOLDS },
              { "variance", "--dk=2,16,64 --dist=rademacher", "score_variance", QK_HOLDS },
              { "variance", "--dk=2,16,64 --dist=laplace", "score_variance", QK_HOLDS },
              { "variance", "--dk=2,16,64 --dist=student:nu=10", "score_variance", QK_HOLDS },
              { "variance", "--dk=2,16,64 --dist=sparse:p=0.5", "score_variance", QK_HOLDS },
              { "variance", "--dk=2,16,64 --dist=exponential", "score_variance", QK_HOLDS },
              { "variance", "--dk=64 --dist=normal:mean=1", "score_variance", QK_FAILS }) },
  { .id = "variance-slope",
    .question = "Q4",
    .said = "the variance grows linearly with d_k",
    .exact = "the slope of log Var s against log d is 1",
    .assumptions = "independent components with the same law for every d",
    .status = QK_TRUE,
    .derivation = "Var s = d v, v the variance of one term; log Var s = log d + log v",
    .checks
    = CHECKS ({ "variance", "--dk=1..4096*8", "variance_slope", QK_HOLDS },
              { "variance", "--dk=1..256*4 --dist=normal:mean=1", "variance_slope", QK_HOLDS }) },
  { .id = "score-deviation",
    .question = "Q4",
    .said = "the standard deviation is √d_k",
    .exact = "sd s = √d",
    .assumptions = "independent components, mean 0, variance 1",
    .status = QK_TRUE,
    .derivation = "sd s = √Var s",
    .checks = CHECKS ({ "variance", "--dk=1..4096*8", "score_variance", QK_HOLDS }) },
  { .id = "score-magnitude",
    .question = "Q4",
    .said = "|S| grows like √d_k",
    .exact = "normal components: E|s| = 2Γ((d+1)/2)/(√π Γ(d/2)) ~ √(2d/π)",
    .assumptions = "independent standard normal components",
    .status = QK_TRUE,
    .derivation = "given q, s is normal with deviation ‖q‖; so E|s| = √(2/π) E‖q‖, ‖q‖ ~ χ_d",
    .checks = CHECKS ({ "variance", "--dk=1..4096*8", "score_abs_mean", QK_HOLDS },
                      { "variance", "--dk=3,16 --dist=rademacher", "score_abs_mean", QK_HOLDS }) },
  { .id = "score-law",
    .question = "Q4",
    .said = "(implied)",
    .exact = "normal components: the whole law is the variance-gamma law; it is near normal for "
             "large d (distance .108 at d = 1, .0022 at d = 64)",
    .assumptions = "independent standard normal components",
    .status = QK_TRUE,
    .derivation = "given q, s is normal with variance ‖q‖² ~ χ²_d: a variance mixture of normals",
    .checks = CHECKS ({ "variance", "--dk=1..512*8", "score_law", QK_HOLDS },
                      { "variance", "--dk=3,16 --dist=rademacher", "score_law", QK_HOLDS },
                      { "variance", "--dk=1..512*8", "geary_ratio", QK_HOLDS },
                      { "variance", "--dk=1..64*8", "score_excess_kurtosis", QK_HOLDS }) },
  { .id = "assumptions",
    .question = "Q4",
    .said = "\"assume i.i.d., mean 0, variance 1\"",
    .exact = "each broken assumption changes E s and Var s by the exact predicted amount: a mean "
             "shift μ on both sides gives d(1+2μ²); variances multiply; correlation ρ between q_i "
             "and k_i moves the mean to ρd and the variance to d(1+ρ²(κ+1)); covariance inside "
             "the vectors gives tr(Σ_qΣ_k), so for the variance it is harmless unless both sides "
             "have it",
    .assumptions = "as the row says",
    .status = QK_CONDITIONAL,
    .derivation = "the cumulants of s are d times those of one term q_i k_i",
    .checks
    = CHECKS ({ "variance", "--dk=64", "score_variance", QK_HOLDS },
              { "variance", "--dk=64 --dist=normal:mean=1", "score_variance", QK_FAILS },
              { "variance", "--dk=64 --dist=normal:sd=2", "score_variance", QK_FAILS },
              { "variance", "--dk=64 --k-dist=uniform:mean=0.5", "score_mean", QK_HOLDS },
              { "variance", "--dk=64 --k-dist=uniform:mean=0.5", "score_variance", QK_FAILS },
              { "variance", "--dk=64 --correlation=0.05", "score_mean", QK_FAILS },
              { "variance", "--dk=64 --correlation=0.5", "score_variance", QK_FAILS }) },
  { .id = "score-row-variance",
    .question = "Q4",
    .said = "(what the softmax sees)",
    .exact
    = "softmax is shift invariant: what matters is the variance over keys within a row. Mean "
      "shift μ on both sides: total d(1+2μ²), within rows d(1+μ²); a mean on K alone changes "
      "nothing the softmax sees",
    .assumptions = "q and k independent, keys of a row independent",
    .status = QK_TRUE,
    .derivation = "given q, Var s = Σ q_i² σ_k², whose mean is d E[q_i²] σ_k²",
    .checks = CHECKS ({ "variance", "--dk=1..4096*8", "row_variance", QK_HOLDS },
                      { "variance", "--dk=64 --dist=normal:mean=1", "row_variance", QK_HOLDS },
                      { "variance", "--dk=64 --k-dist=normal:mean=1", "row_variance", QK_HOLDS }) },
  { .id = "scaled-variance",
    .question = "Q4",
    .said = "Var(QKᵀ/√d_k) = 1",
    .exact = "Var(s/√d) = 1 for every d",
    .assumptions = "independent components, mean 0, variance 1",
    .status = QK_TRUE,
    .derivation = "Var(s/√d) = Var(s)/d = d/d",
    .checks = CHECKS ({ "scale", "--dk=4,64,1024", "scaled_variance", QK_HOLDS },
                      { "scale", "--dk=2,64 --dist=laplace", "scaled_variance", QK_HOLDS },
                      { "scale", "--dk=64 --dist=normal:mean=1", "scaled_variance", QK_FAILS },
                      { "scale", "--dk=64 --correlation=0.5", "scaled_variance", QK_FAILS }) },
  { .id = "scale-exponent",
    .question = "Q4",
    .said = "why √d_k",
    .exact = "with c = d^(−α): Var(c s) = d^(1−2α); α = 1/2 is the only exponent for which it does "
             "not depend on d",
    .assumptions = "independent components with the same law for every d",
    .status = QK_TRUE,
    .derivation = "Var(c s) = c² Var s: arithmetic on the slope of log Var s; independent evidence "
                  "is the gradient with respect to q",
    .checks
    = CHECKS ({ "scale", "--dk=4,64,1024", "scale_exponent", QK_HOLDS },
              { "scale", "--dk=4,64,1024", "scaled_variance_slope", QK_HOLDS },
              { "scale", "--dk=2,64 --dist=laplace", "scale_exponent", QK_HOLDS },
              { "scale", "--dk=4,64 --alpha=0.1..0.9+0.2", "scaled_variance_slope", QK_HOLDS }) },
  { .id = "exponent-after-training",
    .question = "Q4",
    .said = "(the other side)",
    .exact = "√d_k is a statement about initialisation: with q and k correlated (ρ fixed) "
             "E s/√d = ρ√d diverges, and 1/d keeps it constant (the μP argument)",
    .assumptions = "each q_i correlated with its own k_i, the same ρ for every d",
    .status = QK_CONDITIONAL,
    .derivation = "E s = Σ E[q_i k_i] = ρd, so E(d^(−α) s) = ρ d^(1−α)",
    .source = "Yang et al., Tensor Programs V: Tuning Large Neural Networks via Zero-Shot "
              "Hyperparameter Transfer (2022)",
    .checks = CHECKS (
        { "scale", "--dk=64", "scaled_mean", QK_HOLDS },
        { "scale", "--dk=16,64,256 --correlation=0.5 --alpha=0.5,1", "scaled_mean", QK_HOLDS },
        { "scale", "--dk=16,64,256 --correlation=0.5 --alpha=0.5,1", "scaled_mean_slope",
          QK_HOLDS },
        { "scale", "--dk=64 --dist=normal:mean=1", "scaled_mean", QK_FAILS }) },
  { .id = "training-stability",
    .question = "Q4",
    .said = "unscaled attention trains unstably and converges more slowly",
    .exact
    = "it plateaus, and nothing diverges, where the loss reaches the scores through the softmax, q "
      "and k start at unit variance and d ≥ 16; with dense weights and fresh data it is only "
      "slower; at small d there is no harm; it is exactly an effect of initialisation and rate",
    .assumptions = "one layer, synthetic tasks, rates tuned for every arm",
    .status = QK_CONDITIONAL,
    .derivation
    = "training runs; unscaled with Q, K divided by d^(1/4) and the rate by √d (SGD) or "
      "d^(1/4) (Adam) is the scaled model, step by step",
    .checks = CHECKS (
        { "train", "plateau --dk=256 --alpha=0,0.5 --quantity=unsolved,area_difference", "unsolved",
          QK_HOLDS },
        { "train", "plateau --dk=256 --alpha=0,0.5 --quantity=unsolved,area_difference",
          "area_difference", QK_HOLDS },
        { "train", "plateau --dk=4 --arm=unscaled,scaled --quantity=unsolved,loss_difference",
          "unsolved", QK_HOLDS },
        { "train", "plateau --dk=4 --arm=unscaled,scaled --quantity=unsolved,loss_difference",
          "loss_difference", QK_HOLDS },
        { "train", "plateau --dk=16,256 --arm=reparametrised", "reparametrisation_mismatches",
          QK_HOLDS },
        { "train",
          "plateau --dk=256 --arm=power --alpha=0.75,1 --optimizer=adam --quantity=unsolved",
          "unsolved", QK_HOLDS },
        { "train", "relation --dk=256 --quantity=area_ratio,accuracy", "area_ratio", QK_HOLDS },
        { "train", "relation --dk=256 --quantity=area_ratio,accuracy", "accuracy", QK_HOLDS },
        { "train", "relation --dk=4 --quantity=area_ratio", "area_ratio", QK_HOLDS },
        { "train",
          "plateau --dk=256 --arm=unscaled --optimizer=adam --expect=0..0.1 --quantity=final_loss",
          "final_loss", QK_FAILS }) },
  { .id = "norm-effect",
    .question = "Q4",
    .said = "norms grow with dimension; √d_k cancels it",
    .exact = "E‖q‖² = d, and ‖q‖ concentrates: Var‖q‖ → (κ+2)/4, 1/2 for normal components",
    .assumptions = "independent components, mean 0, variance 1",
    .status = QK_TRUE,
    .derivation = "E‖q‖² = Σ E[q_i²] = d; Var‖q‖² = d(κ+2), and ‖q‖ ≈ ‖q‖²/(2√d) + √d/2",
    .checks = CHECKS ({ "scale", "--dk=4,64,1024", "query_norm_square", QK_HOLDS },
                      { "scale", "--dk=4,64,1024", "query_norm_mean", QK_HOLDS },
                      { "scale", "--dk=4,64,1024", "query_norm_variance", QK_HOLDS },
                      { "scale", "--dk=64 --dist=normal:mean=1", "query_norm_square", QK_FAILS }) },
  { .id = "softmax-saturates",
    .question = "Q4",
    .said = "large scores give one-hot weights such as [0.9, 0.1]",
    .exact = "unscaled: E Σp², E max p and P(max p > 0.9) rise with d toward 1 and match the exact "
             "finite-n values; freezing trend at √d > √(2 ln n)",
    .assumptions = "independent standard normal components",
    .status = QK_TRUE,
    .derivation
    = "given q, the n scores are independent N(0, σ²), σ = ‖q‖ ~ χ_d; with t = e^v every "
      "moment of p is an integral over v: E Σp² = n ∫ A2 L^(n−1) dv, L = E e^(−y), "
      "A2 = E y² e^(−y), y = e^(v+x)",
    .checks = CHECKS (
        { "softmax", "--dk=4..256*8 --scale=none --tolerance=0.02", "participation", QK_HOLDS },
        { "softmax", "--dk=4..256*8 --scale=none --tolerance=0.02", "max_weight", QK_HOLDS },
        { "softmax", "--dk=4..256*8 --scale=none --tolerance=0.02", "saturated", QK_HOLDS },
        { "softmax", "--dk=64 --scale=none --k-dist=normal:sd=2 --quantity=max_weight",
          "max_weight", QK_FAILS }) },
  { .id = "softmax-even",
    .question = "Q4",
    .said = "small differences give near-uniform weights",
    .exact = "E Σp² = 1/n + σ²(n−1)/n² + O(σ⁴), E H = ln n − σ²(1−1/n)/2 + O(σ⁴) as c → 0",
    .assumptions = "normal scores of deviation σ",
    .status = QK_TRUE,
    .derivation
    = "p_i = (1 + x_i − mean x + O(x²))/n, so Σp² − 1/n is the variance of x over n, and "
      "H falls short of ln n by half n times as much",
    .checks = CHECKS (
        { "softmax", "--sigma=0.05,0.2 --keys=8,64 --quantity=participation,entropy",
          "participation", QK_HOLDS },
        { "softmax", "--sigma=0.05,0.2 --keys=8,64 --quantity=participation,entropy", "entropy",
          QK_HOLDS },
        { "softmax", "--dk=16,64 --scale=dk --quantity=participation", "participation", QK_HOLDS },
        { "softmax", "--dk=64 --scale=0.01 --dist=normal:sd=4 --quantity=participation",
          "participation", QK_FAILS }) },
  { .id = "softmax-scaled",
    .question = "Q4",
    .said = "scaled scores keep the softmax smooth",
    .exact = "scaled: the same statistics converge to a limit in d (σ = 1), and match the exact "
             "values",
    .assumptions = "independent standard normal components",
    .status = QK_TRUE,
    .derivation = "σ = ‖q‖/√d has mean square 1 and variance below 1/(2d): it tends to 1",
    .checks = CHECKS (
        { "softmax", "--dk=4..256*8 --scale=sqrt --tolerance=0.02", "participation", QK_HOLDS },
        { "softmax", "--dk=4..256*8 --scale=sqrt --tolerance=0.02", "entropy_share", QK_HOLDS },
        { "softmax", "--dk=4..256*8 --scale=sqrt --tolerance=0.02", "saturated", QK_HOLDS },
        { "softmax", "--dk=64 --scale=sqrt --dist=normal:sd=2 --quantity=participation",
          "participation", QK_FAILS }) },
  { .id = "length-dilution",
    .question = "Q4",
    .said = "(the other side)",
    .exact
    = "at fixed σ = 1 the softmax flattens as n grows: n·E Σp² → e; keeping it peaked needs c "
      "to grow like √ln n",
    .assumptions = "normal scores of deviation 1",
    .status = QK_TRUE,
    .derivation = "n Σp² = mean e^(2x)/(mean e^x)² → E e^(2x)/(E e^x)² = e^(2σ²)/e^(σ²) = e",
    .checks = CHECKS ({ "softmax", "--sigma=1 --keys=16,256,4096 --quantity=participation",
                        "participation", QK_HOLDS }) },
  { .id = "jacobian-decay",
    .question = "Q4",
    .said = "saturation makes the gradient vanish",
    .exact = "unscaled, E‖J‖_F² rises up to d of the order of 4 ln n, then falls, in the end like "
             "a_n/(3√d), and the median of ‖J‖ falls much faster; scaled, both tend to constants",
    .assumptions = "independent normal components, mean 0, variance 1",
    .status = QK_TRUE,
    .derivation = "given q, the scores are independent N(0, c²‖q‖²): a one-dimensional integral, "
                  "mixed over ‖q‖ ~ χ_d",
    .checks = CHECKS ({ "gradient", "--dk=4..256*4", "jacobian_square", QK_HOLDS },
                      { "gradient", "--dk=4..256*4", "jacobian_square_slope", QK_HOLDS },
                      { "gradient", "--dk=16,256 --scale=none", "jacobian_median_fall", QK_HOLDS },
                      { "gradient", "--dk=4,64 --scale=sqrt", "jacobian_median_spread", QK_HOLDS },
                      { "gradient", "--sigma=1,4 --keys=2,64", "jacobian_square", QK_HOLDS },
                      { "gradient", "--dk=16,64 --scale=sqrt --dist=normal:sd=2", "jacobian_square",
                        QK_FAILS }) },
  { .id = "query-gradient",
    .question = "Q4",
    .said = "\"vanishing or exploding gradient\"",
    .exact
    = "unscaled, the median of ‖∂p/∂q‖ vanishes, its mean tends to the constant a_n, and its "
      "mean square grows like √d·a_n/3: both words are right, each about another statistic; "
      "c = 1/√d keeps all three flat",
    .assumptions = "independent normal components, mean 0, variance 1",
    .status = QK_CONDITIONAL,
    .derivation = "∂p/∂q = c J K, and keys orthogonal to q are independent of p: E‖∂p/∂q‖² = "
                  "c²[(d−1) E‖J‖² + E‖J s/σ‖²]",
    .checks
    = CHECKS ({ "gradient", "--dk=4..256*4", "query_gradient_square", QK_HOLDS },
              { "gradient", "--dk=256 --scale=none", "query_gradient_mean", QK_HOLDS },
              { "gradient", "--dk=16,256 --scale=none", "query_gradient_median_fall", QK_HOLDS },
              { "gradient", "--dk=4..256*4", "query_gradient_square_slope", QK_HOLDS },
              { "gradient", "--dk=16,64 --scale=sqrt --dist=normal:sd=2", "query_gradient_square",
                QK_FAILS }) },
  { .id = "gradient-exponent",
    .question = "Q4",
    .said = "(why √d_k, by gradients)",
    .exact
    = "E‖∂p/∂q‖² is asymptotically flat only at α = 1/2 in c = d^(−α): it goes like d^(1/2−α) "
      "below and d^(1−2α) above; its finite-d zero lies near (.4981 for d = 16…1024, "
      "n = 64). E‖J‖² alone tends to a constant for every α ≥ 1/2",
    .assumptions = "independent normal components, mean 0, variance 1",
    .status = QK_CONDITIONAL,
    .derivation = "the slopes of the exact values over the same list of d",
    .checks = CHECKS ({ "gradient",
                        "--dk=16,64,256 --scale=sqrt --alpha=0.25,0.5,0.75 "
                        "--quantity=query_gradient_square_slope",
                        "query_gradient_square_slope", QK_HOLDS },
                      { "gradient",
                        "--dk=16,64,256 --scale=none --alpha=0.25 --dist=normal:sd=2 "
                        "--quantity=query_gradient_square_slope",
                        "query_gradient_square_slope", QK_FAILS }) },
  { .id = "jacobian-bound",
    .question = "Q4",
    .said = "(implied)",
    .exact
    = "‖J‖₂ ≤ max 2p_i(1−p_i) ≤ 1/2, ‖J‖_F² ≤ (1−Σp²)/2, rows sum to 0, J symmetric positive "
      "semidefinite",
    .assumptions = "p a vector of weights with sum 1",
    .status = QK_TRUE,
    .derivation = "absolute row sums of J are 2p_i(1−p_i) (Gershgorin); equality at p = (1/2, 1/2)",
    .checks
    = CHECKS ({ "gradient", "--dk=4..256*4", "jacobian_bound_violations", QK_HOLDS },
              { "gradient", "--sigma=0.1,4 --keys=2,3,64", "jacobian_spectral_max", QK_HOLDS }) },
  { .id = "dot-gradient-stable",
    .question = "Q4",
    .said = "\"dot product is gradient-stable in high dimension\"",
    .exact = "only with c = 1/√d: unscaled the median of ‖∂p/∂q‖ vanishes, and with 1/d all of it",
    .assumptions = "independent normal components, mean 0, variance 1; c = 1/√d_k",
    .status = QK_CONDITIONAL,
    .derivation = "see query-gradient",
    .checks
    = CHECKS ({ "gradient", "--dk=4,64 --scale=sqrt", "query_gradient_median_spread", QK_HOLDS },
              { "gradient", "--dk=4,64 --scale=sqrt", "query_gradient_mean_spread", QK_HOLDS },
              { "gradient", "--dk=4,64 --scale=dk", "query_gradient_median_spread", QK_FAILS }) },
  { .id = "sum-reference",
    .question = "arithmetic",
    .said = "(what the tool's own figures stand on)",
    .exact
    = "the sums behind the reported figures agree with exact and MPFR sums of the same samples "
      "to the digits that their proved bounds promise",
    .status = QK_TRUE,
    .derivation = "every sum is a chain of known length: an error of at most γ_n times the sum of "
                  "absolute terms, n its roundings",
    .source = "Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), ch. 3-4",
    .checks
    = CHECKS ({ "reference", "--whole variance softmax --dk=4", "sum_digits", QK_HOLDS },
              { "variance", "--dk=1,64,300 --tolerance=0.05 --reference", "sum_digits", QK_HOLDS },
              { "scale", "--dk=3,64 --tolerance=0.05 --reference", "sum_digits", QK_HOLDS },
              { "softmax", "--dk=16 --tolerance=0.05 --reference", "sum_digits", QK_HOLDS },
              { "gradient", "--dk=16 --tolerance=0.2 --reference", "sum_digits", QK_HOLDS }) },
  { .id = "head-parameters",
    .question = "Q1",
    .said = "several heads have about as many parameters as one",
    .exact = "with d_k = D/h: 3D² for W_Q, W_K, W_V, D² for W_O, and 4D biases, for every h that "
             "divides D; other d_k: 2D² + 2Dhd_k",
    .assumptions = "h divides D; values of D/h columns a head",
    .status = QK_TRUE,
    .derivation = "h matrices of D by D/h have D² entries, whatever h is",
    .source = "Vaswani et al. 2017, Table 3 (B): d_k = 16 and 32 in place of 64, D = 512, h = 8, "
              "18 attention blocks: 58 and 60 million parameters in place of 65",
    .checks
    = CHECKS ({ "heads", "--model-dim=512 --heads=1,2,4,8,16,32 --quantity=parameters,biases",
                "parameters", QK_HOLDS },
              { "heads", "--model-dim=512 --heads=1,2,4,8,16,32 --quantity=parameters,biases",
                "biases", QK_HOLDS },
              { "heads",
                "--model-dim=512 --heads=8 --dk=16,32,64 --layers=18 "
                "--quantity=parameters,parameters_saved",
                "parameters_saved", QK_HOLDS }) },
  { .id = "head-cost",
    .question = "Q1",
    .said = "the same cost, computed in parallel",
    .exact = "8nD² + 4n²D operations for every h (a multiply-add is two); only those of the "
             "softmax, 5hn², grow with h; what that is in time is measured beside it",
    .assumptions = "d_k = D/h",
    .status = QK_CONDITIONAL,
    .derivation = "four projections of n tokens, 2nD² operations each; scores and averages of h "
                  "heads, 2n²(D/h) each; h matrices of n² exponentials",
    .checks = CHECKS (
        { "heads", "--model-dim=512 --heads=1,2,4,8,16,32 --quantity=flops", "flops", QK_HOLDS },
        { "heads", "--model-dim=512 --heads=1,2,4,8,16,32 --quantity=softmax_flops",
          "softmax_flops", QK_HOLDS }) },
  { .id = "head-subspaces",
    .question = "Q1",
    .said = "heads look at different things",
    .exact = "independent logits: overlap E Σ p^a p^b = 1/n and Jensen–Shannon divergence at its "
             "exact value; heads that share X: overlap at least 1/n, and what is above falls with "
             "D; identical heads: overlap E Σp², divergence 0",
    .assumptions = "weights drawn independently for every head",
    .status = QK_TRUE,
    .derivation = "given X, heads are independent and alike: E Σ p^a p^b = E Σ_j (E[p_j | X])² ≥ "
                  "1/n by Cauchy and Schwarz, with equality where E[p_j | X] = 1/n",
    .checks = CHECKS (
        { "heads", "--keys=8,64 --heads=1 --sigma=1,4 --tolerance=0.02 --quantity=head_divergence",
          "head_divergence", QK_HOLDS },
        { "heads", "--keys=16 --model-dim=8,64 --heads=8 --quantity=head_overlap", "head_overlap",
          QK_HOLDS },
        { "heads", "--keys=16 --model-dim=8,64 --heads=8 --quantity=excess_slope", "excess_slope",
          QK_HOLDS }) },
  { .id = "head-mixture",
    .question = "Q1",
    .said = "one head has one pattern, several heads have several",
    .exact = "one row of weights gives one average of the values: of two keys' values it loses at "
             "least half, whatever the readout; two heads with weight at least 1 − ε on a key each "
             "keep both but for less than ε²",
    .assumptions = "white values, linear readout",
    .status = QK_TRUE,
    .derivation = "a readout of h averages keeps a projection of rank h of the values of all keys",
    .checks = CHECKS (
        { "heads", "--keys=2,3,64,4096 --quantity=mixture_error", "mixture_error", QK_HOLDS }) },
  { .id = "head-rank",
    .question = "Q1",
    .said = "(the other side)",
    .exact = "rank S ≤ d_k, so log P less its means over rows has rank at most d_k: with d_k < n−1 "
             "a head cannot realise every positive pattern; with d_k ≥ n−1 and X of rank n it can",
    .assumptions = "none for the bound; equality for X and weights of continuous law",
    .status = QK_TRUE,
    .derivation = "S = Q Kᵀ with d_k columns each; less its row means S has rank at most n − 1, "
                  "and any such matrix of that rank is X W_Q W_Kᵀ Xᵀ less its own",
    .source = "compare Bhojanapalli et al. 2020",
    .checks = CHECKS (
        { "heads", "--keys=24 --model-dim=32 --heads=1,4,16 --quantity=score_rank,pattern_rank",
          "score_rank", QK_HOLDS },
        { "heads", "--keys=24 --model-dim=32 --heads=1,4,16 --quantity=score_rank,pattern_rank",
          "pattern_rank", QK_HOLDS }) },
  { .id = "head-init",
    .question = "Q1",
    .said = "scores of each head have variance d_k",
    .exact = "that depends on the initialisation: weights of variance 1/D give d_k; Xavier of each "
             "head by itself d_k(2h/(h+1))²; Xavier of one packed 3D by D matrix d_k/4; variance "
             "1/(3D), a common default of linear layers, d_k/9",
    .assumptions = "components of tokens independent, mean 0, variance 1; two different tokens; "
                   "d_k = D/h",
    .status = QK_CONDITIONAL,
    .derivation = "Var s = d_k w² D² for weights of variance w",
    .checks = CHECKS ({ "heads",
                        "--model-dim=32 --heads=1,4 --tolerance=0.02 "
                        "--quantity=head_score_variance",
                        "head_score_variance", QK_HOLDS },
                      { "heads",
                        "--model-dim=32 --heads=4 --init=unit --dist=normal:sd=2 --tolerance=0.05 "
                        "--quantity=head_score_variance",
                        "head_score_variance", QK_FAILS }) },
  { .id = "head-training",
    .question = "Q1",
    .said = "several heads beat one",
    .exact = "exactly when a query needs several targets at once: loss floor max(0, 1−h/m), "
             "reached; no gain for one target; too many heads are worse",
    .assumptions = "one layer, equal parameters for every h",
    .status = QK_CONDITIONAL,
    .derivation = "Σ_h p^h ⊗ A^h of h heads has to meet m targets with the same p^h; training runs",
    .checks = CHECKS ({ "train", "heads --quantity=floor_violations,loss_difference",
                        "floor_violations", QK_HOLDS },
                      { "train", "heads --quantity=floor_violations,loss_difference",
                        "loss_difference", QK_HOLDS }) },
  { .id = "head-robustness",
    .question = "Q1",
    .said = "several heads are more robust",
    .exact = "losing one of h heads costs less than losing the only one; per removed dimension "
             "there is no advantage",
    .assumptions = "one layer, one target a query",
    .status = QK_CONDITIONAL,
    .derivation = "training runs",
    .checks = CHECKS (
        { "train", "removal --quantity=removal_difference", "removal_difference", QK_HOLDS }) },
  { .id = "shared-identity",
    .question = "Q2",
    .said = "QKᵀ = (WX)(WX)ᵀ = XᵀWᵀWX",
    .exact
    = "(WX)(WX)ᵀ = WXXᵀWᵀ is d_k × d_k, XᵀWᵀWX is QᵀK: with W = (1 2), X = I₂ the one is 5, the "
      "other (1 2; 2 4). Right: tokens as rows, S = XWWᵀXᵀ; as columns, S = QᵀK",
    .assumptions = "tokens as columns of X, Q = K = WX, as it is said",
    .status = QK_FALSE,
    .derivation
    = "(WX)ᵀ = XᵀWᵀ, so (WX)(WX)ᵀ = W X Xᵀ Wᵀ; it has the trace of XᵀWᵀWX, and its size "
      "only where d_k = n",
    .checks = CHECKS ({ "symmetry", "--quantity=counterexample", "counterexample", QK_HOLDS }) },
  { .id = "shared-symmetric",
    .question = "Q2",
    .said = "W_Q = W_K makes QKᵀ symmetric",
    .exact
    = "S = XWWᵀXᵀ is symmetric and positive semidefinite; ‖S−Sᵀ‖²/‖S‖² is exactly 0 when each "
      "score is summed in the same order",
    .assumptions = "W_Q = W_K, or Q = K = X",
    .status = QK_TRUE,
    .derivation = "S = QQᵀ, so Sᵀ = S and aᵀSa = ‖Qᵀa‖² ≥ 0; products of two numbers commute in "
                  "floating point too",
    .checks
    = CHECKS ({ "symmetry", "--weights=shared,none --quantity=asymmetry,negative_eigenvalues",
                "asymmetry", QK_HOLDS },
              { "symmetry", "--weights=shared,none --quantity=asymmetry,negative_eigenvalues",
                "negative_eigenvalues", QK_HOLDS },
              { "symmetry", "--weights=shared --expect=0.5..2 --quantity=asymmetry", "asymmetry",
                QK_FAILS }) },
  { .id = "separate-asymmetric",
    .question = "Q2",
    .said = "separate weights break the symmetry",
    .exact = "E‖S−Sᵀ‖²/E‖S‖² = 2(n−1)(D−1)/(nD+κ+2), whatever d_k (a ratio of expectations)",
    .assumptions = "independent W_Q, W_K with independent entries of mean 0; components of X "
                   "independent, mean 0, variance 1, excess kurtosis κ (normal: 0)",
    .status = QK_TRUE,
    .derivation
    = "E s_ij² ∝ E‖x_i‖²‖x_j‖² = D², E s_ij s_ji ∝ E(x_i·x_j)² = D for i ≠ j; E s_ii² ∝ E‖x‖⁴ = "
      "D² + D(κ+2); all with the same factor d_k/D²",
    .checks
    = CHECKS ({ "symmetry",
                "--weights=separate --keys=8,64 --dk=4,16,64 --tolerance=0.02 --quantity=asymmetry",
                "asymmetry", QK_HOLDS },
              { "symmetry",
                "--weights=separate --keys=3 --model-dim=2,5 --dk=4 --tolerance=0.03 "
                "--quantity=asymmetry",
                "asymmetry", QK_HOLDS },
              { "symmetry",
                "--weights=separate --dist=laplace --keys=3 --tolerance=0.02 --quantity=asymmetry",
                "asymmetry", QK_HOLDS },
              { "symmetry", "--weights=separate --dist=normal:mean=1 --quantity=asymmetry",
                "asymmetry", QK_FAILS }) },
  { .id = "separate-expressive",
    .question = "Q2",
    .said = "sharing limits what can be expressed",
    .exact = "{WWᵀ} is the positive semidefinite forms of rank ≤ d_k, a proper subset of "
             "{W_Q W_Kᵀ}, all forms of rank ≤ d_k",
    .assumptions = "W_Q, W_K any D × d_k matrices",
    .status = QK_TRUE,
    .derivation
    = "the singular value decomposition of a form of rank ≤ d_k gives W_Q and W_K, that of a "
      "semidefinite one W; random W_Q W_Kᵀ has rank min(d_k, D), and its symmetric part has "
      "negative eigenvalues, d_k where 2d_k ≤ D",
    .checks = CHECKS ({ "symmetry", "--dk=4,8,16,64 --quantity=form_rank,negative_eigenvalues",
                        "form_rank", QK_HOLDS },
                      { "symmetry", "--dk=4,8,16,64 --quantity=form_rank,negative_eigenvalues",
                        "negative_eigenvalues", QK_HOLDS }) },
  { .id = "diagonal-forced",
    .question = "Q2",
    .said = "symmetry forces each position to score itself highest",
    .exact
    = "x₁ = (1,0), x₂ = (2,0) give s₁₁ = 1 < s₁₂ = 2. Positive semidefinite S has |s_ij| ≤ "
      "max(s_ii, s_jj); rows of Q and K of one length make every row diagonal-maximal; equal ‖x_i‖ "
      "suffice only for Q = K = X or WWᵀ ∝ I. Normal X: P(argmax_j s_ij = i) = E Φ(‖x‖)^(n−1) → 1 "
      "for Q = K = X; with shared random W the smaller E Φ(‖q‖²/√(qᵀΣq))^(n−1), Σ = WᵀW",
    .assumptions = "probabilities: independent standard normal components of X and entries of W",
    .status = QK_FALSE,
    .derivation
    = "|s_ij| ≤ ‖q_i‖‖q_j‖ (Cauchy–Schwarz). Given x_i and W the other scores of row i are "
      "independent normal: ‖q‖²/√(qᵀΣq) is ‖x‖√B, B ~ Beta(d_k/2, (D−1)/2) independent of ‖x‖",
    .checks = CHECKS (
        { "symmetry", "--quantity=counterexample", "counterexample", QK_HOLDS },
        { "symmetry", "--weights=none --keys=8,64,512 --dk=1,4,16,64 --quantity=diagonal_argmax",
          "diagonal_argmax", QK_HOLDS },
        { "symmetry", "--tolerance=0.02 --quantity=diagonal_argmax,diagonal_bound_violations",
          "diagonal_argmax", QK_HOLDS },
        { "symmetry", "--tolerance=0.02 --quantity=diagonal_argmax,diagonal_bound_violations",
          "diagonal_bound_violations", QK_HOLDS },
        { "symmetry", "--weights=shared,none --norm=qk --quantity=diagonal_argmax",
          "diagonal_argmax", QK_HOLDS },
        { "symmetry",
          "--weights=shared,none --dk=4,16 --norm=rms --tolerance=0.02 --quantity=diagonal_argmax",
          "diagonal_argmax", QK_HOLDS },
        { "symmetry",
          "--weights=shared,none --dk=4,16 --norm=layer --tolerance=0.02 "
          "--quantity=diagonal_argmax",
          "diagonal_argmax", QK_HOLDS },
        { "symmetry", "--weights=none --dk=4 --dist=normal:mean=1 --quantity=diagonal_argmax",
          "diagonal_argmax", QK_FAILS }) },
  { .id = "shared-directed",
    .question = "Q2",
    .said = "a symmetric score gives symmetric attention",
    .exact
    = "p is not symmetric: p_AB/p_BA = Z_B/Z_A, only the normaliser differs; it is reversible "
      "(π_i ∝ Z_i), and symmetric only where all Z_i are equal",
    .assumptions = "S symmetric, p = softmax by rows",
    .status = QK_CONDITIONAL,
    .derivation = "p_ij = e^(s_ij)/Z_i, and s_ij = s_ji",
    .checks
    = CHECKS ({ "symmetry", "--weights=shared,none --dk=1,16,64 --quantity=normaliser_ratio_error",
                "normaliser_ratio_error", QK_HOLDS },
              { "symmetry", "--quantity=counterexample", "counterexample", QK_HOLDS }) },
  { .id = "self-score",
    .question = "Q2",
    .said = "Q = K = X: only raw similarity",
    .exact
    = "E s_ii = d, Var s_ii = d(κ+2) (2d for normal); off the diagonal mean 0, variance d: the "
      "diagonal stands √d standard deviations above",
    .assumptions = "Q = K = X, independent components of mean 0 and variance 1",
    .status = QK_TRUE,
    .derivation = "s_ii = Σ x_a², of mean 1 and variance κ+2 each",
    .checks
    = CHECKS ({ "symmetry",
                "--weights=none --keys=16 "
                "--quantity=self_score_mean,self_score_variance,off_diagonal_variance",
                "self_score_mean", QK_HOLDS },
              { "symmetry",
                "--weights=none --keys=16 "
                "--quantity=self_score_mean,self_score_variance,off_diagonal_variance",
                "self_score_variance", QK_HOLDS },
              { "symmetry",
                "--weights=none --keys=16 "
                "--quantity=self_score_mean,self_score_variance,off_diagonal_variance",
                "off_diagonal_variance", QK_HOLDS },
              { "symmetry",
                "--weights=none --keys=16 --dk=4 --dist=uniform --quantity=self_score_variance",
                "self_score_variance", QK_HOLDS },
              { "symmetry",
                "--weights=separate,shared --keys=16 --model-dim=16 --dk=4 "
                "--quantity=self_score_variance,off_diagonal_variance",
                "self_score_variance", QK_HOLDS },
              { "symmetry",
                "--weights=separate,shared --keys=16 --model-dim=16 --dk=4 "
                "--quantity=self_score_variance,off_diagonal_variance",
                "off_diagonal_variance", QK_HOLDS },
              { "symmetry", "--weights=none --dk=16 --dist=normal:sd=2 --quantity=self_score_mean",
                "self_score_mean", QK_FAILS }) },
  { .id = "separate-parameters",
    .question = "Q2",
    .said = "independent W_K doubles the parameters of the pair",
    .exact = "2·D·d_k against D·d_k",
    .status = QK_TRUE,
    .derivation = "W_Q and W_K are D × d_k each",
    .checks = CHECKS (
        { "symmetry", "--model-dim=512 --dk=64 --quantity=parameters", "parameters", QK_HOLDS }) },
  { .id = "gradient-coupling",
    .question = "Q2",
    .said = "shared weights couple the gradients",
    .exact = "dL/dW of the shared matrix is the sum of the two gradients of the separate ones",
    .assumptions = "L any differentiable function of S",
    .status = QK_TRUE,
    .derivation
    = "the chain rule along W ↦ (W, W); checked by differences along random directions, "
      "with dL/dS a random matrix",
    .checks = CHECKS ({ "symmetry", "--weights=shared --dk=1,16,64 --quantity=gradient_sum_error",
                        "gradient_sum_error", QK_HOLDS }) },
  { .id = "shared-training",
    .question = "Q2",
    .said = "shared weights cannot learn directed relations",
    .exact
    = "a directed chain is learned perfectly; a directed cycle cannot be: log loss ≥ ln 2, "
      "accuracy ≤ 2/3, exactly; separate weights reach 0; several shared heads get round it, "
      "to ln 1.5 at best",
    .assumptions = "one layer, W_Q = W_K, triples of tokens",
    .status = QK_FALSE,
    .derivation = "for symmetric S the margins of a triple sum to 0; Jensen",
    .checks = CHECKS (
        { "train", "cycle --arm=shared,separate,chain,pairs,self --quantity=final_loss,accuracy",
          "final_loss", QK_HOLDS },
        { "train", "cycle --arm=shared,separate,chain,pairs,self --quantity=final_loss,accuracy",
          "accuracy", QK_HOLDS },
        { "train", "cycle --quantity=floor_violations", "floor_violations", QK_HOLDS },
        { "train", "cycle --arm=shared --expect=0..0.1 --quantity=final_loss", "final_loss",
          QK_FAILS }) },
  { .id = "additive-complexity",
    .question = "Q3",
    .said = "dot product and additive scores are both O(n²d)",
    .exact
    = "operations (a multiply-add is two): dot product 2n²d; additive 4nd·h + 3n²h, and n²h tanh, "
      "h hidden units: of the same order only where h = Θ(d) and n is at least of the order of d, "
      "or where projections are counted on both sides",
    .assumptions = "n queries and n keys of d components",
    .status = QK_CONDITIONAL,
    .derivation
    = "Wq for n queries and Uk for n keys: 2·2nd·h; an addition and a multiply-add with "
      "v for each pair and unit: 3n²h",
    .checks
    = CHECKS ({ "additive",
                "--keys=16,64,1024 --quantity=dot_operations,additive_operations,additive_tanhs",
                "dot_operations", QK_HOLDS },
              { "additive",
                "--keys=16,64,1024 --quantity=dot_operations,additive_operations,additive_tanhs",
                "additive_operations", QK_HOLDS },
              { "additive",
                "--keys=16,64,1024 --quantity=dot_operations,additive_operations,additive_tanhs",
                "additive_tanhs", QK_HOLDS }) },
  { .id = "additive-slower",
    .question = "Q3",
    .said = "additive scores are slower in practice",
    .exact = "time of additive scores over that of dot products, same machine, same run, both "
             "vectorised: above 1",
    .assumptions = "as many hidden units as d; with one unit and d = 64 it is below 1",
    .status = QK_TRUE,
    .derivation
    = "measured; a unit of an additive score takes a tanh where a dot product takes one "
      "multiply-add",
    .checks = CHECKS (
        { "additive", "--dk=16,64 --keys=64,256 --quantity=time_ratio", "time_ratio", QK_HOLDS }) },
  { .id = "additive-memory",
    .question = "Q3",
    .said = "dot products need the projections only, additive scores store W_q, W_k and v as well",
    .exact
    = "both have two projections; with h = d the only parameters more are v, d numbers: 2d² + d "
      "against 2d². What costs are the n²h intermediates, where they are stored",
    .status = QK_FALSE,
    .derivation = "W and U are h × d, W_Q and W_K to d dimensions d × d; kernels need not store "
                  "tanh(Wq + Uk)",
    .checks = CHECKS ({ "additive", "--quantity=parameters,dot_parameters,intermediate_bytes",
                        "parameters", QK_HOLDS },
                      { "additive", "--quantity=parameters,dot_parameters,intermediate_bytes",
                        "dot_parameters", QK_HOLDS },
                      { "additive", "--quantity=parameters,dot_parameters,intermediate_bytes",
                        "intermediate_bytes", QK_HOLDS }) },
  { .id = "additive-needs-tanh",
    .question = "Q3",
    .said = "why not plain addition",
    .exact = "without the tanh the score is f(q) + g(k), and the softmax over keys is the same for "
             "every query",
    .status = QK_TRUE,
    .derivation
    = "vᵀ(Wq + Uk) = vᵀWq + vᵀUk; the softmax does not see what all keys have in common",
    .checks
    = CHECKS ({ "additive", "--dk=1,16,64 --quantity=query_dependence,tanh_query_dependence",
                "query_dependence", QK_HOLDS },
              { "additive", "--dk=1,16,64 --quantity=query_dependence,tanh_query_dependence",
                "tanh_query_dependence", QK_HOLDS }) },
  { .id = "dot-geometry",
    .question = "Q3",
    .said = "the dot product is an unnormalised cosine",
    .exact = "s = ‖q‖‖k‖cos θ; Var(cos θ) = 1/d; for d ≥ 2 (1+cos θ)/2 ~ Beta((d−1)/2, (d−1)/2), "
             "for d = 1 cos θ = ±1",
    .assumptions = "q and k independent, neither 0, one of them normal with mean 0: its direction "
                   "is anywhere",
    .status = QK_TRUE,
    .derivation = "the squared coordinates of a direction have equal means and sum 1; the density "
                  "of one coordinate is ∝ (1 − t²)^((d−3)/2)",
    .checks = CHECKS ({ "additive", "--dk=1,2,3,64,1024 --quantity=cosine_variance,cosine_law",
                        "cosine_variance", QK_HOLDS },
                      { "additive", "--dk=1,2,3,64,1024 --quantity=cosine_variance,cosine_law",
                        "cosine_law", QK_HOLDS }) },
  { .id = "dot-alignment",
    .question = "Q3",
    .said = "the dot product directly measures alignment",
    .exact = "not where norms differ: q = (1,0), k₁ = (1,0): cosine 1, score 1; k₂ = (2,2): cosine "
             ".71, score 2. True among keys of equal norm",
    .status = QK_FALSE,
    .derivation = "s_j = ‖q‖‖k_j‖cos θ_j; with equal ‖k_j‖ scores are cosines times one positive "
                  "number",
    .checks = CHECKS ({ "additive", "--quantity=counterexample", "counterexample", QK_HOLDS }) },
  { .id = "additive-variance",
    .question = "Q3",
    .said = "(why additive scores need no 1/√d_k)",
    .exact
    = "Var vᵀtanh(Wq + Uk) = (2d/(d+1)) E tanh²(√τ Z), τ = χ²_2d/d, → 1.0400; .4720 of it is "
      "common "
      "to all keys of a query, so the softmax sees .5679; |s| ≤ ‖v‖₁; proportional to the number "
      "of hidden units where v is not scaled",
    .assumptions = "components of q and k independent, standard normal; W, U normal with variance "
                   "1/d; v of mean 0 and variance 2/(h+1), h = d hidden units",
    .status = QK_CONDITIONAL,
    .derivation = "given q and k the (Wq + Uk)_c are independent N(0, τ), τ = (‖q‖² + ‖k‖²)/d; two "
                  "keys of one query share Wq",
    .checks = CHECKS ({ "additive",
                        "--dk=1,4,16,64,256 --quantity=additive_variance,additive_row_variance "
                        "--tolerance=0.02",
                        "additive_variance", QK_HOLDS },
                      { "additive",
                        "--dk=1,4,16,64,256 --quantity=additive_variance,additive_row_variance "
                        "--tolerance=0.02",
                        "additive_row_variance", QK_HOLDS },
                      { "additive", "--dk=1,16,64 --unscaled --quantity=additive_bound_violations",
                        "additive_bound_violations", QK_HOLDS },
                      { "additive",
                        "--dk=16,64,256 --unscaled --quantity=additive_variance --tolerance=0.02",
                        "additive_variance", QK_HOLDS },
                      { "additive", "--dk=64 --expect=0.99..1.01 --quantity=additive_variance",
                        "additive_variance", QK_FAILS },
                      { "additive", "--dk=64 --dist=normal:sd=4 --quantity=additive_variance",
                        "additive_variance", QK_FAILS }) },
  { .id = "additive-saturates",
    .question = "Q3",
    .said = "(the other side)",
    .exact
    = "the tanh can saturate in place of the softmax: the share of |tanh| > 0.99 is E "
      "2Φ(−2.6467/(σ√τ)), σ the deviation of the inputs: the same for all large d, → 1 with σ",
    .assumptions = "as for additive-variance, components of any deviation σ",
    .status = QK_CONDITIONAL,
    .derivation = "|tanh x| > .99 where |x| > ln(199)/2 = 2.6467, and x ~ N(0, σ²τ)",
    .checks
    = CHECKS ({ "additive", "--dk=1,16,256 --quantity=tanh_saturated", "tanh_saturated", QK_HOLDS },
              { "additive", "--dk=64 --dist=normal:sd=4 --quantity=tanh_saturated",
                "tanh_saturated", QK_HOLDS },
              { "additive", "--dk=64 --dist=normal:sd=100 --quantity=tanh_saturated",
                "tanh_saturated", QK_HOLDS }) },
  { .id = "additive-asymmetric",
    .question = "Q3",
    .said = "additive scores are more flexible for asymmetric relations",
    .exact = "dot products with W_Q ≠ W_K are asymmetric already; but additive score matrices are "
             "not limited to rank h, as dot products are to rank d: tanh(a_i + b_j) has full rank "
             "for almost all a and b, already with one unit",
    .status = QK_CONDITIONAL,
    .derivation = "a staircase of ±1 has full rank, and the determinant is analytic in a and b",
    .checks = CHECKS (
        { "additive", "--dk=1,4,64 --keys=16,64 --hidden=1,8 --quantity=score_rank,dot_score_rank",
          "score_rank", QK_HOLDS },
        { "additive", "--dk=1,4,64 --keys=16,64 --hidden=1,8 --quantity=score_rank,dot_score_rank",
          "dot_score_rank", QK_HOLDS }) },
  { .id = "low-dimension",
    .question = "Q3",
    .said = "additive can be better at small d_k",
    .exact
    = "on matching tasks additive is equal or worse at small d (d = 1: at most 1/16 against 2/16 "
      "right, exactly); it beats unscaled dot product at large d and ties scaled; it wins where "
      "the relation is not bilinear, at every d ≥ 2",
    .assumptions = "one layer, 16 queries and keys",
    .status = QK_FALSE,
    .derivation
    = "at d = 1 the additive score rises or falls with k whatever q, and q k is best at "
      "the largest or the smallest k; training runs",
    .checks = CHECKS (
        { "train", "lowdim --quantity=floor_violations", "floor_violations", QK_HOLDS },
        { "train", "lowdim --dk=2,64 --quantity=loss_difference", "loss_difference", QK_HOLDS },
        { "train", "lowdim --dk=64 --arm=number_additive --quantity=final_loss", "final_loss",
          QK_HOLDS }) },
  { .id = "dot-error",
    .question = "arithmetic",
    .said = "(what the tool's own figures stand on)",
    .exact
    = "recursive dot product: error ≤ γ_d Σ|q_i k_i|; random data, to nearest: rms "
      "u√(v(d²/2+1.5d−1)), v = 1/(8 ln 2), about .30 u √d times sd(s), and no bias; pairwise, "
      "Kahan, Neumaier, Dot2 each within its own bound, Dot2 with full precision up to condition "
      "numbers of 1/u. Truncation is biased",
    .assumptions = "nothing overflows; bounds: n u < 1; rms and bias: independent components, mean "
                   "0, rounding to nearest",
    .status = QK_TRUE,
    .derivation = "every operation errs by a factor 1 + δ, |δ| ≤ u; the d products and the sums of "
                  "2, ..., d of them have Σ variances d²/2 + 1.5d − 1, and the relative error of "
                  "one has variance v u² over log-uniform significands",
    .source
    = "Higham, Accuracy and stability of numerical algorithms (2002), 3 and 4; Ogita, Rump, "
      "Oishi, SIAM J. Sci. Comput. 26 (2005)",
    .checks = CHECKS (
        { "reference", "--dk=4,64 --format-in=binary32,binary16", "error_rms_u", QK_HOLDS },
        { "reference", "--dk=4,64 --format-in=binary32,binary16", "error_bias", QK_HOLDS },
        { "reference", "--dk=4,64 --format-in=binary32,binary16", "error_over_bound", QK_HOLDS },
        { "reference", "--dk=16 --format-in=binary16 --format-acc=binary32 --algorithm=all",
          "error_over_bound", QK_HOLDS },
        { "reference", "--dk=16 --format-in=binary64 --algorithm=pairwise,dot2,tile", "error_rms_u",
          QK_HOLDS },
        { "reference", "--condition=1e8,1e16,1e32", "error_over_bound", QK_HOLDS },
        { "reference", "--dk=64 --format-in=binary32 --rounding=zero", "error_bias", QK_FAILS }) },
  { .id = "softmax-error",
    .question = "arithmetic",
    .said = "(implied)",
    .exact
    = "shifted softmax: relative error of a weight at most (n + 2ε + 2(x_max − x_min))u + O(u²), ε "
      "the relative error of exp in units of u; more exactly (n + 2ε + a_i + Σ p_j a_j)u, "
      "a_i = x_max − x_i, and one u more with the reciprocal of the sum",
    .assumptions = "recursive sum; what underflows errs in absolute terms only",
    .status = QK_TRUE,
    .derivation = "the weight comes out as p_i e^t: n − 1 additions, a division, exp above and "
                  "below, and the rounded differences, which move exp by a_i u",
    .source = "Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021)",
    .checks = CHECKS (
        { "reference", "--quantity=softmax_error_over_bound --format-in=all --scale=none,sqrt",
          "softmax_error_over_bound", QK_HOLDS },
        { "reference",
          "--quantity=softmax_error_over_bound --keys=2,512 --format-in=binary16,bfloat16 "
          "--rounding=zero --scale=sqrt",
          "softmax_error_over_bound", QK_HOLDS }) },
  { .id = "format-overflow",
    .question = "arithmetic",
    .said = "low precision overflows without scaling",
    .exact = "the score of components of variance 1 never overflows binary16: log10 P < −25000 for "
             "d ≤ 4096; what does is exp without the shift by the maximum, P = .9911 at d = 64 and "
             "64 keys, and the sum of exps sooner still, .9969",
    .assumptions = "independent normal components, mean 0, variance 1",
    .status = QK_FALSE,
    .derivation
    = "given q, the scores are independent N(0, ‖q‖²): P = 1 − E Φ(t/‖q‖)^n, ‖q‖ ~ χ_d; "
      "half of the queries have a score that overflows only at variance 3230",
    .checks = CHECKS (
        { "reference", "--quantity=counterexample", "counterexample", QK_HOLDS },
        { "reference", "--dk=64,1024,4096 --quantity=overflow_score_log10", "overflow_score_log10",
          QK_HOLDS },
        { "reference",
          "--dk=64 --format-in=binary16 --quantity=overflow_score,overflow_exp,overflow_sum",
          "overflow_score", QK_HOLDS },
        { "reference",
          "--dk=64 --format-in=binary16 --quantity=overflow_score,overflow_exp,overflow_sum",
          "overflow_exp", QK_HOLDS },
        { "reference",
          "--dk=64 --format-in=binary16 --quantity=overflow_score,overflow_exp,overflow_sum",
          "overflow_sum", QK_HOLDS },
        { "reference", "--dk=64 --format-in=binary16 --quantity=overflow_score --dist=normal:sd=57",
          "overflow_score", QK_FAILS }) },
  { .id = "unscaled-in-paper",
    .question = "Q4",
    .said = "\"in the original paper, training without scaling is clearly unstable\"",
    .exact = "the paper has no run without scaling: its section 3.2.1 says \"we suspect\". Nearest "
             "evidence: an unscaled dot product in a recurrent model loses 4 BLEU points between "
             "256 and 1024 dimensions",
    .status = QK_FALSE,
    .derivation = "a statement about what a paper contains: none but reading it",
    .source = VASWANI "; " BRITZ,
    .checks = NO_CHECKS,
    .published
    = PUBLISHED ({ "no run without the scale; \"we suspect\" that large products push the softmax "
                   "where its gradients are small",
                   NULL, "Vaswani et al. (2017), section 3.2.1" },
                 { "BLEU on newstest2013, unscaled dot product, 256 dimensions", "22.33",
                   "Britz et al. (2017), table of attention mechanisms" },
                 { "the same, 1024 dimensions", "18.22", "the same table" }) },
  { .id = "shared-quality",
    .question = "Q2",
    .said = "BLEU drops 1-2 % with shared weights",
    .exact
    = "no source for it. Mixed evidence: Reformer, whose shared keys are normalised and whose "
      "positions do not attend to themselves, reports no loss; a replication did not reach the "
      "quality of separate weights; a symmetric BERT was reported worse, and a little better with "
      "pairwise coefficients",
    .status = QK_CITED,
    .derivation = "a statement about the quality of trained models: published results alone",
    .source = "Kitaev, Kaiser, Levskaya, Reformer: The Efficient Transformer (2020); Courtois et "
              "al., Symmetric Dot-Product Attention for Efficient Training of BERT Language Models "
              "(2024)",
    .checks = NO_CHECKS,
    .published = PUBLISHED (
        { "shared queries and keys: no loss reported", NULL, "Kitaev et al. (2020), section 5" },
        { "a replication could not match a Transformer with separate weights", NULL,
          "fast.ai community, ML Reproducibility Challenge 2020: Reformer (2021)" },
        { "GLUE, BERT with separate weights", "78.74", "Courtois et al. (2024)" },
        { "GLUE, BERT with symmetric scores and pairwise coefficients", "79.36",
          "Courtois et al. (2024)" }) },
  { .id = "head-quality",
    .question = "Q1",
    .said = "BLEU +1-2 % over one head",
    .exact = "in the paper 8 and 16 heads are 0.9 BLEU points, 3.6 %, above one, and 32 heads are "
             "worse again: not monotone in h",
    .assumptions = "the base model of the paper, h d_k = 512 throughout; newstest2013",
    .status = QK_FALSE,
    .derivation = "25.8 − 24.9 = 0.9; 0.9/24.9 = 3.6 %",
    .source = VASWANI,
    .checks = NO_CHECKS,
    .published
    = PUBLISHED ({ "BLEU on newstest2013, 1 head", "24.9", "Vaswani et al. (2017), Table 3 (A)" },
                 { "4 heads", "25.5", "the same" }, { "8 heads", "25.8", "the same, base model" },
                 { "16 heads", "25.8", "the same" }, { "32 heads", "25.4", "the same" }) },
  { .id = "single-head-fails",
    .question = "Q1",
    .said = "one head cannot do the task",
    .exact = "a model with one head translates at 24.9 BLEU, 0.9 points below the best number of "
             "heads",
    .assumptions = "the base model of the paper, one head of 512 dimensions; newstest2013",
    .status = QK_FALSE,
    .derivation = "one published run with one head is enough",
    .source = VASWANI,
    .checks = NO_CHECKS,
    .published
    = PUBLISHED ({ "BLEU on newstest2013, 1 head", "24.9", "Vaswani et al. (2017), Table 3 (A)" },
                 { "8 heads", "25.8", "the same, base model" }) },
  { .id = "head-roles",
    .question = "Q1",
    .said = "visualised heads have different roles",
    .exact
    = "for: some heads of trained models follow syntax or position (Voita et al. 2019, Clark "
      "et al. 2019); against: many heads can be removed at little cost (Michel et al. 2019; "
      "Voita et al. themselves)",
    .status = QK_CITED,
    .derivation = "a statement about trained models: published results alone",
    .source = "Voita et al., Analyzing Multi-Head Self-Attention (2019); Clark et al., What Does "
              "BERT Look At? (2019); Michel, Levy, Neubig, Are Sixteen Heads Really Better than "
              "One? (2019)",
    .checks = NO_CHECKS,
    .published
    = PUBLISHED ({ "% of direct objects of verbs that one head of BERT finds", "86.8",
                   "Clark et al. (2019), table of dependency relations" },
                 { "% of determiners of nouns that another finds", "94.3", "the same" },
                 { "BLEU lost when 38 of 48 heads of the encoder are removed", "0.15",
                   "Voita et al. (2019), abstract" },
                 { "% of the heads of BERT that can be removed without a noticeable loss", "40",
                   "Michel et al. (2019)" }) },
  { .id = "dot-better",
    .question = "Q3",
    .said = "\"in the original paper's ablation dot product is clearly better\"",
    .exact = "the paper has no run with additive attention; its section 3.2.1 says that additive "
             "attention outperforms the unscaled dot product for larger d_k. Measured elsewhere, "
             "additive attention is level at 256 dimensions and ahead at 128, 512 and 1024",
    .status = QK_FALSE,
    .derivation = "a statement about what a paper contains: none but reading it",
    .source = VASWANI "; " BRITZ,
    .checks = NO_CHECKS,
    .published
    = PUBLISHED ({ "no run with additive attention", NULL, "Vaswani et al. (2017), Table 3" },
                 { "BLEU on newstest2013, unscaled dot product, 128 dimensions", "22.03",
                   "Britz et al. (2017), table of attention mechanisms" },
                 { "256 dimensions", "22.33", "the same table" },
                 { "512 dimensions", "21.78", "the same table" },
                 { "1024 dimensions", "18.22", "the same table" },
                 { "additive, 128 dimensions", "22.23", "the same table" },
                 { "256 dimensions", "22.33", "the same table" },
                 { "512 dimensions", "22.47", "the same table" },
                 { "1024 dimensions", "22.10", "the same table" }) },
  { .id = "additive-obsolete",
    .question = "Q3",
    .said = "additive attention has been abandoned",
    .exact
    = "it is still in use where keys and queries are few or the graph of who attends to whom "
      "is sparse: graph attention networks",
    .status = QK_CITED,
    .derivation = "one use in print is enough",
    .source = "Veličković et al., Graph Attention Networks (2018); Brody, Alon, Yahav, How "
              "Attentive are Graph Attention Networks? (2022)",
    .checks = NO_CHECKS,
    .published = PUBLISHED ({ "GAT scores neighbours by a linear map of both, added", NULL,
                              "Veličković et al. (2018), section 2.1" },
                            { "GATv2 puts the nonlinearity between, as additive attention does",
                              NULL, "Brody et al. (2022), section 3" }) },
  { 0 }
};

const struct qk_claim *
qk_claim_find (const char *id)
{
  for (const struct qk_claim *c = qk_claims; c->id; c++)
    if (!strcmp (c->id, id))
      return c;
  return NULL;
}

const char *
qk_claim_word (size_t i)
{
  return qk_claims[i].id;
}

static bool
lists (const struct qk_list *list, size_t value)
{
  for (size_t i = 0; i < list->n; i++)
    if (list->value[i] == (double)value)
      return true;
  return list->n == 0;
}

/* Whether the options leave row c, whose question stands at place q of the words; or which leaves
   it out.  */
static const char *
left_out (const struct qk_claim *c, size_t q, const struct qk_params *p)
{
  return !lists (&p->question, q) ? "question" : !lists (&p->status, c->status) ? "status" : NULL;
}

static size_t
question_place (const struct qk_claim *c)
{
  size_t q = 0;
  while (strcmp (qk_question_words[q], c->question))
    q++;
  return q;
}

const char *
qk_claim_asks (const struct qk_claim *claim)
{
  return qk_questions[question_place (claim)];
}

const struct qk_claim **
qk_claims_select (size_t *n, const struct qk_params *params, char why[static QK_WHY])
{
  size_t all = sizeof qk_claims / sizeof *qk_claims;
  const struct qk_claim **row = calloc (all, sizeof *row);
  *n = 0;
  if (!row)
    qk_complain (why, "out of memory");
  for (size_t i = 0; row && params->operand[i]; i++)
    {
      const struct qk_claim *c = qk_claim_find (params->operand[i]);
      const char *option = left_out (c, question_place (c), params);
      size_t j = 0;
      while (j < *n && row[j] != c)
        j++;
      if (option)
        {
          qk_complain (why, "--%s: leaves out '%s', a row of %s whose status is %s", option, c->id,
                       c->question, qk_status_name (c->status));
          free (row);
          return NULL;
        }
      row[j] = c;
      *n += j == *n;
    }
  for (size_t q = 0; row && !params->operand[0] && qk_question_words[q]; q++)
    for (const struct qk_claim *c = qk_claims; c->id; c++)
      if (question_place (c) == q && !left_out (c, q, params))
        row[(*n)++] = c;
  return row;
}

const char *
qk_status_name (enum qk_status status)
{
  return qk_status_words[status];
}

const char *
qk_claim_command (const struct qk_claim *claim)
{
  return qk_claim_published (claim) ? "claims" : claim->checks->command;
}

bool
qk_claim_published (const struct qk_claim *claim)
{
  return !claim->checks->command;
}

const char *
qk_class_meaning (const char *class)
{
  static const char *const meanings[][2]
      = { { "none", "machine-checked, without axioms" },
          { "reals", "machine-checked, over the classical axioms of Coq's real numbers" },
          { "mathcomp", "machine-checked, over the classical axioms of mathcomp-analysis" },
          { "paper", "derived in words" },
          { "measured", "no theorem: a run settles it" },
          { "cited", "no theorem: only literature can say" },
          { NULL, NULL } };
  size_t i = 0;
  while (meanings[i][0] && strcmp (meanings[i][0], class))
    i++;
  return meanings[i][1];
}
