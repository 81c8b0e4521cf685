/* roff.c -- the source of a manual page: words, sentences, tags in the man(7) macros.  */

#include "roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* The date that the pages bear: fixed, so that the same descriptors give the same bytes.  */
static const char page_date[] = "2026-11-22";

enum
{
  SOURCE_WIDTH = 78 /* linters ask for 80; \& may begin a line */
};

/* Whether the '-' at p joins two words, and is not the dash of an option or a minus sign.  */
static bool
is_hyphen (const char *text, const char *p)
{
  if (p == text || !isalnum ((unsigned char)p[-1]) || !isalnum ((unsigned char)p[1]))
    return false;
  const char *word = p;
  while (word > text && word[-1] != ' ')
    word--;
  for (; *word && *word != ' '; word++)
    if (word[0] == '-' && word[1] == '-')
      return false;
  return true;
}

/* What troff prints for these bytes is not what was meant.  */
static const struct escape
{
  char byte;
  const char *prose, *literal;
} escapes[] = {
  { '\\', "\\e", "\\e" }, { '^', "\\(ha", "\\(ha" }, { '~', "\\(ti", "\\(ti" },
  { '\'', "'", "\\(aq" }, { '`', "`", "\\(ga" },     { '-', "\\-", "\\-" },
};

/* Print length bytes at word, part of text, and return how many they are in the source, where what
   is not ASCII counts as \[uXXXX], as linters do; out may be NULL.  */
static int
put_word (FILE *out, const char *text, const char *word, size_t length, bool literal)
{
  int bytes = 0;
  for (const char *p = word; p < word + length; p++)
    {
      const char plain[] = { *p, '\0' }, *shown = plain;
      for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (escapes[i].byte == *p && (literal || *p != '-' || !is_hyphen (text, p)))
          shown = literal ? escapes[i].literal : escapes[i].prose;
      if (out)
        fputs (shown, out);
      unsigned char byte = (unsigned char)*p;
      bytes += byte < 0x80 ? (int)strlen (shown) : byte < 0xc0 ? 0 : 8;
    }
  return bytes;
}

void
qk_roff_literal (FILE *out, const char *text)
{
  put_word (out, text, text, strlen (text), true);
}

void
qk_roff_prose (FILE *out, const char *text)
{
  int column = 0;
  char last = '\0';
  for (const char *word = text; *(word += strspn (word, " "));)
    {
      size_t length = strcspn (word, " ");
      int bytes = put_word (NULL, text, word, length, false);
      bool sentence = last && strchr (".?!", last) && isupper ((unsigned char)*word);
      if (column && (sentence || column + 1 + bytes > SOURCE_WIDTH))
        {
          putc ('\n', out);
          column = 0;
        }
      if (column)
        putc (' ', out);
      else if (*word == '.' || *word == '\'')
        fputs ("\\&", out);
      put_word (out, text, word, length, false);
      column += 1 + bytes;
      last = word[length - 1];
      word += length;
    }
  putc ('\n', out);
}

void
qk_roff_begin (FILE *out, const char *page, int section, const char *what)
{
  fprintf (out, ".\\\" %s.%d -- rendered by qkcheck from its descriptors: do not edit.\n", page,
           section);
  fputs (".TH ", out);
  for (const char *p = page; *p; p++)
    qk_roff_literal (out, (char[]){ (char)toupper ((unsigned char)*p), '\0' });
  fprintf (out, " %d %s qkcheck \"qkcheck manual\"\n.SH NAME\n", section, page_date);
  qk_roff_literal (out, page);
  fputs (" \\- ", out);
  qk_roff_prose (out, what);
}

void
qk_roff_tag (FILE *out, const char *tag)
{
  fputs (".TP\n\\fB", out);
  qk_roff_literal (out, tag);
  fputs ("\\fR\n", out);
}
