"""Writes the Parquet files of this folder with pyarrow."""

import datetime
import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent
ROWS = 25


def named(table: pa.Table, features: dict) -> pa.Table:
    """The table with the schema metadata that Hugging Face's datasets write."""
    about = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({"huggingface": about})


def write(name: str, table: pa.Table, **options) -> None:
    pq.write_table(table, FOLDER / f"{name}.parquet", **options)


reviews = pa.table(
    {
        "text": [f"영화 film {i}" for i in range(ROWS)],
        "label": pa.array([i % 2 for i in range(ROWS)], pa.int64()),
    }
)
class_label = {"names": ["bad", "good"], "_type": "ClassLabel"}
labelled = named(reviews, {"text": {"dtype": "string", "_type": "Value"}, "label": class_label})

write("ids", reviews)
for codec in ["snappy", "zstd", "gzip", "brotli", "lz4", "none"]:
    write(codec, labelled, compression=codec, row_group_size=10)
write(
    "delta",
    labelled,
    data_page_version="2.0",
    use_dictionary=False,
    column_encoding={"text": "DELTA_BYTE_ARRAY", "label": "DELTA_BINARY_PACKED"},
)

when = datetime.datetime(2020, 1, 2, 3, 4, 5, 678000)
nested = pa.table(
    {
        "id": pa.array([1, None, 2**60], pa.int64()),
        "doc": [
            {"text": "a", "meta": {"label": 0}},
            {"text": None, "meta": {"label": 1}},
            {"text": "c", "meta": {"label": -1}},
        ],
        "tokens": [["Kim", "ran"], ["Seoul"], []],
        "tags": pa.array([[1, 0], [2], []], pa.list_(pa.int64())),
        "when": [when, None, when],
        "day": [when.date(), None, when.date()],
        "price": [decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")],
        "share": pa.array([0.5, None, -1], pa.float32()),
        "flag": [True, None, False],
        "raw": [b"\xff\x00", None, b"\xfe"],
        "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
    }
)
tags = {"names": ["O", "B-PER", "B-LOC"], "_type": "ClassLabel"}
features = {
    "doc": {"text": {"_type": "Value"}, "meta": {"label": {**class_label, "names": ["no", "yes"]}}},
    "tags": {"feature": tags, "_type": "Sequence"},
}
write("nested", named(nested, features))
tagged = {"tags": {"feature": tags, "_type": "List"}}
write("lists", named(nested.select(["tokens", "tags"]), tagged))
# An invalid text: bytes that claim to be a string.
broken = pa.array([b"fine", b"\xff\xfe", b"too"], pa.binary()).view(pa.string())
write("broken", pa.table({"text": broken, "label": ["a", "b", "a"]}))
write("empty", labelled.slice(0, 0))
