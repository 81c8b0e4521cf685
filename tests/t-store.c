/* t-store.c -- tests of store.h: pieces that are aligned, apart, and counted without memory.  */

#include "lanes/kernels.h"
#include "store.h"
#include "support.h"

START_TEST (pieces)
{
  static const size_t sizes[] = { 1, 8, 9, 0, 17 }, ends[] = { 8, 16, 32, 32, 56 };
  _Alignas(QK_ALIGN) double memory[64];
  struct qk_store counted = { 0 }, real = { memory, 0 };
  for (size_t i = 0; i < 5; i++)
    {
      const double *piece = qk_store_take (&real, sizes[i]);
      ck_assert_ptr_eq (piece, memory + (i ? ends[i - 1] : 0));
      ck_assert_ptr_null (qk_store_take (&counted, sizes[i]));
      ck_assert_uint_eq (real.used, ends[i]);
      ck_assert_uint_eq (counted.used, ends[i]);
    }
}
END_TEST

START_TEST (bytes)
{
  static const size_t sizes[] = { 1, 64, 65, 0, 129 }, ends[] = { 8, 16, 32, 32, 56 };
  _Alignas(QK_ALIGN) double memory[64];
  struct qk_store counted = { 0 }, real = { memory, 0 };
  for (size_t i = 0; i < 5; i++)
    {
      const void *piece = qk_store_bytes (&real, sizes[i]);
      ck_assert_ptr_eq (piece, memory + (i ? ends[i - 1] : 0));
      ck_assert_ptr_null (qk_store_bytes (&counted, sizes[i]));
      ck_assert_uint_eq (real.used, ends[i]);
      ck_assert_uint_eq (counted.used, ends[i]);
    }
}
END_TEST

START_TEST (sizes)
{
  ck_assert_uint_eq (qk_larger (3, SIZE_MAX), SIZE_MAX);
  ck_assert_uint_eq (qk_larger (7, 2), 7);
  ck_assert_uint_eq (qk_smaller (3, SIZE_MAX), 3);
  ck_assert_uint_eq (qk_smaller (7, 2), 2);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("store");
  TCase *exact = tcase_create ("exact");
  tcase_add_test (exact, pieces);
  tcase_add_test (exact, bytes);
  tcase_add_test (exact, sizes);
  suite_add_tcase (suite, exact);
  return run (suite);
}
