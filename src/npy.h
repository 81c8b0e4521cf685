/* npy.h -- NumPy's .npy files, for tensor.c.

   Stricter than NumPy: the header is one dictionary with the keys descr, fortran_order and shape,
   each once, padded with blanks and ended by a newline, and the file ends where its data do.

   Source  numpy.lib.format, "Format Version 1.0" to "3.0".   */

#ifndef QK_NPY_H
#define QK_NPY_H

#include "tensor.h"

/* Whether a file with these first bytes is, or once was, a .npy file.  */
bool qk_npy_begins (const unsigned char *head, size_t n);

/* Fill dtype to data of a tensor that is open, from such a file.  0, or -1 and why.  */
int qk_npy_open (struct qk_tensor *t, char why[static QK_WHY]);

#endif
