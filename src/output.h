/* output.h -- files that are written whole or not at all.  */

#ifndef QK_OUTPUT_H
#define QK_OUTPUT_H

#include "qk.h"

#include <stddef.h>

struct qk_output
{
  int fd;          /* negative: nothing is written yet */
  char *path;      /* where the content shall be */
  char *temporary; /* written beside it and renamed; NULL: written directly */
};

/* Open a regular file for replacement, a device or a pipe for writing; path NULL: standard output.
   Done before sampling, so that a wrong path costs nothing.  0, or -1 and why.  */
int qk_output_open (struct qk_output *out, const char *path, char why[static QK_WHY]);

/* Append.  0, or -1 and why, and errno.  */
int qk_output_write (struct qk_output *out, const void *bytes, size_t n, char why[static QK_WHY]);

/* Put the content in place: now it is there, or it never was.  */
int qk_output_commit (struct qk_output *out, char why[static QK_WHY]);

/* Give up; a temporary file is removed.  */
void qk_output_discard (struct qk_output *out);

#endif
