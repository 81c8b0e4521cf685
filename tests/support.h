/* support.h -- what every test program shares: effort, data files, the libcheck runner.  */

#ifndef SUPPORT_H
#define SUPPORT_H

#include <check.h>
#include <stdint.h>
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

/* 64 bits for the tests, by another generator than the one under test: splitmix64.
   Source: Steele, Lea, Flood, Fast splittable pseudorandom number generators (OOPSLA 2014).  */
static inline uint64_t
next (uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
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
