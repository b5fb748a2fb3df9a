"""The recipe of docs/results.md in PyTorch, without wigbert: a folder of BERT's weights is fine-tuned
and measured. `python3 recipe.py TASK TRAIN VALID TEST [EPOCHS] [MAX_LENGTH]`; TASK is `regression` or
`classification`, VALID a file or the share that is set aside, TEST a file or `-`."""
import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/golden/generate"))
import bert  # noqa: E402
from bert_tokenizer import BertTokenizer  # noqa: E402

MODEL = ROOT / "models/bert-tiny-ko"
BATCH, RATE, WARMUP, DECAY, SEED = 32, 3e-4, 0.1, 0.01, 42
COLUMNS = {"text": ["document", "sentence1"], "pair": ["sentence2"],
           "label": ["label", "gold_label", "score"]}


class SelfAttention(bert.SelfAttention):
    """With dropout on the probabilities, as BERT is trained."""

    def forward(self, x, mask):
        batch, length, size = x.shape
        q, k, v = (
            part(x).view(batch, length, self.heads, -1).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = q @ k.transpose(-1, -2) / (size // self.heads) ** 0.5 + mask
        probs = F.dropout(scores.softmax(-1), 0.1, self.training)
        return (probs @ v).transpose(1, 2).reshape(batch, length, size), probs


def read_weights(path):
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    types = {"F16": np.float16, "F32": np.float32}
    return {
        name: torch.tensor(np.frombuffer(raw[end:], types[of["dtype"]], np.prod(of["shape"], dtype=int),
                                         of["data_offsets"][0]).reshape(of["shape"]).astype(np.float32))
        for name, of in json.loads(raw[8:end]).items() if name != "__metadata__"
    }


def make_model(outputs):
    bert.SelfAttention = SelfAttention
    config = json.loads((MODEL / "config.json").read_text())
    model = bert.BertForSequenceClassification(config, outputs)
    for layer in (model.bert.pooler.dense, model.classifier):
        nn.init.normal_(layer.weight, std=config["initializer_range"])
        nn.init.zeros_(layer.bias)
    weights = read_weights(MODEL / "model.safetensors")
    missing = model.load_state_dict(weights, strict=False).missing_keys
    assert all("pooler" in name or "classifier" in name for name in missing), missing
    for name, module in model.named_modules():
        if name.endswith("output.dense"):
            module.register_forward_hook(lambda m, _, y: F.dropout(y, 0.1, m.training))
    for module in (model.bert.embeddings,):
        module.register_forward_hook(lambda m, _, y: F.dropout(y, 0.1, m.training))
    model.classifier.register_forward_pre_hook(lambda m, x: F.dropout(x[0], 0.1, m.training))
    return model


def read(path, tokenizer, length):
    lines = Path(path).read_text("utf8").rstrip("\n").split("\n")
    header = lines[0].split("\t")
    at = {name: next((header.index(c) for c in of if c in header), None) for name, of in COLUMNS.items()}
    rows = []
    for line in lines[1:]:
        cells = line.split("\t")
        if not cells[at["text"]]:
            continue
        pair = None if at["pair"] is None else cells[at["pair"]]
        encoded = tokenizer.encode(cells[at["text"]], pair, truncation="longest_first", max_length=length)
        rows.append((encoded["input_ids"], encoded["token_type_ids"], cells[at["label"]]))
    return rows


def collate(rows, label):
    longest = max(len(ids) for ids, _, _ in rows)
    fill = lambda part: torch.tensor([list(x) + [0] * (longest - len(x)) for x in part])  # noqa: E731
    inputs = {"input_ids": fill([ids for ids, _, _ in rows]),
              "token_type_ids": fill([types for _, types, _ in rows]),
              "attention_mask": fill([[1] * len(ids) for ids, _, _ in rows])}
    return inputs, torch.tensor([label(row[2]) for row in rows])


def batches(rows, shuffle):
    """Like Hugging Face's `group_by_length`: sorted by length within 50 batches."""
    order = list(rows)
    if shuffle:
        random.shuffle(order)
    chunks = [sorted(order[i:i + 50 * BATCH], key=lambda row: len(row[0]))
              for i in range(0, len(order), 50 * BATCH)]
    flat = [row for chunk in chunks for row in chunk]
    made = [flat[i:i + BATCH] for i in range(0, len(flat), BATCH)]
    if shuffle:
        random.shuffle(made)
    return made


def ranks(values):
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


@torch.no_grad()
def measure(model, rows, label, is_score):
    model.eval()
    outputs, truth = [], []
    for batch in batches(rows, False):
        inputs, labels = collate(batch, label)
        outputs.append(model(**inputs))
        truth.append(labels)
    outputs, truth = torch.cat(outputs), torch.cat(truth)
    if is_score:
        return np.corrcoef(ranks(outputs[:, 0].numpy()), ranks(truth.numpy()))[0, 1]
    return (outputs.argmax(-1) == truth).float().mean().item()


def main(task, train, valid, test, epochs="3", length="39"):
    random.seed(SEED)
    torch.manual_seed(SEED)
    vocab = (MODEL / "vocab.txt").read_text("utf8").split("\n")[:-1]
    options = json.loads((MODEL / "tokenizer_config.json").read_text())
    tokenizer = BertTokenizer(vocab, options["do_lower_case"], options.get("strip_accents"))
    rows = read(train, tokenizer, int(length))
    if Path(valid).exists():
        held = read(valid, tokenizer, int(length))
    else:
        random.shuffle(rows)
        cut = round(len(rows) * float(valid))
        rows, held = rows[cut:], rows[:cut]
    is_score = task == "regression"
    names = sorted({row[2] for row in rows})
    label = float if is_score else names.index
    model = make_model(1 if is_score else len(names))
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    others = [p for p in model.parameters() if all(p is not q for q in plain)]
    groups = [{"params": others, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    total = int(epochs) * -(-len(rows) // BATCH)
    warmup = -(-total // int(1 / WARMUP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: i / warmup if i < warmup else (total - i) / (total - warmup))
    best, kept = -1, None
    for epoch in range(int(epochs)):
        model.train()
        losses = []
        for batch in batches(rows, True):
            inputs, labels = collate(batch, label)
            out = model(**inputs)
            loss = F.mse_loss(out[:, 0], labels) if is_score else F.cross_entropy(out, labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        score = measure(model, held, label, is_score)
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, validation {score:.4f}", flush=True)
        if score > best:
            best, kept = score, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    print(f"best validation {best:.4f}")
    if test != "-":
        print(f"test {measure(model, read(test, tokenizer, int(length)), label, is_score):.4f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
