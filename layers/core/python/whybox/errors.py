"""Every error whybox raises on purpose.

WhyboxError
├── RequestError            the caller can fix it; nothing is charged
│   ├── InputError          the table, the parameters or the body
│   ├── AuthenticationError who are you?            (one answer for every cause)
│   ├── AccessError         you may not do that
│   └── QuotaError          you may, but not now
├── ComputationError        our own numbers failed our own check; never delivered, never charged
├── ConfigurationError      the operator can fix it; the service refuses to start
└── BackingServiceError     something we stand on failed; try again

Each class has a stable ``code``; ``http/problems.py`` pairs codes with HTTP statuses and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One place in the caller's input that is wrong.

    ``row`` counts from 1 as an editor does (the header is row 1); ``column`` is a column name or a
    parameter name; ``pointer`` is a place in a JSON document (RFC 6901), "" the whole of it; ``detail`` never
    repeats a cell's content.
    """

    detail: str
    code: str
    row: int | None = None
    column: str | None = None
    pointer: str | None = None


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


class WhyboxError(Exception):
    """The root: a stable code, one plain sentence, and the facts as attributes."""

    code: ClassVar[str] = "internal"

    def __init__(
        self,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        n_faults: int | None = None,
        limit: int | None = None,
        actual: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)  # the first of them; n_faults counts them all
        self.n_faults = len(self.faults) if n_faults is None else n_faults
        self.limit = limit
        self.actual = actual


class RequestError(WhyboxError):
    """The caller can fix it."""


class InputError(RequestError):
    """The table, the parameters or the body cannot be used as they are."""


class BackgroundEmptyError(InputError):
    """There is no row to measure an attribution against."""

    code = "background-empty"

    def __init__(self, *, n_rows: int, size: int) -> None:
        super().__init__(f"A background needs at least one row: {n_rows} rows given, {size} asked for.")
        self.n_rows = n_rows
        self.size = size


class ScoringUnknownError(InputError):
    """No scoring of this name fits the task."""

    code = "scoring-unknown"

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        super().__init__(f"No scoring of this name fits the task; there are: {', '.join(known)}.")
        self.name = name
        self.known = tuple(known)


class ScoreUndefinedError(InputError):
    """The scoring cannot judge these test rows, whatever the predictions are."""

    code = "score-undefined"

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(f"The score {name} is not defined on these test rows: {reason}.")
        self.name = name
        self.reason = reason


class AuthenticationError(RequestError):
    """No valid token. ``cause`` is for the log only: every cause gets the same answer."""

    code = "unauthenticated"

    def __init__(self, cause: str) -> None:
        super().__init__("The request carries no valid access token.")
        self.cause = cause


class ComputationError(WhyboxError):
    """Our own numbers failed our own check."""


class BackingServiceError(WhyboxError):
    """Something we stand on failed; the same request may work later."""

    retry_after_seconds: ClassVar[int] = 5


class ColumnCountError(InputError):
    """The rows have another number of columns than the model was fitted on."""

    code = "column-count"

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(f"Expected {expected} columns, got {actual}.", limit=expected, actual=actual)
        self.expected = expected


class UnitUnavailableError(InputError):
    """The model has no answer in the unit asked for."""

    code = "unit-unavailable"

    def __init__(self, *, unit: str, available: Sequence[str]) -> None:
        super().__init__(
            f"This model does not answer in {unit!r}, only in: {', '.join(available) or 'nothing'}."
        )
        self.unit = unit
        self.available = tuple(available)


class MethodUnavailableError(InputError):
    """This way of explaining does not fit the model."""

    code = "method-unavailable"

    def __init__(self, *, method: str, reason: str) -> None:
        super().__init__(f"The method {method!r} cannot be used here: {reason}.")
        self.method = method


class InteractionsUnavailableError(InputError):
    """There is no exact way to the interaction values of this model in this unit."""

    code = "interactions-unavailable"

    def __init__(self, *, unit: str, n_players: int) -> None:
        super().__init__(
            f"Interactions in {unit!r} need trees that add up in this unit, or few columns: "
            f"{n_players} are too many.",
            actual=n_players,
        )
        self.unit = unit
        self.n_players = n_players


class ExplanationCheckError(ComputationError):
    """Attributions did not pass their own check; they are not delivered."""

    code = "explanation-check-failed"

    def __init__(self, check: str, *, found: float, tolerance: float) -> None:
        super().__init__(
            f"The attributions failed the check {check!r}: {found:.3g} is beyond {tolerance:.3g}."
        )
        self.check = check
        self.found = found
        self.tolerance = tolerance


class ParameterInvalidError(InputError):
    """A parameter is unknown, of the wrong kind or out of its range."""

    code = "parameter-invalid"

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(
            f"The parameter {name!r} {reason}.", faults=[Fault(f"{reason}", "parameter-invalid", column=name)]
        )
        self.name = name
        self.reason = reason


class TableError(InputError):
    """The bytes are not a table that can be read without guessing."""


class EmptyTableError(TableError):
    """No bytes, or only blank lines."""

    code = "csv-empty"

    def __init__(self) -> None:
        super().__init__("The file has no content: send a header line and at least one row.")


class NoRowsError(TableError):
    """A header and nothing below it."""

    code = "csv-no-rows"

    def __init__(self) -> None:
        super().__init__("The file has a header but no rows below it.")


class EncodingError(TableError):
    """The bytes are not text in the encoding they were declared in."""

    code = "csv-encoding"

    def __init__(self, *, encoding: str, byte_offset: int | None = None, row: int | None = None) -> None:
        where = (
            ""
            if byte_offset is None
            else f" at byte {byte_offset}" + ("" if row is None else f" (row {row})")
        )
        super().__init__(
            f"The file is not {encoding} text{where}: save it as UTF-8, or name its encoding with encoding=.",
            faults=[] if row is None else [Fault(f"not {encoding}", "csv-encoding", row=row)],
        )
        self.encoding = encoding
        self.byte_offset = byte_offset


class NulByteError(TableError):
    """A NUL character, which no text table has."""

    code = "csv-nul-byte"

    def __init__(self, *, row: int, position: int) -> None:
        super().__init__(
            f"Row {row}, cell {position} holds a NUL byte: the file is damaged or not text; export it again.",
            faults=[Fault("NUL byte", "csv-nul-byte", row=row)],
        )
        self.row = row
        self.position = position


class MalformedQuoteError(TableError):
    """A quote that does not open or close a whole cell."""

    code = "csv-malformed-quote"

    def __init__(self, *, row: int, position: int, reason: str) -> None:
        super().__init__(
            f"Row {row}, cell {position}: {reason}. Quote the whole cell and double the quotes inside it.",
            faults=[Fault(reason, "csv-malformed-quote", row=row)],
        )
        self.row = row
        self.position = position


class RaggedRowsError(TableError):
    """Rows with another number of cells than the header."""

    code = "csv-ragged-rows"

    def __init__(self, *, expected: int, widths: Sequence[tuple[int, int]], n_rows: int) -> None:
        first_row, first_width = widths[0]
        how_many = "1 row has" if n_rows == 1 else f"{n_rows} rows have"
        detail = f"{how_many} another number of cells than the header's {expected}; "
        detail += f"the first is row {first_row} with {first_width}."
        if len(widths) > 1 and all(width == first_width > expected for _, width in widths):
            detail += f" All listed have {first_width}: look for text or decimal commas that are not quoted."
        super().__init__(
            detail,
            faults=[
                Fault(f"{width} cells, expected {expected}", self.code, row=row) for row, width in widths
            ],
            n_faults=n_rows,
            limit=expected,
            actual=first_width,
        )
        self.expected = expected


class BlankColumnError(TableError):
    """A column without a name."""

    code = "csv-blank-column"

    def __init__(self, *, positions: Sequence[int]) -> None:
        shown = ", ".join(map(str, positions[:20]))
        super().__init__(
            f"The header has no name at position {shown}: name the column, or remove the trailing separator.",
            faults=[Fault(f"no name at position {at}", self.code, row=1) for at in positions[:20]],
            n_faults=len(positions),
        )
        self.positions = tuple(positions)


class DuplicateColumnError(TableError):
    """Column names that are the same to a reader (spaces, case and Unicode form aside)."""

    code = "csv-duplicate-column"

    def __init__(self, *, names: Sequence[str]) -> None:
        super().__init__(
            f"{_count(len(names), 'column repeats', 'columns repeat')} an earlier name, the first is "
            f"{names[0]!r} (spaces, case and Unicode form do not count): give each a name of its own.",
            faults=[Fault("repeats an earlier name", self.code, row=1, column=name) for name in names[:20]],
            n_faults=len(names),
        )
        self.names = tuple(names)


class ColumnNameError(TableError):
    """A column name that cannot be shown or stored safely."""

    code = "csv-column-name-invalid"

    def __init__(self, *, position: int, reason: str) -> None:
        super().__init__(
            f"The column name at position {position} {reason}: rename it.",
            faults=[Fault(f"the name at position {position} {reason}", self.code, row=1)],
        )
        self.position = position


class DelimiterError(TableError):
    """The cells are separated by another character than declared."""

    code = "csv-delimiter"

    def __init__(self, *, found: str, declared: str) -> None:
        super().__init__(
            f"The cells look separated by {found!r}, not {declared!r}: pass delimiter={found!r}."
        )
        self.found = found
        self.declared = declared


class DecimalCommaError(TableError):
    """Numbers written with a decimal comma that was not declared."""

    code = "csv-decimal-comma"

    def __init__(self, *, column: str, row: int) -> None:
        super().__init__(
            f"Column {column!r} looks like numbers with a decimal comma (first in row {row}): "
            "pass decimal=',' or write decimal points.",
            faults=[Fault("decimal comma", self.code, row=row, column=column)],
        )
        self.column = column


class HeaderSuspectError(TableError):
    """The first row does not look like a header."""

    code = "csv-header-suspect"

    def __init__(self, *, row: int, reason: str) -> None:
        super().__init__(
            f"Row {row} {reason}: the file must begin with one row of column names.",
            faults=[Fault(reason, self.code, row=row)],
        )
        self.row = row


class TableLimitError(TableError):
    """A limit of the reader, checked before the work it bounds; with a row, ``actual`` is a lower bound."""

    problem: ClassVar[str]

    def __init__(self, *, limit: int, actual: int, row: int | None = None) -> None:
        where, at_least = ("", "") if row is None else (f" (row {row})", "at least ")
        super().__init__(
            f"{self.problem}{where}: at most {limit} are allowed, found {at_least}{actual}.",
            faults=[] if row is None else [Fault(self.problem, self.code, row=row)],
            limit=limit,
            actual=actual,
        )


class TooLargeError(TableLimitError):
    """More bytes than the reader takes."""

    code = "csv-too-large"
    problem = "The file has too many bytes"


class TooManyColumnsError(TableLimitError):
    """More columns than the reader takes."""

    code = "csv-too-many-columns"
    problem = "The table has too many columns"


class TooManyRowsError(TableLimitError):
    """More rows than the reader takes."""

    code = "csv-too-many-rows"
    problem = "The table has too many rows"


class TooManyCellsError(TableLimitError):
    """More cells, rows times columns, than the reader takes."""

    code = "csv-too-many-cells"
    problem = "The table has too many cells"


class CellTooLargeError(TableLimitError):
    """A cell with more bytes than the reader takes."""

    code = "csv-cell-too-large"
    problem = "A cell has too many bytes"


class LineTooLongError(TableLimitError):
    """A row with more bytes than the reader takes, or a file without line ends."""

    code = "csv-line-too-long"
    problem = "A row has too many bytes"


class TooFewColumnsError(TableError):
    """One column: nothing to learn the target from."""

    code = "csv-too-few-columns"

    def __init__(self, *, actual: int) -> None:
        super().__init__(
            f"The table has {actual} column; a target and at least one feature are needed.",
            limit=2,
            actual=actual,
        )


class FileTypeError(TableError):
    """A file of another kind, recognised by its first bytes; nothing of it was unpacked."""

    code = "file-type-unsupported"

    def __init__(self, *, kind: str) -> None:
        super().__init__(f"This is {kind}, not a CSV text file: export the table as CSV (UTF-8).")
        self.kind = kind


class ParquetUnsupportedError(FileTypeError):
    """A Parquet file: no reader of it that fits a function survives damaged bytes."""

    def __init__(self) -> None:
        super().__init__(kind="a Parquet file (Parquet is not read here)")


class LooksLikeHtmlError(TableError):
    """A web page, usually a saved error page."""

    code = "file-looks-like-html"

    def __init__(self) -> None:
        super().__init__("This is an HTML page, not a CSV file: the download may have saved an error page.")


class LooksLikeJsonError(TableError):
    """JSON text."""

    code = "file-looks-like-json"

    def __init__(self) -> None:
        super().__init__("This is JSON, not a CSV file: export the table as CSV, or send it as a JSON body.")


class LooksLikeXmlError(TableError):
    """XML text."""

    code = "file-looks-like-xml"

    def __init__(self) -> None:
        super().__init__("This is XML, not a CSV file: export the table as CSV.")


class CellValueError(TableError):
    """Numbers that cannot be kept as they are written; ``rows`` are the first of ``n_cells``."""

    problem: ClassVar[str]
    problems: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, *, column: str, rows: Sequence[int], n_cells: int) -> None:
        super().__init__(
            f"Column {column!r} has {_count(n_cells, self.problem, self.problems)}, first in row {rows[0]}: "
            f"{self.remedy}.",
            faults=[Fault(self.problem, self.code, row=row, column=column) for row in rows[:20]],
            n_faults=n_cells,
        )
        self.column = column


class IntegerPrecisionError(CellValueError):
    """Whole numbers beyond 2**53, which float64 cannot tell apart."""

    code = "integer-precision"
    problem = "whole number beyond 2^53 in size"
    problems = "whole numbers beyond 2^53 in size"
    remedy = "remove the column if it is an identifier, or round or rescale it"


class NonFiniteValuesError(CellValueError):
    """Infinite values, or numbers too large for float64."""

    code = "non-finite-values"
    problem = "infinite or overflowing value"
    problems = "infinite or overflowing values"
    remedy = "leave the cell empty if the value is missing, or replace it by a finite number"


class ValueOutOfRangeError(CellValueError):
    """Numbers beyond float32, which tree models compare in."""

    code = "value-out-of-range"
    problem = "value beyond 3.4e38 in size"
    problems = "values beyond 3.4e38 in size"
    remedy = "rescale the column"


class TaskError(InputError):
    """The table was read, but the task asked for cannot be set up on it."""


class ColumnNotFoundError(TaskError):
    """A column that was named in the request is not in the table; what it was called is not repeated."""

    def __init__(self, name: str, *, role: str, closest: Sequence[str]) -> None:
        hint = f"; the closest names are: {', '.join(map(repr, closest))}" if closest else ""
        super().__init__(
            f"The table has no {role} column of the name it was given{hint}. Name it with {role}=.",
            faults=[Fault(f"no such {role} column", self.code)],
        )
        self.name = name
        self.closest = tuple(closest)


class TargetNotFoundError(ColumnNotFoundError):
    """No column has the target's name."""

    code = "target-not-found"

    def __init__(self, name: str, *, closest: Sequence[str]) -> None:
        super().__init__(name, role="target", closest=closest)


class SplitNotFoundError(ColumnNotFoundError):
    """No column has the name given for the split."""

    code = "split-not-found"

    def __init__(self, name: str, *, closest: Sequence[str]) -> None:
        super().__init__(name, role="split", closest=closest)


class TargetInFeaturesError(TaskError):
    """A column cannot be the target and something else as well."""

    code = "target-in-features"

    def __init__(self, name: str, *, role: str) -> None:
        super().__init__(
            f"Column {name!r} is the target; it cannot be {role} too.",
            faults=[Fault(role, self.code, column=name)],
        )
        self.name = name


class TargetMissingValuesError(TaskError):
    """Rows without a target value."""

    code = "target-missing-values"

    def __init__(self, *, column: str, rows: Sequence[int], n_cells: int) -> None:
        super().__init__(
            f"The target {column!r} is empty in {_count(n_cells, 'row', 'rows')}, first in row {rows[0]}: "
            "fill it in, or remove the rows.",
            faults=[Fault("empty target", self.code, row=row, column=column) for row in rows[:20]],
            n_faults=n_cells,
        )
        self.column = column


class TargetSingleClassError(TaskError):
    """Nothing to tell apart."""

    code = "target-single-class"

    def __init__(self, *, column: str, where: str) -> None:
        super().__init__(
            f"The target {column!r} has one single value in {where}: there is nothing to learn.",
            faults=[Fault(f"constant in {where}", self.code, column=column)],
        )
        self.column = column


class ClassTooSmallError(TaskError):
    """Classes with too few rows to fit and to test on."""

    code = "class-too-small"

    def __init__(self, *, column: str, n_classes: int, limit: int, where: str) -> None:
        super().__init__(
            f"{n_classes} of the classes of the target {column!r} have fewer than {limit} rows in {where}: "
            "add rows, merge the classes or remove them. If nearly every row has a value of its own, the "
            "column is an identifier or a quantity, not a class.",
            faults=[Fault(f"{n_classes} classes below {limit} rows in {where}", self.code, column=column)],
            limit=limit,
        )
        self.column = column


class TargetHighCardinalityError(TaskError):
    """More classes than a classification can have."""

    code = "target-high-cardinality"

    def __init__(self, *, column: str, limit: int, actual: int) -> None:
        super().__init__(
            f"The target {column!r} has {actual} different values, more than the {limit} classes allowed: "
            "is it an identifier, or a quantity (then ask for a regression)?",
            faults=[Fault("too many classes", self.code, column=column)],
            limit=limit,
            actual=actual,
        )
        self.column = column


class TaskMismatchError(TaskError):
    """A quantity to classify, or words to regress on."""

    code = "task-mismatch"

    def __init__(self, *, column: str, found: str, kind: str) -> None:
        other = "regression" if kind == "classification" else "classification"
        super().__init__(
            f"The target {column!r} holds {found}, which does not fit a {kind}: ask for a {other}.",
            faults=[Fault(found, self.code, column=column)],
        )
        self.column = column
        self.kind = kind


class TooFewRowsError(TaskError):
    """Too few rows to fit and to test anything."""

    code = "too-few-rows"

    def __init__(self, *, limit: int, actual: int) -> None:
        super().__init__(
            f"The table has {_count(actual, 'row', 'rows')}; at least {limit} are needed.",
            limit=limit,
            actual=actual,
        )


class SplitEmptyError(TaskError):
    """One side of the split has no rows."""

    code = "split-empty"

    def __init__(self, *, column: str, side: str) -> None:
        super().__init__(
            f"The split column {column!r} leaves no {side} rows: 1 marks training rows, all else test rows.",
            faults=[Fault(f"no {side} rows", self.code, column=column)],
        )
        self.column = column
        self.side = side


class NoUsableFeaturesError(TaskError):
    """Every feature is constant, empty or a text without repetition."""

    code = "no-usable-features"

    def __init__(self, *, n_columns: int) -> None:
        super().__init__(
            f"None of the {n_columns} feature columns can be used: each is constant, empty or free text "
            "in the training rows.",
            actual=n_columns,
        )


class LabelCollisionError(TaskError):
    """A class is called like a key of the flat answer."""

    code = "label-collision"

    def __init__(self, *, labels: Sequence[str]) -> None:
        super().__init__(
            f"A class called {', '.join(map(repr, labels))} would overwrite a key of this endpoint's answer: "
            "rename the class, or ask /v1/explanations, where metrics are nested."
        )
        self.labels = tuple(labels)


class ModelError(InputError):
    """The model asked for cannot be fitted."""


class ModelUnknownError(ModelError):
    """No reviewed model of this name for this kind of task."""

    code = "model-unknown"

    def __init__(self, name: str, *, kind: str, closest: Sequence[str]) -> None:
        super().__init__(f"No {kind} model has this name; the closest names are: {', '.join(closest)}.")
        self.name = name
        self.closest = tuple(closest)


class ModelNotInstalledError(ModelError):
    """A known model whose library is not part of this deployment."""

    code = "model-not-installed"

    def __init__(self, name: str, *, instead: Sequence[str]) -> None:
        super().__init__(f"{name} is not installed in this service; use {' or '.join(instead)} instead.")
        self.name = name
        self.instead = tuple(instead)


class FitFailedError(ModelError):
    """The estimator refused the training rows; ``reason`` is ours, the library's words stay in the cause."""

    code = "fit-failed"

    def __init__(self, name: str, *, reason: str) -> None:
        super().__init__(f"{name} cannot be fitted on this table: {reason}.")
        self.name = name
        self.reason = reason


class IntervalLevelError(ModelError):
    """The training rows are too few for an interval of this level."""

    code = "interval-level-too-high"

    def __init__(self, *, level: float, n_rows: int, largest: float) -> None:
        super().__init__(
            f"{n_rows} training rows support prediction intervals up to {largest:g} %, not {level:g} %: "
            "lower level= or send more rows.",
        )
        self.level = level
        self.n_rows = n_rows
        self.largest = largest


class ConfigurationError(WhyboxError):
    """The settings contradict themselves or are unsafe: the service refuses to start."""

    code = "misconfigured"


class AccessError(RequestError):
    """You are known, and you may not do that."""


class InsufficientScopeError(AccessError):
    """The token is valid and does not carry the scope this route needs."""

    code = "insufficient-scope"

    def __init__(self, required: str) -> None:
        super().__init__(f"This route needs a token with the scope {required}.")
        self.required = required


class TenantDisabledError(AccessError):
    """The operator has shut the tenant out, whatever its tokens and keys say."""

    code = "tenant-disabled"

    def __init__(self) -> None:
        super().__init__("Access of this tenant to the service was turned off.")


class QuotaError(RequestError):
    """You may, but not now."""


class QuotaExceededError(QuotaError):
    """The month's charged requests are used up."""

    code = "quota-exceeded"

    def __init__(self, *, limit: int, used: int, period: str, resets_at: datetime) -> None:
        super().__init__(
            f"All {limit} requests of {period} are used; "
            f"the count starts again at {resets_at:%Y-%m-%d} 00:00 UTC.",
            limit=limit,
            actual=used,
        )
        self.used = used
        self.period = period
        self.resets_at = resets_at


class KeysUnavailableError(BackingServiceError):
    """The keys that tokens are signed with cannot be fetched: nobody's token can be checked."""

    code = "keys-unavailable"

    def __init__(self) -> None:
        super().__init__("The keys that tokens are checked with cannot be fetched at the moment.")


class QuotaUnavailableError(BackingServiceError):
    """The usage ledger does not answer: nothing is computed and nothing is charged."""

    code = "quota-unavailable"

    def __init__(self) -> None:
        super().__init__("The usage count cannot be read or written at the moment; nothing was charged.")


class ReservationLostError(BackingServiceError):
    """The work took longer than its reservation, which was given back meanwhile."""

    code = "reservation-lost"

    def __init__(self) -> None:
        super().__init__("The work outlived its reservation, which was given back; nothing was charged.")


class RepliesUnavailableError(BackingServiceError):
    """The store of answers kept for an Idempotency-Key does not answer."""

    code = "replies-unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The answers kept for Idempotency-Key cannot be read at the moment; nothing was charged."
        )


class DependencyUnavailableError(BackingServiceError):
    """A store or queue does not answer, or not as it should; ``dependency`` says which one."""

    code = "dependency-unavailable"

    def __init__(self, dependency: str) -> None:
        super().__init__(f"The {dependency} cannot be reached at the moment.")
        self.dependency = dependency


class LeaseLostError(BackingServiceError):
    """The job is another worker's by now, or is over: what this one made of it is not used."""

    code = "lease-lost"

    def __init__(self) -> None:
        super().__init__("Another worker has taken the job over, or it is finished.")


class IdempotencyKeyInvalidError(InputError):
    """The Idempotency-Key header is empty, too long or not printable ASCII."""

    code = "idempotency-key-invalid"

    def __init__(self, *, limit: int, actual: int) -> None:
        super().__init__(
            f"Idempotency-Key must be 1 to {limit} printable ASCII characters, given once.",
            limit=limit,
            actual=actual,
        )


class IdempotencyKeyReusedError(InputError):
    """The same Idempotency-Key came with another request."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was first sent with another request; a new request needs a new key."
        )


class IdempotencyInProgressError(RequestError):
    """The first request with this Idempotency-Key still runs."""

    code = "idempotency-in-progress"
    retry_after_seconds: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key is still running; its answer will be repeated."
        )


class BodyMissingError(InputError):
    """The request has no body where one is needed."""

    code = "body-missing"

    def __init__(self, remedy: str = "send the table as multipart form data, in a part named file") -> None:
        super().__init__(f"The request has no body; {remedy}.")


class BodyEncodingError(InputError):
    """The event says its body is base64, and it is not; or it is a text that cannot be written as UTF-8."""

    code = "body-encoding"

    def __init__(self) -> None:
        super().__init__(
            "The request body could not be decoded: the event holds neither base64 nor UTF-8 text."
        )


class BodyTooLargeError(InputError):
    """The body is larger than a synchronous request may be."""

    code = "body-too-large"

    def __init__(self, *, limit: int, actual: int) -> None:
        super().__init__(f"The body has {actual} bytes; at most {limit} fit.", limit=limit, actual=actual)


class ContentTypeUnsupportedError(InputError):
    """The body is of a media type this route does not read."""

    code = "content-type-unsupported"

    def __init__(self, *, expected: str) -> None:
        super().__init__(f"This route reads {expected} and nothing else.")
        self.expected = expected


class JsonError(InputError):
    """The body is not JSON that can be read in one way only; ``byte_offset`` counts from 0."""

    def __init__(self, reason: str, *, byte_offset: int, limit: int | None = None) -> None:
        super().__init__(f"The JSON body {reason}, at byte {byte_offset}.", limit=limit)
        self.byte_offset = byte_offset


class JsonEncodingError(JsonError):
    """The bytes are not UTF-8."""

    code = "json-encoding"


class JsonInvalidError(JsonError):
    """The text breaks the grammar of RFC 8259."""

    code = "json-invalid"


class JsonTooDeepError(JsonError):
    """Arrays and objects inside one another beyond what any document here needs."""

    code = "json-too-deep"


class JsonDuplicateKeyError(JsonError):
    """An object has a name twice: readers differ in which value they believe."""

    code = "json-duplicate-key"


class NumberOutOfRangeError(JsonError):
    """A number that this service cannot keep: it would become infinite, zero or another integer."""

    code = "number-out-of-range"


class TextInvalidError(JsonError):
    """A text with half of a surrogate pair, or with a NUL character."""

    code = "text-invalid"


class SchemaInvalidError(InputError):
    """The body is JSON and not the document this route reads; ``faults`` point at the places."""

    code = "schema-invalid"

    def __init__(self, faults: Sequence[Fault], *, n_faults: int) -> None:
        places = "one place" if n_faults == 1 else f"{n_faults} places"
        super().__init__(
            f"The JSON body does not fit this route in {places}; errors points at them.",
            faults=faults,
            n_faults=n_faults,
        )


class MultipartInvalidError(InputError):
    """The multipart form cannot be taken apart, or holds more than the one part it should."""

    code = "multipart-invalid"


class FileMissingError(InputError):
    """The multipart form has no part named file, or an empty one."""

    code = "file-missing"

    def __init__(self, detail: str = "The form has no part named file that carries a table.") -> None:
        super().__init__(detail)


class ParameterUnknownError(InputError):
    """A query parameter is not one of this endpoint's; its name is not repeated."""

    code = "parameter-invalid"

    def __init__(self, *, closest: str | None, known: Sequence[str]) -> None:
        hint = f"did you mean {closest}?" if closest else f"there are: {', '.join(known) or 'none'}."
        super().__init__(
            f"A query parameter is not known here; {hint}",
            faults=[Fault("unknown parameter", "parameter-unknown", column=closest)],
        )
        self.closest = closest
        self.known = tuple(known)


class NotFoundError(RequestError):
    """Nothing is at this path."""

    code = "not-found"

    def __init__(self) -> None:
        super().__init__("Nothing is at this path; / lists what there is.")


class JobNotFoundError(NotFoundError):
    """There is no such job, or it is another tenant's: nobody can tell which."""

    def __init__(self) -> None:
        RequestError.__init__(self, "There is no job of this id.")


class CursorInvalidError(InputError):
    """The cursor of a list was changed, or made for another caller."""

    code = "cursor-invalid"

    def __init__(self) -> None:
        super().__init__("The cursor is not one of yours: begin the list anew, without a cursor.")


class ObjectNotFoundError(InputError):
    """The object, or the version asked for, is gone; ``key`` is for the log."""

    code = "upload-expired"

    def __init__(self, key: str) -> None:
        super().__init__("The file is no longer there: upload it again.")
        self.key = key


class UploadError(AccessError):
    """An upload is not the one that its link was made for."""


class UploadLinkInvalidError(UploadError):
    """The link, the method or a header is not what was signed."""

    code = "upload-link-invalid"

    def __init__(self) -> None:
        super().__init__(
            "The link or a header was changed: send exactly the headers that came with the link."
        )


class UploadLinkExpiredError(UploadError):
    """The link was good and its time is over."""

    code = "upload-link-expired"

    def __init__(self) -> None:
        super().__init__("The link has expired: ask for another one.")


class UploadDamagedError(UploadError):
    """The bytes are not those that were announced."""

    code = "upload-damaged"

    def __init__(self) -> None:
        super().__init__("The bytes that arrived do not have the length or checksum that were announced.")


class ObjectExistsError(UploadError):
    """Something was uploaded with this link before."""

    code = "upload-exists"

    def __init__(self) -> None:
        super().__init__("The file was uploaded before: a link stores one file once.")


class MethodNotAllowedError(RequestError):
    """The path exists, with other methods."""

    code = "method-not-allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"This path answers {', '.join(allowed)} only.")
        self.allowed = tuple(allowed)


class NotAcceptableError(RequestError):
    """The Accept header admits none of the types this route answers in."""

    code = "not-acceptable"

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__(f"This route answers in {' or '.join(offered)}, which the Accept header rules out.")
        self.offered = tuple(offered)


class RequestTimeoutError(RequestError):
    """A request began to arrive and did not come to its end."""

    code = "request-timeout"

    def __init__(self, *, seconds: float) -> None:
        super().__init__(f"The request was not complete after {seconds:g} seconds.")
        self.seconds = seconds


class UnsupportedEventError(RequestError):
    """The function was invoked with an event that is not an HTTP request."""

    code = "unsupported-event"

    def __init__(self) -> None:
        super().__init__("This function answers HTTP API events (payload format 2.0) only.")


class ResultNotFiniteError(ComputationError):
    """A number of the answer is NaN or infinite; the answer is not delivered."""

    code = "result-not-finite"

    def __init__(self, where: str) -> None:
        super().__init__(f"A number in {where} is not finite; the answer is withheld and nothing is charged.")
        self.where = where


class ResultTooLargeError(InputError):
    """The result would be larger than one answer may carry; known before anything is charged."""

    code = "result-too-large"

    def __init__(self, *, limit: int, actual: int) -> None:
        super().__init__(
            f"The result has {actual} bytes, one answer may carry {limit}; have fewer test rows explained.",
            limit=limit,
            actual=actual,
        )


class RequestMalformedError(RequestError):
    """What came over the connection is not an HTTP/1.1 request."""

    code = "request-malformed"

    def __init__(self) -> None:
        super().__init__("What came over the connection is not a valid HTTP/1.1 request.")


class HeadersTooLargeError(RequestError):
    """The request line and the headers are too long together."""

    code = "headers-too-large"

    def __init__(self, *, limit: int, actual: int) -> None:
        super().__init__(
            f"The request line and the headers have {actual} bytes; at most {limit} fit.",
            limit=limit,
            actual=actual,
        )


class FunctionError(BackingServiceError):
    """A function gave no answer that can be sent on."""

    def __init__(
        self, detail: str, *, function: str, limit: int | None = None, actual: int | None = None
    ) -> None:
        super().__init__(detail, limit=limit, actual=actual)
        self.function = function


class FunctionFailedError(FunctionError):
    """The function ended, raised, or answered something that is no HTTP answer; ``cause`` is for the log."""

    code = "function-failed"

    def __init__(self, function: str, *, cause: str) -> None:
        super().__init__("The function behind this path failed.", function=function)
        self.cause = cause


class FunctionTimeoutError(FunctionError):
    """The function ran longer than it may and was ended."""

    code = "function-timeout"

    def __init__(self, function: str, *, timeout_seconds: float) -> None:
        super().__init__(
            f"The function behind this path was ended after {timeout_seconds:g} seconds.", function=function
        )
        self.timeout_seconds = timeout_seconds


class FunctionMemoryError(FunctionError):
    """The function used more memory than it may and was ended."""

    code = "function-out-of-memory"

    def __init__(self, function: str, *, limit: int, actual: int) -> None:
        super().__init__(
            f"The function behind this path needed more than its {limit} bytes of memory and was ended.",
            function=function,
            limit=limit,
            actual=actual,
        )


class FunctionBusyError(FunctionError):
    """Every process of the function was at work for as long as a request may wait; nothing was started."""

    code = "function-busy"

    def __init__(self, function: str) -> None:
        super().__init__(
            "Too many requests are being worked on at once; this one was not started.", function=function
        )


class AnswerTooLargeError(FunctionError):
    """The function's answer is larger than a function may answer."""

    code = "answer-too-large"

    def __init__(self, function: str, *, limit: int, actual: int) -> None:
        super().__init__(
            "The answer is larger than one response may carry.", function=function, limit=limit, actual=actual
        )


class TemplateError(ConfigurationError):
    """template.yaml cannot be served as it stands."""

    code = "template-invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(f"template.yaml cannot be served: {reason}.")


class GatewayRunningError(ConfigurationError):
    """Another gateway, or a worker it left behind, still uses this home."""

    code = "gateway-running"

    def __init__(self, home: str, *, holder: str) -> None:
        super().__init__(
            f"Another whybox gateway uses {home}{holder and f' ({holder})'}; stop it or set WHYBOX_HOME."
        )


class ResultDocumentError(ComputationError):
    """A result document lacks a part, or two of its parts do not fit."""

    code = "result-document-invalid"

    def __init__(self, part: str, *, reason: str) -> None:
        super().__init__(f"The result document cannot be read: {part} {reason}.")
        self.part = part
        self.reason = reason


class ModelTooManyRowsError(ModelError):
    """More training rows than a model can take whose cost grows faster than they do."""

    code = "model-too-many-rows"

    def __init__(self, name: str, *, limit: int, actual: int) -> None:
        super().__init__(
            f"{name} takes at most {limit} training rows, the table has {actual}: choose a faster model.",
            limit=limit,
            actual=actual,
        )
        self.name = name


class DemoFailedError(BackingServiceError):
    """The demo's own service did not answer as it should."""

    code = "demo-failed"

    def __init__(self, step: str, *, reason: str, log: str) -> None:
        super().__init__(f"The demo stopped at {step}: {reason} The log of its service is {log}.")
        self.step = step
        self.reason = reason
