import math

import torch
from torch import nn

from shared import init_weights, uniform

ACCUMULATION = 4


def cosine_schedule_with_warmup(optimizer, warmup, total):
    def factor(step):
        if step < warmup:
            return step / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def main():
    x = uniform(1, 64, 6)
    y = (x.sum(1) > 1).long()
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]))

    model = nn.Sequential(
        nn.Linear(6, 16), nn.LayerNorm(16), nn.GELU(), nn.Dropout(0), nn.Linear(16, 2)
    )
    init_weights(model)
    named = list(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for name, p in named if name.endswith("weight")], "weight_decay": 0.1},
            {"params": [p for name, p in named if name.endswith("bias")], "weight_decay": 0.0},
        ],
        lr=0.02,
    )
    scheduler = cosine_schedule_with_warmup(optimizer, 4, 20)

    losses = []
    for step in range(20):
        total = 0
        for inputs, labels in zip(x.chunk(ACCUMULATION), y.chunk(ACCUMULATION)):
            loss = criterion(model(inputs), labels) / ACCUMULATION
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(total)
    return losses
