/* support.h -- what every test program shares: effort, data files, the libcheck runner.  */

#ifndef SUPPORT_H
#define SUPPORT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* QK_TEST_EFFORT scales the work of randomised tests; 1 is `make check`.  */
static inline double
effort (void)
{
  const char *text = getenv ("QK_TEST_EFFORT");
  double value = text ? strtod (text, NULL) : 1;
  return value > 0 ? value : 1;
}

/* The path of a file of the optional test data, or NULL where QK_TEST_DATA is unset.  The result
   is overwritten by the next call.  */
static inline const char *
data_file (const char *name)
{
  static char path[4096];
  const char *folder = getenv ("QK_TEST_DATA");
  if (!folder || !*folder)
    return NULL;
  snprintf (path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* The path of a file below the source folder.  */
static inline const char *
source_file (const char *name)
{
  static char path[4096];
  const char *folder = getenv ("srcdir");
  snprintf (path, sizeof path, "%s/%s", folder ? folder : ".", name);
  return path;
}

/* Run the suite without forking (so that valgrind and gdb see it); the exit status of main.  */
static inline int
run (Suite *suite)
{
  SRunner *runner = srunner_create (suite);
  srunner_set_fork_status (runner, CK_NOFORK);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
