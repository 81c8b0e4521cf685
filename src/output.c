/* output.c -- files that are written whole or not at all.  */

#include "output.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
trouble (const struct qk_output *out, char why[static QK_WHY])
{
  int number = errno;
  char name[QK_QUOTED] = "standard output";
  if (out->path)
    qk_quote (name, out->path, strlen (out->path));
  snprintf (why, QK_WHY, "%s: %s", name, strerror (number));
  errno = number;
  return -1;
}

/* The file that a path means, through links, so that renaming replaces the file and not a link.  */
static char *
resolve (const char *path)
{
  char *real = realpath (path, NULL);
  return real ? real : strdup (path);
}

/* The new content, beside the file, with its permissions.  */
static int
open_temporary (struct qk_output *out, const struct stat *existing)
{
  mode_t mask = umask (0);
  umask (mask);
  if (asprintf (&out->temporary, "%s.XXXXXX", out->path) < 0)
    out->temporary = NULL;
  if (!out->temporary)
    return -1;
  out->fd = mkostemp (out->temporary, O_CLOEXEC);
  if (out->fd >= 0)
    return fchmod (out->fd, existing ? existing->st_mode & 07777 : 0666 & ~mask);
  free (out->temporary);
  out->temporary = NULL;
  return -1;
}

static int
begin (struct qk_output *out)
{
  struct stat existing;
  bool exists = !stat (out->path, &existing);
  return open_temporary (out, exists ? &existing : NULL);
}

/* Begin and take it back: a signal that ends the process while it samples leaves nothing behind. */
static int
probe (struct qk_output *out)
{
  if (begin (out))
    return -1;
  close (out->fd);
  unlink (out->temporary);
  free (out->temporary);
  out->temporary = NULL;
  out->fd = -1;
  return 0;
}

int
qk_output_open (struct qk_output *out, const char *path, char why[static QK_WHY])
{
  struct stat existing;
  int status = 0;
  *out = (struct qk_output){ .fd = STDOUT_FILENO };
  if (!path)
    return 0;
  bool exists = !stat (path, &existing);
  bool direct = exists && !S_ISREG (existing.st_mode);
  out->path = direct ? strdup (path) : resolve (path);
  if (!out->path)
    status = -1;
  else if (direct)
    status = (out->fd = open (path, O_WRONLY | O_CLOEXEC)) < 0 ? -1 : 0;
  else
    status = probe (out);
  if (!status)
    return 0;
  trouble (out, why);
  qk_output_discard (out);
  return -1;
}

int
qk_output_write (struct qk_output *out, const void *bytes, size_t n, char why[static QK_WHY])
{
  const char *rest = bytes;
  if (out->fd < 0 && begin (out))
    return trouble (out, why);
  while (n)
    {
      ssize_t written = write (out->fd, rest, n);
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return trouble (out, why);
      rest += written;
      n -= (size_t)written;
    }
  return 0;
}

int
qk_output_commit (struct qk_output *out, char why[static QK_WHY])
{
  /* Some file systems report a full disk only here.  */
  if ((out->temporary && fsync (out->fd)) || close (out->fd)
      || (out->temporary && rename (out->temporary, out->path)))
    {
      trouble (out, why);
      out->fd = -1;
      qk_output_discard (out);
      return -1;
    }
  free (out->temporary);
  free (out->path);
  *out = (struct qk_output){ .fd = -1 };
  return 0;
}

void
qk_output_discard (struct qk_output *out)
{
  int number = errno;
  if (out->path && out->fd >= 0)
    close (out->fd);
  if (out->temporary)
    unlink (out->temporary);
  free (out->temporary);
  free (out->path);
  *out = (struct qk_output){ .fd = -1 };
  errno = number;
}
