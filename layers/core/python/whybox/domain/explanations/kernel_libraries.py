"""The compiled kernel where it fits this machine, loaded when it is first asked for; numpy serves elsewhere.

layers/core/kernel/*.c ──infra/layers/build_kernel.py──▶ whybox/libwhybox.so ──load_kernel──▶ Kernel | None

Every primitive has a numpy twin with the same answers. Which of the two ran is said by ``engine_name``.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from whybox.errors import ExplanationCheckError

LIBRARY = Path(__file__).parents[2] / "libwhybox.so"

Engine = Literal["auto", "numpy"]

VERSION = 6
"""Of the structures both sides know, ``WB_VERSION`` in kernel.h."""

_STATUSES = (
    "ok",
    "bad count",
    "bad root",
    "bad child",
    "cycle",
    "bad column",
    "bad number",
    "no memory",
    "bad level",
)
_NO_MEMORY = 7


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The loaded library at one of its levels: baseline, avx2 or avx512; neon on arm64.

    A level changes how many rows are computed at once, and not one bit of an answer.
    """

    library: ctypes.CDLL
    number: int
    level: str

    def call(self, primitive: str, *arguments: Any) -> None:
        """Run a primitive, without Python's lock.

        Raises
        ------
        ExplanationCheckError : it refused the layout it was given
        MemoryError : it found no room for its working arrays
        """
        self.check(primitive, getattr(self.library, primitive)(ctypes.c_int32(self.number), *arguments))

    def check(self, primitive: str, status: int) -> None:
        """Raise what a status other than 0 says; see ``call``."""
        if status == _NO_MEMORY:
            raise MemoryError(primitive)
        if status:
            raise ExplanationCheckError(f"{primitive}: {_STATUSES[status]}", found=status, tolerance=0.0)


@cache
def load_kernel(level: str | None = None) -> Kernel | None:
    """Return the kernel at a level, by default at the best of this processor.

    None where there is no library, where it is of another processor or version, or has no such level.
    """
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    if library.wb_version() != VERSION:
        return None
    library.wb_level_name.restype = ctypes.c_char_p
    names = [library.wb_level_name(number).decode() for number in range(library.wb_best_level() + 1)]
    if level is not None and level not in names:
        return None
    number = len(names) - 1 if level is None else names.index(level)
    return Kernel(library=library, number=number, level=names[number])


def choose_kernel(engine: Engine) -> Kernel | None:
    """Return what shall compute: the kernel where there is one, None where numpy serves or is asked for."""
    return load_kernel() if engine == "auto" else None


def engine_name(kernel: Kernel | None) -> str:
    """Return what computes: "kernel avx512", or "numpy"."""
    return "numpy" if kernel is None else f"kernel {kernel.level}"
