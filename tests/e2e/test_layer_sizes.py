"""The build as Lambda will unpack it: small enough, for the right processor, the same bytes every time."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.architecture.conftest import read_template

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".aws-sam" / "build"
LAYERS = {"core": "CoreLayer", "science": "ScienceLayer"}
MEBIBYTE = 2**20
LIMIT = 240 * MEBIBYTE
"""Lambda unpacks 250 MiB at most, function and layers together; ten are left for a package's next version."""

MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}
"""``e_machine`` in the header of a shared library (ELF, chapter 4)."""

SECTIONS = slice(40, 48)
"""``e_shoff``: where in the file the table of sections is, 0 for no such table."""

UNCHECKED = 0b01
"""Flags of a compiled module that is told by its source's hash, which nobody looks at (PEP 552)."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> dict[str, Path]:
    """Every layer and function, zipped as for an upload and unpacked again."""
    folder = tmp_path_factory.mktemp("unpacked")
    parts: dict[str, Path] = {}
    for name, resource in read_template(BUILD / "template.yaml")["Resources"].items():
        properties: dict[str, Any] = resource.get("Properties", {})
        path = properties.get("ContentUri") or properties.get("CodeUri")
        if isinstance(path, str):
            archive = folder / f"{name}.zip"
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
                for file in sorted((BUILD / path).rglob("*")):
                    zipped.write(file, file.relative_to(BUILD / path))
            parts[name] = folder / name
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(parts[name])
            archive.unlink()
    return parts


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def size(part: Path) -> int:
    files = [part] if part.is_file() else [path for path in part.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def test_the_layers_and_the_largest_function_stay_below_the_limit(unpacked, capsys):
    layers = sum(size(unpacked[name]) for name in LAYERS.values())
    function = max(size(folder) for name, folder in unpacked.items() if name not in LAYERS.values())
    parts: Counter[str] = Counter()
    for name in LAYERS.values():
        parts.update({path.name: size(path) for path in (unpacked[name] / "python").iterdir()})
    largest = "\n".join(f"{count / MEBIBYTE:8.1f}  {name}" for name, count in parts.most_common(10))
    report = f"{(layers + function) / MEBIBYTE:8.1f}  of {LIMIT // MEBIBYTE} MiB; the ten largest:\n{largest}"
    with capsys.disabled():
        print(f"\n{report}")

    assert layers + function <= LIMIT, report


def test_every_shared_library_is_for_the_processor_of_the_functions(unpacked):
    wanted = MACHINES[os.environ.get("WHYBOX_ARCHITECTURE") or "x86_64"]
    for name in LAYERS.values():
        machines = {path.name: path.read_bytes()[18] for path in unpacked[name].rglob("*.so*")}

        assert machines
        assert set(machines.values()) == {wanted}, name


def test_a_shared_library_ends_where_its_last_segment_does_but_scipys_are_untouched(unpacked):
    n_cut, elf = 0, runpy.run_path(str(ROOT / "infra/layers/shared_libraries.py"))
    for name in LAYERS.values():
        for path in unpacked[name].rglob("*.so*"):
            library = path.read_bytes()
            is_cut = not any(library[SECTIONS])
            assert not is_cut or len(library) == elf["loaded_size"](library)
            assert not is_cut or "scipy" not in str(path.relative_to(unpacked[name]))
            n_cut += is_cut

    assert n_cut


def test_what_the_functions_are_known_to_import_is_compiled_for_good(unpacked):
    compiled: dict[Path, bytes] = {}
    for name in LAYERS.values():
        for path in unpacked[name].rglob("*.pyc"):
            folder = path.parent.parent if path.parent.name == "__pycache__" else path.parent
            compiled[folder.relative_to(unpacked[name] / "python") / path.name.split(".")[0]] = (
                path.read_bytes()
            )
    known = (ROOT / "infra/layers/imported_modules.txt").read_text(encoding="utf-8").split()
    paths = [Path(*module.split(".")) for module in known]

    # a module that is gone or has moved: `make trace-imports` writes the list anew
    assert not [str(path) for path in paths if path not in compiled and path / "__init__" not in compiled]
    assert {int.from_bytes(code[4:8], "little") for code in compiled.values()} == {UNCHECKED}


def test_a_second_build_has_the_same_bytes(tmp_path):
    for layer, name in LAYERS.items():
        subprocess.run(
            [sys.executable, "infra/layers/build_layer.py", layer, tmp_path / layer], cwd=ROOT, check=True
        )

        first, second = files_of(BUILD / name), files_of(tmp_path / layer)
        assert set(first) == set(second)
        assert not [str(path) for path, content in first.items() if second[path] != content]
