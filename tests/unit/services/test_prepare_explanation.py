"""Preparing: every option works or is refused for free, with the one error that says what to mend."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.services.explained_tables import RIDGE, TREE, classify, regress, write_table

from whybox.domain.jobs.explanation_requests import ModelChoice
from whybox.domain.models.specs import DrawnSplit
from whybox.errors import (
    ExplainRowsInvalidError,
    IntervalLevelError,
    ModelTooManyRowsError,
    ModelUnknownError,
    ParameterInvalidError,
    ScoringUnknownError,
    TargetNotFoundError,
    UnitUnavailableError,
    WhyboxError,
)
from whybox.services.prepare_explanation import MAX_CHOSEN_ROWS, prepare_explanation

TABLE = write_table()


def prepare(request):
    return prepare_explanation(TABLE, request)


def codes(prepared) -> list[str]:
    return [notice.code for notice in prepared.task.warnings]


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (classify(kind=None, model=ModelChoice("xgboost", None)), "classification"),
        (regress(kind=None, model=ModelChoice("lightgbm", None)), "regression"),
        (classify(kind=None, model=TREE), "classification"),
        (regress(kind=None, model=RIDGE), "regression"),
    ],
)
def test_a_kind_left_open_is_inferred_and_stated(request_, kind):
    prepared = prepare(request_)

    assert prepared.task.kind == prepared.spec.kind == prepared.request.kind == kind
    assert codes(prepared)[0] == "task-inferred"
    assert "task-inferred" not in codes(prepare(classify()))


def test_the_name_of_a_model_says_more_than_a_target_that_could_be_either():
    table = b"a,y\n" + b"".join(b"%d,%d\n" % (row * 7 % 11, row % 3) for row in range(60))

    by_name = prepare_explanation(table, regress(kind=None, model=RIDGE, target="y"))
    by_target = prepare_explanation(table, regress(kind=None, model=ModelChoice("xgboost", None), target="y"))

    assert (by_name.task.kind, by_target.task.kind) == ("regression", "classification")


def test_the_split_is_a_column_or_drawn():
    assert prepare(classify()).task.test.tolist() == list(range(60, 90))
    assert len(prepare(classify(split=DrawnSplit(0.5))).task.test) == 45


def test_the_parameters_of_a_model_are_checked_and_kept():
    prepared = prepare(regress(model=ModelChoice("sklearn", "Ridge", parameters={"alpha": 2.0})))

    assert prepared.spec.parameters["alpha"] == 2.0


@pytest.mark.parametrize(
    ("request_", "unit"),
    [
        (classify(), "probability"),
        (classify(unit="margin"), "margin"),
        (classify(unit="probability"), "probability"),
        (regress(), "target"),
        (regress(unit="target"), "target"),
    ],
)
def test_the_unit_is_the_one_asked_for_or_the_natural_one(request_, unit):
    assert prepare(request_).unit == unit


def test_rows_are_told_by_their_place_in_the_table_and_keep_their_order():
    prepared = prepare(classify(rows=(89, 60, 71)))

    assert prepared.task.test[prepared.rows].tolist() == [89, 60, 71]
    assert np.array_equal(prepare(classify()).rows, np.arange(30))


def test_groups_are_players_in_the_order_of_their_first_columns():
    prepared = prepare(classify(groups={"numbers": ("c", "a")}))

    assert prepared.player_names == ("numbers", "b", "shop", "amount")
    assert prepared.players.tolist() == [0, 1, 0, 2, 3]
    assert prepared.members == {"numbers": [0, 2], "b": [1], "shop": [3], "amount": [4]}
    assert not prepare(classify()).has_groups


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (classify(target="nothing"), TargetNotFoundError),
        (classify(kind=None, model=ModelChoice("xgboost", None), target="nothing"), TargetNotFoundError),
        (classify(model=ModelChoice("sklearn", "Nothing")), ModelUnknownError),
        (classify(kind=None, model=ModelChoice("sklearn", "Nothing")), ModelUnknownError),
        (classify(model=ModelChoice("sklearn", "Ridge")), ModelUnknownError),
        (
            classify(model=ModelChoice("sklearn", "LogisticRegression", parameters={"n_jobs": -1})),
            ParameterInvalidError,
        ),
        (classify(unit="target"), UnitUnavailableError),
        (regress(unit="probability"), UnitUnavailableError),
        (classify(model=TREE, unit="margin"), UnitUnavailableError),
        (classify(method="permutation", scoring="r2"), ScoringUnknownError),
        (classify(interval_level=90.0), ParameterInvalidError),
        (regress(interval_level=20.0), ParameterInvalidError),
        (regress(interval_level=99.0), IntervalLevelError),
        (regress(split=DrawnSplit(is_stratified=True)), ParameterInvalidError),
        (regress(split=DrawnSplit(0.0)), ParameterInvalidError),
        (regress(split=DrawnSplit(1.0)), ParameterInvalidError),
        (classify(n_background=0), ParameterInvalidError),
        (classify(method="permutation", n_repeats=0), ParameterInvalidError),
        (classify(method="permutation", n_repeats=10**6), ParameterInvalidError),
        (classify(budget_seconds=0.0), ParameterInvalidError),
        (classify(seed=-1), ParameterInvalidError),
        (classify(rows=()), ExplainRowsInvalidError),
        (classify(rows=(0,)), ExplainRowsInvalidError),
        (classify(rows=(60, -30)), ExplainRowsInvalidError),
        (classify(rows=(60, 90)), ExplainRowsInvalidError),
        (classify(rows=(60, 10**30)), ExplainRowsInvalidError),
        (classify(rows=(60, 61, 60)), ExplainRowsInvalidError),
        (classify(rows=tuple(range(MAX_CHOSEN_ROWS + 1))), ExplainRowsInvalidError),
        (classify(rows=(60,), method="permutation"), ExplainRowsInvalidError),
        (classify(groups={"g": ("nothing",)}), ParameterInvalidError),
        (classify(groups={"g": ("a",), "h": ("a",)}), ParameterInvalidError),
        (classify(groups={"g": ()}), ParameterInvalidError),
        (classify(groups={"g": ("label",)}), ParameterInvalidError),
        (classify(groups={"b": ("a", "c")}), ParameterInvalidError),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_fitted(request_, error):
    with pytest.raises(WhyboxError) as refusal:
        prepare(request_)

    assert refusal.type is error


def test_a_model_that_grows_too_fast_is_refused_before_anything_is_fitted():
    with pytest.raises(ModelTooManyRowsError):
        prepare_explanation(
            write_table(12_000, n_train=11_000),
            classify(model=ModelChoice("sklearn", "GaussianProcessClassifier")),
        )
