"""GET /usage: how much of the month's quota is used; free of charge."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from whybox.http.answers import json_answer
from whybox.http.identities import authenticate
from whybox.http.openapi_words import SECURITY, problem_responses
from whybox.http.parameters import refuse_parameters
from whybox.ports import Identity
from whybox.services.read_usage import read_usage

router = APIRouter()


class UsageAnswer(BaseModel):
    """The count of charged requests in one calendar month, UTC."""

    limit: Annotated[int, Field(description="Requests the plan allows in a month.")]
    used: Annotated[int, Field(description="Requests that were delivered, or are being computed.")]
    remaining: Annotated[int, Field(description="Requests left, never negative.")]
    period: Annotated[str, Field(description="The month, such as 2026-11.")]
    resets_at: Annotated[str, Field(description="When the next month starts, RFC 3339.")]


@router.get(
    "/usage",
    summary="How much of this month's quota is used",
    responses={200: {"model": UsageAnswer}, **problem_responses(401, 403, 422)},
    openapi_extra=SECURITY,
    dependencies=[Depends(refuse_parameters)],
)
async def usage(request: Request, identity: Annotated[Identity, Depends(authenticate)]) -> Response:
    """Count a request only when its answer is delivered; refusals, failures and repeats cost nothing."""
    state = request.app.state
    counted = read_usage(identity.tenant, usage=state.usage, clock=state.clock)
    request.state.usage = counted
    return json_answer(
        {
            "limit": counted.limit,
            "used": counted.used,
            "remaining": counted.remaining,
            "period": counted.period,
            "resets_at": counted.resets_at.isoformat(),
        }
    )
