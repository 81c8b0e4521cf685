/* page.h -- a finished run of `qkcheck verify` as a document: the ledger, every figure, pictures.
 */

#ifndef QK_PAGE_H
#define QK_PAGE_H

#include "report.h"

#include <stdatomic.h>
#include <stdio.h>

struct qk_page
{
  bool html;                /* else Markdown */
  const char *gnuplot;      /* the program; NULL: none is there, and the page says so */
  const atomic_int *signal; /* nonzero: draw no more, and say why; or NULL */
};

/* Whether a path asks for HTML or for Markdown, by its ending.  0, or -1 and why.  */
int qk_page_of (struct qk_page *page, const char *path, char why[static QK_WHY]);

/* Write the document.  HTML is one file that asks nothing of a network and runs nothing: its
   pictures are in it.  Each figure has its number for machines, 17 digits, beside that for people.
   0, or -1 and why: out of memory, or gnuplot's complaint.  */
int qk_page_write (FILE *out, const struct qk_report *report, const struct qk_page *page,
                   char why[static QK_WHY]);

#endif
