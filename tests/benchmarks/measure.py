"""Timing, peak memory and accuracy of contestants on the same job, in turns in one process.

build (model, rows, background) ─▶ reference values ─▶ each once: warm-up and accuracy, once in a fork: memory
    ─▶ A B C A B C … : seconds, of which the median counts
"""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORY_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True)
class Effort:
    """How much time a run may take; ``--quick`` is for checking the harness, not for figures.

    On a busy machine ``time.process_time`` as ``clock`` gives what a quiet one would: one thread each.
    """

    n_runs: int = 5
    is_quick: bool = False
    clock: Callable[[], float] = time.perf_counter

    def choose(self, full: int, quick: int) -> int:
        """Return the count for this effort."""
        return quick if self.is_quick else full


@dataclass(frozen=True)
class Answer:
    """What a contestant returns: figures by row first, and how far they are from adding up."""

    values: Floats
    additivity_residual: float = float("nan")


@dataclass(frozen=True)
class Reference:
    """What the contestants should find for the first ``len(values)`` rows (``what`` names them).

    ``error`` is mean standard error / mean |value| where the reference is itself an estimate.
    """

    values: Floats
    how: str
    error: float = 0.0
    what: str = "rows"


@dataclass(frozen=True)
class Contestant:
    """One way to do a job. ``share`` is the share of the job's rows it runs on; its time is scaled by it."""

    name: str
    run: Callable[[], Answer]
    share: float = 1.0
    n_runs: int | None = None


@dataclass(frozen=True)
class Bar:
    """A promise: ``ours`` is ``ratio`` times as fast as ``against``.

    ``error_share``: with at most this share of its mean error; ``largest_error``: at most this far off the
    reference anywhere.
    """

    promise: str
    ours: str
    against: str
    ratio: float
    error_share: float | None = None
    largest_error: float | None = None


@dataclass(frozen=True)
class Job:
    """The contestants of one job, whybox first, and the values they should find."""

    title: str
    contestants: Sequence[Contestant]
    reference: Reference | None = None
    bars: Sequence[Bar] = ()
    note: str = ""


@dataclass
class Figures:
    """What was measured of one contestant."""

    name: str
    share: float = 1.0
    seconds: list[float] = field(default_factory=list)
    peak_mb: float = float("nan")
    mean_error: float = float("nan")
    largest_difference: float = float("nan")
    additivity_residual: float = float("nan")

    @property
    def median_seconds(self) -> float:
        """Median of the runs, scaled to all rows of the job."""
        return statistics.median(self.seconds) / self.share


def measure_job(job: Job, effort: Effort) -> list[Figures]:
    """Run every contestant to warm up and hold it against the reference, then time them in turns."""
    figures = [Figures(contestant.name, share=contestant.share) for contestant in job.contestants]
    for contestant, figure in zip(job.contestants, figures, strict=True):
        print(f"  {contestant.name}", flush=True)
        answer = contestant.run()
        figure.additivity_residual = answer.additivity_residual
        if job.reference is not None:
            figure.mean_error, figure.largest_difference = compare(answer.values, job.reference.values)
        figure.peak_mb = measure_peak_mb(contestant.run)
    counts = [contestant.n_runs or effort.n_runs for contestant in job.contestants]
    for turn in range(max(counts)):
        for contestant, figure, count in zip(job.contestants, figures, counts, strict=True):
            if turn < count:
                figure.seconds.append(time_once(contestant.run, effort.clock))
    return figures


def time_once(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of one run, with the garbage of earlier ones collected."""
    gc.collect()
    start = clock()
    run()
    return clock() - start


def compare(values: Floats, exact: Floats) -> tuple[float, float]:
    """Return mean |value - exact| / mean |exact| and max |value - exact| over the rows both have."""
    n_rows = min(len(values), len(exact))
    gaps = np.abs(values[:n_rows] - exact[:n_rows])
    return float(gaps.mean() / np.abs(exact[:n_rows]).mean()), float(gaps.max())


def measure_peak_mb(run: Callable[[], object]) -> float:
    """Return by how many MB one run lifts the peak memory of a forked copy of this process.

    Forking is safe here because the runner allows one thread per library. NaN where the system does not say.
    """
    if not Path("/proc/self/clear_refs").exists():
        return float("nan")
    receiver, sender = multiprocessing.Pipe(duplex=False)

    def child() -> None:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # sets the recorded peak back to what is in use now
        before = read_peak_mb()
        run()
        sender.send(read_peak_mb() - before)

    process: Any = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    sender.close()
    try:
        return float(receiver.recv()) if receiver.poll(MEMORY_TIMEOUT_SECONDS) else float("nan")
    except EOFError:
        return float("nan")
    finally:
        process.kill()
        process.join()


def read_peak_mb() -> float:
    """Return the largest resident memory of this process image in MB, from /proc/self/status.

    ``ru_maxrss`` would not do: it keeps the peak of the process image that was there before ``exec``.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")
