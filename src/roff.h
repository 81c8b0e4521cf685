/* roff.h -- the source of a manual page: words, sentences, tags in the man(7) macros.

   help.c reads that part of the macros back which is written here.  */

#ifndef QK_ROFF_H
#define QK_ROFF_H

#include <stdio.h>

/* The head of a page, up to its NAME section; what: one line.  */
void qk_roff_begin (FILE *out, const char *page, int section, const char *what);

/* Words to be typed as they are, within a line.  */
void qk_roff_literal (FILE *out, const char *text);

/* Sentences, each from a new line on.  */
void qk_roff_prose (FILE *out, const char *text);

/* A tag in bold; the text follows.  */
void qk_roff_tag (FILE *out, const char *tag);

#endif
