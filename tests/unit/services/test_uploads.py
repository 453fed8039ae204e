"""Uploads: announced, stored once by their owner, and read only if they are the file that was announced."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from tests.unit.services.batch_bench import TENANT, Bench

from whybox.adapters.local.folder_objects import FolderUploads
from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.sqlite_uploads import SqliteUploads
from whybox.domain.jobs.object_keys import upload_key
from whybox.domain.jobs.uploads import LINK_SECONDS, MAX_PENDING, UploadRequest
from whybox.errors import (
    ChecksumInvalidError,
    FileTypeError,
    ObjectNotFoundError,
    TooManyPendingUploadsError,
    UnknownUploadError,
    UploadChangedError,
    UploadIncompleteError,
    UploadNotFoundError,
    UploadSizeInvalidError,
    UploadTooLargeError,
    WhyboxError,
)
from whybox.services.create_upload import MAX_UPLOAD_BYTES, OpenUpload, create_upload
from whybox.services.fetch_table import fetch_table, store_table
from whybox.services.fetch_upload import fetch_upload
from whybox.services.read_upload import read_upload

OTHER = "b" * 64
CONTENT = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Desk(Bench):
    """A machine with what uploads stand on, too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        links = SignedLinks(b"l" * 32, "http://127.0.0.1:8000", self.clock)
        self.signer = FolderUploads(self.home / "bucket", links=links)
        self.announcements = SqliteUploads(self.home / "uploads.sqlite3")

    def create(self, **changes) -> OpenUpload:
        request = {"filename": "data.csv", "n_bytes": len(CONTENT), "content_type": "text/csv"}
        return create_upload(
            UploadRequest(**request | changes),
            tenant=TENANT,
            uploads=self.signer,
            announcements=self.announcements,
            clock=self.clock,
        )

    def put(self, upload_id: str, content: bytes = CONTENT, *, content_type: str = "text/csv") -> str:
        return self.objects.put(upload_key(TENANT, upload_id), content, content_type=content_type)

    def read(self, upload_id: str, *, tenant: str = TENANT):
        return read_upload(
            tenant, upload_id, announcements=self.announcements, objects=self.objects, clock=self.clock
        )

    def fetch(self, upload_id: str, *, tenant: str = TENANT):
        return fetch_upload(
            tenant, upload_id, announcements=self.announcements, objects=self.objects, clock=self.clock
        )


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


def test_the_link_stores_the_very_file_that_was_announced(desk):
    opened = desk.create(filename="../../\u202ex.csv", sha256=SHA256.upper())

    headers = dict(opened.link.headers)
    target = opened.link.url.removeprefix("http://127.0.0.1:8000")
    with desk.signer.upload(target, list(headers.items())) as incoming:
        incoming.take(CONTENT)
        incoming.complete()

    assert opened.announcement.filename == "../../x.csv"
    assert headers["content-length"] == str(len(CONTENT))
    assert desk.read(opened.announcement.upload_id).status == "received"
    assert desk.fetch(opened.announcement.upload_id).data == CONTENT


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"n_bytes": 0}, UploadSizeInvalidError),
        ({"n_bytes": MAX_UPLOAD_BYTES + 1}, UploadTooLargeError),
        ({"content_type": "application/pdf"}, FileTypeError),
        ({"content_type": ""}, FileTypeError),
        ({"sha256": "abc"}, ChecksumInvalidError),
        ({"sha256": "g" * 64}, ChecksumInvalidError),
        ({"sha256": ""}, ChecksumInvalidError),
    ],
)
def test_what_could_not_be_a_table_gets_no_link(desk, change, error):
    with pytest.raises(WhyboxError) as refusal:
        desk.create(**change)

    assert refusal.type is error


def test_a_type_may_name_its_charset(desk):
    assert desk.create(content_type="Text/CSV; charset=utf-8").announcement.content_type == "text/csv"


def test_only_so_many_links_are_open_until_they_are_used_or_over(desk):
    opened = [desk.create() for _ in range(MAX_PENDING)]
    with pytest.raises(TooManyPendingUploadsError):
        desk.create()

    desk.put(opened[0].announcement.upload_id)
    desk.read(opened[0].announcement.upload_id)
    desk.create()
    with pytest.raises(TooManyPendingUploadsError):
        desk.create()
    desk.clock.advance(LINK_SECONDS + 1)
    desk.create()


def test_an_upload_waits_then_is_there_and_both_are_said(desk):
    upload_id = desk.create().announcement.upload_id

    before = desk.read(upload_id)
    with pytest.raises(UploadIncompleteError):
        desk.fetch(upload_id)
    version = desk.put(upload_id)
    after = desk.read(upload_id)

    assert (before.status, before.n_bytes) == ("pending", len(CONTENT))
    assert (after.status, after.sha256) == ("received", SHA256)
    table = desk.fetch(upload_id)
    assert (table.data, table.pin.version, table.pin.sha256) == (CONTENT, version, SHA256)
    assert (table.pin.key, table.pin.n_bytes) == (upload_key(TENANT, upload_id), len(CONTENT))


def test_what_nobody_has_what_is_anothers_and_what_is_no_id_are_the_same_nothing(desk):
    upload_id = desk.create().announcement.upload_id
    desk.put(upload_id)

    refusals = []
    for tenant, asked in ((OTHER, upload_id), (TENANT, "0" * 32), (TENANT, "../x"), (TENANT, "x" * 500)):
        for call in (desk.read, desk.fetch):
            with pytest.raises(UploadNotFoundError) as refusal:
                call(asked, tenant=tenant)
            refusals.append((refusal.value.code, refusal.value.detail))

    assert len(set(refusals)) == 1


def test_a_file_put_past_this_service_is_never_read(desk):
    desk.put("smuggled")

    with pytest.raises(UnknownUploadError):
        desk.fetch("smuggled")
    with pytest.raises(UploadNotFoundError):
        desk.fetch("smuggled", tenant=OTHER)


def test_when_the_link_is_over_and_nothing_came_the_upload_has_expired(desk):
    upload_id = desk.create().announcement.upload_id
    desk.clock.advance(LINK_SECONDS + 1)

    for call in (desk.read, desk.fetch):
        with pytest.raises(ObjectNotFoundError):
            call(upload_id)


def test_a_file_that_was_deleted_when_its_time_was_over_has_expired(desk):
    upload_id = desk.create().announcement.upload_id
    desk.put(upload_id)
    desk.fetch(upload_id)
    desk.objects.delete_all(f"tenants/{TENANT}/")

    for call in (desk.read, desk.fetch):
        with pytest.raises(ObjectNotFoundError):
            call(upload_id)


@pytest.mark.parametrize(
    ("announced", "content", "content_type"),
    [
        ({}, CONTENT + b"3,4\n", "text/csv"),
        ({}, CONTENT[:-1], "text/csv"),
        ({}, CONTENT, "application/pdf"),
        ({"sha256": SHA256}, CONTENT.replace(b"2", b"3"), "text/csv"),
    ],
)
def test_another_file_than_was_announced_is_refused(desk, announced, content, content_type):
    upload_id = desk.create(**announced).announcement.upload_id
    desk.put(upload_id, content, content_type=content_type)

    assert desk.read(upload_id).status == "refused"
    with pytest.raises(UploadChangedError):
        desk.fetch(upload_id)


def test_the_first_version_that_was_seen_is_the_one_that_is_read(desk):
    upload_id = desk.create().announcement.upload_id
    first = desk.put(upload_id)
    assert desk.read(upload_id).status == "received"
    desk.put(upload_id, CONTENT.replace(b"2", b"3"))

    table = desk.fetch(upload_id)

    assert (table.data, table.pin.version) == (CONTENT, first)


def test_a_pinned_table_is_those_bytes_or_an_error(desk):
    table = store_table(TENANT, CONTENT, objects=desk.objects)
    again = store_table(TENANT, CONTENT, objects=desk.objects)

    assert table.pin.key == again.pin.key
    assert fetch_table(table.pin, objects=desk.objects) == CONTENT
    for change in ({"sha256": "0" * 64}, {"n_bytes": 1}):
        with pytest.raises(UploadChangedError):
            fetch_table(replace(table.pin, **change), objects=desk.objects)
    desk.objects.delete_all(f"tenants/{TENANT}/")
    with pytest.raises(ObjectNotFoundError):
        fetch_table(table.pin, objects=desk.objects)
