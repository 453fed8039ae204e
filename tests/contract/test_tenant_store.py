"""What every store of tenants promises: who was shut out is shut out for everybody, until let in again.

A new adapter is one more entry of ``ADAPTERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.contract.emulated_aws import emulated_aws

from whybox.adapters.aws.dynamodb_accounts import DynamodbTenants
from whybox.adapters.local.sqlite_tenants import SqliteTenants
from whybox.errors import DependencyUnavailableError
from whybox.ports import TenantStore


@dataclass(frozen=True)
class Stores:
    """Stores on the same rows: each call is another process's view of them."""

    connect: Callable[[], TenantStore]
    break_down: Callable[[], None]


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Stores]:
    path = folder / "tenants.sqlite3"

    def break_down() -> None:
        path.write_bytes(b"this is no database, and longer than a header " * 100)

    yield Stores(lambda: SqliteTenants(path), break_down)


@contextmanager
def dynamodb_stores(_folder: Path) -> Iterator[Stores]:
    with emulated_aws() as aws:
        table = aws.create_table("AccountsTable")
        yield Stores(
            lambda: DynamodbTenants(aws.client("dynamodb"), table),
            lambda: aws.client("dynamodb").delete_table(TableName=table),
        )


ADAPTERS = {"sqlite": sqlite_stores, "dynamodb": dynamodb_stores}


@pytest.fixture(params=ADAPTERS)
def stores(request, tmp_path) -> Iterator[Stores]:
    with ADAPTERS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def store(stores) -> TenantStore:
    return stores.connect()


def test_nobody_is_shut_out_until_told(store):
    assert not store.is_disabled("a")


def test_everybody_sees_at_once_who_is_shut_out_and_who_is_let_in_again(stores):
    views = [stores.connect() for _ in range(2)]
    views[0].disable("a")
    assert views[1].is_disabled("a")

    views[1].enable("a")
    assert not views[0].is_disabled("a")


@pytest.mark.parametrize("other", ["b", "A", "a ", "aa", "", "%"])
def test_only_the_tenant_that_is_named_is_shut_out(store, other):
    store.disable("a")

    assert not store.is_disabled(other)


def test_letting_one_in_lets_in_nobody_else(store):
    store.disable("a")
    store.disable("b")

    store.enable("a")

    assert not store.is_disabled("a")
    assert store.is_disabled("b")


def test_shutting_out_twice_is_undone_by_letting_in_once(store):
    store.disable("a")
    store.disable("a")
    store.enable("a")
    store.enable("a")

    assert not store.is_disabled("a")


def test_a_store_that_fails_says_so_in_our_words(stores):
    stores.break_down()
    store = stores.connect()

    for attempt in (store.is_disabled, store.disable, store.enable):
        with pytest.raises(DependencyUnavailableError) as failure:
            attempt("a")
        assert failure.value.__cause__ is not None
