import math

import torch
from torch import nn

from shared import init_weights


def spirals(per_arm):
    points, labels = [], []
    for arm in range(3):
        for i in range(per_arm):
            radius = (i + 1) / per_arm
            angle = 4 * radius + arm * 2 * math.pi / 3
            points.append([radius * math.cos(angle), radius * math.sin(angle)])
            labels.append(arm)
    return torch.tensor(points), torch.tensor(labels)


def main():
    x, y = spirals(40)
    model = nn.Sequential(
        nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3)
    )
    init_weights(model)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10, 0.5)

    losses = []
    for step in range(20):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses
