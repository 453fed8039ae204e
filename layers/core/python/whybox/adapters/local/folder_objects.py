"""Objects in a folder on this machine, and the signed links to them that the gateway answers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.versioned_files import VersionedFiles
from whybox.domain.jobs.object_keys import attachment
from whybox.errors import (
    DependencyUnavailableError,
    ObjectExistsError,
    ObjectNotFoundError,
    UploadDamagedError,
    UploadLinkInvalidError,
)
from whybox.job_ports import ListedObject, SignedUpload, StoredObject

CONTENT_TYPES: Final = {".csv": "text/csv", ".json": "application/json", ".html": "text/html"}
ANY_CONTENT: Final = "binary/octet-stream"

_CHECKSUM: Final = "x-amz-checksum-sha256"
_REQUIRED: Final = {"content-length", "content-type", "if-none-match"}


class FolderObjects:
    """ObjectStore in a folder."""

    def __init__(self, root: Path, *, links: SignedLinks) -> None:
        self._files = VersionedFiles(root)
        self._links = links

    def put(self, key: str, content: bytes, *, content_type: str) -> str:
        """Store the bytes as what the key stands for now; see the port."""
        facts = {"content_type": content_type, "sha256": hashlib.sha256(content).hexdigest()}
        with _translated(key):
            return self._files.write(key, content, facts)

    def get(self, key: str, *, version: str | None = None) -> bytes:
        """Return the bytes of a version, or of the current one; see the port."""
        with _translated(key):
            return self._files.read(key, version)

    def head(self, key: str, *, version: str | None = None) -> StoredObject:
        """Return what is known about a version, or the current one; see the port."""
        with _translated(key):
            file = self._files.find(key, version)
            facts = self._files.facts(file)
        by_name = CONTENT_TYPES.get(PurePosixPath(key).suffix, ANY_CONTENT)
        return StoredObject(
            key=key,
            version=file.version,
            n_bytes=file.n_bytes,
            content_type=facts.get("content_type", by_name),
            stored_at=file.changed_at,
            sha256=facts.get("sha256"),
        )

    def sign_download(self, key: str, *, file_name: str, expires_seconds: int) -> str:
        """Return a link that anybody can read the object with until it expires; see the port."""
        attachment(file_name)
        url, _ = self._links.sign("GET", key, expires_seconds=expires_seconds, file_name=file_name)
        return url

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """Yield the current objects under a prefix; see the port."""
        with _translated(prefix):
            files = sorted(self._files.walk(prefix), key=lambda file: file.key.encode())
        for file in files:
            yield ListedObject(file.key, file.n_bytes, file.changed_at)

    def delete_all(self, prefix: str) -> int:
        """Delete every version of every object under the prefix; see the port."""
        with _translated(prefix):
            return self._files.remove(prefix)


@dataclass(frozen=True, slots=True)
class Download:
    """What the gateway answers to a download link."""

    content: bytes
    content_type: str
    disposition: str


class FolderUploads:
    """UploadSigner for a folder, and what the gateway does with requests that come by a signed link."""

    def __init__(self, root: Path, *, links: SignedLinks) -> None:
        self._files = VersionedFiles(root)
        self._links = links

    def sign_upload(
        self, key: str, *, n_bytes: int, content_type: str, sha256: str | None, expires_seconds: int = 300
    ) -> SignedUpload:
        """Return the request that stores the object; see the port."""
        headers = {"content-length": str(n_bytes), "content-type": content_type, "if-none-match": "*"}
        if sha256 is not None:
            headers[_CHECKSUM] = base64.b64encode(bytes.fromhex(sha256)).decode()
        url, expires_at = self._links.sign("PUT", key, expires_seconds=expires_seconds, headers=headers)
        return SignedUpload("PUT", url, headers, expires_at)

    def upload(self, target: str, headers: Sequence[tuple[str, str]], content: bytes) -> str:
        """Carry out a PUT by a signed link and return the version that was stored.

        Raises
        ------
        UploadLinkInvalidError, UploadLinkExpiredError, UploadDamagedError, ObjectExistsError
            What S3 would refuse, for the same reasons.

        """
        use = self._links.check("PUT", target, headers)
        if not use.headers.keys() >= _REQUIRED:
            raise UploadLinkInvalidError
        digest = hashlib.sha256(content)
        checksum = use.headers.get(_CHECKSUM, encoded := base64.b64encode(digest.digest()).decode())
        if use.headers["content-length"] != str(len(content)) or checksum != encoded:
            raise UploadDamagedError
        facts = {"content_type": use.headers["content-type"]}
        if _CHECKSUM in use.headers:
            facts["sha256"] = digest.hexdigest()
        with _translated(use.key):
            try:
                return self._files.write(use.key, content, facts, is_new=True)
            except FileExistsError as error:
                raise ObjectExistsError from error

    def download(self, target: str, headers: Sequence[tuple[str, str]]) -> Download:
        """Carry out a GET by a signed link; raises as ``upload`` does, and ObjectNotFoundError."""
        use = self._links.check("GET", target, headers)
        with _translated(use.key):
            file = self._files.find(use.key)
            content_type = self._files.facts(file).get("content_type", ANY_CONTENT)
            return Download(self._files.read(use.key, file.version), content_type, attachment(use.file_name))


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFoundError(key) from error
    except OSError as error:
        raise DependencyUnavailableError("object store") from error
