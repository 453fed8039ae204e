"""Universal Binary JSON, as xgboost writes its models: numbers of an array come as they lie, without parsing.

{ L 13 left_children [ $ l # L 3 <12 bytes> ... }       kind before value; a typed array says its kind once

A model is hundreds of trees written alike: arrays in the same order, each as long as its tree or empty. The
arrays of the first tree that stand together are read one by one, those of the others in one go, with all that
lies between the numbers compared; what is not alike is read one by one again.

The format: https://ubjson.org, draft 12.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, compress
from operator import itemgetter
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = tuple[np.dtype[Any], bytes]
"""A typed array: its kind, and its bytes as they lie in the document."""

_Field = tuple[bytes, int, bool]
"""Of an array: what stands before its length, the bytes of a number (0: it is empty), whether it is read."""
_Layout = tuple[Struct, tuple[bytes, ...]]

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
_SIZES = {kind: dtype.itemsize for kind, dtype in _NUMBERS.items() if dtype.kind in "iu"}
_UNSIGNED = ord("U")
_CONSTANTS = {ord("Z"): None, ord("T"): True, ord("F"): False}
_OBJECT, _END, _ARRAY, _ARRAY_END, _TYPED, _COUNTED = b"{}[]$#"
_TEXT = ord("S")
_OPENING_BYTES = 24
"""Of arrays that stand together: enough to tell the arrays of a tree by the name of the first."""

_OPEN_TYPED = b"[$"
_HEADER_BYTES = len(b"[$l#L")
_LONG_COUNT = b"#L"
_COUNT_BYTES = 8
_RUN_ITEMS = 1_024
_SMALL_BYTES = 200
"""Of an object that may come again: a tree has one of four texts, of which one tells its number of nodes."""


def read_ubj(data: bytes, *, unread: Collection[str] = frozenset()) -> Any:
    """Return a document: dicts, lists, strings, numbers, and ``Numbers`` for typed arrays of numbers.

    Typed arrays of the names ``unread`` are left out. Equal small objects may be one and the same.

    Raises
    ------
    ValueError, IndexError, KeyError : the bytes are no such document
    """
    try:
        value, end = _Reader(data, unread).read_value(1, data[0])
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error
    if end > len(data):
        raise ValueError("the document is cut short")
    return value


def join_numbers(parts: Sequence[Numbers]) -> NDArray[Any]:
    """Return typed arrays, one after the other, (sum of lengths,); of none, no floats."""
    kind = parts[0][0] if parts else np.dtype(np.float64)
    if any(other is not kind for other, _ in parts):
        return np.concatenate([np.frombuffer(content, dtype=other) for other, content in parts])
    return np.frombuffer(b"".join([content for _, content in parts]), dtype=kind)


def take_numbers(array: Numbers | Sequence[float]) -> NDArray[Any]:
    """Return an array of numbers, (length,), whether it was written with its kind or number by number."""
    return join_numbers([array]) if isinstance(array, tuple) else np.asarray(array)


def count_numbers(numbers: Numbers) -> int:
    """Return how long a typed array is."""
    kind, content = numbers
    return len(content) // kind.itemsize


class _Series:
    """Typed arrays that stand together in an object, each as long as the first or empty."""

    def __init__(self, entries: Mapping[str, Numbers], headers: list[bytes], unread: Collection[str]) -> None:
        is_read = [name not in unread for name in entries]
        sizes = [kind.itemsize if content else 0 for kind, content in entries.values()]
        self._fields = tuple(zip(headers, sizes, is_read, strict=True))
        self._names = [*compress(entries, is_read)]
        self._kinds = [entries[name][0] for name in self._names]
        self._count_at = len(headers[0])
        # What lies between the numbers, and the numbers, among the parts that a layout finds.
        starts = [*accumulate(is_read, lambda at, is_one: at + 1 + is_one, initial=0)]
        self._between = itemgetter(*starts[:-1])
        self._numbers = itemgetter(*(start + 1 for start in compress(starts, is_read)))
        self._layouts: dict[bytes, _Layout] = {}

    def read(self, data: bytes, at: int, found: dict[str, Any]) -> int | None:
        """Enter the arrays at a place and return where they end, None where they are not of this form."""
        start = at + self._count_at
        count = data[start : start + _COUNT_BYTES]
        layout = self._layouts.get(count)
        if layout is None:
            if int.from_bytes(count, "big") > len(data):
                return None
            layout = self._layouts[count] = _lay_out(self._fields, count)
        struct, expected = layout
        end = at + struct.size
        if end > len(data):
            return None
        parts = struct.unpack_from(data, at)
        if self._between(parts) != expected:
            return None
        found.update(zip(self._names, zip(self._kinds, self._numbers(parts), strict=True), strict=True))
        return end


@lru_cache(maxsize=512)
def _lay_out(fields: tuple[_Field, ...], length: bytes) -> _Layout:
    """Return where everything lies in arrays of a length, and what lies between the numbers."""
    count = int.from_bytes(length, "big")
    text, expected = "=", []
    for header, size, is_read in fields:
        text += f"{len(header) + _COUNT_BYTES}s{count * size}{'s' if is_read else 'x'}"
        expected.append(header + (length if size else bytes(_COUNT_BYTES)))
    return Struct(text), tuple(expected)


class _Reader:
    """One document, and the forms of the arrays it has had so far, by how they open."""

    def __init__(self, data: bytes, unread: Collection[str]) -> None:
        self._data = data
        self._unread = unread
        self._series: dict[bytes, _Series] = {}
        self._objects: dict[str, dict[bytes, dict[str, Any]]] = {}
        self._lengths: dict[str, set[int]] = {}

    def read_value(self, at: int, kind: int) -> tuple[Any, int]:
        """Return the value of a kind that starts at a place, and where the next thing starts."""
        if kind in _SIZES:
            end = at + _SIZES[kind]
            return int.from_bytes(self._data[at:end], "big", signed=kind != _UNSIGNED), end
        if kind == _TEXT:
            return self._read_text(at)
        if kind == _OBJECT:
            return self._read_object(at)
        if kind == _ARRAY:
            return self._read_array(at)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind], at
        number = _NUMBERS[kind]
        return np.frombuffer(self._data, number, 1, at)[0].item(), at + number.itemsize

    def _read_count(self, at: int) -> tuple[int, int]:
        """Return a whole number, its kind before it, and where it ends."""
        end = at + 1 + _SIZES[self._data[at]]
        return int.from_bytes(self._data[at + 1 : end], "big"), end

    def _read_text(self, at: int) -> tuple[str, int]:
        """Return a text whose length is at a place."""
        length, start = self._read_count(at)
        end = start + length
        return self._data[start:end].decode(), end

    def _read_object(self, at: int) -> tuple[dict[str, Any], int]:
        data, series_at = self._data, self._series.get
        found: dict[str, Any] = {}
        while (size := data[at]) != _END:
            series = series_at(data[at : at + _OPENING_BYTES])
            if series is not None and (after := series.read(data, at, found)) is not None:
                at = after
                continue
            start = at + 1 + _SIZES[size]  # as _read_text, without two more calls for every entry
            end = start + int.from_bytes(data[at + 1 : start], "big")
            name, kind = data[start:end].decode(), data[end]
            if kind == _ARRAY and data[end + 1] == _TYPED:
                at = self._read_series(at, found)
            elif kind == _OBJECT:
                found[name], at = self._recall_object(end + 1, name)
            else:
                found[name], at = self.read_value(end + 1, kind)
        return found, at + 1

    def _recall_object(self, at: int, name: str) -> tuple[dict[str, Any], int]:
        """Return a small object as it was read before where its bytes come again: none begins another."""
        known = self._objects.setdefault(name, {})
        for length in self._lengths.setdefault(name, set()):
            found = known.get(self._data[at : at + length])
            if found is not None:
                return found, at + length
        found, end = self._read_object(at)
        if end - at <= _SMALL_BYTES:
            known[self._data[at:end]] = found
            self._lengths[name].add(end - at)
        return found, end

    def _read_series(self, first: int, found: dict[str, Any]) -> int:
        """Read the typed arrays that stand together, note their form, and return where they end."""
        data, at = self._data, first
        entries: dict[str, Any] = {}
        headers = []
        while data[at] != _END:
            name, start = self._read_text(at)
            if data[start : start + len(_OPEN_TYPED)] != _OPEN_TYPED:
                break
            headers.append(data[at : start + _HEADER_BYTES])
            entries[name], at = self._read_array(start + 1)
        found.update((name, value) for name, value in entries.items() if name not in self._unread)
        opening = data[first : first + _OPENING_BYTES]
        if opening not in self._series and _are_alike(entries, headers, self._unread):
            self._series[opening] = _Series(entries, headers, self._unread)
        return at

    def _read_array(self, at: int) -> tuple[Any, int]:
        data, kind = self._data, None
        if data[at] == _TYPED:
            kind, at = data[at + 1], at + 2
        if data[at] == _COUNTED:
            count, at = self._read_count(at + 1)
            return self._read_items(at, count, kind)
        found = []
        while data[at] != _ARRAY_END:
            value, at = self.read_value(at + 1, data[at])
            found.append(value)
        return found, at + 1

    def _read_items(self, at: int, count: int, kind: int | None) -> tuple[list[Any] | Numbers, int]:
        data, number = self._data, None if kind is None else _NUMBERS.get(kind)
        if count * (1 if number is None else number.itemsize) > len(data) - at:
            raise ValueError("more items than the document has bytes")
        if number is not None:
            end = at + count * number.itemsize
            return (number, data[at:end]), end
        found: list[Any] = []
        while len(found) < count:
            if kind is not None:
                value, at = self.read_value(at, kind)
                found.append(value)
            elif data[at] in _SIZES:
                values, at = self._read_run(at, min(count - len(found), _RUN_ITEMS))
                found += values
            else:
                value, at = self.read_value(at + 1, data[at])
                found.append(value)
        return found, at

    def _read_run(self, at: int, most: int) -> tuple[list[int], int]:
        """Return the whole numbers of one kind that come next, each with its kind before it."""
        data = self._data
        number = _NUMBERS[data[at]]
        step = 1 + number.itemsize
        kinds = data[at : at + step * most : step]
        count = len(kinds) - len(kinds.lstrip(data[at : at + 1]))
        end = at + step * count
        if end > len(data):
            raise ValueError("the document is cut short")
        return np.ndarray(count, number, data, at + 1, step).tolist(), end


def _are_alike(entries: Mapping[str, Any], headers: list[bytes], unread: Collection[str]) -> bool:
    """Return whether all are arrays of numbers, as long as the first or empty, with counts of eight bytes."""
    if len(entries) != len(headers) or not all(isinstance(value, tuple) for value in entries.values()):
        return False
    counts = [count_numbers(value) for value in entries.values()]
    is_long = all(header.endswith(_LONG_COUNT) for header in headers)
    n_read = sum(name not in unread for name in entries)
    return is_long and counts[0] > 0 and set(counts) <= {0, counts[0]} and n_read > 1
