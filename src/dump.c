/* dump.c -- a folder of arrays that a run leaves behind, each a .npy file, version 1.0.  */

#include "dump.h"
#include "message.h"
#include "output.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum
{
  HEADER = 128, /* bytes, a multiple of 64: room for two extents of 20 digits */
  PREFIX = 10   /* magic, version, length */
};

int
qk_dump_open (const char *folder, char why[static QK_WHY])
{
  char quoted[QK_QUOTED];
  struct stat is;
  qk_quote (quoted, folder, strlen (folder));
  if (mkdir (folder, 0777) && errno != EEXIST)
    return qk_complain (why, "'%s': %s", quoted, strerror (errno));
  if (stat (folder, &is) || !S_ISDIR (is.st_mode))
    return qk_complain (why, "'%s' is not a folder", quoted);
  return 0;
}

static int
write_array (struct qk_output *out, const double *x, size_t rows, size_t columns,
             char why[static QK_WHY])
{
  unsigned char header[HEADER + 1] = "\x93NUMPY\x01";
  size_t rest = HEADER - PREFIX, n = rows * columns;
  header[PREFIX - 2] = (unsigned char)rest;
  int length
      = snprintf ((char *)header + PREFIX, rest,
                  "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, columns);
  memset (header + PREFIX + length, ' ', rest - (size_t)length - 1);
  header[HEADER - 1] = '\n';
  unsigned char *bytes = malloc (n ? 8 * n : 1);
  if (!bytes)
    return qk_complain (why, "out of memory");
  for (size_t i = 0; i < n; i++)
    {
      uint64_t bits;
      memcpy (&bits, &x[i], sizeof bits);
      for (int b = 0; b < 8; b++)
        bytes[8 * i + (size_t)b] = (unsigned char)(bits >> 8 * b & 0xff);
    }
  int status
      = qk_output_write (out, header, HEADER, why) || qk_output_write (out, bytes, 8 * n, why) ? -1
                                                                                               : 0;
  free (bytes);
  return status;
}

/* closure: the folder.  */
static int
keep (void *closure, const char *name, const double *x, size_t rows, size_t columns,
      char why[static QK_WHY])
{
  const char *folder = closure;
  size_t size = strlen (folder) + strlen (name) + sizeof "/.npy";
  char *path = malloc (size);
  struct qk_output out;
  if (!path)
    return qk_complain (why, "out of memory");
  snprintf (path, size, "%s/%s.npy", folder, name);
  int status = qk_output_open (&out, path, why);
  if (!status)
    {
      status = write_array (&out, x, rows, columns, why) || qk_output_commit (&out, why) ? -1 : 0;
      qk_output_discard (&out);
    }
  free (path);
  return status;
}

int
qk_dump_write (const struct qk_plan *plan, const struct qk_outcome *outcome,
               const struct qk_kernels *kernels, char why[static QK_WHY])
{
  const struct qk_keeper keeper = { keep, (void *)plan->params->dump };
  return qk_engine_dump (plan, outcome, kernels, &keeper, why);
}
