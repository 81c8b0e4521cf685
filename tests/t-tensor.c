/* t-tensor.c -- recorded tensors: every dtype, order and shape to the bit, strips, the hash.  */

#include "support.h"
#include "tensor-file.h"
#include "tensor.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <sys/stat.h>

/* ---- Files: values into bytes by another route than the reader's ---------------------------- */

/* IEEE 754 binary16 of a number it can represent, not subnormal.  */
static uint64_t
half_of (double value)
{
  int exponent;
  double fraction = frexp (fabs (value), &exponent);
  uint64_t sign = signbit (value) ? 0x8000 : 0;
  if (value == 0)
    return sign;
  return sign | (uint64_t)(exponent - 1 + 15) << 10 | (uint64_t)ldexp (fraction - 0.5, 11);
}

static uint64_t
word_of (double value, unsigned width)
{
  float single = (float)value;
  uint32_t word;
  uint64_t words;
  memcpy (&word, &single, sizeof word);
  memcpy (&words, &value, sizeof words);
  return width == 2 ? half_of (value) : width == 4 ? word : words;
}

static void
put (unsigned char *at, uint64_t word, unsigned width, bool big)
{
  for (unsigned i = 0; i < width; i++)
    at[big ? width - 1 - i : i] = (unsigned char)(word >> 8 * i);
}

/* What stands at entry i in C order: 11 significant bits, so exact in every format.  */
static double
value_at (uint64_t i)
{
  return ((double)(i * 1237 % 4093) - 2046) / 8 + (i % 7 == 3 ? 0.125 : 0);
}

struct layout
{
  unsigned version, width;
  bool big, fortran;
  unsigned axes;
  uint64_t shape[QK_TENSOR_AXES];
};

static uint64_t
entries_of (const struct layout *x)
{
  uint64_t n = 1;
  for (unsigned a = 0; a < x->axes; a++)
    n *= x->shape[a];
  return n;
}

/* Where entry i in C order stands in the file.  */
static uint64_t
place_of (const struct layout *x, uint64_t i)
{
  if (!x->fortran)
    return i;
  uint64_t index[QK_TENSOR_AXES], place = 0;
  for (unsigned a = x->axes; a-- > 0; i /= x->shape[a])
    index[a] = i % x->shape[a];
  for (unsigned a = x->axes; a-- > 0;)
    place = place * x->shape[a] + index[a];
  return place;
}

static void
print_header (struct bytes *b, const struct layout *x)
{
  char shape[1000] = "";
  for (unsigned a = 0; a < x->axes; a++)
    snprintf (shape + strlen (shape), sizeof shape - strlen (shape), "%llu, ",
              (unsigned long long)x->shape[a]);
  bytes_header (b, x->version, "{'descr': '%cf%u', 'fortran_order': %s, 'shape': (%s), }\n",
                x->big ? '>' : '<', x->width, x->fortran ? "True" : "False", shape);
}

static const char *
written (const struct layout *x)
{
  struct bytes b = { 0 };
  print_header (&b, x);
  uint64_t n = entries_of (x), start = b.n;
  unsigned char *data = calloc (n, x->width);
  bytes_add (&b, data, n * x->width);
  free (data);
  for (uint64_t i = 0; i < n; i++)
    put (b.at + start + place_of (x, i) * x->width, word_of (value_at (i), x->width), x->width,
         x->big);
  const char *path = file_of (&b);
  free (b.at);
  return path;
}

static struct qk_tensor
opened (const struct layout *x)
{
  struct qk_tensor t;
  char why[QK_WHY];
  if (qk_tensor_open (&t, written (x), why))
    ck_abort_msg ("%s", why);
  return t;
}

/* Read all matrices in strips of so many rows with a buffer of size bytes, into entries in C order
   between two guards.  */
static double *
read_strips (const struct qk_tensor *t, uint64_t strip, size_t size)
{
  uint64_t tokens = qk_tensor_tokens (t), width = qk_tensor_components (t);
  uint64_t n = qk_tensor_matrices (t) * tokens * width;
  double *out = malloc ((n + 2) * sizeof *out);
  char why[QK_WHY], *buffer = malloc (size);
  ck_assert (out && buffer);
  out[0] = out[n + 1] = 2.385;
  for (uint64_t m = 0, at = 1; m < qk_tensor_matrices (t); m++)
    for (uint64_t first = 0; first < tokens; first += strip)
      {
        uint64_t rows = tokens - first < strip ? tokens - first : strip;
        if (qk_tensor_read (out + at, t, m, first, rows, buffer, size, why))
          ck_abort_msg ("%s", why);
        at += rows * width;
      }
  ck_assert (out[0] == 2.385 && out[n + 1] == 2.385);
  free (buffer);
  memmove (out, out + 1, n * sizeof *out);
  return out;
}

/* Every value is the expected one to the bit; of a NaN, only its sign.  */
static void
check (const struct qk_tensor *t, const double *out, const double *expected, uint64_t n)
{
  for (uint64_t i = 0; i < n; i++)
    if (isnan (expected[i]) ? !isnan (out[i]) || !signbit (out[i]) != !signbit (expected[i])
                            : memcmp (&out[i], &expected[i], sizeof *out) != 0)
      ck_abort_msg ("%s, %u axes, last stride %llu, entry %llu: %g, not %g", t->dtype, t->axes,
                    (unsigned long long)t->stride[t->axes - 1], (unsigned long long)i, out[i],
                    expected[i]);
}

static const struct layout shapes[] = {
  { .axes = 2, .shape = { 5, 3 } },         { .axes = 2, .shape = { 3, 1 } },
  { .axes = 2, .shape = { 1, 7 } },         { .axes = 2, .shape = { 1, 1 } },
  { .axes = 2, .shape = { 61, 37 } },       { .axes = 3, .shape = { 2, 5, 3 } },
  { .axes = 3, .shape = { 7, 1, 4 } },      { .axes = 3, .shape = { 3, 67, 31 } },
  { .axes = 4, .shape = { 2, 3, 5, 7 } },   { .axes = 4, .shape = { 3, 2, 4, 1 } },
  { .axes = 4, .shape = { 2, 3, 70, 16 } },
};

/* Try a function on every format and shape.  */
static void
for_all (void (*try) (const struct layout *x), unsigned versions)
{
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (unsigned version = 1; version <= versions; version++)
      for (unsigned width = 2; width <= 8; width *= 2)
        for (int big = 0; big < 2; big++)
          for (int fortran = 0; fortran < 2; fortran++)
            {
              struct layout x = shapes[i];
              x.version = version;
              x.width = width;
              x.big = big;
              x.fortran = fortran;
              try (&x);
            }
  file_of (NULL);
}

/* ---- exact ---- */

static void
check_values (struct qk_tensor *t, const struct layout *x, size_t size)
{
  ck_assert_uint_eq (qk_tensor_tokens (t), x->axes < 2 ? 1 : x->shape[x->axes - 2]);
  ck_assert_uint_eq (qk_tensor_components (t), x->shape[x->axes - 1]);
  ck_assert_uint_eq (qk_tensor_matrices (t) * qk_tensor_tokens (t) * qk_tensor_components (t),
                     entries_of (x));
  double *out = read_strips (t, qk_tensor_tokens (t), size);
  double *expected = malloc (entries_of (x) * sizeof *expected);
  ck_assert_ptr_nonnull (expected);
  for (uint64_t i = 0; i < entries_of (x); i++)
    expected[i] = value_at (i);
  check (t, out, expected, entries_of (x));
  free (expected);
  free (out);
  qk_tensor_close (t);
}

static void
try_values (const struct layout *x)
{
  struct qk_tensor t = opened (x);
  check_values (&t, x, 1 << 16);
}

START_TEST (exact_values) { for_all (try_values, 3); }
END_TEST

/* Vectors: one axis is a row, two are rows; more are refused, as one axis is elsewhere.  */
START_TEST (exact_vectors)
{
  static const struct layout layouts[] = {
    { .axes = 1, .shape = { 1 } },    { .axes = 1, .shape = { 7 } },
    { .axes = 1, .shape = { 5003 } }, { .axes = 2, .shape = { 5, 3 } },
    { .axes = 2, .shape = { 1, 7 } }, { .axes = 2, .shape = { 61, 1 } },
  };
  char why[QK_WHY] = "";
  struct qk_tensor t;
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
    for (unsigned kind = 0; kind < 12; kind++)
      {
        struct layout x = layouts[i];
        x.version = 1;
        x.width = 2u << kind % 3;
        x.big = kind / 3 % 2;
        x.fortran = kind / 6;
        ck_assert_msg (!qk_tensor_open_vectors (&t, written (&x), why), "%s", why);
        check_values (&t, &x, QK_TENSOR_BUFFER);
        if (x.axes > 1)
          continue;
        ck_assert_int_eq (qk_tensor_open (&t, written (&x), why), -1);
        ck_assert_msg (strstr (why, "has 1 axis; the last two are tokens"), "%s", why);
      }
  struct layout deep = { .axes = 3, .shape = { 1, 2, 3 }, .version = 1, .width = 4 }, flat = deep;
  flat.axes = 0;
  ck_assert_int_eq (qk_tensor_open_vectors (&t, written (&deep), why), -1);
  ck_assert_msg (strstr (why, "has 3 axes; a vector has one"), "%s", why);
  ck_assert_int_eq (qk_tensor_open_vectors (&t, written (&flat), why), -1);
  ck_assert_msg (strstr (why, "has 0 axes; a vector has one"), "%s", why);
  file_of (NULL);
}
END_TEST

/* A file of any kind, for its bytes.  */
START_TEST (exact_text)
{
  struct bytes b = { 0 };
  struct qk_tensor t;
  char why[QK_WHY], read[4] = "";
  bytes_add (&b, "2.385\n", 6);
  ck_assert_msg (!qk_tensor_open_text (&t, file_of (&b), why), "%s", why);
  ck_assert_uint_eq (t.bytes, 6);
  ck_assert_str_eq (t.dtype, "text");
  ck_assert_int_eq (qk_tensor_bytes (read, &t, 2, 3, why), 0);
  ck_assert_str_eq (read, "385");
  qk_tensor_close (&t);
  b.n = 0;
  ck_assert_int_eq (qk_tensor_open_text (&t, file_of (&b), why), -1);
  ck_assert_msg (strstr (why, "empty"), "%s", why);
  ck_assert_int_eq (qk_tensor_open_text (&t, "/", why), -1);
  free (b.at);
  file_of (NULL);
}
END_TEST

/* 32 axes, ten of them of 2: the matrices in C order.  */
START_TEST (exact_32_axes)
{
  for (int fortran = 0; fortran < 2; fortran++)
    {
      struct layout x = { .version = 1, .width = 4, .fortran = fortran, .axes = QK_TENSOR_AXES };
      for (unsigned a = 0; a < x.axes; a++)
        x.shape[a] = a % 3 == 1 ? 2 : 1;
      x.shape[30] = 3;
      try_values (&x);
    }
  file_of (NULL);
}
END_TEST

/* What a pattern of binary16 means, by the definition of the format.  */
static double
half_value (unsigned bits)
{
  unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
  double size = ldexp (exponent ? 1024 + fraction : fraction, exponent ? (int)exponent - 25 : -24);
  if (exponent == 31)
    size = fraction ? NAN : INFINITY;
  return copysign (size, bits & 0x8000 ? -1 : 1);
}

/* Every pattern there is, in either byte order, alone and in a run.  */
START_TEST (exact_halves)
{
  enum
  {
    ALL = 65536
  };
  for (int big = 0; big < 2; big++)
    for (int fortran = 0; fortran < 2; fortran++)
      {
        struct layout x = { 1, 2, big, fortran, 2, { 256, 256 } };
        struct bytes b = { 0 };
        print_header (&b, &x);
        static unsigned char data[2 * ALL];
        for (uint64_t i = 0; i < ALL; i++)
          put (data + 2 * i, i, 2, big);
        bytes_add (&b, data, sizeof data);
        struct qk_tensor t;
        char why[QK_WHY] = "";
        ck_assert_msg (!qk_tensor_open (&t, file_of (&b), why), "%s", why);
        free (b.at);
        double *out = read_strips (&t, 256, 4096);
        static double expected[ALL];
        for (unsigned i = 0; i < ALL; i++) /* entry i in C order is number place of the file */
          expected[i] = half_value (fortran ? i % 256 * 256 + i / 256 : i);
        check (&t, out, expected, ALL);
        free (out);
        qk_tensor_close (&t);
      }
  file_of (NULL);
}
END_TEST

/* Any words of binary32 and binary64, but for the payload of a NaN.  */
START_TEST (exact_words)
{
  enum
  {
    WORDS = 5000
  };
  uint64_t state = 4;
  for (unsigned width = 4; width <= 8; width += 4)
    for (int big = 0; big < 2; big++)
      {
        struct layout x = { 1, width, big, false, 2, { WORDS / 5, 5 } };
        static double expected[WORDS];
        static unsigned char data[8 * WORDS];
        struct bytes b = { 0 };
        print_header (&b, &x);
        for (int i = 0; i < WORDS; i++)
          {
            uint64_t bits = next (&state);
            if (i % 3 == 0) /* infinite, NaN, subnormal */
              bits = (bits & 0x8000000080000001) | (i % 2 ? 0x7ff000007f800000 : 0);
            uint32_t low = (uint32_t)bits;
            float single;
            memcpy (&single, &low, sizeof single);
            memcpy (&expected[i], &bits, sizeof bits);
            if (width == 4)
              expected[i] = single;
            put (data + (size_t)i * width, bits, width, big);
          }
        bytes_add (&b, data, (size_t)WORDS * width);
        struct qk_tensor t;
        char why[QK_WHY] = "";
        ck_assert_msg (!qk_tensor_open (&t, file_of (&b), why), "%s", why);
        free (b.at);
        double *out = read_strips (&t, 64, 4096);
        check (&t, out, expected, WORDS);
        free (out);
        qk_tensor_close (&t);
      }
  file_of (NULL);
}
END_TEST

/* Source: NIST, SHA examples ("abc", 448 bits), FIPS 180-2 appendix B.3 (a million times "a"); the
   last is longer than a piece.  */
START_TEST (exact_hash)
{
  char *million = malloc (1000000);
  ck_assert_ptr_nonnull (million);
  memset (million, 'a', 1000000);
  const struct
  {
    const char *text;
    size_t n;
    const char *sha256;
  } rows[] = {
    { "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    { million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      struct bytes b = { (unsigned char *)rows[i].text, rows[i].n };
      char path[] = "text", why[QK_WHY] = "", hex[65] = "";
      struct qk_tensor t = { .path = path, .bytes = b.n };
      unsigned char sha256[32];
      t.fd = open (file_of (&b), O_RDONLY);
      ck_assert_msg (!qk_tensor_hash (sha256, &t, why), "%s", why);
      for (int j = 0; j < 32; j++)
        snprintf (hex + 2 * j, 3, "%02x", sha256[j]);
      ck_assert_str_eq (hex, rows[i].sha256);
      close (t.fd);
    }
  free (million);
  file_of (NULL);
}
END_TEST

/* ---- edges ---- */

/* A file that is cut while it is read: one sentence from every function, whatever is missing.  */
START_TEST (edges_shrinks)
{
  for (int fortran = 0; fortran < 2; fortran++)
    {
      struct layout x = { 1, 4, false, fortran, 3, { 2, 300, 64 } };
      struct qk_tensor t = opened (&x);
      unsigned char sha256[32];
      char why[QK_WHY] = "", buffer[QK_TENSOR_BUFFER];
      double *out = malloc (300 * 64 * sizeof *out);
      ck_assert_ptr_nonnull (out);
      for (uint64_t left = t.bytes - 1;; left /= 2)
        {
          ck_assert_int_eq (truncate (t.path, (off_t)left), 0);
          ck_assert_int_eq (qk_tensor_read (out, &t, 1, 0, 300, buffer, sizeof buffer, why), -1);
          ck_assert_ptr_nonnull (strstr (why, "it shrank while it was read"));
          *why = '\0';
          ck_assert_int_eq (qk_tensor_hash (sha256, &t, why), -1);
          ck_assert_ptr_nonnull (strstr (why, "it shrank while it was read"));
          if (!left)
            break;
        }
      free (out);
      qk_tensor_close (&t);
    }
  file_of (NULL);
}
END_TEST

/* What is no regular file is refused at once: a pipe without a writer must not block.  */
START_TEST (edges_kinds)
{
  struct bytes none = { 0 };
  char pipe_path[4096];
  snprintf (pipe_path, sizeof pipe_path, "%s", file_of (&none));
  ck_assert_int_eq (unlink (pipe_path), 0);
  ck_assert_int_eq (mkfifo (pipe_path, 0600), 0);
  const struct
  {
    const char *path, *words;
  } rows[] = {
    { "/", "'/': a directory; only regular files are read" },
    { "/dev/null", "'/dev/null': a character device; only" },
    { pipe_path, ": a pipe; only" },
    { "/nonexistent/\n\\q.npy", "'/nonexistent/\\x0a\\\\q.npy': No such file or directory" },
    { "", "'': No such file or directory" },
    /* 60 bytes are whole; a longer path is its end, from a slash.  */
    { "/nonexistent/45678/0123456789/123456789/1234567890/345/q.npy",
      "'/nonexistent/45678/0123456789/123456789/1234567890/345/q.npy': No" },
    { "/nonexistent/45678/0123456789/123456789/1234567890/3456/q.npy",
      "'.../45678/0123456789/123456789/1234567890/3456/q.npy': No" },
    { "/nonexistent/q012345678901234567890123456789012345678901234567890123456789012345",
      "'.../q0123456789012345678901234567890123456789012345678901234567...': No" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      struct qk_tensor t;
      char why[QK_WHY] = "";
      alarm (20);
      ck_assert_int_eq (qk_tensor_open (&t, rows[i].path, why), -1);
      alarm (0);
      ck_assert_msg (strstr (why, rows[i].words), "%s", why);
      ck_assert_int_eq (t.fd, -1);
    }
  file_of (NULL);
}
END_TEST

/* Rows and matrices that are not there; none at all is no error.  */
START_TEST (edges_range)
{
  struct layout x = { 1, 4, false, false, 3, { 2, 5, 3 } };
  struct qk_tensor t = opened (&x);
  static const struct
  {
    uint64_t matrix, first;
    size_t rows;
    int status;
  } rows[] = {
    { 1, 0, 5, 0 },  { 1, 4, 1, 0 },         { 1, 5, 0, 0 },           { 2, 0, 1, -1 },
    { 0, 0, 6, -1 }, { 0, 5, 1, -1 },        { 0, 6, 0, -1 },          { UINT64_MAX, 0, 1, -1 },
    { 0, 3, 3, -1 }, { 0, 4, SIZE_MAX, -1 }, { 0, UINT64_MAX, 1, -1 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    {
      double out[15];
      char why[QK_WHY] = "", buffer[QK_TENSOR_BUFFER];
      int status = qk_tensor_read (out, &t, rows[i].matrix, rows[i].first, rows[i].rows, buffer,
                                   sizeof buffer, why);
      ck_assert_msg (status == rows[i].status, "row %zu: %s", i, why);
      ck_assert (!status || strstr (why, "in matrix"));
    }
  qk_tensor_close (&t);
  file_of (NULL);
}
END_TEST

/* Offsets beyond 32 bits, in a file with a hole: the first and the last row of the last matrix.  */
START_TEST (edges_large)
{
  enum
  {
    WIDTH = 128
  };
  const uint64_t tokens = 1 << 20;
  for (int fortran = 0; fortran < 2; fortran++)
    {
      struct layout x = { 1, 8, true, fortran, 3, { 5, tokens, WIDTH } };
      struct bytes b = { 0 };
      print_header (&b, &x);
      off_t start = (off_t)b.n, last = start + (off_t)(entries_of (&x) * 8);
      const char *path = file_of (&b);
      free (b.at);
      int fd = open (path, O_WRONLY);
      ck_assert_int_ge (fd, 0);
      if (ftruncate (fd, last))
        {
          printf ("t-tensor: skipped: no file of %lld bytes here\n", (long long)last);
          close (fd);
          break;
        }
      /* Components 0 of the first row and WIDTH - 1 of the last of matrix 4.  */
      unsigned char word[8];
      put (word, word_of (2.385, 8), 8, true);
      off_t first = start + 8 * 4 * (fortran ? 1 : (off_t)tokens * WIDTH);
      ck_assert_int_eq (pwrite (fd, word, 8, first), 8);
      ck_assert_int_eq (pwrite (fd, word, 8, last - 8), 8);
      close (fd);

      struct qk_tensor t;
      char why[QK_WHY] = "", buffer[QK_TENSOR_BUFFER];
      double row[WIDTH];
      ck_assert_msg (!qk_tensor_open (&t, path, why), "%s", why);
      for (int end = 0; end < 2; end++)
        {
          int status
              = qk_tensor_read (row, &t, 4, end ? tokens - 1 : 0, 1, buffer, sizeof buffer, why);
          ck_assert_msg (!status, "%s", why);
          double expected[WIDTH] = { 0 };
          expected[end ? WIDTH - 1 : 0] = 2.385;
          check (&t, row, expected, WIDTH);
        }
      qk_tensor_close (&t);
    }
  file_of (NULL);
}
END_TEST

/* ---- twin ---- */

/* Recorded files of a real model, entry by entry through stdio.  */
START_TEST (twin_stdio)
{
  static const char *const names[] = { "real/q.npy", "real/k.npy" };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    {
      const char *path = data_file (names[i]);
      if (!path)
        {
          printf ("t-tensor: %s skipped: QK_TEST_DATA is unset\n", names[i]);
          continue;
        }
      struct qk_tensor t;
      char why[QK_WHY] = "";
      ck_assert_msg (!qk_tensor_open (&t, path, why), "%s", why);
      ck_assert (t.axes == 4 && !strcmp (t.dtype, "<f4"));
      ck_assert (qk_tensor_tokens (&t) == 256 && qk_tensor_components (&t) == 8);
      double *out = read_strips (&t, 37, 4096);
      FILE *f = fopen (path, "rb");
      ck_assert_ptr_nonnull (f);
      ck_assert_int_eq (fseek (f, 128, SEEK_SET), 0); /* the header of NumPy */
      uint64_t n = qk_tensor_matrices (&t) * 256 * 8;
      double *expected = malloc (n * sizeof *expected);
      ck_assert_ptr_nonnull (expected);
      for (uint64_t j = 0; j < n; j++)
        {
          uint32_t word = 0;
          float single;
          for (int k = 0; k < 4; k++)
            word |= (uint32_t)fgetc (f) << 8 * k;
          memcpy (&single, &word, sizeof single);
          expected[j] = single;
        }
      check (&t, out, expected, n);
      free (expected);
      ck_assert_int_eq (fgetc (f), EOF);
      fclose (f);
      free (out);
      qk_tensor_close (&t);
    }
}
END_TEST

/* ---- laws ---- */

/* Strips of any number of rows and buffers of any size give what reading at once does.  */
static void
try_strips (const struct layout *x)
{
  static const size_t sizes[] = { 4096, 4997, 65536 };
  static const uint64_t strips[] = { 1, 3, 16 };
  struct qk_tensor t = opened (x);
  double *whole = read_strips (&t, qk_tensor_tokens (&t), 1 << 20);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t j = 0; j < sizeof strips / sizeof *strips; j++)
      {
        double *out = read_strips (&t, strips[j], sizes[i]);
        ck_assert_msg (!memcmp (out, whole, entries_of (x) * sizeof *out),
                       "%s%s, strips of %llu rows, buffer of %zu", t.dtype,
                       x->fortran ? " Fortran" : "", (unsigned long long)strips[j], sizes[i]);
        free (out);
      }
  free (whole);
  qk_tensor_close (&t);
}

START_TEST (laws_strips) { for_all (try_strips, 1); }
END_TEST

/* Columns that lie further apart than a buffer, and rows longer than one.  */
START_TEST (laws_far_apart)
{
  static const struct layout wide[] = {
    { 1, 8, false, false, 2, { 5, 3001 } },
    { 1, 2, true, true, 2, { 2501, 3 } },
    { 1, 4, false, true, 3, { 1100, 4, 5 } },
    { 1, 8, true, true, 3, { 700, 7, 3 } },
  };
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    {
      try_values (&wide[i]);
      try_strips (&wide[i]);
    }
  file_of (NULL);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("tensor");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *twin = tcase_create ("twin"), *of_all = tcase_create ("laws");
  tcase_add_test (exact, exact_values);
  tcase_add_test (exact, exact_vectors);
  tcase_add_test (exact, exact_text);
  tcase_add_test (exact, exact_32_axes);
  tcase_add_test (exact, exact_halves);
  tcase_add_test (exact, exact_words);
  tcase_add_test (exact, exact_hash);
  tcase_add_test (edges, edges_shrinks);
  tcase_add_test (edges, edges_kinds);
  tcase_add_test (edges, edges_range);
  tcase_add_test (edges, edges_large);
  tcase_add_test (twin, twin_stdio);
  tcase_add_test (of_all, laws_strips);
  tcase_add_test (of_all, laws_far_apart);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, twin);
  suite_add_tcase (suite, of_all);
  return run (suite);
}
