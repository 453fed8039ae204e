"""Every environment variable of the service, read once and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self

from whybox.errors import ConfigurationError

MIN_SECRET_BYTES: Final = 32
"""HS256 needs a key at least as long as its hash (RFC 7518, section 3.2)."""

MIN_DISTINCT_BYTES: Final = 8
"""A random 32-byte secret has about 30 different bytes; one with fewer than 8 was typed, not drawn."""

PLACEHOLDERS: Final = ("changeme", "changethis", "replaceme", "yoursecret", "mysecret", "supersecret")
AWS_VARIABLES: Final = ("WHYBOX_JWT_SECRET_ARN", "WHYBOX_USAGE_TABLE")
MAX_MONTHLY_LIMIT: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked; a missing secret stays None until the local adapters make one."""

    home: Path = Path(".whybox")
    storage: Literal["local"] = "local"
    jwt_secret: bytes | None = field(default=None, repr=False)
    jwt_issuer: str = "whybox"
    jwt_audience: str = "whybox-api"
    monthly_limit: int = 100

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the ``WHYBOX_`` variables; an empty one counts as not set.

        Raises
        ------
        ConfigurationError
            A value is unsafe, contradictory or out of range. Messages name the variable, never its value.

        """
        _refuse_aws(environ)
        secret = environ.get("WHYBOX_JWT_SECRET") or None
        return cls(
            home=Path(environ.get("WHYBOX_HOME") or ".whybox").expanduser(),
            jwt_secret=None if secret is None else checked_secret(secret.encode("utf-8", "surrogateescape")),
            jwt_issuer=_checked_name(environ, "WHYBOX_JWT_ISSUER", default="whybox"),
            jwt_audience=_checked_name(environ, "WHYBOX_JWT_AUDIENCE", default="whybox-api"),
            monthly_limit=_monthly_limit(environ),
        )


def checked_secret(secret: bytes) -> bytes:
    """Return a signing secret that is long and random enough; raises ConfigurationError."""
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigurationError(
            f"WHYBOX_JWT_SECRET has {len(secret)} bytes and needs at least {MIN_SECRET_BYTES}; "
            "make one with: openssl rand -hex 32",
            limit=MIN_SECRET_BYTES,
            actual=len(secret),
        )
    letters = "".join(filter(str.isalpha, secret.decode("utf-8", "replace").lower()))
    if any(word in letters for word in PLACEHOLDERS) or len(set(secret)) < MIN_DISTINCT_BYTES:
        raise ConfigurationError(
            "WHYBOX_JWT_SECRET is a placeholder that anybody can guess; make one with: openssl rand -hex 32"
        )
    return secret


def _refuse_aws(environ: Mapping[str, str]) -> None:
    storage = environ.get("WHYBOX_STORAGE") or "local"
    if storage == "aws":
        raise ConfigurationError(
            "WHYBOX_STORAGE=aws needs the AWS adapters, which this release does not have yet; use local."
        )
    if storage != "local":
        raise ConfigurationError("WHYBOX_STORAGE must be local or aws.")
    for variable in AWS_VARIABLES:
        if environ.get(variable):
            raise ConfigurationError(
                f"{variable} is for the AWS adapters, which WHYBOX_STORAGE=local does not use; leave it out. "
                "Here the secret is WHYBOX_JWT_SECRET, or made in WHYBOX_HOME."
            )


def _checked_name(environ: Mapping[str, str], variable: str, *, default: str) -> str:
    """Return an issuer or audience; ``|`` stays free: it separates issuer and subject in a tenant."""
    name = environ.get(variable) or default
    if not name.isprintable() or "|" in name or name != name.strip() or len(name) > 255:
        raise ConfigurationError(
            f"{variable} must be 1 to 255 printable characters without | and outer spaces."
        )
    return name


def _monthly_limit(environ: Mapping[str, str]) -> int:
    text = environ.get("WHYBOX_MONTHLY_LIMIT") or "100"
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MAX_MONTHLY_LIMIT):
        raise ConfigurationError(
            f"WHYBOX_MONTHLY_LIMIT must be a whole number from 0 to {MAX_MONTHLY_LIMIT}."
        )
    return int(text)
