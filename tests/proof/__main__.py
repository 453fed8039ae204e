"""``python -m tests.proof [names] [--quick]``: try the claims in full, and write the page of what was found.

claims by name ─▶ findings ─▶ terminal, and docs/reference/proof.md when all of them ran in full
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.machine import describe_machine
from tests.benchmarks.sections import render_table
from tests.proof.claims import PROOFS
from tests.proof.proofs import Finding, Proof

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "proof.md"
INTRODUCTION = """\
`make prove` tries each claim below in full; `make check` runs a slice of each, from one seed. The cases are
drawn from fixed seeds, so another run on the same versions draws the same ones. `make mutants` takes the
guards behind these claims away, one at a time, and shows the test that notices."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A proof that ran, and how long it took."""

    name: str
    proof: Proof
    finding: Finding
    seconds: float

    def row(self) -> tuple[str, ...]:
        """Return the verdict in one line."""
        met = "yes" if self.finding.is_met else "**no**"
        found = self.finding
        return self.name, self.proof.bar, f"{found.n_cases:,}", found.found, met, f"{self.seconds:,.0f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proofs that were named, all without a name; 1 where a bar is missed."""
    options = _parse(arguments)
    tried = []
    for name in options.names or PROOFS:
        print(f"\n## {name}\n\n{PROOFS[name].claim}", flush=True)
        start = time.perf_counter()
        finding = PROOFS[name].run(options.quick)
        tried.append(Tried(name, PROOFS[name], finding, time.perf_counter() - start))
        verdict = "met" if finding.is_met else "MISSED"
        print(
            f"{finding.n_cases:,} cases: {finding.found}: {verdict} ({tried[-1].seconds:.0f} s)", flush=True
        )
        if not finding.is_met:
            print(finding.details)
    print(f"\n{render_verdicts(tried)}")
    if not (options.names or options.quick):
        PAGE.write_text(render_page(tried), encoding="utf-8")
        print(f"written: {PAGE}")
    return 0 if all(one.finding.is_met for one in tried) else 1


def render_verdicts(tried: Sequence[Tried]) -> str:
    """Return one line per proof."""
    return render_table(("proof", "bar", "cases", "found", "met", "seconds"), [one.row() for one in tried])


def render_page(tried: Sequence[Tried]) -> str:
    """Return the page: the verdicts, then each claim with its details."""
    sections = [
        "\n\n".join(filter(None, (f"### {one.name}", one.proof.claim, one.finding.details))) for one in tried
    ]
    parts = ["# Proof", INTRODUCTION, f"Machine: {describe_machine()}", render_verdicts(tried), "## Claims"]
    return "\n\n".join([*parts, *sections]) + "\n"


def _parse(arguments: Sequence[str] | None, known: Mapping[str, Proof] = PROOFS) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description="Try the claims in full.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all without a name: " + ", ".join(known))
    parser.add_argument("--quick", action="store_true", help="few cases each: checks the proofs themselves")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no such proof: {', '.join(unknown)}; there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
