"""Objects in a folder on this machine, and the signed links to them that the gateway answers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from whybox.adapters.local.signed_links import LinkUse, SignedLinks
from whybox.adapters.local.versioned_files import Draft, VersionedFiles
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
    """What the gateway answers to a download link; whoever takes ``file`` closes it."""

    file: BinaryIO
    n_bytes: int
    content_type: str
    disposition: str


class Incoming:
    """An upload by a signed link, whose bytes come piece by piece; ``complete`` makes it an object."""

    def __init__(self, use: LinkUse, draft: Draft) -> None:
        self._use = use
        self._draft = draft
        self._digest = hashlib.sha256()
        self._n_bytes = 0

    def take(self, content: bytes) -> None:
        """Add bytes; raises UploadDamagedError for more than were announced."""
        self._n_bytes += len(content)
        if self._n_bytes > int(self._use.headers["content-length"]):
            raise UploadDamagedError
        self._digest.update(content)
        with _translated(self._use.key):
            self._draft.write(content)

    def complete(self) -> str:
        """Store what came and return its version; raises UploadDamagedError, ObjectExistsError."""
        headers = self._use.headers
        encoded = base64.b64encode(self._digest.digest()).decode()
        if headers["content-length"] != str(self._n_bytes) or headers.get(_CHECKSUM, encoded) != encoded:
            raise UploadDamagedError
        facts = {"content_type": headers["content-type"]}
        if _CHECKSUM in headers:
            facts["sha256"] = self._digest.hexdigest()
        with _translated(self._use.key):
            try:
                return self._draft.publish(facts, is_new=True)
            except FileExistsError as error:
                raise ObjectExistsError from error


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

    @contextmanager
    def upload(self, target: str, headers: Sequence[tuple[str, str]]) -> Iterator[Incoming]:
        """Carry out a PUT by a signed link: it is checked before a byte is taken, and again at the end.

        Raises
        ------
        UploadLinkInvalidError, UploadLinkExpiredError, ObjectExistsError
            What S3 would refuse, for the same reasons.

        """
        use = self._links.check("PUT", target, headers)
        if not use.headers.keys() >= _REQUIRED or not use.headers["content-length"].isdecimal():
            raise UploadLinkInvalidError
        with ExitStack() as stack:
            with _translated(use.key):
                if self._files.exists(use.key):
                    raise ObjectExistsError
                draft = stack.enter_context(self._files.draft(use.key))
            yield Incoming(use, draft)

    def forget_drafts(self) -> None:
        """Remove what is left of uploads whose gateway was killed."""
        with _translated(""):
            self._files.forget_drafts()

    def download(self, target: str, headers: Sequence[tuple[str, str]]) -> Download:
        """Carry out a GET by a signed link; raises as ``upload`` does, and ObjectNotFoundError."""
        use = self._links.check("GET", target, headers)
        with _translated(use.key):
            version, file = self._files.open(use.key)
            content_type = self._files.facts(version).get("content_type", ANY_CONTENT)
        return Download(file, version.n_bytes, content_type, attachment(use.file_name))


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFoundError(key) from error
    except OSError as error:
        raise DependencyUnavailableError("object store") from error
