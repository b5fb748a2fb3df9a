import math

import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights

CONTEXT, SIZE, HEADS = 16, 32, 4


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1 = nn.LayerNorm(SIZE)
        self.qkv = nn.Linear(SIZE, 3 * SIZE, bias=False)
        self.proj = nn.Linear(SIZE, SIZE)
        self.ln2 = nn.LayerNorm(SIZE)
        self.up = nn.Linear(SIZE, 4 * SIZE)
        self.down = nn.Linear(4 * SIZE, SIZE)

    def forward(self, x):
        batch, length, _ = x.shape
        split = self.qkv(self.ln1(x)).chunk(3, -1)
        q, k, v = (t.reshape(batch, length, HEADS, -1).transpose(1, 2) for t in split)
        scores = q @ k.transpose(-2, -1) / math.sqrt(SIZE // HEADS)
        past = torch.ones(length, length).tril().bool()
        attended = scores.masked_fill(~past, -math.inf).softmax(-1) @ v
        x = x + self.proj(attended.transpose(1, 2).reshape(batch, length, SIZE))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class GPT(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, SIZE)
        self.wpe = nn.Embedding(CONTEXT, SIZE)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.ln_f = nn.LayerNorm(SIZE)
        self.head = nn.Linear(SIZE, vocab_size)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def main():
    text = "the quick brown fox jumps over the lazy dog and runs away from the quick brown bear"
    chars = sorted(set(text))
    ids = torch.tensor([chars.index(c) for c in text])
    model = GPT(len(chars))
    init_weights(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.95))

    losses = []
    for step in range(20):
        starts = [(7 * step + 17 * i) % (len(text) - CONTEXT - 1) for i in range(4)]
        x = torch.stack([ids[at : at + CONTEXT] for at in starts])
        y = torch.stack([ids[at + 1 : at + 1 + CONTEXT] for at in starts])
        loss = F.cross_entropy(model(x).reshape(-1, len(chars)), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        losses.append(loss.item())
    return losses
