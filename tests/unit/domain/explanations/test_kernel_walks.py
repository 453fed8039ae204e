"""The kernel's walks beside their numpy twins and the definition; ``make prove`` runs thousands of cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.proof.generated_walks import draw_hidden, draw_linked
from tests.proof.kernel_values import Compared, levels
from tests.proof.walk_values import (
    compare_dealt,
    compare_heads,
    compare_hidden,
    compare_linked,
    draw_visits,
    prove,
)

from whybox.domain.explanations.hidden_tree_games import HiddenTreeGame, HiddenTrees
from whybox.domain.explanations.kernel_libraries import load_kernel
from whybox.domain.explanations.leaf_paths import trace_leaves
from whybox.domain.explanations.linked_games import LinkedGame
from whybox.errors import ExplanationCheckError

SEEDS = st.integers(min_value=10_000, max_value=2**31)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_pairs_behind_hidden_layers_are_those_of_the_definition_in_every_engine(seed):
    compared = Compared()

    compare_hidden(draw_hidden(seed), f"hidden {seed}", compared)

    assert not compared.violations


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_pairs_of_linear_models_behind_hidden_layers_are_those_of_the_definition_in_every_engine(seed):
    compared = Compared()

    compare_heads(draw_hidden(seed), f"heads {seed}", compared)

    assert not compared.violations


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_visits_behind_a_link_are_those_of_the_definition_in_every_engine(seed):
    compared = Compared()

    compare_linked(draw_linked(seed), f"linked {seed}", compared)

    assert not compared.violations


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_dealt_tables_have_the_leaves_of_their_rows_at_every_level(seed):
    compared = Compared()

    compare_dealt(draw_hidden(seed), f"dealt {seed}", compared)

    assert not compared.violations


def test_a_slice_of_the_proof_meets_everything_it_should():
    compared = prove(60)

    assert not compared.violations
    assert min(compared.n_with.values()) > 0
    assert {"several words of coalitions", "softmax", "logistic", "exponential"} <= set(compared.n_with)


def test_the_proof_sees_a_leaf_that_is_off_by_a_millionth():
    """What is compared is compared closely: another forest is another value."""
    case = draw_hidden(0)
    moved = replace(case, trees=replace(case.trees, values=case.trees.values * (1.0 + 1e-6)))

    def walk(of):
        tables = (of.rows, of.background, of.players)
        model = HiddenTrees(of.trees, of.hidden)
        return HiddenTreeGame(model, *tables, n_players=of.n_players, kernel=load_kernel()).pairs(*of.walked)

    assert np.abs(walk(moved) - walk(case)).max() > 1e-8


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("rows", lambda walked: (walked[0] + 100, walked[1], walked[2])),
        ("background rows", lambda walked: (walked[0], walked[1] - 100, walked[2])),
        ("an order that lists a player twice", lambda walked: (*walked[:2], np.zeros_like(walked[2]))),
        ("an order beyond the players", lambda walked: (*walked[:2], walked[2] + 1)),
    ],
)
def test_walks_outside_the_tables_are_refused(what, change):
    case = draw_hidden(0)
    assert case.n_players > 1
    tables = (case.rows, case.background, case.players)
    game = HiddenTreeGame(
        HiddenTrees(case.trees, case.hidden), *tables, n_players=case.n_players, kernel=load_kernel()
    )

    with pytest.raises(ExplanationCheckError, match="bad column"):
        game.pairs(*change(case.walked))
    assert what


def test_visits_outside_the_tables_are_refused():
    case = draw_linked(0)
    paths = trace_leaves(case.trees, case.players, n_players=case.n_players)
    game = LinkedGame(paths, case.rows, case.background, case.weights, seed=0)
    visits = draw_visits(case, np.random.default_rng(0))
    visits.backgrounds[0] = len(case.background)

    with pytest.raises(ExplanationCheckError, match="bad column"):
        game.visit(visits)


def test_every_level_of_this_processor_is_compared():
    assert levels()
    assert levels()[-1].level == load_kernel().level
