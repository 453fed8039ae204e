"""Explanation costs: the elementary work of explaining rows, by the way the engine takes.

patterns       trees that add up in the unit     leaf patterns of rows and background
paths          "path_dependent"                  leaf patterns of rows
closed         linear models in their own unit   one product
linked_all     trees behind a link, few columns  all coalitions, on leaf patterns
linked         trees behind a link               sampled, on leaf patterns
hidden_trees   trees on hidden columns           leaf patterns, and rounds on trees that test hidden columns
hidden_linear  linear models on hidden columns   rounds on the hidden layers' sums
additive       additive first stage              sampled, on sums
asked          anything else                     sampled, by asking the model
"""

from __future__ import annotations

from math import ceil
from typing import Literal

from whybox.domain.costs.fit_costs import CALIBRATED, FAMILY_OF, MLP_UNITS, Work, count_answer_work
from whybox.domain.costs.job_sizes import BOOSTED, FORESTS, JobSize, TreeShape, shape_trees

Way = Literal[
    "none",
    "permutation",
    "patterns",
    "paths",
    "closed",
    "linked_all",
    "linked",
    "hidden_trees",
    "hidden_linear",
    "additive",
    "asked",
]

# The engine's own figures. They are copied because estimating must not load the numeric stack that explaining
# needs; a test holds them equal to the engine's.
SAMPLED_EVALUATIONS = 400_000
SMALLEST_SAMPLE = 4
LARGEST_EXACT = 14
MAX_TABLE_CONDITIONS = 16
COST_PER_ANSWER, COST_PER_SUM = 0.02, 0.004
MICROSECONDS_PER_COALITION, MICROSECONDS_PER_TERM, WORTH_OF_EXACT = 0.04, 0.006, 4
MICROSECONDS_PER_RANK, MICROSECONDS_PER_SQUARE, LONE_PAIR = 0.009, 0.00012, 2
USUAL_ROUNDS = 10
SMALLEST_LINKED_SAMPLE, SMALLEST_LINKED_POOL, LINKED_GROUP_ROWS = 6, 64, 16
SHARE_OF_PLAN = 0.15
PAIRS_PER_VISIT = 1.6
"""Trees behind a link: pairs that meet a background row, two where it is far and one where it is near."""
PAIRS_PER_ROUND = {"hidden_trees": 16, "hidden_linear": 32}
COST_PER_HIDDEN_STEP = 0.05

VECTOR_SHARE = 0.5
"""Share of the training rows that are support vectors: a fifth to nearly all, by how noisy the table is."""

_LINEAR = ("closed", "iterated", "path")
_ADDITIVE = (*_LINEAR, "bayes", "vectors", "process", "network")


def choose_way(job: JobSize) -> Way:
    """Return the way the engine takes, as listed above; "none" and "permutation" are what they say."""
    if job.explain in ("none", "permutation"):
        return "none" if job.explain == "none" else "permutation"
    adds_up = job.n_classes == 0 or job.unit == "margin"
    if job.model in (*FORESTS, *BOOSTED, "AdaBoostClassifier"):
        return _choose_tree_way(job, adds_up=adds_up or job.model in FORESTS)
    family = FAMILY_OF[job.model]
    if family in _LINEAR and adds_up:
        if job.n_hidden_features:
            return "hidden_linear"
        if job.explain == "exact":
            return "closed"
    # Several calibrated scores are normalised one against the rest: no sum.
    has_several_scores = job.model in CALIBRATED and job.n_classes > 2
    return "additive" if family in _ADDITIVE and not has_several_scores else "asked"


def _choose_tree_way(job: JobSize, *, adds_up: bool) -> Way:
    """Return the way for trees; ``adds_up``: whether their leaves do in the unit."""
    if job.explain == "path_dependent":
        return "paths"
    if job.n_hidden_features:
        return "hidden_trees" if adds_up else "asked"
    if job.explain == "sampled":
        return "asked"
    if adds_up:
        return "patterns"
    trees = shape_trees(job)
    if trees is None or _cost_all_linked(job, trees) > WORTH_OF_EXACT * SAMPLED_EVALUATIONS:
        return "linked"
    return "linked_all"


def count_explain_work(job: JobSize) -> Work:
    """Return the work of the explanation."""
    way = choose_way(job)
    if way == "none" or job.n_rows == 0:
        return {}
    trees = shape_trees(job)
    if way == "permutation":
        n_asked = job.n_rows * job.n_columns * job.n_repeats
        own: Work = {"permutation": 1.0, "permutation.rows": n_asked}
        if FAMILY_OF[job.model] in _LINEAR and job.model not in CALIBRATED:
            return own | {"permutation.sums": n_asked * (job.n_margins + _count_hidden_sums(job))}
        return own | _times(n_asked, _asking(job))
    if trees is not None and way != "asked":
        return _count_trees(job, way, trees)
    if way == "closed":
        n_cells = float(job.n_rows + job.n_background) * job.n_columns
        return {"closed": 1.0, "closed.cells": n_cells * job.n_margins}
    if way == "hidden_linear":
        cost = COST_PER_ANSWER + COST_PER_SUM * _count_hidden_sums(job)
        one_round = cost * _count_round(job, way)
        most = max(one_round, SHARE_OF_PLAN * SAMPLED_EVALUATIONS)
        return {way: 1.0, f"{way}.round": one_round, f"{way}.most": most}
    if way == "additive":
        nominal = _count_nominal(job, COST_PER_ANSWER + COST_PER_SUM * _additive_width(job))
        return {way: 1.0, f"{way}.{FAMILY_OF[job.model]}": nominal}
    asking = _asking(job)
    if trees is not None and not job.n_hidden_features:
        # A structure answers by its own sum of leaves, not by its library.
        asking = {"hybrid.cells": float(job.n_columns), "trees.walk": trees.n_trees * (1.0 + trees.depth)}
    return {way: 1.0} | _times(_count_nominal(job, 1.0), asking)


def _count_trees(job: JobSize, way: Way, trees: TreeShape) -> Work:
    """Return the work of the ways that use leaf patterns."""
    n, m = float(job.n_rows), 0.0 if way == "paths" else float(job.n_background)
    leaves, k = trees.n_trees * trees.n_leaves, trees.n_conditions
    if way == "hidden_trees":
        # Leaves below a test of a hidden column have no patterns.
        leaves *= (job.n_columns / job.n_features) ** trees.depth
    margins = job.n_outputs if job.model in FORESTS else 1
    table = min(trees.n_patterns, 2.0**MAX_TABLE_CONDITIONS)
    work = {
        way: 1.0,
        "trees.read": leaves,
        "trees.walk": (n + m) * trees.n_trees * (1.0 + trees.depth),
        "patterns.tests": (n + m) * leaves * k,
        "patterns.added": n * leaves * k * (1.0 + margins),
    }
    if way == "paths":
        work["paths.integrals"] = leaves * min(n, table) * k * ceil(k / 2)
        return work
    work["patterns.pairs"] = leaves * min(k * (k + 1.0) * table, n * min(m, table) * k)
    if way == "linked_all":
        n_pairs = n * m
        work["linked_all.coalitions"] = n_pairs * job.n_margins * 2.0 ** min(job.n_columns, 100)
        work["linked_all.terms"] = n_pairs * leaves * 1.5**k
    elif way == "linked":
        work["linked.tests"] = work["patterns.tests"]
        work["linked.walked"] = _cost_linked_walk(job, leaves, k)
    elif way == "hidden_trees":
        one_round = _count_round(job, way)
        most = max(one_round, SAMPLED_EVALUATIONS / COST_PER_HIDDEN_STEP)
        per_row = {"cells": job.n_features, "steps": trees.n_trees * trees.depth, "trees": trees.n_trees}
        for name, amount in per_row.items():
            work[f"hidden_trees.{name}"] = one_round * amount
            work[f"hidden_trees.{name}.most"] = most * amount
    return work


def _asking(job: JobSize) -> Work:
    """Return the work of building one hybrid row and asking the model for it."""
    return {"hybrid.cells": float(job.n_columns)} | count_answer_work(job)


def _cost_all_linked(job: JobSize, trees: TreeShape) -> float:
    """Return the engine's figure for all coalitions of trees behind a link, in microseconds."""
    coalitions = MICROSECONDS_PER_COALITION * job.n_margins * 2.0 ** min(job.n_columns, 100)
    terms = MICROSECONDS_PER_TERM * trees.n_trees * trees.n_leaves * 1.5**trees.n_conditions
    return float(job.n_rows * job.n_background * (coalitions + terms))


def _cost_linked_walk(job: JobSize, n_leaves: float, k: float) -> float:
    """Return the engine's figure for trees behind a link, in microseconds.

    Every background row is visited, or as many as the plan allows.
    """
    cost = MICROSECONDS_PER_RANK * job.n_columns * job.n_margins + MICROSECONDS_PER_SQUARE * n_leaves * k**2
    budget = SAMPLED_EVALUATIONS / (cost * job.n_rows)
    n_groups = -(-job.n_rows // LINKED_GROUP_ROWS)
    smallest = max(SMALLEST_LINKED_SAMPLE, -(-SMALLEST_LINKED_POOL // n_groups))
    visits, most = PAIRS_PER_VISIT * job.n_background, USUAL_ROUNDS * budget
    if visits <= most or job.n_background <= 2 * smallest:
        return cost * job.n_rows * visits
    return cost * job.n_rows * LONE_PAIR * max(smallest, min(most / LONE_PAIR, job.n_background // 2))


def _count_hidden_sums(job: JobSize) -> float:
    """Return the sums that hidden layers are functions of."""
    return float(job.n_layers * (1 + job.n_hidden_features)) if job.n_hidden_features else 0.0


def _additive_width(job: JobSize) -> float:
    """Return the sums that an additive first stage holds."""
    family = FAMILY_OF[job.model]
    widths = {"vectors": VECTOR_SHARE * job.n_train, "process": job.n_train, "network": MLP_UNITS}
    return widths.get(family, job.n_outputs) + _count_hidden_sums(job)


def _count_walked(job: JobSize, n_pairs: int) -> float:
    """Return the answers along so many pairs of permutations for every row."""
    return 2.0 * n_pairs * max(1, job.n_columns - 1) * job.n_rows


def _count_round(job: JobSize, way: str) -> float:
    return _count_walked(job, PAIRS_PER_ROUND[way])


def _count_nominal(job: JobSize, nominal_cost: float) -> float:
    """Return the sampling plan's work in answers of a middling model; the smallest sample may need more.

    Few columns of few rows need less: all their coalitions.
    """
    n_all = job.n_rows * job.n_background * 2.0 ** min(job.n_columns, 60)
    if job.n_columns <= LARGEST_EXACT and n_all * nominal_cost <= SAMPLED_EVALUATIONS:
        return n_all * nominal_cost
    return max(float(SAMPLED_EVALUATIONS), _count_walked(job, SMALLEST_SAMPLE) * nominal_cost)


def _times(n: float, work: Work) -> Work:
    """Return the work done n times."""
    return {name: n * amount for name, amount in work.items()}
