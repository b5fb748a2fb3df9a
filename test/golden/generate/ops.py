"""Operations and layers: PyTorch's results and gradients on random inputs.

A case has PyTorch's expression (`call`) and beside it what wigbert is to run (`attrs.run`): the
name of a function of `wigbert` with its arguments, or of a class of `nn`. Its numbers come from a
seed made of its id, so that a new case leaves the others as they are.
"""
import math
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from cases import CASES
from files import save_json, save_safetensors
from layers import LAYERS


class RMSNorm(nn.Module):
    """PyTorch 2.4's nn.RMSNorm, which 1.13 lacks."""

    def __init__(self, size, eps=2 ** -23):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight


NAMES = {"torch": torch, "F": F, "nn": nn, "math": math, "RMSNorm": RMSNorm}


def draw(spec, rng):
    """An input: a shape of normal numbers, or a dictionary that says which."""
    if not isinstance(spec, dict):
        return rng.standard_normal(spec).astype(np.float32)
    if "values" in spec:
        return np.array(spec["values"], dtype=spec.get("dtype", "float32"))
    shape = spec["shape"]
    if "low" in spec:
        return rng.integers(spec["low"], spec["high"], shape).astype(np.int32)
    if spec["kind"] == "mask":
        return rng.random(shape) < 0.5
    ranges = {"positive": (0.2, 3), "unit": (-0.9, 0.9), "probability": (0.05, 0.95)}
    low, high = ranges[spec["kind"]]
    return rng.uniform(low, high, shape).astype(np.float32)


def as_torch(array, dtype):
    if array.dtype.kind == "f":
        return torch.tensor(array, dtype=dtype)
    return torch.tensor(array, dtype=torch.bool if array.dtype == bool else torch.int64)


def flat(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result if part is not None for tensor in flat(part)]


def run(case, arrays, parameters, upstream, dtype):
    """Results and gradients, in float32 or float64."""
    given = {name: as_torch(array, dtype) for name, array in arrays.items()}
    for name, value in given.items():
        value.requires_grad_(value.is_floating_point() and name not in case.get("fixed", ()))
    names = dict(NAMES, **given)
    leaves = dict(given)
    if "module" in case:
        module = eval(case["module"], NAMES).to(dtype)
        module.load_state_dict(
            {n: torch.tensor(v, dtype=dtype) for n, v in parameters.items()}, strict=False
        )
        names["m"] = module
        leaves.update({f"parameter:{name}": value for name, value in module.named_parameters()})
    outputs = flat(eval(case["call"], names))
    if upstream is None:
        return outputs, {}
    pairs = [
        (out, torch.tensor(up, dtype=dtype)) for out, up in zip(outputs, upstream) if up is not None
    ]
    if pairs:
        torch.autograd.backward(*zip(*pairs))
    grads = {n: leaf.grad for n, leaf in leaves.items() if leaf.grad is not None}
    return outputs, grads


def state_of(case, rng):
    """Random values of a layer's parameters: wider than a new layer's, so that each one shows."""
    if "module" not in case:
        return {}
    state = eval(case["module"], NAMES).named_parameters()
    return {n: (rng.standard_normal(tuple(v.shape)) * 0.5).astype(np.float32) for n, v in state}


def make(case, tensors):
    ident = case["id"]
    rng = np.random.default_rng(zlib.crc32(ident.encode()))
    arrays = {name: draw(spec, rng) for name, spec in case.get("inputs", {}).items()}
    parameters = state_of(case, rng)
    shapes, _ = run(case, arrays, parameters, None, torch.float32)
    upstream = [
        rng.standard_normal(tuple(out.shape)).astype(np.float32) if out.requires_grad else None
        for out in shapes
    ]
    outputs, grads = run(case, arrays, parameters, upstream, torch.float32)
    exact, exact_grads = run(case, arrays, parameters, upstream, torch.float64)
    err = {}

    def put(key, value):
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        tensors[f"{ident}/{key}"] = value
        kind = {"f": "float32", "i": "int32", "b": "bool"}[value.dtype.kind]
        return {"tensor": f"{ident}/{key}", "dtype": kind, "shape": list(value.shape)}

    def measure(name, value, truth):
        if value.is_floating_point():
            distance = (value.double() - truth).abs().nan_to_num()
            err[name] = float(f"{distance.max().item():.2e}") if distance.numel() else 0.0

    inputs, results = [], []
    named = dict(arrays, **{f"parameter:{name}": value for name, value in parameters.items()})
    for name, array in named.items():
        entry = {"name": name, **put(f"in/{name}", array)}
        if name in grads:
            entry["grad"] = put(f"grad/{name}", grads[name])["tensor"]
            measure(f"grad/{name}", grads[name], exact_grads[name])
        inputs.append(entry)
    for i, (value, up) in enumerate(zip(outputs, upstream)):
        entry = put(f"out{i}", value)
        if up is not None:
            entry["upstream"] = put(f"up{i}", up)["tensor"]
        measure(f"out{i}", value, exact[i])
        results.append(entry)
    return {
        "id": ident, "op": case["op"], "call": case["call"], "attrs": {"run": case["run"]},
        "inputs": inputs, "outputs": results, "err": err,
    }


def write(folder):
    tensors = {}
    cases = [make(case, tensors) for case in CASES + LAYERS]
    assert len({case["id"] for case in cases}) == len(cases), "two cases have one id"
    save_safetensors(f"{folder}/ops.safetensors", tensors)
    save_json(f"{folder}/ops.json", {
        "file": "ops.safetensors", "torch": torch.__version__, "cases": cases,
    })
