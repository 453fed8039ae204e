"""The machine in general terms: enough to read the figures by, nothing that names it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scipy", "scikit-learn", "xgboost", "xgboost-cpu", "lightgbm", "shap")


def describe_machine() -> str:
    """Return cores, instruction set, Python and package versions as one Markdown paragraph."""
    packages = [f"{name} {found}" for name in PACKAGES if (found := _version(name))]
    python = f"Python {platform.python_version()}"
    parts = [f"{os.cpu_count()} cores ({_instruction_set()})", platform.system(), python, *packages]
    return ", ".join(parts) + "."


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _instruction_set() -> str:
    """Return the architecture and its widest vector extension."""
    architecture = platform.machine()
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("sve", "SVE"), ("asimd", "NEON")):
        if flag in flags:
            return f"{architecture} with {name}"
    return architecture
