"""Binary JSON is read as xgboost's own text of the same model says."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
import xgboost
from tests.unit.domain.explanations.tree_models import make_table

from whybox.domain.models.ubj_documents import count_numbers, join_numbers, read_ubj, take_numbers

KINDS = {
    "trees": {"max_depth": 3},
    "classes": {"objective": "multi:softprob", "num_class": 3, "max_depth": 2},
    "forest": {"num_parallel_tree": 3, "max_depth": 4, "subsample": 0.5},
    "categories": {"max_cat_to_onehot": 1, "max_depth": 3},
}


def fit(kind):
    """Return a booster with names and types of its columns."""
    X, y = make_table(n_classes=3 if kind == "classes" else 0)
    X = X.copy()
    types = ["q"] * 6
    if kind == "categories":
        X[:, 2], types[2] = np.digitize(X[:, 2], [15.0, 18.0, 21.0, 24.0]), "c"
    names = [f"Spalte {place} – é" for place in range(6)]
    data = xgboost.DMatrix(X, y, feature_names=names, feature_types=types, enable_categorical=True, nthread=1)
    return xgboost.train({"nthread": 1, **KINDS[kind]}, data, 4)


def assert_alike(binary, text):
    """Compare two documents; numbers to float32, in which the model holds them."""
    if isinstance(text, dict):
        assert list(binary) == list(text)
        for name, value in text.items():
            assert_alike(binary[name], value)
    elif isinstance(text, list) and not isinstance(binary, tuple):
        assert len(binary) == len(text)
        for one, other in zip(binary, text, strict=True):
            assert_alike(one, other)
    elif isinstance(text, str) or text is None:
        assert binary == text
    else:
        found = take_numbers(binary if isinstance(binary, tuple) else [binary])
        np.testing.assert_array_equal(found.astype("f4"), np.asarray(text, dtype="f4").ravel())


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_what_its_text_says(kind):
    booster = fit(kind)

    found = read_ubj(bytes(booster.save_raw("ubj")))

    assert_alike(found, json.loads(bytes(booster.save_raw("json"))))


def test_constants_untyped_arrays_and_numbers_of_every_size_are_read():
    document = (
        b"{U\x01a[TFZi\xffU\xff]U\x01bI\xff\xfeU\x01cl\x00\x00\x00\x07U\x01dD@\x04\x00\x00\x00\x00\x00\x00"
    )
    document += b"U\x01e[$L#U\x02" + (5).to_bytes(8, "big") + (6).to_bytes(8, "big") + b"U\x01fSi\x02hi}"

    found = read_ubj(document)

    assert found["a"] == [True, False, None, -1, 255]
    assert (found["b"], found["c"], found["d"], found["f"]) == (-2, 7, 2.5, "hi")
    np.testing.assert_array_equal(take_numbers(found["e"]), [5, 6])


def long(number):
    return b"L" + number.to_bytes(8, "big")


def key(name):
    return long(len(name)) + name.encode()


def typed(name, kind, values):
    """Return an entry whose value is an array of one kind."""
    content = np.asarray(values, dtype={"l": ">i4", "L": ">i8", "d": ">f4"}[kind]).tobytes()
    return key(name) + b"[$" + kind.encode() + b"#" + long(len(values)) + content


def tree(left, *, kind="l", names=("left_children", "leaf values", "categories"), n_values=None):
    """Return an object as a tree is written: two arrays as long as it, one empty, a number, a text."""
    values = [0.5 * value for value in range(len(left) if n_values is None else n_values)]
    arrays = [typed(names[0], kind, left), typed(names[1], "d", values), typed(names[2], "l", [])]
    return b"{" + b"".join(arrays) + key("id") + b"i\x03" + key("size") + b"S" + key(str(len(left))) + b"}"


@pytest.mark.parametrize(
    "second",
    [
        tree([4, 5, 6, 7, 8]),
        tree([]),
        tree([4, 5], kind="L"),
        tree([4, 5], n_values=1),
        tree([4, 5], names=("left_children", "leaf welfare", "categories")),
        tree([4, 5], names=("right_children", "leaf values", "categories")),
    ],
    ids=["longer", "empty", "another kind", "an array shorter", "another name", "another first name"],
)
def test_trees_are_read_as_they_are_written_however_unlike_the_first(second):
    alone = read_ubj(second)
    found = read_ubj(b"[#" + long(4) + tree([1, 2, 3]) + second + tree([9]) + second + b"]")

    assert found[1] == found[3] == alone
    assert take_numbers(found[0]["left_children"]).tolist() == [1, 2, 3]
    assert take_numbers(found[2]["leaf values"]).tolist() == [0.0]
    assert list(found[2]) == ["left_children", "leaf values", "categories", "id", "size"]
    assert [it["size"] for it in found] == ["3", alone["size"], "1", alone["size"]]


def test_arrays_that_nobody_wants_are_left_out_and_the_others_are_the_same():
    data = bytes(fit("categories").save_raw("ubj"))
    unread = {"base_weights", "sum_hessian", "categories_nodes"}

    whole, part = read_ubj(data), read_ubj(data, unread=unread)

    for one in whole["learner"]["gradient_booster"]["model"]["trees"]:
        for name in unread:
            del one[name]
    assert part == whole


def test_whole_numbers_of_several_kinds_follow_each_other():
    numbers = [*range(-3, 128), *range(128, 3_000, 7), 1, 70_000, -70_000, 2, 3]
    sizes = [1 if -128 <= it < 128 else 2 if abs(it) < 32_768 else 4 for it in numbers]
    items = [
        {1: b"i", 2: b"I", 4: b"l"}[size] + it.to_bytes(size, "big", signed=True)
        for size, it in zip(sizes, numbers, strict=True)
    ]

    assert read_ubj(b"[#" + long(len(numbers)) + b"".join(items)) == numbers


def test_arrays_of_different_kinds_are_joined_number_by_number():
    found = read_ubj(b"{" + typed("a", "l", [1, -2]) + typed("b", "L", [3]) + typed("c", "d", [0.5]) + b"}")

    assert join_numbers([*found.values()]).tolist() == [1, -2, 3, 0.5]
    assert [count_numbers(it) for it in found.values()] == [2, 1, 1]
    assert join_numbers([]).tolist() == []


def test_a_document_cut_short_is_an_error_wherever_it_is_cut():
    whole = bytes(fit("trees").save_raw("ubj"))

    assert read_ubj(whole)
    for size in range(len(whole)):
        with pytest.raises((ValueError, IndexError, KeyError)):
            read_ubj(whole[:size])


@pytest.mark.parametrize(
    "document",
    [
        b"[#" + long(2**62) + b"Z" * 50,
        b"[$Z#" + long(2**62) + b"Z" * 50,
        b"[$l#" + long(2**62) + bytes(50),
        b"[#"
        + long(2)
        + tree([1])
        + b"{"
        + typed("left_children", "l", [])[:-8]
        + (2**62).to_bytes(8, "big"),
        b"[#" + long(2) + tree([1]) + b"{" + tree([2])[1:-40],
        b"{" + long(2**62) + b"name",
        b"S" + long(10) + b"short",
        b"[" * 100_000,
        b"{" + key("a") + b"{" + key("a") + b"?",
        b"]",
        b"",
    ],
)
def test_a_malformed_document_is_an_error_and_soon(document):
    with pytest.raises((ValueError, IndexError, KeyError)):
        read_ubj(document)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_were_changed_give_a_document_or_an_error_and_never_anything_else(kind):
    whole = bytes(fit(kind).save_raw("ubj"))
    generator = np.random.default_rng(5)

    for _ in range(1_000):
        changed = bytearray(whole)
        for place in generator.integers(len(whole), size=3):
            changed[place] = generator.integers(256)
        with suppress(ValueError, IndexError, KeyError):
            read_ubj(bytes(changed))
