"""Settings of the two ways to verify tokens: one of them, whole, or no start; and the ports they lead to."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.adapters.https.issuers import running_issuer

from whybox.errors import ConfigurationError
from whybox.services.verify_token import TOKEN_TYPES
from whybox.settings import BYPASS_VARIABLES, JWKS_VARIABLES, JwksSettings, Settings
from whybox.wiring import connect, signing_secret

SECRET = "Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"
GOOD = {
    "WHYBOX_JWKS_URL": "https://tenant.example/.well-known/jwks.json",
    "WHYBOX_JWT_ISSUER": "https://tenant.example/",
    "WHYBOX_JWT_AUDIENCE": "https://whybox.example",
}
ON_AWS = {"WHYBOX_STORAGE": "aws", "WHYBOX_USAGE_TABLE": "usage", "WHYBOX_ACCOUNTS_TABLE": "accounts"}


def read(**changes: str) -> Settings:
    return Settings.from_environment(GOOD | changes)


def test_an_issuers_keys_need_their_address_its_name_and_an_audience():
    settings = read()

    assert settings.jwks == JwksSettings("https://tenant.example/.well-known/jwks.json", token_type="at+jwt")
    assert (settings.jwt_issuer, settings.jwt_audience) == (
        "https://tenant.example/",
        "https://whybox.example",
    )
    assert settings.jwt_secret is None


def test_every_variable_of_the_mode_is_read(tmp_path: Path):
    (tmp_path / "ca.pem").touch()

    settings = read(
        WHYBOX_AUTH_MODE="jwks",
        WHYBOX_JWT_AUDIENCE="",
        WHYBOX_JWT_TYP="JWT",
        WHYBOX_JWT_CLIENT_IDS="app-1, app-2,",
        WHYBOX_JWT_SCOPE_PREFIX="whybox/",
        WHYBOX_JWKS_CA_FILE=str(tmp_path / "ca.pem"),
    )

    assert settings.jwt_audience is None
    assert settings.jwks == JwksSettings(
        GOOD["WHYBOX_JWKS_URL"], "jwt", frozenset({"app-1", "app-2"}), "whybox/", tmp_path / "ca.pem"
    )


def test_storage_on_aws_with_an_issuers_keys_needs_no_secret():
    settings = read(**ON_AWS)

    assert settings.jwks is not None
    assert settings.aws is not None
    assert settings.aws.secret_arn is None


@pytest.mark.parametrize(
    "changes",
    [
        {"WHYBOX_JWT_SECRET": SECRET},
        ON_AWS | {"WHYBOX_JWT_SECRET_ARN": "arn:aws:x"},
        {"WHYBOX_AUTH_MODE": "hs256"},
    ],
)
def test_both_ways_at_once_are_refused(changes: dict[str, str]):
    with pytest.raises(ConfigurationError) as refusal:
        read(**changes)

    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("mode", ["none", "off", "HS256", "rs256", "hs256,jwks", "both"])
def test_a_mode_that_there_is_not_is_refused(mode: str):
    with pytest.raises(ConfigurationError, match="WHYBOX_AUTH_MODE"):
        Settings.from_environment({"WHYBOX_AUTH_MODE": mode})


def test_the_mode_alone_does_not_make_it():
    with pytest.raises(ConfigurationError, match="WHYBOX_JWKS_URL"):
        Settings.from_environment({"WHYBOX_AUTH_MODE": "jwks", "WHYBOX_JWT_ISSUER": "https://x.example"})


@pytest.mark.parametrize("variable", JWKS_VARIABLES)
def test_what_belongs_to_an_issuers_keys_is_refused_without_them(variable: str):
    with pytest.raises(ConfigurationError, match=variable):
        Settings.from_environment({variable: "x"})


@pytest.mark.parametrize("variable", BYPASS_VARIABLES)
@pytest.mark.parametrize("environ", [{}, GOOD, GOOD | ON_AWS], ids=["hs256", "jwks", "production"])
@pytest.mark.parametrize("value", ["1", "true", "0", "false"])
def test_a_way_around_tokens_is_refused_whatever_it_says(variable: str, environ: dict[str, str], value: str):
    with pytest.raises(ConfigurationError, match=variable):
        Settings.from_environment(environ | {variable: value})


BAD = {
    "http": {"WHYBOX_JWKS_URL": "http://tenant.example/keys"},
    "a file": {"WHYBOX_JWKS_URL": "file:///etc/keys.json"},
    "no host": {"WHYBOX_JWKS_URL": "https:///keys"},
    "a user": {"WHYBOX_JWKS_URL": "https://user:canary-pass@tenant.example/keys"},
    "a fragment": {"WHYBOX_JWKS_URL": "https://tenant.example/keys#x"},
    "a space": {"WHYBOX_JWKS_URL": "https://tenant.example/a b"},
    "a line end": {"WHYBOX_JWKS_URL": "https://tenant.example/a\r\nX: y"},
    "a port that is none": {"WHYBOX_JWKS_URL": "https://tenant.example:99999/"},
    "no issuer": {"WHYBOX_JWT_ISSUER": ""},
    "the issuer of the other mode": {"WHYBOX_JWT_ISSUER": "whybox"},
    "an issuer without TLS": {"WHYBOX_JWT_ISSUER": "http://tenant.example/"},
    "nothing that says for whom": {"WHYBOX_JWT_AUDIENCE": ""},
    "only commas": {"WHYBOX_JWT_AUDIENCE": "", "WHYBOX_JWT_CLIENT_IDS": " , ,"},
    "an audience that ID tokens have": {"WHYBOX_JWT_AUDIENCE": "app", "WHYBOX_JWT_CLIENT_IDS": "app,other"},
    "an unknown type": {"WHYBOX_JWT_TYP": "id+jwt"},
    "no type": {"WHYBOX_JWT_TYP": "none"},
    "a prefix with a space": {"WHYBOX_JWT_SCOPE_PREFIX": "a b/"},
    "a missing CA file": {"WHYBOX_JWKS_CA_FILE": "/nowhere/ca.pem"},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
def test_a_setting_that_is_unsafe_or_half_is_refused_by_its_name(changes: dict[str, str]):
    with pytest.raises(ConfigurationError, match="WHYBOX_JW") as refusal:
        read(**changes)

    assert "canary" not in str(refusal.value)


def test_connecting_fetches_nothing_and_makes_no_secret(tmp_path: Path):
    with running_issuer(tmp_path, b"{}") as issuer:
        settings = read(
            WHYBOX_HOME=str(tmp_path / "home"),
            WHYBOX_JWKS_URL=issuer.url,
            WHYBOX_JWKS_CA_FILE=str(issuer.ca_file),
        )
        key = connect(settings).token_key

    assert issuer.n_fetches == 0
    assert not (tmp_path / "home").exists()
    assert (key.token_source, key.types) == ("https://tenant.example/", TOKEN_TYPES["at+jwt"])


def test_a_ca_file_without_certificates_ends_the_start(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("not a certificate")

    with pytest.raises(ConfigurationError, match="WHYBOX_JWKS_CA_FILE"):
        connect(read(WHYBOX_JWKS_CA_FILE=str(tmp_path / "ca.pem")))


def test_there_is_no_secret_to_sign_with_and_the_message_names_the_issuer(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"https://tenant\.example/"):
        signing_secret(read(WHYBOX_HOME=str(tmp_path)))

    assert not list(tmp_path.iterdir())
