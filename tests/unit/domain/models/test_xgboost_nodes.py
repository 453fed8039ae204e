"""Node arrays read from the binary form are those that the text form spells out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost

from whybox.domain.models.xgboost_nodes import read_nodes

OBJECTIVES = {0: "reg:squarederror", 2: "binary:logistic", 4: "multi:softprob"}
FIELDS = {
    "left": "left_children",
    "right": "right_children",
    "feature": "split_indices",
    "condition": "split_conditions",
    "default_left": "default_left",
    "cover": "sum_hessian",
}


@pytest.mark.parametrize("n_columns", [3, 300])
@pytest.mark.parametrize("n_classes", OBJECTIVES)
def test_every_field_is_that_of_the_text(n_classes, n_columns):
    generator = np.random.default_rng(0)
    Z = np.where(generator.random((150, n_columns)) < 0.1, np.nan, generator.normal(size=(150, n_columns)))
    y = np.nan_to_num(Z[:, 0]) if n_classes == 0 else generator.integers(n_classes, size=150)
    parameters = {"objective": OBJECTIVES[n_classes], "max_depth": 4}
    if n_classes > 2:
        parameters["num_class"] = n_classes
    booster = xgboost.train(parameters, xgboost.DMatrix(Z, y), 7)

    found = read_nodes(booster)

    learner = json.loads(booster.save_raw("json"))["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    assert found.sizes.tolist() == [len(tree["left_children"]) for tree in trees]
    for ours, theirs in FIELDS.items():
        expected = np.concatenate([np.asarray(tree[theirs]) for tree in trees])
        np.testing.assert_array_equal(getattr(found, ours), expected.astype(getattr(found, ours).dtype))
    assert found.n_features == n_columns
    assert found.n_outputs == max(1, n_classes if n_classes > 2 else 0)
    assert found.objective == learner["objective"]["name"]
    scores = json.loads(learner["learner_model_param"]["base_score"])
    np.testing.assert_allclose(found.base_scores, np.ravel(scores), rtol=1e-6)


def test_a_column_name_that_looks_like_a_field_confuses_nobody():
    Z = np.random.default_rng(0).normal(size=(40, 2))
    names = ["left_children", "objective"]
    booster = xgboost.train({}, xgboost.DMatrix(Z, Z[:, 0], feature_names=names), 3)

    found = read_nodes(booster)

    assert len(found.sizes) == 3
    assert len(found.left) == found.sizes.sum()
    assert found.objective == "reg:squarederror"
