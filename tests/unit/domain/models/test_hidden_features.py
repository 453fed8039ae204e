"""Hidden features follow their formula, come out the same every time, and leave the own columns affine."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc
from sklearn.cluster import KMeans

from whybox.domain.models.hidden_features import find_two_centres, fit_hidden_features, sobol_weights


@pytest.fixture(name="Z")
def two_shifted_groups():
    generator = np.random.default_rng(0)
    shifts = generator.integers(0, 2, 200)[:, None] * 3
    return generator.normal(size=(200, 4)) * [1, 10, 0.1, 1000] + shifts * [1, 10, 0.1, 1000] + 50


def standardised(columns):
    scales = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(scales > 0, scales, 1)


def test_one_layer_is_the_formula_written_out(Z):
    n_hidden = 5
    S = standardised(Z)
    clusters = KMeans(2, n_init=10, random_state=0).fit_predict(S)
    first = fit_hidden_features(Z, n_hidden_features=n_hidden).layers[0].centres[0]
    clusters = clusters if np.allclose(S[clusters == 0].mean(axis=0), first) else 1 - clusters
    C = standardised(np.eye(2)[clusters])
    points = qmc.Sobol(d=1 + 4 + 2, scramble=False).random_base2(3)[2 : 2 + n_hidden]
    H = np.maximum(np.column_stack([np.ones(200), S, C]) @ (2 * points.T - 1), 0)

    actual = fit_hidden_features(Z, n_hidden_features=n_hidden).transform(Z)

    np.testing.assert_allclose(actual, np.column_stack([S, C, standardised(H)]), atol=1e-12)


def test_a_second_layer_is_one_layer_on_the_first_ones_output(Z):
    one = fit_hidden_features(Z, n_hidden_features=3).transform(Z)
    on_top = fit_hidden_features(one, n_hidden_features=3).transform(one)

    both = fit_hidden_features(Z, n_hidden_features=3, n_layers=2).transform(Z)

    np.testing.assert_allclose(both, on_top, atol=1e-9)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_the_first_columns_are_the_own_ones_to_the_bit(Z, n_layers):
    hidden = fit_hidden_features(Z, n_hidden_features=6, n_layers=n_layers)

    F = hidden.transform(Z)

    assert F.shape == (200, 4 + n_layers * (2 + 6)) == (200, hidden.n_outputs)
    np.testing.assert_array_equal(F[:, :4], hidden.own_columns(Z))
    np.testing.assert_array_equal(F[:, :4], (Z - hidden.own_means) / hidden.own_scales)


def test_fitting_again_and_drawing_random_numbers_change_nothing(Z):
    state = np.random.get_state()[1].copy()  # noqa: NPY002 [the global state is what must not move]
    first = fit_hidden_features(Z, n_hidden_features=5, n_layers=3).transform(Z)
    fit_hidden_features(Z[:50], n_hidden_features=9)

    again = fit_hidden_features(Z, n_hidden_features=5, n_layers=3).transform(Z)

    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002 [as above]


def test_a_row_is_transformed_alone_as_among_others(Z):
    hidden = fit_hidden_features(Z, n_hidden_features=5, n_layers=2)

    np.testing.assert_allclose(hidden.transform(Z[7:8]), hidden.transform(Z)[7:8], atol=1e-12)


def test_two_clusters_are_as_tight_as_those_of_many_random_starts(Z):
    S = standardised(Z)

    centres = find_two_centres(S)

    distances = ((S[:, None] - centres) ** 2).sum(axis=2)
    assert distances.min(axis=1).sum() <= KMeans(2, n_init=20, random_state=0).fit(S).inertia_ * (1 + 1e-9)


def test_the_cluster_is_the_nearer_centre(Z):
    hidden = fit_hidden_features(Z, n_hidden_features=2)
    layer, S = hidden.layers[0], hidden.own_columns(Z)

    nearer = ((S[:, None] - layer.centres) ** 2).sum(axis=2).argmin(axis=1)

    np.testing.assert_array_equal(hidden.transform(Z)[:, 4:6], layer.cluster_rows[nearer])


def test_hidden_columns_of_the_training_rows_are_standardised_and_none_is_constant(Z):
    F = fit_hidden_features(Z, n_hidden_features=20, n_layers=2).transform(Z)

    np.testing.assert_allclose(F.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(F.std(axis=0), 1, atol=1e-9)


def test_constant_columns_and_rows_without_spread_stay_finite():
    for Z in (np.full((30, 3), 0.1), np.column_stack([np.arange(30.0), np.full(30, 1e9 + 0.1)])):
        F = fit_hidden_features(Z, n_hidden_features=4, n_layers=3).transform(Z)
        assert np.isfinite(F).all()
        assert np.abs(F).max() < 10


@pytest.mark.parametrize(("n_rows", "n_columns"), [(7, 1), (33, 5), (40, 6), (40, 200)])
def test_weights_are_points_of_the_unscrambled_sequence_without_its_two_degenerate_ones(n_rows, n_columns):
    weights = sobol_weights(n_rows, n_columns)

    assert weights.shape == (n_rows, n_columns)
    assert (np.abs(weights) <= 1).all()
    assert (np.abs(weights).max(axis=0) > 0).all()
    assert (weights.max(axis=0) > -1).all()
    assert not weights.flags.writeable
    assert weights[0].tolist()[:1] == [0.5]
