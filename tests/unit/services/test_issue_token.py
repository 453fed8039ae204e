"""Issued tokens: accepted by the verifier, and never for longer than a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from whybox.errors import AuthenticationError, ConfigurationError
from whybox.services.issue_token import issue_token
from whybox.services.verify_token import SharedSecret, TokenKey, verify_token

SECRET = b"Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"
KEY = TokenKey(SharedSecret(SECRET), issuer="whybox", audience="whybox-api")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def issue(subject="ada", **changes) -> str:
    return issue_token(subject, secret=SECRET, issuer="whybox", audience="whybox-api", now=NOW, **changes)


@pytest.mark.parametrize("subject", ["ada", "../a#b/c", "名前", "x" * 255, "nul\x00"])
def test_an_issued_token_is_accepted_for_its_subject(subject):
    identity = verify_token(issue(subject), key=KEY, now=NOW)

    assert identity.subject == subject
    assert identity.scopes == {"explain:write"}


def test_a_token_ends_when_its_life_and_the_leeway_are_over():
    token = issue(lifetime=timedelta(minutes=5))

    assert verify_token(token, key=KEY, now=NOW + timedelta(minutes=5, seconds=59))
    with pytest.raises(AuthenticationError):
        verify_token(token, key=KEY, now=NOW + timedelta(minutes=6))


def test_the_scopes_are_those_asked_for():
    token = issue(scopes=("jobs:read", "explain:write"))

    assert verify_token(token, key=KEY, now=NOW).scopes == {"jobs:read", "explain:write"}


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(hours=24, seconds=1)])
def test_a_life_the_verifier_would_not_accept_is_refused(lifetime):
    with pytest.raises(ConfigurationError):
        issue(lifetime=lifetime)


@pytest.mark.parametrize("subject", ["", "x" * 256])
def test_a_subject_the_verifier_would_not_accept_is_refused(subject):
    with pytest.raises(ConfigurationError):
        issue(subject)
