"""What every queue promises: each message until it is deleted, to one receiver at a time, and dead letters.

A new adapter is one more entry of ``ADAPTERS``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from tests.contract.clocks import MovableClock
from tests.contract.emulated_aws import Faults, emulated_aws, faults_in_order, no_faults

from whybox.adapters.aws.sqs_queue import SqsQueue
from whybox.adapters.local.sqlite_queue import SqliteQueue
from whybox.errors import DependencyUnavailableError
from whybox.job_ports import MAX_MESSAGE_BYTES, Message, WorkQueue

MAX_RECEIVES = 3
VISIBILITY = 60


@dataclass(frozen=True)
class Queues:
    """Views of one queue, and of the queue of its dead letters."""

    connect: Callable[..., WorkQueue]
    dead_letters: WorkQueue
    clock: MovableClock
    break_down: Callable[[], None]


@contextmanager
def sqlite_queues() -> Iterator[Queues]:
    with TemporaryDirectory() as folder:
        path, clock = Path(folder) / "queues.sqlite3", MovableClock()

        def connect(faults: Faults = no_faults) -> SqliteQueue:
            return SqliteQueue(path, "heavy", clock=clock, dead_letters="dead", max_receives=MAX_RECEIVES)

        def break_down() -> None:
            path.write_bytes(b"this is no database, and long " * 100)

        yield Queues(connect, SqliteQueue(path, "dead", clock=clock), clock, break_down)


@contextmanager
def sqs_queues() -> Iterator[Queues]:
    clock = MovableClock()
    with (
        emulated_aws() as aws,
        patch("moto.sqs.models.unix_time_millis", lambda: clock.now().timestamp() * 1000),
    ):
        client = aws.client("sqs")
        dead = client.create_queue(QueueName="dead")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
        url = client.create_queue(QueueName="heavy", Attributes={"RedrivePolicy": redrive})["QueueUrl"]

        def connect(faults: Faults = no_faults) -> SqsQueue:
            return SqsQueue(aws.client("sqs", faults=faults), url)

        yield Queues(connect, SqsQueue(client, dead), clock, lambda: client.delete_queue(QueueUrl=url))


ADAPTERS = {"sqlite": sqlite_queues, "sqs": sqs_queues}


@pytest.fixture(params=ADAPTERS)
def queues(request) -> Iterator[Queues]:
    with ADAPTERS[request.param]() as opened:
        yield opened


@pytest.fixture
def queue(queues) -> WorkQueue:
    return queues.connect()


def receive(queue: WorkQueue, n: int = 10) -> tuple[Message, ...]:
    return queue.receive(max_messages=n, visibility_seconds=VISIBILITY)


def receive_all(queue: WorkQueue) -> list[Message]:
    """Receive until nothing more comes (SQS may give fewer at a time than there are)."""
    found: list[Message] = []
    while messages := receive(queue):
        found += messages
    return found


def test_what_was_sent_is_received_as_it_was(queue):
    body = json.dumps({"job_id": "j", "text": 'ü "quoted" <&> \U0001f600'})
    queue.send(body)

    (message,) = receive(queue)

    assert (message.body, message.n_receives) == (body, 1)
    assert message.message_id
    assert message.receipt


def test_an_empty_queue_answers_at_once_with_nothing(queue):
    assert receive(queue) == ()


def test_a_message_is_hidden_while_somebody_has_it_and_comes_back_until_it_is_deleted(queues, queue):
    queue.send("work")
    (first,) = receive(queue)
    assert receive(queue) == ()

    queues.clock.advance(VISIBILITY + 1)
    (second,) = receive(queue)
    assert (second.message_id, second.n_receives) == (first.message_id, 2)

    queue.delete(second)
    queues.clock.advance(10 * VISIBILITY)
    assert receive(queue) == ()


def test_deleting_what_is_gone_is_no_error(queue):
    queue.send("work")
    (message,) = receive(queue)

    queue.delete(message)
    queue.delete(message)
    queue.change_visibility(message, seconds=0)

    assert receive(queue) == ()


def test_a_receiver_may_keep_a_message_for_longer(queues, queue):
    queue.send("work")
    (message,) = receive(queue)
    queue.change_visibility(message, seconds=3 * VISIBILITY)

    queues.clock.advance(2 * VISIBILITY)
    assert receive(queue) == ()
    queues.clock.advance(VISIBILITY + 1)
    assert len(receive(queue)) == 1


def test_a_receiver_may_give_a_message_back(queue):
    queue.send("work")
    (message,) = receive(queue)

    queue.change_visibility(message, seconds=0)

    assert [again.n_receives for again in receive(queue)] == [2]


def test_no_more_messages_come_than_were_asked_for(queue):
    for number in range(12):
        queue.send(str(number))

    assert len(receive(queue, 1)) == 1
    assert 1 <= len(receive(queue, 10)) <= 10
    receive_all(queue)
    assert receive(queue) == ()


def test_a_message_that_nobody_finishes_becomes_a_dead_letter(queues, queue):
    queue.send("crashes")
    queue.send("works")
    for attempt in range(1, MAX_RECEIVES + 1):
        for message in receive_all(queue):
            assert message.n_receives == attempt
            if message.body == "works":
                queue.delete(message)
        assert receive(queues.dead_letters) == ()
        queues.clock.advance(VISIBILITY + 1)

    assert receive(queue) == ()
    assert [letter.body for letter in receive(queues.dead_letters)] == ["crashes"]
    queues.clock.advance(VISIBILITY + 1)
    (letter,) = receive(queues.dead_letters)
    queues.dead_letters.delete(letter)
    queues.clock.advance(VISIBILITY + 1)
    assert receive(queues.dead_letters) == ()


def test_fifty_receivers_at_once_share_the_messages_without_one_getting_anothers(queues):
    views = [queues.connect() for _ in range(4)]
    for number in range(40):
        views[0].send(str(number))

    with ThreadPoolExecutor(50) as pool:
        taken = [m for some in pool.map(lambda n: receive(views[n % 4], 1), range(50)) for m in some]

    assert Counter(message.body for message in taken) == Counter(str(number) for number in range(40))
    assert len({message.receipt for message in taken}) == 40


@pytest.mark.parametrize("fault", ["lost request", "lost answer", "throttled"])
def test_a_message_is_never_lost_on_its_way(queues, fault):
    queues.connect(faults=faults_in_order(fault)).send("work")

    bodies = [m.body for m in receive(queues.connect(faults=faults_in_order(fault)))]
    queues.clock.advance(VISIBILITY + 1)
    again = receive_all(queues.connect())

    assert set(bodies) <= {"work"}
    assert {message.body for message in again} == {"work"}
    for message in again:
        queues.connect(faults=faults_in_order(fault)).delete(message)
    queues.clock.advance(VISIBILITY + 1)
    assert receive(queues.connect()) == ()


def test_a_message_larger_than_a_queue_takes_is_never_sent(queue):
    queue.send("x" * MAX_MESSAGE_BYTES)
    with pytest.raises(ValueError, match="larger than a queue takes"):
        queue.send("ü" * (MAX_MESSAGE_BYTES // 2 + 1))

    assert [len(message.body) for message in receive(queue)] == [MAX_MESSAGE_BYTES]


def test_a_queue_that_is_down_is_said_to_be_unavailable(queues):
    queues.connect().send("work")
    (message,) = receive(queues.connect())
    queues.break_down()
    queue = queues.connect()

    for call in (
        lambda: queue.send("more"),
        lambda: receive(queue),
        lambda: queue.delete(message),
        lambda: queue.change_visibility(message, seconds=1),
    ):
        with pytest.raises(DependencyUnavailableError) as caught:
            call()
        assert caught.value.__cause__ is not None
