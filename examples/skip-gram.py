import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights, integers


class SkipGram(nn.Module):
    def __init__(self, vocab_size, size):
        super().__init__()
        self.center = nn.Embedding(vocab_size, size)
        self.context = nn.Embedding(vocab_size, size)

    def forward(self, center, context, negatives):
        v = self.center(center)
        positive = (v * self.context(context)).sum(-1)
        negative = (self.context(negatives) @ v.unsqueeze(-1)).squeeze(-1)
        return -(F.logsigmoid(positive) + F.logsigmoid(-negative).sum(-1)).mean()


def main():
    words = "the cat sat on the mat the dog sat on the rug the cat saw the dog".split()
    vocabulary = list(dict.fromkeys(words))
    ids = [vocabulary.index(word) for word in words]
    pairs = [
        [id, ids[i + d]]
        for i, id in enumerate(ids)
        for d in (-2, -1, 1, 2)
        if 0 <= i + d < len(ids)
    ]
    centers, contexts = torch.tensor(pairs).unbind(1)

    model = SkipGram(len(vocabulary), 8)
    init_weights(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)

    losses = []
    for step in range(20):
        negatives = integers(step, 0, len(vocabulary), len(pairs), 5)
        loss = model(centers, contexts, negatives)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
