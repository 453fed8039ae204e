"""What every reply store promises: one first outcome per key, given again byte for byte, to its owner only.

A new adapter is one more entry of ``ADAPTERS``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.contract.emulated_aws import emulated_aws

from whybox.adapters.aws.dynamodb_replies import DynamodbReplies
from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.errors import IdempotencyInProgressError, IdempotencyKeyReusedError, RepliesUnavailableError
from whybox.ports import RECEIPT_RETENTION, REPLY_RETENTION, ReplyStore, StoredReply

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
REPLY = StoredReply(
    status=200, headers=(("content-type", "application/json"), ("x-name", "é")), body=bytes(range(256))
)


@dataclass(frozen=True)
class Stores:
    """Stores on the same rows: each call is another process's view of them."""

    connect: Callable[[], ReplyStore]
    break_down: Callable[[], None]


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    path = folder / "replies.sqlite3"
    yield Stores(lambda: SqliteReplies(path), lambda: path.mkdir(parents=True))


@contextmanager
def dynamodb_stores(_folder: Path) -> Iterator[Stores]:
    with emulated_aws() as aws:
        table = aws.create_table("UsageTable")
        yield Stores(
            lambda: DynamodbReplies(aws.client("dynamodb"), table),
            lambda: aws.client("dynamodb").delete_table(TableName=table),
        )


ADAPTERS = {"sqlite": sqlite_stores, "dynamodb": dynamodb_stores}


@pytest.fixture(params=ADAPTERS)
def stores(request, tmp_path) -> Iterator[Stores]:
    with ADAPTERS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def store(stores) -> ReplyStore:
    return stores.connect()


def begin(
    store: ReplyStore, tenant="t", route="POST /a", key="k", *, fingerprint="f", now=NOW
) -> StoredReply | None:
    return store.begin(tenant, route=route, key=key, fingerprint=fingerprint, lease_seconds=60, now=now)


def complete(store: ReplyStore, reply: StoredReply = REPLY, *, now: datetime = NOW) -> None:
    store.complete("t", route="POST /a", key="k", reply=reply, now=now)


def test_the_first_request_claims_the_key(store):
    assert begin(store) is None


def test_while_the_first_request_runs_the_next_is_told_to_wait(store):
    begin(store)

    with pytest.raises(IdempotencyInProgressError):
        begin(store)


def test_the_stored_reply_comes_back_byte_for_byte(stores):
    begin(stores.connect())
    complete(stores.connect())

    assert begin(stores.connect()) == REPLY
    assert begin(stores.connect()) == REPLY


@pytest.mark.parametrize("n_bytes", [0, 3_000_000])
def test_a_reply_of_any_size_comes_back(store, n_bytes):
    reply = StoredReply(status=200, headers=(), body=random.Random(3).randbytes(n_bytes))  # noqa: S311 - not a secret
    begin(store)
    complete(store, reply)

    assert begin(store) == reply


@pytest.mark.parametrize("is_complete", [True, False])
def test_another_request_under_the_key_is_refused(store, is_complete):
    begin(store)
    if is_complete:
        complete(store)

    with pytest.raises(IdempotencyKeyReusedError):
        begin(store, fingerprint="another")


@pytest.mark.parametrize(
    ("tenant", "route", "key"),
    [("other", "POST /a", "k"), ("t", "POST /b", "k"), ("t", "POST /a", "K"), ("t", "POST /a", "k ")],
)
def test_a_reply_is_seen_by_its_tenant_route_and_key_only(store, tenant, route, key):
    begin(store)
    complete(store)

    assert begin(store, tenant, route, key, fingerprint="another") is None


def test_an_abandoned_key_is_free_again(store):
    begin(store)
    store.abandon("t", route="POST /a", key="k")

    assert begin(store, fingerprint="another") is None


def test_an_outcome_cannot_be_abandoned_or_replaced(store):
    begin(store)
    complete(store)

    store.abandon("t", route="POST /a", key="k")
    complete(store, StoredReply(status=500, headers=(), body=b"late"))

    assert begin(store) == REPLY


def test_the_claim_of_a_killed_process_ends_with_its_lease(store):
    begin(store)

    with pytest.raises(IdempotencyInProgressError):
        begin(store, now=NOW + timedelta(seconds=59))
    assert begin(store, now=NOW + timedelta(seconds=61)) is None


def test_a_reply_outlives_every_receipt_of_its_charge(store):
    longest_receipt = timedelta(days=31) + RECEIPT_RETENTION
    begin(store)
    complete(store)

    assert longest_receipt < REPLY_RETENTION
    assert begin(store, now=NOW + longest_receipt) == REPLY
    assert begin(store, now=NOW + REPLY_RETENTION + timedelta(seconds=1)) is None


def test_of_fifty_at_once_one_claims_the_key(stores):
    views = [stores.connect() for _ in range(2)]

    def attempt(number: int) -> str:
        try:
            return "claimed" if begin(views[number % 2]) is None else "replayed"
        except IdempotencyInProgressError:
            return "waiting"

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(attempt, range(50)))

    assert outcomes.count("claimed") == 1
    assert outcomes.count("waiting") == 49


def test_a_store_that_fails_says_so_in_our_words(stores):
    stores.break_down()
    store = stores.connect()

    for attempt in (
        lambda: begin(store),
        lambda: complete(store),
        lambda: store.abandon("t", route="POST /a", key="k"),
    ):
        with pytest.raises(RepliesUnavailableError) as failure:
            attempt()
        assert failure.value.__cause__ is not None
