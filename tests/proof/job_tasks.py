"""What workers do with jobs, as the functions of the stack do it: with ports that may end under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.proof.job_cases import JobCase
from tests.proof.job_worlds import VISIBILITY_SECONDS, WorldPorts
from tests.proof.kill_points import COMPUTING, RECEIVED, Fuse, KilledError, Kills, fused

from whybox.domain.jobs.job_messages import UnreadableMessageError, read_message
from whybox.domain.jobs.s3_records import read_notification
from whybox.errors import BackingServiceError
from whybox.http.dropped_tables import take_up
from whybox.http.problems import problem_document
from whybox.job_ports import Message, WorkQueue
from whybox.services.bury_letter import bury_letter
from whybox.services.estimate_job import Limits
from whybox.services.fetch_table import store_table
from whybox.services.hold_job import Worker
from whybox.services.run_job import run_job
from whybox.services.submit_job import Preference, submit_job
from whybox.services.sweep_jobs import sweep_jobs

Kind = Literal["submit", "explain", "batch", "bury explain", "bury batch", "sweep"]
Tell = Callable[[str, str], None]
"""Tells whoever watches what happened, in a word and a name; told before a kill, it is not lost with it."""

GIVEN_UP: Final[Mapping[str, Any]] = problem_document("internal", request_id="proof")


@dataclass(frozen=True, slots=True)
class Task:
    """What one process does until it is done or killed; ``n_tried`` is how often each case was submitted."""

    kind: Kind
    kills: Kills
    cases: tuple[tuple[JobCase, int], ...] = ()
    round_number: int = 0


def perform(task: Task, ports: WorldPorts, *, die: Callable[[], None], tell: Tell) -> None:
    """Do a task with fused ports; raises KilledError where it was ended and ``die`` returns."""

    def end(point: str) -> None:
        tell("killed", point)
        die()

    fuse = Fuse(end)
    _TASKS[task.kind](task, fused(ports, fuse), fuse, tell)


def _worker(fuse: Fuse) -> Worker:
    def remaining_seconds() -> float:
        fuse.burn(COMPUTING)
        return 900.0

    return Worker("proof", remaining_seconds, lambda: 1.0, _describe)


def _describe(error: BaseException) -> Mapping[str, Any]:
    return problem_document(error, request_id="proof")


def _submit(task: Task, ports: WorldPorts, fuse: Fuse, tell: Tell) -> None:
    """Submit jobs as a client does; whoever is not answered tries again."""
    for case, n_tried in task.cases:
        fuse.arm(task.kills.draw(f"submit {case.number}", n_tried + 1))
        tell("tried", str(case.number))
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
        tell("answered", str(case.number))


def _received(task: Task, queue: WorkQueue, fuse: Fuse, *, name: Callable[[str], str]) -> Iterator[Message]:
    """Yield messages one by one until none comes, each with what is drawn for its delivery."""
    while True:
        fuse.arm(None)
        messages = queue.receive(max_messages=1, visibility_seconds=VISIBILITY_SECONDS)
        if not messages:
            return
        for message in messages:
            fuse.arm(task.kills.draw(name(message.body), message.n_receives))
            fuse.burn(RECEIVED)
            yield message


def _explain(task: Task, ports: WorldPorts, fuse: Fuse, _tell: Tell) -> None:
    for message in _received(task, ports.explain_queue, fuse, name=lambda body: read_message(body).job_id):
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
            continue  # reported as failed: the message stays
        ports.explain_queue.delete(message)


def _batch(task: Task, ports: WorldPorts, fuse: Fuse, _tell: Tell) -> None:
    for message in _received(task, ports.batch_queue, fuse, name=key_in):
        try:
            take_up(message.body, ports=ports, worker=_worker(fuse), limits=Limits())
        except BackingServiceError:
            continue
        ports.batch_queue.delete(message)


def key_in(body: str) -> str:
    """Return the key of the table that a message tells of; empty where it tells of none."""
    return next((table.key for table in read_notification(body).tables), "")


def names_in(body: str) -> tuple[str, ...]:
    """Return the job or the tables that a message of either queue is about."""
    try:
        return (read_message(body).job_id,)
    except UnreadableMessageError:
        return tuple(table.key for table in read_notification(body).tables)


def _bury(task: Task, ports: WorldPorts, fuse: Fuse, tell: Tell, *, queue: WorkQueue) -> None:
    for message in _received(task, queue, fuse, name=lambda body: f"dead {body}"):
        tell("dead", message.body)
        try:
            bury_letter(
                message.body,
                problem=GIVEN_UP,
                jobs=ports.jobs,
                objects=ports.objects,
                usage=ports.usage,
                clock=ports.clock,
            )
        except BackingServiceError:
            continue
        queue.delete(message)


def _bury_explain(task: Task, ports: WorldPorts, fuse: Fuse, tell: Tell) -> None:
    _bury(task, ports, fuse, tell, queue=ports.explain_dead)


def _bury_batch(task: Task, ports: WorldPorts, fuse: Fuse, tell: Tell) -> None:
    _bury(task, ports, fuse, tell, queue=ports.batch_dead)


def _sweep(task: Task, ports: WorldPorts, fuse: Fuse, _tell: Tell) -> None:
    fuse.arm(task.kills.draw(f"sweep {task.round_number}", 1))
    sweep_jobs(
        GIVEN_UP,
        jobs=ports.jobs,
        objects=ports.objects,
        usage=ports.usage,
        explain_queue=ports.explain_queue,
        batch_queue=ports.batch_queue,
        clock=ports.clock,
    )


_TASKS: Final[Mapping[Kind, Callable[[Task, WorldPorts, Fuse, Tell], None]]] = {
    "submit": _submit,
    "explain": _explain,
    "batch": _batch,
    "bury explain": _bury_explain,
    "bury batch": _bury_batch,
    "sweep": _sweep,
}

__all__ = ["KilledError", "Task", "names_in", "perform"]
