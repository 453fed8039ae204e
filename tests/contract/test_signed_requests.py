"""What every signed link promises: one method, one key, one set of headers, some minutes, and one upload."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from tests.contract.object_stores import STORES, Reply, Stores

from whybox.domain.jobs.object_keys import upload_key
from whybox.errors import ObjectNotFoundError
from whybox.job_ports import SignedUpload

ADA, BOB = "a" * 64, "b" * 64
KEY = upload_key(ADA, "3f0c2a34")
CONTENT = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=STORES)
def stores(request) -> Iterator[Stores]:
    with STORES[request.param]() as opened:
        yield opened


def sign(stores: Stores, *, n_bytes: int = len(CONTENT), sha256: str | None = SHA256) -> SignedUpload:
    return stores.signer.sign_upload(KEY, n_bytes=n_bytes, content_type="text/csv", sha256=sha256)


def send(stores: Stores, upload: SignedUpload, body: bytes = CONTENT, **changes: str | None) -> Reply:
    """Send the upload with some headers changed, or left out where a change is None."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {name: value for name, value in (dict(upload.headers) | named).items() if value is not None}
    return stores.send(upload.method, upload.url, headers=headers, body=body)


def is_stored(stores: Stores) -> bool:
    try:
        return stores.connect().get(KEY) == CONTENT
    except ObjectNotFoundError:
        return False


def test_an_upload_as_it_was_agreed_is_stored_with_its_type_and_checksum(stores):
    upload = sign(stores)

    assert send(stores, upload).status == 200

    facts = stores.connect().head(KEY)
    assert stores.connect().get(KEY, version=facts.version) == CONTENT
    assert (facts.n_bytes, facts.content_type, facts.sha256) == (len(CONTENT), "text/csv", SHA256)


def test_without_an_announced_checksum_none_is_known(stores):
    assert send(stores, sign(stores, sha256=None)).status == 200

    assert stores.connect().head(KEY).sha256 is None


def test_every_header_of_an_upload_is_named_to_the_caller(stores):
    upload = sign(stores)

    assert upload.method == "PUT"
    assert upload.headers.keys() == {
        "content-length",
        "content-type",
        "if-none-match",
        "x-amz-checksum-sha256",
    }
    assert upload.headers["if-none-match"] == "*"
    assert 295 <= (upload.expires_at - stores.clock.now()).total_seconds() <= 300
    assert upload.url not in repr(upload)


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (CONTENT + b"3,4\n", {"content_length": str(len(CONTENT) + 4)}),
        (CONTENT[:-1], {"content_length": str(len(CONTENT) - 1)}),
        (CONTENT, {"content_type": "text/html"}),
        (CONTENT, {"content_type": None}),
        (CONTENT, {"if_none_match": None}),
        (CONTENT, {"if_none_match": "etag"}),
        (CONTENT, {"x_amz_checksum_sha256": None}),
        (CONTENT, {"x_amz_checksum_sha256": "A" * 43 + "="}),
        (CONTENT, {"x_amz_acl": "public-read"}),
        (CONTENT, {"x_amz_storage_class": "GLACIER"}),
    ],
)
def test_an_upload_with_other_headers_is_refused(stores, body, changes):
    assert send(stores, sign(stores), body, **changes).status == 403
    assert not is_stored(stores)


@pytest.mark.parametrize("body", [CONTENT[:-1], b"", CONTENT + b"3,4\n", CONTENT[::-1]])
def test_bytes_that_are_not_those_announced_are_refused(stores, body):
    assert send(stores, sign(stores), body).status == 400
    assert not is_stored(stores)


def test_a_second_upload_by_the_same_link_is_refused_and_changes_nothing(stores):
    upload = sign(stores, sha256=None)
    send(stores, upload)

    assert send(stores, upload, CONTENT[::-1]).status == 412
    assert is_stored(stores)


def test_of_fifty_uploads_by_one_link_at_once_one_is_stored(stores):
    upload = sign(stores)

    with ThreadPoolExecutor(50) as pool:
        statuses = [reply.status for reply in pool.map(lambda _: send(stores, upload), range(50))]

    assert sorted(statuses) == [200] + [412] * 49


@pytest.mark.parametrize(("seconds", "status"), [(290, 200), (301, 403), (3_000_000, 403)])
def test_a_link_works_until_it_ends(stores, seconds, status):
    upload = sign(stores)
    stores.clock.advance(seconds)

    assert send(stores, upload).status == status


def test_a_link_does_not_live_longer_by_an_end_written_into_it(stores):
    upload = sign(stores)
    url = upload.url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000")
    if url == upload.url:
        ends = str(int(upload.expires_at.timestamp()))
        url = url.replace(ends, str(int(ends) + 3000))
    assert url != upload.url

    assert stores.send("PUT", url, headers=upload.headers, body=CONTENT).status == 403


@pytest.mark.parametrize(
    "changed",
    [
        KEY.replace(ADA, BOB),
        KEY + "x",
        KEY + "/",
        f"{KEY}/../4",
        "tenants",
        KEY.replace("tenants", "results"),
    ],
)
def test_a_link_to_another_key_is_refused(stores, changed):
    upload = sign(stores)
    url = upload.url.replace(KEY, changed)

    assert stores.send("PUT", url, headers=upload.headers, body=CONTENT).status == 403


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "HEAD"])
def test_a_link_to_upload_does_nothing_else(stores, method):
    upload = sign(stores)
    send(stores, upload)

    assert stores.send(method, upload.url, headers=upload.headers, body=b"").status == 403
    assert is_stored(stores)


@pytest.mark.parametrize("place", ["", "tenants/", "?list-type=2&prefix=tenants/"])
def test_a_link_to_upload_lists_nothing(stores, place):
    upload = sign(stores)
    send(stores, upload)
    address, _, query = upload.url.partition(KEY)

    target = f"{address}{place}{query.replace('?', '&') if '?' in place else query}"

    assert stores.send("GET", target, headers=upload.headers).status == 403


def test_a_link_without_its_signature_or_with_another_is_refused(stores):
    upload = sign(stores)
    bare = urlsplit(upload.url)._replace(query="").geturl()
    forged = upload.url[:-1] + ("0" if upload.url[-1] != "0" else "1")

    for url in (bare, forged, upload.url + "&x=1" if "X-Amz" in upload.url else upload.url + "0"):
        assert stores.send("PUT", url, headers=upload.headers, body=CONTENT).status == 403
    assert not is_stored(stores)


def test_a_download_is_a_file_to_keep_until_the_link_ends(stores):
    store = stores.connect()
    store.put("results/r", b"[1]", content_type="application/json")
    url = store.sign_download("results/r", file_name="result.json", expires_seconds=60)

    reply = stores.send("GET", url, headers={})
    assert (reply.status, reply.content) == (200, b"[1]")
    assert reply.disposition == 'attachment; filename="result.json"'

    assert stores.send("PUT", url, headers={"content-length": "1"}, body=b"x").status == 403
    assert stores.send("GET", url.replace("result.json", "result.html"), headers={}).status == 403
    stores.clock.advance(61)
    assert stores.send("GET", url, headers={}).status == 403


@pytest.mark.parametrize("name", ["", "../x", 'a"b', "a\r\nb", "ü.csv", "a b"])
def test_a_file_name_that_could_break_a_header_is_never_signed(stores, name):
    with pytest.raises(ValueError, match="not one that this service makes"):
        stores.connect().sign_download("results/r", file_name=name, expires_seconds=60)
