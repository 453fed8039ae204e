"""The bucket's own door in the gateway: signed links, answered without a function, as S3 answers its own.

    PUT /bucket/<key>?...   checked ─▶ taken in piece by piece ─▶ checked again ─▶ an object      200
    GET /bucket/<key>?...   checked ─▶ sent piece by piece, as a file to keep                     200

What S3 refuses is refused with the same status: 403 (changed, expired, another method), 400 (other bytes than
announced), 412 (there is an object already), 404. Where S3 writes XML, this writes a problem document, as the
rest of this service does: a client of S3 decides by the status.
"""

from __future__ import annotations

import asyncio

from whybox.adapters.local.folder_objects import FolderUploads, Incoming
from whybox.adapters.local.signed_links import PATH
from whybox.errors import UploadLinkInvalidError
from whybox.local.answers import FileBody, HttpAnswer
from whybox.local.bodies import RequestBody
from whybox.local.events import HttpRequest

PIECE_BYTES = 1024 * 1024
"""What is held of a file at a time."""


class Bucket:
    """Answers requests that come by a signed link."""

    def __init__(self, uploads: FolderUploads) -> None:
        self._uploads = uploads

    @staticmethod
    def is_asked(request: HttpRequest) -> bool:
        """Whether the request is for the bucket, by a good link or not."""
        return request.raw_path.startswith(PATH)

    async def answer(self, request: HttpRequest, body: RequestBody) -> HttpAnswer:
        """Carry the request out; raises what ``FolderUploads`` does, and ClientGoneError."""
        target = f"{request.raw_path}?{request.query_string}"
        if request.method == "PUT":
            with self._uploads.upload(target, request.headers) as incoming:
                version = await _take(body, incoming)
            return HttpAnswer(200, (("x-amz-version-id", version),), b"")
        if request.method != "GET":
            raise UploadLinkInvalidError
        found = await asyncio.to_thread(self._uploads.download, target, request.headers)
        headers = (
            ("content-type", found.content_type),
            ("content-disposition", found.disposition),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        )
        return HttpAnswer(200, headers, FileBody(found.file, found.n_bytes))


async def _take(body: RequestBody, incoming: Incoming) -> str:
    """Write the body down as it comes, and return the version it became."""
    waiting = bytearray()
    async for piece in body.pieces():
        waiting += piece
        if len(waiting) >= PIECE_BYTES:
            await asyncio.to_thread(incoming.take, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(incoming.take, bytes(waiting))
    return await asyncio.to_thread(incoming.complete)
