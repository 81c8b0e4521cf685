/* draw.c -- packed Philox and packed laws: lane for lane what stream.c and sampler.c say.

   Compiled once per instruction set.  Words come in steps of 8 counters: the first words of all 8,
   then the second.  */

#include "lanes/variant.h"
#include "lanes/vmath.h"

enum
{
  BATCH = 64 /* steps between generator and transform: 8 KB of words */
};

/* Laws.  The comments are in sampler.c.  */

LANES_INLINE struct dv
unit_52 (struct uv word)
{
  return dv_sub (dv_of_bits (uv_or (uv_right (word, 12), uv_set (0x3ff0000000000000))),
                 dv_set (1 - 0x1p-53));
}

LANES_INLINE struct dv
unit_40 (struct uv word)
{
  return dv_sub (dv_of_bits (uv_or (uv_right (word, 24), uv_set (0x40b0000000000000))),
                 dv_set (0x1p12 - 0x1p-41));
}

LANES_INLINE void
circle (struct dv point[2], struct uv word)
{
  struct uv t = uv_or (uv_and (word, uv_set (0x7ffffe)), uv_set (0x41d0000000000001));
  struct dv x = dv_sub (dv_of_bits (t), dv_set (0x1p30 + 1)), y = dv_mul (x, x);
  struct dv c = dv_flip (dv_polynomial (y, qk_cos_p, 7), uv_left (word, 63));
  struct dv s = dv_mul (x, dv_polynomial (y, qk_sin_p, 7));
  struct uv swap = uv_left (word, 40);
  point[0] = dv_select (c, s, swap);
  point[1] = dv_select (s, c, swap);
}

LANES_INLINE void
normal_pair (struct dv z[2], struct uv word)
{
  struct dv r = dv_sqrt (minus_2_log (unit_40 (word)));
  circle (z, word);
  z[0] = dv_mul (z[0], r);
  z[1] = dv_mul (z[1], r);
}

LANES_INLINE struct uv
top_bit (struct uv word)
{
  return uv_and (word, uv_set (UINT64_C (1) << 63));
}

/* The values of one word: law is a constant here.  */
LANES_INLINE void
one_word (struct dv *z, struct uv word, enum qk_law_kind kind)
{
  switch (kind)
    {
    case QK_NORMAL:
      normal_pair (z, word);
      break;
    case QK_UNIFORM:
      *z = dv_mul (dv_sub (unit_52 (word), dv_set (0.5)), dv_set (2 * QK_SQRT_3));
      break;
    case QK_RADEMACHER:
      *z = dv_flip (dv_set (1), top_bit (word));
      break;
    case QK_LAPLACE:
      *z = dv_mul (minus_2_log (unit_52 (uv_left (word, 1))), dv_set (0.5 * QK_SQRT_1_2));
      *z = dv_flip (*z, top_bit (word));
      break;
    case QK_EXPONENTIAL:
      *z = dv_fma (dv_set (0.5), minus_2_log (unit_52 (word)), dv_set (-1));
      break;
    default:
      break;
    }
}

/* The values of steps of 8 counters; kind is a constant where this is expanded.  */
LANES_INLINE void
transform (double *x, const uint64_t *word, size_t steps, const struct qk_law *law,
           enum qk_law_kind kind)
{
  const struct dv sd = dv_set (law->sd), mean = dv_set (law->mean);
  const double shape = law->shape;
  const size_t per = kind == QK_NORMAL ? 4 : kind >= QK_STUDENT ? 1 : 2;

  for (size_t i = 0; i < steps; i++)
    {
      struct uv w0 = uv_load (word + 16 * i), w1 = uv_load (word + 16 * i + 8);
      struct dv z[4];
      switch (kind)
        {
        case QK_STUDENT:
          {
            struct dv a = minus_2_log (unit_52 (w0));
            struct dv power = exp_minus_1 (dv_mul (a, dv_set (1 / shape)));
            circle (z, w1);
            z[0] = dv_mul (dv_sqrt (dv_mul (dv_set (shape - 2), power)), z[0]);
            break;
          }
        case QK_SPARSE:
          normal_pair (z, w1);
          z[0] = dv_where_less (dv_mul (z[0], dv_set (sqrt (1 / shape))), unit_52 (w0),
                                dv_set (shape));
          break;
        default:
          one_word (z, w0, kind);
          one_word (z + per / 2, w1, kind);
        }
      for (size_t j = 0; j < per; j++)
        dv_store (x + (per * i + j) * 8, dv_fma (sd, z[j], mean));
    }
}

#define TRANSFORM(name, kind)                                                                      \
  static void name (double *x, const uint64_t *word, size_t steps, const struct qk_law *law)       \
  {                                                                                                \
    transform (x, word, steps, law, kind);                                                         \
  }

TRANSFORM (normal, QK_NORMAL)
TRANSFORM (uniform, QK_UNIFORM)
TRANSFORM (rademacher, QK_RADEMACHER)
TRANSFORM (laplace, QK_LAPLACE)
TRANSFORM (exponential, QK_EXPONENTIAL)
TRANSFORM (student, QK_STUDENT)
TRANSFORM (sparse, QK_SPARSE)

static void (*const transforms[QK_LAWS]) (double *x, const uint64_t *word, size_t steps,
                                          const struct qk_law *law)
    = {
        [QK_NORMAL] = normal,   [QK_UNIFORM] = uniform,         [QK_RADEMACHER] = rademacher,
        [QK_LAPLACE] = laplace, [QK_EXPONENTIAL] = exponential, [QK_STUDENT] = student,
        [QK_SPARSE] = sparse,
      };

/* Philox.  A 32-bit word stands in the low half of a lane; what the high half holds is left there,
   for uv_mul_low does not look.  */

/* The words of the 8 steps counters from group on, a multiple of 8; all agree in group >> 32.  Of
   the counter only the lowest word varies, so half of the first two rounds is the same for all.  */
static void
philox (uint64_t *word, size_t steps, struct qk_address a, uint64_t group)
{
  const struct uv m0 = uv_set (QK_PHILOX_M0), m1 = uv_set (QK_PHILOX_M1);
  uint32_t counter[4];
  qk_counter (counter, a, group);

  uint32_t k0[10], k1[10];
  for (uint32_t r = 0; r < 10; r++)
    {
      k0[r] = (uint32_t)a.seed + r * QK_PHILOX_W0;
      k1[r] = (uint32_t)(a.seed >> 32) + r * QK_PHILOX_W1;
    }

  /* Round 1: x0' and x1' are common, x2' = high (m0 x0) ^ key_1, x3' = low (m0 x0).
     Round 2: x2'' = high (m0 x0') ^ x3' ^ k1 and x3'' = low (m0 x0').  */
  const uint64_t p1 = QK_PHILOX_M1 * counter[2];
  const uint64_t p2 = QK_PHILOX_M0 * ((uint32_t)(p1 >> 32) ^ counter[1] ^ k0[0]);
  const struct uv key_1 = uv_set (counter[3] ^ k1[0]);
  const struct uv key_2 = uv_set ((uint32_t)p1 ^ k0[1]);
  const struct uv key_3 = uv_set ((uint32_t)(p2 >> 32) ^ k1[1]);
  const struct uv low_2 = uv_set ((uint32_t)p2);

  static const _Alignas(64) uint64_t ramp[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
  struct uv x = uv_add (uv_set (counter[0]), uv_load (ramp));

  for (size_t i = 0; i < steps; i++, x = uv_add (x, uv_set (8)))
    {
      struct uv p = uv_mul_low (x, m0);
      struct uv q = uv_mul_low (uv_xor (uv_right (p, 32), key_1), m1);
      struct uv x0 = uv_xor (uv_right (q, 32), key_2), x1 = q;
      struct uv x2 = uv_xor (p, key_3), x3 = low_2;

      for (int r = 2; r < 10; r++)
        {
          p = uv_mul_low (x0, m0);
          q = uv_mul_low (x2, m1);
          x0 = uv_xor (uv_right (q, 32), uv_xor (x1, uv_set (k0[r])));
          x1 = q;
          x2 = uv_xor (uv_right (p, 32), uv_xor (x3, uv_set (k1[r])));
          x3 = p;
        }
      uv_store (word + 16 * i, uv_pair (x0, x1));
      uv_store (word + 16 * i + 8, uv_pair (x2, x3));
    }
}

void
QK_BUILD (qk_draw) (double *x, size_t n, struct qk_address a, uint64_t first,
                    const struct qk_law *law)
{
  _Alignas(QK_ALIGN) uint64_t word[16 * BATCH];
  const enum qk_law_kind kind = law->type - qk_law_types;
  const size_t per = law->type->per;
  uint64_t group = first / per;

  for (size_t left = n / (8 * per); left;)
    {
      /* Not across a multiple of 2^32.  */
      uint64_t whole = (0x100000000 - (group & 0xffffffff)) / 8;
      size_t steps = left < BATCH ? left : BATCH;
      steps = steps < whole ? steps : whole;

      philox (word, steps, a, group);
      transforms[kind](x, word, steps, law);
      group += 8 * steps;
      x += 8 * per * steps;
      left -= steps;
    }
}

void
QK_BUILD (qk_shape) (double *x, size_t n, const uint64_t *word, const struct qk_law *law)
{
  _Alignas(QK_ALIGN) uint64_t step[16];
  const enum qk_law_kind kind = law->type - qk_law_types;

  for (size_t left = n / (8 * law->type->per); left; left--)
    {
      for (int i = 0; i < 8; i++)
        {
          step[i] = word[2 * i];
          step[8 + i] = word[2 * i + 1];
        }
      transforms[kind](x, step, 1, law);
      word += 16;
      x += 8 * law->type->per;
    }
}

void
QK_BUILD (qk_mix) (double *k, const double *q, size_t n, double a, double t, double c)
{
  for (size_t i = 0; i < n; i += 8)
    {
      struct dv inner = dv_fma (dv_set (t), dv_load (k + i), dv_set (c));
      dv_store (k + i, dv_fma (dv_set (a), dv_load (q + i), inner));
    }
}
