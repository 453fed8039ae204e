"""What to do with a table: which rows train, which model is fitted, and what is explained how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from whybox.domain.models.specs import DrawnSplit, Family, ParameterValue, TaskKind, Unit

Method = Literal["permutation", "shap"]

DEFAULT_TARGET: Final = "target"
DEFAULT_SPLIT: Final = "training_index"
DEFAULT_BACKGROUND: Final = 100
DEFAULT_REPEATS: Final = 10


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the table is written."""

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model: a family and, where the family has several, the name of one."""

    family: Family
    name: str | None
    n_hidden_features: int = 0
    n_layers: int = 1
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)


DEFAULT_MODEL: Final = ModelChoice("xgboost", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationRequest:
    """What to do with a table: without ``method`` no explanation; ``interval_level`` is in percent.

    Attributes
    ----------
    kind : None has it inferred from the model's name, else from the target
    split : the name of a column whose 1 trains, or how to draw
    unit : of SHAP values; None is the probability, or the target's own unit
    n_background : most background rows
    rows : ids of the test rows to explain (0 is the table's first row of data); None explains them all
    groups : name -> columns that are explained as one; a column in no group stands for itself
    budget_seconds : most work to spend on sampling, in seconds of a nominal machine
    """

    kind: TaskKind | None
    model: ModelChoice
    method: Method | None
    target: str = DEFAULT_TARGET
    split: str | DrawnSplit = DEFAULT_SPLIT
    unit: Unit | None = None
    n_background: int = DEFAULT_BACKGROUND
    rows: tuple[int, ...] | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    n_repeats: int = DEFAULT_REPEATS
    scoring: str | None = None
    interval_level: float | None = None
    seed: int = 42
    budget_seconds: float | None = None
    dialect: Dialect = Dialect()
    route: str = "inline"
