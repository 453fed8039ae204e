"""Uploads over HTTP: a link for exactly one file, what became of it, and every announcement that is none."""

from __future__ import annotations

import hashlib
import json
import shlex
from datetime import timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from whybox.domain.jobs.object_keys import upload_key
from whybox.http import uploads

ALL = ("explain:write", "jobs:read")
JSON = {"content-type": "application/json"}
CONTENT = b"a,b\n1,2\n"
GOOD = {"filename": "data.csv", "bytes": len(CONTENT), "content_type": "text/csv"}


@pytest.fixture
def function(service):
    return service.function(uploads.router)


@pytest.fixture
def announce(service, function):
    def announce(document, *, sub="ada", **request):
        request.setdefault("token", service.token(sub, scopes=ALL))
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = JSON | request.pop("headers", {})
        return service.call(function, "POST", "/v1/uploads", body=body, headers=headers, **request)

    return announce


@pytest.fixture
def show(service, function):
    def show(upload_id, *, sub="ada", **request):
        request.setdefault("token", service.token(sub, scopes=ALL))
        return service.call(function, "GET", f"/v1/uploads/{upload_id}", **request)

    return show


@pytest.fixture
def put(service):
    def put(link, content=CONTENT, **changes) -> None:
        target = urlsplit(link["url"])._replace(scheme="", netloc="").geturl()
        with service.uploads.upload(target, list((link["headers"] | changes).items())) as incoming:
            incoming.take(content)
            incoming.complete()

    return put


def test_an_announcement_is_answered_with_the_one_request_that_stores_the_file(service, announce):
    answer = announce(GOOD | {"sha256": hashlib.sha256(CONTENT).hexdigest()})
    link = answer.document

    assert answer.status == 201
    assert list(link) == ["upload_id", "method", "url", "headers", "expires_at", "curl"]
    assert answer.headers["location"] == f"/v1/uploads/{link['upload_id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert link["method"] == "PUT"
    assert link["headers"]["content-length"] == str(len(CONTENT))
    assert link["headers"]["content-type"] == "text/csv"
    assert link["headers"]["if-none-match"] == "*"
    assert "x-amz-checksum-sha256" in link["headers"]
    assert link["expires_at"] == (service.clock.now() + timedelta(seconds=300)).isoformat()
    assert upload_key(service.tenant(), link["upload_id"]) in link["url"]


def test_the_curl_line_is_the_same_request(announce):
    link = announce(GOOD).document
    words = shlex.split(link["curl"])

    assert words[:4] == ["curl", "-fsS", "-T", "data.csv"]
    assert words[-1] == link["url"]
    sent = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
    assert sent == {name: text for name, text in link["headers"].items() if name != "content-length"}


def test_an_upload_is_pending_until_its_file_is_there(announce, show, put):
    link = announce(GOOD).document

    before = show(link["upload_id"]).document
    put(link)
    after = show(link["upload_id"]).document

    assert before == {
        "upload_id": link["upload_id"], "status": "pending", "bytes": len(CONTENT), "sha256": None
    }  # fmt: skip
    assert (after["status"], after["bytes"]) == ("received", len(CONTENT))


def test_another_file_than_the_one_announced_is_refused_and_says_so(service, announce, show):
    link = announce(GOOD).document
    key = upload_key(service.tenant(), link["upload_id"])
    service.objects.put(key, b"something else", content_type="text/csv")

    document = show(link["upload_id"]).document

    assert document["status"] == "refused"
    assert document["problem"]["type"] == "/problems/upload-changed"


def test_an_upload_whose_time_is_over_is_gone(service, announce, show):
    link = announce(GOOD).document
    service.clock.time += timedelta(seconds=301)

    answer = show(link["upload_id"])

    assert (answer.status, answer.code) == (410, "upload-expired")


NAMES = [
    "../../other/x.csv",
    "/etc/passwd",
    "a/b",
    "C:\\x\\y.csv",
    "x" * 5000,
    "\N{RIGHT-TO-LEFT OVERRIDE}vsc.exe",
    "\N{FOX FACE}.csv",
    "a\r\nX-Evil: 1",
    "$(reboot).csv",
    "'; rm -rf / #",
    "-o/etc/passwd",
    "{a,b}.csv",
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_for_display_only(service, announce, name):
    answer = announce(GOOD | {"filename": name})

    assert answer.status == 201
    link = answer.document
    assert upload_key(service.tenant(), link["upload_id"]) in link["url"]
    shown = service.announcements.read(service.tenant(), link["upload_id"]).filename
    assert len(shown) <= 255
    assert shown.isprintable()
    assert shlex.split(link["curl"])[3] in {"FILE", "vsc.exe"}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"bytes": 0}, 422, "upload-size-invalid"),
        ({"bytes": 128 * 1024 * 1024 + 1}, 413, "upload-too-large"),
        ({"bytes": 2**63 - 1}, 413, "upload-too-large"),
        ({"bytes": -1}, 422, "schema-invalid"),
        ({"bytes": 1.5}, 422, "schema-invalid"),
        ({"bytes": 8.0}, 422, "schema-invalid"),
        ({"bytes": "8"}, 422, "schema-invalid"),
        ({"bytes": True}, 422, "schema-invalid"),
        ({"bytes": None}, 422, "schema-invalid"),
        ({"content_type": "application/pdf"}, 415, "file-type-unsupported"),
        ({"content_type": "application/vnd.ms-excel"}, 415, "file-type-unsupported"),
        ({"content_type": ""}, 415, "file-type-unsupported"),
        ({"content_type": "text/csv\r\nx: y"}, 415, "file-type-unsupported"),
        ({"sha256": ""}, 422, "checksum-invalid"),
        ({"sha256": "0" * 63}, 422, "checksum-invalid"),
        ({"sha256": "z" * 64}, 422, "checksum-invalid"),
        ({"sha256": "0" * 64 + "\n"}, 422, "checksum-invalid"),
        ({"sha256": 5}, 422, "schema-invalid"),
        ({"filename": 5}, 422, "schema-invalid"),
        ({"tenant": "0" * 64}, 422, "schema-invalid"),
        ({"key": "tenants/x"}, 422, "schema-invalid"),
    ],
)
def test_an_announcement_that_is_none_is_refused(announce, changes, status, code):
    answer = announce(GOOD | changes)

    assert (answer.status, answer.code) == (status, code)


def test_the_largest_upload_is_taken_and_a_content_type_may_name_its_charset(announce):
    assert announce(GOOD | {"bytes": 128 * 1024 * 1024}).status == 201
    assert announce(GOOD | {"content_type": "text/csv; charset=utf-8"}).status == 201


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "body-missing"),
        (b"{", {}, 400, "json-invalid"),
        (b"[]", {}, 422, "schema-invalid"),
        (b'{"filename": "a\\u0000b", "bytes": 1}', {}, 422, "text-invalid"),
        (b'{"bytes": 1, "bytes": 2, "filename": "a"}', {}, 400, "json-duplicate-key"),
        (b'{"bytes": 99999999999999999999, "filename": "a"}', {}, 400, "number-out-of-range"),
        (b" " * 65_537, {}, 413, "body-too-large"),
        (b"{}", {"content-type": "text/plain"}, 415, "content-type-unsupported"),
        (b'{"bytes": 1}', {}, 422, "schema-invalid"),
    ],
)
def test_a_body_that_is_no_announcement_is_told_what_it_lacks(announce, body, headers, status, code):
    answer = announce(body, headers=headers)

    assert (answer.status, answer.code) == (status, code)


def test_a_query_is_refused(service, announce, show):
    assert announce(GOOD, query="bytes=1").code == "parameter-invalid"
    assert show("x", query="a=1").code == "parameter-invalid"


def test_only_so_many_links_are_open_at_once(service, announce, put):
    links = [announce(GOOD).document for _ in range(20)]

    refused = announce(GOOD)
    others = announce(GOOD, sub="eve")

    assert (refused.status, refused.code) == (429, "too-many-pending-uploads")
    assert int(refused.headers["retry-after"]) >= 1
    assert others.status == 201
    service.clock.time += timedelta(seconds=301)
    assert announce(GOOD).status == 201
    assert len({link["upload_id"] for link in links}) == 20


def test_an_upload_costs_nothing(service, announce, show, put):
    link = announce(GOOD).document
    put(link)
    answer = show(link["upload_id"])

    assert service.used() == 0
    assert answer.headers["x-ratelimit-remaining"] == "100"


def test_a_repeat_under_a_key_is_the_same_link_and_opens_no_second_one(service, announce):
    first, again = (announce(GOOD, headers={"idempotency-key": "k"}) for _ in range(2))

    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [("", 400, "idempotency-key-invalid"), ("x" * 256, 400, "idempotency-key-invalid"),
     ("é", 400, "idempotency-key-invalid")],
)  # fmt: skip
def test_a_key_that_cannot_be_kept_is_refused(announce, key, status, code):
    answer = announce(GOOD, headers={"idempotency-key": key})

    assert (answer.status, answer.code) == (status, code)


def test_a_key_with_another_announcement_is_refused_and_one_of_another_caller_is_new(announce):
    headers = {"idempotency-key": "k"}
    first = announce(GOOD, headers=headers)
    other = announce(GOOD | {"bytes": 9}, headers=headers)
    others = announce(GOOD, headers=headers, sub="eve")

    assert (other.status, other.code) == (422, "idempotency-key-reused")
    assert others.document["upload_id"] != first.document["upload_id"]


def test_anothers_upload_is_answered_as_one_that_is_not_there(announce, show, put):
    link = announce(GOOD, sub="eve").document
    put(link)

    told = [
        (answer.status, {**answer.headers, "x-request-id": ""}, {**answer.document, "instance": ""})
        for answer in (show(link["upload_id"]), show("f" * 32))
    ]

    assert told[0] == told[1]
    assert told[0][0] == 404
    assert show(link["upload_id"], sub="eve").status == 200


@pytest.mark.parametrize("upload_id", ["none", "../x", "%00", "a" * 81, "a" * 5000, "é", "x%2Fy", "%2e%2e"])
def test_an_id_that_nobody_has_is_not_found_whatever_it_looks_like(show, upload_id):
    answer = show(upload_id)

    assert (answer.status, answer.code) == (404, "not-found")


def test_announcing_needs_one_scope_and_looking_the_other(service, announce, show):
    link = announce(GOOD).document

    assert announce(GOOD, token=service.token(scopes=("jobs:read",))).code == "insufficient-scope"
    assert (
        show(link["upload_id"], token=service.token(scopes=("explain:write",))).code == "insufficient-scope"
    )
    assert announce(GOOD, token=None).code == "unauthenticated"
    assert show(link["upload_id"], token=None).code == "unauthenticated"
