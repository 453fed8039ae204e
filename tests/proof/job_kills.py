"""Workers killed anywhere: no job is lost, none is charged twice, and no half result is ever served.

put, submit ─▶ rounds of: work through the queues, killed at drawn points ─▶ sweep, bury ─▶ 90 minutes pass
    ─▶ until every job is over and nothing is left in a queue ─▶ hold every promise against what is stored
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.proof.job_cases import JobCase, compared, draw_cases
from tests.proof.job_processes import WORLDS, World
from tests.proof.job_tasks import Task, names_in
from tests.proof.job_worlds import VISIBILITY_SECONDS, count_charged
from tests.proof.kill_points import Kills

from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.object_keys import published_key
from whybox.domain.jobs.s3_records import DroppedTable, write_notification
from whybox.errors import JobNotFoundError, ObjectNotFoundError
from whybox.services.read_result import read_result

MAX_ROUNDS: Final = 16
KILL_SHARE: Final = 0.45
"""Of deliveries, for which a point is drawn; not every one of them is passed."""

STRANGE: Final = (
    json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "bucket"}),
    json.dumps(
        {"Records": [{"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "batch/x.csv"}}}]}
    ),
    json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "elsewhere.csv"}}}]}),
)
"""What a bucket says beside what is of use."""


@dataclass(frozen=True, slots=True)
class JobKills:
    """What was found in one world, and in words what was violated."""

    world: str
    n_jobs: int
    n_rounds: int
    ends: Mapping[str, int]
    kills: Mapping[str, int]
    n_dead_letters: int
    n_charged: int
    violations: tuple[str, ...]


def prove(n_jobs: int = 500, *, seed: int = 0, worlds: tuple[str, ...] = tuple(WORLDS)) -> list[JobKills]:
    """Kill workers at jobs on every set of adapters."""
    found = []
    for name in worlds:
        with WORLDS[name]() as world:
            found.append(_Trial(world, draw_cases(n_jobs, seed=seed), seed=seed).run())
    return found


class _Trial:
    """All jobs in one world."""

    def __init__(self, world: World, cases: list[JobCase], *, seed: int) -> None:
        self._world = world
        self._cases = cases
        self._random = random.Random(seed)  # noqa: S311 - the order of messages
        crashing = {name for case in cases if case.kind == "crashing" for name in (case.job_id, case.key)}
        self._kills = Kills(seed, KILL_SHARE, frozenset(crashing))
        self._answered: set[int] = set()

    def run(self) -> JobKills:
        """Try, and hold what is found against the promises."""
        self._drop()
        n_rounds = 0
        while n_rounds < MAX_ROUNDS and not self._is_over():
            n_rounds += 1
            self._work()
            self._world.ports.clock.advance(VISIBILITY_SECONDS + 1)
            self._persist(
                [
                    Task("sweep", self._kills, round_number=n_rounds),
                    *self._tasks("bury explain", "bury batch"),
                ]
            )
        story, jobs = self._world.story, self._jobs()
        charged = {it: count_charged(self._world.ports, it) for it in {case.tenant for case in self._cases}}
        violations = [
            *self._violations(jobs, charged),
            *(f"a worker failed: {it}" for it in story.names("failed")),
        ]
        return JobKills(
            self._world.name,
            len(self._cases),
            n_rounds,
            Counter(job.status for job in jobs.values() if job is not None),
            story.count("killed"),
            len({name for body in story.names("dead") for name in names_in(body)}),
            sum(charged.values()),
            tuple(violations),
        )

    def _drop(self) -> None:
        """Drop tables into the bucket, and tell of each as often as its case says, in any order."""
        ports = self._world.ports
        told = list(STRANGE)
        for case in self._cases:
            if case.door != "s3":
                continue
            ports.objects.put(
                case.key.removesuffix(".csv") + ".json", case.beside, content_type="application/json"
            )
            version = ports.objects.put(case.key, case.table, content_type="text/csv")
            told += [write_notification(DroppedTable(case.tenant, case.key, version))] * case.n_messages
        self._random.shuffle(told)
        for body in told:
            ports.batch_queue.send(body)

    def _work(self) -> None:
        """Submit what is not answered, and work through both queues, several workers at once."""
        open_cases = [c for c in self._cases if c.door != "s3" and c.number not in self._answered]
        while True:
            tried = self._world.story.count("tried")
            waiting = [(c, tried[str(c.number)]) for c in open_cases if c.number not in self._answered]
            # The last quarter is in both lists: the same request twice at once.
            halves = waiting[::2] + waiting[-len(waiting) // 4 :], waiting[1::2]
            submits = [Task("submit", self._kills, cases=tuple(half)) for half in halves if half]
            self._world.run([*submits, *self._tasks("explain", "batch")])
            if not submits:
                break
            self._repeat()
        self._persist(self._tasks("explain", "explain", "batch"))

    def _repeat(self) -> None:
        """Send the messages of answered jobs again, as often as their cases say."""
        answered = {int(name) for name in self._world.story.names("answered")}
        for case in self._cases:
            if case.number in answered - self._answered:
                job = self._world.ports.jobs.read(case.tenant, case.job_id)
                for _ in range(case.n_messages if case.door == "queue" else 0):
                    self._world.ports.explain_queue.send(write_message(job))
        self._answered |= answered

    def _tasks(self, *kinds: str) -> list[Task]:
        return [Task(kind, self._kills) for kind in kinds]  # type: ignore[arg-type]

    def _persist(self, tasks: list[Task]) -> None:
        """Do tasks until each has come to its end; a killed worker is replaced."""
        while tasks:
            ends = self._world.run(tasks)
            tasks = [
                task
                for task, is_done in zip(tasks, ends, strict=True)
                if not is_done and task.kind != "sweep"
            ]

    def _is_over(self) -> bool:
        """Whether every job has ended and no message is left."""
        is_final = all(job is not None and job.is_final for job in self._jobs().values())
        return is_final and self._world.ports.count_messages() == 0

    def _jobs(self) -> dict[JobCase, Job | None]:
        return {case: self._read(case) for case in self._cases}

    def _read(self, case: JobCase) -> Job | None:
        """Return the job of a case; of a poisonous table the one that tells of its problem."""
        if case.kind == "poison":
            page = self._world.ports.jobs.list(case.tenant, limit=1000)
            return next((it for it in page.jobs if it.document["source"]["key"] == case.key), None)
        try:
            return self._world.ports.jobs.read(case.tenant, case.job_id)
        except JobNotFoundError:
            return None

    def _violations(self, jobs: Mapping[JobCase, Job | None], charged: Mapping[str, int]) -> Iterator[str]:
        done: Counter[str] = Counter()
        dead = {name for body in self._world.story.names("dead") for name in names_in(body)}
        for case, job in jobs.items():
            name = f"job {case.number} ({case.door}, {case.kind})"
            if job is None or not job.is_final:
                yield f"{name} is lost: {None if job is None else job.status}"
                continue
            if job.status != ("done" if case.kind == "good" else "failed"):
                yield f"{name} has ended as {job.status}: {dict(job.problem or {})}"
            if case.kind == "poison" and job.attempts > 1:
                yield f"{name} was tried {job.attempts} times"
            is_dead = not dead.isdisjoint((case.job_id, case.key))
            if is_dead != (case.kind == "crashing"):
                yield f"{name} {'became a' if is_dead else 'is no'} dead letter"
            if job.status == "done":
                done[case.tenant] += 1
                yield from self._served(name, case, job)
            elif case.door == "s3" and self._published(job, "problem.json") is None:
                yield f"{name} left no word of its problem"
        for tenant, n_charged in charged.items():
            if n_charged != done[tenant]:
                yield f"{n_charged} charged for {done[tenant]} jobs that are done"

    def _served(self, name: str, case: JobCase, job: Job) -> Iterator[str]:
        """Hold what is served against what was computed without a kill."""
        content = read_result(
            job.tenant, job.job_id, jobs=self._world.ports.jobs, objects=self._world.ports.objects
        ).content
        if content is None or compared(content) != case.expected:
            yield f"{name} serves another result"
        for file in (job.actual or {}).get("files", ()):
            kept = self._get(f"{job.result_key}/{file}")
            if not kept or (case.door == "s3" and self._published(job, file) != kept):
                yield f"{name} serves half a result: {file}"

    def _published(self, job: Job, file: str) -> bytes | None:
        return self._get(published_key(job.tenant, job.job_id, name=file))

    def _get(self, key: str) -> bytes | None:
        try:
            return self._world.ports.objects.get(key)
        except ObjectNotFoundError:
            return None


if __name__ == "__main__":
    for found in prove(int(sys.argv[1]), worlds=tuple(sys.argv[2:]) or tuple(WORLDS)):
        print(found)
