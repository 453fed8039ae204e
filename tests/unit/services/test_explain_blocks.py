"""Explaining by blocks: whoever computes which block, all of them together are the same bytes."""

from __future__ import annotations

import threading
from io import BytesIO

import numpy as np
import pytest
from tests.unit.domain.explanations.definition import shapley_by_definition
from tests.unit.services.explained_tables import (
    LOGISTIC,
    RIDGE,
    XGBOOST,
    classify,
    explain,
    regress,
    write_table,
)

from whybox.domain.explanations import attribute_rows
from whybox.domain.jobs.explanation_requests import ModelChoice
from whybox.errors import ExplanationCheckError, ResultDocumentError
from whybox.services.explain_blocks import (
    BLOCK_ROWS,
    block_of,
    block_seed,
    check_sums,
    count_blocks,
    explain_block,
    fit_explanation,
)
from whybox.services.finish_explanation import compute_explanation, finish_explanation
from whybox.services.prepare_explanation import prepare_explanation

MANY = write_table(BLOCK_ROWS + 900, n_train=300)
"""So many rows that the test rows are two blocks."""


class StoppedError(Exception):
    """What a test's hook raises."""


def through_a_file(block):
    content = BytesIO()
    np.savez(content, allow_pickle=False, **block.as_arrays())
    content.seek(0)
    with np.load(content, allow_pickle=False) as arrays:
        return block_of(dict(arrays))


@pytest.mark.parametrize("request_", [classify(), classify(model=XGBOOST), regress(model=XGBOOST)])
def test_blocks_of_other_processes_kept_in_files_give_the_same_bytes(request_):
    alone = explain(request_, MANY).attributed
    assert alone is not None

    # Each block by a model of its own, last block first, as different machines might.
    kept = {}
    for index in reversed(range(2)):
        fitted = fit_explanation(prepare_explanation(MANY, request_))
        kept[index] = through_a_file(explain_block(fitted, index))
    together = finish_explanation(fitted, [kept[0], kept[1]]).attributed

    assert together is not None
    assert count_blocks(fitted.prepared) == 2
    assert together.values.tobytes() == alone.values.tobytes()
    assert together.base_values.tobytes() == alone.base_values.tobytes()
    assert (together.std_error is None) == (alone.std_error is None)
    if alone.std_error is not None and together.std_error is not None:
        assert together.std_error.tobytes() == alone.std_error.tobytes()
    assert together.algorithm == alone.algorithm
    assert together.additivity_residual == alone.additivity_residual


def test_one_block_is_what_the_engine_says_of_all_rows():
    result = explain(classify())
    attributed, task = result.attributed, result.prepared.task
    background = result.fitted.background
    assert attributed is not None
    assert background is not None

    expected = attribute_rows(
        result.fitted.model,
        task.X[task.test],
        background=background.rows,
        weights=background.weights,
        unit="probability",
        seed=42,
    )

    np.testing.assert_array_equal(attributed.values, expected.values)
    np.testing.assert_array_equal(attributed.base_values, expected.base_values)


def test_every_block_but_the_first_has_a_seed_of_its_own():
    seeds = [block_seed(42, index) for index in range(1_000)]

    assert seeds[0] == 42
    assert len(set(seeds)) == 1_000
    assert block_seed(43, 7) != block_seed(42, 7)


@pytest.mark.parametrize(
    ("request_", "unit"),
    [(classify(), "probability"), (classify(unit="margin"), "margin"), (regress(), "target")],
)
def test_attributions_are_the_shapley_values_in_the_unit_asked_for(request_, unit):
    result = explain(request_)
    attributed, model, task = result.attributed, result.fitted.model, result.prepared.task
    assert attributed is not None
    rows = task.X[task.test[:5]]

    expected = shapley_by_definition(lambda X: model.predict_units(X, unit), rows, attributed.background.rows)

    np.testing.assert_allclose(attributed.values[:5], expected, atol=1e-9)
    np.testing.assert_allclose(
        attributed.base_values + attributed.values.sum(axis=1), attributed.answers, atol=1e-9
    )
    np.testing.assert_array_equal(attributed.answers[:5], model.predict_units(rows, unit))


def test_a_group_has_the_shapley_value_of_its_columns_as_one_player():
    result = explain(classify(groups={"numbers": ("a", "c"), "rest": ("shop", "b")}))
    attributed, model, task = result.attributed, result.fitted.model, result.prepared.task
    assert attributed is not None
    assert attributed.values.shape == (30, 3, 2)

    expected = shapley_by_definition(
        lambda X: model.predict_units(X, "probability"),
        task.X[task.test[:5]],
        attributed.background.rows,
        groups=result.prepared.players,
    )

    np.testing.assert_allclose(attributed.values[:5], expected, atol=1e-9)


def test_chosen_rows_have_the_values_they_have_among_all_rows():
    everything, chosen = explain(regress()).attributed, explain(regress(rows=(89, 60))).attributed

    assert everything is not None
    assert chosen is not None
    np.testing.assert_allclose(chosen.values, everything.values[[29, 0]], atol=1e-12)


def test_a_smaller_background_is_part_of_the_training_rows():
    result = explain(classify(n_background=7))

    background = result.fitted.background
    assert background is not None
    assert len(background.rows) == 7
    assert set(background.row_ids.tolist()) <= set(range(60))


def test_less_budget_is_less_work_and_the_sums_hold_all_the_same():
    neighbours = ModelChoice("sklearn", "KNeighborsClassifier", 5)
    little = explain(classify(model=neighbours, budget_seconds=0.001)).attributed
    much = explain(classify(model=neighbours, budget_seconds=0.02)).attributed

    assert little is not None
    assert much is not None
    assert little.std_error is not None
    assert much.std_error is not None
    assert little.std_error.mean() > 1.2 * much.std_error.mean()
    assert max(little.additivity_residual, much.additivity_residual) < 1e-9


def test_a_group_is_shuffled_as_one_and_its_importance_counts_all_its_columns():
    result = explain(regress(method="permutation", groups={"telling": ("a", "b", "shop")}))

    assert result.permuted is not None
    assert result.permuted.names == ("telling", "c", "label")
    telling, noise, _ = result.permuted.importances_mean
    assert telling > 0.5 > noise


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (classify(model=XGBOOST), [0, BLOCK_ROWS, BLOCK_ROWS + 600]),
        (regress(model=RIDGE, method=None), [0]),
    ],
)
def test_progress_is_told_in_rows_after_the_fit_and_after_every_block(request_, told):
    heard: list[int] = []

    explain(request_, MANY, on_rows=heard.append)

    assert heard == told


def test_progress_of_a_permutation_importance_ends_with_all_rows():
    heard: list[int] = []

    explain(classify(method="permutation"), on_rows=heard.append)

    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0, 30)


@pytest.mark.parametrize("method", ["shap", "permutation"])
def test_what_the_hook_raises_ends_the_work(method):
    def stop(n_done: int) -> None:
        if n_done:
            raise StoppedError

    with pytest.raises(StoppedError):
        explain(classify(model=LOGISTIC, method=method), on_rows=stop)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threads_are_stopped_by_the_hook_which_this_thread_calls(n_threads):
    prepared = prepare_explanation(MANY, regress(model=XGBOOST))
    told = []

    def stop(n_done: int) -> None:
        told.append((n_done, threading.current_thread()))
        if n_done:
            raise StoppedError

    with pytest.raises(StoppedError):
        compute_explanation(prepared, on_rows=stop, n_threads=n_threads)

    assert {thread for _, thread in told} == {threading.current_thread()}
    assert 0 < told[-1][0] < len(prepared.rows)
    assert [n_done for n_done, _ in told[:-1]] == [0]


def test_a_block_that_is_not_there_is_noticed():
    fitted = fit_explanation(prepare_explanation(MANY, regress()))
    first, second = (explain_block(fitted, index) for index in range(2))

    for blocks in ([], [first], [second], [second, first], [first, first]):
        with pytest.raises(ResultDocumentError):
            finish_explanation(fitted, blocks)


def test_sums_that_miss_the_predictions_are_withheld():
    values, base, answers = np.ones((2, 3, 1)), np.zeros(1), np.full((2, 1), 3.0)

    assert check_sums(values, base, answers) == 0.0
    with pytest.raises(ExplanationCheckError):
        check_sums(values, base, answers + 1e-4)
