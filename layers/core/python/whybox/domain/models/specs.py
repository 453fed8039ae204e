"""What is to be fitted on which rows: task, split, estimator, checked parameters, hidden columns and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TaskKind = Literal["classification", "regression"]
Family = Literal["sklearn", "xgboost", "lightgbm", "gradientboosting", "catboost"]
Unit = Literal["probability", "margin", "target"]
Label = int | float | str | bool
ParameterValue = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class DrawnSplit:
    """Rows drawn by lot: the share that tests, and whether each class keeps its share.

    ``is_stratified`` None is what suits the task: yes for a classification.
    """

    test_size: float = 0.3
    is_stratified: bool | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that ``choose_model`` has allowed; ``fit_model`` asks no further questions.

    ``parameters`` holds only what differs from or adds to the estimator's own defaults. The same spec,
    rows and library versions give the same model.
    """

    kind: TaskKind
    family: Family
    name: str
    seed: int
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    n_hidden_features: int = 0
    n_layers: int = 1

    @property
    def has_hidden_features(self) -> bool:
        """Whether random hidden features stand between the encoded table and the estimator."""
        return self.n_hidden_features > 0
