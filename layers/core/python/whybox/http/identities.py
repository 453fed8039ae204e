"""Who calls: the token or key is verified here again, and must agree with what the authorizer said."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from whybox.errors import AuthenticationError, InsufficientScopeError
from whybox.http.bearer_tokens import agrees, bearer_token
from whybox.http.gateway_events import authorizer_context
from whybox.ports import Accounts, Clock, Identity
from whybox.services.check_tenant import check_tenant
from whybox.services.verify_key import verify_credential
from whybox.services.verify_token import TokenKey

EXPLAIN_SCOPE: Final = "explain:write"
JOBS_SCOPE: Final = "jobs:read"


async def authenticate(request: Request) -> Identity:
    """Return the caller.

    Nothing is remembered from one request to the next: a revoked key or a disabled tenant is refused at once.

    Raises
    ------
    AuthenticationError
        No authorizer's word, a bad token or key, or two stories.
    TenantDisabledError
        The caller is who it says, and is shut out.
    KeysUnavailableError, DependencyUnavailableError
        Nobody can say at the moment.

    """
    key: TokenKey | None = request.app.state.token_key
    accounts: Accounts | None = request.app.state.accounts
    clock: Clock = request.app.state.clock
    if key is None or accounts is None:
        raise AuthenticationError("the function was given nothing to verify with")
    credential = bearer_token(request.headers.get("authorization"))
    identity = verify_credential(credential, key=key, keys=accounts.keys, now=clock.now())
    if not agrees(authorizer_context(request.scope.get("aws.event")), identity):
        raise AuthenticationError("the authorizer said nothing, or named another identity")
    check_tenant(identity.tenant, tenants=accounts.tenants)
    request.state.identity = identity
    return identity


async def authorize_explanation(request: Request) -> Identity:
    """Return a caller who may have tables explained; raises AuthenticationError or InsufficientScopeError."""
    return await _authorize(request, EXPLAIN_SCOPE)


async def authorize_reading(request: Request) -> Identity:
    """Return a caller who may see uploads and jobs; raises AuthenticationError or InsufficientScopeError."""
    return await _authorize(request, JOBS_SCOPE)


async def _authorize(request: Request, scope: str) -> Identity:
    identity = await authenticate(request)
    if scope not in identity.scopes:
        raise InsufficientScopeError(scope)
    return identity


def tenant_of_request(state: dict[str, Any]) -> str | None:
    """Return the tenant of an authenticated request from its ASGI state, None before authentication."""
    identity: Identity | None = state.get("identity")
    return None if identity is None else identity.tenant
