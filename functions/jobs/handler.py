"""GET /v1/jobs and what is below it: how far jobs are, their results, their end."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.app import create_app
from whybox.http.functions import HttpFunction
from whybox.http.job_access import JobAccess
from whybox.http.jobs import router
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="jobs")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(settings := Settings.from_environment(os.environ))  # once per container
app = create_app(
    router,
    clock=ports.clock,
    token_key=ports.token_key,
    accounts=ports.accounts,
    usage=ports.usage,
    job_access=JobAccess(ports, settings.heavy_memory_megabytes, settings.threads),
)
answer = HttpFunction(app)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """List, show or cancel jobs, or hand out a result."""
    return answer(event, context)
