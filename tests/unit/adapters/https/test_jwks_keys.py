"""The issuer's keys over real HTTPS: few fetches, fresh keys, and patience with an issuer that is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.unit.adapters.https.issuers import Issuer, ec_jwk, key_set, rsa_jwk, running_issuer, send_json

from whybox.adapters.https.documents import MAX_BYTES, FetchError, fetch_json, trusted_authorities
from whybox.adapters.https.jwks_keys import (
    COOLDOWN_SECONDS,
    EMPTY_PAUSE_SECONDS,
    FRESH_SECONDS,
    STALE_SECONDS,
    JwksKeys,
)
from whybox.errors import ConfigurationError, KeysUnavailableError

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
OLD_SET, NEW_SET = key_set(rsa_jwk(RSA, "old")), key_set(ec_jwk(EC, "new"))
LITTLE_TIME = 0.3  # for a fetch that must be cut short


class Stopwatch:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def issuer(tmp_path) -> Iterator[Issuer]:
    with running_issuer(tmp_path, OLD_SET) as running:
        yield running


@pytest.fixture
def clock() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def keys(issuer, clock) -> JwksKeys:
    return JwksKeys(partial(fetch_json, issuer.url, trust=issuer.trust), monotonic=clock)


def go_down(issuer: Issuer) -> None:
    issuer.respond = send_json(b"{}", status=503)


def test_a_key_is_fetched_when_it_is_first_needed_and_then_kept(issuer, keys, clock):
    assert issuer.n_fetches == 0
    for _ in range(3):
        assert keys.find("old").algorithm == "RS256"
        clock.seconds += FRESH_SECONDS / 4

    assert issuer.n_fetches == 1


def test_a_thousand_unknown_names_cost_one_fetch_per_cooldown_and_good_keys_keep_working(issuer, keys, clock):
    keys.find("old")
    for round_number in range(1, 4):
        clock.seconds += COOLDOWN_SECONDS + 1
        for number in range(1000):
            assert keys.find(f"no such key {number}") is None
        assert keys.find("old") is not None
        assert issuer.n_fetches == 1 + round_number


def test_fifty_threads_on_a_cold_cache_cost_one_fetch(issuer, keys):
    issuer.respond = lambda handler: (time.sleep(0.2), send_json(OLD_SET)(handler))
    start = threading.Barrier(50)

    def ask(_number: int) -> bool:
        start.wait()
        return keys.find("old") is not None

    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(ask, range(50)))
    assert issuer.n_fetches == 1


def test_a_token_without_a_kid_costs_no_fetch(issuer, keys):
    assert keys.find(None) is None
    assert issuer.n_fetches == 0


@pytest.mark.parametrize("kid", ["../keys", "https://attacker.example/", "x\r\nHost: y", "'; --", "k" * 8000])
def test_a_kid_is_looked_up_and_never_used_as_an_address(issuer, keys, kid):
    assert keys.find(kid) is None
    assert set(issuer.paths) == {"/keys.json"}


def test_a_new_key_is_found_after_the_cooldown_and_a_removed_one_is_refused_after_its_time(
    issuer, keys, clock
):
    keys.find("old")
    issuer.respond = send_json(NEW_SET)
    clock.seconds += COOLDOWN_SECONDS + 1

    assert keys.find("new").algorithm == "ES256"
    assert keys.find("old") is None


def test_a_removed_key_is_refused_when_the_kept_set_is_no_longer_fresh(issuer, keys, clock):
    keys.find("old")
    issuer.respond = send_json(NEW_SET)

    clock.seconds += FRESH_SECONDS - 1
    assert keys.find("old") is not None
    clock.seconds += 2
    assert keys.find("old") is None


def test_while_the_issuer_is_down_kept_keys_serve_for_an_hour_and_then_nobody_can_say(issuer, keys, clock):
    keys.find("old")
    go_down(issuer)

    clock.seconds += STALE_SECONDS - 1
    assert keys.find("old") is not None
    assert keys.find("unknown") is None
    clock.seconds += 2
    for kid in ("old", "unknown"):
        with pytest.raises(KeysUnavailableError):
            keys.find(kid)


def test_an_issuer_that_is_down_is_asked_once_per_cooldown_while_keys_are_kept(issuer, keys, clock):
    keys.find("old")
    go_down(issuer)
    clock.seconds += FRESH_SECONDS + 1

    for _ in range(1000):
        assert keys.find("old") is not None
        assert keys.find("unknown") is None
        clock.seconds += COOLDOWN_SECONDS / 1000
    assert issuer.n_fetches <= 1 + 2


def test_an_issuer_that_was_never_reached_is_asked_again_when_callers_come_back(issuer, keys, clock):
    go_down(issuer)
    for _ in range(20):
        with pytest.raises(KeysUnavailableError):
            keys.find("old")
    assert issuer.n_fetches == 1

    issuer.respond = send_json(OLD_SET)
    clock.seconds += EMPTY_PAUSE_SECONDS
    assert keys.find("old") is not None


def test_a_set_without_a_usable_key_takes_the_keys_before_it_away(issuer, keys, clock):
    keys.find("old")
    issuer.respond = send_json(key_set())
    clock.seconds += FRESH_SECONDS + 1

    for _ in range(1000):
        with pytest.raises(KeysUnavailableError):
            keys.find("old")
    assert issuer.n_fetches == 2


def test_a_set_that_cannot_be_read_leaves_the_keys_before_it(issuer, keys, clock):
    keys.find("old")
    issuer.respond = send_json(b'{"keys": [')
    clock.seconds += FRESH_SECONDS + 1

    assert keys.find("old") is not None


def test_good_keys_are_found_while_a_fetch_for_an_unknown_one_goes_on(issuer, keys, clock):
    keys.find("old")
    clock.seconds += COOLDOWN_SECONDS
    has_begun, may_end = threading.Event(), threading.Event()
    issuer.respond = lambda handler: (has_begun.set(), may_end.wait(5), send_json(OLD_SET)(handler))

    with ThreadPoolExecutor(1) as pool:
        unknown = pool.submit(keys.find, "unknown")
        assert has_begun.wait(5)
        assert keys.find("old") is not None
        may_end.set()
        assert unknown.result(timeout=5) is None


def test_what_is_logged_holds_no_name_of_a_key(issuer, keys, clock, caplog):
    caplog.set_level("DEBUG")
    keys.find("a-name-that-must-not-be-told")
    go_down(issuer)
    clock.seconds += COOLDOWN_SECONDS
    keys.find("a-name-that-must-not-be-told")

    assert [record.msg for record in caplog.records] == [
        "the issuer's keys were fetched",
        "the issuer's keys could not be fetched",
    ]
    assert "must-not-be-told" not in str([vars(record) for record in caplog.records])


def test_a_clock_that_jumps_back_makes_no_key_older_or_younger_than_it_is(issuer, keys, clock):
    keys.find("old")
    clock.seconds -= 600

    assert keys.find("old") is not None
    assert keys.find("unknown") is None


def redirect(issuer: Issuer):
    return send_json(b"", status=302, Location=issuer.url + "?again")


BAD_ANSWERS = {
    "a redirect": redirect,
    "HTML": lambda _issuer: send_json(b"<html>", content_type="text/html"),
    "HTML that says it is JSON": lambda _issuer: send_json(b"<html>"),
    "no usable key": lambda _issuer: send_json(key_set({"kty": "oct", "kid": "old", "k": "c2VjcmV0"})),
    "one byte too many": lambda _issuer: send_json(OLD_SET.ljust(MAX_BYTES + 1)),
    "ten megabytes": lambda _issuer: send_json(OLD_SET.ljust(10_000_000)),
    "not found": lambda _issuer: send_json(b"{}", status=404),
    "the keys with a status that is not 200": lambda _issuer: send_json(OLD_SET, status=203),
    "the keys with an error's status": lambda _issuer: send_json(OLD_SET, status=500),
    "the keys as HTML": lambda _issuer: send_json(OLD_SET, content_type="text/html"),
}


@pytest.mark.parametrize("make_answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_an_answer_that_is_not_a_key_set_gives_no_key(issuer, keys, make_answer):
    issuer.respond = make_answer(issuer)

    with pytest.raises(KeysUnavailableError):
        keys.find("old")
    assert issuer.n_fetches == 1


def test_the_largest_document_allowed_is_read(issuer, keys):
    issuer.respond = send_json(OLD_SET.ljust(MAX_BYTES))

    assert keys.find("old") is not None


def drip(handler) -> None:
    """Answer a byte at a time: each one resets a socket's own time-out."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


@pytest.mark.parametrize("respond", [lambda _handler: time.sleep(3), drip], ids=["silence", "drip"])
def test_a_slow_answer_is_not_waited_for_and_leaves_no_thread(issuer, respond):
    issuer.respond = respond
    started = time.monotonic()

    with pytest.raises(FetchError):
        fetch_json(issuer.url, trust=issuer.trust, timeout_seconds=LITTLE_TIME)

    assert time.monotonic() - started < LITTLE_TIME + 1
    for _ in range(100):
        if not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]:
            break
        time.sleep(0.02)
    else:
        pytest.fail("the fetch goes on")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/keys", "file:///etc/hostname", "https:///keys", "keys.json"]
)
def test_only_https_is_fetched(url):
    with pytest.raises(FetchError, match="not an https address"):
        fetch_json(url, trust=trusted_authorities(None))


def test_a_certificate_of_an_unknown_authority_is_refused(issuer):
    with pytest.raises(FetchError, match="SSLCertVerificationError"):
        fetch_json(issuer.url, trust=trusted_authorities(None))

    assert issuer.n_fetches == 0


def test_a_certificate_for_another_name_is_refused(issuer):
    with pytest.raises(FetchError, match="SSLCertVerificationError"):
        fetch_json(issuer.url.replace("127.0.0.1", "localhost"), trust=issuer.trust)


def test_nobody_there_is_a_fetch_that_failed():
    with pytest.raises(FetchError, match="ConnectionRefusedError"):
        fetch_json("https://127.0.0.1:1/keys", trust=trusted_authorities(None))


def test_a_proxy_in_the_environment_is_not_asked(issuer, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert fetch_json(issuer.url, trust=issuer.trust) == OLD_SET


def test_a_file_without_certificates_is_refused_before_anything_is_fetched(tmp_path):
    (tmp_path / "empty.pem").write_text("no certificate")

    with pytest.raises(ConfigurationError, match="WHYBOX_JWKS_CA_FILE"):
        trusted_authorities(tmp_path / "empty.pem")
