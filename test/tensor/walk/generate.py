"""Writes cases.json: each operation with PyTorch's results and gradients. /usr/bin/python3 test/tensor/walk/generate.py

A line is op(name, torch expression of a, b, c, …, inputs, arguments in JavaScript). In arguments "$a" is a tensor.
"""

import json
import os
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.simplefilter("ignore")
torch.manual_seed(5)
N = lambda *s: ("f", torch.randn(*s))
P = lambda *s: ("f", torch.rand(*s) * 1.5 + 0.5)
U = lambda *s: ("f", torch.rand(*s) * 1.6 - 0.8)
I = lambda n, *s: ("i", torch.randint(0, n, s))
V = lambda *v: ("i", torch.tensor(v))
M = lambda *s: ("b", torch.rand(*s) > 0.5)
S = lambda *s: ("f", torch.where(torch.rand(*s) > 0.5, 1.0, -1.0))
X = N(3, 4)
cases = []


def numbers(t):
    return [round(v, 7) if abs(v) < 1e7 else v for v in t.detach().to(torch.float64).flatten().tolist()]


def run(expression, inputs):
    names = "abcdefgh"
    scope = {names[i]: t for i, t in enumerate(inputs)}
    out = eval(expression, {"torch": torch, "F": F, "nn": nn}, scope)
    return [t for t in (out if isinstance(out, (list, tuple)) else [out])]


def op(name, expression, *inputs, js=None, grad=True, alone=None):
    leaves = [
        t.clone().double().requires_grad_(grad and kind == "f") if kind in "fn" else t for kind, t in inputs
    ]
    outs = run(expression, leaves)
    case = {"name": name, "inputs": [{"kind": k, "shape": list(t.shape), "data": numbers(t)} for k, t in inputs]}
    case["args"] = js if js is not None else ["$" + "abcdefgh"[i] for i in range(len(inputs))]
    case["outputs"] = [{"shape": list(t.shape), "data": numbers(t)} for t in outs]
    floats = [t for t in outs if t.is_floating_point() and t.requires_grad]
    if grad and floats:
        weights = [torch.arange(t.numel()).reshape(t.shape) % 5 - 1.5 for t in floats]
        total = sum((t * w).sum() for t, w in zip(floats, weights))
        total.backward()
        case["grads"] = [numbers(t.grad) if k == "f" and t.grad is not None else None for (k, _), t in zip(inputs, leaves)]
    for what, change in (("empty", lambda t: t[:0] if t.dim() else t), ("scalar", lambda t: t.flatten()[0] if t.numel() else t)):
        try:
            case[what] = [list(t.shape) for t in run(expression, [change(t) for _, t in inputs])]
        except Exception:
            case[what] = None
    cases.append(case)


def auto(names, *inputs, pre="torch.", **rest):
    for name in names.split():
        snake = "".join("_" + c.lower() if c.isupper() else c for c in name)
        op(name, f"{pre}{snake}({', '.join('abcdefgh'[: len(inputs)])})", *inputs, **rest)


auto("abs cos cosh erf erfc exp exp2 expm1 floor ceil round trunc frac neg sigmoid sign sin sinc sinh square tan tanh "
     "relu asinh atan deg2rad rad2deg ravel clone t", X)
auto("log log10 log1p log2 sqrt rsqrt reciprocal", P(3, 4))
auto("asin acos atanh", U(3, 4))
op("acosh", "torch.acosh(a)", ("f", torch.rand(3, 4) + 1.5))
op("logit", "torch.logit(a)", ("f", torch.rand(3, 4) * 0.8 + 0.1))
auto("softplus gelu silu leakyRelu elu hardsigmoid hardswish hardtanh relu6 softsign mish celu selu "
     "tanhshrink hardshrink softshrink", ("f", torch.randn(3, 4) * 2), pre="F.")
op("logSigmoid", "F.logsigmoid(a)", X)
op("threshold", "F.threshold(a, 0.2, -3.)", X, js=["$a", 0.2, -3])
op("prelu", "F.prelu(a, b)", N(3, 4), P(4))
op("glu", "F.glu(a)", X)
op("softmin", "F.softmin(a, -1)", X)
op("softmax", "F.softmax(a, -1)", X, js=["$a", -1])
op("logSoftmax", "F.log_softmax(a, -1)", X, js=["$a", -1])
auto("add sub mul maximum minimum logaddexp hypot atan2", N(3, 4), N(4))
auto("div fmod remainder", N(3, 4), P(4))
op("floorDivide", "torch.floor_divide(a, b)", N(3, 4), P(4), grad=False)
op("rsub", "torch.rsub(a, b)", N(3, 4), N(4))
op("xlogy", "torch.xlogy(a, b)", N(3, 4), P(4))
op("copysign", "torch.copysign(a, b)", N(3, 4), N(4))
op("heaviside", "torch.heaviside(a, b)", N(3, 4), N(4), grad=False)
op("pow", "a.pow(1.5)", P(3, 4), js=["$a", 1.5])
op("affine", "a * 3 - 1", X, js=["$a", 3, -1])
op("clamp", "a.clamp(-0.5, 0.7)", X, js=["$a", -0.5, 0.7])
op("clampMin", "a.clamp_min(0.1)", X, js=["$a", 0.1])
op("clampMax", "a.clamp_max(0.1)", X, js=["$a", 0.1])
op("lerp", "torch.lerp(a, b, 0.3)", N(3, 4), N(3, 4), js=["$a", "$b", 0.3])
op("nanToNum", "torch.nan_to_num(a, 1., 2., 3.)", ("f", torch.randn(3, 4)), js=["$a", 1, 2, 3])
auto("eq ne lt le gt ge", N(3, 4), N(4), grad=False)
auto("isnan isinf isfinite logicalNot", X, grad=False)
auto("logicalAnd logicalOr logicalXor", M(3, 4), M(4), grad=False)
auto("bitwiseAnd bitwiseOr bitwiseXor", I(99, 3, 4), I(99, 4), grad=False)
op("bitwiseNot", "torch.bitwise_not(a)", I(99, 3, 4), grad=False)
op("isclose", "torch.isclose(a, b, rtol=0.5, atol=0.1)", N(3, 4), N(4), js=["$a", "$b", {"rtol": 0.5, "atol": 0.1}], grad=False)
op("allclose", "torch.tensor(torch.allclose(a, b))", X, X, grad=False)
op("equal", "torch.tensor(torch.equal(a, b))", X, X, grad=False)
op("where", "torch.where(a, b, c)", M(3, 4), N(3, 4), N(4))
op("maskedFill", "a.masked_fill(b, 2.)", N(3, 4), M(3, 4), js=["$a", "$b", 2])
op("toFloat", "a.double()", I(9, 3, 4), grad=False)
op("toInt", "a.int()", X, grad=False)
# Reductions
auto("sum mean std amax amin prod", X)
op("sum", "a.sum(1, True)", X, js=["$a", 1, True])
op("mean", "a.mean(0)", X, js=["$a", 0])
op("variance", "a.var(1)", X, js=["$a", 1])
op("norm", "a.norm()", X)
op("vectorNorm", "torch.linalg.vector_norm(a, 3, 1)", X, js=["$a", 3, 1])
op("logsumexp", "a.logsumexp(1)", X, js=["$a", 1])
op("cumsum", "a.cumsum(1)", X, js=["$a", 1])
auto("argmax argmin any all countNonzero", X, grad=False)
op("normalize", "F.normalize(a)", X)
op("max", "a.max()", X)
op("min", "a.min()", X)
# Order
op("sort", "list(torch.sort(a, 1))", X, js=["$a", 1])
op("argsort", "torch.argsort(a, 0)", X, js=["$a", 0], grad=False)
op("topk", "list(torch.topk(a, 2, 1))", X, js=["$a", 2, 1])
op("searchsorted", "torch.searchsorted(a, b)", ("f", torch.arange(5.0)), N(3, 4), grad=False)
op("bucketize", "torch.bucketize(a, b)", N(3, 4), ("f", torch.arange(5.0)), grad=False)
# Shapes
op("reshape", "a.reshape(4, 3)", X, js=["$a", [4, 3]])
op("view", "a.view(4, 3)", X, js=["$a", [4, 3]])
op("flatten", "a.flatten()", X)
op("permute", "a.permute(1, 0)", X, js=["$a", [1, 0]])
op("transpose", "a.transpose(0, 1)", X, js=["$a", 0, 1])
op("swapaxes", "a.swapaxes(0, 1)", X, js=["$a", 0, 1])
op("movedim", "a.movedim(0, 1)", X, js=["$a", 0, 1])
op("moveaxis", "a.moveaxis(0, 1)", X, js=["$a", 0, 1])
op("expand", "a.expand(2, 3, 4)", X, js=["$a", [2, 3, 4]])
op("broadcastTo", "a.broadcast_to(2, 3, 4)", X, js=["$a", [2, 3, 4]])
op("broadcastTensors", "torch.broadcast_tensors(a, b)", N(3, 1), N(4))
op("squeeze", "a.squeeze(1)", N(3, 1), js=["$a", 1])
op("unsqueeze", "a.unsqueeze(1)", X, js=["$a", 1])
op("unflatten", "a.unflatten(1, (2, 2))", X, js=["$a", 1, [2, 2]])
op("slice", "a[1:3, ::2]", X, js=["$a", [[1, 3], [None, None, 2]]])
op("select", "a.select(0, -1)", X, js=["$a", 0, -1])
op("narrow", "a.narrow(1, 1, 2)", X, js=["$a", 1, 1, 2])
op("flip", "a.flip(0, 1)", X, js=["$a", [0, 1]])
for name, torch_name in (("fliplr", "fliplr"), ("flipud", "flipud"), ("triu", "triu"), ("tril", "tril"), ("diag", "diag"),
                         ("atleast1d", "atleast_1d"), ("atleast2d", "atleast_2d"), ("atleast3d", "atleast_3d")):
    op(name, f"torch.{torch_name}(a)", X)
op("rot90", "torch.rot90(a, 3)", X, js=["$a", 3])
op("diag", "torch.diag(a, -1)", N(3), js=["$a", -1])
op("diagEmbed", "torch.diag_embed(a, 1)", X, js=["$a", 1])
op("diagonal", "torch.diagonal(a, 1)", X, js=["$a", 1])
op("trace", "torch.trace(a)", X)
op("unfold", "a.unfold(1, 2, 1)", X, js=["$a", 1, 2, 1])
op("repeat", "a.repeat(2, 1)", X, js=["$a", [2, 1]])
op("tile", "a.tile(2)", X, js=["$a", [2]])
op("repeatInterleave", "a.repeat_interleave(2, 1)", X, js=["$a", 2, 1])
op("roll", "a.roll(1, 0)", X, js=["$a", 1, 0])
op("pad", "F.pad(a, (1, 2))", X, js=["$a", [1, 2]])
op("unbind", "a.unbind(1)", X, js=["$a", 1])
op("split", "a.split(3, 1)", X, js=["$a", 3, 1])
op("chunk", "a.chunk(2, 1)", X, js=["$a", 2, 1])
op("tensorSplit", "a.tensor_split(3, 1)", X, js=["$a", 3, 1])
for name in ("cat", "stack", "hstack", "vstack", "dstack"):
    op(name, f"torch.{name}([a, b])", N(3, 4), N(3, 4), js=[["$a", "$b"]])
op("meshgrid", "torch.meshgrid(a, b, indexing='xy')", N(3), N(2), js=[["$a", "$b"], {"indexing": "xy"}])
op("contiguous", "a.contiguous()", X)
# Products
auto("matmul mm", N(3, 4), N(4, 2))
op("mv", "torch.mv(a, b)", N(3, 4), N(4))
auto("dot outer inner", N(4), N(4))
op("bmm", "torch.bmm(a, b)", N(2, 3, 4), N(2, 4, 2))
op("linear", "F.linear(a, b, c)", N(3, 4), N(2, 4), N(2))
op("bilinear", "F.bilinear(a, b, c, d)", N(3, 4), N(3, 2), N(5, 4, 2), N(5))
op("einsum", "torch.einsum('ij,jk->ki', a, b)", N(3, 4), N(4, 2), js=["ij,jk->ki", "$a", "$b"])
auto("addcmul", N(3, 4), N(4), N(3, 1))
op("addcdiv", "torch.addcdiv(a, b, c, value=0.5)", N(3, 4), N(4), P(3, 1), js=["$a", "$b", "$c", 0.5])
op("addmm", "torch.addmm(a, b, c, beta=0.5, alpha=2)", N(2), N(3, 4), N(4, 2), js=["$a", "$b", "$c", 0.5, 2])
op("addmv", "torch.addmv(a, b, c)", N(3), N(3, 4), N(4))
op("baddbmm", "torch.baddbmm(a, b, c)", N(2, 3, 2), N(2, 3, 4), N(2, 4, 2))
op("tensordot", "torch.tensordot(a, b, 1)", N(3, 4), N(4, 2), js=["$a", "$b", 1])
op("kron", "torch.kron(a, b)", N(2, 3), N(2))
op("cross", "torch.cross(a, b, dim=-1)", N(2, 3), N(2, 3))
op("cdist", "torch.cdist(a, b)", N(3, 4), N(2, 4))
op("pairwiseDistance", "F.pairwise_distance(a, b)", N(3, 4), N(3, 4))
op("cosineSimilarity", "F.cosine_similarity(a, b)", N(3, 4), N(3, 4))
op("renorm", "torch.renorm(a, 2, 0, 1)", X, js=["$a", 2, 0, 1])
# Indices
op("gather", "a.gather(1, b)", N(3, 4), I(4, 3, 2), js=["$a", 1, "$b"])
op("takeAlongDim", "torch.take_along_dim(a, b, 1)", N(3, 4), I(4, 3, 2), js=["$a", "$b", 1])
op("indexSelect", "a.index_select(1, b)", N(3, 4), V(3, 0, 3), js=["$a", 1, "$b"])
op("index", "a[b, c]", N(3, 4), V(0, 2), V(1, 1), js=["$a", ["$b", "$c"]])
op("indexPut", "a.index_put((b,), c)", N(3, 4), V(0, 2), N(2, 4), js=["$a", ["$b"], "$c"])
op("indexAdd", "a.index_add(0, b, c)", N(3, 4), V(0, 0), N(2, 4), js=["$a", 0, "$b", "$c"])
op("indexCopy", "a.index_copy(0, b, c)", N(3, 4), V(0, 2), N(2, 4), js=["$a", 0, "$b", "$c"])
op("scatter", "a.scatter(1, b, c)", N(3, 4), ("i", torch.tensor([[0, 1], [3, 2], [1, 0]])), N(3, 2), js=["$a", 1, "$b", "$c"])
op("scatterAdd", "a.scatter_add(1, b, c)", N(3, 4), I(4, 3, 2), N(3, 2), js=["$a", 1, "$b", "$c"])
for how in ("sum", "mean", "amax", "amin"):
    for own in (True, False):
        op("scatterReduce", f"a.scatter_reduce(1, b, c, '{how}', include_self={own})", N(3, 4), I(4, 3, 3), N(3, 3),
           js=["$a", 1, "$b", "$c", how, own])
op("maskedScatter", "a.masked_scatter(b, c)", N(3, 4), M(3, 4), N(12))
op("maskedSelect", "a.masked_select(b)", N(3, 4), M(3, 4))
op("nonzero", "a.nonzero()", I(2, 3, 4), grad=False)
op("unique", "list(torch.unique(a, return_inverse=True, return_counts=True))", I(4, 3, 4), grad=False)
op("bincount", "torch.bincount(a)", V(1, 3, 3, 0), grad=False)
op("oneHot", "F.one_hot(a, 5)", I(5, 3, 2), js=["$a", 5], grad=False)
op("embedding", "F.embedding(a, b)", I(5, 3, 2), N(5, 4))
op("embeddingBag", "F.embedding_bag(a, b)", I(5, 3, 2), N(5, 4))
# Networks
op("layerNorm", "F.layer_norm(a, (4,), b, c)", N(3, 4), N(4), N(4), js=["$a", [4], "$b", "$c"])
op("dropoutAddLayerNorm", "F.layer_norm(a + b, (4,), c, d)", N(3, 4), N(3, 4), N(4), N(4))
op("dropout", "F.dropout(a, 0.5, False)", X, js=["$a", 0.5, False])
op("maskedSoftmax", "F.softmax(a * 0.5 + b, -1)", N(2, 1, 3, 3), N(2, 1, 1, 3), js=["$a", "$b", 0.5])
cases[-1]["grads"][1] = None
op("scaledDotProductAttention", "F.softmax(a @ b.transpose(-1, -2) / 2, -1) @ c", N(2, 1, 3, 4), N(2, 1, 3, 4), N(2, 1, 3, 4))
op("conv1d", "F.conv1d(a, b, c)", N(2, 3, 6), N(2, 3, 3), N(2))
op("conv2d", "F.conv2d(a, b, c)", N(2, 3, 5, 4), N(2, 3, 3, 2), N(2))
for d, shape in (("1d", (2, 3, 6)), ("2d", (2, 3, 4, 6))):
    op(f"maxPool{d}", f"F.max_pool{d}(a, 2)", N(*shape), js=["$a", 2])
    op(f"avgPool{d}", f"F.avg_pool{d}(a, 2)", N(*shape), js=["$a", 2])
    op(f"adaptiveAvgPool{d}", f"F.adaptive_avg_pool{d}(a, 2)", N(*shape), js=["$a", 2])
    op(f"adaptiveMaxPool{d}", f"F.adaptive_max_pool{d}(a, 2)", N(*shape), js=["$a", 2])
# Losses
T = lambda *s: ("n", torch.rand(*s))
for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
    op(name[0] + "".join(p.capitalize() for p in name.split("_"))[1:], f"F.{name}(a, b)", N(3, 4), ("n", torch.randn(3, 4)))
op("binaryCrossEntropyWithLogits", "F.binary_cross_entropy_with_logits(a, b)", N(3, 4), T(3, 4))
op("binaryCrossEntropy", "F.binary_cross_entropy(a, b)", ("f", torch.rand(3, 4) * 0.8 + 0.1), T(3, 4))
op("klDiv", "F.kl_div(a, b)", N(3, 4), T(3, 4))
op("crossEntropy", "F.cross_entropy(a, b)", N(3, 4), V(1, 0, 3))
op("nllLoss", "F.nll_loss(a, b)", N(3, 4), V(1, 0, 3))
op("linearCrossEntropy", "F.cross_entropy(F.linear(a, b, c), d)", N(3, 4), N(5, 4), N(5), V(1, 0, 3))
Y = lambda *s: ("n", S(*s)[1])
op("marginRankingLoss", "F.margin_ranking_loss(a, b, c, margin=0.3)", N(5), N(5), Y(5), js=["$a", "$b", "$c", {"margin": 0.3}])
op("hingeEmbeddingLoss", "F.hinge_embedding_loss(a, b)", N(3, 4), Y(3, 4))
op("cosineEmbeddingLoss", "F.cosine_embedding_loss(a, b, c)", N(3, 4), N(3, 4), Y(3))
op("tripletMarginLoss", "F.triplet_margin_loss(a, b, c, swap=True)", N(3, 4), N(3, 4), N(3, 4), js=["$a", "$b", "$c", {"swap": True}])
op("softMarginLoss", "F.soft_margin_loss(a, b)", N(3, 4), Y(3, 4))
op("multilabelSoftMarginLoss", "F.multilabel_soft_margin_loss(a, b)", N(3, 4), T(3, 4))
op("poissonNllLoss", "F.poisson_nll_loss(a, b, full=True)", N(3, 4), ("n", torch.arange(12.0).reshape(3, 4)), js=["$a", "$b", {"full": True}])
op("gaussianNllLoss", "F.gaussian_nll_loss(a, b, c, full=True)", N(3, 4), ("n", torch.randn(3, 4)), P(3, 4), js=["$a", "$b", "$c", {"full": True}])
# Modules: [class, arguments]
modules = []


def mod(name, *inputs, args=(), js=None):
    module = getattr(nn, name)(*args).double()
    tensors = [t.double() if k in "fn" else t for k, t in inputs]
    out = module(*tensors)
    while isinstance(out, tuple):
        out = out[0]
    state = {k: {"shape": list(v.shape), "data": numbers(v)} for k, v in module.state_dict().items()}
    modules.append({"name": name, "args": list(args) if js is None else js, "state": state,
                    "inputs": [{"kind": k, "shape": list(t.shape), "data": numbers(t)} for k, t in inputs],
                    "output": {"shape": list(out.shape), "data": numbers(out)}})


for name in ("ReLU GELU Tanh Sigmoid SiLU Softplus LeakyReLU ReLU6 Hardsigmoid Hardswish Softsign Mish SELU Tanhshrink LogSigmoid "
             "ELU CELU Hardshrink Softshrink GLU Hardtanh PReLU Identity").split():
    mod(name, X)
for name in ("Softmax", "LogSoftmax", "Softmin"):
    mod(name, X, args=(1,))
mod("Threshold", X, args=(0.1, 2.0))
mod("Flatten", N(2, 3, 2))
mod("Unflatten", X, args=(1, (2, 2)))
mod("ConstantPad1d", X, args=(2, 1.5))
mod("ConstantPad2d", X, args=((1, 0, 2, 1), 1.5))
mod("ZeroPad2d", X, args=(1,))
mod("Linear", X, args=(4, 2))
mod("Bilinear", N(3, 4), N(3, 2), args=(4, 2, 5))
mod("Embedding", I(5, 3, 2), args=(5, 4))
mod("LayerNorm", X, args=(4,))
mod("GroupNorm", N(2, 4, 3), args=(2, 4))
mod("BatchNorm1d", X, args=(4,))
mod("BatchNorm2d", N(2, 3, 2, 2), args=(3,))
mod("InstanceNorm1d", N(2, 3, 4), args=(3,))
mod("InstanceNorm2d", N(2, 3, 2, 4), args=(3,))
mod("Conv1d", N(2, 3, 6), args=(3, 2, 3))
mod("Conv2d", N(2, 3, 5, 5), args=(3, 2, 3))
for d, shape in (("1d", (2, 3, 6)), ("2d", (2, 3, 4, 6))):
    for kind in ("MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool"):
        mod(kind + d, N(*shape), args=(2,))
mod("CosineSimilarity", N(3, 4), N(3, 4))
mod("PairwiseDistance", N(3, 4), N(3, 4))
for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"):
    mod(name, N(3, 4), T(3, 4))
mod("BCELoss", T(3, 4), T(3, 4))
for name in ("CrossEntropyLoss", "NLLLoss"):
    mod(name, N(3, 4), V(1, 0, 3))
mod("MarginRankingLoss", N(5), N(5), Y(5))
mod("HingeEmbeddingLoss", N(3, 4), Y(3, 4))
mod("SoftMarginLoss", N(3, 4), Y(3, 4))
mod("CosineEmbeddingLoss", N(3, 4), N(3, 4), Y(3))
mod("TripletMarginLoss", N(3, 4), N(3, 4), N(3, 4))
mod("PoissonNLLLoss", N(3, 4), T(3, 4))
mod("GaussianNLLLoss", N(3, 4), T(3, 4), P(3, 4))
# Optimisers: parameters after five steps with these gradients
optimizers = []
CAMEL = {"lr": "lr", "momentum": "momentum", "weight_decay": "weightDecay", "nesterov": "nesterov", "amsgrad": "amsgrad",
         "centered": "centered", "alpha": "alpha", "lr_decay": "lrDecay", "rho": "rho"}


def opt(name, **options):
    w = torch.nn.Parameter(torch.randn(3, 4, dtype=torch.float64))
    start = numbers(w)
    optimizer = getattr(torch.optim, name)([w], **options)
    grads = []
    for _ in range(5):
        w.grad = torch.randn(3, 4, dtype=torch.float64)
        grads.append(numbers(w.grad))
        optimizer.step()
    optimizers.append({"name": name, "options": {CAMEL[k]: v for k, v in options.items()}, "start": start, "grads": grads, "end": numbers(w)})


opt("SGD", lr=0.1, momentum=0.9, nesterov=True)
opt("Adam", lr=0.01, weight_decay=0.1)
opt("AdamW", lr=0.01, amsgrad=True)
for extra in os.environ.get("OPTIMIZERS", "").split():
    opt(extra, lr=0.01, weight_decay=0.1)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json")
with open(path, "w") as file:
    lines = lambda items: "[\n" + ",\n".join(json.dumps(i, separators=(",", ":"), allow_nan=False) for i in items) + "\n]"
    version = json.dumps(torch.__version__.split("+")[0])
    file.write(f'{{"torch":{version},"operations":{lines(cases)},"modules":{lines(modules)},"optimizers":{lines(optimizers)}}}\n')
print(len(cases), len(modules), os.path.getsize(path))
