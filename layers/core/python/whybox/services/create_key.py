"""Make an API key for a person or program; its text exists here and with its owner, and nowhere else."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from whybox.domain.api_keys import ALPHABET, ID_LENGTH, SECRET_LENGTH, digest_of, write_key
from whybox.errors import ConfigurationError
from whybox.ports import ApiKey, KeyStore
from whybox.services.verify_token import MAX_SUBJECT_LENGTH, tenant_of

MAX_KEY_DAYS: Final = 366
MAX_NAME_LENGTH: Final = 64


def create_key(
    subject: str,
    *,
    issuer: str,
    scopes: Iterable[str],
    lifetime: timedelta,
    now: datetime,
    keys: KeyStore,
    name: str = "",
) -> tuple[str, ApiKey]:
    """Return the text of a new key, which cannot be had again, and what is stored of it.

    The key speaks for the same tenant as a token of this issuer and subject.

    Raises
    ------
    ConfigurationError
        The subject, the name, the scopes or the lifetime is one that no key may have.

    """
    granted = frozenset(scopes)
    if not 1 <= len(subject) <= MAX_SUBJECT_LENGTH or _has_half_characters(subject):
        raise ConfigurationError(f"A subject has 1 to {MAX_SUBJECT_LENGTH} characters, all of them whole.")
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise ConfigurationError(f"The name of a key has at most {MAX_NAME_LENGTH} printable characters.")
    if not all(scope and scope.isascii() and scope.isprintable() and " " not in scope for scope in granted):
        raise ConfigurationError("A scope is one word.")
    if not timedelta(0) < lifetime <= timedelta(days=MAX_KEY_DAYS):
        raise ConfigurationError(f"A key lives for more than nothing and at most {MAX_KEY_DAYS} days.")
    text = write_key(_draw(ID_LENGTH), _draw(SECRET_LENGTH))
    key = ApiKey(
        key_id=text.split("_")[1],
        tenant=tenant_of(issuer, subject),
        issuer=issuer,
        subject=subject,
        name=name,
        scopes=granted,
        digest=digest_of(text),
        created_at=now,
        expires_at=now + lifetime,
    )
    keys.add(key)
    return text, key


def _draw(n_letters: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(n_letters))


def _has_half_characters(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
