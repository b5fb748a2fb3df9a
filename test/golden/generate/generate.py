"""Writes the reference answers of test/golden/data: `python3 generate.py`, by PyTorch and numpy."""
import platform
from pathlib import Path

import numpy
import torch

import models
import ops
import optim
import tokenizer_cases
from files import save_json

if __name__ == "__main__":
    torch.set_num_threads(1)
    data = Path(__file__).resolve().parent.parent / "data"
    ops.write(data / "ops")
    optim.write(data / "ops")
    models.write(data / "tiny-bert")
    tokenizer_cases.write(data / "tokenizer")
    save_json(data / "versions.json", {
        "python": platform.python_version(), "torch": torch.__version__,
        "numpy": numpy.__version__, "transformers": "4.29 (its definitions, written out here)",
    }, indent=2)
