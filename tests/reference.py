# reference.py -- qkcheck reference against fractions.Fraction: every format, every kind of vector.
#
#     python3 reference.py QKCHECK FOLDER

import json, math, subprocess, sys
from fractions import Fraction

import numpy

qkcheck, folder = sys.argv[1:3]
generator = numpy.random.default_rng(2385)

# Precision, exponents of the smallest and largest normal numbers.
FORMATS = {"binary64": (53, -1022, 1023), "binary32": (24, -126, 127),
           "binary16": (11, -14, 15), "bfloat16": (8, -126, 127)}
NAMES = {2: "binary16", 4: "binary32", 8: "binary64"}


def exponent(x):
    """The e with 2^e <= |x| < 2^(e+1)."""
    e = abs(x.numerator).bit_length() - x.denominator.bit_length()
    return e if abs(x) >= Fraction(2) ** e else e - 1


def whole(x, nearest):
    """To an integer: nearest even, or toward zero."""
    return round(x) if nearest else math.trunc(x)


def rounded(x, name, nearest=True):
    """A Fraction to a number of the format, as a float; by definition of the format alone."""
    precision, emin, emax = FORMATS[name]
    if x == 0:
        return 0.0
    unit = Fraction(2) ** (max(exponent(x), emin) - precision + 1)
    y = whole(x / unit, nearest) * unit
    largest = (2 - Fraction(2) ** (1 - precision)) * Fraction(2) ** emax
    if abs(y) > largest:
        return (math.inf if nearest else float(largest)) * (-1 if x < 0 else 1)
    return float(y)


def units(x):
    """A float as an integer times 2^-1074."""
    above, below = x.as_integer_ratio()
    return above << 1075 - below.bit_length()


def bits(x, precision):
    """A Fraction to that many bits, exponents without end."""
    if x == 0:
        return x
    unit = Fraction(2) ** (exponent(x) - precision + 1)
    return round(x / unit) * unit


def findings(*arguments):
    run = subprocess.run([qkcheck, "reference", "--json", *arguments], capture_output=True,
                         text=True)
    if run.returncode:
        sys.exit(f"{arguments}: exit status {run.returncode}: {run.stderr}")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return [line for line in lines if line["type"] == "finding"]


def number(text):
    return float(text) if isinstance(text, str) else text


checked = 0


def check(what, q, k, *, to=None, nearest=True, precision=53, order="C"):
    """Every dot and condition that qkcheck finds in q and k, whose rows are vectors."""
    global checked
    numpy.save(f"{folder}/q.npy", numpy.asarray(q, order=order))
    numpy.save(f"{folder}/k.npy", numpy.asarray(k, order=order))
    arguments = [f"--q={folder}/q.npy", f"--k={folder}/k.npy", f"--precision={precision}",
                 "--quantity=dot,condition", "--format-acc=" + ",".join(FORMATS),
                 f"--rounding={'nearest' if nearest else 'zero'}"]
    if to:
        arguments.append(f"--format-in={to}")
    of = to or NAMES[max(q.dtype.itemsize, k.dtype.itemsize)]
    rows = [[[units(rounded(Fraction(float(x)), of) if to else float(x)) for x in row]
             for row in numpy.atleast_2d(a)] for a in (q, k)]
    products = [[x * y for x, y in zip(*pair)] for pair in zip(*rows)]
    exact = [Fraction(sum(row), 1 << 2148) for row in products]
    size = [Fraction(sum(map(abs, row)), 1 << 2148) for row in products]
    seen = 0
    for found in findings(*arguments):
        row = found["case"].get("row", 0)
        got = number(found["estimate"])
        if found["quantity"] == "condition":
            want = rounded(2 * size[row] / abs(exact[row]), "binary64") if exact[row] else math.inf
        else:
            want = rounded(exact[row], found["case"]["format_acc"], nearest)
            digits = Fraction(found["value"])
            if bits(digits, precision) != bits(exact[row], precision):
                sys.exit(f"{what}, row {row}: {found['value']} is not {exact[row]} to {precision} bits")
        if got != want or found["lo"] != found["estimate"] or found["hi"] != found["estimate"]:
            sys.exit(f"{what}, row {row}, {found['case']}: {found['quantity']} is {got!r}, not {want!r}")
        seen += 1
    if seen != 5 * len(exact) or ("row" in found["case"]) != (len(exact) > 1):
        sys.exit(f"{what}: {seen} findings of {len(exact)} rows")
    checked += seen


# Lengths, kinds of number, byte orders, one axis and two.
for d in (1, 2, 3, 17, 64, 1000, 4096, 65536):
    for kind in ("<f8", ">f4", "<f2"):
        q, k = (generator.standard_normal(d).astype(kind) for _ in range(2))
        check(f"d = {d}, {kind}", q, k)
for order in "CF":
    q = generator.standard_normal((5, 31)).astype(">f8")
    k = generator.standard_normal((5, 31)).astype("<f2")
    check(f"rows in order {order}", q, k, order=order, precision=200)
    check(f"rows in order {order} toward zero", q, k, order=order, nearest=False, precision=2)
check("one row of a matrix", q[:1], k[:1])
check("one component a row", q[:, :1].copy(), k[:, :1].copy())

# Inputs rounded to a shorter format first.
for to in FORMATS:
    q, k = generator.standard_normal((2, 6, 40))
    check(f"to {to}", q, k, to=to)
    check(f"to {to} toward zero", q * 1e-3, k * 1e-4, to=to, nearest=False)

# Ties and neighbours, subnormal, overflowing and cancelling sums, of all formats.
numpy.seterr(over="ignore")
rows = []
for precision, emin, emax in FORMATS.values():
    for e in (0, emin, emin - precision + 1, emin - precision, emin - 3, emax):
        for m in (1, 1.25, 1.5, 1.75, 2 - 2.0 ** -precision, 2 - 2.0 ** (1 - precision)):
            for hair in (0, 2.0 ** -60, -(2.0 ** -60)):
                x = float(numpy.ldexp(m, e))
                rows += [[x, x * hair], [-x, x * hair], [x, math.ldexp(1 + hair, e - precision)],
                         [float(numpy.ldexp(m * 2 ** (precision - 1) // 1 + 0.5, e - precision + 1)),
                          x * hair]]
q = numpy.array([row for row in rows if all(map(math.isfinite, row))])
for start in range(0, len(q), 500):
    part = q[start:start + 500]
    for nearest in (True, False):
        check("ties", part, numpy.ones(part.shape), nearest=nearest)

# Exponents as far as they go: products that underflow, sums that overflow, and what cancels.
wide = numpy.ldexp(generator.standard_normal((2, 40, 12)), generator.integers(-1000, 980, (2, 40, 12)))
check("wide", *wide, precision=300)
check("tiny", numpy.full((1, 3), 5e-324), numpy.array([[5e-324, 0.5, -0.25]]))
check("huge", numpy.full((1, 3), 1.7e308), numpy.array([[1.7e308, 1.7e308, -1.7e308]]))
x, y = generator.standard_normal((2, 20, 30))
q, k = numpy.hstack([x, -x]), numpy.hstack([y, y])
check("sums that are 0", q, k)
q[:, 0] += 2.0 ** -50
check("ill-conditioned", q, k, precision=100)
print(f"reference: {checked} findings as fractions have them")
