"""Jobs to kill workers at: small tables of several tenants, and what their results are without any kill."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from whybox.domain.jobs.explanation_requests import ExplanationRequest, ModelChoice
from whybox.domain.jobs.job_documents import TablePin, document_of, job_id_of
from whybox.services.finish_explanation import compute_explanation
from whybox.services.prepare_explanation import prepare_explanation
from whybox.services.render_result import render_result

Door = Literal["http", "queue", "s3"]
Kind = Literal["good", "poison", "crashing"]

N_TENANTS: Final = 5
N_ROWS: Final = 60
MODELS: Final = (
    ModelChoice("sklearn", "LogisticRegression"),
    ModelChoice("sklearn", "DecisionTreeClassifier", parameters={"max_depth": 3}),
    ModelChoice("sklearn", "LinearRegression"),
    ModelChoice("sklearn", "Ridge"),
)
COMPARED: Final = ("predictions", "metrics", "explanation", "warnings")
"""The sections of a result that do not say how long it took, and where."""


@dataclass(frozen=True)
class JobCase:
    """One job: through which door, and what is to become of it."""

    number: int
    door: Door
    kind: Kind
    n_messages: int  # how often it is told of; 0 is a message that got lost

    @property
    def tenant(self) -> str:
        """One of a few, so that one process works for several in turn."""
        return hashlib.sha256(f"tenant {self.number % N_TENANTS}".encode()).hexdigest()

    @property
    def request(self) -> ExplanationRequest:
        """A request that no other case makes."""
        return ExplanationRequest(
            kind=None,
            model=MODELS[self.number % len(MODELS)],
            method="permutation" if self.number % 7 == 0 else "shap",
            n_repeats=3,
            n_background=20,
            seed=self.number,
        )

    @cached_property
    def table(self) -> bytes:
        """A table; of a poisonous one the last line is a cell short."""
        generator = np.random.default_rng(self.number // 3)  # some tables are explained in three ways
        x = generator.normal(size=(N_ROWS, 3)).round(3)
        is_regression = self.number % len(MODELS) >= 2
        y = x[:, 0] - 2 * x[:, 1] + generator.normal(size=N_ROWS) / 9
        lines = ["a,b,c,training_index,target"]
        for row, value in enumerate(y):
            target = f"{value:.3f}" if is_regression else ("yes" if value > 0 else "no")
            lines.append(",".join([*map(str, x[row]), str(int(row < N_ROWS * 2 // 3)), target]))
        if self.kind == "poison":
            lines.append("1,2,3,0")
        return "\n".join(lines).encode() + b"\n"

    @property
    def name(self) -> str:
        """What a dropped table is called, with letters that a key has to be encoded for."""
        return f"table {self.number} +%41ü"

    @property
    def key(self) -> str:
        """The key of a dropped table."""
        return f"batch/{self.tenant}/{self.name}.csv"

    @property
    def beside(self) -> bytes:
        """The JSON beside a dropped table, for the same request."""
        request = self.request
        model = {"family": request.model.family, "name": request.model.name}
        explain = {"method": request.method, "n_repeats": 3, "background": 20}
        return json.dumps(
            {
                "model": model | {"parameters": dict(request.model.parameters)},
                "split": {"column": "training_index"},
                "explain": explain,
                "seed": request.seed,
            }
        ).encode()

    @property
    def job_id(self) -> str:
        """The content address, which the place of the table is no part of."""
        digest = hashlib.sha256(self.table).hexdigest()
        pin = TablePin("", "", digest, len(self.table))
        return job_id_of(self.tenant, document_of(self.request, pin), digest)

    @cached_property
    def expected(self) -> Mapping[str, Any]:
        """The compared sections of the result, computed here, by nobody else and at once."""
        result = compute_explanation(prepare_explanation(self.table, self.request))
        files = render_result(result, route="heavy", function="reference")
        return compared(files["result.json"].content)


def compared(result: bytes) -> dict[str, Any]:
    """Return the sections of a result that do not say how long it took, and where."""
    document = json.loads(result)
    return {name: document.get(name) for name in COMPARED}


def draw_cases(n_jobs: int, *, seed: int) -> list[JobCase]:
    """Draw jobs: three of five queued, one in a request, one dropped; some poisonous, some that crash."""
    generator = random.Random(seed)  # noqa: S311 - which jobs, not a secret
    doors: tuple[Door, ...] = ("queue", "queue", "queue", "http", "s3")
    cases = []
    for number in range(n_jobs):
        case = JobCase(number, doors[number % 5], "good", n_messages=generator.randint(0, 3))
        if number % 20 == 9:
            case = replace(case, kind="poison")
        elif number % 25 in (6, 14):
            case = replace(case, kind="crashing")
        cases.append(case)
    return cases
