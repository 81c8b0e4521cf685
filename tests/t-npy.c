/* t-npy.c -- headers of .npy files: every spelling that is allowed, and the reason against others.
 */

#include "npy.h"
#include "support.h"
#include "tensor-file.h"

#include <dirent.h>
#include <stdbool.h>

/* A header, and data of as many bytes.  */
static const char *
written (unsigned version, const char *header, size_t data)
{
  struct bytes b = { 0 };
  bytes_header (&b, version, "%s", header);
  for (size_t i = 0; i < data; i++)
    bytes_add (&b, "\x3c", 1);
  const char *path = file_of (&b);
  free (b.at);
  return path;
}

/* ---- exact ---- */

/* Everything a header says, in every way to say it.  */
START_TEST (exact_spellings)
{
  static const struct
  {
    const char *header;
    size_t data;
    const char *dtype;
    bool fortran;
    unsigned axes;
    uint64_t shape[4];
  } rows[] = {
    /* As NumPy writes it.  */
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
      24,
      "<f4",
      false,
      2,
      { 2, 3 } },
    { "{'descr': '>f2', 'fortran_order': True, 'shape': (2, 1, 3, 5), }\n",
      60,
      ">f2",
      true,
      4,
      { 2, 1, 3, 5 } },
    { "{'descr':'<f8','fortran_order':False,'shape':(7,1)}\n", 56, "<f8", false, 2, { 7, 1 } },
    { "\n\t {\"shape\" :( 11 ,\n2 , ) ,\"fortran_order\":True\t,\"descr\": \">f4\" , } \t\n",
      88,
      ">f4",
      true,
      2,
      { 11, 2 } },
    { "{'fortran_order': False, 'shape': (1,1,13), 'descr': '>f8'}\n",
      104,
      ">f8",
      false,
      3,
      { 1, 1, 13 } },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (unsigned version = 1; version <= 3; version++)
      {
        struct qk_tensor t;
        char why[QK_WHY] = "";
        const char *path = written (version, rows[i].header, rows[i].data);
        ck_assert_msg (!qk_tensor_open (&t, path, why), "%s: %s", rows[i].header, why);
        ck_assert_str_eq (t.path, path);
        ck_assert_str_eq (t.dtype, rows[i].dtype);
        ck_assert_uint_eq (t.width, (unsigned)(rows[i].dtype[2] - '0'));
        ck_assert_uint_eq (t.axes, rows[i].axes);
        ck_assert_uint_eq (t.data, strlen (rows[i].header) + (version == 1 ? 10 : 12));
        ck_assert_uint_eq (t.bytes, t.data + rows[i].data);
        /* The axis that varies fastest is the last, or the first.  */
        uint64_t stride = t.width;
        for (unsigned j = 0; j < t.axes; j++)
          {
            unsigned a = rows[i].fortran ? j : t.axes - 1 - j;
            ck_assert_uint_eq (t.shape[a], rows[i].shape[a]);
            ck_assert_uint_eq (t.stride[a], stride);
            stride *= t.shape[a];
          }
        qk_tensor_close (&t);
      }
  file_of (NULL);
}
END_TEST

/* "=", "|" and nothing are the order of the machine, as for NumPy.  */
START_TEST (exact_native)
{
  static const char *const orders[] = { "=", "|", "" };
  const uint16_t one = 1;
  const char *native = *(const char *)&one ? "<f4" : ">f4";
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
    {
      struct qk_tensor t;
      char why[QK_WHY] = "", header[100];
      snprintf (header, sizeof header,
                "{'descr': '%sf4', 'fortran_order': False, 'shape': (2, 3), }\n", orders[i]);
      ck_assert_msg (!qk_tensor_open (&t, written (1, header, 24), why), "%s", why);
      ck_assert_str_eq (t.dtype, native);
      ck_assert (!t.swapped);
      qk_tensor_close (&t);
    }
  file_of (NULL);
}
END_TEST

/* ---- edges ---- */

/* Read a tensor whole, and hash it.  */
static void
read_whole (const struct qk_tensor *t)
{
  uint64_t tokens = qk_tensor_tokens (t), width = qk_tensor_components (t);
  static char buffer[QK_TENSOR_BUFFER];
  unsigned char sha256[32];
  char why[QK_WHY] = "";
  double *out = malloc (tokens * width * sizeof *out);
  ck_assert_ptr_nonnull (out);
  for (uint64_t m = 0; m < qk_tensor_matrices (t); m++)
    ck_assert_msg (!qk_tensor_read (out, t, m, 0, tokens, buffer, sizeof buffer, why), "%s", why);
  ck_assert_msg (!qk_tensor_hash (sha256, t, why), "%s", why);
  free (out);
}

/* The corpus: every file is refused with the words of its reason, or read; none is missing in the
   table.  */
START_TEST (edges_corpus)
{
  FILE *table = fopen (source_file ("tests/tensors/reasons.txt"), "r");
  ck_assert_ptr_nonnull (table);
  char line[512], name[100], path[200];
  int files = 0, length;
  while (fgets (line, sizeof line, table))
    {
      if (*line == '#')
        continue;
      line[strcspn (line, "\n")] = '\0';
      ck_assert_int_eq (sscanf (line, "%99s %n", name, &length), 1);
      const char *reason = line + length;
      ck_assert_uint_gt (strlen (reason), 0);
      snprintf (path, sizeof path, "tests/tensors/%s.npy", name);
      struct qk_tensor t;
      char why[QK_WHY] = "";
      int status = qk_tensor_open (&t, source_file (path), why);
      if (!strcmp (reason, "good"))
        {
          ck_assert_msg (!status, "%s: %s", name, why);
          read_whole (&t);
          qk_tensor_close (&t);
        }
      else
        {
          ck_assert_msg (status == -1, "%s is read", name);
          ck_assert_msg (strstr (why, reason), "%s: %s\nnot: %s", name, why, reason);
          ck_assert (!strchr (why, '\n') && *why == '\'' && !strstr (why + 5, "..."));
          ck_assert_int_eq (t.fd, -1);
        }
      files++;
    }
  fclose (table);

  DIR *folder = opendir (source_file ("tests/tensors"));
  ck_assert_ptr_nonnull (folder);
  for (struct dirent *entry; (entry = readdir (folder));)
    if (strstr (entry->d_name, ".npy"))
      files--;
  closedir (folder);
  ck_assert_int_eq (files, 0);
}
END_TEST

/* The longest header that is read, and one byte more.  */
START_TEST (edges_longest_header)
{
  char header[65538], why[QK_WHY] = "";
  memset (header, ' ', sizeof header);
  const char text[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  memcpy (header, text, sizeof text - 1);
  struct qk_tensor t;
  for (size_t length = 65535; length <= 65537; length++)
    {
      header[length - 1] = '\n';
      header[length] = '\0';
      int status = qk_tensor_open (&t, written (length < 65536 ? 1 : 2, header, 24), why);
      ck_assert_int_eq (status, length <= 65536 ? 0 : -1);
      header[length - 1] = header[length] = ' ';
      if (!status)
        qk_tensor_close (&t);
    }
  ck_assert_ptr_nonnull (strstr (why, "claims 65537 bytes; at most 65536"));
  file_of (NULL);
}
END_TEST

/* ---- laws ---- */

static const char sound[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n";

/* No file that ends early or late is read, and the sentence says so.  */
START_TEST (laws_length)
{
  struct bytes b = { 0 };
  bytes_header (&b, 1, "%s", sound);
  bytes_add (&b, (const char[24]){ 0 }, 24);
  size_t whole = b.n;
  bytes_add (&b, "tail", 4);
  for (size_t n = 0; n <= whole + 4; n++)
    {
      struct bytes part = { b.at, n };
      struct qk_tensor t;
      char why[QK_WHY] = "";
      int status = qk_tensor_open (&t, file_of (&part), why);
      ck_assert_msg (status == (n == whole ? 0 : -1), "%zu bytes of %zu: %s", n, whole, why);
      if (n == whole)
        qk_tensor_close (&t);
      else
        ck_assert_msg (strstr (why, n == 0      ? "empty"
                                    : n < whole ? "truncated"
                                                : "too long"),
                       "%zu bytes of %zu: %s", n, whole, why);
    }
  free (b.at);
  file_of (NULL);
}
END_TEST

/* One byte changed: refused, or what the header now says fits the file to the byte.  */
START_TEST (laws_one_byte)
{
  int read = 0, refused = 0;
  for (size_t at = 0; at < sizeof sound - 1 + 10; at++)
    for (int byte = (int)(at % 5); byte < 256; byte += 5)
      {
        struct bytes b = { 0 };
        bytes_header (&b, 1, "%s", sound);
        bytes_add (&b, (const char[24]){ 0 }, 24);
        b.at[at] = (unsigned char)byte;
        struct qk_tensor t;
        char why[QK_WHY] = "";
        if (qk_tensor_open (&t, file_of (&b), why))
          {
            ck_assert_uint_gt (strlen (why), 0);
            refused++;
          }
        else
          {
            uint64_t entries
                = qk_tensor_matrices (&t) * qk_tensor_tokens (&t) * qk_tensor_components (&t);
            ck_assert_uint_eq (t.data + entries * t.width, t.bytes);
            ck_assert_uint_eq (entries, 6);
            qk_tensor_close (&t);
            read++;
          }
        free (b.at);
      }
  file_of (NULL);
  /* The byte itself, a blank for a blank, an order for another.  */
  ck_assert_int_gt (read, 0);
  ck_assert_int_gt (refused, 50 * read / 2);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("npy");
  TCase *exact = tcase_create ("exact"), *edges = tcase_create ("edges");
  TCase *of_all = tcase_create ("laws");
  tcase_add_test (exact, exact_spellings);
  tcase_add_test (exact, exact_native);
  tcase_add_test (edges, edges_corpus);
  tcase_add_test (edges, edges_longest_header);
  tcase_add_test (of_all, laws_length);
  tcase_add_test (of_all, laws_one_byte);
  suite_add_tcase (suite, exact);
  suite_add_tcase (suite, edges);
  suite_add_tcase (suite, of_all);
  return run (suite);
}
