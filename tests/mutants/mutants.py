"""Mutants: one small edit each that takes a guard away, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = Path("layers/core/python/whybox")


class StaleMutantError(Exception):
    """The text a mutant replaces does not stand in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard taken away: ``old`` stands exactly once in ``path`` (below the package), ``new`` instead of it.

    ``killers`` are tests, by file or by node id, at least one of which must fail.
    """

    name: str
    change: str
    path: str
    old: str
    new: str
    killers: tuple[str, ...]

    def apply(self, root: Path) -> str:
        """Edit the file below a copy of the project; returns its text before. Raises StaleMutantError."""
        file = root / PACKAGE / self.path
        before = file.read_text(encoding="utf-8")
        if (count := before.count(self.old)) != 1:
            raise StaleMutantError(f"{self.name}: its old text stands {count} times in {self.path}")
        file.write_text(before.replace(self.old, self.new), encoding="utf-8")
        return before

    def restore(self, root: Path, before: str) -> None:
        """Put the file back as it was."""
        (root / PACKAGE / self.path).write_text(before, encoding="utf-8")
