"""Universal Binary JSON, as xgboost writes its models: numbers of an array come as they lie, without parsing.

{ L 13 left_children [ $ l # L 3 <12 bytes> ... }       kind before value; a typed array says its kind once

The format: https://ubjson.org, draft 12.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_NUMBERS = {
    ord(kind): np.dtype(name)
    for kind, name in (
        ("i", "i1"),
        ("U", "u1"),
        ("I", ">i2"),
        ("l", ">i4"),
        ("L", ">i8"),
        ("d", ">f4"),
        ("D", ">f8"),
    )
}
_NOTHING = {number: np.zeros(0, dtype=number) for number in _NUMBERS.values()}
_SIZES = {kind: dtype.itemsize for kind, dtype in _NUMBERS.items() if dtype.kind in "iu"}
_CONSTANTS = {ord("Z"): None, ord("T"): True, ord("F"): False}
_OBJECT, _END, _ARRAY, _ARRAY_END, _TYPED, _COUNTED = b"{}[]$#"
_TEXT = ord("S")


def read_ubj(data: bytes) -> Any:
    """Return a document: dicts, lists, strings, numbers, and numpy arrays for typed arrays of numbers.

    Raises
    ------
    ValueError, IndexError, KeyError : the bytes are no such document
    """
    value, _ = _read_value(data, 1, data[0])
    return value


def _read_value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    """Return the value of a kind that starts at a place, and where the next thing starts."""
    if kind == _ARRAY:
        return _read_array(data, at)
    if kind == _OBJECT:
        return _read_object(data, at)
    if kind == _TEXT:
        start, end = _read_span(data, at)
        return data[start:end].decode(), end
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    number = _NUMBERS[kind]
    return np.frombuffer(data, number, 1, at)[0].item(), at + number.itemsize


def _read_count(data: bytes, at: int) -> tuple[int, int]:
    """Return a whole number, its kind before it, and where it ends."""
    end = at + 1 + _SIZES[data[at]]
    return int.from_bytes(data[at + 1 : end], "big"), end


def _read_span(data: bytes, at: int) -> tuple[int, int]:
    """Return where a text lies whose length is at a place."""
    length, start = _read_count(data, at)
    return start, start + length


def _read_object(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    """Read entries until the end; typed arrays, which are nearly all of them, without another call."""
    found: dict[str, Any] = {}
    while (size := data[at]) != _END:
        start = at + 1 + _SIZES[size]
        end = start + int.from_bytes(data[at + 1 : start], "big")
        name = data[start:end].decode()
        if data[end : end + 2] == b"[$" and data[end + 3] == _COUNTED:
            number = _NUMBERS[data[end + 2]]
            at = end + 5 + _SIZES[data[end + 4]]
            count = int.from_bytes(data[end + 5 : at], "big")
            found[name] = np.frombuffer(data, number, count, at) if count else _NOTHING[number]
            at += count * number.itemsize
        else:
            found[name], at = _read_value(data, end + 1, data[end])
    return found, at + 1


def _read_array(data: bytes, at: int) -> tuple[Any, int]:
    kind = None
    if data[at] == _TYPED:
        kind, at = data[at + 1], at + 2
    if data[at] == _COUNTED:
        count, at = _read_count(data, at + 1)
        return _read_items(data, at, count, kind)
    found = []
    while data[at] != _ARRAY_END:
        value, at = _read_value(data, at + 1, data[at])
        found.append(value)
    return found, at + 1


def _read_items(data: bytes, at: int, count: int, kind: int | None) -> tuple[list[Any], int]:
    found = []
    for _ in range(count):
        value, at = _read_value(data, at + 1, data[at]) if kind is None else _read_value(data, at, kind)
        found.append(value)
    return found, at
