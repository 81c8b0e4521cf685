/* script.c -- the words of a script for gnuplot, and the sheet that it draws on.  */

#include "script.h"

#include "build.h"
#include "message.h"
#include "story.h"

#include <math.h>
#include <string.h>

void
qk_script_text (FILE *out, const char *text)
{
  putc ('\'', out);
  for (const unsigned char *p = (const unsigned char *)text; *p; p++)
    {
      if (*p == '\'')
        putc ('\'', out);
      putc (*p < 0x20 || *p == 0x7f ? ' ' : *p, out);
    }
  putc ('\'', out);
}

void
qk_script_tic (FILE *out, const char *text, double at)
{
  putc ('\'', out);
  for (const char *p = text; *p; p++)
    {
      if (*p == '\'' || *p == '%')
        putc (*p, out);
      putc (*p, out);
    }
  fprintf (out, "' %.10g", at);
}

void
qk_script_comment (FILE *out, const char *text)
{
  fputs ("# ", out);
  for (const unsigned char *p = (const unsigned char *)text; *p; p++)
    putc (*p < 0x20 || *p == 0x7f || *p == '`' ? ' ' : *p, out);
  putc ('\n', out);
}

void
qk_script_number (FILE *out, double x)
{
  if (isfinite (x))
    fprintf (out, " %.17g", x);
  else
    fputs (" NaN", out);
}

double
qk_canvas_across (const struct qk_canvas *c, double x)
{
  return x / c->width;
}

double
qk_canvas_up (const struct qk_canvas *c, double y)
{
  return 1 - y / c->height;
}

size_t
qk_canvas_lines (struct qk_canvas *c, const char *text, bool count, const char *font)
{
  size_t most = (size_t)((c->width - 36) / QK_CANVAS_LETTER), lines = 0;
  while (*text)
    {
      size_t bytes = 0, fits = 0, columns = 0;
      for (; text[bytes]; bytes++)
        {
          columns += ((unsigned char)text[bytes] & 0xc0) != 0x80;
          if (columns > most + 1)
            break;
          if (text[bytes] == ' ')
            fits = bytes;
        }
      if (!text[bytes] || !fits)
        fits = bytes;
      if (!count)
        {
          struct qk_sentence line = { "" };
          qk_sentence_add (&line, "%.*s", (int)fits, text);
          fputs ("set label ", c->out);
          qk_script_text (c->out, line.text);
          fprintf (c->out, " at screen %.4f, %.4f left font '%s'\n", qk_canvas_across (c, 8),
                   qk_canvas_up (c, c->y), font);
        }
      c->y += QK_CANVAS_LINE;
      lines++;
      text += fits + strspn (text + fits, " ");
    }
  return lines;
}

void
qk_canvas_open (const struct qk_canvas *c, enum qk_picture picture, const char *target)
{
  double w = c->width, h = c->height;
  qk_script_comment (c->out, "A picture made by qkcheck " PACKAGE_VERSION
                             ", for gnuplot 5.4 or later: gnuplot FILE.gp draws it.");
  fputs ("set encoding utf8\n", c->out);
  switch (picture)
    {
    case QK_PICTURE_PNG:
      fprintf (
          c->out,
          "set terminal pngcairo size %.0f, %.0f noenhanced font 'sans-serif,12' fontscale 1.5 "
          "linewidth 2 pointscale 2 background '#ffffff'\n",
          2 * w, 2 * h);
      break;
    case QK_PICTURE_PDF:
      fprintf (
          c->out,
          "set terminal pdfcairo size %.3fin, %.3fin noenhanced font 'sans-serif,12' fontscale "
          "0.75 linewidth 1 pointscale 0.9 background '#ffffff'\n",
          w / 96, h / 96);
      break;
    case QK_PICTURE_INLINE:
      fprintf (c->out, "set terminal svg size %.0f, %.0f dynamic noenhanced font 'sans-serif,12'\n",
               w, h);
      break;
    default:
      fprintf (c->out,
               "set terminal svg size %.0f, %.0f noenhanced font 'sans-serif,12' background "
               "'#ffffff'\n",
               w, h);
      break;
    }
  if (target)
    {
      fputs ("set output ", c->out);
      qk_script_text (c->out, target);
      putc ('\n', c->out);
    }
}

int
qk_picture_of (enum qk_picture *picture, const char *path, char why[static QK_WHY])
{
  static const char *const ending[] = { ".svg", ".png", ".pdf", ".gp" };
  char quoted[QK_QUOTED];
  size_t length = strlen (path);
  for (int i = QK_PICTURE_SVG; i <= QK_PICTURE_GP; i++)
    {
      size_t n = strlen (ending[i]);
      if (length > n && !strcmp (path + length - n, ending[i]))
        {
          *picture = (enum qk_picture)i;
          return 0;
        }
    }
  return qk_complain (why, "'%s' ends in none of .svg, .png, .pdf, .gp",
                      qk_quote (quoted, path, length));
}

void
qk_script_trial (FILE *out, enum qk_picture picture)
{
  const struct qk_canvas c = { .out = out, .width = 96, .height = 96 };
  qk_canvas_open (&c, picture, NULL);
  fputs ("plot 0\n", out);
}
