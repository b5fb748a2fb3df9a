import os
import tempfile

import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights, uniform


class RMSNorm(nn.Module):
    """`nn.RMSNorm` came with torch 2.4."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        eps = torch.finfo(x.dtype).eps
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * self.weight


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(5, 16)
        self.norm = RMSNorm(16)
        self.outer = nn.Linear(16, 1)

    def forward(self, x):
        return self.outer(self.norm(self.inner(x)).relu())


def main():
    x = uniform(1, 40, 5)
    y = x.square().sum(1, keepdim=True)
    losses = []

    def train(model, optimizer):
        for step in range(10):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    model = Net()
    init_weights(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    train(model, optimizer)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.pt")
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
        saved = torch.load(path)

    copy = Net()
    copy.load_state_dict(saved["model"])
    continued = torch.optim.AdamW(copy.parameters(), lr=0.02)
    continued.load_state_dict(saved["optimizer"])
    train(copy, continued)
    return losses
