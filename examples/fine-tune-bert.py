import json
import math
import struct

import torch
import torch.nn.functional as F
from torch import nn

from shared import init_weights

# "내용이 훌륭했다!!" and three more texts, as the folder's tokenizer encodes them.
INPUT_IDS = torch.tensor(
    [
        [2, 3308, 3409, 3095, 5, 5, 3],
        [2, 3401, 3115, 6568, 3, 0, 0],
        [2, 2969, 3940, 2960, 3, 0, 0],
        [2, 3530, 3347, 3, 0, 0, 0],
    ]
)
LABELS = torch.tensor([0, 1, 0, 1])


def load_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), bytearray(file.read())
    header.pop("__metadata__", None)
    dtypes = {"F32": torch.float32, "F16": torch.float16}
    return {
        name: torch.frombuffer(data[slice(*at["data_offsets"])], dtype=dtypes[at["dtype"]])
        .reshape(at["shape"])
        .float()
        for name, at in header.items()
    }


def classify(weights, config, ids):
    """`BertForSequenceClassification` of transformers, without dropout."""
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    (batch, length), size = ids.shape, config["hidden_size"]

    def dense(name, x):
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name, x):
        return F.layer_norm(x, (size,), weights[f"{name}.weight"], weights[f"{name}.bias"], eps)

    table = "bert.embeddings"
    x = weights[f"{table}.word_embeddings.weight"][ids]
    x = x + weights[f"{table}.position_embeddings.weight"][:length]
    x = norm(f"{table}.LayerNorm", x + weights[f"{table}.token_type_embeddings.weight"][0])
    mask = (ids == 0)[:, None, None] * torch.finfo(torch.float32).min
    for i in range(config["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{i}"
        q, k, v = (
            dense(f"{layer}.attention.self.{part}", x)
            .view(batch, length, heads, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(2, 3) / math.sqrt(size // heads) + mask
        context = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, size)
        attended = dense(f"{layer}.attention.output.dense", context)
        x = norm(f"{layer}.attention.output.LayerNorm", attended + x)
        inner = F.gelu(dense(f"{layer}.intermediate.dense", x))
        x = norm(f"{layer}.output.LayerNorm", dense(f"{layer}.output.dense", inner) + x)
    return dense("classifier", torch.tanh(dense("bert.pooler.dense", x[:, 0])))


def main(folder="models/bert-tiny-ko"):
    with open(f"{folder}/config.json") as file:
        config = json.load(file)
    weights = load_safetensors(f"{folder}/model.safetensors")
    size = config["hidden_size"]
    for name, layer in {
        "bert.pooler": nn.ModuleDict({"dense": nn.Linear(size, size)}),
        "classifier": nn.Linear(size, 2),
    }.items():
        init_weights(layer)
        for key, value in layer.state_dict().items():
            weights[f"{name}.{key}"] = value
    frozen = ("cls.", "bert.embeddings.")
    trained = [value for name, value in weights.items() if not name.startswith(frozen)]
    optimizer = torch.optim.AdamW([value.requires_grad_() for value in trained], lr=1e-4)
    losses = []
    for step in range(20):
        loss = F.cross_entropy(classify(weights, config, INPUT_IDS), LABELS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
