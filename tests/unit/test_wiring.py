"""Wiring: connected ports on this machine."""

from __future__ import annotations

from whybox.services.issue_token import issue_token
from whybox.services.verify_token import verify_token
from whybox.settings import Settings
from whybox.wiring import connect, signing_secret


def test_the_ports_of_one_home_share_a_secret_and_a_ledger(tmp_path):
    settings = Settings(home=tmp_path, monthly_limit=3)
    first, second = connect(settings), connect(settings)
    now = first.clock.now()
    token = issue_token(
        "ada", secret=signing_secret(settings), issuer="whybox", audience="whybox-api", now=now
    )

    identity = verify_token(token, key=second.token_key, now=now)
    first.usage.reserve(identity.tenant, receipt_id="r", lease_seconds=60, now=now)

    assert second.usage.read(identity.tenant, now=now).remaining == 2


def test_connecting_touches_no_database_until_it_is_needed(tmp_path):
    connect(Settings(home=tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["jwt-secret"]


def test_a_secret_in_the_settings_leaves_no_file(tmp_path):
    secret = b"Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"

    assert signing_secret(Settings(home=tmp_path, jwt_secret=secret)) == secret
    assert not list(tmp_path.iterdir())
