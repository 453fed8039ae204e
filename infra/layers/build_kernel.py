"""Build the C kernel with a pinned cross-compiler from the package index: the same bytes on any machine.

usage: python infra/layers/build_kernel.py [x86_64|arm64|native] [FOLDER]

    requirements/build.txt ─▶ .build/compiler ─▶ layers/core/kernel/*.c         once         ─▶ libwhybox.so
                                                 layers/core/kernel/lanes/*.c   once per level

It is written for glibc 2.28, so that every Lambda runtime and every system xgboost runs on can load it.
``FOLDER`` is the package's own by default, where an editable install finds it; nothing is done when the
library there was made from the same sources.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

Compile = Callable[..., None]
"""Called with a folder and the arguments of a C compiler."""

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "layers/core/kernel"
PACKAGE = ROOT / "layers/core/python/whybox"
PINNED = ROOT / "requirements/build.txt"
COMPILER = ROOT / ".build/compiler"
CACHE = ROOT / ".build/compiler-cache"
FAILED = ROOT / ".build/kernel-failed"
"""What could not be built, so that it is not tried again whenever make runs."""


LIBRARY = "libwhybox.so"
TARGETS = {"x86_64": "x86_64-linux-gnu.2.28", "arm64": "aarch64-linux-gnu.2.28"}
LEVELS: dict[str, dict[str, list[str]]] = {
    "x86_64": {
        "baseline": [],
        # what wb_best_level in kernel.c asks the processor for
        "avx2": ["-mavx2", "-mbmi", "-mbmi2", "-mpopcnt"],
        "avx512": [
            *("-mavx2", "-mbmi", "-mbmi2", "-mpopcnt"),
            *("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512"),
        ],
    },
    "arm64": {"neon": []},
}
FLAGS = [
    *("-std=c11", "-O3", "-fPIC", "-g0", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"),
    # a fused multiply-add rounds once where two operations round twice: levels would differ in the last bit
    "-ffp-contract=off",
]


def build_kernel(machine: str, folder: Path) -> Path:
    """Compile and link the library of one processor into a folder, unless it is there; returns its path."""
    library = folder / LIBRARY
    stamp = folder / f"{LIBRARY}.sources"
    wanted = f"{machine} {_digest()}"
    if not (library.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        link_kernel(machine, library, compile_with=pinned_compiler(machine))
        stamp.write_text(wanted, encoding="utf-8")
    return library


def link_kernel(machine: str, library: Path, *, compile_with: Compile, sources: Path = SOURCES) -> None:
    """Compile every source, those in lanes/ once per level, and link them."""
    with tempfile.TemporaryDirectory() as scratch:
        objects = []
        for source, level, options in list_units(machine, sources):
            made = str(Path(scratch, f"{source.stem}-{level}.o"))
            compile_with(sources, *FLAGS, *options, "-c", source.relative_to(sources).as_posix(), "-o", made)
            objects.append(made)
        linked = Path(scratch, LIBRARY)
        compile_with(sources, "-shared", "-s", "-Wl,--build-id=none", "-o", str(linked), *objects)
        # In one step: a process that has the old library loaded keeps it whole.
        beside = library.with_name(f"{LIBRARY}.{os.getpid()}")
        shutil.copyfile(linked, beside)
        beside.replace(library)


def pinned_compiler(machine: str, *, cache: Path = CACHE) -> Compile:
    """Return how the pinned compiler is called for one processor, from the folder of the sources."""
    command = [str(_install_compiler()), "cc", "-target", TARGETS[machine]]
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}

    def run(folder: Path, *arguments: str) -> None:
        subprocess.run([*command, *arguments], check=True, cwd=folder, env=environment)

    return run


def list_units(machine: str, sources: Path = SOURCES) -> list[tuple[Path, str, list[str]]]:
    """Return what is compiled: each source with its level and the level's options."""
    plain: list[tuple[Path, str, list[str]]] = [
        (source, "once", []) for source in sorted(sources.glob("*.c"))
    ]
    lanes = [
        (source, level, [f"-DWB_LEVEL={level}", *options])
        for source in sorted(sources.glob("lanes/*.c"))
        for level, options in LEVELS[machine].items()
    ]
    return [*plain, *lanes]


def _digest() -> str:
    """Return the fingerprint of all that decides the library's bytes."""
    files = [*sorted(SOURCES.rglob("*.[ch]")), PINNED, Path(__file__)]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _install_compiler() -> Path:
    """Return the pinned compiler, installed with its hash checked when it is not there yet."""
    found = COMPILER / hashlib.sha256(PINNED.read_bytes()).hexdigest()[:16]
    executable = found / "ziglang" / ("zig.exe" if os.name == "nt" else "zig")
    if not executable.is_file():
        shutil.rmtree(COMPILER, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"]
        environment = os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}
        subprocess.run(
            [*command, "--target", str(found), "--requirement", str(PINNED)], check=True, env=environment
        )
    return executable


def native_machine() -> str:
    """Return the name of this machine's processor among those the kernel is built for."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(name, name)


def main() -> None:
    """Read the command line."""
    machine = sys.argv[1] if len(sys.argv) > 1 else "native"
    machine = native_machine() if machine == "native" else machine
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else PACKAGE
    if machine not in TARGETS or (len(sys.argv) < 3 and platform.system() != "Linux"):
        sys.exit(f"whybox: there is no compiled kernel for {platform.system()} on {machine}; numpy answers")
    wanted = f"{machine} {_digest()}"
    if FAILED.is_file() and FAILED.read_text(encoding="utf-8") == wanted:
        sys.exit(
            f"whybox: no compiled kernel, numpy answers (to build it again: rm {FAILED.relative_to(ROOT)})"
        )
    try:
        build_kernel(machine, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        FAILED.parent.mkdir(exist_ok=True)
        FAILED.write_text(wanted, encoding="utf-8")
        sys.exit(f"whybox: the compiled kernel could not be built, numpy answers in its place: {error}")


if __name__ == "__main__":
    main()
