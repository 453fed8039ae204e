"""The commands on the reference page run as they are printed."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from whybox.cli.sample_tables import write_breast_cancer

LANGUAGES = {"curl": ["sh", "-c"], "Python": [sys.executable, "-W", "error", "-c"], "R": ["Rscript", "-e"]}
COMPUTING = ("/mlclassification", "/mlregression", "/gbdtclassification", "/gbdtregression")
SHOWN = (*COMPUTING, "/v1/uploads", "/v1/explanations", "/v1/jobs", "/usage", "/problems/{code}")


def has(language: str) -> bool:
    if language == "R":
        program = shutil.which("Rscript")
        check = [program or "", "-e", "library(httr)"]
        return program is not None and subprocess.run(check, capture_output=True, check=False).returncode == 0
    return language == "Python" or shutil.which(language) is not None


def commands(page: str, language: str) -> dict[str, str]:
    """Return the commands of one language by the path of their operation."""
    pattern = rf'class="route">([^<]+)<.*?<summary>{language}</summary><pre[^>]*><code>(.*?)</code></pre>'
    return {path: html.unescape(command) for path, command in re.findall(pattern, page, re.S)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the table the commands send."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copyfile(write_breast_cancer(folder), folder / "table.csv")
    return folder


@pytest.mark.parametrize("language", [name for name in LANGUAGES if has(name)])
def test_the_commands_of_the_reference_run_as_printed(gateway, folder, language):
    page = httpx.get(f"{gateway.url}/docs", trust_env=False).text
    printed = commands(page, language)
    environment = {**os.environ, "TOKEN": gateway.token(), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    assert set(SHOWN) < set(printed)
    for path in SHOWN:
        command = printed[path]
        done = subprocess.run(
            [*LANGUAGES[language], command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{path}: {done.stderr}"
        if path in COMPUTING:
            answer = json.loads(done.stdout)
            assert answer["interpretability"]["method"] == "shap", path
