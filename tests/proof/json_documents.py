"""Mutated JSON texts by the thousands: the reader agrees with a grammar check written from RFC 8259 alone.

Each case is a text written from the grammar, mutated by a few edits of its bytes. A second reading, byte by
byte and without any library, says whether the grammar derives it, what it says, and which of the reader's own
rules it breaks. Where it is a text without fault,
the reader must return the same value; where it breaks rules,
the reader must name one of them; any other exception is a violation.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import Any

from tests.proof.json_readings import NotJsonError, SecondReading

from whybox.errors import WhyboxError
from whybox.http.json_documents import parse_json

PIECES = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"1", b"-", b"+", b".", b"e", b"E", b"9" * 19,
    b"1e999", b"1e-999", b"NaN",
    b"Infinity", b"-Infinity", b"true", b"fals", b"null", b"\\u", b"\\u0000", b"\\ud800", b"\\udc00",
    b"\\ud83d\\ude00", b"\\n", b"\\x",
    b"\x00", b"\x0b", b"\x0c", b"\x1f", b"\x7f", b" ", b"\t", b"\r", b"\n", b"\xc2\xa0", b"\xe2\x80\xa8",
    b"\xef\xbb\xbf", b"\xff", b"\xc0\xaf",
    b"\xed\xa0\x80", b"\xe9", "é".encode(), "😀".encode(), b"/", b"//", b"/*", b"'", b"#", b"01", b"1.",
    b".5", b'"a":', b'"a":1,', b"[" * 33, b"[" * 16, b"]" * 16,
)  # fmt: skip
SPACES = (b"", b"", b"", b"", b" ", b"\n", b"\t", b"\r\n")


@dataclass(frozen=True, slots=True)
class JsonDocuments:
    """How many texts were read, how many of them accepted, and in words where the two readings differ."""

    n_cases: int
    n_accepted: int
    violations: tuple[str, ...]


def prove(n_cases: int = 200_000, *, seed: int = 0) -> JsonDocuments:
    """Read texts from one seed."""
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    n_accepted, violations = 0, []
    for _ in range(n_cases):
        text = _mutate(_write_value(rng, depth=0), rng)
        is_accepted, violation = _compare(text)
        n_accepted += is_accepted
        if violation:
            violations.append(f"{violation}: {text!r}")
    return JsonDocuments(n_cases, n_accepted, tuple(violations))


def _compare(text: bytes) -> tuple[bool, str]:
    """Return whether the reader accepted a text, and what is wrong with its verdict."""
    expected: Any = None
    try:
        expected, broken = SecondReading(text).read()
    except NotJsonError:
        broken = {
            "json-invalid",
            "json-encoding",
            "json-too-deep",
            "number-out-of-range",
            "json-duplicate-key",
        }
    try:
        actual = parse_json(text)
    except WhyboxError as error:
        return (
            False,
            "" if error.code in broken else f"refused with {error.code}, expected {broken or 'a value'}",
        )
    except Exception as error:  # noqa: BLE001 - that none gets out is the claim
        return False, f"raised {type(error).__name__}"
    if broken:
        return True, f"accepted, expected {broken}"
    return True, "" if _same(actual, expected) else "read another value"


def _same(one: Any, other: Any) -> bool:
    """Compare with types: 1, 1.0 and true are three things."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _write_value(rng: random.Random, *, depth: int) -> bytes:
    kind = rng.randrange(10 if depth < 4 else 6)
    space = rng.choice(SPACES)
    if kind < 3:
        value = _write_number(rng)
    elif kind < 5:
        value = _write_string(rng)
    elif kind == 5:
        value = rng.choice((b"true", b"false", b"null"))
    elif kind < 8:
        value = (
            b"["
            + b",".join(_write_value(rng, depth=depth + 1) for _ in range(rng.randrange(4)))
            + space
            + b"]"
        )
    else:
        value = b"{" + b",".join(_write_member(rng, depth) for _ in range(rng.randrange(4))) + space + b"}"
    return space + value + rng.choice(SPACES)


def _write_member(rng: random.Random, depth: int) -> bytes:
    return (
        rng.choice(SPACES)
        + _write_string(rng)
        + rng.choice(SPACES)
        + b":"
        + _write_value(rng, depth=depth + 1)
    )


def _write_number(rng: random.Random) -> bytes:
    parts = [rng.choice(("", "-")), str(rng.choice((0, rng.randrange(10), rng.randrange(10**20))))]
    if rng.random() < 0.4:
        parts.append(f".{rng.randrange(10 ** rng.randrange(1, 20))}")
    if rng.random() < 0.3:
        parts.append(f"{rng.choice('eE')}{rng.choice(('', '+', '-'))}{rng.choice((0, 7, 22, 300, 330))}")
    return "".join(parts).encode()


def _write_string(rng: random.Random) -> bytes:
    parts = (
        b"a",
        b"b",
        b" ",
        "é".encode(),
        "😀".encode(),
        b"\\n",
        b'\\"',
        b"\\\\",
        b"\\/",
        b"\\u00e9",
        b"\\uD83D\\uDe00",
        b"[",
    )
    return b'"' + b"".join(rng.choices(parts, k=rng.randrange(4))) + b'"'


def _mutate(text: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 0, 1, 1, 2, 5)))
        text = (
            text[:start]
            + rng.choice((b"", rng.choice(PIECES), text[end : end + 4], bytes([rng.randrange(256)])))
            + text[end:]
        )
    return text


def main() -> int:
    """Print the count and every violation; 1 where there is one."""
    found = prove()
    counts = f"{found.n_cases} texts, {found.n_accepted} accepted, {len(found.violations)} violations"
    print(f"json documents: {counts}")
    print(*found.violations[:20], sep="\n")
    return 1 if found.violations or not found.n_accepted else 0


if __name__ == "__main__":
    sys.exit(main())
