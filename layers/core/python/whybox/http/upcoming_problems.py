"""Problems that no error class stands for yet: what endpoints to come will answer, with code and status.

An entry moves to ``problem_catalogue`` together with the error that raises it.
"""

from __future__ import annotations

from typing import Final

from whybox.http.problem_catalogue import Problem

_UPLOADS: Final = "uploads"
_LIMITS: Final = "a limit of requests per second"
_MODELS: Final = "stored models"

UPCOMING: Final = (
    Problem(
        "upload-size-invalid",
        422,
        "An upload needs a size",
        "The size announced for a file is 0.",
        "Announce the number of bytes the file has.",
        awaits=_UPLOADS,
    ),
    Problem(
        "upload-too-large",
        413,
        "The file is too large to upload",
        "The size announced is more than the plan allows; limit says how many bytes.",
        "Send fewer rows or columns, or ask the operator for a larger plan.",
        awaits=_UPLOADS,
    ),
    Problem(
        "checksum-invalid",
        422,
        "The checksum cannot be used",
        "The checksum of the file is missing, or is not base64 of a SHA-256.",
        "Compute it from the very bytes that are uploaded.",
        awaits=_UPLOADS,
    ),
    Problem(
        "too-many-pending-uploads",
        429,
        "Too many uploads were begun",
        "As many links to upload are open as one caller may have.",
        "Finish the uploads that were begun, or wait until their links expire.",
        awaits=_UPLOADS,
    ),
    Problem(
        "upload-incomplete",
        409,
        "The file has not arrived yet",
        "The link was given out and nothing was stored with it so far.",
        "Upload the file first, then start the job again.",
        awaits=_UPLOADS,
    ),
    Problem(
        "upload-changed",
        409,
        "The file is another one than was checked",
        "Version or checksum of the stored file differ from those the job was started with.",
        "Upload the file again and start a new job.",
        awaits=_UPLOADS,
    ),
    Problem(
        "unknown-upload",
        422,
        "Nobody announced this file",
        "A file was stored without a link of this service; it is set aside and never read.",
        "Ask for a link and upload the file with it.",
        awaits=_UPLOADS,
    ),
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
        "explain-rows-invalid",
        422,
        "No rows to explain, or too many",
        "An explanation needs at least one row, and takes at most limit.",
        "Send fewer rows, or start a job.",
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
