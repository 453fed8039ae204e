"""Query parameters, read strictly: one value each, no spelling but the documented ones, no unknown names."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from whybox.errors import Fault, ParameterInvalidError, ParameterUnknownError, RequestError

TRUTH_VALUES: Final = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}
WHOLE_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,11})")
DECIMAL_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?")
MAX_MISSING_LENGTH: Final = 820
"""Of as many and as long words as the reader takes, and the commas between them."""
MAX_SEED: Final = 2**32 - 1
ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,80}$"
"""What an id of an upload looks like in a query or a document; in a path any text may stand."""


def _read_truth_value(value: object) -> object:
    if isinstance(value, str) and value not in TRUTH_VALUES:
        raise ValueError(f"must be one of {', '.join(TRUTH_VALUES)}")
    return TRUTH_VALUES[value] if isinstance(value, str) else value


def _read_whole_number(value: object) -> object:
    if isinstance(value, str) and not WHOLE_NUMBER.fullmatch(value):
        raise ValueError("must be a whole number")
    return int(value) if isinstance(value, str) else value


def _read_decimal_number(value: object) -> object:
    if isinstance(value, str) and not DECIMAL_NUMBER.fullmatch(value):
        raise ValueError("must be a number")
    return float(value) if isinstance(value, str) else value


# In an annotation these stand after Field: what stands before a validator is part of the OpenAPI schema.
TRUTH_VALUE: Final = BeforeValidator(_read_truth_value)
WHOLE: Final = BeforeValidator(_read_whole_number)
DECIMAL: Final = BeforeValidator(_read_decimal_number)
ColumnName = Annotated[str, Field(min_length=1, max_length=256)]


class TableQuery(BaseModel):
    """What all endpoints that take a table understand, beside what the compatible service knew."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interpretability: Annotated[
        Literal["permutation", "shap"] | None,
        Field(description="How to explain the predictions; leave out for predictions only."),
    ] = None
    target: Annotated[ColumnName, Field(description="The column to predict.")] = "target"
    split: Annotated[
        ColumnName, Field(description="The column that marks training rows with 1 and test rows otherwise.")
    ] = "training_index"
    seed: Annotated[int, Field(ge=0, le=MAX_SEED, description="Same seed, same answer."), WHOLE] = 42
    n_repeats: Annotated[
        int, Field(ge=1, le=100, description="Shuffles per column of a permutation importance."), WHOLE
    ] = 10
    scoring: Annotated[
        str | None,
        Field(max_length=40, description="The score that permutation importance is a loss of."),
    ] = None
    delimiter: Annotated[str, Field(max_length=4, description="What separates cells.")] = ","
    decimal: Annotated[str, Field(max_length=4, description="The decimal sign.")] = "."
    encoding: Annotated[str, Field(max_length=40, description="The encoding of the file.")] = "utf-8"
    missing: Annotated[
        str,
        Field(
            max_length=MAX_MISSING_LENGTH,
            description="Words, separated by commas, that mean a missing value, as in NA,null; empty cells "
            "always do. Each cell read so is counted in a warning.",
        ),
    ] = ""

    @property
    def missing_words(self) -> tuple[str, ...]:
        """The words of ``missing``."""
        return tuple(self.missing.split(",")) if self.missing else ()


async def refuse_repeats(request: Request) -> None:
    """Raise ParameterInvalidError for a parameter given more than once."""
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        if count > 1 and name in _known_names(request):
            raise ParameterInvalidError(name, reason="is given more than once")


async def refuse_parameters(request: Request) -> None:
    """Raise ParameterUnknownError for any parameter of a route that has none."""
    if request.url.query:
        raise ParameterUnknownError(closest=None, known=())


def parameter_error(request: Request, error: RequestValidationError) -> RequestError:
    """Return our own error for what FastAPI found wrong; nothing the caller sent goes into it."""
    known = _known_names(request)
    faults: list[Fault] = []
    for found in error.errors():
        place = found["loc"]
        name = str(place[1]) if len(place) > 1 else None
        if found["type"] == "extra_forbidden" or name not in known:
            return ParameterUnknownError(closest=_closest(name or "", known), known=known)
        faults.append(Fault(_reason(found), "parameter-invalid", column=name))
    if not faults:
        return ParameterUnknownError(closest=None, known=known)
    first = ParameterInvalidError(str(faults[0].column), reason=faults[0].detail)
    first.faults, first.n_faults = tuple(faults), len(faults)
    return first


def _known_names(request: Request) -> Sequence[str]:
    """Return the query parameters of the route that was matched."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    if dependant is None:
        return ()
    names: list[str] = []
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        names += model.model_fields if is_model else [parameter.alias]
    return names


def _closest(name: str, known: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name.lower()[:100], known, n=1, cutoff=0.5)), None)


def _reason(found: dict[str, Any]) -> str:
    """Put pydantic's finding into our words; its messages name bounds and choices, never the input."""
    if found["type"] == "value_error":
        return str(found["ctx"]["error"])
    message = str(found["msg"])
    return message.replace("Input should be", "must be").replace("String should have", "must have")
