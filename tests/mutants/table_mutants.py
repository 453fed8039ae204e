"""Mutants of the table reader: what lets a broken file through, or reads it by other rules."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

RECORDS, TABLES = "tests/unit/domain/tables/test_records.py", "tests/unit/domain/tables/test_tables.py"
BLOCKS = "domain/tables/record_blocks.py"

MUTANTS = (
    Mutant(
        "pre-scan-off",
        "a file is not looked over before its cells are made",
        "domain/tables/records.py",
        "    check_dialect(_sample(data), declared=options.delimiter)\n    _refuse_oversize(data, options)\n",
        "",
        (
            f"{RECORDS}::test_another_delimiter_is_named",
            f"{RECORDS}::test_too_many_rows_are_refused_in_little_memory",
        ),
    ),
    Mutant(
        "count-before-reading-off",
        "rows are counted only while their cells are made",
        "domain/tables/records.py",
        "    _refuse_oversize(data, options)\n",
        "",
        (f"{RECORDS}::test_too_many_rows_are_refused_in_little_memory",),
    ),
    Mutant(
        "nul-check-off",
        "a NUL byte in a file is not looked for",
        BLOCKS,
        "        if self.nul >= 0:\n",
        "        if self.nul > len(self.codes):\n",
        (f"{RECORDS}::test_a_nul_byte_is_refused_at_its_place",),
    ),
    Mutant(
        "quote-check-off",
        "quotes may stand anywhere",
        BLOCKS,
        "        if at < len(self.codes):\n",
        "        if at < -len(self.codes):\n",
        (f"{RECORDS}::test_a_quote_that_does_not_hold_a_whole_cell_is_refused_at_its_place",),
    ),
    Mutant(
        "width-check-off",
        "rows may be wider or narrower than the header",
        "domain/tables/records.py",
        "        is_ragged = widths != n_columns\n",
        "        is_ragged = widths < 0\n",
        (
            f"{RECORDS}::test_a_shift_of_every_row_is_refused",
            f"{RECORDS}::test_ragged_rows_are_counted_to_the_end_and_the_first_twenty_listed",
        ),
    ),
    Mutant(
        "encoding-check-off",
        "bytes that are not UTF-8 are not looked for",
        BLOCKS,
        "    if piece.isascii():\n",
        "    if piece:\n",
        (f"{RECORDS}::test_text_that_is_not_utf8_is_refused_at_its_byte",),
    ),
    Mutant(
        "delimiter-check-off",
        "another delimiter is not looked for",
        "domain/tables/dialects.py",
        "    if _even_count(declared, lines):\n",
        "    if lines:\n",
        (f"{RECORDS}::test_another_delimiter_is_named",),
    ),
    Mutant(
        "limits-off",
        "rows, columns and cells are not counted against their limits",
        "domain/tables/records.py",
        "        if actual > limit:\n",
        "        if actual < 0:\n",
        (f"{RECORDS}::test_each_limit_holds_exactly",),
    ),
    Mutant(
        "cell-limit-off",
        "cells and lines may be of any length",
        BLOCKS,
        "        if len(self.codes) <= min(options.max_cell_bytes, options.max_line_bytes):\n",
        "        if len(self.codes):\n",
        (f"{RECORDS}::test_each_limit_holds_exactly",),
    ),
    Mutant(
        "second-parser",
        "pandas reads the file instead of our one pass",
        "domain/tables/records.py",
        """\
    gathering = _Gathering(options)
    for block in scan_blocks(data, options, block_bytes=block_bytes):
        gathering.add(block)
    return gathering.records()
""",
        """\
    import io

    import pandas

    frame = pandas.read_csv(io.BytesIO(data), sep=options.delimiter, dtype=str, keep_default_na=False)
    columns = tuple(CELL_END.join(frame.iloc[:, place]) for place in range(frame.shape[1]))
    return Records(tuple(frame.columns), columns, len(frame), np.empty(0, dtype=np.int64))
""",
        (
            f"{RECORDS}::test_a_shift_of_every_row_is_refused",
            f"{RECORDS}::test_ragged_rows_are_counted_to_the_end_and_the_first_twenty_listed",
            f"{RECORDS}::test_a_nul_byte_is_refused_at_its_place",
        ),
    ),
    Mutant(
        "leading-zeros-dropped",
        "007 is the number 7",
        "domain/tables/cells.py",
        "    if _LEADING_ZERO.search(codes):\n        return None\n",
        "",
        (f"{TABLES}::test_what_is_no_decimal_number_keeps_its_column_text",),
    ),
    Mutant(
        "infinite-numbers-kept",
        "1e999 is a number like any other",
        "domain/tables/column_kinds.py",
        "        if infinite:\n",
        "        if len(infinite) > len(values):\n",
        (f"{TABLES}::test_infinite_numbers_are_refused_with_row_and_column",),
    ),
)
