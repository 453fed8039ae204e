"""What a start sets right: nothing that was at work keeps a lease, and nothing that waits is lost."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from whybox.domain.jobs.jobs import new_job
from whybox.local.event_sources import EventSources, Queue
from whybox.local.restarts import set_right
from whybox.settings import Settings
from whybox.wiring import LocalPorts, connect_local

TENANT = "a" * 64
NOW = datetime.now(UTC)
EVENTS = EventSources({"Jobs": Queue("Jobs", 5400, None, 5)}, (), (), (), None)
JOB_LEASE_SECONDS = 5 * 86_400


@pytest.fixture
def ports(tmp_path: Path) -> LocalPorts:
    return connect_local(Settings(home=tmp_path))


def test_a_request_that_was_cut_off_is_refunded_and_a_job_that_is_queued_is_not(ports: LocalPorts) -> None:
    ports.usage.reserve(TENANT, receipt_id="request", lease_seconds=60, now=NOW)
    ports.usage.reserve(TENANT, receipt_id="job", lease_seconds=JOB_LEASE_SECONDS, now=NOW)

    set_right(ports, EVENTS)

    assert ports.usage.read(TENANT, now=NOW).used == 1
    ports.usage.commit(TENANT, receipt_id="job")


def test_a_message_that_was_being_worked_on_can_be_received_at_once(ports: LocalPorts) -> None:
    queue = ports.queue("Jobs")
    queue.send("job")
    queue.receive(max_messages=1, visibility_seconds=5400)
    assert queue.receive(max_messages=1, visibility_seconds=5400) == ()

    set_right(ports, EVENTS)

    (message,) = queue.receive(max_messages=1, visibility_seconds=5400)
    assert (message.body, message.n_receives) == ("job", 2)


def test_a_job_whose_worker_is_gone_is_free_and_one_of_an_open_batch_goes_on(ports: LocalPorts) -> None:
    for job_id in ("alone", "batch", "waits"):
        ports.jobs.create(new_job(TENANT, job_id, door="queue", document={}, now=NOW))
    for job_id in ("alone", "batch"):
        ports.jobs.claim(TENANT, job_id, lease_seconds=3600, now=NOW)
    ports.batches.start("batch-1", payload=json.dumps({}))

    set_right(ports, EVENTS)

    statuses = {job_id: ports.jobs.read(TENANT, job_id).status for job_id in ("alone", "batch", "waits")}
    assert statuses == {"alone": "queued", "batch": "running", "waits": "queued"}
    assert ports.jobs.claim(TENANT, "alone", lease_seconds=60, now=NOW).is_won


def test_half_an_upload_is_removed(ports: LocalPorts, tmp_path: Path) -> None:
    draft = tmp_path / "bucket.drafts" / "0123"
    draft.parent.mkdir()
    draft.write_bytes(b"half of it")

    set_right(ports, EVENTS)

    assert not draft.exists()


def test_a_first_start_finds_nothing_to_set_right(ports: LocalPorts) -> None:
    set_right(ports, EVENTS)
