"""From any model and any rows to checked attributions: the fastest right way, the definition's values."""

from __future__ import annotations

import sys
from subprocess import run

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import AdaBoostRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVR

from whybox.domain.explanations import attribute_rows
from whybox.errors import (
    BackgroundEmptyError,
    ColumnCountError,
    MethodUnavailableError,
    UnitUnavailableError,
)

from .definition import shapley_by_definition
from .tree_models import CASES, FLOAT32_LIBRARIES, UNUSED, fit_case, make_table

EXACT, FLOAT32 = 1e-9, 2e-6


def own_answer(model):
    """Return the library's own answer as a function."""
    return model.predict_proba if hasattr(model, "classes_") else model.predict


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_attributions_match_the_definition_of_the_shapley_value(name, n_classes):
    model, rows, background = fit_case(name, n_classes)

    actual = attribute_rows(model, rows, background=background)

    expected = shapley_by_definition(own_answer(model), rows, background)
    tolerance = FLOAT32 if name in FLOAT32_LIBRARIES else EXACT
    np.testing.assert_allclose(
        actual.values, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max()
    )
    assert actual.is_exact
    assert np.all(actual.std_error == 0.0)
    assert np.all(actual.values[:, UNUSED] == 0.0)
    assert actual.unit == ("probability" if n_classes else "target")
    assert actual.values.shape == (5, 6, max(1, n_classes))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", ["gradient boosting", "histogram boosting", "xgboost", "lightgbm"])
def test_margins_are_explained_on_request(name, n_classes):
    model, rows, background = fit_case(name, n_classes)

    actual = attribute_rows(model, rows, background=background, unit="margin")

    assert actual.algorithm == "interventional_trees"
    assert actual.unit == "margin"
    assert actual.values.shape[2] == (1 if n_classes == 2 else n_classes)
    assert actual.additivity_residual < EXACT


def test_a_native_booster_answers_like_its_wrapper():
    model, rows, background = fit_case("xgboost", 3)

    wrapped = attribute_rows(model, rows, background=background)
    native = attribute_rows(model.get_booster(), rows, background=background)

    np.testing.assert_array_equal(native.values, wrapped.values)
    assert native.unit == "probability"


def test_scaled_and_imputed_columns_are_explained_as_the_users_columns():
    X, y = make_table(n_classes=2, missing=True)
    model = make_pipeline(
        SimpleImputer(), StandardScaler(), RandomForestClassifier(n_estimators=5, random_state=0)
    )
    model.fit(X, y)

    actual = attribute_rows(model, X[:5], background=X[50:57])

    assert actual.algorithm == "interventional_trees"
    expected = shapley_by_definition(model.predict_proba, X[:5], X[50:57])
    np.testing.assert_allclose(actual.values, expected, atol=EXACT)


def mixed_frame():
    """Return a frame of numbers, labels, categories and truth values with gaps, and a target."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": generator.integers(18, 80, 200).astype(float),
            "town": generator.choice(["Oslo", "Bergen", "Tromsø"], 200),
            "kind": pd.Categorical(generator.choice(["a", "b"], 200)),
            "member": generator.random(200) < 0.5,
        }
    )
    target = frame["age"] + 20.0 * (frame["town"] == "Oslo") - 9.0 * frame["member"] * (frame["kind"] == "a")
    target -= 30.0 * (frame["town"] == "Tromsø")
    return frame, target


def one_hot_pipeline(final):
    """Return a pipeline that one-hot encodes the labels and scales the age."""
    columns = ColumnTransformer(
        [
            ("labels", OneHotEncoder(handle_unknown="ignore"), ["town", "kind"]),
            ("age", StandardScaler(), ["age"]),
        ],
        remainder="passthrough",
    )
    return make_pipeline(columns, final)


@pytest.mark.parametrize(
    ("final", "algorithm"),
    [
        (RandomForestRegressor(n_estimators=5, random_state=0), "interventional_trees"),
        (LinearRegression(), "exact_linear"),
    ],
)
def test_one_hot_columns_of_a_label_are_explained_as_one_column_of_the_frame(final, algorithm):
    frame, target = mixed_frame()
    model = one_hot_pipeline(final).fit(frame, target)
    rows, background = frame[:8], frame[100:116]
    assert rows["town"].nunique() == background["town"].nunique() == 3

    actual = attribute_rows(model, rows, background=background)

    coded = frame.assign(
        town=frame["town"].astype("category").cat.codes, kind=frame["kind"].cat.codes
    ).astype(float)

    def predict(codes):
        asked = pd.DataFrame(codes, columns=frame.columns)
        asked["town"] = pd.Categorical.from_codes(
            asked["town"].astype(int), sorted(frame["town"].unique())
        ).astype(object)
        asked["kind"] = pd.Categorical.from_codes(asked["kind"].astype(int), ["a", "b"])
        return model.predict(asked.astype({"member": bool}))

    expected = shapley_by_definition(predict, coded[:8].to_numpy(), coded[100:116].to_numpy())
    assert actual.algorithm == algorithm
    np.testing.assert_allclose(actual.values, expected, atol=EXACT)


def test_a_frame_and_its_array_give_the_same_values():
    X, y = make_table(n_classes=2)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(frame, y)

    from_frame = attribute_rows(model, frame[:5], background=frame[50:57])
    from_array = attribute_rows(model, X[:5], background=X[50:57])

    np.testing.assert_array_equal(from_frame.values, from_array.values)


def test_columns_in_another_order_than_the_models_are_refused_not_mixed_up():
    X, y = make_table(n_classes=2)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(frame, y)

    with pytest.raises(ValueError, match="feature names"):
        attribute_rows(model, frame[:5][list("fedcba")], background=frame[50:57][list("fedcba")])


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(PCA(3, random_state=0), RandomForestRegressor(n_estimators=3, random_state=0)),
        make_pipeline(PolynomialFeatures(2), LinearRegression()),
        AdaBoostRegressor(n_estimators=3, random_state=0),
    ],
    ids=["mixed columns", "products of columns", "median of trees"],
)
def test_a_model_without_structure_is_explained_as_a_function(model):
    X, y = make_table()
    model.fit(X, y)

    actual = attribute_rows(model, X[:3], background=X[50:54])

    expected = shapley_by_definition(model.predict, X[:3], X[50:54])
    assert np.all(np.abs(actual.values - expected) <= 4 * actual.std_error + 1e-8)
    with pytest.raises(MethodUnavailableError):
        attribute_rows(model, X[:3], background=X[50:54], method="exact")


def test_the_best_model_of_a_search_is_explained():
    X, y = make_table(n_classes=2)
    search = GridSearchCV(
        RandomForestClassifier(n_estimators=3, random_state=0), {"max_depth": [2, 4]}, cv=2
    ).fit(X, y)

    found = attribute_rows(search, X[:3], background=X[50:54])

    expected = attribute_rows(search.best_estimator_, X[:3], background=X[50:54])
    np.testing.assert_array_equal(found.values, expected.values)


def test_path_dependent_values_need_trees_in_their_own_unit():
    forest, rows, background = fit_case("forest", 3)
    boosted, _, _ = fit_case("xgboost", 2)

    found = attribute_rows(forest, rows, background=background, method="path_dependent")
    margins = attribute_rows(boosted, rows, background=background, method="path_dependent", unit="margin")

    assert found.algorithm == margins.algorithm == "path_dependent_trees"
    with pytest.raises(MethodUnavailableError):
        attribute_rows(boosted, rows, background=background, method="path_dependent")


def test_weights_and_groups_reach_every_way():
    weights, groups = np.array([5.0, 1.0, 1.0, 2.0, 2.0, 0.5, 3.0]), np.array([0, 1, 0, 2, 3, 0])
    X, y = make_table(n_classes=2)
    for model in (
        fit_case("forest", 2)[0],
        fit_case("lightgbm", 2)[0],
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y),
    ):
        _, rows, background = fit_case("forest", 2)
        found = attribute_rows(model, rows, background=background, weights=weights, groups=groups)
        expected = shapley_by_definition(
            model.predict_proba, rows, background, weights=weights, groups=groups
        )
        np.testing.assert_allclose(found.values, expected, atol=1e-8)


def test_sampling_on_request_agrees_within_its_error():
    model, rows, background = fit_case("forest", 2)

    exact = attribute_rows(model, rows, background=background)
    sampled = attribute_rows(model, rows, background=background, method="sampled")

    assert np.all(np.abs(sampled.values - exact.values) <= 4 * sampled.std_error + EXACT)


def test_no_rows_give_no_values():
    model, rows, background = fit_case("forest", 3)

    nothing = attribute_rows(model, rows[:0], background=background)

    assert nothing.values.shape == (0, 6, 3)
    np.testing.assert_allclose(nothing.base_values, model.predict_proba(background).mean(axis=0))


def test_what_cannot_be_explained_is_named():
    forest, rows, background = fit_case("forest", 3)
    regressor, _, _ = fit_case("forest", 0)

    with pytest.raises(UnitUnavailableError):
        attribute_rows(forest, rows, background=background, unit="margin")
    with pytest.raises(UnitUnavailableError):
        attribute_rows(regressor, rows, background=background, unit="probability")
    with pytest.raises(ColumnCountError):
        attribute_rows(forest, rows[:, :4], background=background[:, :4])
    with pytest.raises(ColumnCountError):
        attribute_rows(forest, rows, background=background[:, :4])
    with pytest.raises(BackgroundEmptyError):
        attribute_rows(forest, rows, background=background[:0])


def test_an_xgboost_model_is_explained_without_scikit_learn_or_pandas():
    script = """
import sys
sys.modules["sklearn"] = sys.modules["pandas"] = None
import numpy, xgboost
X = numpy.random.default_rng(0).normal(size=(60, 4))
booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(X, X[:, 0] > 0), 5)
from whybox.domain.explanations import attribute_rows
found = attribute_rows(booster, X[:3], background=X[10:20])
assert found.values.shape == (3, 4, 2)
"""
    finished = run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr


def test_the_same_request_gives_the_same_bytes():
    X, y = make_table(n_classes=2)
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(X, y)

    first, again = (attribute_rows(model, X[:20], background=X[50:90], seed=4).values for _ in range(2))

    assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("has_answers", [False, True])
def test_a_line_through_columns_that_rounding_swallows_is_explained_as_the_function_it_is(has_answers):
    generator = np.random.default_rng(0)
    X = np.column_stack([1e15 + generator.integers(0, 9, 40), generator.normal(size=40)])
    model = LinearRegression().fit(X, X[:, 1] + (X[:, 0] - 1e15))
    rows, background = X[:5], X[5:]
    answers = model.predict(rows)[:, None]

    found = attribute_rows(model, rows, background=background, answers=answers if has_answers else None)

    gaps = found.base_values + found.values.sum(axis=1) - answers
    assert np.abs(gaps).max() <= 1e-9 * np.abs(answers).max()
    rounding = 8 * np.finfo(np.float64).eps * np.abs(X * model.coef_).max()
    np.testing.assert_allclose(
        found.values, shapley_by_definition(model.predict, rows, background), atol=rounding
    )


def test_a_support_vector_machine_without_a_vector_is_a_constant():
    X = np.random.default_rng(0).normal(size=(30, 3))
    model = SVR(epsilon=10.0).fit(X, X[:, 0])

    found = attribute_rows(model, X[:5], background=X[5:])

    assert len(model.support_vectors_) == 0
    np.testing.assert_allclose(found.values, 0.0, atol=1e-15 * abs(model.intercept_[0]))
