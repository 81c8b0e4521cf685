/* qk.h -- enclosure, band, verdict: the plain values every judgement is made of.

   This is layer 0.  Nothing here samples, allocates or prints.  */

#ifndef QK_H
#define QK_H

/* Functions that can fail return 0, or -1 with one sentence in why.  */
#define QK_WHY 256

enum qk_verdict
{
  QK_DESCRIBED, /* measured, not judged */
  QK_HOLDS,     /* the whole enclosure lies in the band */
  QK_FAILS,     /* enclosure and band are disjoint */
  QK_UNDECIDED, /* they overlap: not knowing is an answer */
  QK_INVALID    /* a NaN or an empty interval: trouble, never a verdict */
};

/* What a statement allows.  Infinite ends are unbounded.  */
struct qk_band
{
  double lo, hi;
};

/* What was measured: the true value lies in [lo, hi] but for a stated chance of error.
   std_error is NaN where the method has none, infinite where no number of samples would narrow the
   interval.  */
struct qk_enclosure
{
  double estimate, std_error, lo, hi;
};

/* The one rule by which everything is judged.  */
enum qk_verdict qk_verdict_decide (struct qk_enclosure e, struct qk_band b);

/* "holds", "fails", "undecided"; NULL for QK_DESCRIBED and QK_INVALID.  */
const char *qk_verdict_name (enum qk_verdict v);

/* claim (1+t)^(+-1), for positive quantities; t >= 0.  */
struct qk_band qk_band_ratio (double claim, double t);

/* claim +- width; width >= 0.  */
struct qk_band qk_band_absolute (double claim, double width);

/* The band of an excess kurtosis: (3 + exact) (1+5t)^(+-1) - 3.  */
struct qk_band qk_band_kurtosis (double exact, double t);

/* The band of a log-log slope over [x_min, x_max]: exact +- 2 ln (1+t) / ln (x_max / x_min).  */
struct qk_band qk_band_slope (double exact, double t, double x_min, double x_max);

/* At most width; the quantity is never negative.  */
struct qk_band qk_band_most (double width);

/* At least that; the claim itself and nothing else.  */
struct qk_band qk_band_least (double least);
struct qk_band qk_band_equal (double claim);

/* What is known without sampling: x, which errs by at most room.  */
struct qk_enclosure qk_enclosure_known (double x, double room);

#endif
