"""What every store of uploads promises: few open links at once, one first arrival, and nothing of others.

A new adapter is one more entry of ``ADAPTERS``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.contract.emulated_aws import Faults, emulated_aws, faults_in_order, no_faults

from whybox.adapters.aws.dynamodb_uploads import DynamodbUploads
from whybox.adapters.local.sqlite_uploads import SqliteUploads
from whybox.domain.jobs.uploads import UPLOAD_RETENTION, Announcement, Arrival
from whybox.errors import DependencyUnavailableError, TooManyPendingUploadsError, UploadNotFoundError
from whybox.job_ports import UploadStore

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
TENANT, OTHER = "a" * 64, "b" * 64
ARRIVAL = Arrival("v1", 124_000, "d" * 64)


def announcement(tenant: str = TENANT, *, now: datetime = NOW, sha256: str | None = None) -> Announcement:
    return Announcement(
        tenant=tenant,
        upload_id=uuid.uuid4().hex,
        filename="Grüße & co.csv",
        n_bytes=124_000,
        content_type="text/csv",
        sha256=sha256,
        created_at=now,
        expires_at=now + timedelta(seconds=300),
    )


@dataclass(frozen=True)
class Stores:
    """Stores on the same rows: each call is another process's view of them."""

    connect: Callable[[], UploadStore]
    break_down: Callable[[], None]


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    path = folder / "uploads.sqlite3"
    yield Stores(
        lambda: SqliteUploads(path),
        lambda: path.write_bytes(b"this is no database, and longer than a header " * 100) and None,
    )


@contextmanager
def dynamodb_stores(_folder: Path) -> Iterator[Stores]:
    with emulated_aws() as aws:
        table = aws.create_table("JobsTable")
        yield Stores(
            lambda: DynamodbUploads(aws.client("dynamodb"), table),
            lambda: aws.client("dynamodb").delete_table(TableName=table),
        )


ADAPTERS = {"sqlite": sqlite_stores, "dynamodb": dynamodb_stores}


@pytest.fixture(params=ADAPTERS)
def stores(request, tmp_path) -> Iterator[Stores]:
    with ADAPTERS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def store(stores) -> UploadStore:
    return stores.connect()


@pytest.mark.parametrize("sha256", [None, "e" * 64])
def test_an_announcement_is_read_as_it_was_added(store, stores, sha256):
    added = announcement(sha256=sha256)

    store.add(added, max_pending=1)

    assert stores.connect().read(TENANT, added.upload_id) == added


def test_what_was_never_announced_and_what_another_announced_are_the_same_nothing(store):
    added = announcement()
    store.add(added, max_pending=1)

    for tenant, upload_id in ((TENANT, "nobody"), (OTHER, added.upload_id)):
        with pytest.raises(UploadNotFoundError):
            store.read(tenant, upload_id)
        with pytest.raises(UploadNotFoundError):
            store.mark_received(tenant, upload_id, ARRIVAL)


def test_only_so_many_links_are_open_at_once_and_the_refusal_says_for_how_long(store):
    for _ in range(3):
        store.add(announcement(), max_pending=3)

    with pytest.raises(TooManyPendingUploadsError) as refusal:
        store.add(announcement(now=NOW + timedelta(seconds=100)), max_pending=3)

    assert (refusal.value.limit, refusal.value.retry_after_seconds) == (3, 200)
    store.add(announcement(OTHER), max_pending=3)


def test_a_link_that_is_over_and_one_that_was_used_make_room(store):
    used, unused = announcement(), announcement()
    store.add(used, max_pending=2)
    store.add(unused, max_pending=2)

    store.mark_received(TENANT, used.upload_id, ARRIVAL)
    store.add(announcement(), max_pending=2)
    with pytest.raises(TooManyPendingUploadsError):
        store.add(announcement(), max_pending=2)
    store.add(announcement(now=unused.expires_at), max_pending=1)


def test_a_refused_announcement_is_not_there(store):
    store.add(announcement(), max_pending=1)
    refused = announcement()

    with pytest.raises(TooManyPendingUploadsError):
        store.add(refused, max_pending=1)

    with pytest.raises(UploadNotFoundError):
        store.read(TENANT, refused.upload_id)


def test_many_at_once_open_exactly_as_many_links_as_there_may_be(stores):
    def attempt(_number: int) -> int:
        try:
            stores.connect().add(announcement(), max_pending=5)
        except (TooManyPendingUploadsError, DependencyUnavailableError):
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(24))) == 5


def test_an_announcement_added_twice_is_one(store):
    added = announcement()

    store.add(added, max_pending=1)
    store.add(added, max_pending=1)

    assert store.read(TENANT, added.upload_id) == added


def test_the_first_arrival_stands(store, stores):
    added = announcement()
    store.add(added, max_pending=1)

    first = store.mark_received(TENANT, added.upload_id, ARRIVAL)
    second = stores.connect().mark_received(TENANT, added.upload_id, replace(ARRIVAL, version="v2"))

    assert first == second == store.read(TENANT, added.upload_id) == replace(added, arrival=ARRIVAL)


def test_an_arrival_may_learn_its_checksum_later_and_only_once(store):
    added = announcement()
    store.add(added, max_pending=1)
    store.mark_received(TENANT, added.upload_id, replace(ARRIVAL, sha256=None))

    store.mark_received(TENANT, added.upload_id, ARRIVAL)
    store.mark_received(TENANT, added.upload_id, replace(ARRIVAL, sha256="f" * 64))

    assert store.read(TENANT, added.upload_id).arrival == ARRIVAL


def test_a_tenants_uploads_are_forgotten_and_nobody_elses(store):
    mine, others = announcement(), announcement(OTHER)
    store.add(mine, max_pending=1)
    store.add(others, max_pending=1)

    assert store.delete_all(TENANT) == 1

    with pytest.raises(UploadNotFoundError):
        store.read(TENANT, mine.upload_id)
    assert store.read(OTHER, others.upload_id) == others
    store.add(announcement(), max_pending=1)


def test_a_store_that_is_down_is_our_own_error(stores):
    stores.break_down()
    store = stores.connect()

    for call in (
        lambda: store.add(announcement(), max_pending=1),
        lambda: store.read(TENANT, "u"),
        lambda: store.mark_received(TENANT, "u", ARRIVAL),
        lambda: store.delete_all(TENANT),
    ):
        with pytest.raises(DependencyUnavailableError):
            call()


def test_in_a_file_announcements_are_forgotten_when_their_time_is_over(tmp_path):
    store = SqliteUploads(tmp_path / "uploads.sqlite3")
    added = announcement()
    store.add(added, max_pending=1)

    store.add(announcement(OTHER, now=NOW + UPLOAD_RETENTION + timedelta(seconds=1)), max_pending=1)

    with pytest.raises(UploadNotFoundError):
        store.read(TENANT, added.upload_id)


@pytest.mark.parametrize("fault", ["lost request", "lost answer", "throttled"])
@pytest.mark.parametrize("n_before", range(3))
def test_a_call_to_aws_that_fails_once_has_taken_effect_once(fault, n_before):
    with emulated_aws() as aws:
        table = aws.create_table("JobsTable")

        def connect(faults: Faults = no_faults) -> UploadStore:
            return DynamodbUploads(aws.client("dynamodb", faults=faults), table)

        added = announcement()
        connect(faults_in_order(*[None] * n_before, fault)).add(added, max_pending=1)
        connect(faults_in_order(*[None] * n_before, fault)).mark_received(TENANT, added.upload_id, ARRIVAL)

        assert connect().read(TENANT, added.upload_id).arrival == ARRIVAL
        connect().add(announcement(), max_pending=1)


def test_aws_forgets_an_announcement_when_its_time_is_over():
    with emulated_aws() as aws:
        table = aws.create_table("JobsTable")
        store = DynamodbUploads(aws.client("dynamodb"), table)
        added = announcement()
        store.add(added, max_pending=1)

        aws.expire_items(table, now=added.expires_at + timedelta(days=1))
        assert store.read(TENANT, added.upload_id) == added
        aws.expire_items(table, now=NOW + UPLOAD_RETENTION + timedelta(days=1))
        with pytest.raises(UploadNotFoundError):
            store.read(TENANT, added.upload_id)
