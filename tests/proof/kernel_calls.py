"""Calls of the kernel by a program in C: with sanitizers on broken layouts, on both processors on sound ones.

                          ┌─ the system's compiler, address and undefined-behaviour sanitizers ─▶ no finding
kernel_calls.c + kernel ──┤
                          └─ the pinned cross-compiler, x86_64 and arm64 (qemu) ─▶ one digest of all answers
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
HARNESS = Path(__file__).with_suffix(".c")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g", "-w")
ARM_LIBRARIES = Path("/usr/aarch64-linux-gnu")
"""Where Debian's libc6-arm64-cross puts the C library of the other processor."""


@dataclass(frozen=True, slots=True)
class Called:
    """What the program said: calls, those refused, the digest of the answers, levels that differed."""

    n_calls: int
    n_refused: int
    digest: str
    n_differences: int


def load_build() -> ModuleType:
    """Return the build of the kernel, which is a script outside any package."""
    spec = importlib.util.spec_from_file_location("build_kernel", ROOT / "infra/layers/build_kernel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_system_compiler() -> str | None:
    """Return gcc or clang, whose sanitizers the pinned compiler does not bring along."""
    return next((found for name in ("gcc", "clang") if (found := shutil.which(name))), None)


def build_with_sanitizers(compiler: str, folder: Path) -> Path:
    """Compile kernel and program into one, with sanitizers."""
    build = load_build()
    objects = []
    for source, level, options in build.list_units(build.native_machine()):
        objects.append(folder / f"{source.stem}-{level}.o")
        flags = ["-std=c11", "-ffp-contract=off", *SANITIZERS, *options]
        _run(compiler, *flags, "-c", str(source), "-o", str(objects[-1]))
    program = folder / "kernel_calls"
    linked = [str(HARNESS), *map(str, objects), "-lm", "-o", str(program)]
    _run(compiler, "-std=c11", *SANITIZERS, f"-I{build.SOURCES}", *linked)
    return program


def build_for(machine: str, folder: Path) -> Path:
    """Cross-compile the library and the program that calls it."""
    build = load_build()
    compile_with = build.pinned_compiler(machine)
    library = build.build_kernel(machine, folder)
    program = folder / "kernel_calls"
    flags = ["-std=c11", "-O2", "-ffp-contract=off", f"-I{build.SOURCES}", str(HARNESS), str(library), "-lm"]
    compile_with(folder, *flags, "-o", str(program), f"-Wl,-rpath,{folder}")
    return program


def is_reproducible(machine: str, folder: Path) -> bool:
    """Tell whether other folders of sources and an empty cache give the same library."""
    build, elsewhere, again = load_build(), folder / "elsewhere", folder / "again.so"
    shutil.copytree(build.SOURCES, elsewhere)
    compile_with = build.pinned_compiler(machine, cache=folder / "cache")
    build.link_kernel(machine, again, compile_with=compile_with, sources=elsewhere)
    return bool(again.read_bytes() == build.build_kernel(machine, folder).read_bytes())


def call(*command: str | Path, seed: int, n_layouts: int, sound: bool = False) -> Called:
    """Run the program; raises CalledProcessError where it crashed or a sanitizer found something."""
    arguments = [*map(str, command), str(seed), str(n_layouts), *(["sound"] if sound else [])]
    printed = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
    return Called(int(printed[0]), int(printed[1]), printed[2], int(printed[3]))


def find_emulator() -> list[str] | None:
    """Return how programs for arm64 are run here, None where they cannot be."""
    emulator = shutil.which("qemu-aarch64")
    return [emulator, "-L", str(ARM_LIBRARIES)] if emulator and ARM_LIBRARIES.is_dir() else None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
