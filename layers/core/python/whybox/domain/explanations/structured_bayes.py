"""Naive Bayes: the log density of a class is a sum over columns, the posterior a softmax of these sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from whybox.domain.explanations.additive_stages import AdditiveStage, link_head, product_stage
from whybox.domain.explanations.links import Floats, Unit
from whybox.domain.explanations.tree_layouts import Ints


def read_bayes(model: Any, unit: Unit) -> AdditiveStage | None:
    """Return a naive Bayes classifier as a stage of width n_classes, None for any other model or unit."""
    name = type(model).__name__
    if unit != "probability":
        return None
    if name == "GaussianNB":
        return _gaussian(model)
    return _bernoulli(model) if name == "BernoulliNB" and model.binarize is not None else None


def _gaussian(model: Any) -> AdditiveStage:
    """Term of a column: ``-(z - mean)^2 / (2 variance)``; the constants stand in the offset."""
    means, variances = np.asarray(model.theta_), np.asarray(model.var_)
    offset = np.log(model.class_prior_) - 0.5 * np.log(2.0 * np.pi * variances).sum(axis=1)

    def terms(Z: Floats, columns: Ints) -> Floats:
        return np.asarray(-0.5 * (Z - means[:, None, columns]) ** 2 / variances[:, None, columns])

    return AdditiveStage(
        width=len(means),
        offset=offset,
        terms=terms,
        totals=lambda Z, columns: terms(Z.T, columns).sum(axis=2),
        head=link_head("softmax"),
        link="softmax",
    )


def _bernoulli(model: Any) -> AdditiveStage:
    """Term of a column: ``[z > threshold] (log p - log (1 - p))``; the absent ones stand in the offset."""
    log_p = np.asarray(model.feature_log_prob_).T
    log_absent = np.log1p(-np.exp(log_p))
    offset = np.asarray(model.class_log_prior_) + log_absent.sum(axis=0)
    plain = product_stage(log_p - log_absent, offset, link_head("softmax"))
    threshold = float(model.binarize)

    def is_present(Z: Floats) -> Floats:
        return (threshold < Z).astype(np.float64)

    return AdditiveStage(
        width=plain.width,
        offset=offset,
        terms=lambda Z, columns: plain.terms(is_present(Z), columns),
        totals=lambda Z, columns: plain.totals(is_present(Z), columns),
        head=plain.head,
        link="softmax",
    )
