"""POST /v1/uploads and GET /v1/uploads/{upload_id}: a link for one file, and what became of it."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from whybox.domain.jobs.uploads import UploadRequest
from whybox.errors import UploadChangedError
from whybox.http.answers import JSON, json_answer, render_json
from whybox.http.idempotency_keys import KEY_PARAMETER, read_idempotency_key
from whybox.http.identities import authorize_explanation, authorize_reading
from whybox.http.job_access import job_ports
from whybox.http.json_bodies import parse_json_body
from whybox.http.openapi_words import SECURITY, body_schema, problem_responses
from whybox.http.parameters import refuse_parameters
from whybox.http.problems import problem_document
from whybox.http.replays import answer_keyed
from whybox.ports import Identity, StoredReply
from whybox.services.answer_once import KeyedRequest
from whybox.services.create_upload import OpenUpload, create_upload
from whybox.services.read_upload import read_upload

ROUTE: Final = "/v1/uploads"
MAX_BODY_BYTES: Final = 64 * 1024
"""A file's name may be long, and nothing else of an announcement is."""

PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CURL_SENDS: Final = frozenset({"content-length"})

router = APIRouter()


class UploadBody(BaseModel):
    """A file that is about to be uploaded."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"filename": "table.csv", "bytes": 124_000, "content_type": "text/csv"}]
        },
    )

    filename: Annotated[str, Field(description="What the file is called; for display only.")]
    n_bytes: Annotated[int, Field(alias="bytes", ge=0, description="Its exact size, at least 1.")]
    content_type: Annotated[str, Field(description="text/csv; nothing else can be read.")] = "text/csv"
    sha256: Annotated[
        str | None, Field(description="Its SHA-256 in hexadecimal; what arrives is held against it.")
    ] = None

    def as_request(self) -> UploadRequest:
        """Return the announcement asked for."""
        return UploadRequest(self.filename, self.n_bytes, self.content_type, self.sha256)


class UploadLink(BaseModel):
    """The one request that stores the file."""

    upload_id: str
    method: str
    url: Annotated[str, Field(description="Where to send the file; whoever has it can, once.")]
    headers: Annotated[dict[str, str], Field(description="Headers that must be sent exactly so.")]
    expires_at: Annotated[str, Field(description="When the link ends, RFC 3339.")]
    curl: Annotated[str, Field(description="The request as a command.")]


class UploadAnswer(BaseModel):
    """What became of an upload."""

    upload_id: str
    status: Annotated[str, Field(description="pending, received, or refused: another file than announced.")]
    n_bytes: Annotated[int, Field(alias="bytes")]
    sha256: str | None
    problem: Annotated[dict[str, Any], Field(description="Why it was refused.")] = {}


@router.post(
    ROUTE,
    status_code=HTTPStatus.CREATED,
    summary="Get a link to upload a table with",
    responses={
        201: {"model": UploadLink, "description": "The link, for five minutes."},
        **problem_responses(400, 401, 403, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra={**SECURITY, "parameters": [KEY_PARAMETER], **body_schema(UploadBody)},
    dependencies=[Depends(refuse_parameters)],
)
async def upload_link(
    request: Request, caller: Annotated[Identity, Depends(authorize_explanation)]
) -> Response:
    """Say how large a table is, and put it where the answer says; then start jobs with its `upload_id`."""
    key = read_idempotency_key(request)
    body = await request.body()
    asked = parse_json_body(
        body, request.headers.get("content-type"), model=UploadBody, limit=MAX_BODY_BYTES
    ).as_request()
    ports, clock = job_ports(request), request.app.state.clock

    def work() -> StoredReply:
        opened = create_upload(
            asked,
            tenant=caller.tenant,
            uploads=ports.uploads,
            announcements=ports.announcements,
            clock=clock,
        )
        headers = (("content-type", JSON), ("location", f"{ROUTE}/{opened.announcement.upload_id}"))
        return StoredReply(HTTPStatus.CREATED, headers, render_json(_describe_link(opened)))

    keyed = KeyedRequest(caller.tenant, f"POST {ROUTE}", hashlib.sha256(body).hexdigest(), key)
    return answer_keyed(request, keyed, work)


@router.get(
    f"{ROUTE}/{{upload_id}}",
    summary="What became of an upload",
    responses={200: {"model": UploadAnswer}, **problem_responses(401, 403, 404, 410, 422, 503)},
    openapi_extra=SECURITY,
    dependencies=[Depends(refuse_parameters)],
)
async def upload_state(
    request: Request,
    upload_id: Annotated[str, Path(description="The upload's id.")],
    caller: Annotated[Identity, Depends(authorize_reading)],
) -> Response:
    """Tell whether the file has arrived, and whether it is the one that was announced."""
    ports = job_ports(request)
    state = read_upload(
        caller.tenant,
        upload_id,
        announcements=ports.announcements,
        objects=ports.objects,
        clock=request.app.state.clock,
    )
    document: dict[str, Any] = {
        "upload_id": state.announcement.upload_id,
        "status": state.status,
        "bytes": state.n_bytes,
        "sha256": state.sha256,
    }
    if state.status == "refused":
        document["problem"] = problem_document(UploadChangedError(), request_id=request.state.request_id)
    return json_answer(document)


def _describe_link(opened: OpenUpload) -> dict[str, Any]:
    link = opened.link
    return {
        "upload_id": opened.announcement.upload_id,
        "method": link.method,
        "url": link.url,
        "headers": dict(link.headers),
        "expires_at": link.expires_at.isoformat(),
        "curl": _curl(opened.announcement.filename, link.url, link.headers),
    }


def _curl(file_name: str, url: str, headers: Mapping[str, str]) -> str:
    """Return the upload as a command; a name that a shell or curl would read its own way is not repeated."""
    name = file_name if PLAIN_NAME.fullmatch(file_name) else "FILE"
    sent = (
        f"-H {shlex.quote(f'{header}: {text}')}"
        for header, text in headers.items()
        if header.lower() not in CURL_SENDS
    )
    return " ".join(["curl -fsS -T", name, *sent, shlex.quote(url)])
