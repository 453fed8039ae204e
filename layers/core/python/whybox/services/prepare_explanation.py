"""Prepare an explanation: everything that can be refused before any work is done, and free.

bytes ─▶ read_table ─▶ infer_kind ─▶ choose_model ─▶ frame_task ─▶ unit, rows, groups ─▶ PreparedExplanation
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Final

import numpy as np

from whybox.domain.explanations.scorings import choose_scoring
from whybox.domain.jobs.explanation_requests import ExplanationRequest, ModelChoice
from whybox.domain.models.catalogue import check_training_rows, choose_model, kinds_of_name, list_units
from whybox.domain.models.intervals import LEVELS, find_rank
from whybox.domain.models.parameter_ranges import Real, Whole
from whybox.domain.models.specs import DrawnSplit, ModelSpec, TaskKind, Unit
from whybox.domain.notices import Notice
from whybox.domain.tables import Table, read_table
from whybox.domain.tables.columns import Column
from whybox.domain.tables.dialects import ReadOptions
from whybox.domain.tasks import Int64s, Task, find_target, frame_task
from whybox.domain.tasks.task_kinds import infer_kind
from whybox.errors import (
    ExplainRowsInvalidError,
    ParameterInvalidError,
    UnitUnavailableError,
)

MAX_CHOSEN_ROWS: Final = 10_000
"""Row ids one request may name; they travel in the job document. Without any, all test rows are explained."""

TEST_SIZES: Final = Real(0.01, 0.99)
BACKGROUNDS: Final = Whole(1, 10_000)
REPEATS: Final = Whole(1, 100)
BUDGETS: Final = Real(0.001, 900)


Notices = tuple[Notice, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedExplanation:
    """A table and a request that fit each other: nothing of it will be refused for its form any more.

    Attributes
    ----------
    request : with its kind of task, which the caller may have left open
    unit : of the attributions
    rows : int64, positions of the explained rows among the test rows, in the order asked for
    players : int64 (n_features,), which of ``player_names`` each feature counts for
    """

    request: ExplanationRequest
    spec: ModelSpec
    task: Task
    unit: Unit
    rows: Int64s
    players: Int64s
    player_names: tuple[str, ...]
    data_sha256: str
    seconds: float

    @property
    def has_groups(self) -> bool:
        """Whether columns are explained together."""
        return bool(self.request.groups)

    @property
    def members(self) -> dict[str, list[int]]:
        """The features of each player, by its name."""
        return {
            name: np.flatnonzero(self.players == player).tolist()
            for player, name in enumerate(self.player_names)
        }


def prepare_explanation(data: bytes, request: ExplanationRequest) -> PreparedExplanation:
    """Read the table and check all that can be checked without fitting; free of charge.

    Raises
    ------
    InputError
        The table, the task, the model or an option cannot be used.

    """
    started = perf_counter()
    settled = request.kind or kind_of_model(request.model)
    if settled is not None:
        check_request(request, settled)  # before the table is read, which takes longer
    table = read_table(data, options=ReadOptions(**asdict(request.dialect)))
    kind = request.kind
    notices: Notices = ()
    if kind is None:
        kind, notices = _state_kind(settled, find_target(table, request.target))
    spec = check_request(request, kind)
    task = frame_task(table, kind=spec.kind, target=request.target, split=request.split, seed=request.seed)
    check_training_rows(spec, task.y[task.train], n_classes=len(task.classes))
    if request.interval_level is not None:
        find_rank(request.interval_level, n_rows=len(task.train))
    players, names = _find_players(request.groups, task, table)
    return PreparedExplanation(
        request=replace(request, kind=kind),
        spec=spec,
        task=replace(task, warnings=(*notices, *task.warnings)) if notices else task,
        unit=request.unit or list_units(spec)[0],
        rows=_find_rows(request, task),
        players=players,
        player_names=names,
        data_sha256=table.sha256,
        seconds=perf_counter() - started,
    )


def _check_options(request: ExplanationRequest) -> None:
    """Refuse what is out of range whatever the table is."""
    if isinstance(request.split, DrawnSplit):
        TEST_SIZES.check("test_size", request.split.test_size)
    BACKGROUNDS.check("background", request.n_background)
    REPEATS.check("n_repeats", request.n_repeats)
    if request.interval_level is not None:
        LEVELS.check("level", request.interval_level)
    if request.budget_seconds is not None:
        BUDGETS.check("budget_seconds", request.budget_seconds)


def kind_of_model(model: ModelChoice) -> TaskKind | None:
    """Return the kind of task that a model's name settles, None where it may be either."""
    kinds = kinds_of_name(model.name or "") if model.family == "sklearn" else ()
    return kinds[0] if len(kinds) == 1 else None


def _state_kind(kind: TaskKind | None, target: Column) -> tuple[TaskKind, Notices]:
    """Return the kind of a task that was left open, and the notice that says why."""
    if kind is not None:
        return kind, (Notice("task-inferred", f"{kind}, because that is what the model is for"),)
    kind = infer_kind(target)
    detail = f"{kind}, because of the values of the target"
    return kind, (Notice("task-inferred", detail, column=target.name),)


def check_request(request: ExplanationRequest, kind: TaskKind) -> ModelSpec:
    """Return the model, and refuse what cannot be asked for whatever the table holds; raises InputError."""
    _check_options(request)
    is_classification = kind == "classification"
    if request.method == "permutation":
        choose_scoring(request.scoring, is_classifier=is_classification)
    if is_classification and request.interval_level is not None:
        raise ParameterInvalidError("level", reason="is for the prediction intervals of a regression")
    if not is_classification and isinstance(request.split, DrawnSplit) and request.split.is_stratified:
        raise ParameterInvalidError("stratify", reason="needs classes; a regression has none")
    model = request.model
    spec = choose_model(
        kind,
        family=model.family,
        name=model.name,
        parameters=model.parameters,
        n_hidden_features=model.n_hidden_features,
        n_layers=model.n_layers,
        seed=request.seed,
    )
    units = list_units(spec)
    if request.unit is not None and request.unit not in units:
        raise UnitUnavailableError(unit=request.unit, available=units)
    return spec


def _find_rows(request: ExplanationRequest, task: Task) -> Int64s:
    """Return the positions of row ids among the test rows, in the order asked for."""
    asked = request.rows
    if asked is None:
        return np.arange(len(task.test))
    if request.method != "shap":
        raise ExplainRowsInvalidError("only SHAP values are of single rows")
    if not asked:
        raise ExplainRowsInvalidError("there are none", limit=MAX_CHOSEN_ROWS, actual=0)
    if len(asked) > MAX_CHOSEN_ROWS:
        raise ExplainRowsInvalidError("there are too many", limit=MAX_CHOSEN_ROWS, actual=len(asked))
    last = int(task.test[-1])
    ids = np.array([row if 0 <= row <= last else -1 for row in asked], dtype=np.int64)
    positions = np.searchsorted(task.test, ids)
    n_absent = int(np.count_nonzero(task.test[positions] != ids))
    if n_absent:
        raise ExplainRowsInvalidError(f"{n_absent} of them are not test rows, and only those are predicted")
    if len(np.unique(ids)) < len(ids):
        raise ExplainRowsInvalidError("one is named twice")
    return positions.astype(np.int64)


def _find_players(
    groups: Mapping[str, tuple[str, ...]], task: Task, table: Table
) -> tuple[Int64s, tuple[str, ...]]:
    """Return the player of each feature and the players' names, in the order of their first columns.

    A column that the task left out is left out of its group too; the task's notice says so.
    """
    group_of: dict[str, str] = {}
    for group, columns in groups.items():
        for column in columns:
            if table.column(column) is None:
                raise ParameterInvalidError("groups", reason="name a column that the table has not")
            if column in group_of:
                raise ParameterInvalidError("groups", reason="name a column twice")
            group_of[column] = group
    names = [group_of.get(feature, feature) for feature in task.feature_names]
    singles = {feature for feature in task.feature_names if feature not in group_of}
    if singles & groups.keys():
        raise ParameterInvalidError("groups", reason="have a name that a column outside of them has")
    if absent := len(groups.keys() - set(names)):
        raise ParameterInvalidError("groups", reason=f"have {absent} without any column the model is given")
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.int64), tuple(numbers)
