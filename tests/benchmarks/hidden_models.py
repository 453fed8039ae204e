"""Jobs: estimators behind random hidden features, against KernelExplainer as the recorded service used it."""

from __future__ import annotations

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
    promise = f"RandomForest + hidden features, {layers}: ≥ 20x KernelExplainer at ≤ half its error"
    bar = Bar(promise, OURS, DEFAULT, ratio=20, error_share=HALF)
    return _against_kernel_explainer(case, reference, bar, n_peer=effort.choose(24, 2))


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
    bar = Bar(promise, OURS, DEFAULT, ratio=300, error_share=1.0)
    return _against_kernel_explainer(case, reference, bar, n_peer=effort.choose(len(case.rows), 8))


def _case(title: str, model: FittedModel, split: Split, unit: Unit) -> _Case:
    def predict(rows: Floats) -> Floats:
        answers = model.predict_units(rows, unit)
        return answers[:, 0] if answers.shape[1] == 1 else answers

    return _Case(title, model, predict, split.X_test, shap.kmeans(split.X_train, N_CENTRES))


def _against_kernel_explainer(case: _Case, reference: Reference, bar: Bar, *, n_peer: int) -> Job:
    """Set whybox, unasked and at the errors of the peers, beside KernelExplainer's default and l1_reg=0."""
    ask = partial(whybox_rows, case.model, case.rows, case.centres.data, weights=case.centres.weights)
    default = kernel_explainer(DEFAULT, case.predict, case.rows, case.centres, n_rows=n_peer)
    honest = kernel_explainer(HONEST, case.predict, case.rows, case.centres, n_rows=n_peer, l1_reg=0)
    ours = [ask(name=OURS)]
    half = "half the" if bar.error_share == HALF else "the"
    for peer, share, what in ((default, bar.error_share or 1.0, half), (honest, 1.0, "the")):
        error = share * compare(peer.run().values, reference.values)[0]
        ours.append(whybox_as_precise(f"whybox, {what} error of {peer.name}", error, reference, ask))
    return Job(
        title=case.title,
        contestants=[*ours, default, honest],
        reference=reference,
        bars=[replace(bar, ours=ours[1].name)],
        note=NOTE,
    )
