/* polynomials.h -- the numbers behind log, sin, cos and exp: shared by sampler.c, which evaluates
   them plainly, and lanes/draw.c, which does so in lanes, by the same operations in the same order.
   Part of the address map: never changes.

   Minimax fits by the Remez algorithm at 60 digits, weighted for the relative error of the result,
   coefficients rounded to binary64, errors after that; a polynomial is summed by Horner's rule
   with fma.  u = 2^-53.  t-sampler holds them against MPFR.  */

#ifndef QK_POLYNOMIALS_H
#define QK_POLYNOMIALS_H

/* ln 2 and what the rounding left of it.  */
#define QK_LN2 0x1.62e42fefa39efp-1
#define QK_LN2_REST 0x1.abc9e3b39803fp-56

/* -2 ln u, u = 2^k m, 1 <= m < 2, j = the leading three bits of m - 1:  with f = c_j m - 1

     -2 ln u = (-2 k QK_LN2 + l_j) + f P (f),   P (f) = -2 ln (1 + f) / f,   -1/16 <= f < 0.0588.

   c_j is a 21-bit number near the reciprocal of the middle of its interval, and
   l_j = 2 ln (2 c_j) - 2 QK_LN2, chosen among 1800 so that l_j is a double but for 6e-20: so the
   cancellation at k = -1 costs nothing, and c_7 = 1/2 leaves the sum to f P (f) alone where u is
   near 1.  Error of P: 0.55 u of the logarithm.  */
static const double qk_log_c[8] = {
  0x1.e1d6bp-1, 0x1.af30cp-1, 0x1.864c5p-1, 0x1.642cdp-1,
  0x1.47afbp-1, 0x1.2f53ep-1, 0x1.1aa8ep-1, 0x1p-1,
};
static const double qk_log_l[8] = {
  -0x1.f1615e370a522p-4, -0x1.5fcb776c4b0abp-2, -0x1.15ed81ccd3957p-1, -0x1.739ca96bd35cep-1,
  -0x1.c8fa767cd123fp-1, -0x1.0c09a56b43943p+0, -0x1.302b63c8c38e9p+0, -0x1.62e42fefa39efp+0,
};
static const double qk_log_p[10] = {
  -2,
  0x1.0000000000072p+0,
  -0x1.555555555449bp-1,
  0x1.fffffffdab83ep-2,
  -0x1.999999c320279p-2,
  0x1.55556126d6007p-2,
  -0x1.24917f24d0057p-2,
  0x1.ffd60320eab2dp-3,
  -0x1.c9c95bbf54b53p-3,
  0x1.b292c9d17f9e4p-3,
};

/* sin (pi x / 4) = x P (x^2), |x| < 1: 0.35 u, the rounding of pi / 4.  */
static const double qk_sin_p[7] = {
  0x1.921fb54442d18p-1,  -0x1.4abbce625bdaep-4,  0x1.466bc6774afcep-9,  -0x1.32d2ccd46a402p-15,
  0x1.507821d4e0324p-22, -0x1.e2f3f0f606c2cp-30, 0x1.dfc5bbee40a35p-38,
};

/* cos (pi x / 4) = P (x^2), |x| < 1: 0.55 u.  */
static const double qk_cos_p[7] = {
  1,
  -0x1.3bd3cc9be459dp-2,
  0x1.03c1f081b0df1p-6,
  -0x1.55d3c7dc398e4p-12,
  0x1.e1f4fb7f91962p-19,
  -0x1.a6c9c8006fa4ep-26,
  0x1.f3dc18113406ap-34,
};

/* exp (r) - 1 = r + r^2 P (r), |r| <= ln 2 / 2: 0.30 u.  */
static const double qk_exp_p[10] = {
  0x1.0000000000005p-1,  0x1.5555555555539p-3,  0x1.55555555522a3p-5,  0x1.1111111118fd9p-7,
  0x1.6c16c17ee1566p-10, 0x1.a01a017507b9bp-13, 0x1.a019a75d435f0p-16, 0x1.71de8819dfd28p-19,
  0x1.28a1f2bb00114p-22, 0x1.ae6b9eddd865ap-26,
};

#define QK_SQRT_3 0x1.bb67ae8584caap+0
#define QK_SQRT_1_2 0x1.6a09e667f3bcdp-1

#endif
