"""The four endpoints that existing users already call: the same requests, keys and shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from whybox.domain.tasks.targets import refuse_label_collisions
from whybox.errors import IdempotencyKeyInvalidError
from whybox.http.answers import GUARD_HEADERS, JSON, refuse_large, render_json
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
from whybox.http.identities import authorize_explanation
from whybox.http.openapi_words import SECURITY, problem_responses
from whybox.http.parameters import refuse_repeats
from whybox.ports import Identity, StoredReply
from whybox.services.charge_request import ChargeableRequest, charge_request, digest
from whybox.services.explain_table import ExplanationRequest, prepare_explanation, run_explanation

LEASE_SECONDS: Final = 60.0
"""Twice what a function behind an HTTP API may run: whoever outlives it was ended."""

MAX_KEY_LENGTH: Final = 255

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
            **problem_responses(401, 403, 409, 415, 422, 429),
        },
        "openapi_extra": {**SECURITY, **REQUEST_BODY},
    }


REQUEST_BODY: Final[Document] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Repeat a request under its key: the same answer, byte for byte, charged once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
        }
    ],
    "requestBody": {
        "required": True,
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
    asked = query.as_request("/mlclassification")
    return await _explain(
        request, caller, asked, lambda result: classification_answer(result, has_proba=query.predict_proba)
    )


@mlregression.post(**_options("/mlregression", "Regress with a scikit-learn model", REGRESSION_SCHEMA))
async def regress(request: Request, query: Annotated[MlRegressionQuery, Query()], caller: Caller) -> Response:
    """Fit a scikit-learn regressor on the training rows, and predict and explain the test rows."""
    return await _explain(request, caller, query.as_request("/mlregression"), regression_answer)


@gbdtclassification.post(
    **_options("/gbdtclassification", "Classify with boosted trees", CLASSIFICATION_SCHEMA)
)
async def classify_boosted(
    request: Request, query: Annotated[GbdtClassificationQuery, Query()], caller: Caller
) -> Response:
    """Fit boosted trees on the training rows, and predict and explain the test rows."""
    asked = query.as_request("/gbdtclassification")
    return await _explain(
        request, caller, asked, lambda result: classification_answer(result, has_proba=query.predict_proba)
    )


@gbdtregression.post(**_options("/gbdtregression", "Regress with boosted trees", REGRESSION_SCHEMA))
async def regress_boosted(
    request: Request, query: Annotated[GbdtRegressionQuery, Query()], caller: Caller
) -> Response:
    """Fit boosted trees on the training rows, and predict and explain the test rows."""
    return await _explain(request, caller, query.as_request("/gbdtregression"), regression_answer)


async def _explain(request: Request, caller: Identity, asked: ExplanationRequest, shape: Shape) -> Response:
    """Refuse what can be refused free of charge, then compute under a reservation and answer."""
    key = _idempotency_key(request)
    table = read_file(await request.body(), request.headers.get("content-type"))
    prepared = prepare_explanation(table, asked)
    refuse_label_collisions(prepared.task.classes)

    def compute() -> StoredReply:
        body = render_json(shape(run_explanation(prepared)))
        refuse_large(body)
        return StoredReply(status=200, headers=(("content-type", JSON),), body=body)

    state = request.app.state
    charged = charge_request(
        ChargeableRequest(
            tenant=caller.tenant,
            route=f"POST {asked.route}",
            request_id=request.state.request_id,
            fingerprint=_fingerprint(request, table),
            idempotency_key=key,
        ),
        compute,
        usage=state.usage,
        replies=state.replies,
        clock=state.clock,
        lease_seconds=LEASE_SECONDS,
    )
    request.state.usage, request.state.is_replay = charged.usage, charged.is_replay
    headers = {**GUARD_HEADERS, **dict(charged.reply.headers)}
    if charged.is_replay:
        headers["idempotency-replayed"] = "true"
    return Response(charged.reply.body, charged.reply.status, headers)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    is_printable = key.isascii() and key.isprintable() and key.strip() != ""
    if not is_printable or len(key) > MAX_KEY_LENGTH:
        raise IdempotencyKeyInvalidError(limit=MAX_KEY_LENGTH, actual=len(key))
    return key


def _fingerprint(request: Request, table: bytes) -> str:
    """Return what the answer depends on: the table itself, because a form's boundary is new with each try."""
    query = sorted(request.query_params.multi_items())
    return digest(
        request.method,
        request.url.path,
        *(text for pair in query for text in pair),
        "multipart/form-data",
        hashlib.sha256(table).hexdigest(),
    )
