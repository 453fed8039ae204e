"""Tables that were dropped into the bucket: small ones are explained here, large ones are sent on."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.dropped_tables import take_up
from whybox.http.job_workers import worker_of
from whybox.http.queue_messages import logging_failures
from whybox.services.estimate_job import Limits
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="explain_batch")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(settings := Settings.from_environment(os.environ))  # once per container
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Take up what every message tells of; one that fails is reported, the others stand."""
    worker = worker_of(
        context, function="ExplainBatch", request_id=context.aws_request_id, n_threads=settings.threads
    )
    limits = Limits(int(context.memory_limit_in_mb), settings.heavy_memory_megabytes)
    take = logging_failures(partial(take_up, ports=ports, worker=worker, limits=limits))
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
