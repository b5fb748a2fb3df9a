"""Reads Hugging Face model folders with nothing but Python and torch, and prints their outputs.

Arguments: a JSON file of inputs (input_ids, attention_mask, token_type_ids), then folders. Prints a
line of JSON for each: its architecture, its outputs by name, and its unused weights.
"""

import json
import math
import struct
import sys

import torch
import torch.nn.functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert header.pop("__metadata__") == {"format": "pt"}
    tensors = {}
    for name, entry in header.items():
        dtype = {"F32": torch.float32, "F16": torch.float16}[entry["dtype"]]
        begin, end = entry["data_offsets"]
        raw = bytearray(data[8 + length + begin : 8 + length + end])
        tensors[name] = torch.frombuffer(raw, dtype=dtype).reshape(entry["shape"]).float()
    return tensors


class Bert:
    def __init__(self, folder):
        with open(f"{folder}/config.json") as file:
            self.config = json.load(file)
        self.weights = read_safetensors(f"{folder}/model.safetensors")
        self.used = set()
        (self.kind,) = self.config["architectures"]
        self.root = "" if self.kind == "BertModel" else "bert."

    def take(self, name):
        self.used.add(name)
        return self.weights[name]

    def dense(self, name, x):
        return F.linear(x, self.take(f"{name}.weight"), self.take(f"{name}.bias"))

    def norm(self, name, x):
        weight, bias = self.take(f"{name}.weight"), self.take(f"{name}.bias")
        return F.layer_norm(x, x.shape[-1:], weight, bias, self.config["layer_norm_eps"])

    def layer(self, name, x, mask):
        batch, length, hidden = x.shape
        heads = self.config["num_attention_heads"]

        def split(part):
            y = self.dense(f"{name}.attention.self.{part}", x)
            return y.view(batch, length, heads, hidden // heads).transpose(1, 2)

        scores = split("query") @ split("key").transpose(2, 3) / math.sqrt(hidden // heads) + mask
        context = (scores.softmax(-1) @ split("value")).transpose(1, 2)
        context = context.reshape(batch, length, hidden)
        output = self.dense(f"{name}.attention.output.dense", context)
        x = self.norm(f"{name}.attention.output.LayerNorm", output + x)
        inner = F.gelu(self.dense(f"{name}.intermediate.dense", x))
        return self.norm(f"{name}.output.LayerNorm", self.dense(f"{name}.output.dense", inner) + x)

    def encode(self, input_ids, attention_mask, token_type_ids):
        table = f"{self.root}embeddings"
        words = self.take(f"{table}.word_embeddings.weight")[input_ids]
        types = self.take(f"{table}.token_type_embeddings.weight")[token_type_ids]
        x = words + types + self.take(f"{table}.position_embeddings.weight")[: input_ids.shape[1]]
        x = self.norm(f"{table}.LayerNorm", x)
        mask = (1.0 - attention_mask[:, None, None].float()) * torch.finfo(torch.float32).min
        for i in range(self.config["num_hidden_layers"]):
            x = self.layer(f"{self.root}encoder.layer.{i}", x, mask)
        return x

    def pool(self, x):
        return torch.tanh(self.dense(f"{self.root}pooler.dense", x[:, 0]))

    def predictions(self, x):
        name = "cls.predictions"
        x = F.gelu(self.dense(f"{name}.transform.dense", x))
        x = self.norm(f"{name}.transform.LayerNorm", x)
        tied = self.config["tie_word_embeddings"]
        decoder = "bert.embeddings.word_embeddings.weight" if tied else f"{name}.decoder.weight"
        return F.linear(x, self.take(decoder), self.take(f"{name}.bias"))

    def outputs(self, x):
        if self.kind == "BertModel":
            return {"lastHiddenState": x, "poolerOutput": self.pool(x)}
        if self.kind == "BertForPreTraining":
            related = self.dense("cls.seq_relationship", self.pool(x))
            return {"predictionLogits": self.predictions(x), "seqRelationshipLogits": related}
        if self.kind == "BertForMaskedLM":
            return {"logits": self.predictions(x)}
        if self.kind == "BertForNextSentencePrediction":
            return {"logits": self.dense("cls.seq_relationship", self.pool(x))}
        if self.kind == "BertForQuestionAnswering":
            start, end = self.dense("qa_outputs", x).unbind(-1)
            return {"startLogits": start, "endLogits": end}
        if self.kind == "BertForTokenClassification":
            return {"logits": self.dense("classifier", x)}
        return {"logits": self.dense("classifier", self.pool(x))}


def main():
    with open(sys.argv[1]) as file:
        given = {name: torch.tensor(rows) for name, rows in json.load(file).items()}
    for folder in sys.argv[2:]:
        model = Bert(folder)
        outputs = model.outputs(model.encode(**given))
        outputs = {name: value.flatten().tolist() for name, value in outputs.items()}
        unused = sorted(set(model.weights) - model.used)
        print(json.dumps({"architecture": model.kind, "unused": unused, "outputs": outputs}))


if __name__ == "__main__":
    main()
