"""The mutants stay true: each still finds the one place it takes a guard from, and the tests that hold it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutants import PACKAGE, ROOT, Mutant, StaleMutantError


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_takes_away_stands_in_its_file_once(mutant):
    source = (ROOT / PACKAGE / mutant.path).read_text(encoding="utf-8")

    assert source.count(mutant.old) == 1
    ast.parse(source.replace(mutant.old, mutant.new))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_hold_a_guard_exist(mutant):
    assert mutant.killers
    for killer in mutant.killers:
        file, _, name = killer.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert not name or f"def {name.partition('[')[0]}(" in source


def test_no_two_mutants_share_a_name():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("text", ["", "guard guard"])
def test_a_stale_mutant_fails_loudly_and_edits_nothing(tmp_path: Path, text):
    file = tmp_path / PACKAGE / "room.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    mutant = Mutant("m", "a guard", "room.py", "guard", "nothing", ("tests/x.py",))

    with pytest.raises(StaleMutantError):
        mutant.apply(tmp_path)

    assert file.read_text() == text


def test_a_mutant_edits_the_copy_and_puts_it_back(tmp_path: Path):
    file = tmp_path / PACKAGE / "room.py"
    file.parent.mkdir(parents=True)
    file.write_text("a guard")
    mutant = Mutant("m", "a guard", "room.py", "guard", "nothing", ("tests/x.py",))

    before = mutant.apply(tmp_path)
    assert file.read_text() == "a nothing"
    mutant.restore(tmp_path, before)

    assert file.read_text() == "a guard"
