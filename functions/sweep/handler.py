"""Every five minutes: what was lost on its way is sent again, what nobody works on is given back or ended."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.problems import problem_document
from whybox.services.sweep_jobs import sweep_jobs
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="sweep")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(Settings.from_environment(os.environ))  # once per container


@logger.inject_lambda_context
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Sweep once, and say what was found."""
    found = sweep_jobs(
        problem_document("internal", request_id=context.aws_request_id),
        jobs=ports.jobs,
        objects=ports.objects,
        usage=ports.usage,
        explain_queue=ports.explain_queue,
        batch_queue=ports.batch_queue,
        clock=ports.clock,
    )
    logger.info("swept", extra=asdict(found))
    return asdict(found)
