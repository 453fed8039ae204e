"""Encoded columns mean what the encoder's table says, for known words, new words and missing values."""

from __future__ import annotations

import numpy as np
import pytest

from whybox.domain.models.encodings import ONE_HOT_LIMIT, fit_encoder, notice_encoding
from whybox.errors import ColumnCountError

NAN = np.nan
WORDS = ("blue", "green", "red", "white")


def fit(X, *, rows=None, categories=None, takes_missing=True):
    rows = np.arange(len(X)) if rows is None else np.array(rows)
    return fit_encoder(X, rows=rows, categories=categories or {}, takes_missing=takes_missing)


def test_numbers_pass_through_without_a_copy():
    X = np.array([[1.0, NAN], [2.0, 3.0]])

    encoder = fit(X)

    assert encoder.is_identity
    assert encoder.transform(X) is X
    assert encoder.players.tolist() == [0, 1]


def test_few_words_are_one_column_each_and_share_a_player():
    X = np.array([[5.0, 0.0, 7.0], [6.0, 2.0, 8.0], [6.0, 1.0, 8.0]])

    encoder = fit(X, categories={1: WORDS})

    assert encoder.players.tolist() == [0, 1, 1, 1, 2]
    assert encoder.transform(X).tolist() == [[5, 1, 0, 0, 7], [6, 0, 0, 1, 8], [6, 0, 1, 0, 8]]


def test_a_word_that_no_training_row_has_and_a_missing_one_are_all_zeros():
    X = np.array([[0.0], [2.0], [1.0], [NAN]])

    encoder = fit(X, rows=[0, 1], categories={0: WORDS})

    assert encoder.transform(X).tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]


def test_many_words_are_ranked_by_frequency():
    n_words = ONE_HOT_LIMIT + 1
    codes = np.repeat(np.arange(n_words), np.arange(1, n_words + 1)).astype(float)
    X = np.concatenate([codes, [n_words, NAN]])[:, None]

    encoder = fit(X, rows=range(len(codes)), categories={0: tuple(map(str, range(n_words + 1)))})
    Z = encoder.transform(X)

    np.testing.assert_array_equal(Z[:-2, 0], n_words - 1 - codes)
    assert Z[-2, 0] == n_words
    assert np.isnan(Z[-1, 0])


def test_equally_frequent_words_keep_the_order_of_their_codes():
    X = np.arange(ONE_HOT_LIMIT + 5, dtype=float)[:, None]

    Z = fit(X, categories={0: tuple(map(str, range(len(X))))}).transform(X)

    np.testing.assert_array_equal(Z, X)


def test_missing_values_take_the_training_median_or_the_commonest_word():
    X = np.array([[1.0, 0.0], [2.0, 1.0], [9.0, 1.0], [NAN, NAN], [100.0, 0.0]])

    encoder = fit(X, rows=[0, 1, 2, 3], categories={1: WORDS}, takes_missing=False)

    assert encoder.transform(X)[3].tolist() == [2, 0, 1]


def test_a_value_missing_only_after_the_fit_is_filled_too():
    X = np.array([[1.0, 5.0], [3.0, 6.0]])

    encoder = fit(X, takes_missing=False)

    assert encoder.transform(X) is X
    assert encoder.transform(np.array([[NAN, NAN]])).tolist() == [[2, 5.5]]


def test_rows_of_another_width_are_refused():
    encoder = fit(np.zeros((3, 2)))

    with pytest.raises(ColumnCountError):
        encoder.transform(np.zeros((3, 3)))


def test_what_is_filled_and_what_is_new_is_told():
    X = np.array([[1.0, 0.0, 1.0], [2.0, 1.0, 2.0], [NAN, NAN, 3.0], [4.0, 3.0, 4.0]])
    names = ("size", "colour", "other")

    filling = fit(X, rows=[0, 1], categories={1: WORDS}, takes_missing=False)
    passing = fit(X, rows=[0, 1], categories={1: WORDS})

    told = {(notice.code, notice.column) for notice in notice_encoding(filling, X, names)}
    assert told == {
        ("missing-values-imputed", "size"),
        ("missing-values-imputed", "colour"),
        ("unseen-category", "colour"),
    }
    assert [notice.code for notice in notice_encoding(passing, X, names)] == ["unseen-category"]
