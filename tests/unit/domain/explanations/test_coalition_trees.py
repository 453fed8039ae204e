"""Margins of coalitions from leaf patterns equal the margins of the hybrid rows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from whybox.domain.explanations.coalition_trees import play_leaves, walk_margins
from whybox.domain.explanations.leaf_paths import trace_leaves
from whybox.domain.explanations.linked_coalitions import all_margins, find_players
from whybox.domain.explanations.split_trees import split_leaves
from whybox.domain.explanations.tree_readers import read_trees

from .tree_models import CASES, UNUSED, fit_case, make_table

ROUNDING = 1e-12


def play(name, n_classes):
    """Return an ensemble, its leaves in play, its constant margins, rows and background rows."""
    model, rows, background = fit_case(name, n_classes, missing=name in ("xgboost", "lightgbm"))
    trees = read_trees(model)
    paths = trace_leaves(trees, np.arange(trees.n_columns))
    return trees, play_leaves(paths, rows, background), paths.constant, rows, background


@pytest.mark.parametrize(("n_walks", "n_met"), [(1, 3), (2, 1), (2, 7), (4, 3), (4, 1)])
@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_a_walk_passes_the_margins_of_its_hybrid_rows(name, n_classes, n_walks, n_met):
    """Whether each row meets few of the seven background rows, most, or all of them."""
    trees, played, _, rows, background = play(name, n_classes)
    generator = np.random.default_rng(0)
    met = generator.integers(0, len(background), size=(len(rows), n_met))
    orders = generator.permuted(np.broadcast_to(np.arange(6), (len(rows), n_met, n_walks, 6)), axis=3)

    steps = walk_margins(played, np.arange(len(rows)), met, orders, n_margins=trees.n_margins)

    start = trees.margins(background)[met]
    passed = start[:, :, None, None] + np.cumsum(np.moveaxis(steps, 0, -1), axis=3)
    joined = np.argsort(orders, axis=3)[:, :, :, None, :] <= np.arange(6)[:, None]
    hybrids = np.where(joined, rows[:, None, None, None], background[met][:, :, None, None])
    expected = trees.margins(hybrids.reshape(-1, 6)).reshape(passed.shape)
    np.testing.assert_allclose(passed, expected, rtol=ROUNDING, atol=ROUNDING)


def test_a_player_without_leaves_takes_no_step_at_all():
    trees, played, _, rows, background = play("xgboost", 2)
    orders = np.broadcast_to(np.arange(6), (len(rows), len(background), 1, 6))
    met = np.broadcast_to(np.arange(len(background)), (len(rows), len(background)))

    steps = walk_margins(played, np.arange(len(rows)), met, orders, n_margins=trees.n_margins)

    assert np.all(steps[..., UNUSED] == 0.0)


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_all_coalitions_at_once_have_the_margins_of_their_hybrid_rows(name, n_classes):
    trees, played, constant, rows, background = play(name, n_classes)
    active = find_players(played)
    assert UNUSED not in active

    margins = all_margins(
        played, np.arange(len(rows)), active, n_margins=trees.n_margins, n_background=len(background)
    )

    chosen = (np.arange(1 << len(active))[:, None] >> np.arange(len(active))) & 1 > 0
    coalitions = np.zeros((len(chosen), 6), dtype=bool)
    coalitions[:, active] = chosen
    hybrids = np.where(coalitions, rows[:, None, None], background[None, :, None])
    expected = trees.margins(hybrids.reshape(-1, 6)).reshape(*hybrids.shape[:3], -1)
    np.testing.assert_allclose(np.moveaxis(margins, 0, -1) + constant, expected, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("n_own", [0, 1, 3, 6])
@pytest.mark.parametrize(("name", "n_classes"), [("forest", 2), ("xgboost", 0), ("gradient boosting", 3)])
def test_own_leaves_and_the_rest_add_up_to_the_ensemble(name, n_classes, n_own):
    trees = read_trees(fit_case(name, n_classes)[0])
    X, _ = make_table(n_rows=200, seed=5)

    own, rest = split_leaves(trees, n_own)

    np.testing.assert_allclose(
        own.margins(X) + rest.margins(X), trees.margins(X), rtol=ROUNDING, atol=ROUNDING
    )


def test_own_leaves_test_own_columns_only_and_the_rest_is_cut_back():
    trees = read_trees(fit_case("forest", 2)[0])

    own, rest = split_leaves(trees, 3)

    paths = trace_leaves(own, np.arange(6))
    assert max(group.players.max() for group in paths.groups) < 3
    assert np.count_nonzero(rest.left >= 0) < np.count_nonzero(trees.left >= 0)
    assert np.all(split_leaves(trees, 6)[1].values == 0.0)
    assert len(split_leaves(trees, 6)[1].roots) == 0
