"""Estimate what a job takes, and choose the function that should do it; free of charge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from whybox.services.prepare_explanation import PreparedExplanation

Route = Literal["light", "heavy", "batch"]

LIGHT_SECONDS: Final = 25.0
"""An HTTP API gives up after 30 seconds, wherever they went."""

BATCH_SECONDS: Final = 300.0
"""Work beyond it is shared out over many functions."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the functions have, in megabytes."""

    light_memory_mb: int = 1769
    heavy_memory_mb: int = 3008


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class JobEstimate:
    """What a job takes on one core, reading and rendering included, and where it goes."""

    seconds: float
    memory_mb: float
    route: Route

    def as_document(self) -> dict[str, Any]:
        """Return what a caller is told."""
        return asdict(self)


def estimate_job(prepared: PreparedExplanation, *, limits: Limits = DEFAULT_LIMITS) -> JobEstimate:
    """Return seconds, memory and the route of a job.

    Raises
    ------
    JobTooLargeError
        No function could finish it.

    """
    raise NotImplementedError
