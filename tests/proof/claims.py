"""All claims, by name: what is claimed, the bar, and how what a proof found is told."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.interval_coverage import measure_coverage, render_coverage
from tests.benchmarks.sections import render_table
from tests.proof import (
    extreme_tables,
    generated_requests,
    job_kills,
    job_routes,
    json_documents,
    kernel_calls,
    kernel_values,
    quota_faults,
    refusal_costs,
    table_limits,
    table_readings,
    token_attacks,
    walk_values,
)
from tests.proof.proofs import Finding, Proof, list_violations

REFUSAL_COLUMNS = ("one step beyond", "refused as", "after", "memory", "to carry the request", "met")


def _table_readings(is_quick: bool) -> Finding:
    read = table_readings.prove(300 if is_quick else 5_000)
    n_refused = read.n_cases - read.n_accepted
    found = f"{read.n_accepted:,} read alike, {n_refused:,} refused, {len(read.violations)} differences"
    is_met = not read.violations and read.n_accepted > 0 and (is_quick or read.n_cases >= 5_000)
    rows = [(code, str(count)) for code, count in read.refusals.items()]
    details = list_violations(read.violations) or render_table(("refused as", "tables"), rows)
    return Finding(read.n_cases, found, is_met, details)


def _table_limits(_is_quick: bool) -> Finding:
    held = table_limits.prove()
    rows = [
        (
            reading.limit,
            f"{reading.actual:,}",
            f"`{reading.verdict}`",
            f"{reading.seconds:.2f} s",
            f"{reading.growth_bytes / 1e6:.0f} MB",
        )
        for reading in held.readings
    ]
    details = render_table(("limit", "in the file", "verdict", "after", "memory"), rows)
    if held.violations:
        details = list_violations(held.violations) + "\n\n" + details
    found = f"{len(held.violations)} wrong, slow or large"
    return Finding(len(rows), found, not held.violations, details)


def _json_documents(is_quick: bool) -> Finding:
    read = json_documents.prove(5_000 if is_quick else 200_000)
    found = f"{read.n_accepted:,} accepted with the same value, {len(read.violations)} differences"
    is_met = not read.violations and read.n_accepted > 0
    return Finding(read.n_cases, found, is_met, list_violations(read.violations))


def _token_attacks(is_quick: bool) -> Finding:
    tried = token_attacks.prove(5_000 if is_quick else 200_000)
    found = f"{tried.n_refused:,} refused, {tried.n_good_taken:,} good ones taken, "
    found += f"{len(tried.violations)} violations"
    rows = [(name.lstrip("_").replace("_", " "), f"{count:,}") for name, count in tried.n_by_attack.items()]
    details = list_violations(tried.violations) or render_table(("attack", "tokens"), rows)
    return Finding(tried.n_cases, found, not tried.violations and tried.n_good_taken > 0, details)


def _generated_requests(is_quick: bool) -> Finding:
    sent = generated_requests.prove(is_quick)
    statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(sent.statuses.items()))
    found = f"{statuses}; {sent.n_server_errors} server errors, {len(sent.failures)} undocumented answers"
    is_met = not sent.failures and sent.n_server_errors == 0 and sent.statuses[200] > 0
    is_met = is_met and (is_quick or sent.n_requests >= 2_000)
    rows = [(name.replace("_", " "), f"{count:,}") for name, count in sent.n_checks.most_common()]
    details = list_violations(sent.failures) or render_table(("check", "answers"), rows)
    return Finding(sent.n_requests, found, is_met, details)


def _refusal_costs(_is_quick: bool) -> Finding:
    refusals = refusal_costs.prove()
    rows = [
        (
            one.limit,
            f"`{one.code}`",
            f"{one.seconds:.2f} s",
            f"{one.megabytes:.0f} MB",
            f"{one.carried_megabytes:.0f} MB",
            _met(one.is_met),
        )
        for one in refusals
    ]
    slowest, largest = max(one.seconds for one in refusals), max(one.megabytes for one in refusals)
    found = f"at most {slowest:.2f} s and {largest:.0f} MB"
    details = render_table(REFUSAL_COLUMNS, rows)
    return Finding(len(refusals), found, all(one.is_met for one in refusals), details)


def _quota_faults(is_quick: bool) -> Finding:
    tried = quota_faults.prove(2, 50) if is_quick else quota_faults.prove(20, 500)
    found = f"{tried.n_unknown} verdicts left open, {len(tried.violations)} violations"
    return Finding(tried.n_requests, found, not tried.violations, list_violations(tried.violations))


def _job_kills(is_quick: bool) -> Finding:
    worlds = job_kills.prove(40 if is_quick else 500)
    n_kills = [sum(one.kills.values()) for one in worlds]
    n_points = min(len(one.kills) for one in worlds)
    violations = tuple(f"{one.world}: {it}" for one in worlds for it in one.violations)
    found = (
        f"{' and '.join(map(str, n_kills))} kills at {n_points} points or more, {len(violations)} violations"
    )
    is_met = not violations and (is_quick or n_points >= 10)
    points = sorted({point for one in worlds for point in one.kills})
    rows = [(point, *(str(one.kills.get(point, 0)) for one in worlds)) for point in points]
    ends = [
        (
            one.world,
            str(one.ends["done"]),
            str(one.ends["failed"]),
            str(one.n_charged),
            str(one.n_dead_letters),
        )
        for one in worlds
    ]
    tables = (
        render_table(("on", "done", "failed", "charged", "dead letters"), ends),
        render_table(("killed", *(f"times, {one.world.split(';')[0]}" for one in worlds)), rows),
    )
    return Finding(
        sum(one.n_jobs for one in worlds), found, is_met, list_violations(violations) or "\n\n".join(tables)
    )


def _extreme_tables(is_quick: bool) -> Finding:
    tried = extreme_tables.prove(60 if is_quick else 1_400)
    n_refused = tried.n_cases - tried.n_explained - tried.n_failed
    found = f"{tried.n_explained:,} explained, {n_refused:,} refused, {len(tried.violations)} violations; "
    found += f"largest residual {tried.largest_residual:.1g} of the largest number of its answer"
    is_met = not tried.violations and tried.n_explained > n_refused
    rows = [(code, str(count)) for code, count in tried.refusals.items()]
    details = list_violations(tried.violations) or render_table(("refused as", "tables"), rows)
    return Finding(tried.n_cases, found, is_met, details)


def _interval_coverage(is_quick: bool) -> Finding:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        covered = list(measure_coverage(20 if is_quick else 200))
    least, most = min(one.share for one in covered), max(one.share for one in covered)
    found = f"between {least:.1%} and {most:.1%} in {len(covered)} kinds of model and background"
    is_met = is_quick or all(one.is_accepted for one in covered)
    return Finding(sum(one.n_values for one in covered), found, is_met, render_coverage(covered))


def _job_routes(is_quick: bool) -> Finding:
    jobs = job_routes.prove(10 if is_quick else 40)
    rows = [
        (
            one.title,
            one.estimate.route,
            f"{one.estimate.seconds:.2f}",
            f"{'more than ' if one.is_ended else ''}{one.seconds:.2f}",
            f"{one.estimate.memory_mb:.0f}",
            "" if one.is_ended else f"{one.peak_mb:.0f}",
        )
        for one in jobs
    ]
    wrong = tuple(one.violation for one in jobs if one.violation is not None)
    light = [one.seconds for one in jobs if one.estimate.route == "light"]
    others = [one.seconds for one in jobs if one.estimate.route != "light"]
    found = f"{len(light)} at once, the longest {max(light, default=0.0):.1f} s; {len(others)} queued"
    found += f", the shortest {min(others):.1f} s" if others else ""
    details = render_table(("job", "route", "estimated s", "took s", "estimated MB", "peak MB"), rows)
    if wrong:
        details = list_violations(wrong) + "\n\n" + details
    return Finding(len(jobs), found, not wrong and (is_quick or bool(others)), details)


def _kernel_values(is_quick: bool) -> Finding:
    compared = kernel_values.prove(60 if is_quick else 6_000)
    levels = ", ".join(kernel.level for kernel in kernel_values.levels())
    found = (
        f"largest difference {compared.largest:.1e}, {len(compared.violations)} violations; levels {levels}"
    )
    rows = [(what, f"{count:,}") for what, count in sorted(compared.n_with.items())]
    details = list_violations(tuple(compared.violations)) or render_table(("models with", "count"), rows)
    return Finding(compared.n_cases, found, not compared.violations and levels != "", details)


def _walk_values(is_quick: bool) -> Finding:
    compared = walk_values.prove(40 if is_quick else 2_000)
    found = f"largest difference {compared.largest:.1e}, {len(compared.violations)} violations"
    rows = [(what, f"{count:,}") for what, count in sorted(compared.n_with.items())]
    details = list_violations(tuple(compared.violations)) or render_table(("cases with", "count"), rows)
    return Finding(compared.n_cases, found, not compared.violations, details)


def _kernel_sanitizers(is_quick: bool) -> Finding:
    compiler = kernel_calls.find_system_compiler()
    if compiler is None:
        return Finding(0, "not tried: neither gcc nor clang is here, whose sanitizers it needs", False)
    with TemporaryDirectory() as folder:
        program = kernel_calls.build_with_sanitizers(compiler, Path(folder))
        try:
            called = kernel_calls.call(program, seed=7, n_layouts=500 if is_quick else 120_000)
        except subprocess.CalledProcessError as error:
            return Finding(0, "a sanitizer stopped the program", False, f"```\n{error.stderr[-4000:]}\n```")
    found = f"{called.n_refused:,} refused, 0 findings, {called.n_differences} differences between levels"
    is_met = called.n_differences == 0 and called.n_refused > 0 and (is_quick or called.n_calls >= 1_000_000)
    return Finding(called.n_calls, found, is_met)


def _kernel_processors(is_quick: bool) -> Finding:
    n_layouts, native = 300 if is_quick else 20_000, kernel_calls.load_build().native_machine()
    emulator = kernel_calls.find_emulator()
    runners = {"x86_64": [] if native == "x86_64" else None, "arm64": [] if native == "arm64" else emulator}
    rows, digests, n_calls, is_alike = [], set(), 0, True
    for machine, runner in runners.items():
        with TemporaryDirectory() as folder:
            program = kernel_calls.build_for(machine, Path(folder))
            is_again = kernel_calls.is_reproducible(machine, Path(folder))
            is_alike = is_alike and is_again
            if runner is None:
                rows.append((machine, _met(is_again), "not run: no emulator here", ""))
                continue
            called = kernel_calls.call(*runner, program, seed=3, n_layouts=n_layouts, sound=True)
        n_calls += called.n_calls
        digests.add((called.digest, called.n_differences))
        rows.append((machine, _met(is_again), f"{called.n_calls:,} calls", called.digest))
    found = "the same answers" if len(digests) == 1 else "other answers"
    found += "" if None not in runners.values() else "; one processor built only, there is no emulator here"
    columns = ("processor", "built again elsewhere: same library", "ran", "digest of all answers")
    is_met = is_alike and len(digests) == 1 and all(differences == 0 for _, differences in digests)
    return Finding(n_calls, found, is_met, render_table(columns, rows))


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


PROOFS: Mapping[str, Proof] = {
    "table-readings": Proof(
        "What the table reader accepts is what an independent reading finds, cell by cell; what it refuses, "
        "it refuses with a catalogued problem.",
        "5,000 random tables in random dialects, no difference",
        _table_readings,
    ),
    "table-limits": Proof(
        "A table on a limit of the reader is read, and one beyond it is refused before it costs anything.",
        "every limit at n-1, n and n+1; the refusal within 1 s and 50 MB",
        _table_limits,
    ),
    "json-documents": Proof(
        "The JSON reader agrees with a second reading written from the grammar alone.",
        "200,000 mutated texts, no difference",
        _json_documents,
    ),
    "token-attacks": Proof(
        "No token that was forged, altered, or made for something else is taken.",
        "200,000 tokens, no false accept, good tokens taken",
        _token_attacks,
    ),
    "generated-requests": Proof(
        "Whatever request the OpenAPI document lets a client make, or nearly, the gateway answers as that "
        "document says (schemathesis, all its checks).",
        "2,000 requests, no server error, no undocumented answer",
        _generated_requests,
    ),
    "refusal-costs": Proof(
        "One step beyond a limit is refused before it costs anything, through the gateway.",
        "each within 1 s and 50 MB",
        _refusal_costs,
    ),
    "job-routes": Proof(
        "A job that is computed in its request is done in time, and one that would be done at once is not "
        "queued: each of a grid is estimated, then done, in processor seconds of one thread.",
        "of 40 none takes more than 25 s or the memory of a light function, and none under 1 s is queued",
        _job_routes,
    ),
    "quota-faults": Proof(
        "The quota stays exact on a store whose network loses requests and answers and throttles.",
        "20 seeds of 500 ids with 24 % faults, no violation",
        _quota_faults,
    ),
    "job-kills": Proof(
        "Wherever workers are killed, and however often a job is told of, every job ends: none is lost, "
        "charged twice or served by half; a table that cannot be read is tried once; a job that ends its "
        "worker every time becomes a dead letter and is refunded. On both sets of adapters.",
        "500 jobs each, at least 10 kill points, up to 3 duplicates of each message, no violation",
        _job_kills,
    ),
    "extreme-tables": Proof(
        "A table with numbers at the ends of their range is explained by any model, with sums that hold, or "
        "refused as the caller's to mend; it never fails.",
        "1,400 random extreme tables, no error of ours, residuals as stated and within 1e-6",
        _extreme_tables,
    ),
    "interval-coverage": Proof(
        "A 95 % interval of a sampled attribution covers the exact value as often as it says.",
        "92 to 98 % in every kind of model and background, 200 seeds",
        _interval_coverage,
    ),
    "kernel-values": Proof(
        "The compiled kernel, its numpy twin and the definition agree on interventional, path-dependent and "
        "interaction values: trees drawn with missing values, categories, several margins and columns in "
        "groups, and models fitted by xgboost, lightgbm and scikit-learn.",
        "6,000 models within 1e-9, the same bytes at every level of the processor",
        _kernel_values,
    ),
    "walk-values": Proof(
        "The kernel's walks, their numpy twins and the definition agree: coalitions behind hidden layers of "
        "trees, linear models and networks, coalitions behind a link less their control, the control's own "
        "values, tables with dealt columns.",
        "12,000 cases within 1e-9, the same bytes at every level of the processor",
        _walk_values,
    ),
    "kernel-sanitizers": Proof(
        "No layout makes the kernel read or write where it must not: truncated, cyclic and out-of-range ones "
        "are refused (address and undefined-behaviour sanitizers).",
        "1,000,000 calls, no finding",
        _kernel_sanitizers,
    ),
    "kernel-processors": Proof(
        "The kernel is built for both processors, the same library from another folder, and both compute the "
        "same bytes (arm64 emulated).",
        "20,000 layouts, one digest",
        _kernel_processors,
    ),
}
