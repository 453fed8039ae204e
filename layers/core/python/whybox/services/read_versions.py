"""Read the versions a number depends on, for the receipt."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

from whybox import __version__
from whybox.domain.models.specs import Family

LIBRARIES: dict[Family, str] = {
    "sklearn": "scikit-learn",
    "gradientboosting": "scikit-learn",
    "xgboost": "xgboost-cpu",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
}


@cache
def read_versions(family: Family) -> dict[str, str]:
    """Return the versions of Python, whybox, numpy and the library that fitted the model."""
    library = LIBRARIES[family]
    return {
        "whybox": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        library: version(library),
    }
