"""The demo runs the whole service and says what it answered."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from whybox.domain.pages.numerals import with_minus


def run_demo(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WHYBOX_HOME": str(home), **variables}
    command = [sys.executable, "-W", "error", "-m", "whybox.cli.main", "demo"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo-home")


@pytest.fixture(scope="module")
def output(home: Path) -> str:
    """What the demo printed where there is no terminal."""
    done = run_demo(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_output_is_plain_where_there_is_no_terminal(output):
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", output)
    # Paths are never folded: a script may read them.
    assert all(len(line) <= 100 for line in output.splitlines() if not line.endswith(".html"))


def test_the_accuracy_is_that_of_the_field(output):
    accuracies = [
        float(number) for number in re.findall(r"^accuracy\s+([\d.]+) on 171 test rows", output, re.M)
    ]

    # 0.947 is the recorded service's, and the forest of another machine may differ by a few rows.
    assert accuracies == pytest.approx([0.947] * 2, abs=0.02)


def test_attributions_are_said_to_add_up(output):
    (residual,) = re.findall(r"^additivity residual\s+(\S+):", output, re.M)

    assert float(residual) < 1e-9


def test_ten_columns_are_ranked_for_each_method(output):
    lines = re.findall(
        r"^ +(\d+)  (\S.*?) {2,}([\d.-]+) +(?:± ([\d.]+) +)?(accuracy|probability)", output, re.M
    )

    assert [int(line[0]) for line in lines] == [*range(1, 11), *range(1, 11)]
    assert {line[4] for line in lines[:10]} == {"accuracy"}
    assert {line[4] for line in lines[10:]} == {"probability"}
    for block in (lines[:10], lines[10:]):
        importances = [float(line[2]) for line in block]
        assert importances == sorted(importances, reverse=True)


def test_the_reports_hold_the_numbers_of_the_terminal(output, home):
    reports = [Path(line) for line in output.splitlines() if line.endswith(".html")]

    assert [report.name for report in reports] == ["demo-permutation.html", "demo-shap.html"]
    assert all(report.parent == home.resolve() / "reports" for report in reports)
    blocks = output.split("shap ─")
    for report, block in zip(reports, blocks, strict=True):
        page = html.unescape(re.sub(r"<[^>]+>", " ", report.read_text(encoding="utf-8")))
        for name, importance in re.findall(r"^ +\d+  (\S.*?) {2,}(-?[\d.]+) ", block, re.M):
            assert re.search(rf"{re.escape(name)}\s+{re.escape(with_minus(importance))}", page), name


def test_the_demo_leaves_nothing_of_its_own_service_behind(output, home):
    assert sorted(path.name for path in home.iterdir()) == ["reports", "samples"]


def test_a_terminal_of_another_encoding_does_not_end_the_demo(tmp_path):
    done = run_demo(tmp_path, PYTHONIOENCODING="ascii")

    assert done.returncode == 0, done.stderr


def test_a_home_that_is_a_file_is_one_clear_line(tmp_path):
    home = tmp_path / "home"
    home.write_text("")

    done = run_demo(home)

    assert done.returncode == 1
    assert done.stderr.startswith("whybox: ")
    assert done.stderr.count("\n") == 1
