/* t-given.c -- vectors and values from files, from plan to finding.  */

#include "../src/given.h"
#include "../src/rounding.h"
#include "plans.h"
#include "tensor-file.h"

#include <math.h>

/* Two rows of three components and their dot products; files of either side.  */
static const double left[] = { 1.5, -2.25, 0x1p-20, 3, 0.1, -3 };
static const double right[] = { 4, 0.5, 1, 0.1, 7, 0.1 };

static void
write_npy (char path[static 4096], const double *x, unsigned rows, unsigned d)
{
  struct bytes b = { 0 };
  bytes_header (&b, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (%u, %u), }\n", rows, d);
  bytes_add (&b, x, rows * d * sizeof *x);
  snprintf (path, 4096, "%s/qkcheck-given.XXXXXX",
            getenv ("TMPDIR") ? getenv ("TMPDIR") : P_tmpdir);
  int fd = mkstemp (path);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (write (fd, b.at, b.n), (ssize_t)b.n);
  close (fd);
  free (b.at);
}

static void
open_vectors (const double *x, const double *y, unsigned rows, unsigned d, const char *options)
{
  static char q[4096], k[4096], arguments[9000];
  write_npy (q, x, rows, d);
  write_npy (k, y, rows, d);
  snprintf (arguments, sizeof arguments, "--q=%s --k=%s %s", q, k, options);
  open_run ("reference", arguments);
  unlink (q);
  unlink (k);
}

static void
open_files (const char *options)
{
  open_vectors (left, right, 2, 3, options);
}

static const struct qk_finding *
found (const char *quantity, double row, const char *algorithm, const char *acc)
{
  for (size_t i = 0; i < outcome.n_findings; i++)
    {
      const struct qk_statement *s = outcome.findings[i].statement;
      bool same = !strcmp (quantity_of (s), quantity);
      for (const struct qk_key *key = s->key; key->name; key++)
        {
          if (!strcmp (key->name, "row"))
            same = same && key->number == row;
          if (!strcmp (key->name, "algorithm"))
            same = same && algorithm && !strcmp (key->text, algorithm);
          if (!strcmp (key->name, "format_acc"))
            same = same && acc && !strcmp (key->text, acc);
        }
      if (same)
        return &outcome.findings[i];
    }
  ck_abort_msg ("no %s of row %g, %s, %s", quantity, row, algorithm, acc);
}

static void
is (const struct qk_finding *f, double value)
{
  ck_assert_msg (f->enclosure.estimate == value && f->enclosure.lo == value
                     && f->enclosure.hi == value,
                 "%s: %.17g in [%.17g, %.17g], not %.17g", quantity_of (f->statement),
                 f->enclosure.estimate, f->enclosure.lo, f->enclosure.hi, value);
}

/* ---- exact ---- */

START_TEST (dots)
{
  /* 6 - 1.125 + 2^-20; and .1 (3 + 7 - 3) of the double .1, whose products cancel in part.  */
  double first = 4.875 + 0x1p-20, second = 7 * 0.1;
  open_files ("--format-acc=binary64,binary32,binary16 --precision=30");
  is (found ("dot", 0, NULL, "binary64"), first);
  is (found ("dot", 0, NULL, "binary32"), first);
  is (found ("dot", 0, NULL, "binary16"), 4.875);
  is (found ("dot", 1, NULL, "binary16"), 1434 * 0x1p-11);
  is (found ("dot", 1, NULL, "binary64"), second);
  is (found ("dot", 1, NULL, "binary32"), 0.7f);
  ck_assert_str_eq (found ("dot", 0, NULL, "binary16")->statement->digits, "4.87500095");
  ck_assert_str_eq (found ("dot", 1, NULL, "binary16")->statement->digits, "0.7");
  is (found ("condition", 0, NULL, NULL), 2 * (7.125 + 0x1p-20) / first);
  /* Nothing is lost in binary64; in binary16 the smallest term is, a rest of 2^-20 of an u of
     2^-11.  */
  is (found ("error_max_u", 0, "recursive", "binary64"), 0);
  is (found ("error_over_bound", 0, "recursive", "binary64"), 0);
  double u = 0x1p-11, n = 3, magnitude = 7.125 + 0x1p-20;
  is (found ("error_max_u", 0, "recursive", "binary16"), 0x1p-20 / (u * first));
  struct qk_dot_way way = { QK_RECURSIVE, &qk_float_formats[QK_BINARY64],
                            &qk_float_formats[QK_BINARY16], QK_NEAREST };
  const struct qk_finding *share = found ("error_over_bound", 0, "recursive", "binary16");
  is (share, 0x1p-20 / qk_dot_bound (&way, n, first, magnitude));
  ck_assert_int_eq (share->verdict, QK_HOLDS);
  ck_assert_int_eq (share->statement->method, QK_BY_BOUND);
  ck_assert (share->statement->miss == 0 && share->samples == 1);
  close_run ();
}
END_TEST

START_TEST (rounded_first)
{
  open_files ("--format-in=binary16 --format-acc=binary64 --rounding=zero");
  double tenth = qk_round (0.1, &qk_float_formats[QK_BINARY16], QK_NEAREST);
  is (found ("dot", 1, NULL, "binary64"), 7 * tenth);
  close_run ();
  open_files ("--format-acc=binary16 --rounding=zero");
  is (found ("dot", 1, NULL, "binary16"), 1433 * 0x1p-11); /* 1433.6 of them */
  close_run ();
}
END_TEST

/* Lines that end where a piece of the file does, and before and behind.  */
START_TEST (values)
{
  enum
  {
    PIECE = 65536
  };
  for (int beyond = -2; beyond <= 2; beyond++)
    {
      struct bytes b = { 0 };
      char arguments[4200], blank[PIECE];
      memset (blank, ' ', sizeof blank);
      bytes_add (&b, "1.25\n", 5);
      bytes_add (&b, blank, (size_t)(PIECE - 5 - 4 + beyond));
      bytes_add (&b, "2.5\r\n\n-1\n0.25", 13);
      snprintf (arguments, sizeof arguments, "--values=%s", file_of (&b));
      open_run ("reference", arguments);
      ck_assert_uint_eq (plan.inputs[0]->tensor.shape[0], 4);
      is (found ("value_sum", 0, NULL, NULL), 3);
      is (found ("value_mean", 0, NULL, NULL), 0.75);
      ck_assert_str_eq (found ("value_mean", 0, NULL, NULL)->statement->digits, "0.75");
      /* Deviations .5, 1.75, -1.75, -.5.  */
      is (found ("value_deviation", 0, NULL, NULL), sqrt (6.625 / 3));
      is (found ("value_autocorrelation", 0, NULL, NULL), (0.875 - 3.0625 + 0.875) / 6.625);
      close_run ();
      free (b.at);
    }
  file_of (NULL);
}
END_TEST

/* ---- edges ---- */

/* Sums that overflow have no bound; the tile is there in binary64 to nearest only.  */
START_TEST (left_out)
{
  open_files ("--format-acc=binary64,bfloat16");
  size_t n = 0, tiles = 0;
  for (size_t i = 0; i < outcome.n_findings; i++)
    for (const struct qk_key *key = outcome.findings[i].statement->key; key->name; key++)
      {
        n += !strcmp (key->name, "algorithm");
        tiles += !strcmp (key->name, "algorithm") && !strcmp (key->text, "tile");
      }
  ck_assert_uint_eq (tiles, 2 * 2);
  ck_assert_uint_eq (n, 2 * 2 * (7 + 6));
  ck_assert_uint_eq (outcome.n_warnings, 0);
  close_run ();
}
END_TEST

/* Sums beyond every double, and so small that u times them is none.  */
START_TEST (ends_of_the_range)
{
  static const double x[] = { 0x1p1000, 0x1p1000, 1, 0x1p-1074, 0x1p-540, 0x1p-540 },
                      y[] = { 0x1p1000, 0x1p999, 1, 1, 0x1p-535, 0x1p-535 };
  open_vectors (x, y, 2, 3, "--algorithm=recursive,kahan --quantity=dot,error_max_u");
  is (found ("dot", 0, NULL, "binary64"), INFINITY);
  is (found ("error_max_u", 0, "recursive", "binary64"), INFINITY);
  is (found ("error_max_u", 0, "kahan", "binary64"), INFINITY);
  /* Twice 2^-1075, a tie, is lost: half of the sum.  */
  is (found ("dot", 1, NULL, "binary64"), 0x1p-1073);
  is (found ("error_max_u", 1, "recursive", "binary64"), 0x1p52);
  close_run ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("given");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  tcase_add_test (exact, dots);
  tcase_add_test (exact, rounded_first);
  tcase_add_test (exact, values);
  tcase_add_test (edges, left_out);
  tcase_add_test (edges, ends_of_the_range);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  return run (suite);
}
