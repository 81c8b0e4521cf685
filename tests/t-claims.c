/* t-claims.c -- the ledger: complete rows, names that exist, figures that add up, selections; and
   its theorems against proofs/claims.tsv, read by another route.  */

#include "../src/claims.h"
#include "../src/pictures.h"
#include "../src/registry.h"
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static size_t
count (void)
{
  size_t n = 0;
  while (qk_claims[n].id)
    n++;
  return n;
}

static double
figure (const char *id, const char *what)
{
  for (const struct qk_published *p = qk_claim_find (id)->published; p->what; p++)
    if (!strcmp (p->what, what))
      return strtod (p->value, NULL);
  ck_abort_msg ("%s has no figure '%s'", id, what);
  return NAN;
}

/* ---- exact ----------------------------------------------------------------------------------- */

START_TEST (exact_words)
{
  const enum qk_status status[] = { QK_TRUE, QK_CONDITIONAL, QK_FALSE, QK_CITED };
  const char *const word[] = { "holds", "conditional", "false", "cited" };
  for (size_t i = 0; i < 4; i++)
    {
      ck_assert_str_eq (qk_status_name (status[i]), word[i]);
      ck_assert_str_eq (qk_status_words[status[i]], word[i]);
    }
  ck_assert_ptr_null (qk_status_words[4]);
  ck_assert_str_eq (qk_claim_find ("shared-symmetric")->question, "Q2");
  ck_assert_ptr_null (qk_claim_find ("shared-symmetri"));
  ck_assert_str_eq (qk_claim_command (qk_claim_find ("norm-effect")), "scale");
  ck_assert_str_eq (qk_claim_command (qk_claim_find ("head-roles")), "claims");
  ck_assert_str_eq (qk_claim_asks (qk_claim_find ("head-roles")), qk_questions[0]);
  ck_assert_str_eq (qk_class_meaning ("paper"), "derived in words");
  ck_assert_ptr_null (qk_class_meaning ("pape"));
}
END_TEST

/* What rows say in words about published figures follows from the figures.  */
START_TEST (exact_published)
{
  double one = figure ("head-quality", "BLEU on newstest2013, 1 head");
  double best = figure ("head-quality", "8 heads");
  ck_assert_double_eq_tol (best - one, 0.9, 1e-12);
  ck_assert_double_eq_tol (rint (1000 * (best - one) / one), 36, 1e-12);
  ck_assert_double_eq (figure ("head-quality", "16 heads"), best);
  ck_assert (figure ("head-quality", "4 heads") < best);
  ck_assert (figure ("head-quality", "32 heads") < best);
  ck_assert_double_eq (figure ("single-head-fails", "BLEU on newstest2013, 1 head"), one);
  /* Additive attention: level at 256, ahead elsewhere.  */
  const struct qk_published *p = qk_claim_find ("dot-better")->published + 1;
  double bleu[8];
  for (size_t i = 0; i < 8; i++)
    bleu[i] = strtod (p[i].value, NULL);
  ck_assert_ptr_null (p[8].what);
  ck_assert (bleu[4] > bleu[0] && bleu[5] == bleu[1] && bleu[6] > bleu[2] && bleu[7] > bleu[3] + 3);
  ck_assert_double_eq (bleu[1], figure ("unscaled-in-paper", "BLEU on newstest2013, unscaled dot "
                                                             "product, 256 dimensions"));
  ck_assert_double_eq (bleu[3], figure ("unscaled-in-paper", "the same, 1024 dimensions"));
  ck_assert_double_eq_tol (bleu[1] - bleu[3], 4.11, 1e-9);
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------- */

/* Every row is whole, and what it names exists.  */
START_TEST (edges_rows)
{
  ck_assert_uint_ge (count (), 40);
  for (const struct qk_claim *c = qk_claims; c->id; c++)
    {
      ck_assert_ptr_eq (qk_claim_find (c->id), c);
      ck_assert_str_eq (qk_claim_word ((size_t)(c - qk_claims)), c->id);
      ck_assert_msg (c->question && c->said && c->exact && c->derivation && c->checks, "%s", c->id);
      size_t q = 0;
      while (qk_question_words[q] && strcmp (qk_question_words[q], c->question))
        q++;
      ck_assert_msg (qk_question_words[q] && qk_questions[q], "%s: question %s", c->id,
                     c->question);
      ck_assert_msg (qk_claim_published (c) == !c->checks->command, "%s", c->id);
      ck_assert_msg (!qk_claim_published (c) || (c->published && c->source), "%s", c->id);
      ck_assert_msg (c->status != QK_CITED || qk_claim_published (c), "%s", c->id);
      for (const struct qk_published *p = c->published; p && p->what; p++)
        {
          char *end = NULL;
          ck_assert_msg (p->source != NULL, "%s: %s", c->id, p->what);
          ck_assert_msg (!p->value || (strtod (p->value, &end) > 0 && !*end), "%s: %s", c->id,
                         p->what);
        }
      for (const struct qk_check *k = c->checks; k->command; k++)
        {
          const struct qk_experiment *e = qk_experiment_find (k->command);
          ck_assert_msg (e != NULL, "%s: no command %s", c->id, k->command);
          const struct qk_quantity *quantity = e->quantities;
          while (quantity->name && strcmp (quantity->name, k->quantity))
            quantity++;
          ck_assert_msg (quantity->name != NULL, "%s: %s has no %s", c->id, k->command,
                         k->quantity);
        }
    }
  ck_assert_ptr_null (qk_claim_word (count ()));
  for (size_t q = 0; qk_question_words[q]; q++)
    ck_assert_ptr_nonnull (qk_questions[q]);
}
END_TEST

START_TEST (edges_left_out)
{
  double first[] = { 0 };
  size_t n;
  char why[QK_WHY] = "";
  const char *one[] = { "score-mean", NULL }, *two[] = { "head-roles", "head-quality", NULL };
  struct qk_params p = { .operand = one, .question = { 1, first } };
  ck_assert_ptr_null (qk_claims_select (&n, &p, why));
  ck_assert_str_eq (why, "--question: leaves out 'score-mean', a row of Q4 whose status is holds");
  p = (struct qk_params){ .operand = two, .status = { 1, first } };
  ck_assert_ptr_null (qk_claims_select (&n, &p, why));
  ck_assert_ptr_nonnull (strstr (why, "--status: leaves out 'head-roles'"));
}
END_TEST

/* ---- twin ------------------------------------------------------------------------------------ */

/* The table of theorems is proofs/claims.tsv, line for line.  */
START_TEST (twin_theorems)
{
  FILE *in = fopen (source_file ("proofs/claims.tsv"), "r");
  ck_assert_ptr_nonnull (in);
  char line[1024];
  size_t n = 0;
  while (fgets (line, sizeof line, in))
    {
      char *field[5], *rest = line;
      line[strcspn (line, "\n")] = '\0';
      if (*line == '#')
        continue;
      for (size_t i = 0; i < 5; i++)
        ck_assert_ptr_nonnull (field[i] = strsep (&rest, "\t"));
      const struct qk_theorem *t = &qk_theorems[n++];
      ck_assert_ptr_nonnull (t->claim);
      ck_assert_str_eq (t->claim, field[0]);
      ck_assert_str_eq (t->class, field[2]);
      ck_assert_str_eq (t->says, field[4]);
      ck_assert_ptr_nonnull (qk_class_meaning (t->class));
      bool proved = strstr (field[1], "Claims") == field[1], words = !strcmp (field[2], "paper");
      ck_assert_int_eq (t->name != NULL, proved);
      ck_assert_int_eq (t->file != NULL, proved || words);
      if (proved)
        ck_assert_str_eq (t->name, field[1]);
      if (t->file)
        {
          char file[256];
          snprintf (file, sizeof file, "proofs/%.*s%s", (int)strcspn (field[1], "."), field[1],
                    proved ? ".v" : ".md");
          ck_assert_str_eq (t->file, file);
          FILE *there = fopen (source_file (file), "r");
          ck_assert_msg (there != NULL, "%s: no %s", t->claim, file);
          fclose (there);
        }
    }
  fclose (in);
  ck_assert_ptr_null (qk_theorems[n].claim);
  ck_assert_uint_ge (n, 80);
  for (const struct qk_claim *c = qk_claims; c->id; c++)
    {
      const struct qk_theorem *t = qk_theorems;
      while (t->claim && strcmp (t->claim, c->id))
        t++;
      ck_assert_msg (t->claim != NULL, "%s: nothing about its proof", c->id);
    }
}
END_TEST

/* ---- laws ------------------------------------------------------------------------------------ */

/* Questions and statuses part the ledger; the order is by question, and in one as in the table.  */
START_TEST (laws_parts)
{
  char why[QK_WHY];
  size_t all, sum = 0;
  const char *none[] = { NULL };
  struct qk_params p = { .operand = none };
  const struct qk_claim **whole = qk_claims_select (&all, &p, why);
  ck_assert_ptr_nonnull (whole);
  ck_assert_uint_eq (all, count ());
  for (double q = 0; qk_question_words[(size_t)q]; q++)
    for (double s = 0; s < 4; s++)
      {
        size_t n, at = 0;
        p = (struct qk_params){ .operand = none, .question = { 1, &q }, .status = { 1, &s } };
        const struct qk_claim **part = qk_claims_select (&n, &p, why);
        for (size_t i = 0; i < n; i++)
          {
            ck_assert_str_eq (part[i]->question, qk_question_words[(size_t)q]);
            ck_assert_int_eq (part[i]->status, (int)s);
            while (at < all && whole[at] != part[i]) /* in the same order */
              at++;
            ck_assert_uint_lt (at, all);
          }
        sum += n;
        free (part);
      }
  ck_assert_uint_eq (sum, all);
  free (whole);
}
END_TEST

/* Rows that are named come in the order of their names, each once.  */
/* Pictures are of rows, commands and quantities that there are.  */
START_TEST (laws_pictures)
{
  for (const struct qk_pictured *p = qk_pictures; p->title; p++)
    {
      const struct qk_experiment *e = qk_experiment_find (p->command);
      ck_assert_msg (e && e->plan, "%s: no command %s", p->title, p->command);
      ck_assert (*p->says && p->quantities[0] && p->claims[0]);
      for (const char *const *c = p->claims; *c; c++)
        {
          ck_assert_msg (qk_claim_find (*c) != NULL, "%s: no row %s", p->title, *c);
          ck_assert (qk_picture_shows (p, *c));
        }
      ck_assert (!qk_picture_shows (p, "head-quality"));
      for (const char *const *q = p->quantities; *q; q++)
        {
          const struct qk_quantity *known = e->quantities;
          while (known->name && strcmp (known->name, *q))
            known++;
          ck_assert_msg (known->name != NULL, "%s: %s has no %s", p->title, p->command, *q);
        }
    }
}
END_TEST

START_TEST (laws_named)
{
  uint64_t state = 2385;
  for (int trial = 0; trial < 100; trial++)
    {
      char why[QK_WHY];
      size_t named = 1 + next (&state) % 20, n, kept = 0;
      const char *id[21] = { NULL }, *kept_id[20];
      struct qk_params p = { .operand = id };
      for (size_t i = 0; i < named; i++)
        {
          id[i] = qk_claims[next (&state) % count ()].id;
          size_t j = 0;
          while (j < kept && strcmp (kept_id[j], id[i]))
            j++;
          kept_id[j] = id[i];
          kept += j == kept;
        }
      const struct qk_claim **row = qk_claims_select (&n, &p, why);
      ck_assert_uint_eq (n, kept);
      for (size_t i = 0; i < n; i++)
        ck_assert_str_eq (row[i]->id, kept_id[i]);
      free (row);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("claims");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *laws = tcase_create ("laws");
  tcase_add_test (exact, exact_words);
  tcase_add_test (exact, exact_published);
  tcase_add_test (edges, edges_rows);
  tcase_add_test (edges, edges_left_out);
  tcase_add_test (twin, twin_theorems);
  tcase_add_test (laws, laws_parts);
  tcase_add_test (laws, laws_named);
  tcase_add_test (laws, laws_pictures);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, laws);
  return run (suite);
}
