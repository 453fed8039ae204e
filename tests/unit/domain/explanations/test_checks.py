"""The last guard: what is not whole, finite and additive does not leave; wrong structures are dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.explanations import attribute_rows
from whybox.domain.explanations.attributions import ERROR_DIGITS, round_errors
from whybox.domain.explanations.checks import adds_up, check_attributions, structure_holds
from whybox.domain.explanations.estimates import Estimate
from whybox.domain.explanations.model_views import view_model
from whybox.errors import ComputationError, ExplanationCheckError

from .tree_models import fit_case


@pytest.fixture
def sound():
    """Attributions that pass."""
    model, rows, background = fit_case("forest", 2)
    found = attribute_rows(model, rows, background=background)
    check_attributions(found, n_rows=5, n_players=6)
    return found


def broken(array, value):
    """Return a copy with one entry changed."""
    changed = array.copy()
    changed.flat[3] = value
    return changed


@pytest.mark.parametrize("field", ["values", "std_error", "predictions"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_not_delivered(sound, field, bad):
    with pytest.raises(ExplanationCheckError, match=f"{field} finite"):
        check_attributions(
            replace(sound, **{field: broken(getattr(sound, field), bad)}), n_rows=5, n_players=6
        )


@pytest.mark.parametrize("field", ["values", "std_error", "predictions"])
def test_a_missing_row_is_not_delivered(sound, field):
    with pytest.raises(ExplanationCheckError, match=f"{field} shape"):
        check_attributions(replace(sound, **{field: getattr(sound, field)[:-1]}), n_rows=5, n_players=6)


def test_values_that_do_not_add_up_are_not_delivered(sound):
    with pytest.raises(ExplanationCheckError, match="additivity") as caught:
        check_attributions(replace(sound, additivity_residual=1e-6), n_rows=5, n_players=6)

    assert isinstance(caught.value, ComputationError)
    assert caught.value.code == "explanation-check-failed"
    assert caught.value.found == 1e-6


def test_what_adds_up_is_measured_by_the_numbers_in_sight_and_not_by_one(sound):
    small = {name: 1e-15 * getattr(sound, name) for name in ("values", "base_values", "predictions")}

    with pytest.raises(ExplanationCheckError, match="additivity"):
        check_attributions(replace(sound, **small, additivity_residual=1e-17), n_rows=5, n_players=6)


def test_large_attributions_of_a_small_answer_may_round_as_large_numbers_do():
    estimate = Estimate(
        values=np.array([[[1e15], [1.0 - 1e15]]]),
        std_error=np.zeros((1, 2, 1)),
        base_values=np.array([0.0]),
        predictions=np.array([[1.0625]]),
        algorithm="by hand",
    )

    assert adds_up(estimate, np.array([[1.0]]))
    assert not adds_up(replace(estimate, predictions=np.array([[1e10]])), None)
    assert not adds_up(estimate, np.array([[1e12]]))
    assert not adds_up(replace(estimate, base_values=np.array([np.nan])), None)


@pytest.mark.parametrize("name", ["forest", "xgboost", "lightgbm", "histogram boosting"])
def test_a_structure_that_answers_otherwise_than_its_model_is_noticed(name):
    model, _, background = fit_case(name, 2)
    view = view_model(model)
    trees = replace(view.trees, values=view.trees.values * 1.01)

    wrong = replace(view, predict=trees.predict)
    assert structure_holds(view, background)
    assert not structure_holds(wrong, background)
    assert structure_holds(view, background, view.answer(background))
    assert not structure_holds(wrong, background, view.answer(background))


def test_answers_that_are_known_are_not_asked_for_again():
    model, _, background = fit_case("forest", 2)

    def refuse(rows):
        raise AssertionError(f"asked for {len(rows)} rows")

    view = view_model(model)
    assert structure_holds(replace(view, answer=refuse), background, view.answer(background))


@given(st.lists(st.floats(0.0, 1e290), min_size=1, max_size=9))
def test_errors_are_rounded_to_a_few_digits(errors):
    exact = np.array(errors)

    rounded = round_errors(exact)

    np.testing.assert_allclose(rounded, exact, rtol=0.5001 * 10.0 ** (1 - ERROR_DIGITS), atol=0.0)
    for error in rounded[(exact > 1e-18) & (exact < 1e18)].tolist():
        assert error == float(f"{error:.{ERROR_DIGITS - 1}e}")
