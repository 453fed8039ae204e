"""Small tables and views for tests of the ways that are not pure trees."""

from __future__ import annotations

from functools import cache

import numpy as np

from whybox.domain.explanations.model_views import view_model
from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.tables import read_table
from whybox.domain.tasks import DEFAULT_SPLIT, frame_task

N_COLUMNS = 6


@cache
def make_small_table(*, n_rows: int = 150, n_classes: int = 0, seed: int = 0):
    """Return X (n, 6), standardised, and y with curved, crossed and saturated effects; column 5 is noise."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n_rows, N_COLUMNS))
    signal = X[:, 0] + np.maximum(X[:, 1], 0) * X[:, 2] + np.tanh(X[:, 3]) - 0.5 * X[:, 4] ** 2
    if n_classes == 0:
        return X, signal
    edges = np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1])
    return X, np.searchsorted(edges, signal)


def assert_within_errors(found, expected):
    """Check that errors are as large as the standard errors say, and that nothing is wrong where these are 0.

    A handful of rows share draws: over seeds the ratio of the squares is 1 on average and rarely above 3.
    """
    is_exact = found.std_error == 0.0
    np.testing.assert_allclose(found.values[is_exact], expected[is_exact], atol=1e-10)
    errors = found.values - expected
    typical = np.sqrt(np.mean(found.std_error**2, axis=0))
    assert np.sum(errors**2) <= 5.0 * np.sum(found.std_error**2) + 1e-20
    assert np.all(np.abs(errors) <= 6.0 * np.maximum(found.std_error, typical) + 1e-10)


def view_small(model, *, n_classes: int = 0, unit=None):
    """Fit an estimator on the small table; return its view, rows to explain (4, 6) and background (9, 6)."""
    X, y = make_small_table(n_classes=n_classes)
    fresh, _ = make_small_table(n_rows=13, seed=1)
    return view_model(model.fit(X, y), unit=unit), fresh[:4], fresh[4:]


@cache
def view_fitted(name: str, *, n_classes: int = 0, n_layers: int = 1, unit=None):
    """Fit one of whybox's own models behind hidden columns; return what ``view_small`` returns."""
    X, y = make_small_table(n_classes=n_classes)
    lines = [",".join([*(f"x{column}" for column in range(N_COLUMNS)), "target", DEFAULT_SPLIT])]
    lines += [
        ",".join(map(str, [*row, answer, 1])) for row, answer in zip(X.tolist(), y.tolist(), strict=True)
    ]
    lines[-20:] = [line[:-1] + "0" for line in lines[-20:]]
    kind = "classification" if n_classes else "regression"
    task = frame_task(read_table("\n".join(lines).encode()), kind=kind)
    spec = choose_model(kind, family="sklearn", name=name, n_hidden_features=4, n_layers=n_layers, seed=0)
    fresh, _ = make_small_table(n_rows=13, seed=1)
    return view_model(fit_model(spec, task), unit=unit), fresh[:4], fresh[4:]
