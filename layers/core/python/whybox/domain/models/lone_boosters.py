"""Importing the boosters' libraries without the packages that only their wrappers need, for a cold start.

import xgboost ─▶ LoneBoosters.find_spec ─▶ its own loader, with in this thread, until it is done:
                                              sklearn, pandas, scipy.special   not there
                                              numpy.f2py, ...                  executed when touched
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Final

BOOSTERS: Final = frozenset({"xgboost", "lightgbm"})
HEAVY_MODULES: Final = frozenset({"sklearn", "pandas"})
HIDDEN_MODULES: Final = HEAVY_MODULES | {"scipy.special"}
"""What the libraries import for their scikit-learn classes, and do without where it is not installed."""

LAZY_MODULES: Final = frozenset({"numpy.f2py", "numpy.polynomial", "numpy.testing"})
"""scipy copies all names of numpy into a module of its own, and the names are all that it needs of these."""


def keep_boosters_alone(*at_once: str) -> None:
    """Have xgboost and lightgbm imported without scikit-learn and pandas, those named at once.

    For the top of a program that needs neither: an import takes a third of the time. All other imports stay
    as they are, in other threads at any time and in this one afterwards; only the libraries' scikit-learn
    classes (XGBClassifier, ...) and their plots are missing from then on. Ordinary imports where scikit-learn
    or pandas is loaded already.
    """
    if not any(isinstance(finder, LoneBoosters) for finder in sys.meta_path):
        sys.meta_path.insert(0, LoneBoosters())
    for name in at_once:
        importlib.import_module(name)


class LoneBoosters(MetaPathFinder):
    """Finds the boosters' libraries, and hides from them what they need not have."""

    def __init__(self) -> None:
        self._importing = _Importing()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a booster, or what it imports, is loaded; None, for the next finder, if as usual."""
        loader: Callable[[Loader], Loader]
        if name in BOOSTERS and HEAVY_MODULES.isdisjoint(sys.modules):
            loader = partial(_LoneLoader, importing=self._importing)
        elif not self._importing.is_alone:
            return None
        elif name in HIDDEN_MODULES:
            raise ModuleNotFoundError(f"{name} is hidden from a booster that is imported alone", name=name)
        elif name in LAZY_MODULES:
            loader = LazyLoader
        else:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = loader(spec.loader)
        return spec


class _Importing(threading.local):
    """Whether this thread is importing a booster alone."""

    is_alone = False


class _LoneLoader(Loader):
    """A module's own loader, whose work is done while what is heavy is hidden."""

    def __init__(self, loader: Loader, *, importing: _Importing) -> None:
        self._loader = loader
        self._importing = importing

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what the module's own loader makes."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, which has its own loader from then on."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._importing.is_alone = True
        try:
            self._loader.exec_module(module)
        finally:
            self._importing.is_alone = False
