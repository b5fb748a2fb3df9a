import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from shared import init_weights, uniform

# `randomSplit(dataset, [0.8, 0.2], 1)`; `random_split` draws other rows.
TRAIN = [
    2, 44, 55, 37, 50, 31, 12, 19, 38, 14, 48, 46, 16, 27, 3, 47, 40, 20, 58, 18, 41, 13, 57, 30,
    1, 28, 23, 35, 6, 32, 42, 29, 59, 26, 8, 5, 17, 45, 10, 54, 11, 25, 0, 51, 15, 39, 36, 33,
]
VALID = [7, 56, 9, 24, 21, 53, 49, 43, 22, 4, 34, 52]


def main():
    x = uniform(1, 60, 4)
    noise = uniform(2, 60, 1)
    y = torch.sin(2 * x).sum(1, keepdim=True) + noise
    dataset = TensorDataset(x, y)
    train, valid = Subset(dataset, TRAIN), Subset(dataset, VALID)
    train_loader = DataLoader(train, batch_size=16)
    valid_loader = DataLoader(valid, batch_size=16)

    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0), nn.Linear(16, 1))
    init_weights(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3, factor=0.5)

    losses = []
    best_loss, best_epoch, best_weights = float("inf"), 0, None
    for epoch in range(20):
        if epoch - best_epoch > 5:
            break
        model.train()
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            F.huber_loss(model(inputs), targets).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            total = sum(
                F.huber_loss(model(inputs), targets, reduction="sum").item()
                for inputs, targets in valid_loader
            )
        loss = total / len(valid)
        scheduler.step(loss)
        losses.append(loss)
        if loss < best_loss:
            best_loss, best_epoch = loss, epoch
            best_weights = copy.deepcopy(model.state_dict())
    model.load_state_dict(best_weights)
    with torch.no_grad():
        losses.append(F.huber_loss(model(x), y).item())
    return losses
