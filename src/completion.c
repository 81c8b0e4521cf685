/* completion.c -- completion of command lines for bash, zsh and fish, rendered from descriptors.

   Commands, topics of help, options, what may stand behind them, and operands.  Numbers are not
   completed.  */

#include "completion.h"

#include "manual.h"
#include "option.h"
#include "registry.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What may stand somewhere.  */
enum kind
{
  NOTHING, /* that could be completed */
  WORD,
  WORDS, /* with commas between them */
  PATH   /* of a file; "npy": of arrays */
};

static enum kind
option_kind (const struct qk_option *row)
{
  switch (row->type)
    {
    case QK_CHOICE:
      return row->choices ? WORD : NOTHING;
    case QK_LAW:
    case QK_RNG:
      return WORD;
    case QK_NAMES:
    case QK_WORDS:
    case QK_QUANTITIES:
      return WORDS;
    case QK_FILE:
    case QK_FILES:
      return PATH;
    default:
      return NOTHING;
    }
}

static enum kind
operand_kind (const struct qk_operand *o)
{
  return o->type == QK_OPERAND_FILE ? PATH : WORD;
}

/* "*.npy" where a name says so, else "*".  */
static const char *
pattern (const char *name)
{
  return name && strstr (name, ".npy") ? "*.npy" : "*";
}

/* How words are written: what stands before each, and before the second and later ones, and whether
   colons are escaped.  */
struct style
{
  FILE *out;
  const char *before;
  bool colons;
};

static void
put_word (const struct style *s, const char *word)
{
  fputs (s->before, s->out);
  for (; *word; word++)
    fprintf (s->out, *word == ':' && s->colons ? "\\%c" : "%c", *word);
}

static void
put_words (const struct style *s, const char *const *word)
{
  for (; *word; word++)
    put_word (s, *word);
}

static void
put_values (const struct style *s, const struct qk_experiment *experiment,
            const struct qk_option *row)
{
  /* The first few that the message on a mistake names.  */
  static const char *const generators[] = { "philox", "mt19937", "ranlxd2", "taus2", NULL };
  char text[64];
  if (row->type == QK_RNG)
    put_words (s, generators);
  else if (row->type == QK_QUANTITIES)
    for (const struct qk_quantity *q = experiment->quantities; q->name; q++)
      put_word (s, q->name);
  else if (row->type == QK_LAW)
    for (const struct qk_law_type *law = qk_law_types; law->name; law++)
      {
        snprintf (text, sizeof text, "%s%s%s%s", law->name, law->shape ? ":" : "",
                  law->shape ? law->shape : "", law->shape ? "=" : "");
        put_word (s, text);
      }
  else if (row->choices)
    put_words (s, row->choices);
  if (row->type == QK_NAMES)
    put_word (s, "all");
}

/* Whether its blocks can be replayed.  */
static bool
has_twin (const struct qk_experiment *e)
{
  for (const struct qk_kind *const *kind = e->kinds; kind && *kind; kind++)
    if ((*kind)->twin)
      return true;
  return false;
}

static void
put_operand_words (const struct style *s, const struct qk_operand *o)
{
  const char *word;
  if (o->type == QK_OPERAND_WORD)
    for (size_t i = 0; (word = o->word (i)); i++)
      put_word (s, word);
  else if (o->type == QK_OPERAND_COMMAND)
    for (const struct qk_experiment *const *e = qk_experiments; *e; e++)
      if (has_twin (*e))
        put_word (s, (*e)->name);
}

/* The topics of help that are no commands.  */
static void
put_topics (const struct style *s)
{
  static const char program[] = "qkcheck-";
  for (const struct qk_manual *m = qk_manuals; m->name; m++)
    {
      char topic[64];
      if (strncmp (m->name, program, strlen (program)))
        continue;
      snprintf (topic, sizeof topic, "%s", m->name + strlen (program));
      topic[strcspn (topic, ".")] = '\0';
      if (!qk_descriptor_find (topic))
        put_word (s, topic);
    }
}

/* The first sentence, without its stop, in a text between single quotes.  */
static void
put_sentence (FILE *out, const char *text, const char *escaped, const char *quote)
{
  size_t n = strlen (text);
  const char *stop = strstr (text, ". ");
  n = stop ? (size_t)(stop - text) : n - (n > 0 && text[n - 1] == '.');
  for (const char *p = text; p < text + n; p++)
    if (*p == '\'')
      fputs (quote, out);
    else
      fprintf (out, strchr (escaped, *p) ? "\\%c" : "%c", *p);
}

static void
put_head (FILE *out, const char *shell)
{
  fprintf (out, "# Completion of qkcheck for %s; rendered from its descriptors: do not edit.\n",
           shell);
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void
bash_command (FILE *out, const struct qk_experiment *e, const struct qk_option *rows)
{
  const struct style style = { out, " ", false };
  for (const struct qk_option *row = rows; row->name; row++)
    {
      enum kind kind = option_kind (row);
      if (kind == NOTHING)
        continue;
      fprintf (out, "    %s:--%s) echo '", e->name, row->name);
      if (kind == PATH)
        fprintf (out, "PATH %s", pattern (row->metavar));
      else
        fputs (kind == WORDS ? "WORDS" : "WORD", out);
      put_values (&style, e, row);
      fputs ("' ;;\n", out);
    }
  const struct qk_operand *o = e->operands;
  if (!o || !o->name)
    return;
  fprintf (out, "    %s:) echo '", e->name);
  if (operand_kind (o) == PATH)
    fprintf (out, "PATH %s", pattern (o->name));
  else
    fputs ("WORD", out);
  put_operand_words (&style, o);
  fputs ("' ;;\n", out);
}

static const char bash_function[]
    = "_qkcheck ()\n"
      "{\n"
      "  local line=${COMP_LINE:0:COMP_POINT} words cur='' before='' command='' option='' head='' "
      "part=''\n"
      "  local values mark strip='' i\n"
      "  COMPREPLY=()\n"
      "  read -ra words <<< \"$line\"\n"
      "  if [[ $line != *[[:space:]] ]]; then\n"
      "    cur=${words[${#words[@]} - 1]}\n"
      "    unset \"words[${#words[@]} - 1]\"\n"
      "  fi\n"
      "  command=${words[1]-}\n"
      "  (( ${#words[@]} > 1 )) && before=${words[${#words[@]} - 1]}\n"
      "  # Which option the word belongs to; none: an operand.\n"
      "  if [[ $cur == --*=* ]]; then\n"
      "    option=${cur%%=*} head=$option=\n"
      "  elif [[ $before == -o ]]; then\n"
      "    option=--output\n"
      "  elif [[ $before == --* && \" $(_qkcheck_options \"$command\") \" == *\" $before= \"* ]]; "
      "then\n"
      "    option=$before\n"
      "  fi\n"
      "  if [[ ! $option && $cur == -* || ! $command ]]; then\n"
      "    values=$(_qkcheck_options \"$command\") mark=WORD\n"
      "    # Words first; options where one is begun.\n"
      "    [[ $command || $cur == -* ]] || values=${values%% -*}\n"
      "  else\n"
      "    values=$(_qkcheck_values \"$command\" \"$option\")\n"
      "    mark=${values%% *} values=${values#* }\n"
      "  fi\n"
      "  part=${cur#\"$head\"}\n"
      "  case $mark in\n"
      "    WORD) ;;\n"
      "    WORDS) head=$head${part%\"${part##*,}\"} part=${part##*,} ;;\n"
      "    PATH)\n"
      "      compopt -o filenames 2> /dev/null\n"
      "      [[ $option ]] || part=${COMP_WORDS[COMP_CWORD]}\n"
      "      while IFS= read -r i; do\n"
      "        # The pattern is meant to be one.\n"
      "        # shellcheck disable=SC2053\n"
      "        [[ -d $i || $i == $values ]] && COMPREPLY+=(\"$head$i\")\n"
      "      done < <(compgen -f -- \"$part\")\n"
      "      values='' ;;\n"
      "    *) return ;;\n"
      "  esac\n"
      "  [[ $mark == PATH ]] || while IFS= read -r i; do\n"
      "    COMPREPLY+=(\"$head$i\")\n"
      "  done < <(compgen -W \"$values\" -- \"$part\")\n"
      "  # What bash takes as the word begins behind the last of its breaks.\n"
      "  for i in = :; do\n"
      "    [[ $COMP_WORDBREAKS == *$i* && $cur == *$i* ]] || continue\n"
      "    part=${cur%\"${cur##*\"$i\"}\"}\n"
      "    (( ${#part} > ${#strip} )) && strip=$part\n"
      "  done\n"
      "  for (( i = 0; i < ${#COMPREPLY[@]}; i++ )); do\n"
      "    COMPREPLY[i]=${COMPREPLY[i]#\"$strip\"}\n"
      "  done\n"
      "  if (( ${#COMPREPLY[@]} == 1 )) && [[ ${COMPREPLY[0]} == *= ]]; then\n"
      "    compopt -o nospace 2> /dev/null\n"
      "  fi\n"
      "  return 0\n"
      "}\n"
      "\n"
      "complete -F _qkcheck qkcheck\n";

static void
bash_options (FILE *out, const struct qk_option *rows)
{
  for (const struct qk_option *row = rows; row->name; row++)
    {
      fprintf (out, " --%s%s", row->name, qk_option_valued (row) ? "=" : "");
      if (row->letter)
        fprintf (out, " -%c", row->letter);
    }
}

static int
write_bash (FILE *out)
{
  const struct style style = { out, " ", false };
  put_head (out, "bash");
  fputs ("\n# What may come first (no command), or the options of a command.\n"
         "_qkcheck_options ()\n{\n  case $1 in\n    '') echo '",
         out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    fprintf (out, "%s ", (*e)->name);
  fputs ("help --help --version' ;;\n", out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      struct qk_option *rows = qk_options_of (*e);
      if (!rows)
        return -1;
      fprintf (out, "    %s) echo '", (*e)->name);
      bash_options (out, rows);
      fputs ("' ;;\n", out);
      free (rows);
    }
  fputs ("  esac\n}\n\n"
         "# What may stand behind COMMAND:OPTION=, or as an operand of COMMAND: WORD and words, "
         "WORDS\n"
         "# that may be a list, PATH and a pattern.\n"
         "_qkcheck_values ()\n{\n  case $1:$2 in\n    help:) echo 'WORD",
         out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    fprintf (out, " %s", (*e)->name);
  put_topics (&style);
  fputs ("' ;;\n", out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      struct qk_option *rows = qk_options_of (*e);
      if (!rows)
        return -1;
      bash_command (out, *e, rows);
      free (rows);
    }
  fputs ("  esac\n}\n\n", out);
  fputs (bash_function, out);
  return 0;
}

/* ---- zsh ------------------------------------------------------------------------------------- */

static const char zsh_escaped[] = "[]:\\", zsh_quote[] = "'\\''";

static void
zsh_option (FILE *out, const struct qk_experiment *e, const struct qk_option *row)
{
  const struct style style = { out, " ", true };
  bool valued = qk_option_valued (row), once = row->letter != '\0';
  enum kind kind = option_kind (row);
  fputs (" \\\n        ", out);
  if (once)
    fprintf (out, "'(-%c --%s)'{-%c%s,--%s%s}'[", row->letter, row->name, row->letter,
             valued ? "+" : "", row->name, valued ? "=" : "");
  else
    fprintf (out, "'--%s%s[", row->name, valued ? "=" : "");
  put_sentence (out, row->help, zsh_escaped, zsh_quote);
  putc (']', out);
  if (valued)
    {
      fprintf (out, ":%s:", row->metavar ? row->metavar : row->name);
      if (kind == WORD)
        putc ('(', out);
      else if (kind == WORDS)
        fprintf (out, "_values -s , %s", row->metavar ? row->metavar : row->name);
      else if (kind == PATH)
        fprintf (out, "_files -g \"%s\"", pattern (row->metavar));
      put_values (&style, e, row);
      fputs (kind == WORD ? ")" : "", out);
    }
  putc ('\'', out);
}

static void
zsh_operands (FILE *out, const struct qk_experiment *e)
{
  const struct style style = { out, " ", true };
  size_t place = 1;
  for (const struct qk_operand *o = e->operands; o && o->name; o++, place++)
    {
      fputs (" \\\n        '", out);
      if (o->any)
        putc ('*', out);
      else
        fprintf (out, "%zu", place);
      fprintf (out, ":%s:", o->name);
      if (operand_kind (o) == PATH)
        fprintf (out, "_files -g \"%s\"'", pattern (o->name));
      else
        {
          putc ('(', out);
          put_operand_words (&style, o);
          fputs (")'", out);
        }
    }
}

static int
write_zsh (FILE *out)
{
  const struct style style = { out, " ", true };
  fputs ("#compdef qkcheck\n", out);
  put_head (out, "zsh");
  fputs ("\n_qkcheck ()\n{\n"
         "  local curcontext=$curcontext state line\n"
         "  typeset -A opt_args\n"
         "  _arguments -C '(- *)'{-h,--help}'[list all commands]' \\\n"
         "    '(- *)'{-V,--version}'[print the version]' '1:command:->command' "
         "'*::argument:->rest' && "
         "return\n"
         "  case $state in\n"
         "    command)\n"
         "      local -a commands\n"
         "      commands=(\n",
         out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      fprintf (out, "        '%s:", (*e)->name);
      put_sentence (out, (*e)->question, "\\", zsh_quote);
      fputs ("'\n", out);
    }
  fputs ("        'help:print a manual page'\n"
         "      )\n"
         "      _describe -t commands 'qkcheck command' commands\n"
         "      ;;\n"
         "    rest)\n"
         "      case $words[1] in\n"
         "        help) _arguments '1:topic:(",
         out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    fprintf (out, " %s", (*e)->name);
  put_topics (&style);
  fputs (")' ;;\n", out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      struct qk_option *rows = qk_options_of (*e);
      if (!rows)
        return -1;
      fprintf (out, "        %s) _arguments", (*e)->name);
      for (const struct qk_option *row = rows; row->name; row++)
        zsh_option (out, *e, row);
      zsh_operands (out, *e);
      fputs (" ;;\n", out);
      free (rows);
    }
  fputs ("      esac\n      ;;\n  esac\n}\n\n_qkcheck \"$@\"\n", out);
  return 0;
}

/* ---- fish ------------------------------------------------------------------------------------ */

static const char fish_escaped[] = "\\", fish_quote[] = "\\'";

static void
fish_option (FILE *out, const struct qk_experiment *e, const struct qk_option *row)
{
  const struct style style = { out, " ", false };
  enum kind kind = option_kind (row);
  fprintf (out, "complete -c qkcheck -n '__qkcheck_is %s' -l %s", e->name, row->name);
  if (row->letter)
    fprintf (out, " -s %c", row->letter);
  if (kind == PATH)
    fputs (" -rF", out);
  else if (kind == WORDS)
    fputs (" -xa '(__fish_append ,", out);
  else if (kind == WORD)
    fputs (" -xa '", out);
  else if (qk_option_valued (row))
    fputs (" -x", out);
  if (kind == WORD || kind == WORDS)
    {
      put_values (&style, e, row);
      fputs (kind == WORDS ? ")'" : "'", out);
    }
  fputs (" -d '", out);
  put_sentence (out, row->help, fish_escaped, fish_quote);
  fputs ("'\n", out);
}

static int
write_fish (FILE *out)
{
  const struct style style = { out, " ", false };
  put_head (out, "fish");
  fputs ("\n# Whether the command is the one named.\n"
         "function __qkcheck_is\n"
         "  set -l words (commandline -opc)\n"
         "  test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
         "end\n"
         "\ncomplete -c qkcheck -f\n"
         "complete -c qkcheck -n __fish_use_subcommand -s h -l help -d 'List all commands'\n"
         "complete -c qkcheck -n __fish_use_subcommand -s V -l version -d 'Print the version'\n",
         out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      fprintf (out, "complete -c qkcheck -n __fish_use_subcommand -a %s -d '", (*e)->name);
      put_sentence (out, (*e)->question, fish_escaped, fish_quote);
      fputs ("'\n", out);
    }
  fputs ("complete -c qkcheck -n __fish_use_subcommand -a help -d 'Print a manual page'\n"
         "complete -c qkcheck -n '__qkcheck_is help' -a '",
         out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    fprintf (out, " %s", (*e)->name);
  put_topics (&style);
  fputs ("'\n", out);
  for (const struct qk_experiment *const *e = qk_descriptors; *e; e++)
    {
      struct qk_option *rows = qk_options_of (*e);
      if (!rows)
        return -1;
      fputs ("\n", out);
      for (const struct qk_option *row = rows; row->name; row++)
        fish_option (out, *e, row);
      free (rows);
      const struct qk_operand *o = (*e)->operands;
      if (!o || !o->name)
        continue;
      fprintf (out, "complete -c qkcheck -n '__qkcheck_is %s'", (*e)->name);
      if (operand_kind (o) == PATH)
        fputs (strcmp (pattern (o->name), "*") ? " -ka '(__fish_complete_suffix .npy)'\n" : " -F\n",
               out);
      else
        {
          fputs (" -a '", out);
          put_operand_words (&style, o);
          fputs ("'\n", out);
        }
    }
  return 0;
}

int
qk_completion_write (FILE *out, const char *shell)
{
  return !strcmp (shell, "bash")   ? write_bash (out)
         : !strcmp (shell, "zsh")  ? write_zsh (out)
         : !strcmp (shell, "fish") ? write_fish (out)
                                   : -1;
}
