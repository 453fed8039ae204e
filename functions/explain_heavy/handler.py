"""Jobs that are too large for a request, and the chunks of those that are too large for one function."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.heavy_work import work_on_job, work_on_task
from whybox.http.job_workers import worker_of
from whybox.http.queue_messages import logging_failures
from whybox.services.estimate_job import Limits
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="explain_heavy")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(settings := Settings.from_environment(os.environ))  # once per container
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Explain every job in the batch, a failed one is reported, the others stand; or carry out one task."""
    worker = worker_of(
        context, function="ExplainHeavy", request_id=context.aws_request_id, n_threads=settings.threads
    )
    if "task" in event:
        return work_on_task(event, ports=ports, worker=worker)
    limits = Limits(heavy_memory_mb=int(context.memory_limit_in_mb))
    work = logging_failures(partial(work_on_job, ports=ports, worker=worker, limits=limits))
    return process_partial_response(event=event, record_handler=work, processor=processor, context=context)
