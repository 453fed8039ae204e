"""Bearer tokens and API keys on their way through the gateway, without a web framework for the authorizer."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from whybox.errors import AuthenticationError
from whybox.ports import Clock, Identity, KeyStore
from whybox.services.verify_key import verify_credential
from whybox.services.verify_token import TokenKey

logger = logging.getLogger(__name__)

BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
"""One token or API key after the scheme (RFC 6750; the scheme's case does not count, RFC 9110). Two headers,
which a gateway joins with a comma, do not match."""


def bearer_token(authorization: str | None) -> str:
    """Return the token of an Authorization header; raises AuthenticationError."""
    match = BEARER.fullmatch((authorization or "").strip(" "))
    if match is None:
        raise AuthenticationError("no single bearer token in Authorization")
    return match[1]


def identity_context(identity: Identity) -> dict[str, str]:
    """Return what the authorizer tells the function behind it about a caller."""
    return {"tenant": identity.tenant, "scopes": " ".join(sorted(identity.scopes))}


def authorize(event: object, *, key: TokenKey, clock: Clock, keys: KeyStore | None = None) -> dict[str, Any]:
    """Return the gateway's simple response to an authorizer event; anything but a valid credential is a no.

    A no has no context: nothing of a token that was not verified travels on. A yes may be remembered by the
    gateway; the application behind it asks again, on every request.
    """
    try:
        credential = bearer_token(_authorization(event))
        identity = verify_credential(credential, key=key, keys=keys, now=clock.now())
    except AuthenticationError as error:
        logger.info("refused", extra={"cause": error.cause})
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": identity_context(identity)}


def agrees(said: Mapping[str, Any] | None, identity: Identity) -> bool:
    """Whether what the authorizer said is what the token proves; a gateway may leave empty texts out."""
    proved = identity_context(identity)
    return said is not None and {name: said.get(name, "") for name in proved} == proved


def _authorization(event: object) -> str | None:
    headers = event.get("headers") if isinstance(event, Mapping) else None
    if not isinstance(headers, Mapping):
        return None
    given = [value for name, value in headers.items() if str(name).lower() == "authorization"]
    return given[0] if len(given) == 1 and isinstance(given[0], str) else None
