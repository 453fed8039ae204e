"""The node arrays of an xgboost.Booster, from its binary form (UBJSON), where arrays lie as they are.

    L <8 bytes: 13> left_children [ $ l # L <8 bytes: how many> <4 bytes each, the largest first> ..

A key has its length in front, a typed array its type (l: int32, L: int64, d: float32, U: one byte) and its
length: each field of all trees is found by its key and read without parsing what lies between. The text form
would have to be written and read digit by digit, and every request pays for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]

_TYPES: dict[bytes, np.dtype[Any]] = {
    b"l": np.dtype(">i4"),
    b"L": np.dtype(">i8"),
    b"d": np.dtype(">f4"),
    b"U": np.dtype("u1"),
}
_LENGTH_BYTES = 8


def _key(name: str) -> bytes:
    return b"L" + len(name).to_bytes(_LENGTH_BYTES) + name.encode()


_FIELDS = (
    *("left_children", "right_children", "split_indices", "split_conditions"),
    *("default_left", "sum_hessian"),
)
_ARRAYS = {name: re.compile(re.escape(_key(name)) + rb"\[\$(.)#L(.{8})", re.DOTALL) for name in _FIELDS}


@dataclass(frozen=True, slots=True, eq=False)
class XgboostNodes:
    """All trees, node after node; a tree's child numbers count from its own root.

    sizes : int64 (n_trees,), nodes of each tree
    left, right, feature : int64 (n_nodes,), children -1 at a leaf
    condition : float32 (n_nodes,), the threshold of a split, the value of a leaf
    default_left : bool (n_nodes,)
    cover : float32 (n_nodes,)
    base_scores : float64, one or one per output, as the objective keeps them
    """

    sizes: Int64s
    left: Int64s
    right: Int64s
    feature: Int64s
    condition: Float32s
    default_left: NDArray[np.bool_]
    cover: Float32s
    base_scores: Float64s
    n_outputs: int
    n_features: int
    objective: str


def read_nodes(booster: Any) -> XgboostNodes:
    """Read a booster of scalar trees, one per output and round, without splits by category."""
    raw = bytes(booster.save_raw("ubj"))
    arrays = {name: _join(raw, pattern) for name, pattern in _ARRAYS.items()}
    lengths = [int.from_bytes(found[2]) for found in _ARRAYS["left_children"].finditer(raw)]
    shape = _read_texts(raw, "learner_model_param")
    scores = np.array([float(part) for part in shape["base_score"].strip("[]").split(",")], dtype=np.float32)
    named = raw.index(_key("name"), raw.rindex(_key("objective"))) + len(_key("name")) + 1
    return XgboostNodes(
        sizes=np.array(lengths, dtype=np.int64),
        left=arrays["left_children"].astype(np.int64),
        right=arrays["right_children"].astype(np.int64),
        feature=arrays["split_indices"].astype(np.int64),
        condition=arrays["split_conditions"].astype(np.float32),
        default_left=arrays["default_left"].astype(np.bool_),
        cover=arrays["sum_hessian"].astype(np.float32),
        base_scores=scores.astype(np.float64),
        n_outputs=max(1, int(shape["num_class"])),
        n_features=int(shape["num_feature"]),
        objective=_read_text(raw, named)[0],
    )


def _join(raw: bytes, pattern: re.Pattern[bytes]) -> NDArray[Any]:
    """Return one field of all trees, one after the other."""
    kind: np.dtype[Any] = np.dtype(">i4")
    parts = []
    for found in pattern.finditer(raw):
        kind = _TYPES[found[1]]
        parts.append(raw[found.end() : found.end() + int.from_bytes(found[2]) * kind.itemsize])
    return np.frombuffer(b"".join(parts), dtype=kind)


def _read_texts(raw: bytes, name: str) -> dict[str, str]:
    """Return an object of texts."""
    at = raw.rindex(_key(name)) + len(_key(name)) + 1
    found = {}
    while raw[at : at + 1] == b"L":
        field, at = _read_text(raw, at)
        found[field], at = _read_text(raw, at + 1)
    return found


def _read_text(raw: bytes, at: int) -> tuple[str, int]:
    """Return the text whose length starts at a place, and where it ends."""
    start = at + 1 + _LENGTH_BYTES
    end = start + int.from_bytes(raw[at + 1 : start])
    return raw[start:end].decode(), end
