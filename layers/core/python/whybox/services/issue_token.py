"""Issue an access token of the self-hosted mode, for the command line and for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import jwt

from whybox.errors import ConfigurationError
from whybox.services.verify_token import MAX_LIFETIME_SECONDS, MAX_SUBJECT_LENGTH

DEFAULT_LIFETIME: Final = timedelta(hours=24)
DEFAULT_SCOPES: Final = ("explain:write",)


def issue_token(
    subject: str,
    *,
    secret: bytes,
    issuer: str,
    audience: str,
    now: datetime,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    lifetime: timedelta = DEFAULT_LIFETIME,
) -> str:
    """Return a token that ``verify_token`` accepts from ``now`` on, for at most a day.

    Raises
    ------
    ConfigurationError
        The subject or the lifetime is one that would never be accepted.

    """
    if not 1 <= len(subject) <= MAX_SUBJECT_LENGTH:
        raise ConfigurationError(f"A subject has 1 to {MAX_SUBJECT_LENGTH} characters.")
    if not timedelta(0) < lifetime <= timedelta(seconds=MAX_LIFETIME_SECONDS):
        raise ConfigurationError("A token lives for more than nothing and at most 24 hours.")
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, secret, algorithm="HS256")
