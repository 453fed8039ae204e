"""Mutants of the quota: what charges too much, too little, or somebody else."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

LEDGER = "tests/contract/test_usage_ledger.py"
REPLIES = "tests/contract/test_reply_store.py"
CHARGE = "tests/unit/services/test_charge_request.py"
SQLITE_USAGE, SQLITE_REPLIES = "adapters/local/sqlite_usage.py", "adapters/local/sqlite_replies.py"
DYNAMODB_USAGE, DYNAMODB_REPLIES = "adapters/aws/dynamodb_usage.py", "adapters/aws/dynamodb_replies.py"

MUTANTS = (
    Mutant(
        "naive-add-sqlite",
        "a unit is added without looking for a receipt",
        SQLITE_USAGE,
        "if _is_held(connection, tenant, receipt_id, since=held_since):",
        "if receipt_id is None:",
        (f"{LEDGER}::test_fifty_deliveries_of_one_request_at_once_are_one_charge[sqlite]",),
    ),
    Mutant(
        "naive-add-dynamodb",
        "a unit is added whether or not a receipt is held",
        DYNAMODB_USAGE,
        '"attribute_not_exists(pk) OR #state = :refunded OR period < :oldest"',
        '"attribute_not_exists(pk) OR #state <> :oldest OR period < :refunded"',
        (f"{LEDGER}::test_fifty_deliveries_of_one_request_at_once_are_one_charge[dynamodb]",),
    ),
    Mutant(
        "limit-not-looked-at-sqlite",
        "the limit is not compared with what is used",
        SQLITE_USAGE,
        "if before.used >= before.limit:",
        "if before.limit < 0:",
        (f"{LEDGER}::test_a_full_month_is_refused_with_all_its_facts[sqlite]",),
    ),
    Mutant(
        "one-beyond-the-limit-dynamodb",
        "the last unit is charged twice",
        DYNAMODB_USAGE,
        '"used < :bound" + (',
        '"used <= :bound" + (',
        (f"{LEDGER}::test_a_full_month_is_refused_with_all_its_facts[dynamodb]",),
    ),
    Mutant(
        "refund-before-commit",
        "the unit is given back before its commit, and the work is delivered all the same",
        "services/charge_request.py",
        """\
        try:
            self._commit()
        except ReservationLostError:
            charged = self.settle()
        return charged, reply
""",
        """\
        self._usage.refund(self._request.tenant, receipt_id=self._request.receipt_id)
        with suppress(ReservationLostError):
            self._commit()
        return charged, reply
""",
        (f"{CHARGE}::test_delivered_work_costs_one_unit",),
    ),
    Mutant(
        "refund-after-commit-sqlite",
        "a refund takes back what was delivered",
        SQLITE_USAGE,
        "receipt_id = ? AND state = 'reserved'",
        "receipt_id = ? AND state <> 'refunded'",
        (f"{LEDGER}::test_a_committed_receipt_is_never_refunded[sqlite]",),
    ),
    Mutant(
        "commit-of-what-was-refunded",
        "a commit that comes too late passes for a charge",
        SQLITE_USAGE,
        "if committed.rowcount == 0:",
        "if committed.rowcount < 0:",
        (
            f"{LEDGER}::test_a_zombie_cannot_commit_what_was_taken_back_and_another_holds[sqlite]",
            f"{LEDGER}::test_what_is_not_reserved_cannot_be_committed",
        ),
    ),
    Mutant(
        "failed-work-charged",
        "work that failed is not refunded",
        "services/charge_request.py",
        """\
            with suppress(BackingServiceError):  # the sweep refunds it when the lease is over
                self._usage.refund(self._request.tenant, receipt_id=self._request.receipt_id)
            raise
""",
        """\
            raise
""",
        (f"{CHARGE}::test_failed_work_costs_nothing_and_its_error_is_raised_on",),
    ),
    Mutant(
        "fails-open",
        "work is done while the quota store does not answer",
        "services/charge_request.py",
        """\
        charged = self._reserve()
        try:
            reply = work()
""",
        """\
        try:
            charged = self._reserve()
        except BackingServiceError:
            return Usage(limit=1, used=1, period="", resets_at=self._clock.now()), work()
        try:
            reply = work()
""",
        (f"{CHARGE}::test_without_a_ledger_nothing_is_computed",),
    ),
    Mutant(
        "month-from-the-zone",
        "the month is read off the moment's own zone, not off UTC",
        "domain/calendar_months.py",
        "utc = moment.astimezone(UTC)",
        "utc = moment",
        ("tests/unit/domain/test_calendar_months.py",),
    ),
    Mutant(
        "month-from-the-client",
        "the month is that of the Date header",
        "http/compatible.py",
        "        clock=state.clock,\n",
        """\
        clock=type(
            "ClientClock",
            (),
            {
                "now": lambda _: __import__("email.utils").utils.parsedate_to_datetime(
                    request.headers.get("date") or state.clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000")
                )
            },
        )(),
""",
        ("tests/unit/http/test_charged_months.py",),
    ),
    Mutant(
        "tenant-filter-off-usage",
        "the count of a month is anybody's",
        SQLITE_USAGE,
        '"SELECT used FROM months WHERE tenant = ? AND period = ?"',
        "\"SELECT used FROM months WHERE ? <> '' AND period = ? ORDER BY used DESC\"",
        ("tests/unit/http/test_usage.py::test_one_tenants_count_is_not_anothers",),
    ),
    Mutant(
        "tenant-filter-off-receipts",
        "another tenant's receipt counts as one's own",
        SQLITE_USAGE,
        '"SELECT 1 FROM receipts WHERE tenant = ? AND receipt_id = ?',
        "\"SELECT 1 FROM receipts WHERE ? <> '' AND receipt_id = ?",
        (f"{LEDGER}::test_tenants_do_not_share_a_count_or_a_receipt[sqlite]",),
    ),
    Mutant(
        "tenant-filter-off-replies",
        "a stored reply is given to whoever knows its key",
        SQLITE_REPLIES,
        """\
                " WHERE tenant = ? AND route = ? AND key = ?",
                (tenant, route, key),
            ).fetchone()
""",
        """\
                " WHERE ? <> '' AND route = ? AND key = ?",
                (tenant, route, key),
            ).fetchone()
""",
        (f"{REPLIES}::test_a_reply_is_seen_by_its_tenant_route_and_key_only",),
    ),
    Mutant(
        "tenant-filter-off-dynamodb",
        "all tenants share one partition of the ledger",
        DYNAMODB_USAGE,
        'return {"pk": _text(f"T#{tenant}"), "sk": _text(sort)}',
        'return {"pk": _text("T#"), "sk": _text(sort)}',
        (f"{LEDGER}::test_tenants_do_not_share_a_count_or_a_receipt[dynamodb]",),
    ),
    Mutant(
        "tenant-filter-off-dynamodb-replies",
        "all tenants share one partition of the replies",
        DYNAMODB_REPLIES,
        'return {"pk": {"S": f"T#{tenant}"}, "sk": {"S": f"REPLY#{digest}"}}',
        'return {"pk": {"S": "T#"}, "sk": {"S": f"REPLY#{digest}"}}',
        (f"{REPLIES}::test_a_reply_is_seen_by_its_tenant_route_and_key_only",),
    ),
    Mutant(
        "replay-of-another-request",
        "a key gives its reply to another request too",
        SQLITE_REPLIES,
        "if first_fingerprint != fingerprint:",
        "if not fingerprint:",
        (f"{REPLIES}::test_another_request_under_the_key_is_refused",),
    ),
)
