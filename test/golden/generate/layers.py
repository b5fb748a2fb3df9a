"""The layers of `nn`: PyTorch's module, and wigbert's beside it."""
from grammar import ints, layer

LAYERS = [
    layer("nn.Linear(5, 3)", "m(x)", "Linear", 5, 3, x=(2, 5)),
    layer("nn.Embedding(6, 4)", "m(x)", "Embedding", 6, 4, x=ints((2, 3), 6)),
    layer("nn.LayerNorm(5)", "m(x)", "LayerNorm", 5, x=(2, 3, 5)),
    layer("RMSNorm(5)", "m(x)", "RMSNorm", 5, x=(2, 3, 5)),
    layer("nn.GroupNorm(2, 4)", "m(x)", "GroupNorm", 2, 4, x=(2, 4, 5)),
    layer("nn.BatchNorm1d(4)", "m(x)", "BatchNorm1d", 4, x=(3, 4, 5)),
    layer("nn.BatchNorm2d(4)", "m(x)", "BatchNorm2d", 4, x=(2, 4, 3, 5)),
    layer("nn.Conv1d(4, 6, 3, padding=1, groups=2)", "m(x)", "Conv1d", 4, 6, 3, {"padding": 1,
         "groups": 2},
          x=(2, 4, 7)),
    layer("nn.Conv2d(3, 4, (3, 2), stride=2)", "m(x)", "Conv2d", 3, 4, [3, 2], {"stride": 2},
         x=(2, 3, 7, 6)),
    *(layer(f"nn.{kind}(4, 5, num_layers=2, batch_first=True, bidirectional=True)", "m(x)", kind,
         4, 5,
            {"numLayers": 2, "batchFirst": True, "bidirectional": True}, x=(2, 6, 4))
      for kind in ["LSTM", "GRU", "RNN"]),
    *(layer(f"nn.{kind}(4, 5)", "m(x)", kind, 4, 5, x=(3, 4)) for kind in ["LSTMCell", "GRUCell",
         "RNNCell"]),
    layer("nn.MultiheadAttention(8, 2, batch_first=True)", "m(q, k, k)", "MultiheadAttention", 8,
         2,
          {"batchFirst": True}, forward=("q", "k", "k"), q=(2, 5, 8), k=(2, 7, 8)),
    layer("nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)", "m(x)",
          "TransformerEncoderLayer", 8, 2, {"dimFeedforward": 12, "dropout": 0,
          "batchFirst": True}, x=(2, 5, 8)),
    *(layer("nn.TransformerDecoderLayer(8, 2, 12, dropout=0.0, batch_first=True, "
            f"norm_first={first})", "m(x, y)",
            "TransformerDecoderLayer", 8, 2, {"dimFeedforward": 12, "dropout": 0,
            "batchFirst": True, "normFirst": first}, forward=("x", "y"), x=(2, 5, 8), y=(2, 3, 8))
      for first in (False, True)),
    layer("nn.Transformer(8, 2, 1, 2, 12, dropout=0.0)",
          "m(x, y)", "Transformer",
          {"dModel": 8, "nhead": 2, "numEncoderLayers": 1, "numDecoderLayers": 2,
          "dimFeedforward": 12, "dropout": 0}, forward=("x", "y"),
          x=(5, 2, 8), y=(4, 2, 8)),
]
