/* lanes.h -- eight doubles, or eight 64-bit words, at once: the only file with intrinsics.

   The flags of the compiler choose the section: AVX-512, AVX2 with fma, or plain C.  Every
   operation rounds once, as IEEE 754 says, so the sections cannot differ.  Arrays of lanes are
   aligned to QK_ALIGN.  With QK_SIMDE the first section is compiled for a processor that lacks it,
   for tests: SIMDe makes its intrinsics of others.  */

#ifndef QK_LANES_H
#define QK_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES_INLINE static inline __attribute__ ((always_inline))

/* The part of a score tile that is kept in registers: TILE_PANELS panels of 8 rows by TILE_COLUMNS
   columns, one sum each, with the rows of one coordinate and a column's value in all lanes.  */

#if defined QK_SIMDE || (defined __AVX512F__ && defined __AVX512DQ__)

#ifdef QK_SIMDE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#else
#include <immintrin.h>
#endif

/* 24 + 3 + 1 of 32 registers; 8 columns are a panel of k.  */
enum
{
  TILE_PANELS = 3,
  TILE_COLUMNS = 8
};

struct dv
{
  __m512d a;
};

struct uv
{
  __m512i a;
};

LANES_INLINE struct dv
dv_load (const double *x)
{
  return (struct dv){ _mm512_load_pd (x) };
}

LANES_INLINE void
dv_store (double *x, struct dv v)
{
  _mm512_store_pd (x, v.a);
}

LANES_INLINE struct dv
dv_set (double x)
{
  return (struct dv){ _mm512_set1_pd (x) };
}

LANES_INLINE struct dv
dv_add (struct dv x, struct dv y)
{
  return (struct dv){ _mm512_add_pd (x.a, y.a) };
}

LANES_INLINE struct dv
dv_sub (struct dv x, struct dv y)
{
  return (struct dv){ _mm512_sub_pd (x.a, y.a) };
}

LANES_INLINE struct dv
dv_mul (struct dv x, struct dv y)
{
  return (struct dv){ _mm512_mul_pd (x.a, y.a) };
}

LANES_INLINE struct dv
dv_div (struct dv x, struct dv y)
{
  return (struct dv){ _mm512_div_pd (x.a, y.a) };
}

/* x if x > y, else y.  */
LANES_INLINE struct dv
dv_max (struct dv x, struct dv y)
{
  return (struct dv){ _mm512_max_pd (x.a, y.a) };
}

/* x if x < y, else y.  */
LANES_INLINE struct dv
dv_min (struct dv x, struct dv y)
{
  return (struct dv){ _mm512_min_pd (x.a, y.a) };
}

/* x y + z, rounded once.  */
LANES_INLINE struct dv
dv_fma (struct dv x, struct dv y, struct dv z)
{
  return (struct dv){ _mm512_fmadd_pd (x.a, y.a, z.a) };
}

LANES_INLINE struct dv
dv_sqrt (struct dv x)
{
  return (struct dv){ _mm512_sqrt_pd (x.a) };
}

LANES_INLINE struct uv
uv_load (const uint64_t *x)
{
  return (struct uv){ _mm512_load_si512 (x) };
}

LANES_INLINE void
uv_store (uint64_t *x, struct uv v)
{
  _mm512_store_si512 (x, v.a);
}

LANES_INLINE struct uv
uv_set (uint64_t x)
{
  return (struct uv){ _mm512_set1_epi64 ((long long)x) };
}

LANES_INLINE struct uv
uv_add (struct uv x, struct uv y)
{
  return (struct uv){ _mm512_add_epi64 (x.a, y.a) };
}

LANES_INLINE struct uv
uv_and (struct uv x, struct uv y)
{
  return (struct uv){ _mm512_and_si512 (x.a, y.a) };
}

LANES_INLINE struct uv
uv_or (struct uv x, struct uv y)
{
  return (struct uv){ _mm512_or_si512 (x.a, y.a) };
}

LANES_INLINE struct uv
uv_xor (struct uv x, struct uv y)
{
  return (struct uv){ _mm512_xor_si512 (x.a, y.a) };
}

LANES_INLINE struct uv
uv_left (struct uv x, int n)
{
  return (struct uv){ _mm512_slli_epi64 (x.a, (unsigned)n) };
}

LANES_INLINE struct uv
uv_right (struct uv x, int n)
{
  return (struct uv){ _mm512_srli_epi64 (x.a, (unsigned)n) };
}

/* The products of the low halves.  */
LANES_INLINE struct uv
uv_mul_low (struct uv x, struct uv y)
{
  return (struct uv){ _mm512_mul_epu32 (x.a, y.a) };
}

/* The low half of x below the low half of y.  */
LANES_INLINE struct uv
uv_pair (struct uv x, struct uv y)
{
  return (struct uv){ _mm512_mask_blend_epi32 (0xaaaa, x.a, _mm512_slli_epi64 (y.a, 32)) };
}

LANES_INLINE struct uv
dv_bits (struct dv x)
{
  return (struct uv){ _mm512_castpd_si512 (x.a) };
}

LANES_INLINE struct dv
dv_of_bits (struct uv x)
{
  return (struct dv){ _mm512_castsi512_pd (x.a) };
}

/* y where the top bit of m is set, else x.  */
LANES_INLINE struct dv
dv_select (struct dv x, struct dv y, struct uv m)
{
  return (struct dv){ _mm512_mask_blend_pd (_mm512_movepi64_mask (m.a), x.a, y.a) };
}

/* x where u < v, else 0.  */
LANES_INLINE struct dv
dv_where_less (struct dv x, struct dv u, struct dv v)
{
  return (struct dv){ _mm512_maskz_mov_pd (_mm512_cmp_pd_mask (u.a, v.a, _CMP_LT_OQ), x.a) };
}

/* table[i % 8]: the whole table in a register.  */
LANES_INLINE struct dv
dv_lookup (const double table[8], struct uv i)
{
  return (struct dv){ _mm512_permutexvar_pd (i.a, _mm512_loadu_pd (table)) };
}

/* The same for a table whose low halves are 0.  */
LANES_INLINE struct dv
dv_lookup_short (const double table[8], struct uv i)
{
  return dv_lookup (table, i);
}

#elif defined __AVX2__ && defined __FMA__

#include <immintrin.h>

/* 12 + 2 + 1 of 16 registers, two to a vector.  */
enum
{
  TILE_PANELS = 1,
  TILE_COLUMNS = 6
};

struct dv
{
  __m256d a, b;
};

struct uv
{
  __m256i a, b;
};

#define DV_1(f)                                                                                    \
  return (struct dv) { f (x.a), f (x.b) }
#define DV_2(f)                                                                                    \
  return (struct dv) { f (x.a, y.a), f (x.b, y.b) }
#define UV_2(f)                                                                                    \
  return (struct uv) { f (x.a, y.a), f (x.b, y.b) }

LANES_INLINE struct dv
dv_load (const double *x)
{
  return (struct dv){ _mm256_load_pd (x), _mm256_load_pd (x + 4) };
}

LANES_INLINE void
dv_store (double *x, struct dv v)
{
  _mm256_store_pd (x, v.a);
  _mm256_store_pd (x + 4, v.b);
}

LANES_INLINE struct dv
dv_set (double x)
{
  return (struct dv){ _mm256_set1_pd (x), _mm256_set1_pd (x) };
}

LANES_INLINE struct dv
dv_add (struct dv x, struct dv y)
{
  DV_2 (_mm256_add_pd);
}

LANES_INLINE struct dv
dv_sub (struct dv x, struct dv y)
{
  DV_2 (_mm256_sub_pd);
}

LANES_INLINE struct dv
dv_mul (struct dv x, struct dv y)
{
  DV_2 (_mm256_mul_pd);
}

LANES_INLINE struct dv
dv_div (struct dv x, struct dv y)
{
  DV_2 (_mm256_div_pd);
}

/* x if x > y, else y.  */
LANES_INLINE struct dv
dv_max (struct dv x, struct dv y)
{
  DV_2 (_mm256_max_pd);
}

/* x if x < y, else y.  */
LANES_INLINE struct dv
dv_min (struct dv x, struct dv y)
{
  DV_2 (_mm256_min_pd);
}

/* x y + z, rounded once.  */
LANES_INLINE struct dv
dv_fma (struct dv x, struct dv y, struct dv z)
{
  return (struct dv){ _mm256_fmadd_pd (x.a, y.a, z.a), _mm256_fmadd_pd (x.b, y.b, z.b) };
}

LANES_INLINE struct dv
dv_sqrt (struct dv x)
{
  DV_1 (_mm256_sqrt_pd);
}

LANES_INLINE struct uv
uv_load (const uint64_t *x)
{
  return (struct uv){ _mm256_load_si256 ((const __m256i *)x),
                      _mm256_load_si256 ((const __m256i *)(x + 4)) };
}

LANES_INLINE void
uv_store (uint64_t *x, struct uv v)
{
  _mm256_store_si256 ((__m256i *)x, v.a);
  _mm256_store_si256 ((__m256i *)(x + 4), v.b);
}

LANES_INLINE struct uv
uv_set (uint64_t x)
{
  return (struct uv){ _mm256_set1_epi64x ((long long)x), _mm256_set1_epi64x ((long long)x) };
}

LANES_INLINE struct uv
uv_add (struct uv x, struct uv y)
{
  UV_2 (_mm256_add_epi64);
}

LANES_INLINE struct uv
uv_and (struct uv x, struct uv y)
{
  UV_2 (_mm256_and_si256);
}

LANES_INLINE struct uv
uv_or (struct uv x, struct uv y)
{
  UV_2 (_mm256_or_si256);
}

LANES_INLINE struct uv
uv_xor (struct uv x, struct uv y)
{
  UV_2 (_mm256_xor_si256);
}

LANES_INLINE struct uv
uv_left (struct uv x, int n)
{
  return (struct uv){ _mm256_slli_epi64 (x.a, n), _mm256_slli_epi64 (x.b, n) };
}

LANES_INLINE struct uv
uv_right (struct uv x, int n)
{
  return (struct uv){ _mm256_srli_epi64 (x.a, n), _mm256_srli_epi64 (x.b, n) };
}

/* The products of the low halves.  */
LANES_INLINE struct uv
uv_mul_low (struct uv x, struct uv y)
{
  UV_2 (_mm256_mul_epu32);
}

/* The low half of x below the low half of y.  */
LANES_INLINE struct uv
uv_pair (struct uv x, struct uv y)
{
  return (struct uv){ _mm256_blend_epi32 (x.a, _mm256_slli_epi64 (y.a, 32), 0xaa),
                      _mm256_blend_epi32 (x.b, _mm256_slli_epi64 (y.b, 32), 0xaa) };
}

LANES_INLINE struct uv
dv_bits (struct dv x)
{
  return (struct uv){ _mm256_castpd_si256 (x.a), _mm256_castpd_si256 (x.b) };
}

LANES_INLINE struct dv
dv_of_bits (struct uv x)
{
  return (struct dv){ _mm256_castsi256_pd (x.a), _mm256_castsi256_pd (x.b) };
}

/* y where the top bit of m is set, else x.  */
LANES_INLINE struct dv
dv_select (struct dv x, struct dv y, struct uv m)
{
  return (struct dv){ _mm256_blendv_pd (x.a, y.a, _mm256_castsi256_pd (m.a)),
                      _mm256_blendv_pd (x.b, y.b, _mm256_castsi256_pd (m.b)) };
}

/* x where u < v, else 0.  */
LANES_INLINE struct dv
dv_where_less (struct dv x, struct dv u, struct dv v)
{
  return (struct dv){ _mm256_and_pd (x.a, _mm256_cmp_pd (u.a, v.a, _CMP_LT_OQ)),
                      _mm256_and_pd (x.b, _mm256_cmp_pd (u.b, v.b, _CMP_LT_OQ)) };
}

/* table[i % 8] for i < 2^32: the high and the low halves of the table in a register each.  */
LANES_INLINE __m256i
table_half (const double table[8], const int high)
{
  __m256 x = _mm256_castpd_ps (_mm256_loadu_pd (table));
  __m256 y = _mm256_castpd_ps (_mm256_loadu_pd (table + 4));
  __m256 half = high ? _mm256_shuffle_ps (x, y, 0xdd) : _mm256_shuffle_ps (x, y, 0x88);
  return _mm256_permute4x64_epi64 (_mm256_castps_si256 (half), 0xd8);
}

LANES_INLINE struct dv
dv_lookup (const double table[8], struct uv i)
{
  __m256i low = table_half (table, 0), high = table_half (table, 1);
  struct uv x = { _mm256_permutevar8x32_epi32 (low, i.a), _mm256_permutevar8x32_epi32 (low, i.b) };
  struct uv y
      = { _mm256_permutevar8x32_epi32 (high, i.a), _mm256_permutevar8x32_epi32 (high, i.b) };
  return dv_of_bits (uv_pair (x, y));
}

/* The same for a table whose low halves are 0.  */
LANES_INLINE struct dv
dv_lookup_short (const double table[8], struct uv i)
{
  __m256i high = table_half (table, 1);
  struct uv x
      = { _mm256_permutevar8x32_epi32 (high, i.a), _mm256_permutevar8x32_epi32 (high, i.b) };
  return dv_of_bits (uv_left (x, 32));
}

#undef DV_1
#undef DV_2
#undef UV_2

#else /* plain C: the compiler may or may not find vectors */

enum
{
  TILE_PANELS = 1,
  TILE_COLUMNS = 6
};

struct dv
{
  double x[8];
};

struct uv
{
  uint64_t x[8];
};

#define EACH(type, expression)                                                                     \
  struct type v;                                                                                   \
  for (int i = 0; i < 8; i++)                                                                      \
    v.x[i] = (expression);                                                                         \
  return v

LANES_INLINE struct dv
dv_load (const double *x)
{
  EACH (dv, x[i]);
}

LANES_INLINE void
dv_store (double *x, struct dv v)
{
  memcpy (x, v.x, sizeof v);
}

LANES_INLINE struct dv
dv_set (double x)
{
  EACH (dv, x);
}

LANES_INLINE struct dv
dv_add (struct dv x, struct dv y)
{
  EACH (dv, x.x[i] + y.x[i]);
}

LANES_INLINE struct dv
dv_sub (struct dv x, struct dv y)
{
  EACH (dv, x.x[i] - y.x[i]);
}

LANES_INLINE struct dv
dv_mul (struct dv x, struct dv y)
{
  EACH (dv, x.x[i] * y.x[i]);
}

LANES_INLINE struct dv
dv_div (struct dv x, struct dv y)
{
  EACH (dv, x.x[i] / y.x[i]);
}

/* x if x > y, else y.  */
LANES_INLINE struct dv
dv_max (struct dv x, struct dv y)
{
  EACH (dv, x.x[i] > y.x[i] ? x.x[i] : y.x[i]);
}

/* x if x < y, else y.  */
LANES_INLINE struct dv
dv_min (struct dv x, struct dv y)
{
  EACH (dv, x.x[i] < y.x[i] ? x.x[i] : y.x[i]);
}

LANES_INLINE struct dv
dv_fma (struct dv x, struct dv y, struct dv z)
{
  EACH (dv, fma (x.x[i], y.x[i], z.x[i]));
}

LANES_INLINE struct dv
dv_sqrt (struct dv x)
{
  EACH (dv, sqrt (x.x[i]));
}

LANES_INLINE struct uv
uv_load (const uint64_t *x)
{
  EACH (uv, x[i]);
}

LANES_INLINE void
uv_store (uint64_t *x, struct uv v)
{
  memcpy (x, v.x, sizeof v);
}

LANES_INLINE struct uv
uv_set (uint64_t x)
{
  EACH (uv, x);
}

LANES_INLINE struct uv
uv_add (struct uv x, struct uv y)
{
  EACH (uv, x.x[i] + y.x[i]);
}

LANES_INLINE struct uv
uv_and (struct uv x, struct uv y)
{
  EACH (uv, x.x[i] & y.x[i]);
}

LANES_INLINE struct uv
uv_or (struct uv x, struct uv y)
{
  EACH (uv, x.x[i] | y.x[i]);
}

LANES_INLINE struct uv
uv_xor (struct uv x, struct uv y)
{
  EACH (uv, x.x[i] ^ y.x[i]);
}

LANES_INLINE struct uv
uv_left (struct uv x, int n)
{
  EACH (uv, x.x[i] << n);
}

LANES_INLINE struct uv
uv_right (struct uv x, int n)
{
  EACH (uv, x.x[i] >> n);
}

LANES_INLINE struct uv
uv_mul_low (struct uv x, struct uv y)
{
  EACH (uv, (x.x[i] & 0xffffffff) * (y.x[i] & 0xffffffff));
}

LANES_INLINE struct uv
uv_pair (struct uv x, struct uv y)
{
  EACH (uv, (x.x[i] & 0xffffffff) | y.x[i] << 32);
}

LANES_INLINE struct uv
dv_bits (struct dv x)
{
  struct uv v;
  memcpy (&v, &x, sizeof v);
  return v;
}

LANES_INLINE struct dv
dv_of_bits (struct uv x)
{
  struct dv v;
  memcpy (&v, &x, sizeof v);
  return v;
}

LANES_INLINE struct dv
dv_select (struct dv x, struct dv y, struct uv m)
{
  EACH (dv, m.x[i] >> 63 ? y.x[i] : x.x[i]);
}

LANES_INLINE struct dv
dv_where_less (struct dv x, struct dv u, struct dv v)
{
  struct dv w;
  for (int i = 0; i < 8; i++)
    w.x[i] = u.x[i] < v.x[i] ? x.x[i] : 0;
  return w;
}

LANES_INLINE struct dv
dv_lookup (const double table[8], struct uv j)
{
  EACH (dv, table[j.x[i] % 8]);
}

LANES_INLINE struct dv
dv_lookup_short (const double table[8], struct uv j)
{
  EACH (dv, table[j.x[i] % 8]);
}

#undef EACH

#endif

/* Made of the above.  */

LANES_INLINE struct dv
dv_abs (struct dv x)
{
  return dv_of_bits (uv_and (dv_bits (x), uv_set (INT64_MAX)));
}

/* x with its sign reversed where the top bit of m is set; the other bits of m are 0.  */
LANES_INLINE struct dv
dv_flip (struct dv x, struct uv m)
{
  return dv_of_bits (uv_xor (dv_bits (x), m));
}

/* c[0] + c[1] x + ... + c[n-1] x^(n-1), n a constant.  */
LANES_INLINE struct dv
dv_polynomial (struct dv x, const double *c, const int n)
{
  struct dv p = dv_set (c[n - 1]);
  for (int i = n - 2; i >= 0; i--)
    p = dv_fma (p, x, dv_set (c[i]));
  return p;
}

/* ((x0 + x4) + (x2 + x6)) + ((x1 + x5) + (x3 + x7)).  */
LANES_INLINE double
dv_total (struct dv v)
{
  _Alignas(64) double x[8];
  dv_store (x, v);
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

#endif
