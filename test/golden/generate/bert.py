"""BERT in plain PyTorch, by Hugging Face's definition and with its names of weights (4.29)."""
import math

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = {
    "attention_probs_dropout_prob": 0.0, "classifier_dropout": None, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0, "hidden_size": 24, "initializer_range": 0.02,
    "intermediate_size": 40, "layer_norm_eps": 1e-12, "max_position_embeddings": 24,
    "model_type": "bert", "num_attention_heads": 3, "num_hidden_layers": 2, "pad_token_id": 0,
    "position_embedding_type": "absolute", "type_vocab_size": 2, "use_cache": True,
    "vocab_size": 90,
}


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


ACTIVATIONS = {"gelu": F.gelu, "gelu_new": gelu_new, "relu": F.relu}


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        size = c["hidden_size"]
        self.word_embeddings = nn.Embedding(c["vocab_size"], size, padding_idx=c["pad_token_id"])
        self.position_embeddings = nn.Embedding(c["max_position_embeddings"], size)
        self.token_type_embeddings = nn.Embedding(c["type_vocab_size"], size)
        self.LayerNorm = nn.LayerNorm(size, eps=c["layer_norm_eps"])

    def forward(self, ids, types, positions):
        if types is None:
            types = torch.zeros_like(ids)
        if positions is None:
            positions = torch.arange(ids.shape[1])[None]
        words = self.word_embeddings(ids) + self.token_type_embeddings(types)
        return self.LayerNorm(words + self.position_embeddings(positions))


class Output(nn.Module):
    def __init__(self, c, inputs):
        super().__init__()
        self.dense = nn.Linear(inputs, c["hidden_size"])
        self.LayerNorm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])

    def forward(self, x, residual):
        return self.LayerNorm(self.dense(x) + residual)


class SelfAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        size, self.heads = c["hidden_size"], c["num_attention_heads"]
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))

    def forward(self, x, mask):
        batch, length, size = x.shape

        def split(y):
            return y.view(batch, length, self.heads, -1).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = q @ k.transpose(-1, -2) / math.sqrt(size // self.heads)
        probs = (scores + mask).softmax(-1)
        return (probs @ v).transpose(1, 2).reshape(batch, length, size), probs


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self, self.output = SelfAttention(c), Output(c, c["hidden_size"])

    def forward(self, x, mask):
        context, probs = self.self(x, mask)
        return self.output(context, x), probs


class Intermediate(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dense = nn.Linear(c["hidden_size"], c["intermediate_size"])
        self.act = ACTIVATIONS[c["hidden_act"]]

    def forward(self, x):
        return self.act(self.dense(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attention, self.intermediate = Attention(c), Intermediate(c)
        self.output = Output(c, c["intermediate_size"])

    def forward(self, x, mask):
        x, probs = self.attention(x, mask)
        return self.output(self.intermediate(x), x), probs


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layer = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))


class Pooler(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dense = nn.Linear(c["hidden_size"], c["hidden_size"])

    def forward(self, x):
        return torch.tanh(self.dense(x[:, 0]))


class BertModel(nn.Module):
    def __init__(self, c, add_pooling_layer=True):
        super().__init__()
        self.embeddings, self.encoder = Embeddings(c), Encoder(c)
        self.pooler = Pooler(c) if add_pooling_layer else None

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, position_ids=None):
        x = self.embeddings(input_ids, token_type_ids, position_ids)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        mask = (1 - attention_mask[:, None, None].to(x.dtype)) * torch.finfo(x.dtype).min
        states, attentions = [x], []
        for layer in self.encoder.layer:
            x, probs = layer(x, mask)
            states.append(x)
            attentions.append(probs)
        pooled = self.pooler(x) if self.pooler else None
        return {"states": states, "attentions": attentions, "last": x, "pooled": pooled}


class Transform(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dense = nn.Linear(c["hidden_size"], c["hidden_size"])
        self.LayerNorm = nn.LayerNorm(c["hidden_size"], eps=c["layer_norm_eps"])
        self.act = ACTIVATIONS[c["hidden_act"]]

    def forward(self, x):
        return self.LayerNorm(self.act(self.dense(x)))


class Predictions(nn.Module):
    """The decoder's weight is the word embeddings'; only its bias is of its own."""

    def __init__(self, c):
        super().__init__()
        self.transform, self.bias = Transform(c), nn.Parameter(torch.zeros(c["vocab_size"]))


class PreTrainingHeads(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.predictions, self.seq_relationship = Predictions(c), nn.Linear(c["hidden_size"], 2)


class BertForPreTraining(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bert, self.cls = BertModel(c), PreTrainingHeads(c)

    def forward(self, mlm_labels, nsp_labels, **inputs):
        out = self.bert(**inputs)
        table = self.bert.embeddings.word_embeddings.weight
        head = self.cls.predictions
        logits = head.transform(out["last"]) @ table.T + head.bias
        related = self.cls.seq_relationship(out["pooled"])
        mlm = F.cross_entropy(logits.flatten(0, 1), mlm_labels.flatten())
        nsp = F.cross_entropy(related, nsp_labels)
        return {
            "pretraining/loss": mlm + nsp, "mlm/loss": mlm, "nsp/loss": nsp,
            "pretraining/prediction_logits": logits,
            "pretraining/seq_relationship_logits": related,
        }


class BertForSequenceClassification(nn.Module):
    def __init__(self, c, labels):
        super().__init__()
        self.bert, self.classifier = BertModel(c), nn.Linear(c["hidden_size"], labels)

    def forward(self, **inputs):
        return self.classifier(self.bert(**inputs)["pooled"])


class BertForMultipleChoice(BertForSequenceClassification):
    def forward(self, **inputs):
        batch, choices = inputs["input_ids"].shape[:2]
        flat = {name: value.flatten(0, 1) for name, value in inputs.items()}
        return super().forward(**flat).view(batch, choices)


class BertForTokenClassification(nn.Module):
    def __init__(self, c, labels):
        super().__init__()
        self.bert = BertModel(c, add_pooling_layer=False)
        self.classifier = nn.Linear(c["hidden_size"], labels)

    def forward(self, **inputs):
        return self.classifier(self.bert(**inputs)["last"])


class BertForQuestionAnswering(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bert = BertModel(c, add_pooling_layer=False)
        self.qa_outputs = nn.Linear(c["hidden_size"], 2)

    def forward(self, **inputs):
        return self.qa_outputs(self.bert(**inputs)["last"]).unbind(-1)
