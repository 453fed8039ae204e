"""Which user column an encoded column belongs to, found out by changing one user column at a time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from whybox.domain.explanations.pipeline_columns import encoder_of, find_players, split_pipeline

KEEP_ALL = OneHotEncoder(sparse_output=False)
KNOWN = {
    "scaling": [StandardScaler(), MinMaxScaler()],
    "shapes": [PowerTransformer(), QuantileTransformer(n_quantiles=20)],
    "ordinal codes": [OrdinalEncoder()],
    "one-hot": [KEEP_ALL],
    "one-hot, sparse": [OneHotEncoder()],
    "one-hot, first dropped": [OneHotEncoder(drop="first", sparse_output=False)],
    "one-hot, one of two dropped": [OneHotEncoder(drop="if_binary", sparse_output=False)],
    "one-hot, rare ones together": [OneHotEncoder(min_frequency=25, sparse_output=False)],
    "one-hot, at most three": [OneHotEncoder(max_categories=3, sparse_output=False)],
    "chosen columns": [SelectKBest(f_regression, k=2), StandardScaler()],
    "columns that vary": [VarianceThreshold(1.0)],
    "columns in parts": [
        ColumnTransformer(
            [
                ("labels", KEEP_ALL, [3, 1]),
                ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), slice(0, 1)),
                ("masked", OrdinalEncoder(), [False, False, True, False, False]),
            ],
            remainder="passthrough",
        )
    ],
    "columns dropped": [ColumnTransformer([("labels", KEEP_ALL, [4])], remainder="drop")],
}
MIXED = {
    "rotation": [PCA(2)],
    "products": [PolynomialFeatures(2)],
    "neighbours": [KNNImputer()],
    "any function": [FunctionTransformer(lambda rows: rows[:, ::-1])],
    "bins": [KBinsDiscretizer(2, strategy="uniform")],
    "indicators": [SimpleImputer(add_indicator=True)],
    "a part that mixes": [ColumnTransformer([("rotation", PCA(1), [0, 1])], remainder="passthrough")],
}


def category_table():
    """Return 200 rows of five columns with 2 to 6 different whole numbers."""
    generator = np.random.default_rng(0)
    return np.column_stack([generator.integers(0, size, 200) for size in (6, 4, 2, 5, 3)]).astype(float)


def fitted(steps, X):
    """Return a pipeline's transformers, fitted."""
    model = make_pipeline(*steps, LinearRegression()).fit(X, X @ [1.0, -2.0, 3.0, 0.5, 4.0])
    return split_pipeline(model)[0]


@pytest.mark.parametrize("name", KNOWN)
def test_an_encoded_column_changes_with_its_own_user_column_only(name):
    X = category_table()
    steps = fitted(KNOWN[name], X)
    encode = encoder_of(steps, lambda rows: rows)

    players = find_players(steps, 5)

    assert len(players) == encode(X).shape[1]
    for column in range(5):
        changed = X.copy()
        changed[:, column] = np.random.default_rng(1).permutation(changed[:, column])
        moved = np.any(encode(changed) != encode(X), axis=0)
        np.testing.assert_array_equal(moved, players == column)


@pytest.mark.parametrize("name", MIXED)
def test_transformers_that_mix_columns_or_are_not_known_have_no_players(name):
    X = category_table()
    if name == "indicators":
        X[::7, 0] = np.nan
        steps = [MIXED[name][0].fit(X)]
    else:
        steps = fitted(MIXED[name], X)

    assert find_players(steps, 5) is None


def test_a_column_without_any_value_leaves_the_imputer():
    X = category_table()
    X[:, 2] = np.nan
    step = SimpleImputer().fit(X)

    with pytest.warns(UserWarning, match="observed values"):
        width = step.transform(X).shape[1]

    assert find_players([step], 5).tolist() == [0, 1, 3, 4]
    assert width == 4


def test_pipelines_inside_pipelines_are_one_list_of_steps():
    X = category_table()
    inner = make_pipeline(StandardScaler(), LinearRegression())
    model = make_pipeline(SimpleImputer(), "passthrough", inner).fit(X, X[:, 0])

    steps, final = split_pipeline(model)

    assert [type(step).__name__ for step in steps] == ["SimpleImputer", "StandardScaler"]
    assert isinstance(final, LinearRegression)
