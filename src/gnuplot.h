/* gnuplot.h -- the program that draws: another process, told what to do by a script.  */

#ifndef QK_GNUPLOT_H
#define QK_GNUPLOT_H

#include "qk.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>

/* The first executable gnuplot in the folders of search, which is written as PATH is; empty and
   relative ones are passed over.  NULL: those of the system.  0, or -1 and why.  */
int qk_gnuplot_find (char program[static PATH_MAX], const char *search, char why[static QK_WHY]);

/* What program writes to its standard output when it reads script: allocated, for the caller to
   free.  It reads no start-up file.  When *signal becomes nonzero (NULL: never) it is ended; it
   does not outlive this process.  0, or -1 and why: with the first line of its complaint.  */
int qk_gnuplot_run (char **drawn, size_t *bytes, const char *program, const char *script,
                    size_t length, const atomic_int *signal, char why[static QK_WHY]);

#endif
