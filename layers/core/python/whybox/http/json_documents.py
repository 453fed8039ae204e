"""JSON texts, read strictly: RFC 8259 to the letter, and nothing that two readers could read in two ways.

    bytes ─▶ UTF-8 ─▶ depth ─▶ grammar, names, numbers ─▶ texts ─▶ plain Python values
               │        │              │                    │
               │  json-too-deep        │              text-invalid
        json-encoding     json-invalid, json-duplicate-key, number-out-of-range

The grammar is the standard library's. What that accepts beyond the RFC (NaN, Infinity), what it keeps in
silence (the last of two equal names, an infinite 1e999, half a surrogate pair) and what it cannot survive
(deep nesting, integers of thousands of digits) is refused around it.

Decided where the RFC leaves it open: one byte order mark in front is ignored; integers are kept exactly
within 64 bits; a number that would become infinite, or zero without being zero, is refused; the character
U+0000 is refused, as it is in tables.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from whybox.errors import (
    JsonDuplicateKeyError,
    JsonEncodingError,
    JsonError,
    JsonInvalidError,
    JsonTooDeepError,
    NumberOutOfRangeError,
    TextInvalidError,
)

MAX_DEPTH: Final = 32
"""Arrays and objects inside one another; the deepest document of this service needs fewer than ten."""

SMALLEST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**63 - 1
_MAX_INTEGER_LENGTH: Final = len(str(SMALLEST_INTEGER))

BYTE_ORDER_MARK: Final = "\ufeff"
# Possessive, so that a long string costs neither memory nor a second look. A quote alone never ends.
_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRINGS_AND_BRACKETS: Final = re.compile(rf'{_STRING}|[\[{{]|[\]}}]|"', re.DOTALL)
_STRINGS_AND_WORDS: Final = re.compile(rf'{_STRING}|[^\s",:\[\]{{}}]++', re.DOTALL)
_NAME_END: Final = re.compile(r"[ \t\n\r]*:")
_SUSPECT_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NO_CHARACTER: Final = re.compile("[\x00\ud800-\udfff]")

# The beginnings of the standard library's messages; it adds to some of them what it found.
_REASONS: Final = {
    "Expecting value": "has no value where one is needed",
    "Expecting property name": "has no quoted name where one is needed",
    "Expecting ':'": "has no colon after a name",
    "Expecting ','": "has no comma where one is needed",
    "Illegal trailing comma": "has a comma with nothing after it",
    "Unterminated string": "has a string that is not closed",
    "Invalid control character": "has a control character in a string",
    "Invalid \\": "has an escape in a string that there is not",
    "Extra data": "goes on after its end",
}


class _WordError(Exception):
    """A bare word that cannot be kept: a constant that JSON has not, or a number out of range."""

    def __init__(self, word: str, kind: type[JsonError], reason: str) -> None:
        super().__init__(reason)
        self.word = word
        self.kind = kind
        self.reason = reason


class _RepeatedNameError(Exception):
    """An object has a name twice."""


def parse_json(body: bytes) -> Any:
    """Return what a JSON text says, as dictionaries, lists, str, int, float, bool and None.

    Raises
    ------
    JsonEncodingError
        The bytes are not UTF-8.
    JsonTooDeepError
        Arrays and objects are nested beyond ``MAX_DEPTH``.
    JsonInvalidError
        The text breaks the grammar.
    JsonDuplicateKeyError
        An object has a name twice, however it is escaped.
    NumberOutOfRangeError
        An integer is beyond 64 bits, or a number would become infinite or zero.
    TextInvalidError
        A text or a name holds half of a surrogate pair, or U+0000.

    """
    text = _decode(body)
    start = text.startswith(BYTE_ORDER_MARK)
    text = text[start:]

    def offset(position: int) -> int:
        return len(text[:position].encode()) + (len(BYTE_ORDER_MARK.encode()) if start else 0)

    deep = _too_deep_at(text)
    if deep is not None:
        reason = f"nests arrays and objects deeper than {MAX_DEPTH}"
        raise JsonTooDeepError(reason, byte_offset=offset(deep), limit=MAX_DEPTH)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonInvalidError(_reason(error.msg), byte_offset=offset(error.pos)) from error
    except _WordError as error:
        raise error.kind(error.reason, byte_offset=offset(_word_at(text, error.word))) from error
    except _RepeatedNameError as error:
        repeated = offset(_repeated_name_at(text))
        raise JsonDuplicateKeyError("has a name twice in one object", byte_offset=repeated) from error
    broken = _broken_text_at(text)
    if broken is not None:
        raise TextInvalidError(
            "has a text with half of a surrogate pair or with U+0000", byte_offset=offset(broken)
        )
    return value


def _decode(body: bytes) -> str:
    # UTF-16 of plain letters is valid UTF-8 with NULs between them; the grammar would blame a letter.
    if len(body) % 2 == 0 and 0 in body[:2]:
        raise JsonEncodingError("is not UTF-8 but looks like UTF-16", byte_offset=body.index(0))
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonEncodingError("is not UTF-8", byte_offset=error.start) from error


def _too_deep_at(text: str) -> int | None:
    """Return where the nesting passes the limit, as far as a parser could get, before it recurses."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return None
    depth = 0
    for token in _STRINGS_AND_BRACKETS.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif mark in "]}":
            depth -= 1
        elif mark == '"':
            return None
    return None


def _keep_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    kept = dict(pairs)
    if len(kept) < len(pairs):
        raise _RepeatedNameError
    return kept


def _keep_integer(word: str) -> int:
    # The length comes first: the time to read an integer grows with the square of its digits.
    if len(word) <= _MAX_INTEGER_LENGTH:
        value = int(word)
        if SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            return value
    raise _WordError(word, NumberOutOfRangeError, "has an integer beyond 64 bits")


def _keep_number(word: str) -> float:
    value = float(word)
    if math.isinf(value):
        raise _WordError(word, NumberOutOfRangeError, "has a number too large for 64 bits")
    if value == 0 and word.lower().partition("e")[0].strip("-0."):
        raise _WordError(word, NumberOutOfRangeError, "has a number that is not 0 and would become 0")
    return value


def _refuse_constant(word: str) -> None:
    raise _WordError(word, JsonInvalidError, "has NaN or Infinity, which JSON has not")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_keep_object,
    parse_int=_keep_integer,
    parse_float=_keep_number,
    parse_constant=_refuse_constant,
)


def _reason(message: str) -> str:
    """Put the standard library's finding into our words."""
    for beginning, reason in _REASONS.items():
        if message.startswith(beginning):
            return reason
    return "breaks the grammar"


def _word_at(text: str, word: str) -> int:
    """Return where a word stands first outside of strings, alone or with rubbish behind it."""
    for is_found in (str.__eq__, str.startswith):
        for token in _STRINGS_AND_WORDS.finditer(text):
            if is_found(token[0], word):
                return token.start()
    return 0


def _repeated_name_at(text: str) -> int:
    """Return where an object has a name for the second time."""
    names: list[set[str]] = []
    for token in _STRINGS_AND_BRACKETS.finditer(text):
        mark = token[0]
        if mark in "[{":
            names.append(set())
        elif mark in "]}":
            names.pop()
        elif names and _NAME_END.match(text, token.end()):
            name = json.loads(mark)
            if name in names[-1]:
                return token.start()
            names[-1].add(name)
    return 0


def _broken_text_at(text: str) -> int | None:
    """Return where a string begins that holds what is no character; a raw one was refused before."""
    if not _SUSPECT_ESCAPE.search(text):
        return None
    for token in _STRINGS_AND_BRACKETS.finditer(text):
        if _SUSPECT_ESCAPE.search(token[0]) and _NO_CHARACTER.search(json.loads(token[0])):
            return token.start()
    return None
