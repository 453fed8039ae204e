"""What workers do with jobs, as the functions of the stack do it: with ports that may end under them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.proof.job_cases import JobCase
from tests.proof.job_worlds import VISIBILITY_SECONDS, WorldPorts
from tests.proof.kill_points import COMPUTING, RECEIVED, Die, Fuse, KilledError, Kills, fused

from whybox.domain.jobs.job_messages import read_message
from whybox.domain.jobs.s3_records import read_notification
from whybox.errors import BackingServiceError
from whybox.http.explanation_bodies import read_dropped
from whybox.http.problems import problem_document
from whybox.job_ports import Message, WorkQueue
from whybox.services.estimate_job import Limits
from whybox.services.fail_job import fail_job, fail_table
from whybox.services.fetch_table import store_table
from whybox.services.hold_job import Worker
from whybox.services.run_job import run_job
from whybox.services.start_batch import start_batch
from whybox.services.submit_job import Preference, submit_job
from whybox.services.sweep_jobs import sweep_jobs

Kind = Literal["submit", "explain", "batch", "fail explain", "fail batch", "sweep"]
GIVEN_UP: Final[Mapping[str, Any]] = problem_document("internal")


@dataclass(frozen=True, slots=True)
class Task:
    """One invocation of a function; ``case`` is what is submitted."""

    kind: Kind
    kills: Kills
    n_tried: int
    case: JobCase | None = None


def perform(task: Task, ports: WorldPorts, die: Die) -> bool:
    """Do a task with fused ports; whether it came to its end."""
    fuse = Fuse(die)
    try:
        _TASKS[task.kind](task, fused(ports, fuse), fuse)
    except KilledError:
        return False
    return True


def _worker(fuse: Fuse) -> Worker:
    def remaining_seconds() -> float:
        fuse.burn(COMPUTING)
        return 900.0

    return Worker("proof", remaining_seconds, lambda: 1.0, problem_document)


def _submit(task: Task, ports: WorldPorts, fuse: Fuse) -> None:
    """Submit a job as a client does that tries until it is answered."""
    case = task.case
    assert case is not None
    fuse.arm(task.kills.draw(f"submit {case.number}", task.n_tried))
    submit_job(
        case.request,
        store_table(case.tenant, case.table, objects=ports.objects),
        tenant=case.tenant,
        prefer=Preference(is_async=case.door == "queue"),
        jobs=ports.jobs,
        objects=ports.objects,
        usage=ports.usage,
        explain_queue=ports.explain_queue,
        clock=ports.clock,
        worker=_worker(fuse),
    )


def _received(task: Task, queue: WorkQueue, fuse: Fuse, *, name: Callable[[str], str]) -> Message | None:
    """Receive one message, and let the fuse be what is drawn for this delivery."""
    for message in queue.receive(max_messages=1, visibility_seconds=VISIBILITY_SECONDS):
        fuse.arm(task.kills.draw(name(message.body), message.n_receives))
        fuse.burn(RECEIVED)
        return message
    return None


def _explain(task: Task, ports: WorldPorts, fuse: Fuse) -> None:
    message = _received(task, ports.explain_queue, fuse, name=lambda body: read_message(body).job_id)
    if message is None:
        return
    told = read_message(message.body)
    try:
        run_job(
            told.tenant,
            told.job_id,
            jobs=ports.jobs,
            objects=ports.objects,
            usage=ports.usage,
            batches=ports.batches,
            clock=ports.clock,
            worker=_worker(fuse),
        )
    except BackingServiceError:
        return  # reported as failed: the message stays
    ports.explain_queue.delete(message)


def _batch(task: Task, ports: WorldPorts, fuse: Fuse) -> None:
    message = _received(task, ports.batch_queue, fuse, name=_key_in)
    if message is None:
        return
    try:
        for table in read_notification(message.body).tables:
            start_batch(
                table,
                read_request=read_dropped,
                jobs=ports.jobs,
                objects=ports.objects,
                usage=ports.usage,
                tenants=ports.tenants,
                explain_queue=ports.explain_queue,
                batches=ports.batches,
                clock=ports.clock,
                worker=_worker(fuse),
                limits=Limits(),
            )
    except BackingServiceError:
        return
    ports.batch_queue.delete(message)


def _key_in(body: str) -> str:
    tables = read_notification(body).tables
    return tables[0].key if tables else ""


def _fail_explain(task: Task, ports: WorldPorts, fuse: Fuse) -> None:
    message = _received(task, ports.explain_dead, fuse, name=lambda body: "dead " + read_message(body).job_id)
    if message is None:
        return
    told = read_message(message.body)
    try:
        fail_job(
            told.tenant,
            told.job_id,
            GIVEN_UP,
            jobs=ports.jobs,
            objects=ports.objects,
            usage=ports.usage,
            clock=ports.clock,
        )
    except BackingServiceError:
        return
    ports.explain_dead.delete(message)


def _fail_batch(task: Task, ports: WorldPorts, fuse: Fuse) -> None:
    message = _received(task, ports.batch_dead, fuse, name=lambda body: "dead " + _key_in(body))
    if message is None:
        return
    try:
        for table in read_notification(message.body).tables:
            fail_table(
                table,
                GIVEN_UP,
                jobs=ports.jobs,
                objects=ports.objects,
                usage=ports.usage,
                clock=ports.clock,
            )
    except BackingServiceError:
        return
    ports.batch_dead.delete(message)


def _sweep(task: Task, ports: WorldPorts, fuse: Fuse) -> None:
    fuse.arm(task.kills.draw(f"sweep {task.n_tried}", 1))
    sweep_jobs(
        GIVEN_UP,
        jobs=ports.jobs,
        objects=ports.objects,
        usage=ports.usage,
        explain_queue=ports.explain_queue,
        batch_queue=ports.batch_queue,
        clock=ports.clock,
    )


_TASKS: Final[Mapping[Kind, Callable[[Task, WorldPorts, Fuse], None]]] = {
    "submit": _submit,
    "explain": _explain,
    "batch": _batch,
    "fail explain": _fail_explain,
    "fail batch": _fail_batch,
    "sweep": _sweep,
}
