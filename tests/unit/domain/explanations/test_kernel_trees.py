"""The compiled kernel beside its numpy twin, on every library's trees, at every level of this processor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.proof.kernel_calls import build_for, call, load_build

from whybox.domain.explanations.kernel_libraries import engine_name, load_kernel
from whybox.domain.explanations.kernel_trees import KernelTrees, add_up_leaves
from whybox.domain.explanations.tree_readers import read_trees
from whybox.errors import ExplanationCheckError

from .tree_models import CASES, MISSING_VALUES, fit_case

LEVELS = [level for level in ("baseline", "avx2", "avx512", "neon") if load_kernel(level) is not None]


def margins_at(level, trees, Z):
    """Return the kernel's margins at a level, None for the best."""
    margins = np.empty((len(Z), trees.n_margins))
    add_up_leaves(load_kernel(level), KernelTrees(trees), Z, margins)
    return margins


def test_the_kernel_is_loaded_at_the_best_level_and_names_it():
    assert engine_name(load_kernel()) == f"kernel {LEVELS[-1]}"
    assert engine_name(None) == "numpy"
    assert load_kernel("abacus") is None


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_margins_are_those_of_the_twin_and_the_same_bytes_at_every_level(name, n_classes, missing):
    if missing and name not in MISSING_VALUES:
        pytest.skip("the family takes no missing values")
    model, rows, background = fit_case(name, n_classes, missing=missing)
    trees = read_trees(model)
    Z = np.concatenate([rows, background])

    found = [margins_at(level, trees, Z) for level in LEVELS]

    np.testing.assert_allclose(found[0], trees.margins(Z), rtol=1e-13, atol=1e-13)
    assert all(np.array_equal(found[0], other) for other in found)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("left", 10**6, "bad child"),
        ("right", -1, "bad child"),
        ("left", 0, "cycle"),
        ("feature", 6, "bad column"),
        ("feature", -1, "bad column"),
        ("roots", -1, "bad root"),
    ],
)
def test_an_unsound_layout_is_refused(field, value, said):
    model, rows, _ = fit_case("tree", 0)
    trees = read_trees(model)
    broken = getattr(trees, field).copy()
    broken[0] = value

    with pytest.raises(ExplanationCheckError, match=said):
        margins_at(None, replace(trees, **{field: broken}), rows)


def test_a_program_in_c_breaks_layouts_and_neither_crashes_nor_finds_levels_that_differ(tmp_path):
    program = build_for(load_build().native_machine(), tmp_path)

    called = call(program, seed=11, n_layouts=400)

    assert called.n_refused > 0
    assert called.n_differences == 0
