/* tiling.c -- how many tiles of which side, in how many blocks.  */

#include "tiling.h"
#include "enclose.h"
#include "lanes/kernels.h"

#include <math.h>

/* A block's excess kurtosis is at most this, for the variance of a large mean can be all in rare
   values.  Where such are a share w of the variance of a block, w^2 / kurtosis of the blocks have
   one: with fewer than one in a hundred QK_MIN_BLOCKS may well have none, and seem to agree (stated
   misses of .01 were .034 at a kurtosis of 28, .017 at 12, .010 at 3).  */
static const double POOL_KURTOSIS = 3;

static const double MIN_PAIRS = 512; /* a block of fewer is not worth its row */

static const double CONSTANT = 1e-12; /* a relative variance of squares that do not vary */

static const double KERNEL_ROWS = 24; /* three vectors of AVX-512 */

static const double SMALL_SIDE = 64; /* a tile of that side fills a block of QK_MIN_POOL */

double
qk_tiling_side (double d, double m4)
{
  double b = INFINITY;
  if (m4 > 1)
    b = sqrt (2 * d * QK_DRAW_COST / ((m4 - 1) * (1 + QK_SCORE_COST / d)));
  return fmin (fmax (b, QK_LANES), QK_MAX_SIDE);
}

double
qk_tiling_pool (const struct qk_tile *t, double side)
{
  double b = t->pairs ? 1 : side;
  double scores = ceil (QK_MIN_POOL / (b * b));
  double variance = t->variance (t->of, b), kurtosis = t->kurtosis (t->of, b);
  double normal = ceil (variance / QK_POOL_VARIANCE);
  if (variance > CONSTANT && isfinite (kurtosis))
    normal = fmax (normal, ceil (kurtosis / POOL_KURTOSIS));
  return ceil (fmax (scores, normal) / (t->pairs ? QK_BATCH : 1));
}

/* The next side a kernel likes: whole panels of QK_LANES rows; from KERNEL_ROWS on whole bands of
   as many, which the widest kernel takes at a time.  */
static double
step_down (double side)
{
  double step = side < KERNEL_ROWS ? QK_LANES : KERNEL_ROWS;
  return fmax (step * floor (side / step), QK_LANES);
}

/* The side to start from.  Where squares have no spread only the number of blocks narrows the
   interval: larger tiles would buy nothing.  */
static double
first_side (const struct qk_tile *t)
{
  double side = qk_tiling_side (t->d, t->m4);
  return t->variance (t->of, 1) > CONSTANT ? side : fmin (side, SMALL_SIDE);
}

static double
scores_of (const struct qk_tile *t, double side)
{
  return t->pairs ? side : side * side;
}

/* wanted tiles of that side, pooled, in at least that many blocks.  */
static struct qk_tiling
arrange (const struct qk_tile *t, double side, double wanted, double least)
{
  double tiles = qk_tiling_pool (t, side), most = fmax (QK_MAX_BLOCKS, least);
  double blocks = fmax (ceil (wanted / tiles), least);
  if (blocks > most)
    {
      tiles = ceil (wanted / most);
      blocks = fmax (ceil (wanted / tiles), least);
    }
  return (struct qk_tiling){ side, scores_of (t, side), tiles, blocks };
}

struct qk_tiling
qk_tiling_samples (const struct qk_tile *t, double samples)
{
  double side = QK_BATCH;
  if (!t->pairs)
    {
      double best = fmin (first_side (t), fmax (sqrt (samples / QK_MIN_BLOCKS), QK_LANES));
      side = step_down (best);
      /* Near the least number a side whose tiles fill a block of QK_MIN_POOL wastes none.  */
      if (samples < 4. * QK_MIN_BLOCKS * QK_MIN_POOL)
        side = fmin (ldexp (1, ilogb (best)), SMALL_SIDE);
    }
  double wanted = ceil (samples / scores_of (t, side));
  struct qk_tiling a = arrange (t, side, wanted, 1);
  a.tiles = fmin (a.tiles, wanted);
  return a;
}

struct qk_tiling
qk_tiling_planned (const struct qk_tile *t, double (*need) (const void *of, double side),
                   const void *of, double least)
{
  if (t->pairs)
    return arrange (t, QK_BATCH, ceil (need (of, 1) / QK_BATCH), least);
  double side = step_down (first_side (t)), wanted = ceil (need (of, side));
  while (wanted < QK_MIN_BLOCKS && side > QK_LANES)
    {
      side = step_down (side - 1);
      wanted = ceil (need (of, side));
    }
  return arrange (t, side, wanted, least);
}

struct qk_tiling
qk_tiling_pairs (double pairs)
{
  double batches = ceil (pairs / QK_BATCH);
  double tiles = fmin (batches, fmax (MIN_PAIRS / QK_BATCH, ceil (batches / QK_MAX_BLOCKS)));
  return (struct qk_tiling){ QK_BATCH, QK_BATCH, tiles, ceil (batches / tiles) };
}

double
qk_tiling_cost (const struct qk_tiling *a, double d, double score)
{
  return a->tiles * (a->scores * (d + score) + 2 * QK_DRAW_COST * a->side * d);
}

double
qk_tiling_honest (double m6)
{
  return isfinite (m6) ? QK_MIN_BLOCKS : QK_MANY_BLOCKS;
}

double
qk_tiling_enough (const struct qk_tile *t, double blocks)
{
  double samples = QK_MIN_BLOCKS * QK_MIN_POOL;
  if (!isfinite (qk_tiling_pool (t, QK_BATCH)))
    return INFINITY;
  while (qk_tiling_samples (t, samples).blocks < blocks)
    samples *= 2;
  return samples;
}
