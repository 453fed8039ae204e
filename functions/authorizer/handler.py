"""Authorizer: tells the gateway whether a request carries a valid token or API key, and whose."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.bearer_tokens import authorize
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="authorizer")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(Settings.from_environment(os.environ))  # once per container


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the gateway with a simple response."""
    return authorize(event, key=ports.token_key, keys=ports.accounts.keys, clock=ports.clock)
