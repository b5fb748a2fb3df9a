"""Lists PyTorch's public names in pytorchNames.json: /usr/bin/python3 docs/pytorchNames.py

One rule says what is left out: a name with a word (between underscores) for a kind of data, machine or machinery that
wigbert does not have: see WITHOUT; modules over three spatial dimensions; in-place twins of a function that is listed
without the underscore (but in nn.init and nn.utils, where the underscore is the name).
"""

import inspect
import json
import os
import warnings

import torch
import torch.optim.lr_scheduler
import torch.utils.data

warnings.simplefilter("ignore")
WITHOUT = set(
    """sparse quantize quantized dequantize fake fbgemm qscheme q int per choose fused moving obs
    complex real imag conj angle polar cdouble cfloat chalf names rename refine align adjoint sgn cuda cudnn miopen
    mkldnn onednn vulkan xpu ipu ort hpu cpu get jit script import parse fork wait storage pin pinned share vitals
    vital read set anomaly deterministic memory volatile dlpack numpy frombuffer file fft stft istft cholesky eig
    eigh eigvals qr geqrf orgqr ormqr lu lstsq svd solve triangular pinverse inverse logdet slogdet det lobpcg pca
    linalg matrix geqrf window copy unsafe native vmap ccol crow col row coalesce names has handle boolean assert
    sym functionalize obj candidate classproperty prepare multiprocessing typename compiled autocast nuclear data_ptr
    resolve retain register record layout backends igamma igammac i0 lgamma digamma polygamma mvlgamma gcd lcm
    frexp ldexp nextafter from can promote result is_set resize new dsmm hsmm hspmm smm spmm saddmm sspaddmm nan3
    cartesian combinations block lazy fractional unpool vander storage_type dtypes type byte char short double long
    ctc2 rnn lstm gru affine batch_norm_stats symint overrides rng profiler norm_except scripted worker argument
    runtime communication validation 3d mT mH H dim_arange is_same element ndimension nelement""".split()
)
CLASSES_WITHOUT = ("3d", "Lazy", "Fractional", "Unpool", "DataParallel", "Sync", "Base", "Container", "Pipe", "Chunk",
                   "DataLoader2", "Distributed", "SparseAdam", "_", "CrossMap", "NLLLoss2d", "Kind", "Upsampling")


def wanted(name):
    if name in ("int", "type", "dim", "cpu", "long", "double", "numpy", "new_zeros", "new_ones"):
        return True
    return not any(word in WITHOUT for word in name.split("_")) and not name.endswith("3d")


def functions(module):
    return sorted(
        name
        for name in dir(module)
        if not name.startswith("_")
        and callable(getattr(module, name))
        and not inspect.isclass(getattr(module, name))
        and getattr(getattr(module, name), "__module__", "") not in ("typing", "warnings")
        and not name.endswith("_")
        and wanted(name)
    )


def classes(module, names=None):
    return sorted(
        name
        for name in (names or dir(module))
        if inspect.isclass(getattr(module, name, None))
        and name[0].isupper()
        and not any(part in name for part in CLASSES_WITHOUT)
    )


lists = {
    "torch": functions(torch),
    "Tensor": sorted(
        n for n in dir(torch.Tensor) if not n.startswith("_") and not n.endswith("_") and n[0].islower() and wanted(n)
    )
    + ["add_", "copy_", "div_", "fill_", "mul_", "requires_grad_", "sub_", "zero_"],
    "nn": [n for n in classes(torch.nn) if issubclass(getattr(torch.nn, n), torch.nn.Module)],
    "nn.functional": functions(torch.nn.functional),
    "nn.init": sorted(n for n in dir(torch.nn.init) if n.endswith("_") and not n.startswith("_")),
    "nn.utils": ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters"],
    "optim": classes(torch.optim),
    "optim.lr_scheduler": [
        n
        for n in classes(torch.optim.lr_scheduler)
        if n not in ("Counter", "Optimizer") and n not in dir(__builtins__)
    ],
    "utils.data": classes(torch.utils.data, torch.utils.data.__all__) + ["default_collate", "random_split"],
}
lists["optim"] = [n for n in lists["optim"] if issubclass(getattr(torch.optim, n), torch.optim.Optimizer)]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorchNames.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__.split("+")[0], "names": lists}, file, indent=1)
    file.write("\n")
print({key: len(value) for key, value in lists.items()})
