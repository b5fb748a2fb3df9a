import torch
from torch import nn

from shared import init_weights, integers

TAGS = 4


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(40, 12)
        self.gru = nn.GRU(12, 10, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(20, TAGS)

    def forward(self, ids):
        states, _ = self.gru(self.embedding(ids))
        return self.fc(states)


def main():
    ids = integers(1, 0, 40, 8, 7)
    lengths = integers(2, 3, 8, 8, 1)
    padding = torch.arange(7) >= lengths
    tags = ids.roll(1, 1).remainder(TAGS).masked_fill(padding, -100)

    model = Tagger()
    init_weights(model)
    criterion = nn.CrossEntropyLoss(ignore_index=-100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.05)

    losses = []
    for step in range(20):
        loss = criterion(model(ids).transpose(1, 2), tags)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
