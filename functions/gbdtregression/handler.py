"""POST /gbdtregression: boosted trees for numbers, their predictions and explanation."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.domain.models.lone_boosters import keep_boosters_alone
from whybox.http.app import create_app
from whybox.http.compatible import gbdtregression
from whybox.http.functions import HttpFunction
from whybox.http.job_access import JobAccess
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="gbdtregression")
copy_config_to_registered_loggers(logger, include={"whybox"})
keep_boosters_alone("xgboost")  # no scikit-learn: a third of the time; lightgbm when it is first asked for
ports = connect(settings := Settings.from_environment(os.environ))  # once per container
app = create_app(
    gbdtregression,
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
    """Fit boosted trees to the numbers of the table in the event, and explain their predictions."""
    return answer(event, context)
