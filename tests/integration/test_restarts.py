"""A gateway that is killed in the middle of a job: the next one brings the job to its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
from tests.integration.conftest import GatewayProcess
from tests.integration.test_three_doors import ask, is_over, read, tenant, until

from whybox.domain.tables.synthetic_tables import write_synthetic_table
from whybox.wiring import connect_local

HOW = {
    "model": {
        "family": "sklearn",
        "name": "RandomForestRegressor",
        "parameters": {"n_estimators": 100, "max_depth": 6},
    }
}
"""A few seconds of work."""


def test_a_job_at_work_goes_on_with_the_next_gateway_and_is_charged_once(
    start_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    first = start_gateway(tmp_path)
    table = b"".join(write_synthetic_table(30_000, 6))
    accepted = ask(first, "ada", table, HOW, prefer="respond-async")
    job_id = accepted.json()["job_id"]
    waiting = ask(first, "ada", table, {"seed": 1}, prefer="respond-async").json()["job_id"]
    ports = connect_local(first.settings)
    owner = tenant(first, "ada")
    until(lambda: ports.jobs.read(owner, job_id).status == "running" or None)

    first.kill()

    assert ports.jobs.read(owner, job_id).status != "done"
    assert ports.usage.read(owner, now=ports.clock.now()).used == 2
    second = start_gateway(tmp_path)
    assert ports.usage.read(owner, now=ports.clock.now()).used == 2
    for each in (job_id, waiting):
        until(lambda each=each: is_over(second, "ada", each))
        assert json.loads(read(second, "ada", f"/v1/jobs/{each}/result").content)["explanation"]
    assert ports.jobs.read(owner, job_id).attempts == 2
    assert ports.usage.read(owner, now=ports.clock.now()).used == 2
    usage = httpx.get(f"{second.url}/usage", headers=second.headers("ada")).json()
    assert usage["used"] == 2
