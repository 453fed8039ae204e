"""GET /, /docs, /health, /openapi.json, /problems, and the answer to whatever no other route answers."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.typing import LambdaContext

from whybox.http.app import create_app
from whybox.http.functions import HttpFunction
from whybox.http.site import methods_of_path, router
from whybox.settings import Settings
from whybox.wiring import connect

logger = Logger(service="site")
copy_config_to_registered_loggers(logger, include={"whybox"})
ports = connect(Settings.from_environment(os.environ))  # once per container
app = create_app(router, clock=ports.clock, usage=ports.usage, methods_of_path=methods_of_path)
answer = HttpFunction(app)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Show the service's own pages, and say what is not there."""
    return answer(event, context)
