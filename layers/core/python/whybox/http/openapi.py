"""The OpenAPI document: built from the routes themselves, checked in beside this file.

Run ``python -m whybox.http.openapi`` (``make openapi``) after changing a route.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whybox.http import compatible, explanations, jobs, site, uploads, usage
from whybox.http.app import create_app
from whybox.http.explanation_bodies import ExplanationBody, JobBody
from whybox.http.openapi_words import COMPONENTS, component_schemas
from whybox.http.uploads import UploadBody


class _NoClock:
    """Nobody asks for the time while routes are described."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(0, UTC)


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all functions together."""
    app = create_app(
        compatible.mlclassification,
        compatible.mlregression,
        compatible.gbdtclassification,
        compatible.gbdtregression,
        uploads.router,
        explanations.router,
        jobs.router,
        usage.router,
        site.router,
        clock=_NoClock(),
    )
    document = app.openapi()
    _forget_default_errors(document)
    schemas = document["components"]["schemas"]
    schemas |= COMPONENTS["schemas"] | component_schemas(UploadBody, JobBody, ExplanationBody)
    document["components"]["securitySchemes"] = COMPONENTS["securitySchemes"]
    return document


def _forget_default_errors(document: dict[str, Any]) -> None:
    """Take out the validation errors of FastAPI's own handler, which ours replaces."""
    schemas = document["components"]["schemas"]
    schemas.pop("ValidationError", None)
    if schemas.pop("HTTPValidationError", None) is None:
        return
    for operations in document["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in json.dumps(operation["responses"].get("422", {})):
                del operation["responses"]["422"]


def render_openapi() -> str:
    """Return the document as it is checked in."""
    return json.dumps(build_openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name(site.OPENAPI_FILE).write_text(render_openapi(), encoding="utf-8")
