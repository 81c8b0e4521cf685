#!/usr/bin/env python3
# record_qk.py -- record the queries and keys of a PyTorch model, for `qkcheck audit q.npy k.npy`.
#
#     from record_qk import record
#     with record(model) as recorded:
#         model(texts)                # one forward pass, or several over texts of the same length
#     recorded.write('q.npy', 'k.npy')
#
# What is seen: torch.nn.MultiheadAttention and the layers made of it, from PyTorch 1.13 on; from 2.0
# on also every call of torch.nn.functional.scaled_dot_product_attention by that name.  For attention
# written otherwise call recorded.save(layer, q, k) yourself, with that of which q.k is taken: after
# position embeddings such as RoPE, before 1/sqrt(d_k), which is the business of qkcheck.
#
# The n-th attention of a forward pass is layer n - 1.  The axes are layer, batch, head, token, d_k;
# batch is left out where it is 1.  float16, 32 and 64 stay what they are, bfloat16 becomes float32.
# K may have fewer heads than Q and other tokens, but all layers have the same shape.  Masks are not
# recorded: take texts of one length without padding; for a decoder there is qkcheck audit --causal.
#
# python3 record_qk.py [FOLDER] shows it on a small model with random weights: FOLDER/q.npy and
# FOLDER/k.npy.  Needs torch and numpy, nothing of qkcheck.

import contextlib
import os
import sys

import numpy
import torch
from torch.nn import functional


class Recorded:
    """Queries and keys, by layer; a list of batches each."""

    def __init__(self):
        self.q, self.k = {}, {}

    def save(self, layer, q, k):
        """Add q and k of a layer: (head, token, d_k), or with axes of the batch before them."""
        if q.shape[-1] != k.shape[-1]:
            raise ValueError(f'layer {layer}: d_k is {q.shape[-1]} in q and {k.shape[-1]} in k')
        for x, kept in (q, self.q), (k, self.k):
            x = x.detach().reshape(-1, *(1, 1, *x.shape)[-3:])
            x = x.float() if x.dtype == torch.bfloat16 else x
            kept.setdefault(layer, []).append(numpy.array(x.cpu()))  # a copy: models reuse memory

    def arrays(self):
        """Q and K in one array each."""
        if not self.q:
            raise ValueError('no attention was seen: call save (layer, q, k) where q.k is computed')
        return tuple(self.array(name, kept) for name, kept in (('q', self.q), ('k', self.k)))

    @staticmethod
    def array(name, kept):
        shapes = {x.shape[1:] for batches in kept.values() for x in batches}
        if len(shapes) > 1 or len({sum(map(len, batches)) for batches in kept.values()}) > 1:
            raise ValueError(f'{name} differs in shape between layers or passes: {sorted(shapes)}; '
                             'record (model, layers=...) takes some layers only')
        whole = numpy.stack([numpy.concatenate(kept[layer]) for layer in sorted(kept)])
        return whole[:, 0] if whole.shape[1] == 1 else whole

    def write(self, q_file='q.npy', k_file='k.npy'):
        for file, x in zip((q_file, k_file), self.arrays()):
            numpy.save(file, numpy.ascontiguousarray(x), allow_pickle=False)


def project(m, query, key):
    """q and k of a torch.nn.MultiheadAttention, as (batch, head, token, d_k)."""
    if query.dim() == 2:
        query, key = query[None], key[None]
    elif not m.batch_first:
        query, key = query.transpose(0, 1), key.transpose(0, 1)
    weights = (m.q_proj_weight, m.k_proj_weight) if m.in_proj_weight is None \
        else m.in_proj_weight.chunk(3)[:2]
    biases = (None, None) if m.in_proj_bias is None else m.in_proj_bias.chunk(3)[:2]
    q, k = (functional.linear(x, w, b) for x, w, b in zip((query, key), weights, biases))
    if m.bias_k is not None:  # a learned key behind the others
        k = torch.cat([k, m.bias_k.to(k.dtype).expand(len(k), 1, -1)], 1)
    if m.add_zero_attn:
        k = torch.cat([k, torch.zeros_like(k[:, :1])], 1)
    return (x.unflatten(-1, (m.num_heads, m.head_dim)).transpose(1, 2) for x in (q, k))


@contextlib.contextmanager
def record(model, layers=None):
    """Record what attention in model sees; layers: those to keep, by number, or None for all."""
    recorded = Recorded()
    seen = 0  # attentions of this forward pass
    within = False  # a MultiheadAttention, which may call scaled_dot_product_attention itself

    def begin(*_):
        nonlocal seen
        seen = 0

    def see(q, k):
        nonlocal seen
        if layers is None or seen in layers:
            recorded.save(seen, q, k)
        seen += 1

    def wrapped_forward(m, forward):
        def wrapped(query, key, *rest, **named):
            nonlocal within
            within = True
            try:
                result = forward(query, key, *rest, **named)
            finally:
                within = False
            with torch.no_grad():
                see(*project(m, query, key))
            return result
        return wrapped

    plain = getattr(functional, 'scaled_dot_product_attention', None)

    def wrapped_plain(query, key, *rest, **named):
        if not within:
            see(query, key)
        return plain(query, key, *rest, **named)

    with contextlib.ExitStack() as undo:
        undo.callback(model.register_forward_pre_hook(begin).remove)
        for m in model.modules():
            if isinstance(m, torch.nn.MultiheadAttention):
                m.forward = wrapped_forward(m, m.forward)
                undo.callback(delattr, m, 'forward')
            elif isinstance(m, torch.nn.TransformerEncoderLayer):
                # Its fast path for inference would pass by the attention; this switches it off.
                undo.callback(setattr, m, 'activation_relu_or_gelu', m.activation_relu_or_gelu)
                m.activation_relu_or_gelu = 0
        if hasattr(torch.backends, 'mha'):  # newer ones have a switch for this and others
            mha = torch.backends.mha
            undo.callback(mha.set_fastpath_enabled, mha.get_fastpath_enabled())
            mha.set_fastpath_enabled(False)
        if plain:
            functional.scaled_dot_product_attention = wrapped_plain
            undo.callback(setattr, functional, 'scaled_dot_product_attention', plain)
        yield recorded


def demonstration():
    """A model with random weights, and an input: 2 texts of 48 tokens."""
    torch.manual_seed(1)
    layer = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    return torch.nn.TransformerEncoder(layer, 3).eval(), torch.randn(2, 48, 64)


if __name__ == '__main__':
    if len(sys.argv) > 2 or any(word.startswith('-') for word in sys.argv[1:]):
        sys.exit('usage: record_qk.py [FOLDER]')
    files = [os.path.join(*sys.argv[1:], name) for name in ('q.npy', 'k.npy')]
    model, texts = demonstration()
    with record(model) as recorded, torch.no_grad():
        model(texts)
    recorded.write(*files)
    print('qkcheck audit', *files, ' # layer, batch, head, token, d_k:', recorded.arrays()[0].shape)
