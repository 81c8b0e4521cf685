#!/bin/sh
# record.sh -- contrib/record_qk.py records what PyTorch computes attention with; qkcheck reads it.

set -u
: "${QKCHECK:=./qkcheck}" "${srcdir:=.}"
python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import sys; from importlib.util import find_spec
sys.exit(not (find_spec("numpy") and find_spec("torch")))' 2>/dev/null && python=$candidate && break
done
if [ -z "$python" ]; then
  echo 'record: skipped, python3 has no torch (Debian: python3-torch)'
  exit 77
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0
wrong () { echo "record: $*"; failed=1; }

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$srcdir/contrib
export PYTHONDONTWRITEBYTECODE PYTHONPATH

# ---- The program by itself

"$python" "$srcdir/contrib/record_qk.py" "$work" > "$work/said" || wrong "exit status $?"
grep -q "qkcheck audit $work/q.npy $work/k.npy" "$work/said" || wrong "says: $(cat "$work/said")"

# ---- What it records.  The twin of every form of MultiheadAttention: softmax (q k^T / sqrt d_k) of the
# ---- recorded q and k are the weights that PyTorch itself returns.

cat > "$work/test.py" <<'END'
import sys
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from record_qk import demonstration, record

torch.set_num_threads(1)

def near(a, b, what):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape, f'{what}: shape {a.shape}, not {b.shape}'
    assert np.abs(a - b).max() <= 2e-5 * np.abs(b).max(), f'{what}: {np.abs(a - b).max()}'

def softmax(q, k):
    s = np.asarray(q, np.float64) @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)

def refuses(words, act):
    try:
        act()
    except ValueError as error:
        assert words in str(error), error
    else:
        raise AssertionError(f'not refused: {words}')

# The files of the demonstration against its weights, layer by layer.
model, texts = demonstration()
q, k = (np.load(f'{sys.argv[1]}/{name}.npy', allow_pickle=False) for name in 'qk')
assert q.dtype == k.dtype == np.float32 and q.shape == k.shape == (3, 2, 4, 48, 16), q.shape
with torch.no_grad():
    x = texts
    for i, layer in enumerate(model.layers):
        weight, bias = layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias
        for part, got in enumerate((q[i], k[i])):
            rows = slice(64 * part, 64 * part + 64)
            y = (x @ weight[rows].T + bias[rows]).view(2, 48, 4, 16).transpose(1, 2)
            near(got, y, f'layer {i}')
        x = layer(x)

# Afterwards the model is as before, also where it raised an error.
def state(model):
    return [sorted(vars(m)) for m in model.modules()] \
        + [m.activation_relu_or_gelu for m in model.layers] + [len(model._forward_pre_hooks)]
before = state(model)
with torch.no_grad():
    for bad in (texts, texts[..., :3]):
        try:
            with record(model):
                assert state(model) != before
                model(bad)
        except (AssertionError, RuntimeError):
            assert bad is not texts
        assert state(model) == before

# A mask of padding, which has another fast path; two passes are one batch; some layers only.
with torch.no_grad(), record(model, layers=(0, 2)) as recorded:
    mask = torch.zeros(2, 48, dtype=torch.bool)
    mask[1, 40:] = True
    model(texts, src_key_padding_mask=mask)
    model(texts[:1])
two_q, two_k = recorded.arrays()
assert two_q.shape == (2, 3, 4, 48, 16)
near(two_q[0, :2], q[0], 'first pass')
near(two_q[1, 2], q[2, 0], 'second pass')

# Every form of MultiheadAttention.
for options in (dict(), dict(batch_first=True), dict(bias=False), dict(add_bias_kv=True),
                dict(add_zero_attn=True), dict(kdim=20, vdim=12),
                dict(kdim=20, vdim=12, batch_first=True, add_bias_kv=True)):
    for batch in (None, 1, 3):
        mha = nn.MultiheadAttention(24, 3, **options).double()
        for name, parameter in mha.named_parameters():
            if 'bias' in name:
                nn.init.normal_(parameter)
        lead = () if batch is None else (batch,)
        query, key, value = (torch.randn(*lead, n, e).double() for n, e in
                             ((5, 24), (7, mha.kdim), (7, mha.vdim)))
        if batch and not options.get('batch_first'):
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        for need in (True, False):
            with record(mha) as recorded:
                if need:
                    weights = mha(query=query, value=value, key=key, average_attn_weights=False)[1]
                else:
                    mha(query, key, value, need_weights=False)
            got_q, got_k = recorded.arrays()
            assert got_q.dtype == np.float64 and len(got_q) == 1
            if need:
                near(softmax(got_q, got_k).reshape(weights.shape), weights.detach(),
                     f'{options}, batch {batch}')

# scaled_dot_product_attention; PyTorch 1.13 has none, so that a plain one stands in for it there.
def plain(query, key, value, **named):
    key, value = (x.repeat_interleave(query.shape[-3] // x.shape[-3], -3) for x in (key, value))
    return (query @ key.transpose(-1, -2) / query.shape[-1] ** .5).softmax(-1) @ value
class Grouped(nn.Module):
    def forward(self, x):
        x = x.float() if x.dtype == torch.float16 else x  # 1.13 cannot multiply it
        for scale in 1, 3:
            functional.scaled_dot_product_attention(scale * x, x[..., :2, :, :], x[..., :2, :, :],
                                                    enable_gqa=True)
known = getattr(functional, 'scaled_dot_product_attention', None)
functional.scaled_dot_product_attention = plain
for dtype in torch.float16, torch.float32, torch.float64, torch.bfloat16:
    x = torch.randn(3, 4, 6, 8).to(dtype)
    tripled = 3 * (x.float() if dtype == torch.float16 else x)
    grouped = Grouped()
    with record(grouped) as recorded:
        grouped(x)
        grouped(x[:1])
    got_q, got_k = recorded.arrays()
    assert got_q.shape == (2, 4, 4, 6, 8) and got_k.shape == (2, 4, 2, 6, 8)
    near(got_q[1, :3], tripled.double(), dtype)
    near(got_k[0, 3], x[0, :2].double(), dtype)
    assert got_q.dtype == (np.float64 if dtype == torch.float64 else np.float32)
    assert functional.scaled_dot_product_attention is plain

# Newer MultiheadAttentions call it too: that is one layer, not two.
class Newer(nn.MultiheadAttention):
    def forward(self, query, key, value):
        functional.scaled_dot_product_attention(query, key, value)
        return super().forward(query, key, value)
newer = Newer(8, 2)
with record(newer) as recorded:
    newer(*torch.randn(3, 5, 3, 8))
assert recorded.arrays()[0].shape == (1, 3, 2, 5, 4)

if known:
    functional.scaled_dot_product_attention = known
else:
    del functional.scaled_dot_product_attention

# Attention of one's own, and what is refused.
with record(nn.Identity()) as recorded:
    refuses('no attention was seen', recorded.arrays)
    recorded.save(0, x[0, :, :, :2].half(), x[0, :1, :4, :2].half())
    assert recorded.arrays()[0].dtype == np.float16 and recorded.arrays()[1].shape == (1, 1, 4, 2)
    refuses('d_k is 8 in q and 7 in k', lambda: recorded.save(1, x, x[..., :7]))
    recorded.save(1, x, x)
    refuses('differs in shape', recorded.arrays)
print('record: as PyTorch', torch.__version__, 'computes')
END
"$python" "$work/test.py" "$work" || wrong "not what the model computed with"

# ---- The program reads it

if "$QKCHECK" help audit > /dev/null 2>&1; then
  "$QKCHECK" audit "$work/q.npy" "$work/k.npy" --json > "$work/audit" \
    || wrong "qkcheck audit: exit status $?"
  "$python" - "$work" <<'END' || wrong "qkcheck audit and NumPy disagree"
import json, sys
import numpy as np
q, k = (np.load(f'{sys.argv[1]}/{name}.npy').astype(float).reshape(-1, 48, 16) for name in 'qk')
expected = sorted(np.var(a @ b.T, ddof=1) for a, b in zip(q, k))
lines = [json.loads(line) for line in open(f'{sys.argv[1]}/audit')]
found = sorted(line['estimate'] for line in lines if line.get('quantity') == 'score_variance')
assert len(found) == 24 and np.allclose(found, expected, rtol=1e-9, atol=0), (found, expected)
END
else
  echo 'record: this qkcheck has no audit to read the files with'
fi

exit $failed
