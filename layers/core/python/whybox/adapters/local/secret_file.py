"""The signing secrets of a laptop: each made once in WHYBOX_HOME, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from whybox.errors import ConfigurationError

FILE_NAME: Final = "jwt-secret"
SECRET_BYTES: Final = 32
OWNER_ONLY: Final = 0o600
LINK_FILE_NAME: Final = "link-secret"
"""Signs links to uploads and results; another one than signs tokens."""


def read_or_make_secret(home: Path, name: str = FILE_NAME) -> bytes:
    """Return the secret in ``home/<name>``, made now if there is none; of many makers at once, one wins.

    Raises
    ------
    ConfigurationError
        The file cannot be made or read, is open to others, or holds too little.

    """
    path = home / name
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{name} in WHYBOX_HOME can be read by other users; chmod it to 600.")
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(f"{name} in WHYBOX_HOME cannot be made or read.") from error
    if len(secret) < SECRET_BYTES:
        raise ConfigurationError(
            f"{name} in WHYBOX_HOME has {len(secret)} bytes, not {SECRET_BYTES}; delete it for another.",
            limit=SECRET_BYTES,
            actual=len(secret),
        )
    return secret


def _make(path: Path) -> None:
    """Write the whole file under a name of its own, then link it: a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            file.write(secrets.token_hex(SECRET_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
