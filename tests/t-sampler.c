/* t-sampler.c -- tests of sampler.c: texts, exact moments, transforms against MPFR.  */

#include "sampler.h"
#include "support.h"
#include "polynomials.h"

#include <inttypes.h>
#include <math.h>
#include <mpfr.h>
#include <string.h>

static struct qk_law
parse (const char *text)
{
  struct qk_law law;
  char why[QK_WHY];
  ck_assert_msg (qk_law_parse (&law, text, why) == 0, "%s: %s", text, why);
  return law;
}

/* Texts.  */

START_TEST (reads_and_writes)
{
  static const struct
  {
    const char *text, *canonical;
  } row[] = {
    { "normal", "normal" },
    { "normal:mean=0.5,sd=2", "normal:mean=0.5,sd=2" },
    { "normal:sd=2,mean=0.5", "normal:mean=0.5,sd=2" },
    { "normal:sd=1,mean=-0", "normal" },
    { "uniform:mean=-2.385", "uniform:mean=-2.385" },
    { "rademacher:sd=1e-6", "rademacher:sd=1e-06" },
    { "laplace:sd=+.25", "laplace:sd=0.25" },
    { "exponential:mean=1e6", "exponential:mean=1e+06" },
    { "student:nu=10", "student:nu=10" },
    { "student:sd=3,nu=4.5", "student:nu=4.5,sd=3" },
    { "sparse:p=0.1", "sparse:p=0.1" },
    { "sparse:p=1", "sparse:p=1" },
    { "sparse:p=0.30000000000000004", "sparse:p=0.30000000000000004" },
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    {
      struct qk_law law = parse (row[i].text), again;
      char text[128], small[9];
      int length = qk_law_format (text, sizeof text, &law);
      ck_assert_str_eq (text, row[i].canonical);
      ck_assert_int_eq (length, strlen (text));
      ck_assert_int_eq (qk_law_format (small, sizeof small, &law), length);
      ck_assert_int_eq (strncmp (small, text, 8), 0);
      again = parse (text);
      ck_assert (qk_law_equal (&law, &again));
    }

  struct qk_law law = parse ("student:sd=3,nu=4.5,mean=-0.25");
  ck_assert_str_eq (law.type->name, "student");
  ck_assert (law.shape == 4.5 && law.mean == -0.25 && law.sd == 3);
  ck_assert (!qk_law_standard (&law));
  law = parse ("student:nu=4.5");
  ck_assert (qk_law_standard (&law) && law.mean == 0 && law.sd == 1);

  struct qk_law a = parse ("student:nu=5,sd=2,mean=1");
  static const char *const other[] = { "student:nu=6,sd=2,mean=1", "student:nu=5,sd=3,mean=1",
                                       "student:nu=5,sd=2", "normal:sd=2,mean=1" };
  for (int i = 0; i < 4; i++)
    {
      struct qk_law b = parse (other[i]);
      ck_assert (!qk_law_equal (&a, &b));
    }

  struct qk_law signs = parse ("rademacher:mean=0.3"), zeros = parse ("sparse:p=0.5");
  ck_assert (qk_law_continuous (&a) && !qk_law_continuous (&signs) && !qk_law_continuous (&zeros));
}
END_TEST

START_TEST (refuses_with_the_reason)
{
  static const struct
  {
    const char *text, *why;
  } row[] = {
    { "cauchy", "'cauchy' has no finite variance; allowed: normal, uniform, rademacher, laplace, "
                "exponential, student:nu=X, sparse:p=X" },
    { "gauss", "'gauss' is not a law; allowed: normal, uniform, rademacher, laplace, exponential, "
               "student:nu=X, sparse:p=X" },
    { "", "'' is not a law; allowed: normal, uniform, rademacher, laplace, exponential, "
          "student:nu=X, sparse:p=X" },
    { "Normal",
      "'Normal' is not a law; allowed: normal, uniform, rademacher, laplace, exponential, "
      "student:nu=X, sparse:p=X" },
    { "student:nu=4", "student: nu must be above 4, at most 1e6, not 4: at 4 or below the fourth "
                      "moment is infinite" },
    { "student:nu=2e6", "student: nu must be above 4, at most 1e6, not 2e+06" },
    { "student", "student needs its nu, above 4, at most 1e6, as in student:nu=10" },
    { "student:mean=1", "student needs its nu, above 4, at most 1e6, as in student:nu=10" },
    { "sparse", "sparse needs its p, above 1e-6, at most 1, as in sparse:p=0.1" },
    { "sparse:p=0", "sparse: p must be above 1e-6, at most 1, not 0" },
    { "sparse:p=1.25", "sparse: p must be above 1e-6, at most 1, not 1.25" },
    { "normal:sd=-1", "normal: sd must be between 1e-6 and 1e6, not -1" },
    { "normal:sd=0", "normal: sd must be between 1e-6 and 1e6, not 0" },
    { "normal:mean=-2e6", "normal: mean must be between -1e6 and 1e6, not -2e+06" },
    { "normal:mean=1e6,sd=0.009", "normal: |mean| must be at most 1e8 sd, not 1e+06 with sd=0.009: "
                                  "rounding would show" },
    { "normal:nu=3", "normal: 'nu' is not a parameter; allowed: mean, sd" },
    { "student:nu=5,p=3", "student: 'p' is not a parameter; allowed: nu, mean, sd" },
    { "normal:mean=1,mean=1", "normal: mean is given twice" },
    { "student:nu=5,nu=5", "student: nu is given twice" },
    { "normal:", "normal: '' is not a parameter; allowed: mean, sd" },
    { "normal:mean=1,", "normal: '' is not a parameter; allowed: mean, sd" },
    { "normal:mean", "normal: mean: '' is not a number" },
    { "normal:mean=", "normal: mean: '' is not a number" },
    { "normal:mean=1x", "normal: mean: '1x' is not a number" },
    { "normal:mean= 1", "normal: mean: ' 1' is not a number" },
    { "normal:mean=nan", "normal: mean: 'nan' is not a number" },
    { "normal:sd=inf", "normal: sd: 'inf' is not a number" },
    { "normal:sd=1e999", "normal: sd: '1e999' is not a number" },
    { "normal:mean=0x1p3", "normal: mean: '0x1p3' is not a number" },
    { "normal:mean=1:sd=2", "normal: mean: '1:sd=2' is not a number" },
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    {
      struct qk_law law = { .sd = 2.385 };
      char why[QK_WHY] = "";
      ck_assert_int_eq (qk_law_parse (&law, row[i].text, why), -1);
      ck_assert_str_eq (why, row[i].why);
      ck_assert_msg (law.type == NULL && law.sd == 2.385, "%s: law was touched", row[i].text);
    }

  /* However long the text, what is allowed is said.  */
  char text[2000], why[QK_WHY];
  struct qk_law law;
  memset (text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  ck_assert_int_eq (qk_law_parse (&law, text, why), -1);
  ck_assert (strstr (why, "sparse:p=X") != NULL);
  memcpy (text, "normal:mean=", 12);
  ck_assert_int_eq (qk_law_parse (&law, text, why), -1);
  ck_assert (strstr (why, "is not a number") != NULL);
}
END_TEST

/* Moments.  */

START_TEST (moments_are_exact)
{
  static const struct
  {
    const char *law;
    unsigned r;
    double moment;
  } row[] = {
    { "normal", 0, 1 },
    { "normal", 1, 0 },
    { "normal", 2, 1 },
    { "normal", 4, 3 },
    { "normal", 8, 105 },
    { "normal", 15, 0 },
    { "normal", 16, 2027025 },
    { "uniform", 2, 1 },
    { "uniform", 4, 1.8 },
    { "uniform", 6, 27. / 7 },
    { "uniform", 16, 6561. / 17 },
    { "rademacher", 3, 0 },
    { "rademacher", 16, 1 },
    { "laplace", 2, 1 },
    { "laplace", 4, 6 },
    { "laplace", 6, 90 },
    { "laplace", 16, 81729648000 },
    { "exponential", 0, 1 },
    { "exponential", 1, 0 },
    { "exponential", 2, 1 },
    { "exponential", 3, 2 },
    { "exponential", 4, 9 },
    { "exponential", 5, 44 },
    { "exponential", 16, 7697064251745 },
    { "student:nu=10", 2, 1 },
    { "student:nu=10", 4, 4 },
    { "student:nu=10", 6, 40 },
    { "student:nu=10", 8, 1120 },
    { "student:nu=10", 7, 0 },
    { "student:nu=10", 9, 0 },
    { "student:nu=10", 10, INFINITY },
    { "student:nu=10", 11, INFINITY },
    { "student:nu=4.5", 4, 15 },
    { "student:nu=4.5", 5, INFINITY },
    { "sparse:p=0.25", 0, 1 },
    { "sparse:p=0.25", 2, 1 },
    { "sparse:p=0.25", 3, 0 },
    { "sparse:p=0.25", 4, 12 },
    { "sparse:p=0.25", 6, 240 },
    { "sparse:p=0.5", 16, 2027025 * 128. },
  };
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    {
      struct qk_law law = parse (row[i].law);
      double m = qk_law_moment (&law, row[i].r);
      ck_assert_msg (m == row[i].moment || fabs (m - row[i].moment) <= 1e-14 * row[i].moment,
                     "%s: moment %u is %.17g, not %.17g", row[i].law, row[i].r, m, row[i].moment);
    }
}
END_TEST

/* E (mu + sd z)^4 and the like, written out.  */
START_TEST (raw_moments)
{
  static const char *const laws[]
      = { "exponential:mean=-2.385,sd=0.7193", "laplace:mean=0.317,sd=1.9" };
  for (int i = 0; i < 2; i++)
    {
      struct qk_law law = parse (laws[i]);
      double m = law.mean, s = law.sd, m3 = qk_law_moment (&law, 3), m4 = qk_law_moment (&law, 4);
      const double exact[] = {
        1,
        m,
        m * m + s * s,
        m * m * m + 3 * m * s * s + m3 * s * s * s,
        pow (m, 4) + 6 * m * m * s * s + 4 * m * m3 * pow (s, 3) + m4 * pow (s, 4),
      };
      for (unsigned r = 0; r <= 4; r++)
        ck_assert_double_eq_tol (qk_law_raw_moment (&law, r), exact[r], 1e-13 * fabs (exact[r]));
    }
  struct qk_law law = parse ("student:nu=7.5");
  ck_assert (isfinite (qk_law_raw_moment (&law, 7)));
  ck_assert (qk_law_raw_moment (&law, 8) == INFINITY);
  law = parse (
      "normal:mean=1,sd=2"); /* N(1, 4): E x^16 by the recursion m_r = m_{r-1} + 4 (r-1) m_{r-2} */
  double a = 1, b = 1;
  for (int r = 2; r <= QK_MOMENTS; r++)
    {
      double c = b + 4 * (r - 1) * a;
      a = b, b = c;
    }
  ck_assert_double_eq_tol (qk_law_raw_moment (&law, QK_MOMENTS), b, 1e-13 * b);
}
END_TEST

START_TEST (bounds)
{
  struct qk_law law = parse ("uniform:mean=-2,sd=3");
  ck_assert_double_eq_tol (qk_law_bound (&law), 2 + 3 * sqrt (3), 1e-15);
  law = parse ("rademacher:mean=0.5,sd=2");
  ck_assert (qk_law_bound (&law) == 2.5);
  static const char *const unbounded[]
      = { "normal", "laplace", "exponential", "student:nu=10", "sparse:p=0.1" };
  for (int i = 0; i < 5; i++)
    {
      law = parse (unbounded[i]);
      ck_assert (qk_law_bound (&law) == INFINITY);
    }
}
END_TEST

START_TEST (table_is_whole)
{
  int n = 0;
  for (const struct qk_law_type *t = qk_law_types; t->name; t++, n++)
    {
      ck_assert (t->meaning && t->moment && t->bound && t->transform);
      ck_assert (t->per == 1 || t->per == 2 || t->per == 4);
      double shape = t->shape ? t->shape_lo + 0.75 * fmin (1, t->shape_hi - t->shape_lo) : 0;
      ck_assert (t->moment (shape, 0) == 1 && t->moment (shape, 1) == 0);
      ck_assert_double_eq_tol (t->moment (shape, 2), 1, 1e-15);
    }
  ck_assert_int_eq (n, QK_LAWS);
}
END_TEST

/* Twins: the transforms in MPFR from the definitions in sampler.h, not from the polynomials.  */

enum
{
  PRECISION = 160
};

/* out = (i + 1/2) 2^-bits, i the top bits of word.  */
static void
unit_ref (mpfr_t out, uint64_t word, int bits)
{
  mpfr_set_uj_2exp (out, 2 * (word >> (64 - bits)) + 1, -bits - 1, MPFR_RNDN);
}

/* out = -2 ln u.  */
static void
radius_ref (mpfr_t out, uint64_t word, int bits)
{
  unit_ref (out, word, bits);
  mpfr_log (out, out, MPFR_RNDN);
  mpfr_mul_si (out, out, -2, MPFR_RNDN);
}

/* The cosine (which = 0) or sine (1) of the arc chosen by the low 24 bits.  */
static void
circle_ref (mpfr_t out, uint64_t word, int which)
{
  long t = word >> 1 & 0x3fffff;
  bool sine = which ^ (word >> 23 & 1);
  mpfr_const_pi (out, MPFR_RNDN);
  mpfr_mul_si (out, out, 2 * t + 1 - (1l << 22), MPFR_RNDN);
  mpfr_div_2ui (out, out, 24, MPFR_RNDN);
  if (sine)
    mpfr_sin (out, out, MPFR_RNDN);
  else
    mpfr_cos (out, out, MPFR_RNDN);
  if (!sine && (word & 1))
    mpfr_neg (out, out, MPFR_RNDN);
}

/* Value number which of law from the words; error: what may be off, absolute.  */
static void
value_ref (mpfr_t z, double *error, const struct qk_law *law, const uint64_t word[2], int which)
{
  mpfr_t x;
  mpfr_init2 (x, PRECISION);
  const double u = 0x1p-53, shape = law->shape;
  const uint64_t w = word[law->type->per == 4 ? which / 2 : which];
  double relative = 0, absolute = 0;

  switch ((enum qk_law_kind) (law->type - qk_law_types))
    {
    case QK_NORMAL:
      radius_ref (z, w, 40);
      mpfr_sqrt (z, z, MPFR_RNDN);
      circle_ref (x, w, which % 2);
      mpfr_mul (z, z, x, MPFR_RNDN);
      relative = 5.5;
      break;
    case QK_UNIFORM:
      unit_ref (z, w, 52);
      mpfr_sub_d (z, z, 0.5, MPFR_RNDN);
      mpfr_sqrt_ui (x, 12, MPFR_RNDN);
      mpfr_mul (z, z, x, MPFR_RNDN);
      relative = 2;
      break;
    case QK_RADEMACHER:
      mpfr_set_si (z, w >> 63 ? -1 : 1, MPFR_RNDN);
      break;
    case QK_LAPLACE:
      radius_ref (z, w << 1, 52);
      mpfr_sqrt_ui (x, 8, MPFR_RNDN);
      mpfr_div (z, z, x, MPFR_RNDN);
      if (w >> 63)
        mpfr_neg (z, z, MPFR_RNDN);
      relative = 5;
      break;
    case QK_EXPONENTIAL:
      radius_ref (z, w, 52);
      mpfr_div_2ui (z, z, 1, MPFR_RNDN);
      mpfr_sub_ui (z, z, 1, MPFR_RNDN);
      absolute = 4 * fmax (1, mpfr_get_d (z, MPFR_RNDN));
      break;
    case QK_STUDENT:
      radius_ref (z, word[0], 52);
      mpfr_div_d (z, z, shape, MPFR_RNDN);
      relative = 11 + 3 * mpfr_get_d (z, MPFR_RNDN);
      mpfr_expm1 (z, z, MPFR_RNDN);
      mpfr_set_d (x, shape, MPFR_RNDN);
      mpfr_sub_ui (x, x, 2, MPFR_RNDN);
      mpfr_mul (z, z, x, MPFR_RNDN);
      mpfr_sqrt (z, z, MPFR_RNDN);
      circle_ref (x, word[1], 0);
      mpfr_mul (z, z, x, MPFR_RNDN);
      break;
    case QK_SPARSE:
      unit_ref (z, word[0], 52);
      if (mpfr_cmp_d (z, shape) < 0)
        {
          radius_ref (z, word[1], 40);
          mpfr_div_d (z, z, shape, MPFR_RNDN);
          mpfr_sqrt (z, z, MPFR_RNDN);
          circle_ref (x, word[1], 0);
          mpfr_mul (z, z, x, MPFR_RNDN);
        }
      else
        mpfr_set_zero (z, 1);
      relative = 8;
      break;
    default:
      ck_abort_msg ("a law without a twin");
    }
  *error = u * (relative * fabs (mpfr_get_d (z, MPFR_RNDN)) + absolute);
  mpfr_clear (x);
}

static const char *const laws[] = {
  "normal",        "uniform",         "rademacher",     "laplace",      "exponential",
  "student:nu=10", "student:nu=4.01", "student:nu=1e6", "sparse:p=0.3", "sparse:p=1",
};

START_TEST (transforms_against_mpfr)
{
  struct qk_law law = parse (laws[_i]);
  const int per = law.type->per, n = 8000 * effort () / per;
  const uint64_t seed = 20240607 + _i;
  uint64_t state = seed;
  double worst = 0;
  mpfr_t exact;
  mpfr_init2 (exact, PRECISION);

  for (int i = 0; i < n; i++)
    {
      uint64_t word[2] = { next (&state), next (&state) };
      /* Strata: u near 0 and near 1 at all distances, both ends of the angle.  */
      for (int j = 0; j < 2; j++)
        {
          uint64_t how = next (&state);
          if (how % 4 == 0)
            word[j] = word[j] >> 24 >> how / 4 % 40 << 24 | (word[j] & 0xffffff);
          if (how % 4 == 1)
            word[j] = ~(~word[j] >> 24 >> how / 4 % 40 << 24 | (word[j] & 0xffffff));
          if (how % 16 >= 12)
            word[j] &= ~(UINT64_C (0x7fffff) >> how / 16 % 22);
        }
      if (i < 4)
        word[0] = word[1] = (i & 1 ? 0xffffffffff000000 : 0) | (i & 2 ? 0xffffff : 0);

      double z[4], error;
      law.type->transform (z, word, law.shape);
      for (int which = 0; which < per; which++)
        {
          value_ref (exact, &error, &law, word, which);
          mpfr_sub_d (exact, exact, z[which], MPFR_RNDN);
          double off = fabs (mpfr_get_d (exact, MPFR_RNDN));
          if (!(off <= error))
            ck_abort_msg ("%s, seed %" PRIu64 ", words %016" PRIx64 " %016" PRIx64
                          ": value %d = %a is off by %.3g, more than %.3g",
                          laws[_i], seed, word[0], word[1], which, z[which], off, error);
          if (error > 0)
            worst = fmax (worst, off / error);
        }
    }
  mpfr_clear (exact);
  /* Nor is the bound absurdly large.  */
  ck_assert_msg (worst > 0.3 || strcmp (laws[_i], "rademacher") == 0,
                 "%s: at most %.3g of the bound", laws[_i], worst);
  if (getenv ("QK_TEST_SHOW"))
    printf ("%s: at most %.3f of the stated error\n", laws[_i], worst);
}
END_TEST

/* The constants of the logarithm are what polynomials.h says.  */
START_TEST (table_of_the_logarithm)
{
  mpfr_t x, y, ln2;
  mpfr_inits2 (PRECISION, x, y, ln2, (mpfr_ptr)0);
  mpfr_const_log2 (ln2, MPFR_RNDN);
  mpfr_sub_d (ln2, ln2, QK_LN2, MPFR_RNDN);
  ck_assert (mpfr_get_d (ln2, MPFR_RNDN) == QK_LN2_REST);
  for (int j = 0; j < 8; j++)
    {
      double c = qk_log_c[j];
      ck_assert (ldexp (c, 21) == floor (ldexp (c, 21)));
      ck_assert (fma (1 + j / 8., c, -1) >= -1. / 16 && fma (1 + (j + 1) / 8., c, -1) <= 0.0588);
      mpfr_set_d (x, 2 * c, MPFR_RNDN);
      mpfr_log (x, x, MPFR_RNDN);
      mpfr_sub_d (x, x, QK_LN2, MPFR_RNDN);
      mpfr_mul_2ui (x, x, 1, MPFR_RNDN);
      mpfr_sub_d (x, x, qk_log_l[j], MPFR_RNDN);
      ck_assert_msg (fabs (mpfr_get_d (x, MPFR_RNDN)) <= 6e-20, "row %d", j);
    }
  mpfr_clears (x, y, ln2, (mpfr_ptr)0);
}
END_TEST

/* All 2^24 angles of the normal law: each of the midpoints of 2^24 equal arcs exactly once.  So the
   moments of the angle below order 2^24 are those of the uniform angle, without error.  */
START_TEST (angles_are_all_arcs)
{
  const struct qk_law_type *normal = &qk_law_types[QK_NORMAL];
  const uint32_t n = 1 << 24;
  unsigned char *seen = calloc (n / 8, 1);
  ck_assert (seen != NULL);
  for (uint32_t low = 0; low < n; low += 2)
    {
      const uint64_t word[2]
          = { UINT64_C (0x123456789a) << 24 | low, UINT64_C (0x123456789a) << 24 | low | 1 };
      double z[4];
      normal->transform (z, word, 0);
      for (int i = 0; i < 4; i += 2)
        {
          double arc = atan2 (z[i + 1], z[i]) * (n / (2 * M_PI)) - 0.5;
          uint32_t j = (uint32_t)(int32_t)rint (arc) % n;
          if (!(fabs (arc - rint (arc)) < 1e-5) || seen[j / 8] >> j % 8 & 1)
            ck_abort_msg ("low bits %x: arc %.9g is not a middle, or comes again", low, arc);
          seen[j / 8] |= 1 << j % 8;
        }
    }
  free (seen);
}
END_TEST

/* Moments of the radius on 2^40 midpoints: the first cells as the transform has them, against the
   integral over them; the rest by the midpoint rule's own error, h^2/24 (g'(1) - g'(a)).  */
START_TEST (radius_moments)
{
  const struct qk_law_type *normal = &qk_law_types[QK_NORMAL];
  const long double h = 0x1p-40L;
  const int m = 1 << 16;
  long double s2 = 0, s4 = 0;
  for (int i = 0; i < m; i++)
    {
      const uint64_t word[2] = { (uint64_t)i << 24, 0 };
      double z[4];
      normal->transform (z, word, 0);
      long double r2 = (long double)z[0] * z[0] + (long double)z[1] * z[1];
      s2 += h * r2;
      s4 += h * r2 * r2;
    }
  /* The integrals of 2 L and 4 L^2, L = -ln u, from 0 to a.  */
  const long double a = m * h, l = -logl (a);
  long double e2 = s2 - 2 * a * (1 + l);
  long double e4 = s4 - 4 * a * (2 + 2 * l + l * l);
  e2 -= h * h / 24 * (-2 + 2 / a);
  e4 -= h * h / 24 * (0 + 8 * l / a);

  ck_assert_msg (fabsl (e2 / 2 + 0x1p-41L * logl (2)) < 2e-15L, "E r^2: relative error %Lg",
                 e2 / 2);
  ck_assert_msg (fabsl (e4 / 8 + 9.43e-12L) < 1e-14L, "E r^4: relative error %Lg", e4 / 8);
  if (getenv ("QK_TEST_SHOW"))
    printf ("radius: relative errors %Lg of E r^2, %Lg of E r^4\n", e2 / 2, e4 / 8);
}
END_TEST

/* The farthest normals, and what the normal law has beyond.  */
START_TEST (tails)
{
  const uint64_t word[2] = { 0, 0xffffffffff000000 };
  double z[4];
  qk_law_types[QK_NORMAL].transform (z, word, 0);
  double far = hypot (z[0], z[1]), near = hypot (z[2], z[3]);
  ck_assert_double_eq_tol (far, sqrt (82 * M_LN2), 1e-14);
  ck_assert_double_eq_tol (far, 7.5391, 5e-5);
  ck_assert_double_eq_tol (erfc (far / M_SQRT2), 4.7e-14, 0.05e-14);
  ck_assert_double_eq_tol (near, 0x1p-20, 1e-12 * 0x1p-20); /* u = 1 - 2^-41 */
}
END_TEST

/* Reflecting the bits reflects the value: the laws with a symmetry have it exactly.  */
START_TEST (symmetry)
{
  uint64_t state = 5;
  for (int i = 0; i < 1000; i++)
    {
      const uint64_t word[2] = { next (&state), next (&state) };
      const uint64_t other[2] = { ~word[0], ~word[1] };
      const uint64_t sign[2] = { word[0] ^ UINT64_C (1) << 63, word[1] ^ UINT64_C (1) << 63 };
      double x[4], y[4];
      qk_law_types[QK_UNIFORM].transform (x, word, 0);
      qk_law_types[QK_UNIFORM].transform (y, other, 0);
      ck_assert (x[0] == -y[0] && x[1] == -y[1]);
      qk_law_types[QK_LAPLACE].transform (x, word, 0);
      qk_law_types[QK_LAPLACE].transform (y, sign, 0);
      ck_assert (x[0] == -y[0] && x[1] == -y[1]);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sampler");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, reads_and_writes);
  tcase_add_test (exact, moments_are_exact);
  tcase_add_test (exact, raw_moments);
  tcase_add_test (exact, bounds);
  tcase_add_test (exact, table_is_whole);
  tcase_add_test (exact, table_of_the_logarithm);
  suite_add_tcase (suite, exact);

  TCase *edges = tcase_create ("edges");
  tcase_add_test (edges, refuses_with_the_reason);
  tcase_add_test (edges, tails);
  suite_add_tcase (suite, edges);

  TCase *twin = tcase_create ("twin");
  tcase_add_loop_test (twin, transforms_against_mpfr, 0, sizeof laws / sizeof *laws);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);

  TCase *law = tcase_create ("laws");
  tcase_add_test (law, angles_are_all_arcs);
  tcase_add_test (law, radius_moments);
  tcase_add_test (law, symmetry);
  tcase_set_timeout (law, 0);
  suite_add_tcase (suite, law);
  return run (suite);
}
