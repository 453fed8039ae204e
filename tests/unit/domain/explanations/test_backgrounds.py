"""A background stands for the training set: strata, determinism, provenance."""

from __future__ import annotations

import numpy as np
import pytest

from whybox.domain.explanations.backgrounds import NO_ROW, sample_background
from whybox.errors import BackgroundEmptyError


def make_rows(n_rows=500, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n_rows, 4))
    X[generator.random(X.shape) < 0.1] = np.nan
    return X, X[:, 0] * 2 + generator.normal(size=n_rows)


def test_every_class_keeps_its_share_to_within_one_row():
    X, _ = make_rows()
    y = np.repeat([0, 1, 2], [350, 120, 30])

    background = sample_background(X, y, kind="classification", size=50, seed=1)

    counts = np.bincount(y[background.row_ids], minlength=3)
    assert np.all(np.abs(counts - np.array([35, 12, 3])) <= 1)


def test_every_part_of_the_targets_range_is_drawn_from_once():
    X, _ = make_rows()
    y = np.random.default_rng(3).permutation(500).astype(float)

    background = sample_background(X, y, kind="regression", size=100, seed=1)

    assert np.array_equal(np.sort(y[background.row_ids]) // 5, np.arange(100))


def test_a_stratified_sample_hits_the_mean_better_than_a_simple_one():
    X, _ = make_rows()
    y = np.random.default_rng(4).normal(size=500)
    ids = [sample_background(X, y, kind="regression", size=40, seed=seed).row_ids for seed in range(30)]
    generator = np.random.default_rng(0)

    stratified = np.std([y[chosen].mean() for chosen in ids])
    simple = np.std([y[generator.permutation(500)[:40]].mean() for _ in range(30)])

    assert stratified < simple / 2


def test_all_rows_are_taken_when_there_are_no_more_than_asked_for():
    X, y = make_rows(30)

    background = sample_background(X, y, kind="regression", size=30, seed=5, row_ids=np.arange(30) + 7)

    np.testing.assert_array_equal(background.rows, X)
    assert np.array_equal(background.row_ids, np.arange(7, 37))
    np.testing.assert_allclose(background.weights, 1 / 30)


def test_rows_are_the_tables_own_and_in_table_order():
    X, y = make_rows()

    background = sample_background(X, y, kind="regression", size=60, seed=2)

    np.testing.assert_array_equal(background.rows, X[background.row_ids])
    assert np.all(np.diff(background.row_ids) > 0)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_rows():
    X, y = make_rows()

    first, again, other = (sample_background(X, y, kind="regression", seed=seed) for seed in (1, 1, 2))

    assert first.sha256 == again.sha256
    assert first.rows.tobytes() == again.rows.tobytes()
    assert first.sha256 != other.sha256


def test_the_digest_tells_backgrounds_of_another_shape_apart():
    X = np.zeros((6, 2))

    wide = sample_background(X, None, kind="regression", seed=0)
    tall = sample_background(X.reshape(12, 1), None, kind="regression", seed=0)

    assert wide.sha256 != tall.sha256


def test_kmeans_centres_are_made_of_values_that_occur():
    X, y = make_rows()

    background = sample_background(X, y, kind="regression", size=8, seed=0, method="kmeans")

    present = [set(np.append(column[np.isfinite(column)], np.nanmean(column))) for column in X.T]
    assert background.rows.shape == (8, 4)
    assert all(value in present[column] for column in range(4) for value in background.rows[:, column])
    assert np.all(background.row_ids == NO_ROW)
    assert background.weights.sum() == pytest.approx(1.0)


def test_kmeans_finds_no_more_centres_than_there_are_different_rows():
    X = np.repeat([[0.0, 1.0], [5.0, 1.0], [9.0, 2.0]], 20, axis=0)

    background = sample_background(X, None, kind="regression", size=10, seed=0, method="kmeans")

    assert len(background.rows) == 3


@pytest.mark.parametrize(("n_rows", "size"), [(0, 10), (10, 0)])
def test_a_background_without_rows_is_refused(n_rows, size):
    with pytest.raises(BackgroundEmptyError, match="at least one row"):
        sample_background(np.zeros((n_rows, 2)), None, kind="regression", size=size, seed=0)
