import torch
from torch import nn

from shared import init_weights, integers, uniform


def main():
    labels = integers(1, 0, 4, 12)
    images = uniform(2, 4, 1, 8, 8)[labels] + 0.3 * uniform(3, 12, 1, 8, 8)

    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 4),
    )
    init_weights(model)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)

    model.train()
    losses = []
    for step in range(20):
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    losses.append(criterion(model(images), labels).item())
    return losses
