"""``python -m tests.benchmarks [names] [--quick]``: run the benchmarks and write the page of figures.

jobs by name ─▶ sections with verdicts ─▶ terminal, and docs/reference/benchmarks.md when all of them ran
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

# One thread per library for everybody: ratios then do not depend on who shares the machine, and a forked copy
# of this process (the memory measurement) cannot wait for threads it does not have. Before numpy is loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from tests.benchmarks import (  # noqa: E402 - the threads come first
    any_models,
    compatible_requests,
    hidden_models,
    kernel_jobs,
    kernel_tables,
    large_tables,
    permutation_jobs,
    tree_models,
)
from tests.benchmarks.machine import describe_machine  # noqa: E402
from tests.benchmarks.measure import Effort, Job  # noqa: E402
from tests.benchmarks.sections import Section, render_table, run_job  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md"

JOBS: dict[str, Callable[[Effort], Job]] = {
    "hidden-forest": hidden_models.hidden_forest,
    "hidden-forest-3": hidden_models.hidden_forest_three_layers,
    "hidden-ridge": hidden_models.hidden_ridge,
    "interventional-forest": tree_models.interventional_forest,
    "interventional-xgboost": tree_models.interventional_xgboost,
    "interventional-1000": tree_models.interventional_large_background,
    "paths-forest": tree_models.paths_forest,
    "paths-xgboost": tree_models.paths_xgboost,
    "paths-forest-deep": tree_models.paths_deep_forest,
    "paths-xgboost-deep": tree_models.paths_deep_xgboost,
    "kernel-forest": kernel_jobs.kernel_forest,
    "kernel-xgboost": kernel_jobs.kernel_xgboost,
    "kernel-paths-forest": kernel_jobs.kernel_paths_forest,
    "kernel-paths-forest-deep": kernel_jobs.kernel_paths_deep_forest,
    "kernel-paths-xgboost": kernel_jobs.kernel_paths_xgboost,
    "xgboost-probability": any_models.boosted_probabilities,
    "xgboost-rescaled": any_models.boosted_probabilities_rescaled,
    "linear": any_models.linear,
    "svm": any_models.support_vectors,
    "mlp": any_models.neural_network,
    "knn": any_models.neighbours,
    "permutation-forest": permutation_jobs.permuted_forest,
    "permutation-xgboost": permutation_jobs.permuted_xgboost,
    "permutation-ridge": permutation_jobs.permuted_ridge,
    "permutation-large": permutation_jobs.permuted_large,
}
SECTIONS: dict[str, Callable[[Effort], Section]] = {
    "kernel-tables": kernel_tables.measure_kernel_tables,
    "large-tables": large_tables.measure_large_tables,
    "requests": compatible_requests.measure_requests,
}

HOW_TO_READ = """\
`make bench` measures everything below in one run on one machine; read the ratios, the seconds are this
machine's. In each job all contestants have the same model, rows and background. Each runs once to warm
up, then they take turns, and the median of {n_runs} runs counts. *time ratio* is a contestant's time
over that of the first line. *peak MB* is by how much one run lifts the memory of the process. *mean
error* is mean |value - reference| / mean |reference|, *largest error* is in the values' unit,
*additivity residual* is the largest |base + sum of values - prediction|. A contestant that ran on some
of the rows only has its time scaled and says so. All libraries run on one thread."""

CPU_NOTE = "This run counted CPU seconds instead of wall seconds (large tables and requests excepted)."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the jobs that were named, all without a name; a missed promise is shown, it is no failure."""
    options = _parse(arguments)
    clock = time.process_time if options.cpu else time.perf_counter
    effort = Effort(n_runs=1 if options.quick else 5, is_quick=options.quick, clock=clock)
    # The peers warn about their own future; nothing of ours is silenced by this in the tests.
    warnings.simplefilter("ignore")
    sections = []
    for name in options.names or [*JOBS, *SECTIONS]:
        print(f"\n## {name}", flush=True)
        start = time.perf_counter()
        section = run_job(JOBS[name](effort), effort) if name in JOBS else SECTIONS[name](effort)
        print(f"\n{section.render()}\n({time.perf_counter() - start:.0f} s)", flush=True)
        sections.append(section)
    promises = render_promises(sections)
    print(promises)
    if options.output or not (options.names or options.quick):
        write_page(options.output or PAGE, sections, effort)
    return 0


def render_promises(sections: Sequence[Section]) -> str:
    """Return every promise with what was reached."""
    rows = [
        (verdict.promise, verdict.reached, "yes" if verdict.is_met else "**no**")
        for section in sections
        for verdict in section.verdicts
    ]
    return render_table(("promise", "reached", "met"), rows) if rows else ""


def write_page(page: Path, sections: Sequence[Section], effort: Effort) -> None:
    """Write the page of figures."""
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        "# Benchmarks",
        HOW_TO_READ.format(n_runs=effort.n_runs),
        *([CPU_NOTE] if effort.clock is time.process_time else []),
        f"Machine: {describe_machine()}",
        "## Promises",
        render_promises(sections),
        "## Figures",
        *(section.render().rstrip() for section in sections),
    ]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"written: {page}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Run the benchmarks.")
    known = [*JOBS, *SECTIONS]
    parser.add_argument("names", nargs="*", metavar="NAME", help="all without a name: " + ", ".join(known))
    parser.add_argument("--quick", action="store_true", help="one run on few rows: checks the harness")
    parser.add_argument("--cpu", action="store_true", help="count CPU seconds: for a machine that is busy")
    parser.add_argument("--output", type=Path, help="the page (default: only a full run writes it)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no such job: {', '.join(unknown)}; there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
