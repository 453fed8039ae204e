"""Large tables: seconds and the whole process's peak memory, each contestant in a fresh process of its own.

fit here, save ─▶ ``python -m tests.benchmarks.large_tables`` per contestant: make rows, load, explain, report
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
from tests.benchmarks.measure import Answer, Effort, read_peak_mb
from tests.benchmarks.sections import Section, Verdict, duration, render_table, scientific

import whybox

PROJECT = Path(__file__).parents[2]
N_TRAINING_ROWS = 20_000
MEMORY_LIMIT_MB = 1024
LINEAR_WITHIN = 1.5
"""Seconds per row may grow by this factor from the smallest to the largest table: caches, allocation."""

# shap's TreeExplainer asks xgboost itself for path-dependent values, so it has no line of its own.
MEMORY_CONTESTANTS = (
    ("whybox path-dependent", 1.0),
    ("xgboost pred_contribs", 1.0),
    ("whybox interventional", 1.0),
    ("shap interventional", 0.01),
)


@dataclass(frozen=True)
class _Run:
    """What one process reported."""

    seconds: float
    peak_mb: float
    additivity_residual: float


@dataclass(frozen=True)
class _Task:
    """One process: whose algorithm, on which rows, with which saved model."""

    contestant: str
    n_rows: int
    n_columns: int
    model: Path


def measure_large_tables(effort: Effort) -> Section:
    """Explain 100,000 x 50 with 500 trees, then 10,000, 100,000 and 1,000,000 rows."""
    with tempfile.TemporaryDirectory() as folder:
        memory_table, memory_verdicts = _measure_memory(Path(folder), effort)
        scaling_table, scaling_verdict = _measure_scaling(Path(folder), effort)
    body = "\n\n".join(
        [
            "Each line is a process of its own; *peak MB* is all it held, libraries and table too.",
            "**100,000 rows x 50 columns, xgboost regression of 500 trees**",
            memory_table,
            "**Rows, path-dependent: 20 columns, xgboost regression of 100 trees of depth 3**",
            scaling_table,
        ]
    )
    return Section("Large tables", body, (*memory_verdicts, scaling_verdict))


def _measure_memory(folder: Path, effort: Effort) -> tuple[str, list[Verdict]]:
    n_rows = effort.choose(100_000, 4000)
    rows, verdicts = [], []
    for depth in (3, 6):
        model = save_fitted(folder / f"wide{depth}.ubj", n_columns=50, n_trees=500, depth=depth)
        for contestant, share in MEMORY_CONTESTANTS:
            task = _Task(contestant, int(n_rows * share), 50, model)
            run = _run(task)
            scaled = "" if share == 1 else f" (scaled from {task.n_rows:,} rows)"
            rows.append(
                (
                    f"depth {depth}, {contestant}{scaled}",
                    duration(run.seconds / share),
                    f"{run.peak_mb:.0f}",
                    scientific(run.additivity_residual),
                )
            )
            if contestant.startswith("whybox"):
                promise = f"{n_rows:,} x 50, 500 trees of depth {depth}, {contestant}: peak < 1 GiB"
                is_met = run.peak_mb < MEMORY_LIMIT_MB
                verdicts.append(Verdict(promise, f"{run.peak_mb:.0f} MB", is_met))
    return render_table(("contestant", "seconds", "peak MB", "additivity residual"), rows), verdicts


def _measure_scaling(folder: Path, effort: Effort) -> tuple[str, Verdict]:
    model = save_fitted(folder / "rows.ubj", n_columns=20, n_trees=100, depth=3)
    sizes = (1000, 10_000, 100_000) if effort.is_quick else (10_000, 100_000, 1_000_000)
    rows, per_row = [], []
    for n_rows in sizes:
        cells = [f"{n_rows:,}"]
        for contestant in ("whybox path-dependent", "xgboost pred_contribs"):
            task = _Task(contestant, n_rows, 20, model)
            runs = [_run(task) for _ in range(effort.choose(3, 1))]
            seconds = statistics.median(run.seconds for run in runs)
            cells += [duration(seconds), f"{1e6 * seconds / n_rows:.3g}", f"{runs[0].peak_mb:.0f}"]
            if contestant.startswith("whybox"):
                per_row.append(seconds / n_rows)
        rows.append(cells)
    growth = per_row[-1] / per_row[0]
    verdict = Verdict(
        f"cost linear in rows, {sizes[0]:,} to {sizes[-1]:,}: seconds per row within {LINEAR_WITHIN}x",
        f"{growth:.2f}x",
        growth <= LINEAR_WITHIN,
    )
    header = ("rows", "whybox", "µs per row", "peak MB", "xgboost pred_contribs", "µs per row", "peak MB")
    return render_table(header, rows), verdict


def save_fitted(path: Path, *, n_columns: int, n_trees: int, depth: int) -> Path:
    """Fit and save a model; the processes that explain only load it."""
    X, y = wide_table(N_TRAINING_ROWS, n_columns, seed=1)
    model = xgboost.XGBRegressor(n_estimators=n_trees, learning_rate=0.1, max_depth=depth, n_jobs=1)
    model.fit(X, y).save_model(path)
    return path


def _run(task: _Task) -> _Run:
    """Run one contestant in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.large_tables", task.contestant]
    command += [str(task.n_rows), str(task.n_columns), str(task.model)]
    print(f"  {task.contestant}, {task.n_rows:,} rows, {task.model.stem}", flush=True)
    paths = (str(PROJECT), str(Path(whybox.__file__).parents[1]))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task.contestant} failed:\n{done.stderr}")
    return _Run(**json.loads(done.stdout.splitlines()[-1]))


def _explain(contestant: str, model: Any, rows: Any) -> Answer:
    """Explain in this process; each contestant imports only what it needs."""
    if contestant.startswith("whybox"):
        from tests.benchmarks.ours import whybox_paths, whybox_rows

        if "path" in contestant:
            return whybox_paths(model, rows).run()
        return whybox_rows(model, rows, rows[:100]).run()
    from tests.benchmarks.peers import pred_contribs, tree_explainer

    if contestant == "xgboost pred_contribs":
        return pred_contribs(contestant, model, rows).run()
    matrix = xgboost.DMatrix(rows)
    return tree_explainer(contestant, model, rows, rows[:100], predict=lambda _: model.predict(matrix)).run()


def main() -> None:
    """Explain made-up rows with a saved model and print seconds, peak memory and residual as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contestant")
    parser.add_argument("n_rows", type=int)
    parser.add_argument("n_columns", type=int)
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    rows, _ = wide_table(options.n_rows, options.n_columns)
    model = xgboost.Booster(model_file=options.model)
    _explain(options.contestant, model, rows[:200])
    start = time.perf_counter()
    answer = _explain(options.contestant, model, rows)
    seconds = time.perf_counter() - start
    print(json.dumps(asdict(_Run(seconds, read_peak_mb(), answer.additivity_residual))))


if __name__ == "__main__":
    main()
