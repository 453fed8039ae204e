import os
import subprocess
import sys
from pathlib import Path

import pytest

from whybox.errors import GatewayRunningError
from whybox.local.homes import LOG_NAME, locked_home, opened_log

SLEEPER = "import sys, time; print('up', flush=True); time.sleep(0.7)"


def test_a_home_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with locked_home(tmp_path / "a" / "home"):
        pass

    assert (tmp_path / "a" / "home").stat().st_mode & 0o077 == 0


def test_a_home_has_one_gateway_at_a_time_and_the_other_is_named(tmp_path: Path) -> None:
    with (
        locked_home(tmp_path),
        pytest.raises(GatewayRunningError, match=f"process {os.getpid()}"),
        locked_home(tmp_path),
    ):
        pass

    with locked_home(tmp_path):
        pass


def test_a_home_stays_locked_until_the_last_worker_of_a_dead_gateway_is_gone(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", "pass"])
    holder.wait()
    with locked_home(tmp_path) as descriptor:
        worker = subprocess.Popen(
            [sys.executable, "-c", SLEEPER], pass_fds=(descriptor,), stdout=subprocess.PIPE
        )
        assert worker.stdout is not None
        worker.stdout.readline()
    (tmp_path / "gateway.lock").write_text(str(holder.pid))

    with worker, locked_home(tmp_path):
        assert worker.poll() is not None or worker.wait(timeout=1) is not None


def test_a_log_that_grew_large_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / LOG_NAME).write_bytes(b"x" * 10_000_001)

    with opened_log(tmp_path) as log:
        log.write(b"new")

    assert (tmp_path / LOG_NAME).read_bytes() == b"new"
    assert (tmp_path / "gateway.log.1").stat().st_size == 10_000_001
