import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights, integers

WORDS, LENGTH, SIZE = 40, 10, 16


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, SIZE)
        self.positions = nn.Embedding(LENGTH, SIZE)
        layer = nn.TransformerEncoderLayer(
            SIZE, 2, dim_feedforward=32, dropout=0.0, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(SIZE, 2)

    def forward(self, ids, padding):
        x = self.words(ids) + self.positions(torch.arange(LENGTH))
        states = self.encoder(x, src_key_padding_mask=padding)
        real = (~padding).float().unsqueeze(-1)
        return self.fc((states * real).sum(1) / real.sum(1))


def main():
    lengths = integers(1, 3, LENGTH + 1, 24, 1)
    padding = torch.arange(LENGTH) >= lengths
    ids = integers(2, 1, WORDS, 24, LENGTH).masked_fill(padding, 0)
    labels = (ids[:, 1] > WORDS / 2).long()

    model = Classifier()
    init_weights(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002)

    losses = []
    for step in range(20):
        loss = F.cross_entropy(model(ids, padding), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
