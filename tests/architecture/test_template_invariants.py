"""The template keeps every invariant, and the known-bad one breaks every single one of them."""

from __future__ import annotations

import pytest
from tests.architecture.template_invariants import INVARIANTS

NAMES = [invariant.__name__ for invariant in INVARIANTS]


@pytest.mark.parametrize("invariant", INVARIANTS, ids=NAMES)
def test_the_template_keeps_the_invariant(translated, invariant):
    assert invariant(translated) == []


@pytest.mark.parametrize("invariant", INVARIANTS, ids=NAMES)
def test_the_known_bad_template_breaks_the_invariant(known_bad, invariant):
    assert invariant(known_bad)


def test_there_are_twenty_invariants_and_no_two_are_one():
    assert len(set(INVARIANTS)) == 20
