"""Leaves as patterns: a row reaches a leaf exactly when it meets all of its conditions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from whybox.domain.explanations.leaf_paths import read_cells, read_patterns, trace_leaves
from whybox.domain.explanations.tree_layouts import move_common_values
from whybox.domain.explanations.tree_readers import read_trees

from .tree_models import CASES, MISSING_VALUES, fit_case, hang_comb, make_table

ROUNDING = 1e-12


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_the_leaves_whose_conditions_are_all_met_add_up_to_the_margins(name, n_classes):
    missing = name in MISSING_VALUES
    trees = read_trees(fit_case(name, n_classes, missing=missing)[0])
    X, _ = make_table(n_rows=200, missing=missing, seed=4)
    paths = trace_leaves(trees, np.arange(6))
    cells = read_cells(paths, X)

    margins = paths.constant + np.zeros((len(X), trees.n_margins))
    for group in paths.groups:
        full = (1 << group.k) - 1
        margins += (read_patterns(group, cells) == full).T @ group.values

    np.testing.assert_allclose(margins, trees.margins(X), rtol=ROUNDING, atol=ROUNDING)


def test_tests_of_one_column_are_one_condition():
    X = np.linspace(0.0, 1.0, 64)[:, None]
    trees = read_trees(DecisionTreeRegressor(random_state=0).fit(X, np.sin(9.0 * X[:, 0])))

    paths = trace_leaves(trees, np.zeros(1, dtype=int))

    assert [group.k for group in paths.groups] == [1]


@pytest.mark.parametrize("n_columns", [7, 8, 9, 16, 17, 32, 33, 62])
def test_patterns_of_any_width_hold_one_bit_for_each_condition(n_columns):
    trees = hang_comb(n_columns)
    paths = trace_leaves(trees, np.arange(n_columns))
    rows = np.random.default_rng(0).integers(0, 2, size=(30, n_columns)).astype(float)
    deepest = paths.groups[-1]
    assert deepest.k == n_columns

    patterns = read_patterns(deepest, read_cells(paths, rows))

    bits = (patterns[:, :, None] >> np.arange(n_columns, dtype=np.uint64)) & np.uint64(1)
    # Two leaves test every column: the one for all ones, and the one that wants a zero last.
    all_ones, zero_last = rows, np.column_stack([rows[:, :-1], 1.0 - rows[:, -1]])
    np.testing.assert_array_equal(bits, np.stack([zero_last, all_ones]))


def test_a_part_of_a_group_reads_the_same_patterns():
    trees = read_trees(fit_case("forest", 3)[0])
    X, _ = make_table(n_rows=50, seed=4)
    paths = trace_leaves(trees, np.array([0, 1, 0, 2, 1, 2]))
    cells = read_cells(paths, X)

    for group in paths.groups:
        part = slice(group.n_leaves // 3, group.n_leaves // 3 + 2)
        np.testing.assert_array_equal(
            read_patterns(group.part(part), cells, rows=slice(7, 20)), read_patterns(group, cells)[part, 7:20]
        )


def test_moving_common_values_into_the_base_changes_no_answer_and_empties_leaves():
    trees = read_trees(fit_case("forest", 3)[0])
    X, _ = make_table(n_rows=200, seed=4)
    generator = np.random.default_rng(0)
    shift = generator.normal(size=(len(trees.roots), 3))
    tree_of_node = np.searchsorted(trees.roots, np.arange(len(trees.left)), side="right") - 1
    is_leaf = (trees.left < 0)[:, None]
    shifted = replace(trees, values=np.where(is_leaf, trees.values + shift[tree_of_node], 0.0))

    moved = move_common_values(shifted)

    np.testing.assert_allclose(moved.margins(X), shifted.margins(X), rtol=ROUNDING, atol=ROUNDING)
    is_empty = (moved.values[trees.left < 0] == 0.0).all(axis=1)
    counts = np.bincount(tree_of_node[trees.left < 0], weights=is_empty)
    assert np.all(counts >= 1)
    for tree, count in enumerate(counts):
        mine = shifted.values[(tree_of_node == tree) & (trees.left < 0)]
        assert count == np.unique(mine, axis=0, return_counts=True)[1].max()
