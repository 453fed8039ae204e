from datetime import UTC, datetime

from aws_lambda_powertools.utilities.parser.models import EventBridgeModel

from whybox.local.timers import scheduled_event

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_event_is_one_that_readers_of_eventbridge_understand() -> None:
    parsed = EventBridgeModel(**scheduled_event("Sweep", now=NOW))

    assert (parsed.source, parsed.detail_type, parsed.time) == ("aws.events", "Scheduled Event", NOW)
