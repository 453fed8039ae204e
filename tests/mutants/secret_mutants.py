"""Mutants that tell what a caller sent: in an answer or in the log."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

APP, PROBLEMS = "tests/unit/http/test_app.py", "tests/unit/http/test_problems.py"
ECHOES = "tests/unit/http/test_echoes.py"
TABLES = "tests/unit/domain/tables/test_tables.py"

MUTANTS = (
    Mutant(
        "secret-echoed",
        "the log quotes the API key that it refuses",
        "services/verify_key.py",
        'raise AuthenticationError("API key is mistyped or cut off")',
        'raise AuthenticationError(f"API key is mistyped or cut off: {text}")',
        ("tests/unit/http/test_identities.py::test_neither_a_log_line_nor_an_answer_holds_a_key",),
    ),
    Mutant(
        "cell-in-a-notice",
        "a notice of a column shows the first cell that is no number",
        "domain/tables/column_kinds.py",
        'detail += f"(first in row {self.row_numbers(others[:1])[0]})"',
        'detail += f"(first in row {self.row_numbers(others[:1])[0]}: {cells[others[0]]})"',
        (f"{TABLES}::test_the_notice_of_a_text_column_counts_but_never_shows_its_cells",),
    ),
    Mutant(
        "query-in-an-answer",
        "a refusal quotes the parameter it refuses",
        "http/parameters.py",
        'message = str(found["msg"])',
        "message = f\"{found['msg']}: {found['input']}\"",
        (f"{ECHOES}::test_a_parameter_is_not_quoted",),
    ),
    Mutant(
        "body-in-an-answer",
        "a refusal quotes the word of a JSON document it refuses",
        "http/json_documents.py",
        "raise error.kind(error.reason, byte_offset=",
        'raise error.kind(f"{error.reason}: {error.word}", byte_offset=',
        (f"{ECHOES}::test_a_refused_word_of_a_json_document_is_not_quoted",),
    ),
    Mutant(
        "cause-in-a-401",
        "the answer to a bad token says what is wrong with it",
        "http/problems.py",
        "    if problem.status == 401 and token_source is not None:\n",
        '    if getattr(error, "cause", None):\n'
        "        return str(error.cause)\n"
        "    if problem.status == 401 and token_source is not None:\n",
        (f"{PROBLEMS}::test_every_bad_token_gets_the_same_answer_which_names_ways_to_a_new_one",),
    ),
    Mutant(
        "accident-in-an-answer",
        "an error nobody foresaw is answered with its message",
        "http/problems.py",
        '        "title": problem.title,\n',
        '        "title": problem.title if problem.status != 500 else str(error),\n',
        (f"{APP}::test_any_error_is_answered_from_the_catalogue_and_tells_nothing_else",),
    ),
    Mutant(
        "message-in-the-log",
        "an error is logged with its message",
        "http/app.py",
        'lines.append(f"{type(current).__module__}.{type(current).__qualname__} at {places}")',
        'lines.append(f"{type(current).__module__}.{type(current).__qualname__}: {current} at {places}")',
        (f"{APP}::test_any_error_is_answered_from_the_catalogue_and_tells_nothing_else",),
    ),
    Mutant(
        "token-in-the-log",
        "the log line of a request has its headers",
        "http/app.py",
        '        "status": status,\n',
        '        "status": status,\n        "headers": repr(scope["headers"]),\n',
        (f"{APP}::test_a_request_is_one_log_line_without_what_the_caller_sent",),
    ),
)
