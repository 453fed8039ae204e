"""Dealt trees: the kernel's answers for dealt tables are the model's own, bit for bit, or are not used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier
from tests.proof.kernel_values import levels

from whybox.domain.explanations.dealt_trees import read_dealt_trees
from whybox.domain.explanations.permutation_importances import deal_rows, permute_columns
from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.tables import read_table
from whybox.domain.tasks import frame_task

from .tree_models import make_table

FITTED = [
    ("classification", "sklearn", "RandomForestClassifier", 3, 2),
    ("classification", "sklearn", "ExtraTreesClassifier", 2, 0),
    ("regression", "sklearn", "RandomForestRegressor", 0, 1),
    ("classification", "xgboost", None, 2, 0),
    ("classification", "xgboost", None, 3, 0),
    ("regression", "xgboost", None, 0, 0),
    ("classification", "lightgbm", None, 3, 0),
    ("regression", "lightgbm", None, 0, 0),
]


def fit_whybox(kind, family, name, n_classes, n_layers):
    """Fit a whybox model on a table with words and holes; return it, test rows and their truth."""
    X, y = make_table(n_rows=160, n_classes=n_classes, missing=True)
    words = np.array(["ash", "birch", "cedar"])[np.digitize(np.nan_to_num(X[:, 3]), [17.0, 22.0])]
    lines = ["a,b,c,d,e,word,target,training_index"]
    for number, (cells, word, answer) in enumerate(zip(X.tolist(), words, y.tolist(), strict=True)):
        texts = ["" if np.isnan(cell) else repr(cell) for cell in cells[:5]]
        lines.append(",".join([*texts, str(word), repr(answer), str(int(number < 90))]))
    task = frame_task(read_table("\n".join(lines).encode()), kind=kind)
    hidden = {"n_hidden_features": 3, "n_layers": n_layers} if n_layers else {}
    model = fit_model(choose_model(kind, family=family, name=name, seed=0, **hidden), task)
    return model, task.X[task.test], task.y[task.test]


@pytest.mark.parametrize(("kind", "family", "name", "n_classes", "n_layers"), FITTED)
def test_importances_are_the_same_bits_with_and_without_the_kernel(kind, family, name, n_classes, n_layers):
    model, X, y = fit_whybox(kind, family, name, n_classes, n_layers)
    assert read_dealt_trees(model, X, engine="auto") is not None

    ours, plain = (permute_columns(model, X, y, engine=engine) for engine in ("auto", "numpy"))

    np.testing.assert_array_equal(ours.importances, plain.importances)
    assert ours.noise_floor == plain.noise_floor


@pytest.mark.parametrize(("kind", "family", "name", "n_classes", "n_layers"), FITTED)
def test_outputs_of_groups_are_those_of_the_dealt_rows_at_every_level(
    kind, family, name, n_classes, n_layers
):
    model, X, _ = fit_whybox(kind, family, name, n_classes, n_layers)
    dealt = read_dealt_trees(model, X, engine="auto")
    groups, deals = [[0, 5], [3], [], [1, 2, 4]], deal_rows(len(X), n_repeats=2, seed=3)
    unit = "probability" if kind == "classification" else "target"

    found = [replace(dealt, kernel=kernel).outputs(groups, deals) for kernel in levels()]

    for group, repeat in np.ndindex(len(groups), len(deals)):
        version = X.copy()
        version[:, groups[group]] = X[deals[repeat]][:, groups[group]]
        np.testing.assert_array_equal(found[0][group, repeat], model.predict_units(version, unit))
    assert all(np.array_equal(found[0], other) for other in found)


@pytest.mark.parametrize(
    "estimator",
    [
        ExtraTreesClassifier(9, random_state=0),
        DecisionTreeClassifier(random_state=0),
        RandomForestRegressor(9, random_state=0),
    ],
)
def test_bare_forests_are_dealt_too(estimator):
    X, y = make_table(n_classes=0 if "Regressor" in type(estimator).__name__ else 3, missing=True)
    model = estimator.fit(X[:100], y[:100])
    assert read_dealt_trees(model, X[100:], engine="auto") is not None

    ours, plain = (permute_columns(model, X[100:], y[100:], engine=engine) for engine in ("auto", "numpy"))

    np.testing.assert_array_equal(ours.importances, plain.importances)


def test_without_the_kernel_or_the_trees_for_it_the_model_is_asked_itself():
    X, y = make_table(n_classes=2)
    forest = ExtraTreesClassifier(5, random_state=0).fit(X, y)
    boosted = GradientBoostingClassifier(n_estimators=5).fit(X, y)

    assert read_dealt_trees(forest, X, engine="numpy") is None
    assert read_dealt_trees(boosted, X, engine="auto") is None
    assert (
        read_dealt_trees(ExtraTreesClassifier(5).fit(X, np.stack([y, y], axis=1)), X, engine="auto") is None
    )


def test_trees_that_answer_otherwise_than_the_model_are_not_used():
    X, y = make_table(n_classes=2)

    class Contrary(ExtraTreesClassifier):
        """A forest that turns its answers round: its trees are not what it says."""

        def predict(self, X):
            return self.classes_[::-1][np.searchsorted(self.classes_, super().predict(X))]

    Contrary.__name__, Contrary.__module__ = "ExtraTreesClassifier", "sklearn.ensemble._forest"
    model = Contrary(9, random_state=0).fit(X[:100], y[:100])

    found = permute_columns(model, X[100:], y[100:])

    assert found.baseline_score < 0.5
    np.testing.assert_array_equal(
        found.importances, permute_columns(model, X[100:], y[100:], engine="numpy").importances
    )
