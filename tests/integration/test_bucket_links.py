"""Signed links, sent to the running gateway over HTTP: what they allow, and each abuse that is refused."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from tests.contract.clocks import MovableClock
from tests.integration.conftest import GatewayProcess

from whybox.adapters.local.folder_objects import FolderObjects, FolderUploads
from whybox.adapters.local.secret_file import LINK_FILE_NAME, read_or_make_secret
from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.system_clock import SystemClock
from whybox.domain.jobs.object_keys import upload_key
from whybox.errors import ObjectNotFoundError
from whybox.job_ports import SignedUpload
from whybox.local.server import running_gateway
from whybox.settings import Settings

ADA, BOB = "a" * 64, "b" * 64
CONTENT = b"x,y\n1,2\n"
KEY = upload_key(ADA, "u-1")


class Place:
    """A gateway, the bucket behind it, and a client."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.home = home
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def links(self, clock: MovableClock | SystemClock | None = None) -> SignedLinks:
        return SignedLinks(read_or_make_secret(self.home, LINK_FILE_NAME), self.url, clock or SystemClock())

    def sign(self, content: bytes = CONTENT, *, key: str = KEY, **options: MovableClock) -> SignedUpload:
        return FolderUploads(self.home / "bucket", links=self.links(**options)).sign_upload(
            key, n_bytes=len(content), content_type="text/csv", sha256=hashlib.sha256(content).hexdigest()
        )

    def stored(self, key: str = KEY) -> bytes | None:
        try:
            return FolderObjects(self.home / "bucket", links=self.links()).get(key)
        except ObjectNotFoundError:
            return None

    def send(self, signed: SignedUpload, content: bytes = CONTENT, **changes: str | None) -> httpx.Response:
        """Send an upload with some headers changed, or left out where a change is None."""
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        headers = {k: v for k, v in (dict(signed.headers) | named).items() if v is not None}
        return self.client.put(signed.url, content=content, headers=headers)

    def leftovers(self) -> list[Path]:
        drafts = self.home / "bucket.drafts"
        return [*drafts.iterdir()] if drafts.exists() else []


@pytest.fixture
def place(small_stack: Path, tmp_path: Path) -> Iterator[Place]:
    with running_gateway(Settings(home=tmp_path), template=small_stack) as url:
        place = Place(url, tmp_path)
        with place.client:
            yield place


def refusal(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["instance"] == response.headers["x-request-id"]
    return response.status_code, response.json()["type"].removeprefix("/problems/")


def test_an_upload_as_it_was_signed_is_stored_and_its_version_is_told(place: Place) -> None:
    response = place.send(place.sign())

    assert (response.status_code, response.content) == (200, b"")
    assert place.stored() == CONTENT
    facts = FolderObjects(place.home / "bucket", links=place.links()).head(KEY)
    assert response.headers["x-amz-version-id"] == facts.version
    assert (facts.content_type, facts.sha256) == ("text/csv", hashlib.sha256(CONTENT).hexdigest())


LONGER = CONTENT + b"3,4\n"
SHORTER = CONTENT[:-1]
OTHER = base64.b64encode(hashlib.sha256(LONGER).digest()).decode()


@pytest.mark.parametrize(
    ("content", "changes", "expected"),
    [
        pytest.param(
            LONGER, {"content_length": str(len(LONGER))}, "upload-link-invalid", id="row 38: longer"
        ),
        pytest.param(
            SHORTER, {"content_length": str(len(SHORTER))}, "upload-link-invalid", id="row 39: shorter"
        ),
        pytest.param(CONTENT[::-1], {}, "upload-damaged", id="row 39: other bytes"),
        pytest.param(
            CONTENT, {"x_amz_checksum_sha256": OTHER}, "upload-link-invalid", id="row 39: other checksum"
        ),
        pytest.param(
            CONTENT, {"x_amz_checksum_sha256": None}, "upload-link-invalid", id="row 39: no checksum"
        ),
        pytest.param(CONTENT, {"if_none_match": None}, "upload-link-invalid", id="row 40: may overwrite"),
        pytest.param(
            CONTENT, {"if_none_match": '"x"'}, "upload-link-invalid", id="row 40: another condition"
        ),
        pytest.param(CONTENT, {"content_type": "text/html"}, "upload-link-invalid", id="another type"),
        pytest.param(
            CONTENT, {"x_amz_acl": "public-read"}, "upload-link-invalid", id="a header that was not signed"
        ),
    ],
)
def test_an_upload_that_is_not_as_it_was_signed_is_refused(
    place: Place, content: bytes, changes: dict[str, str | None], expected: str
) -> None:
    response = place.send(place.sign(), content, **changes)

    status = 400 if expected == "upload-damaged" else 403
    assert refusal(response) == (status, expected)
    assert place.stored() is None
    assert place.leftovers() == []


def test_an_upload_in_chunks_of_no_announced_length_is_refused(place: Place) -> None:
    signed = place.sign()
    headers = {name: value for name, value in signed.headers.items() if name != "content-length"}

    response = place.client.put(signed.url, content=iter([CONTENT]), headers=headers)

    assert refusal(response) == (403, "upload-link-invalid")
    assert place.stored() is None


def test_a_second_upload_by_the_same_link_is_refused_and_changes_nothing(place: Place) -> None:
    """Row 41."""
    signed = place.sign()
    place.send(signed)

    assert refusal(place.send(signed)) == (412, "upload-exists")
    assert place.stored() == CONTENT


def test_an_upload_after_the_link_has_ended_is_refused(place: Place) -> None:
    """Row 42: a link lives for 300 s."""
    over, open_ = (MovableClock(timedelta(seconds=-age)) for age in (301, 290))

    assert refusal(place.send(place.sign(clock=over))) == (403, "upload-link-expired")
    assert place.stored() is None
    assert place.send(place.sign(clock=open_)).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        KEY.replace(ADA, BOB),
        KEY + "x",
        KEY.replace("u-1", "u-1/../u-2"),
        KEY.replace("u-1", "%2e%2e/u-2"),
        KEY.replace("/uploads", "//uploads"),
        KEY.replace("tenants", "results"),
    ],
)
def test_an_upload_to_another_key_is_refused(place: Place, changed: str) -> None:
    """Row 43."""
    signed = place.sign()
    target = signed.url.removeprefix(place.url).replace(KEY, changed)

    status = raw_put(place, target, signed)

    assert status == 403
    assert not [path for path in (place.home / "bucket").rglob("*") if path.is_file()]


def raw_put(place: Place, target: str, signed: SignedUpload) -> int:
    """Send a target as it is written: clients would tidy it up."""
    lines = [f"PUT {target} HTTP/1.1", f"host: {urlsplit(place.url).netloc}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in signed.headers.items()]
    address = urlsplit(place.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + CONTENT)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST", "OPTIONS", "PATCH"])
def test_a_link_to_upload_does_nothing_else(place: Place, method: str) -> None:
    """Row 44."""
    signed = place.sign()
    place.send(signed)

    response = place.client.request(method, signed.url, headers=signed.headers, content=CONTENT)

    assert response.status_code == 403
    assert CONTENT not in response.content
    assert place.stored() == CONTENT


@pytest.mark.parametrize("target", ["/bucket/", "/bucket/tenants/", f"/bucket/{KEY}", "/bucket/?list-type=2"])
def test_without_a_signature_the_bucket_tells_nothing(place: Place, target: str) -> None:
    """Row 44: no list, and the same answer for what is there and what is not."""
    place.send(place.sign())

    assert refusal(place.client.get(target)) == (403, "upload-link-invalid")


def test_a_download_is_a_file_to_keep_and_ends_with_its_link(place: Place) -> None:
    """Row 51."""
    clock = MovableClock()
    store = FolderObjects(place.home / "bucket", links=place.links(clock))
    content = bytes(range(256)) * 20_000
    store.put("results/r", content, content_type="application/json")

    response = place.client.get(store.sign_download("results/r", file_name="r.json", expires_seconds=60))
    clock.advance(-61)
    ended = place.client.get(store.sign_download("results/r", file_name="r.json", expires_seconds=60))

    assert (response.status_code, response.content) == (200, content)
    assert response.headers["content-disposition"] == 'attachment; filename="r.json"'
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    assert refusal(ended) == (403, "upload-link-expired")


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(place: Place) -> None:
    content = b"x" * 5_000_000
    signed = place.sign(content)
    lines = [f"PUT {signed.url.removeprefix(place.url)} HTTP/1.1", f"host: {urlsplit(place.url).netloc}"]
    lines += [f"{name}: {value}" for name, value in signed.headers.items()]
    address = urlsplit(place.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + content[:3_000_000])

    assert place.send(place.sign(key=upload_key(ADA, "u-2"))).status_code == 200  # the gateway goes on
    assert place.stored() is None
    deadline = time.monotonic() + 5
    while place.leftovers():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def watched_memory(process: psutil.Process) -> Iterator[list[int]]:
    """Yield a list that grows by what the process holds, every few milliseconds."""
    seen, is_over = [process.memory_info().rss], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.005):
            seen.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def test_a_large_file_passes_through_in_pieces(
    start_gateway: Callable[..., GatewayProcess], small_stack: Path, tmp_path: Path
) -> None:
    """64 MiB in and out again; the gateway holds a few pieces of it at a time."""
    gateway = start_gateway(tmp_path, template=small_stack)
    place = Place(gateway.url, tmp_path)
    content = bytes(range(256)) * (64 * 1024 * 4)

    with place.client, watched_memory(psutil.Process(gateway.process.pid)) as seen:
        assert place.send(place.sign(content), content).status_code == 200
        store = FolderObjects(tmp_path / "bucket", links=place.links())
        link = store.sign_download(KEY, file_name="t.csv", expires_seconds=60)
        digest = hashlib.sha256()
        with place.client.stream("GET", link) as response:
            for piece in response.iter_raw():
                digest.update(piece)

    assert digest.digest() == hashlib.sha256(content).digest()
    assert max(seen) - seen[0] < len(content) / 4
