"""Routes of jobs: each job of a grid is estimated, then really done, and the two are held against each other.

table ─▶ prepare ─▶ estimate ─▶ light | heavy | batch
            └─────▶ fit ─▶ blocks ─▶ files          processor seconds and megabytes of a process of its own

Processor time on one thread is what the clock shows in a function with one processor, whoever else shares
this machine.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection

import fastparquet  # noqa: F401 - loaded before the copies are forked, as in a function that is warm
import lightgbm  # noqa: F401
import numpy as np
import sklearn.ensemble
import sklearn.neighbors
import sklearn.neural_network
import sklearn.svm  # noqa: F401
import xgboost  # noqa: F401

from whybox.domain.jobs.explanation_requests import ExplanationRequest, ModelChoice
from whybox.services.estimate_job import (
    DEFAULT_LIMITS,
    LIGHT_TABLE_BYTES,
    JobEstimate,
    estimate_job,
    guess_job,
)
from whybox.services.finish_explanation import compute_explanation
from whybox.services.prepare_explanation import PreparedExplanation, prepare_explanation
from whybox.services.render_result import render_result

MOST_LIGHT_SECONDS, LEAST_HEAVY_SECONDS = 25.0, 1.0
MOST_SECONDS = 40
"""Processor seconds after which a job is ended: it is long past the boundary by then."""

SIZES = ((300, 8), (3_000, 16), (20_000, 20), (60_000, 24))
SMALL_SIZES = ((300, 8), (1_000, 12), (6_000, 20), (12_000, 24))
"""For models whose cost grows faster than the rows."""

MODELS: tuple[tuple[str, ModelChoice, str, str, tuple[tuple[int, int], ...]], ...] = (
    (
        "xgboost of 300 trees",
        ModelChoice("xgboost", None, parameters={"n_estimators": 300, "max_depth": 6}),
        "classification",
        "shap",
        SIZES,
    ),
    ("lightgbm", ModelChoice("lightgbm", None), "regression", "shap", SIZES),
    (
        "random forest on 5 hidden features",
        ModelChoice("sklearn", "RandomForestClassifier", 5),
        "classification",
        "shap",
        SIZES,
    ),
    ("ridge regression", ModelChoice("sklearn", "Ridge"), "regression", "shap", SIZES),
    ("logistic regression", ModelChoice("sklearn", "LogisticRegression"), "classification", "shap", SIZES),
    (
        "histogram boosting of 300 trees",
        ModelChoice("sklearn", "HistGradientBoostingClassifier", parameters={"max_iter": 300}),
        "classification",
        "shap",
        SIZES,
    ),
    (
        "random forest",
        ModelChoice("sklearn", "RandomForestRegressor"),
        "regression",
        "permutation",
        SMALL_SIZES,
    ),
    (
        "k nearest neighbours",
        ModelChoice("sklearn", "KNeighborsClassifier"),
        "classification",
        "shap",
        SMALL_SIZES,
    ),
    ("support vectors", ModelChoice("sklearn", "SVC"), "classification", "shap", SMALL_SIZES),
    ("neural network", ModelChoice("sklearn", "MLPRegressor"), "regression", "shap", SMALL_SIZES),
)


@dataclass(frozen=True, slots=True)
class RoutedJob:
    """One job: where it would go, and what it took (seconds are a lower bound where it was ended)."""

    title: str
    estimate: JobEstimate
    seconds: float
    peak_mb: float
    is_ended: bool

    @property
    def violation(self) -> str | None:
        """What is wrong with the route, if anything."""
        if self.estimate.route == "light" and self.seconds > MOST_LIGHT_SECONDS:
            return f"{self.title}: {self.seconds:.1f} s in a light function"
        if self.estimate.route == "light" and self.peak_mb > DEFAULT_LIMITS.light_memory_mb:
            return f"{self.title}: {self.peak_mb:.0f} MB in a light function"
        if self.estimate.route != "light" and self.seconds < LEAST_HEAVY_SECONDS:
            return f"{self.title}: {self.seconds:.2f} s, and sent to the queue"
        return None


def prove(n_jobs: int) -> list[RoutedJob]:
    """Estimate and do the first jobs of the grid."""
    warnings.simplefilter("ignore")
    return [_measure(title, table, request) for title, table, request in islice(list_jobs(), n_jobs)]


def list_jobs() -> Iterator[tuple[str, bytes, ExplanationRequest]]:
    """Yield 40 jobs, small ones first: a title, a table and what to do with it."""
    for size in range(len(SIZES)):
        for name, model, kind, method, sizes in MODELS:
            n_rows, n_columns = sizes[size]
            request = ExplanationRequest(
                kind="classification" if kind == "classification" else "regression",
                model=model,
                method="shap" if method == "shap" else "permutation",
                target="label" if kind == "classification" else "amount",
            )
            title = f"{name}, {method}, {n_rows:,} x {n_columns}"
            yield title, write_table(n_rows, n_columns, kind), request


def write_table(n_rows: int, n_columns: int, kind: str) -> bytes:
    """Return a table whose target follows from five columns and noise."""
    generator = np.random.default_rng(n_rows + n_columns)
    X = generator.normal(size=(n_rows, n_columns)).round(6)
    y = X[:, 0] + X[:, 1] * X[:, 2] + np.sin(2 * X[:, 3]) + 0.5 * generator.normal(size=n_rows)
    names = ",".join(
        [*(f"x{column}" for column in range(n_columns)), "label" if kind == "classification" else "amount"]
    )
    cells = [("high" if it > 0 else "low") if kind == "classification" else f"{it:.6f}" for it in y.tolist()]
    rows = (f"{','.join(map(repr, row))},{cell}" for row, cell in zip(X.tolist(), cells, strict=True))
    return (names + "\n" + "\n".join(rows) + "\n").encode()


def _measure(title: str, table: bytes, request: ExplanationRequest) -> RoutedJob:
    """Do a job in a copy of this process, whose peak memory is the job's own."""
    started = time.process_time()
    prepared = prepare_explanation(table, request)
    reading = time.process_time() - started
    estimate = guess_job(table, request) if len(table) > LIGHT_TABLE_BYTES else estimate_job(prepared)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_do, args=(prepared, sender))
    child.start()
    sender.close()
    try:
        seconds, peak_mb = receiver.recv()
        is_ended = False
    except EOFError:
        seconds, peak_mb, is_ended = float(MOST_SECONDS), 0.0, True
    child.join()
    seconds += reading
    print(f"{title}: {estimate.route}, estimated {estimate.seconds:.2f} s, took {seconds:.2f} s", flush=True)
    return RoutedJob(title, estimate, seconds, peak_mb, is_ended)


def _do(prepared: PreparedExplanation, sender: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 5))
    started = time.process_time()
    render_result(compute_explanation(prepared), route="light", function="Explanations")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sender.send((time.process_time() - started, peak))
