"""Job documents: a request and its pinned table as plain JSON, and the id that both together have.

Every default is written out, so that a request that leaves a value out and one that states it are one job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from whybox.domain.jobs.explanation_requests import Dialect, ExplanationRequest, ModelChoice
from whybox.domain.models.specs import DrawnSplit

JOB_ID_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class TablePin:
    """One version of one stored table: whoever reads it gets these very bytes or an error."""

    key: str
    version: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class PinnedTable:
    """A table's bytes and where they are stored."""

    data: bytes
    pin: TablePin


def document_of(
    request: ExplanationRequest, source: TablePin, *, answer: str | None = None
) -> dict[str, Any]:
    """Return the job document of a request; ``answer`` names the endpoint whose shape the caller expects."""
    split = request.split
    drawn = (
        {"test_size": split.test_size, "stratify": split.is_stratified}
        if isinstance(split, DrawnSplit)
        else None
    )
    document: dict[str, Any] = {
        "source": asdict(source),
        "target": request.target,
        "split": {"column": split} if drawn is None else drawn,
        "task": request.kind,
        "model": {**asdict(request.model), "parameters": dict(request.model.parameters)},
        "explain": {
            "method": request.method,
            "unit": request.unit,
            "background": request.n_background,
            "rows": None if request.rows is None else list(request.rows),
            "groups": {name: list(columns) for name, columns in request.groups.items()},
            "n_repeats": request.n_repeats,
            "scoring": request.scoring,
            "level": request.interval_level,
        },
        "seed": request.seed,
        "budget_seconds": request.budget_seconds,
        "dialect": {**asdict(request.dialect), "missing": list(request.dialect.missing)},
    }
    return document if answer is None else document | {"answer": answer}


def request_of(document: Mapping[str, Any]) -> ExplanationRequest:
    """Return the request of a document that ``document_of`` made."""
    explain, split, dialect = document["explain"], document["split"], document["dialect"]
    return ExplanationRequest(
        kind=document["task"],
        model=ModelChoice(**document["model"]),
        method=explain["method"],
        target=document["target"],
        split=split["column"] if "column" in split else DrawnSplit(split["test_size"], split["stratify"]),
        unit=explain["unit"],
        n_background=explain["background"],
        rows=None if explain["rows"] is None else tuple(explain["rows"]),
        groups={name: tuple(columns) for name, columns in explain["groups"].items()},
        n_repeats=explain["n_repeats"],
        scoring=explain["scoring"],
        interval_level=explain["level"],
        seed=document["seed"],
        budget_seconds=document["budget_seconds"],
        dialect=Dialect(**{**dialect, "missing": tuple(dialect["missing"])}),
    )


def pin_of(document: Mapping[str, Any]) -> TablePin:
    """Return the pinned table of a document."""
    return TablePin(**document["source"])


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return what the content address covers of a document: all but where the table is stored."""
    parts = {name: part for name, part in document.items() if name != "source"}
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def job_id_of(tenant: str, document: Mapping[str, Any], data_sha256: str, *, attempt: int = 0) -> str:
    """Return the content address of a job; after one that failed or was cancelled, of the next attempt."""
    parts = (tenant.encode(), canonical(document), data_sha256.encode(), str(attempt).encode())
    lengths = b"".join(f"{len(part)}:".encode() + part for part in parts)
    return hashlib.sha256(b"job|" + lengths).hexdigest()[:JOB_ID_LENGTH]
