"""Views of models: the structure that is found answers as the model does, in the unit asked for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import (
    LogisticRegression,
    PoissonRegressor,
    RidgeClassifier,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.svm import SVC, LinearSVC

from whybox.domain.explanations import attribute_rows
from whybox.domain.explanations.linear_forms import read_linear
from whybox.domain.explanations.model_views import view_model
from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.tables import read_table
from whybox.domain.tasks import frame_task
from whybox.errors import ColumnCountError, UnitUnavailableError

from .definition import shapley_by_definition
from .tree_models import make_table


def csv(*, n_classes):
    """Return a table of three numbers, one label with gaps, and a target, as bytes."""
    X, y = make_table(n_classes=n_classes)
    towns = np.array(["Oslo", "Bergen", "Tromsø", ""])[np.random.default_rng(0).integers(0, 4, len(X))]
    target = [f"class {label}" for label in y] if n_classes else y + 5.0 * (towns == "Oslo")
    lines = [
        ",".join(map(str, (a, b, c, town, goal)))
        for (a, b, c), town, goal in zip(X[:, [0, 2, 3]], towns, target, strict=True)
    ]
    return "\n".join(["a,b,c,town,target", *lines]).encode()


def fit(family, name, *, n_classes, n_hidden_features=0):
    """Return a fitted whybox model, and its task."""
    kind = "classification" if n_classes else "regression"
    task = frame_task(read_table(csv(n_classes=n_classes)), kind=kind, seed=0)
    spec = choose_model(kind, family=family, name=name, n_hidden_features=n_hidden_features, seed=0)
    return fit_model(spec, task), task


WHYBOX_MODELS = [
    ("sklearn", "RandomForestClassifier", 3, "trees"),
    ("sklearn", "RandomForestRegressor", 0, "trees"),
    ("sklearn", "HistGradientBoostingClassifier", 2, "trees"),
    ("xgboost", None, 2, "trees"),
    ("xgboost", None, 3, "trees"),
    ("lightgbm", None, 0, "trees"),
    ("gradientboosting", None, 2, "trees"),
    ("sklearn", "LogisticRegression", 3, "linear"),
    ("sklearn", "RidgeCV", 0, "linear"),
    ("sklearn", "KNeighborsRegressor", 0, "final"),
]


@pytest.mark.parametrize(("family", "name", "n_classes", "structure"), WHYBOX_MODELS)
def test_whyboxs_own_models_are_explained_by_the_definition(family, name, n_classes, structure):
    model, task = fit(family, name, n_classes=n_classes)
    rows, background = task.X[:4], task.X[60:66]
    unit = "probability" if n_classes else "target"

    view = view_model(model)
    found = attribute_rows(model, rows, background=background)

    assert getattr(view, structure) is not None
    assert view.unit == found.unit == unit
    expected = shapley_by_definition(lambda X: model.predict_units(X, unit), rows, background)
    size = np.abs(expected).max()
    np.testing.assert_allclose(found.values, expected, atol=1e-8 * size)
    np.testing.assert_allclose(found.predictions, model.predict_units(rows, unit), rtol=1e-9)


@pytest.mark.parametrize(
    ("family", "name", "n_classes"), [case[:3] for case in WHYBOX_MODELS[:2] + WHYBOX_MODELS[-2:-1]]
)
def test_models_behind_hidden_columns_are_explained_within_their_error(family, name, n_classes):
    model, task = fit(family, name, n_classes=n_classes, n_hidden_features=3)
    rows, background = task.X[:4], task.X[60:66]
    unit = "probability" if n_classes else "target"

    found = attribute_rows(model, rows, background=background, target_error=0.005)

    expected = shapley_by_definition(lambda X: model.predict_units(X, unit), rows, background)
    assert view_model(model).hidden is not None
    assert np.all(np.abs(found.values - expected) <= 5 * found.std_error + 1e-8 * np.abs(expected).max())


def test_the_columns_of_a_label_share_a_player_and_its_gaps_are_explained():
    model, task = fit("sklearn", "RandomForestRegressor", n_classes=0)
    view = view_model(model)

    assert len(view.players) > view.n_columns == 4
    assert view.encode(task.X).shape[1] == len(view.players)


def test_units_a_model_does_not_answer_in_are_named():
    forest, _ = fit("sklearn", "RandomForestClassifier", n_classes=2)
    boosted, _ = fit("xgboost", None, n_classes=2)

    assert view_model(boosted, unit="margin").n_outputs == 1
    with pytest.raises(UnitUnavailableError):
        view_model(forest, unit="margin")
    with pytest.raises(ColumnCountError):
        view_model(boosted, n_columns=3)


LINEAR = [
    LogisticRegression(max_iter=5000),
    SGDClassifier(loss="log_loss", random_state=0),
    RidgeClassifier(),
    LinearSVC(random_state=0),
    PoissonRegressor(),
    TweedieRegressor(power=0),
    TweedieRegressor(power=1.5),
]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", LINEAR, ids=lambda model: type(model).__name__)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_linear_form_answers_as_its_model_or_is_not_given(model, n_classes):
    X, y = make_table(n_classes=n_classes)
    is_regressor = not hasattr(model, "decision_function")
    X = (X - 20.0) / 5.0
    model.fit(X, y + 0.5 if is_regressor else y)

    for unit in ("target",) if is_regressor else ("probability", "margin"):
        try:
            view = view_model(model, unit=unit)
        except UnitUnavailableError:
            assert unit == "probability"
            assert not hasattr(model, "predict_proba")
            continue
        np.testing.assert_allclose(view.predict(X), view.answer(X), rtol=1e-9, atol=1e-12)
        is_one_versus_rest = isinstance(model, SGDClassifier) and n_classes == 3 and unit == "probability"
        assert (view.linear is None) == is_one_versus_rest


def test_a_kernel_machine_is_not_taken_for_a_linear_model():
    X, y = make_table(n_classes=3)

    assert read_linear(SVC(kernel="linear").fit(X, y), unit="margin") is None
