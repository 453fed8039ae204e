"""Workers that are killed, overtaken or out of time: every job ends once, is charged once, and is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.contract.clocks import MovableClock
from tests.proof.job_cases import JobCase, compared
from tests.proof.job_kills import prove
from tests.proof.job_processes import WORLDS
from tests.proof.job_tasks import GIVEN_UP
from tests.proof.job_worlds import (
    VISIBILITY_SECONDS,
    WorldPorts,
    aws_ports,
    count_charged,
    count_used,
    local_ports,
)
from tests.proof.kill_points import COMPUTING, RECEIVED, Fuse, KilledError, fused

from whybox.domain.jobs.job_messages import read_message
from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.s3_records import DroppedTable, write_notification
from whybox.errors import LeaseLostError, OutOfTimeError, ResultMissingError
from whybox.http.dropped_tables import take_up
from whybox.http.problems import problem_document
from whybox.services.estimate_job import Limits
from whybox.services.fail_job import fail_job
from whybox.services.fetch_table import store_table
from whybox.services.hold_job import Worker
from whybox.services.read_result import read_result
from whybox.services.run_job import run_job
from whybox.services.submit_job import Preference, submit_job

CASE = JobCase(1, "queue", "good", n_messages=1)

OVERTAKEN = (
    "before jobs.claim",
    "after jobs.claim",
    "before usage.reserve",
    "after objects.get",
    COMPUTING,
    "before objects.put",
    "after objects.put",
    "before jobs.finish",
    "after jobs.finish",
    "before usage.commit",
    "after usage.commit",
)
"""Points on the way through a job at which its worker may be paused for longer than its lease."""

AT_WORK = OVERTAKEN[OVERTAKEN.index("after jobs.claim") : OVERTAKEN.index("after jobs.finish")]
"""Those at which somebody else has to do the work again."""


@contextmanager
def local_world_ports() -> Iterator[WorldPorts]:
    with TemporaryDirectory() as home:
        yield local_ports(Path(home), MovableClock())


PORTS = {"local": local_world_ports, "aws": aws_ports}


@pytest.fixture(params=PORTS)
def ports(request: pytest.FixtureRequest) -> Iterator[WorldPorts]:
    with PORTS[request.param]() as opened:
        yield opened


def worker(fuse: Fuse | None = None, *, seconds: float = 900.0) -> Worker:
    def remaining_seconds() -> float:
        if fuse is not None:
            fuse.burn(COMPUTING)
        return seconds

    def describe(error: BaseException) -> dict[str, object]:
        return dict(problem_document(error, request_id="test"))

    return Worker("test", remaining_seconds, lambda: 1.0, describe)


def submit(ports: WorldPorts, case: JobCase = CASE) -> Job:
    submission = submit_job(
        case.request,
        store_table(case.tenant, case.table, objects=ports.objects),
        tenant=case.tenant,
        prefer=Preference(is_async=True),
        jobs=ports.jobs,
        objects=ports.objects,
        usage=ports.usage,
        explain_queue=ports.explain_queue,
        clock=ports.clock,
        worker=worker(),
    )
    return submission.job


def run(ports: WorldPorts, how: Worker, *, fuse: Fuse | None = None) -> None:
    """Receive one message and do what it says; it is deleted unless something is raised."""
    (message,) = ports.explain_queue.receive(max_messages=1, visibility_seconds=VISIBILITY_SECONDS)
    if fuse is not None:
        fuse.burn(RECEIVED)
    told = read_message(message.body)
    run_job(
        told.tenant,
        told.job_id,
        jobs=ports.jobs,
        objects=ports.objects,
        usage=ports.usage,
        batches=ports.batches,
        clock=ports.clock,
        worker=how,
    )
    ports.explain_queue.delete(message)


def served(ports: WorldPorts, case: JobCase = CASE) -> object:
    found = read_result(case.tenant, case.job_id, jobs=ports.jobs, objects=ports.objects)
    assert found.content is not None
    return compared(found.content)


@pytest.mark.parametrize("world", WORLDS)
def test_no_job_is_lost_charged_twice_or_served_by_half_wherever_workers_are_killed(world: str) -> None:
    (found,) = prove(40, seed=1, worlds=(world,))

    assert found.violations == ()
    assert sum(found.kills.values()) >= 20
    assert len(found.kills) >= 8
    assert found.ends["done"] + found.ends["failed"] == 40
    assert found.n_charged == found.ends["done"]


@pytest.mark.parametrize("point", [RECEIVED, *OVERTAKEN, "before explain_queue.delete"])
def test_a_job_whose_worker_was_killed_is_brought_to_its_end_by_the_next(
    ports: WorldPorts, point: str
) -> None:
    submit(ports)
    fuse = Fuse(lambda _point: None)
    fuse.arm((point, 1))

    with pytest.raises(KilledError):
        run(fused(ports, fuse), worker(fuse), fuse=fuse)
    ports.clock.advance(VISIBILITY_SECONDS + 1)
    run(ports, worker())

    job = ports.jobs.read(CASE.tenant, CASE.job_id)
    assert (job.status, job.attempts) == ("done", 2 if point in AT_WORK else 1)
    assert served(ports) == CASE.expected
    assert ports.count_messages() == 0
    assert count_charged(ports, CASE.tenant) == 1


@pytest.mark.parametrize("point", OVERTAKEN)
def test_a_worker_that_was_overtaken_changes_nothing(ports: WorldPorts, point: str) -> None:
    submit(ports)
    overtaken = []

    def pause(_point: str) -> None:
        ports.clock.advance(VISIBILITY_SECONDS + 1)
        run(ports, worker())
        job = ports.jobs.read(CASE.tenant, CASE.job_id)
        overtaken.append((job, ports.objects.head(f"{job.result_key}/result.json").version))

    fuse = Fuse(pause, is_fatal=False)
    fuse.arm((point, 1))
    with suppress(LeaseLostError):  # what it did counts for nothing, and it is told so
        run(fused(ports, fuse), worker(fuse))

    ((job, version),) = overtaken
    assert ports.jobs.read(CASE.tenant, CASE.job_id) == job
    assert job.status == "done"
    assert served(ports) == CASE.expected
    assert ports.objects.head(f"{job.result_key}/result.json").version == version
    assert count_charged(ports, CASE.tenant) == 1


@pytest.mark.parametrize("point", OVERTAKEN[: OVERTAKEN.index("after jobs.finish")])
def test_a_worker_whose_job_was_given_up_meanwhile_cannot_bring_it_back(
    ports: WorldPorts, point: str
) -> None:
    submit(ports)

    def pause(_point: str) -> None:
        ports.clock.advance(VISIBILITY_SECONDS + 1)
        fail_job(
            CASE.tenant,
            CASE.job_id,
            GIVEN_UP,
            jobs=ports.jobs,
            objects=ports.objects,
            usage=ports.usage,
            clock=ports.clock,
        )

    fuse = Fuse(pause, is_fatal=False)
    fuse.arm((point, 1))
    with suppress(LeaseLostError):  # what it did counts for nothing, and it is told so
        run(fused(ports, fuse), worker(fuse))

    assert ports.jobs.read(CASE.tenant, CASE.job_id).status == "failed"
    assert count_used(ports, CASE.tenant) == 0
    with pytest.raises(ResultMissingError):
        served(ports)


def test_a_worker_that_runs_out_of_time_gives_the_job_back_and_leaves_no_half_result(
    ports: WorldPorts,
) -> None:
    submit(ports)

    with pytest.raises(OutOfTimeError):
        run(ports, worker(seconds=9.0))

    job = ports.jobs.read(CASE.tenant, CASE.job_id)
    assert (job.status, job.attempts, count_used(ports, CASE.tenant)) == ("queued", 1, 1)
    ports.clock.advance(VISIBILITY_SECONDS + 1)
    run(ports, worker())
    assert ports.jobs.read(CASE.tenant, CASE.job_id).attempts == 2
    assert served(ports) == CASE.expected
    assert count_charged(ports, CASE.tenant) == 1


def test_versions_told_of_in_the_wrong_order_are_jobs_of_their_own(ports: WorldPorts) -> None:
    first = JobCase(4, "s3", "good", n_messages=1)
    second = replace(first, number=first.number + 20)  # the same tenant, another table
    ports.objects.put(first.key.replace(".csv", ".json"), first.beside, content_type="application/json")
    versions = {
        case: ports.objects.put(first.key, case.table, content_type="text/csv") for case in (first, second)
    }

    for case in (second, first, second):
        told = DroppedTable(first.tenant, first.key, versions[case])
        take_up(write_notification(told), ports=ports, worker=worker(), limits=Limits())

    jobs = ports.jobs.list(first.tenant, limit=9).jobs
    assert [job.status for job in jobs] == ["done", "done"]
    assert {job.document["source"]["version"] for job in jobs} == set(versions.values())
    assert served(ports, first) == first.expected
    assert count_charged(ports, first.tenant) == len(jobs)
