"""The house keeps its own rules: names, rooms, first sentences, pinned files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/core/python/whybox"
MODULES = sorted(PACKAGE.rglob("*.py"))
HANDLERS = sorted((ROOT / "functions").glob("*/handler.py"))
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_module_opens_with_a_sentence_about_what_lives_in_it():
    silent = [
        _name(module)
        for module in [*MODULES, *HANDLERS]
        if len((ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "").split()) < 3
    ]

    assert not silent


def test_no_module_is_named_after_nothing():
    nameless = {"utils", "util", "common", "helpers", "helper", "base", "misc"}

    assert not [_name(module) for module in MODULES if module.stem in nameless]


def test_a_handler_fits_on_a_screen():
    lengths = {_name(handler): len(handler.read_text(encoding="utf-8").splitlines()) for handler in HANDLERS}

    assert not {name: length for name, length in lengths.items() if length > 40}


def test_every_function_folder_is_wired_in_the_template_under_its_own_name():
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")

    for handler in HANDLERS:
        assert re.search(rf"CodeUri: functions/{handler.parent.name}/?\s", template), handler.parent.name


@pytest.mark.parametrize("requirements", REQUIREMENTS, ids=_name)
def test_every_pinned_package_has_a_hash_and_no_address(requirements):
    text = requirements.read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE)
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


def test_the_numeric_stack_is_the_newest_each_python_supports_and_never_the_gpu_wheel():
    text = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")

    assert re.search(r"^xgboost-cpu==3\.4\.\d+ ; python_full_version >= '3\.12'", text, re.MULTILINE)
    assert re.search(r"^xgboost-cpu==3\.2\.\d+ ; python_full_version < '3\.12'", text, re.MULTILINE)
    assert re.search(r"^shap==0\.54\.\d+ ; python_full_version >= '3\.12'", text, re.MULTILINE)
    assert not re.search(r"^xgboost==", text, re.MULTILINE)


def test_the_architecture_page_names_every_room():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")

    for room in (
        "cli",
        "local",
        "wiring",
        "http",
        "adapters",
        "settings",
        "services",
        "ports",
        "domain",
        "errors",
    ):
        assert f"whybox/{room}" in page, room


def test_stored_bytes_carry_data_and_never_code():
    for module in [*MODULES, *HANDLERS]:
        imported = {
            name.name.partition(".")[0]
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import)
            for name in node.names
        }
        assert not imported & {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}, module
