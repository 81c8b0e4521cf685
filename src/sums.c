/* sums.c -- sampled dot products in every format and by every algorithm.  */

#include "sums.h"
#include "rounding.h"

static int
sums_block (double *row, const struct qk_case *c, uint64_t index, struct qk_work *work)
{
  (void)row, (void)c, (void)index, (void)work;
  return 0;
}

static const struct qk_column columns[] = { { "square", 1 }, { 0 } };

const struct qk_kind qk_sums_kind
    = { .name = "sums", .unit = "sum", .columns = columns, .block = sums_block };

static int
sums_plan (struct qk_plan *plan, char why[static QK_WHY])
{
  (void)plan, (void)why;
  return 0;
}

static int
sums_size (struct qk_plan *plan, size_t c, char why[static QK_WHY])
{
  (void)plan, (void)c, (void)why;
  return 0;
}

static void
sums_enclose (struct qk_enclosure *e, const struct qk_plan *plan, const struct qk_statement *s,
              const struct qk_table *tables, double miss)
{
  (void)e, (void)plan, (void)s, (void)tables, (void)miss;
}

const struct qk_part qk_sums_part = {
  .kinds = (const struct qk_kind *const[]){ &qk_sums_kind, NULL },
  .plan = sums_plan,
  .size = sums_size,
  .enclose = sums_enclose,
};
