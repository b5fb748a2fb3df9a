import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from shared import init_weights, integers


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 12)
        self.lstm = nn.LSTM(12, 16, num_layers=2, batch_first=True, dropout=0.0)
        self.dropout = nn.Dropout(0.0)
        self.fc = nn.Linear(16, 2)

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.lstm(packed)
        return self.fc(self.dropout(hidden[-1]))


def main():
    ids = integers(1, 1, 30, 10, 8)
    lengths = integers(2, 3, 9, 10)
    labels = (ids[:, 0] > 15).long()

    model = Classifier()
    init_weights(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()

    losses = []
    for step in range(20):
        loss = criterion(model(ids, lengths), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
