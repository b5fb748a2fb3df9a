"""Optimisers over given gradients, clipping by the norm, and factors of schedules."""
import math

import numpy as np
import torch

from files import save_json, save_safetensors

SHAPES, STEPS = [(3, 5), (7,)], 4
ADAM = {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False}
SGD = {"lr": 0.1, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False}
OPTIMIZERS = [
    ("adam", "Adam", ADAM), ("adam_l2", "Adam", {**ADAM, "weight_decay": 0.1}),
    ("adam_amsgrad", "Adam", {**ADAM, "amsgrad": True, "betas": (0.8, 0.9)}),
    ("adamw", "AdamW", {**ADAM, "weight_decay": 0.1, "eps": 1e-3}),
    ("sgd", "SGD", SGD), ("sgd_momentum", "SGD", {**SGD, "momentum": 0.9, "dampening": 0.2}),
    ("sgd_nesterov", "SGD", {**SGD, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
]


def follow(optimizer, options, starts, grads, dtype):
    """The parameters after each step."""
    params = [torch.nn.Parameter(torch.tensor(start, dtype=dtype)) for start in starts]
    stepper = getattr(torch.optim, optimizer)(params, **options)
    after = []
    for row in grads:
        for param, grad in zip(params, row):
            param.grad = torch.tensor(grad, dtype=dtype)
        stepper.step()
        after.append([param.detach().clone() for param in params])
    return after


def linear(step, warmup, total):
    return step / max(1, warmup) if step < warmup else max(0, (total - step) / (total - warmup))


def constant(step, warmup, _total):
    return step / max(1, warmup) if step < warmup else 1


def cosine(step, warmup, total):
    if step < warmup:
        return step / max(1, warmup)
    progress = (step - warmup) / max(1, total - warmup)
    return max(0, 0.5 * (1 + math.cos(math.pi * progress)))


def write(folder):
    rng = np.random.default_rng(3)

    def draw(scale=1.0):
        return [(rng.standard_normal(shape) * scale).astype(np.float32) for shape in SHAPES]

    tensors, optimizers, clips = {}, [], []
    for ident, optimizer, options in OPTIMIZERS:
        starts, grads = draw(), [draw() for _ in range(STEPS)]
        after = follow(optimizer, options, starts, grads, torch.float32)
        exact = follow(optimizer, options, starts, grads, torch.float64)
        err = max((a.double() - b).abs().max().item()
                  for row, truth in zip(after, exact) for a, b in zip(row, truth))
        for i, start in enumerate(starts):
            tensors[f"{ident}/start.{i}"] = start
            for t in range(STEPS):
                tensors[f"{ident}/grad{t + 1}.{i}"] = grads[t][i]
                tensors[f"{ident}/step{t + 1}.{i}"] = after[t][i].numpy()
        optimizers.append({
            "id": ident, "optimizer": optimizer, "options": options, "params": len(SHAPES),
            "steps": STEPS, "err": max(float(f"{err:.2e}"), 1e-7),
        })
    for ident, scale in [("clip_over", 20.0), ("clip_under", 0.01)]:
        params = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
        for i, (param, grad) in enumerate(zip(params, draw(scale))):
            param.grad = torch.tensor(grad)
            tensors[f"{ident}/grad.{i}"] = grad
        norm = torch.nn.utils.clip_grad_norm_(params, 1.0).item()
        for i, param in enumerate(params):
            tensors[f"{ident}/clipped.{i}"] = param.grad.numpy()
        clips.append({"id": ident, "max_norm": 1.0, "norm": norm, "params": len(SHAPES)})
    schedules = [
        {"id": f"{name}_{warmup}_{total}", "kind": f"{name} with warmup", "warmup": warmup,
         "total": total, "factors": [factor(step, warmup, total) for step in range(total + 2)]}
        for name, factor in [("linear", linear), ("constant", constant), ("cosine", cosine)]
        for warmup, total in [(0, 10), (3, 12)]
    ]
    save_safetensors(f"{folder}/optim.safetensors", tensors)
    save_json(f"{folder}/optim.json", {
        "torch": torch.__version__, "optimizers": optimizers, "clips": clips,
        "schedules": schedules,
    })
