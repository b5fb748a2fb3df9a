"""The tiny BERT with each head: checkpoints, outputs, gradients and training runs."""
import copy

import numpy as np
import torch
import torch.nn.functional as F

from bert import (
    CONFIG, BertForMultipleChoice, BertForPreTraining, BertForQuestionAnswering,
    BertForSequenceClassification, BertForTokenClassification, BertModel,
)
from files import save_json, save_safetensors

LENGTHS = [14, 11, 6, 3]
LENGTH, BATCH, SIZE, IGNORED = 14, 4, CONFIG["hidden_size"], -100


def build(kind, *args, config=CONFIG):
    """A model with random weights, wider than BERT's own, so that each one shows in the output."""
    torch.manual_seed(7)
    model = kind(config, *args)
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.randn(value.shape) * 0.2 + float(name.endswith("LayerNorm.weight")))
    return model.eval()


def share_encoder(model, encoder):
    state = {n: v for n, v in encoder.state_dict().items() if n in model.bert.state_dict()}
    model.bert.load_state_dict(state)
    return model


def make_inputs():
    rng = np.random.default_rng(20)
    ids = rng.integers(5, CONFIG["vocab_size"], (BATCH, LENGTH))
    mask = (np.arange(LENGTH) < np.array(LENGTHS)[:, None]).astype(np.int64)
    ids = ids * mask
    masked = (rng.random((BATCH, LENGTH)) < 0.3) & (mask == 1)
    masked[:, 1] = True
    odd_mask = np.array([[1, 1, 0, 1, 1, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1, 0, 1]])
    choices = rng.integers(5, CONFIG["vocab_size"], (2, 3, 7))
    choice_mask = (np.arange(7) < np.array([[7, 4, 6], [3, 7, 5]])[..., None]).astype(np.int64)
    return {
        "input_ids": ids, "attention_mask": mask,
        "token_type_ids": (np.arange(LENGTH) >= np.array([[5], [7], [2], [3]])) * mask,
        "masked_input_ids": np.where(masked, 4, ids), "mlm_labels": np.where(masked, ids, IGNORED),
        "nsp_labels": np.array([0, 1, 1, 0]), "seqcls_labels": np.array([2, 0, 1, 0]),
        "multilabel_labels": rng.integers(0, 2, (BATCH, 3)).astype(np.float32),
        "regression_labels": rng.standard_normal(BATCH).astype(np.float32),
        "token_labels": np.where(mask == 1, rng.integers(0, 5, (BATCH, LENGTH)), IGNORED),
        "start_positions": np.array([3, 0, 5, 1]), "end_positions": np.array([7, 10, 5, 2]),
        "full_input_ids": rng.integers(5, 90, (1, CONFIG["max_position_embeddings"])),
        "odd_input_ids": rng.integers(5, 90, (2, 9)), "odd_attention_mask": odd_mask,
        "position_ids": np.tile(np.arange(9)[::-1], (2, 1)),
        "choice_input_ids": choices * choice_mask, "choice_attention_mask": choice_mask,
        "choice_labels": np.array([2, 0]),
        "up_last_hidden_state": rng.standard_normal((BATCH, LENGTH, SIZE)).astype(np.float32),
        "up_pooler_output": rng.standard_normal((BATCH, SIZE)).astype(np.float32),
    }


def grads_of(model, loss, prefix, into):
    model.zero_grad()
    loss.backward()
    for name, value in model.named_parameters():
        into[f"{prefix}/{name}"] = value.grad.clone()


class Answers:
    def __init__(self):
        self.arrays = make_inputs()
        self.given = {name: torch.tensor(value) for name, value in self.arrays.items()}
        g = self.given
        self.main = {n: g[n] for n in ("input_ids", "attention_mask", "token_type_ids")}
        self.masked = {**self.main, "input_ids": g["masked_input_ids"]}
        self.encoder = build(BertModel)
        kinds = {
            "pretraining": (BertForPreTraining,),
            "sequence-classification": (BertForSequenceClassification, 3),
            "regression": (BertForSequenceClassification, 1),
            "token-classification": (BertForTokenClassification, 5),
            "question-answering": (BertForQuestionAnswering,),
            "multiple-choice": (BertForMultipleChoice, 1),
        }
        self.models = {n: share_encoder(build(*kind), self.encoder) for n, kind in kinds.items()}
        self.outputs, self.grads = {}, {}

    def save_models(self, folder):
        labels = {"sequence-classification": 3, "regression": 1, "token-classification": 5}
        for name, model in self.models.items():
            config = {"architectures": [type(model).__name__], **CONFIG}
            if name in labels:
                config["id2label"] = {str(i): f"LABEL_{i}" for i in range(labels[name])}
                config["label2id"] = {f"LABEL_{i}": i for i in range(labels[name])}
            save_json(f"{folder}/{name}/config.json", dict(sorted(config.items())), indent=1)
            weights = {n: v.detach().numpy() for n, v in model.named_parameters()}
            save_safetensors(f"{folder}/{name}/model.safetensors", weights, {"format": "pt"})

    def encoder_outputs(self):
        g, out = self.given, self.outputs
        variants = {f"act-{name}": {"hidden_act": name} for name in ("gelu_new", "relu")}
        variants["eps-0.1"] = {"layer_norm_eps": 0.1}
        made = {"main": self.encoder(**self.main), "full": self.encoder(g["full_input_ids"])}
        made["odd"] = self.encoder(g["odd_input_ids"], g["odd_attention_mask"])
        made["positions"] = self.encoder(g["odd_input_ids"], position_ids=g["position_ids"])
        for name, change in variants.items():
            made[name] = build(BertModel, config={**CONFIG, **change})(**self.main)
        for name, result in made.items():
            out[f"{name}/last_hidden_state"] = result["last"]
            if name != "positions":
                out[f"{name}/pooler_output"] = result["pooled"]
            if name in ("main", "odd"):
                for i, probs in enumerate(result["attentions"]):
                    out[f"{name}/attentions.{i}"] = probs
        for i, state in enumerate(made["main"]["states"]):
            out[f"main/hidden_states.{i}"] = state
        up = made["main"]["last"] * g["up_last_hidden_state"]
        pooled = made["main"]["pooled"] * g["up_pooler_output"]
        grads_of(self.encoder, up.sum() + pooled.sum(), "encoder_vjp", self.grads)

    def head_outputs(self):
        g, out, models = self.given, self.outputs, self.models
        result = self.pretraining_loss(models["pretraining"], everything=True)
        out.update(result)
        grads_of(models["pretraining"], result["pretraining/loss"], "pretraining", self.grads)
        model = models["sequence-classification"]
        logits = model(**self.main)
        out["seqcls/logits"] = logits
        targets = g["multilabel_labels"]
        out["multilabel/loss"] = F.binary_cross_entropy_with_logits(logits, targets)
        out["seqcls/loss"] = F.cross_entropy(logits, g["seqcls_labels"])
        grads_of(model, out["seqcls/loss"], "seqcls", self.grads)
        self.add("regression", models["regression"](**self.main), lambda scores: F.mse_loss(
            scores.squeeze(-1), g["regression_labels"]))
        self.add("tokcls", models["token-classification"](**self.main), lambda logits: (
            F.cross_entropy(logits.flatten(0, 1), g["token_labels"].flatten())))
        choices = {n: g[f"choice_{n}"] for n in ("input_ids", "attention_mask")}
        self.add("choice", models["multiple-choice"](**choices), lambda logits: F.cross_entropy(
            logits, g["choice_labels"]))
        self.spans(*models["question-answering"](**self.main))
        for name, head in [("regression", "regression"), ("tokcls", "token-classification"),
                           ("choice", "multiple-choice"), ("qa", "question-answering")]:
            grads_of(models[head], out[f"{name}/loss"], name, self.grads)

    def add(self, name, logits, loss):
        self.outputs[f"{name}/logits"] = logits
        self.outputs[f"{name}/loss"] = loss(logits)

    def spans(self, starts, ends):
        """A position beyond the text is ignored, as Hugging Face does by clamping to the length."""
        def loss(begin):
            first = F.cross_entropy(starts, begin.clamp(0, LENGTH), ignore_index=LENGTH)
            return (first + F.cross_entropy(ends, self.given["end_positions"])) / 2

        begin = self.given["start_positions"]
        beyond = torch.cat([torch.tensor([LENGTH]), begin[1:]])
        self.outputs.update({
            "qa/start_logits": starts, "qa/end_logits": ends, "qa/loss": loss(begin),
            "qa/loss_first_start_out_of_range": loss(beyond),
        })

    def pretraining_loss(self, model, everything=False):
        g = self.given
        result = model(g["mlm_labels"], g["nsp_labels"], **self.masked)
        return result if everything else result["pretraining/loss"]

    def seqcls_loss(self, model):
        return F.cross_entropy(model(**self.main), self.given["seqcls_labels"])

    def train(self, loss, name, schedule, into):
        """20 steps of AdamW on the one batch, with clipping."""
        warmup, total, lr = (4 if schedule == "warmup" else 0), 20, 1e-3
        model = copy.deepcopy(self.models[name])
        groups = [[], []]
        for parameter, value in model.named_parameters():
            groups[parameter.endswith(("bias", "LayerNorm.weight"))].append(value)
        optimizer = torch.optim.AdamW(
            [{"params": groups[0], "weight_decay": 0.01}, {"params": groups[1], "weight_decay": 0}],
            lr=lr, betas=(0.9, 0.999), eps=1e-8,
        )

        def factor(step):
            if step < warmup:
                return step / warmup
            return (total - step) / (total - warmup) if schedule == "warmup" else 1

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        losses, lrs, norms = [], [], []
        for step in range(1, total + 1):
            value = loss(model)
            losses.append(value.item())
            lrs.append(optimizer.param_groups[0]["lr"])
            optimizer.zero_grad()
            value.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
            optimizer.step()
            scheduler.step()
            if step in (1, 5):
                for parameter, weights in model.named_parameters():
                    into[f"step{step}/{parameter}"] = weights.detach().clone()
        losses.append(loss(model).item())
        return {
            "model": name, "optimizer": "AdamW", "lr": lr, "betas": [0.9, 0.999], "eps": 1e-8,
            "weight_decay": 0.01, "no_decay": "names ending in bias or LayerNorm.weight",
            "clip_grad_norm": 1.0, "schedule": schedule, "warmup_steps": warmup,
            "total_steps": total, "losses": losses, "lrs": lrs, "grad_norms": norms,
        }


def write(folder):
    answers = Answers()
    answers.save_models(folder)
    runs, weights = {}, {}
    kinds = {
        "seqcls": (answers.seqcls_loss, "sequence-classification"),
        "pretraining": (answers.pretraining_loss, "pretraining"),
    }
    for kind, (loss, name) in kinds.items():
        for schedule in ("constant", "warmup"):
            after = {}
            runs[f"{kind}-{schedule}"] = answers.train(loss, name, schedule, after)
            weights.update({f"{kind}-{schedule}/{n}": value for n, value in after.items()})
    answers.encoder_outputs()
    answers.head_outputs()
    save_json(f"{folder}/train.json", runs)
    save_safetensors(f"{folder}/inputs.safetensors", answers.arrays)
    named = {"outputs": answers.outputs, "grads": answers.grads, "train": weights}
    for file, tensors in named.items():
        arrays = {name: value.detach().numpy() for name, value in tensors.items()}
        save_safetensors(f"{folder}/{file}.safetensors", arrays)
