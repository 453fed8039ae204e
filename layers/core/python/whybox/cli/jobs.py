"""``whybox jobs``: what became of jobs, and how far one is."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from whybox.cli.service_calls import Service, add_service, reach_service
from whybox.cli.transfer_progress import watch_rows

POLL_SECONDS: Final = 1.0
FINAL: Final = frozenset({"done", "failed", "cancelled"})

_EXAMPLES = """\
examples:
  whybox jobs                        the latest jobs
  whybox jobs JOB                    all that is known about one
  whybox jobs JOB --follow           watch it until it ends; 0 if it is done, 1 if it failed
  whybox jobs JOB --json

A job that is done has a result: whybox result JOB --format parquet -o result.parquet
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "jobs",
        help="list jobs, show one, or follow one to its end",
        description="List your jobs, the latest first, or show one.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("id", nargs="?", metavar="JOB", help="the id of a job")
    parser.add_argument(
        "--follow", action="store_true", help="wait until the job ends, and show how far it is"
    )
    parser.add_argument(
        "--limit",
        type=int,
        choices=range(1, 101),
        default=20,
        metavar="1..100",
        help="jobs to list (default: 20)",
    )
    parser.add_argument("--json", action="store_true", help="print documents as the service answers them")
    add_service(parser)
    parser.set_defaults(run=lambda options: run(options, parser))


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Show jobs; 1 where the one that was followed did not end well."""
    if options.follow and options.id is None:
        parser.error("--follow needs the id of a job")
    service = reach_service(options)
    if options.id is None:
        _list(service.ask("GET", f"/v1/jobs?limit={options.limit}").document, is_json=options.json)
        return 0
    job = _follow(service, options.id) if options.follow else read_job(service, options.id)
    if options.json:
        print(json.dumps(job))
    else:
        _show(job)
    return int(options.follow and job["status"] != "done")


def read_job(service: Service, job_id: str) -> dict[str, Any]:
    """Return what the service says about a job."""
    document: dict[str, Any] = service.ask("GET", f"/v1/jobs/{quote(job_id, safe='')}").document
    return document


def _follow(service: Service, job_id: str) -> dict[str, Any]:
    """Ask until the job has ended, and tell how far it is."""
    with watch_rows() as tell:
        while True:
            job = read_job(service, job_id)
            progress = job.get("progress") or {}
            tell(job["status"], progress.get("rows_done", 0), progress.get("rows_total"))
            if job["status"] in FINAL:
                return job
            time.sleep(POLL_SECONDS)


def _list(page: Mapping[str, Any], *, is_json: bool) -> None:
    if is_json:
        print(json.dumps(page))
        return
    print(f"{'id':<32}  {'status':<9}  {'door':<5}  {'created':<20}  rows")
    for job in page["jobs"]:
        facts = f"{job['status']:<9}  {job['door']:<5}  {job['created_at'][:19]:<20}"
        print(f"{job['job_id']:<32}  {facts}  {_rows(job)}")
    if page["next"]:
        print("There are more: --limit shows up to 100.")


def _show(job: Mapping[str, Any]) -> None:
    facts = {
        name: job.get(name)
        for name in ("status", "door", "created_at", "started_at", "finished_at", "attempts")
    }
    facts["rows"] = _rows(job)
    for name in ("estimate", "actual"):
        facts[name] = ", ".join(f"{key} {value}" for key, value in (job.get(name) or {}).items())
    problem = job.get("problem") or {}
    facts["problem"] = ": ".join(str(problem[name]) for name in ("title", "detail") if name in problem)
    print(job["job_id"])
    for name, fact in facts.items():
        if fact not in (None, ""):
            print(f"  {name:<12}  {fact}")


def _rows(job: Mapping[str, Any]) -> str:
    progress = job.get("progress") or {}
    total = progress.get("rows_total")
    return "" if total is None else f"{progress.get('rows_done', 0):,} of {total:,}"
