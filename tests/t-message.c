/* t-message.c -- quoted text and sentences: escaped, and cut where they are too long.  */

#include "message.h"
#include "support.h"

#include <string.h>

/* ---- exact ---- */

START_TEST (exact_quotes)
{
  static const struct
  {
    const char *text, *quoted;
  } rows[] = {
    { "", "" },
    { "plain, 'text'", "plain, 'text'" },
    { "\t\\\xff", "\\x09\\\\\\xff" },
    /* 63 bytes fit, 64 do not; an escape is not cut.  */
    { "123456789012345678901234567890123456789012345678901234567890123",
      "123456789012345678901234567890123456789012345678901234567890123" },
    { "1234567890123456789012345678901234567890123456789012345678901234",
      "123456789012345678901234567890123456789012345678901234567890..." },
    { "12345678901234567890123456789012345678901234567890123456789\n1234567",
      "12345678901234567890123456789012345678901234567890123456789..." },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      char quoted[QK_QUOTED];
      ck_assert_str_eq (qk_quote (quoted, rows[i].text, strlen (rows[i].text)), rows[i].quoted);
    }
}
END_TEST

START_TEST (exact_sentence)
{
  char why[QK_WHY];
  ck_assert_int_eq (qk_complain (why, "%s: '%d' is not %s", "--dk", 0, "above 0"), -1);
  ck_assert_str_eq (why, "--dk: '0' is not above 0");
}
END_TEST

/* ---- edges ---- */

/* 255 letters are whole, 256 are cut.  */
START_TEST (edges_long_sentence)
{
  char text[QK_WHY + 1], why[QK_WHY];
  memset (text, 'x', sizeof text);
  text[QK_WHY - 1] = '\0';
  ck_assert_int_eq (qk_complain (why, "%s", text), -1);
  ck_assert_str_eq (why, text);
  ck_assert_int_eq (qk_complain (why, "%sy", text), -1);
  ck_assert_uint_eq (strlen (why), QK_WHY - 1);
  ck_assert_str_eq (why + QK_WHY - 5, "x...");
}
END_TEST

/* ---- laws ---- */

/* Any bytes: printable, no longer than the buffer, and read back they are the text, whole or a
   beginning of it.  */
START_TEST (laws_reversible)
{
  uint64_t state = 20251;
  for (int i = 0; i < 5000; i++)
    {
      char text[80], back[QK_QUOTED], quoted[QK_QUOTED];
      size_t length = next (&state) % sizeof text, n = 0;
      for (size_t j = 0; j < length; j++)
        text[j] = (char)(next (&state) >> (i % 3 ? 57 : 56));
      const char *at = qk_quote (quoted, text, length);
      size_t end = strlen (quoted);
      for (size_t j = 0; j < end; j++)
        ck_assert (quoted[j] >= 0x20 && quoted[j] <= 0x7e);
      while (at < quoted + end)
        if (at[0] == '\\' && at[1] == 'x')
          {
            const char digits[] = { at[2], at[3], '\0' };
            back[n++] = (char)strtoul (digits, NULL, 16);
            at += 4;
          }
        else
          {
            at += *at == '\\';
            back[n++] = *at++;
          }
      if (n != length || memcmp (back, text, n) != 0)
        {
          ck_assert_str_eq (quoted + end - 3, "...");
          ck_assert_uint_ge (end, QK_QUOTED - 4);
          ck_assert_int_eq (memcmp (back, text, n - 3), 0);
        }
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("message");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *of_all = tcase_create ("laws");
  tcase_add_test (exact, exact_quotes);
  tcase_add_test (exact, exact_sentence);
  tcase_add_test (edges, edges_long_sentence);
  tcase_add_test (of_all, laws_reversible);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, of_all);
  return run (suite);
}
