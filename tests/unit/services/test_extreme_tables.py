"""A slice of the proof that an extreme table is explained or refused, and never fails."""

from __future__ import annotations

from tests.proof.extreme_tables import prove


def test_extreme_tables_are_explained_with_sums_that_hold_or_refused():
    found = prove(60, seed_number=1)

    assert found.violations == ()
    assert found.n_explained > 40
    assert len(found.refusals) > 1
