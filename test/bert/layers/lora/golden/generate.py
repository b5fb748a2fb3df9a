"""Writes a tiny base model, adapters laid out as PEFT's, and what torch computes with them.

Debian's Python with torch: /usr/bin/python3 test/bert/layers/lora/golden/generate.py
"""

import json
import os
import struct
import sys

import torch

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "../../../../support"))
from lora import LoraBert  # noqa: E402

HIDDEN, INNER, LAYERS = 8, 12, 2
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "bad", "film", "##s"]
torch.manual_seed(5)


def draw(*shape, scale=0.4):
    return torch.randn(*shape) * scale


def save(folder, name, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for key, value in tensors.items():
        size = value.numel() * value.element_size()
        dtype = {torch.float32: "F32", torch.float16: "F16"}[value.dtype]
        offsets = [offset, offset + size]
        header[key] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": offsets}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{folder}/{name}", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(value.contiguous().numpy().tobytes())


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.write("\n")


def base():
    """A BertModel: its names have no `bert.`, and it has no classifier."""
    tensors = {
        "embeddings.word_embeddings.weight": draw(len(VOCAB), HIDDEN),
        "embeddings.position_embeddings.weight": draw(8, HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
        "embeddings.LayerNorm.weight": 1 + draw(HIDDEN),
        "embeddings.LayerNorm.bias": draw(HIDDEN),
    }
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        sizes = {f"attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")}
        sizes["attention.output.dense"] = (HIDDEN, HIDDEN)
        sizes["intermediate.dense"] = (INNER, HIDDEN)
        sizes["output.dense"] = (HIDDEN, INNER)
        for name, shape in sizes.items():
            tensors[f"{layer}.{name}.weight"] = draw(*shape)
            tensors[f"{layer}.{name}.bias"] = draw(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"{layer}.{name}.weight"] = 1 + draw(HIDDEN)
            tensors[f"{layer}.{name}.bias"] = draw(HIDDEN)
    tensors["pooler.dense.weight"] = draw(HIDDEN, HIDDEN)
    tensors["pooler.dense.bias"] = draw(HIDDEN)
    return tensors


def adapter(folder, names, config, saved, dtype=torch.float32):
    os.makedirs(folder, exist_ok=True)
    tensors = {}
    for name, r in names.items():
        shape = weights[name.replace("bert.", "", 1) + ".weight"].shape
        a, b = draw(r, shape[1]), draw(shape[0], r)
        tensors[f"base_model.model.{name}.lora_A.weight"] = a.to(dtype)
        tensors[f"base_model.model.{name}.lora_B.weight"] = b.to(dtype)
    for name, value in saved.items():
        tensors[f"base_model.model.{name}"] = value.to(dtype)
    save(folder, "adapter_model.safetensors", tensors)
    defaults = {
        "alpha_pattern": {},
        "auto_mapping": None,
        "base_model_name_or_path": "../base",
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layer_replication": None,
        "layers_pattern": None,
        "layers_to_transform": None,
        "loftq_config": {},
        "lora_dropout": 0.1,
        "megatron_config": None,
        "megatron_core": "megatron.core",
        "modules_to_save": ["classifier", "score"],
        "peft_type": "LORA",
        "rank_pattern": {},
        "revision": None,
        "use_dora": False,
        "use_rslora": False,
    }
    write_json(f"{folder}/adapter_config.json", {**defaults, **config})


def classifier(labels):
    return {"classifier.weight": draw(labels, HIDDEN), "classifier.bias": draw(labels)}


def layers(*parts):
    return [f"bert.encoder.layer.{i}.{part}" for i in range(LAYERS) for part in parts]


weights = base()
os.makedirs(f"{here}/base", exist_ok=True)
save(f"{here}/base", "model.safetensors", weights)
with open(f"{here}/base/vocab.txt", "w") as file:
    file.write("\n".join(VOCAB) + "\n")
write_json(
    f"{here}/base/config.json",
    {
        "architectures": ["BertModel"],
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 8,
        "model_type": "bert",
        "num_attention_heads": 2,
        "num_hidden_layers": LAYERS,
        "tie_word_embeddings": True,
        "vocab_size": len(VOCAB),
    },
)

attention = layers("attention.self.query", "attention.self.value")
adapter(
    f"{here}/list",
    {name: 2 for name in attention},
    {"r": 2, "lora_alpha": 16, "target_modules": ["value", "query"], "task_type": "SEQ_CLS"},
    classifier(3),
)
regex = layers("attention.self.key", "output.dense")
adapter(
    f"{here}/regex",
    {name: 3 if "key" in name else 1 for name in regex},
    {
        "r": 1,
        "lora_alpha": 4,
        "rank_pattern": {"attention.self.key": 3},
        "alpha_pattern": {r"layer\.1\..*key": 7},
        "target_modules": r".*(self\.key|\d\.output\.dense)",
        "task_type": "TOKEN_CLS",
        "use_rslora": True,
    },
    classifier(2),
)
dense = ["attention.output.dense", "intermediate.dense", "output.dense"]
every = layers("attention.self.query", "attention.self.key", "attention.self.value", *dense)
adapter(
    f"{here}/all-linear",
    {name: 2 for name in [*every, "bert.pooler.dense"]},
    {"r": 2, "lora_alpha": 3, "target_modules": "all-linear", "task_type": "SEQ_CLS"},
    classifier(2),
    torch.float16,
)

given = {
    "input_ids": [[2, 6, 8, 9, 3], [2, 7, 8, 3, 0]],
    "attention_mask": [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]],
    "token_type_ids": [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]],
}
inputs = {name: torch.tensor(rows) for name, rows in given.items()}
logits = {}
for name in ("list", "regex", "all-linear"):
    model = LoraBert(f"{here}/{name}")
    logits[name] = model.outputs(model.encode(**inputs))["logits"].tolist()
write_json(f"{here}/expected.json", {"inputs": given, "logits": logits})
