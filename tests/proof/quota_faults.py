"""The quota on a store whose network loses requests, loses answers and throttles: nothing is charged twice.

Every id is reserved once per round until it gets a verdict; at each moment ok <= used <= ok + unknown must
hold, where an unknown id is one whose caller was told that the store does not answer.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tests.contract.emulated_aws import EmulatedAws, emulated_aws, random_faults

from whybox.adapters.aws.dynamodb_usage import DynamodbUsage
from whybox.errors import BackingServiceError, QuotaExceededError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FAULT_SHARE = 0.24
N_THREADS = 8
N_ROUNDS = 12
TENANT = "tenant"

Verdict = Literal["charged", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class QuotaFaults:
    """What was found: requests sent, verdicts that stayed unknown, and in words what was violated."""

    n_requests: int
    n_unknown: int
    violations: tuple[str, ...]


def prove(n_seeds: int = 20, n_ids: int = 500) -> QuotaFaults:
    """Run seeds 0, 1, ... with a limit of half the ids."""
    found = [_run(seed, n_ids) for seed in range(n_seeds)]
    return QuotaFaults(
        sum(part.n_requests for part in found),
        sum(part.n_unknown for part in found),
        tuple(violation for part in found for violation in part.violations),
    )


def _run(seed: int, n_ids: int) -> QuotaFaults:
    limit = n_ids // 2
    with emulated_aws() as aws:
        table = aws.create_table("UsageTable")
        faulty = DynamodbUsage(
            aws.client("dynamodb", faults=random_faults(FAULT_SHARE, seed=seed)),
            table,
            default_limit=limit,
            sleep=lambda _seconds: None,
        )
        honest = DynamodbUsage(aws.client("dynamodb"), table, default_limit=limit)
        verdicts: dict[str, Verdict] = dict.fromkeys((f"id-{number}" for number in range(n_ids)), "unknown")
        ids, violations, n_requests = list(verdicts), [], 0
        with ThreadPoolExecutor(N_THREADS) as pool:
            for _ in range(N_ROUNDS):
                open_ids = [name for name in ids if verdicts[name] == "unknown"]
                n_requests += len(open_ids)
                verdicts.update(
                    zip(open_ids, pool.map(lambda name: _reserve(faulty, name), open_ids), strict=True)
                )
                violations += _violations(seed, verdicts, used=honest.read(TENANT, now=NOW).used, limit=limit)
        charged = [name for name in ids if verdicts[name] == "charged"]
        violations += _missing_receipts(seed, aws, table, charged)
        return QuotaFaults(n_requests, list(verdicts.values()).count("unknown"), tuple(violations))


def _reserve(ledger: DynamodbUsage, receipt_id: str) -> Verdict:
    try:
        ledger.reserve(TENANT, receipt_id=receipt_id, lease_seconds=60, now=NOW)
    except QuotaExceededError:
        return "refused"
    except BackingServiceError:
        return "unknown"
    return "charged"


def _violations(seed: int, verdicts: dict[str, Verdict], *, used: int, limit: int) -> list[str]:
    n_ok, n_unknown = (list(verdicts.values()).count(verdict) for verdict in ("charged", "unknown"))
    found = []
    if not n_ok <= used <= n_ok + n_unknown:
        found.append(f"seed {seed}: {used} used, {n_ok} charged, {n_unknown} unknown")
    if used > limit:
        found.append(f"seed {seed}: {used} used of {limit}")
    return found


def _missing_receipts(seed: int, aws: EmulatedAws, table: str, charged: list[str]) -> list[str]:
    items = aws.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    held = {
        item["sk"]["S"].removeprefix("RECEIPT#")
        for page in items
        for item in page["Items"]
        if item.get("state", {}).get("S") == "reserved"
    }
    missing = set(charged) - held
    return [f"seed {seed}: {len(missing)} charged ids without a receipt"] if missing else []


if __name__ == "__main__":
    print(prove(*map(int, sys.argv[1:])))
