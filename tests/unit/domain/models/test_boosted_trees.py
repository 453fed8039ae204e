"""Boosters are fitted natively, and their margin is the float64 sum of the leaves the library reaches."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest
import xgboost

from whybox.domain.models.boosted_trees import (
    MANY_ROWS,
    NAMES_CHECK,
    XGBOOST_OBJECTIVES,
    fit_lightgbm,
    fit_xgboost,
    objective_of,
)

FITS = {"xgboost": fit_xgboost, "lightgbm": fit_lightgbm}
PARAMETERS = {"n_estimators": 30, "learning_rate": 0.1, "max_depth": 3}
FLOAT32_SUM = 1e-5  # 30 float32 additions


def make_rows(seed: int = 0, *, n_rows: int = 200, has_missing: bool = True):
    generator = np.random.default_rng(seed)
    Z = generator.normal(size=(n_rows, 6))
    score = Z[:, 0] - 2 * Z[:, 1] * (Z[:, 2] > 0) + generator.normal(size=n_rows) / 5
    if has_missing:
        Z[generator.random(Z.shape) < 0.05] = np.nan
    return Z, score


def targets(score, n_classes: int):
    if n_classes == 0:
        return score
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))


def library_margin(trees, Z):
    if trees.library == "xgboost":
        margin = trees.booster.predict(xgboost.DMatrix(Z), output_margin=True)
    else:
        margin = trees.booster.predict(Z, raw_score=True)
    return np.asarray(margin, dtype=np.float64).reshape(len(Z), -1)


@pytest.mark.parametrize("library", FITS)
@pytest.mark.parametrize("n_classes", [0, 2, 3, 5])
def test_the_margin_is_the_librarys_own(library, n_classes):
    Z, score = make_rows()

    trees = FITS[library](Z, targets(score, n_classes), n_classes=n_classes, parameters=PARAMETERS, seed=0)

    assert trees.n_outputs == (n_classes if n_classes > 2 else 1)
    assert trees.n_trees == 30 * trees.n_outputs
    assert trees.n_features == 6
    expected = library_margin(trees, Z)
    np.testing.assert_allclose(trees.margin(Z), expected, atol=FLOAT32_SUM * np.abs(expected).max())


@pytest.mark.parametrize("library", FITS)
@pytest.mark.parametrize("scale", [1e-3, 1, 1e9])
def test_the_margin_is_exactly_base_and_leaves_however_large_the_target(library, scale):
    Z, score = make_rows()
    y = scale * (score + 100)

    trees = FITS[library](Z, y, n_classes=0, parameters=PARAMETERS, seed=0)

    leaves = trees.leaves(Z)
    by_hand = [
        trees.base_margin[0] + sum(trees.leaf_values[tree, leaf] for tree, leaf in enumerate(row))
        for row in leaves
    ]
    np.testing.assert_allclose(trees.margin(Z)[:, 0], by_hand, rtol=1e-14)
    np.testing.assert_allclose(trees.margin(Z), library_margin(trees, Z), rtol=FLOAT32_SUM)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_xgboost_is_fitted_to_the_bytes_of_its_own_train_and_stays_as_it_is(n_classes):
    Z, score = make_rows()
    y = targets(score, n_classes)
    own = {"objective": XGBOOST_OBJECTIVES[objective_of(n_classes)], "tree_method": "hist", "nthread": 1}
    own |= {"learning_rate": 0.1, "max_depth": 3, "seed": 7} | ({"num_class": 3} if n_classes == 3 else {})

    booster = fit_xgboost(Z, y, n_classes=n_classes, parameters=PARAMETERS, seed=7).booster

    expected = xgboost.train(own, xgboost.DMatrix(Z, y, nthread=1), PARAMETERS["n_estimators"])
    assert booster.save_raw("ubj") == expected.save_raw("ubj")
    assert callable(getattr(xgboost.Booster, NAMES_CHECK))
    assert vars(booster).keys() == vars(expected).keys()


def test_xgboost_leaf_values_are_those_of_the_saved_model():
    Z, score = make_rows()
    trees = fit_xgboost(Z, targets(score, 2), n_classes=2, parameters=PARAMETERS, seed=0)

    learner = json.loads(trees.booster.save_raw("json"))["learner"]

    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    assert trees.base_margin[0] == pytest.approx(np.log(base / (1 - base)), rel=1e-6)
    for tree, values in zip(learner["gradient_booster"]["model"]["trees"], trees.leaf_values, strict=True):
        for node, child in enumerate(tree["left_children"]):
            expected = np.float32(tree["split_conditions"][node]) if child == -1 else np.nan
            np.testing.assert_equal(values[node], np.float64(expected))
        assert np.isnan(values[len(tree["left_children"]) :]).all()


@pytest.mark.parametrize("library", FITS)
def test_a_tree_that_finds_no_split_is_a_single_leaf(library):
    Z = np.ones((30, 2))
    y = np.arange(30) % 2

    trees = FITS[library](Z, y, n_classes=2, parameters=PARAMETERS, seed=0)

    np.testing.assert_allclose(trees.margin(Z), 0, atol=1e-6)


@pytest.mark.parametrize("library", FITS)
@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_the_same_rows_and_seed_give_the_same_bits(library, n_classes):
    Z, score = make_rows()
    y = targets(score, n_classes)
    parameters = PARAMETERS | {"colsample_bytree": 0.5}

    first, again, other = (
        FITS[library](Z, y, n_classes=n_classes, parameters=parameters, seed=seed).margin(Z)
        for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_xgboost_is_the_librarys_fit_with_these_parameters():
    Z, score = make_rows()
    y = targets(score, 2)
    expected = xgboost.XGBClassifier(**PARAMETERS, n_jobs=1).fit(Z, y).predict_proba(Z)[:, 1]

    margin = fit_xgboost(Z, y, n_classes=2, parameters=PARAMETERS, seed=0).margin(Z)[:, 0]

    np.testing.assert_allclose(1 / (1 + np.exp(-margin)), expected, atol=1e-6)


def test_lightgbm_is_the_librarys_fit_with_these_parameters():
    Z, score = make_rows()
    expected = lightgbm.LGBMRegressor(
        **PARAMETERS, n_jobs=1, verbosity=-1, deterministic=True, force_row_wise=True
    ).fit(Z, score)

    margin = fit_lightgbm(Z, score, n_classes=0, parameters=PARAMETERS, seed=0).margin(Z)[:, 0]

    np.testing.assert_allclose(margin, expected.predict(Z), rtol=1e-12)


def test_the_objective_follows_the_number_of_classes():
    assert [objective_of(n_classes) for n_classes in (0, 2, 3)] == ["regression", "binary", "multiclass"]


@pytest.mark.parametrize("library", FITS)
@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("max_depth", [1, 3, 6, 9])
@pytest.mark.parametrize("has_missing", [True, False])
def test_many_rows_reach_the_leaves_that_few_rows_reach(library, n_classes, max_depth, has_missing):
    Z, score = make_rows(has_missing=has_missing)
    parameters = {"n_estimators": 5, "learning_rate": 0.1, "max_depth": max_depth}
    trees = FITS[library](Z, targets(score, n_classes), n_classes=n_classes, parameters=parameters, seed=0)
    many, _ = make_rows(1, n_rows=MANY_ROWS)
    many[:40, 0] = [0.0, -0.0, 1e-36, -1e-36, 3e38, -3e38, 1e38, np.nan] * 5

    at_once = trees.margin(many)

    by_few = np.concatenate([trees.margin(part) for part in np.array_split(many, 3)])
    np.testing.assert_array_equal(at_once, by_few)


@pytest.mark.parametrize("library", FITS)
def test_values_on_a_threshold_go_the_way_the_library_sends_them(library):
    generator = np.random.default_rng(0)
    Z = generator.integers(0, 8, size=(300, 3)) / 10
    y = Z @ [1, 2, 3] + generator.normal(size=300) / 10
    trees = FITS[library](Z, y, n_classes=0, parameters=PARAMETERS, seed=0)
    thresholds = generator.integers(0, 16, size=(MANY_ROWS, 3)) / 20

    np.testing.assert_array_equal(trees.margin(thresholds)[:100], trees.margin(thresholds[:100]))


@pytest.mark.parametrize("library", FITS)
def test_trees_that_are_single_leaves_answer_many_rows(library):
    trees = FITS[library](np.ones((30, 2)), np.arange(30.0), n_classes=0, parameters=PARAMETERS, seed=0)

    np.testing.assert_allclose(trees.margin(np.zeros((MANY_ROWS, 2))), 14.5, rtol=1e-6)
