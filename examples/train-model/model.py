"""A small Llama in plain torch, under the tensor names of Hugging Face, and its safetensors file."""

import dataclasses
import json
import math
import struct

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Shape:
    vocab: int = 1920
    hidden: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 32
    ffn: int = 512
    context: int = 512
    theta: float = 10_000.0
    eps: float = 1e-5


class RmsNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        x = x.float()
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate(x, cos, sin):
    """Rotary embedding in the rotate-half form."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cos + turned * sin


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.q_proj = nn.Linear(shape.hidden, shape.heads * shape.head_dim, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.kv_heads * shape.head_dim, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.kv_heads * shape.head_dim, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head_dim, shape.hidden, bias=False)

    def forward(self, x, cos, sin, mask, cache):
        shape, (batch, rows, _) = self.shape, x.shape
        split = lambda y, heads: y.view(batch, rows, heads, shape.head_dim).transpose(1, 2)
        q = rotate(split(self.q_proj(x), shape.heads), cos, sin)
        k = rotate(split(self.k_proj(x), shape.kv_heads), cos, sin)
        v = split(self.v_proj(x), shape.kv_heads)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache[0], k), dim=2), torch.cat((cache[1], v), dim=2)
            cache[:] = [k, v]
        groups = shape.heads // shape.kv_heads
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        scores = (q @ k.transpose(2, 3)).float() / math.sqrt(shape.head_dim)
        weights = torch.softmax(scores + mask, dim=-1).to(v.dtype)
        return self.o_proj((weights @ v).transpose(1, 2).reshape(batch, rows, -1))


class Mlp(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.ffn, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.ffn, bias=False)
        self.down_proj = nn.Linear(shape.ffn, shape.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = Mlp(shape)
        self.input_layernorm = RmsNorm(shape.hidden, shape.eps)
        self.post_attention_layernorm = RmsNorm(shape.hidden, shape.eps)

    def forward(self, x, cos, sin, mask, cache):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = RmsNorm(shape.hidden, shape.eps)


class Llama(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.model = Trunk(shape)
        powers = torch.arange(0, shape.head_dim, 2).float() / shape.head_dim
        angles = torch.outer(torch.arange(shape.context).float(), shape.theta ** -powers)
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer('cos', angles.cos(), persistent=False)
        self.register_buffer('sin', angles.sin(), persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                scale = shape.hidden ** -0.5
                if name.endswith(('o_proj.weight', 'down_proj.weight')):
                    scale /= math.sqrt(2 * shape.layers)
                nn.init.normal_(weight, std=scale)

    def hidden(self, ids, start=0, caches=None):
        rows = ids.shape[1]
        x = self.model.embed_tokens(ids)
        cos, sin = self.cos[start:start + rows], self.sin[start:start + rows]
        mask = torch.full((rows, start + rows), float('-inf')).triu(start + 1)
        for index, layer in enumerate(self.model.layers):
            x = layer(x, cos, sin, mask, None if caches is None else caches[index])
        return self.model.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.model.embed_tokens.weight)

    def parameter_count(self):
        return sum(weight.numel() for weight in self.parameters())

    @torch.no_grad()
    def answer(self, prompts, end, most=90):
        """Greedy answers to prompts of one length; None where the end token did not come in time."""
        caches = [[] for _ in self.model.layers]
        ids = torch.tensor(prompts)
        hidden, position = self.hidden(ids, 0, caches), ids.shape[1]
        rows, done = [[] for _ in prompts], [False] * len(prompts)
        for _ in range(most):
            nexts = self.logits(hidden[:, -1]).argmax(-1)
            for index, token in enumerate(nexts.tolist()):
                if token == end:
                    done[index] = True
                elif not done[index]:
                    rows[index].append(token)
            if all(done):
                break
            hidden, position = self.hidden(nexts[:, None], position, caches), position + 1
        return [row if finished else None for row, finished in zip(rows, done)]


def round_weights(model):
    """Rounds the weights to bf16 in place, so that what is scored is what is shipped."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.bfloat16().float())


def save_safetensors(model, path, metadata):
    """Writes bf16 weights; lm_head is tied to the embedding and not stored."""
    header, blobs, offset = {'__metadata__': metadata}, [], 0
    for name, weight in sorted(model.named_parameters()):
        blob = weight.detach().bfloat16().view(torch.int16).numpy().astype('<i2').tobytes()
        header[name] = {'dtype': 'BF16', 'shape': list(weight.shape), 'data_offsets': [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(blobs))


def load_safetensors(model, path):
    with open(path, 'rb') as file:
        data = file.read()
    size = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + size])
    with torch.no_grad():
        for name, weight in model.named_parameters():
            begin, end = header[name]['data_offsets']
            raw = torch.frombuffer(bytearray(data[8 + size + begin:8 + size + end]), dtype=torch.bfloat16)
            weight.copy_(raw.view(weight.shape).float())
