import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights, uniform


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["mean"] = torch.zeros_like(p)
                mean = state["mean"]
                update = (0.9 * mean + 0.1 * p.grad).sign()
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * update)
                mean.mul_(0.99).add_(0.01 * p.grad)


def main():
    x = uniform(1, 40, 4)
    y = torch.sin(3 * x).sum(1, keepdim=True)

    model = nn.Sequential(nn.Linear(4, 24), nn.SiLU(), nn.Linear(24, 1))
    init_weights(model)
    optimizer = Lion(model.parameters(), lr=0.01, weight_decay=0.1)

    losses = []
    for step in range(20):
        loss = F.smooth_l1_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
