"""Write docs/reference/starts.md: what starts and requests of the built functions take in their containers.

usage: python -m tests.e2e.measure_page [REPEATS]     after python -m tests.e2e.measure_imports
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.machine import describe_machine
from tests.e2e import measure_imports, measure_starts

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "starts.md"
TEXT = """# Starts

What the built functions take in their containers under `sam local`, written by `make starts`. A container has
the memory that the template says and the whole processor of the machine; a deployed function of 1769 MB has
one core. Figures of one machine compare with figures of the same machine only.

Machine: {machine}

## First and later requests

Seconds of the function itself, as Lambda's emulator reports them. The first request of a container includes
the imports and the first connections; what `sam` adds for the container is no part of a deployed start.
Medians of {repeats} first and {later} later requests, on the tables of the compatibility tests (569 rows x 30
columns for classes, 506 x 13 for numbers).

{starts}

## Imports, with and without compiled modules

A new process in a new container each: `handler.py`, then all that its first usual request loads; the fastest
of {repeats}. *Everything* is no function: it is what one may need that fits any model, explains it and writes
Parquet. The layers compile what functions are known to import (`infra/layers`).

{imports}
"""


def main() -> None:
    """Measure, and write the page."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    imports = measure_imports.measure_all(repeats)
    print(imports)
    starts = measure_starts.measure_all(repeats)
    print(starts)
    later = repeats * measure_starts.WARM_REQUESTS
    PAGE.write_text(
        TEXT.format(machine=describe_machine(), repeats=repeats, later=later, starts=starts, imports=imports),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
