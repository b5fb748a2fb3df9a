import torch
import torch.nn.functional as F

from shared import uniform


def main():
    x = uniform(1, 64, 3)
    y = (x @ torch.tensor([[2.0], [-1.0], [0.5]]) > 0.2).float()

    weight = torch.zeros(3, 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)

    losses = []
    for step in range(20):
        probabilities = torch.sigmoid(x @ weight + bias)
        loss = F.binary_cross_entropy(probabilities, y)
        loss.backward()
        with torch.no_grad():
            for parameter in (weight, bias):
                parameter -= 2 * parameter.grad
                parameter.grad = None
        losses.append(loss.item())
    return losses
