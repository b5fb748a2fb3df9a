"""Data and weights that both languages compute alike."""

import math

import torch


def generator(seed):
    state = seed
    while True:
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        yield state / 2**32


def uniform(seed, *shape):
    random = generator(seed)
    return torch.tensor([2 * next(random) - 1 for _ in range(math.prod(shape))]).reshape(shape)


def integers(seed, low, high, *shape):
    random = generator(seed)
    draws = [low + int(next(random) * (high - low)) for _ in range(math.prod(shape))]
    return torch.tensor(draws).reshape(shape)


@torch.no_grad()
def init_weights(model):
    for name, parameter in model.named_parameters():
        if "bias" in name:
            parameter.zero_()
        if "bias" in name or parameter.ndim < 2:
            continue
        seed = 7
        for c in name:
            seed = (seed * 31 + ord(c)) & 0xFFFFFFFF
        random = generator(seed)
        bound = 1 / math.sqrt(parameter.numel() / parameter.shape[0])
        values = [(2 * next(random) - 1) * bound for _ in range(parameter.numel())]
        parameter.copy_(torch.tensor(values).reshape(parameter.shape))
