"""``python -m tests.mutants [names]``: take each guard away in a copy, and show the test that notices.

copies of the project ─▶ all killers pass unchanged ─▶ per mutant: edit ─▶ its killers ─▶ killed | SURVIVED

The checkout itself is never edited.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.sections import render_table
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutants import PACKAGE, ROOT, Mutant

COPIED = ("docs", "functions", "layers", "requirements", "tests", "pyproject.toml", "template.yaml")
N_AT_ONCE = 2
LIMIT_SECONDS = 300
PASSED, FAILED = 0, 1
KILLER = re.compile(r"^FAILED tests/([^\s\[]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant: the test that failed, or in words why none did."""

    mutant: Mutant
    killer: str | None
    verdict: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants that were named, all without a name; 1 where one survives."""
    chosen = _parse(arguments)
    start = time.perf_counter()
    with TemporaryDirectory() as name:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(N_AT_ONCE):
            copies.put(_copy_project(Path(name, str(number))))
        if not _passes_unchanged(copies, chosen):
            return 1
        with ThreadPoolExecutor(N_AT_ONCE) as pool:
            outcomes = list(pool.map(lambda mutant: _try(mutant, copies), chosen))
    survivors = [outcome for outcome in outcomes if outcome.killer is None]
    rows = [(outcome.mutant.name, outcome.mutant.change, outcome.verdict) for outcome in outcomes]
    print("\n" + render_table(("mutant", "what was taken away", "killed by"), rows).replace("---:", "---"))
    seconds = time.perf_counter() - start
    print(f"\n{len(outcomes) - len(survivors)} of {len(outcomes)} mutants killed in {seconds:.0f} s")
    return 1 if survivors else 0


def _try(mutant: Mutant, copies: queue.SimpleQueue[Path]) -> Outcome:
    """Edit one of the copies, run the killers there, and put it back."""
    copy = copies.get()
    try:
        before = mutant.apply(copy)
        code, output = _run_tests(copy, mutant.killers, stop_at_first=True)
        mutant.restore(copy, before)
    finally:
        copies.put(copy)
    found = KILLER.search(output)
    if code == FAILED and found:
        outcome = Outcome(mutant, found[1], f"`{found[1]}`")
    elif code == PASSED:
        outcome = Outcome(mutant, None, "**SURVIVED**")
    else:
        print(output[-3000:])
        outcome = Outcome(mutant, None, "**no test could run**")
    print(f"  {mutant.name}: {outcome.verdict}", flush=True)
    return outcome


def _passes_unchanged(copies: queue.SimpleQueue[Path], chosen: Sequence[Mutant]) -> bool:
    """Whether the killers pass while nothing is taken away; otherwise their failing shows nothing."""
    copy = copies.get()
    killers = sorted({killer for mutant in chosen for killer in mutant.killers})
    code, output = _run_tests(copy, killers, stop_at_first=False)
    copies.put(copy)
    if code != PASSED:
        print(f"the tests do not pass without any mutant:\n{output[-5000:]}")
    return code == PASSED


def _run_tests(copy: Path, tests: Sequence[str], *, stop_at_first: bool) -> tuple[int, str]:
    options = ["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy / PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",  # a mutant of the same size within the same second would not be seen
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(["-x"] if stop_at_first else []), *tests],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    return done.returncode, done.stdout + done.stderr


def _copy_project(folder: Path) -> Path:
    """Copy what the tests need into a folder, and make sure that Python there imports the copy."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    environment = {**os.environ, "PYTHONPATH": str(folder / PACKAGE.parent)}
    shown = "import whybox; print(whybox.__file__)"
    found = subprocess.check_output([sys.executable, "-c", shown], cwd=folder, env=environment, text=True)
    if not Path(found.strip()).is_relative_to(folder):
        raise RuntimeError("the copy of the package is not the one that is imported")
    return folder


def _parse(arguments: Sequence[str] | None) -> list[Mutant]:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Take the guards away.")
    known = {mutant.name: mutant for mutant in MUTANTS}
    parser.add_argument("names", nargs="*", metavar="NAME", help="all without a name: " + ", ".join(known))
    names = parser.parse_args(arguments).names
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no such mutant: {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] if names else list(MUTANTS)


if __name__ == "__main__":
    sys.exit(main())
