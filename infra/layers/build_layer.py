"""Build a Lambda layer: pinned packages, trimmed, imported modules compiled, the same bytes on any machine.

usage: python3.13 infra/layers/build_layer.py core|science TARGET [--source]

    requirements/<layer>.txt ─▶ hash-checked wheels for Lambda's system ─▶ trim ─▶ compile ─▶ fix times
    core: whybox itself, with its C kernel (build_kernel.py) for the same processor

``sam build`` calls this through layers/<layer>/Makefile. WHYBOX_ARCHITECTURE (x86_64 or arm64) says for
which processor; nothing is run on it, so any machine with CPython 3.13 builds for both. ``--source`` compiles
nothing, to measure the gain.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from build_kernel import LIBRARY, build_kernel
from compiled_modules import compile_modules
from trimming import NEVER_IMPORTED, trim

ROOT = Path(__file__).parents[2]
PYTHON = (3, 13)
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
GLIBC = 34
"""Amazon Linux 2023, the system of Lambda's Python 3.13, has glibc 2.34."""

EPOCH = 315_532_800
"""1980-01-01: the earliest time that a zip file can hold."""


def build(layer: str, target: Path, *, architecture: str, is_compiled: bool) -> None:
    """Fill an empty folder with what Lambda shall see in ``/opt``."""
    packages = target / "python"
    packages.mkdir(parents=True)
    _install(_requirements(layer), packages, machine=MACHINES[architecture])
    if layer == "core":
        shutil.copytree(
            ROOT / "layers/core/python/whybox",
            packages / "whybox",
            ignore=shutil.ignore_patterns("__pycache__", f"{LIBRARY}*"),
        )
        with tempfile.TemporaryDirectory() as scratch:
            shutil.copyfile(build_kernel(architecture, Path(scratch)), packages / "whybox" / LIBRARY)
    else:
        _lend_openmp(packages, target / "lib")
    trim(packages)
    if is_compiled:
        compile_modules(packages)
    _fix_times(target)


def _requirements(layer: str) -> str:
    """Return the pinned entries of a layer; science brings nothing that core, always beside it, has."""
    entries = _entries(layer)
    if layer == "science":
        entries = {name: entry for name, entry in entries.items() if name not in _entries("core")}
    return "".join(entry for name, entry in entries.items() if name not in NEVER_IMPORTED)


def _entries(layer: str) -> dict[str, str]:
    """Return the entries of a pinned file by package; of several for one, pip picks by their markers."""
    entries: dict[str, str] = {}
    text = (ROOT / f"requirements/{layer}.txt").read_text(encoding="utf-8")
    for entry in re.split(r"(?m)^(?=[a-z0-9])", text)[1:]:
        name = re.split(r"[=\[ ]", entry, maxsplit=1)[0]
        entries[name] = entries.get(name, "") + entry
    return entries


def _install(requirements: str, packages: Path, *, machine: str) -> None:
    """Unpack hash-checked wheels; nothing is built and no dependency is added."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)]
    platforms += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "pinned.txt"
        pinned.write_text(requirements, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
        command += ["--implementation", "cp", "--python-version", ".".join(map(str, PYTHON))]
        command += [option for platform in platforms for option in ("--platform", platform)]
        environment = os.environ | {"PIP_ROOT_USER_ACTION": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
        command += ["--target", str(packages), "--requirement", str(pinned)]
        subprocess.run(command, check=True, env=environment)


def _lend_openmp(packages: Path, libraries: Path) -> None:
    """Put an OpenMP runtime where lightgbm looks for it: Lambda's system has none.

    lightgbm's wheel expects ``libgomp.so.1`` from the system, scikit-learn's brings its own under another
    name. ``/opt/lib`` is on Lambda's library path.
    """
    [bundled] = packages.glob("scikit_learn.libs/libgomp-*.so*")
    libraries.mkdir()
    shutil.copyfile(bundled, libraries / "libgomp.so.1")


def _fix_times(target: Path) -> None:
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def main() -> None:
    """Read the command line."""
    layer, target = sys.argv[1], Path(sys.argv[2])
    if sys.version_info[:2] != PYTHON:
        sys.exit(f"The layers are compiled for Python 3.13 and need it here too; this is {sys.version}")
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets in compiled modules
        os.execve(  # noqa: S606 (the same program again)
            sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"}
        )
    architecture = os.environ.get("WHYBOX_ARCHITECTURE") or "x86_64"
    build(layer, target, architecture=architecture, is_compiled="--source" not in sys.argv)


if __name__ == "__main__":
    main()
