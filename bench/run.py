#!/usr/bin/env python3
# run.py -- `make bench`: asks both sides in turn, prints one table; README.md says how to read it.
#
# usage: run.py MEASURE QKCHECK [PYTHON]
#
# PYTHON has NumPy and perhaps PyTorch; by default the first of python3 and /usr/bin/python3 that has.
# BENCH_QUICK=1: only to see that it runs.  Exit status: 1 if a judged row misses its 'at least', 2
# if a measurement fails.

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
QUICK = os.environ.get('BENCH_QUICK', '') not in ('', '0')
REPETITIONS = 2 if QUICK else 7
SLICE = 0.01 if QUICK else 0.15  # seconds a measurement
QUIET = 1.9  # two cores together do so much more than one where nobody else is at work
HEADS = (64, 512) if QUICK else (64, 512, 4096)
GROWTH = (64, 512) if QUICK else (64, 256, 1024, 4096, 16384)


def fail(message):
    print(f'bench: {message}', file=sys.stderr)
    sys.exit(2)


# ---- Both sides, each a process that answers one line to one request ---------------------------

def two_cores():
    """Two processors we may use, of different cores where there are."""
    allowed = sorted(os.sched_getaffinity(0))
    first, seen = [], set()
    for cpu in allowed:
        try:
            with open(f'/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list') as f:
                core = f.read()
        except OSError:
            core = str(cpu)
        if core not in seen:
            seen.add(core)
            first.append(cpu)
    return first[-2:]


def environment():
    """One thread each, and no kernels forced upon OpenBLAS."""
    e = dict(os.environ, LC_ALL='C')
    e.pop('OPENBLAS_CORETYPE', None)
    for name in ('OPENBLAS', 'OMP', 'MKL', 'BLIS'):
        e[name + '_NUM_THREADS'] = '1'
    return e


def start(command, cores, **more):
    try:
        return subprocess.Popen(command, env=environment(), text=True,
                                preexec_fn=lambda: os.sched_setaffinity(0, cores), **more)
    except OSError as error:
        fail(f'{command[0]}: {error.strerror}')


class Side:
    def __init__(self, command, core):
        self.name = ' '.join(os.path.basename(c) for c in command)
        self.process = start(command, [core], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, *request):
        try:
            print(*request, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            fail(f'{self.name} stopped')

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            fail(f'{self.name} stopped')
        return line.strip()

    def ask(self, *request):
        self.send(*request)
        numbers = [float(word) for word in self.answer().split()]
        return numbers[0] if len(numbers) == 1 else numbers


def python_with(module, candidates):
    for python in candidates:
        try:
            if not subprocess.run([python, '-c', f'import {module}'], stderr=subprocess.DEVNULL,
                                  env=environment()).returncode:
                return python
        except OSError:
            pass
    return None


def wall(command, cores):
    """Seconds on the wall for a whole run."""
    begin = time.monotonic()
    run = start(command, cores, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = run.communicate()[1]
    if run.returncode not in (0, 1, 3):
        fail(f'{" ".join(command)}: {message}')
    return time.monotonic() - begin


# ---- What the other side needs for the same precision ------------------------------------------

def matrices_needed(d, b):
    """B by B matrices until the standard error of Var(s) is 1e-3 d; b = 1: pairs.

    The mean square of one has the relative variance (2 + 6/d)/b^2 (1 + 2 (b - 1)/(d + 3)).  """
    return (2 + 6 / d) / b**2 * (1 + 2 * (b - 1) / (d + 3)) / 1e-6


def best_size(side, word, d, sizes, needed):
    """The size that reaches the precision first, of two looks at each."""
    cost = {}
    for n in 2 * sizes:
        seconds = side.ask(word, d, n, SLICE / 5) * needed(n)
        cost[n] = min(seconds, cost.get(n, math.inf))
    return min(cost, key=cost.get)


def matrix_sizes(d):
    steps = (8, 16) if QUICK else (4, 5.6, 8, 11, 16, 23, 32)
    return [8 * max(1, round(math.sqrt(d) * step / 8)) for step in steps]


def pair_sizes(d):
    return [max(8, 2 ** k // d) for k in ((14,) if QUICK else (12, 14, 16, 18))]


# ---- The table ----------------------------------------------------------------------------------

def quantity(x, unit):
    if unit == 's':
        return f'{x:.3g} s' if x >= 1 else f'{1e3 * x:.3g} ms'
    if unit == 'G/s':
        return f'{1e-9 * x:.3g} G/s'
    return f'{x:.3g}{unit and " " + unit}'


class Row:
    """What is compared: (ours, theirs) of every repetition, and the ratio that counts.

    least, most: what the ratio must be at least or at most; aim: what it should be.
    absent: why there is nothing to compare with.  doubt: why it is not judged.  """

    def __init__(self, name, d='', unit='s', least=None, most=None, aim=None, faster=False,
                 share=False):
        self.name, self.d, self.unit, self.least, self.most, self.aim = \
            name, d, unit, least, most, aim
        self.faster = faster  # ours over theirs, not theirs over ours
        self.share = share
        self.ours, self.theirs, self.absent, self.doubt = [], [], '', ''

    def add(self, ours, theirs):
        self.ours.append(ours)
        self.theirs.append(theirs)

    def ratios(self):
        pairs = zip(self.ours, self.theirs)
        return [a / b if self.faster else b / a for a, b in pairs]

    def wanted(self):
        low, high = self.least is not None, self.most is not None
        return f'>= {self.least:g}' if low else f'<= {self.most:g}' if high else '-'

    def verdict(self, judging):
        if self.absent:
            return self.absent
        ratio = statistics.median(self.ratios())
        if self.share and ratio > 1.02:
            return 'MISSED: the peak is mismeasured' if judging else 'the peak is mismeasured'
        if not judging or self.doubt or (self.least is None and self.most is None):
            return 'reported' + (f': {self.doubt}' if self.doubt else '')
        good = ratio >= self.least if self.least is not None else ratio <= self.most
        return 'met' if good else 'MISSED'

    def cells(self, judging):
        aim = '-' if self.aim is None else f'{self.aim:g}'
        cells = [self.name, str(self.d)]
        if self.absent:
            return cells + 5 * ['-'] + [self.wanted(), aim, self.absent]
        ratios = self.ratios()
        return cells + [quantity(statistics.median(self.ours), self.unit),
                        quantity(statistics.median(self.theirs), self.unit),
                        f'{statistics.median(ratios):.3g}', f'{min(ratios):.3g}',
                        f'{max(ratios):.3g}', self.wanted(), aim, self.verdict(judging)]


HEAD = ['', 'd', 'qkcheck', 'other', 'ratio', 'min', 'max', 'at least', 'aim', '']


def print_table(rows, judging):
    lines = [HEAD] + [row.cells(judging) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    for line in lines:
        words = [line[0].ljust(widths[0])]
        words += [cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1])]
        print('  '.join(words + line[-1:]).rstrip())


# ---- The run ------------------------------------------------------------------------------------

class Bench:
    def __init__(self, measure, qkcheck, pythons):
        self.qkcheck, self.measure = qkcheck, measure
        self.folder = tempfile.TemporaryDirectory()
        self.cores = two_cores()
        self.core = self.cores[-1]
        self.us = Side([measure], self.core)
        self.us.send('about')
        self.isa, avx512, forced, self.build = self.us.answer().split(' ', 3)
        self.avx512, self.forced = avx512 == '1', forced == '1'
        self.second = Side([measure], self.cores[0]) if len(self.cores) > 1 else None
        self.rivals, self.about = {}, {}
        for name in ('numpy', 'torch'):
            python = python_with(name, pythons)
            if python:
                side = Side([python, os.path.join(HERE, 'rivals.py'), name], self.core)
                side.send('about')
                speed, self.about[name] = side.answer().split(' ', 1)
                side.fast = speed == 'fast'
                self.rivals[name] = side
        self.sample = {d: self.us.ask('sample', d) for d in sorted({*HEADS, *GROWTH})}
        self.has_peak = self.us.ask('peak', SLICE / 10) > 0
        self.rows = []
        self.seen = {}  # of this repetition

    def row(self, step, *arguments, **named):
        """A row, and what measures it once."""
        row = Row(*arguments, **named)
        row.step = step
        self.rows.append(row)
        return row

    # Measurements of one repetition, each made once.

    def once(self, *request):
        if request not in self.seen:
            self.seen[request] = self.us.ask(*request)
        return self.seen[request]

    def precision(self, d):
        return self.once('run', d, SLICE)[0]

    def against_model(self, d):
        """Seconds of the sample, and of its normals and multiply-adds at their best."""
        seconds, peak, normals = self.once('run', d, SLICE)
        _, draws, products = self.sample[d]
        return seconds, draws / normals + products / peak

    def against_peak(self, d):
        seconds, peak, _ = self.once('tile', d, SLICE)
        return seconds, self.sample[d][2] / peak

    # Rows, in groups.

    def against(self, rival, word, title, size, targets, sizes, needed):
        for d, (least, aim) in zip((64, 512, 4096), targets):
            row = self.row(None, title, d, least=least, aim=aim)
            side = self.rivals.get(rival)
            if not side:
                row.absent = f'absent: no python3-{rival} here'
            elif d not in HEADS:
                row.absent = 'not in the quick version'
            else:
                if not side.fast:
                    row.doubt = 'install libopenblas0-pthread: this BLAS is no rival'
                n = best_size(side, word, d, sizes(d), lambda n: needed(d, n))
                row.name += ', ' + size.format(n)
                row.step = lambda row, side=side, d=d, n=n: row.add(
                    self.precision(d), side.ask(word, d, n, SLICE) * needed(d, n))

    def plan(self):
        self.against('numpy', 'matrices', 'time to precision / NumPy float64 matrices', 'by {}',
                     ((5, 9), (3, 5), (2, 2.8)), matrix_sizes, matrices_needed)
        self.against('numpy', 'pairs', 'time to precision / NumPy pairs', '{} at once',
                     ((100, 195), (300, 485), (450, 705)),
                     pair_sizes, lambda d, n: matrices_needed(d, 1))
        self.against('torch', 'matrices', 'time to precision / PyTorch float32 matrices', 'by {}',
                     ((1.9, 3.5), (1.1, 1.7), (None, 1)), matrix_sizes, matrices_needed)

        numpy = self.rivals.get('numpy')
        row = self.row(lambda row: row.add(self.once('normals', SLICE),
                                           numpy.ask('normals', SLICE)),
                       'standard normals / NumPy standard_normal', unit='G/s', faster=True,
                       least=7, aim=8.5)
        if not numpy:
            row.absent = 'absent: no python3-numpy here'

        row = self.row(None, 'softmax statistics of rows of 512 / NumPy', unit='G/s', faster=True,
                       least=3.5, aim=5)
        if numpy:
            rows = max((8, 16, 32, 64), key=lambda r: numpy.ask('softmax', 512, r, SLICE / 5))
            row.name += f', {rows} at once'
            row.step = lambda row: row.add(self.once('softmax', 512, SLICE),
                                           numpy.ask('softmax', 512, rows, SLICE))
        else:
            row.absent = 'absent: no python3-numpy here'

        row = self.row(None, 'additive scores / NumPy', 64, unit='G/s', faster=True, least=3)
        if numpy:
            rows = max((1, 2, 4, 8, 16, 64),
                       key=lambda r: numpy.ask('additive', 64, 64, r, SLICE / 5))
            row.name += f', {rows} queries at once'
            row.step = lambda row: row.add(self.once('additive', 64, 64, SLICE),
                                           numpy.ask('additive', 64, 64, rows, SLICE))
        else:
            row.absent = 'absent: no python3-numpy here'

        self.row(lambda row: row.add(self.once('exact', 64, SLICE), self.once('dot', 64, SLICE)),
                 'exact dot products / mpfr_dot', 64, unit='G/s', faster=True)

        for tokens in 256, 2048:
            self.recorded(numpy, tokens)
        for d, least, aim in ((64, .8, .93), (512, .9, .98)):
            self.modelled(lambda row, d=d: row.add(*self.against_peak(d)),
                          'score tile with power sums, share of the peak', d, least=least, aim=aim,
                          share=True)
        for d in (64, 512, 4096):
            row = self.modelled(lambda row, d=d: row.add(*self.against_model(d)),
                                'whole run / model limit', d, most=1.3, aim=1.1, faster=True)
            if d not in HEADS:
                row.absent = 'not in the quick version'
        self.modelled(self.growth, 'time over model, dearest d / cheapest',
                      f'{GROWTH[0]}..{GROWTH[-1]}', unit='', most=1.3, faster=True)
        self.threads()
        self.row(self.memory, 'memory, 100 times the samples / once', 16, unit='MiB', most=1.1,
                 faster=True)

    def recorded(self, numpy, tokens):
        """Files of 64 MiB a side, read from memory by then."""
        row = self.row(None, f'qkcheck audit, heads of {tokens} tokens / NumPy float32', 64, least=1)
        if not numpy:
            row.absent = 'absent: no python3-numpy here'
            return
        files = [os.path.join(self.folder.name, f'{side}{tokens}.npy') for side in 'qk']
        numpy.ask('record', *files, 1 if QUICK else 2**18 // tokens, tokens)
        command = [self.qkcheck, 'audit', *files, '--threads=1', '--quiet']
        row.step = lambda row: row.add(wall(command, [self.core]), numpy.ask('audit', *files))

    def modelled(self, step, *arguments, **named):
        row = self.row(step, *arguments, **named)
        if not self.has_peak:
            row.absent = f'no multiply-add peak is known of {self.isa}'
        return row

    def growth(self, row):
        ratios = [ours / model for ours, model in map(self.against_model, GROWTH)]
        row.add(max(ratios), min(ratios))

    def threads(self):
        self.machine = []
        command = [self.qkcheck, 'variance', '--dk=512', '--quantity=score_variance',
                   f'--samples={"3e5" if QUICK else "3e7"}', '--quiet']

        def two(row):
            if self.has_peak:
                one = self.us.ask('wall', 4 * SLICE)
                self.us.send('wall', 4 * SLICE)
                self.second.send('wall', 4 * SLICE)
                self.machine.append((float(self.us.answer()) + float(self.second.answer())) / one)
            row.add(wall(command + ['--threads=2'], self.cores),
                    wall(command + ['--threads=1'], self.cores))

        row = self.row(two, 'two threads / one', 512, least=1.8, aim=1.95)
        if not self.second:
            row.absent = 'only one core here'
        everything = self.row(lambda row: row.add(wall([self.qkcheck, 'variance'], self.cores), 1),
                              'qkcheck variance, two cores / 1 s', most=1.2, aim=0.5, faster=True)
        if QUICK:
            everything.absent = 'not in the quick version'
        self.noisy = [row, everything]

    def memory(self, row):
        def kib(samples):
            done = subprocess.run([self.measure, 'memory', samples], env=environment(), text=True,
                                  stdout=subprocess.PIPE, check=True)
            return float(done.stdout) / 1024
        if len(row.ours) < 2:  # it does not vary
            row.add(kib('4e6' if QUICK else '4e8'), kib('4e4' if QUICK else '4e6'))

    def run(self):
        self.plan()
        for repetition in range(REPETITIONS):
            self.seen = {}
            for row in self.rows:
                if not row.absent:
                    row.step(row)
            if sys.stderr.isatty():
                print(f'bench: repetition {repetition + 1} of {REPETITIONS}', file=sys.stderr)
        if not self.machine or statistics.median(self.machine) < QUIET:
            for row in self.noisy:
                row.doubt = row.doubt or 'the machine is not quiet'

    # What was compared.

    def report(self):
        judging = self.avx512 and not self.forced and not QUICK
        print(f'{REPETITIONS} interleaved repetitions, medians and the range of the ratios; '
              'one core each, processor time; wall time for the whole program.')
        print(f'  qkcheck  kernels {self.isa}, Philox4x32-10; {self.build}')
        for name in ('numpy', 'torch'):
            print(f'  other    {self.about.get(name, "no python3-" + name)}')
        print(f'  machine  {processor()}{", AVX-512" if self.avx512 else ""}; '
              f'load {os.getloadavg()[0]:.1f}', end='')
        rates = [answer[1] for request, answer in self.seen.items() if request[0] == 'run']
        if self.has_peak:
            print(f'; {quantity(max(rates), "G/s")} multiply-adds', end='')
        if self.machine:
            print(f'; two cores do {statistics.median(self.machine):.2f} times one', end='')
        print('\n  tiles    ' + ', '.join(f'{side:.0f} at d = {d:.0f}' for d, (side, _, _)
                                          in self.sample.items()), end='\n\n')
        print_table(self.rows, judging)

        verdicts = [row.verdict(judging) for row in self.rows]
        met, missed = verdicts.count('met'), sum(v.startswith('MISSED') for v in verdicts)
        why = '' if judging else \
            ' (the quick version judges nothing)' if QUICK else \
            ' (QKCHECK_ISA is set)' if self.forced else \
            ' (this processor has no AVX-512, for which the targets are meant)'
        print(f'\n{met + missed} of {len(verdicts)} rows judged{why}, {missed} missed')
        return 1 if missed else 0


def processor():
    try:
        with open('/proc/cpuinfo') as f:
            return next(line.split(':')[1].strip() for line in f if line.startswith('model name'))
    except (OSError, StopIteration):
        return 'unknown processor'


def main():
    measure, qkcheck, *pythons = sys.argv[1:]
    bench = Bench(measure, qkcheck, pythons or ['python3', '/usr/bin/python3'])
    bench.run()
    return bench.report()


if __name__ == '__main__':
    sys.exit(main())
