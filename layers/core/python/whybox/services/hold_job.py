"""Hold a job while working on it: who works, how long they may, and the lease that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Worker:
    """The function that works on a job, as far as a service needs to know it.

    ``describe`` turns an error into the problem document that the job keeps.
    """

    function: str
    remaining_seconds: Callable[[], float]
    peak_memory_mb: Callable[[], float]
    describe: Callable[[BaseException], Mapping[str, Any]]
