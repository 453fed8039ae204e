"""POST /v1/explanations: a table of any size, explained at once or by a job."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.app import create_app
from whybox.http.explanations import router
from whybox.http.functions import HttpFunction
from whybox.http.job_access import JobAccess
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="explanations")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(settings := Settings.from_environment(os.environ))  # once per container
app = create_app(
    router,
    clock=ports.clock,
    token_key=ports.token_key,
    accounts=ports.accounts,
    usage=ports.usage,
    replies=ports.replies,
    job_access=JobAccess(ports, settings.heavy_memory_megabytes, settings.threads),
)
answer = HttpFunction(app)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Explain the table that the event holds or names, or start the job that will."""
    return answer(event, context)
