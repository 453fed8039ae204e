"""The compatible API as its users call it: eight requests, verbatim, through gateway and authorizer."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, make_friedman1
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from tests.integration.conftest import RunningGateway

from whybox.local.server import project_template, running_gateway
from whybox.settings import Settings

FOREST = "mlclassification?base_model=RandomForestClassifier&n_hidden_features=5"
BOOSTED_CLASSES = "gbdtclassification?model_type=xgboost&predict_proba=False"
RIDGE = "mlregression?base_model=RidgeCV&n_hidden_features=5&return_pi=True"
BOOSTED_NUMBERS = "gbdtregression?model_type=xgboost"

CLASSIFICATION_KEYS = {"y_true", "y_pred", "0", "1", "accuracy", "macro avg", "weighted avg"}
REGRESSION_KEYS = {"y_true", "y_pred", "Score"}
OUR_KEYS = {"interpretability", "warnings", "receipt"}
INTERVAL_KEYS = {"pi_lower", "pi_upper", "pi_coverage"}
PERMUTATION_KEYS = {"method", "importances_mean", "importances_std", "feature_names"}
SHAP_KEYS = {
    "method", "values", "feature_names", "base_values", "unit", "algorithm", "background", "std_error",
    "additivity_residual", "global_importance",
}  # fmt: skip
SCORES = {
    "R² Score",
    "MAE (Mean Absolute Error)",
    "MSE (Mean Squared Error)",
    "RMSE (Root Mean Squared Error)",
    "MAPE (Mean Absolute Percentage Error)",
    "Max Error",
    "support",
}


def write_table(X: Any, y: Any, names: list[str], *, stratify: bool) -> bytes:
    """Write a table as the users' own files are made: CRLF, a split of 70/30, no final newline."""
    train, _ = train_test_split(
        np.arange(len(y)), test_size=0.3, random_state=42, stratify=y if stratify else None
    )
    is_train = np.zeros(len(y), dtype=int)
    is_train[train] = 1
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([*names, "target", "training_index"])
    for row, target, mark in zip(X.tolist(), y.tolist(), is_train.tolist(), strict=True):
        writer.writerow([*row, target, mark])
    return file.getvalue().rstrip().encode()


NOISE = "mlclassification?base_model=RandomForestClassifier&interpretability=shap"


def noise_table() -> bytes:
    """Write a table whose forest takes more than 256 MB: nothing can be learned, so every leaf is a row."""
    generator = np.random.default_rng(0)
    X, y = generator.integers(0, 10, (20_000, 10)), generator.integers(0, 2, 20_000)
    return write_table(X, y, [f"x{column}" for column in range(10)], stratify=True)


@pytest.fixture(scope="session")
def breast_cancer() -> bytes:
    data = load_breast_cancer()
    return write_table(data.data, data.target, list(data.feature_names), stratify=True)


@pytest.fixture(scope="session")
def friedman() -> bytes:
    X, y = make_friedman1(506, 13, random_state=0)
    return write_table(X, y, [f"x{column}" for column in range(13)], stratify=False)


@pytest.fixture(scope="session")
def ask(gateway) -> Callable[..., httpx.Response]:
    """Post a table as curl, R and Python do."""

    def ask(query: str, table: bytes, *, running=gateway, sub: str = "ada", **headers: str) -> httpx.Response:
        return httpx.post(
            f"{running.url}/{query}",
            files={"file": ("breast_cancer_dataset2.csv", table, "text/csv")},
            headers=running.headers(sub) | {name.replace("_", "-"): text for name, text in headers.items()},
            timeout=120,
        )

    return ask


@pytest.fixture(scope="session")
def answers(ask, breast_cancer, friedman) -> dict[str, dict[str, Any]]:
    """The answers to the eight requests that existing users send."""
    tables = {
        FOREST: breast_cancer,
        BOOSTED_CLASSES: breast_cancer,
        RIDGE: friedman,
        BOOSTED_NUMBERS: friedman,
    }
    found = {}
    for request, table in tables.items():
        for method in ("permutation", "shap"):
            response = ask(f"{request}&interpretability={method}", table)
            assert response.status_code == 200, response.text
            assert response.headers["content-type"] == "application/json"
            found[f"{request}&interpretability={method}"] = response.json()
    return found


@pytest.mark.parametrize("method", ["permutation", "shap"])
@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        (FOREST, CLASSIFICATION_KEYS | OUR_KEYS | {"proba"}),
        (BOOSTED_CLASSES, CLASSIFICATION_KEYS | OUR_KEYS),
        (RIDGE, REGRESSION_KEYS | OUR_KEYS | INTERVAL_KEYS),
        (BOOSTED_NUMBERS, REGRESSION_KEYS | OUR_KEYS),
    ],
)
def test_an_answer_has_exactly_the_documented_keys(answers, request_, keys, method):
    answer = answers[f"{request_}&interpretability={method}"]

    assert set(answer) == keys
    assert set(answer["interpretability"]) >= (SHAP_KEYS if method == "shap" else PERMUTATION_KEYS)
    assert answer["interpretability"]["method"] == method


@pytest.mark.parametrize("request_", [FOREST, BOOSTED_CLASSES])
def test_a_classification_is_judged_on_the_171_test_rows_as_scikit_learn_judges(answers, request_):
    answer = answers[f"{request_}&interpretability=permutation"]

    assert len(answer["y_true"]) == len(answer["y_pred"]) == 171
    assert (answer["y_true"].count(0), answer["y_true"].count(1)) == (64, 107)
    report = classification_report(answer["y_true"], answer["y_pred"], output_dict=True)
    for name, expected in report.items():
        assert answer[name] == pytest.approx(expected), name


def test_the_forest_is_as_good_as_the_recorded_one(answers):
    assert answers[f"{FOREST}&interpretability=shap"]["accuracy"] == pytest.approx(0.947, abs=0.02)


@pytest.mark.parametrize(
    ("request_", "shape"),
    [
        (FOREST, (171, 30, 2)),
        (BOOSTED_CLASSES, (171, 30, 2)),
        (RIDGE, (152, 13)),
        (BOOSTED_NUMBERS, (152, 13)),
    ],
)
def test_attributions_have_the_documented_shape(answers, request_, shape):
    explanation = answers[f"{request_}&interpretability=shap"]["interpretability"]

    assert np.array(explanation["values"]).shape == shape
    assert np.array(explanation["std_error"]).shape == shape
    assert len(explanation["feature_names"]) == shape[1]
    assert np.array(explanation["global_importance"]["mean_abs"]).shape == shape[1:]


@pytest.mark.parametrize("request_", [FOREST, RIDGE, BOOSTED_NUMBERS])
def test_base_values_and_attributions_add_up_to_the_answer(answers, request_):
    answer = answers[f"{request_}&interpretability=shap"]
    explanation = answer["interpretability"]

    sums = np.array(explanation["base_values"]) + np.array(explanation["values"]).sum(axis=1)

    predicted = np.array(answer["proba"] if request_ == FOREST else answer["y_pred"])
    gap = np.abs(sums - predicted).max()
    assert gap <= 1e-6 * np.abs(predicted).max()
    assert gap <= explanation["additivity_residual"] + 1e-12


def test_attributions_of_boosted_classes_add_up_to_the_predicted_class(answers):
    answer = answers[f"{BOOSTED_CLASSES}&interpretability=shap"]
    explanation = answer["interpretability"]

    sums = np.array(explanation["base_values"]) + np.array(explanation["values"]).sum(axis=1)

    np.testing.assert_allclose(sums.sum(axis=1), 1, atol=1e-9)
    assert sums.argmax(axis=1).tolist() == answer["y_pred"]


def test_every_unit_is_stated(answers):
    for request, answer in answers.items():
        explanation = answer["interpretability"]
        if explanation["method"] == "shap":
            assert explanation["unit"] == ("probability" if "classification" in request else "target")
        assert explanation["algorithm"]


def test_what_the_users_plots_read_is_there(answers):
    answer = answers[f"{FOREST}&interpretability=shap"]
    s = np.array(answer["interpretability"]["values"][0])
    assert len([float(pair[1]) for pair in s]) == len(answer["interpretability"]["feature_names"])

    permuted = answers[f"{BOOSTED_CLASSES}&interpretability=permutation"]["interpretability"]
    ranked = sorted(
        zip(
            permuted["feature_names"], permuted["importances_mean"], permuted["importances_std"], strict=True
        ),
        key=lambda item: item[1],
    )
    assert len(ranked) == 30

    regression = answers[f"{RIDGE}&interpretability=shap"]
    assert [float(value) for value in regression["interpretability"]["values"][0]]
    assert set(regression["Score"]) == SCORES
    assert 0 <= regression["pi_coverage"] <= 100


def test_targets_come_back_with_all_their_digits(answers, friedman):
    rows = csv.DictReader(io.StringIO(friedman.decode()))
    sent = [float(row["target"]) for row in rows if row["training_index"] == "0"]

    assert answers[f"{BOOSTED_NUMBERS}&interpretability=shap"]["y_true"] == sent


@pytest.mark.parametrize(
    "request_", [f"{BOOSTED_NUMBERS}&interpretability=shap", f"{RIDGE}&interpretability=permutation"]
)
def test_the_same_request_gives_the_same_numbers(ask, answers, friedman, request_):
    again = ask(request_, friedman).json()

    again["receipt"].pop("seconds")
    first = {**answers[request_], "receipt": dict(answers[request_]["receipt"])}
    first["receipt"].pop("seconds")
    assert again == first


@pytest.mark.parametrize("kind", ["none", "noise", "expired", "stranger"])
def test_without_a_good_token_there_is_one_answer_with_ways_to_a_new_one(gateway, breast_cancer, kind):
    long_ago = datetime.now(UTC) - timedelta(days=3)
    tokens = {
        "none": None,
        "noise": "a.b.c",
        "expired": gateway.token(now=long_ago),
        "stranger": "e30.e30.e30",
    }
    headers = {} if tokens[kind] is None else {"Authorization": f"Bearer {tokens[kind]}"}

    response = httpx.post(
        f"{gateway.url}/{FOREST}", files={"file": ("t.csv", breast_cancer)}, headers=headers
    )

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert "whybox token" in response.json()["detail"]


def test_every_answer_to_a_caller_tells_the_quota(ask, friedman):
    good = ask(f"{RIDGE}", friedman, sub="counted")
    bad = ask("mlregression?nonsense=1", friedman, sub="counted")

    for response in (good, bad):
        assert response.headers["ratelimit-policy"].startswith('"monthly";q=1000000;w=')
        assert response.headers["x-ratelimit-remaining"] == "999999"


def test_the_usage_is_told_to_its_owner(gateway, ask, friedman):
    ask(RIDGE, friedman, sub="owner")

    usage = httpx.get(f"{gateway.url}/usage", headers=gateway.headers("owner"), timeout=60).json()

    assert (usage["used"], usage["remaining"]) == (1, 999_999)


def test_a_repeated_idempotency_key_is_one_charge_and_the_same_bytes(gateway, ask, friedman):
    first = ask(RIDGE, friedman, sub="repeater", idempotency_key="k-1")
    again = ask(RIDGE, friedman, sub="repeater", idempotency_key="k-1")
    other = ask(f"{RIDGE}&seed=1", friedman, sub="repeater", idempotency_key="k-1")

    assert first.content == again.content
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    usage = httpx.get(f"{gateway.url}/usage", headers=gateway.headers("repeater"), timeout=60).json()
    assert usage["used"] == 1


def test_one_tenants_key_does_not_open_anothers_answer(ask, friedman):
    first = ask(RIDGE, friedman, sub="first", idempotency_key="shared")
    second = ask(RIDGE, friedman, sub="second", idempotency_key="shared")

    assert second.status_code == 200
    assert "idempotency-replayed" not in second.headers
    assert first.json()["y_pred"] == second.json()["y_pred"]


def test_of_32_requests_at_once_exactly_the_limit_is_answered(start_gateway, ask, friedman, tmp_path):
    running = start_gateway(tmp_path / "home", monthly_limit=10)

    with ThreadPoolExecutor(32) as pool:
        responses = list(pool.map(lambda _: ask(BOOSTED_NUMBERS, friedman, running=running), range(32)))

    statuses = [response.status_code for response in responses]
    assert (statuses.count(200), statuses.count(429)) == (10, 22)
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json()["type"].endswith("/problems/quota-exceeded")
    assert int(refused.headers["retry-after"]) > 0
    usage = httpx.get(f"{running.url}/usage", headers=running.headers(), timeout=60).json()
    assert (usage["used"], usage["remaining"]) == (10, 0)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/docs", "text/html"),
        ("/problems", "text/html"),
        ("/problems/quota-exceeded", "text/html"),
        ("/health", "application/json"),
        ("/openapi.json", "application/json"),
    ],
)
def test_the_pages_of_the_service_need_no_token(gateway, path, kind):
    response = httpx.get(f"{gateway.url}{path}", timeout=60)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nothing", 404, None),
        ("GET", "/mlclassification", 405, "POST"),
        ("DELETE", "/usage", 405, "GET"),
        ("POST", "/health", 405, "GET, HEAD"),
        ("GET", "/%2e%2e/etc/passwd", 404, None),
        ("GET", "/%00", 404, None),
    ],
)
def test_what_is_not_there_is_told_in_the_same_form(gateway, method, path, status, allow):
    response = httpx.request(method, f"{gateway.url}{path}", timeout=60)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("allow") == allow


def test_no_token_and_no_cell_reaches_the_files_of_the_service(gateway, ask, friedman):
    canary = b"canary-cell-4711"
    token = gateway.token("canary-subject")
    ask(RIDGE, friedman.replace(b"x1,", canary + b",", 1), sub="canary-subject")

    for path in Path(gateway.home).rglob("*.log"):
        written = path.read_bytes()
        for secret in (canary, token.encode(), b"canary-subject"):
            assert secret not in written, path.name


def test_a_request_beyond_the_memory_of_its_function_becomes_a_job(tmp_path):
    """It is known beforehand; what happens where it is not, ``small_stack`` shows."""
    text = project_template().read_text(encoding="utf-8")
    (tmp_path / "template.yaml").write_text(text.replace("Default: 1769", "Default: 512"), encoding="utf-8")
    for folder in ("functions", "infra"):
        (tmp_path / folder).symlink_to(project_template().with_name(folder))
    settings = Settings(home=tmp_path / "home")
    with running_gateway(settings, template=tmp_path / "template.yaml") as url:
        small = RunningGateway(url, settings)
        response = httpx.post(
            f"{url}/{NOISE}", files={"file": ("t.csv", noise_table())}, headers=small.headers(), timeout=60
        )
        ended = httpx.delete(url + response.headers["location"], headers=small.headers(), timeout=60)

    assert (response.status_code, response.json()["estimate"]["route"]) == (202, "heavy")
    assert response.json()["estimate"]["memory_mb"] > 512 * 0.65
    assert ended.status_code == 204
