"""POST /v1/explanations: a table and what to do with it; small ones are answered at once, others as jobs.

body ─▶ table (upload | rows in JSON | form) ─▶ submit ─▶ 200 with the result
                                                   └─▶ 202 with the job, after the wait the caller wants
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.job_documents import PinnedTable
from whybox.errors import ContentTypeUnsupportedError
from whybox.http.answers import JSON
from whybox.http.explanation_bodies import ROUTE, ExplanationBody, JobBody, UploadSource
from whybox.http.forms import FILE_PART, JOB_PART, MULTIPART, is_form, read_file_and_job
from whybox.http.idempotency_keys import KEY_PARAMETER, read_idempotency_key
from whybox.http.identities import authorize_explanation
from whybox.http.job_access import job_ports
from whybox.http.job_answers import QUEUED_RESPONSE, LinksPart
from whybox.http.json_bodies import parse_json_body
from whybox.http.openapi_words import COMPONENT, SECURITY, problem_responses
from whybox.http.parameters import refuse_parameters
from whybox.http.preferences import PREFER_PARAMETER, read_preferences
from whybox.http.submissions import Submitted, submit_once
from whybox.ports import Identity
from whybox.services.answer_once import KeyedRequest
from whybox.services.charge_request import digest
from whybox.services.fetch_table import store_table
from whybox.services.fetch_upload import fetch_upload

FUNCTION: Final = "explanations"

router = APIRouter()


class ExplanationAnswer(BaseModel):
    """A job that is done, with its result; one too large for an answer is behind ``links.result`` alone."""

    job_id: str
    status: Literal["done"]
    result: Annotated[dict[str, Any], Field(description="The result document.")] = {}
    links: LinksPart


REQUEST_BODY: Final[dict[str, Any]] = {
    "parameters": [KEY_PARAMETER, PREFER_PARAMETER],
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": f"{COMPONENT}{ExplanationBody.__name__}"},
                "example": {
                    "source": {"upload_id": "UPLOAD_ID"},
                    "target": "target",
                    "model": {"family": "xgboost"},
                    "explain": {"method": "shap"},
                },
            },
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": [FILE_PART],
                    "properties": {
                        FILE_PART: {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": "The table.",
                        },
                        JOB_PART: {
                            "$ref": f"{COMPONENT}{JobBody.__name__}",
                            "description": "The JSON document above, without source.",
                        },
                    },
                    "additionalProperties": False,
                },
                "encoding": {FILE_PART: {"contentType": "text/csv"}, JOB_PART: {"contentType": JSON}},
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class _Reading:
    """A body that was read: what is asked for, where its table comes from, and what it is known by."""

    explanation: ExplanationRequest
    pin_table: Callable[[], PinnedTable]
    fingerprint: str


@router.post(
    ROUTE,
    summary="Explain a table of any size",
    responses={
        200: {"model": ExplanationAnswer, "description": "The result, computed at once or found again."},
        202: QUEUED_RESPONSE,
        **problem_responses(400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 503),
    },
    openapi_extra={**SECURITY, **REQUEST_BODY},
    dependencies=[Depends(authorize_explanation), Depends(refuse_parameters)],
)
async def explain(request: Request, caller: Annotated[Identity, Depends(authorize_explanation)]) -> Response:
    """Fit a model to an uploaded table, to rows in the document or to a file in a form, and explain it.

    The same document and table are one job: asked for again, it is answered from what is stored, and charged
    once.
    """
    key = read_idempotency_key(request)
    reading = _read(request, await request.body(), tenant=caller.tenant)
    job = Submitted(
        tenant=caller.tenant,
        explanation=reading.explanation,
        pin_table=reading.pin_table,
        prefer=read_preferences(request),
        function=FUNCTION,
    )
    return submit_once(request, KeyedRequest(caller.tenant, f"POST {ROUTE}", reading.fingerprint, key), job)


def _read(request: Request, body: bytes, *, tenant: str) -> _Reading:
    """Return what a JSON document or a form asks for; raises what both readers raise."""
    content_type = request.headers.get("content-type")
    ports, clock = job_ports(request), request.app.state.clock
    if is_form(content_type):
        table, job = read_file_and_job(body, content_type)
        asked = JobBody() if job is None else parse_json_body(job, JSON, model=JobBody)
        fingerprint = digest(MULTIPART, _sha256(table), _sha256(job or b""))
        return _Reading(
            asked.as_request(), lambda: store_table(tenant, table, objects=ports.objects), fingerprint
        )
    try:
        document = parse_json_body(body, content_type, model=ExplanationBody)
    except ContentTypeUnsupportedError:
        raise ContentTypeUnsupportedError(expected=f"{JSON} in UTF-8, or {MULTIPART},") from None
    inline, source = document.inline_table(), document.source

    def pin_table() -> PinnedTable:
        if isinstance(source, UploadSource):
            return fetch_upload(
                tenant,
                source.upload_id,
                announcements=ports.announcements,
                objects=ports.objects,
                clock=clock,
            )
        return store_table(tenant, inline or b"", objects=ports.objects)

    return _Reading(document.as_request(), pin_table, digest(JSON, _sha256(body)))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
