"""Calendar months: the period of a quota, by the UTC calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from whybox.domain.calendar_months import CalendarMonth


@pytest.mark.parametrize(
    ("moment", "name", "ends_at"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11", datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, 59, 999999, UTC), "2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2027, 1, 1, tzinfo=UTC), "2027-01", datetime(2027, 2, 1, tzinfo=UTC)),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), "2028-02", datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_lies_in_its_month_to_the_last_microsecond(moment, name, ends_at):
    month = CalendarMonth.of(moment)

    assert (month.name, month.ends_at) == (name, ends_at)
    assert month.starts_at <= moment < month.ends_at


@pytest.mark.parametrize("zone", [ZoneInfo("America/New_York"), timezone(timedelta(hours=14))])
def test_the_zone_a_moment_is_written_in_does_not_matter(zone):
    moment = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)

    assert CalendarMonth.of(moment.astimezone(zone)) == CalendarMonth.of(moment)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        CalendarMonth.of(datetime(2026, 11, 1))  # noqa: DTZ001 - what is refused
