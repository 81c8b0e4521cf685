/* list-attention.c -- what attention.c says of cases from standard input, for torch.sh.

   A case: n d c, then q (d) and K (n by d).  The answer, one line: p (n), the entropy, sum of p^2,
   J (n by n), |J|_2, dp/dq (n by d); of the scores c q . k_j in plain order.  */

#include "../src/attention.h"

#include <stdio.h>
#include <stdlib.h>

static double
number (void)
{
  double x;
  if (scanf ("%lf", &x) != 1)
    {
      fputs ("list-attention: a number is missing\n", stderr);
      exit (2);
    }
  return x;
}

static double *
numbers (size_t n, int read)
{
  double *x = calloc (n, sizeof *x);
  if (!x)
    exit (2);
  for (size_t i = 0; read && i < n; i++)
    x[i] = number ();
  return x;
}

static void
print (const double *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    printf ("%.17g ", x[i]);
}

int
main (void)
{
  size_t n, d;
  while (scanf ("%zu %zu", &n, &d) == 2)
    {
      double c = number (), *q = numbers (d, 1), *K = numbers (n * d, 1);
      double *x = numbers (n, 0), *p = numbers (n, 0), *J = numbers (n * n, 0);
      double *g = numbers (n * d, 0);
      for (size_t j = 0; j < n; j++)
        {
          for (size_t i = 0; i < d; i++)
            x[j] += q[i] * K[j * d + i];
          x[j] *= c;
        }
      if (qk_softmax (p, x, n) != 0)
        return 2;
      qk_softmax_jacobian (J, p, n);
      qk_softmax_gradient (g, p, K, n, d, c);
      const double one[]
          = { qk_softmax_entropy (x, n), qk_softmax_participation (p, n), qk_jacobian_norm (p, n) };
      print (p, n);
      print (one, 2);
      print (J, n * n);
      print (one + 2, 1);
      print (g, n * d);
      putchar ('\n');
      free (q), free (K), free (x), free (p), free (J), free (g);
    }
  return 0;
}
