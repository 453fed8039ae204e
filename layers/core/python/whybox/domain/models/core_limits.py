"""One request, one core: scikit-learn's threads are held back while it fits and predicts.

Its OpenMP loops start a thread per core and spin until all have arrived. Beside other busy processes that
made fits of 50 rows take seconds instead of milliseconds. Sums also come out the same on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def one_core() -> Iterator[None]:
    """Hold the loaded BLAS and OpenMP libraries to one thread, in the whole process, while the block runs.

    scikit-learn must have been imported: only libraries that were loaded at the first call are held.
    """
    if _start_alone():
        yield
        return
    with _libraries().limit(limits=1):
        yield


@cache
def _start_alone() -> bool:
    """Return whether all of them begin with one thread, as the functions' environment asks them to.

    Holding them anyway would take a tenth of a millisecond each time.
    """
    return all(library["num_threads"] == 1 for library in _libraries().info())


@cache
def _libraries() -> Any:
    """Return the loaded libraries; looking for them takes three milliseconds, so it is done once."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
