"""Render a result as files: JSON, Parquet, a page, and CSV where it is not too large."""

from __future__ import annotations

from typing import Any, Final

from whybox.services.deliver_result import RenderedFile
from whybox.services.explain_blocks import ExplanationResult

SUMMARY_CELLS: Final = 200_000
CSV_CELLS: Final = 5_000_000


def result_document(result: ExplanationResult) -> dict[str, Any]:
    """Return the result document in plain Python values: whole, whatever its size."""
    raise NotImplementedError


def render_result(result: ExplanationResult, *, route: str, function: str) -> dict[str, RenderedFile]:
    """Return every file of a result by its name."""
    raise NotImplementedError
