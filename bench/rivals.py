#!/usr/bin/env python3
# rivals.py -- the other side of `make bench`: NumPy or PyTorch, written as fast as they allow.
#
# usage: rivals.py numpy|torch     one request a line, one line of answer each:
#
#   about            versions, and what multiplies matrices
#   normals S        standard normals a second, from about S seconds
#   softmax N R S    scores a second, with the statistics of the softmax of R rows of N keys at once
#   additive N D R S additive scores a second, of N projected queries and keys with D hidden units,
#                    R queries at once
#   matrices D B S   seconds for one B by B matrix of scores of head dimension D and its mean square
#   pairs D N S      seconds for one of N independent pairs
#   record Q K H N   write files of H heads of N tokens, d_k = 64, float32, and answer 0
#   audit Q K        seconds on the wall for the figures of qkcheck audit, head by head, in float32
#
# Seconds are processor time.  Buffers are made once; of the scores nothing but the mean square is
# taken, in one pass (qkcheck takes four moments more).

import math
import sys
import time


def blas():
    """The BLAS in this process, in words; '' if it is none of the fast ones."""
    import ctypes
    with open('/proc/self/maps') as f:
        files = sorted({line.split()[-1] for line in f if 'blas' in line or 'libmkl_rt' in line
                        or 'blis' in line})
    for file in files:
        try:
            config = ctypes.CDLL(file).openblas_get_config
        except (OSError, AttributeError):
            continue
        config.restype = ctypes.c_char_p
        words = config().decode().split()
        kernel = [w for w in words[2:] if w[0].isupper() and '_' not in w and '=' not in w]
        return ' '.join(words[:2] + kernel)
    for name in ('mkl', 'blis'):
        if any(name in file for file in files):
            return name
    return ''


def repeat(work, seconds):
    """Seconds for one call, from calls that take that long together."""
    n, start = 0, time.process_time()
    while True:
        work()
        n += 1
        spent = time.process_time() - start
        if spent >= seconds:
            return spent / n


def check(mean_square, d, variance):
    """The result is one: within 7 standard errors of d."""
    if not abs(mean_square - d) <= 7 * d * math.sqrt(variance):
        sys.exit(f'rivals: mean square {mean_square} at d = {d}')


class Numpy:
    def __init__(self):
        import numpy
        self.np = numpy
        self.rng = numpy.random.Generator(numpy.random.PCG64(1))

    def about(self):
        name = blas()
        return f'{"fast" if name else "slow"} NumPy {self.np.__version__} (PCG64), ' \
               f'{name or "the reference BLAS"}'

    def normals(self, seconds):
        x = self.np.empty(16384)
        return x.size / repeat(lambda: self.rng.standard_normal(out=x), seconds)

    def softmax(self, n, rows, seconds):
        np = self.np
        s, t, e = self.rng.standard_normal((rows, n)), np.empty((rows, n)), np.empty((rows, n))

        def work():
            top = s.max(axis=1)
            np.subtract(s, top[:, None], out=t)
            np.exp(t, out=e)
            z = e.sum(axis=1)
            zt = np.einsum('ij,ij->i', t, e)
            np.multiply(e, e, out=t)
            z2 = t.sum(axis=1)
            z3 = np.einsum('ij,ij->i', t, e)
            self.entropy = np.log(z) - zt / z
            self.p2 = z2 / z**2
            self.norm = self.p2 - 2 * z3 / z**3 + self.p2**2

        spent = repeat(work, seconds)
        if not 2 < self.p2.mean() * n < 3.5:  # tends to e
            sys.exit('rivals: the participation is wrong')
        return s.size / spent

    def additive(self, n, h, rows, seconds):
        np = self.np
        a, b, v = (self.rng.standard_normal(shape) for shape in ((n, h), (n, h), h))
        t, s = np.empty((rows, n, h)), np.empty((n, n))

        def work():
            for i in range(0, n, rows):
                np.add(a[i:i + rows, None, :], b[None, :, :], out=t)
                np.tanh(t, out=t)
                np.matmul(t, v, out=s[i:i + rows])

        spent = repeat(work, seconds)
        if not 0.2 < (s**2).mean() / h < 1.2:
            sys.exit('rivals: the variance of additive scores is wrong')
        return s.size / spent

    def matrices(self, d, b, seconds):
        np, rng = self.np, self.rng
        q, k, s = np.empty((b, d)), np.empty((b, d)), np.empty((b, b))
        flat = s.reshape(-1)

        def work():
            rng.standard_normal(out=q)
            rng.standard_normal(out=k)
            np.matmul(q, k.T, out=s)
            self.m2 = np.dot(flat, flat) / flat.size

        spent = repeat(work, seconds)
        check(self.m2, d, (2 + 6 / d) / b**2 * (1 + 2 * (b - 1) / (d + 3)))
        return spent

    def pairs(self, d, n, seconds):
        np, rng = self.np, self.rng
        q, k, s = np.empty((n, d)), np.empty((n, d)), np.empty(n)

        def work():
            rng.standard_normal(out=q)
            rng.standard_normal(out=k)
            np.einsum('ij,ij->i', q, k, out=s)
            self.m2 = np.dot(s, s) / n

        spent = repeat(work, seconds)
        check(self.m2, d, (2 + 6 / d) / n)
        return spent / n


    def record(self, q, k, heads, tokens):
        for path in (q, k):
            x = self.rng.standard_normal((heads, tokens, 64), dtype='f4')
            self.np.save(path, x)
        return 0

    def audit(self, q, k):
        np = self.np
        q, k = (np.load(path, mmap_mode='r') for path in (q, k))
        start, d = time.monotonic(), q.shape[-1]
        for a, b in zip(q, k):
            a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
            mq, mk, vq, vk = a.mean(0), b.mean(0), a.var(0, ddof=1), b.var(0, ddof=1)
            ma, mb, va, vb = a.mean(), b.mean(), a.var(ddof=1), b.var(ddof=1)
            s = a @ b.T
            figures = [ma, mb, va, vb, s.mean(), s.var(ddof=1), s.var(axis=1, ddof=1).mean(),
                       max(s.max(), -s.min()), (vq * vk + vq * mk**2 + vk * mq**2).sum(),
                       d * (va * vb + va * mb**2 + vb * ma**2),
                       (mk**2).sum() / np.einsum('ij,ij->i', b, b).mean()]
            s -= s.max(axis=1, keepdims=True)
            s *= 1 / math.sqrt(d)
            e = np.exp(s)
            z = e.sum(axis=1)
            figures += [(np.einsum('ij,ij->i', e, e) / z**2).mean(), (1 / z).mean(),
                        (np.log(z) - np.einsum('ij,ij->i', e, s) / z).mean()]
        if not 0.5 * d < figures[5] < 2 * d:
            sys.exit('rivals: the variance of the scores is wrong')
        return time.monotonic() - start


class Torch:
    def __init__(self):
        import torch
        self.torch = torch
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        torch.manual_seed(1)

    def about(self):
        shown = self.torch.__config__.show()
        mkl = 'BLAS_INFO=mkl' in shown
        name = 'mkl' if mkl else blas()
        isa = shown.split('CPU capability usage: ')[-1].split('\n')[0].strip()
        return f'{"fast" if name else "slow"} PyTorch {self.torch.__version__} ({isa}, float32), ' \
               f'{name or "the reference BLAS"}'

    def matrices(self, d, b, seconds):
        torch = self.torch
        q, k, s = torch.empty(b, d), torch.empty(b, d), torch.empty(b, b)
        flat = s.view(-1)

        def work():
            q.normal_()
            k.normal_()
            torch.mm(q, k.t(), out=s)
            self.m2 = float(torch.dot(flat, flat)) / flat.numel()

        spent = repeat(work, seconds)
        check(self.m2, d, (2 + 6 / d) / b**2 * (1 + 2 * (b - 1) / (d + 3)))
        return spent


rival = {'numpy': Numpy, 'torch': Torch}[sys.argv[1]]()
for line in sys.stdin:
    word, *numbers = line.split()
    numbers = [n if '/' in n else float(n) if '.' in n else int(n) for n in numbers]
    print(getattr(rival, word)(*numbers), flush=True)
