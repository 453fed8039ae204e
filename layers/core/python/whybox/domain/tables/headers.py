"""Column names: checked so that each is one visible, unambiguous, harmless word for a column."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from whybox.domain.notices import Notice
from whybox.domain.tables.cells import is_number
from whybox.domain.tables.dialects import ReadOptions
from whybox.errors import (
    BlankColumnError,
    ColumnNameError,
    DuplicateColumnError,
    HeaderSuspectError,
    TooFewColumnsError,
)

RESERVED_NAMES = frozenset({"__proto__"})  # would change the object it is set on in a browser
SMALLEST_TITLE_WIDTH = 3  # one name followed by at least two blank ones is a title line, not a header


def name_columns(header: Sequence[str], options: ReadOptions) -> tuple[tuple[str, ...], list[Notice]]:
    """Return the column names, outer spaces trimmed, and a notice for each that was trimmed.

    Names are otherwise kept character for character; they are compared after trimming, Unicode NFC and case
    folding. Raises the TableError of the first rule a name breaks.
    """
    names = tuple(name.strip() for name in header)
    blank = [position for position, name in enumerate(names, start=1) if not name]
    if len(names) >= SMALLEST_TITLE_WIDTH and len(blank) == len(names) - 1:
        raise HeaderSuspectError(row=1, reason="has one single name, like a title line")
    written = [name for name in names if name]
    if written and all(is_number(name) for name in written):
        raise HeaderSuspectError(row=1, reason="holds only numbers, like a row of data")
    if blank:
        raise BlankColumnError(positions=blank)
    if len(names) < 2:
        raise TooFewColumnsError(actual=len(names))
    _check_characters(names, options)
    _check_duplicates(names)
    notices = [
        Notice("column-name-trimmed", "spaces around the column name were removed", column=name)
        for name, raw in zip(names, header, strict=True)
        if name != raw
    ]
    return names, notices


def _check_characters(names: Sequence[str], options: ReadOptions) -> None:
    for position, name in enumerate(names, start=1):
        if len(name) > options.max_name_length:
            reason = f"is longer than {options.max_name_length} characters"
            raise ColumnNameError(position=position, reason=reason)
        if any(unicodedata.category(character) == "Cc" for character in name):
            raise ColumnNameError(position=position, reason="holds a control character or a line break")
        if name in RESERVED_NAMES:
            raise ColumnNameError(position=position, reason="is a reserved word")


def _check_duplicates(names: Sequence[str]) -> None:
    seen: set[str] = set()
    repeated = []
    for name in names:
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            repeated.append(name)
        seen.add(folded)
    if repeated:
        raise DuplicateColumnError(names=repeated)
