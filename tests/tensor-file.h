/* tensor-file.h -- files for the tests of tensors: bytes to a temporary file, and .npy headers by
 * hand.  */

#ifndef TENSOR_FILE_H
#define TENSOR_FILE_H

#include "support.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* Bytes that grow.  */
struct bytes
{
  unsigned char *at;
  size_t n;
};

static inline void
bytes_add (struct bytes *b, const void *more, size_t n)
{
  b->at = realloc (b->at, b->n + n + 1);
  ck_assert_ptr_nonnull (b->at);
  memcpy (b->at + b->n, more, n);
  b->n += n;
}

/* Magic, version, length and the header, printed, with nothing added to it.  */
static inline void __attribute__ ((format (printf, 3, 4)))
bytes_header (struct bytes *b, unsigned version, const char *format, ...)
{
  char *text;
  va_list arguments;
  va_start (arguments, format);
  int length = vasprintf (&text, format, arguments);
  va_end (arguments);
  ck_assert_int_ge (length, 0);
  unsigned char prefix[12] = "\x93NUMPY";
  prefix[6] = (unsigned char)version;
  for (int i = 0; i < 4; i++)
    prefix[8 + i] = (unsigned char)(length >> 8 * i);
  bytes_add (b, prefix, version == 1 ? 10 : 12);
  bytes_add (b, text, (size_t)length);
  free (text);
}

/* The path of a new file with these bytes; it lasts until the next call, or NULL, NULL.  */
static inline const char *
file_of (const struct bytes *b)
{
  static char path[4096];
  if (*path)
    unlink (path);
  *path = '\0';
  if (!b)
    return NULL;
  const char *folder = getenv ("TMPDIR");
  snprintf (path, sizeof path, "%s/qkcheck-tensor.XXXXXX", folder ? folder : P_tmpdir);
  int fd = mkstemp (path);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (write (fd, b->at, b->n), (ssize_t)b->n);
  close (fd);
  return path;
}

#endif
