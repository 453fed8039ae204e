"""What existing users send, to the built functions in their containers, through the real authorizer."""

from __future__ import annotations

import time

import httpx
import numpy as np
import pytest
from tests.e2e.containers import running_stack
from tests.integration.test_compatible_api import (
    BOOSTED_CLASSES,
    BOOSTED_NUMBERS,
    CLASSIFICATION_KEYS,
    FOREST,
    INTERVAL_KEYS,
    OUR_KEYS,
    PERMUTATION_KEYS,
    REGRESSION_KEYS,
    RIDGE,
    SHAP_KEYS,
)

from whybox.domain.tables.synthetic_tables import write_synthetic_table

SHAPES = {
    FOREST: (171, 30, 2),
    BOOSTED_CLASSES: (171, 30, 2),
    RIDGE: (152, 13),
    BOOSTED_NUMBERS: (152, 13),
}
KEYS = {
    FOREST: CLASSIFICATION_KEYS | OUR_KEYS | {"proba"},
    BOOSTED_CLASSES: CLASSIFICATION_KEYS | OUR_KEYS,
    RIDGE: REGRESSION_KEYS | OUR_KEYS | INTERVAL_KEYS,
    BOOSTED_NUMBERS: REGRESSION_KEYS | OUR_KEYS,
}


@pytest.fixture(scope="session")
def tables(breast_cancer, friedman):
    return {
        FOREST: breast_cancer,
        BOOSTED_CLASSES: breast_cancer,
        RIDGE: friedman,
        BOOSTED_NUMBERS: friedman,
    }


@pytest.mark.parametrize("method", ["permutation", "shap"])
@pytest.mark.parametrize("request_", list(SHAPES))
def test_a_request_is_answered_with_the_documented_keys_and_shapes(stack, tables, request_, method):
    response = stack.ask(f"{request_}&interpretability={method}", tables[request_])

    assert response.status_code == 200, response.text
    answer = response.json()
    explanation = answer["interpretability"]
    assert set(answer) == KEYS[request_]
    assert explanation["method"] == method
    assert len(explanation["feature_names"]) == SHAPES[request_][1]
    if method == "shap":
        assert set(explanation) >= SHAP_KEYS
        assert np.array(explanation["values"]).shape == SHAPES[request_]
    else:
        assert set(explanation) >= PERMUTATION_KEYS
        assert len(explanation["importances_mean"]) == SHAPES[request_][1]


def test_lightgbm_finds_its_openmp_runtime_in_the_layer(stack, friedman):
    response = stack.ask("gbdtregression?model_type=lightgbm&interpretability=shap", friedman)

    assert response.status_code == 200, response.text


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("a.b.c", 403)])
def test_without_a_good_token_the_gateway_refuses_and_nothing_is_computed(stack, friedman, token, status):
    """401 where there is nothing to ask the authorizer about, 403 where the authorizer says no."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    response = httpx.post(
        f"{stack.url}/{RIDGE}", files={"file": ("t.csv", friedman)}, headers=headers, timeout=60
    )

    assert response.status_code == status


def test_a_request_is_charged_once_and_a_refused_one_never(stack, friedman):
    def used() -> int:
        response = httpx.get(f"{stack.url}/usage", headers=stack.headers(), timeout=60)
        assert response.status_code == 200, response.text
        return int(response.json()["used"])

    before = used()
    first = stack.ask(RIDGE, friedman, key="one")
    again = stack.ask(RIDGE, friedman, key="one")
    refused = stack.ask("mlregression?base_model=Nonsense", friedman, key="two")

    assert (first.status_code, refused.status_code) == (200, 422)
    assert again.content == first.content
    assert used() == before + 1


def test_the_pages_of_the_service_need_no_token(stack):
    response = httpx.get(f"{stack.url}/health", timeout=60)

    assert response.status_code == 200
    assert response.json()["storage"] == "reachable"


def test_a_process_beyond_its_memory_is_killed_and_the_caller_gets_an_error(emulator, tmp_path):
    """By a table that takes more to read: what explaining takes is known beforehand, and becomes a job.

    Twice: sam needs most of the first request's time to make the container.
    """
    log, table = tmp_path / "start-api.log", b"".join(write_synthetic_table(20_000, 20))
    with running_stack(emulator, log, LightMemory="128") as small:
        statuses = [small.ask(RIDGE, table).status_code]
        started = time.monotonic()
        statuses.append(small.ask(RIDGE, table).status_code)
        seconds = time.monotonic() - started

    assert all(status >= 500 for status in statuses), statuses
    assert seconds < 30
    assert "signal: killed" in log.read_text(errors="replace")


def test_what_may_not_fit_into_256_megabytes_becomes_a_job(emulator, breast_cancer, tmp_path):
    with running_stack(emulator, tmp_path / "start-api.log", LightMemory="256") as small:
        response = small.ask(f"{FOREST}&interpretability=shap", breast_cancer)

    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/jobs/{response.json()['job_id']}"
