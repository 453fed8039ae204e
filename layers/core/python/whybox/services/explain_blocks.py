"""Fit once, explain block by block, finish: the same bytes whoever computes which block.

prepared ──fit_explanation──▶ FittedExplanation ──explain_block──▶ AttributedBlock, one per BLOCK_ROWS rows
                                        └──finish_explanation(blocks)──▶ ExplanationResult (arrays)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from whybox.domain.models.fitted_models import FittedModel, Float64s, Unit
from whybox.services.prepare_explanation import PreparedExplanation

BLOCK_ROWS: Final = 8_192

OnRows = Callable[[int], None]
"""Told how many of the explained rows are done; what it raises ends the work."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedExplanation:
    """A fitted model with its predictions of all test rows, in its natural unit; ``answers`` of the explained
    rows in the unit of the explanation.
    """

    prepared: PreparedExplanation
    model: FittedModel
    outputs: Float64s
    seconds: float

    @property
    def n_blocks(self) -> int:
        """Blocks of rows; 0 where rows are not attributed."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class AttributedBlock:
    """Attributions of block ``index``: values (n, p, n_outputs); ``std_error`` is None where all are exact."""

    index: int
    values: Float64s
    std_error: Float64s | None
    base_values: Float64s
    algorithm: str
    unit: Unit

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what ``block_of`` makes the block of again, to be kept without pickle."""
        raise NotImplementedError


def block_of(arrays: Mapping[str, NDArray[Any]]) -> AttributedBlock:
    """Return the block that was kept as arrays."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class ExplanationResult:
    """All numbers of a result, as arrays."""


def count_blocks(prepared: PreparedExplanation) -> int:
    """Return the blocks of an explanation; 0 where rows are not attributed."""
    raise NotImplementedError


def fit_explanation(prepared: PreparedExplanation) -> FittedExplanation:
    """Fit the model and predict the test rows; the same bytes in every process."""
    raise NotImplementedError


def explain_block(fitted: FittedExplanation, index: int, *, on_rows: OnRows | None = None) -> AttributedBlock:
    """Attribute the rows of one block; ``on_rows`` counts from the first row of all blocks."""
    raise NotImplementedError


def finish_explanation(fitted: FittedExplanation, blocks: Iterable[AttributedBlock]) -> ExplanationResult:
    """Score the model and gather all blocks, which come in order; a permutation importance has none."""
    raise NotImplementedError


def compute_explanation(prepared: PreparedExplanation, *, on_rows: OnRows | None = None) -> ExplanationResult:
    """Fit, explain every block, finish."""
    raise NotImplementedError
