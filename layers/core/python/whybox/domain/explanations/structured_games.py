"""Structured games: the cheapest coalition game a model allows.

model read as an additive stage              ──▶ AdditiveGame of the stage's sums
additive stage behind hidden columns         ──▶ AdditiveGame of the stage's sums and the hidden layers'
whose head the compiled kernel knows         ──▶ HeadGame, either way
anything else, or a stage that disagrees     ──▶ PredictedGame
with the model's own answers
"""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.additive_games import AdditiveForm, AdditiveGame
from whybox.domain.explanations.additive_stages import linear_stage, play_by_player
from whybox.domain.explanations.coalition_games import CoalitionGame, PredictedGame, count_players
from whybox.domain.explanations.head_games import HeadGame
from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import ModelView
from whybox.domain.explanations.structured_hidden import play_behind_hidden
from whybox.domain.explanations.structured_models import read_stage
from whybox.domain.explanations.tree_layouts import Ints
from whybox.domain.models.hidden_features import HiddenFeatures

AGREEMENT = 1e-9
"""Largest difference between a structure and the model's own answer, per unit of answer: both are float64
sums of the same terms in another order."""


def choose_game(
    view: ModelView,
    rows: Floats,
    background: Floats,
    *,
    groups: Ints | None = None,
    kernel: Kernel | None = None,
    n_threads: int = 1,
) -> CoalitionGame:
    """Return the game of a model between rows and a background.

    Parameters
    ----------
    view : what is known of the model
    rows : float64 (n, p), user columns, at least one row
    background : float64 (m, p)
    groups : int64 (p,), the player of each user column where columns are explained together
    kernel : what walks where it can; None for numpy
    n_threads : groups of rows that the kernel walks at the same time; not a bit depends on it
    """
    columns = np.arange(view.n_columns) if groups is None else groups
    form = _read_form(view, columns)
    if form is not None:
        tables = view.encode(rows), view.encode(background)
        if form.walk is None:
            game = AdditiveGame(form, *tables)
        else:
            game = HeadGame(form, form.walk, *tables, kernel=kernel, n_threads=n_threads)
        if _agree(game.predictions, view.answer(rows)):
            return game
    return PredictedGame(view.predict, rows, background, columns)


def _read_form(view: ModelView, columns: Ints) -> AdditiveForm | None:
    """Return the model as a function of sums over players, None where it is not known to be one."""
    n_players = count_players(columns)
    players = columns[view.players]
    linear, final = view.linear, view.final
    if view.hidden is not None:
        linear, final = view.hidden.linear, view.hidden.final
    if linear is None:
        stage = read_stage(final, view.unit)
    else:
        stage = linear_stage(linear.coefficients, linear.intercept, linear.link)
    if stage is None or view.hidden is None:
        return None if stage is None else play_by_player(stage, players, n_players=n_players)
    hidden = view.hidden.hidden
    if not isinstance(hidden, HiddenFeatures):
        return None
    return play_behind_hidden(stage, hidden, players, n_players=n_players)


def _agree(ours: Floats, theirs: Floats) -> bool:
    if ours.shape != theirs.shape:
        return False
    scale = 1.0 + np.abs(theirs).max(initial=0.0)
    return bool(np.abs(ours - theirs).max(initial=0.0) <= AGREEMENT * scale)
