"""The object stores under test: a folder with the gateway's side of it, and S3 behind its checks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from urllib.parse import urlsplit

from tests.contract.clocks import MovableClock
from tests.contract.emulated_aws import EmulatedAws, Faults, emulated_aws, no_faults
from tests.contract.presigned_requests import PresignedGate

from whybox.adapters.aws.s3_objects import S3Objects, S3Uploads
from whybox.adapters.local.folder_objects import FolderObjects, FolderUploads
from whybox.adapters.local.signed_links import SignedLinks
from whybox.errors import WhyboxError
from whybox.http.problem_catalogue import CATALOGUE
from whybox.job_ports import ObjectStore, UploadSigner


@dataclass(frozen=True)
class Reply:
    """What a signed request is answered."""

    status: int
    content: bytes = b""
    disposition: str = ""


class Send(Protocol):
    """Sends a request to wherever the signed URLs point."""

    def __call__(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Reply: ...


@dataclass(frozen=True)
class Stores:
    """Views of one store: each ``connect`` is another process's."""

    connect: Callable[..., ObjectStore]
    signer: UploadSigner
    send: Send
    clock: MovableClock
    break_down: Callable[[], None]


@contextmanager
def folder_stores() -> Iterator[Stores]:
    with TemporaryDirectory() as home:
        root, clock = Path(home) / "bucket", MovableClock()
        links = SignedLinks(b"a key of this machine, 32 bytes.", "http://127.0.0.1:8000", clock)
        uploads = FolderUploads(root, links=links)

        def send(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Reply:
            target = urlsplit(url)._replace(scheme="", netloc="").geturl()
            try:
                if method == "PUT":
                    with uploads.upload(target, [*headers.items()]) as incoming:
                        for start in range(0, len(body), 3):  # as from a network, in pieces
                            incoming.take(body[start : start + 3])
                        incoming.complete()
                    return Reply(200)
                if method != "GET":
                    return Reply(403)
                found = uploads.download(target, [*headers.items()])
            except WhyboxError as error:
                return Reply(CATALOGUE[error.code].status)
            with found.file:
                return Reply(200, found.file.read(), found.disposition)

        def connect(faults: Faults = no_faults) -> FolderObjects:
            return FolderObjects(root, links=links)

        def break_down() -> None:
            for folder in (root, root.with_name("bucket.versions")):
                shutil.rmtree(folder, ignore_errors=True)
                folder.symlink_to(folder)  # a folder that is its own way in cannot be read by root, either

        yield Stores(connect, uploads, send, clock, break_down)


@contextmanager
def s3_stores() -> Iterator[Stores]:
    with emulated_aws() as account:
        client, clock = account.client("s3"), MovableClock()
        client.create_bucket(Bucket="bucket")
        client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        gate = PresignedGate(account, {"emulated": "emulated"})

        def send(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Reply:
            answer = gate.send(method, url, headers=headers, body=body, now=clock.now())
            disposition = (answer.headers or {}).get("Content-Disposition", "")
            return Reply(answer.status, answer.content, disposition)

        def connect(faults: Faults = no_faults) -> S3Objects:
            return S3Objects(account.client("s3", faults=faults), "bucket")

        yield Stores(connect, S3Uploads(client, "bucket"), send, clock, lambda: _empty(account))


def _empty(account: EmulatedAws) -> None:
    S3Objects(account.client("s3"), "bucket").delete_all("tenants/")
    account.client("s3").delete_bucket(Bucket="bucket")


STORES = {"folder": folder_stores, "s3": s3_stores}
