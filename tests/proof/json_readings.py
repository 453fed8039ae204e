"""A second reading of JSON: the productions of RFC 8259 one by one, without any library."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

MAX_DEPTH = 32
FAR = 100_000
"""A power of ten so large that no larger one makes a difference."""


class NotJsonError(Exception):
    """The grammar does not derive the text."""


class SecondReading:
    """Reads a text by one method per production, and notes which of the reader's own rules it breaks."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._broken: set[str] = set()

    def read(self) -> tuple[Any, set[str]]:
        """Return the value, and the codes of broken rules; raises NotJsonError."""
        try:
            self._text.decode("utf-8")
        except UnicodeDecodeError:
            return None, {"json-encoding"}
        if len(self._text) % 2 == 0 and b"\0" in self._text[:2]:
            return None, {"json-encoding"}
        if self._text.startswith(b"\xef\xbb\xbf"):
            self._at = 3
        value = self._element(0)
        if self._at < len(self._text):
            raise NotJsonError
        return value, self._broken

    def _peek(self) -> bytes:
        return self._text[self._at : self._at + 1]

    def _take(self, expected: bytes) -> None:
        if not self._text.startswith(expected, self._at):
            raise NotJsonError
        self._at += len(expected)

    def _space(self) -> None:
        while self._peek() and self._peek() in b" \t\n\r":
            self._at += 1

    def _element(self, depth: int) -> Any:
        self._space()
        value = self._value(depth)
        self._space()
        return value

    def _value(self, depth: int) -> Any:
        mark = self._peek()
        if mark and mark in b"[{":
            if depth == MAX_DEPTH:
                self._broken.add("json-too-deep")
            if depth > 3 * MAX_DEPTH:  # far enough: whatever follows, the reader has stopped
                raise NotJsonError
            return self._array(depth + 1) if mark == b"[" else self._object(depth + 1)
        if mark == b'"':
            return self._string()
        for word, value in ((b"true", True), (b"false", False), (b"null", None)):
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return value
        return self._number()

    def _array(self, depth: int) -> list[Any]:
        self._take(b"[")
        self._space()
        values: list[Any] = []
        while self._peek() != b"]" or values:
            values.append(self._element(depth))
            if self._peek() == b"]":
                break
            self._take(b",")
        self._take(b"]")
        return values

    def _object(self, depth: int) -> dict[str, Any]:
        self._take(b"{")
        self._space()
        members: dict[str, Any] = {}
        while self._peek() != b"}" or members:
            self._space()
            name = self._string()
            self._space()
            self._take(b":")
            if name in members:
                self._broken.add("json-duplicate-key")
            members[name] = self._element(depth)
            if self._peek() == b"}":
                break
            self._take(b",")
        self._take(b"}")
        return members

    def _digits(self) -> str:
        start = self._at
        while self._peek() and self._peek() in b"0123456789":
            self._at += 1
        if start == self._at:
            raise NotJsonError
        return self._text[start : self._at].decode()

    def _number(self) -> int | float:
        start = self._at
        if self._peek() == b"-":
            self._at += 1
        whole, is_integer = self._digits(), True
        if len(whole) > 1 and whole[0] == "0":
            raise NotJsonError
        if self._peek() == b".":
            self._at += 1
            self._digits()
            is_integer = False
        if self._peek() and self._peek() in b"eE":
            self._at += 1
            if self._peek() and self._peek() in b"+-":
                self._at += 1
            self._digits()
            is_integer = False
        return self._kept(self._text[start : self._at].decode(), is_integer=is_integer)

    def _kept(self, word: str, *, is_integer: bool) -> int | float:
        digits, _, power = word.lower().partition("e")
        exact = Decimal(f"{digits}e{max(-FAR, min(FAR, int(power or 0)))}")
        if is_integer:
            if not -(2**63) <= exact < 2**63:
                self._broken.add("number-out-of-range")
                return 0
            return int(exact)
        value = float(exact)
        if math.isinf(value) or (value == 0) != (exact == 0):
            self._broken.add("number-out-of-range")
        return value

    def _string(self) -> str:
        self._take(b'"')
        units: list[int] = []  # UTF-16 code units, in which escapes are written
        while self._peek() != b'"':
            rest = self._text[self._at :].decode("utf-8", "ignore")[:1]
            if not rest or ord(rest) < 0x20:
                raise NotJsonError
            if rest == "\\":
                units.append(self._escape())
            else:
                self._at += len(rest.encode())
                raw = rest.encode("utf-16-be")
                units += [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
        self._at += 1
        text = b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be", "surrogatepass")
        if any(character == "\0" or 0xD800 <= ord(character) < 0xE000 for character in text):
            self._broken.add("text-invalid")
        return text

    def _escape(self) -> int:
        self._at += 1
        mark = self._peek()
        self._at += 1
        if mark == b"u":
            digits = self._text[self._at : self._at + 4]
            if len(digits) < 4 or any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
                raise NotJsonError
            self._at += 4
            return int(digits, 16)
        plain = {b'"': 0x22, b"\\": 0x5C, b"/": 0x2F, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9}
        if mark not in plain:
            raise NotJsonError
        return plain[mark]
