#!/bin/sh
# torch.sh -- softmax, entropy, Jacobian and dp/dq agree with PyTorch and its autograd, in float64.

set -u
LC_ALL=C
export LC_ALL
: "${builddir:=.}"
for python in python3 /usr/bin/python3; do
  "$python" -c 'import torch' 2>/dev/null && break
  python=
done
if [ -z "$python" ]; then
  echo "torch.sh: skipped: there is no PyTorch (Debian: python3-torch)"
  exit 77
fi

"$python" - "$builddir/tests/list-attention" <<'END'
import subprocess
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(7)

cases = [(n, d, c) for n in (1, 2, 5, 33) for d in (1, 8, 64) for c in (d**-0.5, 1.0)]
cases = [(n, d, c, torch.randn(d), torch.randn(n, d) + 0.317) for n, d, c in cases]
text = '\n'.join(' '.join(map(repr, [n, d, c, *q.tolist(), *k.flatten().tolist()]))
                 for n, d, c, q, k in cases)
answers = subprocess.run(sys.argv[1], input=text, text=True, stdout=subprocess.PIPE,
                         check=True).stdout.splitlines()
assert len(answers) == len(cases), answers

worst = 0
for (n, d, c, q, k), answer in zip(cases, answers):
    x = c * (k @ q)
    p = torch.softmax(x, 0)
    jacobian = torch.autograd.functional.jacobian(lambda x: torch.softmax(x, 0), x)
    slope = torch.autograd.functional.jacobian(lambda q: torch.softmax(c * (k @ q), 0), q)
    theirs = {'p': p, 'entropy': torch.distributions.Categorical(logits=x).entropy().reshape(1),
              'participation': (p**2).sum().reshape(1), 'J': jacobian.flatten(),
              'norm': torch.linalg.matrix_norm(jacobian, 2).reshape(1), 'dp/dq': slope.flatten()}
    ours = torch.tensor([float(word) for word in answer.split()])
    assert len(ours) == sum(map(len, theirs.values())), (n, d, len(ours))
    for name, value in theirs.items():
        mine, ours = ours[:len(value)], ours[len(value):]
        # Rounding of the scores, |x| u d or so, moves all of them; scale: the largest entry.
        scale = max(1, float(k.abs().max()) * c) if name == 'dp/dq' else 1
        off = float((mine - value).abs().max()) / scale
        worst = max(worst, off)
        if not off <= 1e-13 * (1 + float(x.abs().max())):
            sys.exit(f'torch.sh: n = {n}, d = {d}, c = {c:g}: {name} is off by {off:g}')
print(f'torch.sh: {len(cases)} cases agree with PyTorch {torch.__version__}, {worst:.2g} at most')
END
