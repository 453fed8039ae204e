"""Hold a job while working on it: renew its lease, tell how far the work is, and stop when it is to stop.

with hold_job(job, …) as hold:
    work(on_rows=hold.on_rows)      after each step: is the job still ours, still wanted, is there time?
    ...                             meanwhile a thread renews the lease, as a fit may take minutes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, Final

from whybox.domain.jobs.jobs import Job, Progress
from whybox.errors import DependencyUnavailableError, JobCancelledError, LeaseLostError, OutOfTimeError
from whybox.job_ports import JobStore
from whybox.ports import Clock

CLAIM_SECONDS: Final = 120.0
"""How long a silent worker is waited for."""

BEAT_SECONDS: Final = 30.0
"""Four renewals in a lease: three of them may fail."""

PROGRESS_SECONDS: Final = 1.0
"""Progress is told no more often than that."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The function that works on a job, as far as a service needs to know it.

    ``describe`` turns an error into the problem document that the job keeps. Rows are worked on in
    ``n_threads`` threads at the same time.
    """

    function: str
    remaining_seconds: Callable[[], float]
    peak_memory_mb: Callable[[], float]
    describe: Callable[[BaseException], Mapping[str, Any]]
    n_threads: int = 1


class JobHold:
    """The lease of one attempt; what it learns of the job is raised where the work asks for it."""

    def __init__(
        self, job: Job, *, jobs: JobStore, clock: Clock, worker: Worker, safety_seconds: float
    ) -> None:
        self._job = job
        self._jobs = jobs
        self._clock = clock
        self._worker = worker
        self._safety_seconds = safety_seconds
        self._lock = Lock()
        self._told_at = clock.now()
        self._progress: Progress | None = None
        self._is_lost = False
        self.n_rows = 0

    def begin(self, n_rows: int) -> None:
        """Tell at once how many rows there are: the fit may take minutes before the first is done."""
        self.n_rows = n_rows
        self._progress = Progress(0, n_rows)
        self.renew()

    def on_rows(self, n_done: int) -> None:
        """Note how many rows are done.

        Raises
        ------
        LeaseLostError
            Another worker has the job, or it is over.
        JobCancelledError
            Its owner wants it no more.
        OutOfTimeError
            The function is about to be ended.

        """
        self._progress = Progress(min(n_done, self.n_rows), self.n_rows)
        if (self._clock.now() - self._told_at).total_seconds() >= PROGRESS_SECONDS:
            self.renew()
        if self._is_lost:
            raise LeaseLostError
        if self._job.is_cancel_requested:
            raise JobCancelledError
        if self._worker.remaining_seconds() < self._safety_seconds:
            raise OutOfTimeError

    def renew(self) -> None:
        """Renew the lease; a store that does not answer is asked again at the next beat."""
        with self._lock:
            try:
                self._job = self._jobs.renew(
                    self._job.tenant,
                    self._job.job_id,
                    fence=self._job.fence,
                    lease_seconds=CLAIM_SECONDS,
                    now=self._clock.now(),
                    progress=self._progress,
                )
            except LeaseLostError:
                self._is_lost = True
            except DependencyUnavailableError:
                return
            self._told_at = self._clock.now()


@contextmanager
def hold_job(
    job: Job,
    *,
    jobs: JobStore,
    clock: Clock,
    worker: Worker,
    safety_seconds: float,
    beat_seconds: float = BEAT_SECONDS,
) -> Iterator[JobHold]:
    """Keep a claimed job while the block runs, whatever it does for how long."""
    hold = JobHold(job, jobs=jobs, clock=clock, worker=worker, safety_seconds=safety_seconds)
    is_over = Event()

    def beat() -> None:
        while not is_over.wait(beat_seconds):
            hold.renew()

    thread = Thread(target=beat, name=f"lease of {job.job_id}", daemon=True)
    thread.start()
    try:
        yield hold
    finally:
        is_over.set()
        thread.join()


def describe_actual(job: Job, *, worker: Worker, clock: Clock) -> dict[str, Any]:
    """Return what the job took, from its first claim on; of the memory, the most this process ever had."""
    started = job.started_at or job.created_at
    return {
        "seconds": round((clock.now() - started).total_seconds(), 3),
        "peak_memory_mb": round(worker.peak_memory_mb(), 1),
        "function": worker.function,
    }
