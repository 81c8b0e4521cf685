/* main.c -- a list of steps; owner of standard error and of the exit status.  */

#include "blocks.h"
#include "build.h"
#include "commands.h"
#include "completion.h"
#include "dump.h"
#include "engine.h"
#include "help.h"
#include "gnuplot.h"
#include "message.h"
#include "option.h"
#include "output.h"
#include "page.h"
#include "plot.h"
#include "registry.h"
#include "report.h"
#include "settle.h"

#include <errno.h>
#include <gsl/gsl_errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum
{
  EXIT_HOLDS = 0,
  EXIT_FAILS = 1,
  EXIT_TROUBLE = 2,
  EXIT_UNDECIDED = 3
};

static const char *command; /* of messages; NULL: none yet */

static void
say (const char *format, va_list arguments)
{
  fprintf (stderr, "qkcheck%s%s: ", command ? " " : "", command ? command : "");
  vfprintf (stderr, format, arguments);
  fputc ('\n', stderr);
}

__attribute__ ((format (printf, 1, 2))) static int
trouble (const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  say (format, arguments);
  va_end (arguments);
  return EXIT_TROUBLE;
}

__attribute__ ((format (printf, 1, 2))) static void
warning (const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  say (format, arguments);
  va_end (arguments);
}

/* The user's text as a message may show it.  */
static const char *
quoted (const char *text)
{
  static char buffer[QK_QUOTED];
  return qk_quote (buffer, text, strlen (text));
}

/* ---- Signals -----------------------------------------------------------------------------------
 */

static atomic_int interrupted;

static void
interrupt (int number)
{
  atomic_store (&interrupted, number);
}

/* The first signal asks the engine to finish; the second ends the process.  */
static void
watch_signals (void)
{
  struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESETHAND };
  sigemptyset (&action.sa_mask);
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

/* End as if the signal had not been caught, so that a shell sees what happened.  */
static void
die_by (int number)
{
  sigset_t set;
  signal (number, SIG_DFL);
  sigemptyset (&set);
  sigaddset (&set, number);
  sigprocmask (SIG_UNBLOCK, &set, NULL);
  raise (number);
}

/* ---- Output ------------------------------------------------------------------------------------
 */

/* A stream into an output: what the functions that print get.  */
struct page
{
  FILE *stream;
  struct qk_output *out;
  int error; /* of the first write that failed, or 0 */
  char why[QK_WHY];
};

static ssize_t
page_write (void *closure, const char *bytes, size_t n)
{
  struct page *page = closure;
  if (!page->error && qk_output_write (page->out, bytes, n, page->why))
    page->error = errno ? errno : EIO;
  return page->error ? 0 : (ssize_t)n;
}

static FILE *
page_open (struct page *page, struct qk_output *out)
{
  *page = (struct page){ .out = out };
  return page->stream = fopencookie (page, "w", (cookie_io_functions_t){ .write = page_write });
}

/* Finish what was written, or void: nonzero where the page is not whole.  A closed pipe ends
   silently, as by SIGPIPE.  */
static int
page_close (struct page *page, int lost)
{
  lost |= fclose (page->stream);
  if (!page->error && lost)
    return trouble ("out of memory");
  if (!page->error && !qk_output_commit (page->out, page->why))
    return 0;
  if (page->error == EPIPE || (!page->error && errno == EPIPE))
    die_by (SIGPIPE);
  return trouble ("%s", page->why);
}

/* Standard output, for what is not a result.  */
static struct qk_output standard = { .fd = STDOUT_FILENO };

/* ---- Progress
 * ------------------------------------------------------------------------------------ */

static void
show_progress (void *closure, unsigned round, double share, double left)
{
  (void)closure;
  fprintf (stderr, "\r\033[K%s: round %u, %3.0f %%, %.0f s left", command, round, 100 * share,
           left);
  fflush (stderr);
}

static void
show_planning (void)
{
  fprintf (stderr, "\r\033[K%s: planning", command);
  fflush (stderr);
}

static void
clear_progress (void)
{
  fputs ("\r\033[K", stderr);
  fflush (stderr);
}

static bool
wanted (int when, bool automatic)
{
  return when == QK_ALWAYS || (when == QK_AUTO && automatic);
}

static bool
wants_progress (const struct qk_params *p)
{
  return wanted (p->progress, isatty (STDERR_FILENO) && !p->quiet);
}

static bool
wants_color (const struct qk_params *p)
{
  const char *none = getenv ("NO_COLOR"), *terminal = getenv ("TERM");
  return wanted (p->color, !p->output && isatty (STDOUT_FILENO) && !(none && *none)
                               && !(terminal && !strcmp (terminal, "dumb")));
}

/* ---- Running an experiment
 * ------------------------------------------------------------------------- */

static const struct qk_kernels *
choose_kernels (void)
{
  const char *isa = getenv ("QKCHECK_ISA");
  const struct qk_kernels *kernels = qk_kernels_find (isa && *isa ? isa : NULL);
  if (kernels && !strcmp (kernels->isa, "plain") && !qk_fma_in_hardware ())
    warning ("no fused multiply-add on this processor: correct, but some 200 times slower");
  if (kernels)
    return kernels;
  char names[QK_WHY] = "";
  for (const struct qk_kernels *const *k = qk_kernels_available (); *k; k++)
    snprintf (names + strlen (names), sizeof names - strlen (names), "%s%s", *names ? ", " : "",
              (*k)->isa);
  trouble ("QKCHECK_ISA: '%s' is not an instruction set of this processor; allowed: %s",
           quoted (isa), names);
  return NULL;
}

static int
exit_status (enum qk_verdict verdict)
{
  return verdict == QK_FAILS ? EXIT_FAILS : verdict == QK_UNDECIDED ? EXIT_UNDECIDED : EXIT_HOLDS;
}

/* What a run leaves behind, besides its exit status.  */
struct files
{
  struct qk_output result, blocks, plot, page[QK_FILES_MAX], curves;
  enum qk_picture picture; /* of plot, where there is one */
  char gnuplot[PATH_MAX];  /* the program, where it is needed and there */
};

/* What is to be written to the file of a picture: the script, or what gnuplot makes of it; to be
   freed.  Without a report only a trial.  NULL and why.  */
static char *
make_picture (size_t *bytes, const struct qk_report *report, const struct files *files,
              char why[static QK_WHY])
{
  char *script = NULL, *drawn = NULL;
  FILE *out = open_memstream (&script, bytes);
  int failed = out ? 0 : qk_complain (why, "out of memory");
  if (!failed && report)
    failed = qk_plot_report (out, report, files->picture, why);
  else if (!failed)
    qk_script_trial (out, files->picture);
  if (out && fclose (out) && !failed)
    failed = qk_complain (why, "out of memory");
  if (!failed && files->picture == QK_PICTURE_GP)
    return script;
  if (!failed)
    qk_gnuplot_run (&drawn, bytes, files->gnuplot, script, *bytes, &interrupted, why);
  free (script);
  return drawn;
}

/* Draw the findings to where they shall be.  */
static int
draw (const struct qk_report *report, struct files *files, char why[static QK_WHY])
{
  size_t bytes;
  char *picture = make_picture (&bytes, report, files, why);
  int failed = !picture || qk_output_write (&files->plot, picture, bytes, why)
               || qk_output_commit (&files->plot, why);
  free (picture);
  return failed;
}

/* The report as a document, to where it shall be.  */
static int
write_page (const struct qk_report *report, const char *path, struct qk_output *output,
            const char *gnuplot, char why[static QK_WHY])
{
  char *text = NULL;
  size_t bytes;
  struct qk_page page = { .gnuplot = *gnuplot ? gnuplot : NULL, .signal = &interrupted };
  qk_page_of (&page, path, why);
  FILE *out = open_memstream (&text, &bytes);
  int failed = out ? qk_page_write (out, report, &page, why) : qk_complain (why, "out of memory");
  if (out && fclose (out) && !failed)
    failed = qk_complain (why, "out of memory");
  if (!failed)
    failed = qk_output_write (output, text, bytes, why) || qk_output_commit (output, why);
  free (text);
  return failed;
}

/* The files for programs: raw tables, one column of them, a folder of arrays.  */
static int
deliver (const struct qk_report *report, struct files *files)
{
  const struct qk_params *p = report->plan->params;
  const struct qk_outcome *outcome = report->outcome;
  char why[QK_WHY];
  if (p->blocks
      && (qk_blocks_write (&files->blocks, report->plan, outcome, why)
          || qk_output_commit (&files->blocks, why)))
    return trouble ("--blocks: %s", why);
  if (p->curves
      && (qk_blocks_write_column (&files->curves, report->plan, outcome, "curve", why)
          || qk_output_commit (&files->curves, why)))
    return trouble ("--curves: %s", why);
  if (p->dump && qk_dump_write (report->plan, outcome, report->kernels, why))
    return trouble ("--dump: %s", why);
  return 0;
}

/* Sample, judge, and deliver the raw tables, the picture and the report.  */
static int
run (struct qk_report *report, struct files *files)
{
  const struct qk_params *p = report->plan->params;
  char why[QK_WHY];
  bool progress = wants_progress (p);
  struct qk_watch watch = { .progress = progress ? show_progress : NULL, .signal = &interrupted };
  struct qk_outcome outcome;
  int failed = qk_engine_run (&outcome, report->plan, report->kernels, &watch, why);
  if (progress)
    clear_progress ();
  struct qk_row *rows = NULL;
  report->outcome = &outcome;
  if (!failed && report->plan->n_asked && !(rows = qk_settle (report->plan, &outcome)))
    failed = snprintf (why, sizeof why, "out of memory");
  report->rows = rows;
  report->n_rows = rows ? report->plan->n_asked : 0;
  int status = failed ? trouble ("%s", why) : exit_status (qk_report_verdict (report));
  if (!failed && (failed = deliver (report, files)))
    status = failed;
  struct page page;
  if (!failed && p->plot && draw (report, files, why))
    {
      warning ("--plot: %s", why);
      status = atomic_load (&interrupted) ? status : EXIT_TROUBLE;
    }
  for (size_t i = 0; !failed && p->report[i]; i++)
    if (write_page (report, p->report[i], &files->page[i], files->gnuplot, why))
      status = trouble ("--report: %s", why);
  if (!failed && !page_open (&page, &files->result))
    failed = status = trouble ("out of memory");
  if (!failed && page_close (&page, qk_report_write (page.stream, report)))
    status = EXIT_TROUBLE;
  qk_settle_free (rows, report->n_rows);
  qk_outcome_free (&outcome);
  return status;
}

static int
dry_run (const struct qk_report *report, struct qk_output *result)
{
  struct page page;
  if (!page_open (&page, result))
    return trouble ("out of memory");
  return page_close (&page, qk_report_plan (page.stream, report));
}

/* Let gnuplot show that it can draw, if there is time.  */
static int
try_gnuplot (const struct files *files, char why[static QK_WHY])
{
  size_t bytes;
  char *trial = make_picture (&bytes, NULL, files, why);
  free (trial);
  return trial || atomic_load (&interrupted) ? 0 : -1;
}

/* Open the file of a picture, and find what draws it.  */
static int
open_plot (struct files *files, const char *path, char why[static QK_WHY])
{
  if (qk_output_open (&files->plot, path, why))
    return -1;
  if (files->picture == QK_PICTURE_GP)
    return 0;
  return qk_gnuplot_find (files->gnuplot, getenv ("PATH"), why) || try_gnuplot (files, why);
}

/* Open what will be written before anything is sampled.  */
static int
open_files (struct files *files, const struct qk_params *p)
{
  const char *const path[]
      = { p->output, p->blocks, p->plot, p->report[0], p->report[1], p->curves };
  static const char *const option[] = { "output", "blocks", "plot", "report", "report", "curves" };
  char why[QK_WHY];
  bool html = false;
  for (int i = 1; i < 6; i++)
    for (int j = 0; j < i; j++)
      if (path[i] && path[j] && !strcmp (path[i], path[j]))
        return trouble ("--%s: '%s' is also the file of --%s", option[i], quoted (path[i]),
                        option[j]);
  if (qk_output_open (&files->result, p->output, why))
    return trouble ("--output: %s", why);
  if (p->plot && qk_picture_of (&files->picture, p->plot, why))
    return trouble ("--plot: %s", why);
  for (size_t i = 0; p->report[i]; i++)
    {
      struct qk_page page;
      if (qk_page_of (&page, p->report[i], why))
        return trouble ("--report: %s", why);
      html |= page.html;
    }
  if (p->dry_run)
    return 0;
  if (p->blocks && qk_output_open (&files->blocks, p->blocks, why))
    return trouble ("--blocks: %s", why);
  if (p->curves && qk_output_open (&files->curves, p->curves, why))
    return trouble ("--curves: %s", why);
  if (p->dump && qk_dump_open (p->dump, why))
    return trouble ("--dump: %s", why);
  if (p->plot && open_plot (files, p->plot, why))
    return trouble ("--plot: %s", why);
  for (size_t i = 0; p->report[i]; i++)
    if (qk_output_open (&files->page[i], p->report[i], why))
      return trouble ("--report: %s", why);
  if (html && qk_gnuplot_find (files->gnuplot, getenv ("PATH"), why))
    {
      *files->gnuplot = '\0';
      warning ("--report: no gnuplot on the PATH (Debian: gnuplot-nox): the page has no pictures");
    }
  else if (html && try_gnuplot (files, why))
    return trouble ("--report: %s", why);
  return 0;
}

/* An interruption leaves a plan of nothing.  */
static int
make_plan (struct qk_plan *plan)
{
  const struct qk_params *p = plan->params;
  bool progress = wants_progress (p);
  char why[QK_WHY];
  if (progress)
    show_planning ();
  int failed = plan->experiment->plan (plan, why) || qk_engine_prepare (plan, why);
  if (progress)
    clear_progress ();
  if (!failed)
    return 0;
  if (!atomic_load (&interrupted))
    return trouble ("%s", why);
  plan->n_cases = plan->n_statements = plan->n_warnings = plan->n_asked = 0;
  return 0;
}

static int
run_plan (const struct qk_experiment *experiment, const struct qk_params *params, int argc,
          char **argv)
{
  struct qk_plan plan = {
    .experiment = experiment, .params = params, .commands = &qk_commands, .signal = &interrupted
  };
  struct files files = { .result.fd = -1,
                         .blocks.fd = -1,
                         .plot.fd = -1,
                         .page = { { .fd = -1 }, { .fd = -1 } },
                         .curves.fd = -1 };
  struct qk_report report
      = { .plan = &plan, .argc = argc, .argv = argv, .color = wants_color (params) };
  watch_signals ();
  report.kernels = choose_kernels ();
  int status = report.kernels ? open_files (&files, params) : EXIT_TROUBLE;
  if (!status)
    status = make_plan (&plan);
  if (!status && !params->dry_run)
    status = run (&report, &files);
  else if (!status && !atomic_load (&interrupted))
    status = dry_run (&report, &files.result);
  int signal_number = atomic_load (&interrupted);
  qk_output_discard (&files.curves);
  for (size_t i = 0; i < QK_FILES_MAX; i++)
    qk_output_discard (&files.page[i]);
  qk_output_discard (&files.plot);
  qk_output_discard (&files.blocks);
  qk_output_discard (&files.result);
  qk_plan_free (&plan);
  if (signal_number && status != EXIT_TROUBLE)
    die_by (signal_number);
  return status;
}

/* A command that measures nothing: rows of the ledger.  */
static int
print_ledger (const struct qk_experiment *experiment, const struct qk_params *params, int argc,
              char **argv)
{
  char why[QK_WHY];
  struct qk_plan plan = { .experiment = experiment, .params = params };
  struct qk_outcome outcome;
  struct qk_report report = {
    .plan = &plan, .outcome = &outcome, .argc = argc, .argv = argv, .color = wants_color (params)
  };
  qk_engine_rest (&outcome, &plan);
  const struct qk_claim **claims = qk_claims_select (&report.n_rows, params, why);
  struct qk_row *rows = claims ? calloc (report.n_rows + 1, sizeof *rows) : NULL;
  for (size_t i = 0; rows && i < report.n_rows; i++)
    rows[i].claim = claims[i];
  report.rows = rows;
  struct qk_output result = { .fd = -1 };
  struct page page;
  int status;
  if (!claims)
    status = trouble ("%s", why);
  else if (!rows)
    status = trouble ("out of memory");
  else if (qk_output_open (&result, params->output, why))
    status = trouble ("--output: %s", why);
  else if (!page_open (&page, &result))
    status = trouble ("out of memory");
  else
    status = page_close (&page, qk_report_write (page.stream, &report));
  qk_output_discard (&result);
  free (rows);
  free (claims);
  return status;
}

static int
run_command (const struct qk_experiment *experiment, int argc, char **argv)
{
  char why[QK_WHY];
  struct qk_params params = { 0 };
  struct page page;
  int status;
  /* Parsing permutes; the report shows the arguments as they were given.  */
  char **words = calloc ((size_t)argc + 1, sizeof *words);
  if (!words)
    return trouble ("out of memory");
  memcpy (words, argv, (size_t)argc * sizeof *words);
  if (qk_options_parse (&params, experiment, argc - 1, words + 1, why))
    status = trouble ("%s", why);
  else if (!params.help)
    status = (experiment->prints ? print_ledger : run_plan) (experiment, &params, argc, argv);
  else if (page_open (&page, &standard))
    {
      qk_help_short (page.stream, experiment);
      status = page_close (&page, 0);
    }
  else
    status = trouble ("out of memory");
  qk_params_free (&params, experiment);
  free (words);
  return status;
}

/* ---- What is not an experiment
 * ------------------------------------------------------------------------ */

static int
print_version (void)
{
  struct page page;
  if (!page_open (&page, &standard))
    return trouble ("out of memory");
  fprintf (page.stream,
           "qkcheck %s\n"
           "License GPL-3.0-or-later. There is no warranty, to the extent permitted by law.\n",
           PACKAGE_VERSION);
  return page_close (&page, 0);
}

static int
unknown_command (const char *word)
{
  const char *names[64] = { "help" };
  size_t n = 1;
  if (*word == '-')
    return trouble ("a command comes first, then its options; 'qkcheck --help' lists them");
  for (const struct qk_experiment *const *e = qk_descriptors; *e && n < 63; e++)
    names[n++] = (*e)->name;
  const char *near = qk_nearest (word, names);
  if (near)
    return trouble ("'%s' is not a command; did you mean '%s'?", quoted (word), near);
  return trouble ("'%s' is not a command; 'qkcheck --help' lists them", quoted (word));
}

/* The sources of what is rendered: the page of a command, that of the program (topic NULL), that of
   the ledger, the completion of a shell.  -1: there is none.  */
static int
print_source (FILE *out, const char *topic)
{
  const struct qk_experiment *experiment = topic ? qk_descriptor_find (topic) : NULL;
  if (!topic || experiment)
    qk_help_source (out, experiment);
  else if (!strcmp (topic, "claims.7"))
    qk_report_ledger_page (out);
  else
    return qk_completion_write (out, topic);
  return 0;
}

/* qkcheck help [TOPIC]; qkcheck help --source [TOPIC] is how the manual pages and the completions
   are made.  */
static int
run_help (int argc, char **argv)
{
  struct page page;
  command = "help";
  bool source = argc > 2 && !strcmp (argv[2], "--source");
  const char *topic = argc > 2 + source ? argv[2 + source] : NULL;
  if (argc > 3 + source)
    return trouble ("surplus operand '%s'; one topic at a time", quoted (argv[3 + source]));
  if (!page_open (&page, &standard))
    return trouble ("out of memory");
  int failed = 0;
  if (source)
    failed = print_source (page.stream, topic);
  else if (!topic || !strcmp (topic, "--help") || !strcmp (topic, "-h"))
    qk_help_overview (page.stream);
  else
    failed = qk_help_page (page.stream, topic, 80);
  if (!failed)
    return page_close (&page, 0);
  fclose (page.stream);
  return trouble ("there is no page '%s'; 'qkcheck --help' lists what there is", quoted (topic));
}

int
main (int argc, char **argv)
{
  gsl_set_error_handler_off ();
  signal (SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write */
  struct page page;
  const char *word = argc > 1 ? argv[1] : "";
  const struct qk_experiment *experiment = qk_descriptor_find (word);
  if (experiment)
    {
      command = experiment->name;
      return run_command (experiment, argc, argv);
    }
  if (!strcmp (word, "help"))
    return run_help (argc, argv);
  if (!strcmp (word, "--version") || !strcmp (word, "-V"))
    return print_version ();
  bool start = argc == 1, overview = !strcmp (word, "--help") || !strcmp (word, "-h");
  if (!start && !overview)
    return unknown_command (word);
  if (!page_open (&page, &standard))
    return trouble ("out of memory");
  (start ? qk_help_start : qk_help_overview) (page.stream);
  return page_close (&page, 0);
}
