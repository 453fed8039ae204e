"""Hooks of the request generator: well-formed requests often carry a table and a model that can be fitted.

The OpenAPI document cannot say what a table is, so that without this hardly any generated request would be
answered with 200. Requests that are broken on purpose are sent as they are. Loaded by name, in the process of
the generator.
"""

from __future__ import annotations

import csv
import io
import random
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.generation.meta import TestPhase
from tests.proof.small_tables import Kind, write_small_table

from whybox.domain.models.catalogue import list_models

TABLE_SHARE = 0.9
PLAIN_SHARE = 0.9
PARTICULARS = ("delimiter", "decimal", "encoding", "scoring")
MODELS = {
    kind: [entry.name for entry in entries if entry.family == "sklearn"]
    for kind, entries in list_models().items()
}


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Put a table into a well-formed form; the same request always gets the same one."""
    is_whole = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if not is_whole or not isinstance(case.body, dict):
        return
    if case.path == "/v1/explanations":
        _fill_document(case.body)
    if not isinstance(case.query, dict) or case.path.startswith("/v1/"):
        return
    rng = random.Random(f"{case.path} {sorted(case.query.items())} {case.body!r}")  # noqa: S311 - cases
    if rng.random() > TABLE_SHARE:
        return
    kind: Kind = "classification" if "classification" in case.path else "regression"
    query: dict[str, Any] = case.query
    is_fuzzing = case.meta.phase.name == TestPhase.FUZZING  # elsewhere each query is there for its own sake
    if is_fuzzing and rng.random() < PLAIN_SHARE:
        for name in PARTICULARS:
            query.pop(name, None)
        if case.path.startswith("/ml"):
            query["base_model"] = rng.choice(MODELS[kind])
    target, split = str(query.get("target", "target")), str(query.get("split", "training_index"))
    separator = str(query.get("delimiter", ","))
    is_usable = len(separator) == 1 and separator not in '"\r\n'
    table = write_small_table(
        rng, kind, target=target, split=split, separator=separator if is_usable else ","
    )
    case.body = {"file": table}


def _fill_document(body: dict[str, Any]) -> None:
    """Put rows into a document that asks for an explanation, and mostly what is right for them."""
    rng = random.Random(repr(body))  # noqa: S311 - cases
    if "source" not in body or rng.random() > TABLE_SHARE:
        return
    if rng.random() < PLAIN_SHARE:
        for name in ("split", "task", "dialect", "explain", "budget_seconds"):
            body.pop(name, None)
        body["model"] = {"family": rng.choice(["xgboost", "lightgbm"])}
        body["target"] = "target"
    target = str(body.get("target", "target"))
    table = write_small_table(rng, "regression", target=target, split="training_index", separator=",")
    try:
        header, *rows = csv.reader(io.StringIO(table))
    except (csv.Error, ValueError):  # a table that is broken on purpose, or empty
        return
    body["source"] = {"columns": header, "data": rows}
