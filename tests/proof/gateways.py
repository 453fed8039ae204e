"""A running gateway for a proof: the project's own template, a home of its own, a plan nothing uses up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from whybox.local.server import project_template, running_gateway
from whybox.services.issue_token import issue_token
from whybox.settings import Settings
from whybox.wiring import signing_secret

SCOPES = ("explain:write", "jobs:read")


@contextmanager
def served(home: Path) -> Iterator[tuple[str, str]]:
    """Serve while the block runs; yields the URL and a token."""
    settings = Settings(home=home, monthly_limit=1_000_000)
    with running_gateway(settings, template=project_template()) as url:
        yield (
            url,
            issue_token(
                "ada",
                secret=signing_secret(settings),
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
                now=datetime.now(UTC),
                scopes=SCOPES,
                lifetime=timedelta(hours=6),
            ),
        )
