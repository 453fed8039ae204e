"""API keys from their making to their end: whose they are, what they allow, every reason to refuse one."""

from __future__ import annotations

import dataclasses
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest

from whybox.adapters.local.sqlite_keys import SqliteKeys
from whybox.domain.api_keys import write_key
from whybox.errors import AuthenticationError, ConfigurationError
from whybox.ports import VerificationKey
from whybox.services.create_key import create_key
from whybox.services.issue_token import issue_token
from whybox.services.verify_key import verify_credential, verify_key
from whybox.services.verify_token import SharedSecret, TokenKey, verify_token

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = b"Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"
TOKEN_KEY = TokenKey(SharedSecret(SECRET), issuer="whybox", audience="whybox-api")


@pytest.fixture
def keys(tmp_path):
    return SqliteKeys(tmp_path / "keys")


@pytest.fixture
def make(keys):
    def make(subject="ada", **changes) -> str:
        given = {"issuer": "whybox", "scopes": {"explain:write"}, "lifetime": timedelta(days=30), "now": NOW}
        return create_key(subject, keys=keys, **given | changes)[0]

    return make


def token(subject: str) -> str:
    return issue_token(subject, secret=SECRET, issuer="whybox", audience="whybox-api", now=NOW)


def cause(text: str, keys, *, now: datetime = NOW, issuer: str = "whybox") -> str:
    with pytest.raises(AuthenticationError) as refusal:
        verify_key(text, issuer=issuer, keys=keys, now=now)
    assert text[4:] not in str(refusal.value) + refusal.value.cause
    return refusal.value.cause


def test_a_key_speaks_for_its_subject_with_its_scopes(make, keys):
    identity = verify_key(make(scopes={"jobs:read"}), issuer="whybox", keys=keys, now=NOW)

    assert (identity.issuer, identity.subject, identity.scopes) == ("whybox", "ada", {"jobs:read"})


@pytest.mark.parametrize("subject", ["ada", "Ada", "../../etc", "a|b#c/d", "\0", "😀", "x" * 255])
def test_a_key_and_a_token_of_one_subject_are_one_tenant(make, keys, subject):
    by_key = verify_credential(make(subject), key=TOKEN_KEY, keys=keys, now=NOW)
    by_token = verify_credential(token(subject), key=TOKEN_KEY, keys=keys, now=NOW)

    assert by_key == by_token == verify_token(token(subject), key=TOKEN_KEY, now=NOW)


def test_subjects_that_only_look_alike_are_different_tenants(make, keys):
    composed = unicodedata.normalize("NFC", "Zoë")
    subjects = ["ada", "Ada", "ada ", "ADA", composed, unicodedata.normalize("NFD", composed), "zoe"]

    tenants = {verify_key(make(name), issuer="whybox", keys=keys, now=NOW).tenant for name in subjects}

    assert len(tenants) == len(subjects)


def test_every_key_is_another_one(make):
    made = [make() for _ in range(50)]

    assert len(set(made)) == len({text[4:16] for text in made}) == len({text[17:] for text in made}) == 50


def test_of_a_key_only_a_digest_is_stored(make, keys, tmp_path):
    text = make()

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    (key,) = keys.of_tenant(None)
    assert text[4:16].encode() in stored
    assert text[17:].encode() not in stored
    assert key.digest not in repr(key)
    assert text[17:] not in repr(key)


def test_a_key_is_valid_until_its_last_moment_and_not_at_its_end(make, keys):
    text, end = make(), NOW + timedelta(days=30)

    assert verify_key(text, issuer="whybox", keys=keys, now=end - timedelta(microseconds=1))
    assert cause(text, keys, now=end) == "API key has expired"


def test_a_key_is_refused_from_the_moment_it_is_revoked(make, keys):
    text, other = make(), make()
    keys.revoke(text[4:16], now=NOW)

    assert cause(text, keys) == "API key is revoked"
    assert verify_key(other, issuer="whybox", keys=keys, now=NOW)


def test_a_key_that_nobody_was_given_is_refused_even_with_a_good_checksum(make, keys):
    make()

    assert cause(write_key("0" * 12, "a" * 43), keys) == "API key is unknown"


def test_the_id_of_a_key_without_its_secret_is_worth_nothing(make, keys):
    assert cause(write_key(make()[4:16], "a" * 43), keys) == "API key is unknown"


def test_the_secret_of_one_key_does_not_open_another(make, keys):
    one, two = make("ada"), make("grace")

    assert cause(write_key(two[4:16], one[17:-6]), keys) == "API key is unknown"


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + "0", str.upper, str.swapcase])
def test_a_mistyped_key_is_refused_without_asking_the_store(make, change):
    assert cause(change(make()), keys=None) == "API key is mistyped or cut off"


def test_a_key_of_another_issuer_is_refused(make, keys):
    assert cause(make(issuer="other"), keys) == "API key is of another issuer"
    assert cause(make(), keys, issuer="other") == "API key is of another issuer"


def test_a_row_cannot_name_another_tenant_than_its_subjects(make, keys):
    text = make()
    (key,) = keys.of_tenant(None)

    class Forged:
        def find(self, _key_id):
            return dataclasses.replace(key, tenant="f" * 64)

    assert verify_key(text, issuer="whybox", keys=Forged(), now=NOW).tenant == key.tenant


def test_without_a_store_no_key_is_good_and_tokens_still_are(make):
    with pytest.raises(AuthenticationError):
        verify_credential(make(), key=TOKEN_KEY, keys=None, now=NOW)

    assert verify_credential(token("ada"), key=TOKEN_KEY, keys=None, now=NOW).subject == "ada"


def test_keys_need_none_of_the_keys_that_tokens_are_signed_with(make, keys):
    class NeverAsked:
        def find(self, _kid: str | None) -> VerificationKey | None:
            raise AssertionError("an API key has nothing to do with the issuer's key set")

    key = TokenKey(NeverAsked(), issuer="https://issuer.example/", audience="whybox-api")
    text = make("auth0|123", issuer="https://issuer.example/")

    assert verify_credential(text, key=key, keys=keys, now=NOW).subject == "auth0|123"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"subject": "x" * 256},
        {"subject": "\ud800"},
        {"name": "x" * 65},
        {"name": "two\nlines"},
        {"name": "\x1b[31m"},
        {"scopes": {""}},
        {"scopes": {"explain:write jobs:read"}},
        {"lifetime": timedelta(0)},
        {"lifetime": timedelta(days=367)},
    ],
)
def test_what_no_key_may_have_is_refused_when_it_is_made(make, keys, changes):
    with pytest.raises(ConfigurationError):
        make(**changes)

    assert not keys.of_tenant(None)
