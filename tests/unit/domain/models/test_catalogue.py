"""Every listed model fits and predicts in its units, and every other request is refused with a way out."""

from __future__ import annotations

import importlib.util
import inspect
import warnings
from dataclasses import replace

import numpy as np
import pytest
import sklearn.ensemble
import sklearn.linear_model

from whybox.domain.models.catalogue import choose_model, fit_model, list_models
from whybox.domain.models.entries import ModelEntry
from whybox.domain.models.parameter_ranges import Choice, Flag, Real, Whole
from whybox.domain.tables import read_table
from whybox.domain.tables.example_tables import make_example_table
from whybox.domain.tasks import Task, frame_task
from whybox.errors import (
    FitFailedError,
    ModelNotInstalledError,
    ModelTooManyRowsError,
    ModelUnknownError,
    ParameterInvalidError,
    UnitUnavailableError,
)

KINDS = ("classification", "regression")
INSTALLED = [
    pytest.param(kind, entry, id=f"{entry.family}-{entry.name}")
    for kind in KINDS
    for entry in list_models()[kind]
    if importlib.util.find_spec(entry.module.partition(".")[0])
]
EXPECTED_NOTICES = {"missing-values-imputed", "not-converged", "ill-conditioned", "probabilities-calibrated"}
WITH_LOG_ODDS = [
    case for case in INSTALLED if case.values[0] == "classification" and case.values[1].has_log_odds
]
UNITS = {"classification": "probability", "regression": "target"}
BOOSTED = [(kind, family) for kind in KINDS for family in ("xgboost", "lightgbm", "gradientboosting")]


def make_task(
    kind: str, *, n_rows: int = 80, n_classes: int = 3, has_missing: bool = False, scale: float = 1
) -> Task:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n_rows, 4))
    score = X[:, 0] - X[:, 1] + generator.normal(size=n_rows) / 4
    X[:, 3] = generator.integers(0, 3, n_rows)
    if has_missing:
        X[generator.random(X.shape) < 0.1] = np.nan
    is_class = kind == "classification"
    y = (
        np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))
        if is_class
        else score + 10
    )
    rows = np.arange(n_rows)
    return Task(
        kind=kind,
        feature_names=("a", "b", "c", "colour"),
        X=X * scale,
        categories={3: ("blue", "green", "red")} if scale == 1 else {},
        y=y,
        classes=tuple(range(n_classes)) if is_class else (),
        train=rows[rows % 3 > 0],
        test=rows[rows % 3 == 0],
        warnings=(),
    )


def choose(kind: str, entry: ModelEntry, **options):
    return choose_model(kind, family=entry.family, name=entry.name, **options)


def example_task(name: str, kind: str) -> Task:
    return frame_task(read_table(make_example_table(name)), kind=kind)


def test_at_least_twenty_five_of_each_kind_are_listed():
    assert all(len(list_models()[kind]) >= 25 for kind in KINDS)


@pytest.mark.parametrize("n_hidden_features", [0, 3])
@pytest.mark.parametrize(("kind", "entry"), INSTALLED)
def test_every_model_fits_and_predicts_finite_numbers_in_each_of_its_units(kind, entry, n_hidden_features):
    task = make_task(kind, has_missing=True)
    model = fit_model(choose(kind, entry, n_hidden_features=n_hidden_features), task)

    X = task.X[task.test]
    predictions = model.predict(X)

    assert model.feature_names == task.feature_names
    assert {notice.code for notice in model.notices} <= EXPECTED_NOTICES
    for unit in model.units:
        outputs = model.predict_units(X, unit)
        assert outputs.shape == (len(X), 1 if kind == "regression" else 3)
        assert np.isfinite(outputs).all()
    if kind == "classification":
        probabilities = model.predict_units(X, "probability")
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        np.testing.assert_array_equal(probabilities.argmax(axis=1), predictions)
        assert probabilities.min() >= 0
    else:
        np.testing.assert_array_equal(model.predict_units(X, "target")[:, 0], predictions)


@pytest.mark.parametrize(("kind", "entry"), INSTALLED)
def test_every_model_gives_the_same_bits_for_the_same_seed(kind, entry):
    task = make_task(kind)
    spec = choose(kind, entry, seed=7)

    first, again = (fit_model(spec, task).predict_units(task.X, UNITS[kind]) for _ in range(2))

    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("kind", "entry"), WITH_LOG_ODDS)
def test_a_margin_is_the_log_odds_of_the_probabilities(kind, entry, n_classes):
    task = make_task(kind, n_classes=n_classes)
    model = fit_model(choose(kind, entry), task)

    margin = model.predict_units(task.X, "margin")

    odds = np.exp(margin - margin.max(axis=1, keepdims=True))
    expected = odds / odds.sum(axis=1, keepdims=True)
    if n_classes == 2:
        assert margin.shape == (len(task.X), 1)
        expected = np.column_stack([1 / (1 + np.exp(margin[:, 0])), 1 / (1 + np.exp(-margin[:, 0]))])
    np.testing.assert_allclose(model.predict_units(task.X, "probability"), expected, atol=1e-9)


@pytest.mark.parametrize(("kind", "entry"), INSTALLED)
def test_every_settable_parameter_is_one_of_the_estimators(kind, entry):
    if entry.family in {"xgboost", "lightgbm"}:
        library = importlib.import_module(entry.module)
        wrapper = library.XGBClassifier() if entry.family == "xgboost" else library.LGBMClassifier()
        known = {*wrapper.get_params(), "max_bin"}  # lightgbm's wrapper takes it as one of its other words
    else:
        known = set(inspect.signature(getattr(importlib.import_module(entry.module), entry.name)).parameters)

    assert set(entry.parameters) | set(entry.defaults) <= known


@pytest.mark.parametrize(("kind", "entry"), INSTALLED)
def test_the_gentle_end_of_every_range_can_be_fitted(kind, entry):
    gentle = {"max_iter": 50, "n_estimators": 3, "cv": 3, "n_neighbors": 2, "degree": 2, "nu": 0.1}
    parameters = {}
    for name, allowed in entry.parameters.items():
        if isinstance(allowed, Whole):
            parameters[name] = gentle.get(name, max(allowed.low, 2))
        elif isinstance(allowed, Real):
            parameters[name] = gentle.get(name, min(max(allowed.low, 0.5), allowed.high))
        elif isinstance(allowed, Choice):
            parameters[name] = allowed.values[0]
        else:
            parameters[name] = True
    task = make_task(kind)

    model = fit_model(choose(kind, entry, parameters=parameters), task)

    assert len(model.predict(task.X)) == len(task.X)


def test_a_forest_without_hidden_features_is_scikit_learns_own():
    task = example_task("breast_cancer", "classification")
    expected = sklearn.ensemble.RandomForestClassifier(random_state=5).fit(
        task.X[task.train], task.y[task.train]
    )

    model = fit_model(
        choose_model("classification", family="sklearn", name="RandomForestClassifier", seed=5), task
    )

    np.testing.assert_array_equal(
        model.predict_units(task.X[task.test], "probability"), expected.predict_proba(task.X[task.test])
    )
    np.testing.assert_array_equal(model.predict(task.X[task.test]), expected.predict(task.X[task.test]))


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_a_forest_on_hidden_features_reaches_the_reference_accuracy(seed):
    task = example_task("breast_cancer", "classification")
    spec = choose_model(
        "classification", family="sklearn", name="RandomForestClassifier", n_hidden_features=5, seed=seed
    )

    accuracy = (fit_model(spec, task).predict(task.X[task.test]) == task.y[task.test]).mean()

    assert len(task.test) == 171
    assert accuracy == pytest.approx(0.947, abs=0.02)


@pytest.mark.parametrize(("kind", "family"), BOOSTED)
def test_boosters_have_a_hundred_trees_of_depth_three_and_rate_a_tenth_unless_told(kind, family):
    parameters = choose_model(kind, family=family).parameters

    assert parameters == {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 3}
    assert choose_model(kind, family=family, parameters={"max_depth": 2}).parameters["max_depth"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_booster_sees_missing_values_and_others_have_them_filled(kind):
    task = make_task(kind, has_missing=True)
    boosted = fit_model(choose_model(kind, family="xgboost"), task)
    linear_name = "LogisticRegression" if kind == "classification" else "Ridge"
    linear = fit_model(choose_model(kind, family="sklearn", name=linear_name), task)

    assert np.isnan(boosted.encode(task.X)).any()
    assert not np.isnan(linear.encode(task.X)).any()
    assert {notice.code for notice in linear.notices} >= {"missing-values-imputed"}
    assert not boosted.notices


def test_words_share_the_player_of_their_column():
    model = fit_model(choose_model("regression", family="lightgbm"), make_task("regression"))

    assert model.players.tolist() == [0, 1, 2, 3, 3, 3]


def test_other_rows_can_be_fitted_on():
    task = make_task("regression")
    rows = task.train[:30]
    expected = sklearn.linear_model.LinearRegression().fit(task.X[rows][:, :3], task.y[rows])

    model = fit_model(choose_model("regression", family="sklearn", name="LinearRegression"), task, rows=rows)

    assert model.predict(task.X[rows]).mean() == pytest.approx(expected.predict(task.X[rows][:, :3]).mean())


@pytest.mark.parametrize(
    ("kind", "name", "closest"),
    [
        ("classification", "RandomForest", "RandomForestClassifier"),
        ("classification", "randomforestclassifier", "RandomForestClassifier"),
        ("classification", "RidgeCV", "RidgeClassifierCV"),
        ("regression", "RandomForestClassifier", "RandomForestRegressor"),
        ("regression", "XGBRegressor", "xgboost"),
    ],
)
def test_an_unknown_model_is_answered_with_the_closest_names(kind, name, closest):
    with pytest.raises(ModelUnknownError) as caught:
        choose_model(kind, family="sklearn", name=name)

    assert closest in caught.value.closest


def test_an_unknown_name_is_not_repeated():
    for name in ("__import__('os')", "x" * 100_000, ""):
        with pytest.raises(ModelUnknownError) as caught:
            choose_model("regression", family="sklearn", name=name)
        assert len(caught.value.closest) > 0
        assert len(caught.value.detail) < 300
        assert not name or name not in caught.value.detail


def test_an_unknown_family_is_answered_with_the_families():
    with pytest.raises(ModelUnknownError) as caught:
        choose_model("regression", family="keras")

    assert set(caught.value.closest) == {"sklearn", "xgboost", "lightgbm", "gradientboosting", "catboost"}


def test_a_library_that_is_not_installed_is_said_to_be_so():
    if importlib.util.find_spec("catboost"):
        assert choose_model("regression", family="catboost").name == "CatBoostRegressor"
    else:
        with pytest.raises(ModelNotInstalledError) as caught:
            choose_model("regression", family="catboost")
        assert caught.value.instead == ("xgboost", "lightgbm")


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("xgboost", {"n_estimators": 10**9}),
        ("xgboost", {"max_depth": 10**4}),
        ("xgboost", {"n_jobs": -1}),
        ("xgboost", {"tree_method": "gpu_hist"}),
        ("xgboost", {"callbacks": []}),
        ("xgboost", {"n_estimators": 10.0}),
        ("xgboost", {"n_estimators": True}),
        ("xgboost", {"learning_rate": float("nan")}),
        ("xgboost", {"learning_rate": "0.1"}),
        ("lightgbm", {"num_threads": 64}),
        ("gradientboosting", {"random_state": 3}),
        ("gradientboosting", {"max_features": "auto"}),
        ("gradientboosting", {"max_features": []}),
    ],
)
def test_parameters_outside_the_list_or_their_range_are_refused(family, parameters):
    with pytest.raises(ParameterInvalidError) as caught:
        choose_model("regression", family=family, parameters=parameters)

    assert caught.value.name == next(iter(parameters))


@pytest.mark.parametrize(
    "option",
    [
        {"n_hidden_features": -1},
        {"n_hidden_features": 10_000},
        {"n_layers": 4},
        {"n_layers": 0},
        {"seed": -1},
    ],
)
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ParameterInvalidError):
        choose_model("regression", family="xgboost", **option)


@pytest.mark.parametrize(
    ("allowed", "good", "bad"),
    [
        (Whole(1, 5), [1, 5], [0, 6, 1.0, True, None, "1"]),
        (Whole(1, 5, may_be_none=True), [None], [0]),
        (Real(0, 1), [0, 1, 0.5], [-0.1, 1.1, float("nan"), float("inf"), True, None, "0", 10**400]),
        (Real(0, 1, may_be_none=True), [None], ["x"]),
        (Choice(("a", None)), ["a", None], ["b", 0, [], {}]),
        (Flag(), [True, False], [0, 1, "true", None]),
    ],
)
def test_a_range_takes_what_it_says_and_nothing_else(allowed, good, bad):
    assert [allowed.check("p", value) for value in good] == good
    for value in bad:
        with pytest.raises(ParameterInvalidError):
            allowed.check("p", value)


def test_what_a_library_refuses_is_one_error_that_does_not_show_its_words():
    task = make_task("regression")
    spec = choose_model(
        "regression", family="sklearn", name="PLSRegression", parameters={"n_components": 100}
    )

    with pytest.raises(FitFailedError) as caught:
        fit_model(spec, task)

    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value.__cause__) not in caught.value.detail


def test_predictions_that_are_not_finite_are_an_error_and_not_an_answer():
    task = make_task("regression")
    model = fit_model(choose_model("regression", family="sklearn", name="PoissonRegressor"), task)

    with pytest.raises(FitFailedError, match="not finite"):
        model.predict(np.where(task.X > 0, 1e6, -1e6))  # its exponential overflows


def test_a_fit_that_diverges_is_an_error_and_not_an_answer():
    task = make_task("regression", scale=1e37)
    parameters = {"max_iter": 5, "solver": "sgd"}
    spec = choose_model("regression", family="sklearn", name="MLPRegressor", parameters=parameters)

    with pytest.raises(FitFailedError):
        fit_model(spec, task)


@pytest.mark.parametrize(
    ("kind", "name", "column"),
    [
        ("classification", "LinearDiscriminantAnalysis", lambda _: 1.0),
        ("regression", "QuantileRegressor", lambda number: 1e30 * number),
    ],
)
def test_what_a_library_stumbles_over_is_refused_like_what_it_refuses(kind, name, column):
    task = make_task(kind)
    task.X[:] = column(task.X[:, :1])

    with pytest.raises(FitFailedError):
        fit_model(choose_model(kind, family="sklearn", name=name), replace(task, categories={}))


@pytest.mark.parametrize("name", ["PoissonRegressor", "GammaRegressor"])
def test_models_of_positive_targets_say_so(name):
    task = make_task("regression")
    task.y[task.train[0]] = 0

    with pytest.raises(FitFailedError, match="greater than 0"):
        fit_model(choose_model("regression", family="sklearn", name=name), task)


def test_a_model_that_cannot_take_so_many_rows_says_so():
    task = make_task("classification", n_rows=3_000)
    spec = choose_model("classification", family="sklearn", name="GaussianProcessClassifier")

    with pytest.raises(ModelTooManyRowsError) as caught:
        fit_model(spec, task)

    assert caught.value.actual == 2_000


def test_a_class_without_a_row_to_fit_on_is_refused():
    task = make_task("classification")
    rows = task.train[task.y[task.train] != 1]

    with pytest.raises(FitFailedError):
        fit_model(choose_model("classification", family="xgboost"), task, rows=rows)


@pytest.mark.parametrize("n_rows_of_class", [1, 2, 3])
def test_calibration_copes_with_small_classes_or_says_why_not(n_rows_of_class):
    task = make_task("classification", n_classes=2)
    small = task.train[task.y[task.train] == 1][:n_rows_of_class]
    rows = np.concatenate([task.train[task.y[task.train] == 0], small])
    spec = choose_model("classification", family="sklearn", name="LinearSVC")
    if n_rows_of_class == 1:
        with pytest.raises(FitFailedError):
            fit_model(spec, task, rows=rows)
    else:
        model = fit_model(spec, task, rows=rows)
        assert [notice.code for notice in model.notices] == ["probabilities-calibrated"]
        np.testing.assert_allclose(model.predict_units(task.X, "probability").sum(axis=1), 1)


def test_a_fit_that_did_not_converge_is_told_once_and_stays_silent_otherwise(capfd):
    task = make_task("classification", scale=1e4)
    spec = choose_model("classification", family="sklearn", name="MLPClassifier", parameters={"max_iter": 2})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit_model(spec, task)

    assert [notice.code for notice in model.notices] == ["not-converged"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["RandomForestClassifier", "LinearSVC"])
def test_a_unit_the_model_does_not_have_is_refused(name):
    task = make_task("classification")
    model = fit_model(choose_model("classification", family="sklearn", name=name), task)

    for unit in ("margin", "target"):
        with pytest.raises(UnitUnavailableError):
            model.predict_units(task.X, unit)
