"""Partial dependence and individual curves: a model's answers when one column is set to each of its values.

rows (n, p) × grid (g,) ──▶ hybrids: the column is the grid value, the rest is the row's ──▶ answers (g, n)
                                                   mean over rows: partial dependence ◀──┤
                                              a handful of rows: individual curves  ◀────┘
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.model_views import ModelView
from whybox.errors import ExplanationCheckError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_CELLS = 4_000_000
"""Cells of hybrid rows predicted in one batch: 32 MB."""

TAIL = 0.01
"""Share of the values on either end that the grid leaves out: a single outlier must not stretch a curve."""


@dataclass(frozen=True, slots=True)
class CurvePlan:
    """How fine curves are, and on how many rows.

    Attributes
    ----------
    n_points : most grid points of a numeric column; categories all have their own
    n_rows : rows the answers are averaged over, a random sample where there are more
    n_individuals : rows whose own curves are returned
    seed : of the two choices of rows
    """

    n_points: int = 20
    n_rows: int = 1000
    n_individuals: int = 10
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PartialDependence:
    """The curves of one column.

    Attributes
    ----------
    column : user column
    grid : float64 (g,), increasing values that occur in the column; where cells are missing, NaN is last
    mean : float64 (g, n_outputs), mean answer over the rows, in the unit of the view
    std_error : float64 (g, n_outputs), standard error of that mean if the rows are a sample of the rows to
        come; NaN for a single row
    row_ids : int64 (r,), positions of the rows averaged over, increasing
    individual_ids : int64 (k,), those of the rows with curves of their own, increasing, a part of ``row_ids``
    individuals : float64 (k, g, n_outputs), their curves
    """

    column: int
    grid: Floats
    mean: Floats
    std_error: Floats
    row_ids: Ints
    individual_ids: Ints
    individuals: Floats


def trace_columns(
    view: ModelView,
    rows: Floats,
    columns: Sequence[int],
    *,
    categorical: Collection[int] = (),
    plan: CurvePlan | None = None,
) -> list[PartialDependence]:
    """Compute the curves of some columns.

    The mean after Friedman 2001, doi:10.1214/aos/1013203451; the curves of single rows after Goldstein et al.
    2015, doi:10.1080/10618600.2014.907095.

    Parameters
    ----------
    view : the model in one unit
    rows : float64 (n, p), user columns, at least one row; NaN = missing
    columns : user columns to trace, in the order of the result
    categorical : user columns whose values are codes of categories: every code that occurs is a grid point
    plan : fineness and number of rows

    Returns
    -------
    One PartialDependence per column. The other columns keep their joint distribution and lose their
    dependence on this one: hybrids of strongly correlated columns may lie where the model has seen no row.

    Raises
    ------
    ExplanationCheckError : an answer is not finite

    Notes
    -----
    Cost: one prediction of g x ``plan.n_rows`` rows per column, in batches of ``BLOCK_CELLS`` cells.
    """
    plan = plan or CurvePlan()
    generator = np.random.default_rng(plan.seed)
    row_ids = _choose(generator, np.arange(len(rows)), plan.n_rows)
    individual_ids = _choose(generator, row_ids, plan.n_individuals)
    individual_places = np.searchsorted(row_ids, individual_ids)
    sample = np.ascontiguousarray(rows[row_ids])
    curves = []
    for column in columns:
        n_points = len(rows) if column in categorical else plan.n_points
        grid = choose_grid(rows[:, column], n_points=n_points)
        mean, std_error = np.empty((2, len(grid), view.n_outputs))
        individuals = np.empty((len(individual_ids), len(grid), view.n_outputs))
        for points, answers in _answer_grid(view, sample, column, grid):
            mean[points] = answers.mean(axis=1)
            std_error[points] = _standard_error(answers)
            individuals[:, points] = np.moveaxis(answers[:, individual_places], 1, 0)
        curves.append(
            PartialDependence(
                column=int(column),
                grid=grid,
                mean=mean,
                std_error=std_error,
                row_ids=row_ids,
                individual_ids=individual_ids,
                individuals=individuals,
            )
        )
    return curves


def choose_grid(values: Floats, *, n_points: int) -> Floats:
    """Return where a column is asked at.

    Parameters
    ----------
    values : float64 (n,), the column's cells; NaN = missing
    n_points : most points, at least 2

    Returns
    -------
    float64 (g,), increasing: all values where there are no more than ``n_points`` different ones, otherwise
    those nearest to evenly spaced quantiles between ``TAIL`` and 1 - ``TAIL``. A point is always a value that
    occurs, so counts stay whole. Where cells are missing NaN comes last.
    """
    present = np.sort(values[~np.isnan(values)])
    different = np.unique(present)
    if len(different) > n_points:
        levels = np.linspace(TAIL, 1.0 - TAIL, n_points)
        different = np.unique(present[np.rint(levels * (len(present) - 1)).astype(np.int64)])
    return np.append(different, np.nan) if len(present) < len(values) else different


def _choose(generator: np.random.Generator, candidates: Ints, size: int) -> Ints:
    """Return at most ``size`` of the candidates, drawn without replacement, in increasing order."""
    if len(candidates) <= size:
        return candidates
    return np.sort(generator.choice(candidates, size=size, replace=False))


def _answer_grid(view: ModelView, rows: Floats, column: int, grid: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield some grid points and the answers (points, n, n_outputs) of all rows at them."""
    step = max(1, BLOCK_CELLS // rows.size)
    for start in range(0, len(grid), step):
        points = slice(start, min(start + step, len(grid)))
        hybrids = np.tile(rows, (points.stop - points.start, 1, 1))
        hybrids[:, :, column] = grid[points, None]
        flat = hybrids.reshape(-1, rows.shape[1])
        # One grid point of very many rows is still more than a batch.
        batch = max(1, BLOCK_CELLS // rows.shape[1])
        parts = [view.predict(flat[first : first + batch]) for first in range(0, len(flat), batch)]
        answers = np.concatenate(parts).reshape(*hybrids.shape[:2], -1)
        n_bad = np.count_nonzero(~np.isfinite(answers))
        if n_bad:
            raise ExplanationCheckError("partial dependence finite", found=float(n_bad), tolerance=0.0)
        yield points, answers


def _standard_error(answers: Floats) -> Floats:
    """Return the standard error of the mean over axis 1."""
    n_rows = answers.shape[1]
    if n_rows < 2:
        return np.full((len(answers), answers.shape[2]), np.nan)
    return np.asarray(answers.std(axis=1, ddof=1) / np.sqrt(n_rows))
