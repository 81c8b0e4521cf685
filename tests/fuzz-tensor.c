/* fuzz-tensor.c -- any bytes as a recorded tensor, for libFuzzer: make check-fuzz.

   An input that begins with '{' is the header of a .npy file: what stands around it is made to fit,
   so that the fuzzer need not guess lengths.  Every other input is a whole file.  */

#include "tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *input, size_t n);

#define MUST(condition)                                                                            \
  do                                                                                               \
    if (!(condition))                                                                              \
      {                                                                                            \
        fprintf (stderr, "fuzz-tensor: not true: %s\n", #condition);                               \
        abort ();                                                                                  \
      }                                                                                            \
  while (0)

enum
{
  MOST = 1 << 16 /* bytes of data that a header is given */
};

static int file;
static char path[64];

static void
put (const void *bytes, size_t n, off_t at)
{
  MUST (pwrite (file, bytes, n, at) == (ssize_t)n);
}

/* The file to be read; its size.  */
static off_t
prepare (const uint8_t *input, size_t n)
{
  if (!file)
    {
      file = memfd_create ("tensor", MFD_CLOEXEC);
      MUST (file > 0);
      snprintf (path, sizeof path, "/proc/self/fd/%d", file);
    }
  if (n == 0 || input[0] != '{')
    {
      put (input, n, 0);
      MUST (!ftruncate (file, (off_t)n));
      return (off_t)n;
    }
  char prefix[12] = "\x93NUMPY\2";
  for (int i = 0; i < 4; i++)
    prefix[8 + i] = (char)((n + 1) >> 8 * i);
  put (prefix, sizeof prefix, 0);
  put (input, n, sizeof prefix);
  put ("\n", 1, (off_t)(sizeof prefix + n));
  off_t size = (off_t)(sizeof prefix + n + 1);
  MUST (!ftruncate (file, size)); /* the pages are kept: a new file would be slower */
  return size;
}

/* One sentence that names the file.  */
static void
check_sentence (const char *why)
{
  size_t length = strlen (why);
  MUST (length < QK_WHY && !strncmp (why, "'/proc/self/fd/", 15) && strstr (why, "': "));
  for (size_t i = 0; i < length; i++)
    MUST (why[i] >= ' ' && why[i] <= '~');
}

/* Strips of three rows through the smallest buffer are what a large one reads at once.  */
static void
check_values (const struct qk_tensor *t)
{
  static char small[QK_TENSOR_BUFFER], large[MOST];
  uint64_t matrices = qk_tensor_matrices (t), tokens = qk_tensor_tokens (t);
  uint64_t width = qk_tensor_components (t), size;
  char why[QK_WHY] = "";
  MUST (t->axes >= 2 && t->axes <= QK_TENSOR_AXES && matrices && tokens && width);
  MUST (!__builtin_mul_overflow (matrices * tokens * width, (uint64_t)t->width, &size));
  MUST (t->data + size == t->bytes);
  double *whole = malloc (tokens * width * sizeof *whole);
  double *strip = malloc (3 * width * sizeof *strip);
  MUST (whole && strip);
  for (uint64_t m = 0; m < matrices && m < 16; m++)
    {
      MUST (!qk_tensor_read (whole, t, m, 0, tokens, large, sizeof large, why));
      for (uint64_t first = 0; first < tokens && first < 48; first += 3)
        {
          size_t rows = tokens - first < 3 ? (size_t)(tokens - first) : 3;
          MUST (!qk_tensor_read (strip, t, m, first, rows, small, sizeof small, why));
          MUST (!memcmp (strip, whole + first * width, rows * width * sizeof *strip));
        }
    }
  MUST (qk_tensor_read (strip, t, matrices, 0, 1, small, sizeof small, why) == -1);
  MUST (qk_tensor_read (strip, t, 0, tokens, 1, small, sizeof small, why) == -1);
  free (whole);
  free (strip);
}

int
LLVMFuzzerTestOneInput (const uint8_t *input, size_t n)
{
  static const char lacks[] = "': truncated: 0 bytes of data, and its shape needs ";
  struct qk_tensor t;
  char why[QK_WHY] = "", *at;
  off_t size = prepare (input, n);
  int status = qk_tensor_open (&t, path, why);
  uint64_t more;
  if (status && n && input[0] == '{' && (at = strstr (why, "': "))
      && !strncmp (at, lacks, sizeof lacks - 1)
      && (more = strtoull (at + sizeof lacks - 1, NULL, 10)) <= MOST)
    {
      for (off_t i = 0; i < (off_t)more; i += (off_t)n)
        put (input, (uint64_t)i + n < more ? n : (size_t)(more - (uint64_t)i), size + i);
      size += (off_t)more;
      status = qk_tensor_open (&t, path, why);
      MUST (!status);
    }
  if (status)
    {
      check_sentence (why);
      MUST (t.fd == -1 && !t.path);
      return 0;
    }
  unsigned char sha256[32];
  MUST (t.bytes == (uint64_t)size);
  check_values (&t);
  MUST (!qk_tensor_hash (sha256, &t, why));
  /* And one byte less than there was.  */
  MUST (!ftruncate (file, size - 1));
  MUST (qk_tensor_hash (sha256, &t, why) == -1);
  check_sentence (why);
  qk_tensor_close (&t);
  return 0;
}
