"""What is known of a reviewed model: where it comes from, what of it may be set, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from whybox.domain.models.parameter_groups import FOREST, TREE
from whybox.domain.models.parameter_ranges import ParameterRange
from whybox.domain.models.specs import Family, ParameterValue

# most training rows of models whose cost grows with their square or cube: about a minute or a gigabyte
KERNEL_ROWS, PROCESS_ROWS, VECTOR_ROWS = 10_000, 1_500, 30_000


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One allowed model.

    Attributes
    ----------
    name, module : class name, and the module that has it; for boosters the library
    parameters : what a caller may set, with its range; everything else is refused
    defaults : where ours differ from the library's
    is_seeded : takes ``random_state``
    takes_missing : NaN is a value to it
    has_log_odds : its ``decision_function`` is a log-odds, so it answers in the unit "margin"
    is_calibrated : has no probabilities of its own; a sigmoid fitted on out-of-fold scores gives them
    max_rows : most training rows, where the cost grows faster than the rows
    """

    name: str
    module: str
    family: Family = "sklearn"
    parameters: Mapping[str, ParameterRange] = field(default_factory=dict)
    defaults: Mapping[str, ParameterValue] = field(default_factory=dict)
    is_seeded: bool = False
    takes_missing: bool = False
    has_log_odds: bool = False
    is_calibrated: bool = False
    needs_positive_target: bool = False
    max_rows: int | None = None


def tree(name: str, module: str, **extra: ParameterRange) -> ModelEntry:
    """Return the entry of a single decision tree."""
    return ModelEntry(name, module, parameters={**TREE, **extra}, is_seeded=True, takes_missing=True)


def forest(name: str, **extra: ParameterRange) -> ModelEntry:
    """Return the entry of a forest of scikit-learn."""
    parameters = {**FOREST, **extra}
    return ModelEntry(name, "sklearn.ensemble", parameters=parameters, is_seeded=True, takes_missing=True)


def linear(name: str, *groups: Mapping[str, ParameterRange], is_seeded: bool = False) -> ModelEntry:
    """Return the entry of a linear regression with some groups of parameters."""
    parameters = {parameter: allowed for group in groups for parameter, allowed in group.items()}
    return ModelEntry(name, "sklearn.linear_model", parameters=parameters, is_seeded=is_seeded)
