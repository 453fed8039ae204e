"""The four endpoints that existing users already call: the same requests, keys and shapes.

form or upload_id ─▶ prepare ─▶ estimate ─light─▶ compute under a reservation ─▶ 200
                                   └─heavy, or Prefer: respond-async─▶ submit ─▶ 202 with the job
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.job_documents import PinnedTable
from whybox.domain.tasks.targets import refuse_label_collisions
from whybox.errors import ParameterInvalidError, ResultTooLargeError
from whybox.http.answers import JSON, refuse_large, render_json
from whybox.http.compatible_answers import (
    CLASSIFICATION_SCHEMA,
    REGRESSION_SCHEMA,
    classification_answer,
    regression_answer,
)
from whybox.http.compatible_queries import (
    GbdtClassificationQuery,
    GbdtRegressionQuery,
    MlClassificationQuery,
    MlRegressionQuery,
)
from whybox.http.forms import read_file
from whybox.http.idempotency_keys import KEY_PARAMETER, read_idempotency_key
from whybox.http.identities import authorize_explanation
from whybox.http.job_access import job_ports, threads_of
from whybox.http.job_answers import QUEUED_RESPONSE
from whybox.http.openapi_words import SECURITY, problem_responses
from whybox.http.parameters import refuse_repeats
from whybox.http.preferences import PREFER_PARAMETER, read_preferences
from whybox.http.replays import LEASE_SECONDS, as_response
from whybox.http.submissions import Submitted, limits_of, submit_once
from whybox.ports import Identity, StoredReply
from whybox.services.answer_once import KeyedRequest
from whybox.services.charge_request import ChargeableRequest, charge_request, digest
from whybox.services.describe_result import Layout
from whybox.services.estimate_job import estimate_job
from whybox.services.explain_table import run_explanation
from whybox.services.fetch_table import store_table
from whybox.services.fetch_upload import fetch_upload
from whybox.services.prepare_explanation import prepare_explanation

Document = dict[str, Any]
Shape = Callable[[Document], Document]
Caller = Annotated[Identity, Depends(authorize_explanation)]


def _options(path: str, summary: str, schema: Document) -> Document:
    """Return what the four routes share."""
    return {
        "path": path,
        "summary": summary,
        "dependencies": [Depends(authorize_explanation), Depends(refuse_repeats)],
        "responses": {
            200: {
                "description": "Predictions and scores of the model, and how much each column matters.",
                "content": {JSON: {"schema": schema}},
            },
            202: QUEUED_RESPONSE,
            **problem_responses(401, 403, 404, 409, 410, 415, 422, 429),
        },
        "openapi_extra": {**SECURITY, **REQUEST_BODY},
    }


REQUEST_BODY: Final[Document] = {
    "parameters": [KEY_PARAMETER, PREFER_PARAMETER],
    "requestBody": {
        "required": False,  # where upload_id names the table
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            # How OpenAPI 3.1 says that a part is a file, with a file name; its type is below.
                            "contentMediaType": "application/octet-stream",
                            "description": "The table: a header line, one row per line.",
                        }
                    },
                    "additionalProperties": False,
                },
                "encoding": {"file": {"contentType": "text/csv"}},
            }
        },
    },
}

mlclassification = APIRouter()
mlregression = APIRouter()
gbdtclassification = APIRouter()
gbdtregression = APIRouter()


@mlclassification.post(
    **_options("/mlclassification", "Classify with a scikit-learn model", CLASSIFICATION_SCHEMA)
)
async def classify(
    request: Request, query: Annotated[MlClassificationQuery, Query()], caller: Caller
) -> Response:
    """Fit a scikit-learn classifier on the training rows, and predict and explain the test rows."""
    asked = _Asked(query.as_request("/mlclassification"), query.upload_id)
    return await _explain(
        request, caller, asked, lambda result: classification_answer(result, has_proba=query.predict_proba)
    )


@mlregression.post(**_options("/mlregression", "Regress with a scikit-learn model", REGRESSION_SCHEMA))
async def regress(request: Request, query: Annotated[MlRegressionQuery, Query()], caller: Caller) -> Response:
    """Fit a scikit-learn regressor on the training rows, and predict and explain the test rows."""
    asked = _Asked(query.as_request("/mlregression"), query.upload_id)
    return await _explain(request, caller, asked, regression_answer)


@gbdtclassification.post(
    **_options("/gbdtclassification", "Classify with boosted trees", CLASSIFICATION_SCHEMA)
)
async def classify_boosted(
    request: Request, query: Annotated[GbdtClassificationQuery, Query()], caller: Caller
) -> Response:
    """Fit boosted trees on the training rows, and predict and explain the test rows."""
    asked = _Asked(query.as_request("/gbdtclassification"), query.upload_id)
    return await _explain(
        request, caller, asked, lambda result: classification_answer(result, has_proba=query.predict_proba)
    )


@gbdtregression.post(**_options("/gbdtregression", "Regress with boosted trees", REGRESSION_SCHEMA))
async def regress_boosted(
    request: Request, query: Annotated[GbdtRegressionQuery, Query()], caller: Caller
) -> Response:
    """Fit boosted trees on the training rows, and predict and explain the test rows."""
    asked = _Asked(query.as_request("/gbdtregression"), query.upload_id)
    return await _explain(request, caller, asked, regression_answer)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be done, and the upload it is to be done with, if the table is not in the body."""

    explanation: ExplanationRequest
    upload_id: str | None


async def _explain(request: Request, caller: Identity, asked: _Asked, shape: Shape) -> Response:
    """Refuse what can be refused free of charge, then compute under a reservation, or start a job."""
    key, prefer = read_idempotency_key(request), read_preferences(request)
    table = await _read_table(request, caller, asked.upload_id)
    prepared = prepare_explanation(table.data, asked.explanation)
    refuse_label_collisions(prepared.task.classes)
    fingerprint = _fingerprint(request, table.data, is_async=prefer.is_async)
    job = Submitted(
        tenant=caller.tenant,
        explanation=asked.explanation,
        pin_table=table.pin,
        prefer=prefer,
        function=asked.explanation.route.strip("/"),
    )
    keyed = KeyedRequest(caller.tenant, f"POST {asked.explanation.route}", fingerprint, key)
    if prefer.is_async or estimate_job(prepared, limits=limits_of(request)).route != "light":
        return submit_once(request, keyed, job)
    n_threads = threads_of(request)
    # Whoever called has the table, and recorded answers of a regression have no axis for its only output.
    layout = Layout(has_cells=False, has_output_axis=prepared.task.kind == "classification")
    compute = partial(run_explanation, prepared, n_threads=n_threads, layout=layout)
    try:
        return _answer_at_once(request, keyed, lambda: shape(compute()))
    except ResultTooLargeError:  # nothing was charged, and the key is free
        return submit_once(request, keyed, replace(job, prefer=replace(prefer, is_async=True)))


def _answer_at_once(request: Request, keyed: KeyedRequest, compute: Callable[[], Document]) -> Response:
    """Compute and answer under a reservation; raises ResultTooLargeError for what no answer can carry."""

    def work() -> StoredReply:
        body = render_json(compute())
        refuse_large(body)
        return StoredReply(status=200, headers=(("content-type", JSON),), body=body)

    state = request.app.state
    charged = charge_request(
        ChargeableRequest(
            tenant=keyed.tenant,
            route=keyed.route,
            request_id=request.state.request_id,
            fingerprint=keyed.fingerprint,
            idempotency_key=keyed.idempotency_key,
        ),
        work,
        usage=state.usage,
        replies=state.replies,
        clock=state.clock,
        lease_seconds=LEASE_SECONDS,
    )
    request.state.usage = charged.usage
    return as_response(request, charged.reply, is_replay=charged.is_replay)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table's bytes, and what pins the stored ones, should a job need them."""

    data: bytes
    pin: Callable[[], PinnedTable]


async def _read_table(request: Request, caller: Identity, upload_id: str | None) -> _Table:
    """Return the table of the form in the body, or of an upload."""
    body, ports = await request.body(), job_ports(request)
    if upload_id is None:
        data = read_file(body, request.headers.get("content-type"))
        return _Table(data, lambda: store_table(caller.tenant, data, objects=ports.objects))
    if body:
        raise ParameterInvalidError("upload_id", reason="stands for the table; send no body with it")
    pinned = fetch_upload(
        caller.tenant,
        upload_id,
        announcements=ports.announcements,
        objects=ports.objects,
        clock=request.app.state.clock,
    )
    return _Table(pinned.data, lambda: pinned)


def _fingerprint(request: Request, table: bytes, *, is_async: bool) -> str:
    """Return what the answer depends on: the table itself, because a form's boundary is new with each try."""
    query = sorted(request.query_params.multi_items())
    return digest(
        request.method,
        request.url.path,
        *(text for pair in query for text in pair),
        "multipart/form-data",
        hashlib.sha256(table).hexdigest(),
        *(["respond-async"] if is_async else []),
    )
