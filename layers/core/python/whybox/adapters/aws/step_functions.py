"""Batches as executions of a state machine, one for each job, under the job's id."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.errors import DependencyUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StepFunctionsBatches:
    """BatchStarter on Step Functions."""

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, job_id: str, *, payload: str) -> None:
        """Start the batch of a job, once for as long as AWS remembers its name (90 days); see the port."""
        with failing_as(partial(DependencyUnavailableError, "batch service"), BotoCoreError, ClientError):
            try:
                self._client.start_execution(
                    stateMachineArn=self._state_machine_arn, name=job_id, input=payload
                )
            except self._client.exceptions.ExecutionAlreadyExists:
                return  # it has ended, or runs with another payload: the first one counts
