"""What several commands take or read: who a token is for, and the settings."""

from __future__ import annotations

import argparse
import os

from whybox.services.verify_token import MAX_SUBJECT_LENGTH
from whybox.settings import Settings


def add_subject(
    parser: argparse.ArgumentParser, *, is_required: bool = True, default: str | None = None
) -> None:
    """Add ``--sub``, the name a token or key is made out to."""
    parser.add_argument(
        "--sub",
        metavar="ID",
        required=is_required,
        default=default,
        type=_subject,
        help=f"the person or program, 1 to {MAX_SUBJECT_LENGTH} characters",
    )


def _subject(text: str) -> str:
    if not 1 <= len(text) <= MAX_SUBJECT_LENGTH:
        raise argparse.ArgumentTypeError(f"a name has 1 to {MAX_SUBJECT_LENGTH} characters")
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise argparse.ArgumentTypeError("a name is text in UTF-8")  # a shell can pass any bytes
    return text


def read_settings() -> Settings:
    """Return the settings of the environment the command was started in."""
    return Settings.from_environment(os.environ)
