"""A slice of the proof that every accepted table equals the csv module's reading, cell by cell."""

from __future__ import annotations

from tests.proof.table_readings import prove


def test_random_tables_are_read_as_the_csv_module_reads_them_or_refused_by_a_known_problem():
    found = prove(200, seed_number=1)

    assert found.violations == ()
    assert found.n_accepted > 40
    assert len(found.refusals) > 5
