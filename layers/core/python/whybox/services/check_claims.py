"""Check the claims of a token whose signature holds: by whom, for whom, until when, and whose it is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from whybox.errors import AuthenticationError
from whybox.ports import Identity, TokenKeys

MAX_SUBJECT_LENGTH: Final = 255
LEEWAY_SECONDS: Final = 60
MAX_LIFETIME_SECONDS: Final = 24 * 3600

TOKEN_TYPES: Final[Mapping[str, frozenset[str | None]]] = {
    "jwt": frozenset({"jwt", None}),
    "at+jwt": frozenset({"at+jwt"}),
}
"""What a header's ``typ`` may say, by the kind of access token an issuer writes (None: it may be absent)."""

NOT_OF_ACCESS_TOKENS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "events"})
"""Claims of ID tokens (OpenID Connect Core, sections 2 and 3.3.2.11) and of security events (RFC 8417)."""

ACCESS_TOKEN_KINDS: Final = frozenset({"bearer", "at+jwt", "jwt"})
"""What a ``typ`` claim may say; Keycloak writes Bearer there, and ID or Refresh into what is none."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What a token must be signed with, and by and for whom it must be made out.

    ``types`` is one of ``TOKEN_TYPES``. Where ``clients`` is not empty, only tokens made out to one of them
    are taken; they alone decide where ``audience`` is None, for an issuer whose access tokens have no aud.
    Of scopes written with a prefix only those count that have ``scope_prefix``, without it.
    ``is_from_issuer`` says that tokens come from an identity provider, not from a shared secret's holder.
    """

    keys: TokenKeys
    issuer: str
    audience: str | None
    types: frozenset[str | None] = TOKEN_TYPES["jwt"]
    clients: frozenset[str] = frozenset()
    scope_prefix: str = ""
    is_from_issuer: bool = False

    @property
    def token_source(self) -> str | None:
        """The identity provider to ask for a token; None where the service's own command makes them."""
        return self.issuer if self.is_from_issuer else None


def check_claims(claims: Mapping[str, Any], *, key: TokenKey, now: datetime) -> Identity:
    """Return who the claims name; raises AuthenticationError unless every one of them is as it should be."""
    _check_addressing(claims, key)
    _check_kind(claims)
    _check_client(claims, key)
    _check_times(claims, now.timestamp())
    subject = _subject(claims)
    return Identity(
        tenant=tenant_of(key.issuer, subject),
        issuer=key.issuer,
        subject=subject,
        scopes=_scopes(claims, key.scope_prefix),
    )


def tenant_of(issuer: str, subject: str) -> str:
    """Return the name everything stored for a caller is filed under; subjects are compared byte for byte."""
    return hashlib.sha256(f"{issuer}|{subject}".encode()).hexdigest()


def _check_addressing(claims: Mapping[str, Any], key: TokenKey) -> None:
    if claims.get("iss") != key.issuer:
        raise AuthenticationError("iss is not ours")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if key.audience is None:
        if "aud" in claims or not key.clients:
            raise AuthenticationError("aud, where only the client tells for whom a token is")
    elif not all(isinstance(name, str) for name in audiences) or key.audience not in audiences:
        raise AuthenticationError("aud is not ours")


def _check_kind(claims: Mapping[str, Any]) -> None:
    kind = claims.get("typ", "JWT")
    is_access = isinstance(kind, str) and kind.lower() in ACCESS_TOKEN_KINDS
    if claims.get("token_use", "access") != "access" or not is_access:
        raise AuthenticationError("not an access token")
    if not claims.keys().isdisjoint(NOT_OF_ACCESS_TOKENS):
        raise AuthenticationError("a claim that access tokens do not have")


def _check_client(claims: Mapping[str, Any], key: TokenKey) -> None:
    if not key.clients:
        return
    clients = [claims[name] for name in ("client_id", "azp") if name in claims]
    if not clients or not all(isinstance(name, str) and name in key.clients for name in clients):
        raise AuthenticationError("client_id or azp is not one of ours")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _instant(claims, "exp"), _instant(claims, "iat")
    not_before = _instant(claims, "nbf") if "nbf" in claims else issued
    if expires <= now - LEEWAY_SECONDS:
        raise AuthenticationError("expired")
    if issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS:
        raise AuthenticationError("not valid yet")
    if not issued < expires <= issued + MAX_LIFETIME_SECONDS:
        raise AuthenticationError("lives longer than a day, or ends before it starts")


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AuthenticationError(f"{name} is not a number")
    try:
        seconds = float(value)
    except OverflowError as error:
        raise AuthenticationError(f"{name} is not finite") from error
    if not math.isfinite(seconds):
        raise AuthenticationError(f"{name} is not finite")
    return seconds


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT_LENGTH:
        raise AuthenticationError("sub is not 1 to 255 characters")
    if any("\ud800" <= character <= "\udfff" for character in subject):
        raise AuthenticationError("sub holds half a character")
    return subject


def _scopes(claims: Mapping[str, Any], prefix: str) -> frozenset[str]:
    """Return the scopes of RFC 8693: words separated by single spaces; any other form grants nothing."""
    scope = claims.get("scope")
    if not isinstance(scope, str):
        return frozenset()
    words = (word.removeprefix(prefix) for word in scope.split(" ") if word.startswith(prefix))
    return frozenset(words) - {""}
