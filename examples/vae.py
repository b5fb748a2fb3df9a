import math

import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights, uniform


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(20, 16)
        self.mu = nn.Linear(16, 2)
        self.logvar = nn.Linear(16, 2)
        self.decoder = nn.Linear(2, 16)
        self.out = nn.Linear(16, 20)

    def forward(self, x, noise):
        h = torch.tanh(self.hidden(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * noise
        return self.out(torch.tanh(self.decoder(z))), mu, logvar


def main():
    x = torch.sin(uniform(1, 32, 2) @ uniform(2, 2, 20))

    model = VAE()
    init_weights(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    losses = []
    for step in range(20):
        noise = uniform(step, 32, 2) * math.sqrt(3)
        reconstruction, mu, logvar = model(x, noise)
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
        loss = (F.mse_loss(reconstruction, x, reduction="sum") + kl) / x.shape[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
