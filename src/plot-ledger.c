/* plot-ledger.c -- the rows of the ledger that a run settles, as a picture.

   Quantities of all kinds share one axis: how far they are from the middle of what their claim
   allows, in half-widths of that, so that -1 and 1 are its ends.  What has no interval, or no two
   ends, has no place on it; a row without any says in words what came of it.  */

#include "plot.h"

#include "settle.h"
#include "story.h"

#include <math.h>
#include <string.h>

enum
{
  WIDE = 860,
  LEFT = 200,  /* names of rows */
  RIGHT = 110, /* what came of them */
  DOT = 5,     /* pixels of a finding */
  ROW = 17,    /* of a row, at least */
  HEAD = 24,   /* of a question */
  BELOW = 62   /* labels below */
};

/* Where the axis ends, in half-widths.  */
static const double REACH = 3;

struct ledger
{
  struct qk_canvas on;
  const struct qk_report *report;
  double top;   /* of the first row */
  double at;    /* where the next one goes, below that */
  size_t drawn; /* findings so far */
};

static bool
is_placed (const struct qk_finding *f)
{
  const struct qk_statement *s = f->statement;
  return qk_statement_sampled (s) && s->judged && !s->thin && isfinite (f->enclosure.estimate)
         && isfinite (s->band.lo) && s->band.hi > s->band.lo && isfinite (s->band.hi);
}

static void
put_place (FILE *out, const struct qk_finding *f, double x)
{
  struct qk_band band = f->statement->band;
  qk_script_number (out, (2 * x - band.lo - band.hi) / (band.hi - band.lo));
}

/* The findings of a row that a check asks for, a line each below at; only counted where not asked
   to write.  */
static size_t
put_findings (const struct ledger *l, const struct qk_row *row, size_t k, double at, bool write)
{
  const struct qk_plan *plan = l->report->plan;
  const struct qk_outcome *outcome = l->report->outcome;
  const struct qk_check *check = &row->claim->checks[k];
  size_t n = 0;
  for (size_t i = 0; (i = qk_settle_next (plan, outcome, row, k, i)) < row->n_findings; i++)
    {
      const struct qk_finding *f = &outcome->findings[row->findings[i]];
      if (!is_placed (f))
        continue;
      if (write)
        {
          fprintf (l->on.out, "%.10g", at + DOT * (double)n);
          put_place (l->on.out, f, f->enclosure.estimate);
          put_place (l->on.out, f, f->enclosure.lo);
          put_place (l->on.out, f, f->enclosure.hi);
          put_place (l->on.out, f, f->statement->exact);
          fprintf (l->on.out, " %s %s %s\n", qk_verdict_name (check->verdict), row->claim->id,
                   qk_statement_quantity (plan, f->statement)->name);
        }
      n++;
    }
  return n;
}

static size_t
placed (const struct ledger *l, const struct qk_row *row)
{
  size_t n = 0;
  for (size_t k = 0; row->claim->checks[k].command; k++)
    n += put_findings (l, row, k, 0, false);
  return n;
}

static double
height (const struct ledger *l, const struct qk_row *row)
{
  return fmax (ROW, DOT * (double)(placed (l, row) + 1));
}

static bool
begins (const struct qk_report *r, size_t i)
{
  return i == 0 || strcmp (r->rows[i].claim->question, r->rows[i - 1].claim->question);
}

static void
put_data (struct ledger *l)
{
  const struct qk_report *r = l->report;
  fputs (
      "\n# Columns: place, estimate, lo, hi, exact, as shares of what the claim allows, whose ends "
      "are -1 and 1;\n# the verdict expected, the row, the quantity.\n$findings << END\n",
      l->on.out);
  for (size_t i = 0; i < r->n_rows; i++)
    {
      const struct qk_row *row = &r->rows[i];
      l->at += begins (r, i) ? HEAD : 0;
      double high = height (l, row), at = l->at + (high - DOT * ((double)placed (l, row) - 1)) / 2;
      for (size_t k = 0; row->claim->checks[k].command; k++)
        {
          size_t n = put_findings (l, row, k, at, true);
          at += DOT * (double)n;
          l->drawn += n;
        }
      l->at += high;
    }
  fputs ("END\n\n", l->on.out);
}

/* Text at x half-widths.  */
static void
put_label (const struct ledger *l, const char *text, double x, double at, const char *how)
{
  fputs ("set label ", l->on.out);
  qk_script_text (l->on.out, text);
  fprintf (l->on.out, " at first %.10g, first %.10g %s\n", x, at, how);
}

/* Names at the left, what came of them at the right, lines between.  */
static void
put_rows (const struct ledger *l)
{
  const struct qk_report *r = l->report;
  FILE *out = l->on.out;
  double at = 0;
  for (size_t i = 0; i < r->n_rows; i++)
    {
      const struct qk_row *row = &r->rows[i];
      if (begins (r, i))
        {
          struct qk_sentence s = { "" };
          qk_sentence_add (&s, "%s, %s", row->claim->question, qk_claim_asks (row->claim));
          fprintf (out,
                   "set arrow from graph 0, first %.10g to graph 1, first %.10g nohead lw 0.7\n",
                   at, at);
          put_label (l, s.text, 0, at + HEAD / 2, "center font ',11'");
          at += HEAD;
        }
      double high = height (l, row), middle = at + high / 2;
      struct qk_sentence name = { "" };
      qk_sentence_add (&name, "%s ", row->claim->id);
      put_label (l, name.text, -REACH, middle, "right font ',11'");
      put_label (l, row->outcome, REACH, middle, "left offset 1, 0 font ',11'");
      if (!placed (l, row) && row->confirmed != QK_UNSETTLED)
        put_label (l, "exact, or bounded on one side", 0, middle, "center font ',10'");
      at += high;
    }
}

static void
put_axes (const struct ledger *l)
{
  const struct qk_canvas *c = &l->on;
  fprintf (c->out,
           "set lmargin at screen %.5f; set rmargin at screen %.5f\n"
           "set tmargin at screen %.5f; set bmargin at screen %.5f\n"
           "set xrange [-%g:%g]; set yrange [%.10g:0]; unset ytics; unset key\n"
           "set xtics -%g, 1, %g nomirror out scale 0.6 font ',11'; set border 11 lw 0.7\n"
           "set object rectangle from first -1, graph 0 to first 1, graph 1 behind fillcolor rgb "
           "'#dddddd' fillstyle solid noborder\n"
           "set xlabel 'distance from the middle of what the claim allows, in half-widths of that' "
           "font ',11'\n",
           qk_canvas_across (c, LEFT), qk_canvas_across (c, WIDE - RIGHT), qk_canvas_up (c, l->top),
           qk_canvas_up (c, l->top + l->at), REACH, REACH, l->at, REACH, REACH);
}

static void
put_marks (const struct ledger *l)
{
  if (!l->drawn)
    {
      fputs ("plot NaN\n", l->on.out);
      return;
    }
  fprintf (
      l->on.out,
      "\nside(x) = x > %g ? 1 : x < -%g ? -1 : 0\n"
      "clip(x) = side(x) ? side(x) * %g : x\n"
      "expected(column, word) = strcol(column) eq word\n"
      "set errorbars 0.4\nset pointsize 0.5\n"
      "plot $findings using 5:($1 - %g):(0):(%d) with vectors nohead lw 1.5 lc rgb '#000000', \\\n"
      "  '' using (side($2) || !expected(6, 'holds') ? NaN : $2):1:(clip($3)):(clip($4)) \\\n"
      "    with xerrorbars pt 7 lw 1.2 lc rgb '#0060a0', \\\n"
      "  '' using (side($2) || expected(6, 'holds') ? NaN : $2):1:(clip($3)):(clip($4)) \\\n"
      "    with xerrorbars pt 6 lw 1.2 lc rgb '#b04000', \\\n"
      "  '' using (side($2) ? side($2) * %g : NaN):1:(side($2) > 0 ? '>' : '<') \\\n"
      "    with labels center font ',11' textcolor rgb '#b04000'\n",
      REACH, REACH, REACH, DOT / 2.0, DOT, REACH - 0.06);
}

void
qk_plot_ledger (FILE *out, const struct qk_report *report, const char *title, const char *under,
                enum qk_picture picture, const char *target)
{
  static const char caption[]
      = "Points: estimates, with their intervals as bars; filled where the ledger says that they "
        "hold, hollow where it says that they fail. Upright lines: exact values. Grey: what the "
        "claim "
        "allows. > and <: beyond the axis.";
  struct ledger l
      = { .on = { .out = out, .width = WIDE, .height = 1, .y = QK_CANVAS_LINE }, .report = report };
  qk_canvas_lines (&l.on, title, true, "");
  qk_canvas_lines (&l.on, under, true, "");
  l.top = l.on.y;
  double rows = 0;
  for (size_t i = 0; i < report->n_rows; i++)
    rows += (begins (report, i) ? HEAD : 0) + height (&l, &report->rows[i]);
  l.on.y += rows + BELOW;
  double foot = l.on.y;
  qk_canvas_lines (&l.on, caption, true, "");
  l.on.height = l.on.y;
  qk_canvas_open (&l.on, picture, target);
  put_data (&l);
  l.on.y = QK_CANVAS_LINE;
  qk_canvas_lines (&l.on, title, false, ",14");
  qk_canvas_lines (&l.on, under, false, ",11");
  l.on.y = foot;
  qk_canvas_lines (&l.on, caption, false, ",11");
  put_rows (&l);
  put_axes (&l);
  put_marks (&l);
  if (target)
    fputs ("unset output\n", out);
}
