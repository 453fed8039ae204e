"""Trees behind a link: probabilities by the definition where exact, within their error where sampled."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier

from whybox.domain.explanations.estimates import SamplingPlan
from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.leaf_paths import trace_leaves
from whybox.domain.explanations.linked_games import LinkedGame
from whybox.domain.explanations.linked_samplers import ALGORITHM, LONE_PAIR, USUAL_ROUNDS
from whybox.domain.explanations.linked_trees import ALGORITHM_EXACT, attribute_linked_trees
from whybox.domain.explanations.quantiles import student_quantile
from whybox.domain.explanations.tree_readers import read_trees

from .definition import shapley_by_definition
from .tree_models import CASES, UNUSED, fit_case, make_table

EXACT = 1e-9
LINKED = [
    (name, n_classes)
    for name, n_classes in CASES
    if "boost" in name or name.startswith("lightgbm")
    if n_classes or "poisson" in name
]
# Too little work for all coalitions; the second goes on for as many rounds as a plan allows.
ALWAYS_SAMPLED = SamplingPlan(n_evaluations=0)
LONG_SAMPLED = SamplingPlan(n_evaluations=0, target_error=1e-9)


def attribute(model, rows, background, *, plan=None, seed=0, weights=None, groups=None):
    """Return our estimate."""
    trees = read_trees(model)
    players = np.arange(trees.n_columns) if groups is None else np.asarray(groups)
    paths = trace_leaves(trees, players, n_players=players.max() + 1)
    shares = np.ones(len(background)) if weights is None else weights
    return attribute_linked_trees(
        paths, rows, background, shares / shares.sum(), plan=plan or SamplingPlan(), seed=seed
    )


@pytest.mark.parametrize(("name", "n_classes"), LINKED)
def test_probabilities_of_few_columns_equal_the_definition(name, n_classes):
    model, rows, background = fit_case(name, n_classes)

    found = attribute(model, rows, background)

    expected = shapley_by_definition(read_trees(model).predict, rows, background)
    assert found.is_exact
    assert found.algorithm == ALGORITHM_EXACT
    np.testing.assert_allclose(found.values, expected, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), found.predictions, rtol=1e-12)


@pytest.mark.parametrize(("name", "n_classes"), LINKED)
def test_sampled_values_are_within_four_standard_errors_of_the_definition(name, n_classes):
    model, rows, background = fit_case(name, n_classes)

    found = attribute(model, rows, background, plan=LONG_SAMPLED, seed=3)

    expected = shapley_by_definition(read_trees(model).predict, rows, background)
    assert not found.is_exact
    assert found.algorithm == ALGORITHM
    # A value that varies as little as rounding has no error to speak of.
    assert np.all(np.abs(found.values - expected) <= 4 * found.std_error + EXACT * np.abs(expected).max())


@pytest.mark.parametrize(("name", "n_classes"), LINKED)
def test_values_against_a_sample_of_a_large_background_add_up_and_are_within_their_error(name, n_classes):
    model, rows, _ = fit_case(name, n_classes)
    background = make_table(n_rows=150)[0]

    found = attribute(model, rows, background, plan=ALWAYS_SAMPLED)

    assert 0 < found.n_evaluations < 2 * (found.values.shape[1] - 1) * len(rows) * len(background)
    sums = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(sums, found.predictions, rtol=1e-12, atol=1e-12)
    exact = attribute(model, rows, background)
    assert exact.is_exact
    off = np.abs(found.values - exact.values)
    # One error in a million lies beyond this many standard errors.
    many = student_quantile(1 - 1e-6, degrees_of_freedom=found.degrees_of_freedom)
    assert np.all(off <= many * found.std_error + EXACT * np.abs(exact.values).max())


@pytest.mark.parametrize("name", ["xgboost", "xgboost forest", "histogram boosting"])
def test_small_samples_of_many_groups_know_their_errors(name):
    model, _, _ = fit_case(name, 2)
    table = make_table(n_rows=400)[0]
    rows, background = table[:320], table[320:]

    exact = attribute(model, rows, background)
    found = [attribute(model, rows, background, plan=ALWAYS_SAMPLED, seed=seed) for seed in range(40)]

    n_walked = 2 * (exact.values.shape[1] - 1) * len(rows)
    assert all(one.n_evaluations == 6 * n_walked for one in found)
    off = np.array([one.values - exact.values for one in found])
    said = np.array([one.std_error for one in found])
    assert 0.8 < np.sqrt(np.mean(off**2) / np.mean(said**2)) < 1.3
    many = student_quantile(0.975, degrees_of_freedom=found[0].degrees_of_freedom)
    assert np.mean(np.abs(off) <= many * said + EXACT * np.abs(exact.values).max()) > 0.93


@pytest.mark.parametrize(("name", "n_classes"), LINKED)
def test_sampled_values_add_up_to_rounding_and_leave_unused_columns_at_zero(name, n_classes):
    model, rows, background = fit_case(name, n_classes)

    found = attribute(model, rows, background, plan=ALWAYS_SAMPLED)

    sums = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(sums, found.predictions, rtol=1e-12, atol=1e-12)
    assert np.all(found.values[:, UNUSED] == 0.0)
    assert np.all(found.std_error[:, UNUSED] == 0.0)


@pytest.mark.parametrize("plan", [SamplingPlan(), LONG_SAMPLED])
def test_weights_and_groups_count(plan):
    model, rows, background = fit_case("xgboost", 3)
    weights, groups = np.array([5.0, 1.0, 1.0, 2.0, 2.0, 0.5, 3.0]), [0, 1, 0, 2, 3, 0]

    found = attribute(model, rows, background, plan=plan, weights=weights, groups=groups)

    predict = read_trees(model).predict
    expected = shapley_by_definition(predict, rows, background, weights=weights, groups=groups)
    assert np.all(np.abs(found.values - expected) <= 4 * found.std_error + EXACT)


def test_the_mean_of_many_samples_is_the_value_itself():
    """Unbiased: 60 independent estimates average to the definition, with the error they say they have."""
    model, rows, background = fit_case("gradient boosting", 2)
    found = [attribute(model, rows[:2], background, plan=ALWAYS_SAMPLED, seed=seed) for seed in range(60)]

    values = np.stack([estimate.values[:, :, 1] for estimate in found])
    expected = shapley_by_definition(read_trees(model).predict, rows[:2], background)[:, :, 1]

    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - expected) <= 4 * error + EXACT)
    spread = values.std(axis=0, ddof=1)
    claimed = np.sqrt(np.mean([estimate.std_error[:, :, 1] ** 2 for estimate in found], axis=0))
    # Errors borrow from other rows: a small one may be overstated, none is understated, the sum is right.
    assert np.all(spread <= 1.5 * claimed)
    np.testing.assert_allclose(np.sqrt(np.mean(spread**2)), np.sqrt(np.mean(claimed**2)), rtol=0.2)


def test_the_two_classes_mirror_each_other():
    model, rows, background = fit_case("lightgbm", 2)

    for plan in (SamplingPlan(), ALWAYS_SAMPLED):
        found = attribute(model, rows, background, plan=plan)
        np.testing.assert_array_equal(found.values[:, :, 0], -found.values[:, :, 1])


def test_the_same_seed_gives_the_same_bytes():
    model, rows, background = fit_case("xgboost", 3)

    first, again, other = (
        attribute(model, rows, background, plan=ALWAYS_SAMPLED, seed=seed).values for seed in (1, 1, 2)
    )

    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.fixture(scope="module")
def wide():
    """A model of 30 columns, and rows: too many players for all coalitions."""
    table = load_breast_cancer()
    model = GradientBoostingClassifier(n_estimators=40, random_state=0).fit(
        table.data[:400], table.target[:400]
    )
    return model, table.data[400:412], table.data[:40]


def test_many_columns_are_sampled_and_more_work_makes_the_error_smaller(wide):
    first = attribute(*wide, plan=SamplingPlan(n_evaluations=20_000))
    second = attribute(*wide, plan=SamplingPlan(n_evaluations=20_000, target_error=0.03))

    def relative(found):
        return found.std_error.mean() / np.abs(found.values).mean()

    assert not first.is_exact
    assert relative(second) <= 0.03 < relative(first)
    assert np.all(np.abs(first.values - second.values) <= 5 * first.std_error + 5 * second.std_error + 1e-4)


@pytest.mark.parametrize(
    ("n_evaluations", "max_rounds"), [(10_000, 1), (10_000, 2), (20_000, 1), (2_000, 99)]
)
def test_samples_cost_what_a_plan_allows(n_evaluations, max_rounds):
    table = load_breast_cancer()
    model = GradientBoostingClassifier(n_estimators=40, max_depth=5, random_state=0)
    model.fit(table.data[:300], table.target[:300])
    rows, background = table.data[300:460], table.data[:120]

    plan = SamplingPlan(n_evaluations=n_evaluations, max_rounds=max_rounds)
    found = attribute(model, rows, background, plan=plan)

    paths = trace_leaves(read_trees(model), np.arange(30), n_players=30)
    game = LinkedGame(paths, rows, background, np.full(len(background), 1 / len(background)), seed=0)
    n_pairs = found.n_evaluations / (2 * 29)
    most = n_evaluations * min(max_rounds, USUAL_ROUNDS)
    assert 0.8 * most < LONE_PAIR * n_pairs * game.microseconds_per_pair <= most


def test_probabilities_are_not_margins_rescaled(wide):
    """Rescaling margin attributions adds up too, and is off by far more than our error."""
    model, rows, background = wide
    found = attribute(*wide, plan=SamplingPlan(n_evaluations=20_000, target_error=0.02))
    trees = read_trees(model)
    margins = explain_interventional(trace_leaves(trees, np.arange(30)), rows, background)[:, :, 0]
    change = found.predictions[:, 1] - found.base_values[1]
    rescaled = margins * (change / margins.sum(axis=1))[:, None]

    distance = np.abs(rescaled - found.values[:, :, 1]).mean()
    assert distance > 5 * found.std_error[:, :, 1].mean()
