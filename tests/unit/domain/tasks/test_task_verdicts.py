"""One table of every kind, and what its content leads to: a problem with its status, or notices."""

from __future__ import annotations

import numpy as np
import pytest

from whybox.domain.tables import read_table
from whybox.domain.tasks import TaskLimits, frame_task
from whybox.errors import InputError, TargetNotFoundError
from whybox.http.problem_catalogue import CATALOGUE

N_ROWS = 240
ROWS = range(N_ROWS)
NOISE = np.random.default_rng(0).normal(size=(5, N_ROWS)).tolist()
CLASSES = [row % 3 for row in ROWS]
QUANTITIES = NOISE[0]
WORDS = ["red" if row % 2 else "blue" for row in ROWS]


def frame(columns, kind="regression", *, limits=None):
    names = list(columns)
    lines = [",".join(names), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    table = read_table("\n".join(lines).encode())
    return frame_task(table, kind=kind, limits=limits or TaskLimits())


def with_cell(cells, *cell, at=7):
    return [*cells[:at], *cell, *cells[at + len(cell) :]]


REFUSED = {
    "the target is not there": ("regression", {"x": NOISE[1], "goal": QUANTITIES}, "target-not-found"),
    "the target has gaps": (
        "regression",
        {"x": NOISE[1], "target": with_cell(QUANTITIES, "", "")},
        "target-missing-values",
    ),
    "the target is one class": (
        "classification",
        {"x": NOISE[1], "target": [1] * N_ROWS},
        "target-single-class",
    ),
    "the target is one word": (
        "classification",
        {"x": NOISE[1], "target": ["a"] * N_ROWS},
        "target-single-class",
    ),
    "the target is one number": (
        "regression",
        {"x": NOISE[1], "target": [1.5] * N_ROWS},
        "target-single-class",
    ),
    "a class has one row": (
        "classification",
        {"x": NOISE[1], "target": with_cell(CLASSES, 9)},
        "class-too-small",
    ),
    "the target is an identifier": (
        "classification",
        {"x": NOISE[1], "target": [f"id{row}" for row in ROWS]},
        "target-high-cardinality",
    ),
    "the target is a number of its own in each row": (
        "classification",
        {"x": NOISE[1], "target": list(ROWS)},
        "target-high-cardinality",
    ),
    "quantities asked for as classes": (
        "classification",
        {"x": NOISE[1], "target": QUANTITIES},
        "task-mismatch",
    ),
    "words asked for as quantities": ("regression", {"x": NOISE[1], "target": WORDS}, "task-mismatch"),
    "truth values asked for as quantities": (
        "regression",
        {"x": NOISE[1], "target": [row % 2 == 0 for row in ROWS]},
        "task-mismatch",
    ),
    "the target is infinite": (
        "regression",
        {"x": NOISE[1], "target": with_cell(QUANTITIES, "inf")},
        "non-finite-values",
    ),
    "the target overflows": (
        "regression",
        {"x": NOISE[1], "target": with_cell(QUANTITIES, "1e999")},
        "non-finite-values",
    ),
    "the target overflows in a tree": (
        "regression",
        {"x": NOISE[1], "target": with_cell(QUANTITIES, "1e308")},
        "non-finite-values",
    ),
    "a class overflows in a tree": (
        "classification",
        {"x": NOISE[1], "target": ["1e308" if row % 2 else "1" for row in ROWS]},
        "non-finite-values",
    ),
    "a feature is infinite": (
        "regression",
        {"x": with_cell(NOISE[1], "-Infinity"), "target": QUANTITIES},
        "non-finite-values",
    ),
    "a feature overflows": (
        "regression",
        {"x": with_cell(NOISE[1], "1e999"), "target": QUANTITIES},
        "non-finite-values",
    ),
    "a feature overflows in a tree": (
        "regression",
        {"x": with_cell(NOISE[1], "1e308"), "target": QUANTITIES},
        "value-out-of-range",
    ),
    "a whole number is too long": (
        "regression",
        {"x": NOISE[1], "id": with_cell(list(ROWS), 2**63), "target": QUANTITIES},
        "integer-precision",
    ),
    "every feature is constant": (
        "regression",
        {"x": [1] * N_ROWS, "y": ["a"] * N_ROWS, "target": QUANTITIES},
        "no-usable-features",
    ),
    "every feature is empty": (
        "regression",
        {"x": [""] * N_ROWS, "target": QUANTITIES},
        "no-usable-features",
    ),
    "there are too few rows": ("regression", {"x": NOISE[1][:19], "target": QUANTITIES[:19]}, "too-few-rows"),
    "the split trains on nothing": (
        "regression",
        {"x": NOISE[1], "target": QUANTITIES, "training_index": [0] * N_ROWS},
        "split-empty",
    ),
}

ACCEPTED = {
    "labels that do not begin at 0": (
        "classification",
        {"x": NOISE[1], "target": [row % 3 + 1 for row in ROWS]},
        set(),
    ),
    "words as labels": ("classification", {"x": NOISE[1], "target": WORDS}, set()),
    "truth values as labels": (
        "classification",
        {"x": NOISE[1], "target": [row % 2 == 0 for row in ROWS]},
        {"boolean-column"},
    ),
    "labels of several spellings": (
        "classification",
        {"x": NOISE[1], "target": [("True", "1", "yes", "true")[row % 4] for row in ROWS]},
        {"column-kept-as-text"},
    ),
    "an empty column": (
        "regression",
        {"x": NOISE[1], "e": [""] * N_ROWS, "target": QUANTITIES},
        {"column-all-missing-dropped"},
    ),
    "a constant column": (
        "regression",
        {"x": NOISE[1], "e": [3] * N_ROWS, "target": QUANTITIES},
        {"constant-column"},
    ),
    "more columns than rows": (
        "regression",
        {f"x{n}": NOISE[1][n : n + 30] for n in range(40)} | {"target": QUANTITIES[:30]},
        {"wide-table"},
    ),
    "free text": (
        "regression",
        {"x": NOISE[1], "t": [f"note {row}" for row in ROWS], "target": QUANTITIES},
        {"too-many-categories"},
    ),
    "a copy of the target": (
        "regression",
        {"x": NOISE[1], "y": QUANTITIES, "target": QUANTITIES},
        {"possible-leakage"},
    ),
    "the target in other words": (
        "classification",
        {"x": NOISE[1], "y": [f"w{c}" for c in CLASSES], "target": CLASSES},
        {"possible-leakage"},
    ),
    "a row counter": (
        "regression",
        {"x": NOISE[1], "n": list(ROWS), "target": QUANTITIES},
        {"id-like-column"},
    ),
    "shuffled identifiers": (
        "regression",
        {"x": NOISE[1], "n": [1000 + row * 7 % N_ROWS for row in ROWS], "target": QUANTITIES},
        {"id-like-column"},
    ),
    "rows that stand twice": (
        "regression",
        {"x": NOISE[1][:120] * 2, "target": QUANTITIES, "training_index": [1] * 120 + [0] * 120},
        {"duplicate-rows"},
    ),
    "leading zeros": (
        "regression",
        {"x": NOISE[1], "z": [f"00{row % 5}" for row in ROWS], "target": QUANTITIES},
        {"column-kept-as-text"},
    ),
    "words for missing values": (
        "regression",
        {"x": NOISE[1], "z": ["NA" if row % 3 else "1" for row in ROWS], "target": QUANTITIES},
        {"column-kept-as-text"},
    ),
    "dates of several forms": (
        "regression",
        {
            "x": NOISE[1],
            "d": ["2024-01-31" if row % 2 else "31.01.2024" for row in ROWS],
            "target": QUANTITIES,
        },
        {"mixed-date-formats"},
    ),
    "dates of one form": (
        "regression",
        {"x": NOISE[1], "d": [f"2024-01-{row % 9 + 1:02}" for row in ROWS], "target": QUANTITIES},
        {"date-kept-as-text"},
    ),
}


@pytest.mark.parametrize(("kind", "columns", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_learned_is_refused_before_a_model_sees_it(kind, columns, code):
    with pytest.raises(InputError) as caught:
        frame(columns, kind)

    assert (caught.value.code, CATALOGUE[code].status) == (code, 422)


@pytest.mark.parametrize(("kind", "columns", "codes"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_deserves_a_second_look_is_told(kind, columns, codes):
    task = frame(columns, kind)

    assert {notice.code for notice in task.warnings} - {"split-drawn"} == codes


def test_at_most_five_names_are_offered_the_closest_first():
    columns = {f"target{n}": NOISE[1] for n in range(9)} | {"Targe": QUANTITIES}

    with pytest.raises(TargetNotFoundError) as caught:
        frame(columns)

    assert len(caught.value.closest) == 5
    assert all(name in columns for name in caught.value.closest)


def test_missing_targets_are_counted_and_their_rows_named():
    with pytest.raises(InputError) as caught:
        frame({"x": NOISE[1], "target": ["" if row >= 200 else row % 7 for row in ROWS]})

    assert caught.value.n_faults == 40
    assert [fault.row for fault in caught.value.faults] == list(range(202, 222))


def test_the_first_infinite_feature_is_named_by_row_and_column():
    with pytest.raises(InputError) as caught:
        frame({"x": with_cell(NOISE[1], "-Infinity", at=7), "target": QUANTITIES})

    assert (caught.value.faults[0].row, caught.value.faults[0].column) == (9, "x")


@pytest.mark.parametrize("cells", [("1e300", "1"), ("0.5", ""), (1, 3), (2, 2)])
def test_numbers_that_repeat_jump_or_are_missing_count_no_rows(cells):
    counter = with_cell(list(ROWS), *cells, at=0)

    try:
        codes = {
            notice.code for notice in frame({"x": NOISE[1], "n": counter, "target": QUANTITIES}).warnings
        }
    except InputError as error:
        codes = {error.code}

    assert "id-like-column" not in codes


@pytest.mark.parametrize("most", [119, 120, 121])
def test_how_many_words_a_column_may_have_can_be_set(most):
    words = [f"w{row % 120}" for row in ROWS]

    task = frame({"x": NOISE[1], "w": words, "target": QUANTITIES}, limits=TaskLimits(max_categories=most))

    assert task.feature_names == (("x",) if most < 120 else ("x", "w"))
