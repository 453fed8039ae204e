"""Every environment variable of the service, read once and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from whybox.errors import ConfigurationError

MIN_SECRET_BYTES: Final = 32
"""HS256 needs a key at least as long as its hash (RFC 7518, section 3.2)."""

MIN_DISTINCT_BYTES: Final = 8
"""A random 32-byte secret has about 30 different bytes; one with fewer than 8 was typed, not drawn."""

PLACEHOLDERS: Final = ("changeme", "changethis", "replaceme", "yoursecret", "mysecret", "supersecret")
TABLE_VARIABLES: Final = ("WHYBOX_USAGE_TABLE", "WHYBOX_ACCOUNTS_TABLE")
AWS_VARIABLES: Final = ("WHYBOX_JWT_SECRET_ARN", *TABLE_VARIABLES)
JOB_VARIABLES: Final = (
    "WHYBOX_JOBS_TABLE",
    "WHYBOX_BUCKET",
    "WHYBOX_EXPLAIN_QUEUE_URL",
    "WHYBOX_BATCH_QUEUE_URL",
    "WHYBOX_BATCH_MACHINE_ARN",
)
JWKS_VARIABLES: Final = (
    "WHYBOX_JWT_TYP",
    "WHYBOX_JWT_CLIENT_IDS",
    "WHYBOX_JWT_SCOPE_PREFIX",
    "WHYBOX_JWKS_CA_FILE",
)
TOKEN_TYPES: Final = ("at+jwt", "jwt")
AUTH_MODES: Final = ("hs256", "jwks")
BYPASS_VARIABLES: Final = ("WHYBOX_AUTH_BYPASS", "WHYBOX_AUTH_DISABLED", "WHYBOX_DEV_BYPASS")
"""Names that a way around tokens usually has. There is none here, and a start that expects one ends."""

MAX_MONTHLY_LIMIT: Final = 1_000_000_000
MAX_THREADS: Final = 64
MEGABYTES_PER_CORE: Final = 1_769
"""Of a Lambda function's memory, with which its share of the processors grows: AWS's own figure."""

DEFAULT_URL: Final = "http://127.0.0.1:8000"
"""Where ``whybox serve`` answers unless it is told another port."""


@dataclass(frozen=True, slots=True)
class JwksSettings:
    """Tokens of another issuer, verified with the public keys it publishes (RS256, ES256).

    ``token_type`` is the typ of its access tokens' headers: ``at+jwt`` (RFC 9068), or ``jwt``, which may
    also be absent (Cognito, and Auth0's own profile). Where ``clients`` is not empty, only tokens made out to
    one of them are taken.
    """

    url: str
    token_type: str = TOKEN_TYPES[0]
    clients: frozenset[str] = frozenset()
    scope_prefix: str = ""
    ca_file: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self | None:
        """Return None where WHYBOX_JWKS_URL is not set. Raises ConfigurationError."""
        _check_mode(environ)
        url = environ.get("WHYBOX_JWKS_URL") or None
        if url is None:
            return None
        token_type = (environ.get("WHYBOX_JWT_TYP") or TOKEN_TYPES[0]).lower()
        if token_type not in TOKEN_TYPES:
            raise ConfigurationError(f"WHYBOX_JWT_TYP must be one of: {', '.join(TOKEN_TYPES)}.")
        if not (environ.get("WHYBOX_JWT_ISSUER") or "").startswith("https://"):
            raise ConfigurationError(
                "WHYBOX_JWKS_URL needs WHYBOX_JWT_ISSUER: the https:// address in the iss claim of its "
                "tokens, letter by letter."
            )
        ca_file = environ.get("WHYBOX_JWKS_CA_FILE") or None
        return cls(
            url=_checked_address(url),
            token_type=token_type,
            clients=_checked_clients(environ),
            scope_prefix=_checked_prefix(environ),
            ca_file=None if ca_file is None else _checked_file(ca_file),
        )


def _check_mode(environ: Mapping[str, str]) -> None:
    """Refuse two ways to verify tokens at once, half of one, and a way around both."""
    for variable in BYPASS_VARIABLES:
        if environ.get(variable):
            raise ConfigurationError(f"{variable} is set, and there is no way around tokens; leave it out.")
    has_keys = bool(environ.get("WHYBOX_JWKS_URL"))
    mode = environ.get("WHYBOX_AUTH_MODE") or ("jwks" if has_keys else "hs256")
    if mode not in AUTH_MODES:
        raise ConfigurationError(f"WHYBOX_AUTH_MODE must be one of: {', '.join(AUTH_MODES)}.")
    if (mode == "jwks") is not has_keys:
        raise ConfigurationError(
            "WHYBOX_AUTH_MODE=jwks needs WHYBOX_JWKS_URL, and WHYBOX_JWKS_URL needs this mode."
        )
    misplaced = ("WHYBOX_JWT_SECRET", "WHYBOX_JWT_SECRET_ARN") if has_keys else JWKS_VARIABLES
    for variable in misplaced:
        if environ.get(variable):
            reason = "is for the other way to verify tokens" if has_keys else "needs WHYBOX_JWKS_URL"
            raise ConfigurationError(
                f"{variable} {reason}: tokens are verified with a shared secret or with an issuer's keys, "
                "never with both."
            )


def _checked_clients(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the allowed client ids, which must be there where no audience says for whom a token is."""
    names = (environ.get("WHYBOX_JWT_CLIENT_IDS") or "").split(",")
    clients = frozenset(filter(None, (name.strip() for name in names)))
    audience = environ.get("WHYBOX_JWT_AUDIENCE")
    if not audience and not clients:
        raise ConfigurationError(
            "WHYBOX_JWKS_URL needs WHYBOX_JWT_AUDIENCE, or WHYBOX_JWT_CLIENT_IDS for an issuer whose access "
            "tokens have no aud: otherwise every application's tokens would be taken."
        )
    if audience in clients:
        raise ConfigurationError(
            "WHYBOX_JWT_AUDIENCE is one of WHYBOX_JWT_CLIENT_IDS: that is whom ID tokens are for, and they "
            "say nothing of access. Name the API as its issuer knows it."
        )
    return clients


def _checked_prefix(environ: Mapping[str, str]) -> str:
    prefix = environ.get("WHYBOX_JWT_SCOPE_PREFIX") or ""
    if not prefix.isascii() or not prefix.isprintable() or " " in prefix:
        raise ConfigurationError("WHYBOX_JWT_SCOPE_PREFIX must be printable ASCII without spaces.")
    return prefix


def _checked_address(url: str) -> str:
    """Return an https address with a host and nothing that could carry a secret."""
    try:
        parts = urlsplit(url)
        is_plain = parts.username is None and parts.password is None and not parts.fragment
        is_good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and is_plain
    except ValueError:
        is_good = False
    if not is_good or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError("WHYBOX_JWKS_URL must be an https address without a user or a fragment.")
    return url


def _checked_file(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise ConfigurationError("WHYBOX_JWKS_CA_FILE names no file.")
    return path


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Where the state is in AWS; ``secret_arn`` is None where tokens are another issuer's.

    ``endpoint_url`` is another address for all of AWS, for an emulator. What only jobs need may be empty: a
    function that has nothing to do with them starts without it.
    """

    usage_table: str
    accounts_table: str
    secret_arn: str | None = None
    endpoint_url: str | None = None
    jobs_table: str = ""
    bucket: str = ""
    explain_queue_url: str = ""
    batch_queue_url: str = ""
    batch_machine_arn: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self | None:
        """Read the variables of WHYBOX_STORAGE=aws; None for local. Raises ConfigurationError."""
        storage = environ.get("WHYBOX_STORAGE") or "local"
        if storage == "local":
            _refuse_aws_variables(environ)
            return None
        if storage != "aws":
            raise ConfigurationError("WHYBOX_STORAGE must be local or aws.")
        if environ.get("WHYBOX_JWT_SECRET"):
            raise ConfigurationError(
                "WHYBOX_JWT_SECRET would stand in a function's configuration for all to read; keep it "
                "in Secrets Manager and name it in WHYBOX_JWT_SECRET_ARN."
            )
        needed = TABLE_VARIABLES if environ.get("WHYBOX_JWKS_URL") else AWS_VARIABLES
        for variable in needed:
            if not environ.get(variable):
                raise ConfigurationError(f"WHYBOX_STORAGE=aws needs {variable}; the template sets it.")
        return cls(
            usage_table=environ["WHYBOX_USAGE_TABLE"],
            accounts_table=environ["WHYBOX_ACCOUNTS_TABLE"],
            secret_arn=environ.get("WHYBOX_JWT_SECRET_ARN") or None,
            endpoint_url=environ.get("AWS_ENDPOINT_URL") or None,
            jobs_table=environ.get("WHYBOX_JOBS_TABLE", ""),
            bucket=environ.get("WHYBOX_BUCKET", ""),
            explain_queue_url=environ.get("WHYBOX_EXPLAIN_QUEUE_URL", ""),
            batch_queue_url=environ.get("WHYBOX_BATCH_QUEUE_URL", ""),
            batch_machine_arn=environ.get("WHYBOX_BATCH_MACHINE_ARN", ""),
        )


def visible_processors() -> int:
    """Return how many processors this process may run on, or how many there are where no system tells."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return min(MAX_THREADS, (os.cpu_count() or 1) if affinity is None else len(affinity(0)))


def share_of(memory_megabytes: int, *, n_visible: int) -> int:
    """Return the processors of a Lambda function, which may see more of them than its memory gives it."""
    return min(n_visible, max(1, round(memory_megabytes / MEGABYTES_PER_CORE)))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked; a missing secret stays None until the local adapters make one.

    ``url`` is where links to the local gateway begin; ``heavy_memory_megabytes`` is what the functions behind
    the queues have. ``asked_threads`` is None where nobody asked for a number of them, and each process goes
    by the ``cores`` it has.
    """

    home: Path = Path(".whybox")
    aws: AwsSettings | None = None
    jwt_secret: bytes | None = field(default=None, repr=False)
    jwt_issuer: str = "whybox"
    jwt_audience: str | None = "whybox-api"
    jwks: JwksSettings | None = None
    monthly_limit: int = 100
    heavy_memory_megabytes: int = 3008
    url: str = DEFAULT_URL
    asked_threads: int | None = None
    cores: int = field(default_factory=visible_processors)

    @property
    def threads(self) -> int:
        """Threads that work on blocks of rows at the same time."""
        return self.cores if self.asked_threads is None else self.asked_threads

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the ``WHYBOX_`` variables; an empty one counts as not set.

        Raises
        ------
        ConfigurationError
            A value is unsafe, contradictory or out of range. Messages name the variable, never its value.

        """
        aws = AwsSettings.from_environment(environ)
        secret = environ.get("WHYBOX_JWT_SECRET") or None
        jwks = JwksSettings.from_environment(environ)
        audience = None if jwks is not None and not environ.get("WHYBOX_JWT_AUDIENCE") else "whybox-api"
        return cls(
            home=Path(environ.get("WHYBOX_HOME") or ".whybox").expanduser(),
            aws=aws,
            jwt_secret=None if secret is None else checked_secret(secret.encode("utf-8", "surrogateescape")),
            jwt_issuer=_checked_name(environ, "WHYBOX_JWT_ISSUER", default="whybox"),
            jwt_audience=audience and _checked_name(environ, "WHYBOX_JWT_AUDIENCE", default=audience),
            jwks=jwks,
            monthly_limit=_checked_number(environ, "WHYBOX_MONTHLY_LIMIT", 100, largest=MAX_MONTHLY_LIMIT),
            heavy_memory_megabytes=_checked_number(environ, "WHYBOX_HEAVY_MEMORY", 3008, largest=10_240),
            url=_checked_url(environ.get("WHYBOX_URL") or DEFAULT_URL),
            asked_threads=_checked_threads(environ),
            cores=_count_cores(environ),
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


def _refuse_aws_variables(environ: Mapping[str, str]) -> None:
    for variable in (*AWS_VARIABLES, *JOB_VARIABLES):
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


def _checked_url(url: str) -> str:
    """Return the address of a gateway, without a path."""
    parts = urlsplit(url) if url.isascii() and url.isprintable() else None
    if parts is None or parts.scheme not in ("http", "https") or url != f"{parts.scheme}://{parts.netloc}":
        raise ConfigurationError("WHYBOX_URL must be an address like http://127.0.0.1:8000, without a path.")
    return url


def _checked_number(
    environ: Mapping[str, str], variable: str, default: int, *, largest: int, smallest: int = 0
) -> int:
    text = environ.get(variable) or str(default)
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(largest))
    if not (is_number and smallest <= int(text) <= largest):
        raise ConfigurationError(f"{variable} must be a whole number from {smallest} to {largest}.")
    return int(text)


def _checked_threads(environ: Mapping[str, str]) -> int | None:
    if not environ.get("WHYBOX_THREADS"):
        return None
    return _checked_number(environ, "WHYBOX_THREADS", 1, smallest=1, largest=MAX_THREADS)


def _count_cores(environ: Mapping[str, str]) -> int:
    """Return the processors this process has: inside Lambda, which says what memory it gave, a share."""
    n_visible = visible_processors()
    memory = _checked_number(environ, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0, largest=1_000_000)
    return share_of(memory, n_visible=n_visible) if memory else n_visible
