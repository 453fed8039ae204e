"""The documents that ask for an explanation: what POST /v1/explanations reads, and a dropped table's JSON.

ExplanationBody
├── source    upload_id | records | columns and data      (not in a JobBody: the table came by another way)
├── target, split, task, dialect                          what the table means
├── model     family, name, parameters, hidden features
├── explain   method, unit, background, rows, groups, ...
└── seed, budget_seconds
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    Tag,
    WithJsonSchema,
)

from whybox.domain.jobs.explanation_requests import (
    DEFAULT_SPLIT,
    Dialect,
    ExplanationRequest,
    ModelChoice,
)
from whybox.domain.models.specs import DrawnSplit
from whybox.domain.tables.inline_tables import write_records, write_rows
from whybox.errors import Fault, SchemaInvalidError
from whybox.http.json_bodies import SchemaRuleError
from whybox.http.parameters import ID_PATTERN, MAX_SEED, ColumnName

ROUTE: Final = "/v1/explanations"
MAX_COLUMNS: Final = 1_000
MAX_PARAMETERS: Final = 50
MAX_ROW_ID: Final = 2_000_000
MAX_BACKGROUND: Final = 10_000
MAX_BUDGET_SECONDS: Final = 900

# In an error's place these stand for a member of a union; no field of any document is called so.
UPLOAD, RECORDS, ROWS = "an upload", "the records", "the rows"
BY_COLUMN, DRAWN = "by a column", "drawn"


class Part(BaseModel):
    """A part of the document: no field but its own, and nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UploadSource(Part):
    """The table that was uploaded under this id."""

    upload_id: Annotated[str, Field(pattern=ID_PATTERN, description="A finished upload.")]


class RecordsSource(Part):
    """The table as objects."""

    records: Annotated[
        list[dict[str, Any]],
        FailFast(),
        Field(
            description="Rows as objects with the same names; a cell is a text, a number, true or false, or "
            "null where it is missing."
        ),
    ]

    def table(self) -> bytes:
        """Return the table as CSV; raises SchemaInvalidError."""
        return write_records(self.records)


class RowsSource(Part):
    """The table as arrays."""

    columns: Annotated[list[str], Field(max_length=MAX_COLUMNS, description="The names of the columns.")]
    data: Annotated[
        list[Annotated[list[Any], FailFast()]],
        FailFast(),
        Field(description="Rows as arrays of cells, in the order of columns; a cell as in records."),
    ]

    def table(self) -> bytes:
        """Return the table as CSV; raises SchemaInvalidError."""
        return write_rows(self.columns, self.data)


class ColumnSplitBody(Part):
    """Training rows are marked in the table."""

    column: Annotated[ColumnName, Field(description="The column that is 1 in training rows.")]


class DrawnSplitBody(Part):
    """Training rows are drawn with the seed."""

    test_size: Annotated[float, Field(ge=0.01, le=0.99, description="The share of test rows.")]
    stratify: Annotated[
        bool | None, Field(description="Draw every class in proportion; null does where there are classes.")
    ] = None


def _kind_of_source(given: Any) -> str | None:
    return _first_kind(given, {"upload_id": UPLOAD, "records": RECORDS, "columns": ROWS, "data": ROWS})


def _kind_of_split(given: Any) -> str | None:
    return _first_kind(given, {"column": BY_COLUMN, "test_size": DRAWN, "stratify": DRAWN})


def _first_kind(given: Any, kinds: Mapping[str, str]) -> str | None:
    """Return the kind that the first known field of an object stands for; of a model, which it is."""
    fields = given if isinstance(given, dict) else getattr(given, "model_fields_set", ())
    return next((kind for name, kind in kinds.items() if name in fields), None)


Source = Annotated[
    Annotated[UploadSource, Tag(UPLOAD)]
    | Annotated[RecordsSource, Tag(RECORDS)]
    | Annotated[RowsSource, Tag(ROWS)],
    Discriminator(_kind_of_source, custom_error_type="source_kind", custom_error_message="no source"),
]
Split = Annotated[
    Annotated[ColumnSplitBody, Tag(BY_COLUMN)] | Annotated[DrawnSplitBody, Tag(DRAWN)],
    Discriminator(_kind_of_split, custom_error_type="split_kind", custom_error_message="no split"),
]


class DialectBody(Part):
    """How a table's file is written."""

    delimiter: Annotated[Literal[",", ";", "\t", "|"], Field(description="What separates cells.")] = ","
    decimal: Annotated[Literal[".", ","], Field(description="The decimal sign.")] = "."
    encoding: Annotated[str, Field(max_length=40, description="The encoding of the file.")] = "utf-8"
    missing: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=40)]],
        Field(max_length=20, description="Words that mean a missing value; empty cells always do."),
    ] = []  # pydantic copies it


def _refuse_structures(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise SchemaRuleError("must hold texts, numbers, true, false or null")
    return value


Scalar = Annotated[
    Any,
    AfterValidator(_refuse_structures),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]


class ModelBody(Part):
    """Which model is fitted."""

    family: Annotated[
        Literal["sklearn", "xgboost", "lightgbm", "gradientboosting", "catboost"],
        Field(description="Whose model; sklearn has many, the boosting libraries one each."),
    ]
    name: Annotated[
        str | None, Field(min_length=1, max_length=100, description="The class name of a sklearn model.")
    ] = None
    parameters: Annotated[
        dict[Annotated[str, Field(max_length=80)], Scalar],
        Field(max_length=MAX_PARAMETERS, description="Parameters of the model, each within its range."),
    ] = {}
    n_hidden_features: Annotated[
        int, Field(ge=0, le=200, description="Random hidden features of each layer; 0 for none.")
    ] = 0
    n_layers: Annotated[int, Field(ge=1, le=3, description="Layers of hidden features.")] = 1


class ExplainBody(Part):
    """How the predictions are explained."""

    method: Annotated[
        Literal["shap", "permutation"],
        Field(
            description="shap says how much each column adds to each prediction, permutation how much the "
            "score falls when a column is shuffled."
        ),
    ] = "shap"
    unit: Annotated[
        Literal["probability", "margin", "target"] | None,
        Field(description="What attributions add up to; null is probability for classes, else target."),
    ] = None
    background: Annotated[
        int, Field(ge=1, le=MAX_BACKGROUND, description="Training rows that predictions are compared with.")
    ] = 100
    rows: Annotated[
        Annotated[list[Annotated[int, Field(ge=0, le=MAX_ROW_ID)]], FailFast()] | None,
        Field(description="The test rows to explain, counted from 0 in file order; null is all of them."),
    ] = None
    groups: Annotated[
        dict[ColumnName, Annotated[list[ColumnName], Field(max_length=MAX_COLUMNS)]] | None,
        Field(
            max_length=MAX_COLUMNS, description="Columns that are explained together, by the group's name."
        ),
    ] = None
    n_repeats: Annotated[int, Field(ge=1, le=100, description="Shuffles of a permutation importance.")] = 10
    scoring: Annotated[
        str | None, Field(max_length=40, description="The score that permutation importance is a loss of.")
    ] = None


class JobBody(Part):
    """What to do with a table that came by another way: in a form, or dropped into the bucket."""

    target: Annotated[ColumnName, Field(description="The column to predict.")] = "target"
    split: Annotated[
        Split | None,
        Field(
            description="How test rows are told from training rows; null is by the column training_index, "
            "or 30 % drawn where there is none."
        ),
    ] = None
    task: Annotated[
        Literal["classification", "regression"] | None,
        Field(description="What the target is; null is told from its cells, and the answer states it."),
    ] = None
    model: Annotated[ModelBody, Field(description="Which model is fitted.")] = ModelBody(family="xgboost")
    explain: Annotated[
        ExplainBody | None, Field(description="How to explain; null for predictions only.")
    ] = ExplainBody()
    seed: Annotated[int, Field(ge=0, le=MAX_SEED, description="Same seed, same answer.")] = 0
    budget_seconds: Annotated[
        float | None,
        Field(
            ge=0.001,
            le=MAX_BUDGET_SECONDS,
            description="Most work to spend on sampling where no exact way exists; the little that a "
            "standard error needs is always done.",
        ),
    ] = None
    dialect: Annotated[DialectBody, Field(description="How the file is written.")] = DialectBody()

    def as_request(self) -> ExplanationRequest:
        """Return the explanation asked for."""
        explain = self.explain
        how: dict[str, Any] = {"method": None}
        if explain is not None:
            how = {
                "method": explain.method,
                "unit": explain.unit,
                "n_background": explain.background,
                "rows": None if explain.rows is None else tuple(explain.rows),
                "groups": {name: tuple(columns) for name, columns in (explain.groups or {}).items()},
                "n_repeats": explain.n_repeats,
                "scoring": explain.scoring,
            }
        dialect, model = self.dialect, self.model
        return ExplanationRequest(
            kind=self.task,
            model=ModelChoice(
                model.family, model.name, model.n_hidden_features, model.n_layers, dict(model.parameters)
            ),
            target=self.target,
            split=_as_split(self.split),
            seed=self.seed,
            budget_seconds=self.budget_seconds,
            dialect=Dialect(dialect.delimiter, dialect.decimal, dialect.encoding, tuple(dialect.missing)),
            route=ROUTE,
            **how,
        )


def _as_split(split: ColumnSplitBody | DrawnSplitBody | None) -> str | DrawnSplit:
    if isinstance(split, DrawnSplitBody):
        return DrawnSplit(split.test_size, split.stratify)
    return DEFAULT_SPLIT if split is None else split.column


class ExplanationBody(JobBody):
    """What POST /v1/explanations reads as JSON."""

    source: Annotated[Source, Field(description="The table.")]

    def inline_table(self) -> bytes | None:
        """Return the table as CSV where it is in the document; raises SchemaInvalidError."""
        if isinstance(self.source, UploadSource):
            return None
        given = self.dialect.model_fields_set - {"missing"}
        if given:
            fault = Fault(
                "is how a file is written; a table in JSON has no dialect", "invalid", pointer="/dialect"
            )
            raise SchemaInvalidError([fault], n_faults=1)
        return self.source.table()
