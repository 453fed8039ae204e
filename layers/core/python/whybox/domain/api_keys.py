"""The text of an API key: how it is written, and how a typing mistake is told from a key.

    wbx_h3K9…12…_Zq0…43…7f2…6…
    │    id       secret  checksum of all before it
    └ what a scanner for leaked secrets looks for

Letters and digits only: a double click selects all of it, and no shell, URL or header changes it.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from string import ascii_letters, digits
from typing import Final

PREFIX: Final = "wbx_"
ALPHABET: Final = digits + ascii_letters
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 43
"""62**43 is just over 2**256: as hard to guess as the hash is to invert."""
CHECKSUM_LENGTH: Final = 6
"""62**6 is more than the 2**32 values of a CRC-32."""

_ID: Final = re.compile(f"[0-9A-Za-z]{{{ID_LENGTH}}}")
_KEY: Final = re.compile(f"{PREFIX}({_ID.pattern})_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def write_key(key_id: str, secret: str) -> str:
    """Return the key of an id and a secret, with its checksum."""
    text = f"{PREFIX}{key_id}_{secret}"
    return text + _checksum(text)


def is_like_key(text: str) -> bool:
    """Whether a credential is meant to be an API key; a token never starts like this."""
    return text.startswith(PREFIX)


def read_key_id(text: str) -> str | None:
    """Return the id in a key, None where the text has another form or its checksum is wrong."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    return match[1]


def is_key_id(text: str) -> bool:
    """Whether a text has the form of a key's id."""
    return _ID.fullmatch(text) is not None


def digest_of(text: str) -> str:
    """Return what is stored of a key.

    One SHA-256 and no slow password hash: slowness protects secrets that can be guessed, and nobody guesses
    256 random bits. A slow hash would only let anybody keep us busy with wrong keys.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(text: str) -> str:
    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters = ALPHABET[rest] + letters
    return letters
