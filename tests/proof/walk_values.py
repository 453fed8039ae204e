"""The compiled kernel's walks against their numpy twins and the definition, on thousands of drawn cases.

hidden    pairs of permutations on trees behind hidden layers, coalition by coalition
heads     the same on linear models and networks behind hidden layers, and behind a link
linked    sums over visits behind a link, and the control's shares by all coalitions
dealt     sums of leaves of dealt tables, row by row in the order of the trees: the same bits
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.proof.generated_trees import Drawn
from tests.proof.generated_walks import DrawnHidden, draw_hidden, draw_linked
from tests.proof.kernel_values import TOLERANCE, Compared, levels, trace_at
from tests.proof.tree_definitions import coalitions, shapley_values, sum_leaves

from whybox.domain.explanations.additive_games import AdditiveForm
from whybox.domain.explanations.additive_stages import (
    AdditiveStage,
    linear_stage,
    link_head,
    play_by_player,
    product_stage,
)
from whybox.domain.explanations.head_games import HeadGame, open_hidden_head
from whybox.domain.explanations.head_walks import RectifiedUnits
from whybox.domain.explanations.hidden_tree_games import HiddenTreeGame, HiddenTrees
from whybox.domain.explanations.kernel_dealt_tables import DealtTable, deal_margins
from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.linked_games import LinkedGame, Visits
from whybox.domain.explanations.links import apply_link
from whybox.domain.explanations.structured_hidden import HiddenSums, play_behind_hidden

Floats = NDArray[np.float64]

MOST_JOINED = 7
"""Players of a table of the kernel's; see part_tables.h."""


def prove(n_cases: int, *, start: int = 0) -> Compared:
    """Compare the cases of ``n_cases`` seeds: one of each kind, and three of heads."""
    compared = Compared()
    for seed in range(start, start + n_cases):
        compare_hidden(draw_hidden(seed), f"hidden {seed}", compared)
        compare_heads(draw_hidden(seed), f"heads {seed}", compared)
        compare_linked(draw_linked(seed), f"linked {seed}", compared)
        compare_dealt(draw_hidden(seed), f"dealt {seed}", compared)
    return compared


def compare_hidden(case: DrawnHidden, name: str, compared: Compared) -> None:
    """Compare the pairs of one case."""
    model = HiddenTrees(case.trees, case.hidden)

    def ask(kernel: Kernel | None) -> Floats:
        tables = (case.rows, case.background, case.players)
        return HiddenTreeGame(model, *tables, n_players=case.n_players, kernel=kernel).pairs(*case.walked)

    compared.n_cases += 1
    compared.n_with["hidden layers behind each other"] += len(case.hidden.layers) > 1
    compared.n_with["several words of coalitions"] += case.n_players > 31
    compared.n_with["columns in groups"] += case.n_players < len(case.players)
    n_outputs = case.trees.n_margins
    expected = _pairs(case, lambda columns: sum_leaves(case.trees, columns), n_outputs=n_outputs)
    _hold(compared, f"{name} pairs", expected, ask(None), [ask(kernel) for kernel in levels()])


def compare_heads(case: DrawnHidden, name: str, compared: Compared) -> None:
    """Compare the pairs of three models on the hidden columns of one case, drawn of all kinds."""
    rng = np.random.default_rng([*name.encode()])
    models = _draw_models(case, rng)
    for kind in rng.choice(list(models), 3, replace=False):
        model = models[kind]

        def ask(kernel: Kernel | None, model: _Model = model) -> Floats:
            return model.open_game(kernel).pairs(*case.walked)

        compared.n_cases += 1
        compared.n_with[kind] += 1
        expected = _pairs(case, model.answer, n_outputs=model.n_outputs)
        found = [ask(kernel) for kernel in levels()]
        _hold(compared, f"{name} {kind} pairs", expected, ask(None), found)


@dataclass(frozen=True)
class _Model:
    """A final model: from own and hidden columns (q,) to answers, and its game."""

    n_outputs: int
    answer: Callable[[Floats], Floats]
    open_game: Callable[[Kernel | None], HeadGame]


def _draw_models(case: DrawnHidden, rng: np.random.Generator) -> dict[str, _Model]:
    """Return one model of each kind on the columns of a case."""
    n_own, n_players = len(case.players), case.n_players
    n_columns, n_margins = case.hidden.n_outputs, case.trees.n_margins
    own, other = case.hidden.own_columns(case.rows), case.hidden.own_columns(case.background)
    sums = HiddenSums.of(case.hidden.layers, n_own=n_own)
    of_hidden = rng.normal(size=(n_margins, n_columns - n_own)).round(2)

    def open_plain(kernel: Kernel | None) -> HeadGame:
        tables = (own, other, case.players)
        return open_hidden_head(sums, sums.head(of_hidden), *tables, n_players=n_players, kernel=kernel)

    models = {"on hidden columns": _Model(n_margins, lambda columns: of_hidden @ columns[n_own:], open_plain)}
    for link in ("logistic", "softmax", "exponential", "identity"):
        n_linked = 1 if link == "logistic" else n_margins
        weights = 0.5 * rng.normal(size=(n_columns, n_linked)).round(2)
        stage = linear_stage(weights, rng.normal(size=n_linked), link)
        models[f"linear, {link}"] = _behind(case, stage, link)
        n_units = int(rng.integers(1, 5))
        units = RectifiedUnits(
            weights=0.5 * rng.normal(size=(n_columns, n_units)).round(2),
            bias=rng.normal(size=n_units),
            of_units=rng.normal(size=(n_linked, n_units)),
            offset=rng.normal(size=n_linked),
            link=link,
        )
        models[f"network, {link}"] = _behind(case, _network_stage(units), link)
    # Without layers: the own columns alone.
    stage = linear_stage(rng.normal(size=(n_own, n_margins)), rng.normal(size=n_margins), "softmax")
    form = play_by_player(stage, case.players, n_players=n_players)
    models["on own columns"] = _Model(
        n_margins,
        lambda columns: _answer_alone(stage, columns[:n_own]),
        lambda kernel: _open(form, own, other, kernel),
    )
    return models


def _network_stage(units: RectifiedUnits) -> AdditiveStage:
    """Return a network as a stage whose head numpy evaluates layer by layer."""
    answer = link_head(units.link)

    def head(sums: Floats) -> Floats:
        return answer(units.of_units @ np.maximum(sums, 0.0) + units.offset[:, None])

    return replace(product_stage(units.weights, units.bias, head), units=units)


def _behind(case: DrawnHidden, stage: AdditiveStage, link: str) -> _Model:
    """Return a stage behind the hidden columns of a case."""
    form = play_behind_hidden(stage, case.hidden, case.players, n_players=case.n_players)
    n_margins = stage.width if stage.units is None else len(stage.units.offset)
    return _Model(
        n_outputs=2 if link == "logistic" else n_margins,
        answer=lambda columns: _answer_alone(stage, columns),
        open_game=lambda kernel: _open(form, case.rows, case.background, kernel),
    )


def _answer_alone(stage: AdditiveStage, columns: Floats) -> Floats:
    """Return the answers of a stage for one row of its columns (q,)."""
    terms = stage.terms(columns[None], np.arange(len(columns)))
    return np.asarray(stage.head(stage.offset[:, None] + terms.sum(axis=2))[:, 0])


def _open(form: AdditiveForm, rows: Floats, background: Floats, kernel: Kernel | None) -> HeadGame:
    if form.walk is None:
        raise AssertionError("the kernel should know this head")
    return HeadGame(form, form.walk, rows, background, kernel=kernel)


def compare_linked(case: Drawn, name: str, compared: Compared) -> None:
    """Compare sums over visits, and the control's shares, of one case."""
    visits = draw_visits(case, np.random.default_rng(len(name)))

    def open_game(kernel: Kernel | None) -> LinkedGame:
        return LinkedGame(trace_at(case, kernel), case.rows, case.background, case.weights, seed=1)

    compared.n_cases += 1
    compared.n_with[case.trees.link] += 1
    compared.n_with["more players than a table holds"] += case.n_players > MOST_JOINED
    compared.n_with["missing values"] += bool(np.isnan(case.rows).any())
    numpy_game, games = open_game(None), [open_game(kernel) for kernel in levels()]
    expected = visit_by_definition(numpy_game, case, visits)
    _hold(
        compared, f"{name} sums", expected, numpy_game.visit(visits), [game.visit(visits) for game in games]
    )
    shares = [game.known_shares() for game in games]
    _hold(compared, f"{name} shares", shares_by_definition(numpy_game), numpy_game.known_shares(), shares)


def compare_dealt(case: DrawnHidden, name: str, compared: Compared) -> None:
    """Compare the sums of leaves of dealt versions of the rows."""
    rng = np.random.default_rng(len(name))
    own = case.hidden.own_columns(case.rows)
    members = [np.flatnonzero(case.players == player) for player in range(case.n_players)]
    deals = rng.permuted(np.broadcast_to(np.arange(len(own)), (2, len(own))), axis=1)
    loads = HiddenSums.of(case.hidden.layers, n_own=own.shape[1]).loads
    parts = np.stack([own[:, chosen] @ loads[chosen] for chosen in members])
    table = DealtTable(own, members, deals, case.hidden.layers, own @ loads, parts)
    expected = np.zeros((len(members), len(deals), len(own), case.trees.n_margins))
    for group, chosen in enumerate(members):
        for repeat, deal in enumerate(deals):
            version = case.rows.copy()
            version[:, chosen] = case.rows[deal][:, chosen]
            rows = case.hidden.transform(version)
            expected[group, repeat] = [sum_leaves(case.trees, row) - case.trees.base for row in rows]
    compared.n_cases += 1
    found = [deal_margins(kernel, case.trees, table) for kernel in levels()]
    _hold(compared, f"{name} margins", expected, found[0], found)


def draw_visits(case: Drawn, rng: np.random.Generator) -> Visits:
    """Return visits of groups of rows: of weight, alone and doubled, and to rows that stand for others."""
    n_rows, n_background, n_visits = len(case.rows), len(case.background), 6
    backgrounds = rng.integers(n_background, size=n_visits)
    is_sampled = rng.random(n_visits) < 0.3
    orders = np.broadcast_to(np.arange(case.n_players), (n_visits, 2, case.n_players))
    return Visits(
        first_row=np.array([0, n_rows - 1, n_rows] if n_rows > 1 else [0, 1]),
        rows=rng.permutation(n_rows),
        first_visit=np.array([0, 3, n_visits] if n_rows > 1 else [0, n_visits]),
        backgrounds=backgrounds,
        weights=np.where(is_sampled, 0.0, case.weights[backgrounds]),
        spreads=np.where(rng.random(n_visits) < 0.5, 0.0, rng.uniform(0.5, 9.0, n_visits)),
        orders=rng.permuted(orders, axis=2),
    )


def visit_by_definition(game: LinkedGame, case: Drawn, visits: Visits) -> Floats:
    """Return the sums over visits from single answers of single coalitions."""
    n_outputs = game.predictions.shape[1]
    sums = np.zeros((len(visits.rows), 6, case.n_players, n_outputs))
    for group in range(len(visits.first_row) - 1):
        for place in range(visits.first_row[group], visits.first_row[group + 1]):
            for visit in range(visits.first_visit[group], visits.first_visit[group + 1]):
                row, other = int(visits.rows[place]), int(visits.backgrounds[visit])
                w, s = visits.weights[visit], visits.spreads[visit]
                pairs = [_pair(game, case, row, other, visits.orders[visit, way]) for way in (0, 1)]
                e, d = (sum(pairs) / 2, (pairs[0] - pairs[1]) / 2) if s else (pairs[0], 0.0 * pairs[0])
                t = game.background_gaps[other]
                part = s * (w * d) ** 2
                parts = (w * e, part, part**2, *((e, e**2, e * t) if w == 0.0 else (0, 0, 0)))
                sums[place] += np.stack([np.broadcast_to(one, e.shape) for one in parts])
    return sums


def shares_by_definition(game: LinkedGame) -> Floats:
    """Return the Shapley values of the control from all coalitions."""
    control, n_players = game.control, game.n_players
    shares = []
    for gains in control.row_gains:
        worths = {}
        for S in coalitions(n_players):
            chosen = np.isin(np.arange(n_players), list(S))
            totals = control.starts + (gains - control.background_gains)[:, :, chosen].sum(axis=2)
            worths[S] = game.weights @ control.answer(totals)
        shares.append(shapley_values(worths, n_players))
    return np.stack(shares)


def _pair(game: LinkedGame, case: Drawn, row: int, other: int, order: Any) -> Floats:
    """Return what an antithetic pair gives each player, float64 (p, o), coalition by coalition."""
    control = game.control
    gains = control.row_gains[row] - control.background_gains[other]

    def answer(players: Any) -> Floats:
        hybrid = np.where(np.isin(case.players, players), case.rows[row], case.background[other])
        outputs = apply_link(sum_leaves(case.trees, hybrid), case.trees.link)
        outputs = outputs[1:] if case.trees.link == "logistic" else outputs
        total = control.starts[other] + gains[:, np.isin(np.arange(case.n_players), players)].sum(axis=1)
        return np.asarray(outputs - control.answer(total), dtype=np.float64)

    return _average_ways(answer, order)


def _pairs(case: DrawnHidden, answer_columns: Callable[[Floats], Floats], *, n_outputs: int) -> Floats:
    """Return the pairs of a case's walks, (g x r, c, p, o), coalition by coalition, of a final model."""
    rows, backgrounds, orders = case.walked
    found = np.zeros((*rows.shape, backgrounds.shape[1], case.n_players, n_outputs))
    for group, shared, walk in np.ndindex(*found.shape[:3]):
        row, other = case.rows[rows[group, shared]], case.background[backgrounds[group, walk]]

        def answer(players: Any, row: Floats = row, other: Floats = other) -> Floats:
            hybrid = np.where(np.isin(case.players, players), row, other)
            return np.asarray(answer_columns(case.hidden.transform(hybrid[None])[0]))

        found[group, shared, walk] = _average_ways(answer, orders[group, walk])
    return found.reshape(-1, *found.shape[2:])


def _average_ways(answer: Any, order: Any) -> Floats:
    """Return the mean of what each player adds along an order and along its reverse."""
    gains: dict[int, Any] = {int(player): 0.0 for player in order}
    for way in (order, order[::-1]):
        for rank, player in enumerate(way):
            gains[int(player)] += 0.5 * (answer(way[: rank + 1]) - answer(way[:rank]))
    return np.stack([gains[player] for player in range(len(order))])


def _hold(compared: Compared, what: str, expected: Floats, twin: Floats, found: list[Floats]) -> None:
    """Hold twin and levels against what is expected, and the levels against each other."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    for values in (twin, *found):
        gap = float(np.abs(values - expected).max(initial=0.0)) / scale
        compared.largest = max(compared.largest, gap)
        if not gap <= TOLERANCE:
            compared.violations.append(f"{what} off by {gap:.1e}")
    if any(not np.array_equal(found[0], other) for other in found[1:]):
        compared.violations.append(f"{what} differ between levels")
