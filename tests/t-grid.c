/* t-grid.c -- tables of cells: alignment, parts, Markdown, widths of UTF-8.  */

#include "../src/grid.h"
#include "support.h"

#include <string.h>

/* What a function writes to a stream; freed by the caller.  */
static char *
written (void (*write) (FILE *out, const void *what), const void *what)
{
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream (&text, &length);
  write (out, what);
  fclose (out);
  return text;
}

static void
write_text (FILE *out, const void *grid)
{
  qk_grid_text (out, grid, false);
}

static void
write_markdown (FILE *out, const void *grid)
{
  qk_grid_markdown (out, grid);
}

static void
write_color (FILE *out, const void *grid)
{
  qk_grid_text (out, grid, true);
}

static void
prints (void (*write) (FILE *out, const void *what), const void *what, const char *expected)
{
  char *text = written (write, what);
  ck_assert_str_eq (text, expected);
  free (text);
}

static void
fill (struct qk_grid *g)
{
  qk_grid_open (g, 2);
  size_t d = qk_grid_column (g, QK_GRID_KEY | QK_GRID_RIGHT, "d");
  size_t var = qk_grid_column (g, QK_GRID_POINT | QK_GRID_BLOCK, "E|q·k|");
  size_t half = qk_grid_column (g, QK_GRID_GLUED, "%s", "");
  size_t verdict = qk_grid_column (g, QK_GRID_VERDICT, "verdict");
  qk_grid_put (g, 0, d, "%d", 1);
  qk_grid_put (g, 1, d, "%d", 4096);
  qk_grid_put (g, 0, var, "0.6366");
  qk_grid_put (g, 1, var, "51.1");
  qk_grid_put (g, 0, half, "±.0020");
  qk_grid_put (g, 1, half, "±.2");
  qk_grid_put (g, 0, verdict, "holds");
  qk_grid_put (g, 1, verdict, "fails: E|q·k|");
}

/* ---- exact ---- */

START_TEST (aligned)
{
  struct qk_grid g;
  fill (&g);
  prints (write_text, &g,
          "\n"
          "     d   E|q·k|           verdict\n"
          "     1    0.6366 ±.0020   holds\n"
          "  4096   51.1    ±.2      fails: E|q·k|\n");
  prints (write_markdown, &g,
          "\n"
          "| d | E\\|q·k\\| | verdict |\n"
          "|---:|---:|---|\n"
          "| 1 | 0.6366 ±.0020 | holds |\n"
          "| 4096 | 51.1 ±.2 | fails: E\\|q·k\\| |\n");
  qk_grid_close (&g);
}
END_TEST

START_TEST (colored)
{
  struct qk_grid g;
  fill (&g);
  char *text = written (write_color, &g);
  ck_assert_ptr_nonnull (strstr (text, "   \033[32mholds\033[0m\n"));
  ck_assert_ptr_nonnull (strstr (text, "   \033[31mfails: E|q·k|\033[0m\n"));
  free (text);
  qk_grid_close (&g);
}
END_TEST

START_TEST (widths)
{
  ck_assert_uint_eq (qk_text_width (""), 0);
  ck_assert_uint_eq (qk_text_width ("Var(q·k)"), 8);
  ck_assert_uint_eq (qk_text_width ("σ²±√"), 4);
  ck_assert_uint_eq (qk_text_width ("a\xcc\x84"
                                    "b"),
                     2); /* a with a macron */
}
END_TEST

/* ---- edges ---- */

START_TEST (headings)
{
  /* A heading wider than its cells makes room in the last column of its span.  */
  struct qk_grid g;
  qk_grid_open (&g, 1);
  qk_grid_column (&g, QK_GRID_POINT, "a long heading");
  qk_grid_column (&g, QK_GRID_GLUED, "%s", "");
  qk_grid_column (&g, QK_GRID_RIGHT, "exact");
  qk_grid_put (&g, 0, 0, "1.5");
  qk_grid_put (&g, 0, 1, "±.1");
  qk_grid_put (&g, 0, 2, "2");
  prints (write_text, &g,
          "\n"
          "  a long heading  exact\n"
          "  1.5 ±.1             2\n");
  qk_grid_close (&g);
}
END_TEST

START_TEST (nothing)
{
  struct qk_grid g;
  qk_grid_open (&g, 3);
  prints (write_text, &g, "");
  prints (write_markdown, &g, "");
  qk_grid_close (&g);
}
END_TEST

START_TEST (spare)
{
  for (int width = 60; width <= 80; width += 20)
    {
      struct qk_grid g;
      qk_grid_open (&g, 1);
      qk_grid_column (&g, QK_GRID_KEY, "key");
      qk_grid_column (&g, QK_GRID_SPARE, "spare");
      qk_grid_column (&g, QK_GRID_VERDICT, "verdict");
      qk_grid_put (&g, 0, 0, "%0*d", width, 7);
      qk_grid_put (&g, 0, 1, "[62.3, 64.6] by and by");
      qk_grid_put (&g, 0, 2, "holds");
      char *text = written (write_text, &g);
      ck_assert_msg (!strstr (text, "by and by") == (width == 80), "%s", text);
      ck_assert_ptr_nonnull (strstr (text, "holds"));
      free (text);
      qk_grid_close (&g);
    }
}
END_TEST

/* ---- laws ---- */

static void
write_wrapped (FILE *out, const void *text)
{
  qk_text_wrap (out, text, 2, 10);
}

/* No line is too wide, no word is lost, an equation is not parted.  */
START_TEST (paragraph)
{
  char text[2000] = "", flat[4000] = "";
  for (int i = 0; i < 60; i++)
    sprintf (text + strlen (text), "%sσ²%.*s = %d", i ? " " : "", i % 9, "xxxxxxxxx", i);
  char *wrapped = written (write_wrapped, text);
  int lines = 0;
  for (char *line = strtok (wrapped, "\n"); line; line = strtok (NULL, "\n"), lines++)
    {
      ck_assert_uint_le (qk_text_width (line) + (lines ? 0 : 10), QK_WIDTH);
      ck_assert_msg (line[strlen (line) - 1] != '=', "%s", line);
      sprintf (flat + strlen (flat), "%s%s", lines ? " " : "", line + (lines ? 2 : 0));
    }
  ck_assert_int_gt (lines, 5);
  ck_assert_str_eq (flat, text);
  free (wrapped);
}
END_TEST

/* However many blocks: every line fits, every part has the keys, the verdicts stand once.  */
START_TEST (parts)
{
  for (size_t blocks = 1; blocks <= 30; blocks++)
    {
      struct qk_grid g;
      qk_grid_open (&g, 1);
      qk_grid_put (&g, 0, qk_grid_column (&g, QK_GRID_KEY, "kk"), "KEY");
      for (size_t b = 0; b < blocks; b++)
        {
          qk_grid_put (&g, 0, qk_grid_column (&g, QK_GRID_POINT | QK_GRID_BLOCK, "q%zu", b),
                       "%zu.%0*d", b, (int)(b % 7), 0);
          qk_grid_put (&g, 0, qk_grid_column (&g, QK_GRID_RIGHT, "exact"), "<%zu>", b);
        }
      qk_grid_put (&g, 0, qk_grid_column (&g, QK_GRID_VERDICT, "verdict"), "holds");
      char *text = written (write_text, &g), needle[32];
      for (size_t b = 0; b < blocks; b++)
        {
          snprintf (needle, sizeof needle, "<%zu>", b);
          ck_assert_msg (strstr (text, needle) != NULL, "%zu blocks: %s is lost", blocks, needle);
        }
      size_t keys = 0, lines = 0, verdicts = 0;
      for (char *line = strtok (text, "\n"); line; line = strtok (NULL, "\n"), lines++)
        {
          ck_assert_msg (qk_text_width (line) <= QK_WIDTH, "%zu blocks: %s", blocks, line);
          keys += strstr (line, "KEY") != NULL;
          verdicts += strstr (line, "holds") != NULL;
        }
      ck_assert_uint_eq (verdicts, 1);
      ck_assert_uint_eq (lines, 2 * keys);
      free (text);
      qk_grid_close (&g);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("grid");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges"),
        *laws = tcase_create ("laws");
  tcase_add_test (exact, aligned);
  tcase_add_test (exact, colored);
  tcase_add_test (exact, widths);
  tcase_add_test (edges, headings);
  tcase_add_test (edges, nothing);
  tcase_add_test (edges, spare);
  tcase_add_test (laws, paragraph);
  tcase_add_test (laws, parts);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, laws);
  return run (suite);
}
