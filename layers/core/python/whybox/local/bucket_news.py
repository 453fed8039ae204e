"""News of the bucket: files that appear or change in its folder are told to a queue, as S3 tells of objects.

    walk the folder ─▶ new or changed? ─▶ the same one tick later? ─▶ keep the version ─▶ send ─▶ note it

A file that is still being written changes between two ticks and is left alone until it does not.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from whybox.adapters.local.sqlite_told_files import SqliteToldFiles
from whybox.adapters.local.versioned_files import FileVersion, VersionedFiles
from whybox.errors import BackingServiceError
from whybox.job_ports import WorkQueue
from whybox.local.event_sources import Notification
from whybox.local.intrinsics import LOCAL_ACCOUNT, LOCAL_REGION
from whybox.ports import Clock

logger = logging.getLogger(__name__)

BUCKET_NAME = "bucket"
TICK_SECONDS = 1.0
_TICK_SHARE = 20
"""A walk through very many files is made less often: walking takes at most a twentieth of the time."""


class BucketNews:
    """Tells one queue of the files that one notification is about."""

    def __init__(
        self,
        notification: Notification,
        *,
        files: VersionedFiles,
        told_files: SqliteToldFiles,
        queue: WorkQueue,
        clock: Clock,
    ) -> None:
        self._notification = notification
        self._files = files
        self._told_files = told_files
        self._queue = queue
        self._clock = clock
        self._seen: dict[str, FileVersion] = {}
        self._announced: dict[str, str] | None = None
        self._latest_sequencer = 0

    async def run(self) -> None:
        """Look and tell, for ever."""
        while True:
            started = time.monotonic()
            try:
                await asyncio.to_thread(self.tick)
            except (BackingServiceError, OSError) as error:
                logger.warning("the bucket's folder: %s", error)
            await asyncio.sleep(max(TICK_SECONDS, _TICK_SHARE * (time.monotonic() - started)))

    def tick(self) -> None:
        """Look once, and tell of what has not changed since the last look and was not told of."""
        if self._announced is None:
            self._announced = self._told_files.read()
        found = {
            file.key: file for file in self._files.walk(self._notification.prefix) if self._is_meant(file)
        }
        for key in self._announced.keys() - found.keys():
            self._told_files.forget(key)
            del self._announced[key]
        for key, file in found.items():
            is_known = self._announced.get(key) == file.version
            if not is_known and self._seen.get(key) == file and self._files.keep(file):
                self._queue.send(
                    json.dumps(s3_event(file, sequencer=self._sequencer(), now=self._clock.now()))
                )
                self._told_files.note(key, file.version)
                self._announced[key] = file.version
        self._seen = found

    def _is_meant(self, file: FileVersion) -> bool:
        return file.key.endswith(self._notification.suffix)

    def _sequencer(self) -> int:
        """Return a number larger than those of all news before, also before a restart."""
        self._latest_sequencer = max(self._latest_sequencer + 1, time.time_ns())
        return self._latest_sequencer


def s3_event(file: FileVersion, *, sequencer: int, now: datetime) -> Mapping[str, Any]:
    """Return the body of the message that S3 sends about a new object, its key encoded as S3 encodes it."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": LOCAL_REGION,
                "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
                "eventName": "ObjectCreated:Put",
                "userIdentity": {"principalId": LOCAL_ACCOUNT},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {
                    "x-amz-request-id": uuid.uuid4().hex[:16].upper(),
                    "x-amz-id-2": "local",
                },
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "local",
                    "bucket": {
                        "name": BUCKET_NAME,
                        "ownerIdentity": {"principalId": LOCAL_ACCOUNT},
                        "arn": f"arn:aws:s3:::{BUCKET_NAME}",
                    },
                    "object": {
                        "key": quote_plus(file.key, safe="/"),
                        "size": file.n_bytes,
                        "eTag": hashlib.sha256(file.version.encode()).hexdigest()[:32],
                        "versionId": file.version,
                        "sequencer": f"{sequencer:018X}",
                    },
                },
            }
        ]
    }
