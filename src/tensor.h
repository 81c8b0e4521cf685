/* tensor.h -- recorded tensors: leading axes of matrices, tokens x d_k each, read in strips.

   One interface, one file per format: npy.c.  Nothing is mapped and nothing held: memory is what
   the caller gives.  */

#ifndef QK_TENSOR_H
#define QK_TENSOR_H

#include "qk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
  QK_TENSOR_AXES = 32,    /* at most, as NumPy had it until version 2 */
  QK_TENSOR_BUFFER = 4096 /* the least scratch, in bytes; 65536 is as fast as more */
};

/* Axis a has shape[a] >= 1 entries, stride[a] bytes apart: C and Fortran order differ in nothing
   else.  The last two are tokens and components; of vectors there may be one axis alone, of
   components.  */
struct qk_tensor
{
  int fd;
  char *path;     /* as given */
  uint64_t bytes; /* of the file, when it was opened */
  char dtype[8];  /* "<f4", as NumPy writes it */
  unsigned width; /* bytes of a component: 2, 4 or 8, an IEEE 754 binary format */
  bool swapped;   /* in the byte order that is not the machine's */
  bool vectors;   /* one axis or two */
  unsigned axes;
  uint64_t shape[QK_TENSOR_AXES];
  uint64_t stride[QK_TENSOR_AXES];
  uint64_t data; /* where in the file the first component is */
};

/* Open a file and check all that its header says against its size.  0, or -1 and why: 'FILE', what
   is wrong, what is allowed; then nothing is open.  A pipe or device is refused, not waited for. */
int qk_tensor_open (struct qk_tensor *t, const char *path, char why[static QK_WHY]);
void qk_tensor_close (struct qk_tensor *t);

/* The same for vectors: one axis (d), read as one row, or two, (n, d).  */
int qk_tensor_open_vectors (struct qk_tensor *t, const char *path, char why[static QK_WHY]);

/* The same for a file of another kind, read by qk_tensor_bytes alone: path and bytes are set, and
   dtype is "text".  */
int qk_tensor_open_text (struct qk_tensor *t, const char *path, char why[static QK_WHY]);

/* How many matrices (product of the leading axes, 1 if there are none), and their size.  */
uint64_t qk_tensor_matrices (const struct qk_tensor *t);
uint64_t qk_tensor_tokens (const struct qk_tensor *t);
uint64_t qk_tensor_components (const struct qk_tensor *t);

/* Rows [first, first + rows) of a matrix to out (rows x components), every value as it is: infinite
   and NaN ones too.

   matrix  counted over the leading axes in C order.
   buffer  scratch of size bytes, size >= QK_TENSOR_BUFFER.

   0, or -1 and why: there are no such rows, the file has shrunk, or it cannot be read.  Threads may
   read one tensor together, each with a buffer of its own.

   C order is read in one piece.  Fortran order is read by columns, faster in larger strips; where
   it has leading axes, matrices lie between each other, and each reads its whole stretch.  */
int qk_tensor_read (double *out, const struct qk_tensor *t, uint64_t matrix, uint64_t first,
                    size_t rows, void *buffer, size_t size, char why[static QK_WHY]);

/* SHA-256 of the whole file.  */
int qk_tensor_hash (unsigned char sha256[static 32], const struct qk_tensor *t,
                    char why[static QK_WHY]);

/* ---- For the files of formats --------------------------------------------------------------- */

/* "'FILE': " and the sentence.  Always -1.  */
int qk_tensor_refuse (const struct qk_tensor *t, char why[static QK_WHY], const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/* Bytes [offset, offset + n) of the file; there are as many, unless it has shrunk.  */
int qk_tensor_bytes (void *out, const struct qk_tensor *t, uint64_t offset, size_t n,
                     char why[static QK_WHY]);

/* From axes (all there are, even above QK_TENSOR_AXES), shape and width to strides, and to the
   bytes of all components; or -1 and why: rank, an axis of 0, overflow.  */
int qk_tensor_lay (struct qk_tensor *t, uint64_t *total, bool fortran, char why[static QK_WHY]);

#endif
