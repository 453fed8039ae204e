"""Jobs that nothing could bring to an end: dead letters of both queues, and batches that failed."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.domain.jobs.batch_inputs import attempt_of
from whybox.http.problems import problem_document
from whybox.http.queue_messages import logging_failures
from whybox.services.bury_letter import bury_letter
from whybox.services.fail_job import fail_job
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="fail_job")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(Settings.from_environment(os.environ))  # once per container
end = partial(fail_job, jobs=ports.jobs, objects=ports.objects, usage=ports.usage, clock=ports.clock)
bury = partial(bury_letter, jobs=ports.jobs, objects=ports.objects, usage=ports.usage, clock=ports.clock)
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """End the job of every dead letter, or the one that the state machine names."""
    problem = problem_document("internal", request_id=context.aws_request_id)
    if "task" in event:
        attempt = attempt_of(event)
        job = end(attempt.tenant, attempt.job_id, problem, fence=attempt.fence)
        return {"status": None if job is None else job.status}
    take = logging_failures(partial(bury, problem=problem))
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
