"""What every job store promises: one worker at a time, one end, and nothing of another tenant.

A new adapter is one more entry of ``ADAPTERS``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.contract.emulated_aws import Faults, emulated_aws, faults_in_order, no_faults, random_faults

from whybox.adapters.aws.dynamodb_jobs import DynamodbJobs
from whybox.adapters.local.sqlite_jobs import SqliteJobs
from whybox.domain.jobs.jobs import QUEUE_PATIENCE, Job, Outcome, Progress, new_job
from whybox.errors import CursorInvalidError, DependencyUnavailableError, JobNotFoundError, LeaseLostError
from whybox.job_ports import JobStore

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE = 60.0
ADA, BOB = "a" * 64, "b" * 64
DONE = Outcome("done", result_key="results/a/j/1/result.json", actual={"seconds": 1.5})


@dataclass(frozen=True)
class Stores:
    """Views of one store: each ``connect`` is another process's."""

    connect: Callable[..., JobStore]
    break_down: Callable[[], None]


@contextmanager
def sqlite_stores() -> Iterator[Stores]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.sqlite3"

        def connect(faults: Faults = no_faults) -> SqliteJobs:
            return SqliteJobs(path)

        yield Stores(connect, lambda: path.write_bytes(b"this is no database, and long " * 100) and None)


@contextmanager
def dynamodb_stores() -> Iterator[Stores]:
    with emulated_aws() as aws:
        table = aws.create_table("JobsTable")

        def connect(faults: Faults = no_faults) -> DynamodbJobs:
            return DynamodbJobs(aws.client("dynamodb", faults=faults), table)

        yield Stores(connect, lambda: aws.client("dynamodb").delete_table(TableName=table))


ADAPTERS = {"sqlite": sqlite_stores, "dynamodb": dynamodb_stores}


@pytest.fixture(params=ADAPTERS)
def stores(request) -> Iterator[Stores]:
    with ADAPTERS[request.param]() as opened:
        yield opened


@pytest.fixture
def store(stores) -> JobStore:
    return stores.connect()


def make(store: JobStore, job_id: str = "j", *, tenant: str = ADA, now: datetime = NOW) -> Job:
    document = {"target": "y", "explain": {"rows": [1, 2]}}
    return store.create(
        new_job(tenant, job_id, door="http", document=document, now=now, estimate={"seconds": 3})
    )


def claim(store: JobStore, job_id: str = "j", *, now: datetime = NOW, tenant: str = ADA) -> int | None:
    """Return the fence of a claim that was won."""
    got = store.claim(tenant, job_id, lease_seconds=LEASE, now=now)
    return got.job.fence if got.is_won else None


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_job_is_read_as_it_was_created(store):
    created = make(store, now=NOW.replace(microsecond=7))

    assert created == store.read(ADA, "j")
    assert (created.status, created.door, created.attempts, created.fence) == ("queued", "http", 0, 0)
    assert created.document == {"target": "y", "explain": {"rows": [1, 2]}}
    assert created.created_at == NOW.replace(microsecond=7)


def test_a_job_is_created_once_however_often_it_is_sent(store):
    make(store)
    claim(store)

    again = make(store, now=later(5))

    assert (again.status, again.created_at) == ("running", NOW)
    assert len(store.list(ADA, limit=10).jobs) == 1


def test_a_job_goes_from_its_queue_through_a_worker_to_its_end(store):
    make(store)
    fence = claim(store, now=later(1))
    assert fence == 1

    told = store.renew(
        ADA, "j", fence=1, lease_seconds=LEASE, now=later(30), progress=Progress(rows_done=5, rows_total=9)
    )
    assert (told.rows_done, told.rows_total, told.is_cancel_requested) == (5, 9, False)
    store.finish(ADA, "j", fence=1, outcome=DONE, now=later(40))

    job = store.read(ADA, "j")
    assert (job.status, job.attempts, job.rows_done) == ("done", 1, 5)
    assert (job.started_at, job.finished_at, job.due_at) == (later(1), later(40), None)
    assert (job.result_key, job.actual, job.problem) == (DONE.result_key, {"seconds": 1.5}, None)


def test_of_fifty_workers_exactly_one_wins_the_job(stores):
    views = [stores.connect() for _ in range(4)]
    make(views[0])

    with ThreadPoolExecutor(50) as pool:
        fences = list(pool.map(lambda n: claim(views[n % 4]), range(50)))

    assert [fence for fence in fences if fence] == [1]
    assert views[0].read(ADA, "j").attempts == 1


def test_of_fifty_workers_exactly_one_wins_a_job_whose_worker_is_gone(stores):
    views = [stores.connect() for _ in range(4)]
    make(views[0])
    claim(views[0])

    with ThreadPoolExecutor(50) as pool:
        fences = list(pool.map(lambda n: claim(views[n % 4], now=later(LEASE + 1)), range(50)))

    assert [fence for fence in fences if fence] == [2]


def test_a_job_of_a_living_worker_is_not_given_away(store):
    make(store)
    claim(store)

    assert claim(store, now=later(LEASE - 1)) is None
    store.renew(ADA, "j", fence=1, lease_seconds=LEASE, now=later(LEASE - 1))
    assert claim(store, now=later(LEASE + 30)) is None
    assert claim(store, now=later(2 * LEASE)) == 2


def test_a_worker_that_was_fenced_out_changes_nothing(store):
    make(store)
    claim(store)
    claim(store, now=later(LEASE + 1))

    for act in (
        lambda: store.renew(ADA, "j", fence=1, lease_seconds=LEASE, now=later(62)),
        lambda: store.release(ADA, "j", fence=1, now=later(62)),
        lambda: store.finish(ADA, "j", fence=1, outcome=DONE, now=later(62)),
        lambda: store.finish(ADA, "j", fence=1, outcome=Outcome("failed"), now=later(62)),
    ):
        with pytest.raises(LeaseLostError):
            act()
    assert (store.read(ADA, "j").status, store.read(ADA, "j").fence) == ("running", 2)

    store.finish(ADA, "j", fence=2, outcome=Outcome("done", result_key="two"), now=later(70))
    with pytest.raises(LeaseLostError):
        store.finish(ADA, "j", fence=1, outcome=DONE, now=later(71))
    assert store.read(ADA, "j").result_key == "two"


def test_of_a_zombie_and_its_successor_only_the_successor_commits(stores):
    views = [stores.connect() for _ in range(4)]
    for number in range(8):
        make(views[0], f"j{number}")
        claim(views[0], f"j{number}")
        claim(views[0], f"j{number}", now=later(LEASE + 1))

    def commit(task: tuple[int, int]) -> bool:
        number, fence = task
        outcome = Outcome("done", result_key=str(fence))
        try:
            views[number % 4].finish(ADA, f"j{number}", fence=fence, outcome=outcome, now=later(62))
        except LeaseLostError:
            return False
        return True

    tasks = [(number, fence) for number in range(8) for fence in (1, 2)]
    random.Random(3).shuffle(tasks)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(16) as pool:
        committed = list(pool.map(commit, tasks))

    assert {task for task, won in zip(tasks, committed, strict=True) if won} == {(n, 2) for n in range(8)}
    assert {job.result_key for job in views[0].list(ADA, limit=50).jobs} == {"2"}


def test_the_first_end_stands_and_may_be_repeated(store):
    make(store)
    claim(store)
    first = store.finish(ADA, "j", fence=1, outcome=DONE, now=later(1))

    assert store.finish(ADA, "j", fence=1, outcome=DONE, now=later(9)) == first
    for other in (Outcome("failed", problem={"code": "x"}), Outcome("done", result_key="other")):
        with pytest.raises(LeaseLostError):
            store.finish(ADA, "j", fence=1, outcome=other, now=later(9))
    assert claim(store, now=later(10_000)) is None
    assert store.read(ADA, "j") == first


def test_a_job_given_back_can_be_claimed_at_once(store):
    make(store)
    claim(store)
    store.release(ADA, "j", fence=1, now=later(1))
    store.release(ADA, "j", fence=1, now=later(1))

    assert store.read(ADA, "j").status == "queued"
    assert claim(store, now=later(2)) == 2
    assert store.read(ADA, "j").attempts == 2
    with pytest.raises(LeaseLostError):
        store.release(ADA, "j", fence=1, now=later(3))


def test_whoever_only_ends_a_job_makes_no_attempt_at_it(store):
    make(store)
    claim(store)

    got = store.claim(ADA, "j", lease_seconds=LEASE, now=later(LEASE + 1), is_attempt=False)
    store.finish(
        ADA, "j", fence=got.job.fence, outcome=Outcome("failed", problem={"code": "x"}), now=later(62)
    )

    job = store.read(ADA, "j")
    assert (got.is_won, got.job.fence, job.attempts, job.problem) == (True, 2, 1, {"code": "x"})


def test_a_job_that_waits_is_cancelled_at_once(store):
    make(store)

    job = store.request_cancel(ADA, "j", now=later(1))

    assert (job.status, job.finished_at) == ("cancelled", later(1))
    assert claim(store, now=later(2)) is None
    assert store.request_cancel(ADA, "j", now=later(3)) == job


def test_the_worker_of_a_running_job_is_told_to_stop(store):
    make(store)
    claim(store)

    assert store.request_cancel(ADA, "j", now=later(1)).status == "running"
    assert store.renew(ADA, "j", fence=1, lease_seconds=LEASE, now=later(2)).is_cancel_requested
    store.finish(ADA, "j", fence=1, outcome=Outcome("cancelled"), now=later(3))
    assert store.request_cancel(ADA, "j", now=later(4)).finished_at == later(3)


def test_a_request_to_cancel_outlives_the_worker(store):
    make(store)
    claim(store)
    store.request_cancel(ADA, "j", now=later(1))

    got = store.claim(ADA, "j", lease_seconds=LEASE, now=later(LEASE + 1))

    assert got.is_won
    assert got.job.is_cancel_requested


def test_a_cancel_and_a_claim_at_once_end_in_one_of_two_ways(stores):
    views = [stores.connect() for _ in range(4)]
    for number in range(25):
        make(views[0], f"j{number}")

    def act(task: int) -> None:
        job_id = f"j{task // 2}"
        if task % 2:
            claim(views[task % 4], job_id)
        else:
            views[task % 4].request_cancel(ADA, job_id, now=NOW)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(act, range(50)))

    for job in views[0].list(ADA, limit=50).jobs:
        assert job.is_cancel_requested
        assert (job.status, job.fence) in {("cancelled", 0), ("running", 1)}


@pytest.mark.parametrize("tenant", [BOB, ADA[:-1], ""])
def test_anothers_job_is_no_job_at_all(store, tenant):
    make(store)
    claim(store)
    before = store.read(ADA, "j")

    for job_id in ("j", "nobody's"):
        for act in (
            lambda job_id=job_id: store.read(tenant, job_id),
            lambda job_id=job_id: store.claim(tenant, job_id, lease_seconds=LEASE, now=later(9999)),
            lambda job_id=job_id: store.renew(tenant, job_id, fence=1, lease_seconds=LEASE, now=NOW),
            lambda job_id=job_id: store.release(tenant, job_id, fence=1, now=NOW),
            lambda job_id=job_id: store.finish(tenant, job_id, fence=1, outcome=DONE, now=NOW),
            lambda job_id=job_id: store.request_cancel(tenant, job_id, now=NOW),
        ):
            with pytest.raises(JobNotFoundError) as caught:
                act()
            assert str(caught.value) == str(JobNotFoundError())
    assert store.read(ADA, "j") == before
    assert store.list(tenant, limit=10).jobs == ()


def test_two_tenants_may_have_jobs_of_the_same_id(store):
    make(store)
    make(store, tenant=BOB, now=later(1))
    claim(store, tenant=BOB)

    assert (store.read(ADA, "j").status, store.read(BOB, "j").status) == ("queued", "running")


def test_a_list_goes_from_the_latest_to_the_first_page_by_page(store):
    moments = [*range(7), 6, 6]
    random.Random(1).shuffle(moments)  # noqa: S311 - an order, not a secret
    for number, moment in enumerate(moments):
        make(store, f"j{number}", now=later(moment))
    make(store, "theirs", tenant=BOB)

    pages, cursor = [], None
    while True:
        page = store.list(ADA, limit=4, cursor=cursor)
        pages.append(page.jobs)
        if (cursor := page.next_cursor) is None:
            break

    found = [job for jobs in pages for job in jobs]
    assert [len(jobs) for jobs in pages] == [4, 4, 1]
    assert found == sorted(found, key=lambda job: (job.created_at, job.job_id), reverse=True)
    assert {job.job_id for job in found} == {f"j{number}" for number in range(9)}
    assert store.list(ADA, limit=9).next_cursor is None


def test_a_cursor_is_of_use_to_its_own_tenant_only_and_as_it_is(store):
    for number in range(3):
        make(store, f"j{number}")
        make(store, f"j{number}", tenant=BOB)
    cursor = store.list(ADA, limit=2).next_cursor
    assert cursor is not None

    for tenant, wrong in ((BOB, cursor), (ADA, cursor[:-2]), (ADA, "A" + cursor[1:]), (ADA, ""), (ADA, "ä%")):
        with pytest.raises(CursorInvalidError):
            store.list(tenant, limit=2, cursor=wrong)


def test_jobs_of_silent_workers_and_jobs_that_wait_for_too_long_are_found(store):
    for name in ("waits", "silent", "busy", "done", "cancelled"):
        make(store, name)
    make(store, "new", now=later(900), tenant=BOB)
    for name in ("silent", "busy", "done"):
        claim(store, name)
    store.renew(ADA, "busy", fence=1, lease_seconds=1000, now=NOW)
    store.finish(ADA, "done", fence=1, outcome=DONE, now=NOW)
    store.request_cancel(ADA, "cancelled", now=NOW)

    at = NOW + QUEUE_PATIENCE
    assert store.find_overdue(now=later(59), limit=10) == ()
    assert [job.job_id for job in store.find_overdue(now=later(61), limit=10)] == ["silent"]
    overdue = store.find_overdue(now=at + timedelta(seconds=1), limit=10)
    assert [job.job_id for job in overdue] == ["silent", "waits"]
    assert len(store.find_overdue(now=at + timedelta(seconds=1), limit=1)) == 1


@pytest.mark.parametrize("hours", [-10, 10])
def test_a_worker_whose_clock_jumps_can_lose_a_job_and_never_share_one(store, hours):
    make(store)
    claim(store)
    jumped = NOW + timedelta(hours=hours)

    fence = claim(store, now=jumped)

    assert fence == (2 if hours > 0 else None)
    holder = fence or 1
    for loser in {1, 2} - {holder}:
        with pytest.raises(LeaseLostError):
            store.finish(ADA, "j", fence=loser, outcome=DONE, now=NOW)
    # Back in time the lease of the wrong clock is put right by its holder's next sign of life.
    assert store.renew(ADA, "j", fence=holder, lease_seconds=LEASE, now=NOW).due_at == later(LEASE)
    assert claim(store, now=later(LEASE + 1)) == holder + 1


def test_deleting_a_tenant_deletes_its_jobs_and_none_of_anothers(store):
    for number in range(30):
        make(store, f"j{number}")
    make(store, tenant=BOB)

    assert store.delete_all(ADA) == 30
    assert store.list(ADA, limit=50).jobs == ()
    assert store.read(BOB, "j").tenant == BOB
    assert store.delete_all(ADA) == 0


FAULTS = [(fault,) * n for fault in ("lost request", "lost answer", "throttled") for n in (1, 2)] + [
    (None, "lost answer"),
    ("throttled", "lost answer"),
]


@pytest.mark.parametrize("faults", FAULTS, ids=str)
def test_a_change_whose_answer_is_lost_counts_once(stores, faults):
    def connect() -> JobStore:
        return stores.connect(faults=faults_in_order(*faults))

    make(connect())
    assert claim(connect()) == 1
    connect().renew(ADA, "j", fence=1, lease_seconds=LEASE, now=later(1))
    connect().release(ADA, "j", fence=1, now=later(2))
    assert claim(connect(), now=later(3)) == 2
    connect().request_cancel(ADA, "j", now=later(4))
    connect().finish(ADA, "j", fence=2, outcome=DONE, now=later(5))

    job = connect().read(ADA, "j")
    assert (job.status, job.attempts, job.fence) == ("done", 2, 2)


@pytest.mark.parametrize("seed", range(2))
def test_under_faults_every_job_ends_once_by_the_worker_that_holds_it(stores, seed):
    views = [stores.connect(faults=random_faults(0.24, seed=seed * 10 + n)) for n in range(4)]
    honest = stores.connect()
    for number in range(20):
        make(honest, f"j{number}")

    def work(task: int) -> tuple[str, int] | None:
        job_id, view = f"j{task % 20}", views[task // 20]
        try:
            fence = claim(view, job_id)
            if fence is None:
                return None
            outcome = Outcome("done", result_key=str(task))
            view.finish(ADA, job_id, fence=fence, outcome=outcome, now=NOW)
        except DependencyUnavailableError:  # it cannot know whether it was carried out
            return None
        return job_id, task

    with ThreadPoolExecutor(8) as pool:
        ended = [end for end in pool.map(work, range(80)) if end]

    assert len({job_id for job_id, _ in ended}) == len(ended)
    for job_id, task in ended:
        assert honest.read(ADA, job_id).result_key == str(task)
    assert {job.fence for job in honest.list(ADA, limit=50).jobs} <= {0, 1}


def test_a_store_that_is_down_is_said_to_be_unavailable(stores):
    make(stores.connect())
    stores.break_down()
    store = stores.connect()

    for call in (
        lambda: make(store),
        lambda: store.read(ADA, "j"),
        lambda: claim(store),
        lambda: store.finish(ADA, "j", fence=1, outcome=DONE, now=NOW),
        lambda: store.list(ADA, limit=1),
        lambda: store.find_overdue(now=NOW, limit=1),
        lambda: store.delete_all(ADA),
    ):
        with pytest.raises(DependencyUnavailableError) as caught:
            call()
        assert caught.value.__cause__ is not None
