"""Explain a table in one go, as a request that is answered at once asks for it."""

from __future__ import annotations

from typing import Any

from whybox.services.describe_result import FULL_LAYOUT, Layout, describe_result
from whybox.services.explain_blocks import OnRows
from whybox.services.finish_explanation import compute_explanation
from whybox.services.prepare_explanation import PreparedExplanation


def run_explanation(
    prepared: PreparedExplanation,
    *,
    on_rows: OnRows | None = None,
    n_threads: int = 1,
    layout: Layout = FULL_LAYOUT,
) -> dict[str, Any]:
    """Fit, predict, score and explain; return the result document in plain Python values.

    Same bytes, request and versions give the same document, in any number of threads, but for
    ``receipt.seconds``, and ``explanation.engine`` on another processor.

    Raises
    ------
    FitFailedError, IntervalLevelError
        The rows do not carry what was asked for.
    ComputationError
        A number failed its own check.

    """
    return describe_result(compute_explanation(prepared, on_rows=on_rows, n_threads=n_threads), layout)
