import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights, integers, uniform


def main():
    centers = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [0.0, -1.0]])
    y = integers(1, 0, 3, 90)
    noise = uniform(2, 90, 2) + uniform(3, 90, 2) + uniform(4, 90, 2)
    x = centers[y] + 0.5 * noise

    model = nn.Linear(2, 3)
    init_weights(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3)

    losses = []
    for step in range(20):
        loss = F.cross_entropy(model(x), y, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
