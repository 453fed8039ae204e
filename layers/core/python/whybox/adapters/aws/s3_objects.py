"""Objects in a versioned S3 bucket, and presigned requests to it.

Where a role may not list the bucket, S3 answers 403 instead of 404 for an object that is gone. So whoever
reads objects that may be gone also needs ``s3:ListBucket``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from whybox.domain.jobs.object_keys import attachment
from whybox.errors import DependencyUnavailableError, ObjectNotFoundError
from whybox.job_ports import ListedObject, SignedUpload, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOT_FOUND: Final = frozenset({"404", "NoSuchKey", "NoSuchVersion", "405", "MethodNotAllowed"})
"""What S3 says of a key or version that is gone; 405 is a version that marks a deletion."""

READ_ATTEMPTS: Final = 3
"""The SDK tries a request again, not a body that breaks off."""

DELETE_BATCH: Final = 1000


class S3Objects:
    """ObjectStore on S3."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes, *, content_type: str) -> str:
        """Store the bytes as what the key stands for now; see the port."""
        with _translated(key):
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
            )
        return answer["VersionId"]

    def get(self, key: str, *, version: str | None = None) -> bytes:
        """Return the bytes of a version, or of the current one; see the port."""
        with _translated(key):
            for attempt in range(1, READ_ATTEMPTS + 1):
                try:
                    answer = self._client.get_object(Bucket=self._bucket, Key=key, **_at(version))
                    return answer["Body"].read()
                except (IncompleteReadError, ReadTimeoutError, ResponseStreamingError):
                    if attempt == READ_ATTEMPTS:
                        raise
        raise AssertionError

    def head(self, key: str, *, version: str | None = None) -> StoredObject:
        """Return what is known about a version, or the current one; see the port."""
        with _translated(key):
            found = self._client.head_object(
                Bucket=self._bucket, Key=key, ChecksumMode="ENABLED", **_at(version)
            )
        return StoredObject(
            key=key,
            version=found["VersionId"],
            n_bytes=found["ContentLength"],
            content_type=found["ContentType"],
            stored_at=found["LastModified"],
            sha256=_sha256(found.get("ChecksumSHA256", "")),
        )

    def sign_download(self, key: str, *, file_name: str, expires_seconds: int) -> str:
        """Return a link that anybody can read the object with until it expires; see the port."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": attachment(file_name),
                "ResponseCacheControl": "no-store",
            },
            ExpiresIn=expires_seconds,
        )

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """Yield the current objects under a prefix; see the port."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with _translated(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    yield ListedObject(found["Key"], found["Size"], found["LastModified"])

    def delete_all(self, prefix: str) -> int:
        """Delete every version of every object under the prefix; see the port."""
        if not prefix.strip("/") or not prefix.endswith("/"):
            raise ValueError("a prefix to delete names a whole folder")
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": DELETE_BATCH}
        )
        n_deleted = 0
        with _translated(prefix):
            for page in [*pages]:  # all of it first: a list that is deleted from while it is read can skip
                versions, marks = page.get("Versions", []), page.get("DeleteMarkers", [])
                self._delete([{"Key": it["Key"], "VersionId": it["VersionId"]} for it in [*versions, *marks]])
                n_deleted += len(versions)
        return n_deleted

    def _delete(self, objects: Any) -> None:
        for start in range(0, len(objects), DELETE_BATCH):
            batch = objects[start : start + DELETE_BATCH]
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True}
            )
            if answer.get("Errors"):
                raise DependencyUnavailableError("object store")


class S3Uploads:
    """UploadSigner for S3: a presigned PUT, every header of which is signed."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def sign_upload(
        self, key: str, *, n_bytes: int, content_type: str, sha256: str | None, expires_seconds: int = 300
    ) -> SignedUpload:
        """Return the request that stores the object; see the port."""
        headers = {"content-length": str(n_bytes), "content-type": content_type, "if-none-match": "*"}
        params: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": key,
            "ContentLength": n_bytes,
            "ContentType": content_type,
            "IfNoneMatch": "*",
        }
        if sha256 is not None:
            checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
            headers["x-amz-checksum-sha256"] = params["ChecksumSHA256"] = checksum
        with _translated(key):
            url = self._client.generate_presigned_url("put_object", Params=params, ExpiresIn=expires_seconds)
        return SignedUpload("PUT", url, headers, _end_of(url))


def _at(version: str | None) -> Any:
    return {} if version is None else {"VersionId": version}


def _sha256(checksum: str) -> str | None:
    """Return the digest in hexadecimal; an upload in parts has none of the whole (it says "...-2")."""
    return base64.b64decode(checksum).hex() if checksum and "-" not in checksum else None


def _end_of(url: str) -> datetime:
    """Return when a presigned URL ends, as the URL itself says."""
    query = parse_qs(urlsplit(url).query)
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + timedelta(seconds=int(query["X-Amz-Expires"][0]))


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in NOT_FOUND:
            raise ObjectNotFoundError(key) from error
        raise DependencyUnavailableError("object store") from error
    except BotoCoreError as error:
        raise DependencyUnavailableError("object store") from error
