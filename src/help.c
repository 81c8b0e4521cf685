/* help.c -- help and manual pages, rendered from descriptors; and the reader of those pages.

   The pages are written in a small part of the man(7) macros, and read back for `qkcheck help`:
   .TH .SH .SS .PP .TP .IP .RS .RE .nf .fi .EX .EE .br .sp, the fonts .B .I .BR .RB .BI .IB .IR .RI
   and the escapes in the table below.  */

#include "help.h"

#include "manual.h"
#include "option.h"
#include "registry.h"
#include "roff.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char summary[] = "check what is said about Transformer attention";

/* Commands to start with, the first five that exist; command: what must, or NULL.  */
static const struct start
{
  const char *command, *words, *meaning;
} starts[]
    = { { "variance", "variance", "Is the variance of q·k equal to d_k?  A few seconds." },
        { "variance", "variance --dk=64 --dist=normal:mean=1",
          "The same with a broken assumption: what fails, and which value is exact." },
        { "softmax", "softmax --dk=16,64,256",
          "What the scale is for: how one-sided the softmax becomes without it." },
        { "claims", "claims",
          "What is said about attention and what is true of it; nothing is measured." },
        { "verify", "verify", "All of that settled in one run: some seconds." },
        { NULL, "help method", "What an interval, a band, a verdict and the confidence mean." },
        { NULL, NULL, NULL } };

enum
{
  STARTS = 5
};

static const struct status
{
  const char *status, *meaning;
} statuses[] = { { "0", "Every judged finding holds." },
                 { "1", "At least one finding fails." },
                 { "3", "None fails, at least one is undecided." },
                 { "2", "Trouble: usage, unreadable input, out of memory, a failed write." },
                 { NULL, NULL } };

/* Of a command that measures nothing.  */
static const struct status print_statuses[]
    = { { "0", "What was asked for is printed, and be it no row." },
        { "2", "Trouble: usage, out of memory, a failed write." },
        { NULL, NULL } };

/* Of one that settles the ledger.  */
static const struct status row_statuses[]
    = { { "0",
          "Every row that ran is confirmed; rows that only literature settles, or training that "
          "nobody asked for, do not count." },
        { "1", "At least one row is contradicted." },
        { "3", "None is contradicted, at least one is undecided." },
        { "2", "Trouble: usage, out of memory, a failed write." },
        { NULL, NULL } };

/* Whether a command has no quantities of its own: it settles the ledger by those of others.  */
static bool
settles (const struct qk_experiment *experiment)
{
  return !experiment->prints && !experiment->quantities->name;
}

static const char signals[] = "SIGINT and SIGTERM finish the blocks in hand, print the result so "
                              "far, marked incomplete, and "
                              "end the program by the signal; a second one ends it at once.";

static const char lists[]
    = "A LIST is values and ranges with commas between them: 64 is one value, 1..8 goes up by 1, "
      "64..512+64 goes up by 64, and 1..4096*2 doubles.  A repeated value counts once, and there "
      "are "
      "at most 4096.  Numbers may be written like 1e6, and whole numbers with the suffixes k, M "
      "and "
      "G for a thousand, a million and a thousand million.";

/* The next command to start with, from start on; *left is how many there may be yet.  */
static const struct start *
start_next (const struct start *start, size_t *left)
{
  while (start->words && start->command && !qk_descriptor_find (start->command))
    start++;
  return start->words && (*left)-- > 0 ? start : NULL;
}

/* ---- Lines of text -------------------------------------------------------------------------- */

struct page
{
  FILE *out;
  int width;  /* columns a line */
  int indent; /* where the next line begins */
  int column; /* where this line ends; 0: it is empty */
  bool space; /* the next word is set off by a space */
};

/* Stands for a space that does not end a line.  */
static const char FIXED_SPACE = '\1';

static void
page_end (struct page *page)
{
  if (page->column)
    putc ('\n', page->out);
  page->column = 0;
  page->space = false;
}

static void
page_pad (struct page *page, int column)
{
  for (; page->column < column; page->column++)
    putc (' ', page->out);
  page->space = false;
}

/* Text as it is, from the indent on if the line is empty.  */
static void
page_raw (struct page *page, const char *text, size_t length)
{
  if (page->column < page->indent)
    page_pad (page, page->indent);
  for (size_t i = 0; i < length; i++)
    {
      putc (text[i] == FIXED_SPACE ? ' ' : text[i], page->out);
      page->column += ((unsigned char)text[i] & 0xc0) != 0x80; /* UTF-8: not a further byte */
    }
}

/* Fill lines with words.  */
static void
page_words (struct page *page, const char *text)
{
  for (;;)
    {
      text += strspn (text, " ");
      size_t length = strcspn (text, " ");
      if (!length)
        return;
      int columns = 0;
      for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
      if (page->space && page->column + 1 + columns > page->width)
        page_end (page);
      if (page->space)
        page_pad (page, page->column + 1);
      page_raw (page, text, length);
      page->space = true;
      text += length;
    }
}

/* What follows is indented to column; on this line if there is room.  */
static void
page_tab (struct page *page, int column)
{
  if (page->column >= column)
    page_end (page);
  page->indent = column;
  page_pad (page, page->column ? column : 0);
}

static void
page_title (struct page *page, const char *title)
{
  page_end (page);
  fprintf (page->out, "\n%s\n", title);
}

static void
page_paragraph (struct page *page, int indent, const char *text)
{
  page->indent = indent;
  page_words (page, text);
  page_end (page);
}

static void
page_entry (struct page *page, int indent, const char *tag, int column, const char *text)
{
  page->indent = indent;
  page_raw (page, tag, strlen (tag));
  page_tab (page, column);
  page_paragraph (page, column, text);
}

/* ---- What a row says ------------------------------------------------------------------------- */

enum
{
  FACTS = 256,
  TAG = 96
};

/* "Integers between 1 and 1048576; default 1..4096*2.", or "".  */
static const char *
facts (char text[static FACTS], const struct qk_option *row)
{
  char range[FACTS] = "";
  const char *what = "";
  switch (row->type)
    {
    case QK_REAL:
      what = "A number ";
      break;
    case QK_INTEGER:
      what = "An integer ";
      break;
    case QK_INTEGERS:
      what = "Integers ";
      break;
    case QK_REALS:
    case QK_WORDS:
      what = "Numbers ";
      break;
    case QK_SEED:
      what = "64 bits, decimal or 0x hexadecimal";
      break;
    case QK_NAMES:
      what = "Names among ";
      break;
    default:
      break;
    }
  bool words = row->type == QK_WORDS, names = row->type == QK_NAMES;
  if (*what && row->type != QK_SEED && !names)
    qk_option_range (range, sizeof range, row);
  for (const char *const *word = row->choices; (words || names) && *word; word++)
    {
      size_t used = strlen (range);
      snprintf (range + used, sizeof range - used, "%s%s",
                names && word == row->choices ? ""
                : names || word[1]            ? ", "
                                              : " or ",
                *word);
    }
  if (names)
    strcat (range, ", or all");
  const char *standard = row->shown ? row->shown : row->standard;
  const char *lead = *what ? "; default: " : "Default: ";
  bool any = *what || standard;
  snprintf (text, FACTS, "%s%s%s%s%s", what, range, standard ? lead : "", standard ? standard : "",
            any ? "." : "");
  return text;
}

static const char *
option_tag (char text[static TAG], const struct qk_option *row)
{
  char letter[8] = "    ", metavar[TAG / 2];
  if (row->letter)
    snprintf (letter, sizeof letter, "-%c, ", row->letter);
  qk_option_metavar (metavar, sizeof metavar, row);
  snprintf (text, TAG, "%s--%s%s%s", letter, row->name, qk_option_valued (row) ? "=" : "", metavar);
  return text;
}

static bool
listed (const struct qk_option *rows, const char *name)
{
  for (; rows && rows->name; rows++)
    if (!strcmp (rows->name, name))
      return true;
  return false;
}

/* The heading under which a row stands: "variance" for the command's own.  */
static const char *
option_group (const struct qk_experiment *experiment, const struct qk_option *row)
{
  return experiment && listed (experiment->options, row->name) ? experiment->name
         : listed (qk_options_sampling, row->name)             ? "every sampling command"
         : listed (qk_options_measuring, row->name)            ? "every measuring command"
                                                               : "every command";
}

static const char *
example_words (char text[static FACTS], const struct qk_experiment *experiment,
               const struct qk_example *example)
{
  snprintf (text, FACTS, "qkcheck %s%s%s", experiment->name, *example->arguments ? " " : "",
            example->arguments);
  return text;
}

/* ---- Short help ------------------------------------------------------------------------------ */

enum
{
  SHORT_WIDTH = 80,
  SHORT_TAB = 30
};

static void
short_options (struct page *page, const struct qk_experiment *experiment,
               const struct qk_option *rows)
{
  char tag[TAG], text[FACTS], title[TAG];
  const char *group = NULL;
  for (const struct qk_option *row = rows; row->name; row++)
    {
      const char *here = option_group (experiment, row);
      if (!group || strcmp (group, here) != 0)
        {
          snprintf (title, sizeof title, "Options of %s", here);
          page_title (page, title);
        }
      group = here;
      page->indent = 2;
      option_tag (tag, row);
      page_raw (page, tag, strlen (tag));
      page_tab (page, SHORT_TAB);
      page_words (page, row->help);
      page_words (page, facts (text, row));
      page_end (page);
    }
}

void
qk_help_start (FILE *out)
{
  struct page page = { .out = out, .width = SHORT_WIDTH };
  fprintf (out, "qkcheck: %s.  To start with:\n", summary);
  size_t left = STARTS;
  for (const struct start *start = starts; (start = start_next (start, &left)); start++)
    {
      fprintf (out, "\n  qkcheck %s\n", start->words);
      page_paragraph (&page, 6, start->meaning);
    }
  fprintf (out, "\nqkcheck --help lists all commands.\n");
}

void
qk_help_overview (FILE *out)
{
  struct page page = { .out = out, .width = SHORT_WIDTH };
  fprintf (out,
           "qkcheck: %s\n\n"
           "Usage: qkcheck COMMAND [OPTION]... [FILE]...\n"
           "       qkcheck help [TOPIC]\n"
           "       qkcheck --help | --version\n",
           summary);
  page_title (&page, "Commands");
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    page_entry (&page, 2, (*e)->name, 16, (*e)->question);
  page_entry (&page, 2, "help TOPIC", 16,
              "the manual page of a command, or of: method, formats, claims (the ledger)");
  short_options (&page, NULL, qk_options_common);
  page_title (&page, "Exit status");
  for (const struct status *s = statuses; s->status; s++)
    page_entry (&page, 2, s->status, 16, s->meaning);
}

void
qk_help_short (FILE *out, const struct qk_experiment *experiment)
{
  struct page page = { .out = out, .width = SHORT_WIDTH };
  fprintf (out, "qkcheck %s: %s\n\nUsage: qkcheck %s [OPTION]...", experiment->name,
           experiment->question, experiment->name);
  for (const struct qk_operand *o = experiment->operands; o && o->name; o++)
    fprintf (out, o->any ? " [%s]..." : " %s", o->name);
  fputs ("\n", out);
  if (experiment->operands)
    page_title (&page, "Operands");
  for (const struct qk_operand *o = experiment->operands; o && o->name; o++)
    page_entry (&page, 2, o->name, 16, o->help);
  struct qk_option *rows = qk_options_of (experiment);
  if (rows)
    short_options (&page, experiment, rows);
  free (rows);
  page_title (&page, "Examples");
  for (const struct qk_example *x = experiment->examples; x->arguments; x++)
    {
      char words[FACTS];
      fprintf (out, "  %s\n", example_words (words, experiment, x));
      page_paragraph (&page, 6, x->meaning);
    }
  fprintf (out, "\nqkcheck help %s%s is the whole manual page.\n", experiment->name,
           experiment->prints ? ".1" : "");
}

/* ---- The source of a manual page --------------------------------------------------------------
 */

static void
man_options (FILE *out, const struct qk_experiment *experiment, const struct qk_option *rows)
{
  char text[FACTS], metavar[TAG];
  const char *group = NULL;
  for (const struct qk_option *row = rows; row->name; row++)
    {
      const char *here = option_group (experiment, row);
      if (experiment && (!group || strcmp (group, here) != 0))
        fprintf (out, ".SS Options of %s\n", here);
      group = here;
      fputs (".TP\n", out);
      if (row->letter)
        fprintf (out, "\\fB\\-%c\\fR, ", row->letter);
      fputs ("\\fB\\-\\-", out);
      qk_roff_literal (out, row->name);
      fputs ("\\fR", out);
      if (qk_option_valued (row))
        {
          qk_option_metavar (metavar, sizeof metavar, row);
          fputs (row->metavar ? "=\\fI" : "=\\fB", out);
          qk_roff_literal (out, metavar);
          fputs ("\\fR", out);
        }
      putc ('\n', out);
      qk_roff_prose (out, row->help);
      if (*facts (text, row))
        qk_roff_prose (out, text);
    }
}

static bool
has_type (const struct qk_option *rows, enum qk_option_type a, enum qk_option_type b)
{
  for (; rows->name; rows++)
    if (rows->type == a || rows->type == b)
      return true;
  return false;
}

static void
man_laws (FILE *out)
{
  fputs (".SH LAWS\n", out);
  qk_roff_prose (out,
                 "A LAW is a name, then a colon and parameters with commas between them.  Each has "
                 "mean 0 and variance 1 before mean=X and sd=X, which all of them take.");
  for (const struct qk_law_type *type = qk_law_types; type->name; type++)
    {
      fputs (".TP\n\\fB", out);
      qk_roff_literal (out, type->name);
      if (type->shape)
        fprintf (out, ":%s=\\fIX", type->shape);
      fputs ("\\fR\n", out);
      char text[FACTS];
      snprintf (text, sizeof text, "%s%s%s%s%s.", type->meaning, type->shape ? "; " : "",
                type->shape ? type->shape : "", type->shape ? " is " : "",
                type->shape ? type->shape_range : "");
      qk_roff_prose (out, text);
    }
}

static void
man_quantities (FILE *out, const struct qk_quantity *quantities, bool recorded)
{
  fputs (".SH QUANTITIES\n", out);
  if (!recorded)
    qk_roff_prose (out, "The band is what the claim allows; T is the tolerance.");
  for (const struct qk_quantity *q = quantities; q->name; q++)
    {
      char text[FACTS];
      qk_roff_tag (out, q->name);
      qk_roff_prose (out, q->meaning);
      snprintf (text, sizeof text, "Written %s; unit %s.", q->symbol, q->unit);
      qk_roff_prose (out, text);
      snprintf (text, sizeof text, "Band: %s.", q->band ? q->band : "none, described");
      if (q->band || !recorded)
        qk_roff_prose (out, text);
    }
}

static void
man_examples (FILE *out, const struct qk_experiment *experiment)
{
  fputs (".SH EXAMPLES\n", out);
  for (const struct qk_example *x = experiment->examples; x->arguments; x++)
    {
      char text[FACTS];
      const char *verdict = qk_verdict_name (x->verdict);
      qk_roff_tag (out, example_words (text, experiment, x));
      qk_roff_prose (out, x->meaning);
      if (!x->quantity)
        continue;
      snprintf (text, sizeof text, "The verdict on %s: %s.", x->quantity,
                verdict ? verdict : "described, not judged");
      qk_roff_prose (out, text);
    }
}

static void
man_statuses (FILE *out, const struct qk_experiment *experiment)
{
  bool prints = experiment && experiment->prints, rows = experiment && settles (experiment);
  fputs (".SH EXIT STATUS\n", out);
  for (const struct status *s = prints ? print_statuses
                                : rows ? row_statuses
                                       : statuses;
       s->status; s++)
    {
      qk_roff_tag (out, s->status);
      qk_roff_prose (out, s->meaning);
    }
  if (prints)
    return;
  fputs (".PP\n", out);
  qk_roff_prose (out, rows ? "Trouble wins over contradicted, and contradicted over undecided."
                           : "Trouble wins over fails, and fails over undecided.");
  qk_roff_prose (out, signals);
}

static void
man_command (FILE *out, const struct qk_experiment *experiment)
{
  char name[TAG];
  snprintf (name, sizeof name, "qkcheck-%s", experiment->name);
  qk_roff_begin (out, name, 1, experiment->question);
  fprintf (out, ".SH SYNOPSIS\n\\fBqkcheck %s\\fR [\\fIOPTION\\fR]...", experiment->name);
  for (const struct qk_operand *o = experiment->operands; o && o->name; o++)
    fprintf (out, o->any ? " [\\fI%s\\fR]..." : " \\fI%s\\fR", o->name);
  fputs ("\n.SH DESCRIPTION\n", out);
  for (const char *const *paragraph = experiment->description; *paragraph; paragraph++)
    {
      fputs (paragraph == experiment->description ? "" : ".PP\n", out);
      qk_roff_prose (out, *paragraph);
    }
  if (experiment->operands)
    fputs (".SH OPERANDS\n", out);
  for (const struct qk_operand *o = experiment->operands; o && o->name; o++)
    {
      fprintf (out, ".TP\n\\fI%s\\fR\n", o->name);
      qk_roff_prose (out, o->help);
    }
  fputs (".SH OPTIONS\n", out);
  struct qk_option *rows = qk_options_of (experiment);
  if (rows)
    {
      man_options (out, experiment, rows);
      if (has_type (rows, QK_INTEGERS, QK_REALS))
        {
          fputs (".SH LISTS\n", out);
          qk_roff_prose (out, lists);
        }
      if (has_type (rows, QK_LAW, QK_LAW))
        man_laws (out);
    }
  free (rows);
  if (!experiment->prints && !settles (experiment))
    man_quantities (out, experiment->quantities, experiment->recorded);
  man_examples (out, experiment);
  man_statuses (out, experiment);
  fputs (".SH SEE ALSO\n.BR qkcheck (1),\n", out);
  if (experiment->prints || settles (experiment))
    fputs (".BR qkcheck\\-claims (7),\n", out);
  else if (experiment->operands)
    fputs (".BR qkcheck\\-formats (5),\n", out);
  fputs (".BR qkcheck\\-method (7)\n", out);
}

static void
man_program (FILE *out)
{
  qk_roff_begin (out, "qkcheck", 1, summary);
  fputs (".SH SYNOPSIS\n"
         "\\fBqkcheck\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIFILE\\fR]...\n"
         ".br\n"
         "\\fBqkcheck help\\fR [\\fITOPIC\\fR]\n"
         ".br\n"
         "\\fBqkcheck \\-\\-help\\fR | \\fB\\-\\-version\\fR\n"
         ".SH DESCRIPTION\n",
         out);
  qk_roff_prose (
      out,
      "Each command asks one question about the arithmetic of Transformer attention, measures, "
      "and compares with the exact value.  What will be judged, how wide its band is and how "
      "much is sampled is fixed before a number is drawn.  Each number comes with an interval, "
      "each judgement is holds, fails or undecided, and the same seed gives the same findings "
      "to the byte on any number of threads.");
  fputs (".PP\n", out);
  qk_roff_prose (
      out, "Standard output carries the result and nothing else; messages and progress go to "
           "standard error.  Options may stand before or after operands, and may be shortened "
           "to a unique beginning.");
  fputs (".SH COMMANDS\n", out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      qk_roff_tag (out, (*e)->name);
      qk_roff_prose (out, (*e)->question);
    }
  fputs (".TP\n\\fBhelp\\fR [\\fITOPIC\\fR]\n", out);
  qk_roff_prose (out,
                 "Print the manual page of a command as text, or that of method, of formats, or "
                 "of claims, the whole ledger; TOPIC may end in .SECTION.");
  fputs (".SH OPTIONS\nEvery command takes these.\n", out);
  man_options (out, NULL, qk_options_common);
  fputs (".SH ENVIRONMENT\n", out);
  qk_roff_tag (out, "QKCHECK_ISA");
  qk_roff_prose (
      out, "The instruction set to use, avx512, avx2 or plain, in place of the best one there "
           "is.  It changes no finding.");
  qk_roff_tag (out, "NO_COLOR");
  qk_roff_prose (out, "If set and not empty, no color unless --color=always asks for it.");
  man_statuses (out, NULL);
  fputs (".SH EXAMPLES\n", out);
  size_t left = STARTS;
  for (const struct start *start = starts; (start = start_next (start, &left)); start++)
    {
      char text[FACTS];
      snprintf (text, sizeof text, "qkcheck %s", start->words);
      qk_roff_tag (out, text);
      qk_roff_prose (out, start->meaning);
    }
  fputs (".SH SEE ALSO\n", out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      fputs (".BR qkcheck\\-", out);
      qk_roff_literal (out, (*e)->name);
      fputs (" (1),\n", out);
    }
  fputs (".BR qkcheck\\-claims (7),\n"
         ".BR qkcheck\\-formats (5),\n"
         ".BR qkcheck\\-method (7)\n",
         out);
}

void
qk_help_source (FILE *out, const struct qk_experiment *experiment)
{
  if (experiment)
    man_command (out, experiment);
  else
    man_program (out);
}

/* ---- A manual page as text --------------------------------------------------------------------
 */

enum
{
  MARGIN = 7,    /* of paragraphs */
  SUBMARGIN = 3, /* of .SS */
  NESTED = 8,    /* .RS in .RS */
  LINE = 4096    /* bytes of a source line */
};

struct manual
{
  struct page page;
  int base;          /* where paragraphs begin */
  int outer[NESTED]; /* the bases around this .RS */
  int depth;
  int hang;    /* how far the text of .TP stands from its tag */
  bool tag;    /* the next line is the tag of .TP */
  bool as_is;  /* .nf */
  bool headed; /* nothing stands below the heading yet */
};

/* Special characters: \X, \(XX or \[XX].  Fonts are dropped, and the unknown is shown as U+FFFD. */
static const struct
{
  const char *name, *text;
} characters[] = {
  { "-", "-" },  { "e", "\\" }, { "&", "" },   { "~", "\1" },  { " ", "\1" },  { "|", "" },
  { "em", "—" }, { "en", "–" }, { "aq", "'" }, { "dq", "\"" }, { "rs", "\\" }, { "ti", "~" },
  { "ha", "^" }, { "ga", "`" }, { "bu", "•" }, { "mu", "×" },  { "<=", "≤" },  { ">=", "≥" },
  { "*S", "Σ" }, { "*d", "δ" }, { "*g", "γ" }, { "lc", "⌈" },  { "rc", "⌉" },  { "+-", "±" },
  { "->", "→" }, { "lq", "“" }, { "rq", "”" }, { "pc", "·" },  { "sr", "√" },  { "S1", "¹" },
  { "S2", "²" }, { "S3", "³" }, { "12", "½" }, { "mi", "−" },  { "no", "¬" },
};

/* Read the escape after the backslash at *source and step over it.  */
static const char *
escape (const char **source)
{
  const char *p = *source + 1;
  bool font = *p == 'f';
  p += font;
  size_t length = *p != '\0';
  const char *name = p;
  if (*p == '(')
    {
      name = p + 1;
      length = strnlen (name, 2);
      p = name + length;
    }
  else if (*p == '[')
    {
      name = p + 1;
      length = strcspn (name, "]");
      p = name + length + (name[length] == ']');
    }
  else
    p += length;
  *source = p;
  for (size_t i = 0; !font && i < sizeof characters / sizeof *characters; i++)
    if (strlen (characters[i].name) == length && !strncmp (characters[i].name, name, length))
      return characters[i].text;
  return font ? "" : "\xef\xbf\xbd";
}

/* Append what source says up to its end (or, within quotes, to the closing one; or to a space).
   Returns where it stopped.  */
static const char *
decode (char text[static LINE], const char *source, char stop)
{
  size_t n = strlen (text);
  while (*source && *source != stop)
    {
      const char *piece = source;
      size_t length = 1;
      if (*source == '\\')
        {
          piece = escape (&source);
          length = strlen (piece);
        }
      else
        source++;
      if (n + length >= LINE)
        break;
      memcpy (text + n, piece, length);
      n += length;
    }
  text[n] = '\0';
  return source;
}

/* Read the next argument of a macro into text.  */
static bool
argument (char text[static LINE], const char **source)
{
  *source += strspn (*source, " ");
  if (!**source)
    return false;
  bool quoted = **source == '"';
  *source = decode (text, *source + quoted, quoted ? '"' : ' ');
  *source += quoted && **source == '"';
  return true;
}

static void
manual_text (struct manual *m, const char *text)
{
  m->headed = false;
  if (m->tag)
    {
      m->tag = false;
      page_raw (&m->page, text, strlen (text));
      m->page.space = true;
      /* A space at least between tag and text.  */
      if (m->page.column + 1 > m->base + m->hang)
        page_end (&m->page);
      page_tab (&m->page, m->base + m->hang);
    }
  else if (m->as_is)
    {
      if (*text)
        page_raw (&m->page, text, strlen (text));
      putc ('\n', m->page.out);
      m->page.column = 0;
    }
  else
    page_words (&m->page, text);
}

/* End the paragraph; a blank line, but not below a heading.  */
static void
manual_break (struct manual *m)
{
  page_end (&m->page);
  if (!m->headed)
    putc ('\n', m->page.out);
  m->page.indent = m->base;
}

static void
manual_heading (struct manual *m, const char *source, int margin)
{
  char text[LINE] = "";
  decode (text, source + strspn (source, " "), '\0');
  manual_break (m);
  m->page.indent = margin;
  page_raw (&m->page, text, strlen (text));
  page_end (&m->page);
  m->page.indent = m->base = MARGIN;
  m->depth = 0;
  m->headed = true;
}

static int
manual_width (const char **source)
{
  char text[LINE] = "";
  return argument (text, source) && atoi (text) > 0 ? atoi (text) : MARGIN;
}

static void
manual_macro (struct manual *m, const char *source)
{
  char name[3] = "";
  size_t length = strcspn (source, " ");
  memcpy (name, source, length < 2 ? length : 2);
  source += length;
#define IS(macro) (!strcmp (name, macro))
  if (IS ("\\\"") || IS ("TH") || IS (""))
    return;
  if (IS ("SH"))
    manual_heading (m, source, 0);
  else if (IS ("SS"))
    manual_heading (m, source, SUBMARGIN);
  else if (IS ("PP") || IS ("P") || IS ("LP"))
    manual_break (m);
  else if (IS ("TP"))
    {
      manual_break (m);
      m->hang = manual_width (&source);
      m->tag = true;
    }
  else if (IS ("IP"))
    {
      char tag[LINE] = "";
      manual_break (m);
      m->headed = false;
      argument (tag, &source);
      m->hang = manual_width (&source);
      m->tag = *tag != '\0';
      if (m->tag)
        manual_text (m, tag);
      m->page.indent = m->base + m->hang;
    }
  else if (IS ("RS"))
    {
      page_end (&m->page);
      if (m->depth < NESTED)
        m->outer[m->depth++] = m->base;
      m->base += manual_width (&source);
      m->page.indent = m->base;
    }
  else if (IS ("RE"))
    {
      page_end (&m->page);
      if (m->depth > 0)
        m->base = m->outer[--m->depth];
      m->page.indent = m->base;
    }
  else if (IS ("nf") || IS ("EX") || IS ("fi") || IS ("EE"))
    {
      page_end (&m->page);
      m->as_is = IS ("nf") || IS ("EX");
    }
  else if (IS ("br") || IS ("sp"))
    {
      page_end (&m->page);
      if (IS ("sp"))
        putc ('\n', m->page.out);
    }
  else
    {
      /* A font: .B and .I keep the spaces between their arguments, .BR and the like do not.  */
      char text[LINE] = "";
      while (argument (text, &source))
        if (!name[1] && *source && strlen (text) + 1 < LINE)
          strcat (text, " ");
      manual_text (m, text);
    }
#undef IS
}

int
qk_help_page (FILE *out, const char *topic, int width)
{
  static const char program[] = "qkcheck";
  char name[TAG];
  if (!strcmp (topic, program))
    snprintf (name, sizeof name, "%s", program);
  else
    snprintf (name, sizeof name, "%s-%s", program, topic);
  /* With its section, or any: the last, so that claims is the ledger and not its command.  */
  size_t length = strlen (name);
  const struct qk_manual *manual = NULL;
  for (const struct qk_manual *m = qk_manuals; m->name; m++)
    if (!strncmp (m->name, name, length)
        && (!m->name[length] || (m->name[length] == '.' && !strchr (name, '.')))
        && (!manual || strcmp (m->name, manual->name) > 0))
      manual = m;
  if (!manual)
    return -1;

  struct manual m = { .page = { .out = out, .width = width, .indent = MARGIN },
                      .base = MARGIN,
                      .headed = true };
  for (const char *const *line = manual->line; *line; line++)
    if (**line == '.' || **line == '\'')
      manual_macro (&m, *line + 1);
    else if (!**line && !m.as_is)
      manual_break (&m);
    else
      {
        char text[LINE] = "";
        decode (text, *line, '\0');
        manual_text (&m, text);
      }
  page_end (&m.page);
  return 0;
}
