"""Memory costs: what a job holds at its peak, as amounts of each kind of thing held."""

from __future__ import annotations

from whybox.domain.costs.explanation_costs import SAMPLED_EVALUATIONS, SMALLEST_SAMPLE, Way, choose_way
from whybox.domain.costs.fit_costs import FAMILY_OF, Work
from whybox.domain.costs.job_sizes import JobSize, shape_trees

BATCH_CELLS = 4_000_000
"""Cells of a batch of hybrid or shuffled rows; a test holds it equal to the engine's."""


def count_memory(job: JobSize) -> Work:
    """Return what is held at the peak: libraries, table, model, batches and values."""
    family, way = FAMILY_OF[job.model], choose_way(job)
    n, n_rows = float(job.n_train), float(job.n_rows)
    held = {
        f"libraries.{family if family in ('xgboost', 'lightgbm') else 'sklearn'}": 1.0,
        "table": (n + n_rows) * job.n_features,
        f"fit.{family}": n * job.n_features,
        f"way.{way}": 1.0,
        "answers": n_rows * job.n_outputs,
    }
    if way not in ("none", "permutation"):
        held["values"] = n_rows * job.n_columns * job.n_outputs
    if family in ("process", "laplace", "vectors"):
        held[f"pairs.{family}"] = n * n
    n_batched = _count_batched(job, way)
    if n_batched:
        held["batch"] = n_batched * job.n_columns
        held[f"batch.{family}"] = n_batched * (n if family in ("process", "laplace") else job.n_outputs)
    trees = shape_trees(job)
    if trees is not None:
        held["nodes"] = trees.n_trees * trees.n_leaves * (5.0 + job.n_outputs)
        if n_batched:
            held[f"batch.{family}.trees"] = n_batched * trees.n_trees
    return held


def _count_batched(job: JobSize, way: Way) -> float:
    """Return the rows the model is asked for at once."""
    if not job.n_rows or way not in ("permutation", "asked", "hidden_trees"):
        return 0.0
    asked = float(job.n_rows * job.n_columns)
    asked *= job.n_repeats if way == "permutation" else 2.0 * SMALLEST_SAMPLE
    if way == "asked":
        asked = max(asked, float(SAMPLED_EVALUATIONS))
    return min(asked, BATCH_CELLS / max(1, job.n_columns))
