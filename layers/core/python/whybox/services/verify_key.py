"""Verify an API key, and tell keys from tokens: what a caller shows to prove who it is."""

from __future__ import annotations

import hmac
from datetime import datetime

from whybox.domain.api_keys import digest_of, is_like_key, read_key_id
from whybox.errors import AuthenticationError
from whybox.ports import Identity, KeyStore
from whybox.services.verify_token import TokenKey, tenant_of, verify_token


def verify_credential(credential: str, *, key: TokenKey, keys: KeyStore | None, now: datetime) -> Identity:
    """Return who a token or an API key proves the caller to be.

    Keys speak for subjects of the issuer whose tokens are taken; without a store of keys there are none.

    Raises
    ------
    AuthenticationError
        For every cause alike.
    KeysUnavailableError, DependencyUnavailableError
        Nobody can say at the moment.

    """
    if not is_like_key(credential):
        return verify_token(credential, key=key, now=now)
    if keys is None:
        raise AuthenticationError("the function was given no API keys to look in")
    return verify_key(credential, issuer=key.issuer, keys=keys, now=now)


def verify_key(text: str, *, issuer: str, keys: KeyStore, now: datetime) -> Identity:
    """Return who an API key speaks for, by the store as it is now: a revoked key ends with its next use.

    Raises
    ------
    AuthenticationError
        For every cause alike; ``cause`` says which, for the log.
    DependencyUnavailableError
        The store does not answer.

    """
    key_id = read_key_id(text)
    if key_id is None:
        raise AuthenticationError("API key is mistyped or cut off")
    stored, digest = keys.find(key_id), digest_of(text)
    if stored is None or not hmac.compare_digest(digest, stored.digest):
        raise AuthenticationError("API key is unknown")
    if stored.revoked_at is not None:
        raise AuthenticationError("API key is revoked")
    if now >= stored.expires_at:
        raise AuthenticationError("API key has expired")
    if stored.issuer != issuer:
        raise AuthenticationError("API key is of another issuer")
    # The tenant is worked out again: no row can make a key speak for somebody its subject is not.
    tenant = tenant_of(stored.issuer, stored.subject)
    return Identity(tenant=tenant, issuer=stored.issuer, subject=stored.subject, scopes=stored.scopes)
