"""Problems that no error class stands for yet: what endpoints to come will answer, with code and status.

An entry moves to ``problem_catalogue`` together with the error that raises it.
"""

from __future__ import annotations

from typing import Final

from whybox.http.problem_catalogue import Problem

_LIMITS: Final = "a limit of requests per second"
_MODELS: Final = "stored models"

UPCOMING: Final = (
    Problem(
        "rate-limited",
        429,
        "Too many requests in a short time",
        "Requests came faster than the service takes them. Nothing was charged.",
        "Repeat the request after Retry-After seconds, and send fewer at once.",
        awaits=_LIMITS,
    ),
    Problem(
        "feature-missing",
        422,
        "A column the model needs is missing",
        "The rows lack a column that the model was fitted on; the order of columns does not matter.",
        "Send all columns the model was fitted on.",
        awaits=_MODELS,
    ),
    Problem(
        "type-mismatch",
        422,
        "A cell is of another kind than the model knows",
        "A column was fitted as numbers and now holds words.",
        "Look at the rows listed, and leave a cell empty where the value is not known.",
        awaits=_MODELS,
    ),
    Problem(
        "model-not-ready",
        409,
        "The model is still being fitted",
        "The job that fits the model has not ended.",
        "Wait for the job to succeed, then ask again.",
        awaits=_MODELS,
    ),
    Problem(
        "model-deleted",
        410,
        "The model was deleted",
        "The model existed and was deleted by its owner, or when its time was over.",
        "Fit it again.",
        awaits=_MODELS,
    ),
    Problem(
        "model-upload-unsupported",
        415,
        "Models cannot be uploaded",
        "A model file can hold code; this service fits its own models and loads no others.",
        "Send the table and the name of a model.",
        awaits=_MODELS,
    ),
)
