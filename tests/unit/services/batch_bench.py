"""One machine with all that the S3 door stands on, a clock that a test moves, and calls that can fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.clocks import MovableClock

from whybox.adapters.local.folder_objects import FolderObjects
from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.sqlite_batches import SqliteBatches
from whybox.adapters.local.sqlite_jobs import SqliteJobs
from whybox.adapters.local.sqlite_queue import SqliteQueue
from whybox.adapters.local.sqlite_tenants import SqliteTenants
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.s3_records import DroppedTable
from whybox.domain.jobs.taken_tables import taken_prefix
from whybox.errors import DependencyUnavailableError
from whybox.http.dropped_tables import read_request
from whybox.http.problems import problem_document
from whybox.services.estimate_job import DEFAULT_LIMITS, Limits
from whybox.services.hold_job import Worker
from whybox.services.start_batch import start_batch

TENANT = "a" * 64
RIDGE = {"target": "y", "model": {"family": "sklearn", "name": "Ridge"}, "split": {"test_size": 0.5}}


def table(n_rows: int = 40, *, shift: float = 0.0) -> bytes:
    """A small table whose target is a plain sum."""
    rows = (f"{i % 7},{i % 5},{(i % 7) + 0.5 * (i % 5) + shift}" for i in range(n_rows))
    return ("a,b,y\n" + "\n".join(rows) + "\n").encode()


@dataclass
class Failures:
    """Which call of a port fails, counted over all of them; ``is_late`` lets it take effect first."""

    at: int | None = None
    is_late: bool = False
    n_calls: int = 0
    names: list[str] = field(default_factory=list)


class Failing:
    """A port whose calls are counted, and one of which fails."""

    def __init__(self, port: Any, failures: Failures) -> None:
        self._port = port
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            number = self._failures.n_calls
            self._failures.n_calls += 1
            self._failures.names.append(name)
            is_hit = number == self._failures.at
            if is_hit and not self._failures.is_late:
                raise DependencyUnavailableError("a port of this test")
            answer = method(*arguments, **keywords)
            if is_hit:
                raise DependencyUnavailableError("a port of this test")
            return answer

        return call


@dataclass
class Bench:
    """The ports of one machine."""

    home: Path
    limit: int = 100
    clock: MovableClock = field(default_factory=MovableClock)
    remaining: Callable[[], float] = lambda: 900.0
    limits: Limits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        links = SignedLinks(b"l" * 32, "http://127.0.0.1:8000", self.clock)
        queues = self.home / "queues.sqlite3"
        self.objects: Any = FolderObjects(self.home / "bucket", links=links)
        self.jobs: Any = SqliteJobs(self.home / "jobs.sqlite3")
        self.usage: Any = SqliteUsage(self.home / "usage.sqlite3", default_limit=self.limit)
        self.tenants: Any = SqliteTenants(self.home / "tenants.sqlite3")
        self.batches: Any = SqliteBatches(self.home / "batches.sqlite3")
        self.explain_queue: Any = SqliteQueue(queues, "explain", clock=self.clock, dead_letters="dead")
        self.batch_queue: Any = SqliteQueue(queues, "batch", clock=self.clock, dead_letters="dead")
        self.worker = Worker(
            function="ExplainBatch",
            remaining_seconds=lambda: self.remaining(),
            peak_memory_mb=lambda: 1.0,
            describe=lambda error: problem_document(error, request_id="r"),
        )

    def fail(self, at: int | None, *, is_late: bool = False) -> Failures:
        """Let one call of the ports fail from now on, or with None only count them."""
        failures = Failures(at, is_late)
        for name in ("objects", "jobs", "usage", "explain_queue", "batch_queue", "batches"):
            setattr(self, name, Failing(getattr(self, name), failures))
        return failures

    def heal(self) -> None:
        """Let nothing fail any more."""
        self.__post_init__()

    @property
    def stores(self) -> dict[str, Any]:
        """The ports that most services are given."""
        return {"jobs": self.jobs, "objects": self.objects, "usage": self.usage, "clock": self.clock}

    def drop(
        self, content: bytes, name: str = "t.csv", *, request: dict[str, Any] | bytes | None = None
    ) -> DroppedTable:
        """Put a table, and the request beside it, into the tenant's folder."""
        key = f"batch/{TENANT}/{name}"
        if request is not None:
            text = request if isinstance(request, bytes) else json.dumps(request).encode()
            self.objects.put(key.removesuffix(".csv") + ".json", text, content_type="application/json")
        version = self.objects.put(key, content, content_type="text/csv")
        return DroppedTable(TENANT, key, version)

    def start(self, dropped: DroppedTable) -> Job:
        """Tell the function of a table."""
        return start_batch(
            dropped,
            read_request=read_request,
            tenants=self.tenants,
            explain_queue=self.explain_queue,
            batches=self.batches,
            worker=self.worker,
            limits=self.limits,
            **self.stores,
        )

    def used(self) -> int:
        """How many units the tenant was charged or has reserved."""
        return int(self.usage.read(TENANT, now=self.clock.now()).used)

    def all_jobs(self) -> list[Job]:
        """The tenant's jobs, latest first."""
        return list(self.jobs.list(TENANT, limit=100).jobs)

    def published(self, job: Job) -> dict[str, bytes]:
        """What its owner finds of a job, by name."""
        prefix = f"results/{TENANT}/{job.job_id}/"
        names = [it.key.removeprefix(prefix) for it in self.objects.list(prefix)]
        return {name: self.objects.get(prefix + name) for name in names if "/" not in name}

    def taken(self) -> dict[str, str]:
        """Which job each version of a dropped table has become, by key."""
        found = [json.loads(self.objects.get(it.key)) for it in self.objects.list(taken_prefix(TENANT))]
        return {f"{it['key']}@{it['version']}": it["job_id"] for it in found}

    def messages(self, queue: str = "explain_queue") -> list[str]:
        """Take what is in a queue."""
        return [
            message.body
            for message in getattr(self, queue).receive(max_messages=10, visibility_seconds=1_000)
        ]
