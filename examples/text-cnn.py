import torch
from torch import nn

from shared import init_weights, integers


class TextCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(16, 8, width) for width in (2, 3, 4)])
        self.fc = nn.Linear(24, 2)

    def forward(self, ids):
        x = self.embedding(ids).transpose(1, 2)
        pooled = [conv(x).relu().max(-1).values for conv in self.convs]
        return self.fc(torch.cat(pooled, -1))


def main():
    ids = integers(1, 1, 50, 32, 12)
    labels = ((ids > 25).sum(1) > 6).long()

    model = TextCNN()
    init_weights(model)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    losses = []
    for step in range(20):
        loss = criterion(model(ids), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
