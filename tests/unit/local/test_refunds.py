import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.adapters.local.system_clock import SystemClock
from whybox.local.refunds import LostCalls, refund_all

NOW = datetime.now(UTC)


def ledger(folder: Path) -> SqliteUsage:
    return SqliteUsage(folder / "usage.sqlite3", default_limit=10)


def test_a_start_refunds_what_a_killed_gateway_had_reserved_and_nothing_that_was_delivered(
    tmp_path: Path,
) -> None:
    usage = ledger(tmp_path)
    usage.reserve("t", receipt_id="delivered", lease_seconds=60, now=NOW)
    usage.commit("t", receipt_id="delivered")
    usage.reserve("t", receipt_id="lost", lease_seconds=900, now=NOW)

    n_refunded = refund_all(usage, clock=SystemClock())

    assert n_refunded == 1
    assert usage.read("t", now=NOW).used == 1


def test_a_lost_call_is_refunded_when_its_lease_is_over(tmp_path: Path) -> None:
    usage = ledger(tmp_path)
    usage.reserve("t", receipt_id="over", lease_seconds=-1, now=NOW - timedelta(seconds=5))
    usage.reserve("t", receipt_id="at work", lease_seconds=60, now=datetime.now(UTC))

    async def lose_a_call() -> None:
        lost = LostCalls(usage, clock=SystemClock(), watch_seconds=10)
        lost.note()
        lost.note()
        for _ in range(100):
            await asyncio.sleep(0.05)
            if usage.read("t", now=NOW).used == 1:
                break
        await lost.close()

    asyncio.run(lose_a_call())

    assert usage.read("t", now=NOW).used == 1
