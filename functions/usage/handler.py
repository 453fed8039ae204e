"""GET /usage: how much of the month's quota is used."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.app import create_app
from whybox.http.functions import HttpFunction
from whybox.http.usage import router
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="usage")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(Settings.from_environment(os.environ))  # once per container
app = create_app(
    router, clock=ports.clock, token_key=ports.token_key, accounts=ports.accounts, usage=ports.usage
)
answer = HttpFunction(app)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Tell the caller how much of the month's quota is used."""
    return answer(event, context)
