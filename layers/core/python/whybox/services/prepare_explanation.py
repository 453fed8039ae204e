"""Prepare an explanation: everything that can be refused before any work is done, and free."""

from __future__ import annotations

from dataclasses import dataclass

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.models.fitted_models import Unit
from whybox.domain.models.specs import ModelSpec
from whybox.domain.tasks import Int64s, Task


@dataclass(frozen=True, slots=True, eq=False)
class PreparedExplanation:
    """A table and a request that fit each other: nothing of it will be refused for its form any more.

    Attributes
    ----------
    rows : int64, positions of the explained rows among the test rows, ascending unless the caller chose
    players : for each feature the number of what is explained, and their names in ``player_names``
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


def prepare_explanation(data: bytes, request: ExplanationRequest) -> PreparedExplanation:
    """Read the table and check all that can be checked without fitting; free of charge.

    Raises
    ------
    InputError
        The table, the task, the model or an option cannot be used.

    """
    raise NotImplementedError
