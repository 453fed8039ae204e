"""Large tables on the kernel: two threads beside xgboost's own, and what a million rows cost on Lambda.

fit here, save ─▶ ``python -m tests.benchmarks.kernel_tables`` per contestant: make, load, explain, report
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xgboost
from tests.benchmarks.datasets import wide_table
from tests.benchmarks.large_tables import save_fitted
from tests.benchmarks.measure import Effort, read_peak_mb
from tests.benchmarks.sections import Section, Verdict, duration, render_table, scientific

import whybox
from whybox.domain.explanations import attribute_rows

PROJECT = Path(__file__).parents[2]
OURS, XGBOOST = "whybox path-dependent", "xgboost pred_contribs"
THREADS_BAR = 15
WORKING_MB = 512
"""What a million rows may take beside their table and their answer: libraries, trees, blocks of rows."""

CORE_GB = 1769 / 1024
"""Lambda gives one core's worth of time to a function of 1,769 MB."""

DOLLARS_PER_GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
"""The published price of Lambda in us-east-1, first tier, without the free tier and without requests."""

HOW_IT_RUNS = """\
Each line is a process of its own that loads a saved booster and explains rows path-dependent, from the
booster to checked values; *CPU* is the time of all its threads."""

HOW_IT_IS_PRICED = f"""\
*$ per million rows*: CPU seconds at Lambda's published price per GB-second in us-east-1 (x86_64), for a
function of 1,769 MB, which has one core. A second on arm64 costs
{DOLLARS_PER_GB_SECOND["arm64"] / DOLLARS_PER_GB_SECOND["x86_64"]:.0%} of it; its speed was not measured."""


@dataclass(frozen=True)
class _Run:
    """What one process reported."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    additivity_residual: float
    n_reports: int
    engine: str


@dataclass(frozen=True)
class _Task:
    """One process: whose algorithm, on which rows, in how many threads."""

    contestant: str
    n_rows: int
    n_columns: int
    n_threads: int
    model: Path


def measure_kernel_tables(effort: Effort) -> Section:
    """Explain 200,000 x 20 with two threads, then 1,000,000 x 50 with 500 trees."""
    with tempfile.TemporaryDirectory() as folder:
        threads_table, threads_verdict = _measure_threads(Path(folder), effort)
        million_table, million_verdicts = _measure_million(Path(folder), effort)
    body = "\n\n".join(
        [
            HOW_IT_RUNS,
            "**200,000 rows x 20 columns, xgboost regression of 100 trees of depth 6, two threads**",
            threads_table,
            "**1,000,000 rows x 50 columns, xgboost regression of 500 trees of depth 6, one thread**",
            million_table,
            HOW_IT_IS_PRICED,
        ]
    )
    return Section("Large tables on the kernel", body, (threads_verdict, *million_verdicts))


def _measure_threads(folder: Path, effort: Effort) -> tuple[str, Verdict]:
    n_rows, share = effort.choose(200_000, 4000), effort.choose(4, 1)
    model = save_fitted(folder / "threads.ubj", n_columns=20, n_trees=100, depth=6)
    runs = {OURS: [], XGBOOST: []}  # type: dict[str, list[_Run]]
    for _ in range(effort.choose(3, 1)):
        runs[OURS].append(_run(_Task(OURS, n_rows, 20, 2, model)))
        runs[XGBOOST].append(_run(_Task(XGBOOST, n_rows // share, 20, 2, model)))
    is_cpu = effort.clock is time.process_time
    medians, rows = {}, []
    for name, scale in ((OURS, 1), (XGBOOST, share)):
        wall = scale * statistics.median(run.seconds for run in runs[name])
        cpu = scale * statistics.median(run.cpu_seconds for run in runs[name])
        medians[name] = cpu if is_cpu else wall
        scaled = "" if scale == 1 else f" (scaled from {n_rows // scale:,} rows)"
        rows.append((name + scaled, duration(wall), duration(cpu), f"{runs[name][0].peak_mb:.0f}"))
    ratio = medians[XGBOOST] / medians[OURS]
    promise = f"kernel, {n_rows:,} x 20, two threads: ≥ {THREADS_BAR}x {XGBOOST}"
    table = render_table(("contestant", "wall", "CPU", "peak MB"), rows)
    return table, Verdict(promise, f"{ratio:.3g}x", ratio >= THREADS_BAR)


def _measure_million(folder: Path, effort: Effort) -> tuple[str, list[Verdict]]:
    n_rows = effort.choose(1_000_000, 10_000)
    model = save_fitted(folder / "million.ubj", n_columns=50, n_trees=500, depth=6)
    ours = _run(_Task(OURS, n_rows, 50, 1, model))
    theirs = _run(_Task(XGBOOST, n_rows // 200, 50, 1, model))
    price = CORE_GB * DOLLARS_PER_GB_SECOND["x86_64"]
    rows = []
    for name, run, scale in ((OURS, ours, 1), (XGBOOST, theirs, 200)):
        per_second = n_rows / (run.cpu_seconds * scale)
        scaled = "" if scale == 1 else f" (scaled from {n_rows // scale:,} rows)"
        rows.append(
            (
                f"{name}{scaled}" + (f", {run.engine}" if run.engine else ""),
                duration(run.cpu_seconds * scale),
                f"{per_second:,.0f}",
                f"{1e6 / per_second * price:.4f}",
                f"{run.peak_mb:,.0f}" if scale == 1 else "–",
                scientific(run.additivity_residual),
                f"{run.n_reports:,}" if name == OURS else "–",
            )
        )
    working = ours.peak_mb - 2 * n_rows * 50 * 8 / 2**20
    verdicts = [
        Verdict(
            f"kernel, {n_rows:,} x 50, 500 trees: < {WORKING_MB} MB beside the table and the answer",
            f"{working:,.0f} MB",
            working < WORKING_MB,
        ),
        Verdict(
            f"kernel, {n_rows:,} x 50, 500 trees: progress is reported",
            f"{ours.n_reports:,} times",
            ours.n_reports >= n_rows // 10_000,
        ),
    ]
    header = ("contestant", "CPU", "rows per second and core", "$ per million rows", "peak MB")
    return render_table((*header, "additivity residual", "reports of progress"), rows), verdicts


def _run(task: _Task) -> _Run:
    """Run one contestant in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.kernel_tables", task.contestant]
    command += [str(task.n_rows), str(task.n_columns), str(task.n_threads), str(task.model)]
    print(f"  {task.contestant}, {task.n_rows:,} rows, {task.n_threads} threads", flush=True)
    paths = (str(PROJECT), str(Path(whybox.__file__).parents[1]))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}
    environment["OMP_NUM_THREADS"] = str(task.n_threads)
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task.contestant} ended with {done.returncode}:\n{done.stderr}")
    return _Run(**json.loads(done.stdout.splitlines()[-1]))


def _explain(task: _Task, model: Any, rows: Any, reports: list[int]) -> tuple[float, str]:
    """Explain in this process; returns the additivity residual and the engine."""
    if task.contestant == OURS:
        found = attribute_rows(
            model,
            rows,
            background=rows[:1],
            method="path_dependent",
            n_threads=task.n_threads,
            on_rows=reports.append,
        )
        return found.additivity_residual, found.engine
    model.set_param({"nthread": task.n_threads})
    matrix = xgboost.DMatrix(rows, nthread=task.n_threads)
    found = model.predict(matrix, pred_contribs=True)
    margins = model.predict(matrix, output_margin=True)
    return float(abs(found.sum(axis=1, dtype="f8") - margins).max()), ""


def main() -> None:
    """Explain made-up rows with a saved model and print what it took as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contestant")
    for name in ("n_rows", "n_columns", "n_threads"):
        parser.add_argument(name, type=int)
    parser.add_argument("model", type=Path)
    task = _Task(**vars(parser.parse_args()))
    rows, _ = wide_table(task.n_rows, task.n_columns)
    model, reports = xgboost.Booster(model_file=task.model), []  # type: Any, list[int]
    _explain(task, model, rows[:200], reports)
    reports.clear()
    start, cpu_start = time.perf_counter(), time.process_time()
    residual, engine = _explain(task, model, rows, reports)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    run = _Run(seconds, cpu_seconds, read_peak_mb(), residual, len(reports), engine)
    print(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
