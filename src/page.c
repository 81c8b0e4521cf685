/* page.c -- a finished run of `qkcheck verify` as a document: the ledger, every figure, pictures.

   HTML and Markdown tell the same in the same order.  A finding is one line of a table in either;
   of the pictures Markdown has the numbers, for it cannot hold a picture by itself.  */

#include "page.h"

#include "build.h"
#include "gnuplot.h"
#include "message.h"
#include "pictures.h"
#include "plot.h"
#include "settle.h"
#include "story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct document
{
  FILE *out;
  const struct qk_report *report;
  const struct qk_page *page;
  bool html;
  bool *shown; /* of each finding: it stands somewhere */
  char *why;
  bool failed;
};

/* ---- Text -------------------------------------------------------------------------------------
 */

/* Text for HTML; bytes that are no UTF-8 as \xNN.  */
static void
put_html (FILE *out, const char *text)
{
  for (size_t length; *text; text += length ? length : 1)
    {
      length = qk_report_character (text);
      unsigned byte = (unsigned char)*text;
      if (!length)
        fprintf (out, "\\x%02x", byte);
      else if (byte < 0x20 || byte == 0x7f)
        putc (' ', out);
      else if (strchr ("<>&\"", (int)byte))
        fprintf (out, "&#%u;", byte);
      else
        fwrite (text, 1, length, out);
    }
}

static void
put (const struct document *d, const char *text)
{
  if (d->html)
    put_html (d->out, text);
  else
    qk_text_markdown (d->out, text);
}

static void
heading (const struct document *d, int level, const char *id, const char *text)
{
  if (d->html)
    {
      fprintf (d->out, "<h%d%s", level, *id ? " id=\"" : "");
      put_html (d->out, id);
      fputs (*id ? "\">" : ">", d->out);
      put_html (d->out, text);
      fprintf (d->out, "</h%d>\n", level);
      return;
    }
  fprintf (d->out, "\n%.*s ", level, "######");
  qk_text_markdown (d->out, text);
  putc ('\n', d->out);
}

static void
paragraph (const struct document *d, const char *class, const char *text)
{
  if (!d->html)
    putc ('\n', d->out);
  else if (*class)
    fprintf (d->out, "<p class=\"%s\">", class);
  else
    fputs ("<p>", d->out);
  put (d, text);
  fputs (d->html ? "</p>\n" : "\n", d->out);
}

static void
code (const struct document *d, const char *text)
{
  if (d->html)
    {
      fputs ("<p><code>", d->out);
      put_html (d->out, text);
      fputs ("</code></p>\n", d->out);
      return;
    }
  bool tick = strchr (text, '`') != NULL;
  fprintf (d->out, "\n%s%s%s\n", tick ? "`` " : "`", text, tick ? " ``" : "`");
}

/* ---- Findings ---------------------------------------------------------------------------------
 */

/* A number for people that carries the one for machines.  */
static void
put_value (const struct document *d, const char *name, double x, const char *shown)
{
  if (isfinite (x))
    fprintf (d->out, "<data class=\"%s\" value=\"%.17g\">", name, x);
  put_html (d->out, shown);
  fputs (isfinite (x) ? "</data>" : "", d->out);
}

static const char *
verdict_of (const struct qk_finding *f)
{
  const char *word = qk_verdict_name (f->verdict);
  return word ? word : "described";
}

struct words
{
  struct qk_figure figure;
  char exact[QK_FIGURE], band[QK_FIGURE_BAND];
  struct qk_sentence keys;
  const struct qk_quantity *quantity;
};

static void
words_of (struct words *w, const struct document *d, const struct qk_finding *f)
{
  const struct qk_statement *s = f->statement;
  qk_figure_enclosure (&w->figure, f->enclosure);
  qk_figure_value (w->exact, s->exact, w->figure.decimals);
  strcpy (w->band, "");
  if (s->judged && !s->thin)
    qk_figure_band (w->band, s->band);
  w->keys = qk_sentence_keys (s->key);
  w->quantity = qk_statement_quantity (d->report->plan, s);
}

/* A cell of a finding; on a phone an empty one is left out.  */
static void
begin_cell (const struct document *d, const char *label, bool empty)
{
  fprintf (d->out, "<td role=\"cell\" data-l=\"%s\"%s>", label, empty ? " class=\"none\"" : "");
}

static void
put_finding (const struct document *d, const struct qk_finding *f, size_t place)
{
  struct words w;
  const struct qk_statement *s = f->statement;
  words_of (&w, d, f);
  fprintf (d->out, "<tr role=\"row\" data-finding=\"%zu\"><th role=\"rowheader\" scope=\"row\">",
           place);
  put_html (d->out, w.quantity->symbol);
  fputs (*w.keys.text ? " <small>" : "", d->out);
  put_html (d->out, w.keys.text);
  fputs (*w.keys.text ? "</small></th>" : "</th>", d->out);
  begin_cell (d, "estimate", false);
  put_value (d, "estimate", f->enclosure.estimate, w.figure.estimate);
  fputs ("</td>", d->out);
  begin_cell (d, "interval", false);
  if (isnan (f->enclosure.lo))
    fputs ("none", d->out);
  else
    {
      putc ('[', d->out);
      put_value (d, "lo", f->enclosure.lo, w.figure.lo);
      fputs (", ", d->out);
      put_value (d, "hi", f->enclosure.hi, w.figure.hi);
      putc (']', d->out);
    }
  fputs ("</td>", d->out);
  begin_cell (d, "exact", isnan (s->exact));
  put_value (d, "exact", s->exact, isnan (s->exact) ? "–" : w.exact);
  fputs ("</td>", d->out);
  begin_cell (d, "allowed", !*w.band);
  put_html (d->out, *w.band ? w.band : "–");
  fprintf (d->out, "</td><td role=\"cell\" data-l=\"verdict\" class=\"%s\">%s</td></tr>\n",
           verdict_of (f), verdict_of (f));
}

/* The findings at these places, as a table; caption: what they are.  */
static void
put_findings (struct document *d, const char *caption, const size_t *place, size_t n)
{
  const struct qk_finding *found = d->report->outcome->findings;
  static const char *const column[]
      = { "quantity", "estimate", "interval", "exact", "allowed", "verdict" };
  for (size_t i = 0; i < n; i++)
    d->shown[place[i]] = true;
  if (d->html)
    {
      fputs ("<table role=\"table\" class=\"f\"><caption>", d->out);
      put_html (d->out, caption);
      fputs ("</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">", d->out);
      for (size_t c = 0; c < 6; c++)
        fprintf (d->out, "<th role=\"columnheader\" scope=\"col\">%s</th>", column[c]);
      fputs ("</tr></thead>\n<tbody role=\"rowgroup\">\n", d->out);
      for (size_t i = 0; i < n; i++)
        put_finding (d, &found[place[i]], place[i]);
      fputs ("</tbody></table>\n", d->out);
      return;
    }
  struct qk_grid g;
  struct words w;
  qk_grid_open (&g, n);
  qk_grid_column (&g, 0, "quantity");
  qk_grid_column (&g, 0, "case");
  for (size_t c = 1; c < 6; c++)
    qk_grid_column (&g, 0, "%s", column[c]);
  for (size_t i = 0; i < n; i++)
    {
      const struct qk_finding *f = &found[place[i]];
      words_of (&w, d, f);
      qk_grid_put (&g, i, 0, "%s", w.quantity->symbol);
      qk_grid_put (&g, i, 1, "%s", w.keys.text);
      qk_grid_put (&g, i, 2, "%s", w.figure.estimate);
      if (!isnan (f->enclosure.lo))
        qk_grid_put (&g, i, 3, "[%s, %s]", w.figure.lo, w.figure.hi);
      qk_grid_put (&g, i, 4, "%s", w.exact);
      qk_grid_put (&g, i, 5, "%s", w.band);
      qk_grid_put (&g, i, 6, "%s", verdict_of (f));
    }
  paragraph (d, "", caption);
  d->failed |= g.full;
  qk_grid_markdown (d->out, &g);
  qk_grid_close (&g);
}

/* ---- The ledger -------------------------------------------------------------------------------
 */

static const char *
outcome_of (const struct qk_row *row)
{
  return row->outcome ? row->outcome : "not run";
}

static const char *
outcome_class (const struct qk_row *row)
{
  static const char *const class[] = { "described", "undecided", "holds", "fails" };
  return class[row->confirmed];
}

static void
put_ledger (struct document *d)
{
  const struct qk_report *r = d->report;
  heading (d, 2, "ledger", "The ledger");
  if (!d->html)
    {
      d->failed |= qk_report_rows (d->out, r->rows, r->n_rows, true, false) != 0;
      return;
    }
  fputs ("<p>What is said about attention, whether it is so, and what this run found. Each claim "
         "leads to all there is to say of it.</p>\n",
         d->out);
  const char *group = "";
  for (size_t i = 0; i < r->n_rows; i++)
    {
      const struct qk_claim *c = r->rows[i].claim;
      if (strcmp (group, c->question) != 0)
        {
          fputs (i ? "</tbody></table>\n" : "", d->out);
          fputs ("<table class=\"l\"><caption>", d->out);
          put_html (d->out, c->question);
          fputs (": ", d->out);
          put_html (d->out, qk_claim_asks (c));
          fputs ("</caption>\n<thead><tr><th scope=\"col\">claim</th><th scope=\"col\">exactly</th>"
                 "<th scope=\"col\">status</th><th scope=\"col\">this run</th></tr></thead>\n"
                 "<tbody>\n",
                 d->out);
        }
      group = c->question;
      fprintf (d->out, "<tr><th scope=\"row\"><a href=\"#%s\">%s</a><small>", c->id, c->id);
      put_html (d->out, c->said);
      fputs ("</small></th><td>", d->out);
      put_html (d->out, c->exact);
      fprintf (d->out, "</td><td>%s</td><td class=\"%s\">", qk_status_name (c->status),
               outcome_class (&r->rows[i]));
      put_html (d->out, outcome_of (&r->rows[i]));
      fputs ("</td></tr>\n", d->out);
    }
  fputs (r->n_rows ? "</tbody></table>\n" : "", d->out);
}

static void
put_entry (const struct document *d, const char *label, const char *text)
{
  if (!text || !d->html)
    return;
  fprintf (d->out, "<dt>%s</dt><dd>", label);
  put_html (d->out, text);
  fputs ("</dd>\n", d->out);
}

/* A row and what settles it: a table for each command line and verdict that it must have.  */
static void
put_row (struct document *d, const struct qk_row *row)
{
  const struct qk_claim *c = row->claim;
  const struct qk_outcome *outcome = d->report->outcome;
  size_t *place = calloc (row->n_findings + 1, sizeof *place);
  if (!place)
    {
      d->failed = true;
      return;
    }
  if (d->html)
    {
      fputs ("<section class=\"row\">\n", d->out);
      heading (d, 3, c->id, c->id);
      fputs ("<dl>\n", d->out);
      put_entry (d, "said", c->said);
      put_entry (d, "exactly", c->exact);
      put_entry (d, "assumes", c->assumptions);
      put_entry (d, "because", c->derivation);
      put_entry (d, "source", c->source);
      put_entry (d, "status", qk_status_name (c->status));
      put_entry (d, "this run", outcome_of (row));
      for (const struct qk_published *p = c->published; p && p->what; p++)
        {
          struct qk_sentence s = { "" };
          qk_sentence_add (&s, "%s%s%s (%s)", p->what, p->value ? ": " : "",
                           p->value ? p->value : "", p->source);
          put_entry (d, "published", s.text);
        }
      fputs ("</dl>\n", d->out);
    }
  else
    d->failed |= qk_report_row (d->out, row, true, false) != 0;
  if (d->html && row->n_findings)
    fprintf (d->out, "<details><summary>%zu figure%s</summary>\n", row->n_findings,
             row->n_findings == 1 ? "" : "s");
  for (size_t k = 0; c->checks[k].command; k++)
    {
      size_t n = 0;
      for (size_t i = 0;
           (i = qk_settle_next (d->report->plan, outcome, row, k, i)) < row->n_findings; i++)
        place[n++] = row->findings[i];
      struct qk_sentence s = { "" };
      const char *verdict = qk_verdict_name (c->checks[k].verdict);
      qk_sentence_add (&s, "qkcheck %s%s%s: has to be: %s", c->checks[k].command,
                       *c->checks[k].arguments ? " " : "", c->checks[k].arguments,
                       verdict ? verdict : "described");
      if (n)
        put_findings (d, s.text, place, n);
    }
  if (d->html)
    fputs (row->n_findings ? "</details></section>\n" : "</section>\n", d->out);
  free (place);
}

/* ---- Pictures ---------------------------------------------------------------------------------
 */

/* The part of the plan that is the run of a picture; NULL: there is none.  */
static const struct qk_plan *
part_of (const struct document *d, const struct qk_pictured *p)
{
  const struct qk_report *r = d->report;
  struct qk_sentence label = { "" };
  bool shows = false;
  for (size_t i = 0; i < r->n_rows; i++)
    shows |= qk_picture_shows (p, r->rows[i].claim->id);
  qk_sentence_add (&label, "%s%s%s", p->command, *p->arguments ? " " : "", p->arguments);
  for (const struct qk_plan *part = r->plan->others; part && shows; part = part->next)
    if (part->label && !strcmp (part->label, label.text))
      return part;
  return NULL;
}

static bool
is_drawn (const struct qk_pictured *p, const char *quantity)
{
  for (const char *const *q = p->quantities; *q; q++)
    if (!strcmp (*q, quantity))
      return true;
  return false;
}

/* What stands in a picture, for those who cannot see it: quantity by quantity.  */
static struct qk_sentence
alternative (const struct document *d, const struct qk_pictured *p, const size_t *place, size_t n)
{
  const struct qk_finding *found = d->report->outcome->findings;
  struct qk_sentence s = { "" };
  qk_sentence_add (&s, "%s", p->says);
  for (const char *const *q = p->quantities; *q; q++)
    {
      double lo = INFINITY, hi = -INFINITY;
      size_t dots = 0, exact = 0;
      char least[QK_FIGURE], most[QK_FIGURE];
      const struct qk_quantity *quantity = NULL;
      for (size_t i = 0; i < n; i++)
        {
          const struct qk_finding *f = &found[place[i]];
          const struct qk_quantity *its = qk_statement_quantity (d->report->plan, f->statement);
          if (strcmp (its->name, *q) || !isfinite (f->enclosure.estimate))
            continue;
          quantity = its;
          lo = fmin (lo, f->enclosure.estimate);
          hi = fmax (hi, f->enclosure.estimate);
          dots++;
          exact += isfinite (f->statement->exact);
        }
      if (!quantity)
        continue;
      qk_figure_plain (least, lo, 3);
      qk_figure_plain (most, hi, 3);
      qk_sentence_add (&s, " %s: %zu estimates with intervals, from %s to %s%s.", quantity->symbol,
                       dots, least, most, exact == dots ? ", and the exact values as lines" : "");
    }
  return s;
}

/* Text without what would be markup or an identifier of another picture, as it stands in a picture
   by gnuplot, for one inside a page that is light or dark.  */
static void
put_svg (const struct document *d, const char *svg, const char *title, const char *alt,
         size_t number)
{
  static const char *const drop[] = { "<title>", "<desc>" };
  static const char *const replace[][2]
      = { { "rgb(0,0,0)", "currentColor" },    { "rgb(  0,   0,   0)", "currentColor" },
          { "\"black\"", "\"currentColor\"" }, { "'black'", "'currentColor'" },
          { "\"white\"", "\"var(--paper)\"" }, { "'white'", "'var(--paper)'" },
          { "#FFFFFF", "var(--paper)" },       { "font-family=\"sans-serif\"", "" } };
  static const char *const own[] = { "gpPt", "gpDot", "gnuplot_", "textbox", "greybox" };
  const char *at = strstr (svg, "<svg");
  at = at ? at + strlen ("<svg") : svg + strlen (svg);
  fputs ("<svg role=\"img\" aria-label=\"", d->out);
  put_html (d->out, title);
  fputs (". ", d->out);
  put_html (d->out, alt);
  fputs ("\"", d->out);
  while (*at)
    {
      bool done = false;
      for (size_t i = 0; i < 2 && !done; i++)
        if (!strncmp (at, drop[i], strlen (drop[i])))
          {
            const char *end = strstr (at, "</");
            end = end ? strchr (end, '>') : NULL;
            at = end ? end + 1 : at + strlen (at);
            done = true;
          }
      for (size_t i = 0; i < sizeof replace / sizeof *replace && !done; i++)
        if (!strncmp (at, replace[i][0], strlen (replace[i][0])))
          {
            fputs (replace[i][1], d->out);
            at += strlen (replace[i][0]);
            done = true;
          }
      for (size_t i = 0; i < sizeof own / sizeof *own && !done; i++)
        if (!strncmp (at, own[i], strlen (own[i])))
          {
            fprintf (d->out, "f%zu-%s", number, own[i]);
            at += strlen (own[i]);
            done = true;
          }
      if (!done)
        putc (*at++, d->out);
    }
}

/* Let gnuplot draw the findings at these places, to be freed.  0, or -1 and why.  */
static int
draw (char **svg, struct document *d, const struct qk_plan *part, const struct qk_pictured *p,
      const size_t *place, size_t n)
{
  char *script = NULL;
  size_t length = 0, bytes = 0, quantities = 0;
  while (p->quantities[quantities])
    quantities++;
  const struct qk_names names = { .n = quantities, .name = (char **)p->quantities };
  const struct qk_finding **found = calloc (n + 1, sizeof *found);
  FILE *out = open_memstream (&script, &length);
  int failed = found && out ? 0 : qk_complain (d->why, "out of memory");
  for (size_t i = 0; i < n && !failed; i++)
    found[i] = &d->report->outcome->findings[place[i]];
  const struct qk_plot plot
      = { .experiment = part->experiment, .found = found, .n = n, .quantity = &names };
  if (!failed)
    failed = qk_plot_write (out, &plot, QK_PICTURE_INLINE, NULL, d->why);
  if (out && fclose (out) && !failed)
    failed = qk_complain (d->why, "out of memory");
  if (!failed)
    failed
        = qk_gnuplot_run (svg, &bytes, d->page->gnuplot, script, length, d->page->signal, d->why);
  free (script);
  free (found);
  return failed;
}

static bool
is_interrupted (const struct document *d)
{
  return d->page->signal && atomic_load (d->page->signal);
}

static void
put_picture (struct document *d, const struct qk_pictured *p, size_t number)
{
  const struct qk_outcome *outcome = d->report->outcome;
  const struct qk_plan *part = part_of (d, p);
  size_t *place = part ? calloc (outcome->n_findings + 1, sizeof *place) : NULL, n = 0;
  d->failed |= part && !place;
  if (!place)
    return;
  for (size_t i = 0; i < outcome->n_findings; i++)
    if (outcome->findings[i].statement->of == part
        && is_drawn (p,
                     qk_statement_quantity (d->report->plan, outcome->findings[i].statement)->name))
      place[n++] = i;
  struct qk_sentence caption = { "" };
  qk_sentence_add (&caption, "qkcheck %s", part->label);
  if (d->html)
    fputs ("<figure>\n", d->out);
  heading (d, 3, "", p->title);
  if (d->html && d->page->gnuplot && n && !is_interrupted (d))
    {
      char *svg = NULL;
      struct qk_sentence alt = alternative (d, p, place, n);
      d->failed |= draw (&svg, d, part, p, place, n) != 0 && !is_interrupted (d);
      if (svg)
        put_svg (d, svg, p->title, alt.text, number);
      free (svg);
    }
  else if (d->html)
    paragraph (d, "note",
               is_interrupted (d) ? "No picture: the run was interrupted."
               : n                ? "No picture: there was no gnuplot to draw it. Its numbers "
                                    "stand below."
                                  : "No picture: nothing was measured.");
  if (d->html)
    {
      fputs ("<figcaption>", d->out);
      put_html (d->out, p->says);
      fputs ("</figcaption>\n<details><summary>Its numbers</summary>\n", d->out);
    }
  else
    paragraph (d, "", p->says);
  put_findings (d, caption.text, place, n);
  if (d->html)
    fputs ("</details></figure>\n", d->out);
  free (place);
}

static bool
has_pictures (const struct document *d)
{
  for (const struct qk_pictured *p = qk_pictures; p->title; p++)
    if (part_of (d, p))
      return true;
  return false;
}

static void
put_pictures (struct document *d)
{
  size_t number = 0;
  if (!has_pictures (d))
    return;
  heading (d, 2, "pictures", "Pictures");
  paragraph (d, "",
             d->html ? "Points are estimates, bars their intervals, lines exact values; grey is "
                       "what the claim allows. A strip below shows deviations where intervals "
                       "are too thin to see."
                     : "Markdown holds no pictures: these are their numbers. The HTML report has "
                       "them drawn.");
  fputs (d->html ? "<div class=\"pictures\">\n" : "", d->out);
  for (const struct qk_pictured *p = qk_pictures; p->title && !d->failed; p++)
    put_picture (d, p, ++number);
  fputs (d->html ? "</div>\n" : "", d->out);
}

/* ---- The whole --------------------------------------------------------------------------------
 */

static const char style[]
    = ":root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1c1e21;--soft:#5b616a;--line:#d9d8d2;"
      "--card:#f3f2ed;--good:#0b6b4f;--bad:#b3261e;--open:#7a5200;--link:#1b5fa8}\n"
      "@media (prefers-color-scheme:dark){:root{--paper:#14161a;--ink:#e7e6e1;--soft:#a3a7ae;"
      "--line:#34383f;--card:#1d2026;--good:#5fcfa4;--bad:#ff8a80;--open:#f0bf5a;--link:#8fc1f7}}\n"
      "*{box-sizing:border-box}\n"
      "html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}\n"
      "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif;"
      "overflow-wrap:anywhere}\n"
      "main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem}\n"
      "h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}\n"
      "h2{font-size:1.35rem;margin:3rem 0 .6rem;padding-top:.6rem;border-top:2px solid var(--line)}"
      "\n"
      "h3{font-size:1.05rem;margin:0 0 .5rem}\n"
      "p{margin:.5rem 0;max-width:44rem}\n"
      "a{color:var(--link)}\n"
      "code{font:.9em ui-monospace,monospace;background:var(--card);padding:.15em .4em;"
      "border-radius:.3em}\n"
      "small,.note,nav,.setting{color:var(--soft)}\n"
      ".answer{font-size:1.15rem}\n"
      "nav a{margin-right:1rem;display:inline-block;padding:.25rem 0}\n"
      "table{border-collapse:collapse;width:100%;margin:.4rem 0 1.6rem;font-size:.92rem;"
      "font-variant-numeric:tabular-nums}\n"
      "caption{text-align:left;font-weight:600;padding:.5rem 0}\n"
      "th,td{text-align:left;vertical-align:top;padding:.4rem .6rem .4rem 0;"
      "border-bottom:1px solid var(--line)}\n"
      "thead th{color:var(--soft);font-weight:500;font-size:.85rem}\n"
      "tbody th{font-weight:600}\n"
      ".l th small{display:block;font-weight:400;margin-top:.1rem}\n"
      ".l{table-layout:fixed}.l thead th:nth-child(1){width:36%}.l thead th:nth-child(3),"
      ".l thead th:nth-child(4){width:7.2rem}\n"
      ".f caption{font:.85rem ui-monospace,monospace;color:var(--soft)}\n"
      ".f th small{display:block;font-weight:400}\n"
      ".holds{color:var(--good)}.fails{color:var(--bad);font-weight:600}\n"
      ".undecided{color:var(--open);font-weight:600}.described{color:var(--soft)}\n"
      ".row,figure{background:var(--card);border-radius:.7rem;padding:1rem 1.1rem;margin:1rem 0;"
      "border:1px solid var(--line);scroll-margin-top:1rem}\n"
      "dl{display:grid;grid-template-columns:6.5em 1fr;gap:.25rem .8rem;margin:.4rem 0;"
      "font-size:.95rem}\n"
      "dt{color:var(--soft)}dd{margin:0}\n"
      "figure svg{display:block;width:100%;max-width:34rem;height:auto;margin:.3rem 0 .6rem;"
      "color:var(--ink);--paper:var(--card)}\n"
      "figcaption{max-width:44rem}\n"
      "summary{cursor:pointer;color:var(--link);padding:.4rem 0}\n"
      "footer{color:var(--soft);font-size:.9rem;margin-top:3rem}\n"
      "@media (max-width:44rem){\n"
      ".f thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n"
      ".f,.f tbody,.f caption{display:block}\n"
      ".f tr{display:grid;grid-template-columns:1fr 1.4fr;gap:0 .8rem;padding:.6rem 0;"
      "border-bottom:1px solid var(--line)}\n"
      ".f .none{display:none}.f th{grid-column:1/-1}.f th,.f td{border:0;padding:.1rem 0}\n"
      ".f td::before{content:attr(data-l);display:block;color:var(--soft);font-size:.78rem}\n"
      ".l th:nth-child(2),.l td:nth-child(2){display:none}.l thead th:nth-child(1){width:auto}"
      ".l thead th:nth-child(3),.l thead th:nth-child(4){width:6rem}\n"
      "dl{display:block}dt{margin-top:.4rem;font-size:.82rem}\n"
      ".row,figure{padding:.8rem;margin-left:-.3rem;margin-right:-.3rem}}\n"
      "@media (min-width:62rem){.pictures{columns:2;column-gap:1rem}"
      ".pictures figure{break-inside:avoid;margin:0 0 1rem}}\n"
      "@media print{:root{--paper:#fff;--ink:#000;--card:#fff;--soft:#333;--line:#bbb;"
      "--good:#000;--bad:#000;--open:#000;--link:#000}body{font-size:10pt}nav{display:none}"
      "figure,tr{break-inside:avoid}details::details-content{content-visibility:visible;"
      "display:block;height:auto}}\n";

static void
put_answer (const struct document *d)
{
  const struct qk_report *r = d->report;
  size_t count[QK_CONTRADICTED + 1] = { 0 }, published = 0;
  struct qk_sentence s = { "" };
  char time[QK_FIGURE];
  for (size_t i = 0; i < r->n_rows; i++)
    {
      count[r->rows[i].confirmed]++;
      published += r->rows[i].confirmed == QK_UNSETTLED && qk_claim_published (r->rows[i].claim);
    }
  size_t ran = r->n_rows - count[QK_UNSETTLED];
  if (count[QK_CONFIRMED] == ran)
    qk_sentence_add (&s, "%s%zu row%s of the ledger that ran came out as it says.",
                     ran == 1 ? "The " : "All ", ran, ran == 1 ? "" : "s");
  else
    qk_sentence_add (&s,
                     "Of %zu rows of the ledger that ran, %zu came out as it says; %zu did not, "
                     "and %zu are undecided.",
                     ran, count[QK_CONFIRMED], count[QK_CONTRADICTED], count[QK_OPEN]);
  if (published)
    qk_sentence_add (&s, " What is printed settles %zu more.", published);
  if (count[QK_UNSETTLED] > published)
    qk_sentence_add (&s, " %zu did not run.", count[QK_UNSETTLED] - published);
  if (!r->outcome->complete)
    qk_sentence_add (&s, " Interrupted: this is a partial result.");
  paragraph (d, "answer", s.text);
  qk_figure_time (time, r->outcome->elapsed);
  s = qk_story_setting (r->plan);
  qk_sentence_add (&s, "; %zu findings, %s, seed %llu, qkcheck %s.", r->outcome->n_findings, time,
                   (unsigned long long)r->plan->params->seed, PACKAGE_VERSION);
  paragraph (d, "setting", s.text);
  s.text[0] = '\0';
  qk_sentence_add (&s, "qkcheck");
  for (int i = 1; i < r->argc; i++)
    qk_sentence_add (&s, " %s", r->argv[i]);
  s.text[strcspn (s.text, "\r\n")] = '\0';
  code (d, s.text);
}

/* Findings that have no place above.  */
static void
put_rest (struct document *d)
{
  const struct qk_outcome *outcome = d->report->outcome;
  size_t *place = calloc (outcome->n_findings + 1, sizeof *place), n = 0;
  d->failed |= !place;
  for (size_t i = 0; place && i < outcome->n_findings; i++)
    if (!d->shown[i])
      place[n++] = i;
  if (n)
    {
      heading (d, 2, "others", "Other findings");
      put_findings (d, "No row asks for these.", place, n);
    }
  free (place);
  for (size_t i = 0; i < outcome->n_warnings; i++)
    {
      if (i == 0)
        heading (d, 2, "notes", "Notes");
      paragraph (d, "note", outcome->warnings[i]);
    }
}

static void
put_end (const struct document *d)
{
  static const char how[]
      = "What would be judged, and within which band, was fixed before a number was drawn. An "
        "interval holds the true value but for its share of one chance of error, which is split "
        "over the whole run. Holds: the whole interval lies within what the claim allows. Fails: "
        "the two have nothing in common. Undecided: they overlap. qkcheck help method says more.";
  heading (d, 2, "how", "How it was decided");
  paragraph (d, "", how);
  fputs (d->html ? "</main>\n</body>\n</html>\n" : "", d->out);
}

static void
put_document (struct document *d)
{
  struct qk_sentence title = { "" };
  qk_sentence_add (&title, "%s %s.", d->report->plan->experiment->asked,
                   qk_story_word (qk_report_verdict (d->report)));
  if (d->html)
    {
      fputs ("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
             "style-src 'unsafe-inline'\">\n<title>qkcheck: ",
             d->out);
      put_html (d->out, title.text);
      fprintf (d->out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
    }
  heading (d, 1, "", title.text);
  put_answer (d);
  if (d->html)
    fprintf (d->out,
             "<nav aria-label=\"Contents\"><a href=\"#ledger\">Ledger</a>%s<a href=\"#rows\">Row "
             "by row</a><a href=\"#how\">How it was decided</a></nav>\n",
             has_pictures (d) ? "<a href=\"#pictures\">Pictures</a>" : "");
  put_ledger (d);
  put_pictures (d);
  heading (d, 2, "rows", "Row by row");
  for (size_t i = 0; i < d->report->n_rows && !d->failed; i++)
    put_row (d, &d->report->rows[i]);
  if (!d->failed)
    put_rest (d);
  put_end (d);
}

int
qk_page_write (FILE *out, const struct qk_report *report, const struct qk_page *page,
               char why[static QK_WHY])
{
  struct document d
      = { .out = out, .report = report, .page = page, .html = page->html, .why = why };
  strcpy (why, "");
  d.shown = calloc (report->outcome->n_findings + 1, sizeof *d.shown);
  if (!d.shown)
    return qk_complain (why, "out of memory");
  put_document (&d);
  free (d.shown);
  if (d.failed && !*why)
    qk_complain (why, "out of memory");
  return d.failed ? -1 : 0;
}

int
qk_page_of (struct qk_page *page, const char *path, char why[static QK_WHY])
{
  char quoted[QK_QUOTED];
  size_t n = strlen (path);
  page->html = n > 5 && !strcmp (path + n - 5, ".html");
  if (page->html || (n > 3 && !strcmp (path + n - 3, ".md")))
    return 0;
  return qk_complain (why, "'%s' ends in none of .html, .md", qk_quote (quoted, path, n));
}
