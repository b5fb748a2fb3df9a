"""The operations: PyTorch's expression, and wigbert's function beside it."""
from grammar import case, fn, ints, like, values

# Element by element: name, PyTorch's expression, kind of input.
UNARY = [
    *((n, f"torch.{n}(x)", "normal") for n in
      "abs cos erf exp exp2 expm1 neg relu sigmoid sin sinh cosh square tanh floor ceil "
      "round trunc frac sign atan logical_not".split()),
    *((n, f"torch.{n}(x)",
         "positive") for n in "log log2 log10 log1p reciprocal rsqrt sqrt".split()),
    *((n, f"torch.{n}(x)", "unit") for n in "acos asin tan".split()),
    ("gelu", "F.gelu(x)", "normal"), ("silu", "F.silu(x)", "normal"),
    ("softplus", "F.softplus(x)", "normal"), ("leaky_relu", "F.leaky_relu(x)", "normal"),
    ("elu", "F.elu(x)", "normal"), ("log_sigmoid", "F.logsigmoid(x)", "normal"),
    ("isnan", "torch.isnan(x)", "odd"), ("isinf", "torch.isinf(x)", "odd"),
    ("isfinite", "torch.isfinite(x)", "odd"),
]


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def unary(name, call, kind):
    x = {"normal": (3, 7), "odd": values(1, "nan", "inf", "-inf", -2)}.get(kind)
    return case(call, camel(name), "x", x=x or like(kind, 3, 7))


BINARY = [
    case(f"torch.{name}(a, b)", camel(name), "a", "b", a=(2, 3, 5), b=(3, 1))
    for name in "add sub mul div maximum minimum atan2 rsub".split()
] + [
    case(f"torch.{name}(a, b)", name, "a", "b", a=ints((4, 6), 3), b=ints((6,), 3))
    for name in "eq ne lt le gt ge".split()
] + [
    case(f"torch.{name}(a, b)", camel(name), "a", "b", a=ints((4, 6), 2), b=ints((6,), 2))
    for name in "logical_and logical_or logical_xor".split()
]

ELEMENTWISE = [unary(*row) for row in UNARY] + BINARY + [
    case("torch.nan_to_num(x, 0.5, 9, -9)", "nanToNum", "x", 0.5, 9, -9,
         x=values(1, "nan", "inf", "-inf", -2)),
    case("F.gelu(x, approximate='tanh')", "gelu", "x", "tanh", x=(3, 7)),
    case("x.pow(3)", "pow", "x", 3, x=(3, 7)),
    case("x.clamp(-0.5, 0.8)", "clamp", "x", -0.5, 0.8, x=(3, 7)),
    case("x * 2 + 3", "affine", "x", 2, 3, x=(3, 7)),
    case("torch.lerp(x, y, 0.3)", "lerp", "x", "y", 0.3, x=(3, 5), y=(3, 5)),
    case("torch.remainder(x, 0.7)", "remainder", "x", 0.7, x=(3, 5)),
    case("torch.fmod(x, 0.7)", "fmod", "x", 0.7, x=(3, 5)),
    case("torch.div(x, y, rounding_mode='floor')", "floorDivide", "x", "y", fixed=("x", "y"),
         x=(3, 5), y=like("positive", 5)),
    case("torch.where(m, a, b)", "where", "m", "a", "b", m=like("mask", 3, 5), a=(3, 5), b=(5,)),
    case("x.masked_fill(m, -3.0)", "maskedFill", "x", "m", -3, x=(2, 3, 5), m=like("mask", 3, 1)),
    case("x.float() * 2", "mul", fn("toFloat", "x"), 2, id="toFloat/int32", x=ints((3, 5), 9,
         -9)),
    case("x.int()", "toInt", "x", fixed=("x",), x=(3, 5)),
    case("a + b", "add", "a", "b", id="add/int32", a=ints((3, 5), 9, -9), b=ints((5,), 9)),
    *(case(f"(x * 1).{op}_(y)", f"{op}_", fn("mul", "x", 1), "y", fixed=("x", "y"),
           x=(3, 5), y=(5,))
      for op in "add sub mul div copy".split()),
    case("(x * 1).clamp_(-0.5, 0.8)", "clamp_", fn("mul", "x", 1), -0.5, 0.8, fixed=("x",),
         x=(3, 5)),
    case("(x * 1).lerp_(y, 0.3)", "lerp_", fn("mul", "x", 1), "y", 0.3, fixed=("x", "y"), x=(3, 5),
         y=(3, 5)),
    *(case(f"(x * 1).{op}_(y, z, value=0.5)", f"{op}_", fn("mul", "x", 1), "y", "z", 0.5,
           fixed=("x", "y", "z"), x=(3, 5), y=(5,), z=like("positive", 3, 1))
      for op in ("addcmul", "addcdiv")),
    case("(x * 1).zero_()", "zero_", fn("mul", "x", 1), fixed=("x",), x=(3, 5)),
    case("(x * 1).fill_(2.5)", "fill_", fn("mul", "x", 1), 2.5, fixed=("x",), x=(3, 5)),
    case("x.clone() * 2", "mul", fn("clone", "x"), 2, id="clone", x=(3, 5)),
    case("x * x.detach()", "mul", "x", fn("detach", "x"), id="detach", x=(3, 5)),
]

REDUCTIONS = [
    *(case(f"torch.{name}(x, dim=1)", name, "x", 1, x=(3, 7, 2))
      for name in ("sum mean amax amin prod cumsum logsumexp norm std var nansum nanmean "
                   "cumprod logcumsumexp cummax cummin median").split()),
    case("torch.kthvalue(x, 2, dim=1)", "kthvalue", "x", 2, 1, x=(3, 7)),
    case("torch.nansum(x)", "nansum", "x", x=values(1, "nan", -2)),
    *(case(f"torch.{name}(x)", name, "x", x=(3,
         7)) for name in "sum mean prod max min std var".split()),
    case("torch.sum(x, dim=(0, 2), keepdim=True)", "sum", "x", [0, 2], True, x=(3, 7, 2)),
    case("torch.var(x, dim=-1, unbiased=False)", "variance", "x", -1, False, x=(3, 7)),
    case("torch.linalg.vector_norm(x, 3, dim=-1)", "vectorNorm", "x", 3, -1, x=(3, 7)),
    case("torch.max(x, 1)", "max", "x", 1, x=(3, 7, 2)),
    case("torch.min(x, -1, keepdim=True)", "min", "x", -1, True, x=(3, 7)),
    case("torch.max(x, y)", "max", "x", "y", x=(3, 7), y=(7,)),
    case("torch.argmax(x, dim=1)", "argmax", "x", 1, x=(3, 7)),
    case("torch.argmin(x, dim=0, keepdim=True)", "argmin", "x", 0, True, x=(3, 7)),
    case("torch.any(m, dim=1)", "any", "m", 1, m=like("mask", 5, 2)),
    case("torch.all(m, dim=1)", "all", "m", 1, m=like("mask", 5, 2)),
    case("torch.sort(x, dim=1, descending=True)", "sort", "x", 1, True, x=(3, 7)),
    case("torch.argsort(x, dim=0)", "argsort", "x", 0, x=(7, 3)),
    case("torch.topk(x, 3, dim=-1)", "topk", "x", 3, x=(4, 9)),
    case("F.normalize(x, dim=-1)", "normalize", "x", 2, -1, x=(3, 7)),
    case("F.cosine_similarity(a, b)", "cosineSimilarity", "a", "b", a=(3, 7), b=(3, 7)),
    case("F.softmax(x, dim=-1)", "softmax", "x", x=(3, 7)),
    case("F.softmax(x, dim=0)", "softmax", "x", 0, x=(3, 7)),
    case("F.log_softmax(x, dim=-1)", "logSoftmax", "x", x=(3, 7)),
    case("F.softmax(x * 0.5 + m, dim=-1)", "maskedSoftmax", "x", "m", 0.5, fixed=("m",),
         x=(2, 2, 3, 5), m=(2, 1, 1, 5)),
]

VIEWS = [
    case("x.reshape(4, -1) * y", "mul", fn("reshape", "x", [4, -1]), "y", id="reshape", x=(2, 6),
         y=(3,)),
    case("x.view(3, 4) * y", "mul", fn("view", "x", [3, 4]), "y", id="view", x=(2, 6), y=(4,)),
    case("x.transpose(0, 1).contiguous() * 2", "mul", fn("contiguous", fn("transpose", "x", 0,
         1)), 2,
         id="contiguous", x=(3, 5)),
    case("x.flatten(1)", "flatten", "x", 1, x=(2, 3, 4)),
    case("x.permute(2, 0, 1)", "permute", "x", [2, 0, 1], x=(2, 3, 4)),
    case("x.transpose(0, 2)", "transpose", "x", 0, 2, x=(2, 3, 4)),
    case("x.movedim(0, 2)", "movedim", "x", 0, 2, x=(2, 3, 4)),
    case("x.expand(4, 3, 5)", "expand", "x", [4, 3, 5], x=(3, 1)),
    case("x.squeeze(1)", "squeeze", "x", 1, x=(3, 1, 5)),
    case("x.unsqueeze(0)", "unsqueeze", "x", 0, x=(3, 5)),
    case("x[1:, ::2]", "slice", "x", [[1, None], [0, None, 2]], x=(4, 7)),
    case("x.select(1, 2)", "select", "x", 1, 2, x=(3, 5)),
    case("x.flip([0, 1])", "flip", "x", [0, 1], x=(3, 5)),
    case("x.diagonal(1)", "diagonal", "x", 1, x=(4, 5)),
    case("torch.as_strided(x, (3, 2), (1, 2))", "asStrided", "x", [3, 2], [1, 2], 0,
         fixed=("x",), x=(2, 4)),
    case("torch.cat([a, b], 1)", "cat", ["a", "b"], 1, a=(3, 2), b=(3, 5)),
    case("torch.stack([a, b], 1)", "stack", ["a", "b"], 1, a=(3, 2), b=(3, 2)),
    case("x.split([2, 3], 1)", "split", "x", [2, 3], 1, x=(3, 5)),
    case("x.chunk(3)", "chunk", "x", 3, x=(7, 2)),
    case("x.unbind(1)", "unbind", "x", 1, x=(3, 2)),
    case("F.pad(x, (1, 2, 0, 1), value=0.5)", "pad", "x", [1, 2, 0, 1], 0.5, x=(3, 4)),
    case("torch.tril(x, 1)", "tril", "x", 1, x=(4, 5)),
    case("torch.triu(x, -1)", "triu", "x", -1, x=(2, 4, 5)),
    case("x.repeat(2, 3)", "repeat", "x", [2, 3], x=(3, 2)),
    case("torch.tile(x, (2,))", "tile", "x", [2], x=(3, 2)),
    case("torch.repeat_interleave(x, 2, dim=1)", "repeatInterleave", "x", 2, 1, x=(3, 4)),
    case("torch.roll(x, (1, -2), (0, 1))", "roll", "x", [1, -2], [0, 1], x=(3, 5)),
]

INDEXING = [
    case("F.embedding(i, w, padding_idx=0)", "embedding", "i", "w", 0, i=ints((2, 5), 6), w=(6,
         4)),
    case("F.embedding_bag(i, w, mode='sum')", "embeddingBag", "i", "w", {"mode": "sum"},
         i=ints((3, 4), 6), w=(6, 4)),
    case("F.embedding_bag(i, w, mode='max')", "embeddingBag", "i", "w", {"mode": "max"},
         i=ints((3, 4), 6), w=(6, 4)),
    case("torch.index_select(x, 1, i)", "indexSelect", "x", 1, "i", x=(3, 5), i=ints((4,), 5)),
    case("torch.gather(x, 1, i)", "gather", "x", 1, "i", x=(3, 5), i=ints((3, 2), 5)),
    case("torch.take_along_dim(x, i, 1)", "takeAlongDim", "x", "i", 1, x=(3, 5), i=ints((3, 2),
         5)),
    case("torch.scatter(x, 1, i, y)", "scatter", "x", 1, "i", "y", x=(2, 5), y=(2, 2),
         i=values([3, 0], [1, 4], dtype="int32")),
    case("torch.scatter_add(x, 1, i, y)", "scatterAdd", "x", 1, "i", "y", x=(3, 5), y=(3, 4),
         i=ints((3, 4), 5)),
    case("torch.index_add(x, 0, i, y, alpha=2)", "indexAdd", "x", 0, "i", "y", 2, x=(4, 3), y=(5,
         3),
         i=ints((5,), 4)),
    case("torch.index_copy(x, 0, i, y)", "indexCopy", "x", 0, "i", "y", x=(4, 3), y=(2, 3),
         i=values(2, 0, dtype="int32")),
    case("x[i, j]", "index", "x", ["i", "j"], x=(4, 5), i=ints((6,), 4), j=ints((6,), 5)),
    case("torch.index_put(x, (i,), y, accumulate=True)", "indexPut", "x", ["i"], "y", True,
         x=(4, 3), y=(5, 3), i=ints((5,), 4)),
    case("torch.masked_select(x, m)", "maskedSelect", "x", "m", fixed=("x",), x=(3, 5),
         m=like("mask", 3, 5)),
    case("torch.nonzero(m)", "nonzero", "m", m=like("mask", 3, 5)),
    case("F.one_hot(i, 5)", "oneHot", "i", 5, i=ints((2, 3), 5)),
]

CREATION = [
    case("torch.arange(9)", "arange", 9), case("torch.linspace(-1, 2, 7)", "linspace", -1, 2, 7),
    case("torch.eye(3, 5)", "eye", 3, 5), case("torch.full((2, 3), 1.5)", "full", [2, 3], 1.5),
    case("torch.ones(2, 3)", "ones", [2, 3]), case("torch.zeros(2, 3)", "zeros", [2, 3]),
    case("torch.full_like(x, 2.5)", "fullLike", "x", 2.5, fixed=("x",), x=(2, 3)),
    case("torch.ones_like(x)", "onesLike", "x", fixed=("x",), x=(2, 3)),
    case("torch.zeros_like(x)", "zerosLike", "x", fixed=("x",), x=(2, 3)),
]

PRODUCTS = [
    case("torch.matmul(a, b)", "matmul", "a", "b", id=f"matmul/{a}@{b}", a=a, b=b)
    for a, b in [((7,), (7,)), ((3, 7), (7,)), ((5, 7), (7, 4)), ((2, 1, 3, 7), (3, 7, 2)), ((33,
         17), (17, 65))]
] + [
    case("torch.matmul(a.transpose(0, 1), b)", "matmul", fn("transpose", "a", 0, 1), "b", a=(7,
         5), b=(7, 3)),
    case("torch.bmm(a, b)", "bmm", "a", "b", a=(2, 3, 5), b=(2, 5, 4)),
    case("torch.outer(a, b)", "outer", "a", "b", a=(3,), b=(5,)),
    case("torch.einsum('bij,bkj->bik', a, b)", "einsum", "bij,bkj->bik", "a", "b", a=(2, 3, 5),
         b=(2, 4, 5)),
    case("torch.einsum('ij,ij->', a, b)", "einsum", "ij,ij->", "a", "b", a=(3, 5), b=(3, 5)),
    case("F.linear(x, w, b)", "linear", "x", "w", "b", x=(2, 3, 7), w=(5, 7), b=(5,)),
    case("F.gelu(F.linear(x, w, b))", "linear", "x", "w", "b", "gelu", x=(4, 7), w=(5, 7),
         b=(5,)),
    case("F.layer_norm(x, (7,), w, b, 1e-5)", "layerNorm", "x", [7], "w", "b", 1e-5, x=(2, 3, 7),
         w=(7,), b=(7,)),
    case("F.layer_norm(x + r, (7,), w, b, 1e-5)", "dropoutAddLayerNorm", "x", "r", "w", "b",
         x=(3, 7), r=(3, 7), w=(7,), b=(7,)),
    case("F.softmax(q @ k.transpose(-1, -2) / math.sqrt(8) + m, -1) @ v",
         "scaledDotProductAttention",
         "q", "k", "v", {"attnMask": "m"}, fixed=("m",),
         q=(2, 2, 5, 8), k=(2, 2, 7, 8), v=(2, 2, 7, 8), m=(2, 1, 1, 7)),
    case("F.softmax((q @ k.transpose(-1, -2) / math.sqrt(8)).masked_fill("
         "torch.ones(5, 5).triu(1).bool(), -math.inf), -1) @ v", "scaledDotProductAttention",
         "q", "k", "v", {"isCausal": True}, id="scaledDotProductAttention/causal",
         q=(1, 2, 5, 8), k=(1, 2, 5, 8), v=(1, 2, 5, 8)),
    case("F.conv1d(x, w, b, stride=2, padding=1)", "conv1d", "x", "w", "b",
         {"stride": 2, "padding": 1},
         x=(2, 3, 9), w=(4, 3, 3), b=(4,)),
    case("F.conv2d(x, w, None, padding=1, dilation=2, groups=2)", "conv2d", "x", "w", None,
         {"padding": 1, "dilation": 2, "groups": 2}, x=(2, 4, 6, 7), w=(6, 2, 3, 2)),
    case("F.max_pool1d(x, 3, stride=2, padding=1)", "maxPool1d", "x", 3, {"stride": 2,
         "padding": 1}, x=(2, 3, 9)),
    case("F.max_pool2d(x, 2)", "maxPool2d", "x", 2, x=(2, 3, 6, 5)),
    case("F.avg_pool1d(x, 3, stride=2)", "avgPool1d", "x", 3, {"stride": 2}, x=(2, 3, 9)),
    case("F.avg_pool2d(x, 2, padding=1)", "avgPool2d", "x", 2, {"padding": 1}, x=(2, 3, 6, 5)),
    case("F.adaptive_avg_pool1d(x, 4)", "adaptiveAvgPool1d", "x", 4, x=(2, 3, 9)),
    case("F.adaptive_avg_pool2d(x, (3, 2))", "adaptiveAvgPool2d", "x", [3, 2], x=(2, 3, 7, 5)),
    case("F.adaptive_max_pool1d(x, 4)", "adaptiveMaxPool1d", "x", 4, x=(2, 3, 9)),
    case("F.adaptive_max_pool2d(x, (3, 2))", "adaptiveMaxPool2d", "x", [3, 2], x=(2, 3, 7, 5)),
]

LOSSES = [
    case("F.cross_entropy(x, y)", "crossEntropy", "x", "y", x=(5, 4), y=values(0, 3, -100, 1, 2,
         dtype="int32")),
    case("F.cross_entropy(x, y, label_smoothing=0.1, reduction='sum')", "crossEntropy", "x", "y",
         {"labelSmoothing": 0.1, "reduction": "sum"}, x=(5, 4), y=ints((5,), 4)),
    case("F.nll_loss(F.log_softmax(x, -1), y)", "nllLoss", fn("logSoftmax", "x"), "y", x=(5, 4),
         y=ints((5,), 4)),
    case("F.ctc_loss(F.log_softmax(x, 2), y, (7, 5, 6), (3, 2, 0))", "ctcLoss",
         fn("logSoftmax", "x", 2), "y", [7, 5, 6], [3, 2, 0], x=(7, 3, 5),
         y=values(1, 1, 4, 2, 3, dtype="int32")),
    case("F.ctc_loss(F.log_softmax(x, 2), y, (9, 8), (4, 3), blank=2, reduction='sum')", "ctcLoss",
         fn("logSoftmax", "x", 2), "y", [9, 8], [4, 3], {"blank": 2, "reduction": "sum"},
         x=(9, 2, 4), y=ints((2, 4), 2)),
    case("F.cross_entropy(F.linear(x, w, b), y)", "linearCrossEntropy", "x", "w", "b", "y",
         x=(6, 5), w=(9, 5), b=(9,), y=ints((6,), 9)),
    case("F.mse_loss(x, y)", "mseLoss", "x", "y", x=(3, 5), y=(3, 5)),
    case("F.l1_loss(x, y, reduction='sum')", "l1Loss", "x", "y", "sum", x=(3, 5), y=(3, 5)),
    case("F.smooth_l1_loss(x, y, beta=0.7)", "smoothL1Loss", "x", "y", {"beta": 0.7}, x=(3, 5),
         y=(3, 5)),
    case("F.huber_loss(x, y, delta=0.7)", "huberLoss", "x", "y", {"delta": 0.7}, x=(3, 5), y=(3,
         5)),
    case("F.kl_div(F.log_softmax(x, -1), y, reduction='batchmean')", "klDiv", fn("logSoftmax",
         "x"), "y",
         {"reduction": "batchmean"}, fixed=("y",), x=(3, 5), y=like("probability", 3, 5)),
    case("F.binary_cross_entropy(x, y)", "binaryCrossEntropy", "x", "y", fixed=("y",),
         x=like("probability", 3, 5), y=like("probability", 3, 5)),
    case("F.binary_cross_entropy_with_logits(x, y, pos_weight=w)",
         "binaryCrossEntropyWithLogits", "x", "y",
         {"posWeight": "w"}, fixed=("y", "w"), x=(3, 5), y=like("probability", 3, 5),
         w=like("positive", 5)),
]

CASES = ELEMENTWISE + REDUCTIONS + VIEWS + INDEXING + CREATION + PRODUCTS + LOSSES
