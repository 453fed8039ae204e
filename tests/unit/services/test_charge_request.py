"""Charging: delivered work costs one unit, everything else nothing, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.errors import (
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    QuotaExceededError,
    QuotaUnavailableError,
    RepliesUnavailableError,
)
from whybox.ports import StoredReply, Usage
from whybox.services.charge_request import ChargeableRequest, ChargedReply, charge_request, digest

LEASE = 60.0


@dataclass
class SettableClock:
    time: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class FailingUsage(SqliteUsage):
    """A ledger that answers the named calls with a failure, before or after the call took effect."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()

    def on_refund(self) -> None:
        """Do nothing; a test puts what may happen at this moment here."""

    def reserve(self, *arguments, **keywords) -> Usage:
        return self._call("reserve", *arguments, **keywords)

    def commit(self, *arguments, **keywords) -> None:
        self._call("commit", *arguments, **keywords)

    def refund(self, *arguments, **keywords) -> bool:
        self.on_refund()
        return self._call("refund", *arguments, **keywords)

    def _call(self, name: str, *arguments, **keywords):
        if name in self.before:
            raise QuotaUnavailableError
        result = getattr(SqliteUsage, name)(self, *arguments, **keywords)
        if name in self.after:
            raise QuotaUnavailableError
        return result


class FailingReplies(SqliteReplies):
    """A reply store that loses outcomes."""

    def complete(self, *_arguments, **_keywords) -> None:
        raise RepliesUnavailableError


@dataclass
class Desk:
    """One tenant's requests, and how often work was done for them."""

    folder: Path
    limit: int = 10
    clock: SettableClock = field(default_factory=SettableClock)
    n_computed: int = 0

    def __post_init__(self) -> None:
        self.usage = FailingUsage(self.folder / "usage", default_limit=self.limit)
        self.replies = SqliteReplies(self.folder / "replies")

    def send(
        self,
        request_id: str = "r1",
        *,
        key: str | None = None,
        fingerprint: str = "f",
        work: Callable[[], None] = lambda: None,
    ) -> ChargedReply:
        def compute() -> StoredReply:
            self.n_computed += 1
            work()
            return StoredReply(status=200, headers=(), body=f"answer {self.n_computed}".encode())

        request = ChargeableRequest(
            tenant="t", route="POST /a", request_id=request_id, fingerprint=fingerprint, idempotency_key=key
        )
        return charge_request(
            request,
            compute,
            usage=self.usage,
            replies=self.replies,
            clock=self.clock,
            lease_seconds=LEASE,
        )

    @property
    def used(self) -> int:
        return self.usage.read("t", now=self.clock.now()).used

    def sweep_later(self) -> int:
        """Let every lease run out, then give back what was abandoned."""
        self.clock.time += timedelta(seconds=LEASE + 1)
        return self.usage.refund_abandoned(now=self.clock.now())


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


def fail() -> None:
    raise ZeroDivisionError


def test_delivered_work_costs_one_unit(desk):
    charged = desk.send()

    assert (charged.reply.body, charged.usage.remaining, charged.is_replay) == (b"answer 1", 9, False)
    assert desk.used == 1


def test_each_call_counts_also_an_identical_one(desk):
    desk.send("r1")
    desk.send("r2")

    assert (desk.used, desk.n_computed) == (2, 2)


def test_delivered_work_stays_charged_after_the_lease(desk):
    desk.send()

    assert desk.sweep_later() == 0
    assert desk.used == 1


@pytest.mark.parametrize("key", [None, "k"])
def test_failed_work_costs_nothing_and_its_error_is_raised_on(desk, key):
    with pytest.raises(ZeroDivisionError):
        desk.send(key=key, work=fail)

    assert desk.used == 0


def test_a_full_month_computes_nothing_and_frees_the_key(desk, tmp_path):
    full = Desk(tmp_path / "full", limit=0)

    with pytest.raises(QuotaExceededError):
        full.send(key="k")
    full.usage.change_plan("t", monthly_limit=1)

    assert full.n_computed == 0
    assert full.send(key="k").usage.used == 1


def test_a_repeated_key_gets_the_same_bytes_for_one_unit(desk):
    first = desk.send("r1", key="k")
    second = desk.send("r2", key="k")

    assert second.reply == first.reply
    assert (first.is_replay, second.is_replay) == (False, True)
    assert (desk.used, desk.n_computed) == (1, 1)
    assert second.usage.used == 1


def test_a_key_with_another_request_is_refused_and_costs_nothing(desk):
    desk.send(key="k")

    with pytest.raises(IdempotencyKeyReusedError):
        desk.send("r2", key="k", fingerprint="another")

    assert desk.used == 1


def test_a_key_whose_first_request_failed_can_be_tried_again(desk):
    with pytest.raises(ZeroDivisionError):
        desk.send(key="k", work=fail)

    assert desk.send(key="k").reply.body == b"answer 2"
    assert desk.used == 1


def test_the_key_stays_claimed_until_its_unit_is_back(desk):
    """Else a second request could hold the unit that the first one then refunds."""
    seen = []

    def try_the_key() -> None:
        with pytest.raises(IdempotencyInProgressError) as refusal:
            desk.send("r2", key="k")
        seen.append(refusal.type)

    desk.usage.on_refund = try_the_key
    with pytest.raises(ZeroDivisionError):
        desk.send("r1", key="k", work=fail)

    assert seen == [IdempotencyInProgressError]


def test_fifty_at_once_with_one_key_are_one_computation(desk):
    def attempt(number: int) -> bytes | None:
        try:
            return desk.send(f"r{number}", key="k").reply.body
        except IdempotencyInProgressError:
            return None

    with ThreadPoolExecutor(50) as pool:
        bodies = set(pool.map(attempt, range(50)))

    assert bodies <= {b"answer 1", None}
    assert (desk.used, desk.n_computed) == (1, 1)


def test_without_a_ledger_nothing_is_computed(desk):
    desk.usage.before = frozenset({"reserve"})

    with pytest.raises(QuotaUnavailableError):
        desk.send(key="k")

    assert desk.n_computed == 0
    desk.usage.before = frozenset()
    assert desk.send(key="k").usage.used == 1


def test_a_reservation_whose_answer_was_lost_comes_back_with_the_sweep(desk):
    desk.usage.after = frozenset({"reserve"})
    with pytest.raises(QuotaUnavailableError):
        desk.send()

    assert desk.n_computed == 0
    assert (desk.used, desk.sweep_later(), desk.used) == (1, 1, 0)


def test_a_refund_that_fails_comes_back_with_the_sweep(desk):
    desk.usage.before = frozenset({"refund"})

    with pytest.raises(ZeroDivisionError):
        desk.send(work=fail)

    assert (desk.used, desk.sweep_later(), desk.used) == (1, 1, 0)


def test_an_outcome_that_cannot_be_stored_is_not_delivered_and_not_charged(desk):
    desk.replies = FailingReplies(desk.folder / "replies")

    with pytest.raises(RepliesUnavailableError):
        desk.send(key="k")

    assert desk.used == 0


@pytest.mark.parametrize("moment", ["before", "after"])
def test_when_the_commit_fails_the_retry_gets_the_stored_reply_for_one_unit(desk, moment):
    setattr(desk.usage, moment, frozenset({"commit"}))
    with pytest.raises(QuotaUnavailableError):
        desk.send("r1", key="k")
    setattr(desk.usage, moment, frozenset())

    desk.sweep_later()
    retried = desk.send("r2", key="k")

    assert (retried.reply.body, retried.is_replay) == (b"answer 1", True)
    assert (desk.used, desk.n_computed) == (1, 1)


def test_work_that_outlives_its_reservation_is_charged_anew_before_it_is_delivered(desk):
    charged = desk.send(work=lambda: desk.sweep_later())

    assert charged.usage.used == 1
    assert desk.sweep_later() == 0
    assert desk.used == 1


def test_work_that_outlives_its_reservation_in_a_full_month_is_not_delivered(desk):
    def lose_the_place() -> None:
        desk.sweep_later()
        desk.usage.change_plan("t", monthly_limit=0)

    with pytest.raises(QuotaExceededError):
        desk.send(work=lose_the_place)

    assert desk.used == 0


def test_a_key_costs_again_when_its_reply_is_forgotten(desk):
    desk.send(key="k")
    desk.clock.time += timedelta(days=90)

    assert not desk.send(key="k").is_replay
    assert desk.used == 1


def test_no_two_lists_of_texts_share_a_digest():
    lists = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("1:a", ""), ()]

    assert len({digest(*texts) for texts in lists}) == len(lists)
