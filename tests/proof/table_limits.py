"""Every limit of the table reader at its full size: what lies on it is read, and one more is refused at once.

Each file is read in a process of its own, which has nothing else in memory, so that the peak of its memory
shows what a refusal costs beside the file itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from whybox.domain.tables import read_table
from whybox.domain.tables.dialects import ReadOptions
from whybox.errors import InputError

LONGEST_SECONDS = 1.0
LARGEST_GROWTH = 50_000_000
LIMITS = ReadOptions()


@dataclass(frozen=True, slots=True)
class LimitReading:
    """One file on or beyond a limit: the verdict, and what it took."""

    limit: str
    actual: int
    verdict: str
    seconds: float
    growth_bytes: int


@dataclass(frozen=True, slots=True)
class TableLimits:
    """All readings, and in words which of them were wrong, slow or large."""

    readings: tuple[LimitReading, ...]
    violations: tuple[str, ...]


def _with_bytes(n_bytes: int) -> bytes:
    row = b"x" * 99_998 + b",1\n"
    n_rows, n_left = divmod(n_bytes - len(b"a,b\n"), len(row))
    rest = b"" if n_left == 0 else b"x" * max(n_left - 3, 0) + b",1\n"[-n_left:]
    return b"a,b\n" + row * n_rows + rest


def _with_rows(n_rows: int) -> bytes:
    return b"a,b\n" + b"1,2\n" * n_rows


def _with_columns(n_columns: int) -> bytes:
    return _with_shape(1, n_columns)


def _with_cells(n_cells: int) -> bytes:
    n_columns = next(width for width in range(1_000, 9, -1) if n_cells % width == 0)
    return _with_shape(n_cells // n_columns, n_columns)


def _with_shape(n_rows: int, n_columns: int) -> bytes:
    header = ",".join(f"c{column}" for column in range(n_columns)).encode()
    return header + b"\n" + (b",".join([b"1"] * n_columns) + b"\n") * n_rows


def _with_cell(n_bytes: int) -> bytes:
    return b"a,b\n1,2\n3," + b"x" * n_bytes + b"\n4,5\n"


def _with_line(n_bytes: int) -> bytes:
    width = 64
    n_each, n_left = divmod(n_bytes - (width - 1), width)
    cells = [*[b"x" * n_each] * (width - 1), b"x" * (n_each + n_left)]
    header = ",".join(f"c{column}" for column in range(width)).encode()
    return header + b"\n" + b",".join(cells) + b"\n" + b",".join([b"1"] * width) + b"\n"


def _with_name(n_characters: int) -> bytes:
    return "é".encode() * n_characters + b",b\n1,2\n"


FILES: dict[str, tuple[Callable[[int], bytes], int, str]] = {
    "max_bytes": (_with_bytes, LIMITS.max_bytes, "csv-too-large"),
    "max_rows": (_with_rows, LIMITS.max_rows, "csv-too-many-rows"),
    "max_columns": (_with_columns, LIMITS.max_columns, "csv-too-many-columns"),
    "max_cells": (_with_cells, LIMITS.max_cells, "csv-too-many-cells"),
    "max_cell_bytes": (_with_cell, LIMITS.max_cell_bytes, "csv-cell-too-large"),
    "max_line_bytes": (_with_line, LIMITS.max_line_bytes, "csv-line-too-long"),
    "max_name_length": (_with_name, LIMITS.max_name_length, "csv-column-name-invalid"),
}
BELOW = {"max_cells": 19_999_998}
"""One less than the limit has no divisor that is a width."""


def prove(limits: tuple[str, ...] = tuple(FILES)) -> TableLimits:
    """Read a file below, on and beyond each of these limits."""
    readings: list[LimitReading] = []
    violations: list[str] = []
    with TemporaryDirectory() as folder:
        for name in limits:
            write, limit, code = FILES[name]
            for actual in (BELOW.get(name, limit - 1), limit, limit + 1):
                path = Path(folder) / "table.csv"
                path.write_bytes(write(actual))
                verdict, seconds, growth = _read_in_child(path)
                readings.append(LimitReading(name, actual, verdict, seconds, growth))
                expected = code if actual > limit else "accepted"
                is_cheap = seconds < LONGEST_SECONDS and growth < LARGEST_GROWTH
                if verdict != expected or (actual > limit and not is_cheap):
                    found = f"{verdict} in {seconds:.2f} s with {growth / 1e6:.0f} MB"
                    violations.append(f"{name} = {limit}, {actual} in the file: {found}")
    return TableLimits(tuple(readings), tuple(violations))


def _read_in_child(path: Path) -> tuple[str, float, int]:
    command = [sys.executable, "-m", "tests.proof.table_limits", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    verdict, seconds, growth = json.loads(found.stdout)
    return verdict, seconds, growth


def _read(path: Path) -> tuple[str, float, int]:
    """Return the verdict on a file, its seconds of processor time, and how far the peak of memory rose."""
    read_table(b'a,b\n1,"x"\n')
    data = path.read_bytes()
    before, started = _peak_bytes(), process_time()
    try:
        read_table(data)
        verdict = "accepted"
    except InputError as error:
        verdict = error.code
    return verdict, process_time() - started, _peak_bytes() - before


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_read(Path(sys.argv[1]))))
    else:
        proof = prove()
        for reading in proof.readings:
            print(reading)
        print("\n".join(proof.violations) or "every limit holds")
        sys.exit(bool(proof.violations))
