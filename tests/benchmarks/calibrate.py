"""``make calibrate``: measure what elementary work costs, write it into the domain, and check the cost model.

jobs of seed A ─▶ measured ─▶ non-negative least squares on log error ─▶ domain/costs/cost_coefficients.py
jobs of seed B ─▶ measured ─▶ held against the estimates ─▶ docs/reference/cost-model.md

Every job runs in a forked copy of this process, on one thread: the copy's peak memory is the job's own, and
its processor time is what the clock shows on an idle machine, whoever else shares this one.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import lightgbm  # noqa: E402, F401 - loaded before the copies are forked, so that none of them waits for it
import numpy as np  # noqa: E402 - the threads come first
import xgboost  # noqa: E402, F401 - loaded before the copies are forked
from scipy.optimize import nnls  # noqa: E402 - the threads come first
from tests.benchmarks.cost_grid import CostJob, draw_jobs, list_compatible_jobs, make_task  # noqa: E402
from tests.benchmarks.machine import describe_machine  # noqa: E402
from tests.benchmarks.measure import Floats  # noqa: E402
from tests.benchmarks.sections import render_table  # noqa: E402

from whybox.domain.costs import cost_coefficients  # noqa: E402
from whybox.domain.costs.explanation_costs import choose_way, count_explain_work  # noqa: E402
from whybox.domain.costs.fit_costs import Work, count_fit_work  # noqa: E402
from whybox.domain.costs.memory_costs import count_memory  # noqa: E402
from whybox.domain.explanations import attribute_rows  # noqa: E402
from whybox.domain.explanations.backgrounds import sample_background  # noqa: E402
from whybox.domain.explanations.permutation_importances import permute_columns  # noqa: E402
from whybox.domain.models.catalogue import fit_model  # noqa: E402
from whybox.domain.models.fitted_models import FittedModel  # noqa: E402
from whybox.domain.tasks import Task  # noqa: E402

CALIBRATE_SEED, CHECK_SEED = 1, 3
N_CALIBRATE, N_CHECK = 200, 80
PROMISED_SHARE, FACTOR = 0.9, 2.0

MAX_SECONDS = 300.0
"""A job that takes longer is ended and left out; the grids are drawn so that none does."""

REPEAT_BELOW = 1.5
"""Seconds below which a job runs three times and the fastest counts: a first run also loads code."""

ROOT = Path(__file__).parents[2]
COEFFICIENTS = ROOT / "layers/core/python/whybox/domain/costs/cost_coefficients.py"
PAGE = ROOT / "docs/reference/cost-model.md"

LIBRARIES = {
    "libraries.xgboost": "import numpy, xgboost, whybox.domain.explanations",
    "libraries.lightgbm": "import numpy, lightgbm, whybox.domain.explanations",
    "libraries.sklearn": "import sklearn.ensemble, sklearn.svm, whybox.domain.explanations",
}


@dataclass(frozen=True)
class Measured:
    """What one job took: processor seconds of fit and explanation, megabytes above the libraries."""

    job: CostJob
    fit_seconds: float
    explain_seconds: float
    memory_mb: float
    algorithm: str

    @property
    def seconds(self) -> float:
        """Both together."""
        return self.fit_seconds + self.explain_seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Calibrate and check, or only check the coefficients that are there; 1 when the promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.calibrate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="measure the check grid only, write the page")
    parser.add_argument(
        "--jobs", type=int, default=None, help="small grids, to try the harness; writes nothing"
    )
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    n_calibrate, n_check = options.jobs or N_CALIBRATE, options.jobs or N_CHECK
    if not options.check:
        found = measure_jobs([*list_compatible_jobs(), *draw_jobs(n_calibrate, seed=CALIBRATE_SEED)])
        seconds, megabytes = calibrate_seconds(found), calibrate_memory(found)
        report(found, seconds, megabytes, title="Calibration grid")
        if options.jobs is None:
            write_coefficients(seconds, megabytes)
    else:
        seconds, megabytes = cost_coefficients.SECONDS, cost_coefficients.MEGABYTES
    checked = measure_jobs([*list_compatible_jobs(), *draw_jobs(n_check, seed=CHECK_SEED)])
    page, share = report(checked, seconds, megabytes, title="Check grid")
    if options.jobs is None:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    return 0 if share >= PROMISED_SHARE else 1


def measure_jobs(jobs: Sequence[CostJob]) -> list[Measured]:
    """Run every job in a copy of this process."""
    found = []
    for position, job in enumerate(jobs):
        measured = _measure(job)
        if measured is None:
            print(f"{position + 1}/{len(jobs)} left out: {job.title}", flush=True)
            continue
        found.append(measured)
        print(f"{position + 1}/{len(jobs)} {measured.seconds:8.3f} s {job.title}", flush=True)
    return found


def _measure(job: CostJob) -> Measured | None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_run, args=(job, sender))
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(MAX_SECONDS) else None
    except EOFError:
        return None
    finally:
        process.kill()
        process.join()


def _run(job: CostJob, sender: Connection) -> None:
    before = _peak_mb()
    task = make_task(job)
    runs: list[tuple[float, float]] = []
    while not runs or (len(runs) < 3 and sum(fit + explain for fit, explain in runs) < REPEAT_BELOW):
        gc.collect()
        start = time.process_time()
        model = fit_model(job.spec, task)
        fitted = time.process_time()
        algorithm = _explain(job, model, task)
        runs.append((fitted - start, time.process_time() - fitted))
    fit_seconds, explain_seconds = (min(run[phase] for run in runs) for phase in (0, 1))
    sender.send(Measured(job, fit_seconds, explain_seconds, _peak_mb() - before, algorithm))


def _explain(job: CostJob, model: FittedModel, task: Task) -> str:
    size = job.size
    if size.explain == "none":
        return "none"
    rows = task.X[task.test]
    if size.explain == "permutation":
        permute_columns(model, rows, task.y[task.test], n_repeats=size.n_repeats)
        return "permutation"
    chosen = sample_background(
        task.X[task.train], task.y[task.train], kind=task.kind, size=size.n_background, seed=0
    )
    method = "auto" if size.explain == "exact" else size.explain
    return attribute_rows(model, rows, background=chosen.rows, method=method).algorithm


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def calibrate_seconds(found: Sequence[Measured]) -> dict[str, float]:
    """Return seconds per unit of each work, from fits and explanations as rows of one system."""
    works, targets, weights = [], [], []
    for measured in found:
        phases = (
            (count_fit_work(measured.job.size), measured.fit_seconds),
            (count_explain_work(measured.job.size), measured.explain_seconds),
        )
        for work, seconds in phases:
            if work:
                works.append(work)
                targets.append(max(seconds, 1e-5))
                # What matters is the sum: a phase that hardly adds to it may be off.
                weights.append(max(0.1, seconds / measured.seconds))
    return solve(works, np.array(targets), np.array(weights))


def calibrate_memory(found: Sequence[Measured]) -> dict[str, float]:
    """Return megabytes per unit of everything held; what libraries take is measured on its own."""
    works = [
        {name: amount for name, amount in count_memory(measured.job.size).items() if name not in LIBRARIES}
        for measured in found
    ]
    megabytes = np.array([max(measured.memory_mb, 0.5) for measured in found])
    coefficients = solve(works, megabytes, np.ones(len(found)))
    return {**{name: _import_mb(code) for name, code in LIBRARIES.items()}, **coefficients}


def _import_mb(code: str) -> float:
    """Return the peak memory of a new process that loads some libraries."""
    script = f"{code}\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    return float(
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout
    )


def solve(works: Sequence[Work], targets: Floats, weights: Floats) -> dict[str, float]:
    """Return non-negative coefficients with the least weighted squares of log(estimate / target).

    Starts from the least squares of the relative error, then linearises the logarithm around each estimate; a
    residual beyond a factor 2 counts by its size only, so that an odd job does not pull the others.
    """
    names = sorted({name for work in works for name in work})
    amounts = np.array([[work.get(name, 0.0) for name in names] for work in works])
    scales = amounts.max(axis=0)
    scaled = amounts / scales
    coefficients = nnls(scaled * (weights / targets)[:, None], weights)[0]
    for _ in range(50):
        estimates = np.maximum(scaled @ coefficients, 1e-3 * targets)
        errors = np.log(estimates / targets)
        damped = weights * np.sqrt(np.minimum(1.0, np.log(FACTOR) / np.maximum(np.abs(errors), 1e-12)))
        step = nnls(scaled * (damped / estimates)[:, None], damped * (1.0 - np.clip(errors, -1.0, 1.0)))[0]
        coefficients = 0.5 * (coefficients + step)
    return {
        name: float(f"{coefficient / scale:.4g}")
        for name, coefficient, scale in zip(names, coefficients, scales, strict=True)
        if coefficient > 0.0
    }


def report(
    found: Sequence[Measured], seconds: dict[str, float], megabytes: dict[str, float], *, title: str
) -> tuple[str, float]:
    """Return a page on how far estimates are from what was measured, and the share within a factor 2."""
    estimates = [_sum(_work_of(measured.job), seconds) for measured in found]
    factors = np.array([e / m.seconds for e, m in zip(estimates, found, strict=True)])
    held = [
        {name: amount for name, amount in count_memory(m.job.size).items() if name not in LIBRARIES}
        for m in found
    ]
    memory = np.array(
        [_sum(work, megabytes) / max(m.memory_mb, 0.5) for work, m in zip(held, found, strict=True)]
    )
    large = np.array([m.memory_mb >= 20.0 for m in found])
    share = _share_within(factors)
    rows = [
        (
            m.job.title,
            m.algorithm,
            f"{m.seconds:.3g}",
            f"{e:.3g}",
            f"{f:.2f}",
            f"{m.memory_mb:.0f}",
            f"{g:.2f}",
        )
        for m, e, f, g in zip(found, estimates, factors, memory, strict=True)
    ]
    header = ("job", "algorithm", "measured s", "estimated s", "ratio", "MB above libraries", "ratio")
    low, middle, high = np.quantile(factors, [0.05, 0.5, 0.95])
    summary = [
        f"{title}: {len(found)} jobs, each a fit and an explanation, drawn by another seed than",
        "those the coefficients come from. Seconds are processor seconds on one thread.",
        "",
        f"- Within a factor {FACTOR:g} of the measured seconds: **{share:.0%}** (bar {PROMISED_SHARE:.0%}).",
        f"- Estimated / measured: median {middle:.2f}, 5 % at {low:.2f}, 95 % at {high:.2f}.",
        f"- Megabytes above the libraries, where 20 or more: {_share_within(memory[large]):.0%} within it.",
        "",
        f"Machine: {describe_machine()}",
    ]
    page = "\n".join(["# Cost model", "", *summary, "", render_table(header, rows), ""])
    print(page)
    for way in sorted({choose_way(m.job.size) for m in found}):
        chosen = np.array([choose_way(m.job.size) == way for m in found])
        print(f"{way}: {_share_within(factors[chosen]):.0%} of {chosen.sum()}")
    return page, share


def _work_of(job: CostJob) -> Work:
    return count_fit_work(job.size) | count_explain_work(job.size)


def _sum(work: Work, coefficients: dict[str, float]) -> float:
    return sum(amount * coefficients.get(name, 0.0) for name, amount in work.items())


def _share_within(factors: Floats) -> float:
    return float(np.mean((factors <= FACTOR) & (factors >= 1.0 / FACTOR))) if len(factors) else float("nan")


def write_coefficients(seconds: dict[str, float], megabytes: dict[str, float]) -> None:
    """Write the constants of the domain."""
    parts = [
        '"""What one unit of each elementary work costs, as measured: written by ``make calibrate``."""',
        "",
        "from __future__ import annotations",
        "",
        "SECONDS: dict[str, float] = {",
        *(f'    "{name}": {value!r},' for name, value in sorted(seconds.items())),
        "}",
        "",
        "MEGABYTES: dict[str, float] = {",
        *(f'    "{name}": {value!r},' for name, value in sorted(megabytes.items())),
        "}",
    ]
    COEFFICIENTS.write_text("\n".join(parts) + "\n", encoding="utf-8")
    print(f"written: {COEFFICIENTS}")


if __name__ == "__main__":
    sys.exit(main())
