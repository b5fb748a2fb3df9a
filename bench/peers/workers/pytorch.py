"""PyTorch's side of pytorch.mjs: a line of JSON in, one out. Arguments: folder, threads."""

import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)


def load(value):
    """The inputs with tensors in place of files."""
    if not isinstance(value, dict):
        return value
    if "file" in value:
        path = os.path.join(folder, value["file"])
        array = np.fromfile(path, dtype=value["type"])
        os.remove(path)
        return torch.from_numpy(array)
    return {name: load(each) for name, each in value.items()}


def matmul(m, k, n, layout, a, b):
    left = a.view(k, m).t() if layout == "TN" else a.view(m, k)
    right = b.view(n, k).t() if layout == "NT" else b.view(k, n)
    return lambda: left @ right


def softmax(shape, x):
    x = x.view(shape)
    return lambda: F.softmax(x, -1)


def layerNorm(shape, eps, x, weight, bias):
    x = x.view(shape)
    return lambda: F.layer_norm(x, shape[1:], weight, bias, eps)


def gelu(shape, x):
    x = x.view(shape)
    return lambda: F.gelu(x)


def adds(shape, times, x, y):
    x, y = x.view(shape), y.view(shape)

    def run():
        total = x
        for _ in range(times):
            total = total + y
        return total

    return run


def adamw(adam, x, gradient):
    weight = torch.nn.Parameter(x)
    weight.grad = gradient
    optimizer = torch.optim.AdamW(
        [weight],
        lr=adam["lr"],
        betas=(adam["beta1"], adam["beta2"]),
        eps=adam["eps"],
        weight_decay=adam["weightDecay"],
    )

    def run():
        with torch.enable_grad():
            optimizer.step()
        return weight.data

    return run


def logits(bert, w, batch):
    heads, width = bert["heads"], bert["hidden"] // bert["heads"]
    shape = (bert["batch"], bert["length"])

    def dense(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x, name):
        weight = w[name + ".weight"]
        return F.layer_norm(x, weight.shape, weight, w[name + ".bias"], bert["eps"])

    def split(x):
        return x.view(*shape, heads, width).transpose(1, 2)

    x = F.embedding(batch["ids"].view(shape), w["word"]) + w["position"]
    x = norm(x + F.embedding(batch["types"].view(shape), w["type"]), "norm")
    bias = batch["bias"].view(shape[0], 1, 1, shape[1])
    for i in range(bert["layers"]):
        q, k, v = (split(dense(x, f"{i}.{name}")) for name in ("query", "key", "value"))
        scores = q @ k.transpose(-1, -2) * width**-0.5 + bias
        context = (F.softmax(scores, -1) @ v).transpose(1, 2).reshape(*shape, -1)
        x = norm(x + dense(context, f"{i}.output"), f"{i}.norm1")
        x = norm(x + dense(F.gelu(dense(x, f"{i}.up")), f"{i}.down"), f"{i}.norm2")
    return dense(torch.tanh(dense(x[:, 0], "pooler")), "classifier")


def weights_of(weights):
    """Dense weights come as [in, out] and are kept as torch.nn.Linear keeps them."""
    kept = {}
    for name, weight in weights.items():
        value = weight["data"].view(weight["shape"])
        is_dense = value.dim() == 2 and name.endswith(".weight")
        kept[name] = torch.nn.Parameter(value.t().contiguous() if is_dense else value)
    return kept


def bertForward(bert, weights, batch):
    kept = weights_of(weights)
    return lambda: logits(bert, kept, batch)


def bertTrain(bert, weights, batch):
    kept, adam = weights_of(weights), bert["adam"]
    labels = batch["labels"].long()
    optimizer = torch.optim.Adam(
        kept.values(), lr=adam["lr"], betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"]
    )

    def run():
        with torch.enable_grad():
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(logits(bert, kept, batch), labels)
            loss.backward()
            optimizer.step()
        return loss.detach()

    return run


def main():
    works = []
    print(json.dumps({"version": torch.__version__}), flush=True)
    with torch.no_grad():
        for line in sys.stdin:
            request = json.loads(line)
            if "kind" in request:
                work = globals()[request["kind"]](**load(request["inputs"]))
                works.append(work)
                answer = {"id": len(works) - 1}
            elif "run" in request:
                answer = {"value": works[request["run"]]().flatten()[0].item()}
            else:
                result = works[request["result"]]().contiguous().numpy()
                result.tofile(os.path.join(folder, "result"))
                answer = {}
            print(json.dumps(answer), flush=True)


main()
