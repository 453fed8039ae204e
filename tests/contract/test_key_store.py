"""What every store of API keys promises: a key is found as it was added, and stays revoked once it is.

A new adapter is one more entry of ``ADAPTERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.contract.emulated_aws import emulated_aws

from whybox.adapters.aws.dynamodb_accounts import DynamodbKeys
from whybox.adapters.local.sqlite_keys import SqliteKeys
from whybox.errors import DependencyUnavailableError
from whybox.ports import ApiKey, KeyStore

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
KEY = ApiKey(
    key_id="AbCdEf012345",
    tenant="t",
    issuer="whybox",
    subject="ada",
    name="laptop",
    scopes=frozenset({"explain:write", "jobs:read"}),
    digest="d" * 64,
    created_at=NOW,
    expires_at=NOW + timedelta(days=365),
)


@dataclass(frozen=True)
class Stores:
    """Stores on the same rows: each call is another process's view of them."""

    connect: Callable[[], KeyStore]
    break_down: Callable[[], None]


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    path = folder / "keys.sqlite3"

    def break_down() -> None:
        path.write_bytes(b"this is no database, and longer than a header " * 100)

    yield Stores(lambda: SqliteKeys(path), break_down)


@contextmanager
def dynamodb_stores(_folder: Path) -> Iterator[Stores]:
    with emulated_aws() as aws:
        table = aws.create_table("AccountsTable")
        yield Stores(
            lambda: DynamodbKeys(aws.client("dynamodb"), table),
            lambda: aws.client("dynamodb").delete_table(TableName=table),
        )


ADAPTERS = {"sqlite": sqlite_stores, "dynamodb": dynamodb_stores}


@pytest.fixture(params=ADAPTERS)
def stores(request, tmp_path) -> Iterator[Stores]:
    with ADAPTERS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def store(stores) -> KeyStore:
    return stores.connect()


def test_a_key_is_found_by_its_id_as_it_was_added(stores):
    stores.connect().add(KEY)

    assert stores.connect().find(KEY.key_id) == KEY


def test_an_id_that_was_never_given_out_is_nobodys(store):
    store.add(KEY)

    assert store.find("000000000000") is None


@pytest.mark.parametrize("other", ["abcdef012345", "ABCDEF012345", "AbCdEf01234", "AbCdEf012345 ", "%", "*"])
def test_an_id_is_compared_letter_by_letter(store, other):
    store.add(KEY)

    assert store.find(other) is None
    assert not store.revoke(other, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": frozenset()},
        {"name": ""},
        {"subject": "../#\0|\u200b😀 ' OR 1=1 --"},
        {"name": "ada's, key; \N{DESERT ISLAND}"},
        {"revoked_at": NOW + timedelta(days=1)},
    ],
)
def test_whatever_a_key_says_comes_back_unchanged(store, changes):
    key = replace(KEY, **changes)
    store.add(key)

    assert store.find(key.key_id) == key


def test_a_moment_is_the_same_moment_whatever_zone_it_was_written_in(store):
    store.add(replace(KEY, created_at=NOW.astimezone(ZoneInfo("Asia/Tokyo"))))

    assert store.find(KEY.key_id) == KEY


def test_an_id_that_is_taken_is_never_overwritten(store):
    store.add(KEY)

    with pytest.raises(DependencyUnavailableError):
        store.add(replace(KEY, tenant="thief", subject="thief"))

    assert store.find(KEY.key_id) == KEY


def test_a_revoked_key_is_seen_as_such_by_everybody_at_once(stores):
    views = [stores.connect() for _ in range(2)]
    views[0].add(KEY)
    assert views[1].find(KEY.key_id) == KEY

    assert views[0].revoke(KEY.key_id, now=NOW)

    assert views[1].find(KEY.key_id) == replace(KEY, revoked_at=NOW)


def test_the_first_revocation_stands(store):
    store.add(KEY)
    store.revoke(KEY.key_id, now=NOW)

    assert store.revoke(KEY.key_id, now=NOW + timedelta(days=1))

    found = store.find(KEY.key_id)
    assert found is not None
    assert found.revoked_at == NOW


def test_only_the_key_that_is_named_is_revoked(store):
    store.add(KEY)
    store.add(replace(KEY, key_id="another00000"))

    store.revoke(KEY.key_id, now=NOW)

    assert store.find("another00000") == replace(KEY, key_id="another00000")


def test_keys_are_listed_in_the_order_they_were_made_by_tenant_or_all(store):
    later = replace(KEY, key_id="000000000000", created_at=NOW + timedelta(seconds=1))
    other = replace(KEY, key_id="another00000", tenant="u", created_at=NOW + timedelta(seconds=2))
    for key in (other, later, KEY):
        store.add(key)

    assert list(store.of_tenant("t")) == [KEY, later]
    assert list(store.of_tenant("u")) == [other]
    assert list(store.of_tenant("nobody")) == []
    assert list(store.of_tenant(None)) == [KEY, later, other]


def test_many_keys_made_at_once_are_all_kept(stores):
    views = [stores.connect() for _ in range(4)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: views[n % 4].add(replace(KEY, key_id=f"{n:012}")), range(40)))

    assert len(views[0].of_tenant("t")) == 40


def test_a_store_that_fails_says_so_in_our_words(stores):
    stores.break_down()
    store = stores.connect()

    for attempt in (
        lambda: store.add(KEY),
        lambda: store.find(KEY.key_id),
        lambda: store.of_tenant("t"),
        lambda: store.revoke(KEY.key_id, now=NOW),
    ):
        with pytest.raises(DependencyUnavailableError) as failure:
            attempt()
        assert failure.value.__cause__ is not None
