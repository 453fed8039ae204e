"""The built stack, once per session, with AWS emulated beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sklearn.datasets import load_breast_cancer, make_friedman1
from tests.e2e.containers import Stack, addresses, running_stack
from tests.e2e.emulator import Emulator, running_emulator
from tests.integration.test_compatible_api import write_table


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with running_emulator(addresses()[0]) as running:
        yield running


@pytest.fixture(scope="session")
def stack(emulator, tmp_path_factory) -> Iterator[Stack]:
    log = tmp_path_factory.mktemp("sam") / "start-api.log"
    with running_stack(emulator, log, MonthlyLimit="1000000") as running:
        yield running


@pytest.fixture(scope="session")
def breast_cancer() -> bytes:
    data = load_breast_cancer()
    return write_table(data.data, data.target, list(data.feature_names), stratify=True)


@pytest.fixture(scope="session")
def friedman() -> bytes:
    X, y = make_friedman1(506, 13, random_state=0)
    return write_table(X, y, [f"x{column}" for column in range(13)], stratify=False)
