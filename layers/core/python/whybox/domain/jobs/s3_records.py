"""What a bucket tells a queue of the tables dropped into it: at least once, in any order, among other things.

    {"Event": "s3:TestEvent", …}                     S3 tries the queue when it is set up   ─▶ ignored
    {"Records": [{"eventName": "ObjectCreated:…"}]}  a table under batch/<tenant>/          ─▶ DroppedTable
    {"Records": [{"eventName": "ObjectRemoved:…"}]}  anything else                          ─▶ ignored

Every version of an object is a table of its own, so the order in which they are told of (their sequencers)
does not matter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

FOLDER: Final = "batch/"
TABLE_SUFFIX: Final = ".csv"
TEST_EVENT: Final = "s3:TestEvent"
CREATED: Final = "ObjectCreated:"

_KEY: Final = re.compile(FOLDER + r"([0-9a-f]{64})/.+", re.DOTALL)


class UnreadableNotificationError(ValueError):
    """A message of the queue is not one that a bucket sends."""


@dataclass(frozen=True, slots=True)
class DroppedTable:
    """One version of a table that somebody put into a tenant's folder; without a version, the current one."""

    tenant: str
    key: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """The tables one message tells of, and what else it tells of, in words for the log."""

    tables: tuple[DroppedTable, ...]
    ignored: tuple[str, ...] = ()


def read_notification(body: str) -> Notification:
    """Return what a message tells of; a message that tells of nothing is a notification all the same.

    Raises
    ------
    UnreadableNotificationError
        The message is not one that a bucket sends.

    """
    try:
        message = json.loads(body)
    except ValueError as error:
        raise UnreadableNotificationError("not JSON") from error
    if not isinstance(message, dict):
        raise UnreadableNotificationError("not an object")
    if message.get("Event") == TEST_EVENT:
        return Notification((), (TEST_EVENT,))
    records = message.get("Records")
    if not isinstance(records, list):
        raise UnreadableNotificationError("neither records nor a test")
    read = [_read(record) for record in records]
    tables = [it for it in read if isinstance(it, DroppedTable)]
    return Notification(tuple(dict.fromkeys(tables)), tuple(it for it in read if isinstance(it, str)))


def write_notification(table: DroppedTable) -> str:
    """Return the message that tells of a table: of what a bucket sends, that which is read here."""
    told = {"key": quote_plus(table.key, safe="/")}
    if table.version is not None:
        told["versionId"] = table.version
    record = {"eventSource": "whybox", "eventName": CREATED + "Put", "s3": {"object": told}}
    return json.dumps({"Records": [record]}, separators=(",", ":"))


def table_of(key: str, *, version: str | None = None) -> DroppedTable | None:
    """Return the table a key stands for; None for a key that is no table in a tenant's folder."""
    found = _KEY.fullmatch(key)
    if found is None or not key.endswith(TABLE_SUFFIX):
        return None
    return DroppedTable(found[1], key, version)


def request_key(key: str) -> str:
    """Return the key of the file beside a table that says how it is to be explained."""
    return key.removesuffix(TABLE_SUFFIX) + ".json"


def _read(record: Any) -> DroppedTable | str:
    """Return the table a record tells of, or in a few words what it tells of instead."""
    if not isinstance(record, dict) or not isinstance(record.get("eventName"), str):
        raise UnreadableNotificationError("a record without a name")
    name: str = record["eventName"]
    if not name.removeprefix("s3:").startswith(CREATED):
        return re.sub(r"[^A-Za-z0-9:]", "?", name)[:80]
    try:
        told = record["s3"]["object"]
        key, version = _decoded(told["key"]), told.get("versionId")
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableNotificationError("a record without a key") from error
    if not (version is None or isinstance(version, str)):
        raise UnreadableNotificationError("a version that is not text")
    return table_of(key, version=version) or "an object that is no table of a tenant"


def _decoded(key: Any) -> str:
    """Return the key as it is stored; S3 writes it as HTML forms do, once."""
    if not isinstance(key, str):
        raise UnreadableNotificationError("a key that is not text")
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise UnreadableNotificationError("a key that is not UTF-8") from error
