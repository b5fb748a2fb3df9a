"""Indices, layers, losses, modules and optimisers."""

from helpers import *  # noqa: F403

# Indices
op("gather", "a.gather(1, b)", N(3, 4), I(4, 3, 2), js=["$a", 1, "$b"])
op("gather", "a.gather(0, b)", N(3, 4), I(3, 5, 2), js=["$a", 0, "$b"])
op("takeAlongDim", "torch.take_along_dim(a, b, 1)", N(3, 4), I(4, 3, 2), js=["$a", "$b", 1])
op("indexSelect", "a.index_select(1, b)", N(3, 4), V(3, 0, 3), js=["$a", 1, "$b"])
op("index", "a[b, c]", N(3, 4), V(0, 2), V(1, 1), js=["$a", ["$b", "$c"]])
op("indexPut", "a.index_put((b,), c)", N(3, 4), V(0, 2), N(2, 4), js=["$a", ["$b"], "$c"])
op("indexAdd", "a.index_add(0, b, c)", N(3, 4), V(0, 0), N(2, 4), js=["$a", 0, "$b", "$c"])
op("indexCopy", "a.index_copy(0, b, c)", N(3, 4), V(0, 2), N(2, 4), js=["$a", 0, "$b", "$c"])
op("scatter", "a.scatter(1, b, c)", N(3, 4), ("i", torch.tensor([[0, 1], [3, 2], [1, 0]])), N(3,
    2), js=["$a", 1, "$b", "$c"])
op("scatterAdd", "a.scatter_add(1, b, c)", N(3, 4), I(4, 3, 2), N(3, 2), js=["$a", 1, "$b", "$c"])
for how in ("sum", "mean", "amax", "amin"):
    for own in (True, False):
        op("scatterReduce", f"a.scatter_reduce(1, b, c, '{how}', include_self={own})", N(3, 4),
            I(4, 3, 3), N(3, 3),
           js=["$a", 1, "$b", "$c", how, own])
op("maskedScatter", "a.masked_scatter(b, c)", N(3, 4), M(3, 4), N(12))
op("maskedSelect", "a.masked_select(b)", N(3, 4), M(3, 4))
op("nonzero", "a.nonzero()", I(2, 3, 4), grad=False)
op("unique", "list(torch.unique(a, return_inverse=True, return_counts=True))", I(4, 3, 4),
    grad=False)
op("bincount", "torch.bincount(a)", V(1, 3, 3, 0), grad=False)
op("oneHot", "F.one_hot(a, 5)", I(5, 3, 2), js=["$a", 5], grad=False)
op("embedding", "F.embedding(a, b)", I(5, 3, 2), N(5, 4))
op("embeddingBag", "F.embedding_bag(a, b)", I(5, 3, 2), N(5, 4))
# Networks
op("layerNorm", "F.layer_norm(a, (4,), b, c)", N(3, 4), N(4), N(4), js=["$a", [4], "$b", "$c"])
op("dropoutAddLayerNorm", "F.layer_norm(a + b, (4,), c, d)", N(3, 4), N(3, 4), N(4), N(4))
op("dropout", "F.dropout(a, 0.5, False)", X, js=["$a", 0.5, False])
op("maskedSoftmax", "F.softmax(a * 0.5 + b, -1)", N(2, 1, 3, 3), N(2, 1, 1, 3), js=["$a", "$b",
    0.5])
cases[-1]["grads"][1] = None
op("scaledDotProductAttention", "F.softmax(a @ b.transpose(-1, -2) / 2, -1) @ c", N(2, 1, 3, 4),
    N(2, 1, 3, 4), N(2, 1, 3, 4))
op("conv1d", "F.conv1d(a, b, c)", N(2, 3, 6), N(2, 3, 3), N(2))
op("conv2d", "F.conv2d(a, b, c)", N(2, 3, 5, 4), N(2, 3, 3, 2), N(2))
op("convTranspose1d", "F.conv_transpose1d(a, b, c)", N(2, 3, 6), N(3, 2, 3), N(2))
op("convTranspose1d", "F.conv_transpose1d(a, b, c, 3, 1, 2, 2)",
    N(2, 4, 5), N(4, 3, 3), N(6),
    js=["$a", "$b", "$c", {"stride": 3, "padding": 1, "outputPadding": 2, "groups": 2}])
op("convTranspose2d", "F.conv_transpose2d(a, b, c)", N(2, 3, 3, 4), N(3, 2, 3, 2), N(2))
op("convTranspose2d", "F.conv_transpose2d(a, b, c, (2, 1), (1, 0), (1, 0), 2, (1, 2))",
    N(2, 4, 3, 4), N(4, 2, 3, 2), N(4),
    js=["$a", "$b", "$c", {"stride": [2, 1], "padding": [1, 0], "outputPadding": [1, 0],
        "groups": 2, "dilation": [1, 2]}])
op("im2col", "F.unfold(a, (2, 3), (1, 2), (1, 0), (2, 1))", N(2, 3, 4, 6), js=["$a", [2, 3],
    {"dilation": [1, 2], "padding": [1, 0], "stride": [2, 1]}])
op("fold", "F.fold(a, (4, 6), (2, 3), (1, 2), (1, 0), (2, 1))", N(2, 18, 6), js=["$a", [4, 6],
    [2, 3], {"dilation": [1, 2], "padding": [1, 0], "stride": [2, 1]}])
op("pixelShuffle", "F.pixel_shuffle(a, 2)", N(2, 8, 2, 3), js=["$a", 2])
op("pixelUnshuffle", "F.pixel_unshuffle(a, 2)", N(2, 3, 4, 6), js=["$a", 2])
cases[-1]["empty"] = None  # torch 1.13 keeps the shape of nothing
op("channelShuffle", "a.reshape(2, 2, 3, 2).transpose(1, 2).reshape(2, 6, 2)", N(2, 6, 2),
    js=["$a", 2])
for mode, shape in (("nearest", (2, 3, 4, 5)), ("linear", (2, 3, 5)), ("bilinear", (2, 3, 4, 5)),
        ("bicubic", (2, 3, 4, 5)), ("nearest", (2, 3, 5))):
    dims = len(shape) - 2
    for size in ([7, 3][:dims], [2, 9][:dims]):
        op("interpolate", f"F.interpolate(a, {size}, mode='{mode}')", N(*shape),
            js=["$a", {"size": size, "mode": mode}])
    op("interpolate", f"F.interpolate(a, scale_factor={[1.7, 0.6][:dims]}, mode='{mode}')",
        N(*shape), js=["$a", {"scaleFactor": [1.7, 0.6][:dims], "mode": mode}])
    if mode != "nearest":
        op("interpolate", f"F.interpolate(a, scale_factor=2, mode='{mode}', align_corners=True)",
            N(*shape), js=["$a", {"scaleFactor": 2, "mode": mode, "alignCorners": True}])
LOGP = ("n", torch.log_softmax(torch.randn(6, 2, 4), 2))
op("ctcLoss", "F.ctc_loss(a, b, [6, 5], [3, 2])", LOGP, ("i", torch.tensor([[1, 1, 2], [3, 1, 0]])),
    js=["$a", "$b", [6, 5], [3, 2]])
op("ctcLoss", "F.ctc_loss(a, b, [6, 5], [3, 0], blank=3, reduction='none')", LOGP, V(1, 1, 2),
    js=["$a", "$b", [6, 5], [3, 0], {"blank": 3, "reduction": "none"}])
op("ctcLoss", "F.ctc_loss(a, b, [3, 2], [3, 2], reduction='sum', zero_infinity=True)", LOGP,
    V(1, 1, 2, 3, 1), js=["$a", "$b", [3, 2], [3, 2], {"reduction": "sum", "zeroInfinity": True}])
for d, shape in (("1d", (2, 3, 6)), ("2d", (2, 3, 4, 6))):
    op(f"maxPool{d}", f"F.max_pool{d}(a, 2)", N(*shape), js=["$a", 2])
    op(f"avgPool{d}", f"F.avg_pool{d}(a, 2)", N(*shape), js=["$a", 2])
    op(f"adaptiveAvgPool{d}", f"F.adaptive_avg_pool{d}(a, 2)", N(*shape), js=["$a", 2])
    op(f"adaptiveMaxPool{d}", f"F.adaptive_max_pool{d}(a, 2)", N(*shape), js=["$a", 2])
# Losses
for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
    op(name[0] + "".join(p.capitalize() for p in name.split("_"))[1:], f"F.{name}(a, b)", N(3, 4),
        ("n", torch.randn(3, 4)))
op("binaryCrossEntropyWithLogits", "F.binary_cross_entropy_with_logits(a, b)", N(3, 4), T(3, 4))
op("binaryCrossEntropy", "F.binary_cross_entropy(a, b)", ("f", torch.rand(3, 4) * 0.8 + 0.1), T(3,
    4))
op("klDiv", "F.kl_div(a, b)", N(3, 4), T(3, 4))
op("crossEntropy", "F.cross_entropy(a, b)", N(3, 4), V(1, 0, 3))
op("nllLoss", "F.nll_loss(a, b)", N(3, 4), V(1, 0, 3))
op("linearCrossEntropy", "F.cross_entropy(F.linear(a, b, c), d)", N(3, 4), N(5, 4), N(5), V(1, 0,
    3))
op("marginRankingLoss", "F.margin_ranking_loss(a, b, c, margin=0.3)", N(5), N(5), Y(5), js=["$a",
    "$b", "$c", {"margin": 0.3}])
op("hingeEmbeddingLoss", "F.hinge_embedding_loss(a, b)", N(3, 4), Y(3, 4))
op("cosineEmbeddingLoss", "F.cosine_embedding_loss(a, b, c)", N(3, 4), N(3, 4), Y(3))
op("tripletMarginLoss", "F.triplet_margin_loss(a, b, c, swap=True)", N(3, 4), N(3, 4), N(3, 4),
    js=["$a", "$b", "$c", {"swap": True}])
op("tripletMarginWithDistanceLoss", "F.triplet_margin_with_distance_loss(a, b, c, swap=True)",
    N(3, 4), N(3, 4), N(3, 4), js=["$a", "$b", "$c", {"swap": True}])
op("softMarginLoss", "F.soft_margin_loss(a, b)", N(3, 4), Y(3, 4))
op("multilabelSoftMarginLoss", "F.multilabel_soft_margin_loss(a, b)", N(3, 4), T(3, 4))
op("poissonNllLoss", "F.poisson_nll_loss(a, b, full=True)", N(3, 4), ("n",
    torch.arange(12.0).reshape(3, 4)), js=["$a", "$b", {"full": True}])
op("gaussianNllLoss", "F.gaussian_nll_loss(a, b, c, full=True)", N(3, 4), ("n", torch.randn(3,
    4)), P(3, 4), js=["$a", "$b", "$c", {"full": True}])
for name in ("ReLU GELU Tanh Sigmoid SiLU Softplus LeakyReLU ReLU6 Hardsigmoid Hardswish "
             "Softsign Mish SELU Tanhshrink LogSigmoid "
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
mod("ConvTranspose1d", N(2, 3, 6), args=(3, 2, 3))
mod("ConvTranspose2d", N(2, 3, 4, 3), args=(3, 2, 4, 2, 1), js=[3, 2, 4, {"stride": 2,
    "padding": 1}])
mod("Upsample", N(1, 2, 3, 3), args=(None, 2), js=[{"scaleFactor": 2}])
mod("PixelShuffle", N(1, 8, 2, 2), args=(2,))
mod("PixelUnshuffle", N(1, 2, 4, 4), args=(2,))
mod("Unfold", N(1, 3, 4, 4), args=(2,))
mod("Fold", N(1, 12, 9), args=((4, 4), 2))
for name in ("Reflection", "Replication"):
    mod(f"{name}Pad1d", N(2, 3, 4), args=(2,))
    mod(f"{name}Pad2d", N(2, 3, 4, 4), args=((1, 0, 2, 1),))
mod("EmbeddingBag", I(5, 3, 2), args=(5, 4))
mod("CosineSimilarity", N(3, 4), N(3, 4))
mod("PairwiseDistance", N(3, 4), N(3, 4))
for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "BCEWithLogitsLoss",
    "MultiLabelSoftMarginLoss"):
    mod(name, N(3, 4), T(3, 4))
mod("BCELoss", ("f", torch.rand(3, 4) * 0.8 + 0.1), T(3, 4))
for name in ("CrossEntropyLoss", "NLLLoss"):
    mod(name, N(3, 4), V(1, 0, 3))
mod("MarginRankingLoss", N(5), N(5), Y(5))
mod("HingeEmbeddingLoss", N(3, 4), Y(3, 4))
mod("SoftMarginLoss", N(3, 4), Y(3, 4))
mod("CosineEmbeddingLoss", N(3, 4), N(3, 4), Y(3))
mod("TripletMarginLoss", N(3, 4), N(3, 4), N(3, 4))
mod("TripletMarginWithDistanceLoss", N(3, 4), N(3, 4), N(3, 4))
mod("PoissonNLLLoss", N(3, 4), T(3, 4))
mod("GaussianNLLLoss", N(3, 4), T(3, 4), P(3, 4))
opt("SGD", lr=0.1, momentum=0.9, nesterov=True)
opt("Adam", lr=0.01, weight_decay=0.1)
opt("AdamW", lr=0.01, amsgrad=True)
opt("RMSprop", steps=20)
opt("RMSprop", steps=20, lr=0.05, momentum=0.9, weight_decay=0.1)
opt("RMSprop", steps=20, alpha=0.9, eps=1e-3, centered=True, momentum=0.5)
opt("Adagrad", steps=20)
opt("Adagrad", steps=20, lr=0.1, lr_decay=0.05, weight_decay=0.1)
opt("Adagrad", steps=20, lr=0.1, initial_accumulator_value=0.5, eps=1e-3)
for name in ("NAdam", "RAdam", "Adamax", "Adadelta", "Lion"):
    opt(name, steps=20)
opt("NAdam", steps=20, lr=0.05, betas=(0.8, 0.95), weight_decay=0.1, momentum_decay=0.2)
opt("NAdam", steps=20, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True, eps=1e-3)
opt("RAdam", steps=20, lr=0.05, betas=(0.8, 0.95), weight_decay=0.1, eps=1e-3)
opt("RAdam", steps=20, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)
opt("Adamax", steps=20, lr=0.05, betas=(0.8, 0.95), weight_decay=0.1, eps=1e-3)
opt("Adadelta", steps=20, lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1)
opt("Lion", steps=20, lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)
