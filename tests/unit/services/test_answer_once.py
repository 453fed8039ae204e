"""Repeats under an Idempotency-Key: one execution, the same bytes, and a free key after a failure."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.errors import IdempotencyInProgressError, IdempotencyKeyReusedError
from whybox.ports import StoredReply
from whybox.services.answer_once import KeyedRequest, answer_once

NOW = datetime(2026, 11, 20, tzinfo=UTC)


class StoppedClock:
    def now(self) -> datetime:
        return NOW


class Work:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.n_calls = 0

    def __call__(self) -> StoredReply:
        self.n_calls += 1
        return StoredReply(201, (("content-type", "text/plain"),), str(self.n_calls).encode())


@pytest.fixture
def replies(tmp_path) -> SqliteReplies:
    return SqliteReplies(tmp_path / "replies")


def ask(replies, work, *, key="k", tenant="ada", route="POST /x", fingerprint="f"):
    request = KeyedRequest(tenant, route, fingerprint, key)
    return answer_once(request, work, replies=replies, clock=StoppedClock(), lease_seconds=60)


def test_a_repeat_is_not_executed_and_gets_the_same_reply(replies):
    work = Work()

    first, again = ask(replies, work), ask(replies, work)

    assert (first.is_replay, again.is_replay) == (False, True)
    assert again.reply == first.reply
    assert work.n_calls == 1


def test_without_a_key_every_request_is_executed(replies):
    work = Work()

    assert [ask(replies, work, key=None).reply.body for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("change", [{"tenant": "eve"}, {"route": "POST /y"}, {"key": "other"}])
def test_a_key_is_one_tenants_and_one_routes(replies, change):
    work = Work()
    ask(replies, work)

    assert not ask(replies, work, **change).is_replay


def test_a_key_with_another_request_is_refused(replies):
    ask(replies, Work())

    with pytest.raises(IdempotencyKeyReusedError):
        ask(replies, Work(), fingerprint="g")


def test_a_failure_leaves_the_key_free(replies):
    def fail() -> StoredReply:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ask(replies, fail)

    assert ask(replies, Work()).reply.body == b"1"


def test_of_many_at_once_one_is_executed_and_none_gets_another_answer(replies):
    work, barrier = Work(), threading.Barrier(8)
    answers: list[bytes] = []

    def run() -> None:
        barrier.wait()
        try:
            answers.append(ask(replies, work).reply.body)
        except IdempotencyInProgressError:
            answers.append(b"in progress")

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert work.n_calls == 1
    assert set(answers) <= {b"1", b"in progress"}
    assert b"1" in answers
