"""Models read as sums over columns: the same values as by asking the model, without asking it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR, LinearSVC, NuSVR

from whybox.domain.explanations import head_games
from whybox.domain.explanations.additive_games import AdditiveGame
from whybox.domain.explanations.coalition_games import PredictedGame
from whybox.domain.explanations.estimates import SamplingPlan
from whybox.domain.explanations.exact_coalitions import attribute_all_coalitions
from whybox.domain.explanations.kernel_libraries import choose_kernel
from whybox.domain.explanations.model_views import view_model
from whybox.domain.explanations.permutation_samplers import sample_game
from whybox.domain.explanations.sampled import attribute_sampled
from whybox.domain.explanations.structured_games import choose_game

from .definition import shapley_by_definition
from .small_tables import assert_within_errors, make_small_table, view_fitted, view_small

SHARES = np.arange(1.0, 10.0) / 45.0
NETWORK = {"hidden_layer_sizes": (7, 5), "solver": "lbfgs", "max_iter": 300, "tol": 0.1, "random_state": 0}


def calibrated(model):
    return CalibratedClassifierCV(model, ensemble=False, cv=3)


CLASSIFIERS = {
    "logistic regression": LogisticRegression(),
    "discriminant analysis": LinearDiscriminantAnalysis(),
    "gaussian bayes": GaussianNB(),
    "bernoulli bayes": BernoulliNB(binarize=0.1),
    "network": MLPClassifier(**NETWORK, activation="tanh"),
    "calibrated radial machine": calibrated(SVC()),
    "calibrated linear machine": calibrated(LinearSVC()),
    "calibrated ridge": calibrated(RidgeClassifier()),
}
REGRESSORS = {
    "network": MLPRegressor(**NETWORK),
    "logistic network": MLPRegressor(**NETWORK, activation="logistic"),
    "radial machine": SVR(),
    "nu machine": NuSVR(gamma=0.2),
    "polynomial machine": SVR(kernel="poly", degree=2, coef0=0.5),
    "sigmoid machine": SVR(kernel="sigmoid", gamma=0.1),
    "kernel ridge": KernelRidge(kernel="rbf", alpha=0.1),
    "city block ridge": KernelRidge(kernel="laplacian", alpha=0.1),
    "polynomial ridge": KernelRidge(kernel="poly", alpha=0.1),
    "gaussian process": GaussianProcessRegressor(alpha=0.1),
}
ONE_SCORE_ONLY = ("calibrated radial machine", "calibrated linear machine", "calibrated ridge")
CASES = [
    *(
        (model, n)
        for name, model in CLASSIFIERS.items()
        for n in (2, 3)
        if n == 2 or name not in ONE_SCORE_ONLY
    ),
    *((model, 0) for model in REGRESSORS.values()),
]


def identify(value):
    return str(value).partition("(")[0] if not isinstance(value, int) else str(value)


@pytest.mark.parametrize(("model", "n_classes"), CASES, ids=identify)
def test_a_structure_gives_the_definition(model, n_classes):
    view, rows, background = view_small(model, n_classes=n_classes)
    game = choose_game(view, rows, background)
    assert isinstance(game, AdditiveGame)

    exact = attribute_all_coalitions(game, SHARES)
    sampled = sample_game(game, SHARES, plan=SamplingPlan(n_evaluations=300), seed=0)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    np.testing.assert_allclose(exact.values, expected, atol=1e-10)
    np.testing.assert_allclose(exact.predictions, view.predict(rows), atol=1e-10)
    assert_within_errors(sampled, expected)


@pytest.mark.parametrize(
    ("name", "n_classes", "n_layers"),
    [
        ("LogisticRegression", 2, 1),
        ("LogisticRegression", 3, 2),
        ("SVR", 0, 2),
        ("SVC", 2, 1),
        ("MLPRegressor", 0, 1),
        ("GaussianNB", 3, 3),
        ("KernelRidge", 0, 1),
    ],
)
def test_a_structure_behind_hidden_columns_gives_the_definition(name, n_classes, n_layers):
    view, rows, background = view_fitted(name, n_classes=n_classes, n_layers=n_layers)
    game = choose_game(view, rows, background)
    assert isinstance(game, AdditiveGame)

    found = attribute_all_coalitions(game, SHARES)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    np.testing.assert_allclose(found.values, expected, atol=1e-9)


SHALLOW = {"hidden_layer_sizes": (7,), "solver": "lbfgs", "max_iter": 300, "tol": 0.1, "random_state": 0}
WALKED = [
    (LogisticRegression(), 2),
    (LogisticRegression(), 3),
    (LinearDiscriminantAnalysis(), 2),
    (GaussianNB(), 3),
    (BernoulliNB(binarize=0.1), 2),
    (calibrated(LinearSVC()), 2),
    (calibrated(RidgeClassifier()), 2),
    (MLPClassifier(**SHALLOW), 2),
    (MLPClassifier(**SHALLOW), 3),
    (MLPRegressor(**SHALLOW), 0),
]


@pytest.mark.parametrize(("model", "n_classes"), WALKED, ids=identify)
def test_heads_that_the_kernel_knows_are_walked_by_it(model, n_classes):
    view, rows, background = view_small(model, n_classes=n_classes)

    assert_engines_agree(view, rows, background)


@pytest.mark.parametrize(
    ("name", "n_classes", "n_layers"),
    [
        ("LogisticRegression", 2, 1),
        ("LogisticRegression", 3, 3),
        ("LinearDiscriminantAnalysis", 2, 1),
        ("RidgeClassifier", 2, 1),
        ("MLPRegressor", 0, 2),
        ("MLPClassifier", 2, 1),
    ],
)
def test_heads_behind_hidden_columns_are_walked_by_the_kernel(name, n_classes, n_layers):
    assert_engines_agree(*view_fitted(name, n_classes=n_classes, n_layers=n_layers))


def assert_engines_agree(view, rows, background):
    """Sample with either engine: the same draws, so the same values up to rounding."""
    plan = SamplingPlan(n_evaluations=2)
    asked = {"plan": plan, "seed": 3}

    plain = attribute_sampled(view, rows, background, SHARES, **asked, engine="numpy")
    walked = attribute_sampled(view, rows, background, SHARES, **asked)

    assert plain.engine == "numpy"
    assert walked.engine.startswith("kernel")
    assert walked.n_evaluations == plain.n_evaluations > 0
    scale = np.abs(plain.values).max()
    np.testing.assert_allclose(walked.values, plain.values, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(walked.std_error, plain.std_error, rtol=1e-6, atol=1e-11 * scale)


def test_the_rows_of_a_wide_network_come_in_more_calls_and_a_large_background_in_numpy(monkeypatch):
    view, rows, background = view_small(MLPRegressor(**SHALLOW))
    asked = {"plan": SamplingPlan(n_evaluations=2), "seed": 3, "engine": "auto"}
    whole = attribute_sampled(view, rows, background, SHARES, **asked)

    monkeypatch.setattr(head_games, "ROW_CELLS", 1)
    parts = attribute_sampled(view, rows, background, SHARES, **asked)
    monkeypatch.setattr(head_games, "BACKGROUND_CELLS", 1)
    by_numpy = attribute_sampled(view, rows, background, SHARES, **asked)

    assert by_numpy.engine == "numpy" != parts.engine == whole.engine
    np.testing.assert_allclose(parts.values, by_numpy.values, atol=1e-11 * np.abs(parts.values).max())
    assert np.abs(parts.values - whole.values).max() <= 8 * (parts.std_error + whole.std_error).max()


def test_a_network_of_more_layers_is_walked_by_numpy():
    view, rows, background = view_small(MLPRegressor(**NETWORK))

    game = choose_game(view, rows, background, kernel=choose_kernel("auto"))

    assert type(game) is AdditiveGame


def test_groups_are_players_of_a_structure_too():
    view, rows, background = view_small(SVR())
    groups = np.array([0, 0, 1, 2, 1, 2])

    found = attribute_all_coalitions(choose_game(view, rows, background, groups=groups), SHARES)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES, groups=groups)
    np.testing.assert_allclose(found.values, expected, atol=1e-10)


def test_a_column_without_weight_gets_exactly_zero():
    X, y = make_small_table(n_classes=2)
    is_shown = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    view = view_model(LogisticRegression().fit(X * is_shown, y))
    for engine in ("auto", "numpy"):
        game = choose_game(view, X[:20], X[40:49], kernel=choose_kernel(engine))
        assert isinstance(game, AdditiveGame)

        found = sample_game(game, SHARES, plan=SamplingPlan(n_evaluations=10), seed=0)

        assert np.all(found.values[:, 3] == 0.0)
        assert np.all(found.values[:, 0] != 0.0)


def test_more_rows_than_share_a_draw_are_all_explained():
    view, _, background = view_small(LogisticRegression(), n_classes=2)
    rows, _ = make_small_table(n_rows=37, seed=5)
    game = choose_game(view, rows, background)

    found = sample_game(game, SHARES, plan=SamplingPlan(n_evaluations=5_000), seed=0)

    truth = attribute_all_coalitions(game, SHARES)
    assert_within_errors(found, truth.values)
    assert not np.array_equal(found.values[0] - truth.values[0], found.values[20] - truth.values[20])


def test_a_structure_that_disagrees_with_its_model_is_not_used():
    view, rows, background = view_small(SVR())
    other = replace(view, answer=lambda X: view.answer(X) * (1.0 + 1e-6))

    assert isinstance(choose_game(view, rows, background), AdditiveGame)
    assert isinstance(choose_game(other, rows, background), PredictedGame)


@pytest.mark.parametrize("model", [KNeighborsClassifier(), calibrated(SVC())], ids=identify)
def test_models_without_a_known_structure_are_asked(model):
    view, rows, background = view_small(model, n_classes=3)

    assert isinstance(choose_game(view, rows, background), PredictedGame)
