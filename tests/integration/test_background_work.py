"""What the local gateway runs beside HTTP: queues, timers, news of the bucket, a state machine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from whybox.adapters.local.sqlite_batches import SqliteBatches
from whybox.adapters.local.sqlite_queue import SqliteQueue
from whybox.adapters.local.system_clock import SystemClock
from whybox.local.server import running_gateway
from whybox.settings import Settings

StartGateway = Callable[..., Any]
Notes = list[dict[str, Any]]

TENANT = "a" * 64


@pytest.fixture
def home(small_stack: Path, tmp_path: Path) -> Iterator[Path]:
    """A home of its own, served."""
    with running_gateway(Settings(home=tmp_path), template=small_stack):
        yield tmp_path


def send(home: Path, queue: str = "Work", **order: Any) -> None:
    SqliteQueue(home / "queues.sqlite3", queue, clock=SystemClock()).send(json.dumps(order))


def read_notes(home: Path) -> Notes:
    path = home / "notes.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(home: Path, is_there: Callable[[Notes], Any], *, seconds: float = 20) -> Notes:
    """Return the notes as soon as they are as they should be."""
    deadline = time.monotonic() + seconds
    while not is_there(notes := read_notes(home)):
        assert time.monotonic() < deadline, [note.get("order", note["by"]) for note in notes]
        time.sleep(0.05)
    return notes


def worked(notes: Notes, do: str) -> Notes:
    return [note for note in notes if note["by"] == "worker" and note["order"].get("do") == do]


def witnessed(notes: Notes, source: str) -> Notes:
    """Return the records the witness was called with, of one queue."""
    records = [
        record for note in notes if note["by"] == "witness" for record in note["event"].get("Records", ())
    ]
    return [record for record in records if record["eventSourceARN"].endswith(f":{source}")]


def test_a_message_is_an_event_of_sqs_and_is_gone_when_it_is_done(home: Path) -> None:
    send(home, do="well")

    (note,) = wait_for(home, lambda notes: worked(notes, "well"))[-1:]
    record = note["record"]
    assert json.loads(record["body"]) == {"do": "well"}
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:000000000000:Work"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(record["attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    time.sleep(2)
    assert len(worked(read_notes(home), "well")) == 1


def test_a_message_that_fails_comes_back_alone_and_at_last_is_a_dead_letter(home: Path) -> None:
    for do in ("well", "fail", "well"):
        send(home, do=do)

    notes = wait_for(home, lambda notes: witnessed(notes, "DeadLetters"))

    assert [note["record"]["attributes"]["ApproximateReceiveCount"] for note in worked(notes, "fail")] == [
        "1",
        "2",
        "3",
    ]
    assert len(worked(notes, "well")) == 2
    (dead,) = witnessed(notes, "DeadLetters")
    assert json.loads(dead["body"]) == {"do": "fail"}
    assert dead["messageId"] == worked(notes, "fail")[0]["record"]["messageId"]


def test_a_message_whose_process_dies_is_tried_as_often_and_the_queue_goes_on(home: Path) -> None:
    send(home, do="crash")
    wait_for(home, lambda notes: worked(notes, "crash"))
    send(home, do="well")

    notes = wait_for(home, lambda notes: witnessed(notes, "DeadLetters"))

    assert len(worked(notes, "crash")) == 3
    assert len({note["pid"] for note in worked(notes, "crash")}) == 3
    assert worked(notes, "well")


def test_no_more_calls_of_a_function_run_at_once_than_the_template_says(home: Path) -> None:
    for number in range(4):
        send(home, do="nap", number=number)
        time.sleep(0.6)  # so that each is received alone

    notes = wait_for(home, lambda notes: len([n for n in notes if n["by"] == "napper"]) == 4)

    assert len({note["pid"] for note in worked(notes, "nap")}) <= 2


def test_a_timer_is_due_soon_after_the_start_and_says_what_time_it_is(home: Path) -> None:
    notes = wait_for(home, lambda notes: [n for n in notes if n["event"].get("source") == "aws.events"])

    (event,) = [note["event"] for note in notes if "source" in note["event"]]
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/WitnessOften"]


def test_a_file_dropped_into_the_folder_is_told_of_once_as_s3_tells_of_it(home: Path) -> None:
    folder = home / "bucket" / "batch" / TENANT
    folder.mkdir(parents=True)
    (folder / "a b+ü.csv").write_text("x,y\n1,2\n")
    (folder / "a b+ü.json").write_text("{}")
    (home / "bucket" / "elsewhere.csv").write_text("x,y\n1,2\n")

    notes = wait_for(home, lambda notes: witnessed(notes, "News"))
    time.sleep(2.5)

    (record,) = witnessed(read_notes(home), "News")
    (news,) = json.loads(record["body"])["Records"]
    assert notes
    assert (news["eventSource"], news["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert news["s3"]["object"]["key"] == f"batch/{TENANT}/a+b%2B%C3%BC.csv"
    assert news["s3"]["object"]["size"] == 8
    assert news["s3"]["object"]["versionId"]
    (folder / "a b+ü.csv").write_text("x,y\n3,4\n5,6\n")
    notes = wait_for(home, lambda notes: len(witnessed(notes, "News")) == 2)
    first, second = (json.loads(it["body"])["Records"][0]["s3"]["object"] for it in witnessed(notes, "News"))
    assert first["versionId"] != second["versionId"]
    assert first["sequencer"] < second["sequencer"]


def test_a_batch_goes_through_the_state_machine_its_items_side_by_side(home: Path) -> None:
    SqliteBatches(home / "batches.sqlite3").start(
        "j-1", payload=json.dumps({"do": "nap", "items": [3, 1, 2]})
    )

    notes = wait_for(home, lambda notes: [n for n in notes if "results" in n.get("event", {})])

    (told,) = [note["event"] for note in notes if "results" in note.get("event", {})]
    assert told["items"] == [3, 1, 2]
    assert [result["pid"] for result in told["results"]] == [
        next(note["pid"] for note in worked(notes, "nap") if note["order"]["item"] == item)
        for item in (3, 1, 2)
    ]
    assert len({result["pid"] for result in told["results"]}) == min(3, os.cpu_count() or 1)
    wait_until_ended(home)


@pytest.mark.parametrize(
    ("do", "n_calls", "error"), [("raise", 1, "HopelessError"), ("crash", 3, "Runtime.ExitError")]
)
def test_an_item_that_fails_is_tried_as_the_definition_says_and_then_caught(
    home: Path, do: str, n_calls: int, error: str
) -> None:
    SqliteBatches(home / "batches.sqlite3").start("j-1", payload=json.dumps({"do": do, "items": [1]}))

    notes = wait_for(home, lambda notes: [n for n in notes if "failure" in n.get("event", {})])

    (told,) = [note["event"] for note in notes if "failure" in note.get("event", {})]
    assert told["failure"]["Error"] == "States.ExceedToleratedFailureThreshold"
    assert error in told["failure"]["Cause"]
    assert len(worked(notes, do)) == n_calls
    wait_until_ended(home)


def wait_until_ended(home: Path) -> None:
    deadline = time.monotonic() + 10
    while SqliteBatches(home / "batches.sqlite3").open_batches():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_restart_goes_on_with_what_was_queued_and_what_was_at_work(
    start_gateway: StartGateway, small_stack: Path, tmp_path: Path, *, is_killed: bool
) -> None:
    first = start_gateway(tmp_path, template=small_stack)
    send(tmp_path, "LongWork", do="sleep")
    (note,) = wait_for(tmp_path, lambda notes: worked(notes, "sleep"))[-1:]
    worker = psutil.Process(note["pid"])
    started = time.monotonic()

    if is_killed:
        first.kill()
    else:
        assert first.end() == 0
        assert time.monotonic() - started < 15

    assert psutil.wait_procs([worker], timeout=5)[1] == []
    start_gateway(tmp_path, template=small_stack)
    notes = wait_for(tmp_path, lambda notes: len(worked(notes, "sleep")) == 2)
    counts = [note["record"]["attributes"]["ApproximateReceiveCount"] for note in worked(notes, "sleep")]
    assert counts == (["1", "2"] if is_killed else ["1", "1"])  # the gateway's own end counts for nothing


def test_a_batch_that_was_cut_off_is_run_again_by_the_next_gateway(
    start_gateway: StartGateway, small_stack: Path, tmp_path: Path
) -> None:
    first = start_gateway(tmp_path, template=small_stack)
    SqliteBatches(tmp_path / "batches.sqlite3").start(
        "j-1", payload=json.dumps({"do": "nap", "items": [1, 2]})
    )
    wait_for(tmp_path, lambda notes: worked(notes, "nap"))
    first.kill()

    start_gateway(tmp_path, template=small_stack)

    notes = wait_for(tmp_path, lambda notes: [n for n in notes if "results" in n.get("event", {})])
    assert len(worked(notes, "nap")) >= 3
    wait_until_ended(tmp_path)


def test_requests_are_answered_while_functions_work_behind_queues(
    start_gateway: StartGateway, small_stack: Path, tmp_path: Path
) -> None:
    gateway = start_gateway(tmp_path, template=small_stack)
    for _ in range(4):
        send(tmp_path, "LongWork", do="sleep")
    wait_for(tmp_path, lambda notes: worked(notes, "sleep"))

    assert httpx.get(f"{gateway.url}/read").status_code == 200
