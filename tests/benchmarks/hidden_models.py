"""Jobs: estimators behind random hidden features, against KernelExplainer as the recorded service used it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import shap
from tests.benchmarks.datasets import Split, breast_cancer, friedman
from tests.benchmarks.measure import Bar, Effort, Floats, Job, Reference, compare
from tests.benchmarks.ours import fit, whybox_as_precise, whybox_rows
from tests.benchmarks.peers import Predict, kernel_explainer
from tests.benchmarks.references import enumerate_coalitions, sample_permutations

from whybox.domain.models.fitted_models import FittedModel
from whybox.domain.models.specs import Unit

OURS, DEFAULT, HONEST = "whybox", "shap KernelExplainer", "shap KernelExplainer, l1_reg=0"
NOTE = """\
Background for all: shap.kmeans(X_train, 10) with its weights, as the recorded service had it. "whybox"
is what it does unasked; "whybox, ... error of ..." has the smallest budget that reaches that error."""
N_CENTRES = 10
HALF = 0.5


@dataclass(frozen=True)
class _Case:
    """A fitted pipeline, its predict as the peers get it, the rows and the weighted background."""

    title: str
    model: FittedModel
    predict: Predict
    rows: Floats
    centres: Any


def hidden_forest(effort: Effort, *, n_layers: int = 1) -> Job:
    """RandomForestClassifier behind 5 hidden features per layer, in probability units."""
    split = breast_cancer()
    model = fit(
        split,
        "classification",
        family="sklearn",
        name="RandomForestClassifier",
        n_hidden_features=5,
        n_layers=n_layers,
    )
    layers = "one layer" if n_layers == 1 else f"{n_layers} layers"
    title = f"RandomForest behind 5 hidden features, {layers}, 171 rows x 30 columns, probabilities"
    case = _case(title, model, split, "probability")
    reference = sample_permutations(
        case.predict,
        case.rows[: effort.choose(12, 2)],
        case.centres.data,
        case.centres.weights,
        n_passes=effort.choose(300, 20),
    )
    least, least_honest = (150, 50) if n_layers == 1 else (75, 15)
    name = f"RandomForest + hidden features, {layers}"
    bars = (
        Bar(f"{name}: ≥ {least}x {DEFAULT} at ≤ half its error", OURS, DEFAULT, least, error_share=HALF),
        Bar(f"{name}: ≥ {least_honest}x {HONEST} at its error", OURS, HONEST, least_honest, error_share=1.0),
    )
    return _against_kernel_explainer(case, reference, bars, n_peer=effort.choose(24, 2))


def hidden_forest_three_layers(effort: Effort) -> Job:
    """Return the same forest behind the three layers of the recorded service."""
    return hidden_forest(effort, n_layers=3)


def hidden_ridge(effort: Effort) -> Job:
    """RidgeCV behind 5 hidden features."""
    split = friedman()
    model = fit(split, "regression", family="sklearn", name="RidgeCV", n_hidden_features=5)
    case = _case("RidgeCV behind 5 hidden features, one layer, 152 rows x 13 columns", model, split, "target")
    judged = case.rows[: effort.choose(24, 4)]
    reference = enumerate_coalitions(case.predict, judged, case.centres.data, case.centres.weights)
    promise = "RidgeCV + hidden features: ≥ 300x KernelExplainer at lower error"
    bars = (Bar(promise, OURS, DEFAULT, ratio=300, error_share=1.0),)
    return _against_kernel_explainer(case, reference, bars, n_peer=effort.choose(len(case.rows), 8))


def _case(title: str, model: FittedModel, split: Split, unit: Unit) -> _Case:
    def predict(rows: Floats) -> Floats:
        answers = model.predict_units(rows, unit)
        return answers[:, 0] if answers.shape[1] == 1 else answers

    return _Case(title, model, predict, split.X_test, shap.kmeans(split.X_train, N_CENTRES))


def _against_kernel_explainer(case: _Case, reference: Reference, bars: Sequence[Bar], *, n_peer: int) -> Job:
    """Set whybox, unasked and at the errors of the peers, beside KernelExplainer's default and l1_reg=0."""
    ask = partial(whybox_rows, case.model, case.rows, case.centres.data, weights=case.centres.weights)
    peers = {
        DEFAULT: kernel_explainer(DEFAULT, case.predict, case.rows, case.centres, n_rows=n_peer),
        HONEST: kernel_explainer(HONEST, case.predict, case.rows, case.centres, n_rows=n_peer, l1_reg=0),
    }
    shares = {DEFAULT: bars[0].error_share or 1.0, HONEST: 1.0}
    ours = {}
    for name, peer in peers.items():
        error = shares[name] * compare(peer.run().values, reference.values)[0]
        what = "half the" if shares[name] == HALF else "the"
        ours[name] = whybox_as_precise(f"whybox, {what} error of {name}", error, reference, ask)
    return Job(
        title=case.title,
        contestants=[ask(name=OURS), *ours.values(), *peers.values()],
        reference=reference,
        bars=[replace(bar, ours=ours[bar.against].name) for bar in bars],
        note=NOTE,
    )
