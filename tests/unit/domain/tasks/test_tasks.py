"""A table becomes a task with the labels, rows and columns its owner meant, or one clear error."""

from __future__ import annotations

import numpy as np
import pytest

from whybox.domain.models.specs import DrawnSplit
from whybox.domain.tables import read_table
from whybox.domain.tasks import TaskLimits, frame_task
from whybox.domain.tasks.splits import draw_split
from whybox.domain.tasks.targets import TargetLimits, refuse_label_collisions
from whybox.errors import (
    ClassTooSmallError,
    LabelCollisionError,
    NonFiniteValuesError,
    NoUsableFeaturesError,
    SplitEmptyError,
    SplitNotFoundError,
    TargetHighCardinalityError,
    TargetInFeaturesError,
    TargetMissingValuesError,
    TargetNotFoundError,
    TargetSingleClassError,
    TaskMismatchError,
    TooFewRowsError,
    ValueOutOfRangeError,
)

N_ROWS = 40


def table_of(**columns):
    """Make a table of columns; numbers and words as they print."""
    names = list(columns)
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(names), *(",".join(str(cell) for cell in row) for row in rows)]
    return read_table("\n".join(lines).encode())


def noise(seed: int = 0, n_rows: int = N_ROWS) -> list[float]:
    return np.random.default_rng(seed).normal(size=n_rows).round(3).tolist()


def cycle(*values, n_rows: int = N_ROWS) -> list:
    return [values[row % len(values)] for row in range(n_rows)]


def codes_of(task) -> set[str]:
    return {notice.code for notice in task.warnings}


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        ((0, 1), (0, 1)),
        ((3, 1, 2), (1, 2, 3)),
        ((-1, 1), (-1, 1)),
        (("1.0", "2.0"), (1.0, 2.0)),
        (("0.5", "1.0"), (0.5, 1.0)),
        (("b", "a", "B"), ("B", "a", "b")),
        (("True", "False"), (False, True)),
        (("True", "1", "yes"), ("1", "True", "yes")),
        (("2024-01-01", "2024-01-02"), ("2024-01-01", "2024-01-02")),
    ],
)
def test_labels_keep_their_type_and_are_sorted_as_numpy_sorts_them(cells, classes):
    task = frame_task(table_of(x=noise(), target=cycle(*cells)), kind="classification")

    assert task.classes == classes
    assert [type(label) for label in task.classes] == [type(label) for label in classes]
    assert np.unique(np.array(classes)).tolist() == list(classes)
    assert [str(task.classes[code]) for code in task.y] == [str(cell) for cell in cycle(*cells)]


def test_a_regression_keeps_its_target_as_written():
    target = noise(1)

    task = frame_task(table_of(x=noise(), target=target), kind="regression")

    assert task.y.tolist() == target
    assert task.classes == ()


def test_features_are_the_other_columns_in_file_order():
    table = table_of(b=noise(1), target=cycle(0, 1), training_index=cycle(1, 0, 1, 1), a=noise(2))

    task = frame_task(table, kind="classification")

    assert task.feature_names == ("b", "a")
    np.testing.assert_array_equal(task.X, np.column_stack([noise(1), noise(2)]))
    assert task.warnings == ()


def test_words_become_codes_into_their_sorted_categories():
    colours = cycle("red", "blue", "", "red", "green")

    task = frame_task(table_of(x=noise(), colour=colours, target=noise(1)), kind="regression")

    assert task.categories == {1: ("blue", "green", "red")}
    assert task.X[:5, 1].tolist()[:2] == [2, 0]
    assert np.isnan(task.X[2, 1])


@pytest.mark.parametrize(
    "marks", [(1, 0), ("1.0", "0.0"), ("True", "False"), ("1", "test"), (1, 2), (1, ""), ("1", "01")]
)
def test_one_in_the_split_column_trains_and_anything_else_tests(marks):
    table = table_of(x=noise(), target=noise(1), training_index=cycle(marks[0], marks[0], marks[1]))

    task = frame_task(table, kind="regression")

    assert task.train.tolist() == [row for row in range(N_ROWS) if row % 3 != 2]
    assert task.test.tolist() == [row for row in range(N_ROWS) if row % 3 == 2]


@pytest.mark.parametrize(("mark", "side"), [(1, "test"), (0, "training"), ("yes", "training")])
def test_a_split_without_training_or_test_rows_is_refused(mark, side):
    table = table_of(x=noise(), target=noise(1), training_index=[mark] * N_ROWS)

    with pytest.raises(SplitEmptyError) as caught:
        frame_task(table, kind="regression")

    assert caught.value.side == side


def test_without_a_split_column_the_rows_are_drawn_and_this_is_told():
    table = table_of(x=noise(), target=cycle(0, 0, 0, 1))

    first, again, other = (frame_task(table, kind="classification", seed=seed) for seed in (3, 3, 4))

    assert codes_of(first) == {"split-drawn"}
    np.testing.assert_array_equal(first.test, again.test)
    assert first.test.tolist() != other.test.tolist()
    assert np.bincount(first.y[first.test]).tolist() == [9, 3]


@pytest.mark.parametrize("n_rows", [20, 37, 200])
def test_a_drawn_split_takes_thirty_percent_of_every_class(n_rows):
    strata = np.sort(np.random.default_rng(n_rows).integers(0, 4, n_rows))

    train, test = draw_split(n_rows, strata=strata, seed=0)

    assert sorted([*train, *test]) == list(range(n_rows))
    assert len(test) == int(np.ceil(0.3 * n_rows))
    shares = np.bincount(strata[test], minlength=4) - 0.3 * np.bincount(strata, minlength=4)
    assert np.abs(shares).max() < 1


def test_a_class_of_two_rows_trains_and_tests_in_a_drawn_split():
    strata = np.array([0] * 30 + [1] * 2 + [2])

    train, test = draw_split(33, strata=strata, seed=0)

    assert np.bincount(strata[train]).tolist()[1:] == [1, 1]
    assert np.bincount(strata[test], minlength=3).tolist()[1:] == [1, 0]


def test_other_column_names_are_chosen_by_parameter():
    table = table_of(x=noise(), price=noise(1), fold=cycle(1, 1, 0))

    task = frame_task(table, kind="regression", target="price", split="fold")

    assert task.feature_names == ("x",)


def test_a_target_that_is_not_there_is_answered_with_the_closest_names():
    table = table_of(x=noise(), Target=noise(1), targets=noise(2))

    with pytest.raises(TargetNotFoundError) as caught:
        frame_task(table, kind="regression")

    assert set(caught.value.closest) == {"Target", "targets"}


def test_a_split_column_that_was_named_must_be_there():
    with pytest.raises(SplitNotFoundError):
        frame_task(table_of(x=noise(), target=noise(1)), kind="regression", split="folds")


def test_the_target_cannot_be_the_split_column():
    with pytest.raises(TargetInFeaturesError):
        frame_task(table_of(x=noise(), target=noise(1)), kind="regression", split="target")


def test_rows_without_a_target_are_named():
    target = [*noise(1)[:-2], "", ""]

    with pytest.raises(TargetMissingValuesError) as caught:
        frame_task(table_of(x=noise(), target=target), kind="regression")

    assert caught.value.n_faults == 2
    assert [fault.row for fault in caught.value.faults] == [N_ROWS, N_ROWS + 1]


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_a_constant_target_is_refused(kind):
    with pytest.raises(TargetSingleClassError):
        frame_task(table_of(x=noise(), target=[1] * N_ROWS), kind=kind)


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_a_target_that_is_constant_in_the_training_rows_is_refused(kind):
    table = table_of(x=noise(), target=cycle(0, 0, 1), training_index=cycle(1, 1, 0))

    with pytest.raises(TargetSingleClassError, match="training rows"):
        frame_task(table, kind=kind)


def test_a_class_with_one_row_is_too_small():
    with pytest.raises(ClassTooSmallError):
        frame_task(table_of(x=noise(), target=[2, *cycle(0, 1)[1:]]), kind="classification")


def test_a_class_that_only_test_rows_have_is_refused():
    table = table_of(x=noise(), target=cycle(0, 1, 2, 2), training_index=cycle(1, 1, 0, 0))

    with pytest.raises(ClassTooSmallError, match="training rows"):
        frame_task(table, kind="classification")


def test_too_many_classes_are_refused():
    with pytest.raises(TargetHighCardinalityError) as caught:
        frame_task(
            table_of(x=noise(n_rows=300), target=cycle(*range(101), n_rows=300)), kind="classification"
        )
    assert (caught.value.limit, caught.value.actual) == (100, 101)
    limits = TaskLimits(target=TargetLimits(max_classes=101))
    assert len(
        frame_task(
            table_of(x=noise(n_rows=300), target=cycle(*range(101), n_rows=300)),
            kind="classification",
            limits=limits,
        ).classes
    )


def test_identifiers_as_target_are_refused():
    target = [f"id{row}" for row in range(200)]
    with pytest.raises(TargetHighCardinalityError):
        frame_task(table_of(x=noise(n_rows=200), target=target), kind="classification")


def test_a_quantity_is_no_class_and_words_are_no_quantity():
    with pytest.raises(TaskMismatchError, match="ask for a regression"):
        frame_task(table_of(x=noise(), target=noise(1)), kind="classification")
    for words in (("a", "b"), ("True", "False"), ("2024-01-01", "2024-01-02")):
        with pytest.raises(TaskMismatchError, match="ask for a classification"):
            frame_task(table_of(x=noise(), target=cycle(*words)), kind="regression")


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_a_target_beyond_float32_is_not_finite_to_a_tree(kind):
    with pytest.raises(NonFiniteValuesError):
        frame_task(table_of(x=noise(), target=cycle("1e308", "1")), kind=kind)


def test_a_feature_beyond_float32_is_out_of_range():
    with pytest.raises(ValueOutOfRangeError) as caught:
        frame_task(table_of(x=["-1e39", *noise()[1:]], target=noise(1)), kind="regression")

    assert caught.value.faults[0].row == 2


@pytest.mark.parametrize("n_rows", [1, 5, 19])
def test_too_few_rows_are_refused(n_rows):
    with pytest.raises(TooFewRowsError) as caught:
        frame_task(table_of(x=noise(n_rows=n_rows), target=noise(1, n_rows)), kind="regression")
    assert (caught.value.limit, caught.value.actual) == (20, n_rows)


def test_the_smallest_table_can_be_set():
    limits = TaskLimits(min_rows=5)

    assert frame_task(
        table_of(x=noise(n_rows=5), target=noise(1, 5)), kind="regression", limits=limits
    ).X.shape == (5, 1)


def test_columns_without_training_values_and_free_text_are_left_out_and_told():
    table = table_of(
        x=noise(),
        empty=[""] * N_ROWS,
        late=cycle("", "", 5),
        text=[f"note {row}" for row in range(N_ROWS)],
        day=[f"2024-{1 + row // 28:02}-{1 + row % 28:02}" for row in range(N_ROWS)],
        target=noise(1),
        training_index=cycle(1, 1, 0),
    )

    task = frame_task(table, kind="regression")

    assert task.feature_names == ("x",)
    by_code = {(notice.code, notice.column) for notice in task.warnings}
    assert ("column-all-missing-dropped", "empty") in by_code
    assert ("column-all-missing-dropped", "late") in by_code
    assert ("too-many-categories", "text") in by_code
    assert ("too-many-categories", "day") in by_code


def test_a_constant_column_stays_and_is_told():
    task = frame_task(table_of(x=noise(), one=[1] * N_ROWS, target=noise(1)), kind="regression")

    assert task.feature_names == ("x", "one")
    assert "constant-column" in codes_of(task)


@pytest.mark.parametrize(
    ("column", "is_told"),
    [
        ([10**15 + row % 7 for row in range(N_ROWS)], True),
        ([10**15 + row % 7 if row % 3 else "" for row in range(N_ROWS)], True),
        ([1_700_000_000 + 86_400 * row for row in range(N_ROWS)], False),
        ([10**15] * N_ROWS, False),
        ([0] * N_ROWS, False),
    ],
)
def test_a_column_whose_values_differ_in_digits_that_are_rounded_away_is_told(column, is_told):
    task = frame_task(table_of(x=noise(), far=column, target=noise(1)), kind="regression")

    assert ("narrow-column" in codes_of(task)) == is_told


@pytest.mark.parametrize("column", [[1] * N_ROWS, [""] * N_ROWS, [f"note {row}" for row in range(N_ROWS)]])
def test_without_a_column_that_varies_there_is_no_task(column):
    with pytest.raises(NoUsableFeaturesError):
        frame_task(table_of(x=column, target=noise(1)), kind="regression")


def test_a_table_of_target_and_split_has_no_features():
    with pytest.raises(NoUsableFeaturesError):
        frame_task(table_of(target=noise(1), training_index=cycle(1, 0)), kind="regression")


@pytest.mark.parametrize(
    ("kind", "target", "copy"),
    [
        ("regression", noise(1), [-3 * value + 7 for value in noise(1)]),
        ("classification", cycle(0, 1), cycle(5, 9)),
        ("classification", cycle("a", "b", "c"), cycle("z", "x", "y")),
        ("classification", cycle("a", "b", "c"), cycle(7, 1, 3)),
    ],
)
def test_a_copy_of_the_target_among_the_features_is_told(kind, target, copy):
    task = frame_task(table_of(x=noise(), leak=copy, target=target), kind=kind)

    assert [notice.column for notice in task.warnings if notice.code == "possible-leakage"] == ["leak"]


def test_a_row_counter_is_told():
    for counter in (list(range(N_ROWS)), list(range(N_ROWS, 0, -1))):
        task = frame_task(table_of(x=noise(), id=counter, target=noise(1)), kind="regression")
        assert ("id-like-column", "id") in {(notice.code, notice.column) for notice in task.warnings}


def test_test_rows_that_stand_in_the_training_rows_are_counted():
    table = table_of(x=cycle(1, 2, 3, 4), y=cycle("", 1), target=noise(1), training_index=[0] * 3 + [1] * 37)

    (notice,) = [
        notice for notice in frame_task(table, kind="regression").warnings if notice.code == "duplicate-rows"
    ]

    assert notice.detail.startswith("3 of 3 test rows")


def test_more_columns_than_training_rows_are_told():
    columns = {f"x{column}": noise(column, 20) for column in range(15)}

    assert "wide-table" in codes_of(frame_task(table_of(**columns, target=noise(99, 20)), kind="regression"))


@pytest.mark.parametrize(
    "label",
    [
        "accuracy",
        "macro avg",
        "weighted avg",
        "proba",
        "y_true",
        "y_pred",
        "interpretability",
        "warnings",
        "receipt",
    ],
)
def test_a_class_called_like_a_key_of_the_flat_answer_is_refused(label):
    with pytest.raises(LabelCollisionError) as caught:
        refuse_label_collisions(("benign", label))
    assert caught.value.labels == (label,)


def test_ordinary_labels_do_not_collide():
    refuse_label_collisions((0, 1, 2.5, True, "Accuracy"))


def test_the_notices_of_the_reader_come_first():
    table = read_table(
        b"\xef\xbb\xbf" + b"x,target\n" + b"".join(b"%d,%d\n" % (row % 7, row % 5) for row in range(30))
    )

    task = frame_task(table, kind="classification")

    assert [notice.code for notice in task.warnings][:2] == ["bom-removed", "split-drawn"]


@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.5, 0.9])
def test_a_drawn_split_has_the_share_asked_for_in_every_class(test_size):
    table = table_of(a=noise(n_rows=200), y=cycle("u", "v", "v", "v", n_rows=200))

    task = frame_task(table, kind="classification", target="y", split=DrawnSplit(test_size))

    assert len(task.test) == 200 * test_size
    assert np.count_nonzero(task.y[task.test] == 0) == pytest.approx(50 * test_size, abs=1)
    assert sorted([*task.train, *task.test]) == list(range(200))
    assert "split-drawn" in codes_of(task)


def test_a_split_without_strata_lets_chance_decide_and_a_column_of_marks_is_a_feature():
    marks = cycle(1, 1, 0)
    table = table_of(a=noise(), training_index=marks, y=cycle("u", "v"))

    task = frame_task(
        table, kind="classification", target="y", split=DrawnSplit(0.3, is_stratified=False), seed=1
    )
    other = frame_task(table, kind="classification", target="y", split=DrawnSplit(0.3), seed=1)

    assert task.feature_names == ("a", "training_index")
    assert len(task.test) == 12
    assert task.test.tolist() != other.test.tolist()
