"""What every object store promises: whole objects, versions that never change, nothing of another prefix.

A new adapter is one more entry of ``STORES``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from tests.contract.emulated_aws import faults_in_order
from tests.contract.object_stores import STORES, Stores

from whybox.domain.jobs.object_keys import batch_prefix, result_key, tenant_prefixes, upload_key
from whybox.errors import DependencyUnavailableError, ObjectNotFoundError
from whybox.job_ports import ObjectStore

ADA, BOB = "a" * 64, "b" * 64
KEY = result_key(ADA, "job-1", fence=1, name="result.json")


@pytest.fixture(params=STORES)
def stores(request) -> Iterator[Stores]:
    with STORES[request.param]() as opened:
        yield opened


@pytest.fixture
def store(stores) -> ObjectStore:
    return stores.connect()


def put(store: ObjectStore, key: str = KEY, content: bytes = b"{}") -> str:
    return store.put(key, content, content_type="application/json")


def test_what_was_put_is_what_is_read_and_what_is_known_of_it(store):
    version = put(store, content=b"\x00\xff{}")

    facts = store.head(KEY)

    assert store.get(KEY) == b"\x00\xff{}" == store.get(KEY, version=version)
    assert (facts.key, facts.version, facts.n_bytes) == (KEY, version, 4)
    assert facts.content_type == "application/json"
    assert facts.sha256 == hashlib.sha256(b"\x00\xff{}").hexdigest()
    assert abs((datetime.now(UTC) - facts.stored_at).total_seconds()) < 60


def test_an_object_may_be_empty(store):
    put(store, content=b"")

    assert store.get(KEY) == b""
    assert store.head(KEY).n_bytes == 0


def test_a_version_stays_what_it_was_when_another_follows(store):
    first, second = put(store, content=b"1"), put(store, content=b"2!")

    assert first != second
    assert (store.get(KEY), store.get(KEY, version=first), store.get(KEY, version=second)) == (
        b"2!",
        b"1",
        b"2!",
    )
    assert store.head(KEY).version == second
    assert store.head(KEY, version=first).n_bytes == 1


def test_the_same_bytes_put_twice_are_two_versions_of_one_object(store):
    versions = {put(store), put(store)}

    assert {store.get(KEY, version=version) for version in versions} == {b"{}"}
    assert [item.key for item in store.list("results/")] == [KEY]


@pytest.mark.parametrize(
    "missing", ["no/such/key", "results", f"{KEY}/below", "../outside", "a//b", "/etc/passwd", ""]
)
def test_a_key_that_has_no_object_is_not_found(store, missing):
    put(store)

    if missing:
        with pytest.raises(ObjectNotFoundError) as caught:
            store.get(missing)
        assert missing not in str(caught.value)
        with pytest.raises(ObjectNotFoundError):
            store.head(missing)


@pytest.mark.parametrize("version", ["0-0-0", "00000000-0000-4000-8000-000000000000", "../../x", "null"])
def test_a_version_that_is_not_there_is_not_found(store, version):
    put(store)

    for read in (store.get, store.head):
        with pytest.raises(ObjectNotFoundError):
            read(KEY, version=version)


def test_a_list_is_in_the_order_of_keys_and_holds_only_its_prefix(store):
    names = ["b.csv", "a.csv", "a/z.csv", "a b+ü%.csv", "ab.csv"]
    for name in names:
        put(store, batch_prefix(ADA) + name, name.encode())
    put(store, batch_prefix(BOB) + "theirs.csv")

    listed = list(store.list(batch_prefix(ADA)))

    assert [item.key for item in listed] == sorted(
        (batch_prefix(ADA) + name for name in names), key=str.encode
    )
    assert {item.n_bytes for item in listed} == {len(name.encode()) for name in names}
    assert [item.key for item in store.list(batch_prefix(ADA) + "a/")] == [batch_prefix(ADA) + "a/z.csv"]
    assert len(list(store.list(batch_prefix(ADA) + "a"))) == 4
    assert list(store.list("nowhere/")) == []


def test_deleting_a_tenant_deletes_every_version_of_its_objects_and_none_of_anothers(stores, store):
    theirs = upload_key(BOB, "u1")
    put(store, theirs)
    keys = [upload_key(ADA, "u1"), upload_key(ADA, "u2"), batch_prefix(ADA) + "t.csv", KEY]
    versions = [(key, put(store, key, content)) for key in keys for content in (b"1", b"22")]

    n_deleted = sum(stores.connect().delete_all(prefix) for prefix in tenant_prefixes(ADA))

    assert n_deleted == 8
    for key, version in versions:
        for wanted in (None, version):
            with pytest.raises(ObjectNotFoundError):
                store.get(key, version=wanted)
    assert [item.key for prefix in ("tenants/", "batch/", "results/") for item in store.list(prefix)] == [
        theirs
    ]
    assert sum(store.delete_all(prefix) for prefix in tenant_prefixes(ADA)) == 0


@pytest.mark.parametrize("prefix", ["", "/", "tenants/" + ADA])
def test_a_prefix_that_could_reach_another_tenant_is_not_deleted(store, prefix):
    put(store, upload_key(ADA, "u1"))

    with pytest.raises(ValueError, match=r"whole folder|cannot be a path"):
        store.delete_all(prefix)

    assert store.get(upload_key(ADA, "u1")) == b"{}"


def test_an_object_can_be_put_again_after_it_was_deleted(store):
    put(store)
    store.delete_all(tenant_prefixes(ADA)[2])

    put(store, content=b"new")

    assert store.get(KEY) == b"new"


def test_readers_see_whole_objects_while_fifty_writers_replace_them(stores):
    views = [stores.connect() for _ in range(4)]
    contents = [bytes([65 + number]) * (10_000 + number) for number in range(50)]
    put(views[0], content=contents[0])

    with ThreadPoolExecutor(50) as pool:
        versions = list(pool.map(lambda n: put(views[n % 4], content=contents[n]), range(50)))
        seen = list(pool.map(lambda n: views[n % 4].get(KEY), range(50)))

    assert set(seen) <= set(contents)
    assert [views[0].get(KEY, version=version) for version in versions] == contents


@pytest.mark.parametrize("fault", ["lost request", "lost answer", "throttled", "cut answer"])
def test_a_call_that_fails_on_the_way_is_made_again(stores, fault):
    put(stores.connect(), content=b"before")

    put(stores.connect(faults=faults_in_order(fault)), content=b"whole")

    assert stores.connect(faults=faults_in_order(fault, fault)).get(KEY) == b"whole"
    assert (
        stores.connect(faults=faults_in_order(fault if fault != "cut answer" else None)).head(KEY).n_bytes
        == 5
    )


def test_a_store_that_is_down_is_said_to_be_unavailable(stores, store):
    put(store, upload_key(ADA, "u1"))
    stores.break_down()

    for call in (
        lambda: put(store),
        lambda: store.get(KEY),
        lambda: store.head(KEY),
        lambda: list(store.list("results/")),
        lambda: store.delete_all("results/"),
    ):
        with pytest.raises(DependencyUnavailableError) as caught:
            call()
        assert caught.value.__cause__ is not None
