"""``whybox demo``: a real table explained by the real service on this machine, and the answer shown.

throw-away gateway ─▶ breast cancer table ─▶ POST permutation, POST shap ─▶ terminal and HTML reports
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from whybox.cli.options import read_settings
from whybox.cli.sample_tables import write_breast_cancer
from whybox.cli.token import make_token
from whybox.errors import DemoFailedError
from whybox.settings import Settings
from whybox.wiring import connect

if TYPE_CHECKING:
    from rich.console import Console

    from whybox.domain.reports.findings import Findings

_SUBJECT: Final = "demo"
_TIMEOUT_SECONDS: Final = 60.0
_PATH: Final = "/mlclassification"
_QUERY: Final = {"base_model": "RandomForestClassifier", "n_hidden_features": "5"}
_METHODS: Final = ("permutation", "shap")

_EXAMPLES = """\
examples:
  whybox demo                        explain the breast cancer table
  WHYBOX_HOME=elsewhere whybox demo  keep the reports in elsewhere/reports

The demo starts a gateway of its own in a temporary folder: no usage is counted, no token of yours is used.
"""


@dataclass(frozen=True, slots=True)
class _Table:
    """The file that is sent, and what it says about its test rows."""

    path: Path
    n_training_rows: int
    test_rows: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Service:
    """The demo's own gateway, and where its log goes should it fail."""

    url: str
    token: str
    log: Path


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One answer, read, with the seconds it took from here and the report made of it."""

    findings: Findings
    seconds: float
    report: Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo",
        help="explain a real table on this machine and show the answer",
        description="Fit a random forest on the breast cancer table, explain it twice and show the answers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> None:
    """Run the whole service once, over HTTP, and show what it answered."""
    # Imported here: the other commands must not wait for the terminal library and the numeric stack.
    from whybox.cli.terminal_reports import open_console

    home = read_settings().home.resolve()
    console = open_console()
    console.print("[bold]whybox demo[/]: which measurements tell a benign tumour from a malignant one?\n")
    # Without a terminal the status draws nothing, and the lines below it are all there is.
    with console.status("making the table") as status:
        table = _read_table(write_breast_cancer(home / "samples"))
        n_rows = f"{table.n_training_rows} rows to learn from, {len(table.test_rows)} to explain"
        _tell(console, "table", f"{table.path.name}, class 1 is benign: {n_rows}")
        status.update("starting the service")
        outcomes = []
        with _running_service(home) as service:
            _tell(console, "service", f"{service.url}, each function of template.yaml in its own process")
            for method in _METHODS:
                status.update(f"POST {_PATH}, {method}: fitting, predicting, explaining")
                outcomes.append(_explain(method, service=service, table=table, home=home))
                _tell(console, method, f"answered in {outcomes[-1].seconds:.2f} s")
            status.update("ending the service")
    _show(console, outcomes)


@contextmanager
def _running_service(home: Path) -> Iterator[_Service]:
    """Run a gateway of its own in a folder that is gone afterwards; of a failed one the log is kept."""
    from whybox.local.server import project_template, running_gateway

    with TemporaryDirectory(prefix="whybox-demo-") as folder:
        settings = Settings(home=Path(folder))
        log = home / "demo.log"
        try:
            with running_gateway(settings, template=project_template()) as url:
                token = make_token(_SUBJECT, hours=1, settings=settings, ports=connect(settings))
                yield _Service(url, token, log)
        except DemoFailedError:
            shutil.copyfile(settings.home / "gateway.log", log)
            raise


def _read_table(path: Path) -> _Table:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    test_rows = tuple(row for row in rows if row["training_index"] != "1")
    return _Table(path, n_training_rows=len(rows) - len(test_rows), test_rows=test_rows)


def _explain(method: str, *, service: _Service, table: _Table, home: Path) -> _Outcome:
    """Send one real request, and make a report of its answer."""
    from whybox.domain.reports import render_report
    from whybox.domain.reports.findings import read_findings
    from whybox.http.compatible_documents import document_of_answer

    answer, seconds = _post(method, service, table)
    names = answer["interpretability"]["feature_names"]
    cells = [[row[name] for name in names] for row in table.test_rows]
    document = document_of_answer(answer, feature_values=cells)
    report = home / "reports" / f"demo-{method}.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(render_report(document), encoding="utf-8")
    return _Outcome(read_findings(document), seconds, report)


def _post(method: str, service: _Service, table: _Table) -> tuple[dict[str, Any], float]:
    """Return the answer and the seconds from the first byte sent to the last byte read."""
    import httpx

    try:
        with (
            table.path.open("rb") as file,
            # Proxies of the environment are for the internet, not for a service on this machine.
            httpx.Client(base_url=service.url, timeout=_TIMEOUT_SECONDS, trust_env=False) as client,
        ):
            started = perf_counter()
            response = client.post(
                _PATH,
                params={**_QUERY, "interpretability": method},
                files={"file": (table.path.name, file, "text/csv")},
                headers={"Authorization": f"Bearer {service.token}"},
            )
            seconds = perf_counter() - started
    except httpx.HTTPError as error:
        reason = f"no answer came ({type(error).__name__})."
        raise DemoFailedError(method, reason=reason, log=str(service.log)) from error
    if response.status_code != 200:
        reason = f"the service answered {response.status_code}: {response.text}"
        raise DemoFailedError(method, reason=reason, log=str(service.log))
    answer: dict[str, Any] = response.json()
    return answer, seconds


def _show(console: Console, outcomes: list[_Outcome]) -> None:
    from whybox.cli.terminal_reports import findings_facts, print_facts, print_findings

    for outcome in outcomes:
        console.print()
        console.rule(align="left", title=outcome.findings.method, style="dim")
        print_findings(console, outcome.findings)
        console.print()
        print_facts(console, [*findings_facts(outcome.findings), ("time", _time_words(outcome))])
    console.print()
    console.rule(align="left", title="reports", style="dim")
    for outcome in outcomes:
        console.print(str(outcome.report), soft_wrap=True, markup=False)
    console.print()
    console.rule(align="left", title="next", style="dim")
    print_facts(
        console,
        [
            ("make serve", "keep the service running, with a command to copy for a first request"),
            ("make serve PORT=9000", "the same on another port; /docs on it is the API reference"),
            ("make test", "run all tests"),
        ],
    )


def _time_words(outcome: _Outcome) -> str:
    words = f"{outcome.seconds:.2f} s for the whole request"
    computing = outcome.findings.receipt.get("seconds")
    return f"{words}, {computing:.2f} s of it computing" if isinstance(computing, float) else words


def _tell(console: Console, step: str, text: str) -> None:
    console.print(f"  [green]✓[/] {step:<12} {text}")
