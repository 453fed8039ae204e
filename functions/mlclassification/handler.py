"""POST /mlclassification: a scikit-learn classifier, its predictions and their explanation."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.app import create_app
from whybox.http.compatible import mlclassification
from whybox.http.functions import HttpFunction
from whybox.http.job_access import JobAccess
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="mlclassification")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(settings := Settings.from_environment(os.environ))  # once per container
app = create_app(
    mlclassification,
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
    """Fit a scikit-learn classifier to the table in the event, and explain its predictions."""
    return answer(event, context)
