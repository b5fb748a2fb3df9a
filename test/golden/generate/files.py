"""Writing of safetensors and JSON files, in few bytes and the same ones on each run."""
import json
import struct
from pathlib import Path

import numpy as np

NAMES = {"float32": "F32", "int32": "I32", "bool": "BOOL"}


def save_safetensors(path, tensors, metadata=None):
    """Writes arrays by name: floats as float32, integers as int32. Wider elements come first."""
    kinds = {"f": "float32", "i": "int32", "b": "bool"}
    values = {name: np.asarray(value) for name, value in tensors.items()}
    values = {name: value.astype(kinds[value.dtype.kind]) for name, value in values.items()}
    header, parts, offset = {"__metadata__": metadata} if metadata else {}, [], 0
    for name, value in sorted(values.items(), key=lambda item: (-item[1].itemsize, item[0])):
        data = value.tobytes()
        header[name] = {
            "dtype": NAMES[str(value.dtype)],
            "shape": list(value.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        parts.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def save_json(path, value, indent=None):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=indent, separators=None if indent else (",", ":"))
    Path(path).write_text(text + "\n")


def save_lines(path, rows):
    """One JSON object a line; what is not ASCII is escaped, so that no tool alters it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
