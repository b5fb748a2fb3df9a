"""Reads adapters in PEFT's folders with nothing but Python and torch, and prints their outputs.

Arguments: a JSON file of inputs (input_ids, attention_mask, token_type_ids), the folder of the base
model or `-` for the one that the adapter names, then folders of adapters. Prints a line of JSON for
each: its outputs by name, and the weights of its file that were not used.
"""

import json
import math
import os
import re
import sys

import torch
import torch.nn.functional as F
from bert import Bert, read_safetensors

KINDS = {
    "SEQ_CLS": "BertForSequenceClassification",
    "TOKEN_CLS": "BertForTokenClassification",
    "QUESTION_ANS": "BertForQuestionAnswering",
}


class LoraBert(Bert):
    """y = W x + b + B A x · alpha / r in each layer that has an A and a B."""

    def __init__(self, folder, base=None):
        with open(f"{folder}/adapter_config.json") as file:
            self.lora = json.load(file)
        named = self.lora["base_model_name_or_path"]
        super().__init__(base or os.path.join(folder, named))
        self.kind = KINDS.get(self.lora["task_type"], self.kind)
        if self.kind in KINDS.values():
            self.root = "bert."
            parts = r"^(?=(embeddings|encoder|pooler)\.)"
            weights = self.weights.items()
            self.weights = {re.sub(parts, "bert.", name): value for name, value in weights}
        prefix = "base_model.model."
        for name, value in read_safetensors(f"{folder}/adapter_model.safetensors").items():
            assert name.startswith(prefix), name
            self.weights[name[len(prefix) :].replace(".base_layer.", ".")] = value

    def pattern(self, field, name, default):
        for key, value in (self.lora.get(field) or {}).items():
            if re.match(rf"(.*\.)?({key})$", name):
                return value
        return default

    def dense(self, name, x):
        y = super().dense(name, x)
        if f"{name}.lora_A.weight" not in self.weights:
            return y
        r = self.pattern("rank_pattern", name, self.lora["r"])
        alpha = self.pattern("alpha_pattern", name, self.lora["lora_alpha"])
        a, b = self.take(f"{name}.lora_A.weight"), self.take(f"{name}.lora_B.weight")
        assert a.shape[0] == r and b.shape[1] == r, name
        scaling = alpha / (math.sqrt(r) if self.lora.get("use_rslora") else r)
        return y + F.linear(F.linear(x, a), b) * scaling


def main():
    with open(sys.argv[1]) as file:
        given = {name: torch.tensor(rows) for name, rows in json.load(file).items()}
    for folder in sys.argv[3:]:
        model = LoraBert(folder, None if sys.argv[2] == "-" else sys.argv[2])
        outputs = model.outputs(model.encode(**given))
        outputs = {name: value.flatten().tolist() for name, value in outputs.items()}
        unused = sorted(name for name in set(model.weights) - model.used if "lora_" in name)
        print(json.dumps({"architecture": model.kind, "unused": unused, "outputs": outputs}))


if __name__ == "__main__":
    main()
