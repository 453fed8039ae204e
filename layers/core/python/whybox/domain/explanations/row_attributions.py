"""From a model and rows to checked attributions, by the fastest way that is right for the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from whybox.domain.explanations.attributions import Attributions, additivity_residual
from whybox.domain.explanations.checks import adds_up, check_attributions, structure_holds
from whybox.domain.explanations.coalition_games import PredictedGame
from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.frames import FrameCoding, code_frames, is_frame
from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.kernel_libraries import Engine, choose_kernel, engine_name
from whybox.domain.explanations.leaf_paths import MAX_CONDITIONS, LeafPaths, trace_leaves
from whybox.domain.explanations.linear import attribute_linear
from whybox.domain.explanations.linked_trees import attribute_linked_trees
from whybox.domain.explanations.links import Floats, Unit
from whybox.domain.explanations.model_views import ModelView, view_model
from whybox.domain.explanations.path_dependent_trees import explain_path_dependent, path_dependent_base
from whybox.domain.explanations.row_blocks import RowBlocks
from whybox.domain.explanations.sampled import attribute_game, attribute_sampled
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.explanations.tree_margins import predict_trees
from whybox.errors import BackgroundEmptyError, ColumnCountError, MethodUnavailableError

INTERVENTIONAL, PATH_DEPENDENT = "interventional_trees", "path_dependent_trees"
BY_BLOCKS = (INTERVENTIONAL, PATH_DEPENDENT)
"""The algorithms that work block by block of rows."""

Method = Literal["auto", "exact", "path_dependent", "sampled"]

EVALUATIONS_PER_SECOND = 1_000_000
"""Of a model of middling cost. A budget in seconds is turned into work by this figure and not by a clock, so
that the same request gives the same bytes on any machine."""


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """What is asked: rows (n, p), weighted background rows (m, p), the player of each column, how hard."""

    view: ModelView
    rows: Floats
    background: Floats
    weights: Floats
    columns: Ints
    plan: SamplingPlan
    seed: int
    engine: Engine
    blocks: RowBlocks

    @property
    def n_players(self) -> int:
        """Players: columns, or groups of them."""
        return int(np.max(self.columns)) + 1

    def trace(self, trees: TreeEnsemble) -> LeafPaths | None:
        """Return the leaves by player, None where a path has more players than a pattern has bits."""
        paths = self.trace_any(trees)
        return paths if paths.max_conditions <= MAX_CONDITIONS else None

    def trace_any(self, trees: TreeEnsemble) -> LeafPaths:
        """Return the leaves by player, however many are on a path."""
        players = self.columns[self.view.players]
        return trace_leaves(trees, players, n_players=self.n_players, engine=self.engine)

    def predict(self, trees: TreeEnsemble, Z: Floats) -> Floats:
        """Return the outputs of encoded rows, computed like everything else of this question."""
        blocks = RowBlocks(n_threads=self.blocks.n_threads)
        return predict_trees(trees, Z, engine=self.engine, blocks=blocks)


def attribute_rows(
    model: Any,
    rows: Any,
    *,
    background: Any,
    weights: Floats | None = None,
    unit: Unit | None = None,
    seed: int = 0,
    groups: Ints | None = None,
    target_error: float | None = None,
    budget_seconds: float | None = None,
    method: Method = "auto",
    engine: Engine = "auto",
    n_threads: int = 1,
    on_rows: Callable[[int], None] | None = None,
    answers: Floats | None = None,
) -> Attributions:
    """Return the Shapley values of a model's answers.

    Parameters
    ----------
    model : a whybox FittedModel, or any scikit-learn, xgboost or lightgbm estimator, Booster or Pipeline
    rows : (n, p) array or data frame, the rows to explain; NaN = missing cell
    background : (m, p), what they are compared with, m at least 1; a data frame where ``rows`` is one
    weights : (m,), how much each background row counts; None for equal weights
    unit : "probability", "margin" or "target"; None is the model's natural one
    seed : of whatever is sampled; the same arguments give the same bytes
    groups : int (p,), 0..g-1, the group of each column where columns are explained together
    target_error : sample until mean standard error / mean ``|value|`` is at most this; exact ways ignore it
    budget_seconds : most work to spend on sampling, in seconds of a nominal machine; the little that
        a standard error needs is always done
    method : "auto" takes the fastest way to the interventional values, "exact" the same or an error,
        "path_dependent" values under the trees' training weight (no background), "sampled" permutations
    engine : "auto" takes the compiled kernel where there is one, "numpy" never; equal up to rounding
    n_threads : threads for blocks of rows, where the compiled kernel works on them: trees in the unit they
        add up in or behind their link, and what it walks by permutations; the bytes are those of one thread
    on_rows : called with the number of rows done: after every block where the way works block by block, once
        at the end elsewhere. What it raises ends the work.
    answers : float64 (n, n_outputs), the model's answers for ``rows`` where they are delivered with the
        values: a structure that does not add up to them is not used by "auto"

    Returns
    -------
    Attributions
        Values (n, p or g, n_outputs) that add up to the predictions within ``checks.ADDITIVITY_TOLERANCE``;
        a column the model does not use has exactly 0 where the way is exact.

    Raises
    ------
    UnitUnavailableError, ColumnCountError, MethodUnavailableError, BackgroundEmptyError : the caller's
    ExplanationCheckError : the values failed their own check
    """
    frame = code_frames(rows, background) if is_frame(rows) else None
    asked, reference = _read(rows, frame), _read(background, frame)
    view = view_model(model, unit=unit, n_columns=asked.shape[1], frame=frame)
    if reference.shape[1] != view.n_columns:
        raise ColumnCountError(expected=view.n_columns, actual=reference.shape[1])
    if not len(reference):
        raise BackgroundEmptyError(n_rows=0, size=0)
    known = (reference, None) if answers is None or not len(asked) else (asked, answers)
    if not structure_holds(view, *known):
        view = view.without_structure()
    shares = np.ones(len(reference)) if weights is None else np.asarray(weights, dtype=np.float64)
    question = _Question(
        view=view,
        rows=asked,
        background=reference,
        weights=shares / shares.sum(),
        columns=np.arange(view.n_columns) if groups is None else np.asarray(groups, dtype=np.int64),
        plan=_plan(target_error, budget_seconds),
        seed=seed,
        engine=engine,
        blocks=RowBlocks(n_threads=n_threads, on_rows=on_rows),
    )
    estimate = _attribute(question, method)
    if method == "auto" and not adds_up(estimate, answers):
        estimate = _attribute_function(question, answers)
    if on_rows is not None and estimate.algorithm not in BY_BLOCKS:
        on_rows(len(asked))
    return _finish(estimate, question)


def _read(rows: Any, frame: FrameCoding | None) -> Floats:
    """Return rows as float64 (n, p)."""
    if frame is not None and is_frame(rows):
        return frame.encode(rows)
    return np.atleast_2d(np.asarray(rows, dtype=np.float64))


def _plan(target_error: float | None, budget_seconds: float | None) -> SamplingPlan:
    """Return how much may be sampled: the default work, less on a smaller budget, more for a target."""
    default = SamplingPlan(target_error=target_error)
    if budget_seconds is None:
        return default
    most = max(1, int(budget_seconds * EVALUATIONS_PER_SECOND))
    first = min(most, default.n_evaluations)
    return SamplingPlan(n_evaluations=first, target_error=target_error, max_rounds=most // first)


def _attribute(question: _Question, method: Method) -> Estimate:
    """Choose the way and take it."""
    view = question.view
    if method == "path_dependent":
        return _attribute_path_dependent(question)
    if method in ("auto", "exact") and len(question.rows):
        if view.trees is not None:
            paths = question.trace(view.trees)
            if paths is not None and view.trees.link == "identity":
                return _attribute_trees(question, view.trees, paths)
            if paths is not None and method == "auto":
                return _attribute_linked_trees(question, paths)
        if view.linear is not None and view.linear.link == "identity":
            return attribute_linear(
                view, question.rows, question.background, question.weights, groups=question.columns
            )
    if method == "exact":
        raise MethodUnavailableError(method=method, reason="this model has no exact way in this unit")
    return _attribute_sampled(question)


def _attribute_trees(question: _Question, trees: TreeEnsemble, paths: LeafPaths) -> Estimate:
    """Count leaf patterns: exact in the unit the trees add up in."""
    Z, reference = question.view.encode(question.rows), question.view.encode(question.background)
    values = explain_interventional(paths, Z, reference, weights=question.weights, blocks=question.blocks)
    return Estimate(
        values=values,
        std_error=_no_error(values),
        base_values=question.weights @ question.predict(trees, reference),
        predictions=question.predict(trees, Z),
        algorithm=INTERVENTIONAL,
        engine=engine_name(choose_kernel(question.engine)),
    )


def _no_error(values: Floats) -> Floats:
    """Return the standard errors of exact values: zeros in their shape that take no memory."""
    return np.broadcast_to(np.zeros(()), values.shape)


def _attribute_linked_trees(question: _Question, paths: LeafPaths) -> Estimate:
    """Play the link's game on leaf patterns: all coalitions of few players, permutations of many."""
    Z, reference = question.view.encode(question.rows), question.view.encode(question.background)
    return attribute_linked_trees(
        paths,
        Z,
        reference,
        question.weights,
        plan=question.plan,
        seed=question.seed,
        n_threads=question.blocks.n_threads,
    )


def _attribute_path_dependent(question: _Question) -> Estimate:
    """Follow the training weight: exact, in the unit the trees add up in only."""
    trees = question.view.trees
    if trees is None or trees.link != "identity":
        raise MethodUnavailableError(
            method="path_dependent", reason="it needs trees, in the unit their leaves add up in"
        )
    paths = question.trace_any(trees)
    Z = question.view.encode(question.rows)
    values = explain_path_dependent(paths, Z, blocks=question.blocks)
    return Estimate(
        values=values,
        std_error=_no_error(values),
        base_values=path_dependent_base(paths),
        predictions=question.predict(trees, Z),
        algorithm=PATH_DEPENDENT,
        engine=engine_name(choose_kernel(question.engine)),
    )


def _attribute_sampled(question: _Question) -> Estimate:
    """Ask the model itself, along permutations or for all coalitions."""
    if not len(question.rows):
        nothing = np.zeros((0, question.n_players, question.view.n_outputs))
        return Estimate(
            values=nothing,
            std_error=nothing,
            base_values=question.weights @ question.view.predict(question.background),
            predictions=np.zeros((0, question.view.n_outputs)),
            algorithm="none",
        )
    return attribute_sampled(
        question.view,
        question.rows,
        question.background,
        question.weights,
        plan=question.plan,
        seed=question.seed,
        groups=question.columns,
        engine=question.engine,
        n_threads=question.blocks.n_threads,
    )


def _attribute_function(question: _Question, answers: Floats | None) -> Estimate:
    """Ask the model itself for every coalition, and pin both ends to its own answers: that always adds up."""
    game = PredictedGame(
        question.view.answer, question.rows, question.background, question.columns, predictions=answers
    )
    return attribute_game(
        game,
        question.background,
        question.columns,
        question.weights,
        plan=question.plan,
        seed=question.seed,
    )


def _finish(estimate: Estimate, question: _Question) -> Attributions:
    """Check what was found and hand it over."""
    residual = additivity_residual(estimate.values, estimate.base_values, estimate.predictions)
    attributions = Attributions(
        values=estimate.values,
        base_values=estimate.base_values,
        predictions=estimate.predictions,
        std_error=estimate.std_error,
        algorithm=estimate.algorithm,
        unit=question.view.unit,
        additivity_residual=residual,
        is_exact=estimate.is_exact,
        engine=estimate.engine,
    )
    check_attributions(attributions, n_rows=len(question.rows), n_players=question.n_players)
    return attributions
