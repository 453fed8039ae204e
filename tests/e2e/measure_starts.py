"""Time the first and the later requests of each function under ``sam local``.

Seconds are those that Lambda's emulator reports for the function itself, the import and the first connections
included in the first: what sam adds (the image, the container) is no part of a deployed start.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
from sklearn.datasets import load_breast_cancer, make_friedman1
from tests.e2e.containers import Stack, addresses, running_stack
from tests.e2e.emulator import Emulator, running_emulator
from tests.integration.test_compatible_api import (
    BOOSTED_CLASSES,
    BOOSTED_NUMBERS,
    FOREST,
    RIDGE,
    write_table,
)

REPORT = re.compile(r"REPORT RequestId: .*?\bDuration: ([0-9.]+) ms\tBilled")
WARM_REQUESTS = 5
LOG_SECONDS = 10


def requests() -> dict[str, Callable[[Stack], httpx.Response]]:
    """Return one request for each function; a request to any but Site passes the authorizer first."""
    data = load_breast_cancer()
    classes = write_table(data.data, data.target, list(data.feature_names), stratify=True)
    X, y = make_friedman1(506, 13, random_state=0)
    numbers = write_table(X, y, [f"x{column}" for column in range(13)], stratify=False)
    tables = {
        "MlClassification": (FOREST, classes),
        "GbdtClassification": (BOOSTED_CLASSES, classes),
        "MlRegression": (RIDGE, numbers),
        "GbdtRegression": (BOOSTED_NUMBERS, numbers),
    }
    asked: dict[str, Callable[[Stack], httpx.Response]] = {
        "Site": lambda stack: httpx.get(f"{stack.url}/health", timeout=120),
        "Usage": lambda stack: httpx.get(f"{stack.url}/usage", headers=stack.headers(), timeout=120),
    }
    for name, (query, table) in tables.items():
        for method in ("shap", "permutation"):
            asked[f"{name}, {method}"] = lambda stack, query=query, table=table, method=method: stack.ask(
                f"{query}&interpretability={method}", table
            )
    return asked


def seconds_of(stack: Stack, ask: Callable[[Stack], httpx.Response], *, n_reports: int) -> list[float]:
    """Send a request; return the seconds of the functions it passed: the authorizer's and its own."""
    before = len(REPORT.findall(stack.log.read_text(errors="replace")))
    response = ask(stack)
    if response.status_code != 200:
        raise SystemExit(f"{response.status_code} {response.text[:500]}")
    end = time.monotonic() + LOG_SECONDS
    while True:
        reports = REPORT.findall(stack.log.read_text(errors="replace"))[before:]
        if len(reports) >= n_reports or time.monotonic() > end:
            return [float(report) / 1000 for report in reports]
        time.sleep(0.1)


@contextmanager
def new_stack(emulator: Emulator) -> Iterator[Stack]:
    """Serve the build with no container warm."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(emulator, Path(folder) / "log", MonthlyLimit="1000000") as stack,
    ):
        yield stack


def measure_all(repeats: int) -> str:
    """Return the table, in Markdown."""
    cold: dict[str, list[float]] = {}
    warm: dict[str, list[float]] = {}
    with running_emulator(addresses()[0]) as emulator:
        for _ in range(repeats):
            for name, ask in requests().items():
                n_reports = 1 if name == "Site" else 2
                with new_stack(emulator) as stack:
                    first = seconds_of(stack, ask, n_reports=n_reports)
                    later = [seconds_of(stack, ask, n_reports=n_reports) for _ in range(WARM_REQUESTS)]
                cold.setdefault(name, []).append(first[-1])
                warm.setdefault(name, []).extend(one[-1] for one in later)
                if n_reports == 2:
                    cold.setdefault("Authorizer", []).append(first[0])
                    warm.setdefault("Authorizer", []).extend(one[0] for one in later)
    lines = ["| function | first request | later requests |", "|---|---:|---:|"]
    lines += [
        f"| {name} | {median(cold[name]):.2f} s | {median(warm[name]):.3f} s |" for name in sorted(cold)
    ]
    return "\n".join(lines)
