"""What a bucket sends is read: keys decoded once, versions kept, everything else ignored by name."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.jobs.s3_records import (
    DroppedTable,
    UnreadableNotificationError,
    read_notification,
    request_key,
    table_of,
    write_notification,
)

TENANT = "a" * 64
FOLDER = f"batch/{TENANT}/"


def record(
    key: str = FOLDER + "table.csv", *, name: str = "ObjectCreated:Put", version: str | None = "v1"
) -> dict:
    """What S3 writes about one object (event version 2.1)."""
    told: dict[str, Any] = {
        "key": quote_plus(key),
        "size": 10,
        "eTag": "e",
        "sequencer": "0055AED6DCD90281E5",
    }
    if version is not None:
        told["versionId"] = version
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-20T10:00:00.000Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:A"},
        "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "responseElements": {"x-amz-request-id": "C3", "x-amz-id-2": "F"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "tables",
            "bucket": {"name": "b", "ownerIdentity": {"principalId": "A"}, "arn": "arn:aws:s3:::b"},
            "object": told,
        },
    }


def message(*records: dict) -> str:
    return json.dumps({"Records": list(records)})


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_a_table_that_was_created_in_any_way_is_told_of(name):
    found = read_notification(message(record(name=f"ObjectCreated:{name}")))

    assert found.tables == (DroppedTable(TENANT, FOLDER + "table.csv", "v1"),)
    assert found.ignored == ()


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("my+table.csv", "my table.csv"),
        ("a%2Bb.csv", "a+b.csv"),
        ("100%25.csv", "100%.csv"),
        ("%2525.csv", "%25.csv"),
        ("M%C3%BCller%2F%E6%95%B0.csv", "Müller/数.csv"),
        ("a%0Ab.csv", "a\nb.csv"),
    ],
)
def test_a_key_is_decoded_once(written, stored):
    told = record()
    told["s3"]["object"]["key"] = quote_plus(FOLDER) + written

    assert read_notification(message(told)).tables[0].key == FOLDER + stored


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_name_survives_the_way_through_the_queue(name):
    table = DroppedTable(TENANT, f"{FOLDER}{name}.csv", "v/ä?")

    assert read_notification(write_notification(table)).tables == (table,)
    assert read_notification(message(record(table.key, version=table.version))).tables == (table,)


def test_a_bucket_without_versions_is_read_too():
    assert read_notification(message(record(version=None))).tables[0].version is None
    assert (
        read_notification(write_notification(DroppedTable(TENANT, FOLDER + "t.csv"))).tables[0].version
        is None
    )


def test_the_test_that_s3_makes_of_a_queue_is_ignored():
    body = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-20T10:00:00Z", "Bucket": "b"}

    found = read_notification(json.dumps(body))

    assert found.tables == ()
    assert found.ignored == ("s3:TestEvent",)


@pytest.mark.parametrize(
    "name",
    ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "ObjectRestore:Post", "Something:New"],
)
def test_other_events_are_ignored_by_name(name):
    found = read_notification(message(record(name=name), record()))

    assert [table.key for table in found.tables] == [FOLDER + "table.csv"]
    assert found.ignored == (name,)


def test_a_name_is_made_safe_for_the_log():
    found = read_notification(message(record(name="Evil\n{$}" + "x" * 200)))

    assert found.ignored == ("Evil????" + "x" * 72,)


@pytest.mark.parametrize(
    "key",
    [
        f"batch/{TENANT}/table.json",
        f"batch/{TENANT}/.txt",
        f"batch/{TENANT[:-1]}/table.csv",
        f"batch/{TENANT.upper()}/table.csv",
        "batch/table.csv",
        f"results/{TENANT}/table.csv",
        f"x/batch/{TENANT}/table.csv",
    ],
)
def test_what_is_no_table_in_a_tenants_folder_is_ignored(key):
    found = read_notification(message(record(key)))

    assert found.tables == ()
    assert found.ignored == ("an object that is no table of a tenant",)


def test_a_table_told_of_twice_in_one_message_is_one():
    assert len(read_notification(message(record(), record(), record(version="v2"))).tables) == 2


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"Records": {}}',
        '{"Records": [null]}',
        '{"Records": [{}]}',
        '{"Records": [{"eventName": 1}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {}}}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": 1}}}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "%ff.csv"}}}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "a", "versionId": 1}}}]}',
    ],
)
def test_a_message_that_no_bucket_sends_is_unreadable(body):
    with pytest.raises(UnreadableNotificationError):
        read_notification(body)


def test_the_request_stands_beside_the_table():
    assert request_key(FOLDER + "my.table.csv") == FOLDER + "my.table.json"
    assert table_of(FOLDER + ".csv") is not None
