"""Background: the rows an attribution is measured against, drawn to stand for the whole training set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whybox.errors import BackgroundEmptyError

__all__ = ["Background", "BackgroundMethod", "sample_background"]

BackgroundMethod = Literal["sample", "kmeans"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NO_ROW = -1
"""Row id of a background row that is not a row of the table (a k-means centre)."""


@dataclass(frozen=True, slots=True)
class Background:
    """Background rows with their weights and their provenance.

    Attributes
    ----------
    rows : (m, p) float64, user columns; NaN is a missing cell
    row_ids : (m,) int64, where each row stands in the table; ``NO_ROW`` for a k-means centre
    weights : (m,) float64, positive, sum to 1
    sha256 : digest of shape, rows and weights: two explanations with one digest had one background

    """

    rows: Floats
    row_ids: Integers
    weights: Floats
    sha256: str


def sample_background(
    X: ArrayLike,
    y: ArrayLike | None,
    *,
    kind: Literal["classification", "regression"],
    size: int = 100,
    seed: int,
    row_ids: ArrayLike | None = None,
    method: BackgroundMethod = "sample",
) -> Background:
    """Choose at most ``size`` rows that stand for all of ``X``.

    ``sample`` sorts the rows by class (classification) or by target value (regression), cuts that order into
    ``size`` strata of equal count and draws one row of each: every class keeps its share to within one row
    and every part of the target's range is present, so the base value varies less than under simple random
    sampling (proportional allocation; Cochran, Sampling Techniques, 3rd ed. 1977, ch. 5). All weights are
    equal. ``kmeans`` gives weighted cluster centres whose coordinates are snapped to values that occur in
    the column, the usual practice around KernelExplainer; it is offered for comparison, because a centre
    combines cells that never met in one row.

    Parameters
    ----------
    X : (n, p) float64, user columns; NaN is a missing cell and is kept
    y : (n,) class codes or target values; None draws without strata
    kind : decides what ``y`` means
    size : number of background rows; all rows are taken when the table has no more
    seed : same table, size and seed give the same bytes
    row_ids : (n,) where each row stands in the user's table, default 0..n-1
    method : ``sample`` or ``kmeans``

    Returns
    -------
    Background
        Rows of ``sample`` are in table order.

    Raises
    ------
    BackgroundEmptyError
        There is no row, or ``size`` is not positive.

    """
    rows = np.ascontiguousarray(X, dtype=np.float64)
    n_rows = len(rows)
    ids = np.arange(n_rows) if row_ids is None else np.asarray(row_ids, dtype=np.int64)
    if n_rows == 0 or size < 1:
        raise BackgroundEmptyError(n_rows=n_rows, size=size)
    if method == "kmeans" and n_rows > size:
        centres, weights = _cluster_centres(rows, size=size, seed=seed)
        return _background(centres, np.full(len(centres), NO_ROW, dtype=np.int64), weights)
    chosen = np.arange(n_rows) if n_rows <= size else _draw_strata(n_rows, y, kind, size=size, seed=seed)
    return _background(rows[chosen], ids[chosen], np.full(len(chosen), 1.0 / len(chosen)))


def _draw_strata(n_rows: int, y: ArrayLike | None, kind: str, *, size: int, seed: int) -> Integers:
    """Return (size,) sorted positions: one random row of each equal part of the target's order."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(n_rows)
    if y is None:
        return np.sort(shuffled[:size])
    target = np.asarray(y)[shuffled]
    codes = np.unique(target, return_inverse=True)[1] if kind == "classification" else target
    order = shuffled[np.argsort(codes, kind="stable")]
    edges = np.arange(size + 1) * n_rows // size
    return np.sort(order[generator.integers(edges[:-1], edges[1:])])


def _cluster_centres(rows: Floats, *, size: int, seed: int) -> tuple[Floats, Floats]:
    """Return (k, p) centres snapped to occurring values and their (k,) shares; NaN counts as the mean."""
    from sklearn.cluster import KMeans  # 0.6 s to import, and only this option needs it

    n_present = np.maximum(np.isfinite(rows).sum(axis=0), 1)
    means = np.nansum(rows, axis=0) / n_present
    filled = np.where(np.isfinite(rows), rows, means)
    n_clusters = min(size, len(np.unique(filled, axis=0)))
    model = KMeans(n_clusters=n_clusters, n_init=10, random_state=seed).fit(filled)
    centres = np.asarray(model.cluster_centers_, dtype=np.float64)
    for column in range(rows.shape[1]):
        distance = np.abs(centres[:, column, None] - filled[None, :, column])
        centres[:, column] = filled[distance.argmin(axis=1), column]
    counts = np.bincount(model.labels_, minlength=n_clusters)
    return centres, counts / counts.sum()


def _background(rows: Floats, row_ids: Integers, weights: Floats) -> Background:
    digest = hashlib.sha256(repr(rows.shape).encode())
    for part in (rows, weights):
        digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
    return Background(
        rows=np.ascontiguousarray(rows),
        row_ids=row_ids.astype(np.int64),
        weights=weights,
        sha256=digest.hexdigest(),
    )
