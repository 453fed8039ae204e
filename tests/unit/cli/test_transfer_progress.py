"""Progress: a bar where somebody watches, plain lines where a program reads."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from whybox.cli.transfer_progress import watch_rows, watch_transfer


def shown_in_a_terminal(code: str) -> str:
    """Run code with a real terminal as its standard error, and return what that was sent."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=environment):
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 65_536):
                shown += block
        except OSError:  # how Linux says that the other side is closed
            pass
    os.close(ours)
    return shown.decode()


def test_a_terminal_shows_a_bar_of_bytes() -> None:
    shown = shown_in_a_terminal(
        "from whybox.cli.transfer_progress import watch_transfer\n"
        "with watch_transfer('uploading big.csv', 1_000_000) as on_bytes:\n"
        "    for _ in range(10): on_bytes(100_000)\n"
    )

    assert "uploading big.csv" in shown
    assert "1.0/1.0 MB" in shown


def test_a_terminal_shows_a_bar_of_rows_once_they_are_known() -> None:
    shown = shown_in_a_terminal(
        "from whybox.cli.transfer_progress import watch_rows\n"
        "with watch_rows() as tell:\n"
        "    tell('queued', 0, None); tell('running', 20, 60); tell('done', 60, 60)\n"
    )

    assert "done" in shown
    assert "60/60" in shown


def test_elsewhere_a_line_is_printed_when_something_changed(capsys: pytest.CaptureFixture[str]) -> None:
    with watch_rows() as tell:
        tell("queued", 0, None)
        tell("queued", 0, None)
        tell("running", 20_000, 60_000)

    assert capsys.readouterr().err.splitlines() == ["queued", "running 20,000 of 60,000 rows"]


def test_elsewhere_a_transfer_of_unknown_length_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with watch_transfer("fetching", None) as on_bytes:
        on_bytes(10**9)

    assert capsys.readouterr().err == ""
