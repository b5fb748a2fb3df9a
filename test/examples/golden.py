"""Writes golden.json: the losses of the Python twins in examples/, and the version of torch."""

import importlib
import json
import pathlib
import sys

import torch

here = pathlib.Path(__file__).parent
examples = here.parent.parent / "examples"
sys.path.insert(0, str(examples))
torch.set_num_threads(1)

names = sorted(path.stem for path in examples.glob("*.py") if path.stem != "shared")
losses = {name: importlib.import_module(name).main() for name in names}
version = torch.__version__.split("a")[0]
lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(of)}" for name, of in losses.items())
text = f'{{\n  "torch": {json.dumps(version)},\n  "losses": {{\n{lines}\n  }}\n}}\n'
(here / "golden.json").write_text(text)
