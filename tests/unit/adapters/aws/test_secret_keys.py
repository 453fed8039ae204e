"""The secret in Secrets Manager: fetched once, when it is first needed, and never a weak one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.contract.emulated_aws import EmulatedAws, emulated_aws

from whybox.adapters.aws.secret_keys import SecretKeys
from whybox.errors import ConfigurationError, KeysUnavailableError
from whybox.settings import checked_secret

SECRET = "Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"


class CountingClient:
    """A client of Secrets Manager that counts what it is asked."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.n_fetches = 0

    def get_secret_value(self, **arguments: Any) -> Any:
        self.n_fetches += 1
        return self._client.get_secret_value(**arguments)


@pytest.fixture
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as account:
        yield account


def keys_of(aws: EmulatedAws, secret: str) -> tuple[SecretKeys, CountingClient]:
    client = aws.client("secretsmanager")
    arn = client.create_secret(Name="jwt", SecretString=secret)["ARN"]
    counting = CountingClient(client)
    return SecretKeys(counting, arn, check=checked_secret), counting


def test_the_secret_is_fetched_once_by_the_first_of_many_tokens(aws):
    keys, client = keys_of(aws, SECRET)
    assert client.n_fetches == 0

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys.find(None), range(16)))

    assert {(key.algorithm, key.material) for key in found} == {("HS256", SECRET.encode())}
    assert client.n_fetches == 1


def test_a_token_that_names_a_key_costs_no_fetch(aws):
    keys, client = keys_of(aws, SECRET)

    assert keys.find("some key") is None
    assert client.n_fetches == 0


def test_a_secret_that_cannot_be_read_is_asked_for_again(aws):
    keys, client = keys_of(aws, SECRET)
    arn, keys.secret_arn = keys.secret_arn, "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone"
    with pytest.raises(KeysUnavailableError):
        keys.find(None)

    keys.secret_arn = arn
    assert keys.find(None) is not None
    assert client.n_fetches == 2


def test_a_weak_secret_is_refused(aws):
    keys, _ = keys_of(aws, "changeme" * 5)

    with pytest.raises(ConfigurationError):
        keys.find(None)


def test_the_secret_is_not_in_the_text_of_the_object(aws):
    keys, _ = keys_of(aws, SECRET)
    keys.find(None)

    assert SECRET not in repr(keys)
