"""The HS256 secret in Secrets Manager, fetched when the first token comes and kept by the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.errors import KeysUnavailableError
from whybox.ports import VerificationKey


@dataclass(slots=True)
class SecretKeys:
    """TokenKeys with one secret without a name.

    ``check`` refuses a weak secret. Nothing is fetched when the process starts: a snapshot of it holds no
    secret, and a secret that cannot be read fails requests, not the start. A changed secret is read by new
    processes.
    """

    client: Any
    secret_arn: str
    check: Callable[[bytes], bytes]
    _secret: bytes | None = field(default=None, repr=False)
    _fetching: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def find(self, kid: str | None) -> VerificationKey | None:
        """Return the secret to a token that names no key; see the port."""
        if kid is not None:
            return None
        return VerificationKey("HS256", self.secret())

    def secret(self) -> bytes:
        """Return the secret; raises KeysUnavailableError, and ConfigurationError for a weak one."""
        with self._fetching:
            if self._secret is None:
                with failing_as(KeysUnavailableError, BotoCoreError, ClientError):
                    answer = self.client.get_secret_value(SecretId=self.secret_arn)
                self._secret = self.check(answer["SecretString"].encode())
            return self._secret
