"""The function a request runs in, as a worker on its job: its time, its memory and its words for errors."""

from __future__ import annotations

import resource
import sys
from time import monotonic
from typing import Any, Final

from whybox.http.problems import problem_document
from whybox.services.hold_job import Worker

HTTP_SECONDS: Final = 29.0
"""What template.yaml gives functions behind an HTTP API, for where no context says so."""


def worker_of(context: Any, *, function: str, request_id: str, n_threads: int) -> Worker:
    """Return the worker of an invocation; without Lambda's context its time is counted from now."""
    started = monotonic()

    def remaining_seconds() -> float:
        if context is None:
            return HTTP_SECONDS - (monotonic() - started)
        return float(context.get_remaining_time_in_millis()) / 1000

    return Worker(
        function=function,
        remaining_seconds=remaining_seconds,
        peak_memory_mb=peak_memory_mb,
        describe=lambda error: problem_document(error, request_id=request_id),
        n_threads=n_threads,
    )


def peak_memory_mb() -> float:
    """Return the most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
