"""Which kind of task a target asks for, where the caller leaves it open."""

from __future__ import annotations

from typing import Final

import numpy as np

from whybox.domain.models.specs import TaskKind
from whybox.domain.tables.columns import Column

MOST_CODES: Final = 20
"""Different whole numbers up to which a target is taken for codes of classes."""


def infer_kind(target: Column) -> TaskKind:
    """Return what a target asks for: words, truth values and few whole numbers are classes.

    Two different numbers are classes however they are written.
    """
    if target.kind != "numeric":
        return "classification"
    n_values = len(np.unique(target.values[~target.is_missing]))
    is_coded = target.is_integer and n_values <= min(MOST_CODES, len(target.values) / 2)
    return "classification" if n_values <= 2 or is_coded else "regression"
