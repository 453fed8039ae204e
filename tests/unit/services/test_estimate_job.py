"""Estimates: small jobs are done at once, large ones elsewhere, and what nobody could finish is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.services.explained_tables import LOGISTIC, XGBOOST, classify, regress, write_table

from whybox.domain.jobs.explanation_requests import ExplanationRequest, ModelChoice
from whybox.domain.models.specs import DrawnSplit
from whybox.errors import JobTooLargeError, ModelUnknownError, ParameterInvalidError
from whybox.services.estimate_job import (
    LIGHT_SECONDS,
    MAX_RESULT_VALUES,
    Limits,
    estimate_job,
    guess_job,
    measure_explanation,
)
from whybox.services.explain_blocks import BLOCK_ROWS
from whybox.services.prepare_explanation import PreparedExplanation, prepare_explanation


def prepare(request: ExplanationRequest, table: bytes | None = None) -> PreparedExplanation:
    return prepare_explanation(table or write_table(), request)


def stretched(prepared: PreparedExplanation, *, n_test: int) -> PreparedExplanation:
    """The same job as if so many test rows were to be explained: estimating looks at nothing but sizes."""
    task = prepared.task
    test = np.full(n_test, task.test[0])
    return replace(prepared, task=replace(task, test=test), rows=np.arange(n_test))


@pytest.mark.parametrize("request_", [classify(), classify(model=XGBOOST), regress(), regress(method=None)])
def test_a_small_job_is_done_at_once(request_):
    estimate = estimate_job(prepare(request_))

    assert estimate.route == "light"
    assert estimate.as_document() == {
        "seconds": estimate.seconds,
        "memory_mb": estimate.memory_mb,
        "route": "light",
    }


def test_a_job_that_takes_longer_or_more_memory_than_a_request_may_goes_elsewhere():
    job = prepare(classify(model=XGBOOST))
    small = estimate_job(job)

    assert estimate_job(job, limits=Limits(light_memory_mb=int(small.memory_mb))).route == "heavy"
    slow = next(
        estimate
        for n_test in range(BLOCK_ROWS, 100 * BLOCK_ROWS, BLOCK_ROWS)
        if (estimate := estimate_job(stretched(job, n_test=n_test))).seconds > LIGHT_SECONDS
    )
    assert slow.route == "heavy"


def test_what_takes_minutes_and_has_blocks_is_shared_out():
    job = prepare(classify(model=ModelChoice("sklearn", "RandomForestClassifier", 5)), write_table(3_000))

    routes = [
        estimate_job(stretched(job, n_test=n_test)).route
        for n_test in (BLOCK_ROWS // 2, 20 * BLOCK_ROWS, 200 * BLOCK_ROWS)
    ]

    assert routes[-1] == "batch"
    assert routes == sorted(routes, key=("light", "heavy", "batch").index)


def test_more_rows_take_more_seconds_and_more_memory():
    job = prepare(classify(model=XGBOOST))

    estimates = [estimate_job(stretched(job, n_test=n)) for n in (100, 1_000, 10_000, 50_000, 100_000)]

    for name in ("seconds", "memory_mb"):
        told = [getattr(estimate, name) for estimate in estimates]
        assert told == sorted(told)


def test_a_result_with_too_many_values_is_refused():
    job = prepare(classify())
    n_test = MAX_RESULT_VALUES // (2 * 5) + 1

    with pytest.raises(JobTooLargeError) as refusal:
        estimate_job(stretched(job, n_test=n_test), limits=Limits(heavy_memory_mb=10_240))

    assert (refusal.value.limit, refusal.value.actual) == (MAX_RESULT_VALUES, 2 * 5 * n_test)
    few = replace(stretched(job, n_test=n_test), rows=np.arange(10))
    assert estimate_job(few, limits=Limits(heavy_memory_mb=10_240)).seconds > 0


def test_what_needs_more_memory_than_the_largest_function_has_is_refused():
    with pytest.raises(JobTooLargeError) as refusal:
        estimate_job(prepare(classify()), limits=Limits(light_memory_mb=128, heavy_memory_mb=128))

    assert refusal.value.actual > refusal.value.limit


def test_what_takes_too_long_and_cannot_be_shared_out_is_refused():
    request = classify(model=ModelChoice("sklearn", "SVC"), method="permutation", n_repeats=100)
    job = prepare(request, write_table(3_000))

    assert estimate_job(stretched(job, n_test=4_000)).route == "heavy"
    with pytest.raises(JobTooLargeError):
        estimate_job(stretched(job, n_test=200_000))


def test_columns_of_few_words_count_as_many_columns_as_the_model_sees():
    words = [f"w{row % 6}" for row in range(60)]
    table = ("x,y,w\n" + "".join(f"{row % 7},{row % 2},{words[row]}\n" for row in range(60))).encode()

    job = prepare_explanation(table, classify(target="y", model=LOGISTIC))

    assert measure_explanation(job).n_columns == 1 + 6


def test_the_size_of_a_job_knows_its_options():
    size = measure_explanation(prepare(regress(n_background=7, interval_level=90.0, unit="target")))

    assert (size.n_background, size.n_refits, size.unit, size.n_classes) == (7, 5, "target", 0)
    assert measure_explanation(prepare(classify(method="permutation", n_repeats=3))).n_repeats == 3
    assert measure_explanation(prepare(classify(method=None))).explain == "none"
    assert measure_explanation(prepare(classify(rows=(60, 61)))).n_rows == 2


@pytest.mark.parametrize(
    "request_",
    [
        classify(),
        classify(kind=None, model=XGBOOST),
        regress(kind=None, model=XGBOOST, unit="target", split=DrawnSplit(0.3)),
        regress(method="permutation", split=DrawnSplit(0.3)),
        classify(rows=(2_200, 2_500)),
    ],
)
def test_a_guess_from_lines_and_header_is_near_the_estimate_of_the_table(request_):
    table = write_table(3_000, n_train=2_100)

    guess, estimate = guess_job(table, request_), estimate_job(prepare(request_, table))

    assert guess.route == "heavy"
    assert guess.seconds == pytest.approx(estimate.seconds, rel=0.5)
    assert guess.memory_mb == pytest.approx(estimate.memory_mb, rel=0.2)


@pytest.mark.parametrize("table", [b"", b"x", b"a,b\n", b"\xff" * 100])
def test_whatever_the_bytes_are_there_is_a_guess(table):
    assert guess_job(table, classify()).seconds > 0


def test_what_no_table_could_make_right_is_refused_without_reading_it():
    for request_, error in (
        (classify(model=ModelChoice("sklearn", "Nothing")), ModelUnknownError),
        (classify(kind=None, model=XGBOOST, unit="target", interval_level=20.0), ParameterInvalidError),
        (classify(n_background=0), ParameterInvalidError),
    ):
        with pytest.raises(error):
            guess_job(b"", request_)
