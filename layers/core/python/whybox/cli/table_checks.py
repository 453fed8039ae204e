"""What ``whybox check`` finds: a table read and framed as the service does it, summarised in plain values.

bytes ─▶ read_table ─▶ frame_task, if a target is asked about ─▶ summary document
   └─ refused because of its dialect ─▶ the same bytes with other options: which of them reads the file?
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from whybox.domain.models.specs import TaskKind
from whybox.domain.notices import Notice
from whybox.domain.tables import read_table
from whybox.domain.tables.columns import Column
from whybox.domain.tables.dialects import ReadOptions
from whybox.domain.tasks import Task, frame_task
from whybox.domain.tasks.targets import refuse_label_collisions
from whybox.errors import DecimalCommaError, DelimiterError, EncodingError, RequestError
from whybox.http.forms import MAX_BODY_BYTES

SEED: Final = 42
"""What an endpoint splits the rows with when no seed is given."""

USUAL_FOREIGN_ENCODING: Final = "cp1252"
"""What a text file that is not UTF-8 most often is: Windows wrote it. It reads any western text."""

_WORDS_OF_KINDS: Final = {
    "numeric": "numbers",
    "boolean": "true or false",
    "categorical": "categories",
    "text": "free text",
    "date": "dates",
}


@dataclass(frozen=True, slots=True)
class Check:
    """How a file is to be read, and which task it is meant for, if any."""

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()
    kind: TaskKind | None = None
    target: str = "target"
    split: str = "training_index"

    def read_options(self) -> ReadOptions:
        """Return the reader's options; raises ParameterInvalidError."""
        return ReadOptions(
            delimiter=self.delimiter, decimal=self.decimal, encoding=self.encoding, missing=self.missing
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """The options that take a refused file further, and what still refuses it: nothing if it is read."""

    changes: dict[str, str]
    error: RequestError | None


def check_table(data: bytes, check: Check, *, name: str) -> dict[str, Any]:
    """Return the summary of a file that can be used; raises the RequestError the service would answer."""
    table = read_table(data, options=check.read_options())
    task = None
    if check.kind is not None:
        task = frame_task(table, kind=check.kind, target=check.target, split=check.split, seed=SEED)
        refuse_label_collisions(task.classes)
    notices = list(table.warnings if task is None else task.warnings)
    if len(data) > MAX_BODY_BYTES:
        detail = f"{len(data):,} bytes are more than one request carries, which is {MAX_BODY_BYTES:,}"
        notices.append(Notice("body-too-large", detail))
    return {
        "file": name,
        "sha256": table.sha256,
        "n_bytes": len(data),
        "n_rows": table.n_rows,
        "n_columns": len(table.columns),
        "columns": [_column_summary(column, check, task) for column in table.columns],
        "task": None if task is None else _task_summary(task, check),
        "warnings": [
            {part: said for part, said in asdict(notice).items() if said is not None} for notice in notices
        ],
    }


def try_other_dialects(data: bytes, check: Check, error: RequestError) -> Trial | None:
    """Return the options the refusals of a file ask for one after the other, tried; None where none does."""
    changes: dict[str, Any] = {}
    found: RequestError | None = error
    while found is not None:
        change = _change_asked_for(found, changes)
        if change is None:
            break
        changes |= change
        try:
            read_table(data, options=replace(check, **changes).read_options())
            found = None
        except RequestError as next_error:
            found = next_error
    return Trial(changes, found) if changes else None


def _change_asked_for(error: RequestError, changes: dict[str, str]) -> dict[str, str] | None:
    """Return the option that answers an error, once each."""
    if isinstance(error, DelimiterError) and "delimiter" not in changes:
        return {"delimiter": error.found}
    if isinstance(error, DecimalCommaError) and "decimal" not in changes:
        return {"decimal": ","}
    if isinstance(error, EncodingError) and "encoding" not in changes:
        return {"encoding": USUAL_FOREIGN_ENCODING}
    return None


def _column_summary(column: Column, check: Check, task: Task | None) -> dict[str, Any]:
    present = column.values[~column.is_missing]
    kind = _WORDS_OF_KINDS[column.kind]
    if not len(present):
        kind = "empty"
    elif column.is_integer:
        kind = "whole numbers"
    summary = {
        "name": column.name,
        "kind": kind,
        "n_missing": len(column.values) - len(present),
        "n_distinct": len(np.unique(present)),
    }
    return summary if task is None else {**summary, "role": _role(column.name, check, task)}


def _role(name: str, check: Check, task: Task) -> str:
    if name == check.target:
        return "target"
    if name == check.split:
        return "split"
    return "feature" if name in task.feature_names else "left out"


def _task_summary(task: Task, check: Check) -> dict[str, Any]:
    return {
        "kind": task.kind,
        "target": check.target,
        "n_classes": len(task.classes) if task.kind == "classification" else None,
        "n_features": len(task.feature_names),
        "n_training_rows": len(task.train),
        "n_test_rows": len(task.test),
    }
