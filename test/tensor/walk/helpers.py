"""Helpers of generate.py: each line of operations.py and networks.py becomes a case.

A line is op(name, torch expression of a, b, c, …, inputs, arguments in JavaScript).
In arguments "$a" is a tensor.
"""

import json
import os
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

import optimizers as own_optimizers

warnings.simplefilter("ignore")
torch.manual_seed(5)
# ruff: noqa: E731, F403, F405
N = lambda *s: ("f", torch.randn(*s))
P = lambda *s: ("f", torch.rand(*s) * 1.5 + 0.5)
U = lambda *s: ("f", torch.rand(*s) * 1.6 - 0.8)
I = lambda n, *s: ("i", torch.randint(0, n, s))
V = lambda *v: ("i", torch.tensor(v))
M = lambda *s: ("b", torch.rand(*s) > 0.5)
S = lambda *s: ("f", torch.where(torch.rand(*s) > 0.5, 1.0, -1.0))
X = N(3, 4)
cases = []


def numbers(t):
    return [round(v,
        7) if abs(v) < 1e7 else v for v in t.detach().to(torch.float64).flatten().tolist()]


def run(expression, inputs):
    names = "abcdefgh"
    scope = {names[i]: t for i, t in enumerate(inputs)}
    out = eval(expression, {"torch": torch, "F": F, "nn": nn}, scope)
    return [t for t in (out if isinstance(out, (list, tuple)) else [out])]


def op(name, expression, *inputs, js=None, grad=True, alone=None):
    leaves = [
        t.clone().double().requires_grad_(grad and kind == "f") if kind in "fn" else t
        for kind, t in inputs
    ]
    outs = run(expression, leaves)
    case = {"name": name, "inputs": [{"kind": k, "shape": list(t.shape),
        "data": numbers(t)} for k, t in inputs]}
    case["args"] = js if js is not None else ["$" + "abcdefgh"[i] for i in range(len(inputs))]
    case["outputs"] = [{"shape": list(t.shape), "data": numbers(t)} for t in outs]
    floats = [t for t in outs if t.is_floating_point() and t.requires_grad]
    if grad and floats:
        weights = [torch.arange(t.numel()).reshape(t.shape) % 5 - 1.5 for t in floats]
        total = sum((t * w).sum() for t, w in zip(floats, weights))
        total.backward()
        case["grads"] = [numbers(t.grad) if k == "f" and t.grad is not None else None for (k, _),
            t in zip(inputs, leaves)]
    for what, change in (("empty", lambda t: t[:0] if t.dim() else t), ("scalar",
        lambda t: t.flatten()[0] if t.numel() else t)):
        try:
            case[what] = [list(t.shape) for t in run(expression, [change(t) for _, t in inputs])]
        except Exception:
            case[what] = None
    cases.append(case)


def auto(names, *inputs, pre="torch.", **rest):
    for name in names.split():
        snake = "".join("_" + c.lower() if c.isupper() else c for c in name)
        op(name, f"{pre}{snake}({', '.join('abcdefgh'[: len(inputs)])})", *inputs, **rest)
T = lambda *s: ("n", torch.rand(*s))
Y = lambda *s: ("n", S(*s)[1])


# Modules: [class, arguments]
modules = []


def mod(name, *inputs, args=(), js=None):
    module = getattr(nn, name)(*args).double()
    tensors = [t.double().requires_grad_(k == "f") if k in "fn" else t for k, t in inputs]
    state = {k: {"shape": list(v.shape), "data": numbers(v)} for k,
        v in module.state_dict().items()}
    out = module(*tensors)
    while isinstance(out, tuple):
        out = out[0]
    (out * (torch.arange(out.numel()).reshape(out.shape) % 5 - 1.5)).sum().backward()
    named = dict(module.named_parameters())
    leaves = tensors + [named[k] for k in state if k in named]
    grads = [numbers(t.grad) if t.grad is not None else None for t in leaves]
    modules.append({"name": name, "args": list(args) if js is None else js, "state": state,
                    "inputs": [{"kind": k, "shape": list(t.shape), "data": numbers(t)} for k,
                        t in inputs],
                    "output": {"shape": list(out.shape), "data": numbers(out)}, "grads": grads})


# Optimisers: parameters after some steps with these gradients
optimizers = []
CAMEL = {"lr": "lr", "momentum": "momentum", "weight_decay": "weightDecay",
    "nesterov": "nesterov", "amsgrad": "amsgrad",
         "centered": "centered", "alpha": "alpha", "lr_decay": "lrDecay", "rho": "rho",
         "eps": "eps", "initial_accumulator_value": "initialAccumulatorValue",
         "betas": "betas", "momentum_decay": "momentumDecay",
         "decoupled_weight_decay": "decoupledWeightDecay"}


def opt(name, steps=5, **options):
    w = torch.nn.Parameter(torch.randn(3, 4, dtype=torch.float64))
    start = numbers(w)
    optimizer = getattr(own_optimizers, name, getattr(torch.optim, name, None))([w], **options)
    grads = []
    for _ in range(steps):
        w.grad = torch.randn(3, 4, dtype=torch.float64)
        grads.append(numbers(w.grad))
        optimizer.step()
    optimizers.append({"name": name, "options": {CAMEL[k]: v for k, v in options.items()},
        "start": start, "grads": grads, "end": numbers(w)})


def save():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json")
    with open(path, "w") as file:
        lines = lambda items: "[\n" + ",\n".join(json.dumps(i, separators=(",", ":"),
            allow_nan=False) for i in items) + "\n]"
        version = json.dumps(torch.__version__.split("+")[0])
        parts = {"operations": cases, "modules": modules, "optimizers": optimizers}
        text = "".join(f',"{key}":{lines(items)}' for key, items in parts.items())
        file.write(f'{{"torch":{version}{text}}}\n')
    print(len(cases), len(modules), os.path.getsize(path))
