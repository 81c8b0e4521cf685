/* t-variance.c -- tests of the experiment variance as a user of random numbers: no number is drawn
   twice, and other generators say the same.  */

#include "../src/tiling.h"
#include "plans.h"

#include <gsl/gsl_errno.h>
#include <math.h>

static const char *const plans[] = {
  "--dk=1,3,64,257,300,1000 --samples=2e6",
  "--dk=1,5,64 --dist=laplace --samples=2e6",
  "--dk=7,300 --q-dist=student:nu=20 --k-dist=rademacher --samples=2e6",
  "--dk=7,300 --correlation=0.3 --samples=2e6",
  "--dk=64 --tolerance=0.02",
};

START_TEST (no_counter_twice) { check_counters ("variance", plans[_i]); }
END_TEST

/* Squares of correlated scores have a variance where components have eight moments, a third moment
   where they have twelve.  */
START_TEST (few_moments)
{
  static const struct
  {
    const char *law;
    double blocks;
  } cases[] = { { "student:nu=5", 1 }, { "student:nu=8", 1 }, { "student:nu=12", QK_MANY_BLOCKS } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int fixed = 0; fixed < 2; fixed++)
      {
        char text[128];
        snprintf (text, sizeof text,
                  "--dk=64 --correlation=0.5 --quantity=score_variance --dist=%s%s", cases[i].law,
                  fixed ? " --samples=1e6" : "");
        open_plan ("variance", text);
        bool none = cases[i].blocks == 1;
        ck_assert_uint_eq (plan.n_statements, 1);
        ck_assert (plan.statements[0].thin == (none || fixed));
        ck_assert (none || fixed || (double)plan.cases[0].blocks >= cases[i].blocks);
        bool said = false;
        for (size_t w = 0; w < plan.n_warnings; w++)
          said |= strstr (plan.warnings[w], "no number of samples") != NULL;
        ck_assert (said == none);
        close_plan ();
      }
}
END_TEST

/* Another generator says the same: its intervals have the exact value, at 1e-9 each, and its
   estimates are other numbers, within 6.5 standard errors.  */

static const char *const generators[] = { "philox", "mt19937", "ranlxd2" };

START_TEST (other_generators_agree)
{
  enum
  {
    MOST = 32
  };
  struct qk_enclosure seen[3][MOST];
  size_t n = 0, compared = 0;
  for (int g = 0; g < 3; g++)
    {
      char text[128];
      snprintf (text, sizeof text, "--dk=3,16 --samples=524288 --miss=1e-9 --seed=11 --rng=%s",
                generators[g]);
      open_run ("variance", text);
      ck_assert (outcome.n_findings <= MOST && (g == 0 || outcome.n_findings == n));
      n = outcome.n_findings;
      for (size_t i = 0; i < n; i++)
        {
          const struct qk_statement *s = outcome.findings[i].statement;
          const char *name = quantity_of (s);
          const struct qk_enclosure e = seen[g][i] = outcome.findings[i].enclosure;
          ck_assert_msg (e.lo <= s->exact && s->exact <= e.hi, "%s, seed 11: %s: %g not in %g %g",
                         generators[g], name, s->exact, e.lo, e.hi);
          for (int h = 0; h < g && e.std_error > 0; h++)
            {
              const struct qk_enclosure other = seen[h][i];
              double apart = fabs (e.estimate - other.estimate);
              double ratio = e.std_error / other.std_error;
              ck_assert_msg (apart > 0 && apart < 6.5 * hypot (e.std_error, other.std_error)
                                 && ratio > 0.5 && ratio < 2,
                             "seed 11: %s: %s %.9g +- %.2g, %s %.9g +- %.2g", name, generators[g],
                             e.estimate, e.std_error, generators[h], other.estimate,
                             other.std_error);
              compared++;
            }
        }
      close_run ();
    }
  ck_assert_uint_ge (compared, 30);
}
END_TEST

int
main (void)
{
  gsl_set_error_handler_off ();
  Suite *suite = suite_create ("variance");
  TCase *exact = tcase_create ("exact");
  tcase_add_loop_test (exact, no_counter_twice, 0, sizeof plans / sizeof *plans);
  tcase_add_test (exact, few_moments);
  tcase_set_timeout (exact, 0);
  suite_add_tcase (suite, exact);

  TCase *twin = tcase_create ("twin");
  tcase_add_test (twin, other_generators_agree);
  tcase_set_timeout (twin, 0);
  suite_add_tcase (suite, twin);
  return run (suite);
}
