"""Extreme tables: numbers at the ends of their range, explained by every model, or refused with a reason.

Each case is a small table whose columns are of an extreme sort (values near 1e15 that differ by units,
columns of very different scales, copies, single outliers), fitted by one model of the catalogue with or
without hidden features, and explained by one method. What comes back must be a whole document whose
attributions add up to the predictions within the residual it states, as exact sums find it; what is refused
must be the caller's to mend. Any other exception is a violation.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from itertools import islice, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.jobs.explanation_requests import ExplanationRequest, Method, ModelChoice
from whybox.domain.models.catalogue import list_models
from whybox.domain.models.entries import ModelEntry
from whybox.domain.models.specs import TaskKind
from whybox.errors import RequestError
from whybox.services.explain_table import run_explanation
from whybox.services.prepare_explanation import prepare_explanation

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

METHODS: tuple[Method, ...] = ("shap", "permutation")
LARGEST_RESIDUAL = 1e-6
"""Of the largest number in an answer: what a document may state as its residual."""


@dataclass(frozen=True, slots=True)
class ExtremeCase:
    """One table and what is asked of it."""

    number: int
    table: bytes
    request: ExplanationRequest

    def __str__(self) -> str:
        """Return what finds the case again."""
        model, request = self.request.model, self.request
        hidden = f" + {model.n_hidden_features} hidden" if model.n_hidden_features else ""
        return f"case {self.number}: {request.kind}, {model.name or model.family}{hidden}, {request.method}"


@dataclass(frozen=True, slots=True)
class ExtremeTables:
    """How many tables were tried and explained, what the others were refused as, and what went wrong."""

    n_cases: int
    n_explained: int
    refusals: dict[str, int]
    largest_residual: float
    n_failed: int
    violations: tuple[str, ...]


def prove(n_cases: int, seed_number: int = 0) -> ExtremeTables:
    """Explain ``n_cases`` extreme tables; every model, with and without hidden features, in turn."""
    n_explained, n_failed, largest = 0, 0, 0.0
    violations: list[str] = []
    refusals: Counter[str] = Counter()
    for case in islice(draw_cases(seed_number), n_cases):
        try:
            residual, faults = try_case(case)
        except RequestError as refusal:
            refusals[refusal.code] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not have come out
            n_failed += 1
            violations.append(f"{case}: {type(error).__name__}: {error}")
        else:
            n_explained += 1
            largest = max(largest, residual)
            violations += [f"{case}: {fault}" for fault in faults]
    return ExtremeTables(
        n_cases, n_explained, dict(refusals.most_common()), largest, n_failed, tuple(violations)
    )


def try_case(case: ExtremeCase) -> tuple[float, list[str]]:
    """Explain one table; return its residual per unit of its largest number, and what is wrong with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow is what these tables are for
        document = run_explanation(prepare_explanation(case.table, case.request))
    return check_document(document) if case.request.method == "shap" else (0.0, [])


def check_document(document: dict[str, Any]) -> tuple[float, list[str]]:
    """Add up each row's attributions exactly; return the relative residual and what is not as stated."""
    explanation, predictions = document["explanation"], document["predictions"]
    outputs = predictions["proba"] if "proba" in predictions else [[y] for y in predictions["y_pred"]]
    base, stated = explanation["base_values"], explanation["additivity_residual"]
    largest, size = 0.0, max(abs(number) for number in (*base, *np.ravel(outputs)))
    for row, output in zip(explanation["values"], outputs, strict=True):
        for place, answer in enumerate(output):
            parts = [Fraction(base[place]), *(Fraction(values[place]) for values in row)]
            size = max(size, *map(float, map(abs, parts)))
            largest = max(largest, float(abs(sum(parts, Fraction(0)) - Fraction(answer))))
    # a sum in float64 has rounding of its own: of as many numbers as there are columns
    rounding = len(explanation["feature_names"]) * np.finfo(np.float64).eps * size
    faults = []
    if largest > stated + rounding:
        faults.append(f"the residual is {largest:.3g}, and stated as {stated:.3g}")
    if size and stated > LARGEST_RESIDUAL * size:
        faults.append(f"the residual is {stated:.3g} beside numbers of at most {size:.3g}")
    return largest / size if size else 0.0, faults


def draw_cases(seed_number: int) -> Iterator[ExtremeCase]:
    """Draw cases without end, from one seed: the same seed, the same cases."""
    kinds = [
        (kind, entry, hides, method)
        for kind, entries in list_models().items()
        for entry, hides, method in product(entries, (False, True), METHODS)
        if find_spec(entry.module.partition(".")[0])
    ]
    order = np.random.default_rng(seed_number)
    number = 0
    while True:
        for place in order.permutation(len(kinds)):
            yield draw_case(np.random.default_rng([seed_number, number]), number, *kinds[place])
            number += 1


def draw_case(
    rng: np.random.Generator, number: int, kind: TaskKind, entry: ModelEntry, hides: bool, method: Method
) -> ExtremeCase:
    """Draw a table of 24 to 48 rows with 1 to 5 columns, and a request for it."""
    n_rows, n_columns = int(rng.integers(24, 49)), int(rng.integers(1, 6))
    columns = [_draw_column(rng, n_rows) for _ in range(n_columns)]
    if n_columns > 1 and rng.random() < 0.4:
        columns[-1] = _relate(rng, columns[:-1])
    cells = [[repr(value) for value in column.tolist()] for column in columns]
    if rng.random() < 0.2:
        chosen = cells[int(rng.integers(n_columns))]
        for row in rng.choice(n_rows, n_rows // 5, replace=False):
            chosen[row] = ""
    target = _draw_labels(rng, columns) if kind == "classification" else _draw_amounts(rng, columns)
    if entry.needs_positive_target:
        target = [repr(abs(float(amount)) + 1e-9) for amount in target]
    marks = ["0" if row % 3 == 2 else "1" for row in range(n_rows)]
    choice = ModelChoice(
        entry.family,
        entry.name if entry.family == "sklearn" else None,
        n_hidden_features=int(rng.integers(1, 9)) if hides else 0,
        n_layers=int(rng.integers(1, 3)),
    )
    request = ExplanationRequest(kind=kind, model=choice, method=method, seed=number, n_repeats=2)
    return ExtremeCase(number, _write_table([*cells, target, marks]), request)


def _write_table(columns: list[list[str]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([*(f"x{place}" for place in range(len(columns) - 2)), "target", "training_index"])
    writer.writerows(zip(*columns, strict=True))
    return file.getvalue().encode()


def _units(rng: np.random.Generator, n_rows: int) -> Floats:
    """Values that differ by units, far from zero: time stamps, account numbers, sums in cents."""
    offset = rng.choice([1e6, 1e9, 1e12, 1e14, 1e15, 4e15, -1e15])
    return np.asarray(offset + rng.integers(0, rng.choice([2, 5, 100]), n_rows), dtype=np.float64)


def _fractions(rng: np.random.Generator, n_rows: int) -> Floats:
    """Values a few roundings apart."""
    size = float(rng.choice([1.0, 1e3, 1e15, 1e30, 1e-30]))
    return np.asarray(size * (1.0 + 2.0**-52 * rng.integers(0, 8, n_rows)))


def _scaled(rng: np.random.Generator, n_rows: int) -> Floats:
    """Ordinary values in an extraordinary unit."""
    return np.asarray(rng.normal(size=n_rows) * 10.0 ** rng.choice([-300, -100, -30, -12, 8, 15, 20, 30, 37]))


def _spread(rng: np.random.Generator, n_rows: int) -> Floats:
    """Values of every size at once."""
    width = rng.choice([5, 15, 37])
    return np.asarray(rng.choice([-1.0, 1.0], n_rows) * 10.0 ** rng.uniform(-width, width, n_rows))


def _outlier(rng: np.random.Generator, n_rows: int) -> Floats:
    """Ordinary values, and one that is not."""
    column = rng.normal(size=n_rows)
    column[rng.integers(n_rows)] = rng.choice([1e6, 1e12, 1e20, -1e30, 3e38])
    return column


def _constant(rng: np.random.Generator, n_rows: int) -> Floats:
    """One value, or all but one row of it."""
    column = np.full(n_rows, rng.choice([0.0, 0.1, 1e-300, 1e15, 1e30]))
    column[rng.integers(n_rows)] *= rng.choice([1.0, 1.0 + 2.0**-52, 2.0])
    return column


def _ordinary(rng: np.random.Generator, n_rows: int) -> Floats:
    """What most tables hold."""
    return rng.normal(size=n_rows)


COLUMNS: tuple[Draw, ...] = (
    _units,
    _units,
    _fractions,
    _scaled,
    _scaled,
    _spread,
    _outlier,
    _constant,
    _ordinary,
)


def _draw_column(rng: np.random.Generator, n_rows: int) -> Floats:
    return COLUMNS[int(rng.integers(len(COLUMNS)))](rng, n_rows)


def _relate(rng: np.random.Generator, columns: list[Floats]) -> Floats:
    """Return a copy of a column, nearly a copy, or a sum of all."""
    source = columns[int(rng.integers(len(columns)))]
    kind = rng.integers(3)
    if kind == 0:
        return source
    if kind == 1:
        return np.asarray(source * (1.0 + 1e-14 * rng.normal(size=len(source))))
    return np.asarray(np.sum(columns, axis=0) / len(columns))


def _draw_labels(rng: np.random.Generator, columns: list[Floats]) -> list[str]:
    """Return two to four classes, of a column's ranks or of nothing; three rows of each at least."""
    n_rows, n_classes = len(columns[0]), int(rng.integers(2, 5))
    ranks = np.argsort(np.argsort(columns[0] if rng.random() < 0.6 else rng.normal(size=n_rows)))
    codes = ranks * n_classes // n_rows
    codes[: 3 * n_classes] = np.repeat(np.arange(n_classes), 3)
    return [f"c{code}" for code in codes]


def _draw_amounts(rng: np.random.Generator, columns: list[Floats]) -> list[str]:
    """Return a target that is extreme, a sum of the columns, or ordinary."""
    kind = rng.integers(4)
    if kind == 0:
        amounts = _draw_column(rng, len(columns[0]))
    elif kind == 1:
        amounts = np.sum(columns, axis=0) / len(columns)
    elif kind == 2:
        amounts = np.sum([column / max(np.abs(column).max(), 1e-300) for column in columns], axis=0)
        amounts = amounts + 0.1 * rng.normal(size=len(amounts))
    else:
        amounts = rng.normal(size=len(columns[0]))
    return [repr(amount) for amount in np.asarray(amounts).tolist()]
