# audit.py -- qkcheck audit against NumPy: every dtype, order and shape, masks, missing values.
#
# audit.py QKCHECK FOLDER: files are made in FOLDER.

import itertools
import json
import math
import subprocess
import sys

import numpy as np

program, folder = sys.argv[1:]
rng = np.random.default_rng(2385)
checked = 0


def softmax_figures(s):
    """Participation, entropy and largest weight of one row, by the plain formulas."""
    p = np.exp(s - s.max())
    p /= p.sum()
    nonzero = p[p > 0]
    return (p * p).sum(), -(nonzero * np.log(nonzero)).sum(), p.max()


def var(x):
    """Variance divided by the number less one; NaN where that is nothing."""
    return x.var(ddof=1) if x.size > 1 else math.nan


def expected(q, k, causal):
    """All figures of one head, in double precision; q (n, d), k (m, d); rows that have a value
    which is not finite are left out."""
    q, k = q.astype(np.float64), k.astype(np.float64)
    n, d = q.shape
    limit = np.arange(n) + len(k) - n
    q_good, k_good = np.isfinite(q).all(axis=1), np.isfinite(k).all(axis=1)
    place = np.arange(len(k))[k_good]
    seen = place[None, :] <= limit[q_good][:, None] if causal else \
        np.ones((q_good.sum(), len(place)), bool)
    q, k = q[q_good], k[k_good]
    s = q @ k.T
    rows = [s[i, seen[i]] for i in range(len(q)) if seen[i].any()]
    flat = np.concatenate(rows) if rows else np.empty(0)
    soft = np.array([softmax_figures(row / math.sqrt(d)) for row in rows])
    within = [var(row) for row in rows if len(row) > 1]
    mq, mk = q.mean(axis=0), k.mean(axis=0)
    with np.errstate(all="ignore"):
        vq = q.var(axis=0, ddof=1) if len(q) > 1 else np.full(d, math.nan)
        vk = k.var(axis=0, ddof=1) if len(k) > 1 else np.full(d, math.nan)
    a, b, va, vb = q.mean(), k.mean(), var(q), var(k)
    row_variance = np.mean(within) if within else math.nan
    return {
        "q_mean": a, "q_variance": va, "k_mean": b, "k_variance": vb,
        "score_mean": flat.mean(), "score_variance": var(flat),
        "variance_ratio": var(flat) / d,
        "predicted_variance": (vq * vk + vq * mk**2 + vk * mq**2).sum(),
        "predicted_variance_pooled": d * (va * vb + va * b**2 + vb * a**2),
        "row_variance": row_variance,
        "scale_suggested": 1 / math.sqrt(row_variance) if row_variance > 0 else math.nan,
        "key_mean_share": (mk**2).sum() / (k**2).sum(axis=1).mean(),
        "max_abs_score": abs(flat).max(),
        "participation": soft[:, 0].mean(), "entropy": soft[:, 1].mean(),
        "max_weight": soft[:, 2].mean(),
    }, len(flat)


def run(*options):
    """The findings by (place of the head, quantity)."""
    done = subprocess.run([program, "audit", "--format=json", *options], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, (options, done.returncode, done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["type"] == "run" and lines[-1]["type"] == "end"
    return {(tuple(f["case"].get(x) for x in ("layer", "batch", "head")), f["quantity"]): f
            for f in lines if f["type"] == "finding"}


def compare(q, k, causal=False, order="C", dtype="<f4", options=()):
    """Write, audit, and compare every figure of every head."""
    global checked
    q, k = q.astype(dtype), k.astype(dtype)
    for name, x in (("q", q), ("k", k)):
        x = np.asfortranarray(x) if order == "F" else np.ascontiguousarray(x)
        np.save(f"{folder}/{name}.npy", x)
    found = run(f"{folder}/q.npy", f"{folder}/k.npy", *options, *(["--causal"] if causal else []))
    names = {0: (), 1: ("head",), 2: ("layer", "head"), 3: ("layer", "batch", "head")}[q.ndim - 2]
    heads = 0
    for place in itertools.product(*map(range, q.shape[:-2])):
        group = q.shape[-3] // k.shape[-3] if q.ndim > 2 else 1
        of_k = place[:-1] + (place[-1] // group,) if place else ()
        want, pairs = expected(q[place], k[of_k], causal)
        at = dict(zip(names, place))
        key = tuple(at.get(x) for x in ("layer", "batch", "head"))
        size = max(want["max_abs_score"], 1e-300)
        for name, value in want.items():
            if not math.isfinite(value):
                assert (key, name) not in found, (key, name, value)
                continue
            f = found.pop((key, name))
            # What NumPy itself may be off by: sums of scores that cancel.
            scale = {"score_mean": size, "score_variance": size**2, "row_variance": size**2,
                     "variance_ratio": size**2, "entropy": 1.0 + size}.get(name, 0)
            slack = 1e-13 * (abs(value) * (1 + size) + scale)
            where = (q.shape, k.shape, dtype, order, causal, key, name, f["estimate"], value)
            assert f["lo"] <= f["estimate"] <= f["hi"], where
            assert f["lo"] - slack <= value <= f["hi"] + slack, where
            assert abs(f["estimate"] - value) <= 1e-11 * abs(value) + slack, where
            assert f["hi"] - f["lo"] <= 1e-9 * abs(value) + 1e-10 * (1 + scale), where
            assert f["miss"] == 0 and f["method"] == "rounding" and f["verdict"] is None, where
            if name.startswith("score"):
                assert f["samples"] == pairs, where
            checked += 1
        heads += 1
    assert not found, list(found)[:3]


def normal(*shape, mean=0.385, sd=1.7):
    return rng.normal(mean, sd, shape)


shapes = [((2, 4, 37, 5), (2, 2, 61, 5)), ((3, 50, 16), (3, 50, 16)), ((19, 7), (300, 7)),
          ((1, 3), (1, 3)), ((1, 1), (2, 1)), ((9, 1), (9, 1)), ((2, 1, 2, 300, 24), (2, 1, 1, 301, 24)),
          ((260, 300), (270, 300))]
for (a, b), dtype, order in itertools.product(
        shapes, ("<f2", ">f2", "<f4", ">f4", "<f8", ">f8"), "CF"):
    compare(normal(*a), normal(*b), dtype=dtype, order=order)
for (a, b) in shapes:
    compare(normal(*a), normal(*b), causal=True)
compare(normal(2, 600, 64, sd=4), normal(1, 700, 64, sd=4), causal=True, dtype="<f8")
# Large means: the digits that shifted sums keep.  NumPy loses some, so only far fewer are asked for.
compare(normal(40, 8, mean=100), normal(50, 8, mean=-30), dtype="<f8")
# Values that are not finite: the tokens that have them are left out.
q, k = normal(2, 40, 6), normal(2, 45, 6)
q[0, 3, 2], q[1, 39, 5], q[1, 0, 0] = math.nan, math.inf, -math.inf
k[0, 0, 0], k[1, 44, 5], k[1, 20, 1] = math.inf, math.nan, math.nan
compare(q, k, options=["--nan=skip"])
compare(q, k, options=["--nan=skip"], causal=True)
# The same digits for any number of threads.
one, many = (run(f"{folder}/q.npy", f"{folder}/k.npy", "--nan=skip", f"--threads={n}")
             for n in (1, 7))
assert one == many
print(f"audit: {checked} figures agree with NumPy {np.__version__}")
