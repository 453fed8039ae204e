"""The compiled kernel beside its numpy twin and the definition; ``make prove`` runs thousands of models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor
from tests.proof.generated_trees import Drawn, draw
from tests.proof.kernel_values import Compared, by_engine, compare, levels, prove, trace_at

from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.path_dependent_trees import explain_path_dependent
from whybox.domain.explanations.tree_readers import read_trees

from .tree_models import CASES, MISSING_VALUES, fit_case, hang_comb, make_table

ROUNDING = 1e-12


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=10_000, max_value=2**31))
def test_drawn_trees_have_the_values_of_the_definition_in_every_engine(seed):
    compared = Compared()

    compare(draw(seed), f"drawn {seed}", compared)

    assert not compared.violations


def test_a_slice_of_the_proof_holds():
    compared = prove(40)

    assert not compared.violations
    assert min(compared.n_with.values()) > 0


def case_of(trees, rows, background):
    """Return trees, each column a player, with rows and background as a case."""
    players = np.arange(trees.n_columns)
    return Drawn(trees, players, trees.n_columns, rows, background, np.ones(len(background)))


def assert_engines_agree(case):
    """Hold every level against numpy, and all levels against each other byte by byte."""
    expected = by_engine(case, None)
    found = [by_engine(case, kernel) for kernel in levels()]
    for what, values in expected.items():
        scale = max(1.0, np.abs(values).max(initial=0.0))
        np.testing.assert_allclose(found[0][what], values, rtol=0, atol=ROUNDING * scale, err_msg=what)
        for other in found[1:]:
            np.testing.assert_array_equal(other[what], found[0][what], err_msg=what)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_every_family_has_the_values_of_the_twin(name, n_classes, missing):
    if missing and name not in MISSING_VALUES:
        pytest.skip("the family takes no missing values")
    model, rows, background = fit_case(name, n_classes, missing=missing)

    assert_engines_agree(case_of(read_trees(model), rows, background))


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_every_engine_counts_the_same_leaves_and_conditions(name, n_classes):
    """How much is sampled follows from them, and is the same wherever it is walked."""
    model, rows, background = fit_case(name, n_classes)
    case = case_of(read_trees(model), rows, background)

    counted = {
        (paths.n_leaves, paths.n_conditions) for paths in (trace_at(case, at) for at in (None, *levels()))
    }

    assert len(counted) == 1


@pytest.mark.parametrize(("n_rows", "n_background"), [(300, 90), (3, 400), (2, 2)])
def test_tables_and_comparisons_of_patterns_agree_whatever_is_cheaper(n_rows, n_background):
    X, y = make_table(n_rows=400, n_classes=3, seed=3)
    model = DecisionTreeRegressor(random_state=0).fit(X, y)

    assert_engines_agree(case_of(read_trees(model), X[:n_rows] + 0.05, X[:n_background]))


@pytest.mark.parametrize("n_columns", [15, 16, 17, 33, 40])
def test_paths_of_any_length_have_the_values_of_the_twin(n_columns):
    generator = np.random.default_rng(0)
    rows = generator.integers(0, 2, size=(9, n_columns)).astype(float)
    background = np.concatenate([np.tri(n_columns + 1, n_columns)[::3], 1.0 - rows])

    assert_engines_agree(case_of(hang_comb(n_columns), rows, background))


def test_a_path_of_more_conditions_than_a_pattern_has_bits_is_followed_by_its_training_weight():
    n_columns = 90
    rows = np.random.default_rng(0).integers(0, 2, size=(5, n_columns)).astype(float)
    rows[0] = 1.0
    case = case_of(hang_comb(n_columns), rows, rows)
    paths = trace_at(case, None)
    assert paths.max_conditions == n_columns
    expected = explain_path_dependent(paths, rows)

    for kernel in levels():
        found = explain_path_dependent(trace_at(case, kernel), rows)
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_a_column_with_more_thresholds_than_sixteen_bits_count_is_cut_into_wider_cells():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(70_000, 2))
    model = DecisionTreeRegressor(random_state=0).fit(X[:, :1], generator.normal(size=len(X)))
    assert len(np.unique(model.tree_.threshold)) > 2**16
    rows = np.concatenate([generator.choice(X[:, :1], 4), np.full((1, 1), 9.0), np.full((1, 1), np.nan)])

    case = case_of(read_trees(model), rows, X[:3, :1])
    expected = explain_interventional(trace_at(case, None), rows, case.background)

    for kernel in levels():
        found = explain_interventional(trace_at(case, kernel), rows, case.background)
        np.testing.assert_allclose(found, expected, atol=ROUNDING)
