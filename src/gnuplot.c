/* gnuplot.c -- the program that draws: another process, told what to do by a script.

   No shell is between: script, picture and complaint are files without a name that the process
   finds as its standard streams, so that it can neither block on a full pipe nor leave anything
   behind.  */

#include "gnuplot.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  PAUSE = 2,       /* milliseconds between looks at a child that runs */
  COMPLAINT = 4096 /* bytes of it that are read */
};

int
qk_gnuplot_find (char program[static PATH_MAX], const char *search, char why[static QK_WHY])
{
  for (const char *folder = search ? search : "/usr/local/bin:/usr/bin:/bin"; folder;
       folder = strchr (folder, ':'))
    {
      folder += *folder == ':';
      size_t length = strcspn (folder, ":");
      struct stat file;
      if (*folder == '/' && length + sizeof "/gnuplot" <= PATH_MAX)
        {
          sprintf (program, "%.*s/gnuplot", (int)length, folder);
          if (!stat (program, &file) && S_ISREG (file.st_mode) && !access (program, X_OK))
            return 0;
        }
    }
  return qk_complain (why, "no gnuplot on the PATH, which draws the picture (Debian: gnuplot-nox); "
                           "FILE.gp needs none");
}

/* ---- One run ----------------------------------------------------------------------------------
 */

/* A nameless file, above the standard streams even where those are closed; negative: none.  */
static int
scratch (const char *name)
{
  int low = memfd_create (name, MFD_CLOEXEC), fd = low;
  if (low >= 0 && low <= STDERR_FILENO)
    {
      fd = fcntl (low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      close (low);
    }
  return fd;
}

static int
write_all (int fd, const char *bytes, size_t n)
{
  while (n > 0)
    {
      ssize_t written = write (fd, bytes, n);
      if (written < 0 && errno != EINTR)
        return -1;
      if (written > 0)
        {
          bytes += written;
          n -= (size_t)written;
        }
    }
  return lseek (fd, 0, SEEK_SET) ? -1 : 0;
}

/* All of a file from its beginning, at most as many bytes, and a zero behind it; NULL: none.  */
static char *
read_all (int fd, size_t most, size_t *bytes)
{
  struct stat file;
  if (fstat (fd, &file))
    return NULL;
  size_t n = (size_t)file.st_size < most ? (size_t)file.st_size : most;
  char *text = malloc (n + 1);
  for (*bytes = 0; text && *bytes < n;)
    {
      ssize_t got = pread (fd, text + *bytes, n - *bytes, (off_t)*bytes);
      if (got > 0)
        *bytes += (size_t)got;
      else if (got == 0 || errno != EINTR)
        break;
    }
  if (text)
    text[*bytes] = '\0';
  return text;
}

/* In the new process: only what may be called between fork and exec.  */
static void
become (const char *program, const int stream[3], pid_t parent)
{
  char *const words[] = { "gnuplot", "--default-settings", NULL };
  if (!prctl (PR_SET_PDEATHSIG, SIGKILL) && getppid () == parent && dup2 (stream[0], 0) == 0
      && dup2 (stream[1], 1) == 1 && dup2 (stream[2], 2) == 2)
    execv (program, words);
  _Exit (127);
}

/* Wait for the child, or end it.  0 and its status, or -1: interrupted.  */
static int
attend (pid_t child, int *status, const atomic_int *signal)
{
  for (;;)
    {
      pid_t ended = waitpid (child, status, WNOHANG);
      if (ended == child)
        return 0;
      if (signal && atomic_load (signal))
        {
          kill (child, SIGKILL);
          while (waitpid (child, status, 0) < 0 && errno == EINTR)
            ;
          return -1;
        }
      poll (NULL, 0, PAUSE);
    }
}

/* What it says first, without the place in the script that it points at, and without warnings.  */
static const char *
complaint (char *text)
{
  char *rest = text;
  for (char *line; (line = strtok_r (rest, "\n", &rest));)
    {
      char *place = strstr (line, "line "), *said = place ? strchr (place, ':') : NULL;
      if (said)
        line = said + 1;
      line += strspn (line, " \t\r");
      if (*line && strcmp (line, "^") && strncmp (line, "gnuplot>", 8)
          && strncasecmp (line, "warning:", 8))
        return line;
    }
  return NULL;
}

static int
explain (int status, int errors, char why[static QK_WHY])
{
  size_t bytes = 0;
  char quoted[QK_QUOTED], *text = read_all (errors, COMPLAINT, &bytes);
  const char *said = text ? complaint (text) : NULL;
  if (said)
    qk_complain (why, "gnuplot: %s", qk_quote (quoted, said, strlen (said)));
  else if (WIFSIGNALED (status))
    qk_complain (why, "gnuplot ended by signal %d", WTERMSIG (status));
  else if (WEXITSTATUS (status) == 127)
    qk_complain (why, "gnuplot cannot be run");
  else
    qk_complain (why, "gnuplot drew nothing and did not say why");
  free (text);
  return -1;
}

static int
draw (char **drawn, size_t *bytes, const char *program, const int stream[3],
      const atomic_int *signal, char why[static QK_WHY])
{
  int status;
  pid_t parent = getpid (), child = fork ();
  if (child == 0)
    become (program, stream, parent);
  if (child < 0)
    return qk_complain (why, "gnuplot: %s", strerror (errno));
  if (attend (child, &status, signal))
    return qk_complain (why, "interrupted while gnuplot drew");
  *drawn = WIFEXITED (status) && WEXITSTATUS (status) == 0 ? read_all (stream[1], SIZE_MAX, bytes)
                                                           : NULL;
  if (*drawn && *bytes > 0)
    return 0;
  free (*drawn);
  *drawn = NULL;
  return explain (status, stream[2], why);
}

int
qk_gnuplot_run (char **drawn, size_t *bytes, const char *program, const char *script, size_t length,
                const atomic_int *signal, char why[static QK_WHY])
{
  int stream[3] = { scratch ("script"), scratch ("picture"), scratch ("complaint") };
  int failed = -1;
  *drawn = NULL;
  *bytes = 0;
  if (stream[0] < 0 || stream[1] < 0 || stream[2] < 0 || write_all (stream[0], script, length))
    qk_complain (why, "gnuplot: %s", strerror (errno));
  else
    failed = draw (drawn, bytes, program, stream, signal, why);
  for (int i = 0; i < 3; i++)
    if (stream[i] >= 0)
      close (stream[i]);
  return failed;
}
