"""Who calls: the token is verified here again, and must agree with what the authorizer said."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from whybox.errors import AuthenticationError, InsufficientScopeError
from whybox.http.bearer_tokens import agrees, bearer_token
from whybox.http.gateway_events import authorizer_context
from whybox.ports import Clock, Identity
from whybox.services.verify_token import TokenKey, verify_token

EXPLAIN_SCOPE: Final = "explain:write"


def authenticate(request: Request) -> Identity:
    """Return the caller, or raise AuthenticationError: no authorizer's word, a bad token, or two stories."""
    key: TokenKey | None = request.app.state.token_key
    clock: Clock = request.app.state.clock
    if key is None:
        raise AuthenticationError("the function was given no key to verify with")
    identity = verify_token(bearer_token(request.headers.get("authorization")), key=key, now=clock.now())
    if not agrees(authorizer_context(request.scope.get("aws.event")), identity):
        raise AuthenticationError("the authorizer said nothing, or named another identity")
    request.state.identity = identity
    return identity


def authorize_explanation(request: Request) -> Identity:
    """Return a caller who may have tables explained; raises AuthenticationError or InsufficientScopeError."""
    identity = authenticate(request)
    if EXPLAIN_SCOPE not in identity.scopes:
        raise InsufficientScopeError(EXPLAIN_SCOPE)
    return identity


def tenant_of_request(state: dict[str, Any]) -> str | None:
    """Return the tenant of an authenticated request from its ASGI state, None before authentication."""
    identity: Identity | None = state.get("identity")
    return None if identity is None else identity.tenant
