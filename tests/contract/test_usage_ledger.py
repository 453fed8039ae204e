"""What every usage ledger promises: exact counts, whatever is repeated, raced, refunded or forgotten.

A new adapter is one more entry of ``ADAPTERS``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.contract.emulated_aws import emulated_aws

from whybox.adapters.aws.dynamodb_usage import DynamodbUsage
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.errors import QuotaExceededError, QuotaUnavailableError, ReservationLostError
from whybox.ports import UsageLedger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE = 60.0


class PlannedLedger(UsageLedger, Protocol):
    """A ledger whose plans can be changed, as an operator does."""

    def change_plan(self, tenant: str, *, monthly_limit: int) -> None: ...


@dataclass(frozen=True)
class Ledgers:
    """Ledgers on one store: each call is another process's view of it."""

    connect: Callable[[], PlannedLedger]
    break_down: Callable[[], None]
    expire: Callable[[datetime], None] = lambda _now: None
    """What the store does by itself with rows whose time is over, some days late."""


@contextmanager
def sqlite_ledgers(*, default_limit: int) -> Iterator[Ledgers]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "usage.sqlite3"

        def break_down() -> None:
            path.write_bytes(b"this is no database, and longer than a header " * 100)

        yield Ledgers(lambda: SqliteUsage(path, default_limit=default_limit), break_down)


@contextmanager
def dynamodb_ledgers(*, default_limit: int) -> Iterator[Ledgers]:
    with emulated_aws() as aws:
        table = aws.create_table("UsageTable")

        def connect() -> DynamodbUsage:
            return DynamodbUsage(aws.client("dynamodb"), table, default_limit=default_limit)

        yield Ledgers(
            connect,
            lambda: aws.client("dynamodb").delete_table(TableName=table),
            lambda now: aws.expire_items(table, now=now),
        )


ADAPTERS = {"sqlite": sqlite_ledgers, "dynamodb": dynamodb_ledgers}


@pytest.fixture(params=ADAPTERS)
def ledgers(request) -> Iterator[Ledgers]:
    with ADAPTERS[request.param](default_limit=100) as opened:
        yield opened


@pytest.fixture
def ledger(ledgers) -> PlannedLedger:
    return ledgers.connect()


def reserve(ledger: UsageLedger, receipt_id: str, *, tenant: str = "t", now: datetime = NOW) -> bool:
    """Return whether the receipt is charged."""
    try:
        ledger.reserve(tenant, receipt_id=receipt_id, lease_seconds=LEASE, now=now)
    except QuotaExceededError:
        return False
    return True


def used(ledger: UsageLedger, *, tenant: str = "t", now: datetime = NOW) -> int:
    return ledger.read(tenant, now=now).used


def test_four_hundred_requests_at_once_use_exactly_the_limit(ledgers):
    views = [ledgers.connect() for _ in range(4)]

    with ThreadPoolExecutor(32) as pool:
        granted = list(pool.map(lambda n: reserve(views[n % 4], f"r{n}"), range(400)))

    assert granted.count(True) == 100
    assert used(views[0]) == 100


def test_every_delivery_of_a_request_gets_the_same_verdict(ledgers):
    views = [ledgers.connect() for _ in range(2)]
    deliveries = [number for number in range(150) for _ in range(3)]
    random.Random(7).shuffle(deliveries)  # noqa: S311 - an order, not a secret

    with ThreadPoolExecutor(16) as pool:
        verdicts = list(pool.map(lambda n: reserve(views[n % 2], f"r{n}"), deliveries))

    by_request: dict[int, set[bool]] = {}
    for number, verdict in zip(deliveries, verdicts, strict=True):
        by_request.setdefault(number, set()).add(verdict)
    assert all(len(found) == 1 for found in by_request.values())
    assert sum(True in found for found in by_request.values()) == 100 == used(views[0])


def test_fifty_deliveries_of_one_request_at_once_are_one_charge(ledgers):
    views = [ledgers.connect() for _ in range(2)]

    def deliver(number: int) -> int:
        usage = views[number % 2].reserve("t", receipt_id="same", lease_seconds=LEASE, now=NOW)
        return usage.remaining

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(deliver, range(50)))

    assert set(answers) == {99}


def test_what_is_charged_is_reported_at_once(ledger):
    usage = ledger.reserve("t", receipt_id="a", lease_seconds=LEASE, now=NOW)

    assert (usage.used, usage.limit, usage.remaining, usage.period) == (1, 100, 99, "2026-11")
    assert usage.resets_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert usage == ledger.read("t", now=NOW)


def test_a_full_month_is_refused_with_all_its_facts(ledger):
    ledger.change_plan("t", monthly_limit=1)
    reserve(ledger, "a")

    with pytest.raises(QuotaExceededError) as refusal:
        ledger.reserve("t", receipt_id="b", lease_seconds=LEASE, now=NOW)

    error = refusal.value
    assert (error.limit, error.used, error.period) == (1, 1, "2026-11")
    assert error.resets_at == datetime(2026, 12, 1, tzinfo=UTC)


def test_tenants_do_not_share_a_count_or_a_receipt(ledger):
    ledger.change_plan("full", monthly_limit=0)

    assert not reserve(ledger, "same", tenant="full")
    assert reserve(ledger, "same", tenant="a")
    assert reserve(ledger, "same", tenant="b")
    assert not ledger.refund("full", receipt_id="same")
    assert (used(ledger, tenant="a"), used(ledger, tenant="b")) == (1, 1)


@pytest.mark.parametrize(
    ("last", "first"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, 999000, UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, 59, 999000, UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2028, 2, 29, 23, 59, 59, 999000, UTC), datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_new_month_starts_at_zero_by_the_utc_calendar(ledger, last, first):
    zone = ZoneInfo("America/New_York")  # there it is still the old month
    reserve(ledger, "old", now=last.astimezone(zone))

    assert used(ledger, now=last) == 1
    assert used(ledger, now=first.astimezone(zone)) == 0
    assert reserve(ledger, "new", now=first)
    assert (used(ledger, now=last), used(ledger, now=first)) == (1, 1)


def test_a_refund_goes_to_the_month_of_the_reservation(ledger):
    end, start = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
    reserve(ledger, "old", now=end)
    reserve(ledger, "new", now=start)

    assert ledger.refund("t", receipt_id="old")

    assert (used(ledger, now=end), used(ledger, now=start)) == (0, 1)


def test_a_reservation_is_refunded_once_however_often_it_is_asked_for(ledgers):
    views = [ledgers.connect() for _ in range(2)]
    reserve(views[0], "a")
    reserve(views[0], "b")

    with ThreadPoolExecutor(5) as pool:
        refunds = list(pool.map(lambda n: views[n % 2].refund("t", receipt_id="a"), range(5)))

    assert refunds.count(True) == 1
    assert used(views[0]) == 1


def test_an_unknown_receipt_refunds_nothing(ledger):
    assert not ledger.refund("t", receipt_id="never seen")
    assert used(ledger) == 0


def test_a_refunded_receipt_can_be_charged_again(ledger):
    reserve(ledger, "a")
    ledger.refund("t", receipt_id="a")

    assert reserve(ledger, "a")
    assert used(ledger) == 1


def test_a_committed_receipt_is_never_refunded(ledger):
    reserve(ledger, "a")
    ledger.commit("t", receipt_id="a")
    ledger.commit("t", receipt_id="a")

    assert not ledger.refund("t", receipt_id="a")
    assert ledger.refund_abandoned(now=NOW + timedelta(days=1)) == 0
    assert used(ledger) == 1


@pytest.mark.parametrize("is_known", [True, False])
def test_what_is_not_reserved_cannot_be_committed(ledger, is_known):
    if is_known:
        reserve(ledger, "a")
        ledger.refund("t", receipt_id="a")

    with pytest.raises(ReservationLostError):
        ledger.commit("t", receipt_id="a")


def test_abandoned_reservations_come_back_when_their_lease_is_over(ledger):
    reserve(ledger, "left", tenant="a")
    reserve(ledger, "left", tenant="b")
    reserve(ledger, "at work", now=NOW + timedelta(seconds=LEASE))

    assert ledger.refund_abandoned(now=NOW + timedelta(seconds=LEASE - 1)) == 0
    assert ledger.refund_abandoned(now=NOW + timedelta(seconds=LEASE + 1)) == 2
    assert ledger.refund_abandoned(now=NOW + timedelta(seconds=LEASE + 1)) == 0
    assert (used(ledger, tenant="a"), used(ledger, tenant="b"), used(ledger)) == (0, 0, 1)


def test_a_second_delivery_prolongs_the_lease(ledger):
    reserve(ledger, "a")
    reserve(ledger, "a", now=NOW + timedelta(seconds=50))

    assert ledger.refund_abandoned(now=NOW + timedelta(seconds=100)) == 0
    assert ledger.refund_abandoned(now=NOW + timedelta(seconds=111)) == 1


def test_a_second_delivery_never_shortens_the_lease(ledger):
    reserve(ledger, "a")
    ledger.reserve("t", receipt_id="a", lease_seconds=1, now=NOW)

    assert ledger.refund_abandoned(now=NOW + timedelta(seconds=LEASE - 1)) == 0


def test_a_zombie_cannot_commit_what_was_taken_back_and_another_holds(ledger):
    reserve(ledger, "a")
    ledger.refund_abandoned(now=NOW + timedelta(hours=1))

    with pytest.raises(ReservationLostError):
        ledger.commit("t", receipt_id="a")
    assert used(ledger) == 0


def test_a_refund_racing_a_new_charge_never_drifts(ledgers):
    views = [ledgers.connect() for _ in range(4)]

    def act(number: int) -> None:
        if number % 2:
            views[number % 4].refund("t", receipt_id="a")
        else:
            reserve(views[number % 4], "a")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(200)))

    is_charged = views[0].refund("t", receipt_id="a")
    assert used(views[0]) == 0, f"after refunding {is_charged=}"


def test_a_smaller_plan_blocks_at_once_and_a_larger_one_opens_at_once(ledger):
    for number in range(80):
        reserve(ledger, f"r{number}")

    ledger.change_plan("t", monthly_limit=50)
    assert not reserve(ledger, "blocked")
    assert ledger.read("t", now=NOW).remaining == 0

    ledger.change_plan("t", monthly_limit=200)
    assert reserve(ledger, "open")
    assert used(ledger) == 81


def test_a_receipt_counts_for_45_days_after_its_month_and_not_longer(ledger):
    reserve(ledger, "a")
    ledger.commit("t", receipt_id="a")
    within, beyond = datetime(2027, 1, 14, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)

    reserve(ledger, "a", now=within)
    assert used(ledger, now=within) == 0

    reserve(ledger, "a", now=beyond)
    assert used(ledger, now=beyond) == 1


def test_old_receipts_are_swept_and_counts_stay(ledgers):
    ledger, much_later = ledgers.connect(), NOW + timedelta(days=120)
    reserve(ledger, "a")
    ledger.commit("t", receipt_id="a")

    ledger.refund_abandoned(now=much_later)
    ledgers.expire(much_later)

    assert used(ledger) == 1
    with pytest.raises(ReservationLostError):
        ledger.commit("t", receipt_id="a")


def test_a_store_that_fails_says_so_in_our_words(ledgers):
    ledgers.break_down()
    ledger = ledgers.connect()

    for attempt in (
        lambda: ledger.reserve("t", receipt_id="a", lease_seconds=LEASE, now=NOW),
        lambda: ledger.commit("t", receipt_id="a"),
        lambda: ledger.refund("t", receipt_id="a"),
        lambda: ledger.refund_abandoned(now=NOW),
        lambda: ledger.read("t", now=NOW),
    ):
        with pytest.raises(QuotaUnavailableError) as failure:
            attempt()
        assert failure.value.__cause__ is not None


class LedgerModel(RuleBasedStateMachine):
    """Any order of any calls agrees with a dictionary."""

    adapter = "sqlite"
    tenants = st.sampled_from(["a", "b"])
    receipts = st.sampled_from(["r1", "r2", "r3", "r4"])

    @initialize(limit=st.integers(0, 3))
    def open(self, limit: int) -> None:
        self.stack = ExitStack()
        ledgers = self.stack.enter_context(ADAPTERS[self.adapter](default_limit=limit))
        self.ledger = ledgers.connect()
        self.limits: dict[str, int] = {}
        self.default_limit = limit
        self.now = NOW
        self.held: dict[tuple[str, str], tuple[str, str, datetime]] = {}  # state, period, end of lease

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def period(self) -> str:
        return f"{self.now:%Y-%m}"

    def count(self, tenant: str) -> int:
        return sum(
            owner == tenant and period == self.period() and state != "refunded"
            for (owner, _), (state, period, _) in self.held.items()
        )

    @rule(tenant=tenants, receipt=receipts)
    def reserve(self, tenant: str, receipt: str) -> None:
        lease = self.now + timedelta(seconds=LEASE)
        state, period, ends_at = self.held.get((tenant, receipt), ("refunded", "", NOW))
        if state != "refunded":
            expected = True
            self.held[tenant, receipt] = state, period, max(ends_at, lease)
        else:
            expected = self.count(tenant) < self.limits.get(tenant, self.default_limit)
            if expected:
                self.held[tenant, receipt] = "reserved", self.period(), lease
        assert reserve(self.ledger, receipt, tenant=tenant, now=self.now) == expected

    @rule(tenant=tenants, receipt=receipts)
    def commit(self, tenant: str, receipt: str) -> None:
        state, period, ends_at = self.held.get((tenant, receipt), ("refunded", "", NOW))
        if state == "refunded":
            with pytest.raises(ReservationLostError):
                self.ledger.commit(tenant, receipt_id=receipt)
        else:
            self.ledger.commit(tenant, receipt_id=receipt)
            self.held[tenant, receipt] = "committed", period, ends_at

    @rule(tenant=tenants, receipt=receipts)
    def refund(self, tenant: str, receipt: str) -> None:
        state, period, ends_at = self.held.get((tenant, receipt), ("refunded", "", NOW))
        assert self.ledger.refund(tenant, receipt_id=receipt) == (state == "reserved")
        if state == "reserved":
            self.held[tenant, receipt] = "refunded", period, ends_at

    @rule()
    def sweep(self) -> None:
        left = [
            name
            for name, (state, _, ends_at) in self.held.items()
            if state == "reserved" and ends_at < self.now
        ]
        assert self.ledger.refund_abandoned(now=self.now) == len(left)
        for name in left:
            _, period, ends_at = self.held[name]
            self.held[name] = "refunded", period, ends_at

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.now < datetime(2026, 12, 1, tzinfo=UTC))
    @rule()
    def start_a_month(self) -> None:
        self.now = datetime(2026, 12, 1, tzinfo=UTC)

    @rule(tenant=tenants, limit=st.integers(0, 3))
    def change_plan(self, tenant: str, limit: int) -> None:
        self.ledger.change_plan(tenant, monthly_limit=limit)
        self.limits[tenant] = limit

    @rule(tenant=tenants)
    def read(self, tenant: str) -> None:
        usage = self.ledger.read(tenant, now=self.now)
        assert usage.used == self.count(tenant)
        assert usage.limit == self.limits.get(tenant, self.default_limit)


class DynamodbLedgerModel(LedgerModel):
    """The same on the other adapter."""

    adapter = "dynamodb"


TestLedgerModel = LedgerModel.TestCase
TestLedgerModel.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestDynamodbLedgerModel = DynamodbLedgerModel.TestCase
TestDynamodbLedgerModel.settings = settings(
    max_examples=10, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
