"""Which of our own threads work on rows, seen from outside: Python tells of every call in a new thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from whybox.domain.explanations.row_blocks import THREAD_NAME


@contextmanager
def row_threads() -> Iterator[set[str]]:
    """Yield a set that the names of the threads which work on rows come into."""
    names: set[str] = set()

    def note(frame: Any, event: str, _argument: Any) -> None:
        # A pool's thread is known by its name from this function on; asked before, Python makes one up.
        if event == "call" and frame.f_code.co_name == "_worker":
            name = threading.current_thread().name
            names.update({name} if name.startswith(THREAD_NAME) else ())

    before = threading.getprofile()
    threading.setprofile(note)
    try:
        yield names
    finally:
        threading.setprofile(before)  # type: ignore[arg-type]  # None ends it
