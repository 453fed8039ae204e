"""What a partial batch response means, and the event that stands for messages."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.parser.models import SqsModel

from whybox.adapters.local.sqlite_queue import Delivery
from whybox.local.queues import failed_messages, sqs_event

IDS = frozenset({"m-1", "m-2"})
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"batchItemFailures": None},
        {"batchItemFailures": []},
        {"batch_item_failures": [{"itemIdentifier": "m-1"}]},  # a misspelt key is no report, and deletes all
    ],
)
def test_without_a_report_every_message_is_done(answer: Any) -> None:
    assert failed_messages(answer, IDS) == frozenset()


def test_the_messages_of_a_report_failed_and_no_others() -> None:
    assert failed_messages({"batchItemFailures": [{"itemIdentifier": "m-2"}]}, IDS) == {"m-2"}


@pytest.mark.parametrize(
    "answer",
    [
        "done",
        [],
        {"batchItemFailures": "m-1"},
        {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"messageId": "m-1"}]},
        {"batchItemFailures": [{"itemIdentifier": "m-3"}]},
        {"batchItemFailures": ["m-1"]},
    ],
)
def test_a_report_that_cannot_be_understood_fails_every_message(answer: Any) -> None:
    assert failed_messages(answer, IDS) == IDS


def test_the_event_is_one_that_readers_of_sqs_events_understand() -> None:
    delivery = Delivery("m-1", "m-1.r", '{"ü": 1}', 3, sent_at=NOW, first_received_at=NOW)

    event = sqs_event([delivery], queue="Jobs")

    (record,) = SQSEvent(event).records
    assert (record.message_id, record.body, record.attributes.approximate_receive_count) == (
        "m-1",
        '{"ü": 1}',
        "3",
    )
    (parsed,) = SqsModel(**event).Records
    assert parsed.attributes.SentTimestamp == NOW
    assert parsed.eventSourceARN.endswith(":Jobs")
