"""Dealt linear models: what they answer for dealt tables is the model's own answer, up to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.metrics import r2_score

from whybox.domain.explanations.dealt_linear_models import read_dealt_linear
from whybox.domain.explanations.permutation_importances import deal_rows, permute_columns
from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.tables import read_table
from whybox.domain.tasks import frame_task

from .tree_models import make_table

FITTED = [
    ("regression", "RidgeCV", 0, 1),
    ("regression", "LinearRegression", 0, 0),
    ("regression", "Lasso", 0, 2),
    ("classification", "LogisticRegression", 2, 1),
    ("classification", "LogisticRegression", 3, 2),
    ("classification", "LogisticRegression", 3, 0),
]


class NeverFitted:
    """What scikit-learn takes for an estimator."""

    def fit(self):
        """Fit nothing."""


def fit_whybox(kind, name, n_classes, n_layers):
    """Fit a whybox model on a table with a column of words; return it, test rows and their truth."""
    X, y = make_table(n_rows=160, n_classes=n_classes)
    words = np.array(["ash", "birch", "cedar"])[np.digitize(X[:, 3], [17.0, 22.0])]
    lines = ["a,b,c,d,e,word,target,training_index"]
    for number, (cells, word, answer) in enumerate(zip(X.tolist(), words, y.tolist(), strict=True)):
        texts = [repr(cell) for cell in cells[:5]]
        lines.append(",".join([*texts, str(word), repr(answer), str(int(number < 90))]))
    task = frame_task(read_table("\n".join(lines).encode()), kind=kind)
    hidden = {"n_hidden_features": 3, "n_layers": n_layers} if n_layers else {}
    model = fit_model(choose_model(kind, family="sklearn", name=name, seed=0, **hidden), task)
    return model, task.X[task.test], task.y[task.test]


@pytest.mark.parametrize(("kind", "name", "n_classes", "n_layers"), FITTED)
def test_outputs_of_groups_are_those_of_the_dealt_rows(kind, name, n_classes, n_layers):
    model, X, _ = fit_whybox(kind, name, n_classes, n_layers)
    groups, deals = [[0, 5], [3], [], [1, 2, 4]], deal_rows(len(X), n_repeats=2, seed=3)
    dealt = read_dealt_linear(model, X)

    found = dealt.outputs(groups, deals)

    assert found.shape == (4, 2, len(X), dealt.n_outputs)
    for group, repeat in np.ndindex(len(groups), len(deals)):
        version = X.copy()
        version[:, groups[group]] = X[deals[repeat]][:, groups[group]]
        expected = model.predict_units(version, model.units[0])
        np.testing.assert_allclose(
            found[group, repeat], expected, rtol=0, atol=1e-12 * np.abs(expected).max()
        )


@pytest.mark.parametrize(("kind", "name", "n_classes", "n_layers"), FITTED)
def test_importances_are_those_of_scikit_learn(kind, name, n_classes, n_layers):
    model, X, y = fit_whybox(kind, name, n_classes, n_layers)

    def score(_, rows, truth):
        answers = model.predict(rows)
        return np.mean(answers == truth) if kind == "classification" else r2_score(truth, answers)

    # scikit-learn wants something that could be fitted, and asks nothing but the score.
    theirs = permutation_importance(NeverFitted(), X, y, scoring=score, n_repeats=5, random_state=11)
    ours = permute_columns(model, X, y, n_repeats=5, seed=11)

    np.testing.assert_allclose(ours.importances, theirs.importances, rtol=0, atol=1e-12)


def test_a_model_whose_answers_may_overflow_is_asked_itself():
    X, _ = make_table(n_rows=80)
    lines = ["a,b,target,training_index"]
    lines += [f"{a!r},{b!r},{1 + row % 7},{int(row < 50)}" for row, (a, b) in enumerate(X[:, :2].tolist())]
    task = frame_task(read_table("\n".join(lines).encode()), kind="regression")
    model = fit_model(choose_model("regression", family="sklearn", name="PoissonRegressor", seed=0), task)

    assert read_dealt_linear(model, task.X) is None
