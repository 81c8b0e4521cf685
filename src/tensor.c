/* tensor.c -- recorded tensors: opening, impostors, strips, the hash.  */

#include "tensor.h"
#include "message.h"
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  HEAD = 512,         /* bytes by which a file is recognised */
  PIECE = 128 * 1024, /* hashed at a time */
  GAP = 4096          /* reading as many bytes costs what another call does */
};

/* ---- Messages, bytes ------------------------------------------------------------------------ */

int
qk_tensor_refuse (const struct qk_tensor *t, char why[static QK_WHY], const char *format, ...)
{
  char quoted[QK_QUOTED], sentence[QK_WHY];
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (sentence, sizeof sentence, format, arguments);
  va_end (arguments);
  /* The end of a long path says more than its beginning.  */
  const char *name = t->path, *slash;
  while (strlen (name) > QK_QUOTED - sizeof "..." && (slash = strchr (name + 1, '/')))
    name = slash;
  return qk_complain (why, "'%s%s': %s", name > t->path ? "..." : "",
                      qk_quote (quoted, name, strlen (name)), sentence);
}

int
qk_tensor_bytes (void *out, const struct qk_tensor *t, uint64_t offset, size_t n,
                 char why[static QK_WHY])
{
  char *to = out;
  while (n)
    {
      ssize_t got = pread (t->fd, to, n, (off_t)offset);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return qk_tensor_refuse (t, why, "cannot read at byte %" PRIu64 ": %s", offset,
                                 strerror (errno));
      if (got == 0)
        return qk_tensor_refuse (t, why,
                                 "it shrank while it was read: no byte %" PRIu64 ", of %" PRIu64
                                 " when it was opened",
                                 offset, t->bytes);
      to += got;
      offset += (uint64_t)got;
      n -= (size_t)got;
    }
  return 0;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static bool
is_text (const unsigned char *head, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if ((head[i] < ' ' && !memchr ("\t\n\f\r", head[i], 4)) || head[i] == 0x7f)
      return false;
  return true;
}

/* safetensors begin with the length of their header in JSON.  */
static bool
is_safetensors (const unsigned char *head, size_t n, uint64_t bytes)
{
  uint64_t length = 0;
  for (size_t i = 8; i-- > 0;)
    length = length << 8 | (i < n ? head[i] : 0);
  return n > 8 && head[8] == '{' && length >= 2 && length <= bytes - 8;
}

/* What is none of the formats: name it, where it can be recognised.  */
static int
refuse_impostor (const struct qk_tensor *t, const unsigned char *head, size_t n,
                 char why[static QK_WHY])
{
#define BEGINS(text) text, sizeof text - 1
  static const struct
  {
    const char *begins;
    size_t length;
    const char *what;
  } known[] = {
    { BEGINS ("PK\3\4"), "a zip archive, perhaps .npz or .pt; unpack or save its arrays as .npy" },
    { BEGINS ("PK\5\6"), "an empty zip archive" },
    { BEGINS ("\x1f\x8b"), "compressed by gzip; decompress it first" },
    { BEGINS ("BZh"), "compressed by bzip2; decompress it first" },
    { BEGINS ("\xfd\x37zXZ"), "compressed by xz; decompress it first" },
    { BEGINS ("\x28\xb5\x2f\xfd"), "compressed by zstd; decompress it first" },
    { BEGINS ("version https://git-lfs"), "a Git LFS pointer, not the file; git lfs pull gets it" },
    { BEGINS ("/annex/objects/"), "a git-annex pointer, not the file; git annex get gets it" },
    { BEGINS ("\x89HDF\r\n"), "an HDF5 file; save its arrays as .npy" },
    { BEGINS ("GGUF"), "a GGUF model; record Q and K as .npy" },
    { BEGINS ("MATLAB 5.0 MAT-file"), "a MATLAB file; save its arrays as .npy" },
    { BEGINS ("\x80\2"), "a pickle, which is never loaded; save arrays with numpy.save" },
    { BEGINS ("\x80\3"), "a pickle, which is never loaded; save arrays with numpy.save" },
    { BEGINS ("\x80\4"), "a pickle, which is never loaded; save arrays with numpy.save" },
    { BEGINS ("\x80\5"), "a pickle, which is never loaded; save arrays with numpy.save" },
  };
#undef BEGINS
  if (is_safetensors (head, n, t->bytes))
    return qk_tensor_refuse (t, why, "a safetensors file; save its tensors as .npy");
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (n >= known[i].length && !memcmp (head, known[i].begins, known[i].length))
      return qk_tensor_refuse (t, why, "%s", known[i].what);
  bool text = is_text (head, n);
  size_t start = n >= 3 && !memcmp (head, "\xef\xbb\xbf", 3) ? 3 : 0;
  while (start < n && memchr (" \t\n\r", head[start], 4))
    start++;
  if (text && start < n && head[start] == '<')
    return qk_tensor_refuse (t, why, "a web page (HTML or XML), perhaps sent in place of the file");
  if (text)
    return qk_tensor_refuse (t, why,
                             "text; tensors are read from .npy files, as numpy.save writes");
  return qk_tensor_refuse (t, why, "no .npy file: it does not begin with \\x93NUMPY");
}

static int
refuse_kind (const struct qk_tensor *t, mode_t mode, char why[static QK_WHY])
{
  const char *what = S_ISDIR (mode)    ? "a directory"
                     : S_ISFIFO (mode) ? "a pipe"
                     : S_ISCHR (mode)  ? "a character device"
                     : S_ISBLK (mode)  ? "a block device"
                                       : "no regular file";
  return qk_tensor_refuse (t, why, "%s; only regular files are read", what);
}

/* Open the regular file and say how long it is.  */
static int
open_file (struct qk_tensor *t, const char *path, char why[static QK_WHY])
{
  struct stat status;
  *t = (struct qk_tensor){ .fd = -1, .path = strdup (path) };
  if (!t->path)
    return qk_complain (why, "out of memory");
  /* Not to wait for the writer of a pipe.  */
  t->fd = open (t->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (t->fd < 0 || fstat (t->fd, &status))
    return qk_tensor_refuse (t, why, "%s", strerror (errno));
  if (!S_ISREG (status.st_mode))
    return refuse_kind (t, status.st_mode, why);
  t->bytes = (uint64_t)status.st_size;
  if (t->bytes == 0)
    return qk_tensor_refuse (t, why, "empty: no byte in it");
  return 0;
}

/* What it begins with.  */
static int
inspect (struct qk_tensor *t, char why[static QK_WHY])
{
  unsigned char head[HEAD];
  size_t n = t->bytes < HEAD ? (size_t)t->bytes : HEAD;
  if (qk_tensor_bytes (head, t, 0, n, why))
    return -1;
  if (qk_npy_begins (head, n))
    return qk_npy_open (t, why);
  return refuse_impostor (t, head, n, why);
}

static int
or_close (struct qk_tensor *t, int status)
{
  if (status)
    qk_tensor_close (t);
  return status;
}

int
qk_tensor_open (struct qk_tensor *t, const char *path, char why[static QK_WHY])
{
  return or_close (t, open_file (t, path, why) || inspect (t, why) ? -1 : 0);
}

int
qk_tensor_open_vectors (struct qk_tensor *t, const char *path, char why[static QK_WHY])
{
  int status = open_file (t, path, why);
  t->vectors = true;
  return or_close (t, status || inspect (t, why) ? -1 : 0);
}

int
qk_tensor_open_text (struct qk_tensor *t, const char *path, char why[static QK_WHY])
{
  int status = open_file (t, path, why);
  strcpy (t->dtype, "text");
  return or_close (t, status);
}

void
qk_tensor_close (struct qk_tensor *t)
{
  if (t->fd >= 0)
    close (t->fd);
  free (t->path);
  *t = (struct qk_tensor){ .fd = -1 };
}

int
qk_tensor_lay (struct qk_tensor *t, uint64_t *total, bool fortran, char why[static QK_WHY])
{
  if (t->vectors && (t->axes < 1 || t->axes > 2))
    return qk_tensor_refuse (t, why, "has %u axes; a vector has one, and rows of vectors two",
                             t->axes);
  if (!t->vectors && t->axes < 2)
    return qk_tensor_refuse (t, why, "has %u %s; the last two are tokens and components", t->axes,
                             t->axes == 1 ? "axis" : "axes");
  if (t->axes > QK_TENSOR_AXES)
    return qk_tensor_refuse (t, why, "has %u axes (dimensions); at most %d are read", t->axes,
                             (int)QK_TENSOR_AXES);
  *total = t->width;
  for (unsigned i = 0; i < t->axes; i++)
    {
      unsigned a = fortran ? i : t->axes - 1 - i;
      if (t->shape[a] == 0)
        return qk_tensor_refuse (t, why, "axis %u is empty (0): nothing to read", a);
      t->stride[a] = *total;
      if (__builtin_mul_overflow (*total, t->shape[a], total))
        return qk_tensor_refuse (t, why, "the size of its shape overflows 64 bits");
    }
  return 0;
}

/* ---- Reading -------------------------------------------------------------------------------- */

uint64_t
qk_tensor_matrices (const struct qk_tensor *t)
{
  uint64_t matrices = 1;
  for (unsigned a = 0; a + 2 < t->axes; a++)
    matrices *= t->shape[a];
  return matrices;
}

uint64_t
qk_tensor_tokens (const struct qk_tensor *t)
{
  return t->axes < 2 ? 1 : t->shape[t->axes - 2];
}

uint64_t
qk_tensor_components (const struct qk_tensor *t)
{
  return t->shape[t->axes - 1];
}

static float
float_of (uint32_t word)
{
  float value;
  memcpy (&value, &word, sizeof value);
  return value;
}

static uint32_t
word_of (float value)
{
  uint32_t word;
  memcpy (&word, &value, sizeof word);
  return word;
}

/* By way of binary32, whose exponent is biased by 127 instead of 15 and has the largest again where
   the number is infinite or NaN.  A subnormal number is what 2^-14 with its fraction exceeds 2^-14.
   All in masks, without a branch, so that the loop over it is vectorised.  */
static double
from_16 (uint16_t bits)
{
  const uint32_t bias = (127 - 15) << 23, least = (127 - 14) << 23; /* least: 2^-14 */
  uint32_t size = (uint32_t)(bits & 0x7fff) << 13, sign = (uint32_t)(bits & 0x8000) << 16;
  uint32_t is_small = -(uint32_t)(size < 1u << 23), is_huge = -(uint32_t)(size >= 31u << 23);
  uint32_t normal = size + bias + (is_huge & bias);
  float excess = float_of (size + least) - float_of (least);
  return float_of (sign | (is_small & word_of (excess)) | (~is_small & normal));
}

static double
from_32 (uint32_t bits)
{
  return float_of (bits);
}

static double
from_64 (uint64_t bits)
{
  double value;
  memcpy (&value, &bits, sizeof value);
  return value;
}

/* out[i * to] = the component at in + i * from, i < n.  Called with constant steps it is
   vectorised: hence the odd form.  */
static inline __attribute__ ((always_inline)) void
widen (double *restrict out, size_t to, const unsigned char *restrict in, size_t from, size_t n,
       unsigned width, bool swapped)
{
#define WIDEN(bits)                                                                                \
  for (size_t i = 0; i < n; i++)                                                                   \
    {                                                                                              \
      uint##bits##_t word;                                                                         \
      memcpy (&word, in + i * from, sizeof word);                                                  \
      out[i * to] = from_##bits (swapped ? __builtin_bswap##bits (word) : word);                   \
    }
  if (width == 2)
    WIDEN (16)
  else if (width == 4)
    WIDEN (32)
  else
    WIDEN (64)
#undef WIDEN
}

static void
widen_run (double *out, const unsigned char *in, size_t n, unsigned width, bool swapped)
{
  if (width == 2 && swapped)
    widen (out, 1, in, 2, n, 2, true);
  else if (width == 2)
    widen (out, 1, in, 2, n, 2, false);
  else if (width == 4 && swapped)
    widen (out, 1, in, 4, n, 4, true);
  else if (width == 4)
    widen (out, 1, in, 4, n, 4, false);
  else if (swapped)
    widen (out, 1, in, 8, n, 8, true);
  else
    widen (out, 1, in, 8, n, 8, false);
}

/* A line of components: how many, how far apart in the file, in bytes, and in out.  */
struct line
{
  uint64_t n, from;
  size_t to;
};

/* A line of components; scratch for at least one.  */
static int
read_line (double *out, const struct qk_tensor *t, uint64_t offset, struct line line,
           unsigned char *buffer, size_t size, char why[static QK_WHY])
{
  uint64_t most = line.from > GAP ? 1 : 1 + (size - t->width) / line.from;
  while (line.n)
    {
      size_t n = (size_t)(line.n < most ? line.n : most), from = (size_t)line.from;
      if (qk_tensor_bytes (buffer, t, offset, (n - 1) * from + t->width, why))
        return -1;
      if (from == t->width && line.to == 1)
        widen_run (out, buffer, n, t->width, t->swapped);
      else
        widen (out, line.to, buffer, from, n, t->width, t->swapped);
      out += n * line.to;
      offset += n * line.from;
      line.n -= n;
    }
  return 0;
}

/* Lines of components: inner is the line that lies closer.  */
static int
read_lines (double *out, const struct qk_tensor *t, uint64_t offset, struct line outer,
            struct line inner, unsigned char *buffer, size_t size, char why[static QK_WHY])
{
  for (; outer.n; outer.n--, out += outer.to, offset += outer.from)
    if (read_line (out, t, offset, inner, buffer, size, why))
      return -1;
  return 0;
}

int
qk_tensor_read (double *out, const struct qk_tensor *t, uint64_t matrix, uint64_t first,
                size_t rows, void *buffer, size_t size, char why[static QK_WHY])
{
  uint64_t tokens = qk_tensor_tokens (t), width = qk_tensor_components (t), offset = t->data;
  if (matrix >= qk_tensor_matrices (t) || first > tokens || rows > tokens - first)
    return qk_tensor_refuse (t, why, "no %zu rows from %" PRIu64 " in matrix %" PRIu64, rows, first,
                             matrix);
  for (unsigned a = t->axes < 2 ? 0 : t->axes - 2; a-- > 0; matrix /= t->shape[a])
    offset += matrix % t->shape[a] * t->stride[a];
  uint64_t whole = width * t->stride[t->axes - 1]; /* where there is one row */
  struct line down = { rows, t->axes < 2 ? whole : t->stride[t->axes - 2], (size_t)width };
  struct line across = { width, t->stride[t->axes - 1], 1 };
  offset += first * down.from;
  if (down.from == width * across.from)
    {
      /* All rows are one line.  */
      across.n *= rows;
      down.n = 1;
    }
  if (down.from < across.from)
    return read_lines (out, t, offset, across, down, buffer, size, why);
  return read_lines (out, t, offset, down, across, buffer, size, why);
}

int
qk_tensor_hash (unsigned char sha256[static 32], const struct qk_tensor *t, char why[static QK_WHY])
{
  unsigned char piece[PIECE];
  struct sha256_ctx state;
  sha256_init (&state);
  for (uint64_t at = 0; at < t->bytes;)
    {
      size_t n = t->bytes - at < PIECE ? (size_t)(t->bytes - at) : PIECE;
      if (qk_tensor_bytes (piece, t, at, n, why))
        return -1;
      sha256_update (&state, n, piece);
      at += n;
    }
  sha256_digest (&state, SHA256_DIGEST_SIZE, sha256);
  return 0;
}
