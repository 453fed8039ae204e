"""The built layers hold all that any function can be asked for, and compile what the usual requests load."""

from __future__ import annotations

import runpy

from tests.e2e.containers import BUILD, ROOT


def test_what_the_usual_requests_load_is_known():
    """Every model is fitted and explained in both ways on the way: no part of a package is missing."""
    tracing = runpy.run_path(str(ROOT / "infra/layers/trace_imports.py"))
    known = tracing["LIST"].read_text(encoding="utf-8").split()

    found = tracing["trace_all"]([BUILD / "CoreLayer", BUILD / "ScienceLayer"])

    # a module that is not in the list is compiled at every start: `make trace-imports` writes the list anew
    assert not found - set(known)
