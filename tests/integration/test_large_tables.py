"""The commands for a large table, through the real gateway: sample, upload, a job, its progress, results."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fastparquet
import httpx
import numpy as np
import pandas as pd
import pytest

from whybox.cli.main import main

from .conftest import RunningGateway

N_ROWS, N_COLUMNS = 90_000, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the table."""
    folder = tmp_path_factory.mktemp("user")
    sizes = ["--rows", str(N_ROWS), "--columns", str(N_COLUMNS)]
    assert main(["sample", *sizes, "-o", str(folder / "big.csv")]) == 0
    return folder


@pytest.fixture
def at_gateway(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> RunningGateway:
    """Let commands find the gateway as they find the one of this machine."""
    for name in [name for name in os.environ if name.startswith("WHYBOX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WHYBOX_HOME", str(gateway.home))
    monkeypatch.setenv("WHYBOX_URL", gateway.url)
    return gateway


@pytest.fixture
def job_id(at_gateway: RunningGateway, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Take the way of the README up to a job that is done; the same job for all tests."""
    assert main(["upload", str(folder / "big.csv")]) == 0
    upload_id = capsys.readouterr().out.strip()
    answer = httpx.post(
        f"{at_gateway.url}/v1/explanations",
        json={"source": {"upload_id": upload_id}, "model": {"family": "xgboost"}},
        headers=at_gateway.headers("me") | {"prefer": "respond-async"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code in (200, 202), answer.text
    job_id = str(answer.json()["job_id"])
    assert main(["jobs", job_id, "--follow"]) == 0
    assert capsys.readouterr().err.splitlines()[-1].startswith("done ")
    return job_id


def test_a_job_tells_what_it_took_and_where_it_was_done(
    job_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", job_id, "--json"]) == 0

    job = json.loads(capsys.readouterr().out)
    assert (job["status"], job["door"], job["attempts"]) == ("done", "queue", 1)
    assert job["progress"]["rows_done"] == job["progress"]["rows_total"] > N_ROWS // 4
    assert job["actual"]["function"] == "ExplainHeavy"
    assert job["actual"]["peak_memory_mb"] < 3008
    assert job["estimate"]["route"] == "heavy"


def test_the_results_of_all_formats_agree(job_id: str, folder: Path) -> None:
    files = {name: folder / f"result.{name}" for name in ("json", "parquet", "csv", "html")}
    for name, path in files.items():
        assert main(["result", job_id, "--format", name, "-o", str(path)]) == 0

    summary = json.loads(files["json"].read_text())
    assert summary["is_summary"] is True
    assert summary["explanation"]["values"]["file"] == "attributions.parquet"
    with files["parquet"].open("rb") as file:
        table = fastparquet.ParquetFile(file).to_pandas()
    values = table[[f"value.x{column}" for column in range(1, N_COLUMNS + 1)]].to_numpy()
    np.testing.assert_allclose(table["base_value"] + values.sum(axis=1), table["y_pred"], atol=1e-4)
    text = pd.read_csv(files["csv"])
    assert list(text.columns) == list(table.columns)
    np.testing.assert_array_equal(text["y_pred"], table["y_pred"])
    assert files["csv"].stat().st_size > 4_000_000  # so this one came by a link
    assert files["html"].read_text().startswith("<!doctype html>")


def test_the_columns_behind_the_target_are_the_ones_that_matter(job_id: str, folder: Path) -> None:
    path = folder / "summary.json"
    assert main(["result", job_id, "-o", str(path)]) == 0

    explanation = json.loads(path.read_text())["explanation"]
    mean_abs = np.array(explanation["global_importance"]["mean_abs"])[:, 0]
    ranked = [explanation["feature_names"][column] for column in np.argsort(-mean_abs)]
    assert set(ranked[:5]) == {"x1", "x2", "x3", "x4", "x5"}


def test_a_large_result_is_one_redirect_that_needs_no_token(at_gateway: RunningGateway, job_id: str) -> None:
    with httpx.Client(base_url=at_gateway.url, timeout=60, trust_env=False) as client:
        answer = client.get(f"/v1/jobs/{job_id}/result?format=csv", headers=at_gateway.headers("me"))
        assert (answer.status_code, answer.content) == (303, b"")
        file = client.get(answer.headers["location"])
        changed = client.get(answer.headers["location"].replace("attributions", "result"))

    assert file.status_code == 200
    assert file.headers["content-disposition"] == 'attachment; filename="attributions.csv"'
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["cache-control"] == "no-store"
    assert changed.status_code == 403


def test_the_job_was_charged_once_however_often_it_was_sent(at_gateway: RunningGateway, job_id: str) -> None:
    answer = httpx.get(f"{at_gateway.url}/usage", headers=at_gateway.headers("me"), trust_env=False)

    assert answer.json()["used"] == 1
