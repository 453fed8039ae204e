"""Ridge regressions with one fold of rows left out each, all solved at once in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


def leave_ridge_folds_out(
    F: Float64s, y: Float64s, *, F_test: Float64s, folds: Int64s, alpha: float
) -> tuple[Float64s, Float64s]:
    """Predict every row by the ridge regression that was fitted without the row's fold.

    Parameters
    ----------
    F : float64 (n, f), finite
    y : float64 (n,)
    F_test : float64 (n_test, f)
    folds : int64 (n,), fold numbers 0..K-1, each with a row inside and one outside
    alpha : the penalty on the squared coefficients, > 0; the intercept is not penalised

    Returns
    -------
    out_of_fold : float64 (n,), row i predicted without fold ``folds[i]``
    on_test : float64 (K, n_test), the test rows predicted without fold k

    Notes
    -----
    Leaving rows out takes their part off the normal equations (X'X + alpha I) w = X'y of centred columns, so
    K solutions cost K factorisations of (f, f) instead of K fits. The columns are centred on all rows first,
    which keeps the corrections small and the result as exact as a fit on the remaining rows.
    """
    n_folds = int(np.max(folds)) + 1
    centre, y_centre = F.mean(axis=0), y.mean()
    S, t = F - centre, y - y_centre
    parts = [S[folds == fold] for fold in range(n_folds)]
    targets = [t[folds == fold] for fold in range(n_folds)]
    n_in = len(y) - np.array([len(part) for part in parts])
    # means over the rows that stay: the rows left out pull them away from 0
    means = -np.array([part.sum(axis=0) for part in parts]) / n_in[:, None]
    y_means = -np.array([target.sum() for target in targets]) / n_in
    grams = S.T @ S - np.array([part.T @ part for part in parts])
    moments = S.T @ t - np.array([part.T @ target for part, target in zip(parts, targets, strict=True)])
    grams -= n_in[:, None, None] * means[:, :, None] * means[:, None, :]
    moments -= (n_in * y_means)[:, None] * means
    weights = np.linalg.solve(grams + alpha * np.eye(F.shape[1]), moments[:, :, None])[:, :, 0]
    intercepts = y_centre + y_means - (means * weights).sum(axis=1)
    out_of_fold = (S * weights[folds]).sum(axis=1) + intercepts[folds]
    return out_of_fold, weights @ (F_test - centre).T + intercepts[:, None]
