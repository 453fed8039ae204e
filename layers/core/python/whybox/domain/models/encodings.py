"""From user columns to numbers an estimator takes: one-hot or ordinal words, and missing values.

column of            becomes                                            a missing value becomes
numbers              itself                                             NaN, or the training median
words, at most 20    one 0/1 column per word of the training rows       all zeros, or the commonest
words, more than 20  its rank by frequency there, 0 = the commonest     NaN, or the commonest

The first reading of a missing value is for estimators that take NaN, the second for all others. A word that
no training row has is all zeros, or the rank after the last: none of the known words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.notices import Notice
from whybox.errors import ColumnCountError

ONE_HOT_LIMIT = 20  # more words than this widen every matrix and the trees' choice more than order costs them

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WordColumn:
    """How one column of words is encoded: ``codes`` are the word codes known from the training rows.

    One-hot: ascending, one encoded column each. Ordinal: commonest first, one encoded column with the rank.
    """

    source: int
    first: int
    codes: Int64s
    is_one_hot: bool

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.codes) if self.is_one_hot else 1

    def encode(self, column: Float64s, out: Float64s) -> None:
        """Write the encoded columns of word codes (n,) into ``out`` (n, width)."""
        if self.is_one_hot:
            np.equal(column[:, None], self.codes, out=out, casting="unsafe")
            return
        by_code = np.argsort(self.codes)
        at = np.searchsorted(self.codes[by_code], column)
        nearest = by_code[np.minimum(at, len(by_code) - 1)]
        out[:, 0] = np.where(self.codes[nearest] == column, nearest, len(self.codes))
        out[np.isnan(column), 0] = np.nan


@dataclass(frozen=True, slots=True, eq=False)
class ColumnEncoder:
    """Fitted on the training rows; the same user columns always give the same encoded columns.

    Attributes
    ----------
    n_features : int
        p, the number of user columns.
    players : int64 (q,)
        User column of each encoded column, ascending; the columns of one one-hot share a player.
    numeric : int64
        User columns that are passed through; ``words`` are the others.
    fill : float64 (p,) or None
        What a missing value is replaced by before encoding; None when the estimator takes NaN.
    """

    n_features: int
    players: Int64s
    numeric: Int64s
    words: tuple[WordColumn, ...]
    fill: Float64s | None

    @property
    def is_identity(self) -> bool:
        """Whether all columns are numeric: ``transform`` returns its argument if nothing needs filling."""
        return not self.words

    def transform(self, X: Float64s) -> Float64s:
        """Return the encoded columns (n, q) of user columns X (n, p); NaN in X is a missing value.

        X itself, not a copy, when every column is numeric and nothing had to be filled. Raises
        ColumnCountError.
        """
        if X.shape[1] != self.n_features:
            raise ColumnCountError(expected=self.n_features, actual=X.shape[1])
        if self.fill is not None:
            is_missing = np.isnan(X)
            if is_missing.any():
                X = np.where(is_missing, self.fill, X)
        if not self.words:
            return X
        Z = np.empty((len(X), len(self.players)))
        Z[:, np.isin(self.players, self.numeric)] = X[:, self.numeric]
        for word in self.words:
            word.encode(X[:, word.source], Z[:, word.first : word.first + word.width])
        return Z


def fit_encoder(
    X: Float64s, *, rows: Int64s, categories: Mapping[int, tuple[str, ...]], takes_missing: bool
) -> ColumnEncoder:
    """Learn words, ranks and fill values from ``rows`` of user columns X (n, p).

    ``categories`` names the columns of word codes. Every column must have a value in ``rows`` unless
    ``takes_missing``; a column that has none is filled with 0.
    """
    words: list[WordColumn] = []
    players: list[int] = []
    for source in range(X.shape[1]):
        width = 1
        if source in categories:
            word = _fit_words(X[rows, source], source=source, first=len(players))
            words.append(word)
            width = word.width
        players += [source] * width
    return ColumnEncoder(
        n_features=X.shape[1],
        players=np.array(players, dtype=np.int64),
        numeric=np.array(
            [source for source in range(X.shape[1]) if source not in categories], dtype=np.int64
        ),
        words=tuple(words),
        fill=None if takes_missing else _fill_values(X[rows], categories),
    )


def _fit_words(column: Float64s, *, source: int, first: int) -> WordColumn:
    codes, n_rows = np.unique(column[~np.isnan(column)].astype(np.int64), return_counts=True)
    is_one_hot = len(codes) <= ONE_HOT_LIMIT
    if not is_one_hot:
        codes = codes[np.argsort(-n_rows, kind="stable")]
    return WordColumn(source=source, first=first, codes=codes, is_one_hot=is_one_hot)


def _fill_values(X: Float64s, categories: Mapping[int, tuple[str, ...]]) -> Float64s:
    """Return the median of each column of numbers and the commonest code of each column of words, (p,)."""
    is_missing = np.isnan(X)
    has_words = np.zeros(X.shape[1], dtype=np.bool_)
    has_words[list(categories)] = True
    fill = np.zeros(X.shape[1])
    complete = ~is_missing.any(axis=0) & ~has_words
    fill[complete] = np.median(X[:, complete], axis=0)
    for column in np.flatnonzero(~complete):
        present = X[~is_missing[:, column], column]
        if len(present):
            fill[column] = _commonest(present) if has_words[column] else np.median(present)
    return fill


def _commonest(codes: Float64s) -> float:
    values, n_rows = np.unique(codes, return_counts=True)
    return float(values[np.argmax(n_rows)])


def notice_encoding(encoder: ColumnEncoder, X: Float64s, feature_names: tuple[str, ...]) -> list[Notice]:
    """Say what the encoder does to the rows of X: missing values filled, words it has never seen."""
    notices = []
    n_missing = np.isnan(X).sum(axis=0)
    sources = {word.source for word in encoder.words}
    for column in np.flatnonzero(n_missing) if encoder.fill is not None else ():
        value = "commonest word" if column in sources else "median"
        detail = f"{n_missing[column]} missing values take the {value} of the training rows"
        notices.append(Notice("missing-values-imputed", detail, column=feature_names[column]))
    for word in encoder.words:
        codes = X[:, word.source]
        n_unseen = int(np.count_nonzero(~np.isin(codes, word.codes) & ~np.isnan(codes)))
        if n_unseen:
            detail = f"{n_unseen} rows hold a word that no training row has: none of the known words"
            notices.append(Notice("unseen-category", detail, column=feature_names[word.source]))
    return notices
