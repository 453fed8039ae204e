"""Binary JSON is read as xgboost's own text of the same model says."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost

from whybox.domain.explanations.ubj_documents import read_ubj

from .tree_models import make_table

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
    elif isinstance(text, list) and not isinstance(binary, np.ndarray):
        assert len(binary) == len(text)
        for one, other in zip(binary, text, strict=True):
            assert_alike(one, other)
    elif isinstance(text, str) or text is None:
        assert binary == text
    else:
        np.testing.assert_array_equal(np.asarray(binary, dtype="f4"), np.asarray(text, dtype="f4"))


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
    np.testing.assert_array_equal(found["e"], [5, 6])


@pytest.mark.parametrize("size", [1, 10, 200, 1500])
def test_a_document_cut_short_is_an_error(size):
    whole = bytes(fit("trees").save_raw("ubj"))

    with pytest.raises((ValueError, IndexError, KeyError)):
        read_ubj(whole[:size])
