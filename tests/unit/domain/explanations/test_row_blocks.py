"""Rows in blocks: every row once, progress told, and stopped where whoever listens wants no more."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import xgboost
from tests.unit.row_threads import row_threads

from whybox.domain.explanations import attribute_rows
from whybox.domain.explanations.row_attributions import INTERVENTIONAL, PATH_DEPENDENT
from whybox.domain.explanations.row_blocks import LEAST_ROWS, RowBlocks, share_out
from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.tables import read_table
from whybox.domain.tasks import frame_task

from .tree_models import fit_case, make_table


class StoppedError(Exception):
    """Whoever listens wants no more."""


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("n_rows", [0, 1, 7, 100])
def test_every_row_is_worked_through_once_and_progress_ends_at_all_of_them(n_rows, n_threads):
    counts, reports = np.zeros(n_rows, dtype=int), []

    def work(rows):
        counts[rows] += 1

    RowBlocks(n_threads=n_threads, on_rows=reports.append).run(work, n_rows, block_rows=8)

    assert np.all(counts == 1)
    assert reports == sorted(reports)
    assert reports[-1:] == ([n_rows] if n_rows else [])
    assert len(reports) <= -(-n_rows // 8) or n_rows < 8 * n_threads


@pytest.mark.parametrize("n_threads", [1, 2])
def test_what_the_listener_raises_ends_the_work_before_the_blocks_that_wait(n_threads):
    done = []

    def listen(n_done):
        raise StoppedError

    with pytest.raises(StoppedError):
        RowBlocks(n_threads=n_threads, on_rows=listen).run(done.append, 1000, block_rows=10)

    assert len(done) < 100


def test_an_error_in_a_thread_is_raised_and_reports_come_from_the_caller():
    threads = set()

    def work(rows):
        if rows.start == 40:
            raise StoppedError

    def listen(n_done):
        threads.add(threading.current_thread())

    blocks = RowBlocks(n_threads=2, on_rows=listen)
    with pytest.raises(StoppedError):
        blocks.run(work, 100, block_rows=10)

    assert threads <= {threading.main_thread()}


def test_few_rows_are_not_shared_out():
    blocks, reports = [], []

    with row_threads() as names:
        RowBlocks(n_threads=4, on_rows=reports.append).run(blocks.append, LEAST_ROWS)
    assert (blocks, reports, names) == ([slice(0, LEAST_ROWS)], [LEAST_ROWS], set())

    with row_threads() as names:
        RowBlocks(n_threads=4).run(blocks.append, LEAST_ROWS + 1)
    assert len(blocks) == 3
    assert names


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("n_items", [0, 1, 2, 7])
def test_items_are_shared_out_once_and_evenly(n_items, n_threads):
    counts, shares = np.zeros(n_items, dtype=int), []

    def work(items):
        counts[items] += 1
        shares.append(items.stop - items.start)

    with row_threads() as names:
        share_out(work, n_items, n_threads=n_threads)

    assert np.all(counts == 1)
    assert len(shares) == max(1, min(n_items, n_threads))
    assert max(shares) - min(shares) <= 1
    assert bool(names) == (len(shares) > 1)


def test_what_a_share_raises_is_raised():
    def work(items):
        if items.start:
            raise StoppedError

    with pytest.raises(StoppedError):
        share_out(work, 4, n_threads=2)


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("method", ["auto", "path_dependent"])
def test_threads_change_no_byte_of_an_answer(method, engine):
    X, y = make_table(n_rows=400)
    booster = xgboost.train({"max_depth": 5, "nthread": 1}, xgboost.DMatrix(X, y), 20)
    rows = np.tile(X, (25, 1))

    one, two, three = (
        attribute_rows(booster, rows, background=X[:30], method=method, engine=engine, n_threads=n)
        for n in (1, 2, 3)
    )

    assert one.algorithm == {"auto": INTERVENTIONAL, "path_dependent": PATH_DEPENDENT}[method]
    for other in (two, three):
        assert other.values.tobytes() == one.values.tobytes()
        assert other.predictions.tobytes() == one.predictions.tobytes()
        assert other.base_values.tobytes() == one.base_values.tobytes()
        assert other.additivity_residual == one.additivity_residual


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("method", ["auto", "path_dependent"])
def test_threads_and_blocks_change_no_byte_of_the_kernels_answer(method, engine):
    X, y = make_table(n_rows=400)
    booster = xgboost.train({"max_depth": 5, "nthread": 1}, xgboost.DMatrix(X, y), 20)
    rows, reports = np.tile(X, (25, 1)), []

    whole = attribute_rows(booster, rows, background=X[:30], method=method, engine=engine)
    parts = attribute_rows(
        booster, rows, background=X[:30], method=method, engine=engine, n_threads=2, on_rows=reports.append
    )

    if engine == "auto":
        np.testing.assert_array_equal(parts.values, whole.values)
        assert whole.engine.startswith("kernel ")
    else:
        np.testing.assert_allclose(
            parts.values, whole.values, rtol=0, atol=1e-12 * np.abs(whole.values).max()
        )
        assert whole.engine == "numpy"
    assert reports == sorted(reports)  # threads that end together are reported together
    assert reports[-1] == len(rows)


@pytest.mark.parametrize("name", ["xgboost", "ada boost"])
def test_ways_that_know_no_blocks_report_once_at_the_end(name):
    model, rows, background = fit_case(name, 2)
    reports = []

    attribute_rows(model, rows, background=background, on_rows=reports.append)

    assert reports == [len(rows)]


@pytest.mark.parametrize("name", ["RidgeCV", "RandomForestRegressor"])
def test_groups_behind_hidden_columns_are_walked_in_threads_and_change_no_byte(name):
    rng = np.random.default_rng(8)
    X = rng.normal(size=(700, 12)).round(3)
    y = X[:, 0] * X[:, 1] + X[:, 2]
    header = ",".join([*(f"x{column}" for column in range(12)), "target", "training_index"])
    lines = [
        ",".join([*map(repr, cells), repr(answer), str(int(number < 100))])
        for number, (cells, answer) in enumerate(zip(X.tolist(), y.tolist(), strict=True))
    ]
    task = frame_task(read_table("\n".join([header, *lines]).encode()), kind="regression")
    parameters = {} if name == "RidgeCV" else {"n_estimators": 5}
    spec = choose_model(
        "regression", family="sklearn", name=name, parameters=parameters, n_hidden_features=3, seed=0
    )
    model = fit_model(spec, task)

    def ask(n_threads):
        return attribute_rows(model, X[100:], background=X[:30], unit="target", n_threads=n_threads)

    with row_threads() as names:
        found = ask(1), ask(3)

    assert names
    assert found[0].algorithm.endswith("with_sampled_hidden")
    assert found[0].values.tobytes() == found[1].values.tobytes()
    assert found[0].std_error.tobytes() == found[1].std_error.tobytes()


@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softprob"])
def test_groups_behind_a_link_are_walked_in_threads_and_change_no_byte(objective):
    rng = np.random.default_rng(9)
    X = rng.normal(size=(300, 20)).round(3)
    y = np.digitize(X[:, 0] * X[:, 1] + X[:, 2], [0.0] if objective == "binary:logistic" else [-0.5, 0.5])
    choices = {"max_depth": 3, "nthread": 1, "objective": objective}
    choices |= {} if objective == "binary:logistic" else {"num_class": 3}
    booster = xgboost.train(choices, xgboost.DMatrix(X, y), 30)

    def ask(n_threads):
        return attribute_rows(booster, X, background=X[:40], unit="probability", n_threads=n_threads)

    with row_threads() as names:
        found = ask(1), ask(3)

    assert names
    assert found[0].algorithm == "linked_tree_permutations"
    assert found[0].values.tobytes() == found[1].values.tobytes()
    assert found[0].std_error.tobytes() == found[1].std_error.tobytes()
