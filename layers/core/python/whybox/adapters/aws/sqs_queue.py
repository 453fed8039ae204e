"""A queue of SQS; its redrive policy, in the template, moves dead letters."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.errors import DependencyUnavailableError
from whybox.job_ports import MAX_MESSAGE_BYTES, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

DELIVERY_OVER: Final = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"})
"""What SQS says of a receipt whose message is deleted, delivered again, or no longer with anybody."""


class SqsQueue:
    """WorkQueue on SQS."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str) -> None:
        """Add a message; sent again after a lost answer it is there twice, see the port."""
        if len(body.encode()) > MAX_MESSAGE_BYTES:
            raise ValueError("a message is larger than a queue takes")
        with _unavailable():
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)

    def receive(self, *, max_messages: int, visibility_seconds: int) -> tuple[Message, ...]:
        """Return messages that nobody else is given for so long; see the port.

        What a lost answer held is delivered again after ``visibility_seconds``.
        """
        with _unavailable():
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=max_messages,
                VisibilityTimeout=visibility_seconds,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return tuple(
            Message(
                message_id=found["MessageId"],
                receipt=found["ReceiptHandle"],
                body=found["Body"],
                n_receives=int(found["Attributes"]["ApproximateReceiveCount"]),
            )
            for found in answer.get("Messages", ())
        )

    def delete(self, message: Message) -> None:
        """Delete the message; see the port."""
        with _unavailable():
            try:
                self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt)
            except ClientError as error:
                _pass_if_over(error)

    def change_visibility(self, message: Message, *, seconds: int) -> None:
        """Let this delivery last so many seconds from now; see the port."""
        with _unavailable():
            try:
                self._client.change_message_visibility(
                    QueueUrl=self._queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds
                )
            except ClientError as error:
                _pass_if_over(error)


def _pass_if_over(error: ClientError) -> None:
    """Raise the error, unless it only says that the delivery is over."""
    code = error.response.get("Error", {}).get("Code", "")
    if (
        code.rpartition(".")[2] not in DELIVERY_OVER
    ):  # the older protocol writes AWS.SimpleQueueService.<code>
        raise error


def _unavailable() -> AbstractContextManager[None]:
    return failing_as(partial(DependencyUnavailableError, "work queue"), BotoCoreError, ClientError)
