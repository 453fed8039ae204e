"""The secret of a laptop: made once, whole, and for its owner only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from whybox.adapters.local.secret_file import read_or_make_secret
from whybox.errors import ConfigurationError
from whybox.settings import checked_secret


def test_a_secret_is_made_once_and_then_read(tmp_path):
    home = tmp_path / "new" / "home"

    first = read_or_make_secret(home)

    assert read_or_make_secret(home) == first
    assert checked_secret(first) == first
    assert (home / "jwt-secret").stat().st_mode & 0o777 == 0o600


def test_many_that_make_it_at_once_get_the_same_secret_and_leave_no_drafts(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        secrets = set(pool.map(read_or_make_secret, [tmp_path] * 64))

    assert len(secrets) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["jwt-secret"]


def test_two_homes_have_two_secrets(tmp_path):
    assert read_or_make_secret(tmp_path / "a") != read_or_make_secret(tmp_path / "b")


def test_a_secret_others_can_read_is_refused(tmp_path):
    read_or_make_secret(tmp_path)
    (tmp_path / "jwt-secret").chmod(0o640)

    with pytest.raises(ConfigurationError, match="other users"):
        read_or_make_secret(tmp_path)


def test_a_secret_file_that_is_too_short_is_refused(tmp_path):
    read_or_make_secret(tmp_path)
    (tmp_path / "jwt-secret").write_text("short\n")

    with pytest.raises(ConfigurationError) as refusal:
        read_or_make_secret(tmp_path)

    assert (refusal.value.limit, refusal.value.actual) == (32, 5)


def test_a_home_that_is_a_file_is_a_configuration_error(tmp_path):
    (tmp_path / "home").write_text("")

    with pytest.raises(ConfigurationError, match="cannot be made"):
        read_or_make_secret(tmp_path / "home")
