/* tiling.h -- how many tiles of which side, in how many blocks.

   A tile is side^2 scores of side queries and side keys; its scores share rows and columns.  Pairs
   are single scores of one query and one key each: a batch of QK_BATCH takes the place of the tile.
   A block pools tiles (or batches); t intervals are over blocks.

   Sizes depend on what is asked and never on the machine.  They are whole numbers in doubles: a
   plan may ask for more than any integer type holds.  */

#ifndef QK_TILING_H
#define QK_TILING_H

#include <stdbool.h>

enum
{
  QK_BATCH = 32,         /* pairs drawn at a time */
  QK_MAX_SIDE = 512,     /* of a tile */
  QK_MAX_BLOCKS = 4096,  /* in the first round, unless the caller needs more */
  QK_MANY_BLOCKS = 1000, /* where t converges slowly */

  /* In multiply-adds: what a normal component costs (4 to 6 cycles against 1/16 to 1/8), and a
     score in power sums.  */
  QK_DRAW_COST = 45,
  QK_SCORE_COST = 10
};

/* What the arithmetic has to know of a tile.  */
struct qk_tile
{
  double d;   /* head dimension, >= 1 */
  double m4;  /* E z^4 of a standardised component, >= 1; where q and k differ, the mean of both */
  bool pairs; /* pairs in batches instead of tiles */

  /* The relative variance of the mean square over one tile (of one pair: side = 1).  */
  double (*variance) (const void *of, double side);

  /* The excess kurtosis of the same, about; INFINITY: not known.  */
  double (*kurtosis) (const void *of, double side);
  const void *of;
};

struct qk_tiling
{
  double side; /* a multiple of QK_LANES, in general of 24; pairs: QK_BATCH, the queries and keys of
                  a batch */
  double scores; /* a tile or batch */
  double tiles;  /* or batches, a block */
  double blocks;
};

/* The side at which a given precision of the mean square costs least, between QK_LANES and
   QK_MAX_SIDE, not rounded:

       b = sqrt (2 d g / ((m4 - 1) (1 + c / d))),   g = QK_DRAW_COST, c = QK_SCORE_COST.

   A tile costs 2 b d g + b^2 (d + c), and its relative variance is for large d that of a score
   times (1 + (b - 1) (m4 - 1) / d) / b^2; b is where the product is least.  The minimum is flat: a
   factor of two costs 6 to 12 %.  */
double qk_tiling_side (double d, double m4);

/* Tiles (batches) that make a block: at least QK_MIN_POOL scores, and as many as bring the relative
   variance of the block's mean square down to 1/100, and its excess kurtosis, where it is finite,
   down to 3, so that QK_MIN_BLOCKS of them are normal enough for t.  */
double qk_tiling_pool (const struct qk_tile *t, double side);

/* For a given number of scores: about as many, in as many blocks as can be filled; too few for one
   block make a smaller one.  samples >= 1.  */
struct qk_tiling qk_tiling_samples (const struct qk_tile *t, double samples);

/* For planned statements: need (of, side) is the number of tiles they need (pairs: of single
   scores, side = 1), least the blocks they need.  The best side, but small enough that there are
   QK_MIN_BLOCKS tiles.  */
struct qk_tiling qk_tiling_planned (const struct qk_tile *t,
                                    double (*need) (const void *of, double side), const void *of,
                                    double least);

/* For units that are independent one by one, and counted, not averaged: blocks of at least 512
   pairs only share out the work.  pairs >= 1.  */
struct qk_tiling qk_tiling_pairs (double pairs);

/* Multiply-adds a block, or their equivalent in time, where a score costs so many beside the dot
   product.  */
double qk_tiling_cost (const struct qk_tiling *a, double d, double score);

/* Blocks from which t intervals of mean squares are honest, by the sixth moment of the components:
   QK_MIN_BLOCKS, but QK_MANY_BLOCKS where it is infinite and squares have an infinite skewness.  */
double qk_tiling_honest (double m6);

/* A number of samples that comes in at least so many blocks: the first of QK_MIN_BLOCKS QK_MIN_POOL
   2^i that does; infinite where the squares have no variance.  blocks <= QK_MAX_BLOCKS / 2.  */
double qk_tiling_enough (const struct qk_tile *t, double blocks);

#endif
